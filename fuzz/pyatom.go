package fuzz

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"

	"heapfuzz/impl/object"
	"heapfuzz/model/graph"
)

// The atoms of the object heaps: the nth has a value that follows from n, of every kind that has a layout of its own.
// No two are alike, and none is one that a heap may keep. The value is compared whenever the invariants are checked.
//
//	n mod 8   0, 2, 4                     6                   5       3       7                          1
//	atom      an int of up to 64 bits     a larger, negative  float   bytes   a string of wide letters   an ASCII one
//
// Some strings are too long for a pool. In 2.7, whose strings are bytes, there are ASCII ones instead of wide ones.

// wideLetters need one, two and four bytes each.
var wideLetters = []string{"é", "ж", "😀"}

func atomInt(n int) *big.Int {
	if n%8 == 6 {
		v := big.NewInt(int64(-n))
		return v.Lsh(v, uint(64+n%5*30))
	}
	return big.NewInt(int64(n+1000) << (n % 3 * 20))
}

func atomBytes(n int) []byte { return bytes.Repeat([]byte{byte(n)}, 2+n*37%600) }

func (h *pyHeap) atomText(n int) string {
	letter := string(rune('a' + n%26))
	if n%8 == 7 && !h.h.Profile().ByteStr {
		letter = wideLetters[n/8%3]
	}
	return strings.Repeat(letter, 2+n*37%600)
}

// atom makes the next atom.
func (h *pyHeap) atom() object.Ref {
	h.atoms++
	switch n := h.atoms; n % 8 {
	case 0, 2, 4, 6:
		return h.h.NewBigInt(atomInt(n))
	case 5:
		return h.h.NewFloat(float64(n) + 0.25)
	case 3:
		return h.h.NewBytes(atomBytes(n))
	default:
		return h.h.NewStr(h.atomText(n))
	}
}

// checkAtom compares the value of the nth atom.
func (h *pyHeap) checkAtom(o object.Ref, n int) error {
	right := true
	switch n % 8 {
	case 0, 2, 4, 6:
		right = h.h.Kind(o) == object.KindInt && h.h.IntValue(o).Cmp(atomInt(n)) == 0
	case 5:
		right = h.h.Kind(o) == object.KindFloat && h.h.FloatValue(o) == float64(n)+0.25
	case 3:
		right = h.h.StrText(o) == string(atomBytes(n))
	default:
		right = h.h.StrText(o) == h.atomText(n)
	}
	if !right {
		return fmt.Errorf("atom/value: atom %d, a %v, has another value than it was made with", n, h.h.Kind(o))
	}
	return nil
}

// checkAtoms compares the values of all, in the order in which they were made.
func (h *pyHeap) checkAtoms() error {
	var first error
	at := 0
	for o, p := range h.known {
		if p.kind != graph.Atom || first != nil && p.serial > at {
			continue
		}
		if err := h.checkAtom(o, p.atom); err != nil {
			first, at = err, p.serial
		}
	}
	return first
}
