package slab

import (
	"strings"
	"testing"
	"unsafe"
)

// TestInvariantsCanFail breaks the structure by hand, one rule at a time: a check that cannot fail is none.
func TestInvariantsCanFail(t *testing.T) {
	for _, row := range []struct {
		name   string // the rule that must name itself first
		what   string
		damage func(a *Allocator)
	}{
		{"aligned", "a mapping moves by a page", func(a *Allocator) {
			a.slabs[0].base = unsafe.Add(a.slabs[0].base, 4096)
		}},
		{"aligned", "a mapping has no bytes", func(a *Allocator) { a.slabs[0].bytes = 0 }},
		{"aligned", "a slab has the place of another", func(a *Allocator) { a.slabs[0].index = 1 }},
		{"overlap", "a mapping is the same as another", func(a *Allocator) { a.slabs[0].base = a.slabs[1].base }},
		{"overlap", "a mapping reaches into the next", func(a *Allocator) {
			a.slabs[0].base = unsafe.Add(a.slabs[1].base, -a.slabBytes)
			a.slabs[0].bytes = 2 * a.slabBytes
		}},
		{"directory", "a slab is not found", func(a *Allocator) {
			a.dir.remove(uintptr(a.slabs[0].base) >> a.slabShift)
		}},
		{"directory", "a slab is found that is no more", func(a *Allocator) { a.dir.put(1, &slab{}) }},
		{"directory", "the count is wrong", func(a *Allocator) { a.dir.count++ }},
		{"directory", "its places are those of a smaller one", func(a *Allocator) {
			a.dir.entries = append(a.dir.entries, make([]entry, len(a.dir.entries))...)
		}},
		{"class", "there is no such class", func(a *Allocator) { a.partial().class = 99 }},
		{"class", "the size is another", func(a *Allocator) { a.partial().size += 16 }},
		{"class", "there is one block more", func(a *Allocator) { a.partial().capacity++ }},
		{"class", "the reciprocal is off by one", func(a *Allocator) { a.partial().recip-- }},
		{"tail", "a bit behind the last block", func(a *Allocator) {
			s := a.partial()
			s.free[s.capacity/wordBits] |= 1 << (s.capacity % wordBits)
		}},
		{"tail", "the last bit of all", func(a *Allocator) { a.partial().free[slabWords-1] |= 1 << 63 }},
		{"summary", "a full word seems to have room", func(a *Allocator) { a.full().summary |= 1 << 3 }},
		{"summary", "a word with room seems full", func(a *Allocator) { a.partial().summary = 0 }},
		{"used", "a block is counted twice", func(a *Allocator) { a.partial().used++ }},
		{"used", "a free bit is lost", func(a *Allocator) { a.partial().free[0] &^= 1 << 40 }},
		{"large", "the block of a large slab is free", func(a *Allocator) { s := a.big(); s.put(0) }},
		{"large", "a large slab has two blocks", func(a *Allocator) { a.big().capacity = 2 }},
		{"room", "a list is lost", func(a *Allocator) { a.room[a.partial().class] = nil }},
		{"room", "a full slab is listed", func(a *Allocator) { s := a.full(); a.joinRoom(s) }},
		{"room", "a slab is on the list of another class", func(a *Allocator) {
			s := a.partial()
			a.leaveRoom(s)
			a.room[0] = s
		}},
		{"room", "a list goes round", func(a *Allocator) { s := a.partial(); s.next = s }},
		{"room", "a back link is wrong", func(a *Allocator) { s := a.partial(); s.prev = s }},
		{"room", "a listed slab has no mapping", func(a *Allocator) {
			s := &slab{bytes: a.slabBytes}
			s.format(0)
			a.room[0] = s
		}},
		{"hysteresis", "two slabs without blocks stay with a class", func(a *Allocator) {
			for range 2 {
				s := a.mapSlab(a.slabBytes)
				s.format(0)
				a.joinRoom(s)
			}
		}},
		{"spare", "one more is counted", func(a *Allocator) { a.spares++ }},
		{"room", "the list of spares is lost", func(a *Allocator) { a.spare = nil }},
		{"spare", "a spare has a live block", func(a *Allocator) { a.spare.take() }},
		{"spare", "a spare has no mapping", func(a *Allocator) { a.spare.next = &slab{}; a.spares++ }},
		{"spare", "there are too many", func(a *Allocator) { a.sparesMax = 0 }},
		{"usage", "blocks", func(a *Allocator) { a.blocks++ }},
		{"usage", "bytes", func(a *Allocator) { a.bytes += 16 }},
		{"usage", "footprint", func(a *Allocator) { a.footprint -= 4096 }},
		{"usage", "a mapping is forgotten", func(a *Allocator) { a.os.Map(4096) }},
	} {
		t.Run(row.name+"/"+row.what, func(t *testing.T) {
			a := broth(t)
			defer a.forget()
			row.damage(a)
			err := a.CheckInvariants()
			if err == nil {
				t.Fatal("nobody notices")
			}
			if !strings.HasPrefix(err.Error(), "slab/"+row.name+": ") {
				t.Errorf("got %q, want slab/%s", err, row.name)
			}
		})
	}
}

func TestCheapChecksCanFail(t *testing.T) {
	for _, row := range []struct {
		name   string
		damage func(a *Allocator)
	}{
		{"usage", func(a *Allocator) { a.bytes = 15 }},
		{"usage", func(a *Allocator) { a.bytes = a.footprint + 1 }},
		{"spare", func(a *Allocator) { a.spares = 17 }},
		{"spare", func(a *Allocator) { a.spare = nil }},
		{"room", func(a *Allocator) { a.room[0] = a.partial() }},
		{"room", func(a *Allocator) { s := a.full(); a.room[s.class] = s }},
		{"room", func(a *Allocator) { s := a.partial(); s.prev = s }},
	} {
		a := broth(t)
		row.damage(a)
		if err := a.CheckCheap(); err == nil || !strings.HasPrefix(err.Error(), "slab/"+row.name+": ") {
			t.Errorf("got %v, want slab/%s", err, row.name)
		}
		a.forget()
	}
}

// broth is an allocator with a slab in every state: full, with some room, spare, and large.
func broth(t *testing.T) *Allocator {
	a := open(t, Config{})
	for range slabMax / 512 {
		a.Alloc(500)
	}
	var ps []unsafe.Pointer
	for range 2*(slabMax/1024) + 1 {
		ps = append(ps, a.Alloc(1000))
	}
	for _, p := range ps {
		a.Free(p)
	}
	a.Alloc(100)
	a.Alloc(100_000)
	check(t, a)
	if a.spare == nil || a.partial() == nil || a.full() == nil || a.big() == nil {
		t.Fatal("a state is missing")
	}
	return a
}

func (a *Allocator) which(is func(*slab) bool) *slab {
	for _, s := range a.slabs {
		if is(s) {
			return s
		}
	}
	return nil
}

func (a *Allocator) partial() *slab {
	return a.which(func(s *slab) bool { return s.used == 1 && s.class != large })
}

func (a *Allocator) full() *slab {
	return a.which(func(s *slab) bool { return s.used == s.capacity && s.class != large })
}

func (a *Allocator) big() *slab { return a.which(func(s *slab) bool { return s.class == large }) }

// forget lets Close pass by the broken structure: what is mapped is known below it as well.
func (a *Allocator) forget() { a.slabs = nil }
