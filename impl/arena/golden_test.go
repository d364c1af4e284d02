package arena

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
)

// A golden trace is a program, and what real libraries of CPython answered to it: the place of every block, every arena
// that came or went, the statistics line by line. The format is in corpus/heap/golden/README.md; scripts/golden makes
// the files through the flags below.

var (
	update = flag.Bool("update", false, "ask real CPython libraries and write corpus/heap/golden")
	live   = flag.Bool("live", false, "ask real CPython libraries and compare with them instead of the files")
)

const (
	goldenDir   = "../../corpus/heap/golden"
	oracle      = "../../scripts/golden_oracle.py"
	goldenOps   = 30_000
	goldenSlots = 512
)

// goldens are the programs. Skews move arenas off the boundaries that matter: 512 and 2048 off that of a 4 KiB pool,
// 4096 and 8192 off that of a 16 KiB pool only, 65536 off that of an arena only.
var goldens = []struct {
	name string
	seed uint64
	mode string
	skew int
}{
	{"mix-1", 1, "mix", 0}, {"mix-2", 2, "mix", 4096}, {"mix-3", 3, "mix", 2048}, {"mix-4", 4, "mix", 0},
	{"big-1", 5, "big", 0}, {"big-2", 6, "big", 8192}, {"big-3", 7, "big", 512},
	{"one-1", 8, "one", 0}, {"one-2", 9, "one", 65536},
	{"drift-1", 10, "drift", 0}, {"drift-2", 11, "drift", 4096}, {"drift-3", 12, "drift", 512},
	{"drift-4", 13, "drift", 0}, {"ebb-1", 14, "ebb", 0}, {"ebb-2", 15, "ebb", 512},
}

// generate makes a golden program. Phases change how likely an allocation is, and how the victim of a free is chosen.
// In the mode drift they are long and steep, so that the number of arenas rises and falls: arena order and the
// highwater mark are only seen by such programs. In the mode ebb blocks of one size come in a flood and go in random
// order, which leaves many arenas with nearly as many free pools each: the order among equals is seen there alone.
func generate(seed uint64, mode string, ops, skew int) string {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	g := &generator{r: r, mode: mode}
	if skew != 0 {
		fmt.Fprintf(&g.out, "world skew=%d\n", skew)
	}
	phases := []float64{.9, .75, .5, .35, .15}
	length := ops / 8
	if mode == "drift" {
		phases, length = []float64{.97, .03, .9, .1, .5}, ops/12
	} else if mode == "ebb" {
		length = ops // one phase; below, the number of live blocks turns it
	}
	grow, order := phases[0], 0
	for i := range ops {
		if i%length == 0 && i > 0 {
			grow, order = phases[r.IntN(len(phases))], r.IntN(3)
		}
		if mode == "ebb" {
			if order = 2; len(g.live) > 9000 {
				grow = .02
			} else if len(g.live) < 2000 {
				grow = .98
			}
		}
		g.step(grow, order)
		if r.IntN(500) == 0 {
			g.out.WriteString("usage\n")
		}
		if r.IntN(6000) == 0 {
			g.out.WriteString("stats\n")
		}
	}
	g.out.WriteString("stats\nusage\n")
	for len(g.live) > 0 {
		g.free(r.IntN(len(g.live)))
	}
	g.out.WriteString("stats\nusage\n")
	return g.out.String()
}

type generator struct {
	r    *rand.Rand
	mode string
	out  strings.Builder
	live []int // slots, in an order that frees shuffle
	dead []int // slots to use again
	next int
}

func (g *generator) size() int {
	switch x := g.r.Float64(); {
	case g.mode == "big":
		return 300 + g.r.IntN(213)
	case g.mode == "one" || g.mode == "ebb":
		return 512
	case g.mode == "drift":
		return []int{512, 500, 400, 256, 257}[min(g.r.IntN(12), 4)]
	case x < .03:
		return 0
	case x < .08:
		return 513 + g.r.IntN(1500)
	case x < .5:
		return 1 + g.r.IntN(64)
	}
	return 1 + g.r.IntN(512)
}

func (g *generator) step(grow float64, order int) {
	switch {
	case len(g.live) > 0 && g.r.Float64() >= grow:
		i := len(g.live) - 1
		if order == 1 {
			i = 0
		} else if order == 2 || g.r.IntN(5) > 0 {
			i = g.r.IntN(len(g.live))
		}
		g.free(i)
	case len(g.live) > 0 && g.r.IntN(12) == 0:
		fmt.Fprintf(&g.out, "realloc p%d size=%d\n", g.live[g.r.IntN(len(g.live))], g.size())
	default:
		slot := g.next
		if n := len(g.dead); n > 0 {
			slot, g.dead = g.dead[n-1], g.dead[:n-1]
		} else {
			g.next++
		}
		g.live = append(g.live, slot)
		if n := []int{1, 2, 4}[g.r.IntN(3)]; g.r.IntN(10) == 0 {
			fmt.Fprintf(&g.out, "p%d = calloc n=%d size=%d\n", slot, n, g.size()/n)
		} else {
			fmt.Fprintf(&g.out, "p%d = alloc size=%d\n", slot, g.size())
		}
	}
}

func (g *generator) free(i int) {
	slot := g.live[i]
	fmt.Fprintf(&g.out, "free p%d\n", slot)
	g.dead = append(g.dead, slot)
	last := len(g.live) - 1
	g.live[i], g.live = g.live[last], g.live[:last]
}

// A goldenOp is one line of a program.
type goldenOp struct {
	kind    string
	slot    int
	n, size uintptr
}

// readProgram reads the few forms that golden programs have.
func readProgram(t testing.TB, text string) (ops []goldenOp, skew uintptr) {
	t.Helper()
	number := func(s string) uintptr {
		_, digits, _ := strings.Cut(s, "=")
		n, err := strconv.ParseUint(strings.TrimPrefix(digits, "="), 10, 64)
		if err != nil {
			t.Fatalf("golden program: %v", err)
		}
		return uintptr(n)
	}
	slot := func(s string) int { return int(number("p=" + s[1:])) }
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		w := strings.Fields(line)
		switch {
		case len(w) == 0:
		case w[0] == "world":
			skew = number(w[1])
		case len(w) == 4 && w[2] == "alloc":
			ops = append(ops, goldenOp{kind: "alloc", slot: slot(w[0]), n: 1, size: number(w[3])})
		case len(w) == 5 && w[2] == "calloc":
			ops = append(ops, goldenOp{kind: "calloc", slot: slot(w[0]), n: number(w[3]), size: number(w[4])})
		case w[0] == "realloc":
			ops = append(ops, goldenOp{kind: w[0], slot: slot(w[1]), size: number(w[2])})
		case w[0] == "free":
			ops = append(ops, goldenOp{kind: w[0], slot: slot(w[1])})
		case w[0] == "usage" || w[0] == "stats":
			ops = append(ops, goldenOp{kind: w[0]})
		default:
			t.Fatalf("golden program: unknown line %q", line)
		}
	}
	return ops, skew
}

// answer runs a program on our allocator and writes what scripts/golden_oracle.py would.
func answer(t testing.TB, prof *profile.Profile, ops []goldenOp, skew uintptr) []byte {
	slots := page.NewSlots(prof.ArenaBytes, goldenSlots, skew)
	if slots == nil {
		t.Skip("the system has no room for the slots")
	}
	defer slots.Close()
	var out []byte
	slots.Event = func(slot int, given bool) {
		out = append(out, "arena- "...)
		if given {
			out[len(out)-2] = '+'
		}
		out = append(strconv.AppendInt(out, int64(slot), 10), '\n')
	}
	a, err := New(Config{Profile: prof, Arenas: slots})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		slots.Event = nil
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	place := func(addr uintptr) bool {
		slot, off := slots.Place(addr)
		if slot < 0 {
			out = append(out, "raw"...)
			return false
		}
		out = append(strconv.AppendInt(append(out, 'A'), int64(slot), 10), '+')
		out = strconv.AppendUint(out, uint64(off), 16)
		return true
	}
	blocks := map[int]uintptr{}
	for _, op := range ops {
		switch op.kind {
		case "alloc":
			blocks[op.slot] = uintptr(a.Alloc(op.size))
			place(blocks[op.slot])
		case "calloc":
			blocks[op.slot] = uintptr(a.Calloc(op.n, op.size))
			place(blocks[op.slot])
		case "realloc":
			old := blocks[op.slot]
			now := uintptr(a.Realloc(page.Pointer(old), op.size))
			blocks[op.slot] = now
			if place(now) && now == old {
				out = append(out, " same"...)
			} else if _, off := slots.Place(now); off != 0 {
				out = append(out, " moved"...)
			}
		case "free":
			a.Free(page.Pointer(blocks[op.slot]))
			continue
		case "usage":
			n, _, _ := a.Usage()
			out = strconv.AppendUint(append(out, "blocks "...), n, 10)
		case "stats":
			stats := strings.TrimSuffix(a.StatsText(), "\n")
			out = append(out, "| "+strings.ReplaceAll(stats, "\n", "\n| ")...)
		}
		out = append(out, '\n')
	}
	if err := a.CheckInvariants(); err != nil {
		t.Errorf("after the last line: %v", err)
	}
	return out
}

// difference draws the first line in which two traces differ, with a few lines around it.
func difference(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	around := func(lines []string) []string { return lines[max(0, min(i, len(lines))-3):min(len(lines), i+4)] }
	return fmt.Sprintf("line %d of the answers (-real CPython +ours):\n%s", i+1, cmp.Diff(around(w), around(g)))
}

// A trace is a program with the answers of each profile.
type trace struct {
	program string
	sources []string          // "3.6 cpython 3.6.15", in the order of the file
	answers map[string][]byte // by profile
}

func readTrace(t testing.TB, name string) trace {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join(goldenDir, name+".txt.zst"))
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
		t.Fatal(err)
	}
	tr := trace{answers: map[string][]byte{}}
	for i, part := range strings.Split(string(text), "\n== ") {
		head, body, _ := strings.Cut(part, "\n")
		if i == 0 {
			tr.program = strings.TrimPrefix(part, "== program\n")
			continue
		}
		tr.sources = append(tr.sources, head)
		tr.answers[strings.Fields(head)[0]] = []byte(strings.TrimSuffix(body, "\n") + "\n")
	}
	return tr
}

func (tr trace) write(t testing.TB, name string) {
	t.Helper()
	var text bytes.Buffer
	text.WriteString("== program\n" + tr.program)
	for _, s := range tr.sources {
		fmt.Fprintf(&text, "== %s\n%s", s, tr.answers[strings.Fields(s)[0]])
	}
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	packed := e.EncodeAll(text.Bytes(), nil)
	if err := os.WriteFile(filepath.Join(goldenDir, name+".txt.zst"), packed, 0o644); err != nil {
		t.Fatal(err)
	}
}

// ask makes the trace anew from the libraries at hand.
func ask(t testing.TB, program string, libraries [][]string) trace {
	t.Helper()
	tr := trace{program: program, answers: map[string][]byte{}}
	for _, l := range libraries {
		cmd := exec.Command("python3", oracle, "run", l[2])
		cmd.Stdin, cmd.Stderr = strings.NewReader(program), os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("CPython %s: %v", l[1], err)
		}
		tr.sources = append(tr.sources, l[0]+" cpython "+l[1])
		tr.answers[l[0]] = out
	}
	return tr
}

// findLibraries returns profile, version and path of each library that the oracle finds, oldest first.
func findLibraries(t testing.TB) (rows [][]string) {
	t.Helper()
	out, err := exec.Command("python3", oracle, "list").Output()
	if err != nil {
		t.Skipf("no python3 to ask: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSpace(line), "\t"))
	}
	if len(rows) == 0 {
		t.Skip("no shared library of CPython 3.6, 3.8, 3.9, 3.10 or 3.11 found")
	}
	rank := func(name string) int {
		return slices.IndexFunc(profile.All(), func(p *profile.Profile) bool { return p.Name == name })
	}
	slices.SortFunc(rows, func(a, b []string) int { return rank(a[0]) - rank(b[0]) })
	return rows
}

// TestGolden compares every place, arena event and line of statistics with those of real libraries.
func TestGolden(t *testing.T) {
	var libraries [][]string
	if *update || *live {
		libraries = findLibraries(t)
	}
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			var tr trace
			if *update || *live {
				tr = ask(t, generate(g.seed, g.mode, goldenOps, g.skew), libraries)
			} else {
				tr = readTrace(t, g.name)
			}
			ops, skew := readProgram(t, tr.program)
			if len(ops) < goldenOps {
				t.Fatalf("the program has %d lines", len(ops))
			}
			for _, source := range tr.sources {
				name := strings.Fields(source)[0]
				prof, ok := profile.ByName(name)
				if !ok {
					t.Fatalf("no profile %q", name)
				}
				if want, got := tr.answers[name], answer(t, prof, ops, skew); !bytes.Equal(want, got) {
					t.Errorf("%s: %s", source, difference(want, got))
				}
			}
			if len(tr.sources) < 5 && !*live {
				t.Errorf("only %d profiles have answers", len(tr.sources))
			}
			if *update && !t.Failed() {
				tr.write(t, g.name)
			}
		})
	}
}
