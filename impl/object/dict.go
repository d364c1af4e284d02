package object

import (
	"strings"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// The dict of the heap is package dict's: its body is that of the object, behind the header, and its tables come from
// the same allocator. That package knows no objects, only words:
//
//	0 in a slot                  the hole: the address of Young, which is no object and is never unmade
//	a deleted key of 2.7         the address of a variable, which is no object either
//	a string, as a key           the address of its record (text.go), tagged
//	any other object             its address
//
// A hole is what a dict has in the place of None, because an entry whose word is 0 is dead. Ugly, and worth a branch
// for each reference that a collector looks at: a word of a dict may be taken for the address of an object if nothing
// but IsGC is asked. The hole has the type word 0. Of a tagged record the type word begins two bytes behind the start
// of its second word, whose bits 40 to 47 are 0: bit 24 says that it is no container.

// refOf is the object that a word of a dict is, or 0.
func (h *Heap) refOf(w dict.Word) Ref {
	switch {
	case w.IsStr():
		id := typeStr
		if dict.RecordForm(w.Record())&formWide != 0 {
			id = typeWide
		}
		return Ref(w.Record() - h.types[id].bytes + dict.RecordBytes)
	case Ref(w) == h.hole, Ref(w) == h.gone:
		return 0
	}
	return Ref(w)
}

// wordOf is the word of a value.
func (h *Heap) wordOf(o Ref) dict.Word {
	if o == 0 {
		o = h.hole
	}
	return dict.Word(o)
}

// keyOf is the word of a key.
func (h *Heap) keyOf(o Ref) dict.Word {
	if o == 0 || o.kind() != KindStr {
		return h.wordOf(o)
	}
	r := h.record(o)
	h.space.HashRecord(r)
	return dict.StrAt(r)
}

// body is the dict in an object.
func (o Ref) body() dict.Dict { return dict.Dict(o + offBody) }

// words are what package dict asks a heap, and tells it.
type words Heap

func (x *words) Hash(w dict.Word) (int64, error) {
	h := (*Heap)(x)
	n := h.dictHash(h.refOf(w))
	if n == -1 {
		n = -2
	}
	return n, nil
}

func (x *words) Equal(stored, key dict.Word) (bool, error) {
	h := (*Heap)(x)
	return h.same(h.refOf(stored), h.refOf(key)), nil
}

func (x *words) Own(w dict.Word) {
	h := (*Heap)(x)
	h.Incref(h.refOf(w))
}

func (x *words) Drop(w dict.Word) {
	h := (*Heap)(x)
	h.Decref(h.refOf(w))
}

func (x *words) MayBeTracked(w dict.Word) bool { return (*Heap)(x).mayBeTracked(Ref(w)) }
func (x *words) Tracked(d dict.Dict) bool      { return (*Heap)(x).Tracked(Ref(d) - offBody) }
func (x *words) Track(d dict.Dict)             { (*Heap)(x).track(Ref(d) - offBody) }
func (x *words) Release(d dict.Dict)           { (*Heap)(x).release(Ref(d) - offBody) }
func (x *words) Free(d dict.Dict)              { (*Heap)(x).Decref(Ref(d) - offBody) }

func (x *words) Alloc() dict.Dict {
	o := (*Heap)(x).alloc(typeDict, 0)
	if o == 0 {
		return 0
	}
	return o.body()
}

// dictHash is the hash of a key that is no string: that of CPython for a bool and a number below
// 2^60. The order
// of a dict follows from it in 2.7 alone, where objects that are hashed by their address have no order to rely on.
func (h *Heap) dictHash(o Ref) int64 {
	if o != 0 && isInt(o.kind()) {
		if v, ok := h.smallInt(o); ok {
			return h.space.HashInt(v)
		}
	}
	return int64(h.hash(o))
}

// made is the object of a dict that the space made, or 0.
func made(d dict.Dict) Ref {
	if d == 0 {
		return 0
	}
	return Ref(d) - offBody
}

// NewDict returns {}, or 0 if there is no memory. It is not tracked before it holds what may be.
func (h *Heap) NewDict() Ref { return made(h.space.New()) }

// CallDict returns dict(), which up to 3.9 has a table at once, or 0 if there is no memory.
func (h *Heap) CallDict() Ref { return made(h.space.Call()) }

// DictFrom returns dict(other), or 0 if there is no memory.
func (h *Heap) DictFrom(other Ref) Ref {
	d, _ := h.space.CallWith(other.body())
	return made(d)
}

// DictCopy returns d.copy(), or 0 if there is no memory. The copy is tracked if the original is.
func (h *Heap) DictCopy(o Ref) Ref {
	d, _ := h.space.Copy(o.body())
	return made(d)
}

// DictSet stores a value under a key, each with a reference of its own, and reports whether there was memory. It begins
// to track a dict that gets something that may be tracked. A value that is let go dies when the dict is whole again.
func (h *Heap) DictSet(o, key, v Ref) bool {
	return h.space.Set(o.body(), h.keyOf(key), h.wordOf(v)) == nil
}

// DictGet returns the value of a key, borrowed, and whether there is one.
func (h *Heap) DictGet(o, key Ref) (Ref, bool) {
	w, ok, _ := h.space.Get(o.body(), h.keyOf(key))
	if !ok {
		return 0, false
	}
	return h.refOf(w), true
}

// DictDelete takes a key out of a dict and reports whether it was there. The key goes first, then the value. Up to 3.10
// the dict of an instance needs a table of its own for that, so it may fail as if the key were not there.
func (h *Heap) DictDelete(o, key Ref) bool {
	ok, _ := h.space.Delete(o.body(), h.keyOf(key))
	return ok
}

// DictPop takes a key out of a dict and returns its value, whose reference is the caller's, and whether it was there.
func (h *Heap) DictPop(o, key Ref) (Ref, bool) {
	w, ok, _ := h.space.Pop(o.body(), h.keyOf(key))
	if !ok {
		return 0, false
	}
	return h.refOf(w), true
}

// DictPopItem takes the last entry out of a dict and returns it. The references are the caller's. It reports false if
// there is none, or no memory (see DictDelete).
func (h *Heap) DictPopItem(o Ref) (key, value Ref, ok bool) {
	k, v, err := h.space.PopItem(o.body())
	if err != nil {
		return 0, 0, false
	}
	return h.refOf(k), h.refOf(v), true
}

// DictSetDefault returns the value of a key, borrowed, which is v if there was none, and whether there was memory.
func (h *Heap) DictSetDefault(o, key, v Ref) (Ref, bool) {
	w, err := h.space.SetDefault(o.body(), h.keyOf(key), h.wordOf(v))
	if err != nil {
		return 0, false
	}
	return h.refOf(w), true
}

// DictUpdate stores all entries of another dict. It fails without memory, or, with dict.ErrMutated, if what died by it
// changed the other dict; the entries up to there are stored.
func (h *Heap) DictUpdate(o, other Ref) error { return h.space.Update(o.body(), other.body()) }

// DictClear makes a dict empty. What it held dies when it is.
func (h *Heap) DictClear(o Ref) { h.space.Clear(o.body()) }

// DictLen is the number of entries.
func (h *Heap) DictLen(o Ref) int { return o.body().Len() }

// DictNext returns the first entry at or behind *pos, borrowed, and moves *pos behind it. It starts at 0. The dict may
// get other values meanwhile, but no keys.
func (h *Heap) DictNext(o Ref, pos *int) (key, value Ref, ok bool) {
	k, v, ok := h.space.At(o.body(), pos)
	if !ok {
		return 0, 0, false
	}
	return h.refOf(k), h.refOf(v), true
}

// DictEach calls f for every entry in order, borrowed. f must not change the dict.
func (h *Heap) DictEach(o Ref, f func(key, value Ref)) {
	for pos := 0; ; {
		k, v, ok := h.DictNext(o, &pos)
		if !ok {
			return
		}
		f(k, v)
	}
}

// A DictIter walks over a dict and notices when its keys change.
type DictIter struct{ it dict.Iter }

// DictIter starts at the first entry of a dict, which must live as long.
func (h *Heap) DictIter(o Ref) DictIter { return DictIter{h.space.Iter(o.body())} }

// DictStep returns the next entry, borrowed, and whether there was one. Its errors are dict.ErrSize and dict.ErrKeys.
func (h *Heap) DictStep(it *DictIter) (key, value Ref, ok bool, err error) {
	k, v, ok, err := h.space.Next(&it.it)
	if !ok {
		return 0, 0, false, err
	}
	return h.refOf(k), h.refOf(v), true, nil
}

// newAttributes makes the dict of a new instance, whose attributes are all None.
func (h *Heap) newAttributes(t *Type) Ref {
	if t.class.Shares() {
		o := h.alloc(typeDict, 0)
		if o != 0 && !h.space.InitShared(o.body(), &t.class, t.Attrs, dict.Word(h.hole)) {
			h.release(o)
			return 0
		}
		return o
	}
	o := h.NewDict()
	for k := 0; o != 0 && k < t.Attrs; k++ {
		if !h.DictSet(o, h.names[k], 0) {
			h.Decref(o)
			return 0
		}
	}
	return o
}

// attribute is the address of attribute k in the dict of an instance, or 0 if it is not there any more.
func (h *Heap) attribute(dict Ref, k int) uintptr {
	if v := h.space.Values(dict.body()); v != 0 {
		if page.Load(v+8*uintptr(k)) == 0 {
			return 0
		}
		return v + 8*uintptr(k)
	}
	return h.space.Place(dict.body(), h.keyOf(h.names[k]))
}

// learn makes the shared keys of a type of instances that have a dict, and the names in them, which are interned and
// stay as long as the heap. Without memory for one of them instances are not made until there is (New).
func (h *Heap) learn(t *Type) {
	if t.Kind != KindInstance || h.prof.Values != InDict {
		return
	}
	for len(h.names) < t.Attrs {
		o := h.Intern(AttrName(len(h.names)))
		if o == 0 {
			return
		}
		switch {
		case o.isCached():
			h.Decref(o)
		case !h.IsInterned(o): // there was memory for the string, and not for the table
			h.Decref(o)
			return
		default:
			h.cached.forever++
			h.setCached(o, h.prof.CacheCount)
		}
		h.names = append(h.names, o)
	}
	keys := make([]dict.Word, t.Attrs)
	for i := range keys {
		keys[i] = h.keyOf(h.names[i])
	}
	t.class = h.space.NewShared(keys...)
}

// AttrName is the name of attribute k: a, c, e and so on. Their hashes are in the same order in 2.7, where it is that
// in which attributes are visited, for up to four of them.
func AttrName(k int) string {
	const letters = 13
	return strings.Repeat("z", k/letters) + string(rune('a'+2*(k%letters)))
}
