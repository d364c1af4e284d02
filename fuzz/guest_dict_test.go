//go:build !gofuzz

package fuzz

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// TestGuestParts drives the dicts and caches of the interpreter that is found.
func TestGuestParts(t *testing.T) {
	if _, err := Lookup("cpython"); err != nil {
		t.Skip(err)
	}
	if _, err := Lookup("cpython/set"); err == nil || !strings.Contains(err.Error(), "a CPython has /dict") {
		t.Errorf("a part that is not there: %v", err)
	}
	for part, c := range map[string]struct {
		subject, program string
		effective        int
	}{
		"dict":         {"dict", "p0 = new capacity=0\nset p0 key=1 value=2\nget p0 key=1\nsize p0\npopitem p0", 5},
		"strdict":      {"dict", "p0 = new capacity=0\nset p0 key=1 value=2\nget p0 key=1\nsize p0\npopitem p0", 5},
		"ordereddict":  {"dict", "p0 = new capacity=0\nset p0 key=1 value=2\nmove p0 key=1 front=1\npopfirst p0", 4},
		"cache":        {"cache", "call key=1 other=2 act=2\ncall key=1 other=2 act=1\ninfo", 3},
		"orderedcache": {"cache", "put key=1 value=2\nget key=1\nkeys\nremoveoldest", 4},
	} {
		target, err := Lookup("cpython/" + part)
		if err != nil {
			t.Errorf("%s: %v", part, err)
			continue
		}
		s, r := target.New(), props.Runner{}
		if target.Subject != c.subject {
			t.Errorf("%s is a %s", part, target.Subject)
		}
		for _, world := range [][3]uint64{{}, {0, 1}} { // hashes of their own; all keys have one
			p := s.Spec.MustParse(c.program)
			p.World = [prog.ArgsMax]uint64(world)
			res, err := r.Run(s, p)
			if err != nil || res.Violation != nil || res.Effective < c.effective {
				t.Errorf("%s: %v %v, %d effective", part, res.Violation, err, res.Effective)
			}
		}
	}
}

// TestGuestTwin compares sizes and order of our dict with those of the interpreter, whichever release it is.
func TestGuestTwin(t *testing.T) {
	target, err := Lookup("cpython/dict")
	if err != nil {
		t.Skip(err)
	}
	release, _, _ := strings.Cut(target.Contract.(dict.Contract).Twin, "/")
	ours, err := Lookup("dict-" + release)
	if err != nil {
		t.Skip(err)
	}
	l, s, r := target.Language(), target.New(), props.Runner{}
	differs := l.Differential(ours.New())
	i := 0
	random(t, s, 8, func(p prog.Program) {
		refuted, err := differs.Check(s, &r, p)
		if err != nil {
			t.Fatal(err)
		}
		if refuted != nil {
			t.Error(fmt.Sprintf("program %d: ", i), refuted.Violation)
		}
		i++
	})
}

// TestGuestCache compares our cache with that of the interpreter, which promises the same.
func TestGuestCache(t *testing.T) {
	target, err := Lookup("cpython/cache")
	if err != nil {
		t.Skip(err)
	}
	ours, err := Lookup("lru-" + regexp.MustCompile(`\d+\.\d+`).FindString(target.Doc))
	if err != nil {
		t.Skip(err)
	}
	same, err := Against(target, ours)
	if err != nil {
		t.Fatal(err)
	}
	s, r := target.New(), props.Runner{}
	random(t, s, 4, func(p prog.Program) {
		if refuted, err := same.Check(s, &r, p); err != nil || refuted != nil {
			t.Errorf("%+v, %v", refuted, err)
		}
	})
}
