package value

import "slices"

// listRoom follows a list that is to hold n items.
func (m *Model) listRoom(o *object, n int) {
	size, z := len(o.items), m.Sizes
	switch {
	case z == nil || o.room >= n && n >= o.room/2:
	default:
		if o.kept = 0; n <= size && (m.Limited || m.Armed) { // there need not be memory to give room back
			o.kept = o.room
		}
		o.room, o.block = z.ListGrown(size, n), n == 0
	}
}

// Insert judges that an item was put in front of item i.
func (m *Model) Insert(p uint64, i int, q uint64) {
	o, v := m.slots[p], m.slots[q]
	m.listRoom(o, len(o.items)+1)
	o.items = slices.Insert(o.items, min(i, len(o.items)), v)
	m.hold(v)
}

// Extend judges that a list got the items of another, or of a tuple.
func (m *Model) Extend(p, q uint64) {
	o, from := m.slots[p], slices.Clone(m.slots[q].items)
	if len(from) == 0 {
		return
	}
	room, special := 0, false
	if m.Sizes != nil && o.room == 0 && !o.block {
		room, special = m.Sizes.ListExtend(len(from))
	}
	if special {
		o.room = room
	} else {
		m.listRoom(o, len(o.items)+len(from))
	}
	for _, v := range from {
		m.hold(v)
	}
	o.items = append(o.items, from...)
}

// Pop judges that the last item was taken off a list, and is in a slot if there was one.
func (m *Model) Pop(s, q uint64, id ID) violation {
	o := m.slots[q]
	last := o.items[len(o.items)-1]
	v := m.take(s, id, last)
	if len(o.items) == 1 && m.Sizes != nil && m.Sizes.PopClears {
		o.room, o.kept, o.block = 0, 0, false
	} else {
		m.listRoom(o, len(o.items)-1)
	}
	o.items = o.items[:len(o.items)-1]
	m.drop(last)
	return v
}

// DeleteSlice judges that items i to j-1 were taken out. An empty list has no room then, and one that stays as long as
// it was has the room that it had.
func (m *Model) DeleteSlice(p uint64, i, j int) {
	o := m.slots[p]
	gone := slices.Clone(o.items[i:j])
	switch len(gone) {
	case len(o.items):
		o.room, o.kept, o.block = 0, 0, false
	case 0:
	default:
		m.listRoom(o, len(o.items)-len(gone))
	}
	o.items = slices.Delete(o.items, i, j)
	for _, v := range gone {
		m.drop(v)
	}
}

// Get judges what item i is.
func (m *Model) Get(s, q uint64, i int, id ID) violation {
	return m.take(s, id, m.slots[q].items[i])
}

// Put judges that item i was replaced.
func (m *Model) Put(p uint64, i int, q uint64) {
	o, v := m.slots[p], m.slots[q]
	old := o.items[i]
	o.items[i] = v
	m.hold(v)
	m.drop(old)
}

// Clear judges that a list, a set or a dict holds nothing.
func (m *Model) Clear(p uint64) {
	o := m.slots[p]
	items := o.items
	o.items, o.fill, o.places, o.unsized, o.kept = nil, 0, setPlaces, false, 0
	o.mixed = false
	if o.kind == List {
		o.room, o.block = 0, false
	}
	for _, v := range items {
		m.drop(v)
	}
}

// Has judges whether a key is found.
func (m *Model) Has(p, q uint64, found bool) violation {
	if want := m.slots[p].find(m.slots[q]) >= 0; found != want {
		return Member.Breach("a key is found: %t, and it is there: %t", found, want)
	}
	return nil
}

// Add judges that a key is in a set.
func (m *Model) Add(p, q uint64) {
	o, k := m.slots[p], m.slots[q]
	if o.find(k) < 0 {
		m.addKey(o, k)
		m.hold(k)
	}
}

// Take judges that a key was taken out of a set or a dict, and whether it was there.
func (m *Model) Take(p, q uint64, found bool) violation {
	if v := m.Has(p, q, found); v != nil || !found {
		return v
	}
	o := m.slots[p]
	at, n := o.find(m.slots[q]), 1
	if o.kind == Dict {
		n = 2
	}
	gone := slices.Clone(o.items[at : at+n])
	o.items = slices.Delete(o.items, at, at+n)
	for _, v := range gone {
		m.drop(v)
	}
	return nil
}

// Update judges that a set has all keys of another, or a dict all entries. Without memory it has some of them.
func (m *Model) Update(p, q uint64) {
	o, from := m.slots[p], m.slots[q]
	if m.refused {
		m.loose, m.from, o.unsized, o.mixed = o, from, true, true
		return
	}
	items := slices.Clone(from.items)
	if o.kind == Dict {
		for i := 0; i < len(items); i += 2 {
			m.store(o, items[i], items[i+1])
		}
		return
	}
	m.setRoom(o, len(items))
	for _, k := range items {
		if o.find(k) < 0 {
			m.addKey(o, k)
			m.hold(k)
		}
	}
}

// store stores a value under a key.
func (m *Model) store(o, k, v *object) {
	m.hold(v)
	if at := o.find(k); at >= 0 {
		old := o.items[at+1]
		o.items[at+1] = v
		m.drop(old)
		return
	}
	m.hold(k)
	o.mix(k)
	o.items = append(o.items, k, v)
}

// DictSet judges that a value was stored under a key.
func (m *Model) DictSet(p, q, r uint64) { m.store(m.slots[p], m.slots[q], m.slots[r]) }

// DictGet judges what is stored under a key.
func (m *Model) DictGet(p, q uint64, id ID, found bool) violation {
	if v := m.Has(p, q, found); v != nil || !found {
		return v
	}
	o := m.slots[p]
	return m.known(id, o.items[o.find(m.slots[q])+1])
}

// DictPop judges that a key was taken out, and what was stored under it.
func (m *Model) DictPop(p, q uint64, id ID, found bool) violation {
	if v := m.DictGet(p, q, id, found); v != nil {
		return v
	}
	return m.Take(p, q, found)
}

// DictPopItem judges that the last entry was taken out, or without an order any.
func (m *Model) DictPopItem(p uint64, key, value ID, found bool) violation {
	o := m.slots[p]
	n := len(o.items)
	switch {
	case !found && n == 0:
		return nil
	case found != (n > 0):
		return Member.Breach("an entry was taken out: %t, of %d", found, n/2)
	}
	at := n - 2
	for m.AnyOrder && at > 0 && o.items[at].id != key {
		at -= 2
	}
	if o.items[at].id != key || idOf(o.items[at+1]) != value {
		return Order.Breach("the entry that was taken out is not the last")
	}
	gone := slices.Clone(o.items[at : at+2])
	o.items = slices.Delete(o.items, at, at+2)
	m.drop(gone[0])
	m.drop(gone[1])
	return nil
}

// DictSetDefault judges what is stored under a key, which is a value if there was nothing.
func (m *Model) DictSetDefault(p, q, r uint64, id ID) violation {
	o := m.slots[p]
	want := m.slots[r]
	at := o.find(m.slots[q])
	if at >= 0 {
		want = o.items[at+1]
	}
	v := m.known(id, want)
	if at < 0 {
		m.store(o, m.slots[q], m.slots[r])
	}
	return v
}

// From judges a set or a dict that is made of another.
func (m *Model) From(s, q uint64, k Kind, id ID) violation {
	from := m.slots[q]
	if k == Frozenset && from.kind == k {
		return m.take(s, id, from)
	}
	o := &object{kind: k, items: slices.Clone(from.items)}
	if k == Dict {
		return m.define(s, id, o)
	}
	items := o.items
	o.items, o.places = nil, setPlaces
	m.setRoom(o, len(items))
	for _, key := range items {
		m.addKey(o, key)
	}
	return m.define(s, id, o)
}

func idOf(o *object) ID {
	if o == nil {
		return 0
	}
	return o.id
}

// Fill judges that a number was made, added to a list, a set or a dict, and let go.
func (m *Model) Fill(p uint64, a Atom, id ID) violation {
	k, v := m.bind(id, &object{kind: a.Kind, text: a.Text, atom: &a})
	if v != nil {
		return v
	}
	m.hold(k)
	switch o := m.slots[p]; o.kind {
	case List:
		m.listRoom(o, len(o.items)+1)
		o.items = append(o.items, k)
		m.hold(k)
	case Set:
		if o.find(k) < 0 {
			m.addKey(o, k)
			m.hold(k)
		}
	default:
		m.store(o, k, k)
	}
	m.drop(k)
	return nil
}
