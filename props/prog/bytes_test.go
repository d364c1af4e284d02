package prog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// noiseBytes returns n random bytes.
func noiseBytes(seed uint64, n int) []byte {
	src, data := seeded(seed), make([]byte, n)
	for i := range data {
		data[i] = byte(src.Uint64())
	}
	return data
}

func TestDecodeEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t, 4096, true)
		if diff := cmp.Diff(p, toy.Decode(toy.Encode(p))); diff != "" {
			t.Fatalf("numbers in their domains do not come back:\n%s", diff)
		}
		p = drawProgram(t, SlotsMax, false)
		if diff := cmp.Diff(toy.Canon(p), toy.Decode(toy.Encode(p))); diff != "" {
			t.Fatalf("other numbers come back otherwise than Canon says:\n%s", diff)
		}
	})
}

func TestCanonIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := toy.Canon(drawProgram(t, SlotsMax, false))
		if diff := cmp.Diff(p, toy.Canon(p)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestCanonUnused(t *testing.T) {
	p := Program{World: [3]uint64{1, 1, 9}, Ops: []Op{{Kind: toy.Kind("check"), Def: 3, Args: [3]uint64{1, 2, 3}}}}
	want := Program{World: [3]uint64{1, 1}, Ops: []Op{{Kind: toy.Kind("check")}}}
	if diff := cmp.Diff(want, toy.Canon(p)); diff != "" {
		t.Error(diff)
	}
}

// FuzzDecode is law 1, and the other laws for programs that come from bytes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(noiseBytes(1, 100))
	f.Add(toy.Encode(toy.MustParse("world limit=3\np0 = alloc size=0x8000000000000000\nlink p4095 p0 at=70000\n")))
	f.Fuzz(checkDecoded)
}

func TestDecodeIsTotal(t *testing.T) {
	for n := range 200 {
		checkDecoded(t, noiseBytes(uint64(n), n))
	}
}

func checkDecoded(t *testing.T, data []byte) {
	p := toy.Decode(data)
	if want := max(0, len(data)/RecordBytes-1); len(p.Ops) != want {
		t.Fatalf("%d operations from %d bytes, want %d", len(p.Ops), len(data), want)
	}
	if diff := cmp.Diff(p, toy.Canon(p)); diff != "" {
		t.Fatalf("a number out of its domain, or one that is unused:\n%s", diff)
	}
	if diff := cmp.Diff(p, toy.Decode(toy.Encode(p))); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(p, toy.MustParse(string(toy.Format(p)))); diff != "" {
		t.Fatal(diff)
	}
}

func TestDecode(t *testing.T) {
	world := make([]byte, RecordBytes)
	for _, c := range []struct {
		reason string
		data   []byte
		want   string
	}{
		{"fewer bytes than a record are nothing", world[:11], ""},
		{"a world of zeros is not written", world, ""},
		{"the first 3 bytes of the world are ignored", []byte{9, 9, 9, 0, 2, 0, 0, 1, 0, 9, 9, 9},
			"world limit=2 skew=1\n"},
		{"a partial record at the end is ignored", append(append([]byte{}, world...), 1, 2, 3), ""},
		{"zeros are the first operation", make([]byte, 2*RecordBytes), "p0 = alloc size=0\n"},
		{"small: 70 mod 65", record("alloc", 3, 0, 0x00, 70, 0), "p3 = alloc size=5\n"},
		{"edge: the third", record("alloc", 3, 0, 0x60, 2, 0), "p3 = alloc size=15\n"},
		{"an edge beyond the domain", record("alloc", 3, 0, 0x9F, 14, 0), "p3 = alloc size=18446744073709551615\n"},
		{"low: 16 bits", record("alloc", 3, 0, 0xA0, 0x34, 0x12), "p3 = alloc size=4660\n"},
		{"wide: 16 bits, and no shift", record("alloc", 3, 0, 0xC3, 0x34, 0x12), "p3 = alloc size=4660\n"},
		{"wide: 16 bits, shifted by 10", record("alloc", 3, 0, 0xEA, 0x34, 0x12), "p3 = alloc size=4\n"},
		{"wide: 22 bits of a larger domain", record("peek", 0, 0, 0xC2, 0x34, 0x12, 0, 3, 0), "peek p3 at=135732\n"},
		{"a slot below 4096 is itself", record("alloc", 0xFF, 0x0F, 0, 0, 0), "p4095 = alloc size=0\n"},
		{"the first slot beyond is hot", record("alloc", 0x00, 0x10, 0, 0, 0), "p0 = alloc size=0\n"},
		{"other slots are hot", record("alloc", 0x41, 0x10, 0, 0, 0), "p1 = alloc size=0\n"},
		{"the selector of a slot is ignored", record("free", 7, 7, 0xEE, 5, 0), "free p5\n"},
		{"alignments are edges", record("aligned", 0, 0, 0, 5, 0), "p0 = aligned align=4096 size=0\n"},
		{"but for 0", record("aligned", 0, 0, 0xC0, 5, 0), "p0 = aligned align=0 size=0\n"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if got := string(toy.Format(toy.Decode(c.data))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// record is a world of zeros and one operation.
func record(name string, bytes ...byte) []byte {
	rec := make([]byte, 2*RecordBytes)
	rec[RecordBytes] = toy.tables().rows[toy.Kind(name)].first
	copy(rec[RecordBytes+1:], bytes)
	return rec
}

func TestKindShares(t *testing.T) {
	for _, c := range []struct {
		reason        string
		weights, want []int
	}{
		{"one kind has it all", []int{5}, []int{256}},
		{"without weights all are alike, and the first have what is left", []int{0, 0, 0}, []int{86, 85, 85}},
		{"weight 0 has one entry", []int{0, 3, 1}, []int{1, 191, 64}},
		{"of dues of 36.1, 36.1 and 180.7 the last is rounded up", []int{1, 1, 5}, []int{37, 37, 182}},
		{"of dues of 5.5, 231 and 16.5 the first is rounded up", []int{1, 42, 3}, []int{7, 232, 17}},
	} {
		s := &Spec{Name: "shares"}
		for _, w := range c.weights {
			s.Rows = append(s.Rows, Info{Name: string(rune('a' + len(s.Rows))), Weight: w})
		}
		if diff := cmp.Diff(c.want, s.kindShares()); diff != "" {
			t.Errorf("%s:\n%s", c.reason, diff)
		}
	}
	for n := range 128 {
		rows, sum := make([]Info, n+1), 0
		for i := range rows {
			rows[i].Weight = i * i % 7
		}
		for _, share := range (&Spec{Rows: rows}).kindShares() {
			if sum += share; share < 1 {
				t.Fatalf("a kind of %d has no entry", n+1)
			}
		}
		if sum != 256 {
			t.Fatalf("%d entries for %d kinds", sum, n+1)
		}
	}
}

func TestFold(t *testing.T) {
	d := &Domain{Near: 4, Max: 100, Edges: []uint64{1 << 63, 200, 50, 300}}
	for _, c := range []struct {
		reason  string
		n, want uint64
	}{
		{"a member stays", 99, 99},
		{"an edge stays", 300, 300},
		{"nearer to Max", 149, 100},
		{"between two that are equally near", 150, 100},
		{"nearer to an edge", 151, 200},
		{"between two edges", 250, 200},
		{"an edge below Max does not count", 101, 100},
		{"the last", 1<<64 - 1, 1 << 63},
	} {
		if got := d.Fold(c.n); got != c.want || d.Contains(c.n) != (c.n == c.want) {
			t.Errorf("%s: Fold(%d) = %d, want %d", c.reason, c.n, got, c.want)
		}
	}
}

// TestDecodeShares says what random bytes are worth: kinds by weight, hot slots, edges.
func TestDecodeShares(t *testing.T) {
	p := toy.Decode(noiseBytes(1, 50_000*RecordBytes))
	kinds, hot, edges, allocs := make([]int, len(toy.Rows)), 0, 0, 0
	for _, op := range p.Ops {
		kinds[op.Kind]++
		if op.Kind != toy.Kind("alloc") {
			continue
		}
		allocs++
		if op.Def <= 31 {
			hot++
		}
		for _, e := range toy.Rows[op.Kind].Args[0].Domain.Edges {
			if op.Args[0] == e {
				edges++
				break
			}
		}
	}
	for k, n := range kinds {
		if n == 0 {
			t.Errorf("%s never comes", toy.Rows[k].Name)
		}
	}
	if got := float64(kinds[0]) / float64(kinds[1]); got < 4 || got > 8 {
		t.Errorf("alloc comes %.1f times as often as aligned, whose weight is a sixth", got)
	}
	if hot*100 < allocs*90 || edges*100 < allocs*25 {
		t.Errorf("of %d slots %d are hot, of as many sizes %d are edges", allocs, hot, edges)
	}
}

func TestDecodeIntoAllocates(t *testing.T) {
	data := noiseBytes(1, 1000*RecordBytes)
	var p Program
	toy.DecodeInto(&p, data)
	if n := testing.AllocsPerRun(10, func() { toy.DecodeInto(&p, data) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
