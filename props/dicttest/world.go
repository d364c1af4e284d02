package dicttest

import (
	"math/bits"
)

// World is the small configuration that a program's first line gives. An opener follows as much of it as it can; zeros
// are the ordinary world.
type World struct {
	Limit   uint64 // there are so many units of 64 KiB and no more; 0 means no limit
	Hash    uint64 // how keys are hashed; see Hasher
	Variant uint64 // whatever the target has to choose from
}

// LimitUnit is the number of bytes in a unit of World.Limit.
const LimitUnit = 64 << 10

// hashers is the number of hash functions.
const hashers = 8

// Hasher returns the hash function of the world, for targets that can be given one: 0 is a good one, and the others are
// bad each in its way.
func (w World) Hasher() func(key uint64) uint64 { return hasher(w.Hash) }

func hasher(which uint64) func(key uint64) uint64 {
	switch which % hashers {
	case 1:
		return func(uint64) uint64 { return 0 } // all are equal
	case 2:
		return func(uint64) uint64 { return ^uint64(0) }
	case 3:
		return func(key uint64) uint64 { return key & 3 } // there are four
	case 4:
		return func(key uint64) uint64 { return key } // the key itself
	case 5:
		return func(key uint64) uint64 { return key << 48 } // all low bits are equal
	case 6:
		return func(key uint64) uint64 { return mix(key) & 0xFF } // only the low bits are any good
	case 7:
		return func(key uint64) uint64 { return mix(key) | 0xFFFF } // only the high ones
	}
	return mix
}

// mix is a hash function in which each bit of the key changes half of the bits.
func mix(key uint64) uint64 {
	hi, lo := bits.Mul64(key^0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
	key = hi ^ lo
	hi, lo = bits.Mul64(key^0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
	return hi ^ lo
}
