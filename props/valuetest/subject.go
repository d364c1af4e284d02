// Package valuetest tests stores of values: the operations of a language for lists, sets, dicts, tuples and atoms, each
// judged by the model of heapfuzz/model/value.
package valuetest

import (
	"strings"

	"heapfuzz/model"
	"heapfuzz/model/value"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// World is the small configuration that a program's first line gives. All of it is 0 in the ordinary world.
type World struct {
	Limit   uint64 // units of LimitUnit bytes that the system gives at a time; 0 means as many as it has
	Variant uint64 // whatever the target has to choose from
}

// Opener makes a fresh store in a world.
type Opener func(World) (value.Store, error)

// act makes a row of what is known of an operation and of how it is asked and judged.
func act(info prog.Info, v verb) prog.Row[state, *driver] {
	info.Needs, info.Lacks = int(v.need), v.need != none
	reads := func(op prog.Op, visit func(s uint64)) {
		for i, a := range info.Args {
			if a.Domain.IsSlot {
				visit(op.Args[i])
			}
		}
	}
	fits := func(w view, op *prog.Op) bool {
		return (info.Role != prog.Make || !w.Live(uint64(op.Def))) && v.choose(w, info.Args, op)
	}
	return prog.Row[state, *driver]{
		Info: info,
		Do: func(d *driver, op prog.Op) prog.Outcome {
			if !d.has[v.need] || !fits(d, &op) {
				return prog.Outcome{Status: prog.Skip}
			}
			d.log = d.log[:0]
			a := v.ask(d, op)
			out := prog.Outcome{Value: a.value, Addr: uint64(a.made), Size: uint64(a.other)}
			if a.refused {
				out.Status = prog.NoMem
			}
			d.answered(info.Name, &a)
			if info.Role == prog.Make && a.made != 0 {
				d.slots[uint64(op.Def)] = a.made
				d.tell(a.made)
				d.born(&d.t)
				d.kinds[op.Def] = d.t.Kind
			}
			reads(op, func(s uint64) {
				if d.Live(s) {
					d.tell(d.slots[s])
					d.looked(&d.t)
				}
			})
			d.ran()
			out.Msg = string(d.log)
			return out
		},
		Step: func(m state, op prog.Op, out prog.Outcome) violation {
			if ok := fits(m, &op); out.Status == prog.Skip {
				if !info.Lacks && ok {
					return value.Answers.Breach("%s fits, and was skipped", info.Name)
				}
				return nil
			} else if !ok {
				return value.Answers.Breach("%s does not fit, and was done", info.Name)
			}
			a := answer{out.Status == prog.NoMem, out.Value, value.ID(out.Addr), value.ID(out.Size)}
			if v := m.Begin(a.refused); v != nil {
				return v
			}
			text := reader(out.Msg)
			if !(a.refused && info.Role == prog.Make) {
				if v := v.judge(m, op, a, &text); v != nil {
					return v
				}
			}
			if v := tellAll(m, op, &text, info.Role == prog.Make && a.made != 0, reads); v != nil {
				return v
			}
			return text.ran(m)
		},
	}
}

// tellAll judges what is told of the object that was made, and of those that were read.
func tellAll(m state, op prog.Op, text *reader, made bool, reads func(prog.Op, func(uint64))) (v violation) {
	look := func(s uint64) {
		if v == nil && m.Live(s) {
			t := text.told()
			v = m.Told(s, &t)
		}
	}
	if made {
		look(uint64(op.Def))
	}
	reads(op, look)
	return v
}

// checkRow is the one operation that may find the store broken.
var checkRow = func() prog.Row[state, *driver] {
	row := act(prog.Info{Name: "check", Weight: 3, Doc: "has the store recount its own invariants"},
		verb{need: needCheck})
	row.Do = func(d *driver, _ prog.Op) prog.Outcome {
		if !d.has[needCheck] {
			return prog.Outcome{Status: prog.Skip}
		}
		return d.check()
	}
	row.Step = func(_ state, _ prog.Op, out prog.Outcome) violation {
		if out.Status != prog.Fail {
			return nil
		}
		name, _, _ := strings.Cut(out.Msg, ":")
		return &model.Violation{Rule: value.Holds, Cause: name, Detail: out.Msg}
	}
	return row
}()

// Subject returns what the engine needs to know to test the stores that open makes, which promise contract.
func Subject(name string, contract value.Contract, open Opener) *props.Subject {
	s := &props.Subject{
		Target:     name,
		Spec:       Lang.Spec,
		Epilogue:   epilogue,
		Properties: []props.Property{props.Conforms, props.Deterministic},
		Open: func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			world := World{w[0], w[1]}
			store, err := open(world)
			if err != nil {
				return nil, nil, err
			}
			m := value.NewModel(contract)
			m.Limited, m.Variant = world.Limit != 0, world.Variant
			d := newDriver(store)
			if v := furnish(d, m); v != nil {
				return nil, nil, v
			}
			return d, judging{m}, nil
		},
	}
	s.Transitions = func(t props.Target, visit func(string, uint64)) { t.(*driver).transitions(visit) }
	var has *[needs]bool // found out once, on the ordinary world
	s.Allows = func(k prog.Kind) bool {
		if has == nil {
			has = &[needs]bool{none: true}
			if store, err := open(World{}); err == nil {
				d := newDriver(store)
				*has = d.has
				d.Close()
			}
		}
		return has[Lang.Rows[k].Needs]
	}
	return s
}

// furniture is what is in the slots behind those that programs name, until they drain: a list, a set, a dict and
// two keys, of which there is always one to be chosen.
var furniture = [...]prog.Op{ // 141 is a multiple of three
	{Args: [3]uint64{141}}, {Args: [3]uint64{142}}, {Args: [3]uint64{143}}, {Args: [3]uint64{0}}, {Args: [3]uint64{13}},
}

// furnish makes the furniture, as far as there is memory.
func furnish(d *driver, m *value.Model) error {
	kind := Lang.Kind("new")
	for i, op := range furniture {
		op.Kind, op.Def = kind, prog.Slot(slotCount+i)
		if v := Lang.Step(m, op, Lang.Do(d, op)); v != nil {
			return v
		}
	}
	return nil
}

// epilogue looks at all objects and at what is left when they are gone.
var epilogue = []prog.Op{
	{Kind: Lang.Kind("oom")},
	{Kind: Lang.Kind("verify")},
	{Kind: Lang.Kind("usage")},
	{Kind: Lang.Kind("check")},
	{Kind: Lang.Kind("drain")},
	{Kind: Lang.Kind("usage")},
	{Kind: Lang.Kind("collect")},
	{Kind: Lang.Kind("trim")},
	{Kind: Lang.Kind("check")},
	{Kind: Lang.Kind("usage")},
}

// judging is the model with the language's way to ask it.
type judging struct{ m *value.Model }

func (j judging) Step(op prog.Op, out prog.Outcome) *model.Violation {
	return Lang.Row(op.Kind).Step(j.m, op, out)
}
