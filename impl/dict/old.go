package dict

import (
	"math"

	"heapfuzz/impl/page"
)

// The dict of 2.7 is one table of slots (hash, key, value) with open addressing, first eight slots in the dict itself.
// A slot without a key is empty; one whose key is the dummy was live; a live one has a value. Its fields share their
// places with others: see Dict.

const (
	oldFill  = dictVersion
	oldTable = dictKeys
	oldMask  = dictValues
	oldSmall = 40
	oldSlot  = 24
	oldBody  = oldSmall + 8*oldSlot

	noKey Word = tagStr // a string without a record: the dummy of a space whose Config does not say another
)

func (d Dict) oldFill() int        { return int(page.Load(uintptr(d) + oldFill)) }
func (d Dict) oldTable() uintptr   { return page.Load(uintptr(d) + oldTable) }
func (d Dict) oldMask() uintptr    { return page.Load(uintptr(d) + oldMask) }
func (d Dict) smallTable() uintptr { return uintptr(d) + oldSmall }
func (d Dict) setFill(n int)       { page.Store(uintptr(d)+oldFill, uintptr(n)) }

// oldCell is the address of the key in slot i of a table.
func oldCell(table, i uintptr) uintptr { return table + i*oldSlot + 8 }

// initOld makes the body one of an empty dict.
func (s *Space) initOld(d Dict) {
	clear(page.View(uintptr(d), oldBody))
	page.Store(uintptr(d)+oldTable, d.smallTable())
	page.Store(uintptr(d)+oldMask, 7)
}

// seekOld returns the cell of a key; or, if it is not there, the one where it is to be: the first dummy on its path or
// the empty slot at its end. The first step adds the whole hash, and only later ones what is left of it.
func (s *Space) seekOld(d Dict, key Word, hash int64) (uintptr, error) {
restart:
	table, mask, met := d.oldTable(), d.oldMask(), Word(0)
	free, i := uintptr(0), uintptr(hash)&mask
	for perturb := uintptr(hash); ; perturb >>= perturbShift {
		c := oldCell(table, i&mask)
		switch w := keyAt(c); {
		case w == 0:
			if met != 0 { // a comparison may have stored something: C might store the key twice, or over another
				var there Word
				if there, free = s.pathOld(table, mask, hash); there != met {
					goto restart
				}
			}
			if free != 0 {
				return free, nil
			}
			return c, nil
		case w == key:
			return c, nil
		case w == s.dummy:
			if free == 0 {
				free = c
			}
		case hashAt(c, oldSlot) == hash:
			met = met*metMore + w
			s.take(w)
			same, err := s.equal(w, key)
			s.drop(w)
			if err != nil {
				return 0, err
			}
			if d.oldTable() != table || keyAt(c) != w {
				goto restart
			}
			if same {
				return c, nil
			}
		}
		i = i*5 + perturb + 1
	}
}

// pathOld is path in 2.7. What is free is the cell of the first dummy, or 0.
func (s *Space) pathOld(table, mask uintptr, hash int64) (there Word, free uintptr) {
	i := uintptr(hash) & mask
	for perturb := uintptr(hash); ; perturb >>= perturbShift {
		c := oldCell(table, i&mask)
		switch w := keyAt(c); {
		case w == 0:
			return there, free
		case w == s.dummy:
			if free == 0 {
				free = c
			}
		case hashAt(c, oldSlot) == hash:
			there = there*metMore + w
		}
		i = i*5 + perturb + 1
	}
}

// insertOld stores a value. Two thirds of the slots may be in use or dummies afterwards, or, if grow is set, the table
// grows to four times its live entries, or twice if it is large.
func (s *Space) insertOld(d Dict, key Word, hash int64, value Word, grow bool) error {
	before := d.Len()
	c, err := s.seekOld(d, key, hash)
	if err != nil {
		return err
	}
	if !grow {
		before = math.MaxInt
	}
	return s.storeOld(d, c, key, hash, value, before)
}

// storeOld stores a value in the cell that seekOld found, and grows if there are then more than so many entries: as
// many as there were, which a comparison may have changed.
func (s *Space) storeOld(d Dict, c uintptr, key Word, hash int64, value Word, before int) error {
	s.track(d, key, value)
	if old := valueAt(c); old != 0 {
		s.take(value)
		page.Store(c+8, uintptr(value))
		s.drop(old)
		return nil
	}
	if keyAt(c) == 0 && d.oldFill() == int(d.oldMask()) {
		// The last empty slot, on which every search ends: there was no memory to grow in time. C takes it, and then
		// searches for ever.
		if err := s.resizeOld(d, d.Len()*4); err != nil {
			return err
		}
		c = freeOld(d.oldTable(), d.oldMask(), uintptr(hash))
	}
	s.take(key)
	s.take(value)
	if keyAt(c) == 0 {
		d.setFill(d.oldFill() + 1)
	} else {
		s.took[oldReused]++
	}
	used := d.Len() + 1
	d.setLen(used)
	page.Store(c-8, uintptr(hash))
	page.Store(c, uintptr(key))
	page.Store(c+8, uintptr(value))
	if used <= before || d.oldFill()*3 < int(d.oldMask()+1)*2 {
		return nil
	}
	if used > 50000 {
		return s.resizeOld(d, used*2)
	}
	return s.resizeOld(d, used*4)
}

// resizeOld rebuilds the table with the smallest power of two of slots above n, at least 8.
func (s *Space) resizeOld(d Dict, n int) error {
	slots := uintptr(8)
	for slots <= uintptr(n) {
		slots <<= 1
	}
	var small [8 * oldSlot / 8]uintptr
	from, mask := d.oldTable(), d.oldMask()
	inside := from == d.smallTable()
	to := d.smallTable()
	if slots == 8 {
		if inside && d.oldFill() == d.Len() {
			return nil
		}
	} else if to = uintptr(s.mem.Alloc(slots * oldSlot)); to == 0 {
		s.took[oldRefused]++
		return ErrNoMemory
	}
	s.took[tableOf(mask+1, slots)]++
	if inside {
		for i := range small {
			small[i] = page.Load(from + 8*uintptr(i))
		}
	}
	clear(page.View(to, slots*oldSlot))
	page.Store(uintptr(d)+oldTable, to)
	page.Store(uintptr(d)+oldMask, slots-1)
	d.setFill(d.Len())
	for i := range mask + 1 {
		var hash uintptr
		var key, value Word
		if inside {
			hash, key, value = small[3*i], Word(small[3*i+1]), Word(small[3*i+2])
		} else {
			c := oldCell(from, i)
			hash, key, value = page.Load(c-8), keyAt(c), valueAt(c)
		}
		if value != 0 {
			placeOld(to, slots-1, hash, key, value)
		}
	}
	if !inside {
		s.mem.Free(page.Pointer(from))
	}
	return nil
}

// freeOld is the first cell on the path of a hash in a table without dummies that holds nothing.
func freeOld(table, mask, hash uintptr) uintptr {
	i := hash & mask
	c := oldCell(table, i)
	for perturb := hash; keyAt(c) != 0; perturb >>= perturbShift {
		i = i*5 + perturb + 1
		c = oldCell(table, i&mask)
	}
	return c
}

// placeOld enters what is known to be new into a table without dummies.
func placeOld(table, mask, hash uintptr, key, value Word) {
	c := freeOld(table, mask, hash)
	page.Store(c-8, hash)
	page.Store(c, uintptr(key))
	page.Store(c+8, uintptr(value))
}

func (s *Space) removeOld(d Dict, key Word, hash int64) (Word, bool, error) {
	c, err := s.seekOld(d, key, hash)
	if err != nil || valueAt(c) == 0 {
		return 0, false, err
	}
	w, v := s.buryOld(d, c)
	s.drop(w)
	return v, true, nil
}

// buryOld makes a slot a dummy and returns what it held.
func (s *Space) buryOld(d Dict, c uintptr) (key, value Word) {
	s.took[oldBuried]++
	key, value = keyAt(c), valueAt(c)
	page.Store(c, uintptr(s.dummy))
	page.Store(c+8, 0)
	d.setLen(d.Len() - 1)
	return key, value
}

// popItemOld takes the first live entry at or behind a finger, which is kept where slot 0 has a hash. A dict that is
// emptied in this way is not walked again from its begin each time.
func (s *Space) popItemOld(d Dict) (key, value Word) {
	table, mask := d.oldTable(), d.oldMask()
	i := uintptr(0)
	if valueAt(oldCell(table, 0)) == 0 {
		i = page.Load(table)
		if i > mask || i < 1 {
			i = 1
		}
		for valueAt(oldCell(table, i)) == 0 {
			if i++; i > mask {
				i = 1
			}
		}
	}
	key, value = s.buryOld(d, oldCell(table, i))
	page.Store(table, i+1)
	return key, value
}

func (s *Space) setDefaultOld(d Dict, key Word, hash int64, value Word) (Word, error) {
	c, err := s.seekOld(d, key, hash)
	if err != nil {
		return 0, err
	}
	if v := valueAt(c); v != 0 {
		return v, nil
	}
	if err := s.storeOld(d, c, key, hash, value, d.Len()); err != nil {
		return 0, err
	}
	return value, nil
}

// clearOld makes the dict one with eight empty slots, and then lets go of what it held.
func (s *Space) clearOld(d Dict) {
	table, mask := d.oldTable(), d.oldMask()
	if table != d.smallTable() {
		s.initOld(d)
		s.dropOld(table, mask)
		s.mem.Free(page.Pointer(table))
		return
	}
	var small [16]Word
	for i := range uintptr(8) {
		if c := oldCell(table, i); valueAt(c) != 0 {
			small[2*i], small[2*i+1] = keyAt(c), valueAt(c)
		}
	}
	s.initOld(d)
	for _, w := range small {
		if w != 0 {
			s.drop(w)
		}
	}
}

// dropOld lets go of all that a table holds.
func (s *Space) dropOld(table, mask uintptr) {
	for i := range mask + 1 {
		if c := oldCell(table, i); valueAt(c) != 0 {
			w, v := keyAt(c), valueAt(c)
			s.drop(w)
			s.drop(v)
		}
	}
}

func (s *Space) finiOld(d Dict) {
	table := d.oldTable()
	s.dropOld(table, d.oldMask())
	if table != d.smallTable() {
		s.mem.Free(page.Pointer(table))
	}
}

// mergeOld is merge in 2.7: at most one resize, before the first entry.
func (s *Space) mergeOld(d, other Dict, override bool) error {
	if (d.oldFill()+other.Len())*3 >= int(d.oldMask()+1)*2 {
		if err := s.resizeOld(d, (d.Len()+other.Len())*2); err != nil {
			return err
		}
	}
	for pos := 0; ; {
		e, ok := s.entry(other, &pos)
		if !ok {
			return nil
		}
		if !override {
			c, err := s.seekOld(d, e.key, e.hash)
			if err != nil {
				return err
			}
			if valueAt(c) != 0 {
				continue
			}
		}
		if err := s.insertOld(d, e.key, e.hash, e.value, false); err != nil {
			return err
		}
	}
}
