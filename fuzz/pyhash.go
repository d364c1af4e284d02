package fuzz

import (
	"fmt"
	"slices"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
)

// The hashes that real interpreters gave: of strings with a seed of which PYTHONHASHSEED makes the key, of ints, and of
// tuples with the seed 0. Those of 2.7 were told by 2.7.18, of SipHash-2-4 by 3.6.15 to 3.10.13, which agree, and of
// SipHash-1-3 by 3.11.7 to 3.13.0. Tuples have one hash up to 3.7.16, and another from 3.8.18 on.
var (
	hashedStrings = [...]string{
		"a", "ab", "heapfuzz", "a string of 25 characters", "\xe9\xff\x80\x01", "12345678", "1234567", "123456789",
	}
	hashedInts = [...]int64{
		0, 1, -1, -2, 1<<61 - 1, 1<<61 - 2, -(1<<61 - 1), 1 << 61, -1<<61 - 5, 1<<62 - 1, -1 << 62, 12345,
	}
	// hashedTuples are ints, and strings.
	hashedTuples = [...][]any{{1}, {-1}, {1, 2}, {0, 0, 0}, {1, "x", 1}, {"a"}, {1 << 61, 3, "heapfuzz", -5}}
)

// stringHashes are those of hashedStrings, by how strings are hashed and the seed.
var stringHashes = map[string]map[uint64][len(hashedStrings)]int64{
	"2.7": {0: {
		12416037344, 12416074593111939, 9012426649572080365, -2367197883758860425, -7411871473463780063,
		3818082335217068880, -6983266902380814041, 5147831745255278648,
	}, 7: {
		3095140861601602904, -8759385277666420499, -2695409343659742957, 371432712732863751,
		-2426149271640235385, -3140222966116453094, -6900622334263778433, -6922649334966943448,
	}},
	"2-4": {0: {
		-7583489610679606711, -1989949968894684482, -6196148444915497093, 899437863952961359,
		842228343987641992, 6766637294834280856, -611409910009243023, 620596589959453183,
	}, 7: {
		-3569176378078221943, 3364814392025472932, 6162299986098375627, 2831619150185352020,
		-240928683629881287, 5465204418845476350, -5545580506978570608, -6259443384303907495,
	}},
	"1-3": {0: {
		4644417185603328019, 6148830537548944441, 7357607514991579570, 874324044780511879,
		-1932391720616106491, 3785724242978802311, -6684075128579576191, 1133797698992234447,
	}, 7: {
		6412522626967419924, -8710252880477772943, 5446386028732584562, 2614858669823040115,
		-3597925459991431428, 2473231513986047293, 2784469079254760922, -4030845105727088759,
	}},
}

// intHashes are those of hashedInts from 3.2 on, and before.
var intHashes = [...][len(hashedInts)]int64{
	{
		0, 1, -2, -2, 0, 2305843009213693950, 0, 1, -6, 1, -2, 12345,
	},
	{
		0, 1, -2, -2, 2305843009213693951, 2305843009213693950, -2305843009213693951, 2305843009213693952,
		-2305843009213693957, 4611686018427387903, -4611686018427387904, 12345,
	},
}

// tupleHashes are those of hashedTuples up to 3.7, up to 3.10, and from 3.11 on.
var tupleHashes = [...][len(hashedTuples)]int64{
	{
		3430019387558, -3430020192499, 3713081631934410656, 1267304713960822739, -2916108115383471754,
		-532212889259735090, -8601020107377629921,
	},
	{
		-6644214454873602895, 8078679518589016365, -3550055125485641917, 3010437511937009226,
		-4636801397247073243, -6756336801565274955, 6874964336724694157,
	},
	{
		-6644214454873602895, 8078679518589016365, -3550055125485641917, 3010437511937009226,
		6375256268945138185, 7319529274390396360, 7183323792353057267,
	},
}

// checkHashes compares the hashes of a space with that seed with recorded ones.
func checkHashes(s *pydict.Space, seed uint64) error {
	p := s.Profile()
	how, before := "2-4", 0
	switch {
	case p.Old:
		how, before = "2.7", 1
	case p.ShortSip:
		how = "1-3"
	}
	if hashes, ok := stringHashes[how][seed]; ok {
		for i, text := range hashedStrings {
			if h := s.HashStr([]byte(text)); h != hashes[i] {
				return fmt.Errorf("dict/hash: %q has the hash %d, and had %d", text, h, hashes[i])
			}
		}
	}
	if h := s.HashStr(nil); h != 0 {
		return fmt.Errorf("dict/hash: the empty string has the hash %d", h)
	}
	for i, n := range hashedInts {
		if h := s.HashInt(n); h != intHashes[before][i] {
			return fmt.Errorf("dict/hash: %d has the hash %d, and had %d", n, h, intHashes[before][i])
		}
	}
	return nil
}

// checkTuples compares the hashes of keys of a cache that is not typed with those of tuples. One word alone is a tuple
// in 3.6 only.
func checkTuples(c *lru.Cache, p *pyWords) error {
	prof := c.Space().Profile()
	which := 1
	switch {
	case !prof.LazyNew:
		which = 0
	case prof.ShortSip:
		which = 2
	}
	if err := checkMinusOne(c, p); err != nil {
		return err
	}
	for i, words := range hashedTuples {
		if len(words) == 1 && !prof.GrowHalf {
			continue
		}
		var a lru.Args
		for _, w := range words {
			if n, ok := w.(int); ok {
				a.Positional = append(a.Positional, pydict.Int(int64(n)))
			} else {
				a.Positional = append(a.Positional, p.str(w.(string)))
			}
		}
		if p.wrong == cacheHashesBack {
			slices.Reverse(a.Positional)
		}
		h, err := c.HashOf(a)
		for _, w := range a.Positional {
			p.Drop(w)
		}
		if err != nil || h != tupleHashes[which][i] {
			return fmt.Errorf("lru/hash: %v has the hash %d, and had %d: %w", words, h, tupleHashes[which][i], err)
		}
	}
	return nil
}

// The hashes of x and y such that (x,) would have the hash -1, which tells of an error in C and is another then; and
// such that (x,) and (x, y) have the same if x has the hash 1: they follow from the formulas of 3.8, and of 3.6.
const (
	minusOneTuple    = 9950010603462315946
	minusOneTupleOld = 16636828761916013780
	sameTuple        = 12664224446671895404
	sameTupleOld     = 12261954480685998412
)

// checkMinusOne asks for the hash of such a tuple. What it is instead is told by Objects/tupleobject.c.
func checkMinusOne(c *lru.Cache, p *pyWords) error {
	was, hash := p.objects, p.hash
	p.objects, p.hash = true, func(key uint64) uint64 { return key }
	defer func() { p.objects, p.hash = was, hash }()
	key, want := uint64(minusOneTuple), int64(1546275796)
	if !c.Space().Profile().LazyNew {
		key, want = minusOneTupleOld, -2
	}
	w := p.object(key)
	defer p.Drop(w)
	h, err := c.HashOf(lru.Args{Positional: []pydict.Word{w}})
	if err != nil || h != want {
		return fmt.Errorf("lru/hash: a tuple that would have the hash -1 has %d, and has %d in C: %w", h, want, err)
	}
	return nil
}
