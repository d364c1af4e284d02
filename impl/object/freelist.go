package object

import "heapfuzz/impl/page"

// A free list keeps the blocks of dead objects of one type, and of one length for tuples, for the next that are born:
// last in, first out, never more than FreeMax says. What is on one keeps its block, and count 0 of the collector sees
// neither the death nor the birth (Objects/listobject.c, tupleobject.c, dictobject.c, floatobject.c;
// pycore_freelist.h from 3.13 on). A full collection gives all of them back.
//
// In 2.7 every dead int and float waits (Objects/intobject.c, floatobject.c). There they stand in blocks of the C
// library, about forty in each, and a full collection gives back the blocks in which all are dead; here each is a block
// of pymalloc, and all go back.
//
// The blocks of one list are linked through the first word of the body. Their type word is 0, as that of any block
// without an object.

// The first tupleLists free lists are those of tuples with 1 item, 2 items and so on.
const (
	tupleLists = 20
	freeLists  = tupleLists
	freeDicts  = tupleLists + 1
	freeFloats = tupleLists + 2 // from here on they are no containers
	freeInts   = tupleLists + 3
	freeKinds  = tupleLists + 4
)

// A freeList is the blocks that wait: the first of them and how many they are.
type freeList struct {
	first Ref
	n     int
}

// freeListOf returns the free list of a type, with n bytes of items, and the most that it holds; or nil.
func (h *Heap) freeListOf(id TypeID, n uintptr) (l *freeList, most int) {
	m := &h.prof.FreeList
	switch id {
	case typeList:
		return &h.free[freeLists], m.Lists
	case typeDict:
		return &h.free[freeDicts], m.Dicts
	case typeFloat:
		return &h.free[freeFloats], m.Floats
	case typeInt:
		return &h.free[freeInts], m.Ints
	case typeTuple:
		if items := int(n / 8); items > 0 && items <= m.TupleItems {
			return &h.free[items-1], m.Tuples
		}
	}
	return nil, 0
}

// reuse takes a block of a type off its free list, or returns 0.
func (h *Heap) reuse(id TypeID, n uintptr) Ref {
	l, _ := h.freeListOf(id, n)
	if l == nil || l.n == 0 {
		return 0
	}
	o := l.first
	l.first = Ref(o.load(offBody))
	l.n--
	h.seen[freeReused]++
	return o
}

// shelve puts the block of a dead object on the free list of its type, and reports whether there was room.
func (h *Heap) shelve(o Ref, id TypeID) bool {
	n := uintptr(0)
	if id == typeTuple {
		n = o.load(tupleSize) * 8
	}
	l, most := h.freeListOf(id, n)
	if l == nil || l.n >= most {
		if l != nil {
			h.seen[freeFull]++
		}
		return false
	}
	h.seen[freeKept]++
	o.store(offType, 0)
	o.store(offBody, uintptr(l.first))
	l.first = o
	l.n++
	return true
}

// ClearFreeLists gives the blocks on the free lists back, as a full collection does at its end. Count 0 goes down by
// each of them.
func (h *Heap) ClearFreeLists() {
	for i := range h.free {
		if h.prof.FreeList.KeepLists && (i == freeLists || i == freeDicts) {
			continue
		}
		front, counted := h.prof.HeadBytes, 1
		if i >= freeFloats {
			front, counted = 0, 0
		}
		l := &h.free[i]
		h.seen[freeCleared] += uint64(l.n)
		for l.n > 0 {
			o := l.first
			l.first = Ref(o.load(offBody))
			l.n--
			h.mem.Free(page.Pointer(uintptr(o) - front))
			h.uncount(counted)
		}
	}
	if !h.prof.FreeList.KeepLists {
		h.space.Trim()
	}
	h.uncount(h.frames + h.methods)
	h.frames, h.methods = 0, 0
}

// FreeListed is how many blocks are on the free lists.
func (h *Heap) FreeListed() int {
	n := 0
	for _, l := range h.free {
		n += l.n
	}
	return n
}

// FreeListBytes is what these blocks take from the allocator.
func (h *Heap) FreeListBytes() (bytes uint64) {
	for i, l := range h.free {
		front := h.prof.HeadBytes
		if i >= freeFloats {
			front = 0
		}
		o := l.first
		for range l.n {
			bytes += uint64(h.mem.UsableSize(page.Pointer(uintptr(o) - front)))
			o = Ref(o.load(offBody))
		}
	}
	return bytes
}

// count tells count 0 of a container that the allocator gave, which may start a collection, or ask for one.
func (h *Heap) count() {
	h.Fresh++
	if h.Fresh > h.Limit {
		h.collector.Full()
	}
}

// uncount tells count 0 of n containers that went back to the allocator.
func (h *Heap) uncount(n int) { h.Fresh = max(h.Fresh-n, 0) }

// # Frames
//
// Up to 3.10 the frame of a function is a container. Each function keeps the one that it used last, so a call takes a
// new one only if it happens inside another of the same function; that one comes from a free list of frames, or from
// the allocator, and is counted. The frames of finalizers and callbacks have no block here, but they are counted, as if
// each function had run before. A script is a function, and so is the callback of all weak references.

// callback stands for the function that is the callback of weak references.
const callback = Collect + 1

// enterFrame begins a call of a function, and leaveFrame ends it.
func (h *Heap) enterFrame(f Script) {
	if h.prof.FreeList.Frames == 0 {
		return
	}
	switch {
	case !h.busy[f]:
		h.busy[f] = true
	case h.frames > 0:
		h.frames--
	default:
		h.count()
	}
}

func (h *Heap) leaveFrame(f Script) {
	if h.prof.FreeList.Frames == 0 {
		return
	}
	switch {
	case h.busy[f]:
		h.busy[f] = false // the function keeps the first frame that comes back
	case h.frames < h.prof.FreeList.Frames:
		h.frames++
	default:
		h.uncount(1)
	}
}
