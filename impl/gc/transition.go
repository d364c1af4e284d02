package gc

// What Transitions counts. All stand on the long paths.
const (
	dueYoungest = iota // an allocation made a collection due: of the youngest generation
	dueMiddle          // of the middle one
	dueFull            // of all
	dueNested          // while another ran
	skippedFull        // the oldest was above its threshold, and a quarter of what is in it was not new
	waited             // a collection that was due waited for the next safepoint
	foundNone          // a collection found nothing unreachable
	foundPlain         // it found something, and no code of a program could run
	foundCode          // it found something while there were finalizers or weak references
	setAside           // an old finalizer keeps objects from dying
	weakCleared
	weakCalled
	saved          // finalizers made some of what was found reachable again
	cleared        // an object was cleared, and died of it
	survived       // it was cleared, and waits for a neighbour
	savedAll       // it was put into the garbage instead
	untracked      // tuples or dicts are followed no more
	frozen         // the permanent generation was not empty at a full collection
	promotedMiddle // an object of the youngest generation that was reached went to the middle one
	promotedOldest // one of the middle generation, or of a younger one, went to the oldest
	transitions
)

var transitionNames = [transitions]string{
	dueYoungest: "due/youngest", dueMiddle: "due/middle", dueFull: "due/full", dueNested: "due/nested",
	skippedFull: "due/quarter-rule", waited: "due/safepoint", foundNone: "found/nothing", foundPlain: "found/no-code",
	foundCode: "found/code", setAside: "found/old-finalizer", weakCleared: "weakref/cleared",
	weakCalled: "weakref/called", saved: "found/saved", cleared: "clear/dies", survived: "clear/waits",
	savedAll: "clear/kept", untracked: "untracked", frozen: "found/frozen", promotedMiddle: "promoted/middle",
	promotedOldest: "promoted/oldest",
}

// Transitions tells how often each transition happened since the collector was made, always in the same order. Those
// that the profile does not have are left out.
func (c *Collector) Transitions(visit func(name string, times uint64)) {
	for i, name := range transitionNames {
		if i == waited && !c.prof.Safepoint || i == saved && c.prof.Legacy || i == setAside && !c.prof.Legacy {
			continue
		}
		visit(name, c.took[i])
	}
}
