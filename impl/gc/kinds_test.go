package gc

import (
	"fmt"
	"testing"

	"heapfuzz/impl/object"
)

// Cycles through each kind, as test_gc.py has them, and what two collections return: measured on interpreters of these
// releases. Where a cycle has nothing that can be cleared it is found again and again.
func TestCyclesOfKinds(t *testing.T) {
	instances := map[string]int{"3.6": 2, "3.8": 2, "3.11": 1, "3.13": 1} // an instance with its dict
	rows := []struct {
		what string
		make func(*object.Heap, object.Ref) // the instance is given up by the caller
		want func(instance int, release string) [2]int
	}{
		{"function in its globals (exec)", func(h *object.Heap, _ object.Ref) {
			d, k := h.NewDict(), h.NewStr("f")
			f := h.NewFunction(d, 0)
			h.DictSet(d, k, f)
			drop(h, d, k, f)
		}, func(i int, _ string) [2]int { return [2]int{i + 2, 0} }},
		{"recursive closure", func(h *object.Heap, _ object.Ref) {
			cell := h.NewCell(0)
			closure := h.NewTuple(cell)
			f := h.NewFunction(0, closure)
			h.SetItem(cell, 0, f)
			drop(h, cell, closure, f)
		}, func(i int, _ string) [2]int { return [2]int{i + 3, 0} }},
		{"function in a tuple of its defaults", func(h *object.Heap, _ object.Ref) {
			f := h.NewFunction(0, 0)
			defaults := h.NewTuple(f)
			h.SetItem(f, object.FunctionDefaults, defaults)
			drop(h, defaults, f)
		}, func(i int, release string) [2]int {
			if release == "3.6" {
				return [2]int{i + 2, 2} // no tp_clear
			}
			return [2]int{i + 2, 0}
		}},
		{"bound method", func(h *object.Heap, o object.Ref) {
			m := h.NewMethod(0, o)
			h.SetItem(o, 0, m)
			drop(h, m)
		}, func(i int, _ string) [2]int { return [2]int{i + 1, 0} }},
		{"set", func(h *object.Heap, o object.Ref) {
			s := h.NewSet(o)
			h.SetItem(o, 0, s)
			drop(h, s)
		}, func(i int, _ string) [2]int { return [2]int{i + 1, 0} }},
		{"set that holds a method of its own", func(h *object.Heap, _ object.Ref) {
			s := h.NewSet()
			m := h.NewMethod(0, s)
			h.SetAdd(s, m)
			drop(h, s, m)
		}, func(i int, _ string) [2]int { return [2]int{i + 2, 0} }},
		{"frozenset and slice", func(h *object.Heap, o object.Ref) {
			s, x := h.NewFrozenset(o), h.NewSlice(0, o, 0)
			h.SetItem(o, 0, s)
			h.SetItem(o, 1, x)
			drop(h, s, x)
		}, func(i int, _ string) [2]int { return [2]int{i + 2, 0} }},
		{"module", func(h *object.Heap, o object.Ref) {
			m := h.NewRecord("module")
			h.SetItem(m, 0, o)
			h.SetItem(o, 0, m)
			drop(h, m)
		}, func(i int, _ string) [2]int { return [2]int{i + 1, 0} }},
	}
	for release, instance := range instances {
		for _, r := range rows {
			if err := collectTwice(release, r.make, r.want(instance, release)); err != nil {
				t.Errorf("%s: %s: %v", release, r.what, err)
			}
		}
	}
}

func drop(h *object.Heap, all ...object.Ref) {
	for _, o := range all {
		h.Decref(o)
	}
}

// collectTwice makes garbage, with an instance that is in a cycle with itself, and collects it.
func collectTwice(release string, make func(*object.Heap, object.Ref), want [2]int) error {
	prof, _ := object.ProfileByName(release)
	h, err := object.New(object.Config{Profile: prof})
	if err != nil {
		return err
	}
	c, err := New(h)
	if err != nil {
		return err
	}
	c.Disable()
	id, err := h.Define(object.Type{Name: "inst", Kind: object.KindInstance, Attrs: 3})
	if err != nil {
		return err
	}
	o := h.New(id)
	h.SetItem(o, 2, o)
	make(h, o)
	h.Decref(o)
	for i := range want {
		if n := c.Collect(2); n != want[i] {
			return fmt.Errorf("collection %d returns %d, want %d", i, n, want[i])
		}
		if err := c.CheckInvariants(func(func(object.Ref)) {}); err != nil {
			return err
		}
	}
	if want[1] == 0 && h.Live() != 0 {
		return fmt.Errorf("%d objects live", h.Live())
	}
	return h.Close()
}
