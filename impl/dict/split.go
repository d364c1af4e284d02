package dict

import "heapfuzz/impl/page"

// The dicts of the instances of a class share its keys and have values of their own, at the same numbers (PEP 412).
//
// Up to 3.10 the values are an array as long as there are usable entries, and dense: who would have a hole, or its
// attributes in another order than the class, gets a table of its own, as does who deletes. From 3.11 on a list of
// bytes gives the order, so that holes do no harm:
//
//	3.11  | ... 2nd 1st | number | bytes in front | value 0 | value 1 | ...
//	3.13                | room, number, embedded  | value 0 | value 1 | ... | 1st 2nd ...
//
// There the address of the values is that of value 0. In C it is that of the word before from 3.13 on.

// A Class has the keys that its instances share. The zero Class has none.
type Class struct{ keys keys }

// Shares tells whether the class has keys that its instances share.
func (c *Class) Shares() bool { return c.keys != 0 }

// NewClass makes the keys of a class (_PyDict_NewKeysForClass). From 3.13 on it has those that are named in
// `__static_attributes__` from the begin; attrs are these, and strings. Without memory the class has no keys.
func (s *Space) NewClass(attrs ...Word) Class {
	log2 := uint8(logMin)
	if s.prof.Inline {
		log2 = sharedLog
	}
	if s.old {
		return Class{}
	}
	k := s.newKeys(log2, true)
	if k == 0 {
		return Class{}
	}
	k.setKind(kindSplit)
	if s.prof.Inline {
		k.setUsable(sharedMax)
	}
	if s.prof.Suffix {
		for _, a := range attrs {
			hash, _ := s.hash(a)
			if ix, slot := s.seekStr(k, a, hash); ix == absent && k.usable() > 0 {
				s.share(k, slot, a, hash)
			}
		}
	}
	return Class{k}
}

// NewShared makes the keys of a class whose instances have all these attributes from the start, which are strings: as
// many slots as the keys have grown to when the first instance is complete. Without memory the class has no keys. It is
// for up to 3.10; 2.7 has no shared keys.
func (s *Space) NewShared(attrs ...Word) Class {
	log2 := uint8(logMin)
	for usableOf(1<<log2) < len(attrs) {
		log2++
	}
	if s.old {
		return Class{}
	}
	k := s.newKeys(log2, true)
	if k == 0 {
		return Class{}
	}
	k.setKind(kindSplit)
	for _, a := range attrs {
		hash, _ := s.hash(a)
		s.share(k, s.freeSlot(k, hash), a, hash)
	}
	return Class{k}
}

// InitShared makes a body that somebody else keeps the dict of a new instance with the first n attributes of NewShared,
// which all have the value w, or reports that there is no memory.
func (s *Space) InitShared(d Dict, c *Class, n int, w Word) bool {
	k := c.keys
	v := s.newValues(s.room(k))
	if v == 0 {
		return false
	}
	k.setRefs(k.refs() + 1)
	s.setUp(d, k, v, n)
	for i := range n {
		s.take(w)
		page.Store(v+8*uintptr(i), uintptr(w))
	}
	return true
}

// Place returns the address of the value of a string's entry, or 0 if there is none. It is valid until a key comes or
// goes. Of a split dict whose keys begin as those of NewShared did, that of attribute i is Values(d) + 8*i.
func (s *Space) Place(d Dict, key Word) uintptr {
	hash, _ := s.hash(key)
	if s.old {
		if c, err := s.seekOld(d, key, hash); err == nil && valueAt(c) != 0 {
			return c + 8
		}
		return 0
	}
	ix, _, _ := s.seek(d, key, hash)
	if ix < 0 {
		return 0
	}
	at := s.cell(d.keys(), ix) + 8
	if v := d.values(); v != 0 {
		at = v + 8*uintptr(ix)
	}
	if page.Load(at) == 0 {
		return 0
	}
	return at
}

// Values is the address of the values of a split dict, or 0. It is 0 in 2.7.
func (s *Space) Values(d Dict) uintptr {
	if s.old {
		return 0
	}
	return d.values()
}

// FreeClass is the end of a class. The keys stay as long as dicts have them.
func (s *Space) FreeClass(c *Class) {
	if c.keys != 0 {
		s.dropKeys(c.keys)
		c.keys = 0
	}
}

// NewInstance makes the dict of a new instance, or returns 0. From 3.11 on every instance takes away room for one more
// shared key, while there is more than one.
func (s *Space) NewInstance(c *Class) Dict {
	k := c.keys
	if k == 0 {
		return s.New()
	}
	if n := k.usable(); s.prof.Inline && n > 1 {
		k.setUsable(n - 1)
	}
	v := s.newValues(s.room(k))
	if v == 0 {
		return 0
	}
	d := s.alloc()
	if d == 0 {
		s.freeValues(v)
		return 0
	}
	if s.prof.Suffix {
		page.View(v-8, 8)[2] = 1
	}
	k.setRefs(k.refs() + 1)
	s.setUp(d, k, v, 0)
	return d
}

// SetAttr is obj.key = value for an instance whose dict is d; the key is a string. Up to 3.10, an instance whose table
// had to become one of its own lends it to the class, if no other instance has the keys, and else the class loses its
// keys. In 3.13, values that are embedded in the object change without a new version of the dict, and without tracking
// it.
func (s *Space) SetAttr(c *Class, d Dict, key, value Word) error {
	k, v := c.keys, d.values()
	if !s.old && v != 0 && s.embedded(v) && s.setEmbedded(d, key, value) {
		return nil
	}
	shared := k != 0 && d.keys() == k
	if err := s.Set(d, key, value); err != nil || s.prof.Inline || !shared || d.keys() == k {
		return err
	}
	c.keys = 0
	var err error
	if k.refs() == 1 {
		c.keys, err = s.lend(d)
	}
	s.dropKeys(k)
	return err
}

// setEmbedded stores an embedded value, and reports whether the keys have it or had room for it.
func (s *Space) setEmbedded(d Dict, key, value Word) bool {
	k, v := d.keys(), d.values()
	hash, _ := s.hash(key)
	ix, slot := s.seekStr(k, key, hash)
	if ix == absent {
		if k.usable() <= 0 {
			return false
		}
		ix = k.count()
		s.share(k, slot, key, hash)
	}
	s.take(value)
	at := v + 8*uintptr(ix)
	old := wordAt(at)
	if old == 0 {
		s.put(d, v, ix, value)
		return true
	}
	page.Store(at, uintptr(value))
	s.drop(old)
	return true
}

// DelAttr is del obj.key, of a string, and reports whether it was there. Up to 3.10 the class loses its keys by it. In
// 3.13 a string that was not there becomes a shared key, because the search for embedded values is the one that
// inserts.
func (s *Space) DelAttr(c *Class, d Dict, key Word) (bool, error) {
	if s.old {
		return s.Delete(d, key)
	}
	v, version := d.values(), d.Version()
	if k := d.keys(); v != 0 && s.embedded(v) {
		hash, _ := s.hash(key)
		if ix, slot := s.seekStr(k, key, hash); ix == absent && k.usable() > 0 {
			s.share(k, slot, key, hash)
		}
	}
	ok, err := s.Delete(d, key)
	if v != 0 && d.values() == v && s.embedded(v) {
		page.Store(uintptr(d)+dictVersion, uintptr(version))
	}
	if !s.prof.Inline {
		s.FreeClass(c)
	}
	return ok, err
}

// lend makes the table of a combined dict one that is shared (make_keys_shared). It holds strings and has no dummies,
// since it was just built for an attribute.
func (s *Space) lend(d Dict) (keys, error) {
	k := d.keys()
	v := s.newValues(s.room(k))
	if v == 0 {
		return 0, ErrNoMemory
	}
	for i := range k.count() {
		c := s.cell(k, i)
		page.Store(v+8*uintptr(i), uintptr(valueAt(c)))
		page.Store(c+8, 0)
	}
	k.setKind(kindSplit)
	d.setValues(v)
	k.setRefs(k.refs() + 1)
	return k, nil
}

// room is how many values the dict of a new instance has.
func (s *Space) room(k keys) int {
	if s.prof.Inline {
		return k.count() + k.usable()
	}
	return usableOf(k.slots())
}

// newValues makes n values that are not there, or returns 0.
func (s *Space) newValues(n int) uintptr {
	size := 8 * uintptr(n)
	front := uintptr(0)
	switch {
	case s.prof.Suffix:
		front = 8
		size += front + (uintptr(n)+7)&^7
	case s.prof.Inline:
		front = (uintptr(n) + 2 + 7) &^ 7
		size += front
	}
	b := uintptr(s.mem.Alloc(size))
	if b == 0 {
		return 0
	}
	clear(page.View(b, size))
	v := b + front
	switch {
	case s.prof.Suffix:
		page.View(b, 8)[0] = byte(n)
	case s.prof.Inline:
		page.View(v-1, 1)[0] = byte(front)
	}
	return v
}

// freeValues gives values back that are accounted for.
func (s *Space) freeValues(v uintptr) { s.mem.Free(page.Pointer(s.valuesBlock(v))) }

// valuesBlock is the address of the block that values are in.
func (s *Space) valuesBlock(v uintptr) uintptr {
	switch {
	case s.prof.Suffix:
		return v - 8
	case s.prof.Inline:
		return v - uintptr(page.View(v-1, 1)[0])
	}
	return v
}

// dropValues lets go of values and gives them back.
func (s *Space) dropValues(v uintptr, k keys) {
	if s.hooks != nil {
		for i := range s.room(k) {
			if w := Word(page.Load(v + 8*uintptr(i))); w != 0 {
				s.drop(w)
			}
		}
	}
	s.freeValues(v)
}

// order is how many values the order list knows, and where the number of the i-th stands.
func (s *Space) order(v uintptr) (n *byte, at func(i int) *byte) {
	if s.prof.Suffix {
		head := page.View(v-8, 8)
		tail := page.View(v+8*uintptr(head[0]), uintptr(head[0]))
		return &head[1], func(i int) *byte { return &tail[i] }
	}
	front := uintptr(page.View(v-1, 1)[0])
	all := page.View(v-front, front)
	return &all[front-2], func(i int) *byte { return &all[front-3-uintptr(i)] }
}

// inOrder is the number of the i-th value in order.
func (s *Space) inOrder(v uintptr, i int) int {
	if !s.prof.Inline {
		return i
	}
	_, at := s.order(v)
	return int(*at(i))
}

// put makes value ix, which was not there, the last one.
func (s *Space) put(d Dict, v uintptr, ix int, value Word) {
	if s.prof.Inline {
		n, at := s.order(v)
		*at(int(*n)) = byte(ix)
		*n++
	}
	page.Store(v+8*uintptr(ix), uintptr(value))
	d.setLen(d.Len() + 1)
}

// share enters a new key into shared keys with a usable entry.
func (s *Space) share(k keys, slot uintptr, key Word, hash int64) {
	s.take(key)
	ix := k.count()
	s.setSlot(k, slot, ix)
	c := s.cell(k, ix)
	if k.stride() == wide {
		page.Store(c-8, uintptr(hash))
	}
	page.Store(c, uintptr(key))
	page.Store(c+8, 0)
	k.setUsable(k.usable() - 1)
	k.setCount(ix + 1)
}

// insertSplit stores a value in a split dict, where the search for the key ended at ix and slot.
func (s *Space) insertSplit(d Dict, ix int, slot uintptr, key Word, hash int64, value Word) error {
	k, v := d.keys(), d.values()
	has := ix >= 0 && page.Load(v+8*uintptr(ix)) != 0
	last := ix // the number that a new value has to have
	if ix < 0 {
		last = k.count()
	}
	switch {
	case has:
		s.replace(d, v+8*uintptr(ix), key, value)
		if s.prof.Suffix { // the same value again is a change too
			s.bump(d)
		}
		return nil
	case ix < 0 && k.usable() <= 0, !s.prof.Inline && d.Len() != last:
		if err := s.resize(d, s.growth(d), true); err != nil {
			return err
		}
		return s.insertNew(d, s.freeSlot(d.keys(), hash), key, hash, value)
	}
	s.track(d, key, value)
	if ix < 0 {
		ix = last
		s.share(k, slot, key, hash)
	}
	s.take(value)
	s.put(d, v, ix, value)
	s.bump(d)
	return nil
}

// removeSplit takes value ix of a split dict out, if it is there. Up to 3.10 the dict merely becomes a combined one,
// and the caller takes it out of that.
func (s *Space) removeSplit(d Dict, ix int) (Word, bool, error) {
	v := d.values()
	value := Word(page.Load(v + 8*uintptr(ix)))
	if value == 0 {
		return 0, false, nil
	}
	if !s.prof.Inline {
		err := s.resize(d, d.keys().log2(), true)
		return 0, err == nil, err
	}
	page.Store(v+8*uintptr(ix), 0)
	n, at := s.order(v)
	i := 0
	for int(*at(i)) != ix {
		i++
	}
	for *n--; i < int(*n); i++ {
		*at(i) = *at(i + 1)
	}
	d.setLen(d.Len() - 1)
	s.bump(d)
	return value, true, nil
}

// clearSplit empties the values of an instance in place, which it does when they are embedded in the object.
func (s *Space) clearSplit(d Dict) {
	v := d.values()
	n, at := s.order(v)
	var old [sharedMax]Word
	count := int(*n)
	for i := range count {
		place := v + 8*uintptr(*at(i))
		old[i] = Word(page.Load(place))
		page.Store(place, 0)
	}
	*n = 0
	d.setLen(0)
	s.bump(d)
	for _, w := range old[:count] {
		s.drop(w)
	}
}

// embedded tells whether the values of a split dict belong to the object (3.13).
func (s *Space) embedded(v uintptr) bool { return s.prof.Suffix && page.View(v-8, 8)[2] != 0 }

// moveSplit copies the keys and the values of a split dict to a new combined table, in order. The values are moved, the
// keys are owned once more.
func (s *Space) moveSplit(d Dict, to keys) {
	from, v := d.keys(), d.values()
	dst := s.cells(to)
	for i := range d.Len() {
		ix := s.inOrder(v, i)
		src := s.cell(from, ix)
		if to.stride() == wide {
			page.Store(dst-8, uintptr(hashAt(src, from.stride())))
		}
		s.take(keyAt(src))
		page.Store(dst, uintptr(keyAt(src)))
		page.Store(dst+8, page.Load(v+8*uintptr(ix)))
		dst += to.stride()
	}
}

// copySplit makes another dict with the same keys. In 3.6 they may be the shared empty ones; then the copy has values
// without room for one, and to clear it is a change.
func (s *Space) copySplit(d Dict) (Dict, error) {
	k, v := d.keys(), d.values()
	to := s.newValues(s.room(k))
	if to == 0 {
		return 0, ErrNoMemory
	}
	c := s.alloc()
	if c == 0 {
		s.freeValues(to)
		return 0, ErrNoMemory
	}
	if k != s.empty {
		k.setRefs(k.refs() + 1)
	}
	s.setUp(c, k, to, 0)
	for i := range d.Len() {
		ix := s.inOrder(v, i)
		w := Word(page.Load(v + 8*uintptr(ix)))
		s.take(w)
		s.put(c, to, ix, w)
	}
	s.trackLike(c, d)
	return c, nil
}
