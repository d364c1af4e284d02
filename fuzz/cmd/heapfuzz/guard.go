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
const hangUsage = "a program that takes longer than this `time` does not return"

// errHangs says that a target did not return. Its goroutine is left behind, since it cannot be stopped: the process is
// to end soon.
var errHangs = errors.New("does not return")

// guard runs f, which drives targets, and waits for it as long as the limit says or until the context ends.
func guard(ctx context.Context, limit time.Duration, f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return errHangs
	case <-ctx.Done():
		return errInterrupted
	}
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

// perform runs a program once, and makes a finding of it when it does not return within the limit.
func perform(ctx context.Context, s *props.Subject, p prog.Program, limit time.Duration) (*running, error) {
	about(0, s, p)
	run := &running{subject: s, program: p}
	var answered atomic.Int64
	runner := props.Runner{Look: true, After: func(_ props.Target, at int, _ prog.Op) *model.Violation {
		answered.Store(int64(at) + 1)
		return nil
	}}
	var res props.Result
	var err error
	begun := time.Now()
	switch e := guard(ctx, limit, func() { res, err = runner.Run(s, p) }); {
	case e == errHangs:
		f := campaign.Hanging(s.Target, p, append(p.Clone().Ops, s.Epilogue...), int(answered.Load()), limit)
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
