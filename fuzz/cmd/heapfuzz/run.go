package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// runFlags are the flags of run.
type runFlags struct {
	target       string
	subject      string
	differential string
	against      string
	seed         uint64
	duration     time.Duration
	programs     int
	workers      int
	keepGoing    bool
	json         bool
	out          string
	traces       []string
	hang         time.Duration
	control      string
	states       bool
}

const runLong = `
Try random programs on one target or on all, or on all of a kind (-subject), until the time is over or a program breaks
a rule. That program is made as short as it goes, written into a folder, and explained.

Program n of a target follows from the seed and from what those before it did, whatever the number of workers, so the
seed that is printed gives the same programs again: a quarter are mutations of such as did something rare. With
-programs there are as many of them, and on a target whose answers follow from the program the same operations,
behaviours and findings are counted. Every eighth program is tried under the metamorphic properties as well.

With -differential every program is also run on the targets named there, and answers that differ are a finding. A
target is not compared with itself, nor with one of another kind, nor with one that promises something else of a
realloc to 0 bytes or of misuse. What depends on when objects die is not compared.

Behaviours are distinct combinations of operation, size class, answer, where the block lies (on the block freed last, on
another freed one, beside the last, elsewhere) and the number of live blocks (0, 1-3, 4-15, ...), as seen from outside.
Where a block lies is looked at within a page in which others live, and not at all on Go's heap (reference, go-heap) and
of canaries: the rest changes from run to run. Objects are blocks that lie nowhere, and have fields for bytes.

Before all, one canary is hunted, chosen by the seed: a target of the same kind that is wrong on purpose. It must be
seen to break its rule, or what the run says proves nothing. A target is vacuous when most operations had no effect on
it, or when it went through too few of the states that it can tell of: no rule was broken, and little was shown. With
-states both are told in full.

A run leaves with 1 after a finding, with 4 when the canary was not found, with 3 when a target is vacuous.`

// durationDefault is how long a run takes when nothing is said.
const durationDefault = 10 * time.Second

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [flags]",
		Short: "Try random programs on one target or on all.",
		Long:  runLong,
		Args:  cobra.NoArgs,
		Example: `  heapfuzz run -target arena-3.11 -duration 1m
  heapfuzz run -seed 7 -programs 1000        the same 1000 programs on each target, every time
  heapfuzz run -target slab -differential reference
  heapfuzz run -target cpython-3.11 -against gc-3.11
  heapfuzz run -trace corpus/heap/trace/x    mutations of what a real program did`,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("seed") {
				f.seed = rand.Uint64()
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.target, "target", "all",
		"`name`s with commas between, \"all\", or \"canaries\", which are wrong on purpose")
	flags.StringVar(&f.subject, "subject", "", subjectUsage)
	flags.StringVar(&f.differential, "differential", "",
		"`name`s with commas between, or \"all\": targets that must answer every program alike")
	flags.StringVar(&f.against, "against", "", "the `name` of one target that must answer every program exactly alike")
	flags.Uint64Var(&f.seed, "seed", 0, "the `number` that the programs follow from (default: another each time)")
	flags.DurationVar(&f.duration, "duration", 0, "stop after this `time` (default 10s, or no limit with -programs)")
	flags.IntVar(&f.programs, "programs", 0, "stop after so `many` programs on each target (default no limit)")
	flags.IntVar(&f.workers, "workers", 2, "`how many` programs run at once")
	flags.BoolVar(&f.keepGoing, "keep-going", false, "go on after a finding; each signature is reported once")
	flags.BoolVar(&f.json, "json", false, "print a line of JSON for the start, each finding, each verdict and the end")
	flags.StringVarP(&f.out, "out", "o", "",
		"the `folder` that reproducers are written to (default corpus/heap/found, corpus/graph/found, ...)")
	flags.StringSliceVar(&f.traces, "trace", nil, "mutate the programs in these `file`s instead of generating")
	flags.StringVar(&f.control, "control", controlOn,
		"the `canary` that is hunted first, \"true\" for one that the seed chooses, or \"false\"")
	flags.BoolVar(&f.states, "states", false, "print what was answered to each operation, and the states seen")
	flags.DurationVar(&f.hang, "hang", campaign.HangDefault, hangUsage)
	c.MarkFlagsMutuallyExclusive("differential", "against")
	return c
}

// check refuses values that mean nothing.
func (f *runFlags) check(subjects map[string]*props.Subject) error {
	switch {
	case f.duration < 0:
		return fmt.Errorf("-duration %v is negative", f.duration)
	case f.programs < 0:
		return fmt.Errorf("-programs %d is negative", f.programs)
	case f.workers < 1 || f.workers > 256:
		return fmt.Errorf("-workers %d: from 1 to 256", f.workers)
	case f.hang < 10*time.Millisecond:
		return fmt.Errorf("-hang %v: at least 10ms", f.hang)
	}
	if f.duration == 0 && f.programs == 0 {
		f.duration = durationDefault
	}
	for _, name := range slices.Sorted(maps.Keys(subjects)) {
		if err := writable(f.folder(subjects[name])); err != nil {
			return err
		}
	}
	return nil
}

// folder is where findings on a subject go.
func (f *runFlags) folder(s *props.Subject) string { return cmp.Or(f.out, foundDir(s)) }

func (f *runFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	seeds, err := f.seeds()
	if err != nil {
		return err
	}
	targets, err := choose(f.target, f.subject)
	if err != nil {
		return err
	}
	cfg, err := f.config(targets)
	if err != nil {
		return err
	}
	subjects := map[string]*props.Subject{}
	for _, t := range targets {
		subjects[t.Name] = t.New()
	}
	if err := f.check(subjects); err != nil {
		return err
	}
	cfg.Seeds = seeds
	cfg.Duration = f.duration
	var p printer = &plain{stdout: stdout, stderr: stderr, progress: newProgress(stderr, f.duration), states: f.states,
		related: map[string]bool{}}
	if f.json {
		p = &lines{json.NewEncoder(stdout)}
	}
	control, err := newControl(f.control, f.seed, targets)
	if err != nil {
		return err
	}
	p.start(f, targets)
	if control != nil {
		if err := control.hunt(ctx, f.seed, f.hang); err != nil {
			return err
		}
		p.control(control)
	}
	cfg.Progress, cfg.Before = p.tell, about
	cfg.Found = func(found *props.Finding) error {
		subject := subjects[found.Target]
		s := settle(ctx, subject, found, f.folder(subject), f.again(found.Target))
		p.finding(&s, subject.Spec.Format(s.Program))
		return nil
	}
	res, err := campaign.Run(ctx, cfg)
	if err != nil {
		return err
	}
	return f.end(p, res, control, subjects)
}

// config is the campaign that is asked for, without what tells of it.
func (f *runFlags) config(targets []fuzz.Target) (campaign.Config, error) {
	cfg := campaign.Config{Seed: f.seed, Programs: f.programs, Workers: f.workers, KeepGoing: f.keepGoing, Hang: f.hang}
	var others []fuzz.Target
	var err error
	if f.differential != "" {
		if others, err = choose(f.differential, f.subject); err != nil {
			return cfg, err
		}
	}
	if cfg.Targets, err = campaigned(targets, others); err == nil && f.against != "" {
		err = against(cfg.Targets, targets, f.against)
	}
	return cfg, err
}

// seeds reads the programs that are to be mutated. They are of one language, and so are the targets then.
func (f *runFlags) seeds() (seeds []prog.Program, err error) {
	for _, path := range f.traces {
		c, err := read(path)
		if err != nil {
			return nil, err
		}
		language := c.language(f.target)
		if f.subject != "" && f.subject != language.Name {
			return nil, fmt.Errorf("%s: a program for a %s, and not for a %s", path, language.Name, f.subject)
		}
		f.subject = language.Name
		l, err := c.load(language.Spec)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, l.Program)
	}
	return seeds, nil
}

// again is the command that runs the same programs on a target again.
func (f *runFlags) again(target string) string {
	line := fmt.Sprintf("heapfuzz run -target %s -seed %d", target, f.seed)
	if f.differential != "" {
		line += " -differential " + f.differential
	}
	if f.against != "" {
		line += " -against " + f.against
	}
	for _, path := range f.traces {
		line += " -trace " + quoted(path)
	}
	return line
}

// end prints the verdicts and returns what the command leaves with.
func (f *runFlags) end(p printer, res campaign.Result, c *control, subjects map[string]*props.Subject) error {
	found, vacuous := 0, false
	for i := range res.Verdicts {
		v := &res.Verdicts[i]
		found += len(v.Findings)
		vacuous = vacuous || v.Vacuous() != nil
	}
	err := error(nil)
	switch {
	case found > 0:
		err = errFinding
	case res.Interrupted:
		err = errInterrupted
	case c != nil && !c.found:
		err = errControl
	case vacuous:
		err = errVacuous
	}
	p.verdicts(res, subjects, err)
	return err
}

// printer is a way to tell of a campaign.
type printer interface {
	start(*runFlags, []fuzz.Target)
	control(*control)
	tell(campaign.Progress)
	finding(s *settled, program []byte)
	verdicts(campaign.Result, map[string]*props.Subject, error)
}

// plain tells people.
type plain struct {
	stdout, stderr io.Writer
	progress       *progress
	states         bool
	hunted         *control
	related        map[string]bool // targets of which a finding of a relation between runs was told
}

func (p *plain) start(f *runFlags, targets []fuzz.Target) {
	limit := ""
	if f.duration > 0 {
		limit += ", " + f.duration.String()
	}
	if f.programs > 0 {
		limit += ", " + count(f.programs, "program") + " on each"
	}
	fmt.Fprintf(p.stderr, "heapfuzz: %s, seed %d%s, %s\n", count(len(targets), "target"), f.seed, limit,
		count(f.workers, "worker"))
}

func (p *plain) control(c *control) { p.hunted = c }

func (p *plain) tell(now campaign.Progress) { p.progress.tell(now) }

func (p *plain) finding(s *settled, program []byte) {
	p.progress.clear()
	if s.Property != props.Conforms.Name && s.path != "" {
		if p.related[s.Target] { // most defects that break one relation break them all
			fmt.Fprintf(p.stdout, "also     %s\nreplay   %s\n\n", s.Signature(), replayLine(s.path, s.Target))
			return
		}
		p.related[s.Target] = true
	}
	s.print(p.stdout, func() []byte { return program })
	fmt.Fprintln(p.stdout)
}

func (p *plain) verdicts(res campaign.Result, subjects map[string]*props.Subject, _ error) {
	p.progress.clear()
	if p.states {
		for i := range res.Verdicts {
			v := &res.Verdicts[i]
			states(p.stdout, subjects[v.Target].Spec, v)
		}
	}
	var t table
	t.add("TARGET", ">PROGRAMS", ">OPERATIONS", ">OPS/S", ">EFFECTIVE", ">SKIP", ">NOMEM", ">BEHAVIOURS", ">FINDINGS",
		"VERDICT")
	for i := range res.Verdicts {
		v := &res.Verdicts[i]
		ops, rate := v.Operations(), "-"
		if v.Busy > 0 {
			rate = commas(int(float64(ops) / v.Busy.Seconds()))
		}
		t.add(v.Target, commas(v.Programs), commas(ops), rate, share(v.Answers[prog.OK], ops),
			share(v.Answers[prog.Skip], ops), share(v.Answers[prog.NoMem], ops), commas(v.Coverage),
			commas(len(v.Findings)), word(v))
	}
	t.print(p.stdout)
	fmt.Fprintln(p.stdout)
	if p.hunted != nil {
		fmt.Fprintf(p.stdout, "control  %v\n", p.hunted)
	}
	for _, s := range sentences(res.Verdicts) {
		fmt.Fprintln(p.stdout, s)
	}
}

// sentences are the verdicts for a stranger: one for each target of which there is something to say, and one for all
// that conform.
func sentences(verdicts []campaign.Verdict) (said []string) {
	var fine []*campaign.Verdict
	var programs int
	var ops uint64
	for i := range verdicts {
		v := &verdicts[i]
		if len(v.Findings) > 0 || v.Programs == 0 || v.Vacuous() != nil {
			said = append(said, sentence(v))
			continue
		}
		fine = append(fine, v)
		programs, ops = programs+v.Programs, ops+v.Operations()
	}
	switch len(fine) {
	case 0:
		return said
	case 1:
		return append(said, sentence(fine[0]))
	}
	return append(said, fmt.Sprintf("%d targets conform: %s in %s, no rule broken", len(fine),
		count(ops, "operation"), count(programs, "program")))
}

// word is a verdict in one word.
func word(v *campaign.Verdict) string {
	switch {
	case len(v.Findings) > 0:
		return "breaks a rule"
	case v.Programs == 0:
		return "not tried"
	case v.Vacuous() != nil:
		return "vacuous"
	}
	return "conforms"
}

func sentence(v *campaign.Verdict) string {
	ops := v.Operations()
	done := fmt.Sprintf("%s in %s", count(ops, "operation"), count(v.Programs, "program"))
	switch {
	case len(v.Findings) > 0:
		var rules []string
		for _, f := range v.Findings {
			rules = append(rules, strings.TrimPrefix(f.Signature(), props.Conforms.Name+": "))
		}
		return fmt.Sprintf("%s: breaks %s: %s, %s wrong", v.Target, strings.Join(rules, ", "), done,
			count(v.Broken, "program"))
	case v.Programs == 0:
		return v.Target + ": not tried: no program came to an end"
	case v.Vacuous() != nil:
		return fmt.Sprintf("%s: vacuous: %s, no rule broken, but this proves little: %s", v.Target, done,
			v.Vacuous().Detail)
	}
	return fmt.Sprintf("%s: conforms: %s, no rule broken", v.Target, done)
}

// lines tells programs, in lines of JSON.
type lines struct{ *json.Encoder }

func (l *lines) start(f *runFlags, targets []fuzz.Target) {
	var names []string
	for _, t := range targets {
		names = append(names, t.Name)
	}
	m := map[string]any{"event": "start", "targets": names, "seed": f.seed, "workers": f.workers,
		"programs": f.programs, "seconds": f.duration.Seconds()}
	if f.differential != "" {
		m["differential"] = strings.Split(f.differential, ",")
	}
	if f.against != "" {
		m["against"] = f.against
	}
	l.Encode(m)
}

func (l *lines) control(c *control) { l.Encode(c.event()) }

func (l *lines) tell(campaign.Progress) {}

func (l *lines) finding(s *settled, program []byte) { l.Encode(findingJSON(s, program)) }

// findingJSON is a finding as run and replay print it.
func findingJSON(s *settled, program []byte) map[string]any {
	m := map[string]any{"event": "finding", "target": s.Target, "property": s.Property, "rule": s.Violation.Rule.Name,
		"says": s.Violation.Rule.Doc, "signature": s.Signature(), "detail": s.Violation.Detail,
		"operations": len(s.Program.Ops), "program": string(program)}
	if s.again < againRuns {
		m["flaky"] = s.flaky()
	}
	if s.path != "" {
		m["file"], m["replay"] = s.path, replayLine(s.path, s.Target)
	}
	if s.why != nil {
		m["notWritten"] = s.why.Error()
	}
	return m
}

func (l *lines) verdicts(res campaign.Result, subjects map[string]*props.Subject, err error) {
	for i := range res.Verdicts {
		v := &res.Verdicts[i]
		signatures := []string{}
		for _, f := range v.Findings {
			signatures = append(signatures, f.Signature())
		}
		m := map[string]any{"event": "verdict", "target": v.Target, "verdict": word(v), "programs": v.Programs,
			"operations": v.Operations(), "ok": v.Answers[prog.OK], "skip": v.Answers[prog.Skip],
			"nomem": v.Answers[prog.NoMem], "behaviours": v.Coverage, "live": v.Live, "busySeconds": v.Busy.Seconds(),
			"broken": v.Broken, "findings": signatures, "bred": v.Bred,
			"kinds": kindsOf(subjects[v.Target].Spec, v.Meter), "transitions": transitionsOf(v.Meter)}
		if why := v.Vacuous(); why != nil {
			m["vacuous"] = why.Detail
		}
		l.Encode(m)
	}
	l.Encode(map[string]any{"event": "end", "seconds": res.Elapsed.Seconds(), "interrupted": res.Interrupted,
		"finding": errors.Is(err, errFinding), "noControl": errors.Is(err, errControl),
		"vacuous": errors.Is(err, errVacuous)})
}
