package canary

import (
	"math/bits"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/slab"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// wrapped are the canaries that are a right allocator with one method spoilt.
var wrapped = []row{
	{
		Name: "cached", Doc: "a cache of freed blocks serves every request with the same power of two below it",
		Rule: heap.Size, Open: openCached,
		Contract: heap.Contract{Align: 16, SizeMax: 1 << 28, Inexact: true, Retained: -1},
	},
	{
		Name: "slab-calloc-wraps", Doc: "calloc over a right allocator multiplies without looking",
		Rule: heap.Overflow, Contract: slabs,
		Open: onSlab(func(a *slab.Allocator) heaptest.Allocator { return callocWraps{a} }),
	},
	{
		Name: "slab-realloc-header", Doc: "realloc takes 16 bytes of the block for a header that it does not have",
		Rule: heap.Moved, Contract: slabs,
		Open: onSlab(func(a *slab.Allocator) heaptest.Allocator { return reallocHeader{a} }),
	},
	{
		Name: "slab-realloc-moves", Doc: "realloc always moves the block",
		Rule: heap.Stays, Contract: staying,
		Open: onSlab(func(a *slab.Allocator) heaptest.Allocator { return reallocMoves{a} }),
	},
	{
		Name: "slab-realloc-stays", Doc: "realloc never moves a block that becomes smaller",
		Rule: heap.Stays, Contract: moving,
		Open: onSlab(func(a *slab.Allocator) heaptest.Allocator { return reallocStays{a} }),
	},
	{
		Name: "slab-misnames", Doc: "a second free is called the free of an address inside a block",
		Rule: heap.Misuse, Contract: naming,
		Open: onSlab(func(a *slab.Allocator) heaptest.Allocator { return misnames{a} }),
	},
	{
		Name: "slab-swaps", Doc: "a free swaps the bytes of the two blocks made last, if they are of one size",
		Rule: heap.Content, Contract: slabs, Or: or(heap.Moved),
		Reason: "a realloc that comes next finds other bytes than it should keep",
		Open:   onSlab(func(a *slab.Allocator) heaptest.Allocator { return &swaps{Allocator: a} }),
	},
	{
		Name: "arena-calloc-trusts", Doc: "calloc over pymalloc takes blocks above 512 bytes for fresh from the system",
		Rule: heap.Zeroed, Contract: pymalloc,
		Open: onArena(func(a *arena.Allocator) heaptest.Allocator { return callocTrusts{a} }),
	},
	{
		Name: "arena-holds-back", Doc: "pymalloc behind a quarantine that holds the last freed block back",
		Rule: heap.Returned, Contract: pymalloc, Or: or(heap.Accounted, heap.Failure, heap.Nil),
		Reason: "who looks at the statistics next sees it",
		Open:   onArena(func(a *arena.Allocator) heaptest.Allocator { return &holdsBack{Allocator: a} }),
	},
	{
		Name: "hooks-api", Doc: "debug hooks write the identity of another family in front of a block",
		Rule: heap.Dressed, Contract: dressed,
		Open: onArena(func(a *arena.Allocator) heaptest.Allocator {
			return arena.Debug(a, profile.Default().Hooks, 'm')
		}),
	},
	{
		Name: "reference-late", Doc: "the reference fails one request later than it is told to",
		Rule: heap.Denied, Contract: heap.ReferenceContract, Or: or(heap.Serves),
		Reason: "the request that then fails should not",
		Open:   func(heaptest.World) (heaptest.Allocator, error) { return late{heap.NewReference()}, nil },
	},
	{
		Name: "skips-frees", Doc: "a driver answers that it skipped a free of a live block in an odd slot",
		Rule: heap.Answers, Contract: strict, Open: open(None), spoil: spoilFrees,
	},
}

// cached is a cache in front of the reference, as Go programs write it with a sync.Pool for every power of two.
type cached struct {
	*heap.Reference
	free [64][]pointer
}

func openCached(heaptest.World) (heaptest.Allocator, error) {
	c := &cached{Reference: heap.NewReference()}
	return struct {
		heap.Allocator
		heap.UsableSizer
	}{c, c}, nil
}

func (c *cached) Alloc(size uintptr) pointer {
	class := bits.Len64(uint64(size)) - 1
	if class < 0 || len(c.free[class]) == 0 {
		return c.Reference.Alloc(size)
	}
	last := len(c.free[class]) - 1
	p := c.free[class][last]
	c.free[class] = c.free[class][:last]
	return p
}

func (c *cached) Free(p pointer) {
	if p == nil {
		return
	}
	class := bits.Len64(uint64(c.UsableSize(p))) - 1
	if class < 0 {
		c.Reference.Free(p)
		return
	}
	c.free[class] = append(c.free[class], p)
}

// slabs is what package slab promises: strict, with another bound for waste.
var slabs = func() heap.Contract {
	c := strict
	c.Waste = [3]heap.Waste{{UpTo: 8192, Shift: 2, Plus: 15}, {UpTo: 1 << 47, Shift: 64, Plus: page.Bytes - 1}}
	return c
}()

// staying is slabs with what it promises of blocks that are resized.
var staying = func() heap.Contract {
	c := slabs
	c.Stays = [2]heap.Stay{{UpTo: 1 << 47, Num: 1, Den: 2}}
	return c
}()

// moving is staying with what it promises of those that move.
var moving = func() heap.Contract {
	c := staying
	c.Stays[0].Least, c.Stays[0].Moves = 16, true
	return c
}()

// naming is slabs with names for misuse.
var naming = func() heap.Contract {
	c := slabs
	c.NamesMisuse = true
	return c
}()

func onSlab(wrap func(*slab.Allocator) heaptest.Allocator) heaptest.Opener {
	return func(heaptest.World) (heaptest.Allocator, error) {
		a, err := slab.New(slab.Config{})
		if err != nil {
			return nil, err
		}
		return wrap(a), nil
	}
}

type callocWraps struct{ *slab.Allocator }

func (a callocWraps) Calloc(count, size uintptr) pointer { return a.Allocator.Calloc(1, count*size) }

// swaps remembers the two blocks that were made last, as long as they live. Who fills all blocks alike does not see it.
type swaps struct {
	*slab.Allocator
	older, newer pointer
}

func (s *swaps) Alloc(size uintptr) pointer {
	p := s.Allocator.Alloc(size)
	if p != nil {
		s.older, s.newer = s.newer, p
	}
	return p
}

func (s *swaps) forget(p pointer) {
	if p == s.older {
		s.older = nil
	}
	if p == s.newer {
		s.newer = nil
	}
}

func (s *swaps) Free(p pointer) {
	s.Allocator.Free(p)
	s.forget(p)
	if s.older == nil || s.newer == nil || s.UsableSize(s.older) != s.UsableSize(s.newer) {
		return
	}
	n := s.UsableSize(s.older)
	a, b := page.View(uintptr(s.older), n), page.View(uintptr(s.newer), n)
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

func (s *swaps) Realloc(p pointer, size uintptr) pointer {
	q := s.Allocator.Realloc(p, size)
	if q != nil {
		s.forget(p)
	}
	return q
}

type reallocHeader struct{ *slab.Allocator }

func (a reallocHeader) Realloc(p pointer, size uintptr) pointer {
	q := a.Alloc(size)
	if p == nil || q == nil {
		return q
	}
	n := min(size, a.UsableSize(p)-16)
	copy(page.View(uintptr(q), n), page.View(uintptr(p), n))
	a.Free(p)
	return q
}

type reallocMoves struct{ *slab.Allocator }

func (a reallocMoves) Realloc(p pointer, size uintptr) pointer {
	q := a.Alloc(size)
	if p == nil || q == nil {
		return q
	}
	n := min(size, a.UsableSize(p))
	copy(page.View(uintptr(q), n), page.View(uintptr(p), n))
	a.Free(p)
	return q
}

type reallocStays struct{ *slab.Allocator }

func (a reallocStays) Realloc(p pointer, size uintptr) pointer {
	if p != nil && size <= a.UsableSize(p) {
		return p
	}
	return a.Allocator.Realloc(p, size)
}

type misnames struct{ *slab.Allocator }

func (a misnames) Free(p pointer) {
	defer func() {
		if e := recover(); e != nil {
			if m, ok := e.(*slab.MisuseError); ok && m.Kind == slab.DoubleFree {
				e = &slab.MisuseError{Kind: slab.InteriorFree}
			}
			panic(e)
		}
	}()
	a.Allocator.Free(p)
}

type late struct{ *heap.Reference }

func (a late) InjectOOM(nth int, forever bool) {
	if nth > 0 {
		nth++
	}
	a.Reference.InjectOOM(nth, forever)
}

// pymalloc is what the newest profile of package arena promises, as far as the canaries on it need it.
var pymalloc = heap.Contract{Align: 16, SizeMax: 1<<63 - 1, Retained: -1}

// dressed is what its debug hooks promise.
var dressed = func() heap.Contract {
	c, hooks := pymalloc, profile.Default().Hooks
	c.SizeMax = 1<<63 - 1 - 64
	c.Dress = &heap.Dress{API: 'o', Clean: hooks.Clean, Dead: hooks.Dead, Forbidden: hooks.Forbidden,
		Serial: hooks.Serial, SizeMax: 1<<63 - 1 - 32}
	return c
}()

func onArena(wrap func(*arena.Allocator) heaptest.Allocator) heaptest.Opener {
	return func(heaptest.World) (heaptest.Allocator, error) {
		a, err := arena.New(arena.Config{})
		if err != nil {
			return nil, err
		}
		return wrap(a), nil
	}
}

type callocTrusts struct{ *arena.Allocator }

func (a callocTrusts) Calloc(count, size uintptr) pointer {
	if hi, n := bits.Mul64(uint64(count), uint64(size)); hi == 0 && n > 512 {
		return a.Alloc(uintptr(n))
	}
	return a.Allocator.Calloc(count, size)
}

type holdsBack struct {
	*arena.Allocator
	last pointer
}

func (a *holdsBack) Free(p pointer) {
	if p != nil {
		a.Allocator.Free(a.last)
		a.last = p
	}
}

// spoilFrees wraps the driver.
func spoilFrees(s *props.Subject) {
	open := s.Open
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		t, j, err := open(w)
		return skipsFrees{t, s.Spec.Kind("free")}, j, err
	}
}

type skipsFrees struct {
	props.Target
	free prog.Kind
}

func (t skipsFrees) Do(op prog.Op) prog.Outcome {
	if op.Kind == t.free && op.Args[0]%2 == 1 {
		return prog.Outcome{Status: prog.Skip}
	}
	return t.Target.Do(op)
}
