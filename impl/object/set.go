package object

import "heapfuzz/impl/page"

// A set has a table of slots, a power of two, of 16 bytes each; the one of 8 is in the object. In C each slot is a key
// with its hash, and a set of objects that are hashed by their address is in the order of addresses, which no two runs
// share. Here the first half of a table is an index and the second the keys, one behind the other as they were added,
// so that the order is that of the program:
//
//	index (32 bits): hash | number of the key + 1   x slots        keys (64 bits)   x slots
//
// The bytes are CPython's, and so are the moments at which a table grows (Profile.SetLoad). A key that was taken out
// leaves a hole (0) and a number in the index that leads to it, a dummy; both are gone when the table is made anew.
//
// fill counts keys and holes, used the keys.
const (
	setFill  = offBody
	setUsed  = offBody + 8
	setMask  = offBody + 16
	setTable = offBody + 24
	setSmall = offBody + 48 // behind hash and finger
	setWeak  = setSmall + setSlotsMin*setSlotBytes
	setWords = (setWeak + 8 - offBody) / 8

	setSlotsMin  = 8
	setSlotBytes = 16
	setSlotsMax  = 1 << 31

	setLarge = 50_000 // above so many keys, tables grow by 2 and not by 4 (but see Config)
)

// setKeys is the address of the first key.
func setKeys(o Ref) uintptr { return o.load(setTable) + (o.load(setMask)+1)*8 }

// setInit makes a set empty, with the table in the object.
func setInit(o Ref) {
	small := uintptr(o) + setSmall
	clear(page.View(small, setSlotsMin*setSlotBytes))
	o.store(setFill, 0)
	o.store(setUsed, 0)
	o.store(setMask, setSlotsMin-1)
	o.store(setTable, small)
}

// NewSet returns a set to which the keys were added one by one, each with a reference of its own, or 0 if there is no
// memory.
func (h *Heap) NewSet(keys ...Ref) Ref { return h.newSet(typeSet, keys) }

// NewFrozenset is NewSet of a frozenset. Up to 3.9 the empty one is always the same object.
func (h *Heap) NewFrozenset(keys ...Ref) Ref {
	if len(keys) == 0 && h.prof.FrozenOnce {
		return h.emptyOf(&h.cached.noFrozen, typeFrozenset)
	}
	return h.newSet(typeFrozenset, keys)
}

// MakeFrozenset is PyFrozenSet_New, of which even an empty one is a new object.
func (h *Heap) MakeFrozenset(keys ...Ref) Ref { return h.newSet(typeFrozenset, keys) }

func (h *Heap) newSet(id TypeID, keys []Ref) Ref {
	o := h.alloc(id, 0)
	if o == 0 {
		return 0
	}
	setInit(o)
	h.track(o)
	for _, k := range keys {
		if !h.setAdd(o, k, h.hash(k)) {
			h.Decref(o)
			return 0
		}
	}
	return o
}

// NewSetFrom returns set(from), or frozenset(from), of a set: room is made once for all keys. A frozenset is its own,
// and the empty one is that of NewFrozenset. It returns 0 if there is no memory.
func (h *Heap) NewSetFrom(from Ref, frozen bool) Ref {
	id := typeSet
	switch {
	case frozen && from.kind() == KindFrozenset:
		h.Incref(from)
		return from
	case frozen && from.load(setUsed) == 0:
		return h.NewFrozenset()
	case frozen:
		id = typeFrozenset
	}
	o := h.newSet(id, nil)
	if o != 0 && !h.SetUpdate(o, from) {
		h.Decref(o)
		return 0
	}
	return o
}

// SetLiteral returns the set that a literal of constants makes, or 0 if there is no memory.
func (h *Heap) SetLiteral(keys ...Ref) Ref {
	if !h.prof.SetLiteral || len(keys) < 3 {
		return h.NewSet(keys...)
	}
	f := h.NewFrozenset(keys...)
	if f == 0 {
		return 0
	}
	o := h.NewSetFrom(f, false)
	h.Decref(f)
	return o
}

// SetAdd adds a key that is not there yet, with a reference of its own, and reports whether there was memory.
func (h *Heap) SetAdd(o, key Ref) bool { return h.setAdd(o, key, h.hash(key)) }

// full tells whether so many keys and holes are too many for the table.
func (h *Heap) full(o Ref, fill uintptr) bool {
	l := h.prof.SetLoad
	return l.Num*fill >= l.Den*(o.load(setMask)+l.Extra)
}

func (h *Heap) setAdd(o, key Ref, hash uintptr) bool {
	at, found := h.setFind(o, key, hash)
	if found {
		return true
	}
	// C adds first and grows then. Here the new table is there before the key is, so that nothing is to be undone.
	fill, used := o.load(setFill), o.load(setUsed)
	if h.full(o, fill+1) {
		if !h.setResize(o, h.growth(used+1)) {
			return false
		}
		at, _ = h.setFind(o, key, hash)
		fill = used
	}
	h.Incref(key)
	setPut(o, at, key, hash, fill)
	o.store(setFill, fill+1)
	o.store(setUsed, used+1)
	return true
}

// growth is for how many keys a table is made that so many have filled.
func (h *Heap) growth(used uintptr) uintptr {
	if used > h.setLarge {
		return used * 2
	}
	return used * 4
}

// setPut writes key number n into a table, and its place in the index, which is at.
func setPut(o Ref, at uintptr, key Ref, hash, n uintptr) {
	page.Store(setKeys(o)+n*8, uintptr(key))
	page.Store32(at, uint32(hash))
	page.Store32(at+4, uint32(n)+1)
}

// setFind returns the place of a key in the index, or the empty one where it belongs.
func (h *Heap) setFind(o, key Ref, hash uintptr) (at uintptr, found bool) {
	table, mask, keys := o.load(setTable), o.load(setMask), setKeys(o)
	for i := hash & mask; ; i = (i + 1) & mask {
		at = table + i*8
		n := page.Load32(at + 4)
		if n == 0 {
			return at, false
		}
		if page.Load32(at) == uint32(hash) {
			if k := Ref(page.Load(keys + uintptr(n-1)*8)); k != 0 && h.same(k, key) {
				return at, true
			}
		}
	}
}

// setResize moves the keys to a table of more slots than n, the smallest there is. It reports whether there was memory.
func (h *Heap) setResize(o Ref, n uintptr) bool {
	slots := uintptr(setSlotsMin)
	for slots <= n {
		slots *= 2
	}
	if slots > setSlotsMax {
		return false
	}
	old, oldKeys, fill, used := o.load(setTable), setKeys(o), o.load(setFill), o.load(setUsed)
	small := uintptr(o) + setSmall
	table := small
	if slots > setSlotsMin {
		if table = h.allocBlock(slots * setSlotBytes); table == 0 {
			h.seen[setRefused]++
			return false
		}
	}
	h.seen[tableOf(o.load(setMask)+1, slots)]++
	var few [setSlotsMin]Ref // the keys of the small table, which may be the new one as well
	if old == small {
		for i := range fill {
			few[i] = Ref(page.Load(oldKeys + i*8))
		}
	}
	clear(page.View(table, slots*setSlotBytes))
	o.store(setTable, table)
	o.store(setMask, slots-1)
	o.store(setFill, used)
	n = 0
	for i := range fill {
		var k Ref
		if old == small {
			k = few[i]
		} else {
			k = Ref(page.Load(oldKeys + i*8))
		}
		if k != 0 {
			hash := h.hash(k)
			setPut(o, setGap(o, hash), k, hash, n)
			n++
		}
	}
	if old != small {
		h.freeBlock(old)
	}
	return true
}

// setGap returns the empty place in the index where a key belongs that is not in the table.
func setGap(o Ref, hash uintptr) uintptr {
	table, mask := o.load(setTable), o.load(setMask)
	for i := hash & mask; ; i = (i + 1) & mask {
		if at := table + i*8; page.Load32(at+4) == 0 {
			return at
		}
	}
}

// SetHas tells whether a key is in a set.
func (h *Heap) SetHas(o, key Ref) bool {
	_, found := h.setFind(o, key, h.hash(key))
	return found
}

// SetDiscard takes a key out of a set and reports whether it was there. A set never shrinks by it.
func (h *Heap) SetDiscard(o, key Ref) bool {
	at, found := h.setFind(o, key, h.hash(key))
	if !found {
		return false
	}
	h.seen[setHole]++
	slot := setKeys(o) + uintptr(page.Load32(at+4)-1)*8
	o.store(setUsed, o.load(setUsed)-1)
	h.take(slot)
	return true
}

// SetUpdate adds all keys of another set and reports whether there was memory. Room for all of them is made at once if
// the table might not do.
func (h *Heap) SetUpdate(o, from Ref) bool {
	if h.full(o, o.load(setFill)+from.load(setUsed)) &&
		!h.setResize(o, (o.load(setUsed)+from.load(setUsed))*2) {
		return false
	}
	for i := uintptr(0); i < from.load(setFill); i++ {
		k := Ref(page.Load(setKeys(from) + i*8))
		if k != 0 && !h.setAdd(o, k, h.hash(k)) {
			return false
		}
	}
	return true
}

// SetClear makes a set empty. Its table is the small one again before the first key dies.
func (h *Heap) SetClear(o Ref) {
	small := uintptr(o) + setSmall
	table, keys, fill := o.load(setTable), setKeys(o), o.load(setFill)
	var few [setSlotsMin]Ref
	if table == small {
		for i := range fill {
			few[i] = Ref(page.Load(keys + i*8))
		}
	}
	setInit(o)
	if table == small {
		for _, k := range few[:fill] {
			h.Decref(k)
		}
		return
	}
	h.dropSet(small, table, keys, fill)
}

// dropSet lets the keys of a table go, and then the table.
func (h *Heap) dropSet(small, table, keys, fill uintptr) {
	for i := range fill {
		h.Decref(Ref(page.Load(keys + i*8)))
	}
	if table != small {
		h.freeBlock(table)
	}
}

// hash is the hash of a key: of an atom what it says, of a tuple what is in it, of any other object its address, which
// nobody sees, because the order of keys does not follow from it.
func (h *Heap) hash(o Ref) uintptr {
	const prime = 0x9E3779B97F4A7C15
	if o == 0 {
		return prime
	}
	n := uintptr(0)
	switch o.kind() {
	case KindBool, KindInt:
		if n = o.load(intSize) * 31; !h.isPlain(o) {
			for i := range uintptr(h.digits(o)) {
				n = n*prime + uintptr(page.Load32(uintptr(o)+intDigits+i*4))
			}
		}
	case KindFloat:
		n = o.load(floatBits)
	case KindComplex:
		n = o.load(floatBits)*31 + o.load(floatBits+8)
	case KindStr, KindBytes:
		n = 14695981039346656037 // FNV-1a
		for _, c := range h.characters(o) {
			n = (n ^ uintptr(c)) * 1099511628211
		}
	case KindTuple:
		for i := range o.load(tupleSize) {
			n = n*31 + h.hash(Ref(o.load(tupleItems+i*8)))
		}
	default:
		n = uintptr(o-h.hole) >> 4 // in one arena, the same in every run
	}
	n *= prime
	return (n ^ n>>32) & h.hashMask
}
