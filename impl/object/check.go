package object

import (
	"fmt"

	"heapfuzz/impl/page"
)

// breach makes the error of a rule.
func breach(rule, format string, args ...any) error {
	return fmt.Errorf("object/%s: %s", rule, fmt.Sprintf(format, args...))
}

// describe names an object for people, without its address.
func (h *Heap) describe(o Ref) string {
	return fmt.Sprintf("%s %d", h.typeOf(o).Name, h.Tag(o))
}

// A census is what the checker finds by walking.
type census struct {
	counts map[Ref]int // references found, of each object
	order  []Ref       // the objects in the order in which they were found
}

// CheckInvariants recounts the invariants of this package. roots calls its argument once for each reference that the
// user holds (those in Revived are known); lists are the heads of all lists of tracked objects. No collection may be
// under way.
func (h *Heap) CheckInvariants(roots func(func(Ref)), lists []List) error {
	if h.waiting != 0 || h.depth != 0 {
		return breach("trash", "somebody waits for its death, or a death is not over")
	}
	c := census{counts: map[Ref]int{}}
	find := func(o Ref) {
		if _, ok := c.counts[o]; !ok {
			c.counts[o] = 0
			c.order = append(c.order, o)
		}
	}
	hold := func(o Ref) {
		if o != 0 {
			find(o)
			c.counts[o]++
		}
	}
	for _, l := range lists {
		for o := h.Next(l); o != l; o = h.Next(o) {
			find(o)
		}
	}
	roots(hold)
	for _, o := range h.Revived {
		hold(o)
	}
	for i := 0; i < len(c.order); i++ {
		if err := h.checkType(c.order[i]); err != nil {
			return err
		}
		h.Referents(c.order[i], hold)
	}
	for _, o := range c.order {
		if err := h.checkObject(o, c.counts[o]); err != nil {
			return err
		}
	}
	if len(c.order) != h.live {
		return breach("live", "%d objects are found, %d should live", len(c.order), h.live)
	}
	if err := h.checkFree(); err != nil {
		return err
	}
	return h.mem.CheckInvariants()
}

// checkFree is invariant 8.
func (h *Heap) checkFree() error {
	for i := range h.free {
		l, most, n := &h.free[i], h.prof.FreeList.Tuples, 0
		switch {
		case i == freeLists:
			most = h.prof.FreeList.Lists
		case i == freeDicts:
			most = h.prof.FreeList.Dicts
		case i >= h.prof.FreeList.TupleItems:
			most = 0
		}
		for o := l.first; o != 0 && n <= l.n; o = Ref(o.load(offBody)) {
			if o.word() != 0 || o.next() != 0 {
				return breach("free", "what is on a free list is still an object, or tracked")
			}
			n++
		}
		if n != l.n || n > most {
			return breach("free", "a free list that says %d has %d, and may have %d", l.n, n, most)
		}
	}
	return nil
}

// checkType is invariant 1.
func (h *Heap) checkType(o Ref) error {
	w := o.word()
	id := int(uint16(w))
	if id == 0 || id >= len(h.types) || h.types[id].word != w&(1<<tagShift-1)&^markBits {
		return breach("known", "a reference leads to what has no type")
	}
	return nil
}

// checkObject is invariants 2, 4, 5 and 6 of one object.
func (h *Heap) checkObject(o Ref, found int) error {
	if h.Count(o) != found {
		return breach("count", "%s counts %d references and has %d", h.describe(o), h.Count(o), found)
	}
	if !o.isGC() {
		return nil
	}
	if h.Collecting(o) || h.Unreachable(o) {
		return breach("marks", "%s bears the marks of a collection", h.describe(o))
	}
	tracked := h.Tracked(o)
	if k := o.kind(); !tracked {
		if k != KindTuple && k != KindDict {
			return breach("untracked", "%s is not tracked", h.describe(o))
		}
		for at, n, step := h.Fields(o); n > 0; n-- {
			if h.mayBeTracked(Ref(page.Load(at))) {
				return breach("untracked", "%s is not tracked and holds %s",
					h.describe(o), h.describe(Ref(page.Load(at))))
			}
			at += step
		}
	}
	return h.checkWeak(o)
}

// checkWeak is invariant 6, of a weak reference and of what has weak references.
func (h *Heap) checkWeak(o Ref) error {
	if o.kind() == KindWeakref && o.load(weakReferent) == 0 && o.load(weakPrev)|o.load(weakNext) != 0 {
		return breach("weak", "%s refers to nothing and is on a list", h.describe(o))
	}
	prev := Ref(0)
	for w := h.Weakrefs(o); w != 0; w = Ref(w.load(weakNext)) {
		if h.checkType(w) != nil || w.kind() != KindWeakref || Ref(w.load(weakReferent)) != o ||
			Ref(w.load(weakPrev)) != prev {
			return breach("weak", "the list of weak references of %s is broken", h.describe(o))
		}
		prev = w
	}
	return nil
}
