package recorded

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
)

// The worlds of this package are tried with more than what is stored, and recount everything again and again.

func newWorld(t *testing.T, profile string) *dictWorld {
	t.Helper()
	w, err := newDictWorld(profile)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// check recounts a world.
func check(t *testing.T, w world, after string) {
	t.Helper()
	if err := w.recount(); err != nil {
		t.Fatalf("%s: %v", after, err)
	}
}

// finish closes a world.
func finish(t *testing.T, w world, name string) {
	t.Helper()
	if err := w.close(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// TestInvariantsThroughout runs short programs of every flavour on every profile and recounts after each operation. It
// is what runs on old8, of which there are no golden traces.
func TestInvariantsThroughout(t *testing.T) {
	for _, p := range dict.Profiles() {
		for seed := 100; seed < 100+len(flavours); seed++ {
			name, text := dictProgram(seed, 400)
			if strings.HasSuffix(name, "large") {
				continue
			}
			w := newWorld(t, p.Name)
			for line := range strings.Lines(text) {
				w.ask(line)
				check(t, w, p.Name+": "+name+": "+line)
			}
			finish(t, w, p.Name)
		}
	}
}

// TestClearInComparison inserts an object into a dict that its comparison clears. A real dict of 3.11 or later is
// corrupt afterwards (gh-140551), so there is no golden trace of it.
func TestClearInComparison(t *testing.T) {
	for _, p := range dict.Profiles() {
		w := newWorld(t, p.Name)
		for _, line := range []string{"new 0", "set 0 o1 1", "set 0 s5 1", "set 0 x9:c0 2", "setdefault 0 x17:c0 3"} {
			w.ask(line)
			check(t, w, p.Name+": "+line)
		}
		if got := w.ask("order 0"); got != w.ask("order 0") || w.dicts[0].Len() != 1 {
			t.Errorf("%s: %d entries", p.Name, w.dicts[0].Len())
		}
		finish(t, w, p.Name)
	}
}

// TestRefs visits what a collector would.
func TestRefs(t *testing.T) {
	for name, want := range map[string]string{"2.7": "o1 L s5 L ", "3.6": "L o1 L s5 ", "3.13": "L o1 L s5 "} {
		w := newWorld(t, name)
		for _, line := range []string{"new 0", "set 0 o1 L", "set 0 i5 1", "set 0 s5 L"} {
			w.ask(line)
		}
		got := ""
		w.s.Refs(w.dicts[0], func(x dict.Word) {
			if x == w.list {
				got += "L "
			} else {
				got += w.keyText(x) + " "
			}
		})
		if !sameFields(got, want) || name != "2.7" && got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		finish(t, w, name)
	}
}

// sameFields tells whether two texts have the same words in whatever order.
func sameFields(a, b string) bool {
	count := map[string]int{}
	for f := range strings.FieldsSeq(a) {
		count[f]++
	}
	for f := range strings.FieldsSeq(b) {
		count[f]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestCopyOfCleared: in 3.6 the copy of a cleared dict has values, none, and to clear it changes its version (found by
// scripts/golden-dict -check, seed 32). From 3.7 on it is a new dict.
func TestCopyOfCleared(t *testing.T) {
	for name, want := range map[string][2]string{
		"3.6": {"ok #80", "ok v"}, "3.7": {"ok #248", "ok v #80"}, "3.8": {"ok #64", "ok"},
	} {
		w := newWorld(t, name)
		var got [2]string
		for _, line := range []string{"new 0", "set 0 i1 1", "clear 0", "copy 1 0", "clear 1", "clear 1", "copy 2 0"} {
			answer := w.ask(line)
			switch line {
			case "copy 1 0":
				got[0] = answer
			case "clear 1":
				if got[1] == "" {
					got[1] = answer
				}
			}
			check(t, w, name+": "+line)
		}
		w.ask("set 2 s1 1")
		check(t, w, name)
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		finish(t, w, name)
	}
}

// TestRandomPrograms has random programs on every profile, with every invariant recounted again and again. Every other
// one has collections that begin by themselves, inside allocations or between lines.
func TestRandomPrograms(t *testing.T) {
	for seed := range uint64(4) {
		for _, p := range object.Profiles() {
			tryRandom(t, p.Name, seed)
		}
	}
}

// tryCollect collects, and looks at what is about two states: the return value is the difference of the statistics, the
// counts are those of the moment after, and no young generation has a member but what finalizers have made or revived.
func tryCollect(t *testing.T, w *graphWorld, g int) {
	t.Helper()
	before, counts, events := w.c.Stats()[g], w.c.Count(), len(w.h.Events)
	n := w.c.Collect(g)
	after := w.c.Stats()[g]
	if after.Collections != before.Collections+1 || after.Collected != before.Collected+n {
		t.Errorf("collect(%d) returns %d, statistics go from %+v to %+v", g, n, before, after)
	}
	for i, count := range w.c.Count() {
		want := 0
		if i > g {
			if want = counts[i]; i == g+1 {
				want++
			}
		}
		if i > 0 && count != want {
			t.Errorf("collect(%d): count %d is %d, want %d", g, i, count, want)
		}
	}
	for i := range min(g+1, gc.Generations-1) {
		left := 0
		if err := w.c.Objects(i, func(object.Ref) { left++ }); err != nil {
			t.Fatal(err)
		}
		if len(w.h.Events) == events && left > 0 {
			t.Errorf("collect(%d) leaves objects in generation %d", g, i)
		}
	}
	if len(w.h.Events) == events && w.c.Collect(g) != 0 {
		t.Errorf("collect(%d) at once again finds more", g)
	}
}

func tryRandom(t *testing.T, name string, seed uint64) {
	w, err := newGraphWorld(name)
	if err != nil {
		t.Fatal(err)
	}
	defer finish(t, w, name)
	if seed%2 == 1 {
		w.c.SetThreshold(3, 2, 2)
		w.c.Enable()
	}
	r := rand.New(rand.NewPCG(seed, 7))
	for i, line := range strings.Split(strings.TrimSpace(generateGraph(r, 3000)), "\n") {
		if strings.HasPrefix(line, "collect") {
			tryCollect(t, w, int(line[len(line)-1]-'0'))
		} else {
			w.do(line)
		}
		w.c.Safepoint()
		if i%50 == 0 {
			if err := w.recount(); err != nil {
				t.Fatalf("%s: seed %d: line %d %q: %v", name, seed, i, line, err)
			}
		}
	}
	for r := range rootsMax {
		w.do(fmt.Sprintf("drop %d", r))
	}
	for range 20 {
		for len(w.h.Revived) > 0 {
			w.do("unrevive")
		}
		w.c.Collect(2)
	}
	if err := w.recount(); err != nil || w.h.Live() != 0 {
		t.Errorf("%s: at the end %d objects live, %v", name, w.h.Live(), err)
	}
}
