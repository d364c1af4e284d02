package fuzz

import (
	"errors"
	"fmt"
	"unsafe"

	"heapfuzz/impl/slab"
	"heapfuzz/props/heaptest"
)

// slabOwn makes slab allocators with a configuration and asks them what no program does.
func slabOwn(cfg slab.Config) error {
	if cfg.SlabBytes == 0 {
		cfg.SlabBytes = 64 << 10
	}
	for _, ask := range []func(*slabEdge){
		(*slabEdge).misuse, (*slabEdge).fills, (*slabEdge).scatters, (*slabEdge).refuses,
	} {
		if err := newSlabEdge(cfg).asked(ask); err != nil {
			return err
		}
	}
	for _, spares := range []int{0, -1, 2} {
		cfg.Spares = spares
		if err := newSlabEdge(cfg).asked((*slabEdge).spares); err != nil {
			return fmt.Errorf("with %d spares: %w", spares, err)
		}
	}
	return nil
}

// slabEdge is one of them, and what was wrong with it.
type slabEdge struct {
	*slab.Allocator
	cfg slab.Config
	sys *stretch
	err error
}

func newSlabEdge(cfg slab.Config) *slabEdge {
	e := &slabEdge{cfg: cfg, sys: source(heaptest.World{})}
	e.cfg.Source, e.cfg.Zeroed = e.sys, true
	e.Allocator, e.err = slab.New(e.cfg)
	return e
}

func (e *slabEdge) asked(ask func(*slabEdge)) error {
	if e.err != nil {
		return e.err
	}
	ask(e)
	e.want(e.CheckInvariants() == nil, "its invariants do not hold")
	e.Trim()
	if err := errors.Join(e.err, closed(e.Allocator, e.sys)); err != nil {
		return fmt.Errorf("an allocator of its own, of slabs of %d bytes: %w", e.cfg.SlabBytes, err)
	}
	return nil
}

func (e *slabEdge) want(is bool, format string, args ...any) {
	if !is && e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// slabs is how many slabs the system has given.
func (e *slabEdge) slabs() int {
	_, _, footprint := e.Usage()
	return int(footprint) / int(e.cfg.SlabBytes)
}

// many allocates n blocks, and drop frees some.
func (e *slabEdge) many(n int, size uintptr) (blocks []unsafe.Pointer) {
	for range n {
		blocks = append(blocks, e.Alloc(size))
	}
	return blocks
}

func (e *slabEdge) drop(blocks []unsafe.Pointer) {
	for _, p := range blocks {
		e.Free(p)
	}
}

// misuse asks of addresses where no block begins, by which name they are no block, and whose they are.
func (e *slabEdge) misuse() {
	size := int(e.cfg.SlabBytes)
	small, dead, large := e.Alloc(48), e.Alloc(48), e.Alloc(3*e.cfg.SlabBytes-1)
	odd := e.Alloc(e.cfg.SlabBytes/8 + 1) // of whole pages, and less than a slab of more than a page
	pages := int(e.UsableSize(odd))
	e.Free(dead)
	for _, c := range []struct {
		p    unsafe.Pointer
		kind string
		ours bool
	}{
		{dead, slab.DoubleFree, true},
		{unsafe.Add(dead, 16), slab.WildFree, true},
		{unsafe.Add(small, 16), slab.InteriorFree, true},
		{unsafe.Add(small, size-size%48), slab.WildFree, true}, // the rest of a slab
		{unsafe.Add(large, 16), slab.InteriorFree, true},
		{unsafe.Add(large, 2*size), slab.InteriorFree, true},
		{unsafe.Add(large, 3*size-1), slab.InteriorFree, true},
		{unsafe.Add(odd, pages-1), slab.InteriorFree, true},
		{unsafe.Add(small, 1<<40), slab.ForeignFree, false},
	} {
		for _, use := range []func(unsafe.Pointer){e.Free, func(p unsafe.Pointer) { e.Realloc(p, 99) }} {
			said := slabSays(func() { use(c.p) })
			e.want(said == c.kind, "%q is said where a %s is met", said, c.kind)
		}
		e.want(e.UsableSize(c.p) == 0, "what is no block has a size")
		e.want(e.Owns(c.p, 1) == c.ours, "it says wrongly whose an address is")
	}
	if pages%size != 0 {
		p := unsafe.Add(odd, pages) // behind the last page, in the granule of the first
		e.want(!e.Owns(p, 1) && e.UsableSize(p) == 0 && slabSays(func() { e.Free(p) }) == slab.ForeignFree,
			"what is behind a large block is the allocator's")
	}
	e.want(e.Owns(large, uintptr(3*size)) && !e.Owns(large, uintptr(3*size+1)), "a large block ends elsewhere")
	e.want(e.UsableSize(small) == 48, "a block of 48 bytes has another size")
	e.drop([]unsafe.Pointer{small, large, odd})
}

// slabSays is the kind of misuse that an allocator panics with.
func slabSays(f func()) (kind string) {
	defer func() {
		if said, ok := recover().(*slab.MisuseError); ok {
			kind = said.Kind
		}
	}()
	f()
	return "nothing"
}

// fills takes all blocks of a slab of the least, and of the greatest size, and no more slabs than they need.
func (e *slabEdge) fills() {
	for _, size := range []uintptr{16, e.cfg.SlabBytes / 8} {
		n := int(e.cfg.SlabBytes / size)
		blocks := e.many(n-1, size)
		blocks = append(blocks, e.AlignedAlloc(16, size))
		_, _, footprint := e.Usage()
		e.want(footprint == uint64(e.cfg.SlabBytes), "%d blocks of %d bytes take %d", n, size, footprint)
		same := true
		for _, p := range blocks {
			same = same && e.UsableSize(p) == size
			*(*byte)(p) = 1
		}
		e.want(same, "one of %d blocks has another size", n)
		e.want(e.CheckInvariants() == nil, "its invariants do not hold")
		e.Free(blocks[0])
		blocks[0] = e.Calloc(1, size)
		e.want(*(*byte)(blocks[0]) == 0, "a block of %d bytes that was used is not cleared", size)
		e.want(*(*byte)(blocks[1]) == 1, "more is cleared than a block of %d bytes", size)
		e.drop(blocks)
		e.want(e.CheckInvariants() == nil, "its invariants do not hold")
		e.Trim()
	}
}

// scatters makes large blocks of many sizes, so that they begin at granules without order, and frees them in another.
func (e *slabEdge) scatters() {
	const many, step = 80, 33
	var blocks []unsafe.Pointer
	for i := range uintptr(many) {
		blocks = append(blocks, e.Alloc(e.cfg.SlabBytes/8+1+4096*(i*i%13)))
	}
	for i := range many {
		at := i * step % many
		e.Free(blocks[at])
		blocks[at] = nil
		for _, p := range blocks {
			e.want(p == nil || e.UsableSize(p) > 0, "a block is lost when another is freed")
		}
	}
}

// refuses has the system refuse, and asks for alignments that no slab has.
func (e *slabEdge) refuses() {
	size := e.cfg.SlabBytes / 8
	blocks := e.many(8, size)
	e.InjectOOM(1, true)
	e.want(e.Alloc(size) == nil && e.Alloc(4*size) == nil, "it has memory that the system refuses")
	e.want(e.Realloc(blocks[0], 4*size) == nil, "a block grows without memory")
	e.want(e.Realloc(blocks[0], 100) == blocks[0], "a block cannot be made smaller without memory")
	e.InjectOOM(0, false)
	e.want(e.AlignedAlloc(8192, 16) == nil && e.AlignedAlloc(0, 16) == nil, "what is no alignment of a slab is served")
	e.drop(blocks)
}

// spares fills slabs and frees them: the last one with room stays with its class, so many more are kept for the next
// need of any class, and others go back.
func (e *slabEdge) spares() {
	kept := max(e.cfg.Spares, 0)
	if e.cfg.Spares == 0 {
		kept = 16
	}
	before := 0
	for i, n := range []int{128, 8, 16} {
		blocks := e.many(n*max(kept, 1), e.cfg.SlabBytes/uintptr(n))
		e.want(i == 0 || e.slabs() == before+1-min(kept, 1), "a slab that is kept is not used again")
		blocks = append(blocks, e.many(2*n, e.cfg.SlabBytes/uintptr(n))...)
		e.drop(blocks)
		e.want(e.slabs() == kept+i+1, "%d slabs are kept, and should be %d", e.slabs(), kept+i+1)
		before = e.slabs()
	}
	e.want(e.CheckInvariants() == nil, "its invariants do not hold")
	e.Trim()
	e.want(e.slabs() == 0, "%d slabs are kept when all is given back", e.slabs())

	// Of two with room the one that becomes empty leaves, whichever came first.
	size := e.cfg.SlabBytes / 8
	for _, first := range []int{0, 8} {
		blocks := e.many(16, size)
		e.Free(blocks[first])
		e.drop(blocks[8-first : 16-first])
		e.want(e.slabs() == 1+min(kept, 1), "of two slabs with room an empty one stays")
		e.drop(blocks[first+1 : first+8])
		e.want(e.slabs() == 1+min(kept, 1), "the only slab with room does not stay")

		blocks = e.many(16, size)
		e.Free(blocks[0])
		e.Free(blocks[8])
		e.drop(blocks[first+1 : first+8])
		e.want(e.slabs() == 1+min(kept, 1), "of two slabs with room the empty one stays")
		e.drop(blocks[9-first : 16-first])
		e.Trim()
	}
}
