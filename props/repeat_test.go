package props

import (
	"testing"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// moods is a target whose defect shows in two of three runs: when it does it breaks a rule at the operation "bad", and
// in one of seven runs it breaks the rule at any operation.
type moods struct{ runs int }

var moodRule = &model.Invariant{Name: "toy/mood", Doc: "a target is always the same"}

func (m *moods) Do(prog.Op) prog.Outcome { return prog.Outcome{} }
func (m *moods) Close() error            { return nil }

func (m *moods) Step(op prog.Op, _ prog.Outcome) *model.Violation {
	if op.Kind == 1 && m.runs%3 != 0 || m.runs%7 == 0 {
		return moodRule.Breach("")
	}
	return nil
}

// Where answers differ from run to run the majority of runs decides what a program shows, so that what the fault needs
// is not left out after a run that failed by accident.
func TestMinimizeRepeats(t *testing.T) {
	spec := &prog.Spec{Name: "moods", Rows: []prog.Info{{Name: "good", Weight: 1}, {Name: "bad", Weight: 1}}}
	program := spec.MustParse("good\ngood\ngood\nbad\ngood\ngood\n")
	for _, tt := range []struct {
		repeats int
		want    string
	}{{5, "bad\n"}, {9, "bad\n"}} {
		m := &moods{}
		s := &Subject{Target: "moods", Spec: spec, Repeats: tt.repeats,
			Open: func([prog.ArgsMax]uint64) (Target, Judge, error) { m.runs++; return m, m, nil }}
		refuted := &Refutation{Violation: moodRule.Breach(""), At: 3, Ops: program.Ops, Trace: make(prog.Trace, 4)}
		f := &Finding{Property: Conforms.Name, Program: program, Refutation: refuted}
		small, stats := Minimize(s, Conforms, f, MinimizeOptions{})
		if got := string(spec.Format(small.Program)); got != tt.want || stats.Flaky {
			t.Errorf("%d repeats: flaky %v, left:\n%s", tt.repeats, stats.Flaky, got)
		}
	}
}
