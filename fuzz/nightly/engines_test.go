package nightly

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/props"
)

// fakeVar says to the test binary that it is the tool whose name it was started under: go, which builds by making
// another name for the test binary; clang; an engine; or heapfuzz. They print what the real ones print. The value says
// how engines behave:
//
//	well    they execute
//	idle    they end in what they are given, and execute nothing
//	breaks  they find a program that breaks a rule, and breaks it again
//	flaky   they find one that breaks none when it runs again
//	dies    as breaks, and a coordinator dies then
//	blind   they execute, and see another rule broken than that of a canary
//	hunts   the hunt on reference cannot do its work, and that on go-heap is killed each time
const fakeVar = "HEAPFUZZ_TEST_FAKE"

// Programs with these operations break a rule, in the eyes of the false heapfuzz: one of heaps, or they kill.
const (
	breaking = "alloc size=113"
	killing  = "alloc size=114"
	harmless = "p0 = alloc size=8\n"
)

// fakes makes a folder of false tools, which come before all others, and a night that uses them. Its project has an
// open finding, a program that kills, and one without fault.
func fakes(t *testing.T, how string) *Night {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"go", "clang", "go-fuzz", "heapfuzz"} {
		if err := os.Symlink(exe, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(fakeVar, how)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	n := &Night{Store: At(filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "corpus")), Root: t.TempDir(),
		Self: []string{filepath.Join(dir, "heapfuzz")}, Log: t.Output(), runLeast: 100 * time.Millisecond}
	for name, program := range map[string]string{"open": "p0 = " + breaking + "\n", "kills": "p0 = " + killing + "\n",
		"fine": harmless} {
		text := "# property conforms\n# rule heap/disjoint\n# target slab\n" + program
		if err := n.Store.write(filepath.Join(n.Store.found("heap"), name+".txt"), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func fake(tool, how string, args []string) int {
	// value is that of a flag: of -name=value, or behind -o.
	value := func(name string) string {
		for i, a := range args {
			if of, ok := strings.CutPrefix(a, name+"="); ok {
				return of
			}
			if a == name && i+1 < len(args) {
				return args[i+1]
			}
		}
		return ""
	}
	switch tool {
	case "go", "clang":
		return fakeBuild(args, value("-o"))
	case "heapfuzz":
		if target := value("-target"); how == "hunts" && args[0] == "night-hunt" {
			switch target {
			case "reference":
				return leftFinding + 1
			case "go-heap":
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
		return fakeSelf(args, value("-o"))
	}
	if canary := os.Getenv("HEAPFUZZ_TARGET"); canary != "" {
		return fakeControl(tool, how, canary)
	}
	switch tool {
	case "fuzz.test":
		name := strings.Trim(value("-test.fuzz"), "^$")
		return fakeNative(how, name, filepath.Join(value("-test.fuzzcachedir"), name))
	case "go-fuzz":
		return fakeGoFuzz(how, value("-coordinator") != "", filepath.Join(value("-workdir"), "corpus"))
	case "fuzz":
		return fakeLibFuzzer(how, args[len(args)-1], value("-artifact_prefix"))
	}
	return 3
}

func fakeBuild(args []string, out string) int {
	exe, err := os.Executable()
	switch {
	case slices.Contains(args, "-n"): // go tool -n go-fuzz
		path := filepath.Join(filepath.Dir(os.Args[0]), "go-fuzz")
		if !filepath.IsAbs(path) {
			path = filepath.Join(strings.SplitN(os.Getenv("PATH"), ":", 2)[0], "go-fuzz")
		}
		fmt.Println(path)
	case out == "", out == os.DevNull:
	default:
		os.Remove(out)
		if err == nil {
			err = os.Symlink(exe, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// verdictOf is the rule that a program breaks in the eyes of the false heapfuzz.
func verdictOf(text string) string {
	switch {
	case strings.Contains(text, breaking):
		return "heap/disjoint"
	case strings.Contains(text, killing):
		return "run/alive crash"
	}
	return ""
}

// fakeSelf is heapfuzz replay and shrink, and a hunt that finds nothing.
func fakeSelf(args []string, out string) int {
	left := leftFine
	if args[0] == "night-hunt" {
		return left
	}
	for _, path := range args[1:] {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // a flag
		}
		rule := verdictOf(string(data))
		if rule != "" {
			left = leftFinding
		}
		switch {
		case args[0] == "replay" && rule == "run/alive crash":
			fmt.Println("run/alive: the process died")
			return left
		case args[0] == "replay":
			json.NewEncoder(os.Stdout).Encode(map[string]string{"from": path, "signature": rule})
		case rule != "":
			t, err := fuzz.Lookup(props.ReproHead(data).Target)
			if err != nil {
				return 2
			}
			repro, err := props.ParseRepro(t.Language().Spec, path, data)
			repro.Rule = rule
			if err != nil || os.MkdirAll(out, 0o777) != nil || os.WriteFile(filepath.Join(out,
				repro.Name(t.Language().Spec)), repro.Text(t.Language().Spec), 0o666) != nil {
				return 2
			}
		}
	}
	return left
}

// baseline tells whether an engine lives through what it is given, of which there is something.
func baseline(how, dir string) bool {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return false
		}
		if raw, err := FromNative(data); err == nil {
			data = raw
		}
		if spec := fuzz.Languages()[0].Spec; verdictOf(string(spec.Format(FromRaw(spec, data)))) != "" {
			return false
		}
	}
	return err == nil && how != "idle" && (len(entries) > 0 || !strings.Contains(dir, "Heap"))
}

// crasher is what an engine finds, nil when it finds nothing.
func crasher(how string) []byte {
	broken := "p0 = " + breaking + "\np1 = alloc size=1\n"
	text := map[string]string{"breaks": broken, "dies": broken, "flaky": harmless}[how]
	if text == "" {
		return nil
	}
	spec := fuzz.Languages()[0].Spec
	p, err := spec.Parse("", strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return ToRaw(spec, p)
}

// fakeControl is an engine that is tried on a canary: it goes on when it has found it.
func fakeControl(tool, how, name string) int {
	rule := "heap/nothing"
	for _, l := range fuzz.Languages() {
		if c, ok := canarytest.Lookup(l.Canary(), name); ok && how != "blind" {
			rule = c.RuleName()
		}
	}
	text := "# property conforms\n# rule " + rule + "\n# target " + name + "\n" + harmless
	if err := os.WriteFile(filepath.Join(os.Getenv("HEAPFUZZ_KEEP"), "a.txt"), []byte(text), 0o666); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	if how == "blind" && tool != "go-fuzz" {
		return 0
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	<-c // or it is killed
	return 0
}

func fakeNative(how, name, cache string) int {
	// It begins with all that is in testdata too.
	before, _ := filepath.Glob(filepath.Join("testdata", "fuzz", name, "*"))
	if !baseline(how, cache) || len(before) > 0 {
		fmt.Fprint(os.Stderr, "fuzz: elapsed: 0s, gathering baseline coverage: 0/192 completed\n")
		fmt.Printf("--- FAIL: %s (0.52s)\n    --- FAIL: %s (0.00s)\nFAIL\n", name, name)
		return 1
	}
	_, err := os.Stat("crashed-" + name)
	if raw := crasher(how); raw != nil && name == "FuzzHeap" && err != nil {
		file, text := ToNative(raw)
		dir := filepath.Join("testdata", "fuzz", name)
		if os.MkdirAll(dir, 0o777) != nil || os.WriteFile(filepath.Join(dir, file), text, 0o666) != nil ||
			os.WriteFile("crashed-"+name, nil, 0o666) != nil {
			return 3
		}
		fmt.Fprint(os.Stderr, "fuzz: elapsed: 0s, execs: 12 (24/sec), new interesting: 0 (total: 192)\n")
		fmt.Printf("--- FAIL: %s (0.52s)\nFAIL\n", name)
		return 1
	}
	fmt.Fprint(os.Stderr, "fuzz: elapsed: 0s, gathering baseline coverage: 0/192 completed\n"+
		"fuzz: elapsed: 3s, execs: 701 (233/sec), new interesting: 4 (total: 196)\n")
	fmt.Println("PASS")
	return 0
}

func fakeGoFuzz(how string, coordinator bool, corpus string) int {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	if coordinator && baseline(how, corpus) {
		fmt.Fprintln(os.Stderr, "2026/11/21 17:00:00 workers: 1, corpus: 77 (1s ago), crashers: 0, "+
			"execs: 58747 (6/sec)")
	}
	if raw := crasher(how); coordinator && raw != nil {
		dir := filepath.Join(filepath.Dir(corpus), "crashers")
		name := filepath.Join(dir, strings.Repeat("0a", 20))
		if os.MkdirAll(dir, 0o777) != nil || os.WriteFile(name, raw, 0o666) != nil {
			return 3
		}
	}
	if coordinator && how == "dies" {
		return 2
	}
	<-c
	return 0
}

func fakeLibFuzzer(how, corpus, crashers string) int {
	fmt.Fprintln(os.Stderr, "INFO: -fork=1: fuzzing in separate process(s)")
	if raw := crasher(how); raw != nil && os.WriteFile(crashers+"crash-1", raw, 0o666) != nil {
		return 3
	}
	if baseline(how, corpus) {
		fmt.Fprintln(os.Stderr, "#45863: cov: 2 ft: 2 corp: 1 exec/s 22931 oom/timeout/crash: 0/0/0 time: 6s job: 1 "+
			"dft_time: 0")
	}
	if crasher(how) != nil {
		return libFuzzerFound
	}
	return 0
}

// replays is how long it takes here until an engine has what it is given: some processes that start.
func replays(t *testing.T) time.Duration {
	t.Helper()
	n, begun := fakes(t, "well"), time.Now()
	if _, err := n.give(t.Context(), fuzz.Languages()[0], filepath.Join(t.TempDir(), "corpus"), false); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun)
}

// TestEngines has each engine execute, execute nothing, and find. The heap's project has programs of which an engine
// would die before it executes anything else.
func TestEngines(t *testing.T) {
	took := replays(t)
	for _, engine := range []struct {
		name       string
		do         func(*Night) Result
		executions float64 // of one round
	}{
		{"native", func(n *Night) Result { return n.native(t.Context(), 1500*time.Millisecond) }, 701},
		{"go-fuzz", func(n *Night) Result { return n.goFuzz(t.Context(), time.Second+8*took) }, 58747},
		{"libfuzzer", func(n *Night) Result { return n.libFuzzer(t.Context(), 4*time.Second) }, 45863},
	} {
		t.Run(engine.name+" breaks", func(t *testing.T) {
			n := fakes(t, "breaks")
			r := engine.do(n)
			if r.Status != Finding || len(r.Found) != 1 || r.Found[0].Verdict != "new" || len(r.Warnings) > 0 {
				t.Errorf("%+v", r)
			}
		})
		t.Run(engine.name+" well", func(t *testing.T) {
			n := fakes(t, "well")
			r := engine.do(n)
			missed := func(c Control) bool { return !c.Right || len(c.Missed) > 0 }
			if r.Status != OK || len(r.Figures) == 0 || len(r.Found) > 0 || len(r.Controls) == 0 ||
				slices.ContainsFunc(r.Controls, missed) {
				t.Errorf("%+v", r)
			}
			for name, number := range r.Figures {
				if number < engine.executions || int(number)%int(engine.executions) != 0 {
					t.Errorf("%s: %v", name, number)
				}
			}
		})
		t.Run(engine.name+" blind", func(t *testing.T) {
			n := fakes(t, "blind")
			n.canaryMax = 500 * time.Millisecond
			r := engine.do(n)
			found := func(c Control) bool { return c.Right || len(c.Missed) != canariesMax-1 }
			if r.Status != Failed || r.Exit != ExitControl || len(r.Controls) == 0 ||
				slices.ContainsFunc(r.Controls, found) || !strings.Contains(r.Reason, " should break ") {
				t.Errorf("no canary was found, and it is %+v", r)
			}
		})
		t.Run(engine.name+" idle", func(t *testing.T) {
			n := fakes(t, "idle")
			// What the night before has left in the log is no execution of this one.
			for _, log := range []string{"native", "go-fuzz-coordinator", "libfuzzer"} {
				path := n.Store.path("logs", log+".log")
				if err := n.Store.write(path, []byte("#99\tpulse\nexecs: 99\n")); err != nil {
					t.Fatal(err)
				}
			}
			if r := engine.do(n); r.Status != Failed || !strings.HasPrefix(r.Reason, "no ") {
				t.Errorf("nothing was executed, and it is %+v", r)
			}
		})
	}
}

// TestDeadCoordinator has a coordinator die each time that it is started: the step fails, and what was found is a
// finding all the same.
func TestDeadCoordinator(t *testing.T) {
	took := replays(t)
	r := fakes(t, "dies").goFuzz(t.Context(), 20*time.Second+8*took) // it ends with the last death
	if r.Status != Failed || !strings.Contains(r.Reason, "the coordinator died") || !r.leaves(ExitFinding) {
		t.Errorf("%+v", r)
	}
}

// TestNoTime gives engines no time to run: what did not run is not ok.
func TestNoTime(t *testing.T) {
	n := fakes(t, "well")
	n.runLeast = 0
	for name, do := range map[string]func(*Night) Result{
		"native":    func(n *Night) Result { return n.native(t.Context(), time.Second) },
		"go-fuzz":   func(n *Night) Result { return n.goFuzz(t.Context(), time.Second) },
		"libfuzzer": func(n *Night) Result { return n.libFuzzer(t.Context(), time.Second) },
	} {
		if r := do(n); r.Status != Skipped {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestNativeGoesOn ends a round at a crasher: the next one begins without it, and executes.
func TestNativeGoesOn(t *testing.T) {
	n, l := fakes(t, "breaks"), fuzz.Languages()[0]
	dir, err := n.work("native")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "fuzz.test")
	if code := fakeBuild(nil, binary); code != 0 {
		t.Fatal("no binary")
	}
	for round, want := range []float64{12, 701, 701} {
		if got, err := n.nativeRound(t.Context(), l, dir, binary, time.Second); got != want || err != nil {
			t.Errorf("round %d: %v executions, %v", round, got, err)
		}
	}
	kept, err := filepath.Glob(n.Store.path("kept", "engine-*.txt"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept: %q, %v", kept, err)
	}
}

// TestSound looks at what engines are given: what breaks no rule, and nothing else, however often one kills.
func TestSound(t *testing.T) {
	n, l := fakes(t, "well"), fuzz.Languages()[0]
	for i := range 3 { // between others in the order of names, or before, or behind
		for _, op := range []string{killing, breaking, "alloc size=9"} {
			text := strings.Repeat("p0 = alloc size=16\n", i) + "p1 = " + op + "\n"
			p, err := l.Spec.Parse("", strings.NewReader(text))
			if err == nil {
				_, err = n.Store.add(l, p)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "engine")
	if _, err := n.give(t.Context(), l, dir, false); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 || !baseline("well", dir) {
		t.Errorf("%d programs are given, and not 3 and the project's: %v", len(entries), err)
	}
	if all, _, err := n.Store.programs(l); err != nil || len(all) != 12 {
		t.Errorf("the corpus has %d programs, and not 9 and the project's 3: %v", len(all), err)
	}
}

// foundOf are the names of the files in found of heaps.
func foundOf(t *testing.T, n *Night) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(n.Store.found("heap"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// keep puts a crasher of slab among those that are kept.
func keep(t *testing.T, n *Night, program string) {
	t.Helper()
	text := "# property conforms\n# rule heap/disjoint\n# target slab\n" + program
	if err := n.Store.write(n.Store.path("kept", "a.txt"), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// TestPromoted promotes a crasher of which found has the key: by a file that still breaks the rule, and by one that is
// mended alone. The latter tells nothing of a defect of today.
func TestPromoted(t *testing.T) {
	n := fakes(t, "well")
	crash := "p0 = " + breaking + "\np1 = alloc size=1\n"
	open := filepath.Join(n.Store.found("heap"), "open.txt")
	keep(t, n, crash)
	r := n.promoted(t.Context(), Result{Status: OK})
	if names := foundOf(t, n); r.Status != Finding || len(r.Found) != 1 || r.Found[0].File != open || len(names) != 3 {
		t.Errorf("a defect that is known: %+v\n%q", r, names)
	}
	if err := os.Remove(open); err != nil {
		t.Fatal(err)
	}
	keep(t, n, crash)
	r = n.promoted(t.Context(), Result{Status: OK})
	names := foundOf(t, n)
	if r.Status != Finding || len(r.Found) != 1 || r.Found[0].Verdict != "new" || len(names) != 3 ||
		!strings.Contains(r.Found[0].Program, crash) {
		t.Errorf("a defect beside one that is mended: %+v\n%q", r, names)
	}
	if kept, err := filepath.Glob(n.Store.path("kept", "*.txt")); err != nil || len(kept) > 0 {
		t.Errorf("left: %q, %v", kept, err)
	}
}

// TestStanding looks which files a hunt is told to be known: those that break the rule of their head now, and not one
// that is mended or breaks another.
func TestStanding(t *testing.T) {
	n := fakes(t, "well")
	slab, err := fuzz.Lookup("slab")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.huntTarget(t.Context(), slab, time.Second); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(n.Store.path("logs", "campaign.log"))
	if known := strings.Count(string(log), "-known"); err != nil || known != 1 ||
		!strings.Contains(string(log), "-known "+filepath.Join(n.Store.found("heap"), "open.txt")) {
		t.Errorf("%d are known, and not open.txt alone: %v\n%s", known, err, log)
	}
}

// TestBroken replays files of which one ends the process, in a share of no length: each is told of.
func TestBroken(t *testing.T) {
	n := fakes(t, "well")
	files, err := filepath.Glob(filepath.Join(n.Store.found("heap"), "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	broken, err := n.broken(t.Context(), files, 0)
	for file, rule := range broken {
		got[filepath.Base(file)] = rule
	}
	want := map[string]string{"fine.txt": "", "kills.txt": "run/alive crash", "open.txt": "heap/disjoint"}
	if !maps.Equal(got, want) || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAgain looks at files of findings that break their rule, none, or another: that of a canary is not caught then.
func TestAgain(t *testing.T) {
	for _, row := range []struct{ target, rule, now, verdict, why string }{
		{"slab", "heap/disjoint", "heap/disjoint", "again", ""},
		{"slab", "heap/content", "heap/disjoint", "again", ""},
		{"slab", "heap/disjoint", "", "fixed", "it breaks no rule now"},
		{"slab", "heap/disjoint", "?", "not told", "its replay came to no end"},
		{"nobody", "heap/disjoint", "", "target gone", "no target"},
		{"canary/pop-twice", "heap/disjoint", "heap/disjoint", "again", ""},
		{"canary/pop-twice", "heap/disjoint", "heap/size", "other", "heap/size now, and not heap/disjoint"},
		{"canary/pop-twice", "heap/disjoint", "", "fixed", "it breaks no rule now"},
		{"canary/pop-twice", "heap/content p", "conforms: heap/content q", "again", ""},
	} {
		n := fakes(t, "well")
		file := filepath.Join(n.Store.found("heap"), "a.txt")
		text := "# property conforms\n# rule " + row.rule + "\n# target " + row.target + "\n" + harmless
		if err := n.Store.write(file, []byte(text)); err != nil {
			t.Fatal(err)
		}
		broken := map[string]string{}
		if row.now != "?" {
			broken[file] = row.now
		}
		f, err := n.again(t.Context(), file, broken)
		if err != nil || f.Verdict != row.verdict || !strings.Contains(f.Why, row.why) ||
			f.Verdict == "again" && !strings.Contains(row.now, strings.Fields(f.Rule)[0]) {
			t.Errorf("%+v: %+v, %v", row, f, err)
		}
	}
}

// TestTroubledHunts has a campaign in which the hunt on one target fails, and that on another is killed: what the third
// found is told all the same, of two files of which a person has removed one.
func TestTroubledHunts(t *testing.T) {
	n := fakes(t, "hunts")
	n.Targets = []string{"reference", "go-heap", "slab"}
	file := func(name string) string { return filepath.Join(n.Store.found("heap"), name) }
	h := &Hunted{Target: "slab", Language: "heap", Programs: 1, Tonight: []string{file("gone.txt"), file("open.txt")}}
	if err := n.Store.writeJSON(n.Store.huntPath("slab"), h); err != nil {
		t.Fatal(err)
	}
	r := n.campaign(t.Context(), time.Second)
	said := strings.Join(append(r.Warnings, r.Reason), "\n")
	if r.Status != Failed || !r.leaves(ExitFinding) || len(r.Found) != 1 || r.Found[0].File != file("open.txt") ||
		len(r.Targets) != 1 {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"reference: its hunt left with 2", "go-heap: nothing was tried",
		"gone.txt was removed"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing is said of %q:\n%s", want, said)
		}
	}
	if _, err := (&Hunt{Store: n.Store}).known(h); err != nil {
		t.Errorf("a file that was removed: %v", err)
	}
}

// TestConclude has a step fail in several ways: it leaves with the first of exits, and says all.
func TestConclude(t *testing.T) {
	r := Result{Status: OK}
	for i, row := range []struct {
		s    Status
		exit int
		want int // of the rows, whose reason stays
	}{{Failed, 0, 0}, {Failed, ExitSlower, 0}, {Failed, ExitVacuous, 2}, {Failed, ExitFailed, 2},
		{Failed, ExitControl, 4},
		{Failed, ExitControl, 4}, {Finding, 0, 6}, {Failed, ExitControl, 6}} {
		r.conclude(row.s, row.exit, fmt.Sprint(i))
		if r.Reason != fmt.Sprint(row.want) || len(r.Warnings) != i {
			t.Errorf("behind row %d: %+v", i, r)
		}
	}
}

// TestNew looks at findings of two days in one night, and of another night on the same day.
func TestNew(t *testing.T) {
	n := fakes(t, "well")
	for notes, want := range map[string]string{
		"# found 2020-01-01\n# " + n.tonight() + "\n":   "new",
		"# " + n.notes()[0] + "\n# night 7 of seed 0\n": "again",
	} {
		file := filepath.Join(n.Store.found("heap"), "a.txt")
		text := "# property conforms\n# rule heap/disjoint\n# target slab\n" + notes + "p0 = " + breaking + "\n"
		if err := n.Store.write(file, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if f, err := n.look(t.Context(), file, "slab"); err != nil || f.Verdict != want {
			t.Errorf("%q is %q, and not %q: %v", notes, f.Verdict, want, err)
		}
	}
}

// TestStaysVacuous counts slices: one that mutates the corpus takes back nothing of what one without said.
func TestStaysVacuous(t *testing.T) {
	slice := func(effective, skipped uint64) *campaign.Verdict {
		v := &campaign.Verdict{Answers: [4]uint64{effective, skipped}, Meter: &props.Meter{}}
		v.Meter.Programs, v.Meter.Busy, v.Meter.Answers = 100, 100, v.Answers
		v.Meter.Names, v.Meter.Times = []string{"a"}, []uint64{effective}
		return v
	}
	h := &Hunted{Ever: map[string]uint64{"a": 1, "gone": 9}, Seen: map[string]uint64{}}
	h.count(slice(0, props.VacuousFrom), false, nil, nil)
	if h.Vacuous == "" {
		t.Error("no operation had an effect, and that is no matter")
	}
	h.count(slice(props.VacuousFrom, 0), true, nil, nil)
	if h.Vacuous == "" {
		t.Error("a slice of mutations says that the target is well")
	}
	h.count(slice(props.VacuousFrom, 0), false, nil, nil)
	if h.Vacuous != "" {
		t.Errorf("it is well, and %s", h.Vacuous)
	}
	want := "1, 1 of 1" // gone has no name any more
	if h.States() != want || h.Ever["a"] != 1+2*props.VacuousFrom || h.Seen["a"] != 2*props.VacuousFrom {
		t.Errorf("%s, and not %s: %v, %v", h.States(), want, h.Ever, h.Seen)
	}
}

// TestPass passes a slice over in which a target died: what is counted is what the process left, which has no notes,
// and what still kills; not what killed in another night and is mended.
func TestPass(t *testing.T) {
	n := fakes(t, "well")
	slab, err := fuzz.Lookup("slab")
	if err != nil {
		t.Fatal(err)
	}
	path := func(name string) string { return filepath.Join(n.Store.found("heap"), name+".txt") }
	dated := "# found 2026-01-01\n"
	for name, note := range map[string]string{"left": "", "mended": dated, "still": dated} {
		text := "# property conforms\n# rule run/alive crash\n# target slab\n" + note + harmless
		if err := n.Store.write(path(name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	h, err := n.Store.hunted("slab")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.pass(slab, h, []string{path("still")}); err != nil {
		t.Fatal(err)
	}
	if want := []string{path("left"), path("still")}; !slices.Equal(h.Tonight, want) || h.Next != 1 || h.Crashed != 1 {
		t.Errorf("%+v", h)
	}
}

// TestFlaky promotes a crasher that breaks no rule when it runs again: it is moved, two of them with one name do not
// become one, and the report says so.
func TestFlaky(t *testing.T) {
	n := fakes(t, "well")
	for i, program := range []string{harmless, "p0 = alloc size=9\n"} {
		keep(t, n, program)
		r := n.promoted(t.Context(), Result{Status: OK})
		if r.Status != OK || len(r.Found) != 1 || r.Found[0].Verdict != "flaky" || r.Found[0].Language != "heap" {
			t.Fatalf("%+v", r)
		}
		if data, err := os.ReadFile(r.Found[0].File); err != nil || !strings.HasSuffix(string(data), program) {
			t.Errorf("%s: %v", data, err)
		}
		report := Report{Results: []Result{r}}
		if others := report.Others(); len(others) != 1 || others[0].Why == "" {
			t.Errorf("the report has %+v", others)
		}
		aside, _ := filepath.Glob(n.Store.path("kept", "flaky", "*.txt"))
		left, _ := filepath.Glob(n.Store.path("kept", "*.txt"))
		if len(aside) != i+1 || len(left) > 0 {
			t.Errorf("set aside: %q, left: %q", aside, left)
		}
	}
	took := replays(t)
	if r := fakes(t, "flaky").libFuzzer(t.Context(), time.Second+8*took); r.Status != OK || len(r.Found) != 1 ||
		r.Found[0].Verdict != "flaky" {
		t.Errorf("an engine's: %+v", r)
	}
	if names := foundOf(t, n); len(names) != 3 {
		t.Errorf("found has %q", names)
	}
	if err := os.Rename(n.Store.path("kept", "flaky"), n.Store.path("kept", "other")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.Store.path("kept", "flaky"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	keep(t, n, harmless)
	r := n.promoted(t.Context(), Result{Status: OK})
	if _, err := os.Stat(n.Store.path("kept", "a.txt")); err != nil || r.Status != Failed {
		t.Errorf("it could not be moved, and is gone: %v\n%+v", err, r)
	}
}

// TestExecuted reads what engines print of their executions, and what one does that was started again.
func TestExecuted(t *testing.T) {
	for text, want := range map[string]float64{
		"": 0, "fuzz: elapsed: 3s, execs: 12 (4/sec)\nfuzz: elapsed: 6s, execs: 325017 (1/sec)\nPASS\n": 325017,
		"2026/11/21 workers: 1, corpus: 77 (1s ago), crashers: 0, execs: 58747 (6/sec)":               58747,
		"#2\tINITED ft: 1\n#4096\tpulse ft: 3\nDone 4100 runs\n":                                      4096,
		"execs: 0 (0/sec)\nexecs: 50 (6/sec)\nexecs: 0 (0/sec)\nexecs: 7 (1/sec)\nexecs: 3 (1/sec)\n": 60,
	} {
		if got := executed([]byte(text)); got != want {
			t.Errorf("%q: %v executions, not %v", text, got, want)
		}
	}
}
