package object

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"heapfuzz/impl/dict"
)

// pairs are the entries of a dict of numbers under keys of several kinds, in order.
type pairs []struct{ key, value int }

// key calls f with a number and lets it go.
func key(h *Heap, n int, f func(Ref)) {
	k := h.NewInt(int64(n))
	f(k)
	h.Decref(k)
}

// put stores None under a number.
func put(h *Heap, o Ref, n int) { key(h, n, func(k Ref) { h.DictSet(o, k, 0) }) }

// less makes a dict of n numbers and takes the first k out.
func less(h *Heap, n, k int) Ref {
	o := h.NewDict()
	for i := range n {
		put(h, o, i)
	}
	for i := range k {
		key(h, i, func(k Ref) { h.DictDelete(o, k) })
	}
	return o
}

func (p *pairs) find(key int) int {
	return slices.IndexFunc(*p, func(e struct{ key, value int }) bool { return e.key == key })
}

// keyed makes a new object that is key n: an int, a string of one or several widths, bytes, or a tuple of those.
func keyed(h *Heap, n int) Ref {
	switch n % 5 {
	case 1:
		return h.NewStr(fmt.Sprint("k", n))
	case 2:
		if h.prof.ByteStr {
			return h.NewBytes([]byte(fmt.Sprint("b", n)))
		}
		return h.NewStr(fmt.Sprint("\u20ac", n))
	case 3:
		s := h.NewStr(fmt.Sprint(n))
		defer h.Decref(s)
		return h.NewTuple(s, 0)
	case 4:
		return h.NewFloat(float64(n) + 0.5)
	}
	return h.NewInt(int64(n) << 20)
}

// contents are the entries of a dict, whose keys are told apart by looking them up.
func contents(h *Heap, o Ref, keys int) pairs {
	var p pairs
	for n := range keys {
		k := keyed(h, n)
		if v, ok := h.DictGet(o, k); ok {
			p = append(p, struct{ key, value int }{n, int(h.IntValue(v).Int64())})
		}
		h.Decref(k)
	}
	return p
}

// TestDictModel does random things with two dicts of keys that are equal and never the same object, and compares with a
// slice; all memory is recounted meanwhile.
func TestDictModel(t *testing.T) {
	const keys = 60
	for _, p := range profiles {
		h := open(t, p.Name)
		r := rand.New(rand.NewPCG(5, 5))
		dicts, want := [2]Ref{h.NewDict(), h.NewDict()}, [2]pairs{}
		for step := range 1500 {
			i := r.IntN(2)
			o, w, n, v := dicts[i], &want[i], r.IntN(keys), r.IntN(9000)
			k, value := keyed(h, n), h.NewInt(int64(v))
			at := w.find(n)
			switch c := r.IntN(40); {
			case c < 20:
				if !h.DictSet(o, k, value) {
					t.Fatal("no memory")
				}
				if at >= 0 {
					(*w)[at].value = v
				} else {
					*w = append(*w, struct{ key, value int }{n, v})
				}
			case c < 33:
				if h.DictDelete(o, k) != (at >= 0) {
					t.Fatalf("%s: step %d: key %d is there: %t", p.Name, step, n, at < 0)
				}
				if at >= 0 {
					*w = slices.Delete(*w, at, at+1)
				}
			case c < 35:
				got, ok := h.DictPop(o, k)
				if ok != (at >= 0) || ok && h.IntValue(got).Int64() != int64((*w)[at].value) {
					t.Fatalf("%s: step %d: pop of %d: %t", p.Name, step, n, ok)
				}
				if ok {
					h.Decref(got)
					*w = slices.Delete(*w, at, at+1)
				}
			case c == 35:
				h.DictClear(o)
				*w = nil
			case c == 36:
				h.Decref(dicts[1-i])
				dicts[1-i], want[1-i] = h.DictCopy(o), slices.Clone(*w)
			case c == 37:
				if err := h.DictUpdate(dicts[1-i], o); err != nil {
					t.Fatal(err)
				}
				for _, e := range *w {
					if at := want[1-i].find(e.key); at >= 0 {
						want[1-i][at].value = e.value
					} else {
						want[1-i] = append(want[1-i], e)
					}
				}
			default:
				compareDict(t, h, o, *w, keys)
			}
			h.Decref(k)
			h.Decref(value)
			if step%100 == 0 {
				if err := check(h, dicts[:]...); err != nil {
					t.Fatalf("%s: step %d: %v", p.Name, step, err)
				}
			}
		}
		h.Decref(dicts[0])
		h.Decref(dicts[1])
		if err := check(h); err != nil || h.Live() != 0 || leaked(h) != 0 {
			t.Errorf("%s: %d live, %d blocks are left, %v", p.Name, h.Live(), leaked(h), err)
		}
	}
}

// compareDict compares a dict with the slice, by lookup and, where there is an order, by walking.
func compareDict(t *testing.T, h *Heap, o Ref, want pairs, keys int) {
	t.Helper()
	sorted := slices.Clone(want)
	slices.SortFunc(sorted, func(a, b struct{ key, value int }) int { return a.key - b.key })
	if got := contents(h, o, keys); !slices.Equal(got, sorted) || h.DictLen(o) != len(want) {
		t.Fatalf("%s: a dict holds %v, want %v", h.prof.Name, got, sorted)
	}
	var got, in []int
	h.DictEach(o, func(_, v Ref) { got = append(got, int(h.IntValue(v).Int64())) })
	for _, e := range want {
		in = append(in, e.value)
	}
	if h.prof.ByteStr {
		slices.Sort(got)
		slices.Sort(in)
	}
	if !slices.Equal(got, in) {
		t.Fatalf("%s: in order the values are %v, want %v", h.prof.Name, got, in)
	}
}

// Strings of other widths have other keys, even if their bytes are the same.
func TestDictWidths(t *testing.T) {
	for _, p := range Profiles() {
		h := open(t, p.Name)
		narrow, wide, latin := h.NewStr("\x01\x20"), h.NewStr("\u2001"), h.NewStr("\u00e9\u00e9")
		d, one := h.NewDict(), h.NewInt(1000)
		h.DictSet(d, narrow, one)
		if _, ok := h.DictGet(d, wide); ok {
			t.Errorf("%s: bytes of two characters are taken for one", p.Name)
		}
		h.DictSet(d, wide, wide)
		h.DictSet(d, latin, latin)
		again := h.NewStr("\u2001")
		if v, ok := h.DictGet(d, again); !ok || v != wide || h.DictLen(d) != 3 {
			t.Errorf("%s: %d entries, the wide one is there: %t", p.Name, h.DictLen(d), ok)
		}
		if err := check(h, narrow, wide, latin, d, one, again); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// A dict that is its own value is copied as one, and its entries go when it is cleared.
func TestDictHoldsItself(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		d, k := h.NewDict(), h.NewInt(7)
		h.DictSet(d, k, d)
		flat := h.DictCopy(d)
		deep, err := h.DeepCopy(d)
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := h.DictGet(flat, k); v != d {
			t.Errorf("%s: the copy does not hold the original", p.Name)
		}
		if v, _ := h.DictGet(deep, k); v != deep {
			t.Errorf("%s: the deep copy does not hold itself", p.Name)
		}
		if err := check(h, d, k, flat, deep); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		for _, o := range []Ref{d, deep} {
			h.DictClear(o)
		}
		for _, o := range []Ref{d, k, flat, deep} {
			h.Decref(o)
		}
		if err := check(h); err != nil || h.Live() != 0 {
			t.Errorf("%s: %d live, %v", p.Name, h.Live(), err)
		}
	}
}

// A finalizer writes into the dict that lets its object go, whatever it is that the dict does.
func TestDictFinalizers(t *testing.T) {
	for _, p := range profiles {
		for name, leave := range map[string]func(h *Heap, d, k Ref){
			"clear":  func(h *Heap, d, _ Ref) { h.DictClear(d) },
			"delete": func(h *Heap, d, k Ref) { h.DictDelete(d, k) },
			"store":  func(h *Heap, d, k Ref) { h.DictSet(d, k, 0) },
			"pop": func(h *Heap, d, k Ref) {
				v, _ := h.DictPop(d, k)
				h.Decref(v)
			},
			"tp_clear": func(h *Heap, d, _ Ref) { h.Clear(d) },
		} {
			h := open(t, p.Name)
			d, k := h.NewDict(), h.NewStr("key")
			id := define(t, h, Type{Name: "F", Kind: KindSlotted, Attrs: 1, Final: Nothing})
			for n := range 4 { // the one with the finalizer stands between others
				key(h, n, func(k Ref) { h.DictSet(d, k, k) })
			}
			o := h.New(id)
			h.DictSet(d, k, o)
			h.Decref(o)
			wrote := 0
			h.OnFinalize = func(Ref) {
				for n := range 40 {
					key(h, 1000+n, func(k Ref) { h.DictSet(d, k, k) })
					wrote++
				}
			}
			leave(h, d, k)
			if v, ok := h.DictGet(d, k); wrote != 40 || h.DictLen(d) < 40 || ok && v != 0 {
				t.Errorf("%s: %s: %d were written, %d are there", p.Name, name, wrote, h.DictLen(d))
			}
			if err := check(h, d, k); err != nil {
				t.Errorf("%s: %s: %v", p.Name, name, err)
			}
		}
	}
}

// An iterator notices what happens to its dict, and so does a merge.
func TestDictIter(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		d := less(h, 10, 0)
		it := h.DictIter(d)
		if _, _, ok, err := h.DictStep(&it); !ok || err != nil {
			t.Errorf("%s: no first entry, %v", p.Name, err)
		}
		put(h, d, 10)
		if _, _, ok, err := h.DictStep(&it); ok || !errors.Is(err, dict.ErrSize) {
			t.Errorf("%s: an entry more, and the iterator says %v", p.Name, err)
		}
		key(h, 10, func(k Ref) { h.DictDelete(d, k) })
		if v, ok := h.DictSetDefault(d, h.None(), d); !ok || v != d || !h.IsTracked(d) {
			t.Errorf("%s: setdefault gives %d, tracked: %t", p.Name, v, h.IsTracked(d))
		}
	}
}

// Every request for memory that a dict makes fails once: it is then as it was, but in 2.7, which stores first.
func TestDictWithoutMemory(t *testing.T) {
	for _, p := range Profiles() {
		h := open(t, p.Name)
		keys := numbers(h, 3000)
		d := h.NewDict()
		h.Memory().InjectOOM(1, true)
		n, failed := 0, 0
		for n < len(keys) {
			if h.DictSet(d, keys[n], keys[n]) {
				n++
				continue
			}
			if failed++; h.DictLen(d) != n {
				t.Fatalf("%s: %d entries after %d insertions", p.Name, h.DictLen(d), n)
			}
			if err := check(h, append(keys, d)...); err != nil {
				t.Fatalf("%s: %v", p.Name, err)
			}
			h.Memory().InjectOOM(0, false)
			if !h.DictSet(d, keys[n], keys[n]) {
				t.Fatalf("%s: no memory where there is some", p.Name)
			}
			n++
			h.Memory().InjectOOM(1, true)
		}
		if failed == 0 {
			t.Errorf("%s: nothing failed", p.Name)
		}
	}
}

// Eighty dead dicts wait for others, and eighty of their smallest tables if those are of strings. A full collection
// gives both back. In 2.7 the table is in the dict, and the dicts stay.
func TestDictFreeLists(t *testing.T) {
	for _, p := range profiles {
		h := open(t, p.Name)
		k := h.NewStr("key")
		before := h.OwnBlocks()
		var all []Ref
		for range 100 {
			d := h.NewDict()
			h.DictSet(d, k, k)
			all = append(all, d)
		}
		for _, d := range all {
			h.Decref(d)
		}
		kept, cleared := 160, 0
		if p.ByteStr {
			kept, cleared = 80, 80
		}
		if n := h.OwnBlocks() - before; n != kept {
			t.Errorf("%s: %d blocks wait, want %d", p.Name, n, kept)
		}
		fresh := h.NewDict()
		h.DictSet(fresh, k, k)
		h.Decref(fresh)
		if n := h.OwnBlocks() - before; n != kept {
			t.Errorf("%s: %d blocks wait after one was used again, want %d", p.Name, n, kept)
		}
		h.ClearFreeLists()
		if n := h.OwnBlocks() - before; n != cleared || leaked(h) != 0 {
			t.Errorf("%s: %d blocks wait after a full collection, want %d", p.Name, n, cleared)
		}
	}
}
