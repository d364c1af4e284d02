package dicttest

import (
	"slices"

	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Differential is the property that a subject and the others answer a program alike, as props.Differential is. What
// happens during comparisons is left out, as how many there are is nobody's promise. Those that are each other's twins
// (see dict.Contract) must have the same sizes after every operation, and tell entries in the same order.
func Differential(others ...*props.Subject) props.Property {
	visible := props.Differential(others...)
	check := visible.Check
	visible.Check = func(s *props.Subject, r *props.Runner, p prog.Program) (*props.Refutation, error) {
		refuted, err := check(s, r, p)
		if refuted != nil || err != nil {
			return refuted, err
		}
		return twins(s, others, r, p)
	}
	return props.Leaving(func(op prog.Op) bool { return op.Kind == kindArm }, visible)
}

// CacheDifferential is the property that caches answer a program alike. Calls in which something happens are left out:
// how many requests for memory, hashes and comparisons there are is nobody's promise.
func CacheDifferential(others ...*props.Subject) props.Property {
	return props.Leaving(func(op prog.Op) bool {
		return op.Kind == kindCall && callAct(op.Args[2]) >= refuseMemory
	}, props.Differential(others...))
}

var exact = &model.Invariant{
	Name: "meta/twins", Doc: "dicts that promise the same sizes and the same order have them after every operation",
}

// twins runs a program with a question for the size behind each operation on a dict, in which all dicts are made
// without capacity: interpreters in other processes do not make others.
func twins(s *props.Subject, others []*props.Subject, r *props.Runner, p prog.Program) (*props.Refutation, error) {
	word := twinOf(s)
	if word == "" {
		return nil, nil
	}
	sized, from := withSizes(p)
	var first prog.Trace
	for _, o := range others {
		if twinOf(o) != word {
			continue
		}
		if first == nil {
			res, err := r.Run(s, sized)
			if err != nil || res.Violation != nil {
				return nil, err
			}
			first = slices.Clone(res.Trace)
		}
		res, err := r.Run(o, sized)
		if err != nil || res.Violation != nil {
			return nil, err
		}
		for i, op := range sized.Ops {
			a, b := first[i], res.Trace[i]
			if !hides(op) || a.Status != prog.OK || b.Status != prog.OK || a == b {
				continue
			}
			res.At, res.Violation = i, exact.Breach("%s: %s answers %d %d %q, %s answers %d %d %q",
				s.Spec.FormatOp(op), s.Target, a.Addr, a.Size, a.Msg, o.Target, b.Addr, b.Size, b.Msg)
			res.Violation.Cause = o.Target + " " + s.Spec.Rows[op.Kind].Name
			return &props.Refutation{Violation: res.Violation, At: i, Ops: slices.Clone(res.Ops),
				Trace: slices.Clone(res.Trace), Picture: res.Picture, From: from}, nil
		}
	}
	return nil, nil
}

// twinOf is what the subject's contract says of twins.
func twinOf(s *props.Subject) string {
	t, _, err := s.Open([prog.ArgsMax]uint64{})
	if err != nil {
		return ""
	}
	defer t.Close()
	if d, ok := t.(*driver); ok {
		return d.contract.Twin
	}
	return ""
}

// hides tells whether what an operation answers is a size or an order.
func hides(op prog.Op) bool {
	switch name := Lang.Rows[op.Kind].Name; name {
	case "size", "next", "popitem":
		return true
	case "walk":
		return !dict.Act(op.Args[1]).Changes()
	}
	return false
}

// withSizes puts questions into a program and says of each operation which one of the program it is, -1 if none.
func withSizes(p prog.Program) (sized prog.Program, from []int) {
	make, size, reserve := Lang.Kind("new"), Lang.Kind("size"), Lang.Kind("reserve")
	for i, op := range p.Ops {
		row := &Lang.Rows[op.Kind]
		if row.Role == prog.Set || op.Kind == reserve {
			continue
		}
		slot := op.Args[0]
		switch {
		case op.Kind == make:
			op.Args[0] = 0
			fallthrough
		case row.Role == prog.Make:
			slot = uint64(op.Def)
		}
		sized.Ops, from = append(sized.Ops, op), append(from, i)
		if row.Role == prog.Make || len(row.Args) > 0 && row.Args[0].Domain.IsSlot {
			sized.Ops = append(sized.Ops, prog.Op{Kind: size, Args: [3]uint64{slot}})
			from = append(from, -1)
		}
	}
	return sized, from
}
