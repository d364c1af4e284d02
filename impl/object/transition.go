package object

// What Transitions counts. All stand on the long paths.
const (
	trashWaits  = iota // a death is delayed, as deaths nest too deeply
	trashFrame         // and so is that of a finalizer's frame
	freeKept           // the block of a dead object goes on a free list
	freeReused         // and becomes another one's
	freeFull           // there was no room on the list
	freeCleared        // a full collection gave what was on the lists back
	transitions
)

var transitionNames = [transitions]string{
	trashWaits: "trashcan/waits", trashFrame: "trashcan/frame", freeKept: "free-list/kept",
	freeReused: "free-list/reused", freeFull: "free-list/full", freeCleared: "free-list/cleared",
}

// Transitions tells how often each transition happened since the heap was made, always in the same order. Those that
// the profile does not have are left out.
func (h *Heap) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		if i == trashFrame && !h.prof.FramesWait {
			continue
		}
		visit(name, h.seen[i])
	}
}
