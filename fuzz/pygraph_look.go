package fuzz

import (
	"fmt"
	"maps"
	"slices"

	"heapfuzz/fuzz/inspect"
	"heapfuzz/impl/object"
	"heapfuzz/model/graph"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// Look runs a program on a heap of objects of package gc, without a limit of memory, and calls see after each operation
// with the objects as they are then: the roots, named by their slots, and what the collector follows. What a finalizer
// saved and nobody took has the name "saved". An error of see ends it.
func Look(t Target, p prog.Program,
	see func(at int, h *object.Heap, roots []inspect.Root, followed []object.Ref) error) error {
	if _, ours := t.Contract.(graph.Contract); !ours || t.twin == nil {
		return fmt.Errorf("target %s: its objects cannot be looked at; those of gc-VERSION can", t.Name)
	}
	var g gcHeap
	open := t.twin.opener(t.twin.parts)
	s := graphtest.Subject(t.Name, t.Contract.(graph.Contract), func(w graphtest.World) (graphtest.Heap, error) {
		h, err := open(w)
		if err != nil {
			return nil, err
		}
		part, ours := h.(gcPart)
		if !ours {
			return nil, fmt.Errorf("target %s: its objects are in another process", t.Name)
		}
		g = part.gcHeap
		return h, nil
	})
	target, _, err := s.Open(p.World)
	if err != nil {
		return err
	}
	defer target.Close()
	slots := map[prog.Slot]object.Ref{}
	for i, op := range p.Ops {
		out := target.Do(op)
		switch info := graphtest.Lang.Info(op.Kind); {
		case out.Status != prog.OK:
		case info.Role == prog.Make:
			slots[op.Def] = object.Ref(out.Addr)
		case info.Role == prog.Kill:
			delete(slots, prog.Slot(op.Args[0]))
		case info.Role == prog.KillAll:
			clear(slots)
		}
		if err := see(i, g.h, g.rootsOf(slots), g.followed()); err != nil {
			return err
		}
	}
	return nil
}

// rootsOf names the roots: the slots in their order, and then what else has one.
func (g gcHeap) rootsOf(slots map[prog.Slot]object.Ref) (roots []inspect.Root) {
	named := map[object.Ref]bool{}
	for _, slot := range slices.Sorted(maps.Keys(slots)) {
		roots = append(roots, inspect.Root{Name: fmt.Sprintf("p%d", slot), Object: slots[slot]})
		named[slots[slot]] = true
	}
	var saved []object.Ref
	for o, p := range g.known {
		if p.roots > 0 && !named[o] {
			saved = append(saved, o)
		}
	}
	slices.SortFunc(saved, func(a, b object.Ref) int { return g.known[a].serial - g.known[b].serial })
	for _, o := range saved {
		roots = append(roots, inspect.Root{Name: "saved", Object: o})
	}
	return roots
}

func (g gcHeap) followed() (all []object.Ref) {
	if err := g.c.Objects(-1, func(o object.Ref) { all = append(all, o) }); err != nil {
		panic(err) // there is no such generation
	}
	return all
}
