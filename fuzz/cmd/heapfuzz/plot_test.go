package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/props/prog"
)

// plotted returns what is told over the operations of a program, by the names of the curves.
func plotted(t *testing.T, target, path string) (map[string]curve, prog.Program) {
	t.Helper()
	l, s, err := open(path, target)
	if err != nil {
		t.Fatal(err)
	}
	cs, run, err := curves(context.Background(), s, l.Program, time.Minute)
	if err != nil || run.Violation != nil {
		t.Fatal(err, run.Violation)
	}
	by := map[string]curve{}
	for _, c := range cs {
		by[c.name] = c
	}
	return by, l.Program
}

// at is the last value of a curve that was told before n operations were done, or then.
func (c curve) at(n int) (y float64) {
	for _, p := range c.points {
		if int(p.X) <= n {
			y = p.Y
		}
	}
	return y
}

// TestPlotDict sees that deleting does not shrink a dict, that a copy of few is small, and that clear gives up.
func TestPlotDict(t *testing.T) {
	by, p := plotted(t, "dict-3.8", "../../../corpus/dict/seed/plot-del-keeps-size.txt")
	// 100 entries take up 4696 bytes in 3.8, wherever they come from; what is empty takes up 64.
	for _, c := range []struct {
		name string
		ops  int
		want float64
	}{
		{"entries of p0", 101, 100}, {"p0", 101, 4696}, {"entries of p0", 204, 0}, {"p0", 204, 4696},
		{"p1", 204, 4696}, {"entries of p2", 204, 34}, {"p2", 204, 1176}, {"p3", 204, 64},
		{"entries of p0", len(p.Ops), 1}, {"p0", len(p.Ops), 232},
	} {
		if got := by[c.name].at(c.ops); got != c.want {
			t.Errorf("%s after %d operations: %v, want %v", c.name, c.ops, got, c.want)
		}
	}
	if len(by["all dicts"].points) != len(p.Ops)+1 {
		t.Errorf("%d moments for %d operations", len(by["all dicts"].points), len(p.Ops))
	}
}

// TestPlotHeap sees the high-water mark: when the list is gone its bytes are, and the pools of ints stay until the last
// int in an arena is gone.
func TestPlotHeap(t *testing.T) {
	by, p := plotted(t, "arena-3.6", "../../../corpus/heap/seed/plot-high-water.txt")
	footprint, live := by["footprint"], by["live bytes"]
	const listed, gone, deleted = 600, 604, 603 + 576 // the list is whole; it is gone; so are most ints
	if full, ints := footprint.at(listed), footprint.at(gone); full-ints < 400000 {
		t.Errorf("the list's bytes do not go back: %v, then %v", full, ints)
	}
	if ints, few := footprint.at(gone), footprint.at(deleted); few != ints || live.at(deleted) > ints/20 {
		t.Errorf("the pools do not stay: %v, then %v with %v live bytes", ints, few, live.at(deleted))
	}
	if end := footprint.at(len(p.Ops)); end != 0 {
		t.Errorf("%v bytes are left", end)
	}
	if n := len(footprint.points); n > samplesMax+1 || n < samplesMax/2 {
		t.Errorf("%d moments", n)
	}
}

// TestPlotAsks has the questions of every language answered by its first target, and draws them.
func TestPlotAsks(t *testing.T) {
	for name, c := range map[string]struct{ program, want string }{
		"heap":  {"p0 = alloc size=8\nfree p0\n", "footprint live blocks live bytes"},
		"graph": {"p0 = new kind=2 fields=1\nunroot p0\n", "live objects"},
		"dict":  {"p0 = new capacity=0\np3 = copy p0\n", "all dicts entries of p0 entries of p3 p0 p3"},
		"cache": {"put key=1 value=1\nput key=2 value=1\n", "entries"},
	} {
		l, err := fuzz.LanguageOf(name)
		if err != nil {
			t.Fatal(err)
		}
		s := l.Targets()[0].New()
		p := s.Spec.MustParse(c.program)
		cs, _, err := curves(context.Background(), s, p, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		names := " "
		for _, c := range cs {
			names += c.name + " "
		}
		for want := range strings.SplitSeq(c.want, " ") {
			if !strings.Contains(names, " "+want+" ") {
				t.Errorf("%s: %q without %q", name, names, want)
			}
		}
		var b, again bytes.Buffer
		if err := errors.Join(drawCurves(&b, s.Target, 2, cs), drawCurves(&again, s.Target, 2, cs)); err != nil {
			t.Fatal(err)
		}
		if b.String() != again.String() {
			t.Errorf("%s: two pictures of one run differ", name)
		}
		elements := map[string]int{}
		for d := xml.NewDecoder(&b); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
			}
		}
		if elements["svg"] != 1 || elements["path"] < len(cs) {
			t.Errorf("%s: %v", name, elements)
		}
	}
}

// TestPlotAsked sees that the questions stand among the operations and change none of them.
func TestPlotAsked(t *testing.T) {
	spec := fuzz.Languages()[0].Spec
	var p prog.Program
	for range 3 * samplesMax {
		p.Ops = append(p.Ops, spec.MustParse("p0 = alloc size=8").Ops...)
	}
	q, places, questions := asked(p, measures("heap", spec, p))
	own, last := 0, -1
	for i := range q.Ops {
		if questions[i] < 0 {
			if places[i] != own {
				t.Fatalf("operation %d is said to be in place %d", own, places[i])
			}
			own++
		} else if places[i] <= last || places[i] != own {
			t.Fatalf("a question in place %d, behind one in place %d, before operation %d", places[i], last, own)
		} else {
			last = places[i]
		}
	}
	if asks := len(q.Ops) - own; own != len(p.Ops) || asks != samplesMax+1 || last != len(p.Ops) {
		t.Errorf("%d operations of %d, %d questions, the last in place %d", own, len(p.Ops), asks, last)
	}
}
