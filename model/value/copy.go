package value

import "slices"

// Copy judges a shallow copy.
func (m *Model) Copy(s, q uint64, id ID) violation {
	o := m.slots[q]
	isNew := false
	if !copyable(o.kind, o.text) {
		return Copies.Breach("an object of kind %d was copied", o.kind)
	}
	switch o.kind {
	case List, Set, Dict, ByteArray, Method, Slots:
		isNew = true
	case Range, Slice:
		isNew = m.CopiesFlat
	}
	if !isNew {
		if id != o.id {
			return Copies.Breach("the copy of an object of kind %d is another", o.kind)
		}
		m.put(s, o)
		return nil
	}
	if m.objects[id] != nil {
		return Copies.Breach("the copy of an object of kind %d is not new", o.kind)
	}
	switch o.kind {
	case Set, Dict:
		return m.From(s, q, o.kind, id)
	}
	y := &object{kind: o.kind, text: o.text, atom: o.atom, items: slices.Clone(o.items), room: len(o.items)}
	y.final, y.saves = o.final, o.saves
	if o.kind == List && m.Sizes != nil {
		y.room = m.Sizes.ListCopy(len(o.items))
	}
	return m.define(s, id, y)
}

// copying is a deep copy that is judged.
type copying struct {
	m      *Model
	told   map[ID]*Told
	copies map[*object]ID // of lists, dicts, slots and tuples, of which there is one
	made   map[ID]*object // the copies
	of     map[ID]*object // and their originals
	stays  map[*object]bool
}

// DeepCopy judges a deep copy; told is what is seen of all that it leads to.
func (m *Model) DeepCopy(s, q uint64, id ID, told []Told) violation {
	c := m.copies(told)
	o, v := c.pair(m.slots[q], id)
	if v != nil {
		return v
	}
	c.enter()
	m.put(s, o)
	return nil
}

// CopyBoth judges deep copies with one memo. That of r is let go.
func (m *Model) CopyBoth(s, q, r uint64, x, y ID, entries int, told []Told) violation {
	c := m.copies(told)
	first, v := c.pair(m.slots[q], x)
	if v != nil {
		return v
	}
	second, v := c.pair(m.slots[r], y)
	if v != nil {
		return v
	}
	want := len(c.copies)
	if want > 0 {
		want++
	}
	if entries != want {
		return Copies.Breach("a memo has %d entries, and not %d", entries, want)
	}
	c.enter()
	m.put(s, first)
	m.hold(second)
	m.drop(second)
	return nil
}

func (m *Model) copies(told []Told) *copying {
	c := &copying{m, map[ID]*Told{}, map[*object]ID{}, map[ID]*object{}, map[ID]*object{}, map[*object]bool{}}
	for i := range told {
		c.told[told[i].ID] = &told[i]
	}
	return c
}

// enter has the copies live, without a reference but those of each other.
func (c *copying) enter() {
	for id, y := range c.made {
		c.m.objects[id] = y
		c.m.born(y)
		for i := 0; y.kind == Dict && i < len(y.items); i += 2 {
			y.mix(y.items[i])
		}
		for _, x := range y.items {
			c.m.hold(x)
		}
	}
}

// keeps tells whether an object is its own deep copy.
func (c *copying) keeps(o *object) bool {
	if o == nil || c.m.isOnce(o) {
		return true
	}
	switch o.kind {
	case List, Set, Frozenset, Dict, Slice, Cell, Method, ByteArray, Slots:
		return false
	case Capsule, Record:
		return copyable(o.kind, o.text)
	case Range:
		return !c.m.CopiesRanges
	case Tuple:
		keeps, known := c.stays[o]
		if !known {
			keeps = !slices.ContainsFunc(o.items, func(x *object) bool { return !c.keeps(x) })
			c.stays[o] = keeps
		}
		return keeps
	}
	return true
}

// pair judges that an object is the copy of another, and returns it.
func (c *copying) pair(o *object, id ID) (*object, violation) {
	switch {
	case o == nil && id == 0:
		return nil, nil
	case o == nil:
		return nil, Copies.Breach("nothing was copied to something")
	case c.keeps(o):
		if id != o.id {
			return nil, Copies.Breach("an object of kind %d that is its own copy was copied", o.kind)
		}
		return o, nil
	case c.m.FrozenOnce && o.again && o.kind == Frozenset && len(o.items) == 0: // its copy is the one that there is
		c.copies[o] = id
		return c.m.bind(id, &object{kind: o.kind, places: setPlaces})
	}
	if c.m.objects[id] != nil {
		return nil, Copies.Breach("the copy of an object of kind %d is not new", o.kind)
	}
	t := c.told[id]
	if first, ok := c.copies[o]; ok && first != id &&
		(o.kind == List || o.kind == Dict || o.kind == Slots || o.kind == Tuple) {
		return nil, Copies.Breach("there are two copies of an object of kind %d", o.kind)
	}
	if t == nil || c.of[id] != nil && c.of[id] != o || t.Kind != o.kind || len(t.Items) != len(o.items) {
		return nil, Copies.Breach("the copy of an object of kind %d with %d items is another", o.kind, len(o.items))
	}
	if y := c.made[id]; y != nil {
		return y, nil
	}
	if !copyable(o.kind, o.text) {
		return nil, Copies.Breach("an object of kind %d was copied", o.kind)
	}
	y := &object{id: id, kind: o.kind, text: o.text, atom: o.atom, places: setPlaces}
	y.final, y.saves = o.final, o.saves
	c.copies[o], c.of[id], c.made[id] = id, o, y
	return y, c.fill(o, y, t)
}

// fill judges what a copy holds.
func (c *copying) fill(o, y *object, t *Told) violation {
	if o.kind == Set || o.kind == Frozenset { // of keys, each of which is its own copy
		for _, k := range o.items {
			c.m.addKey(y, k)
		}
		return nil
	}
	for i, x := range o.items {
		at := i
		if o.kind == Dict && c.m.AnyOrder {
			for at = i & 1; at < len(t.Items) && t.Items[at&^1] != idOf(o.items[i&^1]); at += 2 {
			}
			if at >= len(t.Items) {
				return Copies.Breach("a key is not in the copy of a dict")
			}
		}
		if o.kind == Method && i == 0 { // the function is no other
			if t.Items[0] != idOf(x) {
				return Copies.Breach("the copy of a method has another function")
			}
			y.items = append(y.items, x)
			continue
		}
		item, v := c.pair(x, t.Items[at])
		if v != nil {
			return v
		}
		if o.kind == List {
			c.m.listRoom(y, len(y.items)+1)
		}
		y.items = append(y.items, item)
	}
	return nil
}

// Uncopied judges that there is no copy of an object, or of one of others: it is a cell or its like, or leads to one.
func (m *Model) Uncopied(q uint64, deep bool, others ...uint64) violation {
	m.vague = m.vague || deep // what was copied already is dead
	m.parts = m.parts || deep
	seen := map[*object]bool{nil: true}
	var cells func(o *object) bool
	cells = func(o *object) bool {
		if seen[o] {
			return false
		}
		seen[o] = true
		items := o.items
		switch {
		case !deep, o.kind == Function:
			items = nil
		case o.kind == Method:
			items = items[1:]
		}
		return !copyable(o.kind, o.text) || slices.ContainsFunc(items, cells)
	}
	found := cells(m.slots[q])
	for _, s := range others {
		found = found || cells(m.slots[s])
	}
	if !found {
		return Copies.Breach("an object of kind %d is said to have no copy", m.slots[q].kind)
	}
	return nil
}
