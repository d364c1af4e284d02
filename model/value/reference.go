package value

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// ReferenceContract is what a Reference promises.
var ReferenceContract = Contract{
	CacheCount: 1, PlainCount: 1,
	Waits: func(Kind, int) (int, uint64) { return 0, 0 }, KeepsWaiting: func(Kind) bool { return false },
	Sizes: &Sizes{
		Atom: func(*Atom) uint64 { return 8 }, Base: [Kinds]uint64{List: 8, Tuple: 8, Set: 8, Frozenset: 8, Slice: 8,
			Function: 8, Cell: 8, Method: 8, Dict: 8, Slots: 8},
		Bare:        8,
		ListGrown:   func(_, n int) int { return n },
		ListOf:      func(n int) int { return n },
		ListLiteral: func(n int) int { return n },
		ListCopy:    func(n int) int { return n },
		ListExtend:  func(int) (int, bool) { return 0, false },
		SetLarge:    func(uint64) int { return 0 },
		SetFull:     func(int, int) bool { return false },
		Block:       func(_, n uint64) uint64 { return n },
	},
}

// Reference is the store that is believed by eye: an object is a slice of IDs with a count, and what is looked for is
// looked for from the front.
type Reference struct {
	objects map[ID]*thing
	names   map[string]ID
	last    ID
	ran     []ID
	opened  uint64

	// Refuse says that the next object, or item, finds no memory. An Injector sets it.
	Refuse func() bool
}

// thing is an object of a Reference.
type thing struct {
	kind  Kind
	text  string
	items []ID
	count int
	room  int // of a list: the capacity that its size is told by
	named bool
	final bool // a capsule, or an instance with a finalizer
	saves bool // that saves it, in other stores

	refers ID // of a weak reference
	calls  bool
	weaks  []ID // that refer to it, oldest first
}

// NewReference returns an empty store.
func NewReference() *Reference {
	return &Reference{objects: map[ID]*thing{}, names: map[string]ID{}, Refuse: func() bool { return false }}
}

// InjectOOM makes requests fail.
func (r *Reference) InjectOOM(nth int, persistent bool) {
	r.Refuse = func() bool {
		if nth--; nth == 0 {
			if persistent {
				nth = 1
			}
			return true
		}
		return false
	}
}

func (r *Reference) make(k Kind, text string, items []ID) ID {
	if r.Refuse() {
		return 0
	}
	r.last++
	r.objects[r.last] = &thing{kind: k, text: text, count: 1, final: k == Capsule}
	for _, i := range items {
		r.Share(i)
	}
	r.objects[r.last].items, r.objects[r.last].room = items, len(items)
	return r.last
}

// Atom makes an atom.
func (r *Reference) Atom(a Atom) ID { return r.make(a.Kind, a.Text, nil) }

// Intern makes a string once, or a constant that is one.
func (r *Reference) Intern(s string, constant bool) ID {
	if constant && !IsName(s) {
		return r.make(Str, s, nil)
	}
	if o, ok := r.names[s]; ok {
		r.Share(o)
		return o
	}
	o := r.make(Str, s, nil)
	if o != 0 {
		r.names[s] = o
		r.objects[o].named = true
	}
	return o
}

// Make makes a container.
func (r *Reference) Make(w Way, items []ID) ID {
	switch k := w.Kind(); k {
	case Function:
		return r.make(k, "", []ID{items[0], 0, 0, items[1]})
	case Set, Frozenset, Dict:
		o := r.make(k, "", nil)
		for i := 0; o != 0 && i < len(items); i++ {
			ok := false
			if k == Dict {
				ok = r.DictSet(o, items[i], items[i+1])
				i++
			} else {
				ok = r.Add(o, items[i])
			}
			if !ok {
				r.Free(o)
				return 0
			}
		}
		return o
	default:
		o := r.make(k, "", slices.Clone(items))
		if o != 0 {
			r.objects[o].final, r.objects[o].saves = w == FinalOf || w == SavedOf, w == SavedOf
		}
		return o
	}
}

// Share counts a reference.
func (r *Reference) Share(o ID) {
	if o != 0 {
		r.objects[o].count++
	}
}

// Free ends one.
func (r *Reference) Free(o ID) {
	if o == 0 {
		return
	}
	x := r.objects[o]
	if x.count--; x.count > 0 {
		return
	}
	r.remove(o)
	r.free(x.items)
}

// remove takes an object out, and runs what is due then.
func (r *Reference) remove(o ID) {
	x := r.objects[o]
	delete(r.objects, o)
	if x.named {
		delete(r.names, x.text)
	}
	if x.kind == Capsule {
		r.opened++
	}
	if x.final {
		r.ran = append(r.ran, o)
	}
	if of := r.objects[x.refers]; of != nil {
		of.weaks = slices.DeleteFunc(of.weaks, func(w ID) bool { return w == o })
	}
	for _, w := range slices.Backward(x.weaks) {
		if r.objects[w].refers = 0; r.objects[w].calls {
			r.ran = append(r.ran, w)
		}
	}
}

// NewWeak makes a weak reference.
func (r *Reference) NewWeak(o ID, calls bool) ID {
	if !Weakable(r.objects[o].kind) {
		return 0
	}
	w := r.make(Weak, "", nil)
	if w != 0 {
		r.objects[w].refers, r.objects[w].calls = o, calls
		r.objects[o].weaks = append(r.objects[o].weaks, w)
	}
	return w
}

// Ran tells what ran.
func (r *Reference) Ran() []ID {
	all := r.ran
	r.ran = nil
	return all
}

func (r *Reference) free(all []ID) {
	for _, i := range slices.Clone(all) {
		r.Free(i)
	}
}

// Look tells all of an object.
func (r *Reference) Look(o ID, t *Told) {
	x := r.objects[o]
	*t = Told{ID: o, Kind: x.kind, Count: x.count, Text: x.text, Len: len(x.items), Items: x.items, Size: 8,
		Interned: x.named, Refers: x.refers}
	switch x.kind {
	case List:
		t.Size += 8 * uint64(x.room)
	case Tuple, Slots:
		t.Size += 8 * uint64(len(x.items))
	case Dict:
		t.Len /= 2
	case Str:
		t.Len = utf8.RuneCountInString(x.text)
	case Bytes, ByteArray:
		t.Len = len(x.text)
	}
	t.Bytes = t.Size
}

// Push adds an item.
func (r *Reference) Push(o, v ID) bool { return r.Insert(o, len(r.objects[o].items), v) }

// Insert puts an item in front of another.
func (r *Reference) Insert(o ID, i int, v ID) bool {
	if r.Refuse() {
		return false
	}
	x := r.objects[o]
	r.Share(v)
	x.items = slices.Insert(x.items, min(i, len(x.items)), v)
	x.fit()
	return true
}

// fit gives room back as a list of the model's does: when half of it is not used.
func (x *thing) fit() {
	if n := len(x.items); x.room < n || n < x.room/2 {
		x.room = n
	}
}

// Extend adds items.
func (r *Reference) Extend(o ID, items []ID) bool {
	if r.Refuse() {
		return false
	}
	for _, v := range items {
		r.Share(v)
	}
	x := r.objects[o]
	x.items = append(x.items, items...)
	x.fit()
	return true
}

// Pop takes the last item off.
func (r *Reference) Pop(o ID) ID {
	x := r.objects[o]
	v := x.items[len(x.items)-1]
	x.items = x.items[:len(x.items)-1]
	x.fit()
	return v
}

// DeleteSlice takes items out.
func (r *Reference) DeleteSlice(o ID, i, j int) {
	x := r.objects[o]
	gone := slices.Clone(x.items[i:j])
	x.items = slices.Delete(x.items, i, j)
	if x.fit(); len(x.items) == 0 {
		x.room = 0
	}
	r.free(gone)
}

// Get returns an item.
func (r *Reference) Get(o ID, i int) ID {
	v := r.objects[o].items[i]
	r.Share(v)
	return v
}

// Put replaces one.
func (r *Reference) Put(o ID, i int, v ID) {
	x := r.objects[o]
	old := x.items[i]
	r.Share(v)
	x.items[i] = v
	r.Free(old)
}

// find is the place of a key, or -1.
func (r *Reference) find(o, key ID) int {
	x, step := r.objects[o], 1
	if x.kind == Dict {
		step = 2
	}
	for i := 0; i < len(x.items); i += step {
		if r.same(x.items[i], key) {
			return i
		}
	}
	return -1
}

func (r *Reference) same(a, b ID) bool {
	x, y := r.objects[a], r.objects[b]
	isInt := func(k Kind) bool { return k == Int || k == Bool }
	return a == b || (x.kind == y.kind || isInt(x.kind) && isInt(y.kind)) && x.kind != Function && x.text == y.text &&
		slices.EqualFunc(x.items, y.items, r.same)
}

// Has looks for a key.
func (r *Reference) Has(o, key ID) bool { return r.find(o, key) >= 0 }

// Add adds one.
func (r *Reference) Add(o, key ID) bool {
	if r.find(o, key) >= 0 {
		return true
	}
	return r.Insert(o, len(r.objects[o].items), key)
}

// Discard takes one out.
func (r *Reference) Discard(o, key ID) bool {
	at := r.find(o, key)
	if at >= 0 {
		r.DeleteSlice(o, at, at+1)
	}
	return at >= 0
}

// Update adds all keys or entries of another.
func (r *Reference) Update(o, from ID) bool {
	all := slices.Clone(r.objects[from].items)
	for i := 0; i < len(all); i++ {
		if r.objects[o].kind == Dict {
			if !r.DictSet(o, all[i], all[i+1]) {
				return false
			}
			i++
		} else if !r.Add(o, all[i]) {
			return false
		}
	}
	return true
}

// Clear takes all out.
func (r *Reference) Clear(o ID) {
	x := r.objects[o]
	gone := x.items
	x.items, x.room = nil, 0
	r.free(gone)
}

// From makes a container of another.
func (r *Reference) From(o ID, k Kind) ID {
	if k == Frozenset && r.objects[o].kind == k {
		r.Share(o)
		return o
	}
	return r.make(k, "", slices.Clone(r.objects[o].items))
}

// DictGet looks a key up.
func (r *Reference) DictGet(o, key ID) (ID, bool) {
	at := r.find(o, key)
	if at < 0 {
		return 0, false
	}
	return r.Get(o, at+1), true
}

// DictSet stores a value.
func (r *Reference) DictSet(o, key, v ID) bool {
	if at := r.find(o, key); at >= 0 {
		r.Put(o, at+1, v)
		return true
	}
	return r.Extend(o, []ID{key, v})
}

// DictDelete takes a key out.
func (r *Reference) DictDelete(o, key ID) bool {
	v, ok := r.DictPop(o, key)
	r.Free(v)
	return ok
}

// DictPop takes a key out and returns its value.
func (r *Reference) DictPop(o, key ID) (ID, bool) {
	v, ok := r.DictGet(o, key)
	if ok {
		at := r.find(o, key)
		r.DeleteSlice(o, at, at+2)
	}
	return v, ok
}

// DictPopItem takes the last entry out.
func (r *Reference) DictPopItem(o ID) (key, v ID, ok bool) {
	n := len(r.objects[o].items)
	if n == 0 {
		return 0, 0, false
	}
	key, v = r.Get(o, n-2), r.Get(o, n-1)
	r.DeleteSlice(o, n-2, n)
	return key, v, true
}

// DictSetDefault stores a value if there is none.
func (r *Reference) DictSetDefault(o, key, v ID) (ID, bool) {
	if r.find(o, key) < 0 && !r.DictSet(o, key, v) {
		return 0, false
	}
	return r.DictGet(o, key)
}

// Copy copies an object, deeply by a walk with a memo.
func (r *Reference) Copy(o ID, deep bool) (ID, CopyError) {
	c := copier{r, map[ID]ID{}, map[ID]bool{}, map[ID]bool{}}
	if why := c.can(o, deep); why != Copied {
		return 0, why
	}
	if deep {
		y := c.deep(o)
		c.end(y)
		return y, Copied
	}
	switch x := r.objects[o]; x.kind {
	case List, Set, Dict, ByteArray, Method, Slots:
		if y := r.make(x.kind, x.text, slices.Clone(x.items)); y != 0 {
			r.objects[y].final, r.objects[y].saves = x.final, x.saves
			return y, Copied
		}
		return 0, NoMemory
	}
	r.Share(o)
	return o, Copied
}

// CopyBoth makes two deep copies with one memo.
func (r *Reference) CopyBoth(a, b ID) (x, y ID, entries int, why CopyError) {
	c := copier{r, map[ID]ID{}, map[ID]bool{}, map[ID]bool{}}
	for _, o := range [...]ID{a, b} {
		if why = c.can(o, true); why != Copied {
			return 0, 0, 0, why
		}
	}
	x, y = c.deep(a), c.deep(b)
	if entries = len(c.memo); entries > 0 {
		entries++
	}
	c.end(x, y)
	return x, y, entries, Copied
}

// end gives references to copies, and lets the memo go.
func (c *copier) end(copies ...ID) {
	for _, y := range copies {
		c.r.Share(y)
	}
	for _, made := range c.memo {
		c.r.Free(made)
	}
}

// copier is a deep copy that is under way. The memo has a reference to each copy.
type copier struct {
	r    *Reference
	memo map[ID]ID
	seen map[ID]bool
	same map[ID]bool // tuples that are their own copies
}

// can tells whether there is a copy: no cell is reached, and there is memory.
func (c *copier) can(o ID, deep bool) CopyError {
	if o == 0 || c.seen[o] {
		return Copied
	}
	x := c.r.objects[o]
	c.seen[o] = true
	switch {
	case !copyable(x.kind, x.text):
		return Uncopyable
	case !deep || x.kind == Function:
		return Copied
	case c.r.Refuse():
		return NoMemory
	}
	for n, i := range x.items {
		if x.kind == Method && n == 0 {
			continue
		}
		if why := c.can(i, deep); why != Copied {
			return why
		}
	}
	return Copied
}

func (c *copier) deep(o ID) ID {
	if y, ok := c.memo[o]; ok || o == 0 {
		return y
	}
	if c.same[o] {
		return o
	}
	r, x := c.r, c.r.objects[o]
	keeps := !slices.Contains([]Kind{List, Tuple, Set, Frozenset, Dict, Slice, Method, ByteArray, Slots}, x.kind)
	if keeps {
		return o
	}
	if x.kind != List && x.kind != Dict && x.kind != Slots {
		var items []ID
		for n, i := range x.items {
			if x.kind != Method || n > 0 {
				i = c.deep(i)
			}
			items = append(items, i)
		}
		if y, ok := c.memo[o]; ok { // it is on a cycle, and was copied meanwhile
			return y
		}
		if x.kind == Tuple && slices.Equal(items, x.items) {
			c.same[o] = true
			return o
		}
		c.memo[o] = c.made(x.kind, x.text, items)
		return c.memo[o]
	}
	y := c.made(x.kind, "", nil)
	r.objects[y].final, r.objects[y].saves = x.final, x.saves
	c.memo[o] = y
	for _, i := range x.items {
		v := c.deep(i)
		r.Share(v)
		r.objects[y].items = append(r.objects[y].items, v)
		r.objects[y].fit()
	}
	return y
}

// made makes an object, which cannot be refused: can has asked for it.
func (c *copier) made(k Kind, text string, items []ID) ID {
	refuse := c.r.Refuse
	defer func() { c.r.Refuse = refuse }()
	c.r.Refuse = func() bool { return false }
	return c.r.make(k, text, items)
}

// Collect takes out what cannot be reached from references of the caller: what has more of them than objects have.
func (r *Reference) Collect() {
	outside := map[ID]int{}
	for o, x := range r.objects {
		outside[o] += x.count
		for _, i := range x.items {
			outside[i]--
		}
	}
	found := map[ID]bool{}
	var walk func(o ID)
	walk = func(o ID) {
		if o == 0 || found[o] {
			return
		}
		found[o] = true
		for _, i := range r.objects[o].items {
			walk(i)
		}
	}
	for o, n := range outside {
		if n > 0 {
			walk(o)
		}
	}
	garbage := slices.DeleteFunc(slices.Sorted(maps.Keys(r.objects)), func(o ID) bool { return found[o] })
	for _, o := range garbage { // which does not call back
		r.objects[o].calls = false
	}
	for _, o := range garbage {
		x := r.objects[o]
		r.remove(o)
		for _, i := range x.items {
			if found[i] {
				r.objects[i].count--
			}
		}
	}
}

// Opened tells how many capsules died.
func (r *Reference) Opened() uint64 { return r.opened }

// Usage tells how many objects there are.
func (r *Reference) Usage() (live, blocks, bytes uint64) {
	n := uint64(len(r.objects))
	return n, n, 8 * n
}

// Waiting tells that all that died is gone.
func (r *Reference) Waiting() (objects, bytes uint64) { return 0, 0 }

// Pickle writes an object, and makes another like it.
func (r *Reference) Pickle(o ID, flat bool) (ID, Stream, CopyError) {
	w, why := r.write(o, flat)
	if why != Copied {
		return 0, Stream{}, why
	}
	return r.read(o, flat, map[ID]ID{}), Stream{Bytes: w.out, Entries: len(w.memo)}, Copied
}

// Spoil tells what is a stream, and makes nothing of it.
func (r *Reference) Spoil(o ID, at, b int) (read bool, why CopyError) {
	w, why := r.write(o, false)
	if read = why == Copied && isStream(Spoilt(w.out, at, b)); read {
		r.Collect()
	}
	return read, why
}

func (r *Reference) write(o ID, flat bool) (w writer[ID], why CopyError) {
	w = writer[ID]{flat: flat}
	w.look = func(o ID) (Kind, string, any, string, []ID) {
		x := r.objects[o]
		return x.kind, x.text, o, Class(len(x.items), x.final, x.saves), x.items
	}
	if why = w.dump(o); why == Copied && r.Refuse() {
		why = NoMemory
	}
	return w, why
}

// read makes what an object is read as, unless it was made, with a new reference.
func (r *Reference) read(o ID, flat bool, memo map[ID]ID) ID {
	if y, ok := memo[o]; ok && !flat {
		r.Share(y)
		return y
	}
	x := r.objects[o]
	y := (&copier{r: r}).made(x.kind, x.text, nil)
	if slices.Contains(memoised, x.kind) {
		memo[o] = y
	}
	r.objects[y].final, r.objects[y].saves = x.final, x.saves
	for _, i := range x.items {
		r.objects[y].items = append(r.objects[y].items, r.read(i, flat, memo))
	}
	r.objects[y].fit()
	return y
}
