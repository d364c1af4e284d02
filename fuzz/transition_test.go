package fuzz

import (
	"slices"
	"strings"
	"testing"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
	"heapfuzz/props/prog"
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
		{"dict-2.7", "p0 = new capacity=0\nset p0 key=1 value=1\ndelete p0 key=1\nset p0 key=1 value=3\n" +
			"set p0 key=2 value=1\nset p0 key=3 value=1\nset p0 key=4 value=1\nset p0 key=5 value=1\n" +
			"set p0 key=6 value=1\n",
			[]string{"dummy/made", "dummy/reused", "table/grown"}, []string{"table/refused", "table/rebuilt"}},
		{"stack-3.8", "p0 = new capacity=0\nset p0 key=1 value=1\n", []string{"index/1-byte"},
			[]string{"resize/compacted", "index/2-bytes"}},
		{"swiss", "p0 = new capacity=0\nset p0 key=1 value=1\ndelete p0 key=1\np1 = new capacity=0\n" +
			"set p1 key=1 value=1\ndrop p0\ndrop p1\n",
			[]string{"table/moved", "delete/empty-again"},
			[]string{"table/rebuilt", "delete/tombstone", "insert/tombstone", "slot/swapped"}},
		{"page", "world limit=0 skew=0 variant=3\np0 = alloc size=16\nfree p0\np1 = calloc n=2 size=16\n",
			[]string{"run/mapped", "run/freed", "run/last", "run/cleared"},
			[]string{"run/part", "run/huge", "run/rest", "run/dropped", "run/limit", "run/refused", "run/stray"}},
		{"lru-3.11", "world capacity=1 hash=0\ncall key=1 other=1 act=0\ncall key=1 other=1 act=0\n" +
			"call key=2 other=1 act=0\n",
			[]string{"link/made", "link/reused", "ring/moved"}, []string{"store/met", "evict/met", "link/refused"}},
		{"lru-ordered", "put key=1 value=1\nput key=2 value=1\nput key=1 value=1\n",
			[]string{"order/new", "order/moved"}, []string{"order/evicted", "order/shrinks"}},
		{"value-reference", "p0 = new n=141\nfill p0 from=0 count=9\np1 = new n=142\nhas p1 p0\n",
			[]string{"made/list", "made/set", "length/8", "key/missed", "size/32"},
			[]string{"made/weak", "length/64", "key/found", "refused", "deref/live", "live/24"}},
		{"value-3.11", "p0 = new n=141\nfill p0 from=0 count=9\np1 = new n=142\nfill p1 from=1000 count=5\n" +
			"p2 = intern text=3 constant=0\np3 = intern text=3 constant=0\np4 = copy p2\nfree p0\np5 = new n=141\n" +
			"fill p5 from=0 count=2\n",
			[]string{"cache/made", "int/cached", "int/made", "list/first", "list/grown", "set/grown", "intern/new",
				"intern/found", "copy/itself", "free-list/kept", "free-list/reused", "pool/carved", "arena/made"},
			[]string{"list/refused", "list/shrunk", "set/refused", "int/long", "weak/died", "intern/refused",
				"object/refused", "resize/grown"}},
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
		"cache-reference", "swiss", "page", "lru-3.6", "lru-3.11", "lru-typed", "lru-ordered", "value-reference",
		"value-2.7", "value-3.8", "value-3.13", "dict-2.7", "pickle-3.9", "pickle-3.12",
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

// TestOwnTransitions looks that every target of ours tells states of its own, beside those that its driver counts of
// any target of the language: one that is known, by family.
func TestOwnTransitions(t *testing.T) {
	own := map[string]string{
		"slab": "slab/made", "arena": "pool/carved", "arena-debug": "pool/carved", "page": "run/mapped",
		"gc": "free-list/kept", "trial": "free-list/kept", "dict": "resize/grown", "dict-str": "resize/grown",
		"dict-mixed": "resize/grown", "swiss": "table/moved", "stack": "resize/grown", "lru": "link/made",
		"lru-typed": "link/made", "lru-ordered": "order/moved", "value": "list/moved",
		"pickle": "memo/moved",
	}
	others := []string{"reference", "modernc", "go-heap", "graph-reference", "dict-reference", "cache-reference",
		"value-reference"} // which is not ours, or believed by eye
	for _, target := range Targets() {
		s, m := target.New(), props.Meter{}
		r := props.Runner{Meter: &m}
		if _, err := r.Run(s, prog.Program{}); err != nil {
			t.Fatal(err)
		}
		name, known := own[family(target.Name)]
		if strings.HasSuffix(target.Name, "2.7") && name == "resize/grown" {
			name = "table/grown"
		}
		switch {
		case slices.Contains(others, target.Name):
			if len(m.Names) == 0 {
				t.Errorf("%s: its driver counts nothing", target.Name)
			}
		case !known:
			t.Errorf("%s: nobody says which states it has of its own", target.Name)
		case !slices.Contains(m.Names, name):
			t.Errorf("%s: %s is not told, of its own states: %v", target.Name, name, m.Names)
		}
	}
}
