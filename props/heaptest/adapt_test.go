package heaptest

import (
	"slices"
	"testing"
	"unsafe"

	"heapfuzz/model/heap"
)

// arena has the shape of byte slices, and two optional parts.
type arena struct{ got, put, closed int }

func (a *arena) Get(n int) []byte { a.got++; return make([]byte, n, n+1) }
func (a *arena) Put(b []byte)     { a.put += cap(b) }
func (a *arena) Close() error     { a.closed++; return nil }
func (a *arena) Usage() (blocks, bytes, footprint uint64) {
	return uint64(a.got), 0, 0
}

func TestSlicesHandsBackWhatItGot(t *testing.T) {
	a := &arena{}
	s := Slices(a, a.Get, a.Put)
	p := s.Alloc(10)
	if p == nil || s.Alloc(1<<63) != nil {
		t.Fatal("10 bytes are had, 2^63 are not")
	}
	s.Free(p)
	if a.put != 11 {
		t.Errorf("the slice that came back has capacity %d, not 11", a.put)
	}
	defer func() {
		if recover() == nil {
			t.Error("freeing it twice reached the arena")
		}
	}()
	s.Free(p)
}

func TestAdaptersTakeOptionalParts(t *testing.T) {
	a := &arena{}
	for name, allocator := range map[string]Allocator{
		"slices":   Slices(a, a.Get, a.Put),
		"pointers": Pointers(a, func(int) unsafe.Pointer { return nil }, func(unsafe.Pointer) {}),
	} {
		p := take(allocator)
		if p.user == nil || p.closer == nil {
			t.Errorf("%s: Usage or Close was not found", name)
		}
		if p.realloc != nil || p.checker != nil {
			t.Errorf("%s: found a part that is not there", name)
		}
	}
}

// A Pointers adapter passes sizes and addresses through, refuses what no int holds, and keeps nil to itself.
func TestPointers(t *testing.T) {
	var b [64]byte
	freed := 0
	a := Pointers(nil, func(size int) unsafe.Pointer { return unsafe.Pointer(&b[size]) }, func(p unsafe.Pointer) {
		freed++
		if p != unsafe.Pointer(&b[7]) {
			t.Error("another address came back")
		}
	})
	if a.Alloc(1<<63) != nil {
		t.Error("2^63 bytes were had")
	}
	a.Free(a.Alloc(7))
	a.Free(nil)
	if freed != 1 {
		t.Errorf("free was called %d times", freed)
	}
}

// growing is an arena with a Realloc of slices.
type growing struct{ arena }

func (g *growing) Realloc(b []byte, n int) []byte {
	if n > 1<<20 {
		return nil
	}
	return append(make([]byte, 0, n+1), b[:min(len(b), n)]...)[:n]
}

func TestSlicesRealloc(t *testing.T) {
	g := &growing{}
	s := Slices(g, g.Get, g.Put).(interface {
		Allocator
		Realloc(unsafe.Pointer, uintptr) unsafe.Pointer
	})
	p := s.Realloc(nil, 3)
	*(*byte)(p) = 42
	if s.Realloc(p, 1<<63) != nil || s.Realloc(p, 2<<20) != nil {
		t.Error("too much was had")
	}
	q := s.Realloc(p, 100)
	if q == nil || *(*byte)(q) != 42 {
		t.Error("the bytes were not kept")
	}
	s.Free(q)
	if g.put != 101 {
		t.Errorf("a slice of capacity %d came back", g.put)
	}
	defer func() {
		if recover() == nil {
			t.Error("the old slice is still held")
		}
	}()
	s.Free(p)
}

// make of the first size would end the process of the test; that of the second panics, and is for the allocator to
// refuse.
func TestSlicesRefusesWhatNoMakeSurvives(t *testing.T) {
	var asked []int
	s := Slices(nil, func(n int) []byte { asked = append(asked, n); return nil }, func([]byte) {})
	for _, size := range []uintptr{heap.NoSuchSize - 1, heap.NoSuchSize, 2*heap.NoSuchSize - 1, 2 * heap.NoSuchSize} {
		if s.Alloc(size) != nil {
			t.Errorf("%d bytes were had", size)
		}
	}
	if want := []int{heap.NoSuchSize - 1, 2 * heap.NoSuchSize}; !slices.Equal(asked, want) {
		t.Errorf("the allocator was asked for %d, want %d", asked, want)
	}
}
