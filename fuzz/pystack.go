package fuzz

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
	"heapfuzz/props/heaptest"
)

// stackDicts are the dicts of heaps of objects: dict, collector and allocator at once. Values lead back to the dict
// that holds them, or are that dict; some have finalizers, which read the dict if it is in use, and write into it if it
// is being cleared or is garbage. Collections begin by themselves every few allocations, inside insertions, copies and
// iterations. A check recounts all memory to the byte.
func stackDicts() (ts []Target) {
	for _, name := range []string{"2.7", "old8", "3.6", "3.8", "3.10", "3.11", "3.12", "3.13"} {
		ts = append(ts, stackTarget("stack-"+name, name, stackSound))
	}
	return ts
}

// stackFault is what a store of stackDicts does wrong on purpose.
type stackFault uint8

const (
	stackSound    stackFault = iota
	stackLeaks               // a value that is taken out keeps a reference
	stackLoses               // clear forgets a block
	stackUntracks            // a dict is hidden from the collector
)

func stackTarget(name, profile string, fault stackFault) Target {
	prof, ok := object.ProfileByName(profile)
	if !ok {
		panic("fuzz: no profile " + profile)
	}
	c := dict.Contract{Order: dict.Insertion, During: dict.Detected, KeepsSize: true, ClearFrees: true}
	if prof.Legacy {
		c.Order = dict.Any
	}
	return dictTarget(Target{
		Name: name, Smoke: 3,
		Doc: "the dict of CPython " + profile + " in a heap of objects, whose collector runs meanwhile",
	}, c, func(w dicttest.World) (dicttest.Store, error) { return newStack(prof, w, fault) })
}

// stack is a heap of objects in the shape of a dict.Store.
type stack struct {
	h     *object.Heap
	c     *gc.Collector
	fault stackFault
	old   bool
	node  object.TypeID // instances that hold a number and the dict
	dicts []*stackDict  // in the order in which they were made
	keys  map[uint64][2]object.Ref
	known []uint64 // the keys of keys, in the order in which they were made
}

// stackSelf is the value that stands for the dict itself.
const stackSelf = 9

// stackHidden is a key that only finalizers use, and those behind it.
const stackHidden = 1 << 40

func newStack(prof *object.Profile, w dicttest.World, fault stackFault) (*stack, error) {
	if prof.Legacy {
		w.Limit = 0 // 2.7 stores before it grows
	}
	os := source(heaptest.World{Limit: w.Limit})
	h, err := object.New(object.Config{Profile: pyVariant(prof, w.Variant/4), OS: os})
	if err != nil {
		return nil, err
	}
	s := &stack{h: h, fault: fault, old: prof.Legacy, keys: map[uint64][2]object.Ref{}}
	if s.c, err = gc.New(h); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	s.c.SetThreshold([...]int{5, 1, 20, 700}[w.Variant%4], 2, 2)
	t := object.Type{Name: "node", Kind: object.KindInstance, Attrs: 2, Weak: true, Final: object.Nothing}
	if prof.Legacy {
		t.Final = object.NoFinalizer // its finalizers keep garbage for ever
	}
	if s.node, err = h.Define(t); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	h.OnFinalize = s.finalize
	return s, nil
}

// key returns one of two objects that are the key, borrowed: the first is what dicts get, the second is looked for. It
// is 0 if there is no memory, or, without make, no such key yet.
func (s *stack) key(key uint64, which int, make bool) object.Ref {
	pair, ok := s.keys[key]
	if ok || !make {
		return pair[which]
	}
	for i := range pair {
		if pair[i] = s.newKey(key); pair[i] == 0 {
			s.h.Decref(pair[0])
			return 0
		}
	}
	s.keys[key] = pair
	s.known = append(s.known, key)
	return pair[which]
}

// newKey makes an int, a string, or a tuple.
func (s *stack) newKey(key uint64) object.Ref {
	text := strconv.FormatUint(key, 10)
	switch {
	case key%3 == 1:
		return s.h.NewStr(text)
	case key%3 == 2:
		n := s.h.NewStr(text)
		if n == 0 {
			return 0
		}
		defer s.h.Decref(n)
		return s.h.NewTuple(n, 0)
	}
	return s.h.NewInt(int64(key))
}

// number is the key that an object is.
func (s *stack) number(o object.Ref) uint64 {
	switch s.h.Kind(o) {
	case object.KindInt:
		return uint64(s.h.IntValue(o).Int64())
	case object.KindTuple:
		o = s.h.Get(o, 0)
	}
	n, err := strconv.ParseUint(s.h.StrText(o), 10, 64)
	if err != nil {
		panic("fuzz: a key that nobody set")
	}
	return n
}

// value makes the object that is a value of a dict, or returns 0.
func (s *stack) value(d object.Ref, v uint64) object.Ref {
	h := s.h
	if v == stackSelf {
		h.Incref(d)
		return d
	}
	n := h.NewInt(int64(v))
	if n == 0 || v%4 == 0 {
		return n
	}
	defer h.Decref(n)
	switch v % 4 {
	case 1:
		return h.NewListOf(n, d)
	case 2:
		o := h.New(s.node)
		if o != 0 {
			h.SetItem(o, 0, n)
			h.SetItem(o, 1, d)
		}
		return o
	}
	l := h.NewListOf(d)
	if l == 0 {
		return 0
	}
	defer h.Decref(l)
	return h.NewTuple(n, l)
}

// valueOf is the number of a value.
func (s *stack) valueOf(o object.Ref) uint64 {
	switch s.h.Kind(o) {
	case object.KindDict:
		return stackSelf
	case object.KindInt:
	default:
		o = s.h.Get(o, 0)
	}
	return s.h.IntValue(o).Uint64()
}

// finalize is what the finalizer of a node does to its dict.
func (s *stack) finalize(o object.Ref) {
	h := s.h
	d := h.Get(o, 1)
	if d == 0 {
		return
	}
	for _, live := range s.dicts {
		if live.o == d && !live.clearing {
			h.DictEach(d, func(_, v object.Ref) { s.valueOf(v) })
			h.Decref(h.DictCopy(d))
			return
		}
	}
	for i := range int64(7) {
		k, l := h.NewInt(stackHidden+i), h.NewListOf(d)
		if k != 0 && l != 0 && h.DictSet(d, k, l) && i%3 == 2 {
			h.DictDelete(d, k)
		}
		h.Decref(k)
		h.Decref(l)
	}
}

// after ends an operation: from 3.12 on this is when a collection that was asked for runs.
func (s *stack) after() {
	s.c.Safepoint()
	s.h.Events = s.h.Events[:0]
}

// New makes {}.
func (s *stack) New(int) dict.Dict { return s.made(s.h.NewDict()) }

func (s *stack) made(o object.Ref) dict.Dict {
	defer s.after()
	if o == 0 {
		return nil
	}
	d := &stackDict{s: s, o: o}
	s.dicts = append(s.dicts, d)
	return d
}

// Usage leaves out what belongs to no dict, after a full collection.
func (s *stack) Usage() (bytes, footprint uint64) {
	s.c.Collect(2)
	_, bytes, footprint = s.h.Memory().Usage()
	bytes -= s.h.OwnBytes()
	for _, key := range s.known {
		for _, o := range s.keys[key] {
			bytes -= s.keyBytes(o)
		}
	}
	return bytes, footprint
}

// keyBytes is what a key takes, unless the heap keeps it anyway.
func (s *stack) keyBytes(o object.Ref) uint64 {
	if s.h.IsCached(o) {
		return 0
	}
	n := uint64(s.h.Bytes(o))
	if s.h.Kind(o) == object.KindTuple {
		n += s.keyBytes(s.h.Get(o, 0))
	}
	return n
}

// InjectOOM makes requests to the operating system fail. 2.7 is spared: see newStack.
func (s *stack) InjectOOM(nth int, persistent bool) {
	if !s.old {
		s.h.Memory().InjectOOM(nth, persistent)
	}
}

// Trim collects, and empties free lists.
func (s *stack) Trim() {
	s.c.Collect(2)
	s.h.ClearFreeLists()
	s.h.Memory().Trim()
}

// Close gives all back.
func (s *stack) Close() error { return s.h.Close() }

// CheckInvariants recounts dicts, objects, generations and all memory.
func (s *stack) CheckInvariants() error {
	return s.c.CheckInvariants(func(hold func(object.Ref)) {
		for _, d := range s.dicts {
			hold(d.o)
		}
		for _, key := range s.known {
			for _, o := range s.keys[key] {
				hold(o)
			}
		}
	})
}

// stackDict is a dict.Dict of a stack.
type stackDict struct {
	s        *stack
	o        object.Ref
	clearing bool
}

// Get is d.get(key).
func (d *stackDict) Get(key uint64) (uint64, bool) {
	k := d.s.key(key, 1, false)
	if k == 0 {
		return 0, false
	}
	v, ok := d.s.h.DictGet(d.o, k)
	if !ok {
		return 0, false
	}
	return d.s.valueOf(v), true
}

// Set is d[key] = value.
func (d *stackDict) Set(key, value uint64) bool {
	defer d.s.after()
	_, ok := d.store(key, value, func(k, v object.Ref) (object.Ref, bool) { return v, d.s.h.DictSet(d.o, k, v) })
	return ok
}

func (d *stackDict) store(key, value uint64, f func(k, v object.Ref) (object.Ref, bool)) (uint64, bool) {
	s := d.s
	k := s.key(key, 0, true)
	if k == 0 {
		return 0, false
	}
	v := s.value(d.o, value)
	if v == 0 {
		return 0, false
	}
	got, ok := f(k, v)
	n := uint64(0)
	if ok {
		n = s.valueOf(got)
	}
	s.h.Decref(v)
	if ok && s.fault == stackUntracks && s.h.DictLen(d.o) == 6 {
		s.untrack(d.o)
	}
	return n, ok
}

// untrack takes a dict off its generation.
func (s *stack) untrack(o object.Ref) {
	if s.h.IsTracked(o) {
		s.h.Unlink(o)
	}
}

// SetDefault is d.setdefault(key, value).
func (d *stackDict) SetDefault(key, value uint64) (uint64, bool) {
	defer d.s.after()
	return d.store(key, value, func(k, v object.Ref) (object.Ref, bool) { return d.s.h.DictSetDefault(d.o, k, v) })
}

// Delete is del d[key].
func (d *stackDict) Delete(key uint64) bool {
	defer d.s.after()
	k := d.s.key(key, 1, false)
	return k != 0 && d.s.h.DictDelete(d.o, k)
}

// Pop is d.pop(key).
func (d *stackDict) Pop(key uint64) (uint64, bool) {
	defer d.s.after()
	k := d.s.key(key, 1, false)
	if k == 0 {
		return 0, false
	}
	v, ok := d.s.h.DictPop(d.o, k)
	if !ok {
		return 0, false
	}
	n := d.s.valueOf(v)
	if d.s.fault != stackLeaks {
		d.s.h.Decref(v)
	}
	return n, true
}

// PopItem is d.popitem().
func (d *stackDict) PopItem() (key, value uint64, ok bool) {
	defer d.s.after()
	k, v, ok := d.s.h.DictPopItem(d.o)
	if !ok {
		return 0, 0, false
	}
	key, value = d.s.number(k), d.s.valueOf(v)
	d.s.h.Decref(k)
	d.s.h.Decref(v)
	return key, value, true
}

// Len is len(d).
func (d *stackDict) Len() int { return d.s.h.DictLen(d.o) }

// Clear is d.clear(), until what finalizers wrote meanwhile is gone too.
func (d *stackDict) Clear() {
	defer d.s.after()
	if d.s.fault == stackLoses && d.Len() > 5 {
		d.s.h.Memory().Alloc(200)
	}
	d.clearing = true
	for d.s.h.DictClear(d.o); d.Len() > 0; {
		d.s.h.DictClear(d.o)
	}
	d.clearing = false
}

// Update is d.update(from).
func (d *stackDict) Update(from dict.Dict) bool {
	defer d.s.after()
	err := d.s.h.DictUpdate(d.o, from.(*stackDict).o)
	if err != nil && !errors.Is(err, pydict.ErrNoMemory) {
		panic(fmt.Sprintf("fuzz: update: %v", err))
	}
	return err == nil
}

// Copy is d.copy().
func (d *stackDict) Copy() dict.Dict { return d.s.made(d.s.h.DictCopy(d.o)) }

// Rebuild is dict(d).
func (d *stackDict) Rebuild() dict.Dict { return d.s.made(d.s.h.DictFrom(d.o)) }

// Size is sys.getsizeof(d).
func (d *stackDict) Size() uint64 { return uint64(d.s.h.Size(d.o)) }

// Free lets go of d, which may be garbage from then on.
func (d *stackDict) Free() {
	s := d.s
	s.dicts = slices.DeleteFunc(s.dicts, func(o *stackDict) bool { return o == d })
	s.h.Decref(d.o)
	s.after()
}

// Iterate is iter(d). Each step may collect.
func (d *stackDict) Iterate() dict.Iterator { return &stackIter{s: d.s, it: d.s.h.DictIter(d.o)} }

type stackIter struct {
	s     *stack
	it    object.DictIter
	steps int
}

func (i *stackIter) Next() (key, value uint64, step dict.Step) {
	if i.steps++; i.steps%8 == 0 {
		i.s.c.Collect(i.steps / 8 % 3)
	}
	k, v, ok, err := i.s.h.DictStep(&i.it)
	switch {
	case err != nil:
		return 0, 0, dict.Changed
	case !ok:
		return 0, 0, dict.End
	}
	return i.s.number(k), i.s.valueOf(v), dict.Entry
}
