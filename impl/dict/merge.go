package dict

import "heapfuzz/impl/page"

// An entry is a live one with its hash.
type entry struct {
	key, value Word
	hash       int64
}

// entry returns the first live entry of d at or behind *pos in the order of iteration, and moves *pos behind it.
func (s *Space) entry(d Dict, pos *int) (e entry, ok bool) {
	i := *pos
	if s.old {
		for mask := int(d.oldMask()); i <= mask; i++ {
			if c := oldCell(d.oldTable(), uintptr(i)); valueAt(c) != 0 {
				*pos = i + 1
				return entry{keyAt(c), valueAt(c), hashAt(c, oldSlot)}, true
			}
		}
		return e, false
	}
	k := d.keys()
	stride := k.stride()
	if v := d.values(); v != 0 {
		if i >= d.Len() {
			return e, false
		}
		*pos = i + 1
		ix := s.inOrder(v, i)
		c := s.cell(k, ix)
		return entry{keyAt(c), Word(page.Load(v + 8*uintptr(ix))), hashAt(c, stride)}, true
	}
	n := k.count()
	for c := s.cell(k, i); i < n; i++ {
		if w := keyAt(c); w != 0 {
			*pos = i + 1
			return entry{w, valueAt(c), hashAt(c, stride)}, true
		}
		c += stride
	}
	return e, false
}

// Copy returns a copy of d, as d.copy() does, or 0 and why there is none.
func (s *Space) Copy(d Dict) (Dict, error) {
	if !s.old {
		k := d.keys()
		switch {
		case s.prof.ClearSplit && k == s.empty:
			return s.copySplit(d)
		case s.prof.Clone && d.Len() == 0:
			return s.orNoMemory(s.New())
		case d.values() != 0:
			return s.copySplit(d)
		case s.prof.Clone && d.Len() >= k.count()*2/3:
			return s.clone(d)
		}
	}
	return s.mergeInto(s.New(), d)
}

// CallWith returns what dict(other) makes, or 0 and why there is none.
func (s *Space) CallWith(other Dict) (Dict, error) { return s.mergeInto(s.Call(), other) }

func (s *Space) orNoMemory(d Dict) (Dict, error) {
	if d == 0 {
		return 0, ErrNoMemory
	}
	return d, nil
}

// mergeInto fills a new dict.
func (s *Space) mergeInto(d, other Dict) (Dict, error) {
	if d == 0 {
		return 0, ErrNoMemory
	}
	if err := s.Merge(d, other, true); err != nil {
		s.Free(d)
		return 0, err
	}
	return d, nil
}

// clone copies a combined dict with its dummies and dead entries.
func (s *Space) clone(d Dict) (Dict, error) {
	k := s.cloneKeys(d.keys())
	if k == 0 {
		return 0, ErrNoMemory
	}
	c := s.alloc()
	if c == 0 {
		s.dropKeys(k)
		return 0, ErrNoMemory
	}
	s.setUp(c, k, 0, d.Len())
	s.trackLike(c, d)
	return c, nil
}

// cloneKeys copies a keys object, which never comes from the free list, and owns what is in it once more. What is
// behind the last entry means nothing and is not copied.
func (s *Space) cloneKeys(k keys) keys {
	n := s.bytesOf(k)
	to := s.allocKeys(n)
	if to == 0 {
		return 0
	}
	s.took[cloned]++
	n -= uintptr(usableOf(k.slots())-k.count()) * k.stride()
	copy(page.View(uintptr(to), n), page.View(uintptr(k), n))
	if s.hooks != nil {
		for i := range to.count() {
			if c := s.cell(to, i); keyAt(c) != 0 {
				s.take(keyAt(c))
				s.take(valueAt(c))
			}
		}
	}
	return to
}

// Update stores all entries of other, as d.update(other) and {**other} do.
func (s *Space) Update(d, other Dict) error { return s.Merge(d, other, true) }

// Merge stores the entries of other, or, without override, those whose keys d does not have. It resizes at most once,
// before the first entry. If it fails, the entries up to there are stored.
func (s *Space) Merge(d, other Dict, override bool) error {
	if d == other || other.Len() == 0 {
		return nil
	}
	override = override || d.Len() == 0
	if s.old {
		return s.mergeOld(d, other, override)
	}
	from := other.keys()
	if s.mayBecomeClone(d, other) {
		return s.becomeClone(d, other)
	}
	if usableOf(d.keys().slots()) < other.Len() {
		str := from.stride() == narrow
		if err := s.resize(d, s.estimate(d.Len()+other.Len()), str); err != nil {
			return err
		}
	}
	n := from.count()
	for pos := 0; ; {
		e, ok := s.entry(other, &pos)
		if !ok {
			return nil
		}
		if err := s.mergeOne(d, e, override); err != nil {
			return err
		}
		if other.keys().count() != n {
			return ErrMutated
		}
	}
}

// mayBecomeClone tells whether a merge clones the keys of other: nothing in d, nothing dead in other, and a table that
// is not larger than other needs. In 3.13 a split dict does not give up its values for that.
func (s *Space) mayBecomeClone(d, other Dict) bool {
	if !s.prof.MergeClone || d.Len() != 0 || other.values() != 0 || d.values() != 0 && s.prof.Suffix {
		return false
	}
	k := other.keys()
	return other.Len() == k.count() && (k.slots() == 8 || usableOf(k.slots()/2) < other.Len())
}

// mergeOne stores one entry, which is held meanwhile: the dict it comes from may lose it.
func (s *Space) mergeOne(d Dict, e entry, override bool) error {
	s.take(e.key)
	s.take(e.value)
	ix := absent
	var err error
	if !override {
		if ix, _, err = s.seek(d, e.key, e.hash); err == nil && ix >= 0 {
			if _, ok, _ := s.valueOf(d, d.keys(), ix); !ok {
				ix = absent
			}
		}
	}
	if err == nil && ix < 0 {
		err = s.insert(d, e.key, e.hash, e.value)
	}
	s.drop(e.key)
	s.drop(e.value)
	return err
}

// becomeClone gives an empty dict a clone of the keys of other.
func (s *Space) becomeClone(d, other Dict) error {
	k := s.cloneKeys(other.keys())
	if k == 0 {
		return ErrNoMemory
	}
	old, v := d.keys(), d.values()
	d.setKeys(k)
	d.setValues(0)
	d.setLen(other.Len())
	s.bump(d)
	if v != 0 {
		s.freeValues(v)
	}
	s.dropKeys(old)
	s.trackLike(d, other)
	return nil
}

// FromKeys returns what dict.fromkeys(other, value) makes, or 0 and why there is none.
func (s *Space) FromKeys(other Dict, value Word) (Dict, error) {
	d := s.Call()
	if d == 0 {
		return 0, ErrNoMemory
	}
	var err error
	if s.old {
		err = s.resizeOld(d, other.Len()/2*3)
	} else {
		err = s.resize(d, s.estimate(other.Len()), other.keys().stride() == narrow)
	}
	for pos := 0; err == nil; {
		e, ok := s.entry(other, &pos)
		if !ok {
			return d, nil
		}
		s.take(e.key)
		if s.old {
			err = s.insertOld(d, e.key, e.hash, value, false)
		} else {
			err = s.insert(d, e.key, e.hash, value)
		}
		s.drop(e.key)
	}
	s.Free(d)
	return 0, err
}

// Equal compares two dicts: as many entries, and for each key of a an equal value in b. Order means nothing.
func (s *Space) Equal(a, b Dict) (bool, error) {
	if a.Len() != b.Len() {
		return false, nil
	}
	for pos := 0; ; {
		e, ok := s.entry(a, &pos)
		if !ok {
			return true, nil
		}
		s.take(e.key)
		s.take(e.value)
		same, err := s.equalIn(b, e)
		s.drop(e.key)
		s.drop(e.value)
		if !same || err != nil {
			return false, err
		}
	}
}

// equalIn tells whether b has an entry with an equal value.
func (s *Space) equalIn(b Dict, e entry) (bool, error) {
	var v Word
	if s.old {
		c, err := s.seekOld(b, e.key, e.hash)
		if err != nil {
			return false, err
		}
		v = valueAt(c)
	} else {
		ix, _, err := s.seek(b, e.key, e.hash)
		if ix < 0 {
			return false, err
		}
		v, _, _ = s.valueOf(b, b.keys(), ix)
	}
	if v == 0 {
		return false, nil
	}
	s.take(v)
	same, err := s.equal(e.value, v)
	s.drop(v)
	return same, err
}
