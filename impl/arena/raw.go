package arena

import (
	"fmt"
	"slices"
	"sort"

	"heapfuzz/impl/page"
	"heapfuzz/impl/sizeclass"
)

// This file is the raw allocator: what stands below pymalloc where C has the malloc of its library. CPython promises
// nothing about it, so it is plain.
//
// Terms. A run is a piece of memory from the system; it begins with a header of 64 bytes. A run is either divided into
// slots of one class (up to 32 KiB, package sizeclass) or holds one large block. A slot is a tag of 16 bytes and a
// block.
//
//	run   | bytes | free | next | prev | class live | carved | ... | tag | block | tag | block | ... never carved
//	      0       8      16     24     32           40             64
//	tag   | address of the run | liveTag or freeTag |
//
// The tag makes a free cheap for every size (the run is known at once), and tells a block that is live from one that is
// not, so that freeing one twice stops the program, as the C library does. Slots are carved in order; freed ones are
// threaded through the first words of their blocks. A class's runs with room are a list whose head is allocated from.
//
// A run without live blocks is kept for later, so that a loop around an empty class does not ask the system each time:
// at most keepRuns of them and keepBytes together, the oldest going first. A kept run serves any class whose size of
// run it has, and a large block of more than half its bytes.
//
// What always holds:
//
//  1. the registry names every run once, in the order of addresses, with its size   (raw/runs)
//  2. every carved slot has a tag that names its run and says live or free          (raw/tags)
//  3. live slots == live; free slots are on the run's list once each                (raw/free-list, raw/counts)
//  4. a run with room is on the list of its class once, and no other is             (raw/class-list)
//  5. a run without live blocks is kept, and a kept one has none                    (raw/kept)

// Offsets in the header of a run.
const (
	runBytes  = 0  // its size
	runFree   = 8  // first free block
	runNext   = 16 // neighbours in the list of the class
	runPrev   = 24
	runClass  = 32 // u32; largeClass for a run with one block, keptClass for one that is kept
	runLive   = 36 // u32 live blocks
	runCarved = 40 // offset of the first slot never carved
	runHeader = 64
	tagBytes  = 16
)

const (
	largeClass = 0xfffffffe
	keptClass  = 0xffffffff

	// The tags are values that neither text, small integers nor addresses look like.
	liveTag = 0xa11c0dedf00d1e57
	freeTag = 0xdeadb10c5ca1ab1e

	keepRuns  = 16
	keepBytes = 4 << 20
)

// A run in the registry.
type run struct{ addr, bytes uintptr }

// raw is the allocator of everything that is not small.
type raw struct {
	os     *page.OS
	heads  [sizeclass.RawClasses]uintptr // the first run with room of each class
	runs   []run                         // every run, kept ones too, by address
	kept   []run                         // oldest first
	blocks uint64                        // live blocks
	bytes  uint64                        // usable bytes in them
}

func newRaw(os *page.OS) raw { return raw{os: os} }

// runSize is the size of a run of a class: large enough for at least seven slots.
func runSize(class uintptr) uintptr {
	if sizeclass.RawSize(class) <= 4<<10 {
		return 64 << 10
	}
	return 256 << 10
}

// alloc returns a block of n bytes, n > 0, or 0.
func (r *raw) alloc(n uintptr) uintptr {
	if n > sizeclass.RawMax {
		return r.allocLarge(n)
	}
	class := sizeclass.Raw(n)
	at := r.heads[class]
	if at == 0 {
		if at = r.newRun(class); at == 0 {
			return 0
		}
	}
	size := sizeclass.RawSize(class)
	b := page.Load(at + runFree)
	if b != 0 {
		page.Store(at+runFree, page.Load(b))
	} else {
		off := page.Load(at + runCarved)
		page.Store(at+runCarved, off+tagBytes+size)
		b = at + off + tagBytes
		page.Store(b-16, at)
	}
	page.Store(b-8, liveTag)
	page.Store32(at+runLive, page.Load32(at+runLive)+1)
	r.blocks++
	r.bytes += uint64(size)
	if !hasRoom(at, size) {
		r.unlink(at, class)
	}
	return b
}

// hasRoom reports whether a run has a free slot or place to carve one.
func hasRoom(at, size uintptr) bool {
	return page.Load(at+runFree) != 0 || page.Load(at+runCarved)+tagBytes+size <= page.Load(at+runBytes)
}

// free takes back a block. One that is not live stops the program, as the C library would.
func (r *raw) free(b uintptr) {
	at := page.Load(b - 16)
	if page.Load(b-8) != liveTag {
		panic("arena: free of an address that is no live block")
	}
	page.Store(b-8, freeTag)
	r.blocks--
	class := uintptr(page.Load32(at + runClass))
	if class == largeClass {
		r.bytes -= uint64(page.Load(at+runBytes) - runHeader - tagBytes)
		r.keep(at)
		return
	}
	size := sizeclass.RawSize(class)
	r.bytes -= uint64(size)
	had := hasRoom(at, size)
	page.Store(b, page.Load(at+runFree))
	page.Store(at+runFree, b)
	live := page.Load32(at+runLive) - 1
	page.Store32(at+runLive, live)
	switch {
	case live == 0:
		if had {
			r.unlink(at, class)
		}
		r.keep(at)
	case !had:
		r.link(at, class)
	}
}

// realloc resizes a block, n > 0. It stays where it is if n fits and is more than half of it.
func (r *raw) realloc(b, n uintptr) uintptr {
	size := r.usable(b)
	if n <= size && (2*n > size || size <= 64) {
		return b
	}
	to := r.alloc(n)
	if to == 0 {
		if n <= size {
			return b // making a block smaller never fails
		}
		return 0
	}
	copy(page.View(to, min(n, size)), page.View(b, size))
	r.free(b)
	return to
}

// usable is the size of a live block.
func (r *raw) usable(b uintptr) uintptr {
	at := page.Load(b - 16)
	if class := uintptr(page.Load32(at + runClass)); class < sizeclass.RawClasses {
		return sizeclass.RawSize(class)
	}
	return page.Load(at+runBytes) - runHeader - tagBytes
}

// owns reports whether n bytes at b lie in one run, behind its header.
func (r *raw) owns(b, n uintptr) bool {
	i := sort.Search(len(r.runs), func(i int) bool { return r.runs[i].addr > b }) - 1
	return i >= 0 && b >= r.runs[i].addr+runHeader && b+n <= r.runs[i].addr+r.runs[i].bytes
}

// newRun makes a run of a class and puts it at the head of its list.
func (r *raw) newRun(class uintptr) uintptr {
	size := runSize(class)
	at := r.take(size, size)
	if at == 0 {
		return 0
	}
	page.Store32(at+runClass, uint32(class))
	r.link(at, class)
	return at
}

// allocLarge makes a run for one block. Requests are at most sizeMax, so the sum does not wrap.
func (r *raw) allocLarge(n uintptr) uintptr {
	size := page.RoundUp(n + runHeader + tagBytes)
	at := r.take(size, 2*size)
	if at == 0 {
		return 0
	}
	b := at + runHeader + tagBytes
	page.Store32(at+runClass, largeClass)
	page.Store32(at+runLive, 1)
	page.Store(at+runCarved, page.Load(at+runBytes))
	page.Store(b-16, at)
	page.Store(b-8, liveTag)
	r.blocks++
	r.bytes += uint64(page.Load(at+runBytes) - runHeader - tagBytes)
	return b
}

// take returns a run of least to most bytes with a fresh header, a kept one if it can. Before it gives up for want of
// memory, it gives back what is kept and asks once more.
func (r *raw) take(least, most uintptr) uintptr {
	for i := len(r.kept) - 1; i >= 0; i-- {
		if k := r.kept[i]; k.bytes >= least && k.bytes <= most {
			r.kept = slices.Delete(r.kept, i, i+1)
			freshHeader(k)
			return k.addr
		}
	}
	at := r.os.Map(least)
	if at == 0 && len(r.kept) > 0 {
		r.trim()
		at = r.os.Map(least)
	}
	if at == 0 {
		return 0
	}
	i := sort.Search(len(r.runs), func(i int) bool { return r.runs[i].addr > at })
	r.runs = slices.Insert(r.runs, i, run{at, least})
	freshHeader(run{at, least})
	return at
}

// freshHeader fills in all of a header but the class, and the neighbours that a run gets when it is linked.
func freshHeader(k run) {
	page.Store(k.addr+runBytes, k.bytes)
	page.Store(k.addr+runFree, 0)
	page.Store32(k.addr+runLive, 0)
	page.Store(k.addr+runCarved, runHeader)
}

// keep puts a run without live blocks aside, and gives back the oldest ones if there are too many.
func (r *raw) keep(at uintptr) {
	page.Store32(at+runClass, keptClass)
	page.Store32(at+runLive, 0)
	k := run{at, page.Load(at + runBytes)}
	if k.bytes > keepBytes {
		r.drop(k)
		return
	}
	r.kept = append(r.kept, k)
	total := uintptr(0)
	for _, k := range r.kept {
		total += k.bytes
	}
	for len(r.kept) > keepRuns || total > keepBytes {
		total -= r.kept[0].bytes
		r.drop(r.kept[0])
		r.kept = slices.Delete(r.kept, 0, 1)
	}
}

// drop gives a run back to the system.
func (r *raw) drop(k run) {
	i := sort.Search(len(r.runs), func(i int) bool { return r.runs[i].addr >= k.addr })
	r.runs = slices.Delete(r.runs, i, i+1)
	r.os.Unmap(k.addr, k.bytes)
}

// trim gives back all that is kept.
func (r *raw) trim() {
	for _, k := range r.kept {
		r.drop(k)
	}
	r.kept = r.kept[:0]
}

// close gives everything back.
func (r *raw) close() {
	for _, k := range r.runs {
		r.os.Unmap(k.addr, k.bytes)
	}
	*r = newRaw(r.os)
}

// link puts a run at the front of the list of its class, unlink takes it out.
func (r *raw) link(at, class uintptr) {
	head := r.heads[class]
	page.Store(at+runNext, head)
	page.Store(at+runPrev, 0)
	if head != 0 {
		page.Store(head+runPrev, at)
	}
	r.heads[class] = at
}

func (r *raw) unlink(at, class uintptr) {
	next, prev := page.Load(at+runNext), page.Load(at+runPrev)
	if next != 0 {
		page.Store(next+runPrev, prev)
	}
	if prev != 0 {
		page.Store(prev+runNext, next)
	} else {
		r.heads[class] = next
	}
}

// check recounts everything from the raw bytes.
func (r *raw) check() error {
	listed, err := r.checkLists()
	if err != nil {
		return err
	}
	kept := map[uintptr]bool{}
	for _, k := range r.kept {
		if kept[k.addr] || page.Load32(k.addr+runClass) != keptClass || page.Load32(k.addr+runLive) != 0 {
			return fmt.Errorf("raw/kept: a kept run is in use or kept twice")
		}
		kept[k.addr] = true
	}
	var blocks, bytes uint64
	for i, k := range r.runs {
		if i > 0 && r.runs[i-1].addr+r.runs[i-1].bytes > k.addr || page.Load(k.addr+runBytes) != k.bytes {
			return fmt.Errorf("raw/runs: run %d is out of order, overlaps, or has another size in its header", i)
		}
		class, live := page.Load32(k.addr+runClass), page.Load32(k.addr+runLive)
		switch {
		case (class == keptClass) != kept[k.addr]:
			return fmt.Errorf("raw/kept: run %d is kept and not listed, or the reverse", i)
		case class == keptClass:
			continue
		case class != largeClass && class >= sizeclass.RawClasses:
			return fmt.Errorf("raw/runs: run %d has class %d", i, class)
		case live == 0:
			return fmt.Errorf("raw/kept: run %d has no live block and is not kept", i)
		}
		found, err := r.checkSlots(k, class)
		switch {
		case err != nil:
			return err
		case found != live:
			return fmt.Errorf("raw/counts: run %d has %d live tags and counts %d", i, found, live)
		}
		wantListed := class != largeClass && hasRoom(k.addr, sizeclass.RawSize(uintptr(class)))
		if listed[k.addr] != wantListed {
			return fmt.Errorf("raw/class-list: run %d has room and is not listed, or the reverse", i)
		}
		blocks += uint64(live)
		bytes += uint64(live) * uint64(r.usable(k.addr+runHeader+tagBytes))
	}
	if blocks != r.blocks || bytes != r.bytes {
		return fmt.Errorf("raw/counts: %d blocks with %d bytes are live, counted %d with %d",
			blocks, bytes, r.blocks, r.bytes)
	}
	return nil
}

// checkLists walks the class lists and returns the runs that are on them.
func (r *raw) checkLists() (map[uintptr]bool, error) {
	known := make(map[uintptr]bool, len(r.runs))
	for _, k := range r.runs {
		known[k.addr] = true
	}
	listed := map[uintptr]bool{}
	for class, head := range r.heads {
		prev := uintptr(0)
		for at := head; at != 0; at = page.Load(at + runNext) {
			if !known[at] || listed[at] || page.Load(at+runPrev) != prev || page.Load32(at+runClass) != uint32(class) {
				return nil, fmt.Errorf("raw/class-list: the list of class %d is broken", class)
			}
			listed[at] = true
			prev = at
		}
	}
	return listed, nil
}

// checkSlots walks the tags and the free list of a run and returns the number of live blocks.
func (r *raw) checkSlots(k run, class uint32) (live uint32, err error) {
	step := k.bytes - runHeader
	if class != largeClass {
		step = tagBytes + sizeclass.RawSize(uintptr(class))
	}
	carved := page.Load(k.addr + runCarved)
	if carved < runHeader || carved > k.bytes || (carved-runHeader)%step != 0 {
		return 0, fmt.Errorf("raw/tags: carved up to offset %d with slots of %d bytes", carved, step)
	}
	free := 0
	for off := uintptr(runHeader); off < carved; off += step {
		owner, tag := page.Load(k.addr+off), page.Load(k.addr+off+8)
		switch {
		case owner != k.addr || tag != liveTag && tag != freeTag:
			return 0, fmt.Errorf("raw/tags: the tag at offset %d is overwritten", off)
		case tag == liveTag:
			live++
		default:
			free++
		}
	}
	for b := page.Load(k.addr + runFree); b != 0; b = page.Load(b) {
		off := b - tagBytes - k.addr
		if off >= carved || off < runHeader || (off-runHeader)%step != 0 || page.Load(b-8) != freeTag || free == 0 {
			return 0, fmt.Errorf("raw/free-list: a link leads to no free block, or in a circle")
		}
		free--
	}
	if free != 0 {
		return 0, fmt.Errorf("raw/free-list: %d free blocks are not on the list", free)
	}
	return live, nil
}
