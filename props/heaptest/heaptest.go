// Package heaptest tests memory allocators. It is the one package that somebody with an allocator of their own imports:
//
//	func TestArena(t *testing.T) {
//		heaptest.Run(t, func() heaptest.Allocator { return NewArena() })
//	}
//
// drives the allocator with random programs, judges every answer by the rules of heapfuzz/model/heap, and prints the
// shortest program that breaks one. An allocator needs Alloc and Free; Realloc, Calloc, AlignedAlloc, UsableSize, Owns,
// CheckInvariants, Usage, InjectOOM, Trim, Explain and Close are used when they are there (see the shapes in
// heapfuzz/model/heap). What it promises beyond that is told with Promise; nothing is asked that was not promised.
//
// Pointers and Slices adapt other shapes.
package heaptest

import "heapfuzz/model/heap"

// Allocator is what is tested; see heap.Allocator.
type Allocator = heap.Allocator

// Contract is what it promises; see heap.Contract.
type Contract = heap.Contract
