package campaign

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spoiled is a target whose answers are those of the reference, but for what spoil does to them.
func spoiled(name string, spoil func(prog.Op, prog.Outcome) prog.Outcome) Target {
	return Target{Name: name, New: func() *props.Subject {
		s := heaptest.Subject(name, heap.ReferenceContract, func(heaptest.World) (heaptest.Allocator, error) {
			return heap.NewReference(), nil
		})
		inner := s.Open
		s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			t, j, err := inner(w)
			return answering{t, spoil}, j, err
		}
		s.Picture, s.Damage = nil, nil
		s.Properties = s.Properties[:1]
		// Large blocks take most of the time, and nothing is to be seen here that needs them.
		s.Allows = func(k prog.Kind) bool { return slices.Contains(kinds, s.Spec.Info(k).Name) }
		return s
	}}
}

var kinds = []string{"alloc", "free", "realloc", "verify", "drain"}

type answering struct {
	props.Target
	spoil func(prog.Op, prog.Outcome) prog.Outcome
}

func (a answering) Do(op prog.Op) prog.Outcome { return a.spoil(op, a.Target.Do(op)) }

func right(_ prog.Op, out prog.Outcome) prog.Outcome { return out }

// misaligned breaks heap/aligned for a size that one program in some has.
func misaligned(op prog.Op, out prog.Outcome) prog.Outcome {
	if heaptest.Lang.Info(op.Kind).Name == "alloc" && op.Args[0] == 384 && out.Addr != 0 {
		out.Addr++
	}
	return out
}

func mustRun(t *testing.T, cfg Config) Result {
	t.Helper()
	res, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestWorkersDoNotChangeWhatIsFound(t *testing.T) {
	targets := []Target{spoiled("a", right), spoiled("b", misaligned), spoiled("c", misaligned)}
	for _, keepGoing := range []bool{false, true} {
		var want Result
		for _, workers := range []int{1, 2, 7} {
			got := mustRun(t, Config{Targets: targets, Seed: 5, Programs: 60, Workers: workers, KeepGoing: keepGoing,
				Epoch: 8})
			if workers == 1 {
				want = got
				continue
			}
			for i, v := range got.Verdicts {
				w := want.Verdicts[i]
				if v.Programs != w.Programs || v.Answers != w.Answers || v.Broken != w.Broken ||
					v.Coverage != w.Coverage || v.Live != w.Live || v.Bred != w.Bred ||
					!reflect.DeepEqual(v.Meter, w.Meter) {
					t.Errorf("%d workers, keep going %v: %+v where one worker gives %+v", workers, keepGoing, v, w)
				}
				if len(v.Findings) != len(w.Findings) {
					t.Fatalf("%d workers find %v on %s, one finds %v", workers, v.Findings, v.Target, w.Findings)
				}
				for k, f := range v.Findings {
					if !f.Program.Equal(w.Findings[k].Program) {
						t.Errorf("%d workers find another program on %s", workers, v.Target)
					}
				}
			}
		}
		if n := len(want.Verdicts[1].Findings); keepGoing && n != 1 {
			t.Errorf("%d findings of one signature, want 1", n)
		}
	}
}

// A target is given the same programs beside others as on its own.
func TestProgramsDoNotDependOnOtherTargets(t *testing.T) {
	b := spoiled("b", misaligned)
	alone := mustRun(t, Config{Targets: []Target{b}, Seed: 5, Programs: 40, KeepGoing: true})
	beside := mustRun(t, Config{Targets: []Target{spoiled("a", right), b}, Seed: 5, Programs: 40, KeepGoing: true})
	if alone.Verdicts[0].Answers != beside.Verdicts[1].Answers {
		t.Errorf("%v alone, %v beside another", alone.Verdicts[0].Answers, beside.Verdicts[1].Answers)
	}
}

// TestOthersAnswerAlike compares every program with what another target answers to it.
func TestOthersAnswerAlike(t *testing.T) {
	forgets := spoiled("forgets", func(op prog.Op, out prog.Outcome) prog.Outcome {
		if heaptest.Lang.Info(op.Kind).Name == "free" && op.Args[0]%8 == 7 {
			out.Value = 1
		}
		return out
	})
	for _, other := range []Target{spoiled("b", right), forgets} {
		a := spoiled("a", right)
		a.Others = func() []*props.Subject {
			s := other.New()
			inner := s.Open
			s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
				t, _, err := inner(w)
				return t, lax{}, err // what a model sees is not the business of the comparison
			}
			return []*props.Subject{s}
		}
		var one Verdict
		for _, workers := range []int{1, 3} {
			cfg := Config{Targets: []Target{a}, Seed: 5, Programs: 20, Workers: workers, KeepGoing: true}
			v := mustRun(t, cfg).Verdicts[0]
			if workers == 1 {
				one = v
			}
			if v.Broken != one.Broken || (v.Broken > 0) != (other.Name == "forgets") {
				t.Errorf("%s: %d workers: %d programs are answered in another way", other.Name, workers, v.Broken)
			}
			if len(v.Findings) > 0 && v.Findings[0].Signature() != "differential: meta/differential forgets free" {
				t.Error(v.Findings[0].Signature())
			}
		}
	}
}

// lax lets every answer pass.
type lax struct{}

func (lax) Step(prog.Op, prog.Outcome) *model.Violation { return nil }

func TestFirstFindingStops(t *testing.T) {
	var found []*props.Finding
	res := mustRun(t, Config{Targets: []Target{spoiled("b", misaligned)}, Seed: 5, Duration: time.Minute, Workers: 3,
		Found: func(f *props.Finding) error { found = append(found, f); return nil }})
	if len(found) != 1 || found[0].Signature() != "conforms: heap/aligned" || res.Verdicts[0].Broken != 1 {
		t.Fatalf("found %v, verdict %+v", found, res.Verdicts[0])
	}
	r, err := new(props.Runner).Run(spoiled("b", misaligned).New(), found[0].Program)
	if err != nil || r.Violation == nil || r.Violation.Rule != heap.Aligned {
		t.Errorf("the program of the finding gives %v, %v", r.Violation, err)
	}
}

func TestFoundMayStop(t *testing.T) {
	full := errors.New("no space left")
	_, err := Run(t.Context(), Config{Targets: []Target{spoiled("b", misaligned)}, Seed: 5, Workers: 2, KeepGoing: true,
		Found: func(*props.Finding) error { return full }})
	if err != full {
		t.Errorf("got %v, want the error of Found", err)
	}
}

func TestOpenErrorEnds(t *testing.T) {
	broken := errors.New("no such device")
	target := Target{Name: "broken", New: func() *props.Subject {
		open := func(heaptest.World) (heaptest.Allocator, error) { return nil, broken }
		return heaptest.Subject("broken", heap.Contract{}, open)
	}}
	if _, err := Run(t.Context(), Config{Targets: []Target{target}, Workers: 2}); !errors.Is(err, broken) {
		t.Errorf("got %v, want that it cannot be opened", err)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	slow := spoiled("slow", func(_ prog.Op, out prog.Outcome) prog.Outcome {
		time.Sleep(5 * time.Millisecond)
		return out
	})
	time.AfterFunc(50*time.Millisecond, cancel)
	begun := time.Now()
	res, err := Run(ctx, Config{Targets: []Target{slow}, Workers: 2})
	if err != nil || !res.Interrupted {
		t.Errorf("interrupted %v, error %v", res.Interrupted, err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v to stop: programs that run are to end at their next operation", took)
	}
}

func TestDuration(t *testing.T) {
	res := mustRun(t, Config{Targets: []Target{spoiled("a", right)}, Workers: 2,
		Duration: 100 * time.Millisecond, Tick: 10 * time.Millisecond,
		Progress: func(p Progress) {
			if len(p.Verdicts) != 1 {
				t.Errorf("progress of %d targets", len(p.Verdicts))
			}
		}})
	if res.Interrupted || res.Verdicts[0].Programs == 0 || res.Verdicts[0].Coverage == 0 {
		t.Errorf("%+v", res)
	}
}

func TestHang(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int64
	hangs := spoiled("hangs", func(_ prog.Op, out prog.Outcome) prog.Outcome {
		if asked.Add(1) == 30 {
			<-release
		}
		return out
	})
	var found *props.Finding
	res, err := Run(t.Context(), Config{Targets: []Target{hangs}, Seed: 1, Hang: 50 * time.Millisecond,
		Found: func(f *props.Finding) error { found = f; return nil }})
	close(release) // goleak sees to it that the worker that was left behind ends
	if err != nil || !res.Hung || found == nil {
		t.Fatalf("hung %v, finding %v, error %v", res.Hung, found, err)
	}
	if got := found.Signature(); got != "conforms: run/alive hang" || len(found.Trace) != found.At+1 {
		t.Errorf("%s at %d with %d answers", got, found.At, len(found.Trace))
	}
}

// A target that works for ever is found by what it works; by the clock only where it has no time to work.
func TestSpins(t *testing.T) {
	var release atomic.Bool
	var asked atomic.Int64
	spins := spoiled("spins", func(_ prog.Op, out prog.Outcome) prog.Outcome {
		for last := asked.Add(1) == 30; last && !release.Load(); {
		}
		return out
	})
	const limit = 200 * time.Millisecond
	var found *props.Finding
	begun, worked := time.Now(), CPUTime()
	res, err := Run(t.Context(), Config{Targets: []Target{spins}, Seed: 1, Hang: limit,
		Found: func(f *props.Finding) error {
			found = f
			if took := time.Since(begun); CPUTime()-worked < limit && took < wallFactor*limit {
				t.Errorf("it is told after %v of work, and %v", CPUTime()-worked, took)
			}
			return nil
		}})
	release.Store(true)
	if err != nil || !res.Hung || found == nil || found.Signature() != "conforms: run/alive hang" {
		t.Fatalf("hung %v, finding %v, error %v", res.Hung, found, err)
	}
}

// A target whose programs take long, as on a loaded machine, is not told to hang while it answers; nor is one whose
// answer takes longer than the limit, while nothing works.
func TestSlow(t *testing.T) {
	const limit, many = 100 * time.Millisecond, 600 // answers that take a millisecond or more
	var asked atomic.Int64
	slow := spoiled("slow", func(_ prog.Op, out prog.Outcome) prog.Outcome {
		switch n := asked.Add(1); {
		case n%100 == 0 && n <= many:
			time.Sleep(2 * limit)
		case n <= many:
			time.Sleep(time.Millisecond)
		}
		return out
	})
	s := slow.New()
	seed := prog.Program{Ops: make([]prog.Op, 2*many)} // one program that takes longer than any silence may
	for i := range seed.Ops {
		seed.Ops[i].Kind = s.Spec.MustParse("usage").Ops[0].Kind
	}
	res := mustRun(t, Config{Targets: []Target{slow}, Seed: 1, Programs: 1, Hang: limit, Seeds: []prog.Program{seed}})
	if res.Hung || res.Verdicts[0].Busy < wallFactor*limit {
		t.Errorf("hung %v after %d operations and %v", res.Hung, asked.Load(), res.Verdicts[0].Busy)
	}
}

func TestSeedsAreMutated(t *testing.T) {
	s := spoiled("a", right).New()
	seed := s.Spec.MustParse(strings.Repeat("p0 = alloc size=100\nfree p0\n", 20))
	same := 0
	for i := range 20 {
		p := Program(s, 1, i, []prog.Program{seed})
		if p.Equal(seed) {
			same++
		}
		if !p.Equal(Program(s, 1, i, []prog.Program{seed})) {
			t.Fatal("a program differs from itself")
		}
	}
	if same > 10 {
		t.Errorf("%d of 20 mutations change nothing", same)
	}
}

// TestPropertiesInTurn counts under which properties the programs of a target are tried: every PropertyEvery-th under
// one besides conforms, in turn.
func TestPropertiesInTurn(t *testing.T) {
	var tried [3]atomic.Int32
	target := spoiled("a", right)
	inner := target.New
	target.New = func() *props.Subject {
		s := inner()
		for i, name := range []string{"one", "two", "three"} {
			check := func(*props.Subject, *props.Runner, prog.Program) (*props.Refutation, error) {
				tried[i].Add(1)
				return nil, nil
			}
			s.Properties = append(s.Properties[:1+i:1+i], props.Property{Name: name, Check: check})
		}
		return s
	}
	mustRun(t, Config{Targets: []Target{target}, Seed: 5, Programs: 6 * PropertyEvery, Workers: 2})
	for i := range tried {
		if n := tried[i].Load(); n != 2 {
			t.Errorf("property %d was tried on %d programs, want 2", i, n)
		}
	}
}
