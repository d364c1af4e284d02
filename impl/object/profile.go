package object

import (
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

	// TrashDepth is how many deaths may be nested. Up to 3.12 it is the constant 50; from 3.13 on it is what the C
	// stack is taken to have left, 10,000 less a headroom of 50, and those who wait are freed as soon as twice
	// the headroom is there again (TrashHeadroom), not only at the end.
	TrashDepth    int
	TrashHeadroom int

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
		HeadBytes: 24, WeakWords: 5, StrHeader: 49, TrashDepth: 50, TrashOld: true, FramesWait: true,
		Threshold0:   700,
		AllOrNothing: true, CountEarly: true, TuplesInScan: true,
	}
	add := func(name, arenaName string, change func()) {
		change()
		p.Name, p.Arena = name, arena(arenaName)
		row := p
		all = append(all, &row)
	}
	add("old8", "old8", func() {})
	add("3.6", "3.6", func() { p.HeadBytes = 32 })
	add("3.7", "3.6", func() { p.CountEarly = false })
	add("3.8", "3.8", func() {
		p.HeadBytes, p.TrashOld, p.TuplesInScan, p.ClearTrashWeakrefs = 16, false, false, true
	})
	add("3.9", "3.9", func() { p.AllOrNothing, p.ListExact = false, true })
	add("3.10", "3.10", func() {})
	add("3.11", "3.11", func() {
		p.Values, p.WeakWords, p.ZeroDigit, p.FramesWait = InBlock, 6, true, false
	})
	add("3.12", "3.11", func() { p.WeakInFront, p.StrHeader, p.Safepoint, p.Immortal = true, 41, true, true })
	add("3.13", "3.11", func() {
		p.Values, p.Threshold0, p.TrashDepth, p.TrashHeadroom = InObject, 2000, 10_000-50, 50
	})
	return all
}

// Profiles returns every profile, oldest first.
func Profiles() []*Profile { return append([]*Profile(nil), profiles...) }

// ProfileByName finds a profile by its name.
func ProfileByName(name string) (*Profile, bool) {
	for _, p := range profiles {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}
