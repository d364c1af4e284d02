package fuzz

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// engine is what the fuzz functions of one language share: it tries the program that bytes mean on one target. Opening
// all targets at every execution would make ten slow ones of a fast one, and coverage of one target would drown in that
// of the others; so the first byte, which Decode ignores, says which target is tried. A mutator that changes it takes
// the program to another.
type engine struct {
	spec     *prog.Spec
	subjects []*props.Subject
	meters   []props.Meter // by subject: of the run that is tried; see branch
	sums     []props.Meter // by subject: of all runs; see sum
	branches branches
	runner   props.Runner
	program  prog.Program // its operations are used again
	reports  map[string]string

	executions int
	sumsName   string // of the file of sums; "" before it was written
}

// opsMax bounds the programs of engines: mutators like long inputs, and an engine that does one execution a second
// finds nothing.
const opsMax = 2048

// newEngine returns an engine for all targets of a language, or for the one that HEAPFUZZ_TARGET names.
func newEngine(language string) (*engine, error) {
	l, err := LanguageOf(language)
	if err != nil {
		return nil, err
	}
	e := &engine{spec: l.Spec, reports: map[string]string{}}
	if name := os.Getenv("HEAPFUZZ_TARGET"); name != "" {
		t, err := Lookup(name)
		if err != nil {
			return nil, err
		}
		if t.Subject != l.Name {
			return nil, fmt.Errorf("HEAPFUZZ_TARGET=%s: this engine is for a %s, and that is a %s", name, l.Name,
				t.Subject)
		}
		e.subjects = []*props.Subject{t.New()}
	} else {
		for _, t := range l.targets {
			e.subjects = append(e.subjects, t.New())
		}
	}
	e.meters, e.sums = make([]props.Meter, len(e.subjects)), make([]props.Meter, len(e.subjects))
	e.branches = newBranches(e.subjects)
	return e, nil
}

// encode returns the bytes that mean p on the nth target.
func (e *engine) encode(n int, p prog.Program) []byte {
	data := e.spec.Encode(p)
	data[0] = byte(n % len(e.subjects))
	return data
}

// edgesEach is how many executions of an engine have one in which targets ask what no program can (Edges). That depends
// little on the program, and took a third of an engine's time: half of the worlds that random bytes mean have it.
const edgesEach = 64

// execute is try for engines. What is found with Edges is found by replay, which always has them.
//
// What is kept is not told to the engine. Go's and libFuzzer end at the first crasher, so that a defect which many
// programs show, be it new or long known, would leave them a second of an hour for all others.
func (e *engine) execute(data []byte) (f *props.Finding, effective bool, err error) {
	defer func(was bool) { Edges = was }(Edges)
	Edges = Edges && crc32.ChecksumIEEE(data)%edgesEach == 0
	f, effective, err = e.try(data)
	if keeps() != "" {
		f = nil
	}
	return f, effective, err
}

// keeps is the folder for what breaks a rule, "" without.
func keeps() string { return os.Getenv("HEAPFUZZ_KEEP") }

// try runs what data means. It returns nil when the target conforms; effective tells whether any operation did
// anything.
func (e *engine) try(data []byte) (f *props.Finding, effective bool, err error) {
	if len(data) < prog.RecordBytes {
		return nil, false, nil
	}
	e.spec.DecodeInto(&e.program, data[:min(len(data), prog.RecordBytes*(1+opsMax))])
	n := int(data[0]) % len(e.subjects)
	s := e.subjects[n]
	e.meters[n].Reset()
	e.runner.Meter = &e.meters[n]
	res, err := e.runner.Run(s, e.program)
	e.runner.Meter = nil
	branch(&e.meters[n], e.branches.number(n, s.Target, &e.meters[n]))
	summed := e.sum(n)
	if err != nil || res.Violation == nil {
		return nil, res.Effective > 0, errors.Join(err, summed)
	}
	refuted, err := props.Conforms.Check(s, &e.runner, e.program)
	if err != nil {
		return nil, true, err
	}
	if refuted == nil { // it happened once: a defect of its own kind
		refuted = &props.Refutation{Violation: res.Violation, At: res.At}
	}
	f = &props.Finding{
		Property: props.Conforms.Name, Target: s.Target, Program: e.program.Clone(), Refutation: refuted,
	}
	return f, true, errors.Join(e.keep(f), summed)
}

// keep writes a finding into the folder HEAPFUZZ_KEEP, if there is one: engines lose crashers when they are killed, or
// cannot be reached. Of each signature the shortest program is kept.
func (e *engine) keep(f *props.Finding) error {
	dir := keeps()
	if dir == "" {
		return nil
	}
	name := fmt.Sprintf("%x.txt", sha256.Sum256([]byte(f.Target+" "+f.Signature())))[48:]
	path := filepath.Join(dir, name)
	if old, err := props.ReadRepro(e.spec, path); err == nil && len(old.Program.Ops) <= len(f.Program.Ops) {
		return nil
	}
	return props.WriteWhole(path, props.ReproOf(f).Text(e.spec))
}

// report returns the report of the finding, minimized. Engines minimize as well, and try a defect a hundred times: only
// the first of each signature is worth the time.
func (e *engine) report(f *props.Finding) string {
	sign := f.Target + " " + f.Signature()
	if text, ok := e.reports[sign]; ok {
		return text
	}
	for _, s := range e.subjects {
		if s.Target != f.Target {
			continue
		}
		small, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{RunsMax: 1000})
		var b strings.Builder
		if err := props.Report(&b, s, small, props.ReportOptions{Stats: &stats}); err != nil {
			return err.Error()
		}
		e.reports[sign] = f.Target + "\n" + b.String()
	}
	return e.reports[sign]
}
