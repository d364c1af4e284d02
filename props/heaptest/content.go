package heaptest

import (
	"bytes"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"
)

// A block is filled with a stretch of one table of random bytes, which begins at a place that depends on the block's
// seed. The table is copied and compared in stretches of a prime length, so that bytes that were moved by a page, or by
// any other round number, show. Blocks above wholeMax are filled and verified only in their first and last edge bytes:
// nothing maps gigabytes to look at them.
const (
	stretch  = 8191
	wholeMax = 1 << 20
	edge     = 64 << 10
)

var pattern = func() (table [2 * stretch]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range table[:stretch] {
		table[i] = byte(r.Uint32N(255) + 1) // never 0: zeroed memory is damage
		table[i+stretch] = table[i]
	}
	return table
}()

// at is the n bytes from p, which the allocator under test handed out: that they are there to be written is what it
// promised.
func at(p ptr, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

// parts of a block that are filled and verified: all of it, or its two edges.
func regions(n uintptr) (first, last uintptr) {
	if n > wholeMax {
		return edge, n - edge
	}
	return n, n
}

func (d *driver) write(h *held) {
	first, last := regions(h.usable)
	put(h.p, 0, first, h.seed)
	put(h.p, last, h.usable, h.seed)
}

// harm returns 1 plus the offset of the first byte of h that is not as it was written, and 0 when all are.
func (d *driver) harm(h *held) uint64 {
	first, last := regions(h.usable)
	if bad := compare(h.p, 0, first, h.seed); bad != 0 {
		return bad
	}
	return compare(h.p, last, h.usable, h.seed)
}

// harmEnd returns the offset behind the last byte of h that is not as it was written, and 0 when all are.
func (d *driver) harmEnd(h *held) uint64 {
	first, last := regions(h.usable)
	for _, part := range [][2]uintptr{{last, h.usable}, {0, first}} {
		for i := part[1]; i > part[0]; i-- {
			from := i - 1 - (i-1-part[0])%stretch // of the stretch that the byte before i is in
			if *(*byte)(unsafe.Add(h.p, i-1)) != pattern[start(h.seed, from)+uint64(i-1-from)] {
				return uint64(i)
			}
		}
	}
	return 0
}

func put(p ptr, from, to uintptr, seed uint64) {
	for from < to {
		n := min(to-from, stretch)
		copy(at(unsafe.Add(p, from), n), pattern[start(seed, from):])
		from += n
	}
}

// compare returns 1 plus the offset of the first byte in [from, to) of p that differs from the pattern of seed, and 0
// when none does.
func compare(p ptr, from, to uintptr, seed uint64) uint64 {
	for from < to {
		n := min(to-from, stretch)
		got, want := at(unsafe.Add(p, from), n), pattern[start(seed, from):][:n]
		if !bytes.Equal(got, want) {
			for i := range got {
				if got[i] != want[i] {
					return uint64(from) + uint64(i) + 1
				}
			}
		}
		from += n
	}
	return 0
}

// start is the place in the table of a stretch that begins at byte from of a block.
func start(seed uint64, from uintptr) uint64 {
	return (seed*0x9E3779B1 + uint64(from)/stretch*1009) % stretch
}

var zeros [4096]byte

// nonZero returns 1 plus the offset of the first of n bytes that is not zero, and 0 when all are.
func nonZero(p ptr, n uintptr) uint64 {
	if n > wholeMax {
		n = wholeMax
	}
	touch(p, n)
	for from := uintptr(0); from < n; {
		k := min(n-from, uintptr(len(zeros)))
		b := at(unsafe.Add(p, from), k)
		if !bytes.Equal(b, zeros[:k]) {
			for i := range b {
				if b[i] != 0 {
					return uint64(from) + uint64(i) + 1
				}
			}
		}
		from += k
	}
	return 0
}

// touch has the system give the pages that begin in the n bytes from p, which are about to be read and then written:
// a fresh page that is read first is the system's page of zeros, and has to be given a second time when it is written.
// Nothing is or-ed, by an instruction that is a write whatever it writes.
func touch(p ptr, n uintptr) {
	for at := -uintptr(p) % pageBytes; at+4 <= n; at += pageBytes {
		atomic.OrUint32((*uint32)(unsafe.Add(p, at)), 0)
	}
}

const pageBytes = 4096 // the least that a system has
