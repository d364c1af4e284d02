package swiss

import (
	"fmt"

	"heapfuzz/impl/page"
)

func breach(rule, format string, args ...any) error {
	return fmt.Errorf("swiss/%s: %s", rule, fmt.Sprintf(format, args...))
}

// CheckInvariants recounts what must hold between two calls, from the bytes of the table.
func (m *Map) CheckInvariants() error {
	if (m.groups == 0) != (m.base == 0) || m.groups&(m.groups-1) != 0 {
		return breach("groups", "%d groups", m.groups)
	}
	if m.groups != 0 && m.mem.UsableSize(page.Pointer(m.base)) < m.groups*groupBytes {
		return breach("groups", "the block has fewer bytes than the table")
	}
	live, dead := 0, 0
	for i := range m.groups * slotsOfGroup {
		g, n := m.base+i/slotsOfGroup*groupBytes, i%slotsOfGroup
		switch c := uint8(control(g) >> (8 * n)); {
		case c == empty:
		case c == deleted:
			dead++
		case c > 0x7F:
			return breach("control", "slot %d has the byte %#x", i, c)
		default:
			live++
			key := uint64(page.Load(slotAt(g, n)))
			hash := m.hashOf(key)
			if byteOf(hash) != c {
				return breach("control", "slot %d has the byte %#x, and the hash of its key %#x", i, c, byteOf(hash))
			}
			if fg, fn := m.seek(key, hash); fg != g || fn != n {
				return breach("reach", "a search for key %d does not find slot %d", key, i)
			}
		}
	}
	switch {
	case live != m.used:
		return breach("used", "%d live slots, %d counted", live, m.used)
	case live+dead+m.left != capacity(m.groups):
		return breach("room", "%d live slots, %d tombstones and %d that may be taken, of %d",
			live, dead, m.left, capacity(m.groups))
	}
	return nil
}

// seek is a search as Get does it, and counts nothing. It gives up after as many groups as there are.
func (m *Map) seek(key, hash uint64) (group, slot uintptr) {
	mask := m.groups - 1
	i := topOf(hash) & mask
	for step := uintptr(1); step <= m.groups; step++ {
		g := m.base + i*groupBytes
		for n := range uintptr(slotsOfGroup) {
			if uint8(control(g)>>(8*n)) == byteOf(hash) && uint64(page.Load(slotAt(g, n))) == key {
				return g, n
			}
		}
		if empties(control(g)) != 0 {
			break
		}
		i = (i + step) & mask
	}
	return 0, 0
}
