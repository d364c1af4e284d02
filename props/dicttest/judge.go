package dicttest

import (
	"heapfuzz/model/dict"
	"heapfuzz/props/prog"
)

// found reads the visible answer of a lookup, as told writes it.
func found(out prog.Outcome) (value uint64, ok bool) {
	if out.Value == 0 {
		return 0, false
	}
	return out.Value - 1, true
}

func judgeNew(m state, op prog.Op, out prog.Outcome) violation {
	if out.Status == prog.NoMem {
		return m.Refuse(op.Args[0])
	}
	n := capacity(&m.Contract, op.Args[0])
	m.New(uint32(op.Def), n)
	return m.Len(uint32(op.Def), int(out.Size)-1)
}

func judgeCopy(m state, op prog.Op, out prog.Outcome) violation {
	if out.Status == prog.NoMem {
		m.Refused(uint32(op.Args[0]))
		return m.Refuse(0)
	}
	m.Copy(uint32(op.Def), uint32(op.Args[0]))
	if out.Addr != 0 {
		if v := m.CopySize(out.Addr>>32, out.Addr&(1<<32-1)); v != nil {
			return v
		}
	}
	return m.Len(uint32(op.Def), int(out.Size)-1)
}

func judgeFromKeys(m state, op prog.Op, out prog.Outcome) violation {
	if out.Status == prog.NoMem {
		m.Refused(uint32(op.Args[0]))
		return m.Refuse(0)
	}
	m.FromKeys(uint32(op.Def), uint32(op.Args[0]), op.Args[1])
	return m.Len(uint32(op.Def), int(out.Size)-1)
}

func judgeSet(m state, op prog.Op, out prog.Outcome) violation {
	if out.Status == prog.NoMem {
		m.Refused(uint32(op.Args[0]))
		return m.Refuse(0)
	}
	m.Set(uint32(op.Args[0]), op.Args[1], op.Args[2])
	return nil
}

func judgeSetDefault(m state, op prog.Op, out prog.Outcome) violation {
	if out.Status == prog.NoMem {
		m.Refused(uint32(op.Args[0]))
		return m.Refuse(0)
	}
	value, ok := found(out)
	if !ok {
		return dict.Lost.Breach("a key that was set is not found")
	}
	return m.SetDefault(uint32(op.Args[0]), op.Args[1], op.Args[2], value)
}

func judgePopItem(first bool) func(state, prog.Op, prog.Outcome) violation {
	return func(m state, op prog.Op, out prog.Outcome) violation {
		return m.PopItem(uint32(op.Args[0]), first, out.Addr, out.Size, out.Value != 0)
	}
}

func judgeUpdate(m state, op prog.Op, out prog.Outcome) violation {
	m.Update(uint32(op.Args[0]), uint32(op.Args[1]))
	if out.Status == prog.NoMem {
		m.Clear(uint32(op.Args[0]))
		return m.Refuse(0)
	}
	return nil
}

func judgeReserve(m state, op prog.Op, out prog.Outcome) violation {
	n := capacity(&m.Contract, op.Args[1])
	if out.Status == prog.NoMem {
		m.Refused(uint32(op.Args[0]))
		return m.Refuse(uint64(n))
	}
	m.Reserve(uint32(op.Args[0]), n)
	return nil
}

func judgeIterate(reverse bool) func(state, prog.Op, prog.Outcome) violation {
	return func(m state, op prog.Op, _ prog.Outcome) violation {
		m.Iterate(uint32(op.Args[0]), int(op.Args[1]), reverse)
		return nil
	}
}

func judgeNext(m state, op prog.Op, out prog.Outcome) violation {
	step := dict.Entry
	switch out.Msg {
	case atEnd:
		step = dict.End
	case atChanged:
		step = dict.Changed
	}
	return m.Step(uint32(op.Args[0]), int(op.Args[1]), out.Addr, out.Size, step)
}

func judgeWalk(m state, op prog.Op, out prog.Outcome) violation {
	s := scriptOf(op)
	w := m.Walk(uint32(op.Args[0]), s.act, s.key, s.value)
	for text := reader(out.Msg); text != ""; {
		var key, value uint64
		key, value = text.pair()
		if v := w.Entry(key, value); v != nil {
			return v
		}
	}
	return w.End()
}

func judgeVerify(m state, _ prog.Op, out prog.Outcome) violation {
	for text := reader(out.Msg); text != ""; {
		slot, n := text.slot(), 0
		for text != "" && text[0] != 'p' {
			key, value := text.pair()
			if v := m.Get(slot, key, value, true); v != nil {
				return v
			}
			n++
		}
		if v := m.All(slot, n); v != nil {
			return v
		}
	}
	return nil
}

func judgeHeld(m state, _ prog.Op, out prog.Outcome) violation {
	m.StopAll()
	if out.Addr == notAsked {
		return nil
	}
	return m.Held(int(out.Addr))
}

// reader reads what appendPair and appendSlot write, and takes it off.
type reader string

func (r *reader) pair() (key, value uint64) {
	key = r.number()
	return key, r.number()
}

func (r *reader) slot() uint32 {
	*r = (*r)[1:]
	return uint32(r.number())
}

// number reads a number and the sign behind it.
func (r *reader) number() (n uint64) {
	s := *r
	i := 0
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		n = 10*n + uint64(s[i]-'0')
	}
	*r = s[min(i+1, len(s)):]
	return n
}
