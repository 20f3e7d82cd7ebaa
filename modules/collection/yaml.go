// SPDX-License-Identifier: GPL-3.0-or-later

package collection

import (
	"iter"
	"strings"

	"go.yaml.in/yaml/v3"
)

// width is how long a line of a description may get: the judges of collections take 160.
const width = 130

// resolved copies a node with its aliases and merges in their places, because not every reader of documentation knows them.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return resolved(n.Alias)
	}
	c := *n
	c.Anchor, c.HeadComment, c.LineComment, c.FootComment, c.Content = "", "", "", "", nil
	if n.Kind != yaml.MappingNode {
		for _, item := range n.Content {
			c.Content = append(c.Content, resolved(item))
		}
		return &c
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolved(n.Content[i+1])
		if key.Tag != "!!merge" {
			c.Content = append(c.Content, resolved(key), value)
			continue
		}
		for k, v := range pairs(value) {
			if child(n, k.Value) == nil {
				c.Content = append(c.Content, k, v)
			}
		}
	}
	return &c
}

// pairs goes over the keys and values of a mapping; over nothing where it is none.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

func child(n *yaml.Node, name string) *yaml.Node {
	for key, value := range pairs(n) {
		if key.Value == name {
			return value
		}
	}
	return nil
}

// children are the items of a list.
func children(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

func remove(n *yaml.Node, name string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			return
		}
	}
}

func text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

func list(texts []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, t := range texts {
		n.Content = append(n.Content, text(t))
	}
	return n
}

// rendered is a node as text, to compare two.
func rendered(n *yaml.Node) string {
	var b strings.Builder
	write(&b, text("x"), n, 0)
	return b.String()
}

// write puts a key with its value at some depth. Long texts are folded, which YAML's own encoder does not do.
func write(b *strings.Builder, key, value *yaml.Node, indent int) {
	b.WriteString(strings.Repeat(" ", indent) + scalar(key) + ":")
	writeValue(b, value, indent)
}

func writeValue(b *strings.Builder, value *yaml.Node, indent int) {
	switch {
	case value.Kind == yaml.MappingNode && len(value.Content) > 0:
		b.WriteString("\n")
		for k, v := range pairs(value) {
			write(b, k, v, indent+2)
		}
	case value.Kind == yaml.SequenceNode && len(value.Content) > 0:
		b.WriteString("\n")
		for _, item := range value.Content {
			writeItem(b, item, indent+2)
		}
	case value.Kind == yaml.ScalarNode && value.Tag == "!!str" && strings.Contains(value.Value, "\n"):
		b.WriteString(" |\n")
		for line := range strings.Lines(value.Value) {
			b.WriteString(strings.Repeat(" ", indent+2) + strings.TrimRight(line, "\n") + "\n")
		}
	case value.Kind == yaml.ScalarNode && value.Tag == "!!str" && indent+len(value.Value) > width && !strings.Contains(value.Value, "  "):
		b.WriteString(" >-\n")
		for _, line := range wrapped(value.Value, width-indent-2) {
			b.WriteString(strings.Repeat(" ", indent+2) + line + "\n")
		}
	default:
		b.WriteString(" " + scalar(value) + "\n")
	}
}

func writeItem(b *strings.Builder, item *yaml.Node, indent int) {
	b.WriteString(strings.Repeat(" ", indent) + "-")
	if item.Kind != yaml.MappingNode || len(item.Content) == 0 {
		writeValue(b, item, indent)
		return
	}
	// The first key stands beside the dash.
	var inner strings.Builder
	for k, v := range pairs(item) {
		write(&inner, k, v, indent+2)
	}
	b.WriteString(inner.String()[indent+1:])
}

func wrapped(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		if n := len(lines) - 1; n >= 0 && len(lines[n])+1+len(word) <= width {
			lines[n] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// scalar is a value that fits on its line, quoted where it must be.
func scalar(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!str" {
		return n.Value
	}
	c := *n
	if n.Kind == yaml.ScalarNode {
		c.Style = 0 // the encoder quotes what needs it
	} else {
		c.Style = yaml.FlowStyle
	}
	encoded, err := yaml.Marshal(&c)
	if err != nil { // a node that was read can be written
		panic(err)
	}
	return strings.TrimRight(string(encoded), "\n")
}
