package graphtest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Option changes what a suite does.
type Option func(*suite)

// Promise tells what the heap promises beyond that nothing reachable dies and fields keep what was stored in them.
func Promise(c Contract) Option { return func(s *suite) { s.contract = c } }

// Programs sets how many programs Test runs for each property; Run leaves that to the flag -rapid.checks. 200 by
// default.
func Programs(n int) Option { return func(s *suite) { s.programs = n } }

// Seed sets the seed of Test's programs. The environment's HEAPFUZZ_SEED goes before it. 1 by default.
func Seed(n uint64) Option { return func(s *suite) { s.seed = n } }

// Named sets the name under which reports speak of the heap.
func Named(name string) Option { return func(s *suite) { s.name = name } }

// InWorld opens the heap in the small worlds that programs ask for, in place of the suite's open.
func InWorld(open Opener) Option { return func(s *suite) { s.open = open } }

type suite struct {
	name     string
	contract Contract
	programs int
	seed     uint64
	open     Opener
}

func newSuite(open func() Heap, options []Option) (*suite, error) {
	s := &suite{
		name:     "heap",
		contract: Contract{Retained: -1},
		programs: 200,
		seed:     1,
		open:     func(World) (Heap, error) { return open(), nil },
	}
	for _, o := range options {
		o(s)
	}
	if text := os.Getenv("HEAPFUZZ_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			return nil, fmt.Errorf("HEAPFUZZ_SEED: %w", err)
		}
		s.seed = n
	}
	return s, nil
}

func (s *suite) subject() *props.Subject { return Subject(s.name, s.contract, s.open) }

// Test drives the heaps that open makes with random programs and returns an error that holds the report of the
// first finding, minimized; nil when no rule was broken. It needs no testing.T, and runs the same programs each time.
func Test(open func() Heap, options ...Option) error {
	s, err := newSuite(open, options)
	if err != nil {
		return err
	}
	subject := s.subject()
	r := props.Runner{OnHang: hang}
	for _, p := range Properties() {
		src := rand.New(rand.NewPCG(s.seed, 0))
		for range s.programs {
			program := generate(subject, src)
			report, _, err := s.try(subject, &r, p, program, fmt.Sprintf("HEAPFUZZ_SEED=%d", s.seed))
			if err != nil {
				return err
			}
			if report != "" {
				return errors.New(strings.TrimSuffix(report, "\n"))
			}
		}
	}
	return nil
}

// generate makes one program of a swarm of its own.
func generate(s *props.Subject, src prog.Source) prog.Program {
	return s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), prog.Length(src))
}

// hang ends the process of a target that does not return, with the program that shows it.
func hang(s *props.Subject, p prog.Program) {
	panic(fmt.Sprintf("run/alive: %s does not return from this program:\n%s", s.Target, s.Spec.Format(p)))
}

// try checks one property on one program. A finding comes back minimized, as its report and its signature.
func (s *suite) try(subject *props.Subject, r *props.Runner, p props.Property, program prog.Program, seed string) (
	report, sign string, err error) {
	refuted, err := p.Check(subject, r, program)
	if err != nil || refuted == nil {
		return "", "", err
	}
	f := &props.Finding{Property: p.Name, Target: s.name, Program: program, Refutation: refuted}
	small, stats := props.Minimize(subject, p, f, props.MinimizeOptions{})
	var b strings.Builder
	if err := props.Report(&b, subject, small, props.ReportOptions{Stats: &stats, Seed: seed}); err != nil {
		return "", "", err
	}
	return b.String(), small.Signature(), nil
}

// Run tests the heaps that open makes, with a subtest for each property. Programs are drawn through rapid, so that
// its flags and environment work (-rapid.checks, -rapid.seed); what fails is shrunk by the engine, which knows what an
// operation is.
func Run(t *testing.T, open func() Heap, options ...Option) {
	t.Helper()
	s, err := newSuite(open, options)
	if err != nil {
		t.Fatal(err)
	}
	subject := s.subject()
	leaveShrinking()
	for _, p := range Properties() {
		t.Run(p.Name, func(t *testing.T) {
			r := props.Runner{OnHang: hang}
			reports := map[string]string{} // by signature: rapid runs a failure again to see that it is one
			defer func() {
				for _, report := range reports {
					t.Log("\n" + report)
				}
			}()
			rapid.Check(t, func(rt *rapid.T) {
				program := generate(subject, choices(rt))
				report, sign, err := s.try(subject, &r, p, program, "")
				if err != nil {
					rt.Fatal(err)
				}
				if report != "" {
					reports[sign] = report
					rt.Fatal(sign)
				}
			})
		})
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

// Fuzz makes f a fuzz target whose inputs are programs in bytes. Run it with -fuzzminimizetime=1x: the engine's own
// minimizer is the better one.
func Fuzz(f *testing.F, open func() Heap, options ...Option) {
	f.Helper()
	s, err := newSuite(open, options)
	if err != nil {
		f.Fatal(err)
	}
	subject := s.subject()
	src := rand.New(rand.NewPCG(s.seed, 0))
	for range 16 {
		f.Add(Lang.Encode(generate(subject, src)))
	}
	r := props.Runner{OnHang: hang}
	f.Fuzz(func(t *testing.T, data []byte) {
		report, sign, err := s.try(subject, &r, props.Conforms, Lang.Decode(data), "")
		if err != nil {
			t.Fatal(err)
		}
		if report != "" {
			t.Log("\n" + report)
			t.Fatal(sign)
		}
	})
}
