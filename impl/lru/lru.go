package lru

import (
	"errors"
	"fmt"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/dict"
)

// Hooks are what a cache asks about objects, as a dict does, and their types. The words of objects are multiples of 8.
type Hooks interface {
	dict.Hooks
	// Type is the type of an object: a number above TypeMax, the same for objects of the same type.
	Type(w dict.Word) uint64
}

// The types of numbers and strings.
const (
	TypeInt = iota
	TypeStr
	TypeMax
)

// Config says which cache New makes. The zero Config stores nothing.
type Config struct {
	Profile   *dict.Profile    // nil: the newest
	Memory    *arena.Allocator // nil: a new one, which Close closes
	Key       dict.HashKey     // of strings
	Hooks     Hooks            // nil: numbers and strings only
	Max       int              // maxsize
	Unbounded bool             // maxsize is None
	Typed     bool
}

// A Cache is an lru_cache. It is not safe for concurrent use; its computations, comparisons and finalizers may use it.
type Cache struct {
	space *dict.Space
	own   bool // the memory is closed by Close
	mem   *arena.Allocator
	hooks Hooks

	max       int
	unbounded bool
	typed     bool
	old       bool // 3.6: all keys are tuples, a failure is no miss, a negative size is one
	oldTuples bool // up to 3.7 the hash of tuples is another

	d      dict.Dict
	root   link // of the ring: next is the oldest link, and prev the newest
	hits   uint64
	misses uint64
	took   [transitions]uint64 // see Transitions

	// What Hash tells of a key, while the dict is asked about it.
	knownKey  dict.Word
	knownHash int64
}

// Info is what cache_info tells. Max means nothing in a cache without bound.
type Info struct {
	Hits, Misses uint64
	Len, Max     int
	Bounded      bool
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	c := &Cache{mem: cfg.Memory, hooks: cfg.Hooks, max: cfg.Max, unbounded: cfg.Unbounded, typed: cfg.Typed}
	prof := cfg.Profile
	if prof == nil {
		all := dict.Profiles()
		prof = all[len(all)-1]
	}
	if prof.Old {
		return nil, errors.New("lru: 2.7 has no lru_cache")
	}
	c.old, c.oldTuples = prof.GrowHalf, !prof.LazyNew // 3.6; up to 3.7
	if !c.old {
		c.max = max(c.max, 0)
	}
	if c.mem == nil {
		mem, err := arena.New(arena.Config{Profile: prof.Arena})
		if err != nil {
			return nil, fmt.Errorf("lru: %w", err)
		}
		c.mem, c.own = mem, true
	}
	var err error
	if c.space, err = dict.NewSpace(dict.Config{Profile: prof, Memory: c.mem, Hooks: c, Key: cfg.Key}); err != nil {
		return nil, errors.Join(err, c.closeMemory())
	}
	c.root, c.d = link(c.mem.Alloc(linkBytes)), c.space.Call()
	if c.root == 0 || c.d == 0 {
		return nil, errors.Join(dict.ErrNoMemory, c.Close())
	}
	join(c.root, c.root)
	return c, nil
}

// Close gives all back.
func (c *Cache) Close() error {
	if c.root != 0 && c.d != 0 {
		c.Clear()
	}
	if c.d != 0 {
		c.space.Free(c.d)
	}
	if c.root != 0 {
		c.mem.Free(c.root.pointer())
	}
	return errors.Join(c.space.Close(), c.closeMemory())
}

func (c *Cache) closeMemory() error {
	if c.own {
		return c.mem.Close()
	}
	return nil
}

// Space is where the dict is, and where strings can be made.
func (c *Cache) Space() *dict.Space { return c.space }

// Len is the number of results.
func (c *Cache) Len() int { return c.d.Len() }

// Info is cache_info().
func (c *Cache) Info() Info { return Info{c.hits, c.misses, c.d.Len(), c.max, !c.unbounded} }

// Clear is cache_clear(): no results, no hits, no misses.
func (c *Cache) Clear() {
	if !c.unbounded {
		c.space.All(c.d, func(_, value dict.Word) bool {
			if l := linkOf(value); l.next() == l { // somebody is about to evict it
				c.drop(l)
			}
			return true
		})
	}
	first := c.root.next()
	join(c.root, c.root)
	c.hits, c.misses = 0, 0
	c.space.Clear(c.d)
	for first != c.root {
		next := first.next()
		c.drop(first)
		first = next
	}
}

// Compute computes the result of a call, and hands over a reference to it.
type Compute func() (dict.Word, error)

// CallOne is a call with one argument. The caller gets a reference to the result. An error is that of the computation,
// of Hooks, or dict.ErrNoMemory; then nothing is stored.
func (c *Cache) CallOne(arg dict.Word, f Compute) (dict.Word, error) {
	if !c.old && !c.typed && (arg.IsInt() || arg.IsStr()) {
		return c.call(arg, c.hashOf(arg), f)
	}
	return c.Call(Args{Positional: []dict.Word{arg}}, f)
}

// Call is a call with any arguments.
func (c *Cache) Call(args Args, f Compute) (dict.Word, error) {
	if c.stores() {
		key, err := c.makeKey(args)
		if err != nil {
			return 0, err
		}
		hash, err := c.hashKey(key)
		var v dict.Word
		if err == nil {
			v, err = c.call(key, hash, f)
		}
		c.letGo(key)
		return v, err
	}
	return c.call(0, 0, f)
}

// stores tells whether anything is stored at all.
func (c *Cache) stores() bool { return c.unbounded || c.max > 0 || c.old && c.max < 0 }

func (c *Cache) call(key dict.Word, hash int64, f Compute) (dict.Word, error) {
	if !c.stores() {
		return c.compute(f)
	}
	v, ok, err := c.get(key, hash)
	if err != nil {
		return 0, err
	}
	if ok {
		c.hits++
		if c.unbounded {
			c.hold(v)
			return v, nil
		}
		c.took[ringMoved]++
		l := linkOf(v)
		l.detach()
		l.insert(c.root.prev(), c.root)
		c.hold(l.result())
		return l.result(), nil
	}
	r, err := c.compute(f)
	if err != nil {
		return 0, err
	}
	if c.unbounded {
		c.knownKey, c.knownHash = key, hash
		err = c.space.Set(c.d, key, r)
	} else {
		err = c.store(key, hash, r)
	}
	if err != nil {
		c.letGo(r)
		return 0, err
	}
	return r, nil
}

// compute has a miss computed.
func (c *Cache) compute(f Compute) (dict.Word, error) {
	if !c.old {
		c.misses++
		return f()
	}
	r, err := f()
	if err == nil {
		c.misses++
	}
	return r, err
}

func (c *Cache) get(key dict.Word, hash int64) (dict.Word, bool, error) {
	c.knownKey, c.knownHash = key, hash
	return c.space.Get(c.d, key)
}

// store enters a result that was computed, unless its key was stored meanwhile.
func (c *Cache) store(key dict.Word, hash int64, r dict.Word) error {
	if _, ok, err := c.get(key, hash); ok || err != nil {
		c.took[metMeanwhile]++
		return err
	}
	var l link
	var oldKey, oldResult dict.Word
	if c.d.Len() >= c.max && c.root.next() != c.root {
		var err error
		if l, err = c.evict(); l == 0 {
			return err
		}
		if l.refs() > 1 { // somebody else is about to evict it, and waits for a comparison
			c.took[evictMet]++
			c.drop(l)
			l = 0
		} else {
			c.took[linkReused]++
			oldKey, oldResult = l.key(), l.result()
		}
	}
	if l == 0 {
		if l = link(c.mem.Alloc(linkBytes)); l == 0 {
			c.took[linkRefused]++
			return dict.ErrNoMemory
		}
		c.took[linkMade]++
		l.put(linkRefs, 1)
		join(l, l)
	}
	c.hold(key)
	c.hold(r)
	l.fill(key, r, hash)
	err := c.enter(l)
	if oldKey != 0 {
		c.letGo(oldKey)
		c.letGo(oldResult)
	}
	return err
}

// enter puts a link into the dict and the ring, unless a comparison stores its key meanwhile.
func (c *Cache) enter(l link) error {
	c.knownKey, c.knownHash = l.key(), l.hash()
	got, err := c.space.SetDefault(c.d, l.key(), l.word())
	if err != nil || got != l.word() {
		c.drop(l)
		return err
	}
	l.insert(c.root.prev(), c.root)
	for c.d.Len() > c.max && c.max > 0 && c.root.next() != l { // a comparison has filled the room up
		c.took[overfull]++
		o, err := c.evict()
		if err != nil {
			c.forget()
			return err
		}
		if o != 0 {
			c.drop(o)
		}
	}
	return nil
}

// forget takes out what was stored last, for which no keys are compared, until there is no entry too many.
func (c *Cache) forget() {
	for c.d.Len() > c.max {
		key, value, _ := c.space.PopItem(c.d)
		l := linkOf(value)
		l.detach()
		c.letGo(key)
		c.drop(l)
	}
}

// evict takes the oldest link out of the ring and the dict, and returns it. A comparison may use the cache meanwhile:
// then there may be none to return.
func (c *Cache) evict() (link, error) {
	l := c.root.next()
	l.detach()
	l.take()
	c.knownKey, c.knownHash = l.key(), l.hash()
	v, ok, err := c.space.Pop(c.d, l.key())
	l.detach() // a hit may have put it back
	stays := err != nil && c.holds(l)
	c.drop(l)
	switch {
	case stays:
		c.took[evictMet]++
		l.insert(c.root, c.root.next())
	case ok && linkOf(v) == l:
		return l, nil
	case ok: // the key was stored anew
		o := linkOf(v)
		o.detach()
		c.drop(o)
	default:
		c.took[evictMet]++
	}
	return 0, err
}

// holds tells whether the dict has a link. It compares no keys.
func (c *Cache) holds(l link) (is bool) {
	c.space.All(c.d, func(_, value dict.Word) bool {
		is = linkOf(value) == l
		return !is
	})
	return is
}

// drop takes a reference off a link that is in no ring. With the last it goes, and lets go of what it holds.
func (c *Cache) drop(l link) {
	if n := l.refs() - 1; n > 0 {
		l.put(linkRefs, uintptr(n))
		join(l, l)
		return
	}
	key, result := l.key(), l.result()
	c.mem.Free(l.pointer())
	c.letGo(key)
	c.letGo(result)
}

// Keys calls f with the key of each entry, the oldest first, until f returns false. f must not use the cache. A cache
// without bound has no order of use; its keys come in the order in which they were stored first.
func (c *Cache) Keys(f func(key dict.Word) bool) {
	if c.unbounded {
		c.space.All(c.d, func(key, _ dict.Word) bool { return f(key) })
		return
	}
	for l := c.root.next(); l != c.root && f(l.key()); l = l.next() {
	}
}

// HashOf is the hash of the key of a call.
func (c *Cache) HashOf(args Args) (int64, error) {
	key, err := c.makeKey(args)
	if err != nil {
		return 0, err
	}
	defer c.letGo(key)
	return c.hashKey(key)
}

// Peek looks up what a call has stored, and counts as no use of it. The caller gets no reference.
func (c *Cache) Peek(args Args) (dict.Word, bool, error) {
	key, err := c.makeKey(args)
	if err != nil {
		return 0, false, err
	}
	defer c.letGo(key)
	hash, err := c.hashKey(key)
	if err != nil {
		return 0, false, err
	}
	v, ok, err := c.get(key, hash)
	if ok && !c.unbounded {
		v = linkOf(v).result()
	}
	return v, ok, err
}
