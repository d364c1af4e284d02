package lru

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// values of Python that are equal and are not the same: 1.0 and True beside 1.
const (
	one      dict.Word = 1 << 4 // 1.0
	yes      dict.Word = 2 << 4 // True
	typeReal           = TypeMax
	typeBool           = TypeMax + 1
)

// python is the hooks of these, counts what it is asked, and does something in a comparison.
type python struct {
	hashed, compared int
	refs             map[dict.Word]int
	during           func()
}

func newPython() *python { return &python{refs: map[dict.Word]int{}} }

func (p *python) Hash(dict.Word) (int64, error) { p.hashed++; return 1, nil }

func (p *python) Equal(a, b dict.Word) (bool, error) {
	p.compared++
	if f := p.during; f != nil {
		p.during = nil
		f()
	}
	return a == dict.Int(1) || b == dict.Int(1) || a == one && b == yes || a == yes && b == one, nil
}

func (p *python) Type(w dict.Word) uint64 { return uint64(typeReal + w>>4 - 1) }
func (p *python) Own(w dict.Word)         { p.refs[w]++ }
func (p *python) Drop(w dict.Word)        { p.refs[w]-- }

func profile(t *testing.T, name string) *dict.Profile {
	p, ok := dict.ProfileByName(name)
	if !ok {
		t.Fatalf("no profile %s", name)
	}
	return p
}

func open(t *testing.T, cfg Config) *Cache {
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func check(t *testing.T, c *Cache) {
	t.Helper()
	if err := c.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
}

// square is the computation of most tests.
func square(n int64) Compute {
	return func() (dict.Word, error) { return dict.Int(n * n), nil }
}

func call(t *testing.T, c *Cache, n int64) {
	t.Helper()
	v, err := c.CallOne(dict.Int(n), square(n))
	if err != nil || v.Int() != n*n {
		t.Fatalf("f(%d) = %v, %v", n, v, err)
	}
	check(t, c)
}

func order(c *Cache) (keys []int64) {
	c.Keys(func(key dict.Word) bool {
		keys = append(keys, Words(key)[0].Int())
		return true
	})
	return keys
}

// TestVectors are calls of lru_cache whose counts real interpreters gave, and those of TestLRU in test_functools.py.
func TestVectors(t *testing.T) {
	x := []int64{7, 9, 7, 9, 7, 9, 8, 8, 8, 9, 9, 9, 8, 8, 8, 7}
	tests := []struct {
		name, profile string
		max           int
		unbounded     bool
		calls         []int64
		want          Info
		order         []int64
	}{
		{"size 3", "3.13", 3, false, []int64{1, 2, 3, 1, 4, 2, 5, 1}, Info{1, 7, 3, 3, true}, []int64{2, 5, 1}},
		{"size 0 stores nothing", "3.11", 0, false, []int64{1, 1, 1, 1, 1}, Info{0, 5, 0, 0, true}, nil},
		{"size 1", "3.11", 1, false, []int64{1, 1, 1, 1, 1}, Info{4, 1, 1, 1, true}, []int64{1}},
		{"size 2", "3.8", 2, false, x, Info{12, 4, 2, 2, true}, []int64{8, 7}},
		{"no bound", "3.9", 0, true, x, Info{13, 3, 3, 0, false}, []int64{7, 9, 8}},
		{"a negative size is 0", "3.7", -5, false, []int64{1, 1, 2, 2, 1}, Info{0, 5, 0, 0, true}, nil},
		{"in 3.6 it holds one", "3.6", -5, false, []int64{1, 1, 2, 2, 1}, Info{2, 3, 1, -5, true}, []int64{1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := open(t, Config{Profile: profile(t, test.profile), Max: test.max, Unbounded: test.unbounded})
			for _, n := range test.calls {
				call(t, c, n)
			}
			if got := c.Info(); got != test.want {
				t.Errorf("info %+v, want %+v", got, test.want)
			}
			if got := order(c); !slices.Equal(got, test.order) {
				t.Errorf("order %v, want %v", got, test.order)
			}
			c.Clear()
			check(t, c)
			if got := c.Info(); got.Hits != 0 || got.Misses != 0 || got.Len != 0 {
				t.Errorf("after clear %+v", got)
			}
		})
	}
}

// TestKeys says which calls have the same key.
func TestKeys(t *testing.T) {
	tests := []struct {
		name, profile string
		typed         bool
		hits          uint64 // of f(1), f(1.0), f(True)
	}{
		{"an int is its own key, and the others are tuples that are equal", "3.7", false, 1},
		{"all are tuples", "3.6", false, 2},
		{"types tell them apart", "3.13", true, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPython()
			c := open(t, Config{Profile: profile(t, test.profile), Max: 8, Typed: test.typed, Hooks: p})
			for _, w := range []dict.Word{dict.Int(1), one, yes} {
				if _, err := c.CallOne(w, square(1)); err != nil {
					t.Fatal(err)
				}
				check(t, c)
			}
			if got := c.Info(); got.Hits != test.hits || got.Misses != 3-test.hits {
				t.Errorf("%+v, want %d hits", got, test.hits)
			}
			c.Clear()
			for w, n := range p.refs {
				if n != 0 {
					t.Errorf("%v has %d references left", w, n)
				}
			}
		})
	}
}

// TestKeywords: their order counts, and that there are none does not (bpo-36650).
func TestKeywords(t *testing.T) {
	c := open(t, Config{Max: 8})
	s := c.Space()
	a, b := s.NewStr("a"), s.NewStr("b")
	i := dict.Int
	calls := []struct {
		args Args
		hit  bool
	}{
		{Args{Positional: []dict.Word{i(0)}}, false},
		{Args{Positional: []dict.Word{i(0)}, Names: []dict.Word{}}, true},
		{Args{Names: []dict.Word{a, b}, Values: []dict.Word{i(1), i(2)}}, false},
		{Args{Names: []dict.Word{b, a}, Values: []dict.Word{i(2), i(1)}}, false},
		{Args{Names: []dict.Word{a, b}, Values: []dict.Word{i(1), i(2)}}, true},
		{Args{Positional: []dict.Word{a, i(1), b, i(2)}}, false}, // no mark
		{Args{}, false},
		{Args{}, true},
	}
	for n, test := range calls {
		before := c.Info().Hits
		if _, err := c.Call(test.args, square(int64(n))); err != nil {
			t.Fatal(err)
		}
		if hit := c.Info().Hits > before; hit != test.hit {
			t.Errorf("call %d hits: %v", n, hit)
		}
	}
	s.FreeStr(a)
	s.FreeStr(b)
}

// TestTupleHash has the hashes that real interpreters gave.
func TestTupleHash(t *testing.T) {
	tests := []struct {
		profile string
		items   []dict.Word
		want    int64
	}{
		{"3.13", nil, 5740354900026072187},
		{"3.13", []dict.Word{dict.Int(1)}, -6644214454873602895},
		{"3.8", []dict.Word{dict.Int(1), dict.Int(2)}, -3550055125485641917},
		{"3.7", nil, 3527539},
		{"3.7", []dict.Word{dict.Int(1)}, 3430019387558},
		{"3.6", []dict.Word{dict.Int(1), dict.Int(2)}, 3713081631934410656},
	}
	for _, test := range tests {
		c := open(t, Config{Profile: profile(t, test.profile), Max: 1, Typed: false})
		c.old = true // no number is its own key
		key, err := c.makeKey(Args{Positional: test.items})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.hashKey(key); got != test.want || err != nil {
			t.Errorf("%s: hash(%v) = %d, %v; want %d", test.profile, test.items, got, err, test.want)
		}
		c.letGo(key)
	}
}

// TestHashOnce: the hash of an argument is asked for once a call (test_lru_hash_only_once).
func TestHashOnce(t *testing.T) {
	p := newPython()
	c := open(t, Config{Max: 1, Hooks: p})
	for n, want := range []int{1, 2, 3} {
		w := []dict.Word{one, one, dict.Word(9 << 4)}[n]
		if _, err := c.CallOne(w, square(1)); err != nil {
			t.Fatal(err)
		}
		if p.hashed != want {
			t.Errorf("call %d: %d hashes, want %d", n, p.hashed, want)
		}
	}
}

// TestReentrancy: computations that use the cache.
func TestReentrancy(t *testing.T) {
	for _, name := range []string{"3.6", "3.7", "3.13"} {
		c := open(t, Config{Profile: profile(t, name), Max: 10})
		// test_lru_bug_35780: a call of the same key inside of each other leaves the cache no fuller than full.
		var f func(n int64) (dict.Word, error)
		once := true
		f = func(n int64) (dict.Word, error) {
			return c.CallOne(dict.Int(n), func() (dict.Word, error) {
				if n == 20 && once {
					once = false
					if _, err := f(20); err != nil {
						return 0, err
					}
				}
				return dict.Int(n), nil
			})
		}
		for n := range int64(15) {
			if _, err := f(n); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f(20); err != nil {
			t.Fatal(err)
		}
		check(t, c)
		if n := c.Len(); n != 10 {
			t.Errorf("%s: %d entries, want 10", name, n)
		}
		if _, err := c.CallOne(dict.Int(30), func() (dict.Word, error) {
			c.Clear()
			return dict.Int(1), nil
		}); err != nil {
			t.Fatal(err)
		}
		check(t, c)
		if got := order(c); !slices.Equal(got, []int64{30}) {
			t.Errorf("%s: after a call that clears: %v", name, got)
		}
	}
}

// TestFailures: a computation that fails is no entry, and up to 3.6 no miss.
func TestFailures(t *testing.T) {
	boom := errors.New("boom")
	for name, misses := range map[string]uint64{"3.6": 0, "3.7": 1, "3.13": 1} {
		c := open(t, Config{Profile: profile(t, name), Max: 2})
		_, err := c.CallOne(dict.Int(1), func() (dict.Word, error) { return 0, boom })
		if err != boom || c.Len() != 0 || c.Info().Misses != misses {
			t.Errorf("%s: %v, %+v", name, err, c.Info())
		}
	}
}

// TestComparisons: comparisons that clear the cache, or call it, while an entry is looked up, evicted or stored.
// Between two calls all is as it must be, and no reference is lost.
func TestComparisons(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := newPython()
		c, err := New(Config{Max: 1 + int(seed%3), Hooks: p})
		if err != nil {
			t.Fatal(err)
		}
		var step func(depth int)
		step = func(depth int) {
			w := dict.Word((1 + r.Uint64N(6)) << 4)
			act := r.IntN(4)
			p.during = func() {
				switch {
				case depth > 3:
				case act == 0:
					c.Clear()
				case act < 3:
					step(depth + 1)
				}
			}
			if _, err := c.CallOne(w, square(int64(w))); err != nil {
				t.Fatal(err)
			}
		}
		for range 40 {
			step(0)
			p.during = nil
			check(t, c)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		for w, n := range p.refs {
			if n != 0 {
				t.Fatalf("seed %d: %v has %d references left", seed, w, n)
			}
		}
	}
}

// TestNoMemory: a call without memory for its link, or for a larger table, stores nothing and loses nothing.
func TestNoMemory(t *testing.T) {
	c := open(t, Config{Max: 1 << 20})
	n := int64(0)
	c.mem.InjectOOM(1, true)
	failed := 0
	for ; failed < 20 && n < 1<<16; n++ {
		_, err := c.CallOne(dict.Int(n), square(n))
		if errors.Is(err, dict.ErrNoMemory) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	check(t, c)
	if failed == 0 || c.Len() == 0 || c.Len() != int(n)-failed {
		t.Errorf("%d calls, %d failed, %d entries", n, failed, c.Len())
	}
	c.mem.InjectOOM(0, false)
	call(t, c, n)
}

// TestInvariants breaks each by hand.
func TestInvariants(t *testing.T) {
	tests := []struct {
		rule  string
		max   int
		spoil func(c *Cache) (mend func())
	}{
		{"lru/ring", 3, func(c *Cache) func() {
			l := c.root.next()
			old := l.prev()
			l.put(linkPrev, uintptr(l))
			return func() { l.put(linkPrev, uintptr(old)) }
		}},
		{"lru/links", 3, func(c *Cache) func() { // one is in the dict and not in the ring
			l := c.root.next()
			l.detach()
			return func() { l.insert(c.root, c.root.next()) }
		}},
		{"lru/links", 3, func(c *Cache) func() { // under another key
			l := c.root.next()
			key := l.key()
			l.put(linkKey, uintptr(dict.Int(99)))
			return func() { l.put(linkKey, uintptr(key)) }
		}},
		{"lru/links", 3, func(c *Cache) func() {
			l := c.root.next()
			l.put(linkHash, l.at(linkHash)+1)
			return func() { l.put(linkHash, l.at(linkHash)-1) }
		}},
		{"lru/links", 3, func(c *Cache) func() {
			c.root.next().take()
			return func() { c.root.next().put(linkRefs, 1) }
		}},
		{"lru/room", 3, func(c *Cache) func() { c.max = 1; return func() { c.max = 3 } }},
		{"lru/empty", 3, func(c *Cache) func() { c.unbounded = true; return func() { c.unbounded = false } }},
		{"lru/blocks", 3, func(c *Cache) func() {
			p := c.mem.Alloc(16)
			return func() { c.mem.Free(p) }
		}},
		{"dict/used", 3, func(c *Cache) func() {
			at := uintptr(c.d)
			page.Store(at, page.Load(at)+1)
			return func() { page.Store(at, page.Load(at)-1) }
		}},
	}
	for _, test := range tests {
		c := open(t, Config{Max: test.max})
		for n := range int64(3) {
			call(t, c, n)
		}
		mend := test.spoil(c)
		if err := c.CheckInvariants(); err == nil || !strings.HasPrefix(err.Error(), test.rule+":") {
			t.Errorf("%s: %v", test.rule, err)
		}
		mend()
		check(t, c)
	}
}

// TestInvariantsOfOthers breaks those that a cache of numbers with a bound has not.
func TestInvariantsOfOthers(t *testing.T) {
	tests := []struct {
		rule, reason string
		cfg          Config
		spoil        func(c *Cache) (mend func())
	}{
		{"lru/keys", "a tuple is referred to once more", Config{Max: 3}, func(c *Cache) func() {
			at := tuple(c.root.next().key()) + tupleRefs
			page.Store(at, page.Load(at)+1)
			return func() { page.Store(at, page.Load(at)-1) }
		}},
		{"lru/keys", "what is to be a tuple is a number", Config{Max: 3}, func(c *Cache) func() {
			c.typed = true
			return func() { c.typed = false }
		}},
		{"lru/links", "the ring has a link that the dict has not", Config{Max: 3}, func(c *Cache) func() {
			l := link(c.mem.Alloc(linkBytes))
			l.insert(c.root.prev(), c.root)
			return func() { l.detach(); c.mem.Free(l.pointer()) }
		}},
		{"lru/empty", "a cache that stores nothing holds entries", Config{Unbounded: true}, func(c *Cache) func() {
			c.unbounded = false
			return func() { c.unbounded = true }
		}},
	}
	for _, test := range tests {
		c := open(t, test.cfg)
		two := Args{Positional: []dict.Word{dict.Int(1), dict.Int(2)}}
		if _, err := c.Call(two, square(1)); err != nil {
			t.Fatal(err)
		}
		call(t, c, 1)
		mend := test.spoil(c)
		if err := c.CheckInvariants(); err == nil || !strings.HasPrefix(err.Error(), test.rule+":") {
			t.Errorf("%s: %s: %v", test.rule, test.reason, err)
		}
		mend()
		check(t, c)
	}
}

// TestNothingOfGo: calls of numbers ask nothing of Go's heap.
func TestNothingOfGo(t *testing.T) {
	c := open(t, Config{Max: 100})
	r := rand.New(rand.NewPCG(1, 1))
	f := func() (dict.Word, error) { return dict.Int(1), nil }
	if n := testing.AllocsPerRun(20000, func() { _, _ = c.CallOne(dict.Int(r.Int64N(200)), f) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

// TestOrdered: what is used is last, and what is evicted was first.
func TestOrdered(t *testing.T) {
	s, err := dict.NewSpace(dict.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	o := NewOrdered(s, nil, 2)
	var evicted []int64
	o.OnEvict = func(key, _ dict.Word) { evicted = append(evicted, key.Int()) }
	put := func(n int64) {
		if err := o.Put(dict.Int(n), dict.Int(0)); err != nil { // a value that is false is a value
			t.Fatal(err)
		}
	}
	put(1)
	put(2)
	if _, ok, err := o.Get(dict.Int(1)); !ok || err != nil {
		t.Fatal("1 is lost")
	}
	put(3)
	put(3)
	if _, ok, _ := o.Get(dict.Int(2)); ok {
		t.Error("2 is there")
	}
	if want := (Info{1, 1, 2, 2, true}); o.Info() != want || !slices.Equal(evicted, []int64{2}) {
		t.Errorf("%+v, evicted %v", o.Info(), evicted)
	}
	if err := o.CheckInvariants(); err != nil {
		t.Error(err)
	}
	o.max = 1
	if err := o.CheckInvariants(); err == nil {
		t.Error("two entries where one may be, and nothing is said")
	}
	o.Free()
}

func BenchmarkCall(b *testing.B) {
	for _, test := range []struct {
		name string
		keys int64
	}{{"hit", 500}, {"evict", 100000}} {
		b.Run("op="+test.name, func(b *testing.B) {
			c, err := New(Config{Max: 1000})
			if err != nil {
				b.Fatal(err)
			}
			f := func() (dict.Word, error) { return dict.Int(1), nil }
			for i := range b.N {
				_, _ = c.CallOne(dict.Int(int64(i)%test.keys), f)
			}
			b.StopTimer()
			if err := c.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
