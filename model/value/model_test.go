package value

import (
	"math/big"
	"testing"

	"heapfuzz/model"
)

// script is a model, and the reference that answers what it judges. Slots are 0 for a list of 1 and 2, 1 for 1, and
// 2 for 2.
type script struct {
	*testing.T
	m   *Model
	r   *Reference
	ids map[uint64]ID
}

func begin(t *testing.T) script {
	s := script{t, NewModel(ReferenceContract), NewReference(), map[uint64]ID{}}
	s.atom(1, NewInt(big.NewInt(1)))
	s.atom(2, NewInt(big.NewInt(2)))
	s.make(0, ListOf, 1, 2)
	return s
}

func (s script) must(v violation) {
	s.Helper()
	if v != nil {
		s.Fatal(v)
	}
}

func (s script) atom(slot uint64, a Atom) {
	s.ids[slot] = s.r.Atom(a)
	s.must(s.m.Atom(slot, a, s.ids[slot]))
}

func (s script) make(slot uint64, w Way, from ...uint64) {
	var items []ID
	for _, f := range from {
		items = append(items, s.ids[f])
	}
	s.ids[slot] = s.r.Make(w, items)
	s.must(s.m.Make(slot, w, from, s.ids[slot]))
}

// told is what is seen of a slot, after somebody has spoilt it.
func (s script) told(slot uint64, spoil func(*Told)) violation {
	var t Told
	s.r.Look(s.ids[slot], &t)
	s.must(s.m.Told(slot, &t))
	spoil(&t)
	return s.m.Told(slot, &t)
}

// weak has slot 4 refer weakly to a set in slot 3, with a callback; its ID is 999.
func (s script) weak() {
	s.make(3, SetOf, 1)
	s.must(s.m.NewWeak(4, 3, true, 999))
}

func (s script) free(slot uint64) {
	s.r.Free(s.ids[slot])
	s.m.Free(slot)
}

// Every rule that the model judges speaks, and of the same store that answers right none does.
func TestModelRules(t *testing.T) {
	for _, tt := range []struct {
		name string
		try  func(script) violation
		want *model.Invariant
	}{
		{"all is well", func(s script) violation { return s.told(0, func(*Told) {}) }, nil},
		{"a value", func(s script) violation { return s.told(1, func(t *Told) { t.Text = "3" }) }, Equal},
		{"an item", func(s script) violation {
			return s.told(0, func(t *Told) { t.Items = []ID{s.ids[1], s.ids[1]} })
		}, Contents},
		{"a kind", func(s script) violation { return s.told(0, func(t *Told) { t.Kind = Tuple }) }, Contents},
		{"a length", func(s script) violation { return s.told(0, func(t *Told) { t.Len++ }) }, Length},
		{"a count", func(s script) violation { return s.told(1, func(t *Told) { t.Count-- }) }, Counts},
		{"a size", func(s script) violation { return s.told(0, func(t *Told) { t.Size += 8 }) }, Size},
		{"a block", func(s script) violation { return s.told(1, func(t *Told) { t.Bytes += 16 }) }, Size},
		{"a string that nobody interned", func(s script) violation {
			s.atom(3, Atom{Kind: Str, Text: "name"})
			return s.told(3, func(t *Told) { t.Interned = true })
		}, Once},
		{"the order of a dict", func(s script) violation {
			s.make(3, DictOf, 1, 2, 2, 1)
			return s.told(3, func(t *Told) { t.Items = []ID{s.ids[2], s.ids[1], s.ids[1], s.ids[2]} })
		}, Order},
		{"a key of a set that is there", func(s script) violation {
			s.make(3, SetOf, 1)
			return s.m.Has(3, 1, false)
		}, Member},
		{"a key of a set that is not there", func(s script) violation {
			s.make(3, SetOf, 1)
			return s.m.Has(3, 2, true)
		}, Member},
		{"a copy that is its original", func(s script) violation { return s.m.Copy(3, 0, s.ids[0]) }, Copies},
		{"a new object that lives", func(s script) violation {
			return s.m.Atom(3, NewInt(big.NewInt(3)), s.ids[1])
		}, Once},
		{"a refusal with memory", func(s script) violation { return s.m.Begin(true) }, Serves},
		{"a refusal without", func(s script) violation {
			s.m.Armed = true
			return s.m.Begin(true)
		}, nil},
		{"a refusal that has changed something", func(s script) violation {
			s.m.Armed = true
			s.must(s.m.Begin(true))
			return s.told(0, func(t *Told) { t.Len++ })
		}, Failure},
		{"an object that should be dead", func(s script) violation { return s.m.Usage(4, 4, 100) }, Returned},
		{"memory without objects", func(s script) violation {
			for slot := range uint64(3) {
				s.free(slot)
			}
			s.must(s.m.Usage(0, 0, 0))
			return s.m.Usage(0, 1, 16)
		}, Returned},
		{"a dead object that waits", func(s script) violation { return s.m.Waiting(1, 8) }, Waiting},
		{"a capsule that was opened while it lives", func(s script) violation {
			s.atom(3, Atom{Kind: Capsule})
			s.must(s.m.Opened(0))
			return s.m.Opened(1)
		}, Opens},
		{"a capsule that is dead", func(s script) violation {
			s.atom(3, Atom{Kind: Capsule})
			s.free(3)
			s.must(s.m.Opened(1))
			return s.m.Opened(0)
		}, Opens},
		{"a finalizer that did not run", func(s script) violation {
			s.make(3, FinalOf, 1)
			s.must(s.m.Begin(false))
			s.free(3)
			return s.m.Ran(nil)
		}, Runs},
		{"a finalizer that runs twice", func(s script) violation {
			s.make(3, FinalOf, 1)
			s.must(s.m.Begin(false))
			s.free(3)
			return s.m.Ran([]ID{s.ids[3], s.ids[3]})
		}, Runs},
		{"a finalizer that runs again where that is promised", func(s script) violation {
			s.m.FinalAgain = true
			s.make(3, FinalOf, 1)
			s.must(s.m.Begin(false))
			s.free(3)
			return s.m.Ran([]ID{s.ids[3], s.ids[3]})
		}, nil},
		{"a finalizer of what lives", func(s script) violation {
			s.make(3, FinalOf, 1)
			s.must(s.m.Begin(false))
			return s.m.Ran([]ID{s.ids[3]})
		}, Runs},
		{"a weak reference that forgot", func(s script) violation {
			s.weak()
			return s.m.Deref(5, 4, 0)
		}, Weakly},
		{"a weak reference that does not call back", func(s script) violation {
			s.weak()
			s.must(s.m.Begin(false))
			s.free(3)
			return s.m.Ran(nil)
		}, Weakly},
		{"a weak reference that calls back", func(s script) violation {
			s.weak()
			s.must(s.m.Begin(false))
			s.free(3)
			return s.m.Ran([]ID{999})
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			switch v := tt.try(begin(t)); {
			case v == nil && tt.want != nil:
				t.Errorf("accepted, where %s should speak", tt.want.Name)
			case v != nil && v.Rule != tt.want:
				t.Errorf("refused: %v", v)
			}
		})
	}
}
