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
	stack []slot
	marks []int
	memo  []slot
}

// A slot is an entry of the stack or of the memo: an object, or a class, which is no object here and good for instances
// alone.
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
	l.drop(l.stack)
	l.drop(l.memo)
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

// made pushes a new object.
func (l *loader) made(o object.Ref) error {
	if o == 0 {
		return ErrNoMemory
	}
	l.stack = append(l.stack, slot{o: o})
	return nil
}

// fence is how many entries are below the last mark.
func (l *loader) fence() int {
	if len(l.marks) == 0 {
		return 0
	}
	return l.marks[len(l.marks)-1]
}

// top is the last entry above the last mark.
func (l *loader) top() (slot, bool) {
	if len(l.stack) <= l.fence() {
		return slot{}, false
	}
	return l.stack[len(l.stack)-1], true
}

// lastN takes n entries off that are above the last mark.
func (l *loader) lastN(n int) ([]slot, bool) {
	at := len(l.stack) - n
	if at < l.fence() {
		return nil, false
	}
	all := slices.Clone(l.stack[at:])
	l.stack = l.stack[:at]
	return all, true
}

// popMark takes what is above the last mark off, and the mark.
func (l *loader) popMark() ([]slot, bool) {
	if len(l.marks) == 0 {
		return nil, false
	}
	all, _ := l.lastN(len(l.stack) - l.fence())
	l.marks = l.marks[:len(l.marks)-1]
	return all, true
}

func (l *loader) drop(all []slot) {
	for _, s := range all {
		l.h.Decref(s.o)
	}
}

// objects are those of entries, if there is no class among them.
func objects(all []slot) (items []object.Ref, ok bool) {
	for _, s := range all {
		if s.class != nil {
			return nil, false
		}
		items = append(items, s.o)
	}
	return items, true
}

func (l *loader) run() (object.Ref, error) {
	for {
		op := l.take(1)
		if op == nil {
			return 0, l.bad()
		}
		if op[0] == opStop {
			s, ok := l.top()
			if !ok || s.class != nil {
				return 0, l.bad()
			}
			l.stack = l.stack[:len(l.stack)-1]
			return s.o, nil
		}
		if err := l.step(op[0]); err != nil {
			return 0, err
		}
	}
}

func (l *loader) step(op byte) error {
	switch op {
	case opProto:
		if b := l.take(1); b == nil || b[0] > protocol {
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

// discard throws one entry away, or the last mark and all above it. A mark that has nothing above it is an entry.
func (l *loader) discard(op byte) error {
	var all []slot
	ok := true
	switch {
	case op == opPop && (len(l.marks) == 0 || len(l.stack) > l.fence()):
		all, ok = l.lastN(1)
	default:
		all, ok = l.popMark()
	}
	l.drop(all)
	if !ok {
		return l.bad()
	}
	return nil
}

// remember enters the last entry into the memo, or pushes what is there.
func (l *loader) remember(op byte) error {
	if op == opMemoize {
		s, ok := l.top()
		if !ok {
			return l.bad()
		}
		l.h.Incref(s.o)
		l.memo = append(l.memo, s)
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
	l.h.Incref(l.memo[n].o)
	l.stack = append(l.stack, l.memo[n])
	return nil
}

// fixed makes a tuple or a frozenset of what is on the stack.
func (l *loader) fixed(op byte) error {
	var all []slot
	ok := true
	switch op {
	case opTuple0:
	case opTuple, opFrozenset:
		all, ok = l.popMark()
	default:
		all, ok = l.lastN(int(op) - opTuple1 + 1)
	}
	defer l.drop(all)
	items, right := objects(all)
	switch {
	case !ok || !right || op == opFrozenset && !l.keys(items, 1):
		return l.bad()
	case op == opFrozenset:
		return l.made(l.h.MakeFrozenset(items...))
	}
	return l.made(l.h.NewTuple(items...))
}

// fill puts items into the container under them. Without any that may be anything.
func (l *loader) fill(op byte) error {
	var all []slot
	var ok bool
	switch op {
	case opAppend:
		all, ok = l.lastN(1)
	case opSetItem:
		all, ok = l.lastN(2)
	default:
		all, ok = l.popMark()
	}
	defer l.drop(all)
	to, under := l.top()
	items, right := objects(all)
	switch {
	case !ok || !under || !right || len(items) > 0 && to.class != nil:
		return l.bad()
	case len(items) == 0:
		return nil
	}
	return l.put(op, to.o, items)
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

// keys tells whether every n-th of the items can be a key: it is no list, set or dict, nor a tuple that has one.
func (l *loader) keys(items []object.Ref, n int) bool {
	for i := 0; i < len(items); i += n {
		if !l.key(items[i]) {
			return false
		}
	}
	return true
}

func (l *loader) key(o object.Ref) bool {
	switch l.h.Kind(o) {
	case object.KindList, object.KindSet, object.KindDict:
		return false
	case object.KindTuple:
		for k := range l.h.Len(o) {
			if !l.key(l.h.Get(o, k)) {
				return false
			}
		}
	}
	return true
}

// instance names a class, makes an object of it and of no arguments, or gives it its state.
func (l *loader) instance(op byte) error {
	switch op {
	case opGlobal:
		return l.global()
	case opNew:
		both, ok := l.lastN(2)
		defer l.drop(both)
		if !ok || both[0].class == nil || both[1].class != nil || l.h.Kind(both[1].o) != object.KindTuple ||
			l.h.Len(both[1].o) > 0 {
			return l.bad()
		}
		return l.made(l.h.New(*both[0].class))
	}
	all, ok := l.lastN(1)
	defer l.drop(all)
	to, under := l.top()
	if !ok || !under || all[0].class != nil || to.class != nil {
		return l.bad()
	}
	return l.build(to.o, all[0].o)
}

// global finds the class that two strings name.
func (l *loader) global() error {
	both, ok := l.lastN(2)
	defer l.drop(both)
	names, right := objects(both)
	if !ok || !right || l.h.Kind(names[0]) != object.KindStr || l.h.Kind(names[1]) != object.KindStr {
		return l.bad()
	}
	name := l.h.StrText(names[1])
	if l.h.StrText(names[0]) == module && l.types != nil {
		if id, ok := l.types(name); ok {
			l.stack = append(l.stack, slot{class: &id})
			return nil
		}
	}
	return fmt.Errorf("%w: byte %d: there is no type %q", ErrStream, l.at, name)
}

// build gives an object its state: the dict of an instance or None, alone or in a pair with a dict of slots.
func (l *loader) build(o, state object.Ref) error {
	h := l.h
	slots := object.Ref(0)
	if h.Kind(state) == object.KindTuple && h.Len(state) == 2 {
		state, slots = h.Get(state, 0), h.Get(state, 1)
	}
	if h.Kind(state) != object.KindNone {
		if h.Kind(o) != object.KindInstance || h.Kind(state) != object.KindDict {
			return l.bad()
		}
		h.DictEach(state, func(name, _ object.Ref) {
			if h.Kind(name) == object.KindStr {
				h.Incref(name)
				h.Decref(h.InternStr(name))
			}
		})
		if err := l.assign(o, state); err != nil {
			return err
		}
	}
	if slots != 0 {
		return l.assign(o, slots)
	}
	return nil
}

// assign sets attributes to the values of a dict. Nothing but an instance has any.
func (l *loader) assign(o, values object.Ref) error {
	h, n := l.h, 0
	if h.Kind(values) != object.KindDict {
		return l.bad()
	}
	if k := h.Kind(o); k == object.KindInstance || k == object.KindSlotted {
		n = h.TypeOf(o).Attrs
	}
	set := 0
	for k := range n {
		name := h.NewStr(object.AttrName(k))
		if name == 0 {
			return ErrNoMemory
		}
		if v, ok := h.DictGet(values, name); ok {
			h.SetItem(o, k, v)
			set++
		}
		h.Decref(name)
	}
	if set < h.DictLen(values) {
		return l.bad()
	}
	return nil
}
