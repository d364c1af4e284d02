package object

import "heapfuzz/impl/page"

// Offsets in a weak reference.
const (
	weakReferent = offBody
	weakCallback = offBody + 8 // 1 if there is one, 0 if not or not any more
	weakPrev     = offBody + 24
	weakNext     = offBody + 32
)

// NewWeakref returns a weak reference to o, with or without a callback, or 0 if there is no memory or the type of o
// does not allow any. It is of a class of its own, so that two of them are never the same object.
func (h *Heap) NewWeakref(o Ref, callback bool) Ref {
	if !h.supportsWeak(o) {
		return 0
	}
	w := h.alloc(typeWeakref, 0)
	if w == 0 {
		return 0
	}
	at := h.typeOf(o).weakAt
	first := Ref(o.load(at))
	w.store(weakReferent, uintptr(o))
	if callback {
		w.store(weakCallback, 1)
	}
	w.store(weakNext, uintptr(first))
	if first != 0 {
		first.store(weakPrev, uintptr(w))
	}
	o.store(at, uintptr(w))
	h.track(w)
	return w
}

// Referent returns what a weak reference refers to, borrowed, or None. What waits for its death in the trashcan is dead
// (issue 16602).
func (h *Heap) Referent(w Ref) Ref {
	o := Ref(w.load(weakReferent))
	if o == 0 || o.load(offCount) == 0 {
		return 0
	}
	return o
}

// Weakrefs returns the first weak reference to o, the newest, or 0.
func (h *Heap) Weakrefs(o Ref) Ref {
	at := h.typeOf(o).weakAt
	if at == 0 {
		return 0
	}
	return Ref(o.load(at))
}

// ClearWeak makes a weak reference refer to nothing. Its callback stays, and will not run.
func (h *Heap) ClearWeak(w Ref) { h.clearWeak(w) }

func (h *Heap) clearWeak(w Ref) {
	o := Ref(w.load(weakReferent))
	if o == 0 {
		return
	}
	prev, next := Ref(w.load(weakPrev)), Ref(w.load(weakNext))
	if prev != 0 {
		prev.store(weakNext, uintptr(next))
	} else {
		o.store(h.typeOf(o).weakAt, uintptr(next))
	}
	if next != 0 {
		next.store(weakPrev, uintptr(prev))
	}
	w.store(weakReferent, 0)
	w.store(weakPrev, 0)
	w.store(weakNext, 0)
}

// HasCallback tells whether a weak reference has a callback.
func (h *Heap) HasCallback(w Ref) bool { return w.load(weakCallback) != 0 }

// CallBack runs the callback of a weak reference, which is to say so in the log.
func (h *Heap) CallBack(w Ref) {
	h.seen[weakCalled]++
	h.enterFrame(callback)
	if h.safepoint != nil {
		h.safepoint()
	}
	h.Events = append(h.Events, Event{Kind: CalledBack, Tag: h.Tag(w)})
	if h.OnCallback != nil {
		h.OnCallback(w)
	}
	h.leaveFrame(callback)
}

// clearWeakrefs clears all weak references to a dying object and then runs the callbacks of those that live, newest
// first (weakrefobject.c, PyObject_ClearWeakRefs). If there are several, a tuple holds them and their callbacks
// meanwhile, which is tracked and counted like any other. Without memory for it the callbacks run all the same.
func (h *Heap) clearWeakrefs(o Ref, at uintptr) {
	for range h.prof.BareFirst {
		if w := Ref(o.load(at)); w != 0 && !h.HasCallback(w) {
			h.clearWeak(w)
		}
	}
	if o.load(at) == 0 {
		return
	}
	h.seen[weakDied]++
	tuple, n := Ref(0), h.weakCount(Ref(o.load(at)))
	if n >= h.prof.CallbackTuple {
		if tuple = h.alloc(typeTuple, uintptr(n)*16); tuple != 0 {
			h.seen[weakTuple]++
			tuple.store(tupleSize, uintptr(n)*2)
			h.track(tuple)
		}
	}
	base, slot := len(h.calls), uintptr(tuple)+tupleItems
	for w := Ref(o.load(at)); w != 0; w = Ref(o.load(at)) {
		h.clearWeak(w)
		if alive, calls := h.Count(w) > 0, h.HasCallback(w); alive && (calls || tuple != 0) {
			h.Incref(w)
			if tuple != 0 {
				page.Store(slot, uintptr(w)) // a collection inside alloc may have shortened the list, never lengthened
			}
			if calls {
				h.calls = append(h.calls, w)
			}
		}
		w.store(weakCallback, 0)
		slot += 16
	}
	end := len(h.calls)
	for i := base; i < end; i++ {
		h.CallBack(h.calls[i])
	}
	for i := end - 1; i >= base && tuple == 0; i-- {
		h.Decref(h.calls[i])
	}
	h.calls = h.calls[:base]
	h.Decref(tuple)
}

// weakCount is how many weak references a list of them has, from its first.
func (h *Heap) weakCount(w Ref) int {
	n := 0
	for ; w != 0; w = Ref(w.load(weakNext)) {
		n++
	}
	return n
}
