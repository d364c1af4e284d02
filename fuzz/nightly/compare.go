package nightly

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"heapfuzz/fuzz"
)

// goldens are the scripts that ask real interpreters and libraries again, and compare their answers with ours.
var goldens = []string{"golden", "golden-gc", "golden-dict", "golden-sizes", "golden-lru", "golden-pickle"}

// A pair is an interpreter that may be found here, or a part of one, and the target that re-creates it. Each pair is
// compared with -against, which takes the exact comparison where there is one. That is so for objects and collector:
// whatever can be told must agree, but for addresses and for collections that begin by themselves (fuzz.Exact). Dicts
// and caches have none, as nobody promises how many comparisons of keys or requests for memory an operation makes, and
// a program can have something happen in each: that is left out. Of dicts the sizes and the order are compared behind
// every operation, and of both what is answered.
type pair struct{ guest, ours, release string }

var pairName = regexp.MustCompile(`^(gc|dict|dict-str|lru)-(\d+\.\d+)$`)

// parts are those of an interpreter that the targets of a family re-create.
var parts = map[string]string{"gc": "", "dict": "/dict", "dict-str": "/strdict", "lru": "/cache"}

// pairs are all that there may be. Families that are of no one release, or whose dicts share keys in ways that no
// program sees, have none. The cache of 3.6 has none either: it counts a miss when the computation is over, and
// stores an entry twice when a call computes what is being computed. The interpreter breaks rules of its contract so,
// which lru-3.6 puts right; scripts/golden-lru compares both with ours.
func pairs() (list []pair) {
	for _, t := range fuzz.Targets() {
		if m := pairName.FindStringSubmatch(t.Name); m != nil && t.Name != "lru-3.6" {
			list = append(list, pair{"cpython-" + m[2] + parts[m[1]], t.Name, m[2]})
		}
	}
	return list
}

// pairLeast is the time that a pair has at least. An interpreter answers a few hundred operations a second where a
// machine is busy, and a program has about five hundred.
const pairLeast = 5 * time.Second

// turn returns pairs in the order of a night, which begins with the one of that name.
func turn(list []pair, first string) []pair {
	i := max(0, slices.IndexFunc(list, func(p pair) bool { return p.ours == first }))
	return slices.Concat(list[i:], list[:i])
}

// live compares with the interpreters that are found here: by the scripts, and each as a target with ours of its
// release.
func (n *Night) live(ctx context.Context, share time.Duration) Result {
	r, end := Result{Status: OK, Figures: map[string]float64{}}, time.Now().Add(share)
	half := end.Add(-share / 2) // for the scripts
	for _, script := range goldens {
		if err := n.golden(ctx, &r, script, time.Until(half)); err != nil {
			r.conclude(Failed, ExitFailed, err.Error())
		}
	}
	var list []pair
	missing := map[string]bool{}
	for _, p := range pairs() {
		if _, asked := missing[p.release]; !asked {
			_, err := n.lookup("cpython-" + p.release)
			if missing[p.release] = err != nil; err != nil {
				r.Warnings = append(r.Warnings, err.Error())
			}
		}
		if !missing[p.release] {
			list = append(list, p)
		}
	}
	return n.pairwise(ctx, r, list, end)
}

// golden has a script ask again.
func (n *Night) golden(ctx context.Context, r *Result, script string, left time.Duration) error {
	e, err := n.run(ctx, call{log: "live", dir: n.Root, limit: max(time.Second, left),
		argv: []string{"scripts/" + script, "-check"}})
	log := n.Store.path("logs", "live.log")
	switch {
	case err != nil:
		return err
	case e.late:
		r.Warnings = append(r.Warnings, "scripts/"+script+" -check was cut off when its time was over")
	case bytes.Contains(e.out, []byte("[build failed]")):
		return fmt.Errorf("scripts/%s does not build: see %s", script, log)
	case e.code == leftFinding:
		r.conclude(Finding, 0, "scripts/"+script+" -check: an answer differs: see "+log)
	case e.code != leftFine:
		r.conclude(Failed, ExitFailed, fmt.Sprintf("scripts/%s -check left with %d: see %s", script, e.code, log))
	}
	return nil
}

// conclude makes a result a finding or a failure. A finding stays one whatever fails besides. Of failures the one stays
// that a night would leave with, the first of equals; other reasons are warnings.
func (r *Result) conclude(s Status, exit int, reason string) {
	switch {
	case r.Status == OK:
		r.Status, r.Exit, r.Reason = s, exit, reason
	case r.Status == Failed && (s == Finding || s == Failed && better(exit, r.Exit)):
		r.Warnings = append(r.Warnings, r.Reason)
		r.Status, r.Exit, r.Reason = s, exit, reason
	default:
		r.Warnings = append(r.Warnings, reason)
	}
}

// pairwise compares pairs, one after the other, until the time is over.
func (n *Night) pairwise(ctx context.Context, r Result, list []pair, end time.Time) Result {
	if len(list) == 0 && r.Status == OK {
		r.Status, r.Reason = Skipped, "no interpreter is here"
	}
	first, path := "", n.Store.path("live.json") // the pair that had no time in the night before
	if err := readJSON(path, &first); err != nil {
		return failed(err)
	}
	list, first = turn(list, first), ""
	for i, p := range list {
		left := time.Until(end)
		if i > 0 && left < pairLeast {
			r.Warnings = append(r.Warnings, fmt.Sprintf("no time was left for %d of %d pairs, %s the first",
				len(list)-i, len(list), p.guest))
			first = p.ours
			break
		}
		if err := n.pair(ctx, &r, p, max(pairLeast, left/time.Duration(len(list)-i))); err != nil {
			r.conclude(Failed, ExitFailed, err.Error())
		}
	}
	if err := n.Store.writeJSON(path, first); err != nil {
		return failed(err)
	}
	return n.compared(ctx, r)
}

// pair compares one pair. One finding of it is enough for a night, since each is made shorter at once, for which a
// program needs to be run many times.
func (n *Night) pair(ctx context.Context, r *Result, p pair, part time.Duration) error {
	dir, err := n.work("live")
	if err != nil {
		return err
	}
	log := n.Store.path("logs", "live.log")
	before, _ := os.ReadFile(log) // without any, there is none yet
	seed := n.random("live " + p.ours).Uint64()
	e, err := n.run(ctx, call{log: "live", limit: part + 4*grace, argv: n.self("run", "-target", p.guest,
		"-against", p.ours, "-duration", part.Round(time.Millisecond).String(), "-json", "-o", dir,
		"-seed", strconv.FormatUint(seed, 10), "-workers", strconv.Itoa(max(1, n.Workers)))})
	if err != nil {
		return err
	}
	programs := triedPrograms(e.out)
	r.Figures[p.guest+" programs"] = float64(programs)
	switch after, _ := os.ReadFile(log); {
	case e.code == leftFinding:
		r.conclude(Finding, 0, p.guest+" and "+p.ours+" differ")
	case e.late:
		r.conclude(Failed, ExitFailed, fmt.Sprintf("%s: its comparison did not end in %v", p.guest, part+4*grace))
	case e.code != leftFine:
		exit := ExitFailed
		if e.code == ExitVacuous || e.code == ExitControl {
			exit = e.code
		}
		r.conclude(Failed, exit, fmt.Sprintf("%s: its comparison left with %d: %s", p.guest, e.code,
			lastSaid(after[min(len(before), len(after)):])))
	case programs == 0:
		r.Warnings = append(r.Warnings, p.guest+": no program came to an end")
	}
	return nil
}

// triedPrograms is how many programs a run tells of in JSON.
func triedPrograms(out []byte) (programs int) {
	for line := range bytes.Lines(out) {
		var m struct {
			Event    string
			Programs int
		}
		if json.Unmarshal(line, &m) == nil && m.Event == "verdict" {
			programs += m.Programs
		}
	}
	return programs
}

// lastSaid is the last line of a process that is meant for people: what it says itself, or what it died of.
func lastSaid(log []byte) string {
	last := ""
	for line := range bytes.Lines(log) {
		text := strings.TrimSpace(string(line))
		for _, head := range []string{"heapfuzz: ", "panic: ", "fatal error: "} {
			if strings.HasPrefix(text, head) {
				last = text
			}
		}
	}
	return cmp.Or(last, "it said nothing")
}

// compared promotes what the comparison left.
func (n *Night) compared(ctx context.Context, r Result) Result {
	files, err := filepath.Glob(n.Store.path("work", "live", "*.txt"))
	if err != nil {
		return failed(err)
	}
	for _, file := range files {
		kept := n.Store.path("kept", "live-"+filepath.Base(file))
		data, err := os.ReadFile(file)
		if err == nil {
			err = n.Store.write(kept, data)
		}
		if err == nil {
			err = os.Remove(file)
		}
		if err != nil {
			return failed(err)
		}
	}
	return n.promoted(ctx, r)
}
