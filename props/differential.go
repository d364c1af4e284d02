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

// Differential is the property that the subject and the others answer a program alike. As for other relations, the
// world is the ordinary one, and operations of role Set are left out. What one of two targets has no memory for, or
// skips since it lacks it, is not compared, and neither is what comes later on the slots that it names, nor what
// depends on all slots, until a drain makes both empty. A program in which the model finds a violation on one of them
// is the business of Conforms.
func Differential(others ...*Subject) Property {
	return Property{Name: "differential", Doc: agrees.Doc,
		Check: func(s *Subject, r *Runner, p prog.Program) (*Refutation, error) {
			var q prog.Program
			for _, op := range p.Ops {
				if s.Spec.Rows[op.Kind].Role != prog.Set {
					q.Ops = append(q.Ops, op)
				}
			}
			res, err := r.Run(s, q)
			if err != nil || res.Violation != nil {
				return nil, err
			}
			first := slices.Clone(res.Trace)
			for _, o := range others {
				res, err := r.Run(o, q)
				if err != nil {
					return nil, err
				}
				if res.Violation != nil {
					continue
				}
				if at := s.disagree(q.Ops, first, res.Trace); at >= 0 {
					kind := s.Spec.Rows[q.Ops[at].Kind].Name
					res.At, res.Violation = at, agrees.Breach("%s: %s answers %s, %s answers %s",
						s.Spec.FormatOp(q.Ops[at]),
						s.Target, answer(first[at]), o.Target, answer(res.Trace[at]))
					res.Violation.Cause = o.Target + " " + kind
					return res.refutation(), nil
				}
			}
			return nil, nil
		}}
}

// disagree returns the index of the first operation that two targets answered differently where they must not, or -1.
func (s *Subject) disagree(ops []prog.Op, a, b prog.Trace) int {
	apart := map[prog.Slot]bool{} // the targets may differ in them
	for i, op := range ops {
		row := &s.Spec.Rows[op.Kind]
		slots := s.slotsOf(op)
		tainted := slices.ContainsFunc(slots, func(slot prog.Slot) bool { return apart[slot] })
		if row.Role == prog.KillAll {
			clear(apart)
		}
		if row.Role == prog.Observe && len(slots) == 0 {
			tainted = len(apart) > 0
		}
		if !tainted && a[i].Visible() == b[i].Visible() {
			continue
		}
		if !tainted && !excused(row, a[i]) && !excused(row, b[i]) {
			return i
		}
		for _, slot := range slots {
			apart[slot] = true
		}
	}
	return -1
}

// excused tells whether a target may answer so where another does not.
func excused(row *prog.Info, o prog.Outcome) bool {
	return o.Status == prog.NoMem || o.Status == prog.Skip && row.Lacks
}
