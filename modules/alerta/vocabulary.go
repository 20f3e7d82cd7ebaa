// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// vocabulary holds the words that the server's settings allow in a selection, read at the first use. An unknown word
// selects nothing, which would look like success.
type vocabulary struct {
	config *wireConfig
}

func (v *vocabulary) read(ctx context.Context, c *client) (wireConfig, error) {
	if v.config == nil {
		config, err := c.getConfig(ctx)
		if err != nil {
			return wireConfig{}, err
		}
		v.config = &config
	}
	return *v.config, nil
}

// checkWords returns one error that names each status and severity that the server's model does not have.
func (v *vocabulary) checkWords(ctx context.Context, c *client, s selection) error {
	config, err := v.read(ctx, c)
	if err != nil {
		return err
	}
	var problems []string
	for _, part := range []struct {
		option string
		values []string
		words  map[string]any
	}{
		{"status", s.status, config.Model.Statuses},
		{"severity", s.severity, config.Model.Severities},
	} {
		unknown := slices.DeleteFunc(slices.Clone(part.values), func(value string) bool {
			_, known := part.words[value]
			return known || len(part.words) == 0
		})
		if len(unknown) > 0 {
			problems = append(problems, fmt.Sprintf("value of %s must be one of: %s, got: %s",
				part.option, strings.Join(slices.Sorted(maps.Keys(part.words)), ", "), strings.Join(unknown, ", ")))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}

// warnOfEnvironments warns of each selected environment that no alert has and the server does not name. It is no error,
// because the environment may appear later.
func (v *vocabulary) warnOfEnvironments(ctx context.Context, r *run, c *client) error {
	for _, environment := range r.environment {
		if r.environments[environment] {
			continue
		}
		config, err := v.read(ctx, c)
		if err != nil {
			return err
		}
		if slices.Contains(config.Environments, environment) {
			continue
		}
		// An exact count, because the list may have been narrowed by other options.
		n, err := c.countAlerts(ctx, url.Values{"environment": {environment}})
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		known := ""
		if len(config.Environments) > 0 {
			known = "; the server allows: " + strings.Join(config.Environments, ", ")
		}
		r.call.Warn("no alert has the environment %s%s", environment, known)
	}
	return nil
}
