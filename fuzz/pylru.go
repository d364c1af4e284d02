package fuzz

import (
	"errors"
	"fmt"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
)

// pyCaches are the caches of CPython, a target a profile; one without bound; and one made of an ordered dict.
func pyCaches() (ts []Target) {
	add := func(name, doc, profile string, c dict.CacheContract, open dicttest.CacheOpener) {
		t := Target{Name: name, Smoke: 10, Doc: doc}
		if profile != "" {
			t.Recordings = recordingsOf("cache", profile)
		}
		ts = append(ts, cacheTarget(t, c, open))
	}
	for _, prof := range pydict.Profiles() {
		if prof.Old || prof.Name == "old8" {
			continue
		}
		c := dict.CacheContract{
			Policy: dict.LRU, Zero: dict.Empty, Negative: dict.Empty, ClearResets: true, CallsOnly: true,
		}
		if prof.GrowHalf {
			c.Negative = dict.Nothing // 3.6 holds one entry
		}
		add("lru-"+prof.Name, "functools.lru_cache of CPython "+prof.Name, prof.Name, c,
			func(w dicttest.CacheWorld) (dicttest.Cache, error) {
				return newPyCache(w, lru.Config{Profile: prof, Max: w.Capacity})
			})
	}
	add("lru-typed", "functools.lru_cache(None, typed=True), with a bound in worlds that have one", "",
		dict.CacheContract{
			Policy: dict.LRU, Zero: dict.Empty, Negative: dict.Unbounded, ClearResets: true, UnboundedLastWins: true,
			CallsOnly: true,
		},
		func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			return newPyCache(w, lru.Config{Max: w.Capacity, Unbounded: w.Capacity < 0, Typed: true})
		})
	add("lru-ordered", "a cache that is an ordered dict: what is used is taken out and stored again", "",
		dict.CacheContract{Policy: dict.LRU, ClearResets: true}, openOrdered)
	return ts
}

// pyWords are the keys and values of a cache: numbers, or objects where hashes are bad or a number does not fit a word.
// Values are objects, and counted. The words of objects are multiples of 16, those of values with a bit besides.
type pyWords struct {
	objects bool
	hash    func(key uint64) uint64
	things  []pyThing
	spare   []pydict.Word
	values  int
}

const (
	pyObjectShift = 4
	pyResultBit   = 8
)

func wordsOf(w dicttest.CacheWorld) *pyWords { return &pyWords{objects: w.Hash != 0, hash: w.Hasher()} }

// key makes the word of a key, which is held until it is dropped.
func (p *pyWords) key(key uint64) pydict.Word {
	if n := int64(key); !p.objects && n <= pydict.IntMax && n >= -pydict.IntMax-1 {
		return pydict.Int(n)
	}
	if n := len(p.spare); n > 0 {
		w := p.spare[n-1]
		p.spare = p.spare[:n-1]
		*p.at(w) = pyThing{key, 1}
		return w
	}
	p.things = append(p.things, pyThing{key, 1})
	return pydict.Word(len(p.things) << pyObjectShift)
}

func (p *pyWords) at(w pydict.Word) *pyThing { return &p.things[w>>pyObjectShift-1] }

func (p *pyWords) number(w pydict.Word) uint64 {
	if w.IsInt() {
		return uint64(w.Int())
	}
	return p.at(w).key
}

// value makes the word of a value, which is held until it is dropped.
func (p *pyWords) value(v uint64) pydict.Word {
	p.values++
	return pydict.Word(v<<pyObjectShift | pyResultBit)
}

func resultOf(w pydict.Word) uint64 { return uint64(w >> pyObjectShift) }

// Hash is the world's, or that of an int.
func (p *pyWords) Hash(w pydict.Word) (int64, error) {
	if !p.objects {
		return pydict.HashInt(int64(p.at(w).key)), nil
	}
	if h := int64(p.hash(p.at(w).key)); h != -1 {
		return h, nil
	}
	return -2, nil
}

// Equal compares keys by their numbers.
func (p *pyWords) Equal(a, b pydict.Word) (bool, error) { return p.number(a) == p.number(b), nil }

// Type is the same for all objects.
func (p *pyWords) Type(pydict.Word) uint64 { return lru.TypeMax }

// Own counts a reference.
func (p *pyWords) Own(w pydict.Word) { p.count(w, 1) }

// Drop counts one less.
func (p *pyWords) Drop(w pydict.Word) { p.count(w, -1) }

func (p *pyWords) count(w pydict.Word, by int) {
	switch {
	case w.IsInt():
	case w&pyResultBit != 0:
		p.values += by
	default:
		t := p.at(w)
		if t.refs <= 0 {
			panic("fuzz: a key that is no more")
		}
		if t.refs += by; t.refs == 0 {
			p.spare = append(p.spare, w)
		}
	}
}

// Held is the number of references to values.
func (p *pyWords) Held() int { return p.values }

// alive says that as many keys are referred to as a cache that is at rest has entries.
func (p *pyWords) alive(entries int) error {
	if n := len(p.things) - len(p.spare); n > entries {
		return fmt.Errorf("lru/references: %d objects are referred to as keys, of %d entries", n, entries)
	}
	return nil
}

// pyCache is an lru_cache in the shape of a dict.Cache.
type pyCache struct {
	*pyWords
	c       *lru.Cache
	compute func(key uint64) (uint64, bool)
	calls   int // that are under way
	ordered bool
	old     bool
}

func newPyCache(w dicttest.CacheWorld, cfg lru.Config) (*pyCache, error) {
	words := wordsOf(w)
	cfg.Hooks = words
	c, err := lru.New(cfg)
	if err != nil {
		return nil, err
	}
	return &pyCache{
		pyWords: words, c: c, ordered: !cfg.Unbounded, old: cfg.Profile != nil && cfg.Profile.GrowHalf,
	}, nil
}

// Offers says that without a bound there is no order of use, and that in 3.6 a computation that fails does not count.
func (p *pyCache) Offers(part string) bool {
	return !(part == "keys" && !p.ordered) && !(part == "info" && p.old)
}

var errFailed = errors.New("the computation failed")

// OnMiss sets the function that is cached.
func (p *pyCache) OnMiss(compute func(uint64) (uint64, bool)) { p.compute = compute }

// Call is a call of it.
func (p *pyCache) Call(key uint64) (uint64, bool) {
	w := p.key(key)
	p.calls++
	v, err := p.c.CallOne(w, func() (pydict.Word, error) {
		v, ok := p.compute(key)
		if !ok {
			return 0, errFailed
		}
		return p.value(v), nil
	})
	p.calls--
	p.Drop(w)
	if err != nil {
		if !errors.Is(err, errFailed) {
			panic(err)
		}
		return 0, false
	}
	p.Drop(v)
	return resultOf(v), true
}

// Peek looks a key up in the dict.
func (p *pyCache) Peek(key uint64) (uint64, bool) {
	w := p.key(key)
	defer p.Drop(w)
	v, ok, err := p.c.Peek(w)
	if err != nil {
		panic(err)
	}
	return resultOf(v), ok
}

// Len is currsize.
func (p *pyCache) Len() int { return p.c.Len() }

// Clear is cache_clear().
func (p *pyCache) Clear() { p.c.Clear() }

// Info is cache_info().
func (p *pyCache) Info() (hits, misses uint64, length, capacity int) {
	i := p.c.Info()
	if !i.Bounded {
		i.Max = -1
	}
	return i.Hits, i.Misses, i.Len, i.Max
}

// Keys tells the keys along the ring.
func (p *pyCache) Keys(tell func(uint64)) {
	p.c.Keys(func(key pydict.Word) bool {
		tell(p.number(lru.Arg(key)))
		return true
	})
}

// CheckInvariants recounts those of the cache, and references to keys.
func (p *pyCache) CheckInvariants() error {
	if err := p.c.CheckInvariants(); err != nil {
		return err
	}
	return p.alive(p.c.Len() + p.calls)
}

// Close gives all back.
func (p *pyCache) Close() error { return p.c.Close() }

// pyOrdered is an ordered dict as a dict.Cache.
type pyOrdered struct {
	*pyWords
	space *pydict.Space
	o     *lru.Ordered
}

func openOrdered(w dicttest.CacheWorld) (dicttest.Cache, error) {
	words := wordsOf(w)
	space, err := pydict.NewSpace(pydict.Config{Hooks: words})
	if err != nil {
		return nil, err
	}
	return &pyOrdered{words, space, lru.NewOrdered(space, words, w.Capacity)}, nil
}

func (p *pyOrdered) must(err error) {
	if err != nil {
		panic(err)
	}
}

// look does something with a key.
func (p *pyOrdered) look(key uint64, f func(pydict.Word) (pydict.Word, bool, error)) (uint64, bool) {
	w := p.key(key)
	v, ok, err := f(w)
	p.Drop(w)
	p.must(err)
	return resultOf(v), ok
}

// Get looks a key up and uses it.
func (p *pyOrdered) Get(key uint64) (uint64, bool) { return p.look(key, p.o.Get) }

// Peek looks a key up.
func (p *pyOrdered) Peek(key uint64) (uint64, bool) { return p.look(key, p.o.Peek) }

// Put stores an entry.
func (p *pyOrdered) Put(key, value uint64) bool {
	w, v := p.key(key), p.value(value)
	p.must(p.o.Put(w, v))
	p.Drop(w)
	p.Drop(v)
	return true
}

// Contains looks a key up.
func (p *pyOrdered) Contains(key uint64) bool {
	_, ok := p.Peek(key)
	return ok
}

// Remove takes a key out.
func (p *pyOrdered) Remove(key uint64) bool {
	w := p.key(key)
	ok, err := p.o.Remove(w)
	p.Drop(w)
	p.must(err)
	return ok
}

// RemoveOldest takes the first entry out.
func (p *pyOrdered) RemoveOldest() (key, value uint64, ok bool) {
	k, v, ok := p.o.First()
	if !ok {
		return 0, 0, false
	}
	key, value = p.number(k), resultOf(v)
	return key, value, p.Remove(key)
}

// OnEvict sets the function that is told of evictions.
func (p *pyOrdered) OnEvict(f func(key, value uint64)) {
	p.o.OnEvict = func(key, value pydict.Word) { f(p.number(key), resultOf(value)) }
}

// Len is the number of entries.
func (p *pyOrdered) Len() int { return p.o.Len() }

// Clear takes all out.
func (p *pyOrdered) Clear() { p.o.Clear() }

// Resize gives it another capacity.
func (p *pyOrdered) Resize(capacity int) { p.must(p.o.Resize(capacity)) }

// Keys tells the keys in order.
func (p *pyOrdered) Keys(tell func(uint64)) {
	p.o.Keys(func(key pydict.Word) bool {
		tell(p.number(key))
		return true
	})
}

// Info tells the statistics.
func (p *pyOrdered) Info() (hits, misses uint64, length, capacity int) {
	i := p.o.Info()
	return i.Hits, i.Misses, i.Len, i.Max
}

// CheckInvariants recounts those of the cache, and references to keys.
func (p *pyOrdered) CheckInvariants() error {
	if err := p.o.CheckInvariants(); err != nil {
		return err
	}
	return p.alive(p.o.Len())
}

// Close gives all back.
func (p *pyOrdered) Close() error {
	p.o.Free()
	return p.space.Close()
}
