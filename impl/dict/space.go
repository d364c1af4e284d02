package dict

import (
	"errors"
	"fmt"
	"sync"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
)

// Answers that are errors in CPython too, with its words.
var (
	ErrNoMemory = errors.New("no memory")
	ErrEmpty    = errors.New("popitem(): dictionary is empty")
	ErrSize     = errors.New("dictionary changed size during iteration")
	ErrKeys     = errors.New("dictionary keys changed during iteration")
	ErrMutated  = errors.New("dict mutated during update")
)

// Hooks are what a space asks about words that are neither numbers nor strings, and whom it tells which words its
// tables hold. Each but Own may call back into the space, change any dict, and free all but the one that is worked on.
type Hooks interface {
	// Hash is the hash of an object, never -1.
	Hash(w Word) (int64, error)
	// Equal compares two words of equal hash, one of them an object, that are not the same: first the one in the
	// table, then the one looked for. An error ends the operation.
	Equal(stored, key Word) (bool, error)
	// Own says that a table holds a word once more, and Drop once less. They are not called for numbers.
	Own(w Word)
	Drop(w Word)
}

// A Tracker knows which dicts the cycle collector sees. A dict is tracked when a word that may be tracked is stored.
type Tracker interface {
	MayBeTracked(w Word) bool
	Tracked(d Dict) bool
	Track(d Dict)
}

// Config says which space NewSpace makes. The zero Config is the newest profile over an allocator of its own.
type Config struct {
	Profile *Profile
	Memory  *arena.Allocator // nil: a new one, which Close closes
	Hooks   Hooks            // nil: numbers and strings only
	Tracker Tracker          // nil: no dict is tracked
	Key     HashKey          // of strings
	Maker   Maker            // nil: the space makes dicts itself

	// Dummy is what 2.7 writes over the key of a deleted entry: a word that is never a key or a value. 0 is a string
	// without a record.
	Dummy Word
}

// A Maker makes the objects that dicts are, for a space whose dicts have more to them than bytes.
type Maker interface {
	// Alloc returns a body without a meaning, or 0.
	Alloc() Dict
	// Release takes back a body that holds nothing.
	Release(d Dict)
	// Free takes away the one reference to a dict that Copy or a relative could not finish.
	Free(d Dict)
}

// A Space is where dicts live that share an allocator, free lists and a version counter: an interpreter. It is not
// safe for concurrent use.
type Space struct {
	prof    *Profile
	mem     *arena.Allocator
	own     bool // mem is closed by Close
	hooks   Hooks
	tracker Tracker
	key     HashKey
	maker   Maker
	dummy   Word

	old     bool   // the profile is 2.7's
	empty   keys   // the shared empty keys: one slot, no entry; 0 in 2.7
	version uint64 // of the last change of any dict
	step    uint64

	took [transitions]uint64 // see Transitions

	keysFree, dictsFree int
	freeKeys            [FreeMax]keys
	freeDicts           [FreeMax]Dict
}

// NewSpace returns a space without dicts.
func NewSpace(cfg Config) (*Space, error) {
	s := &Space{prof: cfg.Profile, mem: cfg.Memory, hooks: cfg.Hooks, tracker: cfg.Tracker, key: cfg.Key,
		maker: cfg.Maker, dummy: cfg.Dummy}
	if s.dummy == 0 {
		s.dummy = noKey
	}
	if s.prof == nil {
		s.prof = profiles[len(profiles)-1]
	}
	s.old, s.step = s.prof.Old, s.prof.VersionStep
	if s.mem == nil {
		mem, err := arena.New(arena.Config{Profile: s.prof.Arena})
		if err != nil {
			return nil, fmt.Errorf("dict: %w", err)
		}
		s.mem, s.own = mem, true
	}
	if s.old {
		return s, nil
	}
	at := emptyTables()
	if at == 0 {
		return nil, fmt.Errorf("dict: the shared empty keys: %w", ErrNoMemory)
	}
	s.empty = keys(at)
	if s.prof.StrTables {
		s.empty = keys(at + emptyApart)
	}
	return s, nil
}

// emptyApart is how many bytes two shared empty keys are apart.
const emptyApart = 64

// emptyTables are the shared empty keys of tables with wide entries, and of those with narrow ones: one reference, one
// slot, which is empty, and no entry. All spaces of a process have the same, as in C, where they are static data and no
// block of the allocator. Nobody writes to them. The page is never given back.
var emptyTables = sync.OnceValue(func() uintptr {
	at := page.Mmap{}.Map(page.Bytes)
	if at == 0 {
		return 0
	}
	for i, stride := range []uintptr{wide, narrow} {
		k := keys(at + uintptr(i)*emptyApart)
		k.setRefs(1)
		page.Store(uintptr(k)+keysMeta, uintptr(metaOf(0, kindStr, stride)))
		for field := uintptr(keysUsable); field < emptyApart; field += 8 {
			page.Store(uintptr(k)+field, 0)
		}
		header := uintptr(40)
		if stride == narrow {
			header = 32
		}
		page.Store(uintptr(k)+header, ^uintptr(0))
	}
	return at
})

// Profile returns the CPython that is meant.
func (s *Space) Profile() *Profile { return s.prof }

// Memory returns the allocator under the dicts.
func (s *Space) Memory() *arena.Allocator { return s.mem }

// Trim empties the free lists, as a full collection does. What waits in them are live blocks of the allocator.
func (s *Space) Trim() {
	for ; s.keysFree > 0; s.keysFree-- {
		s.mem.Free(page.Pointer(uintptr(s.freeKeys[s.keysFree-1])))
	}
	for ; s.dictsFree > 0; s.dictsFree-- {
		s.mem.Free(page.Pointer(uintptr(s.freeDicts[s.dictsFree-1]) - s.front()))
	}
}

// Close gives the space's memory back. If the allocator is its own, the dicts that live are gone with it; otherwise
// they must have been freed.
func (s *Space) Close() error {
	s.Trim()
	if s.own {
		return s.mem.Close()
	}
	return nil
}

// Blocks calls visit for each block that the space has beside those of dicts, and of strings.
func (s *Space) Blocks(visit func(block uintptr)) {
	for _, k := range s.freeKeys[:s.keysFree] {
		visit(uintptr(k))
	}
	for _, d := range s.freeDicts[:s.dictsFree] {
		visit(uintptr(d) - s.front())
	}
}

// BlocksOf calls visit for each block that a dict has beside the one that it is in, but not for keys that are shared.
func (s *Space) BlocksOf(d Dict, visit func(block uintptr)) {
	if s.old {
		if d.oldTable() != d.smallTable() {
			visit(d.oldTable())
		}
		return
	}
	v, k := d.values(), d.keys()
	switch {
	case v != 0:
		visit(s.valuesBlock(v))
	case k != s.empty:
		visit(uintptr(k))
	}
}

// BlockOf is the block of the keys of a class, or 0.
func (s *Space) BlockOf(c *Class) uintptr { return uintptr(c.keys) }

// headerBytes is what every object has: a count and a type.
const headerBytes = 16

// front is how many bytes of a block stand before the body of a dict that New makes.
func (s *Space) front() uintptr { return s.prof.HeadBytes + headerBytes }

// BodyBytes is the size of the body of a dict, behind its header: 32, or 232 in 2.7.
func (s *Space) BodyBytes() uintptr {
	if s.old {
		return oldBody
	}
	return 32
}

// alloc takes a dict without a meaning from the free list or the allocator, or returns 0.
func (s *Space) alloc() Dict {
	if s.maker != nil {
		return s.maker.Alloc()
	}
	if s.dictsFree > 0 {
		s.dictsFree--
		return s.freeDicts[s.dictsFree]
	}
	bytes := s.front() + s.BodyBytes()
	b := uintptr(s.mem.Alloc(bytes))
	if b == 0 {
		return 0
	}
	clear(page.View(b, s.front()))
	return Dict(b + s.front())
}

// New makes what {} makes, or returns 0 if there is no memory. It holds nothing.
func (s *Space) New() Dict { return s.make(s.prof.LazyNew) }

// Call makes what dict() makes, or returns 0.
func (s *Space) Call() Dict { return s.make(s.prof.LazyCall) }

func (s *Space) make(lazy bool) Dict {
	d := s.alloc()
	if d == 0 {
		return 0
	}
	if !s.init(d, lazy) {
		s.release(d)
		return 0
	}
	return d
}

// Init makes a dict like {} in a body that somebody else keeps, or reports that there is no memory.
func (s *Space) Init(d Dict) bool { return s.init(d, s.prof.LazyNew) }

func (s *Space) init(d Dict, lazy bool) bool {
	if s.old {
		s.initOld(d)
		return true
	}
	k := s.empty
	if !lazy {
		if k = s.newKeys(logMin, true); k == 0 {
			return false
		}
	}
	s.setUp(d, k, 0, 0)
	return true
}

// setUp fills the body of a new dict.
func (s *Space) setUp(d Dict, k keys, values uintptr, used int) {
	d.setKeys(k)
	d.setValues(values)
	d.setLen(used)
	s.bump(d)
}

// NewPresized makes a dict that has room for n entries (_PyDict_NewPresized), at most two thirds of 2^17, or returns 0.
// str says that all keys will be strings.
func (s *Space) NewPresized(n int, str bool) Dict {
	if s.old || s.prof.LazyNew && n <= usableOf(8) {
		return s.New()
	}
	log2 := uint8(presizedLog)
	if n <= usableOf(1<<presizedLog) {
		log2 = s.estimate(n)
	}
	k := s.newKeys(log2, str || !s.prof.StrTables)
	if k == 0 {
		return 0
	}
	d := s.alloc()
	if d == 0 {
		s.freeBlock(k)
		return 0
	}
	s.setUp(d, k, 0, 0)
	return d
}

// Free is the end of a dict that New, Call, Copy or a relative made: it lets go of all it holds.
func (s *Space) Free(d Dict) {
	if s.maker != nil {
		s.maker.Free(d)
		return
	}
	s.Fini(d)
	s.release(d)
}

// release gives the block of a dict that holds nothing back.
func (s *Space) release(d Dict) {
	if s.maker != nil {
		s.maker.Release(d)
		return
	}
	if s.dictsFree < FreeMax {
		s.freeDicts[s.dictsFree] = d
		s.dictsFree++
		return
	}
	s.mem.Free(page.Pointer(uintptr(d) - s.front()))
}

// Fini lets go of all that a dict holds whose body somebody else keeps, and leaves it without a meaning.
func (s *Space) Fini(d Dict) {
	if s.old {
		s.finiOld(d)
		return
	}
	k := d.keys()
	if v := d.values(); v != 0 {
		s.dropValues(v, k)
	}
	s.dropKeys(k)
}

// bump gives a dict a version that no dict had.
func (s *Space) bump(d Dict) {
	s.version += s.step
	page.Store(uintptr(d)+dictVersion, uintptr(s.version))
}

func (s *Space) take(w Word) {
	if s.hooks != nil && !w.IsInt() {
		s.hooks.Own(w)
	}
}

func (s *Space) drop(w Word) {
	if s.hooks != nil && !w.IsInt() {
		s.hooks.Drop(w)
	}
}

// track makes d a tracked dict if it has to be after a key and a value were stored.
func (s *Space) track(d Dict, key, value Word) {
	if t := s.tracker; t != nil && !t.Tracked(d) && (t.MayBeTracked(key) || t.MayBeTracked(value)) {
		t.Track(d)
	}
}

// trackLike makes d tracked if other is.
func (s *Space) trackLike(d, other Dict) {
	if t := s.tracker; t != nil && t.Tracked(other) && !t.Tracked(d) {
		t.Track(d)
	}
}
