package canary

import (
	"slices"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
)

// Canary is an allocator with one defect, and what is expected of those who look for it.
type Canary = canarytest.Canary

// row is a canary as the tables have it; see Canary for what the fields mean that it has too.
type row struct {
	Name, Doc            string
	Rule                 *model.Invariant
	Cause                string
	Or                   []*model.Invariant
	Property             string
	Programs, Reproducer int
	Reason               string

	Contract heap.Contract
	Open     heaptest.Opener
	spoil    func(*props.Subject) // the defect of a canary whose allocator is right and whose driver is not
}

func (r row) canary() Canary {
	return Canary{
		Name: r.Name, Doc: r.Doc, Rule: r.Rule, Cause: r.Cause, Or: r.Or, Property: r.Property, Programs: r.Programs,
		Reproducer: r.Reproducer, Reason: r.Reason, Contract: r.Contract, Open: r.Open, Subject: r.subject, Base: Base,
	}.Filled()
}

func (r row) subject() *props.Subject {
	s := heaptest.Subject(canarytest.Prefix+r.Name, r.Contract, r.Open)
	if r.spoil != nil {
		r.spoil(s)
	}
	return s
}

// All returns every canary, in the order of the tables.
func All() (all []Canary) {
	for _, r := range slices.Concat(toys, wrapped, moodies) {
		all = append(all, r.canary())
	}
	return all
}

// Lookup returns the canary of that name, which may begin with "canary/".
func Lookup(name string) (Canary, bool) { return canarytest.Lookup(All(), name) }
