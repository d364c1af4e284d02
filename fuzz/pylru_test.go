package fuzz

import (
	"strings"
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/dicttest"
)

// cacheCanaries are caches that are wrong on purpose, one for each check that a cache makes itself.
func cacheCanaries() (all []canarytest.Canary) {
	const atLast = "a call that comes when a cache is closed does so as well"
	for _, row := range []struct {
		fault                    cacheFault
		name, doc, cause, reason string
		or                       []*model.Invariant
		ordered                  bool
	}{
		{fault: cacheOverfills, name: "overfills", cause: "lru/room",
			doc: "while keys are compared there is an entry more than may be"},
		{fault: cacheSwallows, name: "swallows", cause: "lru/full",
			doc: "a comparison fails in a call of a full cache, and the call does not"},
		{fault: cacheMixes, name: "mixes", cause: "lru/full",
			doc: "a call inside a comparison of another gets the result of the other"},
		{fault: cacheForgets, name: "forgets", cause: "lru/full",
			doc: "a full cache loses what it holds when two calls more come"},
		{fault: cacheKeeps, name: "keeps", cause: "lru/full", or: []*model.Invariant{dict.CacheReleased},
			doc: "a call of a full cache keeps a reference to its result", reason: "references are counted as well"},
		{fault: cacheWalksOn, name: "walks-on", cause: "lru/keys", doc: "a walk along the keys does not stop"},
		{fault: cacheWalksOn, name: "walks-on-ordered", cause: "lru/keys", ordered: true,
			doc: "a walk along the keys does not stop"},
		{fault: cachePacksLoosely, name: "packs-loosely", cause: "lru/blocks",
			doc: "a key of several words is in a block that is a class too large"},
		{fault: cacheLeaksObject, name: "leaks-object", cause: "lru/references",
			doc: "a call keeps a reference to an argument", or: []*model.Invariant{props.Alive}, reason: atLast},
		{fault: cacheLeaksString, name: "leaks-string", cause: "lru/references",
			doc: "a call keeps a reference to an argument that is a string", or: []*model.Invariant{props.Alive},
			reason: atLast},
		{fault: cacheGrants, name: "grants", cause: "lru/refused", doc: "a cache is made without memory for it"},
		{fault: cacheTellsWord, name: "tells-word", cause: "lru/answers", doc: "a call that fails is told with a word"},
		{fault: cacheHashesBack, name: "hashes-back", cause: "lru/hash",
			doc: "a key has the hash of its words from the end"},
		{fault: cacheKeepsAtLast, name: "keeps-at-last", doc: "a cache that is closed keeps a reference to a result"},
		{fault: cacheLosesAtLast, name: "loses-at-last", doc: "a cache that is closed loses a block"},
	} {
		prof := pyDictProfiles("3.10")[0]
		contract := pyCacheContract(prof)
		open := func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			return newPyCache(w, lru.Config{Profile: prof, Max: w.Capacity}, row.fault)
		}
		if row.ordered {
			contract = orderedContract
			open = func(w dicttest.CacheWorld) (dicttest.Cache, error) { return openOrdered(w, row.fault) }
		}
		c := canarytest.Canary{
			Name: "lru-" + row.name, Doc: row.doc, Rule: dict.CacheInvariant, Cause: row.cause, Or: row.or,
			Reason: row.reason, Contract: contract,
			Subject: cacheTarget(Target{Name: canarytest.Prefix + "lru-" + row.name}, contract, open).New,
		}
		if row.cause == "" {
			c.Rule, c.Cause = props.Alive, "close"
		}
		all = append(all, c.Filled())
	}
	return all
}

// TestCacheCanaries has each of them caught by the check that it is for, and every fault has one.
func TestCacheCanaries(t *testing.T) {
	all := cacheCanaries()
	canarytest.Caught(t, all, canarytest.Budget{OpsMax: 200})
	if n := len(all) - 1; n != cacheFaults { // one fault is that of two caches
		t.Errorf("%d canaries have %d faults", n, cacheFaults)
	}
}

// TestCacheFull has each act happen in each comparison of a call of a full cache, in each release, and in some turns
// another with it.
func TestCacheFull(t *testing.T) {
	for _, prof := range pydict.Profiles()[2:] {
		cache, err := newPyCache(dicttest.CacheWorld{Capacity: 2}, lru.Config{Profile: prof, Max: 2}, cacheSound)
		if err != nil {
			t.Fatal(err)
		}
		p := cache
		for turn := 0; turn < fullTurns; turn++ {
			if turn > fullAlone { // of the others some
				turn += 40
			}
			if err := full(p, lru.Config{Profile: prof, Memory: p.mem, Hooks: p.pyWords}, turn); err != nil {
				t.Errorf("%s: turn %d: %v", prof.Name, turn, err)
			}
		}
		if err := p.Close(); err != nil {
			t.Errorf("%s: %v", prof.Name, err)
		}
	}
}

// TestCacheCloses reads what is said of a cache that is wrong when it is closed, as that is no cause of run/alive.
func TestCacheCloses(t *testing.T) {
	for _, fault := range []cacheFault{cacheKeepsAtLast, cacheLosesAtLast, cacheSound} {
		c, err := newPyCache(dicttest.CacheWorld{Capacity: 2}, lru.Config{Max: 2}, fault)
		if err != nil {
			t.Fatal(err)
		}
		c.OnMiss(func(uint64) (uint64, bool) { return 1, true })
		err = c.Close()
		if said := err != nil && strings.HasPrefix(err.Error(), "lru/closed: "); said != (fault != cacheSound) {
			t.Errorf("fault %d: %v", fault, err)
		}
	}
	for _, lost := range []bool{false, true} {
		c, err := openOrdered(dicttest.CacheWorld{Capacity: 2}, cacheSound)
		if err != nil {
			t.Fatal(err)
		}
		o := c.(*pyOrdered)
		if lost {
			o.mem.Alloc(16)
		}
		if err := o.Close(); lost != (err != nil && strings.HasPrefix(err.Error(), "lru/closed: ")) {
			t.Errorf("a block is lost: %v; %v", lost, err)
		}
	}
}
