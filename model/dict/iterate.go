package dict

// iteration is one that is under way, or over.
type iteration struct {
	on, over bool
	reverse  bool
	born     uint64 // an entry that was born later was not there at the beginning
	length   int    // at the beginning
	changes  uint64 // of the dict, at the beginning
	writes   uint64
	told     bool  // it has told an entry,
	last     int64 // and this is the place of the last
}

// begin begins iteration i anew.
func (t *table) begin(i int, reverse bool) {
	for j := range t.entries {
		t.entries[j].seen &^= 1 << i
	}
	t.iters[i] = iteration{on: true, reverse: reverse, born: t.born, length: len(t.at), changes: t.changes,
		writes: t.writes}
}

// stale tells whether no step of iteration i may be asked for, since what it would do is not defined.
func (m *Model) stale(t *table, i int) bool {
	return m.Contract.During == Undefined && !t.iters[i].over && t.iters[i].writes != t.writes
}

// step judges a step of iteration i.
func (m *Model) step(t *table, i int, key, value uint64, step Step) violation {
	it := &t.iters[i]
	if it.over {
		if step == Entry {
			return Over.Breach("an iteration that was over told key %d", key)
		}
		return nil
	}
	resized := m.Contract.During == Detected && len(t.at) != it.length
	switch step {
	case Entry:
		if resized {
			return Detects.Breach("an iteration that began at length %d goes on at length %d", it.length, len(t.at))
		}
		return m.tell(t, i, key, value)
	case Changed:
		it.over = true
		if m.Contract.During != Detected || it.changes == t.changes {
			return Detects.Breach("an iteration says that a dict has changed that has not")
		}
		return nil
	}
	it.over = true
	if resized {
		return Detects.Breach("an iteration that began at length %d ends at length %d", it.length, len(t.at))
	}
	return m.complete(t, i)
}

// loose tells whether iteration i may tell the live entries as it likes: a change went by that it need not detect.
func (m *Model) loose(t *table, i int) bool {
	return m.Contract.During == Detected && t.iters[i].changes != t.changes
}

// tell judges that iteration i tells an entry.
func (m *Model) tell(t *table, i int, key, value uint64) violation {
	it := &t.iters[i]
	at, ok := t.at[key]
	if !ok {
		return Lives.Breach("an iteration tells key %d, which is not there", key)
	}
	e := &t.entries[at]
	switch {
	case e.value != value:
		return Lives.Breach("an iteration tells %d at key %d, which holds %d", value, key, e.value)
	case m.loose(t, i):
		return nil
	case e.seen&(1<<i) != 0:
		return Once.Breach("an iteration tells key %d again", key)
	}
	e.seen |= 1 << i
	if m.Contract.Order == Insertion {
		if v := t.ordered(it, i, at); v != nil {
			return v
		}
	}
	it.told, it.last = true, e.place
	return nil
}

// ordered judges that the entry at a place comes next: behind what was told last, with nothing between that was there
// from the beginning.
func (t *table) ordered(it *iteration, i, at int) violation {
	e := t.entries[at]
	if it.told && (e.place < it.last) != it.reverse {
		return Ordered.Breach("an iteration tells key %d out of order", e.key)
	}
	next := -1
	if it.reverse {
		next = 1
	}
	for j := at + next; j >= t.first && j < len(t.entries); j += next {
		o := t.entries[j]
		if it.told && (o.place <= it.last) != it.reverse {
			break
		}
		if o.live && o.born <= it.born && o.seen&(1<<i) == 0 {
			return Ordered.Breach("an iteration tells key %d before key %d", e.key, o.key)
		}
	}
	return nil
}

// complete judges that iteration i told all that it had to.
func (m *Model) complete(t *table, i int) violation {
	if m.loose(t, i) {
		return nil
	}
	for _, e := range t.entries {
		if e.live && e.born <= t.iters[i].born && e.seen&(1<<i) == 0 {
			return Once.Breach("an iteration does not tell key %d", e.key)
		}
	}
	return nil
}

// Walking judges a walk as it goes: Begin, Entry for each entry that the walk tells, End.
type Walking struct {
	m       *Model
	t       *table
	act     script
	entries int
}

// Walk begins to judge a walk over the slot's dict with an act.
func (m *Model) Walk(slot uint32, act Act, key, value uint64) Walking {
	t := m.tables[slot]
	t.begin(Iterators, false)
	return Walking{m: m, t: t, act: script{act, key, value}}
}

// Entry judges that the walk tells an entry, and does what its act does.
func (w *Walking) Entry(key, value uint64) violation {
	w.entries++
	if w.act.act == Stop && w.entries > 1 {
		return Over.Breach("a walk goes on after it was told to stop")
	}
	if v := w.m.tell(w.t, Iterators, key, value); v != nil {
		return v
	}
	if w.entries == 1 || w.act.act == Overwrite || w.act.act == DeleteSeen {
		w.t.run(w.act, key)
	}
	return nil
}

// End judges that the walk is over.
func (w *Walking) End() violation {
	if w.act.act == Stop && w.entries > 0 {
		return nil
	}
	return w.m.complete(w.t, Iterators)
}
