// Package graph says what is right for a heap of objects that refer to each other and die when nothing refers to them:
// by reference counts, by a collector, or both. It has the shapes that such heaps come in, the contract that one of
// them promises, the rules that follow from it, and a reference that keeps them all and is fast at nothing.
//
// A heap is anything with New, SetField, Field, Root, Unroot and Collect. What else it can do is told by the optional
// parts that it has, and what it promises by its Contract; no rule is applied that was not promised.
//
// Objects are named by an ID, which is the heap's own: an address, an index, a handle. It stays the same while the
// object lives, so a heap that moves objects names them by handles. When the object is dead its ID may name another.
//
// What happens inside an operation is told by functions that the heap was given, in the order in which it happens: a
// finalizer runs, a weak reference calls back, an object is gone. The model is told of them as Events:
//
//	m := graph.NewModel(contract, true)
//	m.New(0, 17, graph.Node, 2)                     // object 17 has two fields, and p0 is its root
//	m.Drop(0)                                       // nothing refers to it
//	m.Event(graph.Event{What: graph.Died, Arg: 17}) // nil: nothing speaks against it
package graph

// ID names a living object; 0 names none.
type ID uint64

// Kind is the layout of an object. Atom has no fields, and no collector needs to look at it; Node is the plainest that
// has some. Other kinds are up to the heap (lists, tuples, instances, ...) and have the same meaning as Node.
type Kind uint8

// The kinds that every heap has, and the number of kinds that there may be.
const (
	Node  Kind = 0
	Atom  Kind = 1
	Kinds      = 8
)

// WeakKind is the kind of a weak reference, which only NewWeak makes.
const WeakKind Kind = Kinds

// Heap is the least that a heap of objects does.
type Heap interface {
	// New makes an object with so many empty fields and one root, or returns 0 when there is no memory. An Atom has
	// no fields, whatever is asked for.
	New(kind Kind, fields int) ID
	// SetField makes field i of the object refer to target, or to nothing with 0.
	SetField(object ID, i int, target ID)
	// Field tells what field i of the object refers to; 0 is nothing.
	Field(object ID, i int) ID
	// Root adds a root to the object, and Unroot takes one away. An object may have many.
	Root(object ID)
	Unroot(object ID)
	// Collect finds what died in the generations up to the given one, and returns how many objects it took. One that
	// is asked for while another runs does nothing and returns 0.
	Collect(generation int) int
}

// The optional parts of a Heap, each found by its method.
type (
	// Mourner calls f for every object when it is sure to be gone: after its finalizer and the callbacks, and before
	// what it refers to dies of that. f does not use the heap.
	Mourner interface{ OnDeath(f func(ID)) }
	// Weaker makes weak references. One is an object itself, without fields and with one root; 0 means no memory. When
	// its referent dies and it does not, it calls back, once; a callback of nil is none. Deref tells the referent, 0
	// when the reference is cleared.
	Weaker interface {
		NewWeak(referent ID, callback func(weak ID)) ID
		Deref(weak ID) ID
	}
	// Finalizer has f called once the object is found dead. f may use the heap, and may give the object a root, with
	// which it lives on. While f runs the object is alive.
	Finalizer interface {
		SetFinalizer(object ID, f func(object ID))
	}
	// LegacyFinalizer has f called once nothing refers to the object any more, each time; a collection does not call
	// it, and keeps such an object that it finds dead in the garbage, and what that reaches with it.
	LegacyFinalizer interface {
		SetLegacyFinalizer(object ID, f func(object ID))
	}
	// Hoarder has a list, the garbage, of objects that a collection found dead and did not take: all that it found,
	// while SaveAll is on, their fields as they were. The list refers to each of them until it is dropped.
	Hoarder interface {
		SaveAll(on bool)
		Garbage() []ID // in the order in which they came
		DropGarbage()  // it is empty before one of them dies of that
	}
	// Grower changes the number of fields of an object of a kind that grows. Append adds one behind the others that
	// refers to target, and returns false when there is no memory. Pop takes away the last; there is one.
	Grower interface {
		Append(object, target ID) bool
		Pop(object ID)
	}
	// Copier copies an object, or with it all that it reaches, sharing and cycles as they are. What is made has neither
	// finalizers nor weak references. The copy is returned with a root; 0 means no memory, and nothing is left then.
	Copier interface {
		Copy(object ID) ID
		DeepCopy(object ID) ID
	}
	// Switcher switches collections that start by themselves on and off. A heap that has it begins with them off.
	Switcher interface{ Enable(on bool) }
	// Thresholder sets how many more objects are made than die before a generation is collected; 0 is never.
	Thresholder interface{ SetThreshold(generation, n int) }
	// Freezer hides all objects that there are from the collector until they are unfrozen.
	Freezer interface {
		Freeze()
		Unfreeze()
	}
	// FreezeCounter tells how many objects are hidden so.
	FreezeCounter interface{ FreezeCount() int }
	// Watcher tells of every collection that runs when it starts, and when it is over what it returns.
	Watcher interface {
		OnCollection(start func(generation int), stop func(returned int))
	}
	// Tracker tells whether the collector follows an object.
	Tracker interface{ Tracked(object ID) bool }
	// Census lists the objects of a generation that the collector follows, those of all generations with -1, in any
	// order. What is frozen is in none.
	Census interface{ Objects(generation int) []ID }
	// Relater lists the objects that an object refers to, and those that refer to it and that the collector follows, in
	// any order.
	Relater interface {
		Referents(object ID) []ID
		Referrers(object ID) []ID
	}
	// Graduate tells whether the finalizer of an object has run; a legacy finalizer is none.
	Graduate interface{ Finalized(object ID) bool }
	// Sizer tells the bytes that an object takes.
	Sizer interface{ Size(object ID) int }
	// Counter tells how many roots and fields refer to an object.
	Counter interface{ Count(object ID) int }
	// Ager tells the generation that an object is in, -1 when the collector does not follow it.
	Ager interface{ Generation(object ID) int }
	// Statistician tells of the collections that ended how many there were, and the sum of what they returned.
	Statistician interface {
		Stats() (collections, collected uint64)
	}
	// Pacer tells what decides when a collection starts by itself.
	Pacer interface{ Pace() Pace }
	// Refuser tells that a collection, or the list, of a generation that there is not was refused; -1 is none.
	Refuser interface{ Refuses(generation int) bool }
	// Immortalizer gives an object a root for ever. From the next full collection on it is in no generation, as if it
	// were frozen.
	Immortalizer interface{ Immortalize(object ID) }
	// User tells the number of living objects, the bytes in them, and the bytes from the operating system.
	User interface {
		Usage() (objects, bytes, footprint uint64)
	}
	// OOMInjector makes the nth request to the operating system from here fail, and all after it when persistent. The
	// first is 1; 0 takes it back.
	OOMInjector interface {
		InjectOOM(nth int, persistent bool)
	}
	// Checker recounts the heap's own invariants. The text of its error is "name: detail", and name holds no number.
	Checker interface{ CheckInvariants() error }
	// Trimmer gives back what need not be kept.
	Trimmer interface{ Trim() }
	// Closer gives everything back to the operating system.
	Closer interface{ Close() error }

	// Partial has the methods of more parts than it has, such as a heap in another process, and tells which it has:
	// mourn, weak, final, legacy, hoard, grow, copy, switch, threshold, freeze, freezecount, watch, tracked, census,
	// relate, graduate, size, count, age, stats, pace, refuse, immortal, usage, oom,
	// check, trim.
	Partial interface{ Offers(part string) bool }
	// Witness tells how often each of its named transitions happened since the heap was made, always the same names in
	// the same order: what a run went through, counted and used as a guide; no rule looks at it.
	Witness interface {
		Transitions(visit func(name string, times uint64))
	}
)

// Returns is what the number means that Collect returns.
type Returns uint8

const (
	Anything   Returns = iota // it is not judged
	Deaths                    // all objects that died
	Containers                // those of them that are no Atoms; what it did not follow may be missing
)

// Saves is how much lives on when a finalizer gives a root to one of the objects that were found dead together.
type Saves uint8

const (
	Subgraph Saves = iota // that object, and what it reaches
	Whole                 // all that was found dead
)

// Contract is what a heap promises. The zero Contract promises that nothing reachable dies, and not that anything else
// does: a heap that never frees keeps it, and one that takes numbers for references.
type Contract struct {
	Immediate   bool    // an object dies in the operation that takes the last reference to it away
	Within      int     // an object is dead after so many full collections that found it unreachable; 0: it may leak
	Generations int     // that Collect tells apart; the last is a full collection. 0 means 1
	Promotes    bool    // what outlives a collection is in a generation above it, or in the last
	Steps       bool    // and in no higher one
	Thaws       bool    // what is frozen is in none, and when it is not any more in the last
	Returns     Returns // what Collect returns
	Saves       Saves   // what a finalizer that gives its object a root saves from the collection

	WeakFirst     bool // when a finalizer runs in a collection, the weak references to its object are cleared
	WeakAll       bool // when it or a callback does, those to all that was found dead are
	WeakLapse     bool // a weak reference that was found dead itself is cleared, though it and its referent live on
	CallbackFirst bool // the callbacks of a collection run before its finalizers
	Exposes       bool // a collection clears what is saved through a weak reference that its finalizers made (gh-91636)

	Bare     [Kinds]bool // objects of these kinds take neither weak references nor finalizers
	Grows    [Kinds]bool // the number of their fields changes
	Shares   [Kinds]bool // each is its own copy; its own deep copy if it reaches only these and weak references
	Untracks [Kinds]bool // the collector need not follow them while they refer to nothing that it follows
	Forgets  bool        // it does not from a full collection on, if they refer to atoms only

	// When more objects of these kinds, with fields, were made than the threshold of the youngest generation says, and
	// nothing died, a collection starts by itself, if they are enabled.
	Automatic [Kinds]bool

	Paces      bool        // collections start by themselves when Pace says so, and it is what it says that it is
	Thresholds []int       // of each generation at first, where Paces
	Counts     [Kinds]bool // of these kinds what has fields counts as one, and nothing changes it but to make and die

	FieldsMax int   // it may refuse objects with more fields; 0: it refuses only what the operating system refuses
	MayRefuse bool  // it may refuse at any time
	Inexact   bool  // Usage is an estimate: it is not compared
	Retained  int64 // the footprint that may remain when all is dead and trimmed; negative: nothing is promised
}

// Full is the generation whose collection is a full one.
func (c *Contract) Full() int { return max(c.Generations, 1) - 1 }

// Script is what a finalizer does, besides that it runs.
type Script uint8

const (
	None     Script = iota // there is no finalizer
	Idle                   // nothing
	Rescue                 // it gives its object a root
	Sever                  // it empties all fields of its object
	Allocate               // it makes an object and leaves it
	Nested                 // it asks for a full collection
	Look                   // it asks weak references what they refer to
	Unweak                 // it empties the fields of its object that hold weak references
	Host                   // it stores its object in the first field of one that lives
	Join                   // it appends its object to one that lives
	Catch                  // it saves what the youngest weak reference refers to that refers to something
	Breed                  // it makes an object and saves that
	Refer                  // it makes a weak reference to its object and saves that
	Scripts
)

// What says what an Event tells.
type What byte

// The events. Those of a script are told by whoever runs it.
const (
	Begins    What = 'B' // a collection of generation Arg is asked for
	Ends      What = 'E' // it returned Arg
	Finalizes What = 'F' // the finalizer of Arg begins
	Finalized What = 'R' // it is over
	Made      What = 'N' // a finalizer made Arg, a Node with one field, and left it
	Called    What = 'C' // the weak reference Arg called back
	Busy      What = 'Y' // a callback does something with the heap
	Over      What = 'Z' // and has done it
	Unrooted  What = 'U' // a root of Arg is taken away next
	Died      What = 'D' // Arg is gone
	Looked    What = 'L' // a finalizer or a callback asked the weak reference Arg, which referred to something
	Hosted    What = 'H' // the finalizer that runs stores its object in field 0 of Arg next
	Joined    What = 'J' // the finalizer that runs appended its object to Arg
	Caught    What = 'G' // what the weak reference Arg refers to is given a root by the finalizer that runs
	Bred      What = 'V' // the finalizer that runs made Arg, a Node with one field and a root
	Referred  What = 'W' // the finalizer that runs made Arg, a weak reference with a root, to its object
	Kept      What = 'K' // Arg came into the garbage
	Emptied   What = 'X' // all fields of Arg, which leaves the garbage, are emptied next
	Listed    What = 'O' // Arg is one of those that the operation answers; 0 is none
	Started   What = 'S' // a collection of generation Arg started
	Stopped   What = 'T' // it is over, and returned Arg
	Paced     What = 'P' // the next of the numbers of a Pace; those told at start and end of a collection are between
)

// Event is one thing that happened during an operation.
type Event struct {
	What What
	Arg  uint64 // an ID or a number
}
