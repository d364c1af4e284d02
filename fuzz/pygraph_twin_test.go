package fuzz

import (
	"testing"

	"heapfuzz/props"
	"heapfuzz/props/graphtest"
)

// exactly checks a program on two targets.
func exactly(t *testing.T, a, b, text string) *props.Refutation {
	t.Helper()
	x, err := Lookup(a)
	if err != nil {
		t.Skip(err)
	}
	y, err := Lookup(b)
	if err != nil {
		t.Skip(err)
	}
	p, err := Exact(x, y)
	if err != nil {
		t.Fatal(err)
	}
	refuted, err := p.Check(x.New(), &props.Runner{}, graphtest.Lang.MustParse(text))
	if err != nil {
		t.Fatal(err)
	}
	return refuted
}

// rescue leaves two cycles, of which a finalizer saves one.
const rescue = "p0 = new kind=0 fields=1\nset p0 p0 field=0\nfinalizer p0 script=2\np1 = new kind=0 fields=1\n" +
	"set p1 p1 field=0\nunroot p1\nunroot p0\ncollect generation=2\n"

// TestExact compares releases: each is like itself, and where two differ the comparison sees what differs.
func TestExact(t *testing.T) {
	for _, tt := range []struct{ a, b, what, program string }{
		{"gc-3.8", "gc-3.9", "what collect returns", rescue},
		{"gc-3.7", "gc-3.8", "sizes", "p0 = new kind=2 fields=1\nsize p0\n"},
		{"gc-3.10", "gc-3.11", "hidden objects",
			"p0 = new kind=5 fields=1\nset p0 p0 field=0\nunroot p0\ncollect generation=2\n"},
	} {
		for _, same := range []string{tt.a, tt.b} {
			if r := exactly(t, same, same, tt.program); r != nil {
				t.Errorf("%s differs from itself: %v", same, r.Violation)
			}
		}
		if exactly(t, tt.a, tt.b, tt.program) == nil {
			t.Errorf("%s and %s are alike in %s", tt.a, tt.b, tt.what)
		}
	}
	a, _ := Lookup("gc-3.11")
	b, _ := Lookup("trial-3.11")
	if _, err := Exact(a, b); err == nil {
		t.Error("trial deletion was taken for CPython's collector")
	}
	if _, err := Against(a, b); err != nil {
		t.Error(err)
	}
}
