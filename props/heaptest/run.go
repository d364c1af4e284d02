package heaptest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/suite"
)

// Option changes what a suite does.
type Option func(*config)

// Promise tells what the allocator promises beyond blocks that do not overlap and keep their bytes. Without it requests
// for 0 bytes may be answered with nil, nothing is promised of addresses or of misuse, and no footprint is too large.
func Promise(c Contract) Option { return func(o *config) { o.contract = c } }

// Programs sets how many programs Test runs for each property; Run leaves that to the flag -rapid.checks. 200 by
// default.
func Programs(n int) Option { return func(o *config) { o.Programs = n } }

// Seed sets the seed of Test's programs and of Bench's. The environment's HEAPFUZZ_SEED goes before it. 1 by default.
func Seed(n uint64) Option { return func(o *config) { o.Seed = n } }

// Named sets the name under which reports speak of the allocator.
func Named(name string) Option { return func(o *config) { o.name = name } }

// InWorld opens the allocator in the small worlds that programs ask for, in place of the suite's open.
func InWorld(open Opener) Option { return func(o *config) { o.open = open } }

// Patience sets how long an operation may take, or at most twice as long, before the suite ends the process, since it
// will not return. A minute by default.
func Patience(d time.Duration) Option { return func(o *config) { o.Patience = d } }

// config is what the options of one use of the suite say.
type config struct {
	suite.Options
	name     string
	contract Contract
	open     Opener
}

func configure(open func() Allocator, options []Option) *config {
	c := &config{
		Options:  suite.Defaults(),
		name:     "allocator",
		contract: Contract{ZeroNil: true, Retained: -1},
		open:     func(World) (Allocator, error) { return open(), nil },
	}
	for _, o := range options {
		o(c)
	}
	return c
}

func (c *config) subject() *props.Subject { return Subject(c.name, c.contract, c.open) }

// Test drives the allocators that open makes with random programs and returns an error that holds the report of the
// first finding, minimized; nil when no rule was broken. It needs no testing.T, and runs the same programs each time.
func Test(open func() Allocator, options ...Option) error {
	c := configure(open, options)
	return c.Test(c.subject())
}

// Run tests the allocators that open makes, with a subtest for each property. Programs are drawn through rapid, so that
// its flags and environment work (-rapid.checks, -rapid.seed); what fails is shrunk by the engine, which knows what an
// operation is. What Run finds it keeps in testdata/heapfuzz beside the test, and tries first from then on.
func Run(t *testing.T, open func() Allocator, options ...Option) {
	t.Helper()
	c := configure(open, options)
	c.Run(t, c.subject())
}

// Fuzz makes f a fuzz target whose inputs are programs in bytes. Run it with -fuzzminimizetime=1x: the engine's own
// minimizer is the better one.
func Fuzz(f *testing.F, open func() Allocator, options ...Option) {
	f.Helper()
	c := configure(open, options)
	c.Fuzz(f, c.subject())
}

// Bench measures the allocators that open makes: op=pair takes and frees one block at a time, op=churn replaces a
// random one of 4096 live blocks, op=program runs a random program with every answer judged.
func Bench(b *testing.B, open func() Allocator, options ...Option) {
	c := configure(open, options)
	for _, size := range []uintptr{16, 64, 512, 4096} {
		b.Run(fmt.Sprintf("op=pair/size=%d", size), func(b *testing.B) {
			a := c.mustOpen(b)
			b.ReportAllocs()
			for b.Loop() {
				a.Free(a.Alloc(size))
			}
		})
	}
	b.Run("op=churn/size=1..512", func(b *testing.B) { c.churn(b, c.mustOpen(b)) })
	c.Bench(b, c.subject())
}

func (c *config) mustOpen(b *testing.B) Allocator {
	a, err := c.open(World{})
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

func (c *config) churn(b *testing.B, a Allocator) {
	const live = 4096
	seed, err := c.SeedNow()
	if err != nil {
		b.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
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
