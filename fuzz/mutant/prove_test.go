package mutant

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The schema of all packages compiles. A proof that is made again, from sources to evidence, is the same byte for byte,
// and tells a defect from what is none.
func TestProveTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	prove := func(workers int) (*Evidence, string) {
		proof, err := Prove(context.Background(), Options{Root: root, Seed: 1, Workers: workers,
			Limits: Limits{Ops: 5000}, Only: func(id Identity) bool {
				return id.Package == "impl/sizeclass" && id.Func == "Small" &&
					(id.Operator == "arith" || id.Operator == "minus")
			},
			Through: func(name string) bool { return name == "arena-3.11" || name == "slab" }})
		if err != nil {
			t.Fatal(err)
		}
		none := &Survivors{}
		e := NewEvidence(proof, none, root, "abc")
		text, err := json.MarshalIndent(e.Facts, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return e, string(text)
	}
	e, first := prove(1)
	from := func(lines []Line, from string) bool {
		return slices.ContainsFunc(lines, func(l Line) bool { return l.From == from })
	}
	f := e.Facts
	if f.Summary.Lengths.Count == 0 || len(f.Controls) != 2 {
		t.Errorf("a proof of nothing: %s", first)
	}
	if !from(f.Kills, "n - 1") || from(f.Survived, "n - 1") {
		t.Error("a class too large survives")
	}
	if !from(f.Survived, "63") {
		t.Error("a mask that never matters is a defect")
	}
	if _, err := os.Stat(filepath.Join(root, "fuzz", "mutant", "mu")); err == nil {
		t.Error("the switch was written between the sources")
	}
	if _, again := prove(2); again != first {
		t.Errorf("once, then (-once +then):\n%s", cmp.Diff(first, again))
	}
}
