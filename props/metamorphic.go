package props

import (
	"cmp"
	"iter"
	"slices"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// A metamorphic property needs no model: it runs a program and variants of it, and says which of their visible answers
// agree. It holds for any target, a closed one among them.
//
// What a target does when memory runs out depends on everything that was done before. So all relations but
// Deterministic look at the program in the ordinary world and without its operations of role Set, injected failures
// among them.
//
// Not every relation holds of every subject: Subject.Properties says which do.
//
// A violation that the model finds in the program itself is the business of Conforms, and nothing is compared then. One
// that it finds only in a variant was missed by Conforms, and refutes the property.

// All returns every property that is defined here, for any language.
func All() []Property {
	return []Property{Conforms, Deterministic, Renamed, Inserted, Commuted, Drained}
}

// variant is what a relation makes of a program.
type variant struct {
	ops  []prog.Op
	from []int // of each of ops: the operation of the program that it is; -1: it was put in
	cut  int   // the variant is compared with the program from this operation on, which is run without those before
}

func unchanged(p prog.Program) variant {
	v := variant{ops: slices.Clone(p.Ops), from: make([]int, len(p.Ops))}
	for i := range v.from {
		v.from[i] = i
	}
	return v
}

func (v *variant) insert(at int, ops ...prog.Op) {
	v.ops = slices.Insert(v.ops, at, ops...)
	for range ops {
		v.from = slices.Insert(v.from, at, -1)
	}
}

// Deterministic is the property on which replaying and shrinking rest.
var Deterministic = relation("deterministic", "the same program gets the same visible answers each time",
	func(_ *Subject, p prog.Program) iter.Seq[variant] {
		return func(yield func(variant) bool) { yield(unchanged(p)) }
	})

// Renamed turns the order of the slots around: the greatest that the program uses becomes the least.
var Renamed = relation("renamed", "a program whose slots are renamed gets the same visible answers",
	func(s *Subject, p prog.Program) iter.Seq[variant] {
		return func(yield func(variant) bool) {
			top := prog.Slot(0)
			for _, op := range p.Ops {
				for _, slot := range s.slotsOf(op) {
					top = max(top, slot)
				}
			}
			v := unchanged(p)
			for i := range v.ops {
				s.rename(&v.ops[i], func(slot prog.Slot) prog.Slot { return top - slot })
			}
			yield(v)
		}
	})

// Inserted puts a block that is made and freed at once into a slot that the program does not use: once like a block
// that the program makes near there, and once of another size.
var Inserted = relation("inserted", "an allocation that is freed at once changes nothing that can be seen elsewhere",
	func(s *Subject, p prog.Program) iter.Seq[variant] {
		slot, free := s.unused(p)
		maker, makes := s.first(prog.Make)
		killer, kills := s.first(prog.Kill)
		return func(yield func(variant) bool) {
			if !free || !makes || !kills {
				return
			}
			kill := prog.Op{Kind: killer}
			kill.Args[0] = uint64(slot)
			for _, at := range places(p) {
				for _, like := range []prog.Op{nearest(p, at, maker), s.other(maker, gap(p, at))} {
					like.Def = slot
					v := unchanged(p)
					v.insert(at, like, kill)
					if !yield(v) {
						return
					}
				}
			}
		}
	})

// Commuted swaps neighbours that work on different slots: from front to back each at most once, beginning with the
// first, and then with the second.
var Commuted = relation("commuted", "two operations on different slots get the same visible answers in either order",
	func(s *Subject, p prog.Program) iter.Seq[variant] {
		return func(yield func(variant) bool) {
			for begin := range 2 {
				v, swapped := unchanged(p), false
				for i := begin; i+1 < len(v.ops); i++ {
					if s.commute(v.ops[i], v.ops[i+1]) {
						v.ops[i], v.ops[i+1] = v.ops[i+1], v.ops[i]
						v.from[i], v.from[i+1] = i+1, i
						i, swapped = i+1, true
					}
				}
				if swapped && !yield(v) {
					return
				}
			}
		}
	})

// Drained compares the rest of a program on a fresh target with the same behind everything that comes before, and a
// drain. An operation of the rest on a slot that was made before acts on a dead slot in both.
var Drained = relation("drained", "after everything is freed a target behaves like a fresh one",
	func(s *Subject, p prog.Program) iter.Seq[variant] {
		all, ok := s.first(prog.KillAll)
		return func(yield func(variant) bool) {
			if !ok {
				return
			}
			for _, at := range places(p) {
				v := unchanged(p)
				v.cut = at
				v.insert(at, prog.Op{Kind: all})
				if at < len(p.Ops) && !yield(v) {
					return
				}
			}
		}
	})

// relation is the property that a program and each variant that vary makes of it agree.
func relation(name, doc string, vary func(*Subject, prog.Program) iter.Seq[variant]) Property {
	c := comparison{rule: &model.Invariant{Name: "meta/" + name, Doc: doc}, scarce: name == "deterministic"}
	return Property{Name: name, Doc: doc, Check: func(s *Subject, r *Runner, p prog.Program) (*Refutation, error) {
		kept := make([]int, 0, len(p.Ops)) // of the operations of p
		q := prog.Program{Ops: make([]prog.Op, 0, len(p.Ops))}
		if c.scarce {
			q.World = p.World
		}
		for i, op := range p.Ops {
			if c.scarce || s.Spec.Rows[op.Kind].Role != prog.Set {
				kept, q.Ops = append(kept, i), append(q.Ops, op)
			}
		}
		var base prog.Trace
		cut := -1
		for v := range vary(s, q) {
			if v.cut != cut {
				res, err := r.Run(s, prog.Program{World: q.World, Ops: q.Ops[v.cut:]})
				if err != nil || res.Violation != nil {
					return nil, err
				}
				base, cut = append(base[:0], res.Trace...), v.cut
			}
			res, err := r.Run(s, prog.Program{World: q.World, Ops: v.ops})
			if err != nil {
				return nil, err
			}
			if c.differ(s, base, &res, v) {
				refuted := res.refutation()
				for _, i := range v.from {
					if c.scarce {
						break // the variant is the program
					}
					if i >= 0 {
						i = kept[i]
					}
					refuted.From = append(refuted.From, i)
				}
				return refuted, nil
			}
		}
		return nil, nil
	}}
}

// comparison is what a relation compares.
type comparison struct {
	rule   *model.Invariant
	scarce bool // also where memory may run out
}

// differ tells whether the run of a variant refutes the relation, and makes its violation then.
func (c *comparison) differ(s *Subject, base prog.Trace, res *Result, v variant) bool {
	if res.Violation != nil {
		return true
	}
	for j, i := range v.from {
		if i < v.cut {
			continue
		}
		a, b := base[i-v.cut], res.Trace[j]
		if a.Visible() == b.Visible() {
			continue
		}
		text := s.Spec.FormatOp(v.ops[j])
		res.At, res.Violation = j, c.rule.Breach("%s is answered %s here, and %s in the program", text,
			answer(b), answer(a))
		res.Violation.Cause = s.Spec.Rows[v.ops[j].Kind].Name
		return true
	}
	return false
}

// placesAll is the length up to which a relation tries each place of a program, and placesMax the number of places that
// it tries in a longer one.
const placesAll, placesMax = 8, 2

// places returns indices in [0, len(p.Ops)] at which a relation changes the program. Which ones follows from the
// operations just before them: when others are taken out, as Minimize does, they stay.
func places(p prog.Program) []int {
	all := make([]int, len(p.Ops)+1)
	for i := range all {
		all[i] = i
	}
	if len(p.Ops) <= placesAll {
		return all
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(gap(p, a), gap(p, b)) })
	return all[:placesMax]
}

// gap is a number that depends on the operation before a place.
func gap(p prog.Program, at int) uint64 {
	if at == 0 {
		return 1 << 63
	}
	op := p.Ops[at-1]
	h := uint64(op.Kind)<<32 | uint64(op.Def)
	for _, n := range append(op.Args[:], 0) {
		h = (h ^ n) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	return h
}

// nearest returns the operation of that kind that stands last before the place, or first behind it; all numbers are 1
// when there is none.
func nearest(p prog.Program, at int, kind prog.Kind) prog.Op {
	for i := at - 1; i >= 0; i-- {
		if p.Ops[i].Kind == kind {
			return p.Ops[i]
		}
	}
	for _, op := range p.Ops[at:] {
		if op.Kind == kind {
			return op
		}
	}
	return prog.Op{Kind: kind, Args: [prog.ArgsMax]uint64{1, 1, 1}}
}

// other returns an operation of that kind with small numbers or edges, by the bits of h.
func (s *Subject) other(kind prog.Kind, h uint64) prog.Op {
	op := prog.Op{Kind: kind}
	for i, a := range s.Spec.Rows[kind].Args {
		if d := a.Domain; len(d.Edges) > 0 && h&1 == 0 {
			op.Args[i] = d.Edges[h>>8%uint64(len(d.Edges))]
		} else {
			op.Args[i] = h >> 8 % (d.Near + 1)
		}
		h = h>>1 | h<<63
	}
	return op
}

// slotsOf returns the slots that an operation defines and reads.
func (s *Subject) slotsOf(op prog.Op) []prog.Slot {
	var buf [prog.ArgsMax + 1]prog.Slot
	slots := buf[:0]
	s.rename(&op, func(slot prog.Slot) prog.Slot { slots = append(slots, slot); return slot })
	return slots
}

// rename puts to(slot) for every slot of an operation.
func (s *Subject) rename(op *prog.Op, to func(prog.Slot) prog.Slot) {
	row := &s.Spec.Rows[op.Kind]
	if row.Role == prog.Make {
		op.Def = to(op.Def)
	}
	for i, a := range row.Args {
		if a.Domain.IsSlot {
			op.Args[i] = uint64(to(prog.Slot(op.Args[i])))
		}
	}
}

// commute tells whether two operations may change places: each works on slots, and on none of the other's.
func (s *Subject) commute(a, b prog.Op) bool {
	_, onA := s.slotOf(a)
	_, onB := s.slotOf(b)
	if !onA || !onB {
		return false
	}
	others := s.slotsOf(b)
	return !slices.ContainsFunc(s.slotsOf(a), func(slot prog.Slot) bool { return slices.Contains(others, slot) })
}

// unused returns a slot that the program does not speak of.
func (s *Subject) unused(p prog.Program) (prog.Slot, bool) {
	if s.Spec.Slots == nil {
		return 0, false
	}
	used := map[prog.Slot]bool{}
	for _, op := range p.Ops {
		for _, slot := range s.slotsOf(op) {
			used[slot] = true
		}
	}
	for slot := prog.Slot(0); uint64(slot) <= s.Spec.Slots.Max; slot++ {
		if !used[slot] {
			return slot, true
		}
	}
	return 0, false
}

// first returns the first kind of that role that every target has.
func (s *Subject) first(role prog.Role) (prog.Kind, bool) {
	for k, row := range s.Spec.Rows {
		if row.Role == role && row.Needs == 0 && !row.Lacks {
			return prog.Kind(k), true
		}
	}
	return 0, false
}
