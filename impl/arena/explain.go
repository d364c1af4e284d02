package arena

import (
	"fmt"
	"strings"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/impl/pool"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
)

// Explanations are bounded: so many blocks on each side of the one in question, so many links of the free list.
const (
	explainBlocks = 7
	explainLinks  = 6
)

// Explain draws the state around an address for a person, in one line and without absolute addresses:
//
//	arena 0 pool 3 class 4 (80 bytes) block 2 free: [# # (.) # # . ~ ..] 4 live of 50; free list 2 -> 5; next virgin 6
//
// where # is a live block, . a free one, ~ a virgin one, and the one in question stands in parentheses.
func (a *Allocator) Explain(ptr unsafe.Pointer) string {
	b := uintptr(ptr)
	i := a.arenaOf(b)
	if i < 0 {
		return a.raw.explain(b)
	}
	p := a.geometry.Of(b)
	if !a.carved(i, p) {
		return fmt.Sprintf("arena %d offset %d: in no pool that was carved", i, b-a.arenas[i].address)
	}
	class := p.Class()
	where := fmt.Sprintf("arena %d pool %d", i, a.poolNumber(i, p))
	if class >= a.geometry.Classes() {
		return fmt.Sprintf("%s: no size class (%d)", where, class)
	}
	size := a.geometry.Size(class)
	where = fmt.Sprintf("%s class %d (%d bytes)", where, class, size)
	if b < uintptr(p)+profile.HeaderBytes {
		return fmt.Sprintf("%s: byte %d of the header", where, b-uintptr(p))
	}
	off := b - uintptr(p) - profile.HeaderBytes
	return where + a.explainBlock(p, uint32(off/size), off%size)
}

// explainBlock draws block k of a pool and its neighbours; off is the offset in the block that was asked about.
func (a *Allocator) explainBlock(p pool.Pool, k uint32, off uintptr) string {
	class := p.Class()
	size, capacity := a.geometry.Size(class), a.geometry.Capacity(class)
	virgin := uint32((uintptr(p.Virgin()) - profile.HeaderBytes) / size)
	var free pool.Set
	var links []string
	err := a.geometry.WalkFree(p, func(f uint32) bool {
		if free.Add(f); len(links) < explainLinks {
			links = append(links, fmt.Sprint(f))
		} else if len(links) == explainLinks {
			links = append(links, "...")
		}
		return true
	})
	mark := func(j uint32) (sign, word string) {
		switch {
		case j >= virgin:
			return "~", "virgin"
		case free.Has(j):
			return ".", "free"
		}
		return "#", "live"
	}
	var s strings.Builder
	if k < capacity {
		_, word := mark(k)
		fmt.Fprintf(&s, " block %d", k)
		if off != 0 {
			fmt.Fprintf(&s, "+%d", off)
		}
		s.WriteString(" " + word + ": [")
	} else {
		s.WriteString(" behind the last block: [")
	}
	explainRow(&s, k, capacity, mark)
	fmt.Fprintf(&s, "] %d live of %d", p.Count(), capacity)
	if len(links) > 0 {
		s.WriteString("; free list " + strings.Join(links, " -> "))
	}
	if err != nil {
		s.WriteString(" -> broken")
	}
	if virgin < capacity {
		fmt.Fprintf(&s, "; next virgin %d", virgin)
	}
	return s.String()
}

// explainRow draws the blocks around block k.
func explainRow(s *strings.Builder, k, capacity uint32, mark func(j uint32) (sign, word string)) {
	lo := uint32(max(0, int64(min(k, capacity-1))-explainBlocks))
	hi := min(capacity, lo+2*explainBlocks+1)
	if lo > 0 {
		fmt.Fprintf(s, "%d.. ", lo)
	}
	for j := lo; j < hi; j++ {
		sign, _ := mark(j)
		if j == k {
			sign = "(" + sign + ")"
		}
		s.WriteString(sign)
		if j+1 < hi {
			s.WriteByte(' ')
		}
	}
	if hi < capacity {
		s.WriteString(" ..")
	}
}

// explain draws a raw address.
func (r *raw) explain(b uintptr) string {
	for i, k := range r.runs {
		if b < k.addr || b-k.addr >= k.bytes {
			continue
		}
		class := page.Load32(k.addr + runClass)
		off := b - k.addr
		switch {
		case class == keptClass:
			return fmt.Sprintf("raw run %d (%d bytes) offset %d: kept, no live block", i, k.bytes, off)
		case off < runHeader:
			return fmt.Sprintf("raw run %d (%d bytes): byte %d of the header", i, k.bytes, off)
		case class >= sizeclass.RawClasses:
			return fmt.Sprintf("raw run %d: one block of %d bytes, %d in front of offset %d",
				i, k.bytes-runHeader-tagBytes, runHeader+tagBytes, off)
		}
		size := sizeclass.RawSize(uintptr(class))
		slot, rest := (off-runHeader)/(size+tagBytes), (off-runHeader)%(size+tagBytes)
		state := "never used"
		if at := k.addr + runHeader + slot*(size+tagBytes); at < k.addr+page.Load(k.addr+runCarved) {
			state = "overwritten tag"
			if tag := page.Load(at + 8); tag == liveTag {
				state = "live"
			} else if tag == freeTag {
				state = "free"
			}
		}
		return fmt.Sprintf("raw run %d class %d (%d bytes) slot %d %s, byte %d behind its tag; %d live in the run",
			i, class, size, slot, state, int64(rest)-tagBytes, page.Load32(k.addr+runLive))
	}
	return "no memory of this heap"
}
