package campaign

import (
	"testing"

	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// TestPlaces follows answers that are written down here, so that it is known where each block lies.
func TestPlaces(t *testing.T) {
	spec := heaptest.Lang.Spec
	steps := []struct {
		op   string
		addr uint64
		want int
	}{
		{"p0 = alloc size=64", 0x100000, placeFar},
		{"p1 = alloc size=64", 0x100040, placeNext},
		{"p2 = alloc size=64", 0x100400, placeNear},
		{"p3 = alloc size=64", 0x900000, placeFar},
		{"free p0", 0, placeNone},
		{"free p1", 0, placeNone},
		{"p4 = alloc size=64", 0x100040, placeLast},
		{"p5 = alloc size=64", 0x100000, placeFree},
		{"realloc p5 size=60", 0x100000, placeSame},
		{"realloc p5 size=90", 0x500000, placeFar},
	}
	var w walker
	w.begin(spec)
	for _, s := range steps {
		op := spec.MustParse(s.op).Ops[0]
		out := prog.Outcome{Addr: s.addr, Size: 64}
		if _, place := w.step(spec, &op, &out); place != s.want {
			t.Errorf("%s at %#x: place %d, want %d", s.op, s.addr, place, s.want)
		}
	}
	if w.live != 4 || w.peak != 4 {
		t.Errorf("%d blocks live and %d at most, want 4 and 4", w.live, w.peak)
	}
}

// TestWalkBegins sees to it that nothing of one run is left in the next, and that a run twice is nothing new.
func TestWalkBegins(t *testing.T) {
	spec := heaptest.Lang.Spec
	p := spec.MustParse("p0 = alloc size=64\np1 = alloc size=64\nfree p0")
	trace := prog.Trace{{Addr: 0x1000, Size: 64}, {Addr: 0x1040, Size: 64}, {}}
	var c Coverage
	var w walker
	first := w.walk(&c, spec, p.Ops, trace)
	if first != 3 || c.Count() != 3 {
		t.Errorf("%d behaviours are new and %d in all, want 3 and 3", first, c.Count())
	}
	if again := w.walk(&c, spec, p.Ops, trace); again != 0 || w.peak != 2 || w.answers != [4]uint64{3, 0, 0, 0} {
		t.Errorf("again: %d new, peak %d, answers %v", again, w.peak, w.answers)
	}
}

func TestClasses(t *testing.T) {
	classes := map[uint64]uint8{0: 0, 1: 1, 16: 1, 17: 2, 512: 32, 513: 33, 1024: 33, 1025: 34, 1<<64 - 1: 87}
	for n, want := range classes {
		if got := class(n); got != want {
			t.Errorf("class of %d is %d, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{0: 0, 1: 1, 3: 1, 4: 2, 15: 2, 16: 3, 4095: 6, 4096: 7} {
		if got := crowd(n); got != want {
			t.Errorf("crowd of %d is %d, want %d", n, got, want)
		}
	}
}

func BenchmarkWalk(b *testing.B) {
	s := spoiled("a", right).New()
	p := Program(s, 1, 3, nil)
	var c Coverage
	var w walker
	trace := make(prog.Trace, len(p.Ops))
	for i := range trace {
		trace[i] = prog.Outcome{Addr: uint64(0x100000 + 64*i), Size: 64}
	}
	for b.Loop() {
		w.walk(&c, s.Spec, p.Ops, trace)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.Ops)), "ns/operation")
}
