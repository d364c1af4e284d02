package dicttest

import (
	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props/prog"
)

// mersenne is the number modulo which CPython hashes integers, so that its multiples have one hash.
const mersenne = 1<<61 - 1

// The domains. Keys are few, so that they meet. The edges are those at which hash functions and empty slots of open
// addressing meet, keys of one hash, and keys with equal low bits.
var (
	slots = &prog.Domain{Name: "slot", Near: 3, Max: 255, IsSlot: true}
	keys  = &prog.Domain{Name: "key", Near: 15, Max: 4095, Edges: []uint64{
		0, 1, 7, 8, 63, 64, 127, 128, mersenne, 2 * mersenne, 3 * mersenne, 4 * mersenne, mersenne + 1,
		1 << 16, 2 << 16, 3 << 16, 4 << 16, 5 << 16, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 48, 2 << 48, 3 << 48,
		1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 3, 1<<64 - 2, 1<<64 - 1}}
	values     = &prog.Domain{Name: "value", Near: 255, Max: 1<<20 - 1, Edges: []uint64{0, 1}}
	capacities = &prog.Domain{Name: "count", Near: 9, Max: 4095, Edges: []uint64{0, 1, 2, 3, 5, 6, 7, 8, 9, 13, 14, 15,
		16, 17, 28, 29, 56, 57, 100, 448, 1000, 1 << 31, 1 << 32, 1 << 62, 1<<63 - 1}}
	indices  = &prog.Domain{Name: "iteration", Near: 1, Max: dict.Iterators - 1}
	acts     = &prog.Domain{Name: "act", Near: uint64(dict.Acts) - 1, Max: uint64(dict.Acts) - 1}
	flags    = &prog.Domain{Name: "flag", Near: 1, Max: 1}
	nths     = &prog.Domain{Name: "nth", Near: 4, Max: 64}
	limits   = &prog.Domain{Name: "limit", Near: 40, Max: 4095}
	hashes   = &prog.Domain{Name: "hash", Near: hashers - 1, Max: hashers - 1}
	variants = &prog.Domain{Name: "number", Near: 3, Max: 255}
)

func arg(name string, d *prog.Domain) prog.Arg { return prog.Arg{Name: name, Domain: d} }

func args(a ...prog.Arg) []prog.Arg { return a }

var (
	world    = args(arg("limit", limits), arg("hash", hashes), arg("variant", variants))
	slotArg  = arg("p", slots)
	otherArg = arg("q", slots)
	keyArg   = arg("key", keys)
	valueArg = arg("value", values)
	iterArg  = arg("i", indices)
)

type (
	state = *dict.Model
	row   = prog.Row[*dict.Model, *driver]

	violation = *model.Violation
)

// Lang is the language of dicts. A row is one operation, whole: how it prints, how the driver asks it, how the model
// judges the answer.
//
// Visible is what a key holds, whether it was there, how many there are. Hidden is the order of entries, what popitem
// takes, and sizes: of those the contract speaks.
//
// The length of a dict is told with every answer about it, so that a wrong one is seen at once.
var Lang = prog.NewLang("dict", slots, world, rows).With(motifs...)

var rows = []row{
	act(prog.Info{Name: "new", Role: prog.Make, Weight: 6, Args: args(arg("capacity", capacities)),
		Doc: "makes an empty dict with room for so many entries, where it can be told"},
		verb{ask: (*driver).make, judge: judgeNew}),
	act(prog.Info{Name: "copy", Role: prog.Make, Weight: 2, Args: args(slotArg), Doc: "copies p"},
		verb{need: needCopy, ask: (*driver).copy, judge: judgeCopy}),
	act(prog.Info{Name: "rebuild", Role: prog.Make, Weight: 2, Args: args(slotArg),
		Doc: "makes a dict of the entries of p: dict(d)"},
		verb{need: needRebuild, ask: (*driver).rebuild, judge: judgeCopy}),
	act(prog.Info{Name: "fromkeys", Role: prog.Make, Weight: 1, Args: args(slotArg, valueArg),
		Doc: "makes a dict of the keys of p, all with one value"},
		verb{need: needFromKeys, ask: (*driver).fromKeys, judge: judgeFromKeys}),
	act(prog.Info{Name: "drop", Role: prog.Kill, Weight: 6, Args: args(slotArg), Doc: "takes p away"},
		verb{ask: (*driver).drop, judge: func(m state, op prog.Op, _ prog.Outcome) violation {
			m.Drop(uint32(op.Args[0]))
			return nil
		}}),

	act(prog.Info{Name: "set", Role: prog.Use, Weight: 60, Fills: true, Args: args(slotArg, keyArg, valueArg),
		Doc: "gives a key of p a value"}, verb{ask: (*driver).set, judge: judgeSet, key: true}),
	act(prog.Info{Name: "get", Role: prog.Use, Weight: 20, Args: args(slotArg, keyArg),
		Doc: "asks for the value of a key"},
		verb{ask: (*driver).get, key: true, judge: func(m state, op prog.Op, out prog.Outcome) violation {
			value, ok := found(out)
			return m.Get(uint32(op.Args[0]), op.Args[1], value, ok)
		}}),
	act(prog.Info{Name: "delete", Role: prog.Use, Empties: true, Weight: 30, Args: args(slotArg, keyArg),
		Doc: "takes a key out of p"},
		verb{ask: (*driver).delete, key: true, judge: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Delete(uint32(op.Args[0]), op.Args[1], out.Value != 0)
		}}),
	act(prog.Info{Name: "pop", Role: prog.Use, Empties: true, Weight: 6, Args: args(slotArg, keyArg),
		Doc: "takes a key out of p and asks for its value"},
		verb{need: needPop, ask: (*driver).pop, key: true, judge: func(m state, op prog.Op,
			out prog.Outcome) violation {
			value, ok := found(out)
			return m.Pop(uint32(op.Args[0]), op.Args[1], value, ok)
		}}),
	act(prog.Info{Name: "setdefault", Role: prog.Use, Fills: true, Weight: 6, Args: args(slotArg, keyArg, valueArg),
		Doc: "gives a key of p a value if it has none, and asks for its value"},
		verb{need: needDefault, ask: (*driver).setDefault, judge: judgeSetDefault, key: true}),
	act(prog.Info{Name: "popitem", Role: prog.Use, Empties: true, Weight: 5, Args: args(slotArg),
		Doc: "takes the last entry out of p"},
		verb{need: needPopItem, ask: (*driver).popItem, judge: judgePopItem(false)}),
	act(prog.Info{Name: "popfirst", Role: prog.Use, Empties: true, Weight: 5, Args: args(slotArg),
		Doc: "takes the first entry out of p"},
		verb{need: needPopFirst, ask: (*driver).popFirst, judge: judgePopItem(true)}),
	act(prog.Info{Name: "clear", Role: prog.Use, Empties: true, Weight: 3, Args: args(slotArg),
		Doc: "takes all keys out of p"},
		verb{need: needClear, ask: (*driver).clear, long: true, judge: func(m state, op prog.Op,
			_ prog.Outcome) violation {
			m.Clear(uint32(op.Args[0]))
			return nil
		}}),
	act(prog.Info{Name: "update", Role: prog.Use, Fills: true, Weight: 4, Args: args(slotArg, otherArg),
		Doc: "sets all in p that q holds; p is cleared if that is refused"},
		verb{need: needUpdate, ask: (*driver).update, judge: judgeUpdate, long: true}),
	act(prog.Info{Name: "move", Role: prog.Use, Weight: 5, Args: args(slotArg, keyArg, arg("front", flags)),
		Doc: "moves a key of p to the end, or to the front"},
		verb{need: needMove, ask: (*driver).move, key: true, judge: func(m state, op prog.Op,
			out prog.Outcome) violation {
			return m.Move(uint32(op.Args[0]), op.Args[1], op.Args[2] != 0, out.Value != 0)
		}}),
	act(prog.Info{Name: "reserve", Role: prog.Use, Weight: 1, Args: args(slotArg, arg("capacity", capacities)),
		Doc: "makes room for so many entries in p"},
		verb{need: needReserve, ask: (*driver).reserve, judge: judgeReserve, long: true}),

	act(prog.Info{Name: "len", Role: prog.Use, Weight: 2, Args: args(slotArg), Doc: "asks for the number of keys"},
		verb{ask: (*driver).length, judge: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Len(uint32(op.Args[0]), int(out.Value))
		}}),
	act(prog.Info{Name: "equal", Role: prog.Use, Weight: 2, Args: args(slotArg, otherArg), Doc: "compares p with q"},
		verb{need: needEqual, ask: (*driver).equal, judge: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Equal(uint32(op.Args[0]), uint32(op.Args[1]), out.Value != 0)
		}}),
	act(prog.Info{Name: "size", Role: prog.Use, Weight: 6, Args: args(slotArg),
		Doc: "asks for the bytes that p takes up"},
		verb{need: needSize, ask: (*driver).size, judge: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Size(uint32(op.Args[0]), out.Addr)
		}}),
	act(prog.Info{Name: "iter", Role: prog.Use, Weight: 3, Args: args(slotArg, iterArg),
		Doc: "begins iteration i over p"},
		verb{need: needIterate, ask: (*driver).iterate, judge: judgeIterate(false)}),
	act(prog.Info{Name: "reversed", Role: prog.Use, Weight: 2, Args: args(slotArg, iterArg),
		Doc: "begins iteration i over p from the end"},
		verb{need: needReverse, ask: (*driver).reversed, judge: judgeIterate(true)}),
	act(prog.Info{Name: "next", Role: prog.Use, Weight: 14, Args: args(slotArg, iterArg), Lacks: true,
		Doc: "takes a step in iteration i over p"}, verb{need: needIterate, ask: (*driver).next, judge: judgeNext,
		may: func(m state, op prog.Op) bool { return m.Begun(uint32(op.Args[0]), int(op.Args[1])) }}),
	act(prog.Info{Name: "stop", Role: prog.Use, Weight: 1, Args: args(slotArg, iterArg),
		Doc: "ends iteration i over p"},
		verb{need: needIterate, ask: (*driver).stop, judge: func(m state, op prog.Op, _ prog.Outcome) violation {
			m.Stop(uint32(op.Args[0]), int(op.Args[1]))
			return nil
		}}),
	act(prog.Info{Name: "walk", Role: prog.Use, Weight: 6, Args: args(slotArg, arg("act", acts), keyArg),
		Doc: "has p tell all its entries; at the first act=1 stops, 4 deletes the key, 5 sets it, 6 clears, " +
			"7 sets many, " +
			"8 deletes many, 9 deletes the key and sets the next; at each act=2 overwrites and 3 deletes"},
		verb{need: needWalk, ask: (*driver).walk, judge: judgeWalk, long: true, may: func(m state, op prog.Op) bool {
			return walkable(&m.Contract, dict.Act(op.Args[1]), m.Sure())
		}}),
	act(prog.Info{Name: "arm", Role: prog.Use, Weight: 2, Args: args(slotArg, arg("act", acts), keyArg),
		Doc: "has an act happen at the next comparison of keys in an operation on one key of p"},
		verb{need: needCompare, ask: (*driver).arm, may: func(m state, op prog.Op) bool {
			return armable(dict.Act(op.Args[1])) && m.Sure() && m.Contract.Reentrant
		}, judge: func(m state, op prog.Op, _ prog.Outcome) violation {
			s := scriptOf(op)
			m.Arm(uint32(op.Args[0]), s.act, s.key, s.value)
			return nil
		}}),

	act(prog.Info{Name: "verify", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "looks up all keys in p that were ever set in any dict"},
		verb{ask: (*driver).verify, judge: judgeVerify}),
	act(prog.Info{Name: "verifyall", Doc: "does so in all dicts"}, verb{ask: (*driver).verifyAll, judge: judgeVerify}),
	act(prog.Info{Name: "check", Weight: 4, Doc: "has all recount their own invariants"},
		verb{need: needCheck, ask: (*driver).check, judge: func(m state, _ prog.Op, out prog.Outcome) violation {
			if out.Status != prog.Fail {
				return nil
			}
			return dict.Check(dict.Invariant, out.Msg)
		}}),
	act(prog.Info{Name: "held", Weight: 1,
		Doc: "ends all iterations and asks how many values can be reached, now and then"},
		verb{need: needHeld, ask: (*driver).held, judge: judgeHeld}),
	act(prog.Info{Name: "heldatlast", Doc: "does so however often it was asked"},
		verb{need: needHeld, ask: (*driver).heldAtLast, judge: judgeHeld}),
	act(prog.Info{Name: "usage", Weight: 1, Doc: "asks for the bytes in use"},
		verb{need: needUsage, ask: (*driver).usage, judge: func(m state, _ prog.Op, out prog.Outcome) violation {
			return m.Usage(int64(out.Addr))
		}}),
	act(prog.Info{Name: "trim", Role: prog.Set, Weight: 1, Doc: "has the store give back what it need not keep"},
		verb{ask: (*driver).trim, judge: func(m state, _ prog.Op, _ prog.Outcome) violation {
			m.Trim()
			return nil
		}}),
	act(prog.Info{Name: "oom", Role: prog.Set, Fault: true, Weight: 2, Args: args(arg("nth", nths), arg("forever",
		flags)),
		Doc: "makes the nth request for memory from here fail, all from it with forever=1; nth=0 ends it"},
		verb{need: needOOM, ask: (*driver).inject, judge: func(m state, op prog.Op, _ prog.Outcome) violation {
			m.Scarce(op.Args[0] != 0)
			return nil
		}}),
	act(prog.Info{Name: "drain", Role: prog.KillAll, Weight: 1,
		Doc: "takes every dict away, in the order of the slots"},
		verb{ask: (*driver).drain, judge: func(m state, _ prog.Op, _ prog.Outcome) violation {
			m.Drain()
			return nil
		}}),
}

// verb is how an operation is asked and judged. May tells whether the dict is in the state for it. The answer of one
// with key or long holds the length; with key, it holds what keyed adds.
type verb struct {
	need      need
	key, long bool
	may       func(state, prog.Op) bool
	ask       func(*driver, prog.Op) prog.Outcome
	judge     func(state, prog.Op, prog.Outcome) violation
}

// act is a row. It is skipped when there is no such part, when a slot that it reads is dead, or when the one that it
// defines is live.
func act(info prog.Info, v verb) row {
	info.Needs, info.Lacks = int(v.need), v.need != none
	reads := 0
	for _, a := range info.Args {
		if a.Domain.IsSlot {
			reads++
		}
	}
	makes, writes := info.Role == prog.Make, info.Name == "set" || info.Name == "delete"
	return row{
		Info: info,
		Do: func(d *driver, op prog.Op) prog.Outcome {
			if makes && d.live(uint64(op.Def)) || reads > 0 && !d.live(op.Args[0]) || reads > 1 && !d.live(op.Args[1]) {
				return prog.Outcome{Status: prog.Skip}
			}
			if v.need != none && !d.has[v.need] && !(reads > 0 && d.slots[op.Args[0]].has[v.need]) &&
				!(v.need == needCheck && d.checks()) {
				return prog.Outcome{Status: prog.Skip}
			}
			if v.key {
				d.slots[op.Args[0]].count()
			}
			return v.ask(d, op)
		},
		Step: func(m state, op prog.Op, out prog.Outcome) violation {
			slot := uint32(op.Args[0])
			may := !(makes && m.Live(uint32(op.Def)) || reads > 0 && !m.Live(slot) ||
				reads > 1 && !m.Live(uint32(op.Args[1]))) && (v.may == nil || v.may(m, op))
			if !may || out.Status == prog.Skip {
				return judgeSkip(&info, out, may)
			}
			ran := v.key && out.Addr&1 != 0
			if v.key {
				if ran {
					m.Compared(slot)
				}
				if probes := out.Addr >> 1; probes != 0 && !ran {
					if v := m.Probes(slot, probes-1, writes); v != nil {
						return v
					}
				}
			}
			broken := v.judge(m, op, out)
			if broken == nil && (v.key || v.long) {
				broken = m.Len(slot, int(out.Size)-1)
			}
			if broken != nil && ran {
				return dict.Reentry.Breach("%s", broken.Error())
			}
			return broken
		},
	}
}

// checks tells whether a dict can check itself.
func (d *driver) checks() bool {
	for _, h := range d.slots {
		if h != nil {
			return h.has[needCheck]
		}
	}
	return false
}

// judgeSkip judges an answer where either the target skipped or it had to.
func judgeSkip(info *prog.Info, out prog.Outcome, may bool) violation {
	switch {
	case out.Status != prog.Skip:
		return dict.Answers.Breach("%s answered %v where its slot is in the wrong state", info.Name, out.Status)
	case may && !info.Lacks:
		return dict.Answers.Breach("%s, which every dict has, was skipped", info.Name)
	}
	return nil
}
