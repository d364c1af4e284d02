package dict

import "slices"

// ReferenceStore makes References, and counts what they hold.
type ReferenceStore struct {
	pairs   int // in all dicts
	failIn  int // requests until one fails; 0: none does
	failAll bool
}

// NewReferenceStore returns a store of no dicts.
func NewReferenceStore() *ReferenceStore { return &ReferenceStore{} }

// ReferenceContract is what the dicts of a ReferenceStore promise.
var ReferenceContract = Contract{
	Order: Insertion, During: Live, KeepsSize: false, CopyFits: true, ClearFrees: true, Reentrant: true,
}

// New returns an empty Reference, which has no use for a capacity.
func (s *ReferenceStore) New(int) Dict {
	if s.refuses() {
		return nil
	}
	return &Reference{store: s}
}

// Held is the number of pairs in all dicts.
func (s *ReferenceStore) Held() int { return s.pairs }

// Usage counts 16 bytes a pair.
func (s *ReferenceStore) Usage() (bytes, footprint uint64) {
	return 16 * uint64(s.pairs), 16 * uint64(s.pairs)
}

// InjectOOM counts every dict and every pair as a request.
func (s *ReferenceStore) InjectOOM(nth int, persistent bool) { s.failIn, s.failAll = nth, persistent }

func (s *ReferenceStore) refuses() bool {
	if s.failIn == 0 {
		return false
	}
	if s.failIn > 1 {
		s.failIn--
		return false
	}
	if !s.failAll {
		s.failIn = 0
	}
	return true
}

// Reference is the dict that is believed by eye: a slice of pairs in order, which is searched from front to back.
type Reference struct {
	store   *ReferenceStore
	pairs   []pair
	lowest  int64
	highest int64
	compare func()
	changes int
}

// pair is an entry. Place grows along the order and is used once, so that an iteration knows how far it is.
type pair struct {
	key, value uint64
	place      int64
}

// find returns the place of a key, or -1. When a comparison changes the dict it begins anew.
func (r *Reference) find(key uint64) int {
	for i := 0; i < len(r.pairs); i++ {
		if f := r.compare; f != nil {
			before := r.changes
			f()
			if r.changes != before {
				i = -1
				continue
			}
		}
		if r.pairs[i].key == key {
			return i
		}
	}
	return -1
}

// Get tells the value of a key.
func (r *Reference) Get(key uint64) (value uint64, ok bool) {
	if i := r.find(key); i >= 0 {
		return r.pairs[i].value, true
	}
	return 0, false
}

// Set gives a key a value.
func (r *Reference) Set(key, value uint64) bool {
	if i := r.find(key); i >= 0 {
		r.pairs[i].value = value
		return true
	}
	if r.store.refuses() {
		return false
	}
	r.changes++
	r.highest++
	r.pairs = append(r.pairs, pair{key, value, r.highest})
	r.store.pairs++
	return true
}

// Delete takes a key out.
func (r *Reference) Delete(key uint64) bool {
	i := r.find(key)
	if i >= 0 {
		r.take(i)
	}
	return i >= 0
}

func (r *Reference) take(i int) pair {
	p := r.pairs[i]
	r.changes++
	r.pairs = slices.Delete(r.pairs, i, i+1)
	r.store.pairs--
	return p
}

// Len is the number of pairs.
func (r *Reference) Len() int { return len(r.pairs) }

// Clear takes all out.
func (r *Reference) Clear() {
	r.changes++
	r.store.pairs -= len(r.pairs)
	r.pairs = nil
}

// Free is Clear.
func (r *Reference) Free() { r.Clear() }

// Pop takes a key out and tells what it held.
func (r *Reference) Pop(key uint64) (value uint64, ok bool) {
	i := r.find(key)
	if i < 0 {
		return 0, false
	}
	return r.take(i).value, true
}

// PopItem takes the last pair out.
func (r *Reference) PopItem() (key, value uint64, ok bool) { return r.popAt(len(r.pairs) - 1) }

// PopFirst takes the first pair out.
func (r *Reference) PopFirst() (key, value uint64, ok bool) { return r.popAt(0) }

func (r *Reference) popAt(i int) (key, value uint64, ok bool) {
	if len(r.pairs) == 0 {
		return 0, 0, false
	}
	p := r.take(i)
	return p.key, p.value, true
}

// SetDefault gives a key a value if it has none.
func (r *Reference) SetDefault(key, value uint64) (got uint64, ok bool) {
	if i := r.find(key); i >= 0 {
		return r.pairs[i].value, true
	}
	return value, r.Set(key, value)
}

// Update sets all that another dict holds.
func (r *Reference) Update(from Dict) bool {
	for _, p := range slices.Clone(from.(*Reference).pairs) {
		if !r.Set(p.key, p.value) {
			return false
		}
	}
	return true
}

// Copy makes a dict of the same pairs, one request for memory after the other.
func (r *Reference) Copy() Dict { return r.copied(func(p pair) uint64 { return p.value }) }

// Rebuild is Copy.
func (r *Reference) Rebuild() Dict { return r.Copy() }

// FromKeys makes a dict of the same keys.
func (r *Reference) FromKeys(value uint64) Dict { return r.copied(func(pair) uint64 { return value }) }

func (r *Reference) copied(value func(pair) uint64) Dict {
	c := r.store.New(0)
	if c == nil {
		return nil
	}
	for _, p := range r.pairs {
		if !c.Set(p.key, value(p)) {
			c.(*Reference).Free()
			return nil
		}
	}
	return c
}

// Move moves a key to an end.
func (r *Reference) Move(key uint64, front bool) bool {
	i := r.find(key)
	if i < 0 {
		return false
	}
	p := r.pairs[i]
	r.pairs = slices.Delete(r.pairs, i, i+1)
	if front {
		r.lowest--
		p.place = r.lowest
		r.pairs = slices.Insert(r.pairs, 0, p)
	} else {
		r.highest++
		p.place = r.highest
		r.pairs = append(r.pairs, p)
	}
	return true
}

// Range tells the pairs in order.
func (r *Reference) Range(f func(key, value uint64) bool) {
	for it := r.Iterate(); ; {
		key, value, step := it.Next()
		if step != Entry || !f(key, value) {
			return
		}
	}
}

// Equal looks each pair up in the other.
func (r *Reference) Equal(other Dict) bool {
	for _, p := range r.pairs {
		if value, ok := other.Get(p.key); !ok || value != p.value {
			return false
		}
	}
	return r.Len() == other.Len()
}

// Size counts 16 bytes a pair.
func (r *Reference) Size() uint64 { return 16 * uint64(len(r.pairs)) }

// OnCompare has f called in find.
func (r *Reference) OnCompare(f func()) { r.compare = f }

// Iterate makes an iterator from front to back.
func (r *Reference) Iterate() Iterator { return &referenceIterator{r: r, last: r.lowest - 1} }

// Reversed makes one from back to front.
func (r *Reference) Reversed() Iterator {
	return &referenceIterator{r: r, last: r.highest + 1, reverse: true}
}

// referenceIterator remembers the place of the last pair, and looks for the next from there.
type referenceIterator struct {
	r             *Reference
	last          int64
	reverse, over bool
}

func (it *referenceIterator) Next() (key, value uint64, step Step) {
	pairs := it.r.pairs
	for i := range pairs {
		p := pairs[i]
		if it.reverse {
			p = pairs[len(pairs)-1-i]
		}
		if !it.over && (p.place < it.last) == it.reverse && p.place != it.last {
			it.last = p.place
			return p.key, p.value, Entry
		}
	}
	it.over = true
	return 0, 0, End
}
