package object

import "heapfuzz/impl/page"

// Size is sys.getsizeof: the bytes of the object, its items and its GC head. Of a dict it is the header alone, because
// the table is not CPython's; of an instance it does not count the attributes, as there.
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
		return n + (int(o.load(strSize))+1)*(state&0xFF) + state>>stateUTF8
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
	case KindSet, KindFrozenset:
		if at := o.load(setTable); at != uintptr(o)+setSmall {
			n += int(o.load(setMask)+1) * setSlotBytes
		}
	}
	return n
}

// Bytes is what the blocks of an object really take from the allocator: its own with the GC head and what else is in
// front of it, and the one of its items, entries, keys or values.
func (h *Heap) Bytes(o Ref) uintptr {
	n := h.mem.UsableSize(page.Pointer(uintptr(o) - h.typeOf(o).front))
	if at := h.outside(o); at != 0 {
		n += h.mem.UsableSize(page.Pointer(at))
	}
	return n
}

// outside is the block that an object has beside its own, or 0.
func (h *Heap) outside(o Ref) uintptr {
	switch o.kind() {
	case KindByteArray:
		return o.load(arrayData)
	case KindList:
		return o.load(listItems)
	case KindDict:
		return max(o.load(dictTable), o.load(dictValues))
	case KindSet, KindFrozenset:
		if at := o.load(setTable); at != uintptr(o)+setSmall {
			return at
		}
	case KindInstance:
		if at := o.load(h.typeOf(o).refsAt); h.prof.Values == InBlock && at != 0 {
			return at - valuesEntries
		}
	}
	return 0
}
