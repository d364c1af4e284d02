package nightly

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRatios reads what benchmarks print: what has a peer and rounds enough.
func TestRatios(t *testing.T) {
	round := "BenchmarkHeap/impl=arena-3.11/op=pair/size=64-2   3  10 ns/op  2.0 ns/pair\n" +
		"BenchmarkHeap/impl=modernc-memory/op=pair/size=64-2   3  10 ns/op  4 ns/pair\n" +
		"BenchmarkEngine/engine=runner/target=arena-3.11   3  10 ns/op  30 cpu-ns/operation  9 operations/s  0 B/op\n" +
		"BenchmarkEngine/engine=loop/target=arena-3.11   3  10 ns/op  20 cpu-ns/operation  9 operations/s\n" +
		"BenchmarkTry/target=reference-2   3  10 ns/op  8.5 cpu-us  9 executions/s\n" +
		"BenchmarkTry/target=slab-2   3  10 ns/op  17 cpu-us  9 executions/s\n" +
		"BenchmarkHeap/impl=arena-3.11/op=lonely/size=64   3  10 ns/op  4 ns/pair\nPASS\n"
	slow := strings.Replace(round, "  2.0 ns/pair", "  3.0 ns/pair", 1)
	want := map[string]Ratio{"heap/op=pair/size=64": {0.5, 0.5, 0.75}, "engine/target=arena-3.11": {1.5, 1.5, 1.5},
		"try/target=slab": {2, 2, 2}}
	if now := ratios([]byte(round + slow + round)); !cmp.Equal(now, want) {
		t.Errorf("%v", now)
	}
	if now := ratios([]byte(round + slow)); len(now) > 0 {
		t.Errorf("of two rounds: %v", now)
	}
}

// TestJudged has nights that become slower little by little, a noisy one, and one that is better.
func TestJudged(t *testing.T) {
	n := &Night{Store: At(t.TempDir(), "")}
	for i, c := range []struct {
		median, least float64
		status        Status
		warnings      int
	}{
		{1.1, 1, OK, 0}, {1, 0.9, OK, 0}, {1.09, 1, OK, 0}, {1.14, 1.1, OK, 0}, // the base stays 1
		{1.2, 1.1, OK, 1}, {1.39, 1.3, OK, 1},
		{1.5, 1.1, OK, 1},                              // a round was well
		{0.2, 0.1, Skipped, 1}, {1.5, 0.9, Skipped, 1}, // rounds lie apart
		{1.5, 1.4, Failed, 0}, {1.5, 1.4, Failed, 0}, {1, 1, OK, 0},
	} {
		r := n.weighed(map[string]Ratio{"x": {c.least, c.median, max(c.median, c.least*1.4)}})
		if r.Status != c.status || len(r.Warnings) != c.warnings || c.status == Failed && !r.leaves(ExitSlower) {
			t.Errorf("night %d: %+v", i, r)
		}
	}
	r := n.weighed(map[string]Ratio{"x": {1.4, 1.5, 1.6}, "new": {9, 9, 9}})
	if !strings.HasPrefix(r.Reason, "much slower than it was: x: 1.50 times as long as its peer, and 1.00 times") {
		t.Errorf("%q", r.Reason)
	}
}
