package lru

import (
	"math/bits"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// Args are the arguments of a call. Names are strings.
type Args struct {
	Positional    []dict.Word
	Names, Values []dict.Word // of keywords, in the order of the call
}

// A tuple is a key that is made of several words. Its word has a bit that words of objects do not have.
//
//	0   references
//	8   number of words
//	16  hash
//	24  words; 0 is the mark between arguments and keywords
const (
	tupleBit   = 4
	tupleRefs  = 0
	tupleLen   = 8
	tupleHash  = 16
	tupleWords = 24
)

func isTuple(w dict.Word) bool      { return w&7 == tupleBit }
func tuple(w dict.Word) uintptr     { return uintptr(w) - tupleBit }
func tupleSize(w dict.Word) uintptr { return page.Load(tuple(w) + tupleLen) }

// rememberedHash is the hash of a tuple, which it has from hashKey on.
func rememberedHash(w dict.Word) int64 { return int64(page.Load(tuple(w) + tupleHash)) }

func tupleItem(w dict.Word, i uintptr) dict.Word {
	return dict.Word(page.Load(tuple(w) + tupleWords + 8*i))
}

// Words are what a key is made of: the arguments, 0 and the keywords if there are any, and types if they count.
func Words(key dict.Word) []dict.Word {
	if !isTuple(key) {
		return []dict.Word{key}
	}
	words := make([]dict.Word, tupleSize(key))
	for i := range words {
		words[i] = tupleItem(key, uintptr(i))
	}
	return words
}

// makeKey makes the key of a call, with a reference for the caller (lru_cache_make_key). In 3.6 all are tuples.
func (c *Cache) makeKey(args Args) (dict.Word, error) {
	pos, names := args.Positional, args.Names
	if len(pos) == 1 && len(names) == 0 && !c.typed && !c.old && (pos[0].IsInt() || pos[0].IsStr()) {
		c.hold(pos[0])
		return pos[0], nil
	}
	n := len(pos)
	if len(names) > 0 {
		n += 1 + 2*len(names)
	}
	if c.typed {
		n += len(pos) + len(names)
	}
	b := uintptr(c.mem.Alloc(tupleWords + 8*uintptr(n)))
	if b == 0 {
		return 0, dict.ErrNoMemory
	}
	page.Store(b+tupleRefs, 1)
	page.Store(b+tupleLen, uintptr(n))
	at := b + tupleWords
	add := func(w dict.Word) {
		c.hold(w)
		page.Store(at, uintptr(w))
		at += 8
	}
	for _, w := range pos {
		add(w)
	}
	if len(names) > 0 {
		add(0)
	}
	for i, w := range names {
		add(w)
		add(args.Values[i])
	}
	if c.typed {
		for _, w := range pos {
			add(c.typeOf(w))
		}
		for _, w := range args.Values {
			add(c.typeOf(w))
		}
	}
	return dict.Word(b | tupleBit), nil
}

// typeOf is the type of a word, as a number.
func (c *Cache) typeOf(w dict.Word) dict.Word {
	switch {
	case w.IsInt():
		return dict.Int(TypeInt)
	case w.IsStr():
		return dict.Int(TypeStr)
	}
	return dict.Int(int64(c.hooks.Type(w)))
}

// hashKey is the hash of a key, which a tuple remembers.
func (c *Cache) hashKey(w dict.Word) (int64, error) {
	if !isTuple(w) {
		return c.hashOf(w), nil
	}
	h, err := c.hashTuple(w)
	if err == nil {
		page.Store(tuple(w)+tupleHash, uintptr(h))
	}
	return h, err
}

// hashOf is the hash of a number or a string.
func (c *Cache) hashOf(w dict.Word) int64 {
	if w.IsInt() {
		return c.space.HashInt(w.Int())
	}
	return c.space.HashStr(w.Str())
}

// hashWord is that of any word in a tuple. The mark has a hash of its own, which in C depends on its address.
func (c *Cache) hashWord(w dict.Word) (int64, error) {
	switch {
	case w == 0:
		return 0, nil
	case w.IsInt(), w.IsStr():
		return c.hashOf(w), nil
	}
	return c.hooks.Hash(w)
}

// The numbers of xxHash (Yann Collet), of which tuplehash in 3.8 takes a part.
const (
	prime1 = 11400714785074694791
	prime2 = 14029467366897019727
	prime5 = 2870177450012600261
)

// hashTuple is tuplehash of Objects/tupleobject.c: from 3.8 on a part of xxHash, and before a product that goes from
// item to item.
func (c *Cache) hashTuple(w dict.Word) (int64, error) {
	n := tupleSize(w)
	acc := uint64(prime5)
	x, mult := uint64(0x345678), uint64(1000003)
	for i := range n {
		h, err := c.hashWord(tupleItem(w, i))
		if err != nil {
			return 0, err
		}
		acc = bits.RotateLeft64(acc+uint64(h)*prime2, 31) * prime1
		x = (x ^ uint64(h)) * mult
		mult += 82520 + 2*uint64(n-1-i)
	}
	if c.oldTuples {
		if x += 97531; x == ^uint64(0) {
			return -2, nil
		}
		return int64(x), nil
	}
	if acc += uint64(n) ^ (prime5 ^ 3527539); acc == ^uint64(0) {
		return 1546275796, nil
	}
	return int64(acc), nil
}

// Hash tells the dict the hash of a key, which is known.
func (c *Cache) Hash(w dict.Word) (int64, error) {
	switch {
	case w == c.knownKey:
		return c.knownHash, nil
	case isTuple(w):
		return rememberedHash(w), nil
	}
	return c.hooks.Hash(w)
}

// Equal compares keys for the dict: tuples item by item.
func (c *Cache) Equal(stored, key dict.Word) (bool, error) {
	if !isTuple(stored) || !isTuple(key) {
		return c.same(stored, key)
	}
	if tupleSize(stored) != tupleSize(key) {
		return false, nil
	}
	for i := range tupleSize(key) {
		if same, err := c.same(tupleItem(stored, i), tupleItem(key, i)); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// same compares two words, of which one may be the mark.
func (c *Cache) same(a, b dict.Word) (bool, error) {
	switch {
	case a == b:
		return true, nil
	case a == 0 || b == 0 || a.IsInt() && b.IsInt():
		return false, nil
	case a.IsStr() && b.IsStr():
		return string(a.Str()) == string(b.Str()), nil
	case c.hooks == nil:
		return false, nil
	}
	return c.hooks.Equal(a, b)
}

// Own counts a reference of the dict to a key or a result.
func (c *Cache) Own(w dict.Word) { c.hold(w) }

// Drop counts one less.
func (c *Cache) Drop(w dict.Word) { c.letGo(w) }

// hold counts a reference.
func (c *Cache) hold(w dict.Word) {
	switch {
	case w.IsInt() || w == 0:
	case isTuple(w):
		page.Store(tuple(w)+tupleRefs, page.Load(tuple(w)+tupleRefs)+1)
	case c.hooks != nil:
		c.hooks.Own(w)
	}
}

// letGo counts one less. A tuple goes with the last, and lets go of its words.
func (c *Cache) letGo(w dict.Word) {
	switch {
	case w.IsInt() || w == 0:
	case isTuple(w):
		n := page.Load(tuple(w)+tupleRefs) - 1
		page.Store(tuple(w)+tupleRefs, n)
		if n == 0 {
			for i := range tupleSize(w) {
				c.letGo(tupleItem(w, i))
			}
			c.mem.Free(page.Pointer(tuple(w)))
		}
	case c.hooks != nil:
		c.hooks.Drop(w)
	}
}
