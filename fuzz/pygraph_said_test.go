package fuzz

import (
	"strings"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props/graphtest"
)

// A line of a collector that is missing, comes twice or is another is found, in every release.
func TestSaid(t *testing.T) {
	spoils := map[string]func(string) []string{
		"as it is": func(s string) []string { return []string{s} },
		"missing":  func(string) []string { return nil },
		"twice":    func(s string) []string { return []string{s, s} },
		"another": func(s string) []string {
			return []string{strings.NewReplacer("0", "9", "1", "9", "2", "8", "generation", "century").Replace(s)}
		},
	}
	for _, name := range []string{"2.7", "old8", "3.6", "3.7", "3.8", "3.12", "3.13"} {
		for how, spoil := range spoils {
			for at := range 6 {
				lines, err := sayings(t, name, at, spoil)
				if broken := how != "as it is" && at < lines; (err != nil) != broken {
					t.Errorf("%s: line %d of %d is %s: %v", name, at, lines, how, err)
				}
			}
		}
	}
}

// sayings collects a ring of two, and one that an old finalizer keeps, with one line spoilt, and returns how many lines
// there were.
func sayings(t *testing.T, name string, at int, spoil func(string) []string) (lines int, err error) {
	h, err := openGC(profileOf(t, name), graphtest.World{Variant: 7}) // the first flags are all of them
	if err != nil {
		t.Fatal(err)
	}
	g := h.(gcHeap)
	say := g.c.OnMessage
	g.c.OnMessage = func(line string) {
		if lines++; lines-1 != at {
			say(line)
			return
		}
		for _, s := range spoil(line) {
			say(s)
		}
	}
	a, b, old := g.New(graph.Node, 1), g.New(graph.Node, 1), g.New(graph.Node, 1)
	g.SetField(a, 0, b)
	g.SetField(b, 0, a)
	g.SetField(old, 0, old)
	g.SetLegacyFinalizer(old, func(graph.ID) {})
	for _, id := range []graph.ID{a, b, old} {
		g.Unroot(id)
	}
	g.Collect(2)
	return lines, g.CheckInvariants()
}
