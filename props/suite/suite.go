// Package suite is what the suites that outsiders import have in common: it drives one subject with random programs in
// `go test`. heaptest and its sisters say what a subject is, and add a constructor and options of their own:
//
//	type config struct {
//		suite.Options
//		contract Contract
//		open     Opener
//	}
//
//	func Run(t *testing.T, open func() Heap, options ...Option) {
//		t.Helper()
//		c := configure(open, options)
//		c.Run(t, c.subject())
//	}
//
// A finding comes as a report of the shortest program that shows it. Run keeps that program beside the test, in Found,
// and tries it first from then on. Programs that hardly did anything fail as run/vacuous: a target that refuses all
// breaks no rule.
package suite

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Options are those that every suite has; Defaults are where to begin.
type Options struct {
	Programs int           // that Test runs for each property; Run leaves that to the flag -rapid.checks
	Seed     uint64        // of Test's programs and of Bench's; the environment's HEAPFUZZ_SEED goes before it
	Patience time.Duration // how long there may be no answer before the process ends, as none will come; 0: a minute
}

// Defaults are the options of a suite that is not told otherwise.
func Defaults() Options { return Options{Programs: 200, Seed: 1} }

// SeedNow is the seed, or what the environment says in its place.
func (o Options) SeedNow() (uint64, error) {
	text := os.Getenv("HEAPFUZZ_SEED")
	if text == "" {
		return o.Seed, nil
	}
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("HEAPFUZZ_SEED: %w", err)
	}
	return n, nil
}

// Found is the folder, beside the test, in which Run keeps the reproducers of what it finds. They are tried first from
// then on, so that a defect that was mended stays so; commit them or delete them.
const Found = "testdata/heapfuzz"

// trial is one use of a suite on one subject.
type trial struct {
	subject *props.Subject
	runner  props.Runner
	meter   props.Meter // of what try ran under conforms
	seed    uint64
}

// begin makes a trial, which is not for concurrent use.
func (o Options) begin(s *props.Subject) (*trial, error) {
	seed, err := o.SeedNow()
	return &trial{subject: s, runner: props.Runner{OnHang: hang, Patience: o.Patience}, seed: seed}, err
}

// Test drives the subject with random programs and returns an error that holds the report of the first finding,
// minimized; nil when no rule was broken. A target on which most operations have no effect is an error as well
// (run/vacuous). It needs no testing.T, and runs the same programs each time.
func (o Options) Test(s *props.Subject) error {
	t, err := o.begin(s)
	if err != nil {
		return err
	}
	for _, p := range s.Properties {
		src := t.source()
		for range o.Programs {
			report, _, err := t.try(p, generate(s, src), "", fmt.Sprintf("HEAPFUZZ_SEED=%d", t.seed))
			if err != nil {
				return err
			}
			if report != "" {
				return errors.New(strings.TrimSuffix(report, "\n"))
			}
		}
		if v := t.vacuous(p); v != nil {
			return v
		}
	}
	return nil
}

// vacuous tells in what way the programs that were tried under p proved nothing, and nil when they did. Of an
// outsider's target it is asked that it does something, and not that it goes through all that it might.
func (t *trial) vacuous(p props.Property) error {
	if v := t.meter.Idle(); v != nil && p.Name == props.Conforms.Name {
		return fmt.Errorf("%s: %s: %s", t.subject.Target, v.Signature(), v.Detail)
	}
	return nil
}

func (t *trial) source() prog.Source { return rand.New(rand.NewPCG(t.seed, 0)) }

// generate makes one program, of a swarm of its own.
func generate(s *props.Subject, src prog.Source) prog.Program {
	return s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), s.Spec.Length(src))
}

// hang ends the process of a target that does not return, with the program that shows it.
func hang(s *props.Subject, p prog.Program) {
	panic(fmt.Sprintf("run/alive: %s does not return from this program:\n%s", s.Target, s.Spec.Format(p)))
}

// try checks one property on one program. A finding comes back minimized, as its report and its signature. Its
// reproducer goes into the folder keep, if there is one; otherwise the report holds the whole of it.
func (t *trial) try(p props.Property, program prog.Program, keep, seed string) (report, sign string, err error) {
	if p.Name == props.Conforms.Name {
		t.runner.Meter = &t.meter
	}
	refuted, err := p.Check(t.subject, &t.runner, program)
	t.runner.Meter = nil
	if err != nil || refuted == nil {
		return "", "", err
	}
	f := &props.Finding{Property: p.Name, Target: t.subject.Target, Program: program, Refutation: refuted}
	small, stats := props.Minimize(t.subject, p, f, props.MinimizeOptions{})
	options := props.ReportOptions{Stats: &stats, Seed: seed, Full: true}
	if keep != "" {
		if path, err := props.WriteRepro(keep, t.subject, small); err == nil {
			options.Full, options.Replay = false, "go test; Run tries what stands in "+path+" first"
		} else {
			options.Replay = "not kept: " + err.Error()
		}
	}
	var b strings.Builder
	if err := props.Report(&b, t.subject, small, options); err != nil {
		return "", "", err
	}
	return b.String(), small.Signature(), nil
}

// Run tests the subject, with a subtest for each property. Programs are drawn through rapid, so that its flags and
// environment work (-rapid.checks, -rapid.seed); what fails is shrunk by the engine, which knows what an operation is.
func (o Options) Run(t *testing.T, s *props.Subject) {
	t.Helper()
	if _, err := o.begin(s); err != nil {
		t.Fatal(err)
	}
	leaveShrinking()
	o.again(t, s)
	for _, p := range s.Properties {
		t.Run(p.Name, func(t *testing.T) { o.check(t, s, p) })
	}
}

func (o Options) check(t *testing.T, s *props.Subject, p props.Property) {
	trial, err := o.begin(s)
	if err != nil {
		t.Fatal(err)
	}
	reports := map[string]string{} // by signature: rapid runs a failure again to see that it is one
	defer func() {
		for _, report := range reports {
			t.Log("\n" + report)
		}
	}()
	rapid.Check(t, func(rt *rapid.T) {
		report, sign, err := trial.try(p, generate(s, choices(rt)), Found, "")
		if err != nil {
			rt.Fatal(err)
		}
		if report != "" {
			reports[sign] = report
			rt.Fatal(sign)
		}
	})
	if v := trial.vacuous(p); v != nil {
		t.Error(v)
	}
}

// again replays what was found before. A reproducer of a property that the subject does not have is one of Conforms.
// The tests of a package share the folder: what is in the language of another one's subject is left to that test.
func (o Options) again(t *testing.T, s *props.Subject) {
	files, err := filepath.Glob(Found + "/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run("found/"+filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			repro, err := props.ParseRepro(s.Spec, file, data)
			if err != nil && repro.Target != "" && repro.Target != s.Target {
				t.Skipf("found on %s, whose programs are not those of %s", repro.Target, s.Target)
			}
			if err != nil {
				t.Fatal(err)
			}
			p, ok := s.Property(repro.Property)
			if !ok {
				p = props.Conforms
			}
			trial, err := o.begin(s)
			if err != nil {
				t.Fatal(err)
			}
			trial.fatal(t, p, repro.Program)
		})
	}
}

// fatal tries one program, and fails the test with the report of what it finds.
func (t *trial) fatal(test *testing.T, p props.Property, program prog.Program) {
	test.Helper()
	report, sign, err := t.try(p, program, "", "")
	if err != nil {
		test.Fatal(err)
	}
	if report != "" {
		test.Log("\n" + report)
		test.Fatal(sign)
	}
}

// leaveShrinking tells rapid not to shrink: it would take numbers out of a stream, where Minimize takes out operations.
func leaveShrinking() {
	for name, value := range map[string]string{"rapid.shrinktime": "0s", "rapid.nofailfile": "true"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() == f.DefValue {
			_ = flag.Set(name, value)
		}
	}
}

// choices is a source of numbers whose seed rapid chose. Rapid's own numbers lean towards the small, which a generator
// that weighs its choices itself must not have.
func choices(t *rapid.T) prog.Source {
	seed := rapid.Uint64()
	return rand.New(rand.NewPCG(seed.Draw(t, "seed"), seed.Draw(t, "stream")))
}

// fuzzSeeds is the number of programs that an engine begins with.
const fuzzSeeds = 16

// Fuzz makes f a fuzz target whose inputs are programs in bytes. Run it with -fuzzminimizetime=1x: the engine's own
// minimizer is the better one.
func (o Options) Fuzz(f *testing.F, s *props.Subject) {
	f.Helper()
	trial, err := o.begin(s)
	if err != nil {
		f.Fatal(err)
	}
	src := trial.source()
	for range fuzzSeeds {
		f.Add(s.Spec.Encode(generate(s, src)))
	}
	f.Fuzz(func(t *testing.T, data []byte) { trial.fatal(t, props.Conforms, s.Spec.Decode(data)) })
}

// benchOps is the number of operations of the program that Bench runs.
const benchOps = 1000

// Bench measures op=program: a random program with every answer judged.
func (o Options) Bench(b *testing.B, s *props.Subject) {
	b.Run("op=program", func(b *testing.B) {
		trial, err := o.begin(s)
		if err != nil {
			b.Fatal(err)
		}
		src := trial.source()
		program := s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), benchOps)
		for b.Loop() {
			if _, err := trial.runner.Run(s, program); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(program.Ops)), "ns/operation")
	})
}
