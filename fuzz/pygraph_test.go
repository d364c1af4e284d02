package fuzz

import (
	"fmt"
	"strings"
	"testing"

	"heapfuzz/impl/object"
	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// The design of package trial is a target with the objects of one profile. Here it is tried with those of others.
func TestTrialProfiles(t *testing.T) {
	for _, name := range []string{"3.6", "3.8", "3.13"} {
		prof := profileOf(t, name)
		open := func(w graphtest.World) (graphtest.Heap, error) { return openTrial(prof, w) }
		err := graphtest.Test(nil, graphtest.Programs(3), graphtest.Promise(pyContract(prof)),
			graphtest.InWorld(open), graphtest.Named("trial-"+name))
		if err != nil {
			t.Error(err)
		}
	}
}

func profileOf(t *testing.T, name string) *object.Profile {
	t.Helper()
	prof, ok := object.ProfileByName(name)
	if !ok {
		t.Fatalf("no profile %s", name)
	}
	return prof
}

func openPy(t *testing.T, name string) gcHeap {
	t.Helper()
	h, err := openGC(profileOf(t, name), graphtest.World{})
	if err != nil {
		t.Fatal(err)
	}
	g := h.(gcHeap)
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// Each kind keeps what is stored in it, is one object to whoever asks, and dies with all that is hidden.
func TestPyKinds(t *testing.T) {
	const fields = 5
	for _, prof := range object.Profiles() {
		g := openPy(t, prof.Name)
		for kind := range graph.Kind(graph.Kinds) {
			if kind == pyAtom {
				continue
			}
			o, a := g.New(kind, fields), g.New(pyAtom, 0)
			for i := range fields {
				g.SetField(o, i, a)
			}
			g.SetField(o, 2, 0)
			g.SetField(o, 3, o)
			for i := range fields {
				want := a
				switch i {
				case 2:
					want = 0
				case 3:
					want = o
				}
				if got := g.Field(o, i); got != want {
					t.Errorf("%s: field %d of kind %d is %x, not %x", prof.Name, i, kind, got, want)
				}
			}
			if n, _, _ := g.Usage(); n != 2 {
				t.Errorf("%s: %d objects, with one of kind %d and an atom", prof.Name, n, kind)
			}
			if n := g.Count(a); n != fields-1 {
				t.Errorf("%s: an atom in all but two fields of kind %d counts %d", prof.Name, kind, n)
			}
			g.Unroot(a)
			g.Unroot(o)
			if n := g.Collect(2); n != 1 {
				t.Errorf("%s: a collection returned %d for one of kind %d that holds itself", prof.Name, n, kind)
			}
			if n, bytes, _ := g.Usage(); n != 0 || bytes != 0 {
				t.Errorf("%s: %d objects and %d bytes after one of kind %d died", prof.Name, n, bytes, kind)
			}
		}
	}
}

// To set a field needs no memory when there is none.
func TestPyWithoutMemory(t *testing.T) {
	g := openPy(t, "3.11")
	for _, kind := range []graph.Kind{pyTuple, pyNested} {
		o, l := g.New(kind, 3), g.New(pyList, 0)
		g.Collect(2) // the tuples hold nothing, and are not followed any more
		g.InjectOOM(1, true)
		for g.New(pyAtom, 0) != 0 { // until blocks of any size are used up
		}
		for g.New(pyTuple, 3) != 0 || g.New(pyNested, 1) != 0 || g.New(pySlotted, 0) != 0 {
		}
		g.SetField(o, 2, o)
		g.SetField(o, 1, l)
		g.InjectOOM(0, false)
		if g.Field(o, 1) != l || g.Field(o, 2) != o {
			t.Errorf("kind %d lost what was stored in it", kind)
		}
		if err := g.CheckInvariants(); err != nil {
			t.Error(err)
		}
		for id, p := range g.known {
			for range p.roots {
				g.Unroot(graph.ID(id))
			}
		}
		g.Collect(2)
		if n, bytes, _ := g.Usage(); n != 0 || bytes != 0 {
			t.Errorf("%d objects and %d bytes at the end", n, bytes)
		}
	}
}

// A dict that held atoms only was in no generation. When it gets something worth following it is one of the youngest,
// however old it is, and although others of its age are frozen; and what is made with the help of a collection is older
// than it looks. All that is nobody's fault.
func TestPyAges(t *testing.T) {
	target, err := Lookup("gc-3.11")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"p0 = new kind=4 fields=1\ncollect generation=0\nset p0 p0 field=0\ngeneration p0\n" +
			"unroot p0\ncollect generation=0\n",
		"p0 = new kind=4 fields=1\nfreeze\nset p0 p0 field=0\ncollect generation=2\nobjects above=0\nfrozen\n",
		"world limit=0 auto=1 variant=0\np0 = new kind=3 fields=1\ngeneration p0\nobjects above=1\n",
	} {
		s, r := target.New(), props.Runner{}
		p, err := s.Spec.Parse("program", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		res, err := r.Run(s, p)
		if err != nil || res.Violation != nil {
			t.Errorf("%s: %v %v", text, err, res.Violation)
		}
	}
}

// A program asks only so often what refers to an object, and as often again behind a drain.
func TestAsksForReferrers(t *testing.T) {
	target, err := Lookup("gc-3.11")
	if err != nil {
		t.Fatal(err)
	}
	s, r := target.New(), props.Runner{}
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, "p%d = new kind=0 fields=0\nreferrers p%d\n", i, i)
	}
	p, err := s.Spec.Parse("referrers", strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	drained, ok := s.Property("drained")
	if !ok {
		t.Fatal("no property drained")
	}
	if refuted, err := drained.Check(s, &r, p); err != nil {
		t.Fatal(err)
	} else if refuted != nil {
		t.Error(refuted.Violation)
	}
	res, err := r.Run(s, p)
	if err != nil || res.Violation != nil {
		t.Fatal(err, res.Violation)
	}
	skipped := 0
	for _, out := range res.Trace[:len(p.Ops)] {
		if out.Status == prog.Skip {
			skipped++
		}
	}
	if skipped != 200-128 {
		t.Errorf("%d of 200 were skipped", skipped)
	}
}
