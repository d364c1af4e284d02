package heaptest

import (
	"unsafe"

	"heapfuzz/model/heap"
)

// Two shapes are common in Go besides Allocator's own: pointers with an int for the size, and byte slices. An adapter
// takes the two functions, and the value that they belong to for its optional parts (Usage, CheckInvariants, Close,
// ...).

// Pointers adapts an allocator of pointers. Sizes that do not fit an int are refused.
func Pointers(of any, alloc func(size int) unsafe.Pointer, free func(unsafe.Pointer)) Allocator {
	return &pointers{of, alloc, free}
}

type pointers struct {
	of    any
	alloc func(int) unsafe.Pointer
	free  func(unsafe.Pointer)
}

func (a *pointers) adapted() any { return a.of }

func (a *pointers) Alloc(size uintptr) unsafe.Pointer {
	if int(size) < 0 {
		return nil
	}
	return a.alloc(int(size))
}

func (a *pointers) Free(p unsafe.Pointer) {
	if p != nil {
		a.free(p)
	}
}

// Slices adapts an allocator of byte slices. A slice handed out is handed back as it was: same length, same capacity. A
// slice of length below the size, nil among them, means that there is no memory; one of capacity 0 has no address of
// its own and counts as refused too. If of has a method Realloc([]byte, int) []byte, the adapter has Realloc.
//
// Sizes from heap.NoSuchSize to twice as much are refused by the adapter: the runtime ends the process when make is
// asked for one. Of greater ones make panics, so that an allocator has to return nil for them.
func Slices(of any, alloc func(size int) []byte, free func([]byte)) Allocator {
	a := &slicesOf{of: of, alloc: alloc, free: free, live: map[unsafe.Pointer][]byte{}}
	if r, ok := of.(interface{ Realloc([]byte, int) []byte }); ok {
		return &slicesRealloc{a, r.Realloc}
	}
	return a
}

// deadly tells whether no slice has that size, or make of it cannot be survived: the runtime throws at sizes that fit
// its address space of 48 bits (maxAlloc in runtime/malloc.go) when the machine's does not hold them.
func deadly(size uintptr) bool {
	return int(size) < 0 || heap.NoSuchSize <= uint64(size) && uint64(size) < 2*heap.NoSuchSize
}

type slicesOf struct {
	of    any
	alloc func(int) []byte
	free  func([]byte)
	live  map[unsafe.Pointer][]byte
}

func (a *slicesOf) adapted() any { return a.of }

func (a *slicesOf) Alloc(size uintptr) unsafe.Pointer {
	if deadly(size) {
		return nil
	}
	return a.hold(a.alloc(int(size)), int(size))
}

func (a *slicesOf) hold(b []byte, size int) unsafe.Pointer {
	if len(b) < size || cap(b) == 0 {
		return nil
	}
	p := unsafe.Pointer(unsafe.SliceData(b)) // its first byte, which a capacity above 0 says is there
	a.live[p] = b
	return p
}

func (a *slicesOf) Free(p unsafe.Pointer) {
	if p == nil {
		return
	}
	b, ok := a.live[p]
	if !ok {
		panic("heaptest: free of a slice that was not handed out")
	}
	delete(a.live, p)
	a.free(b)
}

type slicesRealloc struct {
	*slicesOf
	realloc func([]byte, int) []byte
}

func (a *slicesRealloc) Realloc(p unsafe.Pointer, size uintptr) unsafe.Pointer {
	if p == nil {
		return a.Alloc(size)
	}
	if deadly(size) {
		return nil
	}
	q := a.hold(a.realloc(a.live[p], int(size)), int(size))
	if q != nil && q != p {
		delete(a.live, p)
	}
	return q
}
