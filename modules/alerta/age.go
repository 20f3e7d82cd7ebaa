// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

var agePattern = pattern.New(`^(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?$`)

// longestAge is far beyond what any alert is kept for, and what the server's arithmetic takes.
const longestAge = 3650 * 24 * time.Hour

// readAge reads an age such as 7d, 2h, 30m or 1d12h, which must not be nothing. Its errors name the option.
func readAge(option, text string) (time.Duration, error) {
	right := "value of " + option + " must be days, hours, minutes and seconds such as 7d, 2h, 30m or 1d12h"
	text = strings.TrimSpace(text)
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("%s, got a number without a unit: %s", right, text)
	}
	parts := agePattern.FindStringSubmatch(text)
	if parts == nil || text == "" {
		return 0, fmt.Errorf("%s, got: %s", right, text)
	}
	var age time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(parts[i+1]) // digits, or nothing
		age += time.Duration(n) * unit
	}
	if age <= 0 || age > longestAge {
		return 0, fmt.Errorf("%s, and more than nothing and at most 3650d, got: %s", right, text)
	}
	return age, nil
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
