package graphtest

import (
	"strconv"

	"heapfuzz/model"
	"heapfuzz/model/graph"
	"heapfuzz/props/prog"
)

// tellEvents tells the model what happened during an operation. The text is that of driver.log: "F17 R17 D17".
func tellEvents(m *graph.Model, text string) *model.Violation {
	for i := 0; i < len(text); i++ {
		e := graph.Event{What: graph.What(text[i])}
		for i++; i < len(text) && text[i] != ' '; i++ {
			e.Arg = 10*e.Arg + uint64(text[i]-'0')
		}
		if v := m.Event(e); v != nil {
			return v
		}
	}
	return nil
}

// appendEvent is the other direction.
func appendEvent(log []byte, what graph.What, arg uint64) []byte {
	if len(log) > 0 {
		log = append(log, ' ')
	}
	return strconv.AppendUint(append(log, byte(what)), arg, 10)
}

// place is the slot that an operation is about and the field in it that the argument means. There are fields.
func place(m *graph.Model, op prog.Op, arg int) (slot uint32, index int) {
	slot = uint32(op.Args[0])
	return slot, int(op.Args[arg]) % m.FieldCount(slot)
}

func hasFields(m *graph.Model, op prog.Op) bool { return m.FieldCount(uint32(op.Args[0])) > 0 }

// takesExtras tells whether the object of an operation takes weak references and finalizers.
func takesExtras(m *graph.Model, op prog.Op) bool { return !m.Bare(uint32(op.Args[0])) }

func judgeNew(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if out.Status == prog.NoMem {
		return m.Refuse(int(op.Args[1]))
	}
	kind, fields := graph.Kind(op.Args[0]), int(op.Args[1])
	if v := m.New(uint32(op.Def), graph.ID(out.Addr), kind, fields); v != nil || out.Size == 0 {
		return v
	}
	return m.Due(kind, fields, out.Size-1)
}

func judgeWeak(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	switch {
	case m.Bare(uint32(op.Args[0])):
		return judgeAlias(m, op, out)
	case out.Status == prog.NoMem:
		return m.Refuse(0)
	}
	return m.NewWeak(uint32(op.Def), graph.ID(out.Addr), uint32(op.Args[0]), op.Args[1] != 0)
}

func judgeAlias(m *graph.Model, op prog.Op, _ prog.Outcome) *model.Violation {
	m.Alias(uint32(op.Def), uint32(op.Args[0]))
	return nil
}

func judgeLoad(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if !hasFields(m, op) {
		return judgeAlias(m, op, out)
	}
	slot, index := place(m, op, 1)
	return m.Load(uint32(op.Def), slot, index, graph.ID(out.Addr))
}

func judgeDeref(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if !m.IsWeak(uint32(op.Args[0])) {
		return judgeAlias(m, op, out)
	}
	return m.Deref(uint32(op.Def), uint32(op.Args[0]), graph.ID(out.Addr))
}

func judgeTake(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if !m.HasSaved() {
		return judgeAlias(m, op, out)
	}
	return m.Take(uint32(op.Def), graph.ID(out.Addr))
}

func judgeRecover(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if !m.HasGarbage() {
		return judgeAlias(m, op, out)
	}
	return m.Recover(uint32(op.Def), graph.ID(out.Addr))
}

func judgeCopy(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if out.Status == prog.NoMem {
		return m.Refuse(m.FieldCount(uint32(op.Args[0])))
	}
	return m.Copy(uint32(op.Def), uint32(op.Args[0]), graph.ID(out.Addr), false)
}

func judgeDeepCopy(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	switch {
	case !m.Copyable(uint32(op.Args[0])):
		return judgeAlias(m, op, out)
	case out.Status == prog.NoMem:
		return m.Refuse(m.FieldCount(uint32(op.Args[0])))
	}
	return m.Copy(uint32(op.Def), uint32(op.Args[0]), graph.ID(out.Addr), true)
}

// grows tells whether the number of fields of an operation's object changes.
func grows(m *graph.Model, op prog.Op) bool { return m.Grows(uint32(op.Args[0])) }

func judgeAppend(m *graph.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if out.Status == prog.NoMem {
		return m.Refuse(m.FieldCount(uint32(op.Args[0])) + 1)
	}
	m.Append(uint32(op.Args[0]), uint32(op.Args[1]))
	return nil
}

// judgeCheck judges the heap's word on its own invariants.
func judgeCheck(m *graph.Model, _ prog.Op, out prog.Outcome) *model.Violation {
	if out.Status != prog.Fail {
		return nil
	}
	return m.Check(out.Msg)
}
