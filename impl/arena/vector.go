package arena

import (
	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/page"
	"heapfuzz/impl/pool"
	"heapfuzz/impl/profile"
)

// This file is the life of arenas: the vector of arena objects, the list of usable arenas and its order.
//
// An order by free pools is what makes arenas die. Pools are always taken from the arena that has the fewest left, so
// the emptiest arenas are left alone and become wholly free by and by. Keeping the order costs a step for each pool
// that becomes empty. Up to 3.7 the step is a search to the right, which was quadratic for a program that frees a
// million objects over thousands of arenas (bpo-37029); the fingers of 3.8 find the place at once:
//
//	usable   0:1 -> 5:1 -> 2:3 -> 7:3 -> 4:9         index:free pools
//	fingers  [1] = 5, [3] = 7, [9] = 4               the last of each run of equals
//
// An arena that goes from 3 to 4 free pools leaves its run and belongs behind the run's end, in front of those that
// have 4 already. The end of the run is fingers[3], read before the change.

// vectorFirst is how many arena objects the vector has when it is first needed. Each growth doubles it.
const vectorFirst = 16

// none ends a list of arena objects.
const none = -1

// An object describes an arena, or is an unused slot of the vector with address 0.
type object struct {
	address uintptr   // as the source gave it; 0: no arena. Changed by newArena and release
	virgin  uintptr   // the next pool to carve
	empty   pool.Pool // the first empty pool, linked by Next
	free    int32     // virgin and empty pools
	total   int32     // all pools
	next    int32     // in the usable list, or in the list of unused slots
	prev    int32     // in the usable list
}

// holds reports whether address b is in the arena. The comparison of the distance wraps for addresses below the base.
// An unused slot would claim the lowest addresses if its base were not looked at, which happened (before 2.5).
func (o *object) holds(b, span uintptr) bool { return b-o.address < span && o.address != 0 }

// first is the first pool boundary in the arena.
func (o *object) first(poolBytes uintptr) uintptr {
	return (o.address + poolBytes - 1) &^ (poolBytes - 1)
}

// vector is everything about arenas that no short path reads.
type vector struct {
	usable    int32   // the head of the usable list
	unused    int32   // the head of the list of unused slots
	fingers   []int32 // free pools -> rightmost usable arena with as many; nil without fingers
	current   uint64  // arenas that exist
	allocated uint64  // arenas that ever existed
	highwater uint64  // the largest current so far
}

func newVector(prof *profile.Profile) vector {
	v := vector{usable: none, unused: none}
	if prof.Fingers {
		v.fingers = make([]int32, prof.Pools()+1)
		for i := range v.fingers {
			v.fingers[i] = none
		}
	}
	return v
}

// growVector doubles the vector and chains the new slots in the order of their indices. It is called only when no arena
// is usable and no slot unused.
func (a *Allocator) growVector() {
	old := len(a.arenas)
	size := max(2*old, vectorFirst)
	grown := make([]object, size)
	copy(grown, a.arenas)
	for i := old; i < size; i++ {
		grown[i] = object{next: int32(i + 1), prev: none}
	}
	grown[size-1].next = none
	a.arenas = grown
	a.vec.unused = int32(old)
	a.seen[vectorGrown]++
}

// newArena makes an arena that is on no list, or returns none. On failure the slot is still the head of the unused
// ones.
func (a *Allocator) newArena() int32 {
	v := &a.vec
	if invariant.Enabled {
		invariant.Assert(v.usable == none, "arena/new-when-none-usable")
	}
	if v.unused == none {
		a.growVector()
	}
	address := a.mapArena()
	if address == 0 {
		a.seen[arenaRefused]++
		return none
	}
	if !a.addresses.mark(address, a.os) {
		a.source.Unmap(address, a.span)
		a.seen[mapRefused]++
		return none
	}
	a.seen[arenaMade]++
	i := v.unused
	o := &a.arenas[i]
	v.unused = o.next
	total := int32(a.prof.Pools())
	if address%a.prof.PoolBytes != 0 {
		a.seen[arenaUnaligned]++
		total-- // the part before the first boundary and the part after the last are one pool together
	}
	*o = object{address: address, free: total, total: total, next: none, prev: none}
	o.virgin = o.first(a.prof.PoolBytes)
	v.current++
	v.allocated++
	v.highwater = max(v.highwater, v.current)
	return i
}

// mapArena asks for the memory of an arena. From the system it is a part of a huge page once the heap is large; that
// nothing above the next virgin block is written holds as before, although the kernel clears it earlier.
func (a *Allocator) mapArena() uintptr {
	if a.source == page.Source(a.os) {
		return a.os.MapPart(a.span)
	}
	return a.source.Map(a.span)
}

// takePool takes a free pool from the first usable arena, or from a new one. It returns 0 if there is no memory.
func (a *Allocator) takePool() pool.Pool {
	v := &a.vec
	if v.usable == none {
		i := a.newArena()
		if i == none {
			return 0
		}
		v.usable = i
	}
	head := v.usable
	o := &a.arenas[head]
	if v.fingers != nil {
		// Nobody to the left has fewer, so nobody has free-1 and the head becomes the last of that run.
		if v.fingers[o.free] == head {
			v.fingers[o.free] = none
		}
		if o.free > 1 {
			v.fingers[o.free-1] = head
		}
	}
	p := o.empty
	if p != 0 {
		o.empty = p.Next()
	} else {
		p = pool.Pool(o.virgin)
		p.Carve(uint32(head))
		o.virgin += a.prof.PoolBytes
	}
	o.free--
	if o.free == 0 {
		a.seen[arenaFull]++
		v.usable = o.next
		if o.next != none {
			a.arenas[o.next].prev = none
		}
		o.next, o.prev = none, none
	}
	return p
}

// givePool puts a pool that became empty among the free pools of its arena, and the arena where it now belongs.
func (a *Allocator) givePool(p pool.Pool) {
	v := &a.vec
	i := int32(p.Arena())
	o := &a.arenas[i]
	p.SetNext(o.empty)
	o.empty = p

	runEnd := int32(none) // the last arena with as many free pools as this one had
	if v.fingers != nil {
		runEnd = v.fingers[o.free]
		if runEnd == i {
			v.fingers[o.free] = none
			if left := o.prev; left != none && a.arenas[left].free == o.free {
				v.fingers[o.free] = left
			}
		}
	}
	o.free++
	// An arena of one pool is wholly free with its first free pool. It is not listed yet, so it is the last only of
	// none.
	last := o.next == none && (o.free > 1 || v.usable == none)
	free := o.free == o.total
	if free && last && a.prof.KeepLast {
		a.seen[arenaKept]++
		free = false
	}
	switch {
	case free:
		a.seen[arenaReleased]++
		a.unlink(i)
		a.release(i)
	case o.free == 1:
		a.seen[arenaUsable]++
		a.insertAfter(i, none)
		if v.fingers != nil && v.fingers[1] == none {
			v.fingers[1] = i
		}
	case v.fingers != nil:
		if v.fingers[o.free] == none {
			v.fingers[o.free] = i
		}
		if runEnd != i {
			a.seen[arenaSlid]++
			a.unlink(i)
			a.insertAfter(i, runEnd)
		}
	default:
		a.slide(i)
	}
}

// slide moves an arena right, past all with fewer free pools, by a search.
func (a *Allocator) slide(i int32) {
	o := &a.arenas[i]
	if o.next == none || o.free <= a.arenas[o.next].free {
		return
	}
	left := o.next
	for next := a.arenas[left].next; next != none && a.arenas[next].free < o.free; next = a.arenas[left].next {
		left = next
	}
	a.seen[arenaSlid]++
	a.unlink(i)
	a.insertAfter(i, left)
}

// unlink takes an arena out of the usable list, if it is there: an arena of one pool goes from full to wholly free
// without ever having been usable.
func (a *Allocator) unlink(i int32) {
	o := &a.arenas[i]
	if o.prev != none {
		a.arenas[o.prev].next = o.next
	} else if a.vec.usable == i {
		a.vec.usable = o.next
	}
	if o.next != none {
		a.arenas[o.next].prev = o.prev
	}
}

// insertAfter puts an arena behind another in the usable list, or at the front.
func (a *Allocator) insertAfter(i, left int32) {
	o := &a.arenas[i]
	o.prev = left
	if left == none {
		o.next = a.vec.usable
		a.vec.usable = i
	} else {
		o.next = a.arenas[left].next
		a.arenas[left].next = i
	}
	if o.next != none {
		a.arenas[o.next].prev = i
	}
}

// release gives a wholly free arena back. Its slot is the next to be used.
func (a *Allocator) release(i int32) {
	o := &a.arenas[i]
	address := o.address
	*o = object{next: a.vec.unused, prev: none}
	a.vec.unused = i
	a.vec.current--
	a.addresses.unmark(address)
	a.source.Unmap(address, a.span)
}
