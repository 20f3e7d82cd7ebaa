// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"fmt"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/duration"
)

// longestAge is far beyond what any alert is kept for, and what the server's arithmetic takes.
const longestAge = 3650 * 24 * time.Hour

// readAge parses an age. A number below 60 without a unit is refused: its author may have meant days, and read as
// seconds it would delete almost everything.
func readAge(option, text string) (time.Duration, error) {
	age, err := duration.Parse(option, text, duration.Range{Max: longestAge})
	if err == nil && age < time.Minute && !duration.HasUnit(text) {
		return 0, fmt.Errorf("value of %s must be written with a unit where it is less than 60 seconds, got: %s; write %sd for days or %ss for seconds",
			option, text, strings.TrimSpace(text), strings.TrimSpace(text))
	}
	return age, err
}

// readHours reads an age that the server takes in whole hours.
func readHours(option, text string) (int, error) {
	age, err := readAge(option, text)
	if err != nil {
		return 0, err
	}
	if age%time.Hour != 0 {
		return 0, fmt.Errorf("value of %s must be whole hours, because the server takes nothing else, got: %s", option, text)
	}
	return int(age / time.Hour), nil
}
