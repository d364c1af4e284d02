package canary

import (
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
)

// The canaries of this file keep every rule of the model: they may refuse at any time, and do. What they break is a
// relation between two runs, which the model does not see.

// maybe is what they promise.
var maybe = heap.Contract{Align: 16, SizeMax: 1 << 28, MayRefuse: true, Steady: true}

var moodies = []row{
	{
		Name: "every-other-heap", Doc: "every second heap of a process refuses blocks above 1000 bytes",
		Property: props.Deterministic.Name, Contract: maybe, Open: openEveryOther(),
	},
	{
		Name:     "stack",
		Doc:      "a region of 1 KiB takes back only the block on its top: the order of frees decides what fits",
		Property: props.Renamed.Name, Contract: maybe, Open: openMoody(newStack),
	},
	{
		Name: "every-16th", Doc: "every 16th request of a heap's life is refused",
		Property: props.Inserted.Name, Contract: maybe, Open: openMoody(newEvery16th), Reproducer: 22,
		Reason: "with the block that is inserted, the last of 15 requests is the 16th, and a slot that is asked for " +
			"twice is freed between",
	},
	{
		Name: "busy", Doc: "a request right after a free is refused",
		Property: props.Commuted.Name, Contract: maybe, Open: openMoody(newBusy),
	},
	{
		Name: "bump", Doc: "a region of 1 KiB never takes a block back",
		Property: props.Drained.Name, Contract: maybe, Open: openMoody(newBump),
	},
	{
		Name: "counts-no-nothing", Doc: "statistics, which are an estimate by contract, do not count blocks of 0 bytes",
		Property: props.Differential().Name, Open: openUncounted,
		Contract: heap.Contract{Align: 16, SizeMax: 1 << 28, Inexact: true, Retained: -1},
	},
}

// moody is the reference with moods.
type moody struct {
	*heap.Reference
	mood
}

// mood says which requests are refused.
type mood interface {
	refuses(size uintptr) bool
	served(p pointer, size uintptr)
	freed(p pointer)
}

// openMoody shows of the reference what a simple region has.
func openMoody(newMood func() mood) heaptest.Opener {
	return func(heaptest.World) (heaptest.Allocator, error) {
		m := &moody{heap.NewReference(), newMood()}
		return struct {
			heap.Allocator
			heap.User
		}{m, m}, nil
	}
}

func (m *moody) Alloc(size uintptr) pointer {
	if m.refuses(size) {
		return nil
	}
	p := m.Reference.Alloc(size)
	if p != nil {
		m.served(p, size)
	}
	return p
}

func (m *moody) Free(p pointer) {
	m.Reference.Free(p)
	if p != nil {
		m.freed(p)
	}
}

// calm is a mood that refuses nothing and remembers nothing.
type calm struct{}

func (calm) refuses(uintptr) bool        { return false }
func (calm) served(_ pointer, _ uintptr) {}
func (calm) freed(pointer)               {}

type noLarge struct{ calm }

func (noLarge) refuses(size uintptr) bool { return size > 1000 }

// openEveryOther counts the heaps that it opens: the counter is what the heaps of a process share.
func openEveryOther() heaptest.Opener {
	heaps := 0
	return func(w heaptest.World) (heaptest.Allocator, error) {
		heaps++
		if heaps%2 == 0 {
			return openMoody(func() mood { return noLarge{} })(w)
		}
		return openMoody(func() mood { return calm{} })(w)
	}
}

type every16th struct {
	calm
	requests int
}

func newEvery16th() mood { return &every16th{} }

func (m *every16th) refuses(uintptr) bool {
	m.requests++
	return m.requests%16 == 0
}

type busy struct {
	calm
	now bool // a free was the last that happened
}

func newBusy() mood { return &busy{} }

func (m *busy) refuses(uintptr) bool {
	was := m.now
	m.now = false
	return was
}

func (m *busy) freed(pointer) { m.now = true }

// regionBytes is the room of stack and bump.
const regionBytes = 1 << 10

type bump struct {
	calm
	used uintptr
}

func newBump() mood { return &bump{} }

func (m *bump) refuses(size uintptr) bool { return size > regionBytes-m.used }

func (m *bump) served(_ pointer, size uintptr) { m.used += size }

type stack struct {
	bump
	blocks []held // those that are not taken back, the top last
}

type held struct {
	p    pointer
	size uintptr
}

func newStack() mood { return &stack{} }

func (m *stack) served(p pointer, size uintptr) {
	m.bump.served(p, size)
	m.blocks = append(m.blocks, held{p, size})
}

func (m *stack) freed(p pointer) {
	top := len(m.blocks) - 1
	if m.blocks[top].p == p {
		m.used -= m.blocks[top].size
		m.blocks = m.blocks[:top]
	}
}

// uncounted is the reference with other statistics.
type uncounted struct {
	*heap.Reference
	empty int // live blocks of 0 bytes
}

func openUncounted(heaptest.World) (heaptest.Allocator, error) {
	u := &uncounted{Reference: heap.NewReference()}
	return struct {
		heap.Allocator
		heap.User
	}{u, u}, nil
}

func (u *uncounted) Alloc(size uintptr) pointer {
	p := u.Reference.Alloc(size)
	if p != nil && size == 0 {
		u.empty++
	}
	return p
}

func (u *uncounted) Free(p pointer) {
	if p != nil && u.UsableSize(p) == 0 {
		u.empty--
	}
	u.Reference.Free(p)
}

func (u *uncounted) Usage() (blocks, bytes, footprint uint64) {
	blocks, bytes, footprint = u.Reference.Usage()
	return blocks - uint64(u.empty), bytes, footprint
}
