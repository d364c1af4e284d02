package nightly

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// The benchmark: ours and a published allocator, in turns in one process, so that a busy machine disturbs both. What is
// stored is how many times as long ours takes.
const (
	benchOurs   = "arena-3.11"
	benchPeer   = "modernc-memory"
	benchWhich  = "^BenchmarkHeap$/impl=(" + benchOurs + "|" + benchPeer + ")$/op="
	benchRounds = 5
	// benchSlack is how much worse than the worst round of the last result the best of this one must be, to be told of.
	benchSlack = 1.1
)

// Ratio is how many times as long ours takes as the peer, over the rounds.
type Ratio struct {
	Least  float64 `json:"least"`
	Median float64 `json:"median"`
	Most   float64 `json:"most"`
}

func (n *Night) bench(ctx context.Context, share time.Duration) Result {
	dir, err := n.work("bench")
	if err != nil {
		return failed(err)
	}
	binary := filepath.Join(dir, "impl.test")
	if r := n.build(ctx, "bench", share, nil, "go", "test", "-c", "-o", binary, "./impl"); r != nil {
		return *r
	}
	var out []byte
	for range benchRounds { // not -test.count, which has the rounds of one before those of the other
		e, err := n.run(ctx, call{log: "bench", dir: filepath.Join(n.Root, "impl"), limit: share + grace,
			argv: []string{binary, "-test.run=^$", "-test.bench=" + benchWhich, "-test.short",
				"-test.benchtime=3x"}})
		switch {
		case err != nil:
			return failed(err)
		case e.late:
			return Result{Status: Skipped, Reason: "its share of the budget was over"}
		case e.code != 0:
			return failed(fmt.Errorf("the benchmark left with %d: see %s", e.code, n.Store.path("logs", "bench.log")))
		}
		out = append(out, e.out...)
	}
	now := ratios(out)
	if len(now) == 0 {
		return failed(fmt.Errorf("the benchmark told nothing: see %s", n.Store.path("logs", "bench.log")))
	}
	last := map[string]Ratio{}
	if err := readJSON(n.Store.path("bench.json"), &last); err != nil {
		return failed(err)
	}
	r := Result{Status: OK, Figures: map[string]float64{}, Warnings: worse(last, now),
		Reason: fmt.Sprintf("%s against %s", benchOurs, benchPeer)}
	for name, ratio := range now {
		r.Figures[name] = ratio.Median
	}
	if len(r.Warnings) > 0 {
		return r // the last result stays what others are compared with
	}
	if err := n.Store.writeJSON(n.Store.path("bench.json"), now); err != nil {
		return failed(err)
	}
	return r
}

var benchLine = regexp.MustCompile(`^BenchmarkHeap/impl=([^/]+)/(\S+?)(?:-\d+)?\s.*?([0-9.]+) ns/pair`)

// ratios reads the output of the benchmark: round i of ours over round i of the peer.
func ratios(out []byte) map[string]Ratio {
	times := map[string]map[string][]float64{} // by workload and implementation
	for line := range bytes.Lines(out) {
		if m := benchLine.FindSubmatch(line); m != nil {
			ns, err := strconv.ParseFloat(string(m[3]), 64)
			if err != nil || ns <= 0 {
				continue
			}
			of := times[string(m[2])]
			if of == nil {
				of = map[string][]float64{}
				times[string(m[2])] = of
			}
			of[string(m[1])] = append(of[string(m[1])], ns)
		}
	}
	all := map[string]Ratio{}
	for name, of := range times {
		var list []float64
		for i := range min(len(of[benchOurs]), len(of[benchPeer])) {
			list = append(list, of[benchOurs][i]/of[benchPeer][i])
		}
		if slices.Sort(list); len(list) > 0 {
			all[name] = Ratio{list[0], list[len(list)/2], list[len(list)-1]}
		}
	}
	return all
}

// worse tells what has become worse beyond the noise of both results.
func worse(last, now map[string]Ratio) (warnings []string) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if old, ok := last[name]; ok && now[name].Least > old.Most*benchSlack {
			warnings = append(warnings, fmt.Sprintf("%s: %.2f times as long as %s, and %.2f times before", name,
				now[name].Median, benchPeer, old.Median))
		}
	}
	return warnings
}
