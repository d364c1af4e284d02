package gc

import (
	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// ImmortalCount is a count that marks an object as one that never dies (3.12).
const ImmortalCount = 1<<32 - 1

// updateRefs sets gc_refs of each object of a list to its count.
func (c *Collector) updateRefs(l object.List) {
	h := c.h
	for o := h.Next(l); o != l; {
		next := h.Next(o)
		n := h.Count(o)
		if c.prof.Immortal && n >= ImmortalCount {
			h.Move(o, c.permanent)
		} else {
			h.SetRefs(o, n)
		}
		o = next
	}
}

// subtractRefs takes from gc_refs of each object of a list the references that come from the list itself. What is left
// are references from outside.
func (c *Collector) subtractRefs(l object.List) {
	h := c.h
	for o := h.Next(l); o != l; o = h.Next(o) {
		for at, n, step := h.Fields(o); n > 0; n-- {
			if x := object.Ref(page.Load(at)); x != 0 && h.IsGC(x) && h.Collecting(x) {
				h.SetRefs(x, h.Refs(x)-1)
			}
			at += step
		}
	}
}

// scan leaves on a list what is reachable from outside it and moves all else to the unreachable list.
func (c *Collector) scan(l, unreachable object.List) {
	h := c.h
	prev := l
	for o := h.Next(l); o != l; o = h.Next(prev) {
		if h.Refs(o) == 0 {
			h.MoveUnreachable(o, prev, unreachable)
			continue
		}
		c.reach(o, l)
		h.Reach(o, prev)
		prev = o
		if c.prof.TuplesInScan && h.Kind(o) == object.KindTuple {
			prev = h.Prev(o)
			h.MaybeUntrack(o)
			if h.Tracked(o) {
				prev = o
			}
		}
	}
	h.EndScan(l, prev, unreachable)
}

// reach is what a reachable object does to those that it refers to: what was put aside comes back to the tail of the
// list, what is still to come is not put aside.
func (c *Collector) reach(o object.Ref, l object.List) {
	h := c.h
	for at, n, step := h.Fields(o); n > 0; n-- {
		x := object.Ref(page.Load(at))
		at += step
		switch {
		case x == 0 || !h.IsGC(x) || !h.Collecting(x):
		case h.Unreachable(x):
			h.MoveReachable(x, l)
		case h.Refs(x) == 0:
			h.SetRefs(x, 1)
		}
	}
}

// deduce splits a list into what is reachable from outside, which stays, and what is not.
func (c *Collector) deduce(l, unreachable object.List) {
	c.updateRefs(l)
	c.subtractRefs(l)
	if invariant.Enabled {
		must(c.checkRefs(l))
	}
	c.scan(l, unreachable)
	if invariant.Enabled && !c.prof.TuplesInScan { // a tuple that scan has untracked is on no list any more
		must(c.checkSplit(l, unreachable))
	}
}

// untrack takes the tuples, or the dicts, of a list that hold nothing worth watching off it, from left to right.
func (c *Collector) untrack(l object.List, kind object.Kind) {
	h := c.h
	for o := h.Next(l); o != l; {
		next := h.Next(o)
		if h.Kind(o) == kind {
			h.MaybeUntrack(o)
		}
		o = next
	}
}
