// Package graphtest tests heaps of objects that refer to each other: reference counters, garbage collectors, and what
// is both. It is the one package that somebody with such a heap imports:
//
//	func TestHeap(t *testing.T) {
//		graphtest.Run(t, func() graphtest.Heap { return NewHeap() }, graphtest.Promise(graphtest.Contract{Within: 1}))
//	}
//
// drives the heap with random programs, judges every answer and every death by the rules of heapfuzz/model/graph, and
// prints the shortest program that breaks one. A heap needs New, SetField, Field, Root, Unroot and Collect. OnDeath,
// NewWeak and Deref, SetFinalizer, Append and Pop, Copy and DeepCopy, Enable, SetThreshold, Freeze, OnCollection,
// Count, Size, Generation, Stats, Usage, InjectOOM, CheckInvariants, Trim, Close and some more are used when they are
// there; heapfuzz/model/graph has the shapes of all. What it promises beyond that nothing reachable dies is told with
// Promise; nothing is judged that was not promised.
//
// A program is what a mutator does. A slot is a variable that holds an object and is a root of it, so a program never
// speaks of an object that may be dead, and nothing but the heap decides when one dies. When collections are asked for
// is part of the program, and is shrunk with it.
package graphtest

import "heapfuzz/model/graph"

// Heap is what is tested; see graph.Heap.
type Heap = graph.Heap

// Contract is what it promises; see graph.Contract.
type Contract = graph.Contract
