// Package trial is layer 5 as well: a second design of a cycle collector over the objects of package object. It tries
// what would become of the counts if the objects that may be dead were dead, and begins with those that may be, where
// package gc looks at all.
//
//	h, err := object.New(object.Config{Profile: prof})
//	c, err := trial.New(h)
//	l := h.NewList(1)
//	h.SetItem(l, 0, l)
//	h.Decref(l)                   // it has lost a reference and has one left: a suspect
//	n := c.Collect(0)             // 1
//
// The design is the synchronous one of Bacon and Rajan, Concurrent Cycle Collection in Reference Counted Systems (ECOOP
// 2001), section 3. What happens to garbage that is found is what PEP 442 asks for, as in package gc: weak references,
// callbacks, finalizers, a second look, and then it is cleared.
//
// # Terms
//
// A suspect is a container that lost a reference and has others left. Only such a one can be what a dead cycle hangs
// from: the reference that was the last from outside led to a member of it, or to what leads to one. The mark of an
// object is its colour in the paper:
//
//	mark        paper    list       it is
//	none        black    Young      in use, as far as anybody knows
//	suspect     purple   suspects   to be looked at; the list is the paper's buffer of roots
//	gray        gray     members    reached from a suspect; its count is that of references from outside the members
//	            white    members    gray, and proven to be garbage: what is left on the list
//	kept        -        kept       a member that is in use, in a second look
//
// # A collection
//
//	suspects --> members, gray --+--> each edge from a member is taken off the count of what it leads to
//	                             |
//	          count > 0: kept ---+--> and all that they lead to; their edges are put back. They are in use.
//	          count = 0: garbage +--> their edges are put back. Weak references, callbacks, finalizers
//	                                     |
//	                members, gray again--+--> the same among them alone; what finalizers saved is in use
//	                                     +--> the rest is cleared, and dies by its counts
//
// The paper marks with recursion, and needs a stack as deep as the graph or an explicit one. Here the list on which the
// members are is the stack: what is reached goes to its tail, and the walk goes from its head. So a collection needs no
// memory, from nobody, and cannot fail. Nothing is untracked, and there is one generation.
//
// While a collection runs finalizers the objects that it looks at are no suspects, whatever they lose: it looks at
// their counts again. Those that it could not clear are suspects again when it is over. Finalizers of the old kind
// (tp_del) are not known.
//
// # What it costs
//
// A collection visits what the suspects lead to: nothing, if nobody lost a reference, and all there is, if a suspect
// leads to all, each time. That is the weak side of this design; it has no generations.
//
// # What always holds
//
// Between two calls, checked by CheckInvariants under these names, and then those of package object:
//
//  1. trial/links: both lists are rings, linked both ways, and no object is met twice.
//  2. trial/tracked: everything on them is a container that is alive.
//  3. trial/marks: on Young no object has a mark, on suspects each has that of a suspect, and no head has any.
//  4. trial/temporary: the lists that only a collection uses are empty.
//  5. trial/suspected: what no root reaches, a suspect reaches. Otherwise it would never be found.
//  6. trial/stats: no collection is counted that did not happen, nor a negative number of objects.
//
// With the build tag invariants, each collection also checks in its middle:
//
//  7. trial/count: the count of a member is, when the edges are taken off, the number of references from elsewhere.
//  8. trial/split: what is left are exactly the members that a search from those with references from elsewhere does
//     not find.
package trial
