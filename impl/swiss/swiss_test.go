package swiss

import (
	"math/rand/v2"
	"strings"
	"testing"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
)

func memory(t testing.TB) *arena.Allocator {
	mem, err := arena.New(arena.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mem.Close(); err != nil {
			t.Error(err)
		}
	})
	return mem
}

func check(t *testing.T, m *Map) {
	t.Helper()
	if err := m.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
}

// TestAgainstMap compares with Go's map under good and bad hashes, through growth, rebuilding and tombstones.
func TestAgainstMap(t *testing.T) {
	hashes := map[string]func(uint64) uint64{
		"good": nil, "constant": func(uint64) uint64 { return 0 }, "ones": func(uint64) uint64 { return ^uint64(0) },
		"key": func(k uint64) uint64 { return k }, "low": func(k uint64) uint64 { return k & 3 },
		"high": func(k uint64) uint64 { return k << 60 },
	}
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			m, want := New(memory(t), hash), map[uint64]uint64{}
			r := rand.New(rand.NewPCG(1, uint64(len(name))))
			for i := range 6000 {
				key, value := r.Uint64N(1+uint64(i/20)), r.Uint64()
				if r.IntN(2) == 0 {
					if !m.Set(key, value) {
						t.Fatal("no memory")
					}
					want[key] = value
				} else {
					old, ok := m.Pop(key)
					if w, there := want[key]; ok != there || old != w {
						t.Fatalf("%d: pop(%d) = %d, %v", i, key, old, ok)
					}
					delete(want, key)
				}
				if m.Len() != len(want) {
					t.Fatalf("%d: length %d, want %d", i, m.Len(), len(want))
				}
				if i%100 == 0 {
					check(t, m)
				}
			}
			n := 0
			it := m.Iter()
			for key, value, ok := it.Next(); ok; key, value, ok = it.Next() {
				if want[key] != value {
					t.Errorf("an iteration tells %d at %d", value, key)
				}
				if v, ok := m.Get(key); !ok || v != value {
					t.Errorf("get(%d) = %d, %v", key, v, ok)
				}
				n++
			}
			if n != len(want) {
				t.Errorf("an iteration tells %d entries of %d", n, len(want))
			}
			c := m.Copy()
			check(t, c)
			m.Clear()
			if c.Len() != len(want) || m.Len() != 0 {
				t.Errorf("a copy of length %d, want %d; a cleared one of %d", c.Len(), len(want), m.Len())
			}
			c.Clear()
		})
	}
}

// TestTransitions: a churn at one size goes through all of them.
func TestTransitions(t *testing.T) {
	m := New(memory(t), nil)
	r := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		if m.Len() < 170 {
			m.Set(r.Uint64N(400), 1)
		} else {
			m.Delete(r.Uint64N(400))
		}
	}
	check(t, m)
	m.Transitions(func(name string, times uint64) {
		if times == 0 {
			t.Errorf("%s never happened", name)
		}
	})
	if m.groups != 32 {
		t.Errorf("%d groups for 170 keys, want 32: a churn at one size must not grow", m.groups)
	}
	m.Clear()
}

// TestNoMemory: a map that cannot grow is as it was.
func TestNoMemory(t *testing.T) {
	mem := memory(t)
	m := New(mem, nil)
	n := uint64(0)
	mem.InjectOOM(1, true)
	for m.Set(n, n) {
		n++
	}
	check(t, m)
	for k := range n {
		if v, ok := m.Get(k); !ok || v != k {
			t.Fatalf("key %d is lost", k)
		}
	}
	if m.Reserve(1<<50) || m.Copy() != nil && n > 7 {
		t.Error("there is memory after all")
	}
	mem.InjectOOM(0, false)
	if !m.Set(n, n) || m.Len() != int(n)+1 {
		t.Error("no memory, and there is")
	}
	m.Clear()
}

// TestInvariants breaks each by hand.
func TestInvariants(t *testing.T) {
	byteAt := func(m *Map, i uintptr) *uint8 {
		return (*uint8)(page.Pointer(m.base + i/slotsOfGroup*groupBytes + i%slotsOfGroup))
	}
	liveSlot := func(m *Map) uintptr {
		for i := uintptr(0); ; i++ {
			if *byteAt(m, i) < empty {
				return i
			}
		}
	}
	tests := []struct {
		rule  string
		spoil func(m *Map) (mend func())
	}{
		{"groups", func(m *Map) func() { m.groups++; return func() { m.groups-- } }},
		{"groups", func(m *Map) func() { m.groups *= 64; return func() { m.groups /= 64 } }},
		{"control", func(m *Map) func() {
			b := byteAt(m, liveSlot(m))
			*b ^= 1
			return func() { *b ^= 1 }
		}},
		{"control", func(m *Map) func() {
			b := byteAt(m, liveSlot(m))
			old := *b
			*b = 0xC0
			return func() { *b = old }
		}},
		{"used", func(m *Map) func() { m.used++; return func() { m.used-- } }},
		{"room", func(m *Map) func() { m.left--; return func() { m.left++ } }},
		{"reach", func(m *Map) func() { // the same key in a second slot
			i := liveSlot(m)
			g := m.base + i/slotsOfGroup*groupBytes
			n := uintptr(0)
			for *byteAt(m, i-i%slotsOfGroup+n) != empty {
				n++
			}
			b, s := byteAt(m, i-i%slotsOfGroup+n), slotAt(g, n)
			was := page.Load(s)
			*b = *byteAt(m, i)
			page.Store(s, page.Load(slotAt(g, i%slotsOfGroup)))
			return func() { *b = empty; page.Store(s, was) }
		}},
	}
	for _, test := range tests {
		m := New(memory(t), nil)
		for k := range uint64(20) {
			m.Set(k, k)
		}
		check(t, m)
		mend := test.spoil(m)
		if err := m.CheckInvariants(); err == nil || !strings.HasPrefix(err.Error(), "swiss/"+test.rule+":") {
			t.Errorf("%s: %v", test.rule, err)
		}
		mend()
		check(t, m)
		m.Clear()
	}
}

// TestNothingOfGo: no operation asks anything of Go's heap.
func TestNothingOfGo(t *testing.T) {
	m := New(memory(t), nil)
	r := rand.New(rand.NewPCG(1, 1))
	for range 10000 { // the allocator's own tables grow before
		m.Set(r.Uint64N(1000), 1)
	}
	if n := testing.AllocsPerRun(20000, func() {
		m.Set(r.Uint64N(1000), 1)
		m.Delete(r.Uint64N(1000))
		m.Get(r.Uint64N(1000))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	m.Clear()
}
