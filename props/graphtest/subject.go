package graphtest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"heapfuzz/model"
	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// World is the small configuration that a program's first line gives. An opener follows as much of it as it can; zeros
// are the ordinary world. With Auto, collections start by themselves, and Auto is the threshold of the youngest
// generation; the driver sees to that where the heap can be told.
type World struct {
	Limit   uint64 // the operating system gives so many units of 64 KiB and no more; 0 means no limit
	Auto    uint64
	Variant uint64 // whatever the heap has to choose from
}

// LimitUnit is the number of bytes in a unit of World.Limit.
const LimitUnit = 64 << 10

// Opener makes a fresh heap in a world.
type Opener func(World) (Heap, error)

// Subject returns what the engine needs to know to test the heaps that open makes, which promise contract.
func Subject(name string, contract graph.Contract, open Opener) *props.Subject {
	s := &props.Subject{
		Target:     name,
		Spec:       Lang.Spec,
		Epilogue:   epilogue,
		Properties: Properties(),
		Open: func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			world := World{w[0], w[1], w[2]}
			h, err := open(world)
			if err == nil && h == nil {
				err = errors.New("the heap's constructor returned nil")
			}
			if err != nil {
				return nil, nil, err
			}
			d := newDriver(h, contract)
			m := graph.NewModel(contract, d.mourner != nil)
			if d.has[needWatch] {
				m.Watch()
			}
			if world.Limit != 0 {
				m.Limit()
			}
			d.begin(int(world.Auto), m)
			return d, judging{m}, nil
		},
		Explicit: explicit,
		Transitions: func(t props.Target, visit func(string, uint64)) {
			t.(*driver).transitions(visit)
		},
		Picture: func(t props.Target, op prog.Op) string { return t.(*driver).picture(op) },
	}
	var has *[needs]bool // found out once, on the ordinary world
	s.Allows = func(k prog.Kind) bool {
		if has == nil {
			h := [needs]bool{none: true}
			if heap, err := open(World{}); err == nil && heap != nil {
				d := newDriver(heap, contract)
				h = d.has
				d.Close()
			}
			has = &h
		}
		return has[Lang.Rows[k].Needs]
	}
	return s
}

// epilogue takes every root away and looks at what is left: the operating system gives again, nothing is frozen, all is
// drained, an object can still be had, what need not be kept is given back, and nothing is in use.
var epilogue = []prog.Op{
	{Kind: Lang.Kind("oom")},
	{Kind: Lang.Kind("unfreeze")},
	{Kind: Lang.Kind("check")},
	{Kind: Lang.Kind("drain")},
	{Kind: Lang.Kind("new"), Args: [3]uint64{0, 1}},
	{Kind: Lang.Kind("drain")},
	{Kind: Lang.Kind("trim")},
	{Kind: Lang.Kind("check")},
	{Kind: Lang.Kind("usage")},
	{Kind: Lang.Kind("footprint")},
	{Kind: Lang.Kind("stats")},
}

// explicit puts a collection in front of each operation in which one started by itself, in the place of the world's and
// the program's own means to have them start. Where the heap does not tell, it is one in front of each operation that
// makes an object and in which something happened.
func explicit(p prog.Program, answers prog.Trace) (q prog.Program, ok bool) {
	q.World = p.World
	q.World[1] = 0
	ok = p.World[1] != 0
	for i, op := range p.Ops {
		if op.Kind == kindEnable || op.Kind == kindThreshold {
			ok = true
			continue
		}
		if i < len(answers) {
			for _, generation := range startedIn(answers[i].Msg, Lang.Rows[op.Kind].Role == prog.Make) {
				q.Ops = append(q.Ops, prog.Op{Kind: kindCollect, Args: [3]uint64{generation}})
			}
		}
		q.Ops = append(q.Ops, op)
	}
	return q, ok
}

// startedIn returns the generations of the collections that started by themselves in an operation.
func startedIn(events string, makes bool) (generations []uint64) {
	asked, told := 0, strings.Contains(events, string(graph.Started))
	for _, word := range strings.Fields(events) {
		switch graph.What(word[0]) {
		case graph.Begins:
			asked++
		case graph.Ends:
			asked--
		case graph.Started:
			if generation, err := strconv.ParseUint(word[1:], 10, 64); err == nil && asked == 0 {
				generations = append(generations, generation)
			}
		}
	}
	if !told && makes && events != "" {
		generations = []uint64{3}
	}
	return generations
}

var (
	kindCollect   = Lang.Kind("collect")
	kindEnable    = Lang.Kind("enable")
	kindThreshold = Lang.Kind("threshold")
)

// judging is the model with the language's way to ask it.
type judging struct{ m *graph.Model }

func (j judging) Step(op prog.Op, out prog.Outcome) *model.Violation {
	return Lang.Row(op.Kind).Step(j.m, op, out)
}

// picture describes, without IDs, what the object of the first slot that op reads refers to, as the heap tells it.
func (d *driver) picture(op prog.Op) string {
	args := Lang.Rows[op.Kind].Args
	if len(args) == 0 || !args[0].Domain.IsSlot || !d.live(prog.Slot(op.Args[0])) {
		return ""
	}
	id := d.object(op)
	of := d.known[id]
	text := fmt.Sprintf("p%d: an object of kind %d with %d fields:", op.Args[0], of.kind, of.fields)
	if of.weak {
		return fmt.Sprintf("p%d: a weak reference", op.Args[0])
	}
	for i := range of.fields {
		text += " " + d.nameOf(d.Field(id, i))
	}
	return text
}

// nameOf names an object by a slot that holds it.
func (d *driver) nameOf(id graph.ID) string {
	if id == 0 {
		return "."
	}
	for i, held := range d.slots {
		if held == id {
			return fmt.Sprintf("p%d", i)
		}
	}
	if _, ok := d.known[id]; ok {
		return "*"
	}
	return "?"
}
