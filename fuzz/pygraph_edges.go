package fuzz

import (
	"errors"
	"fmt"

	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
	"heapfuzz/impl/trial"
	"heapfuzz/props/heaptest"
)

// pyEdge is a collector that is asked what no program asks, and what it is asked with.
type pyEdge struct {
	pyCollector
	h           *object.Heap
	enabled     func() bool
	threshold   func() int
	limit       func(int)      // sets the threshold
	collections func() int     // that were counted
	listen      func(func())   // has a function called when a collection starts
	panics      func() bool    // all that must panic does
	suspects    func() (n int) // what the collector has put aside; nil: nothing
}

// attached has a collector made for a heap.
type attached func(*object.Heap) (pyEdge, error)

func gcEdge(h *object.Heap) (pyEdge, error) {
	c, err := gc.New(h)
	if err != nil {
		return pyEdge{}, err
	}
	return pyEdge{
		pyCollector: c, h: h, enabled: c.Enabled, limit: func(n int) { c.SetThreshold(n) },
		threshold: func() int { return c.Threshold()[0] },
		collections: func() (n int) {
			for _, s := range c.Stats() {
				n += s.Collections
			}
			return n
		},
		listen: func(f func()) { c.OnCollection = func(gc.Phase) { f() } },
		panics: func() bool {
			return panics(func() { c.Collect(-1) }) && panics(func() { c.Collect(gc.Generations) })
		},
	}, nil
}

func trialEdge(h *object.Heap) (pyEdge, error) {
	c, err := trial.New(h)
	if err != nil {
		return pyEdge{}, err
	}
	return pyEdge{
		pyCollector: c, h: h, enabled: c.Enabled, limit: c.SetThreshold, threshold: c.Threshold,
		collections: func() int { return c.Stats().Collections },
		listen:      func(f func()) { c.OnCollection = func(bool, int) { f() } },
		panics:      func() bool { return true }, suspects: c.Suspects,
	}, nil
}

// pyEdgeCallbacks has callbacks do to a collection of package gc what no program can. One lets go of its own weak
// reference, which is found dead by that and counted (all releases say 2). One gives what was found an old finalizer,
// which is not called before its object dies.
func pyEdgeCallbacks(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil {
		return err
	}
	plain, err := h.Define(object.Type{Name: "plain", Kind: object.KindSlotted, Attrs: 1, Weak: true})
	if err != nil {
		return err
	}
	old, err := h.Define(object.Type{Name: "old", Kind: object.KindSlotted, Attrs: 1, Weak: true,
		Final: object.Nothing, Legacy: true})
	if err != nil {
		return err
	}
	ring := func() (o, w object.Ref) {
		o = h.New(plain)
		w = h.NewWeakref(o, true)
		h.SetItem(o, 0, o)
		h.Decref(o)
		return o, w
	}
	ring()
	h.OnCallback = h.Decref
	if n := c.Collect(0); n != 2 {
		return fmt.Errorf("a ring of one, and a weak reference that its callback lets go, are collected as %d", n)
	}
	o, w := ring()
	h.OnCallback = func(object.Ref) { h.SetType(o, old) }
	finals := 0
	h.OnFinalize = func(object.Ref) { finals++ }
	if c.Collect(0); finals != 1 || h.Live() != 1 {
		return fmt.Errorf("an old finalizer that came late runs %d times", finals)
	}
	h.Decref(w)
	return nil
}

// pyEdges makes heaps and collectors of its own, and tells whether one is made where there is no memory for it, what
// one is when it is made, what becomes of a collection that was asked for and has to wait, and of objects that get
// another class, and what count 0 is.
func pyEdges(prof *object.Profile, make attached, more ...func(*object.Heap, attached) error) error {
	if err := objectEdges(prof); err != nil {
		return err
	}
	for _, ask := range append(more, pyEdgeScarce, pyEdgeFresh, pyEdgeWaits, pyEdgeClasses, pyEdgeCounts, pyEdgeGarbage,
		pyEdgeTuple) {
		h, err := object.New(object.Config{Profile: pyVariant(prof, 4), OS: source(heaptest.World{})})
		if err != nil {
			return err
		}
		if err := errors.Join(ask(h, make), h.Close()); err != nil {
			return fmt.Errorf("a collector of its own: %w", err)
		}
	}
	return nil
}

// pyEdgeScarce makes one when all memory for lists is used up.
func pyEdgeScarce(h *object.Heap, make attached) error {
	h.Memory().InjectOOM(1, true)
	for h.NewHead() != 0 {
	}
	if _, err := make(h); err == nil {
		return errors.New("it is made without memory")
	}
	if h.NewFrozenset() != 0 {
		return errors.New("a frozenset is made without memory")
	}
	return nil
}

// pyEdgeFresh looks at one that was just made: it collects by itself when there are more objects than the release's
// threshold, and not before.
func pyEdgeFresh(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil {
		return err
	}
	n := int(pySince(pyMinor(h.Profile().Name), 13, 2000, 700))
	if !c.enabled() || c.threshold() != n || c.collections() != 0 || !c.panics() {
		return errors.New("it is not what it should be when it is made")
	}
	for range n {
		h.NewList(0)
	}
	h.NewTuple() // an interpreter has it from the start
	if c.Safepoint(); c.collections() != 0 {
		return errors.New("it collects before the threshold")
	}
	h.NewList(0)
	if c.Safepoint(); c.collections() != 1 {
		return errors.New("it does not collect behind the threshold")
	}
	return nil
}

// pyEdgeWaits asks for collections, from 3.12 on, and switches them off, or collects, before the next safepoint.
func pyEdgeWaits(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil {
		return err
	}
	l := h.NewList(1)
	h.SetItem(l, 0, l)
	h.Decref(l)
	if c.suspects != nil && c.suspects() != 1 {
		return errors.New("a ring that nothing refers to is not suspected")
	}
	if n := c.Collect(0); n != 1 || c.suspects != nil && c.suspects() != 0 {
		return fmt.Errorf("a ring of one is collected as %d", n)
	}
	if !h.Profile().Safepoint {
		return nil
	}
	fill := func(n int) {
		for range n {
			h.NewList(0)
		}
	}
	fill(3)
	c.limit(1)
	if c.Safepoint(); c.collections() != 1 {
		return errors.New("it collects, and nobody asked for it since the threshold was lowered")
	}
	fill(1)
	c.Disable()
	if c.Safepoint(); c.collections() != 1 {
		return errors.New("it collects when it is switched off")
	}
	c.Enable()
	if c.Safepoint(); c.collections() != 1 {
		return errors.New("it collects for what was asked before it was switched off")
	}
	starts := 0
	c.listen(func() {
		starts++
		c.Safepoint()
	})
	fill(1)
	if c.Collect(0); starts != 2 || c.collections() != 2 {
		return errors.New("it collects while it collects")
	}
	return pyEdgeCalls(h, c, fill)
}

// pyEdgeCalls asks for collections, from 3.12 on, when a finalizer or a callback is about to be called: they run before
// it does.
func pyEdgeCalls(h *object.Heap, c pyEdge, fill func(int)) error {
	id, err := h.Define(object.Type{Name: "called", Kind: object.KindSlotted, Attrs: 1, Weak: true,
		Final: object.Nothing})
	if err != nil {
		return err
	}
	was, final, call := c.collections(), 0, 0
	h.OnFinalize = func(object.Ref) { final = c.collections() - was; fill(2) }
	h.OnCallback = func(object.Ref) { call = c.collections() - was }
	o := h.New(id)
	w := h.NewWeakref(o, true)
	fill(2)
	if h.Decref(o); final != 1 || call != 2 {
		return fmt.Errorf("%d collections are over when a finalizer is called, and %d when a callback is", final, call)
	}
	h.Decref(w)
	return nil
}
