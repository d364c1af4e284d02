package heaptest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"heapfuzz/model/heap"
	"heapfuzz/props/suite"
)

// stuck does not return from a request for 32 bytes.
type stuck struct{ *heap.Reference }

func (a stuck) Alloc(size uintptr) unsafe.Pointer {
	for size == 32 {
		time.Sleep(time.Millisecond)
	}
	return a.Reference.Alloc(size)
}

// inChild runs this test binary once more, for one test and with the environment that makes it misbehave, in a folder
// of its own.
func inChild(t *testing.T, test, mode string) (output, dir string) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$/^conforms$", "-test.v", "-test.timeout=60s",
		"-rapid.seed=1")
	cmd.Env, cmd.Dir = append(os.Environ(), "HEAPTEST_CHILD="+mode), dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the child passed:\n%s", out)
	}
	return string(out), dir
}

// A target that hangs ends the process, and the program is told: a goroutine cannot be stopped.
func TestHang(t *testing.T) {
	if os.Getenv("HEAPTEST_CHILD") == "hang" {
		Run(t, func() Allocator { return stuck{heap.NewReference()} }, Promise(heap.ReferenceContract),
			Patience(2*time.Second))
		return
	}
	out, _ := inChild(t, "TestHang", "hang")
	for _, want := range []string{"run/alive: allocator does not return from this program:", "size=32"} {
		if !strings.Contains(out, want) {
			t.Errorf("the child's output lacks %q:\n%s", want, out)
		}
	}
}

// What Run finds is kept beside the test, told of in the report, and tried first the next time.
func TestRunKeepsWhatItFinds(t *testing.T) {
	if os.Getenv("HEAPTEST_CHILD") == "keep" {
		Run(t, func() Allocator { return tight{heap.NewReference()} }, Promise(heap.ReferenceContract))
		return
	}
	out, dir := inChild(t, "TestRunKeepsWhatItFinds", "keep")
	files, err := filepath.Glob(filepath.Join(dir, suite.Found, "*.txt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files were kept: %v\n%s", len(files), err, out)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	head := "# property conforms\n# rule heap/size\n# target allocator\n"
	program, ok := strings.CutPrefix(string(kept), head)
	asks := strings.Contains(program, "size=32") || strings.Contains(program, "n=2 size=16")
	if !ok || !asks || strings.Count(program, "\n") > 2 {
		t.Errorf("kept\n%swant the head\n%sand a request for 32 bytes", kept, head)
	}
	if name := filepath.Join(suite.Found, filepath.Base(files[0])); !strings.Contains(out, name) {
		t.Errorf("the report does not name %s:\n%s", name, out)
	}
	again := exec.Command(os.Args[0], "-test.run=^TestRunKeepsWhatItFinds$/^found$", "-test.v")
	again.Env, again.Dir = append(os.Environ(), "HEAPTEST_CHILD=keep"), dir
	text, err := again.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "found/"+filepath.Base(files[0])) {
		t.Errorf("what was kept is not tried first: %v\n%s", err, text)
	}
}

func TestOptions(t *testing.T) {
	opened := 0
	err := Test(func() Allocator { t.Error("the plain open was called"); return nil }, Named("tight"),
		Programs(50), Seed(9),
		Promise(heap.ReferenceContract), InWorld(func(w World) (Allocator, error) {
			opened++
			return tight{heap.NewReference()}, nil
		}))
	if err == nil || !strings.Contains(err.Error(), "HEAPFUZZ_SEED=9") || opened == 0 {
		t.Errorf("after %d openings: %v", opened, err)
	}
	t.Setenv("HEAPFUZZ_SEED", "seven")
	if err := Test(func() Allocator {
		return heap.NewReference()
	}); err == nil || !strings.Contains(err.Error(), "HEAPFUZZ_SEED") {
		t.Errorf("a seed that is no number gave %v", err)
	}
}

func TestOpenThatReturnsNil(t *testing.T) {
	err := Test(func() Allocator { return nil })
	if err == nil || !strings.Contains(err.Error(), "returned nil") {
		t.Errorf("got %v", err)
	}
}
