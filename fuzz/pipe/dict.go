package pipe

import (
	"fmt"
	"strconv"
	"strings"

	"heapfuzz/model/dict"
)

// DictParts are the words for the optional parts of a dict.Dict that the other side may have.
var DictParts = []string{
	"clear", "pop", "popitem", "popfirst", "setdefault", "update", "copy", "rebuild", "fromkeys", "move", "iter",
	"reversed", "walk", "equal", "size", "compare", "drop",
}

// Dicts is a store of dicts in another process.
type Dicts struct {
	talk
	Contract dict.Contract

	hash   func(key uint64) uint64 // nil: keys have the hash of their kind
	keyed  map[uint64]struct{}     // keys that the other side was told the hash of
	hooks  map[uint64]func()       // what happens during comparisons, by dict
	last   uint64                  // the dict that was asked last
	length int                     // its length then
}

// StartDict starts the other side and reads who it is.
func StartDict(argv ...string) (*Dicts, error) {
	s := &Dicts{Contract: dict.Contract{Retained: -1}}
	s.talk = talk{argv: argv, subject: "dict", known: DictParts, promise: s.promised, tell: s.told}
	return s, s.begin()
}

// promised reads one word of the first line.
func (s *Dicts) promised(key, value string) bool {
	c := &s.Contract
	switch key {
	case "order":
		return choice(value, map[string]dict.Order{"insertion": dict.Insertion, "any": dict.Any}, &c.Order)
	case "during":
		return choice(value, map[string]dict.During{
			"detected": dict.Detected, "live": dict.Live, "undefined": dict.Undefined}, &c.During)
	case "keepssize":
		return flag(value, &c.KeepsSize)
	case "copyfits":
		return flag(value, &c.CopyFits)
	case "clearfrees":
		return flag(value, &c.ClearFrees)
	case "reentrant":
		return flag(value, &c.Reentrant)
	case "twin":
		c.Twin = value
		return true
	case "stairs":
		c.Stairs = nil
		for text := range strings.SplitSeq(value, ",") {
			entries, bytes, _ := strings.Cut(text, ":")
			n, err := strconv.Atoi(entries)
			b, err2 := strconv.ParseUint(bytes, 10, 64)
			if err != nil || err2 != nil || n < 0 {
				return false
			}
			c.Stairs = append(c.Stairs, dict.Stair{Entries: n, Bytes: b})
		}
		return true
	}
	return false
}

// told tells of an event and reports whether it is one.
func (s *Dicts) told(text string) ([]byte, bool) {
	what, number, _ := strings.Cut(text, " ")
	n, err := strconv.ParseUint(number, 10, 64)
	f := s.hooks[n]
	if what != "compare" || err != nil || f == nil {
		return nil, false
	}
	f()
	return nil, true
}

// Reset begins without dicts, in a new process if the old one is dead. With hash every key is an object of its own that
// has this hash; without, keys are of the kind that variant says.
func (s *Dicts) Reset(variant uint64, hash func(key uint64) uint64) error {
	if err := s.revive(); err != nil {
		return err
	}
	s.hash, s.keyed, s.hooks, s.last = hash, map[uint64]struct{}{}, map[uint64]func(){}, 0
	_, _, err := s.ask("reset", variant)
	return err
}

// Close is of one store: the process lives on for the next.
func (s *Dicts) Close() error { return nil }

// New makes an empty dict.
func (s *Dicts) New(int) dict.Dict { return s.object("new") }

// object asks for a dict, which may be refused.
func (s *Dicts) object(verb string, args ...uint64) dict.Dict {
	ns, ok, err := s.ask(verb, args...)
	switch {
	case err != nil:
		panic(err)
	case !ok:
		return nil
	case len(ns) != 2:
		panic(s.p.badLine(s.question(verb, args), "no length and number"))
	}
	s.length, s.last = int(ns[0]), ns[1]
	return &remote{s, ns[1]}
}

// tellHash tells the other side the hash of a key before it is used first.
func (s *Dicts) tellHash(key uint64) {
	if s.hash == nil {
		return
	}
	if _, ok := s.keyed[key]; !ok {
		s.keyed[key] = struct{}{}
		s.must(0, "key", key, s.hash(key))
	}
}

// remote is one dict.
type remote struct {
	*Dicts
	id uint64
}

// about asks a question about the dict, whose length the answer begins with, and returns the numbers behind it.
func (d *remote) about(verb string, args ...uint64) ([]uint64, bool) {
	d.last = 0
	ns, ok, err := d.ask(verb, append([]uint64{d.id}, args...)...)
	switch {
	case err != nil:
		panic(err)
	case !ok:
		return nil, false
	case len(ns) == 0:
		panic(d.p.badLine(d.question(verb, args), "ok"))
	}
	d.last, d.length = d.id, int(ns[0])
	return ns[1:], true
}

// sure asks what cannot be refused, and is answered with so many numbers behind the length, or with none where none may
// be there.
func (d *remote) sure(count int, none bool, verb string, args ...uint64) []uint64 {
	ns, ok := d.about(verb, args...)
	if !ok || len(ns) != count && !(none && len(ns) == 0) {
		panic(d.p.badLine(d.question(verb, args), fmt.Sprintf("%d numbers", len(ns))))
	}
	return ns
}

func (d *remote) onKey(key uint64, count int, none bool, verb string, more ...uint64) []uint64 {
	d.tellHash(key)
	return d.sure(count, none, verb, append([]uint64{key}, more...)...)
}

func one(ns []uint64) (n uint64, ok bool) {
	if len(ns) == 0 {
		return 0, false
	}
	return ns[0], true
}

func two(ns []uint64) (key, value uint64, ok bool) {
	if len(ns) == 0 {
		return 0, 0, false
	}
	return ns[0], ns[1], true
}

func (d *remote) Len() int {
	if d.last != d.id {
		d.sure(0, false, "len")
	}
	return d.length
}

func (d *remote) Get(key uint64) (value uint64, ok bool) { return one(d.onKey(key, 1, true, "get")) }

func (d *remote) Set(key, value uint64) bool {
	d.tellHash(key)
	_, ok := d.about("set", key, value)
	return ok
}

func (d *remote) Delete(key uint64) bool { return d.onKey(key, 1, false, "del")[0] != 0 }

func (d *remote) Clear() { d.sure(0, false, "clear") }

func (d *remote) Pop(key uint64) (value uint64, ok bool) { return one(d.onKey(key, 1, true, "pop")) }

func (d *remote) PopItem() (key, value uint64, ok bool) { return two(d.sure(2, true, "popitem")) }

func (d *remote) PopFirst() (key, value uint64, ok bool) { return two(d.sure(2, true, "popfirst")) }

func (d *remote) SetDefault(key, value uint64) (got uint64, ok bool) {
	d.tellHash(key)
	ns, ok := d.about("setdefault", key, value)
	if !ok {
		return 0, false
	}
	if len(ns) != 1 {
		panic(d.p.badLine(d.question("setdefault", []uint64{d.id, key, value}), fmt.Sprintf("%d numbers", len(ns))))
	}
	return ns[0], true
}

func (d *remote) Update(from dict.Dict) bool {
	_, ok := d.about("update", from.(*remote).id)
	return ok
}

func (d *remote) Copy() dict.Dict    { return d.object("copy", d.id) }
func (d *remote) Rebuild() dict.Dict { return d.object("rebuild", d.id) }

func (d *remote) FromKeys(value uint64) dict.Dict { return d.object("fromkeys", d.id, value) }

func (d *remote) Move(key uint64, front bool) bool {
	return d.onKey(key, 1, false, "move", digit(front))[0] != 0
}

func (d *remote) Equal(other dict.Dict) bool {
	return d.sure(1, false, "equal", other.(*remote).id)[0] != 0
}

func (d *remote) Size() uint64 { return d.sure(1, false, "size")[0] }

func (d *remote) Free() {
	delete(d.hooks, d.id)
	d.last = 0
	d.must(0, "drop", d.id)
}

func (d *remote) OnCompare(f func()) {
	if on := f != nil; on != (d.hooks[d.id] != nil) {
		d.sure(0, false, "compare", digit(on))
	}
	d.hooks[d.id] = f
}

func (d *remote) Iterate() dict.Iterator  { return &remoteIter{d, d.sure(1, false, "iter", 0)[0]} }
func (d *remote) Reversed() dict.Iterator { return &remoteIter{d, d.sure(1, false, "iter", 1)[0]} }

// Range takes steps until there are no more, or the dict has changed.
func (d *remote) Range(f func(key, value uint64) bool) {
	it := d.Iterate().(*remoteIter)
	defer it.Close()
	for {
		key, value, step := it.Next()
		if step != dict.Entry || !f(key, value) {
			return
		}
	}
}

// remoteIter is an iteration.
type remoteIter struct {
	d  *remote
	id uint64
}

func (it *remoteIter) Next() (key, value uint64, step dict.Step) {
	switch ns := it.d.must(0, "next", it.id); len(ns) {
	case 0:
		return 0, 0, dict.End
	case 1:
		return 0, 0, dict.Changed
	default:
		return ns[0], ns[1], dict.Entry
	}
}

func (it *remoteIter) Close() { it.d.must(0, "stop", it.id) }
