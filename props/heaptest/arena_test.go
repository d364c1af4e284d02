package heaptest_test

import (
	"fmt"

	"heapfuzz/props/heaptest"
)

// Arena hands out slices of a chunk, and begins the chunk again when all are back.
type Arena struct {
	chunk     []byte
	off, live int
}

// Get returns n bytes, or nil when there are no such slices.
func (a *Arena) Get(n int) []byte {
	if n > 1<<30 {
		return nil
	}
	if n > len(a.chunk)-a.off {
		a.chunk, a.off, a.live = make([]byte, max(n, 4096)), 0, 0
	}
	b := a.chunk[a.off : a.off+n : a.off+n]
	a.off += n
	a.live++
	return b
}

// Put takes a slice back.
func (a *Arena) Put([]byte) {
	if a.live--; a.live == 0 {
		a.off = 0
	}
}

// A slice of an old chunk that comes back is counted against the new one, and the new one begins again while a slice of
// it is out.
func ExampleTest() {
	err := heaptest.Test(func() heaptest.Allocator {
		a := &Arena{}
		return heaptest.Slices(a, a.Get, a.Put)
	})
	fmt.Println(err)
	// Output:
	// conforms: heap/disjoint: p2 overlaps live p1 in its bytes [0, 1)
	//      0  p0 = alloc size=2377  -> ok
	//      1  p1 = alloc size=1720  -> ok
	//      2  free p0               -> ok
	// ✗    3  p2 = alloc size=1     -> ok
	// rule     heap/disjoint: no two live blocks share a byte
	// blame    bytes [0, 1) of p1: made by 1 (p1 = alloc size=1720), handed out again by 3 (p2 = alloc size=1)
	// seed     HEAPFUZZ_SEED=1
	// shrunk   269 -> 4 operations, 121 runs; nothing more can be left out
}
