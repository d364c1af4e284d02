package fuzz

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/swiss"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
	"heapfuzz/props/heaptest"
)

// swissTarget is the second design of a dict.
func swissTarget() Target {
	return dictTarget(Target{
		Name: "swiss", Smoke: 20, Doc: "a Swiss table in arena memory: groups of eight slots, control bytes, no order",
	}, swissContract(), func(w dicttest.World) (dicttest.Store, error) { return openSwiss(w, swissSound) })
}

func swissContract() dict.Contract {
	c := dict.Contract{
		KeepsSize: true, CopyFits: true, ClearFrees: true, Reserves: true, ProbesMax: 16, ProbesEach: 1,
		Stairs: []dict.Stair{{Entries: 0}},
	}
	for groups := 1; groups < 1<<14; groups *= 2 {
		c.Stairs = append(c.Stairs, dict.Stair{Entries: 7 * groups, Bytes: 136 * uint64(groups)})
	}
	return c
}

// swissFault is what a store of Swiss tables does wrong on purpose.
type swissFault uint8

const (
	swissSound        swissFault = iota
	swissLoses                   // a map that is no more leaves a block behind
	swissTellsNumber             // who finds nothing tells a number
	swissReservesLess            // there is no room for as many keys as a table may hold
	swissClusters                // the hash that a map has by itself does not spread keys
	swissHoards                  // a block is lost when all maps are gone
	swissFaults       = iota - 1 // how many there are
)

// swissStore makes Swiss tables on one allocator.
type swissStore struct {
	mem   *arena.Allocator
	hash  func(key uint64) uint64
	fault swissFault
	maps  []*swissMap
	gone  swissCounts // what those went through that are no more

	ballast ballast
	broken  error // what was wrong with an answer
	limited bool  // there is only so much memory
	scarce  bool  // there is only so much memory, or it is refused
	turn    int   // grows, so that what comes to the same is done in turn
}

// openSwiss makes them in a world. Variants are small arenas. In the ordinary world the map has its own hash. The low
// bits of a hash choose the byte of a slot and not its group: in odd variants those of a bad one choose both, so that
// small keys fill one group and not another.
func openSwiss(w dicttest.World, fault swissFault) (dicttest.Store, error) {
	prof := smallArenas(profile.Default(), cmp.Or(w.Variant%8, ordinaryArenas))
	mem, err := arena.New(arena.Config{Profile: prof, OS: source(heaptest.World{Limit: w.Limit})})
	if err != nil {
		return nil, err
	}
	s := &swissStore{mem: mem, fault: fault, limited: w.Limit != 0, scarce: w.Limit != 0, turn: int(w.Variant / 2)}
	if w.Hash != 0 {
		s.hash = w.Hasher()
		if bad := s.hash; w.Variant%2 == 1 {
			s.hash = func(key uint64) uint64 { return bad(key) * (1<<7 + 1) }
		}
	}
	return s, nil
}

// New makes an empty map with room.
func (s *swissStore) New(capacity int) dict.Dict {
	s.turn++
	m := swiss.New(s.mem, s.hash)
	if capacity > 0 && !m.Reserve(capacity) {
		return nil
	}
	return s.made(m)
}

func (s *swissStore) made(m *swiss.Map) dict.Dict {
	if m == nil {
		return nil
	}
	made := &swissMap{Map: m, s: s}
	s.maps = append(s.maps, made)
	return made
}

// Usage is that of the memory.
func (s *swissStore) Usage() (bytes, footprint uint64) {
	_, bytes, footprint = s.mem.Usage()
	return bytes - s.ballast.bytes, footprint
}

// InjectOOM makes requests to the operating system fail.
func (s *swissStore) InjectOOM(nth int, persistent bool) {
	s.scarce = s.limited || nth != 0
	s.ballast.inject(s.mem, nth, persistent)
}

// Trim gives back what the memory keeps.
func (s *swissStore) Trim() {
	if Edges && len(s.maps) == 0 && !s.scarce {
		s.broken = errors.Join(s.broken, s.edges())
	}
	s.mem.Trim()
}

// Close gives all back.
func (s *swissStore) Close() error {
	s.ballast.drop(s.mem)
	return s.mem.Close()
}

// CheckInvariants recounts those of all maps and of the memory, which has a block for each map that ever held a key.
func (s *swissStore) CheckInvariants() error {
	blocks := 0
	for _, m := range s.maps {
		if err := m.Map.CheckInvariants(); err != nil {
			return err
		}
		if m.Size() > 0 {
			blocks++
		}
	}
	if s.broken != nil {
		return s.broken
	}
	blocks += len(s.ballast.blocks)
	if n, _, _ := s.mem.Usage(); int(n) != blocks {
		return fmt.Errorf("swiss/blocks: %d blocks are live, and maps and ballast have %d", n, blocks)
	}
	return s.mem.CheckInvariants()
}

// swissMap is a map with the parts of a dict.Dict that it has not by itself.
type swissMap struct {
	*swiss.Map
	s *swissStore
}

// none says that the answer that there is nothing came with a number.
func (s *swissStore) none(n uint64, ok bool) {
	if !ok && n != 0 {
		s.broken = errors.New("swiss/answers: nothing was found, and a number is told")
	}
}

// Get asks for the value of a key.
func (m *swissMap) Get(key uint64) (uint64, bool) {
	value, ok := m.Map.Get(key)
	if m.s.fault == swissTellsNumber && !ok {
		value = key + 1
	}
	m.s.none(value, ok)
	return value, ok
}

// Pop takes a key out and asks for its value.
func (m *swissMap) Pop(key uint64) (uint64, bool) {
	value, ok := m.Map.Pop(key)
	m.s.none(value, ok)
	return value, ok
}

// SetDefault gives a key a value if it has none.
func (m *swissMap) SetDefault(key, value uint64) (uint64, bool) {
	if v, ok := m.Get(key); ok {
		return v, true
	}
	return value, m.Set(key, value)
}

// Delete takes a key out. At times room is made that there is as soon as the tombstones are gone: then the table is
// built anew in its place.
func (m *swissMap) Delete(key uint64) bool {
	ok := m.Map.Delete(key)
	if m.s.turn++; ok && m.s.turn%5 == 0 {
		size := m.Size()
		if m.s.fault == swissReservesLess {
			m.Map.Set(key, 0)
			m.Map.Reserve(int(size)/swissGroup*swissLive + 1)
			m.Map.Delete(key)
		}
		if !m.Map.Reserve(int(size)/swissGroup*swissLive) || m.Size() != size {
			m.s.broken = errors.New("swiss/answers: there is no room for as many keys as a table may hold")
		}
	}
	return ok
}

// PopItem takes out the entry that an iteration tells first.
func (m *swissMap) PopItem() (key, value uint64, ok bool) {
	it := m.Iter()
	if key, value, ok = it.Next(); ok {
		m.Delete(key)
	}
	return key, value, ok
}

// Update sets all that another map holds.
func (m *swissMap) Update(from dict.Dict) bool {
	other := from.(*swissMap)
	if other == m {
		return true
	}
	it := other.Iter()
	for key, value, ok := it.Next(); ok; key, value, ok = it.Next() {
		if !m.Set(key, value) {
			return false
		}
	}
	return true
}

// Copy makes a map of the same entries.
func (m *swissMap) Copy() dict.Dict { return m.s.made(m.Map.Copy()) }

// Equal compares two maps.
func (m *swissMap) Equal(other dict.Dict) bool {
	o := other.(*swissMap)
	it := m.Iter()
	for key, value, ok := it.Next(); ok; key, value, ok = it.Next() {
		if v, ok := o.Get(key); !ok || v != value {
			return false
		}
	}
	return m.Len() == o.Len()
}

// Range calls f with each entry.
func (m *swissMap) Range(f func(key, value uint64) bool) {
	it := m.Iter()
	for key, value, ok := it.Next(); ok && f(key, value); key, value, ok = it.Next() {
	}
}

// Iterate starts an iteration.
func (m *swissMap) Iterate() dict.Iterator { return &swissIter{m.s, m.Iter()} }

// Free is the end of the map.
func (m *swissMap) Free() {
	m.Clear()
	if m.s.fault == swissLoses {
		m.s.mem.Alloc(16)
	}
	m.s.gone.add(m.Map)
	m.s.maps = slices.DeleteFunc(m.s.maps, func(o *swissMap) bool { return o == m })
}

type swissIter struct {
	s  *swissStore
	it swiss.Iter
}

func (i *swissIter) Next() (key, value uint64, step dict.Step) {
	key, value, ok := i.it.Next()
	i.s.none(key|value, ok)
	if !ok {
		return 0, 0, dict.End
	}
	return key, value, dict.Entry
}
