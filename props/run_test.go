package props_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// A target that panics, or reads where there is no memory, is a finding at the operation that did it.
func TestRunnerSurvivesItsTarget(t *testing.T) {
	s := subject(wrong{})
	for name, do := range map[string]func(){
		"panic": func() { panic("block 17 at 0xc000 is gone") },
		"fault": func() { var p *[1 << 20]byte; p[1<<19] = 1 },
	} {
		open := s.Open
		broken := *s
		broken.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			target, j, err := open(w)
			return breaks{target, do}, j, err
		}
		var r props.Runner
		res, err := r.Run(&broken, s.Spec.MustParse("p0 = alloc size=1\nusage\nfree p0"))
		if err != nil {
			t.Fatal(err)
		}
		if res.Violation == nil || res.Violation.Rule != props.Alive || res.At != 1 || len(res.Trace) != 2 {
			t.Errorf("%s: got %v at %d, trace %v", name, res.Violation, res.At, res.Trace)
			continue
		}
		if sign := res.Violation.Signature(); strings.ContainsAny(sign, "0123456789") {
			t.Errorf("%s: the signature %q holds a number", name, sign)
		}
	}
}

// OnHang is called for a run that gives no answer any more, and not for one that takes long and answers.
func TestRunnerWaitsForAnswers(t *testing.T) {
	const limit = 400 * time.Millisecond
	s := subject(wrong{})
	open, wait := s.Open, limit/20
	slow := *s
	slow.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		target, j, err := open(w)
		return breaks{target, func() { time.Sleep(wait) }}, j, err
	}
	var hung atomic.Int64
	r := props.Runner{Patience: limit, OnHang: func(*props.Subject, prog.Program) { hung.Add(1) }}
	program := s.Spec.MustParse(strings.Repeat("usage\n", 60))
	for _, hangs := range []int64{0, 1} {
		if _, err := r.Run(&slow, program); err != nil {
			t.Fatal(err)
		}
		if n := hung.Load(); n != hangs {
			t.Errorf("it was called %d times where each answer takes %v", n, wait)
		}
		wait, program = 3*limit, s.Spec.MustParse("usage")
	}
	time.Sleep(3 * limit)
	if n := hung.Load(); n != 1 {
		t.Errorf("it was called %d times when the run was over", n)
	}
}

var usage = heaptest.Lang.Kind("usage")

type breaks struct {
	props.Target
	do func()
}

func (b breaks) Do(op prog.Op) prog.Outcome {
	if op.Kind == usage {
		b.do()
	}
	return b.Target.Do(op)
}

// nothing answers ok to everything: what is left is the driver's own cost.
type nothing struct{}

func (nothing) Do(prog.Op) prog.Outcome { return prog.Outcome{} }
func (nothing) Close() error            { return nil }

func null() *props.Subject {
	s := *subject(wrong{})
	s.Open = func([prog.ArgsMax]uint64) (props.Target, props.Judge, error) { return nothing{}, accepts{}, nil }
	return &s
}

func BenchmarkRun(b *testing.B) {
	s := null()
	p := prog.Program{Ops: make([]prog.Op, 10000)}
	var r props.Runner
	b.Run("engine=runner/target=null", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Run(s, p); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(p.Ops)), "ns/step")
	})
}

func BenchmarkMinimize(b *testing.B) {
	s := subject(tooSmall)
	noise := "p1 = alloc size=7\np2 = alloc size=90\nfree p1\nrealloc p2 size=80\nfree p2\n"
	for _, repeat := range []int{12, 400} {
		p := s.Spec.MustParse(strings.Repeat(noise, repeat) + "p3 = alloc size=140\n")
		refutation, err := props.Conforms.Check(s, new(props.Runner), p)
		if err != nil || refutation == nil {
			b.Fatal(refutation, err)
		}
		f := &props.Finding{Property: "conforms", Target: s.Target, Program: p, Refutation: refutation}
		b.Run(fmt.Sprintf("op=minimize/ops=%d", len(p.Ops)), func(b *testing.B) {
			runs := 0
			for b.Loop() {
				_, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
				runs = stats.Runs
			}
			b.ReportMetric(float64(runs), "runs")
		})
	}
}
