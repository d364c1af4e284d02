package trial

// What Transitions counts. All stand on the long paths.
const (
	due          = iota // an allocation made a collection due
	dueNested           // while another ran
	waited              // it waited for the next safepoint
	suspectsNone        // a collection had no suspects
	acquitted           // a suspect, or what it leads to, is referred to from elsewhere
	condemned           // a collection found garbage
	weakCleared
	weakCalled
	saved    // finalizers made some of it reachable again
	cleared  // an object was cleared, and died of it
	survived // it was cleared, and waits for a neighbour
	transitions
)

var transitionNames = [transitions]string{
	due: "due", dueNested: "due/nested", waited: "due/safepoint", suspectsNone: "found/no-suspects",
	acquitted: "found/acquitted", condemned: "found/garbage", weakCleared: "weakref/cleared",
	weakCalled: "weakref/called", saved: "found/saved", cleared: "clear/dies", survived: "clear/waits",
}

// Transitions tells how often each transition happened since the collector was made, always in the same order. Those
// that the profile does not have are left out.
func (c *Collector) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		if i == waited && !c.safepoint {
			continue
		}
		visit(name, c.took[i])
	}
}
