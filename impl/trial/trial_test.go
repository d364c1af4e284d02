package trial

import (
	"fmt"
	"slices"
	"testing"

	"heapfuzz/impl/internal/invariant"
	"heapfuzz/impl/object"
)

// A world is a heap with its collector and the references that the test holds.
type world struct {
	t     *testing.T
	h     *object.Heap
	c     *Collector
	roots []object.Ref
	plain object.TypeID // slots 0 to 2
	final object.TypeID // the same with a finalizer
	log   []string      // F, C and D with the tags of objects
}

func open(t *testing.T, profile string) *world {
	t.Helper()
	p, ok := object.ProfileByName(profile)
	if !ok {
		t.Fatalf("no profile %s", profile)
	}
	h, err := object.New(object.Config{Profile: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, h: h}
	if w.c, err = New(h); err != nil {
		t.Fatal(err)
	}
	for id, final := range map[*object.TypeID]object.Script{&w.plain: object.NoFinalizer, &w.final: object.Nothing} {
		if *id, err = h.Define(object.Type{Name: "node", Kind: object.KindSlotted, Attrs: 3, Weak: true,
			Final: final}); err != nil {
			t.Fatal(err)
		}
	}
	tell := func(what string) func(object.Ref) {
		return func(o object.Ref) { w.log = append(w.log, fmt.Sprintf("%s%d", what, h.Tag(o))) }
	}
	h.OnFinalize, h.OnCallback, h.OnDeath = tell("F"), tell("C"), tell("D")
	return w
}

// node makes an instance with a tag, which the test holds, that refers to others.
func (w *world) node(id object.TypeID, tag uint32, to ...object.Ref) object.Ref {
	o := w.h.New(id)
	w.h.SetTag(o, tag)
	for i, x := range to {
		w.h.SetItem(o, i, x)
	}
	w.roots = append(w.roots, o)
	return o
}

func (w *world) drop(o object.Ref) {
	i := slices.Index(w.roots, o)
	w.roots = slices.Delete(w.roots, i, i+1)
	w.h.Decref(o)
}

func (w *world) check() error {
	return w.c.CheckInvariants(func(hold func(object.Ref)) {
		for _, o := range w.roots {
			hold(o)
		}
	})
}

// expect asks for the log, and that all invariants hold.
func (w *world) expect(log string) {
	w.t.Helper()
	if got := fmt.Sprint(w.log); got != "["+log+"]" {
		w.t.Errorf("events %s, not [%s]", got, log)
	}
	w.log = nil
	if err := w.check(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) collect(want int) {
	w.t.Helper()
	if got := w.c.Collect(0); got != want {
		w.t.Errorf("a collection returned %d, not %d", got, want)
	}
}

func TestRing(t *testing.T) {
	for _, profile := range []string{"3.6", "3.8", "3.11", "3.12", "3.13"} {
		w := open(t, profile)
		a := w.node(w.plain, 1)
		b := w.node(w.plain, 2, a)
		w.h.SetItem(a, 0, b)
		w.collect(0)
		w.drop(a)
		w.expect("")
		w.collect(0) // b is held: a is no suspect any more
		if n := w.c.Suspects(); n != 0 {
			t.Errorf("%d suspects after a collection", n)
		}
		w.drop(b)
		w.expect("")
		w.collect(2)
		w.expect("D1 D2")
		if n := w.h.Live(); n != 0 {
			t.Errorf("%d objects live", n)
		}
	}
}

// What hangs from garbage, by whatever length, and what garbage hangs from.
func TestPaper(t *testing.T) {
	w := open(t, "3.11")
	tail := w.node(w.plain, 9)
	rings := tail
	for tag := uint32(1); tag <= 3; tag++ { // figure 3 of the paper: rings in a row, dropped from the right
		o := w.node(w.plain, tag)
		w.h.SetItem(o, 0, o)
		w.h.SetItem(o, 1, rings)
		if rings != tail {
			w.drop(rings)
		}
		rings = o
	}
	w.drop(tail)
	w.collect(0)
	w.drop(rings)
	w.collect(4)
	w.expect("D3 D2 D9 D1")
}

func TestLiveNeighbour(t *testing.T) {
	w := open(t, "3.11")
	live := w.node(w.plain, 1)
	dead := w.node(w.plain, 2, live)
	w.h.SetItem(dead, 1, dead)
	w.drop(dead)
	w.collect(1)
	w.expect("D2")
	if n := w.h.Count(live); n != 1 {
		t.Errorf("what garbage referred to counts %d", n)
	}
	w.drop(live)
	w.expect("D1")
}

func TestFinalizersAndWeakrefs(t *testing.T) {
	w := open(t, "3.11")
	a := w.node(w.final, 1)
	b := w.node(w.final, 2, a)
	w.h.SetItem(a, 0, b)
	for i, tag := range []uint32{3, 4} { // one outside, one in the garbage
		ref := w.h.NewWeakref(a, true)
		w.h.SetTag(ref, tag)
		if i == 0 {
			w.roots = append(w.roots, ref)
		} else {
			w.h.SetItem(b, 1, ref)
			w.h.Decref(ref)
		}
	}
	saved := object.Ref(0)
	tell := w.h.OnFinalize
	w.h.OnFinalize = func(o object.Ref) {
		tell(o)
		if w.h.Tag(o) == 2 {
			w.h.Incref(o)
			saved = o
		}
		if n := w.c.Collect(0); n != 0 {
			t.Errorf("a collection inside a collection returned %d", n)
		}
	}
	w.drop(a)
	w.drop(b)
	w.collect(0)
	w.roots = append(w.roots, saved)
	w.expect("C3 F1 F2")
	w.drop(saved)
	w.collect(3)
	w.expect("D1 D4 D2")
}

// A weak reference in the garbage is cleared although its referent lives, before a finalizer can use it (bpo-38006).
func TestWeakrefInGarbage(t *testing.T) {
	w := open(t, "3.11")
	live, o := w.node(w.plain, 1), w.node(w.final, 2)
	ref := w.h.NewWeakref(live, true)
	w.h.SetTag(ref, 3)
	w.h.SetItem(o, 0, o)
	w.h.SetItem(o, 1, ref)
	w.h.Decref(ref)
	w.h.OnFinalize = func(object.Ref) {
		if w.h.Referent(ref) != 0 {
			t.Error("a weak reference in the garbage refers to something")
		}
	}
	w.drop(o)
	w.collect(2)
	w.expect("D3 D2")
}

// A tuple that holds itself cannot be cleared. It is found each time, and counted, as by CPython.
func TestTupleAlone(t *testing.T) {
	w := open(t, "3.11")
	o := w.h.NewTuple(0)
	w.h.SetTupleItem(o, 0, o)
	w.h.Decref(o)
	for range 2 {
		w.collect(1)
		w.expect("")
	}
}

// A collection clears the free lists.
func TestFreeLists(t *testing.T) {
	w := open(t, "3.11")
	w.h.Decref(w.h.NewTuple(0))
	if w.h.FreeListed() != 1 {
		t.Error("the block of a tuple is not on a free list")
	}
	w.collect(0)
	if n := w.h.FreeListed(); n != 0 {
		t.Errorf("%d blocks on free lists after a collection", n)
	}
}

// A finalizer gives what it makes a reference to its object. What is made is no garbage of this collection, and holds
// the object until the next.
func TestMadeInFinalizer(t *testing.T) {
	w := open(t, "3.11")
	o := w.node(w.final, 1)
	w.h.SetItem(o, 0, o)
	w.h.OnFinalize = func(o object.Ref) {
		l := w.h.NewList(1)
		w.h.SetTag(l, 2)
		w.h.SetItem(l, 0, o)
		w.h.SetItem(o, 1, l)
		w.h.Decref(l)
	}
	w.drop(o)
	w.collect(0)
	w.expect("")
	w.collect(2)
	w.expect("D2 D1")
}

func TestAutomatic(t *testing.T) {
	for _, profile := range []string{"3.11", "3.12"} {
		w := open(t, profile)
		w.c.SetThreshold(10)
		for range 25 {
			o := w.node(w.plain, 1)
			w.h.SetItem(o, 0, o)
			w.drop(o)
			w.c.Safepoint()
		}
		if s := w.c.Stats(); s.Collections != 2 || s.Collected < 20 {
			t.Errorf("%s: %+v after 25 rings with a threshold of 10", profile, s)
		}
		w.c.Disable()
		for range 25 {
			w.drop(w.node(w.plain, 1, w.node(w.plain, 1)))
		}
		if s := w.c.Stats(); s.Collections != 2 {
			t.Errorf("%s: a collection began although they are disabled", profile)
		}
	}
}

// Once a heap has grown, a collection allocates nothing, of its own memory or of Go's.
func TestNoAllocations(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the checks inside a collection allocate")
	}
	w := open(t, "3.11")
	w.h.OnDeath = nil
	n := testing.AllocsPerRun(100, func() {
		a := w.h.New(w.plain)
		b := w.h.New(w.plain)
		w.h.SetItem(a, 0, b)
		w.h.SetItem(b, 0, a)
		w.h.Decref(a)
		w.h.Decref(b)
		if w.c.Collect(0) != 2 {
			t.Error("a ring was not taken")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
