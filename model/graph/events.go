package graph

import (
	"slices"
	"strings"

	"heapfuzz/model"
)

// Event judges one thing that happened.
func (m *Model) Event(e Event) violation {
	switch e.What {
	case Begins:
		m.begin(int(e.Arg))
		return nil
	case Ends:
		return m.end(int(e.Arg))
	case Made:
		n, v := m.enter(ID(e.Arg), Node, 1)
		if v == nil {
			m.loose = append(m.loose, n)
		}
		return v
	}
	n := m.nodes[ID(e.Arg)]
	switch {
	case n == nil && e.What == Called:
		return CallOnce.Breach("a weak reference that is dead called back")
	case n == nil:
		return Identity.Breach("something that does not live is said to have died, or to be finalized")
	}
	switch e.What {
	case Unrooted:
		m.root(n, -1)
	case Finalizes:
		return m.finalize(n)
	case Finalized:
		m.running--
		m.root(n, -1) // see finalize
	case Called:
		return m.call(n)
	case Died:
		return m.die(n)
	}
	return nil
}

// finalize judges that the finalizer of n begins, and does what it is about to do. The call is a root of n.
func (m *Model) finalize(n *node) violation {
	switch {
	case n.script == None:
		return FinalOnce.Breach("%v has no finalizer, and it ran", n)
	case n.finalized:
		return FinalOnce.Breach("the finalizer of %v ran again", n)
	case !m.doomed(n):
		return FinalOnce.Breach("the finalizer of %v ran, which roots reach", n)
	}
	if m.sure(n) {
		m.now.finals++
		for _, w := range n.weaks {
			w.cleared = w.cleared || m.Contract.WeakFirst
		}
	} else {
		n.least = 0 // it may be entered anew
	}
	n.finalized, m.now.ran = true, true
	m.running++
	m.root(n, 1)
	switch n.script {
	case Rescue:
		m.now.rescued = true
		m.root(n, 1)
		m.saved = append(m.saved, n)
		return m.whole(n)
	case Sever:
		m.now.mixed = true
		for i := range n.fields {
			m.store(n, i, nil)
		}
	case Allocate, Nested:
		m.now.mixed = true
	}
	return nil
}

// whole judges that an object that is saved reaches nothing that is gone.
func (m *Model) whole(n *node) violation {
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
	case m.full() && m.collects(t) && (w.doom == m.op || !m.reachable(w)):
		return CallOnce.Breach("the weak reference %v called back, and is unreachable itself", w)
	case m.Contract.CallbackFirst && m.depth == 1 && m.now.finals > 0 && m.sure(t):
		return CallOrder.Breach("the weak reference %v called back after a finalizer", w)
	}
	w.called, w.cleared = true, true
	return nil
}

func (m *Model) die(n *node) violation {
	switch {
	case m.reachable(n):
		return Safety.Breach("%v died, and roots reach it", n)
	case n.script != None && !n.finalized:
		return FinalLost.Breach("%v died, and its finalizer has not run", n)
	}
	m.now.deaths++
	if n.kind != Atom {
		m.now.containers++
	}
	for _, w := range n.weaks {
		if w.callback && !w.called && w.doom == 0 && m.reachable(w) {
			m.owed = append(m.owed, w)
		}
	}
	m.bury(n)
	return nil
}

// bury takes out an object that is dead.
func (m *Model) bury(n *node) {
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
	m.touch()
}

func (m *Model) begin(generation int) {
	m.depth++
	if m.depth > 1 {
		return
	}
	m.now = collection{generation: generation, first: m.made, lenient: m.scarce || m.running > 0}
	m.vague = m.vague || m.running > 0
}

// end judges what a collection returned, and what it left.
func (m *Model) end(returned int) violation {
	m.depth--
	c, now := &m.Contract, &m.now
	switch {
	case m.depth > 0 && returned != 0:
		return Return.Breach("a collection inside a collection returned %d", returned)
	case m.depth > 0 || m.running > 0:
		return nil
	}
	m.collections++
	m.collected += uint64(returned)
	full := now.generation >= c.Full()
	most := now.mixed || c.Immediate && !(full && !m.frozen) // others may have died of what it took
	want := now.deaths
	if c.Returns == Containers {
		want = now.containers
	}
	switch {
	case c.Returns == Anything:
	case m.settled && returned > 0:
		return Settled.Breach("a full collection right after another returned %d", returned)
	case m.observed && (returned > want || returned < want && !most):
		return Return.Breach("a collection returned %d, and took %d", returned, want)
	}
	if full && !now.lenient {
		if v := m.complete(); v != nil {
			return v
		}
	}
	above := min(now.generation+1, c.Full())
	for _, n := range m.all {
		switch {
		case n.serial > now.first || n.doom == m.op:
		case n.of != nil: // a weak reference whose referent died goes with the survivors
			n.least = above
		default:
			n.least = max(n.least, above)
		}
	}
	m.settled = full && !now.lenient && !now.ran && c.Within == 1
	return nil
}

// complete judges that what a full collection should have taken is dead.
func (m *Model) complete() violation {
	c := &m.Contract
	m.search(m.frozen)
	for _, n := range m.all {
		switch {
		case n.dead:
		case n.mark == m.epoch || m.now.rescued && c.Saves == Whole:
			n.age = 0
		case n.serial <= m.now.first:
			n.age++
			if c.Within == 0 || n.age < c.Within {
				continue
			}
			if m.observed {
				return Complete.Breach("%v is not dead after %d full collections that found it unreachable", n, n.age)
			}
			m.bury(n)
		}
	}
	return nil
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
	m.owed, m.loose = m.owed[:0], m.loose[:0]
	m.op++
	return nil
}

// Refuse judges that an object with so many fields was refused.
func (m *Model) Refuse(fields int) violation {
	c := &m.Contract
	m.failed = true
	if m.scarce || m.limited || c.MayRefuse || c.FieldsMax != 0 && fields > c.FieldsMax {
		return nil
	}
	return Serves.Breach("an object of %d fields refused with %d objects", fields, len(m.nodes))
}

// Scarce says whether, from here on, the operating system may refuse.
func (m *Model) Scarce(on bool) { m.scarce = on }

// Enable says that collections may start by themselves, perhaps for some time only.
func (m *Model) Enable() { m.vague = true }

// Freeze says that the collector does not see what there is, or does again.
func (m *Model) Freeze(on bool) {
	m.touch()
	m.frozen = on
	for _, n := range m.all {
		n.frozen = on
		n.least = 0 // where the frozen return to is not promised
	}
}

// Trim says that the heap was told to give back what it does not need.
func (m *Model) Trim() { m.trimmed = true }

// Count judges the count of the slot's object.
func (m *Model) Count(slot uint32, count uint64) violation {
	if n := m.slots[slot]; m.observed && count != uint64(n.refs) {
		return Counts.Breach("%v counts %d references, and %d refer to it", n, count, n.refs)
	}
	return nil
}

// Generation judges the generation that the slot's object is said to be in.
func (m *Model) Generation(slot uint32, generation int) violation {
	n, c := m.slots[slot], &m.Contract
	if c.Promotes && generation >= 0 && (generation < n.least && !m.frozen || generation > c.Full()) {
		return Promotion.Breach("%v is in generation %d, and should be in %d or above", n, generation, n.least)
	}
	return nil
}

// Stats judges the statistics of the collections.
func (m *Model) Stats(collections, collected uint64) violation {
	exact := collections == m.collections && collected == m.collected
	if exact || m.vague && collections >= m.collections && collected >= m.collected {
		return nil
	}
	return Stats.Breach("%d collections that took %d objects, and there were %d that took %d",
		collections, collected, m.collections, m.collected)
}

// Usage judges the objects and bytes in use.
func (m *Model) Usage(objects, bytes uint64) violation {
	c, r := &m.Contract, Accounted
	most := uint64(len(m.nodes))
	least := most
	if !m.observed {
		m.search(false)
		least = 0
		for _, n := range m.nodes {
			if n.mark == m.epoch {
				least++
			}
		}
	}
	if m.failed {
		r = Failure
	} else if most == 0 {
		r = Returned
	}
	switch {
	case c.Inexact:
		return nil
	case objects < least || objects > most:
		return r.Breach("%d objects in use, and %d to %d live", objects, least, most)
	case most == 0 && bytes != 0:
		return r.Breach("%d bytes in use, and nothing lives", bytes)
	}
	m.failed = false
	return nil
}

// Footprint judges how much memory the heap says that it has from the operating system.
func (m *Model) Footprint(bytes uint64) violation {
	keep := m.Contract.Retained
	if !m.Contract.Inexact && len(m.nodes) == 0 && m.trimmed && keep >= 0 && bytes > uint64(keep) {
		return Returned.Breach("%d bytes kept where %d may be", bytes, keep)
	}
	return nil
}

// Check judges what the heap says of its own invariants: "" is well, otherwise "name: detail".
func (m *Model) Check(said string) violation {
	if said == "" {
		return nil
	}
	name, _, _ := strings.Cut(said, ":")
	return &model.Violation{Rule: Invariant, Cause: name, Detail: said}
}
