package arena

import (
	"fmt"
	"math/bits"

	"heapfuzz/impl/pool"
)

// A Rule is one invariant of this package, under the name with which an error about it begins.
type Rule struct {
	Name string
	How  string // who sees it broken: "check" is CheckInvariants, "cheap" CheckCheap too; otherwise a test
	Doc  string // one sentence
}

// Invariants is the list of what always holds between two calls, in the order in which it is checked. Rules with
// another How than check and cheap hold across calls, so no state alone can show that they are broken.
func Invariants() []Rule { return append([]Rule(nil), rules...) }

var rules = []Rule{
	{"arena/counts", "cheap",
		"Arenas allocated less those reclaimed are those that exist, no more than the highwater mark, in a vector " +
			"of 0 or 16*2^k slots."},
	{"arena/unused-slots", "cheap",
		"A slot of the vector is on the list of unused slots, once, exactly if it has no arena."},
	{"arena/pools", "cheap",
		"An arena has as many pools as fit between its pool boundaries, the next virgin one lies on a boundary in " +
			"it or at its end, and its free pools are between none and all."},
	{"arena/disjoint", "check",
		"No two arenas share a byte."},
	{"arena/usable-order", "cheap",
		"The usable list holds exactly the arenas with a free pool, ascending in their number, with links that " +
			"agree in both directions."},
	{"arena/full-off-lists", "cheap",
		"An arena without a free pool is on no list and has no empty pool."},
	{"arena/fingers", "cheap",
		"The finger of n is the rightmost usable arena with n free pools, and there is none for 0."},
	{"arena/wholly-free", "cheap",
		"No arena is wholly free, but for the last of the usable list where the profile keeps it."},
	{"arena/class-heads", "cheap",
		"The first pool of a class's list is a used pool of that class without a left neighbour."},
	{"arena/address-map", "check",
		"The leaves of the address map are exactly the starts and ends of the arenas, and its counters those of " +
			"its nodes."},
	{"arena/accounting", "check",
		"Live, available, unused, header, quantization and alignment bytes add up to the arenas."},
	{"arena/free-pools", "check",
		"The free pools of an arena are its virgin pools and its list of empty ones."},
	{"pool/arena-index", "check",
		"A pool's header names the arena that the pool lies in."},
	{"pool/class-list", "check",
		"The list of a class holds pools of that class, each once, with links that agree in both directions."},
	{"pool/grid", "check",
		"A pool's class, first virgin and last block fit its class's block size."},
	{"pool/free-list", "check",
		"A free list leads through blocks that were handed out before or are next to be, each once."},
	{"pool/conservation", "check",
		"Live, free and virgin blocks are all blocks of the pool."},
	{"pool/used-state", "check",
		"A used pool has a free block and is on the list of its class."},
	{"pool/full-state", "check",
		"A full pool has no free block and is on no list."},
	{"pool/empty-state", "check",
		"A pool without live blocks is on the list of its arena's empty pools, and on no other."},
	{"arena/live-blocks", "check",
		"The counter of live blocks is the sum over all pools and raw blocks."},
	{"raw/runs", "check",
		"The registry holds the runs in the order of addresses, apart from each other, with their sizes."},
	{"raw/class-list", "check",
		"A run with room is on the list of its class, once, and no other is."},
	{"raw/kept", "check",
		"A run is kept exactly if it has no live block."},
	{"raw/tags", "check",
		"Every slot ever carved has a tag that names its run and says live or free."},
	{"raw/free-list", "check",
		"Free blocks of a run are on its list, once each."},
	{"raw/counts", "check",
		"Counters of live raw blocks and bytes are those of the tags."},
	{"arena/footprint", "check",
		"The memory from the system is arenas, address map nodes and runs, and nothing else."},

	{"profile/sizes", "profile.Validate, in New",
		"Alignment, threshold, pool and arena divide each other."},
	{"block/place", "TestRandomPrograms",
		"A block lies on the grid of a pool of its class, aligned, apart from all live ones."},
	{"block/live", "the build tag invariants",
		"A block that is freed is live."},
	{"pool/class-order", "the recordings",
		"The head of a class's list is the pool that was last full or empty."},
	{"arena/address-in-range", "TestForeignAddresses",
		"Addresses are ours exactly if they lie in an arena, whatever foreign headers say."},
	{"arena/new-when-none-usable", "the recordings, the build tag invariants",
		"A new arena is asked for only when none is usable."},
	{"block/untouched", "TestVirginMemoryStaysUntouched",
		"Virgin blocks and virgin pools are not written."},
	{"realloc/content", "TestRandomPrograms, TestReallocRule",
		"Content is kept up to the smaller size; in place exactly above 3/4 of the block; raw stays raw."},
	{"oom/unchanged", "TestOOMSweep",
		"A failed request changes nothing."},
}

// breach makes the error of a rule.
func breach(rule, format string, args ...any) error {
	return fmt.Errorf("%s: %s", rule, fmt.Sprintf(format, args...))
}

// CheckCheap checks what can be seen without looking at every pool: arena objects, their lists and the class heads.
func (a *Allocator) CheckCheap() error {
	for _, check := range []func() error{
		a.checkVector, a.checkUsable, a.checkFingers, a.checkWhollyFree, a.checkClassHeads,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// CheckInvariants recounts everything from the raw bytes.
func (a *Allocator) CheckInvariants() error {
	for _, check := range []func() error{
		a.CheckCheap, a.checkDisjoint, a.checkAddressMap, a.checkAccounting, a.checkPools, a.checkLiveBlocks,
		a.raw.check, a.checkFootprint,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (a *Allocator) checkVector() error {
	v, exist := &a.vec, uint64(0)
	for i := range a.arenas {
		o := &a.arenas[i]
		if o.address == 0 {
			continue
		}
		exist++
		total := int32(a.prof.Pools())
		if o.address&a.poolMask != 0 {
			total--
		}
		first := o.first(a.prof.PoolBytes)
		end := first + uintptr(total)*a.prof.PoolBytes
		if o.total != total || o.virgin < first || o.virgin > end || o.virgin&a.poolMask != 0 ||
			o.free < 0 || o.free > total {
			return breach("arena/pools", "arena %d has %d of %d pools free, virgin from offset %d",
				i, o.free, o.total, o.virgin-o.address)
		}
	}
	if n := uint64(len(a.arenas)); v.current != exist || v.current > v.highwater || v.highwater > v.allocated ||
		n != 0 && (n < vectorFirst || bits.OnesCount64(n) != 1) || v.highwater > n {
		return breach("arena/counts", "%d arenas in a vector of %d; counters: %d now, %d at most, %d ever",
			exist, n, v.current, v.highwater, v.allocated)
	}
	unused := uint64(0)
	for i := v.unused; i != none; i = a.arenas[i].next {
		if i < 0 || int(i) >= len(a.arenas) || a.arenas[i].address != 0 || unused == uint64(len(a.arenas)) {
			return breach("arena/unused-slots", "the list leads to slot %d, which is in use, or in a circle", i)
		}
		unused++
	}
	if unused+exist != uint64(len(a.arenas)) {
		return breach("arena/unused-slots", "%d slots are on the list and %d in use, of %d",
			unused, exist, len(a.arenas))
	}
	return nil
}

func (a *Allocator) checkUsable() error {
	listed, prev, free := 0, int32(none), int32(0)
	for i := a.vec.usable; i != none; i = a.arenas[i].next {
		if i < 0 || int(i) >= len(a.arenas) || listed == len(a.arenas) {
			return breach("arena/usable-order", "the list leads out of the vector or in a circle")
		}
		o := &a.arenas[i]
		switch {
		case o.address == 0:
			return breach("arena/usable-order", "slot %d is listed and has no arena", i)
		case o.free == 0:
			return breach("arena/full-off-lists", "arena %d has no free pool and is listed", i)
		case o.prev != prev:
			return breach("arena/usable-order", "arena %d has %d on its left, its link says %d", i, prev, o.prev)
		case o.free < free:
			return breach("arena/usable-order", "arena %d has %d free pools, its left neighbour %d", i, o.free, free)
		}
		listed, prev, free = listed+1, i, o.free
	}
	for i := range a.arenas {
		o := &a.arenas[i]
		if o.address == 0 {
			continue
		}
		if o.free != 0 {
			listed--
		} else if o.empty != 0 {
			return breach("arena/full-off-lists", "arena %d has no free pool and a list of empty ones", i)
		}
	}
	if listed != 0 {
		return breach("arena/usable-order", "%d arenas with free pools are not listed", -listed)
	}
	return nil
}

func (a *Allocator) checkFingers() error {
	if a.vec.fingers == nil {
		return nil
	}
	found := 0
	for i := a.vec.usable; i != none; i = a.arenas[i].next {
		o := &a.arenas[i]
		if o.next != none && a.arenas[o.next].free == o.free {
			continue
		}
		found++
		if a.vec.fingers[o.free] != i {
			return breach("arena/fingers", "arena %d is the last with %d free pools, the finger says %d",
				i, o.free, a.vec.fingers[o.free])
		}
	}
	for free, i := range a.vec.fingers {
		if i != none {
			found--
		}
		if found < 0 && i != none && a.arenas[i].free != int32(free) {
			return breach("arena/fingers", "the finger of %d free pools is arena %d, which has %d",
				free, i, a.arenas[i].free)
		}
	}
	if found != 0 {
		return breach("arena/fingers", "there are fingers for which no arena is listed")
	}
	return nil
}

func (a *Allocator) checkWhollyFree() error {
	for i := range a.arenas {
		o := &a.arenas[i]
		if o.address != 0 && o.free == o.total && !(a.prof.KeepLast && o.next == none) {
			return breach("arena/wholly-free", "arena %d is wholly free and was not released", i)
		}
	}
	return nil
}

func (a *Allocator) checkClassHeads() error {
	for class, p := range a.used {
		if p == 0 {
			continue
		}
		if uintptr(p)&a.poolMask != 0 || a.arenaOf(uintptr(p)) < 0 {
			return breach("arena/class-heads", "the list of class %d starts at no pool", class)
		}
		if p.Class() != uint32(class) || p.Prev() != 0 || p.Count() == 0 {
			return breach("arena/class-heads",
				"the list of class %d starts with a pool of class %d with %d live blocks", class, p.Class(), p.Count())
		}
	}
	return nil
}

func (a *Allocator) checkDisjoint() error {
	for i := range a.arenas {
		for j := range a.arenas[:i] {
			x, y := a.arenas[i].address, a.arenas[j].address
			if x != 0 && y != 0 && x-y+a.span-1 < 2*a.span-1 {
				return breach("arena/disjoint", "arenas %d and %d overlap", j, i)
			}
		}
	}
	return nil
}

// checkAddressMap looks at the pages of the map that are in memory, of the 80,000 entries those few that anybody wrote.
// Only if something seems wrong it looks at all, since a page may be swapped out.
func (a *Allocator) checkAddressMap() error {
	if !a.addresses.used || a.compareLeaves(false) == nil {
		return nil
	}
	return a.compareLeaves(true)
}

// compareLeaves takes the expected leaves away from those that are there.
func (a *Allocator) compareLeaves(all bool) error {
	m := &a.addresses
	type leaf struct{ hi, lo int32 }
	want := map[uintptr]leaf{}
	for i := range a.arenas {
		at := a.arenas[i].address
		if at == 0 {
			continue
		}
		chunk, tail := at&^m.offsetMask&m.covered(), int32(at&m.offsetMask)
		if tail == 0 {
			want[chunk] = leaf{hi: 1, lo: want[chunk].lo}
			continue
		}
		next := (chunk + a.span) & m.covered()
		want[chunk] = leaf{hi: tail + 1, lo: want[chunk].lo}
		want[next] = leaf{hi: want[next].hi, lo: tail}
	}
	wrong := false
	mids, bots := m.leaves(all, func(chunk uintptr, hi, lo int32) {
		if want[chunk] != (leaf{hi, lo}) {
			wrong = true
		}
		delete(want, chunk)
	})
	if wrong || len(want) != 0 {
		return breach("arena/address-map", "a leaf differs from the arenas, or %d are missing", len(want))
	}
	if mids != m.mids || bots != m.bots {
		return breach("arena/address-map", "%d and %d nodes, the counters say %d and %d", mids, bots, m.mids, m.bots)
	}
	return nil
}

func (a *Allocator) checkAccounting() error {
	c := a.census()
	if got, want := c.total(a.prof.PoolBytes), a.vec.current*uint64(a.span); got != want {
		return breach("arena/accounting", "the parts are %d bytes, the arenas %d", got, want)
	}
	return nil
}

// Where the checker met a pool.
const (
	onClassList = 1 << iota
	onEmptyList
)

// checkPools walks all lists of pools, and then looks at every carved pool.
func (a *Allocator) checkPools() error {
	per := a.prof.Pools()
	if need := len(a.arenas) * per; cap(a.scratch) < need {
		a.scratch = make([]byte, need)
	}
	a.scratch = a.scratch[:len(a.arenas)*per]
	clear(a.scratch)
	if err := a.walkEmptyLists(per); err != nil {
		return err
	}
	if err := a.walkClassLists(per); err != nil {
		return err
	}
	var first error
	a.pools(func(arena int, p pool.Pool) {
		if first == nil {
			first = a.checkPool(p, arena, a.scratch[arena*per+a.poolNumber(arena, p)])
		}
	})
	return first
}

// poolNumber is the index of a pool in its arena.
func (a *Allocator) poolNumber(arena int, p pool.Pool) int {
	return int((uintptr(p) - a.arenas[arena].first(a.prof.PoolBytes)) / a.prof.PoolBytes)
}

// carved reports whether p is a pool of the arena that was carved.
func (a *Allocator) carved(arena int, p pool.Pool) bool {
	o := &a.arenas[arena]
	return uintptr(p)&a.poolMask == 0 && uintptr(p) >= o.first(a.prof.PoolBytes) && uintptr(p) < o.virgin
}

func (a *Allocator) walkEmptyLists(per int) error {
	for i := range a.arenas {
		o := &a.arenas[i]
		if o.address == 0 {
			continue
		}
		virgin := int(int64(o.total)) - a.poolNumber(i, pool.Pool(o.virgin))
		empty := 0
		for p := o.empty; p != 0; p = p.Next() {
			if !a.carved(i, p) || a.scratch[i*per+a.poolNumber(i, p)] != 0 {
				return breach("arena/free-pools", "the list of arena %d leads out of it or in a circle", i)
			}
			a.scratch[i*per+a.poolNumber(i, p)] = onEmptyList
			empty++
		}
		if virgin+empty != int(o.free) {
			return breach("arena/free-pools", "arena %d has %d virgin and %d listed pools, its counter says %d",
				i, virgin, empty, o.free)
		}
	}
	return nil
}

func (a *Allocator) walkClassLists(per int) error {
	for class, head := range a.used {
		prev := pool.Pool(0)
		for p := head; p != 0; p = p.Next() {
			arena := a.arenaOf(uintptr(p))
			if arena < 0 || !a.carved(arena, p) {
				return breach("pool/class-list", "the list of class %d leads to no pool", class)
			}
			seen := &a.scratch[arena*per+a.poolNumber(arena, p)]
			switch {
			case *seen&onClassList != 0:
				return breach("pool/class-list", "the list of class %d meets a pool twice", class)
			case p.Class() != uint32(class):
				return breach("pool/class-list", "the list of class %d holds a pool of class %d", class, p.Class())
			case p.Prev() != prev:
				return breach("pool/class-list", "a pool of class %d disagrees about its left neighbour", class)
			}
			*seen |= onClassList
			prev = p
		}
	}
	return nil
}

// checkPool checks one carved pool against the lists it was met on.
func (a *Allocator) checkPool(p pool.Pool, arena int, met byte) error {
	if p.Arena() != uint32(arena) {
		return breach("pool/arena-index", "a pool of arena %d names arena %d", arena, p.Arena())
	}
	if err := a.geometry.Check(p); err != nil {
		return err
	}
	class, count := p.Class(), p.Count()
	fault := func(rule, what string) error {
		return breach(rule, "arena %d pool %d class %d is %s", arena, a.poolNumber(arena, p), class, what)
	}
	switch {
	case count == 0 && met != onEmptyList:
		return fault("pool/empty-state", "without live blocks and not among the empty ones alone")
	case count == a.geometry.Capacity(class) && met != 0:
		return fault("pool/full-state", "full and on a list")
	case count != 0 && count < a.geometry.Capacity(class) && met != onClassList:
		return fault("pool/used-state", "used and not on the list of its class alone")
	}
	return nil
}

func (a *Allocator) checkLiveBlocks() error {
	sum := uint64(0)
	a.pools(func(_ int, p pool.Pool) { sum += uint64(p.Count()) })
	if a.rawLive != a.raw.blocks || int64(sum+a.rawLive) != a.blocks {
		return breach("arena/live-blocks", "%d in pools and %d raw, the counters say %d with %d raw",
			sum, a.raw.blocks, a.blocks, a.rawLive)
	}
	return nil
}

func (a *Allocator) checkFootprint() error {
	sum := a.vec.current*uint64(a.span) + a.addresses.nodeBytes()
	for _, k := range a.raw.runs {
		sum += uint64(k.bytes)
	}
	if got := a.footprint(); got != sum {
		return breach("arena/footprint", "%d bytes are from the system, %d in arenas, nodes and runs", got, sum)
	}
	return nil
}
