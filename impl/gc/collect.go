package gc

import (
	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// collect collects generation g and all younger ones. It returns how many objects it found unreachable and let die,
// and how many it kept because of old finalizers.
func (c *Collector) collect(g int) (collected, kept int) {
	h := c.h
	began := c.sayStart(g)
	if g+1 < Generations {
		c.counts[g+1]++
	}
	for i := range g + 1 {
		c.counts[i] = 0
	}
	h.Fresh = 0
	young := c.gens[g]
	old := c.gens[min(g+1, Generations-1)]
	c.merge(g)
	if g == Generations-1 && !h.Empty(c.permanent) {
		c.took[frozen]++
	}
	found := c.deduce(young, c.unreachable, g == Generations-1 && h.Empty(c.permanent))
	if !c.prof.TuplesInScan {
		found.reached -= c.untrack(young, object.KindTuple, found.kinds)
	}
	c.promote(g, young, old, found)
	if found.moved > 0 {
		collected = c.dispose(found, old)
	} else {
		c.took[foundNone]++
	}
	if c.OnTake != nil {
		for o := h.Next(c.final); o != c.final; o = h.Next(o) {
			c.OnTake(o)
		}
	}
	c.deleteGarbage(c.final, old)
	kept = h.Members(c.legacy)
	c.sayEach(DebugUncollectable, "uncollectable", c.legacy)
	c.sayDone(began, collected, kept)
	c.keepLegacy(old)
	if g == Generations-1 {
		h.ClearFreeLists()
	}

	s := &c.stats[g]
	s.Collections++
	s.Collected += collected
	s.Uncollectable += kept
	return collected, kept
}

// dispose does all to the unreachable objects but clear them: what is to die is then on the list final. It returns how
// many these are, with the weak references that died of their callback. If nobody has a finalizer and there is no weak
// reference, no code of a program runs between here and there, and nothing can have changed.
func (c *Collector) dispose(found split, old object.List) int {
	h := c.h
	if !h.AnyCode() {
		c.took[foundPlain]++
		c.sayEach(DebugCollectable, "collectable", c.unreachable)
		h.Merge(c.unreachable, c.final)
		return found.moved
	}
	c.took[foundCode]++
	if h.AnyLegacy() {
		c.setLegacyAside()
	}
	c.sayEach(DebugCollectable, "collectable", c.unreachable)
	n := 0
	if c.prof.CountEarly || c.prof.Legacy {
		n = h.Members(c.unreachable)
	}
	n += c.handleWeakrefs(c.unreachable, old)
	if c.prof.Legacy {
		h.Merge(c.unreachable, c.final)
		return n
	}
	c.finalize(c.unreachable)
	c.resurrected(old)
	if !c.prof.CountEarly {
		n += h.Members(c.final)
	}
	return n
}

// setLegacyAside takes the objects with an old finalizer, and all that they lead to, out of the unreachable ones:
// nobody knows in which order such finalizers may run. In what follows they count as reachable.
func (c *Collector) setLegacyAside() {
	h := c.h
	for o := h.Next(c.unreachable); o != c.unreachable; {
		next := h.Next(o)
		if h.HasLegacyFinalizer(o) {
			h.ClearCollecting(o)
			h.Move(o, c.legacy)
			c.took[setAside]++
		}
		o = next
	}
	for o := h.Next(c.legacy); o != c.legacy; o = h.Next(o) { // the list grows
		for at, n, step, alt := h.Fields(o); n > 0; n-- {
			if x := object.Ref(page.Load(at)); x != 0 && h.IsGC(x) && h.Collecting(x) {
				h.ClearCollecting(x)
				h.Move(x, c.legacy)
			}
			at += step
			step ^= alt
		}
	}
}

// keepLegacy puts those with an old finalizer into Garbage, and with SaveAll also what they lead to, and all into the
// older generation.
func (c *Collector) keepLegacy(old object.List) {
	h := c.h
	for o := h.Next(c.legacy); o != c.legacy; o = h.Next(o) {
		if c.OnKeep != nil {
			c.OnKeep(o)
		}
		if c.flags&SaveAll != 0 || h.HasLegacyFinalizer(o) {
			h.Incref(o)
			c.garbage = append(c.garbage, o)
		}
	}
	h.Merge(c.legacy, old)
}

// merge appends the younger generations to the one that is collected, the youngest first.
func (c *Collector) merge(g int) {
	for i := range g {
		c.h.Merge(c.gens[i], c.gens[g])
	}
}

// promote moves the survivors to the older generation and counts them for the rule of the quarter. A full collection
// untracks dicts as well; to do so in young ones made the building of large dicts quadratic (issue 14775).
func (c *Collector) promote(g int, young, old object.List, found split) {
	switch g {
	case Generations - 1:
		c.pending = 0
		c.longLived = found.reached - c.untrack(young, object.KindDict, found.kinds)
		return
	case Generations - 2:
		c.pending += found.reached
	}
	c.took[promotedMiddle+g] += uint64(found.reached)
	c.h.Merge(young, old)
}

// handleWeakrefs clears all weak references to the unreachable objects, from 3.8 on also those among them, and then
// runs the callbacks of those that are not among them. A weak reference whose callback has run goes to the older
// generation wherever it was before. It returns how many died of it, which collect counts.
func (c *Collector) handleWeakrefs(unreachable, old object.List) int {
	h := c.h
	for o := h.Next(unreachable); o != unreachable; o = h.Next(o) {
		if h.Kind(o) == object.KindWeakref && c.prof.ClearTrashWeakrefs {
			h.ClearWeak(o)
		}
		for w := h.Weakrefs(o); w != 0; w = h.Weakrefs(o) {
			h.ClearWeak(w)
			c.took[weakCleared]++
			if h.HasCallback(w) && !h.Collecting(w) {
				h.Incref(w)
				h.Move(w, c.due)
			}
		}
	}
	died := 0
	for !h.Empty(c.due) {
		w := h.Next(c.due)
		c.took[weakCalled]++
		h.CallBack(w)
		h.Decref(w)
		if h.Next(c.due) == w {
			h.Move(w, old)
		} else {
			died++
		}
	}
	return died
}

// finalize runs the finalizers of a list, each once in the life of its object. Objects may vanish from the list
// meanwhile, so the first is taken until there is none (issue 21435).
func (c *Collector) finalize(l object.List) {
	h := c.h
	for !h.Empty(l) {
		o := h.Next(l)
		h.Move(o, c.seen)
		if h.HasFinalizer(o) && !h.HasLegacyFinalizer(o) && !h.Finalized(o) {
			h.SetFinalized(o)
			h.Incref(o)
			h.Finalize(o)
			h.Decref(o)
		}
	}
	h.Merge(c.seen, l)
}

// resurrected moves to the older generation what finalizers have made reachable again, and leaves the rest on final.
// Up to 3.8 it is all or nothing.
func (c *Collector) resurrected(old object.List) {
	h := c.h
	if !c.prof.AllOrNothing {
		c.deduce(c.unreachable, c.final, false)
		if !h.Empty(c.unreachable) {
			c.took[saved]++
		}
		h.Merge(c.unreachable, old)
		return
	}
	c.updateRefs(c.unreachable)
	c.subtractRefs(c.unreachable)
	held := false
	for o := h.Next(c.unreachable); o != c.unreachable; o = h.Next(o) {
		held = held || h.Refs(o) != 0
	}
	to := c.final
	if held {
		c.took[saved]++
		to = old
	}
	prev := c.unreachable
	for o := h.Next(c.unreachable); o != c.unreachable; o = h.Next(o) {
		h.Reach(o, prev) // from here on nobody asks whether it is collected
		prev = o
	}
	h.Merge(c.unreachable, to)
}

// deleteGarbage clears what is left, from the first on; each clearing may let others die by their counts. What is not
// dead after its own, a tuple for instance, goes to the older generation and waits for a neighbour.
func (c *Collector) deleteGarbage(l, old object.List) {
	h := c.h
	for !h.Empty(l) {
		o := h.Next(l)
		if c.flags&SaveAll != 0 {
			c.took[savedAll]++
			h.Incref(o)
			c.garbage = append(c.garbage, o)
		} else {
			c.took[cleared]++
			h.Incref(o)
			h.Clear(o)
			h.Decref(o)
		}
		if h.Next(l) == o {
			c.took[survived]++
			h.ClearCollecting(o)
			h.Move(o, old)
		}
	}
}
