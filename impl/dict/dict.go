package dict

import (
	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/page"
)

// A Dict is the address of a dict's body, behind the header of its object.
//
//	0   live entries
//	8   version (2.7: slots that are not empty)
//	16  address of the keys (2.7: of the slots)
//	24  address of the values of a split dict, or 0 (2.7: slots less one)
//	32  2.7: a word without a meaning, where C has the address of a lookup function, and then 8 slots
type Dict uintptr

const (
	dictUsed    = 0
	dictVersion = 8
	dictKeys    = 16
	dictValues  = 24
)

// Len is the number of live entries.
func (d Dict) Len() int { return int(page.Load(uintptr(d) + dictUsed)) }

// Version is the version tag (PEP 509); 2.7 has none.
func (d Dict) Version() uint64 { return uint64(page.Load(uintptr(d) + dictVersion)) }

func (d Dict) keys() keys          { return keys(page.Load(uintptr(d) + dictKeys)) }
func (d Dict) values() uintptr     { return page.Load(uintptr(d) + dictValues) }
func (d Dict) setLen(n int)        { page.Store(uintptr(d)+dictUsed, uintptr(n)) }
func (d Dict) setKeys(k keys)      { page.Store(uintptr(d)+dictKeys, uintptr(k)) }
func (d Dict) setValues(v uintptr) { page.Store(uintptr(d)+dictValues, v) }

// Get returns the value of a key, and whether there is one. An error is one of Hooks.
func (s *Space) Get(d Dict, key Word) (Word, bool, error) {
	if key.IsInt() && !s.old {
		if k := d.keys(); k.stride() == wide {
			ix, _ := s.seekInt(k, key, HashInt(key.Int()))
			if ix >= 0 {
				return s.valueOf(d, k, ix)
			}
			if ix == absent {
				return 0, false, nil
			}
		}
	}
	return s.getAny(d, key)
}

func (s *Space) getAny(d Dict, key Word) (Word, bool, error) {
	hash, err := s.hash(key)
	if err != nil {
		return 0, false, err
	}
	if s.old {
		at, err := s.seekOld(d, key, hash)
		if err != nil {
			return 0, false, err
		}
		v := valueAt(at)
		return v, v != 0, nil
	}
	ix, _, err := s.seek(d, key, hash)
	if ix < 0 {
		return 0, false, err
	}
	return s.valueOf(d, d.keys(), ix)
}

// valueOf is the value of entry ix, which an instance may not have.
func (s *Space) valueOf(d Dict, k keys, ix int) (Word, bool, error) {
	var v Word
	if at := d.values(); at != 0 {
		v = Word(page.Load(at + 8*uintptr(ix)))
	} else {
		v = valueAt(s.cell(k, ix))
	}
	return v, v != 0, nil
}

// Set stores a value. It fails without a change if there is no memory or a hook fails (but 2.7 stores before it grows,
// and fails when it cannot).
func (s *Space) Set(d Dict, key, value Word) error {
	if invariant.Enabled {
		invariant.Assert(key != 0 && value != 0, "dict/word")
	}
	if key.IsInt() && d.values() == 0 { // it is not 0 in 2.7
		if k := d.keys(); k.stride() == wide {
			hash := HashInt(key.Int())
			ix, slot := s.seekInt(k, key, hash)
			if ix >= 0 {
				s.replace(d, s.cells(k)+uintptr(ix)*wide+8, key, value)
				return nil
			}
			if n := k.usable(); ix == absent && n > 0 {
				s.append(d, k, slot, n, key, hash, value)
				return nil
			}
		}
	}
	hash, err := s.hash(key)
	if err != nil {
		return err
	}
	return s.insert(d, key, hash, value)
}

// replace writes a value over the one at an address. The old one is let go when all is as it shall be, because that may
// run anything (issue 22653).
func (s *Space) replace(d Dict, at uintptr, key, value Word) {
	s.track(d, key, value)
	old := Word(page.Load(at))
	s.take(value)
	page.Store(at, uintptr(value))
	if old != value || s.prof.SameBumps {
		s.bump(d)
	}
	s.drop(old)
}

// append enters a new key into a combined table with n > 0 usable entries, at a slot that is not live.
func (s *Space) append(d Dict, k keys, slot uintptr, n int, key Word, hash int64, value Word) {
	s.track(d, key, value)
	s.take(key)
	s.take(value)
	ix := k.count()
	s.setSlot(k, slot, ix)
	stride := k.stride()
	c := s.cells(k) + uintptr(ix)*stride
	if stride == wide {
		page.Store(c-8, uintptr(hash))
		if !key.IsStr() {
			k.setKind(kindGeneral)
		}
	}
	page.Store(c, uintptr(key))
	page.Store(c+8, uintptr(value))
	d.setLen(d.Len() + 1)
	k.setUsable(n - 1)
	k.setCount(ix + 1)
	s.bump(d)
}

// insert is Set with the hash at hand (insertdict).
func (s *Space) insert(d Dict, key Word, hash int64, value Word) error {
	if s.old {
		return s.insertOld(d, key, hash, value, true)
	}
	if err := s.prepare(d, key); err != nil {
		return err
	}
	ix, slot, err := s.seek(d, key, hash)
	if err != nil {
		return err
	}
	if d.values() != 0 {
		return s.insertSplit(d, ix, slot, key, hash, value)
	}
	k := d.keys()
	if ix >= 0 {
		s.replace(d, s.cell(k, ix)+8, key, value)
		return nil
	}
	return s.insertNew(d, slot, key, hash, value)
}

// prepare makes the table of d one that can hold the key: empty keys become one of 8 slots, a table of strings becomes
// one of all keys for what is no string, which counts as growth, and so does a split one.
func (s *Space) prepare(d Dict, key Word) error {
	k := d.keys()
	switch {
	case k == s.empty:
		return s.resize(d, logMin, key.IsStr())
	case key.IsStr():
	case k.stride() == narrow, d.values() != 0:
		return s.resize(d, s.growth(d), false)
	}
	return nil
}

// insertNew enters a key that is not in the combined table of d, whose first slot that is not live is known. A full
// table grows first; then the slot is another. So does one of strings, which a key that is none only finds if its
// comparison has cleared the dict after prepare: CPython from 3.11 on then writes it into a table without hashes
// (gh-140551).
func (s *Space) insertNew(d Dict, slot uintptr, key Word, hash int64, value Word) error {
	k := d.keys()
	if k.usable() <= 0 || k.stride() == narrow && !key.IsStr() {
		if err := s.resize(d, s.growth(d), key.IsStr()); err != nil {
			return err
		}
		k = d.keys()
		slot = s.freeSlot(k, hash)
	}
	s.append(d, k, slot, k.usable(), key, hash, value)
	return nil
}

// Delete takes a key away, and reports whether it was there.
func (s *Space) Delete(d Dict, key Word) (bool, error) {
	if key.IsInt() && d.values() == 0 { // it is not 0 in 2.7
		if k := d.keys(); k.stride() == wide {
			ix, slot := s.seekInt(k, key, HashInt(key.Int()))
			if ix >= 0 {
				c := s.cells(k) + uintptr(ix)*wide
				v := valueAt(c)
				s.bury(d, k, slot, c)
				s.drop(v)
				return true, nil
			}
			if ix == absent {
				return false, nil
			}
		}
	}
	v, ok, err := s.remove(d, key)
	if ok {
		s.drop(v)
	}
	return ok, err
}

// Pop takes a key away and returns its value, with the reference that the dict had, and whether it was there. The hash
// of the key is not asked for if the dict is empty.
func (s *Space) Pop(d Dict, key Word) (Word, bool, error) {
	if d.Len() == 0 {
		return 0, false, nil
	}
	return s.remove(d, key)
}

// remove takes a key out and lets go of it, and hands over its value.
func (s *Space) remove(d Dict, key Word) (Word, bool, error) {
	hash, err := s.hash(key)
	if err != nil {
		return 0, false, err
	}
	if s.old {
		return s.removeOld(d, key, hash)
	}
	ix, slot, err := s.seek(d, key, hash)
	if ix < 0 {
		return 0, false, err
	}
	if d.values() != 0 {
		v, ok, err := s.removeSplit(d, ix)
		if err != nil || !ok || s.prof.Inline {
			return v, ok, err
		}
		if ix, slot, err = s.seek(d, key, hash); ix < 0 { // in the combined table, up to 3.10
			return 0, false, err
		}
	}
	k := d.keys()
	c := s.cell(k, ix)
	w, v := keyAt(c), valueAt(c)
	s.bury(d, k, slot, c)
	s.drop(w)
	return v, true, nil
}

// bury makes a slot a dummy and its entry a dead one. Nothing shrinks, and the entry cannot be used again: the dummy
// keeps the paths of other keys whole.
func (s *Space) bury(d Dict, k keys, slot, cell uintptr) {
	s.setSlot(k, slot, slotDummy)
	if !s.prof.StrTables && k.kind() == kindStr {
		k.setKind(kindStrDummy)
	}
	page.Store(cell, 0)
	page.Store(cell+8, 0)
	d.setLen(d.Len() - 1)
	s.bump(d)
}

// PopItem takes the last entry away and returns it, with the references that the dict had. The entry itself is given
// back, but not the room for it.
func (s *Space) PopItem(d Dict) (key, value Word, err error) {
	if d.Len() == 0 {
		return 0, 0, ErrEmpty
	}
	if s.old {
		key, value = s.popItemOld(d)
		return key, value, nil
	}
	if d.values() != 0 {
		if err := s.resize(d, d.keys().log2(), true); err != nil {
			return 0, 0, err
		}
	}
	k := d.keys()
	stride := k.stride()
	ix := k.count() - 1
	c := s.cell(k, ix)
	for keyAt(c) == 0 {
		ix--
		c -= stride
	}
	key, value = keyAt(c), valueAt(c)
	s.bury(d, k, s.slotOfEntry(k, hashAt(c, stride), ix), c)
	k.setCount(ix)
	return key, value, nil
}

// SetDefault returns the value of a key, which is the one given if there was none, or 0 and why it is not stored.
func (s *Space) SetDefault(d Dict, key, value Word) (Word, error) {
	hash, err := s.hash(key)
	if err != nil {
		return 0, err
	}
	if s.old {
		return s.setDefaultOld(d, key, hash, value)
	}
	if err := s.prepare(d, key); err != nil {
		return 0, err
	}
	ix, slot, err := s.seek(d, key, hash)
	if err != nil {
		return 0, err
	}
	if ix >= 0 {
		if v, ok, _ := s.valueOf(d, d.keys(), ix); ok {
			return v, nil
		}
	}
	if d.values() != 0 {
		err = s.insertSplit(d, ix, slot, key, hash, value)
	} else {
		err = s.insertNew(d, slot, key, hash, value)
	}
	if err != nil {
		return 0, err
	}
	return value, nil
}

// Clear makes a dict empty: it gets the shared empty keys, and lets go of what it held when it has them.
func (s *Space) Clear(d Dict) {
	if s.old {
		s.clearOld(d)
		return
	}
	k, v := d.keys(), d.values()
	if k == s.empty && v == 0 {
		return
	}
	if v != 0 && s.embedded(v) {
		s.clearSplit(d)
		return
	}
	d.setKeys(s.empty)
	d.setValues(0)
	d.setLen(0)
	s.bump(d)
	if v != 0 {
		s.dropValues(v, k)
	}
	s.dropKeys(k)
}

// Size is sys.getsizeof: the dict with its heads, its values if it is split, and its keys if they are its own.
func (s *Space) Size(d Dict) int {
	n := s.front() + s.BodyBytes()
	if s.old {
		if mask := d.oldMask(); d.oldTable() != d.smallTable() {
			n += oldSlot * (mask + 1)
		}
		return int(n)
	}
	k := d.keys()
	if k == s.empty {
		return int(n)
	}
	if d.values() != 0 {
		n += 8 * uintptr(s.room(k))
	}
	if k.refs() == 1 {
		n += s.bytesOf(k)
	}
	return int(n)
}
