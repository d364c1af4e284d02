package heaptest

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

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Option changes what a suite does.
type Option func(*suite)

// Promise tells what the allocator promises beyond blocks that do not overlap and keep their bytes. Without it requests
// for 0 bytes may be answered with nil, nothing is promised of addresses or of misuse, and no footprint is too large.
func Promise(c Contract) Option { return func(s *suite) { s.contract = c } }

// Programs sets how many programs Test runs for each property; Run leaves that to the flag -rapid.checks. 200 by
// default.
func Programs(n int) Option { return func(s *suite) { s.programs = n } }

// Seed sets the seed of Test's programs and of Bench's. The environment's HEAPFUZZ_SEED goes before it. 1 by default.
func Seed(n uint64) Option { return func(s *suite) { s.seed = n } }

// Named sets the name under which reports speak of the allocator.
func Named(name string) Option { return func(s *suite) { s.name = name } }

// InWorld opens the allocator in the small worlds that programs ask for, in place of the suite's open.
func InWorld(open Opener) Option { return func(s *suite) { s.open = open } }

// Patience sets how long one program may take before the suite ends the process, since it will not return. A minute by
// default.
func Patience(d time.Duration) Option { return func(s *suite) { s.patience = d } }

type suite struct {
	patience time.Duration
	name     string
	contract Contract
	programs int
	seed     uint64
	open     Opener
}

func newSuite(open func() Allocator, options []Option) (*suite, error) {
	s := &suite{
		name:     "allocator",
		contract: Contract{ZeroNil: true, Retained: -1},
		programs: 200,
		seed:     1,
		open:     func(World) (Allocator, error) { return open(), nil },
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

// Test drives the allocators that open makes with random programs and returns an error that holds the report of the
// first finding, minimized; nil when no rule was broken. It needs no testing.T, and runs the same programs each time.
func Test(open func() Allocator, options ...Option) error {
	s, err := newSuite(open, options)
	if err != nil {
		return err
	}
	subject := s.subject()
	r := s.runner()
	for _, p := range props.All() {
		src := rand.New(rand.NewPCG(s.seed, 0))
		for range s.programs {
			program := generate(subject, src)
			report, _, err := s.try(subject, &r, p, program, "", fmt.Sprintf("HEAPFUZZ_SEED=%d", s.seed))
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

func (s *suite) runner() props.Runner { return props.Runner{OnHang: hang, Patience: s.patience} }

// hang ends the process of a target that does not return, with the program that shows it.
func hang(s *props.Subject, p prog.Program) {
	panic(fmt.Sprintf("run/alive: %s does not return from this program:\n%s", s.Target, s.Spec.Format(p)))
}

// try checks one property on one program. A finding comes back minimized, as its report and its signature. Its
// reproducer goes into the folder keep, if there is one; otherwise the report holds the whole of it.
func (s *suite) try(subject *props.Subject, r *props.Runner, p props.Property, program prog.Program,
	keep, seed string) (report, sign string, err error) {
	refuted, err := p.Check(subject, r, program)
	if err != nil || refuted == nil {
		return "", "", err
	}
	f := &props.Finding{Property: p.Name, Target: s.name, Program: program, Refutation: refuted}
	small, stats := props.Minimize(subject, p, f, props.MinimizeOptions{})
	options := props.ReportOptions{Stats: &stats, Seed: seed, Full: true}
	if keep != "" {
		if path, err := props.WriteRepro(keep, subject, small); err == nil {
			options.Full, options.Replay = false, "go test; Run tries what stands in "+path+" first"
		} else {
			options.Replay = "not kept: " + err.Error()
		}
	}
	var b strings.Builder
	if err := props.Report(&b, subject, small, options); err != nil {
		return "", "", err
	}
	return b.String(), small.Signature(), nil
}

// found is the folder, beside the test, in which Run keeps the reproducers of what it finds. They are tried first from
// then on, so that a defect that was mended stays so; commit them or delete them.
const found = "testdata/heapfuzz"

// again replays what was found before.
func (s *suite) again(t *testing.T, subject *props.Subject) {
	files, err := filepath.Glob(found + "/*.txt")
	if err != nil || len(files) == 0 {
		return
	}
	for _, file := range files {
		t.Run("found/"+filepath.Base(file), func(t *testing.T) {
			repro, err := props.ReadRepro(Lang.Spec, file)
			if err != nil {
				t.Fatal(err)
			}
			p := props.Conforms
			for _, other := range props.All() {
				if other.Name == repro.Property {
					p = other
				}
			}
			r := s.runner()
			report, sign, err := s.try(subject, &r, p, repro.Program, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if report != "" {
				t.Log("\n" + report)
				t.Fatal(sign)
			}
		})
	}
}

// Run tests the allocators that open makes, with a subtest for each property. Programs are drawn through rapid, so that
// its flags and environment work (-rapid.checks, -rapid.seed); what fails is shrunk by the engine, which knows what an
// operation is.
func Run(t *testing.T, open func() Allocator, options ...Option) {
	t.Helper()
	s, err := newSuite(open, options)
	if err != nil {
		t.Fatal(err)
	}
	subject := s.subject()
	leaveShrinking()
	s.again(t, subject)
	for _, p := range props.All() {
		t.Run(p.Name, func(t *testing.T) {
			r := s.runner()
			reports := map[string]string{} // by signature: rapid runs a failure again to see that it is one
			defer func() {
				for _, report := range reports {
					t.Log("\n" + report)
				}
			}()
			rapid.Check(t, func(rt *rapid.T) {
				program := generate(subject, choices(rt))
				report, sign, err := s.try(subject, &r, p, program, found, "")
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
func Fuzz(f *testing.F, open func() Allocator, options ...Option) {
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
	r := s.runner()
	f.Fuzz(func(t *testing.T, data []byte) {
		report, sign, err := s.try(subject, &r, props.Conforms, Lang.Decode(data), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if report != "" {
			t.Log("\n" + report)
			t.Fatal(sign)
		}
	})
}

// Bench measures the allocators that open makes: op=pair takes and frees one block at a time, op=churn replaces a
// random one of 4096 live blocks, op=program runs a random program with every answer judged.
func Bench(b *testing.B, open func() Allocator, options ...Option) {
	s, err := newSuite(open, options)
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []uintptr{16, 64, 512, 4096} {
		b.Run(fmt.Sprintf("op=pair/size=%d", size), func(b *testing.B) {
			a := s.mustOpen(b)
			b.ReportAllocs()
			for b.Loop() {
				a.Free(a.Alloc(size))
			}
		})
	}
	b.Run("op=churn/size=1..512", func(b *testing.B) { s.churn(b, s.mustOpen(b)) })
	b.Run("op=program", func(b *testing.B) {
		subject := s.subject()
		src := rand.New(rand.NewPCG(s.seed, 0))
		program := subject.Spec.Generate(src, subject.Spec.NewMix(src, subject.Allows), 1000)
		r := s.runner()
		for b.Loop() {
			if _, err := r.Run(subject, program); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(program.Ops)), "ns/operation")
	})
}

func (s *suite) mustOpen(b *testing.B) Allocator {
	a, err := s.open(World{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if c, ok := a.(heap.Closer); ok {
			c.Close()
		}
	})
	return a
}

func (s *suite) churn(b *testing.B, a Allocator) {
	const live = 4096
	rnd := rand.New(rand.NewPCG(s.seed, 0))
	var blocks [live]ptr
	for i := range blocks {
		blocks[i] = a.Alloc(1 + uintptr(rnd.UintN(512)))
	}
	b.ReportAllocs()
	for b.Loop() {
		i := rnd.UintN(live)
		a.Free(blocks[i])
		blocks[i] = a.Alloc(1 + uintptr(rnd.UintN(512)))
	}
}
