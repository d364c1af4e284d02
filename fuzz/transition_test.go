package fuzz

import (
	"slices"
	"testing"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
)

// TestTransitions runs short programs and looks at which transitions their targets tell.
func TestTransitions(t *testing.T) {
	for _, c := range []struct {
		target, program string
		taken, not      []string
	}{
		{"gc-3.11", "p0 = new kind=0 fields=1\nset p0 p0 field=0\nunroot p0\ncollect generation=3\n",
			[]string{"death/collected", "collect/some", "clear/dies"},
			[]string{"death/at-once", "finalizer/collection", "started/youngest", "weak/cleared"}},
		{"gc-3.11", "p0 = new kind=0 fields=1\np1 = weak p0 callback=1\nfinalizer p0 script=1\nunroot p0\n" +
			"p2 = deref p1\n",
			[]string{"death/at-once", "finalizer/at-once", "callback/at-once", "weak/cleared"},
			[]string{"finalizer/collection", "callback/collection", "weak/live"}},
		{"trial-3.11", "p0 = new kind=0 fields=1\nset p0 p0 field=0\nfinalizer p0 script=2\nunroot p0\n" +
			"collect generation=3\n",
			[]string{"saved/collection", "found/garbage", "found/saved"},
			[]string{"saved/at-once", "callback/collection"}},
		{"graph-reference", "p0 = new kind=0 fields=1\nunroot p0\ncollect generation=3\ncollect generation=3\n",
			[]string{"death/collected", "collect/some", "collect/nothing"}, []string{"collect/16", "refused"}},
		{"dict-3.11", "p0 = new capacity=0\nset p0 key=1 value=1\nset p0 key=1 value=2\nget p0 key=1\nget p0 key=2\n" +
			"delete p0 key=1\nset p0 key=1 value=3\n",
			[]string{"set/new", "set/over", "set/again", "get/found", "get/missed", "delete/found", "index/1-byte"},
			[]string{"delete/missed", "length/8", "resize/shrunk", "popitem/some", "index/2-bytes"}},
		{"cache-reference", "put key=1 value=1\nget key=1\nget key=2\nput key=2 value=1\nput key=3 value=1\n" +
			"put key=4 value=1\nput key=5 value=1\nput key=6 value=1\n",
			[]string{"put/grows", "get/found", "get/missed", "put/evicts"}, []string{"put/over", "clear", "call/hit"}},
	} {
		target, err := Lookup(c.target)
		if err != nil {
			t.Fatal(err)
		}
		s, m := target.New(), props.Meter{}
		s.Epilogue = nil
		r := props.Runner{Meter: &m}
		if res, err := r.Run(s, s.Spec.MustParse(c.program)); err != nil || res.Violation != nil {
			t.Errorf("%s: %v %v", c.target, err, res.Violation)
			continue
		}
		for _, name := range append(c.taken, c.not...) {
			i, want := slices.Index(m.Names, name), slices.Contains(c.taken, name)
			if i < 0 || (m.Times[i] > 0) != want {
				t.Errorf("%s: %s: taken is not %v:\n%s%v %v", c.target, name, want, c.program, m.Names, m.Times)
			}
		}
	}
}

// TestNotVacuous has some of each language's targets do random operations, and holds them to the floors.
func TestNotVacuous(t *testing.T) {
	for _, name := range []string{
		"slab", "arena-3.10", "graph-reference", "gc-3.8", "trial-3.11", "dict-reference", "dict-3.11",
		"cache-reference",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			s, m := target.New(), props.Meter{}
			r := props.Runner{Meter: &m}
			for number := 0; m.Operations() < props.VacuousFrom; number++ {
				if _, err := r.Run(s, campaign.Program(s, 1, number, nil)); err != nil {
					t.Fatal(err)
				}
			}
			if v := m.Vacuous(); v != nil {
				t.Error(v)
			}
			names := slices.Clone(m.Names)
			slices.Sort(names)
			if len(slices.Compact(names)) != len(m.Names) || len(m.Names) == 0 {
				t.Errorf("transitions without a name of their own: %v", m.Names)
			}
		})
	}
}
