package dict

// What Transitions counts. All stand on the long paths.
const (
	widthByte  = iota // a keys object was made whose slots are of one byte
	widthMore         // of two, or of four
	keysReused        // a keys object was one that had died
	keysKept          // the block of a dead one was kept
	grown             // a table was replaced by a larger one
	compacted         // by one as large, without its dead entries
	shrunk            // by a smaller one
	combined          // a split dict got a table of its own
	widened           // a table of strings became one of any keys
	refused           // there was no memory for a table, and nothing changed
	cloned            // a copy took the keys as they were
	oldGrown          // those of 2.7: a table was made anew, with more slots
	oldRebuilt        // or with as many, or fewer
	oldRefused        // there was no memory for it
	oldBuried         // a slot became a dummy
	oldReused         // and became one of a key again
	transitions

	ofOld = oldGrown // from here on they are those of 2.7
)

var transitionNames = [transitions]string{
	widthByte: "index/1-byte", widthMore: "index/2-bytes", keysReused: "keys/reused",
	keysKept: "keys/kept", grown: "resize/grown", compacted: "resize/compacted",
	shrunk: "resize/shrunk", combined: "resize/combined", widened: "resize/widened", refused: "resize/refused",
	cloned: "copy/cloned", oldGrown: "table/grown", oldRebuilt: "table/rebuilt", oldRefused: "table/refused",
	oldBuried: "dummy/made", oldReused: "dummy/reused",
}

// Transitions tells how often each transition happened since the space was made, always in the same order. Those that
// the profile does not have are left out; 2.7, whose tables are of another kind, has others.
func (s *Space) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		if s.old != (i >= ofOld) || i == cloned && !s.prof.Clone || i == widened && !s.prof.StrTables {
			continue
		}
		visit(name, s.took[i])
	}
}

// tableOf is the transition of a table of 2.7 that had so many slots.
func tableOf(slots, now uintptr) int {
	if now > slots {
		return oldGrown
	}
	return oldRebuilt
}
