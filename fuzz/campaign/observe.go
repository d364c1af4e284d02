package campaign

import (
	"slices"

	"heapfuzz/props/prog"
)

// Observer tells what runs showed, each by itself: a corpus is minimized by that. It is not for concurrent use; the
// zero Observer works.
type Observer struct {
	walker walker
	none   *Coverage // nothing has been seen
}

// Behaviours returns those that a run showed, each once, in increasing order: what Coverage counts. Placed is that of
// the Target. The result is valid until the next call.
func (o *Observer) Behaviours(placed bool, spec *prog.Spec, ops []prog.Op, trace prog.Trace) []uint32 {
	if o.none == nil {
		o.none = new(Coverage)
	}
	shown := o.walker.walk(o.none, placed, spec, ops, trace)
	slices.Sort(shown)
	return slices.Compact(shown)
}
