package gc

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"heapfuzz/impl/object"
)

// benchProfiles are the first and the last of each shape of head and instance.
var benchProfiles = []string{"3.6", "3.8", "3.12"}

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

// BenchmarkLive collects a million objects that live, each with two references to others at random.
func BenchmarkLive(b *testing.B) {
	const n = 1_000_000
	for _, name := range benchProfiles {
		b.Run("profile="+name, func(b *testing.B) {
			h, c, id := openBench(b, name)
			c.Disable()
			r := rand.New(rand.NewPCG(1, 1))
			all := make([]object.Ref, n)
			for i := range all {
				all[i] = h.New(id)
			}
			for _, o := range all {
				h.SetItem(o, 0, all[r.IntN(n)])
				h.SetItem(o, 1, all[r.IntN(n)])
			}
			for b.Loop() {
				c.Collect(2)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/object")
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
					if got := c.Collect(2); got != n {
						b.Fatalf("%d collected", got)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/object")
			})
		}
	}
}

// BenchmarkChurn makes objects that hold themselves, and lets the collector come when it is due.
func BenchmarkChurn(b *testing.B) {
	for _, name := range benchProfiles {
		b.Run("profile="+name, func(b *testing.B) {
			h, c, id := openBench(b, name)
			b.ReportAllocs()
			for b.Loop() {
				o := h.New(id)
				h.SetItem(o, 0, o)
				h.Decref(o)
				c.Safepoint()
			}
		})
	}
}
