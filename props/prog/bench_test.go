package prog

import (
	"bytes"
	"testing"
)

// BenchmarkProg measures what stands between an engine and a target: 10,000 operations at a time, figures for one.
func BenchmarkProg(b *testing.B) {
	const n = 10_000
	data := noiseBytes(1, (n+1)*RecordBytes)
	p := toy.Decode(data)
	text := toy.Format(p)
	each := func(name string, f func()) {
		b.Run("op="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/operation")
		})
	}
	each("parse", func() {
		if _, err := toy.Parse("text", bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	})
	each("format", func() { toy.Format(p) })
	each("decode", func() { toy.DecodeInto(&p, data) })
	each("encode", func() { toy.Encode(p) })
	src := seeded(1)
	each("generate", func() { toy.Generate(src, toy.NewMix(src, nil), n) })
	short := seeded(1)
	b.Run("op=generate/n=100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			toy.Generate(short, toy.NewMix(short, nil), 100)
		}
	})
	b.Run("op=mutate/n=10000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			toy.Mutate(src, p)
		}
	})
}
