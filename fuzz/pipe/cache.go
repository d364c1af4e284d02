package pipe

import (
	"fmt"
	"strconv"
	"strings"

	"heapfuzz/model/dict"
)

// CacheParts are the words for the optional parts of a dict.Cache that the other side may have.
var CacheParts = []string{
	"store", "call", "peek", "contains", "remove", "removeoldest", "clear", "resize", "keys", "info", "evict",
}

// Cache is a cache in another process.
type Cache struct {
	talk
	Contract dict.CacheContract

	hash    func(key uint64) uint64 // nil: keys are numbers
	keyed   map[uint64]struct{}     // keys that the other side was told the hash of
	compute func(uint64) (uint64, bool)
	evicted func(key, value uint64)
	length  int // that was told last
}

// StartCache starts the other side and reads who it is.
func StartCache(argv ...string) (*Cache, error) {
	c := &Cache{}
	c.talk = talk{argv: argv, subject: "cache", known: CacheParts, promise: c.promised, tell: c.told}
	return c, c.begin()
}

// promised reads one word of the first line.
func (c *Cache) promised(key, value string) bool {
	means := map[string]dict.Means{"nothing": dict.Nothing, "empty": dict.Empty, "unbounded": dict.Unbounded}
	p := &c.Contract
	switch key {
	case "policy":
		return choice(value, map[string]dict.Policy{"lru": dict.LRU, "fifo": dict.FIFO, "lfu": dict.LFU}, &p.Policy)
	case "zero":
		return choice(value, means, &p.Zero)
	case "negative":
		return choice(value, means, &p.Negative)
	case "clearresets":
		return flag(value, &p.ClearResets)
	case "lastwins":
		return flag(value, &p.LastWins)
	case "removetells":
		return flag(value, &p.RemoveTells)
	case "cleartells":
		return flag(value, &p.ClearTells)
	case "overwritetells":
		return flag(value, &p.OverwriteTells)
	case "keysreversed":
		return flag(value, &p.KeysReversed)
	case "callsonly":
		return flag(value, &p.CallsOnly)
	case "putcounts":
		return flag(value, &p.PutCounts)
	}
	return false
}

// told tells of an event and reports whether it is one.
func (c *Cache) told(text string) (reply []byte, ok bool) {
	what, rest, _ := strings.Cut(text, " ")
	ns, ok := numbersOf(nil, rest)
	switch {
	case ok && what == "miss" && len(ns) == 1 && c.compute != nil:
		if value, ok := c.compute(ns[0]); ok {
			reply = strconv.AppendUint([]byte(" "), value, 10)
		}
		return reply, true
	case ok && what == "evicted" && len(ns) == 2 && c.evicted != nil:
		c.evicted(ns[0], ns[1])
		return nil, true
	}
	return nil, false
}

// Reset begins with an empty cache, in a new process if the old one is dead. With hash every key is an object of its
// own that has this hash; without, keys are numbers.
func (c *Cache) Reset(capacity int, hash func(key uint64) uint64) error {
	if err := c.revive(); err != nil {
		return err
	}
	c.hash, c.keyed, c.compute, c.evicted, c.length = hash, map[uint64]struct{}{}, nil, nil, 0
	negative, n := false, uint64(capacity)
	if capacity < 0 {
		negative, n = true, uint64(-capacity)
	}
	_, _, err := c.ask("reset", n, digit(negative))
	return err
}

// Close is of one cache: the process lives on for the next.
func (c *Cache) Close() error { return nil }

// about asks a question whose answer begins with the length, and has so many numbers behind it, or none where none may
// be there; or any number of them with count -1.
func (c *Cache) about(count int, none bool, verb string, args ...uint64) []uint64 {
	ns := c.must(1, verb, args...)
	c.length = int(ns[0])
	if got := len(ns) - 1; got != count && count >= 0 && !(none && got == 0) {
		panic(c.p.badLine(c.question(verb, args), fmt.Sprintf("%d numbers", got)))
	}
	return ns[1:]
}

func (c *Cache) onKey(key uint64, count int, none bool, verb string, more ...uint64) []uint64 {
	if c.hash != nil {
		if _, ok := c.keyed[key]; !ok {
			c.keyed[key] = struct{}{}
			c.must(0, "key", key, c.hash(key))
		}
	}
	return c.about(count, none, verb, append([]uint64{key}, more...)...)
}

// Len is the length that the last answer told.
func (c *Cache) Len() int { return c.length }

func (c *Cache) OnMiss(compute func(uint64) (uint64, bool)) { c.compute = compute }
func (c *Cache) OnEvict(f func(key, value uint64))          { c.evicted = f }

func (c *Cache) Call(key uint64) (value uint64, ok bool) { return one(c.onKey(key, 1, true, "call")) }
func (c *Cache) Get(key uint64) (value uint64, ok bool)  { return one(c.onKey(key, 1, true, "get")) }
func (c *Cache) Peek(key uint64) (value uint64, ok bool) { return one(c.onKey(key, 1, true, "peek")) }

func (c *Cache) Put(key, value uint64) bool { return c.onKey(key, 1, false, "put", value)[0] != 0 }

func (c *Cache) Contains(key uint64) bool { return c.onKey(key, 1, false, "contains")[0] != 0 }
func (c *Cache) Remove(key uint64) bool   { return c.onKey(key, 1, false, "remove")[0] != 0 }

func (c *Cache) RemoveOldest() (key, value uint64, ok bool) {
	return two(c.about(2, true, "removeoldest"))
}

func (c *Cache) Clear()              { c.about(0, false, "clear") }
func (c *Cache) Resize(capacity int) { c.about(0, false, "resize", uint64(capacity)) }

func (c *Cache) Keys(tell func(key uint64)) {
	for _, key := range append([]uint64(nil), c.about(-1, false, "keys")...) {
		tell(key)
	}
}

func (c *Cache) Info() (hits, misses uint64, length, capacity int) {
	ns := c.about(4, false, "info")
	return ns[0], ns[1], int(ns[2]), int(int64(ns[3]))
}
