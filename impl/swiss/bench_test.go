package swiss

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The names, the keys and what is timed are those of the benchmark in impl/dict: impl=…/op=…/key=…/len=….
func BenchmarkSwiss(b *testing.B) {
	for _, n := range []int{1000, 1000000} {
		r := rand.New(rand.NewPCG(1, 2))
		in, out := make([]uint64, n), make([]uint64, n)
		for i := range in { // one may come twice in 2^40
			in[i], out[i] = uint64(r.Int64N(1<<40)), uint64(r.Int64N(1<<40))|1<<41
		}
		mixed := append([]uint64(nil), in...)
		r.Shuffle(n, func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		benchOps(b, New(memory(b), nil), in, mixed, out)
	}
}

func benchOps(b *testing.B, m *Map, in, mixed, out []uint64) {
	n := len(in)
	name := func(op string) string { return fmt.Sprintf("impl=swiss/op=%s/key=int/len=%d", op, n) }
	fill := func() {
		for _, k := range in {
			m.Set(k, k)
		}
	}
	b.Run(name("insert"), func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += n {
			for _, k := range in[:min(n, b.N-i)] {
				m.Set(k, k)
			}
			m.Clear()
		}
	})
	fill()
	search := func(keys []uint64, want bool) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i += n {
				for _, k := range keys[:min(n, b.N-i)] {
					if _, ok := m.Get(k); ok != want {
						b.Fatal("wrong answer")
					}
				}
			}
			b.ReportMetric(float64(m.Size())/float64(m.Len()), "B/entry")
		}
	}
	b.Run(name("hit"), search(mixed, true))
	b.Run(name("miss"), search(out, false))
	b.Run(name("iterate"), func(b *testing.B) {
		for i := 0; i < b.N; {
			it := m.Iter()
			for _, _, ok := it.Next(); ok && i < b.N; _, _, ok = it.Next() {
				i++
			}
		}
	})
	b.Run(name("delete"), func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += n {
			b.StopTimer()
			fill()
			b.StartTimer()
			for _, k := range mixed[:min(n, b.N-i)] {
				m.Delete(k)
			}
		}
	})
	m.Clear()
}
