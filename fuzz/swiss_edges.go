package fuzz

import (
	"errors"
	"fmt"

	"heapfuzz/impl/swiss"
)

// What no program of dicts asks of a Swiss table, because other targets promise nothing of it: when a table grows and
// when it is built anew in place, how large one is that has room, and that its own hash spreads keys.

// swissGroup is the bytes of a group, and swissLive how many of its slots may be taken.
const (
	swissGroup = 136
	swissLive  = 7
)

// edges asks for that, or for nothing, in turn. There are no maps, and there is memory.
func (s *swissStore) edges() error {
	before, _, _ := s.mem.Usage()
	if s.fault == swissHoards {
		s.mem.Alloc(16)
	}
	var err error
	switch s.turn % 8 {
	case 0:
		err = s.spread()
	case 1:
		err = s.reserved()
	case 2:
		err = errors.Join(s.thinned(49, false), s.thinned(48, true))
	case 3:
		err = s.emptied()
	case 4, 5:
		err = s.overflowed()
	}
	if after, _, _ := s.mem.Usage(); err == nil && after != before {
		err = fmt.Errorf("swiss/edges: %d blocks are live, and %d were before", after, before)
	}
	return err
}

func swissEdge(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("swiss/edges: "+format, args...)
}

// counted is how often something has happened to a map.
func counted(m *swiss.Map, what string) (n uint64) {
	m.Transitions(func(name string, times uint64) {
		if name == what {
			n = times
		}
	})
	return n
}

// spread stores many keys that differ in a few bits with the hash that a map has by itself. An insertion looks at less
// than three groups in the mean.
func (s *swissStore) spread() error {
	keys := uint64(200)
	if s.turn/8%2 == 0 { // so that it grows to more groups than a group has bytes, and once more
		keys = 1900
	}
	var hash func(uint64) uint64
	if s.fault == swissClusters {
		hash = func(key uint64) uint64 { return key % 128 }
	}
	m := swiss.New(s.mem, hash)
	defer m.Clear()
	shift := s.turn / 16 % 4 * 17
	for i := range keys {
		if !m.Set(i<<shift, i) {
			return swissEdge(false, "there is no memory")
		}
	}
	for i := range keys {
		if v, ok := m.Get(i << shift); !ok || v != i {
			return swissEdge(false, "a key is not found, or with another value")
		}
	}
	return swissEdge(m.Probes() < 3*keys && m.Len() == int(keys), "%d groups were looked at for %d of %d keys",
		m.Probes(), keys, m.Len())
}

// reserved makes room, for which a table has the least number of groups that will do; and more than can be.
func (s *swissStore) reserved() error {
	for n := 1 + s.turn/8%8; n < 70; n += 8 {
		for _, used := range []int{0, 1, 5, 7, 20} {
			m := swiss.New(s.mem, nil)
			for i := range uint64(used) {
				m.Set(i, i)
			}
			_, before, _ := s.mem.Usage()
			is, size := m.Reserve(n), m.Size()
			_, after, _ := s.mem.Usage()
			groups := uint64(1)
			for groups*swissLive < uint64(max(n, used)) {
				groups *= 2
			}
			err := errors.Join(m.CheckInvariants(), swissEdge(is && size == swissGroup*groups,
				"a table of %d keys with room for %d takes up %d bytes", used, n, size))
			if used == 0 && groups == 2 {
				err = errors.Join(err, swissEdge(after-before == 2*swissGroup,
					"a table of %d bytes is in a block of %d", size, after-before))
			}
			err = errors.Join(err, swissEdge(!m.Reserve(1<<62) && m.Size() == size, "there is room for 2^62 keys"))
			m.Clear()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// groupHash has a key say itself in which group it begins.
func groupHash(key uint64) uint64 { return key/8<<7 | key%8 }

// thinned fills 28 of 32 groups wholly and takes some keys out, which leaves tombstones. A key that comes to one needs
// no more room. One that comes to an empty slot does: the table grows where more than 25 of 32 keys are left that there
// may be, and is otherwise built anew in its place.
func (s *swissStore) thinned(out int, grows bool) error {
	const groups, keys = 32, 224
	m := swiss.New(s.mem, groupHash)
	defer m.Clear()
	if !m.Reserve(keys) {
		return nil
	}
	for i := range uint64(keys) {
		m.Set(i, i)
	}
	for i := range uint64(out) {
		m.Delete(8*(i%28) + i/28)
	}
	moved := counted(m, "table/moved")
	m.Set(7<<10, 1) // in group 0, as far as there are 32
	m.Delete(7 << 10)
	err := errors.Join(m.CheckInvariants(), swissEdge(m.Size() == groups*swissGroup && counted(m, "table/rebuilt") == 0,
		"a table is built anew for a key that comes to a tombstone"))
	m.Set(keys, 1)
	want := uint64(groups * swissGroup)
	if grows {
		want *= 2
	}
	is := m.Size() == want && grows == (counted(m, "table/moved") != moved)
	err = errors.Join(err, m.CheckInvariants(), swissEdge(is,
		"a table with %d of %d keys takes up %d bytes when it has no room", keys-out, keys, m.Size()))
	for i := range uint64(keys) {
		v, ok := m.Get(i)
		gone := i/8+28*(i%8) < uint64(out)
		if ok == gone || ok && v != i {
			err = errors.Join(err, swissEdge(false, "a key is lost when a table is built anew"))
		}
	}
	return err
}

// emptied takes a key out of a group with an empty slot, whose slot is empty again: there is room for another, in any
// group. To make room that there is once the tombstones are gone takes no block. Without
// memory there is no copy.
func (s *swissStore) emptied() error {
	m := swiss.New(s.mem, groupHash)
	defer m.Clear()
	if !m.Reserve(14) {
		return nil
	}
	for i := range uint64(7) {
		m.Set(i, i)
		m.Set(8+i, i)
	}
	s.ballast.starve(s.mem)
	copied := m.Copy()
	s.ballast.inject(s.mem, 0, false)
	if copied != nil {
		copied.Clear()
		return swissEdge(false, "a table is copied without memory")
	}
	m.Delete(0)
	m.Set(15, 1)
	err := errors.Join(m.CheckInvariants(), swissEdge(m.Size() == 2*swissGroup, "a slot that was emptied is not empty"))
	m.Delete(9)
	moved := counted(m, "table/moved")
	is := m.Reserve(14) && m.Set(0, 1)
	return errors.Join(err, m.CheckInvariants(), swissEdge(is && counted(m, "table/moved") == moved,
		"a table takes another block for room that it has without its tombstones"))
}

// overflowed fills a table whose groups are not used alike, so that keys lie behind the groups in which they begin,
// takes some out, and has what is left put where it is to be: in each table of some, at times of one that has more
// groups than a group has bytes.
func (s *swissStore) overflowed() error {
	draw := uint64(s.turn)*2654435761 + 1
	for _, groups := range []uint64{2, 4, 8 << (s.turn % 2 * 5)} {
		m := swiss.New(s.mem, groupHash)
		if !m.Reserve(int(groups) * swissLive) {
			return nil
		}
		var keys []uint64
		for m.Len() < int(groups)*swissLive {
			draw = draw*6364136223846793005 + 1442695040888963407
			key := (draw>>33%groups|draw>>40%groups)*8 + draw>>50<<10 // more of them begin in late groups
			m.Set(key, key+1)
			keys = append(keys, key)
		}
		gone := map[uint64]bool{}
		for i := 0; i < len(keys); i += 3 {
			m.Delete(keys[i])
			gone[keys[i]] = true
		}
		size := m.Size()
		err := swissEdge(m.Reserve(int(groups)*swissLive) && m.Size() == size,
			"there is no room without the tombstones")
		for _, key := range keys {
			if v, ok := m.Get(key); ok == gone[key] || ok && v != key+1 {
				err = errors.Join(err, swissEdge(false, "a key is lost when a table is built anew in its place"))
			}
		}
		err = errors.Join(err, m.CheckInvariants())
		m.Clear()
		if err != nil {
			return err
		}
	}
	return nil
}
