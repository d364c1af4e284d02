package graphtest_test

import (
	"math/rand/v2"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// BenchmarkGraph is what a checked operation costs. Programs are made beforehand, so that the time is the target's, the
// driver's and the model's; impl=none answers without a heap and shows what the engine takes.
func BenchmarkGraph(b *testing.B) {
	leaky := graph.Contract{Immediate: true, Retained: -1}
	for _, target := range []struct {
		name     string
		contract graph.Contract
		open     func() graph.Heap
	}{
		{"counter", leaky, func() graph.Heap { return NewCounter() }},
		{"reference", graph.ReferenceContract, func() graph.Heap { return graph.NewReference() }},
	} {
		b.Run("impl="+target.name, func(b *testing.B) {
			s := graphtest.Subject(target.name, target.contract, func(graphtest.World) (graph.Heap, error) {
				return target.open(), nil
			})
			src := rand.New(rand.NewPCG(1, 0))
			programs := make([]prog.Program, 100)
			for i := range programs {
				programs[i] = s.Spec.Generate(src, s.Spec.NewMix(src, s.Allows), prog.Length(src))
			}
			var r props.Runner
			ops := 0
			for i := 0; b.Loop(); i++ {
				res, err := r.Run(s, programs[i%len(programs)])
				if err != nil || res.Violation != nil {
					b.Fatal(err, res.Violation)
				}
				ops += len(res.Trace)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(ops), "ns/checked")
			b.ReportMetric(float64(ops)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}
