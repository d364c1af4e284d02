package props_test

import (
	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// bySlot answers operations on slot 3 differently.
type bySlot struct{ props.Target }

func (b bySlot) Do(op prog.Op) prog.Outcome {
	out := b.Target.Do(op)
	if op.Def == 3 {
		out.Value++
	}
	return out
}

// accepts is a judge that objects to nothing.
type accepts struct{}

func (accepts) Step(prog.Op, prog.Outcome) *model.Violation { return nil }

// fiveAtMost tells of five blocks at most.
type fiveAtMost struct{ *heap.Reference }

func (f fiveAtMost) Usage() (blocks, bytes, footprint uint64) {
	blocks, bytes, footprint = f.Reference.Usage()
	return min(blocks, 5), bytes, footprint
}
