package dicttest

import (
	"fmt"

	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// unsteadyRepeats is how often a program is tried on a target that is not the same each time.
const unsteadyRepeats = 5

// Opener makes a fresh store in a world.
type Opener func(World) (Store, error)

// Subject returns what the engine needs to know to test the dicts that open's stores make, which promise contract.
func Subject(name string, contract Contract, open Opener) *props.Subject {
	s := &props.Subject{
		Target:     name,
		Spec:       Lang.Spec,
		Epilogue:   epilogue,
		Properties: properties(&contract),
		Open: func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			world := World{w[0], w[1], w[2]}
			store, err := open(world)
			if err != nil {
				return nil, nil, err
			}
			d := newDriver(store, contract)
			m := dict.NewModel(contract, world.Hash%hashers != 0)
			if world.Limit != 0 {
				d.limited = true
				m.Limit()
			}
			return d, judging{m}, nil
		},
		Picture: func(t props.Target, op prog.Op) string { return t.(*driver).picture(op) },
	}
	if contract.Unsteady {
		s.Repeats = unsteadyRepeats
	}
	var has *[needs]bool // found out once, on the ordinary world
	all := func() *[needs]bool {
		if has == nil {
			has = parts(contract, open)
		}
		return has
	}
	s.Allows = func(k prog.Kind) bool { return all()[Lang.Rows[k].Needs] }
	s.Transitions = func(t props.Target, visit func(string, uint64)) { t.(*driver).transitions(all(), visit) }
	return s
}

// parts tells the parts that a store and its dicts have.
func parts(contract Contract, open Opener) *[needs]bool {
	has := [needs]bool{none: true}
	store, err := open(World{})
	if err != nil {
		return &has
	}
	d := newDriver(store, contract)
	defer d.Close()
	has = d.has
	if made := store.New(0); made != nil {
		for i, ok := range d.enter(0, made).has {
			has[i] = has[i] || ok
		}
	}
	has[needCompare] = has[needCompare] && contract.Reentrant
	return &has
}

// epilogue looks at all dicts and at what is left when they are gone: memory is to be had again, all keys are looked
// up, all is taken away, a dict can still be had, what need not be kept is given back, and nothing is in use.
var epilogue = []prog.Op{
	{Kind: Lang.Kind("oom")},
	{Kind: Lang.Kind("verifyall")},
	{Kind: Lang.Kind("check")},
	{Kind: Lang.Kind("heldatlast")},
	{Kind: Lang.Kind("drain")},
	{Kind: Lang.Kind("new")},
	{Kind: Lang.Kind("set"), Args: [3]uint64{0, 1, 1}},
	{Kind: Lang.Kind("verifyall")},
	{Kind: Lang.Kind("drain")},
	{Kind: Lang.Kind("trim")},
	{Kind: Lang.Kind("check")},
	{Kind: Lang.Kind("usage")},
}

// judging is the model with the language's way to ask it.
type judging struct{ m *dict.Model }

func (j judging) Step(op prog.Op, out prog.Outcome) *model.Violation { return Lang.Step(j.m, op, out) }

// picture tells the entries of the dict that op is about, as far as it tells them itself.
func (d *driver) picture(op prog.Op) string {
	args := Lang.Rows[op.Kind].Args
	if len(args) == 0 || !args[0].Domain.IsSlot || !d.live(op.Args[0]) {
		return ""
	}
	h, text := d.at(op), ""
	h.quiet()
	for i, key := range d.keys {
		if value, ok := h.Get(key); ok && i < 64 {
			text += fmt.Sprintf(" %d=%d", key, value)
		}
	}
	return fmt.Sprintf("p%d: length %d:%s", op.Args[0], h.Len(), text)
}
