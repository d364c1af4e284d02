package fuzz

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/model/heap"
	"heapfuzz/props/heaptest"
)

// pagesTarget is package page by itself.
var pagesTarget = heapTarget(Target{
	Name: "page", Smoke: 20, Placed: true,
	Doc: "memory from the operating system, as layer 0 of ours counts it: every block is a run of pages",
}, pagesContract, func(w heaptest.World) (heaptest.Allocator, error) {
	return openPages(w, pagesSound)
})

var pagesContract = heap.Contract{
	Align: page.Bytes, AlignMax: 1 << 13, SizeMax: 1 << 47, ZeroNil: true, Requests: true, Usables: true,
	DoubleFree: heap.Detected, InteriorFree: heap.Detected, StrayFree: heap.Detected, ForeignFree: heap.Detected,
	WildFree: heap.Detected, CrossFree: heap.Detected,
	Waste: [3]heap.Waste{{UpTo: 1 << 47, Shift: 64, Plus: page.Bytes - 1}},
}

// pagesFault is what pages do wrong on purpose.
type pagesFault uint8

const (
	pagesSound    pagesFault = iota
	pagesShift               // huge pages are said to begin a page before a multiple of their size
	pagesStint               // the limit is a page less
	pagesExceed              // the limit is a page more
	pagesTakePart            // a run is taken back by a size that is not its own
	pagesStay                // pages that are given back are only cleared
	pagesMiscount            // a request that nobody made is counted
	pagesHide                // the last run is not told
	pagesHoard               // the system gives a page that is given to nobody
	pagesFaults   = iota - 1 // how many there are
)

// pages is a page.OS in the shape of an allocator. It counts by itself what an OS says that it counts.
type pages struct {
	*page.OS
	*stretch
	limit uint64
	runs  map[uintptr]uintptr // address of each live run -> the bytes asked for
	parts map[uintptr]bool    // those that MapPart gave
	from  uintptr             // runs below partMax come from MapPart, of huge pages from so many bytes on; 0: none
	want  page.Usage
	part  uintptr // bytes of parts that are given
	rest  uintptr // what is left of the last huge page
	kept  []unsafe.Pointer
	fault pagesFault
	armed bool  // the next requests may fail
	wrong error // what went wrong between two checks
	took  [runSteps]uint64
}

// hugeBytes is the size of a huge page.
const hugeBytes = 2 << 20

// openPages makes one. The world's limit is set on the OS, and not on what stands below it. Variants are: parts of huge
// pages once two pages, or 16, are given, and no parts.
func openPages(w heaptest.World, fault pagesFault) (heaptest.Allocator, error) {
	if Edges && w.Variant >= edgesFrom {
		if err := pagesOwn(); err != nil {
			return nil, err
		}
	}
	sys := source(heaptest.World{Skew: w.Skew})
	a := &pages{OS: page.New(sys), stretch: sys, runs: map[uintptr]uintptr{}, parts: map[uintptr]bool{},
		limit: w.Limit * heaptest.LimitUnit, fault: fault}
	a.SetLimit(a.limit)
	switch {
	case a.limit == 0:
	case fault == pagesStint:
		a.SetLimit(a.limit - page.Bytes)
	case fault == pagesExceed:
		a.SetLimit(a.limit + page.Bytes)
	}
	if v := w.Variant % 4; v < 2 {
		sys.rough = true
		a.from = page.Bytes << (3*v + 1)
		a.PartsFrom(a.from)
	}
	return a, nil
}

func (a *pages) Alloc(size uintptr) unsafe.Pointer {
	if a.from == 0 {
		return a.made(a.Map(size), size)
	}
	addr, n := a.MapPart(size), page.RoundUp(size)
	if addr == 0 {
		return a.gave(0, size)
	}
	switch huge := a.part >= a.from && n < hugeBytes; {
	case huge && a.rest < n:
		a.took[runHuge]++
		a.rest = hugeBytes - n
		begins := addr
		if a.fault == pagesShift {
			begins -= page.Bytes
		}
		if begins%hugeBytes != 0 {
			a.fail("page/huge: a huge page does not begin at a multiple of its size")
		}
	case huge:
		a.took[runRest]++
		a.rest -= n
	default:
		a.took[runPart]++
	}
	a.parts[addr] = true
	a.part += n
	return a.gave(addr, size)
}

func (a *pages) AlignedAlloc(align, size uintptr) unsafe.Pointer {
	return a.made(a.MapAligned(size, align), size)
}

// made is gave of a run that is one of its own.
func (a *pages) made(addr, size uintptr) unsafe.Pointer {
	if addr != 0 {
		a.took[runMade]++
	}
	return a.gave(addr, size)
}

// Calloc clears a run that was written to, as our worlds do before they give it again: its resident pages, or all of
// them by giving them back, which leaves none resident.
func (a *pages) Calloc(count, size uintptr) unsafe.Pointer {
	if hi, _ := bits.Mul64(uint64(count), uint64(size)); hi != 0 {
		return nil
	}
	p := a.Alloc(count * size)
	if p == nil {
		return nil
	}
	n := page.RoundUp(count * size)
	for at := uintptr(0); at < n; at += page.Bytes {
		page.Store(uintptr(p)+at+page.Bytes-8, ^uintptr(0))
	}
	if count%2 == 0 {
		a.took[runCleared]++
		page.Resident(uintptr(p), n, func(at, n uintptr) { clear(page.View(at, n)) })
		return p
	}
	a.took[runDropped]++
	if !a.discards(uintptr(p), n) {
		a.fail("page/resident: a page is in memory that was given back")
	}
	return p
}

// discardTries is how often pages are given back before they count as ones that stay. Where a target has asked for huge
// pages, the kernel may at any time put one in the place of pages of which some are in memory (khugepaged), and with it
// those that were just given back. That it does so each time is out of the question.
const discardTries = 16

// discards gives pages back, and tells whether they are in memory no more.
func (a *pages) discards(addr, n uintptr) bool {
	for range discardTries {
		if a.fault == pagesStay {
			clear(page.View(addr, n))
		} else {
			page.Discard(addr, n)
		}
		stay := false
		page.Resident(addr, n, func(uintptr, uintptr) { stay = true })
		if !stay {
			return true
		}
	}
	return false
}

func (a *pages) fail(format string, args ...any) {
	if a.wrong == nil {
		a.wrong = fmt.Errorf(format, args...)
	}
}

// gave counts an answer.
func (a *pages) gave(addr, size uintptr) unsafe.Pointer {
	n := uint64(page.RoundUp(size))
	fits := n != 0 && (a.limit == 0 || a.want.Mapped+n <= a.limit)
	if addr == 0 {
		if fits {
			a.took[runRefused]++
		} else {
			a.took[runLimit]++
		}
		if fits && !a.armed && n < heap.NoSuchSize {
			a.fail("page/limit: %d bytes are refused with %d mapped", n, a.want.Mapped)
		}
		a.want.Failed++
		return nil
	}
	if !fits {
		a.fail("page/limit: %d bytes are given with %d mapped", n, a.want.Mapped)
	}
	a.runs[addr] = size
	a.want.Maps++
	a.want.Mapped += n
	a.want.Highwater = max(a.want.Highwater, a.want.Mapped)
	return page.Pointer(addr)
}

// Free has a run taken back by the size that was asked for; by others, as by an address where none begins, it must not
// be.
func (a *pages) Free(p unsafe.Pointer) {
	addr := uintptr(p)
	if p == nil {
		return
	}
	size, ok := a.runs[addr]
	if !ok {
		a.took[runWrong]++
		a.Unmap(addr, page.Bytes)
		return
	}
	for _, n := range []uintptr{page.RoundUp(size) - page.Bytes, page.RoundUp(size) + 1} {
		if a.fault == pagesTakePart || !panics(func() { a.Unmap(addr, n) }) {
			a.fail("page/unmap: a run of %d bytes is taken back as one of %d", size, n)
		}
	}
	a.Unmap(addr, size)
	if a.fault == pagesMiscount {
		a.Map(page.Bytes << 40)
	}
	delete(a.runs, addr)
	a.took[runFree]++
	if len(a.runs) == 0 {
		a.took[runLast]++
	}
	a.want.Unmaps++
	a.want.Mapped -= uint64(page.RoundUp(size))
	if a.parts[addr] {
		delete(a.parts, addr)
		if a.part -= page.RoundUp(size); a.part == 0 {
			a.rest = 0
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// Unmap, Map and Given stand in both of the embedded.
func (a *pages) Unmap(addr, n uintptr)               { a.OS.Unmap(addr, n) }
func (a *pages) Map(n uintptr) uintptr               { return a.OS.Map(n) }
func (a *pages) UsableSize(p unsafe.Pointer) uintptr { return a.Size(uintptr(p)) }

func (a *pages) Usage() (blocks, bytes, footprint uint64) {
	u := a.OS.Usage()
	return u.Maps - u.Unmaps, u.Mapped, u.Mapped
}

// Owns asks the system.
func (a *pages) Owns(p unsafe.Pointer, size uintptr) bool { return a.Gave(p, size) }

func (a *pages) InjectOOM(nth int, forever bool) {
	a.armed = nth > 0
	a.OS.InjectOOM(nth, forever)
}

// Trim has parts of the size of a huge page made, and of a little less, and frees them.
func (a *pages) Trim() {
	if a.armed || a.limit != 0 {
		return
	}
	for _, n := range []uintptr{hugeBytes, hugeBytes - page.Bytes, hugeBytes + 1, 1, hugeBytes - 2*page.Bytes} {
		a.kept = append(a.kept, a.Alloc(n))
	}
	if a.fault == pagesHoard {
		a.stretch.Map(page.Bytes)
	}
	for _, p := range a.kept {
		a.Free(p)
	}
	a.kept = a.kept[:0]
}

// CheckInvariants compares what the OS counts with what was counted here, its runs with those that are live, and what
// the system gave with both: what is not given on is the rest of the last huge page.
func (a *pages) CheckInvariants() error {
	var got []run
	a.Runs(func(addr, n uintptr) { got = append(got, run{addr, n}) })
	if a.fault == pagesHide && len(got) > 0 {
		got = got[:len(got)-1]
	}
	var live []run
	for addr, size := range a.runs {
		live = append(live, run{addr, page.RoundUp(size)})
	}
	slices.SortFunc(live, func(r, s run) int { return cmp.Compare(r.addr, s.addr) })
	given, _ := a.Given()
	switch rest := uintptr(given - a.want.Mapped); {
	case a.wrong != nil:
		return a.wrong
	case a.OS.Usage() != a.want:
		return fmt.Errorf("page/usage: counted %v, there are %v", a.OS.Usage(), a.want)
	case !slices.Equal(got, live):
		return errors.New("page/runs: the runs are not those that are live, in their order")
	case rest != a.rest:
		return fmt.Errorf("page/rest: %d bytes are not given on where %d are left", rest, a.rest)
	}
	return a.Check()
}

// Close has all runs taken back, one that nobody freed as well.
func (a *pages) Close() error {
	a.InjectOOM(0, false)
	a.SetLimit(0)
	a.Map(page.Bytes)
	return errors.Join(a.OS.Close(), a.leaks())
}
