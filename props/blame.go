package props

import (
	"fmt"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// Blame tells who damaged a block: the operation during which its bytes changed, and the one that had last written them.
type Blame struct {
	Slot    prog.Slot
	Detail  string // the first damaged byte: "byte 8 of p1 is 0x00"
	Written int    // index of the operation that made or resized the block
	Changed int    // index of the operation during which the bytes changed
	Ops     []prog.Op
}

// FindBlame runs a finding's program again and looks at every live block after each operation, so that damage is seen when it
// happens and not when somebody reads the block. It finds nothing when no live block is damaged before the fault.
func FindBlame(s *Subject, f *Finding) (Blame, bool) {
	if s.Damage == nil || f.Property != Conforms.Name {
		return Blame{}, false
	}
	found := Blame{Changed: -1}
	r := Runner{After: func(t Target, at int, _ prog.Op) *model.Violation {
		slot, detail := s.Damage(t)
		if detail == "" {
			return nil
		}
		found.Slot, found.Detail, found.Changed = slot, detail, at
		return damageSeen
	}}
	res, err := r.Run(s, f.Program)
	if err != nil || found.Changed < 0 {
		return Blame{}, false
	}
	found.Ops = res.Ops
	for i, op := range res.Ops[:found.Changed+1] {
		slot, ok := s.slotOf(op)
		if ok && slot == found.Slot && res.Trace[i].Status == prog.OK && res.Trace[i].Addr != 0 {
			found.Written = i
		}
	}
	return found, true
}

var damageSeen = &model.Violation{Rule: &model.Invariant{Name: "run/damage", Doc: "a live block was changed"}}

// Text says it in one sentence.
func (b Blame) Text(spec *prog.Spec) string {
	return fmt.Sprintf("%s: written by %d (%s), changed during %d (%s)", b.Detail,
		b.Written, spec.FormatOp(b.Ops[b.Written]), b.Changed, spec.FormatOp(b.Ops[b.Changed]))
}
