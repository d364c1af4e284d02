package dictcanary

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/dict"
	"heapfuzz/props"
)

// TestMain has Go's heap grow to 16 MiB before it is collected: next to nothing outlives a program, and collections at
// 4 MiB, with the pages that were given back and touched again, took a fifth of the time or more.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

var update = flag.Bool("update", false, "write the reproducers into corpus/dict/found and corpus/cache/found")

// budget tries canaries at the same time, as they are Go.
func budget(found string) canarytest.Budget {
	b := canarytest.Budget{OpsMax: 300, Parallel: true}
	if *update {
		b.Found = found
	}
	return b
}

func TestCaught(t *testing.T) {
	t.Run("dict", func(t *testing.T) { canarytest.Caught(t, Dicts(), budget("../../../corpus/dict/found")) })
	t.Run("cache", func(t *testing.T) { canarytest.Caught(t, Caches(), budget("../../../corpus/cache/found")) })
}

// TestBase tries what canaries are made from without a defect, whatever is hidden of it.
func TestBase(t *testing.T) {
	for _, r := range []row{
		{Name: "toy"},
		{Name: "live", live: true},
		{Name: "cache", cache: true},
		{Name: "storing", cache: true, hide: storing},
		{Name: "resizing", cache: true, hide: resizing},
		{Name: "removing", cache: true, hide: removing},
	} {
		t.Run(r.Name, func(t *testing.T) { canarytest.Conforms(t, r.subject, 150, budget("")) })
	}
}

// TestCovers demands a canary of every rule and of every defect.
func TestCovers(t *testing.T) {
	canarytest.Covers(t, All(), append(dict.Rules, props.Alive), nil)
	has := map[Bug]bool{}
	for _, r := range table {
		has[r.Bug] = true
	}
	for b := Sound; b < bugs; b++ {
		if !has[b] && b != Sound {
			t.Errorf("no canary has defect %d", b)
		}
	}
}
