// Package heap says what is right for a memory allocator: the shapes that allocators come in, the contract that one of
// them promises, the rules that follow from it, and a reference that keeps them all and is fast at nothing.
//
// An allocator is anything with Alloc and Free. What else it can do is told by the optional parts that it has, and what
// it promises by its Contract; no rule is applied that was not promised.
//
//	model := heap.New(contract, false)
//	model.Alloc(0, heap.Request{Size: 64}, heap.Block{Addr: 0x1000, Usable: 64}) // nil: nothing speaks against it
package heap

import "unsafe"

// Allocator is the least that an allocator does. Alloc returns a block of at least size bytes, or nil when there is no
// memory. Free takes the block back; Free(nil) does nothing.
type Allocator interface {
	Alloc(size uintptr) unsafe.Pointer
	Free(p unsafe.Pointer)
}

// The optional parts of an Allocator, each found by its method.
type (
	// Callocer returns count*size zeroed bytes, nil when there is no memory or the product overflows.
	Callocer interface {
		Calloc(count, size uintptr) unsafe.Pointer
	}
	// Reallocer resizes a block, keeping its content up to the smaller size. Nil means no memory, and the old block
	// lives on.
	Reallocer interface {
		Realloc(p unsafe.Pointer, size uintptr) unsafe.Pointer
	}
	// Aligner returns a block whose address is a multiple of align, a power of two; 0 is none.
	Aligner interface {
		AlignedAlloc(align, size uintptr) unsafe.Pointer
	}
	// UsableSizer tells how many bytes of a live block may be written.
	UsableSizer interface {
		UsableSize(p unsafe.Pointer) uintptr
	}
	// Owner tells whether size bytes from p lie in memory that the allocator hands out.
	Owner interface {
		Owns(p unsafe.Pointer, size uintptr) bool
	}
	// Checker recounts the allocator's own invariants. The text of its error is "name: detail", and name holds no
	// number.
	Checker interface{ CheckInvariants() error }
	// CheapChecker is a Checker whose work does not grow with the live blocks.
	CheapChecker interface{ CheckCheap() error }
	// User tells the number of live blocks, the bytes in them (as they are counted by the allocator, at least those
	// asked for) and the bytes that the allocator has from the operating system.
	User interface {
		Usage() (blocks, bytes, footprint uint64)
	}
	// OOMInjector makes the nth request to the operating system from here fail, and all after it when persistent. The
	// first is 1; 0 takes it back.
	OOMInjector interface {
		InjectOOM(nth int, persistent bool)
	}
	// Trimmer gives back what need not be kept.
	Trimmer interface{ Trim() }
	// Explainer describes the state around an address for a person, without absolute addresses.
	Explainer interface {
		Explain(p unsafe.Pointer) string
	}
	// Stater tells apart the states of the memory around a live block by a number below 8, such as those of its pool.
	// It guides and is counted; no rule looks at it.
	Stater interface {
		State(p unsafe.Pointer) uint8
	}
	// Witness tells how often each of its named transitions happened since it was made, always the same names in the
	// same order: what a run went through, counted and used as a guide; no rule looks at it.
	Witness interface {
		Transitions(visit func(name string, times uint64))
	}
	// Closer gives everything back to the operating system.
	Closer interface{ Close() error }
	// Grounded is an allocator whose operating system is that of the harness, which tells what it has given and not
	// taken back: how many bytes, and whether those from p on are among them. Given is not exact where the allocator
	// takes more at once than it calls its own.
	Grounded interface {
		Given() (bytes uint64, exact bool)
		Gave(p unsafe.Pointer, size uintptr) bool
	}
	// Misuser is what an allocator panics with that tells kinds of misuse apart.
	Misuser interface{ Misuse() string }
)

// The kinds of misuse that an allocator names, if it promises to.
const (
	KindDouble   = "double free"   // of a block that is free already
	KindInterior = "interior free" // of an address inside a live block
	KindForeign  = "foreign free"  // of an address that is not in its memory
	KindWild     = "wild free"     // of any other
	KindAPI      = "api"           // the identity in front of the block is overwritten, or the pad behind that,
	KindFront    = "leading-pad"
	KindBack     = "trailing-pad" // or the pad behind the block
)

// Answer is what an allocator promises to do with a misuse, such as a block that is freed twice.
type Answer uint8

const (
	Undefined Answer = iota // anything may happen: it is not asked
	Ignored                 // nothing happens
	Detected                // it panics before anything has changed
)

// Contract is what an allocator promises. The zero Contract promises only what Allocator says, on any address.
type Contract struct {
	Align     uintptr // every block's address is a multiple of it; 0 means 1
	AlignMax  uintptr // AlignedAlloc may refuse alignments above it
	SizeMax   uintptr // it may refuse requests above it; 0 means that it refuses only what the operating system refuses
	MayRefuse bool    // it may refuse at any time: it lives in a region of its own, say
	Steady    bool    // if it may: whether it does follows from the blocks that are live, and not from what came before
	ZeroNil   bool    // a request for 0 bytes may be answered with nil; otherwise with a block like any other

	ReallocZeroFrees bool // Realloc(p, 0) frees p and returns nil; otherwise it resizes

	// What happens when a block is freed twice, when Free is given an address inside a live block, one inside a block
	// that was freed, one in memory of somebody else, one where there is no memory, and a block of another allocator
	// of the same kind.
	DoubleFree, InteriorFree, StrayFree, ForeignFree, WildFree, CrossFree Answer
	// NamesMisuse says that what it panics with is a Misuser that tells the kind.
	NamesMisuse bool

	// AlignedAlloc refuses what is no power of two; otherwise it is not asked for it.
	AlignStrict bool

	// How much larger than asked for a block may be, by ascending UpTo, and one from Realloc, which may stay where it
	// was. It is not promised while the operating system may refuse, and something else has to serve.
	Waste   [3]Waste
	Resized Waste
	// Which blocks stay where they are when they are resized to what fits, by ascending UpTo.
	Stays [2]Stay
	// Dress is what is written around a block, into a fresh one and over a freed one; nil: nothing is promised.
	Dress *Dress

	// Requests says that each request for a block is one request to the operating system, and nothing else is.
	Requests bool

	Inexact  bool  // Usage is an estimate: it is not compared
	Usables  bool  // otherwise, the bytes in Usage are the usable ones of live blocks, and not fewer
	Retained int64 // the footprint that may remain when all is freed and trimmed; negative: nothing is promised
}

// Waste bounds what a block has that nobody asked for: of n bytes up to UpTo it may be larger by n>>Shift+Plus bytes,
// and a request for 0 bytes counts as one for 16. For a block whose alignment was asked for, n is at least that, and
// its waste may be larger by n: it may come from a class for larger ones.
type Waste struct {
	UpTo  uintptr // 0: it bounds nothing
	Shift uint8   // 64: no share of n
	Plus  uintptr
}

// most is how much larger a block of n bytes may be, and whether that is promised.
func (w *Waste) most(n uintptr) (bytes uintptr, promised bool) {
	return n>>w.Shift + w.Plus, w.UpTo != 0 && n <= w.UpTo
}

// Stay says what becomes of a block with up to UpTo usable bytes that is resized to n of them, which fit. It stays
// where it is if Den*n is at least Num times the usable bytes and Plus, or if these are no more than Least. Otherwise
// it moves if Moves says so; but not for want of memory, and not if it was made by what serves when there is none, or
// when nothing was asked for.
type Stay struct {
	UpTo     uintptr // 0: nothing is promised
	Num, Den uintptr
	Plus     uintptr
	Least    uintptr
	Moves    bool
}

// Dress is what CPython's debug hooks write: in front of a block its length, an identity and a pad, behind it a pad,
// and a serial number, which is how many requests there were. Memory that is fresh and memory that is freed is filled.
//
//	n big-endian (8) | API | Forbidden (7) | Clean ... (n) | Forbidden (8) | serial big-endian (8)
type Dress struct {
	API, Clean, Dead, Forbidden byte
	Serial                      bool    // there is a serial number
	SizeMax                     uintptr // requests above it are not counted
}

// Request is one request for memory as the model sees it.
type Request struct {
	Size, Align uintptr
}

// Block is the answer to it. Usable is the number of bytes that may be written, Size or more.
type Block struct{ Addr, Usable uint64 }

// LiveBytesMax is how much a run holds at once: the driver skips a request that would go over it, and the model lets
// it. A request for NoSuchSize or more is asked, to be refused: no machine has as much, since no address space has.
const (
	LiveBytesMax = 1 << 30
	NoSuchSize   = 1 << 47
)

// IsAlign tells whether there are addresses with that alignment: whether it is a power of two.
func IsAlign(align uintptr) bool { return align != 0 && align&(align-1) == 0 }

// Room tells whether a request for size bytes is asked while live ones take up as much.
func Room(live uint64, size uintptr) bool {
	return size >= NoSuchSize || size <= LiveBytesMax && live+uint64(size) <= LiveBytesMax
}

func (a Answer) String() string { return [...]string{"undefined", "ignored", "detected"}[a%3] }
