package object

import "heapfuzz/impl/page"

// Decref takes a reference away; with the last one the object dies.
func (h *Heap) Decref(o Ref) {
	if o == 0 {
		return
	}
	n := o.load(offCount)
	if int32(n) < 0 {
		return // immortal
	}
	n--
	o.store(offCount, n)
	if n == 0 {
		h.die(o)
	} else if h.Suspects != 0 {
		h.suspect(o)
	}
}

// die is tp_dealloc. Nested deaths are nested calls, as deep as the trashcan lets them be.
func (h *Heap) die(o Ref) {
	w := o.word()
	if w&flagGC == 0 {
		h.dieAtom(o)
		return
	}
	if h.Tracked(o) {
		h.untrack(o)
	}
	own := kindOf(w) >= KindWeakref // its class is one that a program made
	switch {
	case w&flagTrash == 0:
		h.dieUncounted(o)
		return
	case own && h.typeOf(o).Classic: // instance_dealloc knows no trashcan
		if h.bury(o) {
			h.release(o)
		}
		return
	}
	if !h.enter(o, own) {
		return
	}
	if kindOf(w) == KindSlotted && w&(flagFinal|flagWeak) == 0 && h.OnDeath == nil {
		// What bury does for it, here: a chain is then one call deep an object and not four, and processors remember
		// where to return to for few calls only.
		t := h.typeOf(o)
		at := uintptr(o) + t.refsAt
		for end := at + uintptr(t.Attrs)*8; at < end; at += 8 {
			if v := Ref(page.Load(at)); v != 0 {
				page.Store(at, 0)
				if v.load(offCount) == 1 {
					v.store(offCount, 0)
					h.die(v)
				} else {
					h.Decref(v)
				}
			}
		}
		h.release(o)
	} else if h.bury(o) {
		h.release(o)
	}
	h.leave()
}

// dieAtom is die of what has no GC head. The range and the instance with nothing in it are such.
func (h *Heap) dieAtom(o Ref) {
	w := o.word()
	if w&flagFinal != 0 && h.finalizeAtom(o) {
		return
	}
	if w&flagInterned != 0 {
		h.forget(o)
	}
	h.mourn(o)
	switch o.kind() {
	case KindByteArray:
		if data := o.load(arrayData); data != 0 {
			h.freeBlock(data)
		}
	case KindRange:
		h.dropRefs(o)
	case KindCapsule:
		h.open(o)
	}
	h.release(o)
}

// finalizeAtom runs the finalizer of an instance without a head, which does not remember that it ran, and reports
// whether it lives again.
func (h *Heap) finalizeAtom(o Ref) bool {
	o.store(offCount, 1)
	h.run(o, h.typeOf(o).Final)
	n := o.load(offCount) - 1
	o.store(offCount, n)
	return n != 0
}

// open runs the destructor of a capsule.
func (h *Heap) open(o Ref) {
	if s := Script(o.load(capsuleScript)); s != NoFinalizer {
		h.run(o, s)
	}
}

// dieUncounted is die of a container that the trashcan does not count.
func (h *Heap) dieUncounted(o Ref) {
	if h.nested >= h.prof.NestMax {
		h.wait(o)
		return
	}
	h.nested++
	h.bury(o)
	h.release(o)
	h.nested--
	if h.nested == 0 && h.depth == 0 && h.waiting != 0 {
		h.depth++
		h.leave()
	}
}

// bury lets go of what an object refers to, and reports whether it stays dead.
func (h *Heap) bury(o Ref) bool {
	w := o.word()
	kind := kindOf(w)
	if w&(flagFinal|flagWeak) != 0 {
		t := h.typeOf(o)
		if t.Final != NoFinalizer && !t.Legacy && h.finalizeDying(o, t.Final) {
			return false
		}
		t = h.typeOf(o) // a finalizer may make types
		if t.weakAt != 0 && o.load(t.weakAt) != 0 {
			h.clearWeakrefs(o, t.weakAt)
		}
		if t.Legacy && h.finalizeLegacy(o, t) {
			return false
		}
	}
	h.mourn(o)
	switch kind {
	case KindList:
		h.dropItems(o.load(listItems), int(o.load(listSize)))
	case KindTuple:
		for i := int(o.load(tupleSize)) - 1; i >= 0; i-- {
			h.Decref(Ref(o.load(tupleItems + uintptr(i)*8)))
		}
	case KindDict:
		h.space.Fini(o.body())
	case KindSet, KindFrozenset:
		h.dropSet(uintptr(o)+setSmall, o.load(setTable), setKeys(o), o.load(setFill))
	case KindWeakref:
		h.clearWeak(o)
	case KindInstance:
		h.dropAttributes(o, true)
	case KindCapsule:
		h.open(o)
	default:
		h.dropRefs(o)
	}
	return true
}

// dropRefs lets the references of a small container or the slots of an instance go, from the first to the last.
func (h *Heap) dropRefs(o Ref) {
	for i, n := 0, h.typeOf(o).Attrs; i < n; i++ {
		h.take(uintptr(o) + offBody + uintptr(i)*8)
	}
}

// mourn tells that o is sure to die.
func (h *Heap) mourn(o Ref) {
	if h.OnDeath != nil {
		h.checkNesting(o, false)
		h.OnDeath(o)
	}
}

// finalizeDying runs the finalizer of an object that lost its last reference, and reports whether it lives again. In
// it the object is tracked as if it were new. It is marked after the finalizer and not before (object.c,
// PyObject_CallFinalizer), so a collection inside it may run it a second time if it makes the object garbage.
func (h *Heap) finalizeDying(o Ref, s Script) bool {
	h.track(o)
	h.SetMark(o, 0)
	o.store(offCount, 1)
	if !h.Finalized(o) {
		h.run(o, s)
		h.SetFinalized(o)
	}
	n := o.load(offCount) - 1
	o.store(offCount, n)
	if n != 0 {
		if h.Suspects != 0 {
			h.suspect(o)
		}
		return true
	}
	if h.Tracked(o) {
		h.untrack(o)
	}
	return false
}

// finalizeLegacy runs a finalizer of the old kind (tp_del) of an object that lost its last reference, and reports
// whether it lives again. It runs at every death. Its weak references are dead already; those that it makes itself die
// without a callback. An instance of a class without a metatype is not tracked meanwhile.
func (h *Heap) finalizeLegacy(o Ref, t *Type) bool {
	weakAt := t.weakAt
	if !t.Classic {
		h.track(o)
	}
	o.store(offCount, 1)
	h.run(o, t.Final)
	n := o.load(offCount) - 1
	o.store(offCount, n)
	if n != 0 {
		if !h.Tracked(o) {
			h.track(o)
		}
		return true
	}
	if h.Tracked(o) {
		h.untrack(o)
	}
	for weakAt != 0 && o.load(weakAt) != 0 {
		h.clearWeak(Ref(o.load(weakAt)))
	}
	return false
}

// HasLegacyFinalizer tells whether the finalizer of o, if it has one, is of the old kind.
func (h *Heap) HasLegacyFinalizer(o Ref) bool { return h.typeOf(o).Legacy }

// Finalize runs the finalizer of an object that lives.
func (h *Heap) Finalize(o Ref) { h.run(o, h.typeOf(o).Final) }

// run calls a finalizer, with what the interpreter needs for a call. From 3.12 on the beginning of a function is a
// safepoint.
func (h *Heap) run(o Ref, s Script) {
	bound := h.prof.BoundFinalizers && !h.typeOf(o).Legacy
	if bound {
		if h.methods > 0 {
			h.methods--
		} else {
			h.count()
		}
	}
	h.enterFrame(s)
	if h.safepoint != nil {
		h.safepoint()
	}
	h.act(o, s)
	if h.OnFinalize != nil {
		h.OnFinalize(o)
	}
	// The destructor of a capsule is a C function, and nothing could hold what is about to be freed.
	if h.prof.FramesWait && h.depth >= h.prof.TrashDepth && o.kind() != KindCapsule {
		h.frame(o, s)
	} else {
		h.leaveFrame(s)
	}
	if bound {
		h.methods++ // never more than are nested, which is far less than the free list holds
	}
}

// act is what a finalizer does.
func (h *Heap) act(o Ref, s Script) {
	h.Events = append(h.Events, Event{Kind: Finalized, Tag: h.Tag(o)})
	switch s {
	case Resurrect:
		h.Incref(o)
		h.Revived = append(h.Revived, o)
	case DropRef:
		h.SetItem(o, 0, 0)
	case Allocate:
		l := h.NewList(4)
		if h.safepoint != nil {
			h.safepoint()
		}
		h.Decref(l)
	case Collect:
		if h.collector != nil {
			n := h.collector.Collect(0)
			h.Events = append(h.Events, Event{Kind: Collected, Tag: h.Tag(o), Value: n})
		}
	}
}

// frame is the frame of a finalizer that ends at full depth: it waits, and holds the object. A tuple stands for it,
// which count 0 does not notice; its tag says whose frame it is. Without memory for it there is none.
func (h *Heap) frame(o Ref, s Script) {
	f := h.alloc(typeFrame, 8)
	if f == 0 {
		h.leaveFrame(s)
		return
	}
	h.seen[trashFrame]++
	h.SetTag(f, uint32(s))
	f.store(tupleSize, 1)
	f.store(tupleItems, uintptr(o))
	h.Incref(o)
	f.store(offCount, 0)
	h.wait(f)
}

// wait puts a dead object with those whose death is delayed.
func (h *Heap) wait(o Ref) {
	h.checkNesting(o, true)
	h.seen[trashWaits]++
	o.storePrev(o.prev()&bitFinalized | uintptr(h.waiting))
	h.waiting = o
}

// dropItems lets n items go, from the last to the first, and then their block.
func (h *Heap) dropItems(items uintptr, n int) {
	for i := n - 1; i >= 0; i-- {
		h.Decref(Ref(page.Load(items + uintptr(i)*8)))
	}
	if items != 0 {
		h.freeBlock(items)
	}
}

// dropAttributes lets the dict or the values of an instance go. A dying instance gives the block of its values back;
// one that is cleared keeps it, full of None.
func (h *Heap) dropAttributes(o Ref, dying bool) {
	t := h.typeOf(o)
	if h.prof.Values == InDict {
		h.take(uintptr(o) + t.refsAt)
		return
	}
	values := o.load(t.refsAt)
	for at, end := values, values+uintptr(t.Attrs)*8; at < end; at += 8 {
		h.take(at)
	}
	if dying && h.prof.Values == InBlock {
		h.freeBlock(values - valuesEntries)
	}
}

// take empties a slot and lets go of what was in it.
func (h *Heap) take(at uintptr) {
	v := Ref(page.Load(at))
	page.Store(at, 0)
	h.Decref(v)
}

// Clear is tp_clear: the object lets go of its references, and is whole when the first of them dies. A tuple, a
// frozenset, a slice and a method have no such function, and up to 3.7 a function has none.
func (h *Heap) Clear(o Ref) {
	switch o.kind() {
	case KindList:
		items, n := o.load(listItems), int(o.load(listSize))
		o.store(listItems, 0)
		o.store(listSize, 0)
		o.store(listRoom, 0)
		h.dropItems(items, n)
	case KindDict:
		h.space.Clear(o.body())
	case KindSet:
		h.SetClear(o)
	case KindFunction:
		if h.prof.FunctionClears {
			h.dropRefs(o)
		}
	case KindCell, KindRecord, KindSlotted:
		h.dropRefs(o)
	case KindWeakref:
		h.ClearWeak(o)
		o.store(weakCallback, 0)
	case KindInstance:
		h.dropAttributes(o, false)
	}
}

// enter counts a nested death, or puts the object with those who wait and reports false. Instances wait one level
// earlier up to 3.7, where subtype_dealloc counts itself twice while it asks.
func (h *Heap) enter(o Ref, own bool) bool {
	depth := h.depth
	if own && h.prof.TrashOld {
		depth++
	}
	if depth >= h.prof.TrashDepth {
		h.wait(o)
		return false
	}
	h.depth++
	return true
}

// leave ends a nested death. The outermost one lets those die who wait; from 3.13 on any does that has twice the
// headroom. Up to 3.7 that of an instance leaves it to the container that dies next, which in an interpreter is the
// frame of whoever asked; nobody can see the difference, and here it is done at once.
func (h *Heap) leave() {
	h.depth--
	if h.waiting == 0 {
		return
	}
	if h.nested >= h.prof.NestMax {
		return // who is above will do it
	}
	if room := h.prof.TrashHeadroom; h.depth > 0 && (room == 0 || h.depth >= h.prof.TrashDepth-room) {
		return
	}
	h.depth++ // so that nobody below does the same
	for h.waiting != 0 {
		o := h.waiting
		h.waiting = Ref(o.prev() &^ prevBits)
		o.storePrev(o.prev() & bitFinalized)
		h.die(o)
	}
	h.depth--
}
