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
	"strings"
	"time"
)

// Benchmarks
//
// A machine that does other work makes everything slower, and so does another machine. So no time is compared with one
// of another night, but ratios are: how many times as long something takes as a peer that runs in turn with it in the
// same minutes. A round is one run of each. Of engine and executions it is the time of the processor; of allocators it
// is that of the clock, in one process.
//
// A ratio is compared with the best that was ever stored, since with the last one a slow decline would pass in steps
// that are each within the noise. The best of many nights is a lucky one, by a few percent of the median of some
// rounds: that is less than what is told.
const (
	benchRounds = 5 // at most; the median of an odd number is one of them
	benchLeast  = 3 // of which there must be so many, or their median means nothing
	// A median that is benchTold times the best is told; one that is benchFails times is a failure, if the least of its
	// rounds is worth telling too: a machine that was busy in most rounds only makes none.
	benchTold  = 1.15
	benchFails = 1.4
	// benchSteady is how far the rounds of a night may lie apart. On a machine that does other work allocators have
	// been seen to lie apart by a hundred times: such a night says nothing, and its median may be the best by luck.
	benchSteady = 1.5
)

// benches are the binaries of a round, with what is run of each.
var benches = []struct{ dir, which, times string }{
	{"impl", "^BenchmarkHeap$/impl=(arena-3.11|modernc-memory)$/op=", "3x"},
	{"fuzz", "^BenchmarkEngine$/^engine=(runner|loop)$/^target=(reference|slab|arena-3.11)$", "5x"},
	{"fuzz", "^BenchmarkTry$", "3000x"},
}

// peers say of what is measured against what: allocators against a published one, the engine against a plain loop that
// has no model, and the execution of an input on a target against that on the reference.
var peers = []struct{ name, ours, peer string }{
	{"heap/", "Heap/impl=arena-3.11/", "Heap/impl=modernc-memory/"},
	{"engine/", "Engine/engine=runner/", "Engine/engine=loop/"},
	{"try/", "Try/", "Try/target=reference"},
}

// peerOf returns what the ratio of a benchmark is called and the name of its peer; "" for a peer.
func peerOf(bench string) (name, peer string) {
	for _, p := range peers {
		rest, ok := strings.CutPrefix(bench, p.ours)
		switch {
		case !ok || bench == p.peer:
		case strings.HasSuffix(p.peer, "/"):
			return p.name + rest, p.peer + rest
		default:
			return p.name + rest, p.peer
		}
	}
	return "", ""
}

// Ratio is how many times as long something takes as its peer, over the rounds.
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
	end := time.Now().Add(share)
	binary := func(of string) string { return filepath.Join(dir, of+".test") }
	for _, of := range []string{"impl", "fuzz"} {
		if r := n.build(ctx, "bench", max(time.Second, time.Until(end)), nil, "go", "test", "-c", "-o", binary(of),
			"./"+of); r != nil {
			return *r
		}
	}
	var out []byte
	whole, took := 0, time.Duration(0) // rounds that were not cut off, and the time of the last
	for round := 0; round < benchRounds && took < time.Until(end); round++ {
		late := false
		begun := time.Now()
		for _, b := range benches {
			e, err := n.run(ctx, call{log: "bench", dir: filepath.Join(n.Root, b.dir),
				limit: max(time.Second, time.Until(end)), argv: []string{binary(b.dir), "-test.run=^$",
					"-test.bench=" + b.which, "-test.short", "-test.benchtime=" + b.times}})
			switch {
			case err != nil:
				return failed(err)
			case e.code != 0 && !e.late:
				return failed(fmt.Errorf("a benchmark left with %d: see %s", e.code, n.Store.path("logs", "bench.log")))
			}
			out, late = append(out, e.out...), late || e.late
		}
		if took = time.Since(begun); !late {
			whole++
		}
	}
	now := ratios(out)
	switch {
	case len(now) == 0 && whole >= benchLeast:
		return failed(fmt.Errorf("the benchmarks told nothing: see %s", n.Store.path("logs", "bench.log")))
	case len(now) == 0:
		return Result{Status: Skipped, Reason: fmt.Sprintf("there was no time for %d rounds", benchLeast)}
	}
	return n.weighed(now)
}

// weighed compares with the best that is stored, and stores what is better.
func (n *Night) weighed(now map[string]Ratio) Result {
	best := map[string]Ratio{}
	path := n.Store.path("bench.json")
	if err := readJSON(path, &best); err != nil {
		return failed(err)
	}
	r := Result{Status: OK, Figures: map[string]float64{}, Reason: "in times that a peer takes"}
	var unsteady []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if ratio := now[name]; ratio.Most > ratio.Least*benchSteady {
			unsteady = append(unsteady, fmt.Sprintf("%s %.2f to %.2f", name, ratio.Least, ratio.Most))
			delete(now, name)
		}
	}
	told, fails := worse(best, now)
	if r.Warnings = told; len(unsteady) > 0 {
		r.Warnings = append(r.Warnings, "not compared, as rounds lie apart: "+strings.Join(unsteady, ", "))
	}
	if len(now) == 0 {
		return Result{Status: Skipped, Reason: "the machine is too busy to compare anything", Warnings: r.Warnings}
	}
	if len(fails) > 0 {
		r.Status, r.Exit = Failed, ExitSlower
		r.Reason = "much slower than it was: " + strings.Join(fails, "; ") + "; where that is meant, remove " + path
	}
	for name, ratio := range now {
		r.Figures[name] = ratio.Median
		if old, ok := best[name]; !ok || ratio.Median < old.Median {
			best[name] = ratio
		}
	}
	if err := n.Store.writeJSON(path, best); err != nil {
		return failed(err)
	}
	return r
}

var benchLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s.*?([0-9.]+) (?:ns/pair|cpu-ns/operation|cpu-us)\b`)

// ratios reads the output of benchmarks: round i of each over round i of its peer. One of fewer rounds than are needed
// is left out.
func ratios(out []byte) map[string]Ratio {
	times := map[string][]float64{}
	for line := range bytes.Lines(out) {
		if m := benchLine.FindSubmatch(line); m != nil {
			if t, err := strconv.ParseFloat(string(m[2]), 64); err == nil && t > 0 {
				times[string(m[1])] = append(times[string(m[1])], t)
			}
		}
	}
	all := map[string]Ratio{}
	for bench, ours := range times {
		name, peer := peerOf(bench)
		var list []float64
		for i := range min(len(ours), len(times[peer])) {
			list = append(list, ours[i]/times[peer][i])
		}
		if slices.Sort(list); len(list) >= benchLeast {
			all[name] = Ratio{list[0], list[len(list)/2], list[len(list)-1]}
		}
	}
	return all
}

// worse tells what is worse than the best, and what is much worse.
func worse(best, now map[string]Ratio) (told, fails []string) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		old, ok := best[name]
		if !ok || now[name].Median <= old.Median*benchTold {
			continue
		}
		said := fmt.Sprintf("%s: %.2f times as long as its peer, and %.2f times at best", name, now[name].Median,
			old.Median)
		if now[name].Median > old.Median*benchFails && now[name].Least > old.Median*benchTold {
			fails = append(fails, said)
		} else {
			told = append(told, said)
		}
	}
	return told, fails
}
