package gc

import (
	"fmt"

	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// breach makes the error of a rule.
func breach(rule, format string, args ...any) error {
	return fmt.Errorf("gc/%s: %s", rule, fmt.Sprintf(format, args...))
}

// lists returns the heads of all lists that objects are on between two collections.
func (c *Collector) lists() []object.List {
	return append(c.gens[:len(c.gens):len(c.gens)], c.permanent)
}

// CheckInvariants recounts what must hold between two calls, of the collector and of its heap. roots calls its
// argument once for each reference that the user holds; those of the heap's Revived and of Garbage are known.
func (c *Collector) CheckInvariants(roots func(func(object.Ref))) error {
	for _, check := range []func() error{c.checkLists, c.checkTemporary, c.checkCounts, c.checkStats, c.checkGarbage} {
		if err := check(); err != nil {
			return err
		}
	}
	all := func(hold func(object.Ref)) {
		roots(hold)
		for _, o := range c.garbage {
			hold(o)
		}
	}
	return c.h.CheckInvariants(all, c.lists())
}

// checkLists is invariants 1 to 4.
func (c *Collector) checkLists() error {
	h := c.h
	seen := map[object.Ref]bool{}
	for i, l := range c.lists() {
		prev := l
		for o := h.Next(l); o != l; o = h.Next(o) {
			switch {
			case o == 0:
				return breach("links", "generation %d ends in nothing", i)
			case seen[o]:
				return breach("once", "generation %d leads to an object that was met before", i)
			case h.Kind(o) == 0 || !h.IsGC(o) || h.Count(o) <= 0:
				return breach("tracked", "generation %d leads to what is no live container", i)
			case h.Collecting(o) || h.Unreachable(o):
				return breach("marks", "generation %d has an object with the mark of a collection", i)
			case h.Prev(o) != prev:
				return breach("links", "generation %d is not linked back as it is forward", i)
			}
			seen[o] = true
			prev = o
		}
		if h.Prev(l) != prev {
			return breach("links", "the head of generation %d does not lead to its last object", i)
		}
		if h.Marked(l) {
			return breach("marks", "the head of generation %d bears a mark", i)
		}
	}
	return nil
}

// checkTemporary is invariant 5.
func (c *Collector) checkTemporary() error {
	for _, l := range []object.List{c.unreachable, c.final, c.seen, c.due, c.legacy} {
		if !c.h.Empty(l) || c.h.Prev(l) != l {
			return breach("temporary", "a list that only a collection uses is not empty")
		}
	}
	return nil
}

// checkCounts is invariant 6. It does what subtractRefs does, for each prefix of the generations, without a mark.
func (c *Collector) checkCounts() error {
	for g, n := range c.Count() {
		if n < 0 {
			return breach("counts", "count %d is %d", g, n)
		}
	}
	h := c.h
	inside := map[object.Ref]int{}
	for g := range c.gens {
		for _, l := range c.gens[:g+1] {
			for o := h.Next(l); o != l; o = h.Next(o) {
				for at, n, step, alt := h.Fields(o); n > 0; n-- {
					inside[object.Ref(page.Load(at))]++
					at += step
					step ^= alt
				}
			}
		}
		for _, l := range c.gens[:g+1] {
			for o := h.Next(l); o != l; o = h.Next(o) {
				if h.Count(o) < inside[o] {
					return breach("counts", "an object of generation %d counts %d, and %d lead to it from up to there",
						g, h.Count(o), inside[o])
				}
			}
		}
		clear(inside)
	}
	return nil
}

// checkStats is invariant 7.
func (c *Collector) checkStats() error {
	for g, s := range c.stats {
		if s.Collections < 0 || s.Collected < 0 || s.Uncollectable < 0 || s.Collections == 0 && s != (Stats{}) {
			return breach("stats", "generation %d has %+v", g, s)
		}
	}
	if c.pending < 0 || c.longLived < 0 {
		return breach("stats", "%d are pending, %d long-lived", c.pending, c.longLived)
	}
	return nil
}

// checkGarbage is invariant 8.
func (c *Collector) checkGarbage() error {
	for _, o := range c.garbage {
		if o == 0 || c.h.Kind(o) == 0 || c.h.Count(o) <= 0 {
			return breach("garbage", "what was kept has died")
		}
	}
	return nil
}

// checkRefs is invariant 9, between subtractRefs and scan: gc_refs is what a recount of references from inside the list
// leaves of each count, and it is not negative.
func (c *Collector) checkRefs(l object.List) error {
	h := c.h
	inside := map[object.Ref]int{}
	for o := h.Next(l); o != l; o = h.Next(o) {
		h.Referents(o, func(x object.Ref) { inside[x]++ })
	}
	for o := h.Next(l); o != l; o = h.Next(o) {
		if n := h.Count(o) - inside[o]; n < 0 || n != h.Refs(o) {
			return breach("refs", "an object has gc_refs %d; it counts %d, and %d are from inside",
				h.Refs(o), h.Count(o), inside[o])
		}
	}
	return nil
}

// checkSplit is invariant 10, behind scan: the unreachable objects are exactly those that a search from all that have
// a reference from outside does not find.
func (c *Collector) checkSplit(reachable, unreachable object.List) error {
	h := c.h
	inside := map[object.Ref]int{}
	var all []object.Ref
	for _, l := range []object.List{reachable, unreachable} {
		for o := h.Next(l); o != l; o = h.Next(o) {
			all = append(all, o)
		}
	}
	for _, o := range all {
		h.Referents(o, func(x object.Ref) { inside[x]++ })
	}
	found := map[object.Ref]bool{}
	var todo []object.Ref
	for _, o := range all {
		if h.Count(o) > inside[o] {
			found[o] = true
			todo = append(todo, o)
		}
	}
	member := make(map[object.Ref]bool, len(all))
	for _, o := range all {
		member[o] = true
	}
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		h.Referents(o, func(x object.Ref) {
			if member[x] && !found[x] {
				found[x] = true
				todo = append(todo, x)
			}
		})
	}
	for o := h.Next(reachable); o != reachable; o = h.Next(o) {
		if !found[o] {
			return breach("split", "an object that nothing leads to is taken for reachable")
		}
	}
	for o := h.Next(unreachable); o != unreachable; o = h.Next(o) {
		if found[o] {
			return breach("split", "an object that something leads to is taken for garbage")
		}
	}
	return nil
}

// must panics on a breach inside a collection.
func must(err error) {
	if err != nil {
		panic("gc: broken invariant " + err.Error())
	}
}
