package props_test

import (
	"testing"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// What one of two targets refuses is not compared, nor is what follows from it; all else is.
func TestDifferentialForgives(t *testing.T) {
	odd := func(what func(b *boxTarget, op prog.Op, out *prog.Outcome)) *props.Subject { return hearing(nil, what) }
	refuses := func(b *boxTarget, op prog.Op, out *prog.Outcome) { // boxes of 13
		if boxes.Info(op.Kind).Role == prog.Make && op.Args[0] == 13 {
			delete(b.live, op.Def)
			*out = prog.Outcome{Status: prog.NoMem}
		}
	}
	counts := func(b *boxTarget, op prog.Op, out *prog.Outcome) { // one too many
		if boxes.Info(op.Kind).Name == "count" {
			out.Value++
		}
	}
	weighs := func(_ *boxTarget, op prog.Op, out *prog.Outcome) { // slot 2 wrongly
		if boxes.Info(op.Kind).Name == "take" && op.Args[0] == 2 {
			out.Value++
		}
	}
	both := func(b *boxTarget, op prog.Op, out *prog.Outcome) {
		refuses(b, op, out)
		weighs(b, op, out)
		counts(b, op, out)
	}
	for _, tt := range []struct {
		name    string
		other   func(b *boxTarget, op prog.Op, out *prog.Outcome)
		program string
		at      int // of the operation that differs, -1: none
	}{
		{"the same", nil, "p0 = put n=13\ncount\ntake p0\n", -1},
		{"a wrong count", counts, "p0 = put n=13\ntake p0\ncount\n", 2},
		{"a wrong weight", weighs, "p2 = put n=3\ncount\ntake p2\n", 2},
		{"a refusal", refuses, "p0 = put n=13\ntake p0\ncount\n", -1},
		{"a refusal, and another slot", both, "p0 = put n=13\ntake p0\np2 = put n=1\ntake p2\n", 3},
		{"a refusal, and all slots", both, "p0 = put n=13\ncount\n", -1},
		{"a refusal, and all slots after a drain", both, "p0 = put n=13\ncount\nclear\ncount\n", 3},
		{"a refusal that is passed on", both, "p0 = put n=13\np2 = put n=1\npour p0 p2\ntake p2\n", -1},
	} {
		s := boxSubject(nil)
		s.Target = "plain"
		got, err := props.Differential(odd(tt.other)).Check(s, new(props.Runner), boxes.MustParse(tt.program))
		if err != nil {
			t.Fatal(err)
		}
		at := -1
		if got != nil {
			at = got.At
		}
		if at != tt.at {
			t.Errorf("%s: differs at %d, want %d", tt.name, at, tt.at)
		}
	}
}
