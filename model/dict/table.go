package dict

import "slices"

// table is one dict as its user knows it: a slice of entries in order, and where each key's is.
type table struct {
	entries []entry // in order; the dead are taken out now and then
	at      map[uint64]int
	first   int    // no entry before it lives
	born    uint64 // entries made so far
	lowest  int64  // the places of entries lie between them
	highest int64
	iters   [Iterators + 1]iteration // the last is that of a walk

	changes uint64 // operations after which it held other keys, or the same in another order
	writes  uint64 // these, and those that overwrote a value or reserved room
	sets    int    // new keys since it was made or cleared
	armed   script

	refused  bool   // an operation was refused, and no answer has shown since that all is as it was
	crowded  bool   // one was since it was made or cleared: there may be more entries than its table is made for
	fresh    bool   // nothing was done to it since it was made
	grown    bool   // it was made without capacity, and has only grown
	cleared  bool   // nothing was set since it was cleared
	sized    bool   // its size is known, and has to stay
	size     uint64 // then
	room     int    // new keys that there is room for, as was promised
	reserved bool   // sized, and since then keys were set for which there was room
}

// entry is a key and its value. Place grows along the order. Seen has a bit for each iteration that has told it.
type entry struct {
	key, value uint64
	place      int64
	born       uint64
	seen       uint8
	live       bool
}

// script is what happens at the next comparison.
type script struct {
	act        Act
	key, value uint64
}

func newTable(capacity int) *table {
	return &table{at: map[uint64]int{}, fresh: true, grown: capacity == 0}
}

func (t *table) length() int { return len(t.at) }

func (t *table) get(key uint64) (value uint64, ok bool) {
	i, ok := t.at[key]
	if !ok {
		return 0, false
	}
	return t.entries[i].value, true
}

func (t *table) set(key, value uint64) {
	t.fresh, t.cleared = false, false
	t.writes++
	if i, ok := t.at[key]; ok {
		t.entries[i].value = value
		return
	}
	t.changes++
	t.sets++
	t.highest++
	t.born++
	t.at[key] = len(t.entries)
	t.entries = append(t.entries, entry{key: key, value: value, place: t.highest, born: t.born, live: true})
	if t.room > 0 {
		t.room--
		t.reserved = t.reserved || t.sized
	} else {
		t.sized = false
	}
}

func (t *table) delete(key uint64) bool {
	i, ok := t.at[key]
	if !ok {
		return false
	}
	t.fresh, t.grown = false, false
	t.changes++
	t.writes++
	t.entries[i].live = false
	delete(t.at, key)
	t.tidy()
	return true
}

// tidy takes out the dead at both ends, and all of them when they are more than those that live.
func (t *table) tidy() {
	for len(t.entries) > t.first && !t.entries[len(t.entries)-1].live {
		t.entries = t.entries[:len(t.entries)-1]
	}
	for t.first < len(t.entries) && !t.entries[t.first].live {
		t.first++
	}
	if len(t.entries) > 2*len(t.at)+16 {
		t.entries = slices.DeleteFunc(t.entries, func(e entry) bool { return !e.live })
		t.index()
	}
}

// index finds out again where each key's entry is.
func (t *table) index() {
	t.first = 0
	for i, e := range t.entries {
		if e.live {
			t.at[e.key] = i
		}
	}
}

// clear takes all out. A cleared dict that is filled anew need not take up what a new one does.
func (t *table) clear() {
	if len(t.at) > 0 {
		t.changes++
		t.writes++
	}
	clear(t.at)
	t.entries, t.first = t.entries[:0], 0
	t.sets, t.room, t.crowded = 0, 0, false
	t.fresh, t.grown, t.sized, t.cleared = false, false, false, true
}

// move moves a key that is there to an end of the order.
func (t *table) move(key uint64, front bool) {
	i := t.at[key]
	e := t.entries[i]
	t.fresh, t.sized, t.grown = false, false, false
	t.changes++
	t.writes++
	t.born++
	e.born, e.seen = t.born, 0
	t.entries[i].live = false
	if front {
		t.lowest--
		e.place = t.lowest
		t.entries = slices.Insert(t.entries, 0, e)
		t.index()
		t.tidy()
		return
	}
	t.highest++
	e.place = t.highest
	t.at[key] = len(t.entries)
	t.entries = append(t.entries, e)
	t.tidy()
}

// end returns the first or the last entry. There is one.
func (t *table) end(first bool) entry {
	if first {
		return t.entries[t.first]
	}
	return t.entries[len(t.entries)-1]
}

// update sets all that another dict holds. It is a change even if it only overwrites: who makes room for all before may
// build the table anew, which throws iterations off.
func (t *table) update(from *table) {
	if t != from && from.length() > 0 {
		t.changes++
	}
	for _, e := range from.entries {
		if e.live && t != from {
			t.set(e.key, e.value)
		}
	}
	t.fresh, t.sized, t.grown, t.cleared = false, false, false, false
}

func (t *table) equal(other *table) bool {
	if len(t.at) != len(other.at) {
		return false
	}
	for _, e := range t.entries {
		if e.live {
			if value, ok := other.get(e.key); !ok || value != e.value {
				return false
			}
		}
	}
	return true
}

// run does what an act does with a dict. Entry is that which the act sees; a comparison sees none.
func (t *table) run(s script, seen uint64) {
	switch s.act {
	case Overwrite:
		t.set(seen, s.value)
	case DeleteSeen:
		t.delete(seen)
	case DeleteKey:
		t.delete(s.key)
	case SetKey:
		t.set(s.key, s.value)
	case ClearAll:
		t.clear()
	case SetMany:
		for i := range uint64(ManyKeys) {
			t.set(s.key+i, s.value)
		}
	case DeleteAfter:
		for i := range uint64(ManyKeys) {
			t.delete(s.key + 1 + i)
		}
	case Replace:
		t.delete(s.key)
		t.set(s.key+1, s.value)
	}
}
