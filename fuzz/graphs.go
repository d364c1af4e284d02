package fuzz

import (
	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
)

// graphTarget completes the target of a heap of objects.
func graphTarget(t Target, contract graph.Contract, open graphtest.Opener) Target {
	t.Subject, t.Contract = "graph", contract
	t.New = func() *props.Subject { return graphtest.Subject(t.Name, contract, open) }
	return t
}

// graphs are the heaps of objects that are meant to be right.
func graphs() []Target {
	return append([]Target{
		graphTarget(Target{
			Name: "graph-reference", Smoke: 20,
			Doc: "the heap that is believed by eye: it collects by searching all that is reachable",
		}, referenceContract(), func(graphtest.World) (graphtest.Heap, error) { return graph.NewReference(), nil }),
	}, pyGraphs()...)
}

// referenceContract has the reference tell kinds apart as CPython does, so that all answer a program alike.
func referenceContract() graph.Contract {
	c := graph.ReferenceContract
	c.Bare, c.Grows = pyBare, pyGrows
	return c
}
