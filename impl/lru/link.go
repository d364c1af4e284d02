package lru

import (
	"unsafe"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// A link is the address of a lru_list_elem.
//
//	0   references: one of the cache, and one of who is about to evict it
//	8   a word without a meaning, where C has a type
//	16  previous link | next link | hash of the key | key | result
type link uintptr

const (
	linkRefs   = 0
	linkPrev   = 16
	linkNext   = 24
	linkHash   = 32
	linkKey    = 40
	linkResult = 48
	linkBytes  = 56
)

func (l link) at(field uintptr) uintptr { return page.Load(uintptr(l) + field) }
func (l link) put(field, v uintptr)     { page.Store(uintptr(l)+field, v) }
func (l link) refs() int                { return int(l.at(linkRefs)) }
func (l link) prev() link               { return link(l.at(linkPrev)) }
func (l link) next() link               { return link(l.at(linkNext)) }
func (l link) hash() int64              { return int64(l.at(linkHash)) }
func (l link) key() dict.Word           { return dict.Word(l.at(linkKey)) }
func (l link) result() dict.Word        { return dict.Word(l.at(linkResult)) }
func (l link) pointer() unsafe.Pointer  { return page.Pointer(uintptr(l)) }
func (l link) take()                    { l.put(linkRefs, l.at(linkRefs)+1) }
func (l link) fill(k, r dict.Word, h int64) {
	l.put(linkHash, uintptr(h))
	l.put(linkKey, uintptr(k))
	l.put(linkResult, uintptr(r))
}

// join makes two links neighbours.
func join(a, b link) {
	a.put(linkNext, uintptr(b))
	b.put(linkPrev, uintptr(a))
}

// insert puts a link that is in no ring between two neighbours.
func (l link) insert(a, b link) {
	join(a, l)
	join(l, b)
}

// detach takes a link out of the ring that it is in. It is a ring by itself then, and may be detached again.
func (l link) detach() {
	join(l.prev(), l.next())
	join(l, l)
}

// word is a link as the value of a dict: a number, so that the dict counts no references to it. The lowest bit of an
// address is 0, and the highest, which a number does not keep, too.
func (l link) word() dict.Word { return dict.Int(int64(l >> 1)) }

func linkOf(w dict.Word) link { return link(w.Int() << 1) }
