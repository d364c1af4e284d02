package graph

// WalkMax is how many objects a walk visits.
const WalkMax = 256

// Walk visits an object and what it reaches, breadth first, up to WalkMax objects, and sums up what it sees. Look tells
// the kind of an object and appends what its fields refer to, 0 for nothing. The sum shape depends on the kinds and on
// which field refers to which object, and is the same for two graphs that differ in the IDs only; names depends on the
// IDs.
func Walk(from ID, look func(ID, []ID) (Kind, []ID)) (shape, names uint64) {
	place := map[ID]uint64{from: 1}
	queue := append(make([]ID, 0, 8), from)
	var buf []ID
	add := func(sum *uint64, n uint64) { *sum = (*sum ^ n) * 0x100000001B3 }
	shape, names = 0xCBF29CE484222325, 0xCBF29CE484222325
	for i := 0; i < len(queue); i++ {
		kind, fields := look(queue[i], buf[:0])
		buf = fields
		add(&shape, uint64(kind)<<32|uint64(len(fields)))
		add(&names, uint64(queue[i]))
		for _, f := range fields {
			if f != 0 && place[f] == 0 && len(queue) < WalkMax {
				queue = append(queue, f)
				place[f] = uint64(len(queue))
			}
			add(&shape, place[f])
			add(&names, uint64(f))
		}
	}
	return shape, names
}
