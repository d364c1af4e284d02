package recorded

// Canary is an implementation that is wrong as another release is right: it answers a recording with the profile As.
type Canary struct {
	Name      string // never changes
	Doc       string // what it does wrong
	Recording string // that must tell
	As        string
}

// Canaries are what proves that a replay can fail: one at least of each dialect.
var Canaries = []Canary{
	{"arena-gives-all-back", "3.9 gives its last arena back as 3.8 does", "heap/drift-1 3.9", "3.8"},
	{"arena-small-pools", "3.10 has the pools of 3.9", "heap/mix-1 3.10", "3.9"},
	{"list-old-growth", "lists of 3.9 grow by the rule of 3.8", "graph/sizes 3.9", "3.8"},
	{"collector-old", "objects and collections of 3.9 are those of 3.8", "graph/random-1 3.9", "3.8"},
	{"dict-old", "dicts of 3.7 grow and are copied as those of 3.6", "dict/02-numbers 3.7", "3.6"},
	{"cache-keeps-one", "a cache of negative size holds one entry, in 3.7 as in 3.6", "cache/lru 3.7", "3.6"},
	{"pickle-frozen-once", "there is one empty frozenset in 3.10, as in 3.9", "value/pickle-shared 3.10", "3.9"},
}
