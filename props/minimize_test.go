package props_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// wrong is the reference with a defect that a test puts in.
type wrong struct {
	*heap.Reference
	usable func(n uintptr) uintptr
	free   func(a *wrong, p unsafe.Pointer)
	calloc func(p unsafe.Pointer, n, size uintptr)
	last   unsafe.Pointer
}

func (a *wrong) Alloc(size uintptr) unsafe.Pointer {
	p := a.Reference.Alloc(size)
	a.last = p
	return p
}

func (a *wrong) UsableSize(p unsafe.Pointer) uintptr {
	n := a.Reference.UsableSize(p)
	if a.usable != nil {
		return a.usable(n)
	}
	return n
}

func (a *wrong) Free(p unsafe.Pointer) {
	if a.free != nil {
		a.free(a, p)
	}
	a.Reference.Free(p)
}

func (a *wrong) Calloc(n, size uintptr) unsafe.Pointer {
	p := a.Reference.Calloc(n, size)
	if p != nil && a.calloc != nil {
		a.calloc(p, n, size)
	}
	return p
}

func subject(w wrong) *props.Subject {
	return heaptest.Subject("wrong", heap.ReferenceContract, func(heaptest.World) (heaptest.Allocator, error) {
		a := w
		a.Reference = heap.NewReference()
		return &a, nil
	})
}

// shrinks one byte of every block whose size is in the class of 129..144.
var tooSmall = wrong{usable: func(n uintptr) uintptr {
	if n > 128 && n <= 144 {
		return n - 1
	}
	return n
}}

// scribbles on the block that was made last when it frees another of at least 100 bytes.
var scribbles = wrong{free: func(a *wrong, p unsafe.Pointer) {
	if p != nil && a.last != nil && p != a.last && a.Reference.UsableSize(p) >= 100 &&
		a.Reference.UsableSize(a.last) > 8 {
		*(*byte)(unsafe.Add(a.last, 8)) ^= 1
	}
}}

// leaves the last byte of a calloc of more than one element as it was.
var unzeroed = wrong{calloc: func(p unsafe.Pointer, n, size uintptr) {
	if n > 1 && size > 3 {
		*(*byte)(unsafe.Add(p, n*size-1)) = 7
	}
}}

func find(t *testing.T, s *props.Subject, p prog.Program) *props.Finding {
	t.Helper()
	var r props.Runner
	refuted, err := props.Conforms.Check(s, &r, p)
	if err != nil {
		t.Fatal(err)
	}
	if refuted == nil {
		return nil
	}
	return &props.Finding{Property: "conforms", Target: s.Target, Program: p, Refutation: refuted}
}

func TestMinimize(t *testing.T) {
	for _, tt := range []struct {
		name    string
		wrong   wrong
		program string
		want    string
		why     string
	}{
		{"one operation", tooSmall, `
			p3 = alloc size=64
			p5 = aligned align=64 size=140
			free p3
			p3 = alloc size=70000
		`, "p0 = alloc size=129\n", "the least size that shows it, made in the plainest way"},
		{"nothing before the fault matters", tooSmall, `
			world limit=7
			p1 = alloc size=1
			p2 = alloc size=2
			check full=1
			realloc p1 size=9
			realloc p2 size=144
		`, "p0 = alloc size=129\n", "a block that is made in its last size needs no realloc"},
		{"two blocks and a free", scribbles, `
			p0 = alloc size=5
			p9 = alloc size=1000
			p4 = alloc size=500
			free p0
			free p9
			verify p4
			free p4
		`, "p0 = alloc size=100\np1 = alloc size=9\nfree p0\nfree p1\n",
			"sizes end at the two thresholds, slots are dense, and the drain at the end is written out"},
		{"a factor and a size", unzeroed, `
			p0 = calloc n=16 size=512
		`, "p0 = calloc n=2 size=4\n", "both numbers go down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := subject(tt.wrong)
			f := find(t, s, s.Spec.MustParse(tt.program))
			if f == nil {
				t.Fatal("the defect does not show")
			}
			small, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			if got := string(s.Spec.Format(small.Program)); got != tt.want {
				t.Errorf("%s; got\n%swant\n%s", tt.why, got, tt.want)
			}
			if small.Signature() != f.Signature() {
				t.Errorf("the signature became %q", small.Signature())
			}
			if !stats.Minimal || stats.To != len(small.Program.Ops) {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}

// Whatever random program shows a defect: the minimized one has its signature, is no longer, is the same each time, and
// is not made smaller by minimizing it again.
func TestMinimizeLaws(t *testing.T) {
	for name, w := range map[string]wrong{"small": tooSmall, "scribbles": scribbles, "unzeroed": unzeroed} {
		s := subject(w)
		src := rand.New(rand.NewPCG(3, 3))
		found := 0
		for range 40 {
			f := find(t, s, s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), 100))
			if f == nil {
				continue
			}
			found++
			one, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			two, _ := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			three, _ := props.Minimize(s, props.Conforms, one, props.MinimizeOptions{})
			switch {
			case one.Signature() != f.Signature():
				t.Errorf("%s: %q became %q", name, f.Signature(), one.Signature())
			case len(one.Program.Ops) > len(f.Program.Ops):
				t.Errorf("%s: %d operations became %d", name, len(f.Program.Ops), len(one.Program.Ops))
			case !one.Program.Equal(two.Program):
				t.Errorf("%s: two minimizations of one finding differ", name)
			case stats.Minimal && !one.Program.Equal(three.Program):
				t.Errorf("%s: minimized again\n%sbecame\n%s", name, s.Spec.Format(one.Program),
					s.Spec.Format(three.Program))
			}
		}
		if found < 5 {
			t.Errorf("%s: only %d of 40 programs showed the defect", name, found)
		}
	}
}

func TestMinimizeStopsAtItsLimit(t *testing.T) {
	s := subject(scribbles)
	f := find(t, s, s.Spec.MustParse("p0 = alloc size=500\np1 = alloc size=500\nfree p0\nfree p1\n"))
	_, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{RunsMax: 3})
	if stats.Runs > 6 || stats.Minimal {
		t.Errorf("stats %+v, want 3 runs, 3 to write out the drain, and no certificate", stats)
	}
}

func TestReport(t *testing.T) {
	s := subject(scribbles)
	f := find(t, s, s.Spec.MustParse("p0 = alloc size=100\np1 = alloc size=9\nfree p0\nusage\nverify p1\n"))
	var b bytes.Buffer
	if err := props.Report(&b, s, f, props.ReportOptions{Replay: "heapfuzz replay x.txt"}); err != nil {
		t.Fatal(err)
	}
	want := `conforms: heap/content: byte 8 of p1 is not as it was written
     0  p0 = alloc size=100  -> ok
     1  p1 = alloc size=9    -> ok
     2  free p0              -> ok
     3  usage                -> ok 1
✗    4  verify p1            -> ok 9
rule     heap/content: a block's bytes change only when its owner writes them
blame    bytes [8, 9) of p1: written by 1 (p1 = alloc size=9), changed during 2 (free p0), now 0x58
replay   heapfuzz replay x.txt
`
	got := b.String()
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	program, err := s.Spec.Parse("report", strings.NewReader(strings.Join(strings.Split(got, "\n")[1:6], "\n")))
	if err != nil || !program.Equal(f.Program) {
		t.Errorf("the lines of the report do not parse back: %v", err)
	}
}

func TestReproRoundTrip(t *testing.T) {
	s := subject(tooSmall)
	f := find(t, s, s.Spec.MustParse("p0 = alloc size=129"))
	dir := filepath.Join(t.TempDir(), "found")
	path, err := props.WriteRepro(dir, s, f, "seed 7")
	if err != nil {
		t.Fatal(err)
	}
	again, err := props.WriteRepro(dir, s, f, "seed 8")
	if err != nil || again != path {
		t.Fatalf("writing it again gave %q, %v", again, err)
	}
	r, err := props.ReadRepro(s.Spec, path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Property != "conforms" || r.Rule != "heap/size" || r.Target != "wrong" || len(r.Notes) != 1 ||
		r.Notes[0] != "seed 7" ||
		!r.Program.Equal(f.Program) {
		t.Errorf("read back: %+v", r)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files lie there", len(files))
	}
}

func TestWriteReproTellsThePlace(t *testing.T) {
	s := subject(tooSmall)
	f := find(t, s, s.Spec.MustParse("p0 = alloc size=129"))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := props.WriteRepro(filepath.Join(file, "dir"), s, f); err == nil ||
		!strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want an error that names %s", err, file)
	}
}
