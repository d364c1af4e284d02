package object

import "heapfuzz/impl/page"

// Offsets in the bodies.
const (
	listSize  = offBody
	listItems = offBody + 8
	listRoom  = offBody + 16

	tupleSize  = offBody
	tupleItems = offBody + 8

	dictUsed   = offBody
	dictTable  = offBody + 16 // address of a table of entries, or 0
	dictValues = offBody + 24 // address of the values of an instance, or 0; never both

	tableRoom    = 0 // entries that fit
	tableFilled  = 8 // entries in use or deleted
	tableEntries = 16
	entryBytes   = 16 // value, key; a deleted entry has no key

	valuesCount   = 0
	valuesEntries = 8
)

// tableRoomMin is how many entries the smallest table of a dict has: two thirds of CPython's 8 slots.
const tableRoomMin = 5

func (h *Heap) allocBlock(n uintptr) uintptr { return uintptr(h.mem.Alloc(n)) }
func (h *Heap) freeBlock(b uintptr)          { h.mem.Free(page.Pointer(b)) }

// swap puts v, with a reference of its own, into a slot and lets the old one go.
func (h *Heap) swap(at uintptr, v Ref) {
	h.Incref(v)
	old := Ref(page.Load(at))
	page.Store(at, uintptr(v))
	h.Decref(old)
}

// NewList returns a list of n times None, or 0 if there is no memory.
func (h *Heap) NewList(n int) Ref {
	if n < 0 || n > itemsMax {
		return 0
	}
	o := h.alloc(typeList, 0)
	if o == 0 {
		return 0
	}
	if n > 0 {
		items := h.allocBlock(uintptr(n) * 8)
		if items == 0 {
			h.release(o)
			return 0
		}
		clear(page.View(items, uintptr(n)*8))
		o.store(listItems, items)
		o.store(listSize, uintptr(n))
		o.store(listRoom, uintptr(n))
	}
	h.track(o)
	return o
}

// NewTuple returns a tuple of the given items, each with a reference of its own, or 0 if there is no memory. The empty
// one is always the same object.
func (h *Heap) NewTuple(items ...Ref) Ref {
	if len(items) == 0 {
		return h.emptyOf(&h.cached.noTuple, typeTuple)
	}
	o := h.alloc(typeTuple, uintptr(len(items))*8)
	if o == 0 {
		return 0
	}
	o.store(tupleSize, uintptr(len(items)))
	for i, v := range items {
		h.Incref(v)
		o.store(tupleItems+uintptr(i)*8, uintptr(v))
	}
	h.track(o)
	return o
}

// SetTupleItem stores v, with a reference of its own, as item k of a tuple and reports whether there is such, as
// PyTuple_SetItem does it for one that is being built. A tuple that is not tracked is if v may be.
func (h *Heap) SetTupleItem(o Ref, k int, v Ref) bool {
	at, _ := h.slot(o, k)
	if at == 0 || o.kind() != KindTuple {
		return false
	}
	h.maintain(o, 0, v)
	h.swap(at, v)
	return true
}

// NewDict returns an empty dict, or 0 if there is no memory. It is not tracked before it holds what may be.
func (h *Heap) NewDict() Ref { return h.alloc(typeDict, 0) }

// dictFields is Fields of a dict: the entries, or the values of an instance.
func dictFields(o Ref) (at uintptr, n int, step uintptr) {
	if t := o.load(dictTable); t != 0 {
		return t + tableEntries, 2 * int(page.Load(t+tableFilled)), 8
	}
	if v := o.load(dictValues); v != 0 {
		return v + valuesEntries, int(page.Load(v + valuesCount)), 8
	}
	return 0, 0, 8
}

// same tells whether two keys are equal: the same object, or atoms that say the same, or tuples of such. Numbers of
// different types are not equal here, but for bools and ints.
func (h *Heap) same(a, b Ref) bool {
	if a == b {
		return true
	}
	if a == 0 || b == 0 {
		return false
	}
	k := a.kind()
	if isInt(k) && isInt(b.kind()) {
		return h.sameInt(a, b)
	}
	if k != b.kind() {
		return false
	}
	switch k {
	case KindFloat:
		return a.load(floatBits) == b.load(floatBits)
	case KindComplex:
		return a.load(floatBits) == b.load(floatBits) && a.load(floatBits+8) == b.load(floatBits+8)
	case KindStr, KindBytes:
		return h.sameText(a, b)
	case KindTuple:
		n := a.load(tupleSize)
		if n != b.load(tupleSize) {
			return false
		}
		for i := range n {
			at := tupleItems + i*8
			if !h.same(Ref(a.load(at)), Ref(b.load(at))) {
				return false
			}
		}
		return true
	}
	return false
}

func isInt(k Kind) bool { return k == KindInt || k == KindBool }

// find returns the address of the entry of a key, or 0. It looks at all of them: the dict that does not is package
// dict's.
func (h *Heap) find(o, key Ref) uintptr {
	t := o.load(dictTable)
	if t == 0 {
		return 0
	}
	for e, n := t+tableEntries, page.Load(t+tableFilled); n > 0; n-- {
		if k := Ref(page.Load(e + 8)); k != 0 && h.same(k, key) {
			return e
		}
		e += entryBytes
	}
	return 0
}

// DictSet stores a value under a key that is not None, each with a reference of its own, and reports whether there was
// memory. It begins to track a dict that gets something that may be tracked.
func (h *Heap) DictSet(o, key, v Ref) bool {
	e := h.find(o, key)
	if e == 0 && !h.reserve(o) {
		return false
	}
	h.maintain(o, key, v)
	if e != 0 {
		h.swap(e, v)
		return true
	}
	t := o.load(dictTable)
	n := page.Load(t + tableFilled)
	e = t + tableEntries + n*entryBytes
	h.Incref(v)
	h.Incref(key)
	page.Store(e, uintptr(v))
	page.Store(e+8, uintptr(key))
	page.Store(t+tableFilled, n+1)
	o.store(dictUsed, o.load(dictUsed)+1)
	return true
}

// maintain begins to track a dict or tuple that is about to hold key and v.
func (h *Heap) maintain(o, key, v Ref) {
	if !h.Tracked(o) && (h.mayBeTracked(v) || h.mayBeTracked(key)) {
		h.track(o)
	}
}

// reserve makes room for one more entry. A full table is copied into one twice as large as the live entries need,
// without the deleted ones.
func (h *Heap) reserve(o Ref) bool {
	t := o.load(dictTable)
	if t != 0 && page.Load(t+tableFilled) < page.Load(t+tableRoom) {
		return true
	}
	used := o.load(dictUsed)
	room := max(2*used, tableRoomMin)
	to := h.allocBlock(tableEntries + room*entryBytes)
	if to == 0 {
		return false
	}
	filled := uintptr(0)
	if t != 0 {
		for e, n := t+tableEntries, page.Load(t+tableFilled); n > 0; n-- {
			if k := page.Load(e + 8); k != 0 {
				page.Store(to+tableEntries+filled*entryBytes, page.Load(e))
				page.Store(to+tableEntries+filled*entryBytes+8, k)
				filled++
			}
			e += entryBytes
		}
		h.freeBlock(t)
	}
	page.Store(to+tableRoom, room)
	page.Store(to+tableFilled, filled)
	o.store(dictTable, to)
	return true
}

// DictGet returns the value of a key, borrowed, and whether there is one.
func (h *Heap) DictGet(o, key Ref) (Ref, bool) {
	e := h.find(o, key)
	if e == 0 {
		return 0, false
	}
	return Ref(page.Load(e)), true
}

// DictDelete takes a key out of a dict and reports whether it was there. The key goes first, then the value.
func (h *Heap) DictDelete(o, key Ref) bool {
	e := h.find(o, key)
	if e == 0 {
		return false
	}
	v, k := Ref(page.Load(e)), Ref(page.Load(e+8))
	page.Store(e, 0)
	page.Store(e+8, 0)
	o.store(dictUsed, o.load(dictUsed)-1)
	h.Decref(k)
	h.Decref(v)
	return true
}

// New returns an instance of a type that Define made, with all attributes None, or 0 if there is no memory. It is as if
// its `__init__` had set each of them once: up to 3.10 that is what makes its dict.
func (h *Heap) New(id TypeID) Ref {
	t := h.types[id]
	if t.fixed || id == typeNone {
		panic("object: New of a predefined type")
	}
	extra := uintptr(0)
	inside := t.Kind == KindInstance && h.prof.Values == InObject
	if inside {
		extra = uintptr(t.Attrs)*8 + valuesEntries
	}
	o := h.alloc(id, extra)
	if o == 0 {
		return 0
	}
	if o.isGC() {
		h.track(o)
	}
	if t.Kind == KindSlotted {
		return o
	}
	if inside {
		o.store(t.refsAt, uintptr(o)+t.bytes+valuesEntries)
		return o
	}
	if !h.makeValues(o, &t) {
		h.release(o)
		return 0
	}
	return o
}

// makeValues gives an instance its attributes: a dict of its own, or a block.
func (h *Heap) makeValues(o Ref, t *Type) bool {
	bytes := valuesEntries + uintptr(t.Attrs)*8
	var dict Ref
	if h.prof.Values == InDict {
		if dict = h.alloc(typeDict, 0); dict == 0 {
			return false
		}
	}
	values := h.allocBlock(bytes)
	if values == 0 {
		if dict != 0 {
			h.release(dict)
		}
		return false
	}
	clear(page.View(values, bytes))
	page.Store(values+valuesCount, uintptr(t.Attrs))
	if dict == 0 {
		o.store(t.refsAt, values+valuesEntries)
		return true
	}
	dict.store(dictValues, values)
	o.store(t.refsAt, uintptr(dict))
	return true
}

// slot returns the address of item or attribute k of an object, or 0 if it has none. If it has a dict to hold
// attributes, that is returned as well.
func (h *Heap) slot(o Ref, k int) (at uintptr, dict Ref) {
	if k < 0 {
		return 0, 0
	}
	switch o.kind() {
	case KindList:
		if k < int(o.load(listSize)) {
			return o.load(listItems) + uintptr(k)*8, 0
		}
	case KindTuple:
		if k < int(o.load(tupleSize)) {
			return uintptr(o) + tupleItems + uintptr(k)*8, 0
		}
	case KindInstance:
		t := h.typeOf(o)
		at := o.load(t.refsAt)
		if k >= t.Attrs || at == 0 {
			return 0, 0
		}
		if h.prof.Values == InDict {
			dict = Ref(at)
			if at = dict.load(dictValues); at == 0 {
				return 0, dict
			}
			at += valuesEntries
		}
		return at + uintptr(k)*8, dict
	case KindDict, KindSet, KindFrozenset:
	default:
		if t := h.typeOf(o); k < t.Attrs {
			return uintptr(o) + t.refsAt + uintptr(k)*8, 0
		}
	}
	return 0, 0
}

// Get returns item or attribute k, borrowed; None if there is no such.
func (h *Heap) Get(o Ref, k int) Ref {
	at, _ := h.slot(o, k)
	if at == 0 {
		return 0
	}
	return Ref(page.Load(at))
}

// SetItem stores v, with a reference of its own, as item or attribute k and reports whether there is such. A tuple, a
// range, a slice and a method are never changed.
func (h *Heap) SetItem(o Ref, k int, v Ref) bool {
	at, dict := h.slot(o, k)
	if at == 0 {
		return false
	}
	switch o.kind() {
	case KindTuple, KindRange, KindSlice, KindMethod:
		return false
	}
	if dict != 0 {
		h.maintain(dict, 0, v)
	}
	h.swap(at, v)
	return true
}

// Len is the number of items of a list or tuple, of live entries of a dict, of keys of a set, of characters of a
// string, of bytes, and of attributes of an instance or references of a small container.
func (h *Heap) Len(o Ref) int {
	switch o.kind() {
	case KindList, KindTuple, KindDict, KindStr, KindBytes, KindByteArray:
		return int(o.load(offBody))
	case KindSet, KindFrozenset:
		return int(o.load(setUsed))
	}
	return h.typeOf(o).Attrs
}
