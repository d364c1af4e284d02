package slab

import (
	"unsafe"

	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/page"
)

// newRoom gives a class, whose room list is empty, a slab without live blocks. It returns nil when there is no memory.
func (a *Allocator) newRoom(class int) *slab {
	s := a.spare
	if s != nil {
		a.seen[slabReused]++
		a.spare, a.spares = s.next, a.spares-1
		s.next = nil
	} else if s = a.mapSlab(a.slabBytes); s == nil {
		a.seen[slabRefused]++
		return nil
	} else {
		a.seen[slabMade]++
	}
	s.format(class)
	a.room[class] = s
	return s
}

// allocLarge maps a slab with one block.
func (a *Allocator) allocLarge(n uintptr) unsafe.Pointer {
	if n > sizeMax {
		return nil
	}
	s := a.mapSlab(page.RoundUp(n))
	if s == nil {
		return nil
	}
	a.seen[largeMade]++
	s.format(large)
	a.blocks++
	a.bytes += uint64(s.size)
	if invariant.Enabled {
		fill(s.base, s.size, fresh)
	}
	return s.take()
}

// joinRoom puts a slab at the front of the room list of its class.
func (a *Allocator) joinRoom(s *slab) {
	s.prev, s.next = nil, a.room[s.class]
	if s.next != nil {
		s.next.prev = s
	}
	a.room[s.class] = s
}

// leaveRoom takes a slab from the room list of its class.
func (a *Allocator) leaveRoom(s *slab) {
	if s.prev == nil {
		a.room[s.class] = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
}

// mapSlab returns a slab of no class with a mapping of n bytes, a multiple of the page, or nil when there is no memory.
func (a *Allocator) mapSlab(n uintptr) *slab {
	if a.closed {
		return nil
	}
	addr := a.os.MapAligned(n, a.slabBytes)
	if addr == 0 {
		return nil
	}
	base := page.Pointer(addr) // just mapped, thus no Go object
	s := a.idle
	if s == nil {
		s = new(slab)
	} else {
		a.idle = s.next
	}
	s.base, s.bytes, s.next, s.index = base, n, nil, len(a.slabs)
	a.slabs = append(a.slabs, s)
	a.dir.put(addr>>a.slabShift, s)
	a.footprint += uint64(n)
	return s
}

// unmapSlab gives the mapping of a slab, which is on no list, back to the operating system.
func (a *Allocator) unmapSlab(s *slab) {
	last := a.slabs[len(a.slabs)-1]
	a.slabs[s.index], last.index = last, s.index
	a.slabs[len(a.slabs)-1] = nil
	a.slabs = a.slabs[:len(a.slabs)-1]
	a.dir.remove(uintptr(s.base) >> a.slabShift)
	a.footprint -= uint64(s.bytes)
	a.os.Unmap(uintptr(s.base), s.bytes)
	s.base, s.bytes, s.next, s.prev = nil, 0, a.idle, nil
	a.idle = s
}
