package graph

import "slices"

// WalkMax is how many objects a walk visits.
const WalkMax = 256

// Walk visits an object and what it reaches, breadth first, up to WalkMax objects, and sums up what it sees. Look tells
// the kind of an object and appends what its fields refer to, 0 for nothing. The sum shape depends on the kinds and on
// which field refers to which object, and is the same for two graphs that differ in the IDs only; names depends on the
// IDs. Whole says that there were no more objects.
func Walk(from ID, look func(ID, []ID) (Kind, []ID)) (shape, names uint64, whole bool) {
	queue := append(make([]ID, 0, 16), from)
	place := map[ID]uint64{} // in a long queue, of those behind the first few; 1 is the first
	var room [16]ID
	buf := room[:0]
	find := func(f ID) uint64 {
		if i := slices.Index(queue[:min(len(queue), cap(room[:]))], f); i >= 0 || f == 0 {
			return uint64(i + 1)
		}
		return place[f]
	}
	add := func(sum *uint64, n uint64) { *sum = (*sum ^ n) * 0x100000001B3 }
	shape, names, whole = 0xCBF29CE484222325, 0xCBF29CE484222325, true
	for i := 0; i < len(queue); i++ {
		kind, fields := look(queue[i], buf[:0])
		buf = fields
		add(&shape, uint64(kind)<<32|uint64(len(fields)))
		add(&names, uint64(queue[i]))
		for _, f := range fields {
			at := find(f)
			if f != 0 && at == 0 {
				if whole = whole && len(queue) < WalkMax; len(queue) < WalkMax {
					queue = append(queue, f)
					at = uint64(len(queue))
					if len(queue) > len(room) {
						place[f] = at
					}
				}
			}
			add(&shape, at)
			add(&names, uint64(f))
		}
	}
	return shape, names, whole
}
