package recorded

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"

	"heapfuzz/impl/object"
)

// The file of sizes holds what sys.getsizeof of real interpreters says of sequences of objects. Its format is in its
// first lines. What a row makes is written out in scripts/golden_sizes.py, and once more here beside its name.

// readSizes reads it: the names of the rows are the program.
func readSizes(_, text string) (list []*Recording, err error) {
	by := map[string]*Recording{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if row, ok := strings.CutPrefix(line, "== "); ok {
			name = row
			continue
		}
		profiles, runs, ok := strings.Cut(line, "\t")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is no row", line)
		}
		for p := range strings.FieldsSeq(profiles) {
			r := by[p]
			if r == nil {
				r = newRecording(p, nil, "")
				by[p], list = r, append(list, r)
			}
			r.Program, r.answers = append(r.Program, name), r.answers+runs+"\n"
		}
	}
	return list, nil
}

// A sizeWorld makes the objects of a row at a time.
type sizeWorld struct {
	h     *object.Heap
	wrong error
}

func openSizes(profile string) (world, error) {
	h, err := newHeap(profile)
	return &sizeWorld{h: h}, err
}

// newHeap makes a heap of a profile.
func newHeap(profile string) (*object.Heap, error) {
	p, ok := object.ProfileByName(profile)
	if !ok {
		return nil, fmt.Errorf("no profile %q", profile)
	}
	return object.New(object.Config{Profile: p})
}

func (w *sizeWorld) answer(out []byte, row string) []byte {
	make := sizeRows[row]
	if record, ok := strings.CutPrefix(row, "record "); ok {
		make = one(func(h *object.Heap) object.Ref { return h.NewRecord(record) })
	} else if make == nil {
		panic("recorded: no row " + row)
	}
	s := sizes{h: w.h}
	make(&s)
	w.wrong = errors.Join(w.wrong, s.wrong)
	if n := w.h.Live(); n != 0 {
		w.wrong = errors.Join(w.wrong, fmt.Errorf("%s: %d objects are left", row, n))
	}
	return append(append(out, s.String()...), '\n')
}

// recount recounts, and tells of blocks that belong neither to the heap nor to an object.
func (w *sizeWorld) recount() error {
	err := errors.Join(w.wrong, w.h.CheckInvariants(func(func(object.Ref)) {}, []object.List{w.h.Young}))
	blocks, _, _ := w.h.Memory().Usage()
	if left := int(blocks) - w.h.OwnBlocks() - w.h.Live(); left != 0 {
		err = errors.Join(err, fmt.Errorf("%d blocks are left", left))
	}
	return err
}

func (w *sizeWorld) close() error { return w.h.Close() }

// The rows are shorter with these.
type (
	heap = object.Heap
	ref  = object.Ref
)

// A maker returns the sizes of a row. Objects that it makes are let go through sizes.add.
type maker func(s *sizes)

// sizes collects those of one row.
type sizes struct {
	h     *heap
	all   []int
	wrong error
}

// add notes the size of an object that is looked at once.
func (s *sizes) add(o ref) {
	s.see(o)
	s.h.Decref(o)
}

// see notes the size of an object that lives on.
func (s *sizes) see(o ref) {
	if o == 0 {
		panic("no memory")
	}
	s.all = append(s.all, s.h.Size(o))
	if own := s.h.Bytes(o); own < uintptr(s.h.Size(o)) && s.h.Kind(o) != object.KindInstance {
		s.wrong = fmt.Errorf("a %s of %d bytes takes %d", s.h.Kind(o), s.h.Size(o), own)
	}
}

func (s *sizes) String() string {
	var text []string
	for i := 0; i < len(s.all); {
		n := i
		for n < len(s.all) && s.all[n] == s.all[i] {
			n++
		}
		text = append(text, fmt.Sprintf("%d*%d", s.all[i], n-i))
		i = n
	}
	return strings.Join(text, " ")
}

// each makes a row of objects numbered from first to below end.
func each(first, end int, f func(*heap, int) ref) maker {
	return func(s *sizes) {
		for n := first; n < end; n++ {
			s.add(f(s.h, n))
		}
	}
}

func one(f func(*heap) ref) maker {
	return each(0, 1, func(h *heap, _ int) ref { return f(h) })
}

func power(k int, sign, plus int64) *big.Int {
	v := new(big.Int).Lsh(big.NewInt(sign), uint(k))
	return v.Add(v, big.NewInt(plus))
}

// numbers makes n small numbers, whose references the heap's cache holds as well.
func numbers(h *heap, n int) []ref {
	all := make([]ref, n)
	for i := range all {
		all[i] = h.NewInt(int64(i))
	}
	return all
}

// with makes an object of n numbers and lets the numbers go.
func with(f func(h *heap, keys ...ref) ref) func(*heap, int) ref {
	return func(h *heap, n int) ref {
		keys := numbers(h, n)
		o := f(h, keys...)
		for _, k := range keys {
			h.Decref(k)
		}
		return o
	}
}

// steps makes an object and notes its size behind each step.
func steps(s *sizes, o ref, n int, step func(i int)) {
	for i := range n {
		step(i)
		s.see(o)
	}
}

var sizeRows = joined(atomRows, listRows, setRows, dictRows, containerRows)

func joined(all ...map[string]maker) map[string]maker {
	m := map[string]maker{}
	for _, rows := range all {
		maps.Copy(m, rows)
	}
	return m
}

var atomRows = map[string]maker{
	"None":        one((*heap).None),
	"bool":        each(0, 2, func(h *heap, n int) ref { return h.Bool(n == 1) }),
	"int small":   each(-5, 300, func(h *heap, n int) ref { return h.NewInt(int64(n)) }),
	"int 2^k":     each(0, 201, func(h *heap, k int) ref { return h.NewBigInt(power(k, 1, 0)) }),
	"int 2^k-1":   each(0, 201, func(h *heap, k int) ref { return h.NewBigInt(power(k, 1, -1)) }),
	"int -2^k":    each(0, 201, func(h *heap, k int) ref { return h.NewBigInt(power(k, -1, 0)) }),
	"float":       each(0, 2, func(h *heap, n int) ref { return h.NewFloat(float64(n)) }),
	"complex":     each(0, 2, func(h *heap, n int) ref { return h.NewComplex(complex(float64(n), 0)) }),
	"bytes":       each(0, 101, func(h *heap, n int) ref { return h.NewBytes(bytes.Repeat([]byte("x"), n)) }),
	"bytearray":   each(0, 41, func(h *heap, n int) ref { return h.NewByteArray(make([]byte, n)) }),
	"range":       each(0, 3, func(h *heap, n int) ref { return h.NewRange(0, int64(n*n*n*100), 1) }),
	"str ascii":   each(0, 101, func(h *heap, n int) ref { return h.NewStr(strings.Repeat("x", n)) }),
	"str char":    each(0, 256, func(h *heap, n int) ref { return h.NewStr(string(rune(n))) }),
	"str latin-1": each(2, 41, func(h *heap, n int) ref { return h.NewStr(strings.Repeat("\u00e9", n)) }),
	"str ucs-2":   each(1, 41, func(h *heap, n int) ref { return h.NewStr(strings.Repeat("\u20ac", n)) }),
	"str ucs-4":   each(1, 41, func(h *heap, n int) ref { return h.NewStr(strings.Repeat("\U0001f600", n)) }),
	"str mixed":   each(0, 41, func(h *heap, n int) ref { return h.NewStr(strings.Repeat("x", n) + "\U0001f600") }),
	"capsule":     one(func(h *heap) ref { return h.NewCapsule(object.NoFinalizer) }),
}

// nones are items that cost nothing.
func nones(n int) []ref { return make([]ref, n) }

var listRows = map[string]maker{
	"list [None]*n":             each(0, 101, (*heap).NewList),
	"list literal of constants": each(0, 41, func(h *heap, n int) ref { return h.ListLiteral(nones(n)...) }),
	"list literal of variables": each(0, 31, (*heap).NewList),
	"list(range)":               each(0, 101, func(h *heap, n int) ref { return h.NewListOf(nones(n)...) }),
	"list(tuple)":               each(0, 101, func(h *heap, n int) ref { return h.NewListOf(nones(n)...) }),
	"list(list)":                each(0, 101, func(h *heap, n int) ref { return h.NewListOf(nones(n)...) }),
	"list slice":                each(0, 101, (*heap).NewList),
	"list copy": each(0, 41, func(h *heap, n int) ref {
		l := h.NewListOf(nones(n)...)
		o, _ := h.Copy(l)
		h.Decref(l)
		return o
	}),
	"list append 2000": func(s *sizes) {
		o := s.h.NewList(0)
		steps(s, o, 2000, func(int) { s.h.Push(o, 0) })
		s.h.Decref(o)
	},
	"list append 400 pop 400": func(s *sizes) {
		o := s.h.NewList(0)
		steps(s, o, 400, func(int) { s.h.Push(o, 0) })
		steps(s, o, 400, func(int) { s.h.Pop(o) })
		s.h.Decref(o)
	},
	"list insert 300": func(s *sizes) {
		o := s.h.NewList(0)
		steps(s, o, 300, func(int) { s.h.Insert(o, 0, 0) })
		s.h.Decref(o)
	},
	"list extend by k": func(s *sizes) {
		o := s.h.NewList(0)
		steps(s, o, 60, func(k int) { s.h.Extend(o, nones(k)...) })
		s.h.Decref(o)
	},
	"list extend and cut": func(s *sizes) {
		o, h := s.h.NewList(0), s.h
		steps(s, o, 1, func(int) { h.Extend(o, nones(500)...) })
		steps(s, o, 30, func(k int) { h.DeleteSlice(o, min(2, h.Len(o)), min(2+k, h.Len(o))) })
		steps(s, o, 1, func(int) { h.Extend(o, nones(7)...) })
		steps(s, o, 1, func(int) { h.DeleteSlice(o, 1, min(60, h.Len(o))) })
		s.h.Decref(o)
	},
	"list emptied": func(s *sizes) {
		o, h := s.h.NewList(0), s.h
		pop := func(int) { h.Decref(h.Pop(o)) }
		extend := func(n int) func(int) { return func(int) { h.Extend(o, nones(n)...) } }
		cut := func(i, j int) func(int) { return func(int) { h.DeleteSlice(o, min(i, h.Len(o)), min(j, h.Len(o))) } }
		for _, do := range []func(int){
			extend(1), pop, cut(0, 0), extend(1), cut(0, 1), extend(3), pop, cut(1, 1), pop, cut(1, 1),
			pop, extend(2), cut(0, 2), extend(3), pop, pop, pop, cut(0, 0), extend(2), pop, cut(1, 1), cut(0, 1),
		} {
			steps(s, o, 1, do)
		}
		s.h.Decref(o)
	},
	"list exact append": func(s *sizes) {
		o, h := s.h.NewList(0), s.h
		steps(s, o, 1, func(int) { h.Extend(o, nones(13)...) })
		steps(s, o, 1, func(int) { h.Push(o, 0) })
		steps(s, o, 1, func(int) { h.DeleteSlice(o, 0, 5) })
		steps(s, o, 1, func(int) { h.Push(o, 0) })
		s.h.Decref(o)
	},
}

// key calls f with a number and lets it go.
func key(h *heap, n int, f func(ref)) {
	k := h.NewInt(int64(n))
	f(k)
	h.Decref(k)
}

func newSet(h *heap, n int) ref { return with((*heap).NewSet)(h, n) }

// fromSet makes an object of a set of n numbers, which is let go.
func fromSet(f func(*heap, ref) ref) func(*heap, int) ref {
	return func(h *heap, n int) ref {
		from := newSet(h, n)
		o := f(h, from)
		h.Decref(from)
		return o
	}
}

var setRows = map[string]maker{
	"set add 5000": func(s *sizes) {
		o := s.h.NewSet()
		steps(s, o, 5000, func(n int) { key(s.h, n, func(k ref) { s.h.SetAdd(o, k) }) })
		s.h.Decref(o)
	},
	"set add 30 discard 30 add 5": func(s *sizes) {
		o := s.h.NewSet()
		add := func(n int) { key(s.h, n, func(k ref) { s.h.SetAdd(o, k) }) }
		steps(s, o, 30, add)
		steps(s, o, 30, func(n int) { key(s.h, n, func(k ref) { s.h.SetDiscard(o, k) }) })
		steps(s, o, 5, add)
		s.h.Decref(o)
	},
	"set add 200 clear add 10": func(s *sizes) {
		o := s.h.NewSet()
		add := func(n int) { key(s.h, n, func(k ref) { s.h.SetAdd(o, k) }) }
		steps(s, o, 200, add)
		steps(s, o, 1, func(int) { s.h.SetClear(o) })
		steps(s, o, 10, add)
		s.h.Decref(o)
	},
	"set update": func(s *sizes) {
		o := s.h.NewSet()
		steps(s, o, (3000+36)/37, func(n int) {
			from := newSet(s.h, 37*n)
			s.h.SetUpdate(o, from)
			s.h.Decref(from)
		})
		s.h.Decref(o)
	},
	"set update 6 add 14": func(s *sizes) {
		o := newSet(s.h, 6)
		c := s.h.NewSetFrom(o, false)
		steps(s, c, 14, func(n int) { key(s.h, 6+n, func(k ref) { s.h.SetAdd(c, k) }) })
		s.h.Decref(o)
		s.h.Decref(c)
	},
	"set(list)": each(0, 200, newSet),
	"set(set)":  each(0, 400, fromSet(func(h *heap, o ref) ref { return h.NewSetFrom(o, false) })),
	"set copy": each(0, 400, fromSet(func(h *heap, o ref) ref {
		c, _ := h.Copy(o)
		return c
	})),
	"set literal":     each(1, 60, with((*heap).SetLiteral)),
	"frozenset(list)": each(0, 200, with((*heap).NewFrozenset)),
	"frozenset(set)":  each(0, 200, fromSet(func(h *heap, o ref) ref { return h.NewSetFrom(o, true) })),
}

// put stores None under a number, or under a string that says it.
func put(h *heap, o ref, n int) { key(h, n, func(k ref) { h.DictSet(o, k, 0) }) }

func putStr(h *heap, o ref, n int) {
	k := h.NewStr(fmt.Sprint("k", n))
	h.DictSet(o, k, 0)
	h.Decref(k)
}

// less makes a dict of n numbers and takes the first k out.
func less(h *heap, n, k int) ref {
	o := h.NewDict()
	for i := range n {
		put(h, o, i)
	}
	for i := range k {
		key(h, i, func(k ref) { h.DictDelete(o, k) })
	}
	return o
}

// dictRow is a row of one dict that is put through stages of so many steps.
func dictRow(stages ...func(s *sizes, o ref)) maker {
	return func(s *sizes) {
		o := s.h.NewDict()
		for _, stage := range stages {
			stage(s, o)
		}
		s.h.Decref(o)
	}
}

// puts is a stage of n insertions.
func puts(n int) func(*sizes, ref) {
	return func(s *sizes, o ref) { steps(s, o, n, func(k int) { put(s.h, o, k) }) }
}

func putStrs(n int) func(*sizes, ref) {
	return func(s *sizes, o ref) { steps(s, o, n, func(k int) { putStr(s.h, o, k) }) }
}

var dictRows = map[string]maker{
	"dict set 6000":              dictRow(puts(6000)),
	"dict set 2000 strings":      dictRow(putStrs(2000)),
	"dict set 5 strings 10 ints": dictRow(putStrs(5), puts(10)),
	"dict set 30 del 30 set 30": dictRow(puts(30), func(s *sizes, o ref) {
		steps(s, o, 30, func(n int) { key(s.h, n, func(k ref) { s.h.DictDelete(o, k) }) })
	}, puts(30)),
	"dict set 200 clear set 10": dictRow(puts(200), func(s *sizes, o ref) {
		steps(s, o, 1, func(int) { s.h.DictClear(o) })
	}, puts(10)),
	"dict set 50 popitem 50 set 50": dictRow(puts(50), func(s *sizes, o ref) {
		steps(s, o, 50, func(int) {
			k, v, _ := s.h.DictPopItem(o)
			s.h.Decref(k)
			s.h.Decref(v)
		})
	}, puts(50)),
	"dict call": one((*heap).CallDict),
	"dict copy of 100 less k": each(0, 101, func(h *heap, k int) ref {
		from := less(h, 100, k)
		defer h.Decref(from)
		return h.DictCopy(from)
	}),
	"dict(d) of 100 less k": each(0, 101, func(h *heap, k int) ref {
		from := less(h, 100, k)
		defer h.Decref(from)
		return h.DictFrom(from)
	}),
	"dict update": dictRow(func(s *sizes, o ref) {
		steps(s, o, (500+6)/7, func(n int) {
			from := less(s.h, 7*n, 0)
			_ = s.h.DictUpdate(o, from)
			s.h.Decref(from)
		})
	}),
	"instance dict": func(s *sizes) {
		for n := 1; n < 60; n++ {
			o := fresh(s.h, object.Type{Name: "Attributes", Kind: object.KindInstance, Attrs: n})
			s.see(s.h.DictOf(o))
			s.h.Decref(o)
		}
	},
}

// fresh makes an instance of a new type.
func fresh(h *heap, t object.Type) ref {
	id, err := h.Define(t)
	if err != nil {
		panic(err)
	}
	return h.New(id)
}

var containerRows = map[string]maker{
	"tuple": each(0, 61, func(h *heap, n int) ref { return h.NewTuple(nones(n)...) }),
	"slots": each(0, 12, func(h *heap, n int) ref {
		return fresh(h, object.Type{Name: "S", Kind: object.KindSlotted, Attrs: n})
	}),
	"slots and weak references": each(0, 12, func(h *heap, n int) ref {
		return fresh(h, object.Type{Name: "S", Kind: object.KindSlotted, Attrs: n, Weak: true})
	}),
	"instance": one(func(h *heap) ref {
		return fresh(h, object.Type{Name: "D", Kind: object.KindInstance, Weak: true})
	}),
	"instance without weak references": one(func(h *heap) ref {
		return fresh(h, object.Type{Name: "D", Kind: object.KindInstance})
	}),
	"weakref": one(func(h *heap) ref {
		o := h.NewSet()
		w := h.NewWeakref(o, false)
		h.Decref(o)
		return w
	}),
	"slice":    one(func(h *heap) ref { return h.NewSlice(0, 0, 0) }),
	"function": one(func(h *heap) ref { return h.NewFunction(0, 0) }),
	"cell":     one(func(h *heap) ref { return h.NewCell(0) }),
	"method":   one(func(h *heap) ref { return h.NewMethod(0, 0) }),
}
