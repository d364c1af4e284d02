// Package valuecanary has stores of values that are wrong on purpose: the reference with one defect each.
package valuecanary

import (
	"bytes"
	"errors"
	"slices"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model"
	"heapfuzz/model/value"
	"heapfuzz/props"
	"heapfuzz/props/valuetest"
)

// Bug is a defect.
type Bug int

// The defects.
const (
	Sound       Bug = iota
	Blinks          // a list of one item looks empty every second time
	Rounds          // a float that is made is another
	PopKeeps        // pop gives an item that is not the last
	LastFirst       // a dict tells its entries backwards
	NotFound        // a set does not find what is None
	ShortLength     // of three items two are counted
	CopyIsSame      // a list is its own copy
	DeepIsFlat      // a deep copy of a list is a shallow one
	TwiceNamed      // a string is interned again and again
	Uncounted       // an item that is inserted is not counted
	Roomy           // a list that is extended has too much room
	HalfDone        // a push that is refused was made
	Moody           // the third list is refused
	Hoards          // bytearrays stay
	Lingers         // a dead list waits
	Sealed          // a capsule is not opened
	Suspicious      // two lists are an invariant that does not hold
	Panics          // an empty list cannot be cleared
	Silent          // a weak reference that is to call back does not
	Quiet           // an instance dies, and its finalizer does not run
	Wide            // a stream has a small int in two bytes
	Twins           // what a list holds twice is read twice
	Torn            // a stream that was cut off is read
	bugs
)

// table has a canary of every defect.
var table = []struct {
	bug       Bug
	name, doc string
	rule      *model.Invariant
	or        []*model.Invariant
	reason    string
}{
	{Blinks, "value-blinks", "says every second time that a list of one item is empty", value.Answers,
		[]*model.Invariant{value.Contents, value.Length, value.Failure},
		"where it is asked for an item, it gives another"},
	{Rounds, "value-rounds", "makes 2 of 1.5", value.Equal, nil, ""},
	{PopKeeps, "value-pop", "pops the first item", value.Contents, nil, ""},
	{LastFirst, "value-backwards", "tells the entries of a dict backwards", value.Order, nil, ""},
	{NotFound, "value-none", "does not find None in a set", value.Member, nil, ""},
	{ShortLength, "value-short", "counts two items of three", value.Length, nil, ""},
	{CopyIsSame, "value-copy", "takes a list for its copy", value.Copies, nil, ""},
	{DeepIsFlat, "value-flat", "copies a list of lists as if it were a list of numbers", value.Copies, nil, ""},
	{TwiceNamed, "value-names", "interns a string again", value.Once, nil, ""},
	{Uncounted, "value-uncounted", "does not count an item that is inserted", value.Counts,
		[]*model.Invariant{props.Alive, value.Contents}, "what is not counted dies too early"},
	{Roomy, "value-roomy", "makes too much room", value.Size, nil, ""},
	{HalfDone, "value-half", "adds an item and says that there was no memory", value.Failure, nil, ""},
	{Moody, "value-moody", "refuses a list of three", value.Serves, nil, ""},
	{Hoards, "value-hoards", "keeps bytearrays for ever", value.Returned, nil, ""},
	{Lingers, "value-lingers", "keeps a dead list for the next", value.Waiting, nil, ""},
	{Sealed, "value-sealed", "does not open capsules", value.Opens, nil, ""},
	{Suspicious, "value-suspicious", "says that a list of two is an error", value.Holds, nil, ""},
	{Silent, "value-silent", "makes weak references that do not call back", value.Weakly, nil, ""},
	{Quiet, "value-quiet", "makes instances whose finalizer does not run", value.Runs,
		[]*model.Invariant{value.Streams}, "their class is another, and a stream names it"},
	{Wide, "value-wide", "writes small ints in two bytes", value.Streams, nil, ""},
	{Twins, "value-twins", "reads what a list holds twice as two objects", value.Loads, nil, ""},
	{Torn, "value-torn", "reads streams that were cut off", value.Loads, nil, ""},
	{Panics, "value-panics", "panics when an empty list is cleared", props.Alive, nil, ""},
}

// All returns the canaries.
func All() (all []canarytest.Canary) {
	for _, r := range table {
		open := func(valuetest.World) (value.Store, error) {
			return &store{Reference: value.NewReference(), bug: r.bug}, nil
		}
		all = append(all, canarytest.Canary{
			Name: r.name, Doc: r.doc, Rule: r.rule, Or: r.or, Reason: r.reason,
			Contract: value.ReferenceContract,
			Subject: func() *props.Subject {
				return valuetest.Subject(canarytest.Prefix+r.name, value.ReferenceContract, open)
			},
		}.Filled())
	}
	return all
}

// store is a Reference with a defect.
type store struct {
	*value.Reference
	bug   Bug
	t     value.Told
	looks int // at lists of one item
	waits uint64
}

// of tells whether an object is of a kind and has so many items.
func (s *store) of(o value.ID, k value.Kind, items int) bool {
	s.Reference.Look(o, &s.t)
	return s.t.Kind == k && len(s.t.Items) == items
}

func (s *store) Atom(a value.Atom) value.ID {
	if s.bug == Rounds && a.Text == value.FloatText(1.5) {
		a.Text = value.FloatText(2)
	}
	return s.Reference.Atom(a)
}

func (s *store) Intern(text string, constant bool) value.ID {
	if s.bug == TwiceNamed {
		for _, a := range value.Strings {
			if a.Text == text {
				return s.Atom(a)
			}
		}
	}
	return s.Reference.Intern(text, constant)
}

func (s *store) Make(w value.Way, items []value.ID) value.ID {
	if s.bug == Moody && w == value.ListOf && len(items) == 3 {
		return 0
	}
	if s.bug == Quiet && w == value.FinalOf {
		w = value.SlotsOf
	}
	return s.Reference.Make(w, items)
}

func (s *store) Look(o value.ID, t *value.Told) {
	s.Reference.Look(o, t)
	switch {
	case s.bug == Blinks && t.Kind == value.List && t.Len == 1:
		if s.looks++; s.looks%2 == 0 {
			t.Len = 0
		}
	case s.bug == ShortLength && t.Kind == value.Tuple && t.Len == 3:
		t.Len = 2
	case s.bug == Roomy && t.Kind == value.List && t.Len == 5:
		t.Size += 8
	case s.bug == LastFirst && t.Kind == value.Dict && len(t.Items) > 2:
		t.Items = slices.Concat(t.Items[len(t.Items)-2:], t.Items[:len(t.Items)-2])
	}
}

func (s *store) Pop(o value.ID) value.ID {
	s.Reference.Look(o, &s.t)
	if s.bug != PopKeeps || len(s.t.Items) < 2 {
		return s.Reference.Pop(o)
	}
	first := s.Get(o, 0)
	s.DeleteSlice(o, 0, 1)
	return first
}

func (s *store) Push(o, v value.ID) bool {
	ok := s.Reference.Push(o, v)
	if s.bug == HalfDone && !ok {
		s.InjectOOM(0, false)
		s.Reference.Push(o, v)
	}
	return ok
}

func (s *store) Insert(o value.ID, i int, v value.ID) bool {
	ok := s.Reference.Insert(o, i, v)
	if s.bug == Uncounted && ok {
		s.Free(v)
	}
	return ok
}

func (s *store) Has(o, key value.ID) bool {
	return s.Reference.Has(o, key) && !(s.bug == NotFound && s.of(key, value.None, 0))
}

func (s *store) Free(o value.ID) {
	if o != 0 && s.bug == Hoards && s.of(o, value.ByteArray, 0) && s.t.Count == 1 {
		return
	}
	if s.bug == Lingers && o != 0 && s.of(o, value.List, 0) && s.t.Count == 1 {
		s.waits = 1
	}
	s.Reference.Free(o)
}

func (s *store) Clear(o value.ID) {
	if s.bug == Panics && s.of(o, value.List, 0) {
		panic("an empty list")
	}
	s.Reference.Clear(o)
}

func (s *store) Copy(o value.ID, deep bool) (value.ID, value.CopyError) {
	s.Reference.Look(o, &s.t)
	if s.bug == CopyIsSame && s.t.Kind == value.List {
		s.Share(o)
		return o, value.Copied
	}
	return s.Reference.Copy(o, deep && s.bug != DeepIsFlat)
}

func (s *store) Pickle(o value.ID, flat bool) (value.ID, value.Stream, value.CopyError) {
	y, stream, why := s.Reference.Pickle(o, flat)
	if s.bug == Wide {
		stream.Bytes = bytes.Replace(stream.Bytes, []byte{'K', 7}, []byte{'M', 7, 0}, 1)
	}
	if s.Reference.Look(o, &s.t); s.bug == Twins && s.t.Kind == value.List && why == value.Copied {
		if other, _, why := s.Reference.Pickle(o, true); why == value.Copied {
			s.Free(y)
			y = other
		}
	}
	return y, stream, why
}

func (s *store) Spoil(o value.ID, at, b int) (read bool, why value.CopyError) {
	read, why = s.Reference.Spoil(o, at, b)
	return read || s.bug == Torn && why == value.Copied, why
}

func (s *store) NewWeak(o value.ID, calls bool) value.ID {
	return s.Reference.NewWeak(o, calls && s.bug != Silent)
}

func (s *store) Waiting() (objects, bytes uint64) { return s.waits, 0 }

func (s *store) Opened() uint64 {
	if s.bug == Sealed {
		return 0
	}
	return s.Reference.Opened()
}

// CheckInvariants finds what one defect takes for an error.
func (s *store) CheckInvariants(held func(func(value.ID))) (err error) {
	held(func(o value.ID) {
		if s.bug == Suspicious && s.of(o, value.List, 2) {
			err = errors.New("value/pair: two items")
		}
	})
	return err
}
