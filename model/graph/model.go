package graph

import (
	"fmt"
	"slices"

	"heapfuzz/model"
)

// Model is the graph as its user knows it: the objects that may live, what their fields refer to, which of them have
// roots. What roots reach is found by a plain search. An operation is told first, then each Event that happened in it,
// then Settle; only a new object, a field that was appended and what is asked are told after the events.
//
// The model stands in rooms, by question: what there is (model.go), what is reachable (reach.go), whether what happened
// may happen (events.go), what a collection may and must do (collect.go), when one starts (pace.go), what a copy is
// (copy.go), and whether what the heap says of itself is true (ask.go).
type Model struct {
	Contract Contract
	observed bool // every death is told
	watched  bool // so is every collection
	partly   bool // a collection may have taken something since the last that took all, and kept nothing of it
	slots    []*node
	saved    []*node      // rescued by finalizers, each with a root
	garbage  []*node      // each with a root
	dropped  int          // objects in the garbage that was dropped last
	nodes    map[ID]*node // that may live
	all      []*node      // in the order of making; the dead are taken out now and then
	loose    []*node      // whose last reference went away in this operation
	owed     []*node      // weak references that have to call back before it ends
	told     []ID         // by Listed events
	calls    []*node      // whose finalizers have begun and are not over
	busy     int          // callbacks that do something
	era      int          // of operations, and of collections within one; from 1
	made     int          // objects

	epoch  int     // of the last search
	fresh  bool    // it was one without the frozen, and still says what roots reach
	work   []*node // of the search
	frozen bool    // something may be frozen

	now         collection // that runs
	depth       int        // of collections: 1 while one runs, more while finalizers ask for others
	open        bool       // one started, and is not over
	stirred     bool       // one started by itself in this operation
	calm        int        // the last collection that began before this operation
	latest      []int      // of each generation: the number of the last collection whose survivors went there
	number      int        // of the last collection that began
	whole       int        // of the last full one that saw all, and made nothing wait
	thawed      int        // of the last that began when the frozen were shown again
	saveAll     bool       // collections put what they find in the garbage
	hoards      bool       // they have, or there are legacy finalizers
	settled     bool       // nothing has changed since a full collection that left nothing to do
	vague       bool       // there may have been collections that nobody asked for, or told
	collections uint64
	collected   uint64

	on        bool   // collections start by themselves
	threshold int    // of the youngest generation, where it is known; 0: it is not, or it is never collected so
	heaped    int    // objects made since anything died, or changed of these, or a collection was seen
	seen      uint64 // collections, by the statistics

	sizes [Kinds + 1][]sized // by kind, in the order of fields
	pace  pace

	limited, scarce, failed, trimmed bool
}

type node struct {
	id           ID
	serial       int // the first object made is 1
	kind         Kind
	fields       []*node
	roots, refs  int   // refs are roots and fields
	of           *node // a weak reference's referent
	weaks        []*node
	script       Script
	legacy       bool // it is a legacy finalizer
	callback     bool // of a weak reference
	called       bool
	cleared      bool
	lapsed       bool // a full collection found it dead, and cleared it
	finalized    bool
	copied       bool // it was made as a copy
	frozen, dead bool
	immortal     bool // it has a root for ever; entered is since when, or since when it may be followed
	thawed       bool // it was frozen, and has not entered anew
	age          int  // full collections that found it unreachable
	first        int  // the last collection that began before it was made; -1: it was there at a freeze or its end
	entered      int  // the collection since which it is in the generations
	born, doom   int  // the eras that made it and that last found it unreachable
	stored       int  // the last collection that began before a field was stored
	kept         int  // the era in which the garbage kept it
	saved        bool // roots reached it when all that they do not reach were doomed last
	waited       int  // the last collection that left it alone because what has a legacy finalizer reached it
	mark         int
	size         uint64 // that was told since its fields changed; 0: none
}

func (n *node) String() string { return fmt.Sprintf("object %d", n.serial) }

type violation = *model.Violation

// NewModel returns the model of an empty heap. Observed says that the heap tells every death.
func NewModel(c Contract, observed bool) *Model {
	return &Model{Contract: c, observed: observed, nodes: map[ID]*node{}, era: 1, latest: make([]int, c.Full()+1),
		pace: pace{thresholds: slices.Clone(c.Thresholds)}}
}

// Limit says that the operating system gives only so much.
func (m *Model) Limit() { m.limited = true }

// Watch says that the heap tells of every collection.
func (m *Model) Watch() { m.watched = true }

// Live tells whether the slot holds an object.
func (m *Model) Live(slot uint32) bool { return int(slot) < len(m.slots) && m.slots[slot] != nil }

// Objects is the number of objects that may live.
func (m *Model) Objects() int { return len(m.nodes) }

// FieldCount is the number of fields of the slot's object.
func (m *Model) FieldCount(slot uint32) int { return len(m.slots[slot].fields) }

// Grows tells whether the number of fields of the slot's object changes.
func (m *Model) Grows(slot uint32) bool { return m.Contract.grows(m.slots[slot].kind) }

func (c *Contract) grows(k Kind) bool  { return k < Kinds && c.Grows[k] }
func (c *Contract) shares(k Kind) bool { return k == WeakKind || c.Shares[k%Kinds] }
func (c *Contract) tracks(k Kind) bool { return k < Kinds && k != Atom && !c.Untracks[k] }

// IsWeak tells whether the slot's object is a weak reference.
func (m *Model) IsWeak(slot uint32) bool { return m.slots[slot].of != nil }

// Bare tells whether the slot's object takes neither weak references nor finalizers.
func (m *Model) Bare(slot uint32) bool {
	n := m.slots[slot]
	return n.of != nil || m.Contract.Bare[n.kind%Kinds]
}

// HasFinalizer tells whether the slot's object has a finalizer, or had one.
func (m *Model) HasFinalizer(slot uint32) bool { return m.slots[slot].script != None }

// New judges a new object for the slot.
func (m *Model) New(slot uint32, id ID, kind Kind, fields int) violation {
	if kind == Atom {
		fields = 0
	}
	n, v := m.enter(id, kind, fields)
	if v == nil {
		m.hold(slot, n)
	}
	return v
}

func (m *Model) enter(id ID, kind Kind, fields int) (*node, violation) {
	if id == 0 {
		return nil, Serves.Breach("a new object has no ID")
	}
	if old := m.nodes[id]; old != nil {
		switch {
		case m.reachable(old):
			return nil, Identity.Breach("a new object has the ID of %v, which roots reach", old)
		case m.observed:
			return nil, Identity.Breach("a new object has the ID of %v, whose death was not told", old)
		}
		m.bury(old)
	}
	m.made++
	n := &node{id: id, serial: m.made, kind: kind, born: m.era, first: m.number, entered: m.number}
	if m.stirred { // before the collections or behind them
		n.first = m.calm
	}
	if fields > 0 {
		n.fields = make([]*node, fields)
	}
	m.nodes[id] = n
	m.all = append(m.all, n)
	m.counts(n, 1)
	return n, nil
}

// NewWeak judges a new weak reference for the slot to the object of another. One without callback may be shared.
func (m *Model) NewWeak(slot uint32, id ID, to uint32, callback bool) violation {
	of := m.slots[to]
	if old := m.nodes[id]; old != nil && old.of == of && !callback && !old.callback && !old.cleared {
		m.hold(slot, old)
		return nil
	}
	n, v := m.enterWeak(id, of)
	if v == nil {
		n.callback = callback
		m.hold(slot, n)
	}
	return v
}

func (m *Model) enterWeak(id ID, of *node) (*node, violation) {
	n, v := m.enter(id, WeakKind, 0)
	if v == nil {
		n.of = of
		of.weaks = append(of.weaks, n)
	}
	return n, v
}

func (m *Model) hold(slot uint32, n *node) {
	m.root(n, 1)
	m.keep(slot, n)
}

func (m *Model) keep(slot uint32, n *node) {
	for int(slot) >= len(m.slots) {
		m.slots = append(m.slots, nil)
	}
	m.slots[slot] = n
}

// root adds a root to an object, or takes one away.
func (m *Model) root(n *node, more int) {
	n.roots += more
	m.refer(n, more)
}

// refer adds a reference to an object, or takes one away. What the search found stays true when one is added to what
// roots reach, or taken from what has another root; no more is asked of it.
func (m *Model) refer(n *node, more int) {
	if n.refs += more; n.refs == 0 {
		m.loose = append(m.loose, n)
	}
	switch reached := n.mark == m.epoch; {
	case more > 0 && !reached, more < 0 && reached && n.roots == 0:
		m.fresh = false
	}
	m.touch()
}

func (m *Model) touch() { m.settled, m.trimmed = false, false }

// Alias gives the object of one slot to another as well.
func (m *Model) Alias(slot, from uint32) { m.hold(slot, m.slots[from]) }

// Drop takes the slot's root away.
func (m *Model) Drop(slot uint32) {
	n := m.slots[slot]
	m.slots[slot] = nil
	m.root(n, -1)
}

// Forget says that every slot's root was taken away, and every saved one; Unrooted events told when.
func (m *Model) Forget() {
	clear(m.slots)
	m.saved = nil
}

// Set stores the object of a slot, or nothing, in a field. Slots that hold nothing are none of the model's.
func (m *Model) Set(slot uint32, i int, to uint32, something bool) {
	var n *node
	if something {
		n = m.slots[to]
	}
	m.store(m.slots[slot], i, n)
}

func (m *Model) store(n *node, i int, to *node) {
	if !m.Contract.Counts[n.kind%Kinds] {
		m.unsure()
	}
	old := n.fields[i]
	n.fields[i], n.stored = to, m.number
	n.size = 0
	if to != nil {
		m.refer(to, 1)
		if n.immortal && m.Contract.Untracks[n.kind%Kinds] { // which is not followed until now, perhaps
			n.entered = m.number
		}
	}
	if old != nil {
		m.refer(old, -1)
	}
}

// Append says that a field was added to the slot's object, which refers to that of another.
func (m *Model) Append(slot, to uint32) { m.grow(m.slots[slot], m.slots[to]) }

func (m *Model) grow(n, to *node) {
	n.fields = append(n.fields, nil)
	m.store(n, len(n.fields)-1, to)
}

// Pop takes the last field of the slot's object away.
func (m *Model) Pop(slot uint32) {
	n := m.slots[slot]
	last := len(n.fields) - 1
	m.store(n, last, nil)
	n.fields = n.fields[:last]
}

// Load judges what a field is said to refer to, and gives it to a slot. The ID of the object itself is said where the
// field is empty.
func (m *Model) Load(slot, from uint32, i int, id ID) violation {
	n := m.slots[from].fields[i]
	if n == nil {
		n = m.slots[from]
	}
	if n.id != id {
		return Fields.Breach("field %d of %v refers to %s and should to %v",
			i, m.slots[from], m.name(id), n)
	}
	m.hold(slot, n)
	return nil
}

func (m *Model) name(id ID) string {
	if n := m.nodes[id]; n != nil {
		return n.String()
	}
	return "nothing that lives"
}

// Deref judges what a weak reference is said to refer to, and gives it to a slot. The ID of the reference itself is
// said where it is cleared.
func (m *Model) Deref(slot, from uint32, id ID) violation {
	w := m.slots[from]
	t := w.of
	lapsed := m.Contract.WeakLapse && w.doom > 0
	switch {
	case id == w.id && !lapsed && !t.dead && !w.cleared && t.doom < w.born && m.reachable(t):
		return WeakAlive.Breach("the weak reference %v to %v is cleared", w, t)
	case id == w.id:
		w.cleared = true
		m.hold(slot, w)
		return nil
	case w.cleared || t.dead:
		return WeakDead.Breach("the weak reference %v was cleared, and refers to %s", w, m.name(id))
	case w.lapsed:
		return WeakDead.Breach("the weak reference %v was found dead, and refers to %v", w, t)
	case t.id != id:
		return WeakDead.Breach("the weak reference %v refers to %s and should to %v", w, m.name(id), t)
	}
	found := m.reachable(t)
	m.hold(slot, t)
	if !found { // what it reaches is found again
		m.search(false)
		for _, n := range m.all {
			if n.mark == m.epoch {
				n.age = 0
			}
		}
	}
	return nil
}

// Finalizer gives the slot's object a finalizer, and Legacy one that a collection does not call.
func (m *Model) Finalizer(slot uint32, s Script) {
	m.touch()
	m.slots[slot].script = s
}

// Legacy gives the slot's object a legacy finalizer that follows the script when it runs first, and does nothing later.
func (m *Model) Legacy(slot uint32, s Script) {
	m.Finalizer(slot, s)
	m.slots[slot].legacy, m.hoards = true, true
}

// Immortalize gives the slot's object a root for ever.
func (m *Model) Immortalize(slot uint32) {
	n := m.slots[slot]
	if !n.immortal {
		n.immortal, n.entered = true, m.number
		m.root(n, 1)
	}
}

// HasSaved tells whether a finalizer saved an object that nobody took since.
func (m *Model) HasSaved() bool { return len(m.saved) > 0 }

// Take gives the object that was saved first, and is said to have that ID, to a slot.
func (m *Model) Take(slot uint32, id ID) violation {
	n := m.saved[0]
	if n.id != id {
		return Fields.Breach("%s is taken, and %v was saved first", m.name(id), n)
	}
	m.saved = m.saved[1:]
	m.keep(slot, n) // with the root that it has
	return nil
}

// HasGarbage tells whether there is something in the garbage.
func (m *Model) HasGarbage() bool { return len(m.garbage) > 0 }

// Recover gives the object that came first into the garbage, and is said to have that ID, to a slot.
func (m *Model) Recover(slot uint32, id ID) violation {
	n := m.garbage[0]
	if n.id != id {
		return Garbage.Breach("%s is said to have come into the garbage first, and %v did", m.name(id), n)
	}
	m.hold(slot, n)
	return nil
}

// DropGarbage says that the garbage is dropped.
func (m *Model) DropGarbage() {
	for _, n := range m.garbage {
		m.root(n, -1)
	}
	m.dropped = len(m.garbage)
	m.garbage = m.garbage[:0]
}

// SaveAll says whether, from here on, collections put what they find in the garbage.
func (m *Model) SaveAll(on bool) {
	m.touch()
	m.saveAll, m.hoards = on, m.hoards || on
}

// Verify judges what the slot's object reaches, by the sums that Walk has of it.
func (m *Model) Verify(slot uint32, shape, names uint64) violation {
	wantShape, wantNames, _ := Walk(m.slots[slot].id, m.look)
	if shape != wantShape || names != wantNames {
		return Fields.Breach("what %v reaches is not what was stored there", m.slots[slot])
	}
	return nil
}

// look is what Walk asks.
func (m *Model) look(id ID, buf []ID) (Kind, []ID) {
	n := m.nodes[id]
	for _, f := range n.fields {
		if f == nil {
			buf = append(buf, 0)
		} else {
			buf = append(buf, f.id)
		}
	}
	return n.kind, buf
}

// Settle judges the end of an operation.
func (m *Model) Settle() violation {
	for _, w := range m.owed {
		if !w.called && !w.dead {
			return CallLost.Breach("the weak reference %v did not call back", w)
		}
	}
	for i := 0; i < len(m.loose); i++ { // burying adds to them
		n := m.loose[i]
		switch {
		case n.dead || n.refs > 0 || !m.Contract.Immediate:
		case m.observed:
			return Prompt.Breach("nothing refers to %v, and it is not dead", n)
		default:
			m.bury(n)
		}
	}
	if m.open {
		return Watched.Breach("a collection started, and did not end in its operation")
	}
	m.owed, m.loose, m.told, m.stirred = m.owed[:0], m.loose[:0], m.told[:0], false
	m.era++
	return nil
}

// bury takes out an object that is dead. It was unreachable, so that what roots reach is the same as before.
func (m *Model) bury(n *node) {
	fresh := m.fresh
	n.dead = true
	delete(m.nodes, n.id)
	for _, f := range n.fields {
		if f != nil {
			m.refer(f, -1)
		}
	}
	for _, w := range n.weaks {
		w.cleared = true
	}
	if n.of != nil {
		n.of.weaks = slices.DeleteFunc(n.of.weaks, func(w *node) bool { return w == n })
	}
	m.fresh = fresh
	m.touch()
}

// Refuse judges that an object with so many fields was refused.
func (m *Model) Refuse(fields int) violation {
	c := &m.Contract
	m.failed, m.pace.asked = true, true
	m.wild()
	if m.scarce || m.limited || c.MayRefuse || c.FieldsMax != 0 && fields > c.FieldsMax {
		return nil
	}
	return Serves.Breach("an object of %d fields refused with %d objects", fields, len(m.nodes))
}

// Scarce says whether, from here on, the operating system may refuse.
func (m *Model) Scarce(on bool) { m.scarce = on }

// Trim says that the heap was told to give back what it does not need.
func (m *Model) Trim() { m.trimmed = true }
