package heaptest

import (
	"errors"
	"math/rand/v2"
	"testing"
	"unsafe"

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Any one byte that changes is found, and found where it is; the same bytes shifted by any round distance are damage
// too.
func TestContentFindsEveryByte(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, size := range []uintptr{1, 7, 8, 511, 4096, stretch - 1, stretch, stretch + 1, 3*stretch + 5} {
		b := make([]byte, size)
		h := held{p: ptr(unsafe.SliceData(b)), size: size, usable: size, seed: rnd.Uint64N(1000), live: true}
		var d driver
		d.write(&h)
		if bad := d.harm(&h); bad != 0 {
			t.Fatalf("size %d: byte %d differs right after it was written", size, bad-1)
		}
		for range 200 {
			i := rnd.IntN(len(b))
			b[i] ^= 1 << rnd.IntN(8)
			if bad := d.harm(&h); bad != uint64(i)+1 {
				t.Fatalf("size %d: byte %d was changed, harm says %d", size, i, int(bad)-1)
			}
			if end := d.harmEnd(&h); end != uint64(i)+1 {
				t.Fatalf("size %d: byte %d was changed, harmEnd says %d", size, i, end)
			}
			d.write(&h)
		}
	}
	b := make([]byte, 1<<16)
	h := held{p: ptr(unsafe.SliceData(b)), usable: 1 << 16}
	(&driver{}).write(&h)
	for _, shift := range []int{1, 8, 16, 64, 512, 4096, 8192, 16384} {
		if string(b[:1024]) == string(b[shift:shift+1024]) {
			t.Errorf("the pattern repeats after %d bytes", shift)
		}
	}
}

func TestNonZero(t *testing.T) {
	b := make([]byte, 10000)
	for _, i := range []int{0, 1, 4095, 4096, 9999} {
		b[i] = 1
		if got := nonZero(ptr(unsafe.SliceData(b)), 10000); got != uint64(i)+1 {
			t.Errorf("byte %d is set, nonZero says %d", i, got)
		}
		b[i] = 0
	}
	if got := nonZero(ptr(unsafe.SliceData(b)), 10000); got != 0 {
		t.Errorf("nothing is set, nonZero says %d", got)
	}
}

// lazy answers skip to everything, which no allocator may.
type lazy struct{}

func (lazy) Do(prog.Op) prog.Outcome { return prog.Outcome{Status: prog.Skip} }
func (lazy) Close() error            { return nil }

func TestRequiredOperationsMayNotBeSkipped(t *testing.T) {
	s := Subject("lazy", heap.ReferenceContract, func(World) (Allocator, error) { return heap.NewReference(), nil })
	open := s.Open
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		_, j, err := open(w)
		return lazy{}, j, err
	}
	for _, program := range []string{
		"p0 = alloc size=1",
		"free p0", // may be skipped here, but the epilogue's drain may not
	} {
		var r props.Runner
		res, err := r.Run(s, Lang.MustParse(program))
		if err != nil {
			t.Fatal(err)
		}
		if res.Violation == nil || res.Violation.Rule != heap.Answers {
			t.Errorf("%s: got %v, want %s", program, res.Violation, heap.Answers.Name)
		}
	}
}

// An operation on a slot in the wrong state is skipped, whatever stands before it: law 4 of the language.
func TestSlotsInTheWrongState(t *testing.T) {
	s := Subject("reference", heap.ReferenceContract, func(World) (Allocator, error) {
		return heap.NewReference(), nil
	})
	var r props.Runner
	res, err := r.Run(s, Lang.MustParse(`
		free p0
		verify p7
		realloc p0 size=3
		double-free p1
		interior-free p1 at=4
		p0 = alloc size=8
		p0 = alloc size=9
		p0 = calloc n=1 size=9
		interior-free p0 at=4
		double-free p0
		free p0
	`))
	if err != nil {
		t.Fatal(err)
	}
	if res.Violation != nil {
		t.Fatal(res.Violation)
	}
	want := "skip skip skip skip skip ok skip skip ok ok skip"
	got := ""
	for i, out := range res.Trace[:11] {
		if i > 0 {
			got += " "
		}
		got += out.Status.String()
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOpenErrorIsAnError(t *testing.T) {
	s := Subject("none", Contract{}, func(World) (Allocator, error) { return nil, errors.New("no memory for it") })
	var r props.Runner
	if _, err := r.Run(s, prog.Program{}); err == nil {
		t.Error("a target that cannot be opened is no finding and no success")
	}
}

// The driver allocates nothing on Go's heap once its slots have grown, so that a run measures its target.
func TestDriverAllocatesNothing(t *testing.T) {
	d := newDriver(fixed{new([1 << 12]byte)}, Contract{}, nil)
	alloc := prog.Op{Kind: Lang.Kind("alloc"), Args: [3]uint64{100}}
	free := prog.Op{Kind: Lang.Kind("free")}
	d.Do(alloc)
	d.Do(free)
	if n := testing.AllocsPerRun(100, func() { d.Do(alloc); d.Do(free) }); n != 0 {
		t.Errorf("%v allocations for an alloc and a free", n)
	}
}

// fixed hands out the same block again and again.
type fixed struct{ b *[1 << 12]byte }

func (f fixed) Alloc(uintptr) unsafe.Pointer { return unsafe.Pointer(f.b) }
func (f fixed) Free(unsafe.Pointer)          {}

// parted is the reference with both ways to be checked, and counts what is asked of it.
type parted struct {
	*heap.Reference
	cheap, full, closed int
}

func (p *parted) CheckCheap() error      { p.cheap++; return nil }
func (p *parted) CheckInvariants() error { p.full++; return nil }
func (p *parted) Close() error           { p.closed++; return nil }

func TestCheckAsksForWhatIsSaid(t *testing.T) {
	p := &parted{Reference: heap.NewReference()}
	d := newDriver(p, heap.ReferenceContract, nil)
	check := Lang.Kind("check")
	d.Do(prog.Op{Kind: check})
	d.Do(prog.Op{Kind: check, Args: [3]uint64{1}})
	d.Do(prog.Op{Kind: check, Args: [3]uint64{1}})
	if p.cheap != 1 || p.full != 2 {
		t.Errorf("%d cheap checks and %d full ones, want 1 and 2", p.cheap, p.full)
	}
}

// The allocator that cross-free opens is closed with the one under test.
func TestCloseClosesBoth(t *testing.T) {
	other := &parted{Reference: heap.NewReference()}
	p := &parted{Reference: heap.NewReference()}
	d := newDriver(p, heap.ReferenceContract, func() (Allocator, error) { return other, nil })
	d.Do(prog.Op{Kind: Lang.Kind("cross-free"), Args: [3]uint64{8}})
	if err := d.Close(); err != nil || p.closed != 1 || other.closed != 1 {
		t.Errorf("closed %d and %d times: %v", p.closed, other.closed, err)
	}
}

// Blocks of one size have different bytes, or bytes that are swapped between them would not show.
func TestContentDiffersBetweenBlocks(t *testing.T) {
	d := newDriver(heap.NewReference(), heap.ReferenceContract, nil)
	seen := map[string]bool{}
	for i := range prog.Slot(200) {
		d.Do(prog.Op{Kind: Lang.Kind("alloc"), Def: i, Args: [3]uint64{16}})
		seen[string(at(d.slots[i].p, 16))] = true
	}
	if len(seen) != 200 {
		t.Errorf("200 blocks have %d contents", len(seen))
	}
}

// What is freed makes room again: driver and model agree on what is live beyond heap.LiveBytesMax requested in all.
func TestFreedBytesMakeRoom(t *testing.T) {
	d := newDriver(fixed{new([1 << 12]byte)}, Contract{}, nil)
	alloc := prog.Op{Kind: Lang.Kind("alloc"), Args: [3]uint64{1 << 12}}
	for i := range heap.LiveBytesMax>>12 + 10 {
		if out := d.Do(alloc); out.Status != prog.OK {
			t.Fatalf("request %d was answered %v", i, out.Status)
		}
		d.Do(prog.Op{Kind: Lang.Kind("free")})
	}
}
