package value

import "heapfuzz/model"

// The rules of values, each derived from the contract or from what the words of the operations mean.
var (
	Answers  = rule("value/answers", "an operation is skipped only when what it is asked of does not fit")
	Equal    = rule("value/equal", "an atom has the value that it was made with, and keeps it")
	Contents = rule("value/contents", "a container holds what was put into it, and the same objects")
	Order    = rule("value/order", "the keys of a dict are in the order in which they came")
	Member   = rule("value/member", "a key is found exactly when an equal one was added and not taken out since")
	Length   = rule("value/length", "a length is the number of items")
	Copies   = rule("value/copies", "a copy is new or its original as its kind demands, and holds copies or originals")
	Streams  = rule("value/stream", "what is written of an object is what pickle writes, byte by byte")
	Loads    = rule("value/load",
		"what is read has the kinds, the values and the shape of what was written, and is new")
	Once     = rule("value/once", "of some values there is one object, and all others are new")
	Counts   = rule("value/counts", "a count is the number of references")
	Size     = rule("value/size", "an object has the size that is promised for its kind, contents and history")
	Failure  = rule("value/failure", "an operation that was refused changed nothing")
	Serves   = rule("value/serves", "an operation is refused only when memory is scarce")
	Returned = rule("value/returned", "without objects, no memory is in use but what is kept for ever")
	Waiting  = rule("value/waiting", "as many dead objects wait for the next like them as is promised")
	Weakly   = rule("value/weak",
		"a weak reference refers to its object until that dies, and calls back then, newest first")
	Runs  = rule("value/runs", "what is to run at the death of an object runs once, and then only")
	Opens = rule("value/destructors", "the destructor of a capsule runs when it dies, and once")
	Holds = rule("value/invariants", "the store's own invariants hold")
)

// Rules are all rules of values.
var Rules []*model.Invariant

func rule(name, doc string) *model.Invariant {
	r := &model.Invariant{Name: name, Doc: doc}
	Rules = append(Rules, r)
	return r
}

// Contract is what a store promises beyond what values mean.
type Contract struct {
	OneString    bool // bytes are strings
	OpaqueAt     bool // a range does not tell its bounds
	RangeInts    bool // a range holds numbers that are counted as objects
	Cached       bool // of small numbers, short strings and bytes, the empty tuple, None and bools there is one
	FrozenOnce   bool // and of the empty frozenset
	Immortal     bool // they are not counted
	CopiesRanges bool // the deep copy of a range is a new one
	CopiesFlat   bool // the copy of a range or a slice is a new one
	FinalAgain   bool // the finalizer of what it saved, or of what something that waits to die has, runs again
	KeepsNames   bool // an interned string stays for ever
	ReadsBytes   bool // a single byte that is read from a stream is a new one
	AnyOrder     bool // dicts have no order
	IntOrder     bool // but one that had no keys but ints below eight has them in theirs

	// CacheCount is the count of what there is one of and nobody refers to; PlainCount that of None and bools. With
	// Immortal, it is the count at all times.
	CacheCount, PlainCount int

	// TupleWeaks is how many weak references an object must have for its death to make a tuple of them, which may wait
	// for the next like it.
	TupleWeaks int

	Names []string // strings of one character that become interned when a stream is written, whoever made them

	// MemoTable is how many bytes the table of a memo has that was given so many entries. Without it that is not
	// promised.
	MemoTable func(entries int) uint64

	// StreamPeak is what writing a stream takes meanwhile. Without it that is not promised.
	StreamPeak func(bytes int, table uint64) (least, most uint64)

	Sizes *Sizes // nil: not promised

	// Waits is how many dead objects of a kind, and of so many items if they are tuples, wait for the next like them,
	// and what each takes; KeepsWaiting tells which wait on when the store is trimmed. Without it that is not
	// promised.
	Waits        func(k Kind, items int) (most int, bytes uint64)
	KeepsWaiting func(k Kind) bool
}

// Sizes are the sizes of objects by kind and history.
type Sizes struct {
	Atom        func(a *Atom) uint64
	Base        [Kinds]uint64                        // of a container, without what follows
	Bare        uint64                               // of an instance without slots
	ListGrown   func(size, n int) int                // the room that is made for n items when there were size
	ListOf      func(n int) int                      // the room of list(x)
	ListLiteral func(n int) int                      // and of a literal of constants
	ListCopy    func(n int) int                      // and of a copy
	ListExtend  func(n int) (room int, special bool) // of a list without a block that is extended
	SetFull     func(fill, slots int) bool
	PopClears   bool // a list whose last item is popped has no room; otherwise it may keep room for one
	SetMerges   bool // a literal of three keys or more is a frozenset first

	// SetLarge is above how many keys a table grows by two, and not by four, in a variant of the world.
	SetLarge func(variant uint64) int

	// Block is what a block of n bytes takes, which grows with n, in a variant of the world; 0: not promised. Kinds
	// with items have a block for them besides that of Base; that of a list may be as much larger than the items as a
	// Realloc leaves it: a third, if there always was such a block.
	Block func(variant, n uint64) uint64
}
