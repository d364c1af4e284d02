package mutant

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func id(fn string) Identity { return Identity{"impl/pool", fn, "plus", "0a", 1} }

func outcome(fn, rule, without string) Outcome {
	o := Outcome{Mutant: Mutant{Identity: id(fn), From: "1", To: "1 + 1", File: "/m/impl/pool/a.go", Line: 3}}
	o.Reached = true
	if rule != "" {
		o.Kill = Kill{Rule: rule, Ops: 10, Length: 2}
		o.Without.Rule = without
	}
	return o
}

const listed = `# what is known
equivalent: a mask
    impl/pool A plus 0a.1  # 1 => 1 + 1

gap: a rule on waste
    impl/pool B plus 0a.1
    impl/pool C plus 0a.1
`

func listing(t *testing.T) *Survivors {
	t.Helper()
	s := &Survivors{map[Identity]string{}}
	if err := s.read(listed, "s.txt"); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSurvivors(t *testing.T) {
	s := listing(t)
	p := &Proof{All: 4, Outcomes: []Outcome{outcome("A", "", ""), outcome("B", "heap/size", ""), outcome("D", "", ""),
		outcome("E", "heap/size", "run/alive")}}
	a := s.Account(p)
	if len(a.Unlisted) != 1 || a.Unlisted[0].Func != "D" {
		t.Errorf("unlisted: %v", a.Unlisted)
	}
	if diff := cmp.Diff([]Identity{id("B"), id("C")}, a.Stale); diff != "" {
		t.Errorf("stale: B is found and C is no more (-want +got):\n%s", diff)
	}
	dir := t.TempDir()
	if err := s.Write(dir, p); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "impl-pool.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := survivorsHead + "\nequivalent: a mask\n    impl/pool A plus 0a.1  # 1 => 1 + 1\n\n" +
		"unlisted: say why\n    impl/pool D plus 0a.1  # 1 => 1 + 1\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	p.All++
	if err := s.Write(dir, p); err == nil {
		t.Error("a list was written of a sample")
	}
	for text, why := range map[string]string{
		"    impl/pool A plus 0a.1\n": "a mutant without a reason",
		"perhaps: no\n":               "neither a reason nor a mutant",
		"gap: x\n    impl/pool A plus 0a.1\n    impl/pool A plus 0a.1\n": "twice",
	} {
		err := (&Survivors{map[Identity]string{}}).read(text, "s.txt")
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", text, err, why)
		}
	}
}

// The list that is committed can be read, and what it calls equivalent or a gap is in the sources.
func TestListOfSurvivors(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadSurvivors("survivors")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.reasons) == 0 {
		t.Fatal("nothing is listed")
	}
	schema, err := schemaOf(root, Packages)
	if err != nil {
		t.Fatal(err)
	}
	there := map[Identity]bool{}
	for _, m := range schema.Mutants {
		if there[m.Identity] {
			t.Errorf("two mutants are %v", m.Identity)
		}
		there[m.Identity] = true
	}
	for id := range s.reasons {
		if !there[id] {
			t.Errorf("%v is no mutant; heapfuzz prove says what survives", id)
		}
	}
}

// Every package of impl is mutated, or stands among those that are not.
func TestScope(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Concat(Packages, beside, out)
	found := map[string]bool{}
	err = filepath.WalkDir(filepath.Join(root, "impl"), func(path string, _ fs.DirEntry, err error) error {
		dir, e := filepath.Rel(root, filepath.Dir(path))
		name := filepath.Base(path)
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			found[filepath.ToSlash(dir)] = true
		}
		return errors.Join(err, e)
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range found {
		if !slices.Contains(known, name) {
			t.Errorf("%s is neither mutated nor said to be left out, with the reason", name)
		}
	}
	for _, name := range known {
		if !found[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// A mutant is tried on all targets of its package's kind that reach it, and then on others.
func TestChoice(t *testing.T) {
	b := &bench{proof: &Proof{}, of: map[string][]int{}}
	add := func(name, subject string, n uint32) {
		b.of["impl/dict"] = append(b.of["impl/dict"], len(b.reach))
		b.of["impl/slab"] = b.of["impl/dict"]
		b.proof.Controls = append(b.proof.Controls, Control{Target: name})
		b.subjects, b.reach = append(b.subjects, subject), append(b.reach, []uint32{n})
	}
	add("slab", "heap", 1)
	add("dict-3.13", "dict", 0)
	for _, kind := range []string{"gc", "stack", "dict", "dict-mixed"} {
		for _, release := range []string{"2.7", "3.6", "3.8", "3.10", "3.11", "3.12"} {
			add(kind+"-"+release, strings.Replace(kind, "stack", "dict", 1), 1000)
		}
	}
	add("value-3.13", "value", 500)
	chosen := func(name string) map[string]int {
		names, reach := b.targets(Mutant{Identity: Identity{Package: name}})
		if reach != 26 {
			t.Errorf("%d targets reach a mutant of %s", reach, name)
		}
		kinds := map[string]int{}
		for i, name := range names {
			kind, _, _ := strings.Cut(name, "-")
			if kinds[kind]++; kind == "dict" && kinds[kind] != i+1 {
				t.Errorf("%s comes behind others", name)
			}
		}
		return kinds
	}
	if diff := cmp.Diff(map[string]int{"dict": 12, "gc": 3, "value": 1}, chosen("impl/dict")); diff != "" {
		t.Error(diff)
	}
	names, _ := b.targets(Mutant{Identity: Identity{Package: "impl/slab"}})
	if len(names) != targetsMax || names[0] != "slab" {
		t.Errorf("a mutant of impl/slab is tried on %v", names)
	}
}

func TestSummary(t *testing.T) {
	s := listing(t)
	missed := CanaryOutcome{Name: "x", Rule: "heap/size", Trial: outcome("", "heap/size", "").Trial}
	p := &Proof{All: 5, Canaries: []CanaryOutcome{missed}}
	p.Controls = []Control{{"slab", 300, 9000, ""}, {"x", 50, 9, "heap/size"}}
	p.Outcomes = []Outcome{outcome("A", "", ""), outcome("C", "", ""), outcome("D", "heap/size", ""),
		outcome("E", "heap/size", "run/alive"), outcome("F", "run/alive", ""), outcome("G", "recorded/answers", "")}
	p.Outcomes[4].Kill.Length, p.Outcomes[5].Kill.Length = -1, -1
	p.Outcomes[3].Kill.Ops, p.Outcomes[0].Late, p.Outcomes[2].Late = 1000, true, true
	got := Summarize(p, s)
	want := &Summary{
		Total:     Score{"all", 6, 4, 0, 1, 1, 1, 0, 0},
		Packages:  []Score{{"impl/pool", 6, 4, 0, 1, 1, 1, 0, 0}},
		Operators: []Score{{"plus", 6, 4, 0, 1, 1, 1, 0, 0}},
		Ops:       Spread{4, 10, 1000, 1000},
		Lengths:   Spread{2, 2, 2, 2},
		Died:      2,
		Late:      2,
		Rules: []Earning{
			{"heap/size", 2, 1, map[string]int{"run/alive": 1}, []string{"x"}, []string{"x"}},
			{"recorded/answers", 1, 1, map[string]int{}, nil, nil},
			{"run/alive", 1, 1, map[string]int{}, nil, nil},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if share, without := got.Total.Share(), got.Total.Programs(); share != 0.8 || without != 0.6 {
		t.Errorf("share %v, %v without: four of five are found that can be, one of them by a recording", share, without)
	}

	dir := t.TempDir()
	p.Time = 20 * time.Minute
	e := NewEvidence(p, s, "/m", "abc")
	e.Facts.Again = "heapfuzz prove -time 20m0s"
	if err := e.Write(dir); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(filepath.Join(dir, "evidence.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"80.0 %", "60.0 % by random programs alone",
		"impl/pool/a.go:3", "gap: a rule on waste", "which cut 2 short", "a mask (late)", "10 (late)",
		"<code>heapfuzz prove -time 20m0s</code>",
		"within 20m0s depends on the machine", "minimized program", "<th>missed without it", "<th>without that rule",
		"at most\n0.01 of"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("the page does not say %q:\n%s", want, first)
		}
	}
	e = NewEvidence(p, s, "/m", "abc")
	e.Facts.Again = "heapfuzz prove -time 20m0s"
	if err := e.Write(dir); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "evidence.html")); err != nil || string(again) != string(first) {
		t.Errorf("the same proof gives another page: %v", err)
	}
}

// A sample of a harness that is as good as it claims fails once in a hundred times at most, and no later.
func TestLeast(t *testing.T) {
	for _, tt := range []struct {
		n     int
		share float64
		want  int
	}{
		{1, 0.95, 0},    // one is missed with 5 %
		{2, 0.95, 1},    // both are with 0.25 %
		{8, 0.95, 6},    // three are missed with 0.58 %, two with 5.7 %
		{100, 0.95, 89}, // 12 are with 0.43 %, 11 with 1.15 %
		{10, 0.5, 1},    // nine are with 11 in 1024, just above one in a hundred
		{10, 1, 10},
		{10, 0, 0},
		{0, 0.95, 0},
	} {
		if got := Least(tt.n, tt.share); got != tt.want {
			t.Errorf("%d of %d, want %d where %v of all are killed", got, tt.n, tt.want, tt.share)
		}
	}
	if got := Least(20_000, 0.95); got < 18_900 || got > 18_950 { // 19,000 less 2.33 standard deviations of 30.8
		t.Errorf("%d of 20,000", got)
	}
	sum := &Summary{Total: Score{Mutants: 110, Equivalent: 10, Killed: 94}}
	p := &Proof{All: 110, Outcomes: make([]Outcome, 110)}
	if least, falls := sum.Falls(p, 0.95); !falls || least != 95 {
		t.Errorf("94 of all 100 are said to be enough, %d are wanted", least)
	}
	p.All++
	if least, falls := sum.Falls(p, 0.95); falls || least != 89 {
		t.Errorf("94 of a sample of 100 are said to be too few, %d are wanted", least)
	}
}

// A proof of everything lists all rules and names those that earn nothing; no other proof can tell.
func TestIdle(t *testing.T) {
	p := &Proof{All: len(Packages)}
	for _, name := range Packages {
		o := outcome("A", "heap/size", "")
		o.Package = name
		p.Outcomes = append(p.Outcomes, o)
	}
	needed, needless := outcome("", "heap/waste", ""), outcome("", "heap/nil", "heap/size")
	p.Canaries = []CanaryOutcome{{Name: "x", Trial: needed.Trial}, {Name: "y", Trial: needless.Trial}}
	listed := func() map[string]Earning {
		by := map[string]Earning{}
		for _, e := range Summarize(p, listing(t)).Rules {
			by[e.Rule] = e
		}
		return by
	}
	idle := Summarize(p, listing(t)).Idle
	for name, want := range map[string]bool{
		"heap/size": false, "heap/waste": false, "heap/nil": true, "graph/prompt": true, "run/alive": true,
		"recorded/answers": true,
	} {
		if _, ok := listed()[name]; !ok || slices.Contains(idle, name) != want {
			t.Errorf("%s is listed: %v; idle are %v", name, ok, idle)
		}
	}
	for reason, change := range map[string]func(){
		"brief":               func() { p.Brief = true },
		"a sample":            func() { p.All++ },
		"a package left out":  func() { p.All, p.Outcomes = p.All-1, p.Outcomes[1:] },
		"no canary was tried": func() { p.Canaries = nil },
	} {
		saved := *p
		change()
		if s := Summarize(p, listing(t)); s.Idle != nil || len(s.Rules) > 3 {
			t.Errorf("%s: %v are idle of %d", reason, s.Idle, len(s.Rules))
		}
		*p = saved
	}
}

// A brief proof believes the list, and does not say what it did not ask.
func TestBriefSummary(t *testing.T) {
	s := listing(t)
	p := &Proof{All: 3, Brief: true, Outcomes: []Outcome{outcome("A", "", ""), outcome("C", "", ""),
		outcome("D", "heap/size", "")}}
	p.Outcomes[1].Believed, p.Outcomes[1].Reached = true, true
	got := Summarize(p, s)
	if total := (Score{"all", 3, 1, 0, 0, 1, 1, 0, 1}); got.Total != total {
		t.Errorf("%+v, want %+v", got.Total, total)
	}
	if diff := cmp.Diff([]Earning{{Rule: "heap/size", Mutants: 1, Others: map[string]int{}}}, got.Rules); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	dir := t.TempDir()
	if err := NewEvidence(p, s, "/m", "abc").Write(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "evidence.html"))
	if err != nil || !strings.Contains(string(page), "1 that are listed as survivors were not tried") {
		t.Errorf("%v, and the page says:\n%s", err, page)
	}
	for _, column := range []string{"<th>missed", "alone<th>", "minimized<", "minimized program", "without that rule",
		"canaries"} {
		if strings.Contains(string(page), column) {
			t.Errorf("a brief page has a column %q", column)
		}
	}
}

// However many programs the controls had, the page says a number.
func TestResidual(t *testing.T) {
	p := &Proof{Controls: []Control{{"slab", 16_836, 900_000, ""}}}
	dir := t.TempDir()
	if err := NewEvidence(p, listing(t), "/m", "abc").Write(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "evidence.html"))
	if err != nil || !strings.Contains(string(page), "at most\n0.00018 of such programs") {
		t.Errorf("%v, and the page does not say 3/16836:\n%s", err, page)
	}
}

// A sample does not change when mutants come to be elsewhere.
func TestSample(t *testing.T) {
	var all []Mutant
	for i := range 100 {
		all = append(all, Mutant{ID: i + 1, Identity: id(strings.Repeat("f", i+1))})
	}
	few := sample(all, 10, 1)
	if len(few) != 10 || len(sample(all, 0, 1)) != 100 {
		t.Fatalf("%d and %d", len(few), len(sample(all, 0, 1)))
	}
	in := map[Identity]bool{}
	for _, m := range sample(all[1:], 10, 1) {
		in[m.Identity] = true
	}
	gone := 0
	for _, m := range few {
		if !in[m.Identity] {
			gone++
		}
	}
	if gone > 1 {
		t.Errorf("%d of the sample are gone after one mutant went", gone)
	}
	if cmp.Equal(few, sample(all, 10, 2)) {
		t.Error("another seed chooses the same")
	}
}

// What is known is read again; a line that was cut off is not, and what comes after it is; another seed knows nothing.
func TestCache(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Root: root, Cache: t.TempDir(), Seed: 1}
	paths := []string{"impl/pool"}
	open := func(o Options) *cache {
		t.Helper()
		c, err := openCache(o, paths)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open(o)
	want := outcome("A", "heap/size", "run/alive").Trial
	if err := c.put(id("A"), want); err != nil {
		t.Fatal(err)
	}
	if _, err := c.files["impl/pool"].WriteString(`{"Package":"impl/po`); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	c = open(o)
	if got, ok := c.get(id("A")); !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	if err := c.put(id("B"), want); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	c = open(o)
	if _, ok := c.get(id("B")); !ok || len(c.known) != 2 {
		t.Errorf("after a line that was cut off %d are known, B is among them: %v", len(c.known), ok)
	}
	c.close()
	o.Seed = 2
	if c = open(o); len(c.known) != 0 {
		t.Errorf("another seed knows %d", len(c.known))
	}
	c.close()
}

// A package's trials depend on what it may be tried through, and on nothing beside it.
func TestMatters(t *testing.T) {
	deps := map[string]map[string]bool{
		"impl/page": {}, "impl/pool": {"impl/page": true}, "impl/slab": {"impl/page": true},
		"impl/arena": {"impl/pool": true, "impl/page": true}, "fuzz": {"impl/arena": true}, "props": {},
	}
	want := []string{"fuzz", "impl/arena", "impl/page", "impl/pool", "props"}
	if diff := cmp.Diff(want, matters("impl/pool", deps)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
