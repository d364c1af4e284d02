package fuzz

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// corpus is the folder of a language's programs.
func (l Language) corpus() string { return "../corpus/" + l.Name }

// eachLanguage runs a test for every language.
func eachLanguage(t *testing.T, f func(t *testing.T, l Language)) {
	for _, l := range languages {
		t.Run(l.Name, func(t *testing.T) { f(t, l) })
	}
}

// entry is one file of the corpus.
type entry struct {
	name string
	text string
	props.Repro
}

// entries reads a directory of the corpus. Every file must parse and be canonical: up to comments it is what Format
// prints, so that two people who write the same program write the same file.
func entries(t testing.TB, l Language, dir string) (es []entry) {
	files, err := filepath.Glob(filepath.Join(l.corpus(), dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := props.ParseRepro(l.Spec, file, data)
		if err != nil {
			t.Error(err)
			continue
		}
		es = append(es, entry{filepath.Base(file), string(data), r})
	}
	return es
}

// TestCorpusCanonical looks at the files alone.
func TestCorpusCanonical(t *testing.T) { eachLanguage(t, testCanonical) }

// fewest is how many files there are in a folder at least: one that was moved is missed.
const fewest = 10

func testCanonical(t *testing.T, l Language) {
	spec := l.Spec
	for _, dir := range []string{"seed", "found"} {
		es := entries(t, l, dir)
		if len(es) < fewest {
			t.Errorf("%d files in %s", len(es), dir)
		}
		for _, e := range es {
			if other, err := Lookup(e.Target); e.Target != "" && (err != nil || other.Subject != l.Name) {
				t.Errorf("%s/%s was found on %s, which is no %s", dir, e.name, e.Target, l.Name)
			}
			var program strings.Builder
			head := false
			for line := range strings.Lines(e.text) {
				if strings.HasPrefix(line, "#") {
					head = true
				} else {
					program.WriteString(line)
				}
			}
			if diff := cmp.Diff(string(spec.Format(e.Program)), program.String()); diff != "" {
				t.Errorf("%s/%s is not as Format prints it (-want +got):\n%s", dir, e.name, diff)
			}
			if !head {
				t.Errorf("%s/%s does not say what it shows", dir, e.name)
			}
			if !spec.Decode(spec.Encode(e.Program)).Equal(spec.Canon(e.Program)) {
				t.Errorf("%s/%s is another program once it was bytes", dir, e.name)
			}
		}
	}
}

// TestCorpusConforms replays all on every real target. A program that refuted one canary is one more test for the
// others.
func TestCorpusConforms(t *testing.T) { eachLanguage(t, testConforms) }

func testConforms(t *testing.T, l Language) {
	es := append(entries(t, l, "seed"), entries(t, l, "found")...)
	for _, target := range l.targets {
		t.Run(target.Name, func(t *testing.T) {
			t.Parallel()
			s, r := target.New(), props.Runner{}
			for _, e := range es {
				check(t, s, &r, props.Conforms, e.Program, e.name)
			}
		})
	}
}

// check fails the test with a report when the program refutes the property. What fails the test holds no number, so
// that one defect is one failure to those who compare.
func check(t *testing.T, s *props.Subject, r *props.Runner, p props.Property, program prog.Program, note string) {
	t.Helper()
	refuted, err := p.Check(s, r, program)
	if err != nil {
		t.Fatal(err)
	}
	if refuted == nil {
		return
	}
	f := &props.Finding{Property: p.Name, Target: s.Target, Program: program, Refutation: refuted}
	small, stats := props.Minimize(s, p, f, props.MinimizeOptions{})
	var b strings.Builder
	if err := props.Report(&b, s, small, props.ReportOptions{Stats: &stats}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s\n%s", note, b.String())
	t.Errorf("%s: %s", s.Target, small.Signature())
}

// TestFoundAgain replays what was found on the target that it was found on. A canary stays wrong, and its reproducer
// must go on showing it by the same rule; on a real target a fixed bug stays fixed, which TestCorpusConforms tells.
func TestFoundAgain(t *testing.T) { eachLanguage(t, testFoundAgain) }

func testFoundAgain(t *testing.T, l Language) {
	has, es, all := map[string]bool{}, entries(t, l, "found"), l.Canary()
	for _, e := range es {
		if !strings.HasPrefix(e.Target, canarytest.Prefix) {
			continue
		}
		c, ok := canarytest.Lookup(all, e.Target)
		if !ok {
			t.Errorf("%s: no canary %q", e.name, e.Target)
			continue
		}
		has[c.Name] = true
		var r props.Runner
		refuted, err := c.Prop().Check(c.Subject(), &r, e.Program)
		switch {
		case err != nil:
			t.Error(err)
		case refuted == nil:
			t.Errorf("%s: %s is not caught any more: %s", e.name, e.Target, c.Doc)
		case refuted.Violation.Signature() != e.Rule:
			t.Errorf("%s: caught by %s and not by %s", e.name, refuted.Violation.Signature(), e.Rule)
		}
		if len(e.Program.Ops) > c.Reproducer {
			t.Errorf("%s has %d operations where %d are allowed", e.name, len(e.Program.Ops), c.Reproducer)
		}
	}
	for _, c := range all {
		// Two canaries may be caught by one program, whose file names the first.
		if !has[c.Name] && !slices.ContainsFunc(es, func(e entry) bool { return catches(t, c, e) }) {
			t.Errorf("no reproducer of canary/%s: run go test ./fuzz/canary/... -args -update", c.Name)
		}
	}
}

func catches(t *testing.T, c canarytest.Canary, e entry) bool {
	if e.Property != c.Property {
		return false
	}
	refuted, err := c.Prop().Check(c.Subject(), new(props.Runner), e.Program)
	if err != nil {
		t.Fatal(err)
	}
	return refuted != nil && refuted.Violation.Signature() == e.Rule && c.Hits(refuted.Violation)
}

// seed is that of the random programs: 1, or what the environment says.
func seed(t testing.TB) uint64 {
	text := os.Getenv("HEAPFUZZ_SEED")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		t.Fatalf("HEAPFUZZ_SEED: %v", err)
	}
	return n
}

// fewer are every fourth with -short.
func fewer[E any](all []E) (some []E) {
	if !testing.Short() {
		return all
	}
	for i := 0; i < len(all); i += 4 {
		some = append(some, all[i])
	}
	return some
}

// random calls f with n random programs for s. Few are above 600 operations, and those take most of the time, which
// longer runs of the command have. With -short there are a quarter as many.
func random(t testing.TB, s *props.Subject, n int, f func(p prog.Program)) {
	if testing.Short() {
		n = (n + 3) / 4
	}
	src := rand.New(rand.NewPCG(seed(t), 0))
	for range n {
		f(s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), min(prog.Length(src), 600)))
	}
}

// TestDifferential has the real targets of a language that promise the same answer the corpus, and random programs,
// alike.
func TestDifferential(t *testing.T) { eachLanguage(t, testDifferential) }

func testDifferential(t *testing.T, l Language) {
	t.Logf("HEAPFUZZ_SEED=%d", seed(t))
	// Allocators differ in realloc to 0 bytes only, and so are compared without it. Of others only those that promise
	// the same are compared.
	var freeing []*props.Subject
	var groups []alikes
	for _, target := range l.targets {
		at := slices.IndexFunc(groups, func(g alikes) bool { return target.Alike(g.first) })
		switch {
		case at >= 0:
			groups[at].others = append(groups[at].others, target.New())
		case l.Name == "heap" && len(groups) > 0:
			freeing = append(freeing, target.New())
		default:
			groups = append(groups, alikes{first: target, subject: target.New()})
		}
	}
	s, r := groups[0].subject, props.Runner{}
	compareWith := func(s *props.Subject, others []*props.Subject, p prog.Program, note string) {
		refuted, err := l.Differential(others...).Check(s, &r, p)
		if err != nil {
			t.Fatal(err)
		}
		if refuted != nil {
			asked := prog.Program{Ops: refuted.Ops[:refuted.At+1]}
			t.Errorf("%s: %v\n%s", note, refuted.Violation, apart(s, others, asked))
		}
	}
	compare := func(p prog.Program, note string) {
		for _, g := range groups {
			if len(g.others) > 0 {
				compareWith(g.subject, g.others, p, note)
			}
		}
		if len(freeing) > 0 {
			compareWith(s, freeing, withoutReallocZero(p), note)
		}
	}
	for _, e := range fewer(append(entries(t, l, "seed"), entries(t, l, "found")...)) {
		compare(e.Program, e.name)
	}
	i := 0
	random(t, s, differentialPrograms, func(p prog.Program) {
		compare(p, fmt.Sprintf("random program %d", i))
		i++
	})
}

// alikes are targets that promise the same.
type alikes struct {
	first   Target
	subject *props.Subject
	others  []*props.Subject
}

const differentialPrograms = 60

// withoutReallocZero leaves out what real allocators promise different things of; of other targets all are alike.
func withoutReallocZero(p prog.Program) prog.Program {
	realloc := heaptest.Lang.Kind("realloc")
	return prog.Program{World: p.World, Ops: slices.DeleteFunc(slices.Clone(p.Ops), func(op prog.Op) bool {
		return op.Kind == realloc && op.Args[1] == 0
	})}
}

// apart draws the visible answers of the first two targets that differ.
func apart(s *props.Subject, others []*props.Subject, p prog.Program) string {
	var r props.Runner
	lines := func(s *props.Subject) (ls []string) {
		res, err := r.Run(s, p)
		if err != nil {
			return []string{err.Error()}
		}
		for i, out := range res.Trace {
			ls = append(ls, fmt.Sprintf("%s -> %v %d", s.Spec.FormatOp(res.Ops[i]), out.Status, out.Value))
		}
		return ls
	}
	want := lines(s)
	for _, o := range others {
		if diff := cmp.Diff(want, lines(o)); diff != "" {
			return fmt.Sprintf("-%s +%s\n%s", s.Target, o.Target, diff)
		}
	}
	return ""
}
