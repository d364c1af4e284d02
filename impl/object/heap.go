package object

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// A Ref is the address of an object, or 0: an empty slot, which reads as None (see Heap.None).
type Ref uintptr

// A Kind says how a body is laid out.
type Kind uint8

// The kinds: atoms, then containers, then those whose class a program made.
const (
	KindNone Kind = iota + 1
	KindBool
	KindInt
	KindFloat
	KindComplex
	KindStr
	KindBytes
	KindByteArray
	KindRange
	KindCapsule
	KindList
	KindTuple
	KindDict
	KindSet
	KindFrozenset
	KindSlice
	KindFunction
	KindCell
	KindMethod // a function bound to an object
	KindRecord // any other type of the interpreter's, see NewRecord
	KindWeakref
	KindInstance // with attributes in a `__dict__` or in inline values
	KindSlotted  // with `__slots__`
)

var kindNames = [...]string{
	"?", "NoneType", "bool", "int", "float", "complex", "str", "bytes", "bytearray", "range", "capsule",
	"list", "tuple", "dict", "set", "frozenset", "slice", "function", "cell", "method", "record",
	"weakref", "instance", "slotted",
}

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

	code   bool    // an instance may have code of a program run when it is garbage
	fixed  bool    // of a kind that is predefined
	word   uintptr // type word without tag
	front  uintptr // bytes in front of the object
	bytes  uintptr // bytes of the object itself, without items
	weakAt uintptr // offset of the first weak reference, modulo the address space; 0: there are none
	refsAt uintptr // offset of the slots, of the dict, or of the address of the values

	class dict.Class // the keys that the dicts of the instances share (up to 3.10)
}

// A TypeID is the index of a Type.
type TypeID uint16

// Predefined types. Behind them are those of records, and then those that Define makes.
const (
	typeNone TypeID = iota // index 0 is no type, so that zeroed memory is no object
	typeNoneType
	typeBool
	typeInt
	typeLong // 2.7 has both
	typeFloat
	typeComplex
	typeStr
	typeWide // a string with other than ASCII characters, which has a larger header
	typeBytes
	typeByteArray
	typeRange
	typeCapsule
	typeList
	typeTuple
	typeDict
	typeSet
	typeFrozenset
	typeSlice
	typeFunction
	typeCell
	typeMethod
	typeWeakref
	typeFrame // a tuple that stands for a frame which waits for its death
	firstRecord
)

// Flags and fields of the type word. Those of objects are not part of their type's word.
const (
	flagGC       = 1 << 24
	flagFinal    = 1 << 25 // the type has a finalizer
	flagWeak     = 1 << 26 // there may be weak references to its objects
	flagTrash    = 1 << 27 // its deaths count in the trashcan
	flagCached   = 1 << 22 // of the object: the heap keeps it for ever
	flagInterned = 1 << 23 // of the object: it is in the table of interned strings
	kindShift    = 16
	kindMask     = 1<<5 - 1
	tagShift     = 32

	// wordMask are the bits that all objects of a type have in common.
	wordMask = (1<<tagShift - 1) &^ (flagCached | flagInterned | markBits)
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

	// HashMask has the bits that hashes of keys have, but for small ints in dicts; 0 means all. With few of them keys
	// collide that otherwise would not in a life.
	HashMask uintptr

	// SetLarge is how many keys a set has whose table grows by two, and not by four; 0 means CPython's number.
	SetLarge int
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
	// Without a Collector no limit may be set.
	Fresh, Limit int

	prof      *Profile
	mem       *arena.Allocator
	types     []Type
	collector Collector
	live      int   // objects that were made and did not die, without those that are cached
	depth     int   // nested deaths that the trashcan counts
	nested    int   // and those that it does not
	misnested bool  // something waited and should have died, or the reverse (checkNesting)
	stuck     bool  // the block of an empty list stayed large, for want of memory for a small one
	waiting   Ref   // those that the trashcan delays, last one first
	calls     []Ref // a stack of weak references whose callbacks are due

	free    [freeKinds]freeList // blocks that wait for objects of their type
	frames  int                 // frames that wait, and bound methods
	methods int
	busy    [callback + 1]bool // the frame that a function keeps is in use

	seen [transitions]uint64 // see Transitions

	withCode  int    // live objects with a finalizer, and weak references
	anyLegacy bool   // some type has an old finalizer
	safepoint func() // of the collector; nil if it has none or the profile does not want it

	space    *dict.Space
	hashMask uintptr // of the bits that hashes have
	setLarge uintptr // see Config
	hole     Ref     // None in a dict
	gone     Ref     // the key of an entry of 2.7 that was deleted; 0 otherwise
	names    []Ref   // of attributes; never unmade

	lists    int // list heads, each a block
	cached   cache
	interned internTable
}

// deleted is what heaps of 2.7 have in the place of the key of a deleted entry: no object, with the type word 0.
var deleted [4]uintptr

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
	if h.hashMask = cfg.HashMask; h.hashMask == 0 {
		h.hashMask--
	}
	if h.setLarge = uintptr(cfg.SetLarge); h.setLarge == 0 {
		h.setLarge = setLarge
	}
	h.defineKinds()
	if h.Young = h.NewHead(); h.Young == 0 {
		return nil, fmt.Errorf("object: no memory for the first list: %w", mem.Close())
	}
	if h.hole = h.Young; prof.Legacy {
		h.gone = Ref(unsafe.Pointer(&deleted))
	}
	if err := h.openSpace(); err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	return h, nil
}

// openSpace makes the space that the dicts are in.
func (h *Heap) openSpace() (err error) {
	prof, ok := dict.ProfileByName(h.prof.Name)
	if !ok {
		return fmt.Errorf("object: no dict of %s", h.prof.Name)
	}
	w := (*words)(h)
	h.space, err = dict.NewSpace(dict.Config{
		Profile: prof, Memory: h.mem, Hooks: w, Tracker: w, Maker: w, Dummy: dict.Word(h.gone),
	})
	return err
}

// Profile returns the CPython that this heap re-creates.
func (h *Heap) Profile() *Profile { return h.prof }

// Memory returns the allocator under the objects.
func (h *Heap) Memory() *arena.Allocator { return h.mem }

// Live is the number of objects that were made and did not die. What the heap keeps for ever (Cached) is not in it.
func (h *Heap) Live() int { return h.live }

// Attach tells the heap who collects, once.
func (h *Heap) Attach(c Collector) {
	h.collector = c
	if s, ok := c.(interface{ Safepoint() }); ok && h.prof.Safepoint {
		h.safepoint = s.Safepoint
	}
}

// Close gives all memory back. Objects that live are gone with it, without a word.
func (h *Heap) Close() error { return h.mem.Close() }

// headBytes is the size of the block of a list head.
const headBytes = 32

// NewHead returns the head of an empty list of tracked objects, or 0.
func (h *Heap) NewHead() List {
	b := uintptr(h.mem.Alloc(headBytes))
	if b == 0 {
		return 0
	}
	h.lists++
	l := Ref(b + 16) // next and prev lie in front, and a word that says that this is no object behind
	page.Store(uintptr(l)+offType, 0)
	h.Init(l)
	return l
}

// defineKinds fills the table of types with those that every heap has.
func (h *Heap) defineKinds() {
	const word = 8
	p := h.prof
	dictWords := 4
	if p.ByteStr {
		dictWords = 29 // with a table of 8 slots
	}
	h.types = make([]Type, firstRecord)
	rows := []struct {
		id    TypeID
		kind  Kind
		words int // behind the header
		attrs int // how many of them, from the first on, are references
		flags uintptr
	}{
		{typeNoneType, KindNone, 0, 0, 0},
		{typeBool, KindBool, 1, 0, 0},
		{typeInt, KindInt, 1, 0, 0},
		{typeLong, KindInt, 1, 0, 0},
		{typeFloat, KindFloat, 1, 0, 0},
		{typeComplex, KindComplex, 2, 0, 0},
		{typeByteArray, KindByteArray, p.ByteArrayWords, 0, 0},
		{typeRange, KindRange, p.RangeWords, p.RangeWords, 0},
		{typeCapsule, KindCapsule, p.CapsuleWords, 0, p.CapsuleFlags},
		{typeList, KindList, 3, 0, flagGC | flagTrash},
		{typeTuple, KindTuple, 1, 0, flagGC | flagTrash},
		{typeDict, KindDict, dictWords, 0, flagGC | flagTrash},
		{typeSet, KindSet, setWords, 0, flagGC | flagTrash},
		{typeFrozenset, KindFrozenset, setWords, 0, flagGC | flagTrash},
		{typeSlice, KindSlice, 3, 3, flagGC},
		{typeFunction, KindFunction, p.FunctionWords, functionRefs, flagGC},
		{typeCell, KindCell, 1, 1, flagGC},
		{typeMethod, KindMethod, p.MethodWords, methodRefs, flagGC},
		{typeWeakref, KindWeakref, p.WeakWords, 0, flagGC | flagTrash},
		{typeFrame, KindTuple, 1, 0, flagGC | flagTrash},
	}
	for _, r := range rows {
		h.types[r.id] = h.fixed(r.id, r.kind, uintptr(r.words)*word, r.attrs, r.flags)
	}
	h.types[typeWeakref].code = true
	h.types[typeStr] = h.fixed(typeStr, KindStr, uintptr(p.StrHeader)-1-offBody, 0, 0)
	h.types[typeWide] = h.fixed(typeWide, KindStr, uintptr(max(p.WideHeader, offBody))-offBody, 0, 0)
	h.types[typeBytes] = h.fixed(typeBytes, KindBytes, 2*word, 0, 0)
	for id, at := range map[TypeID]uintptr{
		typeSet: setWeak, typeFrozenset: setWeak, typeFunction: functionWeak, typeMethod: methodWeak,
	} {
		h.types[id].weakAt = at
		h.types[id].word |= flagWeak
	}
	h.defineRecords()
}

// fixed returns a predefined type whose objects have so many bytes behind the header, references first.
func (h *Heap) fixed(id TypeID, kind Kind, bytes uintptr, attrs int, flags uintptr) Type {
	t := Type{Name: kind.String(), Kind: kind, Attrs: attrs, fixed: true, bytes: offBody + bytes, refsAt: offBody}
	t.word = uintptr(id) | uintptr(kind)<<kindShift | flags
	if flags&flagGC != 0 {
		t.front = h.prof.HeadBytes
	}
	return t
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
	t.code = t.Final != NoFinalizer
	t.word = uintptr(id) | uintptr(t.Kind)<<kindShift | flagGC | flagTrash
	if t.Final != NoFinalizer {
		t.word |= flagFinal
	}
	if t.Weak {
		t.word |= flagWeak
	}
	if h.old && t.Kind == KindSlotted && t.Attrs == 0 && !t.Weak {
		t.word &^= flagGC | flagTrash
	}
	h.place(&t)
	h.learn(&t)
	h.types = append(h.types, t)
	return id, nil
}

// place lays out the instances of a type. In front of the head are, from 3.11 on, two words: the address of the values
// and, from 3.12 on, the first weak reference; an object that needs neither has none of them. The figures are those of
// sys.getsizeof. An instance with nothing in it is no container up to 3.7.
func (h *Heap) place(t *Type) {
	const word = 8
	t.front, t.bytes = h.prof.HeadBytes, offBody
	if t.word&flagGC == 0 {
		t.front = 0
		return
	}
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
func kindOf(word uintptr) Kind          { return Kind(word >> kindShift & kindMask) }
func (o Ref) kind() Kind                { return kindOf(o.word()) }
func (o Ref) isGC() bool                { return o.word()&flagGC != 0 }
func (o Ref) isCached() bool            { return o.word()&flagCached != 0 }
func (h *Heap) typeOf(o Ref) *Type      { return &h.types[uint16(o.word())] }
func (h *Heap) Kind(o Ref) Kind         { return o.kind() }
func (h *Heap) Count(o Ref) int         { return int(o.load(offCount)) }
func (h *Heap) Tag(o Ref) uint32        { return uint32(o.word() >> tagShift) }
func (h *Heap) TypeOf(o Ref) Type       { return *h.typeOf(o) }
func (h *Heap) IsGC(o Ref) bool         { return o.isGC() }
func (h *Heap) IsTracked(o Ref) bool    { return o.isGC() && h.Tracked(o) }
func (h *Heap) IsFinalized(o Ref) bool  { return o.isGC() && h.Finalized(o) }
func (h *Heap) IDOf(o Ref) TypeID       { return TypeID(o.word()) }
func (h *Heap) HasFinalizer(o Ref) bool { return h.typeOf(o).Final != NoFinalizer }
func (h *Heap) AnyLegacy() bool         { return h.anyLegacy }
func (h *Heap) AnyCode() bool           { return h.withCode > 0 }
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
	was := from.code
	from.Name, from.Final, from.Legacy, from.code, from.word = to.Name, to.Final, to.Legacy, to.code, to.word
	from.class = to.class
	if from != to || from.fixed {
		return false
	}
	o.store(offType, to.word|o.word()&^wordMask)
	switch {
	case was && !to.code:
		h.withCode--
	case to.code && !was:
		h.withCode++
	}
	return true
}

// ImmortalCount is the count of an object that never dies (3.12). No reference changes it: that the lower half of a
// count is negative says that its object is immortal.
const ImmortalCount = 1<<32 - 1

// IsImmortal tells whether the count of an object is never changed.
func (h *Heap) IsImmortal(o Ref) bool { return o != 0 && int32(o.load(offCount)) < 0 }

// Incref adds a reference. Of an empty slot there is nothing to count.
func (h *Heap) Incref(o Ref) {
	if o == 0 {
		return
	}
	if n := o.load(offCount); int32(n) >= 0 {
		o.store(offCount, n+1)
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
	if id < firstRecord {
		reused = h.reuse(id, n)
	}
	if reused != 0 {
		b = uintptr(reused) - t.front
	} else if b = uintptr(h.mem.Alloc(bytes)); b == 0 {
		h.seen[objectRefused]++
		return 0
	}
	clear(page.View(b, bytes))
	o := Ref(b + t.front)
	o.store(offCount, 1)
	o.store(offType, t.word)
	h.live++
	if t.code {
		h.withCode++
	}
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
	if t.code {
		h.withCode--
	}
	id := TypeID(o.word())
	switch {
	case id == typeFrame:
		h.leaveFrame(Script(h.Tag(o)))
	case id < firstRecord && h.shelve(o, id):
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
	for at, n, step, alt := h.Fields(o); n > 0; n-- {
		if h.mayBeTracked(Ref(page.Load(at))) {
			return
		}
		at += step
		step ^= alt
	}
	h.untrack(o)
}

// Fields returns where the references of an object are: the address of the first that is visited, how many words there
// are, and what to add to come to the next, which becomes step^alt by that. A word may be 0, and what is no container
// may be no object either (see dict.go): IsGC may be asked of it and nothing else. The keys of a dict of strings are
// not among the words, because CPython does not visit them.
func (h *Heap) Fields(o Ref) (at uintptr, n int, step, alt uintptr) {
	const (
		word = 8
		back = ^uintptr(word - 1) // -8
	)
	w := o.word()
	switch kindOf(w) {
	case KindList:
		n = int(o.load(listSize))
		return o.load(listItems) + uintptr(n-1)*word, n, back, 0
	case KindTuple:
		n = int(o.load(tupleSize))
		return uintptr(o) + tupleItems + uintptr(n-1)*word, n, back, 0
	case KindDict:
		return h.space.Walk(o.body())
	case KindSet, KindFrozenset:
		return setKeys(o), int(o.load(setFill)), word, 0
	case KindInstance:
		t := &h.types[uint16(w)]
		if h.prof.Values == InDict {
			return uintptr(o) + t.refsAt, 1, word, 0
		}
		return o.load(t.refsAt), t.Attrs, word, 0
	}
	t := &h.types[uint16(w)]
	return uintptr(o) + t.refsAt, t.Attrs, word, 0
}

// Referents calls visit for each reference of o that is not None, in CPython's order.
func (h *Heap) Referents(o Ref, visit func(Ref)) {
	for at, n, step, alt := h.Fields(o); n > 0; n-- {
		if c := h.refOf(wordAt(at)); c != 0 {
			visit(c)
		}
		at += step
		step ^= alt
	}
}
