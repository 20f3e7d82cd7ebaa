// SPDX-License-Identifier: GPL-3.0-or-later

package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"testing"

	"github.com/mitchellh/mapstructure"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

const hidden = "hunter2-äöü"

type holder struct {
	Key     secret.Value
	Pointer *secret.Value
	List    []secret.Value
	Map     map[string]secret.Value
}

func newHolder() holder {
	v := secret.New(hidden)
	return holder{Key: v, Pointer: &v, List: []secret.Value{v}, Map: map[string]secret.Value{"k": v}}
}

func TestNothingShowsTheText(t *testing.T) {
	var out bytes.Buffer
	h := newHolder()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%U", "%e", "%10.3s", "%T"} {
		fmt.Fprintf(&out, verb+"\n", h.Key)
		fmt.Fprintf(&out, verb+"\n", h.Pointer)
		fmt.Fprintf(&out, verb+"\n", h.List)
		fmt.Fprintf(&out, verb+"\n", h.Map)
	}
	fmt.Fprintf(&out, "%v %+v %#v\n", h, h, h)
	fmt.Fprintln(&out, h.Key, errors.New("with "+h.Key.String()), fmt.Errorf("wrapped %v", h.Key))
	log.New(&out, "", 0).Print(h.Key, h)
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "key", h.Key, "holder", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "key", h.Key, "holder", h)
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := marshal(h)
		require.NoError(t, err)
		out.Write(text)
	}
	text, err := xml.Marshal(h.Key)
	require.NoError(t, err)
	out.Write(text)
	require.NoError(t, gob.NewEncoder(&out).Encode(h.Key))

	assert.NotContains(t, out.String(), "hunter2")
	assert.NotContains(t, out.String(), fmt.Sprintf("%x", "hunter2"))
	assert.NotContains(t, out.String(), fmt.Sprintf("%X", "hunter2"))
	assert.Contains(t, out.String(), secret.Mask)
	assert.Equal(t, hidden, h.Key.Reveal())
}

func TestMapstructureTarget(t *testing.T) {
	var got struct {
		Key      secret.Value
		Optional *secret.Value
		Unset    *secret.Value
		List     []secret.Value
	}
	dec, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook: mapstructure.TextUnmarshallerHookFunc(), Result: &got,
	})
	require.NoError(t, err)
	require.NoError(t, dec.Decode(map[string]any{"key": hidden, "optional": "", "list": []any{"a", "b"}}))
	assert.Equal(t, hidden, got.Key.Reveal())
	require.NotNil(t, got.Optional)
	assert.True(t, got.Optional.IsZero())
	assert.Nil(t, got.Unset)
	assert.Equal(t, []secret.Value{secret.New("a"), secret.New("b")}, got.List)
}

func TestEmptyAndEqual(t *testing.T) {
	assert.Empty(t, secret.Value{}.String())
	assert.True(t, secret.Value{}.IsZero())
	assert.False(t, secret.New("x").IsZero())
	assert.True(t, secret.New("x").Equal(secret.New("x")))
	assert.False(t, secret.New("x").Equal(secret.New("y")))
	assert.Equal(t, `secret.Value("")`, fmt.Sprintf("%#v", secret.Value{}))
}
