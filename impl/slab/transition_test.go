package slab

import (
	"maps"
	"testing"
	"unsafe"
)

// TestTransitions goes through slabs of 4 KiB, and counts every transition by hand.
func TestTransitions(t *testing.T) {
	a, err := New(Config{SlabBytes: 4096, Spares: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	want := map[string]uint64{}
	step := func(what string, names ...string) {
		t.Helper()
		for _, n := range names {
			want[n]++
		}
		got := map[string]uint64{}
		a.Transitions(func(name string, times uint64) {
			if times > 0 {
				got[name] = times
			}
		})
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
	}
	var blocks []unsafe.Pointer
	for range 8 { // the greatest class of such a slab is an eighth of it
		blocks = append(blocks, a.Alloc(512))
	}
	step("eight blocks", "slab/made", "slab/full")
	extra := a.Alloc(512)
	step("one more", "slab/made")
	a.Free(extra)
	step("it is freed", "slab/empty-stays")
	for _, b := range blocks {
		a.Free(b)
	}
	step("all are freed", "slab/room-again", "slab/spared")
	a.Free(a.Alloc(64))
	step("another class", "slab/reused", "slab/empty-stays")
	big := a.Alloc(5000)
	step("a large one", "large/made")
	a.Free(big)
	step("it is freed", "large/freed")
	b := a.Alloc(512)
	if a.Realloc(b, 300) != b {
		t.Error("300 of 512 bytes moved")
	}
	step("realloc to a part", "realloc/in-place")
	b = a.Realloc(b, 64)
	step("realloc to much less", "realloc/shrunk", "slab/empty-stays")
	b = a.Realloc(b, 128)
	step("realloc to more", "realloc/grown", "slab/made", "slab/empty-stays")
	a.InjectOOM(1, true)
	if a.Alloc(256) != nil {
		t.Fatal("there is memory")
	}
	step("no memory", "slab/refused")
	if a.Realloc(b, 32) != b {
		t.Error("a block that cannot move did")
	}
	step("no memory to shrink", "realloc/stuck", "slab/refused")
}
