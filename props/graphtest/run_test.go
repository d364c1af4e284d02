package graphtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props/suite"
)

// What Run finds is kept beside the test, told of in the report, and tried first the next time: in a child, which runs
// this test in a folder of its own and fails.
func TestRunKeepsWhatItFinds(t *testing.T) {
	const env = "GRAPHTEST_CHILD"
	if os.Getenv(env) != "" {
		Run(t, func() Heap { return newEager() }, Promise(graph.ReferenceContract))
		return
	}
	dir := t.TempDir()
	child := func(part string) string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestRunKeepsWhatItFinds$/"+part, "-test.v", "-rapid.seed=1")
		cmd.Env, cmd.Dir = append(os.Environ(), env+"=1"), dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Fatalf("the child passed:\n%s", out)
		}
		return string(out)
	}
	out := child("^conforms$")
	files, err := filepath.Glob(filepath.Join(dir, suite.Found, "*.txt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files were kept: %v\n%s", len(files), err, out)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if head := "# property conforms\n# rule graph/"; !strings.HasPrefix(string(kept), head) {
		t.Errorf("kept\n%swant a head that begins with\n%s", kept, head)
	}
	if name := filepath.Join(suite.Found, filepath.Base(files[0])); !strings.Contains(out, name) {
		t.Errorf("the report does not name %s:\n%s", name, out)
	}
	if again := child("^found$"); !strings.Contains(again, "found/"+filepath.Base(files[0])) {
		t.Errorf("what was kept is not tried first:\n%s", again)
	}
}

// A heap that cannot be opened is an error, and no finding.
func TestOpenThatReturnsNil(t *testing.T) {
	err := Test(func() Heap { return nil })
	if err == nil || !strings.Contains(err.Error(), "returned nil") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkReference(b *testing.B) {
	Bench(b, func() Heap { return graph.NewReference() }, Promise(graph.ReferenceContract))
}
