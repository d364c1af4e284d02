package props_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// The language of boxes: numbers in slots. Its target does nothing but remember them, and a test says when it goes
// wrong.
var boxes = prog.NewLang("boxes", boxSlots, []prog.Arg{{Name: "limit", Domain: boxFew}}, []prog.Row[any, *boxTarget]{
	{Info: prog.Info{Name: "put", Role: prog.Make, Weight: 10, Args: []prog.Arg{{Name: "n", Domain: boxNumbers}}}},
	{Info: prog.Info{Name: "put-pair", Role: prog.Make, Weight: 3, Args: []prog.Arg{
		{Name: "n", Domain: boxNumbers}, {Name: "m", Domain: boxNumbers}}}},
	{Info: prog.Info{Name: "take", Role: prog.Kill, Weight: 8, Args: []prog.Arg{boxArg}}},
	{Info: prog.Info{Name: "change", Role: prog.Use, Weight: 5, Args: []prog.Arg{boxArg, {Name: "n",
		Domain: boxNumbers}}}},
	{Info: prog.Info{Name: "pour", Role: prog.Use, Weight: 2, Args: []prog.Arg{boxArg, boxArg}}},
	{Info: prog.Info{Name: "count", Weight: 2}},
	{Info: prog.Info{Name: "clear", Role: prog.KillAll, Weight: 1}},
})

var (
	boxSlots   = &prog.Domain{Name: "slot", Near: 7, Max: 63, IsSlot: true}
	boxArg     = prog.Arg{Name: "p", Domain: boxSlots}
	boxFew     = &prog.Domain{Name: "few", Near: 3, Max: 15}
	boxNumbers = &prog.Domain{Name: "number", Near: 40, Max: 9999, Edges: []uint64{15, 16, 17, 511, 512, 513, 1 << 40}}
)

// boxTarget holds the numbers of live slots. After each operation that was not skipped, wrong tells whether that was
// one too many.
type boxTarget struct {
	world [prog.ArgsMax]uint64
	live  map[prog.Slot]uint64
	done  []string // names of operations that had an effect
	wrong func(*boxTarget, prog.Op) bool
	hears func(*boxTarget, prog.Op, *prog.Outcome)
}

func (b *boxTarget) Close() error { return nil }

func (b *boxTarget) Do(op prog.Op) (out prog.Outcome) {
	info := boxes.Info(op.Kind)
	slot := prog.Slot(op.Args[0])
	n, alive := b.live[slot]
	_, defined := b.live[op.Def]
	switch info.Role {
	case prog.Make:
		if defined {
			return prog.Outcome{Status: prog.Skip}
		}
		b.live[op.Def] = op.Args[0]
	case prog.Kill, prog.Use:
		into, both := b.live[prog.Slot(op.Args[1])]
		switch {
		case !alive || info.Name == "pour" && !both:
			return prog.Outcome{Status: prog.Skip}
		case info.Role == prog.Kill:
			delete(b.live, slot)
			out.Value = n
		case info.Name == "pour" && slot != prog.Slot(op.Args[1]):
			b.live[slot], b.live[prog.Slot(op.Args[1])] = 0, into+n
		case info.Name == "change":
			b.live[slot] = op.Args[1]
		}
	case prog.KillAll:
		clear(b.live)
	case prog.Observe:
		out.Value = uint64(len(b.live))
	}
	b.done = append(b.done, info.Name)
	if b.hears != nil {
		b.hears(b, op, &out)
	}
	if b.wrong != nil && b.wrong(b, op) {
		out.Status = prog.Fail
	}
	return out
}

var boxRule = &model.Invariant{Name: "boxes/right", Doc: "nothing is wrong with the boxes"}

type boxJudge struct{}

func (boxJudge) Step(op prog.Op, out prog.Outcome) *model.Violation {
	if out.Status == prog.Fail {
		return boxRule.Breach("wrong after %s", boxes.FormatOp(op))
	}
	return nil
}

func boxSubject(wrong func(*boxTarget, prog.Op) bool) *props.Subject {
	return hearing(wrong, nil)
}

// hearing is a subject whose answers hears changes.
func hearing(wrong func(*boxTarget, prog.Op) bool, hears func(*boxTarget, prog.Op, *prog.Outcome)) *props.Subject {
	return &props.Subject{Target: "boxes", Spec: boxes.Spec,
		Open: func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			return &boxTarget{world: w, live: map[prog.Slot]uint64{}, wrong: wrong, hears: hears}, boxJudge{}, nil
		}}
}

func (b *boxTarget) has(names ...string) bool {
	at := 0
	for _, name := range b.done {
		if at < len(names) && name == names[at] {
			at++
		}
	}
	return at == len(names)
}

// count counts the live boxes of which it is true.
func (b *boxTarget) count(is func(uint64) bool) (n int) {
	for _, v := range b.live {
		if is(v) {
			n++
		}
	}
	return n
}

var shrinkings = []struct {
	name    string
	wrong   func(*boxTarget, prog.Op) bool
	program string
	want    string
	why     string
}{
	{"anything", func(*boxTarget, prog.Op) bool { return true },
		"p9 = put n=88\ncount\n", "p0 = put n=0\n", "the first operation is enough, whatever its number"},
	{"boundary", func(b *boxTarget, _ prog.Op) bool { return b.count(func(n uint64) bool { return n > 512 }) > 0 },
		"count\np3 = put n=1099511627776\n", "p0 = put n=513\n", "down to the edge"},
	{"between edges", func(b *boxTarget, _ prog.Op) bool {
		return b.count(func(n uint64) bool {
			return n >= 300
		}) > 0
	},
		"p3 = put n=9000\n", "p0 = put n=300\n", "down from the edge by halves"},
	{"window", func(b *boxTarget, _ prog.Op) bool {
		return b.count(func(n uint64) bool { return 700 <= n && n < 800 }) > 0
	}, "p3 = put n=777\n", "p0 = put n=700\n", "a window between two edges"},
	{"edges alone", func(b *boxTarget, _ prog.Op) bool {
		return b.count(func(n uint64) bool { return n > 9999 }) > 0
	}, "p3 = put n=1099511627776\n", "p0 = put n=1099511627776\n", "above Max there is only this one"},
	{"equals", func(b *boxTarget, _ prog.Op) bool {
		big := map[uint64]int{}
		for _, n := range b.live {
			big[n]++
		}
		for n, times := range big {
			if n >= 50 && times > 1 {
				return true
			}
		}
		return false
	}, "p0 = put n=900\ncount\np2 = put n=3\np1 = put n=900\n", "p0 = put n=50\np1 = put n=50\n",
		"neither of two equal numbers can go down alone"},
	{"unequal", func(b *boxTarget, _ prog.Op) bool {
		return b.count(func(n uint64) bool { return n >= 20 }) > 0 && b.count(func(n uint64) bool {
			return n > 5 && n < 20
		}) > 0
	}, "p0 = put n=700\np1 = put n=12\n", "p0 = put n=20\np1 = put n=6\n", "each to its own bound"},
	{"made at once", func(b *boxTarget, _ prog.Op) bool {
		return b.count(func(n uint64) bool { return n == 77 }) > 0
	}, "p0 = put-pair n=1 m=4\nchange p0 n=5\nchange p0 n=77\n", "p0 = put n=77\n", "no change is needed to get there"},
	{"not at once", func(b *boxTarget, op prog.Op) bool {
		return b.has("change") && b.live[prog.Slot(op.Args[0])] == 77
	},
		"p0 = put-pair n=1 m=4\nchange p0 n=5\nchange p0 n=77\n", "p0 = put n=0\nchange p0 n=77\n",
		"a change is needed"},
	{"pairs", func(b *boxTarget, _ prog.Op) bool { return b.has("count") && len(b.done)%2 == 1 },
		"p0 = put n=1\np1 = put n=1\ntake p1\ntake p0\ncount\n", "count\n",
		"an odd number is needed: only pairs can go"},
	{"one that must not be there", func(b *boxTarget, _ prog.Op) bool {
		return b.has("put", "take", "put", "count") && len(b.live) == 1
	},
		"p0 = put n=1\ncount\ntake p0\np1 = put n=1\ncount\n", "p0 = put n=0\ntake p0\np1 = put n=0\ncount\n",
		"the first box has to be taken again"},
	{"two slots", func(b *boxTarget, _ prog.Op) bool { return b.has("pour") },
		"p7 = put n=1\np5 = put n=8\np3 = put n=9\npour p5 p3\n", "p0 = put n=0\np1 = put n=0\npour p0 p1\n",
		"slots are renumbered wherever they stand; one would do, but no operation is rewritten to say so"},
	{"world", func(b *boxTarget, _ prog.Op) bool { return b.world[0] > 2 && len(b.live) > 0 },
		"world limit=15\np7 = put n=1\n", "world limit=3\np0 = put n=0\n", "the world's numbers are numbers too"},
	{"order", func(b *boxTarget, _ prog.Op) bool { return b.has("put", "take", "put", "clear", "count") },
		"count\np1 = put n=3\nclear\ntake p1\np1 = put n=3\n" +
			"take p1\nclear\np1 = put n=7\ncount\nclear\np2 = put n=1\ncount\n",
		"p0 = put n=0\ntake p0\np0 = put n=0\nclear\ncount\n", "one of each, in order"},
}

func TestShrinkings(t *testing.T) {
	for _, tt := range shrinkings {
		t.Run(tt.name, func(t *testing.T) {
			s := boxSubject(tt.wrong)
			f := find(t, s, s.Spec.MustParse(tt.program))
			if f == nil {
				t.Fatal("the defect does not show")
			}
			small, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			if got := string(s.Spec.Format(small.Program)); got != tt.want {
				t.Errorf("%s; got\n%swant\n%s", tt.why, got, tt.want)
			}
			if !stats.Minimal || stats.Flaky {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}

// The certificate is what it says: whatever program a defect is found in, no operation of the result can go, and no
// number be one less.
func TestCertificate(t *testing.T) {
	for _, tt := range shrinkings {
		s := boxSubject(tt.wrong)
		src := rand.New(rand.NewPCG(11, 1))
		for range 30 {
			f := find(t, s, s.Spec.Generate(src, s.Spec.NewMix(src, nil), 80))
			if f == nil {
				continue
			}
			small, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
			if !stats.Minimal {
				t.Fatalf("%s: no certificate after %d runs", tt.name, stats.Runs)
			}
			for i, op := range small.Program.Ops {
				p := small.Program.Clone()
				p.Ops = slices.Delete(p.Ops, i, i+1)
				if find(t, s, p) != nil {
					t.Errorf("%s: operation %d of\n%scan go", tt.name, i, s.Spec.Format(small.Program))
				}
				for k, a := range s.Spec.Rows[op.Kind].Args {
					if n := op.Args[k]; !a.Domain.IsSlot && n > 0 && a.Domain.Contains(n-1) {
						p := small.Program.Clone()
						p.Ops[i].Args[k]--
						if find(t, s, p) != nil {
							t.Errorf("%s: %s of operation %d can be less:\n%s", tt.name, a.Name, i,
								s.Spec.Format(small.Program))
						}
					}
				}
			}
			again, _ := props.Minimize(s, props.Conforms, small, props.MinimizeOptions{})
			if !again.Program.Equal(small.Program) {
				t.Errorf("%s: minimized again\n%sbecame\n%s", tt.name, s.Spec.Format(small.Program),
					s.Spec.Format(again.Program))
			}
		}
	}
}

// A finding that does not show again is handed back as it is, and nothing is certified.
func TestMinimizeFlaky(t *testing.T) {
	runs := 0
	s := boxSubject(func(*boxTarget, prog.Op) bool { runs++; return runs == 1 })
	f := find(t, s, s.Spec.MustParse("count\ncount\n"))
	small, stats := props.Minimize(s, props.Conforms, f, props.MinimizeOptions{})
	if small != f || !stats.Flaky || stats.Minimal || stats.Runs != 1 || stats.To != 2 {
		t.Errorf("stats %+v", stats)
	}
}

// No program runs twice, and a long one whose operations are mostly skipped is not walked one by one.
func TestMinimizeLong(t *testing.T) {
	seen := map[string]int{}
	s := boxSubject(func(b *boxTarget, _ prog.Op) bool { return b.has("clear", "put", "take") })
	property := props.Property{Name: "conforms", Check: func(s *props.Subject, r *props.Runner,
		p prog.Program) (*props.Refutation, error) {
		seen[string(s.Spec.Format(p))]++
		return props.Conforms.Check(s, r, p)
	}}
	text := strings.Repeat("take p1\np2 = put n=4\ncount\ntake p3\n",
		500) + "clear\n" + strings.Repeat("p4 = put n=3\n", 9) + "take p4\n"
	f := find(t, s, s.Spec.MustParse(text))
	small, stats := props.Minimize(s, property, f, props.MinimizeOptions{})
	if got, want := string(s.Spec.Format(small.Program)), "clear\np0 = put n=0\ntake p0\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	last := string(s.Spec.Format(small.Program))
	for text, n := range seen {
		if n > 1 && !(text == last && n == 2) { // the result runs once more, for its picture
			t.Errorf("a program ran %d times:\n%s", n, text)
		}
	}
	if stats.Runs > 100 || stats.From != 2011 {
		t.Errorf("stats %+v, want 100 runs at most", stats)
	}
	if len(seen) != stats.Runs {
		t.Errorf("%d programs were run, the statistics say %d", len(seen), stats.Runs)
	}
}
