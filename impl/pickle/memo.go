package pickle

import (
	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
)

// A memo is PyMemoTable: open addressing by address, never more than two thirds full.
//
//	entry:  address of the object, or 0 | its number
type memo struct {
	mem   *arena.Allocator
	table uintptr // a block, or 0: there is no memo
	slots uintptr // a power of two
	used  uintptr
	grown func() // called when the old table and the new one are both there
}

const (
	memoSlotsMin   = 8
	memoEntryBytes = 16
	memoLarge      = 50_000 // above so many entries a table grows by 2 and not by 4
	memoShift      = 5      // bits of the address that each further probe uses up
)

// newTable makes a table of empty slots, or returns 0.
func (m *memo) newTable(slots uintptr) uintptr {
	b := uintptr(m.mem.Alloc(slots * memoEntryBytes))
	if b != 0 {
		clear(page.View(b, slots*memoEntryBytes))
	}
	return b
}

// start makes the first table, and reports whether there was memory.
func (m *memo) start() bool {
	m.table, m.slots = m.newTable(memoSlotsMin), memoSlotsMin
	return m.table != 0
}

// find returns the entry of a key, or the empty one where it belongs.
func find(table, slots, key uintptr) uintptr {
	hash := key >> 3
	i := hash
	for perturb := hash; ; perturb >>= memoShift {
		at := table + i&(slots-1)*memoEntryBytes
		if k := page.Load(at); k == key || k == 0 {
			return at
		}
		i = i*5 + perturb + 1
	}
}

// get returns the number of a key, and whether it has one.
func (m *memo) get(key uintptr) (int, bool) {
	if m.table == 0 {
		return 0, false
	}
	at := find(m.table, m.slots, key)
	return int(page.Load(at + 8)), page.Load(at) != 0
}

// put gives a key that is not there the next number, and reports whether there was memory. Without it the key is there
// all the same, and the table too full.
func (m *memo) put(key uintptr) bool {
	at := find(m.table, m.slots, key)
	page.Store(at, key)
	page.Store(at+8, m.used)
	m.used++
	if m.used*3 < m.slots*2 {
		return true
	}
	if m.used > memoLarge {
		return m.resize(m.used * 2)
	}
	return m.resize(m.used * 4)
}

// resize moves the entries to a table of at least n slots.
func (m *memo) resize(n uintptr) bool {
	slots := uintptr(memoSlotsMin)
	for slots < n {
		slots *= 2
	}
	table := m.newTable(slots)
	if table == 0 {
		return false
	}
	m.each(func(key, number uintptr) {
		at := find(table, slots, key)
		page.Store(at, key)
		page.Store(at+8, number)
	})
	m.grown()
	m.mem.Free(page.Pointer(m.table))
	m.table, m.slots = table, slots
	return true
}

// each calls f for every entry.
func (m *memo) each(f func(key, number uintptr)) {
	for i := range m.slots {
		if at := m.table + i*memoEntryBytes; page.Load(at) != 0 {
			f(page.Load(at), page.Load(at+8))
		}
	}
}
