package fuzz

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
	"heapfuzz/model/value"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/valuetest"
)

// valueTarget completes the target of a store of values.
func valueTarget(t Target, contract value.Contract, open valuetest.Opener) Target {
	t.Subject, t.Contract = "value", contract
	t.New = func() *props.Subject { return valuetest.Subject(t.Name, contract, open) }
	return t
}

// values are the stores of values that are meant to be right.
func values() []Target {
	all := []Target{valueTarget(Target{
		Name: "value-reference", Smoke: 20,
		Doc: "the values that are believed by eye: slices of numbers, searched from the front",
	}, value.ReferenceContract, func(valuetest.World) (value.Store, error) { return value.NewReference(), nil })}
	for _, name := range []string{"2.7", "old8", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"} {
		prof := pyObjects(name)
		all = append(all, valueTarget(Target{
			Name: "value-" + name, Smoke: 4, Doc: "CPython's lists, sets, dicts and atoms of " + name,
		}, pyValueContract(name), func(w valuetest.World) (value.Store, error) { return openPyValues(prof, w) }))
	}
	return append(all, pickles()...)
}

// pyObjects is the profile of a release.
func pyObjects(name string) *object.Profile {
	prof, ok := object.ProfileByName(name)
	if !ok {
		panic("fuzz: no profile " + name)
	}
	return prof
}

// pyMinor is the minor version of a release; 2.7 is 0, and the one with 8-byte classes is 3.6. Contracts are made from
// it and not from the profile, which may be wrong.
func pyMinor(name string) int {
	_, text, _ := strings.Cut(name, ".")
	minor, err := strconv.Atoi(text)
	switch {
	case name == "2.7":
		return 0
	case err != nil:
		return 6
	}
	return minor
}

// pyValueContract is what a release promises.
func pyValueContract(name string) value.Contract {
	minor := pyMinor(name)
	c := value.Contract{
		OneString: minor == 0, AnyOrder: minor == 0, IntOrder: minor == 0, OpaqueAt: minor == 0, RangeInts: minor > 0,
		Cached: true, FrozenOnce: minor < 10, Immortal: minor >= 12, KeepsNames: minor == 12, CopiesRanges: minor < 10,
		CopiesFlat: minor == 0, FinalAgain: minor < 8, TupleWeaks: int(pySince(minor, 13, 1, 2)),
		CacheCount: 1, PlainCount: 1,
	}
	switch {
	case c.Immortal:
		c.CacheCount, c.PlainCount = object.ImmortalCount, object.ImmortalCount
	case minor == 11:
		c.CacheCount = 999_999_999
	}
	head := uint64(16)
	switch {
	case name == "old8":
		head = 24
	case minor < 8:
		head = 32
	}
	c.Sizes = pyValueSizes(minor, head)
	c.Waits = pyWaits(minor, head)
	c.Sizes.Block = func(variant, n uint64) uint64 { return pyBlock(name == "old8" || variant%2 == 1, n) }
	c.KeepsWaiting = func(k value.Kind) bool { return minor == 0 && (k == value.List || k == value.Dict) }
	return c
}

// pyWaits is what the free lists of a release hold, and the bytes of what waits there.
func pyWaits(minor int, head uint64) func(value.Kind, int) (int, uint64) {
	longest := int(pySince(minor, 11, 20, 19))
	return func(k value.Kind, items int) (most int, bytes uint64) {
		switch {
		case k == value.List:
			most, bytes = 80, head+40
		case k == value.Dict:
			most, bytes = 80, head+pySince(minor, 6, 48, 248)
		case k == value.Tuple && items > 0 && items <= longest:
			most, bytes = 2000, head+24+8*uint64(items)
		case minor == 0 && (k == value.Float || k == value.Int):
			most, bytes = math.MaxInt, 24
		case k == value.Float:
			most, bytes = 100, 24
		}
		return most, bytes
	}
}

// pySetLarge is the number of keys above which tables of sets grow by two. In every second variant it is how many are
// there when a table of 32 slots is full, from 3.7 on.
func pySetLarge(variant uint64) int {
	if variant%2 == 1 {
		return 19
	}
	return 50000
}

// pyBlock is what a block of n bytes takes, if pools have them: n rounded up to a class, which are small ones up to 3.6
// on some machines.
func pyBlock(small bool, n uint64) uint64 {
	switch {
	case n > 512:
		return 0
	case small:
		return (n + 7) &^ 7
	}
	return (n + 15) &^ 15
}

// pyValueSizes are those that sys.getsizeof tells, by Objects/*object.c of the release. head is that of what the
// collector sees.
func pyValueSizes(minor int, head uint64) *value.Sizes {
	since := func(m int, then, before uint64) uint64 { return pySince(minor, m, then, before) }
	even := func(n int) int { return n + n&1 }
	exact := func(n int) int { return n }
	grown := func(size, n int) int {
		switch {
		case n == 0:
			return 0
		case minor < 9 && n < 9:
			return n + n/8 + 3
		case minor < 9:
			return n + n/8 + 6
		}
		want := (n + n/8 + 6) &^ 3
		if n-size > want-n {
			want = (n + 3) &^ 3
		}
		return want
	}
	fresh := func(n int) int { return grown(0, n) }
	z := &value.Sizes{
		Atom: pyAtomSizes(minor), ListGrown: grown, ListOf: even, ListLiteral: even, ListCopy: exact,
		ListExtend: func(n int) (int, bool) { return even(n), minor >= 10 }, SetMerges: minor >= 9,
		PopClears: minor >= 12,
	}
	switch {
	case minor < 8:
		z.ListOf, z.ListLiteral = fresh, exact
	case minor == 8:
		z.ListOf, z.ListLiteral = exact, exact
	case minor == 9:
		z.ListOf, z.ListLiteral = exact, fresh
	}
	if minor == 0 {
		z.ListCopy = fresh
	}
	z.SetFull = func(fill, slots int) bool {
		switch {
		case minor == 0:
			return 3*fill >= 2*slots
		case minor < 7:
			return 3*fill >= 2*(slots-1)
		}
		return 5*fill >= 3*(slots-1)
	}
	function := since(12, 144, since(11, 136, since(10, 128, since(8, 120, since(6, 112, 88)))))
	z.Base = [value.Kinds]uint64{
		value.List: head + 40, value.Tuple: head + 24, value.Set: head + 200, value.Frozenset: head + 200,
		value.Slice: head + 40, value.Function: head + function, value.Cell: head + 24,
		value.Method: head + since(8, 48, since(6, 40, 48)), value.Dict: head + since(6, 48, 248),
		value.Slots: head + 16,
	}
	z.Bare, z.SetLarge = since(8, head+16, 16), pySetLarge
	return z
}

// pySince is what is so from a minor version on, or what was before.
func pySince(minor, m int, then, before uint64) uint64 {
	if minor >= m {
		return then
	}
	return before
}

// pyAtomSizes are the sizes of atoms.
func pyAtomSizes(minor int) func(a *value.Atom) uint64 {
	return func(a *value.Atom) uint64 {
		switch a.Kind {
		case value.None:
			return 16
		case value.Bool, value.Int:
			digits := uint64(a.Int.BitLen()+29) / 30
			switch {
			case minor == 0 && a.Int.IsInt64():
				return 24
			case digits == 0 && minor >= 11:
				digits = 1
			}
			return 24 + 4*digits
		case value.Complex:
			return 32
		case value.Str:
			return pyStrSize(minor, a.Text)
		case value.Bytes:
			return 33 + uint64(len(a.Text))
		case value.ByteArray:
			n := uint64(56)
			if minor == 0 {
				n = 48
			}
			if len(a.Text) > 0 {
				n += uint64(len(a.Text)) + 1
			}
			return n
		case value.Capsule:
			return pySince(minor, 13, 80, 48)
		case value.Range:
			if minor == 0 {
				return 40
			}
			return 48
		}
		return 24 // a float
	}
}

// pyStrSize is the size of a string, of the kind that its widest character asks for.
func pyStrSize(minor int, text string) uint64 {
	if minor == 0 {
		return 37 + uint64(len(text))
	}
	n, widest := uint64(0), rune(0)
	for _, r := range text {
		n, widest = n+1, max(widest, r)
	}
	ascii, wide := uint64(48), uint64(72)
	if minor >= 12 {
		ascii, wide = 40, 56
	}
	switch {
	case widest < 1<<7:
		return ascii + n + 1
	case widest < 1<<8 && n == 1 && minor >= 12:
		return wide + 2 + 3 // there is its UTF-8 form besides
	case widest < 1<<8:
		return wide + n + 1
	case widest < 1<<16:
		return wide + 2*(n+1)
	}
	return wide + 4*(n+1)
}

// pyValues are an interpreter's objects in the shape of a value.Store. An ID is an address.
type pyValues struct {
	h *object.Heap
	c *gc.Collector

	slots map[int]object.TypeID // classes of instances, by how many slots they have; -1 and -2: with a finalizer
	ran   []value.ID
	other uint64              // that ran and was no capsule, since somebody asked for those
	saved []object.Ref        // by their finalizers, in the operation that runs
	once  map[object.Ref]bool // those of them
	full  bool                // a collection runs

	opened  uint64 // capsules, up to the last time that somebody asked
	ballast ballast
	leaks   func() error // of the operating system
}

// openPyValues makes the objects of a world; its variant is that of pyVariant, but that arenas are small in the
// ordinary world: InjectOOM fills them. In every second variant hashes have three bits, tables of sets are large early,
// and blocks have classes of 8 bytes.
func openPyValues(prof *object.Profile, w valuetest.World) (value.Store, error) {
	os := source(heaptest.World{Limit: w.Limit})
	p, cfg := *prof, object.Config{OS: os}
	if w.Variant%2 == 1 {
		p.Arena = pyProfile("old8").Arena
		cfg.HashMask, cfg.SetLarge = 1<<3-1, pySetLarge(w.Variant)
	}
	cfg.Profile = pyVariant(&p, w.Variant)
	h, err := object.New(cfg)
	if err != nil {
		return nil, err
	}
	s := &pyValues{h: h, leaks: os.leaks, slots: map[int]object.TypeID{}, once: map[object.Ref]bool{}}
	h.OnFinalize, h.OnCallback = s.runs, s.runs
	if w.Variant%4 == 3 { // deaths take another way in which they are told
		h.OnDeath = func(object.Ref) {}
	}
	if s.c, err = gc.New(h); err != nil {
		return nil, fmt.Errorf("%w; %w", err, h.Close())
	}
	s.c.Disable()
	if Edges && w.Variant > 3 {
		if err := objectEdges(prof); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func pyRef(o value.ID) object.Ref { return object.Ref(o) }

func pyRefs(all []value.ID) (refs []object.Ref) {
	for _, o := range all {
		refs = append(refs, pyRef(o))
	}
	return refs
}

// Atom makes an atom.
func (s *pyValues) Atom(a value.Atom) value.ID {
	h := s.h
	switch a.Kind {
	case value.None:
		return value.ID(h.None())
	case value.Bool:
		return value.ID(h.Bool(a.Int.Sign() != 0))
	case value.Int:
		return value.ID(h.NewBigInt(a.Int))
	case value.Float:
		return value.ID(h.NewFloat(real(a.Num)))
	case value.Complex:
		return value.ID(h.NewComplex(a.Num))
	case value.Str:
		return value.ID(h.NewStr(a.Text))
	case value.Bytes:
		return value.ID(h.NewBytes([]byte(a.Text)))
	case value.ByteArray:
		return value.ID(h.NewByteArray([]byte(a.Text)))
	case value.Capsule:
		return value.ID(h.NewCapsule(object.Nothing))
	case value.Record:
		names := h.Records()
		if !slices.Contains(names, a.Text) || slices.Contains(names, "lru_cache") != (pyMinor(h.Profile().Name) > 0) {
			return 0 // 2.7 has all but that
		}
		return value.ID(h.NewRecord(a.Text))
	}
	return value.ID(h.NewRange(a.Bounds[0], a.Bounds[1], a.Bounds[2]))
}

// Intern is sys.intern(s), or s in code.
func (s *pyValues) Intern(text string, constant bool) value.ID {
	if constant {
		return value.ID(s.h.Const(text))
	}
	return value.ID(s.h.Intern(text))
}

// Make makes a container.
func (s *pyValues) Make(w value.Way, items []value.ID) value.ID {
	h, refs := s.h, pyRefs(items)
	o := object.Ref(0)
	switch w {
	case value.ListOfLen:
		if o = h.NewList(len(refs)); o != 0 {
			for i, v := range refs {
				h.SetItem(o, i, v)
			}
		}
	case value.ListOf:
		o = h.NewListOf(refs...)
	case value.ListLiteral:
		o = h.ListLiteral(refs...)
	case value.TupleOf:
		o = h.NewTuple(refs...)
	case value.SetOf:
		o = h.NewSet(refs...)
	case value.SetLiteral:
		o = h.SetLiteral(refs...)
	case value.FrozensetOf:
		o = h.NewFrozenset(refs...)
	case value.DictOf:
		o = s.dict(h.NewDict(), refs)
	case value.DictCall:
		o = s.dict(h.CallDict(), refs)
	case value.SliceOf:
		o = h.NewSlice(refs[0], refs[1], refs[2])
	case value.FunctionOf:
		o = h.NewFunction(refs[0], refs[1])
	case value.SlotsOf:
		if o = h.New(s.class(len(refs), len(refs))); o != 0 {
			for i, v := range refs {
				h.SetItem(o, i, v)
			}
		}
	case value.FinalOf:
		o = h.New(s.class(-1, 0))
	case value.SavedOf:
		o = h.New(s.class(-2, 0))
	case value.CellOf:
		o = h.NewCell(refs[0])
	default:
		o = h.NewMethod(refs[0], refs[1])
	}
	return value.ID(o)
}

// class is that of instances with so many slots.
func (s *pyValues) class(key, slots int) object.TypeID {
	id, ok := s.slots[key]
	if !ok {
		t := object.Type{Name: pyClass(key), Kind: object.KindSlotted, Attrs: slots}
		if key < 0 {
			t.Final = object.Nothing
		}
		var err error
		if id, err = s.h.Define(t); err != nil {
			panic(err) // of the few types that there are none is refused
		}
		s.slots[key] = id
	}
	return id
}

// pyClass is its name.
func pyClass(key int) string { return value.Class(max(key, 0), key < 0, key == -2) }

// runs is told what runs.
func (s *pyValues) runs(o object.Ref) {
	if s.h.Kind(o) != object.KindCapsule {
		s.other++
	}
	s.ran = append(s.ran, value.ID(o))
	if id, ok := s.slots[-2]; ok && s.h.IDOf(o) == id && !s.full && !s.once[o] {
		s.once[o] = true
		s.h.Incref(o)
		s.saved = append(s.saved, o)
	}
}

// Ran tells what ran, and lets go what was saved.
func (s *pyValues) Ran() []value.ID {
	for _, o := range s.saved {
		s.h.Decref(o)
	}
	s.saved = s.saved[:0]
	clear(s.once)
	all := s.ran
	s.ran = nil
	return all
}

// NewWeak is weakref.ref(o), or weakref.ref(o, callback), of a class of its own.
func (s *pyValues) NewWeak(o value.ID, calls bool) value.ID {
	return value.ID(s.h.NewWeakref(pyRef(o), calls))
}

// dict fills a dict, or lets it go.
func (s *pyValues) dict(o object.Ref, items []object.Ref) object.Ref {
	for i := 0; o != 0 && i < len(items); i += 2 {
		if !s.h.DictSet(o, items[i], items[i+1]) {
			s.h.Decref(o)
			return 0
		}
	}
	return o
}

// Share is a new reference.
func (s *pyValues) Share(o value.ID) { s.h.Incref(pyRef(o)) }

// Free is the end of one.
func (s *pyValues) Free(o value.ID) { s.h.Decref(pyRef(o)) }

var pyValueKinds = map[object.Kind]value.Kind{
	object.KindNone: value.None, object.KindBool: value.Bool, object.KindInt: value.Int,
	object.KindFloat: value.Float, object.KindComplex: value.Complex, object.KindStr: value.Str,
	object.KindBytes: value.Bytes, object.KindByteArray: value.ByteArray, object.KindRange: value.Range,
	object.KindList: value.List, object.KindTuple: value.Tuple, object.KindSet: value.Set,
	object.KindFrozenset: value.Frozenset, object.KindDict: value.Dict, object.KindSlice: value.Slice,
	object.KindFunction: value.Function, object.KindCell: value.Cell, object.KindMethod: value.Method,
	object.KindCapsule: value.Capsule, object.KindRecord: value.Record, object.KindSlotted: value.Slots,
	object.KindWeakref: value.Weak,
}

// Look tells all of an object. Its items are those that the collector is told, but that they do not tell of what is
// nothing.
func (s *pyValues) Look(id value.ID, t *value.Told) {
	h, o := s.h, pyRef(id)
	*t = value.Told{
		ID: id, Kind: pyValueKinds[h.Kind(o)], Count: h.Count(o), Size: uint64(h.Size(o)), Len: h.Len(o),
		Bytes: uint64(h.Bytes(o)), Items: t.Items[:0],
	}
	add := func(o object.Ref) { t.Items = append(t.Items, value.ID(o)) }
	if d := h.DictOf(o); d != 0 { // which only instances have
		add(d)
	}
	switch t.Kind {
	case value.Dict:
		h.DictEach(o, func(k, v object.Ref) { add(k); add(v) })
	case value.Set, value.Frozenset:
		h.Referents(o, add)
	case value.Weak:
		t.Refers = value.ID(h.Referent(o))
	case value.List, value.Tuple, value.Slice, value.Function, value.Cell, value.Method, value.Slots:
		for i := range t.Len {
			add(h.Get(o, i))
		}
		for _, i := range [...]int{-1, t.Len} { // where nothing is
			if x := h.Get(o, i); x != 0 {
				add(x)
			}
		}
	case value.Str:
		t.Interned = h.IsInterned(o)
		t.Text = h.StrText(o)
		h.Referents(o, add)
	case value.Range:
		t.Text = s.text(o, t)
	default:
		t.Text = s.text(o, t)
		h.Referents(o, add)
	}
}

// text is the value of an atom.
func (s *pyValues) text(o object.Ref, t *value.Told) string {
	h := s.h
	switch t.Kind {
	case value.Bool, value.Int:
		return h.IntValue(o).String()
	case value.Float:
		return value.FloatText(h.FloatValue(o))
	case value.Complex:
		return value.ComplexText(h.ComplexValue(o))
	case value.Bytes, value.ByteArray:
		return h.StrText(o)
	case value.Record:
		return h.TypeOf(o).Name
	case value.Range:
		if h.Profile().ByteStr {
			return ""
		}
		var n [4]int64
		for i := range n {
			n[i] = h.IntValue(h.Get(o, i)).Int64()
		}
		return value.RangeText(n[0], n[1], n[2], n[3])
	}
	return ""
}

// Push is o.append(v).
func (s *pyValues) Push(o, v value.ID) bool { return s.h.Push(pyRef(o), pyRef(v)) }

// Insert is o.insert(i, v).
func (s *pyValues) Insert(o value.ID, i int, v value.ID) bool {
	return s.h.Insert(pyRef(o), i, pyRef(v))
}

// Extend is o.extend(items).
func (s *pyValues) Extend(o value.ID, items []value.ID) bool {
	return s.h.Extend(pyRef(o), pyRefs(items)...)
}

// Pop is o.pop().
func (s *pyValues) Pop(o value.ID) value.ID { return value.ID(s.h.Pop(pyRef(o))) }

// DeleteSlice is del o[i:j].
func (s *pyValues) DeleteSlice(o value.ID, i, j int) { s.h.DeleteSlice(pyRef(o), i, j) }

// Get is o[i].
func (s *pyValues) Get(o value.ID, i int) value.ID { return s.mine(s.h.Get(pyRef(o), i)) }

// mine is a borrowed reference that becomes the caller's.
func (s *pyValues) mine(o object.Ref) value.ID {
	s.h.Incref(o)
	return value.ID(o)
}

// Put is o[i] = v.
func (s *pyValues) Put(o value.ID, i int, v value.ID) { s.h.SetItem(pyRef(o), i, pyRef(v)) }

// Has is key in o.
func (s *pyValues) Has(o, key value.ID) bool { return s.h.SetHas(pyRef(o), pyRef(key)) }

// Add is o.add(key).
func (s *pyValues) Add(o, key value.ID) bool { return s.h.SetAdd(pyRef(o), pyRef(key)) }

// Discard is o.discard(key).
func (s *pyValues) Discard(o, key value.ID) bool { return s.h.SetDiscard(pyRef(o), pyRef(key)) }

// Update is o.update(from).
func (s *pyValues) Update(o, from value.ID) bool {
	if s.h.Kind(pyRef(o)) == object.KindDict {
		return s.h.DictUpdate(pyRef(o), pyRef(from)) == nil
	}
	return s.h.SetUpdate(pyRef(o), pyRef(from))
}

// Clear is o.clear().
func (s *pyValues) Clear(o value.ID) {
	switch r := pyRef(o); s.h.Kind(r) {
	case object.KindDict:
		s.h.DictClear(r)
	case object.KindSet:
		s.h.SetClear(r)
	default:
		s.h.Clear(r)
	}
}

// From is set(o), frozenset(o) or dict(o).
func (s *pyValues) From(o value.ID, k value.Kind) value.ID {
	if k == value.Dict {
		return value.ID(s.h.DictFrom(pyRef(o)))
	}
	return value.ID(s.h.NewSetFrom(pyRef(o), k == value.Frozenset))
}

// DictGet is o[key].
func (s *pyValues) DictGet(o, key value.ID) (value.ID, bool) {
	v, ok := s.h.DictGet(pyRef(o), pyRef(key))
	return s.mine(v), ok
}

// DictSet is o[key] = v. 2.7 stores it and then has no memory to grow; see pyTable.done.
func (s *pyValues) DictSet(o, key, v value.ID) bool {
	return s.stored(o, key, s.h.DictSet(pyRef(o), pyRef(key), pyRef(v)))
}

func (s *pyValues) stored(o, key value.ID, ok bool) bool {
	if !ok {
		s.h.DictDelete(pyRef(o), pyRef(key))
	}
	return ok
}

// DictDelete is del o[key].
func (s *pyValues) DictDelete(o, key value.ID) bool { return s.h.DictDelete(pyRef(o), pyRef(key)) }

// DictPop is o.pop(key).
func (s *pyValues) DictPop(o, key value.ID) (value.ID, bool) {
	v, ok := s.h.DictPop(pyRef(o), pyRef(key))
	return value.ID(v), ok
}

// DictPopItem is o.popitem().
func (s *pyValues) DictPopItem(o value.ID) (key, v value.ID, ok bool) {
	k, x, ok := s.h.DictPopItem(pyRef(o))
	return value.ID(k), value.ID(x), ok
}

// DictSetDefault is o.setdefault(key, v).
func (s *pyValues) DictSetDefault(o, key, v value.ID) (value.ID, bool) {
	x, ok := s.h.DictSetDefault(pyRef(o), pyRef(key), pyRef(v))
	if !s.stored(o, key, ok) {
		return 0, false
	}
	return s.mine(x), true
}

// Copy is copy.copy(o), or copy.deepcopy(o).
func (s *pyValues) Copy(o value.ID, deep bool) (value.ID, value.CopyError) {
	f := s.h.Copy
	if deep {
		f = s.h.DeepCopy
	}
	y, err := f(pyRef(o))
	if err != nil {
		return 0, copyError(err)
	}
	return value.ID(y), value.Copied
}

// CopyBoth is copy.deepcopy(a, memo) and copy.deepcopy(b, memo), with one memo.
func (s *pyValues) CopyBoth(a, b value.ID) (x, y value.ID, entries int, why value.CopyError) {
	memo := s.h.NewMemo()
	first, err := memo.DeepCopy(pyRef(a))
	if err != nil {
		memo.Undo()
		return 0, 0, 0, copyError(err)
	}
	second, err := memo.DeepCopy(pyRef(b))
	if err != nil {
		s.h.Decref(first)
		memo.Undo()
		return 0, 0, 0, copyError(err)
	}
	entries = memo.Len()
	memo.Close()
	return value.ID(first), value.ID(second), entries + memo.Len(), value.Copied // a closed one has none
}

func copyError(err error) value.CopyError {
	switch {
	case errors.Is(err, object.ErrUncopyable):
		return value.Uncopyable
	case errors.Is(err, object.ErrNoMemory):
		return value.NoMemory
	}
	panic(err) // a cycle without a list or a dict, which no program can make
}

// Collect is gc.collect().
func (s *pyValues) Collect() {
	s.c.Enable()
	s.full = true
	s.c.Collect(gc.Generations - 1)
	s.full = false
	s.c.Disable()
}

// Trim empties free lists.
func (s *pyValues) Trim() {
	s.h.ClearFreeLists()
	s.h.Memory().Trim()
}

// CheckInvariants recounts all.
func (s *pyValues) CheckInvariants(held func(func(value.ID))) error {
	if len(s.ballast.blocks) > 0 {
		return nil // no block of an object
	}
	return s.c.CheckInvariants(func(hold func(object.Ref)) { held(func(o value.ID) { hold(pyRef(o)) }) })
}

// InjectOOM makes requests to the operating system fail. That pymalloc has to ask it, what it has left is taken first.
func (s *pyValues) InjectOOM(nth int, persistent bool) {
	s.ballast.inject(s.h.Memory(), nth, persistent)
}

// Usage tells what is in use that does not stay for ever.
func (s *pyValues) Usage() (live, blocks, bytes uint64) {
	blocks, bytes, _ = s.h.Memory().Usage()
	blocks -= uint64(s.h.OwnBlocks() + len(s.ballast.blocks))
	return uint64(s.h.Live()), blocks, bytes - s.h.OwnBytes() - s.ballast.bytes
}

// Opened counts what the log has: a line for all that ran.
func (s *pyValues) Opened() uint64 {
	s.opened += uint64(len(s.h.Events)) - s.other
	s.h.Events, s.other = s.h.Events[:0], 0
	return s.opened
}

// Waiting tells what the free lists have.
func (s *pyValues) Waiting() (objects, bytes uint64) {
	return uint64(s.h.FreeListed()), s.h.FreeListBytes()
}

// Close gives all back.
func (s *pyValues) Close() error {
	s.ballast.drop(s.h.Memory())
	return errors.Join(s.h.Close(), s.leaks())
}
