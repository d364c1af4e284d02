package props

import (
	"slices"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

var agrees = &model.Invariant{
	Name: "meta/differential",
	Doc:  "targets that promise the same give the same visible answers to the same program",
}

// Differential is the property that the subject and the others answer a program alike. An operation that one of them lacks or does
// not promise, and one that one of them has no memory for, is not compared, nor is anything later on the slots that it would have
// changed; statistics are compared until then.
func Differential(others ...*Subject) Property {
	return Property{Name: "differential", Doc: agrees.Doc,
		Check: func(s *Subject, r *Runner, p prog.Program) (*Refutation, error) {
			p = plenty(s, p)
			res, err := r.Run(s, p)
			if err != nil || res.Violation != nil {
				return nil, err
			}
			first := slices.Clone(res.Trace)
			for _, o := range others {
				res, err := r.Run(o, p)
				if err != nil || res.Violation != nil {
					return nil, err
				}
				if at := firstDifference(s, p, first, res.Trace); at >= 0 {
					res.At = at
					res.Violation = agrees.Breach("%s: %s answers %s, %s answers %s", s.Spec.FormatOp(p.Ops[at]),
						s.Target, answer(first[at]), o.Target, answer(res.Trace[at]))
					res.Violation.Cause = o.Target + " " + s.Spec.Rows[p.Ops[at].Kind].Name
					return res.refutation(), nil
				}
			}
			return nil, nil
		}}
}

// firstDifference returns the index of the first operation that two targets answered differently where they must not, or -1.
func firstDifference(s *Subject, p prog.Program, a, b prog.Trace) int {
	apart := map[prog.Slot]bool{} // slots whose state the targets may differ in
	counts := true                // and with them the statistics
	for i, op := range p.Ops {
		slot, onSlot := s.slotOf(op)
		role := s.Spec.Rows[op.Kind].Role
		switch {
		case onSlot && apart[slot], !onSlot && !counts && role == prog.Observe:
			continue
		case a[i].Visible() == b[i].Visible():
			continue
		}
		excused := func(o prog.Outcome) bool {
			return o.Status == prog.NoMem || o.Status == prog.Skip && s.Spec.Rows[op.Kind].Lacks
		}
		if !excused(a[i]) && !excused(b[i]) {
			return i
		}
		if onSlot {
			apart[slot], counts = true, false
		}
	}
	return -1
}
