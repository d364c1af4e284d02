// Package graphcanary holds garbage collectors that are wrong on purpose, as package canary holds allocators: each has
// one defect and names the rule that must catch it, how many random programs that may take, and how short the
// reproducer must become. When a rule, the generator or the minimizer gets weaker, a canary survives, and the tests of
// this package say which.
//
//	c, ok := graphcanary.Lookup("saves-all")
//	subject := c.Subject() // for the engine of package props
//
// All are one heap, toy, with a line changed (see Bug). It counts references, collects cycles in three generations, has
// weak references with callbacks and finalizers, and is right without a defect, which the tests check with the same
// programs. Several defects are CPython's own of former times; their issues are named in the table. Where the rule that
// is to be tried is about the harm that a defect does, a canary hides the parts of the heap that would tell earlier.
package graphcanary

import (
	"slices"

	"heapfuzz/model"
	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// Canary is a heap with one defect, and what is expected of those who look for it.
type Canary struct {
	Name string // never changes; as a target it is "graphcanary/" and this
	Doc  string // what it does wrong
	Bug  Bug

	Rule  *model.Invariant   // that must catch it
	Or    []*model.Invariant // other rules that may see it first, as one harm shows in several ways; Reason says why
	Cause string             // of the violation, where Rule has causes

	Programs   int    // the random programs that may be needed; defaultPrograms when 0
	Reproducer int    // the operations that may be left of one when minimized; defaultReproducer when 0
	Reason     string // why Or, or a Reproducer above the default

	hide  func(*toy) graphtest.Heap // what is hidden of the heap; nil: nothing
	spoil func(*props.Subject)      // the defect of a canary whose heap is right and whose driver is not
}

const (
	defaultPrograms   = 200
	defaultReproducer = 8
)

// Subject returns what the engine needs to know to try the canary.
func (c Canary) Subject() *props.Subject {
	s := graphtest.Subject("graphcanary/"+c.Name, promises, func(graphtest.World) (graphtest.Heap, error) {
		h := newToy(c.Bug)
		if c.hide != nil {
			return c.hide(h), nil
		}
		return h, nil
	})
	if c.spoil != nil {
		c.spoil(s)
	}
	return s
}

// All returns every canary, in the order of the table.
func All() []Canary {
	all := slices.Clone(table)
	for i := range all {
		c := &all[i]
		if c.Programs == 0 {
			c.Programs = defaultPrograms
		}
		if c.Reproducer == 0 {
			c.Reproducer = defaultReproducer
		}
	}
	return all
}

// Lookup returns the canary of that name, which may begin with "graphcanary/".
func Lookup(name string) (Canary, bool) {
	for _, c := range All() {
		if name == c.Name || name == "graphcanary/"+c.Name {
			return c, true
		}
	}
	return Canary{}, false
}

// Hits tells whether a violation is the one that the canary is for, and Expects whether it is that or one in Or.
func (c Canary) Hits(v *model.Violation) bool {
	return v.Rule == c.Rule && (c.Cause == "" || v.Cause == c.Cause)
}

// Expects tells whether a violation is one that the canary may show.
func (c Canary) Expects(v *model.Violation) bool { return c.Hits(v) || slices.Contains(c.Or, v.Rule) }

// uncounted hides Count and the recount.
func uncounted(h *toy) graphtest.Heap {
	return struct {
		graph.Heap
		graph.Mourner
		graph.Finalizer
		graph.User
	}{h, h, h, h}
}

// blind hides Count, and leaves the recount.
func blind(h *toy) graphtest.Heap {
	return struct {
		graph.Heap
		graph.Mourner
		graph.Checker
	}{h, h, h}
}

// silent tells no deaths.
func silent(h *toy) graphtest.Heap { return struct{ graph.Heap }{h} }

// spoilUnroot wraps the driver: it answers that it skipped to an unroot of an odd slot.
func spoilUnroot(s *props.Subject) {
	open, kind := s.Open, s.Spec.Kind("unroot")
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		t, j, err := open(w)
		return skipsUnroots{t, kind}, j, err
	}
	s.Picture = nil
}

type skipsUnroots struct {
	props.Target
	kind prog.Kind
}

func (t skipsUnroots) Do(op prog.Op) prog.Outcome {
	if op.Kind == t.kind && op.Args[0]%2 == 1 {
		return prog.Outcome{Status: prog.Skip}
	}
	return t.Target.Do(op)
}
