// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

// longestName is how long a full name may be in bytes, as the file is named that the server keeps the object in.
const longestName = 250

// listed is what becomes of a list or dictionary where a text is wanted.
var listed = pattern.New(`^(?:\[(?:['"{\[].*)?\]|\{(?:['"].*)?\})$`)

// checkProse refuses what a template makes of an undefined value. Braces stay: notes and URLs may hold templates of other systems.
func checkProse(option string, text *string) error {
	if t := strings.TrimSpace(value(text)); t == "None" || t == "null" || t == "undefined" {
		return fmt.Errorf("value of %s must be a text or left out, got: %s, which is what a template makes of nothing", option, t)
	}
	return nil
}

// checkRendered is checkProse and refuses a template that was not rendered. A lone }} is valid.
func checkRendered(option string, text *string) error {
	if strings.Contains(value(text), "{{") {
		return resource.Rendered(option, text)
	}
	return checkProse(option, text)
}

// checkText is checkRendered and refuses a list or dictionary.
func checkText(option string, text *string) error {
	if t := strings.TrimSpace(value(text)); listed.MatchString(t) {
		return fmt.Errorf("value of %s must be one text, got a list or dictionary: %s", option, t)
	}
	return checkRendered(option, text)
}

// checkTexts checks the elements of a list, and refuses one that came as a text: Ansible splits that at its commas, brackets and all.
func checkTexts(option string, list []string) error { return checkList(option, list, checkText) }

// checkList checks the elements of a list as checkTexts does, each by check.
func checkList(option string, list []string, check func(option string, element *string) error) error {
	opens := func(text string) bool { return strings.HasPrefix(text, "[") && !strings.Contains(text, "]") }
	closes := func(text string) bool { return strings.HasSuffix(text, "]") && !strings.Contains(text, "[") }
	if n := len(list); n == 1 && list[0] == "[]" || n > 1 && opens(list[0]) && closes(list[n-1]) {
		return fmt.Errorf("value of %s must be a list, got a text that looks like one: %s", option, strings.Join(list, ","))
	}
	errs := make([]error, len(list))
	for i, element := range list {
		errs[i] = check(option, &element)
	}
	return errors.Join(errs...)
}

// checkName refuses what cannot be a part of a full name, or came out of a template half rendered.
func checkName(option string, name *string) error {
	if err := checkText(option, name); err != nil {
		return err
	}
	if err := resource.Rendered(option, name); err != nil {
		return err
	}
	text := value(name)
	switch {
	case text == "" || strings.TrimSpace(text) != text:
		return fmt.Errorf("value of %s must be a name without spaces around it, got: %q", option, text)
	case strings.Contains(text, "!"):
		return fmt.Errorf("value of %s must be a name without an exclamation mark, which stands between host and service, got: %s", option, text)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("value of %s must be a name without line breaks and control characters, got: %q", option, text)
	}
	return nil
}

// checkNames checks names of objects in a list.
func checkNames(option string, names []string) error { return checkList(option, names, checkName) }

// checkFull refuses full names that are too long for the server.
func checkFull(o Object) error {
	if n := len(fileName(o.full())); n > longestName {
		return fmt.Errorf("value of name must be so short that the full name has at most %d bytes, got %d: %s", longestName, n, o.full())
	}
	if name := o.full(); name == "." || name == ".." {
		return fmt.Errorf("value of name must be a name that can stand in a URL, got: %s", name)
	}
	return nil
}

// fileName is the name of the file in which the server keeps an object, without its extension.
func fileName(full string) string {
	var b strings.Builder
	for i := range len(full) {
		if c := full[i]; strings.IndexByte(`<>:"/\|?*%`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// fill brings the declared attributes into the server's form. It returns an error for each option that is wrong.
func (a *Attributes) fill() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, d := range []struct {
		option string
		value  **seconds
		orNone bool
	}{{"check_timeout", &a.CheckTimeout, true}, {"check_interval", &a.CheckInterval, false}, {"retry_interval", &a.RetryInterval, false}} {
		if *d.value == nil {
			continue
		}
		read, err := (*d.value).read(d.option, d.orNone)
		*d.value, errs = read, append(errs, err)
	}
	if n := a.MaxCheckAttempts; n != nil && (*n < 1 || *n > math.MaxInt32) {
		refuse("value of max_check_attempts must be at least 1 and at most %d, got: %d", math.MaxInt32, *n)
	}
	for _, share := range []struct {
		option string
		value  *float64
	}{{"flapping_threshold_low", a.FlappingThresholdLow}, {"flapping_threshold_high", a.FlappingThresholdHigh}} {
		if v := share.value; v != nil && (math.IsNaN(*v) || *v < 0 || *v > 100) {
			refuse("value of %s must be a share from 0 to 100 percent, got: %g", share.option, *v)
		}
	}
	if low, high := a.FlappingThresholdLow, a.FlappingThresholdHigh; low != nil && high != nil && *low > *high {
		refuse("value of flapping_threshold_low must not be more than flapping_threshold_high, got: %g and %g", *low, *high)
	}
	return errors.Join(append(errs, a.checkTexts(), a.fillVars())...)
}

func (a *Attributes) checkTexts() error {
	a.Templates, a.Groups = resource.Tidy(a.Templates), resource.Tidy(a.Groups)
	var errs []error
	for _, text := range []struct {
		option string
		value  *string
		needed bool
	}{
		{"check_command", a.CheckCommand, true}, {"zone", a.Zone, true}, {"check_period", a.CheckPeriod, false},
		{"event_command", a.EventCommand, false}, {"command_endpoint", a.CommandEndpoint, false}, {"display_name", a.DisplayName, false},
	} {
		errs = append(errs, checkText(text.option, text.value))
		if text.needed && text.value != nil && strings.TrimSpace(*text.value) == "" {
			errs = append(errs, fmt.Errorf("value of %s must not be empty; leave it out where a template or the server decides", text.option))
		}
	}
	for _, prose := range []struct {
		option string
		value  *string
	}{
		{"notes", a.Notes}, {"notes_url", a.NotesURL}, {"action_url", a.ActionURL}, {"icon_image", a.IconImage}, {"icon_image_alt", a.IconImageAlt},
	} {
		errs = append(errs, checkProse(prose.option, prose.value))
	}
	return errors.Join(append(errs, checkTexts("templates", a.Templates), checkTexts("groups", a.Groups))...)
}

// fillVars validates the variables and converts them to the server's form.
func (a *Attributes) fillVars() error {
	var errs []error
	for _, mark := range []string{managedBy, stackVar} {
		if _, marked := a.Vars[mark]; marked {
			errs = append(errs, fmt.Errorf("value of vars must not hold the suite's own marks, got: %s; write the option stack instead", mark))
		}
	}
	if _, empty := a.Vars[""]; empty {
		errs = append(errs, errors.New("value of vars must have a name for each variable, got an empty one"))
	}
	errs = append(errs, inexact("vars", map[string]any(a.Vars))...)
	vars, err := a.Vars.normal()
	if errs = append(errs, err); errors.Join(errs...) == nil {
		a.Vars = vars
	}
	return errors.Join(errs...)
}

// checkStates wants in flapping_ignore_states what the kind of object has.
func (o Object) checkStates() error {
	states := []string{"OK", "Warning", "Critical", "Unknown"}
	if o.kind == hostKind {
		states = []string{"Up", "Down"}
	}
	var wrong []string
	for _, state := range o.FlappingIgnoreStates {
		if !slices.Contains(states, state) {
			wrong = append(wrong, state)
		}
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("value of flapping_ignore_states must be of %s, got: %s", strings.Join(states, ", "), strings.Join(wrong, ", "))
}

// checked returns a declared object in the server's form, and an error for each option that is wrong.
func (o Object) checked() (Object, error) {
	err := errors.Join(o.fill(), o.checkStates(), checkText("address", o.Address), checkText("address6", o.Address6), checkFull(o))
	if value(o.DisplayName) == "" && o.DisplayName != nil {
		name := o.short()
		o.DisplayName = &name
	}
	return o, err
}
