package graph

import (
	"math"
	"slices"
)

// Pace is what decides when a collection starts by itself and of which generation, where Contract.Paces promises that.
// Count 0 are the objects made less those that died, and never below 0, since generation 0 was collected; another
// count is how often the generation below was. Above its threshold a collection is due. The last generation's would
// visit all there is each time, so it waits until the objects that came into it are a quarter of what was left there.
type Pace struct {
	On                              bool  // collections start by themselves
	Thresholds, Counts, Collections []int // of each generation
	LongLived                       int   // what outlived the last collection of the last generation
	Pending                         int   // what has outlived one of the generation below since then
	Oldest                          int   // what is in the last generation; -1: nobody has counted
	Spare                           int   // bytes kept for objects to come, which a full collection gives up
}

// Numbers are all of them, always in the same order.
func (p Pace) Numbers() []int {
	on := 0
	if p.On {
		on = 1
	}
	return slices.Concat([]int{on, p.Pending, p.LongLived, p.Oldest, p.Spare}, p.Thresholds, p.Counts, p.Collections)
}

// paceOf is what Numbers were of, for a heap of so many generations; ok is that they are complete.
func paceOf(n []int, generations int) (p Pace, ok bool) {
	if len(n) < 5+3*generations {
		return Pace{}, false
	}
	of := func(i int) []int { return slices.Clone(n[5+i*generations:][:generations]) }
	return Pace{n[0] != 0, of(0), of(1), of(2), n[2], n[1], n[3], n[4]}, true
}

// due is the generation that an allocation has collected; -1: none.
func (p Pace) due() int {
	full := len(p.Counts) - 1
	for g := full; g >= 0; g-- {
		if p.Counts[g] > p.Thresholds[g] && (g < full || p.Pending >= p.LongLived/4) {
			return g
		}
	}
	return -1
}

// pace is what the model expects of the heap's.
type pace struct {
	heard       []int // of what is being told
	thresholds  []int // that the program set
	last        Pace  // what was told last, and became of it since; without counts, nothing was told
	least, most int   // of count 0
	tame        bool  // it is not above its threshold
	asked       bool  // what was refused may have asked for a collection that has not started
	before      Pace  // what was told at the start of the collection that runs
}

const countless = math.MaxInt / 2

// paced hears one of the numbers of a Pace, and judges all with the last of them.
func (m *Model) paced(number int) violation {
	k := &m.pace
	k.heard = append(k.heard, number)
	p, whole := paceOf(k.heard, m.Contract.Full()+1)
	if !whole {
		return nil
	}
	k.heard = k.heard[:0]
	starts, ends := m.open && !m.now.paced, m.open && m.now.paced
	if ends {
		m.outlived(p)
	}
	for g, n := range k.thresholds {
		if p.Thresholds[g] != n {
			return Paces.Breach("the threshold of generation %d is %d, and %d was set", g, p.Thresholds[g], n)
		}
	}
	if k.last.Counts != nil {
		if v := m.steady(p, starts && m.now.alone); v != nil {
			return v
		}
	}
	switch g := m.now.generation; {
	case starts && m.now.alone && k.asked: // by what was so then
	case p.On != m.on:
		return Paces.Breach("collections are said to start by themselves: %t", p.On)
	case starts && m.now.alone && (!p.On || p.Thresholds[0] == 0 || p.due() != g):
		return Paces.Breach("a collection of generation %d started by itself with %+v", g, p)
	case ends && g == m.Contract.Full() && p.Spare > 0:
		return Paces.Breach("a full collection leaves %d bytes for objects to come", p.Spare)
	case !m.open && k.tame && p.Counts[0] > p.Thresholds[0]:
		return Paces.Breach("%d were made with a threshold of %d, and no collection started", p.Counts[0],
			p.Thresholds[0])
	}
	k.last, k.least, k.most = p, p.Counts[0], p.Counts[0]
	if starts {
		m.now.paced, k.before, k.asked = true, p, false
		m.reset(min(m.now.generation, m.Contract.Full()))
	}
	if ends && (m.now.alone || m.now.inside) { // the operation goes on, and may make more
		m.unsure()
	}
	return nil
}

// reset says what a collection does to the counts.
func (m *Model) reset(generation int) {
	k := &m.pace
	k.last.Counts, k.last.Collections = slices.Clone(k.last.Counts), slices.Clone(k.last.Collections)
	clear(k.last.Counts[:generation+1])
	if generation < m.Contract.Full() {
		k.last.Counts[generation+1]++
	}
	k.last.Collections[generation]++
	k.least, k.most = 0, 0
}

// outlived says what p should tell at the end of a collection of what outlived it. What code of a program ran in it
// made or saved is elsewhere, and so is what it kept; inside a death others wait for their own, and
// what is frozen may die and take others with it.
func (m *Model) outlived(p Pace) {
	k, full := &m.pace, m.Contract.Full()
	came := p.Oldest - k.before.Oldest
	exact := !m.now.ran && !m.now.called && !m.hoards && !m.now.inside && !m.frozen &&
		p.Oldest >= 0 && k.before.Oldest >= 0
	switch g := m.now.generation; {
	case g == full:
		k.last.Pending, k.last.LongLived, k.least = 0, p.LongLived, 0
		if exact {
			k.last.LongLived = p.Oldest
		}
	case g == full-1 && exact && !m.now.took:
		k.last.Pending += came
	case g == full-1 && exact:
		k.last.Pending = max(p.Pending, k.last.Pending, k.last.Pending+came)
	case g == full-1:
		k.last.Pending = max(p.Pending, k.last.Pending)
	}
}

// steady judges that nothing has changed but what should have. In an operation, more may have been made than is known.
func (m *Model) steady(p Pace, making bool) violation {
	k := &m.pace
	switch {
	case p.Counts[0] < k.least, p.Counts[0] > k.most && !making:
		return Paces.Breach("count 0 is %d, and should be %d to %d", p.Counts[0], k.least, k.most)
	case !slices.Equal(p.Counts[1:], k.last.Counts[1:]):
		return Paces.Breach("the counts are %v, and should be %v", p.Counts, k.last.Counts)
	case !slices.Equal(p.Collections, k.last.Collections):
		return Paces.Breach("there were collections %v of the generations, and should be %v", p.Collections,
			k.last.Collections)
	case p.Pending != k.last.Pending || p.LongLived != k.last.LongLived:
		return Paces.Breach("%d are pending and %d long-lived, and should be %d and %d", p.Pending, p.LongLived,
			k.last.Pending, k.last.LongLived)
	}
	return nil
}

// counts says that an object was made or has died; by a number, as it counts.
func (m *Model) counts(n *node, by int) {
	k, c := &m.pace, &m.Contract
	switch {
	case n.kind == Atom:
	case by > 0 && m.stirred: // when the new object was counted is not known
		k.most = countless
	case n.of == nil && n.script == None && len(n.weaks) == 0 && len(n.fields) > 0 && c.Counts[n.kind%Kinds]:
		k.least, k.most = max(k.least+by, 0), max(min(k.most+by, countless), 0)
	default:
		m.unsure()
	}
}

// unsure says that nobody knows what was made or has died.
func (m *Model) unsure() { m.pace.least, m.pace.most = 0, countless }

// wild says the same, and that it may have been in a collection, where no other starts.
func (m *Model) wild() {
	m.unsure()
	m.pace.tame = false
}
