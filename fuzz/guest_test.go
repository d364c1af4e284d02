//go:build !gofuzz

package fuzz

import (
	"strings"
	"testing"

	"heapfuzz/props"
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
