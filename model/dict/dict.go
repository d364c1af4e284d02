// Package dict says what is right for dicts and for bounded caches: the shapes that they come in, the contracts that
// one of them promises, the rules that follow from them, and references that keep them all and are fast at nothing.
//
// A dict is anything with Get, Set, Delete and Len; a cache is anything with Len and either Get and Put or Call. What
// else one can do is told by the optional parts that it has, and what it promises by its Contract or CacheContract; no
// rule is applied that was not promised.
//
// Keys and values are numbers here. Who tests a dict of strings, or of anything else, turns numbers into them and back.
//
//	m := dict.NewModel(dict.Contract{Order: dict.Insertion}, false)
//	m.New(0, 0)            // p0 is an empty dict
//	m.Set(0, 7, 1)         // it holds 1 at 7
//	m.Get(0, 7, 1, true)   // nil: nothing speaks against that answer
//	m.Get(0, 7, 0, false)  // dict/lost: what was set and not deleted is found
//
// The terms: an entry is a key with its value. The order of a dict is that in which its keys were set first since they
// were last not there, unless something moves them. A change is an operation after which a dict holds other keys, or
// the same in another order; overwriting a value is none.
package dict

// Dict is the least that a dict does.
type Dict interface {
	// Get tells the value of a key, and whether the key is there.
	Get(key uint64) (value uint64, ok bool)
	// Set gives a key a value. False means that there is no memory, and that all is as it was.
	Set(key, value uint64) bool
	// Delete takes a key out and tells whether it was there.
	Delete(key uint64) bool
	// Len is the number of keys.
	Len() int
}

// Store makes dicts. Those of one store share its memory, if they share any.
type Store interface {
	// New makes an empty dict with room for so many entries, where it can be told, or returns nil when there is no
	// memory.
	New(capacity int) Dict
}

// The optional parts of a Dict, each found by its method. One that makes a dict returns nil when there is no memory.
type (
	// Clearer takes all keys out.
	Clearer interface{ Clear() }
	// Popper takes a key out and tells what it held.
	Popper interface {
		Pop(key uint64) (value uint64, ok bool)
	}
	// ItemPopper takes an entry out, in a dict with an order the last one. False means that there is none.
	ItemPopper interface {
		PopItem() (key, value uint64, ok bool)
	}
	// FirstPopper takes the first entry out.
	FirstPopper interface {
		PopFirst() (key, value uint64, ok bool)
	}
	// Defaulter gives a key a value if it has none, and tells the value that it has then. False means that there is no
	// memory.
	Defaulter interface {
		SetDefault(key, value uint64) (got uint64, ok bool)
	}
	// Updater sets all that another dict holds, in the order of that. False means that there was no memory for the
	// rest.
	Updater interface{ Update(from Dict) bool }
	// Copier makes a dict that holds the same.
	Copier interface{ Copy() Dict }
	// Rebuilder does so by setting each entry in a new dict.
	Rebuilder interface{ Rebuild() Dict }
	// KeyCopier makes a dict of the same keys that all hold one value.
	KeyCopier interface{ FromKeys(value uint64) Dict }
	// Mover moves a key to the end, or to the front, and tells whether it is there.
	Mover interface {
		Move(key uint64, front bool) bool
	}
	// Iterable makes an iterator that begins at the first entry.
	Iterable interface{ Iterate() Iterator }
	// Reversible makes one that begins at the last.
	Reversible interface{ Reversed() Iterator }
	// Ranger calls f with each entry until f returns false.
	Ranger interface {
		Range(f func(key, value uint64) bool)
	}
	// Equaler tells whether two dicts hold the same keys with the same values, in whatever order.
	Equaler interface{ Equal(other Dict) bool }
	// Sizer tells the bytes that the dict takes up.
	Sizer interface{ Size() uint64 }
	// Reserver makes room for so many entries in all. False means that there is no memory.
	Reserver interface{ Reserve(entries int) bool }
	// Prober tells how many slots were looked at since the dict was made.
	Prober interface{ Probes() uint64 }
	// Comparer has f called during each comparison of two keys that are not the same object. f may use the dict. Nil is
	// nothing.
	Comparer interface{ OnCompare(f func()) }
	// Freer is told when nobody uses the dict any more.
	Freer interface{ Free() }
)

// The optional parts of a Store, each found by its method. Checker and Closer may be parts of a Dict, too.
type (
	// Checker recounts the invariants of the implementation. The text of its error is "name: detail", and name holds no
	// number.
	Checker interface{ CheckInvariants() error }
	// User tells the bytes in use and the bytes from the operating system.
	User interface {
		Usage() (bytes, footprint uint64)
	}
	// Holder tells how many values that it was given can still be reached through its dicts.
	Holder interface{ Held() int }
	// OOMInjector makes the nth request for memory from here fail, and all after it when persistent. The first is 1; 0
	// takes it back.
	OOMInjector interface {
		InjectOOM(nth int, persistent bool)
	}
	// Trimmer gives back what need not be kept.
	Trimmer interface{ Trim() }
	// Closer gives everything back.
	Closer interface{ Close() error }
	// Partial is a Dict or a Cache with the methods of more parts than it has, such as one in another process. It tells
	// which it has, each by the name of its operation: "popitem", "iter", "compare", and "store" of a Storer, "evict"
	// of an Evicter.
	Partial interface{ Offers(part string) bool }
)

// Iterator is an iteration that is taken one step at a time, while the dict and other iterations go on. One that has a
// method Close is told when nobody takes a step any more.
type Iterator interface {
	Next() (key, value uint64, step Step)
}

// Step is what an iterator answers.
type Step uint8

// The steps.
const (
	Entry   Step = iota // here is an entry
	End                 // there are no more
	Changed             // the dict has changed, and the iteration is over
)

// Order is the order in which a dict tells its entries.
type Order uint8

// The orders.
const (
	Any       Order = iota // none is promised
	Insertion              // that of the dict; see the terms above
)

// During is what happens to an iteration when the dict changes under it.
type During uint8

const (
	Undefined During = iota // anything: no step is asked for after any change, any value overwritten or room reserved
	Detected                // a step says Changed when the length is another, and may say so when keys are others
	Live                    // entries that were there at the beginning and live on are told once; new ones may be
)

// Stair says that a dict that has only grown, and never had more than so many entries, takes up so many bytes.
type Stair struct {
	Entries int
	Bytes   uint64
}

// Contract is what a dict promises. The zero Contract promises what the words of Dict mean, no order, and nothing about
// memory but that it is there.
type Contract struct {
	Order  Order
	During During

	Stairs      []Stair // the sizes of a dict that has only grown, made without capacity; empty: not promised
	KeepsSize   bool    // asking, overwriting and deleting leave the size as it is
	CopyFits    bool    // a copy takes up no more than its original
	ClearFrees  bool    // a dict that was cleared takes up no more than a new one
	Reserves    bool    // after Reserve(n) the size stays while there are no more than n sets, or less is reserved
	ProbesMax   int     // an operation on one key looks at so many slots at most, with good hashes; 0: not promised
	ProbesEach  int     // with bad ones, and when room was refused, so many more for each new key since the last Clear
	Reentrant   bool    // what changes a dict during a comparison happens before the operation that compares
	CapacityMax int     // it may refuse to reserve more; 0: it refuses only what there is no memory for
	Twin        string  // dicts with the same word here have the same sizes and order, whatever is done; "": none

	MayRefuse bool  // it may refuse at any time
	Inexact   bool  // Usage and Held are estimates: they are not compared
	Retained  int64 // the bytes that may stay in use when all dicts are gone and trimmed; negative: nothing is promised
	Unsteady  bool  // what it answers may differ from run to run, as goroutines of its own work in it
}

// Iterators is the number of iterations of one dict that a program steps through at a time.
const Iterators = 4

// Act is what the function does that a walk calls with each entry.
type Act uint8

// The acts. Key and value are those of the operation.
const (
	Look        Act = iota // nothing
	Stop                   // at the first entry it says that it wants no more
	Overwrite              // it gives each entry that it sees the value
	DeleteSeen             // it deletes each entry that it sees
	DeleteKey              // at the first entry it deletes the key
	SetKey                 // at the first entry it sets the key
	ClearAll               // at the first entry it clears the dict
	SetMany                // at the first entry it sets the key and those behind it, ManyKeys in all
	DeleteAfter            // at the first entry it deletes the keys behind the key, ManyKeys in all
	Replace                // at the first entry it deletes the key, and sets the one behind it
	Acts
)

// ManyKeys is how many keys SetMany sets.
const ManyKeys = 9

// Changes tells whether an act uses the dict for anything but looking.
func (a Act) Changes() bool { return a > Stop }
