package prog

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	alloc := func(def Slot, size uint64) Op { return Op{Kind: toy.Kind("alloc"), Def: def, Args: [3]uint64{size}} }
	free := func(p uint64) Op { return Op{Kind: toy.Kind("free"), Args: [3]uint64{p}} }
	for _, c := range []struct {
		reason, text string
		want         Program
	}{
		{"an empty file is the empty program", "", Program{}},
		{"blank lines and comments mean nothing", "\n  \t\n# free p0\n  # p\n", Program{}},
		{"a definition stands in front", "p7 = alloc size=64\n", Program{Ops: []Op{alloc(7, 64)}}},
		{"the last line may lack its end", "free p1", Program{Ops: []Op{free(1)}}},
		{"lines of other systems end in two characters",
			"free p1\r\nfree p2\r\n", Program{Ops: []Op{free(1), free(2)}}},
		{"some editors write a byte order mark", "\uFEFFfree p1\n", Program{Ops: []Op{free(1)}}},
		{"hexadecimal is read", "p0 = alloc size=0xFf", Program{Ops: []Op{alloc(0, 255)}}},
		{"all of 64 bits is read", "p0 = alloc size=18446744073709551615", Program{Ops: []Op{alloc(0, 1<<64-1)}}},
		{"a number that is left out is 0", "p0 = alloc", Program{Ops: []Op{alloc(0, 0)}}},
		{"the world is the first line", "# a\nworld skew=1\nfree p0",
			Program{World: [3]uint64{0, 1}, Ops: []Op{free(0)}}},
		{"a world without numbers is all 0", "world\n", Program{}},
		{"slots and numbers stand in the order of the row", "link p1 p2 at=3",
			Program{Ops: []Op{{Kind: toy.Kind("link"), Args: [3]uint64{1, 3, 2}}}}},
		{"numbers may stand before slots", "link at=3 p1 p2",
			Program{Ops: []Op{{Kind: toy.Kind("link"), Args: [3]uint64{1, 3, 2}}}}},
		{"a slot may come second in the row", "peek p2 at=3",
			Program{Ops: []Op{{Kind: toy.Kind("peek"), Args: [3]uint64{3, 2}}}}},
		{"a comment may follow", "free p3 # twice", Program{Ops: []Op{free(3)}}},
		{"a comment needs no blank", "free p3# twice", Program{Ops: []Op{free(3)}}},
		{"the lines of a report are a program",
			"    0  p0 = alloc size=1    -> ok\n✗   1  free p0              -> ok      overlaps p1 [8, 9)\n",
			Program{Ops: []Op{alloc(0, 1), free(0)}}},
		{"noise in a comment is nobody's business", "free p3 # \x00\xFF", Program{Ops: []Op{free(3)}}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			got, err := toy.Parse("x.txt", iotest.OneByteReader(strings.NewReader(c.text)))
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("Parse(%q): %v\n%s", c.text, err, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"check\n\nfre p0\n", `x.txt:3: unknown operation "fre"`},
		{"alloc size=1\n", `x.txt:1: alloc defines a slot: "p0 = alloc"`},
		{"p0 = free p1\n", `x.txt:1: free defines no slot`},
		{"p0 alloc size=1\n", `x.txt:1: expected "=" and an operation after "p0"`},
		{"p0\n", `x.txt:1: expected "=" and an operation after "p0"`},
		{"p0 =\n", `x.txt:1: expected an operation after "="`},
		{"p0=alloc\n", `x.txt:1: unknown operation "p0=alloc"`},
		{"free\n", `x.txt:1: free lacks a slot: p`},
		{"link p0\n", `x.txt:1: link lacks a slot: p`},
		{"free p0 p1\n", `x.txt:1: free takes no more slots: "p1"`},
		{"free 3\n", `x.txt:1: expected name=number instead of "3"`},
		{"free p=3\n", `x.txt:1: free has no argument "p"`},
		{"p0 = alloc n=3\n", `x.txt:1: alloc has no argument "n"`},
		{"p0 = alloc size=3 size=3\n", `x.txt:1: argument size is given twice`},
		{"p0 = alloc size=\n", `x.txt:1: no number of 64 bits: "size="`},
		{"p0 = alloc size=-1\n", `x.txt:1: no number of 64 bits: "size=-1"`},
		{"p0 = alloc size=0x\n", `x.txt:1: no number of 64 bits: "size=0x"`},
		{"p0 = alloc size=0x+1\n", `x.txt:1: no number of 64 bits: "size=0x+1"`},
		{"p0 = alloc size=0x10000000000000000\n", `x.txt:1: no number of 64 bits: "size=0x10000000000000000"`},
		{"p0 = alloc size=18446744073709551616\n", `x.txt:1: no number of 64 bits: "size=18446744073709551616"`},
		{"free p16777215\nfree p16777216\n", `x.txt:2: slot "p16777216" is beyond p16777215`},
		{"free p99999999999999999999\n", `x.txt:1: slot "p99999999999999999999" is beyond p16777215`},
		{"check\nworld limit=1\n", `x.txt:2: the world stands before all operations, and once`},
		{"world limit=1\nworld limit=1\n", `x.txt:2: the world stands before all operations, and once`},
		{"world size=1\n", `x.txt:1: world has no argument "size"`},
		{"world p1\n", `x.txt:1: world takes no more slots: "p1"`},
		{"\x7fELF\x02\x01\x00\x00", `x.txt:1: not text: byte 0x02 in column 5`},
		{"free p0\nfree p\xff\n", `x.txt:2: not text: byte 0xff in column 7`},
		{strings.Repeat("\x00", 100_000), `x.txt:1: not text: byte 0x00 in column 1`},
		{strings.Repeat("é", 50_000), `x.txt:1: line is longer than 4096 bytes`},
		{"a" + strings.Repeat("é", 2048), `x.txt:1: line is longer than 4096 bytes`},
		{"# " + strings.Repeat("-", 4096), `x.txt:1: line is longer than 4096 bytes`},
		{strings.Repeat("x", 50), `x.txt:1: unknown operation "` + strings.Repeat("x", 40) + `"...`},
	} {
		p, err := toy.Parse("x.txt", strings.NewReader(c.text))
		if err == nil || err.Error() != c.want {
			t.Errorf("Parse(%.40q): got error %v, want %s", c.text, err, c.want)
		}
		if p.Ops != nil {
			t.Errorf("Parse(%.40q): a program beside an error", c.text)
		}
	}
	want := errors.New("disk is gone")
	if _, err := toy.Parse("x.txt", iotest.ErrReader(want)); !errors.Is(err, want) {
		t.Errorf("an error of the reader came back as %v", err)
	}
}

// TestParseFormat is law 3.
func TestParseFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t, SlotsMax, false)
		text := toy.Format(p)
		got, err := toy.Parse("text", bytes.NewReader(text))
		if diff := cmp.Diff(p, got); diff != "" || err != nil {
			t.Fatalf("%s: %v\n%s", text, err, diff)
		}
	})
}

// TestSubsequence is the part of law 4 that is about text: a file without any of its lines is a program.
func TestSubsequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := strings.SplitAfter(string(toy.Format(drawProgram(t, 40, false))), "\n")
		keep := lines[:0]
		for _, line := range lines {
			if rapid.Bool().Draw(t, "keep") {
				keep = append(keep, line)
			}
		}
		if _, err := toy.Parse("text", strings.NewReader(strings.Join(keep, ""))); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzParse says that what parses once is written the same ever after, and that nothing makes Parse panic.
func FuzzParse(f *testing.F) {
	f.Add("world limit=4 skew=1\np0 = alloc size=0x40\n✗  1  link p0 p1 at=3 -> ok\nfree p0 # x\n")
	f.Add("p0 =\nfree p\x00\n# \xff -> world")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := toy.Parse("text", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "text:") || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Fatalf("error %q", err)
			}
			return
		}
		again, err := toy.Parse("again", bytes.NewReader(toy.Format(p)))
		if err != nil || !again.Equal(p) {
			t.Fatalf("%v\n%s", err, cmp.Diff(p, again))
		}
	})
}

func TestParseAllocates(t *testing.T) {
	text := toy.Format(toy.Decode(noiseBytes(1, 12*1000)))
	r := bytes.NewReader(text)
	if n := testing.AllocsPerRun(10, func() {
		r.Reset(text)
		if _, err := toy.Parse("text", r); err != nil {
			t.Fatal(err)
		}
	}); n > 30 {
		t.Errorf("%v allocations for 1000 lines: a line that is right costs none", n)
	}
}
