package page

import "golang.org/x/sys/unix"

// Poison fills every slot when it is given, so that a reader of stale bytes shows.
const Poison = 0xA5

// slotsAlign is the alignment of the first slot. It is a power of two above what all slots together take, so how many
// nodes of an arena map they touch does not depend on where the system put them.
const slotsAlign = 1 << 30

// Slots is a deterministic source for golden traces: requests of one size get the lowest free slot of a reserved range,
// filled with Poison. An address is then named by its slot and offset, which is the same on every machine and in every
// process. scripts/golden_oracle.py places the arenas of a real CPython by the same rule.
//
//	base          base+skew
//	|  1 GiB-aligned |  slot 0  |  slot 1  |  slot 2  | ...
type Slots struct {
	bytes uintptr // of one slot
	base  uintptr // of slot 0
	run   uintptr // what the system gave, to give it back
	size  uintptr
	taken []bool

	// Event, if set, is called after a slot is given (true) and before it is taken back (false).
	Event func(slot int, given bool)
}

// NewSlots reserves count slots of n bytes whose bases lie skew bytes above a multiple of n. It returns nil if the
// system has no room.
func NewSlots(n uintptr, count int, skew uintptr) *Slots {
	size := n*uintptr(count+1) + slotsAlign
	flags := unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_NORESERVE
	p, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil
	}
	run := uintptr(p)
	base := (run+slotsAlign-1)&^(slotsAlign-1) + skew
	return &Slots{bytes: n, base: base, run: run, size: size, taken: make([]bool, count)}
}

// Map gives the lowest free slot. A request of another size is answered with no memory: it is not what this source is
// for, and a silent answer from elsewhere would be no golden.
func (s *Slots) Map(n uintptr) uintptr {
	if n != s.bytes {
		return 0
	}
	for i, t := range s.taken {
		if t {
			continue
		}
		s.taken[i] = true
		addr := s.base + uintptr(i)*s.bytes
		view := View(addr, n)
		for j := range view[:64] {
			view[j] = Poison
		}
		for done := 64; done < len(view); done *= 2 {
			copy(view[done:], view[:done])
		}
		if s.Event != nil {
			s.Event(i, true)
		}
		return addr
	}
	return 0
}

// Unmap frees the slot at addr.
func (s *Slots) Unmap(addr, n uintptr) {
	slot, off := s.Place(addr)
	if slot < 0 || off != 0 || n != s.bytes || !s.taken[slot] {
		panic("page: a slot taken back that was not given")
	}
	if s.Event != nil {
		s.Event(slot, false)
	}
	s.taken[slot] = false
}

// Place names an address by slot and offset; the slot is -1 for an address elsewhere.
func (s *Slots) Place(addr uintptr) (slot int, off uintptr) {
	d := addr - s.base
	if addr < s.base || d >= s.bytes*uintptr(len(s.taken)) {
		return -1, 0
	}
	return int(d / s.bytes), d % s.bytes
}

// Close gives the whole range back to the system.
func (s *Slots) Close() error {
	if s.run != 0 {
		Mmap{}.Unmap(s.run, s.size)
		s.run = 0
	}
	return nil
}
