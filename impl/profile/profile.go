// Package profile says which CPython is meant.
//
// "CPython's allocator" is a family. The size classes, the pool and the arena sizes, the way an address is recognised,
// the moment an arena goes back to the system and the bytes of the debug hooks all changed over the years, and every
// figure that one can measure depends on them. A Profile holds those choices as data; the layers above read it and
// contain no version number of their own.
//
//	prof, ok := profile.ByName("3.9")
//
// The sources are Objects/obmalloc.c of the releases 3.6.15, 3.8.18, 3.9.18, 3.10.13 and 3.11.7, and answers of those
// libraries (corpus/heap/golden). old8 is the exception: releases up to 3.7.3 had 8-byte classes, no library with them
// is at hand, and it is 3.6 with another shift.
package profile

import "fmt"

// SmallMax is the largest request in bytes that pymalloc serves itself. It has been 512 since 3.3 in every release.
const SmallMax = 512

// HeaderBytes is the size of a pool header on a 64-bit machine. The C struct has 48 bytes, which is a multiple of both
// alignments.
const HeaderBytes = 48

// Limits of what a profile may ask for. They keep the checker's bitmaps of fixed size and the offsets in 32 bits.
const (
	PoolBytesMax  = 16 << 10
	ArenaBytesMax = 64 << 20
)

// A Profile is one row of the table of versions. The predefined ones are never changed; a caller who wants a small or
// an odd world copies one, changes the copy and calls Validate.
type Profile struct {
	Name  string // as ByName knows it
	About string // one sentence for people

	Shift      uint8   // log2 of the alignment and of the distance between two size classes
	PoolBytes  uintptr // a power of two
	ArenaBytes uintptr // a power of two, at least one pool

	// Fingers: the list of usable arenas is kept in order with the table "free pools -> rightmost arena with so many"
	// (3.8, bpo-37029). Without it a linear search finds the place. Both give the same order.
	Fingers bool

	// KeepLast: a wholly free arena stays when it is the last of the usable list (3.9, bpo-37257). Without it every
	// wholly free arena goes back at once, and a simple loop can ask for an arena on each of its turns.
	KeepLast bool

	// Map says how the radix tree of 3.10 divides an address; its zero value means that an address is recognised by the
	// arena index in its pool header, as before 3.10.
	Map MapBits

	Hooks Hooks
}

// MapBits are the bits of an address that choose an entry in the three levels of the arena map. The bits below them are
// the offset in an arena; bits above them, if any, are ignored.
type MapBits struct{ Root, Mid, Bot uint8 }

// Used reports whether the profile has an arena map at all.
func (m MapBits) Used() bool { return m != MapBits{} }

// Hooks are the bytes and words of the debug hooks.
type Hooks struct {
	Clean, Dead, Forbidden byte

	// Serial: every block carries the number of the call that made it (up to 3.7).
	Serial bool

	// Names: fatal messages start with the name of the C function (3.9; 3.8.18 was asked and has none).
	Names bool
}

var (
	oldBytes = Hooks{Clean: 0xCB, Dead: 0xDB, Forbidden: 0xFB, Serial: true}
	newBytes = Hooks{Clean: 0xCD, Dead: 0xDD, Forbidden: 0xFD}
	newNames = Hooks{Clean: 0xCD, Dead: 0xDD, Forbidden: 0xFD, Names: true}
)

var all = []*Profile{
	{
		Name: "old8", About: "releases up to 3.7.3: 64 classes 8 bytes apart",
		Shift: 3, PoolBytes: 4 << 10, ArenaBytes: 256 << 10, Hooks: oldBytes,
	},
	{
		Name: "3.6", About: "3.6.15 with bpo-27987 back-ported, as pyenv builds it: 32 classes, linear search",
		Shift: 4, PoolBytes: 4 << 10, ArenaBytes: 256 << 10, Hooks: oldBytes,
	},
	{
		Name: "3.8", About: "fingers into the usable arenas, every wholly free arena released",
		Shift: 4, PoolBytes: 4 << 10, ArenaBytes: 256 << 10, Fingers: true, Hooks: newBytes,
	},
	{
		Name: "3.9", About: "the last wholly free arena is kept",
		Shift: 4, PoolBytes: 4 << 10, ArenaBytes: 256 << 10, Fingers: true, KeepLast: true, Hooks: newNames,
	},
	{
		Name: "3.10", About: "large pools, arena map over 48 address bits",
		Shift: 4, PoolBytes: 16 << 10, ArenaBytes: 1 << 20, Fingers: true, KeepLast: true,
		Map: MapBits{Root: 10, Mid: 10, Bot: 8}, Hooks: newNames,
	},
	{
		Name: "3.11", About: "large pools, arena map over all 64 address bits",
		Shift: 4, PoolBytes: 16 << 10, ArenaBytes: 1 << 20, Fingers: true, KeepLast: true,
		Map: MapBits{Root: 15, Mid: 15, Bot: 14}, Hooks: newNames,
	},
}

// All returns every profile, oldest first.
func All() []*Profile { return append([]*Profile(nil), all...) }

// ByName finds a profile by its name.
func ByName(name string) (*Profile, bool) {
	for _, p := range all {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// Default is the newest profile, which is also the fastest.
func Default() *Profile { return all[len(all)-1] }

// Alignment is the alignment of every block in bytes, and the distance between two size classes.
func (p *Profile) Alignment() uintptr { return 1 << p.Shift }

// Pools is the number of pools in an arena that starts on a pool boundary; any other arena has one less.
func (p *Profile) Pools() int { return int(p.ArenaBytes / p.PoolBytes) }

// Validate checks what all layers rely on. It is invariant 1, `profile/sizes`: alignment, pool and arena are powers of
// two, each at least as large as the one before and within the limits, and every class has at least two blocks a pool.
func (p *Profile) Validate() error {
	pow2 := func(n uintptr) bool { return n != 0 && n&(n-1) == 0 }
	switch {
	case p.Shift != 3 && p.Shift != 4:
		return fmt.Errorf("profile %s: shift %d is neither 3 nor 4", p.Name, p.Shift)
	case !pow2(p.PoolBytes) || p.PoolBytes > PoolBytesMax:
		return fmt.Errorf("profile %s: pool of %d bytes is no power of two up to %d", p.Name, p.PoolBytes, PoolBytesMax)
	case p.PoolBytes < 4096:
		// A pool header is read through any foreign address on the same pool boundary, so a page must hold it.
		return fmt.Errorf("profile %s: pool of %d bytes is less than a page", p.Name, p.PoolBytes)
	case !pow2(p.ArenaBytes) || p.ArenaBytes > ArenaBytesMax:
		return fmt.Errorf("profile %s: arena of %d bytes is no power of two up to %d",
			p.Name, p.ArenaBytes, ArenaBytesMax)
	case p.ArenaBytes < 2*p.PoolBytes:
		// An arena off the pool boundary loses one pool and must have another.
		return fmt.Errorf("profile %s: arena of %d bytes has no room for two pools", p.Name, p.ArenaBytes)
	case !p.Map.Used() && p.PoolBytes != 4096:
		// Reading the header of a foreign address is safe only if its pool boundary lies on the same page.
		return fmt.Errorf("profile %s: pools larger than a page need an arena map", p.Name)
	}
	return p.Map.validate(p)
}

func (m MapBits) validate(p *Profile) error {
	if !m.Used() {
		return nil
	}
	offset := 0
	for n := p.ArenaBytes; n > 1; n >>= 1 {
		offset++
	}
	if m.Root == 0 || m.Mid == 0 || m.Bot == 0 || int(m.Root)+int(m.Mid)+int(m.Bot)+offset > 64 {
		return fmt.Errorf("profile %s: map of %d+%d+%d bits over %d does not fit an address",
			p.Name, m.Root, m.Mid, m.Bot, offset)
	}
	if m.Root > 20 || m.Mid > 20 || m.Bot > 20 {
		return fmt.Errorf("profile %s: a map node of more than 2^20 entries", p.Name)
	}
	return nil
}
