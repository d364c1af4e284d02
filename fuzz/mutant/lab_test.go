package mutant

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/recorded"
	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// The workers of these tests are this test again.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], `{"Targets"`) {
		for name, first := range badly {
			more[name] = func() *props.Subject { return spoilt(name, first) }
		}
		more["opens"] = func() *props.Subject {
			s := spoilt("opens", func() {})
			s.Open = func([prog.ArgsMax]uint64) (props.Target, props.Judge, error) { panic("not today") }
			return s
		}
		more["edgy world"] = func() *props.Subject {
			s := spoilt("edgy world", func() {})
			open := s.Open
			s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
				if fuzz.Edges && w[2] >= 16 { // the variant
					panic("beside programs")
				}
				return open(w)
			}
			return s
		}
		reached := true
		Work(Switch{Counts: make([]uint32, 1), Again: func() {}, Reached: &reached})
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// spoilt is the reference, with something that happens before it answers.
func spoilt(name string, first func()) *props.Subject {
	s := heaptest.Subject(name, heap.ReferenceContract, func(heaptest.World) (heaptest.Allocator, error) {
		return heap.NewReference(), nil
	})
	open := s.Open
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		t, j, err := open(w)
		return bad{t, first}, j, err
	}
	return s
}

type bad struct {
	props.Target
	first func()
}

func (b bad) Do(op prog.Op) prog.Outcome {
	b.first()
	return b.Target.Do(op)
}

var kept [][]byte

func crash() {
	go func() { panic("nobody recovers here") }()
	time.Sleep(time.Minute)
}

var badly = map[string]func(){
	"hangs": func() {
		for n := 0; ; n++ {
			kept = kept[:0]
		}
	},
	"crashes": crash,
	"hogs": func() {
		for {
			block := make([]byte, 1<<20)
			for i := range block {
				block[i] = 1
			}
			kept = append(kept, block)
		}
	},
	"edgy": func() {
		if fuzz.Edges {
			panic("beside programs")
		}
	},
	"crashes beside": func() {
		if fuzz.Edges {
			crash()
		}
	},
}

func labOf(t *testing.T) *lab {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &lab{program: program, dir: t.TempDir(), limits: Limits{Ops: 2000, CPU: CPUDefault,
		Hang: HangDefault, Memory: 256 << 20}} // under the race detector all takes ten times as long
}

// What runs away is killed, and how it ran away is told.
func TestRunaways(t *testing.T) {
	for _, tt := range []struct{ target, cause string }{
		{"hangs", causeHang}, {"crashes", causeCrash}, {"hogs", causeMemory},
	} {
		t.Run(tt.target, func(t *testing.T) {
			l := labOf(t)
			switch tt.target {
			case "hangs":
				l.limits.Hang = 200 * time.Millisecond
			case "hogs":
				l.limits.Hang = 10 * time.Second
			}
			got, err := l.try(context.Background(), "", []string{tt.target}, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := Kill{Rule: props.Alive.Name, Cause: tt.cause, Property: "conforms", Target: tt.target,
				Ops: got.Kill.Ops, Programs: got.Kill.Programs, Length: -1}
			if got.Kill != want || want.Programs == 0 {
				t.Errorf("got %+v, want %+v", got.Kill, want)
			}
		})
	}
}

// What panics while it is opened is found, and no program is needed to show it.
func TestOpening(t *testing.T) {
	got, err := labOf(t).try(context.Background(), "", []string{"opens"}, 1, 0)
	if err != nil || got.Kill.Rule != openRule || got.Kill.Length != 0 || got.Without.Rule != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is right survives; what is wrong is killed by its rule, minimized, and tried again without the rule.
func TestTry(t *testing.T) {
	l := labOf(t)
	l.limits.Ops = 20_000
	right, err := l.try(context.Background(), "", []string{"reference"}, 1, 0)
	if err != nil || right.Kill.Rule != "" || right.Late {
		t.Errorf("the reference: %+v, %v", right, err)
	}
	const name = "canary/pop-twice"
	if _, err := fuzz.Lookup(name); err != nil {
		t.Fatal(err)
	}
	wrong, err := l.try(context.Background(), "", []string{name}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if k := wrong.Kill; k.Rule == "" || k.Length <= 0 || k.Length > 8 || wrong.Without.Rule == k.Rule {
		t.Errorf("%s: %+v", name, wrong)
	}
	again, err := l.try(context.Background(), "", []string{name}, 1, 0)
	if err != nil || again.Kill != wrong.Kill || again.Reached != wrong.Reached { // how far it came till it hung varies
		t.Errorf("once %+v, then %+v, %v", wrong, again, err)
	}
	l.brief = true
	brief, err := l.try(context.Background(), "", []string{name}, 1, 0)
	wrong.Kill.Length, wrong.Without = -1, Kill{}
	if err != nil || brief != wrong {
		t.Errorf("%+v, %v, want what was found and no more: %+v", brief, err, wrong)
	}
	if _, err := l.try(context.Background(), "", []string{"nobody"}, 1, 0); err == nil {
		t.Error("a target that is not there is no error")
	}
}

// A target that breaks a rule without any mutant is told, and one that does not.
func TestControl(t *testing.T) {
	l := labOf(t)
	for _, tt := range []struct {
		target string
		right  bool
	}{{"reference", true}, {"canary/pop-twice", false}} {
		j := job{Targets: []string{tt.target}, Seed: 1, Budget: 20_000, Watch: true}
		answers, d, err := l.do(context.Background(), "watch", j, 0)
		if err != nil || d != nil || len(answers) != 1 {
			t.Fatalf("%s: %v, %v, %v", tt.target, answers, d, err)
		}
		if c := answers[0].Control; c.Target != tt.target || (c.Rule == "") != tt.right || c.Programs == 0 {
			t.Errorf("%+v, want right %v", c, tt.right)
		}
	}
}

// What goes wrong only where targets ask beside programs is found after the programs, and is said to be so.
func TestBeside(t *testing.T) {
	l := labOf(t)
	for name, rule := range map[string]string{
		"edgy": props.Alive.Name, "crashes beside": props.Alive.Name, "edgy world": openRule,
	} {
		got, err := l.try(context.Background(), "", []string{name}, 1, 0)
		if k := got.Kill; err != nil || !k.Beside || k.Rule != rule || k.Ops < l.limits.Ops {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A hunt in rounds tries a little of everything, and then all programs.
func TestRounds(t *testing.T) {
	const budget = 64_000
	for rounds, want := range map[bool][]float64{
		false: {1, 1. / 4, 0},
		true:  {1. / 64, 1. / 256, 0, 1, 1. / 4},
	} {
		h := hunt{subjects: []*props.Subject{spoilt("sound", func() {})}, seed: 1, budget: budget, rounds: rounds}
		h.runner.After = func(props.Target, int, prog.Op) *model.Violation {
			h.ops++
			return nil
		}
		var stages []stage
		var ops []uint64
		h.entering = func(s stage) { stages, ops = append(stages, s), append(ops, h.ops) }
		if k := h.run(); k.Rule != "" || h.trouble != nil {
			t.Fatalf("%+v, %v in the reference", k, h.trouble)
		}
		order := []stage{stagePrograms, stageBeside, stageRecordings, stagePrograms, stageBeside}
		if !slices.Equal(stages, order[:len(want)]) {
			t.Fatalf("rounds %v: stages %v", rounds, stages)
		}
		for i, n := range append(ops[1:], h.ops) {
			// The last program of a stage is not cut off.
			got, least := n-ops[i], uint64(want[i]*budget)
			if got < least || got > least+10_000 || (got > 0) != (least > 0) {
				t.Errorf("rounds %v: %d operations in stage %d, want %d", rounds, got, i, least)
			}
		}
	}
}

// A recording is replayed after the programs; what is answered otherwise is a kill that is not minimized, the same each
// time, and programs alone do not find it.
func TestReplay(t *testing.T) {
	l := labOf(t)
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	c := recorded.Canaries[0]
	j := job{Targets: []string{"reference"}, Seed: 1, Recordings: []string{c.Recording}, Root: root}
	right, err := l.hunt(context.Background(), "", j, 0)
	if err != nil || right.Kill.Rule != "" {
		t.Errorf("%s as it was answered: %+v, %v", c.Recording, right, err)
	}
	j.As = c.As
	wrong, err := l.hunt(context.Background(), "", j, 0)
	want := Kill{Rule: recorded.Answers.Name, Property: recorded.Property, Target: c.Recording, Length: -1,
		Ops: wrong.Kill.Ops, Programs: wrong.Kill.Programs}
	if err != nil || wrong.Kill != want || wrong.Kill.Ops <= l.limits.Ops || wrong.Without.Rule != "" {
		t.Errorf("%+v, %v, want %+v", wrong, err, want)
	}
	if again, err := l.hunt(context.Background(), "", j, 0); err != nil || again.Kill != wrong.Kill {
		t.Errorf("once %+v, then %+v, %v", wrong.Kill, again.Kill, err)
	}
	watch := job{Recordings: []string{"cache/lru"}, Root: root, Watch: true}
	answers, d, err := l.do(context.Background(), "watch", watch, 0)
	if err != nil || d != nil || len(answers) != 8 || answers[0].Control.Rule != "" || answers[0].Control.Ops != 10 {
		t.Errorf("watched: %+v, %v, %v", answers, d, err)
	}
}

// All stages of a hunt share one clock: slow programs leave the later ones their part, recordings too end by it, and
// what was cut off says so.
func TestClock(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	lru, err := recorded.Read(root, "cache/lru")
	if err != nil {
		t.Fatal(err)
	}
	const eighth = 10 // milliseconds, by a clock on which each program and each recording takes one
	for _, tt := range []struct {
		reason string
		rounds bool
		budget uint64
		late   [stages]bool
		until  []int // the eighth at which each stage ends; 0: before the first is over
	}{
		{"every stage is cut off", false, 1e9, [stages]bool{true, true, true}, []int{6, 7, 8}},
		{"and in rounds", true, 1e9, [stages]bool{true, true, true}, []int{1, 2, 3, 7, 8}},
		{"what is left is the next one's", true, 2e5, [stages]bool{true, true, true}, []int{0, 0, 3, 7, 8}},
		{"who is done is not late", false, 1, [stages]bool{stageRecordings: true}, []int{0, 0, 8}},
	} {
		h := hunt{subjects: []*props.Subject{spoilt("slow", func() {})}, seed: 1, budget: tt.budget, rounds: tt.rounds,
			limit: 8 * eighth * time.Millisecond, root: root, recordings: slices.Repeat([]string{lru[0].Name()}, 100)}
		h.runner.After = func(props.Target, int, prog.Op) *model.Violation {
			h.ops++
			return nil
		}
		h.clock = func() time.Duration { return time.Duration(h.next) * time.Millisecond }
		var ends []int
		h.entering = func(stage) { ends = append(ends, h.next) }
		if k := h.run(); k.Rule != "" || h.trouble != nil {
			t.Fatalf("%s: %+v, %v in the reference", tt.reason, k, h.trouble)
		}
		ends = append(ends[1:], h.next)
		for i, until := range tt.until {
			if over := ends[i] - until*eighth; over != 1 && (until > 0 || over > eighth) {
				t.Errorf("%s: stage %d ends after %d milliseconds", tt.reason, i, ends[i])
			}
		}
		if h.late != tt.late || !h.wasLate() {
			t.Errorf("%s: late are %v", tt.reason, h.late)
		}
	}
}
