package object

import "heapfuzz/impl/page"

// grown is the room that list_resize makes for n items when there were size.
func (h *Heap) grown(size, n int) int {
	want := n + n/8
	switch {
	case n == 0:
		return 0
	case h.prof.ListExact:
		if want = (want + 6) &^ 3; n-size > want-n {
			want = (n + 3) &^ 3
		}
	case n < 9:
		want += 3
	default:
		want += 6
	}
	return want
}

// resize makes a list n long and its block as long as list_resize does. It reports whether there was memory.
func (h *Heap) resize(o Ref, n int) bool {
	size, room := int(o.load(listSize)), int(o.load(listRoom))
	if room >= n && n >= room/2 {
		o.store(listSize, uintptr(n))
		return true
	}
	if !h.setRoom(o, h.grown(size, n)) {
		return false
	}
	o.store(listSize, uintptr(n))
	return true
}

// setRoom makes the block of a list as long as it is told, and reports whether there was memory. A block of no items is
// a block: only a list that is new or was cleared has none.
func (h *Heap) setRoom(o Ref, want int) bool {
	old := o.load(listItems)
	items := uintptr(h.mem.Realloc(page.Pointer(old), uintptr(want)*8))
	if items == 0 {
		h.seen[listRefused]++
		return false
	}
	h.seen[roomOf(int(o.load(listRoom)), want)]++
	h.seen[placeOf(old, items)]++
	if want == 0 && h.mem.UsableSize(page.Pointer(items)) > 64 {
		h.stuck = true
	}
	o.store(listItems, items)
	o.store(listRoom, uintptr(want))
	return true
}

// NewListOf returns list(x) of an x that has these items and knows how many they are, each with a reference of its own,
// or 0 if there is no memory.
func (h *Heap) NewListOf(items ...Ref) Ref { return h.newListOf(h.prof.IterRoom, items) }

// ListLiteral returns the list that a literal of constants makes, or 0 if there is no memory. A literal of anything
// else, `[x]*n`, a slice and a copy have room for what they hold, as NewList has.
func (h *Heap) ListLiteral(items ...Ref) Ref {
	if len(items) < 3 {
		return h.newListOf(RoomExact, items)
	}
	return h.newListOf(h.prof.LiteralRoom, items)
}

func (h *Heap) newListOf(r Room, items []Ref) Ref {
	o := h.NewList(0)
	if o == 0 {
		return 0
	}
	room := len(items)
	switch r {
	case RoomEven:
		room += room & 1
	case RoomGrown:
		room = h.grown(0, room)
	}
	if room > 0 && !h.setRoom(o, room) {
		h.Decref(o)
		return 0
	}
	for i, v := range items {
		h.Incref(v)
		page.Store(o.load(listItems)+uintptr(i)*8, uintptr(v))
	}
	o.store(listSize, uintptr(len(items)))
	return o
}

// Push adds v at the end of a list, with a reference of its own, and reports whether there was memory.
func (h *Heap) Push(o, v Ref) bool {
	n := int(o.load(listSize))
	if !h.resize(o, n+1) {
		return false
	}
	h.Incref(v)
	page.Store(o.load(listItems)+uintptr(n)*8, uintptr(v))
	return true
}

// Extend adds items at the end of a list, each with a reference of its own, and reports whether there was memory. From
// 3.10 on it treats a list without a block as list(x) does.
func (h *Heap) Extend(o Ref, items ...Ref) bool {
	if len(items) == 0 {
		return true
	}
	if o.load(listItems) == 0 && h.prof.IterRoom == RoomEven && !h.setRoom(o, len(items)+len(items)&1) {
		return false
	}
	return h.Append(o, items...)
}

// Append is x[len(x):] = items: it adds items, one at least, at the end of a list, each with a reference of its own,
// and reports whether there was memory. Room for all of them is made at once, by the rule of a list that grows.
func (h *Heap) Append(o Ref, items ...Ref) bool {
	n := int(o.load(listSize))
	if !h.resize(o, n+len(items)) {
		return false
	}
	for i, v := range items {
		h.Incref(v)
		page.Store(o.load(listItems)+uintptr(n+i)*8, uintptr(v))
	}
	return true
}

// Insert puts v in front of item i of a list, with a reference of its own, and reports whether there was memory. An i
// outside the list is one of its ends.
func (h *Heap) Insert(o Ref, i int, v Ref) bool {
	n := int(o.load(listSize))
	if !h.resize(o, n+1) {
		return false
	}
	i = min(max(i, 0), n)
	at := o.load(listItems)
	copy(page.View(at+uintptr(i+1)*8, uintptr(n-i)*8), page.View(at+uintptr(i)*8, uintptr(n-i)*8))
	h.Incref(v)
	page.Store(at+uintptr(i)*8, uintptr(v))
	return true
}

// Pop takes the last item off a list that has one. Its reference is the caller's.
func (h *Heap) Pop(o Ref) Ref {
	n := int(o.load(listSize)) - 1
	v := Ref(page.Load(o.load(listItems) + uintptr(n)*8))
	if n == 0 && h.prof.PopClears {
		o.store(listSize, 0)
		h.Clear(o)
		return v
	}
	h.shorten(o, n)
	return v
}

// shorten makes a list n long. To give room back may fail; the list stays longer than it needs to be then.
func (h *Heap) shorten(o Ref, n int) {
	if !h.resize(o, n) {
		o.store(listSize, uintptr(n))
	}
}

// DeleteSlice takes items i to j-1 out of a list; both are within it, and i is at most j. They die when they are out,
// from the last to the first. If nothing is left the list is cleared, and otherwise without any nothing is done.
func (h *Heap) DeleteSlice(o Ref, i, j int) {
	n := int(o.load(listSize))
	switch {
	case i < 0 || i > j || j > n:
		panic("object: no such slice")
	case j-i == n:
		h.Clear(o)
		return
	case i == j:
		return
	}
	base := len(h.calls) // the stack of those whose turn comes later
	for k := i; k < j; k++ {
		h.calls = append(h.calls, Ref(page.Load(o.load(listItems)+uintptr(k)*8)))
	}
	at := o.load(listItems)
	copy(page.View(at+uintptr(i)*8, uintptr(n-j)*8), page.View(at+uintptr(j)*8, uintptr(n-j)*8))
	h.shorten(o, n-j+i)
	for k := len(h.calls) - 1; k >= base; k-- {
		v := h.calls[k]
		h.calls = h.calls[:k]
		h.Decref(v)
	}
}
