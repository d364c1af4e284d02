package fuzz

import (
	"strings"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props/graphtest"
)

// TestAtomsMixed has two atoms of one kind stand for each other, as if a heap had mixed up their values. That is told,
// whichever kind they are of, in every release.
func TestAtomsMixed(t *testing.T) {
	const kinds = 8 // after so many atoms the kinds come again
	for _, name := range []string{"2.7", "old8", "3.6", "3.8", "3.12", "3.13"} {
		h, err := openGC(profileOf(t, name), graphtest.World{})
		if err != nil {
			t.Fatal(err)
		}
		g := h.(gcHeap)
		var atoms []*pyObject
		for range 2 * kinds {
			if g.New(graph.Atom, 0) == 0 {
				t.Fatal("there is no memory")
			}
			for _, p := range g.known {
				if p.atom == g.atoms {
					atoms = append(atoms, p)
				}
			}
		}
		check := func() error {
			g.calls = len(g.known) // so that the recount is not left out
			return g.CheckInvariants()
		}
		swap := func(n int) { atoms[n].atom, atoms[n+kinds].atom = atoms[n+kinds].atom, atoms[n].atom }
		for n := range kinds {
			swap(n)
			if err := check(); err == nil || !strings.HasPrefix(err.Error(), "atom/value: ") {
				t.Errorf("%s: atoms %d and %d are mixed up, and told is %v", name, n+1, n+1+kinds, err)
			}
			swap(n)
			if err := check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}
