package heaptest

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"heapfuzz/props/prog"
)

// This file looks at what debug hooks promise to write; see heap.Dress. A word is 8 bytes in each release.
const dressBytes = 8

// undressed tells what around a live block is not as the hooks write it; "" when all is.
func (d *driver) undressed(h *held) string {
	c, n := d.contract.Dress, uintptr(h.size)
	front, back := at(unsafe.Add(h.p, -2*dressBytes), 2*dressBytes), at(unsafe.Add(h.p, n), dressBytes)
	switch {
	case binary.BigEndian.Uint64(front) != uint64(n):
		return "the length in front is wrong"
	case front[dressBytes] != c.API:
		return "the identity in front is wrong"
	case !allAre(front[dressBytes+1:], c.Forbidden):
		return "the pad in front is wrong"
	case !allAre(back, c.Forbidden):
		return "the pad behind is wrong"
	case c.Serial && binary.BigEndian.Uint64(at(unsafe.Add(h.p, n+dressBytes), dressBytes)) != h.call:
		return "the serial number is wrong"
	}
	return ""
}

// unfilled tells that bytes of a fresh block are not filled as fresh ones are.
func (d *driver) unfilled(p ptr, from, to uintptr) string {
	if from < to && !allAre(at(unsafe.Add(p, from), min(to-from, wholeMax)), d.contract.Dress.Clean) {
		return "fresh memory is not filled"
	}
	return ""
}

// undead tells that bytes of a freed block, from its identity to the end, are not filled as dead ones are. Where the
// system has taken the memory back nobody looks. The word in front may be the link of a free list.
func (d *driver) undead(old *held) string {
	n := dressBytes + old.size + d.behind()
	from := unsafe.Add(old.p, -dressBytes)
	if d.ground == nil || !d.ground.Gave(from, n) || n > wholeMax {
		return ""
	}
	if !allAre(at(from, n), d.contract.Dress.Dead) {
		return "freed memory is not filled"
	}
	return ""
}

// behind is the number of bytes behind a block.
func (d *driver) behind() uintptr {
	if d.contract.Dress.Serial {
		return 2 * dressBytes
	}
	return dressBytes
}

// hiddenMax is how many bytes at each end of a block realloc fills before it has the block resized.
const hiddenMax = 64

// redressed tells what is wrong with a block that was resized, or with the place where it was.
func (d *driver) redressed(h, old *held) string {
	if wrong := d.undressed(h); wrong != "" {
		return wrong
	}
	if wrong := d.unfilled(h.p, old.size, h.size); wrong != "" || h.p == old.p {
		return wrong
	}
	if old.size <= 2*hiddenMax {
		return d.undead(old)
	}
	first, last := *old, *old
	first.size = hiddenMax - d.behind()
	last.p, last.size = unsafe.Add(old.p, old.size-hiddenMax+dressBytes), hiddenMax-dressBytes
	if wrong := d.undead(&first); wrong != "" {
		return wrong
	}
	return d.undead(&last)
}

func allAre(b []byte, v byte) bool { return bytes.Count(b, []byte{v}) == len(b) }

// smash overwrites a byte around a block and has the block freed, or resized to what it has. That changes nothing but
// the byte, which is mended.
func (d *driver) smash(op prog.Op) (out prog.Outcome) {
	h := &d.slots[op.Args[0]]
	b := (*byte)(unsafe.Add(h.p, int(op.Args[1])-dressBytes)) // of the 8 bytes in front
	if op.Args[1] >= dressBytes {
		b = (*byte)(unsafe.Add(h.p, h.size+uintptr(op.Args[1])-dressBytes)) // of the 8 behind
	}
	was := *b
	*b = ^was
	defer func() {
		detected(&out, recover())
		*b = was
	}()
	if op.Args[2] == 0 {
		d.Free(h.p)
	} else {
		d.realloc.Realloc(h.p, h.size)
	}
	return out
}
