package graph

import (
	"cmp"
	"slices"
	"strings"

	"heapfuzz/model"
)

// Count judges the count of the slot's object.
func (m *Model) Count(slot uint32, count uint64) violation {
	if n := m.slots[slot]; m.observed && !n.immortal && count != uint64(n.refs) {
		return Counts.Breach("%v counts %d references, and %d refer to it", n, count, n.refs)
	}
	return nil
}

// Generation judges the generation that the slot's object is said to be in.
func (m *Model) Generation(slot uint32, generation int) violation {
	n, c := m.slots[slot], &m.Contract
	least, most := 0, c.Full()
	if !m.frozen {
		least = m.least(n)
	}
	for c.Promotes && !m.vague && n.of == nil && most > 0 &&
		(n.first == m.number || c.Steps && n.first >= m.latest[most]) {
		most-- // there was no collection since it was made from which it could have come there
	}
	always := n.of == nil && c.tracks(n.kind)
	switch {
	case generation < -1 || generation >= 0 && m.forgotten(n):
		return Promotion.Breach("%v is in generation %d, and should be in none", n, generation)
	case !c.Promotes, n.immortal && generation < 0:
	case n.immortal && n.of == nil && max(n.entered, m.thawed) < m.whole:
		return Frosted.Breach("%v is in generation %d, and immortal", n, generation)
	case c.Thaws && always && n.frozen && generation >= 0:
		return Promotion.Breach("%v is in generation %d, and is frozen", n, generation)
	case always && !n.frozen && generation < 0:
		return Promotion.Breach("%v is in no generation", n)
	case generation >= 0 && (generation < least || generation > most):
		return Promotion.Breach("%v is in generation %d, and should be in %d to %d", n, generation, least, most)
	}
	return nil
}

// Tracked judges whether the collector follows the slot's object, and whether it follows one that its fields refer to.
func (m *Model) Tracked(slot uint32, itself, others bool) violation {
	n := m.slots[slot]
	switch {
	case itself && m.forgotten(n):
		return Tracking.Breach("the collector follows %v, which refers to atoms only", n)
	case itself:
	case m.Contract.tracks(n.kind):
		return Tracking.Breach("the collector does not follow %v, and always should", n)
	case others:
		return Tracking.Breach("the collector does not follow %v, and does one that it refers to", n)
	}
	return nil
}

// forgotten tells whether the collector should have ceased to follow an object.
func (m *Model) forgotten(n *node) bool {
	return m.Contract.Forgets && n.of == nil && m.Contract.Untracks[n.kind] && !n.immortal &&
		max(n.entered, n.stored) < m.whole &&
		!slices.ContainsFunc(n.fields, func(f *node) bool { return f != nil && f.kind != Atom })
}

// Finished judges whether the finalizer of the slot's object has run.
func (m *Model) Finished(slot uint32, has bool) violation {
	if n := m.slots[slot]; has != (n.finalized && !n.legacy) {
		return Finished.Breach("%v says %t where its finalizer has run: %t", n, has, n.finalized)
	}
	return nil
}

// sized is the size of all objects of a kind with so many fields.
type sized struct {
	fields int
	size   uint64
}

// Size judges the size of the slot's object. What grows has room to spare, as much as it needed once; a copy may have
// more room or less than what was made so; the size of an atom depends on its value.
func (m *Model) Size(slot uint32, size uint64) violation {
	n := m.slots[slot]
	if n.size != 0 && size != n.size {
		return Sizes.Breach("%v takes %d bytes, and took %d", n, size, n.size)
	}
	n.size = size
	if m.Contract.grows(n.kind) || n.kind == Atom || n.copied {
		return nil
	}
	all := m.sizes[n.kind]
	at, known := slices.BinarySearchFunc(all, len(n.fields), func(s sized, fields int) int {
		return cmp.Compare(s.fields, fields)
	})
	switch {
	case known && all[at].size != size:
		return Sizes.Breach("%v takes %d bytes, and others of its kind and fields %d", n, size, all[at].size)
	case at > 0 && all[at-1].size > size, !known && at < len(all) && all[at].size < size:
		return Sizes.Breach("%v takes %d bytes, which does not grow with the fields", n, size)
	case !known:
		m.sizes[n.kind] = slices.Insert(all, at, sized{len(n.fields), size})
	}
	return nil
}

// Census judges the objects, told by Listed events, that are said to be in a generation; -1 is all of them.
func (m *Model) Census(generation int) violation {
	in := map[*node]bool{}
	for _, id := range m.told {
		n := m.nodes[id]
		switch {
		case n == nil:
			return Followed.Breach("a generation holds %s", m.name(id))
		case in[n]:
			return Followed.Breach("the generations hold %v twice", n)
		case n.frozen && (n.of != nil || m.Contract.tracks(n.kind)): // others may be followed since
			return Followed.Breach("a generation holds %v, which is frozen", n)
		case generation >= 0 && m.Contract.Promotes && generation < m.least(n):
			return Followed.Breach("generation %d holds %v, which should be in %d", generation, n, m.least(n))
		}
		in[n] = true
	}
	if generation >= 0 {
		return nil
	}
	m.refresh()
	for _, n := range m.all {
		if m.Contract.tracks(n.kind) && !n.frozen && !n.immortal && !in[n] && m.reachable(n) {
			return Followed.Breach("no generation holds %v", n)
		}
	}
	return nil
}

// Referents judges what the slot's object is said, by Listed events, to refer to. Atoms may be left out.
func (m *Model) Referents(slot uint32) violation {
	n := m.slots[slot]
	for _, id := range m.told {
		if to := m.nodes[id]; to == nil || !slices.Contains(n.fields, to) {
			return Edges.Breach("%v is said to refer to %s", n, m.name(id))
		}
	}
	for _, f := range n.fields {
		if f != nil && f.kind != Atom && !slices.Contains(m.told, f.id) {
			return Edges.Breach("%v refers to %v, and does not say so", n, f)
		}
	}
	return nil
}

// Referrers judges what is said, by Listed events, to refer to the slot's object.
func (m *Model) Referrers(slot uint32) violation {
	n := m.slots[slot]
	for _, id := range m.told {
		if from := m.nodes[id]; from == nil || !slices.Contains(from.fields, n) {
			return Edges.Breach("%s is said to refer to %v", m.name(id), n)
		}
	}
	m.refresh()
	for _, from := range m.all {
		if m.Contract.tracks(from.kind) && !from.frozen && !from.immortal && slices.Contains(from.fields, n) &&
			m.reachable(from) && !slices.Contains(m.told, from.id) {
			return Edges.Breach("%v refers to %v, and is not said to", from, n)
		}
	}
	return nil
}

// FreezeCount judges how many objects are said to be frozen.
func (m *Model) FreezeCount(count uint64) violation {
	least, most := uint64(0), uint64(0)
	m.refresh()
	for _, n := range m.all {
		if n.dead || !n.immortal && (!m.frozen || n.first >= 0) {
			continue
		}
		most++
		if n.frozen && m.Contract.tracks(n.kind) && m.reachable(n) {
			least++
		}
	}
	if count < least || count > most {
		return Frosted.Breach("%d objects are said to be frozen, and %d to %d are", count, least, most)
	}
	return nil
}

// Refusal judges whether a generation that there is not was refused.
func (m *Model) Refusal(refused bool) violation {
	if !refused {
		return Refused.Breach("a generation that there is not was collected or listed")
	}
	return nil
}

// Dropped judges how many objects are said to have been in the garbage that was dropped.
func (m *Model) Dropped(count uint64) violation {
	if count != uint64(m.dropped) {
		return Garbage.Breach("%d objects are said to have been in the garbage, and %d were", count, m.dropped)
	}
	return nil
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
