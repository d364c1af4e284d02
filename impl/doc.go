// Package impl holds what is fast: allocators, and the objects upon them, in memory of their own, layer upon layer.
//
//	L6  pickle  a graph of objects as a stream of bytes, with a memo and without
//	L6  gc      the cycle collector: generations, thresholds, finalizers, weak references
//	L6  trial   another: it begins with what lost a reference, and tries what would die
//	L5  object  typed objects with counts and garbage collector heads, and their death
//	L4  dict    the compact ordered dict, of words; the objects' dicts are these
//	L3  arena   any size: usable arenas in order, an arena map, large blocks apart, statistics, debug hooks
//	L2  pool    blocks of one class: a header, a free list threaded through the blocks, lazy carving
//	L1  sizeclass   size -> class -> block size
//	L0  page    memory from the operating system, and its failures
//
// Beside the tower stand profile, which says which CPython is meant, slab, an allocator of another kind to compare
// with, swiss, a hash table of another kind, and internal/invariant, assertions that cost nothing without their build
// tag.
//
// A layer imports only lower ones, and nothing of model, props or fuzz: an implementation meets the contract of an
// allocator by shape. Each has an essay before its code with numbered invariants, a CheckInvariants that recounts them
// from the raw bytes, and a text of its state for people.
package impl
