package props

import (
	"encoding/binary"
	"slices"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// A metamorphic property needs no model: it runs two variants of a program and says which of their visible answers must agree. It
// holds for any target, a closed one among them. What a target answers while memory is scarce depends on everything that was done
// before; so the relations other than Deterministic look at the program without its injected failures and in the ordinary world. A
// run in which the model finds a violation is the business of Conforms and is not compared.

// variants is what a relation makes of a program: two programs, and which operation of the first answers like which of the second.
// Without pairs the relation says nothing of the program.
type variants struct {
	first, second prog.Program
	pairs         []pair
}

type pair struct{ first, second int }

// relation is a rule of that kind, and the property of the same name.
func relation(name, doc string, vary func(s *Subject, p prog.Program) variants) Property {
	rule := &model.Invariant{Name: "meta/" + name, Doc: doc}
	return Property{Name: name, Doc: doc, Check: func(s *Subject, r *Runner, p prog.Program) (*Refutation, error) {
		v := vary(s, p)
		if v.pairs == nil {
			return nil, nil
		}
		res, err := r.Run(s, v.first)
		if err != nil || res.Violation != nil {
			return nil, err
		}
		trace := slices.Clone(res.Trace)
		res, err = r.Run(s, v.second)
		if err != nil || res.Violation != nil {
			return nil, err
		}
		for _, at := range v.pairs {
			a, b := trace[at.first], res.Trace[at.second]
			if a.Visible() == b.Visible() {
				continue
			}
			op := v.first.Ops[at.first]
			res.Violation, res.At = rule.Breach("%s was answered %s; in the variant below it was answered %s",
				s.Spec.FormatOp(op), answer(a), answer(b)), at.second
			res.Violation.Cause = s.Spec.Rows[op.Kind].Name
			return res.refutation(), nil
		}
		return nil, nil
	}}
}

// each pairs every operation of a program of n with the one that to gives.
func each(n int, to func(int) int) []pair {
	pairs := make([]pair, n)
	for i := range pairs {
		pairs[i] = pair{i, to(i)}
	}
	return pairs
}

func same(i int) int { return i }

// plenty is the program in a world where memory does not run out.
func plenty(s *Subject, p prog.Program) prog.Program {
	q := prog.Program{Ops: make([]prog.Op, 0, len(p.Ops)+2)}
	for _, op := range p.Ops {
		if s.Spec.Rows[op.Kind].Role != prog.Set {
			q.Ops = append(q.Ops, op)
		}
	}
	return q
}

// somewhere is a place in [0, n) that depends on the program alone.
func somewhere(p prog.Program, n int) int {
	k := key(p)
	return int(binary.LittleEndian.Uint32(k[:4]) % uint32(n))
}

// Deterministic is the property on which replaying and shrinking rest.
var Deterministic = relation("deterministic", "the same program gets the same visible answers each time",
	func(_ *Subject, p prog.Program) variants { return variants{p, p, each(len(p.Ops), same)} })

// Renamed turns the order of the slots around: the greatest that the program uses becomes the least.
var Renamed = relation("renamed", "a program whose slots are renamed gets the same visible answers",
	func(s *Subject, p prog.Program) variants {
		p = plenty(s, p)
		top := prog.Slot(0)
		for _, op := range p.Ops {
			if slot, ok := s.slotOf(op); ok {
				top = max(top, slot)
			}
		}
		q := p.Clone()
		for i := range q.Ops {
			op := &q.Ops[i]
			switch s.Spec.Rows[op.Kind].Role {
			case prog.Make:
				op.Def = top - op.Def
			case prog.Kill, prog.Use:
				op.Args[0] = uint64(top) - op.Args[0]
			}
		}
		return variants{p, q, each(len(p.Ops), same)}
	})

// Inserted puts an allocation that is freed at once somewhere, in a slot that the program does not use.
var Inserted = relation("inserted", "an allocation that is freed at once changes nothing that can be seen elsewhere",
	func(s *Subject, p prog.Program) variants {
		p = plenty(s, p)
		slot, ok := s.unused(p)
		if !ok {
			return variants{}
		}
		at, size := somewhere(p, len(p.Ops)+1), uint64(1+somewhere(p, 1021))
		q := p.Clone()
		q.Ops = slices.Insert(q.Ops, at,
			prog.Op{Kind: s.first(prog.Make), Def: slot, Args: [prog.ArgsMax]uint64{size}},
			prog.Op{Kind: s.first(prog.Kill), Args: [prog.ArgsMax]uint64{uint64(slot)}})
		return variants{p, q, each(len(p.Ops), func(i int) int {
			if i < at {
				return i
			}
			return i + 2
		})}
	})

// Commuted swaps neighbours that work on different slots, from front to back, each at most once.
var Commuted = relation("commuted", "two operations on different slots get the same visible answers in either order",
	func(s *Subject, p prog.Program) variants {
		p = plenty(s, p)
		q, place := p.Clone(), make([]int, len(p.Ops))
		for i := range place {
			place[i] = i
		}
		for i := 0; i+1 < len(place); i++ {
			a, onA := s.slotOf(p.Ops[i])
			b, onB := s.slotOf(p.Ops[i+1])
			if onA && onB && a != b {
				q.Ops[i], q.Ops[i+1] = p.Ops[i+1], p.Ops[i]
				place[i], place[i+1] = i+1, i
				i++
			}
		}
		return variants{p, q, each(len(p.Ops), func(i int) int { return place[i] })}
	})

// Drained compares the rest of a program on a fresh heap with the same behind everything that comes before, and a drain.
var Drained = relation("drained", "after everything is freed a heap behaves like a fresh one",
	func(s *Subject, p prog.Program) variants {
		p = plenty(s, p)
		at := somewhere(p, len(p.Ops)+1)
		q := p.Clone()
		q.Ops = slices.Insert(q.Ops, at, prog.Op{Kind: s.first(prog.KillAll)})
		rest := prog.Program{Ops: p.Ops[at:]}
		return variants{rest, q, each(len(rest.Ops), func(i int) int { return at + 1 + i })}
	})

// unused returns a slot that the program does not speak of.
func (s *Subject) unused(p prog.Program) (prog.Slot, bool) {
	used := map[prog.Slot]bool{}
	for _, op := range p.Ops {
		if slot, ok := s.slotOf(op); ok {
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

// first returns the first kind of that role that every target has; each table has one of Make, Kill and KillAll.
func (s *Subject) first(role prog.Role) prog.Kind {
	for k, row := range s.Spec.Rows {
		if row.Role == role && row.Needs == 0 {
			return prog.Kind(k)
		}
	}
	panic("props: " + s.Spec.Name + " has no operation of that role")
}

// All returns every property of one target.
func All() []Property {
	return []Property{Conforms, Deterministic, Renamed, Inserted, Commuted, Drained}
}
