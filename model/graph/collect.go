package graph

import "slices"

// collection is one that runs.
type collection struct {
	generation, first   int  // first is the number of objects made before
	most, least         int  // objects that it took so far, as Contract.Returns counts them
	finals              int  // finalizers on behalf of the collection, so far
	ran, rescued, mixed bool // a finalizer ran, saved its object, changed something else
	inside              bool // it began inside a finalizer or a callback
	lenient             bool // a finalizer or a callback asked for it, or memory is scarce: what must die is not judged
	alone               bool // it started by itself
	started             bool // the heap told so
	called, took, paced bool // something called back, died, and the numbers at its start were told
	stopped             int  // what the heap told that it returned; -1: nothing
}

func (m *Model) begin(generation int) {
	m.depth++
	if m.depth > 1 {
		return
	}
	m.number++
	m.era++
	m.now = collection{generation: generation, first: m.made, inside: m.inside(),
		lenient: m.scarce || m.inside(), stopped: -1}
	m.vague = m.vague || m.inside()
}

// inside tells whether a finalizer or a callback runs that may be in the middle of a death.
func (m *Model) inside() bool { return len(m.calls) > 0 || m.busy > 0 }

// start judges that the heap tells of a collection: one that was asked for, or that started by itself.
func (m *Model) start(generation int) violation {
	if m.depth == 0 {
		m.begin(generation)
		m.now.alone, m.stirred = true, true
		m.now.lenient = true // the heap may be at another point of the operation than the model
	}
	switch {
	case m.open || m.depth > 1 || m.now.started:
		return Watched.Breach("a collection started inside another")
	case m.now.generation != generation:
		return Watched.Breach("a collection of generation %d started, and one of %d was asked for", generation,
			m.now.generation)
	}
	m.open, m.now.started = true, true
	return nil
}

func (m *Model) stop(returned int) violation {
	if !m.open {
		return Watched.Breach("a collection is over that did not start")
	}
	m.open, m.now.stopped = false, returned
	if m.now.alone {
		return m.end(returned)
	}
	return nil
}

// end judges what a collection returned, and what it left.
func (m *Model) end(returned int) violation {
	m.depth--
	c, now := &m.Contract, &m.now
	switch {
	case m.depth > 0 && returned != 0:
		return Return.Breach("a collection inside a collection returned %d", returned)
	case m.depth > 0:
		return nil
	case m.watched && now.stopped != returned:
		return Watched.Breach("a collection returned %d, and told %d", returned, now.stopped)
	case m.inside():
		return nil
	}
	m.collections++
	m.collected += uint64(returned)
	full := now.generation >= c.Full()
	if now.mixed || now.alone || c.Immediate && !(full && !m.frozen) { // some may have died of what it took
		now.least = 0
	}
	switch {
	case c.Returns == Anything:
	case m.settled && returned > 0:
		return Settled.Breach("a full collection right after another returned %d", returned)
	case m.hoards && (m.scarce || m.limited): // what it found may be too much for the garbage
	case m.observed && (returned > now.most || returned < now.least):
		return Return.Breach("a collection returned %d, and took %d", returned, now.most)
	}
	gone := !m.observed && (m.partly || m.on && !m.watched) // some of the dead may be
	if full && !gone && !now.lenient && m.saveAll && !now.ran && !now.called && !m.limited && !m.frozen {
		for _, n := range m.all {
			if !n.dead && n.of == nil && n.doom == m.era && c.tracks(n.kind) && !slices.Contains(m.garbage, n) {
				return Garbage.Breach("%v was found dead, and is not in the garbage", n)
			}
		}
	}
	if full && !now.lenient {
		if v := m.complete(); v != nil {
			return v
		}
	}
	if full && !m.frozen && !now.inside && !now.alone {
		m.whole = m.number
	}
	m.partly = (m.partly || !m.saveAll) && !(full && c.Within == 1)
	m.latest[min(now.generation+1, c.Full())] = m.number
	m.era++
	m.settled = full && !now.lenient && !now.ran && c.Within == 1
	return nil
}

// complete judges that what a full collection should have taken is dead.
func (m *Model) complete() violation {
	c := &m.Contract
	if c.Within == 0 {
		return nil
	}
	if m.frozen || !m.fresh {
		m.search(m.frozen)
	}
	for _, n := range m.all {
		switch {
		case n.dead:
		case n.mark == m.epoch || m.now.rescued && c.Saves == Whole || n.waited == m.number && m.number > 0:
			n.age = 0
		case n.serial <= m.now.first:
			n.age++
			if n.age < c.Within {
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

// least is the youngest generation that an object may be in. A weak reference goes where the survivors of the last
// collection went, as the one to which its referent was lost does. What is not followed for a time is in none, and
// enters the youngest then.
func (m *Model) least(n *node) int {
	if n.of == nil && !m.Contract.tracks(n.kind) {
		return 0
	}
	if n.thawed && n.of == nil {
		return m.Contract.Full()
	}
	since, last := max(n.entered, m.thawed), 0
	for g, number := range m.latest {
		if n.of == nil && number > since {
			last = g
		}
		if n.of != nil && number > max(since, m.latest[last]) {
			last = g
		}
	}
	return last
}

// spares tells whether the collection that runs should have left an object alone that roots do not reach: it is in an
// older generation, and something else than what the collection takes refers to it, as it is part of a cycle.
func (m *Model) spares(n *node) bool {
	if m.depth != 1 || m.now.alone || m.now.mixed || !m.Contract.Promotes || m.least(n) <= m.now.generation {
		return false
	}
	return m.now.generation < m.Contract.Full() && (!m.Contract.Immediate || n.refs > 0 && m.reachesItself(n))
}

// take counts an object that the collection takes, surely or not.
func (m *Model) take(n *node, surely bool) {
	if containers := m.Contract.Returns == Containers; !containers || n.kind != Atom {
		m.now.most++
		if surely && (!containers || n.of != nil || m.Contract.tracks(n.kind)) {
			m.now.least++
		}
	}
}

// hoard judges that n came into the garbage. What it reaches is kept with it.
func (m *Model) hoard(n *node) violation {
	switch {
	case !m.saveAll && !n.legacy:
		return Garbage.Breach("%v came into the garbage, and has no legacy finalizer", n)
	case !m.doomed(n) && !(n.legacy && m.now.rescued):
		return Garbage.Breach("%v came into the garbage, and roots reach it", n)
	}
	held := !m.doomed(n) // by what a legacy finalizer saved when its object died by its count
	m.doomAll()
	m.garbage = append(m.garbage, n)
	m.root(n, 1)
	if held {
		m.take(n, false)
		return nil
	}
	m.epoch++
	m.fresh = false
	m.work = append(m.work[:0], n)
	n.mark = m.epoch
	for i := 0; i < len(m.work); i++ {
		o := m.work[i]
		if o.doom != m.era || o.kept == m.era {
			continue
		}
		o.kept = m.era
		m.take(o, !o.called && !o.saved) // one that has called back, or that a finalizer saved, is as any that lives
		for _, f := range o.fields {
			m.visit(f)
		}
	}
	return nil
}

// Enable says whether, from here on, collections start by themselves.
func (m *Model) Enable(on bool) {
	m.vague = m.vague || !m.watched
	m.on, m.heaped, m.pace.tame = on, 0, false
}

// Threshold says after how many objects a generation is collected by itself; 0 is never.
func (m *Model) Threshold(generation, n int) {
	if generation < len(m.pace.thresholds) {
		m.pace.thresholds[generation], m.pace.tame = n, false
	}
	if generation == 0 {
		m.threshold, m.heaped = n, 0
	}
}

// Due judges, after a new object of so many fields, whether a collection should have started by itself: collections is
// how many there were by the statistics. They are counted as long as nothing dies: what that takes off the heap's own
// count is not known, as it may have objects that nobody sees. A heap that collects sooner keeps the rule.
func (m *Model) Due(kind Kind, fields int, collections uint64) violation {
	if collections != m.seen {
		m.seen, m.heaped = collections, 0
	} else if m.observed && m.Contract.Automatic[kind%Kinds] && fields > 0 {
		m.heaped++
		m.pace.tame = m.on && m.threshold > 0 && !m.stirred
	}
	if m.on && m.threshold > 0 && m.heaped > m.threshold {
		return Automatic.Breach("%d objects were made, with a threshold of %d", m.heaped, m.threshold)
	}
	return nil
}

// Freeze says that the collector does not see what there is, or does again. Where the frozen return to is not promised.
func (m *Model) Freeze(on bool) {
	m.touch()
	m.frozen, m.heaped = on, 0
	m.thawed = m.number
	if on {
		clear(m.pace.last.Counts)
		m.pace.least, m.pace.most = 0, 0
	}
	for _, n := range m.all {
		n.thawed = !on && (n.frozen || n.thawed) && m.Contract.Thaws
		n.frozen, n.first = on, -1
	}
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
