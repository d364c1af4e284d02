package trial

import (
	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// Collect returns how many objects it found to be garbage. There is one generation, whatever is asked for. A collection
// inside another does nothing. At its end the free lists of the heap are cleared, as by a full one of package gc.
func (c *Collector) Collect(int) int {
	if c.collecting {
		return 0
	}
	c.collecting = true
	if c.OnCollection != nil {
		c.OnCollection(false, 0)
	}
	h := c.h
	h.Fresh = 0
	if h.Empty(c.suspects) {
		c.took[suspectsNone]++
	}
	c.gather()
	c.split(c.h.Young)
	if !h.Empty(c.members) {
		c.took[condemned]++
	}
	c.clearWeakrefs()
	c.finalize()
	c.again()
	n := h.Members(c.members)
	c.deleteGarbage()
	h.ClearFreeLists()
	c.stats.Collections++
	c.stats.Collected += n
	if c.OnCollection != nil {
		c.OnCollection(true, n)
	}
	c.collecting = false
	return n
}

// gather is MarkGray of all suspects: they, and all that they reach, become members, and each edge from a member is
// taken off the count of what it leads to. What is not tracked has no edge that matters.
func (c *Collector) gather() {
	h := c.h
	for o := h.Next(c.suspects); o != c.suspects; o = h.Next(o) {
		h.SetMark(o, markGray)
	}
	h.Merge(c.suspects, c.members)
	for o := h.Next(c.members); o != c.members; o = h.Next(o) {
		for at, n, step, alt := h.Fields(o); n > 0; n-- {
			x := object.Ref(page.Load(at))
			at += step
			step ^= alt
			if x == 0 || !h.IsTracked(x) {
				continue
			}
			h.AddCount(x, -1)
			if h.Mark(x) != markGray {
				h.SetMark(x, markGray)
				h.Move(x, c.members)
			}
		}
	}
}

// split is Scan of all members, and the half of CollectWhite that takes no prisoners: those with references from
// elsewhere are kept, and all that they lead to, and go to a list; the others remain. All edges are put back.
func (c *Collector) split(to object.List) {
	h := c.h
	if invariant.Enabled {
		must(c.checkCounts())
	}
	for o := h.Next(c.members); o != c.members; {
		next := h.Next(o)
		if h.Count(o) > 0 {
			h.SetMark(o, markKept)
			h.Move(o, c.kept)
			c.took[acquitted]++
		}
		o = next
	}
	for o := h.Next(c.kept); o != c.kept; o = h.Next(o) {
		c.restore(o, true)
	}
	for o := h.Next(c.members); o != c.members; o = h.Next(o) {
		c.restore(o, false)
	}
	if invariant.Enabled {
		must(c.checkSplit())
	}
	for o := h.Next(c.kept); o != c.kept; o = h.Next(o) {
		h.SetMark(o, 0)
	}
	h.Merge(c.kept, to)
}

// restore puts the edges from o to members back. What o leads to is kept if o is.
func (c *Collector) restore(o object.Ref, kept bool) {
	h := c.h
	for at, n, step, alt := h.Fields(o); n > 0; n-- {
		x := object.Ref(page.Load(at))
		at += step
		step ^= alt
		if x == 0 || !h.IsTracked(x) {
			continue
		}
		m := h.Mark(x)
		if m < markGray {
			continue
		}
		h.AddCount(x, 1)
		if kept && m == markGray {
			h.SetMark(x, markKept)
			h.Move(x, c.kept)
		}
	}
}

// clearWeakrefs clears all weak references to the garbage and those in it, and then runs the callbacks of those that
// are not in it.
func (c *Collector) clearWeakrefs() {
	h := c.h
	for o := h.Next(c.members); o != c.members; o = h.Next(o) {
		if h.Kind(o) == object.KindWeakref {
			h.ClearWeak(o)
		}
		for w := h.Weakrefs(o); w != 0; w = h.Weakrefs(o) {
			h.ClearWeak(w)
			c.took[weakCleared]++
			if h.HasCallback(w) && h.Mark(w) != markGray {
				h.Incref(w)
				h.Move(w, c.due)
			}
		}
	}
	for !h.Empty(c.due) {
		w := h.Next(c.due)
		h.Move(w, h.Young)
		c.took[weakCalled]++
		h.CallBack(w)
		h.Decref(w)
	}
}

// finalize runs the finalizers of the garbage, each once in the life of its object. Objects may vanish meanwhile, so
// the first is taken until there is none.
func (c *Collector) finalize() {
	h := c.h
	for !h.Empty(c.members) {
		o := h.Next(c.members)
		h.Move(o, c.seen)
		if h.HasFinalizer(o) && !h.Finalized(o) {
			h.SetFinalized(o)
			h.Incref(o)
			h.Finalize(o)
			h.Decref(o)
		}
	}
	h.Merge(c.seen, c.members)
}

// again takes out of the garbage what finalizers made reachable: the edges among the members are tried once more. What
// they lead to that is no member was made since, or is in use.
func (c *Collector) again() {
	h := c.h
	for o := h.Next(c.members); o != c.members; o = h.Next(o) {
		for at, n, step, alt := h.Fields(o); n > 0; n-- {
			if x := object.Ref(page.Load(at)); x != 0 && h.IsTracked(x) && h.Mark(x) == markGray {
				h.AddCount(x, -1)
			}
			at += step
			step ^= alt
		}
	}
	was := c.took[acquitted]
	c.split(h.Young)
	if c.took[acquitted] != was {
		c.took[saved]++
	}
}

// deleteGarbage clears what is left, one by one; each clearing may let others die by their counts. What is not dead
// after its own, a tuple for instance, waits for a neighbour.
func (c *Collector) deleteGarbage() {
	h := c.h
	if c.OnTake != nil {
		for o := h.Next(c.members); o != c.members; o = h.Next(o) {
			c.OnTake(o)
		}
	}
	for !h.Empty(c.members) {
		o := h.Next(c.members)
		h.Incref(o)
		c.took[cleared]++
		h.Clear(o)
		h.Decref(o)
		if h.Next(c.members) == o {
			c.took[survived]++
			h.SetMark(o, object.SuspectMark)
			h.Move(o, c.suspects)
		}
	}
}
