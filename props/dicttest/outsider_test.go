package dicttest_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
)

// Treap is a map as one finds it in many programs: a search tree whose shape is that of a heap of random numbers.
type Treap[V any] struct {
	root *branch[V]
	n    int
	rng  *rand.Rand
}

type branch[V any] struct {
	key         string
	value       V
	heat        uint64
	left, right *branch[V]
}

// NewTreap returns an empty map.
func NewTreap[V any]() *Treap[V] { return &Treap[V]{rng: rand.New(rand.NewPCG(1, 2))} }

// Len is the number of keys.
func (t *Treap[V]) Len() int { return t.n }

// Get goes down to a key.
func (t *Treap[V]) Get(key string) (value V, ok bool) {
	for b := t.root; b != nil; {
		switch c := cmp.Compare(key, b.key); {
		case c == 0:
			return b.value, true
		case c < 0:
			b = b.left
		default:
			b = b.right
		}
	}
	return value, false
}

// Set gives a key a value.
func (t *Treap[V]) Set(key string, value V) {
	less, more := split(t.root, key)
	mid, more := split(more, key+"\x00")
	if mid == nil {
		mid = &branch[V]{key: key, heat: t.rng.Uint64()}
		t.n++
	}
	mid.value = value
	t.root = join(join(less, mid), more)
}

// Delete takes a key out.
func (t *Treap[V]) Delete(key string) bool {
	less, more := split(t.root, key)
	mid, more := split(more, key+"\x00")
	t.root = join(less, more)
	if mid != nil {
		t.n--
	}
	return mid != nil
}

// Range tells all entries in the order of their keys.
func (t *Treap[V]) Range(f func(string, V) bool) { walk(t.root, f) }

func walk[V any](b *branch[V], f func(string, V) bool) bool {
	return b == nil || walk(b.left, f) && f(b.key, b.value) && walk(b.right, f)
}

// Check looks at the order of keys.
func (t *Treap[V]) Check() error {
	last, first := "", true
	var err error
	walk(t.root, func(key string, _ V) bool {
		if !first && key <= last {
			err = fmt.Errorf("treap/order: %q behind %q", key, last)
		}
		last, first = key, false
		return err == nil
	})
	return err
}

// split cuts a tree in two: keys below a key, and the others.
func split[V any](b *branch[V], key string) (less, more *branch[V]) {
	switch {
	case b == nil:
		return nil, nil
	case b.key < key:
		b.right, more = split(b.right, key)
		return b, more
	}
	less, b.left = split(b.left, key)
	return less, b
}

// join puts two trees together of which all keys of one are below those of the other.
func join[V any](less, more *branch[V]) *branch[V] {
	switch {
	case less == nil:
		return more
	case more == nil:
		return less
	case less.heat > more.heat:
		less.right = join(less.right, more)
		return less
	}
	more.left = join(less, more.left)
	return more
}

// FIFO is a cache that forgets what was put first.
type FIFO[V any] struct {
	capacity int
	values   map[string]V
	order    []string
	evicted  func(string, V)
}

// NewFIFO returns an empty cache.
func NewFIFO[V any](capacity int, evicted func(string, V)) *FIFO[V] {
	return &FIFO[V]{capacity: capacity, values: map[string]V{}, evicted: evicted}
}

// Get looks a key up.
func (c *FIFO[V]) Get(key string) (V, bool) { v, ok := c.values[key]; return v, ok }

// Len is the number of keys.
func (c *FIFO[V]) Len() int { return len(c.values) }

// Put stores a value.
func (c *FIFO[V]) Put(key string, value V) {
	if _, ok := c.values[key]; !ok {
		if len(c.order) == c.capacity {
			old := c.order[0]
			v := c.values[old]
			delete(c.values, old)
			c.order = append(c.order[:0], c.order[1:]...)
			c.evicted(old, v)
		}
		c.order = append(c.order, key)
	}
	c.values[key] = value
}
