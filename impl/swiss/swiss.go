package swiss

import (
	"math/bits"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
)

const (
	slotsOfGroup = 8
	slotBytes    = 16
	groupBytes   = 8 + slotsOfGroup*slotBytes

	empty   = 0x80
	deleted = 0xFE

	low  = 0x0101010101010101
	high = 0x8080808080808080

	groupsLogMax = 40 // a table of more groups is no memory
)

// Map is a table. What it holds is in arena memory. It is not safe for concurrent use.
type Map struct {
	mem    *arena.Allocator
	hash   func(key uint64) uint64 // nil: mix
	base   uintptr                 // of the first group; 0: there is none
	groups uintptr                 // a power of two, or 0
	used   int
	left   int // empty slots that may be taken

	probes uint64 // groups that operations on one key looked at, but for Get
	seen   [transitions]uint64
}

// New returns an empty map in some memory. The hash is that of keys, or nil for one that does well with all.
func New(mem *arena.Allocator, hash func(key uint64) uint64) *Map { return &Map{mem: mem, hash: hash} }

// mix is a product whose halves are joined, so that each bit of the hash depends on all bits of the key.
func mix(key uint64) uint64 {
	hi, lo := bits.Mul64(key^0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
	return hi ^ lo
}

func (m *Map) hashOf(key uint64) uint64 {
	if m.hash == nil {
		return mix(key)
	}
	return m.hash(key)
}

func control(g uintptr) uint64 { return uint64(page.Load(g)) }

func slotAt(g uintptr, i uintptr) uintptr { return g + 8 + i*slotBytes }

func setControl(g, i uintptr, c uint8) { *(*uint8)(page.Pointer(g + i)) = c }

// equalTo marks the bytes of a group that are c, and perhaps one behind such a byte that is c with another lowest bit.
func equalTo(ctrl uint64, c uint8) uint64 {
	x := ctrl ^ low*uint64(c)
	return (x - low) &^ x & high
}

// empties marks the bytes that are empty: bit 1 tells them from deleted ones.
func empties(ctrl uint64) uint64 { return ctrl &^ (ctrl << 6) & high }

// free marks those that are not live.
func free(ctrl uint64) uint64 { return ctrl & high }

// first is the number of the first marked byte.
func first(marks uint64) uintptr { return uintptr(bits.TrailingZeros64(marks)) / 8 }

func topOf(hash uint64) uintptr { return uintptr(hash >> 7) }
func byteOf(hash uint64) uint8  { return uint8(hash & 0x7F) }

// Len is the number of keys.
func (m *Map) Len() int { return m.used }

// Size is the bytes of the table.
func (m *Map) Size() uint64 { return uint64(m.groups) * groupBytes }

// Probes is how many groups insertions and deletions have looked at.
func (m *Map) Probes() uint64 { return m.probes }

// Get returns the value of a key, or 0, and whether it is there.
func (m *Map) Get(key uint64) (uint64, bool) {
	if m.groups == 0 {
		return 0, false
	}
	hash := m.hashOf(key)
	mask, base := m.groups-1, m.base
	want := low * uint64(byteOf(hash))
	for i, step := topOf(hash)&mask, uintptr(0); ; i = (i + step) & mask {
		g := base + i*groupBytes
		ctrl := control(g)
		x := ctrl ^ want
		for marks := (x - low) &^ x & high; marks != 0; marks &= marks - 1 {
			s := slotAt(g, first(marks))
			if uint64(page.Load(s)) == key {
				return uint64(page.Load(s + 8)), true
			}
		}
		if empties(ctrl) != 0 {
			return 0, false
		}
		step++
	}
}

// find returns the group and the slot of a key, or 0 and 0; then there is a group only if m has any.
func (m *Map) find(key, hash uint64) (group, slot uintptr) {
	if m.groups == 0 {
		return 0, 0
	}
	mask := m.groups - 1
	for i, step := topOf(hash)&mask, uintptr(0); ; i = (i + step) & mask {
		g := m.base + i*groupBytes
		ctrl := control(g)
		m.probes++
		for marks := equalTo(ctrl, byteOf(hash)); marks != 0; marks &= marks - 1 {
			if n := first(marks); uint64(page.Load(slotAt(g, n))) == key {
				return g, n
			}
		}
		if empties(ctrl) != 0 {
			return 0, 0
		}
		step++
	}
}

// place returns the first slot on the path of a hash that is not live. There are groups.
func (m *Map) place(hash uint64) (group, slot uintptr) {
	mask := m.groups - 1
	for i, step := topOf(hash)&mask, uintptr(0); ; i = (i + step) & mask {
		g := m.base + i*groupBytes
		if marks := free(control(g)); marks != 0 {
			return g, first(marks)
		}
		step++
	}
}

// Set gives a key a value. False means that there is no memory, and that nothing has changed.
func (m *Map) Set(key, value uint64) bool {
	hash := m.hashOf(key)
	if g, n := m.find(key, hash); g != 0 {
		page.Store(slotAt(g, n)+8, uintptr(value))
		return true
	}
	return m.insert(key, value, hash)
}

// insert enters a key that is not there.
func (m *Map) insert(key, value, hash uint64) bool {
	var g, n uintptr
	if m.groups != 0 {
		g, n = m.place(hash)
	}
	if m.groups == 0 || m.left == 0 && uint8(control(g)>>(8*n)) == empty {
		if !m.makeRoom() {
			return false
		}
		g, n = m.place(hash)
	}
	if uint8(control(g)>>(8*n)) == empty {
		m.left--
	} else {
		m.seen[tombstoneReused]++
	}
	setControl(g, n, byteOf(hash))
	s := slotAt(g, n)
	page.Store(s, uintptr(key))
	page.Store(s+8, uintptr(value))
	m.used++
	return true
}

// Delete takes a key out and tells whether it was there.
func (m *Map) Delete(key uint64) bool {
	_, ok := m.Pop(key)
	return ok
}

// Pop takes a key out and returns what it held, or 0, and whether it was there.
func (m *Map) Pop(key uint64) (uint64, bool) {
	g, n := m.find(key, m.hashOf(key))
	if g == 0 {
		return 0, false
	}
	value := uint64(page.Load(slotAt(g, n) + 8))
	m.bury(g, n)
	return value, true
}

func (m *Map) bury(g, n uintptr) {
	m.used--
	if empties(control(g)) != 0 {
		setControl(g, n, empty)
		m.left++
		m.seen[emptyAgain]++
		return
	}
	setControl(g, n, deleted)
	m.seen[tombstone]++
}

// capacity is how many slots of so many groups may be other than empty.
func capacity(groups uintptr) int { return int(groups) * slotsOfGroup * 7 / 8 }

// makeRoom builds the table anew so that at least one empty slot may be taken.
func (m *Map) makeRoom() bool {
	switch total := capacity(m.groups); {
	case m.groups == 0:
		return m.move(1)
	case m.used*32 <= total*25:
		m.rebuild()
		return true
	}
	return m.move(2 * m.groups)
}

// Reserve makes room for so many keys in all. False means that there is no memory.
func (m *Map) Reserve(n int) bool {
	if n -= m.used; n <= m.left {
		return true
	}
	groups := max(m.groups, 1)
	for capacity(groups)-m.used < n {
		if groups *= 2; groups > 1<<groupsLogMax {
			return false
		}
	}
	if groups == m.groups {
		m.rebuild()
		return true
	}
	return m.move(groups)
}

// hugeMin is the size in bytes from which on a table is put on huge pages.
const hugeMin = 2 << 20

// move builds the table in a block of so many groups.
func (m *Map) move(groups uintptr) bool {
	bytes := groups * groupBytes
	base := uintptr(m.mem.Alloc(bytes))
	if base == 0 {
		return false
	}
	if bytes >= hugeMin {
		page.Huge(base, bytes)
	}
	for g := base; g < base+bytes; g += groupBytes {
		page.Store(g, uintptr(uint64(high)))
	}
	old, end := m.base, m.base+m.groups*groupBytes
	m.base, m.groups, m.left = base, groups, capacity(groups)-m.used
	m.seen[moved]++
	for g := old; g < end; g += groupBytes {
		for marks := ^control(g) & high; marks != 0; marks &= marks - 1 {
			s := slotAt(g, first(marks))
			hash := m.hashOf(uint64(page.Load(s)))
			to, n := m.place(hash)
			setControl(to, n, byteOf(hash))
			t := slotAt(to, n)
			page.Store(t, page.Load(s))
			page.Store(t+8, page.Load(s+8))
		}
	}
	if old != 0 {
		m.mem.Free(page.Pointer(old))
	}
	return true
}

// rebuild takes out the tombstones in place. Meanwhile deleted means to be moved.
func (m *Map) rebuild() {
	m.seen[rebuilt]++
	end := m.base + m.groups*groupBytes
	for g := m.base; g < end; g += groupBytes {
		live := ^control(g) & high
		// Of a live byte 0xFE, of another 0x80.
		page.Store(g, uintptr(uint64(high)|(live>>7)*0x7E))
	}
	for g := m.base; g < end; g += groupBytes {
		for i := uintptr(0); i < slotsOfGroup; {
			if uint8(control(g)>>(8*i)) != deleted {
				i++
				continue
			}
			s := slotAt(g, i)
			hash := m.hashOf(uint64(page.Load(s)))
			to, n := m.place(hash)
			t := slotAt(to, n)
			switch {
			case to == g:
				setControl(g, i, byteOf(hash))
				m.seen[stayed]++
				i++
				continue
			case uint8(control(to)>>(8*n)) == empty:
				setControl(g, i, empty)
				page.Store(t, page.Load(s))
				page.Store(t+8, page.Load(s+8))
				i++
			default:
				k, v := page.Load(t), page.Load(t+8)
				page.Store(t, page.Load(s))
				page.Store(t+8, page.Load(s+8))
				page.Store(s, k)
				page.Store(s+8, v)
				m.seen[swapped]++
			}
			setControl(to, n, byteOf(hash))
		}
	}
	m.left = capacity(m.groups) - m.used
}

// Clear takes all out, and gives the table back.
func (m *Map) Clear() {
	if m.base != 0 {
		m.mem.Free(page.Pointer(m.base))
	}
	m.base, m.groups, m.used, m.left = 0, 0, 0, 0
}

// Iter is an iteration in no order. What it tells after a change is not defined.
type Iter struct {
	m  *Map
	at uintptr // number of the next slot
}

// Iter starts before the first slot.
func (m *Map) Iter() Iter { return Iter{m: m} }

// Next returns the next entry, or false at the end.
func (it *Iter) Next() (key, value uint64, ok bool) {
	for m := it.m; it.at < m.groups*slotsOfGroup; {
		g := m.base + it.at/slotsOfGroup*groupBytes
		i := it.at % slotsOfGroup
		live := ^control(g) & high >> (8 * i) << (8 * i)
		if live == 0 {
			it.at += slotsOfGroup - i
			continue
		}
		n := first(live)
		it.at += n - i + 1
		s := slotAt(g, n)
		return uint64(page.Load(s)), uint64(page.Load(s + 8)), true
	}
	it.at = ^uintptr(0) // it stays over
	return 0, 0, false
}

// Copy returns a map of the same entries, or nil if there is no memory.
func (m *Map) Copy() *Map {
	c := New(m.mem, m.hash)
	if !c.Reserve(m.used) {
		return nil
	}
	it := m.Iter()
	for key, value, ok := it.Next(); ok; key, value, ok = it.Next() {
		c.insert(key, value, c.hashOf(key))
	}
	return c
}
