package object

import (
	"fmt"
	"math"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
)

// A Ref is the address of an object, or 0, which is None.
type Ref uintptr

// A Kind says how a body is laid out.
type Kind uint8

// The kinds.
const (
	KindInt Kind = iota + 1
	KindStr
	KindList
	KindTuple
	KindDict
	KindWeakref
	KindInstance // with attributes in a `__dict__` or in inline values
	KindSlotted  // with `__slots__`
)

var kindNames = [...]string{"?", "int", "str", "list", "tuple", "dict", "weakref", "instance", "slotted"}

func (k Kind) String() string { return kindNames[min(int(k), len(kindNames)-1)] }

// A Script is what a finalizer does besides saying in the log that it runs.
type Script uint8

// The scripts.
const (
	NoFinalizer Script = iota
	Nothing            // only the entry in the log
	Resurrect          // put a reference to the object on Heap.Revived
	DropRef            // let the first attribute go
	Allocate           // make a list and let it go
	Collect            // collect the youngest generation
)

// A Type is what its instances have in common.
type Type struct {
	Name  string
	Kind  Kind // KindInstance or KindSlotted
	Attrs int  // how many references
	Weak  bool // whether there may be weak references to an instance
	Final Script

	// Legacy: the finalizer is of the old kind (tp_del), which a collection does not dare to run: garbage that leads to
	// it is kept. Of 2.7 every finalizer is. Classic: a class without a metatype, as `class C:` is in 2.7 only.
	Legacy, Classic bool

	fixed  bool    // of a kind that is predefined
	word   uintptr // type word without tag
	front  uintptr // bytes in front of the object
	bytes  uintptr // bytes of the object itself, without items
	weakAt uintptr // offset of the first weak reference, modulo the address space; 0: there are none
	refsAt uintptr // offset of the slots, of the dict, or of the address of the values
}

// A TypeID is the index of a Type.
type TypeID uint16

// Predefined types.
const (
	typeNone TypeID = iota // index 0 is no type, so that zeroed memory is no object
	typeInt
	typeStr
	typeList
	typeTuple
	typeDict
	typeWeakref
	typeFrame // a tuple that stands for a frame which waits for its death
	firstOwn
)

// Flags and fields of the type word.
const (
	flagGC    = 1 << 24
	kindShift = 16
	tagShift  = 32
)

// Offsets in an object.
const (
	offCount = 0
	offType  = 8
	offBody  = 16
)

// Limits.
const (
	AttrsMax = 1 << 10
	typesMax = math.MaxUint16
	itemsMax = 1 << 40
)

// An EventKind says what an Event tells.
type EventKind uint8

// The events.
const (
	Finalized  EventKind = iota // a finalizer begins; Tag is its object's
	CalledBack                  // the callback of a weak reference; Tag is the weak reference's
	Collected                   // a finalizer has collected; Value is the answer
)

// An Event is one line of the log. Its order is what CPython lets a program see.
type Event struct {
	Kind  EventKind
	Tag   uint32
	Value int
}

func (e Event) String() string {
	switch e.Kind {
	case Finalized:
		return fmt.Sprintf("F%d", e.Tag)
	case CalledBack:
		return fmt.Sprintf("C%d", e.Tag)
	}
	return fmt.Sprintf("G%d", e.Value)
}

// A Collector is what an object heap needs of package gc.
type Collector interface {
	// Full is called by an allocation that brings Fresh above Limit.
	Full()
	// Collect collects a generation for a finalizer.
	Collect(generation int) int
}

// Config says which heap New makes. The zero Config is the newest profile over mmap, without a limit.
type Config struct {
	Profile *Profile
	OS      page.Source // nil means mmap

	// LimitBytes is the most that the system gives at a time; 0 means all it has.
	LimitBytes uint64
}

// A Heap is a set of objects. It is not safe for concurrent use.
type Heap struct {
	Heads
	Events  []Event // the log; the user empties it
	Revived []Ref   // objects that finalizers resurrected: references that the user holds from then on

	// Young is the youngest generation: what becomes tracked goes to its tail.
	Young List

	// Hooks, by which a program in Go takes part; nil is none. The first two may use the heap.
	OnFinalize func(Ref)      // a finalizer runs: called after its script
	OnCallback func(weak Ref) // the callback of a weak reference runs
	OnDeath    func(Ref)      // it is sure to die, and refers to all that it did; may not use the heap

	// Suspects, if it is set, is the list to which goes what lost a reference and has others left (suspect.go).
	Suspects List

	// Fresh is count[0] of the collector: containers allocated less containers freed, never below 0. Limit is its
	// threshold. Both are changed by the collector too.
	Fresh, Limit int

	prof      *Profile
	mem       *arena.Allocator
	types     []Type
	collector Collector
	live      int   // objects that were made and did not die
	depth     int   // nested deaths
	waiting   Ref   // those that the trashcan delays, last one first
	calls     []Ref // a stack of weak references whose callbacks are due

	free    [freeKinds]freeList // blocks that wait for objects of their type
	frames  int                 // frames that wait, and bound methods
	methods int
	busy    [callback + 1]bool // the frame that a function keeps is in use

	anyLegacy bool        // some type has an old finalizer
	safepoint func() bool // of the collector; nil if it has none or the profile does not want it

	lists int // list heads, each a block
}

// New returns an empty heap.
func New(cfg Config) (*Heap, error) {
	prof := cfg.Profile
	if prof == nil {
		prof = profiles[len(profiles)-1]
	}
	mem, err := arena.New(arena.Config{Profile: prof.Arena, OS: cfg.OS, LimitBytes: cfg.LimitBytes})
	if err != nil {
		return nil, fmt.Errorf("object: %w", err)
	}
	h := &Heap{Heads: Heads{old: prof.HeadBytes > 16}, Limit: math.MaxInt, prof: prof, mem: mem}
	h.defineKinds()
	if h.Young = h.NewHead(); h.Young == 0 {
		return nil, fmt.Errorf("object: no memory for the first list: %w", mem.Close())
	}
	return h, nil
}

// Profile returns the CPython that this heap re-creates.
func (h *Heap) Profile() *Profile { return h.prof }

// Memory returns the allocator under the objects.
func (h *Heap) Memory() *arena.Allocator { return h.mem }

// Live is the number of objects that were made and did not die.
func (h *Heap) Live() int { return h.live }

// Attach tells the heap who collects.
func (h *Heap) Attach(c Collector) {
	h.collector = c
	h.safepoint = nil
	if s, ok := c.(interface{ Safepoint() bool }); ok && h.prof.Safepoint {
		h.safepoint = s.Safepoint
	}
}

// Close gives all memory back. Objects that live are gone with it, without a word.
func (h *Heap) Close() error { return h.mem.Close() }

// NewHead returns the head of an empty list of tracked objects, or 0.
func (h *Heap) NewHead() List {
	b := uintptr(h.mem.Alloc(32))
	if b == 0 {
		return 0
	}
	h.lists++
	l := Ref(b + 16) // next and prev lie in front, and two words that say that this is no object behind
	page.Store(uintptr(l)+offCount, 0)
	page.Store(uintptr(l)+offType, 0)
	h.Init(l)
	return l
}

// defineKinds fills the table of types with those that every heap has.
func (h *Heap) defineKinds() {
	h.types = make([]Type, firstOwn, firstOwn+8)
	word := uintptr(8)
	fixed := func(id TypeID, kind Kind, bytes uintptr, gc bool) {
		t := Type{Name: kind.String(), Kind: kind, fixed: true, bytes: bytes}
		t.word = uintptr(id) | uintptr(kind)<<kindShift
		if gc {
			t.word |= flagGC
			t.front = h.prof.HeadBytes
		}
		h.types[id] = t
	}
	fixed(typeInt, KindInt, offBody+word, false)
	fixed(typeStr, KindStr, uintptr(h.prof.StrHeader)-1, false)
	fixed(typeList, KindList, offBody+3*word, true)
	fixed(typeTuple, KindTuple, offBody+word, true)
	fixed(typeDict, KindDict, offBody+4*word, true)
	fixed(typeWeakref, KindWeakref, offBody+uintptr(h.prof.WeakWords)*word, true)
	fixed(typeFrame, KindTuple, offBody+word, true)
}

// Define makes a type. A type is never undone.
func (h *Heap) Define(t Type) (TypeID, error) {
	switch {
	case t.Kind != KindInstance && t.Kind != KindSlotted:
		return 0, fmt.Errorf("object: type %s is of kind %s, which is predefined", t.Name, t.Kind)
	case t.Attrs < 0 || t.Attrs > AttrsMax:
		return 0, fmt.Errorf("object: type %s has %d attributes, not 0 to %d", t.Name, t.Attrs, AttrsMax)
	case t.Final > Collect:
		return 0, fmt.Errorf("object: type %s has a finalizer without a script", t.Name)
	case t.Classic && (!h.prof.Legacy || t.Kind != KindInstance):
		return 0, fmt.Errorf("object: type %s is classic, which only instances of 2.7 are", t.Name)
	case len(h.types) > typesMax:
		return 0, fmt.Errorf("object: more than %d types", typesMax)
	}
	id := TypeID(len(h.types))
	t.fixed = false
	t.Legacy = t.Final != NoFinalizer && (t.Legacy || h.prof.Legacy)
	h.anyLegacy = h.anyLegacy || t.Legacy
	t.word = uintptr(id) | uintptr(t.Kind)<<kindShift | flagGC
	h.place(&t)
	h.types = append(h.types, t)
	return id, nil
}

// place lays out the instances of a type. In front of the head are, from 3.11 on, two words: the address of the values
// and, from 3.12 on, the first weak reference; an object that needs neither has none of them. The figures are those of
// sys.getsizeof.
func (h *Heap) place(t *Type) {
	const word = 8
	t.front, t.bytes = h.prof.HeadBytes, offBody
	inline := t.Kind == KindInstance && h.prof.Values != InDict
	if inline || t.Weak && h.prof.WeakInFront {
		t.front += 2 * word
	}
	head := -h.prof.HeadBytes // modulo the address space
	switch {
	case t.Kind == KindSlotted:
		t.refsAt = t.bytes
		t.bytes += uintptr(t.Attrs) * word
	case h.prof.Values == InDict:
		if t.Classic {
			t.bytes += word // the class
		}
		t.refsAt = t.bytes
		t.bytes += word
	default:
		t.refsAt = head - 2*word
	}
	if !t.Weak {
		return
	}
	if h.prof.WeakInFront {
		t.weakAt = head - word
		return
	}
	t.weakAt = t.bytes
	t.bytes += word
}

func (o Ref) load(off uintptr) uintptr  { return page.Load(uintptr(o) + off) }
func (o Ref) store(off, v uintptr)      { page.Store(uintptr(o)+off, v) }
func (o Ref) word() uintptr             { return o.load(offType) }
func (o Ref) kind() Kind                { return Kind(o.word() >> kindShift) }
func (o Ref) isGC() bool                { return o.word()&flagGC != 0 }
func (h *Heap) typeOf(o Ref) *Type      { return &h.types[uint16(o.word())] }
func (h *Heap) Kind(o Ref) Kind         { return o.kind() }
func (h *Heap) Count(o Ref) int         { return int(o.load(offCount)) }
func (h *Heap) Tag(o Ref) uint32        { return uint32(o.word() >> tagShift) }
func (h *Heap) TypeOf(o Ref) Type       { return *h.typeOf(o) }
func (h *Heap) IsGC(o Ref) bool         { return o.isGC() }
func (h *Heap) IsTracked(o Ref) bool    { return o.isGC() && h.Tracked(o) }
func (h *Heap) IsFinalized(o Ref) bool  { return o.isGC() && h.Finalized(o) }
func (h *Heap) HasFinalizer(o Ref) bool { return h.typeOf(o).Final != NoFinalizer }
func (h *Heap) AnyLegacy() bool         { return h.anyLegacy }
func (h *Heap) supportsWeak(o Ref) bool { return h.typeOf(o).weakAt != 0 }
func (h *Heap) mayBeTracked(o Ref) bool {
	return o != 0 && o.isGC() && (o.kind() != KindTuple || h.Tracked(o))
}

// SetTag gives an object the number under which the log knows it.
func (h *Heap) SetTag(o Ref, tag uint32) {
	o.store(offType, o.word()&(1<<tagShift-1)|uintptr(tag)<<tagShift)
}

// SetType makes an instance one of another type, as assigning to its `__class__` does, and reports whether the two are
// laid out alike.
func (h *Heap) SetType(o Ref, id TypeID) bool {
	from, to := *h.typeOf(o), h.types[id]
	from.Name, from.Final, from.Legacy, from.word = to.Name, to.Final, to.Legacy, to.word
	if from != to || from.fixed {
		return false
	}
	o.store(offType, to.word|o.word()&^(1<<tagShift-1)|o.word()&markBits)
	return true
}

// Incref adds a reference. Of None there is nothing to count.
func (h *Heap) Incref(o Ref) {
	if o != 0 {
		o.store(offCount, o.load(offCount)+1)
	}
}

// alloc makes an object of a type with n bytes behind its fixed ones: not tracked, with one reference and a body of
// zeros. It returns 0 if there is no memory. A container is counted, which may start a collection before it is born,
// as gc_alloc does it (3.11 and before), or ask for one at the next safepoint.
func (h *Heap) alloc(id TypeID, n uintptr) Ref {
	t := &h.types[id]
	bytes := t.front + t.bytes + n
	var b uintptr
	reused := Ref(0)
	if id < firstOwn {
		reused = h.reuse(id, n)
	}
	if reused != 0 {
		b = uintptr(reused) - t.front
	} else if b = uintptr(h.mem.Alloc(bytes)); b == 0 {
		return 0
	}
	clear(page.View(b, bytes))
	o := Ref(b + t.front)
	o.store(offCount, 1)
	o.store(offType, t.word)
	h.live++
	if t.word&flagGC != 0 {
		if h.old {
			o.setOldRefs(refsUntracked)
		}
		if reused == 0 && id != typeFrame {
			h.count()
		}
	}
	return o
}

// release gives the block of a dead object back.
func (h *Heap) release(o Ref) {
	t := h.typeOf(o)
	if t.word&flagGC != 0 {
		if h.Tracked(o) {
			h.untrack(o)
		}
	}
	h.live--
	id := TypeID(o.word())
	switch {
	case id == typeFrame:
		h.leaveFrame(Script(h.Tag(o)))
	case id < firstOwn && h.shelve(o, id):
		return
	case t.word&flagGC != 0:
		h.uncount(1)
	}
	o.store(offType, 0) // a stale reference meets no type
	h.mem.Free(page.Pointer(uintptr(o) - t.front))
}

// track puts a container at the tail of the youngest generation.
func (h *Heap) track(o Ref) {
	if h.old {
		o.setOldRefs(refsReachable)
	}
	h.Link(o, h.Young)
}

// untrack takes a container off its list.
func (h *Heap) untrack(o Ref) {
	h.Unlink(o)
	if h.old {
		o.setOldRefs(refsUntracked)
	} else {
		o.storePrev(o.prev() & bitFinalized)
	}
}

// MaybeUntrack takes a tracked tuple or dict off its list if nothing in it may be tracked.
func (h *Heap) MaybeUntrack(o Ref) {
	for at, n, step := h.Fields(o); n > 0; n-- {
		if h.mayBeTracked(Ref(page.Load(at))) {
			return
		}
		at += step
	}
	h.untrack(o)
}

// Fields returns where the references of an object are: the address of the first that is visited, how many words there
// are, and what to add to come to the next. A word may be 0.
func (h *Heap) Fields(o Ref) (at uintptr, n int, step uintptr) {
	const (
		word = 8
		back = ^uintptr(word - 1) // -8
	)
	w := o.word()
	switch Kind(w >> kindShift) {
	case KindList:
		n = int(o.load(listSize))
		return o.load(listItems) + uintptr(n-1)*word, n, back
	case KindTuple:
		n = int(o.load(tupleSize))
		return uintptr(o) + tupleItems + uintptr(n-1)*word, n, back
	case KindDict:
		return dictFields(o)
	case KindSlotted:
		t := &h.types[uint16(w)]
		return uintptr(o) + t.refsAt, t.Attrs, word
	case KindInstance:
		t := &h.types[uint16(w)]
		if h.prof.Values == InDict {
			return uintptr(o) + t.refsAt, 1, word
		}
		at = o.load(t.refsAt)
		if at == 0 {
			return 0, 0, word
		}
		return at, t.Attrs, word
	}
	return 0, 0, word
}

// Referents calls visit for each reference of o that is not None, in CPython's order.
func (h *Heap) Referents(o Ref, visit func(Ref)) {
	for at, n, step := h.Fields(o); n > 0; n-- {
		if c := Ref(page.Load(at)); c != 0 {
			visit(c)
		}
		at += step
	}
}
