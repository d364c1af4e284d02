package gc

import (
	"strings"
	"testing"

	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// Every invariant is broken once by hand and reported by its name. Next and prev of a head lie 16 and 8 bytes in front
// of the object, the count at its start.
func TestCheckFinds(t *testing.T) {
	next := func(o object.Ref, v uintptr) { page.Store(uintptr(o)-16, v) }
	prev := func(o object.Ref, v uintptr) { page.Store(uintptr(o)-8, v) }
	type victims struct{ list, inner, third object.Ref }
	rows := []struct {
		rule string
		hurt func(*world, victims)
	}{
		{"gc/links", func(_ *world, v victims) { next(v.third, 0) }},
		{"gc/links", func(_ *world, v victims) { prev(v.inner, uintptr(v.third)) }},
		{"gc/links", func(w *world, v victims) { prev(w.c.gens[0], uintptr(v.list)) }},
		{"gc/once", func(_ *world, v victims) { next(v.third, uintptr(v.list)) }},
		{"gc/once", func(w *world, v victims) { next(w.c.gens[1], uintptr(v.inner)) }},
		{"gc/marks", func(w *world, v victims) { w.h.SetRefs(v.inner, 1) }},
		{"gc/tracked", func(_ *world, v victims) { page.Store(uintptr(v.inner), 0) }},
		{"gc/temporary", func(w *world, v victims) { w.h.Move(v.third, w.c.due) }},
		{"gc/counts", func(_ *world, v victims) { page.Store(uintptr(v.inner), 1) }},
		{"gc/counts", func(w *world, _ victims) { w.c.counts[1] = -1 }},
		{"gc/stats", func(w *world, _ victims) { w.c.stats[2].Collected = 3 }},
		{"gc/stats", func(w *world, _ victims) { w.c.pending = -1 }},
		{"gc/garbage", func(w *world, _ victims) { w.c.garbage = append(w.c.garbage, 0) }},
		{"object/count", func(_ *world, v victims) { page.Store(uintptr(v.third), 9) }},
		{"object/live", func(w *world, v victims) { delete(w.roots, 3); w.h.Unlink(v.third); w.h.Incref(v.third) }},
	}
	for _, profile := range []string{"3.6", "3.8", "3.12"} {
		for _, r := range rows {
			w := open(t, profile)
			v := victims{w.make("list", 1), w.make("list", 2), w.make("list", 3)}
			w.roots[1], w.roots[2], w.roots[3] = v.list, v.inner, v.third
			w.h.SetItem(v.list, 0, v.inner)
			w.h.SetItem(v.list, 1, v.inner)
			if err := w.check(); err != nil {
				t.Fatalf("%s: before: %v", profile, err)
			}
			r.hurt(w, v)
			if err := w.check(); err == nil || !strings.HasPrefix(err.Error(), r.rule+":") {
				t.Errorf("%s: %s broken, reported %v", profile, r.rule, err)
			}
		}
	}
	w := open(t, "3.8") // marks on the head of a list exist from 3.8 on
	next(w.c.gens[1], uintptr(w.c.gens[1])|1)
	if err := w.check(); err == nil || !strings.HasPrefix(err.Error(), "gc/marks:") {
		t.Errorf("a marked list head is reported as %v", err)
	}
}

// The checks inside a collection are tried on wrong gc_refs and on a wrong split.
func TestCheckSplitFinds(t *testing.T) {
	for _, profile := range []string{"3.6", "3.8", "3.12"} {
		w := open(t, profile)
		a, b := w.make("list", 1), w.make("list", 2)
		w.roots[1] = a
		w.h.SetItem(b, 0, b)
		w.h.Decref(b)
		young := w.c.gens[0]
		w.c.updateRefs(young)
		zeros := w.c.subtractRefs(young)
		if err := w.c.checkRefs(young); err != nil {
			t.Fatal(err)
		}
		w.h.SetRefs(a, 2)
		if err := w.c.checkRefs(young); err == nil || !strings.HasPrefix(err.Error(), "gc/refs:") {
			t.Errorf("%s: a wrong gc_refs is reported as %v", profile, err)
		}
		w.h.SetRefs(a, 1)
		w.c.scan(young, w.c.unreachable, zeros)
		if err := w.c.checkSplit(young, w.c.unreachable); err != nil {
			t.Fatal(err)
		}
		w.h.Move(b, young)
		if err := w.c.checkSplit(young, w.c.unreachable); err == nil || !strings.HasPrefix(err.Error(), "gc/split:") {
			t.Errorf("%s: garbage among the reachable is reported as %v", profile, err)
		}
		w.h.Move(b, w.c.unreachable)
		w.h.Move(a, w.c.unreachable)
		if err := w.c.checkSplit(young, w.c.unreachable); err == nil || !strings.HasPrefix(err.Error(), "gc/split:") {
			t.Errorf("%s: a live object among the garbage is reported as %v", profile, err)
		}
	}
}
