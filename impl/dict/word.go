package dict

import (
	"encoding/binary"
	"math/bits"

	"heapfuzz/impl/page"
)

// A Word is a key or a value. Its low bits say what a key is:
//
//	...1   a number of 63 bits, in the word itself (Int)
//	..10   a string, whose record lies at the address without the tag (Space.NewStr)
//	..00   anything else; Hooks know its hash and what equals it
//
// 0 is no word.
type Word uintptr

const (
	tagInt = 1
	tagStr = 2
	tags   = 3
)

// IntMax is the largest number in a word; the smallest is -IntMax-1.
const IntMax = 1<<62 - 1

// Int is the word of a number from -IntMax-1 to IntMax. The top bit of another is lost.
func Int(n int64) Word { return Word(n)<<1 | tagInt }

// IsInt tells whether a word is a number.
func (w Word) IsInt() bool { return w&tagInt != 0 }

// Int returns the number in a word.
func (w Word) Int() int64 { return int64(w) >> 1 }

// IsStr tells whether a word is a string.
func (w Word) IsStr() bool { return w&tags == tagStr }

// A record of a string is its hash, the number of its bytes in 40 bits with its form above, and its bytes. The form is
// 0 for the strings of NewStr; others may give their records another one (RecordForm). Strings of different forms are
// never equal.
const (
	strHash  = 0
	strLen   = 8
	strBytes = 16

	strFormShift = 48
	strLenMask   = 1<<40 - 1
)

// RecordBytes is the size of a record without the bytes of its string.
const RecordBytes = strBytes

// StrAt is the word of a string whose record somebody else keeps, at an address that is a multiple of 4. FillRecord has
// written it. The record must not move while a dict has the word.
func StrAt(record uintptr) Word { return Word(record | tagStr) }

// FillRecord writes a record in front of n bytes, fewer than 2^40, that are there or will be. HashRecord must be called
// before the first dict sees the string.
func FillRecord(record, n uintptr, form uint16) {
	page.Store(record+strHash, 0)
	page.Store(record+strLen, n|uintptr(form)<<strFormShift)
}

// RecordForm returns the form of a string.
func RecordForm(record uintptr) uint16 { return uint16(page.Load(record+strLen) >> strFormShift) }

// RecordLen returns how many bytes it has.
func RecordLen(record uintptr) uintptr { return page.Load(record+strLen) & strLenMask }

// HashRecord computes the hash of a string unless it is known. One that is 0 is computed again.
func (s *Space) HashRecord(record uintptr) {
	if page.Load(record+strHash) == 0 {
		page.Store(record+strHash, uintptr(s.HashStr(StrAt(record).Str())))
	}
}

// Record is the address of the record of a string.
func (w Word) Record() uintptr { return w.record() }

func (w Word) record() uintptr { return uintptr(w) &^ tags }

// Str returns the bytes of a string. They are valid as long as its record is.
func (w Word) Str() []byte {
	r := w.record()
	return page.View(r+strBytes, page.Load(r+strLen)&strLenMask)
}

// sameStr tells whether two strings of equal hash are equal.
func sameStr(a, b Word) bool {
	n := page.Load(a.record() + strLen)
	if n != page.Load(b.record()+strLen) {
		return false
	}
	return n&strLenMask == 0 || string(a.Str()) == string(b.Str())
}

// hashModulus is the prime by which numbers are hashed from 3.2 on (_PyHASH_MODULUS, 64 bits).
const hashModulus = 1<<61 - 1

// HashInt is the hash of a number: its rest by 2^61-1 with its own sign, and -2 for -1, which means an error in C.
func HashInt(n int64) int64 {
	if n >= hashModulus || n <= -hashModulus {
		n %= hashModulus
	}
	if n == -1 {
		return -2
	}
	return n
}

// HashInt is the hash of a number in this release: in 2.7 the number itself.
func (s *Space) HashInt(n int64) int64 {
	switch {
	case !s.old:
		return HashInt(n)
	case n == -1:
		return -2
	}
	return n
}

// A HashKey keys the hash of strings. The zero HashKey is that of PYTHONHASHSEED=0.
type HashKey struct{ K0, K1 uint64 }

// KeyOfSeed is the key that PYTHONHASHSEED=seed makes (Python/bootstrap_hash.c, lcg_urandom). Seed 0 is no key.
func KeyOfSeed(seed uint32) HashKey {
	if seed == 0 {
		return HashKey{}
	}
	var b [16]byte
	for i := range b {
		seed = seed*214013 + 2531011
		b[i] = byte(seed >> 16)
	}
	return HashKey{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}
}

// sip is the state of SipHash (Aumasson and Bernstein, 2012).
type sip struct{ a, b, c, d uint64 }

func (s *sip) round() {
	s.a += s.b
	s.c += s.d
	s.b = bits.RotateLeft64(s.b, 13) ^ s.a
	s.d = bits.RotateLeft64(s.d, 16) ^ s.c
	s.a = bits.RotateLeft64(s.a, 32)
	s.c += s.b
	s.a += s.d
	s.b = bits.RotateLeft64(s.b, 17) ^ s.c
	s.d = bits.RotateLeft64(s.d, 21) ^ s.a
	s.c = bits.RotateLeft64(s.c, 32)
}

// sipHash is SipHash-2-4, or SipHash-1-3 if short.
func sipHash(key HashKey, data []byte, short bool) uint64 {
	s := sip{
		key.K0 ^ 0x736f6d6570736575, key.K1 ^ 0x646f72616e646f6d,
		key.K0 ^ 0x6c7967656e657261, key.K1 ^ 0x7465646279746573,
	}
	each, last := 2, 4
	if short {
		each, last = 1, 3
	}
	word := func(m uint64) {
		s.d ^= m
		for range each {
			s.round()
		}
		s.a ^= m
	}
	size := uint64(len(data))
	for len(data) >= 8 {
		word(binary.LittleEndian.Uint64(data))
		data = data[8:]
	}
	var tail [8]byte
	copy(tail[:], data)
	word(size<<56 | binary.LittleEndian.Uint64(tail[:]))
	s.c ^= 0xff
	for range last {
		s.round()
	}
	return s.a ^ s.b ^ s.c ^ s.d
}

// oldHash is the hash of byte strings in 2.7: multiply and xor, between a prefix and a suffix that are the key
// (Objects/stringobject.c).
func oldHash(key HashKey, data []byte) uint64 {
	x := key.K0 ^ uint64(data[0])<<7
	for _, c := range data {
		x = x*1000003 ^ uint64(c)
	}
	return x ^ uint64(len(data)) ^ key.K1
}

// HashStr is the hash of a string by its bytes as CPython keeps them: one each for Latin-1. The empty string has 0.
func (s *Space) HashStr(data []byte) int64 {
	if len(data) == 0 {
		return 0
	}
	var h int64
	if s.old {
		h = int64(oldHash(s.key, data))
	} else {
		h = int64(sipHash(s.key, data, s.prof.ShortSip))
	}
	if h == -1 {
		return -2
	}
	return h
}

// NewStr makes a string, or returns 0 if there is no memory. The caller frees it when no dict holds it.
func (s *Space) NewStr(text string) Word {
	r := uintptr(s.mem.Alloc(strBytes + uintptr(len(text))))
	if r == 0 {
		return 0
	}
	page.Store(r+strLen, uintptr(len(text)))
	w := Word(r | tagStr)
	copy(w.Str(), text)
	page.Store(r+strHash, uintptr(s.HashStr(w.Str())))
	return w
}

// FreeStr gives the record of a string back.
func (s *Space) FreeStr(w Word) { s.mem.Free(page.Pointer(w.record())) }

// hash is the hash of a key.
func (s *Space) hash(w Word) (int64, error) {
	switch {
	case w.IsInt():
		return s.HashInt(w.Int()), nil
	case w.IsStr():
		return int64(page.Load(w.record() + strHash)), nil
	case s.hooks == nil:
		panic("dict: a key that is neither a number nor a string needs Hooks")
	}
	return s.hooks.Hash(w)
}

// equal compares two words of equal hash that are not the same word. Of a pair without an object no hook is asked.
func (s *Space) equal(a, b Word) (bool, error) {
	switch {
	case a == b:
		return true, nil
	case a&tags != 0 && b&tags != 0:
		return a.IsStr() && b.IsStr() && sameStr(a, b), nil
	case s.hooks == nil:
		return false, nil
	}
	return s.hooks.Equal(a, b)
}

func wordAt(at uintptr) Word { return Word(page.Load(at)) }
