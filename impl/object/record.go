package object

import "fmt"

// A record is an object of a type of the interpreter's that is here for its size and its references alone: those are
// visited, dropped and cleared in order, and nothing else is done with it. The sizes are those that sys.getsizeof gives
// of one that has nothing in it yet, GC head included. What such an object has out of line (the first block of a deque,
// the tables of an OrderedDict) is behind it in the same block.
type record struct {
	name  string
	refs  int
	bytes [recordColumns]uint16 // 2.7, 3.6, 3.7, ... 3.13; 0: there is no such type
}

const recordColumns = 9

// recordReleases are the profiles of the columns. That of 8-byte classes has those of 3.6.
var recordReleases = []string{"2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}

// Sizes of 2.7.18, 3.6.15, 3.7.16, 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1 and 3.13.0, x86-64 Linux. A frame is not
// among them: its size is that of its code.
var records = []record{
	{"type", 4, [recordColumns]uint16{904, 1064, 1064, 1064, 1064, 1072, 1688, 1704, 1712}},
	{"generator", 1, [recordColumns]uint16{80, 96, 128, 112, 112, 104, 176, 176, 176}},
	{"list_iterator", 1, [recordColumns]uint16{64, 64, 64, 48, 48, 48, 48, 48, 48}},
	{"tuple_iterator", 1, [recordColumns]uint16{64, 64, 64, 48, 48, 48, 48, 48, 48}},
	{"dict_iterator", 1, [recordColumns]uint16{88, 88, 88, 72, 72, 72, 72, 72, 72}},
	{"set_iterator", 1, [recordColumns]uint16{80, 80, 80, 64, 64, 64, 64, 64, 64}},
	{"OrderedDict", 0, [recordColumns]uint16{296, 312, 312, 296, 296, 128, 128, 128, 128}},
	{"defaultdict", 1, [recordColumns]uint16{288, 256, 256, 240, 240, 72, 72, 72, 72}},
	{"Counter", 0, [recordColumns]uint16{296, 264, 264, 248, 248, 80, 88, 80, 80}},
	{"deque", 0, [recordColumns]uint16{624, 640, 640, 624, 624, 624, 760, 760, 760}},
	{"module", 1, [recordColumns]uint16{56, 88, 88, 72, 72, 72, 72, 72, 72}},
	{"lru_cache", 2, [recordColumns]uint16{0, 176, 160, 144, 152, 168, 168, 168, 168}},
	{"property", 4, [recordColumns]uint16{88, 88, 88, 72, 72, 80, 80, 80, 80}},
	{"super", 3, [recordColumns]uint16{72, 72, 72, 56, 56, 56, 56, 56, 56}},
}

// Records are the names that NewRecord knows in this profile.
func (h *Heap) Records() []string {
	var names []string
	for i, r := range records {
		if h.types[int(firstRecord)+i].Kind == KindRecord {
			names = append(names, r.name)
		}
	}
	return names
}

// defineRecords adds the types of records to the table. One that this release does not have is no type.
func (h *Heap) defineRecords() {
	for _, r := range records {
		bytes := uintptr(r.bytes[h.prof.RecordColumn])
		t := Type{}
		if bytes > 0 {
			head := max(h.prof.HeadBytes, h.prof.RecordHead)
			t = h.fixed(TypeID(len(h.types)), KindRecord, bytes-head-offBody, r.refs, flagGC)
			t.Name = r.name
		}
		h.types = append(h.types, t)
	}
}

// NewRecord returns an object of a type by its name, or 0 if there is no memory. It panics if Records has no such name.
func (h *Heap) NewRecord(name string) Ref {
	for i, r := range records {
		if id := int(firstRecord) + i; r.name == name && h.types[id].Kind == KindRecord {
			return h.newRefs(TypeID(id))
		}
	}
	panic(fmt.Sprintf("object: no record %q", name))
}
