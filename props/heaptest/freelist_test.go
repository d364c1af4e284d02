package heaptest_test

import "fmt"

// FreeList is an allocator such as one finds in Go: it cuts slices from a chunk, and keeps what comes back, by its
// capacity, for the next one who asks for as much.
type FreeList struct {
	chunk []byte
	free  map[int][][]byte
	live  int
}

// NewFreeList returns an allocator that holds nothing.
func NewFreeList() *FreeList { return &FreeList{free: map[int][][]byte{}} }

// Get returns n bytes, or nil when there are no such slices.
func (a *FreeList) Get(n int) []byte { return a.get(n, max(n, 1)) }

func (a *FreeList) get(n, class int) []byte {
	if class > 1<<30 {
		return nil
	}
	a.live++
	if list := a.free[class]; len(list) > 0 {
		a.free[class] = list[:len(list)-1]
		return list[len(list)-1][:n]
	}
	if class > len(a.chunk) {
		a.chunk = make([]byte, max(class, 1<<16))
	}
	b := a.chunk[:n:class]
	a.chunk = a.chunk[class:]
	return b
}

// Put takes a slice back.
func (a *FreeList) Put(b []byte) {
	a.live--
	a.free[cap(b)] = append(a.free[cap(b)], b)
}

// CheckInvariants tells of a slice that was put back twice.
func (a *FreeList) CheckInvariants() error {
	if a.live < 0 {
		return fmt.Errorf("freelist/live: %d slices are out", a.live)
	}
	return nil
}
