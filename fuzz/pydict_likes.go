package fuzz

import (
	"errors"
	"math/rand/v2"

	pydict "heapfuzz/impl/dict"
)

// likes are a space of its own, whose objects have the hash of a string each and equal it: those of a class below str.
// A program has none, since its keys are equal where they are the same number and of the same kind. What happens in a
// comparison is said by who asks, and denser than a program can say it.
type likes struct {
	s      *pydict.Space
	texts  []pydict.Word // what objects equal; of the number n the objects n, n+likeTexts, n+2*likeTexts
	hash   int64         // of all objects, and -1 for that of what they equal
	refs   [likeTexts * likeCopies]int
	during func() error // happens in the next comparison, once
	after  int          // so many comparisons before
}

const (
	likeTexts  = 8
	likeCopies = 3
)

// likely asks releases of CPython for what objects do that equal strings.
func (st *pyStore) likely() error {
	words, done := st.words(likeTexts)
	defer done()
	l := &likes{texts: words, hash: -1}
	var err error
	l.s, err = pydict.NewSpace(pydict.Config{
		Profile: st.text.Profile(), Memory: st.text.Memory(), Hooks: l, Key: pydict.KeyOfSeed(uint32(st.seed)),
	})
	if err != nil {
		return err
	}
	err = errors.Join(l.widens(), l.refills(), l.combines(), l.mixes())
	err = errors.Join(err, l.strangers())
	l.hash = 1 << 40
	err = errors.Join(err, l.places(), l.merges(), l.wander(uint64(st.asked)))
	for _, n := range l.refs {
		err = errors.Join(err, edge(n == 0, "an object that is like a string has %d references", n))
	}
	return errors.Join(err, l.s.Close())
}

func (l *likes) word(n int) pydict.Word { return pydict.Word(n+1) << pyThingShift }

// number is the inverse of word; ok tells whether it is one of an object.
func (l *likes) number(w pydict.Word) (n int, ok bool) {
	return int(w>>pyThingShift) - 1, !w.IsInt() && !w.IsStr()
}

// textOf is the string that a key is, or is like.
func (l *likes) textOf(w pydict.Word) pydict.Word {
	if n, ok := l.number(w); ok {
		return l.texts[n%likeTexts]
	}
	return w
}

// Hash is that of the string, or the one of all.
func (l *likes) Hash(w pydict.Word) (int64, error) {
	if l.hash != -1 {
		return l.hash, nil
	}
	return l.s.HashStr(l.textOf(w).Str()), nil
}

// Equal lets happen what is to happen.
func (l *likes) Equal(stored, key pydict.Word) (bool, error) {
	if l.during != nil {
		if l.after--; l.after < 0 {
			f := l.during
			l.during = nil
			if err := f(); err != nil {
				return false, err
			}
		}
	}
	return l.textOf(stored) == l.textOf(key), nil
}

// Own counts a reference to an object.
func (l *likes) Own(w pydict.Word) { l.count(w, 1) }

// Drop counts one less.
func (l *likes) Drop(w pydict.Word) { l.count(w, -1) }

func (l *likes) count(w pydict.Word, by int) {
	if n, ok := l.number(w); ok {
		l.refs[n] += by
	}
}

// holds compares a dict with the numbers that the first strings have in it, 0 for none. They are asked for by the
// strings and by objects.
func (l *likes) holds(d pydict.Dict, values ...int64) error {
	err := l.s.CheckInvariants(d)
	n := 0
	for i, want := range values {
		if want != 0 {
			n++
		}
		for _, w := range []pydict.Word{l.texts[i], l.word(i)} {
			v, ok, e := l.s.Get(d, w)
			err = errors.Join(err, e, edge(ok == (want != 0) && (!ok || v == pydict.Int(want)),
				"a string, or an object that is like it, has another value than was stored"))
		}
	}
	return errors.Join(err, edge(d.Len() == n, "%d entries are there, and %d were stored", d.Len(), n))
}

// widens stores by an object over what a string has stored. The string stays the key. From 3.11 on its table has become
// one of all keys before anybody knows that, of 16 slots, since three times one entry is fitted so; up to 3.10 nothing
// but the value changes.
func (l *likes) widens() (err error) {
	s, prof := l.s, l.s.Profile()
	want := pyHead(prof) + 248
	switch {
	case prof.StrTables:
		want = pySize(prof, 16, false)
	case !prof.Old:
		want = pySize(prof, 8, true)
	}
	for _, set := range []func(d pydict.Dict, key, value pydict.Word) error{s.Set,
		func(d pydict.Dict, key, value pydict.Word) error { _, err := s.SetDefault(d, key, value); return err },
	} {
		d, value := s.New(), pydict.Int(-2)
		err = errors.Join(err, s.Set(d, l.texts[0], value), set(d, l.word(0), value), l.holds(d, -2),
			edge(uint64(s.Size(d)) == want, "a dict in which an object has stored over a string has %d bytes, not %d",
				s.Size(d), want))
		key, _, _ := s.PopItem(d)
		err = errors.Join(err, edge(key == l.texts[0], "an object has taken the place of the string that it is like"))
		s.Free(d)
	}
	return err
}

// refills has the dict cleared, and another string stored in it, while an object is compared with a string. It is the
// third key, so that the table is one of strings again when it comes to the place of the object.
func (l *likes) refills() (err error) {
	s := l.s
	d := s.New()
	err = errors.Join(s.Set(d, l.texts[0], pydict.Int(-1)), s.Set(d, l.texts[1], pydict.Int(-2)))
	l.during, l.after = func() error {
		s.Clear(d)
		return s.Set(d, l.texts[2], pydict.Int(-3))
	}, 0
	err = errors.Join(err, s.Set(d, l.word(1), pydict.Int(-4)))
	err = errors.Join(err, edge(l.during == nil, "a string is not compared with an object of its hash"),
		l.holds(d, 0, -4, -3))
	s.Free(d)
	return err
}

// combines takes an attribute out of an instance, by an object that is like its name. Up to 3.10 the instance gets a
// table of its own for that, in which the name is looked for again: if that fails, nothing is taken out.
func (l *likes) combines() (err error) {
	s := l.s
	errFails := errors.New("fails")
	for after := range 3 {
		c := s.NewClass()
		d := s.NewInstance(&c)
		err = errors.Join(err, s.SetAttr(&c, d, l.texts[0], pydict.Int(-1)),
			s.SetAttr(&c, d, l.texts[1], pydict.Int(-2)))
		l.during, l.after = func() error { return errFails }, after
		v, ok, e := s.Pop(d, l.word(0))
		failed := l.during == nil
		l.during = nil
		if failed {
			err = errors.Join(err, edge(e == errFails && v == 0 && !ok,
				"a deletion that fails tells a word, or no error"), l.holds(d, -1, -2))
		} else {
			err = errors.Join(err, e, edge(ok && v == pydict.Int(-1), "an attribute is not taken out"),
				l.holds(d, 0, -2))
		}
		// Once, or once in each table.
		compares := 1
		if prof := s.Profile(); !prof.Old && !prof.Inline {
			compares = 2
		}
		err = errors.Join(err, edge(failed == (after < compares), "an attribute is looked for %d times or less", after))
		s.FreeClass(&c)
		s.Free(d)
	}
	return err
}

// mixes gives an instance a key that is no string, a number or an object: its table is then one of all keys.
func (l *likes) mixes() (err error) {
	s := l.s
	for _, w := range []pydict.Word{pydict.Int(5), l.word(1)} {
		c := s.NewClass()
		d := s.NewInstance(&c)
		err = errors.Join(err, s.SetAttr(&c, d, l.texts[0], pydict.Int(-1)), s.Set(d, w, pydict.Int(-2)))
		v, _, e := s.Get(d, w)
		err = errors.Join(err, e, s.CheckInvariants(d), edge(v == pydict.Int(-2) && d.Len() == 2,
			"an instance does not have a key that is no string"),
			edge(s.Values(d) == 0, "an instance shares a key that is no string"))
		s.FreeClass(&c)
		s.Free(d)
	}
	return err
}

// places has two places free on the path of an object, the first of which is taken by it. In 2.7, where that is slot 0,
// it then comes before all others, and else after them.
func (l *likes) places() (err error) {
	s := l.s
	d := s.New()
	defer s.Free(d)
	for n := range 4 {
		err = errors.Join(err, s.Set(d, l.word(n), pydict.Int(-1)))
	}
	for n := range 2 {
		_, e := s.Delete(d, l.word(2*n))
		err = errors.Join(err, e)
	}
	err = errors.Join(err, s.Set(d, l.word(5), pydict.Int(-1)))
	var order []int
	s.All(d, func(key, _ pydict.Word) bool {
		n, _ := l.number(key)
		order = append(order, n)
		return true
	})
	at := len(order) - 1
	if s.Profile().Old {
		at = 0
	}
	n, e := s.Probes(d, l.word(5))
	err = errors.Join(err, e, edge(len(order) == 3 && order[at] == 5 && n == 1,
		"an object has taken another place than the first"))
	// The same where none on the path has its hash.
	other := s.New()
	defer s.Free(other)
	hash := l.hash
	for n := range 2 {
		err = errors.Join(err, s.Set(other, l.word(n), pydict.Int(-1)))
	}
	_, e = s.Delete(other, l.word(0))
	l.hash += 8
	err = errors.Join(err, e, s.Set(other, l.word(5), pydict.Int(-1)))
	n, e = s.Probes(other, l.word(5))
	l.hash = hash
	return errors.Join(err, e, edge(n == 1, "an object has taken a place behind another that was free"))
}

// merges has a dict merged into an empty one, for which each key is compared once with those before it. Then values are
// compared, and a string is looked for, while comparisons fail; and a comparison changes what is merged, which is told
// from 3.6 on.
func (l *likes) merges() (err error) {
	s := l.s
	from, d := s.New(), s.New()
	defer func(hash int64) { s.Free(from); s.Free(d); l.hash, l.during = hash, nil }(l.hash)
	for n := range 3 {
		err = errors.Join(err, s.Set(from, l.word(n), l.word(n)))
	}
	errFails := errors.New("fails")
	fails := func() error { return errFails }
	l.during, l.after = fails, 3
	err = errors.Join(err, s.Merge(d, from, false))
	l.during, l.after = fails, 3
	err = errors.Join(err, s.Set(d, l.word(0), l.word(likeTexts)))
	l.after = 0
	same, e := s.Equal(from, d)
	err = errors.Join(err, edge(!same && errors.Is(e, errFails), "a comparison that fails says %t, %v", same, e))
	l.during, l.after = func() error { return s.Set(from, pydict.Int(-1), pydict.Int(-1)) }, 0
	e = s.Merge(d, from, true)
	err = errors.Join(err, edge(errors.Is(e, pydict.ErrMutated) != s.Profile().Old,
		"a dict is merged while it changes, and says %v", e), s.CheckInvariants(d), s.CheckInvariants(from))
	s.Clear(d)
	l.hash = s.HashStr(l.texts[3].Str())
	err = errors.Join(err, s.Set(d, l.word(3), pydict.Int(-1)))
	l.during, l.after = fails, 0
	return errors.Join(err, edge(s.Place(d, l.texts[3]) == 0 && l.during == nil,
		"a string is somewhere, and its search fails"))
}

// strangers has an object that the search for another passes by, since it has another hash, and then is compared with a
// number. Meanwhile the first goes, and an object comes to its place that is like the one looked for.
func (l *likes) strangers() (err error) {
	s := l.s
	for _, c := range []struct{ number, hash, other int64 }{{0, 0, 8}, {-1, -2, 6}} { // of the same slot
		d := s.New()
		l.hash = c.other
		err = errors.Join(err, s.Set(d, l.word(0), pydict.Int(-1)))
		l.hash = c.hash
		err = errors.Join(err, s.Set(d, pydict.Int(c.number), pydict.Int(-2)))
		l.during, l.after = func() error {
			l.hash = c.other
			_, e := s.Delete(d, l.word(0))
			l.hash = c.hash
			return errors.Join(e, s.Set(d, l.word(1), pydict.Int(-3)))
		}, 0
		err = errors.Join(err, s.Set(d, l.word(1+likeTexts), pydict.Int(-4)))
		v, _, e := s.Get(d, l.word(1))
		err = errors.Join(err, e, s.CheckInvariants(d), edge(l.during == nil && v == pydict.Int(-4) && d.Len() == 2,
			"an object is stored twice, or not, when a comparison has stored it: %d entries", d.Len()))
		s.Free(d)
	}
	return err
}

// wander does this and that with a dict of objects of one hash, while this and that happens in comparisons. The answer
// is as if that had happened before.
func (l *likes) wander(turn uint64) error {
	const steps = 48
	s, r := l.s, rand.New(rand.NewPCG(turn, 0))
	d := s.New()
	defer func() { s.Free(d) }()
	var values [likeTexts]int64
	for step := range int64(steps) {
		value := -1 - step
		inside := error(nil)
		l.during, l.after = func() error {
			inside = l.change(d, r, &values, value-steps)
			return nil
		}, r.IntN(6)
		w := l.word(r.IntN(len(l.refs)))
		got, what, err := pydict.Word(0), r.IntN(6), error(nil)
		switch what {
		case 0:
			got, _, err = s.Get(d, w)
		case 1:
			got, _, err = s.Pop(d, w)
		case 2:
			got, err = s.SetDefault(d, w, pydict.Int(value))
		default:
			err = s.Set(d, w, pydict.Int(value))
		}
		l.during = nil
		held, _ := l.number(w)
		held %= likeTexts
		want := values[held]
		switch {
		case what == 1:
			values[held] = 0
		case what == 2 && want == 0, what > 2:
			values[held] = value
		}
		if what == 2 {
			want = values[held]
		}
		err = errors.Join(err, inside, s.CheckInvariants(d), edge(what > 2 || got == wordOr0(want),
			"an object that is compared while the dict changes has another value"))
		if step%8 == 7 {
			err = errors.Join(err, l.compared(d, &values))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wordOr0 is the word of a value, of which 0 is none.
func wordOr0(value int64) pydict.Word {
	if value == 0 {
		return 0
	}
	return pydict.Int(value)
}

// change changes a dict, and what it should hold.
func (l *likes) change(d pydict.Dict, r *rand.Rand, values *[likeTexts]int64, value int64) (err error) {
	s, n := l.s, r.IntN(likeTexts)
	w := l.word(n + likeTexts*r.IntN(likeCopies))
	what := r.IntN(8)
	switch what {
	case 0, 1:
		s.Clear(d)
		clear(values[:])
	case 2, 3:
		_, err = s.Delete(d, w)
		values[n] = 0
		n = (n + 1) % likeTexts
		w = l.word(n)
	case 4:
		if d.Len() == 0 {
			return nil
		}
		key, v, e := s.PopItem(d)
		at, _ := l.number(key)
		l.Drop(key)
		at %= likeTexts
		err = errors.Join(e, edge(v == pydict.Int(values[at]), "an entry is popped that is not there"))
		values[at] = 0
		if n%2 == 0 { // and no other takes its place
			return err
		}
	}
	if what == 0 || what == 5 {
		_, err = s.Delete(d, w)
		values[n] = 0
		return err
	}
	values[n] = value
	return errors.Join(err, s.Set(d, w, pydict.Int(value)))
}

// compared compares a dict with what it should hold.
func (l *likes) compared(d pydict.Dict, values *[likeTexts]int64) (err error) {
	there := 0
	for n, want := range values {
		v, _, e := l.s.Get(d, l.word(n))
		err = errors.Join(err, e, edge(v == wordOr0(want), "an object has another value than was stored"))
		if want != 0 {
			there++
		}
	}
	return errors.Join(err, edge(d.Len() == there, "%d objects are there, and %d were stored", d.Len(), there))
}
