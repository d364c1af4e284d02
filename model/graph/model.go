package graph

import (
	"fmt"
	"slices"

	"heapfuzz/model"
)

// Model is the graph as its user knows it: the objects that may live, what their fields refer to, which of them have
// roots. What roots reach is found by a plain search. An operation is told first, then each Event that happened in it,
// then Settle; only a new object is told after the events.
type Model struct {
	Contract Contract
	observed bool // every death is told
	slots    map[uint32]*node
	saved    []*node      // rescued by finalizers, each with a root
	nodes    map[ID]*node // that may live
	all      []*node      // in the order of making; the dead are taken out now and then
	loose    []*node      // whose last reference went away in this operation
	owed     []*node      // weak references that have to call back before it ends
	op       int          // the number of this operation, from 1
	made     int          // objects
	running  int          // finalizers that have begun and are not over

	epoch  int     // of the last search
	fresh  bool    // nothing has changed since, and it was one without the frozen
	work   []*node // of the search
	frozen bool    // something may be frozen

	now         collection // that runs
	depth       int        // of collections: 1 while one runs, more while finalizers ask for others
	settled     bool       // nothing has changed since a full collection that left nothing to do
	vague       bool       // there may have been collections that nobody asked for
	collections uint64
	collected   uint64

	limited, scarce, failed, trimmed bool
}

// collection is one that runs.
type collection struct {
	generation, first   int  // first is the number of objects made before
	deaths, containers  int  // so far
	finals              int  // finalizers on behalf of the collection, so far
	ran, rescued, mixed bool // a finalizer ran, saved its object, changed something else
	lenient             bool // a finalizer asked for it, or memory is scarce: what must die is not judged
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
	callback     bool // of a weak reference
	called       bool
	cleared      bool
	finalized    bool
	frozen, dead bool
	age          int // full collections that found it unreachable
	least        int // the youngest generation that it may be in
	born, doom   int // the operations that made it and that last found it unreachable
	mark         int
}

func (n *node) String() string { return fmt.Sprintf("object %d", n.serial) }

type violation = *model.Violation

// NewModel returns the model of an empty heap. Observed says that the heap tells every death.
func NewModel(c Contract, observed bool) *Model {
	return &Model{Contract: c, observed: observed, slots: map[uint32]*node{}, nodes: map[ID]*node{}, op: 1}
}

// Limit says that the operating system gives only so much.
func (m *Model) Limit() { m.limited = true }

// Live tells whether the slot holds an object.
func (m *Model) Live(slot uint32) bool { return m.slots[slot] != nil }

// Objects is the number of objects that may live.
func (m *Model) Objects() int { return len(m.nodes) }

// FieldCount is the number of fields of the slot's object.
func (m *Model) FieldCount(slot uint32) int { return len(m.slots[slot].fields) }

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
	m.touch()
	m.made++
	n := &node{id: id, serial: m.made, kind: kind, fields: make([]*node, fields), born: m.op}
	m.nodes[id] = n
	m.all = append(m.all, n)
	return n, nil
}

// NewWeak judges a new weak reference for the slot to the object of another. One without callback may be shared.
func (m *Model) NewWeak(slot uint32, id ID, to uint32, callback bool) violation {
	of := m.slots[to]
	if old := m.nodes[id]; old != nil && old.of == of && !callback && !old.callback && !old.cleared {
		m.hold(slot, old)
		return nil
	}
	n, v := m.enter(id, WeakKind, 0)
	if v == nil {
		n.of, n.callback = of, callback
		of.weaks = append(of.weaks, n)
		m.hold(slot, n)
	}
	return v
}

func (m *Model) hold(slot uint32, n *node) {
	m.slots[slot] = n
	m.root(n, 1)
}

// root adds roots to an object, or takes them away.
func (m *Model) root(n *node, more int) {
	n.roots += more
	m.refer(n, more)
}

func (m *Model) refer(n *node, more int) {
	m.touch()
	n.refs += more
	if n.refs == 0 {
		m.loose = append(m.loose, n)
	}
}

func (m *Model) touch() { m.fresh, m.settled, m.trimmed = false, false, false }

// Alias gives the object of one slot to another as well.
func (m *Model) Alias(slot, from uint32) { m.hold(slot, m.slots[from]) }

// Drop takes the slot's root away.
func (m *Model) Drop(slot uint32) {
	m.root(m.slots[slot], -1)
	delete(m.slots, slot)
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
	old := n.fields[i]
	n.fields[i] = to
	if to != nil {
		m.refer(to, 1)
	}
	if old != nil {
		m.refer(old, -1)
	}
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
	switch {
	case id == w.id && !t.dead && !w.cleared && t.doom < w.born && m.reachable(t):
		return WeakAlive.Breach("the weak reference %v to %v is cleared", w, t)
	case id == w.id:
		w.cleared = true
		m.hold(slot, w)
		return nil
	case w.cleared || t.dead:
		return WeakDead.Breach("the weak reference %v was cleared, and refers to %s", w, m.name(id))
	case t.id != id:
		return WeakDead.Breach("the weak reference %v refers to %s and should to %v", w, m.name(id), t)
	}
	m.hold(slot, t)
	m.search(false) // what the referent reaches is found again
	for _, n := range m.all {
		if n.mark == m.epoch {
			n.age = 0
		}
	}
	return nil
}

// Finalizer gives the slot's object a finalizer.
func (m *Model) Finalizer(slot uint32, s Script) {
	m.touch()
	m.slots[slot].script = s
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
	m.slots[slot] = n // with the root that it has
	return nil
}

// Verify judges what the slot's object reaches, by the sums that Walk has of it.
func (m *Model) Verify(slot uint32, shape, names uint64) violation {
	wantShape, wantNames := Walk(m.slots[slot].id, func(id ID, buf []ID) (Kind, []ID) {
		n := m.nodes[id]
		for _, f := range n.fields {
			if f == nil {
				buf = append(buf, 0)
			} else {
				buf = append(buf, f.id)
			}
		}
		return n.kind, buf
	})
	if shape != wantShape || names != wantNames {
		return Fields.Breach("what %v reaches is not what was stored there", m.slots[slot])
	}
	return nil
}

// search marks what roots reach; with frozen, also what the frozen reach.
func (m *Model) search(frozen bool) {
	if len(m.all) > 2*len(m.nodes)+16 {
		m.all = slices.DeleteFunc(m.all, func(n *node) bool { return n.dead })
	}
	m.epoch++
	m.fresh = !frozen
	work := m.work[:0]
	visit := func(n *node) {
		if n != nil && n.mark != m.epoch {
			n.mark = m.epoch
			work = append(work, n)
		}
	}
	for _, n := range m.all {
		if n.roots > 0 || frozen && n.frozen && !n.dead {
			visit(n)
		}
	}
	for len(work) > 0 {
		n := work[len(work)-1]
		work = work[:len(work)-1]
		for _, f := range n.fields {
			visit(f)
		}
	}
	m.work = work
}

// reachable tells whether roots reach an object.
func (m *Model) reachable(n *node) bool {
	if n.refs == 0 || n.roots > 0 {
		return n.roots > 0
	}
	if !m.fresh {
		m.search(false)
	}
	return n.mark == m.epoch
}

// doomed tells whether an object is unreachable, or was in this operation: another may have been saved that reaches it.
func (m *Model) doomed(n *node) bool {
	switch {
	case n.doom == m.op:
	case m.reachable(n):
		return false
	case m.collects(n):
		if !m.fresh {
			m.search(false)
		}
		for _, other := range m.all {
			if other.mark != m.epoch {
				other.doom = m.op
			}
		}
	}
	n.doom = m.op
	return true
}

// collects tells whether an object that is found dead is found by a collection, and not by its count.
func (m *Model) collects(n *node) bool { return !m.Contract.Immediate || n.refs > 0 }

// full tells whether a full collection runs, from which nothing is hidden: what is dead it takes for dead.
func (m *Model) full() bool {
	return m.depth == 1 && m.now.generation >= m.Contract.Full() && !m.frozen
}

// sure tells whether it was surely a collection that found the object dead. Where death is immediate, one of the young
// may take the last reference to an object that is not young, or is hidden from it, which then dies by its count.
func (m *Model) sure(n *node) bool { return m.collects(n) && (m.full() || !m.Contract.Immediate) }
