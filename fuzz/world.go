package fuzz

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/props/heaptest"
)

// boundary is what allocators like their memory to begin at: the arena of the newest pymalloc is this large.
const boundary = 1 << 20

// source returns the operating system of a world.
func source(w heaptest.World) *stretch {
	skew := uintptr(w.Skew) * page.Bytes % boundary
	if w.Limit != 0 {
		return &stretch{left: w.Limit * heaptest.LimitUnit, skew: skew}
	}
	return &stretch{left: ampleBytes, skew: skew, more: page.Mmap{}}
}

// ampleBytes is what a world without a limit gives from its stretch before it takes memory from anywhere: more than all
// but the longest programs need, and little enough to be reserved by any machine.
const ampleBytes = 64 << 20

// stretch is the operating system of one target: it gives so many bytes and then no more, or more from elsewhere.
//
// What a target answers when memory runs out, or when the third request fails, depends on what it asks for, and that
// depends on addresses: an arena that begins off its boundary has a pool less, and a map of addresses has another node.
// Where the system puts a mapping changes from run to run, and the answers of a program would change with it. So a
// target's memory lies in one stretch of the address space that begins at a multiple of its own size, and is divided by
// first fit: all is the same each time but the place of the stretch. A run begins at a multiple of its own size too, up
// to that of the boundary, where there is room for that.
type stretch struct {
	left uint64      // bytes that may still be given; changed by Map and Unmap
	skew uintptr     // runs begin so far past a boundary, where there is room for that
	more page.Source // gives what the stretch has no room for; nil: nobody does

	dirt  bool    // what is given is not zero
	rough bool    // the allocator takes more at once than it calls its own; see Given
	base  uintptr // 0 while nothing is given
	bytes uintptr // of address space
	given uintptr // bytes from base on that this target was given before
	stale stale   // what lies there from targets before this one
	runs  runs    // given of the stretch and not taken back
	far   runs    // the same from elsewhere
}

// Map gives bytes that are zero, or dirt.
func (s *stretch) Map(n uintptr) uintptr {
	addr := s.take(n)
	if addr == 0 && s.more != nil {
		if addr = s.more.Map(n); addr != 0 {
			s.far.add(addr, n)
		}
	}
	if addr != 0 && s.dirt {
		soil := page.View(addr, min(n, dirtMax))
		for i := range soil {
			soil[i] = page.Poison
		}
	}
	return addr
}

// dirtMax is how much of a run is dirt: the largest slab.
const dirtMax = 64 << 10

// Given is what the system has given and not taken back; see heap.Grounded.
func (s *stretch) Given() (bytes uint64, exact bool) {
	for _, r := range s.runs {
		bytes += uint64(r.bytes)
	}
	for _, r := range s.far {
		bytes += uint64(r.bytes)
	}
	return bytes, !s.rough
}

// Gave tells whether that is so of the bytes from p on, all of one run.
func (s *stretch) Gave(p unsafe.Pointer, size uintptr) bool {
	addr, rs := uintptr(p), s.runs
	i := rs.find(addr)
	if i < 0 {
		rs = s.far
		i = rs.find(addr)
	}
	return i >= 0 && size <= rs[i].addr+rs[i].bytes-addr
}

type run struct{ addr, bytes uintptr }

// runs are in the order of addresses.
type runs []run

// find is the place of the run that has an address, -1 if none has. Of the runs from at on the first n may have it.
// Which half of them does, no processor guesses: so a borrow decides, and no branch.
func (rs runs) find(addr uintptr) int {
	at, n := 0, len(rs)
	for n > 1 {
		half := n / 2
		_, before := bits.Sub64(uint64(addr), uint64(rs[at+half].addr), 0)
		at += half & (int(before) - 1)
		n -= half
	}
	if n == 0 || addr-rs[at].addr >= rs[at].bytes {
		return -1
	}
	return at
}

func (rs *runs) add(addr, n uintptr) {
	i, _ := slices.BinarySearchFunc(*rs, addr, func(r run, a uintptr) int { return cmp.Compare(r.addr, a) })
	*rs = slices.Insert(*rs, i, run{addr, n})
}

// cut takes n bytes out of the run at i.
func (rs *runs) cut(i int, addr, n uintptr) {
	r := (*rs)[i]
	var rest []run
	if addr > r.addr {
		rest = append(rest, run{r.addr, addr - r.addr})
	}
	if end := r.addr + r.bytes; addr+n < end {
		rest = append(rest, run{addr + n, end - addr - n})
	}
	*rs = slices.Replace(*rs, i, i+1, rest...)
}

func (s *stretch) take(n uintptr) uintptr {
	if uint64(n) > s.left || s.base == 0 && !s.reserve() {
		return 0
	}
	align := min(boundary, uintptr(1)<<bits.Len64(uint64(n-1)))
	addr, ok := s.fit(n, align, s.skew)
	if s.skew == 0 || !ok {
		addr, ok = s.fit(n, page.Bytes, 0)
	}
	if !ok {
		return 0
	}
	if at := addr - s.base; at < s.given {
		wipe(addr, n)
	} else {
		s.stale.wipe(s.base, at, n)
	}
	s.given = max(s.given, addr+n-s.base)
	s.left -= uint64(n)
	s.runs.add(addr, n)
	return addr
}

// leaks tells of memory that was not given back, when all should be.
func (s *stretch) leaks() error {
	if n := len(s.runs) + len(s.far); n > 0 {
		return fmt.Errorf("memory is not given back: %d runs", n)
	}
	return nil
}

// reserve maps the stretch: twice what is given, so that gaps between runs are seldom what is refused for. It takes one
// that nobody uses any more, if there is one.
func (s *stretch) reserve() bool {
	s.bytes, s.given = uintptr(1)<<bits.Len64(2*s.left+2*boundary), 0
	var used uintptr
	if s.base, used = spares.take(s.bytes); s.base == 0 {
		s.base = mapAligned(s.bytes)
	}
	s.stale.look(s.base, used)
	return s.base != 0
}

// stale are the pages of a stretch that were touched by those who had it before, a bit for each. Most were not, and are
// zero still. The others stay in memory, since to touch a page for the first time costs as much as to clear ten, and a
// hundred where the machine is virtual; they are cleared when they are given, all that a run has. To ask the system
// once for each stretch and not for each run takes a third off the time of a short program. Pages behind spareDirtyMax
// go back instead. To give back more, all of them once there were 2 MiB, doubled the time of a program.
type stale [spareDirtyMax / page.Bytes / 64]uint64

// look learns which of the first n bytes of a stretch were touched.
func (s *stale) look(base, n uintptr) {
	*s = stale{}
	page.Resident(base, n, func(addr, n uintptr) {
		for at := (addr - base) / page.Bytes; n > 0; at, n = at+1, n-page.Bytes {
			s[at/64] |= 1 << (at % 64)
		}
	})
}

// end is how many bytes of a stretch may be stale.
func (s *stale) end() uintptr {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0 {
			return uintptr(i+1) * 64 * page.Bytes
		}
	}
	return 0
}

// wipe makes n bytes at an offset of a stretch zero that its user was not given before. Neighbours are cleared at once,
// which costs less than one by one.
func (s *stale) wipe(base, at, n uintptr) {
	for p, end := at/page.Bytes, min((at+n)/page.Bytes, 64*uintptr(len(s))); p < end; p++ {
		from := p
		for p < end && s[p/64]>>(p%64)&1 != 0 {
			p++
		}
		if from < p {
			clear(page.View(base+from*page.Bytes, (p-from)*page.Bytes))
		}
	}
}

// wipe makes n bytes zero that its user was given before.
func wipe(addr, n uintptr) {
	if n <= wipeMax {
		clear(page.View(addr, n))
		return
	}
	page.Resident(addr, n, func(addr, n uintptr) { clear(page.View(addr, n)) })
}

const (
	wipeMax = 32 << 10 // bytes up to which it costs less to clear them than to ask which of their pages are in memory
)

// spares are stretches that nobody uses: to map one, to touch its pages for the first time and to give it back costs
// more than all else that a short program does.
var spares spareStretches

type spareStretches struct {
	lock   sync.Mutex
	unused []spareStretch // sparesMax at most
}

type spareStretch struct{ base, bytes, used uintptr }

const (
	sparesMax     = 16      // stretches; targets are seldom more at a time
	spareDirtyMax = 4 << 20 // bytes of one, of which the touched ones stay in memory
)

// take returns a stretch of so many bytes, and how many of them may have been touched; 0 when there is none.
func (s *spareStretches) take(bytes uintptr) (base, used uintptr) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for i, u := range s.unused {
		if u.bytes == bytes {
			s.unused = slices.Delete(s.unused, i, i+1)
			return u.base, u.used
		}
	}
	return 0, 0
}

// put takes a stretch over. Of as many as there may be the oldest is unmapped.
func (s *spareStretches) put(u spareStretch) {
	if u.used > spareDirtyMax {
		page.Discard(u.base+spareDirtyMax, u.used-spareDirtyMax)
		u.used = spareDirtyMax
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(s.unused) == sparesMax {
		page.Mmap{}.Unmap(s.unused[0].base, s.unused[0].bytes)
		s.unused = slices.Delete(s.unused, 0, 1)
	}
	s.unused = append(s.unused, u)
}

// fit returns the first place for n bytes that is skew past a multiple of align.
func (s *stretch) fit(n, align, skew uintptr) (uintptr, bool) {
	addr := s.base + skew
	for _, r := range s.runs {
		if addr+n <= r.addr {
			return addr, true
		}
		for addr < r.addr+r.bytes {
			addr += max(align, (r.addr+r.bytes-addr)&^(align-1))
		}
	}
	return addr, addr+n <= s.base+s.bytes
}

// Unmap takes back a run, or a part of one. With the last nobody uses the stretch any more.
func (s *stretch) Unmap(addr, n uintptr) {
	i := s.runs.find(addr)
	if i < 0 {
		s.far.cut(s.far.find(addr), addr, n)
		s.more.Unmap(addr, n)
		return
	}
	s.left += uint64(n)
	s.runs.cut(i, addr, n)
	if len(s.runs) == 0 {
		spares.put(spareStretch{s.base, s.bytes, max(s.given, s.stale.end())})
		s.base = 0
	}
}

// mapAligned maps n bytes, a power of two, at a multiple of n: it asks for more and gives the ends back.
func mapAligned(n uintptr) uintptr {
	got := page.Mmap{}.Map(2 * n)
	if got == 0 {
		return 0
	}
	addr := (got + n - 1) &^ (n - 1)
	if addr > got {
		page.Mmap{}.Unmap(got, addr-got)
	}
	if end := addr + n; end < got+2*n {
		page.Mmap{}.Unmap(end, got+2*n-end)
	}
	return addr
}
