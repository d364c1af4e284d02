package fuzz

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// TestMain has Go's heap grow to 16 MiB before it is collected: next to nothing outlives a program, and collections at
// 4 MiB, with the pages that were given back and touched again, took a fifth of the time or more.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// FuzzHeap is for `go test -fuzz FuzzHeap -fuzzminimizetime 1x ./fuzz`: without the latter the engine spends a minute
// on making each new input shorter (golang/go#48820). HEAPFUZZ_TARGET names the one target that is tried; see engine.
func FuzzHeap(f *testing.F) { fuzzLanguage(f, "heap") }

// FuzzGraph is FuzzHeap of heaps of objects.
func FuzzGraph(f *testing.F) { fuzzLanguage(f, "graph") }

// FuzzDict is FuzzHeap of dicts.
func FuzzDict(f *testing.F) { fuzzLanguage(f, "dict") }

// FuzzCache is FuzzHeap of caches.
func FuzzCache(f *testing.F) { fuzzLanguage(f, "cache") }

// FuzzValue is FuzzHeap of stores of values.
func FuzzValue(f *testing.F) { fuzzLanguage(f, "value") }

func fuzzLanguage(f *testing.F, name string) {
	l, err := LanguageOf(name)
	if err != nil {
		f.Fatal(err)
	}
	e, err := newEngine(name)
	if err != nil {
		f.Fatal(err)
	}
	for i, p := range begins(f, l) {
		f.Add(e.encode(i, p))
	}
	seldomCollect(f)
	f.Cleanup(func() {
		if err := e.writeSums(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		finding, _, err := e.execute(data)
		if err != nil {
			t.Fatal(err)
		}
		if finding != nil {
			t.Log("\n" + e.report(finding))
			t.Fatal(finding.Signature())
		}
	})
}

// begins are the programs that Go's engine begins with: those of the project, or none where what breaks a rule is kept.
// There whoever keeps it gives the seeds too, without those that break a rule now: of a program that takes the process
// along, the engine would end before it has tried anything else.
func begins(tb testing.TB, l Language) (list []prog.Program) {
	if keeps() != "" {
		return nil
	}
	for _, e := range append(entries(tb, l, "seed"), entries(tb, l, "found")...) {
		list = append(list, e.Program)
	}
	return list
}

// seldomCollect lets Go's heap grow to some 40 MiB before it is collected, until the test ends. Next to nothing lives
// longer than an execution, and collections at 4 MiB took a fifth of the time.
func seldomCollect(tb testing.TB) {
	old := debug.SetGCPercent(1000)
	tb.Cleanup(func() { debug.SetGCPercent(old) })
}

// TestSmoke tries random programs of every property on every target. HEAPFUZZ_SEED draws others.
func TestSmoke(t *testing.T) {
	t.Logf("HEAPFUZZ_SEED=%d", seed(t))
	for _, target := range Targets() {
		t.Run(target.Name, func(t *testing.T) {
			t.Parallel()
			s, r := target.New(), props.Runner{}
			for _, p := range s.Properties {
				n := target.Smoke
				if p.Name != props.Conforms.Name {
					n = canarytest.Relations(n)
				}
				random(t, s, n, func(program prog.Program) {
					check(t, s, &r, p, program, "HEAPFUZZ_SEED and -run "+t.Name()+" show it again")
				})
			}
		})
	}
}

// TestProperties looks at the properties by name: a name is that of one, and conforms comes first.
func TestProperties(t *testing.T) {
	eachLanguage(t, func(t *testing.T, l Language) {
		all := map[string]bool{}
		for _, p := range l.Properties() {
			if all[p.Name] {
				t.Errorf("two properties have the name %s", p.Name)
			}
			all[p.Name] = true
		}
		for _, target := range append(l.Targets(), l.Canaries()...) {
			for i, p := range target.New().Properties {
				if !all[p.Name] || (i == 0) != (p.Name == props.Conforms.Name) {
					t.Errorf("%s: property %d is %s", target.Name, i, p.Name)
				}
			}
		}
	})
}

// TestEngine tries that bytes find what text finds: every reproducer of a canary's, as an engine would have it.
func TestEngine(t *testing.T) {
	eachLanguage(t, testEngine)
	t.Setenv("HEAPFUZZ_TARGET", "nobody")
	if _, err := newEngine("heap"); err == nil {
		t.Error("a target that is not there was found")
	}
	t.Setenv("HEAPFUZZ_TARGET", "graph-reference")
	if _, err := newEngine("heap"); err == nil {
		t.Error("the engine of allocators took a heap of objects")
	}
}

func testEngine(t *testing.T, l Language) {
	for _, e := range entries(t, l, "found") {
		if e.Property != props.Conforms.Name || !strings.HasPrefix(e.Target, canarytest.Prefix) {
			continue
		}
		t.Setenv("HEAPFUZZ_TARGET", e.Target)
		en, err := newEngine(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		f, effective, err := en.try(en.encode(0, e.Program))
		switch {
		case err != nil:
			t.Error(err)
		case f == nil:
			t.Errorf("%s: nothing was found", e.name)
		case f.Violation.Signature() != e.Rule || !effective || en.report(f) == "":
			t.Errorf("%s: found %s", e.name, f.Violation.Signature())
		}
	}
}

// TestKeep has an engine find the same defect twice, and looks for the shorter of the programs in the folder.
func TestKeep(t *testing.T) {
	l, dir := languages[0], t.TempDir()
	t.Setenv("HEAPFUZZ_KEEP", dir)
	t.Setenv("HEAPFUZZ_TARGET", "canary/pop-twice")
	en, err := newEngine(l.Name)
	if err != nil {
		t.Fatal(err)
	}
	short, err := l.Spec.Parse("", strings.NewReader("p14 = alloc size=113\np20 = alloc size=123\n"+
		"p12 = alloc size=113\np4 = alloc size=113\n"))
	if err != nil {
		t.Fatal(err)
	}
	long := short.Clone()
	long.Ops = append(long.Ops, long.Ops...)
	for _, p := range []prog.Program{long, short, long} {
		if f, _, err := en.try(en.encode(0, p)); f == nil || err != nil {
			t.Fatalf("%d operations: %v, %v", len(p.Ops), f, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("kept: %v, %v", files, err)
	}
	r, err := props.ReadRepro(l.Spec, files[0])
	if err != nil || r.Target != "canary/pop-twice" || !r.Program.Equal(l.Spec.Canon(short)) {
		t.Errorf("kept: %+v, %v", r, err)
	}
	if f, _, err := en.execute(en.encode(0, short)); f != nil || err != nil {
		t.Errorf("an engine was told of what is kept, and ends: %v, %v", f, err)
	}
	if list := begins(t, l); len(list) > 0 {
		t.Errorf("%d seeds are given beside those of whoever keeps", len(list))
	}
	t.Setenv("HEAPFUZZ_KEEP", filepath.Join(dir, "nowhere"))
	if _, _, err := en.try(en.encode(0, short)); err == nil {
		t.Error("a finding that could not be kept was no error")
	}
	t.Setenv("HEAPFUZZ_KEEP", "")
	if f, _, err := en.execute(en.encode(0, short)); f == nil || err != nil {
		t.Errorf("an engine was not told of what is kept nowhere: %v", err)
	}
	if len(begins(t, l)) < fewest {
		t.Error("an engine by itself has no seeds")
	}
}

// TestLookup looks every name up, and one that is not there. A name is that of one target, of one language.
func TestLookup(t *testing.T) {
	seen := map[string]string{}
	for _, target := range append(Targets(), Canaries()...) {
		got, err := Lookup(target.Name)
		if err != nil || got.Name != target.Name || got.New().Target != target.Name || got.Doc == "" {
			t.Errorf("Lookup(%q): %v", target.Name, err)
		}
		if other, ok := seen[target.Name]; ok {
			t.Errorf("a %s and a %s have the name %s", other, target.Subject, target.Name)
		}
		seen[target.Name] = target.Subject
		if got.New().Spec != got.Language().Spec || got.Promises() == "" || !got.Alike(got) {
			t.Errorf("%s is of the language %s, and speaks another", target.Name, target.Subject)
		}
	}
	if _, err := Lookup("nobody"); err == nil {
		t.Error("nobody was found")
	}
}
