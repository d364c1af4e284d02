// Package pool is layer 2: blocks of one size class in one aligned run of memory, as CPython's pymalloc has them
// (CPython 3.11 Objects/obmalloc.c, unchanged in layout since 2.3).
//
// # Terms
//
// A pool is PoolBytes of raw memory on a multiple of PoolBytes. Its first 48 bytes are the header, the rest is cut into
// blocks of one size. A block is live (handed out), free (handed out before and given back) or virgin (never handed
// out). The capacity is the number of blocks.
//
//	0       4        8            16          24          32      36      40            44           48
//	| count | unused | free block | next pool | prev pool | arena | class | next virgin | last virgin | block 0 ...
//	  u32              address      address     address     u32     u32     u32 offset    u32 offset
//
// The address of a block's pool is the address with its low bits cleared, which is why a pool lies on a multiple of its
// size and why a free needs no search.
//
// # Free list and lazy carving
//
// Free blocks are threaded through their own first words, last freed first. Virgin blocks are not threaded: a fresh
// pool has block 0 handed out, block 1 as its whole free list, and "next virgin" at block 2. When an allocation takes
// the last block of the free list, the next virgin block becomes the list. So memory is touched only when it is needed,
// at most one virgin block is on the list, and a pool on a class list never has an empty one.
//
//	live 0, live 1, free 2 (given back), free 3 (virgin, on the list), virgin 4 ...
//
//	| header | ###### | ###### | next=3 | next=0 |        |        |
//	             0        1        2  ^      3        4 ^
//	                            free block           next virgin
//
// # States
//
//	used   0 < count < capacity, on the list of its class
//	full   count == capacity, on no list; its links mean nothing
//	empty  count == 0, on its arena's list of free pools; class and free list stay as they were, so that a pool which
//	       returns to the same class goes on where it stopped
//
// # What always holds
//
//  1. free blocks lie at 48 + k*size below next virgin, once each (pool/free-list)
//  2. count + free + virgin == capacity                           (pool/conservation)
//  3. next virgin is 48 + k*size, last virgin PoolBytes - size    (pool/grid)
//  4. not full <=> the free list is not empty                     (pool/used-state, pool/full-state)
//
// A rejected alternative is a Go struct laid over the memory: it reads better, but a pointer to it would be a pointer
// that the collector looks at, in every header. An integer with methods compiles to the same instructions.
package pool

import (
	"fmt"
	"math/bits"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
)

// Offsets of the header's fields.
const (
	offCount   = 0
	offFree    = 8
	offNext    = 16
	offPrev    = 24
	offArena   = 32
	offClass   = 36
	offVirgin  = 40
	offLast    = 44
	firstBlock = 48
)

// The header is what the profile says it is, or the two declarations do not compile.
const (
	_ = uint(firstBlock - profile.HeaderBytes)
	_ = uint(profile.HeaderBytes - firstBlock)
)

// NoClass is the class of a pool that was carved from its arena and never used. It matches no class.
const NoClass = 0xffff

// A Pool is the address of a pool; 0 is no pool.
type Pool uintptr

// Count is the number of live blocks.
func (p Pool) Count() uint32     { return page.Load32(uintptr(p) + offCount) }
func (p Pool) SetCount(n uint32) { page.Store32(uintptr(p)+offCount, n) }

// Free is the first block of the free list, 0 if there is none.
func (p Pool) Free() uintptr     { return page.Load(uintptr(p) + offFree) }
func (p Pool) SetFree(b uintptr) { page.Store(uintptr(p)+offFree, b) }

// Next and Prev are the neighbours in the list of a class; Next is also the link of an arena's free pools.
func (p Pool) Next() Pool     { return Pool(page.Load(uintptr(p) + offNext)) }
func (p Pool) SetNext(q Pool) { page.Store(uintptr(p)+offNext, uintptr(q)) }
func (p Pool) Prev() Pool     { return Pool(page.Load(uintptr(p) + offPrev)) }
func (p Pool) SetPrev(q Pool) { page.Store(uintptr(p)+offPrev, uintptr(q)) }

// Arena is the index of the arena that the pool was carved from.
func (p Pool) Arena() uint32 { return page.Load32(uintptr(p) + offArena) }

// Class is the size class, or NoClass.
func (p Pool) Class() uint32 { return page.Load32(uintptr(p) + offClass) }

// Virgin is the offset of the first block that was never handed out and is not on the free list, and Last the largest
// offset that a block of the class can have. Virgin > Last means that there is no such block.
func (p Pool) Virgin() uint32 { return page.Load32(uintptr(p) + offVirgin) }
func (p Pool) Last() uint32   { return page.Load32(uintptr(p) + offLast) }

// Carve makes a pool of virgin memory. It writes the two fields that are read before the pool has a class, no more.
func (p Pool) Carve(arena uint32) {
	page.Store32(uintptr(p)+offArena, arena)
	page.Store32(uintptr(p)+offClass, NoClass)
}

// Start hands out the first block of a pool without live blocks. A pool that had the same class before goes on with the
// free list it has: the block handed out is the last one that was freed there. Every class has at least seven blocks in
// a pool, so at least one more is on that list.
func (p Pool) Start(class uint32, size, poolBytes uintptr) uintptr {
	p.SetCount(1)
	if p.Class() == class {
		b := p.Free()
		p.SetFree(page.Load(b))
		return b
	}
	page.Store32(uintptr(p)+offClass, class)
	page.Store32(uintptr(p)+offVirgin, uint32(firstBlock+2*size))
	page.Store32(uintptr(p)+offLast, uint32(poolBytes-size))
	second := uintptr(p) + firstBlock + size
	page.Store(second, 0)
	p.SetFree(second)
	return uintptr(p) + firstBlock
}

// HasVirgin reports whether there is a virgin block that is not on the free list.
func (p Pool) HasVirgin() bool { return p.Virgin() <= p.Last() }

// Extend makes the next virgin block, which there must be, the free list of a pool whose list is empty.
func (p Pool) Extend(size uintptr) {
	v := p.Virgin()
	b := uintptr(p) + uintptr(v)
	page.Store32(uintptr(p)+offVirgin, v+uint32(size))
	page.Store(b, 0)
	p.SetFree(b)
}

// A Geometry is what all pools of a profile share.
type Geometry struct {
	Shift     uint8
	PoolBytes uintptr
}

// Classes is the number of size classes.
func (g Geometry) Classes() uint32 { return uint32(sizeclass.SmallMax >> g.Shift) }

// Size is the block size of a class.
func (g Geometry) Size(class uint32) uintptr { return sizeclass.SmallSize(uintptr(class), g.Shift) }

// Capacity is the number of blocks in a pool of a class.
func (g Geometry) Capacity(class uint32) uint32 {
	return uint32(sizeclass.Capacity(g.PoolBytes, firstBlock, g.Size(class)))
}

// Of returns the pool that an address lies in.
func (g Geometry) Of(addr uintptr) Pool { return Pool(addr &^ (g.PoolBytes - 1)) }

// Index returns the number of the block that starts at addr, and whether one does.
func (g Geometry) Index(p Pool, addr uintptr) (k uint32, ok bool) {
	class := p.Class()
	off := addr - uintptr(p)
	if class >= g.Classes() || addr < uintptr(p)+firstBlock || off > uintptr(p.Last()) {
		return 0, false
	}
	size := g.Size(class)
	return uint32((off - firstBlock) / size), (off-firstBlock)%size == 0
}

// blocksMax is the largest capacity: 8-byte blocks in the largest pool.
const blocksMax = profile.PoolBytesMax / 8

// A Set is a set of the blocks of one pool.
type Set [blocksMax / 64]uint64

// Has reports whether block k is in the set.
func (s *Set) Has(k uint32) bool { return s[k/64]>>(k%64)&1 != 0 }

// Add puts block k in the set.
func (s *Set) Add(k uint32) { s[k/64] |= 1 << (k % 64) }

// Len counts the set.
func (s *Set) Len() (n uint32) {
	for _, w := range s {
		n += uint32(bits.OnesCount64(w))
	}
	return n
}

// WalkFree calls f for each block of the free list, from its head, and stops when f returns false. It believes nothing:
// a link that leads off the grid, to virgin memory or to a block seen before is the error pool/free-list.
func (g Geometry) WalkFree(p Pool, f func(k uint32) bool) error {
	var seen Set
	for b := p.Free(); b != 0; b = page.Load(b) {
		k, ok := g.Index(p, b)
		switch {
		case !ok:
			return fmt.Errorf("pool/free-list: a link leads off the blocks of its pool")
		case b-uintptr(p) >= uintptr(p.Virgin()):
			return fmt.Errorf("pool/free-list: block %d is on the list and virgin", k)
		case seen.Has(k):
			return fmt.Errorf("pool/free-list: block %d is on the list twice", k)
		}
		seen.Add(k)
		if !f(k) {
			return nil
		}
	}
	return nil
}

// Check recounts a pool that has a class. Which lists it is on is the arena's to judge.
func (g Geometry) Check(p Pool) error {
	class := p.Class()
	if class >= g.Classes() {
		return fmt.Errorf("pool/grid: class %d", class)
	}
	size, capacity := g.Size(class), g.Capacity(class)
	if uintptr(p.Last()) != g.PoolBytes-size {
		return fmt.Errorf("pool/grid: last offset %d for blocks of %d bytes", p.Last(), size)
	}
	virginOff := uintptr(p.Virgin())
	if virginOff < firstBlock+2*size || virginOff > firstBlock+uintptr(capacity)*size ||
		(virginOff-firstBlock)%size != 0 {
		return fmt.Errorf("pool/grid: next virgin offset %d for blocks of %d bytes", virginOff, size)
	}
	free := uint32(0)
	if err := g.WalkFree(p, func(uint32) bool { free++; return true }); err != nil {
		return err
	}
	count, virgin := p.Count(), capacity-uint32((virginOff-firstBlock)/size)
	// The state comes before the sum, because a pool without a free list is the clearer of the two messages.
	switch {
	case count == capacity && p.Free() != 0:
		return fmt.Errorf("pool/full-state: all %d blocks are live and the free list is not empty", capacity)
	case count != 0 && count < capacity && p.Free() == 0:
		return fmt.Errorf("pool/used-state: %d of %d blocks are live and the free list is empty", count, capacity)
	case count+free+virgin != capacity:
		return fmt.Errorf("pool/conservation: %d live + %d free + %d virgin blocks of %d",
			count, free, virgin, capacity)
	}
	return nil
}
