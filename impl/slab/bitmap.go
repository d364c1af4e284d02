package slab

import (
	"math/bits"
	"unsafe"
)

const (
	wordBits  = 64
	wordsMax  = 64 // one bit of the summary each
	slabMin   = alignMax
	slabMax   = wordsMax * wordBits * blockMin
	large     = -1 // the class of a slab with one block of any size
	perSlab   = 8  // the least number of blocks in a slab of a class
	slabWords = wordsMax
)

// slab is a mapping and the bitmap of its blocks. It lives in Go memory, apart from the blocks.
type slab struct {
	base    unsafe.Pointer // first byte of the mapping; set when it is mapped
	size    uintptr        // bytes of a block; set by format
	recip   uint64         // reciprocal(size); set by format
	summary uint64         // bit w: free[w] is not 0; changed by take and put

	free [slabWords]uint64 // bit i%64 of word i/64: block i is free; changed by take and put

	capacity uint32  // number of blocks; set by format
	used     uint32  // live blocks; changed by take and put
	class    int     // index of classSizes, or large; set by format
	bytes    uintptr // of the mapping; set when it is mapped
	index    int     // position in Allocator.slabs; changed by map and unmap

	next, prev *slab // neighbours on a room list; next alone on the list of spares and on that of idle descriptors
}

// format makes all blocks of the slab free, and blocks of the class. A large slab is given its size by the mapping.
func (s *slab) format(class int) {
	s.class, s.size = class, s.bytes
	if class != large {
		s.size = classSizes[class]
	}
	s.recip = reciprocal(s.size)
	s.capacity, s.used = uint32(s.bytes/s.size), 0
	s.free, s.summary = [slabWords]uint64{}, 0
	for w, left := 0, s.capacity; left > 0; w++ {
		n := min(left, wordBits)
		s.free[w] = ^uint64(0) >> (wordBits - n)
		s.summary |= 1 << w
		left -= n
	}
}

// take marks the first free block as live and returns it. The slab has one: its summary is not 0.
func (s *slab) take() unsafe.Pointer {
	w := bits.TrailingZeros64(s.summary) % wordsMax
	word := s.free[w]
	i := w*wordBits + bits.TrailingZeros64(word)
	word &= word - 1
	s.free[w] = word
	if word == 0 {
		s.summary &^= 1 << w
	}
	s.used++
	// i < capacity, because no bit beyond it is ever free (invariant 5), so the block lies in the mapping.
	return unsafe.Add(s.base, uintptr(i)*s.size)
}

// find is the index of the live block that begins at addr, an address at or above base in its first 65536 bytes.
func (s *slab) find(addr uintptr) (i uint, ok bool) {
	off := addr - uintptr(s.base)
	i = uint(uint64(off) * s.recip >> 32)
	if uintptr(i)*s.size != off || i >= uint(s.capacity) {
		return 0, false
	}
	return i, s.free[i/wordBits%slabWords]>>(i%wordBits)&1 == 0
}

// put marks the live block i as free.
func (s *slab) put(i uint) {
	w := i / wordBits % slabWords
	s.free[w] |= 1 << (i % wordBits)
	s.summary |= 1 << w
	s.used--
}

// holds tells whether addr is a byte of the mapping.
func (s *slab) holds(addr uintptr) bool { return addr-uintptr(s.base) < s.bytes }
