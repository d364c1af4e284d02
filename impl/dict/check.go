package dict

import (
	"fmt"
	"strings"

	"heapfuzz/impl/page"
)

// breach makes the error of a rule.
func breach(rule, format string, args ...any) error {
	return fmt.Errorf("dict/%s: %s", rule, fmt.Sprintf(format, args...))
}

// CheckInvariants recounts what must hold of one dict between two calls, from its bytes. It changes nothing and asks no
// hook.
func (s *Space) CheckInvariants(d Dict) error {
	if s.old {
		return s.checkOld(d)
	}
	k := d.keys()
	if k == s.empty {
		if d.Len() != 0 || d.values() != 0 && !s.prof.ClearSplit {
			return breach("used", "%d entries or values with the shared empty keys", d.Len())
		}
		return s.checkEmpty()
	}
	if err := s.checkHeader(k); err != nil {
		return err
	}
	if split := k.kind() == kindSplit; split != (d.values() != 0) {
		return breach("kind", "keys of kind %d, and values: %v", k.kind(), !split)
	}
	live, err := s.checkIndex(k)
	if err != nil {
		return err
	}
	if err := s.checkEntries(k); err != nil {
		return err
	}
	if d.values() != 0 {
		return s.checkSplit(d)
	}
	switch {
	case k.refs() != 1:
		return breach("refs", "keys of a combined dict have %d references", k.refs())
	case live != d.Len():
		return breach("used", "%d live slots, %d entries counted", live, d.Len())
	}
	return nil
}

// checkEmpty is invariant 12 of the shared empty keys.
func (s *Space) checkEmpty() error {
	k := s.empty
	if k.log2() != 0 || k.refs() != 1 || k.usable() != 0 || k.count() != 0 || s.slot(k, 0) != slotEmpty {
		return breach("refs", "the shared empty keys were written to")
	}
	return nil
}

// checkHeader is invariants 1 and 2.
func (s *Space) checkHeader(k keys) error {
	log2, kind, stride := k.log2(), k.kind(), k.stride()
	narrowKind := s.prof.StrTables && kind != kindGeneral
	switch {
	case log2 < logMin || log2 > logMax:
		return breach("keys", "2^%d slots", log2)
	case k.width() != widthOf(log2):
		return breach("keys", "slots of 2^%d bytes in a table of 2^%d", k.width(), log2)
	case kind > kindSplit || kind == kindStrDummy && s.prof.StrTables:
		return breach("keys", "kind %d", kind)
	case narrowKind != (stride == narrow) || stride != narrow && stride != wide:
		return breach("keys", "entries of %d bytes in a table of kind %d", stride, kind)
	case s.mem.UsableSize(page.Pointer(uintptr(k))) < s.bytesOf(k):
		return breach("keys", "the block has fewer bytes than the table")
	case k.usable() < 0 || k.count() < 0 || k.usable()+k.count() > usableOf(k.slots()):
		return breach("room", "%d entries and %d usable ones of %d", k.count(), k.usable(), usableOf(k.slots()))
	}
	return nil
}

// checkIndex is invariants 3, 5 and 6. It returns how many slots are live.
func (s *Space) checkIndex(k keys) (live int, err error) {
	seen := make([]bool, k.count())
	dummies, empties := 0, 0
	for i := range uintptr(k.slots()) {
		ix := s.slot(k, i)
		switch {
		case ix == slotEmpty:
			empties++
		case ix == slotDummy:
			dummies++
		case ix < 0 || ix >= k.count():
			return 0, breach("index", "slot %d has entry %d of %d", i, ix, k.count())
		case seen[ix]:
			return 0, breach("index", "two slots lead to entry %d", ix)
		case keyAt(s.cell(k, ix)) == 0:
			return 0, breach("index", "slot %d leads to entry %d, which is dead", i, ix)
		default:
			seen[ix] = true
			live++
		}
	}
	for ix, ok := range seen {
		if !ok && keyAt(s.cell(k, ix)) != 0 {
			return 0, breach("index", "no slot leads to entry %d", ix)
		}
	}
	switch total := usableOf(k.slots()); {
	case empties == 0:
		return 0, breach("empty-slot", "no slot is empty: a search would not end")
	case live+dummies+k.usable() > total:
		return 0, breach("dummies", "%d live slots, %d dummies and %d usable entries of %d",
			live, dummies, k.usable(), total)
	case dummies > 0 && (k.kind() == kindSplit || k.kind() == kindStr && !s.prof.StrTables):
		return 0, breach("dummies", "%d dummies in a table of kind %d", dummies, k.kind())
	}
	return live, nil
}

// checkEntries is invariants 7 to 11.
func (s *Space) checkEntries(k keys) error {
	stride, split := k.stride(), k.kind() == kindSplit
	for ix := range k.count() {
		c := s.cell(k, ix)
		w, v := keyAt(c), valueAt(c)
		if w == 0 || split {
			if v != 0 {
				return breach("value", "entry %d is dead or shared, and has a value", ix)
			}
			if w == 0 && split {
				return breach("value", "shared key %d is dead", ix)
			}
			if w == 0 {
				continue
			}
		} else if v == 0 {
			return breach("value", "entry %d has a key and no value", ix)
		}
		if k.kind() != kindGeneral && !w.IsStr() {
			return breach("kind", "entry %d of a table of strings is none", ix)
		}
		hash := hashAt(c, stride)
		if err := s.checkHash(w, hash); err != nil {
			return err
		}
		if err := s.checkPath(k, ix, w, hash); err != nil {
			return err
		}
	}
	return nil
}

// checkHash compares the hash beside a key, and that in the record of a string, with that of the key. An object is not
// asked.
func (s *Space) checkHash(w Word, hash int64) error {
	want := hash
	switch {
	case w.IsInt():
		want, _ = s.hash(w)
	case w.IsStr():
		want = s.HashStr(w.Str())
	}
	if hash == -1 || hash != want {
		return breach("hash", "%s has hash %d, not %d", w, hash, want)
	}
	return nil
}

// checkPath walks to entry ix as a search does.
func (s *Space) checkPath(k keys, ix int, w Word, hash int64) error {
	p := startProbe(k, hash)
	// When the hash is used up, a path visits each slot once.
	for steps := 0; ; steps++ {
		at := s.slot(k, p.i)
		if at == ix {
			return nil
		}
		if at == slotEmpty || steps > k.slots()+64/perturbShift+1 {
			return breach("reach", "no search finds %s, entry %d", w, ix)
		}
		if at >= 0 {
			if other := keyAt(s.cell(k, at)); sameKey(other, w) {
				return breach("unique", "%s is there twice, as entries %d and %d", w, at, ix)
			}
		}
		p.next()
	}
}

// sameKey compares keys without a hook.
func sameKey(a, b Word) bool { return a == b || a.IsStr() && b.IsStr() && sameStr(a, b) }

// checkSplit is invariant 11 of a split dict.
func (s *Space) checkSplit(d Dict) error {
	k, v := d.keys(), d.values()
	if k.refs() < 1 {
		return breach("refs", "shared keys have %d references", k.refs())
	}
	set := 0
	for i := range s.room(k) {
		if wordAt(v+8*uintptr(i)) != 0 {
			set++
		}
	}
	if set != d.Len() {
		return breach("used", "%d values are there, %d counted", set, d.Len())
	}
	if s.prof.Inline {
		if n, _ := s.order(v); int(*n) != set {
			return breach("order", "the order list has %d of %d values", *n, set)
		}
	}
	seen := make([]bool, s.room(k))
	for i := range set {
		ix := s.inOrder(v, i)
		if ix >= k.count() || seen[ix] || wordAt(v+8*uintptr(ix)) == 0 {
			return breach("order", "value %d in order is number %d, which is not there or was before", i, ix)
		}
		seen[ix] = true
	}
	return nil
}

// Own tells whether the keys of a dict are its own: nobody shares them.
func (s *Space) Own(d Dict) bool { return s.old || d.values() == 0 }

// CheckShared recounts the references to the keys that dicts and classes share, given all that there are, and the keys
// themselves, which may be those of no dict. It tells the block of each keys object, and what is in it.
func (s *Space) CheckShared(dicts []Dict, classes []Class, block func(uintptr), visit func(key Word)) error {
	refs := map[keys]int{}
	for _, c := range classes {
		refs[c.keys]++
	}
	for _, d := range dicts {
		if !s.Own(d) {
			refs[d.keys()]++
		}
	}
	delete(refs, 0)
	delete(refs, s.empty)
	for k, n := range refs {
		block(uintptr(k))
		if k.kind() != kindSplit || k.refs() != n {
			return breach("refs", "shared keys of kind %d have %d references, not %d", k.kind(), k.refs(), n)
		}
		if err := s.checkHeader(k); err != nil {
			return err
		}
		if _, err := s.checkIndex(k); err != nil {
			return err
		}
		if err := s.checkEntries(k); err != nil {
			return err
		}
		for i := range k.count() {
			visit(keyAt(s.cell(k, i)))
		}
	}
	return nil
}

// checkOld is what of all this means something in 2.7.
func (s *Space) checkOld(d Dict) error {
	table, mask := d.oldTable(), d.oldMask()
	inside := table == d.smallTable()
	switch {
	case mask&(mask+1) != 0 || inside != (mask == 7):
		return breach("keys", "%d slots", mask+1)
	case !inside && s.mem.UsableSize(page.Pointer(table)) < (mask+1)*oldSlot:
		return breach("keys", "the block has fewer bytes than the table")
	}
	live, dummies := 0, 0
	for i := range mask + 1 {
		c := oldCell(table, i)
		w, v := keyAt(c), valueAt(c)
		if w == 0 || w == s.dummy {
			if v != 0 {
				return breach("value", "slot %d is not live, and has a value", i)
			}
			if w != 0 {
				dummies++
			}
			continue
		}
		if v == 0 {
			return breach("value", "slot %d has a key and no value", i)
		}
		live++
		if err := s.checkHash(w, hashAt(c, oldSlot)); err != nil {
			return err
		}
	}
	switch {
	case live != d.Len():
		return breach("used", "%d live slots, %d entries counted", live, d.Len())
	case live+dummies != d.oldFill():
		return breach("dummies", "%d live slots and %d dummies, %d counted", live, dummies, d.oldFill())
	case live+dummies > int(mask):
		return breach("empty-slot", "no slot is empty: a search would not end")
	}
	for i := range mask + 1 {
		if c := oldCell(table, i); valueAt(c) != 0 {
			if err := s.checkPathOld(table, mask, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPathOld walks to a cell as a search does.
func (s *Space) checkPathOld(table, mask, cell uintptr) error {
	w := keyAt(cell)
	hash := page.Load(cell - 8)
	i := hash & mask
	for perturb := hash; ; perturb >>= perturbShift {
		c := oldCell(table, i&mask)
		switch other := keyAt(c); {
		case c == cell:
			return nil
		case other == 0:
			return breach("reach", "no search finds %s", w)
		case other != s.dummy && sameKey(other, w):
			return breach("unique", "%s is there twice", w)
		}
		i = i*5 + perturb + 1
	}
}

// CheckSpace recounts what belongs to no dict: the shared empty keys, and the free lists.
func (s *Space) CheckSpace() error {
	if !s.old {
		if err := s.checkEmpty(); err != nil {
			return err
		}
	}
	seen := map[uintptr]bool{}
	for _, k := range s.freeKeys[:s.keysFree] {
		switch {
		case seen[uintptr(k)]:
			return breach("free", "keys wait for reuse twice")
		case k.log2() != logMin || s.prof.StrTables && k.stride() != narrow:
			return breach("free", "keys of 2^%d slots and entries of %d bytes wait for reuse", k.log2(), k.stride())
		}
		seen[uintptr(k)] = true
	}
	for _, d := range s.freeDicts[:s.dictsFree] {
		if seen[uintptr(d)] {
			return breach("free", "a dict waits for reuse twice")
		}
		seen[uintptr(d)] = true
	}
	return nil
}

// Probes is how many slots a search for a key looks at, 0 in an empty dict: what an attack with colliding hashes drives
// up. Objects are compared as words, and no hook is asked but for the hash.
func (s *Space) Probes(d Dict, key Word) (int, error) {
	hash, err := s.hash(key)
	if err != nil {
		return 0, err
	}
	if d.Len() == 0 {
		return 0, nil
	}
	if s.old {
		return s.probesOld(d, key, hash), nil
	}
	k := d.keys()
	n := 1
	for p := startProbe(k, hash); ; p.next() {
		ix := s.slot(k, p.i)
		if ix == slotEmpty || ix >= 0 && sameKey(keyAt(s.cell(k, ix)), key) {
			return n, nil
		}
		n++
	}
}

func (s *Space) probesOld(d Dict, key Word, hash int64) int {
	table, mask := d.oldTable(), d.oldMask()
	i := uintptr(hash) & mask
	n := 1
	for perturb := uintptr(hash); ; perturb >>= perturbShift {
		w := keyAt(oldCell(table, i&mask))
		if w == 0 || w != s.dummy && sameKey(w, key) {
			return n
		}
		n++
		i = i*5 + perturb + 1
	}
}

// String is a number, a quoted string, or "object".
func (w Word) String() string {
	switch {
	case w == 0:
		return "nothing"
	case w.IsInt():
		return fmt.Sprint(w.Int())
	case w.IsStr():
		return fmt.Sprintf("%q", w.Str())
	}
	return "object"
}

// Explain draws the table of a dict for a person, without an address:
//
//	3 of 5 entries used, 1 usable, 1 dead; 8 slots: 0 1 x 3 . . . .
//
// where a number is that of an entry, . is empty and x a dummy. At most 64 slots are drawn. In 2.7 entries are numbered
// in the order of the slots.
func (s *Space) Explain(d Dict) string {
	if s.old {
		return s.explainOld(d)
	}
	k := d.keys()
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d entries used, %d usable, %d dead; %d slots:",
		d.Len(), usableOf(k.slots()), k.usable(), k.count()-d.Len(), k.slots())
	for i := range uintptr(min(k.slots(), 64)) {
		switch ix := s.slot(k, i); ix {
		case slotEmpty:
			b.WriteString(" .")
		case slotDummy:
			b.WriteString(" x")
		default:
			fmt.Fprintf(&b, " %d", ix)
		}
	}
	return b.String()
}

func (s *Space) explainOld(d Dict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d live, %d not empty of %d slots:", d.Len(), d.oldFill(), d.oldMask()+1)
	n := 0
	for i := range min(d.oldMask()+1, 64) {
		switch c := oldCell(d.oldTable(), i); {
		case keyAt(c) == 0:
			b.WriteString(" .")
		case valueAt(c) == 0:
			b.WriteString(" x")
		default:
			fmt.Fprintf(&b, " %d", n)
			n++
		}
	}
	return b.String()
}
