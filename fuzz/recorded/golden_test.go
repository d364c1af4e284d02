package recorded

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"heapfuzz/impl/profile"
)

// The scripts golden, golden-gc, golden-dict, golden-sizes, golden-lru and golden-pickle make the stored files, or
// compare with the interpreters that are there, through these tests and flags.

var (
	update = flag.Bool("update", false, "ask real interpreters and write corpus/KIND/golden")
	live   = flag.Bool("live", false, "ask real interpreters and compare with them instead of the files")
	seeds  = flag.Int("seeds", 20, "how many programs to make with -update and -live")
	length = flag.Int("length", 0, "operations of each program; 0: as in the files")
	only   = flag.String("only", "", "with -update and -live, the names of programs begin so")
)

// lengthOf is how many operations a program of a subject has.
func lengthOf(stored int) int {
	if *length > 0 {
		return *length
	}
	return stored
}

// An interpreter is a release that is there.
type interpreter struct{ profile, version, path string }

func (i interpreter) head() string { return i.profile + " cpython " + i.version }

// interpreters asks a script which it finds, oldest first. Without -update and -live nobody is asked.
func interpreters(t *testing.T, script string) (found []interpreter) {
	t.Helper()
	if !*update && !*live {
		t.Skip("asks interpreters with -update and -live only")
	}
	out, err := exec.Command("python3", script, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			found = append(found, interpreter{f[0], f[1], f[2]})
		}
	}
	if len(found) == 0 {
		t.Skip("no interpreter found")
	}
	return found
}

// output runs a command that answers a program.
func output(program, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0", "PYTHONPATH=") // strings are hashed without a key
	cmd.Stdin = strings.NewReader(program)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return string(out), nil
}

// compare replays what an interpreter has just said.
func compare(t *testing.T, name, head, program, answers string) {
	t.Helper()
	r := newRecording(head, programLines(program), answers)
	r.File, r.dialect = name, dialectOf(name)
	if d := r.Replay(Options{}); d != nil {
		t.Errorf("%s: %v", r.Name(), d)
	}
}

func script(name string) string { return filepath.Join(root, "scripts", name) }

// store writes a file, unless something is wrong with it or it is only to be compared.
func store(t *testing.T, name string, text []byte) {
	t.Helper()
	if !*update || t.Failed() {
		return
	}
	d := dialectOf(name)
	if strings.HasSuffix(d.glob, ".zst") {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
		if err != nil {
			t.Fatal(err)
		}
		text = e.EncodeAll(text, nil)
	}
	if err := os.WriteFile(path(root, d, name), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAskHeap(t *testing.T) {
	libraries := interpreters(t, script("golden_oracle.py"))
	rank := func(i interpreter) int {
		return slices.IndexFunc(profile.All(), func(p *profile.Profile) bool { return p.Name == i.profile })
	}
	slices.SortFunc(libraries, func(a, b interpreter) int { return rank(a) - rank(b) })
	for _, g := range heapPrograms {
		if !strings.HasPrefix(g.name, *only) {
			continue
		}
		program := generateHeap(g.seed, g.mode, lengthOf(30_000), g.skew)
		var file bytes.Buffer
		fmt.Fprintf(&file, "== program\n%s", program)
		for _, l := range libraries {
			answers, err := output(program, "python3", script("golden_oracle.py"), "run", l.path)
			if err != nil {
				t.Errorf("%s: %s: %v", g.name, l.version, err)
				continue
			}
			compare(t, "heap/"+g.name, l.head(), program, answers)
			fmt.Fprintf(&file, "== %s\n%s", l.head(), answers)
		}
		store(t, "heap/"+g.name, file.Bytes())
	}
}

func TestAskGraph(t *testing.T) {
	found := interpreters(t, script("golden_gc.py"))
	for _, g := range graphPrograms(*seeds, lengthOf(2000)) {
		if !strings.HasPrefix(g.name, *only) {
			continue
		}
		var file bytes.Buffer
		fmt.Fprintf(&file, "== program\n%s", g.program)
		for _, i := range found {
			if !slices.Contains(g.profiles, i.profile) {
				continue
			}
			answers, err := output(g.program, i.path, "-E", "-s", script("golden_gc.py"))
			if err != nil {
				t.Errorf("%s: %s: %v", g.name, i.version, err)
				continue
			}
			compare(t, "graph/"+g.name, i.head(), g.program, answers)
			fmt.Fprintf(&file, "== %s\n%s", i.head(), answers)
		}
		store(t, "graph/"+g.name, file.Bytes())
	}
}

func TestAskDict(t *testing.T) {
	found := interpreters(t, script("golden_dict.py"))
	for seed := 1; seed <= *seeds; seed++ {
		name, program := dictProgram(seed, lengthOf(10_000))
		if !strings.HasPrefix(name, *only) {
			continue
		}
		var file bytes.Buffer
		last := ""
		fmt.Fprintf(&file, "== program\nseed %d length %d sha256 %s\n", seed, lengthOf(10_000), checksum(program))
		for _, i := range found {
			answers, err := output(program, i.path, "-s", script("golden_dict.py"))
			if err != nil {
				t.Errorf("%s: %s: %v", name, i.version, err)
				continue
			}
			compare(t, "dict/"+name, i.head(), program, answers)
			fmt.Fprintf(&file, "== %s\n%s", i.head(), omitSame(answers, last))
			last = answers
		}
		store(t, "dict/"+name, file.Bytes())
	}
}

// omitSame empties the lines that are the same in the section before; fillSame fills them.
func omitSame(text, last string) string {
	lines, before := strings.Split(text, "\n"), strings.Split(last, "\n")
	for i := range lines {
		if i < len(before) && lines[i] == before[i] {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

const sizesHead = `# What sys.getsizeof of real interpreters says; scripts/golden-sizes makes this file.
#
#	== name of a row                  what it makes is in scripts/golden_sizes.py
#	3.8 3.9	56*1 88*4                 by these releases, 56 once and then 88 four times
`

func TestAskSizes(t *testing.T) {
	var profiles []string                // oldest first
	by := map[string]map[string]string{} // row, profile
	for _, i := range interpreters(t, script("golden_sizes.py")) {
		text, err := output("", i.path, "-E", "-s", script("golden_sizes.py"))
		if err != nil {
			t.Fatalf("%s: %v", i.version, err)
		}
		profiles = append(profiles, i.profile)
		var program, answers strings.Builder
		for _, row := range slices.Sorted(strings.Lines(text)) {
			name, runs, _ := strings.Cut(row, "\t")
			if by[name] == nil {
				by[name] = map[string]string{}
			}
			by[name][i.profile] = strings.TrimSuffix(runs, "\n")
			program.WriteString(name + "\n")
			answers.WriteString(runs)
		}
		compare(t, "graph/sizes", i.head(), program.String(), answers.String())
	}
	store(t, "graph/sizes", sizesFile(by, profiles))
}

// sizesFile writes each row once for all profiles that agree about it.
func sizesFile(by map[string]map[string]string, profiles []string) []byte {
	file := bytes.NewBufferString(sizesHead)
	for _, row := range slices.Sorted(maps.Keys(by)) {
		fmt.Fprintf(file, "== %s\n", row)
		var order []string
		agree := map[string][]string{}
		for _, p := range profiles {
			runs, ok := by[row][p]
			if !ok {
				continue
			}
			if agree[runs] == nil {
				order = append(order, runs)
			}
			agree[runs] = append(agree[runs], p)
		}
		for _, runs := range order {
			fmt.Fprintf(file, "%s\t%s\n", strings.Join(agree[runs], " "), runs)
		}
	}
	return file.Bytes()
}

func TestAskCache(t *testing.T) {
	var file bytes.Buffer
	for _, i := range interpreters(t, script("golden_lru.py")) {
		text, err := output("", i.path, "-E", "-s", script("golden_lru.py"))
		if err != nil {
			t.Fatalf("%s: %v", i.version, err)
		}
		file.WriteString(text)
		list, err := readCaches("", text)
		if err != nil || len(list) != 1 || list[0].Profile != i.profile {
			t.Fatalf("%s says of its release %v, %v", i.version, list, err)
		}
		r := list[0]
		compare(t, "cache/lru", i.head(), strings.Join(r.Program, "\n")+"\n", r.answers)
	}
	store(t, "cache/lru", file.Bytes())
}

func TestAskPickle(t *testing.T) {
	found := interpreters(t, script("golden_pickle.py"))
	for _, g := range picklePrograms(*seeds/5, lengthOf(75)) {
		if !strings.HasPrefix(g.name, *only) {
			continue
		}
		var file bytes.Buffer
		fmt.Fprintf(&file, "== program\n%s", g.program)
		for _, i := range found {
			answers, err := output(g.program, i.path, "-E", "-s", script("golden_pickle.py"))
			if err != nil {
				t.Errorf("%s: %s: %v", g.name, i.version, err)
				continue
			}
			compare(t, "value/"+g.name, i.head(), g.program, answers)
			fmt.Fprintf(&file, "== %s\n%s", i.head(), answers)
		}
		store(t, "value/"+g.name, file.Bytes())
	}
}
