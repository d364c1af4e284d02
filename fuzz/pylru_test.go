package fuzz

import (
	"testing"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
	"heapfuzz/props/dicttest"
)

// TestCacheFull has each act happen in each comparison of a call of a full cache, in each release.
func TestCacheFull(t *testing.T) {
	for _, prof := range pydict.Profiles()[2:] {
		cache, err := newPyCache(dicttest.CacheWorld{Capacity: 2}, lru.Config{Profile: prof, Max: 2})
		if err != nil {
			t.Fatal(err)
		}
		p := cache
		for turn := range len(fullActs) * fullHooks {
			if err := full(p, lru.Config{Profile: prof, Memory: p.mem, Hooks: p.pyWords}, turn); err != nil {
				t.Errorf("%s: turn %d: %v", prof.Name, turn, err)
			}
		}
		if err := p.Close(); err != nil {
			t.Errorf("%s: %v", prof.Name, err)
		}
	}
}
