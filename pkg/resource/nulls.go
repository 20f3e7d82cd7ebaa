// SPDX-License-Identifier: GPL-3.0-or-later

package resource

import (
	"errors"
	"fmt"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// RefuseNulls refuses options that were given as null, the module's own and those of the elements of a list, where taking them for left
// out would widen what the task is about.
func RefuseNulls(call *ansible.Call, list string, elements int, options ...string) error {
	positions := []string{""}
	for i := range elements {
		positions = append(positions, fmt.Sprintf("%s[%d].", list, i))
	}
	var errs []error
	for _, position := range positions {
		for _, option := range options {
			if call.Null(position + option) {
				errs = append(errs, fmt.Errorf("value of %s%s must not be null; leave the option out, as default(omit) does", position, option))
			}
		}
	}
	return errors.Join(errs...)
}
