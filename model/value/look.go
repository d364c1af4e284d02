package value

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Told judges what is seen of the object of a slot.
func (m *Model) Told(s uint64, t *Told) violation {
	o := m.slots[s]
	if o == nil {
		return Answers.Breach("a dead slot has an object")
	}
	return m.told(o, t)
}

// Verified judges what is seen of all objects that slots lead to.
func (m *Model) Verified(all []Told) violation {
	for i := range all {
		o := m.objects[all[i].ID]
		if o == nil {
			return Contents.Breach("an object is reached that does not live")
		}
		if v := m.told(o, &all[i]); v != nil {
			return v
		}
	}
	return nil
}

func (m *Model) told(o *object, t *Told) violation {
	if m.loose == o {
		if v := m.settle(o, t); v != nil {
			return v
		}
	}
	v := m.look(o, t)
	if v != nil && m.refused {
		return Failure.Breach("%s", v.Error())
	}
	return v
}

func (m *Model) look(o *object, t *Told) violation {
	switch {
	case o.id != t.ID || o.kind != t.Kind:
		return Contents.Breach("an object of kind %d is one of kind %d", o.kind, t.Kind)
	case o.text != t.Text:
		return Equal.Breach("%q has become %q", o.text, t.Text)
	case o.length() >= 0 && o.atom == nil && t.Len != o.length():
		return Length.Breach("the length of %d items is %d", o.length(), t.Len)
	case m.letters(o) >= 0 && t.Len != m.letters(o):
		return Length.Breach("the length of an atom of kind %d and %d bytes is %d", o.kind, len(o.text), t.Len)
	case t.Interned != o.interned && !(o.kind == Str && slices.Contains(m.Names, o.text)):
		return Once.Breach("a string is interned: %t", t.Interned)
	}
	if v := m.contents(o, t.Items); v != nil {
		return v
	}
	if t.Refers != idOf(o.refers) {
		return Weakly.Breach("a weak reference refers to another object, or none")
	}
	if v := m.count(o, t.Count); v != nil {
		return v
	}
	if o.kept > 0 && t.Size == m.Sizes.Base[List]+8*uint64(o.kept) {
		o.room = o.kept
	}
	o.kept = 0
	if want, ok := m.size(o); ok && want != t.Size {
		return Size.Breach("the size of an object of kind %d with %d items is %d, and not %d",
			o.kind, len(o.items), t.Size, want)
	}
	if least, most := m.blocks(o, t); most > 0 && (t.Bytes < least || t.Bytes > most) {
		return Size.Breach("the blocks of an object of kind %d and size %d take %d bytes, and not %d to %d",
			o.kind, t.Size, t.Bytes, least, most)
	}
	return nil
}

// letters is the length of a string, of characters, and of bytes; -1 of what has neither.
func (m *Model) letters(o *object) int {
	switch {
	case o.kind == Str && !m.OneString:
		return utf8.RuneCountInString(o.text)
	case o.kind == Str, o.kind == Bytes, o.kind == ByteArray:
		return len(o.text)
	}
	return -1
}

// block is what a block of n bytes takes; 0 if that is not promised.
func (m *Model) block(n uint64) uint64 {
	if m.Sizes == nil || m.Sizes.Block == nil {
		return 0
	}
	return m.Sizes.Block(m.Variant, n)
}

// emptyBlock is the most that a block of no bytes takes that comes from elsewhere.
const emptyBlock = 16

// blocks is what the blocks of an object take, from its size; 0 if that is not promised.
func (m *Model) blocks(o *object, t *Told) (least, most uint64) {
	z := m.Sizes
	if z == nil || m.scarce || o.kind == Record || o.kind == Str && o.once {
		return 0, 0
	}
	own, slack := t.Size, uint64(0)
	switch o.kind {
	case List:
		own = z.Base[List]
		o.peak = max(o.peak, t.Size-own)
		switch {
		case o.block: // one of no items is as large as the allocator likes, and so are those that it becomes
			o.peak = math.MaxInt64
		case own == t.Size:
			o.peak = 0
		}
		if m.block(o.peak) == 0 {
			return 0, 0 // it may have kept a block from then
		}
		slack = (t.Size - own) / 3
	case Set, Frozenset, Dict:
		own = z.Base[o.kind]
	case ByteArray:
		if n := uint64(len(o.text)); n > 0 && own > n {
			own -= n + 1
		}
	}
	if own > t.Size {
		return 0, 1
	}
	if own == t.Size {
		n := m.block(own)
		if o.kind == Dict || o.block { // it may have a block for no values, or of no items, which no pool need have
			return n, n + max(m.block(1), emptyBlock)
		}
		return n, n
	}
	first, least, most := m.block(own), m.block(t.Size-own), m.block(t.Size-own+slack)
	if first == 0 || least == 0 || most == 0 {
		return 0, 0
	}
	return first + least, first + most
}

// contents judges the items of a container.
func (m *Model) contents(o *object, items []ID) violation {
	want := make([]ID, len(o.items))
	for i, x := range m.inOrder(o) {
		want[i] = idOf(x)
	}
	if slices.Equal(want, items) {
		return nil
	}
	a, b := slices.Clone(want), slices.Clone(items)
	switch {
	case o.kind == Dict && len(b)%2 == 0:
		a, b = entries(a), entries(b)
	case o.kind == Set || o.kind == Frozenset:
		slices.Sort(a)
		slices.Sort(b)
	}
	switch {
	case !slices.Equal(a, b):
		return Contents.Breach("an object of kind %d holds %d items, of which some are not those of %d that it had",
			o.kind, len(items), len(want))
	case o.kind == Dict && (!m.AnyOrder || m.IntOrder && !o.mixed):
		return Order.Breach("the entries of a dict are in another order")
	}
	return nil
}

// inOrder are the items in the order in which they are told: those of a dict that is ordered by its ints by these.
func (m *Model) inOrder(o *object) []*object {
	if o.kind != Dict || !m.IntOrder || o.mixed {
		return o.items
	}
	var sorted []*object
	for n := range smallInts {
		for i := 0; i < len(o.items); i += 2 {
			if o.items[i].isSmall(n) {
				sorted = append(sorted, o.items[i], o.items[i+1])
			}
		}
	}
	return sorted
}

// smallInts are the ints from 0 on that have a place of their own in the smallest table of a dict.
const smallInts = 8

// isSmall tells whether an object is the int, or the bool, n.
func (o *object) isSmall(n int) bool {
	return (o.kind == Int || o.kind == Bool) && o.text == strconv.Itoa(n)
}

// mix notes the keys of a dict that are no small ints.
func (o *object) mix(k *object) {
	small := false
	for n := range smallInts {
		small = small || k.isSmall(n)
	}
	o.mixed = o.mixed || !small
}

// entries sorts keys and values in turn by the key.
func entries(all []ID) (sorted []ID) {
	var pairs [][2]ID
	for i := 0; i < len(all); i += 2 {
		pairs = append(pairs, [2]ID{all[i], all[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]ID) int { return slices.Compare(a[:], b[:]) })
	for _, p := range pairs {
		sorted = append(sorted, p[:]...)
	}
	return sorted
}

// count judges how many references there are to an object.
func (m *Model) count(o *object, n int) violation {
	want := o.refs
	if o.once {
		base := m.CacheCount
		if o.kind == None || o.kind == Bool {
			base = m.PlainCount
		}
		switch {
		case m.Immortal:
			want = base
		case o.kind == Int && m.ranged:
			return nil
		default:
			want += base
		}
	}
	if n != want {
		return Counts.Breach("the count of an object of kind %d is %d, and there are %d", o.kind, n, want)
	}
	return nil
}

// size is the size of an object, if it is promised.
func (m *Model) size(o *object) (bytes uint64, promised bool) {
	z := m.Sizes
	switch {
	case z == nil || o.unsized || o.kind == Dict || o.kind == Record || o.kind == Weak:
		return 0, false
	case o.atom != nil:
		return z.Atom(o.atom), true
	}
	bytes = z.Base[o.kind]
	switch o.kind {
	case List:
		bytes += 8 * uint64(o.room)
	case Slots:
		if bytes += 8 * uint64(len(o.items)); len(o.items) == 0 {
			bytes = z.Bare
		}
	case Tuple:
		bytes += 8 * uint64(len(o.items))
	case Set, Frozenset:
		if o.places > setPlaces {
			bytes += 16 * uint64(o.places)
		}
	}
	return bytes, true
}

// settle takes over what an update has done when there was no memory to finish it: some of what it was to do.
func (m *Model) settle(o *object, t *Told) violation {
	step := 1
	if o.kind == Dict {
		step = 2
	}
	var now []*object
	kept := 0
	for i := 0; i+step <= len(t.Items); i += step {
		k := m.objects[t.Items[i]]
		if k == nil {
			return Failure.Breach("an update that was refused added what was not there")
		}
		at, added := o.find(k), m.from.find(k)
		if at < 0 && added < 0 || at >= 0 && o.items[at] != k {
			return Failure.Breach("an update that was refused added what was not there")
		}
		now = append(now, k)
		if at >= 0 {
			kept++
		}
		if step == 1 {
			continue
		}
		v := m.objects[t.Items[i+1]]
		if !(at >= 0 && o.items[at+1] == v) && !(added >= 0 && m.from.items[added+1] == v) {
			return Failure.Breach("an update that was refused stored another value")
		}
		now = append(now, v)
	}
	if kept != len(o.items)/step {
		return Failure.Breach("an update that was refused took something out")
	}
	for _, x := range now {
		m.hold(x)
	}
	old := o.items
	o.items = now
	for _, x := range old {
		m.drop(x)
	}
	return nil
}
