package gc

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// A world is a heap with its collector, one type of each sort, and the references that the test holds.
type world struct {
	t     *testing.T
	h     *object.Heap
	c     *Collector
	roots map[int]object.Ref
	types map[string]object.TypeID
}

// typesOf is what the tests call the types of instances.
var typesOf = []object.Type{
	{Name: "inst", Kind: object.KindInstance, Attrs: 5, Weak: true},
	{Name: "inst-log", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Nothing},
	{Name: "inst-revive", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Resurrect},
	{Name: "inst-drop", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.DropRef},
	{Name: "slots", Kind: object.KindSlotted, Attrs: 5, Weak: true},
	{Name: "slots-log", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Nothing},
	{Name: "slots-revive", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Resurrect},
	{Name: "slots-alloc", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Allocate},
	{Name: "slots-collect", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Collect},
}

// oldTypesOf have finalizers of the old kind, in Python 3; classicTypesOf exist in 2.7 only.
var (
	oldTypesOf = []object.Type{
		{Name: "inst-old-log", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Nothing, Legacy: true},
		{Name: "slots-old-revive", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Resurrect,
			Legacy: true},
	}
	classicTypesOf = []object.Type{
		{Name: "classic", Kind: object.KindInstance, Attrs: 5, Weak: true, Classic: true},
		{Name: "classic-log", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Nothing, Classic: true},
		{Name: "classic-revive", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Resurrect,
			Classic: true},
	}
)

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
	c, err := New(h)
	if err != nil {
		t.Fatal(err)
	}
	c.Disable()
	w := &world{t: t, h: h, c: c, roots: map[int]object.Ref{}, types: map[string]object.TypeID{}}
	more := oldTypesOf
	if p.Legacy {
		more = classicTypesOf
	}
	for _, typ := range slices.Concat(typesOf, more) {
		if w.types[typ.Name], err = h.Define(typ); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// check recounts everything.
func (w *world) check() error {
	return w.c.CheckInvariants(func(hold func(object.Ref)) {
		for _, o := range w.roots {
			hold(o)
		}
	})
}

// make returns a new object of a kind or type; its reference is the caller's.
func (w *world) make(kind string, tag int) object.Ref {
	var o object.Ref
	switch kind {
	case "list":
		o = w.h.NewList(4)
	case "dict":
		o = w.h.NewDict()
	default:
		o = w.h.New(w.types[kind])
	}
	w.h.SetTag(o, uint32(tag))
	return o
}

// events empties the log and returns what was in it.
func (w *world) events() string {
	var s []string
	for _, e := range w.h.Events {
		s = append(s, e.String())
	}
	w.h.Events = w.h.Events[:0]
	return strings.Join(s, " ")
}

func profileNames() (names []string) {
	for _, p := range object.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// What a collection of small cycles returns was measured on interpreters of 3.6 to 3.13.
func TestReturnOfSmallCycles(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		dictToo := 2
		if w.h.Profile().Values != object.InDict {
			dictToo = 1
		}
		self := func(kind string) func() {
			return func() {
				o := w.make(kind, 1)
				w.h.SetItem(o, 0, o)
				w.h.Decref(o)
			}
		}
		rows := []struct {
			what  string
			build func()
			want  int
		}{
			{"a list that holds itself", self("list"), 1},
			{"an instance with a dict that holds itself", self("inst"), dictToo},
			{"an instance with slots that holds itself", self("slots"), 1},
			{"a list and a tuple", func() {
				l := w.make("list", 1)
				tup := w.h.NewTuple(l)
				w.h.SetItem(l, 0, tup)
				w.h.Decref(tup)
				w.h.Decref(l)
			}, 2},
			{"a dict that holds itself", func() {
				d, k := w.h.NewDict(), w.h.NewInt(1)
				w.h.DictSet(d, k, d)
				w.h.Decref(k)
				w.h.Decref(d)
			}, 1},
		}
		for _, r := range rows {
			r.build()
			if got := w.c.Collect(2); got != r.want {
				t.Errorf("%s: %s: collect returns %d, want %d", name, r.what, got, r.want)
			}
			if n := w.h.Live(); n != 0 {
				t.Errorf("%s: %s: %d objects live", name, r.what, n)
			}
			if err := w.check(); err != nil {
				t.Errorf("%s: %s: %v", name, r.what, err)
			}
		}
	}
}

// An object that resurrects itself, one that it leads to, and an independent cycle: the table of section 2.3.
func TestResurrection(t *testing.T) {
	want := map[string][3]int{
		"3.6": {6, 2, 4}, "3.7": {0, 2, 4}, "3.8": {0, 2, 4}, "3.9": {2, 0, 4}, "3.10": {2, 0, 4},
		"3.11": {1, 0, 2}, "3.12": {1, 0, 2}, "3.13": {1, 0, 2},
	}
	for name, want := range want {
		w := open(t, name)
		r, d1, d2 := w.make("inst-revive", 1), w.make("inst", 2), w.make("inst", 3)
		w.h.SetItem(r, 0, d1)
		w.h.SetItem(d1, 0, r)
		w.h.SetItem(d2, 0, d2)
		for i, o := range []object.Ref{r, d1, d2} {
			weak := w.h.NewWeakref(o, true)
			w.h.SetTag(weak, uint32(10+i))
			w.roots[10+i] = weak
			w.h.Decref(o)
		}
		var got [3]int
		got[0] = w.c.Collect(2)
		log := w.events()
		got[1] = w.c.Collect(2)
		for _, o := range w.h.Revived {
			w.h.Decref(o)
		}
		w.h.Revived = w.h.Revived[:0]
		got[2] = w.c.Collect(2)
		if got != want {
			t.Errorf("%s: collections return %v, want %v", name, got, want)
		}
		if log != "C10 C11 C12 F1" || w.events() != "" {
			t.Errorf("%s: events %q, then more", name, log)
		}
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// With thresholds (7, 2, 3) a collection comes every 8 net allocations, of generation 1 every fourth time: measured.
func TestCadence(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		w.c.Enable()
		w.c.SetThreshold(7, 2, 3)
		var at, gens []int
		last := w.c.Stats()
		for i := 1; i <= 64; i++ {
			w.roots[i] = w.h.NewList(0)
			w.c.Safepoint()
			for g, s := range w.c.Stats() {
				if s != last[g] {
					at, gens = append(at, i), append(gens, g)
				}
			}
			last = w.c.Stats()
		}
		wantAt, wantGens := []int{8, 16, 24, 32, 40, 48, 56, 64}, []int{0, 0, 0, 1, 0, 0, 0, 1}
		if !slices.Equal(at, wantAt) || !slices.Equal(gens, wantGens) {
			t.Errorf("%s: generations %v at allocations %v", name, gens, at)
		}
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A full collection comes by itself only when a quarter of what survived the last one has survived a collection of
// generation 1 since (issue 4074).
func TestQuarter(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		for i := range 400 {
			w.roots[i] = w.h.NewList(0)
		}
		w.c.Collect(2)
		w.c.SetThreshold(4, 1, 1)
		w.c.Enable()
		made := 0
		for w.c.Stats()[2].Collections == 1 {
			made++
			w.roots[400+made] = w.h.NewList(0)
			w.c.Safepoint()
		}
		// Each collection of generation 1 comes after ten allocations, and its survivors count.
		if made < 100 || made > 120 {
			t.Errorf("%s: a full collection after %d allocations, want about 100", name, made)
		}
	}
}

// A chain of a million objects dies without a deep stack, whatever its links are.
func TestLongChains(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	for _, name := range []string{"3.6", "3.8", "3.13"} {
		for _, kind := range []string{"list", "inst", "slots", "tuple"} {
			w := open(t, name)
			var o object.Ref
			for range n {
				var next object.Ref
				if kind == "tuple" {
					next = w.h.NewTuple(o)
				} else {
					next = w.make(kind, 0)
					w.h.SetItem(next, 0, o)
				}
				w.h.Decref(o)
				o = next
			}
			w.h.Decref(o)
			if w.h.Live() != 0 {
				t.Errorf("%s: %s: %d objects live", name, kind, w.h.Live())
			}
			if err := w.check(); err != nil {
				t.Errorf("%s: %s: %v", name, kind, err)
			}
		}
	}
}

// Nested [F0, [F1, ...]] with 200 levels: the trashcan's effect on the order of finalizers, as measured.
func TestTrashcanOrder(t *testing.T) {
	order := func(parts ...[2]int) string {
		var s []string
		for _, p := range parts {
			step := 1
			if p[1] < p[0] {
				step = -1
			}
			for i := p[0]; ; i += step {
				s = append(s, fmt.Sprintf("F%d", i))
				if i == p[1] {
					break
				}
			}
		}
		return strings.Join(s, " ")
	}
	rows := map[string]string{
		"3.6":  order([2]int{47, 0}, [2]int{48, 49}, [2]int{96, 50}),
		"3.8":  order([2]int{48, 0}, [2]int{49, 49}, [2]int{97, 50}, [2]int{98, 98}, [2]int{146, 99}),
		"3.12": order([2]int{48, 0}, [2]int{49, 49}, [2]int{97, 50}, [2]int{98, 98}, [2]int{146, 99}),
		"3.13": order([2]int{199, 0}),
	}
	for name, want := range rows {
		w := open(t, name)
		var inner object.Ref
		for i := 199; i >= 0; i-- {
			l, f := w.h.NewList(2), w.make("slots-log", i)
			w.h.SetItem(l, 0, f)
			w.h.SetItem(l, 1, inner)
			w.h.Decref(f)
			w.h.Decref(inner)
			inner = l
		}
		w.h.Decref(inner)
		if got := w.events(); !strings.HasPrefix(got, want) || strings.Count(got, "F") != 200 {
			t.Errorf("%s: finalizers %s", name, got)
		}
	}
}

// SaveAll keeps what is found, returns the same number and clears nothing.
func TestSaveAll(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		l := w.make("list", 1)
		w.h.SetItem(l, 0, l)
		w.h.Decref(l)
		w.c.SetDebug(SaveAll)
		if n := w.c.Collect(0); n != 1 || len(w.c.Garbage()) != 1 || w.h.Get(w.c.Garbage()[0], 0) != l {
			t.Errorf("%s: %d collected, garbage %v", name, n, w.c.Garbage())
		}
		if g := w.c.GenerationOf(l); g != 1 {
			t.Errorf("%s: what survives a collection of 0 is in generation %d", name, g)
		}
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.c.SetDebug(0)
		w.c.DropGarbage()
		if n := w.c.Collect(2); n != 1 || w.h.Live() != 0 {
			t.Errorf("%s: %d collected after the garbage was dropped, %d live", name, n, w.h.Live())
		}
	}
}

// OnCollection is called around each collection, also one that begins by itself, with the counts still as they were.
func TestOnCollection(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		var log []string
		w.c.OnCollection = func(p Phase) {
			if n := w.c.Collect(2); n != 0 {
				t.Errorf("%s: a collection inside another returns %d", name, n)
			}
			log = append(log, fmt.Sprintf("%v %d %d at %d", p.Stop, p.Generation, p.Collected, w.c.Count()[0]))
		}
		l := w.make("list", 1)
		w.h.SetItem(l, 0, l)
		w.h.Decref(l)
		w.c.Collect(1)
		w.c.SetThreshold(1)
		w.c.Enable()
		for i := range 3 { // the first of them gets the block of the one that died, and does not count
			w.roots[i] = w.h.NewList(0)
		}
		w.c.Safepoint()
		want := "false 1 0 at 1, true 1 1 at 0, false 0 0 at 2, true 0 0 at 0"
		if got := strings.Join(log, ", "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// What is frozen is out of reach of a collection, holds what it refers to, and comes back to the oldest generation.
func TestFreeze(t *testing.T) {
	w := open(t, "3.12")
	l := w.make("list", 1)
	w.h.SetItem(l, 0, l)
	w.c.Freeze()
	w.h.Decref(l)
	w.roots[1] = w.make("list", 2)
	w.h.SetItem(w.roots[1], 0, l)
	if n := w.c.Collect(2); n != 0 || w.c.FreezeCount() != 1 || w.c.GenerationOf(l) != Generations {
		t.Errorf("frozen: %d collected, %d frozen", n, w.c.FreezeCount())
	}
	if err := w.check(); err != nil {
		t.Error(err)
	}
	w.h.SetItem(w.roots[1], 0, 0)
	w.c.Unfreeze()
	if g := w.c.GenerationOf(l); g != 2 {
		t.Errorf("thawed into generation %d", g)
	}
	if n := w.c.Collect(2); n != 1 || w.h.Live() != 1 {
		t.Errorf("thawed: %d collected, %d live", n, w.h.Live())
	}
}

// An object that waits for its death in the trashcan is dead to weak references, whoever asks (issue 16602).
func TestWaitingIsDead(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		depth := w.h.Profile().TrashDepth + 10
		if depth > 1000 {
			continue // the answer of each finalizer looks at each weak reference
		}
		var o object.Ref
		weak := make([]object.Ref, depth)
		for i := range depth {
			next, after := w.make("slots", i), w.make("slots-log", i) // whose finalizer runs when o is dead, or waits
			weak[i] = w.h.NewWeakref(next, false)
			w.h.SetItem(next, 0, o)
			w.h.SetItem(next, 1, after)
			w.h.Decref(after)
			w.h.Decref(o)
			o = next
		}
		w.h.OnFinalize = func(object.Ref) {
			for _, r := range weak {
				if x := w.h.Referent(r); x != 0 && w.h.Count(x) == 0 {
					t.Fatalf("%s: a weak reference leads to what waits", name)
				}
			}
		}
		w.h.Decref(o)
		for _, r := range weak {
			w.h.Decref(r)
		}
		if w.h.Live() != 0 {
			t.Errorf("%s: %d objects live", name, w.h.Live())
		}
	}
}

// A weak reference that a finalizer made in the collection is not cleared with the others: what is saved through it
// while the collection clears is cleared all the same (gh-91636; measured: 3.6, 3.11, 3.13, with an older object that
// dies meanwhile, whose finalizer saves).
func TestSavedWhileCleared(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		behind, catches := w.make("slots", 1), w.make("slots-log", 2)
		w.h.SetItem(behind, 0, catches)
		w.h.Decref(catches)
		w.c.Collect(0)
		first := w.make("slots", 3)
		w.h.SetItem(first, 0, first)
		w.h.SetItem(first, 1, behind)
		w.h.Decref(behind)
		refers, other := w.make("slots-log", 4), w.make("slots", 5)
		w.h.SetItem(refers, 0, other)
		w.h.SetItem(other, 0, refers)
		w.h.Decref(other)
		w.h.Decref(refers)
		w.h.Decref(first)
		var weak, saved object.Ref
		w.h.OnFinalize = func(o object.Ref) {
			if w.h.Tag(o) == 4 {
				weak = w.h.NewWeakref(o, false)
				return
			}
			saved = w.h.Referent(weak)
			w.h.Incref(saved)
		}
		w.c.Collect(0)
		if saved != refers || w.h.Get(saved, 0) != 0 || w.h.Referent(weak) != saved {
			t.Errorf("%s: %#x was saved, and refers to %#x", name, saved, w.h.Get(saved, 0))
		}
		w.h.OnFinalize = nil
		w.roots[4], w.roots[6] = saved, weak
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		w.h.Decref(saved)
		w.h.Decref(weak)
		if w.h.Live() != 0 {
			t.Errorf("%s: %d objects live", name, w.h.Live())
		}
	}
}

// The free lists hold as many as they may, are emptied by a full collection only, and count 0 sees what it should.
func TestFreeLists(t *testing.T) {
	for _, name := range append(profileNames(), "2.7") {
		w := open(t, name)
		m := w.h.Profile().FreeList
		rows := []struct {
			what string
			most int
			make func() object.Ref
		}{
			{"list", m.Lists, func() object.Ref { return w.h.NewList(0) }},
			{"dict", m.Dicts, func() object.Ref { return w.h.NewDict() }},
			{"tuple of 1", m.Tuples, func() object.Ref { return w.h.NewTuple(0) }},
			{"tuple of the longest", m.Tuples, func() object.Ref {
				return w.h.NewTuple(make([]object.Ref, m.TupleItems)...)
			}},
			{"longer tuple", 0, func() object.Ref { return w.h.NewTuple(make([]object.Ref, m.TupleItems+1)...) }},
		}
		for _, r := range rows {
			w.c.Collect(2)
			before := w.h.FreeListed()
			all := make([]object.Ref, r.most+5)
			for i := range all {
				all[i] = r.make()
			}
			made := w.c.Count()[0]
			for _, o := range all {
				w.h.Decref(o)
			}
			if n := w.h.FreeListed() - before; n != r.most || made != len(all) || w.c.Count()[0] != r.most {
				t.Errorf("%s: %s: %d are kept, want %d; count 0 is %d, then %d", name, r.what, n, r.most, made,
					w.c.Count()[0])
			}
			w.c.Collect(1)
			if n := w.h.FreeListed() - before; n != r.most {
				t.Errorf("%s: %s: %d are kept after a young collection", name, r.what, n)
			}
			o := r.make()
			if n := w.c.Count()[0]; n != 0 && r.most > 0 {
				t.Errorf("%s: %s: a birth from the free list counts %d", name, r.what, n)
			}
			w.h.Decref(o)
			w.c.Collect(2)
			left := 0
			if m.KeepLists && (r.what == "list" || r.what == "dict") {
				left = r.most
			}
			if n := w.h.FreeListed() - before; n != left {
				t.Errorf("%s: %s: %d are kept after a full collection, want %d", name, r.what, n, left)
			}
			if err := w.check(); err != nil {
				t.Errorf("%s: %s: %v", name, r.what, err)
			}
		}
	}
}

// What a cycle with a finalizer of the old kind does: it is kept, whole, until somebody breaks it.
func TestLegacy(t *testing.T) {
	for name, kind := range map[string]string{"2.7": "slots-log", "3.6": "inst-old-log", "3.13": "inst-old-log"} {
		w := open(t, name)
		o, l, other := w.make(kind, 1), w.make("list", 2), w.make("list", 3)
		w.h.SetItem(o, 0, l)
		w.h.SetItem(l, 0, o)
		w.h.SetItem(other, 0, other)
		for _, x := range []object.Ref{o, l, other} {
			w.h.Decref(x)
		}
		n := w.c.Collect(0)
		s := w.c.Stats()[0]
		if n != s.Collected+s.Uncollectable || s.Collected != 1 || s.Uncollectable < 2 {
			t.Errorf("%s: collect returns %d, %+v", name, n, s)
		}
		if g := w.c.Garbage(); len(g) != 1 || g[0] != o || w.c.GenerationOf(l) != 1 || w.events() != "" {
			t.Errorf("%s: garbage %v, the list is in generation %d", name, g, w.c.GenerationOf(l))
		}
		w.h.SetItem(l, 0, 0)
		w.c.DropGarbage()
		if got := w.events(); got != "F1" || w.h.Live() != 0 {
			t.Errorf("%s: events %q, %d objects live", name, got, w.h.Live())
		}
	}
}

// In 2.7 weak references die before the finalizer, which runs at every death.
func TestLegacyDeath(t *testing.T) {
	w := open(t, "2.7")
	for _, kind := range []string{"slots-revive", "inst-revive", "classic-revive"} {
		o := w.make(kind, 1)
		weak := w.h.NewWeakref(o, true)
		w.h.SetTag(weak, 2)
		w.h.Decref(o)
		if w.h.Referent(weak) != 0 || len(w.h.Revived) != 1 {
			t.Errorf("%s: the weak reference is alive, or the object is not", kind)
		}
		w.h.Revived = w.h.Revived[:0]
		w.h.Decref(o)
		if got := w.events(); got != "C2 F1 F1" {
			t.Errorf("%s: events %s", kind, got)
		}
		w.roots[len(w.roots)], w.roots[len(w.roots)+1] = o, weak
		w.h.Revived = w.h.Revived[:0]
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Immortal objects leave the generations at the next collection, wherever they stand and whoever leads to them.
func TestImmortal(t *testing.T) {
	for _, g := range []int{0, 2} {
		w := open(t, "3.12")
		var all []object.Ref
		for i := range 6 {
			l := w.make("list", i)
			w.roots[i] = l
			all = append(all, l)
		}
		for i, l := range all {
			w.h.SetItem(l, 0, all[(i+1)%6])
			w.h.SetItem(l, 1, all[(i+5)%6])
		}
		counts := map[int]int{}
		for _, i := range []int{0, 2, 3, 5} {
			counts[i] = w.h.Count(all[i])
			page.Store(uintptr(all[i]), 1<<32-1)
		}
		if n := w.c.Collect(g); n != 0 || w.c.FreezeCount() != 4 || w.c.GenerationOf(all[1]) != min(g+1, 2) {
			t.Errorf("collect(%d) finds %d, %d are permanent", g, n, w.c.FreezeCount())
		}
		for i, n := range counts {
			page.Store(uintptr(all[i]), uintptr(n))
		}
		if err := w.check(); err != nil {
			t.Error(err)
		}
	}
}

// What was put aside and comes back is not counted as garbage, nor lost, where no code of a program is among it.
func TestBackFromAside(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		const n = 20
		var all [n]object.Ref
		for i := range all {
			all[i] = w.make("list", i)
			if i > 0 {
				w.h.SetItem(all[i], 0, all[i-1]) // who refers comes behind
				w.h.Decref(all[i-1])
			}
		}
		w.roots[1] = all[n-1]
		dead := w.make("list", n)
		w.h.SetItem(dead, 0, dead)
		w.h.SetItem(dead, 1, all[3])
		w.h.Decref(dead)
		for g := range Generations {
			want := 0
			if g == 0 {
				want = 1
			}
			if got := w.c.Collect(g); got != want {
				t.Errorf("%s: collect(%d) returns %d, want %d", name, g, got, want)
			}
			if err := w.check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// An immortal object that leaves the list between two others leaves what is counted of the second alone.
func TestImmortalBetween(t *testing.T) {
	w := open(t, "3.12")
	first, between, second := w.make("list", 1), w.make("list", 2), w.make("list", 3)
	w.h.SetItem(first, 0, second)
	w.h.SetItem(second, 0, first)
	w.h.Decref(first)
	w.h.Decref(second)
	page.Store(uintptr(between), 1<<32-1)
	if n := w.c.Collect(2); n != 2 || w.c.FreezeCount() != 1 {
		t.Errorf("%d collected, %d are permanent", n, w.c.FreezeCount())
	}
	page.Store(uintptr(between), 1)
	w.roots[1] = between
	if err := w.check(); err != nil {
		t.Error(err)
	}
}

// What a collection untracks does not count as a survivor, neither for the rule of the quarter nor for what is
// long-lived.
func TestUntrackedDoNotSurvive(t *testing.T) {
	for _, name := range profileNames() {
		w := open(t, name)
		key, l := w.h.NewInt(1), w.make("list", 0)
		w.roots[1], w.roots[2] = key, l
		for i := range 10 {
			tuple, dict := w.h.NewTuple(0, 0), w.h.NewDict()
			w.h.DictSet(dict, key, l)
			w.h.DictDelete(dict, key)
			w.roots[10+i], w.roots[20+i] = tuple, dict
		}
		w.c.Collect(1)
		if w.c.pending != 11 {
			t.Errorf("%s: %d are pending, want the list and the dicts", name, w.c.pending)
		}
		w.c.Collect(2)
		if w.c.longLived != 1 {
			t.Errorf("%s: %d are long-lived, want the list", name, w.c.longLived)
		}
		if err := w.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A finalizer that runs inside itself takes a frame of its own, which counts up to 3.10 and waits for the next.
func TestNestedFrames(t *testing.T) {
	for name, want := range map[string]int{"3.8": 2, "3.10": 2, "3.11": 0} {
		w := open(t, name)
		before := 0
		for range 2 {
			var o object.Ref
			for range 3 {
				next := w.make("inst-drop", 1)
				w.h.SetItem(next, 0, o)
				w.h.Decref(o)
				o = next
			}
			before = w.c.Count()[0] - 3 // the instances are freed; their dicts, if any, are kept
			w.h.Decref(o)
			if n := w.c.Count()[0] - before; n != want {
				t.Errorf("%s: %d frames count, want %d", name, n, want)
			}
			want = 0
		}
	}
}

// TestPromotions counts by hand which objects go to which generation.
func TestPromotions(t *testing.T) {
	w := open(t, "3.11")
	want := map[string]uint64{}
	is := func(what string) {
		t.Helper()
		w.c.Transitions(func(name string, times uint64) {
			if n, ok := want[name]; ok && times != n {
				t.Errorf("%s: %s %d times, and not %d", what, name, times, n)
			}
		})
	}
	want["promoted/middle"], want["promoted/oldest"] = 0, 0
	is("nothing")
	w.roots[0], w.roots[1] = w.make("list", 0), w.make("list", 1)
	w.c.Collect(0)
	want["promoted/middle"] = 2
	is("two of the youngest generation")
	w.roots[2] = w.make("slots", 2)
	w.c.Collect(1)
	want["promoted/oldest"] = 3
	is("two of the middle one, and one of the youngest")
	w.c.Collect(2)
	is("all are there")
	for _, o := range w.roots {
		w.h.Decref(o)
	}
	clear(w.roots)
}
