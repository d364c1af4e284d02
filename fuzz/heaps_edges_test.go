package fuzz

import (
	"testing"

	"heapfuzz/impl/profile"
)

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
