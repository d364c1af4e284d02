package fuzz

import (
	"errors"
	"fmt"
	"math"

	"heapfuzz/impl/object"
	"heapfuzz/props/heaptest"
)

// barren is an operating system that has no memory.
type barren struct{}

func (barren) Map(uintptr) uintptr { return 0 }
func (barren) Unmap(_, _ uintptr)  {}

// objectEdges asks package object what no program can: heaps that cannot be, one of no profile and two without a
// collector.
func objectEdges(prof *object.Profile) error {
	if err := objectRefused(prof); err != nil {
		return err
	}
	for _, p := range []*object.Profile{nil, prof} {
		os := source(heaptest.World{})
		h, err := object.New(object.Config{Profile: p, OS: os})
		if err != nil {
			return fmt.Errorf("a heap of its own: %w", err)
		}
		if err := errors.Join(objectAlone(h, p), h.Close(), os.leaks()); err != nil {
			return fmt.Errorf("a heap of its own: %w", err)
		}
	}
	return nil
}

// objectRefused tells whether heaps are refused that cannot be, and what memory they had comes back.
func objectRefused(prof *object.Profile) error {
	nameless, crooked, pools := *prof, *prof, *prof.Arena
	nameless.Name = "none"
	pools.PoolBytes++
	crooked.Arena = &pools
	if _, err := object.New(object.Config{Profile: prof, OS: barren{}}); err == nil {
		return errors.New("a heap is made without memory")
	}
	for _, wrong := range []*object.Profile{&nameless, &crooked} {
		os := source(heaptest.World{})
		if _, err := object.New(object.Config{Profile: wrong, OS: os}); err == nil {
			return errors.New("a heap is made of no release, or with pools whose size is no power of two")
		}
		if err := os.leaks(); err != nil {
			return fmt.Errorf("of a heap that was refused: %w", err)
		}
	}
	return nil
}

// objectAlone asks a heap without a collector, whose profile is the newest where none was given.
func objectAlone(h *object.Heap, p *object.Profile) error {
	all := object.Profiles()
	if p == nil && h.Profile() != all[len(all)-1] {
		return fmt.Errorf("no profile is %s", h.Profile().Name)
	}
	if h.NewList(1<<61) != 0 {
		return errors.New("there is memory for a list of more items than have addresses")
	}
	l, quiet := h.NewList(0), h.NewCapsule(object.NoFinalizer)
	if l == 0 || quiet == 0 || h.Live() != 2 {
		return errors.New("a list and a capsule are not made")
	}
	h.Insert(l, 3, quiet)
	if h.Insert(l, -1, l); h.Get(l, 0) != l || h.Get(l, 1) != quiet {
		return errors.New("what is inserted outside of a list is not at its ends")
	}
	down := h.NewRange(12, 2, -1)
	if n := h.Get(down, 3); n != 0 && h.IntValue(n).Int64() != 10 { // 2.7 has no ints in it
		return fmt.Errorf("from 12 down to 3 there are %v numbers", h.IntValue(n))
	}
	h.Decref(down)
	tuple := h.NewTuple(quiet)
	for _, o := range []object.Ref{tuple, h.NewSlice(quiet, 0, 0), h.NewMethod(quiet, 0), h.NewRange(2000, 3000, 2)} {
		if first := h.Get(o, 0); h.SetItem(o, 0, l) || h.Get(o, 0) != first {
			return fmt.Errorf("a %v is changed", h.Kind(o))
		}
		if o != tuple {
			h.Decref(o)
		}
	}
	if h.SetTupleItem(tuple, 1, l) || h.SetTupleItem(tuple, -1, l) || h.SetTupleItem(l, 0, tuple) ||
		h.SetItem(l, 9, l) {
		return errors.New("an item is set that there is not")
	}
	h.Decref(tuple)
	h.Clear(l)
	h.Decref(l)
	for _, f := range []func(object.Ref) (object.Ref, error){h.Copy, h.DeepCopy} {
		if y, err := f(0); y != 0 || err != nil {
			return fmt.Errorf("nothing is copied to %d: %w", y, err)
		}
	}
	if h.Decref(quiet); h.Live() != 0 || len(h.Events) != 0 {
		return errors.New("something runs when a capsule dies that does nothing")
	}
	if h.ClearFreeLists(); h.Fresh != 0 && !h.Profile().FreeList.KeepLists {
		return fmt.Errorf("count 0 is %d when nothing lives", h.Fresh)
	}
	asks := []func(*object.Heap) error{objectAtoms, objectNothing, objectCopies, objectInstances}
	if p != nil { // once is enough, as these take some time
		asks = append(asks, objectWaits, objectDeep)
	}
	for _, ask := range asks {
		if err := ask(h); err != nil {
			return err
		}
		h.ClearFreeLists()
	}
	return h.CheckInvariants(func(func(object.Ref)) {}, []object.List{h.Young})
}

// objectAtoms asks who is immortal, and how long the character is that stands for bad UTF-8 and is none itself.
func objectAtoms(h *object.Heap) error {
	one, mark := h.NewInt(1), h.NewStr("\ufffd")
	if h.IsImmortal(0) || h.IsImmortal(one) != (pyMinor(h.Profile().Name) >= 12) {
		return errors.New("nothing is immortal, or 1 where it is not, or is not where it is")
	}
	if !h.Profile().ByteStr && h.Len(mark) != 1 {
		return errors.New("the replacement character is not one")
	}
	h.Decref(one)
	h.Decref(mark)
	return nil
}

// likeNothing are the bits of a float whose hash is that of nothing, so that dicts compare the two. (With
// another hash they are two keys like any others.)
const likeNothing = 0xdd8aac01e84a9dfc

// objectNothing has nothing, which reads as None, for a key.
func objectNothing(h *object.Heap) error {
	twin := h.NewFloat(math.Float64frombits(likeNothing))
	for _, keys := range [][2]object.Ref{{0, twin}, {twin, 0}} {
		d := h.NewDict()
		for i, key := range keys {
			h.DictSet(d, key, keys[1-i])
		}
		x, _ := h.DictGet(d, 0)
		y, there := h.DictGet(d, twin)
		if h.DictLen(d) != 2 || x != twin || y != 0 || !there {
			return errors.New("a dict does not tell nothing from a float")
		}
		gone, again := h.DictDelete(d, 0), h.DictDelete(d, 0)
		if _, there := h.DictGet(d, 0); !gone || again || there || h.DictLen(d) != 1 {
			return errors.New("nothing is no key that can be deleted, once")
		}
		h.Decref(d)
	}
	h.Decref(twin)
	return nil
}

// objectCopies has copied what no program makes: a tuple that holds itself, two tuples of which one comes to stand
// where the other one stood, and one object twice that is its own copy.
func objectCopies(h *object.Heap) error {
	loop := h.NewTuple(0)
	h.SetTupleItem(loop, 0, loop)
	if _, err := h.DeepCopy(loop); !errors.Is(err, object.ErrEndless) {
		return fmt.Errorf("the copy of a tuple that holds itself ends: %w", err)
	}
	h.SetTupleItem(loop, 0, 0)
	h.Decref(loop)
	memo, l := h.NewMemo(), h.NewList(0)
	for _, item := range []object.Ref{0, l} {
		t := h.NewTuple(item)
		y, err := memo.DeepCopy(t)
		if err != nil || (y == t) != (item == 0) {
			return fmt.Errorf("with one memo a tuple is its own copy: %t: %w", y == t, err)
		}
		h.Decref(y)
		h.Decref(t)
	}
	memo.Close()
	none := h.NewFrozenset()
	h.Push(l, none)
	h.Push(l, none)
	y, err := h.DeepCopy(l)
	if err != nil || h.Len(y) != 2 || h.Get(y, 0) != h.Get(y, 1) {
		return fmt.Errorf("two times the same set are not copied to two times the same: %w", err)
	}
	h.Decref(none)
	h.Decref(l)
	h.Decref(y)
	return nil
}

// objectInstances asks instances for their attributes, and a weak reference for its object, when they were cleared. In
// 3.6 to 3.10 their dicts share the keys: of such a dict sys.getsizeof tells 64 bytes for five values, and no keys.
func objectInstances(h *object.Heap) error {
	p, cached := h.Profile(), h.Cached()
	most, err := h.Define(object.Type{Name: "most", Kind: object.KindInstance, Attrs: 5})
	if names := h.Cached() - cached; err != nil || names != int(pySince(pyMinor(p.Name), 11, 0, 5)) {
		return fmt.Errorf("%d names are kept for five attributes: %w", names, err)
	}
	h.Decref(h.New(most))
	id, err := h.Define(object.Type{Name: "instance", Kind: object.KindInstance, Attrs: 2, Weak: true})
	if err != nil {
		return err
	}
	o := h.New(id)
	w := h.NewWeakref(o, false)
	if d := h.DictOf(o); d != 0 && !p.ByteStr {
		bytes := (p.HeadBytes+48+15)&^15 + 48
		if p.Arena.Shift == 3 {
			bytes = p.HeadBytes + 48 + 40
		}
		if h.Size(d) != int(p.HeadBytes)+88 || h.Bytes(d) != bytes {
			return fmt.Errorf("the dict of an instance has %d bytes and takes %d", h.Size(d), h.Bytes(d))
		}
	}
	h.Clear(o)
	if h.Get(o, 0) != 0 || p.Values == object.InDict && h.SetItem(o, 0, w) || h.SetItem(o, 2, w) {
		return errors.New("an instance that was cleared has attributes, or any has more than its class")
	}
	y, err := h.DeepCopy(o)
	if err != nil {
		return fmt.Errorf("the copy of an instance that was cleared: %w", err)
	}
	h.Decref(y)
	if h.Clear(w); h.Referent(w) != 0 {
		return errors.New("a weak reference that was cleared refers to its object")
	}
	h.Decref(o)
	if id, err = h.Define(object.Type{Name: "bare", Kind: object.KindInstance, Attrs: 3}); err != nil {
		return err
	}
	before, _, _ := h.Memory().Usage()
	o = h.New(id)
	blocks, _, _ := h.Memory().Usage()
	if blocks -= before; pyMinor(p.Name) >= 11 && (h.Bytes(o) != 80 || blocks != pySince(pyMinor(p.Name), 13, 1, 2)) {
		// 80 are heads of 32, and three values
		return fmt.Errorf("an instance takes %d bytes in %d blocks", h.Bytes(o), blocks)
	}
	h.Decref(o)
	for _, o := range []object.Ref{h.NewSet(w), h.NewFrozenset(w), h.NewDict()} {
		if h.Get(o, 0) != 0 || h.SetItem(o, 0, w) {
			return fmt.Errorf("a %v has items by their number", h.Kind(o))
		}
		h.Decref(o)
	}
	h.Decref(w)
	return nil
}

// objectWaits lets more tuples go than wait for others of their length.
func objectWaits(h *object.Heap) error {
	const most = 2000
	var all [most + 1]object.Ref
	for i := range all {
		all[i] = h.NewTuple(0)
	}
	h.ClearFreeLists()
	before := h.FreeListed() // in 2.7 lists and dicts stay
	for _, o := range all {
		h.Decref(o)
	}
	if n := h.FreeListed() - before; n != most {
		return fmt.Errorf("of %d tuples %d wait", len(all), n)
	}
	return nil
}

// objectDeep has a chain of lists die that is longer than deaths nest in 3.13, where C takes 10,000 less 50 of them for
// what its stack has room for (Include/cpython/pystate.h, Py_C_RECURSION_LIMIT), and lets those go that wait when there
// is room for twice as many as the 50. Each list lets go of the next one before its capsule, so these tell how deep it
// is.
func objectDeep(h *object.Heap) error {
	const deepest, behind = 10_000 - 50, 10
	if pyMinor(h.Profile().Name) < 13 {
		return nil
	}
	next := object.Ref(0)
	for level := deepest + behind - 1; level >= 0; level-- {
		l, c := h.NewList(2), h.NewCapsule(object.Nothing)
		h.SetTag(c, uint32(level))
		h.SetItem(l, 0, c)
		h.SetItem(l, 1, next)
		h.Decref(c)
		h.Decref(next)
		next = l
	}
	h.Events = h.Events[:0]
	h.Decref(next)
	if n := len(h.Events); n != deepest+behind || h.Events[0].Tag != deepest-1 ||
		h.Events[50].Tag != deepest-51 || h.Events[51].Tag != deepest+behind-1 {
		return fmt.Errorf("of a long chain die %d, and in another order than in C", n)
	}
	h.Events = h.Events[:0]
	return nil
}

// pyEdgeGarbage makes garbage that no program makes: a record that refers to itself, and an object that its finalizer
// has refer to itself, which is saved by that, and garbage at once.
func pyEdgeGarbage(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil {
		return err
	}
	record := h.NewRecord("module")
	h.SetItem(record, 0, record)
	h.Decref(record)
	if c.Collect(0); h.Live() != 0 {
		return errors.New("a record that refers to itself does not die")
	}
	eager, err := h.Define(object.Type{Name: "eager", Kind: object.KindSlotted, Attrs: 1, Final: object.Collect})
	if err != nil {
		return err
	}
	h.Decref(h.New(eager))
	if n := len(h.Events); n != 2 || h.Events[0].Kind != object.Finalized || h.Events[1].Kind != object.Collected {
		return fmt.Errorf("of a finalizer that collects are told %v", h.Events)
	}
	if h.Profile().Legacy {
		return nil
	}
	selfish, err := h.Define(object.Type{Name: "selfish", Kind: object.KindSlotted, Attrs: 1, Final: object.Nothing})
	if err != nil {
		return err
	}
	h.OnFinalize = func(o object.Ref) { h.SetItem(o, 0, o) }
	o := h.New(selfish)
	h.Incref(o)
	h.Decref(o) // so that it may be suspected
	if h.Decref(o); h.Live() != 1 {
		return errors.New("an object that refers to itself since its finalizer ran is dead")
	}
	if c.Collect(0); h.Live() != 0 {
		return errors.New("an object that refers to itself since its finalizer ran does not die")
	}
	return nil
}

// pyEdgeTuple looks whether the tuple in which weak references wait for their callbacks is followed like any other.
func pyEdgeTuple(h *object.Heap, make attached) error {
	if _, err := make(h); err != nil {
		return err
	}
	weak, err := h.Define(object.Type{Name: "weak", Kind: object.KindSlotted, Attrs: 1, Weak: true})
	if err != nil {
		return err
	}
	o, n := h.New(weak), 0
	h.NewWeakref(o, true)
	h.NewWeakref(o, true)
	h.OnCallback = func(object.Ref) { n = h.Members(h.Young) }
	if h.Decref(o); n != 3 {
		return fmt.Errorf("of two weak references and a tuple %d are followed", n)
	}
	return nil
}

// pyEdgeClasses gives objects classes that are like their own, as to code of programs: they are still what a collection
// takes them for, so a finalizer runs, and one of 2.7 keeps its object.
func pyEdgeClasses(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil {
		return err
	}
	var ids [4]object.TypeID
	for i := range ids {
		t := object.Type{Name: "class", Kind: object.KindSlotted, Attrs: 1}
		if i >= 2 {
			t.Final = object.Nothing
		}
		if ids[i], err = h.Define(t); err != nil {
			return err
		}
	}
	finals := 0
	h.OnFinalize = func(object.Ref) { finals++ }
	plain, final := h.New(ids[0]), h.New(ids[2])
	if !h.SetType(plain, ids[1]) || !h.SetType(final, ids[3]) {
		return errors.New("classes that are laid out alike are not exchanged")
	}
	wide, err := h.Define(object.Type{Name: "wide", Kind: object.KindSlotted, Attrs: 2})
	if err != nil || h.SetType(plain, wide) || h.SetType(h.None(), h.IDOf(h.None())) {
		return fmt.Errorf("classes that are not laid out alike are exchanged: %w", err)
	}
	h.SetItem(final, 0, final)
	h.Decref(final)
	c.Collect(0)
	wantFinals, wantLive := 1, 1
	if h.Profile().Legacy {
		wantFinals, wantLive = 0, 2
	}
	if finals != wantFinals || h.Live() != wantLive {
		return fmt.Errorf("with other classes %d finalizers run, and %d objects live", finals, h.Live())
	}
	h.Decref(plain)
	return nil
}

// pyEdgeOld has a heap with no class but one that has an old finalizer, in 3.x as well: no collection takes its
// objects. A weak reference that the finalizer makes to its object is dead when that is, and does not call back
// (Objects/typeobject.c, subtype_dealloc).
func pyEdgeOld(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil {
		return err
	}
	old, err := h.Define(object.Type{Name: "old", Kind: object.KindSlotted, Attrs: 1, Weak: true,
		Final: object.Nothing, Legacy: true})
	if err != nil {
		return err
	}
	o := h.New(old)
	h.SetItem(o, 0, o)
	h.Decref(o)
	if c.Collect(0); h.Live() != 1 || len(h.Events) != 0 {
		return errors.New("garbage with an old finalizer dies")
	}
	var late [2]object.Ref
	followed := false
	h.OnFinalize = func(o object.Ref) {
		followed = h.IsTracked(o)
		for i := range late {
			late[i] = h.NewWeakref(o, true)
		}
	}
	h.Decref(h.New(old))
	h.OnFinalize = nil
	next := h.New(old) // where the dead one was
	for _, w := range late {
		if h.Referent(w) != 0 {
			return errors.New("a weak reference that an old finalizer made to its object refers to it for ever")
		}
		h.Decref(w)
	}
	if !followed {
		return errors.New("an object is not followed while its old finalizer runs")
	}
	if len(h.Events) != 1 || h.Live() != 2 || next == 0 {
		return fmt.Errorf("%d times code runs, and %d objects live, where an old finalizer made weak references",
			len(h.Events), h.Live())
	}
	return nil
}

// pyEdgeCounts asks for count 0 behind calls of finalizers: a function keeps the frame of its last call, and a call
// inside another takes one more (up to 3.10); each takes a bound method (up to 3.6). They wait on free lists, which a
// full collection empties; those of tables of dicts too, but for 2.7. Atoms are not counted.
func pyEdgeCounts(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil {
		return err
	}
	c.Disable()
	var ids [2]object.TypeID
	for i, s := range []object.Script{object.DropRef, object.Nothing} {
		t := object.Type{Name: "class", Kind: object.KindSlotted, Attrs: 1, Final: s}
		if ids[i], err = h.Define(t); err != nil {
			return err
		}
	}
	for range 20 {
		h.NewList(0) // count 0 is never below 0
	}
	h.ClearFreeLists()
	base, own := h.Fresh, h.OwnBlocks()
	p := h.Profile()
	minor := pyMinor(p.Name)
	frames, methods := int(pySince(minor, 11, 0, 1)), int(pySince(minor, 7, 0, pySince(minor, 6, 1, 0)))
	want := func(more int, when string) {
		if got := h.Fresh - base; got != more && err == nil {
			err = fmt.Errorf("count 0 grows by %d, and not by %d, %s", got, more, when)
		}
	}
	for range 3 {
		h.Decref(h.NewBytes([]byte("atom")))
	}
	want(0, "when atoms die")
	for range 2 {
		outer, inner := h.New(ids[0]), h.New(ids[0])
		h.SetItem(outer, 0, inner)
		h.Decref(inner)
		h.OnFinalize = func(object.Ref) {
			want(2+frames+2*methods, "inside of a finalizer that runs in another")
			h.OnFinalize = nil
		}
		h.Decref(outer)
		want(frames+2*methods, "when a finalizer runs in another")
	}
	h.Decref(h.NewFloat(0.5)) // which waits, and is not counted
	h.ClearFreeLists()
	want(0, "when free lists are empty")
	h.Decref(h.New(ids[0]))
	want(methods, "when a finalizer runs")
	d, n := h.NewDict(), h.NewInt(1000)
	h.DictSet(d, n, n)
	h.Decref(n)
	h.Decref(d)
	if h.ClearFreeLists(); !p.FreeList.KeepLists && h.OwnBlocks() != own {
		return fmt.Errorf("%d blocks are the heap's own when free lists are empty, and %d were", h.OwnBlocks(), own)
	}
	if p.FreeList.KeepLists || !p.FramesWait {
		return err
	}
	o := h.New(ids[1])
	for range p.TrashDepth - 1 { // so that the frame of its finalizer waits
		l := h.NewList(1)
		h.SetItem(l, 0, o)
		h.Decref(o)
		o = l
	}
	h.Decref(o)
	h.ClearFreeLists()
	want(0, "when a finalizer has run inside of many deaths")
	h.Decref(h.New(ids[1]))
	want(methods, "when it runs again")
	slice := h.NewSlice(0, 0, 0)
	c.Collect(0)
	if h.Decref(slice); h.Fresh != 0 && err == nil {
		err = fmt.Errorf("count 0 is %d when what a collection saw has died", h.Fresh)
	}
	return err
}

// pyEdgeClassic has a chain of instances of a class without a metatype die, in 2.7: the trashcan counts the deaths of
// their dicts, and not their own. While the finalizer of one runs it is not followed (Objects/classobject.c,
// instance_dealloc).
func pyEdgeClassic(h *object.Heap, make attached) error {
	c, err := make(h)
	if err != nil || !h.Profile().Legacy {
		return err
	}
	classic, err := h.Define(object.Type{Name: "classic", Kind: object.KindInstance, Attrs: 1, Classic: true})
	if err != nil {
		return err
	}
	o := h.New(classic)
	for range 3 * h.Profile().TrashDepth {
		outer := h.New(classic)
		h.SetItem(outer, 0, o)
		h.Decref(o)
		o = outer
	}
	h.Decref(o)
	if h.Live() != 0 {
		return fmt.Errorf("of a chain of classic instances %d live", h.Live())
	}
	final, err := h.Define(object.Type{Name: "final", Kind: object.KindInstance, Classic: true, Weak: true,
		Final: object.Nothing})
	if err != nil {
		return err
	}
	followed := true
	h.OnFinalize = func(o object.Ref) { followed = h.IsTracked(o) }
	if o = h.New(final); h.Size(o) != 72 {
		return fmt.Errorf("a classic instance has %d bytes", h.Size(o))
	}
	if h.Decref(o); followed {
		return errors.New("a classic instance is followed while its finalizer runs")
	}
	return c.CheckInvariants(func(func(object.Ref)) {})
}

// pyEdgeFrames has finalizers of classic instances nest: each drops the next one, and no trashcan counts them. Each
// call inside of another of the same function takes a frame, of which no more than 200 wait (Objects/frameobject.c,
// PyFrame_MAXFREELIST).
func pyEdgeFrames(h *object.Heap, make attached) error {
	const nested, most = 300, 200
	c, err := make(h)
	if err != nil || !h.Profile().Legacy {
		return err
	}
	c.Disable()
	id, err := h.Define(object.Type{Name: "drops", Kind: object.KindInstance, Attrs: 1, Classic: true,
		Final: object.DropRef})
	if err != nil {
		return err
	}
	for range 5 * nested {
		h.NewList(0) // count 0 is never below 0
	}
	base := 0
	for range 2 { // dicts wait the second time
		h.ClearFreeLists()
		base = h.Fresh
		o := h.New(id)
		for range nested {
			outer := h.New(id)
			h.SetItem(outer, 0, o)
			h.Decref(o)
			o = outer
		}
		h.Decref(o)
	}
	if n := h.Fresh - base; n != most {
		return fmt.Errorf("behind calls that nested %d frames wait", n)
	}
	return nil
}
