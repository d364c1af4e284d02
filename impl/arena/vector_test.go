package arena

import (
	"slices"
	"testing"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
)

// TestVectorDoubles fills 65 arenas one after the other and looks at the vector before and behind each growth: it has
// 16 slots, then 32, then 64, then 128. Arenas that died leave slots that are used again, so the vector grows no more.
func TestVectorDoubles(t *testing.T) {
	for _, prof := range tiny() {
		if prof.Pools() > 2 {
			continue
		}
		a := open(t, Config{Profile: prof})
		var sizes []int
		var blocks []unsafe.Pointer
		for a.vec.current < 65 {
			blocks = append(blocks, a.Alloc(512))
			if n := len(a.arenas); len(sizes) == 0 || sizes[len(sizes)-1] != n {
				sizes = append(sizes, n)
				if int(a.vec.current) != n/2+1 && n > vectorFirst {
					t.Errorf("profile %s: %d slots with %d arenas", prof.Name, n, a.vec.current)
				}
				if err := a.CheckInvariants(); err != nil {
					t.Fatalf("profile %s: %v", prof.Name, err)
				}
			}
		}
		if !slices.Equal(sizes, []int{16, 32, 64, 128}) {
			t.Errorf("profile %s: the vector grows by %v", prof.Name, sizes)
		}
		for range 2 {
			for _, p := range blocks {
				a.Free(p)
			}
			if err := a.CheckInvariants(); err != nil || a.vec.current > 1 {
				t.Fatalf("profile %s: %d arenas stay, and %v", prof.Name, a.vec.current, err)
			}
			for i := range blocks {
				blocks[i] = a.Alloc(512)
			}
		}
		if len(a.arenas) != 128 || a.vec.highwater != 65 {
			t.Errorf("profile %s: %d slots for %d arenas", prof.Name, len(a.arenas), a.vec.highwater)
		}
		closeHeap(t, a)
	}
}

// straddling are worlds whose first arena lies half in front of a boundary between two nodes of the address map, with
// the number of nodes that the arena needs. Slots begin at a multiple of 1 GiB, which is one of every node's span.
func straddling() (worlds []straddle) {
	p310, _ := profile.ByName("3.10")
	cut, _ := profile.ByName("3.11")
	small := *cut
	small.Name, small.Map = "3.11-cut", profile.MapBits{Root: 20, Mid: 2, Bot: 2}
	return []straddle{
		{"a bottom node of 3.10", p310, 256 << 20, 3},
		{"a bottom node of 4 MiB", &small, 4 << 20, 3},
		{"a middle node of 16 MiB", &small, 16 << 20, 4},
	}
}

type straddle struct {
	what  string
	prof  *profile.Profile
	at    uintptr // the boundary, from the first slot's
	nodes int     // that an arena across it needs
}

// TestStraddlingArenaWithoutNode places an arena across a boundary between nodes and lets the request for each node
// fail in turn. The arena goes back unmarked, the block comes from the raw allocator, and the next small request has an
// arena that is known at both ends.
func TestStraddlingArenaWithoutNode(t *testing.T) {
	for _, w := range straddling() {
		for nth := 1; nth <= w.nodes; nth++ {
			slots := page.NewSlots(w.prof.ArenaBytes, 300, w.at-w.prof.ArenaBytes/2)
			given := 0 // arenas that are out
			slots.Event = func(_ int, now bool) {
				if given--; now {
					given += 2
				}
			}
			a := open(t, Config{Profile: w.prof, Arenas: slots})
			before, _, _ := cutMap(a)
			arena := slots.Map(w.prof.ArenaBytes) // where the first arena will be
			slots.Unmap(arena, w.prof.ArenaBytes)

			a.InjectOOM(nth, true)
			if a.Alloc(64) != nil {
				t.Fatalf("%s, node %d: served without memory", w.what, nth)
			}
			a.InjectOOM(0, false)
			unmarked(t, a, w, arena)
			if after, _, _ := cutMap(a); after != before || given != 0 {
				t.Errorf("%s, node %d: a request that failed changed the heap, %d arenas are out:\n%s",
					w.what, nth, given, after)
			}

			// Nodes that were made stay, so the next request that fails is the one for the same node.
			a.InjectOOM(1, false)
			p := a.Alloc(64)
			if p == nil || a.arenaOf(uintptr(p)) >= 0 || a.ours(a.geometry.Of(uintptr(p)), uintptr(p)) {
				t.Fatalf("%s, node %d: the block is not the raw allocator's", w.what, nth)
			}
			if after, mids, bots := cutMap(a); after != before || given != 0 || int(mids+bots) != nth-1 {
				t.Errorf("%s, node %d: %d and %d nodes, %d arenas are out:\n%s", w.what, nth, mids, bots, given, after)
			}
			unmarked(t, a, w, arena)

			q := a.Alloc(64)
			if given != 1 {
				t.Fatalf("%s, node %d: memory is back, and %d arenas are out", w.what, nth, given)
			}
			marked(t, a, w, arena, uintptr(q))
			a.Free(p)
			a.Free(q)
			if err := a.CheckInvariants(); err != nil {
				t.Errorf("%s, node %d: %v", w.what, nth, err)
			}
			closeHeap(t, a)
			slots.Close()
		}
	}
}

// unmarked expects that no byte of an arena is claimed and that the heap is whole.
func unmarked(t *testing.T, a *Allocator, w straddle, arena uintptr) {
	t.Helper()
	for off := uintptr(0); off < w.prof.ArenaBytes; off += 512 {
		if a.addresses.has(arena+off) || a.Owns(page.Pointer(arena+off), 1) {
			t.Fatalf("%s: offset %d of an arena that went back is claimed", w.what, off)
		}
	}
	if err := a.CheckInvariants(); err != nil {
		t.Fatalf("%s: %v", w.what, err)
	}
}

// marked expects that an arena holds block b, is known from end to end and no further, and has all its nodes.
func marked(t *testing.T, a *Allocator, w straddle, arena, b uintptr) {
	t.Helper()
	if i := a.arenaOf(b); i < 0 || a.arenas[i].address != arena {
		t.Fatalf("%s: the block is not in the arena", w.what)
	}
	half := w.prof.ArenaBytes / 2
	for _, off := range []uintptr{0, half - 1, half, 2*half - 1} {
		if !a.addresses.has(arena + off) {
			t.Errorf("%s: offset %d of the arena is not in the map", w.what, off)
		}
	}
	if a.addresses.has(arena-1) || a.addresses.has(arena+2*half) {
		t.Errorf("%s: an address beside the arena is in the map", w.what)
	}
	if got := int(a.addresses.mids + a.addresses.bots); got != w.nodes {
		t.Errorf("%s: %d nodes, want %d", w.what, got, w.nodes)
	}
}

// cutMap is the text of the statistics without the address map, and the numbers of its nodes.
func cutMap(a *Allocator) (text string, mids, bots uint64) {
	var nodes addressMap
	nodes, a.addresses = a.addresses, addressMap{}
	text = a.StatsText()
	a.addresses = nodes
	return text, nodes.mids, nodes.bots
}
