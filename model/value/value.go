// Package value says what is right of values: atoms, lists, tuples, sets, dicts, instances with slots and small
// containers that refer to each other, whose references are counted, and of weak references to them.
//
// A Store is what is tested. The model has a table of its own objects, knows them by the IDs that the store gives, and
// does to them what a program asks. After every operation the store is asked for all that can be seen of the objects
// which the operation was about (a Told), and that has to be what the model's objects are.
//
// # What is equal
//
// A key of a set or a dict is an atom but nan, a range and a bytearray, a function, or a tuple of keys. An int is equal
// to a bool of its value; other atoms are equal to those of their kind with the same value, tuples item by item, and a
// function is equal to itself alone. No float of the table has the value of an int.
package value

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ID names an object as long as it lives; 0 is the absence of one, as a slot of a new list has it.
type ID uint64

// Kind says what an object is.
type Kind uint8

// The kinds: atoms, then containers, then those with a fixed number of references.
const (
	Nothing Kind = iota // of no object
	None
	Bool
	Int
	Float
	Complex
	Str
	Bytes
	ByteArray
	Range
	List
	Tuple
	Set
	Frozenset
	Dict
	Slice    // start, stop, step
	Function // globals, defaults, dict, closure
	Cell     // its one reference
	Method   // function, self
	Capsule  // nothing
	Record   // any other object of an interpreter's, by the name of its type
	Slots    // an instance of a class with `__slots__`: what is in them
	Weak     // a weak reference: nothing, as what it refers to is not held
	Kinds
)

// An Atom is a value without references. Text is its value as a store has to tell it; the other fields are for those
// who make it: Int of a bool and an int, Num of a float and a complex number, Bounds of a range.
type Atom struct {
	Kind   Kind
	Text   string
	Int    *big.Int
	Num    complex128
	Bounds [3]int64
}

// FloatText is how a store tells a float: NaN and zeros have to be told apart, so it is the bits.
func FloatText(v float64) string { return strconv.FormatUint(math.Float64bits(v), 16) }

// ComplexText is how a store tells a complex number.
func ComplexText(v complex128) string { return FloatText(real(v)) + "," + FloatText(imag(v)) }

// RangeText is how a store tells a range: its bounds and its length.
func RangeText(start, stop, step, n int64) string {
	var b []byte
	for _, v := range [...]int64{start, stop, step, n} {
		b = append(strconv.AppendInt(b, v, 10), ':')
	}
	return string(b)
}

// NewInt is the atom of a number.
func NewInt(v *big.Int) Atom { return Atom{Kind: Int, Text: v.String(), Int: v} }

// Atoms are those that programs make, by their numbers, which never change: new ones go to the end.
var Atoms = makeAtoms()

func makeAtoms() []Atom {
	all := []Atom{
		{Kind: None},
		{Kind: Bool, Text: "0", Int: big.NewInt(0)},
		{Kind: Bool, Text: "1", Int: big.NewInt(1)},
	}
	for _, v := range []int64{0, 1, -1, -5, -6, 2, 7, 255, 256, 257, 1000, -257, 1<<30 - 1, 1 << 30, -1 << 30,
		1<<60 - 1, 1 << 60, -1 << 60, math.MaxInt64, math.MinInt64} {
		all = append(all, NewInt(big.NewInt(v)))
	}
	for _, bits := range []uint{63, 64, 89, 90, 119, 120, 300} {
		n := new(big.Int).Lsh(big.NewInt(1), bits)
		all = append(all, NewInt(n), NewInt(new(big.Int).Neg(n)), NewInt(new(big.Int).Sub(n, big.NewInt(1))))
	}
	for _, v := range []float64{0.5, 1.5, -2.25, 1e-300, math.Inf(1), math.NaN()} {
		all = append(all, Atom{Kind: Float, Text: FloatText(v), Num: complex(v, 0)})
	}
	for _, v := range []complex128{complex(0.5, 0.25), complex(0.5, -1.5), complex(1.5, 0.25)} {
		all = append(all, Atom{Kind: Complex, Text: ComplexText(v), Num: v})
	}
	texts := []string{"", "a", "z", "ab", "name", "b_2", "Z9", "a b", "é", "éa", "ß", "\u0100", "ab\u0100", "\uffff",
		"\U00010000", "a\U0001F600", "\u007f", "\u0080", "\u00ff", "\u00ff\u00ff"}
	for _, n := range []int{7, 8, 15, 16, 100, 500, 600} {
		texts = append(texts, strings.Repeat("x", n), strings.Repeat("x", n-1)+"y")
	}
	texts = append(texts, strings.Repeat("é", 30), strings.Repeat("\u0101", 30), strings.Repeat("\U0001F600", 30))
	for _, s := range texts {
		all = append(all, Atom{Kind: Str, Text: s})
	}
	for _, s := range []string{"", "a", "z", "\xff", "ab", "name", strings.Repeat("q", 60), strings.Repeat("q", 600)} {
		all = append(all, Atom{Kind: Bytes, Text: s})
	}
	for _, n := range []int{0, 1, 7, 8, 100, 511, 512, 1000} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(n + i)
		}
		all = append(all, Atom{Kind: ByteArray, Text: string(b)})
	}
	for _, b := range [][3]int64{{0, 0, 1}, {0, 3, 1}, {5, 300, 7}, {10, 0, -3}, {0, 10, -1}, {-1000, 1000, 1},
		{1 << 40, 1 << 41, 1 << 20}, {3, 0, 1}, {0, 1000, 1000}, {0, 1001, 1000}, {9, 0, -9}} {
		n := int64(0)
		for at := b[0]; b[2] > 0 && at < b[1] || b[2] < 0 && at > b[1]; at += b[2] {
			n++
		}
		all = append(all, Atom{Kind: Range, Text: RangeText(b[0], b[1], b[2], n), Bounds: b})
	}
	all = append(all, Atom{Kind: Capsule})
	for _, name := range []string{class, "generator", "list_iterator", "tuple_iterator", "dict_iterator",
		"set_iterator", "OrderedDict", "defaultdict", "Counter", "deque", "module", "property", "super"} {
		all = append(all, Atom{Kind: Record, Text: name})
	}
	all = append(all, NewInt(big.NewInt(-2)))
	for _, b := range [][3]int64{{5, 5, 3}, {5, 5, -3}} { // of nothing, where the step leads over it
		all = append(all, Atom{Kind: Range, Text: RangeText(b[0], b[1], b[2], 0), Bounds: b})
	}
	for _, n := range []int{7, 15, 8, 16} { // with the byte that ends them, blocks of whole classes, and a byte more
		all = append(all, Atom{Kind: Bytes, Text: strings.Repeat("w", n)})
	}
	for _, s := range []string{"\xff", "a\x80\xff"} { // what is no UTF-8
		all = append(all, Atom{Kind: Str, Text: s})
	}
	return all
}

// class is the record that is its own copy. Of others, of capsules and of cells there are no copies.
const class = "type"

func copyable(k Kind, text string) bool {
	return k != Cell && k != Capsule && (k != Record || text == class)
}

// Strings are the strings among the atoms, and some at the edges of what looks like a name.
var Strings = makeStrings()

func makeStrings() (all []Atom) {
	var late []Atom // that keep the numbers of others what they are
	for _, a := range Atoms {
		switch {
		case a.Kind != Str:
		case utf8.ValidString(a.Text):
			all = append(all, a)
		default:
			late = append(late, a)
		}
	}
	for _, s := range []string{"aAzZ09_", "n@", "n[", "n`", "n{", "n/", "n:"} {
		all = append(all, Atom{Kind: Str, Text: s})
	}
	return append(all, late...)
}

// IsName tells whether a string looks like a name, as a constant of code has to in order to be interned.
func IsName(s string) bool { return !strings.ContainsFunc(s, notOfName) }

func notOfName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// Weakable tells whether there may be weak references to objects of a kind.
func Weakable(k Kind) bool { return k == Set || k == Frozenset || k == Function || k == Method }

// isKey tells whether an atom can be a key.
func isKey(k Kind, text string) bool {
	switch k {
	case Float:
		return text != FloatText(math.NaN())
	case None, Bool, Int, Complex, Str, Bytes:
		return true
	}
	return false
}

// keyCost bounds what a key may be made of, as a tuple of tuples is as costly to hash as it would be to print.
const keyCost = 64

// IsKey tells whether an object can be a key; look tells its kind, its value if it is an atom, and its items.
func IsKey[T any](x T, look func(T) (Kind, string, []T)) bool {
	left := keyCost
	var walk func(T) bool
	walk = func(x T) bool {
		if left--; left < 0 {
			return false
		}
		kind, text, items := look(x)
		if kind != Tuple {
			return kind == Function || isKey(kind, text)
		}
		for _, i := range items {
			if !walk(i) {
				return false
			}
		}
		return true
	}
	return walk(x)
}

// Few tells whether an object leads to no more than n others; items tells what it refers to.
func Few[T comparable](x T, n int, items func(T) []T) bool {
	seen, next := map[T]bool{x: true}, []T{x}
	for len(next) > 0 && len(seen) <= n {
		x, next = next[0], next[1:]
		for _, i := range items(x) {
			if !seen[i] {
				seen[i] = true
				next = append(next, i)
			}
		}
	}
	return len(seen) <= n
}

// Unfolds tells whether an object leads to no more than n others, each counted wherever it is met, but where it is met
// again on the way from itself.
func Unfolds[T comparable](x T, n int, items func(T) []T) bool {
	path := map[T]bool{}
	var walk func(T) bool
	walk = func(x T) bool {
		if n--; n < 0 || path[x] {
			return n >= 0
		}
		path[x] = true
		defer delete(path, x)
		return !slices.ContainsFunc(slices.Clone(items(x)), func(i T) bool { return !walk(i) })
	}
	return walk(x)
}

// A Way is how a container is made of items.
type Way uint8

// The ways. A list of so many has room for them and is filled then; what list(x) of a sequence gives, and a literal of
// constants, may have more room.
const (
	ListOfLen Way = iota
	ListOf
	ListLiteral
	TupleOf
	SetOf
	SetLiteral
	FrozensetOf
	DictOf   // of keys and values in turn: {}, which is filled then
	DictCall // dict()
	SliceOf
	FunctionOf // of globals and closure
	CellOf
	MethodOf
	SlotsOf
	FinalOf // of nothing: an instance of a class with a finalizer
	SavedOf // and one whose finalizer saves it until the operation is over, but not when it is collected
	Ways
)

// ways says what comes out, how many items are taken (-1: any number), and whether they have to be keys, all of them
// or every second.
var ways = [Ways]struct {
	kind  Kind
	items int
	keys  int
}{
	{List, -1, 0}, {List, -1, 0}, {List, -1, 0}, {Tuple, -1, 0}, {Set, -1, 1}, {Set, -1, 1}, {Frozenset, -1, 1},
	{Dict, -1, 2}, {Dict, -1, 2}, {Slice, 3, 0}, {Function, 2, 0}, {Cell, 1, 0}, {Method, 2, 0},
	{Slots, -1, 0}, {Slots, 0, 0}, {Slots, 0, 0},
}

// Kind is that of what is made.
func (w Way) Kind() Kind { return ways[w].kind }

// Takes is how many of n items are taken.
func (w Way) Takes(n int) int {
	if ways[w].items >= 0 {
		return ways[w].items
	}
	if ways[w].keys == 2 {
		return n &^ 1
	}
	return n
}

// Key tells whether item i has to be a key.
func (w Way) Key(i int) bool { return ways[w].keys > 0 && i%ways[w].keys == 0 }

// A Told is all that is seen of an object.
type Told struct {
	ID       ID
	Kind     Kind
	Count    int    // references to it
	Size     uint64 // sys.getsizeof
	Bytes    uint64 // what its blocks take from the allocator
	Len      int
	Interned bool
	Items    []ID // of a dict keys and values in turn
	Text     string
	Refers   ID // of a weak reference: what it refers to, 0 when that is dead
}

// A Store makes objects and works on them. Whatever returns an ID gives a reference to the caller, and 0 (or false)
// says that there is no memory, if nothing else is said. It is asked only for what fits: kinds are right, indexes are
// in range, keys are keys.
type Store interface {
	Atom(a Atom) ID
	Intern(s string, constant bool) ID // sys.intern(s), the one string that says s, or s as a constant of code has it
	Make(w Way, items []ID) ID
	Share(o ID) // one more reference for the caller
	Free(o ID)  // and one less
	Look(o ID, t *Told)

	Push(o, v ID) bool
	Insert(o ID, i int, v ID) bool
	Extend(o ID, items []ID) bool
	Pop(o ID) ID
	DeleteSlice(o ID, i, j int)
	Get(o ID, i int) ID // 0 where nothing is
	Put(o ID, i int, v ID)

	Has(o, key ID) bool // of a set
	Add(o, key ID) bool
	Discard(o, key ID) bool
	Update(o, from ID) bool // of a set or a dict
	Clear(o ID)             // of a list, a set or a dict
	From(o ID, k Kind) ID   // set(o), frozenset(o) of a set or frozenset, dict(o)

	DictGet(o, key ID) (v ID, ok bool) // v may be 0
	DictSet(o, key, v ID) bool
	DictDelete(o, key ID) bool
	DictPop(o, key ID) (v ID, ok bool)
	DictPopItem(o ID) (key, v ID, ok bool)
	DictSetDefault(o, key, v ID) (ID, bool)

	Copy(o ID, deep bool) (ID, CopyError)
}

// CopyError says why there is no copy.
type CopyError uint8

// What becomes of a copy.
const (
	Copied CopyError = iota
	NoMemory
	Uncopyable // a cell has no copies, and a stream no cells
	Cyclic     // what is written flat leads back to itself
)

// The shapes of what a store may be able to do besides.
type (
	// Collector unmakes what cannot be reached. Without it, objects on cycles stay.
	Collector interface{ Collect() }
	// Trimmer gives back what it keeps, but for what there is one of.
	Trimmer interface{ Trim() }
	// Checker recounts its own invariants; held are the caller's references.
	Checker interface {
		CheckInvariants(held func(func(ID))) error
	}
	// Injector makes allocations fail: the nth from now on, all from there on if it is persistent; none with 0.
	Injector interface {
		InjectOOM(nth int, persistent bool)
	}
	// User tells what is in use, without what is kept for ever.
	User interface {
		Usage() (live, blocks, bytes uint64)
	}
	// Waiter tells how many dead objects wait for the next like them, and what they take.
	Waiter interface {
		Waiting() (objects, bytes uint64)
	}
	// Weaker makes weak references, each a new one, to what is Weakable; of anything else it returns 0. One that is
	// told to calls back when what it refers to dies and it does not.
	Weaker interface {
		NewWeak(o ID, calls bool) ID
	}
	// Runner tells the objects whose code ran since it was asked last, in that order: weak references that called
	// back, and capsules and instances with a finalizer that died.
	Runner interface{ Ran() []ID }
	// Opener has counted how many capsules were opened: each is when it dies. That is told by another log than Ran.
	Opener interface{ Opened() uint64 }
	// Twin makes deep copies of two objects with one memo, and tells how many entries that has then: one of each
	// object that was copied, and one for the list of them.
	Twin interface {
		CopyBoth(a, b ID) (x, y ID, entries int, why CopyError)
	}
	// Closer gives all back.
	Closer interface{ Close() error }
)
