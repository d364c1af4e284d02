package slab

import (
	"cmp"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
	"unsafe"

	"heapfuzz/impl/page"
)

// broken is a breach of an invariant: a name that never changes and holds no number, and the details.
func broken(name, format string, args ...any) error {
	return fmt.Errorf("slab/"+name+": "+format, args...)
}

// CheckInvariants recounts everything from the bitmaps and returns the first breach, or nil. The numbers are those of
// the package comment.
func (a *Allocator) CheckInvariants() error {
	for _, check := range []func() error{
		a.checkMappings, a.checkDirectory, a.checkSlabs, a.checkRooms, a.checkSpares, a.checkUsage,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// CheckCheap looks at the counters and at the heads of the lists: work that does not grow with the blocks or slabs.
func (a *Allocator) CheckCheap() error {
	if a.bytes < a.blocks*blockMin || a.bytes > a.footprint {
		return broken("usage", "%d bytes in %d blocks of a footprint of %d", a.bytes, a.blocks, a.footprint)
	}
	if a.spares < 0 || a.spares > a.sparesMax || (a.spare == nil) != (a.spares == 0) {
		return broken("spare", "%d spares are counted, %d allowed", a.spares, a.sparesMax)
	}
	for class, s := range a.room {
		if s != nil && (s.class != class || s.summary == 0 || s.prev != nil) {
			return broken("room", "the first slab of class %d does not belong there", class)
		}
	}
	return nil
}

// checkMappings: invariants 1 and 2.
func (a *Allocator) checkMappings() error {
	for i, s := range a.slabs {
		if uintptr(s.base)%a.slabBytes != 0 || s.bytes == 0 || s.bytes%page.Bytes != 0 || s.index != i {
			return broken("aligned", "slab %d has offset %d from its alignment and %d bytes",
				i, uintptr(s.base)%a.slabBytes, s.bytes)
		}
	}
	sorted := slices.SortedFunc(slices.Values(a.slabs), func(s, t *slab) int {
		return cmp.Compare(uintptr(s.base), uintptr(t.base))
	})
	for i := 1; i < len(sorted); i++ {
		if uintptr(sorted[i].base)-uintptr(sorted[i-1].base) < sorted[i-1].bytes {
			return broken("overlap", "slabs %d and %d", sorted[i-1].index, sorted[i].index)
		}
	}
	return nil
}

// checkDirectory: invariant 3.
func (a *Allocator) checkDirectory() error {
	for i, s := range a.slabs {
		if a.dir.get(uintptr(s.base)>>a.slabShift) != s {
			return broken("directory", "slab %d is not found", i)
		}
	}
	entries := 0
	for _, e := range a.dir.entries {
		if e.slab != nil {
			entries++
		}
	}
	if n := len(a.dir.entries); n > 0 && n>>(64-a.dir.shift) != 1 {
		return broken("directory", "a shift of %d for %d entries", a.dir.shift, n)
	}
	if entries != len(a.slabs) || entries != a.dir.count {
		return broken("directory", "%d entries, counted as %d, for %d slabs", entries, a.dir.count, len(a.slabs))
	}
	return nil
}

// checkSlabs: invariants 4 to 8.
func (a *Allocator) checkSlabs() error {
	for i, s := range a.slabs {
		if err := a.checkSlab(s); err != nil {
			return fmt.Errorf("%w, slab %d of class %d", err, i, s.class)
		}
	}
	return nil
}

func (a *Allocator) checkSlab(s *slab) error {
	switch {
	case s.class == large:
		if s.capacity != 1 || s.size != s.bytes || s.free != [slabWords]uint64{} {
			return broken("large", "%d blocks of %d bytes in %d, free bits %x", s.capacity, s.size, s.bytes, s.free[0])
		}
	case s.class < 0 || s.class >= len(classSizes):
		return broken("class", "there is no such class")
	case s.size != classSizes[s.class] || s.size > a.blockMost || s.bytes != a.slabBytes ||
		uintptr(s.capacity) != s.bytes/s.size:
		return broken("class", "%d blocks of %d bytes in %d", s.capacity, s.size, s.bytes)
	}
	if s.recip != reciprocal(s.size) {
		return broken("class", "the reciprocal of %d is %d", s.size, s.recip)
	}
	if rest := countFree(s, int(s.capacity), slabWords*wordBits); rest > 0 {
		return broken("tail", "%d free bits beyond the %d blocks", rest, s.capacity)
	}
	var summary uint64
	for w, word := range s.free {
		if word != 0 {
			summary |= 1 << w
		}
	}
	if s.summary != summary {
		return broken("summary", "it is %x and should be %x", s.summary, summary)
	}
	if used := int(s.capacity) - countFree(s, 0, int(s.capacity)); used != int(s.used) {
		return broken("used", "%d blocks are live, %d are counted", used, s.used)
	}
	return nil
}

// countFree counts the free bits from bit i to below bit end.
func countFree(s *slab, i, end int) (n int) {
	for w, word := range s.free {
		// Bits below i and from end on are shifted out; a shift by 64 or more leaves nothing.
		low, high := max(i-w*wordBits, 0), max((w+1)*wordBits-end, 0)
		n += bits.OnesCount64(word >> low << low << high >> high)
	}
	return n
}

// checkRooms: invariants 9 and 10.
func (a *Allocator) checkRooms() error {
	listed := make(map[*slab]bool)
	for class, first := range a.room {
		empty := 0
		var prev *slab
		for s := first; s != nil; prev, s = s, s.next {
			mapped := s.index < len(a.slabs) && a.slabs[s.index] == s
			if listed[s] || !mapped || s.class != class || s.prev != prev || countFree(s, 0, int(s.capacity)) == 0 {
				return broken("room", "the list of class %d has a slab that does not belong there", class)
			}
			listed[s] = true
			if countFree(s, 0, int(s.capacity)) == int(s.capacity) {
				empty++
			}
		}
		if empty > 1 {
			return broken("hysteresis", "class %d keeps %d slabs without live blocks", class, empty)
		}
	}
	spare := a.spareSet()
	for i, s := range a.slabs {
		if !listed[s] && !spare[s] && countFree(s, 0, int(s.capacity)) > 0 {
			return broken("room", "slab %d of class %d has free blocks and is on no list", i, s.class)
		}
	}
	return nil
}

// spareSet follows the list of spares, and stops where it goes round.
func (a *Allocator) spareSet() map[*slab]bool {
	set := make(map[*slab]bool)
	for s := a.spare; s != nil && !set[s]; s = s.next {
		set[s] = true
	}
	return set
}

// checkSpares: invariant 11.
func (a *Allocator) checkSpares() error {
	set := a.spareSet()
	if len(set) != a.spares || a.spares > a.sparesMax {
		return broken("spare", "%d are listed, %d counted, %d allowed", len(set), a.spares, a.sparesMax)
	}
	for i, s := range a.slabs {
		if set[s] && countFree(s, 0, int(s.capacity)) != int(s.capacity) {
			return broken("spare", "slab %d has a live block", i)
		}
		delete(set, s)
	}
	if len(set) > 0 {
		return broken("spare", "%d have no mapping", len(set))
	}
	return nil
}

// checkUsage: invariant 12.
func (a *Allocator) checkUsage() error {
	var blocks, bytes, footprint uint64
	for _, s := range a.slabs {
		live := uint64(int(s.capacity) - countFree(s, 0, int(s.capacity)))
		blocks += live
		bytes += live * uint64(s.size)
		footprint += uint64(s.bytes)
	}
	if mapped := a.os.Usage().Mapped; mapped != footprint {
		return broken("usage", "%d bytes are mapped, slabs have %d", mapped, footprint)
	}
	if blocks != a.blocks || bytes != a.bytes || footprint != a.footprint {
		return broken("usage", "%d blocks, %d bytes, footprint %d; counted are %d, %d, %d",
			blocks, bytes, footprint, a.blocks, a.bytes, a.footprint)
	}
	return nil
}

// Explain describes the state around an address in one line, without absolute addresses.
func (a *Allocator) Explain(p unsafe.Pointer) string {
	s := a.around(uintptr(p))
	if s == nil {
		return "not in memory of this allocator"
	}
	off := uintptr(p) - uintptr(s.base)
	if s.class == large {
		return fmt.Sprintf("slab %d: byte %d of a large block of %d", s.index, off, s.size)
	}
	what := fmt.Sprintf("slab %d: class %d of %d bytes, %d of %d live", s.index, s.class, s.size, s.used, s.capacity)
	i := off / s.size
	if i >= uintptr(s.capacity) {
		return fmt.Sprintf("%s; byte %d, behind the last block", what, off)
	}
	state := "live"
	if s.free[i/wordBits]>>(i%wordBits)&1 == 1 {
		state = "free"
	}
	return fmt.Sprintf("%s; byte %d of block %d, %s, word %016x", what, off%s.size, i, state, s.free[i/wordBits])
}

// Dump writes the slabs for a person, one a line, without absolute addresses: a run of letters for the words of the
// bitmap, '#' for all live, '.' for all free, '+' for some of both.
func (a *Allocator) Dump(w io.Writer) {
	fmt.Fprintf(w, "%d blocks, %d bytes, footprint %d, %d slabs, %d spare\n",
		a.blocks, a.bytes, a.footprint, len(a.slabs), a.spares)
	for _, s := range a.slabs {
		fmt.Fprintf(w, "slab %d: class %d, size %d, %d of %d live %s\n",
			s.index, s.class, s.size, s.used, s.capacity, picture(s))
	}
}

func picture(s *slab) string {
	var b strings.Builder
	for at := uint32(0); at < s.capacity; at += wordBits {
		n := min(s.capacity-at, wordBits)
		switch bits.OnesCount64(s.free[at/wordBits]) {
		case 0:
			b.WriteByte('#')
		case int(n):
			b.WriteByte('.')
		default:
			b.WriteByte('+')
		}
	}
	return b.String()
}
