package fuzz

import (
	"heapfuzz/impl/object"
	"heapfuzz/model/graph"
)

// Copies of objects with an ID, by those of package object. Their classes have no finalizers, and what is hidden with
// them is their own.

func (h *pyHeap) Copy(id graph.ID) graph.ID     { return h.copied(id, h.h.Copy, false) }
func (h *pyHeap) DeepCopy(id graph.ID) graph.ID { return h.copied(id, h.h.DeepCopy, true) }

// A pyTwin is an object and its copy.
type pyTwin struct{ of, is object.Ref }

func (h *pyHeap) copied(id graph.ID, by func(object.Ref) (object.Ref, error), deep bool) graph.ID {
	o := object.Ref(id)
	y, err := by(o)
	if err != nil {
		return 0 // all that programs make can be copied, so it is memory
	}
	if y == o {
		h.known[o].roots++
		return id
	}
	twins := h.twins(o, y, deep)
	for _, t := range twins {
		if !h.unshare(t.is) {
			h.undo(y, twins)
			return 0
		}
	}
	for _, t := range twins {
		p := h.known[t.is]
		h.hidden += h.companions(p.kind, p.fields)
	}
	h.known[y].roots = 1
	h.c.Safepoint()
	return graph.ID(y)
}

// twins walks over an object and its copy side by side, breadth first, and enters what is new, without roots.
func (h *pyHeap) twins(o, y object.Ref, deep bool) []pyTwin {
	met := map[object.Ref]bool{o: true}
	all := []pyTwin{{o, y}}
	for i := 0; i < len(all); i++ {
		t := all[i]
		of := h.known[t.of]
		h.enter(t.is, of.kind, of.fields).roots = 0
		if class := h.h.TypeOf(t.is); class.Final != object.NoFinalizer {
			h.h.SetType(t.is, h.typeOf(class.Kind, class.Attrs))
		}
		for k := 0; deep && k < of.fields; k++ {
			a := object.Ref(h.Field(graph.ID(t.of), k))
			b := object.Ref(h.Field(graph.ID(t.is), k))
			if a != b && !met[a] {
				met[a] = true
				all = append(all, pyTwin{a, b})
			}
		}
	}
	return all
}

// unshare gives a copy tuples of its own, and reports whether there was memory.
func (h *pyHeap) unshare(o object.Ref) bool {
	p := h.known[o]
	if p.fields == 0 || p.kind != pyTuple && p.kind != pyNested {
		return true
	}
	var room [pyFieldsMax]object.Ref
	items := room[:p.fields]
	for i := range items {
		items[i] = object.Ref(h.Field(graph.ID(o), i))
	}
	if p.kind == pyTuple {
		return h.give(o, h.h.NewTuple(items...))
	}
	nest := object.Ref(0)
	for i := len(items) - 1; i >= 0; i-- {
		outer := h.h.NewTuple(items[i], nest)
		h.h.Decref(nest)
		if nest = outer; outer == 0 {
			return false
		}
	}
	return h.give(o, nest)
}

// undo frees a copy and all that was made for it, without a word.
func (h *pyHeap) undo(y object.Ref, twins []pyTwin) {
	for _, t := range twins {
		delete(h.known, t.is)
		h.h.Incref(t.is)
	}
	for _, t := range twins {
		h.h.Clear(t.is)
	}
	for _, t := range twins {
		h.h.Decref(t.is)
	}
	h.h.Decref(y)
}
