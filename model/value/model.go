package value

import (
	"maps"
	"slices"
	"unicode/utf8"

	"heapfuzz/model"
)

type violation = *model.Violation

// object is what the model knows of one.
type object struct {
	id    ID
	kind  Kind
	text  string
	atom  *Atom
	items []*object // of a dict keys and values in turn; nil is none
	refs  int       // from slots and from objects
	once  bool      // there is one of its value
	again bool      // it was read: an empty frozenset or a single byte may be one of several

	interned bool
	room     int    // of a list
	block    bool   // what had room has none, and a block all the same
	kept     int    // what it may be instead, as long as it was not seen
	peak     uint64 // the most bytes of items that were seen since it had none
	fill     int    // of a set: keys and places of those that were taken out
	places   int
	mixed    bool // of a dict: it had keys that are no small ints
	unsized  bool // a refusal left the size open
	weakly
}

// Model judges a store. The operations are methods, whose arguments are slots; Take and Told come afterwards.
type Model struct {
	Contract
	slots   map[uint64]*object
	objects map[ID]*object
	once    map[string]*object // by kind and value
	names   map[string]*object // interned strings
	waiting map[shelf]int
	scarce  bool // memory was, so what a block takes is not promised
	vague   bool // an operation failed, so how many wait is unknown

	Limited, Armed bool // memory is scarce, because of the world or of oom
	Variant        uint64
	ranged         bool   // numbers are referred to by ranges
	opened         uint64 // capsules that died
	refused        bool   // the operation that is judged was
	loose          *object
	from           *object // loose was to be updated with it, and there was no memory
	ran
}

// NewModel returns the model of an empty store.
func NewModel(c Contract) *Model {
	return &Model{Contract: c, slots: map[uint64]*object{}, objects: map[ID]*object{}, once: map[string]*object{},
		names: map[string]*object{}, waiting: map[shelf]int{}}
}

// Live, Kind, Len, Key and Few tell what a slot has.
func (m *Model) Live(s uint64) bool { return m.slots[s] != nil }

// Kind is that of the object; Nothing if the slot is dead.
func (m *Model) Kind(s uint64) Kind {
	if o := m.slots[s]; o != nil {
		return o.kind
	}
	return Nothing
}

// Len is its length.
func (m *Model) Len(s uint64) int { return m.slots[s].length() }

// Key tells whether it can be a key.
func (m *Model) Key(s uint64) bool {
	return IsKey(m.slots[s], func(o *object) (Kind, string, []*object) {
		if o == nil {
			return Nothing, "", nil
		}
		return o.kind, o.text, o.items
	})
}

// Few and Unfolds tell whether it leads to no more than n others.
func (m *Model) Few(s uint64, n int) bool { return Few(m.slots[s], n, (*object).leads) }

// Unfolds is Few of each occurrence.
func (m *Model) Unfolds(s uint64, n int) bool { return Unfolds(m.slots[s], n, (*object).leads) }

func (o *object) leads() []*object {
	if o == nil {
		return nil
	}
	return o.items
}

func (o *object) length() int {
	switch o.kind {
	case Dict:
		return len(o.items) / 2
	case Str:
		return -1 // of characters, which a store counts as it likes
	}
	return len(o.items)
}

// Begin says whether the operation that is judged next was refused.
func (m *Model) Begin(refused bool) violation {
	m.refused, m.loose, m.from = refused, nil, nil
	m.begin(refused)
	m.vague = m.vague || refused
	m.scarce = m.scarce || m.Limited || m.Armed
	if refused && !m.Limited && !m.Armed {
		return Serves.Breach("refused, and there is memory")
	}
	return nil
}

func (m *Model) hold(o *object) {
	if o != nil {
		o.refs++
	}
}

// drop takes a reference away; with the last the object dies.
func (m *Model) drop(o *object) {
	if o == nil {
		return
	}
	if o.refs--; o.refs == 0 && !o.once {
		m.die(o)
	}
}

func (m *Model) die(o *object) {
	m.shelve(o)
	if o.kind == Capsule {
		m.opened++
	}
	delete(m.objects, o.id)
	if m.names[o.text] == o {
		delete(m.names, o.text)
	}
	m.runs(o)
	items := o.items
	o.items = nil
	for _, i := range items {
		m.drop(i)
	}
}

// isOnce tells whether there is only one object of a value.
func (m *Model) isOnce(o *object) bool {
	switch {
	case !m.Cached:
		return false
	case o.kind == Int:
		n := o.atom.Int
		return n.IsInt64() && n.Int64() >= -5 && n.Int64() <= 256
	case o.kind == Str && !m.OneString:
		r, n := utf8.DecodeRuneInString(o.text)
		return n == len(o.text) && r < 256 || o.text == ""
	case o.kind == Str, o.kind == Bytes:
		return len(o.text) == 0 || len(o.text) == 1 && !(o.again && m.ReadsBytes)
	case o.kind == Tuple:
		return len(o.items) == 0
	case o.kind == Frozenset:
		return len(o.items) == 0 && m.FrozenOnce && !o.again
	}
	return o.kind == None || o.kind == Bool
}

// bind gives a new object its ID. If there is one of it the answer is that one.
func (m *Model) bind(id ID, o *object) (*object, violation) {
	name := string(rune(o.kind)) + o.text
	if m.isOnce(o) {
		if one := m.once[name]; one != nil {
			if one.id != id {
				return nil, Once.Breach("another object of a value of which there is one")
			}
			return one, nil
		}
		o.once, m.once[name] = true, o
	}
	if m.objects[id] != nil {
		return nil, Once.Breach("what was made is an object that lives, of kind %d", m.objects[id].kind)
	}
	o.id, m.objects[id] = id, o
	m.born(o)
	for i := 0; o.kind == Dict && i < len(o.items); i += 2 {
		o.mix(o.items[i])
	}
	for _, i := range o.items {
		m.hold(i)
	}
	return o, nil
}

// put has a slot refer to an object.
func (m *Model) put(s uint64, o *object) { m.hold(o); m.slots[s] = o }

// define binds an object and has a slot refer to it.
func (m *Model) define(s uint64, id ID, o *object) violation {
	o, v := m.bind(id, o)
	if v == nil {
		m.put(s, o)
	}
	return v
}

// known judges that what was got is the object that has to be there.
func (m *Model) known(id ID, want *object) violation {
	if id != idOf(want) {
		return Contents.Breach("another object than the one that was put there")
	}
	return nil
}

// take is known, and a slot refers to the object from then on, if it is one.
func (m *Model) take(s uint64, id ID, want *object) violation {
	v := m.known(id, want)
	if v == nil && want != nil {
		m.put(s, want)
	}
	return v
}

// Atom judges the making of an atom.
func (m *Model) Atom(s uint64, a Atom, id ID) violation {
	if m.OneString && a.Kind == Bytes {
		a.Kind = Str
	}
	o := &object{kind: a.Kind, text: a.Text, atom: &a}
	if a.Kind == Range {
		m.ranged = m.ranged || m.RangeInts
		if m.OpaqueAt {
			o.text = ""
		}
	}
	return m.define(s, id, o)
}

// Intern judges the making of a string of which there is one, or of a constant, which is such if it looks like a name.
func (m *Model) Intern(s uint64, a Atom, constant bool, id ID, interned bool) violation {
	if constant && !IsName(a.Text) {
		return m.Atom(s, a, id)
	}
	o := &object{kind: Str, text: a.Text, atom: &a, interned: interned}
	one := m.names[a.Text]
	switch {
	case one != nil && one.id != id:
		return Once.Breach("another string than the one that is interned")
	case one != nil:
		m.put(s, one)
		return nil
	case !interned && !m.Limited && !m.Armed:
		return Once.Breach("a string is not interned")
	}
	o, v := m.bind(id, o)
	if v != nil {
		return v
	}
	m.put(s, o)
	if o.interned = interned; interned {
		m.names[a.Text] = o
		o.once = o.once || m.KeepsNames
	}
	return nil
}

// Make judges the making of a container.
func (m *Model) Make(s uint64, w Way, from []uint64, id ID) violation {
	o := &object{kind: w.Kind()}
	for _, f := range from {
		o.items = append(o.items, m.slots[f])
	}
	n := len(o.items)
	switch o.kind {
	case Function:
		o.items = []*object{o.items[0], nil, nil, o.items[1]}
	case List:
		o.room = n
		if z := m.Sizes; z != nil && w == ListOf {
			o.room = z.ListOf(n)
		} else if z != nil && w == ListLiteral && n >= 3 {
			o.room = z.ListLiteral(n)
		}
	case Slots:
		o.final, o.saves = w != SlotsOf, w == SavedOf
	case Set, Frozenset:
		m.fillSet(o, w == SetLiteral && n >= 3)
	case Dict:
		items := o.items
		o.items = nil
		for i := 0; i < n; i += 2 {
			if at := o.find(items[i]); at < 0 {
				o.items = append(o.items, items[i], items[i+1])
			} else {
				o.items[at+1] = items[i+1]
			}
		}
	}
	return m.define(s, id, o)
}

// fillSet gives a new set the keys that are in items, one by one, or by way of a frozenset.
func (m *Model) fillSet(o *object, literal bool) {
	items := o.items
	o.items, o.fill, o.places = nil, 0, setPlaces
	for _, k := range items {
		if o.find(k) < 0 {
			m.addKey(o, k)
		}
	}
	if literal && m.Sizes != nil && m.Sizes.SetMerges {
		items, o.items, o.fill, o.places = o.items, nil, 0, setPlaces
		m.setRoom(o, len(items))
		for _, k := range items {
			m.addKey(o, k)
		}
	}
}

// setPlaces is how many keys and holes the smallest table of a set has places for.
const setPlaces = 8

// addKey adds a key that is not there, without a reference.
func (m *Model) addKey(o, k *object) {
	if m.Sizes != nil && m.Sizes.SetFull(o.fill+1, o.places) {
		n := len(o.items) + 1
		if n <= m.Sizes.SetLarge(m.Variant) {
			n *= 2
		}
		o.resize(2 * n)
	}
	o.items = append(o.items, k)
	o.fill++
}

// setRoom makes room for n more keys, if all of them are new.
func (m *Model) setRoom(o *object, n int) {
	if m.Sizes != nil && m.Sizes.SetFull(o.fill+n, o.places) {
		o.resize((len(o.items) + n) * 2)
	}
}

func (o *object) resize(n int) {
	o.places, o.fill = setPlaces, len(o.items)
	for o.places <= n {
		o.places *= 2
	}
}

// find is the place of a key in a set or a dict, or -1.
func (o *object) find(key *object) int {
	step := 1
	if o.kind == Dict {
		step = 2
	}
	for i := 0; i < len(o.items); i += step {
		if same(o.items[i], key) {
			return i
		}
	}
	return -1
}

// same tells whether two keys are equal.
func same(a, b *object) bool {
	switch {
	case a == b:
		return true
	case a.kind == Function || b.kind == Function:
		return false
	case (a.kind == Int || a.kind == Bool) && (b.kind == Int || b.kind == Bool):
		return a.text == b.text
	}
	return a.kind == b.kind && a.text == b.text && slices.EqualFunc(a.items, b.items, same)
}

// Share judges another name for an object.
func (m *Model) Share(s, q uint64) { m.put(s, m.slots[q]) }

// Free judges the end of a slot.
func (m *Model) Free(s uint64) {
	o := m.slots[s]
	delete(m.slots, s)
	m.drop(o)
}

// Drain judges the end of all slots.
func (m *Model) Drain() {
	for _, s := range slices.Sorted(maps.Keys(m.slots)) {
		m.Free(s)
	}
}

// Collect takes out what no slot leads to.
func (m *Model) Collect() {
	m.collecting = true
	found := map[*object]bool{}
	var walk func(o *object)
	walk = func(o *object) {
		if o == nil || found[o] {
			return
		}
		found[o] = true
		for _, i := range o.items {
			walk(i)
		}
	}
	for _, o := range m.slots {
		walk(o)
	}
	for _, o := range m.objects {
		if !found[o] && !o.once {
			o.refs++ // so that it dies once, here
			defer m.die(o)
		}
	}
}

// Opened judges how many destructors of capsules have run.
func (m *Model) Opened(n uint64) violation {
	if n != m.opened {
		return Opens.Breach("%d capsules were opened, and %d died", n, m.opened)
	}
	return nil
}

// Usage judges what is in use. What ranges hold is not known to be an object each, and what blocks objects have is
// not promised; but without objects there are none.
func (m *Model) Usage(live, blocks, bytes uint64) violation {
	want := uint64(0)
	for _, o := range m.objects {
		if !o.once {
			want++
		}
	}
	switch {
	case want == 0 && (live != 0 || blocks != 0 || bytes != 0):
		return Returned.Breach("%d objects and %d blocks of %d bytes are in use, and there are no objects",
			live, blocks, bytes)
	case live != want && !m.ranged:
		return Returned.Breach("%d objects live, and there are %d", live, want)
	}
	return nil
}
