package impl_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
	"heapfuzz/impl/trial"
)

// collector is what both designs are.
type collector interface {
	Collect(int) int
	Disable()
	Safepoint()
}

var designs = []struct {
	name string
	open func(*object.Heap) (collector, error)
}{
	{"trial", func(h *object.Heap) (collector, error) { return trial.New(h) }},
	{"gc", func(h *object.Heap) (collector, error) { return gc.New(h) }},
}

// each runs a benchmark with each design, on the objects of 3.11.
func each(b *testing.B, name string, run func(*testing.B, *object.Heap, collector, object.TypeID)) {
	for _, d := range designs {
		b.Run("design="+d.name+name, func(b *testing.B) {
			p, _ := object.ProfileByName("3.11")
			h, err := object.New(object.Config{Profile: p})
			if err != nil {
				b.Fatal(err)
			}
			c, err := d.open(h)
			if err != nil {
				b.Fatal(err)
			}
			id, err := h.Define(object.Type{Name: "node", Kind: object.KindSlotted, Attrs: 2})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			run(b, h, c, id)
			if err := h.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

const objects = 1_000_000

func perObject(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/objects, "ns/object")
}

// BenchmarkCollectLive collects a million objects that live, each with two references to others at random, of which
// none, one or all lost a reference since the last collection. One leads to nearly all.
func BenchmarkCollectLive(b *testing.B) {
	for _, lost := range []int{0, 1, objects} {
		each(b, fmt.Sprintf("/lost=%d", lost), func(b *testing.B, h *object.Heap, c collector, id object.TypeID) {
			c.Disable()
			r := rand.New(rand.NewPCG(1, 1))
			all := make([]object.Ref, objects)
			for i := range all {
				all[i] = h.New(id)
			}
			for _, o := range all {
				h.SetItem(o, 0, all[r.IntN(objects)])
				h.SetItem(o, 1, all[r.IntN(objects)])
			}
			for b.Loop() {
				b.StopTimer()
				for _, o := range all[:lost] {
					h.Incref(o)
					h.Decref(o)
				}
				b.StartTimer()
				c.Collect(2)
			}
			perObject(b)
		})
	}
}

// BenchmarkCollectDead collects a million objects that are dead, in rings.
func BenchmarkCollectDead(b *testing.B) {
	for _, ring := range []int{2, 1000} {
		each(b, fmt.Sprintf("/ring=%d", ring), func(b *testing.B, h *object.Heap, c collector, id object.TypeID) {
			c.Disable()
			for b.Loop() {
				b.StopTimer()
				for range objects / ring {
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
				if got := c.Collect(2); got != objects {
					b.Fatalf("%d collected", got)
				}
			}
			perObject(b)
		})
	}
}

// BenchmarkCollectChurn makes objects that hold themselves, and lets the collector come when it is due; behind them
// lives nothing, or a million objects.
func BenchmarkCollectChurn(b *testing.B) {
	for _, behind := range []int{0, objects} {
		name := fmt.Sprintf("/behind=%d", behind)
		each(b, name, func(b *testing.B, h *object.Heap, c collector, id object.TypeID) {
			for range behind {
				h.New(id)
			}
			for b.Loop() {
				o := h.New(id)
				h.SetItem(o, 0, o)
				h.Decref(o)
				c.Safepoint()
			}
		})
	}
}

// BenchmarkDecref takes references away that are not the last, from objects in turn.
func BenchmarkDecref(b *testing.B) {
	each(b, "", func(b *testing.B, h *object.Heap, c collector, id object.TypeID) {
		c.Disable()
		all := make([]object.Ref, 1000)
		for i := range all {
			all[i] = h.New(id)
		}
		i := 0
		for b.Loop() {
			h.Incref(all[i])
			h.Decref(all[i])
			if i++; i == len(all) {
				i = 0
			}
		}
	})
}
