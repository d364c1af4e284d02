package fuzz

import (
	"unsafe"

	"heapfuzz/impl/arena"
)

// ordinaryArenas is the number of smallArenas in the ordinary world of what has ballast: there is little to take.
const ordinaryArenas = 3

// ballast is what is taken of an allocator so that it has to ask the operating system, which then refuses.
type ballast struct {
	blocks []unsafe.Pointer
	bytes  uint64
}

// seeds is how many size classes get a block each before inject takes the rest. Of some, which the number says, it is
// given back then: so that an operation that takes blocks of two sizes may get the first and not the second.
const (
	seeds    = 32
	seedBits = 3
)

// inject makes requests to the operating system fail, as arena.Allocator.InjectOOM does. What the allocator has left is
// taken first, but for a block of some sizes.
func (b *ballast) inject(mem *arena.Allocator, nth int, persistent bool) {
	b.drop(mem)
	if nth > 0 {
		b.take(mem, nth)
	}
	mem.InjectOOM(nth, persistent)
}

// starve takes all that there is, and has each request to the operating system fail.
func (b *ballast) starve(mem *arena.Allocator) {
	b.drop(mem)
	b.take(mem, 0)
	mem.InjectOOM(1, true)
}

// take takes what there is, but for the seeds that some bits say.
func (b *ballast) take(mem *arena.Allocator, left int) {
	_, before, _ := mem.Usage()
	mem.InjectOOM(1, true)
	var seeded []unsafe.Pointer
	for n := range seeds {
		if p := mem.Alloc(uintptr(16 * (n + 1))); p != nil {
			seeded = append(seeded, p)
		}
	}
	for _, n := range pyBallast {
		for p := mem.Alloc(n); p != nil; p = mem.Alloc(n) {
			b.blocks = append(b.blocks, p)
		}
	}
	for i, p := range seeded {
		if left>>(i%seedBits)&1 == 0 {
			b.blocks = append(b.blocks, p)
		} else {
			mem.Free(p)
		}
	}
	_, after, _ := mem.Usage()
	b.bytes = after - before
}

// drop gives it back.
func (b *ballast) drop(mem *arena.Allocator) {
	for _, p := range b.blocks {
		mem.Free(p)
	}
	b.blocks, b.bytes = b.blocks[:0], 0
}

// pyBallast are the sizes of ballast: first the largest of pools, which eat up those that are free, then those of
// tables and dicts.
var pyBallast = func() (sizes []uintptr) {
	for n := uintptr(512); n > 0; n -= 8 {
		sizes = append(sizes, n)
	}
	for n := uintptr(1 << 16); n > 512; n /= 2 {
		sizes = append(sizes, n, n*3/4)
	}
	return sizes
}()
