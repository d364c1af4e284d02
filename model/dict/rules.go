package dict

import "heapfuzz/model"

// The rules of dicts, each derived from the contract or from what the words dict, key and iteration mean.
var (
	Answers = rule("dict/answers",
		"an operation is skipped only when its slot is in the wrong state or it is an optional part that is not there")
	Serves = rule("dict/serves", "an operation is refused only when there is no memory, or when it may be refused")
	Reads  = rule("dict/reads", "a key holds the value that was written last")
	Absent = rule("dict/absent", "a key that was not set, or was deleted since, is not found")
	Lost   = rule("dict/lost", "a key that was set, and not deleted since, is found")
	Length = rule("dict/length", "the length is the number of keys")
	Pops   = rule("dict/pops",
		"an entry that is popped is the last or the first as asked, or any where there is no order")
	Equal   = rule("dict/equal", "two dicts are equal exactly when they hold the same keys with the same values")
	Once    = rule("dict/once", "an iteration tells each entry that lives from its beginning to its end once")
	Lives   = rule("dict/lives", "an iteration tells only entries that live, with the values that they hold")
	Ordered = rule("dict/order", "where an order is promised, an iteration tells the entries in it")
	Detects = rule("dict/detects",
		"an iteration says that the dict has changed when it has, where that is promised, and only then")
	Over   = rule("dict/over", "an iteration that is over stays over")
	Stairs = rule("dict/size-stairs", "a dict that has only grown takes up what is promised for its length")
	Keeps  = rule("dict/size-keeps",
		"asking, overwriting and deleting leave the size as it is, where that is promised")
	Fits   = rule("dict/size-copy", "a copy takes up no more than its original, where that is promised")
	Frees  = rule("dict/size-clear", "a dict that was cleared takes up no more than a new one, where that is promised")
	Roomy  = rule("dict/size-reserve", "what room was made for needs no more room, where that is promised")
	Probes = rule("dict/probes",
		"an operation on one key looks at no more slots than promised, and a change of a dict with entries at one")
	Reentry = rule("dict/reentry",
		"what changes a dict during a comparison happens before the operation that compares, where that is promised")
	Failure  = rule("dict/failure", "an operation that is refused leaves everything as it was")
	Released = rule("dict/released",
		"of the values that dicts were given, those that they hold can be reached and no others")
	Returned  = rule("dict/returned", "when all dicts are gone, no more memory is in use than promised")
	Invariant = rule("dict/invariants", "the invariants of the implementation hold")
)

// The rules of caches.
var (
	CacheAnswers = rule("cache/answers", "an operation is skipped only when it is an optional part that is not there")
	CacheServes  = rule("cache/serves",
		"an operation is refused only when there is no memory, or when it may be refused")
	CacheReads    = rule("cache/reads", "a key that is found holds the value that was put, or computed, last")
	CacheAbsent   = rule("cache/absent", "a key that was not put, or was removed or evicted since, is not found")
	CacheRoom     = rule("cache/room", "nothing is evicted while there is room")
	CacheCapacity = rule("cache/capacity", "the length is never above the capacity")
	CachePolicy   = rule("cache/policy", "what is evicted is what the policy says")
	CacheLength   = rule("cache/length", "the length is the number of entries")
	CacheInfo     = rule("cache/info",
		"hits and misses are those that there were, and size and capacity are those of the cache")
	CacheComputes = rule("cache/computes",
		"a call computes exactly when its key is not found, and tells what was computed")
	CacheCallback = rule("cache/callback", "the callback is told of each eviction, once, with its key and value")
	CacheOrder    = rule("cache/order", "the keys are told in the order of the policy, each once")
	CacheReleased = rule("cache/released",
		"of the values that a cache was given, those that it holds can be reached and no others")
	CacheInvariant = rule("cache/invariants", "the invariants of the implementation hold")
)

// Rules lists them all, for documentation and for the tests that want a canary of each.
var Rules []*model.Invariant

func rule(name, doc string) *model.Invariant {
	r := &model.Invariant{Name: name, Doc: doc}
	Rules = append(Rules, r)
	return r
}
