package sizeclass

import "testing"

func TestSmallEveryRequest(t *testing.T) {
	for _, shift := range []uint8{3, 4} {
		for n := uintptr(1); n <= SmallMax; n++ {
			c := Small(n, shift)
			size := SmallSize(c, shift)
			if size < n || size-n >= 1<<shift {
				t.Fatalf("shift %d: request %d got class %d of %d bytes", shift, n, c, size)
			}
			if size%(1<<shift) != 0 || c >= SmallMax>>shift {
				t.Fatalf("shift %d: class %d of %d bytes is off the ladder", shift, c, size)
			}
		}
	}
}

func TestRawEveryRequest(t *testing.T) {
	for n := uintptr(1); n <= RawMax; n++ {
		c := Raw(n)
		if c >= RawClasses || RawSize(c) < n {
			t.Fatalf("request %d got class %d of %d bytes", n, c, RawSize(c))
		}
		if c > 0 && RawSize(c-1) >= n {
			t.Fatalf("request %d got class %d though class %d has %d bytes", n, c, c-1, RawSize(c-1))
		}
		if n > 64 && (RawSize(c)-n)*5 >= RawSize(c) {
			t.Fatalf("request %d wastes a fifth or more of %d bytes", n, RawSize(c))
		}
	}
	for c := uintptr(0); c < RawClasses; c++ {
		if RawSize(c)%16 != 0 || c > 0 && RawSize(c) <= RawSize(c-1) {
			t.Fatalf("class %d of %d bytes is off the ladder", c, RawSize(c))
		}
	}
	if got := RawSize(RawClasses - 1); got != RawMax {
		t.Fatalf("the last class has %d bytes, want %d", got, RawMax)
	}
}

// The rows are capacities and losses that CPython's statistics show for 48-byte headers.
func TestCapacity(t *testing.T) {
	rows := []struct{ pool, size, blocks, lost uintptr }{
		{4096, 8, 506, 0}, {4096, 40, 101, 8}, {4096, 368, 11, 0}, {4096, 512, 7, 464},
		{4096, 16, 253, 0}, {4096, 80, 50, 48}, {4096, 240, 16, 208},
		{16384, 16, 1021, 0}, {16384, 80, 204, 16}, {16384, 496, 32, 464}, {16384, 512, 31, 464},
	}
	for _, r := range rows {
		got := Capacity(r.pool, 48, r.size)
		if lost := r.pool - 48 - got*r.size; got != r.blocks || lost != r.lost {
			t.Errorf("pool %d size %d: %d blocks, %d lost, want %d, %d", r.pool, r.size, got, lost, r.blocks, r.lost)
		}
	}
}
