package nightly

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata")

// sample is a night in which everything happened.
func sample() *Report {
	found := func(verdict, rule string) Found {
		return Found{Language: "heap", Target: "slab", Property: "conforms", Rule: rule, Verdict: verdict,
			File: "corpus/heap/found/" + rule + ".txt", Command: "heapfuzz replay x", Why: "there is no <slab>",
			Program: "p0 = alloc size=1\n", Picture: "✗ p0 <script>overlaps</script> ]]> & more"}
	}
	r := &Report{Night: 3, Seed: 7, Revision: "abc+", When: "2026-11-21T01:17:00Z", Budget: 1800, Seconds: 1700.25,
		Exit: ExitFinding, Corpus: map[string]int{"heap": 103, "dict": 12}}
	r.Results = []Result{
		{Step: "replay", Status: OK, Found: []Found{found("fixed", "heap/size"), found("target gone", "heap/waste")}},
		{Step: "control", Status: Failed, Exit: ExitControl, Reason: "canary/x should break heap/y", Seconds: 2,
			Controls: []Control{
				{Language: "heap", Canary: "canary/pop-twice", Rule: "heap/disjoint", Saw: "heap/disjoint",
					Right: true},
				{Language: "dict", Canary: "canary/x", Rule: "heap/y"}}},
		{Step: "mutants", Status: Skipped, Reason: "no sources"},
		{Step: "campaign", Status: Finding, Reason: "2", Seconds: 900, Warnings: []string{"slab: slice 4 ended"},
			Targets: []Hunted{
				{Target: "slab", Language: "heap", Programs: 5,
					Seen:    map[string]uint64{"page/new": 4, "page/freed": 0},
					Answers: [4]uint64{900, 80, 20, 0}, Busy: 0.5,
					Ever: map[string]uint64{"page/new": 4, "page/freed": 0, "size/16": 12000, "size/4096": 3,
						"size/512": 2, "size/larger": 0, "live/4": 7}},
				{Target: "dict-3.8", Language: "dict", Programs: 2, Answers: [4]uint64{1, 99999, 0, 0}, Busy: 1,
					Vacuous: "0.0 % had an effect", Ever: map[string]uint64{}}},
			Found: []Found{found("new", "heap/disjoint"), found("again", "heap/content"),
				found("flaky", "heap/aligned")}},
		{Step: "native", Status: Failed, Reason: "slab is vacuous: 1 of 3",
			Controls: []Control{{Language: "heap", Canary: "canary/pop-late", Rule: "heap/disjoint",
				Saw: "heap/disjoint", Missed: []string{"canary/pop-never"}, Right: true, Seconds: 21.5}},
			Meters: []Metered{{Target: "slab", Language: "heap", Programs: 77, Answers: [4]uint64{5, 90, 5, 0},
				Times: map[string]uint64{"size/16": 1, "arena/<made>": 0}, Vacuous: "1 of 3"}}},
		{Step: "bench", Status: OK, Figures: map[string]float64{"op=pair": 1.25, "op=churn": 12345}},
	}
	for night := range 3 {
		r.History = append(r.History, Line{Night: night + 1, Targets: map[string]Counted{"slab": {night, 2, 1000}}})
	}
	return r
}

// TestReport compares the three forms with those in testdata: a report is a function of the night.
func TestReport(t *testing.T) {
	r := sample()
	html, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	junit, err := r.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"report.html": html, "report.xml": junit} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPage reads the page as a strict reader would: what targets say is text in it, every element is closed, and it
// loads nothing.
func TestPage(t *testing.T) {
	html, err := sample().HTML()
	if err != nil {
		t.Fatal(err)
	}
	page := string(html)
	for _, want := range []string{"The harness failed, in control", "canary/pop-twice found", "canary/x not found",
		"breaks heap/disjoint", "&lt;script&gt;overlaps", "<polyline", "page/freed", "12 345", "no sources",
		"campaign, slab: ",
		"1 000 operations in 5 programs: 90 % effective, 8 % skip, 2 % nomem; 5 of 7 states", "size/16 12 000</span>",
		"page/freed never", "native, slab: ", "100 operations in 77 programs: 5 % effective, 90 % skip, 5 % nomem",
		"vacuous: 1 of 3", "control: <span ",
		">canary/pop-late found in 21.5s; not found before it: canary/pop-never</span>",
		"arena/&lt;made&gt; never"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	for _, never := range []string{"<script", "http:", "https:", "src=", "ZgotmplZ", "NaN"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	if news, agains := strings.Index(page, "<h2>New"), strings.Index(page, "<h2>Targets"); news < 0 || news > agains {
		t.Error("new findings do not come first")
	}
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
	}
}

// TestGroups puts transitions into the groups of the table, sizes by their numbers.
func TestGroups(t *testing.T) {
	got := groups(map[string]uint64{"size/4096": 1, "size/512": 2, "size/larger": 3, "live/16": 4, "refused": 0,
		"arena/made": 5, "live/4": 6})
	want := []Group{{"sizes", []Taken{{"size/512", 2}, {"size/4096", 1}, {"size/larger", 3}}},
		{"live set", []Taken{{"live/4", 6}, {"live/16", 4}}},
		{"transitions", []Taken{{"arena/made", 5}, {"refused", 0}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestJUnit reads the XML again, and counts.
func TestJUnit(t *testing.T) {
	text, err := sample().JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var all junitSuites
	d := xml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); err == nil {
		if _, err = d.Token(); err != io.EOF {
			t.Error("something stands behind the suites")
		}
	}
	var tests, failures, errors, skipped int
	for _, s := range all.Suites {
		if s.Tests != len(s.Cases) {
			t.Errorf("%s tells of %d tests and has %d", s.Name, s.Tests, len(s.Cases))
		}
		tests, failures, errors, skipped = tests+s.Tests, failures+s.Failures, errors+s.Errors, skipped+s.Skipped
	}
	// Six steps, three canaries, two targets, five findings; the new one and the old one fail; the control, its canary
	// that was not found, the engine and the vacuous target are errors; the mutants, what has no target any more and
	// what was seen once are skipped.
	if tests != 16 || failures != 2 || errors != 4 || skipped != 3 {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped", tests, failures, errors, skipped)
	}
	text, err = json.Marshal(sample())
	var back Report
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if diff := cmp.Diff(sample(), &back); diff != "" || err != nil {
		t.Errorf("another night is read from the JSON: %v\n%s", err, diff)
	}
}

// TestExit looks what a night leaves with: a finding wins over a broken control, that over what did too little, that
// over other trouble, and that over what is slower.
func TestExit(t *testing.T) {
	fine, finding, trouble := Result{Status: OK}, Result{Status: Finding}, Result{Status: Failed}
	control, vacuous := Result{Status: Failed, Exit: ExitControl}, Result{Status: Failed, Exit: ExitVacuous}
	slower := Result{Status: Failed, Exit: ExitSlower}
	found := vacuous
	found.Found = []Found{{Verdict: "new"}}
	old := vacuous
	old.Found = []Found{{Verdict: "fixed"}}
	for _, c := range []struct {
		results []Result
		want    int
	}{
		{nil, ExitFine}, {[]Result{fine, {Status: Skipped}}, ExitFine}, {[]Result{finding, fine}, ExitFinding},
		{[]Result{control, finding}, ExitFinding}, {[]Result{finding, vacuous, trouble}, ExitFinding},
		{[]Result{vacuous, trouble, control, slower}, ExitControl}, {[]Result{trouble, vacuous, fine}, ExitVacuous},
		{[]Result{fine, slower, trouble}, ExitFailed}, {[]Result{slower}, ExitSlower},
		{[]Result{control, found}, ExitFinding}, {[]Result{old}, ExitVacuous},
	} {
		n := &Night{Store: At(t.TempDir(), ""), Budget: time.Minute}
		n.state.Results = c.results
		r, err := n.report()
		if err != nil || r.Exit != c.want {
			t.Errorf("%+v leaves with %d, %v; want %d", c.results, r.Exit, err, c.want)
		}
		failed := slices.ContainsFunc(c.results, func(r Result) bool {
			return r.Status == Failed && r.Exit != ExitSlower
		})
		slow := slices.ContainsFunc(c.results, func(r Result) bool { return r.leaves(ExitSlower) })
		if said := r.Verdict(); strings.Contains(said, "harness failed") != failed ||
			strings.Contains(said, "much slower") != slow ||
			strings.Contains(said, "No rule") != (c.want == ExitFine || c.want == ExitSlower) {
			t.Errorf("%+v: %s", c.results, said)
		}
	}
}

// TestHistory remembers nights, and one of them twice, as when it was killed between two writes.
func TestHistory(t *testing.T) {
	s := At(t.TempDir(), "")
	for _, l := range []Line{{Night: 1}, {Night: 2, Exit: 1}, {Night: 2, Exit: 2}, {Night: 3}} {
		if err := s.remember(l); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.History()
	if want := []Line{{Night: 1}, {Night: 2, Exit: 2}, {Night: 3}}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestShare divides a budget: shares are in proportion, what is left out leaves its part to others, and none is
// negative.
func TestShare(t *testing.T) {
	n := &Night{Budget: 100 * time.Second, begun: time.Now(), Root: "."}
	at := func(name string) int { return slices.IndexFunc(steps, func(s step) bool { return s.name == name }) }
	all := n.share(at("campaign"))
	n.Skip = []string{"native", "go-fuzz", "libfuzzer", "live", "bench"}
	fewer := n.share(at("campaign"))
	n.Only, n.Skip = []string{"campaign"}, nil
	alone := n.share(at("campaign"))
	if !(0 < all && all < fewer && fewer < alone && alone <= 100*time.Second && alone > 99*time.Second) {
		t.Errorf("shares of the campaign: %v with all, %v with fewer, %v alone", all, fewer, alone)
	}
	n.begun = n.begun.Add(-time.Hour)
	if late := n.share(at("campaign")); late != 0 {
		t.Errorf("%v when the time is over", late)
	} else if r := n.step(t.Context(), steps[at("campaign")], late); r.Status != Skipped {
		t.Errorf("a campaign without time: %+v", r)
	}
	for _, wrong := range []Night{{Budget: 0}, {Budget: 1, Only: []string{"x"}}, {Budget: 1, Skip: []string{"x"}}} {
		if wrong.Check() == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}
