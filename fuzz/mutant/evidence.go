package mutant

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"time"

	"heapfuzz/props"
)

// Evidence is what a proof leaves for others: Facts follow from the revision and the command, and are the same bytes
// each time; Circumstances are not. But which mutants are tried within Facts.Time depends on the machine and on what
// the cache knew, and what is marked as late depends on the clock.
type Evidence struct {
	Facts         Facts
	Circumstances Circumstances
}

// Facts are what was found out.
type Facts struct {
	Revision string // of the sources; "" when it is not known
	Again    string // the command that makes the same of them; "" when it is not known
	Seed     uint64
	Limits   Limits
	Time     time.Duration `json:",omitempty"` // after which no mutant was begun; 0: there was no such limit
	Mutants  int           // that there are; where only a sample was tried, Summary counts the sample
	Summary  *Summary
	Controls []Control
	Replays  Replays  // of recordings, as controls
	Untried  []string // packages that no target reaches
	Programs int      // in the controls
	Residual float64  // with 95 % confidence at most this share of programs breaks a rule on what is not mutated
	Brief    bool     // no program was minimized, and no rule switched off: lengths, and what rules earn, are not known
	Canaries []CanaryOutcome
	Kills    []Line
	Survived []Line
	Stale    []string // listed as survivors, and killed
}

// Line is a mutant in the evidence.
type Line struct {
	Mutant string // its identity
	Place  string // file and line
	From   string
	To     string
	Reason string `json:",omitempty"` // why it survives, "" if nobody said
	Kill   *Kill  `json:",omitempty"`
	Off    *Kill  `json:",omitempty"` // who killed it with the rule of Kill switched off
	Late   bool   `json:",omitempty"` // the clock cut a hunt short: by another one more may be found
}

// Circumstances are where and when.
type Circumstances struct {
	Machine string
	Go      string
	When    string
	Seconds float64
	Costs   []Cost `json:",omitempty"` // what checking costs, where it was measured
}

// NewEvidence makes the evidence of a proof.
func NewEvidence(p *Proof, s *Survivors, root, revision string) *Evidence {
	f := Facts{Revision: revision, Seed: p.Seed, Limits: p.Limits, Time: p.Time, Mutants: p.All,
		Summary: Summarize(p, s), Controls: p.Controls, Replays: p.Recordings, Untried: p.Untried, Brief: p.Brief,
		Canaries: p.Canaries}
	for _, c := range p.Controls {
		if c.Rule == "" {
			f.Programs += c.Programs
		}
	}
	f.Residual = residual(f.Programs)
	for i := range p.Outcomes {
		o := &p.Outcomes[i]
		name, err := filepath.Rel(root, o.File)
		if err != nil {
			name = filepath.Base(o.File)
		}
		place := fmt.Sprintf("%s:%d", filepath.ToSlash(name), o.Line)
		l := Line{Mutant: o.Identity.String(), Place: place, From: o.From, To: o.To, Late: o.Late}
		if o.Kill.Rule == "" {
			l.Reason = s.Reason(o.Identity)
			f.Survived = append(f.Survived, l)
			continue
		}
		l.Kill = &o.Kill
		if o.Without.Rule != "" {
			l.Off = &o.Without
		}
		f.Kills = append(f.Kills, l)
	}
	for _, id := range s.Account(p).Stale {
		f.Stale = append(f.Stale, id.String())
	}
	return &Evidence{Facts: f}
}

// Write puts evidence.json and evidence.html into a folder.
func (e *Evidence) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	text, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		return err
	}
	if err := props.WriteWhole(filepath.Join(dir, "evidence.json"), append(text, '\n')); err != nil {
		return err
	}
	var page strings.Builder
	if err := evidencePage.Execute(&page, e); err != nil {
		return err
	}
	return props.WriteWhole(filepath.Join(dir, "evidence.html"), []byte(page.String()))
}

//go:embed embed/evidence.html
var evidenceText string

var evidencePage = template.Must(template.New("evidence").Funcs(template.FuncMap{
	"share":    func(x float64) string { return fmt.Sprintf("%.2g", x) },
	"percent":  func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) },
	"join":     func(list []string) string { return strings.Join(list, ", ") },
	"others":   others,
	"operator": func(name string) string { return operatorDoc(name) },
}).Parse(evidenceText))

// others says who kills what a rule misses.
func others(of map[string]int) string {
	var words []string
	for _, name := range byNumber(of) {
		words = append(words, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(words, ", ")
}

func operatorDoc(name string) string {
	for _, o := range Operators {
		if o.Name == name {
			return o.Doc
		}
	}
	return ""
}
