package object

import (
	"fmt"
	"strings"
	"testing"

	"heapfuzz/impl/page"
)

func open(t *testing.T, profile string) *Heap {
	t.Helper()
	p, ok := ProfileByName(profile)
	if !ok {
		t.Fatalf("no profile %s", profile)
	}
	h, err := New(Config{Profile: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// check recounts a heap whose references the test holds are these.
func check(h *Heap, roots ...Ref) error {
	return h.CheckInvariants(func(hold func(Ref)) {
		for _, o := range roots {
			hold(o)
		}
	}, []List{h.Young})
}

// leaked is how many blocks belong neither to the heap nor to an object, if each of these has one.
func leaked(h *Heap) int {
	blocks, _, _ := h.Memory().Usage()
	return int(blocks) - h.OwnBlocks() - h.Live()
}

// numbers makes n small numbers, whose references the heap's cache holds as well.
func numbers(h *Heap, n int) []Ref {
	all := make([]Ref, n)
	for i := range all {
		all[i] = h.NewInt(int64(i))
	}
	return all
}

// fresh makes an instance of a new type.
func fresh(h *Heap, t Type) Ref {
	id, err := h.Define(t)
	if err != nil {
		panic(err)
	}
	return h.New(id)
}

func define(t *testing.T, h *Heap, typ Type) TypeID {
	t.Helper()
	id, err := h.Define(typ)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Sizes are those that sys.getsizeof gave on interpreters of these releases (those of 3.6 with 16-byte classes).
func TestSizes(t *testing.T) {
	columns := []string{"3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}
	rows := []struct {
		what string
		make func(*testing.T, *Heap) Ref
		want [8]int
	}{
		{"0", func(_ *testing.T, h *Heap) Ref { return h.NewInt(0) }, [8]int{24, 24, 24, 24, 24, 28, 28, 28}},
		{"1", func(_ *testing.T, h *Heap) Ref { return h.NewInt(1) }, [8]int{28, 28, 28, 28, 28, 28, 28, 28}},
		{"2^30", func(_ *testing.T, h *Heap) Ref { return h.NewInt(1 << 30) }, [8]int{32, 32, 32, 32, 32, 32, 32, 32}},
		{"-2^60", func(_ *testing.T, h *Heap) Ref { return h.NewInt(-1 << 60) },
			[8]int{36, 36, 36, 36, 36, 36, 36, 36}},
		{"''", func(_ *testing.T, h *Heap) Ref { return h.NewStr("") }, [8]int{49, 49, 49, 49, 49, 49, 41, 41}},
		{"'abc'", func(_ *testing.T, h *Heap) Ref { return h.NewStr("abc") }, [8]int{52, 52, 52, 52, 52, 52, 44, 44}},
		{"[]", func(_ *testing.T, h *Heap) Ref { return h.NewList(0) }, [8]int{72, 72, 56, 56, 56, 56, 56, 56}},
		{"()", func(_ *testing.T, h *Heap) Ref { return h.NewTuple() }, [8]int{56, 56, 40, 40, 40, 40, 40, 40}},
		{"(None,)", func(_ *testing.T, h *Heap) Ref { return h.NewTuple(0) }, [8]int{64, 64, 48, 48, 48, 48, 48, 48}},
		{"instance", func(t *testing.T, h *Heap) Ref {
			return h.New(define(t, h, Type{Name: "A", Kind: KindInstance, Attrs: 3, Weak: true}))
		}, [8]int{64, 64, 48, 48, 48, 56, 48, 48}},
		{"one slot", func(t *testing.T, h *Heap) Ref {
			return h.New(define(t, h, Type{Name: "S", Kind: KindSlotted, Attrs: 1}))
		}, [8]int{56, 56, 40, 40, 40, 40, 40, 40}},
		{"one slot and weak references", func(t *testing.T, h *Heap) Ref {
			return h.New(define(t, h, Type{Name: "W", Kind: KindSlotted, Attrs: 1, Weak: true}))
		}, [8]int{64, 64, 48, 48, 48, 48, 56, 56}},
	}
	for i, name := range columns {
		h := open(t, name)
		for _, r := range rows {
			o := r.make(t, h)
			if got := h.Size(o); got != r.want[i] {
				t.Errorf("%s: getsizeof(%s) is %d, want %d", name, r.what, got, r.want[i])
			}
			if err := check(h, o); err != nil {
				t.Errorf("%s: %s: %v", name, r.what, err)
			}
			h.Decref(o)
		}
		if err := check(h); err != nil || h.Live() != 0 {
			t.Errorf("%s: %d live, %v", name, h.Live(), err)
		}
	}
}

// Without the head of 32 bytes, releases up to 3.7.3 had 8 less.
func TestSizeOld8(t *testing.T) {
	h := open(t, "old8")
	if l := h.NewList(0); h.Size(l) != 64 {
		t.Errorf("getsizeof([]) is %d, want 64", h.Size(l))
	}
}

// Lists grow and shrink in the steps that were measured.
func TestListRoom(t *testing.T) {
	rows := map[string][]int{
		"3.8": {4, 8, 16, 25, 35, 46, 58, 72, 88, 106, 126, 148, 173, 201, 233, 269, 309},
		"3.9": {4, 8, 16, 24, 32, 40, 52, 64, 76, 92, 108, 128, 148, 172, 200, 232, 268, 308},
	}
	shrunk := map[string][][2]int{
		"3.8": {
			{153, 178}, {88, 105}, {51, 63}, {30, 39}, {18, 26}, {12, 19}, {8, 12}, {5, 8}, {3, 6}, {2, 5}, {1, 4},
			{0, 0},
		},
		"3.9": {{153, 176}, {87, 100}, {49, 60}, {29, 36}, {17, 24}, {11, 16}, {7, 12}, {5, 8}, {1, 4}, {0, 0}},
	}
	for name, want := range rows {
		h := open(t, name)
		l, room := h.NewList(0), func(l Ref) int { return int(l.load(listRoom)) }
		var got []int
		for last := 0; len(got) < len(want); {
			h.Push(l, 0)
			if n := room(l); n != last {
				got, last = append(got, n), n
			}
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: rooms by append %v, want %v", name, got, want)
				break
			}
		}
		var steps [][2]int
		for last := room(l); h.Len(l) > 0; {
			h.Pop(l)
			if n := room(l); n != last {
				steps, last = append(steps, [2]int{h.Len(l), n}), n
			}
		}
		if len(steps) != len(shrunk[name]) {
			t.Errorf("%s: shrinks %v, want %v", name, steps, shrunk[name])
			continue
		}
		for i := range steps {
			if steps[i] != shrunk[name][i] {
				t.Errorf("%s: shrinks %v, want %v", name, steps, shrunk[name])
				break
			}
		}
	}
}

// A dict keeps its order through deletions and growth, and finds keys by what they are.
func TestDict(t *testing.T) {
	h := open(t, "3.11")
	d, l := h.NewDict(), h.NewList(0)
	set := func(k int64, v Ref) {
		key := h.NewInt(k)
		h.DictSet(d, key, v)
		h.Decref(key)
	}
	for k := range int64(40) {
		set(k, 0)
	}
	if h.IsTracked(d) {
		t.Error("a dict of numbers and None is tracked")
	}
	for k := range int64(40) {
		key := h.NewInt(k)
		if k%3 == 0 && !h.DictDelete(d, key) {
			t.Errorf("key %d is not there", k)
		}
		h.Decref(key)
	}
	set(3, l)
	if !h.IsTracked(d) {
		t.Error("a dict that holds a list is not tracked")
	}
	s := h.NewStr("k")
	h.DictSet(d, s, s)
	if v, ok := h.DictGet(d, h.NewStr("k")); !ok || v != s {
		t.Error("a string is not found by an equal one")
	}
	var keys []string
	i := 0
	h.Referents(d, func(o Ref) {
		if i++; h.Kind(o) == KindList || h.Kind(o) == KindStr {
			keys = append(keys, h.Kind(o).String())
		}
	})
	if strings.Join(keys, " ") != "list str str" || h.Len(d) != 40-14+2 {
		t.Errorf("%d entries, the last ones %v", h.Len(d), keys)
	}
}

// By reference counts, a finalizer runs first, with its weak references alive, and callbacks run newest first.
func TestDeath(t *testing.T) {
	for _, p := range Profiles() {
		h := open(t, p.Name)
		quiet := define(t, h, Type{Name: "quiet", Kind: KindSlotted, Attrs: 2, Weak: true, Final: Nothing})
		again := define(t, h, Type{Name: "again", Kind: KindInstance, Attrs: 2, Weak: true, Final: Resurrect})
		child, parent := h.New(quiet), h.New(again)
		h.SetTag(child, 1)
		h.SetTag(parent, 2)
		h.SetItem(parent, 0, child)
		h.Decref(child)
		w1, w2 := h.NewWeakref(parent, true), h.NewWeakref(parent, true)
		h.SetTag(w1, 11)
		h.SetTag(w2, 12)
		h.Decref(parent)
		if h.Referent(w1) != parent || h.Count(parent) != 1 {
			t.Errorf("%s: resurrected with count %d", p.Name, h.Count(parent))
		}
		if err := check(h, w1, w2); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		h.Revived = h.Revived[:0]
		h.Decref(parent)
		var log []string
		for _, e := range h.Events {
			log = append(log, e.String())
		}
		if got := strings.Join(log, " "); got != "F2 C12 C11 F1" {
			t.Errorf("%s: events %s", p.Name, got)
		}
		if err := check(h, w1, w2); err != nil || h.Live() != 2 {
			t.Errorf("%s: %d live, %v", p.Name, h.Live(), err)
		}
		h.Decref(w1)
		h.Decref(w2)
		h.ClearFreeLists()
		if n := leaked(h); n != 0 {
			t.Errorf("%s: %d blocks are left", p.Name, n)
		}
	}
}

// Every request for memory that can fail does so once; nothing is lost, and what is there stays whole.
func TestNoMemory(t *testing.T) {
	for _, p := range Profiles() {
		h := open(t, p.Name)
		inst := define(t, h, Type{Name: "inst", Kind: KindInstance, Attrs: 500, Weak: true})
		slots := define(t, h, Type{Name: "slots", Kind: KindSlotted, Attrs: 500, Weak: true})
		make := []func() Ref{
			func() Ref { return h.NewList(10_000) },
			func() Ref { return h.New(inst) },
			func() Ref { return h.New(slots) },
			func() Ref { return h.NewStr(strings.Repeat("x", 10_000)) },
		}
		failed := 0
		for _, f := range make {
			for nth := 1; nth <= 4; nth++ {
				h.Memory().Trim()
				h.Memory().InjectOOM(nth, false)
				o := f()
				h.Memory().InjectOOM(0, false)
				if o == 0 {
					failed++
				}
				h.Decref(o)
				if err := check(h); err != nil || h.Live() != 0 {
					t.Fatalf("%s: request %d: %d live, %v", p.Name, nth, h.Live(), err)
				}
			}
		}
		if failed == 0 {
			t.Errorf("%s: no request failed", p.Name)
		}
	}
}

// Every invariant is broken once by hand and reported by its name.
func TestCheckFinds(t *testing.T) {
	type victims struct{ list, tuple, inst, weak Ref }
	rows := []struct {
		rule string
		hurt func(*Heap, victims)
	}{
		{"object/known", func(h *Heap, v victims) { v.inst.store(offType, v.inst.word()+1) }},
		{"object/count", func(h *Heap, v victims) { v.inst.store(offCount, 7) }},
		{"object/live", func(h *Heap, _ victims) { h.live++ }},
		{"object/marks", func(h *Heap, v victims) { h.SetRefs(v.list, 1) }},
		{"object/untracked", func(h *Heap, v victims) { h.untrack(v.tuple) }},
		{"object/untracked", func(h *Heap, v victims) { h.untrack(v.weak) }},
		{"object/weak", func(h *Heap, v victims) { v.weak.store(weakReferent, 0); v.weak.store(weakNext, 8) }},
		{"object/weak", func(h *Heap, v victims) { v.weak.store(weakPrev, uintptr(v.list)) }},
		{"object/weak", func(h *Heap, v victims) { // a reference that refers to nothing, and is on a list
			v.inst.store(h.typeOf(v.inst).weakAt, 0)
			v.weak.store(weakReferent, 0)
			v.weak.store(weakNext, 8)
		}},
		{"object/trash", func(h *Heap, _ victims) { h.depth = 1 }},
		{"object/trash", func(h *Heap, _ victims) { h.misnested = true }},
		{"object/free", func(h *Heap, _ victims) {
			h.Decref(h.NewList(0))
			h.free[freeLists].first.store(offCount, 2)
		}},
		{"object/memory", func(h *Heap, _ victims) { h.mem.Alloc(16) }},
		{"object/free", func(h *Heap, _ victims) { h.Decref(h.NewList(0)); h.free[freeLists].n++ }},
		{"object/free", func(h *Heap, _ victims) { h.Decref(h.NewList(0)); h.free[freeLists].first.store(offType, 1) }},
	}
	for _, name := range []string{"3.6", "3.8", "3.11", "3.13"} {
		for _, r := range rows {
			h := open(t, name)
			id := define(t, h, Type{Name: "inst", Kind: KindInstance, Attrs: 2, Weak: true})
			v := victims{list: h.NewList(2), inst: h.New(id)}
			v.tuple, v.weak = h.NewTuple(v.list), h.NewWeakref(v.inst, false)
			roots := []Ref{v.list, v.tuple, v.inst, v.weak}
			if err := check(h, roots...); err != nil {
				t.Fatalf("%s: before: %v", name, err)
			}
			r.hurt(h, v)
			if err := check(h, roots...); err == nil || !strings.HasPrefix(err.Error(), r.rule+":") {
				t.Errorf("%s: %s broken, reported %v", name, r.rule, err)
			}
		}
	}
}

// The paths on which objects come and go ask Go for nothing.
func TestNoGoAllocations(t *testing.T) {
	h := open(t, "3.12")
	id := define(t, h, Type{Name: "inst", Kind: KindInstance, Attrs: 4, Weak: true, Final: Nothing})
	h.Events = make([]Event, 0, 16)
	h.calls = make([]Ref, 0, 16)
	n := testing.AllocsPerRun(100, func() {
		o := h.New(id)
		l := h.NewList(4)
		w := h.NewWeakref(o, true)
		tup := h.NewTuple(o, l)
		h.SetItem(l, 1, o)
		h.SetItem(o, 1, w)
		h.Decref(w)
		h.Decref(l)
		h.Decref(tup)
		h.Decref(o)
		h.Events = h.Events[:0]
	})
	if n > 0 {
		t.Errorf("%v Go allocations a turn", n)
	}
	if page.Load(uintptr(h.Young)+offType) != 0 {
		t.Error("the head of a list has a type")
	}
}

func TestHooks(t *testing.T) {
	h := open(t, "3.11")
	plain := define(t, h, Type{Name: "plain", Kind: KindSlotted, Attrs: 1, Weak: true})
	final := define(t, h, Type{Name: "final", Kind: KindSlotted, Attrs: 1, Weak: true, Final: Nothing})
	wide := define(t, h, Type{Name: "wide", Kind: KindSlotted, Attrs: 2, Weak: true})
	names := map[Ref]string{}
	var log []string
	h.OnFinalize = func(o Ref) { log = append(log, "F"+names[o]) }
	h.OnCallback = func(o Ref) { log = append(log, "C"+names[o]) }
	h.OnDeath = func(o Ref) { log = append(log, "D"+names[o]) }
	o, child := h.New(plain), h.NewTuple(0)
	w := h.NewWeakref(o, true)
	names[o], names[w], names[child] = "o", "w", "child"
	h.SetTag(o, 7)
	if h.SetType(o, wide) || h.SetType(child, plain) || !h.SetType(o, final) || h.Tag(o) != 7 {
		t.Error("SetType does not tell layouts apart, or loses the tag")
	}
	h.SetItem(o, 0, child)
	h.Decref(child)
	h.Decref(o)
	if got := fmt.Sprint(log); got != "[Fo Cw Do Dchild]" {
		t.Errorf("events %s", got)
	}
	h.Decref(w)
}

func TestSetTupleItem(t *testing.T) {
	h := open(t, "3.11")
	o, l := h.NewTuple(0, 0), h.NewList(0)
	h.MaybeUntrack(o)
	if h.SetTupleItem(o, 2, l) || h.SetTupleItem(l, 0, o) || h.IsTracked(o) {
		t.Error("an item that there is not was set")
	}
	if !h.SetTupleItem(o, 1, l) || !h.IsTracked(o) || h.Get(o, 1) != l || h.Count(l) != 2 {
		t.Error("an item was not set, or its tuple is not tracked")
	}
	h.Decref(o)
	h.Decref(l)
}
