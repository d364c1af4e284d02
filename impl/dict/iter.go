package dict

// An Iter walks over the entries of a dict in the order of insertion, or from the last to the first. It is a value of
// the caller's; as many as wanted may walk at the same time. The dict must live as long as they do.
type Iter struct {
	d       Dict // 0: it has come to its end
	used    int  // the length that the dict must have; -1: it had another one once
	pos     int
	left    int // how many entries it still expects to yield
	reverse bool
}

// Iter starts at the first entry.
func (s *Space) Iter(d Dict) Iter { return Iter{d: d, used: d.Len(), left: d.Len()} }

// Reversed starts at the last entry. CPython has it from 3.8 on; 2.7's dict has no order, and no last entry here.
func (s *Space) Reversed(d Dict) Iter {
	it := s.Iter(d)
	it.reverse = true
	if s.old {
		it.d = 0
		return it
	}
	it.pos = d.keys().count() - 1
	if d.values() != 0 {
		it.pos = d.Len() - 1
	}
	return it
}

// Left is what __length_hint__ says: how many entries are to come, or 0 if the dict has another length. An iterator
// that met more entries than there were makes it a number near 2^64, as in C, which a real one says aloud up to 3.7.
func (it *Iter) Left() uint64 {
	if it.d != 0 && it.used == it.d.Len() {
		return uint64(it.left)
	}
	return 0
}

// Next returns the next entry and true, or false at the end. ErrSize says that the dict has another length than at the
// start, again and again; ErrKeys, once, that there are more entries than there were: keys came in the place of others.
// A key that is deleted and inserted again between two steps may go unseen. The caller gets no reference of its own.
func (s *Space) Next(it *Iter) (key, value Word, ok bool, err error) {
	if d := it.d; d != 0 && it.used == d.Len() && it.left > 0 && !it.reverse && !s.old && d.values() == 0 {
		k := d.keys()
		stride, n := k.stride(), k.count()
		c := s.cell(k, it.pos)
		for i := it.pos; i < n; i++ {
			if key = keyAt(c); key != 0 {
				it.pos = i + 1
				it.left--
				return key, valueAt(c), true, nil
			}
			c += stride
		}
	}
	return s.nextAny(it)
}

// nextAny is Next for all that is not an ordinary step over a combined table.
func (s *Space) nextAny(it *Iter) (key, value Word, ok bool, err error) {
	if it.d == 0 {
		return 0, 0, false, nil
	}
	if it.used != it.d.Len() {
		it.used = -1
		return 0, 0, false, ErrSize
	}
	var e entry
	if it.reverse {
		e, ok = s.entryBack(it.d, &it.pos)
	} else {
		e, ok = s.entry(it.d, &it.pos)
	}
	if !ok {
		it.d = 0
		return 0, 0, false, nil
	}
	if s.prof.LenCheck && !it.reverse && it.left == 0 {
		it.d = 0
		return 0, 0, false, ErrKeys
	}
	it.left--
	return e.key, e.value, true, nil
}

// entryBack returns the last live entry at or in front of *pos, and moves *pos in front of it. A table may have become
// shorter than *pos since; C then reads entries that were never used and finds nothing.
func (s *Space) entryBack(d Dict, pos *int) (e entry, ok bool) {
	at := *pos
	if d.values() != 0 { // and was at the begin, with as many values
		if at >= 0 {
			e, ok = s.entry(d, &at)
			*pos = at - 2
		}
		return e, ok
	}
	k := d.keys()
	for at = min(at, k.count()-1); at >= 0; at-- {
		if c := s.cell(k, at); keyAt(c) != 0 {
			*pos = at - 1
			return entry{keyAt(c), valueAt(c), hashAt(c, k.stride())}, true
		}
	}
	return e, false
}

// At returns the first entry at or behind *pos, and moves *pos behind it (PyDict_Next). A change of values does it no
// harm; after any other, *pos means nothing.
func (s *Space) At(d Dict, pos *int) (key, value Word, ok bool) {
	e, ok := s.entry(d, pos)
	return e.key, e.value, ok
}

// All calls f for every entry in order until it returns false. f must not change the dict.
func (s *Space) All(d Dict, f func(key, value Word) bool) {
	for pos := 0; ; {
		e, ok := s.entry(d, &pos)
		if !ok || !f(e.key, e.value) {
			return
		}
	}
}

// Walk says where the words are that dict_traverse visits, for who walks over memory: the first is at that address, and
// there are n of them. The next is step further, where step becomes step^alt with every word. A word may be 0, or, in
// 2.7, the dummy.
func (s *Space) Walk(d Dict) (at uintptr, n int, step, alt uintptr) {
	const word, back = 8, ^uintptr(7)
	if s.old {
		return oldCell(d.oldTable(), 0), 2 * (int(d.oldMask()) + 1), word, word ^ (oldSlot - word)
	}
	k := d.keys()
	if v := d.values(); v != 0 {
		return v, k.count(), word, 0
	}
	if k.kind() == kindGeneral {
		return s.cells(k) + word, 2 * k.count(), back, back ^ (wide + word)
	}
	return s.cells(k) + word, k.count(), k.stride(), 0
}

// Refs calls f for every word that d holds and that is no number, in the order in which dict_traverse visits them:
// entry by entry, the value and then the key; of a table of strings the values only, which for a split dict stand in
// the order of the class.
func (s *Space) Refs(d Dict, f func(w Word)) {
	visit := func(w Word) {
		if w != 0 && !w.IsInt() {
			f(w)
		}
	}
	if v := d.values(); v != 0 && !s.old {
		for i := range s.room(d.keys()) {
			visit(wordAt(v + 8*uintptr(i)))
		}
		return
	}
	plain := s.old || d.keys().kind() == kindGeneral
	for pos := 0; ; {
		e, ok := s.entry(d, &pos)
		if !ok {
			return
		}
		if s.old { // 2.7 visits the key first
			visit(e.key)
			visit(e.value)
			continue
		}
		visit(e.value)
		if plain {
			visit(e.key)
		}
	}
}
