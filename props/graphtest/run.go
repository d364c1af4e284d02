package graphtest

import (
	"testing"
	"time"

	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/suite"
)

// Option changes what a suite does.
type Option func(*config)

// Promise tells what the heap promises beyond that nothing reachable dies and fields keep what was stored in them.
func Promise(c Contract) Option { return func(o *config) { o.contract = c } }

// Programs sets how many programs Test runs for each property; Run leaves that to the flag -rapid.checks. 200 by
// default.
func Programs(n int) Option { return func(o *config) { o.Programs = n } }

// Seed sets the seed of Test's programs and of Bench's. The environment's HEAPFUZZ_SEED goes before it. 1 by default.
func Seed(n uint64) Option { return func(o *config) { o.Seed = n } }

// Named sets the name under which reports speak of the heap.
func Named(name string) Option { return func(o *config) { o.name = name } }

// InWorld opens the heap in the small worlds that programs ask for, in place of the suite's open.
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

func configure(open func() Heap, options []Option) *config {
	c := &config{
		Options:  suite.Defaults(),
		name:     "heap",
		contract: Contract{Retained: -1},
		open:     func(World) (Heap, error) { return open(), nil },
	}
	for _, o := range options {
		o(c)
	}
	return c
}

func (c *config) subject() *props.Subject { return Subject(c.name, c.contract, c.open) }

// Test drives the heaps that open makes with random programs and returns an error that holds the report of the
// first finding, minimized; nil when no rule was broken. It needs no testing.T, and runs the same programs each time.
func Test(open func() Heap, options ...Option) error {
	c := configure(open, options)
	return c.Test(c.subject())
}

// Run tests the heaps that open makes, with a subtest for each property. Programs are drawn through rapid, so that
// its flags and environment work (-rapid.checks, -rapid.seed); what fails is shrunk by the engine, which knows what an
// operation is. What Run finds it keeps in testdata/heapfuzz beside the test, and tries first from then on.
func Run(t *testing.T, open func() Heap, options ...Option) {
	t.Helper()
	c := configure(open, options)
	c.Run(t, c.subject())
}

// Fuzz makes f a fuzz target whose inputs are programs in bytes. Run it with -fuzzminimizetime=1x: the engine's own
// minimizer is the better one.
func Fuzz(f *testing.F, open func() Heap, options ...Option) {
	f.Helper()
	c := configure(open, options)
	c.Fuzz(f, c.subject())
}

// Bench measures the heaps that open makes: op=pair makes an object and gives it up, op=cycle makes two that refer to
// each other, gives both up and collects the youngest generation, op=program runs a random program with every answer
// judged.
func Bench(b *testing.B, open func() Heap, options ...Option) {
	c := configure(open, options)
	b.Run("op=pair", func(b *testing.B) {
		h := c.mustOpen(b)
		b.ReportAllocs()
		for b.Loop() {
			h.Unroot(h.New(graph.Node, 2))
		}
	})
	b.Run("op=cycle", func(b *testing.B) {
		h := c.mustOpen(b)
		b.ReportAllocs()
		for b.Loop() {
			x, y := h.New(graph.Node, 1), h.New(graph.Node, 1)
			h.SetField(x, 0, y)
			h.SetField(y, 0, x)
			h.Unroot(x)
			h.Unroot(y)
			h.Collect(0)
		}
	})
	c.Bench(b, c.subject())
}

func (c *config) mustOpen(b *testing.B) Heap {
	h, err := c.open(World{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if c, ok := h.(graph.Closer); ok {
			c.Close()
		}
	})
	return h
}
