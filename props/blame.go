package props

import (
	"fmt"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// Damage is a live block that is not as its owner wrote it: its bytes from the first that differs to the last.
type Damage struct {
	Slot     prog.Slot
	From, To uint64 // offsets in the block, To excluded
	Detail   string // what is there now, for people: "0x00"
}

// Blame tells whose bytes an operation took: those of a block that had been written before, and were changed or handed
// out once more during the operation.
type Blame struct {
	Damage
	Written int    // index of the operation that made or resized the block
	Changed int    // index of the operation that changed the bytes, or was given them again
	Again   bool   // it was given them again
	Where   string // where the bytes are, seen from the block that the operation is about: "8 bytes before p0"
	Ops     []prog.Op
}

// FindBlame says who is to blame for a finding of Conforms. If the guilty operation was given a block on top of
// another, the answers tell. Otherwise the program is run again, and every live block is looked at after each
// operation, so that damage is seen when it happens and not when somebody reads the block. There is nobody to blame
// when no live block is damaged before the fault.
func FindBlame(s *Subject, f *Finding) (Blame, bool) {
	if f.Property != Conforms.Name || f.Violation.Rule == Alive || f.At >= len(f.Trace) {
		return Blame{}, false
	}
	if b, ok := s.overlap(f); ok || s.Damage == nil {
		return b, ok
	}
	b := Blame{Changed: -1}
	r := Runner{After: func(t Target, at int, _ prog.Op) *model.Violation {
		damage, ok := s.Damage(t)
		if !ok {
			return nil
		}
		b.Damage, b.Changed = damage, at
		return damageSeen
	}}
	res, err := r.Run(s, f.Program)
	if err != nil || b.Changed < 0 {
		return Blame{}, false
	}
	b.Ops = res.Ops
	blocks := s.blocks(res.Ops, res.Trace[:b.Changed+1])
	harmed, ok := blocks[b.Slot]
	if !ok {
		return Blame{}, false
	}
	b.Written = harmed.op
	if slot, ok := s.slotOf(b.Ops[b.Changed]); ok && slot != b.Slot {
		by, ok := s.blocks(res.Ops, res.Trace[:b.Changed])[slot]
		if !ok { // the operation made it
			by, ok = blocks[slot]
		}
		if ok {
			b.Where = where(harmed.addr+b.From, harmed.addr+b.To, by, slot)
		}
	}
	return b, true
}

var damageSeen = &model.Violation{Rule: &model.Invariant{Name: "run/damage", Doc: "a live block was changed"}}

// Text says it in one sentence.
func (b Blame) Text(spec *prog.Spec) string {
	format := "bytes [%d, %d) of p%d: written by %d (%s), changed during %d (%s)"
	if b.Again {
		format = "bytes [%d, %d) of p%d: made by %d (%s), handed out again by %d (%s)"
	}
	text := fmt.Sprintf(format, b.From, b.To, b.Slot,
		b.Written, spec.FormatOp(b.Ops[b.Written]), b.Changed, spec.FormatOp(b.Ops[b.Changed]))
	if b.Detail != "" {
		text += ", now " + b.Detail
	}
	if b.Where != "" {
		text += "; " + b.Where
	}
	return text
}

// block is where a slot's block lies, and the operation that last made it so.
type block struct {
	addr, size uint64
	op         int
}

// blocks returns the live blocks after the operations that a trace answers, as far as the answers tell.
func (s *Subject) blocks(ops []prog.Op, trace prog.Trace) map[prog.Slot]block {
	live := map[prog.Slot]block{}
	for i, out := range trace {
		if out.Status != prog.OK {
			continue
		}
		op := ops[i]
		switch row := &s.Spec.Rows[op.Kind]; row.Role {
		case prog.Make:
			live[op.Def] = block{out.Addr, out.Size, i}
		case prog.Use:
			slot := prog.Slot(op.Args[0])
			if out.Addr != 0 {
				live[slot] = block{out.Addr, out.Size, i}
			} else if len(row.Args) > 1 && op.Args[1] == 0 {
				delete(live, slot) // resized to nothing, perhaps: then nothing is known of it
			}
		case prog.Kill:
			delete(live, prog.Slot(op.Args[0]))
		case prog.KillAll:
			clear(live)
		}
	}
	return live
}

// overlap finds the live block that the guilty operation's block lies on.
func (s *Subject) overlap(f *Finding) (Blame, bool) {
	slot, ok := s.slotOf(f.Ops[f.At])
	got := f.Trace[f.At]
	if !ok || got.Status != prog.OK || got.Addr == 0 {
		return Blame{}, false
	}
	b, found := Blame{Changed: f.At, Again: true, Ops: f.Ops}, false
	for other, block := range s.blocks(f.Ops, f.Trace[:f.At]) {
		from, to := max(got.Addr, block.addr), min(got.Addr+got.Size, block.addr+block.size)
		if other == slot || from >= to || found && other > b.Slot {
			continue
		}
		found, b.Written = true, block.op
		b.Damage = Damage{Slot: other, From: from - block.addr, To: to - block.addr}
	}
	return b, found
}

// whereMax is how far from a block other bytes are that an overflow or an underflow of it explains. Greater distances
// are an accident of where blocks lie, and not the same each time.
const whereMax = 64

// where says where the bytes from one address up to another are, seen from a block.
func where(from, to uint64, by block, slot prog.Slot) string {
	switch end := by.addr + by.size; {
	case to == by.addr:
		return fmt.Sprintf("they end right before p%d", slot)
	case from == end:
		return fmt.Sprintf("they begin right behind p%d", slot)
	case to <= by.addr && by.addr-to < whereMax:
		return fmt.Sprintf("they end %d bytes before p%d", by.addr-to, slot)
	case from >= end && from-end < whereMax:
		return fmt.Sprintf("they begin %d bytes behind p%d", from-end, slot)
	case from < end && to > by.addr:
		return fmt.Sprintf("they lie on p%d", slot)
	}
	return ""
}
