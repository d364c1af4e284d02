package graphcanary

import (
	"fmt"
	"slices"

	"heapfuzz/model/graph"
)

// toy is a heap that counts references and collects cycles, small and plain: what is marked from roots, older
// generations and frozen objects lives. Its one defect is bug.
//
// An object whose count fell to 0 is hidden from collections from then on, and what it refers to is not, since its
// fields count still. Where deaths nest deeper than nestMax, objects are delayed until the outermost is over, as
// CPython's trashcan does.
type toy struct {
	bug        Bug
	objects    []*object // by ID; nil: free. The first is not used
	free       []graph.ID
	mourn      func(graph.ID)
	start      func(generation int)
	stop       func(returned int)
	collecting bool
	live       uint64
	bytes      uint64

	nested  int       // deaths
	delayed []*object // the last is the next to die
	ending  []*object // dead, and their fields are not all empty
	saveAll bool
	garbage []*object

	collections, collected uint64
	untracked              int // tuples that died so
	finalizing             int
	lastDead               graph.ID

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
	untracked    bool // a tuple that refers to nothing that is tracked
	hidden       bool // from collections
	delayed      bool
	made         bool // by a finalizer
	marked, dead bool
	final        func(graph.ID)
	legacy       bool // final is a legacy finalizer
	finalized    bool
	asked        int       // bytes that asking for the size added
	weaks        []*object // to it, the newest last
	of           *object   // of a weak reference; nil when cleared
	callback     func(graph.ID)
}

// Kinds with a meaning of their own.
const (
	list  graph.Kind = 2 // the number of fields changes
	tuple graph.Kind = 3 // is its own copy, and not tracked when it refers to nothing that is
)

// nestMax is how many deaths are inside each other.
const nestMax = 2

// promises is what toy promises without its defect.
var promises = graph.Contract{
	Immediate: true, Within: 1, Generations: 3, Promotes: true, Returns: graph.Containers,
	WeakFirst: true, WeakAll: true, WeakLapse: true, CallbackFirst: true,
	Grows:     [graph.Kinds]bool{list: true},
	Automatic: [graph.Kinds]bool{graph.Node: true, list: true},
	Shares:    [graph.Kinds]bool{graph.Atom: true, tuple: true},
	Untracks:  [graph.Kinds]bool{tuple: true},
	Paces:     true, Thresholds: []int{700, 10, 10}, Counts: [graph.Kinds]bool{graph.Node: true},
}

func newToy(bug Bug) *toy {
	return &toy{bug: bug, objects: make([]*object, 1), mourn: func(graph.ID) {},
		start: func(int) {}, stop: func(int) {}}
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
	if o.kind == tuple && h.bug == RecycledUntracked && h.untracked > 0 {
		h.untracked--
		o.untracked = true
	}
	if h.bug == BornOld && h.collecting {
		o.generation = 2
	}
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
	if h.bug == ShiftsWide && i >= 16 {
		i--
	}
	h.store(h.objects[id], i, h.objects[target])
}

func (h *toy) store(o *object, i int, to *object) {
	old := o.fields[i]
	o.fields[i] = to
	if to != nil && (h.bug != SameUncounted && h.bug != SameUncountedBlind || to != old) {
		to.count++
	}
	if h.bug != HalfBuilt && h.bug != RecycledUntracked && to != nil && to.kind != graph.Atom && o.untracked {
		for _, t := range h.objects { // a tuple that refers to this one was not followed either
			if t != nil {
				t.untracked = false
			}
		}
	}
	h.drop(old)
}

// follows tells whether a collection follows the object.
func (o *object) follows() bool { return o.kind != graph.Atom && !o.untracked }

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
	if o.count--; o.count == 0 && !o.dead && !o.hidden {
		h.end(o)
	}
}

// end is what happens to an object that nothing refers to: its finalizer runs, and if that does not save it, it dies.
func (h *toy) end(o *object) {
	if h.nested >= nestMax {
		o.hidden, o.delayed = h.bug != DelayedTracked, true
		if h.bug != DelayedLost || !h.collecting {
			h.delayed = append(h.delayed, o)
		}
		return
	}
	h.nested++
	o.frozen = false // it is entered anew if it is saved
	h.finalize(o, false)
	switch {
	case o.count == 0:
		h.die(o)
	case h.bug == SavedIsFree:
		h.free = append(h.free, o.id)
	}
	if h.nested--; h.nested > 0 {
		return
	}
	leaks := h.bug == NestingLeaks && len(h.delayed) > 0
	for n := len(h.delayed); n > 0; n = len(h.delayed) {
		next := h.delayed[n-1]
		h.delayed = h.delayed[:n-1]
		next.hidden, next.delayed = false, false
		if next.count == 0 || h.bug == DelayedSeen {
			h.end(next)
		}
	}
	if leaks {
		h.nested = 1
	}
}

// finalize runs the finalizer, once. A root holds the object meanwhile; it is for end to see that it was the last.
func (h *toy) finalize(o *object, found bool) {
	if h.bug == FinalForgotten && found {
		o.finalized = true
	}
	if o.final == nil || o.finalized || found && o.legacy && h.bug != LegacyFinalized {
		return
	}
	o.finalized = h.bug != FinalAgain && !o.legacy
	if h.bug == FinalTracked && !found {
		o.final(o.id)
		return
	}
	h.hold(o)
	h.finalizing++
	o.final(o.id)
	h.finalizing--
	o.roots, o.count = o.roots-1, o.count-1
}

// die is the end of an object that nothing refers to and whose finalizer has run.
func (h *toy) die(o *object) {
	o.hidden = !(h.bug == DiesTracked && o.kind == graph.Node || h.bug == ListDiesTracked && o.kind == list)
	h.clearDead(o)
	if o.of != nil {
		o.of.weaks = slices.DeleteFunc(o.of.weaks, func(w *object) bool { return w == o })
	}
	o.dead = true
	h.mourn(o.id)
	h.lastDead = o.id
	if h.bug != UsageForgetsAtoms || o.kind != graph.Atom {
		h.live--
	}
	if h.bug != BytesForgetWeak || o.kind != graph.WeakKind {
		h.bytes -= size(o)
	}
	if o.untracked {
		h.untracked++
	}
	h.objects[o.id] = nil
	h.ending = append(h.ending, o)
	h.empty(o)
	h.ending = slices.DeleteFunc(h.ending, func(e *object) bool { return e == o })
	h.free = append(h.free, o.id)
}

// clearDead clears the weak references to an object that dies, and calls back.
func (h *toy) clearDead(o *object) {
	weaks := slices.Clone(o.weaks)
	for _, w := range weaks {
		if h.bug != WeakOutlives && h.bug != OnlyNewestCalled && !(h.bug == MadeWeakLives && w.made) {
			w.of = nil
		}
	}
	for _, w := range slices.Backward(weaks) {
		if h.bug == WeakOutlives && w.callback == nil || h.bug == MadeWeakLives && w.made {
			continue
		}
		w.of = nil
		if w.callback != nil && !w.dead && !w.hidden {
			h.call(w)
		}
		if h.bug == OnlyNewestCalled {
			break
		}
	}
}

// call has a weak reference call back; the call holds it.
func (h *toy) call(w *object) {
	h.hold(w)
	w.callback(w.id)
	h.release(w)
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
	h.start(generation)
	h.untrack()
	h.mark(generation, false)
	were := h.all()
	dead, legacy := h.found(were)
	calls := h.clearWeak(dead, generation)
	if h.bug != CallbackLate {
		h.callAll(calls)
	}
	h.finalizeAll(dead)
	if h.bug == CallbackLate {
		h.callAll(calls)
	}
	taken := h.sweep(dead, generation)
	if h.bug != LegacyUncounted {
		taken += len(slices.DeleteFunc(legacy, func(o *object) bool { return !o.follows() }))
	}
	for _, o := range were {
		if h.bug != NeverPromotes {
			o.generation = max(o.generation, min(generation+1, 2))
		}
	}
	if h.bug != StatsForgetYoung || generation > 0 {
		h.collections++
		h.collected += uint64(taken)
	}
	if h.bug == StopsWithNothing {
		h.stop(0)
	} else {
		h.stop(taken)
	}
	return taken
}

// found returns what is dead, and apart from that what has a legacy finalizer, or is reached by what has: it stays, and
// the former goes into the garbage, or all that is followed.
func (h *toy) found(all []*object) (dead, legacy []*object) {
	for _, o := range all {
		if !o.marked && o.legacy && h.bug != LegacyFinalized {
			legacy = append(legacy, o)
			o.marked = true
		}
	}
	for i := 0; i < len(legacy); i++ {
		for _, f := range legacy[i].fields {
			if f != nil && !f.marked {
				f.marked = true
				legacy = append(legacy, f)
			}
		}
	}
	for _, o := range legacy {
		if o.legacy || h.saveAll && o.follows() {
			h.keep(o)
		}
	}
	for _, o := range all {
		if !o.marked {
			dead = append(dead, o)
		}
	}
	if h.bug == Lags {
		dead = dead[:min(len(dead), 4)]
	}
	return dead, legacy
}

// keep puts an object into the garbage, if there is memory.
func (h *toy) keep(o *object) {
	o.count++
	if h.refuses() {
		if h.bug != GarbageLeaks {
			o.count--
		}
		return
	}
	h.garbage = append(h.garbage, o)
}

func (h *toy) callAll(weaks []*object) {
	for _, w := range weaks {
		if !w.dead && !w.hidden {
			h.call(w)
		}
	}
}

// finalizeAll runs the finalizers of the dead. Any of them may end others.
func (h *toy) finalizeAll(dead []*object) {
	gone := false
	for _, o := range dead {
		if o.dead {
			gone = h.bug == VanishedSkips
			if h.bug == VanishedFinalized && o.final != nil {
				o.final(o.id)
			}
			continue
		}
		if gone { // the list has moved up by one
			gone, o.finalized = false, true
		}
		h.hold(o)
		h.finalize(o, true)
		h.release(o)
	}
}

// untrack has collections not follow tuples any more that refer to nothing that they follow, one layer at a time.
func (h *toy) untrack() {
	for _, o := range h.all() {
		if o.kind == tuple && !slices.ContainsFunc(o.fields, func(f *object) bool { return f != nil && f.follows() }) {
			o.untracked = true
		}
	}
}

// all returns the objects that a collection sees.
func (h *toy) all() []*object {
	return slices.DeleteFunc(slices.Clone(h.objects), func(o *object) bool { return o == nil || o.hidden })
}

// mark marks what lives. Again says that it is the search behind the finalizers.
func (h *toy) mark(generation int, again bool) {
	for _, o := range h.all() {
		if o.marked = false; o.count == 0 && h.bug == ListDiesTracked {
			panic("toy: an object without references is followed")
		}
	}
	for _, o := range h.all() {
		selfish := h.bug == SelfCycleLives && slices.Contains(o.fields, o)
		elder := o.generation > generation && h.bug != TakesElders
		if again && h.bug == SavedAlone && o.finalized && o.roots > 0 {
			o.marked = true
		} else if o.roots > 0 || o.frozen || elder || selfish || o.untracked {
			h.visit(o)
		}
	}
	for _, o := range slices.Concat(h.objects, h.ending, h.garbage) { // the fields of what dies count still
		if o != nil && (o.hidden || slices.Contains(h.garbage, o)) {
			o.marked = false
			h.visit(o)
		}
	}
}

func (h *toy) visit(o *object) {
	if o == nil || o.marked {
		return
	}
	o.marked = true
	for i, f := range o.fields {
		if h.bug != MarkStops || i < 2 {
			h.visit(f)
		}
	}
}

// clearWeak clears the weak references to the dead and those among the dead, and returns those that are to call back.
func (h *toy) clearWeak(dead []*object, generation int) (calls []*object) {
	for _, o := range dead {
		for _, w := range slices.Backward(o.weaks) {
			if h.bug == PlainLate && w.callback == nil {
				continue
			}
			w.of = nil
			if w.callback != nil && (w.marked || h.bug == TrashCalls) {
				if calls = append(calls, w); h.bug == CalledAgain {
					w.of = o
				}
			}
		}
		if o.of != nil && h.bug != TrashCalls && h.bug != TrashCallsLate {
			o.of.weaks = slices.DeleteFunc(o.of.weaks, func(w *object) bool { return w == o })
			o.of = nil
		}
		switch h.bug {
		case CalledAgain, PlainLate:
		case WeakOneByOne:
			h.callAll(calls)
			calls, o.weaks = nil, nil
		default:
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

// sweep takes those of the dead that no finalizer saved, and returns how many of them it followed.
func (h *toy) sweep(dead []*object, generation int) (taken int) {
	h.mark(generation, true)
	if h.bug == SavesAll && slices.ContainsFunc(dead, func(o *object) bool { return !o.dead && o.marked }) {
		return 0
	}
	gone := func(o *object) bool { return o.dead || o.hidden || o.marked }
	if h.bug == ClearsSaved {
		gone = func(o *object) bool { return o.dead || o.hidden || o.marked && o.finalized }
	}
	last := slices.DeleteFunc(slices.Clone(dead), gone)
	if h.bug == HalfTaken && len(last) > 1 {
		last = last[:len(last)/2]
	}
	for _, o := range last {
		o.count++
		if o.follows() {
			taken++
		}
	}
	if h.bug == ReturnsSaved {
		taken = len(slices.DeleteFunc(slices.Clone(dead), func(o *object) bool { return !o.follows() }))
	}
	for _, o := range last {
		if h.saveAll {
			h.keep(o)
		}
		if !h.saveAll || h.bug == SaveAllClears {
			h.empty(o)
		}
	}
	for _, o := range last {
		h.drop(o)
	}
	return taken
}

func (h *toy) NewWeak(referent graph.ID, callback func(graph.ID)) graph.ID {
	of := h.objects[referent]
	w := &object{kind: graph.WeakKind, of: of, callback: callback, made: h.finalizing > 0}
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
	if of != nil && of.delayed && h.bug != DelayedSeen {
		return 0
	}
	return of.name()
}

func (h *toy) OnDeath(f func(graph.ID))                   { h.mourn = f }
func (h *toy) SetFinalizer(id graph.ID, f func(graph.ID)) { h.objects[id].final = f }
func (h *toy) SetLegacyFinalizer(id graph.ID, f func(graph.ID)) {
	h.objects[id].final, h.objects[id].legacy = f, true
}
func (h *toy) Count(id graph.ID) int                     { return h.objects[id].count }
func (h *toy) Generation(id graph.ID) int                { return h.objects[id].generation }
func (h *toy) Stats() (collections, collected uint64)    { return h.collections, h.collected }
func (h *toy) Usage() (objects, bytes, footprint uint64) { return h.live, h.bytes, h.bytes }

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
	for _, o := range h.garbage {
		counts[o]++
	}
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
