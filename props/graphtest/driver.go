package graphtest

import (
	"slices"

	"heapfuzz/model/graph"
	"heapfuzz/props/prog"
)

// need is an optional part without which an operation is skipped.
type need int

const (
	none need = iota
	needWeak
	needFinal
	needSwitch
	needThreshold
	needFreeze
	needCount
	needAge
	needStats
	needUsage
	needOOM
	needCheck
	needTrim
	needLegacy
	needHoard
	needGrow
	needCopy
	needFreezeCount
	needWatch
	needTracked
	needCensus
	needRelate
	needGraduate
	needSize
	needPace
	needRefuse
	needImmortal
	needs
)

// partNames are the words by which a graph.Partial knows the parts.
var partNames = [needs]string{
	needWeak: "weak", needFinal: "final", needSwitch: "switch", needThreshold: "threshold", needFreeze: "freeze",
	needCount: "count", needAge: "age", needStats: "stats", needUsage: "usage", needOOM: "oom", needCheck: "check",
	needTrim: "trim", needLegacy: "legacy", needHoard: "hoard", needGrow: "grow", needCopy: "copy",
	needFreezeCount: "freezecount", needWatch: "watch", needTracked: "tracked", needCensus: "census",
	needRelate: "relate", needGraduate: "graduate", needSize: "size", needPace: "pace",
	needRefuse: "refuse", needImmortal: "immortal",
}

// driver asks a heap the operations of Lang: it is the props.Target of every heap in this process. It runs the scripts
// of finalizers, and writes down what happens during an operation.
type driver struct {
	graph.Heap
	contract graph.Contract
	has      [needs]bool
	mourner  graph.Mourner
	weaker   graph.Weaker
	final    graph.Finalizer
	switcher graph.Switcher
	thresh   graph.Thresholder
	freezer  graph.Freezer
	counter  graph.Counter
	ager     graph.Ager
	stats    graph.Statistician
	user     graph.User
	oom      graph.OOMInjector
	checker  graph.Checker
	trimmer  graph.Trimmer
	legacy   graph.LegacyFinalizer
	hoarder  graph.Hoarder
	grower   graph.Grower
	copier   graph.Copier
	frosted  graph.FreezeCounter
	watcher  graph.Watcher
	tracker  graph.Tracker
	census   graph.Census
	relater  graph.Relater
	graduate graph.Graduate
	sizer    graph.Sizer
	pacer    graph.Pacer
	refuser  graph.Refuser
	immortal graph.Immortalizer

	slots   []graph.ID        // 0: dead
	known   map[graph.ID]info // of every object that may live
	saved   []graph.ID        // by finalizers, each with a root
	weaks   []graph.ID        // weak references, the dead among them, in the order of making
	depth   int               // of collections that run: those that were asked for, and those that are told
	newborn map[graph.ID]bool // weak references that finalizers made in the collection that runs
	walks   int               // how often it was asked what refers to an object
	hoards  bool              // there may be garbage
	kept    int               // how much of the garbage was told
	storing graph.ID          // the object of which a field is being stored; 0: none
	copying bool              // a deep copy is made: what dies unknown is a part of it that memory did not suffice for
	log     []byte            // the events of this operation
	counts                    // what happened in all of them
	runs    [graph.Scripts]func(graph.ID)
}

// info is what the driver knows of an object.
type info struct {
	kind   graph.Kind
	fields int
	weak   bool
	final  bool // it has a finalizer, or had one
}

// kindUnknown is what a walk takes for the kind of what was never made.
const kindUnknown graph.Kind = 255

// logMax bounds the events of one operation: a heap that finalizes for ever is not followed.
const logMax = 1 << 20

func newDriver(h graph.Heap, c graph.Contract) *driver {
	d := &driver{Heap: h, contract: c, known: map[graph.ID]info{}, newborn: map[graph.ID]bool{}}
	pick(&d.mourner, h)
	d.has = [needs]bool{
		none:          true,
		needWeak:      pick(&d.weaker, h),
		needFinal:     pick(&d.final, h),
		needSwitch:    pick(&d.switcher, h),
		needThreshold: pick(&d.thresh, h),
		needFreeze:    pick(&d.freezer, h),
		needCount:     pick(&d.counter, h),
		needAge:       pick(&d.ager, h),
		needStats:     pick(&d.stats, h),
		needUsage:     pick(&d.user, h),
		needOOM:       pick(&d.oom, h),
		needCheck:     pick(&d.checker, h),
		needTrim:      pick(&d.trimmer, h),

		needLegacy:      pick(&d.legacy, h),
		needHoard:       pick(&d.hoarder, h),
		needGrow:        pick(&d.grower, h),
		needCopy:        pick(&d.copier, h),
		needFreezeCount: pick(&d.frosted, h),
		needWatch:       pick(&d.watcher, h),
		needTracked:     pick(&d.tracker, h),
		needCensus:      pick(&d.census, h),
		needRelate:      pick(&d.relater, h),
		needGraduate:    pick(&d.graduate, h),
		needSize:        pick(&d.sizer, h),
		needPace:        pick(&d.pacer, h),
		needRefuse:      pick(&d.refuser, h),
		needImmortal:    pick(&d.immortal, h),
	}
	if p, ok := h.(graph.Partial); ok {
		d.leaveOut(p)
	}
	d.listen()
	return d
}

// listen has the heap tell what happens in it.
func (d *driver) listen() {
	if d.mourner != nil {
		d.mourner.OnDeath(func(id graph.ID) {
			if _, ok := d.known[id]; !ok && d.copying {
				return
			}
			delete(d.known, id)
			d.tell(graph.Died, uint64(id))
		})
	}
	if d.has[needWatch] {
		d.watcher.OnCollection(
			func(generation int) {
				d.deeper()
				d.tell(graph.Started, uint64(generation))
				d.pace()
			},
			func(returned int) {
				d.hoard()
				d.pace()
				d.tell(graph.Stopped, uint64(returned))
				d.depth--
			})
	}
	for s := range d.runs {
		d.runs[s] = func(id graph.ID) { d.run(graph.Script(s), id) }
	}
}

// leaveOut takes the parts away that the heap has methods for, and says that it has not.
func (d *driver) leaveOut(p graph.Partial) {
	if !p.Offers("mourn") {
		d.mourner = nil
	}
	for need, part := range partNames {
		d.has[need] = d.has[need] && (part == "" || p.Offers(part))
	}
}

func pick[I any](part *I, h graph.Heap) bool {
	i, ok := h.(I)
	*part = i
	return ok
}

// begin puts the heap into the world's state: with auto, collections start by themselves, those of older generations
// soon if it is odd. It tells the model.
func (d *driver) begin(auto int, m *graph.Model) {
	if auto > 0 {
		m.Enable(d.has[needSwitch])
	}
	if auto > 0 && d.has[needSwitch] {
		if d.has[needThreshold] {
			d.setThreshold(0, auto, m)
			for g := 1; auto%2 != 0 && g <= d.contract.Full(); g++ {
				d.setThreshold(g, g, m)
			}
		}
		d.switcher.Enable(true)
	}
}

func (d *driver) setThreshold(generation, n int, m *graph.Model) {
	d.thresh.SetThreshold(generation, n)
	m.Threshold(generation, n)
}

// Do asks one operation.
func (d *driver) Do(op prog.Op) prog.Outcome { return Lang.Row(op.Kind).Do(d, op) }

// Close gives the heap's memory back.
func (d *driver) Close() error {
	if c, ok := d.Heap.(graph.Closer); ok {
		return c.Close()
	}
	return nil
}

func (d *driver) tell(what graph.What, arg uint64) {
	d.happened(what, arg)
	if len(d.log) < logMax {
		d.log = appendEvent(d.log, what, arg)
	}
}

func (d *driver) live(slot prog.Slot) bool { return int(slot) < len(d.slots) && d.slots[slot] != 0 }

func (d *driver) hold(slot prog.Slot, id graph.ID) prog.Outcome {
	if int(slot) >= len(d.slots) {
		d.slots = append(d.slots, make([]graph.ID, max(int(slot)+1, 2*len(d.slots), 32)-len(d.slots))...)
	}
	d.slots[slot] = id
	return prog.Outcome{Addr: uint64(id)}
}

func (d *driver) object(op prog.Op) graph.ID { return d.slots[op.Args[0]] }

// make makes an object. Size is one more than the collections that there were, where that matters.
func (d *driver) make(op prog.Op) prog.Outcome {
	kind, n := graph.Kind(op.Args[0]), int(op.Args[1])
	if kind == graph.Atom {
		n = 0
	}
	id := d.New(kind, n)
	if id == 0 {
		return prog.Outcome{Status: prog.NoMem}
	}
	d.known[id] = info{kind: kind, fields: n}
	d.crowded(len(d.known))
	out := d.hold(op.Def, id)
	if d.has[needStats] {
		collections, _ := d.stats.Stats()
		out.Size = 1 + collections
	}
	return out
}

func (d *driver) weak(op prog.Op) prog.Outcome {
	id := d.object(op)
	if of := d.known[id]; of.weak || d.contract.Bare[of.kind%graph.Kinds] {
		return d.alias(op)
	}
	var callback func(graph.ID)
	if script := op.Args[1]; script != 0 {
		callback = func(weak graph.ID) { d.called(script, weak) }
	}
	w := d.weaker.NewWeak(id, callback)
	if w == 0 {
		return prog.Outcome{Status: prog.NoMem}
	}
	if _, shared := d.known[w]; !shared {
		d.weaks = append(d.weaks, w)
	}
	d.known[w] = info{kind: graph.WeakKind, weak: true}
	return d.hold(op.Def, w)
}

// called is a callback.
func (d *driver) called(script uint64, weak graph.ID) {
	d.tell(graph.Called, uint64(weak))
	switch script {
	case 2:
		d.look()
	case 3:
		d.tell(graph.Busy, 0)
		d.collect(d.contract.Full())
		d.tell(graph.Over, 0)
	}
}

func (d *driver) alias(op prog.Op) prog.Outcome {
	d.Root(d.object(op))
	return d.hold(op.Def, d.object(op))
}

// index is the field that an argument means.
func (d *driver) index(op prog.Op, arg int) (i int, ok bool) {
	n := d.known[d.object(op)].fields
	if n == 0 {
		return 0, false
	}
	return int(op.Args[arg]) % n, true
}

func (d *driver) load(op prog.Op) prog.Outcome {
	i, ok := d.index(op, 1)
	if !ok {
		return d.alias(op)
	}
	return d.found(op, d.Field(d.object(op), i))
}

// found gives the operation's slot an object that was found, or its own where there is none.
func (d *driver) found(op prog.Op, id graph.ID) prog.Outcome {
	if id == 0 {
		return d.alias(op)
	}
	if _, ok := d.known[id]; !ok {
		return prog.Outcome{Addr: uint64(id)} // a lie ends the run: what is not there gets no root
	}
	d.Root(id)
	return d.hold(op.Def, id)
}

func (d *driver) deref(op prog.Op) prog.Outcome {
	if !d.known[d.object(op)].weak {
		return d.alias(op)
	}
	id := d.weaker.Deref(d.object(op))
	if id == 0 {
		d.seen[weakDead]++
	} else {
		d.seen[weakLive]++
	}
	return d.found(op, id)
}

func (d *driver) take(op prog.Op) prog.Outcome {
	if len(d.saved) == 0 {
		return d.alias(op)
	}
	id := d.saved[0]
	d.saved = d.saved[1:]
	return d.hold(op.Def, id)
}

func (d *driver) unroot(op prog.Op) prog.Outcome {
	id := d.object(op)
	d.slots[op.Args[0]] = 0
	d.Unroot(id)
	return prog.Outcome{}
}

func (d *driver) set(op prog.Op) prog.Outcome   { return d.store(op, 2, d.slots[op.Args[1]]) }
func (d *driver) clear(op prog.Op) prog.Outcome { return d.store(op, 1, 0) }

func (d *driver) store(op prog.Op, arg int, to graph.ID) prog.Outcome {
	i, ok := d.index(op, arg)
	if !ok {
		return prog.Outcome{Status: prog.Skip}
	}
	d.storing = d.object(op)
	d.SetField(d.storing, i, to)
	d.storing = 0
	return prog.Outcome{}
}

func (d *driver) finalizer(op prog.Op) prog.Outcome {
	id := d.object(op)
	of := d.known[id]
	if of.weak || of.final || d.contract.Bare[of.kind%graph.Kinds] {
		return prog.Outcome{Status: prog.Skip}
	}
	of.final = true
	d.known[id] = of
	d.final.SetFinalizer(id, d.runs[scriptOf(op)])
	return prog.Outcome{}
}

// run is a finalizer.
func (d *driver) run(s graph.Script, id graph.ID) {
	if len(d.log) >= logMax {
		return
	}
	d.tell(graph.Finalizes, uint64(id))
	switch s {
	case graph.Rescue:
		d.one(savedByCount, savedByCycles)
		d.Root(id)
		d.saved = append(d.saved, id)
	case graph.Sever:
		for i := range d.known[id].fields {
			d.SetField(id, i, 0)
		}
	case graph.Allocate:
		if made := d.New(graph.Node, 1); made != 0 {
			d.known[made] = info{fields: 1}
			d.tell(graph.Made, uint64(made))
			d.Unroot(made)
		}
	case graph.Nested:
		d.collect(d.contract.Full())
	case graph.Look:
		d.look()
	case graph.Unweak:
		for i := range d.known[id].fields {
			if f := d.Field(id, i); f != 0 && d.known[f].weak {
				d.SetField(id, i, 0)
			}
		}
	case graph.Host:
		if host := d.first(func(of info) bool { return of.fields > 0 }); host != 0 {
			d.tell(graph.Hosted, uint64(host))
			d.SetField(host, 0, id)
		}
	case graph.Join:
		if host := d.first(d.grows); host != 0 && d.has[needGrow] && d.append(host, id) {
			d.tell(graph.Joined, uint64(host))
		}
	case graph.Catch:
		d.catch()
	case graph.Breed:
		if made := d.New(graph.Node, 1); made != 0 {
			d.save(made, info{fields: 1})
			d.tell(graph.Bred, uint64(made))
		}
	case graph.Refer:
		if !d.has[needWeak] {
			break
		}
		if made := d.weaker.NewWeak(id, nil); made != 0 {
			if d.depth > 0 && d.contract.Exposes {
				d.newborn[made] = true
			}
			d.save(made, info{kind: graph.WeakKind, weak: true})
			d.tell(graph.Referred, uint64(made))
		}
	}
	d.tell(graph.Finalized, uint64(id))
}

func (d *driver) save(id graph.ID, of info) {
	if of.weak {
		d.weaks = append(d.weaks, id)
	}
	d.known[id] = of
	d.saved = append(d.saved, id)
}

// catch saves what the youngest of some weak references refers to that refers to something. One that a finalizer made
// in the collection that runs is left alone where it exposes what is cleared all the same.
func (d *driver) catch() {
	d.look()
	if d.mourner == nil {
		return
	}
	for _, w := range slices.Backward(d.weaks[max(0, len(d.weaks)-lookMax):]) {
		id := d.weaker.Deref(w)
		if _, ok := d.known[id]; ok && id != 0 && !d.newborn[w] {
			d.tell(graph.Caught, uint64(w))
			d.Root(id)
			d.saved = append(d.saved, id)
			return
		}
	}
}

// first returns the object of the first slot that is such, 0 if there is none. One of which a field is being stored is
// left alone: whether what a finalizer stores there meanwhile comes before or behind is the heap's affair.
func (d *driver) first(such func(info) bool) graph.ID {
	for _, id := range d.slots {
		if id != 0 && id != d.storing && such(d.known[id]) {
			return id
		}
	}
	return 0
}

func (d *driver) grows(of info) bool { return !of.weak && d.contract.Grows[of.kind%graph.Kinds] }

// lookMax is how many weak references, the youngest, a finalizer or a callback asks.
const lookMax = 16

// look asks weak references. Of a heap that tells no deaths it is not known which of them live.
func (d *driver) look() {
	if !d.has[needWeak] || d.mourner == nil {
		return
	}
	d.weaks = slices.DeleteFunc(d.weaks, func(w graph.ID) bool { return !d.known[w].weak })
	for _, w := range d.weaks[max(0, len(d.weaks)-lookMax):] {
		if d.weaker.Deref(w) != 0 {
			d.tell(graph.Looked, uint64(w))
		}
	}
}

func (d *driver) collect(generation int) int {
	generation = min(generation, d.contract.Full())
	d.deeper()
	d.tell(graph.Begins, uint64(generation))
	n := d.Collect(generation)
	d.hoard()
	d.tell(graph.Ends, uint64(n))
	d.depth--
	return n
}

// deeper says that a collection begins.
func (d *driver) deeper() {
	if d.depth == 0 {
		clear(d.newborn)
	}
	d.depth++
}

// hoard tells what came into the garbage.
func (d *driver) hoard() {
	if !d.hoards || d.hoarder == nil {
		return
	}
	garbage := d.hoarder.Garbage()
	for _, id := range garbage[min(d.kept, len(garbage)):] {
		d.tell(graph.Kept, uint64(id))
	}
	d.kept = len(garbage)
}

// verify walks over what the slot's object reaches: Value is the shape, Addr depends on the IDs too.
func (d *driver) verify(op prog.Op) prog.Outcome {
	shape, names, _ := graph.Walk(d.object(op), d.fieldsOf)
	return prog.Outcome{Value: shape, Addr: names}
}

// fieldsOf is what a walk asks.
func (d *driver) fieldsOf(id graph.ID, buf []graph.ID) (graph.Kind, []graph.ID) {
	of, ok := d.known[id]
	if !ok {
		return kindUnknown, buf
	}
	for i := range of.fields {
		buf = append(buf, d.Field(id, i))
	}
	return of.kind, buf
}

func (d *driver) askCount(op prog.Op) prog.Outcome {
	return prog.Outcome{Addr: uint64(d.counter.Count(d.object(op)))}
}

func (d *driver) age(op prog.Op) prog.Outcome {
	return prog.Outcome{Addr: uint64(d.ager.Generation(d.object(op)))}
}

func (d *driver) check(prog.Op) prog.Outcome {
	if err := d.checker.CheckInvariants(); err != nil {
		return prog.Outcome{Status: prog.Fail, Msg: err.Error()}
	}
	return prog.Outcome{}
}

func (d *driver) usage(prog.Op) prog.Outcome {
	objects, bytes, _ := d.user.Usage()
	return prog.Outcome{Addr: objects, Size: bytes}
}

func (d *driver) footprint(prog.Op) prog.Outcome {
	_, _, footprint := d.user.Usage()
	return prog.Outcome{Addr: footprint}
}

func (d *driver) statistics(prog.Op) prog.Outcome {
	collections, collected := d.stats.Stats()
	return prog.Outcome{Addr: collections, Size: collected}
}

func (d *driver) enable(op prog.Op) prog.Outcome {
	d.switcher.Enable(op.Args[0] != 0)
	return prog.Outcome{}
}

func (d *driver) threshold(op prog.Op) prog.Outcome {
	d.thresh.SetThreshold(min(int(op.Args[0]), d.contract.Full()), int(op.Args[1]))
	return prog.Outcome{}
}

func (d *driver) freeze(prog.Op) prog.Outcome {
	if len(d.known) > 0 {
		d.seen[frozen]++
	}
	d.freezer.Freeze()
	return prog.Outcome{}
}

func (d *driver) unfreeze(prog.Op) prog.Outcome { d.freezer.Unfreeze(); return prog.Outcome{} }
func (d *driver) giveBack(prog.Op) prog.Outcome { d.trimmer.Trim(); return prog.Outcome{} }

func (d *driver) inject(op prog.Op) prog.Outcome {
	d.oom.InjectOOM(int(op.Args[0]), op.Args[1] != 0)
	return prog.Outcome{}
}

// drainsMin is how many rounds drain goes for, however few objects there are.
const drainsMin = 64

// drain takes all roots away, has collections keep nothing, and collects; and again as long as finalizers save objects,
// each of which they do once, or there is garbage, whose objects are emptied so that they refer to no other. Each round
// is the end of one at least, so more of them than there are objects, by far, will not help.
func (d *driver) drain(prog.Op) prog.Outcome {
	if d.has[needHoard] {
		d.hoarder.SaveAll(false)
	}
	for i, id := range d.slots {
		if id != 0 {
			d.slots[i] = 0
			d.release(id)
		}
	}
	d.walks = 0 // what comes is as for a fresh heap
	rounds := drainsMin + 2*len(d.known)
	for again := true; again && len(d.log) < logMax && rounds > 0; again = len(d.saved) > 0 || d.kept > 0 {
		rounds--
		saved := d.saved
		d.saved = nil
		for _, id := range saved {
			d.release(id)
		}
		d.discard()
		for range max(d.contract.Within, 1) {
			d.collect(d.contract.Full())
		}
	}
	return prog.Outcome{}
}

func (d *driver) release(id graph.ID) {
	d.tell(graph.Unrooted, uint64(id))
	d.Unroot(id)
}

// discard empties the objects in the garbage and drops it.
func (d *driver) discard() {
	d.hoard()
	if d.kept == 0 {
		return
	}
	garbage := d.hoarder.Garbage()
	for i := 0; i < len(garbage); i++ {
		id := garbage[i]
		d.tell(graph.Emptied, uint64(id))
		for i := range d.known[id].fields {
			d.SetField(id, i, 0)
		}
		d.hoard()
		garbage = slices.Clone(d.hoarder.Garbage()) // what dies of that may have one collect, and more come
	}
	for _, id := range garbage {
		d.tell(graph.Unrooted, uint64(id))
	}
	d.kept = 0
	d.hoarder.DropGarbage()
}
