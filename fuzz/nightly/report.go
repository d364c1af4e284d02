package nightly

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"
)

// What a night leaves with: the same as other commands of heapfuzz, and one more. All but the first two say that the
// harness failed, and in what way: what is green proves little.
const (
	ExitFine    = 0
	ExitFinding = 1
	ExitFailed  = 2 // a step could not do its work
	ExitVacuous = 3 // what was tried did too little, or too few defects were found
	ExitControl = 4 // a canary was not found
	ExitSlower  = 5 // a benchmark is slower than it was
)

// exits are in the order in which one wins over those behind it: a finding stands whatever failed besides, and whoever
// reads that the control is broken need not be told that a build is.
var exits = []int{ExitFinding, ExitControl, ExitVacuous, ExitFailed, ExitSlower}

// better tells whether one exit of a failed step wins over another, where 0 is ExitFailed.
func better(a, b int) bool {
	return slices.Index(exits, cmp.Or(a, ExitFailed)) < slices.Index(exits, cmp.Or(b, ExitFailed))
}

// Report is what came of a night.
type Report struct {
	Night    int      `json:"night"`
	Seed     uint64   `json:"seed"`
	Revision string   `json:"revision,omitempty"`
	When     string   `json:"when"`
	Budget   float64  `json:"budgetSeconds"`
	Seconds  float64  `json:"seconds"`
	Exit     int      `json:"exit"`
	Results  []Result `json:"results"`

	Corpus  map[string]int `json:"corpus"`  // programs by kind
	History []Line         `json:"history"` // this night is the last
}

func (n *Night) report() (*Report, error) {
	r := &Report{Night: n.state.Night, Seed: n.state.Seed, Revision: n.Revision, Budget: n.Budget.Seconds(),
		When: n.now().UTC().Format(time.RFC3339), Seconds: time.Since(n.begun).Seconds(), Results: n.state.Results,
		Corpus: n.Store.counts()}
	for _, exit := range exits {
		if slices.ContainsFunc(r.Results, func(of Result) bool { return of.leaves(exit) }) {
			r.Exit = exit
			break
		}
	}
	return r, nil
}

// leaves tells whether a night with this result leaves with a status, if not with a better one. A failed step that
// found something says both.
func (r *Result) leaves(exit int) bool {
	if exit == ExitFinding {
		return r.Status == Finding || r.open() > 0
	}
	return r.Status == Failed && cmp.Or(r.Exit, ExitFailed) == exit
}

// line is the night in the history.
func (r *Report) line() Line {
	l := Line{Night: r.Night, When: r.When, Revision: r.Revision, Exit: r.Exit, New: len(r.News()), Corpus: r.Corpus,
		Targets: map[string]Counted{}}
	for _, h := range r.Targets() {
		taken, _ := taken(h.Seen)
		l.Targets[h.Target] = Counted{taken, len(h.Ever), h.OpsSec()}
	}
	return l
}

// Step returns the result of a step; the zero Result when it was not done.
func (r *Report) Step(name string) Result {
	for _, result := range r.Results {
		if result.Step == name {
			return result
		}
	}
	return Result{Step: name}
}

// Targets are those of the campaign.
func (r *Report) Targets() (list []*Hunted) {
	of := r.Step("campaign").Targets
	for i := range of {
		list = append(list, &of[i])
	}
	return list
}

// found returns the findings of all steps with a verdict, each file once for each target.
func (r *Report) found(verdicts ...string) (list []Found) {
	seen := map[[2]string]bool{}
	for _, result := range r.Results {
		for _, f := range result.Found {
			if of := [2]string{f.File, f.Target}; slices.Contains(verdicts, f.Verdict) && !seen[of] {
				seen[of] = true
				list = append(list, f)
			}
		}
	}
	return list
}

// News are the findings of this night, Agains those of before that are still there, and Others those that are not, and
// what was seen once.
func (r *Report) News() []Found   { return r.found("new") }
func (r *Report) Agains() []Found { return r.found("again") }
func (r *Report) Others() []Found {
	return r.found("flaky", "fixed", "target gone", "not told")
}

// Verdict is the night in a sentence.
func (r *Report) Verdict() string {
	var names []string
	slower := ""
	for _, result := range r.Results {
		switch {
		case result.leaves(ExitSlower):
			slower = " A benchmark is much slower than it was."
		case result.Status == Failed:
			names = append(names, result.Step)
		}
	}
	said := "No rule was broken."
	switch {
	case r.Exit == ExitFinding && len(r.News())+len(r.Agains()) == 0:
		said = "Something differs: see the steps."
	case r.Exit == ExitFinding:
		said = fmt.Sprintf("%d new, and %d found before and still there.", len(r.News()), len(r.Agains()))
	case len(names) > 0:
		said = ""
	}
	said += slower
	if len(names) > 0 {
		said += " The harness failed, in " + strings.Join(names, ", ") + ": what is green below proves little."
	}
	return strings.TrimSpace(said)
}

// ControlOf is the control of a kind.
func (r *Report) ControlOf(language string) *Control {
	for _, c := range r.Step("control").Controls {
		if c.Language == language {
			return &c
		}
	}
	return nil
}

// OfTarget is the state of a target in a word: that of the worst that was found on it.
func (r *Report) OfTarget(h *Hunted) string {
	for _, f := range append(r.News(), r.Agains()...) {
		if f.Target == h.Target {
			return "breaks " + f.Rule
		}
	}
	switch {
	case h.Programs == 0:
		return "not tried"
	case h.Vacuous != "":
		return "vacuous"
	case h.Crashed > 0 && len(h.Tonight) > 0:
		return "dies"
	}
	return "conforms"
}

// Write writes report.json, report.xml and report.html.
func (r *Report) Write(s *Store) error {
	if err := s.writeJSON(s.path("report.json"), r); err != nil {
		return err
	}
	junit, err := r.JUnit()
	if err == nil {
		err = s.write(s.path("report.xml"), junit)
	}
	if err != nil {
		return err
	}
	page, err := r.HTML()
	if err != nil {
		return err
	}
	return s.write(s.path("report.html"), page)
}

// The elements of JUnit's XML that readers of it have in common.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Skipped *junitMessage `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit is the report for CI: a suite for each step, with a case for each canary and each target; a failure for each
// finding, an error where the harness failed.
func (r *Report) JUnit() ([]byte, error) {
	all := junitSuites{Name: "heapfuzz nightly"}
	for i := range r.Results {
		all.Suites = append(all.Suites, r.suite(&r.Results[i]))
	}
	text, err := xml.MarshalIndent(all, "", " ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}

func (r *Report) suite(result *Result) junitSuite {
	s := junitSuite{Name: result.Step, Time: fmt.Sprintf("%.3f", result.Seconds)}
	add := func(c junitCase) {
		c.Class = "nightly." + result.Step
		s.Tests++
		for _, of := range []struct {
			is    *junitMessage
			count *int
		}{{c.Failure, &s.Failures}, {c.Error, &s.Errors}, {c.Skipped, &s.Skipped}} {
			if of.is != nil {
				*of.count++
			}
		}
		s.Cases = append(s.Cases, c)
	}
	step := junitCase{Name: result.Step, Time: s.Time, Out: strings.Join(result.Warnings, "\n")}
	switch {
	case result.Status == Failed:
		step.Error = &junitMessage{Message: result.Reason}
	case result.Status == Skipped:
		step.Skipped = &junitMessage{Message: result.Reason}
	case result.Status == Finding && len(result.Found) == 0:
		step.Failure = &junitMessage{Message: result.Reason}
	}
	add(step)
	for _, of := range result.Controls {
		c := junitCase{Name: of.Canary, Time: fmt.Sprintf("%.3f", of.Seconds)}
		if !of.Right {
			c.Error = &junitMessage{Message: of.broken()}
		}
		add(c)
	}
	for _, h := range result.Targets {
		c := junitCase{Name: h.Target, Time: fmt.Sprintf("%.3f", h.Busy)}
		if h.Vacuous != "" {
			c.Error = &junitMessage{Message: "vacuous: " + h.Vacuous}
		}
		add(c)
	}
	for _, f := range result.Found {
		c := junitCase{Name: f.Target + ": " + f.Rule + " (" + f.File + ")", Time: "0"}
		switch f.Verdict {
		case "new", "again":
			c.Failure = &junitMessage{Message: f.Verdict + ": " + f.Rule, Text: f.Picture + "\n" + f.Command}
		case "target gone", "not told", "flaky":
			c.Skipped = &junitMessage{Message: f.Why}
		}
		add(c)
	}
	return s
}

//go:embed embed/report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"seconds": func(s float64) string {
		return (time.Duration(s*1000) * time.Millisecond).Round(100 * time.Millisecond).String()
	},
	"number": number,
	"share": func(a [4]uint64, i int) string {
		return fmt.Sprintf("%.0f %%", 100*float64(a[i])/float64(max(1, a[0]+a[1]+a[2]+a[3])))
	},
	"last":  func(list []Line) []Line { return list[max(0, len(list)-1):] },
	"names": func(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) },
	"figure": func(x float64) string {
		if x >= 100 || x == float64(int(x)) {
			return number(uint64(x))
		}
		return fmt.Sprintf("%.2f", x)
	},
}).Parse(pageText))

// number writes n with a thin space between groups of three digits.
func number(n uint64) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteRune(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// HTML is the page for people: it needs nothing but itself.
func (r *Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, r)
	return b.Bytes(), err
}

// JSON is the report for other programs.
func (r *Report) JSON() ([]byte, error) { return json.Marshal(r) }

// Taken and Speed are plots of a target over the nights.
func (r *Report) Taken(target string) template.HTML {
	return plot(r.History, target, func(c Counted) (float64, float64) { return float64(c.Taken), float64(c.Named) })
}

func (r *Report) Speed(target string) template.HTML {
	return plot(r.History, target, func(c Counted) (float64, float64) { return c.OpsSec, 0 })
}

// The size of a plot, and how many nights it shows at most.
const (
	plotWide, plotHigh = 160.0, 28.0
	nightsMax          = 60
)

// plot draws a target's nights as a line from 0 to the most, or to the ceiling where there is one. A night in which the
// target was not tried leaves a gap of its own width.
func plot(history []Line, target string, of func(Counted) (value, ceiling float64)) template.HTML {
	history = history[max(0, len(history)-nightsMax):]
	top, last, nights := 0.0, 0.0, 0
	for _, l := range history {
		if c, ok := l.Targets[target]; ok {
			value, ceiling := of(c)
			top, last = max(top, value, ceiling), value
			nights++
		}
	}
	if nights == 0 || top == 0 {
		return ""
	}
	step := plotWide / float64(max(1, len(history)-1))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="-3 -3 %.0f %.0f" role="img" aria-label="%d nights, %.0f in the last">`,
		plotWide+6, plotHigh+6, nights, last)
	fmt.Fprintf(&b, `<line class="axis" x1="0" y1="%[2]g" x2="%[1]g" y2="%[2]g"/><polyline points="`,
		plotWide, plotHigh)
	x, y := 0.0, 0.0
	for i, l := range history {
		if c, ok := l.Targets[target]; ok {
			value, _ := of(c)
			x, y = float64(i)*step, plotHigh*(1-value/top)
			fmt.Fprintf(&b, "%.1f,%.1f ", x, y)
		}
	}
	fmt.Fprintf(&b, `"/><circle cx="%.1f" cy="%.1f" r="2"/></svg>`, x, y)
	return template.HTML(b.String()) // numbers, and nothing that a target says
}
