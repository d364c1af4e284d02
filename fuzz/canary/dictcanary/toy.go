package dictcanary

import (
	"fmt"

	"heapfuzz/model/dict"
)

// toy is a dict with an order, small and plain, whose one defect is bug:
//
//	index    [ .  2  .  0  x  .  1  . ]    open addressing: an entry's number, . empty, x a dummy
//	entries  [ a=1  b=2  c=3 ]             in order; those of deleted keys are dead
//
// A dict of the length n has 8 slots or more, and at most two thirds of them are ever used. A deletion leaves a dummy
// and a dead entry behind, and gives nothing back; when all that may be used is used, the table is built anew for three
// times the keys that live.
type toy struct {
	store   *store
	index   []int32
	entries []item
	used    int // keys
	usable  int // entries that may still be appended
	probes  uint64
	compare func()
	version int // changes when the table or its entries do
}

type item struct {
	key, value uint64
	live       bool
}

const (
	empty int32 = -1
	dummy int32 = -2
)

// store makes toys, and counts what they take up.
type store struct {
	bug     Bug
	hash    func(uint64) uint64
	held    int // values
	bytes   uint64
	spare   []*toy // that were dropped
	failIn  int    // requests until one fails; 0: none does
	failAll bool
}

// promises is what toy promises without its defect.
var promises = dict.Contract{
	Order: dict.Insertion, During: dict.Detected, Stairs: stairs(), KeepsSize: true, CopyFits: true, ClearFrees: true,
	Reserves: true, ProbesMax: 48, ProbesEach: 4, Reentrant: true,
}

// stairs are the sizes of dicts of the first few thousand keys.
func stairs() (all []dict.Stair) {
	for slots := 8; slots <= 1<<13; slots *= 2 {
		all = append(all, dict.Stair{Entries: usableOf(slots), Bytes: bytesOf(slots)})
	}
	return all
}

func usableOf(slots int) int      { return slots * 2 / 3 }
func bytesOf(slots int) uint64    { return 64 + uint64(slots) + 24*uint64(usableOf(slots)) }
func (s *store) is(b Bug) bool    { return s.bug == b }
func (t *toy) is(b Bug) bool      { return t.store.bug == b }
func (t *toy) Size() uint64       { return bytesOf(len(t.index)) }
func (t *toy) Probes() uint64     { return t.probes }
func (t *toy) OnCompare(f func()) { t.compare = f }

func (s *store) refuses() bool {
	if s.failIn == 0 {
		return false
	}
	if s.failIn > 1 {
		s.failIn--
		return false
	}
	if !s.failAll {
		s.failIn = 0
	}
	return true
}

func (s *store) InjectOOM(nth int, persistent bool) { s.failIn, s.failAll = nth, persistent }
func (s *store) Held() int                          { return s.held }
func (s *store) Usage() (bytes, footprint uint64)   { return s.bytes, s.bytes }

// New makes a dict with room for so many keys.
func (s *store) New(capacity int) dict.Dict {
	if n := len(s.spare); n > 0 && s.is(SpareKeepsTable) {
		t := s.spare[n-1]
		s.spare = s.spare[:n-1]
		s.bytes += t.Size()
		return t
	}
	t := s.make(slotsFor(capacity))
	if t == nil {
		return nil
	}
	return t
}

func (s *store) make(slots int) *toy {
	if s.refuses() {
		return nil
	}
	t := &toy{store: s}
	t.table(slots)
	s.bytes += t.Size()
	return t
}

// slotsFor is the least number of slots for so many keys.
func slotsFor(keys int) int {
	slots := 8
	for usableOf(slots) < keys {
		slots *= 2
	}
	return slots
}

func (t *toy) table(slots int) {
	t.version++
	t.index = make([]int32, slots)
	for i := range t.index {
		t.index[i] = empty
	}
	t.entries, t.usable = make([]item, 0, usableOf(slots)), usableOf(slots)
}

func (t *toy) hash(key uint64) uint64 {
	if t.is(HashesToZero) {
		return 0
	}
	return t.store.hash(key)
}

// find returns the slot of a key and its entry; entry -1 means that it is not there, and slot is where it may be put.
func (t *toy) find(key uint64) (slot int, entry int32) {
	h := t.hash(key)
	mask, perturb := uint64(len(t.index)-1), h
	free := -1
	for i, n := h&mask, 0; ; n++ {
		t.probes++
		if n > 64+64*len(t.index) {
			panic("toy: no empty slot")
		}
		switch e := t.index[i]; e {
		case empty:
			if free < 0 {
				free = int(i)
			}
			return free, -1
		case dummy:
			if free < 0 {
				free = int(i)
			}
		default:
			version := t.version
			same := t.same(e, key)
			if t.version != version && !t.is(LookupGoesOn) {
				return t.find(key)
			}
			if same {
				return int(i), e
			}
		}
		if t.is(ProbesStandStill) && n%16 != 0 {
			continue
		}
		perturb >>= 5
		i = (5*i + perturb + 1) & mask
	}
}

// same compares the key of an entry.
func (t *toy) same(entry int32, key uint64) bool {
	is := t.entries[entry].key
	if f := t.compare; f != nil {
		f()
		if t.is(ComparePanics) && int(entry) >= len(t.entries) {
			panic("toy: the entry that was compared is gone")
		}
	}
	if t.is(KeysOf32Bits) {
		return uint32(is) == uint32(key)
	}
	return is == key
}

func (t *toy) Get(key uint64) (value uint64, ok bool) {
	if t.is(ZeroIsEmpty) && key == 0 {
		return 0, false
	}
	_, e := t.find(key)
	if e < 0 {
		return 0, false
	}
	if int(e) >= len(t.entries) {
		return 0, true // LookupGoesOn
	}
	return t.entries[e].value, true
}

func (t *toy) Set(key, value uint64) bool {
	slot, e := t.find(key)
	if e >= 0 && int(e) < len(t.entries) {
		t.entries[e].value = value
		t.overwritten(int(e))
		return true
	}
	return t.insert(slot, key, value)
}

// insert gives a value to a key that is not there. Slot is where it may be put as long as the table does not grow.
func (t *toy) insert(slot int, key, value uint64) bool {
	if t.is(RefusesTwentieth) && t.used == 20 {
		return false
	}
	if t.is(CountsBeforeRoom) {
		t.used++
	}
	if t.usable <= 0 {
		if !t.grow(t.used*t.growth(), t.used+1) {
			return false
		}
		slot, _ = t.find0(key)
	}
	if t.is(CountsBeforeRoom) {
		t.used--
	}
	t.append(slot, key, value)
	return true
}

func (t *toy) overwritten(e int) {
	switch {
	case t.is(OverwriteCounts):
		t.used++
	case t.is(OverwriteMoves):
		it := t.entries[e]
		t.Delete(it.key)
		t.Set(it.key, it.value)
	case t.is(OverwriteGrows) && len(t.index) < 1<<10:
		t.grow(8*len(t.index), t.used)
	case t.is(OverwriteIsChange):
		t.version++
	}
}

func (t *toy) growth() int {
	if t.is(GrowsFourfold) {
		return 4
	}
	return 3
}

func (t *toy) append(slot int, key, value uint64) {
	t.version++
	t.index[slot] = int32(len(t.entries))
	t.entries = append(t.entries, item{key, value, true})
	t.usable--
	t.used++
	t.store.held++
}

// grow builds the table anew with more than want slots, at least for so many keys, and leaves out what is dead.
func (t *toy) grow(want, least int) bool {
	slots := slotsFor(least)
	for slots < want {
		slots *= 2
	}
	old := *t
	if t.store.refuses() {
		if t.is(FailureDropsLast) && len(t.entries) > 0 {
			t.entries[len(t.entries)-1].value = 0
		}
		return false
	}
	t.table(slots)
	t.used = 0
	for _, it := range old.entries {
		if it.live {
			slot, _ := t.find0(it.key)
			t.store.held--
			t.append(slot, it.key, it.value)
		}
	}
	if t.is(GrowthForgetsLast) && len(t.entries) > 80 {
		last := t.entries[len(t.entries)-1]
		slot, _ := t.find0(last.key)
		t.index[slot] = dummy
	}
	t.store.bytes += t.Size() - old.Size()
	return true
}

// find0 is find without anything that the user sees: comparisons, and probes that are counted.
func (t *toy) find0(key uint64) (slot int, entry int32) {
	f, probes := t.compare, t.probes
	t.compare = nil
	slot, entry = t.find(key)
	t.compare, t.probes = f, probes
	return slot, entry
}

func (t *toy) Delete(key uint64) bool {
	slot, e := t.find(key)
	if e < 0 || int(e) >= len(t.entries) {
		return t.is(DeletesAnything)
	}
	t.remove(slot, e)
	if t.is(DeleteShrinks) && t.used*4 < usableOf(len(t.index)) && len(t.index) > 8 {
		t.grow(0, t.used+1)
	}
	return true
}

func (t *toy) remove(slot int, e int32) item {
	it := t.entries[e]
	t.version++
	t.index[slot] = dummy
	if t.is(DeleteBreaksChains) {
		t.index[slot] = empty
	}
	t.entries[e].live = t.is(DeadAreTold)
	t.used--
	if t.is(DeleteGivesBack) {
		t.usable++ // Jansen's bug: what is used up is not what lives
	}
	if !t.is(DeleteHolds) {
		t.store.held--
	}
	return it
}

func (t *toy) Len() int {
	if t.is(LengthOfEntries) {
		return len(t.entries)
	}
	return t.used
}

func (t *toy) Clear() {
	t.store.held -= t.used
	slots := 8
	if t.is(ClearKeepsTable) {
		slots = len(t.index)
	}
	before, index := t.Size(), t.index
	t.table(slots)
	t.used = 0
	if t.is(ClearKeepsIndex) && len(index) == slots {
		t.index = index
		for i, e := range index {
			if e > 4 {
				t.index[i] = empty
			}
		}
	}
	if !t.is(ClearLeaks) || before == t.Size() {
		t.store.bytes += t.Size() - before
	}
}

func (t *toy) Free() {
	t.Clear()
	t.store.bytes -= t.Size()
	if t.is(SpareKeepsTable) {
		t.table(64)
		t.store.spare = append(t.store.spare, t)
	}
}

func (t *toy) Pop(key uint64) (value uint64, ok bool) {
	slot, e := t.find(key)
	if e < 0 || int(e) >= len(t.entries) {
		return 0, false
	}
	if t.is(PopForgetsNewest) && int(e) == len(t.entries)-1 && e > 0 {
		t.remove(slot, e)
		return 0, false
	}
	return t.remove(slot, e).value, true
}

func (t *toy) PopItem() (key, value uint64, ok bool) {
	if t.is(PopsFirst) {
		return t.PopFirst()
	}
	for i := len(t.entries) - 1; i >= 0; i-- {
		if t.entries[i].live {
			return t.popAt(i)
		}
	}
	return 0, 0, false
}

func (t *toy) PopFirst() (key, value uint64, ok bool) {
	for i := range t.entries {
		if t.entries[i].live {
			return t.popAt(i)
		}
	}
	return 0, 0, false
}

func (t *toy) popAt(i int) (key, value uint64, ok bool) {
	slot, e := t.find0(t.entries[i].key)
	if e < 0 {
		panic("toy: an entry that lives is not found")
	}
	it := t.remove(slot, e)
	return it.key, it.value, true
}

func (t *toy) SetDefault(key, value uint64) (got uint64, ok bool) {
	slot, e := t.find(key)
	switch {
	case e < 0 || int(e) >= len(t.entries):
		return value, t.insert(slot, key, value)
	case t.is(DefaultTakesZero) && t.entries[e].value == 0:
		t.entries[e].value = value
	}
	return t.entries[e].value, true
}

func (t *toy) Update(from dict.Dict) bool {
	other := from.(*toy)
	if t.is(UpdateClearsSelf) && other == t {
		t.Clear()
	}
	for _, it := range other.entries {
		if it.live && !t.Set(it.key, it.value) {
			return false
		}
	}
	return true
}

func (t *toy) Copy() dict.Dict {
	slots := slotsFor(t.used)
	if t.is(CopyDoubles) {
		slots = min(2*len(t.index), 1<<12)
	}
	return t.copied(slots, func(it item) uint64 { return it.value })
}

func (t *toy) Rebuild() dict.Dict { return t.Copy() }

func (t *toy) FromKeys(value uint64) dict.Dict {
	return t.copied(slotsFor(t.used), func(item) uint64 { return value })
}

func (t *toy) copied(slots int, value func(item) uint64) dict.Dict {
	c := t.store.make(slots)
	if c == nil {
		if t.is(FailedCopyClears) {
			t.Clear()
		}
		return nil
	}
	entries := t.entries
	if t.is(CopyTurnsAround) {
		entries = nil
		for i := range t.entries {
			entries = append(entries, t.entries[len(t.entries)-1-i])
		}
	}
	for _, it := range entries {
		if it.live {
			slot, _ := c.find0(it.key)
			c.append(slot, it.key, value(it))
		}
	}
	return c
}

// Move takes a key out and puts it in again; in front, with all others behind it.
func (t *toy) Move(key uint64, front bool) bool {
	slot, e := t.find(key)
	if e < 0 {
		return false
	}
	it := t.remove(slot, e)
	rest := []item{it}
	if front {
		for _, other := range t.entries {
			if other.live {
				rest = append(rest, other)
			}
		}
		if n := len(rest); t.is(MoveSwapsLast) && n > 3 {
			rest[n-1], rest[n-2] = rest[n-2], rest[n-1]
		}
		t.store.held -= len(rest) - 1
		old := t.Size()
		t.table(len(t.index))
		t.used = 0
		t.store.bytes += t.Size() - old
	} else if t.usable == 0 {
		t.regrow()
	}
	for _, it := range rest {
		slot, _ := t.find0(it.key)
		t.append(slot, it.key, it.value)
	}
	return true
}

// regrow builds a table of the same size anew, whether there is memory or not.
func (t *toy) regrow() {
	failIn := t.store.failIn
	t.store.failIn = 0
	t.grow(len(t.index), t.used+1)
	t.store.failIn = failIn
}

func (t *toy) Equal(other dict.Dict) bool {
	for _, it := range t.entries {
		if it.live {
			if value, ok := other.Get(it.key); !ok || value != it.value && !t.is(EqualByKeys) {
				return false
			}
		}
	}
	return t.used == other.(*toy).used
}

func (t *toy) Reserve(entries int) bool {
	if t.is(ReservesLess) {
		entries--
	}
	if entries-t.used <= t.usable {
		return true
	}
	return t.grow(0, entries)
}

// Range tells the entries in order. It does not say when the dict changes.
func (t *toy) Range(f func(key, value uint64) bool) {
	for it := t.Iterate(); ; {
		key, value, step := it.Next()
		if step != dict.Entry {
			return
		}
		if !f(key, value) && !t.is(WalkGoesOn) {
			return
		}
	}
}

func (t *toy) Iterate() dict.Iterator {
	return &steps{t: t, used: t.used, left: t.used, version: t.version}
}

func (t *toy) Reversed() dict.Iterator {
	if t.is(ReversedPanics) && t.used == 0 {
		panic("toy: there is no last entry")
	}
	return &steps{t: t, used: t.used, left: t.used, at: len(t.entries) - 1, reverse: true, version: t.version}
}

// steps is an iteration by the places of entries. It counts down how many there are left, so that it cannot tell more.
type steps struct {
	t             *toy
	used, left    int
	at            int
	version       int
	reverse, over bool
}

func (s *steps) Next() (key, value uint64, step dict.Step) {
	t := s.t
	if s.over && !t.is(IterationRevives) {
		return 0, 0, dict.End
	}
	if s.used != t.used && !t.is(ChangeUndetected) && !(s.over && t.is(IterationRevives)) ||
		t.is(OverwriteIsChange) && s.version != t.version {
		s.over = true
		return 0, 0, dict.Changed
	}
	for s.at >= 0 && s.at < len(t.entries) {
		it := t.entries[s.at]
		if s.reverse {
			s.at--
		} else {
			s.at++
		}
		if t.is(SkipsBehindDead) && !it.live && !s.reverse {
			s.at++
		}
		if !it.live {
			continue
		}
		if s.left--; s.left < 0 && !t.is(ChangeUndetected) && !t.is(DeadAreTold) && !t.is(IterationRevives) {
			s.over = true
			return 0, 0, dict.Changed
		}
		if t.is(TellsTwice) && s.left == 3 {
			s.at--
		}
		return it.key, it.value, dict.Entry
	}
	s.over = true
	return 0, 0, dict.End
}

// CheckInvariants counts all anew.
func (t *toy) CheckInvariants() error {
	live, free, entries := 0, 0, 0
	for _, e := range t.index {
		switch {
		case e == empty:
			free++
		case e >= 0 && int(e) >= len(t.entries):
			return fmt.Errorf("toy/index: slot of entry %d where there are %d", e, len(t.entries))
		case e >= 0:
			live++
		}
	}
	for _, it := range t.entries {
		if it.live {
			entries++
		}
	}
	switch {
	case free == 0:
		return fmt.Errorf("toy/empty: %d slots, and none is empty", len(t.index))
	case live != t.used:
		return fmt.Errorf("toy/used: %d slots of entries, and %d keys", live, t.used)
	case entries != t.used:
		return fmt.Errorf("toy/live: %d entries live, and there are %d keys", entries, t.used)
	case t.usable+len(t.entries) > usableOf(len(t.index)):
		return fmt.Errorf("toy/usable: %d entries and room for %d in %d slots", len(t.entries), t.usable, len(t.index))
	}
	return nil
}
