package value

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"heapfuzz/model"
)

// store makes objects of a Reference by few letters.
type store struct{ *Reference }

func (s store) num(n int64) ID { return s.Atom(NewInt(big.NewInt(n))) }

func (s store) bits(n uint, minus bool) ID {
	v := new(big.Int).Lsh(big.NewInt(1), n)
	if minus {
		v.Neg(v)
	}
	return s.Atom(NewInt(v))
}

func (s store) text(k Kind, t string) ID { return s.Atom(Atom{Kind: k, Text: t}) }

func (s store) of(w Way, items ...ID) ID { return s.Make(w, items) }

// self is what a function makes of a list, which is added to that.
func (s store) self(f func(l ID) ID) ID {
	l := s.of(ListOf)
	o := f(l)
	s.Push(l, o)
	return o
}

// TestWriter compares streams with those that Python 3.6 and 3.13 wrote in protocol 4, without frames; long ones by
// their length and the beginning of a SHA-256.
func TestWriter(t *testing.T) {
	numbers := func(w Way, n int) func(store) ID {
		return func(s store) ID {
			var all []ID
			for i := range n {
				x := s.num(int64(i))
				if all = append(all, x); w == DictOf {
					all = append(all, x)
				}
			}
			return s.of(w, all...)
		}
	}
	lists := func(times int) func(store) ID {
		return func(s store) ID {
			var all []ID
			for range 300 {
				all = append(all, s.of(ListOf))
			}
			for range times - 1 {
				all = append(all, all[:300]...)
			}
			return s.of(ListOf, all...)
		}
	}
	shared := func(s store) ID {
		x := s.of(ListOf, s.text(Str, "a"), s.text(Bytes, "a"), s.of(TupleOf))
		s.Push(x, s.Get(x, 0))
		s.Push(x, s.Get(x, 1))
		return s.of(ListOf, x, x)
	}
	for _, tt := range []struct {
		name string
		flat bool
		make func(store) ID
		want string
	}{
		{"atoms", false, func(s store) ID {
			return s.of(ListOf, s.num(0), s.num(255), s.num(256), s.num(65536), s.num(-1), s.num(1<<31-1),
				s.num(1<<31), s.num(-1<<31), s.num(-1<<31-1), s.bits(63, false), s.bits(63, true),
				s.bits(300, false), s.bits(300, true), s.text(Float, FloatText(1.5)), s.text(Bool, "1"),
				s.text(None, ""))
		}, "80045d94284b004bff4d00014a000001004affffffff4affffff7f8a0500000080004a000000808a05ffffff7fff8a0900000000" +
			"00000080008a0800000000000000808a26" +
			"0000000000000000000000000000000000000000000000000000000000000000000000000010" + "8a26" +
			"00000000000000000000000000000000000000000000000000000000000000000000000000f0" +
			"473ff8000000000000884e652e"},
		{"shared", false, shared, "80045d94285d94288c016194430161942968026803656801652e"},
		{"flat", true, shared, "80045d285d288c0161430161298c0161430161655d288c0161430161298c016143016165652e"},
		{"a tuple on a cycle", false, func(s store) ID {
			return s.self(func(l ID) ID { return s.of(TupleOf, l) })
		}, "80045d9468008594613068012e"},
		{"a long one", false, func(s store) ID {
			return s.self(func(l ID) ID { return s.of(TupleOf, l, s.num(1), s.num(2), s.num(3)) })
		}, "8004285d942868004b014b024b037494614b014b024b033168012e"},
		{"groups", false, func(s store) ID {
			return s.of(ListOf, s.of(SetOf, s.num(7)), s.of(FrozensetOf, s.num(7)),
				s.of(DictOf, s.num(1), s.num(2)), s.of(DictOf, s.num(1), s.num(2), s.num(3), s.num(4)),
				s.of(SetOf), s.of(FrozensetOf), s.of(DictOf))
		}, "80045d94288f94284b0790284b0791947d944b014b02737d94284b014b024b034b04758f942891947d94652e"},
		{"instances", false, func(s store) ID {
			a := s.of(SlotsOf, s.num(1))
			return s.of(ListOf, a, s.of(SlotsOf, a, s.num(5)), s.of(SlotsOf), s.of(SlotsOf))
		}, "80045d94288c086865617066757a7a948c06536c6f7473319493942981944e7d948c0161944b017386946268018c06536c6f74" +
			"73329493942981944e7d9428680668048c0163944b057586946268018c06536c6f747330949394298194680f298194652e"},
		{"texts", false, func(s store) ID {
			return s.of(ListOf, s.text(Str, "é"), s.text(Str, "\xff"))
		}, "80045d94288c02c3a9948c03edb3bf94652e"},
		{"999", false, numbers(ListOf, 999), "2748 b44105d8e7b07883"},
		{"1000", false, numbers(ListOf, 1000), "2751 b592345877ab1e43"},
		{"1001", false, numbers(ListOf, 1001), "2756 d76e12b30af44dc5"},
		{"2000", false, numbers(ListOf, 2000), "5753 ae6643f390efcc3f"},
		{"999 pairs", false, numbers(DictOf, 999), "5489 68fd1ab74eb7bf48"},
		{"1000 pairs", false, numbers(DictOf, 1000), "5497 5e4252defd1eb2c3"},
		{"1001 pairs", false, numbers(DictOf, 1001), "5503 9eb456ea6aa55209"},
		{"2000 pairs", false, numbers(DictOf, 2000), "11499 61c2156069b9c212"},
		{"numbers of two bytes", false, lists(2), "1342 bb88c58e5586746b"},
	} {
		s := store{NewReference()}
		_, stream, why := s.Pickle(tt.make(s), tt.flat)
		got := hex.EncodeToString(stream.Bytes)
		if strings.Contains(tt.want, " ") {
			sum := sha256.Sum256(stream.Bytes)
			got = fmt.Sprintf("%d %x", len(stream.Bytes), sum[:8])
		}
		if why != Copied || got != tt.want {
			t.Errorf("%s: %d\n%s, want\n%s", tt.name, why, got, tt.want)
		}
	}
}

// TestUnwritten asks for streams of what has none, by the reason.
func TestUnwritten(t *testing.T) {
	s := store{NewReference()}
	loop := s.self(func(l ID) ID { return s.of(TupleOf, l) })
	cell := s.of(ListOf, s.of(CellOf, s.num(1)))
	for _, tt := range []struct {
		o    ID
		flat bool
		want CopyError
	}{{loop, false, Copied}, {loop, true, Cyclic}, {cell, false, Uncopyable}, {cell, true, Uncopyable}} {
		if _, _, why := s.Pickle(tt.o, tt.flat); why != tt.want {
			t.Errorf("flat %t: %d, want %d", tt.flat, why, tt.want)
		}
	}
	s.InjectOOM(1, false)
	if _, _, why := s.Pickle(loop, false); why != NoMemory {
		t.Error(why)
	}
}

// TestPickleRules has the model judge a stream of a list that holds a string twice, and what was read of it, after
// somebody has spoilt one of them.
func TestPickleRules(t *testing.T) {
	contract := ReferenceContract
	contract.MemoTable = func(int) uint64 { return 128 }
	contract.StreamPeak = func(n int, table uint64) (least, most uint64) { return uint64(n) + table, 1000 }
	for _, tt := range []struct {
		name  string
		flat  bool
		spoil func(*Stream, []Told)
		want  *model.Invariant
	}{
		{"right", false, func(*Stream, []Told) {}, nil},
		{"right, flat", true, func(*Stream, []Told) {}, nil},
		{"a byte", false, func(s *Stream, _ []Told) { s.Bytes[3] ^= 1 }, Streams},
		{"an end", false, func(s *Stream, _ []Told) { s.Bytes = s.Bytes[:len(s.Bytes)-1] }, Streams},
		{"an entry", false, func(s *Stream, _ []Told) { s.Entries++ }, Streams},
		{"the table", false, func(s *Stream, _ []Told) { s.Table *= 2 }, Streams},
		{"too small a peak", false, func(s *Stream, _ []Told) { s.Peak = s.Table }, Streams},
		{"too large a peak", true, func(s *Stream, _ []Told) { s.Peak = 1001 }, Streams},
		{"a value", false, func(_ *Stream, t []Told) { t[1].Text = "b" }, Loads},
		{"a kind", false, func(_ *Stream, t []Told) { t[1].Kind = Bytes }, Loads},
		{"an item less", false, func(_ *Stream, t []Told) { t[0].Items = t[0].Items[:1] }, Loads},
		{"another object", false, func(_ *Stream, t []Told) { t[0].Items = []ID{t[1].ID, 77} }, Loads},
		{"one object, flat", true, func(_ *Stream, t []Told) { t[0].Items[1] = t[0].Items[0] }, Loads},
		{"the original", false, func(_ *Stream, t []Told) { t[0].Items[0], t[0].Items[1] = 1, 1; t[1].ID = 1 }, Loads},
	} {
		m, s := NewModel(contract), store{NewReference()}
		a := Atom{Kind: Str, Text: "a"}
		x := s.Atom(a)
		l := s.of(ListOf, x, x)
		if v := m.Atom(0, a, x); v != nil {
			t.Fatal(v)
		}
		if v := m.Make(1, ListOf, []uint64{0, 0}, l); v != nil {
			t.Fatal(v)
		}
		y, stream, _ := s.Pickle(l, tt.flat)
		stream.Bytes, stream.Table, stream.Peak = bytes.Clone(stream.Bytes), 128, 300
		before, after := s.all(l), s.all(y)
		tt.spoil(&stream, after)
		v := m.Pickle(2, 1, tt.flat, y, stream, before, after)
		if tt.want == nil && v != nil || tt.want != nil && (v == nil || v.Rule != tt.want) {
			t.Errorf("%s: %v", tt.name, v)
		}
	}
	m, s := NewModel(contract), store{NewReference()}
	l := s.of(ListOf)
	if v := m.Make(1, ListOf, nil, l); v != nil {
		t.Fatal(v)
	}
	if v := m.Unpickled(1, true, Cyclic, s.all(l)); v == nil || v.Rule != Streams {
		t.Error(v)
	}
}

// all is what is seen of an object and of its items.
func (s store) all(o ID) []Told {
	var t Told
	s.Look(o, &t)
	t.Items = append([]ID(nil), t.Items...)
	all := []Told{t}
	for _, i := range slices.Compact(slices.Clone(t.Items)) {
		var t Told
		s.Look(i, &t)
		all = append(all, t)
	}
	return all
}
