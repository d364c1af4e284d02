package arena

import "unsafe"

// The states of a pool that State tells apart: how full it is, and whether blocks are left in it that were never on its
// free list. A full pool has none.
const (
	stateLarge = iota // no pool: the block is the raw allocator's
	stateFirst        // the block is the only one, and others were never on the free list
	stateAlone        // the block is the only one that is left
	stateSome
	stateWorn // some are free, and all have been on the free list
	stateFull
)

// State names the state of the pool around a live block by a small number, for coverage and for nothing else.
func (a *Allocator) State(ptr unsafe.Pointer) uint8 {
	b := uintptr(ptr)
	p := a.geometry.Of(b)
	if b == 0 || !a.ours(p, b) {
		return stateLarge
	}
	virgin := p.Virgin() <= p.Last()
	switch n := p.Count(); {
	case p.Free() == 0:
		return stateFull
	case n == 1 && virgin:
		return stateFirst
	case n == 1:
		return stateAlone
	case virgin:
		return stateSome
	}
	return stateWorn
}
