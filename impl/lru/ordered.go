package lru

import (
	"heapfuzz/impl/dict"
)

// Ordered is a cache as people write one with an ordered dict: to use an entry is to take it out and to store it again,
// as the last, and the first is evicted. Its capacity is above 0. It has no ring, and pays for it: an eviction steps
// over all entries at the front of the table that are dead, until the table is built anew.
type Ordered struct {
	space        *dict.Space
	hooks        dict.Hooks
	d            dict.Dict
	max          int
	hits, misses uint64
	took         [orderTransitions]uint64 // see Transitions

	// OnEvict is called with each entry that was evicted, which it gets no reference to. It must not use the cache.
	OnEvict func(key, value dict.Word)
}

// NewOrdered returns an empty cache in a space, which lives longer and has these hooks, or nil if there is no memory.
func NewOrdered(space *dict.Space, hooks dict.Hooks, capacity int) *Ordered {
	o := &Ordered{space: space, hooks: hooks, d: space.New(), max: capacity, OnEvict: func(dict.Word, dict.Word) {}}
	if o.d == 0 {
		return nil
	}
	return o
}

// Free is the end of the cache.
func (o *Ordered) Free() { o.space.Free(o.d) }

// Len is the number of entries.
func (o *Ordered) Len() int { return o.d.Len() }

// Info tells the hits and the misses of Get.
func (o *Ordered) Info() Info { return Info{o.hits, o.misses, o.d.Len(), o.max, true} }

// Get looks a key up, and uses it. The caller gets no reference. With an error that comes with the entry, as without
// memory, the entry may be out of the cache: it was taken out, and could not be stored again.
func (o *Ordered) Get(key dict.Word) (dict.Word, bool, error) {
	v, ok, err := o.space.Get(o.d, key)
	switch {
	case err != nil:
		return 0, false, err
	case !ok:
		o.misses++
		return 0, false, nil
	}
	o.hits++
	return v, true, o.Put(key, v)
}

// Put stores an entry as the newest.
func (o *Ordered) Put(key, value dict.Word) error {
	// First it is stored where it is, if it is there: with that, one reference to the value is the dict's. Then it is
	// taken out and stored again, for which a table without room at its end is built anew.
	if _, ok, err := o.space.Get(o.d, key); err != nil {
		return err
	} else if !ok {
		if err := o.shrink(o.max - 1); err != nil {
			return err
		}
		o.took[orderNew]++
		return o.space.Set(o.d, key, value)
	}
	if err := o.space.Set(o.d, key, value); err != nil {
		return err
	}
	return o.move(key)
}

// move makes an entry that is there the last.
func (o *Ordered) move(key dict.Word) error {
	v, ok, err := o.space.Pop(o.d, key)
	if err != nil || !ok {
		return err
	}
	o.took[orderMoved]++
	err = o.space.Set(o.d, key, v)
	o.letGo(v)
	return err
}

// First returns the entry that is evicted next.
func (o *Ordered) First() (key, value dict.Word, ok bool) {
	it := o.space.Iter(o.d)
	key, value, ok, _ = o.space.Next(&it)
	return key, value, ok
}

func (o *Ordered) shrink(to int) error {
	for o.d.Len() > to {
		key, value, _ := o.First()
		o.took[orderEvicted]++
		o.hold(key, value)
		_, err := o.space.Delete(o.d, key)
		if err == nil {
			o.OnEvict(key, value)
		}
		o.letGo(key, value)
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Ordered) hold(words ...dict.Word) {
	for _, w := range words {
		if o.hooks != nil && !w.IsInt() {
			o.hooks.Own(w)
		}
	}
}

func (o *Ordered) letGo(words ...dict.Word) {
	for _, w := range words {
		if o.hooks != nil && !w.IsInt() {
			o.hooks.Drop(w)
		}
	}
}

// Remove takes a key out.
func (o *Ordered) Remove(key dict.Word) (bool, error) { return o.space.Delete(o.d, key) }

// Peek looks a key up, which is no use of it.
func (o *Ordered) Peek(key dict.Word) (dict.Word, bool, error) { return o.space.Get(o.d, key) }

// Clear takes all out, and forgets the hits and misses.
func (o *Ordered) Clear() {
	o.space.Clear(o.d)
	o.hits, o.misses = 0, 0
}

// Resize gives the cache another capacity above 0.
func (o *Ordered) Resize(capacity int) error {
	o.max = capacity
	o.took[orderShrinks] += uint64(max(0, o.Len()-capacity))
	return o.shrink(capacity)
}

// Keys calls f with each key, the one to be evicted next first, until f returns false.
func (o *Ordered) Keys(f func(key dict.Word) bool) {
	o.space.All(o.d, func(key, _ dict.Word) bool { return f(key) })
}

// CheckInvariants recounts those of the dict, and that there are not more entries than the capacity says.
func (o *Ordered) CheckInvariants() error {
	if o.d.Len() > o.max {
		return breach("room", "%d entries where %d may be", o.d.Len(), o.max)
	}
	return o.space.CheckInvariants(o.d)
}
