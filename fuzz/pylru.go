package fuzz

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unsafe"

	"heapfuzz/impl/arena"
	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
	"heapfuzz/impl/page"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
	"heapfuzz/props/heaptest"
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
		add("lru-"+prof.Name, "functools.lru_cache of CPython "+prof.Name, prof.Name, pyCacheContract(prof),
			func(w dicttest.CacheWorld) (dicttest.Cache, error) {
				return newPyCache(w, lru.Config{Profile: prof, Max: w.Capacity}, cacheSound)
			})
	}
	add("lru-typed", "functools.lru_cache(None), with a bound in worlds that have one, and typed in every other", "",
		dict.CacheContract{
			Policy: dict.LRU, Zero: dict.Empty, Negative: dict.Unbounded, ClearResets: true, UnboundedLastWins: true,
			CallsOnly: true,
		},
		func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			return newPyCache(w, lru.Config{Max: w.Capacity, Unbounded: w.Capacity < 0, Typed: w.Hash%2 == 0},
				cacheSound)
		})
	add("lru-ordered", "a cache that is an ordered dict: what is used is taken out and stored again", "",
		orderedContract, func(w dicttest.CacheWorld) (dicttest.Cache, error) { return openOrdered(w, cacheSound) })
	return ts
}

// pyCacheContract is what lru_cache promises in a release.
func pyCacheContract(prof *pydict.Profile) dict.CacheContract {
	c := dict.CacheContract{
		Policy: dict.LRU, Zero: dict.Empty, Negative: dict.Empty, ClearResets: true, CallsOnly: true,
	}
	if prof.GrowHalf {
		c.Negative = dict.Nothing // 3.6 holds one entry
	}
	return c
}

var orderedContract = dict.CacheContract{Policy: dict.LRU, ClearResets: true}

// cacheFault is what a cache does wrong on purpose.
type cacheFault uint8

const (
	cacheSound        cacheFault = iota
	cacheOverfills               // while keys are compared a full cache has an entry more
	cacheSwallows                // in a full cache, a comparison that fails is no failure of the call
	cacheMixes                   // a call inside a comparison of another is answered with the other's result
	cacheForgets                 // a full cache loses what is stored when two calls more come
	cacheKeeps                   // in a full cache, a call keeps a reference to its result
	cacheWalksOn                 // a walk along the keys does not stop when it is told to
	cachePacksLoosely            // a key of several words is said to take up a word less
	cacheLeaksObject             // a call keeps a reference to an object that is an argument
	cacheLeaksString             // so it does to a string
	cacheGrants                  // a cache is made where there should be no memory for it
	cacheTellsWord               // a call that fails is told with a word
	cacheHashesBack              // a key of several words has the hash of those words from the end
	cacheKeepsAtLast             // the last call keeps a reference to its result
	cacheLosesAtLast             // a cache that is closed loses a block
	cacheFaults       = iota - 1 // how many there are
)

// pyWords are the keys and values of a cache: numbers, or objects where hashes are bad or a number does not fit a word.
// Values are objects, and counted. The words of objects are multiples of 16, those of values with a bit besides.
type pyWords struct {
	objects bool
	hash    func(key uint64) uint64
	things  []pyThing
	spare   []pydict.Word
	values  int
	text    *pydict.Space   // where strings are
	strs    map[uintptr]int // references to them, by record

	fault    dict.Fault // that of the call that is under way, in the hook with that number from here on
	nth      int
	during   func()
	fails    bool // the hook, behind that
	happened bool
	lets     func()      // called when a reference to a value goes; may be nil
	over     func() bool // tells whether there are more entries than may be; nil: it is not known

	wrong   cacheFault
	turn    int // grows, so that what comes to the same is done in turn
	ballast []unsafe.Pointer
	refused error // what was wrong with an answer, or with a cache for which there was no memory
}

// hook is called in each hash and comparison.
func (p *pyWords) hook() error {
	if p.over != nil && !p.happened && p.over() {
		p.refused = errors.New("lru/room: while keys are compared there are more entries than may be")
	}
	if p.fault <= dict.FaultMemory {
		return nil
	}
	if p.nth--; p.nth > 0 {
		return nil
	}
	fault := p.fault
	p.fault, p.happened = 0, true
	if fault == dict.FaultRaise {
		return errRaised
	}
	if p.during(); p.fails {
		p.fails = false
		return errRaised
	}
	return nil
}

const (
	pyObjectShift = 4
	pyResultBit   = 8
)

func wordsOf(w dicttest.CacheWorld, wrong cacheFault) *pyWords {
	return &pyWords{objects: w.Hash != 0, hash: w.Hasher(), wrong: wrong}
}

// key makes the word of a key, which is held until it is dropped.
func (p *pyWords) key(key uint64) pydict.Word {
	if n := int64(key); !p.objects && n <= pydict.IntMax && n >= -pydict.IntMax-1 {
		return pydict.Int(n)
	}
	return p.object(key)
}

func (p *pyWords) object(key uint64) pydict.Word {
	if n := len(p.spare); n > 0 {
		w := p.spare[n-1]
		p.spare = p.spare[:n-1]
		*p.at(w) = pyThing{key: key, refs: 1}
		return w
	}
	p.things = append(p.things, pyThing{key: key, refs: 1})
	return pydict.Word(len(p.things) << pyObjectShift)
}

// str makes a string, which is held until it is dropped.
func (p *pyWords) str(text string) pydict.Word {
	w := p.text.NewStr(text)
	p.strs[w.Record()] = 1
	return w
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
	if err := p.hook(); err != nil {
		return 0, err
	}
	if !p.objects {
		return pydict.HashInt(int64(p.at(w).key)), nil
	}
	if h := int64(p.hash(p.at(w).key)); h != -1 {
		return h, nil
	}
	return -2, nil
}

// Equal compares keys by their numbers.
func (p *pyWords) Equal(a, b pydict.Word) (bool, error) {
	if err := p.hook(); err != nil {
		return false, err
	}
	return !a.IsStr() && !b.IsStr() && p.number(a) == p.number(b), nil
}

// Type is that of ints, which some have as words and some as objects, or another.
func (p *pyWords) Type(w pydict.Word) uint64 {
	if p.at(w).odd {
		return lru.TypeMax
	}
	return lru.TypeInt
}

// Own counts a reference.
func (p *pyWords) Own(w pydict.Word) { p.count(w, 1) }

// Drop counts one less.
func (p *pyWords) Drop(w pydict.Word) { p.count(w, -1) }

func (p *pyWords) count(w pydict.Word, by int) {
	switch {
	case w.IsInt():
	case w.IsStr():
		if p.strs[w.Record()] += by; p.strs[w.Record()] == 0 {
			delete(p.strs, w.Record())
			p.text.FreeStr(w)
		}
	case w&pyResultBit != 0:
		if p.values += by; by < 0 && p.lets != nil {
			p.lets()
		}
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

// alive compares the references to objects and strings that are keys with those that there are.
func (p *pyWords) alive(refs map[pydict.Word]int) error {
	for i, t := range p.things {
		if n := refs[pydict.Word((i+1)<<pyObjectShift)]; n != t.refs {
			return fmt.Errorf("lru/references: an object has %d references, and %d were counted", n, t.refs)
		}
	}
	strs := 0
	for w, n := range refs {
		if w.IsStr() {
			strs++
			if is := p.strs[w.Record()]; is != n {
				return fmt.Errorf("lru/references: a string has %d references, and %d were counted", n, is)
			}
		}
	}
	if strs != len(p.strs) {
		return fmt.Errorf("lru/references: %d strings are there, and %d have references", len(p.strs), strs)
	}
	return nil
}

// pyCache is an lru_cache in the shape of a dict.Cache. A key of a program is a call:
//
//	4n, 4n+1, 4n+2, 4n+3    f(n), f(n, "x", n), at times with more arguments, f(n, x=n), f("n")
//	2^63 and above          f(n), where n is below 0
//
// With typed, 4n+1 is f(n) and 4n+2 f(n, x=n), where the last n is equal to an int and none.
type pyCache struct {
	*pyWords
	c       *lru.Cache
	mem     *arena.Allocator // nil: the cache's own
	textMem *arena.Allocator // of strings
	compute func(key uint64) (uint64, bool)
	calls   int // that are under way
	ordered bool
	old     bool
	typed   bool
	hashed  bool // the hashes of tuples were compared
	failed  bool // the last call, by a fault
}

func newPyCache(w dicttest.CacheWorld, cfg lru.Config, wrong cacheFault) (*pyCache, error) {
	words := wordsOf(w, wrong)
	p := &pyCache{
		pyWords: words, ordered: !cfg.Unbounded, old: cfg.Profile != nil && cfg.Profile.GrowHalf, typed: cfg.Typed,
	}
	p.strs = map[uintptr]int{}
	cfg.Hooks = words
	if cfg.Profile == nil {
		all := pydict.Profiles()
		cfg.Profile = all[len(all)-1]
	}
	var err error
	if p.textMem, err = cacheMemory(cfg.Profile); err != nil {
		return nil, err
	}
	if p.text, err = pydict.NewSpace(pydict.Config{Profile: cfg.Profile, Memory: p.textMem}); err != nil {
		return nil, err
	}
	p.text.NewStr("") // that the memory is not given back and asked for again with each string
	if w.Hash%8 != 7 {
		if p.mem, err = cacheMemory(cfg.Profile); err != nil {
			return nil, err
		}
		cfg.Memory = p.mem
		if Edges {
			p.refused = errors.Join(refusedCache(p, cfg), idleCache(p, cfg), reusedLink(p, cfg), fullWorld(p, cfg, w))
		}
	} else if Edges {
		p.refused = cacheEdges(p, lru.Config{Profile: cfg.Profile, Max: 16})
	}
	if p.c, err = lru.New(cfg); err != nil {
		return p, err
	}
	if i := p.c.Info(); i.Bounded && i.Max > 0 {
		p.over = func() bool { return p.c.Len() > i.Max || wrong == cacheOverfills && p.c.Len() == i.Max }
	}
	return p, nil
}

// cacheMemory has the smallest arenas, so that little has to be taken to have none left, and they come from a stretch:
// one that is given back with each key, and taken with the next, costs no call of the system.
func cacheMemory(prof *pydict.Profile) (*arena.Allocator, error) {
	return arena.New(arena.Config{Profile: smallArenas(prof.Arena, 1), OS: source(heaptest.World{})})
}

// refusedCache makes caches where there is memory for nothing, for the root, and for the dict only: each has to be
// refused, and to leave nothing behind.
func refusedCache(p *pyCache, cfg lru.Config) error {
	for _, spare := range [][]uintptr{nil, {pySpare[0]}, {p.text.BodyBytes()}} {
		was, _, _ := p.mem.Usage()
		if p.wrong != cacheGrants {
			p.starve(p.mem, spare...)
		}
		c, err := lru.New(cfg)
		p.feed(p.mem)
		if is, _, _ := p.mem.Usage(); c != nil || !errors.Is(err, pydict.ErrNoMemory) || is != was {
			return fmt.Errorf("lru/refused: a cache without memory is made, or leaves %d blocks: %w", is-was, err)
		}
	}
	return nil
}

// idleCache is a cache that stores nothing, for which a call needs no memory.
func idleCache(p *pyCache, cfg lru.Config) error {
	cfg.Max, cfg.Unbounded = 0, false
	c, err := lru.New(cfg)
	if err != nil {
		return err
	}
	p.starve(p.mem)
	_, err = c.Call(lru.Args{Positional: []pydict.Word{pydict.Int(1), pydict.Int(2)}},
		func() (pydict.Word, error) { return pydict.Int(1), nil })
	p.feed(p.mem)
	if err != nil {
		err = fmt.Errorf("lru/answers: a cache that stores nothing fails a call: %w", err)
	}
	return errors.Join(err, c.Close())
}

// cacheEdges are caches that no program has: such as must not be made, that of a Config without a profile, and some
// with calls whose keys are unlike and have one hash.
func cacheEdges(p *pyCache, cfg lru.Config) error {
	all := pydict.Profiles()
	wrong := *cfg.Profile
	pools := *wrong.Arena
	pools.PoolBytes++
	wrong.Arena = &pools
	for _, prof := range []*pydict.Profile{all[0], &wrong} {
		if c, err := lru.New(lru.Config{Profile: prof}); err == nil {
			return errors.Join(errors.New("lru/refused: there is a cache of 2.7, or in no pools"), c.Close())
		}
	}
	prof := cfg.Profile
	if prof == all[len(all)-1] {
		cfg.Profile = nil
	}
	if err := negativeCache(p, prof); err != nil {
		return err
	}
	for range 2 { // without hooks, and with
		c, err := lru.New(cfg)
		if err != nil || c.Space().Profile() != prof {
			return fmt.Errorf("lru/refused: there is no cache of %s, or another: %w", prof.Name, err)
		}
		err = errors.Join(unlikeCalls(p, c, cfg.Hooks != nil), c.CheckInvariants(), c.Close())
		if err != nil || cfg.Hooks != nil {
			return err
		}
		cfg.Hooks = p.pyWords
	}
	return nil
}

// negativeCache is one of a size below 0: in 3.6 that is one entry, and later it stores nothing.
func negativeCache(p *pyCache, prof *pydict.Profile) error {
	for _, size := range []int{-1, -2} {
		c, err := lru.New(lru.Config{Profile: prof, Max: size})
		if err != nil {
			return err
		}
		for i, key := range []int64{1, 1, 2, 2, 1} {
			v, e := c.Call(lru.Args{Positional: []pydict.Word{pydict.Int(key)}},
				func() (pydict.Word, error) { return pydict.Int(int64(i)), nil })
			want := int64(i)
			if prof.GrowHalf && i%2 == 1 {
				want--
			}
			if e != nil || v != pydict.Int(want) {
				err = fmt.Errorf("lru/answers: a cache of the size %d answers otherwise: %w", size, e)
			}
		}
		if err = errors.Join(err, c.CheckInvariants(), c.Close()); err != nil {
			return err
		}
	}
	return nil
}

// unlikeCalls makes calls that differ, each twice, so that each is a miss and then a hit. The mark, 0 and the empty
// string have one hash; so have f(x) and f(x, y), where x is an object with the hash 1, and y one with a hash that is
// computed for that.
func unlikeCalls(p *pyCache, c *lru.Cache, objects bool) error {
	x, y, none, nought := p.str("x"), p.str("y"), p.str(""), pydict.Int(0)
	calls := []lru.Args{
		{Positional: []pydict.Word{x}}, {Positional: []pydict.Word{y}},
		{Positional: []pydict.Word{nought, x}}, {Positional: []pydict.Word{none, x}},
		{Positional: []pydict.Word{x}, Names: []pydict.Word{y}, Values: []pydict.Word{x}},
		{Positional: []pydict.Word{x, nought, y, x}}, {Positional: []pydict.Word{x, none, y, x}},
	}
	if objects {
		was, hash := p.objects, p.hash
		p.objects, p.hash = true, func(key uint64) uint64 { return key }
		defer func() { p.objects, p.hash = was, hash }()
		second := uint64(sameTuple)
		if !c.Space().Profile().LazyNew {
			second = sameTupleOld
		}
		one, other, zero := p.object(1), p.object(second), p.object(0)
		defer func() { p.Drop(one); p.Drop(other); p.Drop(zero) }()
		calls = append(calls, lru.Args{Positional: []pydict.Word{one}}, lru.Args{Positional: []pydict.Word{one, other}},
			lru.Args{Positional: []pydict.Word{x, zero, y, x}})
		calls = slices.Delete(calls, 5, 6) // which equals the last
	}
	for i := range 2 * len(calls) {
		v, err := c.Call(calls[i/2], func() (pydict.Word, error) { return pydict.Int(int64(i)), nil })
		if err != nil || v != pydict.Int(int64(i&^1)) {
			return fmt.Errorf("lru/answers: call %d of a cache answers otherwise: %w", i, err)
		}
	}
	c.Clear()
	p.Drop(x)
	p.Drop(y)
	p.Drop(none)
	return nil
}

// pySpare are the sizes of blocks that a call may have when it has no others: of links, and of keys.
var pySpare = []uintptr{64, 64, 32, 48, 64}

// starve takes all memory there is but for blocks of some sizes. Feed gives it back.
func (p *pyWords) starve(mem *arena.Allocator, sizes ...uintptr) {
	var spare []unsafe.Pointer
	for _, n := range sizes {
		spare = append(spare, mem.Alloc(n))
	}
	mem.InjectOOM(1, true)
	for _, n := range pyBallast {
		for b := mem.Alloc(n); b != nil; b = mem.Alloc(n) {
			p.ballast = append(p.ballast, b)
		}
	}
	for _, b := range spare {
		mem.Free(b)
	}
}

func (p *pyWords) feed(mem *arena.Allocator) {
	mem.InjectOOM(0, false)
	for _, b := range p.ballast {
		mem.Free(b)
	}
	p.ballast = p.ballast[:0]
}

// twice does something while memory is refused, or a hash or a comparison fails, and once more when that has failed:
// what was not done has to be left so that it can be done.
func (p *pyWords) twice(mem *arena.Allocator, f func() error) {
	if p.fault != 0 || p.during != nil {
		p.must(f())
		return
	}
	p.turn++
	starved := p.turn%4 == 1 && mem != nil
	if starved {
		p.starve(mem, pySpare[:p.turn/4%3]...)
	} else if p.turn%4 > 1 {
		p.fault, p.nth, p.happened = dict.FaultRaise, 1+p.turn/4%5, false
	}
	err := f()
	raised := p.fault == 0 && p.turn%4 > 1
	p.fault = 0
	if starved {
		p.feed(mem)
	}
	switch {
	case raised != errors.Is(err, errRaised), errors.Is(err, pydict.ErrNoMemory) && !starved:
		p.refused = fmt.Errorf("lru/answers: what failed was not told, or what did not: %w", err)
	case err != nil:
		p.must(f())
	}
}

func (p *pyWords) must(err error) {
	if err != nil {
		panic(err)
	}
}

// args makes the arguments of a call, which are held until they are let go.
func (p *pyCache) args(key uint64) (a lru.Args) {
	if int64(key) < 0 {
		return lru.Args{Positional: []pydict.Word{p.key(key)}}
	}
	n := key / 4
	if key%4 == 3 {
		return lru.Args{Positional: []pydict.Word{p.str(strconv.FormatUint(n, 10))}}
	}
	last := func() pydict.Word {
		if !p.typed {
			return p.either(n)
		}
		w := p.object(n)
		p.at(w).odd = true
		return w
	}
	switch key % 4 {
	case 1:
		if p.typed {
			return lru.Args{Positional: []pydict.Word{last()}}
		}
		a.Positional = []pydict.Word{p.key(n), p.str("x"), p.either(n)}
		if n%4 == 3 {
			a.Positional = append(a.Positional, make([]pydict.Word, 13)...)
			for i := range a.Positional[3:] {
				a.Positional[3+i] = pydict.Int(int64(i))
			}
		}
		return a
	case 2:
		return lru.Args{
			Positional: []pydict.Word{p.either(n)}, Names: []pydict.Word{p.str("x")}, Values: []pydict.Word{last()},
		}
	}
	return lru.Args{Positional: []pydict.Word{p.key(n)}}
}

// either makes a number a word of its own, or an object that equals it and has its type.
func (p *pyCache) either(n uint64) pydict.Word {
	if p.turn++; p.turn%2 == 0 {
		return p.key(n)
	}
	return p.object(n)
}

func (p *pyCache) letGo(a lru.Args) {
	for _, w := range slices.Concat(a.Positional, a.Names, a.Values) {
		switch p.wrong {
		case cacheLeaksObject:
			if !w.IsInt() && !w.IsStr() {
				continue
			}
		case cacheLeaksString:
			if w.IsStr() {
				continue
			}
		}
		p.Drop(w)
	}
}

// keyOf is the key of a program that is made of such words.
func (p *pyCache) keyOf(words []pydict.Word) uint64 {
	first := words[0]
	if first.IsStr() {
		n, _ := strconv.ParseUint(string(first.Str()), 10, 64)
		return 4*n + 3
	}
	n := p.number(first)
	switch {
	case int64(n) < 0:
		return n
	case len(words) > 2 && words[1] == 0:
		return 4*n + 2
	case len(words) > 2, !first.IsInt() && p.at(first).odd:
		return 4*n + 1
	}
	return 4 * n
}

// Offers says that without a bound there is no order of use, and that in 3.6 a computation that fails does not count.
func (p *pyCache) Offers(part string) bool {
	return !(part == "keys" && !p.ordered) && !(part == "info" && p.old)
}

var errFailed = errors.New("the computation failed")

// OnMiss sets the function that is cached.
func (p *pyCache) OnMiss(compute func(uint64) (uint64, bool)) { p.compute = compute }

// Fault has something happen in the next call. Memory of the cache's own, whose arenas are large, is not taken away.
func (p *pyCache) Fault(f dict.Fault, nth int, during func()) {
	p.fault, p.nth, p.during, p.happened, p.failed = f, nth, during, false, false
	if f == dict.FaultMemory && p.mem != nil {
		p.starve(p.mem, pySpare[:min(nth-1, len(pySpare))]...)
	}
}

// Faulted tells whether it happened, and whether the call failed by it.
func (p *pyCache) Faulted() (happened, failed bool) { return p.happened, p.failed }

// rest ends a fault, of which a call may have had none.
func (p *pyCache) rest() {
	if p.fault == dict.FaultMemory && p.mem != nil {
		p.feed(p.mem)
	}
	p.fault = 0
}

// Call is a call of it.
func (p *pyCache) Call(key uint64) (uint64, bool) {
	args := p.args(key)
	p.calls++
	compute := func() (pydict.Word, error) {
		v, ok := p.compute(key)
		if !ok {
			return 0, errFailed
		}
		return p.value(v), nil
	}
	var v pydict.Word
	var err error
	if p.turn++; len(args.Positional) == 1 && args.Names == nil && p.turn%4 > 0 {
		v, err = p.c.CallOne(args.Positional[0], compute)
	} else {
		v, err = p.c.Call(args, compute)
	}
	if p.calls--; p.calls == 0 {
		p.rest()
	}
	p.letGo(args)
	if err != nil && p.wrong == cacheTellsWord {
		v = pyResultBit
	}
	if err != nil && v != 0 {
		p.refused = errors.New("lru/answers: an error came with a word")
	}
	switch {
	case err == nil:
		p.Drop(v)
		return resultOf(v), true
	case errors.Is(err, errRaised), errors.Is(err, pydict.ErrNoMemory):
		p.happened, p.failed = true, true
	case !errors.Is(err, errFailed):
		panic(err)
	}
	return 0, false
}

// Peek looks a key up in the dict.
func (p *pyCache) Peek(key uint64) (uint64, bool) {
	args := p.args(key)
	defer p.letGo(args)
	var v pydict.Word
	var ok bool
	p.twice(p.mem, func() (err error) {
		v, ok, err = p.c.Peek(args)
		return err
	})
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
		tell(p.keyOf(lru.Words(key)))
		return true
	})
}

// CheckInvariants recounts those of the cache, and references to keys: a tuple has one to each of its words, and other
// keys are held by the dict, and by the ring if there is one.
func (p *pyCache) CheckInvariants() error {
	if err := errors.Join(p.refused, p.c.CheckInvariants()); err != nil {
		return err
	}
	refs := map[pydict.Word]int{}
	if !p.typed && !p.hashed {
		p.hashed = true
		if err := errors.Join(checkTuples(p.c, p.pyWords), p.unhashed()); err != nil {
			return err
		}
	}
	var err error
	p.c.Keys(func(key pydict.Word) bool {
		words := lru.Words(key)
		for _, w := range words {
			refs[w]++
		}
		if words[0] != key {
			err = errors.Join(err, p.checkTuple(key, len(words)))
		} else if p.ordered {
			refs[key]++
		}
		return true
	})
	return errors.Join(err, p.stops(p.c.Keys), p.alive(refs))
}

// unhashed asks for the hash of a call whose key there is no memory for, and of one whose hash fails.
func (p *pyCache) unhashed() error {
	w := p.object(1)
	defer p.Drop(w)
	args := lru.Args{Positional: []pydict.Word{w, w}}
	p.fault, p.nth, p.happened = dict.FaultRaise, 2, false
	h, err := p.c.HashOf(args)
	p.fault, p.happened = 0, false
	if h != 0 || !errors.Is(err, errRaised) {
		return fmt.Errorf("lru/hash: a call whose hash fails has the hash %d: %w", h, err)
	}
	p.starve(p.textMem)
	none := p.text.NewStr("a string that there is no memory for")
	p.feed(p.textMem)
	if none != 0 {
		return errors.New("lru/refused: there is a string without memory")
	}
	if p.mem == nil {
		return nil
	}
	p.starve(p.mem)
	h, err = p.c.HashOf(args)
	p.feed(p.mem)
	if h != 0 || !errors.Is(err, pydict.ErrNoMemory) {
		return fmt.Errorf("lru/hash: a call has the hash %d without memory for its key: %w", h, err)
	}
	return nil
}

// checkTuple compares the block of a key of several words with what it needs: three words more, and no class of blocks
// above that.
func (p *pyCache) checkTuple(key pydict.Word, words int) error {
	if p.mem == nil {
		return nil
	}
	round := p.mem.Profile().Alignment()
	if p.wrong == cachePacksLoosely {
		words -= 2
	}
	want := (uintptr(8*words+24) + round - 1) / round * round
	if n := p.mem.UsableSize(page.Pointer(uintptr(key) &^ 7)); n != want && want <= 512 {
		return fmt.Errorf("lru/blocks: a key of %d words is in a block of %d bytes", words, n)
	}
	return nil
}

// stops tells whether a walk along keys ends when it is told to.
func (p *pyWords) stops(keys func(f func(key pydict.Word) bool)) error {
	n := 0
	keys(func(pydict.Word) bool { n++; return p.wrong == cacheWalksOn })
	if n > 1 {
		return errors.New("lru/keys: a walk along the keys goes on after it was told to stop")
	}
	return nil
}

// Close gives all back, and tells if that is not all. So that there is something, a call comes before.
func (p *pyCache) Close() error {
	p.fault = 0
	args := p.args(2)
	v, err := p.c.Call(args, func() (pydict.Word, error) { return p.value(0), nil })
	if err == nil && p.wrong != cacheKeepsAtLast {
		p.Drop(v)
	}
	p.letGo(args)
	if p.wrong == cacheLosesAtLast && p.mem != nil {
		p.mem.Alloc(16)
	}
	err = errors.Join(err, p.c.Close())
	if err == nil && p.values != 0 {
		err = fmt.Errorf("lru/closed: there are %d references to results when a cache is no more", p.values)
	}
	if err == nil {
		err = p.alive(nil)
	}
	if p.mem != nil {
		if n, _, _ := p.mem.Usage(); n != 0 && err == nil {
			err = fmt.Errorf("lru/closed: %d blocks are live when a cache is no more", n)
		}
		err = errors.Join(err, p.mem.Close())
	}
	return errors.Join(err, p.text.Close(), p.textMem.Close())
}

// pyOrdered is an ordered dict as a dict.Cache.
type pyOrdered struct {
	*pyWords
	space *pydict.Space
	mem   *arena.Allocator
	o     *lru.Ordered
}

func openOrdered(w dicttest.CacheWorld, wrong cacheFault) (dicttest.Cache, error) {
	p := &pyOrdered{pyWords: wordsOf(w, wrong)}
	all := pydict.Profiles()
	prof := all[len(all)-1]
	var err error
	if p.mem, err = cacheMemory(prof); err != nil {
		return nil, err
	}
	p.space, err = pydict.NewSpace(pydict.Config{Profile: prof, Memory: p.mem, Hooks: p.pyWords})
	if err != nil {
		return nil, err
	}
	p.starve(p.mem)
	if lru.NewOrdered(p.space, p.pyWords, w.Capacity) != nil {
		p.refused = errors.New("lru/refused: a cache without memory is made")
	}
	p.feed(p.mem)
	p.o = lru.NewOrdered(p.space, p.pyWords, w.Capacity)
	return p, nil
}

// Get looks a key up and uses it. What fails may have taken the entry out, and none of the others.
func (p *pyOrdered) Get(key uint64) (uint64, bool) {
	w := p.key(key)
	var v pydict.Word
	var ok bool
	before := p.others(key)
	p.twice(p.mem, func() (err error) {
		if ok {
			return p.o.Put(w, v)
		}
		v, ok, err = p.o.Get(w)
		if err != nil && !slices.Equal(p.others(key), before) {
			p.refused = errors.New("lru/refused: who uses an entry without memory changes others")
		}
		return err
	})
	p.Drop(w)
	return resultOf(v), ok
}

// others are all keys but one, in their order.
func (p *pyOrdered) others(than uint64) (keys []uint64) {
	p.Keys(func(key uint64) {
		if key != than {
			keys = append(keys, key)
		}
	})
	return keys
}

// Peek looks a key up.
func (p *pyOrdered) Peek(key uint64) (value uint64, ok bool) {
	w := p.key(key)
	var v pydict.Word
	p.twice(p.mem, func() (err error) {
		v, ok, err = p.o.Peek(w)
		return err
	})
	p.Drop(w)
	return resultOf(v), ok
}

// Put stores an entry.
func (p *pyOrdered) Put(key, value uint64) bool {
	w, v := p.key(key), p.value(value)
	p.twice(p.mem, func() error { return p.o.Put(w, v) })
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
func (p *pyOrdered) Remove(key uint64) (ok bool) {
	w := p.key(key)
	p.twice(p.mem, func() (err error) {
		ok, err = p.o.Remove(w)
		return err
	})
	p.Drop(w)
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
func (p *pyOrdered) Resize(capacity int) {
	p.twice(p.mem, func() error { return p.o.Resize(capacity) })
}

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
	if err := errors.Join(p.refused, p.o.CheckInvariants()); err != nil {
		return err
	}
	refs := map[pydict.Word]int{}
	p.o.Keys(func(key pydict.Word) bool { refs[key]++; return true })
	return errors.Join(p.stops(p.o.Keys), p.alive(refs))
}

// Close gives all back.
func (p *pyOrdered) Close() error {
	p.o.Free()
	err := p.space.Close()
	if n, _, _ := p.mem.Usage(); n != 0 && err == nil {
		err = fmt.Errorf("lru/closed: %d blocks are live when a cache is no more", n)
	}
	return errors.Join(err, p.mem.Close())
}
