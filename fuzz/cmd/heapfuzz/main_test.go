package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/pflag"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"heapfuzz": func() {
		more, moreCanaries = ours, []canarytest.Canary{faultless}
		main()
	}})
}

// like is a target that is the reference, but for what is made of it.
func like(name, doc string, of func(props.Target) props.Target) fuzz.Target {
	return fuzz.Target{Name: name, Subject: "heap", Doc: doc, Contract: heap.ReferenceContract,
		New: func() *props.Subject {
			s := heaptest.Subject(name, heap.ReferenceContract, reference)
			inner := s.Open
			s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
				t, j, err := inner(w)
				return of(t), j, err
			}
			s.Picture, s.Damage = nil, nil
			return s
		}}
}

// ours are targets for what no canary does.
var ours = []fuzz.Target{
	like("test/hangs", "does not return from a free of the third slot",
		func(t props.Target) props.Target { return hanging{t} }),
	like("test/crashes", "ends the process at a free of the third slot",
		func(t props.Target) props.Target { return crashing{t} }),
	like("test/harms", "is test/crashes, and after one program dies of the first slot",
		func(t props.Target) props.Target {
			harmed++
			return crashing{harming{t, harmed > 1}}
		}),
	{Name: "test/moody", Subject: "heap", Doc: "is wrong in every third allocator",
		Contract: heap.ReferenceContract, New: func() *props.Subject {
			opened := 0
			open := func(w heaptest.World) (heaptest.Allocator, error) {
				opened++
				a, err := reference(w)
				return moody{a, opened%3 == 0}, err
			}
			return heaptest.Subject("test/moody", heap.ReferenceContract, open)
		}},
	{Name: "test/idle", Subject: "heap", Doc: "refuses everything",
		Contract: heap.Contract{MayRefuse: true, Retained: -1}, New: func() *props.Subject {
			open := func(w heaptest.World) (heaptest.Allocator, error) {
				a, err := reference(w)
				return idle{a}, err
			}
			return heaptest.Subject("test/idle", heap.Contract{MayRefuse: true, Retained: -1}, open)
		}},
	{Name: "test/slow", Subject: "heap", Doc: "takes a millisecond for each operation",
		Contract: heap.ReferenceContract, New: func() *props.Subject {
			open := func(w heaptest.World) (heaptest.Allocator, error) {
				a, err := reference(w)
				return slow{a}, err
			}
			return heaptest.Subject("test/slow", heap.ReferenceContract, open)
		}},
}

// faultless is a canary without a defect.
var faultless = canarytest.Canary{
	Name: "test-right", Doc: "is right", Rule: heap.Disjoint, Programs: 2,
	Subject: func() *props.Subject { return heaptest.Subject("canary/test-right", heap.ReferenceContract, reference) },
}

// idle refuses everything, as it may.
type idle struct{ heaptest.Allocator }

func (idle) Alloc(uintptr) ptr { return nil }

func reference(heaptest.World) (heaptest.Allocator, error) { return heap.NewReference(), nil }

type hanging struct{ props.Target }

func (h hanging) Do(op prog.Op) prog.Outcome {
	if heaptest.Lang.Info(op.Kind).Name == "free" && op.Args[0] == 2 {
		time.Sleep(time.Hour)
	}
	return h.Target.Do(op)
}

type crashing struct{ props.Target }

func (c crashing) Do(op prog.Op) prog.Outcome {
	out := c.Target.Do(op)
	if heaptest.Lang.Info(op.Kind).Name == "free" && op.Args[0] == 2 && out.Status == prog.OK {
		new(sync.Mutex).Unlock() // nothing recovers from it
	}
	return out
}

// harmed is how many programs test/harms has run.
var harmed int

type harming struct {
	props.Target
	harmed bool
}

func (h harming) Do(op prog.Op) prog.Outcome {
	if h.harmed && heaptest.Lang.Info(op.Kind).Name == "alloc" && op.Args[0] == 0 {
		new(sync.Mutex).Unlock()
	}
	return h.Target.Do(op)
}

type moody struct {
	heaptest.Allocator
	wrong bool
}

func (m moody) Alloc(n uintptr) ptr {
	p := m.Allocator.Alloc(n + 16)
	if m.wrong && p != nil {
		return unsafe.Add(p, 1)
	}
	return p
}

func (m moody) Free(p ptr) {
	if !m.wrong {
		m.Allocator.Free(p)
	}
}

// ptr is unsafe.Pointer.
type ptr = unsafe.Pointer

type slow struct{ heaptest.Allocator }

func (s slow) Alloc(n uintptr) ptr {
	time.Sleep(time.Millisecond)
	return s.Allocator.Alloc(n)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"leaves": leaves, "zstd": pack}})
}

// leaves runs heapfuzz and compares what it leaves with: "leaves 2 replay missing.txt".
func leaves(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: leaves STATUS ARGUMENT...")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec("heapfuzz", args[1:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("it left with %d, want %s", got, args[0])
	}
}

// pack packs a file with zstd, beside itself: "zstd x.txt" makes x.txt.zst.
func pack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: zstd FILE")
	}
	z, err := zstd.NewWriter(nil)
	ts.Check(err)
	packed := z.EncodeAll([]byte(ts.ReadFile(args[0])), nil)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".zst"), packed, 0o644))
}

// TestEmittersKnowEveryOperation sees to it that a new operation gets its function in both languages.
func TestEmittersKnowEveryOperation(t *testing.T) {
	for _, row := range heaptest.Lang.Spec.Rows {
		if want := "\nfunc (h *checked) " + camel(row.Name) + "("; !strings.Contains(goText, want) {
			t.Errorf("emit_go.txt lacks %q", want)
		}
		if want := "\n#define heap_" + snake(row.Name) + "("; !strings.Contains(cText, want) {
			t.Errorf("emit_c.txt lacks %q", want)
		}
	}
}

// reproducers are programs on canaries that break a rule which the emitted code sees as well. Macro is the defect in
// bad.c that is the canary's.
var reproducers = []struct{ canary, rule, macro, program string }{
	{"pop-twice", "heap/disjoint", "POP_TWICE",
		"p0 = alloc size=49\np1 = alloc size=49\np2 = alloc size=49\np3 = alloc size=49"},
	{"calloc-dirty", "heap/zeroed", "CALLOC_DIRTY", "p0 = calloc n=1 size=129"},
	{"calloc-overflow", "heap/overflow", "CALLOC_OVERFLOW", "p0 = calloc n=2305843009213693953 size=8"},
	{"realloc-last-byte", "heap/realloc", "REALLOC_LAST_BYTE", "p0 = alloc size=33\nrealloc p0 size=17"},
	{"aligned-forgets", "heap/aligned", "ALIGNED_FORGETS", "p0 = alloc size=0\np1 = aligned align=128 size=0"},
	{"link-in-next", "heap/content", "LINK_IN_NEXT", "p0 = calloc n=17 size=1\np1 = calloc n=17 size=1"},
}

// emit writes the reproducer of a canary and returns what show makes of it.
func emit(t *testing.T, dir, canary, rule, program, form string) []byte {
	t.Helper()
	path := filepath.Join(dir, canary+".txt")
	text := "# property conforms\n# rule " + rule + "\n# target canary/" + canary + "\n" + program + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := command(t.Context(), []string{"show", path, form}, &out, &errs); code != exitFine {
		t.Fatalf("show %s %s: %d, %s", canary, form, code, errs.String())
	}
	if !strings.Contains(out.String(), rule+": ") {
		t.Fatalf("%s does not break %s any more:\n%s", canary, rule, out.String())
	}
	return out.Bytes()
}

// TestShowC compiles the programs, and runs them with an allocator that has the canary's defect, with it when it has
// none, and with the C library.
func TestShowC(t *testing.T) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to compile what show -c prints")
	}
	// compile makes an object of a source, or a program of objects.
	compile := func(t *testing.T, args ...string) {
		t.Helper()
		args = append([]string{"-std=c11", "-Wall", "-Wextra", "-Werror"}, args...)
		if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v\n%s", err, out)
		}
	}
	right := filepath.Join(t.TempDir(), "right.o")
	compile(t, "-c", "-o", right, "testdata/bad.c")
	for _, r := range reproducers {
		t.Run(r.canary, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			source := filepath.Join(dir, "reproducer.c")
			if err := os.WriteFile(source, emit(t, dir, r.canary, r.rule, r.program, "-c"), 0o644); err != nil {
				t.Fatal(err)
			}
			run := func(name string, args ...string) (string, error) {
				bin := filepath.Join(dir, name)
				compile(t, append([]string{"-o", bin}, args...)...)
				out, err := exec.Command(bin).CombinedOutput()
				return string(out), err
			}
			calls, wrong := filepath.Join(dir, "calls.o"), filepath.Join(dir, "wrong.o")
			compile(t, "-c", "-o", calls, "-DALLOC=bad_malloc", "-DFREE=bad_free", "-DCALLOC=bad_calloc",
				"-DREALLOC=bad_realloc", "-DALIGNED=bad_aligned", source)
			compile(t, "-c", "-o", wrong, "-D"+r.macro, "testdata/bad.c")
			if out, err := run("libc", source); err != nil {
				t.Errorf("with the C library: %v\n%s", err, out)
			}
			if out, err := run("right", calls, right); err != nil {
				t.Errorf("with an allocator without a defect: %v\n%s", err, out)
			}
			out, err := run("wrong", calls, wrong)
			if err == nil || !strings.HasPrefix(out, r.rule+": ") {
				t.Errorf("with %s: %v, want %s\n%s", r.macro, err, r.rule, out)
			}
		})
	}
}

// TestShowGo runs the tests in a module beside ours, as a user would.
func TestShowGo(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles Go")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := "module example.org/reproducer\n\ngo 1.26\n\nrequire heapfuzz v0.0.0\n\nreplace heapfuzz => " + root + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644); err != nil {
		t.Fatal(err)
	}
	tried := reproducers[:2]
	for _, r := range tried {
		sub := filepath.Join(dir, r.canary)
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		code := emit(t, dir, r.canary, r.rule, r.program, "-go")
		if err := os.WriteFile(filepath.Join(sub, "reproducer_test.go"), code, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tool := func(args ...string) (string, error) {
		c := exec.Command("go", args...)
		c.Dir, c.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := tool("vet", "./..."); err != nil {
		t.Fatalf("go vet: %v\n%s", err, out)
	}
	out, err := tool("test", "-vet=off", "-ldflags=-s -w", "./...")
	if err == nil {
		t.Errorf("go test passes:\n%s", out)
	}
	for _, r := range tried {
		if !strings.Contains(out, ": "+r.rule+": ") {
			t.Errorf("%s: no %s in the output:\n%s", r.canary, r.rule, out)
		}
	}
}

// TestSeedIsCampaign sees to it that all counts of a campaign follow from the seed, on every target that is meant to
// be right.
func TestSeedIsCampaign(t *testing.T) {
	targets, err := choose("all", "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := campaigned(targets, nil)
	if err != nil {
		t.Fatal(err)
	}
	programs := 4 // the last two of them are bred
	if testing.Short() {
		programs = 3
	}
	counts := func(workers int) (lines []string) {
		res, err := campaign.Run(t.Context(), campaign.Config{Targets: list, Seed: 5, Programs: programs,
			Epoch: 1, Workers: workers, KeepGoing: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range res.Verdicts {
			lines = append(lines, fmt.Sprintln(v.Target, v.Programs, v.Answers, v.Live, v.Coverage, v.Broken))
		}
		return lines
	}
	if d := cmp.Diff(counts(1), counts(3)); d != "" {
		t.Errorf("-1 worker +3 workers:\n%s", d)
	}
}

func TestDashes(t *testing.T) {
	args := strings.Fields("run -seed 7 -o - -keep-going=false --json -c -- -seed")
	got := strings.Join(twoDashes(args), " ")
	if want := "run --seed 7 -o - --keep-going=false --json -c -- -seed"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want := "  -o, -out folder\n      -seed number"
	if got := oneDash("  -o, --out folder\n      --seed number"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	var seed uint64
	var c bool
	flags := func(args ...string) *pflag.FlagSet {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.Uint64Var(&seed, "seed", 1, "")
		f.BoolVar(&c, "c", false, "")
		if err := f.Parse(args); err != nil {
			t.Fatal(err)
		}
		return f
	}
	env := func(name string) (string, bool) { return "5", name == "HEAPFUZZ_SEED" || name == "HEAPFUZZ_C" }
	if err := fromEnvironment(flags(), env); err != nil || seed != 5 || c {
		t.Errorf("seed %d, c %v, %v; want that of the environment", seed, c, err)
	}
	if err := fromEnvironment(flags("--seed=7"), env); err != nil || seed != 7 {
		t.Errorf("seed %d, %v; want that of the command line", seed, err)
	}
	wrong := func(string) (string, bool) { return "many", true }
	if err := fromEnvironment(flags(), wrong); err == nil || !strings.HasPrefix(err.Error(), `HEAPFUZZ_SEED="many": `) {
		t.Errorf("%v, want an error that names the variable", err)
	}
}

func TestTable(t *testing.T) {
	var tb table
	tb.add("NAME", ">COUNT", "NOTE")
	tb.add("é", "1,234", "x")
	tb.add("long", "5", "")
	var b bytes.Buffer
	if err := tb.print(&b); err != nil {
		t.Fatal(err)
	}
	if want := "NAME  COUNT  NOTE\né     1,234  x\nlong      5\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := commas(n); got != want {
			t.Errorf("%d prints as %s, want %s", n, got, want)
		}
	}
}

func TestPeakAt(t *testing.T) {
	for text, want := range map[string]int{
		"p0 = alloc size=10\np1 = alloc size=10\nfree p0\np2 = alloc size=5":    1,
		"p0 = alloc size=10\nrealloc p0 size=50\nrealloc p0 size=5":             1,
		"p0 = calloc n=10 size=10\nfree p0\np0 = alloc size=99":                 0,
		"p0 = alloc size=10\nfree p0\np0 = aligned align=64 size=11\nverify p0": 2,
	} {
		if got := peakAt(heaptest.Lang.Spec, heaptest.Lang.MustParse(text)); got != want {
			t.Errorf("the peak is at %d, want %d, in\n%s", got, want, text)
		}
	}
}

// TestProgressIsPlain sees to it that no escape sequence gets into a log.
func TestProgressIsPlain(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "-target", "reference", "-programs", "3", "-seed", "1", "-o", t.TempDir()}
	code := command(t.Context(), args, io.Discard, w)
	w.Close()
	out, _ := io.ReadAll(r)
	if code != exitFine || bytes.ContainsAny(out, "\x1b\r") {
		t.Errorf("code %d, %q", code, out)
	}
}
