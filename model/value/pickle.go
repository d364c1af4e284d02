package value

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Stream is what was written of an object.
type Stream struct {
	Bytes   []byte
	Entries int    // of the memo
	Table   uint64 // bytes of its table
	Peak    uint64 // the most bytes that were in use meanwhile, beside those before
}

// Pickler writes an object and all that it leads to as pickle does in protocol 4, without frames, and reads it again.
// Flat, what is met again is written again; otherwise a memo knows it. An instance is one of the class Class of the
// module Module, and attribute n has the name Attribute(n).
type Pickler interface {
	Pickle(o ID, flat bool) (ID, Stream, CopyError)
}

// Spoiler writes an object with a memo, spoils the stream as Spoilt does, and reads it again: all streams, and nothing
// else. What is read is let go; there may be cycles beside it, so the store collects then.
type Spoiler interface {
	Spoil(o ID, at, b int) (read bool, why CopyError)
}

// Spoilt is a stream with another byte at a place, modulo its length, or that ends there, where the byte is above 255.
func Spoilt(stream []byte, at, b int) []byte {
	data := bytes.Clone(stream)
	if at %= len(data); b > 0xff {
		return data[:at]
	}
	data[at] = byte(b)
	return data
}

// Module is that of all classes.
const Module = "heapfuzz"

// Class is the name of the class of instances with so many slots, of which those with a finalizer have none.
func Class(slots int, final, saves bool) string {
	switch {
	case saves:
		return "Saved"
	case final:
		return "Final"
	}
	return "Slots" + strconv.Itoa(slots)
}

// slotsMax is how many slots an instance has at most.
const slotsMax = 255

// ClassSlots is how many slots instances of a class have that Class names.
func ClassSlots(name string) (n int, ok bool) {
	if name == Class(0, true, false) || name == Class(0, true, true) {
		return 0, true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(name, "Slots"))
	return n, err == nil && n <= slotsMax && name == Class(n, false, false)
}

// Attribute is the name of slot n: a, c, e and so on.
func Attribute(n int) string {
	return strings.Repeat("z", n/letters) + string(rune('a'+2*(n%letters)))
}

const letters = 13

// isSlot tells whether a name is that of one of n slots.
func isSlot(name string, n int) bool {
	last := len(name) - 1
	if last < 0 {
		return false
	}
	at := last*letters + (int(name[last])-'a')/2
	return 0 <= at && at < n && name == Attribute(at)
}

// memoised are the kinds that a memo knows. Of None, bools, ints and floats each occurrence is written by itself, and
// nothing else has an opcode.
var memoised = []Kind{Str, Bytes, List, Tuple, Set, Frozenset, Dict, Slots}

// batch is how many items or entries are appended, added or set at a time.
const batch = 1000

// A writer writes a stream, by Modules/_pickle.c (3.4 to 3.13). look tells an object: its kind and value, what tells it
// from others for the memo, the name of its class, and its items, in the order in which they are met.
type writer[T comparable] struct {
	look func(T) (k Kind, text string, key any, class string, items []T)
	flat bool

	out   []byte
	memo  map[any]int
	path  map[T]bool // what is being written, if it is flat
	waste bool       // objects are made that die at once: an instance has a state, or a tuple on a cycle is met twice
}

func (w *writer[T]) put(b ...byte) { w.out = append(w.out, b...) }

// number writes an opcode and a number in so many bytes, the lowest first.
func (w *writer[T]) number(op byte, n uint64, size int) {
	w.put(op)
	w.put(binary.LittleEndian.AppendUint64(nil, n)[:size]...)
}

// sized writes bytes behind their number.
func (w *writer[T]) sized(short, long byte, b []byte) {
	if len(b) < 1<<8 {
		w.number(short, uint64(len(b)), 1)
	} else {
		w.number(long, uint64(len(b)), 4)
	}
	w.put(b...)
}

// enter gives an object the next number.
func (w *writer[T]) enter(key any) {
	if !w.flat {
		w.memo[key] = len(w.memo)
		w.put('\x94')
	}
}

// recall writes the number of an object, if it has one.
func (w *writer[T]) recall(key any) bool {
	n, known := w.memo[key]
	switch {
	case known && n < 1<<8:
		w.number('h', uint64(n), 1)
	case known:
		w.number('j', uint64(n), 4)
	}
	return known
}

// integer writes a number: those of 32 bits in three lengths, others in as few bytes as show the sign.
func (w *writer[T]) integer(text string) {
	v, _ := new(big.Int).SetString(text, 10)
	n := v.Int64()
	switch {
	case v.IsInt64() && n>>8 == 0:
		w.number('K', uint64(n), 1)
	case v.IsInt64() && n>>16 == 0:
		w.number('M', uint64(n), 2)
	case v.IsInt64() && n == int64(int32(n)):
		w.number('J', uint64(n), 4)
	default:
		bits := v.BitLen()
		if v.Sign() < 0 {
			bits = new(big.Int).Not(v).BitLen()
		}
		b := make([]byte, bits/8+1)
		v.And(v, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))), big.NewInt(1))).FillBytes(b)
		slices.Reverse(b)
		w.sized('\x8a', '\x8b', b)
	}
}

// name writes a string of which there is one.
func (w *writer[T]) name(text string) {
	if !w.recall(text) {
		w.sized('\x8c', 'X', surrogates(text))
		w.enter(text)
	}
}

// surrogates is a string in UTF-8, where a byte that is none is a character of three bytes, from U+DC80 on.
func surrogates(text string) (b []byte) {
	for i, r := range text {
		if size := utf8.RuneLen(r); r != utf8.RuneError || strings.HasPrefix(text[i:], "\uFFFD") {
			b = append(b, text[i:i+size]...)
		} else {
			b = append(b, 0xed, 0xb0|text[i]>>6, 0x80|text[i]&0x3f)
		}
	}
	return b
}

// dump writes the whole stream.
func (w *writer[T]) dump(o T) CopyError {
	w.memo, w.path = map[any]int{}, map[T]bool{}
	w.put('\x80', 4)
	return w.all([]T{o}, '.')
}

// save writes an object.
func (w *writer[T]) save(o T) CopyError {
	k, text, key, class, items := w.look(o)
	switch k {
	case Nothing, None:
		w.put('N')
		return Copied
	case Bool:
		w.put(map[string]byte{"0": '\x89', "1": '\x88'}[text])
		return Copied
	case Int:
		w.integer(text)
		return Copied
	case Float:
		bits, _ := strconv.ParseUint(text, 16, 64)
		w.put('G')
		w.put(binary.BigEndian.AppendUint64(nil, bits)...)
		return Copied
	}
	if w.recall(key) {
		return Copied
	}
	switch {
	case !slices.Contains(memoised, k):
		return Uncopyable
	case k == Str:
		w.sized('\x8c', 'X', surrogates(text))
		w.enter(key)
		return Copied
	case k == Bytes:
		w.sized('C', 'B', []byte(text))
		w.enter(key)
		return Copied
	case w.path[o]:
		return Cyclic
	}
	if w.flat {
		w.path[o] = true
		defer delete(w.path, o)
	}
	switch k {
	case List:
		w.put(']')
		w.enter(key)
		return w.items(items, 1, 'a', 'e', false)
	case Set:
		w.put('\x8f')
		w.enter(key)
		return w.items(items, 1, 0, '\x90', true)
	case Dict:
		w.put('}')
		w.enter(key)
		return w.items(items, 2, 's', 'u', true)
	case Slots:
		return w.instance(key, class, items)
	}
	return w.fixed(k, key, items)
}

// items writes those of a list or a set, or the entries of a dict, in batches. There is an opcode for a single one but
// of a set. Where the last batch is full some have another, of nothing.
func (w *writer[T]) items(items []T, each int, one, many byte, again bool) CopyError {
	if len(items) == each && one != 0 {
		return w.all(items, one)
	}
	full := len(items) > 0
	for full {
		now := items[:min(len(items), each*batch)]
		items = items[len(now):]
		w.put('(')
		if why := w.all(now, many); why != Copied {
			return why
		}
		full = len(items) > 0 || again && len(now) == each*batch
	}
	return Copied
}

// all writes objects and what is done with them.
func (w *writer[T]) all(items []T, then ...byte) CopyError {
	for _, i := range items {
		if why := w.save(i); why != Copied {
			return why
		}
	}
	w.put(then...)
	return Copied
}

// fixed writes a tuple or a frozenset. Where an item led back to it, it is known by then, and is fetched.
func (w *writer[T]) fixed(k Kind, key any, items []T) CopyError {
	ops := []byte{')', '\x85', '\x86', '\x87', 't'}
	short := k == Tuple && len(items) < 4
	if short && len(items) == 0 {
		w.put(ops[0])
		return Copied
	}
	if !short {
		w.put('(')
	}
	if why := w.all(items); why != Copied {
		return why
	}
	if _, known := w.memo[key]; known {
		w.waste = true
		if short {
			w.put(bytes.Repeat([]byte{'0'}, len(items))...)
		} else {
			w.put('1')
		}
		w.recall(key)
		return Copied
	}
	if k == Tuple {
		w.put(ops[min(len(items), 4)])
	} else {
		w.put('\x91')
	}
	w.enter(key)
	return Copied
}

// instance writes the class, the object that it makes of nothing, and what its slots hold: None and a dict.
func (w *writer[T]) instance(key any, class string, items []T) CopyError {
	if !w.recall("class " + class) {
		w.name(Module)
		w.name(class)
		w.put('\x93')
		w.enter("class " + class)
	}
	w.put(')', '\x81')
	w.enter(key)
	if len(items) == 0 {
		return Copied
	}
	w.waste = true
	w.put('N', '}')
	w.enter(new(int)) // the dict, which nobody meets again
	if len(items) > 1 {
		w.put('(')
	}
	for n, i := range items {
		w.name(Attribute(n))
		if why := w.save(i); why != Copied {
			return why
		}
	}
	if len(items) > 1 {
		w.put('u')
	} else {
		w.put('s')
	}
	w.put('\x86')
	w.enter(new(int)) // and the pair
	w.put('b')
	return Copied
}

// reading judges what was read of a stream.
type reading struct {
	*copying
	flat bool
}

// pair judges that an object was read where another was written, and returns it.
func (c *reading) pair(o *object, id ID) (*object, violation) {
	again := o.kind == Frozenset || o.kind == Bytes && len(o.text) == 1 && c.m.ReadsBytes
	if c.m.isOnce(o) && !again {
		if id != o.id {
			return nil, Loads.Breach("a value of which there is one was read as another object")
		}
		return o, nil
	}
	t := c.told[id]
	switch first := c.copies[o]; {
	case t == nil || t.Kind != o.kind || t.Text != o.text || len(t.Items) != len(o.items):
		return nil, Loads.Breach("an object of kind %d with %d items was read as another", o.kind, len(o.items))
	case first != 0 && !c.flat && slices.Contains(memoised, o.kind):
		if first != id {
			return nil, Loads.Breach("an object of kind %d was read twice", o.kind)
		}
		return c.made[id], nil
	case c.m.objects[id] != nil || c.made[id] != nil:
		return nil, Loads.Breach("an object of kind %d was read as one that there is", o.kind)
	}
	y := &object{id: id, kind: o.kind, text: o.text, atom: o.atom, places: setPlaces}
	y.final, y.saves, y.again = o.final, o.saves, again
	c.copies[o], c.made[id] = id, y
	return y, c.fill(o, y, t)
}

// fill judges what was read into a container.
func (c *reading) fill(o, y *object, t *Told) violation {
	left := slices.Clone(o.items)
	for n, id := range t.Items {
		at := 0
		if o.kind == Set || o.kind == Frozenset { // which may have another order
			if at = slices.IndexFunc(left, func(k *object) bool { return c.reads(k, id) }); at < 0 {
				return Loads.Breach("a key was read that was not written")
			}
		}
		item, v := c.pair(left[at], id)
		if v != nil {
			return v
		}
		left = slices.Delete(left, at, at+1)
		if o.kind == Set || o.kind == Frozenset {
			c.m.addKey(y, item)
			continue
		}
		if o.kind == List && n%batch == 0 {
			c.m.listRoom(y, min(len(t.Items), n+batch))
		}
		y.items = append(y.items, item)
	}
	return nil
}

// reads tells whether what was read looks like a key.
func (c *reading) reads(k *object, id ID) bool {
	t := c.told[id]
	return t != nil && t.Kind == k.kind && t.Text == k.text && slices.EqualFunc(k.items, t.Items, c.reads)
}

// Pickle judges a stream, and the object that was made of it; before and after are what was seen of all that the two
// lead to.
func (m *Model) Pickle(s, q uint64, flat bool, id ID, got Stream, before, after []Told) violation {
	w, why, v := m.stream(q, flat, before)
	switch {
	case v != nil:
		return v
	case why != Copied:
		return Streams.Breach("a stream was written of what has none")
	case !bytes.Equal(w.out, got.Bytes):
		n := 0
		for n < min(len(w.out), len(got.Bytes)) && w.out[n] == got.Bytes[n] {
			n++
		}
		return Streams.Breach("from byte %d on a stream is %x, and not %x", n, got.Bytes[n:], w.out[n:])
	case got.Entries != len(w.memo):
		return Streams.Breach("the memo has %d entries, and not %d", got.Entries, len(w.memo))
	case m.MemoTable != nil && !flat && got.Table != m.MemoTable(got.Entries):
		return Streams.Breach("the table of a memo of %d has %d bytes", got.Entries, got.Table)
	}
	if m.StreamPeak != nil {
		if least, most := m.StreamPeak(len(got.Bytes), got.Table); got.Peak < least || got.Peak > most {
			return Streams.Breach("a stream of %d bytes took %d, and not %d to %d",
				len(got.Bytes), got.Peak, least, most)
		}
	}
	c := reading{m.copies(after), flat}
	o, v := c.pair(m.slots[q], id)
	if v != nil {
		return v
	}
	c.enter()
	m.put(s, o)
	return nil
}

// Unpickled judges that there is no stream of an object.
func (m *Model) Unpickled(q uint64, flat bool, why CopyError, before []Told) violation {
	_, want, v := m.stream(q, flat, before)
	if v == nil && why != want {
		v = Streams.Breach("a stream was refused for reason %d, and not %d", why, want)
	}
	return v
}

// Spoilt judges what became of a stream that was spoilt.
func (m *Model) Spoilt(q uint64, at, b int, read bool, why CopyError, before []Told) violation {
	w, want, v := m.stream(q, false, before)
	m.vague, m.parts = true, true // what was read is dead
	switch {
	case v != nil || why == NoMemory:
		return v
	case why != want:
		return Streams.Breach("a stream was refused for reason %d, and not %d", why, want)
	case why != Copied:
		return nil
	}
	if data := Spoilt(w.out, at, b); read != isStream(data) {
		return Loads.Breach("%x was read: %t", data, read)
	}
	if read {
		m.Collect()
		m.Trim()
	}
	return nil
}

// stream is what has to be written. The order of keys is what the store told: it is promised elsewhere, or not at all.
func (m *Model) stream(q uint64, flat bool, before []Told) (*writer[*object], CopyError, violation) {
	if v := m.Verified(before); v != nil {
		return nil, 0, v
	}
	order := map[*object][]*object{}
	for _, t := range before {
		o := m.objects[t.ID]
		if o.kind != Set && o.kind != Frozenset && o.kind != Dict {
			continue
		}
		for _, i := range t.Items {
			order[o] = append(order[o], m.objects[i])
		}
	}
	w := &writer[*object]{flat: flat}
	w.look = func(o *object) (Kind, string, any, string, []*object) {
		if o == nil {
			return Nothing, "", nil, "", nil
		}
		items, key := o.items, any(o)
		if sorted, ok := order[o]; ok {
			items = sorted
		}
		if o.kind == Str && m.isOnce(o) {
			key = o.text
		}
		class := ""
		if o.kind == Slots {
			class = Class(len(o.items), o.final, o.saves)
		}
		return o.kind, o.text, key, class, items
	}
	why := w.dump(m.slots[q])
	m.vague = m.vague || w.waste
	return w, why, nil
}
