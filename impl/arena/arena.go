package arena

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/page"
	"heapfuzz/impl/pool"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
)

// Config says which allocator New makes. The zero Config is the newest profile over mmap, without a limit.
type Config struct {
	// Profile is the CPython that is meant; nil means profile.Default.
	Profile *profile.Profile

	// OS is where memory comes from; nil means mmap. A source that is no *page.OS is wrapped in one.
	OS page.Source

	// Arenas, if set, is where arenas come from instead, as PyObject_SetArenaAllocator does it. Neither LimitBytes nor
	// InjectOOM concern it.
	Arenas page.Source

	// LimitBytes is the most that the system gives at a time; 0 means all it has.
	LimitBytes uint64
}

// sizeMax is the largest request: PY_SSIZE_T_MAX.
const sizeMax = math.MaxInt64

// An Allocator is one heap. It is not safe for concurrent use, as pymalloc is not without the GIL. Blocks are freed and
// resized by the allocator that gave them; a wrong address, or one freed twice, corrupts the heap as it does in C,
// unless the build tag `invariants` is set or the block is a raw one.
type Allocator struct {
	// What the short paths of Alloc and Free read, side by side.
	shift     uint8              // log2 of the distance between classes
	poolMask  uintptr            // PoolBytes - 1
	addresses addressMap         // which addresses are ours, from 3.10 on
	arenas    []object           // the vector; grown by growVector only
	span      uintptr            // ArenaBytes
	blocks    int64              // live blocks; changed by every Alloc and Free
	used      [classes]pool.Pool // the first used pool of each class

	prof     *profile.Profile
	geometry pool.Geometry
	os       *page.OS
	source   page.Source // of arenas
	vec      vector
	raw      raw
	rawLive  uint64 // raw blocks that users hold
	closed   bool
	scratch  []byte // the checker's, to allocate nothing per check
	seen     [transitions]uint64
}

// classes is the room for class heads: a power of two, so that a masked index needs no bounds check.
const classes = sizeclass.SmallClassesMax

// New returns an empty heap. It asks the system for nothing.
func New(cfg Config) (*Allocator, error) {
	prof := cfg.Profile
	if prof == nil {
		prof = profile.Default()
	}
	if err := prof.Validate(); err != nil {
		return nil, fmt.Errorf("arena: %w", err)
	}
	os, ok := cfg.OS.(*page.OS)
	if !ok || os == nil {
		var src page.Source
		if !ok {
			src = cfg.OS
		}
		os = page.New(src)
	}
	if cfg.LimitBytes != 0 {
		os.SetLimit(cfg.LimitBytes)
	}
	a := &Allocator{
		shift:    prof.Shift,
		poolMask: prof.PoolBytes - 1,
		span:     prof.ArenaBytes,
		prof:     prof,
		geometry: pool.Geometry{Shift: prof.Shift, PoolBytes: prof.PoolBytes},
		os:       os,
		source:   os,
	}
	if cfg.Arenas != nil {
		a.source = cfg.Arenas
	}
	a.addresses = newAddressMap(prof)
	a.vec = newVector(prof)
	a.raw = newRaw(os)
	return a, nil
}

// Profile returns the CPython that this heap re-creates.
func (a *Allocator) Profile() *profile.Profile { return a.prof }

// Alloc returns n bytes, or nil if there is no memory or n is more than an address space holds.
func (a *Allocator) Alloc(n uintptr) unsafe.Pointer {
	if n-1 >= sizeclass.SmallMax { // 0 wraps around
		return a.allocRaw(n)
	}
	class := sizeclass.Small(n, a.shift)
	p := a.used[class%classes]
	if p == 0 {
		return a.allocNewPool(uint32(class), n)
	}
	b := p.Free()
	next := page.Load(b)
	p.SetCount(p.Count() + 1)
	p.SetFree(next)
	a.blocks++
	if next == 0 {
		if p.HasVirgin() {
			p.Extend(sizeclass.SmallSize(class, a.shift))
			return page.Pointer(b)
		}
		// The pool is full and leaves the list of its class, whose head it is.
		a.seen[usedToFull]++
		right := p.Next()
		a.used[class%classes] = right
		if right != 0 {
			right.SetPrev(0)
		}
	}
	return page.Pointer(b)
}

// allocNewPool serves a small request of a class without used pools.
func (a *Allocator) allocNewPool(class uint32, n uintptr) unsafe.Pointer {
	p := a.takePool()
	if p == 0 {
		a.seen[smallToRaw]++
		return a.allocRaw(n)
	}
	a.seen[startOf(p, class)]++
	a.seen[classOf(a.geometry.Size(class))]++
	p.SetNext(0)
	p.SetPrev(0)
	a.used[class%classes] = p
	a.blocks++
	return page.Pointer(p.Start(class, a.geometry.Size(class), a.prof.PoolBytes))
}

// allocRaw serves what pools do not.
func (a *Allocator) allocRaw(n uintptr) unsafe.Pointer {
	if n > sizeMax {
		return nil
	}
	b := a.raw.alloc(max(n, 1))
	if b == 0 {
		return nil
	}
	a.blocks++
	a.rawLive++
	return page.Pointer(b)
}

// Free takes back a block. Nil is nothing.
func (a *Allocator) Free(ptr unsafe.Pointer) {
	b := uintptr(ptr)
	if b == 0 {
		return
	}
	p := pool.Pool(b &^ a.poolMask)
	// This is ours, which is too large for the compiler to put it here by itself.
	if m := &a.addresses; m.used {
		if b>>(m.midShift&63) != m.lastKey && !m.seek(b) {
			a.freeRaw(b)
			return
		}
		if !m.inChunk(b) {
			a.freeRaw(b)
			return
		}
	} else if i := p.Arena(); i >= uint32(len(a.arenas)) || !a.arenas[i].holds(b, a.span) {
		a.freeRaw(b)
		return
	}
	if invariant.Enabled {
		a.assertLive(p, b)
	}
	free := p.Free()
	page.Store(b, free)
	p.SetFree(b)
	count := p.Count() - 1
	p.SetCount(count)
	a.blocks--
	if free == 0 {
		// The pool was full and becomes the head of its class. It has at least seven blocks, so it is not empty.
		a.seen[fullToUsed]++
		class := p.Class() % classes
		head := a.used[class]
		p.SetPrev(0)
		p.SetNext(head)
		a.used[class] = p
		if head != 0 {
			head.SetPrev(p)
		}
	} else if count == 0 {
		a.emptied(p)
	}
}

// ours reports whether address b, whose pool would be p, lies in an arena.
func (a *Allocator) ours(p pool.Pool, b uintptr) bool {
	if a.addresses.used {
		return a.addresses.has(b)
	}
	i := p.Arena() // of a foreign page this is any number
	return i < uint32(len(a.arenas)) && a.arenas[i].holds(b, a.span)
}

// emptied is what follows when a used pool got its last block back.
func (a *Allocator) emptied(p pool.Pool) {
	a.seen[usedToEmpty]++
	next, prev := p.Next(), p.Prev()
	if next != 0 {
		next.SetPrev(prev)
	}
	if prev != 0 {
		prev.SetNext(next)
	} else {
		a.used[p.Class()%classes] = next
	}
	a.givePool(p)
}

// freeRaw takes back a block of the raw allocator.
//
//go:noinline
func (a *Allocator) freeRaw(b uintptr) {
	a.raw.free(b)
	a.blocks--
	a.rawLive--
}

// assertLive holds invariant 9: a block that is freed is on its pool's grid, was handed out and is not on the free
// list.
func (a *Allocator) assertLive(p pool.Pool, b uintptr) {
	k, ok := a.geometry.Index(p, b)
	invariant.Assert(ok && p.Count() > 0 && uint32(b-uintptr(p)) < p.Virgin(), "block/live")
	err := a.geometry.WalkFree(p, func(free uint32) bool {
		invariant.Assert(free != k, "block/live")
		return true
	})
	invariant.Assert(err == nil, "pool/free-list")
}

// Calloc returns count*size zero bytes, or nil if there is no memory or the product is too large.
func (a *Allocator) Calloc(count, size uintptr) unsafe.Pointer {
	if size != 0 && count > sizeMax/size {
		return nil
	}
	n := count * size
	ptr := a.Alloc(n)
	if ptr != nil {
		clear(page.View(uintptr(ptr), n))
	}
	return ptr
}

// Realloc returns a block of n bytes that begins with the bytes of the old one, which is gone; or nil, and the old one
// stays as it is. Of nil it is Alloc.
func (a *Allocator) Realloc(ptr unsafe.Pointer, n uintptr) unsafe.Pointer {
	b := uintptr(ptr)
	if b == 0 {
		return a.Alloc(n)
	}
	if n > sizeMax {
		return nil
	}
	p := a.geometry.Of(b)
	if !a.ours(p, b) {
		// A raw block that moves stays one block for the counters.
		a.seen[reallocRaw]++
		return page.Pointer(a.raw.realloc(b, max(n, 1)))
	}
	size := a.geometry.Size(p.Class())
	if n <= size && 4*n > 3*size {
		a.seen[reallocInPlace]++
		return ptr
	}
	to := a.Alloc(n)
	if to != nil {
		if n > size {
			a.seen[reallocGrown]++
		} else {
			a.seen[reallocShrunk]++
		}
		copy(page.View(uintptr(to), min(n, size)), page.View(b, size))
		a.Free(ptr)
	}
	return to
}

// UsableSize returns how many bytes of a live block may be written. Of nil it is 0.
func (a *Allocator) UsableSize(ptr unsafe.Pointer) uintptr {
	b := uintptr(ptr)
	if b == 0 {
		return 0
	}
	if p := a.geometry.Of(b); a.ours(p, b) {
		return a.geometry.Size(p.Class())
	}
	return a.raw.usable(b)
}

// Owns reports whether the n bytes at ptr lie in one run of memory that this heap has from the system and hands out. It
// reads none of them, so any address may be asked about.
func (a *Allocator) Owns(ptr unsafe.Pointer, n uintptr) bool {
	b := uintptr(ptr)
	if b+n < b {
		return false
	}
	if i := a.arenaOf(b); i >= 0 {
		return b+n <= a.arenas[i].address+a.span
	}
	return a.raw.owns(b, n)
}

// arenaOf returns the index of the arena that holds address b, or -1, from the vector alone.
func (a *Allocator) arenaOf(b uintptr) int {
	for i := range a.arenas {
		if a.arenas[i].holds(b, a.span) {
			return i
		}
	}
	return -1
}

// Usage returns the number of live blocks, the bytes in them by block size, and the bytes taken from the system.
func (a *Allocator) Usage() (blocks, bytes, footprint uint64) {
	bytes = a.raw.bytes
	a.pools(func(_ int, p pool.Pool) {
		if n := p.Count(); n != 0 {
			bytes += uint64(n) * uint64(a.geometry.Size(p.Class()))
		}
	})
	return uint64(a.blocks), bytes, a.footprint()
}

func (a *Allocator) footprint() uint64 {
	n := a.os.Usage().Mapped
	if a.source != page.Source(a.os) {
		n += uint64(a.vec.current) * uint64(a.span)
	}
	return n
}

// pools calls f for every carved pool, arena by arena in the order of the vector.
func (a *Allocator) pools(f func(arena int, p pool.Pool)) {
	for i := range a.arenas {
		o := &a.arenas[i] // an unused slot has no pool
		for p := o.first(a.prof.PoolBytes); p < o.virgin; p += a.prof.PoolBytes {
			f(i, pool.Pool(p))
		}
	}
}

// InjectOOM makes the nth request to the system from here fail (1 is the next), once or from then on. 0 disarms.
func (a *Allocator) InjectOOM(nth int, persistent bool) { a.os.InjectOOM(nth, persistent) }

// Trim gives back the memory that the raw allocator keeps for later. Arenas come and go by pymalloc's own rules only.
func (a *Allocator) Trim() { a.raw.trim() }

// errClosed is what Close says the second time.
var errClosed = errors.New("arena: closed twice")

// Close gives all memory back. Blocks that are still live are gone with it.
func (a *Allocator) Close() error {
	if a.closed {
		return errClosed
	}
	a.closed = true
	for i := range a.arenas {
		if o := &a.arenas[i]; o.address != 0 {
			a.source.Unmap(o.address, a.span)
		}
	}
	a.addresses.close(a.os)
	a.raw.close()
	a.arenas, a.blocks, a.rawLive = nil, 0, 0
	a.used = [classes]pool.Pool{}
	a.vec = newVector(a.prof)
	return nil
}
