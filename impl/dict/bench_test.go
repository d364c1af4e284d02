package dict

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The names are impl=…/op=…/key=…/len=…, and ns/op is the time of one insertion, search, deletion or step.
//
//	insert    into an empty dict that grows to len; its end is part of it
//	hit       keys that are there, in random order
//	miss      keys that are not
//	delete    all keys in random order, each of which is put back beforehand; refilling is not timed
//	iterate   one entry of a walk over all
//
// Number keys are drawn from 2^40 without repetition; string keys are their decimal digits.

// benchKeys draws the keys of a table, and as many others.
func benchKeys(n int) (keys, others []int64) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[int64]bool{}
	draw := func() int64 {
		for {
			if k := r.Int64N(1 << 40); !seen[k] {
				seen[k] = true
				return k
			}
		}
	}
	for range n {
		keys = append(keys, draw())
	}
	for range n {
		others = append(others, draw())
	}
	return keys, others
}

func shuffled[T any](in []T) []T {
	out := append([]T(nil), in...)
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func BenchmarkDict(b *testing.B) {
	for _, n := range []int{1000, 1000000} {
		keys, others := benchKeys(n)
		benchDict(b, n, keys, others)
		benchMap(b, "int", n, keys, others)
		toText := func(in []int64) (out []string) {
			for _, k := range in {
				out = append(out, fmt.Sprint(k))
			}
			return out
		}
		benchMap(b, "str", n, toText(keys), toText(others))
	}
}

func benchDict(b *testing.B, n int, keys, others []int64) {
	for _, kind := range []string{"int", "str"} {
		s, err := NewSpace(Config{})
		if err != nil {
			b.Fatal(err)
		}
		words := func(in []int64) (out []Word) {
			for _, k := range in {
				if kind == "int" {
					out = append(out, Int(k))
				} else {
					out = append(out, s.NewStr(fmt.Sprint(k)))
				}
			}
			return out
		}
		in, out := words(keys), words(others)
		name := func(op string) string { return fmt.Sprintf("impl=dict/op=%s/key=%s/len=%d", op, kind, n) }
		benchDictOps(b, s, name, in, out)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchDictOps(b *testing.B, s *Space, name func(string) string, in, out []Word) {
	fill := func() Dict {
		d := s.New()
		for _, k := range in {
			_ = s.Set(d, k, k)
		}
		return d
	}
	mixed := shuffled(in)
	b.Run(name("insert"), func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += len(in) {
			d := s.New()
			for _, k := range in[:min(len(in), b.N-i)] {
				_ = s.Set(d, k, k)
			}
			s.Free(d)
		}
	})
	d := fill()
	search := func(keys []Word, want bool) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(keys) {
				for _, k := range keys[:min(len(keys), b.N-i)] {
					if _, ok, _ := s.Get(d, k); ok != want {
						b.Fatal("wrong answer")
					}
				}
			}
		}
	}
	b.Run(name("hit"), search(mixed, true))
	b.Run(name("miss"), search(out, false))
	b.Run(name("iterate"), func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += len(in) {
			it := s.Iter(d)
			for range min(len(in), b.N-i) {
				if _, _, ok, _ := s.Next(&it); !ok {
					b.Fatal("too short")
				}
			}
		}
	})
	s.Free(d)
	b.Run(name("delete"), func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += len(in) {
			b.StopTimer()
			d := fill()
			b.StartTimer()
			for _, k := range mixed[:min(len(in), b.N-i)] {
				if ok, _ := s.Delete(d, k); !ok {
					b.Fatal("not there")
				}
			}
			b.StopTimer()
			s.Free(d)
			b.StartTimer()
		}
	})
}

// benchMap is the same for Go's map.
func benchMap[K comparable](b *testing.B, kind string, n int, in, out []K) {
	name := func(op string) string { return fmt.Sprintf("impl=gomap/op=%s/key=%s/len=%d", op, kind, n) }
	fill := func() map[K]K {
		m := map[K]K{}
		for _, k := range in {
			m[k] = k
		}
		return m
	}
	mixed := shuffled(in)
	b.Run(name("insert"), func(b *testing.B) {
		for i := 0; i < b.N; i += n {
			m := map[K]K{}
			for _, k := range in[:min(n, b.N-i)] {
				m[k] = k
			}
		}
	})
	m := fill()
	search := func(keys []K, want bool) func(b *testing.B) {
		return func(b *testing.B) {
			for i := 0; i < b.N; i += n {
				for _, k := range keys[:min(n, b.N-i)] {
					if _, ok := m[k]; ok != want {
						b.Fatal("wrong answer")
					}
				}
			}
		}
	}
	b.Run(name("hit"), search(mixed, true))
	b.Run(name("miss"), search(out, false))
	b.Run(name("iterate"), func(b *testing.B) {
		for i := 0; i < b.N; {
			for range m {
				if i++; i >= b.N {
					break
				}
			}
		}
	})
	b.Run(name("delete"), func(b *testing.B) {
		for i := 0; i < b.N; i += n {
			b.StopTimer()
			m := fill()
			b.StartTimer()
			for _, k := range mixed[:min(n, b.N-i)] {
				delete(m, k)
			}
		}
	})
}
