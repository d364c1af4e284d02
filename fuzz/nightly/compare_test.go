package nightly

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestGoldens sees to it that every script that asks interpreters is one of the step, and can compare.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("../../scripts/golden*")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(path string) bool { return filepath.Ext(path) == ".py" })
	if len(files) != len(goldens) {
		t.Errorf("%q are there, and %q are asked", files, goldens)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(goldens, filepath.Base(file)) || !strings.Contains(string(text), "\n-check) exec ") {
			t.Errorf("%s is not asked, or knows no -check", file)
		}
	}
}

// said is a night whose heapfuzz does what a line of the shell does; its arguments are those of heapfuzz.
func said(t *testing.T, line string) *Night {
	n := &Night{Store: At(t.TempDir(), t.TempDir()), Self: []string{"sh", "-c", line, "heapfuzz"}, Budget: time.Minute,
		Log: io.Discard}
	n.state = State{Seed: 1, Night: 1}
	return n
}

// TestPairwise looks what comes of the step when a comparison ends in one way or another.
func TestPairwise(t *testing.T) {
	list := []pair{{"cpython-3.8", "gc-3.8", "3.8"}, {"cpython-3.8/dict", "dict-3.8", "3.8"}}
	const verdict = `echo '{"event":"verdict","programs":7}'; `
	for _, c := range []struct {
		line   string
		status Status
		reason string
	}{
		{verdict + `test "$2 $4" = "-target -against"`, OK, ""},
		{verdict + "exit 1", Finding, "cpython-3.8 and gc-3.8 differ"},
		{"echo 'heapfuzz: no such thing' >&2; exit 2", Failed,
			"cpython-3.8: its comparison left with 2: heapfuzz: no such thing"},
		{"exit 3", Failed, "cpython-3.8: its comparison left with 3: it said nothing"},
		{"exit 4", Failed, "cpython-3.8: its comparison left with 4: it said nothing"},
		{"echo 'panic: oh' >&2; kill -9 $$", Failed, "cpython-3.8: its comparison left with -1: panic: oh"},
		{`case "$3" in */dict) exit 1 ;; esac; exit 2`, Finding, "cpython-3.8/dict and dict-3.8 differ"},
		{`case "$3" in */dict) exit 2 ;; esac; exit 1`, Finding, "cpython-3.8 and gc-3.8 differ"},
	} {
		n := said(t, c.line)
		r := n.pairwise(t.Context(), Result{Status: OK, Figures: map[string]float64{}}, list,
			time.Now().Add(time.Minute))
		if exit := map[string]int{"exit 3": ExitVacuous, "exit 4": ExitControl}[c.line]; c.status == Failed &&
			!r.leaves(cmp.Or(exit, ExitFailed)) {
			t.Errorf("%s: a night leaves with %d", c.line, r.Exit)
		}
		if r.Status != c.status || r.Reason != c.reason {
			t.Errorf("%s: %s %q, want %s %q", c.line, r.Status, r.Reason, c.status, c.reason)
		}
		if strings.HasPrefix(c.line, verdict) && r.Figures["cpython-3.8/dict programs"] != 7 {
			t.Errorf("%s: %v", c.line, r.Figures)
		}
	}
	if r := said(t, "exit 2").pairwise(t.Context(), Result{Status: OK}, nil, time.Now()); r.Status != Skipped {
		t.Errorf("without an interpreter: %+v", r)
	}
	n := said(t, "exit 0")
	r := n.pairwise(t.Context(), Result{Status: OK, Figures: map[string]float64{}}, list, time.Now())
	if len(r.Figures) != 1 || len(r.Warnings) != 2 || !strings.HasPrefix(r.Warnings[1], "no time was left for 1 of 2") {
		t.Errorf("without time: %v, %q", r.Figures, r.Warnings)
	}
	r = n.pairwise(t.Context(), Result{Status: OK, Figures: map[string]float64{}}, list, time.Now())
	if _, ok := r.Figures["cpython-3.8/dict programs"]; !ok || len(r.Figures) != 1 {
		t.Errorf("the next night: %v", r.Figures)
	}
}

// TestTurn looks which pairs there are, and at their order.
func TestTurn(t *testing.T) {
	list := pairs()
	for _, want := range []pair{{"cpython-3.8", "gc-3.8", "3.8"}, {"cpython-3.13/dict", "dict-3.13", "3.13"},
		{"cpython-2.7/strdict", "dict-str-2.7", "2.7"}, {"cpython-3.7/cache", "lru-3.7", "3.7"}} {
		if !slices.Contains(list, want) {
			t.Errorf("no pair %v", want)
		}
	}
	for _, p := range list {
		if strings.Contains(fmt.Sprint(p), "old8") || strings.Contains(p.ours, "mixed") || p.ours == "lru-3.6" {
			t.Errorf("%v is a pair", p)
		}
	}
	if got := turn(list, list[3].ours); got[0] != list[3] || got[len(got)-1] != list[2] || len(got) != len(list) {
		t.Errorf("%v", got)
	}
	if got := turn(list, "gone"); got[0] != list[0] {
		t.Errorf("%v", got[0])
	}
}
