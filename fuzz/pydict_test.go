package fuzz

import (
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	pydict "heapfuzz/impl/dict"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
)

// dictCanaries are stores of CPython's dicts that are wrong on purpose, one for each check that a store makes itself.
func dictCanaries() (all []canarytest.Canary) {
	for _, row := range []struct {
		fault                    dictFault
		name, doc, cause, reason string
		keys                     pyKeys
		profile                  string
		reproducer               int
	}{
		{fault: faultLeaks, name: "leaks", doc: "pop keeps a reference to the value that it hands out"},
		{fault: faultLoses, name: "loses", doc: "clear loses a block", cause: "dict/blocks"},
		{fault: faultKeepsVersion, name: "keeps-version", cause: "dict/version",
			doc: "a dict has the version that it had before its third entry"},
		{fault: faultSharesVersion, name: "shares-version", cause: "dict/version",
			doc: "all dicts of three entries have one version", reason: "two of them have to be there"},
		{fault: faultWatches, name: "watches", cause: "dict/version", profile: "3.12",
			doc: "a version has the bit of a watcher"},
		{fault: faultHints, name: "hints", doc: "an iteration says that one more is to come", cause: "dict/hint"},
		{fault: faultMisplaces, name: "misplaces", doc: "a value is said to be where its key is", cause: "dict/place",
			keys: pyStrings},
		{fault: faultUntracks, name: "untracks", doc: "a dict that holds a container is not tracked",
			cause: "dict/tracked"},
		{fault: faultTracksTwice, name: "tracks-twice", doc: "a dict is tracked again", cause: "dict/tracked"},
		{fault: faultTellsWord, name: "tells-word", doc: "a key that is not found is told with a word",
			cause: "dict/answers"},
		{fault: faultAsksEmpty, name: "asks-empty", doc: "pop of an empty dict asks the key for its hash",
			cause: "dict/answers"},
		{fault: faultHidesRefusal, name: "hides-refusal", cause: "dict/answers",
			doc:    "who has no memory for a table tries again, and says nothing of it",
			reason: "the table has to be full, and a small one is refused seldom", reproducer: 26},
		{fault: faultMergesOver, name: "merges-over", cause: "dict/answers",
			doc: "a merge that should not overwrite does", reason: "two dicts have to have a key in common"},
		{fault: faultLooksLess, name: "looks-less", cause: "dict/probes",
			doc: "a search does not count its first slot"},
		{fault: faultTellsStrings, name: "tells-strings", cause: "dict/refs", keys: pyStrings,
			doc: "a collector is told of a string in a table of strings"},
		{fault: faultPacksLoosely, name: "packs-loosely", doc: "a block is a class larger than its table",
			cause: "dict/blocks"},
		{fault: faultPopsAnother, name: "pops-another", cause: "dict/answers", profile: "2.7",
			doc: "2.7 pops the entry before the next", reason: "two entries have to be popped"},
		{fault: faultWalksLess, name: "walks-less", doc: "who walks over memory misses the last word",
			cause: "dict/refs"},
		{fault: faultHidesWhy, name: "hides-why", doc: "who can make no dict does not say why", cause: "dict/answers",
			reason: "a dict has to be there when memory is refused"},
		{fault: faultAsksPairs, name: "asks-pairs", doc: "objects are taken for strings, of which no hook is asked",
			cause: "dict/answers"},
		{fault: faultTurnsBack, name: "turns-back", doc: "a dict of 2.7 is walked backward", cause: "dict/answers",
			profile: "2.7"},
		{fault: faultBlamesKeys, name: "blames-keys", cause: "dict/answers",
			doc:    "an iteration backward that did not meet all says that keys have changed",
			reason: "a dict has to change under it"},
		{fault: faultFreesItself, name: "frees-itself", cause: "dict/answers",
			doc: "a dict is taken away, and who made it is not told"},
		{fault: faultHoards, name: "hoards", doc: "a space loses a block when all dicts are gone", cause: "dict/edges"},
		{fault: faultSeeds, name: "seeds", doc: "strings are hashed with another seed", cause: "dict/hash"},
		{fault: faultHoldsKey, name: "holds-key", doc: "who looks for a key keeps a reference to it",
			cause: "dict/references"},
		{fault: faultClearsEmpty, name: "clears-empty", doc: "a dict is changed by being cleared that has no table",
			cause: "dict/answers"},
		{fault: faultTellsNumber, name: "tells-number", doc: "a hook is told of a number", cause: "dict/answers"},
		{fault: faultUpdatesTwice, name: "updates-twice", doc: "a dict is changed by an update by itself",
			cause: "dict/answers"},
		{fault: faultTracksAll, name: "tracks-all", doc: "a dict is tracked that holds no container",
			cause: "dict/tracked"},
	} {
		if row.profile == "" {
			row.profile = "3.10"
		}
		prof := pyDictProfiles(row.profile)[0]
		contract := pyDictContract(prof, row.keys)
		open := func(w dicttest.World) (dicttest.Store, error) { return newPyStore(prof, row.keys, w, row.fault) }
		target := dictTarget(Target{Name: "canary-dict-" + row.name}, contract, open)
		if row.reproducer == 0 {
			row.reproducer = 14
		}
		c := canarytest.Canary{
			Name: "dict-" + row.name, Doc: row.doc, Rule: dict.Invariant, Cause: row.cause, Reason: row.reason,
			Programs: 1000, Reproducer: row.reproducer, Contract: contract, Subject: target.New,
		}
		if row.cause == "" {
			c.Rule = dict.Released
		}
		all = append(all, c.Filled())
	}
	return all
}

// TestDictCanaries has each of them caught by the check that it is for, and every fault has one.
func TestDictCanaries(t *testing.T) {
	canarytest.Caught(t, dictCanaries(), canarytest.Budget{OpsMax: 200})
	if n := len(dictCanaries()); n != int(faultTracksAll) {
		t.Errorf("%d canaries have %d faults", n, int(faultTracksAll))
	}
}

// TestDictEdges asks all at once of each release.
func TestDictEdges(t *testing.T) {
	for _, prof := range pydict.Profiles() {
		st, err := newPyStore(prof, pyNumbers, dicttest.World{}, faultSound)
		if err != nil {
			t.Fatal(err)
		}
		for st.asked = range 128 {
			if err := st.edges(); err != nil {
				t.Errorf("%s: turn %d: %v", prof.Name, st.asked, err)
			}
		}
		if err := st.Close(); err != nil {
			t.Errorf("%s: %v", prof.Name, err)
		}
	}
}
