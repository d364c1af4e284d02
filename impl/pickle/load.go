package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"heapfuzz/impl/object"
)

// ErrStream says that bytes are no stream: cut off, an opcode that Dump does not write, or operands of another kind.
var ErrStream = errors.New("pickle: not a stream")

// A loader is the machine. What is on its stack and in its memo has a reference.
type loader struct {
	h     *object.Heap
	types func(name string) (object.TypeID, bool)
	data  []byte
	at    int
	stack []object.Ref
	marks []int
	memo  []slot
	last  *object.TypeID // the class that is on the stack: classes are no objects here
}

// A slot is an entry of the memo: an object, or a class.
type slot struct {
	o     object.Ref
	class *object.TypeID
}

// Load makes the objects of a stream and returns the first, with a reference that is the caller's. types finds the type
// of an instance by its name; it is not called for others, and may be nil then.
func Load(h *object.Heap, data []byte, types func(name string) (object.TypeID, bool)) (object.Ref, error) {
	l := loader{h: h, types: types, data: data}
	o, err := l.run()
	if err != nil {
		l.takeApart()
	}
	for _, x := range l.stack {
		h.Decref(x)
	}
	for _, s := range l.memo {
		h.Decref(s.o)
	}
	return o, err
}

// takeApart empties all that has a number. What cannot be reached any more after an error is not left to a collector:
// every cycle leads through a container that was filled after it got its number, because what fills it has led back.
func (l *loader) takeApart() {
	for _, s := range l.memo {
		if s.o != 0 {
			l.h.Clear(s.o)
		}
	}
}

// bad makes an error with the place in the stream.
func (l *loader) bad() error { return fmt.Errorf("%w: byte %d", ErrStream, l.at) }

// take returns the next n bytes, or nil if there are fewer.
func (l *loader) take(n int) []byte {
	if n < 0 || n > len(l.data)-l.at {
		return nil
	}
	b := l.data[l.at : l.at+n : l.at+n]
	l.at += n
	return b
}

// number reads n bytes, the lowest first.
func (l *loader) number(n int) (int, bool) {
	b := l.take(n)
	if b == nil {
		return 0, false
	}
	var all [8]byte
	copy(all[:], b)
	return int(binary.LittleEndian.Uint64(all[:])), true
}

// sized reads a length of n bytes, and as many bytes.
func (l *loader) sized(n int) ([]byte, bool) {
	size, ok := l.number(n)
	if !ok {
		return nil, false
	}
	b := l.take(size)
	return b, b != nil || size == 0
}

func (l *loader) push(o object.Ref) { l.stack = append(l.stack, o) }

// made pushes a new object.
func (l *loader) made(o object.Ref) error {
	if o == 0 {
		return ErrNoMemory
	}
	l.push(o)
	return nil
}

// top is the last object on the stack, above the last mark.
func (l *loader) top() (object.Ref, bool) {
	if len(l.stack) == 0 || len(l.marks) > 0 && len(l.stack) <= l.marks[len(l.marks)-1] {
		return 0, false
	}
	return l.stack[len(l.stack)-1], true
}

func (l *loader) pop() (object.Ref, bool) {
	o, ok := l.top()
	if ok {
		l.stack = l.stack[:len(l.stack)-1]
	}
	return o, ok
}

// popMark takes what is above the last mark off the stack.
func (l *loader) popMark() ([]object.Ref, bool) {
	if len(l.marks) == 0 {
		return nil, false
	}
	n := l.marks[len(l.marks)-1]
	l.marks = l.marks[:len(l.marks)-1]
	items := slices.Clone(l.stack[n:])
	l.stack = l.stack[:n]
	return items, true
}

// lastN takes n objects off the stack.
func (l *loader) lastN(n int) ([]object.Ref, bool) {
	if n > len(l.stack) || len(l.marks) > 0 && len(l.stack)-n < l.marks[len(l.marks)-1] {
		return nil, false
	}
	items := slices.Clone(l.stack[len(l.stack)-n:])
	l.stack = l.stack[:len(l.stack)-n]
	return items, true
}

func (l *loader) run() (object.Ref, error) {
	for {
		op := l.take(1)
		if op == nil {
			return 0, l.bad()
		}
		if op[0] == opStop {
			o, ok := l.pop()
			if !ok {
				return 0, l.bad()
			}
			return o, nil
		}
		if err := l.step(op[0]); err != nil {
			return 0, err
		}
	}
}

func (l *loader) step(op byte) error {
	switch op {
	case opProto:
		if b := l.take(1); b == nil || b[0] != protocol {
			return l.bad()
		}
		return nil
	case opNone:
		return l.made(l.h.None())
	case opTrue, opFalse:
		return l.made(l.h.Bool(op == opTrue))
	case opList:
		return l.made(l.h.NewList(0))
	case opDict:
		return l.made(l.h.NewDict())
	case opSet:
		return l.made(l.h.NewSet())
	case opMark:
		l.marks = append(l.marks, len(l.stack))
		return nil
	case opPop, opPopMark:
		return l.discard(op)
	case opMemoize, opGet1, opGet4:
		return l.remember(op)
	case opGlobal, opNew, opBuild:
		return l.instance(op)
	case opAppend, opAppends, opSetItem, opSetItems, opAddItems:
		return l.fill(op)
	case opTuple0, opTuple1, opTuple2, opTuple3, opTuple, opFrozenset:
		return l.fixed(op)
	}
	return l.atom(op)
}

// atom reads a number, a string or bytes.
func (l *loader) atom(op byte) error {
	h := l.h
	switch op {
	case opInt1, opInt2, opInt4:
		n, ok := l.number(map[byte]int{opInt1: 1, opInt2: 2, opInt4: 4}[op])
		if !ok {
			return l.bad()
		}
		if op == opInt4 {
			n = int(int32(n))
		}
		return l.made(h.NewInt(int64(n)))
	case opFloat:
		b := l.take(8)
		if b == nil {
			return l.bad()
		}
		return l.made(h.NewFloat(math.Float64frombits(binary.BigEndian.Uint64(b))))
	}
	width := 1
	switch op {
	case opLong4, opStr4, opBytes4:
		width = 4
	case opLong1, opStr1, opBytes1:
	default:
		return l.bad()
	}
	b, ok := l.sized(width)
	if !ok {
		return l.bad()
	}
	switch op {
	case opLong1, opLong4:
		return l.made(h.NewBigInt(fromTwosComplement(b)))
	case opStr1, opStr4:
		text, ok := decode(b)
		if !ok {
			return l.bad()
		}
		return l.made(h.NewStr(text))
	}
	return l.made(h.ReadBytes(b))
}

// fromTwosComplement is the number that twosComplement wrote.
func fromTwosComplement(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return v
}

// discard throws one object away, or all above the mark.
func (l *loader) discard(op byte) error {
	n := 1
	if op == opPopMark {
		if len(l.marks) == 0 {
			return l.bad()
		}
		n = len(l.stack) - l.marks[len(l.marks)-1]
		l.marks = l.marks[:len(l.marks)-1]
	}
	items, ok := l.lastN(n)
	if !ok {
		return l.bad()
	}
	l.drop(items)
	return nil
}

func (l *loader) drop(items []object.Ref) {
	for _, o := range items {
		l.h.Decref(o)
	}
}

// remember enters the last object, or the class that was named, into the memo, or pushes what is there.
func (l *loader) remember(op byte) error {
	if op == opMemoize {
		if l.last != nil {
			l.memo = append(l.memo, slot{class: l.last})
			return nil
		}
		o, ok := l.top()
		if !ok {
			return l.bad()
		}
		l.h.Incref(o)
		l.memo = append(l.memo, slot{o: o})
		return nil
	}
	width := 1
	if op == opGet4 {
		width = 4
	}
	n, ok := l.number(width)
	if !ok || n >= len(l.memo) {
		return l.bad()
	}
	if l.last = l.memo[n].class; l.last == nil {
		l.h.Incref(l.memo[n].o)
		l.push(l.memo[n].o)
	}
	return nil
}

// fixed makes a tuple or a frozenset of what is on the stack.
func (l *loader) fixed(op byte) error {
	var items []object.Ref
	ok := true
	switch op {
	case opTuple0:
	case opTuple, opFrozenset:
		items, ok = l.popMark()
	default:
		items, ok = l.lastN(int(op) - opTuple1 + 1)
	}
	if !ok {
		return l.bad()
	}
	defer l.drop(items)
	if op == opFrozenset {
		if !l.keys(items, 1) {
			return l.bad()
		}
		return l.made(l.h.MakeFrozenset(items...))
	}
	return l.made(l.h.NewTuple(items...))
}

// fill puts items into the container under them.
func (l *loader) fill(op byte) error {
	var items []object.Ref
	var ok bool
	switch op {
	case opAppend:
		items, ok = l.lastN(1)
	case opSetItem:
		items, ok = l.lastN(2)
	default:
		items, ok = l.popMark()
	}
	if !ok {
		return l.bad()
	}
	defer l.drop(items)
	to, ok := l.top()
	if !ok {
		return l.bad()
	}
	return l.put(op, to, items)
}

// put is fill when all is at hand.
func (l *loader) put(op byte, to object.Ref, items []object.Ref) error {
	h, kind := l.h, l.h.Kind(to)
	ok := true
	switch {
	case (op == opAppend || op == opAppends) && kind == object.KindList:
		ok = h.Append(to, items...)
	case op == opAddItems && kind == object.KindSet && l.keys(items, 1):
		for _, o := range items {
			ok = ok && h.SetAdd(to, o)
		}
	case (op == opSetItem || op == opSetItems) && kind == object.KindDict && len(items)%2 == 0 &&
		l.keys(items, 2):
		for i := 0; i < len(items) && ok; i += 2 {
			ok = h.DictSet(to, items[i], items[i+1])
		}
	default:
		return l.bad()
	}
	if !ok {
		return ErrNoMemory
	}
	return nil
}

// keys tells whether every n-th of the items can be a key: it is no list, set or dict, and no tuple that has one.
func (l *loader) keys(items []object.Ref, n int) bool {
	for i := 0; i < len(items); i += n {
		switch o := items[i]; l.h.Kind(o) {
		case object.KindList, object.KindSet, object.KindDict:
			return false
		case object.KindTuple:
			for k := range l.h.Len(o) {
				if !l.keys([]object.Ref{l.h.Get(o, k)}, 1) {
					return false
				}
			}
		}
	}
	return true
}

// instance names a class, makes an object of it, or gives it its attributes.
func (l *loader) instance(op byte) error {
	switch op {
	case opGlobal:
		return l.global()
	case opNew:
		args, ok := l.pop()
		if !ok {
			return l.bad()
		}
		l.h.Decref(args)
		if l.last == nil {
			return l.bad()
		}
		o := l.h.New(*l.last)
		l.last = nil
		return l.made(o)
	}
	state, ok := l.pop()
	if !ok {
		return l.bad()
	}
	defer l.h.Decref(state)
	o, ok := l.top()
	if !ok {
		return l.bad()
	}
	if l.h.Kind(state) == object.KindTuple && l.h.Len(state) == 2 {
		return l.build(o, l.h.Get(state, 1))
	}
	return l.build(o, state)
}

// global finds the class that two strings name.
func (l *loader) global() error {
	names, ok := l.lastN(2)
	if !ok {
		return l.bad()
	}
	defer l.drop(names)
	if l.h.Kind(names[1]) != object.KindStr || l.types == nil {
		return l.bad()
	}
	name := l.h.StrText(names[1])
	id, ok := l.types(name)
	if !ok {
		return fmt.Errorf("pickle: there is no type %q", name)
	}
	l.last = &id
	return nil
}

// build sets the attributes of an instance to the values of a dict. Those that are in a dict of the instance have their
// names interned before.
func (l *loader) build(o, state object.Ref) error {
	h := l.h
	kind := h.Kind(o)
	if h.Kind(state) != object.KindDict || kind != object.KindInstance && kind != object.KindSlotted {
		return l.bad()
	}
	for k := range h.TypeOf(o).Attrs {
		name := h.NewStr(object.AttrName(k))
		if name == 0 {
			return ErrNoMemory
		}
		if v, ok := h.DictGet(state, name); ok {
			h.SetItem(o, k, v)
		}
		h.Decref(name)
	}
	if kind == object.KindInstance {
		h.DictEach(state, func(name, _ object.Ref) {
			if name != 0 && h.Kind(name) == object.KindStr {
				h.Incref(name)
				h.Decref(h.InternStr(name))
			}
		})
	}
	return nil
}
