package graphtest

import (
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props"
)

// selfish keeps an object that refers to itself for ever.
type selfish struct{ *graph.Reference }

func (h selfish) SetField(object graph.ID, i int, target graph.ID) {
	if object == target {
		h.Root(object)
	}
	h.Reference.SetField(object, i, target)
}

// deep keeps an object for ever that refers to one whose first field refers to something.
type deep struct{ *graph.Reference }

func (h deep) SetField(object graph.ID, i int, target graph.ID) {
	if target != 0 && h.Field(target, 0) != 0 {
		h.Root(object)
	}
	h.Reference.SetField(object, i, target)
}

// afraid panics at a new object of kind 7 when one that was stored in itself twice has no root.
type afraid struct {
	*graph.Reference
	roots, loops map[graph.ID]int
}

func (h afraid) New(kind graph.Kind, fields int) graph.ID {
	for id, n := range h.loops {
		if kind == 7 && n == 2 && h.roots[id] == 0 {
			panic("there is a loop")
		}
	}
	id := h.Reference.New(kind, fields)
	h.roots[id] = 1
	return id
}

func (h afraid) SetField(object graph.ID, i int, target graph.ID) {
	if object == target {
		h.loops[object]++
	}
	h.Reference.SetField(object, i, target)
}

func (h afraid) Root(object graph.ID) {
	h.roots[object]++
	h.Reference.Root(object)
}

func (h afraid) Unroot(object graph.ID) {
	h.roots[object]--
	h.Reference.Unroot(object)
}

// TestMinimize makes one slot of two: of those that hold one object, as a person would have written it, and of those
// that hold two objects where one does.
func TestMinimize(t *testing.T) {
	openSelfish := func(World) (Heap, error) { return selfish{graph.NewReference()}, nil }
	openDeep := func(World) (Heap, error) { return deep{graph.NewReference()}, nil }
	openAfraid := func(World) (Heap, error) {
		return afraid{graph.NewReference(), map[graph.ID]int{}, map[graph.ID]int{}}, nil
	}
	for _, tt := range []struct {
		name          string
		open          Opener
		program, want string
	}{
		{
			"an alias", openSelfish,
			"p0 = new kind=0 fields=1\np1 = root p0\np2 = load p1 field=0\nset p2 p1 field=0\n" +
				"unroot p0\nunroot p2\nunroot p1",
			"p0 = new kind=0 fields=1\nset p0 p0 field=0\n",
		},
		{
			"its slot is made again", openSelfish,
			"p0 = new kind=0 fields=2\np1 = root p0\nset p0 p1 field=1\nunroot p1\np1 = new kind=1 fields=0\n" +
				"set p0 p1 field=0\nunroot p1\nunroot p0",
			"p0 = new kind=0 fields=1\nset p0 p0 field=0\n",
		},
		{
			"the second of two roots is the last", openAfraid,
			"p0 = new kind=0 fields=1\np1 = root p0\nset p0 p1 field=0\nunroot p0\nset p1 p1 field=0\nunroot p1\n" +
				"p2 = new kind=7 fields=0",
			"p0 = new kind=0 fields=1\nset p0 p0 field=0\nset p0 p0 field=0\nunroot p0\np1 = new kind=7 fields=0\n",
		},
		{
			"one object does for three", openDeep,
			"p0 = new kind=0 fields=1\np1 = new kind=0 fields=1\np2 = new kind=0 fields=1\n" +
				"set p1 p2 field=0\nset p0 p1 field=0",
			"p0 = new kind=0 fields=1\nset p0 p0 field=0\nset p0 p0 field=0\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Subject("wrong", graph.ReferenceContract, tt.open)
			var r props.Runner
			p := Lang.MustParse(tt.program)
			refuted, err := props.Conforms.Check(s, &r, p)
			if err != nil || refuted == nil {
				t.Fatalf("the program conforms: %v", err)
			}
			f := &props.Finding{Property: props.Conforms.Name, Target: s.Target, Program: p, Refutation: refuted}
			small, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			if got := string(s.Spec.Format(small.Program)); got != tt.want || !stats.Minimal {
				t.Errorf("%v: got\n%swant\n%s", small.Violation, got, tt.want)
			}
		})
	}
}
