package dict

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// A golden trace is what real interpreters answered to a program, line by line. The program itself follows from its
// seed; the trace has a checksum of it. The format is in corpus/dict/golden/README.md; scripts/golden-dict makes the
// files through the flags below.

var (
	update = flag.Bool("update", false, "ask real interpreters and write corpus/dict/golden")
	live   = flag.Bool("live", false, "ask real interpreters and compare with them instead of the files")
	seeds  = flag.Int("seeds", 20, "how many programs to make with -update and -live")
	length = flag.Int("length", 10000, "operations of each program with -update and -live")
)

const (
	goldenDir = "../../corpus/dict/golden"
	oracle    = "../../scripts/golden_dict.py"
)

// TestGolden replays the stored traces, or with -live asks the interpreters that are there.
func TestGolden(t *testing.T) {
	if *update || *live {
		goldenFromInterpreters(t)
		return
	}
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.txt.zst"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden traces in %s, not 20 (%v)", len(files), goldenDir, err)
	}
	for _, f := range files {
		sections, order := readGolden(t, f)
		var seed, length int
		var sum string
		if _, err := fmt.Sscanf(sections["program"], "seed %d length %d sha256 %s", &seed, &length, &sum); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		name, text := program(seed, length)
		if sum != checksum(text) {
			t.Fatalf("%s: the generator makes another program of seed %d; run scripts/golden-dict", f, seed)
		}
		last := ""
		for _, profile := range order[1:] {
			last = fillSame(sections[profile], last)
			compare(t, name, profile, text, last)
		}
		if len(order) != 1+len(Profiles())-1 { // old8 has no interpreter
			t.Errorf("%s has %d sections", f, len(sections))
		}
	}
}

func checksum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16] }

// compare runs a program on a profile and draws the first difference.
func compare(t *testing.T, name, profile, text, want string) {
	t.Helper()
	w := newWorld(t, profile)
	wanted := strings.Split(strings.TrimSuffix(want, "\n"), "\n")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != len(wanted) {
		t.Errorf("%s: %s: %d answers, want %d", name, profile, len(wanted), len(lines))
		return
	}
	for i, line := range lines {
		if got := w.ask(line); got != wanted[i] {
			t.Errorf("%s: %s: line %d, %q (-cpython +ours):\n%s", name, profile, i+1, line, cmp.Diff(wanted[i], got))
			return
		}
		if i%512 == 0 {
			w.check(line)
		}
	}
	w.check("the end")
	w.close()
}

// check recounts all dicts.
func (w *world) check(after string) {
	w.t.Helper()
	for i, d := range w.dicts {
		if d != 0 {
			if err := w.s.CheckInvariants(d); err != nil {
				w.t.Fatalf("dict %d after %s: %v", i, after, err)
			}
		}
	}
}

// omitSame empties the lines that are the same in the section before, and fillSame fills them.
func omitSame(text, last string) string {
	lines, before := strings.Split(text, "\n"), strings.Split(last, "\n")
	for i := range lines {
		if i < len(before) && lines[i] == before[i] {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

func fillSame(text, last string) string {
	lines, before := strings.Split(text, "\n"), strings.Split(last, "\n")
	for i := range lines {
		if i < len(before) && lines[i] == "" {
			lines[i] = before[i]
		}
	}
	return strings.Join(lines, "\n")
}

// readGolden returns the sections of a file by their names, "program" and those of profiles, and these in order.
func readGolden(t *testing.T, file string) (sections map[string]string, order []string) {
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
	sections = map[string]string{}
	for s := range strings.SplitSeq(string(text), "== ") {
		head, body, _ := strings.Cut(s, "\n")
		if name, _, _ := strings.Cut(head, " "); name != "" {
			sections[name] = body
			order = append(order, name)
		}
	}
	return sections, order
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
	for seed := 1; seed <= *seeds; seed++ {
		name, text := program(seed, *length)
		var file bytes.Buffer
		last := ""
		fmt.Fprintf(&file, "== program\nseed %d length %d sha256 %s\n", seed, *length, checksum(text))
		for _, line := range found {
			f := strings.Split(line, "\t")
			answers, err := askInterpreter(f[2], text)
			if err != nil {
				t.Errorf("%s: %s: %v", name, f[1], err)
				continue
			}
			compare(t, name, f[0], text, answers)
			fmt.Fprintf(&file, "== %s cpython %s\n%s", f[0], f[1], omitSame(answers, last))
			last = answers
		}
		if *update {
			writeGolden(t, name, file.Bytes())
		}
	}
}

// askInterpreter runs the oracle on an interpreter that hashes strings without a key.
func askInterpreter(path, text string) (string, error) {
	cmd := exec.Command(path, "-s", oracle)
	cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0", "PYTHONPATH=")
	cmd.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	answers, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return string(answers), nil
}

func writeGolden(t *testing.T, name string, text []byte) {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := os.WriteFile(filepath.Join(goldenDir, name+".txt.zst"), e.EncodeAll(text, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}
