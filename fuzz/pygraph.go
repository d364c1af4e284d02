package fuzz

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
	"heapfuzz/impl/trial"
	"heapfuzz/model/graph"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/heaptest"
)

// The kinds of graph.Heap as CPython's objects. An ID is the address of the object that is named here; what is in
// brackets goes with it, and nobody else sees it.
const (
	pySlotted  = graph.Node    // an instance with `__slots__`
	pyAtom     = graph.Atom    // an int or a str
	pyList     = graph.Kind(2) // a list
	pyTuple    = graph.Kind(3) // an instance with one slot: [a tuple of the fields]
	pyDict     = graph.Kind(4) // a dict with the keys 1000, 1001, 1002, ...
	pyInstance = graph.Kind(5) // an instance with a `__dict__`, which is [a dict] up to 3.10
	pyNested   = graph.Kind(6) // an instance with one slot: [(field 0, (field 1, (field 2, None)))]
	pyPushed   = graph.Kind(7) // a list that grew item by item
)

// A tuple cannot be changed. To set a field of pyTuple or pyNested is to make new tuples, as a program would. Without
// memory for them the old ones are written to, since to set a field cannot fail; and in finalizers, since what they
// make is none of the garbage, and would hold the object until the next collection; and while garbage is kept, which
// refers to the old tuples too. A tuple is reached through its instance only, so every cycle has a member that can be
// cleared.

// What is copied is copied with what is hidden: a copy that shared a tuple with its original would change with it,
// where tuples are written to.

// pySharedMax is how many attributes an instance with a `__dict__` may have. From 3.11 on one with more than there are
// shared keys for has a dict of its own after all; beyond this, and safely below that, it has slots. One without
// attributes has one that is never set, or CPython would make its dict, or not, as it likes.
const pySharedMax = 24

// attributed returns what is laid out for an instance with so many fields: slots or attributes, and how many.
func attributed(fields int) (object.Kind, int) {
	if fields > pySharedMax {
		return object.KindSlotted, fields
	}
	return object.KindInstance, max(fields, 1)
}

// pyFieldsMax is how many fields an object may have: as many as there are keys for dicts.
const pyFieldsMax = 255

// pyCollector is what a pyHeap needs of the collector of its objects.
type pyCollector interface {
	Collect(generation int) int
	Enable()
	Disable()
	Safepoint()
	CheckInvariants(roots func(func(object.Ref))) error
}

// pyHeap is an object heap with a collector, in the shape of a graph.Heap.
type pyHeap struct {
	h     *object.Heap
	c     pyCollector
	known map[object.Ref]*pyObject // what has an ID
	spare []*pyObject              // to be used again
	types map[pyType]object.TypeID
	keys  []object.Ref // of dicts; never unmade

	// Raw: what is hidden counts as it does in CPython, and tuples are never written to (pygraph_twin.go).
	raw bool

	serial int // of the last object made
	atoms  int // how many were made
	hidden int // objects that go with those that are known
	calls  int // that may have changed something since the invariants were checked

	ballast    ballast
	leaks      func() error // of the operating system
	mourn      func(graph.ID)
	inPlace    int  // reasons to write to tuples: finalizers that run, and garbage that is kept
	collecting bool // in Collect
	unlike     int  // what Collect returns more than the collector does
	unlikeSum  int
}

// pyObject is what is known of an object that has an ID.
type pyObject struct {
	serial   int
	kind     graph.Kind // WeakKind too
	fields   int
	atom     int // its number among the atoms
	roots    int
	taken    bool // by the collection that runs
	final    func(graph.ID)
	callback func(graph.ID)
}

// pyType is what tells the types of instances apart.
type pyType struct {
	kind          object.Kind
	attrs         int
	final, legacy bool
}

// pyVariant changes a profile: deaths nest less deeply, and arenas are small, or smaller. Four is the least depth with
// which what has an old finalizer dies at last: it does so inside the death of the frame of its finalizer, which holds
// it, and if the frame of the next call had to wait for that, there would always be a next.
func pyVariant(prof *object.Profile, variant uint64) *object.Profile {
	p := *prof
	if depth := [...]int{0, 4, 5, 7}[variant%4]; depth != 0 {
		p.TrashDepth, p.TrashHeadroom, p.NestMax = depth, min(p.TrashHeadroom, 1), 2
	}
	p.Arena = smallArenas(p.Arena, cmp.Or(variant/4%4, ordinaryArenas))
	return &p
}

// newPyHeap returns an empty heap whose objects are those of a profile; attach makes their collector.
func newPyHeap(prof *object.Profile, w graphtest.World, attach func(*object.Heap) (pyCollector, error)) (
	*pyHeap, error) {
	os := source(heaptest.World{Limit: w.Limit})
	oh, err := object.New(object.Config{Profile: pyVariant(prof, w.Variant), OS: os})
	if err != nil {
		return nil, err
	}
	h := &pyHeap{
		h: oh, known: map[object.Ref]*pyObject{}, types: map[pyType]object.TypeID{}, mourn: func(graph.ID) {},
		leaks: os.leaks,
	}
	if h.c, err = attach(oh); err != nil {
		return nil, fmt.Errorf("%w; %w", err, oh.Close())
	}
	h.c.Disable()
	if !h.needKeys(pyKeysFew) {
		return nil, fmt.Errorf("no memory for the keys of dicts; %w", oh.Close())
	}
	oh.OnDeath, oh.OnFinalize, oh.OnCallback = h.died, h.finalize, h.called
	return h, nil
}

func (h *pyHeap) OnDeath(f func(graph.ID)) { h.mourn = f }

// Close tells of memory that is not given back.
func (h *pyHeap) Close() error {
	h.ballast.drop(h.h.Memory())
	return errors.Join(h.h.Close(), h.leaks())
}

// New makes an object. A collection that it starts comes before it, or, from 3.12 on, behind it.
func (h *pyHeap) New(kind graph.Kind, fields int) graph.ID {
	if fields > pyFieldsMax {
		return 0
	}
	o := h.build(kind, fields)
	if o == 0 {
		return 0
	}
	h.enter(o, kind, fields)
	h.hidden += h.companions(kind, fields)
	h.c.Safepoint()
	return graph.ID(o)
}

func (h *pyHeap) enter(o object.Ref, kind graph.Kind, fields int) *pyObject {
	h.calls++
	p := &pyObject{}
	if n := len(h.spare); n > 0 {
		p, h.spare = h.spare[n-1], h.spare[:n-1]
	}
	h.serial++
	*p = pyObject{serial: h.serial, kind: kind, fields: fields, atom: h.atoms, roots: 1}
	h.known[o] = p
	h.h.SetTag(o, uint32(h.serial))
	return p
}

// companions is how many hidden objects go with one of a kind.
func (h *pyHeap) companions(kind graph.Kind, fields int) int {
	switch {
	case kind == pyTuple && fields > 0:
		return 1
	case kind == pyNested:
		return fields
	case kind == pyInstance && fields <= pySharedMax && h.h.Profile().Values == object.InDict:
		return 1
	}
	return 0
}

func (h *pyHeap) build(kind graph.Kind, fields int) object.Ref {
	switch kind {
	case pyAtom:
		return h.atom()
	case pyList:
		return h.h.NewList(fields)
	case pyPushed:
		return h.whole(h.h.NewList(0), func(o object.Ref) bool {
			for range fields {
				if !h.h.Push(o, 0) {
					return false
				}
			}
			return true
		})
	case pyDict:
		if !h.needKeys(fields) {
			return 0
		}
		return h.whole(h.h.NewDict(), func(o object.Ref) bool {
			for _, key := range h.keys[:fields] {
				if !h.h.DictSet(o, key, 0) {
					return false
				}
			}
			return true
		})
	case pyTuple:
		return h.whole(h.h.New(h.typeOf(object.KindSlotted, 1)), func(o object.Ref) bool {
			var items [pyFieldsMax]object.Ref
			return h.give(o, h.h.NewTuple(items[:fields]...))
		})
	case pyNested:
		return h.whole(h.h.New(h.typeOf(object.KindSlotted, 1)), func(o object.Ref) bool {
			for range fields {
				if !h.give(o, h.h.NewTuple(0, h.h.Get(o, 0))) {
					return false
				}
			}
			return true
		})
	case pyInstance:
		kind, attrs := attributed(fields)
		return h.h.New(h.typeOf(kind, attrs))
	}
	return h.h.New(h.typeOf(object.KindSlotted, fields))
}

// whole returns o if it was made and could be filled, and 0 otherwise.
func (h *pyHeap) whole(o object.Ref, fill func(object.Ref) bool) object.Ref {
	if o != 0 && !fill(o) {
		h.h.Decref(o)
		return 0
	}
	return o
}

// give moves a new tuple into the slot of its instance and reports whether there is one.
func (h *pyHeap) give(o, tuple object.Ref) bool {
	if tuple == 0 {
		return false
	}
	h.h.SetItem(o, 0, tuple)
	h.h.Decref(tuple)
	return true
}

// pyKeysFew is how many keys a heap begins with. The others are made together, or each might keep an arena.
const pyKeysFew = 8

// pyKeyFirst is the first key: a number that no release keeps an object of.
const pyKeyFirst = 1000

// needKeys reports whether there are so many keys.
func (h *pyHeap) needKeys(n int) bool {
	if n > pyKeysFew {
		n = pyFieldsMax
	}
	for len(h.keys) < n {
		key := h.h.NewInt(int64(pyKeyFirst + len(h.keys)))
		if key == 0 {
			return false
		}
		h.keys = append(h.keys, key)
	}
	return true
}

func (h *pyHeap) typeOf(kind object.Kind, attrs int) object.TypeID {
	return h.define(pyType{kind: kind, attrs: attrs})
}

func (h *pyHeap) define(key pyType) object.TypeID {
	id, ok := h.types[key]
	if !ok {
		t := object.Type{Name: fmt.Sprintf("%v%d", key.kind, key.attrs), Kind: key.kind, Attrs: key.attrs, Weak: true}
		if t.Legacy = key.legacy; key.final {
			t.Final = object.Nothing
		}
		var err error
		if id, err = h.h.Define(t); err != nil {
			panic(err) // of the few types that there are none is refused
		}
		h.types[key] = id
	}
	return id
}

// pyBare are the kinds that take neither weak references nor finalizers: as in CPython, all that are no instances.
var pyBare = [graph.Kinds]bool{pyAtom: true, pyList: true, pyDict: true, pyPushed: true}

// pyShares are the kinds whose objects are their own copies.
var pyShares = [graph.Kinds]bool{pyAtom: true}

// pyCounted are the kinds whose objects never come from a free list, where they would not be counted as made.
var pyCounted = [graph.Kinds]bool{pySlotted: true, pyTuple: true, pyInstance: true, pyNested: true}

// pyGrows are the kinds whose objects grow, and pyUntracks those that the collector does not follow while they hold
// atoms only.
var (
	pyGrows    = [graph.Kinds]bool{pyList: true, pyPushed: true}
	pyUntracks = [graph.Kinds]bool{pyDict: true}
)

func (h *pyHeap) SetField(id graph.ID, i int, target graph.ID) {
	h.calls++
	o, to := object.Ref(id), object.Ref(target)
	switch p := h.known[o]; p.kind {
	case pyDict:
		h.h.DictSet(o, h.keys[i], to)
	case pyTuple:
		h.setTuple(o, p.fields, i, to)
		h.c.Safepoint()
	case pyNested:
		h.setNested(o, i, to)
		h.c.Safepoint()
	default:
		h.h.SetItem(o, i, to)
	}
}

// setTuple gives o a copy of its tuple with another item i.
func (h *pyHeap) setTuple(o object.Ref, fields, i int, to object.Ref) {
	var room [pyFieldsMax]object.Ref
	items, old := room[:fields], h.h.Get(o, 0)
	for k := range items {
		items[k] = h.h.Get(old, k)
	}
	items[i] = to
	if h.inPlace > 0 || !h.give(o, h.h.NewTuple(items...)) {
		h.h.SetTupleItem(old, i, to)
	}
}

// setNested gives o copies of its tuples down to that of field i.
func (h *pyHeap) setNested(o object.Ref, i int, to object.Ref) {
	var room [pyFieldsMax + 1]object.Ref
	pairs := room[:i+1]
	pair := h.h.Get(o, 0)
	for k := range pairs {
		pairs[k], pair = pair, h.h.Get(pair, 1)
	}
	copied := object.Ref(0)
	if h.inPlace == 0 {
		copied = h.h.NewTuple(to, h.h.Get(pairs[i], 1))
	}
	for k := i - 1; k >= 0 && copied != 0; k-- {
		outer := h.h.NewTuple(h.h.Get(pairs[k], 0), copied)
		h.h.Decref(copied)
		copied = outer
	}
	if h.give(o, copied) {
		return
	}
	h.h.SetTupleItem(pairs[i], 0, to)
	for k := i - 1; k >= 0; k-- {
		h.h.SetTupleItem(pairs[k], 1, pairs[k+1]) // what held nothing worth following may do so again
	}
}

func (h *pyHeap) Field(id graph.ID, i int) graph.ID {
	o := object.Ref(id)
	switch h.known[o].kind {
	case pyDict:
		v, _ := h.h.DictGet(o, h.keys[i])
		return graph.ID(v)
	case pyTuple:
		return graph.ID(h.h.Get(h.h.Get(o, 0), i))
	case pyNested:
		pair := h.h.Get(o, 0)
		for range i {
			pair = h.h.Get(pair, 1)
		}
		return graph.ID(h.h.Get(pair, 0))
	}
	return graph.ID(h.h.Get(o, i))
}

func (h *pyHeap) Root(id graph.ID) {
	h.calls++
	h.known[object.Ref(id)].roots++
	h.h.Incref(object.Ref(id))
}

func (h *pyHeap) Unroot(id graph.ID) {
	h.calls++
	h.known[object.Ref(id)].roots--
	h.h.Decref(object.Ref(id))
}

// Collect returns how many objects with an ID the collector took, in place of how many it says: its hidden ones do not
// count, and a dict does that nobody followed, as it held atoms only and died of its last reference.
func (h *pyHeap) Collect(generation int) int {
	if h.collecting {
		return h.c.Collect(generation)
	}
	return h.c.Collect(generation) + h.unlike
}

// take is told by the collector of all that it takes.
func (h *pyHeap) take(o object.Ref) {
	if h.raw {
		return
	}
	if p := h.known[o]; p != nil {
		p.taken = true
	} else {
		h.unlike--
	}
}

// keep is told by the collector of all that it found and that old finalizers keep.
func (h *pyHeap) keep(o object.Ref) {
	if !h.raw && h.known[o] == nil {
		h.unlike--
	}
}

// begins and ends are a collection's.
func (h *pyHeap) begins() {
	h.collecting, h.unlike = true, 0
}

func (h *pyHeap) ends() {
	h.collecting = false
	h.unlikeSum += h.unlike
}

func (h *pyHeap) died(o object.Ref) {
	p := h.known[o]
	if p == nil {
		return
	}
	if h.collecting && !h.raw && p.kind == pyDict && !p.taken {
		h.unlike++
	}
	h.hidden -= h.companions(p.kind, p.fields)
	delete(h.known, o)
	h.spare = append(h.spare, p)
	h.mourn(graph.ID(o))
}

// SetFinalizer makes the object one of a class that has a finalizer.
func (h *pyHeap) SetFinalizer(id graph.ID, f func(graph.ID)) { h.reclass(id, f, false) }

func (h *pyHeap) reclass(id graph.ID, f func(graph.ID), legacy bool) {
	o := object.Ref(id)
	p := h.known[o]
	p.final = f
	t := h.h.TypeOf(o)
	if !h.h.SetType(o, h.define(pyType{t.Kind, t.Attrs, true, legacy})) {
		panic("fuzz: a class and the same with a finalizer are laid out differently")
	}
}

func (h *pyHeap) finalize(o object.Ref) {
	h.h.Events = h.h.Events[:0]
	p := h.known[o]
	if p == nil {
		return // a part of a copy that memory did not suffice for
	}
	if h.raw {
		p.final(graph.ID(o))
		return
	}
	h.inPlace++
	p.final(graph.ID(o))
	h.inPlace--
}

func (h *pyHeap) NewWeak(referent graph.ID, callback func(graph.ID)) graph.ID {
	w := h.h.NewWeakref(object.Ref(referent), callback != nil)
	if w == 0 {
		return 0
	}
	p := h.enter(w, graph.WeakKind, 0)
	p.callback = callback
	h.c.Safepoint()
	return graph.ID(w)
}

func (h *pyHeap) called(w object.Ref) {
	h.h.Events = h.h.Events[:0]
	h.known[w].callback(graph.ID(w))
}

func (h *pyHeap) Deref(weak graph.ID) graph.ID { return graph.ID(h.h.Referent(object.Ref(weak))) }

func (h *pyHeap) Enable(on bool) {
	if on {
		h.c.Enable()
	} else {
		h.c.Disable()
	}
}

// Append and Pop change the length of a list.
func (h *pyHeap) Append(id, target graph.ID) bool {
	h.calls++
	ok := h.h.Push(object.Ref(id), object.Ref(target))
	if ok {
		h.known[object.Ref(id)].fields++
	}
	return ok
}

func (h *pyHeap) Pop(id graph.ID) {
	h.calls++
	h.known[object.Ref(id)].fields--
	h.h.Decref(h.h.Pop(object.Ref(id)))
}

func (h *pyHeap) Tracked(id graph.ID) bool   { return h.h.IsTracked(object.Ref(id)) }
func (h *pyHeap) Finalized(id graph.ID) bool { return h.h.IsFinalized(object.Ref(id)) }

// Size is that of the object and of the tuples that go with it.
func (h *pyHeap) Size(id graph.ID) int {
	o := object.Ref(id)
	switch p := h.known[o]; {
	case p.fields > 0 && (p.kind == pyTuple || p.kind == pyNested):
		n := h.h.Size(o)
		for t := h.h.Get(o, 0); t != 0; t = h.h.Get(t, 1) {
			n += h.h.Size(t)
			if p.kind == pyTuple {
				break
			}
		}
		return n
	}
	return h.h.Size(o)
}

// Referents are what the object refers to, and what is hidden with it.
func (h *pyHeap) Referents(id graph.ID) (ids []graph.ID) {
	var visit func(object.Ref)
	visit = func(o object.Ref) {
		if h.known[o] != nil {
			ids = append(ids, graph.ID(o))
		} else {
			h.h.Referents(o, visit)
		}
	}
	h.h.Referents(object.Ref(id), visit)
	return ids
}

func (h *pyHeap) Count(id graph.ID) int { return h.h.Count(object.Ref(id)) }

// Usage leaves out what belongs to no object: the heads of lists, the blocks on free lists, and the keys.
func (h *pyHeap) Usage() (objects, bytes, footprint uint64) {
	_, bytes, footprint = h.h.Memory().Usage()
	bytes -= h.h.OwnBytes() + h.ballast.bytes
	for _, key := range h.keys {
		bytes -= uint64(h.h.Bytes(key))
	}
	return uint64(h.h.Live() - len(h.keys) - h.hidden), bytes, footprint
}

// InjectOOM makes requests to the operating system fail. That pymalloc has to ask it, what it has left is taken first.
func (h *pyHeap) InjectOOM(nth int, persistent bool) { h.ballast.inject(h.h.Memory(), nth, persistent) }

func (h *pyHeap) Trim() { h.h.Memory().Trim() }

// pyCheckCost is how many objects a recount may visit for each call that may have changed something: one that is asked
// for too soon is left out, or programs with many objects would do nothing else.
const pyCheckCost = 4

// CheckInvariants has all recounted; the collector is told the roots in the order in which the objects were made.
func (h *pyHeap) CheckInvariants() error {
	if h.calls++; h.calls*pyCheckCost < h.h.Live()-len(h.keys) {
		return nil
	}
	if len(h.ballast.blocks) > 0 {
		return nil // no block of an object
	}
	h.calls = 0
	if err := h.checkAtoms(); err != nil {
		return err
	}
	rooted := make([]object.Ref, 0, len(h.known))
	for o, p := range h.known {
		if p.roots > 0 {
			rooted = append(rooted, o)
		}
	}
	slices.SortFunc(rooted, func(a, b object.Ref) int { return h.known[a].serial - h.known[b].serial })
	return h.c.CheckInvariants(func(hold func(object.Ref)) {
		for _, key := range h.keys {
			hold(key)
		}
		for _, o := range rooted {
			for range h.known[o].roots {
				hold(o)
			}
		}
	})
}

// gcHeap is a pyHeap with the collector of package gc.
type gcHeap struct {
	*pyHeap
	c    *gc.Collector
	said *pySaid
}

func openGC(prof *object.Profile, w graphtest.World) (graphtest.Heap, error) {
	g := gcHeap{}
	var err error
	g.pyHeap, err = newPyHeap(prof, w, func(oh *object.Heap) (pyCollector, error) {
		g.c, err = gc.New(oh)
		return g.c, err
	})
	if err != nil {
		return nil, err
	}
	if Edges && w.Variant > 3 {
		if err := pyEdges(prof, gcEdge, pyEdgeCallbacks, pyEdgeOld, pyEdgeClassic, pyEdgeFrames); err != nil {
			return nil, errors.Join(err, g.pyHeap.Close())
		}
	}
	g.said = listenTo(g, w.Variant)
	g.c.OnTake = func(o object.Ref) { g.take(o); g.said.takesOne(o) }
	g.c.OnKeep = func(o object.Ref) { g.keep(o); g.said.keepsOne(o) }
	g.h.OnFinalize = func(o object.Ref) { g.said.code(g.finalize, o) }
	g.h.OnCallback = func(o object.Ref) { g.said.code(g.called, o) }
	g.OnCollection(func(int) {}, func(int) {})
	return g, nil
}

// CheckInvariants tells first whether the collector said what it did.
func (g gcHeap) CheckInvariants() error {
	if g.said.wrong != nil {
		return g.said.wrong
	}
	return g.pyHeap.CheckInvariants()
}

// OnCollection has the collector say when it begins and ends. What it says then is put right.
func (g gcHeap) OnCollection(start func(generation int), stop func(returned int)) {
	g.c.OnCollection = func(p gc.Phase) {
		if !p.Stop {
			g.begins()
			start(p.Generation)
			g.said.starts(p.Generation)
			return
		}
		g.ends()
		g.said.stops(p)
		stop(p.Collected + p.Uncollectable + g.unlike)
	}
}

// SaveAll has the garbage kept, and Garbage returns it, without what is hidden.
func (g gcHeap) SaveAll(on bool) {
	g.said.saves = on
	g.said.set()
}

func (g gcHeap) Garbage() (ids []graph.ID) {
	for _, o := range g.c.Garbage() {
		if g.known[o] != nil {
			ids = append(ids, graph.ID(o))
		}
	}
	return ids
}

func (g gcHeap) DropGarbage() { g.c.DropGarbage() }

func (g gcHeap) SetField(id graph.ID, i int, target graph.ID) {
	if g.raw || len(g.c.Garbage()) == 0 {
		g.pyHeap.SetField(id, i, target)
		return
	}
	g.inPlace++
	g.pyHeap.SetField(id, i, target)
	g.inPlace--
}

// FreezeCount is how many objects are followed and in no generation. What is hidden is left out.
func (g gcHeap) FreezeCount() int {
	if g.raw || g.hidden == 0 {
		return g.c.FreezeCount()
	}
	n := -len(g.Objects(-1))
	for o := range g.known {
		if g.h.IsTracked(o) {
			n++
		}
	}
	return n
}

// Objects leaves out what is hidden.
func (g gcHeap) Objects(generation int) (ids []graph.ID) {
	err := g.c.Objects(generation, func(o object.Ref) {
		if g.known[o] != nil {
			ids = append(ids, graph.ID(o))
		}
	})
	if err != nil {
		panic(err) // there is no such generation
	}
	return ids
}

// Referrers are what refers to an object, and what does so by something hidden.
func (g gcHeap) Referrers(id graph.ID) (ids []graph.ID) {
	g.c.Referrers(object.Ref(id), func(o object.Ref) {
		if g.known[o] != nil {
			ids = append(ids, graph.ID(o))
		}
	})
	for _, from := range g.Objects(-1) {
		p := g.known[object.Ref(from)]
		if g.companions(p.kind, p.fields) > 0 && slices.Contains(g.Referents(from), id) {
			ids = append(ids, from)
		}
	}
	return ids
}

func (g gcHeap) SetThreshold(generation, n int) {
	t := g.c.Threshold()
	t[generation] = n
	g.c.SetThreshold(t[0], t[1:]...)
}

// Pace counts what is hidden too.
func (g gcHeap) Pace() graph.Pace {
	t, n := g.c.Threshold(), g.c.Count()
	p := graph.Pace{On: g.c.Enabled(), Thresholds: t[:], Counts: n[:]}
	p.Pending, p.LongLived = g.c.Survivors()
	p.Spare = int(g.h.FreeListBytes())
	for _, s := range g.c.Stats() {
		p.Collections = append(p.Collections, s.Collections)
	}
	if p.Oldest = -1; g.h.Live() < pyPaceMax {
		p.Oldest = 0
		if err := g.c.Objects(gc.Generations-1, func(object.Ref) { p.Oldest++ }); err != nil {
			panic(err) // there is such a generation
		}
	}
	return p
}

// pyPaceMax is up to how many objects are counted whenever a collection begins and ends.
const pyPaceMax = 500

// Refuses asks for a list of what is below all, as -1 is one of all, and for types that there cannot be.
func (g gcHeap) Refuses(generation int) bool {
	_, err := g.c.CollectGeneration(generation)
	if generation < 0 {
		generation--
	}
	return err != nil && g.c.Objects(generation, func(object.Ref) {}) != nil && !g.definesWrong()
}

// definesWrong tells whether a type was defined that there cannot be. One with as many attributes as there may be can.
func (g gcHeap) definesWrong() bool {
	g.typeOf(object.KindSlotted, object.AttrsMax)
	for _, t := range []object.Type{
		{Kind: object.KindList}, {Kind: object.KindWeakref}, {Kind: object.KindSlotted + 1},
		{Kind: object.KindSlotted, Attrs: -1}, {Kind: object.KindSlotted, Attrs: object.AttrsMax + 1},
		{Kind: object.KindSlotted, Final: object.Collect + 1}, {Kind: object.KindSlotted, Classic: true},
		{Kind: object.KindInstance, Classic: !g.h.Profile().Legacy, Attrs: 1 - 2*int(bit(g.h.Profile().Legacy))},
	} {
		if _, err := g.h.Define(t); err == nil {
			return true
		}
	}
	return false
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Immortalize gives an object the count of what never dies (3.12). What is hidden with it is never shared.
func (g gcHeap) Immortalize(id graph.ID) {
	o := object.Ref(id)
	g.known[o].roots++
	if !g.h.IsImmortal(o) {
		g.h.AddCount(o, object.ImmortalCount-g.h.Count(o))
	}
}

func (g gcHeap) Freeze()   { g.c.Freeze() }
func (g gcHeap) Unfreeze() { g.c.Unfreeze() }

// Generation is -1 for what is frozen.
func (g gcHeap) Generation(id graph.ID) int {
	n := g.c.GenerationOf(object.Ref(id))
	if n == gc.Generations {
		return -1
	}
	return n
}

// SetLegacyFinalizer makes the object one of a class that has a finalizer: in 2.7 there are no others.
func (g gcHeap) SetLegacyFinalizer(id graph.ID, f func(graph.ID)) { g.reclass(id, f, true) }

// Offers tells that 2.7 has finalizers of the old kind only, and neither gc.callbacks nor gc.get_stats. In later
// releases classes that are written in C may have the old ones.
func (g gcHeap) Offers(part string) bool { return offers27(g.h.Profile(), part) }

func offers27(prof *object.Profile, part string) bool {
	minor := pyMinor(prof.Name)
	switch part {
	case "immortal":
		return minor >= 12
	case "final", "graduate", "watch", "stats", "pace":
		return minor > 0
	}
	return true
}

func (g gcHeap) Stats() (collections, collected uint64) {
	for _, s := range g.c.Stats() {
		collections += uint64(s.Collections)
		collected += uint64(s.Collected + s.Uncollectable)
	}
	return collections, collected + uint64(g.unlikeSum)
}

// trialHeap is a pyHeap with the collector of package trial.
type trialHeap struct {
	*pyHeap
	c *trial.Collector
}

func openTrial(prof *object.Profile, w graphtest.World) (graphtest.Heap, error) {
	t := trialHeap{}
	var err error
	t.pyHeap, err = newPyHeap(prof, w, func(oh *object.Heap) (pyCollector, error) {
		t.c, err = trial.New(oh)
		return t.c, err
	})
	if err != nil {
		return nil, err
	}
	if Edges && w.Variant > 3 {
		if err := pyEdges(prof, trialEdge); err != nil {
			return nil, errors.Join(err, t.pyHeap.Close())
		}
	}
	t.c.OnTake = t.take
	t.OnCollection(func(int) {}, func(int) {})
	return t, nil
}

// OnCollection has the collector say when it begins and ends. What it says then is put right.
func (t trialHeap) OnCollection(start func(generation int), stop func(returned int)) {
	t.c.OnCollection = func(over bool, returned int) {
		if !over {
			t.begins()
			start(0)
			return
		}
		t.ends()
		stop(returned + t.unlike)
	}
}

// Pace counts what is hidden too.
func (t trialHeap) Pace() graph.Pace {
	return graph.Pace{
		On: t.c.Enabled(), Thresholds: []int{t.c.Threshold()}, Counts: []int{t.h.Fresh},
		Collections: []int{t.c.Stats().Collections}, Oldest: -1, Spare: int(t.h.FreeListBytes()),
	}
}

// SetThreshold is about the youngest generation: there is one.
func (t trialHeap) SetThreshold(generation, n int) {
	if generation == 0 {
		t.c.SetThreshold(n)
	}
}

func (t trialHeap) Stats() (collections, collected uint64) {
	s := t.c.Stats()
	return uint64(s.Collections), uint64(s.Collected + t.unlikeSum)
}

// pyContract is what CPython promises, with either collector. What is kept of an empty heap is what pymalloc keeps, and
// the arenas that the keys of dicts, the names of attributes and what classes share are in.
func pyContract(prof *object.Profile) graph.Contract {
	minor := pyMinor(prof.Name)
	c := graph.Contract{
		Immediate: true, Within: 1, Returns: graph.Containers, Saves: graph.Subgraph,
		WeakFirst: true, CallbackFirst: true, WeakAll: true, WeakLapse: minor >= 8, Exposes: true,
		Automatic: pyCounted, Bare: pyBare, Grows: pyGrows, Shares: pyShares, Untracks: pyUntracks,
		FieldsMax: pyFieldsMax,
		Paces:     true, Thresholds: []int{pyThreshold(minor)}, Counts: [graph.Kinds]bool{pySlotted: true},
		Retained: retained(prof.Arena) + 16*int64(prof.Arena.ArenaBytes),
	}
	if minor == 0 { // every int that died waits for the next
		c.Retained = -1
	}
	return c
}

// pyThreshold is how many more containers are made than unmade when the youngest generation is collected.
func pyThreshold(minor int) int { return int(pySince(minor, 13, 2000, 700)) }

// pyGraphs are the object heaps of every profile with the collector of package gc, and one with that of package trial.
func pyGraphs() (ts []Target) {
	for _, prof := range append([]*object.Profile{pyProfile("2.7")}, object.Profiles()...) {
		ts = append(ts, graphTarget(Target{
			Name: "gc-" + prof.Name, Smoke: 3, Doc: "objects and collector of CPython " + prof.Name, twin: gcTwin(prof),
			Recordings: recordingsOf("graph", prof.Name),
		}, gcContract(prof), func(w graphtest.World) (graphtest.Heap, error) { return openGC(prof, w) }))
	}
	for _, prof := range []*object.Profile{pyProfile("3.11"), pyProfile("3.12")} {
		ts = append(ts, graphTarget(Target{
			Name: "trial-" + prof.Name, Smoke: 3,
			Doc: "objects of CPython " + prof.Name + ", with a collector that tries deletions",
		}, pyContract(prof), func(w graphtest.World) (graphtest.Heap, error) { return openTrial(prof, w) }))
	}
	return ts
}

func pyProfile(name string) *object.Profile {
	prof, ok := object.ProfileByName(name)
	if !ok {
		panic("fuzz: no profile " + name)
	}
	return prof
}

// gcContract is what CPython's collector promises. Up to 3.8 all lives on when anything is resurrected, and up to
// 3.7.5 it is returned as well.
func gcContract(prof *object.Profile) graph.Contract {
	c := pyContract(prof)
	c.Generations, c.Promotes, c.Steps, c.Thaws, c.Forgets = gc.Generations, true, true, true, true
	minor := pyMinor(prof.Name)
	c.Thresholds = []int{pyThreshold(minor), 10, 10}
	if minor < 9 {
		c.Saves = graph.Whole
	}
	if minor == 6 {
		c.Returns = graph.Anything
	}
	return c
}
