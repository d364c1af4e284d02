package prog

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// toy is the language of the tests. It has every role, every shape of arguments and the extremes of domains, and no
// target.
var toy = func() *Spec {
	slot := &Domain{Name: "slot", Near: 31, Max: 4095, IsSlot: true}
	size := &Domain{Name: "size", Near: 64, Max: 1<<16 - 1, Edges: []uint64{
		0, 1, 15, 16, 17, 511, 512, 513, 4095, 4096, 4097, 1 << 20, 1<<63 - 1, 1 << 63, 1<<64 - 1}}
	align := &Domain{Name: "align", Edges: []uint64{1, 2, 4, 8, 16, 4096}}
	flag := &Domain{Name: "flag", Near: 1, Max: 1}
	offset := &Domain{Name: "offset", Near: 100_000, Max: 4<<20 - 1}
	p := Arg{"p", slot}
	return &Spec{
		Name:  "toy",
		Slots: slot,
		World: []Arg{{"limit", &Domain{Name: "limit", Near: 8, Max: 1000}}, {"skew", flag}},
		Rows: []Info{
			{Name: "alloc", Doc: "makes a block", Role: Make, Args: []Arg{{"size", size}}, Weight: 30},
			{Name: "aligned", Doc: "makes a block on a boundary", Role: Make, Args: []Arg{{"align", align},
				{"size", size}},
				Weight: 5},
			{Name: "copy", Doc: "makes a block like another", Role: Make, Args: []Arg{p}, Weight: 3},
			{Name: "free", Doc: "ends a block", Role: Kill, Args: []Arg{p}, Weight: 28},
			{Name: "realloc", Doc: "resizes a block", Role: Use, Args: []Arg{p, {"size", size}}, Weight: 10},
			{Name: "link", Doc: "points into another block", Role: Use, Args: []Arg{p, {"at", offset}, p}, Weight: 4},
			{Name: "peek", Doc: "looks at a byte", Args: []Arg{{"at", offset}, p}, Weight: 4},
			{Name: "drain", Doc: "ends every block", Role: KillAll, Weight: 1},
			{Name: "oom", Doc: "makes a request fail", Role: Set, Args: []Arg{{"n", flag}}, Weight: 1,
				Needs: 1, Lacks: true, Fault: true},
			{Name: "check", Doc: "checks", Weight: 2},
			{Name: "never", Doc: "is asked by hand only", Weight: 0},
		},
	}
}()

// anyNumber draws from all of 64 bits, and often from around a power of two.
var anyNumber = rapid.Custom(func(t *rapid.T) uint64 {
	n := uint64(1)<<rapid.IntRange(0, 63).Draw(t, "bit") + rapid.Uint64Range(0, 4).Draw(t, "plus") - 2
	return rapid.OneOf(rapid.Uint64(), rapid.Just(n), rapid.Just[uint64](0)).Draw(t, "number")
})

// drawProgram draws a program of toy with slots below slots. Its numbers are any, or those of the domains; unused ones
// are 0.
func drawProgram(t *rapid.T, slots int, inDomain bool) Program {
	var p Program
	draw := func(args []Arg, values *[ArgsMax]uint64) {
		for i, a := range args {
			switch {
			case a.Domain.IsSlot:
				values[i] = uint64(rapid.IntRange(0, slots-1).Draw(t, "slot"))
			case inDomain:
				values[i] = a.Domain.Fold(anyNumber.Draw(t, a.Name))
			default:
				values[i] = anyNumber.Draw(t, a.Name)
			}
		}
	}
	draw(toy.World, &p.World)
	for range rapid.IntRange(0, 20).Draw(t, "ops") {
		op := Op{Kind: Kind(rapid.IntRange(0, len(toy.Rows)-1).Draw(t, "kind"))}
		if toy.Rows[op.Kind].Role == Make {
			op.Def = Slot(rapid.IntRange(0, slots-1).Draw(t, "def"))
		}
		draw(toy.Rows[op.Kind].Args, &op.Args)
		p.Ops = append(p.Ops, op)
	}
	return p
}

// seeded returns a source for tests that draw themselves.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func TestSpecValidate(t *testing.T) {
	ok, flag := toy.Slots, &Domain{Name: "flag", Near: 1, Max: 1}
	for _, c := range []struct {
		reason string
		spec   *Spec
	}{
		{"no rows", &Spec{}},
		{"two operations of one name", &Spec{Rows: []Info{{Name: "a"}, {Name: "a"}}}},
		{"the name is the first word of the world's line", &Spec{Rows: []Info{{Name: "world"}}}},
		{"the name parses as a slot", &Spec{Rows: []Info{{Name: "p1"}}}},
		{"the name parses as an index", &Spec{Rows: []Info{{Name: "12"}}}},
		{"the name is two words", &Spec{Rows: []Info{{Name: "a b"}}}},
		{"a slot where there are none", &Spec{Rows: []Info{{Name: "a", Role: Make}}}},
		{"a slot argument where there are none", &Spec{Rows: []Info{{Name: "a", Args: []Arg{{"p", ok}}}}}},
		{"a slot in the world", &Spec{Slots: ok, World: []Arg{{"p", ok}}, Rows: []Info{{Name: "a"}}}},
		{"a killer without a victim", &Spec{Slots: ok, Rows: []Info{{Name: "a", Role: Kill}}}},
		{"two arguments of one name", &Spec{Rows: []Info{{Name: "a", Args: []Arg{{"n", flag}, {"n", flag}}}}}},
		{"a number that does not fit a code",
			&Spec{World: []Arg{{"n", &Domain{Max: 4 << 20}}}, Rows: []Info{{Name: "a"}}}},
		{"more small numbers than numbers",
			&Spec{World: []Arg{{"n", &Domain{Near: 2, Max: 1}}}, Rows: []Info{{Name: "a"}}}},
		{"slots that do not fit a code", &Spec{Slots: &Domain{Max: 1 << 15, IsSlot: true}, Rows: []Info{{Name: "a"}}}},
		{"a negative weight", &Spec{Rows: []Info{{Name: "a", Weight: -1}}}},
		{"no domain", &Spec{Rows: []Info{{Name: "a", Args: []Arg{{"n", nil}}}}}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the table passes")
				}
			}()
			c.spec.validate()
		})
	}
	toy.validate()
}
