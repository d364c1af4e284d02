package fuzz

import (
	"testing"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// FuzzHeap is for `go test -fuzz FuzzHeap -fuzzminimizetime 1x ./fuzz`: without the latter the engine spends a minute
// on making each new input shorter (golang/go#48820). HEAPFUZZ_TARGET names the one target that is tried; see engine.
func FuzzHeap(f *testing.F) {
	e, err := newEngine()
	if err != nil {
		f.Fatal(err)
	}
	for i, entry := range append(entries(f, "seed"), entries(f, "found")...) {
		f.Add(e.encode(i, entry.Program))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		finding, _, err := e.try(data)
		if err != nil {
			t.Fatal(err)
		}
		if finding != nil {
			t.Log("\n" + e.report(finding))
			t.Fatal(finding.Signature())
		}
	})
}

// TestSmoke tries random programs of every property on every target. HEAPFUZZ_SEED draws others.
func TestSmoke(t *testing.T) {
	t.Logf("HEAPFUZZ_SEED=%d", seed(t))
	for _, target := range targets {
		t.Run(target.Name, func(t *testing.T) {
			t.Parallel()
			s, r := target.New(), props.Runner{}
			for _, p := range s.Properties {
				random(t, s, target.Smoke, func(program prog.Program) {
					check(t, s, &r, p, program, "HEAPFUZZ_SEED and -run "+t.Name()+" show it again")
				})
			}
		})
	}
}

// TestEngine tries that bytes find what text finds: every reproducer of a canary's, as an engine would have it.
func TestEngine(t *testing.T) {
	for _, e := range entries(t, "found") {
		if e.Property != props.Conforms.Name {
			continue
		}
		t.Setenv("HEAPFUZZ_TARGET", e.Target)
		en, err := newEngine()
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
	t.Setenv("HEAPFUZZ_TARGET", "nobody")
	if _, err := newEngine(); err == nil {
		t.Error("a target that is not there was found")
	}
}

// TestLookup looks every name up, and one that is not there.
func TestLookup(t *testing.T) {
	for _, target := range append(Targets(), Canaries()...) {
		got, err := Lookup(target.Name)
		if err != nil || got.Name != target.Name || got.New().Target != target.Name || got.Doc == "" {
			t.Errorf("Lookup(%q): %v", target.Name, err)
		}
	}
	if _, err := Lookup("nobody"); err == nil {
		t.Error("nobody was found")
	}
}
