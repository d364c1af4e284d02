package prog

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawn is a Source of rapid's draws.
type drawn struct{ t *rapid.T }

func (d drawn) Uint64() uint64 { return rapid.Uint64().Draw(d.t, "u") }
func (d drawn) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.t, "n") }

// generateAll calls f with programs of the usual lengths in mixes of their own.
func generateAll(count int, f func(mix Mix, p Program)) {
	src := seeded(1)
	for range count {
		mix := toy.NewMix(src, nil)
		f(mix, toy.Generate(src, mix, Length(src)))
	}
}

func TestGenerateIsCanonical(t *testing.T) {
	generateAll(200, func(_ Mix, p Program) {
		if diff := cmp.Diff(toy.Canon(p), p); diff != "" {
			t.Fatalf("a number is out of its domain:\n%s", diff)
		}
	})
}

func TestGenerateFromRapid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawn{t}
		p := toy.Generate(src, toy.NewMix(src, nil), 30)
		if len(p.Ops) != 30 {
			t.Fatalf("%d operations", len(p.Ops))
		}
		if p := toy.Mutate(src, p); len(p.Ops) > LengthMax || !toy.Canon(p).Equal(p) {
			t.Fatalf("%s", toy.Format(p))
		}
	})
}

func TestGenerateIsDeterministic(t *testing.T) {
	for seed := range uint64(20) {
		var got [2]Program
		for i := range got {
			src := seeded(seed)
			got[i] = toy.Generate(src, toy.NewMix(src, nil), Length(src))
			got[i] = toy.Mutate(src, got[i])
		}
		if !got[0].Equal(got[1]) {
			t.Fatalf("seed %d has two programs", seed)
		}
	}
}

// TestGenerateEffective says that nine of ten operations act, and that those which do not are there.
func TestGenerateEffective(t *testing.T) {
	all, acts := 0, 0
	generateAll(1000, func(_ Mix, p Program) {
		st := newState(toy.tables())
		for _, op := range p.Ops {
			if st.effective(op) {
				acts++
			}
			st.apply(op)
		}
		all += len(p.Ops)
	})
	if share := 100 * float64(acts) / float64(all); share < 95 || share > 99 {
		t.Errorf("%.1f%% of %d operations act", share, all)
	}
}

func TestGenerateMixes(t *testing.T) {
	used, off, kinds := make([]int, len(toy.Rows)), 0, 0
	const count = 1000
	generateAll(count, func(mix Mix, p Program) {
		has := make([]bool, len(toy.Rows))
		for _, op := range p.Ops {
			has[op.Kind] = true
			if mix.Weights[op.Kind] == 0 {
				t.Fatalf("%s is switched off and there", toy.FormatOp(op))
			}
		}
		for k := range has {
			kinds++
			if mix.Weights[k] == 0 {
				off++
			}
			if has[k] {
				used[k]++
			}
		}
	})
	if off < kinds/5 || off > kinds*3/5 {
		t.Errorf("%d of %d kinds are switched off", off, kinds)
	}
	for k, n := range used {
		if never := toy.Rows[k].Weight == 0; never != (n == 0) {
			t.Errorf("%s is in %d of %d programs", toy.Rows[k].Name, n, count)
		}
	}
}

func TestNewMixAllows(t *testing.T) {
	src := seeded(1)
	for _, c := range []struct {
		reason string
		names  []string
		must   string
	}{
		{"a mix has what makes the first slot", []string{"alloc", "copy", "free", "check"}, "alloc"},
		{"a mix is not empty, even if it can make nothing", []string{"check"}, "check"},
	} {
		for range 200 {
			mix := toy.NewMix(src, func(k Kind) bool { return slices.Contains(c.names, toy.Rows[k].Name) })
			for k, w := range mix.Weights {
				name := toy.Rows[k].Name
				if w > 0 && !slices.Contains(c.names, name) || w == 0 && name == c.must {
					t.Fatalf("%s: %s has weight %d", c.reason, name, w)
				}
			}
			if p := toy.Generate(src, mix, 50); len(p.Ops) != 50 {
				t.Fatalf("%s: %d operations", c.reason, len(p.Ops))
			}
		}
	}
	none := toy.NewMix(src, func(Kind) bool { return false })
	for _, mix := range []Mix{none, {}} {
		if p := toy.Generate(src, mix, 50); len(p.Ops) != 0 {
			t.Errorf("nothing is allowed, and there are %d operations", len(p.Ops))
		}
	}
}

// TestGenerateFull says that a mix which can only make ends when all slots are taken, and that one which can also look
// goes on.
func TestGenerateFull(t *testing.T) {
	small := &Domain{Name: "slot", Near: 3, Max: 7, IsSlot: true}
	s := &Spec{Name: "small", Slots: small, Rows: []Info{
		{Name: "alloc", Role: Make, Weight: 1}, {Name: "check", Weight: 1},
		{Name: "free", Role: Kill, Weight: 1, Args: []Arg{{"p", small}}}}}
	for range 50 {
		src := seeded(1)
		p := s.Generate(src, Mix{Weights: []int{1, 0, 0}}, 1000)
		made := make([]bool, 8)
		for _, op := range p.Ops {
			made[op.Def] = true
		}
		if len(p.Ops) > 30 || slices.Contains(made, false) {
			t.Fatalf("%d operations, slots %v", len(p.Ops), made)
		}
		for _, weights := range [][]int{{1, 1, 0}, {1, 0, 1}, {1, 1, 1}} {
			if p := s.Generate(src, Mix{Weights: weights}, 1000); len(p.Ops) != 1000 {
				t.Fatalf("%d operations", len(p.Ops))
			}
		}
	}
}

func TestLength(t *testing.T) {
	src, lengths := seeded(1), make([]int, 10_000)
	for i := range lengths {
		lengths[i] = Length(src)
	}
	slices.Sort(lengths)
	if lengths[0] != LengthMin || lengths[9999] > LengthMax || lengths[9999] < 9000 {
		t.Errorf("from %d to %d", lengths[0], lengths[9999])
	}
	if median := lengths[5000]; median < 100 || median > 200 {
		t.Errorf("the median is %d", median)
	}
	if tail := lengths[8900]; tail < 1000 {
		t.Errorf("nine of ten are shorter than %d", tail)
	}
}

// TestGeneratePhases says that the phases get where uniform mixes do not: many live slots, none after many, long runs
// of one kind and of one number.
func TestGeneratePhases(t *testing.T) {
	var long, crowded, drained, monotone, oneClass int
	generateAll(3000, func(_ Mix, p Program) {
		if len(p.Ops) < 2000 {
			return
		}
		long++
		st, most, again := newState(toy.tables()), 0, false
		kinds, sizes, maxKinds, maxSizes := 0, 0, 0, 0
		size := uint64(0)
		for i, op := range p.Ops {
			st.apply(op)
			most = max(most, len(st.live))
			again = again || most > 200 && len(st.live) == 0
			if kinds++; i > 0 && op.Kind != p.Ops[i-1].Kind {
				kinds = 1
			}
			maxKinds = max(maxKinds, kinds)
			if op.Kind == toy.Kind("alloc") {
				if sizes++; op.Args[0] != size {
					sizes, size = 1, op.Args[0]
				}
				maxSizes = max(maxSizes, sizes)
			}
		}
		crowded += b2i(most > 1000)
		drained += b2i(again)
		monotone += b2i(maxKinds > 100)
		oneClass += b2i(maxSizes > 10)
	})
	t.Logf("of %d long programs %d were crowded, %d drained, %d had a run of a kind, %d one of a size",
		long, crowded, drained, monotone, oneClass)
	for _, n := range []int{crowded, drained, monotone, oneClass} {
		if n*20 < long {
			t.Errorf("of %d long programs only %d got there", long, n)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestGenerateNumbers says that edges are hit often, in all and each of them, and that all size ranges are there.
func TestGenerateNumbers(t *testing.T) {
	d := toy.Rows[0].Args[0].Domain
	all, onEdge, edges, ranges := 0, 0, make([]int, len(d.Edges)), make([]int, 65)
	worlds, zero := 0, 0
	generateAll(1000, func(_ Mix, p Program) {
		worlds++
		zero += b2i(p.World == [3]uint64{})
		for _, op := range p.Ops {
			if op.Kind != toy.Kind("alloc") {
				continue
			}
			all++
			ranges[sizeRange(op.Args[0])]++
			if i := slices.Index(d.Edges, op.Args[0]); i >= 0 {
				onEdge++
				edges[i]++
			}
		}
	})
	if share := 100 * onEdge / all; share < 25 || share > 80 {
		t.Errorf("%d%% of the sizes are edges", share)
	}
	for i, n := range edges {
		if n*1000 < all {
			t.Errorf("edge %d is hit %d times of %d", d.Edges[i], n, all)
		}
	}
	for k, n := range ranges[:17] {
		if n*500 < all {
			t.Errorf("the sizes of %d bits come %d times of %d", k, n, all)
		}
	}
	if zero*3 < worlds || zero*3 > worlds*2 {
		t.Errorf("%d of %d worlds are all 0", zero, worlds)
	}
}

// TestGenerateFaults says that a fault does not outlast faultMax operations, unless the program ends before, and that
// faults are there.
func TestGenerateFaults(t *testing.T) {
	oom, faults := toy.Kind("oom"), 0
	generateAll(300, func(_ Mix, p Program) {
		since := -1
		for i, op := range p.Ops {
			switch {
			case op == Op{Kind: oom}:
				since = -1
			case op.Kind == oom:
				since = i
				faults++
			case since >= 0 && i-since > faultMax+1:
				t.Fatalf("operation %d comes %d after a fault:\n%s", i, i-since, toy.Format(p))
			}
		}
	})
	if faults < 300 {
		t.Errorf("%d faults in 300 programs", faults)
	}
}

// TestGenerateWithoutSlots generates for a subject that has keys and no slots, such as a cache.
func TestGenerateWithoutSlots(t *testing.T) {
	key := Arg{"key", &Domain{Name: "key", Near: 7, Max: 1000}}
	s := &Spec{Name: "cache", World: []Arg{{"capacity", &Domain{Name: "capacity", Near: 3, Max: 100}}}, Rows: []Info{
		{Name: "get", Weight: 5, Args: []Arg{key}}, {Name: "put", Role: Set, Weight: 5, Args: []Arg{key}},
		{Name: "clear", Role: KillAll, Weight: 1}}}
	src, kinds, worlds := seeded(1), make([]int, 3), 0
	for range 100 {
		p := s.Generate(src, s.NewMix(src, nil), 100)
		if len(p.Ops) != 100 || !s.Decode(s.Encode(p)).Equal(p) {
			t.Fatalf("%s", s.Format(p))
		}
		if q := s.Mutate(src, p); len(q.Ops) > LengthMax || !s.Renumber(q).Equal(q) {
			t.Fatalf("%s", s.Format(q))
		}
		for _, op := range p.Ops {
			kinds[op.Kind]++
		}
		worlds += b2i(p.World[0] > 0)
	}
	if slices.Min(kinds) == 0 || worlds < 20 {
		t.Errorf("kinds %v, %d small worlds", kinds, worlds)
	}
}

// TestGenerateOrders says that blocks are given back in the order of the slots, in the reverse order and in others.
func TestGenerateOrders(t *testing.T) {
	var up, down, skips, programs int
	src := seeded(1)
	for range 300 {
		mix := toy.Uniform(func(k Kind) bool { return toy.Rows[k].Role == Make || toy.Rows[k].Role == Kill })
		var ups, downs, twos, last int
		for _, op := range toy.Generate(src, mix, 1000).Ops {
			if toy.Rows[op.Kind].Role != Kill {
				continue
			}
			p := int(op.Args[0])
			ups, downs, twos = ups+b2i(p == last+1), downs+b2i(p == last-1), twos+b2i(p == last+2 || p == last+3)
			last = p
		}
		up, down, skips, programs = up+b2i(ups > 50), down+b2i(downs > 50), skips+b2i(twos > 50), programs+1
	}
	t.Logf("of %d programs %d free upwards, %d downwards, %d every other", programs, up, down, skips)
	for _, n := range []int{up, down, skips} {
		if n*50 < programs {
			t.Errorf("of %d programs only %d", programs, n)
		}
	}
}
