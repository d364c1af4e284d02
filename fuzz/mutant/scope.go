package mutant

import (
	"regexp"
	"slices"
)

// Packages are those that are mutated, lowest layer first.
var Packages = []string{
	"impl/sizeclass", "impl/page", "impl/pool", "impl/slab", "impl/arena", "impl/dict", "impl/lru", "impl/swiss",
	"impl/object", "impl/gc", "impl/trial", "impl/pickle",
}

// beside are packages that are mutated when they are asked for by name. That of profiles is a table of numbers that
// CPython chose, which recordings tell from others, all but one; most of its code refuses wrong profiles, and every
// target asks for a right one.
var beside = []string{"impl/profile"}

// out are packages of impl that are not mutated.
var out = []string{
	"impl/internal/invariant", // only builds with invariants have any of it
}

// tables are variables whose values are mutated as functions are. What no recording is about is not among them: the
// bytes of debug hooks.
var tables = []string{"impl/profile all"}

// allocates tells whether a package is a layer of an allocator.
func allocates(name string) bool {
	return slices.Index(Packages, name) < slices.Index(Packages, "impl/dict")
}

// exempt are functions that are left as they are.
var exempt = []struct {
	names *regexp.Regexp
	Why   string
}{
	{
		regexp.MustCompile(`(^|\.)(Check|Check[A-Z]\w*|check|check[A-Z]\w*|compareLeaves|walk\w+Lists|WalkFree|` +
			`assert[A-Z]\w*|breach|broken)$`),
		"recounts judge an implementation: a weaker one gives no wrong answer; blind canaries show what they are worth",
	},
	{
		regexp.MustCompile(`^Set\.|^Geometry\.Index$|^countFree$|^Allocator\.spareSet$|^fill$|^must$|` +
			`^Collector\.inside$|^Heap\.(census|likely|holds|cachedCount)$|^Heads\.Marked$`),
		"only recounts and builds with invariants use it",
	},
	{
		regexp.MustCompile(`(^|\.)(Explain|explain\w*|Dump|dump\w*|picture|describe|String|Error|StatsText|` +
			`say[A-Z]\w*|value)$|^pickler\.place$`),
		"texts for people promise nothing",
	},
	{
		regexp.MustCompile(`(^|\.)(State|\w*Transitions|startOf|classOf|roomOf|placeOf|tableOf|charsOf)$`),
		"coverage is no answer; nor are the counts of transitions, fields named seen and took, that it is made of",
	},
	{
		regexp.MustCompile(`^(Slots\.\w+|NewSlots)$`),
		"a source of memory for recordings, which no target uses: it stands for the system there",
	},
}

// left tells whether a function is left as it is.
func left(name string) bool {
	for _, e := range exempt {
		if e.names.MatchString(name) {
			return true
		}
	}
	return false
}

// Scope returns the packages of a list of names, all of them for an empty one.
func Scope(names []string) (chosen []string, ok bool) {
	if len(names) == 0 {
		return Packages, true
	}
	for _, n := range names {
		if !slices.Contains(Packages, n) && !slices.Contains(beside, n) {
			return nil, false
		}
	}
	return names, true
}
