package graphtest

import (
	"heapfuzz/model"
	"heapfuzz/model/graph"
	"heapfuzz/props/prog"
)

// The domains. Most objects have few fields; those at which object layouts change are edges.
var (
	slots       = &prog.Domain{Name: "slot", Near: 31, Max: 4095, IsSlot: true}
	kinds       = &prog.Domain{Name: "kind", Near: graph.Kinds - 1, Max: graph.Kinds - 1}
	fields      = &prog.Domain{Name: "count", Near: 4, Max: 255, Edges: []uint64{1, 2, 2, 3, 15, 16, 17, 63, 64}}
	indices     = &prog.Domain{Name: "index", Near: 3, Max: 255}
	scripts     = &prog.Domain{Name: "script", Near: uint64(graph.Scripts) - 1, Max: uint64(graph.Scripts) - 1}
	generations = &prog.Domain{Name: "generation", Near: 2, Max: 3}
	callbacks   = &prog.Domain{Name: "callback", Near: 3, Max: 3}
	ages        = &prog.Domain{Name: "age", Near: 3, Max: 4}
	flags       = &prog.Domain{Name: "flag", Near: 1, Max: 1}
	nths        = &prog.Domain{Name: "nth", Near: 4, Max: 64}
	thresholds  = &prog.Domain{Name: "objects", Near: 8, Max: 1000, Edges: []uint64{0, 700}}
	limits      = &prog.Domain{Name: "limit", Near: 40, Max: 4095}
	small       = &prog.Domain{Name: "number", Near: 3, Max: 255}
)

func arg(name string, d *prog.Domain) prog.Arg { return prog.Arg{Name: name, Domain: d} }

func args(a ...prog.Arg) []prog.Arg { return a }

var (
	world    = args(arg("limit", limits), arg("auto", thresholds), arg("variant", small))
	slotArg  = arg("p", slots)
	otherArg = arg("q", slots)
	fieldArg = arg("field", indices)
	genArg   = arg("generation", generations)
)

type (
	state = *graph.Model
	row   = prog.Row[*graph.Model, *driver]
	judge = func(state, prog.Op, prog.Outcome) *model.Violation

	violation = *model.Violation
)

// Lang is the language of heaps of objects. A row is one operation, whole: how it prints, how the driver asks it, how
// the model judges the answer. The first argument of a row on an object is its slot. An index is taken modulo the
// object's number of fields, and a generation above the last is the last.
//
// An operation that looks for an object and finds none takes that of its argument, so that its slot is live all the
// same: a program whose slots depended on deaths would mean nothing from there on.
//
// What depends on deaths is not visible, as a heap is free to decide when they are: counts, what collections return,
// statistics. Visible are the shapes of what verify walks over.
var Lang = prog.NewLang("graph", slots, world, []row{
	act(prog.Info{Name: "new", Role: prog.Make, Weight: 24, Args: args(arg("kind", kinds), arg("fields", fields)),
		Doc: "makes an object; kind=0 is a node, 1 an atom, and others are up to the heap"},
		verb{ask: (*driver).make, after: judgeNew}),
	act(prog.Info{Name: "weak", Role: prog.Make, Weight: 5, Args: args(slotArg, arg("callback", callbacks)),
		Doc: "makes a weak reference to the object of p, which calls back and (2) asks others, (3) collects; p " +
			"itself if it takes none"},
		verb{need: needWeak, ask: (*driver).weak, after: judgeWeak}),
	act(prog.Info{Name: "root", Role: prog.Make, Weight: 2, Args: args(slotArg),
		Doc: "gives the object of p one more root"},
		verb{ask: (*driver).alias, after: judgeAlias}),
	act(prog.Info{Name: "load", Role: prog.Make, Weight: 5, Args: args(slotArg, fieldArg),
		Doc: "takes what a field of p refers to; p itself if that is nothing"},
		verb{ask: (*driver).load, after: judgeLoad}),
	act(prog.Info{Name: "deref", Role: prog.Make, Weight: 3, Args: args(slotArg),
		Doc: "takes what the weak reference p refers to; p itself if it is cleared, or is none"},
		verb{need: needWeak, ask: (*driver).deref, after: judgeDeref}),
	act(prog.Info{Name: "take", Role: prog.Make, Weight: 3, Args: args(slotArg),
		Doc: "takes the object that a finalizer saved first; p itself if there is none"},
		verb{need: needFinal, ask: (*driver).take, after: judgeTake}),
	act(prog.Info{Name: "recover", Role: prog.Make, Weight: 2, Args: args(slotArg),
		Doc: "takes the object that came first into the garbage; p itself if there is none"},
		verb{need: needHoard, ask: (*driver).recover, after: judgeRecover}),
	act(prog.Info{Name: "copy", Role: prog.Make, Weight: 2, Args: args(slotArg), Doc: "copies the object of p"},
		verb{need: needCopy, ask: (*driver).copy, after: judgeCopy}),
	act(prog.Info{Name: "deepcopy", Role: prog.Make, Weight: 2, Args: args(slotArg),
		Doc: "copies the object of p and all that it reaches; p itself if that is more than 256"},
		verb{need: needCopy, ask: (*driver).deepcopy, after: judgeDeepCopy}),

	act(prog.Info{Name: "unroot", Role: prog.Kill, Weight: 22, Args: args(slotArg),
		Doc: "takes the root away that p is"},
		verb{ask: (*driver).unroot, before: func(m state, op prog.Op) { m.Drop(uint32(op.Args[0])) }}),
	act(prog.Info{Name: "set", Role: prog.Use, Weight: 30, Args: args(slotArg, otherArg, fieldArg),
		Doc: "stores the object of q in a field of p"},
		verb{may: hasFields, ask: (*driver).set, before: func(m state, op prog.Op) {
			slot, index := place(m, op, 2)
			m.Set(slot, index, uint32(op.Args[1]), true)
		}}),
	act(prog.Info{Name: "clear", Role: prog.Use, Weight: 6, Args: args(slotArg, fieldArg),
		Doc: "empties a field of p"},
		verb{may: hasFields, ask: (*driver).clear, before: func(m state, op prog.Op) {
			slot, index := place(m, op, 1)
			m.Set(slot, index, 0, false)
		}}),
	act(prog.Info{Name: "finalizer", Role: prog.Use, Weight: 4, Args: args(slotArg, arg("script", scripts)),
		Doc: "gives p a finalizer that does nothing, or (2) saves its object, (3) empties its fields, " +
			"(4) makes an object, (5) collects, (6) asks weak references, (7) empties fields that hold one, " +
			"(8) stores its object in, or (9) appends it to, that of the first slot that can, " +
			"(10) saves what a weak reference refers to, (11) makes an object, or (12) a weak reference to its own, " +
			"and saves that; script=0 is 1"},
		verb{need: needFinal, may: func(m state, op prog.Op) bool {
			return takesExtras(m, op) && !m.HasFinalizer(uint32(op.Args[0]))
		}, ask: (*driver).finalizer, before: func(m state, op prog.Op) {
			m.Finalizer(uint32(op.Args[0]), scriptOf(op))
		}}),
	act(prog.Info{Name: "legacy", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "gives p a finalizer that no collection calls, and that does nothing"},
		verb{need: needLegacy, may: func(m state, op prog.Op) bool {
			return takesExtras(m, op) && !m.HasFinalizer(uint32(op.Args[0]))
		}, ask: (*driver).setLegacy, before: func(m state, op prog.Op) { m.Legacy(uint32(op.Args[0]), graph.Idle) }}),
	act(prog.Info{Name: "legacysaves", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "gives p a finalizer that no collection calls, and that saves its object when it runs first"},
		verb{need: needLegacy, may: func(m state, op prog.Op) bool {
			return takesExtras(m, op) && !m.HasFinalizer(uint32(op.Args[0]))
		}, ask: (*driver).setLegacySaves, before: func(m state, op prog.Op) {
			m.Legacy(uint32(op.Args[0]), graph.Rescue)
		}}),
	act(prog.Info{Name: "append", Role: prog.Use, Weight: 8, Args: args(slotArg, otherArg),
		Doc: "adds a field to p, behind the others, that refers to the object of q"},
		verb{need: needGrow, may: grows, ask: (*driver).push, after: judgeAppend}),
	act(prog.Info{Name: "pop", Role: prog.Use, Weight: 3, Args: args(slotArg), Doc: "takes the last field of p away"},
		verb{need: needGrow, may: func(m state, op prog.Op) bool { return grows(m, op) && hasFields(m, op) },
			ask: (*driver).pop, before: func(m state, op prog.Op) { m.Pop(uint32(op.Args[0])) }}),
	act(prog.Info{Name: "verify", Role: prog.Use, Weight: 5, Args: args(slotArg),
		Doc: "walks over what p reaches"},
		verb{ask: (*driver).verify, after: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Verify(uint32(op.Args[0]), out.Value, out.Addr)
		}}),
	act(prog.Info{Name: "count", Role: prog.Use, Weight: 2, Args: args(slotArg),
		Doc: "asks how many roots and fields refer to the object of p"},
		verb{need: needCount, ask: (*driver).askCount, after: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Count(uint32(op.Args[0]), out.Addr)
		}}),
	act(prog.Info{Name: "generation", Role: prog.Use, Weight: 2, Args: args(slotArg),
		Doc: "asks which generation the object of p is in"},
		verb{need: needAge, ask: (*driver).age, after: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Generation(uint32(op.Args[0]), int(out.Addr))
		}}),
	act(prog.Info{Name: "tracked", Role: prog.Use, Weight: 2, Args: args(slotArg),
		Doc: "asks whether the collector follows the object of p, or one that it refers to"},
		verb{need: needTracked, ask: (*driver).tracked, after: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Tracked(uint32(op.Args[0]), out.Addr != 0, out.Size != 0)
		}}),
	act(prog.Info{Name: "finalized", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "asks whether the finalizer of p has run"},
		verb{need: needGraduate, ask: (*driver).isFinalized,
			after: func(m state, op prog.Op, out prog.Outcome) violation {
				return m.Finished(uint32(op.Args[0]), out.Addr != 0)
			}}),
	act(prog.Info{Name: "size", Role: prog.Use, Weight: 2, Args: args(slotArg),
		Doc: "asks how many bytes the object of p takes"},
		verb{need: needSize, ask: (*driver).size, after: func(m state, op prog.Op, out prog.Outcome) violation {
			return m.Size(uint32(op.Args[0]), out.Addr)
		}}),
	act(prog.Info{Name: "referents", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "asks which objects p refers to"},
		verb{need: needRelate, ask: (*driver).referents, after: func(m state, op prog.Op, _ prog.Outcome) violation {
			return m.Referents(uint32(op.Args[0]))
		}}),
	act(prog.Info{Name: "referrers", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "asks which objects refer to p, up to 128 times from the beginning or a drain on"},
		verb{need: needRelate, ask: (*driver).referrers, after: func(m state, op prog.Op, _ prog.Outcome) violation {
			return m.Referrers(uint32(op.Args[0]))
		}}),

	act(prog.Info{Name: "collect", Weight: 8, Args: args(genArg), Doc: "asks for a collection"},
		verb{ask: func(d *driver, op prog.Op) prog.Outcome {
			return prog.Outcome{Addr: uint64(d.collect(int(op.Args[0])))}
		}}),
	act(prog.Info{Name: "check", Weight: 3, Doc: "has the heap recount its own invariants"},
		verb{need: needCheck, ask: (*driver).check, after: judgeCheck}),
	act(prog.Info{Name: "objects", Weight: 1, Args: args(arg("above", ages)),
		Doc: "asks for the objects of generation above-1 that the collector follows; of all with above=0"},
		verb{need: needCensus, ask: (*driver).objects, after: func(m state, op prog.Op, _ prog.Outcome) violation {
			return m.Census(min(int(op.Args[0]), m.Contract.Full()+1) - 1)
		}}),
	act(prog.Info{Name: "garbage", Weight: 1, Doc: "drops the garbage"},
		verb{need: needHoard, ask: (*driver).dropGarbage, before: func(m state, _ prog.Op) { m.DropGarbage() },
			after: func(m state, _ prog.Op, out prog.Outcome) violation { return m.Dropped(out.Addr) }}),
	act(prog.Info{Name: "frozen", Weight: 1, Doc: "asks how many objects are hidden from the collector"},
		verb{need: needFreezeCount, ask: (*driver).freezeCount,
			after: func(m state, _ prog.Op, out prog.Outcome) violation { return m.FreezeCount(out.Addr) }}),
	act(prog.Info{Name: "usage", Weight: 2, Doc: "asks for the number of objects and their bytes"},
		verb{need: needUsage, ask: (*driver).usage, after: func(m state, _ prog.Op, out prog.Outcome) violation {
			return m.Usage(out.Addr, out.Size)
		}}),
	act(prog.Info{Name: "footprint", Weight: 1, Doc: "asks for the bytes that the heap has from the operating system"},
		verb{need: needUsage, ask: (*driver).footprint, after: func(m state, _ prog.Op, out prog.Outcome) violation {
			return m.Footprint(out.Addr)
		}}),
	act(prog.Info{Name: "stats", Weight: 1, Doc: "asks for the statistics of the collections"},
		verb{need: needStats, ask: (*driver).statistics, after: func(m state, _ prog.Op, out prog.Outcome) violation {
			return m.Stats(out.Addr, out.Size)
		}}),
	act(prog.Info{Name: "pace", Weight: 2, Doc: "asks for the counts and thresholds of the generations"},
		verb{need: needPace, ask: (*driver).askPace}),
	act(prog.Info{Name: "beyond", Weight: 2, Args: args(arg("by", ages)),
		Doc: "asks for a collection and the list of a generation that there is not, above or, if odd, below all"},
		verb{need: needRefuse, ask: (*driver).beyond, after: func(m state, _ prog.Op, out prog.Outcome) violation {
			return m.Refusal(out.Addr != 0)
		}}),
	act(prog.Info{Name: "immortal", Role: prog.Use, Weight: 1, Args: args(slotArg),
		Doc: "has the object of p live for ever"},
		verb{need: needImmortal, ask: (*driver).immortalize,
			before: func(m state, op prog.Op) { m.Immortalize(uint32(op.Args[0])) }}),
	act(prog.Info{Name: "enable", Role: prog.Set, Weight: 1, Args: args(arg("on", flags)),
		Doc: "switches collections that start by themselves on or off"},
		verb{need: needSwitch, ask: (*driver).enable,
			before: func(m state, op prog.Op) { m.Enable(op.Args[0] != 0) }}),
	act(prog.Info{Name: "threshold", Role: prog.Set, Weight: 1, Args: args(genArg, arg("n", thresholds)),
		Doc: "sets after how many objects a generation is collected; n=0 is never"},
		verb{need: needThreshold, ask: (*driver).threshold, before: func(m state, op prog.Op) {
			m.Threshold(min(int(op.Args[0]), m.Contract.Full()), int(op.Args[1]))
		}}),
	act(prog.Info{Name: "freeze", Role: prog.Set, Weight: 1, Doc: "hides all objects from the collector"},
		verb{need: needFreeze, ask: (*driver).freeze, before: func(m state, _ prog.Op) { m.Freeze(true) }}),
	act(prog.Info{Name: "unfreeze", Role: prog.Set, Weight: 1, Doc: "shows them again"},
		verb{need: needFreeze, ask: (*driver).unfreeze, before: func(m state, _ prog.Op) { m.Freeze(false) }}),
	act(prog.Info{Name: "saveall", Role: prog.Set, Weight: 1, Args: args(arg("on", flags)),
		Doc: "has collections put what they find in the garbage"},
		verb{need: needHoard, ask: (*driver).saveAll,
			before: func(m state, op prog.Op) { m.SaveAll(op.Args[0] != 0) }}),
	act(prog.Info{Name: "trim", Role: prog.Set, Weight: 1, Doc: "has the heap give back what it need not keep"},
		verb{need: needTrim, ask: (*driver).giveBack, before: func(m state, _ prog.Op) { m.Trim() }}),
	act(prog.Info{Name: "oom", Role: prog.Set, Fault: true, Weight: 1, Args: args(arg("nth", nths),
		arg("forever", flags)),
		Doc: "makes the nth request to the operating system from here fail, all from it with forever=1; nth=0 ends it",
	}, verb{need: needOOM, ask: (*driver).inject, before: func(m state, op prog.Op) { m.Scarce(op.Args[0] != 0) }}),
	act(prog.Info{Name: "drain", Role: prog.KillAll, Weight: 1,
		Doc: "takes every root away, in the order of the slots, and collects until finalizers save no more; what is " +
			"in the garbage is emptied"},
		verb{ask: (*driver).drain, before: func(m state, _ prog.Op) { m.SaveAll(false) },
			after: func(m state, _ prog.Op, _ prog.Outcome) violation {
				m.Forget()
				return nil
			}}),
}).With(motifs...)

// verb is how an operation is asked and judged. Before tells the model what the operation itself does, ahead of what
// happened in it; after judges the answer, behind it. May tells whether the model's slots are in the state for it.
type verb struct {
	need   need
	may    func(state, prog.Op) bool
	ask    func(*driver, prog.Op) prog.Outcome
	before func(state, prog.Op)
	after  judge
}

// act is a row. It is skipped when the heap has no such part, when a slot that it reads is dead, or when the one that
// it defines is live.
func act(info prog.Info, v verb) row {
	info.Needs, info.Lacks = int(v.need), v.need != none
	return row{
		Info: info,
		Do: func(d *driver, op prog.Op) prog.Outcome {
			if !d.has[v.need] || !ready(&info, op, func(slot uint64) bool { return d.live(prog.Slot(slot)) }) {
				return prog.Outcome{Status: prog.Skip}
			}
			d.log = d.log[:0]
			out := v.ask(d, op)
			d.hoard()
			d.answered(v.need, &out)
			if len(d.log) > 0 {
				out.Msg = string(d.log)
			}
			return out
		},
		Step: func(m state, op prog.Op, out prog.Outcome) *model.Violation {
			may := ready(&info, op, func(slot uint64) bool { return m.Live(uint32(slot)) })
			may = may && (v.may == nil || v.may(m, op))
			if !may || out.Status == prog.Skip {
				return judgeSkip(&info, out, may)
			}
			if v.before != nil {
				v.before(m, op)
			}
			if out.Status != prog.Fail { // whose message is the heap's word
				if v := tellEvents(m, out.Msg); v != nil {
					return v
				}
			}
			if v.after != nil {
				if v := v.after(m, op, out); v != nil {
					return v
				}
			}
			return m.Settle()
		},
	}
}

// ready tells whether the slots of an operation are in the right state.
func ready(info *prog.Info, op prog.Op, live func(uint64) bool) bool {
	if info.Role == prog.Make && live(uint64(op.Def)) {
		return false
	}
	for i, a := range info.Args {
		if a.Domain.IsSlot && !live(op.Args[i]) {
			return false
		}
	}
	return true
}

// judgeSkip judges an answer where either the target skipped or it had to.
func judgeSkip(info *prog.Info, out prog.Outcome, may bool) *model.Violation {
	switch {
	case out.Status != prog.Skip:
		return graph.Answers.Breach("%s answered %v where its slot is in the wrong state", info.Name, out.Status)
	case may && !info.Lacks:
		return graph.Answers.Breach("%s, which every heap has, was skipped", info.Name)
	}
	return nil
}

// scriptOf is the script of an operation finalizer.
func scriptOf(op prog.Op) graph.Script { return graph.Script(max(op.Args[1], 1)) }
