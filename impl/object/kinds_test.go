package object

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/impl/page"
)

// One object each, whoever asks for it: what CPython makes when it starts.
func TestCachedObjects(t *testing.T) {
	rows := []struct {
		what string
		make func(*Heap) Ref
		from string // of this release on
		to   string // up to this one
	}{
		{"None", (*Heap).None, "", ""},
		{"True", func(h *Heap) Ref { return h.Bool(true) }, "", ""},
		{"-5", func(h *Heap) Ref { return h.NewInt(-5) }, "", ""},
		{"256", func(h *Heap) Ref { return h.NewInt(256) }, "", ""},
		{"''", func(h *Heap) Ref { return h.NewStr("") }, "", ""},
		{"'a'", func(h *Heap) Ref { return h.NewStr("a") }, "", ""},
		{"'\u00ff'", func(h *Heap) Ref { return h.NewStr("\u00ff") }, "old8", ""},
		{"b''", func(h *Heap) Ref { return h.NewBytes(nil) }, "", ""},
		{"b'\\xff'", func(h *Heap) Ref { return h.NewBytes([]byte{255}) }, "", ""},
		{"()", func(h *Heap) Ref { return h.NewTuple() }, "", ""},
		{"frozenset()", func(h *Heap) Ref { return h.NewFrozenset() }, "", "3.9"},
	}
	at := func(name string) int {
		return slices.IndexFunc(profiles, func(p *Profile) bool { return p.Name == name })
	}
	for i, p := range profiles {
		h := open(t, p.Name)
		for _, r := range rows {
			if r.from != "" && i < at(r.from) || r.to != "" && i > at(r.to) {
				continue
			}
			fresh := h.Fresh
			a := r.make(h)
			held := h.Count(a)
			b := r.make(h)
			if a == 0 || a != b || h.Live() != 0 || h.IsTracked(a) || h.Fresh != fresh {
				t.Errorf("%s: %s is two objects, or counted, or tracked", p.Name, r.what)
			}
			if grows := h.Count(a) - held; grows != 0 != !p.Immortal || h.IsImmortal(a) != p.Immortal {
				t.Errorf("%s: the count of %s goes from %d to %d", p.Name, r.what, held, h.Count(a))
			}
			if err := check(h, a, b); err != nil {
				t.Errorf("%s: %s: %v", p.Name, r.what, err)
			}
			h.Decref(a)
			h.Decref(b)
		}
		if err := check(h); err != nil || h.Cached() == 0 {
			t.Errorf("%s: %d are cached, %v", p.Name, h.Cached(), err)
		}
	}
}

// The counts that nobody's references make: those that sys.getrefcount showed.
func TestCachedCounts(t *testing.T) {
	for name, want := range map[string][2]int{ // of None and of 7, with one reference to each
		"3.10": {2, 2}, "3.11": {2, 1_000_000_000}, "3.12": {ImmortalCount, ImmortalCount},
	} {
		h := open(t, name)
		if got := [2]int{h.Count(h.None()), h.Count(h.NewInt(7))}; got != want {
			t.Errorf("%s: None and 7 count %v, want %v", name, got, want)
		}
	}
}

// What is not cached is a new object each time.
func TestNotCached(t *testing.T) {
	h := open(t, "3.11")
	for what, make := range map[string]func() Ref{
		"-6": func() Ref { return h.NewInt(-6) }, "257": func() Ref { return h.NewInt(257) },
		"0.0": func() Ref { return h.NewFloat(0) }, "'ab'": func() Ref { return h.NewStr("ab") },
		"'\u0100'": func() Ref { return h.NewStr("\u0100") }, "b'ab'": func() Ref { return h.NewBytes([]byte("ab")) },
		"frozenset()": func() Ref { return h.NewFrozenset() }, "bytearray()": func() Ref { return h.NewByteArray(nil) },
	} {
		if one, other := make(), make(); one == other {
			t.Errorf("%s is one object", what)
		}
	}
}

// No number of references that are given up kills what is immortal.
func TestImmortal(t *testing.T) {
	h := open(t, "3.13")
	o := h.NewInt(3)
	for range 1000 {
		h.Decref(o)
	}
	if h.Count(o) != ImmortalCount || h.NewInt(3) != o || h.IntValue(o).Int64() != 3 {
		t.Error("3 is not what it was")
	}
	if err := check(h); err != nil {
		t.Error(err)
	}
}

// Numbers of any size come back as they were put in, and equal ones are equal.
func TestIntValue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"2.7", "3.10", "3.13"} {
		h := open(t, name)
		for range 500 {
			v := new(big.Int).Lsh(big.NewInt(r.Int64()), uint(r.IntN(200)))
			v.Rsh(v, uint(r.IntN(130)))
			if r.IntN(2) == 0 {
				v.Neg(v)
			}
			o := h.NewBigInt(v)
			same, other := h.NewBigInt(v), h.NewBigInt(new(big.Int).Add(v, big.NewInt(1)))
			if h.IntValue(o).Cmp(v) != 0 || !h.same(o, same) || h.same(o, other) || h.hash(o) != h.hash(same) {
				t.Fatalf("%s: %v became %v", name, v, h.IntValue(o))
			}
			for _, o := range []Ref{o, same, other} {
				h.Decref(o)
			}
		}
		if h.Live() != 0 {
			t.Errorf("%s: %d live", name, h.Live())
		}
	}
}

// Strings of every width come back, and only equal ones are equal.
func TestStrText(t *testing.T) {
	texts := []string{
		"", "a", "\u00e9", "\u20ac", "\U0001f600", "abc", "ab\u00e9", "ab\u20ac", "a\U0001f600\u20ac", "abd",
	}
	for _, name := range []string{"2.7", "3.6", "3.12"} {
		h := open(t, name)
		for i, a := range texts {
			for j, b := range texts {
				x, y := h.NewStr(a), h.NewStr(b)
				if h.StrText(x) != a || h.same(x, y) != (i == j) {
					t.Errorf("%s: %q became %q, and equals %q: %t", name, a, h.StrText(x), b, h.same(x, y))
				}
			}
		}
	}
	h := open(t, "3.8")
	if o := h.NewStr("a\xff"); h.Len(o) != 2 || o.width() != 2 {
		t.Error("what is no UTF-8 is no surrogate")
	}
}

// An interned string is one object as long as anybody has it, through growth of the table and gaps in it.
func TestIntern(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, p := range profiles {
		h := open(t, p.Name)
		held := map[string]Ref{}
		for range 3000 {
			s := fmt.Sprint("name", r.IntN(200))
			if o, ok := held[s]; ok && r.IntN(3) > 0 {
				delete(held, s)
				h.Decref(o)
				continue
			}
			o := h.Intern(s)
			if h.StrText(o) != s || !h.IsInterned(o) || held[s] != 0 && held[s] != o {
				t.Fatalf("%s: %q is interned twice, or as %q", p.Name, s, h.StrText(o))
			}
			if held[s] != 0 {
				h.Decref(o)
			}
			held[s] = o
		}
		var roots []Ref
		for _, o := range held {
			roots = append(roots, o)
		}
		if err := check(h, roots...); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		for _, o := range roots {
			h.Decref(o)
		}
		if left := h.interned.used > 0; left != p.InternForever || h.Live() != 0 {
			t.Errorf("%s: %d strings are interned still, %d live", p.Name, h.interned.used, h.Live())
		}
	}
}

// Constants that look like names are interned, others are not, and neither is what is made at run time.
func TestConst(t *testing.T) {
	h := open(t, "3.13")
	a, b := h.Const("some_name1"), h.Const("some name")
	if h.Const("some_name1") != a || h.Const("some name") == b || h.NewStr("some_name1") == a || h.IsInterned(b) {
		t.Error("the wrong constants are interned")
	}
}

// A set has the keys that a map has, in the order in which they came, through growth, gaps and holes.
func TestSetKeys(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		h := open(t, []string{"2.7", "3.6", "3.12"}[seed%3])
		s, want := h.NewSet(), []int64(nil)
		for range 600 {
			v := r.Int64N(int64(20 + 30*(seed%8)))
			k := h.NewTuple(h.NewInt(v + 1000)) // equal, and never the same object
			i := slices.Index(want, v)
			switch r.IntN(5) {
			case 0, 1, 2:
				if !h.SetAdd(s, k) {
					t.Fatal("no memory")
				}
				if i < 0 {
					want = append(want, v)
				}
			case 3:
				if h.SetDiscard(s, k) != (i >= 0) {
					t.Fatalf("%d is in the set: %t", v, i < 0)
				}
				if i >= 0 {
					want = slices.Delete(want, i, i+1)
				}
			default:
				if r.IntN(100) == 0 {
					h.SetClear(s)
					want = nil
				} else if h.SetHas(s, k) != (i >= 0) {
					t.Fatalf("%d is in the set: %t", v, i < 0)
				}
			}
			h.Decref(h.Get(k, 0)) // the tuple has it
			h.Decref(k)
		}
		var got []int64
		h.Referents(s, func(k Ref) { got = append(got, h.IntValue(h.Get(k, 0)).Int64()-1000) })
		if !slices.Equal(got, want) || h.Len(s) != len(want) {
			t.Fatalf("seed %d: keys %v, want %v", seed, got, want)
		}
		c := h.NewSetFrom(s, true)
		if err := check(h, s, c); err != nil || !slices.Equal(items(h, s), items(h, c)) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		h.Decref(s)
		h.Decref(c)
		if h.Live() != 0 || leaked(h) != 0 {
			t.Fatalf("seed %d: %d live, %d blocks are left", seed, h.Live(), leaked(h))
		}
	}
}

// Keys of one hash are kept apart.
func TestSetCollision(t *testing.T) {
	h := open(t, "3.12")
	s, a, b := h.NewSet(), h.NewFloat(1), h.NewFloat(2)
	if !h.setAdd(s, a, 42) || !h.setAdd(s, b, 42) || h.Len(s) != 2 {
		t.Errorf("%d keys", h.Len(s))
	}
	if _, found := h.setFind(s, b, 42); !found {
		t.Error("the second is not found")
	}
}

// A set that does not get memory to grow stays what it is.
func TestSetNoMemory(t *testing.T) {
	h := open(t, "3.9")
	s := h.NewSet()
	keys := numbers(h, 100)
	for _, k := range keys[:76] {
		h.SetAdd(s, k)
	}
	h.Memory().Trim()
	h.Memory().InjectOOM(1, true)
	if h.SetAdd(s, keys[76]) || h.SetUpdate(s, s) || h.Len(s) != 76 || h.SetHas(s, keys[76]) {
		t.Error("a table of 8 KiB is there without memory")
	}
	h.Memory().InjectOOM(0, false)
	if err := check(h, append(keys, s)...); err != nil {
		t.Error(err)
	}
	if !h.SetAdd(s, keys[76]) || h.Len(s) != 77 {
		t.Error("the next key does not go in")
	}
}

// Objects that are not of a program's classes have weak references too, whose callbacks run when they die.
func TestWeakOfKinds(t *testing.T) {
	h := open(t, "3.10")
	for i, o := range []Ref{h.NewSet(), h.NewFrozenset(h.NewFloat(1)), h.NewFunction(0, 0), h.NewMethod(0, 0)} {
		w := h.NewWeakref(o, true)
		h.SetTag(w, uint32(i))
		h.Decref(o)
		if h.Referent(w) != 0 || len(h.Events) != i+1 || h.Events[i].Tag != uint32(i) {
			t.Errorf("object %d: events %v", i, h.Events)
		}
	}
	if h.NewWeakref(h.NewList(0), false) != 0 || h.NewWeakref(h.NewCell(0), false) != 0 {
		t.Error("a list or a cell has a weak reference")
	}
}

// A capsule runs its script when it dies, once.
func TestCapsule(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		l, c := h.NewList(1), h.NewCapsule(Allocate)
		h.SetTag(c, 9)
		h.SetItem(l, 0, c)
		h.Decref(c)
		if err := check(h, l); err != nil || h.IsGC(c) != (p.CapsuleFlags != 0) {
			t.Errorf("%s: %v", p.Name, err)
		}
		h.Decref(l)
		if len(h.Events) != 1 || h.Events[0].String() != "F9" || h.Live() != 0 {
			t.Errorf("%s: events %v, %d live", p.Name, h.Events, h.Live())
		}
	}
}

// A capsule that dies as deep as deaths may be nested is gone, whatever else waits.
func TestCapsuleDeep(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		o, other := h.NewCapsule(Nothing), h.NewCapsule(Nothing) // whose pool is in use still
		for range min(p.TrashDepth, 200) {
			l := h.NewList(1)
			h.SetItem(l, 0, o)
			h.Decref(o)
			o = l
		}
		h.Decref(o)
		err := check(h, other) // an address may look like an immortal count, which is let alone
		if err != nil || len(h.Events) != 1 || h.Live() != 1 || h.seen[trashFrame] != 0 {
			t.Errorf("%s: %v, events %v, %d live, %d frames", p.Name, err, h.Events, h.Live(), h.seen[trashFrame])
		}
	}
}

// An instance with nothing in it is no container up to 3.7, and dies as it does.
func TestEmptySlots(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		id := define(t, h, Type{Name: "empty", Kind: KindSlotted, Final: Resurrect})
		o := h.New(id)
		if h.IsGC(o) != (p.HeadBytes <= 16) || h.IsTracked(o) != h.IsGC(o) {
			t.Errorf("%s: it is a container: %t", p.Name, h.IsGC(o))
		}
		h.Decref(o)
		if len(h.Revived) != 1 || h.Count(o) != 1 || len(h.Events) != 1 {
			t.Errorf("%s: %d are revived", p.Name, len(h.Revived))
		}
		if err := check(h); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// Chains of what the trashcan does not count die, however long, also when they alternate with what it does.
func TestLongChains(t *testing.T) {
	for _, name := range []string{"3.7", "3.12", "3.13"} {
		for lists := range 3 {
			h := open(t, name)
			p, chain := h.Profile(), Ref(0)
			for i := range 100_000 {
				var o Ref
				if i%3 < lists {
					o = h.NewList(1)
					h.SetItem(o, 0, chain)
				} else {
					o = h.NewCell(chain)
				}
				h.Decref(chain)
				chain = o
			}
			deepest := 0
			h.OnDeath = func(Ref) { deepest = max(deepest, h.nested+h.depth) }
			h.Decref(chain)
			if deepest > p.NestMax+p.TrashDepth {
				t.Errorf("%s: %d lists in 3: deaths are nested %d deep", name, lists, deepest)
			}
			if err := check(h); err != nil || h.Live() != 0 {
				t.Errorf("%s: %d lists in 3: %d live, %v", name, lists, h.Live(), err)
			}
		}
	}
}

// Deleted items die when they are out of the list, the last first.
func TestDeleteSlice(t *testing.T) {
	h := open(t, "3.9")
	id := define(t, h, Type{Name: "logs", Kind: KindSlotted, Final: Nothing})
	l := h.NewList(0)
	for i := range 8 {
		o := h.New(id)
		h.SetTag(o, uint32(i))
		h.Insert(l, i/2, o)
		h.Decref(o)
	}
	h.DeleteSlice(l, 2, 5)
	var left, log []string
	for i := range h.Len(l) {
		left = append(left, fmt.Sprint(h.Tag(h.Get(l, i))))
	}
	for _, e := range h.Events {
		log = append(log, e.String())
	}
	if got := strings.Join(left, " ") + ", " + strings.Join(log, " "); got != "1 3 4 2 0, F6 F7 F5" {
		t.Errorf("left and died: %s", got)
	}
	if err := check(h, l); err != nil {
		t.Error(err)
	}
}

// To delete all items of a list clears it, also where there are none. To delete none of some does nothing; to pop the
// last one clears it from 3.12 on.
func TestEmptiedList(t *testing.T) {
	for name, popped := range map[string]int{"2.7": 1, "3.11": 1, "3.12": 0} {
		h := open(t, name)
		l := h.NewList(1)
		empty := h.Size(l) - 8
		room := func() int { return (h.Size(l) - empty) / 8 }
		got := []int{room()}
		h.DeleteSlice(l, 1, 1)
		got = append(got, room())
		h.Pop(l)
		got = append(got, room())
		h.DeleteSlice(l, 0, 0)
		got = append(got, room())
		h.Decref(l)
		l = h.NewList(1)
		h.DeleteSlice(l, 0, 1)
		if got = append(got, room()); !slices.Equal(got, []int{1, 1, popped, 0, 0}) {
			t.Errorf("%s: room for %v", name, got)
		}
		if err := check(h, l); err != nil {
			t.Error(err)
		}
	}
}

// A range refers to its bounds and its length, and lets them go.
func TestRange(t *testing.T) {
	h := open(t, "3.8")
	rows := []struct{ start, stop, step, want int64 }{
		{0, 10, 1, 10}, {0, 10, 3, 4}, {10, 0, -3, 4}, {5, 5, 1, 0}, {5, 1, 1, 0}, {1, 5, -1, 0},
		{1000, 9000, 700, 12},
	}
	for _, r := range rows {
		o := h.NewRange(r.start, r.stop, r.step)
		if got := h.IntValue(h.Get(o, 3)).Int64(); got != r.want {
			t.Errorf("range(%d, %d, %d) has %d numbers, want %d", r.start, r.stop, r.step, got, r.want)
		}
		if err := check(h, o); err != nil {
			t.Error(err)
		}
		h.Decref(o)
	}
	if h.Live() != 0 {
		t.Errorf("%d live", h.Live())
	}
}

// Every invariant of these kinds is broken once by hand and reported by its name.
func TestCheckFindsKinds(t *testing.T) {
	type victims struct{ list, set, str, number, tuple Ref }
	rows := []struct {
		rule string
		hurt func(*Heap, victims)
	}{
		{"object/list", func(_ *Heap, v victims) { v.list.store(listRoom, 1) }},
		{"object/list", func(_ *Heap, v victims) { v.list.store(listSize, 0); v.list.store(listRoom, 0) }},
		{"object/memory", func(h *Heap, v victims) { // two lists have one block, which refers to one of them
			other := h.NewList(9)
			page.Store(v.list.load(listItems), uintptr(other))
			other.store(listItems, v.list.load(listItems))
			other.store(offCount, 2)
		}},
		{"object/set", func(_ *Heap, v victims) { v.set.store(setUsed, 8) }},
		{"object/set", func(h *Heap, v victims) { v.set.store(setFill, 9); v.set.store(setUsed, 10) }},
		{"object/set", func(_ *Heap, v victims) { v.set.store(setMask, setSlotsMin-1) }},
		{"object/set", func(_ *Heap, v victims) { page.Store(v.set.load(setTable)+8*(v.set.load(setMask)), 7<<32) }},
		{"object/set", func(_ *Heap, v victims) { // two keys change places
			at := setKeys(v.set)
			a, b := page.Load(at), page.Load(at+8)
			page.Store(at, b)
			page.Store(at+8, a)
		}},
		{"object/set", func(_ *Heap, v victims) { clear(page.View(v.set.load(setTable), 64)) }},
		{"object/count", func(h *Heap, v victims) { v.number.store(offCount, v.number.load(offCount)+1) }},
		{"object/count", func(h *Heap, v victims) { v.tuple.store(offCount, v.tuple.load(offCount)-1) }},
		{"object/cached", func(h *Heap, v victims) { h.cached.ints[0] = h.cached.ints[1] }},
		{"object/cached", func(h *Heap, v victims) { v.number.store(intSize, 0) }},
		{"object/cached", func(h *Heap, v victims) { h.cached.count++ }},
		{"object/cached", func(h *Heap, v victims) { v.number.store(offType, v.number.word()&^flagCached) }},
		{"object/cached", func(h *Heap, v victims) { h.cached.forever++ }},
		{"object/interned", func(h *Heap, v victims) { h.interned.used++ }},
		{"object/interned", func(h *Heap, v victims) { h.characters(v.str)[0] += 5 }},
		{"object/interned", func(h *Heap, v victims) { v.str.store(offType, v.str.word()&^flagInterned) }},
	}
	for _, name := range []string{"3.6", "3.11", "3.12"} {
		for i, r := range rows {
			h := open(t, name)
			v := victims{list: h.NewList(9), set: h.NewSet(numbers(h, 9)...), str: h.Intern("a_name")}
			v.number, v.tuple = h.NewInt(-4), h.NewTuple()
			roots := append(numbers(h, 9), numbers(h, 9)...)
			for _, k := range roots[9:] {
				h.Decref(k)
			}
			roots = append(roots, h.NewInt(-5), v.list, v.set, v.str, v.number, v.tuple)
			if err := check(h, roots...); err != nil {
				t.Fatalf("%s: before: %v", name, err)
			}
			r.hurt(h, v)
			if err := check(h, roots...); err == nil || !strings.HasPrefix(err.Error(), r.rule+":") {
				t.Errorf("%s: row %d: %s broken, reported %v", name, i, r.rule, err)
			}
		}
	}
}

// The paths on which atoms and keys come and go ask Go for nothing.
func TestNoGoAllocationsOfKinds(t *testing.T) {
	for _, name := range []string{"3.6", "3.12"} {
		h := open(t, name)
		s, l := h.NewSet(), h.NewList(0)
		if n := testing.AllocsPerRun(100, func() {
			i, big, f, text := h.NewInt(7), h.NewInt(1<<50), h.NewFloat(1), h.Intern("a_name")
			long, none := h.NewStr("two words"), h.None()
			cell := h.NewCell(i)
			for _, o := range [...]Ref{i, big, f, text, long, none} {
				h.SetAdd(s, o)
				h.Push(l, o)
			}
			c := h.NewSetFrom(s, true)
			for _, o := range [...]Ref{i, big, f, text, long, none} {
				h.SetDiscard(s, o)
				h.Decref(h.Pop(l))
				h.Decref(o)
			}
			h.Decref(c)
			h.Decref(cell)
		}); n > 0 {
			t.Errorf("%s: %v Go allocations a turn", name, n)
		}
	}
}

// A class that there was no memory for has instances as soon as there is.
func TestLearnsLater(t *testing.T) {
	for _, p := range Profiles() {
		h, err := New(Config{Profile: p})
		if err != nil {
			t.Fatal(err)
		}
		h.mem.InjectOOM(1, true)
		var taken []unsafe.Pointer
		for n := uintptr(512); n > 0; n -= 8 {
			for b := h.mem.Alloc(n); b != nil; b = h.mem.Alloc(n) {
				taken = append(taken, b)
			}
		}
		id, err := h.Define(Type{Name: "Late", Kind: KindInstance, Attrs: 20})
		if err != nil {
			t.Fatal(err)
		}
		if h.New(id) != 0 {
			t.Errorf("%s: an instance was made of nothing", p.Name)
		}
		h.mem.InjectOOM(0, false)
		for _, b := range taken {
			h.mem.Free(b)
		}
		o, twin := h.New(id), h.New(id)
		if o == 0 || twin == 0 || h.Size(o) != h.Size(twin) {
			t.Errorf("%s: an instance was not made, or is unlike the next", p.Name)
		}
		h.Decref(o)
		h.Decref(twin)
		if err := h.CheckInvariants(func(func(Ref)) {}, []List{h.Young}); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}
