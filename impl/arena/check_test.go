package arena

import (
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/impl/pool"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
)

// busy returns a heap in which every kind of pool, arena and run can be found: arenas 0 and 1 with 3 and 9 free pools,
// arena 2 without, arena 3 with virgin ones; used, full and empty pools; raw runs with room, full of one large block,
// and kept.
func busy(t testing.TB, name string) *Allocator {
	prof, _ := profile.ByName(name)
	a := open(t, Config{Profile: prof})
	var byPool [][]unsafe.Pointer
	perPool := int(a.geometry.Capacity(a.geometry.Classes() - 1))
	for range prof.Pools()*3 + 5 {
		var ps []unsafe.Pointer
		for range perPool {
			ps = append(ps, a.Alloc(512))
		}
		byPool = append(byPool, ps)
	}
	free := func(first, n int) {
		for _, ps := range byPool[first : first+n] {
			for _, p := range ps {
				a.Free(p)
			}
		}
	}
	free(0, 3)
	free(prof.Pools(), 9)
	for i := range 4 {
		a.Free(byPool[20+i][0])
	}
	for range 100 {
		a.Alloc(40)
	}
	a.Free(a.Alloc(100_000))
	a.Alloc(100_000)
	a.Free(a.Alloc(50_000))
	p, _ := a.Alloc(600), a.Alloc(600)
	a.Free(p)
	return a
}

// find returns the first carved pool of which f is true.
func find(t testing.TB, a *Allocator, f func(p pool.Pool) bool) (found pool.Pool) {
	t.Helper()
	a.pools(func(_ int, p pool.Pool) {
		if found == 0 && f(p) {
			found = p
		}
	})
	if found == 0 {
		t.Fatal("the busy heap has no such pool")
	}
	return found
}

func isFull(p pool.Pool) bool  { return p.Count() != 0 && p.Free() == 0 }
func isEmpty(p pool.Pool) bool { return p.Count() == 0 }
func isUsed(p pool.Pool) bool  { return p.Count() > 1 && p.Free() != 0 }

// second is the second pool of the last class's list.
func second(a *Allocator) pool.Pool { return a.used[a.geometry.Classes()-1].Next() }

// headless is an arena in which no class list starts.
func headless(t testing.TB, a *Allocator) int {
	for i := range a.arenas {
		ok := a.arenas[i].address != 0
		for _, p := range a.used {
			ok = ok && (p == 0 || a.arenaOf(uintptr(p)) != i)
		}
		if ok {
			return i
		}
	}
	t.Fatal("every arena has the head of a class list")
	return 0
}

// largeRun is the address of a run that is one large block.
func largeRun(t testing.TB, a *Allocator) uintptr {
	for _, k := range a.raw.runs {
		if page.Load32(k.addr+runClass) == largeClass {
			return k.addr
		}
	}
	t.Fatal("there is no large block")
	return 0
}

// breaks are the rules and how to break each by hand, as little else as can be.
var breaks = []struct {
	rule, profile string
	hurt          func(t testing.TB, a *Allocator)
}{
	{"arena/counts", "3.9", func(t testing.TB, a *Allocator) { a.vec.current++ }},
	{"arena/counts", "3.6", func(t testing.TB, a *Allocator) { a.vec.highwater = 3 }},
	{"arena/unused-slots", "3.9", func(t testing.TB, a *Allocator) { a.vec.unused = none }},
	{"arena/unused-slots", "3.6", func(t testing.TB, a *Allocator) { a.vec.unused = 0 }},
	{"arena/unused-slots", "3.8", func(t testing.TB, a *Allocator) { a.arenas[a.vec.unused].next = a.vec.unused }},
	{"arena/pools", "3.9", func(t testing.TB, a *Allocator) { a.arenas[0].virgin += 16 }},
	{"arena/pools", "3.11", func(t testing.TB, a *Allocator) { a.arenas[0].total-- }},
	{"arena/disjoint", "3.9", func(t testing.TB, a *Allocator) {
		i := headless(t, a)
		o, other := &a.arenas[i], &a.arenas[(i+1)%4]
		o.address = other.address + a.prof.PoolBytes
		o.virgin = o.address + a.span
	}},
	{"arena/usable-order", "3.9", func(t testing.TB, a *Allocator) { a.arenas[a.vec.usable].prev = 2 }},
	{"arena/usable-order", "3.6", func(t testing.TB, a *Allocator) { a.vec.usable = a.arenas[a.vec.usable].next }},
	{"arena/usable-order", "3.11", func(t testing.TB, a *Allocator) { a.arenas[a.vec.usable].next = 15 }},
	{"arena/usable-order", "3.8", func(t testing.TB, a *Allocator) { a.arenas[a.vec.usable].free = 60 }},
	{"arena/usable-order", "3.9", func(t testing.TB, a *Allocator) {
		a.arenas[a.vec.usable].next = int32(len(a.arenas))
	}},
	{"arena/usable-order", "3.9", func(t testing.TB, a *Allocator) { a.arenas[a.vec.usable].next = none }},
	{"arena/full-off-lists", "3.9", func(t testing.TB, a *Allocator) {
		for i := range a.arenas {
			if o := &a.arenas[i]; o.address != 0 && o.free == 0 {
				o.empty = pool.Pool(o.address)
			}
		}
	}},
	{"arena/full-off-lists", "3.6", func(t testing.TB, a *Allocator) { a.arenas[a.vec.usable].free = 0 }},
	{"arena/fingers", "3.9", func(t testing.TB, a *Allocator) { a.vec.fingers[a.arenas[a.vec.usable].free] = none }},
	{"arena/fingers", "3.11", func(t testing.TB, a *Allocator) { a.vec.fingers[0] = 0 }},
	{"arena/fingers", "3.9", func(t testing.TB, a *Allocator) { a.vec.fingers[len(a.vec.fingers)-1] = a.vec.usable }},
	{"arena/wholly-free", "3.9", func(t testing.TB, a *Allocator) {
		prof := *a.prof
		prof.KeepLast = false
		a.prof = &prof
		o := &a.arenas[0]
		for i := range a.arenas {
			if a.arenas[i].address != 0 && a.arenas[i].next == none && a.arenas[i].free != 0 {
				o = &a.arenas[i]
			}
		}
		a.vec.fingers[o.free], a.vec.fingers[o.total] = none, a.vec.fingers[o.free]
		o.free = o.total
	}},
	{"arena/class-heads", "3.9", func(t testing.TB, a *Allocator) { second(a).Prev().SetPrev(second(a)) }},
	{"arena/class-heads", "3.11", func(t testing.TB, a *Allocator) { a.used[0] = second(a) }},
	{"arena/class-heads", "3.6", func(t testing.TB, a *Allocator) { a.used[0] = 64 }},
	{"arena/address-map", "3.11", func(t testing.TB, a *Allocator) {
		page.Store32(a.addresses.leaf(a.arenas[0].address, nil), 5)
	}},
	{"arena/address-map", "3.10", func(t testing.TB, a *Allocator) {
		page.Store32(a.addresses.leaf(a.arenas[0].address^64*a.span, nil)+4, 77) // 64 chunks away, in the same node
	}},
	{"arena/address-map", "3.11", func(t testing.TB, a *Allocator) { a.addresses.bots++ }},
	{"arena/accounting", "3.6", func(t testing.TB, a *Allocator) {
		for i := range a.arenas {
			if o := &a.arenas[i]; o.address != 0 && o.free != 0 && o.next == none {
				o.free++
			}
		}
	}},
	{"arena/free-pools", "3.9", func(t testing.TB, a *Allocator) {
		o := &a.arenas[a.vec.usable]
		o.empty = o.empty.Next()
	}},
	{"arena/free-pools", "3.11", func(t testing.TB, a *Allocator) {
		o := &a.arenas[a.vec.usable]
		o.empty.SetNext(o.empty)
	}},
	{"pool/arena-index", "3.9", func(t testing.TB, a *Allocator) { page.Store32(uintptr(find(t, a, isFull))+32, 9) }},
	{"pool/class-list", "3.9", func(t testing.TB, a *Allocator) { second(a).SetPrev(0) }},
	{"pool/class-list", "3.6", func(t testing.TB, a *Allocator) { second(a).Next().SetNext(second(a)) }},
	{"pool/class-list", "3.11", func(t testing.TB, a *Allocator) { second(a).SetNext(4096) }},
	{"pool/class-list", "3.9", func(t testing.TB, a *Allocator) { page.Store32(uintptr(second(a))+36, 0) }},
	{"pool/grid", "3.9", func(t testing.TB, a *Allocator) { page.Store32(uintptr(find(t, a, isFull))+44, 100) }},
	{"pool/grid", "3.9", func(t testing.TB, a *Allocator) { page.Store32(uintptr(find(t, a, isFull))+40, 8) }},
	{"pool/free-list", "3.9", func(t testing.TB, a *Allocator) {
		b := find(t, a, isUsed).Free()
		page.Store(b, b)
	}},
	{"pool/free-list", "3.11", func(t testing.TB, a *Allocator) {
		page.Store(find(t, a, isUsed).Free(), 0x4141414141414141)
	}},
	{"pool/free-list", "3.11", func(t testing.TB, a *Allocator) {
		p := a.used[2] // blocks of 48 bytes, most of them virgin
		page.Store(p.Free(), uintptr(p)+uintptr(p.Virgin()))
	}},
	{"pool/conservation", "3.9", func(t testing.TB, a *Allocator) {
		p := find(t, a, isUsed)
		p.SetCount(p.Count() - 1)
	}},
	{"pool/used-state", "3.9", func(t testing.TB, a *Allocator) { second(a).Prev().SetNext(0) }},
	{"pool/used-state", "3.9", func(t testing.TB, a *Allocator) { find(t, a, isUsed).SetFree(0) }},
	{"pool/full-state", "3.9", func(t testing.TB, a *Allocator) {
		class := a.geometry.Classes() - 1
		p := find(t, a, func(p pool.Pool) bool { return isFull(p) && p.Class() == class })
		a.used[class].SetPrev(p)
		p.SetNext(a.used[class])
		p.SetPrev(0)
		a.used[class] = p
	}},
	{"pool/full-state", "3.9", func(t testing.TB, a *Allocator) {
		p := find(t, a, isFull)
		p.SetFree(uintptr(p) + 48)
		page.Store(p.Free(), 0)
	}},
	{"pool/empty-state", "3.9", func(t testing.TB, a *Allocator) {
		tail := second(a)
		for tail.Next() != 0 {
			tail = tail.Next()
		}
		p := find(t, a, func(p pool.Pool) bool { return isEmpty(p) && p.Next() == 0 && p.Class() == tail.Class() })
		tail.SetNext(p)
		p.SetPrev(tail)
	}},
	{"arena/live-blocks", "3.9", func(t testing.TB, a *Allocator) { a.blocks++ }},
	{"arena/live-blocks", "3.9", func(t testing.TB, a *Allocator) { a.rawLive-- }},
	{"raw/runs", "3.9", func(t testing.TB, a *Allocator) { a.raw.runs[1].bytes += 4096 }},
	{"raw/runs", "3.9", func(t testing.TB, a *Allocator) {
		a.raw.runs[0], a.raw.runs[1] = a.raw.runs[1], a.raw.runs[0]
	}},
	{"raw/runs", "3.9", func(t testing.TB, a *Allocator) {
		page.Store32(largeRun(t, a)+runClass, sizeclass.RawClasses)
	}},
	{"raw/class-list", "3.9", func(t testing.TB, a *Allocator) { a.raw.heads[16] = 0 }},
	{"raw/class-list", "3.9", func(t testing.TB, a *Allocator) {
		page.Store(a.raw.heads[16]+runNext, a.raw.heads[16])
	}},
	{"raw/kept", "3.9", func(t testing.TB, a *Allocator) { a.raw.kept = nil }},
	{"raw/kept", "3.9", func(t testing.TB, a *Allocator) { page.Store32(a.raw.kept[0].addr+runLive, 1) }},
	{"raw/kept", "3.9", func(t testing.TB, a *Allocator) { page.Store32(largeRun(t, a)+runLive, 0) }},
	{"raw/tags", "3.9", func(t testing.TB, a *Allocator) { page.Store(largeRun(t, a)+runCarved, runHeader+1) }},
	{"raw/tags", "3.9", func(t testing.TB, a *Allocator) { page.Store(a.raw.heads[16]+runHeader+8, 0) }},
	{"raw/free-list", "3.9", func(t testing.TB, a *Allocator) { page.Store(a.raw.heads[16]+runFree, 0) }},
	{"raw/free-list", "3.9", func(t testing.TB, a *Allocator) {
		b := page.Load(a.raw.heads[16] + runFree)
		page.Store(b, b)
	}},
	{"raw/counts", "3.9", func(t testing.TB, a *Allocator) { a.raw.bytes++ }},
	{"raw/counts", "3.9", func(t testing.TB, a *Allocator) { page.Store32(a.raw.heads[16]+runLive, 2) }},
	{"arena/footprint", "3.9", func(t testing.TB, a *Allocator) { a.os.Map(4096) }},
}

// TestEveryRuleCanBreak breaks the heap by hand and expects the name of the rule. A rule of the checker that no row
// breaks is a failure: it could be one that never fires.
func TestEveryRuleCanBreak(t *testing.T) {
	broken := map[string]bool{}
	for _, b := range breaks {
		broken[b.rule] = true
		a := busy(t, b.profile)
		if err := a.CheckInvariants(); err != nil {
			t.Fatalf("before anything is broken: %v", err)
		}
		b.hurt(t, a)
		err := a.CheckInvariants()
		if err == nil || !strings.HasPrefix(err.Error(), b.rule+": ") {
			t.Errorf("%s, profile %s: got %v", b.rule, b.profile, err)
		}
		cheap := a.CheckCheap()
		for _, r := range Invariants() {
			if r.Name == b.rule && (r.How == "cheap") != (cheap != nil) {
				t.Errorf("%s is checked by %s, and CheckCheap says %v", r.Name, r.How, cheap)
			}
		}
		if err := a.os.Close(); err != nil { // the heap is beyond closing itself
			t.Error(err)
		}
	}
	for _, r := range Invariants() {
		if (r.How == "check" || r.How == "cheap") != broken[r.Name] {
			t.Errorf("%s (%s): broken here: %v", r.Name, r.How, broken[r.Name])
		}
		if strings.ContainsAny(r.Name, "0123456789") || !strings.HasSuffix(r.Doc, ".") {
			t.Errorf("%s: a name holds no number, a doc is a sentence", r.Name)
		}
	}
}
