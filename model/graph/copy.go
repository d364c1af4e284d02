package graph

// CopyMax is how many objects an object that is deeply copied reaches at most; see Copyable.
const CopyMax = WalkMax

// Copyable tells whether the slot's object reaches few enough objects for a deep copy.
func (m *Model) Copyable(slot uint32) bool {
	_, _, whole := Walk(m.slots[slot].id, m.look)
	return whole
}

// Copy judges a copy of an object that is given to a slot. What the fields of the new objects refer to was told by
// Listed events, breadth first: of the copy itself, and of a deep one also of what was made for it, each once.
func (m *Model) Copy(slot, from uint32, id ID, deep bool) violation {
	original := m.slots[from]
	c := copying{m: m, twins: map[*node]*node{}, told: m.told}
	if deep {
		c.fixed = m.fixed(original)
	} else {
		c.fixed = map[*node]bool{original: m.Contract.shares(original.kind)}
	}
	twin, v := c.twin(original, id)
	for i := 0; i < len(c.queue) && v == nil; i++ {
		v = c.fill(c.queue[i], deep)
	}
	if v != nil {
		return v
	}
	m.hold(slot, twin)
	return nil
}

// copying is a copy that is judged.
type copying struct {
	m     *Model
	fixed map[*node]bool  // of originals: it is its own copy
	twins map[*node]*node // of originals
	queue []*node         // originals in the order in which they were met
	told  []ID            // what is left of it
}

// twin judges that the object with this ID is the copy of o.
func (c *copying) twin(o *node, id ID) (*node, violation) {
	known := c.twins[o]
	if c.fixed[o] {
		known = o
	}
	if known != nil {
		if known.id != id {
			return nil, Copies.Breach("%s stands for %v in a copy, where %v should", c.m.name(id), o, known)
		}
		return known, nil
	}
	if old := c.m.nodes[id]; old != nil && c.m.reachable(old) {
		return nil, Copies.Breach("%v stands for %v in a copy", old, o)
	}
	n, v := c.m.enter(id, o.kind, len(o.fields))
	if v != nil {
		return nil, v
	}
	n.copied = true
	c.twins[o] = n
	c.queue = append(c.queue, o)
	return n, nil
}

// fill judges what the fields of the copy of o refer to.
func (c *copying) fill(o *node, deep bool) violation {
	for i, f := range o.fields {
		if len(c.told) == 0 {
			return Copies.Breach("the copy of %v has fewer fields", o)
		}
		id := c.told[0]
		c.told = c.told[1:]
		to := f
		switch {
		case f == nil && id != 0, f != nil && !deep && id != f.id:
			return Copies.Breach("field %d of the copy of %v refers to %s", i, o, c.m.name(id))
		case f != nil && deep:
			var v violation
			if to, v = c.twin(f, id); v != nil {
				return v
			}
		}
		c.m.store(c.twins[o], i, to)
	}
	return nil
}

// fixed tells of n and each object that it reaches whether it is its own deep copy: it reaches none that is not.
func (m *Model) fixed(n *node) map[*node]bool {
	fixed := map[*node]bool{n: m.Contract.shares(n.kind)}
	reached := []*node{n}
	for i := 0; i < len(reached); i++ {
		for _, f := range reached[i].fields {
			if _, met := fixed[f]; f != nil && !met {
				fixed[f] = m.Contract.shares(f.kind)
				reached = append(reached, f)
			}
		}
	}
	for again := true; again; {
		again = false
		for _, o := range reached {
			for _, f := range o.fields {
				if f != nil && !fixed[f] && fixed[o] {
					fixed[o], again = false, true
				}
			}
		}
	}
	return fixed
}
