package slab

// directory is a hash table from granule to slab with linear probing, at most half full. A removal closes the gap
// that it leaves by moving later entries up, so there are no tombstones, and a lookup ends at the first empty entry.
//
// A Go map would do; this is three times as fast, and Free does nothing else that takes time.
type directory struct {
	entries []entry // a power of two of them
	shift   uint    // 64 - log2(len(entries))
	count   int     // entries that are not empty
}

type entry struct {
	granule uintptr
	slab    *slab // nil: empty
}

const directoryMin = 16

// home is where a granule would like to be. Mappings often lie side by side; multiplying by 2^64 over the golden ratio
// spreads such runs evenly.
func (d *directory) home(granule uintptr) uintptr {
	return uintptr(uint64(granule) * 0x9e3779b97f4a7c15 >> d.shift)
}

func (d *directory) get(granule uintptr) *slab {
	if len(d.entries) == 0 {
		return nil
	}
	mask := uintptr(len(d.entries) - 1)
	for i := d.home(granule); ; i++ {
		e := &d.entries[i&mask]
		if e.granule == granule || e.slab == nil {
			return e.slab
		}
	}
}

func (d *directory) put(granule uintptr, s *slab) {
	if 2*(d.count+1) > len(d.entries) {
		d.grow()
	}
	mask := uintptr(len(d.entries) - 1)
	i := d.home(granule) & mask
	for d.entries[i].slab != nil {
		i = (i + 1) & mask
	}
	d.entries[i] = entry{granule, s}
	d.count++
}

func (d *directory) remove(granule uintptr) {
	mask := uintptr(len(d.entries) - 1)
	gap := d.home(granule) & mask
	for d.entries[gap].granule != granule || d.entries[gap].slab == nil {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; d.entries[i].slab != nil; i = (i + 1) & mask {
		// The entry at i may move to the gap if that is not before its home, going round: if its distance from home
		// is at least its distance from the gap.
		if (i-d.home(d.entries[i].granule))&mask >= (i-gap)&mask {
			d.entries[gap] = d.entries[i]
			gap = i
		}
	}
	d.entries[gap] = entry{}
	d.count--
}

func (d *directory) grow() {
	old := d.entries
	n := max(directoryMin, 2*len(old))
	shift := uint(64)
	for 1<<(64-shift) < n {
		shift--
	}
	*d = directory{entries: make([]entry, n), shift: shift}
	for _, e := range old {
		if e.slab != nil {
			d.put(e.granule, e.slab)
		}
	}
}
