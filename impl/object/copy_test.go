package object

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// shape draws what an object leads to, each object by a number in the order in which it is met, so that two graphs of
// the same shape are drawn alike. What was met before is its number. What a function has is not looked at.
func shape(h *Heap, o Ref) string {
	met := map[Ref]int{}
	var draw func(o Ref) string
	draw = func(o Ref) string {
		if o == 0 {
			return "-"
		}
		if n, ok := met[o]; ok {
			return fmt.Sprint("#", n)
		}
		met[o] = len(met)
		switch o.kind() {
		case KindInt:
			return h.IntValue(o).String()
		case KindStr:
			return h.StrText(o)
		case KindWeakref, KindFunction:
			return o.kind().String()
		}
		var parts []string
		h.Referents(o, func(x Ref) { parts = append(parts, draw(x)) })
		return fmt.Sprintf("%s%d(%s)", o.kind(), h.Len(o), strings.Join(parts, " "))
	}
	return draw(o)
}

// everything returns all objects that can be reached from one, but through a function.
func everything(h *Heap, o Ref) map[Ref]bool {
	met := map[Ref]bool{o: true}
	for todo := []Ref{o}; len(todo) > 0; {
		o := todo[0]
		todo = todo[1:]
		h.Referents(o, func(x Ref) {
			if !met[x] && o.kind() != KindFunction {
				met[x] = true
				todo = append(todo, x)
			}
		})
	}
	return met
}

// A nest holds one graph of every sort that is copied; what they share is shared.
type nest struct {
	h    *Heap
	all  Ref // a list of all
	inst TypeID
}

// build makes a nest. Its list is the caller's.
func build(t *testing.T, h *Heap) nest {
	t.Helper()
	n := nest{h: h, all: h.NewList(0)}
	n.inst = define(t, h, Type{Name: "inst", Kind: KindInstance, Attrs: 3, Weak: true})
	slots := define(t, h, Type{Name: "slots", Kind: KindSlotted, Attrs: 2, Weak: true})
	add := func(o Ref) Ref {
		h.Push(n.all, o)
		h.Decref(o)
		return o
	}
	long := add(h.NewInt(1 << 40))
	add(h.NewTuple(long, add(h.NewStr("key"))))
	reflexive := add(h.NewList(2))
	h.SetItem(reflexive, 0, reflexive)
	inTuple := add(h.NewList(1))
	tuple := add(h.NewTuple(inTuple, long))
	h.SetItem(inTuple, 0, tuple)
	i, s := add(h.New(n.inst)), add(h.New(slots))
	h.SetItem(i, 0, i)
	h.SetItem(i, 2, s)
	h.SetItem(s, 1, tuple)
	d := add(h.NewDict())
	h.DictSet(d, long, d)
	first, second := i, tuple
	if h.prof.ByteStr { // the order of keys that are hashed by their address is another in a copy
		first, second = add(h.NewStr("first")), add(h.NewStr("second"))
	}
	h.DictSet(d, first, inTuple)
	h.DictDelete(d, long)
	h.DictSet(d, second, long)
	add(h.NewSet(i, s, long))
	add(h.NewFrozenset(s))
	add(h.NewSlice(long, 0, i))
	f := add(h.NewFunction(d, 0))
	add(h.NewMethod(f, i))
	add(h.NewWeakref(i, true))
	add(h.NewByteArray(make([]byte, 9)))
	add(h.NewRange(3, 900, 300))
	return n
}

// A deep copy has the shape of the original and shares only what may be shared.
func TestDeepCopy(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		n := build(t, h)
		want := shape(h, n.all)
		y, err := h.DeepCopy(n.all)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if got := shape(h, y); got != want || strings.Count(want, "#") < 10 {
			t.Errorf("%s: the copy is\n%s\nwant\n%s", p.Name, got, want)
		}
		shared := map[Kind]bool{
			KindInt: true, KindStr: true, KindFunction: true, KindWeakref: true, KindRange: p.DeepRange,
		}
		own := everything(h, n.all)
		for o := range everything(h, y) {
			if atoms := h.Get(n.all, 2); own[o] && !shared[o.kind()] && o != atoms {
				t.Errorf("%s: a %s is in both", p.Name, o.kind())
			}
		}
		if err := check(h, n.all, y); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		h.Clear(y) // the cycles in the copy are its own, and so left over
	}
}

// Copy makes one new object, or none.
func TestCopy(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		n := build(t, h)
		for i := range h.Len(n.all) {
			o := h.Get(n.all, i)
			y, err := h.Copy(o)
			if err != nil {
				t.Fatalf("%s: %s: %v", p.Name, o.kind(), err)
			}
			same := h.isOwnCopy(o, false)
			if (y == o) != same {
				t.Errorf("%s: a %s is its own copy: %t", p.Name, o.kind(), y == o)
			}
			if a, b := items(h, o), items(h, y); !slices.Equal(a, b) || h.Len(o) != h.Len(y) {
				t.Errorf("%s: a %s refers to %d objects, its copy to %d others", p.Name, o.kind(), len(a), len(b))
			}
			if h.IsTracked(o) != h.IsTracked(y) {
				t.Errorf("%s: a %s is tracked, %t, and its copy, %t", p.Name, o.kind(), h.IsTracked(o), h.IsTracked(y))
			}
			if err := check(h, n.all, y); err != nil {
				t.Fatalf("%s: %s: %v", p.Name, o.kind(), err)
			}
			h.Decref(y)
		}
		if o, err := h.Copy(0); o != 0 || err != nil {
			t.Errorf("%s: an empty slot is copied to %v, %v", p.Name, o, err)
		}
	}
}

// items are the references of an object; of an instance, those in its dict.
func items(h *Heap, o Ref) (all []Ref) {
	if k := o.kind(); k == KindInstance {
		for i := range h.Len(o) {
			all = append(all, h.Get(o, i))
		}
		return all
	}
	h.Referents(o, func(x Ref) { all = append(all, x) })
	return all
}

// What is not copied, at any depth, leaves nothing behind.
func TestUncopyable(t *testing.T) {
	h := open(t, "3.12")
	rows := []struct {
		what string
		make func() Ref
		want error
	}{
		{"cell", func() Ref { return h.NewCell(0) }, ErrUncopyable},
		{"capsule", func() Ref { return h.NewCapsule(Nothing) }, ErrUncopyable},
		{"generator", func() Ref { return h.NewRecord("generator") }, ErrUncopyable},
		{"class", func() Ref { return h.NewRecord("type") }, nil},
	}
	for _, r := range rows {
		o := r.make()
		_, err := h.Copy(o)
		if !errors.Is(err, r.want) {
			t.Errorf("a copy of a %s: %v", r.what, err)
		}
		if err == nil {
			h.Decref(o)
		}
		in := h.NewList(1)
		h.SetItem(in, 0, in)
		l := h.NewTuple(in, o)
		h.Decref(in)
		h.Decref(o)
		live := h.Live()
		y, err := h.DeepCopy(l)
		if !errors.Is(err, r.want) {
			t.Errorf("a deep copy of a %s: %v", r.what, err)
		}
		if err != nil && h.Live() != live {
			t.Errorf("%d objects live after the failure, before it %d", h.Live(), live)
		}
		if err := check(h, l, y); err != nil {
			t.Errorf("%s: %v", r.what, err)
		}
		h.Decref(y)
		h.Decref(l)
	}
}

// A cycle of tuples alone has no copy.
func TestEndless(t *testing.T) {
	h := open(t, "3.13")
	a, b := h.NewTuple(0), h.NewTuple(0)
	h.SetTupleItem(a, 0, b)
	h.SetTupleItem(b, 0, a)
	if _, err := h.DeepCopy(a); !errors.Is(err, ErrEndless) {
		t.Errorf("got %v", err)
	}
	l := h.NewList(1)
	h.SetItem(l, 0, a)
	h.SetTupleItem(b, 0, l)
	y, err := h.DeepCopy(a)
	if err != nil || shape(h, y) != shape(h, a) {
		t.Errorf("a cycle with a list: %v", err)
	}
}

// The memo has the entries that CPython's has, and knows copies the second time.
func TestMemo(t *testing.T) {
	h := open(t, "3.11")
	m := h.NewMemo()
	inner, l := h.NewList(1), h.NewList(3)
	h.SetItem(l, 1, inner)
	h.SetItem(l, 2, l)
	y, err := m.DeepCopy(l)
	if err != nil || m.Len() != 3 {
		t.Errorf("%d entries, %v, want 3", m.Len(), err)
	}
	again, err := m.DeepCopy(inner)
	if err != nil || again != h.Get(y, 1) || m.Len() != 3 {
		t.Errorf("the inner list is copied again, %v", err)
	}
	h.Decref(l)
	h.Decref(inner)
	if h.Kind(l) != KindList {
		t.Error("the memo does not keep the original alive")
	}
	m.Close()
	if m.Len() != 0 {
		t.Error("a closed memo has entries")
	}
	one := h.NewInt(1)
	atoms := h.NewTuple(h.NewTuple(one), one)
	if y, err := m.DeepCopy(atoms); y != atoms || err != nil || m.Len() != 0 {
		t.Errorf("a tuple of atoms: %v, %d entries", err, m.Len())
	}
}

// A tuple of atoms that is held twice at each of 60 levels is looked at once.
func TestDeepCopyShared(t *testing.T) {
	h := open(t, "3.12")
	o := h.NewTuple(0)
	for range 60 {
		twice := h.NewTuple(o, o)
		h.Decref(o)
		o = twice
	}
	if y, err := h.DeepCopy(o); y != o || err != nil {
		t.Errorf("it is not its own copy: %v", err)
	}
}

// Objects on a cycle that are made at the end are made twice, as CPython makes them.
func TestSetOnCycle(t *testing.T) {
	h := open(t, "3.10")
	id := define(t, h, Type{Name: "inst", Kind: KindInstance, Attrs: 1})
	o := h.New(id)
	s := h.NewSet(o)
	h.SetItem(o, 0, s)
	y, err := h.DeepCopy(s)
	if err != nil {
		t.Fatal(err)
	}
	member := Ref(0)
	h.Referents(y, func(x Ref) { member = x })
	inner := h.Get(member, 0)
	if inner == y || inner == s || h.Len(inner) != 1 || !h.SetHas(inner, member) {
		t.Error("the instance in the copied set does not hold a second copy that holds it")
	}
	if err := check(h, o, s, y); err != nil {
		t.Error(err)
	}
}

// Who has the dict of an instance itself gets the copy of the dict, which is not the dict of the copy (up to 3.10).
func TestDictOfInstance(t *testing.T) {
	h := open(t, "3.8")
	id := define(t, h, Type{Name: "inst", Kind: KindInstance, Attrs: 1})
	o, inner := h.New(id), h.NewList(0)
	h.SetItem(o, 0, inner)
	dictOf := func(o Ref) (dict Ref) {
		h.Referents(o, func(x Ref) { dict = x })
		return dict
	}
	y, err := h.DeepCopy(h.NewTuple(o, dictOf(o)))
	if err != nil {
		t.Fatal(err)
	}
	copied, dict := h.Get(y, 0), h.Get(y, 1)
	value := Ref(0)
	h.Referents(dict, func(x Ref) { value = x })
	if dict == dictOf(copied) || dict == dictOf(o) || value != h.Get(copied, 0) || value == inner || value == 0 {
		t.Error("the dict in the tuple is not a copy of its own with the same values")
	}
}

// A chain of a million objects is copied and dies without a deep stack.
func TestDeepCopyLong(t *testing.T) {
	const n = 1_000_000
	h := open(t, "3.12")
	inst := define(t, h, Type{Name: "slots", Kind: KindSlotted, Attrs: 1})
	chain := Ref(0)
	for i := range n {
		var o Ref
		switch i % 3 {
		case 0:
			o = h.NewList(1)
			h.SetItem(o, 0, chain)
		case 1:
			o = h.NewTuple(chain)
		default:
			o = h.New(inst)
			h.SetItem(o, 0, chain)
		}
		h.Decref(chain)
		chain = o
	}
	y, err := h.DeepCopy(chain)
	if err != nil || h.Live() != 2*n {
		t.Fatalf("%v, %d objects live", err, h.Live())
	}
	h.Decref(chain)
	h.Decref(y)
	if h.Live() != 0 {
		t.Errorf("%d objects live", h.Live())
	}
}

// Whichever request for memory fails, the partial copy is freed.
func TestDeepCopyNoMemory(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		n := build(t, h)
		big := h.NewByteArray(make([]byte, 100_000))
		h.Push(n.all, big)
		for range 60 {
			h.Push(n.all, h.NewByteArray(make([]byte, 2000)))
		}
		live, failed := h.Live(), 0
		for nth := 1; nth < 12; nth++ {
			h.ClearFreeLists()
			h.Memory().Trim()
			h.Memory().InjectOOM(nth, false)
			y, err := h.DeepCopy(n.all)
			h.Memory().InjectOOM(0, false)
			if err != nil {
				failed++
				if !errors.Is(err, ErrNoMemory) || h.Live() != live {
					t.Fatalf("%s: request %d: %v, %d live, want %d", p.Name, nth, err, h.Live(), live)
				}
			} else {
				h.Clear(y)
				h.Decref(y)
				live = h.Live() // the cycles of that copy stay
			}
		}
		if failed == 0 {
			t.Errorf("%s: no request failed", p.Name)
		}
	}
}

// What a copy takes over and what it does not: a range from 3.10 on, that a dict is tracked from 3.7 on (before,
// it is one that is filled), that a method is fixed.
func TestCopyDetails(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		r := h.NewRange(300, 900, 1)
		if y, err := h.DeepCopy(r); err != nil || (y == r) != p.DeepRange {
			t.Errorf("%s: a range is its own deep copy: %t, %v", p.Name, y == r, err)
		}
		d, k, l := h.NewDict(), h.NewInt(1), h.NewList(0)
		h.DictSet(d, k, l)
		h.DictSet(d, k, 0)
		if y, err := h.Copy(d); err != nil || h.IsTracked(y) != (p.HeadBytes == 16 || p.Name == "3.7") {
			t.Errorf("%s: the copy of a tracked dict of atoms is tracked: %t, %v", p.Name, h.IsTracked(y), err)
		}
		if m := h.NewMethod(0, l); h.SetItem(m, MethodSelf, k) || h.Get(m, MethodSelf) != l {
			t.Errorf("%s: a method is changed", p.Name)
		}
	}
}
