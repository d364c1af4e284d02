package dict

import "slices"

// CacheReference is the cache that is believed by eye: a slice of entries, the next to be evicted first, which is
// searched from front to back. Its policy is LRU, and a capacity of 0 or less means that it stores nothing.
type CacheReference struct {
	capacity     int
	entries      []held
	hits, misses uint64
	compute      func(uint64) (uint64, bool)
	evicted      func(key, value uint64)
}

type held struct{ key, value uint64 }

// CacheReferenceContract is what CacheReference promises.
var CacheReferenceContract = CacheContract{Policy: LRU, Zero: Empty, Negative: Empty, ClearResets: true}

// NewCacheReference returns an empty cache.
func NewCacheReference(capacity int) *CacheReference {
	return &CacheReference{capacity: max(capacity, 0), evicted: func(uint64, uint64) {}}
}

// OnMiss sets the function that computes.
func (c *CacheReference) OnMiss(compute func(uint64) (uint64, bool)) { c.compute = compute }

// OnEvict sets the function that is told of evictions.
func (c *CacheReference) OnEvict(f func(key, value uint64)) { c.evicted = f }

// Len is the number of entries.
func (c *CacheReference) Len() int { return len(c.entries) }

// Held is Len.
func (c *CacheReference) Held() int { return len(c.entries) }

func (c *CacheReference) find(key uint64) int {
	return slices.IndexFunc(c.entries, func(e held) bool { return e.key == key })
}

// Get looks a key up and uses it.
func (c *CacheReference) Get(key uint64) (value uint64, ok bool) {
	i := c.find(key)
	if i < 0 {
		c.misses++
		return 0, false
	}
	c.hits++
	e := c.entries[i]
	c.entries = append(slices.Delete(c.entries, i, i+1), e)
	return e.value, true
}

// Put stores an entry as the newest.
func (c *CacheReference) Put(key, value uint64) bool {
	if c.capacity == 0 {
		return false
	}
	if i := c.find(key); i >= 0 {
		c.entries = slices.Delete(c.entries, i, i+1)
	}
	c.shrink(c.capacity - 1)
	c.entries = append(c.entries, held{key, value})
	return true
}

func (c *CacheReference) shrink(to int) {
	for len(c.entries) > to {
		e := c.entries[0]
		c.entries = slices.Delete(c.entries, 0, 1)
		c.evicted(e.key, e.value)
	}
}

// Call computes what is not there, and stores it unless the computation has stored the key itself.
func (c *CacheReference) Call(key uint64) (value uint64, ok bool) {
	if value, ok := c.Get(key); ok {
		return value, true
	}
	value, ok = c.compute(key)
	if ok && c.find(key) < 0 {
		c.Put(key, value)
	}
	return value, ok
}

// Peek looks a key up.
func (c *CacheReference) Peek(key uint64) (value uint64, ok bool) {
	if i := c.find(key); i >= 0 {
		return c.entries[i].value, true
	}
	return 0, false
}

// Contains tells whether a key is there.
func (c *CacheReference) Contains(key uint64) bool { return c.find(key) >= 0 }

// Remove takes a key out.
func (c *CacheReference) Remove(key uint64) bool {
	i := c.find(key)
	if i >= 0 {
		c.entries = slices.Delete(c.entries, i, i+1)
	}
	return i >= 0
}

// RemoveOldest takes the first entry out.
func (c *CacheReference) RemoveOldest() (key, value uint64, ok bool) {
	if len(c.entries) == 0 {
		return 0, 0, false
	}
	e := c.entries[0]
	c.entries = slices.Delete(c.entries, 0, 1)
	return e.key, e.value, true
}

// Clear takes all out and forgets the statistics.
func (c *CacheReference) Clear() { c.entries, c.hits, c.misses = nil, 0, 0 }

// Resize gives it another capacity.
func (c *CacheReference) Resize(capacity int) {
	c.capacity = capacity
	c.shrink(capacity)
}

// Keys tells the keys, the next to be evicted first.
func (c *CacheReference) Keys(tell func(uint64)) {
	for _, e := range c.entries {
		tell(e.key)
	}
}

// Info tells the statistics.
func (c *CacheReference) Info() (hits, misses uint64, length, capacity int) {
	return c.hits, c.misses, len(c.entries), c.capacity
}
