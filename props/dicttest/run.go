package dicttest

import (
	"testing"
	"time"

	"heapfuzz/props"
	"heapfuzz/props/suite"
)

// Option changes what a suite does.
type Option func(*config)

// Promise tells what the dict promises beyond that a key holds the value that was set last.
func Promise(c Contract) Option { return func(o *config) { o.contract = c } }

// PromiseCache tells what the cache promises beyond its capacity.
func PromiseCache(c CacheContract) Option { return func(o *config) { o.cache = c } }

// Programs sets how many programs Test runs for each property; Run leaves that to the flag -rapid.checks. 200 by
// default.
func Programs(n int) Option { return func(o *config) { o.Programs = n } }

// Seed sets the seed of Test's programs and of Bench's. The environment's HEAPFUZZ_SEED goes before it. 1 by default.
func Seed(n uint64) Option { return func(o *config) { o.Seed = n } }

// Named sets the name under which reports speak of the target.
func Named(name string) Option { return func(o *config) { o.name = name } }

// InWorld opens stores of dicts in the small worlds that programs ask for, in place of the suite's open.
func InWorld(open Opener) Option { return func(o *config) { o.open = open } }

// InCacheWorld opens caches in the small worlds that programs ask for, in place of the suite's open.
func InCacheWorld(open CacheOpener) Option { return func(o *config) { o.openCache = open } }

// Patience sets how long an operation may take, or at most twice as long, before the suite ends the process, since it
// will not return. A minute by default.
func Patience(d time.Duration) Option { return func(o *config) { o.Patience = d } }

// config is what the options of one use of the suite say.
type config struct {
	suite.Options
	name      string
	contract  Contract
	cache     CacheContract
	open      Opener
	openCache CacheOpener
}

func configure(options []Option) *config {
	c := &config{Options: suite.Defaults(), name: "dict", contract: Contract{Retained: -1}}
	for _, o := range options {
		o(c)
	}
	return c
}

// Each makes a store of a function that makes dicts.
type Each func(capacity int) Dict

// New makes a dict.
func (f Each) New(capacity int) Dict { return f(capacity) }

func dicts(open func(capacity int) Dict, options []Option) (*config, *props.Subject) {
	c := configure(options)
	if c.open == nil {
		c.open = func(World) (Store, error) { return Each(open), nil }
	}
	return c, Subject(c.name, c.contract, c.open)
}

func caches(open func(capacity int) Cache, options []Option) (*config, *props.Subject) {
	c := configure(append([]Option{Named("cache")}, options...))
	if c.openCache == nil {
		c.openCache = func(w CacheWorld) (Cache, error) { return open(w.Capacity), nil }
	}
	return c, CacheSubject(c.name, c.cache, c.openCache)
}

// Test drives the dicts that open makes with random programs and returns an error that holds the report of the first
// finding, minimized; nil when no rule was broken. It needs no testing.T, and runs the same programs each time.
// Capacity is for how many entries there should be room, 0 as many as the dict likes.
func Test(open func(capacity int) Dict, options ...Option) error {
	c, s := dicts(open, options)
	return c.Test(s)
}

// Run tests the dicts that open makes, with a subtest for each property. Programs are drawn through rapid, so that its
// flags and environment work (-rapid.checks, -rapid.seed); what fails is shrunk by the engine, which knows what an
// operation is. What Run finds it keeps in testdata/heapfuzz beside the test, and tries first from then on.
func Run(t *testing.T, open func(capacity int) Dict, options ...Option) {
	t.Helper()
	c, s := dicts(open, options)
	c.Run(t, s)
}

// Fuzz makes f a fuzz target whose inputs are programs in bytes. Run it with -fuzzminimizetime=1x: the engine's own
// minimizer is the better one.
func Fuzz(f *testing.F, open func(capacity int) Dict, options ...Option) {
	f.Helper()
	c, s := dicts(open, options)
	c.Fuzz(f, s)
}

// Bench measures a random program with every answer judged.
func Bench(b *testing.B, open func(capacity int) Dict, options ...Option) {
	b.Helper()
	c, s := dicts(open, options)
	c.Bench(b, s)
}

// TestCache is Test for caches of a capacity.
func TestCache(open func(capacity int) Cache, options ...Option) error {
	c, s := caches(open, options)
	return c.Test(s)
}

// RunCache is Run for caches of a capacity.
func RunCache(t *testing.T, open func(capacity int) Cache, options ...Option) {
	t.Helper()
	c, s := caches(open, options)
	c.Run(t, s)
}

// FuzzCache is Fuzz for caches of a capacity.
func FuzzCache(f *testing.F, open func(capacity int) Cache, options ...Option) {
	f.Helper()
	c, s := caches(open, options)
	c.Fuzz(f, s)
}

// BenchCache is Bench for caches of a capacity.
func BenchCache(b *testing.B, open func(capacity int) Cache, options ...Option) {
	b.Helper()
	c, s := caches(open, options)
	c.Bench(b, s)
}
