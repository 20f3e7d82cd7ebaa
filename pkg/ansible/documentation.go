// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// documentedOptions gives the options of a module's documentation file, in their order.
func documentedOptions(documentation []byte) (*dict, error) {
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
	return options, nil
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

// Shorten gives a documentation file with nothing in it but the argument spec, as JSON. ParseSpec makes the same of both, and of the short
// one in a tenth of the time, which is more than all else that a module does before its first call.
func Shorten(documentation []byte) ([]byte, error) {
	options, err := documentedOptions(documentation)
	if err != nil {
		return nil, err
	}
	shortenOptions(options)
	section, file := newDict(), newDict()
	section.set("options", options)
	file.set("DOCUMENTATION", section)
	var b strings.Builder
	writeJSON(&b, file, answerJSON)
	return []byte(b.String()), nil
}

func shortenOptions(options *dict) {
	needed := []string{"type", "elements", "required", "default", "choices", "aliases", "options", "suboptions"} // see buildOption
	for _, described := range options.values {
		option, ok := described.(*dict)
		if !ok {
			continue
		}
		for _, key := range slices.Clone(option.keys) {
			if !slices.Contains(needed, key) {
				option.remove(key)
			}
		}
		for _, key := range []string{"options", "suboptions"} {
			if sub, ok := option.values[key].(*dict); ok {
				shortenOptions(sub)
			}
		}
	}
}

// decodeYAML reads JSON, which is YAML too, by itself, because that is faster.
func decodeYAML(text []byte) (*dict, error) {
	if bytes.HasPrefix(text, []byte("{")) {
		if value, err := decodeJSON(string(text)); err == nil {
			return value.(*dict), nil
		}
	}
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
