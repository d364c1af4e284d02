package heaptest

import (
	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props/prog"
)

// judgeMake judges the answer to a request for a block.
func judgeMake(m *heap.Model, op prog.Op, out prog.Outcome, r request) *model.Violation {
	if out.Status == prog.NoMem {
		if v := judgeFailed(m, out); v != nil || r.is&(overflows|odd) != 0 {
			return v
		}
		return m.Refuse(heap.Request{Size: r.size, Align: r.align})
	}
	if r.is&overflows != 0 {
		return heap.Overflow.Breach("p%d is a block, but %d * %d does not fit", op.Def, op.Args[0], op.Args[1])
	}
	if r.is&odd != 0 {
		return heap.Aligned.Breach("p%d is a block, but %d is no alignment", op.Def, r.align)
	}
	if v := judgeBlock(uint32(op.Def), out); v != nil {
		return v
	}
	if v := m.Alloc(uint32(op.Def), heap.Request{Size: r.size, Align: r.align}, block(out)); v != nil {
		return v
	}
	if out.Value != 0 {
		return heap.Zeroed.Breach("byte %d of p%d is not zero", out.Value-1, op.Def)
	}
	return nil
}

func block(out prog.Outcome) heap.Block { return heap.Block{Addr: out.Addr, Usable: out.Size} }

func judgeBlock(slot uint32, out prog.Outcome) *model.Violation {
	switch out.Msg {
	case "":
		return nil
	case notOwned:
		return heap.Owned.Breach("p%d is not in memory that the allocator owns", slot)
	case notGiven:
		return heap.Owned.Breach("p%d is not in memory that the operating system gave", slot)
	}
	return heap.Dressed.Breach("p%d: %s", slot, out.Msg)
}

// judgeFailed judges the statistics right after a request that failed.
func judgeFailed(m *heap.Model, out prog.Outcome) *model.Violation {
	m.Failed()
	if out.Msg != counted {
		return nil
	}
	return m.Count(out.Addr, out.Size)
}

func judgeResize(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
	slot, size := uint32(op.Args[0]), uintptr(op.Args[1])
	switch {
	case out.Status == prog.NoMem && out.Value != 0:
		return heap.Keeps.Breach("byte %d of p%d changed in a realloc that failed", out.Value-1, slot)
	case out.Status == prog.NoMem:
		if v := judgeFailed(m, out); v != nil {
			return v
		}
		return m.Refuse(heap.Request{Size: size})
	case out.Addr == 0 && out.Value != 0:
		return damaged(slot, out)
	case out.Addr == 0:
		m.Free(slot)
		return nil
	}
	if v := judgeBlock(slot, out); v != nil {
		return v
	}
	if v := m.Realloc(slot, size, block(out)); v != nil {
		return v
	}
	if out.Value != 0 {
		return heap.Moved.Breach("byte %d of p%d was not kept", out.Value-1, slot)
	}
	return nil
}

func judgeRelease(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if out.Value != 0 {
		return damaged(uint32(op.Args[0]), out)
	}
	m.Free(uint32(op.Args[0]))
	return judgeDress(op, out)
}

// judgeDress judges what debug hooks wrote.
func judgeDress(op prog.Op, out prog.Outcome) *model.Violation {
	if out.Msg != "" {
		return heap.Dressed.Breach("p%d: %s", op.Args[0], out.Msg)
	}
	return nil
}

func judgeContent(_ *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if out.Value != 0 {
		return damaged(uint32(op.Args[0]), out)
	}
	return judgeDress(op, out)
}

func damaged(slot uint32, out prog.Outcome) *model.Violation {
	return heap.Content.Breach("byte %d of p%d is not as it was written", out.Value-1, slot)
}

func judgeDrain(m *heap.Model, _ prog.Op, out prog.Outcome) *model.Violation {
	if out.Value != 0 {
		return heap.Content.Breach("byte %d of p%d is not as it was written", out.Value-1, out.Addr)
	}
	m.Drain()
	return judgeDress(prog.Op{Args: [3]uint64{out.Addr}}, out)
}

func judgeUsable(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
	return m.Usable(uint32(op.Args[0]), out.Size)
}

func judgeCheck(m *heap.Model, _ prog.Op, out prog.Outcome) *model.Violation { return m.Check(out.Msg) }

func judgeCount(m *heap.Model, _ prog.Op, out prog.Outcome) *model.Violation {
	if out.Msg == misgiven {
		return heap.Accounted.Breach("%d bytes of footprint, and the operating system gave others", out.Addr)
	}
	if v := m.Count(out.Value, out.Size); v != nil {
		return v
	}
	return m.Footprint(out.Addr)
}

// judgeFreeNil judges the statistics after free of nil, which are those of before.
func judgeFreeNil(m *heap.Model, _ prog.Op, out prog.Outcome) *model.Violation {
	if out.Msg == counted && m.Count(out.Addr, out.Size) != nil {
		return heap.Nil.Breach("%d blocks in use where %d are live", out.Addr, m.Blocks())
	}
	return nil
}

// judgeMisuse judges whether a misuse was met as the contract promises. Value 1 says that it was detected, and the
// message by which name; "" is any. An address that the system has taken back (Size gone) is a foreign one.
func judgeMisuse(kind string, promised func(*heap.Contract) heap.Answer) judge {
	return func(m *heap.Model, _ prog.Op, out prog.Outcome) *model.Violation {
		want, name := promised(&m.Contract), kind
		if out.Size == gone && name != "" {
			name = heap.KindForeign
		}
		switch {
		case (want == heap.Detected) != (out.Value == 1):
			return heap.Misuse.Breach("it is promised to be %v", want)
		case m.Contract.NamesMisuse && name != "" && out.Value == 1 && out.Msg != name:
			return heap.Misuse.Breach("it is called %q, and is a %s", out.Msg, name)
		}
		return nil
	}
}

// judgeSecond judges the misuse of a block that was freed first.
func judgeSecond(kind string, promised func(*heap.Contract) heap.Answer) judge {
	misused := judgeMisuse(kind, promised)
	return func(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
		if out.Msg == damage {
			return damaged(uint32(op.Args[0]), out)
		}
		m.Free(uint32(op.Args[0]))
		return misused(m, op, out)
	}
}

var judgeNoBlock = judgeMisuse("", func(c *heap.Contract) heap.Answer { return c.StrayFree })

// judgeBehind judges the free of the address behind a block, which was not asked for where another begins there.
func judgeBehind(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
	if out.Addr == 0 {
		return nil
	}
	out.Value = out.Addr - 1
	return judgeNoBlock(m, op, out)
}

// judgeOwner judges whether bytes are the allocator's, which Size 1 says. All of a block are, and none that the system
// did not give (Addr gone), nor more than there are, nor somebody else's (the message notOwned).
func judgeOwner(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
	at, size := op.Args[1], op.Args[2]
	switch owned := out.Size == 1; {
	case out.Msg == notOwned:
		return heap.Owned.Breach("memory of somebody else is said to be the allocator's")
	case !owned && at+size >= at && at+size <= m.UsableOf(uint32(op.Args[0])):
		return heap.Owned.Breach("bytes %d to %d of p%d are said not to be the allocator's", at, at+size, op.Args[0])
	case owned && (out.Addr == gone || size >= heap.NoSuchSize):
		return heap.Owned.Breach("%d bytes from byte %d of p%d are said to be the allocator's", size, at, op.Args[0])
	}
	return nil
}

// judgeSmash judges whether an overwritten byte around a block was detected, and by which name.
func judgeSmash(m *heap.Model, op prog.Op, out prog.Outcome) *model.Violation {
	kind := heap.KindBack
	switch at := op.Args[1]; {
	case at == 0:
		kind = heap.KindAPI
	case at < dressBytes:
		kind = heap.KindFront
	}
	switch {
	case out.Value == 0:
		return heap.Misuse.Breach("an overwritten byte around p%d is not detected", op.Args[0])
	case out.Msg != kind:
		return heap.Misuse.Breach("the byte is called %q, and is in the %s", out.Msg, kind)
	}
	return nil
}
