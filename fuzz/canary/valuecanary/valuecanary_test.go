package valuecanary

import (
	"flag"
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/value"
	"heapfuzz/props"
	"heapfuzz/props/valuetest"
)

var update = flag.Bool("update", false, "write the reproducers into corpus/value/found")

// budget tries canaries at the same time, as they are Go.
func budget() canarytest.Budget {
	b := canarytest.Budget{OpsMax: 300, Parallel: true}
	if *update {
		b.Found = "../../../corpus/value/found"
	}
	return b
}

func TestCaught(t *testing.T) { canarytest.Caught(t, All(), budget()) }

// TestBase tries what canaries are made from without a defect.
func TestBase(t *testing.T) {
	canarytest.Conforms(t, func() *props.Subject {
		return valuetest.Subject("sound", value.ReferenceContract, func(valuetest.World) (value.Store, error) {
			return &store{Reference: value.NewReference()}, nil
		})
	}, 100, canarytest.Budget{OpsMax: 300})
}

// TestCovers demands a canary of every rule and of every defect.
func TestCovers(t *testing.T) {
	canarytest.Covers(t, All(), append(value.Rules, props.Alive), nil)
	has := map[Bug]bool{}
	for _, r := range table {
		has[r.bug] = true
	}
	for b := Sound + 1; b < bugs; b++ {
		if !has[b] {
			t.Errorf("no canary has defect %d", b)
		}
	}
}
