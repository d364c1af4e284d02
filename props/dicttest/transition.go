package dicttest

import (
	"heapfuzz/model/dict"
	"heapfuzz/props/prog"
)

// What a driver counts by itself, of any dict: how large they became, what was found, and how iterations went.
const (
	lengthSome = iota // a dict came to have 8 entries; then 64, and 256
	lengthTens
	lengthHundreds
	lengthNone // it lost its last one
	dictsMany  // 4 dicts at once
	setNew
	setOver  // a key got another value
	setAgain // a key that was taken out before came in again
	getFound
	getMissed
	takeFound // delete and pop
	takeMissed
	defaultSet
	defaultHeld
	popSome
	popNone
	sizeGrown // by an operation on entries
	sizeSmaller
	probesTwo  // a search looked at a second slot
	probesMany // and at 8 or more
	updated
	updatedSelf
	moved
	madeCopy
	madeRebuilt
	madeFromKeys
	equalYes
	equalNo
	iterSteps
	iterEnds
	iterChanged
	walkActs // something happened to a dict during a walk over it
	compareActs
	cleared
	refusals
	transitions
)

// steps are their names, and the part without which they cannot happen.
var steps = [transitions]struct {
	name string
	need need
}{
	lengthSome: {"length/8", none}, lengthTens: {"length/64", none}, lengthHundreds: {"length/256", none},
	lengthNone: {"length/0", none}, dictsMany: {"dicts/4", none},
	setNew: {"set/new", none}, setOver: {"set/over", none},
	setAgain: {"set/again", none}, getFound: {"get/found", none}, getMissed: {"get/missed", none},
	takeFound: {"delete/found", none}, takeMissed: {"delete/missed", none}, defaultSet: {"setdefault/new", needDefault},
	defaultHeld: {"setdefault/held", needDefault}, popSome: {"popitem/some", needPopItem},
	popNone: {"popitem/none", needPopItem}, sizeGrown: {"size/grown", needSize},
	sizeSmaller: {"size/smaller", needShrink}, probesTwo: {"probes/2", needProbe},
	probesMany: {"probes/8", needProbe},
	updated:    {"update/other", needUpdate}, updatedSelf: {"update/self", needUpdate},
	moved: {"move", needMove}, madeCopy: {"made/copy", needCopy}, madeRebuilt: {"made/rebuilt", needRebuild},
	madeFromKeys: {"made/keys", needFromKeys}, equalYes: {"equal/yes", needEqual}, equalNo: {"equal/no", needEqual},
	iterSteps: {"iterator/steps", needIterate}, iterEnds: {"iterator/ends", needIterate},
	iterChanged: {"iterator/changed", needChanged}, walkActs: {"walk/acts", needActs},
	compareActs: {"comparison/acts", needCompare}, cleared: {"clear", needClear}, refusals: {"refused", needOOM},
}

// Needs of transitions that are not one part.
const (
	needShrink  = needs + iota // the size is told, and becomes smaller when a dict is cleared
	needChanged                // iterations detect changes
	needActs                   // dicts may change during a walk
)

// takes tells whether dicts with those parts and that contract can take a transition at all.
func takes(c *dict.Contract, has *[needs]bool, step int) bool {
	switch need := steps[step].need; need {
	case needShrink:
		return has[needSize] && has[needClear] && c.ClearFrees
	case needChanged:
		return has[needIterate] && c.During == dict.Detected
	case needActs:
		return has[needWalk] && c.During != dict.Undefined && !c.MayRefuse
	case needCompare:
		return has[needCompare] && c.Reentrant && !c.MayRefuse
	default:
		return has[need]
	}
}

// counts is what the driver keeps for its transitions.
type counts struct {
	seen [transitions]uint64
	gone map[uint64]struct{} // keys that were deleted from some dict
	held int                 // dicts that live
}

// answered counts what the answer of an operation tells. The dict that it was asked of had so many entries before, -1
// if there was none.
func (d *driver) answered(op *prog.Op, out *prog.Outcome, length int) {
	info := &Lang.Rows[op.Kind]
	switch {
	case out.Status == prog.NoMem:
		d.seen[refusals]++
	case out.Status != prog.OK:
	case info.Role == prog.Make:
		if step, ok := makes[op.Kind]; ok {
			d.seen[step]++
		}
		if d.counts.held++; d.counts.held == 4 {
			d.seen[dictsMany]++
		}
	case info.Role == prog.Kill:
		d.counts.held--
	case info.Role == prog.KillAll:
		d.counts.held = 0
	case length >= 0:
		h := d.at(*op)
		if step := d.step(op, out, length, h.Len()); step < transitions {
			d.seen[step]++
		}
		d.searched(h, op.Kind, out)
		if info.Fills || info.Empties {
			d.changed(h, length)
		}
	}
}

// makes are the transitions of operations that make a dict of another.
var makes = map[prog.Kind]int{
	Lang.Kind("copy"): madeCopy, Lang.Kind("rebuild"): madeRebuilt, Lang.Kind("fromkeys"): madeFromKeys,
}

// The operations on a dict whose answers tell a transition.
var (
	kindSet, kindGet, kindDelete, kindPop = Lang.Kind("set"), Lang.Kind("get"), Lang.Kind("delete"), Lang.Kind("pop")
	kindDefault, kindUpdate, kindClear    = Lang.Kind("setdefault"), Lang.Kind("update"), Lang.Kind("clear")
	kindMove, kindEqual, kindNext         = Lang.Kind("move"), Lang.Kind("equal"), Lang.Kind("next")
)

// step is the transition of an operation on a dict that had so many entries before, and has so many after; or
// transitions.
func (d *driver) step(op *prog.Op, out *prog.Outcome, before, after int) int {
	either := func(is bool, yes, no int) int {
		if is {
			return yes
		}
		return no
	}
	_, again := d.gone[op.Args[1]]
	switch op.Kind {
	case kindSet:
		return either(after == before, setOver, either(again, setAgain, setNew))
	case kindGet:
		return either(out.Value != 0, getFound, getMissed)
	case kindDelete, kindPop:
		if out.Value != 0 && !again {
			d.gone[op.Args[1]] = struct{}{}
		}
		return either(out.Value != 0, takeFound, takeMissed)
	case kindDefault:
		return either(after == before, defaultHeld, defaultSet)
	case kindPopItem:
		return either(out.Value != 0, popSome, popNone)
	case kindUpdate:
		return either(op.Args[0] == op.Args[1], updatedSelf, updated)
	case kindMove:
		return either(out.Value != 0, moved, transitions)
	case kindEqual:
		return either(out.Value != 0, equalYes, equalNo)
	case kindNext:
		return either(out.Msg == "", iterSteps, either(out.Msg == atChanged, iterChanged, iterEnds))
	case kindWalk:
		return either(dict.Act(op.Args[1]).Changes() && out.Msg != "", walkActs, transitions)
	case kindClear:
		return either(before > 0, cleared, transitions)
	}
	return transitions
}

// searched counts the slots that a search on one key looked at, and what happened in its comparisons.
func (d *driver) searched(h *held, kind prog.Kind, out *prog.Outcome) {
	switch kind {
	case kindSet, kindGet, kindDelete, kindPop, kindDefault, kindMove:
	default:
		return
	}
	d.seen[compareActs] += out.Addr & 1
	if h.prober == nil {
		return
	}
	if probes := out.Addr>>1 - 1; probes >= 8 {
		d.seen[probesMany]++
	} else if probes >= 2 {
		d.seen[probesTwo]++
	}
}

// changed counts what an operation that fills or empties did to the length and the size of a dict.
func (d *driver) changed(h *held, before int) {
	after := h.Len()
	for i, bound := range [...]int{8, 64, 256} {
		if before < bound && after >= bound {
			d.seen[lengthSome+i]++
		}
	}
	if before > 0 && after == 0 {
		d.seen[lengthNone]++
	}
	if h.sizer == nil {
		return
	}
	size := h.sizer.Size()
	switch {
	case h.bytes != 0 && size > h.bytes:
		d.seen[sizeGrown]++
	case size < h.bytes:
		d.seen[sizeSmaller]++
	}
	h.bytes = size
}

// lengthOf is that of the dict that an operation is asked of, -1 if there is none.
func (d *driver) lengthOf(op *prog.Op) int {
	args := Lang.Rows[op.Kind].Args
	if len(args) == 0 || !args[0].Domain.IsSlot || !d.live(op.Args[0]) {
		return -1
	}
	return d.at(*op).Len()
}

// transitions tells what the driver counted, of what can happen to dicts with those parts, and what they did.
func (d *driver) transitions(has *[needs]bool, visit func(name string, times uint64)) {
	for step := range steps {
		if takes(&d.contract, has, step) {
			visit(steps[step].name, d.seen[step])
		}
	}
	if w, ok := d.store.(witness); ok {
		w.Transitions(visit)
	}
}

// witness is a store, or a cache, that tells how often each of its named transitions happened since it was made, always
// the same names in the same order. No rule looks at it.
type witness interface {
	Transitions(visit func(name string, times uint64))
}
