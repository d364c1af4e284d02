package dict

import "heapfuzz/impl/page"

// Answers of a search besides an entry number.
const (
	absent   = -1
	undecide = -2 // an object of that hash is in the way: hooks must be asked
)

const noSlot = ^uintptr(0)

// seek looks for a key. It returns the number of its entry and its slot; or absent, and the first slot on its path that
// is not live; or absent and an error.
func (s *Space) seek(d Dict, key Word, hash int64) (ix int, slot uintptr, err error) {
	k := d.keys()
	switch {
	case key.IsInt() && k.stride() == wide:
		ix, slot = s.seekInt(k, key, hash)
	case key.IsStr():
		ix, slot = s.seekStr(k, key, hash)
	default:
		return s.seekAny(d, key, hash)
	}
	if ix == undecide {
		return s.seekAny(d, key, hash)
	}
	return ix, slot, nil
}

// seekInt looks for a number in a table of wide entries.
func (s *Space) seekInt(k keys, key Word, hash int64) (ix int, slot uintptr) {
	m := k.meta()
	index := uintptr(k) + s.prof.KeysBytes
	cells := index + 1<<(uint8(m)+uint8(m>>8)) + wide - narrow
	mask := uintptr(1)<<uint8(m) - 1
	switch uint8(m >> 8) {
	case 0:
		return seekIntIn[int8](index, cells, mask, key, uintptr(hash))
	case 1:
		return seekIntIn[int16](index, cells, mask, key, uintptr(hash))
	case 2:
		return seekIntIn[int32](index, cells, mask, key, uintptr(hash))
	default:
		return seekIntIn[int64](index, cells, mask, key, uintptr(hash))
	}
}

func seekIntIn[T slotOf](index, cells, mask uintptr, key Word, hash uintptr) (int, uintptr) {
	free, perturb, i := noSlot, hash, hash&mask
	for {
		ix := loadSlot[T](index, i)
		switch {
		case ix >= 0:
			c := cells + uintptr(ix)*wide
			w := keyAt(c)
			if w == key {
				return ix, i
			}
			if w&tags == 0 && page.Load(c-8) == hash {
				return undecide, 0
			}
		case ix == slotEmpty:
			if free == noSlot {
				free = i
			}
			return absent, free
		case free == noSlot:
			free = i
		}
		perturb >>= perturbShift
		i = (i*5 + perturb + 1) & mask
	}
}

// seekStr looks for a string.
func (s *Space) seekStr(k keys, key Word, hash int64) (ix int, slot uintptr) {
	index, cells, stride, mask := s.index(k), s.cells(k), k.stride(), uintptr(1)<<k.log2()-1
	switch k.width() {
	case 0:
		return seekStrIn[int8](index, cells, stride, mask, key, hash)
	case 1:
		return seekStrIn[int16](index, cells, stride, mask, key, hash)
	case 2:
		return seekStrIn[int32](index, cells, stride, mask, key, hash)
	default:
		return seekStrIn[int64](index, cells, stride, mask, key, hash)
	}
}

func seekStrIn[T slotOf](index, cells, stride, mask uintptr, key Word, hash int64) (int, uintptr) {
	free, perturb := noSlot, uintptr(hash)
	i := perturb & mask
	for {
		ix := loadSlot[T](index, i)
		switch {
		case ix >= 0:
			c := cells + uintptr(ix)*stride
			w := keyAt(c)
			if w == key {
				return ix, i
			}
			if hashAt(c, stride) == hash {
				if w&tags == 0 {
					return undecide, 0
				}
				if w.IsStr() && sameStr(w, key) {
					return ix, i
				}
			}
		case ix == slotEmpty:
			if free == noSlot {
				free = i
			}
			return absent, free
		case free == noSlot:
			free = i
		}
		perturb >>= perturbShift
		i = (i*5 + perturb + 1) & mask
	}
}

// seekAny looks for any key. A comparison may change the dict: then the search starts again, on what is there then. It
// is known by the keys object and the key in the entry, as in C: a change that restores both goes unseen. It starts
// again as well if the path does not hold the keys that it was compared with and no others: a comparison may have
// stored one where the search had come by, and C would store one that is equal twice.
func (s *Space) seekAny(d Dict, key Word, hash int64) (int, uintptr, error) {
restart:
	k := d.keys()
	free, met := noSlot, Word(0)
	for p := startProbe(k, hash); ; p.next() {
		ix := s.slot(k, p.i)
		if ix < 0 {
			if free == noSlot {
				free = p.i
			}
			if ix == slotEmpty {
				if met != 0 {
					var there Word
					if there, free = s.path(k, hash); there != met {
						goto restart
					}
				}
				return absent, free, nil
			}
			continue
		}
		c := s.cell(k, ix)
		w := keyAt(c)
		if w == key {
			return ix, p.i, nil
		}
		if hashAt(c, k.stride()) != hash {
			continue
		}
		met = met*metMore + w
		s.take(w)
		same, err := s.equal(w, key)
		s.drop(w)
		if err != nil {
			return absent, 0, err
		}
		// Other keys at the same address have fewer entries, and a key that was popped may be back by another slot.
		if d.keys() != k || ix >= k.count() || keyAt(c) != w || s.slot(k, p.i) != ix {
			goto restart
		}
		if same {
			return ix, p.i, nil
		}
	}
}

// metMore is by what the fold of the keys that were met is multiplied before one is added: 2^64 by the golden ratio, so
// that only words that are very far apart make up for each other.
const metMore = 0x9E3779B97F4A7C15

// path walks the path of a hash to its end. It folds the keys of that hash to one word, in the order of the path, and
// returns the first slot that is not live.
func (s *Space) path(k keys, hash int64) (there Word, free uintptr) {
	free = noSlot
	for p := startProbe(k, hash); ; p.next() {
		ix := s.slot(k, p.i)
		if ix >= 0 {
			if c := s.cell(k, ix); hashAt(c, k.stride()) == hash {
				there = there*metMore + keyAt(c)
			}
			continue
		}
		if free == noSlot {
			free = p.i
		}
		if ix == slotEmpty {
			return there, free
		}
	}
}
