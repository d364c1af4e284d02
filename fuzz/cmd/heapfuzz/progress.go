package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"heapfuzz/fuzz/campaign"
)

// progress tells how a campaign goes: in one line that is drawn over and over on a terminal, in a line every few
// seconds elsewhere.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil when w is no terminal
	span  time.Duration            // what a full bar means; 0: not known
	wrote time.Duration            // when the last plain line was
}

// plainEvery is the time between lines where there is no terminal: seldom enough for a log, often enough to see that it
// lives.
const plainEvery = 5 * time.Second

func newProgress(w io.Writer, span time.Duration) *progress {
	p := &progress{w: w, span: span}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		whole := int64(-1)
		if span > 0 {
			whole = span.Milliseconds()
		}
		p.bar = progressbar.NewOptions64(whole, progressbar.OptionSetWriter(w), progressbar.OptionFullWidth(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(50*time.Millisecond))
	}
	return p
}

// tell is called by the campaign.
func (p *progress) tell(now campaign.Progress) {
	if p.bar != nil {
		p.bar.Describe(line(now))
		if p.span > 0 {
			p.bar.Set64(min(now.Elapsed, p.span-1).Milliseconds())
		} else {
			p.bar.Add(1)
		}
		return
	}
	if now.Elapsed-p.wrote >= plainEvery {
		p.wrote = now.Elapsed
		fmt.Fprintf(p.w, "%4.0fs  %s\n", now.Elapsed.Seconds(), line(now))
	}
}

// clear takes the line away.
func (p *progress) clear() {
	if p.bar != nil {
		p.bar.Clear()
	}
}

// line says where a campaign is, all targets together.
func line(now campaign.Progress) string {
	var programs, live, coverage, broken int
	var ops uint64
	for _, v := range now.Verdicts {
		programs += v.Programs
		ops += v.Operations()
		live = max(live, v.Live)
		coverage += v.Coverage
		broken += v.Broken
	}
	text := fmt.Sprintf("%s programs  %s ops/s  live %s  behaviours %s, last new %.0fs ago", commas(programs),
		commas(int(float64(ops)/max(now.Elapsed.Seconds(), 1e-3))), commas(live), commas(coverage),
		(now.Elapsed - now.LastNew).Seconds())
	if broken > 0 {
		text += fmt.Sprintf("  %s broke a rule", count(broken, "program"))
	}
	return text
}
