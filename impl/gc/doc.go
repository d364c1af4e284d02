// Package gc is layer 5: CPython's generational cycle collector, step by step, over the objects of package object.
//
//	h, err := object.New(object.Config{Profile: prof})
//	c, err := gc.New(h)
//	l := h.NewList(1)
//	h.SetItem(l, 0, l)
//	h.Decref(l)                   // a cycle: nobody else refers to it
//	n := c.Collect(2)             // 1
//
// The facts are those of Modules/gcmodule.c (Python/gc.c from 3.12 on) of the releases that object.Profile names. The
// order of lists is part of them, because it decides the order in which finalizers and callbacks run, which programs
// see. Real interpreters said whether all this is right (corpus/graph/golden, scripts/golden-gc).
//
// # Terms
//
// A generation is a list of tracked objects; there are three, 0 the youngest, and a permanent one (Freeze) at which no
// collection looks. To collect generation g is to collect all up to g, and the survivors go to g+1, or stay in 2. A
// count is what a generation has seen since it was last collected: count 0 containers allocated less freed, counts 1
// and 2 collections of the generation below. Above its threshold a collection is due.
//
//	     young = 0..g            gc_refs = count         minus edges inside          what has refs left, and
//	                                                                                 all that it leads to
//	gen 0 --+
//	gen 1 --+--> [a b c d e] --> [a1 b2 c1 d1 e1] --> [a1 b1 c0 d0 e0] --> reachable [a b c] --> generation g+1
//	                                                                       unreachable [d e]
//	                                                                            |
//	                     weak references cleared, callbacks; finalizers; <------+
//	                     what they resurrected, and all that it leads to ----------------------> generation g+1
//	                     the rest is cleared, and dies by its counts
//
// # A collection
//
// Its steps have a function each: merge, updateRefs and subtractRefs (mark.go), scan, untrackTuples, promote,
// handleWeakrefs, finalize, resurrected, deleteGarbage. In scan, objects are visited from left to right; what has
// gc_refs 0 when its turn comes goes to the unreachable list, and comes back to the tail of the scanned one when
// something reachable leads to it. So the survivors are not in the order in which they were, and that order is kept.
//
// # When it runs
//
// An allocation that brings count 0 above its threshold collects at once, before its object is tracked, up to 3.11;
// from 3.12 on it asks for a collection, and Safepoint, which stands for the next check of the interpreter's loop, does
// it.
// The generation is the oldest above its threshold. Generation 2 is collected only if the objects that survived a
// collection of 1 since the last full one (pending) are at least a quarter of those that survived that (longLived).
//
// # Old finalizers
//
// An object with a finalizer of the old kind (tp_del; in 2.7 all are) is not cleared, nor is what it leads to: they go
// to the older generation as if they were reachable, the object itself also into Garbage, and they are counted as
// uncollectable. When its count falls to 0 the object dies like any other, and its finalizer runs (package object).
//
// # What always holds
//
// CheckInvariants reports these under their names, and then those of package object. The others of a collector's rules
// are about two states or about a whole run; a model watches them.
//
//  1. gc/links: a generation is a ring, linked both ways.
//  2. gc/once: every tracked object is in one generation, once.
//  3. gc/marks: between collections no object, and no head of a list ever, bears the mark of one.
//  4. gc/tracked: everything in a generation is a container that is alive.
//  5. gc/temporary: the lists that only a collection uses are empty.
//  6. gc/counts: no count is negative, and none of an object is less than the references from its own generation and
//     younger ones (what gc_refs would be after subtracting).
//  7. gc/stats: no collection is counted that did not happen, nor a negative number of objects.
//  8. gc/garbage: garbage is kept only when it was asked for, and is alive.
//
// With the build tag invariants, each collection also checks in its middle:
//
//  9. gc/refs: gc_refs is, when references from inside are subtracted, the number of those from outside.
//  10. gc/split: unreachable is exactly what a search from those with references from outside does not find.
package gc
