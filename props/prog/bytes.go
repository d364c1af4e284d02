package prog

import "slices"

// RecordBytes is the length of a record. All records have it, so that a byte mutator which copies, moves or drops an
// aligned run of bytes does so to whole operations. A program is:
//
//	record 0   world       3 bytes ignored, then the three numbers of the world, 3 bytes each
//	record n   operation   1 byte kind, 2 bytes slot that it defines, then the three arguments, 3 bytes each
//
// Bytes beyond the last whole record are ignored, and so is every field that the row does not use. The kind is looked
// up in a table of 256 in which a kind has entries in proportion to its weight, one at least. What a code of 3 bytes
// means is said in domain.go.
//
// Bytes are for engines and do not last: with a new row they mean something else. What lasts is the text.
const RecordBytes = 3 + ArgsMax*codeBytes

// OpsMax bounds the operations of a program that is read: 16 Mi of them are 512 MiB.
const OpsMax = 16 << 20

// tables is what is derived from a Spec once.
type tables struct {
	kindOf  [256]Kind // of a byte
	rows    []rowTable
	slots   coder
	world   []coder
	domains []*Domain // of the numbers of operations, each once
}

// rowTable is an Info in the form that the codec and the generator want.
type rowTable struct {
	first  byte // the first byte in kindOf that means this kind
	role   Role
	makes  bool // the role is Make
	reads  bool // one of the arguments is a slot
	fault  bool // Info.Fault
	args   []coder
	domain [ArgsMax]int16 // the places of the arguments' domains in tables.domains
}

// starts tells whether the operation makes a slot without reading one, so that a program may begin with it.
func (r *rowTable) starts() bool { return r.makes && !r.reads }

// tables returns the derived tables, making them at the first call.
func (s *Spec) tables() *tables {
	s.once.Do(func() { s.validate(); s.build() })
	return &s.tab
}

func (s *Spec) build() {
	t := &s.tab
	t.slots = coder{near1: 1, max1: 1}
	if s.Slots != nil {
		t.slots = s.Slots.coder()
	}
	t.slots.slot = true
	coders := func(args []Arg) (cs []coder) {
		for _, a := range args {
			if a.Domain.IsSlot {
				cs = append(cs, t.slots)
			} else {
				cs = append(cs, a.Domain.coder())
			}
		}
		return cs
	}
	t.world = coders(s.World)
	shares, b := s.kindShares(), 0
	for k, r := range s.Rows {
		row := rowTable{first: byte(b), role: r.Role, makes: r.Role == Make, fault: r.Fault, args: coders(r.Args)}
		for i, a := range r.Args {
			if a.Domain.IsSlot {
				row.reads = true
			} else {
				row.domain[i] = t.domainOf(a.Domain)
			}
		}
		t.rows = append(t.rows, row)
		for range shares[k] {
			t.kindOf[b] = Kind(k)
			b++
		}
	}
}

// domainOf returns the place of d in t.domains, where it puts it if it is not there.
func (t *tables) domainOf(d *Domain) int16 {
	i := slices.Index(t.domains, d)
	if i < 0 {
		i, t.domains = len(t.domains), append(t.domains, d)
	}
	return int16(i)
}

// kindShares divides the 256 values of a byte: one to each kind, the rest by weight, and what rounding leaves to the
// kinds whose share lies furthest below their due.
func (s *Spec) kindShares() []int {
	shares, weights, total := make([]int, len(s.Rows)), make([]int, len(s.Rows)), 0
	for k, r := range s.Rows {
		weights[k] = r.Weight
		total += r.Weight
	}
	if total == 0 {
		for k := range weights {
			weights[k] = 1
		}
		total = len(weights)
	}
	rest := 256 - len(shares)
	left := rest
	for k, w := range weights {
		shares[k] = 1 + rest*w/total
		left -= rest * w / total
	}
	order := make([]int, len(shares))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return rest*weights[b]%total - rest*weights[a]%total })
	for _, k := range order[:left] {
		shares[k]++
	}
	return shares
}

// Decode returns the program that data means. Any data is some program.
func (s *Spec) Decode(data []byte) Program {
	var p Program
	s.DecodeInto(&p, data)
	return p
}

// DecodeInto is Decode into dst, whose operations it overwrites. It allocates only when there is no room in them.
func (s *Spec) DecodeInto(dst *Program, data []byte) {
	t := s.tables()
	dst.World = [ArgsMax]uint64{}
	dst.Ops = dst.Ops[:0]
	if len(data) < RecordBytes {
		return
	}
	for i := range t.world {
		dst.World[i] = t.world[i].number(data[3+i*codeBytes:])
	}
	n := min(len(data)/RecordBytes-1, OpsMax)
	dst.Ops = slices.Grow(dst.Ops, n)[:n]
	for i := range dst.Ops {
		t.decodeOp(&dst.Ops[i], (*[RecordBytes]byte)(data[(i+1)*RecordBytes:]))
	}
}

func (t *tables) decodeOp(op *Op, rec *[RecordBytes]byte) {
	k := t.kindOf[rec[0]]
	row := &t.rows[k]
	*op = Op{Kind: k}
	if row.makes {
		op.Def = t.slots.slotOf(uint32(rec[1]) | uint32(rec[2])<<8)
	}
	for i := range row.args {
		op.Args[i] = row.args[i].number(rec[3+i*codeBytes:])
	}
}

// Encode returns bytes that mean Canon(p).
func (s *Spec) Encode(p Program) []byte {
	t := s.tables()
	data := make([]byte, RecordBytes*(1+len(p.Ops)))
	for i := range t.world {
		t.world[i].put(data[3+i*codeBytes:], s.World[i].Domain.Fold(p.World[i]))
	}
	for i, op := range p.Ops {
		rec, row := data[(i+1)*RecordBytes:], &t.rows[op.Kind]
		op = s.canonOp(t, op)
		rec[0], rec[1], rec[2] = row.first, byte(op.Def), byte(op.Def>>8)
		for a := range row.args {
			row.args[a].put(rec[3+a*codeBytes:], op.Args[a])
		}
	}
	return data
}

// Canon returns p with every number folded onto the member of its domain that is nearest (Domain.Fold), every slot
// above Slots.Max made Slots.Max, and every argument and definition that its row does not use made 0. Since that makes
// one slot of many, Renumber comes first where p was recorded from a real program.
func (s *Spec) Canon(p Program) Program {
	t, q := s.tables(), Program{Ops: make([]Op, len(p.Ops))}
	for i, a := range s.World {
		q.World[i] = a.Domain.Fold(p.World[i])
	}
	for i, op := range p.Ops {
		q.Ops[i] = s.canonOp(t, op)
	}
	return q
}

func (s *Spec) canonOp(t *tables, op Op) Op {
	row, q := &t.rows[op.Kind], Op{Kind: op.Kind}
	if row.makes {
		q.Def = min(op.Def, Slot(t.slots.max1-1))
	}
	for i := range row.args {
		q.Args[i] = row.args[i].fold(s.Rows[op.Kind].Args[i].Domain, op.Args[i])
	}
	return q
}
