package campaign

import (
	"slices"
	"testing"

	"heapfuzz/props/dicttest"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// TestPlaces follows answers that are written down here, so that it is known where each block lies.
func TestPlaces(t *testing.T) {
	spec := heaptest.Lang.Spec
	steps := []struct {
		op     string
		addr   uint64
		want   int
		reason string
	}{
		{"p0 = alloc size=64", 0x100000, placeElse, "nothing lives in its page"},
		{"p1 = alloc size=64", 0x100040, placeNext, "right behind"},
		{"p2 = alloc size=64", 0x100400, placeElse, "in the page of others, and beside none"},
		{"p3 = alloc size=64", 0x900000, placeElse, "another page"},
		{"free p0", 0, placeNone, ""},
		{"free p1", 0, placeNone, ""},
		{"p4 = alloc size=64", 0x100040, placeLast, "p2 has kept the page"},
		{"p5 = alloc size=64", 0x100000, placeFree, ""},
		{"realloc p5 size=60", 0x100000, placeSame, ""},
		{"realloc p5 size=90", 0x500000, placeElse, ""},
		{"free p3", 0, placeNone, ""},
		{"p3 = alloc size=64", 0x900000, placeElse, "the page was empty, and may have been mapped anew"},
		{"p6 = alloc size=64", 0x9000c0, placeElse, ""},
		{"free p3", 0, placeNone, ""},
		{"free p6", 0, placeNone, ""},
		{"p6 = alloc size=64", 0x900080, placeElse, ""},
		{"p3 = alloc size=64", 0x9000c0, placeNext, "freed last, but before the page was empty"},
		{"free p6", 0, placeNone, ""},
		{"p6 = alloc size=64", 0x900fc0, placeElse, ""},
		{"p7 = alloc size=64", 0x901000, placeElse, "right behind, but in another page"},
		{"free p7", 0, placeNone, ""},
	}
	w := walker{placed: true}
	w.begin(spec)
	for _, s := range steps {
		op := spec.MustParse(s.op).Ops[0]
		out := prog.Outcome{Addr: s.addr, Size: 64}
		if _, place := w.step(spec, &op, &out); place != s.want {
			t.Errorf("%s at %#x: place %d, want %d: %s", s.op, s.addr, place, s.want, s.reason)
		}
	}
	if w.live != 5 || w.peak != 6 {
		t.Errorf("%d blocks live and %d at most, want 5 and 6", w.live, w.peak)
	}
}

// TestWalkBegins sees to it that nothing of one run is left in the next, and that a run twice is nothing new.
func TestWalkBegins(t *testing.T) {
	spec := heaptest.Lang.Spec
	p := spec.MustParse("p0 = alloc size=64\np1 = alloc size=64\nfree p0")
	trace := prog.Trace{{Addr: 0x1000, Size: 64}, {Addr: 0x1040, Size: 64}, {}}
	var c Coverage
	var w walker
	first := w.walk(&c, true, spec, p.Ops, trace)
	if len(first) != 3 || c.Count() != 0 {
		t.Errorf("%d behaviours are new and %d counted, want 3 and 0", len(first), c.Count())
	}
	for _, b := range first {
		c.add(b)
	}
	again := w.walk(&c, true, spec, p.Ops, trace)
	if len(again) != 0 || c.Count() != 3 || w.peak != 2 || w.answers != [4]uint64{3, 0, 0, 0} {
		t.Errorf("again: %d new, %d counted, peak %d, answers %v", len(again), c.Count(), w.peak, w.answers)
	}
}

// TestUnplaced sees to it that addresses mean nothing where they are not to.
func TestUnplaced(t *testing.T) {
	spec := heaptest.Lang.Spec
	p := spec.MustParse("p0 = alloc size=64\np1 = alloc size=64\np2 = alloc size=64\nfree p1\np1 = alloc size=64")
	var c Coverage
	var w walker
	run := func(addrs ...uint64) []uint32 {
		trace := make(prog.Trace, len(addrs))
		for i, a := range addrs {
			trace[i] = prog.Outcome{Addr: a, Size: 64}
		}
		return slices.Clone(w.walk(&c, false, spec, p.Ops, trace))
	}
	close, apart := run(0x1000, 0x1040, 0x1080, 0, 0x1040), run(0x1000, 0x5000, 0x9000, 0, 0xd000)
	if !slices.Equal(close, apart) {
		t.Errorf("%x when the blocks lie close, %x when they lie apart", close, apart)
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
		w.walk(&c, true, s.Spec, p.Ops, trace)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.Ops)), "ns/operation")
}

// TestLanguages walks runs of several languages with one walker: each is looked at by the table of its own, and things
// without size or address are counted too.
func TestLanguages(t *testing.T) {
	var w walker
	for _, tt := range []struct {
		name  string
		spec  *prog.Spec
		text  string
		fresh int // behaviours
		live  int
	}{
		{"sizes", heaptest.Lang.Spec, "p0 = alloc size=64\np1 = alloc size=64\np2 = alloc size=500", 2, 3},
		{"fields", graphtest.Lang.Spec,
			"p0 = new kind=0 fields=1\np1 = new kind=1 fields=1\np2 = new kind=0 fields=200", 2, 3},
		{"first numbers", dicttest.Lang.Spec,
			"p0 = new capacity=0\nset p0 key=1 value=2\nset p0 key=500 value=2", 3, 1},
		{"no slots", dicttest.CacheLang.Spec, "put key=1 value=1\nput key=1 value=2\nput key=500 value=2", 2, 0},
	} {
		p := tt.spec.MustParse(tt.text)
		trace := make(prog.Trace, len(p.Ops))
		for i := range trace {
			if tt.spec.Rows[p.Ops[i].Kind].Role == prog.Make && tt.name != "first numbers" {
				trace[i] = prog.Outcome{Addr: uint64(0x1000 * (i + 1)), Size: 64}
			}
		}
		fresh := slices.Clone(w.walk(new(Coverage), false, tt.spec, p.Ops, trace))
		slices.Sort(fresh)
		if got := len(slices.Compact(fresh)); got != tt.fresh || w.live != tt.live {
			t.Errorf("%s: %d behaviours and %d live, want %d and %d", tt.name, got, w.live, tt.fresh, tt.live)
		}
	}
}
