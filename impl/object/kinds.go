package object

import (
	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// Offsets in the bodies.
const (
	listSize  = offBody
	listItems = offBody + 8
	listRoom  = offBody + 16

	tupleSize  = offBody
	tupleItems = offBody + 8

	valuesEntries = 8
)

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
	if n > itemsMax {
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
	h.maintain(o, v)
	h.swap(at, v)
	return true
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

// maintain begins to track a dict or tuple that is about to hold v.
func (h *Heap) maintain(o, v Ref) {
	if !h.Tracked(o) && h.mayBeTracked(v) {
		h.track(o)
	}
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
	if h.prof.Values == InDict {
		if len(h.names) < t.Attrs { // there was no memory for them when the type was made
			own := h.typeOf(o)
			if h.learn(own); len(h.names) < t.Attrs {
				return false
			}
			t.class = own.class
		}
		dict := h.newAttributes(t)
		o.store(t.refsAt, uintptr(dict))
		return dict != 0
	}
	bytes := valuesEntries + uintptr(t.Attrs)*8
	values := h.allocBlock(bytes)
	if values == 0 {
		return false
	}
	clear(page.View(values, bytes))
	o.store(t.refsAt, values+valuesEntries)
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
			return h.attribute(Ref(at), k), Ref(at)
		}
		return at + uintptr(k)*8, dict
	default: // a dict and a set have none
		if t := h.typeOf(o); k < t.Attrs {
			return uintptr(o) + t.refsAt + uintptr(k)*8, 0
		}
	}
	return 0, 0
}

// Get returns item or attribute k, borrowed; None if there is no such.
func (h *Heap) Get(o Ref, k int) Ref {
	at, dict := h.slot(o, k)
	switch {
	case at == 0:
		return 0
	case dict != 0:
		return h.refOf(wordAt(at))
	}
	return Ref(page.Load(at))
}

func wordAt(at uintptr) dict.Word { return dict.Word(page.Load(at)) }

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
		h.maintain(dict, v)
		h.Incref(v)
		old := h.refOf(wordAt(at))
		page.Store(at, uintptr(h.wordOf(v)))
		h.Decref(old)
		return true
	}
	h.swap(at, v)
	return true
}

// DictOf is the dict of an instance, borrowed, or 0 if it has none, as from 3.11 on.
func (h *Heap) DictOf(o Ref) Ref {
	if o.kind() != KindInstance || h.prof.Values != InDict {
		return 0
	}
	return Ref(o.load(h.typeOf(o).refsAt))
}

// Len is the number of items of a list or tuple, of live entries of a dict, of keys of a set, of characters of a
// string, of bytes, and of attributes of an instance or references of a small container.
func (h *Heap) Len(o Ref) int {
	switch o.kind() {
	case KindList, KindTuple, KindDict, KindBytes, KindByteArray:
		return int(o.load(offBody))
	case KindStr:
		return len(h.characters(o)) / o.width()
	case KindSet, KindFrozenset:
		return int(o.load(setUsed))
	}
	return h.typeOf(o).Attrs
}
