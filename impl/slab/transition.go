package slab

// What Transitions counts. All stand on the long paths, except for those of realloc.
const (
	slabMade     = iota // mapped for a class
	slabReused          // a spare was given to a class
	slabRefused         // the system gave no memory for one
	slabFull            // its last free block was taken: it leaves its room list
	slabRoom            // it was full and a block of it was freed
	slabStays           // it has no live block, and is the only one of its class with room
	slabSpared          // it became a spare
	slabReleased        // there were spares enough
	largeMade
	largeFreed
	reallocInPlace
	reallocGrown
	reallocShrunk
	reallocStuck // it should become smaller, and there is no memory to move to
	transitions
)

var transitionNames = [transitions]string{
	slabMade: "slab/made", slabReused: "slab/reused", slabRefused: "slab/refused", slabFull: "slab/full",
	slabRoom: "slab/room-again", slabStays: "slab/empty-stays", slabSpared: "slab/spared",
	slabReleased: "slab/released", largeMade: "large/made", largeFreed: "large/freed",
	reallocInPlace: "realloc/in-place", reallocGrown: "realloc/grown", reallocShrunk: "realloc/shrunk",
	reallocStuck: "realloc/stuck",
}

// Transitions tells how often each transition happened since the allocator was made, always in the same order.
func (a *Allocator) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		visit(name, a.seen[i])
	}
}
