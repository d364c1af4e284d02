package graph

import "slices"

// search marks what roots reach; with frozen, also what the frozen reach.
func (m *Model) search(frozen bool) {
	if len(m.all) > 2*len(m.nodes)+16 {
		m.all = slices.DeleteFunc(m.all, func(n *node) bool { return n.dead })
	}
	m.epoch++
	m.fresh = !frozen
	m.work = m.work[:0]
	for _, n := range m.all {
		if n.roots > 0 || frozen && n.frozen && !n.dead {
			m.visit(n)
		}
	}
	m.follow()
}

func (m *Model) visit(n *node) {
	if n != nil && n.mark != m.epoch {
		n.mark = m.epoch
		m.work = append(m.work, n)
	}
}

// follow visits what the visited reach.
func (m *Model) follow() {
	for len(m.work) > 0 {
		n := m.work[len(m.work)-1]
		m.work = m.work[:len(m.work)-1]
		for _, f := range n.fields {
			m.visit(f)
		}
	}
}

// reachable tells whether roots reach an object.
func (m *Model) reachable(n *node) bool {
	if n.refs == 0 || n.roots > 0 {
		return n.roots > 0
	}
	m.refresh()
	return n.mark == m.epoch
}

// refresh searches if what was found is not true any more. It comes before a loop over all that asks what is reachable.
func (m *Model) refresh() {
	if !m.fresh {
		m.search(false)
	}
}

// doomed tells whether an object is unreachable, or was in this era: another may have been saved that reaches it.
func (m *Model) doomed(n *node) bool {
	switch {
	case n.doom == m.era:
		return true
	case m.reachable(n):
		return false
	case m.collects(n):
		m.doomAll()
	}
	m.doom(n)
	return true
}

func (m *Model) doomAll() {
	m.refresh()
	for _, n := range m.all {
		if n.saved = n.mark == m.epoch; !n.saved {
			m.doom(n)
		}
	}
}

func (m *Model) doom(n *node) {
	n.doom = m.era
	n.lapsed = n.lapsed || n.of != nil && m.Contract.WeakLapse && m.full() && !m.hoards && m.collects(n)
	if m.depth > 0 {
		n.entered = m.number // it does not count among the survivors of this collection
	}
}

// collects tells whether an object that is found dead is found by a collection, and not by its count.
func (m *Model) collects(n *node) bool { return !m.Contract.Immediate || n.refs > 0 }

// full tells whether a full collection runs, from which nothing is hidden: what is dead it takes for dead. Inside a
// death the fields of what dies are not empty.
func (m *Model) full() bool {
	return m.depth == 1 && m.now.generation >= m.Contract.Full() && !m.frozen && !m.now.inside
}

// sure tells whether it was surely a collection that found the object dead. Where death is immediate, one of the young
// may take the last reference to an object that is not young, or is hidden from it, which then dies by its count.
// And so does in any what collections do not follow.
func (m *Model) sure(n *node) bool {
	return m.collects(n) && (!m.Contract.Immediate || m.full() && (n.of != nil || !m.Contract.Untracks[n.kind%Kinds]))
}

// withheld tells whether an object that a collection found dead is one that it may not take, as it has a legacy
// finalizer or is reached by what has.
func (m *Model) withheld(n *node) bool {
	if !m.hoards {
		return false
	}
	m.epoch++
	m.fresh = false
	m.work = m.work[:0]
	for _, o := range m.all {
		if o.legacy && !o.dead && o.doom == m.era {
			m.visit(o)
		}
	}
	m.follow()
	return n.mark == m.epoch
}

// reachesItself tells whether an object reaches itself.
func (m *Model) reachesItself(n *node) bool {
	m.epoch++
	m.fresh = false
	m.work = append(m.work[:0], n)
	m.follow()
	return n.mark == m.epoch
}
