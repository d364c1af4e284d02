package prog

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRenumber(t *testing.T) {
	for _, c := range []struct{ reason, in, want string }{
		{"the text names the defined slot first",
			"p9 = alloc size=1\np5 = copy p9\nfree p9\nfree p77\nlink p5 p70 at=1\n",
			"p0 = alloc size=1\np1 = copy p0\nfree p0\nfree p2\nlink p1 p3 at=1\n"},
		{"numbers stay, and the world", "world limit=3\npeek p1 at=1\n", "world limit=3 skew=0\npeek p0 at=1\n"},
		{"slots may be beyond their domain", "free p16777215\n", "free p0\n"},
		{"operations without slots stay", "drain\n", "drain\n"},
	} {
		p := toy.MustParse(c.in)
		if diff := cmp.Diff(c.want, string(toy.Format(toy.Renumber(p)))); diff != "" {
			t.Errorf("%s:\n%s", c.reason, diff)
		}
		if !p.Equal(toy.MustParse(c.in)) {
			t.Errorf("%s: the program itself has changed", c.reason)
		}
	}
}

func TestMutate(t *testing.T) {
	src := seeded(1)
	same, grown := 0, 0
	const count = 500
	for range count {
		p := toy.Generate(src, toy.NewMix(src, nil), Length(src))
		before := p.Clone()
		q := toy.Mutate(src, p)
		switch {
		case !p.Equal(before):
			t.Fatal("the program itself has changed")
		case len(q.Ops) > LengthMax:
			t.Fatalf("%d operations", len(q.Ops))
		case !toy.Canon(q).Equal(q):
			t.Fatal("a number is out of its domain")
		}
		same += b2i(q.Equal(p))
		grown += b2i(len(q.Ops) > len(p.Ops))
		for _, op := range q.Ops {
			same := func(o Op) bool { return o.Kind == op.Kind }
			if toy.Rows[op.Kind].Needs > 0 && !slices.ContainsFunc(p.Ops, same) {
				t.Fatalf("%s, which asks for a promise that the seed did not ask for", toy.FormatOp(op))
			}
		}
	}
	if same*10 > count || grown*4 < count || grown*10 > count*9 {
		t.Errorf("of %d programs %d stayed and %d grew", count, same, grown)
	}
	if q := toy.Mutate(src, Program{}); len(q.Ops) == 0 {
		t.Error("nothing came of nothing")
	}
}

// TestMutateTrace mutates what a recorder writes: a slot a block, hundreds of thousands of them.
func TestMutateTrace(t *testing.T) {
	src := seeded(1)
	var trace Program
	var live []uint64
	for slot := range uint64(200_000) {
		trace.Ops = append(trace.Ops, Op{Kind: toy.Kind("alloc"), Def: Slot(slot), Args: [3]uint64{slot % 50_000}})
		live = append(live, slot)
		for len(live) > 300+int(slot/1000) {
			i := src.IntN(len(live))
			trace.Ops = append(trace.Ops, Op{Kind: toy.Kind("free"), Args: [3]uint64{live[i]}})
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
		}
	}
	most := 0
	for range 100 {
		w := toy.window(src, trace.Ops)
		st := newState(toy.tables())
		for i, op := range w {
			if !st.effective(op) {
				t.Fatalf("operation %d of a window, %s, means nothing", i, toy.FormatOp(op))
			}
			st.apply(op)
		}
		most = max(most, len(w))
		if q := toy.Mutate(src, trace); len(q.Ops) > LengthMax || !toy.Canon(q).Equal(q) {
			t.Fatal("a mutation is out of bounds")
		}
	}
	if most < 2000 {
		t.Errorf("the longest window has %d operations", most)
	}
}
