package object

import (
	"fmt"

	"heapfuzz/impl/page"
)

// breach makes the error of a rule.
func breach(rule, format string, args ...any) error {
	return fmt.Errorf("object/%s: %s", rule, fmt.Sprintf(format, args...))
}

// describe names an object for people, without its address.
func (h *Heap) describe(o Ref) string {
	return fmt.Sprintf("%s %d", h.typeOf(o).Name, h.Tag(o))
}

// A census is what the checker finds by walking.
type census struct {
	counts map[Ref]int // references found, of each object
	order  []Ref       // the objects in the order in which they were found
}

// CheckInvariants recounts the invariants of this package. roots calls its argument once for each reference that the
// user holds (those in Revived are known); lists are the heads of all lists of tracked objects. No collection may be
// under way.
func (h *Heap) CheckInvariants(roots func(func(Ref)), lists []List) error {
	if h.waiting != 0 || h.depth != 0 || h.nested != 0 {
		return breach("trash", "somebody waits for its death, or a death is not over")
	}
	if h.misnested {
		return breach("trash", "deaths were nested too deeply, or one waited that could have died at once")
	}
	if err := h.checkCache(); err != nil {
		return err
	}
	c, err := h.census(roots, lists)
	if err != nil {
		return err
	}
	found, kept, interned := 0, 0, 0
	for _, o := range c.order {
		if err := h.checkObject(o, c.counts[o]); err != nil {
			return err
		}
		if o.isCached() {
			kept++
		} else {
			found++
		}
		if o.word()&flagInterned != 0 {
			interned++
		}
	}
	switch {
	case found != h.live:
		return breach("live", "%d objects are found, %d should live", found, h.live)
	case kept != h.Cached():
		return breach("cached", "%d cached objects are found, there should be %d", kept, h.Cached())
	case interned != int(h.interned.used):
		return breach("interned", "%d interned strings are found, the table has %d", interned, h.interned.used)
	}
	if err := h.checkFree(); err != nil {
		return err
	}
	if err := h.space.CheckSpace(); err != nil {
		return err
	}
	if err := h.checkMemory(c.order); err != nil {
		return err
	}
	return h.mem.CheckInvariants()
}

// census walks from the roots, the lists, the cache and the strings that are interned for ever.
func (h *Heap) census(roots func(func(Ref)), lists []List) (census, error) {
	n := h.likely()
	c := census{counts: make(map[Ref]int, n), order: make([]Ref, 0, n)}
	find := func(o Ref) {
		if _, ok := c.counts[o]; !ok && o != 0 {
			c.counts[o] = 0
			c.order = append(c.order, o)
		}
	}
	hold := func(o Ref) {
		if o != 0 {
			find(o)
			c.counts[o]++
		}
	}
	for _, l := range lists {
		for o := h.Next(l); o != l; o = h.Next(o) {
			find(o)
		}
	}
	roots(hold)
	for _, o := range h.Revived {
		hold(o)
	}
	h.cached.each(find)
	for i := range h.interned.slots {
		if o := Ref(page.Load(h.interned.table + i*8)); o != 0 && o.isCached() {
			find(o)
		}
	}
	for i := 0; i < len(c.order); i++ {
		if err := h.checkType(c.order[i]); err != nil {
			return c, err
		}
		if err := h.checkSizes(c.order[i]); err != nil {
			return c, err
		}
		h.holds(c.order[i], hold)
	}
	for i := range h.types {
		if h.types[i].class.Shares() {
			for _, name := range h.names[:h.types[i].Attrs] {
				hold(name)
			}
		}
	}
	return c, nil
}

// checkNesting notes whether an object that dies, or waits for its death, does so at the right depth: 7. Who dies is
// looked at where somebody wants to know it, as that would cost too much.
func (h *Heap) checkNesting(o Ref, waits bool) {
	w, depth := o.word(), h.prof.TrashDepth
	own := kindOf(w) >= KindWeakref
	if own && h.prof.TrashOld {
		depth--
	}
	counts := w&flagTrash != 0 && !(own && h.typeOf(o).Classic)
	switch {
	case waits && counts:
		h.misnested = h.misnested || h.depth < depth
	case waits:
		h.misnested = h.misnested || h.nested < h.prof.NestMax
	case counts:
		h.misnested = h.misnested || h.depth > depth
	case w&flagGC != 0:
		h.misnested = h.misnested || h.nested > h.prof.NestMax
	}
}

// likely is how many blocks there may well be: as many as the allocator says, but no check goes wrong if that is wrong.
func (h *Heap) likely() uint64 {
	blocks, _, _ := h.mem.Usage()
	return min(blocks, 4096)
}

// holds calls visit for each reference that o counts: those that a collector is told of, and keys of a dict that are
// strings. Keys that are shared are the class's.
func (h *Heap) holds(o Ref, visit func(Ref)) {
	if o.kind() != KindDict {
		h.Referents(o, visit)
		return
	}
	shared := h.space.Values(o.body()) != 0
	h.DictEach(o, func(k, v Ref) {
		if k != 0 && !shared {
			visit(k)
		}
		if v != 0 {
			visit(v)
		}
	})
}

// checkFree is invariant 8.
func (h *Heap) checkFree() error {
	for i := range h.free {
		l, most, n := &h.free[i], h.prof.FreeList.Tuples, 0
		switch {
		case i == freeLists:
			most = h.prof.FreeList.Lists
		case i == freeDicts:
			most = h.prof.FreeList.Dicts
		case i == freeFloats:
			most = h.prof.FreeList.Floats
		case i == freeInts:
			most = h.prof.FreeList.Ints
		case i >= h.prof.FreeList.TupleItems:
			most = 0
		}
		for o := l.first; o != 0 && n <= l.n; o = Ref(o.load(offBody)) {
			if o.word() != 0 || i < freeFloats && o.next() != 0 {
				return breach("free", "what is on a free list is still an object, or tracked")
			}
			if o.load(offCount) > 1 { // 1: there was no memory to make it whole
				return breach("free", "what is on a free list was counted since it died")
			}
			n++
		}
		if n != l.n || n > most {
			return breach("free", "a free list that says %d has %d, and may have %d", l.n, n, most)
		}
	}
	return nil
}

// checkType is invariant 1.
func (h *Heap) checkType(o Ref) error {
	w := o.word()
	id := int(uint16(w))
	if id == 0 || id >= len(h.types) || h.types[id].word != w&wordMask {
		return breach("known", "a reference leads to what has no type")
	}
	return nil
}

// checkObject is all that can be said of one object, to which so many references were found.
func (h *Heap) checkObject(o Ref, found int) error {
	want := found
	switch {
	case o.isCached():
		want = h.cachedCount(o, found)
	case h.prof.Immortal && h.IsImmortal(o):
		want = ImmortalCount
	}
	if h.Count(o) != want {
		return breach("count", "%s counts %d references and has %d", h.describe(o), h.Count(o), want)
	}
	if err := h.checkBody(o); err != nil || !o.isGC() {
		return err
	}
	if h.Collecting(o) || h.Unreachable(o) {
		return breach("marks", "%s bears the marks of a collection", h.describe(o))
	}
	tracked := h.Tracked(o)
	if k := o.kind(); !tracked {
		if k != KindTuple && k != KindDict && k != KindCapsule && !o.isCached() {
			return breach("untracked", "%s is not tracked", h.describe(o))
		}
		for at, n, step, alt := h.Fields(o); n > 0; n-- {
			if h.mayBeTracked(Ref(page.Load(at))) {
				return breach("untracked", "%s is not tracked and holds %s",
					h.describe(o), h.describe(Ref(page.Load(at))))
			}
			at += step
			step ^= alt
		}
	}
	return h.checkWeak(o)
}

// cachedCount is what the count of a cached object is to which so many references were found.
func (h *Heap) cachedCount(o Ref, found int) int {
	base := h.prof.CacheCount
	if k := o.kind(); k == KindNone || k == KindBool {
		base = h.plainCount()
	}
	if h.prof.Immortal {
		return base
	}
	return base + found
}

// checkSizes is invariant 9, and of a set the first half of 10: where its references are can be believed.
func (h *Heap) checkSizes(o Ref) error {
	switch o.kind() {
	case KindList:
		// A block of no items may have room for some (setRoom): what pymalloc does not serve stays as it is when it
		// becomes smaller, if it has 64 bytes at most, or if there is no memory to move it to (stuck).
		size, room, items := o.load(listSize), o.load(listRoom), uintptr(0)
		if at := o.load(listItems); at != 0 {
			items = h.mem.UsableSize(page.Pointer(at)) / 8
		}
		if size > room || room > items || room == 0 && (items > 8 && !h.stuck || items > 0 && h.prof.PopClears) {
			return breach("list", "%s has %d items, room for %d and a block for %d", h.describe(o), size, room, items)
		}
	case KindSet, KindFrozenset:
		mask, fill, used := o.load(setMask), o.load(setFill), o.load(setUsed)
		small := o.load(setTable) == uintptr(o)+setSmall
		if mask&(mask+1) != 0 || small != (mask == setSlotsMin-1) || used > fill || h.full(o, fill) {
			return breach("set", "%s has %d keys, %d filled of %d slots", h.describe(o), used, fill, mask+1)
		}
	}
	return nil
}

// checkBody is the second half of invariant 10, and 12, of an object that they are about.
func (h *Heap) checkBody(o Ref) error {
	switch o.kind() {
	case KindSet, KindFrozenset:
		return h.checkSet(o)
	case KindDict:
		return h.space.CheckInvariants(o.body())
	case KindStr:
		if h.IsInterned(o) && (h.interned.table == 0 || Ref(page.Load(h.lookup(o))) != o) {
			return breach("interned", "%s is not the one that the table has of its text", h.describe(o))
		}
	}
	return nil
}

// checkSet finds every key of a set, where it is and only there, and counts them.
func (h *Heap) checkSet(o Ref) error {
	fill, used := o.load(setFill), o.load(setUsed)
	keys, n := setKeys(o), uintptr(0)
	for i := range fill {
		k := Ref(page.Load(keys + i*8))
		if k == 0 {
			continue
		}
		n++
		at, found := h.setFind(o, k, h.hash(k))
		if !found || uintptr(page.Load32(at+4)) != i+1 {
			return breach("set", "key %d of %s is not found where it is", i, h.describe(o))
		}
	}
	places := uintptr(0)
	for i := range o.load(setMask) + 1 {
		if page.Load32(o.load(setTable)+i*8+4) != 0 {
			places++
		}
	}
	if n != used || places != fill {
		return breach("set", "%s has %d keys in %d places and counts %d in %d", h.describe(o), n, places, used, fill)
	}
	return nil
}

// checkCache is the first half of invariant 11: what is cached is what its place says.
func (h *Heap) checkCache() error {
	c, n := &h.cached, 0
	ok := true
	expect := func(o Ref, kind Kind, size int) bool {
		if o == 0 {
			return false
		}
		n++
		ok = ok && o.isCached() && o.kind() == kind && h.Len(o) == size
		return true
	}
	number := func(o Ref, kind Kind, v int64) {
		if expect(o, kind, 0) {
			ok = ok && h.IntValue(o).IsInt64() && h.IntValue(o).Int64() == v
		}
	}
	for i := range 256 {
		if expect(c.chars[i], KindStr, 1) {
			ok = ok && h.characters(c.chars[i])[0] == byte(i)
		}
		if expect(c.bytes[i], KindBytes, 1) {
			ok = ok && h.characters(c.bytes[i])[0] == byte(i)
		}
	}
	for i, o := range c.ints {
		number(o, KindInt, int64(i)+intCachedMin)
	}
	number(c.bools[0], KindBool, 0)
	number(c.bools[1], KindBool, 1)
	expect(c.none, KindNone, 0)
	expect(c.noStr, KindStr, 0)
	expect(c.noBytes, KindBytes, 0)
	expect(c.noTuple, KindTuple, 0)
	expect(c.noFrozen, KindFrozenset, 0)
	switch {
	case !ok:
		return breach("cached", "a cached object is not what its place says")
	case n != c.count:
		return breach("cached", "%d places are taken, %d are counted", n, c.count)
	}
	return nil
}

// checkWeak is invariant 6, of a weak reference and of what has weak references.
func (h *Heap) checkWeak(o Ref) error {
	if o.kind() == KindWeakref && o.load(weakReferent) == 0 && o.load(weakPrev)|o.load(weakNext) != 0 {
		return breach("weak", "%s refers to nothing and is on a list", h.describe(o))
	}
	prev := Ref(0)
	for w := h.Weakrefs(o); w != 0; w = Ref(w.load(weakNext)) {
		if h.checkType(w) != nil || w.kind() != KindWeakref || Ref(w.load(weakReferent)) != o ||
			Ref(w.load(weakPrev)) != prev {
			return breach("weak", "the list of weak references of %s is broken", h.describe(o))
		}
		prev = w
	}
	return nil
}
