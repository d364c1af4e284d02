package peers

import (
	"fmt"
	"math/rand/v2"
	"testing"

	cockroach "github.com/cockroachdb/swiss"
	dolthub "github.com/dolthub/swiss"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/dict"
	"heapfuzz/impl/swiss"
)

// table is what the benchmark asks: maps of int keys and values.
type table struct {
	set  func(k, v uint64)
	get  func(k uint64) bool
	del  func(k uint64)
	each func() int // visits every entry
	free func()
}

// BenchmarkTables measures int keys that are random numbers of 40 bits, nanoseconds an operation.
func BenchmarkTables(b *testing.B) {
	for _, n := range []int{1000, 1000000} {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		keys, others := make([]uint64, n), make([]uint64, n)
		for i := range keys {
			keys[i], others[i] = r.Uint64N(1<<40), 1<<40+r.Uint64N(1<<40)
		}
		for _, impl := range []struct {
			name string
			open func() table
		}{
			{"dict", openDict}, {"swiss", openSwiss}, {"gomap", openMap}, {"cockroachdb", openCockroach},
			{"dolthub", openDolthub},
		} {
			b.Run(fmt.Sprintf("impl=%s/len=%d", impl.name, n), func(b *testing.B) { ops(b, impl.open, keys, others) })
		}
	}
}

func ops(b *testing.B, open func() table, keys, others []uint64) {
	fill := func() table {
		t := open()
		for _, k := range keys {
			t.set(k, k)
		}
		return t
	}
	per := func(b *testing.B, loop func(t table), keep bool) {
		t := fill()
		b.ResetTimer()
		for range b.N {
			if !keep {
				b.StopTimer()
				t.free()
				t = fill()
				b.StartTimer()
			}
			loop(t)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
		t.free()
	}
	b.Run("op=insert", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			t := open()
			b.StartTimer()
			for _, k := range keys {
				t.set(k, k)
			}
			b.StopTimer()
			t.free()
			b.StartTimer()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
	})
	look := func(in []uint64, want bool) func(table) {
		return func(t table) {
			for _, k := range in {
				if t.get(k) != want {
					b.Fatal("a lookup went wrong")
				}
			}
		}
	}
	b.Run("op=hit", func(b *testing.B) { per(b, look(keys, true), true) })
	b.Run("op=miss", func(b *testing.B) { per(b, look(others, false), true) })
	b.Run("op=delete", func(b *testing.B) {
		per(b, func(t table) {
			for _, k := range keys {
				t.del(k)
			}
		}, false)
	})
	b.Run("op=iterate", func(b *testing.B) { per(b, func(t table) { t.each() }, true) })
}

func openMap() table {
	m := map[uint64]uint64{}
	return table{
		func(k, v uint64) { m[k] = v }, func(k uint64) bool { _, ok := m[k]; return ok },
		func(k uint64) { delete(m, k) },
		func() (n int) {
			for range m {
				n++
			}
			return n
		}, func() {},
	}
}

func openCockroach() table {
	m := cockroach.New[uint64, uint64](0)
	return table{
		m.Put, func(k uint64) bool { _, ok := m.Get(k); return ok }, m.Delete,
		func() (n int) { m.All(func(uint64, uint64) bool { n++; return true }); return n }, m.Close,
	}
}

func openDolthub() table {
	m := dolthub.NewMap[uint64, uint64](0)
	return table{
		m.Put, func(k uint64) bool { _, ok := m.Get(k); return ok }, func(k uint64) { m.Delete(k) },
		func() (n int) { m.Iter(func(uint64, uint64) bool { n++; return false }); return n }, func() {},
	}
}

func openDict() table {
	s, err := dict.NewSpace(dict.Config{})
	if err != nil {
		panic(err)
	}
	d := s.New()
	return table{
		func(k, v uint64) {
			if err := s.Set(d, dict.Int(int64(k)), dict.Int(int64(v))); err != nil {
				panic(err)
			}
		},
		func(k uint64) bool { _, ok, _ := s.Get(d, dict.Int(int64(k))); return ok },
		func(k uint64) {
			if _, err := s.Delete(d, dict.Int(int64(k))); err != nil {
				panic(err)
			}
		},
		func() (n int) { s.All(d, func(_, _ dict.Word) bool { n++; return true }); return n },
		func() {
			s.Free(d)
			if err := s.Close(); err != nil {
				panic(err)
			}
		},
	}
}

func openSwiss() table {
	mem, err := arena.New(arena.Config{})
	if err != nil {
		panic(err)
	}
	m := swiss.New(mem, nil)
	return table{
		func(k, v uint64) { m.Set(k, v) }, func(k uint64) bool { _, ok := m.Get(k); return ok },
		func(k uint64) { m.Delete(k) },
		func() (n int) {
			for it := m.Iter(); ; n++ {
				if _, _, ok := it.Next(); !ok {
					return n
				}
			}
		},
		func() {
			if err := mem.Close(); err != nil {
				panic(err)
			}
		},
	}
}
