package graph

import (
	"strings"
	"testing"

	"heapfuzz/model"
)

// script tells a model what happened, in words of a test: "new 0 2" is a new object for p0 with two fields and ID 10,
// as its slot, and so on. The last violation is returned; one before the last line fails the test.
type script struct {
	t *testing.T
	m *Model
}

// counted promises that collections of Nodes start by themselves.
var counted = Contract{Immediate: true, Automatic: [Kinds]bool{Node: true}}

// CPython promises, more or less, so.
var counting = Contract{
	Immediate: true, Within: 1, Generations: 3, Promotes: true, Returns: Containers, WeakFirst: true,
	WeakAll: true, CallbackFirst: true, Retained: 100,
	Grows: [Kinds]bool{2: true}, Shares: [Kinds]bool{Atom: true, 3: true}, Untracks: [Kinds]bool{3: true},
}

// new makes an object for a slot; its ID is ten times the slot, plus 10.
func (s script) new(slot uint32, kind Kind, fields int) violation {
	v := s.m.New(slot, id(slot), kind, fields)
	return s.and(v)
}

func id(slot uint32) ID { return ID(10*slot + 10) }

// and ends an operation.
func (s script) and(v violation) violation {
	if v != nil {
		return v
	}
	return s.m.Settle()
}

// events tells events: "D10 D20".
func (s script) events(text string) violation {
	for word := range strings.FieldsSeq(text) {
		var arg uint64
		for _, c := range word[1:] {
			arg = 10*arg + uint64(c-'0')
		}
		if v := s.m.Event(Event{What(word[0]), arg}); v != nil {
			return v
		}
	}
	return nil
}

// then tells the events of an operation and ends it.
func (s script) then(text string) violation { return s.and(s.events(text)) }

func (s script) must(v violation) {
	s.t.Helper()
	if v != nil {
		s.t.Fatalf("too early: %v", v)
	}
}

func (s script) drop(slot uint32, text string) violation {
	s.m.Drop(slot)
	return s.then(text)
}

func (s script) set(slot uint32, i int, to uint32) { s.m.Set(slot, i, to, true); s.must(s.then("")) }

// cycle leaves two objects, 10 and 20, that refer to each other and to nothing else.
func (s script) cycle() {
	s.pair()
	s.must(s.drop(0, ""))
	s.must(s.drop(1, ""))
}

func (s script) pair() {
	s.must(s.new(0, Node, 2))
	s.must(s.new(1, Node, 2))
	s.set(0, 0, 1)
	s.set(1, 0, 0)
}

func (s script) weak(slot, to uint32, callback bool) {
	s.must(s.and(s.m.NewWeak(slot, id(slot), to, callback)))
}

// Every rule that the model itself applies is broken here once, beside the nearest thing that does not break it.
func TestModelRules(t *testing.T) {
	deferred := ReferenceContract
	leaky := Contract{Immediate: true, Retained: -1}
	whole := counting
	whole.Saves = Whole
	for _, tt := range []struct {
		name     string
		contract Contract
		do       func(s script) violation
		want     *model.Invariant
	}{
		{"a new object", counting, func(s script) violation { return s.new(0, Node, 2) }, nil},
		{"a new object without ID", counting, func(s script) violation { return s.m.New(0, 0, Node, 2) }, Serves},
		{"the ID of a living object", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			return s.m.New(1, 10, Node, 2)
		}, Identity},
		{"the ID of a dead one", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.must(s.drop(0, "D10"))
			return s.m.New(1, 10, Node, 2)
		}, nil},
		{"the ID of garbage whose death was not told", deferred, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.must(s.drop(0, ""))
			return s.m.New(1, 10, Node, 2)
		}, Identity},
		{"dies twice", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			return s.drop(0, "D10 D10")
		}, Identity},
		{"dies with a root", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.must(s.and(s.alias(1, 0)))
			return s.drop(0, "D10")
		}, Safety},
		{"dies with a field of a living object", counting, func(s script) violation {
			s.pair()
			return s.drop(0, "D10")
		}, Safety},
		{"a cycle dies", counting, func(s script) violation {
			s.cycle()
			return s.then("B2 D10 D20 E2")
		}, nil},
		{"saved, and what it refers to is dead", counting, func(s script) violation {
			s.pair()
			s.m.Finalizer(0, Rescue)
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.then("B2 D20 F10")
		}, Safety},
		{"a field with something else in it", counting, func(s script) violation {
			s.pair()
			return s.m.Load(2, 0, 0, 10)
		}, Fields},
		{"a field with what was stored", counting, func(s script) violation {
			s.pair()
			return s.m.Load(2, 0, 0, 20)
		}, nil},
		{"a walk that meets another object", counting, func(s script) violation {
			s.pair()
			return s.m.Verify(0, 1, 1)
		}, Fields},
		{"saved second, taken first", counting, func(s script) violation {
			s.must(s.new(0, Node, 0))
			s.must(s.new(1, Node, 0))
			s.m.Finalizer(0, Rescue)
			s.must(s.drop(0, "F10 R10"))
			return s.m.Take(2, 20)
		}, Fields},
		{"unreferenced and alive", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			return s.drop(0, "")
		}, Prompt},
		{"unreferenced and alive, as it is deferred", deferred, func(s script) violation {
			s.must(s.new(0, Node, 2))
			return s.drop(0, "")
		}, nil},
		{"a child forgotten", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.must(s.new(1, Atom, 0))
			s.set(0, 1, 1)
			s.must(s.drop(1, ""))
			return s.drop(0, "D10")
		}, Prompt},
		{"a cycle outlives a full collection", counting, func(s script) violation {
			s.cycle()
			return s.then("B2 E0")
		}, Complete},
		{"a cycle outlives a young collection", counting, func(s script) violation {
			s.cycle()
			return s.then("B1 E0")
		}, nil},
		{"a cycle leaks, as it may", leaky, func(s script) violation {
			s.cycle()
			return s.then("B0 E0")
		}, nil},
		{"a frozen cycle outlives a full collection", counting, func(s script) violation {
			s.cycle()
			s.m.Freeze(true)
			return s.then("B2 E0")
		}, nil},
		{"and dies when it is not frozen any more", counting, func(s script) violation {
			s.cycle()
			s.m.Freeze(true)
			s.m.Freeze(false)
			return s.then("B2 E0")
		}, Complete},
		{"kept since another was saved", whole, func(s script) violation {
			s.pair()
			s.must(s.new(2, Node, 1))
			s.set(2, 0, 2)
			s.m.Finalizer(0, Rescue)
			s.must(s.drop(2, ""))
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.then("B2 F10 R10 E0")
		}, nil},
		{"kept although only another was saved", counting, func(s script) violation {
			s.pair()
			s.must(s.new(2, Node, 1))
			s.set(2, 0, 2)
			s.m.Finalizer(0, Rescue)
			s.must(s.drop(2, ""))
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.then("B2 F10 R10 E0")
		}, Complete},
		{"a count too high", counting, func(s script) violation {
			s.pair()
			return s.m.Count(0, 3)
		}, Counts},
		{"the count", counting, func(s script) violation {
			s.pair()
			return s.m.Count(0, 2)
		}, nil},
		{"a finalizer runs again", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Finalizer(0, Rescue)
			s.must(s.drop(0, "F10 R10"))
			s.must(s.m.Take(1, 10))
			return s.drop(1, "F10")
		}, FinalOnce},
		{"a finalizer runs on a living object", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Finalizer(0, Idle)
			return s.then("B2 F10")
		}, FinalOnce},
		{"a finalizer runs on what a neighbour saved", counting, func(s script) violation {
			s.pair()
			s.m.Finalizer(0, Rescue)
			s.m.Finalizer(1, Idle)
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.then("B2 F10 R10 F20 R20 E0")
		}, nil},
		{"a finalizer is forgotten", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Finalizer(0, Idle)
			return s.drop(0, "D10")
		}, FinalLost},
		{"it dies while its finalizer runs", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Finalizer(0, Idle)
			return s.drop(0, "F10 D10")
		}, Safety},
		{"what a finalizer made dies", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Finalizer(0, Allocate)
			return s.drop(0, "F10 N77 D77 R10 D10")
		}, nil},
		{"what a finalizer made is forgotten", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Finalizer(0, Allocate)
			return s.drop(0, "F10 N77 R10 D10")
		}, Prompt},
		{"a weak reference cleared too early", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, false)
			return s.m.Deref(2, 1, 20)
		}, WeakAlive},
		{"a weak reference cleared that was found dead itself", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, false)
			s.m.slots[1].doom = 1
			s.m.Contract.WeakLapse = true
			return s.m.Deref(2, 1, 20)
		}, nil},
		{"the same where that is not promised", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, false)
			s.m.slots[1].doom = 1
			return s.m.Deref(2, 1, 20)
		}, WeakAlive},
		{"a weak reference to a living object", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, false)
			return s.m.Deref(2, 1, 10)
		}, nil},
		{"a weak reference to another object", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, false)
			return s.m.Deref(2, 1, 30)
		}, WeakDead},
		{"a weak reference to a dead object", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, false)
			s.must(s.drop(0, "D10"))
			return s.m.Deref(2, 1, 10)
		}, WeakDead},
		{"a weak reference that outlives a collection's finalizer", counting, func(s script) violation {
			s.pair()
			s.m.Finalizer(0, Rescue)
			s.weak(2, 0, false)
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			s.must(s.then("B2 F10 R10 E0"))
			return s.m.Deref(3, 2, 10)
		}, WeakDead},
		{"a weak reference that outlives the finalizer of a count", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Finalizer(0, Rescue)
			s.weak(2, 0, false)
			s.must(s.drop(0, "F10 R10"))
			return s.m.Deref(3, 2, 10)
		}, nil},
		{"a callback", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, true)
			return s.drop(0, "C20 D10")
		}, nil},
		{"a callback that runs twice", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, true)
			return s.drop(0, "C20 C20 D10")
		}, CallOnce},
		{"a callback while the referent lives", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, true)
			return s.then("B2 C20 E0")
		}, CallOnce},
		{"a callback of a weak reference in trash", counting, func(s script) violation {
			s.trash()
			return s.then("B2 C30 D10 D20 D30 E3")
		}, CallOnce},
		{"no callback of a weak reference in trash", counting, func(s script) violation {
			s.trash()
			return s.then("B2 D10 D20 D30 E3")
		}, nil},
		{"a callback of a weak reference that something frozen holds", deferred, func(s script) violation {
			s.trash()
			s.m.Freeze(true)
			return s.then("B2 C30 E0")
		}, nil},
		{"a callback that is forgotten", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.weak(1, 0, true)
			return s.drop(0, "D10")
		}, CallLost},
		{"a callback after a finalizer", counting, func(s script) violation {
			s.called()
			return s.then("B2 F10 R10 C30 D10 D20 E2")
		}, CallOrder},
		{"a callback after a finalizer, of what dies by its count", counting, func(s script) violation {
			s.pair()
			s.m.Finalizer(0, Idle)
			s.must(s.new(2, Node, 1))
			s.m.Legacy(2, Idle)
			s.set(1, 1, 2)
			s.weak(3, 2, true)
			for slot := range uint32(3) {
				s.must(s.drop(slot, ""))
			}
			return s.then("B2 F10 R10 C40 F30 R30 D30 D10 D20 E2")
		}, nil},
		{"a callback before a finalizer", counting, func(s script) violation {
			s.called()
			return s.then("B2 C30 F10 R10 D10 D20 E2")
		}, nil},
		{"an old object that dies of a young collection is not counted", counting, func(s script) violation {
			s.cycle()
			return s.then("B0 D10 D20 E1")
		}, nil},
		{"and calls back after a finalizer", counting, func(s script) violation {
			s.called()
			return s.then("B0 F10 R10 C30 D10 D20 E2")
		}, nil},
		{"survived, and young still", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.must(s.then("B0 E0"))
			return s.m.Generation(0, 0)
		}, Promotion},
		{"made after the collection", counting, func(s script) violation {
			s.must(s.then("B0 E0"))
			s.must(s.new(0, Node, 2))
			return s.m.Generation(0, 0)
		}, nil},
		{"a generation that there is not", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			return s.m.Generation(0, 3)
		}, Promotion},
		{"it returns too little", counting, func(s script) violation {
			s.cycle()
			return s.then("B2 D10 D20 E1")
		}, Return},
		{"it returns too much", counting, func(s script) violation { return s.then("B2 E1") }, Return},
		{"atoms do not count", counting, func(s script) violation {
			s.withAtom()
			return s.then("B2 D10 D20 D30 E2")
		}, nil},
		{"atoms do count", deferred, func(s script) violation {
			s.withAtom()
			return s.then("B2 D10 D20 D30 E2")
		}, Return},
		{"a collection inside another", counting, func(s script) violation {
			s.pair()
			s.m.Finalizer(0, Nested)
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.then("B2 F10 B2 E1")
		}, Return},
		{"statistics", counting, func(s script) violation {
			s.cycle()
			s.must(s.then("B2 D10 D20 E2"))
			return s.m.Stats(1, 2)
		}, nil},
		{"statistics that forget", counting, func(s script) violation {
			s.cycle()
			s.must(s.then("B2 D10 D20 E2"))
			return s.m.Stats(1, 1)
		}, Stats},
		{"more collections than asked for", counting, func(s script) violation { return s.m.Stats(1, 0) }, Stats},
		{"more collections, as they start by themselves", counting, func(s script) violation {
			s.m.Enable(true)
			return s.m.Stats(1, 0)
		}, nil},
		{"as many objects as the threshold says", counted, func(s script) violation {
			s.m.Enable(true)
			s.m.Threshold(0, 2)
			s.must(s.m.Due(Node, 1, 5))
			s.must(s.m.Due(Node, 1, 5))
			s.must(s.m.Due(Atom, 0, 5))
			return s.m.Due(Node, 1, 5)
		}, nil},
		{"more objects, and no collection", counted, func(s script) violation {
			s.m.Enable(true)
			s.m.Threshold(0, 2)
			for range 3 {
				s.must(s.m.Due(Node, 1, 5))
			}
			return s.m.Due(Node, 1, 5)
		}, Automatic},
		{"more objects, and a collection", counted, func(s script) violation {
			s.m.Enable(true)
			s.m.Threshold(0, 2)
			for range 3 {
				s.must(s.m.Due(Node, 1, 5))
			}
			return s.m.Due(Node, 1, 6)
		}, nil},
		{"more objects, and they are switched off", counted, func(s script) violation {
			s.m.Enable(true)
			s.m.Threshold(0, 2)
			s.m.Enable(false)
			for range 3 {
				s.must(s.m.Due(Node, 1, 5))
			}
			return s.m.Due(Node, 1, 5)
		}, nil},
		{"refused without a reason", counting, func(s script) violation { return s.m.Refuse(2) }, Serves},
		{"refused since memory is scarce", counting, func(s script) violation {
			s.m.Scarce(true)
			return s.m.Refuse(2)
		}, nil},
		{"refused what is too large", Contract{FieldsMax: 9}, func(s script) violation { return s.m.Refuse(10) }, nil},
		{"one object too many", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			return s.m.Usage(2, 64)
		}, Accounted},
		{"an object lost by a failed request", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.m.Scarce(true)
			s.must(s.m.Refuse(2))
			return s.m.Usage(2, 64)
		}, Failure},
		{"something left", counting, func(s script) violation { return s.m.Usage(1, 0) }, Returned},
		{"bytes left", counting, func(s script) violation { return s.m.Usage(0, 1) }, Returned},
		{"kept more than promised", counting, func(s script) violation {
			s.m.Trim()
			return s.m.Footprint(101)
		}, Returned},
		{"kept before it was trimmed", counting, func(s script) violation { return s.m.Footprint(101) }, nil},
		{"its own invariants", counting, func(s script) violation { return s.m.Check("gc/links: at 3") }, Invariant},
		{"a death of what never was", counting, func(s script) violation { return s.then("D5") }, Identity},
		{"a deep copy", counting, func(s script) violation {
			s.nest()
			return s.deep("O110 O110 O40 O0")
		}, nil},
		{"a deep copy that shares a list", counting, func(s script) violation {
			s.nest()
			return s.deep("O20 O20 O40")
		}, Copies},
		{"a deep copy that makes two of one", counting, func(s script) violation {
			s.nest()
			return s.deep("O110 O120 O40 O0 O0")
		}, Copies},
		{"a deep copy that copies what is its own copy", counting, func(s script) violation {
			s.nest()
			return s.deep("O110 O110 O140 O0 O0")
		}, Copies},
		{"a deep copy with too few fields", counting, func(s script) violation {
			s.nest()
			return s.deep("O110")
		}, Copies},
		{"a copy", counting, func(s script) violation {
			s.nest()
			s.must(s.events("O20 O20 O40"))
			return s.and(s.m.Copy(8, 0, 100, false))
		}, nil},
		{"a copy that is the object itself", counting, func(s script) violation {
			s.nest()
			return s.and(s.m.Copy(8, 0, 10, false))
		}, Copies},
		{"a copy of what is its own copy", counting, func(s script) violation {
			s.nest()
			return s.and(s.m.Copy(8, 3, 40, false))
		}, nil},
		{"a field that was appended", counting, func(s script) violation {
			s.pair()
			s.m.Append(0, 0)
			return s.m.Load(2, 0, 2, 10)
		}, nil},
		{"a field that was popped is counted", counting, func(s script) violation {
			s.pair()
			s.m.Append(0, 0)
			s.m.Pop(0)
			return s.m.Count(0, 3)
		}, Counts},
		{"into the garbage", counting, func(s script) violation {
			s.cycle()
			s.m.SaveAll(true)
			return s.then("B2 K10 K20 E2")
		}, nil},
		{"into the garbage, half", counting, func(s script) violation {
			s.cycle()
			s.m.SaveAll(true)
			return s.then("B2 K10 E1")
		}, Return},
		{"into the garbage, and not told to", counting, func(s script) violation {
			s.cycle()
			return s.then("B2 K10")
		}, Garbage},
		{"into the garbage, and roots reach it", counting, func(s script) violation {
			s.must(s.new(0, Node, 1))
			s.m.SaveAll(true)
			return s.then("B2 K10")
		}, Garbage},
		{"what is in the garbage dies", counting, func(s script) violation {
			s.cycle()
			s.m.SaveAll(true)
			return s.then("B2 K10 K20 D10")
		}, Safety},
		{"a collection calls a legacy finalizer", counting, func(s script) violation {
			s.legacy()
			return s.then("B2 F10")
		}, Garbage},
		{"what has a legacy finalizer is kept, and what it reaches", counting, func(s script) violation {
			s.legacy()
			return s.then("B2 K10 E2")
		}, nil},
		{"what has a legacy finalizer dies in a collection", counting, func(s script) violation {
			s.legacy()
			return s.then("B2 D10")
		}, FinalLost},
		{"more garbage than was told", counting, func(s script) violation {
			s.m.DropGarbage()
			return s.m.Dropped(1)
		}, Garbage},
		{"a collection is told", counting, func(s script) violation {
			s.m.Watch()
			return s.then("B1 S1 T0 E0")
		}, nil},
		{"a collection is told as another", counting, func(s script) violation {
			s.m.Watch()
			return s.then("B1 S2 T0 E0")
		}, Watched},
		{"a collection is told to return something else", counting, func(s script) violation {
			s.m.Watch()
			return s.then("B1 S1 T1 E0")
		}, Watched},
		{"a collection is not told", counting, func(s script) violation {
			s.m.Watch()
			return s.then("B1 E0")
		}, Watched},
		{"a collection that starts by itself", counting, func(s script) violation {
			s.m.Watch()
			s.m.Enable(true)
			s.must(s.then("S1 T0"))
			return s.m.Stats(1, 0)
		}, nil},
		{"one that is not in the statistics", counting, func(s script) violation {
			s.m.Watch()
			s.m.Enable(true)
			s.must(s.then("S1 T0"))
			return s.m.Stats(0, 0)
		}, Stats},
		{"a young collection takes old garbage", counting, func(s script) violation {
			s.pair()
			s.must(s.then("B0 E0"))
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.then("B0 D10")
		}, Elders},
		{"a finalizer sees garbage through a weak reference", counting, func(s script) violation {
			s.called()
			return s.then("B2 F10 L30")
		}, WeakDead},
		{"a finalizer sees what lives through a weak reference", counting, func(s script) violation {
			s.must(s.new(3, Node, 1))
			s.weak(4, 3, false)
			s.called()
			return s.then("B2 C30 F10 L50 R10 D10 D20 E2")
		}, nil},
		{"a finalizer sees garbage through a weak reference that another made", counting, func(s script) violation {
			s.pair()
			s.m.Finalizer(0, Refer)
			s.m.Finalizer(1, Look)
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.then("B2 F10 W30 R10 F20 L30 R20 D20 D10 E2")
		}, nil},
		{"a finalizer sees what saved itself from its count in the same operation", counting, func(s script) violation {
			s.must(s.new(0, Node, 1))
			s.m.Finalizer(0, Rescue)
			s.weak(1, 0, false)
			s.must(s.new(2, Node, 1))
			s.set(2, 0, 2)
			s.m.Finalizer(2, Look)
			s.must(s.drop(2, ""))
			return s.drop(0, "F10 R10 B2 F30 L20 R30 D30 E1")
		}, nil},
		{"a callback in a collection inside a death that holds its reference", counting, func(s script) violation {
			s.must(s.new(0, Node, 1)) // a cycle, 10, whose weak reference 20 is held by 30 alone
			s.weak(1, 0, true)
			s.set(0, 0, 0)
			s.must(s.new(2, Node, 1))
			s.set(2, 0, 1)
			s.weak(3, 2, true)
			s.must(s.drop(0, ""))
			s.must(s.drop(1, ""))
			return s.drop(2, "C40 Y0 B2 C20 D10 E1 Z0 D30 D20")
		}, nil},
		{"what is caught is dead", counting, func(s script) violation {
			s.must(s.new(0, Node, 0))
			s.must(s.new(1, Node, 0))
			s.m.Finalizer(1, Catch)
			s.weak(2, 0, false)
			s.must(s.drop(0, "D10"))
			return s.drop(1, "F20 G30")
		}, WeakDead},
		{"it stores itself in what lives, and dies", counting, func(s script) violation {
			s.must(s.new(0, Node, 1))
			s.must(s.new(1, Node, 0))
			s.m.Finalizer(1, Host)
			return s.drop(1, "F20 H10 R20 D20")
		}, Safety},
		{"the first size", counting, func(s script) violation {
			s.must(s.new(0, Node, 2))
			s.must(s.m.Size(0, 32))
			s.must(s.new(1, Node, 2))
			return s.m.Size(1, 40)
		}, Sizes},
		{"a size that shrinks with the fields", counting, func(s script) violation {
			s.must(s.new(0, Node, 3))
			s.must(s.m.Size(0, 32))
			s.must(s.new(1, Node, 2))
			return s.m.Size(1, 40)
		}, Sizes},
		{"a size that changes when it is asked for", counting, func(s script) violation {
			s.must(s.new(0, 2, 3))
			s.must(s.m.Size(0, 32))
			return s.m.Size(0, 40)
		}, Sizes},
		{"a list has room to spare", counting, func(s script) violation {
			s.must(s.new(0, 2, 3))
			s.must(s.m.Size(0, 32))
			s.must(s.new(1, 2, 3))
			return s.m.Size(1, 40)
		}, nil},
		{"not followed", counting, func(s script) violation {
			s.must(s.new(0, Node, 1))
			return s.m.Tracked(0, false, false)
		}, Tracking},
		{"a tuple is not followed", counting, func(s script) violation {
			s.must(s.new(0, 3, 1))
			return s.m.Tracked(0, false, false)
		}, nil},
		{"a tuple is not followed, and something in it is", counting, func(s script) violation {
			s.must(s.new(0, 3, 1))
			return s.m.Tracked(0, false, true)
		}, Tracking},
		{"finalized too early", counting, func(s script) violation {
			s.must(s.new(0, Node, 1))
			s.m.Finalizer(0, Idle)
			return s.m.Finished(0, true)
		}, Finished},
		{"an object is in no generation", counting, func(s script) violation {
			s.pair()
			s.must(s.events("O10"))
			return s.m.Census(-1)
		}, Followed},
		{"an object is in two generations", counting, func(s script) violation {
			s.pair()
			s.must(s.events("O10 O20 O10"))
			return s.m.Census(-1)
		}, Followed},
		{"a generation that is too young", counting, func(s script) violation {
			s.pair()
			s.must(s.then("B1 E0"))
			s.must(s.events("O10"))
			return s.m.Census(1)
		}, Followed},
		{"older than it can be", counting, func(s script) violation {
			s.must(s.then("B1 E0"))
			s.must(s.new(0, Node, 1))
			return s.m.Generation(0, 1)
		}, Promotion},
		{"a referent is left out", counting, func(s script) violation {
			s.pair()
			return s.m.Referents(0)
		}, Edges},
		{"a referrer that is none", counting, func(s script) violation {
			s.pair()
			s.must(s.events("O10 O20"))
			return s.m.Referrers(0)
		}, Edges},
		{"a referrer is left out", counting, func(s script) violation {
			s.pair()
			return s.m.Referrers(0)
		}, Edges},
		{"too few are frozen", counting, func(s script) violation {
			s.pair()
			s.m.Freeze(true)
			return s.m.FreezeCount(1)
		}, Frosted},
		{"frozen after the end", counting, func(s script) violation {
			s.pair()
			s.m.Freeze(true)
			s.m.Freeze(false)
			return s.m.FreezeCount(2)
		}, Frosted},
	} {
		t.Run(tt.name, func(t *testing.T) { judge(t, tt.do(script{t, NewModel(tt.contract, true)}), tt.want) })
	}
}

func judge(t *testing.T, v violation, want *model.Invariant) {
	t.Helper()
	switch {
	case v == nil && want != nil:
		t.Fatalf("accepted, where %s should speak: %s", want.Name, want.Doc)
	case v != nil && v.Rule != want:
		t.Fatalf("refused: %v", v)
	case v != nil && strings.ContainsAny(v.Signature(), "0123456789"):
		t.Fatalf("the signature %q holds a number", v.Signature())
	}
}

// trash leaves a cycle, 10 and 20, of which 20 holds a weak reference with callback, 30, to 10.
func (s script) trash() {
	s.pair()
	s.weak(2, 0, true)
	s.set(1, 1, 2)
	for slot := range uint32(3) {
		s.must(s.drop(slot, ""))
	}
}

// called leaves a cycle, 10 with a finalizer and 20, and p2 is a weak reference with callback, 30, to 10.
func (s script) called() {
	s.pair()
	s.m.Finalizer(0, Idle)
	s.weak(2, 0, true)
	s.must(s.drop(0, ""))
	s.must(s.drop(1, ""))
}

// nest makes p0, 10, whose fields are the list 20 twice, and the tuple 40, which holds an atom, 30.
func (s script) nest() {
	s.must(s.new(0, Node, 3))
	s.must(s.new(1, 2, 1))
	s.must(s.new(2, Atom, 0))
	s.must(s.new(3, 3, 1))
	s.set(0, 0, 1)
	s.set(0, 1, 1)
	s.set(0, 2, 3)
	s.set(3, 0, 2)
}

// deep tells a deep copy of p0, whose ID is 100.
func (s script) deep(events string) violation {
	s.must(s.events(events))
	return s.and(s.m.Copy(8, 0, 100, true))
}

// legacy leaves a cycle, 10 with a legacy finalizer and 20.
func (s script) legacy() {
	s.pair()
	s.m.Legacy(0, Idle)
	s.must(s.drop(0, ""))
	s.must(s.drop(1, ""))
}

// withAtom leaves a cycle, 10 and 20, that holds an atom, 30.
func (s script) withAtom() {
	s.pair()
	s.must(s.new(2, Atom, 9))
	s.set(1, 1, 2)
	for slot := range uint32(3) {
		s.must(s.drop(slot, ""))
	}
}

func (s script) alias(slot, from uint32) violation {
	s.m.Alias(slot, from)
	return nil
}

// A heap that tells no deaths is judged by what it says is in use.
func TestModelUnobserved(t *testing.T) {
	for _, tt := range []struct {
		name     string
		contract Contract
		objects  uint64
		want     *model.Invariant
	}{
		{"both of the cycle are gone after a full collection", counting, 1, nil},
		{"one is left", counting, 2, Accounted},
		{"one may be left", Contract{}, 2, nil},
		{"more than were made", Contract{}, 4, Accounted},
		{"less than is reachable", Contract{}, 0, Accounted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := script{t, NewModel(tt.contract, false)}
			s.must(s.new(5, Node, 0))
			s.cycle()
			s.must(s.then("B2 E2"))
			judge(t, s.m.Usage(tt.objects, 100), tt.want)
		})
	}
	t.Run("a full collection right after another finds something", func(t *testing.T) {
		s := script{t, NewModel(counting, false)}
		s.cycle()
		s.must(s.then("B2 E1"))
		judge(t, s.then("B2 E1"), Settled)
	})
	t.Run("what a full collection finds dead is not in the garbage", func(t *testing.T) {
		s := script{t, NewModel(counting, false)}
		s.cycle()
		s.m.SaveAll(true)
		judge(t, s.then("B2 K10 E2"), Garbage)
	})
	t.Run("what a young one may have taken before need not be in the garbage", func(t *testing.T) {
		s := script{t, NewModel(counting, false)}
		s.cycle()
		s.must(s.then("B0 E2"))
		s.m.SaveAll(true)
		s.must(s.new(4, Node, 1))
		s.set(4, 0, 4)
		s.must(s.drop(4, ""))
		judge(t, s.then("B2 K50 E1"), nil)
	})
	t.Run("a callback after a finalizer", func(t *testing.T) {
		s := script{t, NewModel(counting, false)}
		s.called()
		judge(t, s.then("B2 F10 R10 C30 E2"), CallOrder)
	})
	t.Run("a callback after a finalizer that took the last reference to something", func(t *testing.T) {
		s := script{t, NewModel(counting, false)}
		for slot := range uint32(3) {
			s.must(s.new(slot, Node, 1))
		}
		s.set(0, 0, 1)
		s.set(1, 0, 2)
		s.weak(3, 2, true)
		s.must(s.drop(1, ""))
		s.must(s.drop(2, ""))
		s.must(s.new(4, Node, 1))
		s.set(4, 0, 4)
		s.m.Finalizer(4, Host)
		s.must(s.drop(4, ""))
		judge(t, s.then("B2 F50 H10 R50 C40 E0"), nil)
	})
	t.Run("what has no reference may be used again at once", func(t *testing.T) {
		s := script{t, NewModel(counting, false)}
		s.must(s.new(0, Node, 0))
		s.must(s.drop(0, ""))
		judge(t, s.m.New(1, 10, Node, 0), nil)
	})
}

func TestWalk(t *testing.T) {
	graph := map[ID][]ID{
		1: {2, 3}, 2: {1}, 3: {0, 2},
		11: {12, 13}, 12: {11}, 13: {0, 12},
		21: {22, 23}, 22: {21}, 23: {22, 0},
	}
	look := func(id ID, buf []ID) (Kind, []ID) { return Node, append(buf, graph[id]...) }
	shape, names, whole := Walk(1, look)
	if again, others, _ := Walk(11, look); again != shape || others == names {
		t.Error("two graphs of one shape and other IDs differ in shape, or do not differ in names")
	}
	if !whole {
		t.Error("three objects are more than a walk visits")
	}
	if other, _, _ := Walk(21, look); other == shape {
		t.Error("two graphs with other edges have one shape")
	}
}
