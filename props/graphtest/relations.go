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
		Collected, Frozen, Copied,
	}
}

// ofMutator is a relation of the program without what depends on when objects die, which no contract says: of that
// alone the relation holds.
func ofMutator(p props.Property) props.Property {
	return props.Leaving(func(op prog.Op) bool { return mortal(op.Kind) }, p)
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
	return props.Property{Name: name, Doc: doc, Check: func(s *props.Subject, r *props.Runner, p prog.Program) (
		*props.Refutation, error) {
		if n != none && !s.Allows(more(0)[0].Kind) {
			return nil, nil
		}
		c := changed{rule: rule, s: s, r: r, p: p}
		return c.try(func(at, i int) (*props.Refutation, error) { return c.with(at, more(i)) })
	}}
}

// Copied is the property that a deep copy has the shape of its original, and that what is done to it is seen nowhere
// else. What is its own copy is left alone.
var Copied = props.Property{Name: copiedRule.Name[len("meta/"):], Doc: copiedRule.Doc, Check: checkCopied}

var (
	copiedRule = &model.Invariant{Name: "meta/copied",
		Doc: "a deep copy has the shape of its original, and what is done to it changes no visible answer"}
	kindDeepCopy = Lang.Kind("deepcopy")
)

func checkCopied(s *props.Subject, r *props.Runner, p prog.Program) (*props.Refutation, error) {
	if !s.Allows(kindDeepCopy) {
		return nil, nil
	}
	c := changed{rule: copiedRule, s: s, r: r, p: p}
	return c.try(func(at, _ int) (*props.Refutation, error) {
		last := -1 // the operation before that place that made something
		free := prog.Slot(0)
		for i, op := range c.ops {
			if Lang.Rows[op.Kind].Role == prog.Make {
				free = max(free, op.Def+1)
				if i < at {
					last = i
				}
			}
		}
		if last < 0 || uint64(free)+1 > slots.Max {
			return nil, nil
		}
		of, it, is := uint64(c.ops[last].Def), uint64(free), uint64(free)+1
		verify := Lang.Kind("verify")
		look := []prog.Op{
			{Kind: Lang.Kind("root"), Def: prog.Slot(it), Args: [3]uint64{of}},
			{Kind: kindDeepCopy, Def: prog.Slot(is), Args: [3]uint64{of}},
			{Kind: verify, Args: [3]uint64{it}}, {Kind: verify, Args: [3]uint64{is}},
			{Kind: Lang.Kind("unroot"), Args: [3]uint64{is}}, {Kind: Lang.Kind("unroot"), Args: [3]uint64{it}},
		}
		refuted, err := c.with(at, look)
		if refuted != nil || err != nil {
			return refuted, err
		}
		if a, b := c.put[2], c.put[3]; a.Visible() != b.Visible() {
			v := copiedRule.Breach("an object and its deep copy differ in shape")
			return c.refute(v, at+3, at, len(look)), nil
		}
		if c.put[0].Addr == c.put[1].Addr {
			return nil, nil
		}
		return c.with(at, slices.Insert(look, 4,
			prog.Op{Kind: Lang.Kind("set"), Args: [3]uint64{is, is, 0}}, prog.Op{Kind: Lang.Kind("clear"),
				Args: [3]uint64{is, 1}}, prog.Op{Kind: Lang.Kind("append"), Args: [3]uint64{is, is}}))
	})
}

// changed is a program into which operations are put.
type changed struct {
	rule *model.Invariant
	s    *props.Subject
	r    *props.Runner
	p    prog.Program

	ops  []prog.Op // of p without what depends on deaths, and without those of role Set
	from []int     // their places in p
	want prog.Trace
	res  props.Result
	put  prog.Trace // the answers to what was put in last
}

// try runs the program and calls vary for some places in it, until that refutes the property.
func (c *changed) try(vary func(at, i int) (*props.Refutation, error)) (*props.Refutation, error) {
	q, from := without(c.p, func(k prog.Kind) bool { return mortal(k) || Lang.Rows[k].Role == prog.Set })
	c.ops, c.from = q.Ops, from
	base, err := c.r.Run(c.s, prog.Program{Ops: c.ops})
	if err != nil || base.Violation != nil {
		return nil, err
	}
	c.want = slices.Clone(base.Trace)
	places := min(putInMax, len(c.ops))
	for i := range places {
		if refuted, err := vary((2*i+1)*len(c.ops)/(2*places), i); refuted != nil || err != nil {
			return refuted, err
		}
	}
	return nil, nil
}

// with runs the program with operations put in at a place.
func (c *changed) with(at int, put []prog.Op) (refuted *props.Refutation, err error) {
	c.res, err = c.r.Run(c.s, prog.Program{Ops: slices.Insert(slices.Clone(c.ops), at, put...)})
	if err != nil {
		return nil, err
	}
	if v, place := differs(c.rule, c.s, c.ops, c.want, &c.res, at, len(put)); v != nil {
		return c.refute(v, place, at, len(put)), nil
	}
	c.put = slices.Clone(c.res.Trace[at : at+len(put)])
	return nil, nil
}

// refute is how the last run, into which so many operations were put at a place, refutes the property.
func (c *changed) refute(v *model.Violation, place, at, n int) *props.Refutation {
	places := origins(len(c.ops), at, n)
	translate(places, c.from)
	return &props.Refutation{Violation: v, At: place, Ops: slices.Clone(c.res.Ops), Trace: slices.Clone(c.res.Trace),
		Picture: c.res.Picture, From: places}
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
