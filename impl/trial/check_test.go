package trial

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
	type victims struct{ outer, inner, suspect object.Ref }
	rows := []struct {
		rule string
		hurt func(*world, victims)
	}{
		{"trial/links", func(_ *world, v victims) { next(v.inner, 0) }},
		{"trial/links", func(_ *world, v victims) { prev(v.inner, uintptr(v.outer)) }},
		{"trial/links", func(w *world, v victims) { prev(w.c.suspects, uintptr(v.outer)) }},
		{"trial/links", func(_ *world, v victims) { next(v.outer, uintptr(v.inner)) }},
		{"trial/links", func(w *world, v victims) { next(w.c.suspects, uintptr(v.inner)) }},
		{"trial/tracked", func(_ *world, v victims) { page.Store(uintptr(v.inner), 0) }},
		{"trial/marks", func(w *world, v victims) { w.h.SetMark(v.inner, markGray) }},
		{"trial/marks", func(w *world, v victims) { w.h.SetMark(v.suspect, 0) }},
		{"trial/marks", func(w *world, v victims) { w.h.Move(v.inner, w.c.suspects) }},
		{"trial/marks", func(w *world, _ victims) { w.h.SetMark(w.c.suspects, object.SuspectMark) }},
		{"trial/temporary", func(w *world, v victims) { w.h.Move(v.inner, w.c.kept) }},
		{"trial/suspected", func(w *world, v victims) { w.h.SetMark(v.suspect, 0); w.h.Move(v.suspect, w.h.Young) }},
		{"trial/suspected", func(w *world, v victims) { w.roots = nil }},
		{"trial/stats", func(w *world, _ victims) { w.c.stats.Collected = 3 }},
		{"trial/stats", func(w *world, _ victims) { w.c.stats.Collections = -1 }},
		{"object/count", func(_ *world, v victims) { page.Store(uintptr(v.inner), 9) }},
	}
	for _, profile := range []string{"3.6", "3.8", "3.12"} {
		for _, r := range rows {
			w := open(t, profile)
			inner := w.node(w.plain, 1)
			v := victims{w.node(w.plain, 2, inner), inner, w.node(w.plain, 3)}
			w.h.SetItem(v.suspect, 0, v.suspect)
			w.drop(v.suspect)
			if err := w.check(); err != nil {
				t.Fatalf("%s: before: %v", profile, err)
			}
			r.hurt(w, v)
			if err := w.check(); err == nil || !strings.HasPrefix(err.Error(), r.rule+":") {
				t.Errorf("%s: %s broken, reported %v", profile, r.rule, err)
			}
		}
	}
}

// The checks inside a collection are tried on wrong counts and on wrong splits.
func TestCheckInside(t *testing.T) {
	w := open(t, "3.11")
	held := w.node(w.plain, 1)
	dead := w.node(w.plain, 2)
	for _, o := range []object.Ref{held, dead} {
		w.h.SetItem(o, 0, o)
	}
	w.h.Incref(held)
	w.h.Decref(held)
	w.drop(dead)
	reports := func(rule string, err error) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), rule+":") {
			t.Errorf("%s broken, reported %v", rule, err)
		}
	}
	w.c.gather()
	if err := w.c.checkCounts(); err != nil {
		t.Fatal(err)
	}
	w.h.AddCount(held, -2)
	reports("trial/count", w.c.checkCounts())
	w.h.AddCount(held, 2)
	bare := w.node(w.plain, 3) // dead, although no member leads to it
	w.h.SetMark(bare, markGray)
	w.h.Move(bare, w.c.members)
	w.h.AddCount(bare, -1)
	reports("trial/count", w.c.checkCounts())

	w = open(t, "3.11")
	held, dead = w.node(w.plain, 1), w.node(w.plain, 2)
	w.h.SetItem(dead, 0, dead)
	w.drop(dead)
	for _, o := range []object.Ref{held, dead} {
		w.h.SetMark(o, markGray)
		w.h.Move(o, w.c.members)
	}
	reports("trial/split", w.c.checkSplit()) // held is taken for garbage
	w.h.Move(held, w.c.kept)
	if err := w.c.checkSplit(); err != nil {
		t.Fatal(err)
	}
	w.h.Move(dead, w.c.kept)
	reports("trial/split", w.c.checkSplit()) // dead is kept
	w.h.AddCount(dead, -1)
	reports("trial/count", w.c.checkSplit())
}
