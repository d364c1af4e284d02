package canary

import (
	"math/bits"

	"heapfuzz/model/heap"
)

// Bug is one defect of toy. The zero Bug is none.
type Bug int

// The defects. What each does wrong is said in the table of canaries, and where, by a search for its name.
const (
	None Bug = iota
	ClassBoundary
	ClassSkipped
	AlignedForgets
	AlignedGuesses
	Misaligned
	CallocOverflow
	CallocDirty
	CallocTail
	CallocUnit
	StaleFresh
	ReallocLastByte
	Realloc512
	ReallocPopcount
	ReallocFreesOnFailure
	ReallocZeroLeaks
	ShrinksTooFar
	ZeroAliases
	ZeroNil
	UsableTooBig
	UsableTooSmall
	UsableChanges
	RunTailLost
	Coalesces
	ReleasedEarly
	PopTwice
	LinkInNext
	LinkInPrevious
	BytesDrift
	FootprintForgetsHuge
	LostBlock
	TrimForgets
	DoubleAccepted
	InteriorAccepted
	ForeignAccepted
	FreeNilCounts
	PastTheEnd
	ShortTable
	CloseFails
	OOMCounts
	OOMHalfDone
	OOMSticks
	bugs
)

// lostEvery is how many blocks of LostBlock are freed for one that is lost. Every 31st is far enough from every first
// to need a program with a history, and near enough for a reproducer that a person reads.
const lostEvery = 31

// odd is what defects remember.
type odd struct {
	newest  uintptr                   // the block that was handed out last
	zero    uintptr                   // the block that stands for all of 0 bytes
	frees   int                       // of small blocks
	writes  bool                      // the allocator itself will write to the block that is asked for
	refused bool                      // the operating system refused once
	runs    [runMax/pageBytes - 1]int // how many runs of 1, 2, ... pages were taken; one too short
}

// oddAlloc spoils a request before it is served. With ok it is served by at.
func (h *toy) oddAlloc(align *uintptr, size uintptr) (at uintptr, ok bool) {
	switch {
	case h.bug == AlignedForgets && heap.IsAlign(*align) && *align > 64:
		*align = 16
	case h.bug == AlignedGuesses && !heap.IsAlign(*align):
		*align = 1 << bits.Len64(uint64(*align))
	case h.bug == OOMCounts:
		h.blocks++ // before the operating system is asked, and instead of after it
	case h.bug == OOMSticks && h.odd.refused:
		return 0, true
	case h.bug == ZeroNil && size == 0:
		return 0, true
	case h.bug == ZeroAliases && size == 0 && *align <= 16:
		if h.odd.zero == 0 {
			h.odd.zero = h.allocSmall(0)
		}
		return h.odd.zero, true
	}
	return 0, false
}

// oddRefusal is called when the operating system refused.
func (h *toy) oddRefusal() {
	h.odd.refused = true
	if h.bug == OOMHalfDone && len(h.chunks) > 0 {
		h.chunks[len(h.chunks)-1].virgin = 0
	}
}

// oddFree tells whether a free is to be ignored.
func (h *toy) oddFree(at uintptr) bool {
	if h.bug == ZeroAliases && at == h.odd.zero {
		return true
	}
	c, _ := h.find(at)
	return h.bug == ForeignAccepted && c == nil && h.huge[at] == 0
}

// forgives tells whether a free of a block in an unused page is ignored, by canaries whose defect makes pages unused
// too early: the harm that they are to be caught for is done later.
func (h *toy) forgives() bool {
	return h.bug == ReleasedEarly || h.bug == Coalesces || h.bug == ShrinksTooFar
}

// loses tells whether a small block that is freed is to be lost.
func (h *toy) loses() bool {
	h.odd.frees++
	return h.bug == LostBlock && h.odd.frees%lostEvery == 0
}

func (h *toy) oddUsable(at, n uintptr) uintptr {
	switch {
	case h.bug == UsableTooBig && n <= smallMax:
		return n + 16
	case h.bug == UsableTooSmall && n > 16:
		return n - 1
	case h.bug == UsableChanges && n > 16 && at != h.odd.newest:
		return n + 8
	}
	return n
}
