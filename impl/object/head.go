package object

import "heapfuzz/impl/page"

// Offsets in a GC head, from the object.
const (
	offNext = 16
	offPrev = 8
	offRefs = 24 // up to 3.7
)

// Bits of a head from 3.8 on.
const (
	bitFinalized   = 1 // of prev; stays for life
	bitCollecting  = 2 // of prev; set in a collection only
	bitUnreachable = 1 // of next; set while reachable objects are found only
	prevBits       = 3
	refsShift      = 2
)

// States of the third word of a head up to 3.7, before they are shifted left by one.
const (
	refsUntracked   = -2
	refsReachable   = -3
	refsUnreachable = -4
)

// Heads are the operations on GC heads and lists of them. The zero value is for profiles from 3.8 on.
type Heads struct{ old bool }

// A List is a ring of tracked objects through a head that belongs to no object. It is used as if it were one.
type List = Ref

func (o Ref) next() uintptr       { return page.Load(uintptr(o) - offNext) }
func (o Ref) prev() uintptr       { return page.Load(uintptr(o) - offPrev) }
func (o Ref) storeNext(v uintptr) { page.Store(uintptr(o)-offNext, v) }
func (o Ref) storePrev(v uintptr) { page.Store(uintptr(o)-offPrev, v) }
func (o Ref) oldRefs() int        { return int(page.Load(uintptr(o)-offRefs)) >> 1 }

func (o Ref) setOldRefs(n int) {
	at := uintptr(o) - offRefs
	page.Store(at, page.Load(at)&1|uintptr(n)<<1)
}

// Next returns the object behind o, or the list itself behind its last.
func (Heads) Next(o Ref) Ref { return Ref(o.next() &^ bitUnreachable) }

// Prev returns the object in front of o. While o is collected there is none, but in the unreachable list.
func (Heads) Prev(o Ref) Ref { return Ref(o.prev() &^ prevBits) }

// SetNext links o to n and keeps what else the word says.
func (Heads) SetNext(o, n Ref) { o.storeNext(o.next()&bitUnreachable | uintptr(n)) }

// SetPrev links o back to p and keeps what else the word says.
func (Heads) SetPrev(o, p Ref) { o.storePrev(o.prev()&prevBits | uintptr(p)) }

// Tracked tells whether a container is on a list.
func (Heads) Tracked(o Ref) bool { return o.next() != 0 }

// Finalized tells whether the finalizer of o has run.
func (x Heads) Finalized(o Ref) bool {
	if x.old {
		return page.Load(uintptr(o)-offRefs)&1 != 0
	}
	return o.prev()&bitFinalized != 0
}

// SetFinalized says that the finalizer of o has run.
func (x Heads) SetFinalized(o Ref) {
	if x.old {
		page.Store(uintptr(o)-offRefs, page.Load(uintptr(o)-offRefs)|1)
		return
	}
	o.storePrev(o.prev() | bitFinalized)
}

// Collecting tells whether o belongs to what is collected now.
func (x Heads) Collecting(o Ref) bool {
	if x.old {
		n := o.oldRefs()
		return n >= 0 || n == refsUnreachable
	}
	return o.prev()&bitCollecting != 0
}

// Refs is gc_refs of an object that is collected: how many references to it are not yet accounted for.
func (x Heads) Refs(o Ref) int {
	if x.old {
		return o.oldRefs()
	}
	return int(o.prev() >> refsShift)
}

// SetRefs makes o one of those that are collected, with n references. From 3.8 on its link to the left is lost by it.
func (x Heads) SetRefs(o Ref, n int) {
	if x.old {
		o.setOldRefs(n)
		return
	}
	o.storePrev(o.prev()&bitFinalized | bitCollecting | uintptr(n)<<refsShift)
}

// Reach makes o one that is not collected any more and stands behind p.
func (x Heads) Reach(o, p Ref) {
	if x.old {
		o.setOldRefs(refsReachable)
		o.storePrev(uintptr(p))
		return
	}
	o.storePrev(o.prev()&bitFinalized | uintptr(p))
}

// ClearCollecting takes the mark of a collection off an object whose links are whole.
func (x Heads) ClearCollecting(o Ref) {
	if x.old {
		o.setOldRefs(refsReachable)
		return
	}
	o.storePrev(o.prev() &^ bitCollecting)
}

// Unreachable tells whether o was put on the unreachable list by MoveUnreachable, and not taken back since.
func (x Heads) Unreachable(o Ref) bool {
	if x.old {
		return o.oldRefs() == refsUnreachable
	}
	return o.next()&bitUnreachable != 0
}

// MoveUnreachable takes o, which stands behind p on a list whose links to the left may be lost, to the tail of the
// unreachable list, whose links are whole.
func (x Heads) MoveUnreachable(o, p Ref, unreachable List) {
	next := x.Next(o)
	p.storeNext(p.next()&bitUnreachable | uintptr(next))
	last := x.Prev(unreachable)
	x.SetNext(last, o)
	x.SetPrev(unreachable, o)
	if x.old {
		x.SetPrev(next, p)
		o.storePrev(uintptr(last))
		o.storeNext(uintptr(unreachable))
		o.setOldRefs(refsUnreachable)
		return
	}
	o.storePrev(o.prev()&prevBits | uintptr(last))
	o.storeNext(uintptr(unreachable) | bitUnreachable)
}

// MoveReachable takes o from the unreachable list back to the tail of the list that is scanned, with one reference.
func (x Heads) MoveReachable(o Ref, to List) {
	prev, next := x.Prev(o), x.Next(o)
	x.SetNext(prev, next)
	x.SetPrev(next, prev)
	last := x.Prev(to)
	x.SetNext(last, o)
	o.storeNext(uintptr(to))
	o.storePrev(o.prev()&bitFinalized | uintptr(last))
	x.SetPrev(to, o)
	x.SetRefs(o, 1)
}

// EndScan repairs the head of a scanned list, whose last object is last, and takes the unreachable mark off the other
// head. The objects on that list keep it until they are moved, as each of them is before the next scan.
func (x Heads) EndScan(scanned List, last Ref, unreachable List) {
	scanned.storePrev(uintptr(last))
	if !x.old {
		unreachable.storeNext(unreachable.next() &^ bitUnreachable)
	}
}

// Init makes a list empty.
func (Heads) Init(l List) {
	l.storeNext(uintptr(l))
	l.storePrev(uintptr(l))
}

// Empty tells whether a list has no object.
func (x Heads) Empty(l List) bool { return x.Next(l) == l }

// Link puts an object that is on no list at the tail of l.
func (x Heads) Link(o Ref, l List) {
	last := x.Prev(l)
	x.SetNext(last, o)
	o.storePrev(o.prev()&prevBits | uintptr(last))
	o.storeNext(uintptr(l))
	x.SetPrev(l, o)
}

// Unlink takes an object off its list.
func (x Heads) Unlink(o Ref) {
	prev, next := x.Prev(o), x.Next(o)
	x.SetNext(prev, next)
	x.SetPrev(next, prev)
	o.storeNext(0)
}

// Move takes an object from its list to the tail of l.
func (x Heads) Move(o Ref, l List) {
	x.Unlink(o)
	x.Link(o, l)
}

// Merge links all of from to l, in order, and leaves from empty.
func (x Heads) Merge(from, l List) {
	if x.Empty(from) {
		return
	}
	first, last, tail := x.Next(from), x.Prev(from), x.Prev(l)
	x.SetNext(tail, first)
	x.SetPrev(first, tail)
	x.SetNext(last, l)
	x.SetPrev(l, last)
	x.Init(from)
}

// Members counts the objects of a list.
func (x Heads) Members(l List) int {
	n := 0
	for o := x.Next(l); o != l; o = x.Next(o) {
		n++
	}
	return n
}

// Marked tells whether the head of a list bears a mark that only objects may bear.
func (x Heads) Marked(l List) bool {
	return !x.old && (l.prev()&prevBits != 0 || l.next()&bitUnreachable != 0)
}
