package props

import (
	"fmt"
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

// Leaving is a property of the program without some of its operations.
func Leaving(some func(prog.Op) bool, p Property) Property {
	check := p.Check
	p.Check = func(s *Subject, r *Runner, program prog.Program) (*Refutation, error) {
		q, from := prog.Program{World: program.World}, []int(nil)
		for i, op := range program.Ops {
			if !some(op) {
				q.Ops, from = append(q.Ops, op), append(from, i)
			}
		}
		refuted, err := check(s, r, q)
		if refuted == nil || len(q.Ops) == len(program.Ops) {
			return refuted, err
		}
		if refuted.From == nil {
			for i := range q.Ops {
				refuted.From = append(refuted.From, i)
			}
		}
		for j, i := range refuted.From {
			if i >= 0 {
				refuted.From[j] = from[i]
			}
		}
		return refuted, err
	}
	return p
}

var exactly = &model.Invariant{
	Name: "meta/exact",
	Doc:  "twins answer the same program alike in everything, but for the names of what they make",
}

// Exact is the property of that name that two subjects answer a program alike in everything that they say, the hidden
// parts of answers and the events behind them too. Reduce leaves out of a program what they need not agree on. Renamed
// is called for each run of each, and rewrites its answers one after the other, such as what is an address there; it
// returns what is compared. A program in which the model finds a violation on one of them is compared up to there.
func Exact(name string, a, b *Subject, reduce func(prog.Program) prog.Program,
	renamed func() func(prog.Op, prog.Outcome) prog.Outcome) Property {
	answers := func(s *Subject, r *Runner, p prog.Program) (prog.Trace, Result, error) {
		res, err := r.Run(s, p)
		trace, rename := slices.Clone(res.Trace), renamed()
		for i := range trace {
			trace[i] = rename(res.Ops[i], trace[i])
		}
		return trace, res, err
	}
	return Property{Name: name, Doc: exactly.Doc,
		Check: func(_ *Subject, r *Runner, p prog.Program) (*Refutation, error) {
			p = reduce(p)
			first, _, err := answers(a, r, p)
			if err != nil {
				return nil, err
			}
			second, res, err := answers(b, r, p)
			if err != nil {
				return nil, err
			}
			for i := range min(len(first), len(second)) {
				if first[i] == second[i] {
					continue
				}
				res.At, res.Violation = i, exactly.Breach("%s: %s answers %s, %s answers %s",
					a.Spec.FormatOp(res.Ops[i]), a.Target, whole(first[i]), b.Target, whole(second[i]))
				res.Violation.Cause = b.Target + " " + a.Spec.Rows[res.Ops[i].Kind].Name
				return res.refutation(), nil
			}
			return nil, nil
		}}
}

// whole prints all of an answer.
func whole(o prog.Outcome) string {
	return fmt.Sprintf("%v value=%d hidden=%d,%d state=%d events=%q", o.Status, o.Value, o.Addr, o.Size, o.State, o.Msg)
}
