package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// hangUsage explains the flag of the commands that drive targets.
const hangUsage = "a target that works for this `time` without an answer does not return"

// errHangs says that a target did not return. Its goroutine is left behind, since it cannot be stopped: the process is
// to end soon.
var errHangs = errors.New("does not return")

// guard runs f, which drives targets by the runner, and waits for it until no answer comes for as long as the limit
// says (see campaign.Silence), or until the context ends. It returns how many operations of the last run were answered.
func guard(ctx context.Context, limit time.Duration, r *props.Runner, f func()) (answered int, err error) {
	var at, answers atomic.Int64
	r.After = func(_ props.Target, i int, _ prog.Op) *model.Violation {
		at.Store(int64(i) + 1)
		answers.Add(1)
		return nil
	}
	silence, tick := campaign.Silence{Limit: limit}, time.NewTicker(min(limit, campaign.TickDefault))
	defer tick.Stop()
	for done := started(f); ; {
		select {
		case <-done:
			return int(at.Load()), nil
		case <-ctx.Done():
			return int(at.Load()), errInterrupted
		case <-tick.C:
			if silence.Over(answers.Load()) {
				return int(at.Load()), errHangs
			}
		}
	}
}

// within runs f, and waits for it as long as the limit says or until the context ends.
func within(ctx context.Context, limit time.Duration, f func()) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-started(f):
		return nil
	case <-timer.C:
		return errHangs
	case <-ctx.Done():
		return errInterrupted
	}
}

// started starts f, and returns what is closed when it has returned.
func started(f func()) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}

// running is one run of a program on a target.
type running struct {
	subject *props.Subject
	program prog.Program
	props.Result
	took time.Duration
}

// finding returns what was found under conforms, nil when the program conforms.
func (r *running) finding() *props.Finding {
	if r.Violation == nil {
		return nil
	}
	return campaign.Finding(r.subject.Target, r.program, r.Result)
}

// perform runs a program once, and makes a finding of it when it does not return.
func perform(ctx context.Context, s *props.Subject, p prog.Program, limit time.Duration) (*running, error) {
	about(0, s, p)
	run := &running{subject: s, program: p}
	runner := props.Runner{Look: true}
	var res props.Result
	var err error
	begun := time.Now()
	switch answered, e := guard(ctx, limit, &runner, func() { res, err = runner.Run(s, p) }); {
	case e == errHangs:
		f := campaign.Hanging(s.Target, p, append(p.Clone().Ops, s.Epilogue...), answered, limit)
		run.Ops, run.Trace, run.Violation, run.At = f.Ops, f.Trace, f.Violation, f.At
		return run, nil
	case e != nil:
		return nil, e
	case err != nil:
		return nil, err
	}
	run.took, run.Result = time.Since(begun), res
	return run, nil
}
