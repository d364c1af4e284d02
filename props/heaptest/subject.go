package heaptest

import (
	"errors"
	"fmt"
	"unsafe"

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// World is the small configuration that a program's first line gives. An opener follows as much of it as it can; zeros
// are the ordinary world.
type World struct {
	Limit   uint64 // the operating system gives so many units of 64 KiB and no more; 0 means no limit
	Skew    uint64 // memory from the operating system begins so many pages of 4 KiB past its natural boundary
	Variant uint64 // whatever the allocator has to choose from
}

// LimitUnit is the number of bytes in a unit of World.Limit.
const LimitUnit = 64 << 10

// Opener makes a fresh allocator in a world.
type Opener func(World) (Allocator, error)

// Subject returns what the engine needs to know to test the allocators that open makes, which promise contract.
func Subject(name string, contract heap.Contract, open Opener) *props.Subject {
	var buffers buffers
	s := &props.Subject{
		Target:     name,
		Spec:       Lang.Spec,
		Epilogue:   epilogue,
		Properties: properties(contract),
		Open: func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			world := World{w[0], w[1], w[2]}
			a, err := open(world)
			if err == nil && a == nil {
				err = errors.New("the allocator's constructor returned nil")
			}
			if err != nil {
				return nil, nil, err
			}
			d := newDriver(a, contract, func() (Allocator, error) { return open(world) })
			return d, judging{buffers.lend(d, world.Limit != 0)}, nil
		},
		Transitions: func(t props.Target, visit func(string, uint64)) {
			t.(*driver).transitions(visit)
		},
		Picture: func(t props.Target, op prog.Op) string { return t.(*driver).picture(op) },
		Damage:  func(t props.Target) (props.Damage, bool) { return t.(*driver).firstDamage() },
	}
	var has *[needs]bool // found out once, on the ordinary world
	s.Allows = func(k prog.Kind) bool {
		if has == nil {
			h := [needs]bool{none: true}
			if a, err := open(World{}); err == nil && a != nil {
				d := newDriver(a, contract, nil)
				h = d.has
				d.Close()
			}
			has = &h
		}
		return has[Lang.Rows[k].Needs]
	}
	return s
}

// buffers are those of the last run that was closed: the next one has them, so that a short program costs what its
// target costs.
type buffers struct {
	model *heap.Model
	slots []held
}

// lend gives a driver the buffers that there are, until it is closed, and returns the model of its heap.
func (b *buffers) lend(d *driver, limited bool) *heap.Model {
	m := b.model
	if m == nil {
		m = heap.New(d.contract, limited)
	} else {
		m.Reset(d.contract, limited)
	}
	d.slots = b.slots[:0] // grown, they are cleared
	*b = buffers{}
	d.closed = func() {
		*b = buffers{m, d.slots}
		d.closed, d.slots = nil, nil
	}
	return m
}

// properties are those that hold of an allocator. One that may refuse at any time may do so by what came before.
func properties(contract heap.Contract) []props.Property {
	if contract.MayRefuse && !contract.Steady {
		return []props.Property{props.Conforms, props.Deterministic}
	}
	return props.All()
}

// epilogue takes every block back and looks at what is left: the operating system gives again, all is drained, a block
// can still be had, what need not be kept is given back, the invariants hold and nothing is in use.
var epilogue = []prog.Op{
	{Kind: Lang.Kind("oom")},
	{Kind: Lang.Kind("check"), Args: [3]uint64{1}},
	{Kind: Lang.Kind("drain")},
	{Kind: Lang.Kind("alloc"), Args: [3]uint64{64}},
	{Kind: Lang.Kind("drain")},
	{Kind: Lang.Kind("trim")},
	{Kind: Lang.Kind("check"), Args: [3]uint64{1}},
	{Kind: Lang.Kind("usage")},
}

// picture describes the memory around the slot that op is about.
func (d *driver) picture(op prog.Op) string {
	if d.explain == nil {
		return ""
	}
	slot := op.Def
	if r := Lang.Rows[op.Kind].Role; r == prog.Use || r == prog.Kill {
		slot = prog.Slot(op.Args[0])
	}
	if !d.live(slot) {
		return ""
	}
	return d.explain.Explain(d.slots[slot].p)
}

// firstDamage looks at every live block, and tells which bytes of the first damaged one differ.
func (d *driver) firstDamage() (props.Damage, bool) {
	for i := range d.slots {
		h := &d.slots[i]
		if !h.live {
			continue
		}
		if bad := d.harm(h); bad != 0 {
			from, to := bad-1, d.harmEnd(h)
			text := fmt.Sprintf("%#02x", at(unsafe.Add(h.p, from), min(uintptr(to-from), 8)))
			if to-from > 8 {
				text += "..."
			}
			return props.Damage{Slot: prog.Slot(i), From: from, To: to, Detail: text}, true
		}
	}
	return props.Damage{}, false
}
