package graphcanary

import (
	"slices"

	"heapfuzz/model/graph"
)

// This file has what toy does besides collecting: lists that grow, copies, the garbage, and answers about itself.

func (h *toy) Append(id, target graph.ID) bool {
	if h.refuses() {
		return false
	}
	o := h.objects[id]
	o.fields = append(o.fields, nil)
	h.bytes += 8
	at := len(o.fields) - 1
	if h.bug == AppendShifts && at >= 4 {
		o.fields[at], o.fields[at-1] = o.fields[at-1], nil
		at--
	}
	h.store(o, at, h.objects[target])
	return true
}

func (h *toy) Pop(id graph.ID) {
	o := h.objects[id]
	last := len(o.fields) - 1
	old := o.fields[last]
	o.fields = o.fields[:last]
	h.bytes -= 8
	if h.bug != PopKeeps {
		h.drop(old)
	}
}

func (h *toy) Copy(id graph.ID) graph.ID {
	o := h.objects[id]
	if o.shares() {
		h.hold(o)
		return id
	}
	if h.bug == CopyIsDeep && o.kind == list {
		return h.DeepCopy(id)
	}
	c := h.twin(o)
	if c == nil {
		return 0
	}
	for i, f := range o.fields {
		h.store(c, i, f)
	}
	return c.id
}

// shares tells whether an object is its own copy.
func (o *object) shares() bool {
	return o.kind == graph.Atom || o.kind == tuple || o.kind == graph.WeakKind
}

// twin makes an empty object like another; nil: no memory.
func (h *toy) twin(o *object) *object {
	return h.objects[h.add(&object{kind: o.kind, fields: make([]*object, len(o.fields))})]
}

// DeepCopy first makes an object for each that there will be, and fills them then.
func (h *toy) DeepCopy(id graph.ID) graph.ID {
	o := h.objects[id]
	reached := reach(o)
	memo := map[*object]*object{}
	var made []*object
	for _, of := range reached {
		switch c := of; {
		case h.isFixed(of):
			memo[of] = of
		default:
			if c = h.twin(of); c == nil {
				for _, c := range made {
					h.release(c)
				}
				return 0
			}
			made = append(made, c)
			memo[of] = c
		}
	}
	h.hold(memo[o])
	for _, of := range reached {
		if c := memo[of]; c != of {
			h.fill(c, of, memo)
		}
	}
	for _, c := range made {
		h.release(c)
	}
	return memo[o].id
}

// fill has a copy refer to the copies of what its original refers to.
func (h *toy) fill(c, of *object, memo map[*object]*object) {
	for i, f := range of.fields {
		if f == nil {
			continue
		}
		to := memo[f]
		if h.bug == DeepSplits && f.kind == list && len(f.fields) == 0 && slices.Contains(of.fields[:i], f) {
			to = h.twin(f)
			h.store(c, i, to)
			h.release(to)
			continue
		}
		h.store(c, i, to)
	}
	if h.bug == DeepMoves && of.kind == list && len(of.fields) > 0 {
		h.store(of, 0, c)
	}
}

// isFixed tells whether an object is its own deep copy: it reaches nothing that is not its own copy.
func (h *toy) isFixed(o *object) bool {
	switch {
	case h.bug == TupleCopied && o.kind == tuple:
		return false
	case h.bug == DeepShares && o.kind == list:
		return true
	}
	return !slices.ContainsFunc(reach(o), func(f *object) bool { return !f.shares() })
}

// reach returns an object and what it reaches.
func reach(o *object) []*object {
	reached, met := []*object{o}, map[*object]bool{o: true}
	for i := 0; i < len(reached); i++ {
		for _, f := range reached[i].fields {
			if f != nil && !met[f] {
				met[f] = true
				reached = append(reached, f)
			}
		}
	}
	return reached
}

func (h *toy) SaveAll(on bool)     { h.saveAll = on }
func (h *toy) Garbage() []graph.ID { return names(h.garbage) }

func (h *toy) DropGarbage() {
	garbage := h.garbage
	h.garbage = nil
	for _, o := range garbage {
		h.drop(o)
	}
}

func names(objects []*object) (ids []graph.ID) {
	for _, o := range objects {
		ids = append(ids, o.id)
	}
	return ids
}

func (h *toy) FreezeCount() int {
	return len(slices.DeleteFunc(h.all(), func(o *object) bool {
		return !o.frozen || h.bug == FrozenUncounted && o.kind == list
	}))
}

// Refuses tells that there are three generations.
func (h *toy) Refuses(generation int) bool { return h.bug != TakesBeyond || generation < 0 }

func (h *toy) OnCollection(start, stop func(int)) { h.start, h.stop = start, stop }

func (h *toy) Tracked(id graph.ID) bool { return h.objects[id].follows() }

func (h *toy) Finalized(id graph.ID) bool {
	o := h.objects[id]
	return o.finalized || h.bug == FinishedEarly && o.final != nil
}

func (h *toy) Size(id graph.ID) int {
	o := h.objects[id]
	if h.bug == SizeOfAsked {
		o.asked++
	}
	if h.bug == SizeWraps && len(o.fields) > 63 {
		return 16
	}
	return int(size(o)) + o.asked
}

// Objects lists what collections follow.
func (h *toy) Objects(generation int) []graph.ID {
	ids := names(slices.DeleteFunc(h.all(), func(o *object) bool {
		return !o.follows() || o.frozen || generation >= 0 && o.generation != generation
	}))
	if h.bug == DeadListed && h.lastDead != 0 && h.objects[h.lastDead] == nil {
		ids = append(ids, h.lastDead)
	}
	return ids
}

func (h *toy) Referents(id graph.ID) (ids []graph.ID) {
	o := h.objects[id]
	if h.bug == AtomReferents && o.kind == graph.Atom {
		panic("toy: an atom cannot be traversed")
	}
	for _, f := range o.fields {
		if f != nil && !slices.Contains(ids, f.id) {
			ids = append(ids, f.id)
		}
	}
	return ids
}

func (h *toy) Referrers(id graph.ID) []graph.ID {
	to := h.objects[id]
	return names(slices.DeleteFunc(h.all(), func(o *object) bool {
		old := h.bug == ReferrersYoung && o.generation > 0
		return !o.follows() || o.frozen || old || !slices.Contains(o.fields, to)
	}))
}
