package graphcanary

import (
	"fmt"
	"slices"

	"heapfuzz/model/graph"
)

// toy is a heap that counts references and collects cycles, small and plain: what is marked from roots, older
// generations and frozen objects lives. Its one defect is bug.
type toy struct {
	bug        Bug
	objects    []*object // by ID; nil: free. The first is not used
	free       []graph.ID
	mourn      func(graph.ID)
	collecting bool
	live       uint64
	bytes      uint64

	collections, collected uint64

	failIn  int // requests until one fails; 0: none does
	failAll bool
}

type object struct {
	id           graph.ID
	kind         graph.Kind
	fields       []*object
	roots, count int // count is roots and fields
	generation   int
	frozen       bool
	marked, dead bool
	final        func(graph.ID)
	finalized    bool
	weaks        []*object // to it, the newest last
	of           *object   // of a weak reference; nil when cleared
	callback     func(graph.ID)
}

// promises is what toy promises without its defect.
var promises = graph.Contract{
	Immediate: true, Within: 1, Generations: 3, Promotes: true, Returns: graph.Containers, WeakFirst: true,
	CallbackFirst: true,
}

func newToy(bug Bug) *toy {
	return &toy{bug: bug, objects: make([]*object, 1), mourn: func(graph.ID) {}}
}

func (h *toy) New(kind graph.Kind, fields int) graph.ID {
	if kind == graph.Atom {
		fields = 0
	}
	if h.bug == RefusesWide && fields > 16 {
		return 0
	}
	return h.add(&object{kind: kind, fields: make([]*object, fields)})
}

func (h *toy) add(o *object) graph.ID {
	if h.bug == FailureCounts {
		h.live++
	}
	if h.refuses() {
		return 0
	}
	if h.bug != FailureCounts {
		h.live++
	}
	h.bytes += size(o)
	o.roots, o.count = 1, 1
	if n := len(h.free); n > 0 {
		o.id, h.free = h.free[n-1], h.free[:n-1]
		h.objects[o.id] = o
		return o.id
	}
	o.id = graph.ID(len(h.objects))
	h.objects = append(h.objects, o)
	return o.id
}

func size(o *object) uint64 { return 16 + 8*uint64(len(o.fields)) }

func (h *toy) SetField(id graph.ID, i int, target graph.ID) {
	o := h.objects[id]
	to, old := h.objects[target], o.fields[i]
	if h.bug == ShiftsWide && i >= 16 {
		i--
	}
	o.fields[i] = to
	if to != nil && (h.bug != SameUncounted && h.bug != SameUncountedBlind || to != old) {
		to.count++
	}
	h.drop(old)
}

func (h *toy) Field(id graph.ID, i int) graph.ID { return h.objects[id].fields[i].name() }

func (o *object) name() graph.ID {
	if o == nil {
		return 0
	}
	return o.id
}

func (h *toy) Root(id graph.ID) { h.hold(h.objects[id]) }

func (h *toy) hold(o *object) { o.roots, o.count = o.roots+1, o.count+1 }

func (h *toy) Unroot(id graph.ID) { h.release(h.objects[id]) }

func (h *toy) release(o *object) {
	o.roots--
	h.drop(o)
}

// drop takes a reference away, and the object when it was the last.
func (h *toy) drop(o *object) {
	if o == nil {
		return
	}
	if o.count--; o.count > 0 || o.dead {
		return
	}
	h.finalize(o, false)
	if o.count > 0 {
		if h.bug == SavedIsFree {
			h.free = append(h.free, o.id)
		}
		return
	}
	h.die(o)
}

// finalize runs the finalizer, once. A root holds the object meanwhile; it is for drop to see that it was the last.
func (h *toy) finalize(o *object, found bool) {
	if h.bug == FinalForgotten && found {
		o.finalized = true
	}
	if o.final == nil || o.finalized {
		return
	}
	o.finalized = h.bug != FinalAgain
	h.hold(o)
	o.final(o.id)
	o.roots, o.count = o.roots-1, o.count-1
}

// die is the end of an object that nothing refers to.
func (h *toy) die(o *object) {
	for _, w := range slices.Backward(slices.Clone(o.weaks)) {
		if h.bug == WeakOutlives && w.callback == nil {
			continue
		}
		w.of = nil
		if w.callback != nil && !w.dead {
			w.callback(w.id)
		}
		if h.bug == OnlyNewestCalled {
			break
		}
	}
	if o.of != nil {
		o.of.weaks = slices.DeleteFunc(o.of.weaks, func(w *object) bool { return w == o })
	}
	o.dead = true
	h.mourn(o.id)
	if h.bug != UsageForgetsAtoms || o.kind != graph.Atom {
		h.live--
	}
	if h.bug != BytesForgetWeak || o.kind != graph.WeakKind {
		h.bytes -= size(o)
	}
	h.objects[o.id] = nil // what dies next may collect, and shall not find it
	h.empty(o)
	h.free = append(h.free, o.id)
}

func (h *toy) empty(o *object) {
	for i, f := range o.fields {
		o.fields[i] = nil
		if h.bug != ChildForgotten || i < 2 {
			h.drop(f)
		}
	}
}

// Collect searches, clears weak references and calls back, finalizes, searches again, and takes what is left.
func (h *toy) Collect(generation int) int {
	if h.collecting && h.bug != Reentered {
		return 0
	}
	h.collecting = true
	defer func() { h.collecting = false }()
	h.mark(generation, false)
	were := h.all()
	dead := slices.DeleteFunc(slices.Clone(were), func(o *object) bool { return o.marked })
	calls := h.clearWeak(dead, generation)
	if h.bug != CallbackLate {
		call(calls)
	}
	for _, o := range dead {
		if !o.dead {
			h.hold(o)
			h.finalize(o, true)
			h.release(o)
		}
	}
	if h.bug == CallbackLate {
		call(calls)
	}
	taken := h.sweep(dead, generation)
	for _, o := range were {
		if h.bug != NeverPromotes {
			o.generation = max(o.generation, min(generation+1, 2))
		}
	}
	if h.bug != StatsForgetYoung || generation > 0 {
		h.collections++
		h.collected += uint64(taken)
	}
	return taken
}

func call(weaks []*object) {
	for _, w := range weaks {
		if !w.dead {
			w.callback(w.id)
		}
	}
}

func (h *toy) all() []*object {
	return slices.DeleteFunc(slices.Clone(h.objects), func(o *object) bool { return o == nil })
}

// mark marks what lives. Again says that it is the search behind the finalizers.
func (h *toy) mark(generation int, again bool) {
	for _, o := range h.all() {
		o.marked = false
	}
	var visit func(o *object)
	visit = func(o *object) {
		if o == nil || o.marked {
			return
		}
		o.marked = true
		for i, f := range o.fields {
			if h.bug != MarkStops || i < 2 {
				visit(f)
			}
		}
	}
	for _, o := range h.all() {
		selfish := h.bug == SelfCycleLives && slices.Contains(o.fields, o)
		if again && h.bug == SavedAlone && o.finalized && o.roots > 0 {
			o.marked = true
		} else if o.roots > 0 || o.frozen || o.generation > generation || selfish {
			visit(o)
		}
	}
}

// clearWeak clears the weak references to the dead and those among the dead, and returns those that are to call back.
func (h *toy) clearWeak(dead []*object, generation int) (calls []*object) {
	for _, o := range dead {
		for _, w := range slices.Backward(o.weaks) {
			w.of = nil
			if w.callback != nil && (w.marked || h.bug == TrashCalls) {
				calls = append(calls, w)
				if h.bug == CalledAgain {
					w.of = o
				}
			}
		}
		if h.bug != CalledAgain {
			o.weaks = nil
		}
	}
	if h.bug == WeakDiesYoung && generation == 0 {
		for _, o := range h.all() {
			if o.of != nil && o.of.generation > 0 {
				o.of = nil
			}
		}
	}
	return calls
}

// sweep takes those of the dead that no finalizer saved, and returns how many were no atoms.
func (h *toy) sweep(dead []*object, generation int) (taken int) {
	h.mark(generation, true)
	if h.bug == SavesAll && slices.ContainsFunc(dead, func(o *object) bool { return !o.dead && o.marked }) {
		return 0
	}
	last := slices.DeleteFunc(slices.Clone(dead), func(o *object) bool { return o.dead || o.marked })
	if h.bug == HalfTaken && len(last) > 1 {
		last = last[:len(last)/2]
	}
	for _, o := range last {
		o.count++
		if o.kind != graph.Atom {
			taken++
		}
	}
	if h.bug == ReturnsSaved {
		taken = len(slices.DeleteFunc(slices.Clone(dead), func(o *object) bool { return o.kind == graph.Atom }))
	}
	for _, o := range last {
		h.empty(o)
	}
	for _, o := range last {
		h.drop(o)
	}
	return taken
}

func (h *toy) NewWeak(referent graph.ID, callback func(graph.ID)) graph.ID {
	of := h.objects[referent]
	w := &object{kind: graph.WeakKind, of: of, callback: callback}
	id := h.add(w)
	if id != 0 {
		of.weaks = append(of.weaks, w)
	}
	return id
}

func (h *toy) Deref(weak graph.ID) graph.ID {
	of := h.objects[weak].of
	if h.bug == DerefPanics {
		return of.id
	}
	return of.name()
}

func (h *toy) OnDeath(f func(graph.ID))                   { h.mourn = f }
func (h *toy) SetFinalizer(id graph.ID, f func(graph.ID)) { h.objects[id].final = f }
func (h *toy) Count(id graph.ID) int                      { return h.objects[id].count }
func (h *toy) Generation(id graph.ID) int                 { return h.objects[id].generation }
func (h *toy) Stats() (collections, collected uint64)     { return h.collections, h.collected }
func (h *toy) Usage() (objects, bytes, footprint uint64)  { return h.live, h.bytes, h.bytes }

func (h *toy) Freeze() {
	for _, o := range h.all() {
		o.frozen = true
	}
}

func (h *toy) Unfreeze() {
	for i, o := range h.all() {
		o.frozen = h.bug == FrozenForEver && i == 0 && o.frozen
	}
}

func (h *toy) InjectOOM(nth int, persistent bool) { h.failIn, h.failAll = nth, persistent }

func (h *toy) refuses() bool {
	if h.failIn == 0 {
		return false
	}
	if h.failIn > 1 {
		h.failIn--
		return false
	}
	if !h.failAll {
		h.failIn = 0
	}
	return true
}

// CheckInvariants recounts the references.
func (h *toy) CheckInvariants() error {
	counts := map[*object]int{}
	for _, o := range h.all() {
		counts[o] += o.roots
		for _, f := range o.fields {
			counts[f]++
		}
	}
	for _, o := range h.all() {
		if o.count != counts[o] {
			return fmt.Errorf("toy/count: object %d counts %d, and %d refer to it", o.id, o.count, counts[o])
		}
	}
	return nil
}
