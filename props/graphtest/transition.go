package graphtest

import (
	"heapfuzz/model/graph"
	"heapfuzz/props/prog"
)

// What a driver counts by itself, of any heap of objects: what happened during operations, and what was answered.
const (
	liveTens = iota // 16 objects at once, and 128
	liveHundreds
	collectEmpty  // a collection that was asked for returned 0
	collectSome   // 1 to 15
	collectMany   // more
	startedYoung  // a collection of the youngest generation started by itself
	startedOlder  // of an older one
	deathNow      // an object died outside of collections
	deathByCycles // an object died in one
	finalizedNow
	finalizedByCycles
	nestedCollect // a finalizer or a callback asked for a collection
	savedByCount  // an object was saved, or kept alive, by its finalizer outside of collections
	savedByCycles
	calledNow
	calledByCycles
	weakDead // a weak reference was asked and is cleared
	weakLive
	lookedAt // a finalizer or a callback found another object through a weak reference
	madeInside
	hostedInside // a finalizer stored its object in one that lives
	kept         // an object came into the garbage
	copiedFlat
	copiedDeep
	grown
	popped
	untracked // the collector does not follow an object
	tracked
	frozen // objects were hidden from collections
	aged   // an object is in the second generation, or in an older one
	noMemory
	transitions
)

// counted are their names, and the part without which a heap cannot take them.
var counted = [transitions]struct {
	name string
	need need
}{
	liveTens: {"live/16", none}, liveHundreds: {"live/128", none},
	collectEmpty: {"collect/nothing", none}, collectSome: {"collect/some", none}, collectMany: {"collect/16", none},
	startedYoung: {"started/youngest", needWatch}, startedOlder: {"started/older", needWatch},
	deathNow: {"death/at-once", needMourn}, deathByCycles: {"death/collected", needMourn},
	finalizedNow: {"finalizer/at-once", needFinal}, finalizedByCycles: {"finalizer/collection", needFinal},
	nestedCollect: {"collect/nested", needFinal},
	savedByCount:  {"saved/at-once", needFinal}, savedByCycles: {"saved/collection", needFinal},
	calledNow: {"callback/at-once", needWeak}, calledByCycles: {"callback/collection", needWeak},
	weakDead: {"weak/cleared", needWeak}, weakLive: {"weak/live", needWeak}, lookedAt: {"weak/looked", needLook},
	madeInside: {"finalizer/makes", needFinal}, hostedInside: {"finalizer/stores", needFinal},
	kept: {"garbage/kept", needHoard}, copiedFlat: {"copy/flat", needCopy}, copiedDeep: {"copy/deep", needCopy},
	grown: {"grow/append", needGrow}, popped: {"grow/pop", needGrow},
	untracked: {"untracked", needTracked}, tracked: {"tracked", needTracked}, frozen: {"frozen", needFreeze},
	aged: {"generation/older", needAge}, noMemory: {"refused", needOOM},
}

// Needs of transitions that are more than one part.
const (
	needMourn = needs + iota
	needLook  // it tells deaths, and has weak references
)

// takes tells whether the heap can take a transition at all.
func (d *driver) takes(step int) bool {
	need := counted[step].need
	has := need < needs && d.has[need]
	switch {
	case need == needMourn:
		has = d.mourner != nil
	case need == needLook:
		has = d.mourner != nil && d.has[needWeak]
	}
	switch step {
	case deathNow, finalizedNow, savedByCount, calledNow:
		return has && d.contract.Immediate
	case startedOlder, aged:
		return has && d.contract.Full() > 0
	}
	return has
}

// counts is what the driver keeps for its transitions.
type counts struct {
	seen    [transitions]uint64
	asked   int // collections that were asked for and are not over
	begun   int // collections that began, whoever asked, and are not over
	running int // finalizers and callbacks
}

// one counts a transition, which is the second of two inside a collection.
func (c *counts) one(atOnce, collected int) {
	if c.asked > 0 || c.begun > 0 {
		atOnce = collected
	}
	c.seen[atOnce]++
}

// returned is the transition of a collection that returned n.
func returned(n uint64) int {
	switch {
	case n == 0:
		return collectEmpty
	case n < 16:
		return collectSome
	}
	return collectMany
}

// crowded counts that there are so many objects.
func (c *counts) crowded(n int) {
	switch n {
	case 16:
		c.seen[liveTens]++
	case 128:
		c.seen[liveHundreds]++
	}
}

// happened counts an event.
func (c *counts) happened(what graph.What, arg uint64) {
	switch what {
	case graph.Begins:
		if c.asked++; c.running > 0 {
			c.seen[nestedCollect]++
		}
	case graph.Ends:
		c.asked--
		c.seen[returned(arg)]++
	case graph.Started:
		if c.begun++; c.asked == 0 {
			c.seen[startedYoung+min(int(arg), 1)]++
		}
	case graph.Stopped:
		c.begun--
	case graph.Died:
		c.one(deathNow, deathByCycles)
	case graph.Finalizes:
		c.one(finalizedNow, finalizedByCycles)
		c.running++
	case graph.Finalized, graph.Over:
		c.running--
	case graph.Busy:
		c.running++
	case graph.Called:
		c.one(calledNow, calledByCycles)
	case graph.Looked:
		c.seen[lookedAt]++
	case graph.Made, graph.Bred, graph.Referred:
		c.seen[madeInside]++
	case graph.Hosted, graph.Joined:
		c.seen[hostedInside]++
	case graph.Kept:
		c.seen[kept]++
	}
}

// answered counts what an answer tells.
func (c *counts) answered(need need, out *prog.Outcome) {
	switch {
	case out.Status == prog.NoMem:
		c.seen[noMemory]++
	case out.Status != prog.OK:
	case need == needTracked && out.Addr == 0:
		c.seen[untracked]++
	case need == needTracked:
		c.seen[tracked]++
	case need == needAge && out.Addr > 0:
		c.seen[aged]++
	}
}

// transitions tells what the driver counted, and what the heap did.
func (d *driver) transitions(visit func(name string, times uint64)) {
	for step := range counted {
		if d.takes(step) {
			visit(counted[step].name, d.seen[step])
		}
	}
	if w, ok := d.Heap.(graph.Witness); ok {
		w.Transitions(visit)
	}
}
