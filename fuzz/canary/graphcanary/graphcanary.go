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
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model"
	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// Canary is a heap with one defect, and what is expected of those who look for it.
type Canary = canarytest.Canary

// row is a canary as the table has it; see Canary for what the fields mean that it has too.
type row struct {
	Name, Doc            string
	Bug                  Bug
	Rule                 *model.Invariant
	Or                   []*model.Invariant
	Cause                string
	Property             string
	Programs, Reproducer int
	Reason               string
	Restless             bool

	hide  func(*toy) graphtest.Heap // what is hidden of the heap; nil: nothing
	spoil func(*props.Subject)      // the defect of a canary whose heap is right and whose driver is not
}

func (r row) canary() Canary {
	return Canary{
		Name: r.Name, Doc: r.Doc, Rule: r.Rule, Cause: r.Cause, Or: r.Or, Property: r.Property, Programs: r.Programs,
		Reproducer: r.Reproducer, Reason: r.Reason, Restless: r.Restless, Contract: promises, Subject: r.subject,
	}.Filled()
}

func (r row) subject() *props.Subject {
	open := func(graphtest.World) (graphtest.Heap, error) {
		h := newToy(r.Bug)
		if r.hide != nil {
			return r.hide(h), nil
		}
		return h, nil
	}
	s := graphtest.Subject(canarytest.Prefix+r.Name, promises, open)
	if r.spoil != nil {
		r.spoil(s)
	}
	return s
}

// All returns every canary, in the order of the table.
func All() (all []Canary) {
	for _, r := range table {
		all = append(all, r.canary())
	}
	return all
}

// Lookup returns the canary of that name, which may begin with "canary/".
func Lookup(name string) (Canary, bool) { return canarytest.Lookup(All(), name) }

// once adds collections that start by themselves, of which only the first comes.
func once(h *toy) graphtest.Heap { return &sleeper{toy: h} }

type sleeper struct {
	*toy
	on, slept       bool
	threshold, made int
}

func (h *sleeper) Enable(on bool) { h.on = on }

func (h *sleeper) SetThreshold(generation, n int) {
	if generation == 0 {
		h.threshold = n
	}
}

func (h *sleeper) New(kind graph.Kind, fields int) graph.ID {
	if h.made++; h.on && !h.slept && h.threshold > 0 && h.made > h.threshold {
		h.slept = true
		h.Collect(0)
	}
	return h.toy.New(kind, fields)
}

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
