package fuzz

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"modernc.org/memory"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
	"heapfuzz/impl/slab"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
)

// heapTarget completes the target of an allocator.
func heapTarget(t Target, contract heap.Contract, open heaptest.Opener) Target {
	t.Subject, t.Contract, t.Open = "heap", contract, open
	t.New = func() *props.Subject { return heaptest.Subject(t.Name, contract, open) }
	return t
}

var heapTargets = slices.Concat([]Target{
	heapTarget(Target{
		Name: "reference", Smoke: 40,
		Doc: "the allocator that is believed by eye: every block is a Go slice of its own",
	}, heap.ReferenceContract, func(heaptest.World) (heaptest.Allocator, error) { return heap.NewReference(), nil }),
	heapTarget(Target{
		Name: "slab", Smoke: 60, Placed: true,
		Doc: "bitmap slabs, no word of its own in the memory handed out; every misuse is detected",
	}, heap.Contract{
		Align: 16, AlignMax: 4096, SizeMax: 1 << 47,
		DoubleFree: heap.Detected, InteriorFree: heap.Detected, StrayFree: heap.Detected, ForeignFree: heap.Detected,
		WildFree: heap.Detected, CrossFree: heap.Detected, NamesMisuse: true, Usables: true,
		// Small slabs have classes up to 512 bytes only; above them blocks are whole pages. A block that is less than
		// half used moves, if it can.
		Waste:   [3]heap.Waste{{UpTo: 512, Shift: 2, Plus: 15}, {UpTo: 1 << 47, Shift: 64, Plus: 4095}},
		Resized: heap.Waste{UpTo: 512, Plus: 15}, AlignStrict: true,
		Stays: [2]heap.Stay{{UpTo: 1 << 47, Num: 1, Den: 2, Least: 16, Moves: true}},
	}, openSlab),
	heapTarget(Target{
		Name: "modernc", Smoke: 20, Placed: true,
		Doc: "modernc.org/memory, the allocator under a Go port of SQLite",
	}, heap.Contract{
		Align: 16, ZeroNil: true, ReallocZeroFrees: true,
		Inexact: true, Retained: -1,
	}, func(heaptest.World) (heaptest.Allocator, error) { return &modernc{}, nil }),
	heapTarget(Target{
		Name: "go-heap", Smoke: 40,
		Doc: "Go's own heap: a block is what make([]byte, n) returns",
	}, heap.Contract{SizeMax: goHeapMax, ZeroNil: true, Retained: -1}, openGoHeap),
}, arenas(), debugArenas(), []Target{pagesTarget})

// arenas returns pymalloc in each of its profiles.
func arenas() (ts []Target) {
	for _, prof := range profile.All() {
		ts = append(ts, heapTarget(Target{
			Name: "arena-" + prof.Name, Smoke: 40, Placed: true,
			Doc: "pymalloc: " + prof.About, Recordings: recordingsOf("heap", prof.Name),
		}, heap.Contract{
			Align: prof.Alignment(), SizeMax: 1<<63 - 1,
			Waste: pyWaste(prof), Resized: heap.Waste{UpTo: 1 << 47, Plus: pyWasteLarge},
			Stays: pyStays, Retained: retained(prof), Usables: true,
		}, func(w heaptest.World) (heaptest.Allocator, error) { return openArena(prof, w) }))
	}
	return ts
}

// pyWaste is what pymalloc wastes. A block of up to 512 bytes is rounded up to the alignment. One of the raw allocator
// has a quarter more, since there are four classes to a doubling, and above 32 KiB it may get a run that was kept, of
// twice the size.
func pyWaste(prof *profile.Profile) [3]heap.Waste {
	return [3]heap.Waste{
		{UpTo: sizeclass.SmallMax, Shift: 64, Plus: prof.Alignment() - 1},
		{UpTo: sizeclass.RawMax, Shift: 2, Plus: 15},
		{UpTo: 1 << 47, Plus: pyWasteLarge},
	}
}

// pyStays is which blocks pymalloc leaves where they are: small ones that are more than three quarters used, and those
// of the raw allocator that are more than half used.
var pyStays = [2]heap.Stay{
	{UpTo: sizeclass.SmallMax, Num: 3, Den: 4, Plus: 1, Moves: true},
	{UpTo: 1 << 47, Num: 1, Den: 2, Plus: 1, Least: 64, Moves: true},
}

// pyWasteLarge is what twice a run wastes besides the bytes asked for once more: headers of 80 bytes and the rest of a
// page, twice.
const pyWasteLarge = 2 * (80 + 4095)

// debugArenas returns pymalloc under its debug hooks, the oldest that keeps serial numbers and the newest. A block that
// is freed a second time, or an address inside one, has no header in front and is told by that; a block of another heap
// has one, and an address where no memory is faults as it does in C.
func debugArenas() (ts []Target) {
	for _, name := range []string{"3.6", "3.11"} {
		prof, ok := profile.ByName(name)
		if !ok {
			panic("fuzz: no profile " + name)
		}
		ts = append(ts, heapTarget(Target{
			Name: "arena-" + name + "-debug", Smoke: 20, Placed: true,
			Doc: "pymalloc under the debug hooks of PYTHONMALLOC=debug",
		}, heap.Contract{
			Align: prof.Alignment(), SizeMax: 1<<63 - 1 - 64, Retained: retained(prof),
			Waste: [3]heap.Waste{{UpTo: 1 << 47, Shift: 64}}, Resized: heap.Waste{UpTo: 1 << 47, Shift: 64},
			DoubleFree: heap.Detected, InteriorFree: heap.Detected, StrayFree: heap.Detected,
			ForeignFree: heap.Detected, Usables: true,
			Dress: &heap.Dress{
				API: 'o', Clean: prof.Hooks.Clean, Dead: prof.Hooks.Dead, Forbidden: prof.Hooks.Forbidden,
				Serial: prof.Hooks.Serial, SizeMax: 1<<63 - 1 - 32,
			},
		}, func(w heaptest.World) (heaptest.Allocator, error) {
			a, err := openArena(prof, w)
			if err != nil {
				return nil, err
			}
			below := a.(*leakyArena)
			if Edges && w.Variant >= edgesFrom {
				if err := hooksOwn(prof); err != nil {
					return nil, err
				}
			}
			return &leakyHooks{arena.Debug(below.Allocator, prof.Hooks, 'o'), below.stretch}, nil
		}))
	}
	return ts
}

// retained is what pymalloc keeps when all is freed: from 3.9 on the last arena, and from 3.10 on the nodes of the map
// of addresses. Arenas lie in two or three neighbourhoods of the address space, each of which needs a node or two a
// level.
func retained(prof *profile.Profile) (n int64) {
	if prof.KeepLast {
		n += int64(prof.ArenaBytes)
	}
	if prof.Map.Used() {
		n += 6 * 8 * (1<<prof.Map.Mid + 1<<prof.Map.Bot)
	}
	return n
}

// smallArenas is a profile with arenas of 2, 4, 8, ... pools, up to the ordinary arena. The map of addresses then has
// wider roots, so that it sees as many bits of an address as before.
func smallArenas(prof *profile.Profile, v uint64) *profile.Profile {
	small := *prof
	small.ArenaBytes = min(prof.PoolBytes<<v, prof.ArenaBytes)
	if small.Map.Used() {
		for n := small.ArenaBytes; n < prof.ArenaBytes && small.Map.Root < 20; n *= 2 {
			small.Map.Root++
		}
	}
	return &small
}

// openArena makes pymalloc. Variants are small arenas, which 7 has from a source of their own, and from 8 on arenas
// that are parts of huge pages. Where the world is skewed by an odd number of pages, memory is dirt when it comes: not
// in profiles with a map of addresses, whose nodes are trusted to be zero.
func openArena(prof *profile.Profile, w heaptest.World) (heaptest.Allocator, error) {
	v := w.Variant % 16
	if v%8 > 0 {
		prof = smallArenas(prof, v%8)
	}
	sys := source(w)
	sys.dirt = w.Skew%2 == 1 && !prof.Map.Used()
	os := page.New(sys)
	if sys.rough = v >= 8; sys.rough {
		os.PartsFrom(prof.ArenaBytes)
	}
	cfg := arena.Config{Profile: prof, OS: os}
	if v == 7 {
		cfg.Arenas = sys
	}
	a, err := arena.New(cfg)
	if err != nil {
		return nil, err
	}
	if Edges && v > 0 {
		err = arenaEdges(a, *prof)
	}
	if Edges && w.Variant >= edgesFrom {
		err = errors.Join(err, arenaOwn(prof))
	}
	return &leakyArena{a, sys, retained(prof)}, err
}

// arenaEdges tells whether a profile that cannot be is refused, and nil is taken for no block.
func arenaEdges(a *arena.Allocator, wrong profile.Profile) error {
	wrong.PoolBytes++
	if _, err := arena.New(arena.Config{Profile: &wrong}); err == nil {
		return errors.New("a pool that is no power of two is not refused")
	}
	if a.UsableSize(nil) != 0 || a.Owns(nil, 1) || a.Owns(nil, 0) {
		return errors.New("nil is a block")
	}
	return nil
}

// leakyArena tells, when it is closed, of memory that is not given back.
type leakyArena struct {
	*arena.Allocator
	*stretch
	most int64 // bytes that it keeps when nothing lives: of the profile with the arenas that it has
}

// Close looks once more at what is kept: in worlds with small arenas that is less than the contract says.
func (a *leakyArena) Close() error {
	var err error
	if a.Trim(); a.Owns(nil, 0) || a.Owns(nil, 1) {
		err = errors.New("nil is a block")
	}
	if blocks, _, footprint := a.Usage(); blocks == 0 && footprint > uint64(a.most) {
		err = fmt.Errorf("%d bytes are kept when nothing lives, and %d may be", footprint, a.most)
	}
	a.Alloc(100)
	a.Alloc(1000)
	err = errors.Join(err, closed(a.Allocator, a.stretch))
	if err == nil && a.Allocator.Close() == nil {
		err = errors.New("an allocator is closed twice")
	}
	return err
}

// leakyHooks is the same under debug hooks.
type leakyHooks struct {
	*arena.Hooks
	*stretch
}

func (a *leakyHooks) Close() error {
	a.Alloc(100)
	err := closed(a.Hooks, a.stretch)
	if err == nil && a.Hooks.Close() == nil {
		err = errors.New("an allocator is closed twice")
	}
	return err
}

// leakySlab is the same of a slab allocator.
type leakySlab struct {
	*slab.Allocator
	*stretch
}

func (a *leakySlab) Close() error {
	err := closed(a.Allocator, a.stretch)
	if p := a.Alloc(1); err == nil && p != nil {
		err = errors.New("a closed allocator has memory")
	}
	return err
}

// closed closes an allocator, which then has nothing from the system, and is as one in which nothing ever was.
func closed(a interface {
	heap.Closer
	heap.User
	heap.Checker
}, sys *stretch) error {
	err := errors.Join(a.Close(), sys.leaks(), a.CheckInvariants())
	if blocks, bytes, footprint := a.Usage(); err == nil && blocks+bytes+footprint != 0 {
		err = fmt.Errorf("a closed allocator has %d blocks, %d bytes, %d of footprint", blocks, bytes, footprint)
	}
	return err
}

// openSlab makes a slab allocator. Variants are the sizes of a slab down to a page, and from 5 on the same without
// spares. In the ordinary world calloc trusts it that memory is zero when it comes; in others it may be dirt.
func openSlab(w heaptest.World) (heaptest.Allocator, error) {
	sys := source(w)
	sys.dirt = w.Limit != 0 || w.Skew != 0
	cfg := slab.Config{Source: sys, Zeroed: !sys.dirt}
	if v := w.Variant % 10; v > 0 {
		cfg.SlabBytes = 64 << 10 >> (v % 5)
		if v >= 5 {
			cfg.Spares = -1
		}
		if Edges {
			if err := refusesSlabs(cfg); err != nil {
				return nil, err
			}
		}
	}
	if Edges && w.Variant >= edgesFrom {
		if err := slabOwn(cfg); err != nil {
			return nil, err
		}
	}
	a, err := slab.New(cfg)
	if err != nil {
		return nil, err
	}
	return &leakySlab{a, sys}, nil
}

// refusesSlabs tells whether sizes that no slab may have are refused.
func refusesSlabs(cfg slab.Config) error {
	for _, n := range []uintptr{1, 2048, 4095, 4097, 6144, 12288, 65535, 65537, 128 << 10, 1 << 63} {
		cfg.SlabBytes = n
		if _, err := slab.New(cfg); err == nil {
			return fmt.Errorf("slabs of %d bytes are not refused", n)
		}
	}
	return nil
}

// modernc is modernc.org/memory in the shape of an Allocator. Its sizes are of type int: one that does not fit is
// refused, as the caller of malloc(3) would be.
type modernc struct{ a memory.Allocator }

func (m *modernc) Alloc(size uintptr) unsafe.Pointer {
	if int(size) < 0 {
		return nil
	}
	p, err := m.a.UnsafeMalloc(int(size))
	if err != nil {
		return nil
	}
	return p
}

// Calloc multiplies, since the original takes one size.
func (m *modernc) Calloc(count, size uintptr) unsafe.Pointer {
	if size != 0 && count > ^uintptr(0)/size || int(count*size) < 0 {
		return nil
	}
	p, err := m.a.UnsafeCalloc(int(count * size))
	if err != nil {
		return nil
	}
	return p
}

func (m *modernc) Realloc(p unsafe.Pointer, size uintptr) unsafe.Pointer {
	if int(size) < 0 {
		return nil
	}
	q, err := m.a.UnsafeRealloc(p, int(size))
	if err != nil {
		return nil
	}
	return q
}

func (m *modernc) Free(p unsafe.Pointer) {
	if err := m.a.UnsafeFree(p); err != nil {
		panic(err)
	}
}

func (m *modernc) UsableSize(p unsafe.Pointer) uintptr { return uintptr(memory.UnsafeUsableSize(p)) }

func (m *modernc) Trim() {
	if err := m.a.Trim(); err != nil {
		panic(err)
	}
}

func (m *modernc) Close() error { return m.a.Close() }

// goHeapMax is the largest block that is asked of Go's heap: make panics, and then the runtime throws, instead of
// refusing.
const goHeapMax = 64 << 20

func openGoHeap(heaptest.World) (heaptest.Allocator, error) {
	alloc := func(size int) []byte {
		if size > goHeapMax {
			return nil
		}
		return make([]byte, size)
	}
	return heaptest.Slices(nil, alloc, func([]byte) {}), nil
}
