package graphcanary

import (
	"math/rand/v2"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// seed is fixed: whether a canary is caught is a fact about the harness and not about luck.
const seed = 1

// programs calls f with random programs for s, until f returns false or there were n.
func programs(s *props.Subject, n int, f func(i int, p prog.Program) bool) {
	src := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		// Programs above 300 operations are the exception and most of the time; no defect here needs one.
		if !f(i, s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), min(prog.Length(src), 300))) {
			return
		}
	}
}

// hunt tries random programs until one shows the defect by the rule that the canary names. Every finding before it must
// be one that the canary allows.
func hunt(t *testing.T, c Canary, s *props.Subject) (*props.Finding, int) {
	var r props.Runner
	var f *props.Finding
	tried := 0
	programs(s, c.Programs, func(i int, p prog.Program) bool {
		refuted, err := props.Conforms.Check(s, &r, p)
		if err != nil {
			t.Fatal(err)
		}
		tried = i + 1
		if refuted == nil {
			return true
		}
		if !c.Expects(refuted.Violation) {
			t.Errorf("program %d: %v, and not %s\n%s", i, refuted.Violation, c.Rule.Name, s.Spec.Format(p))
			return false
		}
		if c.Hits(refuted.Violation) {
			f = &props.Finding{Property: props.Conforms.Name, Target: s.Target, Program: p, Refutation: refuted}
		}
		return f == nil
	})
	return f, tried
}

// TestCaught demands of every canary that the rule that it names catches it within its budget, and that the minimizer
// leaves no more of the program than it says.
func TestCaught(t *testing.T) {
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s := c.Subject()
			f, tried := hunt(t, c, s)
			if f == nil {
				t.Fatalf("%d programs, and %s has not caught: %s", tried, c.Rule.Name, c.Doc)
			}
			small, _ := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			if !c.Hits(small.Violation) {
				t.Errorf("minimizing made it a breach of %v", small.Violation)
			}
			if n := len(small.Program.Ops); n > c.Reproducer {
				t.Errorf("%d operations left where %d are allowed:\n%s", n, c.Reproducer, s.Spec.Format(small.Program))
			}
			t.Logf("| %s | %s | %d | %d |", c.Name, small.Violation.Signature(), tried, len(small.Program.Ops))
		})
	}
}

// TestBase demands that what the canaries are made from is right: the heap without its defect stands the same programs,
// whatever is hidden of it.
func TestBase(t *testing.T) {
	for name, hide := range map[string]func(*toy) graphtest.Heap{
		"whole": nil, "uncounted": uncounted, "blind": blind, "silent": silent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r := Canary{Name: "base", hide: hide}.Subject(), props.Runner{}
			for _, p := range graphtest.Properties() {
				programs(s, 100, func(i int, program prog.Program) bool {
					refuted, err := p.Check(s, &r, program)
					if err != nil {
						t.Fatal(err)
					}
					if refuted != nil {
						t.Errorf("%s: program %d: %v\n%s", p.Name, i, refuted.Violation, s.Spec.Format(program))
					}
					return refuted == nil
				})
			}
		})
	}
}

// TestCovers demands a canary of every rule and of every defect.
func TestCovers(t *testing.T) {
	rules, has, names := map[string]bool{}, map[Bug]bool{}, map[string]bool{}
	for _, c := range All() {
		rules[c.Rule.Name], has[c.Bug] = true, true
		if names[c.Name] {
			t.Errorf("two canaries are %s", c.Name)
		}
		names[c.Name] = true
		if (len(c.Or) > 0 || c.Reproducer > defaultReproducer) && c.Reason == "" {
			t.Errorf("%s: other rules, or a long reproducer, without a reason", c.Name)
		}
		if got, ok := Lookup("graphcanary/" + c.Name); !ok || got.Bug != c.Bug {
			t.Errorf("%s is not found by its name", c.Name)
		}
	}
	for _, rule := range append(graph.Rules, props.Alive) {
		if !rules[rule.Name] {
			t.Errorf("no canary of %s: %s", rule.Name, rule.Doc)
		}
	}
	for b := Sound; b < bugs; b++ {
		if !has[b] {
			t.Errorf("no canary has defect %d", b)
		}
	}
}
