package nightly

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"heapfuzz/fuzz"
	"heapfuzz/props"
)

// TestMetered reads what two processes of an engine wrote: figures of a kind, the table of a target, and what is under
// a floor fails the step.
func TestMetered(t *testing.T) {
	meter := func(programs, busy int, answers [4]uint64, times ...uint64) *props.Meter {
		return &props.Meter{Programs: programs, Busy: busy, Answers: answers, Kinds: [][4]uint64{answers},
			Names: []string{"size/16", "arena/made", "arena/full"}, Times: times}
	}
	for _, c := range []struct {
		name    string
		files   [][]fuzz.Sum
		status  Status
		reason  string
		figures map[string]float64
	}{
		{"none", nil, OK, "", map[string]float64{"executions": 1}},
		{"fine", [][]fuzz.Sum{
			{{Target: "slab", Meter: meter(10, 10, [4]uint64{8000, 1000, 0, 0}, 1, 0, 1)}},
			{{Target: "arena-3.11", Meter: meter(10, 10, [4]uint64{500, 0, 500, 0}, 1, 0, 0)},
				{Target: "slab", Meter: meter(10, 10, [4]uint64{8000, 1000, 1000, 0}, 0, 1, 0)}},
			{{Target: "lru-3.8", Meter: meter(1, 0, [4]uint64{0, 10, 0, 0}, 0, 0, 0)}},
		}, OK, "", map[string]float64{"executions": 1, "heap operations": 20000, "heap effective %": 82.5,
			"heap states seen": 4, "heap states named": 6, "cache operations": 10, "cache effective %": 0,
			"cache states seen": 0, "cache states named": 3}},
		{"idle", [][]fuzz.Sum{
			{{Target: "slab", Meter: meter(10, 1, [4]uint64{500, 9500, 0, 0}, 1, 1, 1)}},
		}, Failed, "slab is vacuous: 5.0 % of 10000", nil},
		{"narrow", [][]fuzz.Sum{
			{{Target: "slab", Meter: meter(10, 10, [4]uint64{90000, 9000, 0, 0}, 1, 0, 0)}},
			{{Target: "slab", Meter: meter(10, 10, [4]uint64{90000, 9000, 0, 0}, 1, 0, 0)}},
		}, Failed, "slab is vacuous: 1 of 3 transitions", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &Night{Store: At(t.TempDir(), "")}
			for i, sums := range c.files {
				text, err := json.Marshal(sums)
				if err != nil {
					t.Fatal(err)
				}
				name := n.Store.path("kept", fuzz.SumsFolder, string(rune('a'+i))+".json")
				if err := n.Store.write(name, text); err != nil {
					t.Fatal(err)
				}
			}
			r := n.metered(Result{Status: OK, Figures: map[string]float64{"executions": 1}})
			if r.Status != c.status || !strings.HasPrefix(r.Reason, c.reason) || c.reason == "" && r.Reason != "" {
				t.Errorf("%s: %s", r.Status, r.Reason)
			}
			if c.status == Failed && !r.leaves(ExitVacuous) {
				t.Errorf("it leaves with %d", r.Exit)
			}
			if diff := cmp.Diff(c.figures, r.Figures); c.figures != nil && diff != "" {
				t.Error(diff)
			}
			if c.name == "fine" {
				want := Metered{Target: "slab", Language: "heap", Programs: 20,
					Answers: [4]uint64{16000, 2000, 1000, 0},
					Times:   map[string]uint64{"size/16": 1, "arena/made": 1, "arena/full": 1}}
				if diff := cmp.Diff(want, r.Meters[0]); diff != "" {
					t.Error(diff)
				}
			}
			if _, err := os.Stat(n.Store.path("kept", fuzz.SumsFolder)); err == nil {
				t.Error("the files are there for the next step")
			}
		})
	}
	n := &Night{Store: At(t.TempDir(), "")}
	if err := n.Store.write(n.Store.path("kept", fuzz.SumsFolder, "a.json"), []byte("{")); err != nil {
		t.Fatal(err)
	}
	kept := Result{Status: OK, Warnings: []string{"one"}}
	if r := n.metered(kept); !r.leaves(ExitFailed) || len(r.Warnings) != 1 {
		t.Errorf("what cannot be read is %+v", r)
	}
	if r := n.metered(kept); r.Status != OK {
		t.Errorf("what could not be read once is asked for again: %s", r.Reason)
	}
}
