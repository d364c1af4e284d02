package pipe

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props/graphtest"
)

// TestPython runs the suite on the interpreter that is found.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	g, err := Start(python, "../shim/python/graph.py")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Quit()
	t.Log(g.Name)
	err = graphtest.Test(func() graphtest.Heap {
		if err := g.Reset(0, 0, 0); err != nil {
			t.Fatal(err)
		}
		return g
	}, graphtest.Named(g.Name), graphtest.Promise(g.Contract), graphtest.Programs(20))
	if err != nil {
		t.Error(err)
	}
}

var _ graph.Heap = (*Graph)(nil)
var _ = os.Args
var _ = strings.Cut
