package fuzz

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/page"

	pydict "heapfuzz/impl/dict"
)

// What no program of dicts asks of a release of CPython, and what it promises all the same: a space without hooks, free
// lists that are full, dicts with room for very many, classes with as many attributes as they share. It is asked of the
// space of strings, which has all memory that it wants.

// edges asks for the first of these, and for the others in turn.
func (st *pyStore) edges() error {
	st.text.Trim()
	before, _, _ := st.text.Memory().Usage()
	if st.fault == faultHoards {
		st.text.Memory().Alloc(200)
	}
	err := st.plain()
	st.text.Trim()
	switch st.asked % 4 {
	case 0:
		err = errors.Join(err, st.crowded())
	case 1:
		if err = errors.Join(err, st.waiting()); st.asked%16 == 5 {
			err = errors.Join(err, st.starved())
		}
	case 2:
		err = errors.Join(err, st.presized())
	case 3:
		err = errors.Join(err, st.declared())
	}
	st.text.Trim()
	if after, _, _ := st.text.Memory().Usage(); err == nil && after != before {
		err = fmt.Errorf("dict/edges: %d blocks are live, and %d were before", after, before)
	}
	return err
}

// words makes n strings. Done gives them back.
func (st *pyStore) words(n int) (words []pydict.Word, done func()) {
	for i := range n {
		words = append(words, st.text.NewStr("word "+strconv.Itoa(i)))
	}
	return words, func() {
		for _, w := range words {
			st.text.FreeStr(w)
		}
	}
}

func edge(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("dict/edges: "+format, args...)
}

// plain uses dicts of a space without hooks: numbers and strings are keys, and values may be anything.
func (st *pyStore) plain() error {
	s := st.text
	words, done := st.words(7)
	defer done()
	d, far := s.New(), pydict.Int(24<<23) // a number that looks like the head of a table where there is none
	if err := s.Set(d, far, far); err != nil {
		return err
	}
	if v, ok, err := s.Get(d, far); !ok || v != far || err != nil {
		return fmt.Errorf("dict/edges: a number is not found: %w", err)
	}
	if err := st.stepped(d); err != nil {
		return err
	}
	if ok, err := s.Delete(d, far); !ok || err != nil {
		return fmt.Errorf("dict/edges: a number is not deleted: %w", err)
	}
	for i, w := range words {
		value := pydict.Word(16 * (i + 1))
		if err := errors.Join(s.Set(d, w, value), s.Set(d, pydict.Int(int64(i)), value)); err != nil {
			return err
		}
	}
	other, err := s.Copy(d)
	if err != nil {
		return err
	}
	defer func() { s.Free(d); s.Free(other) }()
	err = errors.Join(st.forms(), st.alike(), st.seeded(), st.stale(), st.likely())
	if st.asked%64 == 0 {
		err = errors.Join(err, newest())
	}
	if err != nil {
		return err
	}
	same, err := s.Equal(d, other)
	if err != nil || !same {
		return fmt.Errorf("dict/edges: a dict does not equal its copy: %w", err)
	}
	if err := s.Set(other, words[3], words[3]); err != nil {
		return err
	}
	same, err = s.Equal(d, other)
	v, ok, _ := s.Get(other, words[3])
	err = errors.Join(err, edge(!same, "dicts with other values are equal"),
		edge(ok && v == words[3], "a value that was stored over another is not there"))
	for _, w := range words {
		ok, e := s.Delete(other, w)
		err = errors.Join(err, e, edge(ok, "a string is not there"))
	}
	s.Clear(d)
	return errors.Join(err, edge(other.Len() == len(words) && d.Len() == 0, "a dict has another length"),
		s.CheckInvariants(d), s.CheckInvariants(other))
}

// stepped tells whether a change of a value is a step of the version, and the first table of 2.7 is in the dict
// itself. The dict has one entry.
func (st *pyStore) stepped(d pydict.Dict) error {
	s, prof := st.text, st.text.Profile()
	version := d.Version()
	key, _, ok := s.At(d, new(int))
	err := s.Set(d, key, pydict.Int(-1))
	if step := d.Version() - version; !prof.Old {
		err = errors.Join(err, edge(ok && step == watched(prof), "a change is %d steps of a version", step))
	}
	if at, _, _, _ := s.Walk(d); prof.Old { // behind five words, and the hash of the first slot
		err = errors.Join(err, edge(at == uintptr(d)+48, "the first table of a dict does not end its body"))
	}
	it := s.Reversed(d)
	_, v, _, e := s.Next(&it)
	return errors.Join(err, e, edge(prof.Old || v == pydict.Int(-1),
		"the last entry of a dict is not the one that is met first by who walks it backward"))
}

// forms has a string whose record it keeps itself, and that has another form than one of the same bytes.
func (st *pyStore) forms() error {
	const form = 5
	s := st.text
	b := s.Memory().Alloc(64)
	defer s.Memory().Free(b)
	view := page.View(uintptr(b), 64)
	for i := range view {
		view[i] = 0xFF
	}
	record := uintptr(b) + 16
	text := copy(view[16+pydict.RecordBytes:], "text")
	pydict.FillRecord(record, uintptr(text), form)
	s.HashRecord(record)
	w, other := pydict.StrAt(record), s.NewStr("text")
	defer s.FreeStr(other)
	d := s.New()
	defer s.Free(d)
	if err := errors.Join(s.Set(d, w, w), s.Set(d, other, other)); err != nil {
		return err
	}
	v, ok, err := s.Get(d, w)
	for n := 14; n < 18; n++ { // bytes behind two words
		text := s.NewStr(strings.Repeat("x", n))
		round := s.Profile().Arena.Alignment()
		bytes := s.Memory().UsableSize(page.Pointer(text.Record()))
		err = errors.Join(err, edge(bytes == (uintptr(n)+16+round-1)/round*round,
			"a string of %d bytes is in a block of %d", n, bytes))
		s.FreeStr(text)
	}
	is := pydict.RecordForm(record) == form && pydict.RecordLen(record) == uintptr(text)
	return errors.Join(err, s.CheckInvariants(d),
		edge(ok && v == w && d.Len() == 2, "strings of two forms are one key"),
		edge(is && string(w.Str()) == "text", "a record has another form, or other bytes"))
}

// alike has a number with the hash of a string: each is found, and not where the other is.
func (st *pyStore) alike() (err error) {
	s := st.text
	words, done := st.words(20)
	defer done()
	for _, w := range words {
		hash := s.HashStr(w.Str())
		if hash >= 1<<61-1 || hash <= -(1<<61-1) {
			continue
		}
		d, n := s.New(), pydict.Int(hash)
		st.must(s.Set(d, w, n))
		_, ok, e := s.Get(d, n)
		was, e2 := s.Delete(d, n)
		err = errors.Join(err, e, e2, edge(!ok && !was, "a number is found where a string of its hash is"))
		st.must(s.Set(d, n, w))
		v, _, _ := s.Get(d, w)
		u, _, _ := s.Get(d, n)
		err = errors.Join(err, edge(v == n && u == w, "a number and a string of one hash are one key"),
			s.CheckInvariants(d))
		ok, e = s.Delete(d, w)
		_, is, _ := s.Get(d, w)
		err = errors.Join(err, e, edge(ok && !is, "a string is found where a number of its hash is"),
			s.CheckInvariants(d))
		s.Free(d)
	}
	return err
}

// seeded is a space whose strings have keyed hashes, and in which 2.7 writes a word of ours over a key that is deleted.
func (st *pyStore) seeded() error {
	const seed, dummy = 7, pydict.Word(1 << 40)
	s, err := pydict.NewSpace(pydict.Config{
		Profile: st.text.Profile(), Memory: st.text.Memory(), Key: pydict.KeyOfSeed(seed), Dummy: dummy,
	})
	if err != nil {
		return err
	}
	d := s.New()
	err = s.Set(d, pydict.Int(1), pydict.Int(1))
	_, e := s.Delete(d, pydict.Int(1))
	met := false
	at, n, step, alt := s.Walk(d)
	for range n {
		met = met || page.Load(at) == uintptr(dummy)
		at += step
		step ^= alt
	}
	s.Free(d)
	return errors.Join(err, e, edge(met == s.Profile().Old, "a deleted entry has another word for a key, or has one"),
		checkHashes(s, seed), s.Close())
}

// stale walks over a dict whose table becomes a shorter one meanwhile, in the block of the first, where an entry is
// left behind the last: it is not met.
func (st *pyStore) stale() (err error) {
	s := st.text
	if s.Profile().Old {
		return nil
	}
	words, done := st.words(5)
	defer done()
	for _, back := range []bool{false, true} {
		d, want := s.New(), pydict.Word(0)
		for _, w := range words[:3] {
			st.must(s.Set(d, w, w))
		}
		_, e := s.Delete(d, words[0])
		it := s.Iter(d)
		if back {
			it, want = s.Reversed(d), words[4]
		} else {
			s.Next(&it)
		}
		s.Clear(d)
		st.must(errors.Join(s.Set(d, words[3], words[3]), s.Set(d, words[4], words[4])))
		key, _, _, e2 := s.Next(&it)
		err = errors.Join(err, e, e2, edge(key == want,
			"who walks over a table that became shorter meets another key"))
		s.Free(d)
	}
	return err
}

// newest is the space of a Config that says nothing.
func newest() error {
	s, err := pydict.NewSpace(pydict.Config{})
	if err != nil {
		return err
	}
	all := pydict.Profiles()
	is, mem := s.Profile(), s.Memory()
	w := s.NewStr("a block")
	_, _, before := mem.Usage()
	err = errors.Join(edge(w != 0 && is == all[len(all)-1], "a space is by itself one of %s", is.Name), s.Close())
	_, _, after := mem.Usage()
	return errors.Join(err, edge(before > 0 && after == 0, "%d bytes are left of a space's own memory", after))
}

// waiting makes more dicts than wait for reuse: of those that are taken away 80 do, and as many of their tables of 8
// slots, of which there is none in 2.7, and which hold strings from 3.11 on. A dict that is made then takes no block.
func (st *pyStore) waiting() error {
	const waits = 80
	s, prof := st.text, st.text.Profile()
	words, done := st.words(6)
	defer done()
	blocks := func() int { n, _, _ := s.Memory().Usage(); return int(n) }
	before := blocks()
	fill := func(n int, keys ...pydict.Word) (dicts []pydict.Dict) {
		for range n {
			d := s.New()
			for _, w := range keys {
				st.must(s.Set(d, w, pydict.Int(1)))
			}
			dicts = append(dicts, d)
		}
		return dicts
	}
	numbers := []pydict.Word{pydict.Int(1)}
	var err error
	for i, c := range []struct {
		keys  []pydict.Word
		waits bool // tables do
	}{{words[:1], !prof.Old}, {numbers, prof.FreeGeneral}, {words, false}} {
		for _, d := range fill(waits+2, c.keys...) {
			s.Free(d)
		}
		want := before + waits
		switch {
		case c.waits:
			want += waits
		case i == 2 && !prof.Old: // the table that each had at first
			want++
		}
		if err = errors.Join(err, edge(blocks() == want, "%d blocks are left of %d dicts, and %d were",
			blocks()-before, waits+2, want-before), s.CheckSpace()); err != nil {
			return err
		}
		if c.waits {
			wait := map[uintptr]bool{}
			s.Blocks(func(b uintptr) { wait[b] = true })
			dicts := fill(waits, c.keys...)
			err = errors.Join(err, edge(blocks() == want, "a dict takes a block where %d wait", waits))
			for _, d := range dicts {
				s.BlocksOf(d, func(b uintptr) {
					err = errors.Join(err, edge(wait[b], "a table is in no block of those that waited"))
				})
				err = errors.Join(err, edge(wait[uintptr(d)-prof.HeadBytes-pyHeader], "a dict is in no such block"))
				s.Free(d)
			}
		}
		s.Trim()
		d := s.New()
		for _, b := range page.View(uintptr(d)-prof.HeadBytes-pyHeader, prof.HeadBytes+pyHeader) {
			err = errors.Join(err, edge(b == 0, "the heads of a new dict are not zero"))
		}
		s.Free(d)
		s.Trim()
	}
	return err
}

// presized makes dicts that have room: none where that of a new one will do, and at most that of 2^17 slots.
func (st *pyStore) presized() error {
	s, prof := st.text, st.text.Profile()
	var err error
	sizes := []int{0, 1, 5, 6, 7, 10, 11, 16, 21, 22, 42, 85, 86, 170, 171, 1000}
	switch st.asked % 128 { // what is large costs as much as a program
	case 2:
		sizes = []int{87381}
	case 66:
		sizes = []int{87382}
	case 34:
		sizes = []int{20000}
	case 98:
		sizes = []int{40000}
	}
	if prof.Old {
		err = st.likewise()
	}
	switch {
	case prof.Old && st.asked%64 == 10:
		err = errors.Join(st.large(50000), st.large(50001))
	case !prof.Old && st.asked%128 == 50:
		err = st.grown()
	}
	for _, n := range sizes {
		for _, str := range []bool{false, true} {
			d := s.NewPresized(n, str)
			if d == 0 {
				return edge(false, "there is no dict with room for %d", n)
			}
			want := pyHead(prof) + 248
			if !prof.Old {
				want = pySize(prof, presizedSlots(prof, n), str)
			}
			err = errors.Join(err, edge(uint64(s.Size(d)) == want,
				"a dict with room for %d takes up %d bytes, and not %d", n, s.Size(d), want))
			if n > 1000 { // with slots of more bytes
				err = errors.Join(err, st.sparse(d, str))
			}
			if n <= 171 && !prof.Old && !str {
				for i := range n {
					st.must(s.Set(d, pydict.Int(int64(i)), pydict.Int(1)))
				}
				if n > 5 || !prof.LazyNew {
					err = errors.Join(err, edge(uint64(s.Size(d)) == want, "there is no room for %d", n))
				}
				err = errors.Join(err, s.CheckInvariants(d))
			}
			s.Free(d)
		}
	}
	return err
}

// likewise makes dicts of the keys of others: 2.7 asks for more slots than one and a half times their number, of which
// an odd one is rounded down, and does not grow meanwhile, even if the table is two thirds full then, as that of 11
// keys is.
func (st *pyStore) likewise() (err error) {
	s := st.text
	for _, n := range []int{1, 5, 6, 10, 11, 12, 21, 43} {
		d := s.New()
		for i := range n {
			st.must(s.Set(d, pydict.Int(int64(i)), pydict.Int(1)))
		}
		like, e := s.FromKeys(d, pydict.Int(2))
		if err = errors.Join(err, e); e != nil {
			return err
		}
		slots, want := 8, pyHead(s.Profile())+248
		for slots <= n/2*3 {
			slots *= 2
		}
		if slots > 8 {
			want += 24 * uint64(slots)
		}
		err = errors.Join(err, s.CheckInvariants(like), edge(like.Len() == n && uint64(s.Size(like)) == want,
			"a dict of the keys of one of %d takes up %d bytes, and not %d", n, s.Size(like), want))
		s.Free(like)
		s.Free(d)
	}
	return err
}

// large makes a dict of 2.7 that is full when it has so many entries: two thirds of its 2^17 slots have been used. It
// grows to more than four times its entries, or, if these are more than 50,000, to more than twice.
func (st *pyStore) large(n int) error {
	const slots = 1 << 17
	const full = slots*2/3 + 1
	s := st.text
	d := s.New()
	defer s.Free(d)
	for i := range full - 1 {
		st.must(s.Set(d, pydict.Int(int64(i)), pydict.Int(1)))
	}
	for i := range full - n {
		_, err := s.Delete(d, pydict.Int(int64(i)))
		st.must(err)
	}
	before := uint64(s.Size(d))
	st.must(s.Set(d, pydict.Int(full), pydict.Int(1)))
	want, is := uint64(slots), pyHead(s.Profile())+248
	if n <= 50000 {
		want *= 2
	}
	whole := d.Len() == n && before == is+24*slots && uint64(s.Size(d)) == is+24*want
	return errors.Join(s.CheckInvariants(d), edge(whole,
		"a dict of %d entries takes up %d bytes when it has grown, and %d before", d.Len(), s.Size(d), before))
}

// grown makes a dict grow to 2^16 slots, which have four bytes each, and uses it a little.
func (st *pyStore) grown() (err error) {
	const slots = 1 << 15
	const full = slots * 2 / 3
	s := st.text
	d := s.NewPresized(full-1, false)
	defer s.Free(d)
	for i := range full {
		st.must(s.Set(d, pydict.Int(int64(i)), pydict.Int(1)))
	}
	before := uint64(s.Size(d))
	st.must(s.Set(d, pydict.Int(full), pydict.Int(1)))
	ok, e := s.Delete(d, pydict.Int(full/2))
	_, is, _ := s.Get(d, pydict.Int(full-1))
	prof := s.Profile()
	whole := before == pySize(prof, slots, false) && uint64(s.Size(d)) == pySize(prof, 2*slots, false)
	return errors.Join(e, s.CheckInvariants(d),
		edge(ok && is && d.Len() == full, "a number is not found in a large dict"), edge(whole,
			"a dict of %d entries takes up %d bytes when it has grown, and %d before", full, s.Size(d), before))
}

// sparse uses a dict that has much room a little, with strings for keys if it is to have them.
func (st *pyStore) sparse(d pydict.Dict, str bool) (err error) {
	s := st.text
	words, done := st.words(8)
	defer done()
	var keys []pydict.Word
	for i, w := range words {
		if !str {
			w = pydict.Int(int64(i) << 13)
		}
		keys = append(keys, w)
		st.must(s.Set(d, w, pydict.Int(int64(i))))
	}
	ok, e := s.Delete(d, keys[3])
	err = errors.Join(e, edge(ok, "a key is not there"))
	key, value, e := s.PopItem(d)
	err = errors.Join(err, e, edge(key == keys[value.Int()], "an entry is popped that was not there"))
	for i, w := range keys {
		v, ok, e := s.Get(d, w)
		is := pydict.Int(int64(i))
		gone := i == 3 || is == value
		err = errors.Join(err, e, edge(ok != gone && (gone || v == is), "a key is not found, or was deleted"))
	}
	return err
}

// presizedSlots is what _PyDict_NewPresized makes: the least power of two that is not below one and a half times the
// entries, up to 3.9, and from 3.10 on above them where that is 16 or more; 0 are the shared empty keys.
func presizedSlots(prof *pydict.Profile, n int) int {
	if prof.LazyNew && n <= 5 {
		return 0
	}
	want, slots := min((n*3+1)/2, 1<<17), 8
	if n > 1<<17*2/3 {
		return 1 << 17
	}
	for slots < want || slots == want && want > 8 && prof.FitQuirk {
		slots *= 2
	}
	return slots
}

// pySize is what a combined dict with so many slots takes up.
func pySize(prof *pydict.Profile, slots int, str bool) uint64 {
	n, entry, width := pyHead(prof)+48, uint64(24), uint64(1)
	if slots == 0 {
		return n
	}
	if str && prof.StrTables {
		entry = 16
	}
	switch {
	case slots >= 1<<16:
		width = 4
	case slots >= 1<<8:
		width = 2
	}
	return n + uint64(prof.KeysBytes) + width*uint64(slots) + entry*uint64(slots*2/3)
}

// crowded makes instances of a class, and gives each as many attributes as its values have room for: up to 3.10 five,
// and then one less than 30 for each instance that there ever was, but always one. The next makes its table another.
func (st *pyStore) crowded() error {
	s, prof := st.text, st.text.Profile()
	words, done := st.words(32)
	defer done()
	c := s.NewClass()
	var dicts []pydict.Dict
	defer func() {
		s.FreeClass(&c)
		for _, d := range dicts {
			s.Free(d)
		}
	}()
	if prof.Old {
		return edge(!c.Shares(), "a class of 2.7 shares keys")
	}
	err := errors.Join(st.lent(words), st.merged(words), st.alone(), st.forked(words), st.filled(words))
	if err != nil {
		return err
	}
	for i := range 33 {
		d := s.NewInstance(&c)
		dicts = append(dicts, d)
		room := 5
		if prof.Inline {
			room = max(29-i, 1)
		}
		if err := errors.Join(st.valuesBlock(d, room), s.CheckInvariants(d)); err != nil {
			return err
		}
	}
	for which, d := range []pydict.Dict{dicts[0], dicts[len(dicts)-1]} {
		n := 0
		for ; n < len(words) && (n == 0 || s.Values(d) != 0); n++ {
			st.must(s.SetAttr(&c, d, words[n], pydict.Int(int64(n))))
		}
		want := 6
		if prof.Inline {
			want = 2
		}
		if which == 1 { // all that it has room for is there, and goes
			d := s.NewInstance(&c)
			dicts = append(dicts, d)
			st.must(s.SetAttr(&c, d, words[0], pydict.Int(1)))
			if ok, err := s.DelAttr(&c, d, words[0]); !ok || err != nil || d.Len() != 0 {
				return edge(false, "the only attribute of an instance is not deleted")
			}
		}
		if err := errors.Join(edge(n == want, "instance %d has its own table with %d attributes, and not with %d",
			which, n, want), edge(c.Shares() == prof.Inline, "who else has the keys has lost them, or not"),
			s.CheckInvariants(d)); err != nil || !c.Shares() {
			return err
		}
	}
	return nil
}

// merged gives an instance the attribute that it lacks and another of its class has: the first that the class shares.
func (st *pyStore) merged(words []pydict.Word) error {
	s := st.text
	c := s.NewClass()
	with, without := s.NewInstance(&c), s.NewInstance(&c)
	defer func() { s.Free(with); s.Free(without); s.FreeClass(&c) }()
	st.must(errors.Join(s.SetAttr(&c, with, words[0], pydict.Int(1)), s.SetAttr(&c, with, words[1], pydict.Int(2)),
		s.SetAttr(&c, without, words[1], pydict.Int(3))))
	err := s.Merge(without, with, false)
	first, _, _ := s.Get(without, words[0])
	second, _, _ := s.Get(without, words[1])
	met := 0
	s.All(with, func(_, _ pydict.Word) bool { met++; return false })
	return errors.Join(err, edge(first == pydict.Int(1) && second == pydict.Int(3),
		"a merge does not store what is not there, or stores over what is"), s.CheckInvariants(without),
		edge(met == 1, "who wants one entry only is told %d", met))
}

// alone has an instance whose class goes: then the keys that it shared are its own, and are of its size.
func (st *pyStore) alone() error {
	s, prof, slots, room := st.text, st.text.Profile(), 8, uint64(5)
	if prof.Inline {
		slots, room = 64, 29
	}
	c := s.NewClass()
	d := s.NewInstance(&c)
	defer s.Free(d)
	copied, err := s.Copy(d)
	if err != nil {
		return err
	}
	err = edge((s.Values(copied) == 0) == prof.Clone, "a copy of an instance without attributes has a table, or none")
	s.Free(copied)
	shares := uint64(s.Size(d))
	s.FreeClass(&c)
	want, own := pySize(prof, 0, true)+8*room, uint64(s.Size(d))
	return errors.Join(err, edge(shares == want && own == want+uint64(pyBytes(prof, slots)),
		"an instance takes up %d bytes, and %d without its class", shares, own))
}

// filled gives an instance all the attributes that it has room for, where its list of their order has no byte to spare.
// Up to 3.10 it has room for what its class has from the start, and for as many as the table of that has.
func (st *pyStore) filled(words []pydict.Word) (err error) {
	const instances, room = 8, 22
	s := st.text
	if !s.Profile().Inline {
		for _, c := range []struct{ attrs, room int }{{2, 5}, {5, 5}, {10, 10}, {11, 21}} {
			class := s.NewShared(words[:c.attrs]...)
			d := s.NewInstance(&class)
			err = errors.Join(err, st.valuesBlock(d, c.room), s.CheckInvariants(d))
			s.Free(d)
			s.FreeClass(&class)
		}
		return err
	}
	c := s.NewClass()
	var dicts []pydict.Dict
	for range instances {
		dicts = append(dicts, s.NewInstance(&c))
	}
	d := dicts[instances-1]
	for _, w := range words[:room] {
		st.must(s.SetAttr(&c, d, w, w))
	}
	err = errors.Join(st.valuesBlock(d, room), s.CheckInvariants(d),
		edge(s.Values(d) != 0 && d.Len() == room, "an instance has no room for %d attributes", room))
	at := 0
	s.All(d, func(key, value pydict.Word) bool {
		err = errors.Join(err, edge(key == words[at] && value == key, "attribute %d of an instance is another", at))
		at++
		return true
	})
	for _, d := range dicts {
		s.Free(d)
	}
	s.FreeClass(&c)
	return err
}

// forked updates an instance without attributes by a dict of its names: where that becomes a clone it has a table of
// its own, but in 3.13. It deletes an attribute then, by which a class loses its keys up to 3.10.
func (st *pyStore) forked(words []pydict.Word) error {
	s, prof := st.text, st.text.Profile()
	c := s.NewClass()
	d, names := s.NewInstance(&c), s.New()
	defer func() { s.Free(d); s.Free(names); s.FreeClass(&c) }()
	for _, w := range words[:2] {
		st.must(s.Set(names, w, pydict.Int(1)))
	}
	err := s.Update(d, names)
	own := s.Values(d) == 0
	err = errors.Join(err, s.CheckInvariants(d), edge(d.Len() == 2 && own == (prof.MergeClone && !prof.Suffix),
		"an instance that was updated has a table of its own, or has none"))
	ok, e := s.DelAttr(&c, d, words[0])
	return errors.Join(err, e, s.CheckInvariants(d),
		edge(ok && c.Shares() == prof.Inline, "a deletion takes the keys of a class, or leaves them"))
}

// lent gives the only instance of a class a sixth attribute: up to 3.10 it then has the table of the class, which is
// larger, and values for it.
func (st *pyStore) lent(words []pydict.Word) error {
	s := st.text
	if s.Profile().Inline {
		return nil
	}
	c := s.NewClass()
	d := s.NewInstance(&c)
	defer func() { s.Free(d); s.FreeClass(&c) }()
	for i, w := range words[:6] {
		st.must(s.SetAttr(&c, d, w, pydict.Int(int64(i))))
	}
	if !c.Shares() || s.Values(d) == 0 {
		return edge(false, "the only instance has not lent its table to the class")
	}
	return errors.Join(s.CheckInvariants(d), st.valuesBlock(d, pySlotsOf(s.Profile(), 5)*2/3))
}

// pySlotsOf is how many slots a full table of n entries grows to, which has twice as many.
func pySlotsOf(prof *pydict.Profile, n int) int {
	want, slots := 3*n, 8
	if prof.GrowHalf {
		want = 2*n + 8/2
	}
	for slots < want {
		slots *= 2
	}
	return slots
}

// valuesBlock compares the block of the values of a new instance with the bytes that it has in C: a word for each, and
// from 3.11 on an order list, to whole words, in front of them with two bytes more, and later behind them with a word
// in front.
func (st *pyStore) valuesBlock(d pydict.Dict, room int) (err error) {
	prof, bytes := st.text.Profile(), 8*room
	switch {
	case prof.Suffix:
		bytes += 8 + (room+7)/8*8
	case prof.Inline:
		bytes += (room + 2 + 7) / 8 * 8
	}
	round := int(prof.Arena.Alignment())
	st.text.BlocksOf(d, func(b uintptr) {
		n := int(st.text.Memory().UsableSize(page.Pointer(b)))
		err = edge(n == (bytes+round-1)/round*round,
			"%d values are in a block of %d bytes, and need %d", room, n, bytes)
	})
	return err
}

// declared makes classes that know attributes from the start: from 3.13 on they are shared in that order, up to 30. An
// attribute that an instance does not have is shared there once it was to be deleted.
func (st *pyStore) declared() error {
	s, prof := st.text, st.text.Profile()
	words, done := st.words(33)
	defer done()
	for _, n := range []int{3, 29, 30, 33} {
		c := s.NewClass(append(words[:n:n], words[0])...)
		var shared []pydict.Word
		err := s.CheckShared(nil, []pydict.Class{c}, func(uintptr) {},
			func(w pydict.Word) { shared = append(shared, w) })
		want := words[:min(n, 30)]
		if !prof.Suffix {
			want = nil
		}
		err = errors.Join(err, edge(slices.Equal(shared, want), "%d of %d attributes are shared", len(shared), n))
		if c.Shares() {
			err = errors.Join(err, st.deleted(&c, words, len(want)))
		}
		s.FreeClass(&c)
		if err != nil {
			return err
		}
	}
	return nil
}

// deleted gives an instance of a class, of which n attributes are shared, so many that there is room for one more. What
// is deleted and not there takes it, and the next attribute makes the table another.
func (st *pyStore) deleted(c *pydict.Class, words []pydict.Word, n int) error {
	s := st.text
	d := s.NewInstance(c)
	defer s.Free(d)
	if !s.Profile().Suffix {
		return nil
	}
	for _, w := range words[min(n, 28):28] {
		st.must(s.SetAttr(c, d, w, pydict.Int(1)))
	}
	st.must(s.SetAttr(c, d, words[0], pydict.Int(2)))
	version := d.Version()
	there, err := s.DelAttr(c, d, words[0])
	absent, e := s.DelAttr(c, d, words[32])
	err = errors.Join(err, e, edge(there && !absent, "what is there is not deleted, or what is not"),
		edge(d.Version() == version, "a deletion of what is embedded is a change"),
		edge(s.Values(d) != 0, "a deletion makes the table another"), s.CheckInvariants(d))
	st.must(s.SetAttr(c, d, words[31], pydict.Int(1)))
	return errors.Join(err, edge(s.Values(d) == 0, "there is room for more attributes than the class shares"),
		s.CheckInvariants(d))
}

// searched compares the slots that a search looks at, as they are told, with those that it has to by the picture of the
// table: up to its key, or the first that is empty. Keys of one dict are asked for, and one that nobody has.
func (d *pyTable) searched() error {
	st, s := d.st, d.st.s
	_, drawn, ok := strings.Cut(s.Explain(d.d), " slots:")
	slots := strings.Fields(drawn)
	if !ok || s.Values(d.d) != 0 || len(slots) > 32 {
		return nil
	}
	if st.objects {
		if err := d.unhashed(); err != nil {
			return err
		}
	}
	var numbers []int
	for _, text := range slots {
		if n, err := strconv.Atoi(text); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	keys := []pydict.Word{}
	s.All(d.d, func(key, _ pydict.Word) bool { keys = append(keys, key); return true })
	if len(keys) != len(numbers) {
		return fmt.Errorf("dict/probes: %d slots of a dict of %d keys are live", len(numbers), len(keys))
	}
	for i, w := range append(keys, pydict.Int(1<<50)) {
		hash := int64(0)
		switch {
		case w.IsInt():
			hash = s.HashInt(w.Int())
		case w.IsStr():
			hash = s.HashStr(w.Str())
		default:
			hash, _ = st.Hash(w)
		}
		want := 0
		if len(keys) > 0 {
			want = 1
			p, at := uint64(hash), uint64(hash)
			if !s.Profile().Old {
				p >>= 5
			}
			for ; ; want++ {
				text := slots[at%uint64(len(slots))]
				if text == "." || i < len(keys) && text == strconv.Itoa(numbers[i]) {
					break
				}
				at = at*5 + p + 1
				p >>= 5
			}
		}
		asked := w
		if w.IsStr() { // an equal one
			asked = st.str(st.number(w))
		}
		n, err := s.Probes(d.d, asked)
		if w.IsStr() {
			st.release(asked)
		}
		if st.fault == faultLooksLess && n > 0 {
			n--
		}
		if n != want || err != nil {
			return fmt.Errorf("dict/probes: a search looks at %d slots, and says %d: %w", want, n, err)
		}
	}
	return nil
}

// unhashed asks for the slots of a key whose hash fails.
func (d *pyTable) unhashed() error {
	w := d.st.thing(0)
	d.st.raise = 1
	n, err := d.st.s.Probes(d.d, w)
	d.st.raise = 0
	d.st.release(w)
	if n != 0 || !errors.Is(err, errRaised) {
		return fmt.Errorf("dict/probes: a key whose hash fails has %d slots: %w", n, err)
	}
	return nil
}
