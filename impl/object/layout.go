package object

// A Layout is that part of a Profile which says how large atoms and the smaller containers are, and which of them the
// heap keeps. Sizes are in words behind the header of count and type, unless they say otherwise.
type Layout struct {
	ByteStr        bool // a string is of bytes, an int is a C long, and what does not fit is a long (2.7)
	WideHeader     int  // bytes in front of the characters of a string that is not ASCII; 0 if there is none
	LatinUTF8      bool // the cached strings of one Latin-1 character hold their UTF-8 form as well (3.12)
	ByteArrayWords int
	RangeWords     int
	CapsuleWords   int
	CapsuleFlags   uintptr // a capsule has a GC head, and nothing is done with it (3.13)
	FunctionWords  int
	FunctionClears bool // a function has tp_clear (3.8, bpo-33418); without it a cycle of functions and tuples leaks
	MethodWords    int

	PopClears bool // a list whose last item is popped is cleared (3.12); before it may keep room for one

	// IterRoom is what list(x) of something with a length allocates, LiteralRoom what a literal of three constants or
	// more does: from 3.9 on such a literal is an empty list that is extended.
	IterRoom, LiteralRoom Room

	SetLoad    Load
	SetLiteral bool // a literal of three constants or more is an empty set that a frozenset is merged into (3.9)
	FrozenOnce bool // there is one empty frozenset (up to 3.9)
	BytesInto  bool // an unpickler reads bytes into a new object, even one byte (3.8)

	// CacheCount is the count of a cached object that nobody refers to: the reference of the cache; in 3.11, where it
	// is static data, a large number that is counted up and down; from 3.12 on it is immortal. None, True and False
	// have an ordinary count in 3.11.
	CacheCount int

	InternForever bool // interned strings are immortal (3.12 alone)
	DeepRange     bool // a range is its own deep copy (3.10)

	// RecordColumn is the column of the table of records, RecordHead the GC head that was measured with it.
	RecordColumn int
	RecordHead   uintptr
}

// A Room says how many items a new list has room for.
type Room uint8

// The ways.
const (
	RoomExact Room = iota // as many as it has
	RoomEven              // rounded up to an even number (3.10, bpo-43198)
	RoomGrown             // as many as an append would make room for
)

// A Load says when a set is too full: Num*fill >= Den*(mask+Extra).
type Load struct{ Num, Den, Extra uintptr }

var (
	setLoad27 = Load{3, 2, 1}
	setLoad36 = Load{3, 2, 0}
	setLoad37 = Load{5, 3, 0}
)

// layout36 is the one of 3.6, from which the others are told by their changes.
var layout36 = Layout{
	WideHeader: 72, ByteArrayWords: 5, RangeWords: 4, CapsuleWords: 4, FunctionWords: 12, MethodWords: 3,
	IterRoom: RoomGrown, SetLoad: setLoad36, FrozenOnce: true, CacheCount: 1,
	RecordColumn: 1, RecordHead: 32,
}

// layout27 is the one of 2.7.
var layout27 = Layout{
	ByteStr: true, ByteArrayWords: 4, RangeWords: 3, CapsuleWords: 4, FunctionWords: 9, MethodWords: 4,
	IterRoom: RoomGrown, SetLoad: setLoad27, FrozenOnce: true, CacheCount: 1, RecordHead: 32,
}
