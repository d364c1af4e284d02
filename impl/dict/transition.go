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
	transitions
)

var transitionNames = [transitions]string{
	widthByte: "index/1-byte", widthMore: "index/2-bytes", keysReused: "keys/reused",
	keysKept: "keys/kept", grown: "resize/grown", compacted: "resize/compacted",
	shrunk: "resize/shrunk", combined: "resize/combined", widened: "resize/widened", refused: "resize/refused",
	cloned: "copy/cloned",
}

// Transitions tells how often each transition happened since the space was made, always in the same order. Those that
// the profile does not have are left out; of 2.7, whose tables are of another kind, there are none.
func (s *Space) Transitions(visit func(name string, times uint64)) {
	if s.old {
		return
	}
	for i, name := range transitionNames {
		if i == cloned && !s.prof.Clone || i == widened && !s.prof.StrTables {
			continue
		}
		visit(name, s.took[i])
	}
}
