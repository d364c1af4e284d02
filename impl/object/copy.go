package object

import (
	"errors"

	"heapfuzz/impl/page"
)

// Copies, as the module copy of the standard library makes them (Lib/copy.py).
//
// Copy makes a new object that refers to the same others; an atom, a tuple, a frozenset, a function, a weak reference
// is its own copy. DeepCopy copies what it refers to as well, each object once: a memo says which copy belongs to which
// original. What is memoised, and when, decides what becomes of cycles:
//
//   - A list, a dict and an instance are in the memo before what they refer to is copied, so a cycle through them is a
//     cycle of the copies.
//   - A tuple is made when its items are. If one of them led back to it (through a list, say), a copy is in the memo by
//     then, and that is the one. If no item has changed by being copied, the tuple is its own copy and not in the memo.
//   - A set, a frozenset, a slice and a bound method are made when what they hold is, and do not look again: if one of
//     them is on a cycle there are two copies of it, and the memo has the later one. That is what reduce makes of them.
//   - The dict of an instance (up to 3.10) is copied as a dict and then poured into that of the copy. Somebody who has
//     the dict itself gets the copy of the dict, not the dict of the copy.
//
// The memo holds a reference to each copy, and to each original that was copied, so that nobody else comes to stand at
// its address meanwhile.
//
// C's recursion is a stack of frames here, one for each object whose copy is under way, so a chain may be as long as
// memory allows. Only a cycle of nothing but tuples and such, which no Python program can make, has no end: ErrEndless.

// What a copy may be answered with.
var (
	ErrNoMemory   = errors.New("object: no memory for a copy")
	ErrUncopyable = errors.New("object: there are no copies of cells, capsules and such")
	ErrEndless    = errors.New("object: a cycle without a list, a dict or an instance")
)

// A Memo says which objects were copied to which. One may serve several deep copies.
type Memo struct {
	h      *Heap
	copies map[Ref]Ref
	made   []Ref        // the copies in their order, each with a reference
	kept   []Ref        // the originals, each with a reference
	same   map[Ref]bool // tuples that are their own copies, of the copy that is under way
}

// NewMemo returns an empty memo. It belongs to the heap and must be closed.
func (h *Heap) NewMemo() *Memo { return &Memo{h: h, copies: map[Ref]Ref{}, same: map[Ref]bool{}} }

// Len is how many entries the dict would have that is the memo in Python 3: one for each copy, and one for the list of
// the originals. (For what reduce makes in passing, a list of the keys of a set for instance, there are none here.)
func (m *Memo) Len() int {
	if len(m.kept) > 0 {
		return len(m.copies) + 1
	}
	return len(m.copies)
}

// Close lets go of copies and originals, in their order.
func (m *Memo) Close() {
	for _, all := range [][]Ref{m.made, m.kept} {
		for _, o := range all {
			m.h.Decref(o)
		}
	}
	*m = Memo{h: m.h, copies: map[Ref]Ref{}, same: map[Ref]bool{}}
}

// note enters a copy. The reference to it becomes the memo's.
func (m *Memo) note(o, copied Ref) {
	m.copies[o] = copied
	m.made = append(m.made, copied)
	m.h.Incref(o)
	m.kept = append(m.kept, o)
}

// Undo empties all copies, so that none that is on a cycle outlives the memo, and closes it.
func (m *Memo) Undo() {
	for _, o := range m.made {
		m.h.Clear(o)
	}
	m.Close()
}

// Copy returns a copy of an object, or of an empty slot another. The reference is the caller's.
func (h *Heap) Copy(o Ref) (Ref, error) {
	if o == 0 || h.isOwnCopy(o, false) {
		h.seen[copyOwn]++
		h.Incref(o)
		return o, nil
	}
	switch o.kind() {
	case KindCapsule, KindCell, KindRecord:
		return 0, ErrUncopyable
	}
	y := h.copyOf(o)
	if y == 0 {
		return 0, ErrNoMemory
	}
	return y, nil
}

// copyOf makes a new object of one that can be copied, or returns 0 if there is no memory.
func (h *Heap) copyOf(o Ref) Ref {
	switch o.kind() {
	case KindByteArray:
		return h.NewByteArray(h.characters(o))
	case KindList:
		room := RoomExact
		if h.prof.ByteStr {
			room = h.prof.IterRoom // 2.7 calls list(x)
		}
		return h.newListOf(room, refs(o.load(listItems), h.Len(o)))
	case KindDict:
		return h.DictCopy(o)
	case KindSet:
		return h.NewSetFrom(o, false)
	case KindRange:
		return h.copyRange(o)
	case KindSlice:
		return h.NewSlice(h.Get(o, 0), h.Get(o, 1), h.Get(o, 2))
	case KindMethod:
		return h.NewMethod(h.Get(o, MethodFunction), h.Get(o, MethodSelf))
	}
	y := h.New(TypeID(o.word()))
	if y != 0 {
		for k := range h.Len(o) {
			h.SetItem(y, k, h.Get(o, k))
		}
	}
	return y
}

// isOwnCopy tells whether an object is taken for its own copy without a look at what it holds.
func (h *Heap) isOwnCopy(o Ref, deep bool) bool {
	switch o.kind() {
	case KindNone, KindBool, KindInt, KindFloat, KindComplex, KindStr, KindBytes, KindFunction, KindWeakref:
		return true
	case KindRange:
		return h.prof.DeepRange || !deep && !h.prof.ByteStr
	case KindSlice:
		return !deep && !h.prof.ByteStr
	case KindTuple, KindFrozenset:
		return !deep
	case KindRecord:
		return TypeID(o.word()) == firstRecord // a class
	}
	return false
}

// refs are n references in memory. The slice is valid as long as their block.
func refs(at uintptr, n int) []Ref {
	all := make([]Ref, n)
	for i := range all {
		all[i] = Ref(page.Load(at + uintptr(i)*8))
	}
	return all
}

// copyRange makes a range with the bounds of another.
func (h *Heap) copyRange(o Ref) Ref {
	y := h.alloc(typeRange, 0)
	if y == 0 || h.prof.ByteStr {
		return y
	}
	for i := range uintptr(h.prof.RangeWords) {
		h.Incref(Ref(o.load(offBody + i*8)))
		y.store(offBody+i*8, o.load(offBody+i*8))
	}
	return y
}

// DeepCopy returns a deep copy of an object, or of an empty slot another. The reference is the caller's. If it fails,
// what was copied is freed, and finalizers that it has run.
func (h *Heap) DeepCopy(o Ref) (Ref, error) {
	m := h.NewMemo()
	y, err := m.DeepCopy(o)
	if err != nil {
		m.Undo()
		return 0, err
	}
	m.Close()
	return y, nil
}

// A copying is one object whose copy is under way.
type copying struct {
	from Ref
	to   Ref // the copy, borrowed from the memo; 0 of an object that is made at the end
	next int // which reference comes next
	base int // where its parts begin, of an object that is made at the end

	// Of a dict: which half of an entry is being copied, its key with a reference, and the copied value, until the key
	// is copied too.
	half half
	key  Ref
	held Ref
}

// A half says what of the entries of a dict is being copied.
type half uint8

const (
	halfNone half = iota
	halfValue
	halfKey
)

// A copier makes one deep copy.
type copier struct {
	*Memo
	stack []copying
	parts []Ref       // copies that wait for the objects that will hold them
	busy  map[Ref]int // those that are made at the end and under way: how long the memo was when they began
}

// DeepCopy is Heap.DeepCopy with a memo, which knows the copies that were made also if it fails.
func (m *Memo) DeepCopy(o Ref) (Ref, error) {
	c := copier{Memo: m, busy: map[Ref]int{}}
	y, done, err := c.begin(o)
	for err == nil && len(c.stack) > 0 {
		f := &c.stack[len(c.stack)-1]
		if done {
			if err = c.give(f, y); err != nil {
				break
			}
		}
		if child, more := c.child(f); more {
			y, done, err = c.begin(child)
			continue
		}
		y, err = c.end(f)
		c.stack = c.stack[:len(c.stack)-1]
		done = true
	}
	clear(m.same)
	if err == nil {
		return y, nil
	}
	for _, f := range c.stack {
		m.h.Decref(f.held)
		m.h.Decref(f.key)
	}
	for _, part := range c.parts {
		m.h.Decref(part)
	}
	return 0, err
}

// begin returns the copy of an object that is known at once, or puts it on the stack.
func (c *copier) begin(o Ref) (y Ref, done bool, err error) {
	h := c.h
	if o == 0 || h.isOwnCopy(o, true) || c.same[o] {
		h.Incref(o)
		return o, true, nil
	}
	if y, ok := c.copies[o]; ok {
		c.h.seen[copyMet]++
		h.Incref(y)
		return y, true, nil
	}
	switch o.kind() {
	case KindList:
		y = h.NewList(0)
	case KindDict:
		y = h.NewDict()
	case KindInstance, KindSlotted:
		y = h.New(TypeID(o.word()))
	case KindByteArray, KindRange:
		if y = h.copyOf(o); y == 0 {
			return 0, false, ErrNoMemory
		}
		c.note(o, y)
		h.Incref(y)
		return y, true, nil
	case KindTuple, KindSet, KindFrozenset, KindSlice, KindMethod:
		if n, ok := c.busy[o]; ok && n == len(c.copies) {
			return 0, false, ErrEndless
		}
		c.busy[o] = len(c.copies)
		c.stack = append(c.stack, copying{from: o, base: len(c.parts)})
		return 0, false, nil
	default:
		return 0, false, ErrUncopyable
	}
	if y == 0 {
		return 0, false, ErrNoMemory
	}
	c.note(o, y)
	c.stack = append(c.stack, copying{from: o, to: y})
	return 0, false, nil
}

// child returns the reference that is to be copied next, if there is one.
func (c *copier) child(f *copying) (o Ref, more bool) {
	h := c.h
	switch f.from.kind() {
	case KindDict:
		return c.dictChild(f)
	case KindSet, KindFrozenset:
		for f.next < int(f.from.load(setFill)) && o == 0 {
			o = Ref(page.Load(setKeys(f.from) + uintptr(f.next)*8))
			f.next++
		}
		return o, o != 0
	case KindMethod:
		f.next = max(f.next, MethodSelf) // the function stays
	case KindInstance:
		if h.prof.Values == InDict {
			f.next++
			return Ref(f.from.load(h.typeOf(f.from).refsAt)), f.next == 1
		}
	}
	if f.next >= h.Len(f.from) {
		return 0, false
	}
	f.next++
	return h.Get(f.from, f.next-1), true
}

// dictChild is child of a dict: of each entry the value and then the key.
func (c *copier) dictChild(f *copying) (o Ref, more bool) {
	if f.half == halfKey {
		return f.key, true
	}
	k, v, ok := c.h.DictNext(f.from, &f.next)
	if !ok {
		return 0, false
	}
	c.h.Incref(k)
	f.key, f.half = k, halfValue
	return v, true
}

// giveDict is give to a dict.
func (c *copier) giveDict(f *copying, y Ref) error {
	if f.half == halfValue {
		f.held, f.half = y, halfKey
		return nil
	}
	h := c.h
	ok := h.DictSet(f.to, y, f.held)
	h.Decref(f.held)
	h.Decref(f.key)
	h.Decref(y)
	f.held, f.key, f.half = 0, 0, halfNone
	if !ok {
		return ErrNoMemory
	}
	return nil
}

// give hands the copy of a reference, with the one to it, to the object that is under way.
func (c *copier) give(f *copying, y Ref) error {
	h, ok := c.h, true
	switch f.from.kind() {
	case KindList:
		ok = h.Push(f.to, y)
	case KindDict:
		return c.giveDict(f, y)
	case KindInstance, KindSlotted:
		if h.prof.Values == InDict && f.from.kind() == KindInstance {
			ok = c.pour(y, f.to) == nil
		} else {
			h.SetItem(f.to, f.next-1, y)
		}
	default:
		c.parts = append(c.parts, y)
		return nil
	}
	h.Decref(y)
	if !ok {
		return ErrNoMemory
	}
	return nil
}

// pour sets the attributes of an instance to the values of the copy of a dict.
func (c *copier) pour(dict, o Ref) error {
	if dict == 0 { // of one that was cleared
		return nil
	}
	return c.h.DictUpdate(Ref(o.load(c.h.typeOf(o).refsAt)), dict)
}

// end returns the copy of an object whose references are all copied.
func (c *copier) end(f *copying) (Ref, error) {
	h := c.h
	if f.to != 0 {
		h.Incref(f.to)
		return f.to, nil
	}
	delete(c.busy, f.from)
	parts := c.parts[f.base:]
	y, known := c.build(f.from, parts)
	if y == 0 {
		return 0, ErrNoMemory
	}
	for _, part := range parts {
		h.Decref(part)
	}
	c.parts = c.parts[:f.base]
	if !known {
		c.note(f.from, y)
	}
	h.Incref(y)
	return y, nil
}

// build makes an object of its parts. One that is there already needs no note, and its reference is borrowed.
func (c *copier) build(o Ref, parts []Ref) (y Ref, known bool) {
	h := c.h
	switch o.kind() {
	case KindTuple:
		if y, ok := c.copies[o]; ok {
			return y, true
		}
		for i, part := range parts {
			if part != h.Get(o, i) {
				return h.NewTuple(parts...), false
			}
		}
		c.same[o] = true
		return o, true
	case KindSet:
		y = h.NewSet(parts...)
	case KindFrozenset:
		if y = h.NewFrozenset(parts...); y == o { // the empty one, of which there is one (up to 3.9)
			h.Decref(y)
			return o, true
		}
	case KindSlice:
		y = h.NewSlice(parts[0], parts[1], parts[2])
	case KindMethod:
		y = h.NewMethod(h.Get(o, MethodFunction), parts[0])
	}
	return y, false
}
