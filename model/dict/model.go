package dict

import (
	"strings"

	"heapfuzz/model"
)

// Model is the dicts of a program as their user knows them, by slot. It is told what was asked together with what was
// answered.
type Model struct {
	Contract Contract
	weak     bool     // hashes are bad on purpose
	limited  bool     // there is only so much memory
	scarce   bool     // requests for memory were told to fail
	tables   []*table // by slot; nil: there is no dict
	empty    uint64   // the size of a new dict, once it is known
	trimmed  bool     // nothing was done since the last Trim
}

type violation = *model.Violation

// NewModel returns the model of no dicts. Weak says that the world has bad hashes, Limit that there is only so much
// memory.
func NewModel(c Contract, weak bool) *Model { return &Model{Contract: c, weak: weak} }

// Limit says that there is only so much memory.
func (m *Model) Limit() { m.limited = true }

// Live tells whether the slot holds a dict.
func (m *Model) Live(slot uint32) bool { return int(slot) < len(m.tables) && m.tables[slot] != nil }

// Sure tells whether no request can be refused.
func (m *Model) Sure() bool { return !m.limited && !m.scarce && !m.Contract.MayRefuse }

// Refuse judges that a request was refused. Entries is how many it was to make room for.
// What need not be kept may be what it had got so far.
func (m *Model) Refuse(entries uint64) violation {
	m.trimmed = false
	if c := m.Contract.CapacityMax; !m.Sure() || c != 0 && entries > uint64(c) {
		return nil
	}
	return Serves.Breach("refused, and nothing has run out")
}

// New makes a dict in the slot.
func (m *Model) New(slot uint32, capacity int) { m.hold(slot, newTable(capacity)) }

func (m *Model) hold(slot uint32, t *table) *table {
	for int(slot) >= len(m.tables) {
		m.tables = append(m.tables, nil)
	}
	m.tables[slot], m.trimmed = t, false
	return t
}

// Copy makes a dict in the slot that holds what another does.
func (m *Model) Copy(slot, from uint32) {
	t, old := newTable(1), m.tables[from] // what it takes up depends on its original
	for _, e := range old.entries {
		if e.live {
			t.set(e.key, e.value)
		}
	}
	m.hold(slot, t)
}

// FromKeys makes a dict in the slot with the keys of another, all with one value.
func (m *Model) FromKeys(slot, from uint32, value uint64) {
	m.Copy(slot, from)
	t := m.tables[slot]
	for i := range t.entries {
		t.entries[i].value = value
	}
}

// CopySize judges what a copy takes up, right after it was made.
func (m *Model) CopySize(original, copied uint64) violation {
	if m.Contract.CopyFits && copied > original {
		return Fits.Breach("a copy takes up %d bytes where its original takes up %d", copied, original)
	}
	return nil
}

// Drop takes the slot's dict away.
func (m *Model) Drop(slot uint32) { m.tables[slot], m.trimmed = nil, false }

// Drain takes all dicts away.
func (m *Model) Drain() { m.tables, m.trimmed = m.tables[:0], false }

// wrong is what a wrong answer about the keys of a dict breaks: the rule itself, or what a refusal promises.
func (t *table) wrong(r *model.Invariant, format string, args ...any) violation {
	if t.refused {
		r = Failure
	}
	return r.Breach(format, args...)
}

// Get judges what a dict tells of a key.
func (m *Model) Get(slot uint32, key, value uint64, ok bool) violation {
	return m.tables[slot].found(key, value, ok)
}

func (t *table) found(key, value uint64, ok bool) violation {
	want, there := t.get(key)
	switch {
	case ok && !there:
		return t.wrong(Absent, "key %d is found, with %d", key, value)
	case !ok && there:
		return t.wrong(Lost, "key %d is not found", key)
	case value != want:
		return t.wrong(Reads, "key %d holds %d, and %d was written", key, value, want)
	}
	return nil
}

// Set gives a key a value.
func (m *Model) Set(slot uint32, key, value uint64) { m.tables[slot].set(key, value) }

// Refused says that an operation on the dict was refused.
func (m *Model) Refused(slot uint32) {
	t := m.tables[slot]
	t.refused, t.crowded = true, true
}

// SetDefault judges the value that a key is said to have after it was given one if it had none.
func (m *Model) SetDefault(slot uint32, key, value, got uint64) violation {
	t := m.tables[slot]
	if _, ok := t.get(key); !ok {
		t.set(key, value)
	}
	return t.found(key, got, true)
}

// Delete judges whether a key was there that was deleted.
func (m *Model) Delete(slot uint32, key uint64, ok bool) violation {
	switch t := m.tables[slot]; {
	case t.delete(key) == ok:
		return nil
	case ok:
		return t.wrong(Absent, "key %d is deleted, and was not there", key)
	default:
		return t.wrong(Lost, "key %d is not deleted, and was there", key)
	}
}

// Pop judges what a key is said to have held that was deleted.
func (m *Model) Pop(slot uint32, key, value uint64, ok bool) violation {
	v := m.Get(slot, key, value, ok)
	m.tables[slot].delete(key)
	return v
}

// PopItem judges which entry was taken out.
func (m *Model) PopItem(slot uint32, first bool, key, value uint64, ok bool) violation {
	t := m.tables[slot]
	if !ok {
		if t.length() > 0 {
			return Pops.Breach("nothing is popped from a dict of length %d", t.length())
		}
		return nil
	}
	want, there := t.get(key)
	switch {
	case !there:
		return Pops.Breach("key %d is popped, and was not there", key)
	case want != value:
		return Pops.Breach("key %d is popped with %d, and held %d", key, value, want)
	}
	if m.Contract.Order == Insertion {
		if e := t.end(first); e.key != key {
			return Pops.Breach("key %d is popped, and key %d is at that end", key, e.key)
		}
	}
	t.delete(key)
	return nil
}

// Clear takes all keys out.
func (m *Model) Clear(slot uint32) { m.tables[slot].clear() }

// Update sets all that another dict holds.
func (m *Model) Update(slot, from uint32) { m.tables[slot].update(m.tables[from]) }

// Move judges whether a key was there that was moved.
func (m *Model) Move(slot uint32, key uint64, front, ok bool) violation {
	t := m.tables[slot]
	if _, there := t.get(key); there != ok {
		return Ordered.Breach("key %d is said to be there: %v, and it is: %v", key, ok, there)
	}
	if ok {
		t.move(key, front)
	}
	return nil
}

// Equal judges whether two dicts are equal.
func (m *Model) Equal(a, b uint32, said bool) violation {
	if m.tables[a].equal(m.tables[b]) != said {
		return Equal.Breach("two dicts are said to be equal: %v, which is wrong", said)
	}
	return nil
}

// Len judges a length, which also shows that an operation that was refused left the number of keys as it was.
func (m *Model) Len(slot uint32, n int) violation {
	if t := m.tables[slot]; n != t.length() {
		return t.wrong(Length, "the length is %d, and there are %d keys", n, t.length())
	}
	return nil
}

// All judges how many keys were found when all were looked up. From then on a wrong answer is not laid at the door of
// an operation that was refused before.
func (m *Model) All(slot uint32, n int) violation {
	t := m.tables[slot]
	if n != t.length() {
		return t.wrong(Lost, "%d keys are found, and there are %d", n, t.length())
	}
	t.refused = false
	return nil
}

// Iterate begins iteration i over a dict, or begins it anew.
func (m *Model) Iterate(slot uint32, i int, reverse bool) { m.tables[slot].begin(i, reverse) }

// Stop ends iteration i.
func (m *Model) Stop(slot uint32, i int) { m.tables[slot].iters[i] = iteration{} }

// StopAll ends all iterations.
func (m *Model) StopAll() {
	for _, t := range m.tables {
		if t != nil {
			t.iters = [Iterators + 1]iteration{}
		}
	}
}

// Begun tells whether iteration i was begun, and a step may be asked for.
func (m *Model) Begun(slot uint32, i int) bool {
	t := m.tables[slot]
	return t.iters[i].on && !m.stale(t, i)
}

// Step judges a step of iteration i.
func (m *Model) Step(slot uint32, i int, key, value uint64, step Step) violation {
	return m.step(m.tables[slot], i, key, value, step)
}

// Arm says what happens at the next comparison in an operation on one key of the dict.
func (m *Model) Arm(slot uint32, act Act, key, value uint64) {
	m.tables[slot].armed = script{act, key, value}
}

// Compared says that it has happened, in the operation that is judged next.
func (m *Model) Compared(slot uint32) {
	t := m.tables[slot]
	t.run(t.armed, t.armed.key)
	t.armed = script{}
}

// Probes judges how many slots an operation on one key looked at. Writes says that it sets or deletes the key, for
// which it has to look at one where there are entries.
func (m *Model) Probes(slot uint32, n uint64, writes bool) violation {
	c, t := m.Contract, m.tables[slot]
	if c.ProbesMax > 0 && writes && n == 0 && t.length() > 0 {
		return Probes.Breach("no slot was looked at, and there are %d entries", t.length())
	}
	most := uint64(c.ProbesMax)
	if m.weak || t.crowded {
		most += uint64(c.ProbesEach) * uint64(t.sets+1)
	}
	if c.ProbesMax > 0 && n > most {
		return Probes.Breach("%d slots were looked at where %d may be", n, most)
	}
	return nil
}

// Reserve says that there is room for so many entries.
func (m *Model) Reserve(slot uint32, entries int) {
	t := m.tables[slot]
	t.writes++
	room := max(0, entries-t.length())
	if m.Contract.Reserves && room <= t.room {
		t.reserved = t.reserved || t.sized
		return
	}
	t.fresh, t.grown, t.sized, t.cleared, t.reserved = false, false, false, false, false
	t.room = 0
	if m.Contract.Reserves {
		t.room = room
	}
}

// Size judges what a dict is said to take up.
func (m *Model) Size(slot uint32, n uint64) violation {
	t := m.tables[slot]
	if t.fresh && t.grown {
		m.empty = n
	}
	if t.grown {
		for _, s := range m.Contract.Stairs {
			if s.Entries >= t.length() {
				if n != s.Bytes {
					return Stairs.Breach("%d entries take up %d bytes, and not %d", t.length(), n, s.Bytes)
				}
				break
			}
		}
	}
	switch {
	case t.sized && n != t.size && t.reserved:
		return Roomy.Breach("the size went from %d to %d, and there was room", t.size, n)
	case t.sized && n != t.size && m.Contract.KeepsSize:
		return Keeps.Breach("the size went from %d to %d, and nothing was set", t.size, n)
	case m.Contract.ClearFrees && t.cleared && m.empty > 0 && n > m.empty:
		return Frees.Breach("a cleared dict takes up %d bytes, and a new one %d", n, m.empty)
	}
	t.size, t.sized, t.reserved = n, true, false
	return nil
}

// Scarce says whether, from here on, requests for memory may fail.
func (m *Model) Scarce(on bool) { m.scarce = on }

// Trim says that what need not be kept was given back.
func (m *Model) Trim() { m.trimmed = true }

// Held judges how many values can be reached. No iteration is under way.
func (m *Model) Held(n int) violation {
	want := 0
	for _, t := range m.tables {
		if t != nil {
			want += t.length()
		}
	}
	if !m.Contract.Inexact && n != want {
		return Released.Breach("%d values can be reached, and dicts hold %d", n, want)
	}
	return nil
}

// Usage judges the bytes in use beyond those at the beginning.
func (m *Model) Usage(bytes int64) violation {
	for _, t := range m.tables {
		if t != nil {
			return nil
		}
	}
	if keep := m.Contract.Retained; !m.Contract.Inexact && m.trimmed && keep >= 0 && bytes > keep {
		return Returned.Breach("%d bytes are in use where %d may be", bytes, keep)
	}
	return nil
}

// Check judges what the implementation says of its own invariants: "" is well, otherwise "name: detail".
func Check(rule *model.Invariant, said string) violation {
	if said == "" {
		return nil
	}
	name, _, _ := strings.Cut(said, ":")
	return &model.Violation{Rule: rule, Cause: name, Detail: said}
}
