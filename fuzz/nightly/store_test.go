package nightly

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"heapfuzz/fuzz"
	"heapfuzz/props"
)

// killedVar says to the test binary that it is the campaign which is killed: a folder and the largest file allowed.
const killedVar = "HEAPFUZZ_TEST_KILLED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedVar); dir != "" {
		os.Exit(hunted(dir))
	}
	if how := os.Getenv(fakeVar); how != "" {
		os.Exit(fake(filepath.Base(os.Args[0]), how, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// preys are wrong in ways that few programs show, so that there is something to lose; and slicesHunted are enough for
// mutations of what was kept.
var preys = []string{"canary/pop-twice", "canary/realloc-last-byte", "canary/trim-forgets"}

const slicesHunted = 4

// hunted hunts in a folder, as the command does, but small.
func hunted(dir string) int {
	if text := os.Getenv("HEAPFUZZ_TEST_FILEMAX"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		signal.Ignore(syscall.SIGXFSZ)
		if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n}); err != nil || e != nil {
			fmt.Fprintln(os.Stderr, err, e)
			return 3
		}
	}
	store, err := Open(filepath.Join(dir, "store"), filepath.Join(dir, "corpus"))
	for _, target := range preys {
		if err == nil {
			_, err = hunt(store, target, 1).Run(context.Background())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}

func hunt(store *Store, target string, night int) *Hunt {
	t, err := fuzz.Lookup(target)
	if err != nil {
		panic(err)
	}
	s := t.New()
	return &Hunt{Store: store, Target: t, Seed: 7, Night: night, Slices: slicesHunted, Programs: 6, Workers: 2,
		Notes: []string{"found by a test"}, Settle: func(f *props.Finding) *props.Finding {
			property, _ := s.Property(f.Property)
			small, _ := props.Minimize(s, property, f, props.MinimizeOptions{RunsMax: 60})
			return small
		}}
}

// start starts the hunt in a process of its own.
func start(t *testing.T, dir string, env ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(append(os.Environ(), killedVar+"="+dir), env...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// tree returns the files below a folder with what is in them, times apart.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err // half a file is none, and the next night removes it
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		var kept []string
		for line := range strings.Lines(string(data)) {
			if !strings.Contains(line, `"busySeconds"`) {
				kept = append(kept, strings.ReplaceAll(line, dir, "DIR"))
			}
		}
		files[name] = strings.Join(kept, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// undisturbed is what a hunt leaves that nobody disturbs.
func undisturbed(t *testing.T) map[string]string {
	dir := t.TempDir()
	if err := start(t, dir).Wait(); err != nil {
		t.Fatal(err)
	}
	files := tree(t, dir)
	found, corpus := 0, 0
	for name := range maps.Keys(files) {
		if strings.HasPrefix(name, "corpus/heap/found/") {
			found++
		}
		if strings.HasPrefix(name, "store/corpus/heap/") {
			corpus++
		}
	}
	if found < 2 || corpus < 10 {
		t.Fatalf("%d findings and %d programs are too few to lose one", found, corpus)
	}
	return files
}

// TestKilled kills a campaign with -9 a hundred times (twenty with -short), at moments that have nothing to do with
// what it does, and looks each time that what it left is whole. In the end there is what there would be had nobody
// killed it.
func TestKilled(t *testing.T) {
	t.Parallel()
	want, dir := undisturbed(t), t.TempDir()
	kills, done, enough := 0, false, 100
	if testing.Short() {
		enough = 20
	}
	for round := 0; kills < enough; round++ {
		if round > 1000 {
			t.Fatalf("after %d rounds only %d hunts could be killed", round, kills)
		}
		if done { // begin anew: there are more moments
			if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
				t.Fatalf("after %d kills (-undisturbed +killed):\n%s", kills, diff)
			}
			dir, done = t.TempDir(), false
		}
		c := start(t, dir)
		timer := time.AfterFunc(time.Duration(15+round*37%60)*time.Millisecond, func() { _ = c.Process.Kill() })
		err := c.Wait()
		timer.Stop()
		switch {
		case err == nil:
			done = true
		case c.ProcessState.Sys().(syscall.WaitStatus).Signaled():
			kills++
			whole(t, dir, want)
		default:
			t.Fatal(err)
		}
	}
	if err := start(t, dir).Wait(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("after %d kills (-undisturbed +killed):\n%s", kills, diff)
	}
}

// whole looks that every file of a finding or of the corpus is one that the undisturbed hunt has, and that every one
// that the state counts is there.
func whole(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	files := tree(t, dir)
	for name, text := range files {
		if name == "store/lock" || strings.HasPrefix(name, "store/hunt") {
			continue
		}
		if want[name] != text {
			t.Fatalf("%s is not what an undisturbed hunt has:\n%s", name, text)
		}
	}
	s := At(filepath.Join(dir, "store"), "")
	for _, target := range preys {
		h, err := s.hunted(target)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range h.Findings {
			if _, err := os.Stat(file); err != nil {
				t.Fatalf("counted, and lost: %v", err)
			}
		}
		for _, name := range h.Seeds {
			if _, ok := files["store/corpus/heap/"+name]; !ok {
				t.Fatalf("counted, and lost: %s", name)
			}
		}
	}
}

// TestFullDisk ends the room for a file at many places, which is what a full disk does to a write, and looks that the
// hunt says so, and that nothing is lost once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	want, dir := undisturbed(t), t.TempDir()
	refused := 0
	for _, size := range []int{0, 1, 17, 60, 100, 150, 220, 300, 500, 700, 900, 1200} {
		if err := start(t, dir, fmt.Sprintf("HEAPFUZZ_TEST_FILEMAX=%d", size)).Wait(); err != nil {
			refused++
		}
		whole(t, dir, want)
	}
	if refused < 6 {
		t.Errorf("only %d hunts met the end of the disk", refused)
	}
	if err := start(t, dir).Wait(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("after the disk was full (-undisturbed +full):\n%s", diff)
	}
}

// TestLocked tries to work on a store that another has.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	a, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, ""); err == nil {
		t.Error("two work on one store")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}

// TestNights begins a second night: its counts begin anew, its slices do not.
func TestNights(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := At(filepath.Join(dir, "store"), filepath.Join(dir, "corpus"))
	one, err := hunt(store, preys[0], 1).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	two, err := hunt(store, preys[0], 2).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if one.Next != slicesHunted || two.Next != 2*slicesHunted || two.Slices != slicesHunted {
		t.Errorf("slices: %d, then %d of %d", one.Next, two.Slices, two.Next)
	}
	if len(two.Findings) < len(one.Findings) || len(two.Tonight) == 0 {
		t.Errorf("findings: %d, then %d, of them %d in the night", len(one.Findings), len(two.Findings),
			len(two.Tonight))
	}
	again, err := hunt(store, preys[0], 2).Run(t.Context())
	if diff := cmp.Diff(two, again); diff != "" || err != nil {
		t.Errorf("a night that is over went on: %v\n%s", err, diff)
	}
}

// TestProgramsMax ends a night after a number of programs that is not one of whole slices. It does not go on.
func TestProgramsMax(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := At(filepath.Join(dir, "store"), filepath.Join(dir, "corpus"))
	for range 2 {
		h := hunt(store, preys[0], 1)
		h.Slices, h.ProgramsMax, h.Settle = 0, h.Programs+2, nil
		if state, err := h.Run(t.Context()); err != nil || state.Programs != h.ProgramsMax || state.Slices != 2 {
			t.Fatalf("%d programs in %d slices, %v; want %d in 2", state.Programs, state.Slices, err, h.ProgramsMax)
		}
	}
}

// TestKnown hunts a defect in three nights. The first is interrupted and goes on, and the second is told what the first
// found: neither writes anything that shows the same. To the third all is mended, and it writes its own.
func TestKnown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := At(filepath.Join(dir, "store"), filepath.Join(dir, "corpus"))
	night := func(number, slices int, known []string) *Hunted {
		h := hunt(store, preys[0], number)
		h.Found, h.Known, h.Settle, h.Slices = store.found("heap"), known, nil, slices
		state, err := h.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	one := night(1, slicesHunted, nil)
	if len(one.Findings) == 0 {
		t.Fatal("nothing was found")
	}
	if diff := cmp.Diff(one.Findings, night(1, 2*slicesHunted, nil).Findings); diff != "" {
		t.Errorf("found again when the night went on (-before +then):\n%s", diff)
	}
	two := night(2, slicesHunted, one.Findings)
	if diff := cmp.Diff(one.Findings, two.Findings); diff != "" || len(two.Tonight) == 0 {
		t.Errorf("found again (-first night +second): %q\n%s", two.Tonight, diff)
	}
	if three := night(3, slicesHunted, nil); len(three.Findings) <= len(one.Findings) {
		t.Errorf("a defect is taken for one that is mended: %q", three.Tonight)
	}
}

// TestGoesOn goes on with a night that was killed behind two steps: what they gave is in the report, and they are not
// done again. The night after it begins with none.
func TestGoesOn(t *testing.T) {
	s := At(t.TempDir(), t.TempDir())
	before := State{Seed: 9, Night: 4, Results: []Result{{Step: "replay", Status: Finding, Reason: "of before"},
		{Step: "control", Status: OK}}}
	if err := s.writeJSON(s.path("state.json"), before); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	n := &Night{Store: s, Budget: time.Second, Only: []string{"replay"}, Log: &log}
	r, err := n.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Night != 4 || r.Seed != 9 || r.Exit != ExitFinding || r.Step("replay").Reason != "of before" ||
		len(r.Results) != len(steps) || !strings.Contains(log.String(), "replay: done before") {
		t.Errorf("the night went on as %+v\n%s", r, log.String())
	}
	var after State
	if err := readJSON(s.path("state.json"), &after); err != nil || after.Night != 5 || len(after.Results) > 0 {
		t.Errorf("the next night is %+v, %v", after, err)
	}
}

// TestSweep removes what is not whole, and nothing else.
func TestSweep(t *testing.T) {
	s := At(filepath.Join(t.TempDir(), "store"), t.TempDir())
	old := time.Now().Add(-time.Hour)
	for path, gone := range map[string]bool{
		s.path("hunt", props.BesidePrefix+"1"): true, s.path("hunt", "x.json"): false,
		filepath.Join(s.found("heap"), props.BesidePrefix+"2"): true, filepath.Join(s.found("heap"), "x.txt"): false,
	} {
		if err := s.write(path, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		if err := s.sweep(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err != nil) != gone {
			t.Errorf("%s is gone: %v", path, err)
		}
	}
}
