package dicttest

import (
	"slices"

	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// properties returns every property of dicts with a contract. A question may be what an armed act waits for, so that
// Asked leaves those out. The engine's relations all hold, but where requests may
// be refused at any time; two more are about keys and about questions. Like the engine's, they look at the program in
// the ordinary world, and without its operations of role Set.
func properties(c *dict.Contract) []props.Property {
	ps := []props.Property{props.Conforms}
	if c.Unsteady {
		return ps
	}
	loose := func(op prog.Op) bool { return c.Order == dict.Any && orderly(op) }
	ps = append(ps, props.Leaving(loose, props.Deterministic))
	if c.MayRefuse {
		return ps
	}
	for _, p := range []props.Property{props.Renamed, props.Inserted, props.Commuted, props.Drained} {
		ps = append(ps, props.Leaving(loose, p))
	}
	return append(ps,
		props.Leaving(func(op prog.Op) bool { return loose(op) || op.Kind == kindArm }, Asked),
		props.Leaving(func(op prog.Op) bool { return loose(op) || neighbourly(op) }, Rekeyed))
}

var (
	kindPopItem  = Lang.Kind("popitem")
	kindPopFirst = Lang.Kind("popfirst")
	kindWalk     = Lang.Kind("walk")
	kindArm      = Lang.Kind("arm")
)

// orderly tells whether what an operation does depends on the order of entries, or on which keys are compared.
func orderly(op prog.Op) bool {
	act := dict.Act(op.Args[1])
	return op.Kind == kindPopItem || op.Kind == kindPopFirst || op.Kind == kindArm ||
		op.Kind == kindWalk && act.Changes() && act != dict.Overwrite && act != dict.DeleteSeen
}

// neighbourly tells whether an operation works on keys behind its key, or takes the key for a value, or may depend on
// which keys are compared.
func neighbourly(op prog.Op) bool {
	return op.Kind == kindArm || op.Kind == kindWalk && dict.Act(op.Args[1]).Changes()
}

// Rekeyed is the property that keys are names: with small keys turned around, the greatest becoming the least, all
// visible answers are the same.
var Rekeyed = compare("rekeyed", "a program whose keys are renamed gets the same visible answers",
	func(ops []prog.Op) (changed []prog.Op, from []int) {
		changed = slices.Clone(ops)
		for i, op := range ops {
			from = append(from, i)
			for j, a := range Lang.Rows[op.Kind].Args {
				if a.Domain == keys && op.Args[j] <= keys.Max {
					changed[i].Args[j] = keys.Max - op.Args[j]
				}
			}
		}
		return changed, from
	})

// Asked is the property that asking changes nothing: a lookup, a length, a size and a comparison put in behind each
// third operation change no other visible answer.
var Asked = compare("asked", "questions put in anywhere change no visible answer",
	func(ops []prog.Op) (changed []prog.Op, from []int) {
		questions := []prog.Kind{Lang.Kind("get"), Lang.Kind("len"), Lang.Kind("size"), Lang.Kind("equal")}
		for i, op := range ops {
			changed, from = append(changed, op), append(from, i)
			if i%3 == 0 {
				q := prog.Op{Kind: questions[i/3%len(questions)]}
				q.Args[0] = op.Args[0] % (slots.Max + 1)
				if q.Kind == questions[0] {
					q.Args[1] = uint64(i) % 16
				} else if q.Kind == questions[3] {
					q.Args[1] = q.Args[0]
				}
				changed, from = append(changed, q), append(from, -1)
			}
		}
		return changed, from
	})

// compare is the property that a variant of a program gets the visible answers of the program. From tells of each
// operation of the variant which of the program it is, -1 if it was put in.
func compare(name, doc string, vary func([]prog.Op) (changed []prog.Op, from []int)) props.Property {
	rule := &model.Invariant{Name: "meta/" + name, Doc: doc}
	check := func(s *props.Subject, r *props.Runner, p prog.Program) (*props.Refutation, error) {
		var ops []prog.Op
		var kept []int
		for i, op := range p.Ops {
			if Lang.Rows[op.Kind].Role != prog.Set {
				ops, kept = append(ops, op), append(kept, i)
			}
		}
		base, err := r.Run(s, prog.Program{Ops: ops})
		if err != nil || base.Violation != nil {
			return nil, err
		}
		want := slices.Clone(base.Trace)
		changed, from := vary(ops)
		res, err := r.Run(s, prog.Program{Ops: changed})
		if err != nil {
			return nil, err
		}
		v, at := res.Violation, res.At
		for j := 0; j < len(from) && v == nil; j++ {
			if from[j] < 0 {
				continue
			}
			if a, b := want[from[j]], res.Trace[j]; a.Visible() != b.Visible() {
				v = rule.Breach("%s is answered %v %d here, and %v %d in the program", s.Spec.FormatOp(changed[j]),
					b.Status, b.Value, a.Status, a.Value)
				v.Cause, at = s.Spec.Rows[changed[j].Kind].Name, j
			}
		}
		if v == nil {
			return nil, nil
		}
		for j, i := range from {
			if i >= 0 {
				from[j] = kept[i]
			}
		}
		return &props.Refutation{Violation: v, At: at, Ops: slices.Clone(res.Ops), Trace: slices.Clone(res.Trace),
			Picture: res.Picture, From: from}, nil
	}
	return props.Property{Name: name, Doc: doc, Check: check}
}
