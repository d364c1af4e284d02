package fuzz

import (
	"errors"
	"strings"
	"unsafe"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// A famine is a space without memory, beside blocks that are given back one by one: so that what takes two gets the
// first and not the second. That is one exact moment, which a program seldom meets.
type famine struct {
	s       *pydict.Space
	ballast ballast
	kept    map[uintptr][]unsafe.Pointer // by what was asked for
}

// starved asks for all that takes memory while there is none, or too little of it: it is refused, tells so, changes
// nothing, and keeps nothing. What was there before is whole then.
func (st *pyStore) starved() error {
	s, prof := st.text, st.text.Profile()
	words, done := st.words(9)
	defer done()
	five, cleared, one := s.New(), s.New(), s.New()
	class := s.NewClass()
	names := s.NewShared(words[:7]...)
	instance, other := s.NewInstance(&class), s.NewInstance(&class)
	alone := s.NewClass()
	only := s.NewInstance(&alone)
	for _, w := range words[:5] {
		st.must(s.SetAttr(&alone, only, w, pydict.Int(-1)))
		st.must(s.Set(five, w, pydict.Int(-1)))
		st.must(s.SetAttr(&class, other, w, pydict.Int(-1)))
	}
	for _, w := range words[:2] {
		st.must(errors.Join(s.Set(one, w, pydict.Int(-1)), s.Set(cleared, w, pydict.Int(-1)),
			s.SetAttr(&class, instance, w, pydict.Int(-1))))
	}
	s.Clear(cleared)
	stuck := st.fives()
	s.Trim()
	f := &famine{s: s, kept: map[uintptr][]unsafe.Pointer{}}
	body := prof.HeadBytes + pyHeader + s.BodyBytes()
	table := f.blockOf(five)
	f.keep(body, table, f.blockOf(instance), f.blockOf(other), pyBytes(prof, 8), pyBytes(prof, 16), 8*5, 8*10)
	f.ballast.starve(s.Memory())
	err := errors.Join(f.changes(instance, other, five, cleared, one, words),
		f.makes(&class, &names, instance, five, cleared, body, table), f.lends(&alone, only, words[5]), f.sticks(stuck))
	f.ballast.drop(s.Memory())
	s.Memory().InjectOOM(0, false)
	f.free()
	err = errors.Join(err, st.grows(stuck))
	lens := map[pydict.Dict]int{five: 5, cleared: 0, one: 2, instance: 2, other: 5, only: only.Len()}
	for d, n := range lens {
		v, ok, e := s.Get(d, words[1])
		same := d.Len() == n && ok == (n > 0) && (!ok || v == pydict.Int(-1))
		err = errors.Join(err, e, s.CheckInvariants(d),
			edge(same, "a dict of %d entries has %d after it was refused memory", n, d.Len()))
		s.Free(d)
	}
	s.FreeClass(&class)
	s.FreeClass(&names)
	s.FreeClass(&alone)
	return err
}

// fives are two dicts of 2.7 of five numbers each, whose table is full.
func (st *pyStore) fives() (dicts []pydict.Dict) {
	for range 2 {
		if st.text.Profile().Old {
			d := st.text.New()
			for n := range int64(5) {
				st.must(st.text.Set(d, pydict.Int(n), pydict.Int(-1)))
			}
			dicts = append(dicts, d)
		}
	}
	return dicts
}

// sticks stores numbers in them until one slot is empty, which no number is given. Two are taken out of the second
// then, whose slots stay used.
func (f *famine) sticks(dicts []pydict.Dict) (err error) {
	s := f.s
	for i, d := range dicts {
		for n := int64(5); n < 7; n++ {
			err = errors.Join(err, refused("a slot of the last three", s.Set(d, pydict.Int(n), pydict.Int(-1))))
		}
		for n := int64(5); i == 1 && n < 7; n++ {
			_, e := s.Delete(d, pydict.Int(n))
			err = errors.Join(err, e)
		}
		if i == 1 { // it may be used again
			e := s.Set(d, pydict.Int(5), pydict.Int(-1))
			err = errors.Join(err, refused("a slot that was used", e, d.Len() != 6))
			_, e = s.Delete(d, pydict.Int(5))
			err = errors.Join(err, e)
		}
		n := d.Len()
		e := s.Set(d, pydict.Int(7), pydict.Int(-1))
		err = errors.Join(err, refused("the last slot", e, d.Len() != n), s.CheckInvariants(d))
	}
	return err
}

// grows has them grow when there is memory: to more slots than four times their entries.
func (st *pyStore) grows(dicts []pydict.Dict) (err error) {
	s := st.text
	for _, d := range dicts {
		st.must(s.Set(d, pydict.Int(7), pydict.Int(-1)))
		err = errors.Join(err, s.CheckInvariants(d), edge(uint64(s.Size(d)) == pyHead(s.Profile())+248+24*32,
			"a dict of %d entries that was refused memory takes up %d bytes", d.Len(), s.Size(d)))
		s.Free(d)
	}
	return err
}

// lends gives the only instance of a class an attribute too many while there is a block for its own table, and none for
// the values that it then needs: up to 3.10 it has the attribute, and the class has no keys.
func (f *famine) lends(c *pydict.Class, only pydict.Dict, attr pydict.Word) error {
	prof := f.s.Profile()
	if held := f.kept[pyBytes(prof, 16)]; !prof.Old && !prof.Inline && len(held) > 0 {
		f.s.Memory().Free(held[0])
		f.kept[pyBytes(prof, 16)] = held[1:]
		err := f.s.SetAttr(c, only, attr, pydict.Int(-1))
		return refused("to lend a table to a class", err, c.Shares(), only.Len() != 6)
	}
	return nil
}

// pyBytes is what a table of strings with so many slots takes up.
func pyBytes(prof *pydict.Profile, slots int) uintptr {
	return uintptr(pySize(prof, slots, true) - pySize(prof, 0, true))
}

// blockOf is the size of a block of a dict, or a small one where it has none.
func (f *famine) blockOf(d pydict.Dict) (bytes uintptr) {
	bytes = 16
	f.s.BlocksOf(d, func(b uintptr) { bytes = f.s.Memory().UsableSize(page.Pointer(b)) })
	return bytes
}

// keep takes a block of each size, before all else is taken.
func (f *famine) keep(sizes ...uintptr) {
	for _, n := range sizes {
		if p := f.s.Memory().Alloc(n); p != nil {
			f.kept[n] = append(f.kept[n], p)
		}
	}
}

// given does something while there is a block of a size, or none for 0, and takes again what is left of it.
func (f *famine) given(size uintptr, do func() error) error {
	mem, held := f.s.Memory(), f.kept[size]
	if n := len(held); n > 0 {
		mem.Free(held[n-1])
		f.kept[size] = held[:n-1]
	}
	before, _, _ := mem.Usage()
	err := do()
	f.s.Trim()
	if after, _, _ := mem.Usage(); err == nil && after != before {
		err = edge(false, "%d blocks are kept by what is refused memory", int(after)-int(before))
	}
	for p := mem.Alloc(max(size, 1)); size > 0 && p != nil; p = mem.Alloc(size) {
		f.kept[size] = append(f.kept[size], p)
	}
	return err
}

func (f *famine) free() {
	for _, held := range f.kept {
		for _, p := range held {
			f.s.Memory().Free(p)
		}
	}
}

// refused tells whether an operation says that there is no memory, and nothing else.
func refused(what string, err error, answers ...bool) error {
	for _, is := range answers {
		if is {
			return edge(false, "%s without memory has an answer", what)
		}
	}
	return edge(errors.Is(err, pydict.ErrNoMemory), "%s without memory says: %v", what, err)
}

// changes asks for changes of dicts: of an instance with two attributes, of one with five, of a dict that is full, of
// one that was cleared, and of one of two strings.
func (f *famine) changes(instance, other, five, cleared, one pydict.Dict, words []pydict.Word) error {
	s, prof, value := f.s, f.s.Profile(), pydict.Int(-2)
	var err error
	if prof.Old { // stores before it grows
		v, e := s.SetDefault(five, words[5], value)
		there, e2 := s.Delete(five, words[5])
		e3 := s.Set(five, words[5], value)
		again, e4 := s.Delete(five, words[5])
		return errors.Join(refused("a default in a full table", e, v != 0), e2,
			refused("a key in a full table", e3), e4,
			edge(there && again, "what 2.7 has stored before it grows is not there"))
	}
	try := func(size uintptr, what string, do func() error, answers ...*bool) {
		err = errors.Join(err, f.given(size, func() error {
			e := do()
			var told []bool
			for _, a := range answers {
				told = append(told, *a)
			}
			return refused(what, e, told...)
		}))
	}
	var v pydict.Word
	var there bool
	took := func(d pydict.Dict, w pydict.Word) func() error {
		return func() (e error) { v, there, e = s.Pop(d, w); there = there || v != 0; return e }
	}
	if !prof.Inline {
		try(0, "pop of an attribute", took(instance, words[0]), &there)
		try(0, "delete of an attribute", func() (e error) { there, e = s.Delete(instance, words[0]); return e }, &there)
		try(0, "popitem of an instance", func() (e error) {
			k, v, e := s.PopItem(instance)
			there = k != 0 || v != 0
			return e
		}, &there)
	}
	try(0, "a number in an instance", func() error { return s.Set(instance, pydict.Int(5), value) })
	try(0, "a number for a default in an instance", func() (e error) {
		v, e = s.SetDefault(instance, pydict.Int(5), value)
		there = v != 0
		return e
	}, &there)
	try(0, "a first key", func() error { return s.Set(cleared, words[0], value) })
	try(0, "a first default", func() (e error) {
		v, e = s.SetDefault(cleared, words[0], value)
		there = v != 0
		return e
	}, &there)
	for _, w := range []pydict.Word{words[5], pydict.Int(5)} {
		try(0, "a key in a full table", func() error { return s.Set(five, w, value) })
		try(0, "a default in a full table", func() (e error) {
			v, e = s.SetDefault(five, w, value)
			there = v != 0
			return e
		}, &there)
	}
	if prof.StrTables {
		try(0, "a number in a table of strings", func() error { return s.Set(one, pydict.Int(5), value) })
	}
	try(0, "an update", func() error { return s.Update(cleared, five) })
	try(0, "an update by few", func() error { return s.Merge(cleared, one, false) })
	try(0, "an attribute too many", func() error {
		if prof.Inline {
			return pydict.ErrNoMemory // there is room
		}
		return s.Set(other, words[5], value)
	})
	return err
}

// makes asks for new dicts, without any memory, and with a block of the size that is asked for first.
func (f *famine) makes(class, names *pydict.Class, instance, five, cleared pydict.Dict, body,
	table uintptr) error {
	s, prof := f.s, f.s.Profile()
	var err error
	try := func(what string, do func() (pydict.Dict, error), sizes ...uintptr) {
		for _, size := range append(sizes, 0) {
			err = errors.Join(err, f.given(size, func() error {
				d, e := do()
				return refused(what, e, d != 0)
			}))
		}
	}
	plain := func(do func() pydict.Dict) func() (pydict.Dict, error) {
		return func() (pydict.Dict, error) { return do(), pydict.ErrNoMemory }
	}
	if prof.Old || prof.LazyNew {
		try("{}", plain(s.New))
	} else {
		try("{}", plain(s.New), body)
	}
	err = errors.Join(err, f.given(0, func() error {
		return edge(s.NewStr(strings.Repeat("x", 600)) == 0, "a string is made without memory")
	}))
	try("a copy", func() (pydict.Dict, error) { return s.Copy(five) }, table)
	try("a copy of nothing", func() (pydict.Dict, error) { return s.Copy(cleared) })
	if !prof.Old && !prof.LazyNew {
		try("a copy of nothing but a body", func() (pydict.Dict, error) { return s.Copy(cleared) }, body)
		err = errors.Join(err, f.given(pyBytes(prof, 8), func() error {
			n := 0
			d := s.NewPresized(5, true) // asks for the table first, which then waits
			s.Blocks(func(uintptr) { n++ })
			return edge(d == 0 && n == 1, "%d blocks wait when there is a table and no dict", n)
		}))
	}
	if !prof.Old { // five entries fit into a dict of 2.7
		try("dict()", func() (pydict.Dict, error) { return s.CallWith(five) }, body)
		try("fromkeys", func() (pydict.Dict, error) { return s.FromKeys(five, pydict.Int(1)) }, body)
		try("a copy of an instance", func() (pydict.Dict, error) { return s.Copy(instance) }, f.blockOf(instance))
		try("an instance", plain(func() pydict.Dict { return s.NewInstance(class) }), f.blockOf(instance))
		try("a dict with room", plain(func() pydict.Dict { return s.NewPresized(8, true) }), pyBytes(prof, 16))
		try("a dict with much room", plain(func() pydict.Dict { return s.NewPresized(87381, false) }))
		err = errors.Join(err, f.given(0, func() error {
			c, more := s.NewClass(), s.NewShared()
			return edge(!c.Shares() && !more.Shares(), "a class has keys without memory")
		}))
	}
	if !prof.Old && !prof.Inline {
		err = errors.Join(err, f.given(body, func() error {
			b := s.Memory().Alloc(body)
			if b == nil {
				return edge(false, "a block that was given back is not there")
			}
			d := pydict.Dict(uintptr(b) + prof.HeadBytes + pyHeader)
			made := s.InitShared(d, names, 1, pydict.Int(1))
			inits := s.Init(d)
			s.Memory().Free(b)
			return errors.Join(edge(!made, "an instance has attributes without memory"),
				edge(inits == prof.LazyNew, "a dict has a table without memory, or wants one"))
		}))
	}
	return err
}
