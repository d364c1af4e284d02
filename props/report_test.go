package props_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// region is an allocator of one region that hands out block after block, so that a test knows which lies beside which.
type region struct {
	bytes [1 << 10]byte
	used  uintptr
	sizes map[unsafe.Pointer]uintptr
	bad   func(r *region, p unsafe.Pointer, size uintptr) // before a block is taken back
	step  func(size uintptr) uintptr
}

func (r *region) Alloc(size uintptr) unsafe.Pointer {
	if size == 0 || size > uintptr(len(r.bytes))-r.used-8 {
		return nil
	}
	p := unsafe.Pointer(&r.bytes[r.used])
	r.used += r.step(size)
	r.sizes[p] = size
	return p
}

func (r *region) Free(p unsafe.Pointer) {
	if p != nil && r.bad != nil {
		r.bad(r, p, r.sizes[p])
	}
}

func regionSubject(step func(uintptr) uintptr, bad func(r *region, p unsafe.Pointer, size uintptr)) *props.Subject {
	contract := heap.Contract{ZeroNil: true, MayRefuse: true, Retained: -1}
	return heaptest.Subject("region", contract, func(heaptest.World) (heaptest.Allocator, error) {
		return &region{sizes: map[unsafe.Pointer]uintptr{}, step: step, bad: bad}, nil
	})
}

func TestBlame(t *testing.T) {
	whole := func(size uintptr) uintptr { return (size + 7) &^ 7 }
	for _, tt := range []struct {
		name    string
		subject *props.Subject
		program string
		want    string // "": nobody is to blame
	}{
		{"the block before is written past its end", regionSubject(whole, func(_ *region, p unsafe.Pointer, n uintptr) {
			*(*uint32)(unsafe.Add(p, n)) = 0
		}), "p0 = alloc size=16\np1 = alloc size=24\nusage\nfree p0\ncheck\nfree p1\n",
			"bytes [0, 4) of p1: written by 1 (p1 = alloc size=24), changed during 3 (free p0), now 0x00000000; " +
				"they begin right behind p0"},
		{"the block behind writes before its start", regionSubject(whole, func(r *region, p unsafe.Pointer, _ uintptr) {
			if p != unsafe.Pointer(&r.bytes) {
				*(*byte)(unsafe.Add(p, -8)) = 0
			}
		}), "p0 = alloc size=16\np1 = alloc size=24\nfree p1\nverify p0\n",
			"bytes [8, 9) of p0: written by 0 (p0 = alloc size=16), changed during 2 (free p1), now 0x00; " +
				"they end 7 bytes before p1"},
		{"far away", regionSubject(whole, func(r *region, p unsafe.Pointer, _ uintptr) {
			if p != unsafe.Pointer(&r.bytes) {
				copy(r.bytes[2:14], make([]byte, 12))
			}
		}), "p0 = alloc size=16\np1 = alloc size=512\np2 = alloc size=8\nfree p2\nfree p0\n",
			"bytes [2, 14) of p0: written by 0 (p0 = alloc size=16), changed during 3 (free p2), " +
				"now 0x0000000000000000..."},
		{"a block on top of another", regionSubject(func(size uintptr) uintptr { return size / 2 }, nil),
			"p3 = alloc size=16\nusage\np1 = alloc size=4\n",
			"bytes [8, 12) of p3: made by 0 (p3 = alloc size=16), handed out again by 2 (p1 = alloc size=4)"},
		{"nobody", regionSubject(whole, func(*region, unsafe.Pointer, uintptr) { panic("gone") }),
			"p0 = alloc size=16\nfree p0\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := find(t, tt.subject, tt.subject.Spec.MustParse(tt.program))
			if f == nil {
				t.Fatal("the defect does not show")
			}
			blame, ok := props.FindBlame(tt.subject, f)
			got := ""
			if ok {
				got = blame.Text(tt.subject.Spec)
			}
			if got != tt.want {
				t.Errorf("%v\ngot  %s\nwant %s", f.Violation, got, tt.want)
			}
		})
	}
}

// Of a long program the report shows the end, and the numbers of operations are those of the whole.
func TestReportLong(t *testing.T) {
	s := boxSubject(func(b *boxTarget, _ prog.Op) bool { return len(b.done) == 100 })
	f := find(t, s, s.Spec.MustParse("world limit=7\n"+strings.Repeat("count\n", 120)))
	var short, full bytes.Buffer
	if err := props.Report(&short, s, f, props.ReportOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := props.Report(&full, s, f, props.ReportOptions{Full: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(short.String(), "\n")
	if len(lines) != 1+1+1+30+1+1 || strings.TrimSpace(lines[2]) != "# ... 70 earlier operations" ||
		!strings.HasPrefix(lines[3], "    70  count") || !strings.HasPrefix(lines[32], "✗   99  count") {
		t.Errorf("got\n%s", short.String())
	}
	text := strings.Split(full.String(), "\n")
	p, err := s.Spec.Parse("report", strings.NewReader(strings.Join(text[1:len(text)-2], "\n")))
	if err != nil || len(p.Ops) != 100 || p.World != f.Program.World {
		t.Errorf("the whole program does not parse back: %d operations, %v", len(p.Ops), err)
	}
}

// A report is the same in every process: it holds no address. What a block holds is no address.
func TestReportHoldsNoAddress(t *testing.T) {
	s := boxSubject(nil)
	open := s.Open
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		b, j, err := open(w)
		return panics{b}, j, err
	}
	f := find(t, s, s.Spec.MustParse("count\n"))
	var b bytes.Buffer
	if err := props.Report(&b, s, f, props.ReportOptions{Stats: &props.MinimizeStats{Flaky: true}}); err != nil {
		t.Fatal(err)
	}
	want := `conforms: run/alive: panic: block at 0x… holds 0xdddddddddddddddd
✗    0  count  -> fail: panic: block at 0x… holds 0xdddddddddddddddd
rule     run/alive: an operation neither panics nor faults nor fails to return
shrunk   not at all: the program was run again and did not show it
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

type panics struct{ props.Target }

func (panics) Do(prog.Op) prog.Outcome { panic("block at 0xc000123450 holds 0xdddddddddddddddd") }

// A file that holds something else is never written over, and is named.
func TestWriteReproKeepsOtherFiles(t *testing.T) {
	s := boxSubject(func(*boxTarget, prog.Op) bool { return true })
	f := find(t, s, s.Spec.MustParse("count\n"))
	dir := t.TempDir()
	path := filepath.Join(dir, props.ReproOf(f).Name(s.Spec))
	for _, text := range []string{"# by hand\ncount\ncount\n", "no program"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := props.WriteRepro(dir, s, f); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want an error that names %s", err, path)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("the file became %q", got)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files lie there", len(files))
	}
}
