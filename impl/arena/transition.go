package arena

import (
	"math/bits"

	"heapfuzz/impl/page"
	"heapfuzz/impl/pool"
)

// The transitions that Transitions counts: those of a pool and of an arena in Objects/obmalloc.c, and the ways that
// realloc takes. They stand on the long paths, except for those of realloc.
const (
	classTiny    = iota // a pool is taken for blocks of up to 32 bytes
	classSmall          // of up to 64
	classMiddle         // of up to 128
	classLarge          // of up to 256
	classLargest        // of up to 512
	poolCarved          // a pool that was never used becomes used
	emptySame           // an empty pool becomes used by the class it had, and keeps its free list
	emptyAnother        // an empty pool becomes used by another class
	usedToFull
	fullToUsed
	usedToEmpty
	smallToRaw // no pool was to be had, and the raw allocator served a small request
	arenaMade
	arenaUnaligned // it begins between two pool boundaries, and has a pool less; pools of a page never do
	arenaRefused   // the system gave no memory for one
	mapRefused     // it gave none for the map of addresses
	vectorGrown
	arenaFull   // its last free pool was taken: it leaves the list of usable arenas
	arenaUsable // it has a free pool again, and is the first of the list
	arenaSlid   // it moved right, past arenas with fewer free pools
	arenaKept   // it is wholly free and stays, as the last of the list
	arenaReleased
	reallocInPlace
	reallocGrown
	reallocShrunk // by a quarter or more, into a smaller block
	reallocRaw
	transitions
)

var transitionNames = [transitions]string{
	classTiny: "class/32", classSmall: "class/64", classMiddle: "class/128", classLarge: "class/256",
	classLargest: "class/512", poolCarved: "pool/carved", emptySame: "pool/empty-used-same-class",
	emptyAnother: "pool/empty-used-other-class",
	usedToFull:   "pool/used-full", fullToUsed: "pool/full-used", usedToEmpty: "pool/used-empty",
	smallToRaw: "pool/none-left", arenaMade: "arena/made", arenaUnaligned: "arena/unaligned",
	arenaRefused: "arena/refused", mapRefused: "map/refused", vectorGrown: "arena/vector-grown",
	arenaFull: "arena/full", arenaUsable: "arena/usable-again", arenaSlid: "arena/slid", arenaKept: "arena/kept-last",
	arenaReleased: "arena/released", reallocInPlace: "realloc/in-place", reallocGrown: "realloc/grown",
	reallocShrunk: "realloc/shrunk", reallocRaw: "realloc/raw",
}

// Transitions tells how often each transition happened since the heap was made, always in the same order. Those that
// the profile does not have are left out.
func (a *Allocator) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		if i == mapRefused && !a.addresses.used || i == arenaKept && !a.prof.KeepLast ||
			i == arenaUnaligned && a.prof.PoolBytes <= page.Bytes {
			continue
		}
		visit(name, a.seen[i])
	}
}

// classOf is the transition of a pool that is taken for blocks of so many bytes.
func classOf(blockBytes uintptr) int { return classTiny + max(0, bits.Len(uint(blockBytes-1))-5) }

// startOf says how a pool that was taken becomes one of class.
func startOf(p pool.Pool, class uint32) int {
	switch p.Class() {
	case class:
		return emptySame
	case pool.NoClass:
		return poolCarved
	}
	return emptyAnother
}
