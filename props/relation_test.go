package props_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// defects are answers that are wrong in a way that no judge of single answers sees. Each breaks one relation. What
// other relations it breaks as well, since it cannot be helped, is said beside it.
var defects = []struct {
	relation string
	also     []string
	why      string
	hears    func(*boxTarget, prog.Op, *prog.Outcome)
}{
	{"deterministic", []string{"renamed", "inserted", "commuted", "drained"}, "every run is another",
		func() func(*boxTarget, prog.Op, *prog.Outcome) {
			runs := uint64(0)
			return func(b *boxTarget, _ prog.Op, out *prog.Outcome) {
				if len(b.done) == 1 {
					runs++
				}
				out.Value += runs % 2
			}
		}()},
	{"renamed", nil, "slot 5 is a little heavier", func(b *boxTarget, op prog.Op, out *prog.Outcome) {
		if name := boxes.Info(op.Kind).Name; name == "take" && op.Args[0] == 5 || name == "pour" && op.Args[1] == 5 {
			out.Value++
		}
	}},
	{"inserted", []string{"drained"}, "the number of boxes taken so far shows",
		func(b *boxTarget, op prog.Op, out *prog.Outcome) {
			if boxes.Info(op.Kind).Name == "count" {
				out.Value += uint64(b.named("take"))
			}
		}},
	{"commuted", []string{"inserted"}, "what was done just before shows",
		func(b *boxTarget, op prog.Op, out *prog.Outcome) {
			if n := len(b.done); n > 1 && boxes.Info(op.Kind).Name == "change" && b.done[n-2] == "take" {
				out.Value++
			}
		}},
	{"drained", nil, "boxes there were before it was cleared show", func(b *boxTarget, op prog.Op, out *prog.Outcome) {
		if boxes.Info(op.Kind).Name == "count" && b.named("clear") > 0 {
			out.Value++
		}
	}},
}

func (b *boxTarget) named(name string) (n int) {
	for _, done := range b.done {
		if done == name {
			n++
		}
	}
	return n
}

func TestEachRelationHasItsDefect(t *testing.T) {
	for _, d := range defects {
		t.Run(d.relation, func(t *testing.T) {
			for _, p := range props.All() {
				got := firstRefuted(t, p, hearing(nil, d.hears))
				switch {
				case p.Name == d.relation && got == nil:
					t.Errorf("%s, and %s holds all the same", d.why, p.Name)
				case p.Name != d.relation && !slices.Contains(d.also, p.Name) && got != nil:
					t.Errorf("%s, and %s is refuted by\n%s", d.why, p.Name, boxes.Format(got.Program))
				}
			}
		})
	}
	for _, p := range props.All() {
		if got := firstRefuted(t, p, boxSubject(nil)); got != nil {
			t.Errorf("%s is refuted where nothing is wrong: %v\n%s", p.Name, got.Violation, boxes.Format(got.Program))
		}
	}
}

// firstRefuted returns the first of many generated programs that refutes the property.
func firstRefuted(t *testing.T, p props.Property, s *props.Subject) *props.Finding {
	t.Helper()
	src := rand.New(rand.NewPCG(21, 0))
	var r props.Runner
	for range 200 {
		program := s.Spec.Generate(src, s.Spec.NewMix(src, nil), 40)
		got, err := p.Check(s, &r, program)
		if err != nil {
			t.Fatal(err)
		}
		if got != nil {
			return &props.Finding{Property: p.Name, Target: s.Target, Program: program, Refutation: got}
		}
	}
	return nil
}

// What refutes a relation is made as short as what breaks a rule, and its report says what was done to the program.
func TestRelationsShrink(t *testing.T) {
	want := map[string]string{
		"deterministic": `p0 = put n=0
--
✗    0  p0 = put n=0  -> ok
`,
		"renamed": `p9 = put n=0
take p9
p14 = put n=0
--
       # this is a variant of the program:
     0  p5 = put n=0  -> ok
✗    1  take p5       -> ok 1
`,
		"inserted": `count
--
       # this is a variant of the program:
     0  p0 = put n=1  -> ok  # put in
     1  take p0       -> ok 1  # put in
✗    2  count         -> ok 1  # 0 of the program
`,
		"commuted": `p0 = put n=0
p1 = put n=0
take p0
change p1 n=0
--
       # this is a variant of the program:
     0  p1 = put n=0   -> ok  # 1 of the program
     1  p0 = put n=0   -> ok  # 0 of the program
✗    2  change p1 n=0  -> ok  # 3 of the program
`,
		"drained": `count
--
       # this is a variant of the program:
     0  clear  -> ok  # put in
✗    1  count  -> ok 1  # 0 of the program
`,
	}
	for i, d := range defects {
		p := props.All()[1+i]
		s := hearing(nil, d.hears)
		f := firstRefuted(t, p, s)
		if f == nil {
			t.Fatalf("%s holds", p.Name)
		}
		small, stats := props.Minimize(s, p, f, props.MinimizeOptions{})
		if !stats.Minimal {
			t.Errorf("%s: %+v", p.Name, stats)
		}
		var b bytes.Buffer
		if err := props.Report(&b, s, small, props.ReportOptions{}); err != nil {
			t.Fatal(err)
		}
		_, report, _ := strings.Cut(b.String(), "\n")
		report, _, _ = strings.Cut(report, "rule ")
		if got := string(boxes.Format(small.Program)) + "--\n" + report; got != want[p.Name] {
			t.Errorf("%s: got\n%s", p.Name, got)
		}
		if _, err := boxes.Parse("report", strings.NewReader(report)); err != nil {
			t.Error(err)
		}
	}
}
