package trace

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// FuzzRead reads any bytes. There must be no panic, limits must hold, and what is read must be a recording: written
// as text it is read again, strictly, as the same.
func FuzzRead(f *testing.F) {
	seeds := []string{
		"", "\n", "# a: b\nworld\np0 = alloc size=1\nfree p0\n", "p1 = calloc n=3 size=5\nrealloc p1 size=9\n",
		"20000\n2\n4\n1\na 0 5\na 1 6\nr 0 7\nf 1\n", "1\n1\na 0 8\n",
		"= Start\n@ a:(f+0x1)[0x2] + 0x10 0x20\n@ a:[0x1] < 0x10\n@ a:[0x1] > 0x20 0x30\n@ a:[0x1] - 0x20\n= End\n",
		"1: malloc 0x10 1\n2: calloc 0x20 3 4 5 6\n1: realloc 0x30 0x10 7\n" +
			"1: memalign 0x40 64 9\n1: free 0x20\n1: thread_done 0x0\n",
		"1: free 0x0\n1: malloc 0x0 5\n1: realloc 0x10 0x0 6\n1: realloc 0x0 0x10 7\n1: realloc 0x0 0x10 0\n",
		records(recordHead{Forked: 1}, rec(2, recFree, 1, 16, 0, 0), rec(1, recMalloc, 1, 16, 0, 9)),
		zst(f, "1: malloc 0x10 1\n"), gz("1\n1\na 0 8\n"),
	}
	for _, s := range seeds {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, lenient bool) {
		lim := small
		lim.Lenient = lenient
		tr, err := Read(Spec(), "x", bytes.NewReader(data), lim)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x:") {
				t.Fatalf("no place in %q", err)
			}
			return
		}
		s := tr.Stats
		bounded := s.Ops <= small.Ops && s.PeakBlocks <= small.Live
		if !bounded || s.LiveBlocks != s.Allocs-s.Frees || len(tr.Program.Ops) != s.Ops {
			t.Fatalf("%+v", s)
		}
		for _, op := range tr.Program.Ops {
			if int(op.Def) >= s.PeakBlocks && tr.Format != "text" {
				t.Fatalf("slot p%d with %d blocks", op.Def, s.PeakBlocks)
			}
		}
		var text bytes.Buffer
		if err := Write(&text, Spec(), tr); err != nil {
			t.Fatal(err)
		}
		again, err := Read(Spec(), "y", &text, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if !again.Program.Equal(tr.Program) || again.Stats != s {
			t.Fatalf("%+v is read again as %+v", tr, again)
		}
	})
}

// BenchmarkRead reads a recording of many blocks; lines/s is what counts.
func BenchmarkRead(b *testing.B) {
	const blocks = 50_000
	var rep, mtrace, replay, text strings.Builder
	var recs []record
	fmt.Fprintf(&rep, "%d\n%d\n", blocks, 2*blocks)
	fmt.Fprintf(&mtrace, "= Start\n")
	number := uint64(0)
	write := func(id int, free bool) {
		addr := 0x55d0_0000_0000 + 64*uint64(id)
		number++
		if free {
			fmt.Fprintf(&rep, "f %d\n", id)
			fmt.Fprintf(&mtrace, "@ /lib/libx.so:(function+0x1b)[0x7f0123456789] - %#x\n", addr)
			fmt.Fprintf(&replay, "186: free %#x\n", addr)
			fmt.Fprintf(&text, "free p%d\n", id)
			recs = append(recs, rec(number, recFree, 1, addr, 0, 0))
			return
		}
		fmt.Fprintf(&rep, "a %d %d\n", id, id%500)
		fmt.Fprintf(&mtrace, "@ /lib/libx.so:(function+0x1b)[0x7f0123456789] + %#x %#x\n", addr, id%500)
		fmt.Fprintf(&replay, "186: malloc %#x %d\n", addr, id%500)
		fmt.Fprintf(&text, "p%d = alloc size=%d\n", id, id%500)
		recs = append(recs, rec(number, recMalloc, 1, addr, 0, uint64(id%500)))
	}
	for i := range blocks {
		write(i, false)
		if i >= blocks/2 {
			write(i-blocks/2, true)
		}
	}
	for i := blocks / 2; i < blocks; i++ {
		write(i, true)
	}
	for _, c := range []struct{ format, in string }{
		{"text", text.String()}, {"rep", rep.String()}, {"mtrace", mtrace.String()}, {"replay", replay.String()},
		{"record", records(recordHead{}, recs...)},
	} {
		b.Run("format="+c.format, func(b *testing.B) {
			b.SetBytes(int64(len(c.in)))
			for b.Loop() {
				tr, err := Read(Spec(), "x", strings.NewReader(c.in), Limits{Format: c.format})
				if err != nil || tr.Stats.Ops != 2*blocks {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*2*blocks/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
