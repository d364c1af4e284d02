package object

import (
	"unicode/utf8"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// A string is state, hash and length, and then its characters in the least width that holds the widest of them, 1, 2 or
// 4 bytes, and one more that is 0 (PEP 393). An ASCII string has a shorter header than others. In 2.7 a string is
// bytes, and the header is not a multiple of 8, so that state has 4 bytes.
//
//	state:  bytes of the UTF-8 form (16) | width (8)
//
// Hash and length, which is that of the characters in bytes, stand just in front of the characters, and are what
// package dict calls the record of a string. Its form says the width, and whether the header is the longer one. The
// hash is 0 until a dict asks for it.
const (
	strState = offBody

	stateUTF8 = 8

	formWide = 8 // and below it the width
)

// record is the address of the record of a string.
func (h *Heap) record(o Ref) uintptr { return uintptr(o) + h.typeOf(o).bytes - dict.RecordBytes }

// NewStr returns a string, or 0 if there is no memory. Empty, or of one Latin-1 character, it is always the same
// object. What is no UTF-8 becomes one character a byte from U+DC80 on, as with surrogateescape.
func (h *Heap) NewStr(s string) Ref {
	if h.prof.ByteStr {
		return h.newByteStr([]byte(s))
	}
	n, widest, first := measure(s)
	switch {
	case n == 0:
		return h.single(&h.cached.noStr, s, n, widest)
	case n == 1 && first < 256:
		return h.single(&h.cached.chars[first], s, n, widest)
	}
	return h.makeStr(s, n, widest)
}

// measure counts the characters of a string and finds the widest and the first.
func measure(s string) (n int, widest, first rune) {
	for len(s) > 0 {
		r, bytes := nextRune(s)
		if n == 0 {
			first = r
		}
		n, widest = n+1, max(widest, r)
		s = s[bytes:]
	}
	return n, widest, first
}

// nextRune is the first character of a string that has one.
func nextRune(s string) (r rune, bytes int) {
	r, bytes = utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && bytes == 1 {
		return 0xDC00 + rune(s[0]), 1
	}
	return r, bytes
}

// single returns a cached string.
func (h *Heap) single(slot *Ref, s string, n int, widest rune) Ref {
	if *slot == 0 {
		o := h.makeStr(s, n, widest)
		if o != 0 && widest > 127 && h.prof.LatinUTF8 {
			page.Store32(uintptr(o)+strState, page.Load32(uintptr(o)+strState)|uint32(len(s)+1)<<stateUTF8)
		}
		h.cacheAs(slot, o, h.prof.CacheCount)
	} else {
		h.seen[charMet]++
	}
	h.Incref(*slot)
	return *slot
}

// newByteStr returns a string of 2.7.
func (h *Heap) newByteStr(b []byte) Ref {
	if len(b) > 1 {
		return h.makeByteStr(b)
	}
	slot := &h.cached.noStr
	if len(b) == 1 {
		slot = &h.cached.chars[b[0]]
	}
	if *slot == 0 {
		h.cacheAs(slot, h.makeByteStr(b), h.prof.CacheCount)
	} else {
		h.seen[charMet]++
	}
	h.Incref(*slot)
	return *slot
}

func (h *Heap) makeByteStr(b []byte) Ref {
	o := h.alloc(typeStr, uintptr(len(b))+1)
	if o != 0 {
		dict.FillRecord(h.record(o), uintptr(len(b)), 1)
		page.Store32(uintptr(o)+strState, 1)
		copy(page.View(uintptr(o)+h.types[typeStr].bytes, uintptr(len(b))), b)
	}
	return o
}

// makeStr makes a string of n characters.
func (h *Heap) makeStr(s string, n int, widest rune) Ref {
	id, width := typeStr, 1
	switch {
	case widest > 0xFFFF:
		id, width = typeWide, 4
	case widest > 0xFF:
		id, width = typeWide, 2
	case widest > 0x7F:
		id = typeWide
	}
	o := h.alloc(id, uintptr((n+1)*width))
	if o == 0 {
		return 0
	}
	h.seen[charsOf(width)]++
	form := uint16(width)
	if id == typeWide {
		form |= formWide
	}
	dict.FillRecord(h.record(o), uintptr(n*width), form)
	page.Store32(uintptr(o)+strState, uint32(width))
	at := page.View(uintptr(o)+h.types[id].bytes, uintptr(n*width))
	if id == typeStr {
		copy(at, s)
		return o
	}
	for len(s) > 0 {
		r, bytes := nextRune(s)
		for i := range width {
			at[i] = byte(r >> (8 * i))
		}
		at, s = at[width:], s[bytes:]
	}
	return o
}

// width is how many bytes a character of a string has.
func (o Ref) width() int { return int(page.Load32(uintptr(o)+strState) & 0xFF) }

// characters are the characters of a string, or the bytes of a bytes object or a bytearray, as they lie in memory.
func (h *Heap) characters(o Ref) []byte {
	switch o.kind() {
	case KindBytes:
		return page.View(uintptr(o)+bytesData, o.load(bytesSize))
	case KindByteArray:
		return page.View(o.load(arrayData), o.load(arraySize))
	}
	return page.View(uintptr(o)+h.typeOf(o).bytes, dict.RecordLen(h.record(o)))
}

// StrText returns a string as it was made, or the bytes of a bytes object or a bytearray.
func (h *Heap) StrText(o Ref) string {
	at := h.characters(o)
	if o.kind() != KindStr || h.prof.ByteStr || TypeID(o.word()) == typeStr {
		return string(at)
	}
	width, text := o.width(), make([]byte, 0, len(at))
	for ; len(at) > 0; at = at[width:] {
		r := rune(0)
		for i := range width {
			r |= rune(at[i]) << (8 * i)
		}
		if r >= 0xDC80 && r <= 0xDCFF { // of what was no UTF-8
			text = append(text, byte(r))
		} else {
			text = utf8.AppendRune(text, r)
		}
	}
	return string(text)
}

// sameText tells whether two strings, or two bytes objects, are equal.
func (h *Heap) sameText(a, b Ref) bool {
	return TypeID(a.word()) == TypeID(b.word()) && (a.kind() == KindBytes || a.width() == b.width()) &&
		string(h.characters(a)) == string(h.characters(b))
}
