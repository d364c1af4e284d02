package object

import "heapfuzz/impl/page"

// Size is sys.getsizeof: the bytes of the object, its items and its GC head. Of a dict it is the header alone, because
// the table is not CPython's; of an instance it does not count the attributes, as there.
func (h *Heap) Size(o Ref) int {
	t := h.typeOf(o)
	n := int(t.front + t.bytes)
	switch t.Kind {
	case KindInt:
		digits := intDigits(int64(o.load(offBody + 8)))
		if digits == 0 && h.prof.ZeroDigit {
			digits = 1
		}
		return int(t.bytes) + 4*digits
	case KindStr:
		return h.prof.StrHeader + int(o.load(offBody))
	case KindList:
		return n + 8*int(o.load(listRoom))
	case KindTuple:
		return n + 8*int(o.load(tupleSize))
	}
	return n
}

// Bytes is what the blocks of an object really take from the allocator, its own and the one of its items.
func (h *Heap) Bytes(o Ref) uintptr {
	t := h.typeOf(o)
	n := h.mem.UsableSize(page.Pointer(uintptr(o) - t.front))
	at := uintptr(0)
	switch t.Kind {
	case KindList:
		at = o.load(listItems)
	case KindDict:
		at = max(o.load(dictTable), o.load(dictValues))
	case KindInstance:
		if h.prof.Values == InBlock {
			if at = o.load(t.refsAt); at != 0 {
				at -= valuesEntries
			}
		}
	}
	if at != 0 {
		n += h.mem.UsableSize(page.Pointer(at))
	}
	return n
}
