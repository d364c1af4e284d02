package arena

import (
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
)

// An addressMap says which addresses lie in arenas: a radix tree of three levels over the upper bits of an address
// (CPython 3.10 Objects/obmalloc.c). What is left below them is the offset t in a chunk, a run of ArenaBytes on a
// multiple of ArenaBytes.
//
//	address   | root | mid | bot | offset t |
//
//	chunk        |<------- chunk c ------->|<------ chunk c+1 ----->|
//	arena                 |<--------- an arena -------->|
//	leaf c                ^ hi: it starts here
//	leaf c+1                                            ^ lo: it ends here
//
// An arena off the boundary lies in two chunks, and a chunk can hold the end of one arena and the start of the next;
// hence the two numbers of a leaf, which are independent:
//
//	lo   an arena of the chunk before ends at this offset; 0: none
//	hi   an arena starts at this offset; -1: at the chunk's very start, since 0 means none
//
// so t is inside <=> t < lo, or hi != 0 and t >= hi.
//
// The root is Go memory, as it is static in C, and costs nothing until it is touched. Nodes come from the system when an
// arena needs them, and stay. 3.10 looked at 48 bits only, so an address above them is taken for its lower part
// (bpo-45526); the tree of 3.11 covers all 64.
//
// What always holds: the leaves say exactly what the vector says, and every node but the root is reached once
// (arena/address-map).
type addressMap struct {
	used                          bool
	rootShift, midShift, botShift uint8
	rootMask, midMask, botMask    uintptr
	offsetMask                    uintptr
	top                           unsafe.Pointer // &root[0], to spare has a bounds check; the masks keep it inside
	root                          []uintptr
	mids, bots                    uint64 // nodes of each level that exist
}

func newAddressMap(prof *profile.Profile) addressMap {
	bits := prof.Map
	if !bits.Used() {
		return addressMap{}
	}
	offset := uint8(0)
	for n := prof.ArenaBytes; n > 1; n >>= 1 {
		offset++
	}
	m := addressMap{
		used:     true,
		botShift: offset, midShift: offset + bits.Bot, rootShift: offset + bits.Bot + bits.Mid,
		rootMask: 1<<bits.Root - 1, midMask: 1<<bits.Mid - 1, botMask: 1<<bits.Bot - 1,
		offsetMask: prof.ArenaBytes - 1,
		root:       make([]uintptr, 1<<bits.Root),
	}
	m.top = unsafe.Pointer(&m.root[0])
	return m
}

// has reports whether address b is in an arena.
func (m *addressMap) has(b uintptr) bool {
	// The mask keeps the index in the root, which top keeps alive.
	mid := *(*uintptr)(unsafe.Add(m.top, b>>(m.rootShift&63)&m.rootMask*8))
	if mid == 0 {
		return false
	}
	bot := page.Load(mid + b>>(m.midShift&63)&m.midMask*8)
	if bot == 0 {
		return false
	}
	// One load takes both numbers of the leaf: hi in the lower half, lo in the upper.
	leaf := page.Load(bot + b>>(m.botShift&63)&m.botMask*8)
	t, hi, lo := int32(b&m.offsetMask), int32(leaf), int32(leaf>>32)
	return t < lo || hi != 0 && t >= hi
}

// leaf returns the address of the leaf of b, making the nodes on the way if it may. It returns 0 if it may not or if
// there is no memory.
func (m *addressMap) leaf(b uintptr, os *page.OS) uintptr {
	slot := &m.root[b>>m.rootShift&m.rootMask]
	if *slot == 0 {
		if os == nil {
			return 0
		}
		if *slot = os.Map((m.midMask + 1) * 8); *slot == 0 {
			return 0
		}
		m.mids++
	}
	at := *slot + b>>m.midShift&m.midMask*8
	bot := page.Load(at)
	if bot == 0 {
		if os == nil {
			return 0
		}
		if bot = os.Map((m.botMask + 1) * 8); bot == 0 {
			return 0
		}
		page.Store(at, bot)
		m.bots++
	}
	return bot + b>>m.botShift&m.botMask*8
}

// mark enters an arena. It reports false, with the arena not entered, if there is no memory for a node; nodes that were
// made stay for the next time.
func (m *addressMap) mark(address uintptr, os *page.OS) bool {
	if !m.used {
		return true
	}
	at := m.leaf(address, os)
	if at == 0 {
		return false
	}
	tail := uint32(address & m.offsetMask)
	if tail == 0 {
		page.Store32(at, ^uint32(0))
		return true
	}
	end := m.leaf(address+m.offsetMask+1, os)
	if end == 0 {
		return false
	}
	page.Store32(at, tail)
	page.Store32(end+4, tail)
	return true
}

// unmark takes an arena out.
func (m *addressMap) unmark(address uintptr) {
	if !m.used {
		return
	}
	page.Store32(m.leaf(address, nil), 0)
	if address&m.offsetMask != 0 {
		page.Store32(m.leaf(address+m.offsetMask+1, nil)+4, 0)
	}
}

// leaves calls f for every leaf that is not zero, and counts the nodes of both levels.
func (m *addressMap) leaves(f func(chunk uintptr, hi, lo int32)) (mids, bots uint64) {
	for i, mid := range m.root {
		if mid == 0 {
			continue
		}
		mids++
		for j := uintptr(0); j <= m.midMask; j++ {
			bot := page.Load(mid + j*8)
			if bot == 0 {
				continue
			}
			bots++
			for k := uintptr(0); k <= m.botMask; k++ {
				if leaf := page.Load(bot + k*8); leaf != 0 {
					f(uintptr(i)<<m.rootShift|j<<m.midShift|k<<m.botShift, int32(leaf), int32(leaf>>32))
				}
			}
		}
	}
	return mids, bots
}

// close gives the nodes back.
func (m *addressMap) close(os *page.OS) {
	for i, mid := range m.root {
		if mid == 0 {
			continue
		}
		for j := uintptr(0); j <= m.midMask; j++ {
			if bot := page.Load(mid + j*8); bot != 0 {
				os.Unmap(bot, (m.botMask+1)*8)
			}
		}
		os.Unmap(mid, (m.midMask+1)*8)
		m.root[i] = 0
	}
	m.mids, m.bots = 0, 0
}

// nodeBytes is what the nodes hold of the system's memory, in whole pages.
func (m *addressMap) nodeBytes() uint64 {
	return m.mids*uint64(page.RoundUp((m.midMask+1)*8)) + m.bots*uint64(page.RoundUp((m.botMask+1)*8))
}

// covered are the bits of an address that the map looks at.
func (m *addressMap) covered() uintptr {
	return m.rootMask<<m.rootShift | m.midMask<<m.midShift | m.botMask<<m.botShift | m.offsetMask
}
