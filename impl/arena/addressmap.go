package arena

import (
	"bytes"
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
//	hi   an arena starts at this offset less one; 0: none
//
// so t is inside <=> t < lo, or hi != 0 and t >= hi-1. (C has -1 for a start at the chunk's first byte, and the offset
// itself otherwise. One more than the offset saves a case, and lets has decide with a single branch: which of the two
// arenas of a chunk an address belongs to is a coin that no branch predictor guesses.)
//
// Nodes never move and never go while the heap lives, so has remembers the bottom node that it saw last. One covers
// 256 MiB (3.10) or 16 GiB (3.11), and so two of the three dependent loads are nearly always spared.
//
// The root is static in C; here it is a table of the heap, and only as long as addresses need it: the system gives
// none of more than addressBits, which leaves 256 of the 32,768 entries of 3.11. A mapping of the whole length,
// untouched but for one page, took more time than all else about opening a heap. Nodes come from the system when an
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
	root                          []uintptr // its entries from the first; those behind are 0
	mids, bots                    uint64    // nodes of each level that exist
	nodes                         []uintptr // all of them, to give them back: made by leaf, mids and bots mixed
	lastKey, lastBot              uintptr   // the node that has saw last, and the address bits that lead to it
}

// addressBits are the bits of the widest address of a process, on machines with page tables of five levels.
const addressBits = 57

// newAddressMap returns the map of a profile, which is not used if the profile has none.
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
	}
	m.lastKey = ^uintptr(0) // no address leads there, since some bits are the offset's
	m.root = make([]uintptr, min(m.rootMask, (1<<addressBits-1)>>m.rootShift)+1)
	return m
}

// has reports whether address b is in an arena.
func (m *addressMap) has(b uintptr) bool {
	return (b>>(m.midShift&63) == m.lastKey || m.seek(b)) && m.inChunk(b)
}

// inChunk reports whether address b is in an arena, if the bottom node that has saw last is that of b.
func (m *addressMap) inChunk(b uintptr) bool {
	// One load takes both numbers of the leaf: hi in the lower half, lo in the upper. A missing start, 0, becomes the
	// largest offset. Either difference has its sign set exactly if its comparison holds.
	leaf := page.Load(m.lastBot + b>>(m.botShift&63)&m.botMask*8)
	t := int64(b & m.offsetMask)
	return (t-int64(leaf>>32))|^(t-int64(uint32(leaf)-1)) < 0
}

// seek walks from the root to the bottom node of b and remembers it. It reports false if there is none. It is rare, and
// inlined it would take registers from the short path of Free.
//
//go:noinline
func (m *addressMap) seek(b uintptr) bool {
	i := b >> m.rootShift & m.rootMask
	if i >= uintptr(len(m.root)) || m.root[i] == 0 {
		return false
	}
	mid := m.root[i]
	bot := page.Load(mid + b>>m.midShift&m.midMask*8)
	if bot == 0 {
		return false
	}
	m.lastKey, m.lastBot = b>>m.midShift, bot
	return true
}

// nodeSize is the size of the node whose index has a mask, in whole pages.
func nodeSize(mask uintptr) uintptr { return page.RoundUp((mask + 1) * 8) }

// leaf returns the address of the leaf of b, making the nodes on the way if os is given. It returns 0 if there is none
// and none can be made.
func (m *addressMap) leaf(b uintptr, os *page.OS) uintptr {
	i := b >> m.rootShift & m.rootMask
	if i >= uintptr(len(m.root)) {
		return 0
	}
	mid := m.child(&m.root[i], m.midMask, &m.mids, os)
	if mid == 0 {
		return 0
	}
	bot := m.child(&entries(mid, m.midMask)[b>>m.midShift&m.midMask], m.botMask, &m.bots, os)
	if bot == 0 {
		return 0
	}
	return bot + b>>m.botShift&m.botMask*8
}

// child returns the node that an entry leads to, making and counting one if os is given.
func (m *addressMap) child(entry *uintptr, mask uintptr, count *uint64, os *page.OS) uintptr {
	if *entry != 0 || os == nil {
		return *entry
	}
	node := os.Map(nodeSize(mask))
	if node != 0 {
		*entry = node
		m.nodes = append(m.nodes, node)
		*count++
	}
	return node
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
	if tail != 0 {
		end := m.leaf(address+m.offsetMask+1, os)
		if end == 0 {
			return false
		}
		page.Store32(end+4, tail)
	}
	page.Store32(at, tail+1)
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

// zeroPage is what a page without an entry looks like.
var zeroPage [page.Bytes]byte

// leaves calls f for every leaf that is not zero, and counts the nodes of both levels by the entries that lead to them.
// Unless it is told to look at all, it passes over pages of a node that the system has not put in memory: nobody wrote
// to them, or they are swapped out.
func (m *addressMap) leaves(all bool, f func(chunk uintptr, hi, lo int32)) (mids, bots uint64) {
	each := func(node, mask uintptr, f func(i int, v uintptr)) {
		view := func(at, n uintptr) {
			if n == page.Bytes && bytes.Equal(page.View(at, n), zeroPage[:]) {
				return // a page that an earlier owner touched is in memory, and as empty as others
			}
			first := int(at-node) / 8
			for i, v := range entries(at, n/8-1) {
				if v != 0 {
					f(first+i, v)
				}
			}
		}
		if n := (mask + 1) * 8; all || n%page.Bytes != 0 {
			view(node, n)
		} else {
			page.Resident(node, n, view)
		}
	}
	for i, mid := range m.root {
		if mid == 0 {
			continue
		}
		mids++
		each(mid, m.midMask, func(j int, bot uintptr) {
			bots++
			each(bot, m.botMask, func(k int, leaf uintptr) {
				chunk := uintptr(i)<<m.rootShift | uintptr(j)<<m.midShift | uintptr(k)<<m.botShift
				f(chunk, int32(leaf), int32(leaf>>32))
			})
		})
	}
	return mids, bots
}

// entries is a node as a slice.
func entries(node, mask uintptr) []uintptr {
	return unsafe.Slice((*uintptr)(page.Pointer(node)), mask+1)
}

// close gives the nodes back.
func (m *addressMap) close(os *page.OS) {
	for _, node := range m.nodes {
		os.Unmap(node, os.Size(node))
	}
	*m = addressMap{}
}

// nodeBytes is what the nodes hold of the system's memory, in whole pages.
func (m *addressMap) nodeBytes() uint64 {
	return m.mids*uint64(nodeSize(m.midMask)) + m.bots*uint64(nodeSize(m.botMask))
}

// covered are the bits of an address that the map looks at.
func (m *addressMap) covered() uintptr {
	return m.rootMask<<m.rootShift | m.midMask<<m.midShift | m.botMask<<m.botShift | m.offsetMask
}
