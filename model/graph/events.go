package graph

import "slices"

// Event judges one thing that happened.
func (m *Model) Event(e Event) violation {
	switch e.What {
	case Begins:
		m.begin(int(e.Arg))
		return nil
	case Ends:
		return m.end(int(e.Arg))
	case Started:
		return m.start(int(e.Arg))
	case Stopped:
		return m.stop(int(e.Arg))
	case Busy:
		m.busy++
		return nil
	case Over:
		m.busy--
		return nil
	case Listed:
		m.told = append(m.told, ID(e.Arg))
		return nil
	case Paced:
		return m.paced(int(e.Arg))
	case Made, Bred, Referred:
		return m.create(e.What, ID(e.Arg))
	}
	n := m.nodes[ID(e.Arg)]
	switch {
	case n == nil && e.What == Called:
		return CallOnce.Breach("a weak reference that is dead called back")
	case n == nil:
		return Identity.Breach("something that does not live is said to have died, or to be finalized")
	}
	return m.happened(e.What, n)
}

// create judges an object that the finalizer that runs made.
func (m *Model) create(what What, id ID) violation {
	var n *node
	var v violation
	if what == Referred {
		n, v = m.enterWeak(id, m.calls[len(m.calls)-1])
	} else {
		n, v = m.enter(id, Node, 1)
	}
	switch {
	case v != nil:
		return v
	case what == Made:
		m.loose = append(m.loose, n)
	default:
		m.save(n)
	}
	return nil
}

// save gives a root to an object that a finalizer saves.
func (m *Model) save(n *node) {
	m.root(n, 1)
	m.saved = append(m.saved, n)
}

// happened judges what happened to an object.
func (m *Model) happened(what What, n *node) violation {
	switch what {
	case Unrooted:
		m.root(n, -1)
	case Finalizes:
		return m.finalize(n)
	case Finalized:
		m.calls = m.calls[:len(m.calls)-1]
		m.root(n, -1) // see finalize
	case Called:
		return m.call(n)
	case Died:
		return m.die(n)
	case Looked:
		return m.looked(n)
	case Caught:
		if v := m.looked(n); v != nil {
			return v
		}
		m.save(n.of)
		return m.rescued()
	case Kept:
		return m.hoard(n)
	case Emptied:
		m.garbage = slices.DeleteFunc(m.garbage, func(o *node) bool { return o == n })
		m.empty(n)
	case Hosted:
		m.now.lenient = m.now.lenient || n.fields[0] != nil // what was there may be unreachable from here on
		m.store(n, 0, m.calls[len(m.calls)-1])
		return m.rescued()
	case Joined:
		m.grow(n, m.calls[len(m.calls)-1])
		return m.rescued()
	}
	return nil
}

func (m *Model) empty(n *node) {
	for i := range n.fields {
		m.store(n, i, nil)
	}
}

// finalize judges that the finalizer of n begins, and does what it is about to do. The call is a root of n.
func (m *Model) finalize(n *node) violation {
	switch {
	case n.script == None:
		return FinalOnce.Breach("%v has no finalizer, and it ran", n)
	case n.finalized && !n.legacy:
		return FinalOnce.Breach("the finalizer of %v ran again", n)
	case !m.doomed(n):
		return FinalOnce.Breach("the finalizer of %v ran, which roots reach", n)
	case n.legacy && m.sure(n) && (!m.Contract.Immediate || m.reachesItself(n)): // others may die by their count in it
		return Garbage.Breach("a collection called the legacy finalizer of %v", n)
	}
	if n.legacy && m.depth > 0 { // it dies by its count, and what it reaches was not taken with the others
		m.epoch++
		m.fresh = false
		m.work = append(m.work[:0], n)
		m.follow()
		for _, o := range m.all {
			if o.mark == m.epoch {
				m.take(o, false)
				o.waited = m.number
			}
		}
	}
	script := n.script
	if n.legacy && n.finalized {
		script = Idle
	}
	if m.sure(n) && !n.legacy {
		m.now.finals++
		for _, w := range n.weaks {
			w.cleared = w.cleared || m.Contract.WeakFirst
		}
	} else {
		n.entered, n.frozen, n.thawed = m.number, false, false // it may be entered anew
	}
	n.finalized, m.now.ran = true, true
	m.wild()
	m.calls = append(m.calls, n)
	m.root(n, 1)
	switch script {
	case Rescue:
		m.save(n)
		return m.rescued()
	case Sever:
		m.now.mixed = true
		m.empty(n)
	case Unweak:
		m.now.mixed = true
		for i, f := range n.fields {
			if f != nil && f.of != nil {
				m.store(n, i, nil)
			}
		}
	case Allocate, Nested, Host, Join, Catch, Breed, Refer:
		m.now.mixed = true
	}
	return nil
}

// rescued judges that the object whose finalizer saves it reaches nothing that is gone.
func (m *Model) rescued() violation {
	n := m.calls[len(m.calls)-1]
	m.now.rescued = true
	m.search(false)
	for _, other := range m.all {
		if other.mark == m.epoch && other.dead {
			return Safety.Breach("%v was saved, and reaches %v, which is dead", n, other)
		}
	}
	return nil
}

// call judges that the weak reference w called back.
func (m *Model) call(w *node) violation {
	t := w.of
	switch {
	case t == nil || !w.callback:
		return CallOnce.Breach("%v called back, and has no callback", w)
	case w.called:
		return CallOnce.Breach("the weak reference %v called back again", w)
	case !t.dead && !m.doomed(t):
		return CallOnce.Breach("the weak reference %v called back, and roots reach its referent %v", w, t)
	case !m.observed && m.now.mixed: // what referred to the referent may have died untold, and it by its count
	case m.full() && m.collects(t) && (w.doom == m.era || !m.reachable(w)) && t.waited != m.number &&
		!m.withheld(w) && !m.withheld(t):
		return CallOnce.Breach("the weak reference %v called back, and is unreachable itself", w)
	case m.Contract.CallbackFirst && m.depth == 1 && m.now.finals > 0 && m.sure(t) && t.waited != m.number &&
		!m.withheld(t):
		return CallOrder.Breach("the weak reference %v called back after a finalizer", w)
	}
	w.called, w.cleared, m.now.called = true, true, true
	m.wild()
	return nil
}

// looked judges that the weak reference w referred to something while a finalizer or a callback ran.
func (m *Model) looked(w *node) violation {
	t := w.of
	switch {
	case t == nil || t.dead || w.cleared:
		return WeakDead.Breach("the weak reference %v was cleared, and refers to something", w)
	case m.Contract.WeakAll && w.born < m.era && !m.now.lenient && m.full() && m.sure(t) && m.doomed(t) &&
		t.waited != m.number && !m.withheld(t):
		return WeakDead.Breach("the weak reference %v refers to %v, which the collection found dead", w, t)
	}
	return nil
}

func (m *Model) die(n *node) violation {
	switch {
	case m.reachable(n):
		return Safety.Breach("%v died, and roots reach it", n)
	case n.script != None && !n.finalized:
		return FinalLost.Breach("%v died, and its finalizer has not run", n)
	case m.saveAll && m.depth == 1 && m.sure(n) && !m.now.ran && !m.now.called && !m.scarce && !m.limited:
		return Garbage.Breach("%v died in a collection, and should be in the garbage", n)
	case m.spares(n):
		return Elders.Breach("a collection of generation %d took %v, of generation %d", m.now.generation, n, m.least(n))
	}
	m.heaped = 0
	m.counts(n, -1)
	m.now.took = true
	m.now.lenient = m.now.lenient || n.frozen && m.depth > 0 // what it held was not found unreachable
	m.take(n, !n.legacy && n.waited != m.number)             // those waited for what took the last reference to them
	for _, w := range n.weaks {
		if w.callback && !w.called && w.doom == 0 && m.reachable(w) {
			m.owed = append(m.owed, w)
		}
	}
	m.bury(n)
	return nil
}
