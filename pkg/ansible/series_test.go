// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pieces notes how large the largest write is.
type pieces struct {
	bytes.Buffer
	largest int
}

func (p *pieces) Write(piece []byte) (int, error) {
	p.largest = max(p.largest, len(piece))
	return p.Buffer.Write(piece)
}

// TestAnswer_IsMadePieceByPiece: a tree of the whole answer of a task over 10,000 objects would take a hundred MiB and more.
func TestAnswer_IsMadePieceByPiece(t *testing.T) {
	const count = 5000
	arguments := make([]string, count)
	made, ahead := 0, 0
	out := &pieces{}
	objects := make([]map[string]any, count)
	for i := range count {
		arguments[i] = fmt.Sprintf(`{"name": "n%d", "password": "open sesame"}`, i)
		objects[i] = map[string]any{"id": "7", "action": "created", "changes": Lazy(func() any {
			made++
			ahead = max(ahead, made*50-out.Len()) // each element takes more than 50 bytes
			return map[string]any{"note": "open sesame"}
		})}
	}
	m := Module{
		Name: "probe", Plain: []string{"*.action", "*.id"},
		Documentation: []byte("DOCUMENTATION:\n  options: {items: {type: list, elements: dict, suboptions: " +
			"{name: {type: str}, password: {type: str}, size: {type: int}, color: {type: str}}}}"),
		Rules: Rules{Options: map[string]OptionRules{"items": {Rules: Rules{Options: map[string]OptionRules{"password": {Secret: true}}}}}},
		Run:   func(context.Context, *Call) (Result, error) { return Result{"things": objects}, nil },
	}
	code := Execute(t.Context(), m, Process{Stdin: strings.NewReader(`{"items": [` + strings.Join(arguments, ",") + `]}`), Stdout: out})
	assert.Equal(t, 0, code)
	assert.Less(t, out.largest, 2*spillSize)
	assert.Less(t, ahead, 2*spillSize, "what was made long before it was written")

	var answer struct {
		Things     []map[string]any `json:"things"`
		Invocation struct {
			Args struct {
				Items []map[string]any `json:"items"`
			} `json:"module_args"`
		} `json:"invocation"`
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &answer))
	require.Len(t, answer.Things, count)
	require.Len(t, answer.Invocation.Args.Items, count)
	assert.Equal(t, map[string]any{"id": "7", "action": "created", "changes": map[string]any{"note": wholeMask}}, answer.Things[count-1])
	assert.Equal(t, map[string]any{"name": "n4999", "password": wholeMask, "size": nil, "color": nil}, answer.Invocation.Args.Items[count-1])
}

// TestUnset_IsSharedAndKeepsOrder: what one dictionary does with an option that was not given is its own.
func TestUnset_IsSharedAndKeepsOrder(t *testing.T) {
	v := &validator{}
	spec := &Spec{Options: []Option{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	one, other := newDict(), newDict()
	for _, d := range []*dict{one, other} {
		d.set("a", "x")
		v.defaults(spec, d, true)
	}
	assert.Same(t, one.unset, other.unset)
	assert.Equal(t, "{'a': 'x', 'b': None, 'c': None}", pyStr(one))
	assert.True(t, one.has("b"))
	assert.True(t, pyEqual(one, other))

	one.set("b", int64(1))
	assert.Equal(t, "{'a': 'x', 'b': 1, 'c': None}", pyStr(one), "a key keeps its place")
	one.remove("c")
	assert.Equal(t, "{'a': 'x', 'b': 1}", pyStr(one))
	assert.Equal(t, "{'a': 'x', 'b': None, 'c': None}", pyStr(other))
	assert.False(t, pyEqual(one, other))
	assert.Equal(t, map[string]any{"a": "x", "b": nil, "c": nil}, plain(other))
	assert.True(t, pyEqual(other, deepCopy(other)))
}
