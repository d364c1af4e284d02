package heaptest

import (
	"testing"
	"unsafe"
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
