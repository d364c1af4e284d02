package fuzz

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/arena"
	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/page"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
	"heapfuzz/props/heaptest"
)

// pyKeys is what the keys of a target are made of. A program knows keys as numbers only.
type pyKeys uint8

const (
	// pyNumbers are ints, -1 and its like among them, as far as a word holds them; the rest are objects with the hash
	// of an int. In a world of bad hashes, and in every second variant, all are objects.
	pyNumbers pyKeys = iota
	// pyStrings are their digits. The hash of the world is the seed of SipHash.
	pyStrings
	// pyMixed are some of each, in dicts that share their keys with those of the other instances of a class. In every
	// second variant all are strings.
	pyMixed
)

// pyDicts are the dicts of CPython, a target a profile, and more targets for other keys than numbers.
func pyDicts() (ts []Target) {
	add := func(name string, keys pyKeys, profiles ...*pydict.Profile) {
		for _, prof := range profiles {
			c := pyDictContract(prof, keys)
			t := Target{
				Name: "dict-" + name + prof.Name, Smoke: 4,
				Doc: "CPython's dict of " + prof.Name + pyKeysDoc[keys],
			}
			if keys == pyNumbers {
				t.Recordings = recordingsOf("dict", prof.Name)
			}
			ts = append(ts, dictTarget(t, c, func(w dicttest.World) (dicttest.Store, error) {
				return newPyStore(prof, keys, w, faultSound)
			}))
		}
	}
	add("", pyNumbers, pydict.Profiles()...)
	add("str-", pyStrings, pyDictProfiles("2.7", "3.7", "3.11", "3.13")...)
	add("mixed-", pyMixed, pyDictProfiles("3.6", "3.10", "3.12", "3.13")...)
	return ts
}

var pyKeysDoc = [...]string{
	pyNumbers: ", in arena memory", pyStrings: ", with strings for keys",
	pyMixed: ", of instances that share keys, which are of all kinds",
}

func pyDictProfiles(names ...string) (ps []*pydict.Profile) {
	for _, name := range names {
		p, ok := pydict.ProfileByName(name)
		if !ok {
			panic("fuzz: no profile " + name)
		}
		ps = append(ps, p)
	}
	return ps
}

// pyProbes is how many slots a search may look at with good hashes: at a load of two thirds one more with a chance of
// two thirds, so that 64 are a chance of 10^-11. The numbers of a program that collide on purpose add less than ten.
const pyProbes = 64

// pyDictContract is what a profile's dict promises. Sizes are promised where all keys are of one kind and no class
// shares them.
func pyDictContract(prof *pydict.Profile, keys pyKeys) dict.Contract {
	c := dict.Contract{
		Order: dict.Insertion, During: dict.Detected, Reentrant: true, ProbesMax: pyProbes, ProbesEach: 2,
	}
	if prof.Old {
		c.Order = dict.Any
	}
	if keys == pyMixed {
		return c
	}
	// Copies may be larger: of a cleared dict where dict() has slots, of one of 21 entries in 2.7, and from 3.10 on of
	// one that has room for five entries, of which some are dead (360 bytes where the original has 232).
	c.Stairs, c.KeepsSize, c.ClearFrees = pyStairs(prof, keys), true, true
	c.Twin = prof.Name + pyTwins[keys]
	return c
}

// pyTwins are the dicts of real interpreters that have the same sizes and the same order.
var pyTwins = [...]string{pyNumbers: "/dict", pyStrings: "/strdict", pyMixed: ""}

// pyStairs are the sizes of a growing dict by the rules of Objects/dictobject.c: two thirds of the slots are usable,
// and a full table gets the least power of two of slots that is at least three times its entries (3.6: twice, and half
// the slots, which is the same here; 2.7: above four times).
func pyStairs(prof *pydict.Profile, keys pyKeys) (stairs []dict.Stair) {
	const dictBytes, entryMax = 48, 100000
	head := pyHead(prof)
	if prof.Old {
		stairs = append(stairs, dict.Stair{Entries: 5, Bytes: head + dictBytes + 200})
		for slots := 32; slots < entryMax; slots *= 4 {
			stairs = append(stairs, dict.Stair{
				Entries: (slots*2 - 1) / 3, Bytes: head + dictBytes + 200 + 24*uint64(slots),
			})
		}
		return stairs
	}
	entry, keysHead := uint64(24), uint64(prof.KeysBytes)
	if keys == pyStrings && prof.StrTables {
		entry = 16
	}
	if prof.LazyNew {
		stairs = append(stairs, dict.Stair{Entries: 0, Bytes: head + dictBytes})
	}
	for slots := 8; slots < entryMax; slots *= 2 {
		width, usable := uint64(1), slots*2/3
		switch {
		case slots >= 1<<16:
			width = 4
		case slots >= 1<<8:
			width = 2
		}
		stairs = append(stairs, dict.Stair{
			Entries: usable, Bytes: head + dictBytes + keysHead + width*uint64(slots) + entry*uint64(usable),
		})
	}
	return stairs
}

// pyHead is how many bytes the collector has in front of an object: three words up to 3.6 by the rules of C, rounded up
// to 32 with the alignment of a long double, which builds for this machine have up to 3.7; two words from 3.8 on.
// sys.getsizeof({}) counts them.
func pyHead(prof *pydict.Profile) uint64 {
	switch prof.Name {
	case "old8":
		return 24
	case "2.7", "3.6", "3.7":
		return 32
	}
	return 16
}

// dictFault is what a store of CPython's dicts does wrong on purpose.
type dictFault uint8

const (
	faultSound         dictFault = iota
	faultLeaks                   // a value that is taken out keeps a reference
	faultLoses                   // clear forgets a block
	faultKeepsVersion            // the version of a dict of three entries is told as it was before
	faultSharesVersion           // so is that of another dict
	faultWatches                 // a version has a bit of a watcher
	faultHints                   // an iteration that has begun says that one more is to come
	faultMisplaces               // a value is said to be where the next one is
	faultUntracks                // a dict is not seen to be tracked
	faultTracksTwice             // a dict is tracked that is tracked
	faultTellsWord               // who does not find a key tells a word
	faultAsksEmpty               // an empty dict asks a key for its hash
	faultHidesRefusal            // who has no memory for a table tries again, and says nothing of it
	faultMergesOver              // a merge that should not overwrites
	faultLooksLess               // the first slot that is looked at is not counted
	faultTellsStrings            // a collector is told of strings
	faultPacksLoosely            // a table is said to take up a word less
	faultPopsAnother             // 2.7 is said to pop the entry that comes before
	faultWalksLess               // who walks over memory is told of a word less
	faultHidesWhy                // who can make no dict does not say why
	faultTurnsBack               // 2.7 is said to be walked backward
	faultBlamesKeys              // an iteration backward that misses some ends with an error
	faultFreesItself             // who makes dicts is said not to know that one is taken away
	faultAsksPairs               // a hook is said to be asked about two strings
	faultHoards                  // a block is lost when all dicts are gone
	faultSeeds                   // strings are hashed with another seed
	faultHoldsKey                // who looks for a key keeps a reference to it
	faultClearsEmpty             // a dict without a table is said to be changed by being cleared
	faultTellsNumber             // a hook is said to be told of a number
	faultUpdatesTwice            // a dict is said to be changed by an update by itself
	faultTracksAll               // all is said to be a container
)

// pyStore is an interpreter's dicts in the shape of a dict.Store. Values are objects, so that each that a dict holds is
// counted. So are keys, but for numbers; a key is a new object, or string, in every operation, so that equal ones are
// compared.
type pyStore struct {
	fault dictFault
	s     *pydict.Space
	text  *pydict.Space // where strings are, which are never refused
	keys  pyKeys

	objects bool // even for numbers
	hash    func(key uint64) uint64
	seed    uint64
	classes [pyClasses]pydict.Class
	strings bool // all keys of pyMixed are
	shares  bool // dicts are those of instances of the classes
	makes   bool // the store makes the bodies of dicts
	freed   int  // dicts that it took away
	refuses bool // and has no memory for them

	dicts    []*pyTable // in the order in which they were made
	tracked  map[pydict.Dict]bool
	seen     bool // who asked last was told of a container, or of a dict that is tracked
	things   []pyThing
	spare    []pydict.Word   // things that are nobody's
	strs     map[uintptr]int // references to strings, by record
	values   int             // references to values
	compare  func()          // what happens in a comparison
	raise    int             // the hook that fails, counted from the next; 0: none
	silent   bool            // no hook is to be asked
	limited  bool            // there is only so much memory
	refusing bool            // requests for memory fail, or may
	scarce   bool            // some have
	asked    int             // operations that had hooks to fail
	broken   error           // what was wrong with an answer
	probes   uint64

	ballast ballast
}

// pyThing is an object that is a key.
type pyThing struct {
	key  uint64
	refs int
	odd  bool // it equals an int, and is none
}

// The words of objects: those of keys are their numbers, from 1 on, those of values have a bit besides.
const (
	pyThingShift      = 3
	pyValueBit        = 4
	pyValuesShift     = 3
	pyKindsOfVariants = 2
)

// newPyStore makes the dicts of a world. Its variant has, from the lowest bit on, a bit for objects instead of numbers,
// and three for small arenas, of which the lowest is also for bodies of dicts that the store makes itself.
func newPyStore(prof *pydict.Profile, keys pyKeys, w dicttest.World, fault dictFault) (*pyStore, error) {
	st := &pyStore{fault: fault, keys: keys, hash: w.Hasher(), seed: w.Hash, strs: map[uintptr]int{},
		shares: keys == pyMixed, tracked: map[pydict.Dict]bool{}}
	st.objects = w.Hash != 0 || w.Variant%pyKindsOfVariants == 1
	arenaProf := smallArenas(prof.Arena, cmp.Or(w.Variant/pyKindsOfVariants%8, ordinaryArenas))
	if st.shares {
		w.Limit = 0 // a deletion must find memory, if not at once; see again
		st.strings = w.Variant%pyKindsOfVariants == 1
	}
	mem, err := arena.New(arena.Config{Profile: arenaProf, OS: source(heaptest.World{Limit: w.Limit})})
	if err != nil {
		return nil, err
	}
	st.limited = w.Limit != 0
	st.scarce, st.refusing = st.limited, st.limited
	seed := pydict.KeyOfSeed(uint32(w.Hash))
	if fault == faultSeeds {
		seed = pydict.KeyOfSeed(uint32(w.Hash) + 1)
	}
	cfg := pydict.Config{Profile: prof, Memory: mem, Hooks: st, Tracker: st, Key: seed}
	if st.makes = w.Variant%4 >= 2; st.makes {
		cfg.Maker = st
	}
	if st.s, err = pydict.NewSpace(cfg); err != nil {
		return nil, fmt.Errorf("%w; %w", err, mem.Close())
	}
	text, err := cacheMemory(prof) // not the space's own, which would be mapped and unmapped in each run
	if err != nil {
		return nil, fmt.Errorf("%w; %w", err, mem.Close())
	}
	if st.text, err = pydict.NewSpace(pydict.Config{Profile: prof, Memory: text, Key: seed}); err != nil {
		return nil, fmt.Errorf("%w; %w", err, mem.Close())
	}
	st.text.NewStr("") // that the memory is not given back and asked for again with each string
	st.define()
	return st, nil
}

// pyAttrs are the attributes that the classes of a store have from the start, where they can: classes of the first
// kind have none, and one that has them from 3.13 on only, and one with more than a small table holds.
var pyAttrs = [...][]uint64{nil, {9, 3, 5}, {10, 4, 3, 5, 9, 11, 15}}

const pyClasses = len(pyAttrs)

// define makes the classes anew that have no keys. Instances of what they were may live on.
func (st *pyStore) define() {
	for i := range st.classes {
		if c := &st.classes[i]; st.shares && !c.Shares() {
			st.defineOne(c, pyAttrs[i])
		}
	}
}

func (st *pyStore) defineOne(c *pydict.Class, attrs []uint64) {
	words := make([]pydict.Word, len(attrs))
	for i, key := range attrs {
		words[i] = st.str(key)
	}
	if p := st.s.Profile(); p.Inline || len(attrs) <= 5 {
		*c = st.s.NewClass(words...)
	} else {
		*c = st.s.NewShared(words...)
	}
	if c.Shares() && !st.s.Profile().Inline {
		st.tryShared(c, words)
	}
	for _, w := range words {
		st.release(w)
	}
}

// tryShared makes an instance with all attributes that a class has from the start, and takes it away.
func (st *pyStore) tryShared(c *pydict.Class, attrs []pydict.Word) {
	d, v := st.Alloc(), valueWord(1)
	if d == 0 {
		return
	}
	defer st.Release(d)
	if n := len(attrs); st.s.Profile().Inline || n <= 5 || !st.s.InitShared(d, c, n, v) {
		return
	}
	err := st.s.CheckInvariants(d)
	for i, w := range attrs {
		if at := st.s.Place(d, w); at != st.s.Values(d)+8*uintptr(i) || page.Load(at) != uintptr(v) {
			err = errors.New("dict/place: an attribute of a new instance is not where it is said to be")
		}
	}
	st.broken = errors.Join(st.broken, err)
	st.s.Fini(d)
}

// Alloc makes the body of a dict.
func (st *pyStore) Alloc() pydict.Dict {
	if st.refuses {
		return 0
	}
	b := uintptr(st.s.Memory().Alloc(pyHeader + st.s.BodyBytes()))
	if b == 0 {
		return 0
	}
	return pydict.Dict(b + pyHeader)
}

// pyHeader is how many bytes stand before a body that the store makes.
const pyHeader = 16

// Release takes back a body that holds nothing.
func (st *pyStore) Release(d pydict.Dict) { st.s.Memory().Free(page.Pointer(uintptr(d) - pyHeader)) }

// Free takes away a dict.
func (st *pyStore) Free(d pydict.Dict) {
	st.freed++
	st.s.Fini(d)
	st.Release(d)
}

// initiate makes {} in a body of the store.
func (st *pyStore) initiate() pydict.Dict {
	d := st.Alloc()
	if d != 0 && !st.s.Init(d) {
		st.Release(d)
		return 0
	}
	return d
}

// refused does what makes a dict while there is no memory for its body: all that it had got so far must be given back.
func (st *pyStore) refused(f func() (pydict.Dict, error)) {
	if !st.makes {
		return
	}
	st.refuses = true
	if d, err := f(); d != 0 || err != nil && !errors.Is(err, pydict.ErrNoMemory) {
		st.broken = errors.New("dict/answers: a dict was made without memory")
	}
	st.refuses = false
}

func (st *pyStore) freeClasses() {
	for i := range st.classes {
		st.s.FreeClass(&st.classes[i])
	}
}

// key makes the word of a key, which is held until it is released.
func (st *pyStore) key(key uint64) pydict.Word {
	kind := st.keys
	if kind == pyMixed {
		kind = pyKeys(key / 3 % 2)
	}
	switch {
	case kind == pyStrings || st.allStrings():
		return st.str(key)
	case st.objects || int64(key) > pydict.IntMax || int64(key) < -pydict.IntMax-1:
		return st.thing(key)
	}
	return pydict.Int(int64(key))
}

// allStrings tells whether all keys are strings.
func (st *pyStore) allStrings() bool { return st.keys == pyStrings || st.strings }

func (st *pyStore) str(key uint64) pydict.Word {
	w := st.text.NewStr(strconv.FormatUint(key, 10))
	st.strs[w.Record()] = 1
	return w
}

func (st *pyStore) thing(key uint64) pydict.Word {
	if n := len(st.spare); n > 0 {
		w := st.spare[n-1]
		st.spare = st.spare[:n-1]
		*st.at(w) = pyThing{key: key, refs: 1}
		return w
	}
	st.things = append(st.things, pyThing{key: key, refs: 1})
	return pydict.Word(len(st.things) << pyThingShift)
}

func (st *pyStore) at(w pydict.Word) *pyThing { return &st.things[w>>pyThingShift-1] }

// number is the key of a word.
func (st *pyStore) number(w pydict.Word) uint64 {
	switch {
	case w.IsInt():
		return uint64(w.Int())
	case w.IsStr():
		n, _ := strconv.ParseUint(string(w.Str()), 10, 64)
		return n
	}
	return st.at(w).key
}

func valueWord(v uint64) pydict.Word      { return pydict.Word(v<<pyValuesShift | pyValueBit) }
func valueOf(w pydict.Word) uint64        { return uint64(w >> pyValuesShift) }
func isPyValue(w pydict.Word) bool        { return w&7 == pyValueBit }
func (st *pyStore) release(w pydict.Word) { st.count(w, -1) }

// errRaised is what a hook fails with.
var errRaised = errors.New("raised")

// raises tells whether this is the hook that fails.
func (st *pyStore) raises() bool {
	if st.raise == 0 {
		return false
	}
	st.raise--
	return st.raise == 0
}

// twice does an operation, at times first with a hook that fails: then it has to leave everything as it was, and is
// done again, which is what a program sees. What the failure left behind is found by the second answer, and recounted.
func (st *pyStore) twice(f func() error) error {
	if st.compare == nil {
		st.asked++
		st.raise = st.asked % 4
	}
	return st.told(func() error {
		err := f()
		if st.raise = 0; errors.Is(err, errRaised) {
			err = f()
		}
		return err
	})
}

// told does an operation that has to fail if there is no memory for a table.
func (st *pyStore) told(f func() error) error {
	before := st.refusals()
	err := f()
	if st.fault == faultHidesRefusal && errors.Is(err, pydict.ErrNoMemory) {
		st.InjectOOM(0, false)
		err = f()
	}
	if st.refusals() != before && !errors.Is(err, pydict.ErrNoMemory) && !errors.Is(err, errRaised) {
		st.broken = errors.New("dict/answers: there was no memory for a table, and nothing is told of it")
	}
	return err
}

// refusals is how often there was no memory for a table, while that may be. 2.7 does not count it.
func (st *pyStore) refusals() (n uint64) {
	if st.refusing {
		st.s.Transitions(func(name string, times uint64) {
			if name == "resize/refused" {
				n = times
			}
		})
	}
	return n
}

// nothing says that an error came with a word, or with the answer that there is one.
func (st *pyStore) nothing(w pydict.Word, ok bool, err error) error {
	if err != nil && (w != 0 || ok) {
		st.broken = errors.New("dict/answers: an error came with a word")
	}
	return err
}

// none says that the answer that there is nothing came with a word.
func (st *pyStore) none(w pydict.Word, ok bool) {
	if !ok && w != 0 {
		st.broken = errors.New("dict/answers: nothing was found, and a word is told")
	}
}

// again does a deletion, and once more with enough memory if it was refused: up to 3.10 it makes a table of its own for
// an instance, and a program knows no deletion that is refused.
func (st *pyStore) again(f func() error) {
	err := st.twice(f)
	if errors.Is(err, pydict.ErrNoMemory) {
		st.InjectOOM(0, false)
		err = f()
	}
	if err != nil {
		panic(err)
	}
}

// Hash is that of an object: of an int that is too large for a word, or the world's.
func (st *pyStore) Hash(w pydict.Word) (int64, error) {
	if st.silent {
		st.broken = errors.New("dict/answers: an empty dict is asked for a key, and asks the key for its hash")
	}
	if st.raises() {
		return 0, errRaised
	}
	key := st.at(w).key
	if !st.objects {
		return st.s.HashInt(int64(key)), nil
	}
	if h := int64(st.hash(key)); h != -1 {
		return h, nil
	}
	return -2, nil
}

// Equal compares keys by their numbers. Two values that are not the same word differ.
func (st *pyStore) Equal(stored, key pydict.Word) (bool, error) {
	if isPyValue(stored) || isPyValue(key) {
		return false, nil
	}
	if tagged(stored) && tagged(key) || st.fault == faultAsksPairs {
		st.broken = errors.New("dict/answers: a hook is asked about a pair without an object")
	}
	if st.raises() {
		return false, errRaised
	}
	if f := st.compare; f != nil {
		f()
	}
	return st.number(stored) == st.number(key), nil
}

// tagged tells whether a word is a number or a string, of which hooks know nothing.
func tagged(w pydict.Word) bool { return w.IsInt() || w.IsStr() }

// MayBeTracked says that every third value is a container, and of the keys that are objects every fourth.
func (st *pyStore) MayBeTracked(w pydict.Word) bool {
	switch {
	case isPyValue(w):
		st.seen = valueOf(w)%3 == 1
	case tagged(w):
		st.seen = false
	default:
		st.seen = st.at(w).key%4 == 3
	}
	return st.seen || st.fault == faultTracksAll
}

// Tracked tells whether a dict is seen by a collector.
func (st *pyStore) Tracked(d pydict.Dict) bool {
	is := st.tracked[d] && st.fault != faultTracksTwice
	st.seen = st.seen || is
	return is
}

// Track makes it one, which it must not have been, for a reason that was asked for just before.
func (st *pyStore) Track(d pydict.Dict) {
	if !st.seen {
		st.broken = errors.New("dict/tracked: a dict is tracked that holds no container")
	}
	if st.seen = false; st.tracked[d] {
		st.broken = errors.New("dict/tracked: a dict that is tracked is tracked again")
	}
	st.tracked[d] = st.fault != faultUntracks
}

// Own counts a reference.
func (st *pyStore) Own(w pydict.Word) { st.hear(w); st.count(w, 1) }

// Drop counts one less.
func (st *pyStore) Drop(w pydict.Word) { st.hear(w); st.count(w, -1) }

// hear is told of a word by a hook, which is never a number.
func (st *pyStore) hear(w pydict.Word) {
	if w.IsInt() || st.fault == faultTellsNumber {
		st.broken = errors.New("dict/answers: a hook is told of a reference to a number")
	}
}

func (st *pyStore) count(w pydict.Word, by int) {
	switch {
	case w.IsInt():
	case isPyValue(w):
		st.values += by
	case w.IsStr():
		n, ok := st.strs[w.Record()]
		if !ok {
			panic("fuzz: a string that is no more")
		}
		if st.strs[w.Record()] = n + by; n+by == 0 {
			delete(st.strs, w.Record())
			st.text.FreeStr(w)
		}
	default:
		t := st.at(w)
		if t.refs <= 0 {
			panic("fuzz: a key that is no more")
		}
		if t.refs += by; t.refs == 0 {
			st.spare = append(st.spare, w)
		}
	}
}

// New makes {}, or one with room, or that of an instance. The capacity says of which class, and whether that is defined
// anew before.
func (st *pyStore) New(capacity int) dict.Dict {
	c := &st.classes[capacity%pyClasses]
	if st.shares && capacity%4 == 3 {
		st.s.FreeClass(c)
		st.define()
	}
	st.asked++
	st.refused(func() (pydict.Dict, error) { return st.body(c, capacity), nil })
	made, ok := st.made(st.body(c, capacity), nil).(*pyTable)
	if !ok {
		return nil
	}
	if st.shares {
		made.class = c
	}
	return made
}

func (st *pyStore) body(c *pydict.Class, capacity int) pydict.Dict {
	switch {
	case st.shares:
		return st.s.NewInstance(c)
	case capacity > 0:
		return st.s.NewPresized(capacity, st.keys == pyStrings)
	case st.makes:
		return st.initiate()
	}
	return st.s.New()
}

func (st *pyStore) made(d pydict.Dict, err error) dict.Dict {
	if d == 0 || err != nil {
		st.must(err)
		return nil
	}
	made := &pyTable{st: st, d: d}
	st.dicts = append(st.dicts, made)
	return made
}

// must panics with an error that is none of those that a program can bring about.
func (st *pyStore) must(err error) bool {
	if err != nil && !errors.Is(err, pydict.ErrNoMemory) {
		panic(err)
	}
	return err == nil
}

// Held is the number of references to values.
func (st *pyStore) Held() int { return st.values }

// Usage is that of the memory without ballast.
func (st *pyStore) Usage() (bytes, footprint uint64) {
	_, bytes, footprint = st.s.Memory().Usage()
	return bytes - st.ballast.bytes, footprint
}

// Trim empties free lists, and makes the classes anew if there are no dicts: their keys have grown.
func (st *pyStore) Trim() {
	if len(st.dicts) == 0 {
		st.freeClasses()
		st.s.Trim()
		st.define()
		if Edges {
			st.broken = errors.Join(st.broken, st.edges())
		}
	}
	st.s.Trim()
	st.s.Memory().Trim()
}

// Close gives all back.
func (st *pyStore) Close() error {
	st.ballast.drop(st.s.Memory())
	st.freeClasses()
	return errors.Join(st.s.Close(), st.s.Memory().Close(), st.text.Close(), st.text.Memory().Close())
}

// InjectOOM makes requests to the operating system fail. Odd numbers empty the free lists as well.
func (st *pyStore) InjectOOM(nth int, persistent bool) {
	st.scarce, st.refusing = true, nth != 0 || st.limited
	if nth%2 == 1 {
		st.s.Trim()
	}
	st.ballast.inject(st.s.Memory(), nth, persistent)
}

// CheckInvariants recounts those of every dict and of the memory below; blocks, each of which is a dict's, the space's
// or ballast; and references.
func (st *pyStore) CheckInvariants() error {
	if err := errors.Join(st.broken, checkHashes(st.s, st.seed), st.s.CheckSpace()); err != nil {
		return err
	}
	blocks := map[uintptr]bool{}
	visit := func(b uintptr) { blocks[b] = true }
	st.s.Blocks(visit)
	if err := st.recount(visit); err != nil {
		return err
	}
	for _, d := range st.dicts {
		if err := errors.Join(st.s.CheckInvariants(d.d), d.checkSeen(), d.checkBlock()); err != nil {
			return err
		}
		st.s.BlocksOf(d.d, visit)
	}
	if n := len(st.dicts); n > 0 {
		if err := st.dicts[st.asked%n].searched(); err != nil {
			return err
		}
	}
	n, _, _ := st.s.Memory().Usage()
	if want := len(blocks) + len(st.dicts) + len(st.ballast.blocks); int(n) != want {
		return fmt.Errorf("dict/blocks: %d blocks are live, and %d are accounted for", n, want)
	}
	return st.s.Memory().CheckInvariants()
}

// pyTable is a dict.Dict with all the parts that CPython's has.
type pyTable struct {
	st      *pyStore
	d       pydict.Dict
	class   *pydict.Class // of the instance, or nil
	compare func()
	finger  int    // the slot behind the one that popitem took last, while nothing else was done; 2.7 only
	version uint64 // when it was looked at last, and what it held then
	entries []pydict.Word
}

// Offers says that 2.7 has no reversed().
func (d *pyTable) Offers(part string) bool { return part != "reversed" || !d.st.s.Profile().Old }

// enter begins an operation on one key: its comparisons are this dict's. It counts the slots that a search for the key
// looks at, up to the first that is empty where keys are objects.
func (d *pyTable) enter(key uint64) pydict.Word {
	st := d.st
	d.finger = 0
	w := st.key(key)
	st.compare = nil
	n, err := st.s.Probes(d.d, w)
	st.must(err)
	st.probes += uint64(n)
	st.compare = d.compare
	return w
}

func (d *pyTable) leave(w pydict.Word) {
	d.st.compare = nil
	d.st.release(w)
}

// Get is d.get(key).
func (d *pyTable) Get(key uint64) (value uint64, ok bool) {
	w := d.enter(key)
	defer d.leave(w)
	if d.st.fault == faultHoldsKey {
		d.st.Own(w)
	}
	d.st.must(d.st.twice(func() error {
		var v pydict.Word
		var err error
		v, ok, err = d.st.s.Get(d.d, w)
		value = valueOf(v)
		if d.st.fault == faultTellsWord && !ok {
			v = w
		}
		d.st.none(v, ok)
		return d.st.nothing(v, ok, err)
	}))
	if w.IsStr() && d.compare == nil {
		d.located(w, value, ok)
	}
	return value, ok
}

// located compares what a search for a string found with what stands where its value is said to be.
func (d *pyTable) located(w pydict.Word, value uint64, ok bool) {
	at := d.st.s.Place(d.d, w)
	if d.st.fault == faultMisplaces && at != 0 {
		at -= 8
	}
	if (at != 0) != ok || ok && page.Load(at) != uintptr(valueWord(value)) {
		d.st.broken = errors.New("dict/place: a value is not where it is said to be")
	}
}

// Set is d[key] = value, or, for odd values of strings, setattr of the instance.
func (d *pyTable) Set(key, value uint64) bool {
	w, v := d.enter(key), valueWord(value)
	defer d.leave(w)
	return d.done(w, d.st.twice(func() error {
		if d.class != nil && w.IsStr() && value%2 == 1 {
			return d.st.s.SetAttr(d.class, d.d, w, v)
		}
		return d.st.s.Set(d.d, w, v)
	}))
}

// done tells whether a key was stored. 2.7 stores it and then has no memory to grow, and up to 3.10 an instance has
// none to lend its keys to the class: a caller who takes it out again has what others promise.
func (d *pyTable) done(w pydict.Word, err error) bool {
	if d.st.must(err) {
		return true
	}
	if d.st.s.Profile().Old || d.class != nil {
		d.st.compare = nil
		d.st.again(func() error { _, err := d.st.s.Delete(d.d, w); return err })
	}
	return false
}

// Delete is del d[key], or, for some strings, delattr of the instance.
func (d *pyTable) Delete(key uint64) (ok bool) {
	w := d.enter(key)
	defer d.leave(w)
	d.st.again(func() (err error) {
		if d.class != nil && w.IsStr() && key%4 == 3 {
			ok, err = d.st.s.DelAttr(d.class, d.d, w)
		} else {
			ok, err = d.st.s.Delete(d.d, w)
		}
		return d.st.nothing(0, ok, err)
	})
	return ok
}

// Len is len(d).
func (d *pyTable) Len() int { return d.d.Len() }

// Clear is d.clear(). What has no table is not changed by it, and values stay if they are an object's.
func (d *pyTable) Clear() {
	s, st := d.st.s, d.st
	d.finger = 0
	if st.fault == faultLoses {
		s.Memory().Alloc(200)
	}
	version, stays, blocks := d.d.Version(), uintptr(0), 0
	s.BlocksOf(d.d, func(uintptr) { blocks++ })
	if s.Profile().Suffix && d.class != nil {
		stays = s.Values(d.d)
	}
	s.Clear(d.d)
	if st.fault == faultClearsEmpty {
		version--
	}
	if s.Values(d.d) != stays {
		st.broken = errors.New("dict/answers: a dict that was cleared has values that are not its object's")
	}
	if blocks == 0 && !s.Profile().Old && d.d.Version() != version {
		st.broken = errors.New("dict/answers: a dict without a table is changed by being cleared")
	}
}

// Pop is d.pop(key).
func (d *pyTable) Pop(key uint64) (value uint64, ok bool) {
	w := d.enter(key)
	defer d.leave(w)
	var v pydict.Word
	d.st.silent = d.Len() == 0
	if d.st.fault == faultAsksEmpty && d.st.silent && d.st.objects {
		d.st.must(d.st.twice(func() error { _, err := d.st.Hash(w); return err }))
	}
	d.st.again(func() (err error) { v, ok, err = d.st.s.Pop(d.d, w); return d.st.nothing(v, ok, err) })
	d.st.silent = false
	d.st.none(v, ok)
	if ok && d.st.fault != faultLeaks {
		d.st.Drop(v)
	}
	return valueOf(v), ok
}

// PopItem is d.popitem().
func (d *pyTable) PopItem() (key, value uint64, ok bool) {
	var k, v pydict.Word
	before := d.slots()
	d.st.again(func() (err error) {
		k, v, err = d.st.s.PopItem(d.d)
		if d.st.nothing(k, v != 0, err); errors.Is(err, pydict.ErrEmpty) {
			return nil
		}
		return err
	})
	if k == 0 {
		return 0, 0, false
	}
	d.popped(before, k)
	key, value = d.st.number(k), valueOf(v)
	d.st.release(k)
	d.st.release(v)
	return key, value, true
}

// slots are the keys of a small dict of 2.7 by slot, 0 where there is none; nil in others.
func (d *pyTable) slots() (slots []pydict.Word) {
	s := d.st.s
	if !s.Profile().Old {
		return nil
	}
	_, drawn, _ := strings.Cut(s.Explain(d.d), " slots:")
	it := s.Iter(d.d)
	for _, text := range strings.Fields(drawn) {
		w := pydict.Word(0)
		if text != "." && text != "x" {
			w, _, _, _ = s.Next(&it)
		}
		slots = append(slots, w)
	}
	return slots
}

// popped judges which entry 2.7 has popped: the one in slot 0, or else the first behind the one that was popped before,
// in a ring without slot 0.
func (d *pyTable) popped(slots []pydict.Word, key pydict.Word) {
	at := slices.Index(slots, key)
	if at < 0 || len(slots) > 32 {
		return
	}
	want := 0
	if slots[0] == 0 {
		want = d.finger
		for n := 0; n < len(slots) && (want < 1 || want >= len(slots) || slots[want] == 0); n++ {
			if want++; want >= len(slots) {
				want = 1
			}
		}
	}
	if d.st.fault == faultPopsAnother && slots[0] == 0 {
		at--
	}
	if d.finger > 0 && at != want {
		d.st.broken = fmt.Errorf("dict/answers: slot %d is popped, and slot %d is the next", at, want)
	}
	d.finger = at + 1
}

// SetDefault is d.setdefault(key, value).
func (d *pyTable) SetDefault(key, value uint64) (uint64, bool) {
	w := d.enter(key)
	defer d.leave(w)
	var v pydict.Word
	err := d.st.twice(func() (err error) {
		v, err = d.st.s.SetDefault(d.d, w, valueWord(value))
		return d.st.nothing(v, false, err)
	})
	if !d.done(w, err) {
		return 0, false
	}
	return valueOf(v), true
}

// Update is d.update(from). Before, a copy is merged with from, seldom if they are large.
func (d *pyTable) Update(from dict.Dict) bool {
	st, other := d.st, from.(*pyTable)
	d.finger = 0
	if st.asked++; d.Len()+other.Len() < 48 || st.asked%32 == 0 {
		d.merged(other)
	}
	version := d.d.Version()
	done := st.must(st.told(func() error { return st.s.Update(d.d, other.d) }))
	if st.fault == faultUpdatesTwice {
		version--
	}
	if (d == other || other.Len() == 0) && !st.s.Profile().Old && d.d.Version() != version {
		st.broken = errors.New("dict/answers: a dict is changed by an update by itself, or by nothing")
	}
	return done
}

// merged merges a dict into a copy of d without overwriting anything, and compares what became of it.
func (d *pyTable) merged(from *pyTable) {
	st := d.st
	c, err := st.s.Copy(d.d)
	if st.must(err) {
		st.raise = st.asked % 8
		err = st.told(func() error { return st.s.Merge(c, from.d, st.fault == faultMergesOver) })
		if st.raise = 0; err == nil {
			st.s.All(c, func(key, value pydict.Word) bool {
				want, ok, _ := st.s.Get(d.d, key)
				if !ok {
					want, _, _ = st.s.Get(from.d, key)
				}
				if value != want {
					st.broken = errors.New("dict/answers: a merge has overwritten a value, or stored another")
				}
				return true
			})
			st.s.All(from.d, func(key, _ pydict.Word) bool {
				if _, ok, _ := st.s.Get(c, key); !ok {
					st.broken = errors.New("dict/answers: a merge has left out a key")
				}
				return true
			})
		} else if !errors.Is(err, errRaised) {
			st.must(err)
		}
		if err := st.s.CheckInvariants(c); err != nil {
			st.broken = err
		}
		st.s.Free(c)
		delete(st.tracked, c)
	}
}

// Copy is d.copy().
func (d *pyTable) Copy() dict.Dict {
	return d.build(func() (pydict.Dict, error) { return d.st.s.Copy(d.d) })
}

// Rebuild is dict(d).
func (d *pyTable) Rebuild() dict.Dict {
	return d.build(func() (pydict.Dict, error) { return d.st.s.CallWith(d.d) })
}

// FromKeys is dict.fromkeys(d, value).
func (d *pyTable) FromKeys(value uint64) dict.Dict {
	return d.build(func() (pydict.Dict, error) { return d.st.s.FromKeys(d.d, valueWord(value)) })
}

func (d *pyTable) build(f func() (pydict.Dict, error)) dict.Dict {
	var made pydict.Dict
	d.st.refused(f)
	err := d.st.twice(func() (err error) { made, err = f(); return d.st.nothing(pydict.Word(made), false, err) })
	if d.st.fault == faultHidesWhy && made == 0 {
		err = nil
	}
	if made == 0 && err == nil {
		d.st.broken = errors.New("dict/answers: no dict is made, and no error says why")
	}
	return d.st.made(made, err)
}

// Equal is d == other.
func (d *pyTable) Equal(other dict.Dict) (same bool) {
	d.st.must(d.st.twice(func() (err error) { same, err = d.st.s.Equal(d.d, other.(*pyTable).d); return err }))
	return same
}

// Size is sys.getsizeof(d).
func (d *pyTable) Size() uint64 { return uint64(d.st.s.Size(d.d)) }

// Probes is how many slots were looked at in dicts of the store.
func (d *pyTable) Probes() uint64 { return d.st.probes }

// OnCompare has f called in the comparisons of operations on one key.
func (d *pyTable) OnCompare(f func()) { d.compare = f }

// Free is the end of d.
func (d *pyTable) Free() {
	freed := d.st.freed
	if d.st.fault == faultFreesItself {
		freed++
	}
	if d.st.s.Free(d.d); d.st.makes && d.st.freed == freed {
		d.st.broken = errors.New("dict/answers: a dict is taken away, and who made it does not know")
	}
	delete(d.st.tracked, d.d)
	d.st.dicts = slices.DeleteFunc(d.st.dicts, func(o *pyTable) bool { return o == d })
}

// Iterate is iter(d). In 2.7 there is nothing to meet for who walks backward.
func (d *pyTable) Iterate() dict.Iterator {
	if s := d.st.s; s.Profile().Old {
		it := s.Reversed(d.d)
		if _, _, ok, err := s.Next(&it); (ok || err != nil) != (d.st.fault == faultTurnsBack) {
			d.st.broken = errors.New("dict/answers: 2.7 is walked backward")
		}
	}
	return &pyIter{d, d.st.s.Iter(d.d), d.Len(), d.Len(), false, false}
}

// Reversed is reversed(d).
func (d *pyTable) Reversed() dict.Iterator {
	return &pyIter{d, d.st.s.Reversed(d.d), d.Len(), d.Len(), true, false}
}

// Range is a loop over d.items().
func (d *pyTable) Range(f func(key, value uint64) bool) {
	for it := d.Iterate(); ; {
		key, value, step := it.Next()
		if step != dict.Entry || !f(key, value) {
			return
		}
	}
}

// pyIter is an iteration that compares its length hint with the entries that are to come.
type pyIter struct {
	d          *pyTable
	it         pydict.Iter
	used, left int
	reverse    bool
	over       bool
}

func (i *pyIter) Next() (key, value uint64, step dict.Step) {
	st := i.d.st
	i.hint()
	k, v, ok, err := st.s.Next(&i.it)
	st.none(k|v, ok)
	if st.fault == faultBlamesKeys && i.reverse && !ok && err == nil && i.left > 0 && !i.over {
		err = pydict.ErrKeys
	}
	if errors.Is(err, pydict.ErrKeys) && (i.reverse || i.left != 0 || !st.s.Profile().LenCheck) {
		st.broken = errors.New("dict/answers: an iteration that does not count its entries says that keys have changed")
	}
	switch {
	case err != nil:
		i.over = true
		i.hint()
		return 0, 0, dict.Changed
	case !ok:
		i.over = true
		i.hint()
		return 0, 0, dict.End
	}
	i.left--
	i.hint()
	return st.number(k), valueOf(v), dict.Entry
}

// hint compares __length_hint__ with the length at the start less what was told since. It is 0 when the iteration is
// over, and while the dict has another length.
func (i *pyIter) hint() {
	want := uint64(i.left)
	if i.over || i.d.Len() != i.used {
		want = 0
	}
	n := i.it.Left()
	if i.d.st.fault == faultHints && want > 0 && i.left != i.used {
		n++
	}
	if n != want {
		i.d.st.broken = fmt.Errorf("dict/hint: an iteration has %d entries to come, and says %d", want, n)
	}
}
