package dict

import "heapfuzz/impl/profile"

// A Profile says which CPython's dict is meant.
type Profile struct {
	Name  string
	Arena *profile.Profile

	HeadBytes uintptr // of the GC head
	Old       bool    // 2.7: open addressing
	KeysBytes uintptr // of the header of a keys object

	// StrTables: tables of strings have entries without a hash (3.11); a keys object of one kind does not become the
	// other without a resize.
	StrTables bool

	GrowHalf   bool // the growth is used*2 + slots/2 (3.6), and not used*3
	FitQuirk   bool // an exact power of two above 8 is fitted with twice itself (3.10)
	LazyNew    bool // {} has the shared empty keys (3.8)
	LazyCall   bool // dict() has them too (3.10)
	ClearSplit bool // a cleared dict counts as split, and so its copy is one (3.6)
	Clone      bool // copy() clones the keys if few are dead (3.7)
	MergeClone bool // so does a merge into an empty dict (3.10)
	LenCheck   bool // an iterator counts what it has to yield (3.8)
	Inline     bool // split tables have an order list, and a class 30 shared keys (3.11)
	Suffix     bool // the order list is behind the values (3.13)
	ShortSip   bool // SipHash-1-3 instead of 2-4 (3.11)

	// FreeGeneral: keys objects of 8 slots of any kind are kept for later, and not only those of strings.
	FreeGeneral bool

	// VersionStep is what every change adds to the version. SameBumps: storing the very value that is there is one.
	VersionStep uint64
	SameBumps   bool
}

// FreeMax is the most dicts, and the most keys objects, that wait for reuse (PyDict_MAXFREELIST).
const FreeMax = 80

var profiles = buildProfiles()

// buildProfiles returns the table. Each release is the one before it with its changes.
func buildProfiles() []*Profile {
	var all []*Profile
	p := Profile{}
	add := func(name, arena string, change func()) {
		change()
		a, ok := profile.ByName(arena)
		if !ok {
			panic("dict: no profile " + arena)
		}
		p.Name, p.Arena = name, a
		row := p
		all = append(all, &row)
	}
	add("2.7", "3.6", func() { p.HeadBytes, p.Old = 32, true })
	add("old8", "old8", func() {
		p = Profile{
			HeadBytes: 24, KeysBytes: 40, GrowHalf: true, ClearSplit: true, FreeGeneral: true,
			VersionStep: 1, SameBumps: true,
		}
	})
	add("3.6", "3.6", func() { p.HeadBytes = 32 })
	add("3.7", "3.6", func() { p.GrowHalf, p.ClearSplit, p.Clone = false, false, true })
	add("3.8", "3.8", func() {
		p.HeadBytes, p.LazyNew, p.LenCheck, p.SameBumps = 16, true, true, false
	})
	add("3.9", "3.9", func() {})
	add("3.10", "3.10", func() { p.LazyCall, p.FitQuirk, p.MergeClone = true, true, true })
	add("3.11", "3.11", func() {
		p.KeysBytes, p.StrTables, p.Inline, p.ShortSip, p.FreeGeneral = 32, true, true, true, false
	})
	add("3.12", "3.11", func() { p.VersionStep = 1 << 8 })
	add("3.13", "3.11", func() { p.VersionStep, p.Suffix = 1<<12, true })
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
