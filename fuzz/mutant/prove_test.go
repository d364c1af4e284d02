package mutant

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A proof that is made again, from sources to evidence, is the same byte for byte.
func TestProveTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("two builds take seconds")
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	prove := func(workers int) (*Evidence, string) {
		proof, err := Prove(context.Background(), Options{Root: root, Packages: []string{"impl/sizeclass"}, Sample: 6,
			Seed: 1, Workers: workers, Limits: Limits{Ops: 5000},
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
	if f := e.Facts; len(f.Kills)+len(f.Survived) != 6 || len(f.Kills) == 0 || f.Summary.Lengths.Count == 0 ||
		len(f.Controls) != 2 {
		t.Errorf("a proof of nothing: %s", first)
	}
	if _, again := prove(2); again != first {
		t.Errorf("once, then (-once +then):\n%s", cmp.Diff(first, again))
	}
}
