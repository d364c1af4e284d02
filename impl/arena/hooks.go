package arena

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"heapfuzz/impl/profile"
)

// This file is the debug hooks: a layer that asks the allocator below for a little more than it is asked for, and
// writes on both sides of the user's bytes what nobody else may write (CPython 3.11 Objects/obmalloc.c;
// PYTHONMALLOC=debug).
//
//	            0              8    9              16                16+n            24+n
//	below's  -> | n big-endian | id | FORBIDDEN x7 | n bytes of user | FORBIDDEN x8 | serial big-endian |
//	block                                            ^ user's pointer                  up to 3.7 only
//
// New memory is filled with CLEAN, freed memory with DEAD, each before anybody sees it. A free or a realloc looks
// first at the id of the API, then at the pad in front from its end to its start, then at the one behind. What it finds
// is reported as CPython does it, dump and message, by a panic with a *HookError.
//
// What is not as in C: the dump of a corrupt header stops before it follows a length that leads out of the heap, where
// C crashes; and the hooks remember their live blocks, so that CheckInvariants can look at all pads between two calls.
//
// What always holds, for every live block:
//
//  1. the id is the one of these hooks             (hooks/api)
//  2. the seven bytes in front are FORBIDDEN       (hooks/leading-pad)
//  3. the eight bytes behind are FORBIDDEN         (hooks/trailing-pad)
//  4. the length in the header is the one asked for (hooks/length)

const (
	hookWord  = 8            // what CPython calls SST
	hookFront = 2 * hookWord // bytes in front of the user's
	hookSaved = 64           // bytes at each end that realloc hides from the allocator below
	hookMax   = math.MaxInt64 - 4*hookWord
)

// Inner is what the hooks need of the allocator below them. *Allocator is one.
type Inner interface {
	Alloc(n uintptr) unsafe.Pointer
	Calloc(count, size uintptr) unsafe.Pointer
	Realloc(p unsafe.Pointer, n uintptr) unsafe.Pointer
	Free(p unsafe.Pointer)
	Owns(p unsafe.Pointer, n uintptr) bool
	CheckInvariants() error
	Usage() (blocks, bytes, footprint uint64)
	InjectOOM(nth int, persistent bool)
	Close() error
}

// A HookError is what the hooks found. Its Error is "rule: message" without address or count; Text is what CPython
// prints before it stops.
type HookError struct {
	Rule    string // hooks/api, hooks/leading-pad, hooks/trailing-pad or hooks/foreign
	Message string // behind "Fatal Python error: "
	Text    string // the dump, an empty line, and the message
}

func (e *HookError) Error() string { return e.Rule + ": " + e.Message }

// Misuse is what the rule is about: api, leading-pad, trailing-pad or foreign.
func (e *HookError) Misuse() string { return strings.TrimPrefix(e.Rule, "hooks/") }

// Hooks is an allocator with debug hooks. Like the one below it is not safe for concurrent use.
type Hooks struct {
	below  Inner
	prof   profile.Hooks
	api    byte
	serial uint64
	extra  uintptr
	live   map[unsafe.Pointer]uintptr // user's pointer -> bytes asked for; changed with every block
	bytes  uint64                     // their sum
}

// Debug puts hooks in front of an allocator. api is 'o', 'm' or 'r', for the object, memory and raw families.
func Debug(below Inner, prof profile.Hooks, api byte) *Hooks {
	h := &Hooks{below: below, prof: prof, api: api, extra: 3 * hookWord, live: map[unsafe.Pointer]uintptr{}}
	if prof.Serial {
		h.extra = 4 * hookWord
	}
	return h
}

// span is the n bytes at off from the user's pointer p. All of it lies in one block of the allocator below.
func span(p unsafe.Pointer, off, n int) []byte { return unsafe.Slice((*byte)(unsafe.Add(p, off)), n) }

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// Alloc returns n bytes, filled with CLEAN.
func (h *Hooks) Alloc(n uintptr) unsafe.Pointer {
	return h.alloc(n, func(total uintptr) unsafe.Pointer {
		p := h.below.Alloc(total)
		if p != nil {
			fill(span(p, hookFront, int(n)), h.prof.Clean)
		}
		return p
	})
}

// Calloc returns count*size zero bytes.
func (h *Hooks) Calloc(count, size uintptr) unsafe.Pointer {
	if size != 0 && count > hookMax/size {
		return nil
	}
	return h.alloc(count*size, func(total uintptr) unsafe.Pointer { return h.below.Calloc(1, total) })
}

func (h *Hooks) alloc(n uintptr, from func(uintptr) unsafe.Pointer) unsafe.Pointer {
	if n > hookMax {
		return nil
	}
	h.serial++
	base := from(n + h.extra)
	if base == nil {
		return nil
	}
	return h.dress(base, n)
}

// dress writes what stands around n user's bytes in a block of the allocator below, and enters it as live.
func (h *Hooks) dress(base unsafe.Pointer, n uintptr) unsafe.Pointer {
	p := unsafe.Add(base, hookFront)
	binary.BigEndian.PutUint64(span(p, -hookFront, hookWord), uint64(n))
	*(*byte)(unsafe.Add(p, -hookWord)) = h.api
	fill(span(p, -hookWord+1, hookWord-1), h.prof.Forbidden)
	fill(span(p, int(n), hookWord), h.prof.Forbidden)
	if h.prof.Serial {
		binary.BigEndian.PutUint64(span(p, int(n)+hookWord, hookWord), h.serial)
	}
	h.live[p] = n
	h.bytes += uint64(n)
	return p
}

// strip takes a block out of the live ones.
func (h *Hooks) strip(p unsafe.Pointer) {
	h.bytes -= uint64(h.live[p])
	delete(h.live, p)
}

// length is what the header says.
func length(p unsafe.Pointer) uintptr {
	return uintptr(binary.BigEndian.Uint64(span(p, -hookFront, hookWord)))
}

// Free looks at the block and gives it back, filled with DEAD.
func (h *Hooks) Free(p unsafe.Pointer) {
	if p == nil {
		return
	}
	h.verify(p, "_PyMem_DebugRawFree")
	n := length(p)
	fill(span(p, -hookFront, int(n+h.extra)), h.prof.Dead)
	h.strip(p)
	h.below.Free(unsafe.Add(p, -hookFront))
}

// Realloc resizes a block. The ends of the old one are filled with DEAD before the allocator below sees it, because
// what it frees may be read by a pointer that is still about; afterwards nobody may write there (bpo-31626).
func (h *Hooks) Realloc(p unsafe.Pointer, n uintptr) unsafe.Pointer {
	if p == nil {
		return h.Alloc(n)
	}
	h.verify(p, "_PyMem_DebugRawRealloc")
	if n > hookMax {
		return nil
	}
	old := length(p)
	var saved [2 * hookSaved]byte
	var made [hookWord]byte // the block's serial number, which a realloc that fails leaves to it
	if h.prof.Serial {
		copy(made[:], span(p, int(old)+hookWord, hookWord))
	}
	h.hide(p, old, &saved)
	h.serial++
	h.strip(p)
	base := h.below.Realloc(unsafe.Add(p, -hookFront), n+h.extra)
	if base == nil {
		h.dress(unsafe.Add(p, -hookFront), old)
		if h.prof.Serial {
			copy(span(p, int(old)+hookWord, hookWord), made[:])
		}
		restore(p, old, old, &saved)
		return nil
	}
	to := h.dress(base, n)
	restore(to, old, n, &saved)
	if n > old {
		fill(span(to, int(old), int(n-old)), h.prof.Clean)
	}
	return to
}

// hide saves up to 64 bytes at each end of the user's and fills them, and what stands around them, with DEAD.
func (h *Hooks) hide(p unsafe.Pointer, n uintptr, saved *[2 * hookSaved]byte) {
	if n <= 2*hookSaved {
		copy(saved[:], span(p, 0, int(n)))
		fill(span(p, -hookFront, int(n+h.extra)), h.prof.Dead)
		return
	}
	copy(saved[:hookSaved], span(p, 0, hookSaved))
	fill(span(p, -hookFront, hookFront+hookSaved), h.prof.Dead)
	tail := int(n) - hookSaved
	copy(saved[hookSaved:], span(p, tail, hookSaved))
	fill(span(p, tail, hookSaved+int(h.extra)-hookFront), h.prof.Dead)
}

// restore writes back what hide saved of a block of old bytes, as far as it fits n.
func restore(p unsafe.Pointer, old, n uintptr, saved *[2 * hookSaved]byte) {
	if old <= 2*hookSaved {
		copy(span(p, 0, int(n)), saved[:old])
		return
	}
	copy(span(p, 0, int(n)), saved[:hookSaved])
	if tail := old - hookSaved; n > tail {
		copy(span(p, int(tail), int(n-tail)), saved[hookSaved:])
	}
}

// verify panics if something around a block is not as it was left.
func (h *Hooks) verify(p unsafe.Pointer, function string) {
	rule, message := h.look(p)
	if rule == "" {
		return
	}
	if h.prof.Names {
		message = function + ": " + message
	}
	text := "Fatal Python error: " + message + "\n"
	if rule != "hooks/foreign" {
		text = h.dump(p) + "\n" + text
	}
	panic(&HookError{Rule: rule, Message: message, Text: text})
}

// look returns the first rule that is broken around p, and CPython's words for it.
func (h *Hooks) look(p unsafe.Pointer) (rule, message string) {
	// The address alone comes first: to step back from the start of a foreign Go object would leave it.
	if !h.below.Owns(p, 0) || !h.below.Owns(unsafe.Add(p, -hookFront), hookFront) {
		return "hooks/foreign", "free of an address outside the heap"
	}
	if id := *(*byte)(unsafe.Add(p, -hookWord)); id != h.api {
		return "hooks/api", fmt.Sprintf("bad ID: Allocated using API '%s', verified using API '%c'", []byte{id}, h.api)
	}
	if !h.intact(span(p, -hookWord+1, hookWord-1)) {
		return "hooks/leading-pad", "bad leading pad byte"
	}
	n := length(p)
	if !h.readable(p, n) || !h.intact(span(p, int(n), hookWord)) {
		return "hooks/trailing-pad", "bad trailing pad byte"
	}
	return "", ""
}

func (h *Hooks) intact(pad []byte) bool {
	return bytes.Count(pad, []byte{h.prof.Forbidden}) == len(pad)
}

// readable reports whether n bytes and what stands behind them lie in the heap.
func (h *Hooks) readable(p unsafe.Pointer, n uintptr) bool {
	return n <= hookMax && h.below.Owns(p, n+h.extra-hookFront)
}

// dump is CPython's description of a block (_PyObject_DebugDumpAddress).
func (h *Hooks) dump(p unsafe.Pointer) string {
	var s strings.Builder
	n := length(p)
	fmt.Fprintf(&s, "Debug memory block at address p=%p: API '%s'\n", p, span(p, -hookWord, 1))
	fmt.Fprintf(&s, "    %d bytes originally requested\n", n)
	fmt.Fprintf(&s, "    The %d pad bytes at p-%d are ", hookWord-1, hookWord-1)
	front := span(p, -hookWord+1, hookWord-1)
	h.dumpPad(&s, front, func(i int) string { return fmt.Sprintf("p-%d", len(front)-i) })
	if !h.intact(front) {
		s.WriteString("    Because memory is corrupted at the start, the count of bytes requested\n" +
			"       may be bogus, and checking the trailing pad bytes may segfault.\n")
	}
	tail := unsafe.Pointer(nil)
	if h.readable(p, n) {
		tail = unsafe.Add(p, n)
	} else {
		s.WriteString("    The count of bytes requested leads out of the heap.\n")
		return s.String() + "\nEnable tracemalloc to get the memory block allocation traceback\n"
	}
	fmt.Fprintf(&s, "    The %d pad bytes at tail=%p are ", hookWord, tail)
	h.dumpPad(&s, span(p, int(n), hookWord), func(i int) string { return fmt.Sprintf("tail+%d", i) })
	if h.prof.Serial {
		fmt.Fprintf(&s, "    The block was made by call #%d to debug malloc/realloc.\n",
			binary.BigEndian.Uint64(span(p, int(n)+hookWord, hookWord)))
	}
	if n > 0 {
		fmt.Fprintf(&s, "    Data at p: % x", span(p, 0, int(min(n, 8))))
		if n > 16 {
			s.WriteString(" ...")
		}
		if n > 8 {
			last := int(min(n-8, 8))
			fmt.Fprintf(&s, " % x", span(p, int(n)-last, last))
		}
		s.WriteByte('\n')
	}
	s.WriteString("\nEnable tracemalloc to get the memory block allocation traceback\n")
	return s.String()
}

// dumpPad describes a pad, byte by byte if it is overwritten.
func (h *Hooks) dumpPad(s *strings.Builder, pad []byte, place func(i int) string) {
	if h.intact(pad) {
		s.WriteString("FORBIDDENBYTE, as expected.\n")
		return
	}
	fmt.Fprintf(s, "not all FORBIDDENBYTE (0x%02x):\n", h.prof.Forbidden)
	for i, b := range pad {
		ouch := ""
		if b != h.prof.Forbidden {
			ouch = " *** OUCH"
		}
		fmt.Fprintf(s, "        at %s: 0x%02x%s\n", place(i), b, ouch)
	}
}

// UsableSize returns the bytes that were asked for: behind them stands the pad.
func (h *Hooks) UsableSize(p unsafe.Pointer) uintptr {
	if p == nil {
		return 0
	}
	return h.live[p]
}

// Owns asks the allocator below.
func (h *Hooks) Owns(p unsafe.Pointer, n uintptr) bool { return h.below.Owns(p, n) }

// CheckInvariants looks at every live block, and then lets the allocator below check itself.
func (h *Hooks) CheckInvariants() error {
	blocks := make([]unsafe.Pointer, 0, len(h.live))
	for p := range h.live {
		blocks = append(blocks, p)
	}
	slices.SortFunc(blocks, func(a, b unsafe.Pointer) int {
		if uintptr(a) < uintptr(b) {
			return -1
		}
		return 1
	})
	for _, p := range blocks {
		if rule, message := h.look(p); rule != "" {
			return breach(rule, "%s of a block of %d bytes", message, h.live[p])
		}
		if n := length(p); n != h.live[p] {
			return breach("hooks/length", "the header says %d bytes, %d were asked for", n, h.live[p])
		}
	}
	return h.below.CheckInvariants()
}

// Usage returns the allocator's live blocks and footprint, and the bytes that users asked for.
func (h *Hooks) Usage() (blocks, bytes, footprint uint64) {
	blocks, _, footprint = h.below.Usage()
	return blocks, h.bytes, footprint
}

// InjectOOM asks the allocator below.
func (h *Hooks) InjectOOM(nth int, persistent bool) { h.below.InjectOOM(nth, persistent) }

// Transitions tells those of the allocator below, if it counts any.
func (h *Hooks) Transitions(visit func(name string, times uint64)) {
	if w, ok := h.below.(interface {
		Transitions(func(name string, times uint64))
	}); ok {
		w.Transitions(visit)
	}
}

// Close closes the allocator below, without looking at what is live.
func (h *Hooks) Close() error {
	clear(h.live)
	h.bytes = 0
	return h.below.Close()
}
