package slab

import (
	"fmt"
	"math/bits"
	"unsafe"

	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/page"
)

// Config is what can be chosen. The zero value is the default.
type Config struct {
	// SlabBytes is the size of a slab, a power of two from 4096 to 65536; 0 means 65536. Small ones reach the corners
	// of the allocator with short programs.
	SlabBytes uintptr
	// Spares is the number of slabs without a live block that are kept for the next need; 0 means 16, negative none.
	Spares int
	// Source is where memory comes from; nil means the operating system. It must be able to take back a part of a run.
	Source page.Source
	// Zeroed says that memory from Source is zero when it comes, as that of the operating system is: Calloc then does
	// not clear what was just mapped.
	Zeroed bool
}

// Kinds of misuse.
const (
	DoubleFree   = "double free"   // of a block that is free already
	InteriorFree = "interior free" // of an address in a live block, behind its beginning
	ForeignFree  = "foreign free"  // of an address that is not in memory of this allocator
	WildFree     = "wild free"     // of any other: within a free block, or in the rest of a slab
)

// MisuseError is what Free and Realloc panic with when they are given an address that is not that of a live block. The
// allocator has not changed then. A block whose slab has gone back to the operating system is foreign.
type MisuseError struct{ Kind string }

func (e *MisuseError) Error() string { return "slab: " + e.Kind }

// Misuse is the kind.
func (e *MisuseError) Misuse() string { return e.Kind }

// sizeMax is the greatest request that is tried: no address space is larger, and sums of it with a page do not
// overflow.
const sizeMax = 1 << 47

// Allocator is a bitmap allocator. It is not safe for use by several goroutines at once.
type Allocator struct {
	room [len(classSizes)]*slab // for every class its slabs with a free block; changed by Alloc and Free
	dir  directory              // changed when a slab is mapped and unmapped

	blocks uint64 // live blocks; changed by Alloc and Free
	bytes  uint64 // in live blocks; changed by Alloc and Free

	slabShift uint    // log2 of the bytes of a slab
	slabBytes uintptr // set by New
	blockMost uintptr // size of the greatest class in use; set by New
	sparesMax int     // set by New

	slabs     []*slab  // all with a mapping, in no order; changed by mapSlab and unmapSlab
	spare     *slab    // those of no class, through next
	spares    int      // how many they are
	idle      *slab    // descriptors without a mapping, through next, so that mapping allocates nothing in Go
	footprint uint64   // bytes from the operating system
	os        *page.OS // where mappings come from
	stale     bool     // memory from os need not be zero; set by New
	closed    bool
	seen      [transitions]uint64
}

// New returns an empty allocator. It asks for memory when it is first needed.
func New(cfg Config) (*Allocator, error) {
	if cfg.SlabBytes == 0 {
		cfg.SlabBytes = slabMax
	}
	if cfg.SlabBytes < slabMin || cfg.SlabBytes > slabMax || cfg.SlabBytes&(cfg.SlabBytes-1) != 0 {
		return nil, fmt.Errorf("slab: SlabBytes is %d, not a power of two from %d to %d", cfg.SlabBytes,
			slabMin, slabMax)
	}
	if cfg.Spares == 0 {
		cfg.Spares = 16
	}
	return &Allocator{
		slabShift: uint(bits.TrailingZeros64(uint64(cfg.SlabBytes))),
		slabBytes: cfg.SlabBytes,
		blockMost: cfg.SlabBytes / perSlab,
		sparesMax: max(cfg.Spares, 0),
		os:        page.New(cfg.Source),
		stale:     cfg.Source != nil && !cfg.Zeroed,
	}, nil
}

// What blocks are filled with under the tag `invariants`, as CPython's debug hooks do.
const (
	fresh = 0xCD // since they were handed out
	freed = 0xDD // since they were taken back
)

// fill writes c to the n bytes of the block p.
func fill(p unsafe.Pointer, n uintptr, c byte) {
	b := unsafe.Slice((*byte)(p), n) // p is a block of n bytes in a mapping
	for i := range b {
		b[i] = c
	}
}

// Alloc returns a block of at least n bytes, or nil when there is no memory. A block of 0 bytes is one like any other.
func (a *Allocator) Alloc(n uintptr) unsafe.Pointer {
	if n > a.blockMost {
		return a.allocLarge(n)
	}
	return a.allocClass(classOf(n))
}

func (a *Allocator) allocClass(class int) unsafe.Pointer {
	s := a.room[class]
	if s == nil {
		if s = a.newRoom(class); s == nil {
			return nil
		}
	}
	p := s.take()
	if s.summary == 0 {
		a.seen[slabFull]++
		a.leaveRoom(s)
	}
	a.blocks++
	a.bytes += uint64(s.size)
	if invariant.Enabled {
		fill(p, s.size, fresh)
	}
	return p
}

// Calloc returns a block of count*size zeroed bytes, or nil when there is no memory or the product overflows.
func (a *Allocator) Calloc(count, size uintptr) unsafe.Pointer {
	hi, n := bits.Mul64(uint64(count), uint64(size))
	if hi != 0 {
		return nil
	}
	p := a.Alloc(uintptr(n))
	if p != nil && (uintptr(n) <= a.blockMost || a.stale || invariant.Enabled) {
		clear(unsafe.Slice((*byte)(p), n)) // p has the n bytes that were just asked for
	}
	return p
}

// AlignedAlloc returns a block of at least n bytes whose address is a multiple of align, a power of two up to 4096. For
// any other align, and when there is no memory, it returns nil.
//
// Block i begins at i*size in a slab that is aligned to 4096 or more: it suffices that align divides the size. Four
// steps at most lead to such a class, because every power of two is one.
func (a *Allocator) AlignedAlloc(align, n uintptr) unsafe.Pointer {
	if align == 0 || align&(align-1) != 0 || align > alignMax {
		return nil
	}
	if n = max(n, align); n > a.blockMost {
		return a.allocLarge(n)
	}
	class := classOf(n)
	for classSizes[class]&(align-1) != 0 {
		class++
	}
	return a.allocClass(class)
}

// Free takes a live block back. It panics with a *MisuseError, and has changed nothing, when p is none. Free(nil) does
// nothing.
func (a *Allocator) Free(p unsafe.Pointer) {
	if p == nil {
		return
	}
	s := a.dir.get(uintptr(p) >> a.slabShift)
	if s == nil {
		panic(a.misuse(p))
	}
	i, ok := s.find(uintptr(p))
	if !ok {
		panic(a.misuse(p))
	}
	a.blocks--
	a.bytes -= uint64(s.size)
	if invariant.Enabled {
		fill(p, s.size, freed)
	}
	full := s.summary == 0
	s.put(i)
	if full || s.used == 0 {
		a.settle(s, full)
	}
}

// settle finds the place of a slab that was full before a block was freed, or has no live block since.
func (a *Allocator) settle(s *slab, full bool) {
	if s.class == large {
		a.seen[largeFreed]++
		a.unmapSlab(s)
		return
	}
	if full {
		a.seen[slabRoom]++
		a.joinRoom(s)
	}
	if s.used > 0 {
		return
	}
	if s.next == nil && s.prev == nil {
		a.seen[slabStays]++
		return // it is the only one with room: it stays with its class
	}
	a.leaveRoom(s)
	if a.spares >= a.sparesMax {
		a.seen[slabReleased]++
		a.unmapSlab(s)
		return
	}
	a.seen[slabSpared]++
	s.next, a.spare = a.spare, s
	a.spares++
}

// Realloc returns a block of at least n bytes with the content of p up to the smaller size, and p is free unless it
// is that block. Nil means that there is no memory, and p is as it was; a block that is made smaller always succeeds.
// A nil p is Alloc. It panics like Free when p is not a live block.
func (a *Allocator) Realloc(p unsafe.Pointer, n uintptr) unsafe.Pointer {
	if p == nil {
		return a.Alloc(n)
	}
	s, _, ok := a.live(p)
	if !ok {
		panic(a.misuse(p))
	}
	// A block that is less than half used moves, but the least class has nowhere to go.
	old := s.size
	if n <= old && (n >= old/2 || old == blockMin) {
		a.seen[reallocInPlace]++
		return p
	}
	q := a.Alloc(n)
	if q == nil {
		if n <= old {
			a.seen[reallocStuck]++
			return p
		}
		return nil
	}
	if n > old {
		a.seen[reallocGrown]++
	} else {
		a.seen[reallocShrunk]++
	}
	// Both blocks are live, different, and have at least min(n, old) bytes.
	copy(unsafe.Slice((*byte)(q), min(n, old)), unsafe.Slice((*byte)(p), min(n, old)))
	a.Free(p)
	return q
}

// UsableSize is the number of bytes that may be written to the live block p, and 0 if p is none.
func (a *Allocator) UsableSize(p unsafe.Pointer) uintptr {
	if s, _, ok := a.live(p); ok {
		return s.size
	}
	return 0
}

// Owns tells whether the n bytes from p lie in one mapping of the allocator.
func (a *Allocator) Owns(p unsafe.Pointer, n uintptr) bool {
	s := a.around(uintptr(p))
	return s != nil && n <= s.bytes-(uintptr(p)-uintptr(s.base))
}

// Usage is the number of live blocks, the bytes in them by their sizes, and the bytes from the operating system.
func (a *Allocator) Usage() (blocks, bytes, footprint uint64) { return a.blocks, a.bytes, a.footprint }

// InjectOOM makes the nth request to the operating system from here fail, and all after it when persistent. The first
// is 1; 0 takes it back.
func (a *Allocator) InjectOOM(nth int, persistent bool) { a.os.InjectOOM(nth, persistent) }

// Trim gives every slab without a live block back to the operating system.
func (a *Allocator) Trim() {
	for a.spare != nil {
		s := a.spare
		a.spare, a.spares = s.next, a.spares-1
		a.unmapSlab(s)
	}
	for class := range a.room {
		for s := a.room[class]; s != nil; {
			next := s.next
			if s.used == 0 {
				a.leaveRoom(s)
				a.unmapSlab(s)
			}
			s = next
		}
	}
	a.idle = nil
}

// Close gives all memory back, that of live blocks as well. The allocator then has no memory and owns no address.
func (a *Allocator) Close() error {
	for len(a.slabs) > 0 {
		a.unmapSlab(a.slabs[len(a.slabs)-1])
	}
	*a = Allocator{slabShift: a.slabShift, slabBytes: a.slabBytes, blockMost: a.blockMost, os: a.os, closed: true}
	return a.os.Close()
}

// live finds the slab and index of the live block that begins at p.
func (a *Allocator) live(p unsafe.Pointer) (s *slab, i uint, ok bool) {
	if s = a.dir.get(uintptr(p) >> a.slabShift); s == nil {
		return nil, 0, false
	}
	i, ok = s.find(uintptr(p))
	return s, i, ok
}

// around finds the slab whose mapping has the address. The directory knows only first granules, so an address further
// up in a large block is searched for; nobody is in a hurry who asks for it.
func (a *Allocator) around(addr uintptr) *slab {
	if s := a.dir.get(addr >> a.slabShift); s != nil && s.holds(addr) {
		return s
	}
	for _, s := range a.slabs {
		if s.holds(addr) {
			return s
		}
	}
	return nil
}

// misuse says what is wrong with an address that is not that of a live block.
func (a *Allocator) misuse(p unsafe.Pointer) *MisuseError {
	s := a.around(uintptr(p))
	if s == nil {
		return &MisuseError{ForeignFree}
	}
	off := uintptr(p) - uintptr(s.base)
	i := uint(off / s.size)
	if i >= uint(s.capacity) {
		return &MisuseError{WildFree} // the rest of a slab that is too small for a block
	}
	isFree := s.free[i/wordBits]>>(i%wordBits)&1 == 1
	switch {
	case isFree && off%s.size == 0:
		return &MisuseError{DoubleFree}
	case isFree:
		return &MisuseError{WildFree}
	}
	return &MisuseError{InteriorFree}
}
