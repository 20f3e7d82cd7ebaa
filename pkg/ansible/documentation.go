// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// OptionDoc is what a module's documentation says of one option, its texts aside.
type OptionDoc struct {
	Name     string
	Type     string // "" is str
	Elements string
	Required bool
	Default  any   // of the values that YAML has; whole numbers are int64
	Choices  []any // nil takes anything
	Aliases  []string
	Options  []OptionDoc // what a dictionary, or each one of a list, has; nil where that is not told
}

// DocumentedOptions gives the options of a module's documentation file, in their order.
func DocumentedOptions(documentation []byte) ([]OptionDoc, error) {
	described, err := documentationSection(documentation)
	if err != nil {
		return nil, err
	}
	value, _ := described.get("options")
	options, ok := value.(*dict)
	if !ok && value != nil {
		return nil, fmt.Errorf("options must be a mapping, not %s", typeName(value))
	}
	if options == nil {
		options = newDict()
	}
	return optionDocs(options, "")
}

func optionDocs(options *dict, path string) ([]OptionDoc, error) {
	docs := make([]OptionDoc, 0, len(options.keys))
	var errs []error
	for _, name := range options.keys {
		described, ok := options.values[name].(*dict)
		if !ok {
			errs = append(errs, fmt.Errorf("option %s%s: a mapping is wanted, not %s", path, name, typeName(options.values[name])))
			continue
		}
		doc, err := optionDoc(name, described, path)
		docs, errs = append(docs, doc), append(errs, err)
	}
	return docs, errors.Join(errs...)
}

func optionDoc(name string, described *dict, path string) (OptionDoc, error) {
	r := reader{of: described, path: path + name}
	doc := OptionDoc{
		Name: name, Type: r.text("type"), Elements: r.text("elements"), Required: r.flag("required"),
		Default: described.values["default"], Choices: r.choices(), Aliases: r.texts("aliases"),
	}
	sub, ok := described.get("suboptions") // documentation's word; an argument spec in Python says options
	if !ok {
		sub, ok = described.get("options")
	}
	if ok {
		options, ok := sub.(*dict)
		if !ok {
			r.fail("suboptions: a mapping is wanted, not %s", typeName(sub))
			options = newDict()
		}
		var err error
		doc.Options, err = optionDocs(options, path+name+".")
		r.errs = append(r.errs, err)
	}
	return doc, errors.Join(r.errs...)
}

// reader takes the properties of one option out of its description and collects what is wrong with them.
type reader struct {
	of   *dict
	path string
	errs []error
}

func (r *reader) fail(format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("option %s: %s", r.path, fmt.Sprintf(format, args...)))
}

func (r *reader) text(key string) string {
	value, _ := r.of.get(key)
	text, ok := value.(string)
	if !ok && value != nil {
		r.fail("%s must be a text, not %s", key, typeName(value))
	}
	return text
}

func (r *reader) flag(key string) bool {
	value, _ := r.of.get(key)
	flag, ok := value.(bool)
	if !ok && value != nil {
		r.fail("%s must be a boolean, not %s", key, typeName(value))
	}
	return flag
}

func (r *reader) texts(key string) []string {
	value, _ := r.of.get(key)
	list, ok := value.([]any)
	if !ok && value != nil {
		r.fail("%s must be a list, not %s", key, typeName(value))
	}
	var texts []string
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			r.fail("%s must hold texts, not %s (quote it)", key, typeName(item))
		}
		texts = append(texts, text)
	}
	return texts
}

// choices takes a list, or a mapping whose keys are the choices and whose values describe them.
func (r *reader) choices() []any {
	switch v := r.of.values["choices"].(type) {
	case nil:
		return nil
	case []any:
		return v
	case *dict:
		list := []any{}
		for _, key := range v.keys {
			list = append(list, key)
		}
		return list
	default:
		r.fail("choices must be a list or a mapping, not %s", typeName(v))
		return nil
	}
}

func documentationSection(documentation []byte) (*dict, error) {
	file, err := decodeYAML(documentation)
	if err != nil {
		return nil, err
	}
	section, ok := file.get("DOCUMENTATION")
	if !ok {
		return nil, errors.New("no DOCUMENTATION")
	}
	if text, isText := section.(string); isText {
		if section, err = decodeYAML([]byte(text)); err != nil {
			return nil, fmt.Errorf("DOCUMENTATION: %w", err)
		}
	}
	described, ok := section.(*dict)
	if !ok {
		return nil, fmt.Errorf("DOCUMENTATION must be a mapping, not %s", typeName(section))
	}
	return described, nil
}

func decodeYAML(text []byte) (*dict, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, errors.New("the file is empty")
	}
	value, err := fromNode(document.Content[0], 0)
	if err != nil {
		return nil, err
	}
	mapping, ok := value.(*dict)
	if !ok {
		return nil, fmt.Errorf("a mapping is wanted, not %s", typeName(value))
	}
	return mapping, nil
}

// fromNode reads a node as PyYAML would, because that is how Ansible reads the same file: plain yes, no, on and off are booleans.
func fromNode(node *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d: nested deeper than %d levels", node.Line, maxDepth)
	}
	switch node.Kind {
	case yaml.AliasNode:
		return fromNode(node.Alias, depth+1)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range node.Content {
			value, err := fromNode(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.MappingNode:
		return fromMapping(node, depth)
	default:
		return fromScalar(node)
	}
}

func fromMapping(node *yaml.Node, depth int) (any, error) {
	mapping := newDict()
	for i := 0; i+1 < len(node.Content); i += 2 {
		value, err := fromNode(node.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		key := node.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key must be a text", key.Line)
		}
		if key.Tag != "!!merge" {
			mapping.set(key.Value, value)
			continue
		}
		from, ok := value.(*dict)
		if !ok {
			return nil, fmt.Errorf("line %d: only a mapping can be merged", key.Line)
		}
		for _, k := range from.keys {
			if !mapping.has(k) {
				mapping.set(k, from.values[k])
			}
		}
	}
	return mapping, nil
}

var wholeYAML = pattern.New(`^[-+]?(?:0|[1-9][0-9]*)$`)

func fromScalar(node *yaml.Node) (any, error) {
	if node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return node.Value, nil
	}
	switch strings.ToLower(node.Value) {
	case "yes", "on":
		return true, nil
	case "no", "off":
		return false, nil
	}
	if wholeYAML.MatchString(node.Value) {
		return decodeNumber(strings.TrimPrefix(node.Value, "+")), nil // of any size, which the YAML library does not read
	}
	switch node.Tag {
	case "!!null":
		return nil, nil
	case "!!bool":
		return strings.EqualFold(node.Value, "true"), nil
	case "!!int":
		n, ok := new(big.Int).SetString(node.Value, 0)
		if !ok {
			return nil, fmt.Errorf("line %d: %q is no integer", node.Line, node.Value)
		}
		return integer(n), nil
	case "!!float":
		var f float64
		if err := node.Decode(&f); err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
		return f, nil
	default:
		return node.Value, nil
	}
}
