// Package inspect shows a heap of objects to a person: what is in it and what has grown (as tracemalloc, heapy and
// objgraph do), why an object lives, how much would die with it, and a picture of who refers to whom.
//
//	before := inspect.Take(h, roots)
//	...
//	inspect.Take(h, roots).Diff(before).Write(os.Stdout)   // what was added, by type
//
//	g := inspect.Reach(h, roots)
//	g.Path(o)                                               // the shortest way from a root to o
//	g.Retained()                                            // bytes that die with each object
//	g.SVG(w)
//
// # Terms
//
// A root is a name and an object that the program holds. An object is in a snapshot when roots reach it or when the
// caller lists it besides, such as what a collector follows: a leak is what is listed and not reached. Bytes are those
// of its blocks, as object.Heap.Bytes counts them. An object a dominates b when every path from a root to b goes
// through a; what a retains is itself and all that it dominates, which is what would die with it.
//
// # Order
//
// Nothing depends on addresses: objects are numbered in the order of a breadth-first search from the roots, in the
// order of the roots and of the fields, and named by type and number, "list 3".
package inspect
