// Package peers tries published maps and caches, each in the version that go.mod pins. Those that are known to be wrong
// must be found to be so, by the rule that is written here; the others must stand all programs.
//
//	scripts/peers
//
// runs it. Nothing else does, as it needs the modules.
package peers

import (
	"runtime/debug"
	"strings"
	"testing"
	"time"

	haxmap "github.com/alphadose/haxmap"
	"github.com/bluele/gcache"
	cockroach "github.com/cockroachdb/swiss"
	dolt "github.com/dolthub/swiss"
	freelru "github.com/elastic/go-freelru"
	groupcache "github.com/golang/groupcache/lru"
	hashicorp "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/kamstrup/intmap"
	ordered "github.com/wk8/go-ordered-map/v2"
	g "github.com/zyedidia/generic"
	zcache "github.com/zyedidia/generic/cache"
	zmap "github.com/zyedidia/generic/hashmap"

	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
)

// peer is one published map. Rule is that which it breaks; "" is none. Haxmap works with
// unsafe pointers, and leaves some behind that Go's collector ends the process for: it is switched off meanwhile.
type peer struct {
	name, rule string
	contract   dicttest.Contract
	open       func(w dicttest.World, capacity int) dicttest.Dict
}

var live = dicttest.Contract{During: dict.Live, Retained: -1}

var peers = []peer{
	// An entry that was there from the beginning is not told when the map grows meanwhile, although All says that an
	// iteration remains valid then.
	{"cockroachdb/swiss", "dict/once", live, func(w dicttest.World, n int) dicttest.Dict {
		hash := w.Hasher()
		m := cockroach.New(n, cockroach.WithHash[uint64, int](func(k *uint64,
			_ uintptr) uintptr {
			return uintptr(hash(*k))
		}),
			cockroach.WithMaxBucketCapacity[uint64, int](8))
		return dicttest.Map[uint64, int]{Get: m.Get, Set: m.Put, Remove: m.Delete, Len: m.Len, Clear: m.Clear,
			Range: func(f func(uint64, int) bool) { m.All(f) }}.Dict()
	}},
	{"dolthub/swiss", "", dicttest.Contract{Retained: -1}, func(_ dicttest.World, n int) dicttest.Dict {
		m := dolt.NewMap[string, int](uint32(n))
		return dicttest.Map[string, int]{Get: m.Get, Set: m.Put, Delete: m.Delete, Len: m.Count, Clear: m.Clear,
			Range: func(f func(string, int) bool) { m.Iter(func(k string, v int) bool { return !f(k, v) }) }}.Dict()
	}},
	{"kamstrup/intmap", "", dicttest.Contract{Retained: -1}, func(_ dicttest.World, n int) dicttest.Dict {
		m := intmap.New[int, int](n)
		return dicttest.Map[int, int]{Get: m.Get, Set: m.Put, Delete: m.Del, Len: m.Len, Clear: m.Clear,
			Default: func(k, v int) int { v, _ = m.PutIfNotExists(k, v); return v }}.Dict()
	}},
	// A copy shares the entries until one of both writes, and Clear does not count as writing.
	{"zyedidia/generic/hashmap", "dict/length", dicttest.Contract{Retained: -1}, func(w dicttest.World,
		n int) dicttest.Dict {
		hash := w.Hasher()
		return zyedidia(zmap.New[uint64, int](uint64(n), g.Equals[uint64], hash)).Dict()
	}},
	// A lookup after Clear of an empty map follows a nil pointer.
	{"alphadose/haxmap", "run/alive", dicttest.Contract{Retained: -1}, func(w dicttest.World, n int) dicttest.Dict {
		m := haxmap.New[uint64, int](uintptr(n))
		return dicttest.Map[uint64, int]{Get: m.Get, Set: m.Set, Remove: func(k uint64) { m.Del(k) },
			Len: func() int { return int(m.Len()) }, Clear: m.Clear, Pop: m.GetAndDel,
			Default: func(k uint64, v int) int { v, _ = m.GetOrSet(k, v); return v }, Range: m.ForEach}.Dict()
	}},
	{"wk8/go-ordered-map", "", dicttest.Contract{Order: dict.Insertion, Retained: -1},
		func(_ dicttest.World, n int) dicttest.Dict {
			m := ordered.New[string, int](n)
			return dicttest.Map[string, int]{Get: m.Get, Set: func(k string, v int) { m.Set(k, v) }, Pop: m.Delete,
				Delete: func(k string) bool { _, ok := m.Delete(k); return ok }, Len: m.Len,
				ToEnd:   func(k string) bool { return m.MoveToBack(k) == nil },
				ToFront: func(k string) bool { return m.MoveToFront(k) == nil },
				Range: func(f func(string, int) bool) {
					for p := m.Oldest(); p != nil && f(p.Key, p.Value); p = p.Next() {
					}
				}}.Dict()
		}},
}

func zyedidia(m *zmap.Map[uint64, int]) dicttest.Map[uint64, int] {
	return dicttest.Map[uint64, int]{Get: m.Get, Set: m.Put, Remove: m.Remove, Len: m.Size, Clear: m.Clear,
		Copy: func() dicttest.Map[uint64, int] { return zyedidia(m.Copy()) }}
}

// cachePeer is one published cache.
type cachePeer struct {
	name, rule string
	contract   dicttest.CacheContract
	open       func(w dicttest.CacheWorld) (dicttest.Cache, error)
}

var cachePeers = []cachePeer{
	{"hashicorp/lru", "", dicttest.CacheContract{Policy: dict.LRU, RemoveTells: true, ClearTells: true},
		func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			var e dicttest.Evictions[uint64, int]
			c, err := hashicorp.NewWithEvict(w.Capacity, e.Tell)
			if err != nil {
				return nil, err
			}
			return dicttest.CacheMap[uint64, int]{Get: c.Get, Put: func(k uint64, v int) { c.Add(k, v) }, Len: c.Len,
				Peek: c.Peek, Contains: c.Contains, Remove: c.Remove, RemoveOldest: c.RemoveOldest, Clear: c.Purge,
				Resize: func(n int) { c.Resize(n) }, Keys: c.Keys, Evicted: &e}.Cache(), nil
		}},
	{"hashicorp/simplelru", "", dicttest.CacheContract{Policy: dict.LRU, RemoveTells: true, ClearTells: true},
		func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			var e dicttest.Evictions[uint64, int]
			c, err := simplelru.NewLRU(w.Capacity, e.Tell)
			if err != nil {
				return nil, err
			}
			return dicttest.CacheMap[uint64, int]{Get: c.Get, Put: func(k uint64, v int) { c.Add(k, v) }, Len: c.Len,
				Peek: c.Peek, Contains: c.Contains, Remove: c.Remove, RemoveOldest: c.RemoveOldest, Clear: c.Purge,
				Resize: func(n int) { c.Resize(n) }, Keys: c.Keys, Evicted: &e}.Cache(), nil
		}},
	{"hashicorp/expirable", "", dicttest.CacheContract{Policy: dict.LRU, Zero: dict.Unbounded, RemoveTells: true,
		ClearTells: true}, func(w dicttest.CacheWorld) (dicttest.Cache, error) {
		var e dicttest.Evictions[uint64, int]
		c := expirable.NewLRU(w.Capacity, e.Tell, time.Duration(0))
		return dicttest.CacheMap[uint64, int]{Get: c.Get, Put: func(k uint64, v int) { c.Add(k, v) }, Len: c.Len,
			Peek: c.Peek, Contains: c.Contains, Remove: c.Remove, RemoveOldest: c.RemoveOldest, Clear: c.Purge,
			Resize: func(n int) { c.Resize(n) }, Keys: c.Keys, Evicted: &e}.Cache(), nil
	}},
	{"elastic/freelru", "", dicttest.CacheContract{Policy: dict.LRU, RemoveTells: true},
		func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			hash := w.Hasher()
			c, err := freelru.New[uint64, int](uint32(w.Capacity), func(k uint64) uint32 { return uint32(hash(k)) })
			if err != nil {
				return nil, err
			}
			var e dicttest.Evictions[uint64, int]
			c.SetOnEvict(e.Tell)
			return dicttest.CacheMap[uint64, int]{Get: c.Get, Put: func(k uint64, v int) { c.Add(k, v) }, Len: c.Len,
				Peek: c.Peek, Contains: c.Contains, Remove: c.Remove, Keys: c.Keys, Evicted: &e}.Cache(), nil
		}},
	{"golang/groupcache", "", dicttest.CacheContract{Policy: dict.LRU, Zero: dict.Unbounded, RemoveTells: true,
		ClearTells: true}, func(w dicttest.CacheWorld) (dicttest.Cache, error) {
		var e dicttest.Evictions[uint64, int]
		c := groupcache.New(w.Capacity)
		c.OnEvicted = func(k groupcache.Key, v any) { e.Tell(k.(uint64), v.(int)) }
		return dicttest.CacheMap[uint64, int]{
			Get: func(k uint64) (int, bool) {
				v, ok := c.Get(k)
				n, _ := v.(int)
				return n, ok
			},
			Put: func(k uint64, v int) { c.Add(k, v) }, Len: c.Len, Clear: c.Clear, Evicted: &e}.Cache(), nil
	}},
	{"zyedidia/generic/cache", "", dicttest.CacheContract{Policy: dict.LRU, KeysReversed: true},
		func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			var e dicttest.Evictions[uint64, int]
			c := zcache.New[uint64, int](w.Capacity)
			c.SetEvictCallback(e.Tell)
			return dicttest.CacheMap[uint64, int]{Get: c.Get, Put: c.Put, Len: c.Size, Resize: c.Resize,
				Evicted: &e}.Cache(), nil
		}},
	{"bluele/gcache lru", "", dicttest.CacheContract{Policy: dict.LRU, RemoveTells: true}, gcacheOf(gcache.TYPE_LRU)},
	{"bluele/gcache lfu", "", dicttest.CacheContract{Policy: dict.LFU, RemoveTells: true}, gcacheOf(gcache.TYPE_LFU)},
	{"bluele/gcache arc", "", dicttest.CacheContract{RemoveTells: true}, gcacheOf(gcache.TYPE_ARC)},
	{"bluele/gcache simple", "", dicttest.CacheContract{RemoveTells: true}, gcacheOf(gcache.TYPE_SIMPLE)},
}

func gcacheOf(kind string) func(w dicttest.CacheWorld) (dicttest.Cache, error) {
	return func(w dicttest.CacheWorld) (dicttest.Cache, error) {
		var e dicttest.Evictions[uint64, int]
		c := gcache.New(w.Capacity).EvictType(kind).
			EvictedFunc(func(k, v any) { e.Tell(k.(uint64), v.(int)) }).Build()
		return dicttest.CacheMap[uint64, int]{
			Get: func(k uint64) (int, bool) {
				v, err := c.Get(k)
				n, _ := v.(int)
				return n, err == nil
			},
			Put: func(k uint64, v int) { _ = c.Set(k, v) }, Len: func() int { return c.Len(false) },
			Contains: func(k uint64) bool { return c.Has(k) },
			Remove:   func(k uint64) bool { return c.Remove(k) }, Clear: c.Purge, Evicted: &e}.Cache(), nil
	}
}

func TestPeers(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			open := func(w dicttest.World) (dicttest.Store, error) {
				return dicttest.Each(func(n int) dicttest.Dict { return p.open(w, n) }), nil
			}
			if strings.Contains(p.name, "haxmap") {
				defer debug.SetGCPercent(debug.SetGCPercent(-1))
			}
			err := dicttest.Test(nil, dicttest.InWorld(open), dicttest.Promise(p.contract), dicttest.Named(p.name),
				dicttest.Patience(20*time.Second))
			judge(t, p.rule, err)
		})
	}
}

func TestCachePeers(t *testing.T) {
	for _, p := range cachePeers {
		t.Run(p.name, func(t *testing.T) {
			err := dicttest.TestCache(nil, dicttest.InCacheWorld(p.open), dicttest.PromiseCache(p.contract),
				dicttest.Named(p.name), dicttest.Patience(20*time.Second), dicttest.Programs(400))
			judge(t, p.rule, err)
		})
	}
}

// judge demands that the rule that is known to be broken is the one that was found.
func judge(t *testing.T, rule string, err error) {
	t.Helper()
	switch {
	case rule == "" && err != nil:
		t.Error(err)
	case rule != "" && err == nil:
		t.Errorf("%s was not found to be broken", rule)
	case err != nil && !strings.Contains(err.Error(), "rule     "+rule+":"):
		t.Errorf("not %s, but\n%v", rule, err)
	case err != nil:
		t.Logf("as is known:\n%v", err)
	}
}
