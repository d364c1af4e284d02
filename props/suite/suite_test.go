package suite_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"heapfuzz/props/dicttest"
	"heapfuzz/props/suite"
)

// TestMain has Go's heap grow to 16 MiB before it is collected: next to nothing outlives a program, and collections at
// 4 MiB, with the pages that were given back and touched again, took a fifth of the time or more.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// A test of caches was here first, and left what the language of dicts cannot say.
func TestRunLeavesWhatOthersFound(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(suite.Found, 0o777); err != nil {
		t.Fatal(err)
	}
	repro := "# property conforms\n# rule cache/policy\n# target cache\nput key=1 value=0\n"
	if err := os.WriteFile(filepath.Join(suite.Found, "x.txt"), []byte(repro), 0o666); err != nil {
		t.Fatal(err)
	}
	dicttest.Run(t, func(int) dicttest.Dict {
		m := plain{}
		return dicttest.Map[int, int]{Get: m.get, Set: m.set, Delete: m.delete, Len: m.len}.Dict()
	})
}

type plain map[int]int

func (m plain) get(key int) (int, bool) { value, ok := m[key]; return value, ok }
func (m plain) set(key, value int)      { m[key] = value }
func (m plain) len() int                { return len(m) }

func (m plain) delete(key int) bool {
	_, ok := m[key]
	delete(m, key)
	return ok
}
