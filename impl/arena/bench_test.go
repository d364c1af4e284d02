package arena

import (
	"fmt"
	"testing"
	"unsafe"

	"heapfuzz/impl/profile"
)

// The shared suite (impl/bench_test.go) compares allocators; this one looks at the short paths of each profile alone.

func BenchmarkPair(b *testing.B) {
	for _, prof := range profile.All() {
		b.Run("profile="+prof.Name, func(b *testing.B) {
			a, err := New(Config{Profile: prof})
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			keep := a.Alloc(64)
			b.ReportAllocs()
			for b.Loop() {
				p := a.Alloc(64)
				*(*byte)(p) = 1
				a.Free(p)
			}
			a.Free(keep)
		})
	}
}

func BenchmarkRaw(b *testing.B) {
	for _, size := range []uintptr{0, 600, 20_000, 100_000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			a, _ := New(Config{})
			defer a.Close()
			for b.Loop() {
				a.Free(a.Alloc(size))
			}
		})
	}
}

// BenchmarkOpen is what a fuzzer pays for each program: a heap is opened, asked for one block, and closed.
func BenchmarkOpen(b *testing.B) {
	for _, prof := range profile.All() {
		b.Run("profile="+prof.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a, _ := New(Config{Profile: prof})
				a.Alloc(64)
				a.Close()
			}
		})
	}
}

// BenchmarkCheck checks a heap of a hundred blocks, as programs of a fuzzer ask for it.
func BenchmarkCheck(b *testing.B) {
	for _, prof := range profile.All() {
		a, _ := New(Config{Profile: prof})
		for n := range uintptr(100) {
			a.Alloc(n * 5)
		}
		b.Run("profile="+prof.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := a.CheckInvariants(); err != nil {
					b.Fatal(err)
				}
			}
		})
		a.Close()
	}
}

func BenchmarkChurn(b *testing.B) {
	for _, prof := range profile.All() {
		b.Run("profile="+prof.Name, func(b *testing.B) {
			a, _ := New(Config{Profile: prof})
			defer a.Close()
			live := make([]unsafe.Pointer, 100_000)
			x := uint64(1)
			next := func() uint64 { x ^= x << 13; x ^= x >> 7; x ^= x << 17; return x }
			for i := range live {
				live[i] = a.Alloc(uintptr(next()%512 + 1))
			}
			for b.Loop() {
				r := next()
				i := r % uint64(len(live))
				a.Free(live[i])
				live[i] = a.Alloc(uintptr(r>>32%512 + 1))
				*(*byte)(live[i]) = 1
			}
		})
	}
}
