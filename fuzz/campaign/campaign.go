// Package campaign tries many programs on many targets: it says which program is the n-th, runs them on several
// workers, counts what they showed, and hands each new finding to its caller.
//
//	res, err := campaign.Run(ctx, campaign.Config{Targets: targets, Seed: 1, Duration: 10 * time.Second, Workers: 2})
//
// # One campaign, whatever the number of workers
//
// Programs are numbered. Job j is program j/n on target j%n of n, and a program follows from the seed, the target's
// name and its number alone, so that a target is given the same programs beside others as on its own. Workers take jobs
// as they get to them, and the results are committed in the order of the jobs: counts, behaviours and findings are
// those of jobs 0, 1, 2, ... up to the last. When the campaign stops at a finding, later jobs that were already under
// way are dropped. So a seed and a number of programs give the same verdict on any machine with any number of workers.
// When the time is over, or at an interrupt, programs that are under way end at their next operation and do not count.
//
// # Breeding
//
// Programs that showed something are the parents of later ones. The programs of a target are divided into epochs of
// Config.Epoch. Those of one epoch choose among the same parents: programs of epochs up to the one before the last, so
// that nobody waits at the border between two. One in breedEvery is then a mutation of a parent, and the others are
// made as if there were none.
//
//	epoch     0          1          2                3
//	programs  0 ... 63   64 ...     128 ...          192 ...
//	parents   none       none       from epoch 0     from epochs 0, 1
//
// A program becomes a parent when it took a transition of the target that few programs before it did, or when its
// operations showed more new behaviours than those of others lately: see nursery. (Counted by the program it is the
// longest that are bred, which makes all longer and nothing better.) Whether it did is known once all before it have
// been committed, and in no other order. So a program follows from the seed, the target and its number still, through
// what those before it showed, which on a target that answers alike each time is always the same. A target that does
// not (Subject.Repeats) is given no bred programs.
//
// What it gives: in 1,500 programs (some 900,000 operations, three seeds) the rarest transition of the collector of
// 3.12 was taken 7 to 15 times in a million operations without breeding and 22 to 49 times with it, that of the arena
// of 3.10 37 to 94 times and 71 to 132 times. What it costs: 2 to 6 % of the distinct behaviours. Canaries are found as
// soon without it, most of them before the first program is bred.
//
// # A run that proves nothing
//
// Each verdict has a props.Meter of its programs. One whose operations had little effect, or in which the target took
// few of its named transitions, is vacuous (run/vacuous): no rule was broken, and little was shown. Verdict.Vacuous
// tells; it is no finding.
//
// # What is owned
//
// Run owns its workers and waits for them. The one exception cannot be avoided: a target in this process that never
// answers cannot be killed. After Config.Hang the program that it hangs in is a finding (run/alive, cause "hang"), the
// campaign ends, and the worker is left behind; Result.Hung tells so, and a command then exits.
package campaign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Target is one of those that are tried. New is called once for each worker, since a Subject is not for concurrent use.
type Target struct {
	Name   string
	New    func() *props.Subject
	Placed bool // where its blocks lie in their pages follows from the program: see Coverage

	// Others returns the targets that answer every program alike, beside all properties. Like New it is called once for
	// each worker. It may be nil. Differential makes the property of them; nil is props.Differential.
	Others       func() []*props.Subject
	Differential func(others ...*props.Subject) props.Property
}

// Config says what is tried. The zero values of numbers are said with them. Every PropertyEvery-th program of a target
// is tried under one more of its properties besides conforms, in turn.
type Config struct {
	Targets   []Target
	Seed      uint64
	Duration  time.Duration  // 0: no limit
	Programs  int            // on each target; 0: no limit
	Workers   int            // 0: one
	KeepGoing bool           // go on after a finding; findings of one signature on one target are handed over once
	Seeds     []prog.Program // programs of all targets' language that are mutated; none: all programs are generated
	Epoch     int            // programs on each target between two choices of parents; 0: EpochDefault; below 0: never
	Hang      time.Duration  // who gives no answer for so long does not return, see Silence; 0: HangDefault

	// Before is called by the workers, which are numbered from 0, before each program. It may be nil. Should the target
	// take the process with it, that is what remains.
	Before func(worker int, s *props.Subject, p prog.Program)
	// Found is called for each new finding, in the order of the jobs, by the goroutine that called Run. An error ends
	// the campaign. It may be nil.
	Found func(*props.Finding) error
	// Kept is called in the same way for each program that others are to be bred from. An error ends the campaign. It
	// may be nil.
	Kept func(target string, p prog.Program) error
	// Progress is called every Tick (0: TickDefault) by the same goroutine. It may be nil.
	Progress func(Progress)
	Tick     time.Duration
}

const (
	HangDefault   = 30 * time.Second
	TickDefault   = 200 * time.Millisecond
	PropertyEvery = 8
	EpochDefault  = 64

	// windowJobs is how far a worker may be ahead of the first job that is not done: it bounds the results that wait.
	windowJobs = 1024
)

// Verdict is what a campaign saw of one target.
type Verdict struct {
	Target   string
	Programs int
	Answers  [4]uint64 // operations by prog.Status, those of the epilogue among them
	Meter    *props.Meter
	Bred     int // programs that were mutations of others
	Coverage int // distinct behaviours, see Coverage
	Live     int // the most blocks that lived at once
	Busy     time.Duration
	Findings []*props.Finding // as they were handed to Found: the first of each signature
	Broken   int              // programs that broke a rule

	seeded bool // all programs are mutations of the campaign's seeds
}

// Vacuous tells in what way so many programs proved nothing; nil when they did, or were few. Of mutations of a few
// seeds no wealth of transitions is asked.
func (v *Verdict) Vacuous() *model.Violation {
	if v.seeded {
		return v.Meter.Idle()
	}
	return v.Meter.Vacuous()
}

// Operations is the number of operations that were answered.
func (v *Verdict) Operations() uint64 {
	return v.Answers[0] + v.Answers[1] + v.Answers[2] + v.Answers[3]
}

// Progress is what is known while a campaign runs.
type Progress struct {
	Elapsed  time.Duration
	LastNew  time.Duration // Elapsed when the last new behaviour was seen
	Verdicts []Verdict     // in the order of Config.Targets
}

// Result is what a campaign gave.
type Result struct {
	Progress
	Interrupted bool // the context ended it
	Hung        bool // a worker was left behind in a target that does not return
}

// Run runs a campaign to its end: the duration, the number of programs, the first finding unless it is to keep going,
// or the context's end. The error is that of opening a target or of Found.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if len(cfg.Targets) == 0 {
		return Result{}, errors.New("no target to try")
	}
	if cfg.Hang == 0 {
		cfg.Hang = HangDefault
	}
	if cfg.Tick == 0 {
		cfg.Tick = TickDefault
	}
	cfg.Epoch = cmp.Or(cfg.Epoch, EpochDefault)
	c := &campaign{Config: cfg, jobs: make(chan job), begun: time.Now()}
	c.pending, c.seen = map[int]result{}, map[string]bool{}
	c.verdicts = make([]Verdict, len(cfg.Targets))
	c.coverage = make([]*Coverage, len(cfg.Targets))
	c.nurseries = make([]nursery, len(cfg.Targets))
	for i, t := range cfg.Targets {
		c.verdicts[i] = Verdict{Target: t.Name, Meter: new(props.Meter), seeded: len(cfg.Seeds) > 0}
		c.coverage[i] = new(Coverage)
	}
	for i := range max(1, cfg.Workers) {
		c.workers = append(c.workers, newWorker(c, i))
	}
	c.results = make(chan result, len(c.workers)) // as many as can come after nobody reads any more
	for _, w := range c.workers {
		go w.work()
	}
	err := c.conduct(ctx)
	close(c.jobs)
	c.wait()
	res := Result{Progress: c.progress(), Interrupted: ctx.Err() != nil, Hung: c.stuck != nil}
	return res, err
}

// wait waits for the workers: for all of them, or, when one does not return, as long as one may take for the others.
func (c *campaign) wait() {
	var patience <-chan time.Time
	if c.stuck != nil {
		timer := time.NewTimer(c.Hang)
		defer timer.Stop()
		patience = timer.C
	}
	for _, w := range c.workers {
		if w == c.stuck {
			continue
		}
		select {
		case <-w.done:
		case <-patience:
			return
		}
	}
}

// campaign is a running Config. All but what workers share is of the goroutine that called Run.
type campaign struct {
	Config
	begun     time.Time
	jobs      chan job // closed when there are no more
	results   chan result
	workers   []*worker
	coverage  []*Coverage // by target; workers look at it
	nurseries []nursery   // by target
	abort     atomic.Bool // programs that run are to end; shared
	lastNew   time.Duration

	verdicts []Verdict
	pending  map[int]result  // done, but not all before them are
	seen     map[string]bool // target and signature of findings handed over
	handed   int             // jobs handed out
	next     int             // the job that is committed next
	stopping bool            // no more jobs are handed out
	closed   bool            // no more results are committed
	stuck    *worker         // does not return
}

// conduct hands out jobs and commits results until there is nothing left to wait for.
func (c *campaign) conduct(ctx context.Context) error {
	tick := time.NewTicker(min(c.Tick, c.Hang))
	defer tick.Stop()
	var over <-chan time.Time
	if c.Duration > 0 {
		timer := time.NewTimer(c.Duration)
		defer timer.Stop()
		over = timer.C
	}
	out, interrupted := 0, ctx.Done()
	for {
		var jobs chan job
		var next job
		if !c.stopping && c.handed-c.next < windowJobs && !c.last() && c.grown() {
			jobs, next = c.jobs, c.job()
		}
		if jobs == nil && out == 0 {
			return c.commitRest()
		}
		select {
		case jobs <- next:
			c.handed++
			out++
		case r := <-c.results:
			out--
			if err := c.take(r); err != nil {
				return err
			}
		case <-interrupted:
			c.stopping, interrupted = true, nil
			c.abort.Store(true)
		case <-over:
			c.stopping = true
			c.abort.Store(true)
		case <-tick.C:
			if c.Progress != nil {
				c.Progress(c.progress())
			}
			if f := c.hanging(); f != nil {
				v := &c.verdicts[c.indexOf(f.Target)]
				v.Programs++
				v.Broken++
				return c.found(f)
			}
		}
	}
}

// last tells whether all programs have been handed out.
func (c *campaign) last() bool { return c.Programs > 0 && c.handed >= c.Programs*len(c.Targets) }

// take keeps a result and commits all that are next in order.
func (c *campaign) take(r result) error {
	c.pending[r.job] = r
	for {
		r, ok := c.pending[c.next]
		if !ok || r.aborted {
			return nil
		}
		c.next++
		if err := c.commit(r); err != nil {
			return err
		}
	}
}

// commitRest commits what was done beyond a program that was aborted.
func (c *campaign) commitRest() error {
	for _, job := range slices.Sorted(maps.Keys(c.pending)) {
		if r := c.pending[job]; !r.aborted {
			if err := c.commit(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// commit counts a result and hands over its finding, unless the campaign has stopped at one before.
func (c *campaign) commit(r result) error {
	delete(c.pending, r.job)
	if c.closed {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	v := &c.verdicts[r.job%len(c.Targets)]
	v.Programs++
	v.Busy += r.took
	v.Live = max(v.Live, r.live)
	for i, n := range r.answers {
		v.Answers[i] += n
	}
	fresh := 0
	for _, b := range r.fresh {
		if c.coverage[r.job%len(c.Targets)].add(b) {
			c.lastNew = time.Since(c.begun)
			fresh++
		}
	}
	if err := c.raise(r, fresh); err != nil {
		return err
	}
	v.Meter.Merge(r.meter)
	if r.bred {
		v.Bred++
	}
	if r.finding == nil {
		return nil
	}
	v.Broken++
	if !c.KeepGoing {
		c.stopping, c.closed = true, true
		c.abort.Store(true)
	}
	return c.found(r.finding)
}

// found hands a finding over unless one like it was.
func (c *campaign) found(f *props.Finding) error {
	key := f.Target + " " + f.Signature()
	if c.seen[key] {
		return nil
	}
	c.seen[key] = true
	v := &c.verdicts[c.indexOf(f.Target)]
	v.Findings = append(v.Findings, f)
	if c.Found == nil {
		return nil
	}
	return c.Found(f)
}

func (c *campaign) indexOf(target string) int {
	return slices.IndexFunc(c.Targets, func(t Target) bool { return t.Name == target })
}

func (c *campaign) progress() Progress {
	p := Progress{Elapsed: time.Since(c.begun), LastNew: c.lastNew}
	p.Verdicts = slices.Clone(c.verdicts)
	for i := range p.Verdicts {
		p.Verdicts[i].Coverage, p.Verdicts[i].Meter = c.coverage[i].Count(), p.Verdicts[i].Meter.Clone()
	}
	return p
}

// hanging returns the finding of a worker whose program has run for longer than Hang, and nil when there is none.
func (c *campaign) hanging() *props.Finding {
	for _, w := range c.workers {
		r := w.running.Load()
		if r == nil {
			w.silence.End()
			continue
		}
		if !w.silence.Over(w.steps.Load()) {
			continue
		}
		c.stuck = w
		return Hanging(c.Targets[r.job%len(c.Targets)].Name, r.program, r.ops, int(r.answered.Load()), c.Hang)
	}
	return nil
}

// Finding is what a run under conforms found; the run has a violation.
func Finding(target string, p prog.Program, res props.Result) *props.Finding {
	return &props.Finding{Property: props.Conforms.Name, Target: target, Program: p, Refutation: &props.Refutation{
		Violation: res.Violation, At: res.At, Ops: slices.Clone(res.Ops), Trace: slices.Clone(res.Trace),
		Picture: res.Picture}}
}

// Hanging is the finding that a target does not return from the operation after the first answered ones of ops, which
// are those of the program and of the epilogue.
func Hanging(target string, p prog.Program, ops []prog.Op, answered int, limit time.Duration) *props.Finding {
	at := min(answered, len(ops)-1)
	trace := make(prog.Trace, at+1) // the answers are the worker's, which may still write them
	for i := range trace {
		trace[i].Msg = "not known"
	}
	trace[at] = prog.Outcome{Status: prog.Fail, Msg: "hang"}
	detail := fmt.Sprintf("no answer for %v", limit)
	v := &model.Violation{Rule: props.Alive, Cause: "hang", Detail: detail}
	return Finding(target, p, props.Result{Violation: v, At: at, Ops: ops, Trace: trace})
}
