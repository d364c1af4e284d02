package graphtest

import (
	"slices"

	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Properties returns every property of one heap. Of the engine's relations all hold but Commuted: two slots may hold
// one object, so that operations on different slots may be about the same. Two more are about collections. Like the
// engine's, they look at the program in the ordinary world, where no collection starts by itself, and without its
// operations of role Set.
func Properties() []props.Property {
	return []props.Property{
		props.Conforms, props.Deterministic,
		ofMutator(props.Renamed), ofMutator(props.Inserted), ofMutator(props.Drained),
		Collected, Frozen,
	}
}

// ofMutator is a relation of the program without what depends on when objects die, which no contract says: of that
// alone the relation holds.
func ofMutator(p props.Property) props.Property {
	check := p.Check
	p.Check = func(s *props.Subject, r *props.Runner, program prog.Program) (*props.Refutation, error) {
		kept, from := without(program, mortal)
		refuted, err := check(s, r, kept)
		if refuted != nil {
			translate(refuted.From, from)
		}
		return refuted, err
	}
	return p
}

// Differential is the property that a heap and the others answer a program alike, without what depends on when objects
// die.
func Differential(others ...*props.Subject) props.Property {
	return ofMutator(props.Differential(others...))
}

// mortal tells whether an answer, or what later answers are about, depends on which objects are dead: what a finalizer
// saved or emptied, what a weak reference refers to, what is in the garbage.
func mortal(k prog.Kind) bool {
	return k == kindDeref || k == kindTake || k == kindFinalizer || k == kindRecover
}

var (
	kindDeref     = Lang.Kind("deref")
	kindTake      = Lang.Kind("take")
	kindRecover   = Lang.Kind("recover")
	kindFinalizer = Lang.Kind("finalizer")
)

// without returns a program without operations of some kinds, and of each that is left its place in the program.
func without(p prog.Program, some func(prog.Kind) bool) (q prog.Program, from []int) {
	q.World = p.World
	for i, op := range p.Ops {
		if !some(op.Kind) {
			q.Ops, from = append(q.Ops, op), append(from, i)
		}
	}
	return q, from
}

// translate puts from[i] in the place of each i that is not negative.
func translate(places, from []int) {
	for j, i := range places {
		if i >= 0 {
			places[j] = from[i]
		}
	}
}

// Collected is the property that when collections are is nobody's business: a full one, or one of the youngest
// generation, put in anywhere, changes no visible answer.
var Collected = putIn("collected", "a collection put in anywhere changes no visible answer", 0, func(i int) []prog.Op {
	return []prog.Op{{Kind: Lang.Kind("collect"), Args: [3]uint64{uint64(i%2) * 3}}}
})

// Frozen is the property that hiding what there is from the collector and showing it again changes nothing.
var Frozen = putIn("frozen", "freezing and unfreezing changes no visible answer", needFreeze, func(int) []prog.Op {
	return []prog.Op{{Kind: Lang.Kind("freeze")}, {Kind: Lang.Kind("collect"), Args: [3]uint64{3}},
		{Kind: Lang.Kind("unfreeze")}}
})

// putInMax is the number of places of a program at which putIn puts something, each in a run of its own.
const putInMax = 3

// putIn is the property that operations put in at a place of a program change no visible answer. The i-th place is
// asked for the i-th operations.
func putIn(name, doc string, n need, more func(i int) []prog.Op) props.Property {
	rule := &model.Invariant{Name: "meta/" + name, Doc: doc}
	check := func(s *props.Subject, r *props.Runner, p prog.Program) (*props.Refutation, error) {
		if n != none && !s.Allows(more(0)[0].Kind) {
			return nil, nil
		}
		q, from := without(p, func(k prog.Kind) bool { return mortal(k) || Lang.Rows[k].Role == prog.Set })
		q.World = [prog.ArgsMax]uint64{}
		base, err := r.Run(s, q)
		if err != nil || base.Violation != nil {
			return nil, err
		}
		want := slices.Clone(base.Trace)
		for i := range min(putInMax, len(q.Ops)) {
			at := (2*i + 1) * len(q.Ops) / (2 * min(putInMax, len(q.Ops)))
			put := more(i)
			ops := slices.Insert(slices.Clone(q.Ops), at, put...)
			res, err := r.Run(s, prog.Program{Ops: ops})
			if err != nil {
				return nil, err
			}
			if v, place := differs(rule, s, q.Ops, want, &res, at, len(put)); v != nil {
				places := origins(len(q.Ops), at, len(put))
				translate(places, from)
				return &props.Refutation{Violation: v, At: place, Ops: slices.Clone(res.Ops),
					Trace: slices.Clone(res.Trace), Picture: res.Picture, From: places}, nil
			}
		}
		return nil, nil
	}
	return props.Property{Name: name, Doc: doc, Check: check}
}

// differs compares the run of a program into which so many operations were put at a place with the answers to the
// program. A violation that the model finds there, and not in the program, is a difference too.
func differs(rule *model.Invariant, s *props.Subject, ops []prog.Op, want prog.Trace, res *props.Result, at, n int) (
	*model.Violation, int) {
	if res.Violation != nil {
		return res.Violation, res.At
	}
	for i := range ops {
		j := i
		if i >= at {
			j += n
		}
		if a, b := want[i], res.Trace[j]; a.Visible() != b.Visible() {
			v := rule.Breach("%s is answered %v %d here, and %v %d in the program", s.Spec.FormatOp(ops[i]),
				b.Status, b.Value, a.Status, a.Value)
			v.Cause = s.Spec.Rows[ops[i].Kind].Name
			return v, j
		}
	}
	return nil, 0
}

// origins tells of each operation of a program into which n were put its place in the program, -1 of those put in.
func origins(length, at, n int) []int {
	from := make([]int, 0, length+n)
	for i := range length {
		if i == at {
			for range n {
				from = append(from, -1)
			}
		}
		from = append(from, i)
	}
	return from
}
