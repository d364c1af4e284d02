package fuzz

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
)

// figure is a number of the seeds: the texts about CPython's memory that this project starts from. The profiles named
// must reproduce it, and others may. None is of a release that there is no profile of.
type figure struct {
	seed  string
	what  string
	want  int
	of    string // the profiles, with blanks between
	value func(h *object.Heap) int
}

// size is the figure of an object's size.
func size(make func(h *object.Heap) object.Ref) func(*object.Heap) int {
	return func(h *object.Heap) int { return h.Size(make(h)) }
}

// ring returns what a full collection says of so many instances that refer to the next, in a ring.
func ring(n int, kind object.Kind) func(*object.Heap) int {
	return func(h *object.Heap) int {
		c, err := gc.New(h)
		if err != nil {
			panic(err)
		}
		make := func() object.Ref { return h.NewList(1) }
		if kind == object.KindInstance {
			class, err := h.Define(object.Type{Name: "node", Kind: kind, Attrs: 1})
			if err != nil {
				panic(err)
			}
			make = func() object.Ref { return h.New(class) }
		}
		var all []object.Ref
		for range n {
			all = append(all, make())
		}
		for i, o := range all {
			h.SetItem(o, 0, all[(i+1)%n])
		}
		for _, o := range all {
			h.Decref(o)
		}
		return c.Collect(2)
	}
}

func threshold(generation int) func(*object.Heap) int {
	return func(h *object.Heap) int {
		c, err := gc.New(h)
		if err != nil {
			panic(err)
		}
		return c.Threshold()[generation]
	}
}

const (
	until312 = "2.7 old8 3.6 3.7 3.8 3.9 3.10 3.11 3.12"
	windows  = "" // 2.7 for Windows: its long has 4 bytes
)

// figures are those that say a size, a threshold or an answer. Seeds 000 and 003 measured a 3.6 or 3.7.0 to 3.7.3 with
// classes of 8 bytes, seed 001 a 2.7 for Windows, though it says Linux.
var figures = []figure{
	{"003", "sys.getsizeof({})", 240, "old8", size((*object.Heap).NewDict)},
	{"003", "sys.getsizeof([])", 64, "old8", size(func(h *object.Heap) object.Ref { return h.NewList(0) })},
	{"003", "sys.getsizeof([1])", 72, "old8", size(func(h *object.Heap) object.Ref { return h.NewList(1) })},
	{"003", "sys.getsizeof(())", 48, "old8", size(func(h *object.Heap) object.Ref { return h.NewTuple() })},
	{"003", "sys.getsizeof((1,))", 56, "old8", size(func(h *object.Heap) object.Ref { return h.NewTuple(0) })},
	{"003", "sys.getsizeof(set())", 224, "old8", size(func(h *object.Heap) object.Ref { return h.NewSet() })},
	{"003", "sys.getsizeof(a class)", 1056, "old8",
		size(func(h *object.Heap) object.Ref { return h.NewRecord("type") })},
	{"003", "sys.getsizeof(1)", 28, "old8 3.6", size(func(h *object.Heap) object.Ref { return h.NewInt(1) })},
	{"003", "sys.getsizeof(1.0)", 24, "old8 3.6", size(func(h *object.Heap) object.Ref { return h.NewFloat(1) })},
	{"003", "sys.getsizeof('a')", 50, "old8 3.6", size(func(h *object.Heap) object.Ref { return h.NewStr("a") })},
	{"001", "sys.getsizeof(1)", 24, "2.7", size(func(h *object.Heap) object.Ref { return h.NewInt(1) })},
	{"001", "sys.getsizeof('')", 33, windows, size(func(h *object.Heap) object.Ref { return h.NewStr("") })},
	{"001", "sys.getsizeof('') on Linux", 37, "2.7", size(func(h *object.Heap) object.Ref { return h.NewStr("") })},
	{"001", "sys.getsizeof([])", 64, windows, size(func(h *object.Heap) object.Ref { return h.NewList(0) })},
	{"001", "sys.getsizeof([]) on Linux", 72, "2.7", size(func(h *object.Heap) object.Ref { return h.NewList(0) })},
	{"001", "sys.getsizeof({})", 272, windows, size((*object.Heap).NewDict)},
	{"001", "sys.getsizeof({}) on Linux", 280, "2.7", size((*object.Heap).NewDict)},
	{"002", "gc.get_threshold()[0]", 700, until312, threshold(0)},
	{"002", "gc.get_threshold()[1]", 10, until312 + " 3.13", threshold(1)},
	{"002", "gc.get_threshold()[2]", 10, until312 + " 3.13", threshold(2)},
	{"004", "gc.collect(), a list that holds itself", 1, until312 + " 3.13", ring(1, object.KindList)},
	{"004", "gc.collect(), two instances in a ring", 4, "2.7 old8 3.6 3.7 3.8 3.9 3.10", ring(2, object.KindInstance)},
	{"004", "gc.collect(), three instances in a ring", 6, "2.7 old8 3.6 3.7 3.8 3.9 3.10",
		ring(3, object.KindInstance)},
}

// TestSeedFigures prints which figure of the seeds is reproduced by which profile, and fails where one is not that is
// known to be of a profile.
func TestSeedFigures(t *testing.T) {
	profiles := append([]*object.Profile{pyProfile("2.7")}, object.Profiles()...)
	var table strings.Builder
	for _, f := range figures {
		var by []string
		for _, prof := range profiles {
			h, err := object.New(object.Config{Profile: prof})
			if err != nil {
				t.Fatal(err)
			}
			if f.value(h) == f.want {
				by = append(by, prof.Name)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range strings.Fields(f.of) {
			if !slices.Contains(by, name) {
				t.Errorf("seed %s: %s is not %d in %s", f.seed, f.what, f.want, name)
			}
		}
		fmt.Fprintf(&table, "\n%s  %-42s %5d  %s", f.seed, f.what, f.want, strings.Join(by, " "))
	}
	t.Logf("seed  figure, value, and the profiles that reproduce it%s", table.String())
}
