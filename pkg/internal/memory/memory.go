// SPDX-License-Identifier: GPL-3.0-or-later

// Package memory is a service in memory and its reconcile.Provider, for the tests of the engine and of its contract.
package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// Thing is what the service holds; nil is unset.
type Thing struct {
	Name  *string       `mapstructure:"name"`
	Kind  *string       `mapstructure:"kind"` // fixed at creation
	Size  *int          `mapstructure:"size"`
	Tags  []string      `mapstructure:"tags"` // a set
	Token *secret.Value `mapstructure:"token"`
}

// Named is a thing of kind "a".
func Named(name string) Thing {
	kind := "a"
	return Thing{Name: &name, Kind: &kind}
}

// Full is the i-th thing with every field set.
func Full(i int) Thing {
	t := Named(fmt.Sprintf("thing %d", i))
	size, token := i, secret.New("hunter2")
	t.Size, t.Tags, t.Token = &size, []string{"x", "y"}, &token
	return t
}

const pageSize = 100

// Service is the server and its provider in one. Its exported fields may be set before and between calls.
type Service struct {
	LoseCreates   int   // so many creates act and then fail as uncertain
	RefuseCreates int   // so many creates fail as uncertain without acting
	Unlisted      int   // so many lists do not show what was created last
	ListOnly      bool  // Observe returns names only
	FailPage      int   // this page of a list fails; 0 for none
	FailWrites    error // every write fails with it
	LimitCalls    int   // so many calls are answered "too many", which the provider waits out
	Panic         bool  // Update panics

	mu      sync.Mutex
	things  []reconcile.Object[Thing]
	claimed map[string]bool // by id
	next    int
	log     []string
	waits   []time.Duration
}

// ErrBroken is the failure that the service's faults make.
var ErrBroken = errors.New("broken")

type uncertain struct{ error }

func (uncertain) Uncertain() bool { return true }

// Log gives the writes that reached the service: "create a", "update a", "delete a".
func (s *Service) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Things gives the names that exist, in the order of creation.
func (s *Service) Things() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{}
	for _, o := range s.things {
		names = append(names, *o.State.Name)
	}
	return names
}

// Add puts a thing there without a call and gives its id.
func (s *Service) Add(t Thing) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(t)
}

func (s *Service) add(t Thing) string {
	s.next++
	id := strconv.Itoa(s.next)
	s.things = append(s.things, reconcile.Object[Thing]{ID: id, State: t})
	return id
}

// Sleep takes note of a wait and does not wait.
func (s *Service) Sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = append(s.waits, d)
	return context.Cause(ctx)
}

// Waits gives the waits noted so far.
func (s *Service) Waits() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.waits)
}

// Key is the name.
func (s *Service) Key(t Thing) string { return *t.Name }

// Observe lists everything, page by page.
func (s *Service) Observe(ctx context.Context, _ []reconcile.Want[Thing], _ bool) ([]reconcile.Found[Thing], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.limited()
	shown := slices.Clone(s.things)
	if s.Unlisted > 0 && len(shown) > 0 {
		s.Unlisted--
		shown = shown[:len(shown)-1]
	}
	if pages := len(shown)/pageSize + 1; s.FailPage > 0 && s.FailPage <= pages {
		return nil, fmt.Errorf("page %d: %w", s.FailPage, ErrBroken)
	}
	found := make([]reconcile.Found[Thing], len(shown))
	for i, o := range shown {
		found[i] = o.Found()
		if s.ListOnly {
			found[i] = reconcile.Found[Thing]{ID: o.ID, Known: Thing{Name: o.State.Name}}
		}
	}
	return found, nil
}

// ReadIDs returns the things with these ids.
func (s *Service) ReadIDs(ctx context.Context, ids []string) ([]reconcile.Object[Thing], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.FailPage > 0 {
		return nil, fmt.Errorf("page %d: %w", s.FailPage, ErrBroken)
	}
	return slices.DeleteFunc(slices.Clone(s.things), func(o reconcile.Object[Thing]) bool { return !slices.Contains(ids, o.ID) }), ctx.Err()
}

// limited waits out the answers "too many".
func (s *Service) limited() {
	for ; s.LimitCalls > 0; s.LimitCalls-- {
		s.waits = append(s.waits, time.Second)
	}
}

// MustReplace names kind.
func (s *Service) MustReplace(have reconcile.Object[Thing], want Thing) string {
	if want.Kind != nil && *want.Kind != *have.State.Kind {
		return "kind"
	}
	return ""
}

// Claim marks a thing that is about to be replaced.
func (s *Service) Claim(_ context.Context, have reconcile.Object[Thing], _ Thing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed == nil {
		s.claimed = map[string]bool{}
	}
	s.claimed[have.ID] = true
	return nil
}

// Claimed tells whether Claim was called for a thing.
func (s *Service) Claimed(have reconcile.Found[Thing]) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claimed[have.ID]
}

// Merge refuses a negative size and keeps the form of tags that are the same set.
func (s *Service) Merge(have *reconcile.Object[Thing], want Thing) (Thing, error) {
	if want.Size != nil && *want.Size < 0 {
		return Thing{}, fmt.Errorf("%s: size must not be negative", *want.Name)
	}
	if have == nil {
		return want, nil
	}
	h := have.State
	if want.Kind == nil {
		want.Kind = h.Kind
	}
	if want.Size == nil {
		want.Size = h.Size
	}
	if want.Token == nil {
		want.Token = h.Token
	}
	if want.Tags == nil || slices.Equal(slices.Sorted(slices.Values(want.Tags)), slices.Sorted(slices.Values(h.Tags))) {
		want.Tags = h.Tags
	}
	return want, nil
}

// Create makes a thing.
func (s *Service) Create(ctx context.Context, want Thing) (reconcile.Object[Thing], error) {
	var made reconcile.Object[Thing]
	err := s.write(ctx, "create", want, func() error {
		if s.RefuseCreates > 0 {
			s.RefuseCreates--
			return uncertain{ErrBroken}
		}
		made = reconcile.Object[Thing]{ID: s.add(want), State: want}
		if s.LoseCreates > 0 {
			s.LoseCreates--
			made = reconcile.Object[Thing]{}
			return uncertain{ErrBroken}
		}
		return nil
	})
	return made, err
}

// Update changes a thing.
func (s *Service) Update(ctx context.Context, have reconcile.Object[Thing], want Thing) (reconcile.Object[Thing], error) {
	if s.Panic {
		panic("out of paper")
	}
	object := reconcile.Object[Thing]{ID: have.ID, State: want}
	return object, s.write(ctx, "update", want, func() error {
		for i := range s.things {
			if s.things[i].ID == have.ID {
				s.things[i].State = want
				return nil
			}
		}
		return fmt.Errorf("no thing %s: %w", have.ID, ErrBroken)
	})
}

// Delete removes a thing.
func (s *Service) Delete(ctx context.Context, have reconcile.Found[Thing]) error {
	return s.write(ctx, "delete", have.Known, func() error {
		s.things = slices.DeleteFunc(s.things, func(o reconcile.Object[Thing]) bool { return o.ID == have.ID })
		return nil
	})
}

func (s *Service) write(ctx context.Context, verb string, t Thing, act func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.limited()
	s.log = append(s.log, verb+" "+*t.Name)
	if s.FailWrites != nil {
		return fmt.Errorf("%s %s: %w", verb, *t.Name, s.FailWrites)
	}
	return act()
}
