package canary

import (
	"flag"
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
)

var update = flag.Bool("update", false, "write the reproducers into corpus/heap/found")

// budget tries one canary after the other: an allocator that strays would hit its neighbour.
func budget() canarytest.Budget {
	b := canarytest.Budget{OpsMax: 600}
	if *update {
		b.Found = "../../corpus/heap/found"
	}
	return b
}

func TestCaught(t *testing.T) { canarytest.Caught(t, All(), budget()) }

func TestBase(t *testing.T) {
	canarytest.Conforms(t, Base, canarytest.ProgramsDefault, budget(), props.Differential(reference()))
}

func reference() *props.Subject {
	return heaptest.Subject("reference", heap.ReferenceContract, func(heaptest.World) (heaptest.Allocator, error) {
		return heap.NewReference(), nil
	})
}

func TestCovers(t *testing.T) {
	canarytest.Covers(t, All(), append(heap.Rules, props.Alive), append(props.All(), props.Differential()))
}
