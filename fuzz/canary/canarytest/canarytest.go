// Package canarytest is what the tests of canaries have in common, whatever a canary is: an allocator, a collector, a
// dict that is wrong on purpose. A package of canaries has a table of them; its tests are
//
//	func TestCaught(t *testing.T) { canarytest.Caught(t, All(), canarytest.Budget{OpsMax: 300}) }
//	func TestCovers(t *testing.T) { canarytest.Covers(t, All(), rules, properties) }
//	func TestBase(t *testing.T)   { canarytest.Conforms(t, Base(), 200, canarytest.Budget{OpsMax: 300}) }
//
// with a flag for Budget.Found, the folder into which the reproducers go.
package canarytest

import (
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Canary is a target with one defect, and what is expected of those who look for it.
type Canary struct {
	Name string // never changes; as a target it is "canary/" and this
	Doc  string // what it does wrong

	Rule  *model.Invariant   // that must catch it; nil where Property is not conforms, which is rule enough
	Cause string             // of the violation, where Rule has causes
	Or    []*model.Invariant // other rules that may see it first, as one harm shows in several ways; Reason says why

	Property   string // that must fail: "conforms" when empty
	Programs   int    // the random programs that may be needed; ProgramsDefault when 0
	Reproducer int    // the operations that may be left of one when minimized; ReproducerDefault when 0
	Reason     string // why Or, or a Reproducer above the default
	Restless   bool   // on some seeds it does not return before it breaks its rule: no control is made of it

	Contract any                   // what it promises, for those who list targets
	Open     any                   // how it is opened, for those who know what it is; may be nil
	Subject  func() *props.Subject // what the engine needs to know to try it
	Base     func() *props.Subject // what it is compared with under the property differential; nil elsewhere
}

// What a canary is given that asks for nothing else.
const (
	ProgramsDefault   = 200
	ReproducerDefault = 8
)

// Prefix is what names of canaries as targets begin with.
const Prefix = "canary/"

// Filled is the canary with defaults in the place of zeros.
func (c Canary) Filled() Canary {
	c.Property = cmp.Or(c.Property, props.Conforms.Name)
	c.Programs = cmp.Or(c.Programs, ProgramsDefault)
	c.Reproducer = cmp.Or(c.Reproducer, ReproducerDefault)
	return c
}

// Lookup returns the canary of that name, which may begin with Prefix.
func Lookup(all []Canary, name string) (Canary, bool) {
	for _, c := range all {
		if name == c.Name || name == Prefix+c.Name {
			return c, true
		}
	}
	return Canary{}, false
}

// Prop returns the property that must fail. It panics when the subject has none of that name: the table is wrong.
func (c Canary) Prop() props.Property {
	if p, ok := c.Subject().Property(c.Property); ok {
		return p
	}
	if c.Property != props.Differential().Name || c.Base == nil {
		panic("canarytest: " + c.Name + " has no property " + c.Property)
	}
	return props.Differential(c.Base())
}

// RuleName is the name of Rule, or of the relation that Property is about.
func (c Canary) RuleName() string {
	if c.Rule != nil {
		return c.Rule.Name
	}
	return "meta/" + c.Property
}

// Hits tells whether a violation is the one that the canary is for.
func (c Canary) Hits(v *model.Violation) bool {
	return v.Rule.Name == c.RuleName() && (c.Cause == "" || v.Cause == c.Cause)
}

// Expects tells whether a violation is the one that the canary is for, or one in Or.
func (c Canary) Expects(v *model.Violation) bool { return c.Hits(v) || slices.Contains(c.Or, v.Rule) }

// Budget is what the tests of a package of canaries may take.
type Budget struct {
	// OpsMax bounds the operations of a program. Longer ones are the exception and most of the time; no defect of the
	// package needs one.
	OpsMax int
	// Parallel tries canaries at the same time. One that writes where it should not would hit its neighbour.
	Parallel bool
	// Found is the folder into which the reproducers are written; "" writes none.
	Found string
}

// seed is fixed: whether a canary is caught is a fact about the harness and not about luck.
const seed = 1

// Programs calls f with random programs for s, until f returns false or there were n.
func (b Budget) Programs(s *props.Subject, n int, f func(i int, p prog.Program) bool) {
	src := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		if !f(i, s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), min(prog.Length(src), b.OpsMax))) {
			return
		}
	}
}

// Caught demands of every canary that the rule that it names catches it within its programs, and that the minimizer
// leaves no more of the program than it says.
func Caught(t *testing.T, all []Canary, b Budget) {
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			if b.Parallel {
				t.Parallel()
			}
			b.caught(t, c)
		})
	}
}

func (b Budget) caught(t *testing.T, c Canary) {
	s := c.Subject()
	f, tried := b.hunt(t, c, s)
	if f == nil {
		t.Fatalf("%d programs, and %s has not caught: %s", tried, c.RuleName(), c.Doc)
	}
	small, stats := props.Minimize(s, c.Prop(), f, props.MinimizeOptions{})
	if !c.Hits(small.Violation) {
		t.Errorf("minimizing made it a breach of %v", small.Violation)
	}
	if n := len(small.Program.Ops); n > c.Reproducer {
		t.Errorf("%d operations left where %d are allowed:\n%s", n, c.Reproducer, s.Spec.Format(small.Program))
	}
	t.Logf("| %s | %s | %d | %d |", c.Name, small.Violation.Signature(), tried, len(small.Program.Ops))
	t.Logf("%d runs to minimize from %d operations", stats.Runs, stats.From)
	if b.Found != "" {
		write(t, b.Found, s, small, c.Doc)
	}
}

// hunt tries random programs until one shows the defect by the rule that the canary names. Every finding before it must
// be one that the canary allows.
func (b Budget) hunt(t *testing.T, c Canary, s *props.Subject) (*props.Finding, int) {
	var r props.Runner
	var f *props.Finding
	tried, property := 0, c.Prop()
	b.Programs(s, c.Programs, func(i int, p prog.Program) bool {
		refuted, err := property.Check(s, &r, p)
		if err != nil {
			t.Fatal(err)
		}
		tried = i + 1
		if refuted == nil {
			return true
		}
		if !c.Expects(refuted.Violation) {
			t.Errorf("program %d: %v, and not %s\n%s", i, refuted.Violation, c.RuleName(), s.Spec.Format(p))
			return false
		}
		if c.Hits(refuted.Violation) {
			f = &props.Finding{Property: c.Property, Target: s.Target, Program: p, Refutation: refuted}
		}
		return f == nil
	})
	return f, tried
}

// write replaces the canary's reproducer in a folder, so that there is one.
func write(t *testing.T, found string, s *props.Subject, f *props.Finding, doc string) {
	path, err := props.WriteRepro(found, s, f, doc)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(found, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		r, err := props.ReadRepro(s.Spec, file)
		if err == nil && r.Target == s.Target && file != path {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Relations is how many of n programs are tried under a relation: a quarter, but relationLeast if there are as many. A
// relation runs each of them several times, and shows more in one: the canaries of rules are caught by up to 450
// programs; of those that the seeds 1, 2 and 3 draw, the canaries of inserted and drained are caught by the 1st, those
// of deterministic and commuted by the 2nd at the latest, and that of renamed by the 17th.
func Relations(n int) int { return min(n, max(n/4, relationLeast)) }

const relationLeast = 20

// Conforms demands that what canaries are made from is right: the target without its defect stands n of the same
// programs under conforms, and Relations of them under each of its other properties and those that are named.
func Conforms(t *testing.T, open func() *props.Subject, n int, b Budget, others ...props.Property) {
	for _, p := range append(slices.Clone(open().Properties), others...) {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			s, r, tried := open(), props.Runner{}, n
			if p.Name != props.Conforms.Name {
				tried = Relations(n)
			}
			b.Programs(s, tried, func(i int, program prog.Program) bool {
				refuted, err := p.Check(s, &r, program)
				if err != nil {
					t.Fatal(err)
				}
				if refuted != nil {
					t.Errorf("program %d: %v\n%s", i, refuted.Violation, s.Spec.Format(program))
				}
				return refuted == nil
			})
		})
	}
}

// Covers demands a canary of every rule and of every property, a reason of every canary that asks for more than the
// default, and that no two have one name.
func Covers(t *testing.T, all []Canary, rules []*model.Invariant, properties []props.Property) {
	has, names := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		has[c.RuleName()], has[c.Property] = true, true
		if names[c.Name] {
			t.Errorf("two canaries are %s", c.Name)
		}
		names[c.Name] = true
		if (len(c.Or) > 0 || c.Reproducer > ReproducerDefault) && c.Reason == "" {
			t.Errorf("%s: other rules, or a long reproducer, without a reason", c.Name)
		}
		if s := c.Subject(); s.Target != Prefix+c.Name {
			t.Errorf("canary %s is the target %s", c.Name, s.Target)
		}
		if got, ok := Lookup(all, Prefix+c.Name); !ok || got.Name != c.Name {
			t.Errorf("%s is not found by its name", c.Name)
		}
	}
	for _, rule := range rules {
		if !has[rule.Name] {
			t.Errorf("no canary of %s: %s", rule.Name, rule.Doc)
		}
	}
	for _, p := range properties {
		if !has[p.Name] {
			t.Errorf("no canary of %s: %s", p.Name, p.Doc)
		}
	}
}
