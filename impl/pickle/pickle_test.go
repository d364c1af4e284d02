package pickle

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"heapfuzz/impl/object"
	"heapfuzz/impl/page"
)

func open(t testing.TB, name string) *object.Heap {
	t.Helper()
	prof, ok := object.ProfileByName(name)
	if !ok {
		t.Fatalf("no profile %s", name)
	}
	h, err := object.New(object.Config{Profile: prof})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// A made thing is an object of a test, and lets go of what it was made of.
func list(h *object.Heap, items ...object.Ref) object.Ref {
	o := h.NewList(0)
	for _, v := range items {
		h.Push(o, v)
		h.Decref(v)
	}
	return o
}

func tuple(h *object.Heap, items ...object.Ref) object.Ref {
	o := h.NewTuple(items...)
	for _, v := range items {
		h.Decref(v)
	}
	return o
}

func dict(h *object.Heap, pairs ...object.Ref) object.Ref {
	o := h.NewDict()
	for i := 0; i < len(pairs); i += 2 {
		h.DictSet(o, pairs[i], pairs[i+1])
		h.Decref(pairs[i])
		h.Decref(pairs[i+1])
	}
	return o
}

func instance(h *object.Heap, id object.TypeID, attrs ...object.Ref) object.Ref {
	o := h.New(id)
	for k, v := range attrs {
		h.SetItem(o, k, v)
		h.Decref(v)
	}
	return o
}

func ints(h *object.Heap, all ...int64) (refs []object.Ref) {
	for _, n := range all {
		refs = append(refs, h.NewInt(n))
	}
	return refs
}

// looped puts o into the list l, which it holds, once more.
func looped(h *object.Heap, l, o object.Ref) object.Ref {
	h.Push(l, o)
	return o
}

// TestVectors compares with what pickle.dumps(x, 4) of Python 3 writes, without its frames. Long streams are compared
// by their length and SHA-256.
func TestVectors(t *testing.T) {
	for _, row := range []struct {
		name, want string
		make       func(h *object.Heap) object.Ref
	}{
		{"atoms", "80045d94284e88894b004bff4d00014dffff4a000001004affffffff4a000000808a0500000080008a08000000000000" +
			"00808a1a00000000000000000000000000000000000000000000000000018a1a0000000000000000000000000000000000000000" +
			"0000000000ff473ff8000000000000652e", func(h *object.Heap) object.Ref {
			all := []object.Ref{0, h.Bool(true), h.Bool(false)}
			all = append(all, ints(h, 0, 255, 256, 65535, 65536, -1, -1<<31, 1<<31, -1<<63)...)
			big200 := new(big.Int).Lsh(big.NewInt(1), 200)
			all = append(all, h.NewBigInt(big200), h.NewBigInt(new(big.Int).Neg(big200)), h.NewFloat(1.5))
			return list(h, all...)
		}},
		{"texts", "740 95e07ad8142fc77edfaa19c2ea509c35414832d28dda5e183df77cd677b69afd",
			func(h *object.Heap) object.Ref {
				return list(h, h.NewStr(""), h.NewStr("a"), h.NewStr("\u20ac"), h.NewStr(strings.Repeat("ab", 200)),
					h.NewBytes(nil), h.NewBytes([]byte("ab")), h.NewBytes(make([]byte, 300)))
			}},
		{"loop", "80045d94284b016800652e", func(h *object.Heap) object.Ref {
			l := list(h, h.NewInt(1))
			return looped(h, l, l)
		}},
		{"tuple loop", "80045d9468008594613068012e", func(h *object.Heap) object.Ref {
			l := list(h)
			return looped(h, l, tuple(h, l))
		}},
		{"long tuple loop", "8004285d942868004b014b024b037494614b014b024b033168012e", func(h *object.Heap) object.Ref {
			l := list(h)
			return looped(h, l, tuple(h, append([]object.Ref{l}, ints(h, 1, 2, 3)...)...))
		}},
		{"own value", "80047d948c0473656c66946800732e", func(h *object.Heap) object.Ref {
			d, k := h.NewDict(), h.NewStr("self")
			h.DictSet(d, k, d)
			h.Decref(k)
			return d
		}},
		{"shared", "80045d94285d948c017894616801294b0185944b014b0286944b014b024b038794284b014b024b034b047494652e",
			func(h *object.Heap) object.Ref {
				l := list(h, h.NewStr("x"))
				h.Incref(l)
				return list(h, l, l, h.NewTuple(), tuple(h, ints(h, 1)...), tuple(h, ints(h, 1, 2)...),
					tuple(h, ints(h, 1, 2, 3)...), tuple(h, ints(h, 1, 2, 3, 4)...))
			}},
		{"one pair", "80047d944b014b02732e", func(h *object.Heap) object.Ref { return dict(h, ints(h, 1, 2)...) }},
		{"pairs", "80047d94284b014b028c016b945d944b03614e29752e", func(h *object.Heap) object.Ref {
			return dict(h, h.NewInt(1), h.NewInt(2), h.NewStr("k"), list(h, h.NewInt(3)), h.None(), h.NewTuple())
		}},
		{"set", "80048f94284b07902e", func(h *object.Heap) object.Ref { return h.NewSet(ints(h, 7)...) }},
		{"frozenset", "8004284b0791942e", func(h *object.Heap) object.Ref { return h.NewFrozenset(ints(h, 7)...) }},
		{"instances", "80045d94288c086865617066757a7a948c04496e73749493942981947d94288c0161944b018c0163944b028c" +
			"0165944b03756268032981947d942868064b0468074b0568084e7562652e", func(h *object.Heap) object.Ref {
			k := define(t, h)
			return list(h, instance(h, k.inst, ints(h, 1, 2, 3)...), instance(h, k.inst, h.NewInt(4), h.NewInt(5), 0))
		}},
		{"slots", "80045d94288c086865617066757a7a948c05536c6f74739493942981944e7d94288c0161944b018c016394" +
			"4b027586946268032981944e7d942868064e68074b047586946268018c04496e73749493942981947d942868064b0568074b" +
			"068c0165944b077562652e",
			func(h *object.Heap) object.Ref {
				k := define(t, h)
				return list(h, instance(h, k.slots, ints(h, 1, 2)...), instance(h, k.slots, 0, h.NewInt(4)),
					instance(h, k.inst, ints(h, 5, 6, 7)...))
			}},
		{"own slot", "80048c086865617066757a7a948c05536c6f74739493942981944e7d94288c01619468038c0163944b04758694622e",
			func(h *object.Heap) object.Ref {
				o := instance(h, define(t, h).slots, 0, h.NewInt(4))
				h.SetItem(o, 0, o)
				return o
			}},
		{"full batch of a set", "2753 eae0f8e1eaf6ea1184c56740943c87965a6278b46fceedc7f07d43efa764e6db",
			func(h *object.Heap) object.Ref {
				o := h.NewSet()
				for k := range int64(1000) {
					h.SetAdd(o, h.NewInt(k))
				}
				return o
			}},
		{"full batches of a dict", "11499 61c2156069b9c21206a7c58c62cbe4435b932a9af5c30b37f4014fcf663321f0",
			func(h *object.Heap) object.Ref {
				o := h.NewDict()
				for k := range int64(2000) {
					h.DictSet(o, h.NewInt(k), h.NewInt(k))
				}
				return o
			}},
		{"full batches of a list", "4009 e95a1d28ebe6185b3fd3f95dc9a293f532715fe8ea5fa08c3d4666460b1ee8ca",
			func(h *object.Heap) object.Ref {
				o := h.NewList(0)
				for range 2000 {
					h.Push(o, h.NewInt(0))
				}
				return o
			}},
		{"batches", "4013 0a40e29bb63c36a1643d7fb7af083ccb83916c6013731cc97290cabc43eddcf9",
			func(h *object.Heap) object.Ref {
				l := h.NewList(0)
				for range 2001 {
					h.Push(l, h.NewInt(0))
				}
				return l
			}},
	} {
		h := open(t, "3.11")
		o := row.make(h)
		s, err := Dump(h, o, Memo)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		got := fmt.Sprintf("%x", s.Bytes())
		if strings.Contains(row.want, " ") {
			got = fmt.Sprintf("%d %x", len(s.Bytes()), sha256.Sum256(s.Bytes()))
		}
		if got != row.want {
			t.Errorf("%s:\n%s, want\n%s", row.name, got, row.want)
		}
		s.Close()
	}
}

// shape writes a graph down so that two of the same shape read alike: an object that was met before is its number.
func shape(h *object.Heap, o object.Ref) string {
	var b strings.Builder
	seen := map[object.Ref]int{}
	var walk func(o object.Ref)
	walk = func(o object.Ref) {
		if o == 0 || h.Kind(o) == object.KindNone {
			b.WriteString("None ")
			return
		}
		kind := h.Kind(o)
		switch kind {
		case object.KindInt, object.KindBool:
			fmt.Fprintf(&b, "%v:%v ", kind, h.IntValue(o))
			return
		case object.KindFloat:
			fmt.Fprintf(&b, "%v ", h.FloatValue(o))
			return
		}
		if n, ok := seen[o]; ok {
			fmt.Fprintf(&b, "#%d ", n)
			return
		}
		seen[o] = len(seen)
		switch kind {
		case object.KindStr, object.KindBytes:
			fmt.Fprintf(&b, "%v:%q ", kind, h.StrText(o))
			return
		case object.KindDict:
			b.WriteString("{")
			h.DictEach(o, func(k, v object.Ref) {
				walk(k)
				walk(v)
			})
			b.WriteString("} ")
			return
		case object.KindSet, object.KindFrozenset:
			fmt.Fprintf(&b, "%v(", kind)
			h.Referents(o, walk)
			b.WriteString(") ")
			return
		}
		fmt.Fprintf(&b, "%v(", h.TypeOf(o).Name)
		for k := range h.Len(o) {
			walk(h.Get(o, k))
		}
		b.WriteString(") ")
	}
	walk(o)
	return b.String()
}

// kinds are what random graphs have besides what the language has.
type kinds struct{ inst, slots object.TypeID }

func (k kinds) find(name string) (object.TypeID, bool) {
	id, ok := map[string]object.TypeID{"Inst": k.inst, "Slots": k.slots}[name]
	return id, ok
}

func define(t testing.TB, h *object.Heap) (k kinds) {
	t.Helper()
	var err, err2 error
	k.inst, err = h.Define(object.Type{Name: "Inst", Kind: object.KindInstance, Attrs: 3, Weak: true})
	k.slots, err2 = h.Define(object.Type{Name: "Slots", Kind: object.KindSlotted, Attrs: 2})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return k
}

// random makes n objects that refer to one another; it returns a list of all, and has no other reference.
func random(h *object.Heap, k kinds, r *rand.Rand, n int) object.Ref {
	var all []object.Ref
	some := func() object.Ref {
		if len(all) == 0 {
			return 0
		}
		return all[r.IntN(len(all))]
	}
	for range n {
		var o object.Ref
		switch v := r.IntN(1000); r.IntN(11) {
		case 0:
			o = h.NewStr(strings.Repeat("\u00e9x", v/4))
		case 1:
			o = h.NewBytes([]byte(fmt.Sprint(v)))
		case 2:
			o = h.NewTuple(some(), some(), some())
		case 3:
			o = h.NewTuple(make([]object.Ref, v%6)...)
		case 4:
			o = h.NewDict()
		case 5:
			f := h.NewFloat(float64(v))
			o = h.NewSet(f)
			h.Decref(f)
		case 6:
			o = h.New(k.inst)
		case 7:
			o = h.New(k.slots)
		case 8:
			o = h.NewBigInt(new(big.Int).Lsh(big.NewInt(int64(v)), uint(v)))
		default:
			o = h.NewList(v % 5)
		}
		all = append(all, o)
	}
	for i := range 3 * n {
		o, to := some(), some()
		switch h.Kind(o) {
		case object.KindDict:
			key := h.NewStr(fmt.Sprint(i % 9))
			h.DictSet(o, key, to)
			h.Decref(key)
		case object.KindTuple:
		default:
			h.SetItem(o, r.IntN(5), to)
		}
	}
	return list(h, all...)
}

// TestRoundTrip loads what was dumped, and finds the same shape, on every profile; all that was taken is given back.
func TestRoundTrip(t *testing.T) {
	for _, p := range append(object.Profiles(), mustProfile("2.7")) {
		h := open(t, p.Name)
		k := define(t, h)
		var roots []object.Ref
		for seed := range uint64(6) {
			o := random(h, k, rand.New(rand.NewPCG(seed, 1)), 10+100*int(seed))
			s, err := Dump(h, o, Memo)
			if err != nil {
				t.Fatalf("%s: %v", p.Name, err)
			}
			got, err := Load(h, s.Bytes(), k.find)
			if err != nil {
				t.Fatalf("%s: seed %d: %v", p.Name, seed, err)
			}
			if p.Legacy {
				again, err := Dump(h, got, Memo) // the order of a dict is that of its history
				if err != nil || len(again.Bytes()) != len(s.Bytes()) {
					t.Fatalf("2.7: seed %d: %d bytes, and then %d, %v", seed, len(s.Bytes()), len(again.Bytes()), err)
				}
				again.Close()
			} else if a, b := shape(h, o), shape(h, got); a != b {
				t.Fatalf("%s: seed %d: loaded\n%s\nof\n%s", p.Name, seed, b, a)
			}
			s.Close()
			roots = append(roots, o, got)
			if err := h.CheckInvariants(func(hold func(object.Ref)) {
				for _, o := range roots {
					hold(o)
				}
			}, []object.List{h.Young}); err != nil {
				t.Fatalf("%s: seed %d: %v", p.Name, seed, err)
			}
		}
	}
}

func mustProfile(name string) *object.Profile {
	p, ok := object.ProfileByName(name)
	if !ok {
		panic(name)
	}
	return p
}

// TestFlat: without a memo what is shared is written twice, and a cycle is an error that says where.
func TestFlat(t *testing.T) {
	h := open(t, "3.8")
	k := define(t, h)
	shared := list(h, h.NewInt(5))
	h.Incref(shared)
	s, err := Dump(h, list(h, shared, shared), Flat)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Load(h, s.Bytes(), nil)
	if err != nil || shape(h, o) != "list(list(int:5 ) list(int:5 ) ) " || s.Memoised() != 0 {
		t.Errorf("%s, %d memoised, %v", shape(h, o), s.Memoised(), err)
	}
	s.Close()

	inner := list(h, 0)
	inst := h.New(k.inst)
	h.SetItem(inst, 1, inner)
	d := dict(h, h.NewStr("a"), 0, h.NewStr("b"), tuple(h, 0, inst))
	h.SetItem(inner, 0, d)
	_, err = Dump(h, list(h, 0, d), Flat)
	var cycle *CycleError
	if !errors.As(err, &cycle) || cycle.Place != "x[1].values()[1][1].c[0]" || cycle.Back != "x[1]" {
		t.Errorf("%v", err)
	}
	for _, id := range []object.TypeID{k.inst, k.slots} {
		o := h.New(id)
		h.SetItem(o, 1, tuple(h, dict(h, h.NewInt(1), list(h, o))))
		_, err = Dump(h, o, Flat)
		if !errors.As(err, &cycle) || cycle.Place != "x.c[0].values()[0][0]" || cycle.Back != "x" {
			t.Errorf("%v", err)
		}
	}
	if _, err = Dump(h, list(h, h.NewCell(0)), Memo); !errors.Is(err, ErrKind) ||
		err.Error() != "pickle: x[0] is a cell, which has no opcode" {
		t.Errorf("a cell: %v", err)
	}
}

// TestDeep dumps and loads a chain that no stack of C would hold.
func TestDeep(t *testing.T) {
	const depth = 200_000
	h := open(t, "3.13")
	o := list(h)
	for range depth {
		o = list(h, o)
	}
	s, err := Dump(h, o, Memo)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(h, s.Bytes(), nil)
	if err != nil || s.Memoised() != depth+1 {
		t.Fatalf("%d memoised, %v", s.Memoised(), err)
	}
	n := 0
	for x := got; h.Len(x) > 0; x = h.Get(x, 0) {
		n++
	}
	if n != depth {
		t.Errorf("loaded %d levels", n)
	}
	s.Close()
	h.Decref(o)
	h.Decref(got)
	if h.Live() != 0 {
		t.Errorf("%d objects are left", h.Live())
	}
}

// TestMemoTable has the sizes at which PyMemoTable grows: to more than four times its entries at two thirds.
func TestMemoTable(t *testing.T) {
	h := open(t, "3.11")
	m := memo{mem: h.Memory(), grown: func() {}}
	if !m.start() {
		t.Fatal("no memory")
	}
	sizes := map[uintptr]uintptr{}
	for n := uintptr(1); n <= 200_000; n++ {
		m.put(n << 4)
		if sizes[m.slots] == 0 {
			sizes[m.slots] = n
		}
	}
	want := map[uintptr]uintptr{8: 1, 32: 6, 128: 22, 512: 86, 2048: 342, 8192: 1366, 32768: 5462, 131072: 21846,
		262144: 87382, 524288: 174763}
	if fmt.Sprint(sizes) != fmt.Sprint(want) {
		t.Errorf("grows at %v, want %v", sizes, want)
	}
	for n := uintptr(1); n <= 200_000; n++ {
		if i, ok := m.get(n << 4); !ok || i != int(n-1) {
			t.Fatalf("key %d has number %d, %t", n, i, ok)
		}
	}
	h.Memory().Free(page.Pointer(m.table))
}

// TestWithoutMemory lets each request for memory fail that Dump and Load make. Nothing is lost.
func TestWithoutMemory(t *testing.T) {
	h := open(t, "3.11")
	k := define(t, h)
	o := random(h, k, rand.New(rand.NewPCG(3, 3)), 3000)
	whole, err := Dump(h, o, Memo)
	if err != nil {
		t.Fatal(err)
	}
	data := append([]byte(nil), whole.Bytes()...)
	whole.Close()
	failed := 0
	for nth := 1; nth < 12; nth++ {
		_, before, _ := h.Memory().Usage()
		live := h.Live()
		h.Memory().Trim()
		h.Memory().InjectOOM(nth, true)
		s, err := Dump(h, o, Memo)
		if err == nil {
			s.Close()
		}
		h.Memory().InjectOOM(0, false)
		if err != nil {
			failed++
			if !errors.Is(err, ErrNoMemory) {
				t.Errorf("request %d: %v", nth, err)
			}
		}
		if _, after, _ := h.Memory().Usage(); after != before || h.Live() != live {
			t.Errorf("request %d: %d bytes more, %d objects", nth, after-before, h.Live()-live)
		}
	}
	if failed < 2 {
		t.Errorf("%d dumps failed", failed)
	}
	h.Memory().Trim()
	h.Memory().InjectOOM(1, true)
	if _, err := Load(h, data, k.find); !errors.Is(err, ErrNoMemory) {
		t.Errorf("load: %v", err)
	}
	h.Memory().InjectOOM(0, false)
}

// TestFullTable has no memory for the second table of the memo, wherever in an instance that one is needed: nothing
// looks into a table that is full.
func TestFullTable(t *testing.T) {
	for n := range 8 {
		h := open(t, "3.11")
		o := h.NewList(0)
		for i := range n {
			h.Push(o, h.NewStr(fmt.Sprint("text ", i)))
		}
		h.Push(o, instance(h, define(t, h).slots, ints(h, 1, 2)...))
		var all []unsafe.Pointer
		for bytes := uintptr(16); bytes < 512; bytes += 16 { // room for others
			all = append(all, h.Memory().Alloc(bytes))
		}
		h.Memory().InjectOOM(1, true)
		for {
			b := h.Memory().Alloc(512)
			if b == nil {
				break
			}
			all = append(all, b)
		}
		live := h.Live()
		h.Memory().InjectOOM(2, true) // behind the output
		_, err := Dump(h, o, Memo)
		h.Memory().InjectOOM(0, false)
		if !errors.Is(err, ErrNoMemory) || h.Live() != live {
			t.Errorf("%d strings: %d objects are left, %v", n, h.Live()-live, err)
		}
		for _, b := range all {
			h.Memory().Free(b)
		}
	}
}

// TestLoaded has what is made in another way by reading than by a program, and not in all releases.
func TestLoaded(t *testing.T) {
	for _, row := range []struct {
		name, stream, releases string
		told                   func(h *object.Heap, o object.Ref) bool
	}{
		{"room for nine items at once and for no more", "](NNNNNNNNNe.", "3.9 3.10 3.11 3.12 3.13",
			func(h *object.Heap, o object.Ref) bool { return h.Size(o) == 56+12*8 }},
		{"room for sixteen", "](NNNNNNNNNe.", "3.8",
			func(h *object.Heap, o object.Ref) bool { return h.Size(o) == 56+16*8 }},
		{"two empty frozensets", "((\x91(\x91t.", "3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13",
			func(h *object.Heap, o object.Ref) bool { return h.Get(o, 0) != h.Get(o, 1) }},
		{"two objects of one byte", "(C\x01aC\x01at.", "3.8 3.9 3.10 3.11 3.12 3.13",
			func(h *object.Heap, o object.Ref) bool { return h.Get(o, 0) != h.Get(o, 1) }},
		{"one object of no byte", "(C\x00C\x00t.", "3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13",
			func(h *object.Heap, o object.Ref) bool { return h.Get(o, 0) == h.Get(o, 1) }},
		{"the name of an attribute is interned, where New has not",
			"(\x8c\x08heapfuzz\x8c\x04Inst\x93)\x81}\x8c\x02za\x94K\x01sbh\x00t.", "3.11 3.12 3.13",
			func(h *object.Heap, o object.Ref) bool { return h.IsInterned(h.Get(o, 1)) }},
		{"the name of a slot is not", "(\x8c\x08heapfuzz\x8c\x05Slots\x93)\x81N}\x8c\x02za\x94K\x01s\x86bh\x00t.", "",
			func(h *object.Heap, o object.Ref) bool { return h.IsInterned(h.Get(o, 1)) }},
		{"nor is a key", "(}\x8c\x02zz\x94K\x01sh\x00t.", "",
			func(h *object.Heap, o object.Ref) bool { return h.IsInterned(h.Get(o, 1)) }},
	} {
		var told []string
		for _, p := range object.Profiles()[1:] {
			h := open(t, p.Name)
			inst, err := h.Define(object.Type{Name: "Inst", Kind: object.KindInstance, Attrs: 14}) // up to za
			slots, err2 := h.Define(object.Type{Name: "Slots", Kind: object.KindSlotted, Attrs: 14})
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			o, err := Load(h, []byte("\x80\x04"+row.stream), kinds{inst, slots}.find)
			if err != nil {
				t.Fatalf("%s: %s: %v", row.name, p.Name, err)
			}
			if row.told(h, o) {
				told = append(told, p.Name)
			}
		}
		if got := strings.Join(told, " "); got != row.releases {
			t.Errorf("%s: %q, want %q", row.name, got, row.releases)
		}
	}
}

// TestTorn cuts streams off, and lets requests for memory fail while they are read: nothing is left, not even a cycle.
func TestTorn(t *testing.T) {
	for _, p := range object.Profiles() {
		h := open(t, p.Name)
		k := define(t, h)
		s, err := Dump(h, random(h, k, rand.New(rand.NewPCG(5, 5)), 60), Memo)
		if err != nil {
			t.Fatal(err)
		}
		whole, live := s.Bytes(), h.Live()
		for _, data := range []string{"\x80\x04]\x81",
			"\x80\x04]\x94h\x00a", "\x80\x04}\x94K\x00h\x00s", "\x80\x04]\x94h\x00\x85\x94a",
			"\x80\x04\x8c\x08heapfuzz\x8c\x05Slots\x93)\x81\x94N}\x8c\x01ah\x00s\x86b",
			"\x80\x04\x8c\x08heapfuzz\x8c\x04Inst\x93)\x81\x94}\x8c\x01ah\x00sb"} {
			if _, err := Load(h, []byte(data), k.find); !errors.Is(err, ErrStream) || h.Live() != live {
				t.Errorf("%s: %q: %d objects are left, %v", p.Name, data, h.Live()-live, err)
			}
		}
		for n := 0; n < len(whole); n += 3 {
			if _, err := Load(h, whole[:n], k.find); !errors.Is(err, ErrStream) || h.Live() != live {
				t.Fatalf("%s: cut at %d of %d: %d objects are left, %v", p.Name, n, len(whole), h.Live()-live, err)
			}
		}
		for nth := 1; nth < 40; nth++ {
			h.Memory().Trim()
			h.Memory().InjectOOM(nth, true)
			o, err := Load(h, whole, k.find)
			h.Memory().InjectOOM(0, false)
			if err == nil {
				h.Decref(o)
				break
			}
			if !errors.Is(err, ErrNoMemory) || h.Live() != live {
				t.Fatalf("%s: request %d: %d objects are left, %v", p.Name, nth, h.Live()-live, err)
			}
		}
		s.Close()
	}
}

// TestNone: what is nothing and what is None are written alike, and read as the one None, whose count is right.
func TestNone(t *testing.T) {
	h := open(t, "3.10")
	s, err := Dump(h, list(h, 0, h.None()), Memo)
	if err != nil {
		t.Fatal(err)
	}
	none := h.None()
	before := h.Count(none)
	o, err := Load(h, s.Bytes(), nil)
	if err != nil || h.Get(o, 0) != none || h.Get(o, 1) != none || h.Count(none) != before+2 {
		t.Errorf("%d more, %v", h.Count(none)-before, err)
	}
	h.Decref(o)
	if h.Count(none) != before {
		t.Errorf("%d are left", h.Count(none)-before)
	}
	s.Close()
}

// FuzzLoad feeds Load with anything: it answers, and nothing is lost.
func FuzzLoad(f *testing.F) {
	h := open(f, "3.11")
	k := define(f, h)
	for seed := range uint64(4) {
		s, err := Dump(h, random(h, k, rand.New(rand.NewPCG(seed, 9)), 30), Memo)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append([]byte(nil), s.Bytes()...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := open(t, "3.11")
		k := define(t, h)
		if o, err := Load(h, data, k.find); err == nil {
			h.Decref(o)
		} else if h.Live() != 0 {
			t.Errorf("%d objects are left", h.Live())
		}
	})
}

// TestPeak measures what a dump costs: a list of floats, which have no number, costs the stream alone; one of strings
// nearly as much again as the data.
func TestPeak(t *testing.T) {
	const n = 50_000
	h := open(t, "3.6")
	for _, row := range []struct {
		name     string
		make     func(i int) object.Ref
		min, max float64
	}{
		{"floats", func(i int) object.Ref { return h.NewFloat(float64(i)) }, 0.2, 0.8},
		{"strings", func(i int) object.Ref { return h.NewStr(fmt.Sprint("string ", i)) }, 0.7, 1.2},
		{"lists", func(int) object.Ref { return h.NewList(0) }, 0.4, 1.5},
	} {
		_, before, _ := h.Memory().Usage()
		o := h.NewList(0)
		for i := range n {
			v := row.make(i)
			h.Push(o, v)
			h.Decref(v)
		}
		_, after, _ := h.Memory().Usage()
		data := after - before
		var peaks [2]uint64
		for mode := range peaks {
			s, err := Dump(h, o, Mode(mode))
			if err != nil {
				t.Fatal(err)
			}
			peaks[mode] = s.Peak()
			s.Close()
		}
		ratio := float64(peaks[Memo]) / float64(data)
		t.Logf("%s: %d bytes of data, a dump takes %d more with a memo (%.2f of the data), %d without",
			row.name, data, peaks[Memo], ratio, peaks[Flat])
		if ratio < row.min || ratio > row.max || peaks[Flat] > peaks[Memo] {
			t.Errorf("%s: %.2f of the data, want %.1f to %.1f", row.name, ratio, row.min, row.max)
		}
		h.Decref(o)
	}
}

// BenchmarkDump dumps and loads a thousand lists of two strings each, which are shared.
func BenchmarkDump(b *testing.B) {
	h := open(b, "3.11")
	o, x, y := h.NewList(0), h.NewStr("x"), h.NewStr("y")
	for range 1000 {
		l := h.NewListOf(x, y)
		h.Push(o, l)
		h.Decref(l)
	}
	for name, mode := range map[string]Mode{"memo": Memo, "flat": Flat} {
		b.Run("op=dump/mode="+name, func(b *testing.B) {
			for b.Loop() {
				s, err := Dump(h, o, mode)
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
	s, err := Dump(h, o, Memo)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.Run("op=load/mode=memo", func(b *testing.B) {
		for b.Loop() {
			got, err := Load(h, s.Bytes(), nil)
			if err != nil {
				b.Fatal(err)
			}
			h.Decref(got)
		}
	})
}

// A list that holds itself twice: with a memo it is written once.
func ExampleDump() {
	h, err := object.New(object.Config{})
	if err != nil {
		panic(err)
	}
	defer h.Close()
	l := h.NewList(2)
	h.SetItem(l, 0, l)
	h.SetItem(l, 1, l)
	s, _ := Dump(h, l, Memo)
	fmt.Printf("%q\n", s.Bytes())
	o, _ := Load(h, s.Bytes(), nil)
	fmt.Println(h.Get(o, 0) == o, h.Get(o, 1) == o)
	s.Close()
	_, err = Dump(h, l, Flat)
	fmt.Println(err)
	// Output:
	// "\x80\x04]\x94(h\x00h\x00e."
	// true true
	// pickle: a cycle: x[0] is x
}
