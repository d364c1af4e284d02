package heap

import (
	"slices"
	"strings"

	"heapfuzz/model"
)

// Model is the state of a heap as its user knows it: which blocks are live, where they lie, how large they are. It
// keeps no content: the one who drives verifies that, and tells the offset of the first wrong byte, plus 1.
type Model struct {
	Contract Contract
	slots    []block  // by slot; one without an address is no block
	live     int      // how many are
	pages    [][]held // the blocks with a byte in a page of 4 KiB, wide ones apart; see list
	wide     []held   // the blocks of wideBytes and more, of which there are few at a time
	asked    uint64   // bytes asked for in live blocks
	usable   uint64   // bytes usable in live blocks
	limited  bool     // the operating system gives only so much
	nth      uint64   // the operating system was told to fail the nth request from here; 0: it was not
	forever  bool     // and all from it
	lost     bool     // whether it has failed, or how many requests there were, is not known
	failed   bool     // a request failed since the last count that was right
	trimmed  bool     // nothing has been allocated or freed since the last trim
}

type block struct {
	Block
	size uintptr
	way  int  // which of the contract's Stays is about it: a block keeps the way that it was made
	poor bool // that is not known, as it was made when memory was short, or nothing was asked for
}

// held is a block in one of the lists that are searched.
type held struct {
	slot uint32
	Block
}

// lists is how many lists there are of blocks by page. A program touches less pages; of a recording's 100,000 blocks
// each list has some 200.
const lists = 512

// list is where the blocks with a byte in a page are, and those of every page that is lists pages away: who looks for
// blocks compares addresses, and more blocks than need be do no harm.
func (m *Model) list(page uint64) *[]held { return &m.pages[page%lists] }

// wideBytes bounds the pages that a block is entered in: a block of LiveBytesMax has a quarter of a million.
const wideBytes = 64 << 12

type violation = *model.Violation

// New returns the model of an empty heap. In a limited world the operating system gives only so much.
func New(c Contract, limited bool) *Model {
	return &Model{Contract: c, limited: limited, pages: make([][]held, lists)}
}

// Reset makes a model that of another empty heap, in which nothing but buffers is left of what was.
func (m *Model) Reset(c Contract, limited bool) {
	m.Drain()
	*m = Model{Contract: c, limited: limited, slots: m.slots[:0], pages: m.pages, wide: m.wide}
}

// Live tells whether the slot holds a block.
func (m *Model) Live(slot uint32) bool { return int(slot) < len(m.slots) && m.slots[slot].Addr != 0 }

// UsableOf is the usable size of the block of slot.
func (m *Model) UsableOf(slot uint32) uint64 { return m.slots[slot].Usable }

// Blocks is the number of slots that do.
func (m *Model) Blocks() int { return m.live }

// Room tells whether there is room for size more bytes.
func (m *Model) Room(size uintptr) bool { return Room(m.asked, size) }

// Alloc judges a new block for slot.
func (m *Model) Alloc(slot uint32, req Request, b Block) violation {
	if m.Contract.Requests && m.denied() {
		return Denied.Breach("p%d is a block, but the operating system was told to refuse", slot)
	}
	if v := m.enter(slot, req, b); v != nil {
		return v
	}
	return m.bounded(slot, req, b)
}

// bounded judges the waste of a block that is new.
func (m *Model) bounded(slot uint32, req Request, b Block) violation {
	n, more := counted(req.Size), uintptr(0)
	if req.Align > max(m.Contract.Align, 1) {
		n = max(n, req.Align)
		more = n
	}
	for i := range m.Contract.Waste {
		w := &m.Contract.Waste[i]
		if most, promised := w.most(n); promised && !m.short() {
			return wasted(slot, b, req.Size, n+most+more)
		}
	}
	return nil
}

// counted is what a request for size bytes counts as when waste is judged: one for nothing has a way of its own in many
// allocators, which gives the least block of another kind.
func counted(size uintptr) uintptr {
	if size == 0 {
		return 16
	}
	return size
}

// wasted judges the size of a block that may be as large as most.
func wasted(slot uint32, b Block, asked, most uintptr) violation {
	if b.Usable > uint64(most) {
		return Wasted.Breach("p%d has %d bytes where %d were asked for, and may have %d", slot, b.Usable, asked, most)
	}
	return nil
}

// enter judges a block but for its waste, and makes it that of slot.
func (m *Model) enter(slot uint32, req Request, b Block) violation {
	align := uint64(max(req.Align, m.Contract.Align, 1))
	switch {
	case b.Addr == 0:
		return Serves.Breach("p%d is nil", slot)
	case b.Addr%align != 0:
		return Aligned.Breach("p%d is not a multiple of %d: the remainder is %d", slot, align, b.Addr%align)
	case req.Size >= NoSuchSize:
		return Size.Breach("p%d is said to have %d bytes: no machine has as many", slot, req.Size)
	case b.Usable < uint64(req.Size):
		return Size.Breach("p%d has %d bytes where %d were asked for", slot, b.Usable, req.Size)
	}
	if other, ok := m.Overlap(b); ok {
		o := m.slots[other]
		lo, hi := max(b.Addr, o.Addr), min(b.Addr+span(b), o.Addr+span(o.Block))
		return Disjoint.Breach("p%d overlaps live p%d in its bytes [%d, %d)", slot, other, lo-o.Addr, hi-o.Addr)
	}
	if n := int(slot) + 1 - len(m.slots); n > 0 {
		m.slots = append(m.slots, make([]block, n)...)
	}
	is := &m.slots[slot]
	is.Block, is.size, is.way, is.poor = b, req.Size, m.way(b), req.Size == 0 || m.short()
	m.live++
	m.asked += uint64(req.Size)
	m.usable += b.Usable
	m.trimmed = false
	if b.Usable >= wideBytes {
		m.wide = append(m.wide, held{slot, b})
		return nil
	}
	for page := b.Addr >> 12; page <= (b.Addr+span(b)-1)>>12; page++ {
		in := m.list(page)
		*in = append(*in, held{slot, b})
	}
	return nil
}

// Overlap returns a live slot that shares a byte with b. A block of no bytes takes up one, so that its address is its
// own.
func (m *Model) Overlap(b Block) (found uint32, ok bool) {
	look := func(blocks []held) {
		for _, o := range blocks {
			if o.Addr < b.Addr+span(b) && b.Addr < o.Addr+span(o.Block) && (!ok || o.slot < found) {
				found, ok = o.slot, true
			}
		}
	}
	look(m.wide)
	if b.Usable>>12 > uint64(len(m.slots)) { // fewer slots than pages
		for slot, o := range m.slots {
			if o.Addr != 0 {
				look([]held{{uint32(slot), o.Block}})
			}
		}
		return found, ok
	}
	for page := b.Addr >> 12; page <= (b.Addr+span(b)-1)>>12; page++ {
		look(*m.list(page))
	}
	return found, ok
}

func span(b Block) uint64 { return max(b.Usable, 1) }

// Free forgets the block of slot.
func (m *Model) Free(slot uint32) {
	b := m.slots[slot]
	m.slots[slot] = block{}
	m.live--
	m.asked -= uint64(b.size)
	m.usable -= b.Usable
	m.trimmed = false
	if b.Usable >= wideBytes {
		m.wide = slices.DeleteFunc(m.wide, func(o held) bool { return o.slot == slot })
		return
	}
	for page := b.Addr >> 12; page <= (b.Addr+span(b.Block)-1)>>12; page++ {
		in := m.list(page)
		at := slices.IndexFunc(*in, func(o held) bool { return o.slot == slot })
		*in = slices.Delete(*in, at, at+1)
	}
}

// Drain forgets every block.
func (m *Model) Drain() {
	clear(m.slots)
	for i := range m.pages {
		m.pages[i] = m.pages[i][:0]
	}
	m.live = 0
	m.wide = m.wide[:0]
	m.asked, m.usable, m.trimmed = 0, 0, false
}

// Realloc judges the block that slot has after it was resized.
func (m *Model) Realloc(slot uint32, size uintptr, b Block) violation {
	old, req := m.slots[slot], Request{Size: size}
	if m.Contract.Requests && m.denied() {
		return Denied.Breach("p%d has a block, but the operating system was told to refuse", slot)
	}
	m.Free(slot)
	if v := m.enter(slot, req, b); v != nil {
		return v
	}
	now := &m.slots[slot]
	now.way, now.poor = max(now.way, old.way), now.poor || old.poor
	if v := m.stays(slot, size, old, b); v != nil {
		return v
	}
	if b.Addr != old.Addr && m.Contract.Stays[0].UpTo > 0 && now.way == 0 && !now.poor {
		return m.bounded(slot, req, b)
	}
	n := counted(size)
	if most, promised := m.Contract.Resized.most(n); promised && !m.short() {
		return wasted(slot, b, size, n+most)
	}
	return nil
}

// way is which of the contract's Stays is about a new block, by its usable bytes.
func (m *Model) way(b Block) (i int) {
	for i < len(m.Contract.Stays)-1 && b.Usable > uint64(m.Contract.Stays[i].UpTo) {
		i++
	}
	return i
}

// stays judges where the block of slot is after it was resized.
func (m *Model) stays(slot uint32, size uintptr, old block, b Block) violation {
	s := m.Contract.Stays[old.way]
	if uint64(size) > old.Usable || s.UpTo == 0 {
		return nil
	}
	moved, stay := b.Addr != old.Addr, uint64(s.Den*size) >= uint64(s.Num)*old.Usable+uint64(s.Plus)
	stay = stay || old.Usable <= uint64(s.Least)
	if stay && moved || !stay && !moved && s.Moves && !old.poor && !m.short() {
		return Stays.Breach("p%d of %d bytes is resized to %d: moved is %v", slot, old.Usable, size, moved)
	}
	return nil
}

// Refuse judges a request that failed. No machine has NoSuchSize.
func (m *Model) Refuse(req Request) violation {
	c, size := m.Contract, req.Size
	large := size >= NoSuchSize || c.SizeMax != 0 && size > c.SizeMax || req.Align > max(c.AlignMax, c.Align, 1)
	if large || size == 0 && c.ZeroNil {
		m.lost = true // who is refused like that may have asked the operating system, and may not have
		return nil
	}
	may := m.short() || c.MayRefuse
	if c.Requests {
		denied := m.denied()
		m.lost = m.lost || c.MayRefuse
		may = denied || m.limited || m.lost && (m.nth > 0 || c.MayRefuse)
	} else if m.nth > 0 && !m.forever {
		m.nth = 0 // one failure refuses one request
	}
	if may {
		return nil
	}
	return Serves.Breach("%d bytes refused with %d bytes live", size, m.asked)
}

// Scarce says that the operating system fails the nth request from here, and all from it when that is forever; 0 takes
// it back.
func (m *Model) Scarce(nth uint64, forever bool) { m.nth, m.forever, m.lost = nth, forever, false }

// short tells whether the operating system may refuse.
func (m *Model) short() bool { return m.nth > 0 || m.limited }

// denied counts a request to the operating system, and tells whether it fails.
func (m *Model) denied() bool {
	switch {
	case m.nth == 0 || m.lost:
		return false
	case m.nth > 1:
		m.nth--
		return false
	}
	if !m.forever {
		m.nth = 0
	}
	return true
}

// Trim says that the allocator was told to give back what it does not need.
func (m *Model) Trim() { m.trimmed = true }

// Failed says that a request failed: until the next count that is right, a wrong one is its fault.
func (m *Model) Failed() { m.failed = true }

// Count judges the numbers of blocks and bytes in use that the allocator tells.
func (m *Model) Count(blocks, bytes uint64) violation {
	r := Accounted
	if m.failed {
		r = Failure
	} else if m.live == 0 {
		r = Returned
	}
	switch {
	case m.Contract.Inexact:
	case blocks != uint64(m.live):
		return r.Breach("%d blocks in use where %d are live", blocks, m.live)
	case bytes < m.asked:
		return r.Breach("%d bytes in use where %d were asked for", bytes, m.asked)
	case m.live == 0 && bytes != 0:
		return r.Breach("%d bytes in use where nothing is live", bytes)
	case m.Contract.Usables && bytes != m.usable:
		return r.Breach("%d bytes in use where %d are usable", bytes, m.usable)
	}
	m.failed = false
	return nil
}

// Footprint judges how much memory the allocator says that it has from the operating system.
func (m *Model) Footprint(bytes uint64) violation {
	keep := m.Contract.Retained
	switch {
	case m.Contract.Inexact:
	case bytes < m.usable:
		return Accounted.Breach("%d bytes of footprint hold %d usable ones", bytes, m.usable)
	case keep >= 0 && m.trimmed && m.live == 0 && bytes > uint64(keep):
		return Returned.Breach("%d bytes kept where %d may be", bytes, keep)
	}
	return nil
}

// Usable judges the usable size that the allocator tells of a live block.
func (m *Model) Usable(slot uint32, n uint64) violation {
	if was := m.slots[slot].Usable; n != was {
		return Usable.Breach("p%d has %d usable bytes, and had %d", slot, n, was)
	}
	return nil
}

// Check judges what the allocator says of its own invariants: "" is well, otherwise "name: detail".
func (m *Model) Check(said string) violation {
	if said == "" {
		return nil
	}
	name, _, _ := strings.Cut(said, ":")
	return &model.Violation{Rule: Invariant, Cause: name, Detail: said}
}
