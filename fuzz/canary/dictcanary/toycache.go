package dictcanary

import (
	"fmt"

	"heapfuzz/model/dict"
)

// toyCache is a cache with the policy LRU: a map of nodes, and a ring through them behind whose root the oldest stands.
// Its one defect is bug.
type toyCache struct {
	bug          Bug
	capacity     int
	nodes        map[uint64]*node
	root         node
	hits, misses uint64
	held         int
	compute      func(uint64) (uint64, bool)
	evicted      func(key, value uint64)
}

type node struct {
	key, value uint64
	prev, next *node
}

// promisesOfCache is what toyCache promises without its defect.
var promisesOfCache = dict.CacheContract{Policy: dict.LRU, Zero: dict.Empty, Negative: dict.Empty, ClearResets: true,
	RemoveTells: true}

func newToyCache(bug Bug, capacity int) *toyCache {
	c := &toyCache{bug: bug, capacity: capacity, nodes: map[uint64]*node{}, evicted: func(uint64, uint64) {}}
	if capacity < 0 && bug != NegativeIsMany {
		c.capacity = 0
	}
	c.root.prev, c.root.next = &c.root, &c.root
	return c
}

func (c *toyCache) OnMiss(f func(uint64) (uint64, bool)) { c.compute = f }
func (c *toyCache) OnEvict(f func(key, value uint64))    { c.evicted = f }
func (c *toyCache) Held() int                            { return c.held }

func (c *toyCache) Len() int {
	if c.bug == LengthOfRing {
		n := 0
		for at := c.root.next; at != &c.root; at = at.next {
			n++
		}
		return n
	}
	return len(c.nodes)
}

func (n *node) unlink() { n.prev.next, n.next.prev = n.next, n.prev }

// newest links a node in as the newest.
func (c *toyCache) newest(n *node) {
	n.prev, n.next = c.root.prev, &c.root
	n.prev.next, c.root.prev = n, n
}

func (c *toyCache) use(n *node) {
	n.unlink()
	c.newest(n)
}

func (c *toyCache) Get(key uint64) (value uint64, ok bool) {
	n := c.nodes[key]
	if n == nil || c.bug == ZeroIsAbsent && n.value == 0 {
		c.misses++
		if c.bug == MissIsHit {
			c.hits++
			c.misses--
		}
		return 0, false
	}
	c.hits++
	if c.bug != GetIsNoUse {
		c.use(n)
	}
	if c.bug == ReadsNeighbour && n.prev != &c.root {
		return n.prev.value, true
	}
	return n.value, true
}

func (c *toyCache) Put(key, value uint64) bool {
	if c.bug == RefusesMax && key == 1<<64-1 {
		return false
	}
	if n := c.nodes[key]; n != nil {
		if c.bug == OverwriteKeepsOld {
			value = value&^1 | n.value&1
		}
		n.value = value
		if c.bug != OverwriteIsNoUse {
			c.use(n)
		}
		return true
	}
	if c.capacity == 0 && c.bug != ZeroHoldsOne {
		return false
	}
	room := c.capacity
	switch c.bug {
	case HoldsOneMore:
		room++
	case HoldsOneLess:
		room = max(1, room-1)
	case ZeroHoldsOne:
		room = max(1, room)
	}
	if c.capacity >= 0 {
		c.shrink(room - 1)
	}
	n := &node{key: key, value: value}
	c.nodes[key] = n
	c.newest(n)
	c.held++
	return true
}

func (c *toyCache) shrink(to int) {
	for len(c.nodes) > to && c.root.next != &c.root {
		n := c.root.next
		if c.bug == EvictsNewest {
			n = c.root.prev
		}
		c.take(n)
		if c.bug == EvictedIsHeld {
			c.held++
		}
		switch c.bug {
		case EvictedUntold:
		case EvictedToldTwice:
			c.evicted(n.key, n.value)
			c.evicted(n.key, n.value)
		case EvictedToldWrong:
			c.evicted(n.key, n.value+1)
		default:
			c.evicted(n.key, n.value)
		}
	}
}

func (c *toyCache) take(n *node) {
	n.unlink()
	delete(c.nodes, n.key)
	c.held--
}

// Call is lru_cache's: it looks again when it has computed.
func (c *toyCache) Call(key uint64) (value uint64, ok bool) {
	if value, ok := c.Get(key); ok {
		return value, true
	}
	value, ok = c.compute(key)
	switch n := c.nodes[key]; {
	case !ok && c.bug == FailureIsStored:
		c.Put(key, 0)
	case !ok:
	case n == nil:
		c.Put(key, value)
	case c.bug == SecondLookupLost || c.bug == LengthOfRing: // bpo-35780: the node that is there stays in the ring
		delete(c.nodes, key)
		c.Put(key, value)
	}
	if c.bug == CallTellsStored && ok && c.nodes[key] != nil {
		value = c.nodes[key].value
	}
	return value, ok
}

func (c *toyCache) Peek(key uint64) (value uint64, ok bool) {
	n := c.nodes[key]
	if n == nil {
		return 0, false
	}
	if c.bug == PeekIsUse {
		c.use(n)
	}
	return n.value, true
}

func (c *toyCache) Contains(key uint64) bool {
	if c.bug == ContainsForgets && len(c.nodes) == c.capacity && c.root.next.key == key {
		return false
	}
	return c.nodes[key] != nil
}

func (c *toyCache) Remove(key uint64) bool {
	n := c.nodes[key]
	if n == nil {
		return false
	}
	if c.bug == RemoveLeavesLink || c.bug == RemoveLeavesLinkBlind {
		delete(c.nodes, key)
		c.held--
	} else {
		c.take(n)
	}
	if c.bug != RemoveUntold {
		c.evicted(n.key, n.value)
	}
	return true
}

func (c *toyCache) RemoveOldest() (key, value uint64, ok bool) {
	if c.root.next == &c.root {
		return 0, 0, false
	}
	n := c.root.next
	if c.bug == OldestIsNewest {
		n = c.root.prev
	}
	c.take(n)
	c.evicted(n.key, n.value)
	return n.key, n.value, true
}

func (c *toyCache) Clear() {
	if c.bug != ClearKeepsNodes {
		clear(c.nodes)
		c.held = 0
	}
	c.root.prev, c.root.next = &c.root, &c.root
	if c.bug != ClearKeepsStatistics {
		c.hits, c.misses = 0, 0
	}
}

func (c *toyCache) Resize(capacity int) {
	c.capacity = capacity
	if c.bug != ResizeKeepsAll {
		c.shrink(capacity)
	}
}

func (c *toyCache) Keys(tell func(uint64)) {
	if c.bug == KeysOfMap {
		for n := c.root.prev; n != &c.root; n = n.prev {
			tell(n.key)
		}
		return
	}
	for n := c.root.next; n != &c.root; n = n.next {
		tell(n.key)
	}
}

func (c *toyCache) Info() (hits, misses uint64, length, capacity int) {
	return c.hits, c.misses, len(c.nodes), c.capacity
}

// CheckInvariants walks the ring both ways.
func (c *toyCache) CheckInvariants() error {
	n := 0
	for at := c.root.next; at != &c.root; at = at.next {
		if n++; c.nodes[at.key] != at {
			return fmt.Errorf("toycache/orphan: key %d is in the ring and not in the map", at.key)
		}
		if at.next.prev != at {
			return fmt.Errorf("toycache/ring: the node behind key %d does not know it", at.key)
		}
	}
	if n != len(c.nodes) {
		return fmt.Errorf("toycache/length: %d nodes in the ring, and %d in the map", n, len(c.nodes))
	}
	return nil
}

// faultyCache is a cache in whose calls something happens: before a key is looked up, or before it is stored.
type faultyCache struct {
	*toyCache
	fault            dict.Fault
	nth              int
	during           func()
	happened, failed bool
}

// faulty has nothing evicted be told: who calls in the middle of a call cannot tell whose eviction it is.
func faulty(c *toyCache) dict.Cache {
	f := &faultyCache{toyCache: c}
	return struct {
		dict.Cache
		dict.Caller
		dict.Peeker
		dict.Clearer
		dict.Keyer
		dict.Faulter
	}{f, f, f, f, f, f}
}

func (c *faultyCache) Fault(f dict.Fault, nth int, during func()) {
	c.fault, c.nth, c.during, c.happened, c.failed = f, nth, during, false, false
}

func (c *faultyCache) Faulted() (happened, failed bool) { return c.happened, c.failed }

// Call is toyCache's, in which all that happens happens when the value is to be stored.
func (c *faultyCache) Call(key uint64) (value uint64, ok bool) {
	fault := c.fault
	c.fault = 0
	if fault == 0 || c.nodes[key] != nil {
		return c.toyCache.Call(key)
	}
	c.misses++
	value, ok = c.compute(key)
	c.happened, c.failed = true, fault != dict.FaultDuring && !(fault == dict.FaultRaise && c.bug == ErrorIsLost)
	if fault == dict.FaultDuring {
		c.during()
	}
	if n := c.nodes[key]; n == nil && (!c.failed || c.bug == RefusedIsStored) {
		c.Put(key, value)
		if fault == dict.FaultDuring && c.bug == WrongWhileAsked && c.nodes[key] != nil {
			c.nodes[key].value += 1000
		}
	}
	return value, ok && !c.failed
}
