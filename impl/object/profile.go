package object

import (
	"math"
	"slices"

	"heapfuzz/impl/profile"
)

// Values says where the attributes of an instance with a `__dict__` are.
type Values uint8

// The three places.
const (
	InDict   Values = iota // in a dict of its own, which the collector counts (up to 3.10)
	InBlock                // in a block that is no object (3.11, 3.12)
	InObject               // in the object itself (3.13)
)

// A Profile says which CPython an object heap and its collector re-create. It stands beside profile.Profile because
// releases with the same allocator differ here: from 3.11 on pymalloc did not change any more.
type Profile struct {
	Name  string
	Arena *profile.Profile

	HeadBytes   uintptr // of the GC head
	Values      Values
	WeakInFront bool // the list of weak references of an instance is in front of it (3.12)
	WeakWords   int  // words of a weak reference behind the header
	ListExact   bool // lists grow by the rule of 3.9 (bpo-38373), in steps of 4
	StrHeader   int  // bytes of an empty ASCII string
	ZeroDigit   bool // the int 0 has a digit (3.11)

	Layout // of further kinds

	// TrashDepth is how many deaths may be nested. Up to 3.12 it is the constant 50; from 3.13 on it is what the C
	// stack is taken to have left, 10,000 less a headroom of 50, and those who wait are freed as soon as twice
	// the headroom is there again (TrashHeadroom), not only at the end.
	TrashDepth    int
	TrashHeadroom int

	// NestMax bounds the deaths that the trashcan does not count. C has no such bound, and a chain of so many cells may
	// overflow its stack.
	NestMax int

	// TrashOld: instances wait one level earlier (up to 3.7, subtype_dealloc).
	TrashOld bool

	// FramesWait: the frame of a finalizer is an object that dies, and at full depth waits like any other (up to 3.10).
	// It holds its argument so long, which therefore lives on after its finalizer until the frame's turn comes.
	FramesWait bool

	Threshold0 int // 700, or 2000 from 3.13 on

	// AllOrNothing: if a finalizer resurrects anything, nothing of the garbage dies (up to 3.8, bpo-38379), and
	// CountEarly: collect counts it nevertheless (up to 3.7.5).
	AllOrNothing bool
	CountEarly   bool

	ClearTrashWeakrefs bool // weak references in the garbage are cleared (bpo-38006; 3.8.18 does, 3.7.16 does not)
	TuplesInScan       bool // tuples are untracked while reachable objects are found, not afterwards (up to 3.7)
	Safepoint          bool // a collection waits for the next safepoint (3.12), or runs inside the allocation
	Immortal           bool // objects whose count says so leave the generations (3.12)

	Legacy   bool     // every finalizer is of the old kind (2.7); there are no others, and classes without a metatype
	Debug    DebugFmt // how the messages of gc.set_debug read
	FreeList FreeMax  // what the free lists hold

	// CallbackTuple is how many weak references an object must have for its death to take a tuple in which they and
	// their callbacks wait: 2, or 1 from 3.13 on (weakrefobject.c, PyObject_ClearWeakRefs).
	CallbackTuple int

	// BareFirst is how many weak references without a callback are cleared before the others if they are the newest:
	// the code that does so means two that are shared, but does not look whether they are (up to 3.12).
	BareFirst int

	// BoundFinalizers: a finalizer is called through a bound method and a tuple of one item, both of which count (up to
	// 3.6, typeobject.c, slot_tp_finalize).
	BoundFinalizers bool
}

// FreeMax says how many dead objects of a type its free list keeps.
type FreeMax struct {
	Lists, Dicts, Tuples int  // tuples of each length from 1 to TupleItems
	TupleItems           int  // the longest that are kept
	Floats, Ints         int  // no containers; in 2.7 both are without a limit, but ints that do not fit a C long
	Frames               int  // of functions whose own frame is in use; 0 where a frame is no object (3.11)
	KeepLists            bool // a full collection leaves lists and dicts alone (2.7)
}

// DebugFmt says how the messages of gc.set_debug read.
type DebugFmt struct {
	Permanent bool // the permanent generation is counted (3.7)
	BareDone  bool // "done" names no numbers when both are 0 (up to 3.7)
	Stop      bool // "elapsed" ends in a full stop, objects need DebugObjects or DebugInstances (2.7)
}

var profiles = buildProfiles()

// buildProfiles returns the table. Each release is the one before it with its changes.
func buildProfiles() []*Profile {
	arena := func(name string) *profile.Profile {
		p, ok := profile.ByName(name)
		if !ok {
			panic("object: no profile " + name)
		}
		return p
	}
	var all []*Profile
	p := Profile{
		HeadBytes: 24, WeakWords: 5, StrHeader: 49, TrashDepth: 50, NestMax: 10_000, TrashOld: true, FramesWait: true,
		Layout:       layout36,
		Threshold0:   700,
		AllOrNothing: true, CountEarly: true, TuplesInScan: true,
		FreeList:      FreeMax{Lists: 80, Dicts: 80, Tuples: 2000, TupleItems: 19, Floats: 100, Frames: 200},
		Debug:         DebugFmt{BareDone: true},
		CallbackTuple: 2, BareFirst: 2, BoundFinalizers: true,
	}
	add := func(name, arenaName string, change func()) {
		change()
		if i := slices.Index(recordReleases, name); i >= 0 {
			p.RecordColumn = i
		}
		p.Name, p.Arena = name, arena(arenaName)
		row := p
		all = append(all, &row)
	}
	modern := p
	add("2.7", "3.6", func() {
		p.HeadBytes, p.StrHeader, p.Legacy, p.CountEarly = 32, 37, true, false
		p.Debug.Stop, p.FreeList.KeepLists = true, true
		p.FreeList.Floats, p.FreeList.Ints = math.MaxInt, math.MaxInt
		p.Layout = layout27
	})
	p = modern
	add("old8", "old8", func() {})
	add("3.6", "3.6", func() { p.HeadBytes = 32 })
	add("3.7", "3.6", func() {
		p.CountEarly, p.BoundFinalizers, p.Debug.Permanent, p.SetLoad = false, false, true, setLoad37
	})
	add("3.8", "3.8", func() {
		p.RecordHead = 16
		p.HeadBytes, p.TrashOld, p.TuplesInScan, p.ClearTrashWeakrefs = 16, false, false, true
		p.Debug.BareDone = false
		p.FunctionWords, p.MethodWords, p.FunctionClears, p.IterRoom, p.BytesInto = 13, 4, true, RoomExact, true
	})
	add("3.9", "3.9", func() {
		p.AllOrNothing, p.ListExact = false, true
		p.LiteralRoom, p.SetLiteral = RoomGrown, true
	})
	add("3.10", "3.10", func() {
		p.FunctionWords, p.IterRoom, p.LiteralRoom, p.FrozenOnce, p.DeepRange = 14, RoomEven, RoomEven, false, true
	})
	add("3.11", "3.11", func() {
		p.Values, p.WeakWords, p.ZeroDigit, p.FramesWait = InBlock, 6, true, false
		p.FreeList.TupleItems, p.FreeList.Frames = 20, 0
		p.FunctionWords, p.CacheCount = 15, 999_999_999
	})
	add("3.12", "3.11", func() {
		p.WeakInFront, p.StrHeader, p.Safepoint, p.Immortal = true, 41, true, true
		p.FunctionWords, p.WideHeader, p.LatinUTF8, p.CacheCount = 16, 56, true, ImmortalCount
		p.InternForever, p.PopClears = true, true
	})
	add("3.13", "3.11", func() {
		p.Values, p.Threshold0, p.TrashDepth, p.TrashHeadroom = InObject, 2000, 10_000-50, 50
		p.CapsuleWords, p.CapsuleFlags, p.InternForever = 6, flagGC, false
		p.CallbackTuple, p.BareFirst = 1, 0
	})
	return all
}

// Profiles returns every profile of Python 3, oldest first. ProfileByName knows 2.7 besides, whose finalizers are of
// another kind.
func Profiles() []*Profile {
	return slices.DeleteFunc(slices.Clone(profiles), func(p *Profile) bool { return p.Legacy })
}

// ProfileByName finds a profile by its name.
func ProfileByName(name string) (*Profile, bool) {
	for _, p := range profiles {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}
