package fuzz

import (
	"testing"

	"heapfuzz/impl/object"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/slab"
)

// The same for pages.
func TestPageEdges(t *testing.T) {
	if err := pagesOwn(); err != nil {
		t.Error(err)
	}
}

// The same for heaps of objects, and their collectors.
func TestObjectEdges(t *testing.T) {
	for _, name := range []string{"2.7", "old8", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"} {
		prof, ok := object.ProfileByName(name)
		if !ok {
			t.Fatalf("no profile %s", name)
		}
		if err := pyEdges(prof, gcEdge, pyEdgeCallbacks, pyEdgeOld, pyEdgeClassic, pyEdgeFrames); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := pyEdges(prof, trialEdge); err != nil && !prof.Legacy {
			t.Errorf("%s, trial: %v", name, err)
		}
	}
}

// The same for slabs of every size.
func TestSlabEdges(t *testing.T) {
	for _, n := range []uintptr{0, 4 << 10, 8 << 10, 16 << 10, 32 << 10} {
		if err := slabOwn(slab.Config{SlabBytes: n}); err != nil {
			t.Error(err)
		}
	}
}

// What is asked of allocators at their edges holds for every profile, with arenas of any size.
func TestHeapEdges(t *testing.T) {
	for _, prof := range profile.All() {
		for _, v := range []uint64{1, 3, 7} {
			if err := arenaOwn(smallArenas(prof, v)); err != nil {
				t.Errorf("%s, %d: %v", prof.Name, v, err)
			}
		}
		if err := hooksOwn(prof); err != nil {
			t.Errorf("%s: %v", prof.Name, err)
		}
	}
}
