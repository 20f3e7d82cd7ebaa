// SPDX-License-Identifier: GPL-3.0-or-later

package reconciletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

type (
	thing  = memory.Thing
	object = reconcile.Object[thing]
	found  = reconcile.Found[thing]
)

// suiteOf is the suite of the service in memory, with a provider that bend may break.
func suiteOf(bend func(*memory.Service) reconcile.Provider[thing]) Suite[thing] {
	return Suite[thing]{
		New: func(testing.TB) Subject[thing] {
			s := &memory.Service{}
			return Subject[thing]{
				Provider: bend(s),
				Writes:   func() int { return len(s.Log()) },
				Count:    func() int { return len(s.Things()) },
				Sleep:    s.Sleep,
				Trace:    func() string { return fmt.Sprint(s.Log()) },
				Arm: func(trouble Trouble) {
					switch trouble {
					case LastPageFails:
						s.FailPage = 2
					case TooMany:
						s.LimitCalls = 1
					case CreateLost:
						s.LoseCreates = 1
					case CreateDropped:
						s.RefuseCreates = 1
					}
				},
			}
		},
		Full: memory.Full,
		Edits: map[string]func(*thing){
			"size":  func(t *thing) { size := *t.Size + 1000; t.Size = &size },
			"tags":  func(t *thing) { t.Tags = append(slices.Clone(t.Tags), "new") },
			"token": func(t *thing) { token := secret.New("correct-horse"); t.Token = &token },
		},
		NotEdited: map[string]string{"name": "is the identity", "kind": "is fixed at creation"},
		Secrets:   []string{"hunter2", "correct-horse"},
		PageSize:  100,
	}
}

func TestAGoodProviderPasses(t *testing.T) {
	Run(t, suiteOf(func(s *memory.Service) reconcile.Provider[thing] { return s }))
}

// broken is a provider with one fault.
type broken struct {
	*memory.Service
	observe func(context.Context, []reconcile.Want[thing]) ([]found, error)
	merge   func(*object, thing) (thing, error)
	create  func(context.Context, thing) (object, error)
	update  func(context.Context, object, thing) (object, error)
	delete  func(context.Context, found) error
}

func (b broken) Observe(ctx context.Context, w []reconcile.Want[thing], scope bool) ([]found, error) {
	if b.observe != nil {
		return b.observe(ctx, w)
	}
	return b.Service.Observe(ctx, w, scope)
}

func (b broken) Merge(have *object, want thing) (thing, error) {
	if b.merge != nil {
		return b.merge(have, want)
	}
	return b.Service.Merge(have, want)
}

func (b broken) Create(ctx context.Context, want thing) (object, error) {
	if b.create != nil {
		return b.create(ctx, want)
	}
	return b.Service.Create(ctx, want)
}

func (b broken) Update(ctx context.Context, have object, want thing) (object, error) {
	if b.update != nil {
		return b.update(ctx, have, want)
	}
	return b.Service.Update(ctx, have, want)
}

func (b broken) Delete(ctx context.Context, have found) error {
	if b.delete != nil {
		return b.delete(ctx, have)
	}
	return b.Service.Delete(ctx, have)
}

// TestEveryClauseCanFail breaks a provider in the way that each clause is there to find.
func TestEveryClauseCanFail(t *testing.T) {
	tests := map[string]func(*memory.Service) reconcile.Provider[thing]{
		"create, then the plan is empty": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, observe: func(context.Context, []reconcile.Want[thing]) ([]found, error) { return nil, nil }}
		},
		"each field edited alone is one update of that field": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, update: func(ctx context.Context, have object, want thing) (object, error) {
				_, _ = s.Update(ctx, have, want)
				return s.Update(ctx, have, want)
			}}
		},
		"page edges": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, observe: func(ctx context.Context, w []reconcile.Want[thing]) ([]found, error) {
				all, err := s.Observe(ctx, w, false)
				return all[:min(len(all), 100)], err
			}}
		},
		"a list that fails on its last page writes nothing": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, observe: func(ctx context.Context, w []reconcile.Want[thing]) ([]found, error) {
				all, err := s.Observe(ctx, w, false)
				if errors.Is(err, memory.ErrBroken) {
					return nil, nil
				}
				return all, err
			}}
		},
		"a cancelled context writes nothing": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, create: func(ctx context.Context, want thing) (object, error) {
				return s.Create(context.WithoutCancel(ctx), want)
			}}
		},
		"429 is waited out": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, create: func(ctx context.Context, want thing) (object, error) {
				if s.LimitCalls > 0 || len(s.Waits()) > 0 {
					return object{}, errors.New("too many requests")
				}
				return s.Create(ctx, want)
			}}
		},
		"a create whose answer was lost makes no duplicate": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, create: func(ctx context.Context, want thing) (object, error) {
				made, err := s.Create(ctx, want)
				if err != nil {
					return s.Create(ctx, want)
				}
				return made, nil
			}}
		},
		"delete, then delete again": func(s *memory.Service) reconcile.Provider[thing] {
			return broken{Service: s, delete: func(ctx context.Context, have found) error {
				if !slices.Contains(s.Things(), *have.Known.Name) {
					return errors.New("not found")
				}
				return s.Delete(ctx, have)
			}}
		},
	}
	for _, c := range clauses[thing]() {
		bend, ok := tests[c.name]
		if !ok {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			assert.True(t, fails(t, func(tb testing.TB) { c.check(tb, suiteOf(bend)) }), "the clause did not find the fault")
		})
	}
	require.Len(t, tests, len(clauses[thing]())-1, "every clause but the one about fields, which has a test of its own")
}

func TestFieldsMustBeCovered(t *testing.T) {
	suite := suiteOf(func(s *memory.Service) reconcile.Provider[thing] { return s })
	delete(suite.Edits, "size")
	assert.True(t, fails(t, func(tb testing.TB) { everyField(tb, suite) }))
}

func TestSecretsAreFound(t *testing.T) {
	suite := suiteOf(func(s *memory.Service) reconcile.Provider[thing] {
		return broken{Service: s, create: func(_ context.Context, want thing) (object, error) {
			return object{}, fmt.Errorf("creating with %s", want.Token.Reveal())
		}}
	})
	assert.True(t, fails(t, func(tb testing.TB) { createThenNothing(tb, suite) }))
}

// recorder takes note of a failure instead of failing the test.
type recorder struct {
	testing.TB
	failed bool
	said   string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failed = true
	r.said += fmt.Sprintf(format, args...)
}

type stopped struct{}

func (r *recorder) FailNow() { panic(stopped{}) }

func fails(t *testing.T, check func(testing.TB)) (failed bool) {
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != (stopped{}) {
			panic(p)
		}
		failed = r.failed
	}()
	check(r)
	return r.failed
}
