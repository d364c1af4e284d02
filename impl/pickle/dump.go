package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

// A Mode says how Dump treats what is met again.
type Mode uint8

// The modes.
const (
	Memo Mode = iota // by its number
	Flat             // as if it were another
)

// ErrNoMemory says that the table of the memo, the output or an object found no memory.
var ErrNoMemory = errors.New("pickle: no memory")

// ErrKind says that an object is of a kind for which there is no opcode.
var ErrKind = errors.New("has no opcode")

// A CycleError says where a flat dump came back to an object that it is in.
type CycleError struct {
	Place string // of the reference that leads back, as in x[0]['k']
	Back  string // of the object
}

func (e *CycleError) Error() string { return fmt.Sprintf("pickle: a cycle: %s is %s", e.Place, e.Back) }

// The opcodes.
const (
	opProto, opStop                                 = 0x80, '.'
	opNone, opTrue, opFalse                         = 'N', 0x88, 0x89
	opInt1, opInt2, opInt4, opLong1, opLong4        = 'K', 'M', 'J', 0x8a, 0x8b
	opFloat                                         = 'G'
	opStr1, opStr4, opBytes1, opBytes4              = 0x8c, 'X', 'C', 'B'
	opList, opAppend, opAppends                     = ']', 'a', 'e'
	opDict, opSetItem, opSetItems                   = '}', 's', 'u'
	opSet, opAddItems, opFrozenset                  = 0x8f, 0x90, 0x91
	opTuple0, opTuple1, opTuple2, opTuple3, opTuple = ')', 0x85, 0x86, 0x87, 't'
	opMark, opPop, opPopMark                        = '(', '0', '1'
	opMemoize, opGet1, opGet4                       = 0x94, 'h', 'j'
	opGlobal, opNew, opBuild                        = 0x93, 0x81, 'b'

	protocol = 4
	batch    = 1000 // items that are appended, set or added at a time
	module   = "heapfuzz"
)

// outputMin is the room of the first block of output (WRITE_BUF_SIZE).
const outputMin = 4096

// A Stream is what Dump wrote. It belongs to the heap and must be closed.
type Stream struct {
	h     *object.Heap
	memo  memo
	names []object.Ref // of attributes, each with a reference

	out    uintptr // a block
	size   uintptr
	room   uintptr
	before uint64 // bytes in use when Dump began
	peak   uint64
}

// Bytes are the stream. They are valid until Close.
func (s *Stream) Bytes() []byte { return page.View(s.out, s.size) }

// Peak is how many bytes more were in use at some moment of Dump than before it.
func (s *Stream) Peak() uint64 { return s.peak }

// Memoised is how many objects have a number.
func (s *Stream) Memoised() int { return int(s.memo.used) }

// MemoBytes is the size of the memo's table at the end.
func (s *Stream) MemoBytes() uintptr { return s.memo.slots * memoEntryBytes }

// Close gives the memory back, and lets go of what the memo holds.
func (s *Stream) Close() {
	s.memo.each(func(key, _ uintptr) {
		if key&classBit == 0 {
			s.h.Decref(object.Ref(key))
		}
	})
	for _, o := range s.names {
		s.h.Decref(o)
	}
	s.h.Memory().Free(page.Pointer(s.memo.table))
	s.h.Memory().Free(page.Pointer(s.out))
}

// measure notes how much is in use.
func (s *Stream) measure() {
	_, bytes, _ := s.h.Memory().Usage()
	s.peak = max(s.peak, bytes-s.before)
}

// A frame is an object that is being written.
type frame struct {
	o     object.Ref
	pos   int // of the next item, or where DictNext goes on
	n     int // entries of a dict that were begun
	half  bool
	value object.Ref   // whose key is being written
	items []object.Ref // of a set
	state object.Ref   // of an instance: what BUILD gets, with a reference; 0: there is no BUILD
}

// A pickler writes one stream.
type pickler struct {
	*Stream
	mode  Mode
	stack []frame
	on    map[object.Ref]int // Flat: objects on the stack, by their place there
	err   error
}

// Dump writes an object and all that it leads to. The objects must not change meanwhile. Its errors are ErrNoMemory, a
// *CycleError, and one that names a kind and wraps ErrKind.
func Dump(h *object.Heap, o object.Ref, mode Mode) (*Stream, error) {
	s := &Stream{h: h}
	_, s.before, _ = h.Memory().Usage()
	p := pickler{Stream: s, mode: mode}
	s.memo = memo{mem: h.Memory(), grown: s.measure}
	if mode == Flat {
		p.on = map[object.Ref]int{}
	} else if !s.memo.start() {
		return nil, ErrNoMemory
	}
	p.write(opProto, protocol)
	p.save(o)
	for len(p.stack) > 0 && p.err == nil {
		f := &p.stack[len(p.stack)-1]
		if child, more := p.next(f); more {
			p.save(child)
			continue
		}
		delete(p.on, f.o)
		h.Decref(f.state)
		p.stack = p.stack[:len(p.stack)-1]
	}
	for i := range p.stack {
		h.Decref(p.stack[i].state)
	}
	p.write(opStop)
	s.measure()
	if p.err != nil {
		s.Close()
		return nil, p.err
	}
	return s, nil
}

func (p *pickler) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// write appends bytes. The block grows to half as much again as is needed.
func (p *pickler) write(b ...byte) { p.writeAll(b) }

func (p *pickler) writeAll(b []byte) {
	n := p.size + uintptr(len(b))
	if n > p.room {
		room := max(outputMin, n/2*3)
		to := uintptr(p.h.Memory().Realloc(page.Pointer(p.out), room))
		if to == 0 {
			p.fail(ErrNoMemory)
			return
		}
		p.out, p.room = to, room
		p.measure()
	}
	copy(page.View(p.out+p.size, uintptr(len(b))), b)
	p.size = n
}

// number writes an opcode and a little-endian number of so many bytes.
func (p *pickler) number(op byte, n uint64, bytes int) {
	var b [9]byte
	b[0] = op
	binary.LittleEndian.PutUint64(b[1:], n)
	p.writeAll(b[:1+bytes])
}

// memoise gives an object the next number. After an error nothing gets any, because the table may have no room.
func (p *pickler) memoise(key uintptr) {
	if p.mode == Flat || p.err != nil {
		return
	}
	if key&classBit == 0 {
		p.h.Incref(object.Ref(key))
	}
	if !p.memo.put(key) {
		p.fail(ErrNoMemory)
	}
	p.write(opMemoize)
}

// recall writes the number of an object, if it has one.
func (p *pickler) recall(key uintptr) bool {
	n, ok := p.memo.get(key)
	switch {
	case !ok:
	case n < 256:
		p.write(opGet1, byte(n))
	default:
		p.number(opGet4, uint64(n), 4)
	}
	return ok
}

// save writes an atom, or begins with a container.
func (p *pickler) save(o object.Ref) {
	h := p.h
	if o == 0 {
		p.write(opNone)
		return
	}
	switch h.Kind(o) {
	case object.KindNone:
		p.write(opNone)
		return
	case object.KindBool:
		p.write(byte(opFalse - h.IntValue(o).Int64()))
		return
	case object.KindInt:
		p.integer(h.IntValue(o))
		return
	case object.KindFloat:
		var b [9]byte
		b[0] = opFloat
		binary.BigEndian.PutUint64(b[1:], math.Float64bits(h.FloatValue(o)))
		p.writeAll(b[:])
		return
	}
	if p.recall(uintptr(o)) {
		return
	}
	switch h.Kind(o) {
	case object.KindStr:
		p.text(opStr1, opStr4, encode(h.StrText(o)))
		p.memoise(uintptr(o))
		return
	case object.KindBytes:
		p.text(opBytes1, opBytes4, h.StrText(o))
		p.memoise(uintptr(o))
		return
	}
	p.begin(o)
}

// text writes characters or bytes with their length.
func (p *pickler) text(op1, op4 byte, s string) {
	if len(s) < 256 {
		p.write(op1, byte(len(s)))
	} else {
		p.number(op4, uint64(len(s)), 4)
	}
	p.writeAll([]byte(s))
}

// integer writes a number in the fewest bytes that some opcode has for it.
func (p *pickler) integer(v *big.Int) {
	if v.IsInt64() {
		switch n := v.Int64(); {
		case n >= 0 && n < 1<<8:
			p.number(opInt1, uint64(n), 1)
			return
		case n >= 0 && n < 1<<16:
			p.number(opInt2, uint64(n), 2)
			return
		case n >= math.MinInt32 && n <= math.MaxInt32:
			p.number(opInt4, uint64(n), 4)
			return
		}
	}
	b := twosComplement(v)
	if len(b) < 256 {
		p.write(opLong1, byte(len(b)))
	} else {
		p.number(opLong4, uint64(len(b)), 4)
	}
	p.writeAll(b)
}

// twosComplement is a number in the fewest bytes with a sign, the lowest first.
func twosComplement(v *big.Int) []byte {
	n := v.BitLen()/8 + 1
	if v.Sign() < 0 {
		n = new(big.Int).Not(v).BitLen()/8 + 1
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	b := make([]byte, n)
	v.FillBytes(b)
	slices.Reverse(b)
	return b
}

// begin writes what comes before the items of a container, and puts it on the stack.
func (p *pickler) begin(o object.Ref) {
	h, f := p.h, frame{o: o}
	if at, ok := p.on[o]; ok {
		p.fail(&CycleError{Place: p.place(len(p.stack)), Back: p.place(at)})
		return
	}
	switch h.Kind(o) {
	case object.KindList:
		p.write(opList)
		p.memoise(uintptr(o))
	case object.KindDict:
		p.write(opDict)
		p.memoise(uintptr(o))
	case object.KindSet:
		p.write(opSet)
		p.memoise(uintptr(o))
		h.Referents(o, func(k object.Ref) { f.items = append(f.items, k) })
	case object.KindFrozenset:
		p.write(opMark)
		h.Referents(o, func(k object.Ref) { f.items = append(f.items, k) })
	case object.KindTuple:
		switch n := h.Len(o); {
		case n == 0:
			p.write(opTuple0)
			return
		case n > 3:
			p.write(opMark)
		}
	case object.KindInstance, object.KindSlotted:
		p.instance(o)
		f.state = p.stateOf(o)
	default:
		p.fail(fmt.Errorf("pickle: %s is a %s, which %w", p.place(len(p.stack)), h.Kind(o), ErrKind))
		return
	}
	if p.on != nil {
		p.on[o] = len(p.stack)
	}
	p.stack = append(p.stack, f)
}

// classBit marks the key of a class: the number of its type, and the bit, which no address has.
const classBit = 1

// instance writes the class of an object, and the object without its attributes. The names of the class and of its
// module are strings as others are, and each has a number.
func (p *pickler) instance(o object.Ref) {
	t := p.h.TypeOf(o)
	key := uintptr(p.h.IDOf(o))<<1 | classBit
	if !p.recall(key) {
		for _, name := range []string{module, t.Name} {
			s := p.h.Intern(name)
			if s == 0 {
				p.fail(ErrNoMemory)
				return
			}
			p.save(s)
			p.h.Decref(s)
		}
		p.write(opGlobal)
		p.memoise(key)
	}
	p.write(opTuple0, opNew)
	p.memoise(uintptr(o))
}

// stateOf is object.__getstate__: the dict of an instance, or one that is made of its attributes, or None and such a
// dict of its slots; 0 if there is nothing to tell. Its reference is the caller's.
func (p *pickler) stateOf(o object.Ref) object.Ref {
	h, n := p.h, p.h.TypeOf(o).Attrs
	d := h.DictOf(o)
	switch {
	case n == 0, d != 0 && h.DictLen(d) == 0:
		return 0
	case d != 0:
		h.Incref(d)
		return d
	}
	d = h.NewDict()
	for k := 0; d != 0 && k < n; k++ {
		if name := p.name(k); name == 0 || !h.DictSet(d, name, h.Get(o, k)) {
			h.Decref(d)
			d = 0
		}
	}
	if d != 0 && h.Kind(o) == object.KindSlotted {
		t := h.NewTuple(0, d)
		h.Decref(d)
		d = t
	}
	if d == 0 {
		p.fail(ErrNoMemory)
	}
	return d
}

// next returns the item that comes next, after it has written what stands between items; or it ends the container.
func (p *pickler) next(f *frame) (o object.Ref, more bool) {
	h := p.h
	switch h.Kind(f.o) {
	case object.KindList:
		return p.nextItem(f, h.Len(f.o))
	case object.KindSet:
		return p.nextKey(f, len(f.items))
	case object.KindDict:
		return p.nextPair(f, h.DictLen(f.o))
	case object.KindTuple:
		return p.nextFixed(f, h.Len(f.o), func() object.Ref { return h.Get(f.o, f.pos) })
	case object.KindFrozenset:
		return p.nextFixed(f, len(f.items), func() object.Ref { return f.items[f.pos] })
	}
	switch {
	case f.state == 0:
	case f.pos == 0:
		f.pos++
		return f.state, true
	default:
		p.write(opBuild)
	}
	return 0, false
}

// nextItem is next of a list of n items, of which one needs no mark.
func (p *pickler) nextItem(f *frame, n int) (object.Ref, bool) {
	if f.pos > 0 && (f.pos == n || f.pos%batch == 0) {
		if n == 1 {
			p.write(opAppend)
		} else {
			p.write(opAppends)
		}
	}
	if f.pos >= n {
		return 0, false
	}
	if f.pos%batch == 0 && n != 1 {
		p.write(opMark)
	}
	f.pos++
	return p.h.Get(f.o, f.pos-1), true
}

// nextKey is next of a set of n keys. Behind a full batch stands another one, if need be an empty one.
func (p *pickler) nextKey(f *frame, n int) (object.Ref, bool) {
	if n == 0 {
		return 0, false
	}
	if f.pos > 0 && f.pos%batch == 0 {
		p.write(opAddItems)
	}
	if f.pos%batch == 0 {
		p.write(opMark)
	}
	if f.pos == n {
		p.write(opAddItems)
		return 0, false
	}
	f.pos++
	return f.items[f.pos-1], true
}

// nextPair is next of a dict of n entries: the key, and then its value. One entry needs no mark, and batches are as
// those of a set.
func (p *pickler) nextPair(f *frame, n int) (object.Ref, bool) {
	if f.half {
		f.half = false
		return f.value, true
	}
	switch {
	case n == 0:
		return 0, false
	case n == 1 && f.n == 1:
		p.write(opSetItem)
		return 0, false
	case n != 1 && f.n%batch == 0:
		if f.n > 0 {
			p.write(opSetItems)
		}
		p.write(opMark)
	}
	if f.n == n {
		p.write(opSetItems)
		return 0, false
	}
	f.n++
	f.half = true
	var k object.Ref
	k, f.value, _ = p.h.DictNext(f.o, &f.pos)
	return k, true
}

// nextFixed is next of what is made when all its items are. If one of them has led back to it, it has a number by then,
// and the items are thrown away.
func (p *pickler) nextFixed(f *frame, n int, item func() object.Ref) (object.Ref, bool) {
	if f.pos < n {
		o := item()
		f.pos++
		return o, true
	}
	short := p.h.Kind(f.o) == object.KindTuple && n <= 3
	if _, known := p.memo.get(uintptr(f.o)); known {
		for range n {
			if short {
				p.write(opPop)
			}
		}
		if !short {
			p.write(opPopMark)
		}
		p.recall(uintptr(f.o))
		return 0, false
	}
	switch {
	case short:
		p.write(byte(opTuple1 + n - 1))
	case p.h.Kind(f.o) == object.KindTuple:
		p.write(opTuple)
	default:
		p.write(opFrozenset)
	}
	p.memoise(uintptr(f.o))
	return 0, false
}

// name is the name of attribute k, which is one object for all.
func (p *pickler) name(k int) object.Ref {
	for len(p.names) <= k {
		o := p.h.Intern(object.AttrName(len(p.names)))
		if o == 0 {
			p.fail(ErrNoMemory)
			return 0
		}
		p.names = append(p.names, o)
	}
	return p.names[k]
}

// place says where the n-th object on the stack is, or, above the last, the reference that is being written.
func (p *pickler) place(n int) string {
	var b strings.Builder
	b.WriteString("x")
	state := false // what BUILD gets is a dict, or a tuple that has one
	for i := range p.stack[:n] {
		f := &p.stack[i]
		if i > 0 {
			state = p.stack[i-1].state != 0 || state && p.h.Kind(p.stack[i-1].o) == object.KindTuple
		}
		switch kind := p.h.Kind(f.o); {
		case f.state != 0, state && kind == object.KindTuple:
		case state:
			fmt.Fprintf(&b, ".%s", object.AttrName(f.n-1))
		case kind == object.KindList, kind == object.KindTuple:
			fmt.Fprintf(&b, "[%d]", f.pos-1)
		case kind == object.KindDict && f.half:
			fmt.Fprintf(&b, ".keys()[%d]", f.n-1)
		case kind == object.KindDict:
			fmt.Fprintf(&b, ".values()[%d]", f.n-1)
		default:
			b.WriteString(".item")
		}
	}
	return b.String()
}
