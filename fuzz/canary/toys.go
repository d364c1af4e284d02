package canary

import (
	"unsafe"

	"heapfuzz/impl/page"
	"heapfuzz/model"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
)

// strict is what toy promises.
var strict = heap.Contract{
	Align: 16, AlignMax: 4096, SizeMax: 1 << 47,
	DoubleFree: heap.Detected, InteriorFree: heap.Detected, ForeignFree: heap.Detected,
	WildFree: heap.Detected, CrossFree: heap.Detected, AlignStrict: true, Usables: true,
	Waste: [3]heap.Waste{
		{UpTo: smallMax, Shift: 1, Plus: 15}, {UpTo: runMax, Shift: 64, Plus: pageBytes - 1},
		{UpTo: 1 << 47, Shift: 64, Plus: page.Bytes - 1},
	},
}

// lax is strict without a word on misuse, for defects that make a misuse go undetected besides the harm that they are
// about.
var lax = heap.Contract{Align: 16, AlignMax: 4096, SizeMax: 1 << 47}

var zeroFrees = heap.Contract{Align: 16, AlignMax: 4096, SizeMax: 1 << 47, ReallocZeroFrees: true}

// shape is a toy without its recount and its statistics; blind adds the latter. See the package comment.
type shape interface {
	heap.Allocator
	heap.Callocer
	heap.Reallocer
	heap.Aligner
	heap.UsableSizer
	heap.Owner
	heap.OOMInjector
	heap.Trimmer
	heap.Closer
}

type blind struct {
	shape
	heap.User
}

// open, openBlind and openMute open a toy with a bug: all of it, without its recount, and without its statistics as
// well.
func open(b Bug) heaptest.Opener {
	return func(w heaptest.World) (heaptest.Allocator, error) { return newToy(b, w.Limit*heaptest.LimitUnit), nil }
}

func openBlind(b Bug) heaptest.Opener {
	return func(w heaptest.World) (heaptest.Allocator, error) {
		h := newToy(b, w.Limit*heaptest.LimitUnit)
		return blind{h, h}, nil
	}
}

func openMute(b Bug) heaptest.Opener {
	return func(w heaptest.World) (heaptest.Allocator, error) {
		return struct{ shape }{newToy(b, w.Limit*heaptest.LimitUnit)}, nil
	}
}

// Base is toy without a defect: no program may refute it.
func Base() *props.Subject { return heaptest.Subject("canary/base", strict, open(None)) }

func or(rules ...*model.Invariant) []*model.Invariant { return rules }

// toys are the canaries that are toy with a Bug.
var toys = []row{
	{
		Name: "class-boundary", Doc: "a request of one byte more than a class holds is put in it",
		Rule: heap.Size, Contract: strict, Open: open(ClassBoundary),
	},
	{
		Name: "aligned-forgets", Doc: "an alignment above 64 is not kept",
		Rule: heap.Aligned, Contract: strict, Open: open(AlignedForgets),
	},
	{
		Name: "aligned-guesses", Doc: "an alignment that is no power of two is taken for the next one that is",
		Rule: heap.Aligned, Contract: strict, Open: open(AlignedGuesses),
	},
	{
		Name: "class-skipped", Doc: "requests of one size class are served from the next, a third larger",
		Rule: heap.Wasted, Contract: strict, Open: open(ClassSkipped),
	},
	{
		Name: "misaligned-class", Doc: "the blocks of one class begin 8 bytes too far",
		Rule: heap.Aligned, Contract: lax, Open: openBlind(Misaligned),
	},
	{
		Name: "calloc-overflow", Doc: "calloc does not see that the product of its factors does not fit",
		Rule: heap.Overflow, Contract: strict, Open: open(CallocOverflow),
	},
	{
		Name: "calloc-dirty", Doc: "calloc does not clear a block above 128 bytes",
		Rule: heap.Zeroed, Contract: strict, Open: open(CallocDirty),
	},
	{
		Name: "calloc-tail", Doc: "calloc clears whole words, and not the bytes after the last",
		Rule: heap.Zeroed, Contract: strict, Open: open(CallocTail),
	},
	{
		Name: "calloc-half", Doc: "calloc clears half of the block when it has more than two parts",
		Rule: heap.Zeroed, Contract: strict, Open: open(CallocUnit),
	},
	{
		Name: "stale-fresh",
		Doc:  "a page of small blocks still counts as never handed out, so calloc trusts it to be zero",
		Rule: heap.Zeroed, Contract: strict, Open: openBlind(StaleFresh),
	},
	{
		Name: "realloc-last-byte", Doc: "a realloc that moves leaves the last byte behind",
		Rule: heap.Moved, Contract: strict, Open: open(ReallocLastByte),
	},
	{
		Name: "realloc-512", Doc: "a realloc that moves copies 512 bytes at most",
		Rule: heap.Moved, Contract: strict, Open: open(Realloc512),
	},
	{
		Name: "realloc-popcount", Doc: "a realloc to a smaller size above 900 with five bits set leaves 8 bytes behind",
		Rule: heap.Moved, Contract: strict, Open: open(ReallocPopcount), Programs: 2000,
	},
	{
		Name: "realloc-frees-on-failure", Doc: "a realloc that finds no memory frees the old block",
		Rule: heap.Keeps, Contract: strict, Open: open(ReallocFreesOnFailure),
	},
	{
		Name: "realloc-zero-leaks", Doc: "realloc to 0, which is promised to free, does not",
		Rule: heap.Accounted, Contract: zeroFrees, Open: openBlind(ReallocZeroLeaks),
		Or:     or(heap.Returned, heap.Failure, heap.Nil),
		Reason: "who looks at the statistics next sees it: usage, the end, a request that fails, free of nil",
	},
	{
		Name: "shrinks-too-far", Doc: "a run that shrinks in place gives back its own last page as well",
		Rule: heap.Disjoint, Contract: lax, Open: openMute(ShrinksTooFar), Or: or(heap.Content),
		Reason: "the page's next user may write to it before it is a block",
	},
	{
		Name: "zero-aliases", Doc: "all blocks of 0 bytes are one",
		Rule: heap.Disjoint, Contract: lax, Open: openMute(ZeroAliases),
	},
	{
		Name: "zero-nil", Doc: "a request of 0 bytes is answered with nil, though a block is promised",
		Rule: heap.Serves, Contract: strict, Open: open(ZeroNil),
	},
	{
		Name: "usable-too-big", Doc: "the usable size of a small block reaches into the next",
		Rule: heap.Disjoint, Contract: lax, Open: openMute(UsableTooBig), Or: or(heap.Owned, props.Alive),
		Reason: "at the end of a chunk there is no next block, and a free list that was written over leads anywhere",
	},
	{
		Name: "usable-too-small", Doc: "the usable size lacks the block's last byte",
		Rule: heap.Size, Contract: strict, Open: open(UsableTooSmall), Or: or(heap.Accounted, heap.Failure, heap.Nil),
		Reason: "the byte is in the statistics, and whoever looks at them next sees it",
	},
	{
		Name: "usable-changes", Doc: "a block has 8 usable bytes more once another was handed out",
		Rule: heap.Usable, Contract: strict, Open: open(UsableChanges),
	},
	{
		Name: "run-tail-lost", Doc: "a freed run keeps its last page, which nobody owns from then on",
		Rule: heap.Returned, Contract: strict, Open: openBlind(RunTailLost),
	},
	{
		Name: "run-tail-seen", Doc: "run-tail-lost, with the recount that sees the page at once",
		Rule: heap.Invariant, Cause: "toy/runs", Contract: strict, Open: open(RunTailLost),
	},
	{
		Name: "coalesces", Doc: "a freed run takes the first page of the run behind it along",
		Rule: heap.Disjoint, Contract: lax, Open: openMute(Coalesces), Or: or(heap.Moved, heap.Usable, props.Alive),
		Reason: "the heap does not know the block any more, which shows when it is resized or asked for its size",
	},
	{
		Name: "released-early", Doc: "a page is given back while one block in it is live",
		Rule: heap.Disjoint, Contract: lax, Open: openMute(ReleasedEarly),
		Or:     or(heap.Content, heap.Moved, heap.Usable, heap.Size, props.Alive),
		Reason: "the heap does not know the block any more, and gives the page to others",
	},
	{
		Name: "pop-twice", Doc: "the second block of a page stays on the free list when it is handed out",
		Rule: heap.Disjoint, Contract: lax, Open: openMute(PopTwice), Or: or(heap.Moved),
		Reason: "a realloc may move a block onto itself and then free it, link and all",
	},
	{
		Name: "link-in-next", Doc: "freeing a block of 32 bytes writes the free list's link into the next block",
		Rule: heap.Content, Contract: lax, Open: openMute(LinkInNext), Or: or(heap.Disjoint),
		Reason: "where the next block is free, its link is overwritten, and the list leads to one block twice",
	},
	{
		Name: "link-in-previous",
		Doc:  "freeing a small block writes the free list's link into the end of the previous block",
		Rule: heap.Content, Contract: strict, Open: open(LinkInPrevious),
	},
	{
		Name: "bytes-drift", Doc: "a run that is resized in place is counted with its old bytes",
		Rule: heap.Accounted, Contract: strict, Open: openBlind(BytesDrift),
		Or:     or(heap.Returned, heap.Failure, heap.Nil),
		Reason: "whoever looks at the statistics next sees it",
	},
	{
		Name: "footprint-forgets-huge", Doc: "the footprint does not hold the blocks that are mapped on their own",
		Rule: heap.Accounted, Contract: strict, Open: open(FootprintForgetsHuge),
	},
	{
		Name: "lost-block", Doc: "every 31st free of a small block is forgotten",
		Rule: heap.Returned, Contract: lax, Open: openBlind(LostBlock),
		Reproducer: 2*lostEvery + 2,
		Reason:     "31 blocks must be freed, and each is made first",
	},
	{
		Name: "lost-block-seen", Doc: "lost-block, with the recount that sees the block at once",
		Rule: heap.Invariant, Cause: "toy/usage", Contract: lax, Open: open(LostBlock),
		Reproducer: 2*lostEvery + 2,
		Reason:     "31 blocks must be freed, and each is made first",
	},
	{
		Name: "trim-forgets", Doc: "trim gives nothing back",
		Rule: heap.Returned, Contract: strict, Open: open(TrimForgets),
	},
	{
		Name: "double-accepted", Doc: "a second free goes through, though it is promised to be detected",
		Rule: heap.Misuse, Contract: strict, Open: open(DoubleAccepted),
	},
	{
		Name: "interior-accepted", Doc: "free of an address inside a block frees the block",
		Rule: heap.Misuse, Contract: strict, Open: open(InteriorAccepted),
	},
	{
		Name: "foreign-accepted",
		Doc:  "free of an address in no chunk does nothing, though it is promised to be detected",
		Rule: heap.Misuse, Contract: strict, Open: open(ForeignAccepted),
	},
	{
		Name: "free-nil-counts", Doc: "free of nil is counted as the free of a block",
		Rule: heap.Nil, Contract: strict, Open: open(FreeNilCounts),
	},
	{
		Name: "past-the-end",
		Doc:  "a run may begin in the last pages of a chunk and end behind it, unless the heap itself writes there",
		Rule: heap.Owned, Contract: strict, Open: openBlind(PastTheEnd),
		Reproducer: 48,
		Reason:     "a chunk must be full, which many small blocks do as well as few large ones",
	},
	{
		Name: "short-table", Doc: "a table by the pages of a run is one too short, so that the longest run panics",
		Rule: props.Alive, Contract: strict, Open: open(ShortTable),
	},
	{
		Name: "close-fails", Doc: "close fails when a chunk is left",
		Rule: props.Alive, Cause: "close", Open: openKeeping(CloseFails),
		Contract: heap.Contract{Align: 16, Retained: chunkBytes},
	},
	{
		Name: "oom-counts", Doc: "a block is counted before there is memory for it",
		Rule: heap.Failure, Contract: strict, Open: open(OOMCounts),
	},
	{
		Name: "oom-half-done",
		Doc:  "the mark of what was never handed out is set back for memory that then does not come",
		Rule: heap.Invariant, Cause: "toy/virgin", Contract: strict, Open: open(OOMHalfDone), Or: or(heap.Zeroed),
		Reason: "calloc trusts the mark",
	},
	{
		Name: "oom-sticks", Doc: "after one refusal by the operating system every request is refused",
		Rule: heap.Serves, Contract: strict, Open: open(OOMSticks),
	},
}

// openKeeping opens a toy that has no Trim, so that a chunk is left at the end.
func openKeeping(b Bug) heaptest.Opener {
	return func(w heaptest.World) (heaptest.Allocator, error) {
		h := newToy(b, w.Limit*heaptest.LimitUnit)
		return struct {
			heap.Allocator
			heap.Closer
		}{h, h}, nil
	}
}

// pointer is short for what the methods of wrapped allocators take and return.
type pointer = unsafe.Pointer
