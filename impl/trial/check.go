package trial

import (
	"fmt"

	"heapfuzz/impl/object"
)

// breach makes the error of a rule.
func breach(rule, format string, args ...any) error {
	return fmt.Errorf("trial/%s: %s", rule, fmt.Sprintf(format, args...))
}

// CheckInvariants recounts what must hold between two calls, of the collector and of its heap. roots calls its
// argument once for each reference that the user holds; those of the heap's Revived are known.
func (c *Collector) CheckInvariants(roots func(func(object.Ref))) error {
	seen := map[object.Ref]bool{}
	if err := c.checkList("young", c.h.Young, 0, seen); err != nil {
		return err
	}
	if err := c.checkList("suspects", c.suspects, object.SuspectMark, seen); err != nil {
		return err
	}
	for _, l := range []object.List{c.members, c.kept, c.seen, c.due} {
		if !c.h.Empty(l) || c.h.Prev(l) != l {
			return breach("temporary", "a list that only a collection uses is not empty")
		}
	}
	if s := c.stats; s.Collections < 0 || s.Collected < 0 || s.Collections == 0 && s.Collected > 0 {
		return breach("stats", "%+v", s)
	}
	if err := c.checkSuspected(roots); err != nil {
		return err
	}
	return c.h.CheckInvariants(roots, []object.List{c.h.Young, c.suspects})
}

// checkList is invariants 1 to 3 of a list, whose objects have that mark.
func (c *Collector) checkList(name string, l object.List, mark int, seen map[object.Ref]bool) error {
	h, prev := c.h, l
	for o := h.Next(l); o != l; o = h.Next(o) {
		switch {
		case o == 0:
			return breach("links", "%s ends in nothing", name)
		case seen[o]:
			return breach("links", "%s leads to an object that was met before", name)
		case h.Kind(o) == 0 || !h.IsGC(o) || h.Count(o) <= 0:
			return breach("tracked", "%s leads to what is no live container", name)
		case h.Prev(o) != prev:
			return breach("links", "%s is not linked back as it is forward", name)
		case h.Mark(o) != mark:
			return breach("marks", "%s has an object with the mark %d", name, h.Mark(o))
		}
		seen[o] = true
		prev = o
	}
	if h.Prev(l) != prev {
		return breach("links", "the head of %s does not lead to its last object", name)
	}
	if h.Mark(l) != 0 || h.Marked(l) {
		return breach("marks", "the head of %s bears a mark", name)
	}
	return nil
}

// checkSuspected is invariant 5.
func (c *Collector) checkSuspected(roots func(func(object.Ref))) error {
	h := c.h
	var todo []object.Ref
	found := map[object.Ref]bool{}
	add := func(o object.Ref) {
		if o != 0 && !found[o] {
			found[o] = true
			todo = append(todo, o)
		}
	}
	roots(add)
	for _, o := range h.Revived {
		add(o)
	}
	for o := h.Next(c.suspects); o != c.suspects; o = h.Next(o) {
		add(o)
	}
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		h.Referents(o, add)
	}
	for o := h.Next(h.Young); o != h.Young; o = h.Next(o) {
		if !found[o] {
			return breach("suspected", "an object that no root reaches is reached by no suspect")
		}
	}
	return nil
}

// checkCounts is invariant 7: counts are tried, and none is put back. It cannot see the true counts, so it recounts the
// edges among the members and asks that those who are to be garbage have no more references than that: what has count 0
// is referred to by a member, and no count is negative.
func (c *Collector) checkCounts() error {
	h := c.h
	inside := c.inside(c.members)
	for o := h.Next(c.members); o != c.members; o = h.Next(o) {
		if n := h.Count(o); n < 0 || n == 0 && inside[o] == 0 {
			return breach("count", "a member counts %d references from elsewhere, and %d members refer to it",
				n, inside[o])
		}
	}
	return nil
}

// inside counts the edges from the objects of lists.
func (c *Collector) inside(lists ...object.List) map[object.Ref]int {
	n := map[object.Ref]int{}
	for _, l := range lists {
		for o := c.h.Next(l); o != l; o = c.h.Next(o) {
			c.h.Referents(o, func(x object.Ref) { n[x]++ })
		}
	}
	return n
}

// checkSplit is invariant 8, when all edges are put back.
func (c *Collector) checkSplit() error {
	h := c.h
	inside := c.inside(c.members, c.kept)
	found := map[object.Ref]bool{}
	var todo []object.Ref
	for _, l := range []object.List{c.members, c.kept} {
		for o := h.Next(l); o != l; o = h.Next(o) {
			if h.Count(o) < inside[o] {
				return breach("count", "a member counts %d references, and %d members refer to it",
					h.Count(o), inside[o])
			}
			if h.Count(o) > inside[o] {
				found[o] = true
				todo = append(todo, o)
			}
		}
	}
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		h.Referents(o, func(x object.Ref) {
			if h.IsTracked(x) && h.Mark(x) >= markGray && !found[x] {
				found[x] = true
				todo = append(todo, x)
			}
		})
	}
	for o := h.Next(c.kept); o != c.kept; o = h.Next(o) {
		if !found[o] {
			return breach("split", "a member that nothing from elsewhere leads to is kept")
		}
	}
	for o := h.Next(c.members); o != c.members; o = h.Next(o) {
		if found[o] {
			return breach("split", "a member that something from elsewhere leads to is taken for garbage")
		}
	}
	return nil
}

// must panics on a breach inside a collection.
func must(err error) {
	if err != nil {
		panic("trial: broken invariant " + err.Error())
	}
}
