package gc

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// A golden trace is a program, and what real interpreters answered to each of its lines. The format is in
// corpus/graph/golden/README.md; scripts/golden-gc makes the files through the flags below.

var (
	update = flag.Bool("update", false, "ask real interpreters and write corpus/graph/golden")
	live   = flag.Bool("live", false, "ask real interpreters and compare with them instead of the files")
	seeds  = flag.Int("seeds", 20, "how many programs to make with -update and -live")
	length = flag.Int("length", 2000, "operations of each program")
	only   = flag.String("only", "", "with -update and -live, the names of programs begin so")
)

const (
	goldenDir = "../../corpus/graph/golden"
	oracle    = "../../scripts/golden_gc.py"
)

// A golden is one program by its name, and the profiles that are asked about it.
type golden struct {
	name, program string
	profiles      []string
}

// What the profiles are good for. 2.7 keeps dicts in another order. Up to 3.6 calls take tuples and bound methods, so
// that count 0, and with it when a collection begins by itself, is the interpreter's own affair.
var (
	counted = []string{"3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}
	modern  = append([]string{"3.6"}, counted...)
	every   = append([]string{"2.7"}, modern...)
)

// goldens are the programs: random ones, with collections that begin by themselves, or with finalizers of the old kind,
// or with the messages of set_debug; scenes; a long one; and chains that are deeper than the trashcan lets deaths be
// nested, which die by counts or in a collection.
func goldens() []golden {
	var all []golden
	add := func(profiles []string, program, name string, args ...any) {
		all = append(all, golden{fmt.Sprintf(name, args...), program, profiles})
	}
	for seed := 1; seed <= *seeds; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 0x9e3779b97f4a7c15))
		add(modern, generate(r, *length), "random-%d", seed)
		if seed%5 == 0 {
			add(modern, directed(r, *length/25), "scenes-%d", seed/5)
		}
		add(counted, threshold(r)+generate(r, *length), "auto-%d", seed)
		if seed%5 == 0 {
			add(counted, threshold(r)+directed(r, *length/25), "auto-scenes-%d", seed/5)
			g := generator{r: r, old: true}
			add(every, g.random(*length), "old-%d", seed/5)
			flags := []Flag{7, 31, LeakLegacy, LeakLegacy | DebugStats}[seed/5%4]
			g = generator{r: r, old: true}
			add(every, fmt.Sprintf("debug %d\n", flags)+g.random(*length/5), "debug-%d", seed/5)
		}
	}
	for _, kind := range []string{"list", "tuple", "dict", "inst", "inst-log", "slots", "slots-log"} {
		add(modern, deep(kind, false)+deep(kind, true), "deep-%s", kind)
	}
	r := rand.New(rand.NewPCG(1, 100_000))
	add([]string{"3.11"}, threshold(r)+generate(r, *length*50), "long")
	return all
}

// threshold lets collections begin by themselves, early.
func threshold(r *rand.Rand) string {
	return fmt.Sprintf("threshold %d %d %d\n", 1+r.IntN(12), r.IntN(4), r.IntN(4))
}

// deep makes a chain of 230 objects of a kind, each with one that logs its death beside it, and lets it die. A ring
// dies in a collection.
func deep(kind string, ring bool) string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	chain, made := 0, 1
	line("new %d list", chain)
	if ring {
		line("get 5 0 0") // none: this root stays free
		line("new 4 list")
		line("set 4 0 4")
		line("set %d 0 4", chain)
	}
	for range 230 {
		line("new 3 slots-log")
		if kind == "tuple" {
			line("tuple %d 3 %d -", made, chain)
		} else {
			line("new %d %s", made, kind)
			line("set %d 0 3", made)
			line("set %d 1 %d", made, chain)
		}
		line("drop 3")
		line("drop %d", chain)
		chain, made = made, chain
	}
	if ring {
		line("set 4 1 %d", chain)
		line("drop 4")
	}
	line("drop %d", chain)
	line("collect 0")
	line("collect 2")
	line("order")
	return s.String()
}

// TestGolden replays the stored traces, or with -live asks the interpreters that are there.
func TestGolden(t *testing.T) {
	if *update || *live {
		goldenFromInterpreters(t)
		return
	}
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.txt.zst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden traces in %s (%v)", goldenDir, err)
	}
	for _, f := range files {
		sections := readGolden(t, f)
		for name, answers := range sections {
			if name != "program" {
				compare(t, strings.TrimSuffix(filepath.Base(f), ".txt.zst"), name, sections["program"], answers)
			}
		}
	}
}

// compare runs a program on the profile that a section of a trace is about and draws the first difference.
func compare(t *testing.T, file, profile, program, want string) {
	t.Helper()
	w := open(t, profile)
	got := w.run(program)
	wanted := strings.Split(strings.TrimSuffix(want, "\n"), "\n")
	lines := strings.Split(strings.TrimSpace(program), "\n")
	if len(got) != len(wanted) {
		t.Errorf("%s: %s: %d answers, want %d", file, profile, len(got), len(wanted))
		return
	}
	for i := range got {
		if got[i] != wanted[i] {
			t.Errorf("%s: %s: line %d, %q (-cpython +ours):\n%s", file, profile, i, lines[i],
				cmp.Diff(wanted[i], got[i]))
			return
		}
	}
	if err := w.check(); err != nil {
		t.Errorf("%s: %s: %v", file, profile, err)
	}
}

// readGolden returns the sections of a file by their names: "program", and those of profiles.
func readGolden(t *testing.T, file string) map[string]string {
	t.Helper()
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := d.DecodeAll(packed, nil)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	sections := map[string]string{}
	for s := range strings.SplitSeq(string(text), "== ") {
		head, body, _ := strings.Cut(s, "\n")
		if name, _, _ := strings.Cut(head, " "); name != "" {
			sections[name] = body
		}
	}
	return sections
}

// goldenFromInterpreters asks every interpreter found about every program.
func goldenFromInterpreters(t *testing.T) {
	out, err := exec.Command("python3", oracle, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(found[0]) == 0 {
		t.Skip("no interpreter found")
	}
	for _, g := range goldens() {
		name, program := g.name, g.program
		if !strings.HasPrefix(name, *only) {
			continue
		}
		var file bytes.Buffer
		fmt.Fprintf(&file, "== program\n%s", program)
		for _, line := range found {
			f := strings.Split(line, "\t")
			if !slices.Contains(g.profiles, f[0]) {
				continue
			}
			cmd := exec.Command(f[2], "-E", "-s", oracle)
			cmd.Stdin = strings.NewReader(program)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			answers, err := cmd.Output()
			if err != nil {
				t.Errorf("%s: %s: %v\n%s", name, f[1], err, stderr.String())
				continue
			}
			compare(t, name, f[0], program, string(answers))
			fmt.Fprintf(&file, "== %s cpython %s\n%s", f[0], f[1], answers)
		}
		if *update {
			writeGolden(t, name, file.Bytes())
		}
	}
}

func writeGolden(t *testing.T, name string, text []byte) {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := os.WriteFile(filepath.Join(goldenDir, name+".txt.zst"), e.EncodeAll(text, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}
