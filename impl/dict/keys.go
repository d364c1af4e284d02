package dict

import (
	"math/bits"
	"unsafe"

	"heapfuzz/impl/page"
)

// keys is the address of a keys object: a header, the index, the entries.
//
//	0   references: 1, or for shared keys the class and the dicts of its instances
//	8   log2 of the slots | log2 of the bytes of a slot | kind | bytes of an entry, a byte each
//	16  usable: entries that may still be appended
//	24  entries in use, live or dead
//	32  up to 3.10 a word without a meaning, where C has the address of a lookup function
//
// The fields stand in another order than in C, the same in all profiles, so that reading one costs no branch; the size
// of the header is C's.
type keys uintptr

const (
	keysRefs   = 0
	keysMeta   = 8
	keysUsable = 16
	keysCount  = 24
)

// Kinds of keys.
const (
	kindGeneral  = iota
	kindStr      // strings only; up to 3.10, without dummies
	kindStrDummy // strings only, with dummies (up to 3.10)
	kindSplit    // of a class: strings only, the values are with the dicts
)

const (
	slotEmpty = -1
	slotDummy = -2

	wide   = 24 // bytes of an entry: hash, key, value
	narrow = 16 // key, value

	logMin      = 3
	presizedLog = 17 // of the slots that presizing by a hint makes at most
	logMax      = 40 // there is no memory for more slots
	sharedMax   = 30 // shared keys of a class from 3.11 on
	sharedLog   = 6
)

func (k keys) meta() uint64       { return uint64(page.Load(uintptr(k) + keysMeta)) }
func (k keys) log2() uint8        { return uint8(k.meta()) }
func (k keys) slots() int         { return 1 << k.log2() }
func (k keys) width() uint8       { return uint8(k.meta() >> 8) }
func (k keys) kind() uint8        { return uint8(k.meta() >> 16) }
func (k keys) stride() uintptr    { return uintptr(uint8(k.meta() >> 24)) }
func (k keys) refs() int          { return int(page.Load(uintptr(k) + keysRefs)) }
func (k keys) usable() int        { return int(page.Load(uintptr(k) + keysUsable)) }
func (k keys) count() int         { return int(page.Load(uintptr(k) + keysCount)) }
func (k keys) setRefs(n int)      { page.Store(uintptr(k)+keysRefs, uintptr(n)) }
func (k keys) setUsable(n int)    { page.Store(uintptr(k)+keysUsable, uintptr(n)) }
func (k keys) setCount(n int)     { page.Store(uintptr(k)+keysCount, uintptr(n)) }
func (k keys) setKind(kind uint8) { *(*uint8)(page.Pointer(uintptr(k) + keysMeta + 2)) = kind }

func metaOf(log2, kind uint8, stride uintptr) uint64 {
	return uint64(log2) | uint64(widthOf(log2))<<8 | uint64(kind)<<16 | uint64(stride)<<24
}

// widthOf is log2 of the bytes of a slot: signed entry numbers of less than 2^8, 2^16, 2^32 slots fit 1, 2, 4 bytes.
func widthOf(log2 uint8) uint8 {
	switch {
	case log2 < 8:
		return 0
	case log2 < 16:
		return 1
	case log2 < 32:
		return 2
	}
	return 3
}

// usableOf is how many entries a table of that many slots has: two thirds, so one slot at least stays empty.
func usableOf(slots int) int { return slots * 2 / 3 }

// index is the address of the first slot.
func (s *Space) index(k keys) uintptr { return uintptr(k) + s.prof.KeysBytes }

// cells is the address of the key of the first entry. The value is behind the key; the hash, if any, in front of it.
func (s *Space) cells(k keys) uintptr {
	m := k.meta()
	return uintptr(k) + s.prof.KeysBytes + 1<<(uint8(m)+uint8(m>>8)) + uintptr(uint8(m>>24)) - narrow
}

// cell is the address of the key of entry i.
func (s *Space) cell(k keys, i int) uintptr { return s.cells(k) + uintptr(i)*k.stride() }

func keyAt(cell uintptr) Word   { return Word(page.Load(cell)) }
func valueAt(cell uintptr) Word { return Word(page.Load(cell + 8)) }

// hashAt is the hash of the key in a cell.
func hashAt(cell, stride uintptr) int64 {
	if stride == wide {
		return int64(page.Load(cell - 8))
	}
	return int64(page.Load(keyAt(cell).record() + strHash))
}

// keysBytes is the size of a keys object.
func (s *Space) keysBytes(log2 uint8, stride uintptr) uintptr {
	return s.prof.KeysBytes + 1<<(log2+widthOf(log2)) + stride*uintptr(usableOf(1<<log2))
}

func (s *Space) bytesOf(k keys) uintptr { return s.keysBytes(k.log2(), k.stride()) }

// fit is log2 of the slots for a table that was asked to have n.
func (s *Space) fit(n int) uint8 {
	if s.prof.FitQuirk {
		return uint8(bits.Len(uint(n|8) - 1))
	}
	return uint8(bits.Len(uint(max(n, 8) - 1)))
}

// estimate is log2 of the slots for n entries.
func (s *Space) estimate(n int) uint8 { return s.fit((n*3 + 1) / 2) }

// growth is log2 of the slots that a full table gets.
func (s *Space) growth(d Dict) uint8 {
	if s.prof.GrowHalf {
		return s.fit(d.Len()*2 + d.keys().slots()/2)
	}
	return s.fit(d.Len() * 3)
}

// newKeys makes a keys object without entries, or returns 0.
func (s *Space) newKeys(log2 uint8, str bool) keys {
	kind, stride := uint8(kindGeneral), uintptr(wide)
	if str {
		kind = kindStr
		if s.prof.StrTables {
			stride = narrow
		}
	}
	var k keys
	if log2 == logMin && (str || s.prof.FreeGeneral) && s.keysFree > 0 {
		s.keysFree--
		k = s.freeKeys[s.keysFree]
		s.took[keysReused]++
	} else if k = s.allocKeys(s.keysBytes(log2, stride)); k == 0 {
		return 0
	}
	s.took[widthByte+min(int(widthOf(log2)), 1)]++
	k.setRefs(1)
	page.Store(uintptr(k)+keysMeta, uintptr(metaOf(log2, kind, stride)))
	k.setUsable(usableOf(1 << log2))
	k.setCount(0)
	fillEmpty(s.index(k), 1<<(log2+widthOf(log2)))
	return k
}

// hugeMin is the size in bytes from which on a keys object is put on huge pages. Below, a search touches few enough
// pages for the processor to remember.
const hugeMin = 2 << 20

// allocKeys returns a block for a keys object, or 0. The index and the entries of a large one are touched in no order,
// so on small pages most of a search is spent on finding the page.
func (s *Space) allocKeys(n uintptr) keys {
	b := uintptr(s.mem.Alloc(n))
	if b != 0 && n >= hugeMin {
		page.Huge(b, n)
	}
	return keys(b)
}

// fillEmpty makes n bytes of slots empty. n is a power of two of at least 8. What is copied doubles, which is how a
// fill runs at the speed of memory.
func fillEmpty(at, n uintptr) {
	all := ^uintptr(0)
	page.Store(at, all)
	if n == 8 {
		return
	}
	for i := uintptr(8); i < min(n, 64); i += 8 {
		page.Store(at+i, all)
	}
	b := page.View(at, n)
	for done := uintptr(64); done < n; done *= 2 {
		copy(b[done:], b[:min(done, n-done)])
	}
}

// freeBlock gives a keys object back whose entries are accounted for.
func (s *Space) freeBlock(k keys) {
	if k.log2() == logMin && s.keysFree < FreeMax && (s.prof.FreeGeneral || k.stride() == narrow) {
		s.took[keysKept]++
		s.freeKeys[s.keysFree] = k
		s.keysFree++
		return
	}
	s.mem.Free(page.Pointer(uintptr(k)))
}

// dropKeys takes one reference off a keys object. With the last it lets go of the entries, first to last.
func (s *Space) dropKeys(k keys) {
	if k == s.empty {
		return
	}
	if n := k.refs() - 1; n > 0 {
		k.setRefs(n)
		return
	}
	if s.hooks != nil {
		values := k.kind() != kindSplit
		stride, c := k.stride(), s.cells(k)
		for n := k.count(); n > 0; n-- {
			if w := keyAt(c); w != 0 {
				v := valueAt(c)
				s.drop(w)
				if values {
					s.drop(v)
				}
			}
			c += stride
		}
	}
	s.freeBlock(k)
}

// slotOf is what a slot may be made of.
type slotOf interface{ int8 | int16 | int32 | int64 }

// loadSlot reads slot i.
func loadSlot[T slotOf](index, i uintptr) int {
	return int(*(*T)(page.Pointer(index + i*unsafe.Sizeof(T(0)))))
}

func storeSlot[T slotOf](index, i uintptr, v int) {
	*(*T)(page.Pointer(index + i*unsafe.Sizeof(T(0)))) = T(v)
}

// slot reads slot i of a keys object.
func (s *Space) slot(k keys, i uintptr) int {
	switch index := s.index(k); k.width() {
	case 0:
		return loadSlot[int8](index, i)
	case 1:
		return loadSlot[int16](index, i)
	case 2:
		return loadSlot[int32](index, i)
	default:
		return loadSlot[int64](index, i)
	}
}

// setSlot writes slot i of a keys object.
func (s *Space) setSlot(k keys, i uintptr, v int) {
	switch index := s.index(k); k.width() {
	case 0:
		storeSlot[int8](index, i, v)
	case 1:
		storeSlot[int16](index, i, v)
	case 2:
		storeSlot[int32](index, i, v)
	default:
		storeSlot[int64](index, i, v)
	}
}

// perturbShift is how many bits of the hash each further probe uses up.
const perturbShift = 5

// A probe is a walk along the slots of a hash.
type probe struct{ i, mask, perturb uintptr }

func startProbe(k keys, hash int64) probe {
	mask := uintptr(1)<<k.log2() - 1
	return probe{uintptr(hash) & mask, mask, uintptr(hash)}
}

func (p *probe) next() {
	p.perturb >>= perturbShift
	p.i = (p.i*5 + p.perturb + 1) & p.mask
}

// freeSlot is the first slot on the path of a hash that is not live.
func (s *Space) freeSlot(k keys, hash int64) uintptr {
	p := startProbe(k, hash)
	for s.slot(k, p.i) >= 0 {
		p.next()
	}
	return p.i
}

// slotOfEntry is the slot that leads to entry ix, whose key has that hash.
func (s *Space) slotOfEntry(k keys, hash int64, ix int) uintptr {
	p := startProbe(k, hash)
	for s.slot(k, p.i) != ix {
		p.next()
	}
	return p.i
}

// build enters n entries, of which none is dead, into an index that is empty.
func (s *Space) build(k keys, n int) {
	index, c, stride, mask := s.index(k), s.cells(k), k.stride(), uintptr(k.slots()-1)
	switch k.width() {
	case 0:
		buildIndex[int8](index, c, stride, mask, n)
	case 1:
		buildIndex[int16](index, c, stride, mask, n)
	case 2:
		buildIndex[int32](index, c, stride, mask, n)
	default:
		buildIndex[int64](index, c, stride, mask, n)
	}
	k.setUsable(k.usable() - n)
	k.setCount(n)
}

func buildIndex[T slotOf](index, c, stride, mask uintptr, n int) {
	for ix := range n {
		perturb := uintptr(hashAt(c, stride))
		i := perturb & mask
		for loadSlot[T](index, i) != slotEmpty {
			perturb >>= perturbShift
			i = (i*5 + perturb + 1) & mask
		}
		storeSlot[T](index, i, ix)
		c += stride
	}
}

// resize moves the entries of d to new keys of 2^log2 slots that hold the live ones only, in order, and have no dummy.
// str asks for a table of strings, which it becomes if the old one was. A split dict becomes a combined one.
func (s *Space) resize(d Dict, log2 uint8, str bool) error {
	old := d.keys()
	from := old.kind()
	if s.prof.StrTables {
		str = str && from != kindGeneral
	} else {
		str = from != kindGeneral
	}
	k := s.newKeys(log2, str)
	if k == 0 {
		s.took[refused]++
		return ErrNoMemory
	}
	s.resized(d, old, k)
	n := d.Len()
	if v := d.values(); v != 0 {
		s.moveSplit(d, k)
		d.setKeys(k)
		d.setValues(0)
		s.freeValues(v)
		s.build(k, n)
		s.dropKeys(old)
		return nil
	}
	s.moveEntries(old, k, n)
	d.setKeys(k)
	s.build(k, n)
	if old != s.empty {
		s.freeBlock(old)
	}
	return nil
}

// resized counts how the keys of d become others.
func (s *Space) resized(d Dict, from, to keys) {
	if d.values() != 0 {
		s.took[combined]++
	}
	if from.stride() == narrow && to.stride() != narrow && from != s.empty {
		s.took[widened]++
	}
	switch {
	case from.log2() < to.log2():
		s.took[grown]++
	case from.log2() > to.log2():
		s.took[shrunk]++
	default:
		s.took[compacted]++
	}
}

// moveEntries copies the n live entries of one combined table to another. A hash in the old entry or in the record of
// a string becomes one in the new entry, if that has one.
func (s *Space) moveEntries(from, to keys, n int) {
	src, dst, a, b := s.cells(from), s.cells(to), from.stride(), to.stride()
	if a == b && from.count() == n {
		front := a - narrow
		bytes := uintptr(n) * a
		copy(page.View(dst-front, bytes), page.View(src-front, bytes))
		return
	}
	for ; n > 0; src += a {
		w := keyAt(src)
		if w == 0 {
			continue
		}
		if b == wide {
			page.Store(dst-8, uintptr(hashAt(src, a)))
		}
		page.Store(dst, uintptr(w))
		page.Store(dst+8, uintptr(valueAt(src)))
		dst += b
		n--
	}
}
