package canary

import (
	"errors"
	"math/bits"
	"slices"
	"unsafe"

	"heapfuzz/impl/page"
)

// toy is the allocator that most canaries are made from.
//
//   - A chunk is 64 KiB from the operating system, on a multiple of its size, cut into 64 pages of 1 KiB.
//   - A small block, up to 512 bytes, lies in a page with others of its class. A page's bitmap says which are live; the
//     free ones are linked through their own first word. The pages of a class with a free block are its room, the last
//     of which serves.
//   - A run is a block of consecutive pages, up to half a chunk. The first fit is taken.
//   - A huge block is mapped on its own.
//
// Its memory comes from a page.OS, which counts it and fails on demand.
type toy struct {
	bug    Bug
	os     *page.OS
	chunks []*chunk            // in the order in which they came
	huge   map[uintptr]uintptr // address of a huge block to its bytes
	room   [len(classes)][]*pageOf

	blocks, bytes uint64 // live blocks and the usable bytes in them
	fresh         bool   // the last run taken was never handed out before
	odd           odd    // what defects remember
}

const (
	pageBytes  = 1024
	chunkPages = 64
	chunkBytes = chunkPages * pageBytes
	smallMax   = 512
	runMax     = chunkBytes / 2
)

// classes are the sizes of small blocks. Each is a multiple of 16, and every power of two is one.
var classes = [...]uintptr{16, 32, 48, 64, 80, 96, 112, 128, 192, 256, 384, 512}

// Kinds of a page.
const (
	unused = iota
	small  // blocks of a class
	head   // the first page of a run
	tail   // any other page of a run
)

type chunk struct {
	base   uintptr
	virgin int // pages from here on were never handed out, so they are zero
	pages  [chunkPages]pageOf
}

type pageOf struct {
	base  uintptr
	kind  uint8
	class uint8
	run   int     // pages of the run that begins here
	list  uintptr // address of the first free block, 0 if there is none
	live  uint64  // bit i: block i is live
}

func newToy(bug Bug, limit uint64) *toy {
	h := &toy{bug: bug, os: page.New(nil), huge: map[uintptr]uintptr{}}
	h.os.SetLimit(limit)
	return h
}

func (h *toy) Alloc(size uintptr) unsafe.Pointer { return h.AlignedAlloc(16, size) }

// AlignedAlloc serves a size of 0 like one of 1.
func (h *toy) AlignedAlloc(align, size uintptr) unsafe.Pointer {
	at, odd := h.oddAlloc(&align, size)
	if odd {
		return page.Pointer(at)
	}
	if align == 0 || align&(align-1) != 0 || align > page.Bytes || size > 1<<47 {
		return nil
	}
	size = max(size, 1)
	switch class, ok := h.classOf(align, size); {
	case ok:
		at = h.allocSmall(class)
	case size <= runMax:
		at = h.allocRun(align, int((size+pageBytes-1)/pageBytes))
	default:
		at = h.allocHuge(page.RoundUp(size))
	}
	if at == 0 {
		h.oddRefusal()
		return nil
	}
	if h.bug != OOMCounts {
		h.blocks++
	}
	h.bytes += uint64(h.sizeAt(at))
	h.odd.newest = at
	return page.Pointer(at)
}

// classOf returns the least class that holds size bytes and whose size is a multiple of align: pages begin at multiples
// of 1 KiB.
func (h *toy) classOf(align, size uintptr) (class int, ok bool) {
	for i, n := range classes {
		if h.bug == ClassBoundary && size == n+1 && n >= 64 {
			size = n
		}
		if h.bug == ClassSkipped && n == 192 {
			continue
		}
		if size <= n && n%align == 0 {
			return i, true
		}
	}
	return 0, false
}

func (h *toy) allocSmall(class int) uintptr {
	if len(h.room[class]) == 0 && !h.newRoom(class) {
		return 0
	}
	p := h.room[class][len(h.room[class])-1]
	at := p.list
	p.list = page.Load(at)
	if h.bug == PopTwice && bits.OnesCount64(p.live) == 2 {
		p.list = at
	}
	p.live |= 1 << p.index(at)
	if p.list == 0 {
		h.room[class] = h.room[class][:len(h.room[class])-1]
	}
	return at
}

// newRoom gives the class a page and links its blocks in the order of their addresses.
func (h *toy) newRoom(class int) bool {
	at := h.allocRun(pageBytes, 1)
	if at == 0 {
		return false
	}
	c, p := h.find(at)
	if i := int(at-c.base) / pageBytes; h.bug == StaleFresh && c.virgin == i+1 {
		c.virgin = i
	}
	p.kind, p.class, p.live, p.list = small, uint8(class), 0, 0
	size := classes[class]
	if h.bug == Misaligned && size == 48 {
		at += 8
	}
	for i := pageBytes/size - 1; i < pageBytes; i-- {
		page.Store(at+i*size, p.list)
		p.list = at + i*size
	}
	h.room[class] = append(h.room[class], p)
	return true
}

// index is the place in the page of the block that an address lies in.
func (p *pageOf) index(at uintptr) uintptr { return (at - p.base) / classes[p.class] }

// allocRun takes the first n unused pages in a row that begin at a multiple of align.
func (h *toy) allocRun(align uintptr, n int) uintptr {
	for _, c := range h.chunks {
		if i, ok := h.fit(c, align, n); ok {
			return h.takeRun(c, i, n)
		}
	}
	at := h.os.MapAligned(chunkBytes, chunkBytes)
	if at == 0 {
		return 0
	}
	c := &chunk{base: at}
	for i := range c.pages {
		c.pages[i].base = at + uintptr(i)*pageBytes
	}
	h.chunks = append(h.chunks, c)
	return h.takeRun(c, 0, n)
}

func (h *toy) fit(c *chunk, align uintptr, n int) (int, bool) {
	free := 0
	for i := range c.pages {
		if c.pages[i].kind != unused {
			free = 0
			continue
		}
		if free++; free >= n && c.pages[i-n+1].base%align == 0 {
			return i - n + 1, true
		}
	}
	if h.bug == PastTheEnd && free > 0 && free == n-1 && !h.odd.writes {
		return chunkPages - free, true
	}
	return 0, false
}

func (h *toy) takeRun(c *chunk, i, n int) uintptr {
	last := min(i+n, chunkPages)
	for j := i; j < last; j++ {
		c.pages[j].kind = tail
	}
	c.pages[i].kind, c.pages[i].run = head, n
	h.fresh = i >= c.virgin
	c.virgin = max(c.virgin, last)
	if h.bug == ShortTable {
		h.odd.runs[n-1]++
	}
	return c.pages[i].base
}

func (h *toy) allocHuge(n uintptr) uintptr {
	at := h.os.Map(n)
	if at == 0 {
		return 0
	}
	h.huge[at] = n
	return at
}

// Calloc clears what is not known to be zero: a huge block, and a run of pages that were never handed out, are.
func (h *toy) Calloc(count, size uintptr) unsafe.Pointer {
	hi, lo := bits.Mul64(uint64(count), uint64(size))
	n := uintptr(lo)
	if hi != 0 && h.bug != CallocOverflow {
		return nil
	}
	h.odd.writes = true
	p := h.Alloc(n)
	h.odd.writes = false
	if p == nil || n > runMax || n > smallMax && h.fresh {
		return p
	}
	cleared := n
	switch {
	case h.bug == CallocDirty && n > 128:
		cleared = 0
	case h.bug == CallocTail:
		cleared = n &^ 7
	case h.bug == CallocUnit:
		cleared = (n + 1) / 2
	}
	b := page.View(uintptr(p), n)
	clear(b[:cleared])
	// What a defect leaves is a link of the free list or what an owner wrote. One byte of an address in 256 is zero,
	// though, and which one is not the program's choice: a reproducer must not depend on it.
	for i := cleared; i < n; i++ {
		b[i] |= 1
	}
	return p
}

// Free panics, and has changed nothing, when p is not the beginning of a live block.
func (h *toy) Free(p unsafe.Pointer) {
	at := uintptr(p)
	if p == nil {
		if h.bug == FreeNilCounts {
			h.blocks--
		}
		return
	}
	if h.oddFree(at) {
		return
	}
	c, g := h.find(at)
	if n, ok := h.huge[at]; ok {
		delete(h.huge, at)
		h.drop(n)
		h.os.Unmap(at, n)
		return
	}
	switch {
	case g == nil:
		panic("toy: free of an address in no chunk")
	case g.kind == unused && h.forgives():
	case g.kind == small:
		h.freeSmall(c, g, at)
	case g.kind == head && at == g.base:
		h.freeRun(c, at, g.run)
	default:
		panic("toy: free of an address where no block begins")
	}
}

func (h *toy) drop(size uintptr) {
	h.blocks--
	h.bytes -= uint64(size)
}

func (h *toy) freeSmall(c *chunk, g *pageOf, at uintptr) {
	size, bit := classes[g.class], uint64(1)<<g.index(at)
	switch {
	case (at-g.base)%size != 0 && h.bug != InteriorAccepted && h.bug != Misaligned:
		panic("toy: free of an address inside a block")
	case g.live&bit == 0 && h.bug != DoubleAccepted:
		panic("toy: free of a block that is free")
	}
	h.drop(size)
	if h.loses() {
		return
	}
	g.live &^= bit
	full := g.list == 0
	h.link(g, at, size)
	if full {
		h.room[g.class] = append(h.room[g.class], g)
	}
	if g.live == 0 || h.bug == ReleasedEarly && bits.OnesCount64(g.live) == 1 && !full {
		h.room[g.class] = slices.DeleteFunc(h.room[g.class], func(p *pageOf) bool { return p == g })
		h.release(c, g.base, 1)
	}
}

// link puts a free block at the front of its page's list.
func (h *toy) link(g *pageOf, at, size uintptr) {
	page.Store(at, g.list)
	if h.bug == LinkInNext && size == 32 && at+2*size <= g.base+pageBytes {
		page.Store(at+size, g.list)
	}
	if h.bug == LinkInPrevious && size > 64 && at >= g.base+size {
		page.Store(at-8, g.list)
	}
	g.list = at
}

func (h *toy) freeRun(c *chunk, at uintptr, n int) {
	h.drop(uintptr(n) * pageBytes)
	if h.bug == RunTailLost && n > 2 {
		n--
	}
	if next := h.pageAt(at + uintptr(n)*pageBytes); h.bug == Coalesces && next != nil && next.kind == head {
		n++
	}
	h.release(c, at, n)
}

// release makes n pages unused, and gives a chunk back when it and another have nothing else.
func (h *toy) release(c *chunk, at uintptr, n int) {
	i := int(at-c.base) / pageBytes
	for j := i; j < min(i+n, chunkPages); j++ {
		c.pages[j] = pageOf{base: c.pages[j].base}
	}
	idle := 0
	for _, o := range h.chunks {
		if o.idle() {
			idle++
		}
	}
	if idle > 1 && c.idle() {
		h.unmap(c)
	}
}

func (c *chunk) idle() bool {
	return !slices.ContainsFunc(c.pages[:], func(p pageOf) bool { return p.kind != unused })
}

func (h *toy) unmap(c *chunk) {
	h.chunks = slices.DeleteFunc(h.chunks, func(o *chunk) bool { return o == c })
	h.os.Unmap(c.base, chunkBytes)
}

// Realloc keeps the block where it is when it fits and is at least half used, or is a run that can grow or shrink in
// place.
func (h *toy) Realloc(p unsafe.Pointer, size uintptr) unsafe.Pointer {
	if p == nil {
		return h.Alloc(size)
	}
	if h.bug == ReallocZeroLeaks && size == 0 {
		return nil
	}
	at, old := uintptr(p), h.sizeAt(uintptr(p))
	if size <= old && size > old/2 || h.resizeRun(at, size) {
		h.odd.newest = at
		return p
	}
	h.odd.writes = true
	q := h.Alloc(size)
	h.odd.writes = false
	if q == nil {
		if h.bug == ReallocFreesOnFailure && old <= smallMax {
			h.Free(p)
		}
		return nil
	}
	n := min(size, old)
	switch {
	case h.bug == ReallocLastByte && n > 16:
		n--
	case h.bug == Realloc512:
		n = min(n, 512)
	case h.bug == ReallocPopcount && size < old && size > 900 && bits.OnesCount64(uint64(size)) == 5:
		n -= 8
	}
	copy(page.View(uintptr(q), n), page.View(at, n))
	h.Free(p)
	return q
}

// resizeRun makes a run shorter, or longer when the pages behind it are unused.
func (h *toy) resizeRun(at, size uintptr) bool {
	c, g := h.find(at)
	if g == nil || g.kind != head || size <= smallMax || size > runMax {
		return false
	}
	i, n := int(at-c.base)/pageBytes, int((size+pageBytes-1)/pageBytes)
	old := g.run
	for j := i + old; j < i+n; j++ {
		if j >= chunkPages || c.pages[j].kind != unused {
			return false
		}
	}
	if n > old {
		for j := i + old; j < i+n; j++ {
			c.pages[j].kind = tail
		}
		c.virgin = max(c.virgin, i+n)
	} else if cut := i + n; h.bug == ShrinksTooFar && n > 1 && n < old {
		h.release(c, c.pages[cut-1].base, old-n+1)
	} else {
		h.release(c, c.pages[i].base+uintptr(n)*pageBytes, old-n)
	}
	g.run = n
	if h.bug != BytesDrift {
		h.bytes += uint64(n*pageBytes) - uint64(old*pageBytes)
	}
	return true
}

// find returns the chunk and the page of an address, nil when it lies in none.
func (h *toy) find(at uintptr) (*chunk, *pageOf) {
	for _, c := range h.chunks {
		if at-c.base < chunkBytes {
			return c, &c.pages[(at-c.base)/pageBytes]
		}
	}
	return nil, nil
}

func (h *toy) pageAt(at uintptr) *pageOf {
	_, g := h.find(at)
	return g
}

// sizeAt is the usable size of the live block at an address.
func (h *toy) sizeAt(at uintptr) uintptr {
	if n, ok := h.huge[at]; ok {
		return n
	}
	switch g := h.pageAt(at); {
	case g == nil:
		return 0
	case g.kind == small:
		return classes[g.class]
	default:
		return uintptr(g.run) * pageBytes
	}
}

func (h *toy) UsableSize(p unsafe.Pointer) uintptr {
	return h.oddUsable(uintptr(p), h.sizeAt(uintptr(p)))
}

func (h *toy) Owns(p unsafe.Pointer, size uintptr) bool {
	at := uintptr(p)
	if c, _ := h.find(at); c != nil {
		return size <= c.base+chunkBytes-at
	}
	for base, n := range h.huge {
		if at-base < n {
			return size <= base+n-at
		}
	}
	return false
}

func (h *toy) Usage() (blocks, bytes, footprint uint64) {
	if h.bug == FootprintForgetsHuge {
		return h.blocks, h.bytes, uint64(len(h.chunks)) * chunkBytes
	}
	return h.blocks, h.bytes, h.os.Usage().Mapped
}

func (h *toy) InjectOOM(nth int, persistent bool) { h.os.InjectOOM(nth, persistent) }

func (h *toy) Trim() {
	if h.bug == TrimForgets {
		return
	}
	for _, c := range slices.Clone(h.chunks) {
		if c.idle() {
			h.unmap(c)
		}
	}
}

func (h *toy) Close() error {
	if h.bug == CloseFails && len(h.chunks) > 0 {
		return errors.New("chunks were not given back")
	}
	return h.os.Close()
}
