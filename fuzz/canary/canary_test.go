package canary

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

var update = flag.Bool("update", false, "write the reproducers into corpus/heap/found")

// found is where reproducers are kept.
const found = "../../corpus/heap/found"

// seed is fixed: whether a canary is caught is a fact about the harness and not about luck.
const seed = 1

// programs calls f with random programs for s, until f returns false or there were n.
func programs(s *props.Subject, n int, f func(i int, p prog.Program) bool) {
	src := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		// Programs above 600 operations are the exception and most of the time; no defect here needs one.
		if !f(i, s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), min(prog.Length(src), 600))) {
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
		refuted, err := c.Prop().Check(s, &r, p)
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

// TestCaught demands of every canary that the rule that it names catches it within its budget, and that the minimizer
// leaves no more of the program than it says.
func TestCaught(t *testing.T) {
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) { // one after the other: an allocator that strays would hit its neighbour
			s := c.Subject()
			f, tried := hunt(t, c, s)
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
			if *update {
				writeFound(t, c, s, small)
			}
		})
	}
}

// writeFound replaces the canary's reproducer, so that there is one.
func writeFound(t *testing.T, c Canary, s *props.Subject, f *props.Finding) {
	path, err := props.WriteRepro(found, s, f, c.Doc)
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

// TestBase demands that what the canaries are made from is right: the allocator without its defect stands the same
// programs.
func TestBase(t *testing.T) {
	for _, p := range append(props.All(), props.Differential(reference())) {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			s, r := Base(), props.Runner{}
			programs(s, defaultPrograms, func(i int, program prog.Program) bool {
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

func reference() *props.Subject {
	return heaptest.Subject("reference", heap.ReferenceContract, func(heaptest.World) (heaptest.Allocator, error) {
		return heap.NewReference(), nil
	})
}

// TestCovers demands a canary of every rule and of every property.
func TestCovers(t *testing.T) {
	has := map[string]bool{}
	names := map[string]bool{}
	for _, c := range All() {
		has[c.RuleName()] = true
		has[c.Property] = true
		if names[c.Name] {
			t.Errorf("two canaries are %s", c.Name)
		}
		names[c.Name] = true
		if (len(c.Or) > 0 || c.Reproducer > defaultReproducer) && c.Reason == "" {
			t.Errorf("%s: other rules, or a long reproducer, without a reason", c.Name)
		}
	}
	for _, rule := range append(heap.Rules, props.Alive) {
		if !has[rule.Name] {
			t.Errorf("no canary of %s: %s", rule.Name, rule.Doc)
		}
	}
	for _, p := range append(props.All(), props.Differential()) {
		if !has[p.Name] {
			t.Errorf("no canary of %s: %s", p.Name, p.Doc)
		}
	}
}
