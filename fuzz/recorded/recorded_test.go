package recorded

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"heapfuzz/impl/object"
)

const root = "../.."

// filesOf are the names of the files of a dialect.
func filesOf(t *testing.T, d *dialect) (names []string) {
	t.Helper()
	all, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if dialectOf(name) == d {
			names = append(names, name)
		}
	}
	return names
}

func read(t *testing.T, name string) []*Recording {
	t.Helper()
	list, err := Read(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// stored is how many files there are of a dialect, and of how many releases.
var stored = map[string]struct{ files, profiles int }{
	"heap/": {15, 5}, "graph/sizes": {1, 9}, "graph/": {64, 9}, "dict/": {20, 9}, "cache/": {1, 8},
	"value/pickle": {10, 8},
}

// TestRecordings replays every recording, or with -short those of every fifth file of a dialect.
func TestRecordings(t *testing.T) {
	for _, d := range dialects {
		names, profiles := filesOf(t, d), 0
		if want := stored[d.prefix]; len(names) < want.files {
			t.Errorf("%s: %d files, want %d", d.prefix, len(names), want.files)
		}
		for i, name := range names {
			list := read(t, name)
			profiles = max(profiles, len(list))
			if testing.Short() && i%5 != 0 {
				continue
			}
			for _, r := range list {
				if d := r.Replay(Options{}); d != nil {
					t.Errorf("%s (%s): %v", r.Name(), r.Source, d)
				}
			}
		}
		if want := stored[d.prefix].profiles; profiles != want {
			t.Errorf("%s: %d releases, want %d", d.prefix, profiles, want)
		}
	}
}

// TestDrives: what a dialect is said to run is what its world imports.
func TestDrives(t *testing.T) {
	for prefix, world := range map[string]string{
		"heap/": "arena", "graph/sizes": "object", "graph/": "gc", "dict/": "dict", "cache/": "lru",
		"value/pickle": "pickle",
	} {
		out, err := exec.Command("go", "list", "-deps", "heapfuzz/impl/"+world).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.Lines(string(out)) {
			pkg, ours := strings.CutPrefix(strings.TrimSpace(dep), "heapfuzz/")
			if ours && !strings.HasPrefix(pkg, "impl/internal/") && !Drives(prefix, pkg) {
				t.Errorf("%s runs %s", prefix, pkg)
			}
		}
	}
}

// TestRowsOfSizes: every row that can be made is asked for.
func TestRowsOfSizes(t *testing.T) {
	asked := map[string]bool{}
	for _, r := range read(t, "graph/sizes") {
		for _, row := range r.Program {
			asked[row] = true
		}
	}
	for row := range sizeRows {
		if !asked[row] {
			t.Errorf("no interpreter is asked for %q", row)
		}
	}
	for _, p := range object.Profiles() {
		h, err := object.New(object.Config{Profile: p})
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range h.Records() {
			if !asked["record "+record] {
				t.Errorf("no interpreter is asked for a %s", record)
			}
		}
		h.Close()
	}
}

// TestDifferences has all that a replay may tell.
func TestDifferences(t *testing.T) {
	program := "new 0\nset 0 i5 1\nget 0 i5"
	for _, tt := range []struct{ what, program, answers, want string }{
		{"the same", program, "ok #64\nok + #232\n1\n", ""},
		{"another answer", program, "ok #64\nok + #240\n1\n",
			`line 2, "set 0 i5 1": wanted "ok + #240", got "ok + #232"`},
		{"an answer too many", program, "ok #64\nok + #232\n1\n1\n", `line 4, "the end": wanted "1", got ""`},
		{"an answer too few", program, "ok #64\nok + #232\n", `line 3, "get 0 i5": wanted "", got "1"`},
		{"no operation", "new 0\nfry 0", "ok #64\n", `line 2, "fry 0": panic: recorded: unknown operation fry`},
	} {
		r := newRecording("3.8", programLines(tt.program), tt.answers)
		r.dialect = dialectOf("dict/")
		got := ""
		if d := r.Replay(Options{}); d != nil {
			got = d.String()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, got, tt.want)
		}
	}
}

// TestCanaries: a recording tells the release that it is of from its neighbour, in every dialect. Each canary is wrong
// as the sources of another release would be, and nothing else in our tests would call it wrong.
func TestCanaries(t *testing.T) {
	has := map[*dialect]bool{}
	for _, c := range Canaries {
		r := c.recording(t)
		has[r.dialect] = true
		d := r.Replay(Options{Profile: c.As})
		if d == nil {
			t.Errorf("%s is not told: %s", c.Name, c.Doc)
			continue
		}
		if v := d.Violation(); v.Rule != Answers || c.Doc == "" {
			t.Errorf("%s: %v", c.Name, v)
		}
		t.Logf("%s: %v", c.Name, d)
	}
	for _, d := range dialects {
		if !has[d] {
			t.Errorf("no canary of %s", d.prefix)
		}
	}
}

func (c Canary) recording(t *testing.T) *Recording {
	t.Helper()
	r, err := Find(root, c.Recording)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// alike are neighbouring releases that nothing stored tells apart: they differ in how long something takes, or not at
// all.
var alike = map[string]string{
	"heap/": "3.6-3.8", "graph/sizes": "", "graph/": "3.9-3.10", "dict/": "3.8-3.9 3.11-3.12",
	"cache/":       "3.7-3.8 3.8-3.9 3.9-3.10 3.10-3.11 3.11-3.12 3.12-3.13",
	"value/pickle": "3.11-3.12 3.12-3.13",
}

// TestNeighbours: every two releases in a row are told apart by some recording, but for those that are alike.
func TestNeighbours(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, d := range dialects {
		told := map[string]bool{}
		var pairs []string // in the order of releases
		for _, name := range filesOf(t, d) {
			list := read(t, name)
			for i, r := range list[1:] {
				before := list[i].Profile
				pair := before + "-" + r.Profile
				if !slices.Contains(pairs, pair) {
					pairs = append(pairs, pair)
				}
				if !told[pair] {
					told[pair] = r.Replay(Options{Profile: before}) != nil
				}
			}
		}
		var same []string
		for _, p := range pairs {
			if !told[p] {
				same = append(same, p)
			}
		}
		if got := strings.Join(same, " "); got != alike[d.prefix] {
			t.Errorf("%s: alike are %q, want %q", d.prefix, got, alike[d.prefix])
		}
	}
}
