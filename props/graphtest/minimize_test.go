package graphtest

import (
	"strings"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props"
)

// leaky keeps an object that refers to itself.
type leaky struct{ *graph.Reference }

func (h leaky) SetField(object graph.ID, i int, target graph.ID) {
	if object == target {
		h.Root(object)
	}
	h.Reference.SetField(object, i, target)
}

// TestMinimize makes one slot of two: of those that hold one object, as a person would have written it, and of those
// that hold two where one does.
func TestMinimize(t *testing.T) {
	const want = "p0 = new kind=0 fields=1\nset p0 p0 field=0\n"
	for _, tt := range []struct{ name, program string }{
		{"alias", `
			p0 = new kind=0 fields=1
			p1 = root p0
			p2 = load p1 field=0
			set p2 p1 field=0
			unroot p0
			unroot p2
			unroot p1`},
		{"the alias is used again", `
			p0 = new kind=0 fields=2
			p1 = root p0
			set p0 p1 field=1
			unroot p1
			p1 = new kind=1 fields=0
			set p0 p1 field=0
			unroot p1
			unroot p0`},
		{"stored through a field", `
			p0 = new kind=2 fields=3
			p1 = new kind=0 fields=4
			set p0 p1 field=2
			unroot p1
			p1 = load p0 field=2
			p2 = load p0 field=2
			set p1 p2 field=3
			unroot p2`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Subject("leaky", graph.ReferenceContract, func(World) (Heap, error) {
				return leaky{graph.NewReference()}, nil
			})
			var r props.Runner
			p := Lang.MustParse(tt.program)
			refuted, err := props.Conforms.Check(s, &r, p)
			if err != nil || refuted == nil {
				t.Fatalf("the program conforms: %v", err)
			}
			f := &props.Finding{Property: props.Conforms.Name, Target: s.Target, Program: p, Refutation: refuted}
			small, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			if got := string(s.Spec.Format(small.Program)); got != want || !stats.Minimal {
				t.Errorf("%v: got\n%swant\n%s", small.Violation, got, want)
			}
			if strings.Contains(small.Violation.Rule.Name, "run/") {
				t.Error(small.Violation)
			}
		})
	}
}
