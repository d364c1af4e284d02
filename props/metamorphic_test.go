package props_test

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
)

// moody is the reference, which may refuse at any time: the model has nothing against what the relations find.
type moody struct {
	*heap.Reference
	refuse func(a *moody, size uintptr) bool
	asked  int // requests so far
	past   int // blocks that there were at most
	freed  int
	sizes  [2]uintptr // of the last two requests
}

func (a *moody) Alloc(size uintptr) unsafe.Pointer {
	a.asked++
	a.sizes = [2]uintptr{a.sizes[1], size}
	if a.refuse(a, size) {
		return nil
	}
	p := a.Reference.Alloc(size)
	n, _, _ := a.Reference.Usage()
	a.past = max(a.past, int(n))
	return p
}

func (a *moody) Free(p unsafe.Pointer) {
	if p != nil {
		a.freed++
	}
	a.Reference.Free(p)
}

// moodySubject opens moody allocators with the plain parts only, so that all requests go through Alloc.
func moodySubject(refuse func(a *moody, size uintptr) bool) *props.Subject {
	contract := heap.ReferenceContract
	contract.MayRefuse, contract.Steady = true, true
	return heaptest.Subject("moody", contract, func(heaptest.World) (heaptest.Allocator, error) {
		a := &moody{Reference: heap.NewReference(), refuse: refuse}
		return struct {
			heap.Allocator
			heap.User
		}{a, a.Reference}, nil
	})
}

var opened int // an allocator that knows how many came before it

func TestRelations(t *testing.T) {
	for _, tt := range []struct {
		prop   props.Property
		doc    string
		refuse func(a *moody, size uintptr) bool
	}{
		{props.Deterministic, "every other run refuses 40 bytes", func(a *moody, size uintptr) bool {
			if a.asked == 1 {
				opened++
			}
			return size%40 == 0 && opened%2 == 0
		}},
		{props.Inserted, "it refuses once more than a few blocks were freed", func(a *moody,
			_ uintptr) bool {
			return a.freed == 3
		}},
		{props.Commuted, "it refuses a block that is smaller than the one before", func(a *moody, size uintptr) bool {
			return a.sizes[0] > size
		}},
		{props.Drained, "it refuses once there were twenty blocks", func(a *moody,
			_ uintptr) bool {
			return a.past >= 20
		}},
	} {
		t.Run(tt.prop.Name, func(t *testing.T) {
			if n := refuted(t, tt.prop, moodySubject(tt.refuse)); n == 0 {
				t.Errorf("%s, and the property holds all the same", tt.doc)
			}
			if n := refuted(t, tt.prop, moodySubject(func(*moody, uintptr) bool { return false })); n != 0 {
				t.Errorf("%d programs refute it on an allocator that has no moods", n)
			}
			if n := refuted(t, props.Conforms, moodySubject(tt.refuse)); n != 0 {
				t.Errorf("the model objects to %d programs: the defect is not the relation's alone", n)
			}
		})
	}
}

func refuted(t *testing.T, p props.Property, s *props.Subject) (n int) {
	t.Helper()
	src := rand.New(rand.NewPCG(5, 5))
	var r props.Runner
	for range 100 {
		got, err := p.Check(s, &r, s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), 60))
		if err != nil {
			t.Fatal(err)
		}
		if got != nil {
			n++
		}
	}
	return n
}

// Slots are the driver's, so that an in-process allocator cannot know them: a target that does is made here by hand.
func TestRenamed(t *testing.T) {
	s := subject(wrong{})
	slotted := *s
	slotted.Spec = s.Spec
	slotted.Open = nil
	open := s.Open
	slotted.Open = func(w [3]uint64) (props.Target, props.Judge, error) {
		target, _, err := open(w)
		return bySlot{target}, accepts{}, err
	}
	if n := refuted(t, props.Renamed, &slotted); n == 0 {
		t.Error("answers depend on the slot's number, and the property holds all the same")
	}
	if n := refuted(t, props.Renamed, s); n != 0 {
		t.Errorf("%d programs refute it on the reference", n)
	}
}

func TestDifferential(t *testing.T) {
	reference := subject(wrong{})
	forgetful := heaptest.Subject("forgetful", heap.Contract{Inexact: true, Retained: -1},
		func(heaptest.World) (heaptest.Allocator, error) {
			a := heap.NewReference()
			return struct {
				heap.Allocator
				heap.User
			}{a, fiveAtMost{a}}, nil
		})
	if n := refuted(t, props.Differential(reference), reference); n != 0 {
		t.Errorf("the reference differs from itself in %d programs", n)
	}
	if n := refuted(t, props.Differential(reference), forgetful); n == 0 {
		t.Error("an allocator that counts to five agrees with one that counts")
	}
	if n := refuted(t, props.Conforms, forgetful); n != 0 {
		t.Errorf("the model objects to %d programs, where nothing is promised of the statistics", n)
	}
	if n := refuted(t, props.Differential(reference), moodySubject(func(_ *moody, size uintptr) bool {
		return size > 100
	})); n != 0 {
		t.Errorf("%d programs differ by a refusal that the contract allows", n)
	}
}
