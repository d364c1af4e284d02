package gc

import (
	"math"

	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// updateRefs sets gc_refs of each object of a list to its count.
func (c *Collector) updateRefs(l object.List) {
	h := c.h
	for o := h.Next(l); o != l; {
		next := h.Next(o)
		n := h.Count(o)
		if c.prof.Immortal && n > math.MaxInt32 {
			h.Move(o, c.permanent)
		} else {
			h.SetRefs(o, n)
		}
		o = next
	}
}

// subtractRefs takes from gc_refs of each object of a list the references that come from the list itself. What is left
// are references from outside. It returns of how many objects nothing is left.
func (c *Collector) subtractRefs(l object.List) (zeros int) {
	h := c.h
	for o := h.Next(l); o != l; o = h.Next(o) {
		for at, n, step, alt := h.Fields(o); n > 0; n-- {
			if x := object.Ref(page.Load(at)); x != 0 && h.IsGC(x) && h.Collecting(x) {
				left := h.Refs(x) - 1
				h.SetRefs(x, left)
				if left == 0 {
					zeros++
				}
			}
			at += step
			step ^= alt
		}
	}
	return zeros
}

// subtractAll is updateRefs and subtractRefs in one walk, for a list that has every tracked object: whoever is met for
// the first time, at its turn or through a reference, gets its count then. The walk needs no links to the left, which
// are lost by that.
func (c *Collector) subtractAll(l object.List) (zeros int) {
	h := c.h
	immortal := math.MaxInt
	if c.prof.Immortal {
		immortal = math.MaxInt32
	}
	prev := l
	for o := h.Next(l); o != l; o = h.Next(prev) {
		if !h.Collecting(o) {
			n := h.Count(o)
			if n > immortal {
				c.dismiss(o, prev, l)
				continue
			}
			h.SetRefs(o, n)
		}
		prev = o
		for at, n, step, alt := h.Fields(o); n > 0; n-- {
			x := object.Ref(page.Load(at))
			at += step
			step ^= alt
			if x == 0 || !h.IsGC(x) {
				continue
			}
			var left int
			if h.Collecting(x) {
				left = h.Refs(x) - 1
			} else if left = h.Count(x) - 1; left >= immortal || !h.Tracked(x) {
				continue
			}
			h.SetRefs(x, left)
			if left == 0 {
				zeros++
			}
		}
	}
	return zeros
}

// dismiss moves an immortal object, which stands behind prev on a list whose links to the left may be lost, to the
// permanent generation.
func (c *Collector) dismiss(o, prev object.Ref, l object.List) {
	h := c.h
	next := h.Next(o)
	h.SetNext(prev, next)
	if next == l || !h.Collecting(next) {
		h.SetPrev(next, prev)
	}
	h.Link(o, c.permanent)
}

// A split is what scan has found.
type split struct {
	reached, moved int    // objects that stayed, and that went
	zeros          int    // that have gc_refs 0; at the end all that went
	kinds          uint64 // of those that stayed, a bit each
}

// scan leaves on a list what is reachable from outside it and moves all else to the unreachable list, where it bears
// the mark of it until it is moved. zeros is how many have gc_refs 0. When there is none left, on either list, no
// reference can change anything any more, and none is followed: if what is old leads to all that is young, that is
// soon.
func (c *Collector) scan(l, unreachable object.List, zeros int) (s split) {
	h := c.h
	prev := l
	for o := h.Next(l); o != l; o = h.Next(prev) {
		if zeros > 0 {
			if h.Refs(o) == 0 {
				h.MoveUnreachable(o, prev, unreachable)
				s.moved++
				continue
			}
			filled, back := c.reach(o, l)
			zeros -= filled + back
			s.moved -= back
		}
		h.Reach(o, prev)
		prev = o
		s.reached++
		s.kinds |= 1 << h.Kind(o)
		if c.prof.TuplesInScan && h.Kind(o) == object.KindTuple {
			prev = h.Prev(o)
			h.MaybeUntrack(o)
			if h.Tracked(o) {
				prev = o
			} else {
				s.reached--
			}
		}
	}
	h.EndScan(l, prev, unreachable)
	s.zeros = zeros
	return s
}

// reach is what a reachable object does to those that it refers to: what was put aside comes back to the tail of the
// list, what is still to come is not put aside. It returns how many these are.
func (c *Collector) reach(o object.Ref, l object.List) (filled, back int) {
	h := c.h
	for at, n, step, alt := h.Fields(o); n > 0; n-- {
		x := object.Ref(page.Load(at))
		at += step
		step ^= alt
		switch {
		case x == 0 || !h.IsGC(x) || !h.Collecting(x):
		case h.Unreachable(x):
			h.MoveReachable(x, l)
			back++
		case h.Refs(x) == 0:
			h.SetRefs(x, 1)
			filled++
		}
	}
	return filled, back
}

// deduce splits a list into what is reachable from outside, which stays, and what is not. all says that it has every
// tracked object.
func (c *Collector) deduce(l, unreachable object.List, all bool) split {
	var zeros int
	if all {
		zeros = c.subtractAll(l)
	} else {
		c.updateRefs(l)
		zeros = c.subtractRefs(l)
	}
	if invariant.Enabled {
		must(c.checkRefs(l))
	}
	s := c.scan(l, unreachable, zeros)
	if invariant.Enabled && !c.prof.TuplesInScan { // a tuple that scan has untracked is on no list any more
		must(c.checkSplit(l, unreachable))
		if s.zeros != s.moved {
			must(breach("split", "%d objects should have gc_refs 0, and %d are unreachable", s.zeros, s.moved))
		}
	}
	return s
}

// untrack takes the tuples, or the dicts, of a list that hold nothing worth watching off it, from left to right, and
// returns how many. kinds says which are on the list.
func (c *Collector) untrack(l object.List, kind object.Kind, kinds uint64) (gone int) {
	h := c.h
	if kinds&(1<<kind) == 0 {
		return 0
	}
	for o := h.Next(l); o != l; {
		next := h.Next(o)
		if h.Kind(o) == kind {
			h.MaybeUntrack(o)
			if !h.Tracked(o) {
				c.took[untracked]++
				gone++
			}
		}
		o = next
	}
	return gone
}
