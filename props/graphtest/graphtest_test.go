package graphtest

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// TestMain has Go's heap grow to 16 MiB before it is collected: next to nothing outlives a program, and collections at
// 4 MiB, with the pages that were given back and touched again, took a fifth of the time or more.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

func TestReference(t *testing.T) {
	open := func() Heap { return graph.NewReference() }
	if err := Test(open, Promise(graph.ReferenceContract), Programs(40)); err != nil {
		t.Error(err)
	}
}

// bare hides every optional part.
type bare struct{ Heap }

func TestReferenceWithoutParts(t *testing.T) {
	open := func() Heap { return bare{graph.NewReference()} }
	if err := Test(open, Promise(graph.ReferenceContract), Programs(20)); err != nil {
		t.Error(err)
	}
}

func FuzzReference(f *testing.F) {
	Fuzz(f, func() Heap { return graph.NewReference() }, Promise(graph.ReferenceContract))
}

// eager takes what a field that was emptied referred to, roots or not. A root that it took is not taken again, or what
// a finalizer saves might die all the same, and the next to use it would panic before anybody has judged that.
type eager struct {
	*graph.Reference
	took map[graph.ID]bool
}

func newEager() eager { return eager{graph.NewReference(), map[graph.ID]bool{}} }

func (h eager) SetField(object graph.ID, i int, target graph.ID) {
	if old := h.Field(object, i); old != 0 && target == 0 && h.Count(old) > 1 && h.Generation(old) == 0 {
		h.Unroot(old)
		h.took[old] = true
	}
	h.Reference.SetField(object, i, target)
}

func (h eager) Unroot(object graph.ID) {
	if !h.took[object] {
		h.Reference.Unroot(object)
	}
	delete(h.took, object)
}

func TestTestReports(t *testing.T) {
	open := func() Heap { return newEager() }
	err := Test(open, Promise(graph.ReferenceContract))
	if err == nil {
		t.Fatal("a heap that loses roots passed")
	}
	for _, want := range []string{"conforms: graph/", "rule     graph/", "shrunk", "HEAPFUZZ_SEED=1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report lacks %q:\n%v", want, err)
		}
	}
	if again := Test(open, Promise(graph.ReferenceContract)); again == nil || again.Error() != err.Error() {
		t.Errorf("the same seed gave another report:\n%v\n%v", err, again)
	}
}

// run runs a program on the reference.
func run(t *testing.T, program string) props.Result {
	t.Helper()
	s := Subject("reference", graph.ReferenceContract, func(World) (Heap, error) { return graph.NewReference(), nil })
	var r props.Runner
	res, err := r.Run(s, Lang.MustParse(program))
	if err != nil {
		t.Fatal(err)
	}
	if res.Violation != nil {
		t.Fatal(res.Violation)
	}
	return res
}

// What happens in an operation is written down in its order.
func TestEvents(t *testing.T) {
	for _, tt := range []struct{ name, program, want string }{
		{"a cycle", "p0 = new kind=0 fields=1\nset p0 p0 field=0\nunroot p0\ncollect generation=2", "B2 D1 E1"},
		{"a callback, and then a finalizer",
			"p0 = new kind=0 fields=1\np1 = weak p0 callback=1\nfinalizer p0 script=1\nunroot p0\ncollect generation=2",
			"B2 C2 F1 R1 D1 E1"},
		{"saved", "p0 = new kind=0 fields=1\nfinalizer p0 script=2\nunroot p0\ncollect generation=0", "B0 F1 R1 E0"},
		{"made by a finalizer", "p0 = new kind=0 fields=1\nfinalizer p0 script=4\nunroot p0\ncollect generation=3",
			"B2 F1 N2 R1 D1 E1"},
		{"a collection in a collection",
			"p0 = new kind=0 fields=1\nfinalizer p0 script=5\nunroot p0\ncollect generation=3",
			"B2 F1 B2 E0 R1 D1 E1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := run(t, tt.program)
			if got := res.Trace[strings.Count(tt.program, "\n")].Msg; got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// An operation that finds no object takes its argument's, and one on a dead slot is skipped.
func TestSlots(t *testing.T) {
	res := run(t, `
		unroot p0
		set p0 p1 field=0
		p0 = take p1
		p0 = new kind=1 fields=9
		p0 = new kind=0 fields=1
		p1 = load p0 field=0
		p2 = deref p0
		p3 = take p0
		set p0 p1 field=0
		count p0
	`)
	want := "skip skip skip ok skip ok ok ok skip ok"
	var got []string
	for _, out := range res.Trace[:10] {
		got = append(got, out.Status.String())
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if n := res.Trace[9].Addr; n != 4 {
		t.Errorf("an atom that four slots hold counts %d", n)
	}
}

// lazy answers skip to everything, which no heap may.
type lazy struct{}

func (lazy) Do(prog.Op) prog.Outcome { return prog.Outcome{Status: prog.Skip} }
func (lazy) Close() error            { return nil }

func TestRequiredOperationsMayNotBeSkipped(t *testing.T) {
	s := Subject("lazy", graph.ReferenceContract, func(World) (Heap, error) { return graph.NewReference(), nil })
	open := s.Open
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		_, j, err := open(w)
		return lazy{}, j, err
	}
	for _, program := range []string{"p0 = new kind=0 fields=1", "unroot p0"} { // after the second, the drain may not
		var r props.Runner
		res, err := r.Run(s, Lang.MustParse(program))
		if err != nil {
			t.Fatal(err)
		}
		if res.Violation == nil || res.Violation.Rule != graph.Answers {
			t.Errorf("%s: got %v, want %s", program, res.Violation, graph.Answers.Name)
		}
	}
}

// The relations about collections see one that empties fields.
type forgetful struct{ *graph.Reference }

func (h forgetful) Collect(generation int) int {
	n := h.Reference.Collect(generation)
	if generation == 2 {
		for id := graph.ID(1); id < 20; id++ {
			if h.alive(id) && h.Generation(id) == 2 {
				h.SetField(id, 0, 0)
			}
		}
	}
	return n
}

func (h forgetful) alive(id graph.ID) (ok bool) {
	defer func() { ok = recover() == nil }()
	h.Field(id, 0)
	return
}

func TestCollectedSees(t *testing.T) {
	s := Subject("forgetful", graph.ReferenceContract, func(World) (Heap, error) {
		return forgetful{graph.NewReference()}, nil
	})
	p := Lang.MustParse("p0 = new kind=0 fields=1\nset p0 p0 field=0\nfinalizer p0 script=1\nverify p0\nunroot p0")
	for _, property := range []props.Property{Collected, Frozen} {
		var r props.Runner
		refuted, err := property.Check(s, &r, p)
		if err != nil {
			t.Fatal(err)
		}
		if refuted == nil {
			t.Fatalf("%s does not see a collection that empties fields", property.Name)
		}
		for at, i := range refuted.From {
			if i >= 0 && refuted.Ops[at] != p.Ops[i] {
				t.Errorf("%s: operation %d of the variant is not %d of the program", property.Name, at, i)
			}
		}
	}
}

// auto collects when there are so many objects more, and then forgets what the oldest referred to. It tells of
// collections, if told is set.
type auto struct {
	forgetful
	most, made  int
	told        bool
	start, stop func(int)
}

func (h *auto) New(kind graph.Kind, fields int) graph.ID {
	if h.made++; h.most > 0 && h.made > h.most {
		h.made = 0
		h.Collect(2)
	}
	return h.Reference.New(kind, fields)
}

func (h *auto) Collect(generation int) int {
	h.start(generation)
	n := h.forgetful.Collect(generation)
	h.stop(n)
	return n
}

func (h *auto) OnCollection(start, stop func(int)) { h.start, h.stop = start, stop }
func (h *auto) SetThreshold(_, n int)              { h.most = n }
func (h *auto) Enable(bool)                        {}
func (h *auto) Offers(part string) bool            { return h.told || part != "watch" }

// A program whose collections start by themselves becomes one that asks for them.
func TestMinimizeAsksForCollections(t *testing.T) {
	for _, told := range []bool{true, false} {
		s := Subject("auto", graph.ReferenceContract, func(World) (Heap, error) {
			nothing := func(int) {}
			return &auto{forgetful: forgetful{graph.NewReference()}, told: told, start: nothing, stop: nothing}, nil
		})
		p := Lang.MustParse(`world limit=0 auto=3 variant=0
			p0 = new kind=0 fields=1
			set p0 p0 field=0
			p1 = new kind=0 fields=1
			unroot p1
			p2 = new kind=0 fields=1
			p3 = new kind=0 fields=1
			verify p0`)
		var r props.Runner
		refuted, err := props.Conforms.Check(s, &r, p)
		if err != nil || refuted == nil {
			t.Fatalf("told %t: %v, %v", told, refuted, err)
		}
		f := &props.Finding{Property: props.Conforms.Name, Target: s.Target, Program: p, Refutation: refuted}
		small, _ := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
		want := "p0 = new kind=0 fields=1\nset p0 p0 field=0\ncollect generation=2\nverify p0\n"
		if got := string(Lang.Format(small.Program)); got != want {
			t.Errorf("told %t: got\n%swant\n%s", told, got, want)
		}
	}
}

// copier copies deeply, but for one defect: what it makes of an object with two fields holds nothing,
// or it stores the copy in its original.
type copier struct {
	*graph.Reference
	moves bool
}

func (h copier) Copy(id graph.ID) graph.ID { return h.DeepCopy(id) }

func (h copier) DeepCopy(id graph.ID) graph.ID {
	if !h.moves {
		return h.New(graph.Node, 2)
	}
	made := h.New(graph.Node, 2)
	h.SetField(made, 0, made)
	h.SetField(id, 1, made)
	return made
}

func TestCopiedSees(t *testing.T) {
	p := Lang.MustParse("p0 = new kind=0 fields=2\nset p0 p0 field=0\nverify p0")
	for _, moves := range []bool{false, true} {
		s := Subject("copier", graph.ReferenceContract, func(World) (Heap, error) {
			return copier{graph.NewReference(), moves}, nil
		})
		var r props.Runner
		refuted, err := Copied.Check(s, &r, p)
		if err != nil || refuted == nil {
			t.Fatalf("moves %t: a wrong copy is not seen: %v", moves, err)
		}
	}
}
