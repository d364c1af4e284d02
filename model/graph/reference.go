package graph

import "slices"

// Reference is the heap that is believed by eye: it keeps every object, in the order of making, until a collection
// finds by a plain search that no root reaches it. It has three generations, and uses no ID twice.
type Reference struct {
	objects    []*object
	byID       map[ID]*object
	last       ID
	mourn      func(ID)
	on         bool
	threshold  int // objects made between two collections that start by themselves; 0: there are none
	since      int // objects made since the last
	collecting bool

	collections, collected uint64

	failIn  int // requests until one fails; 0: none does
	failAll bool
}

type object struct {
	id         ID
	kind       Kind
	fields     []ID
	roots      int
	generation int
	frozen     bool
	marked     bool
	final      func(ID) // until it runs
	of         *object  // of a weak reference: the referent, nil when cleared
	callback   func(ID)
}

// ReferenceContract is what Reference promises.
var ReferenceContract = Contract{
	Within: 1, Generations: 3, Promotes: true, Returns: Deaths, WeakFirst: true, CallbackFirst: true,
	Automatic: [Kinds]bool{Node: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true},
}

// NewReference returns an empty Reference.
func NewReference() *Reference { return &Reference{byID: map[ID]*object{}, mourn: func(ID) {}} }

func (r *Reference) New(kind Kind, fields int) ID {
	if r.refuses() {
		return 0
	}
	if r.since++; r.on && r.threshold > 0 && r.since > r.threshold {
		r.Collect(2)
	}
	if kind == Atom {
		fields = 0
	}
	return r.add(&object{kind: kind, fields: make([]ID, fields)})
}

func (r *Reference) add(o *object) ID {
	r.last++
	o.id, o.roots = r.last, 1
	r.byID[o.id] = o
	r.objects = append(r.objects, o)
	return o.id
}

func (r *Reference) SetField(object ID, i int, target ID) { r.byID[object].fields[i] = target }
func (r *Reference) Field(object ID, i int) ID            { return r.byID[object].fields[i] }
func (r *Reference) Root(object ID)                       { r.byID[object].roots++ }
func (r *Reference) Unroot(object ID)                     { r.byID[object].roots-- }

// Collect takes the dead in five steps: search, callbacks, finalizers, search again, since finalizers may have saved
// some, and then the rest is gone.
func (r *Reference) Collect(generation int) int {
	if r.collecting {
		return 0
	}
	r.collecting, r.since = true, 0
	defer func() { r.collecting = false }()
	r.mark(generation)
	were := slices.Clone(r.objects)
	dead := slices.DeleteFunc(slices.Clone(were), func(o *object) bool { return o.marked })
	r.clearWeak()
	for _, o := range dead {
		if f := o.final; f != nil {
			o.final = nil
			f(o.id)
		}
	}
	r.mark(generation)
	taken := 0
	for _, o := range dead {
		if !o.marked {
			for _, w := range r.objects { // that its finalizer made
				if w.of == o {
					w.of = nil
				}
			}
			delete(r.byID, o.id)
			r.mourn(o.id)
			taken++
		}
	}
	r.objects = slices.DeleteFunc(r.objects, func(o *object) bool { return r.byID[o.id] == nil })
	for _, o := range were {
		o.generation = max(o.generation, min(generation+1, 2))
	}
	r.collections++
	r.collected += uint64(taken)
	return taken
}

// mark marks what roots reach. What is frozen or in an older generation is a root to the collector.
func (r *Reference) mark(generation int) {
	for _, o := range r.objects {
		o.marked = false
	}
	var visit func(o *object)
	visit = func(o *object) {
		if o == nil || o.marked {
			return
		}
		o.marked = true
		for _, f := range o.fields {
			visit(r.byID[f])
		}
	}
	for _, o := range r.objects {
		if o.roots > 0 || o.frozen || o.generation > generation {
			visit(o)
		}
	}
}

// clearWeak clears the weak references to what is not marked, and then calls back those that are marked themselves.
func (r *Reference) clearWeak() {
	var calls []*object
	for _, w := range r.objects {
		if w.of != nil && !w.of.marked {
			w.of = nil
			if w.marked && w.callback != nil {
				calls = append(calls, w)
			}
		}
	}
	for _, w := range calls {
		w.callback(w.id)
	}
}

func (r *Reference) NewWeak(referent ID, callback func(ID)) ID {
	if r.refuses() {
		return 0
	}
	return r.add(&object{of: r.byID[referent], callback: callback})
}

func (r *Reference) Deref(weak ID) ID {
	if of := r.byID[weak].of; of != nil {
		return of.id
	}
	return 0
}

func (r *Reference) OnDeath(f func(ID))                     { r.mourn = f }
func (r *Reference) SetFinalizer(object ID, f func(ID))     { r.byID[object].final = f }
func (r *Reference) Enable(on bool)                         { r.on = on }
func (r *Reference) Generation(object ID) int               { return r.byID[object].generation }
func (r *Reference) Stats() (collections, collected uint64) { return r.collections, r.collected }

// SetThreshold is about the youngest generation: the others are not collected by themselves.
func (r *Reference) SetThreshold(generation, n int) {
	if generation == 0 {
		r.threshold = n
	}
}

// Freeze freezes what there is, and Unfreeze all that is frozen.
func (r *Reference) Freeze()   { r.freeze(true) }
func (r *Reference) Unfreeze() { r.freeze(false) }

func (r *Reference) freeze(on bool) {
	for _, o := range r.objects {
		o.frozen = on
	}
}

// Count counts, and keeps no count.
func (r *Reference) Count(object ID) int {
	n := r.byID[object].roots
	for _, o := range r.objects {
		for _, f := range o.fields {
			if f == object {
				n++
			}
		}
	}
	return n
}

// Usage counts 16 bytes an object and 8 a field.
func (r *Reference) Usage() (objects, bytes, footprint uint64) {
	for _, o := range r.objects {
		bytes += 16 + 8*uint64(len(o.fields))
	}
	return uint64(len(r.objects)), bytes, bytes
}

// InjectOOM counts every object as a request.
func (r *Reference) InjectOOM(nth int, persistent bool) { r.failIn, r.failAll = nth, persistent }

func (r *Reference) refuses() bool {
	if r.failIn == 0 {
		return false
	}
	if r.failIn > 1 {
		r.failIn--
		return false
	}
	if !r.failAll {
		r.failIn = 0
	}
	return true
}
