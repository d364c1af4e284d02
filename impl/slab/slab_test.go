package slab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/impl/page"
)

// worlds are the configurations that every test runs in: one page a slab reaches full slabs, spares and the directory's
// growth within a few hundred operations.
var worlds = []struct {
	name string
	cfg  Config
}{
	{"slab=4096/spares=none", Config{SlabBytes: 4096, Spares: -1}},
	{"slab=8192/spares=1", Config{SlabBytes: 8192, Spares: 1}},
	{"slab=65536/spares=16", Config{}},
}

// seed is HEAPFUZZ_SEED, or 1; a failing test prints it.
func seed(t testing.TB) uint64 {
	s, err := strconv.ParseUint(os.Getenv("HEAPFUZZ_SEED"), 10, 64)
	if err != nil {
		s = 1
	}
	t.Logf("HEAPFUZZ_SEED=%d", s)
	return s
}

func open(t testing.TB, cfg Config) *Allocator {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func check(t testing.TB, a *Allocator) {
	t.Helper()
	if err := errors.Join(a.CheckInvariants(), a.CheckCheap()); err != nil {
		t.Fatal(err)
	}
}

// block is what the model knows of a live block.
type block struct {
	p       unsafe.Pointer
	n       uintptr // asked for
	pattern byte
}

// bytes is the block with its whole usable size, which UsableSize promises to be writable.
func (b block) bytes(a *Allocator) []byte { return unsafe.Slice((*byte)(b.p), a.UsableSize(b.p)) }

// heap is an allocator and a model of it: the live blocks in a slice, so that a random one is found.
type heap struct {
	testing.TB
	a    *Allocator
	live []block
	next byte
}

func (h *heap) add(p unsafe.Pointer, n, align uintptr) {
	h.Helper()
	if p == nil {
		return
	}
	usable := h.a.UsableSize(p)
	if uintptr(p)%max(align, blockMin) != 0 || usable < n || usable == 0 || !h.a.Owns(p, usable) {
		h.Fatalf("a block of %d bytes has %d usable ones, address %% 4096 is %d", n, usable, uintptr(p)%4096)
	}
	for _, b := range h.live {
		if uintptr(p) < uintptr(b.p)+h.a.UsableSize(b.p) && uintptr(b.p) < uintptr(p)+usable {
			h.Fatalf("a block of %d bytes overlaps a live one of %d", n, b.n)
		}
	}
	h.next++
	b := block{p, n, h.next}
	paint(b.bytes(h.a), b.pattern)
	h.live = append(h.live, b)
}

func paint(s []byte, pattern byte) {
	for i := range s {
		s[i] = pattern + byte(i)
	}
}

func (h *heap) verify(s []byte, pattern byte) {
	h.Helper()
	for i, c := range s {
		if c != pattern+byte(i) {
			h.Fatalf("byte %d of a block of %d has changed", i, len(s))
		}
	}
}

func (h *heap) free(i int) {
	b := h.live[i]
	h.verify(b.bytes(h.a), b.pattern)
	h.a.Free(b.p)
	h.live = slices.Delete(h.live, i, i+1)
}

func (h *heap) realloc(i int, n uintptr) {
	b := h.live[i]
	old := h.a.UsableSize(b.p)
	h.verify(b.bytes(h.a), b.pattern)
	p := h.a.Realloc(b.p, n)
	if p == nil {
		if n <= old {
			h.Fatalf("a block of %d bytes cannot shrink to %d", old, n)
		}
		h.verify(b.bytes(h.a), b.pattern)
		return
	}
	h.live = slices.Delete(h.live, i, i+1)
	h.verify(unsafe.Slice((*byte)(p), min(old, n)), b.pattern)
	h.add(p, n, 1)
}

func (h *heap) calloc(count, size uintptr) {
	p := h.a.Calloc(count, size)
	if p == nil {
		return
	}
	for i, c := range unsafe.Slice((*byte)(p), count*size) {
		if c != 0 {
			h.Fatalf("byte %d of %d is not zero", i, count*size)
		}
	}
	h.add(p, count*size, 1)
}

func (h *heap) check() {
	h.Helper()
	check(h, h.a)
	var bytes uint64
	for _, b := range h.live {
		bytes += uint64(h.a.UsableSize(b.p))
	}
	if gotBlocks, gotBytes, _ := h.a.Usage(); gotBlocks != uint64(len(h.live)) || gotBytes != bytes {
		h.Fatalf("usage is %d, %d; the model has %d, %d", gotBlocks, gotBytes, len(h.live), bytes)
	}
}

// size draws sizes near the edges: few classes most of the time, so that slabs fill up, and each now and then.
func size(r *rand.Rand) uintptr {
	switch r.IntN(8) {
	case 0:
		return uintptr(r.IntN(2))
	case 1:
		return classSizes[r.IntN(len(classSizes))] + uintptr(r.IntN(3)) - 1
	case 2:
		return uintptr(r.IntN(70_000))
	default:
		return uintptr(500 + r.IntN(30))
	}
}

func (h *heap) step(r *rand.Rand, grow int) {
	if i := r.IntN(100); i >= grow && len(h.live) > 0 {
		if i%4 == 0 {
			h.realloc(r.IntN(len(h.live)), size(r))
		} else {
			h.free(r.IntN(len(h.live)))
		}
		return
	}
	switch n := size(r); r.IntN(8) {
	case 0:
		align := uintptr(1) << r.IntN(13)
		h.add(h.a.AlignedAlloc(align, n), n, align)
	case 1:
		h.calloc(uintptr(1+r.IntN(3)), n)
	case 2:
		if r.IntN(8) == 0 {
			h.a.Trim()
		}
	default:
		h.add(h.a.Alloc(n), n, 1)
	}
}

func TestRandomPrograms(t *testing.T) {
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			s := seed(t)
			for run := range uint64(6) {
				r := rand.New(rand.NewPCG(s, run))
				h := &heap{TB: t, a: open(t, w.cfg)}
				for op := range 1500 {
					if run%2 == 1 && r.IntN(50) == 0 {
						h.a.InjectOOM(r.IntN(4), r.IntN(2) == 0)
					}
					h.step(r, []int{70, 50, 30}[op/100%3]) // phases of growing, churning and draining
					h.check()
				}
				for len(h.live) > 0 {
					h.free(r.IntN(len(h.live)))
				}
				h.check()
				h.a.Trim()
				h.check()
				if _, _, footprint := h.a.Usage(); footprint != 0 {
					t.Fatalf("%d bytes remain of an empty heap", footprint)
				}
			}
		})
	}
}

// TestOOMSweep fails each request to the operating system in turn, once and from then on, and looks that nothing is
// lost.
func TestOOMSweep(t *testing.T) {
	for _, w := range worlds {
		for _, persistent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/persistent=%t", w.name, persistent), func(t *testing.T) {
				for nth := 1; nth <= 12; nth++ {
					sweep(t, w.cfg, nth, persistent)
				}
			})
		}
	}
}

func sweep(t *testing.T, cfg Config, nth int, persistent bool) {
	r := rand.New(rand.NewPCG(7, uint64(nth)))
	h := &heap{TB: t, a: open(t, cfg)}
	h.a.InjectOOM(nth, persistent)
	nils := 0
	for range 60 {
		n := size(r) + 2000
		before := len(h.live)
		if h.add(h.a.Alloc(n), n, 1); len(h.live) == before {
			nils++
		}
		h.check()
	}
	for i := len(h.live) - 1; i >= 0; i-- {
		h.realloc(i, h.live[i].n/4) // shrinking asks the OS, and does not need to
		h.check()
	}
	if nils == 0 || !persistent && nils != 1 {
		t.Fatalf("request %d: %d allocations failed, persistent is %t", nth, nils, persistent)
	}
	h.a.InjectOOM(0, false)
	if p := h.a.Alloc(100_000); p == nil {
		t.Fatal("there is no memory although nothing is injected")
	}
}

func TestAlignedAlloc(t *testing.T) {
	for _, w := range worlds {
		h := &heap{TB: t, a: open(t, w.cfg)}
		for align := uintptr(1); align <= alignMax; align *= 2 {
			for _, n := range []uintptr{0, 1, 15, align - 1, align, align + 1, 3 * align, 5000, 9000, 70_000} {
				p := h.a.AlignedAlloc(align, n)
				if p == nil {
					t.Fatalf("%s: no block of %d bytes aligned to %d", w.name, n, align)
				}
				h.add(p, n, align)
			}
		}
		h.check()
		for _, align := range []uintptr{0, 3, 24, 2 * alignMax, 1 << 63} {
			if h.a.AlignedAlloc(align, 8) != nil {
				t.Errorf("%s: alignment %d is accepted", w.name, align)
			}
		}
	}
}

func TestTooMuch(t *testing.T) {
	a := open(t, Config{})
	for _, n := range []uintptr{sizeMax + 1, 1 << 62, 1<<63 - 1, 1 << 63, ^uintptr(0) - 4094, ^uintptr(0)} {
		if a.Alloc(n) != nil || a.AlignedAlloc(4096, n) != nil || a.Calloc(1, n) != nil {
			t.Errorf("a block of %d bytes is promised", n)
		}
	}
	if a.Calloc(1<<32, 1<<32) != nil || a.Calloc(3, ^uintptr(0)/2) != nil {
		t.Error("the product of Calloc overflows")
	}
	p := a.Alloc(10)
	if a.Realloc(p, ^uintptr(0)) != nil || a.UsableSize(p) != 16 {
		t.Error("Realloc to too much does not keep the block")
	}
	check(t, a)
}

func TestZeroAndNil(t *testing.T) {
	a := open(t, Config{})
	p, q, r, s := a.Alloc(0), a.Alloc(0), a.Calloc(0, 8), a.Realloc(nil, 0)
	if p == nil || q == nil || r == nil || s == nil || p == q || q == r || r == s {
		t.Error("blocks of 0 bytes are not blocks of their own")
	}
	if a.Realloc(p, 0) != p {
		t.Error("the smallest block moves when it becomes smaller still")
	}
	a.Free(nil)
	if a.UsableSize(nil) != 0 || a.Owns(nil, 0) {
		t.Error("nil has bytes")
	}
	check(t, a)
}

func TestConfig(t *testing.T) {
	for _, n := range []uintptr{1, 2048, 5000, 131072, 1 << 63} {
		if _, err := New(Config{SlabBytes: n}); err == nil {
			t.Errorf("SlabBytes %d is accepted", n)
		}
	}
}

func TestClose(t *testing.T) {
	a := open(t, Config{})
	p := a.Alloc(10)
	a.Alloc(100_000)
	if err := errors.Join(a.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	check(t, a)
	if a.Alloc(1) != nil || a.Alloc(100_000) != nil || a.Owns(p, 1) ||
		a.Explain(p) != "not in memory of this allocator" {
		t.Error("a closed allocator has memory")
	}
	if got := misuseOf(func() { a.Free(p) }); got != ForeignFree {
		t.Errorf("Free after Close is %q", got)
	}
}

// misuseOf is the kind of the MisuseError that f panics with, or what it panics with instead.
func misuseOf(f func()) (kind string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *MisuseError:
			kind = r.Kind
		default:
			kind = fmt.Sprint(r)
		}
	}()
	f()
	return "nothing"
}

func TestMisuse(t *testing.T) {
	var stack [64]byte
	for _, w := range worlds {
		a := open(t, w.cfg)
		other := open(t, w.cfg)
		small, freed, foreign := a.Alloc(100), a.Alloc(100), other.Alloc(100)
		a.Alloc(100)
		big, gone := a.Alloc(200_000), a.Alloc(200_000)
		a.Free(freed)
		a.Free(gone)
		behind := unsafe.Add(small, uintptr(a.dir.get(uintptr(small)>>a.slabShift).capacity)*112)
		for _, row := range []struct {
			name string
			p    unsafe.Pointer
			want string
		}{
			{"freed before", freed, DoubleFree},
			{"never handed out", unsafe.Add(small, 112*4), DoubleFree},
			{"one byte in", unsafe.Add(small, 1), InteriorFree},
			{"an aligned place in", unsafe.Add(small, 96), InteriorFree},
			{"last byte of the block", unsafe.Add(small, 111), InteriorFree},
			{"in a large block", unsafe.Add(big, 16), InteriorFree},
			{"far up in a large block", unsafe.Add(big, 150_000), InteriorFree},
			{"in a free block", unsafe.Add(freed, 16), WildFree},
			{"behind the last block", behind, WildFree},
			{"of another allocator", foreign, ForeignFree},
			{"of Go", unsafe.Pointer(&stack[0]), ForeignFree},
			{"large and unmapped", gone, ForeignFree},
		} {
			blocks, bytes, footprint := a.Usage()
			for name, f := range map[string]func(){
				"Free":    func() { a.Free(row.p) },
				"Realloc": func() { a.Realloc(row.p, 300) },
			} {
				if got := misuseOf(f); got != row.want {
					t.Errorf("%s: %s of an address %s is %q, want %q", w.name, name, row.name, got, row.want)
				}
			}
			if a.UsableSize(row.p) != 0 {
				t.Errorf("%s: an address %s has a usable size", w.name, row.name)
			}
			check(t, a)
			if b, n, f := a.Usage(); b != blocks || n != bytes || f != footprint {
				t.Errorf("%s: the misuse of an address %s has changed the usage", w.name, row.name)
			}
		}
	}
}

func TestMisuseErrorIsConstant(t *testing.T) {
	if got := (&MisuseError{DoubleFree}).Error(); got != "slab: double free" {
		t.Errorf("the text is %q", got)
	}
}

func TestOwns(t *testing.T) {
	a := open(t, Config{})
	p, big := a.Alloc(100), a.Alloc(200_000)
	for _, row := range []struct {
		p    unsafe.Pointer
		n    uintptr
		want bool
	}{
		{p, 0, true}, {p, 112, true}, {p, slabMax, true}, {p, slabMax + 1, false}, {p, ^uintptr(0), false},
		{big, 200_000, true}, {unsafe.Add(big, 100_000), 100_000, true}, {unsafe.Add(big, 100_000), 200_000, false},
		{unsafe.Pointer(a), 1, false},
	} {
		if a.Owns(row.p, row.n) != row.want {
			t.Errorf("%s: owning %d bytes is not %t", a.Explain(row.p), row.n, row.want)
		}
	}
}

func TestExplain(t *testing.T) {
	a := open(t, Config{})
	p, q, big := a.Alloc(100), a.Alloc(100), a.Alloc(200_000)
	a.Free(q)
	for _, row := range []struct {
		p    unsafe.Pointer
		want string
	}{
		{unsafe.Add(p, 3),
			"slab 0: class 6 of 112 bytes, 1 of 585 live; byte 3 of block 0, live, word fffffffffffffffe"},
		{q, "slab 0: class 6 of 112 bytes, 1 of 585 live; byte 0 of block 1, free, word fffffffffffffffe"},
		{unsafe.Add(p, 65535), "slab 0: class 6 of 112 bytes, 1 of 585 live; byte 65535, behind the last block"},
		{unsafe.Add(big, 70_000), "slab 1: byte 70000 of a large block of 200704"},
		{unsafe.Pointer(a), "not in memory of this allocator"},
	} {
		if got := a.Explain(row.p); got != row.want {
			t.Errorf("got  %s\nwant %s", got, row.want)
		}
	}
}

// TestReciprocal tries every block size of a slab with every offset, and every size of a large block in pages with
// some.
func TestReciprocal(t *testing.T) {
	try := func(size, off uintptr) {
		if got := uint64(off) * reciprocal(size) >> 32; got != uint64(off/size) {
			t.Fatalf("%d / %d is %d", off, size, got)
		}
	}
	for _, size := range classSizes {
		for off := range uintptr(slabMax) {
			try(size, off)
		}
	}
	for size := uintptr(4096); size < 1<<30; size += 4096 + size/64&^4095 {
		for off := range uintptr(slabMax / 64) {
			try(size, off*64)
			try(size, off*64+63)
		}
	}
	try(sizeMax, slabMax-1)
}

func TestClasses(t *testing.T) {
	for n := range uintptr(classMost + 1) {
		class := classOf(n)
		if classSizes[class] < n || class > 0 && n > 0 && classSizes[class-1] >= n {
			t.Fatalf("%d bytes are of class %d", n, class)
		}
	}
}

// TestDirectory compares the directory with a map while granules that collide come and go.
func TestDirectory(t *testing.T) {
	r := rand.New(rand.NewPCG(seed(t), 0))
	var d directory
	model := make(map[uintptr]*slab)
	for op := range 20_000 {
		g := uintptr(r.IntN(60)) << []uint{0, 20, 40}[r.IntN(3)]
		if model[g] == nil && (op/500%2 == 0 || r.IntN(4) == 0) {
			model[g] = new(slab)
			d.put(g, model[g])
		} else if model[g] != nil {
			delete(model, g)
			d.remove(g)
		}
		if d.count != len(model) {
			t.Fatalf("count %d, want %d", d.count, len(model))
		}
		for g, s := range model {
			if d.get(g) != s {
				t.Fatalf("op %d: granule %d is lost", op, g)
			}
		}
		if d.get(g) != model[g] {
			t.Fatalf("op %d: granule %d is found after its removal", op, g)
		}
	}
}

// TestNoGoMemory: in steady state no operation allocates Go memory, mapping and unmapping included.
func TestNoGoMemory(t *testing.T) {
	a := open(t, Config{Spares: -1})
	var ps [2000]unsafe.Pointer
	got := testing.AllocsPerRun(10, func() {
		for i := range ps {
			ps[i] = a.Alloc(uintptr(i % 600))
		}
		big := a.Realloc(a.Calloc(3, 100_000), 500_000)
		for i := range ps {
			ps[i] = a.Realloc(ps[i], uintptr(i%900))
			a.UsableSize(ps[i])
			a.Owns(ps[i], 8)
		}
		for _, p := range ps {
			a.Free(p)
		}
		a.Free(big)
		a.Free(a.AlignedAlloc(4096, 10))
		if a.CheckCheap() != nil {
			t.Error(a.CheckCheap())
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a run", got)
	}
}

// TestDump shows the three states of a word.
func TestDump(t *testing.T) {
	a := open(t, Config{})
	var ps []unsafe.Pointer
	for range 100 {
		ps = append(ps, a.Alloc(400))
	}
	a.Free(ps[3])
	var b strings.Builder
	a.Dump(&b)
	want := "99 blocks, 44352 bytes, footprint 65536, 1 slabs, 0 spare\n" +
		"slab 0: class 14, size 448, 99 of 146 live ++.\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// dirty is a source whose memory comes with content, as a pool of pages that are used again would have it.
type dirty struct{ page.Mmap }

func (d dirty) Map(n uintptr) uintptr {
	addr := d.Mmap.Map(n)
	if addr != 0 {
		paint(page.View(addr, n), 1)
	}
	return addr
}

// TestCallocOfDirtyMemory: the zeroes of Calloc do not depend on where the memory comes from, nor on how large it is.
func TestCallocOfDirtyMemory(t *testing.T) {
	for _, cfg := range []Config{{Source: dirty{}}, {SlabBytes: 4096, Source: dirty{}}, {}} {
		a := open(t, cfg)
		h := &heap{TB: t, a: a}
		for _, n := range []uintptr{1, 16, 511, 512, 513, 8191, classMost, classMost + 1, 100_000} {
			if cfg.Source == nil { // then it is the block before that leaves the dirt
				p := a.Alloc(n)
				paint(unsafe.Slice((*byte)(p), a.UsableSize(p)), 1)
				a.Free(p)
			}
			h.calloc(1, n)
		}
		h.check()
	}
}

// TestWhichAreLarge: the greatest class is used up to its size, and whole pages only from there on.
func TestWhichAreLarge(t *testing.T) {
	for _, row := range []struct {
		slabBytes, n, usable uintptr
	}{
		{4096, 512, 512}, {4096, 513, 4096}, {8192, 1024, 1024}, {8192, 1025, 4096},
		{65536, 8192, 8192}, {65536, 8193, 12288}, {65536, 12288, 12288}, {65536, 12289, 16384},
	} {
		a := open(t, Config{SlabBytes: row.slabBytes})
		for _, p := range []unsafe.Pointer{a.Alloc(row.n), a.AlignedAlloc(16, row.n), a.Calloc(row.n, 1)} {
			if got := a.UsableSize(p); got != row.usable {
				t.Errorf("%d bytes in slabs of %d have %d usable ones, want %d", row.n, row.slabBytes, got, row.usable)
			}
		}
	}
}

// TestReallocStays: a block stays while the request fits and is at least half of it.
func TestReallocStays(t *testing.T) {
	for _, row := range []struct {
		from, to uintptr
		stays    bool
	}{
		{64, 64, true}, {64, 63, true}, {64, 32, true}, {64, 31, false}, {64, 0, false}, {64, 65, false},
		{16, 8, true}, {16, 7, true}, {16, 0, true}, {16, 17, false}, {32, 15, false},
		{16384, 16384, true}, {16384, 8192, true}, {16384, 8191, false}, {12289, 16384, true}, {16384, 16385, false},
	} {
		a := open(t, Config{})
		p := a.Alloc(row.from)
		if q := a.Realloc(p, row.to); (q == p) != row.stays {
			t.Errorf("from %d to %d bytes: the block stays is %t, want %t", row.from, row.to, q == p, row.stays)
		}
	}
}

// TestCountFree compares with counting bit by bit.
func TestCountFree(t *testing.T) {
	r := rand.New(rand.NewPCG(seed(t), 0))
	var s slab
	for i := range s.free {
		s.free[i] = r.Uint64() & r.Uint64()
	}
	for range 2000 {
		i, end, want := r.IntN(4097), r.IntN(4097), 0
		for k := i; k < end; k++ {
			want += int(s.free[k/wordBits] >> (k % wordBits) & 1)
		}
		if got := countFree(&s, i, end); i <= end && got != want {
			t.Fatalf("%d free bits from %d to %d, want %d", got, i, end, want)
		}
	}
}

// TestDirectorySize: at most half full, and no larger than that takes.
func TestDirectorySize(t *testing.T) {
	var d directory
	for i := range uintptr(100) {
		d.put(i, new(slab))
		want := directoryMin
		for want < 2*d.count {
			want *= 2
		}
		if len(d.entries) != want || 1<<(64-d.shift) != want {
			t.Fatalf("%d granules in %d entries, shift %d, want %d", d.count, len(d.entries), d.shift, want)
		}
	}
}
