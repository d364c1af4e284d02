//go:build !gofuzz

package fuzz

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// TestGuest drives the interpreter that is found, and looks for ones that are not there.
func TestGuest(t *testing.T) {
	for _, name := range []string{"cpython-9.9", "cpython-3"} {
		if _, err := Lookup(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Lookup(%q): %v", name, err)
		}
	}
	target, err := Lookup("cpython")
	if err != nil {
		t.Skip(err)
	}
	s := target.New()
	r := props.Runner{}
	p := s.Spec.MustParse("p0 = new kind=2 fields=1\nset p0 p0 field=0\nunroot p0\ncollect generation=2")
	if res, err := r.Run(s, p); err != nil || res.Violation != nil || res.Effective < 4 {
		t.Errorf("%v %v", res.Violation, err)
	}
	if res, err := r.Run(s, prog.Program{}); err != nil || res.Violation != nil {
		t.Errorf("a second program: %v %v", res.Violation, err)
	}
}

// TestGuestExact compares what the interpreter that is found and our collector of its release say where the other
// side's own program might show: the order in which the slots of an instance lie is that of their names, and the last
// item can be taken out of a list in more than one way.
func TestGuestExact(t *testing.T) {
	target, err := Lookup("cpython")
	if err != nil {
		t.Skip(err)
	}
	ours, err := Lookup("gc-" + regexp.MustCompile(`\d+\.\d+`).FindString(target.Doc))
	if err != nil {
		t.Skip(err)
	}
	same, err := Exact(target, ours)
	if err != nil {
		t.Fatal(err)
	}
	for what, program := range map[string]string{
		"the order of slots": "p0 = new kind=0 fields=64\np1 = new kind=0 fields=1\np2 = new kind=0 fields=1\n" +
			"set p0 p1 field=2\nset p0 p2 field=10\nreferents p0\n",
		"an emptied list": "p0 = new kind=2 fields=1\npop p0\nsize p0\n",
	} {
		refuted, err := same.Check(nil, &props.Runner{}, graphtest.Lang.MustParse(program))
		if err != nil {
			t.Fatal(err)
		}
		if refuted != nil {
			t.Errorf("%s: %v", what, refuted.Violation)
		}
	}
}

// TestGuestOrder compares the order of attributes in 2.7, which is that of the hashes of their names.
func TestGuestOrder(t *testing.T) {
	const fields = 9
	program := fmt.Sprintf("p0 = new kind=5 fields=%d\n", fields)
	for i := range fields {
		program += fmt.Sprintf("p%d = new kind=0 fields=1\nset p0 p%[1]d field=%d\n", i+1, i)
	}
	if r := exactly(t, "cpython-2.7", "gc-2.7", program+"referents p0\np10 = copy p0\nreferents p10\n"); r != nil {
		t.Error(r.Violation)
	}
}
