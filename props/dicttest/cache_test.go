package dicttest

import (
	"strings"
	"testing"

	"heapfuzz/model/dict"
	"heapfuzz/props"
)

func cacheReference(capacity int) Cache { return dict.NewCacheReference(capacity) }

func TestCacheReference(t *testing.T) {
	if err := TestCache(cacheReference, PromiseCache(dict.CacheReferenceContract), Programs(150)); err != nil {
		t.Error(err)
	}
}

// callsOnly is a cache that computes, and is not filled from outside: lru_cache.
type callsOnly struct {
	dict.Cache
	dict.Caller
	dict.Clearer
	dict.Informer
}

func TestCallsOnly(t *testing.T) {
	open := func(n int) Cache { c := dict.NewCacheReference(n); return callsOnly{c, c, c, c} }
	if err := TestCache(open, PromiseCache(dict.CacheReferenceContract), Programs(150)); err != nil {
		t.Error(err)
	}
}

// storesOnly is a cache of which nothing but its capacity is known.
type storesOnly struct {
	dict.Cache
	dict.Storer
}

func TestNoPolicy(t *testing.T) {
	open := func(n int) Cache { c := dict.NewCacheReference(n); return storesOnly{c, c} }
	for _, c := range []CacheContract{{}, {Approximate: true}, {Policy: dict.LFU}, {Policy: dict.LRU}} {
		if err := TestCache(open, PromiseCache(c), Programs(60)); err != nil {
			t.Error(err)
		}
	}
}

func FuzzCacheReference(f *testing.F) {
	FuzzCache(f, cacheReference, PromiseCache(dict.CacheReferenceContract))
}

func BenchmarkCacheReference(b *testing.B) {
	BenchCache(b, cacheReference, PromiseCache(dict.CacheReferenceContract))
}

// The statistics are those that CPython's lru_cache gives for these calls.
func TestCalls(t *testing.T) {
	for _, tt := range []struct {
		name         string
		world        string
		calls        []string
		hits, misses uint64
		length       int
	}{
		{"size 3", "capacity=3", strings.Fields("1 2 3 1 4 2 5 1"), 1, 7, 3},
		{"size 0", "capacity=1 sign=1", strings.Fields("1 1 1 1 1"), 0, 5, 0},
		{"size 1", "capacity=1", strings.Fields("1 1 1 1 1"), 4, 1, 1},
		{"size 2", "capacity=2", strings.Fields("7 9 7 9 7 9 8 8 8 9 9 9 8 8 8 7"), 12, 4, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "world " + tt.world + "\n"
			for _, key := range tt.calls {
				text += "call key=" + key + "\n"
			}
			var c *dict.CacheReference
			s := CacheSubject("reference", dict.CacheReferenceContract, func(w CacheWorld) (Cache, error) {
				c = dict.NewCacheReference(w.Capacity)
				return c, nil
			})
			s.Epilogue = nil
			var r props.Runner
			res, err := r.Run(s, CacheLang.MustParse(text))
			if err != nil || res.Violation != nil {
				t.Fatal(err, res.Violation)
			}
			if hits, misses, length, _ := c.Info(); hits != tt.hits || misses != tt.misses || length != tt.length {
				t.Errorf("got %d hits, %d misses, length %d", hits, misses, length)
			}
		})
	}
}
