// Package object is layer 4: typed objects in blocks of package arena, which die when nobody refers to them any more.
//
//	h, err := object.New(object.Config{Profile: prof})
//	l := h.NewList(4)             // the caller holds one reference
//	h.SetItem(l, 0, l)            // and the list holds another, to itself
//	h.Decref(l)                   // not dead: a cycle. Package gc finds it.
//
// An object is what CPython makes of it: the same sizes, the same order in which references are visited and dropped,
// the same moment at which a finalizer or the callback of a weak reference runs. A Profile says which release is meant.
// The facts are those of Objects/{list,tuple,dict,type,weakref,object}object.c and Modules/gcmodule.c (Python/gc.c from
// 3.12 on) of these releases; real interpreters said whether they are right (corpus/graph/golden).
//
// # Terms
//
// A Ref is the address of an object, as PyObject* is; 0 is an empty slot, which reads as None. (None is an object too,
// Heap.None, for those who want its size or its count. Most slots hold nothing, and so cost nothing to fill or to
// drop.) An atom (an int, a str) has no references, or none that a collector sees. A container has a GC head in front
// of it, through which it is on a List when it is tracked; the collector sees tracked objects only. A tag is a number
// that the caller gives to an object to know it again in the log of Events; addresses are never printed.
//
//	block                                                     Ref
//	|                                                          |
//	v                                                          v
//	+----------------+-----------------+------------+----------+-------+--------+-------------------+
//	| (refs, 3.6/7)  | (values, weak)  | next       | prev     | count | type   | body              |
//	+----------------+-----------------+------------+----------+-------+--------+-------------------+
//	  old head, pad     pre-header 3.11+ -16           -8        0       8        16
//
//	type:  tag(32) | mark of a collector(4) | flags(4) | cached, interned(2) | 0 | kind(5) | index of the type(16)
//
//	List       size, address of items, capacity; the items are a block of their own
//	Tuple      size, then the items
//	Dict       package dict's body: live entries, version, keys, values (2.7: and a table of 8 slots; dict.go)
//	Instance   up to 3.10: dict, weak references; from 3.11 on the values themselves are a block (3.13: in the object)
//	Slotted    the slots, weak references
//	Set        fill, used, mask, address of the table, the table of 8 slots, weak references (set.go)
//	Int        size and sign, digits of 30 bits                   (2.7: a C long; a long has digits)
//	Str        state, hash, length, characters of 1, 2 or 4 bytes (text.go)
//	Function, Cell, Method, Slice, Range, Record    the references, and then what is none (callable.go, record.go)
//	Weakref    referent, callback, hash, previous and next weak reference to the same referent, (vectorcall, 3.11+)
//
// Whatever its kind, the references of an object are one run of words: Fields says where it begins, how many words it
// has and by which steps it is walked. The collector therefore needs no function for each kind. In the table of a dict
// the steps alternate, because of each entry CPython visits the value and then the key.
//
// # What there is one of
//
// None, True, False, the ints from -5 to 256, the empty string and those of one Latin-1 character, empty and one-byte
// bytes, the empty tuple and, up to 3.9, the empty frozenset are one object each (cache.go). An interpreter makes them
// when it starts; here each is made when it is first asked for, stays as long as the heap, and is counted neither by
// Live nor by count 0 of the collector. Its count is that of the references to it and one for the cache; in 3.11 a
// large number stands for that one, and from 3.12 on the object is immortal: its count is ImmortalCount, which Incref
// and Decref leave alone. An interned string is in a table that holds no reference: it is mortal, and leaves the table
// when it dies, in all releases but 3.12.
//
// # GC heads
//
// From 3.8 on the head is two words whose low bits are flags. prev: bit 0, the finalizer has run; bit 1, the object is
// being collected, and then the upper bits are not a link but gc_refs. next: 0, not tracked; bit 0, tentatively
// unreachable. Up to 3.7 a third word has gc_refs or one of three negative states, shifted left by one over the bit
// that says finalized; the head has 24 bytes with 8-byte classes and, because of a long double in it, 32 with 16-byte
// ones. In C next and prev are the first words of the old head; here they stand at the same place in both, just in
// front of the object, so that a list costs no branch. Heads of lists are such words in a block without an object.
//
// # Death
//
// Decref of the last reference kills at once: the object leaves its list, its finalizer runs (tracked again meanwhile,
// at the tail of the youngest list, with a count of 1), and if that made no new reference its weak references are
// cleared and their callbacks run, newest first; then its references are dropped, a list and a tuple from last to
// first, all others from first to last; then its block is free. What dies by this dies in the same way, nested. The
// trashcan bounds the nesting: an object that would die at a depth of 50 (Profile.TrashDepth) waits on a list, linked
// through prev, until the outermost death is through. That bounds our stack as it bounds C's, and its effect on the
// order of finalizers is CPython's. Up to 3.10 even the frame of a finalizer is such an object: at full depth it waits
// and holds its argument, which then outlives its finalizer without being resurrected (Profile.FramesWait).
//
// Cells, functions, methods and slices do not count in the trashcan. C overflows its stack on a chain of a million of
// them; here they wait at a depth of 10,000 (Profile.NestMax).
//
// Counting lives here and not in a package of its own: a death is the reverse of a construction, and every line of it
// needs the layout.
//
// # What is not as in C
//
// Sets keep their keys in the order in which they came (set.go). The type of an
// instance and the code of a function are no objects; the callback of a weak reference and the scripts of finalizers
// are data. An instance has all its attributes from the start. An int is equal to a bool that has its value, but to
// no float.
//
// # What always holds
//
// Between two calls, checked by CheckInvariants under these names:
//
//  1. object/known: every reference leads to a live object: a type that exists, a kind that is the type's.
//  2. object/count: the count of an object is the number of references to it, from roots and from objects, and what a
//     cached one has besides.
//  3. object/live: the objects that are found from roots and lists are all that were made and did not die, but for
//     those that are cached.
//  4. object/marks: outside a collection no head says collecting or unreachable.
//  5. object/untracked: a container that is not tracked is a capsule, or a tuple or dict that holds nothing that may
//     be tracked.
//  6. object/weak: the weak references of an object are a list, linked both ways, of weak references to it; those
//     whose referent is dead are on none.
//  7. object/trash: nothing waits for its death; nothing did that could have died at once, and no deaths were nested
//     more deeply than the profile says, as far as OnDeath was set.
//  8. object/free: the free list of a type holds as many blocks as it says and at most as many as it may, none of them
//     an object or tracked (freelist.go).
//  9. object/list: a list has at most as many items as it has room for, and a block if it has room.
//  10. object/set: the table of a set is as large as it says and not too full; its keys are counted, and each is found
//     where it is and nowhere else.
//  11. object/cached: what is cached is what its place says, and known to be cached.
//  12. object/interned: an interned string is the one that the table has of its text, and the table counts them.
//  13. object/memory: every block of the allocator is one of the objects that are found, or of the heap itself, once,
//     and their sizes make up what is in use.
//
// And of every dict, and of the space that they share, what package dict says.
package object
