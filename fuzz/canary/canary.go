package canary

import (
	"slices"

	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
)

// Canary is an allocator with one defect, and what is expected of those who look for it.
type Canary struct {
	Name string // never changes; as a target it is "canary/" and this
	Doc  string // what it does wrong

	Rule  *model.Invariant   // that must catch it; nil where Property is not conforms, which is rule enough
	Cause string             // of the violation, where Rule has causes
	Or    []*model.Invariant // other rules that may see it first, as one harm shows in several ways; Reason says why

	Property   string // that must fail: "conforms" when empty
	Programs   int    // the random programs that may be needed; defaultPrograms when 0
	Reproducer int    // the operations that may be left of one when minimized; defaultReproducer when 0
	Reason     string // why Or, or a Reproducer above the default

	Contract heap.Contract
	Open     heaptest.Opener
	spoil    func(*props.Subject) // the defect of a canary whose allocator is right and whose driver is not
}

const (
	defaultPrograms   = 200
	defaultReproducer = 8
)

// Subject returns what the engine needs to know to try the canary.
func (c Canary) Subject() *props.Subject {
	s := heaptest.Subject("canary/"+c.Name, c.Contract, c.Open)
	if c.spoil != nil {
		c.spoil(s)
	}
	return s
}

// All returns every canary, in the order of the tables.
func All() []Canary {
	all := slices.Concat(toys, wrapped, moodies)
	for i := range all {
		c := &all[i]
		if c.Property == "" {
			c.Property = props.Conforms.Name
		}
		if c.Programs == 0 {
			c.Programs = defaultPrograms
		}
		if c.Reproducer == 0 {
			c.Reproducer = defaultReproducer
		}
	}
	return all
}

// Lookup returns the canary of that name, which may begin with "canary/".
func Lookup(name string) (Canary, bool) {
	for _, c := range All() {
		if name == c.Name || name == "canary/"+c.Name {
			return c, true
		}
	}
	return Canary{}, false
}

// Prop returns the property that must fail.
func (c Canary) Prop() props.Property {
	for _, p := range props.All() {
		if p.Name == c.Property {
			return p
		}
	}
	return props.Differential(Base())
}

// RuleName is the name of Rule, or of the relation that Property is about.
func (c Canary) RuleName() string {
	if c.Rule != nil {
		return c.Rule.Name
	}
	return "meta/" + c.Property
}

// Hits tells whether a violation is the one that the canary is for, and Expects whether it is that or one in Or.
func (c Canary) Hits(v *model.Violation) bool {
	return v.Rule.Name == c.RuleName() && (c.Cause == "" || v.Cause == c.Cause)
}

func (c Canary) Expects(v *model.Violation) bool { return c.Hits(v) || slices.Contains(c.Or, v.Rule) }
