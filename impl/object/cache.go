package object

import "heapfuzz/impl/page"

// The small ints that are one object each (up to 3.14).
const (
	intCachedMin = -5
	intCachedMax = 256
)

// A cache holds the objects of which there is one: they are made when they are first asked for and stay as long as the
// heap. A program does not see that CPython makes them when it starts; it sees addresses only. Each is an atom, or
// empty, and one block.
type cache struct {
	none           Ref
	bools          [2]Ref
	ints           [intCachedMax - intCachedMin + 1]Ref
	noStr          Ref
	chars          [256]Ref // strings of one Latin-1 character
	noBytes        Ref
	bytes          [256]Ref
	noTuple        Ref
	noFrozen       Ref // up to 3.9
	count, forever int // cached objects; interned strings that are kept for ever (3.12)
}

// cacheAs stores a new object in its place in the cache, with the count that it has if nobody refers to it.
func (h *Heap) cacheAs(slot *Ref, o Ref, count int) {
	if o == 0 {
		return
	}
	*slot = o
	h.cached.count++
	h.seen[atomMade]++
	h.setCached(o, count)
}

// setCached takes an object out of those that programs make and let go.
func (h *Heap) setCached(o Ref, count int) {
	h.live--
	o.store(offType, o.word()|flagCached)
	o.store(offCount, uintptr(count))
}

// each calls visit for each cached object that was asked for.
func (c *cache) each(visit func(Ref)) {
	singles := [...]Ref{c.none, c.noStr, c.noBytes, c.noTuple, c.noFrozen}
	for _, all := range [...][]Ref{singles[:], c.bools[:], c.ints[:], c.chars[:], c.bytes[:]} {
		for _, o := range all {
			if o != 0 {
				visit(o)
			}
		}
	}
}

// Cached is how many objects the heap keeps for ever. Each is one block of memory; what they are is in the essay.
func (h *Heap) Cached() int { return h.cached.count + h.cached.forever }

// IsCached tells whether the heap keeps an object for ever.
func (h *Heap) IsCached(o Ref) bool { return o.isCached() }

// plainCount is the count of a cached None, True or False that nobody refers to.
func (h *Heap) plainCount() int {
	if h.prof.Immortal {
		return ImmortalCount
	}
	return 1
}

// None returns the object None, or 0 if there is no memory. A slot that holds 0 reads as None to a program; this is for
// those who want its size or its count, or to store it where it counts.
func (h *Heap) None() Ref {
	if h.cached.none == 0 {
		h.cacheAs(&h.cached.none, h.alloc(typeNoneType, 0), h.plainCount())
	}
	h.Incref(h.cached.none)
	return h.cached.none
}

// Bool returns True or False, or 0 if there is no memory.
func (h *Heap) Bool(b bool) Ref {
	v := int64(0)
	if b {
		v = 1
	}
	slot := &h.cached.bools[v]
	if *slot == 0 {
		h.cacheAs(slot, h.makeInt(typeBool, v), h.plainCount())
	}
	h.Incref(*slot)
	return *slot
}

// emptyOf returns the cached empty container of a type. It is never tracked, and the collector does
// not count it, because an interpreter has it from the start.
func (h *Heap) emptyOf(slot *Ref, id TypeID) Ref {
	if *slot == 0 {
		fresh, limit := h.Fresh, h.Limit
		h.Limit = int(^uint(0) >> 1)
		o := h.alloc(id, 0)
		h.Fresh, h.Limit = fresh, limit
		if o != 0 && id == typeFrozenset {
			setInit(o)
		}
		h.cacheAs(slot, o, h.prof.CacheCount)
	} else {
		h.seen[emptyShared]++
	}
	h.Incref(*slot)
	return *slot
}

// An internTable holds the interned strings: open addressing, linear probing, at most three quarters full. Its
// references are not counted; a string that dies takes itself out.
type internTable struct {
	table uintptr // block of Refs, or 0
	slots uintptr // a power of two
	used  uintptr
}

const internedSlotsMin = 16

// Intern returns the one interned string that says s, which is made if it is not there, or 0 if there is no memory. If
// it is the table that there is no memory for, the string is an ordinary one.
func (h *Heap) Intern(s string) Ref {
	o := h.NewStr(s)
	if o == 0 {
		return 0
	}
	return h.InternStr(o)
}

// InternStr returns the interned string that says what o says: o itself if there was none, and Intern says the rest. It
// takes the reference to o, and that to the string is the caller's.
func (h *Heap) InternStr(o Ref) Ref {
	if at := h.lookup(o); at != 0 && page.Load(at) != 0 {
		h.seen[nameMet]++
		found := Ref(page.Load(at))
		h.Incref(found)
		h.Decref(o)
		return found
	}
	if !h.internedRoom() {
		h.seen[nameLost]++
		return o
	}
	h.seen[nameNew]++
	page.Store(h.lookup(o), uintptr(o))
	h.interned.used++
	o.store(offType, o.word()|flagInterned)
	if h.prof.InternForever && !o.isCached() {
		h.cached.forever++
		h.setCached(o, ImmortalCount)
	}
	return o
}

// Const returns a string as a constant in code is: interned if it looks like a name.
func (h *Heap) Const(s string) Ref {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_':
		default:
			return h.NewStr(s)
		}
	}
	return h.Intern(s)
}

// IsInterned tells whether a string is in the table.
func (h *Heap) IsInterned(o Ref) bool { return o.word()&flagInterned != 0 }

// lookup returns the address of the place of a string in the table: that of an equal one, or an empty one; 0 without a
// table.
func (h *Heap) lookup(o Ref) uintptr {
	t := &h.interned
	if t.table == 0 {
		return 0
	}
	for i := h.hash(o); ; i++ {
		at := t.table + i&(t.slots-1)*8
		if x := Ref(page.Load(at)); x == 0 || x == o || h.sameText(x, o) {
			return at
		}
	}
}

// internedRoom makes sure that one more string fits.
func (h *Heap) internedRoom() bool {
	t := &h.interned
	if 4*(t.used+1) <= 3*t.slots {
		return true
	}
	old := *t
	slots := max(2*old.slots, internedSlotsMin)
	table := h.allocBlock(slots * 8)
	if table == 0 {
		return false
	}
	h.seen[namesGrown]++
	clear(page.View(table, slots*8))
	t.table, t.slots = table, slots
	for i := range old.slots {
		if x := page.Load(old.table + i*8); x != 0 {
			page.Store(h.lookup(Ref(x)), x)
		}
	}
	h.freeBlock(old.table) // if there was one
	return true
}

// forget takes a string out of the table, and moves those behind it up that would not be found over the gap. An empty
// table goes.
func (h *Heap) forget(o Ref) {
	t := &h.interned
	mask := t.slots - 1
	gap := (h.lookup(o) - t.table) / 8
	page.Store(t.table+gap*8, 0)
	t.used--
	h.seen[nameDied]++
	if t.used == 0 {
		h.seen[namesGone]++
		h.freeBlock(t.table)
		t.table, t.slots = 0, 0
		return
	}
	for i := (gap + 1) & mask; ; i = (i + 1) & mask {
		x := Ref(page.Load(t.table + i*8))
		if x == 0 {
			return
		}
		if home := h.hash(x) & mask; (i-home)&mask >= (i-gap)&mask {
			page.Store(t.table+gap*8, uintptr(x))
			page.Store(t.table+i*8, 0)
			gap = i
		}
	}
}
