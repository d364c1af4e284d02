package arena

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/impl/pool"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
)

// tiny are worlds in which corners are near: an arena of two pools, and one of two or one where its base is off.
func tiny() (worlds []*profile.Profile) {
	for _, p := range profile.All() {
		small := *p
		small.Name += "-tiny"
		small.ArenaBytes = 2 * small.PoolBytes
		worlds = append(worlds, p, &small)
	}
	return worlds
}

// seed is the seed of random tests: HEAPFUZZ_SEED, or 1.
func seed() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("HEAPFUZZ_SEED"), 10, 64); err == nil {
		return n
	}
	return 1
}

func open(t testing.TB, cfg Config) *Allocator {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func closeHeap(t testing.TB, a *Allocator) {
	t.Helper()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if got := a.os.Usage().Mapped; got != 0 {
		t.Errorf("%d bytes stay mapped after Close", got)
	}
}

// A book is the model: which blocks are live, how large, and what is written in them.
type book struct {
	t      testing.TB
	a      *Allocator
	blocks []entry
	stamp  byte
}

type entry struct {
	ptr  unsafe.Pointer
	n    uintptr
	fill byte
}

func (b *book) view(e entry) []byte { return unsafe.Slice((*byte)(e.ptr), e.n) }

// enter writes down a new block, after looking at where it lies.
func (b *book) enter(ptr unsafe.Pointer, n uintptr) {
	b.t.Helper()
	addr := uintptr(ptr)
	a := b.a
	if addr%a.prof.Alignment() != 0 {
		b.t.Fatalf("block/place: %d bytes are not aligned", n)
	}
	if usable := a.UsableSize(ptr); usable < n || !a.Owns(ptr, usable) {
		b.t.Fatalf("block/place: %d bytes got %d that are not all owned", n, usable)
	}
	if i := a.arenaOf(addr); i >= 0 {
		p := a.geometry.Of(addr)
		k, ok := a.geometry.Index(p, addr)
		// A block that realloc left in place may be of a larger class.
		of := p.Class() == uint32(sizeclass.Small(n, a.shift)) || 4*n > 3*a.geometry.Size(p.Class())
		if !ok || k >= a.geometry.Capacity(p.Class()) || !of {
			b.t.Fatalf("block/place: %d bytes are off the grid: %s", n, a.Explain(ptr))
		}
	}
	for _, e := range b.blocks {
		if at := uintptr(e.ptr); addr < at+max(e.n, 1) && at < addr+max(n, 1) {
			b.t.Fatalf("block/place: two live blocks overlap: %s", a.Explain(ptr))
		}
	}
	b.stamp++
	e := entry{ptr, n, b.stamp}
	for i := range b.view(e) {
		b.view(e)[i] = b.stamp
	}
	b.blocks = append(b.blocks, e)
}

func (b *book) verify(e entry, n uintptr) {
	b.t.Helper()
	if v := b.view(e)[:min(n, e.n)]; len(v) > 0 && (v[0] != e.fill || !bytes.Equal(v[1:], v[:len(v)-1])) {
		b.t.Fatalf("realloc/content: a block of %d bytes is overwritten: %s", e.n, b.a.Explain(e.ptr))
	}
}

func (b *book) remove(i int) entry {
	e, last := b.blocks[i], len(b.blocks)-1
	b.blocks[i], b.blocks = b.blocks[last], b.blocks[:last]
	return e
}

// step does one random operation. It reports whether there was memory for it.
func (b *book) step(r *rand.Rand, grow float64, size func(*rand.Rand) uintptr) bool {
	a := b.a
	if len(b.blocks) > 0 && r.Float64() >= grow {
		e := b.remove(r.IntN(len(b.blocks)))
		b.verify(e, e.n)
		a.Free(e.ptr)
		return true
	}
	n := size(r)
	if len(b.blocks) > 0 && r.IntN(5) == 0 {
		i := r.IntN(len(b.blocks))
		e := b.blocks[i]
		to := a.Realloc(e.ptr, n)
		if to == nil {
			b.verify(e, e.n)
			return false
		}
		b.remove(i)
		b.verify(entry{to, min(n, e.n), e.fill}, n)
		b.enter(to, n)
		return true
	}
	var ptr unsafe.Pointer
	zeroed := r.IntN(4) == 0
	if zeroed {
		ptr = a.Calloc(1, n)
	} else {
		ptr = a.Alloc(n)
	}
	if ptr == nil {
		return false
	}
	if zeroed && bytes.Count(page.View(uintptr(ptr), n), []byte{0}) != int(n) {
		b.t.Fatalf("calloc of %d bytes is not zero", n)
	}
	b.enter(ptr, n)
	return true
}

func (b *book) check() {
	b.t.Helper()
	if err := b.a.CheckInvariants(); err != nil {
		b.t.Fatal(err)
	}
	var usable uint64
	for _, e := range b.blocks {
		usable += uint64(b.a.UsableSize(e.ptr))
	}
	if blocks, bytes, _ := b.a.Usage(); blocks != uint64(len(b.blocks)) || bytes != usable {
		b.t.Fatalf("usage says %d blocks with %d bytes, the book %d with %d", blocks, bytes, len(b.blocks), usable)
	}
}

func mixed(r *rand.Rand) uintptr {
	switch r.IntN(10) {
	case 0:
		return []uintptr{0, 1, 8, 15, 16, 17, 511, 512, 513, 4096, 32768, 32769}[r.IntN(12)]
	case 1:
		return 513 + uintptr(r.IntN(3000))
	case 2:
		return uintptr(r.IntN(100_000))
	}
	return 1 + uintptr(r.IntN(512))
}

func TestRandomPrograms(t *testing.T) {
	large := func(r *rand.Rand) uintptr { return 500 + uintptr(r.IntN(13)) }
	for _, prof := range tiny() {
		for i, size := range []func(*rand.Rand) uintptr{mixed, large} {
			for skew := range uint64(2) {
				name := fmt.Sprintf("profile=%s/sizes=%d/skew=%d", prof.Name, i, skew)
				r := rand.New(rand.NewPCG(seed(), skew+uint64(i)<<8))
				slots := page.NewSlots(prof.ArenaBytes, 400, uintptr(skew)*512)
				a := open(t, Config{Profile: prof, Arenas: slots})
				b := &book{t: t, a: a}
				grow := .8
				for j := range 300 {
					if j%60 == 59 {
						grow = []float64{.9, .6, .4, .1}[r.IntN(4)]
					}
					b.step(r, grow, size)
					b.check()
				}
				for len(b.blocks) > 0 {
					e := b.remove(len(b.blocks) - 1)
					b.verify(e, e.n)
					a.Free(e.ptr)
				}
				b.check()
				if t.Failed() {
					t.Fatalf("%s, HEAPFUZZ_SEED=%d", name, seed())
				}
				closeHeap(t, a)
				slots.Close()
			}
		}
	}
}

// TestOOMSweep lets each request to the system fail in turn, once and for good. A call that got nothing must have
// changed nothing, and when memory is back everything goes on.
func TestOOMSweep(t *testing.T) {
	for _, prof := range tiny() {
		run := func(nth int, persistent bool) (requests uint64) {
			r := rand.New(rand.NewPCG(seed(), 99))
			a := open(t, Config{Profile: prof})
			a.InjectOOM(nth, persistent)
			b := &book{t: t, a: a}
			for range 60 {
				before, live := stable(a), fmt.Sprint(b.blocks)
				ok := b.step(r, .75, mixed)
				if !ok && (stable(a) != before || fmt.Sprint(b.blocks) != live) {
					t.Fatalf("oom/unchanged: request %d of profile %s:\n%s\n%s", nth, prof.Name, before, stable(a))
				}
				b.check()
			}
			for _, e := range b.blocks {
				b.verify(e, e.n)
			}
			a.InjectOOM(0, false)
			if !b.step(r, 1, func(*rand.Rand) uintptr { return 200_000 }) {
				t.Fatalf("profile %s: no memory though it is back", prof.Name)
			}
			for len(b.blocks) > 0 {
				a.Free(b.remove(0).ptr)
			}
			a.Trim()
			b.check()
			kept := a.vec.current*uint64(a.span) + a.addresses.nodeBytes()
			if _, _, footprint := a.Usage(); footprint != kept || a.vec.current > 1 {
				t.Fatalf("profile %s: %d bytes stay where %d are kept by its rules", prof.Name, footprint, kept)
			}
			u := a.os.Usage()
			closeHeap(t, a)
			return u.Maps + u.Failed
		}
		total := run(0, false)
		for nth := 1; nth <= int(total); nth++ {
			run(nth, false)
			run(nth, true)
		}
	}
}

// stable is the state that a failed call must not change: everything but nodes of the address map, which stay.
func stable(a *Allocator) string {
	text, _, _ := strings.Cut(a.StatsText(), "arena map")
	blocks, bytes, _ := a.Usage()
	return fmt.Sprint(text, blocks, bytes, a.raw.blocks, a.raw.bytes, a.used)
}

func TestLimitBytes(t *testing.T) {
	a := open(t, Config{LimitBytes: 4 << 20})
	defer closeHeap(t, a)
	n := 0
	for a.Alloc(512) != nil {
		n++
	}
	_, bytes, footprint := a.Usage()
	if footprint > 4<<20 || bytes < 3<<20 {
		t.Fatalf("%d blocks: %d bytes live, %d taken", n, bytes, footprint)
	}
	if err := a.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
}

func TestEdges(t *testing.T) {
	for _, prof := range profile.All() {
		a := open(t, Config{Profile: prof})
		a.Free(nil)
		if a.Alloc(math.MaxInt64+1) != nil || a.Alloc(math.MaxUint64) != nil || a.Alloc(math.MaxInt64) != nil {
			t.Error("a request beyond the address space was served")
		}
		if a.Calloc(1<<32, 1<<32) != nil || a.Calloc(math.MaxInt64, 2) != nil {
			t.Error("a product beyond the address space was served")
		}
		p, q := a.Alloc(0), a.Calloc(0, 5)
		if p == nil || q == nil || p == q {
			t.Error("requests for 0 bytes are not blocks of their own")
		}
		if a.arenaOf(uintptr(p)) >= 0 {
			t.Error("a request for 0 bytes was served from a pool")
		}
		if r := a.Realloc(nil, 40); a.UsableSize(r) < 40 || a.UsableSize(nil) != 0 {
			t.Error("realloc of nil is not alloc")
		}
		if a.Realloc(p, math.MaxInt64+1) != nil || a.UsableSize(p) == 0 {
			t.Error("realloc beyond the address space was served")
		}
		if a.Owns(nil, 0) || a.Owns(p, math.MaxUint64) || a.Owns(unsafe.Pointer(new(int)), 1) {
			t.Error("Owns claims foreign memory")
		}
		closeHeap(t, a)
		if a.Close() == nil || a.CheckInvariants() != nil {
			t.Error("Close does not know that it is done")
		}
	}
}

// TestReallocRule tries all pairs of a block and a new size.
func TestReallocRule(t *testing.T) {
	for _, prof := range []string{"old8", "3.9", "3.11"} {
		prof, _ := profile.ByName(prof)
		a := open(t, Config{Profile: prof})
		for class := range a.geometry.Classes() {
			size := a.geometry.Size(class)
			for n := uintptr(0); n <= 520; n++ {
				p := a.Alloc(size)
				q := a.Realloc(p, n)
				if inPlace := n <= size && 4*n > 3*size; (p == q) != inPlace {
					t.Fatalf("profile %s: %d -> %d bytes in place: %v", prof.Name, size, n, p == q)
				}
				a.Free(q)
			}
		}
		p := a.Alloc(600)
		for _, n := range []uintptr{512, 1, 300, 0, 700} {
			if p = a.Realloc(p, n); a.arenaOf(uintptr(p)) >= 0 {
				t.Fatalf("a raw block became pymalloc's at %d bytes", n)
			}
		}
		a.Free(p)
		closeHeap(t, a)
	}
}

// TestForeignAddresses asks about every page around and in arenas. Foreign pages carry plausible arena indices, and so
// do the pages of a released arena, whose headers are still there.
func TestForeignAddresses(t *testing.T) {
	for _, prof := range profile.All() {
		for _, skew := range []uintptr{0, 4096, 512, prof.ArenaBytes / 2} {
			slots := page.NewSlots(prof.ArenaBytes, 8, skew)
			a := open(t, Config{Profile: prof, Arenas: slots})
			var ptrs [4][]unsafe.Pointer
			for len(ptrs[3]) == 0 {
				p := a.Alloc(512)
				i := a.arenaOf(uintptr(p))
				ptrs[i] = append(ptrs[i], p)
			}
			check := func(released int) {
				t.Helper()
				for off := -int64(2 * prof.ArenaBytes); off < int64(7*prof.ArenaBytes); off += 256 {
					for _, b := range []uintptr{uintptr(off), uintptr(off) + 255} {
						b += a.arenas[0].address
						want := int64(b-a.arenas[0].address) >= 0 && b-a.arenas[0].address < 4*prof.ArenaBytes
						if slot, _ := slots.Place(b); slot == released && want {
							want = false
						}
						if i := a.arenaOf(b); want && !a.addresses.used && !a.carved(i, a.geometry.Of(b)) {
							continue // no header says whose it is; nobody may ask
						}
						if got := a.ours(a.geometry.Of(b), b); got != want {
							t.Fatalf("arena/address-in-range: profile %s skew %d offset %d: %v",
								prof.Name, skew, off, got)
						}
					}
				}
			}
			check(-1)
			for _, p := range ptrs[1] {
				a.Free(p)
			}
			if a.arenas[1].address != 0 {
				// It is the last of the usable list and kept; one that is freed after it is not.
				for _, p := range ptrs[2] {
					a.Free(p)
				}
				if a.arenas[2].address == 0 {
					check(2)
				} else {
					check(1)
				}
			} else {
				check(1)
			}
			foreign := page.New(nil)
			addr := foreign.Map(1 << 20)
			for i := range uintptr(1 << 20 / 4096) {
				page.Store32(addr+i*4096+32, uint32(i%20))
				if b := addr + i*4096 + 64; a.ours(a.geometry.Of(b), b) {
					t.Fatalf("arena/address-in-range: profile %s claims a foreign page that names arena %d",
						prof.Name, i%20)
				}
			}
			foreign.Close()
			if a.addresses.used && (a.addresses.has(64) || a.addresses.has(1<<47)) {
				t.Error("the lowest or highest addresses are claimed")
			}
			if o := (object{}); o.holds(64, a.span) {
				t.Error("a slot without arena claims the lowest addresses")
			}
			closeHeap(t, a)
			slots.Close()
		}
	}
}

func TestVirginMemoryStaysUntouched(t *testing.T) {
	for _, prof := range profile.All() {
		slots := page.NewSlots(prof.ArenaBytes, 8, 0)
		a := open(t, Config{Profile: prof, Arenas: slots})
		r := rand.New(rand.NewPCG(seed(), 5))
		for range 2000 {
			p := a.Alloc(1 + uintptr(r.IntN(512)))
			// A pool that becomes empty and serves another class is carved anew over old blocks: that one stays in use.
			if q := a.geometry.Of(uintptr(p)); a.arenaOf(uintptr(p)) >= 0 && q.Count() > 1 && r.IntN(3) == 0 {
				a.Free(p)
			}
		}
		clean := func(from, to uintptr) {
			if v := page.View(from, to-from); bytes.Count(v, []byte{page.Poison}) != len(v) {
				t.Fatalf("block/untouched: profile %s: virgin memory is written", prof.Name)
			}
		}
		a.pools(func(_ int, p pool.Pool) {
			if p.Class() != pool.NoClass {
				clean(uintptr(p)+uintptr(p.Virgin()), uintptr(p)+prof.PoolBytes)
			}
		})
		for i := range a.arenas {
			if o := &a.arenas[i]; o.address != 0 {
				clean(o.virgin, o.address+a.span)
			}
		}
		closeHeap(t, a)
		slots.Close()
	}
}

func TestShortPathsAllocateNothing(t *testing.T) {
	a := open(t, Config{})
	defer closeHeap(t, a)
	keep := a.Alloc(64)
	defer a.Free(keep)
	for _, n := range []uintptr{0, 1, 64, 512, 513, 20_000} {
		if got := testing.AllocsPerRun(100, func() { a.Free(a.Realloc(a.Alloc(n), n+100)) }); got != 0 {
			t.Errorf("size %d: %v Go allocations", n, got)
		}
	}
}

// TestArenaEvents counts requests of a loop around an empty heap, which is what bpo-37257 is about.
func TestArenaEvents(t *testing.T) {
	for _, prof := range profile.All() {
		a := open(t, Config{Profile: prof})
		for range 100 {
			a.Free(a.Alloc(64))
		}
		want := uint64(100)
		if prof.KeepLast {
			want = 1
		}
		if a.vec.allocated != want {
			t.Errorf("profile %s: %d arenas were asked for, want %d", prof.Name, a.vec.allocated, want)
		}
		closeHeap(t, a)
	}
}

func TestExplain(t *testing.T) {
	prof, _ := profile.ByName("3.9")
	a := open(t, Config{Profile: prof})
	defer closeHeap(t, a)
	var p []unsafe.Pointer
	for range 6 { // the sixth brings block 6 to the free list
		p = append(p, a.Alloc(80))
	}
	a.Free(p[5])
	a.Free(p[2])
	raw := a.Alloc(600)
	a.Alloc(600)
	rows := []struct {
		ptr  unsafe.Pointer
		want string
	}{
		{p[2], "arena 0 pool 0 class 4 (80 bytes) block 2 free: [# # (.) # # . . ~ ~ ~ ~ ~ ~ ~ ~ ..] " +
			"4 live of 50; free list 2 -> 5 -> 6; next virgin 7"},
		{unsafe.Add(p[3], 7), "arena 0 pool 0 class 4 (80 bytes) block 3+7 live: " +
			"[# # . (#) # . . ~ ~ ~ ~ ~ ~ ~ ~ ..] 4 live of 50; free list 2 -> 5 -> 6; next virgin 7"},
		{unsafe.Add(p[0], -8), "arena 0 pool 0 class 4 (80 bytes): byte 40 of the header"},
		{unsafe.Add(p[0], 4096), "arena 0 offset 4144: in no pool that was carved"},
		{raw, "raw run 0 class 16 (640 bytes) slot 0 live, byte 0 behind its tag; 2 live in the run"},
		{unsafe.Pointer(t), "no memory of this heap"},
	}
	for _, r := range rows {
		if got := a.Explain(r.ptr); got != r.want {
			t.Errorf("got  %s\nwant %s", got, r.want)
		}
	}
}
