package arena

import (
	"testing"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
)

// seen returns the transitions that happened, without those that did not.
func seen(a *Allocator) map[string]uint64 {
	m := map[string]uint64{}
	a.Transitions(func(name string, times uint64) {
		if times > 0 {
			m[name] = times
		}
	})
	return m
}

// TestTransitions goes through a heap of arenas of two pools each and counts every transition by hand.
func TestTransitions(t *testing.T) {
	prof, _ := profile.ByName("3.9")
	small := *prof
	small.ArenaBytes = 2 * small.PoolBytes
	a, err := New(Config{Profile: &small})
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
		got := seen(a)
		for n := range want {
			if got[n] != want[n] {
				t.Errorf("%s: %s happened %d times, not %d", what, n, got[n], want[n])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
	}
	var blocks []unsafe.Pointer
	first := a.Alloc(512)
	step("the first block", "arena/vector-grown", "arena/made", "pool/carved", "class/512")
	for range 6 {
		blocks = append(blocks, a.Alloc(512))
	}
	step("seven blocks", "pool/used-full")
	other := a.Alloc(16)
	step("another class", "pool/carved", "class/32", "arena/full")
	a.Free(first)
	step("one of seven freed", "pool/full-used")
	for _, b := range blocks {
		a.Free(b)
	}
	step("all freed", "pool/used-empty", "arena/usable-again")
	a.Free(a.Alloc(512))
	step("the same class again", "pool/empty-used-same-class", "class/512", "arena/full", "pool/used-empty",
		"arena/usable-again")
	b := a.Alloc(256)
	step("another class in its place", "pool/empty-used-other-class", "class/256", "arena/full")
	if q := a.Realloc(b, 250); q != b {
		t.Fatal("250 of 256 bytes moved")
	}
	step("realloc to nearly the same", "realloc/in-place")
	b = a.Realloc(b, 16)
	step("realloc to less", "realloc/shrunk", "pool/used-empty", "arena/usable-again")
	a.Free(other)
	a.Free(b)
	step("all freed, the last arena stays", "pool/used-empty", "arena/kept-last")
	big := a.Alloc(600)
	big = a.Realloc(big, 5000)
	step("a large block", "realloc/raw")
	a.InjectOOM(1, true)
	var kept []unsafe.Pointer
	for range 2 * 7 {
		kept = append(kept, a.Alloc(512))
	}
	got := seen(a)
	if a.Alloc(512); seen(a)["arena/refused"] != got["arena/refused"]+1 {
		t.Error("an arena that was refused is not counted")
	}
	if len(kept) != 14 || big == nil {
		t.Error("the kept arena did not serve")
	}
}

// TestTransitionsOfTwoArenas makes two arenas: one slides past the other, and is released.
func TestTransitionsOfTwoArenas(t *testing.T) {
	prof, _ := profile.ByName("3.6")
	small := *prof
	small.ArenaBytes = 4 * small.PoolBytes
	a, err := New(Config{Profile: &small})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var pools [][]unsafe.Pointer
	for range 8 {
		var blocks []unsafe.Pointer
		for range 7 {
			blocks = append(blocks, a.Alloc(512))
		}
		pools = append(pools, blocks)
	}
	empty := func(i int) {
		for _, b := range pools[i] {
			a.Free(b)
		}
	}
	empty(0)
	empty(4)
	empty(5)
	before := seen(a)
	empty(1) // the first arena has as many free pools as the other: it need not move
	empty(2)
	if got := seen(a)["arena/slid"]; got != before["arena/slid"]+1 {
		t.Errorf("slid %d times, was %d", got, before["arena/slid"])
	}
	empty(3)
	if got := seen(a)["arena/released"]; got != 1 {
		t.Errorf("released %d times", got)
	}
	a.Transitions(func(name string, _ uint64) {
		if name == "arena/kept-last" || name == "map/refused" {
			t.Errorf("3.6 has no %s", name)
		}
	})
}

// TestTransitionsUnaligned gives arenas that begin between two pools.
func TestTransitionsUnaligned(t *testing.T) {
	prof, _ := profile.ByName("3.10")
	a, err := New(Config{Profile: prof, Arenas: page.NewSlots(prof.ArenaBytes, 1, 512)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.Alloc(16)
	if seen(a)["arena/unaligned"] == 0 {
		t.Error("not counted")
	}
}
