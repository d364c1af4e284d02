package arena

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
)

// rawHeap is a raw allocator alone, which sees sizes that pools would serve. It is checked and closed with the test.
func rawHeap(t *testing.T) *raw {
	r := newRaw(page.New(nil))
	t.Cleanup(func() {
		checkRaw(t, &r)
		r.close()
		if got := r.os.Usage().Mapped; got != 0 {
			t.Errorf("%d bytes stay mapped after close", got)
		}
	})
	return &r
}

func checkRaw(t testing.TB, r *raw) {
	t.Helper()
	if err := r.check(); err != nil {
		t.Fatal(err)
	}
}

// rawBlock is a block of n bytes, all of them v.
func rawBlock(t testing.TB, r *raw, n uintptr, v byte) uintptr {
	t.Helper()
	b := r.alloc(n)
	if b == 0 {
		t.Fatalf("no memory for %d bytes", n)
	}
	fill(page.View(b, n), v)
	return b
}

// holdsByte reports whether all n bytes at b are v.
func holdsByte(b, n uintptr, v byte) bool { return bytes.Count(page.View(b, n), []byte{v}) == int(n) }

// keptBytes adds up what is kept.
func keptBytes(r *raw) (total uintptr) {
	for _, k := range r.kept {
		total += k.bytes
	}
	return total
}

// TestRawFillsEveryRun counts the slots of a run of each class. The figure expected comes from the layout alone, since
// the checker asks the allocator itself whether a run has room: 64 bytes of header, then a tag of 16 bytes before each
// block. Slots of 32 bytes leave nothing over in 64 KiB, so a comparison that is off by one shows there.
func TestRawFillsEveryRun(t *testing.T) {
	exact := 0
	for class := uintptr(0); class < sizeclass.RawClasses; class++ {
		size := sizeclass.RawSize(class)
		r := rawHeap(t)
		blocks := []uintptr{r.alloc(size)}
		slots := int((r.runs[0].bytes - 64) / (16 + size))
		if (r.runs[0].bytes-64)%(16+size) == 0 {
			exact++
		}
		if slots < 7 {
			t.Errorf("a run of %d bytes has only %d slots of %d", r.runs[0].bytes, slots, size)
		}
		for len(blocks) < slots {
			blocks = append(blocks, r.alloc(size))
		}
		if len(r.runs) != 1 {
			t.Fatalf("%d blocks of %d bytes need %d runs, one has room for all", slots, size, len(r.runs))
		}
		end := r.runs[0].addr + r.runs[0].bytes
		if last := slices.Max(blocks); last+size > end || end-last-size >= 16+size {
			t.Errorf("the last block of %d bytes ends %d before the end of its run", size, int64(end-last-size))
		}
		checkRaw(t, r)
		// A full run that gets one back has room for exactly one.
		r.free(blocks[slots/2])
		if again := r.alloc(size); again != blocks[slots/2] || len(r.runs) != 1 {
			t.Errorf("the only free block of %d bytes is not the next one", size)
		}
		if r.alloc(size); len(r.runs) != 2 {
			t.Errorf("block %d of %d bytes: %d runs, want a second", slots+1, size, len(r.runs))
		}
		checkRaw(t, r)
	}
	if exact == 0 {
		t.Error("no class fills its run to the last byte, which is the case that this test is for")
	}
}

// TestRawReallocRule tries sizes around each bound of the rule: a block stays where it is exactly if the new size fits
// and is more than half of it, or the block has at most 64 bytes. One that moves is as small as a new one.
func TestRawReallocRule(t *testing.T) {
	r := rawHeap(t)
	for _, old := range []uintptr{16, 48, 64, 80, 640, 4096, 5120, 32768, 40_000, 200_000, 3 << 20} {
		usable := func() uintptr {
			b := r.alloc(old)
			defer r.free(b)
			return r.usable(b)
		}()
		for _, n := range []uintptr{
			1, 16, 33, 64, 65, old / 3, usable/2 - 1, usable / 2, usable/2 + 1,
			usable - 1, usable, usable + 1, 3 * usable,
		} {
			b := rawBlock(t, r, old, 0x5A)
			to := r.realloc(b, n)
			if stays := n <= usable && (2*n > usable || usable <= 64); (to == b) != stays {
				t.Fatalf("%d -> %d bytes of a block of %d: in place: %v", old, n, usable, to == b)
			}
			if !holdsByte(to, min(old, n), 0x5A) {
				t.Fatalf("%d -> %d bytes: the content changed", old, n)
			}
			if got := r.usable(to); to != b && (got < n || n > 16 && got >= 2*n+page.Bytes) {
				t.Fatalf("%d -> %d bytes: the new block has %d", old, n, got)
			}
			if n <= sizeclass.RawMax && to != b && r.usable(to) != sizeclass.RawSize(sizeclass.Raw(n)) {
				t.Fatalf("%d -> %d bytes: the new block has %d, its class another size", old, n, r.usable(to))
			}
			r.free(to)
			if r.blocks != 0 || r.bytes != 0 {
				t.Fatalf("%d -> %d bytes: %d blocks stay", old, n, r.blocks)
			}
		}
		checkRaw(t, r)
	}
}

// TestRawShrinkNeverFails makes blocks smaller when there is no memory at all. There the block stays, with all its
// bytes; to make it larger fails and leaves it as it was.
func TestRawShrinkNeverFails(t *testing.T) {
	for _, sizes := range [][2]uintptr{{1000, 100}, {20_000, 600}, {100_000, 600}, {400_000, 50_000}} {
		a := open(t, Config{})
		p := a.Alloc(sizes[0])
		usable := a.UsableSize(p)
		fill(span(p, 0, int(usable)), 0x6B)
		a.InjectOOM(1, true)
		q := a.Realloc(p, sizes[1])
		if q == nil {
			t.Fatalf("%d -> %d bytes: a smaller block needs memory", sizes[0], sizes[1])
		}
		if q != p || a.UsableSize(q) != usable || !holdsByte(uintptr(q), usable, 0x6B) {
			t.Errorf("%d -> %d bytes: the block is not what it was", sizes[0], sizes[1])
		}
		if a.Realloc(p, 2<<20) != nil || a.UsableSize(p) != usable || !holdsByte(uintptr(p), usable, 0x6B) {
			t.Errorf("%d bytes -> 2 MiB: served without memory, or the block is not what it was", sizes[0])
		}
		if blocks, bytes, _ := a.Usage(); blocks != 1 || bytes != uint64(usable) {
			t.Errorf("%d -> %d bytes: %d blocks with %d bytes are live", sizes[0], sizes[1], blocks, bytes)
		}
		if err := a.CheckInvariants(); err != nil {
			t.Error(err)
		}
		a.InjectOOM(0, false)
		if q = a.Realloc(p, sizes[1]); q == p || !holdsByte(uintptr(q), sizes[1], 0x6B) {
			t.Errorf("%d -> %d bytes: memory is back, and the block stays or changes", sizes[0], sizes[1])
		}
		a.Free(q)
		closeHeap(t, a)
	}
}

// TestRawKeptRunsServeWhatFits frees a large block and asks for smaller ones: a kept run serves a block of more than
// half its bytes, and no other.
func TestRawKeptRunsServeWhatFits(t *testing.T) {
	for _, n := range []uintptr{sizeclass.RawMax + 1, 40_000, 100_000, 500_000, 1 << 20} {
		r := rawHeap(t)
		r.free(r.alloc(1 << 20))
		had := r.kept[0]
		b := r.alloc(n)
		if took, want := len(r.kept) == 0, 2*page.RoundUp(n+80) >= had.bytes; took != want {
			t.Errorf("a block of %d bytes takes the kept run of %d: %v", n, had.bytes, took)
		}
		if waste := r.usable(b) - n; waste > n+page.Bytes {
			t.Errorf("a block of %d bytes has %d", n, r.usable(b))
		}
		checkRaw(t, r)
	}
	// A run of a class has one size.
	for _, class := range []uintptr{0, sizeclass.Raw(600), sizeclass.Raw(20_000)} {
		r := rawHeap(t)
		r.free(r.alloc(1 << 20))
		r.alloc(sizeclass.RawSize(class))
		if got := page.Load(r.heads[class] + runBytes); got != runSize(class) || len(r.kept) != 1 {
			t.Errorf("class %d is served from a run of %d bytes, want %d", class, got, runSize(class))
		}
		checkRaw(t, r)
	}
}

// TestRawGivesBackBeforeItFails lets a request fail while a run is kept: the run goes back, and the request is made
// once more.
func TestRawGivesBackBeforeItFails(t *testing.T) {
	const limit = 3 << 20
	for _, first := range []uintptr{1 << 20, 2 << 20} {
		a := open(t, Config{LimitBytes: limit})
		a.Free(a.Alloc(first))
		if len(a.raw.kept) != 1 {
			t.Fatalf("a run of %d bytes is not kept", first)
		}
		p := a.Alloc(limit - page.Bytes)
		if p == nil {
			t.Fatalf("%d kept bytes stand in the way of a block", first)
		}
		if err := a.CheckInvariants(); err != nil || len(a.raw.kept) != 0 {
			t.Errorf("%d runs are kept, and %v", len(a.raw.kept), err)
		}
		if a.Alloc(600) != nil {
			t.Error("a request beyond the limit was served")
		}
		a.Free(p)
		// Classes ask in the same way.
		q := a.Alloc(600)
		if _, _, footprint := a.Usage(); q == nil || footprint > limit {
			t.Errorf("%d bytes are taken, the limit is %d", footprint, limit)
		}
		closeHeap(t, a)
	}
}

// TestRawKeepsNoMoreThanItSays frees more runs than are kept, by number and by bytes: those freed last stay.
func TestRawKeepsNoMoreThanItSays(t *testing.T) {
	rows := []struct {
		reason string
		n      uintptr
		count  int
		want   int
	}{
		{"many small runs meet the limit of their number", 40_000, keepRuns + 9, keepRuns},
		{"large runs meet that of their bytes first", 1 << 20, 7, keepBytes / (1<<20 + page.Bytes)},
		{"one run can be all that is kept", keepBytes - page.Bytes, 3, 1},
		{"a run above the limit is never kept", keepBytes, 3, 0},
	}
	for _, row := range rows {
		r := rawHeap(t)
		var blocks []uintptr
		for range row.count {
			blocks = append(blocks, r.alloc(row.n))
		}
		var freed []uintptr
		for _, b := range blocks {
			freed = append(freed, b-80)
			r.free(b)
			if len(r.kept) > keepRuns || keptBytes(r) > keepBytes {
				t.Fatalf("%s: %d runs with %d bytes are kept", row.reason, len(r.kept), keptBytes(r))
			}
			checkRaw(t, r)
		}
		var kept []uintptr
		for _, k := range r.kept {
			kept = append(kept, k.addr)
		}
		if !slices.Equal(kept, freed[len(freed)-row.want:]) {
			t.Errorf("%s: %d are kept, want the %d that were freed last", row.reason, len(kept), row.want)
		}
		if got := r.os.Usage().Mapped; got != uint64(keptBytes(r)) {
			t.Errorf("%s: %d bytes are mapped, %d kept", row.reason, got, keptBytes(r))
		}
	}
	// A small run does not push others out that leave it room.
	r := rawHeap(t)
	large, small := r.alloc(keepBytes/2), r.alloc(40_000)
	r.free(large)
	r.free(small)
	if len(r.kept) != 2 {
		t.Errorf("%d of two runs are kept, which together are below the limit", len(r.kept))
	}
	// Nor does one that cannot be kept itself.
	if r.free(r.alloc(keepBytes)); len(r.kept) != 2 {
		t.Errorf("%d of two runs are kept behind one that is too large", len(r.kept))
	}
}

// stops runs f and reports whether it ends in the panic of a free that is none.
func stops(f func()) (stopped bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case string:
			stopped = strings.Contains(r, "no live block")
		default:
			panic(r)
		}
	}()
	f()
	return false
}

// TestRawDoubleFreeStops frees raw blocks twice, and addresses inside of them. Each stops the program before anything
// is changed.
func TestRawDoubleFreeStops(t *testing.T) {
	rows := []struct {
		reason string
		n      uintptr
		others bool // another block of the run lives
		freed  bool // the block was freed before
		off    int  // the address that is freed, from the block's
	}{
		{"a slot in a run with others", 600, true, true, 0},
		{"the only slot of a run, which is kept", 600, false, true, 0},
		{"a slot of the largest class", sizeclass.RawMax, true, true, 0},
		{"a large block, whose run is kept", 100_000, false, true, 0},
		{"an address inside a slot", 600, true, false, 64},
		{"an address inside a large block", 100_000, false, false, 4096},
	}
	for _, row := range rows {
		a := open(t, Config{})
		p := a.Alloc(row.n)
		fill(span(p, 0, int(row.n)), 0x77)
		if row.others {
			a.Alloc(row.n)
		}
		if row.freed {
			a.Free(p)
		}
		before := stable(a)
		if !stops(func() { a.Free(unsafe.Add(p, row.off)) }) {
			t.Errorf("%s: the free goes through", row.reason)
		}
		if err := a.CheckInvariants(); err != nil || stable(a) != before {
			t.Errorf("%s: the free that stopped changed the heap: %v", row.reason, err)
		}
		closeHeap(t, a)
	}
}

// TestOwnsBothEnds asks about the first and last bytes of arenas and raw blocks, and one byte beyond. Two arenas that
// touch are still two runs: bytes across the seam are not owned.
func TestOwnsBothEnds(t *testing.T) {
	for _, prof := range profile.All() {
		slots := page.NewSlots(prof.ArenaBytes, 2, 0)
		a := open(t, Config{Profile: prof, Arenas: slots})
		for a.vec.current < 2 {
			a.Alloc(512)
		}
		slot, large := uintptr(a.Alloc(600)), uintptr(a.Alloc(100_000))
		run, usable := page.Load(slot-16), a.raw.usable(large)
		end := run + page.Load(run+runBytes)
		base, span := a.arenas[0].address, prof.ArenaBytes
		rows := []struct {
			place   string
			addr, n uintptr
			want    bool
		}{
			{"a whole arena", base, span, true},
			{"a whole arena and a byte", base, span + 1, false},
			{"the last byte of an arena", base + span - 1, 1, true},
			{"two bytes across the seam of two arenas", base + span - 1, 2, false},
			{"the second arena", base + span, span, true},
			{"the byte in front of the first arena", base - 1, 1, false},
			{"the first byte of an arena, and the one in front", base - 1, 2, false},
			{"no byte behind the last arena", base + 2*span, 0, false},
			{"the byte behind the last arena", base + 2*span, 1, false},
			{"a length in an arena that leads around the address space", base + 8, math.MaxUint64, false},
			{"a length in a run that leads around the address space", large, math.MaxUint64, false},
			{"a block of a class", slot, 600, true},
			{"the last bytes of a run", end - 8, 8, true},
			{"a byte more than a run has", end - 8, 9, false},
			{"the first byte behind a run's header", run + 64, 1, true},
			{"the last byte of a run's header", run + 63, 1, false},
			{"a run from its header on", run, 128, false},
			{"a large block", large, usable, true},
			{"a large block and a byte", large, usable + 1, false},
			{"the last byte of a large block", large + usable - 1, 1, true},
			{"the tag of a large block", large - 16, 16, true},
			{"the header of a large block", large - 17, 17, false},
		}
		for _, r := range rows {
			if got := a.Owns(page.Pointer(r.addr), r.n); got != r.want {
				t.Errorf("profile %s: %s: owned: %v", prof.Name, r.place, got)
			}
		}
		closeHeap(t, a)
		slots.Close()
	}
}
