// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import (
	"iter"
	"slices"
	"strconv"
)

// Store holds an account's objects of one kind by their ids. Ids only grow and none is given twice. The account that owns
// the store guards it with a lock.
type Store[T any] struct {
	items []*stored[T] // in the order of their ids
	next  int
	lists int // list requests so far: the clock of the list lag
	clone func(*T) T
}

type stored[T any] struct {
	id         int
	listedFrom int // the number of the first list request that shows the object
	object     T
}

// NewStore makes an empty store whose first object gets this id. The function makes a copy that shares nothing.
func NewStore[T any](firstID int, clone func(*T) T) *Store[T] {
	return &Store[T]{next: firstID, clone: clone}
}

// Add stores the object that is made for the next id. It is missing from so many list requests first.
func (s *Store[T]) Add(lag int, build func(id int) T) (id int) {
	id = s.next
	s.next++
	item := &stored[T]{id: id, object: build(id)}
	if lag > 0 {
		item.listedFrom = s.lists + lag + 1
	}
	s.items = append(s.items, item)
	return id
}

// Get returns the stored object itself, or nil.
func (s *Store[T]) Get(id int) *T {
	if i, ok := s.search(id); ok {
		return &s.items[i].object
	}
	return nil
}

// Find is Get by an id as it stands in a path or a list: a number written in any other way is no id.
func (s *Store[T]) Find(id string) *T { return s.Get(ParseID(id)) }

// ParseID reads an id in the one way in which it is written; what is none is 0, which no object has.
func ParseID(text string) int {
	id, err := strconv.Atoi(text)
	if err != nil || id < 0 || strconv.Itoa(id) != text {
		return 0
	}
	return id
}

// Remove deletes an object and tells whether there was one.
func (s *Store[T]) Remove(id int) bool {
	i, ok := s.search(id)
	if ok {
		s.items = slices.Delete(s.items, i, i+1)
	}
	return ok
}

// Len returns how many objects there are.
func (s *Store[T]) Len() int { return len(s.items) }

// All gives the stored objects themselves, oldest first.
func (s *Store[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, item := range s.items {
			if !yield(&item.object) {
				return
			}
		}
	}
}

// Listed gives the stored objects that a list request shows. Further pages belong to the request for the first.
func (s *Store[T]) Listed(firstPage bool) []*T {
	if firstPage {
		s.lists++
	}
	var shown []*T
	for _, item := range s.items {
		if item.listedFrom <= s.lists {
			shown = append(shown, &item.object)
		}
	}
	return shown
}

// Copies returns copies of the objects, oldest first.
func (s *Store[T]) Copies() []T {
	copies := make([]T, len(s.items))
	for i, item := range s.items {
		copies[i] = s.clone(&item.object)
	}
	return copies
}

// Clone returns a store that holds the same and shares nothing.
func (s *Store[T]) Clone() *Store[T] {
	c := *s
	c.items = make([]*stored[T], len(s.items))
	for i, item := range s.items {
		c.items[i] = &stored[T]{id: item.id, listedFrom: item.listedFrom, object: s.clone(&item.object)}
	}
	return &c
}

func (s *Store[T]) search(id int) (int, bool) {
	return slices.BinarySearchFunc(s.items, id, func(item *stored[T], id int) int { return item.id - id })
}
