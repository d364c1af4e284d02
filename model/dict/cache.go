package dict

// Cache is the least that a cache does. It is a Storer or a Caller besides, or both.
type Cache interface {
	// Len is the number of entries.
	Len() int
}

// The parts of a Cache, each found by its method. Clearer, Checker, Holder and Closer may be parts of it, too.
type (
	// Storer is a cache that is filled from outside. Put tells whether the entry is stored; a cache of capacity 0 may
	// store nothing.
	Storer interface {
		Get(key uint64) (value uint64, ok bool)
		Put(key, value uint64) bool
	}
	// Caller is a cache that computes what it does not hold, by the function that it was given: lru_cache. A
	// computation that fails is not stored, and the call fails. The function may use the cache.
	Caller interface {
		OnMiss(compute func(key uint64) (value uint64, ok bool))
		Call(key uint64) (value uint64, ok bool)
	}
	// Peeker tells the value of a key, which is no use of it.
	Peeker interface {
		Peek(key uint64) (value uint64, ok bool)
	}
	// Container tells whether a key is there, which is no use of it.
	Container interface{ Contains(key uint64) bool }
	// Remover takes a key out and tells whether it was there.
	Remover interface{ Remove(key uint64) bool }
	// OldestRemover takes the entry out that the policy would evict next.
	OldestRemover interface {
		RemoveOldest() (key, value uint64, ok bool)
	}
	// Resizer gives the cache another capacity, above 0.
	Resizer interface{ Resize(capacity int) }
	// Keyer tells all keys, where there is a policy that orders them the next to be evicted first.
	Keyer interface{ Keys(tell func(key uint64)) }
	// Informer tells the hits and misses that there were, the length and the capacity, -1 when there is none.
	Informer interface {
		Info() (hits, misses uint64, length, capacity int)
	}
	// Evicter has f called for each entry that is evicted.
	Evicter interface {
		OnEvict(f func(key, value uint64))
	}
	// Faulter makes something happen in the next call: nth is the number of the request for memory that is refused, or
	// of the hash or comparison of keys that fails, or in which a function is called. A call that fails for it says
	// that it failed. Faulted tells whether it happened, and whether the call failed by it.
	Faulter interface {
		Fault(f Fault, nth int, during func())
		Faulted() (happened, failed bool)
	}
	// Settler waits until what the cache does by itself is done.
	Settler interface{ Settle() }
)

// Fault is what happens in a call.
type Fault uint8

// The faults.
const (
	FaultMemory Fault = iota + 1 // a request for memory is refused
	FaultRaise                   // a hash or a comparison fails
	FaultDuring                  // a function runs in a hash or a comparison
)

// Policy is which entry a cache evicts when it is full.
type Policy uint8

// The policies.
const (
	Whichever Policy = iota // none is promised
	LRU                     // the one that was not used for the longest time
	FIFO                    // the one that was put first; overwriting does not change that
	LFU                     // one that was used least often since it was put
)

// Means is what a capacity of 0, or a negative one, means.
type Means uint8

// The meanings.
const (
	Nothing   Means = iota // it is not promised, and no cache is made with one
	Empty                  // the cache stores nothing
	Unbounded              // it stores everything
)

// CacheContract is what a cache promises. The zero CacheContract promises an exact capacity and no policy.
type CacheContract struct {
	Policy         Policy
	Approximate    bool  // entries may be evicted at any time
	Slack          int   // the length may be so much above the capacity
	Zero, Negative Means // what such capacities mean

	// What OnEvict is told of besides evictions.
	RemoveTells, ClearTells, OverwriteTells bool

	KeysReversed bool // Keys tells the one to be evicted next last
	ClearResets  bool // Clear sets hits and misses to 0
	PutCounts    bool // Put of a key that is there is a hit, and of another a miss
	LastWins     bool // when a key was stored while it is computed, what was computed last stays; otherwise the first

	UnboundedLastWins bool // so it is where there is no capacity
	CallsOnly         bool // nothing but calls fills it, so that it holds other entries than one with Put

	MayRefuse bool // Put may refuse at any time
	Inexact   bool // Held is an estimate: it is not compared
	Unsteady  bool // what it answers may differ from run to run, as goroutines of its own work in it
}

// Exact tells whether what is in the cache follows from what was asked.
func (c *CacheContract) Exact() bool {
	return !c.Approximate && !c.Unsteady && !c.MayRefuse && (c.Policy == LRU || c.Policy == FIFO)
}

// Folds tells what a cache does with a capacity: the number of entries, 0 when it stores nothing; unbounded when there
// is none. It is not promised when ok is false.
func (c *CacheContract) Folds(capacity int) (entries int, unbounded, ok bool) {
	means := c.Zero
	switch {
	case capacity > 0:
		return capacity, false, true
	case capacity < 0:
		means = c.Negative
	}
	return 0, means == Unbounded, means != Nothing
}

// CacheModel is a cache as its user knows it: a slice of entries, the next to be evicted first.
type CacheModel struct {
	Contract  CacheContract
	capacity  int
	unbounded bool
	tells     bool // evictions are told
	entries   []cached
	length    int      // that was told last
	told      []cached // evictions of this operation that no insertion has accounted for
	hits      uint64
	misses    uint64
	computed  uint64
	before    []cached // the entries before the last that was stored
	since     uint64   // computed, then
}

// cached is an entry. Maybe says that it may have been evicted: nobody tells, and no policy says.
type cached struct {
	key, value   uint64
	uses, writes int
	maybe        bool
}

// NewCacheModel returns the model of an empty cache of that capacity, whose evictions are told or not.
func NewCacheModel(c CacheContract, capacity int, tells bool) *CacheModel {
	m := &CacheModel{Contract: c, tells: tells}
	m.capacity, m.unbounded, _ = c.Folds(capacity)
	return m
}

// Capacity is what Info tells of the capacity.
func (m *CacheModel) Capacity() int {
	if m.unbounded {
		return -1
	}
	return m.capacity
}

func (m *CacheModel) find(key uint64) int {
	for i := len(m.entries) - 1; i >= 0; i-- {
		if m.entries[i].key == key {
			return i
		}
	}
	return -1
}

func (m *CacheModel) drop(i int) {
	copy(m.entries[i:], m.entries[i+1:])
	m.entries = m.entries[:len(m.entries)-1]
}

// use says that an entry was used.
func (m *CacheModel) use(i int) {
	m.entries[i].uses++
	if m.Contract.Policy == LRU {
		e := m.entries[i]
		m.drop(i)
		m.entries = append(m.entries, e)
	}
}

// gone is what it breaks that an entry that has to be there is not.
func (m *CacheModel) gone(key uint64) violation {
	switch {
	case m.unbounded || m.length < m.capacity:
		return CacheRoom.Breach("key %d is not there, and there was room for it", key)
	case m.Contract.Exact():
		return CachePolicy.Breach("key %d is not there, and should not have been evicted", key)
	}
	return CacheRoom.Breach("key %d is not there, and nothing has taken its room", key)
}

// Look judges what the cache tells of a key, and whether it counts as a use of it.
func (m *CacheModel) Look(key, value uint64, ok, use bool) violation {
	i := m.find(key)
	if v := m.look(i, key, value, ok); v != nil || i < 0 {
		return v
	}
	switch {
	case !ok:
		m.drop(i)
	case use:
		m.use(i)
	}
	return nil
}

func (m *CacheModel) look(i int, key, value uint64, ok bool) violation {
	switch {
	case i < 0 && ok:
		return CacheAbsent.Breach("key %d is found, with %d", key, value)
	case i < 0:
		return nil
	case !ok && !m.entries[i].maybe:
		return m.gone(key)
	case ok && m.entries[i].value != value:
		return CacheReads.Breach("key %d holds %d, and %d was written", key, value, m.entries[i].value)
	case ok:
		m.entries[i].maybe = m.Contract.Approximate
	}
	return nil
}

// Contains judges whether a key is there.
func (m *CacheModel) Contains(key uint64, ok bool) violation {
	value := uint64(0)
	if i := m.find(key); i >= 0 {
		value = m.entries[i].value
	}
	return m.Look(key, value, ok, false)
}

// Get judges a lookup, which is a hit or a miss.
func (m *CacheModel) Get(key, value uint64, ok bool) violation {
	m.count(ok)
	return m.Look(key, value, ok, true)
}

func (m *CacheModel) count(hit bool) {
	if hit {
		m.hits++
	} else {
		m.misses++
	}
}

// Put judges that an entry was put, and whether it was stored.
func (m *CacheModel) Put(key, value uint64, stored bool) violation {
	switch {
	case !stored && m.capacity == 0 && !m.unbounded:
		return nil
	case !stored && !m.Contract.MayRefuse && !m.Contract.Approximate:
		return CacheServes.Breach("key %d is not stored", key)
	case !stored: // what the key held may be there or not
		if i := m.find(key); i >= 0 {
			m.drop(i)
		}
		return nil
	}
	i := m.find(key)
	if m.Contract.PutCounts {
		m.count(i >= 0)
	}
	return m.store(i, key, value)
}

// store stores an entry, whose place is i if the key is there, and evicts another if it has to.
func (m *CacheModel) store(i int, key, value uint64) violation {
	if i >= 0 && !m.entries[i].maybe {
		if m.Contract.OverwriteTells {
			if v := m.expect(m.entries[i]); v != nil {
				return v
			}
		}
		m.entries[i].value = value
		m.entries[i].writes++
		if m.Contract.Policy == LRU {
			m.use(i)
		}
		return nil
	}
	if i >= 0 {
		m.drop(i)
	}
	return m.insert(cached{key: key, value: value, writes: 1, maybe: m.Contract.Approximate})
}

// insert stores a key that is not there.
func (m *CacheModel) insert(e cached) violation {
	if m.capacity == 0 && !m.unbounded {
		m.told = m.told[:0] // whether what is not stored counts as evicted is not promised
		return nil
	}
	for !m.unbounded && !m.Contract.Approximate && len(m.entries)-m.Contract.Slack >= m.capacity {
		if !m.tells && (!m.Contract.Exact() || m.Contract.Slack > 0) {
			for i := range m.entries {
				m.entries[i].maybe = true
			}
			break
		}
		if v := m.evict(); v != nil {
			return v
		}
	}
	m.entries = append(m.entries, e)
	return nil
}

// evict judges the eviction that was told first, or takes out the entry that has to be evicted.
func (m *CacheModel) evict() violation {
	if !m.tells {
		m.drop(0)
		return nil
	}
	if len(m.told) == 0 {
		return CacheCallback.Breach("an entry was to be evicted, and the callback was not told of it")
	}
	e := m.told[0]
	m.told = m.told[:copy(m.told, m.told[1:])]
	i := m.find(e.key)
	switch {
	case i < 0:
		return CacheCallback.Breach("the callback was told of key %d, which is not there", e.key)
	case m.entries[i].value != e.value:
		return CacheCallback.Breach("the callback was told %d of key %d, which held %d",
			e.value, e.key, m.entries[i].value)
	case m.Contract.Exact() && i != 0:
		return CachePolicy.Breach("key %d was evicted before key %d", e.key, m.entries[0].key)
	case m.Contract.Policy == LFU && !m.rarest(i):
		return CachePolicy.Breach("key %d was evicted, and another was used less often", e.key)
	}
	m.drop(i)
	return nil
}

// rarest tells whether no entry was surely used less often than one. Whether being written is a use is not promised.
func (m *CacheModel) rarest(i int) bool {
	for _, o := range m.entries {
		if o.uses+o.writes < m.entries[i].uses+1 {
			return false
		}
	}
	return true
}

// expect judges that the callback was told of an entry, though it was not evicted.
func (m *CacheModel) expect(e cached) violation {
	if !m.tells || e.maybe {
		return nil
	}
	for i, t := range m.told {
		if t.key == e.key && t.value == e.value {
			m.told = append(m.told[:i], m.told[i+1:]...)
			return nil
		}
	}
	return CacheCallback.Breach("the callback was not told of key %d", e.key)
}

// Evicted says that the callback was told of an entry, in the operation that is judged next.
func (m *CacheModel) Evicted(key, value uint64) {
	if m.Contract.Approximate || m.Contract.Unsteady {
		return
	}
	m.told = append(m.told, cached{key: key, value: value})
}

// Settle judges that no eviction was told that there was not, and the length after the operation.
func (m *CacheModel) Settle(length int) violation {
	if len(m.told) > 0 {
		key := m.told[0].key
		m.told = m.told[:0]
		return CacheCallback.Breach("the callback was told of key %d, which was not evicted", key)
	}
	return m.Len(length)
}

// Len judges the length.
func (m *CacheModel) Len(n int) violation {
	sure := 0
	for _, e := range m.entries {
		if !e.maybe {
			sure++
		}
	}
	switch {
	case !m.unbounded && n > m.capacity+m.Contract.Slack:
		return CacheCapacity.Breach("the length is %d, and the capacity %d", n, m.capacity)
	case n < 0 || n < sure:
		return CacheLength.Breach("the length is %d, and there are %d entries", n, sure)
	case n > len(m.entries):
		return CacheLength.Breach("the length is %d, and there are %d entries", n, len(m.entries))
	case !m.Contract.Approximate && sure < len(m.entries) && n < min(len(m.entries), m.capacity):
		return CacheRoom.Breach("the length is %d, and there is room for %d entries", n, m.capacity)
	}
	m.length = n
	if n == len(m.entries) && !m.Contract.Approximate {
		for i := range m.entries {
			m.entries[i].maybe = false
		}
	}
	return nil
}

// Remove judges that a key was taken out, and whether it was there.
func (m *CacheModel) Remove(key uint64, ok bool) violation {
	i := m.find(key)
	value := uint64(0)
	if i >= 0 {
		value = m.entries[i].value
	}
	if v := m.look(i, key, value, ok); v != nil || i < 0 {
		return v
	}
	e := m.entries[i]
	m.drop(i)
	if ok && m.Contract.RemoveTells {
		return m.expect(e)
	}
	return nil
}

// RemoveOldest judges which entry was taken out.
func (m *CacheModel) RemoveOldest(key, value uint64, ok bool) violation {
	if !ok {
		if m.length > 0 {
			return CachePolicy.Breach("there is no oldest entry of %d", m.length)
		}
		return nil
	}
	i := m.find(key)
	if v := m.look(i, key, value, true); v != nil {
		return v
	}
	if m.Contract.Exact() && i != 0 {
		return CachePolicy.Breach("key %d was removed as the oldest, and key %d is", key, m.entries[0].key)
	}
	e := m.entries[i]
	m.drop(i)
	if m.Contract.RemoveTells {
		return m.expect(e)
	}
	return nil
}

// Clear takes all out.
func (m *CacheModel) Clear() violation {
	if m.Contract.ClearTells {
		for _, e := range m.entries {
			if v := m.expect(e); v != nil {
				return v
			}
		}
	}
	m.entries = m.entries[:0]
	if m.Contract.ClearResets {
		m.hits, m.misses = 0, 0
	}
	return nil
}

// Resize gives the cache another capacity, which is above 0.
func (m *CacheModel) Resize(capacity int) violation {
	m.capacity, m.unbounded = capacity, false
	for len(m.entries)-m.Contract.Slack > capacity && !m.Contract.Approximate {
		if !m.tells && (!m.Contract.Exact() || m.Contract.Slack > 0) {
			for i := range m.entries {
				m.entries[i].maybe = true
			}
			break
		}
		if v := m.evict(); v != nil {
			return v
		}
	}
	return nil
}

// Info judges the statistics.
func (m *CacheModel) Info(hits, misses uint64, length, capacity int) violation {
	switch {
	case hits != m.hits || misses != m.misses:
		return CacheInfo.Breach("%d hits and %d misses are told, and there were %d and %d",
			hits, misses, m.hits, m.misses)
	case capacity != m.Capacity():
		return CacheInfo.Breach("the capacity %d is told, and it is %d", capacity, m.Capacity())
	}
	return m.Len(length)
}

// Held judges how many values can be reached.
func (m *CacheModel) Held(n int) violation {
	if !m.Contract.Inexact && n != m.length {
		return CacheReleased.Breach("%d values can be reached, and the cache holds %d", n, m.length)
	}
	return nil
}

// Keys judges the keys one after the other: the i-th of n.
func (m *CacheModel) Keys(i, n int, key uint64) violation {
	at := m.find(key)
	switch {
	case at < 0:
		return CacheOrder.Breach("key %d is told, which is not there", key)
	case !m.Contract.Exact():
		return nil
	}
	want := i
	if m.Contract.KeysReversed {
		want = n - 1 - i
	}
	if at != want {
		return CacheOrder.Breach("key %d is told in place %d, and is in place %d", key, i, at)
	}
	return nil
}

// KeyCount judges how many keys were told.
func (m *CacheModel) KeyCount(n int) violation {
	if n != m.length && !m.Contract.Approximate {
		return CacheOrder.Breach("%d keys are told, and there are %d", n, m.length)
	}
	return nil
}
