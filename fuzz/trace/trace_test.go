package trace

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"heapfuzz/props/prog"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// small are limits that a test can reach.
var small = Limits{Ops: 64, Live: 8, LineBytes: 4096, Bytes: 1 << 16, Threads: 4}

func read(t *testing.T, text string, lim Limits) (*Trace, error) {
	t.Helper()
	return Read(Spec(), "x", strings.NewReader(text), lim)
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		in           string
		lim          Limits
		format, want string
		stats        Stats
	}{{
		name: "lowest slot first", reason: "p0 and p1 are free when 0x40 comes, and p0 is lower",
		in:     "1: malloc 0x10 1\n1: malloc 0x20 2\n1: malloc 0x30 3\n1: free 0x20\n1: free 0x10\n1: malloc 0x40 4\n",
		format: "replay",
		want:   "p0 = alloc size=1\np1 = alloc size=2\np2 = alloc size=3\nfree p1\nfree p0\np0 = alloc size=4\n",
		stats: Stats{Ops: 6, Allocs: 4, Frees: 2, PeakBlocks: 3, PeakBytes: 7, LiveBlocks: 2, LiveBytes: 7,
			Threads: 1},
	}, {
		name: "replay, every call", reason: "times are read over, failures and free(NULL) are counted and dropped",
		in: "7: calloc 0x10 3 5 100 200\n8: memalign 0x20 48 9\n7: realloc 0x30 0x10 40\n7: realloc 0x40 0x0 6\n" +
			"7: free 0x0\n7: malloc 0x0 99\n7: realloc 0x0 0x30 77\n7: realloc 0x0 0x40 0\n8: thread_done 0x0 300\n",
		format: "replay",
		want: "p0 = calloc n=3 size=5\np1 = aligned align=64 size=9\nrealloc p0 size=40\n" +
			"p2 = realloc-nil size=6\nfree p2\n",
		stats: Stats{Ops: 5, Allocs: 3, Frees: 1, Reallocs: 1, PeakBlocks: 3, PeakBytes: 55, LiveBlocks: 2,
			LiveBytes: 49,
			Threads:   2, NilFrees: 1, Refused: 2},
	}, {
		name: "mtrace", reason: "a caller may hold blanks; a realloc is two lines; one that is refused changes nothing",
		in: "= Start\n@ ./a b:(main+0x1b)[0x401136] + 0x1c2a6a0 0x40\n@ a:[0x401140] + 0x1c2a700 0\n" +
			"@ a:[0x1] < 0x1c2a6a0\n@ a:[0x2] > 0x1c2a7b0 0x80\n@ a:[0x3] ! 0x1c2a700 0xffffffff\n- 0x1c2a700\n" +
			"@ a:[0x3] + (nil) 0x50\n= End\n",
		format: "mtrace",
		want:   "p0 = alloc size=64\np1 = alloc size=0\nrealloc p0 size=128\nfree p1\n",
		stats: Stats{Ops: 4, Allocs: 2, Frees: 1, Reallocs: 1, PeakBlocks: 2, PeakBytes: 128, LiveBlocks: 1,
			LiveBytes: 128,
			Threads:   1, Refused: 2},
	}, {
		name: "mtrace from the middle", reason: "frees and reallocs of blocks that were not seen made are counted",
		in: "= Start\n@ a:[0x1] - 0x10\n@ a:[0x1] < 0x20\n@ a:[0x1] > 0x30 0x8\n" +
			"@ a:[0x1] + 0x30 0x9\n@ a:[0x1] - 0x",
		lim:    Limits{Lenient: true},
		format: "mtrace", want: "p0 = alloc size=8\nfree p0\np0 = alloc size=9\n",
		stats: Stats{Ops: 3, Allocs: 2, Frees: 1, PeakBlocks: 1, PeakBytes: 9, LiveBlocks: 1, LiveBytes: 9, Threads: 1,
			Unmatched: 2, Overlaid: 1, Torn: 1},
	}, {
		name: "rep, the book's head", reason: "heap, ids, ops, weight; the first is no count of anything",
		in:     "20000\n2\n5\n1\na 0 512\na 1 128\nr 0 640\nf 1\nf 0\n",
		format: "rep",
		want:   "p0 = alloc size=512\np1 = alloc size=128\nrealloc p0 size=640\nfree p1\nfree p0\n",
		stats:  Stats{Ops: 5, Allocs: 2, Frees: 2, Reallocs: 1, PeakBlocks: 2, PeakBytes: 768, Threads: 1},
	}, {
		name: "rep, the new head", reason: "weight, ids, ops, bytes",
		in:     "1\r\n1\r\n2\r\n16\r\n\r\na 0 16\r\nf 0\r\n",
		format: "rep", want: "p0 = alloc size=16\nfree p0\n",
		stats: Stats{Ops: 2, Allocs: 1, Frees: 1, PeakBlocks: 1, PeakBytes: 16, Threads: 1},
	}, {
		name: "rep, the stripped head", reason: "ids, ops",
		in: "1\n1\na 0 16\n", format: "rep", want: "p0 = alloc size=16\n",
		stats: Stats{Ops: 1, Allocs: 1, PeakBlocks: 1, PeakBytes: 16, LiveBlocks: 1, LiveBytes: 16, Threads: 1},
	}, {
		name: "rep, corners", reason: "nil is freed, an id that was never made is nil, realloc to 0 frees",
		in:     "3\n5\nf -1\nr 1 8\na 2 5\nr 2 0 \nr 2 6\n",
		format: "rep", want: "p0 = realloc-nil size=8\np1 = alloc size=5\nfree p1\np1 = realloc-nil size=6\n",
		stats: Stats{Ops: 4, Allocs: 3, Frees: 1, PeakBlocks: 2, PeakBytes: 14, LiveBlocks: 2, LiveBytes: 14,
			Threads:  1,
			NilFrees: 1},
	}, {
		name: "text", reason: "numbers of the head are believed where the program does not show them",
		in: "# program: x\n# threads: 3\n# ops: 2\n# unmatched: 4\n\n" +
			"p5 = calloc n=2 size=8 # two\n   1 free p5 -> ok\n",
		want: "p5 = calloc n=2 size=8\nfree p5\n", format: "text",
		stats: Stats{Ops: 2, Allocs: 1, Frees: 1, PeakBlocks: 1, PeakBytes: 16, Threads: 3, Unmatched: 4},
	}, {
		name: "cut", reason: "what lives after the last operation lives on",
		in: "1: malloc 0x10 1\n1: malloc 0x20 2\n1: free 0x10\n", lim: Limits{Ops: 2, Cut: true},
		format: "replay", want: "p0 = alloc size=1\np1 = alloc size=2\n",
		stats: Stats{Ops: 2, Allocs: 2, PeakBlocks: 2, PeakBytes: 3, LiveBlocks: 2, LiveBytes: 3, Threads: 1},
	}} {
		t.Run(c.name, func(t *testing.T) {
			tr, err := read(t, c.in, c.lim)
			if err != nil {
				t.Fatalf("%v (%s)", err, c.reason)
			}
			if tr.Format != c.format {
				t.Errorf("format %s, want %s", tr.Format, c.format)
			}
			if d := cmp.Diff(c.want, string(Spec().Format(tr.Program))); d != "" {
				t.Errorf("program (%s):\n%s", c.reason, d)
			}
			if d := cmp.Diff(c.stats, tr.Stats); d != "" {
				t.Errorf("stats (%s):\n%s", c.reason, d)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	long := "1: malloc 0x10 1" + strings.Repeat(" ", 5000) + "\n"
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", `x:1: empty: no format to be seen`},
		{"noise", "\x00\x01\x7fELF\xff\n", `x:1: cannot tell the format from`},
		{"prose", "Dear all,\n", `x:1: cannot tell the format from "Dear all,"`},
		{"long line", "1: malloc 0x20 1\n" + long, `x:2: line is longer than 4096 bytes`},
		{"torn line", "1: malloc 0x20 1\n1: malloc 0x30 10", `x:2: torn last line "1: malloc 0x30 10": no line end`},
		{"too many bytes", many("1: free 0x0\n", 6000),
			`x:5462: more than 64 KiB after decompression, the most that is read`},
		{"window", "\x28\xb5\x2f\xfd\x00\x88\x09\x00\x00x",
			`x:1: the packed data want a window of more than 64 MiB: window size exceeded`},

		{"replay free first", "1: free 0x10\n", `x:1: free of 0x10, which is not live`},
		{"replay double free", "1: malloc 0x10 1\n1: free 0x10\n1: free 0x10\n",
			`x:3: free of 0x10, which is not live`},
		{"replay live twice", "1: malloc 0x10 1\n\n1: malloc 0x10 1\n", `x:3: 0x10 is handed out, and is live as p0`},
		{"replay onto live", "1: malloc 0x10 1\n1: malloc 0x20 1\n1: realloc 0x10 0x20 3\n", `x:3: 0x10 is handed out`},
		{"replay size", "1: malloc 0x10 9223372036854775807\n", `x:1: size of 1 times 9223372036854775807 is above`},
		{"replay product", "1: calloc 0x10 4294967296 4294967296\n",
			`x:1: size of 4294967296 times 4294967296 is above`},
		{"replay alignment", "1: memalign 0x10 18446744073709551615 1\n",
			`x:1: alignment 18446744073709551615 is above`},
		{"replay number", "1: malloc 0x10 99999999999999999999\n", `x:1: not a number: "99999999999999999999"`},
		{"replay negative", "1: malloc 0x10 -1\n", `x:1: not a number: "-1"`},
		{"replay address", "1: malloc 10 1\n", `x:1: not a number: "10"`},
		{"replay too few", "1: calloc 0x10 1\n", `x:1: calloc has 2 numbers after its address, not 1`},
		{"replay one time", "1: malloc 0x10 1 5\n", `x:1: malloc has 1 numbers after its address, not 2`},
		{"replay call", "1: mollac 0x10 1\n", `x:1: unknown call "mollac"`},
		{"replay threads", "1: free 0x0\n2: free 0x0\n3: free 0x0\n4: free 0x0\n5: free 0x0\n",
			`x:5: more than 4 threads`},
		{"replay ops", many("1: malloc 0x10 1\n1: free 0x10\n", 33), `x:65: more than 64 operations`},
		{"replay blocks", numbered("1: malloc 0x%x0 1\n", 9), `x:9: more than 8 live blocks`},

		{"rep negative id", "1\n1\na -1 8\n", `x:3: not a number: "-1"`},
		{"rep id", "1\n1\na 9223372036854775807 8\n", `x:3: id 9223372036854775807 is not below the head's 1`},
		{"rep many ids", "10000000\n10000000\na 0 8\n", `x:1: the head says 10000000 ids, the most is 64`},
		{"rep many ops", "0\n1\n99\n1\na 0 8\n", `x:3: the head says 99 operations, the most is 64`},
		{"rep ids", "2\n1\na 0 8\n", `x:1: the head says 2 ids, there are 1`},
		{"rep ops", "1\n2\na 0 8\n", `x:2: the head says 2 operations, there are 1`},
		{"rep head", "1\n2\n3\na 0 8\n", `x:3: a head has 2 or 4 numbers, not 3`},
		{"rep long head", "1\n2\n3\n4\n5\n", `x:5: a head has 2 or 4 numbers, not more`},
		{"rep no body", "1\n2\n", `x:2: no operation after the head`},
		{"rep live twice", "1\n2\na 0 8\na 0 8\n", `x:4: alloc of 0, which is live as p0`},
		{"rep free first", "1\n1\nf 0\n", `x:3: free of 0, which is not live`},
		{"rep realloc after free", "1\n3\na 0 8\nf 0\nr 0 8\n", `x:5: realloc of 0, which is not live`},
		{"rep operation", "1\n1\nq 0 8\n", `x:3: unknown operation "q"`},
		{"rep fields", "1\n1\na 0\n", `x:3: want "a id size"`},

		{"mtrace free first", "= Start\n@ a:[0x1] - 0x10\n", `x:2: free of 0x10, which is not live`},
		{"mtrace half", "= Start\n@ a + 0x10 0x1\n@ a < 0x10\n", `x:3: realloc of 0x10 ends nowhere`},
		{"mtrace apart", "= Start\n@ a + 0x10 0x1\n@ a < 0x10\n@ a - 0x10\n",
			`x:4: realloc of 0x10 is followed by '-'`},
		{"mtrace alone", "= Start\n@ a > 0x10 0x1\n", `x:2: '>' follows no '<'`},
		{"mtrace operation", "= Start\n@ a * 0x10 0x1\n", `x:2: unknown operation '*'`},
		{"mtrace noise", "= Start\nhello\n", `x:2: not a number: "hello"`},
		{"mtrace size", "= Start\n@ a + 0x10 0xffffffffffffffff\n",
			`x:2: size of 1 times 18446744073709551615 is above`},

		{"text operation", "p0 = alloc size=1\n\nfre p0\n", `x:3: unknown operation "fre"`},
		{"text dead", "p0 = alloc size=1\nfree p0\n# so\nfree p0\n", `x:4: free of p0, which is not live`},
		{"text live", "p0 = alloc size=1\np0 = alloc size=1\n", `x:2: p0 is defined, and is live`},
		{"text slot", "p8 = alloc size=1\n", `x:1: slot p8 is above the most live blocks, 8`},
		{"text size", "p0 = alloc size=9223372036854775808\n", `x:1: size of 1 times 9223372036854775808 is above`},
		{"text count", "# ops: 2\np0 = alloc size=1\n", `x:1: the head says ops: 2, there are 1`},
		{"text peak", "# peak-bytes: 2\np0 = alloc size=1\n", `x:1: the head says peak-bytes: 2, there are 1`},
		{"text no count", "# threads: many\n", `x:1: threads: not a number: "many"`},
		{"text second world", "p0 = alloc size=1\nworld\n", `x:2: the world stands before all operations, and once`},
		{"text notes", numbered("# k%d: v\n", 257), `x:257: more than 256 notes`},

		{"record short", "HFRECORD", `x:1: head: unexpected EOF`},
		{"record version", "HFRECORD\x02" + strings.Repeat("\x00", 4096), `x:1: records of version 2, want 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(t, c.in, small)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func many(s string, n int) string { return strings.Repeat(s, n) }

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

func TestGivenFormat(t *testing.T) {
	_, err := read(t, "1\n1\na 0 8\n", Limits{Format: "replay"})
	if err == nil || !strings.Contains(err.Error(), "x:1: want \"thread: call") {
		t.Errorf("a given format is not what the content says: %v", err)
	}
	_, err = read(t, "1\n1\na 0 8\n", Limits{Format: "zip"})
	if err == nil || !strings.Contains(err.Error(), "unknown format") {
		t.Error(err)
	}
}

func zst(t testing.TB, text string) string {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func gz(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func TestPacked(t *testing.T) {
	const text = "1: malloc 0x10 1\n1: free 0x10\n"
	for name, in := range map[string]string{"zstd": zst(t, text), "gzip": gz(text)} {
		tr, err := read(t, in, Limits{})
		if err != nil || tr.Stats.Ops != 2 {
			t.Errorf("%s: %v", name, err)
		}
		for cut := 4; cut < len(in); cut++ {
			if _, err := read(t, in[:cut], Limits{}); err == nil {
				t.Fatalf("%s: %d of %d bytes pass for the whole", name, cut, len(in))
			}
		}
	}
}

// A bomb is a few KB of which a gigabyte comes. Neither one of lines nor one of a single line may cost memory.
func TestBomb(t *testing.T) {
	for _, fill := range []string{"\n", "x", "1: free 0x0\n"} {
		bomb := zst(t, strings.Repeat(fill, 64<<20/len(fill)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(t, bomb, Limits{Bytes: 8 << 20, Ops: 1000})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("64 MiB of %q are taken", fill)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
			t.Errorf("64 MiB of %q cost %s", fill, Bytes(used))
		}
	}
}

func TestRoundTrip(t *testing.T) {
	in := &Trace{Format: "text", Name: "x", Notes: []Note{{"program", "x"}, {"command", "x -y z: w"}},
		Program: Spec().MustParse("p0 = alloc size=3\np1 = calloc n=2 size=7\nrealloc p0 size=9\nfree p1\n" +
			"p1 = aligned align=64 size=1\np2 = realloc-nil size=0\nfree p0\n"),
		Stats: Stats{Ops: 7, Allocs: 4, Frees: 2, Reallocs: 1, PeakBlocks: 3, PeakBytes: 23, LiveBlocks: 2,
			LiveBytes: 1,
			Threads:   3, NilFrees: 1, Refused: 2, Unmatched: 3, Overlaid: 4, Lost: 5, Torn: 0}}
	var text bytes.Buffer
	if err := Write(&text, Spec(), in); err != nil {
		t.Fatal(err)
	}
	out, err := Read(Spec(), "x", bytes.NewReader(text.Bytes()), Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	if d := cmp.Diff(in, out); d != "" {
		t.Errorf("%s\n%s", d, text.String())
	}
	p, err := Spec().Parse("x", &text)
	if err != nil || !p.Equal(in.Program) {
		t.Errorf("prog reads another program of it: %v", err)
	}
}

// Every line of a text has a part in its meaning: without it, the numbers of the head are wrong.
func TestDamage(t *testing.T) {
	tr, err := read(t, many("1: malloc 0x10 7\n1: free 0x10\n", 4), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := Write(&text, Spec(), tr); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(text.String(), "\n"), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "#") {
			continue
		}
		without := strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")
		if _, err := read(t, strings.TrimSuffix(without, "\n")+"\n", Limits{}); err == nil {
			t.Errorf("without line %d, %q, nothing is noticed", i+1, line)
		}
	}
}

func TestSummary(t *testing.T) {
	tr, err := read(t, "1: malloc 0x10 3000\n2: malloc 0x20 3000000\n2: free 0x20\n", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Summary(&b, tr); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"     trace  format  ops  allocs  peak live  blocks  threads\n" +
		"         x  replay    3       2    2.9 MiB       2        2\n" +
		"  1 traces            3       2                            \n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestSlots(t *testing.T) {
	var h slots
	for _, s := range []prog.Slot{5, 1, 4, 1 << 31, 0, 3, 2} {
		h.push(s)
	}
	for _, want := range []prog.Slot{0, 1, 2, 3, 4, 5, 1 << 31} {
		if got := h.pop(); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	}
}

// Every recording in the corpus reads, says right of itself what it holds, and contradicts itself nowhere.
func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob("../../corpus/heap/trace/*.txt*")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d recordings in the corpus: %v", len(paths), err)
	}
	ops := 0
	for _, path := range paths {
		tr, err := Open(Spec(), path)
		if err != nil {
			t.Error(err)
			continue
		}
		s := tr.Stats
		ops += s.Ops
		if s.Unmatched+s.Overlaid+s.Lost+s.Torn > 0 {
			t.Errorf("%s contradicts itself: %+v", tr.Name, s)
		}
		for _, key := range []string{"program", "recorder", "command"} {
			if v := tr.Note(key); v == "" || strings.Contains(v, "/home") || strings.Contains(v, "/tmp") {
				t.Errorf("%s: the note %s is %q", tr.Name, key, v)
			}
		}
		want := [4]uint64{uint64(s.PeakBlocks), s.PeakBytes, uint64(s.LiveBlocks), s.LiveBytes}
		if got := recount(tr.Program); got != want {
			t.Errorf("%s: recounted %v, want %+v", tr.Name, got, s)
		}
	}
	if ops > 2_500_000 {
		t.Errorf("%d operations are more than tests replay gladly", ops)
	}
}

// recount counts as plainly as can be: most blocks, most bytes, blocks and bytes at the end.
func recount(p prog.Program) (n [4]uint64) {
	spec, live, bytes := Spec(), map[uint64]uint64{}, uint64(0)
	for _, op := range p.Ops {
		switch spec.Info(op.Kind).Name {
		case "alloc", "realloc-nil":
			live[uint64(op.Def)] = op.Args[0]
			bytes += op.Args[0]
		case "calloc":
			live[uint64(op.Def)] = op.Args[0] * op.Args[1]
			bytes += op.Args[0] * op.Args[1]
		case "aligned":
			live[uint64(op.Def)] = op.Args[1]
			bytes += op.Args[1]
		case "realloc":
			bytes += op.Args[1] - live[op.Args[0]]
			live[op.Args[0]] = op.Args[1]
		case "free":
			bytes -= live[op.Args[0]]
			delete(live, op.Args[0])
		}
		n = [4]uint64{max(n[0], uint64(len(live))), max(n[1], bytes), uint64(len(live)), bytes}
	}
	return n
}

// A text may hold more of the language than a recording does, and a world.
func TestWholeLanguage(t *testing.T) {
	spec := Spec()
	number := &prog.Domain{Name: "number", Max: 9}
	spec.World = []prog.Arg{{Name: "limit", Domain: number}}
	spec.Rows = append(spec.Rows,
		prog.Info{Name: "verify", Role: prog.Use, Args: []prog.Arg{{Name: "p", Domain: spec.Slots}}},
		prog.Info{Name: "drain", Role: prog.KillAll},
		prog.Info{Name: "oom", Role: prog.Set, Args: []prog.Arg{{Name: "nth", Domain: number}}})
	const text = "world limit=4\np0 = alloc size=5\np1 = alloc size=6\nverify p0\noom nth=1\ndrain\np0 = alloc size=7\n"
	tr, err := Read(spec, "x", strings.NewReader(text), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{Ops: 6, Allocs: 3, Frees: 2, PeakBlocks: 2, PeakBytes: 11, LiveBlocks: 1, LiveBytes: 7, Threads: 1}
	if d := cmp.Diff(want, tr.Stats); d != "" {
		t.Error(d)
	}
	var out bytes.Buffer
	if err := Write(&out, spec, tr); err != nil || !strings.HasSuffix(out.String(), text) {
		t.Errorf("%v:\n%s", err, out.String())
	}
	_, err = Read(spec, "x", strings.NewReader(text+"verify p1\n"), Limits{})
	if err == nil || err.Error() != "x:8: verify of p1, which is not live" {
		t.Errorf("after drain nothing is live, but p1 is verified: %v", err)
	}
	_, err = Read(&prog.Spec{Name: "dict", Rows: spec.Rows[1:]}, "x", strings.NewReader(text), Limits{})
	if err == nil || err.Error() != `trace: dict has no operation "alloc"` {
		t.Errorf("a language without alloc: %v", err)
	}
}
