package swiss

// What Transitions counts. All but emptyAgain and the tombstones stand on the long paths.
const (
	moved           = iota // into a larger block, or the first
	rebuilt                // in place
	stayed                 // a slot stayed in its group
	swapped                // two slots changed places
	emptyAgain             // a slot was deleted whose group has an empty one
	tombstone              // one whose group has none
	tombstoneReused        // a key came to a tombstone
	transitions
)

var transitionNames = [transitions]string{
	moved: "table/moved", rebuilt: "table/rebuilt", stayed: "slot/stayed", swapped: "slot/swapped",
	emptyAgain: "delete/empty-again", tombstone: "delete/tombstone", tombstoneReused: "insert/tombstone",
}

// Transitions tells how often each happened since the map was made, always in the same order.
func (m *Map) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		visit(name, m.seen[i])
	}
}
