package fuzz

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// The workload of BenchmarkEngine: blocks of up to smallMax bytes, of which no more than crowdMax live at once, that
// are made, freed, resized and verified.
const (
	smallMax = 256
	crowdMax = 64
)

// nothing is a target whose answers are the same whatever it is asked: what is left is the engine's own cost.
type nothing struct{}

func (nothing) Do(prog.Op) prog.Outcome { return prog.Outcome{} }
func (nothing) Close() error            { return nil }

type anything struct{}

func (anything) Step(prog.Op, prog.Outcome) *model.Violation { return nil }

// idling is a target that does nothing, with a judge that accepts anything.
func idling() *props.Subject {
	s := heaptest.Subject("nothing", heap.Contract{}, nil)
	s.Open = func([prog.ArgsMax]uint64) (props.Target, props.Judge, error) { return nothing{}, anything{}, nil }
	return s
}

// TestRunnerAllocatesNothing: a Runner that has its buffers runs programs without garbage.
func TestRunnerAllocatesNothing(t *testing.T) {
	s, p, r := idling(), smallProgram(1000), props.Runner{}
	var failed error
	if n := testing.AllocsPerRun(100, func() {
		res, err := r.Run(s, p)
		if failed = err; res.Violation != nil {
			failed = res.Violation
		}
	}); n != 0 || failed != nil {
		t.Errorf("%v allocations a program: %v", n, failed)
	}
}

// BenchmarkEngine measures model-checked operations a second in process on one core, with the bytes of each block
// verified: by the Runner of package props, by rapid's own state machine on the same target and model, and by a plain
// loop that has no model. `target=nothing` is the cost of the Runner itself.
func BenchmarkEngine(b *testing.B) {
	b.Run("engine=runner/target=nothing", func(b *testing.B) { runEngine(b, idling()) })
	for _, name := range []string{"reference", "slab", "arena-3.11"} {
		t, err := Lookup(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("engine=runner/target="+name, func(b *testing.B) { runEngine(b, t.New()) })
		b.Run("engine=rapid/target="+name, func(b *testing.B) { rapidEngine(b, t) })
		b.Run("engine=loop/target="+name, func(b *testing.B) { loopEngine(b, t) })
	}
}

// perSecond reports operations.
func perSecond(b *testing.B, operations int) {
	b.ReportMetric(float64(operations)/b.Elapsed().Seconds(), "operations/s")
}

// smallProgram is the workload as a program.
func smallProgram(n int) prog.Program {
	alloc, free := heaptest.Lang.Kind("alloc"), heaptest.Lang.Kind("free")
	realloc, verify := heaptest.Lang.Kind("realloc"), heaptest.Lang.Kind("verify")
	src := rand.New(rand.NewPCG(1, 1))
	var p prog.Program
	live, dead := []uint64{}, []uint64{}
	for i := range uint64(crowdMax) {
		dead = append(dead, i)
	}
	for range n {
		size := 1 + src.Uint64N(smallMax)
		at := 0
		if len(live) > 0 {
			at = src.IntN(len(live))
		}
		switch k := src.IntN(16); {
		case len(live) == 0 || k < 6 && len(dead) > 0:
			slot := dead[len(dead)-1]
			live, dead = append(live, slot), dead[:len(dead)-1]
			p.Ops = append(p.Ops, prog.Op{Kind: alloc, Def: prog.Slot(slot), Args: [3]uint64{size}})
		case k < 12:
			p.Ops = append(p.Ops, prog.Op{Kind: free, Args: [3]uint64{live[at]}})
			dead, live[at] = append(dead, live[at]), live[len(live)-1]
			live = live[:len(live)-1]
		case k < 14:
			p.Ops = append(p.Ops, prog.Op{Kind: realloc, Args: [3]uint64{live[at], size}})
		default:
			p.Ops = append(p.Ops, prog.Op{Kind: verify, Args: [3]uint64{live[at]}})
		}
	}
	return p
}

func runEngine(b *testing.B, s *props.Subject) {
	const n = 100_000
	p, r, done := smallProgram(n), props.Runner{}, 0
	b.ReportAllocs()
	used := processorTime(b)
	for b.Loop() {
		res, err := r.Run(s, p)
		if err != nil || res.Violation != nil {
			b.Fatal(err, res.Violation)
		}
		done += n
	}
	used = processorTime(b) - used
	b.ReportMetric(float64(used.Nanoseconds())/float64(done), "cpu-ns/operation")
	perSecond(b, done)
}

// rapidEngine has rapid draw every operation, for the same target and the same judge. Rapid has a hundred checks to a
// run.
func rapidEngine(b *testing.B, t Target) {
	alloc, free := heaptest.Lang.Kind("alloc"), heaptest.Lang.Kind("free")
	realloc, verify := heaptest.Lang.Kind("realloc"), heaptest.Lang.Kind("verify")
	slots, sizes := rapid.Uint64Range(0, crowdMax-1), rapid.Uint64Range(1, smallMax)
	s, done := t.New(), 0
	machine := func(rt *rapid.T) {
		target, judge, err := s.Open([prog.ArgsMax]uint64{})
		if err != nil {
			rt.Fatal(err)
		}
		ask := func(op prog.Op) {
			done++
			if v := judge.Step(op, target.Do(op)); v != nil {
				rt.Fatal(v)
			}
		}
		slot := func(rt *rapid.T) uint64 { return slots.Draw(rt, "slot") }
		size := func(rt *rapid.T) uint64 { return sizes.Draw(rt, "size") }
		rt.Repeat(map[string]func(*rapid.T){
			"alloc": func(rt *rapid.T) {
				ask(prog.Op{Kind: alloc, Def: prog.Slot(slot(rt)), Args: [3]uint64{size(rt)}})
			},
			"free":    func(rt *rapid.T) { ask(prog.Op{Kind: free, Args: [3]uint64{slot(rt)}}) },
			"realloc": func(rt *rapid.T) { ask(prog.Op{Kind: realloc, Args: [3]uint64{slot(rt), size(rt)}}) },
			"verify":  func(rt *rapid.T) { ask(prog.Op{Kind: verify, Args: [3]uint64{slot(rt)}}) },
		})
		target.Do(prog.Op{Kind: heaptest.Lang.Kind("drain")})
		if err := target.Close(); err != nil {
			rt.Fatal(err)
		}
	}
	for b.Loop() {
		rapid.Check(b, machine)
	}
	perSecond(b, done)
}

// loopEngine is what one writes by hand: random requests, each block filled with its number and looked at before it is
// given up, and no model of what overlaps.
func loopEngine(b *testing.B, t Target) {
	const n = 100_000
	fill := func(p unsafe.Pointer, size uintptr, x byte) {
		bytes := unsafe.Slice((*byte)(p), size)
		for i := range bytes {
			bytes[i] = x
		}
	}
	look := func(p unsafe.Pointer, size uintptr, x byte) {
		for _, got := range unsafe.Slice((*byte)(p), size) {
			if got != x {
				b.Fatal("damage")
			}
		}
	}
	done, used := 0, processorTime(b)
	for b.Loop() {
		a, err := t.Open(heaptest.World{})
		if err != nil {
			b.Fatal(err)
		}
		src := rand.New(rand.NewPCG(1, 1))
		var blocks [crowdMax]unsafe.Pointer
		var sizes [crowdMax]uintptr
		for i := range n {
			at := src.IntN(crowdMax)
			if blocks[at] != nil {
				look(blocks[at], sizes[at], byte(at))
				a.Free(blocks[at])
				blocks[at] = nil
				continue
			}
			sizes[at] = uintptr(1 + src.Uint64N(smallMax))
			if blocks[at] = a.Alloc(sizes[at]); blocks[at] == nil {
				b.Fatal("no memory at operation ", i)
			}
			fill(blocks[at], sizes[at], byte(at))
		}
		for _, p := range blocks {
			if p != nil {
				a.Free(p)
			}
		}
		if c, ok := a.(heap.Closer); ok {
			c.Close()
		}
		done += n
	}
	used = processorTime(b) - used
	b.ReportMetric(float64(used.Nanoseconds())/float64(done), "cpu-ns/operation")
	perSecond(b, done)
}

// BenchmarkTry measures executions of a coverage-guided engine's input: the bytes of a program of 64 operations on a
// target in its ordinary world, decoded, opened, run, judged and closed. The mean is that of few programs that touch
// many pages, the median that of an ordinary one. cpu-us is the time of the processor per execution, the kernel's and
// the collector's with it, which means the same on a machine that does other work as well.
func BenchmarkTry(b *testing.B) {
	for _, name := range []string{"reference", "slab", "arena-3.11", "graph-reference", "gc-3.12", "dict-reference"} {
		t, err := Lookup(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("target="+name, func(b *testing.B) {
			b.Setenv("HEAPFUZZ_TARGET", name)
			seldomCollect(b)
			e, err := newEngine(t.Subject)
			if err != nil {
				b.Fatal(err)
			}
			s, src := e.subjects[0], rand.New(rand.NewPCG(1, 1))
			var inputs [][]byte
			for range 64 {
				p := e.spec.Generate(src, e.spec.NewMix(src, s.Allows), 64)
				p.World = [prog.ArgsMax]uint64{}
				inputs = append(inputs, e.encode(0, p))
			}
			var took []time.Duration
			used := processorTime(b)
			for i := 0; b.Loop(); i++ {
				begun := time.Now()
				if f, _, err := e.execute(inputs[i%len(inputs)]); err != nil || f != nil {
					b.Fatal(err, f)
				}
				took = append(took, time.Since(begun))
			}
			used = processorTime(b) - used
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us")
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "executions/s")
			b.ReportMetric(1/took[len(took)/2].Seconds(), "median-executions/s")
		})
	}
}

// processorTime is what this process used so far, in user and kernel mode.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
