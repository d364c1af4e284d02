// Package outsider is somebody else's module: an arena that hands out byte slices and takes them all back at once.
package outsider

// Arena hands out slices of one buffer, from front to back, and begins again when the last one is given back.
type Arena struct {
	buf  []byte
	off  int
	live int
}

// Get returns n bytes, or nil when the buffer is full.
func (a *Arena) Get(n int) []byte {
	if a.buf == nil {
		a.buf = make([]byte, 1<<20)
	}
	if n > len(a.buf)-a.off {
		return nil
	}
	b := a.buf[a.off : a.off+n : a.off+n]
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
