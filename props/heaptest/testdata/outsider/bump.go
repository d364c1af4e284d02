// Package outsider is somebody else's module: an arena that hands out byte slices and begins again when all are back.
package outsider

// Arena hands out slices of one chunk, from front to back.
type Arena struct {
	chunk []byte
	off   int
	live  int // slices that are out, of this chunk or an earlier one
}

// Get returns n bytes, or nil when there are no such slices.
func (a *Arena) Get(n int) []byte {
	if n > 1<<30 {
		return nil
	}
	if n > len(a.chunk)-a.off {
		a.chunk, a.off = make([]byte, max(n, 1<<16)), 0
	}
	b := a.chunk[a.off : a.off+n : a.off+n]
	a.off += n
	a.live++
	return b
}

// Put gives a slice back.
func (a *Arena) Put([]byte) {
	if a.live--; a.live == 0 {
		a.off = 0
	}
}
