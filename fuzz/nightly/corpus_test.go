package nightly

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"heapfuzz/fuzz"
	"heapfuzz/props/prog"
)

// TestForms takes programs of each kind through all forms and back: they stay what they are, and bytes that mean a
// program are the same bytes after that.
func TestForms(t *testing.T) {
	src := rand.New(rand.NewPCG(1, 2))
	for _, l := range fuzz.Languages() {
		s := l.Targets()[0].New()
		for range 200 {
			p := l.Spec.Canon(l.Spec.Generate(src, l.Spec.NewMix(src, s.Allows), min(prog.Length(src), 200)))
			raw := ToRaw(l.Spec, p)
			name, native := ToNative(raw)
			back, err := FromNative(native)
			if err != nil || string(back) != string(raw) {
				t.Fatalf("%s: native is %q, and was %q: %v", l.Name, back, raw, err)
			}
			q := FromRaw(l.Spec, back)
			if !q.Equal(p) {
				t.Fatalf("%s: another program:\n%s\n%s", l.Name, l.Spec.Format(p), l.Spec.Format(q))
			}
			if again, _ := ToNative(ToRaw(l.Spec, q)); again != name {
				t.Fatalf("%s: it was %s, and is %s", l.Name, name, again)
			}
		}
	}
	for _, text := range []string{"", "go test fuzz v2\n[]byte(\"a\")\n", nativeHead + "string(\"a\")\n",
		nativeHead + "[]byte(a)\n", nativeHead + "[]byte(\"a\")\n[]byte(\"b\")\n"} {
		if raw, err := FromNative([]byte(text)); err == nil {
			t.Errorf("%q is no entry, and was read as %q", text, raw)
		}
	}
}

// TestExchange gives a corpus to two engines and takes it back: it is the same, and files beside inputs are none.
func TestExchange(t *testing.T) {
	dir, l := t.TempDir(), fuzz.Languages()[0]
	a, b := At(filepath.Join(dir, "a"), "../../corpus"), At(filepath.Join(dir, "b"), "")
	if err := a.takeProject(l); err != nil {
		t.Fatal(err)
	}
	for _, native := range []bool{true, false} {
		engine := filepath.Join(dir, fmt.Sprint(native))
		if err := a.give(l, engine, native); err != nil {
			t.Fatal(err)
		}
		for _, side := range []string{".quoted", ".output"} {
			name := "0123456789012345678901234567890123456789" + side
			if err := os.WriteFile(filepath.Join(engine, name), []byte("none of ours, and long enough to be a program"),
				0o666); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.take(l, engine); err != nil {
			t.Fatal(err)
		}
	}
	// What comes back has its numbers folded into their domains; most programs of the project are so already.
	var folded []string
	list, _, err := a.programs(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		folded = append(folded, nameOf(l.Spec.Format(l.Spec.Canon(p))))
	}
	slices.Sort(folded)
	_, names, err := b.programs(l)
	if err != nil || !slices.Equal(slices.Compact(folded), names) || len(names) < 20 {
		t.Errorf("%d programs came back as %d: %v", len(slices.Compact(folded)), len(names), err)
	}
}

func TestCover(t *testing.T) {
	for _, c := range []struct {
		name   string
		shows  [][]feature
		cost   []int
		want   []int
		reason string
	}{
		{"nothing", nil, nil, nil, "there is nothing to choose"},
		{"idle", [][]feature{{}, {1}}, []int{1, 1}, []int{1}, "what shows nothing is not kept"},
		{"one for all", [][]feature{{1}, {2}, {1, 2, 3}}, []int{1, 1, 9}, []int{2}, "cost decides between equals only"},
		{"cheaper", [][]feature{{1, 2}, {1, 2}}, []int{9, 1}, []int{1}, "of two that show the same the shorter"},
		{"first", [][]feature{{1, 2}, {1, 2}}, []int{4, 4}, []int{0}, "and of two as long the first"},
		{"greedy", [][]feature{{1, 2, 3, 4}, {1, 2, 5}, {3, 4, 6}}, []int{1, 1, 1}, []int{0, 1, 2},
			"the largest first, though the other two would do without it for all but nothing"},
		{"gains shrink", [][]feature{{1, 2, 3}, {2, 3, 4}, {5, 6}}, []int{1, 1, 1}, []int{0, 1, 2},
			"what an entry adds is counted after those before it"},
	} {
		if got := Cover(c.shows, c.cost); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, and not %v: %s", c.name, got, c.want, c.reason)
		}
	}
}

// TestCoverKeepsAll chooses among random entries: nothing that is shown is lost, what is chosen last is needed, and a
// second choice among the chosen is the same.
func TestCoverKeepsAll(t *testing.T) {
	src := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		shows, cost, all := make([][]feature, 1+src.IntN(12)), []int(nil), map[feature]bool{}
		for i := range shows {
			for range src.IntN(8) {
				f := feature(src.IntN(15))
				if !slices.Contains(shows[i], f) {
					shows[i] = append(shows[i], f)
				}
				all[f] = true
			}
			cost = append(cost, src.IntN(4))
		}
		chosen := Cover(shows, cost)
		var kept [][]feature
		var keptCost []int
		for _, i := range chosen {
			kept, keptCost = append(kept, shows[i]), append(keptCost, cost[i])
			for _, f := range shows[i] {
				delete(all, f)
			}
		}
		if len(all) > 0 {
			t.Fatalf("%v of %v lost with %v", all, shows, chosen)
		}
		if again := Cover(kept, keptCost); len(again) != len(kept) {
			t.Fatalf("of %v only %v are needed", kept, again)
		}
	}
}

// TestMinimizeAll looks that the corpus of the fewest programs is minimized first, and that one that is cut off does
// not undo it.
func TestMinimizeAll(t *testing.T) {
	dir := t.TempDir()
	store := At(dir, filepath.Join(dir, "none"))
	for i, name := range []string{"dict", "cache", "heap"} {
		l, err := fuzz.LanguageOf(name)
		if err != nil {
			t.Fatal(err)
		}
		src, s := rand.New(rand.NewPCG(1, 2)), l.Targets()[0].New()
		for range 3 - i {
			if _, err := store.add(l, l.Spec.Generate(src, l.Spec.NewMix(src, s.Allows), 9)); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done []string
	err := store.MinimizeAll(ctx, nil, func(language string, had, _ int) {
		if had > 0 {
			done = append(done, language)
		}
		if len(done) == 2 {
			cancel()
		}
	})
	if want := []string{"heap", "cache"}; !errors.Is(err, context.Canceled) || !slices.Equal(done, want) {
		t.Errorf("%v, %v: want %v, and no more", done, err, want)
	}
}

// TestMinimize puts programs into a corpus of which one shows all that the others do, and looks who is left. What the
// project has is taken in first, so the copy has one program.
func TestMinimize(t *testing.T) {
	dir, l := t.TempDir(), fuzz.Languages()[3] // caches: the fewest targets
	store := At(dir, filepath.Join(dir, "none"))
	src, s := rand.New(rand.NewPCG(1, 2)), l.Targets()[0].New()
	var longest prog.Program
	for range 12 {
		p := l.Spec.Generate(src, l.Spec.NewMix(src, s.Allows), 1+src.IntN(60))
		if _, err := store.add(l, p); err != nil {
			t.Fatal(err)
		}
		if len(p.Ops) > len(longest.Ops) {
			longest = p
		}
	}
	double := prog.Program{World: longest.World, Ops: slices.Concat(longest.Ops, longest.Ops)}
	worse, err := store.add(l, prog.Program{World: longest.World, Ops: longest.Ops[:len(longest.Ops)/2]})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.add(l, double); err != nil {
		t.Fatal(err)
	}
	had, left, err := store.Minimize(t.Context(), l, nil)
	if err != nil || had != 14 || left >= had || left == 0 {
		t.Fatalf("%d of %d left: %v", left, had, err)
	}
	if _, err := os.Stat(store.path("corpus", l.Name, worse)); err == nil {
		t.Error("half of a program is kept beside the whole")
	}
	had, again, err := store.Minimize(t.Context(), l, nil)
	if err != nil || had != left || again != left {
		t.Errorf("then %d of %d left: %v", again, had, err)
	}
}
