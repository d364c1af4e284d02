package campaign

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// worker runs one job after the other. Its buffers are its own; what it shares is running.
type worker struct {
	c        *campaign
	number   int
	subjects []*props.Subject // by target, made at the first job
	alike    []props.Property // by target, made at the first job of one that has others
	runner   props.Runner
	meters   []props.Meter // by target: of the program that runs under conforms
	walker   walker
	running  atomic.Pointer[running] // nil between jobs
	steps    atomic.Int64            // answers, and jobs that were begun
	silence  Silence                 // of the goroutine that called Run
	done     chan struct{}           // closed when it has ended
}

// running is the job that a worker is at.
type running struct {
	job      int
	program  prog.Program // not changed while it runs
	ops      []prog.Op    // with the epilogue
	answered atomic.Int64 // operations
}

// result is what came of a job.
type result struct {
	job     int
	program prog.Program
	bred    bool // the program is a mutation of another
	answers [4]uint64
	meter   *props.Meter
	live    int
	fresh   []uint32 // behaviours that had not been counted yet, each once
	took    time.Duration
	finding *props.Finding // nil: no rule was broken
	aborted bool           // the run was ended before its end
	err     error
}

func newWorker(c *campaign, number int) *worker {
	w := &worker{c: c, number: number, subjects: make([]*props.Subject, len(c.Targets)), done: make(chan struct{})}
	w.silence.Limit = c.Hang * time.Duration(max(1, c.Workers)) // of CPU time the others take their part
	w.alike, w.meters = make([]props.Property, len(c.Targets)), make([]props.Meter, len(c.Targets))
	w.runner.Look = true
	w.runner.After = func(_ props.Target, at int, _ prog.Op) *model.Violation {
		w.running.Load().answered.Store(int64(at) + 1)
		w.steps.Add(1)
		if c.abort.Load() {
			return aborted
		}
		return nil
	}
	return w
}

// aborted ends a run whose result nobody wants any more.
var aborted = &model.Violation{Rule: &model.Invariant{Name: "campaign/aborted"}}

// work takes jobs until there are no more.
func (w *worker) work() {
	defer close(w.done)
	for j := range w.c.jobs {
		w.c.results <- w.do(j)
	}
}

// do runs a job: the program under conforms, and now and then under one more property.
func (w *worker) do(j job) result {
	n, job := len(w.c.Targets), j.number
	s := w.subject(job % n)
	p, child := bred(s, w.c.Seed, job/n, j.parents)
	if !child {
		p = Program(s, w.c.Seed, job/n, w.c.Seeds)
	}
	if w.c.Before != nil {
		w.c.Before(w.number, s, p)
	}
	begun := time.Now()
	w.steps.Add(1)
	w.running.Store(&running{job: job, program: p, ops: append(slices.Clone(p.Ops), s.Epilogue...)})
	defer w.running.Store(nil)
	meter := &w.meters[job%n]
	meter.Reset()
	w.runner.Meter = meter
	res, err := w.runner.Run(s, p)
	w.runner.Meter = nil
	if err != nil {
		return result{job: job, err: err}
	}
	if res.Violation == aborted {
		return result{job: job, aborted: true}
	}
	fresh := w.walker.walk(w.c.coverage[job%n], w.c.Targets[job%n].Placed, s.Spec, res.Ops, res.Trace)
	slices.Sort(fresh)
	r := result{
		job: job, program: p, bred: child, answers: w.walker.answers, meter: meter.Clone(), live: w.walker.peak,
		fresh: slices.Clone(slices.Compact(fresh)),
	}
	if res.Violation != nil {
		r.finding = Finding(s.Target, p, res)
	}
	for _, property := range w.properties(job) {
		if r.finding == nil && r.err == nil && !r.aborted {
			r.finding, r.err = w.check(s, property, p)
			r.aborted = w.c.abort.Load() // two runs that were ended differ for no fault of the target
		}
	}
	r.took = time.Since(begun)
	return r
}

// properties are those that the program of a job is tried under besides conforms.
func (w *worker) properties(job int) (list []props.Property) {
	target, number := job%len(w.c.Targets), job/len(w.c.Targets)
	if t := w.c.Targets[target]; t.Others != nil {
		if w.alike[target].Check == nil {
			differential := props.Differential
			if t.Differential != nil {
				differential = t.Differential
			}
			w.alike[target] = differential(t.Others()...)
		}
		list = append(list, w.alike[target])
	}
	further := w.subject(target).Properties[1:] // the first is conforms
	if k := len(further); k > 0 && number%PropertyEvery == PropertyEvery-1 {
		list = append(list, further[number/PropertyEvery%k])
	}
	return list
}

func (w *worker) check(s *props.Subject, property props.Property, p prog.Program) (*props.Finding, error) {
	refuted, err := property.Check(s, &w.runner, p)
	if err != nil || refuted == nil {
		return nil, err
	}
	return &props.Finding{Property: property.Name, Target: s.Target, Program: p, Refutation: refuted}, nil
}

func (w *worker) subject(target int) *props.Subject {
	if w.subjects[target] == nil {
		w.subjects[target] = w.c.Targets[target].New()
	}
	return w.subjects[target]
}

// Program is the program of that number of a campaign on a target: a mutation of one of the seeds, or, when there are
// none, a program generated in a swarm of its own.
func Program(s *props.Subject, seed uint64, number int, seeds []prog.Program) prog.Program {
	src := source(s, seed, number)
	if len(seeds) == 0 {
		return s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), s.Spec.Length(src))
	}
	return s.Spec.Mutate(src, seeds[number%len(seeds)])
}

func source(s *props.Subject, seed uint64, number int) *rand.Rand {
	name := fnv.New64a()
	name.Write([]byte(s.Target))
	return rand.New(rand.NewPCG(seed^name.Sum64(), uint64(number)))
}
