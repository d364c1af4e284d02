package object

import (
	"slices"

	"heapfuzz/impl/page"
)

// Size is sys.getsizeof: the bytes of the object, its items and its GC head. Of a dict it has the keys as
// well, unless they belong to a class, and the values; of an instance it does not count the attributes, as there.
func (h *Heap) Size(o Ref) int {
	t := h.typeOf(o)
	n := int(t.front + t.bytes)
	switch t.Kind {
	case KindInt, KindBool:
		if h.isPlain(o) {
			return n
		}
		return n + h.digitBytes(h.digits(o))
	case KindStr:
		state := int(page.Load32(uintptr(o) + strState))
		return n + len(h.characters(o)) + state&0xFF + state>>stateUTF8
	case KindBytes:
		return n + int(o.load(bytesSize)) + 1
	case KindByteArray:
		if o.load(arrayData) != 0 {
			n += int(o.load(arraySize)) + 1
		}
	case KindList:
		return n + 8*int(o.load(listRoom))
	case KindTuple:
		return n + 8*int(o.load(tupleSize))
	case KindDict:
		return h.space.Size(o.body())
	case KindSet, KindFrozenset:
		if at := o.load(setTable); at != uintptr(o)+setSmall {
			n += int(o.load(setMask)+1) * setSlotBytes
		}
	}
	return n
}

// Bytes is what the blocks of an object really take from the allocator: its own with the GC head and what else is in
// front of it, and the one of its items, entries, keys or values.
func (h *Heap) Bytes(o Ref) (n uintptr) {
	h.blocks(o, func(b uintptr) { n += h.mem.UsableSize(page.Pointer(b)) })
	return n
}

// blocks calls visit for each block of an object: its own, and those of its items, entries, keys or values.
func (h *Heap) blocks(o Ref, visit func(block uintptr)) {
	visit(uintptr(o) - h.typeOf(o).front)
	at := uintptr(0)
	switch o.kind() {
	case KindByteArray:
		at = o.load(arrayData)
	case KindList:
		at = o.load(listItems)
	case KindDict:
		h.space.BlocksOf(o.body(), visit)
	case KindSet, KindFrozenset:
		if at = o.load(setTable); at == uintptr(o)+setSmall {
			at = 0
		}
	case KindInstance:
		if v := o.load(h.typeOf(o).refsAt); h.prof.Values == InBlock && v != 0 {
			at = v - valuesEntries
		}
	}
	if at != 0 {
		visit(at)
	}
}

// otherBlocks calls visit for each block of the heap that belongs to no object, but for the heads of lists, whose
// number and size are known: the table of interned strings, the keys of classes, what waits on free lists, and what
// the space of dicts has.
func (h *Heap) otherBlocks(visit func(block uintptr)) {
	if h.interned.table != 0 {
		visit(h.interned.table)
	}
	for i := range h.types {
		if c := &h.types[i].class; c.Shares() {
			visit(h.space.BlockOf(c))
		}
	}
	for i := range h.free {
		front := h.prof.HeadBytes
		if i >= freeFloats {
			front = 0
		}
		for o := h.free[i].first; o != 0; o = Ref(o.load(offBody)) {
			visit(uintptr(o) - front)
		}
	}
	h.space.Blocks(visit)
}

// OwnBlocks is how many blocks the heap has for itself: heads of lists, cached objects, what otherBlocks names.
func (h *Heap) OwnBlocks() int {
	n := h.lists + h.Cached()
	h.otherBlocks(func(uintptr) { n++ })
	return n
}

// OwnBytes is what these blocks take from the allocator.
func (h *Heap) OwnBytes() uint64 {
	n := uint64(h.lists) * headBytes
	add := func(b uintptr) { n += uint64(h.mem.UsableSize(page.Pointer(b))) }
	h.otherBlocks(add)
	h.cached.each(func(o Ref) { h.blocks(o, add) })
	for i := range h.interned.slots {
		if o := Ref(page.Load(h.interned.table + i*8)); h.keptByTable(o) {
			h.blocks(o, add)
		}
	}
	return n
}

// keptByTable tells whether a place of the table of interned strings has one that stays for ever and is not in the
// cache.
func (h *Heap) keptByTable(o Ref) bool {
	if o == 0 || !o.isCached() {
		return false
	}
	at := h.characters(o)
	return len(at) > 1 || TypeID(o.word()) == typeStr && len(at) == 1 && h.cached.chars[at[0]] != o
}

// checkMemory is invariant 13: every block of the allocator is one of the given objects or of the heap itself, to the
// byte.
func (h *Heap) checkMemory(all []Ref) error {
	found := make([]uintptr, 0, h.likely())
	bytes := uint64(h.lists) * headBytes
	count := func(b uintptr) {
		found = append(found, b)
		bytes += uint64(h.mem.UsableSize(page.Pointer(b)))
	}
	for _, o := range all {
		h.blocks(o, count)
	}
	h.otherBlocks(count)
	slices.Sort(found)
	for i := 1; i < len(found); i++ {
		if found[i] == found[i-1] {
			return breach("memory", "two have the same block")
		}
	}
	n := uint64(h.lists + len(found))
	if gotBlocks, gotBytes, _ := h.mem.Usage(); n != gotBlocks || bytes != gotBytes {
		return breach("memory", "%d blocks of %d bytes are in use, and what is found has %d of %d",
			gotBlocks, gotBytes, n, bytes)
	}
	return nil
}
