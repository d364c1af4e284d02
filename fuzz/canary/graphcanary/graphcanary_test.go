package graphcanary

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
)

// TestMain has Go's heap grow to 16 MiB before it is collected: next to nothing outlives a program, and collections at
// 4 MiB, with the pages that were given back and touched again, took a fifth of the time or more.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

var update = flag.Bool("update", false, "write the reproducers into corpus/graph/found")

// budget tries canaries at the same time, as they are Go.
func budget() canarytest.Budget {
	b := canarytest.Budget{OpsMax: 300, Parallel: true}
	if *update {
		b.Found = "../../../corpus/graph/found"
	}
	return b
}

func TestCaught(t *testing.T) { canarytest.Caught(t, All(), budget()) }

// TestBase tries the heap without its defect, whatever is hidden of it.
func TestBase(t *testing.T) {
	for name, hide := range map[string]func(*toy) graphtest.Heap{
		"whole": nil, "uncounted": uncounted, "blind": blind, "silent": silent,
		"paced": paced,
	} {
		t.Run(name, func(t *testing.T) {
			canarytest.Conforms(t, row{Name: "base", hide: hide}.subject, 100, budget())
		})
	}
}

// TestCovers demands a canary of every rule and of every defect.
func TestCovers(t *testing.T) {
	canarytest.Covers(t, All(), append(graph.Rules, props.Alive), nil)
	has := map[Bug]bool{}
	for _, r := range table {
		has[r.Bug] = true
	}
	for b := Sound; b < bugs; b++ {
		if !has[b] {
			t.Errorf("no canary has defect %d", b)
		}
	}
}
