package gc

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"heapfuzz/impl/object"
)

// benchProfiles are the first and the last of each shape of head and instance.
var benchProfiles = []string{"3.6", "3.8", "3.12"}

// A stopwatch adds up the time of a processor, which other work on the machine disturbs less than the time of day.
type stopwatch struct{ began, total int64 }

func cpuTime() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return t.Nano()
}

func (s *stopwatch) start() { runtime.LockOSThread(); s.began = cpuTime() }
func (s *stopwatch) stop()  { s.total += cpuTime() - s.began; runtime.UnlockOSThread() }

// report gives both times for an object.
func (s *stopwatch) report(b *testing.B, objects int) {
	per := float64(b.N) * float64(objects)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/per, "ns/object")
	b.ReportMetric(float64(s.total)/per, "cpu-ns/object")
}

func openBench(b *testing.B, profile string) (*object.Heap, *Collector, object.TypeID) {
	b.Helper()
	p, _ := object.ProfileByName(profile)
	h, err := object.New(object.Config{Profile: p})
	if err != nil {
		b.Fatal(err)
	}
	c, err := New(h)
	if err != nil {
		b.Fatal(err)
	}
	id, err := h.Define(object.Type{Name: "node", Kind: object.KindSlotted, Attrs: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := h.Close(); err != nil {
			b.Error(err)
		}
	})
	return h, c, id
}

// BenchmarkLive collects a million objects that live, each with two references to others at random. A list holds them.
func BenchmarkLive(b *testing.B) {
	const n = 1_000_000
	for _, name := range benchProfiles {
		b.Run("profile="+name, func(b *testing.B) {
			h, c, id := openBench(b, name)
			c.Disable()
			r := rand.New(rand.NewPCG(1, 1))
			all, list := make([]object.Ref, n), h.NewList(n)
			for i := range all {
				all[i] = h.New(id)
				h.SetItem(list, i, all[i])
				h.Decref(all[i])
			}
			for _, o := range all {
				h.SetItem(o, 0, all[r.IntN(n)])
				h.SetItem(o, 1, all[r.IntN(n)])
			}
			var w stopwatch
			for b.Loop() {
				w.start()
				c.Collect(2)
				w.stop()
			}
			w.report(b, n)
		})
	}
}

// BenchmarkDead collects a million objects that are dead, in rings.
func BenchmarkDead(b *testing.B) {
	const n = 1_000_000
	for _, ring := range []int{2, 1000} {
		for _, name := range benchProfiles {
			b.Run(fmt.Sprintf("profile=%s/ring=%d", name, ring), func(b *testing.B) {
				h, c, id := openBench(b, name)
				c.Disable()
				var w stopwatch
				for b.Loop() {
					b.StopTimer()
					for range n / ring {
						first := h.New(id)
						last := first
						for range ring - 1 {
							o := h.New(id)
							h.SetItem(last, 0, o)
							h.Decref(o)
							last = o
						}
						h.SetItem(last, 0, first)
						h.Decref(first)
					}
					b.StartTimer()
					w.start()
					got := c.Collect(2)
					if w.stop(); got != n {
						b.Fatalf("%d collected", got)
					}
				}
				w.report(b, n)
			})
		}
	}
}

// BenchmarkChurn makes a million objects that hold themselves, and lets the collector come when it is due.
func BenchmarkChurn(b *testing.B) {
	const n = 1_000_000
	for _, name := range benchProfiles {
		b.Run("profile="+name, func(b *testing.B) {
			h, c, id := openBench(b, name)
			b.ReportAllocs()
			var w stopwatch
			for b.Loop() {
				w.start()
				for range n {
					o := h.New(id)
					h.SetItem(o, 0, o)
					h.Decref(o)
					c.Safepoint()
				}
				w.stop()
			}
			w.report(b, n)
		})
	}
}

// BenchmarkChain lets a chain of ten million objects die.
func BenchmarkChain(b *testing.B) {
	const n = 10_000_000
	for _, name := range benchProfiles {
		b.Run("profile="+name, func(b *testing.B) {
			h, c, id := openBench(b, name)
			c.Disable()
			var w stopwatch
			for b.Loop() {
				b.StopTimer()
				var o object.Ref
				for range n {
					next := h.New(id)
					h.SetItem(next, 0, o)
					h.Decref(o)
					o = next
				}
				b.StartTimer()
				w.start()
				h.Decref(o)
				w.stop()
			}
			if h.Live() != 0 {
				b.Fatalf("%d objects live", h.Live())
			}
			w.report(b, n)
		})
	}
}
