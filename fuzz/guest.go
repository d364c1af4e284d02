//go:build !gofuzz

package fuzz

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"heapfuzz/fuzz/pipe"
	"heapfuzz/fuzz/shim"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
)

// A guest is a target in another process, which is there on some machines and not on others: so Targets has none, and
// Lookup finds it by its name. The name cpython means the python3 on the path, and cpython-3.11 the newest 3.11, on the
// path or among pyenv's. A binary for go-fuzz has no guests: its builder leaves out files that are embedded.

func init() {
	guests = func(name string) (Target, bool, error) {
		if !guestName.MatchString(name) {
			return Target{}, false, nil
		}
		t, err := guest(name)
		return t, true, err
	}
}

// guestName is the form of a guest's name.
var guestName = regexp.MustCompile(`^cpython(-\d+\.\d+(\.\d+)?)?(/[a-z]+)?$`)

// guest starts the guest of that name once, to see what it promises.
func guest(name string) (Target, error) {
	release, part, parted := strings.Cut(name, "/")
	python, err := interpreter(strings.TrimPrefix(strings.TrimPrefix(release, "cpython"), "-"))
	if err != nil {
		return Target{}, err
	}
	if parted {
		return guestPart(name, python, part)
	}
	argv := []string{python, "-S", "-E", "-c", shim.PythonGraph}
	g, err := pipe.Start(argv...)
	if err != nil {
		return Target{}, fmt.Errorf("target %s: %w", name, err)
	}
	contract := g.Contract
	if err := g.Quit(); err != nil {
		return Target{}, fmt.Errorf("target %s: %w", name, err)
	}
	return Target{
		Name: name, Subject: "graph", Contract: contract, Smoke: 1,
		Doc: "CPython itself, in another process: " + g.Name,
		New: func() *props.Subject { return graphtest.Subject(name, contract, guestOpener(argv, nil)) },
		twin: &twinned{parts: g.Offers, opener: func(offers func(string) bool) graphtest.Opener {
			return guestOpener(argv, offers)
		}},
	}, nil
}

// graphPart is a heap of objects in another process of which some parts are left out.
type graphPart struct {
	*pipe.Graph
	offers func(string) bool
}

func (p graphPart) Offers(part string) bool { return p.offers(part) }

// guestOpener starts the other side when a heap is first asked for. Offers may be nil: all parts that it has.
func guestOpener(argv []string, offers func(string) bool) graphtest.Opener {
	var g *pipe.Graph
	return func(w graphtest.World) (graphtest.Heap, error) {
		if g == nil {
			started, err := pipe.Start(argv...)
			if err != nil {
				return nil, err
			}
			g = started
		}
		if err := g.Reset(w.Limit, w.Auto, w.Variant); err != nil || offers == nil {
			return g, err
		}
		return graphPart{g, offers}, nil
	}
}

// interpreter finds a CPython: any with "", and otherwise the newest one whose version begins so.
func interpreter(version string) (string, error) {
	if version == "" {
		python, err := exec.LookPath("python3")
		if err != nil {
			return "", fmt.Errorf("target cpython: there is no python3 on the path")
		}
		return cmp.Or(itself(python), python), nil
	}
	if python, err := exec.LookPath("python" + version); err == nil {
		if python = itself(python); python != "" {
			return python, nil
		}
	}
	root := os.Getenv("PYENV_ROOT")
	if root == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		root = filepath.Join(home, ".pyenv")
	}
	found, err := filepath.Glob(filepath.Join(root, "versions", version+"*", "bin", "python"))
	if err != nil {
		return "", err
	}
	found = slices.DeleteFunc(found, func(path string) bool { // 3.1 is not 3.11
		v := filepath.Base(filepath.Dir(filepath.Dir(path)))
		return v != version && !strings.HasPrefix(v, version+".")
	})
	if len(found) == 0 {
		return "", fmt.Errorf("target cpython-%s: there is no python%[1]s on the path, and none among pyenv's", version)
	}
	return found[len(found)-1], nil
}

// executables are what itself has been told of each path.
var executables sync.Map

// itself asks an interpreter for the path of its own executable, "" when it does not run. What is on the path may be a
// shim of pyenv's: one of a version that is not switched on does nothing, and any other is a script that looks for the
// interpreter for longer than that takes to start. So it is asked once in the life of this process.
func itself(python string) string {
	if known, ok := executables.Load(python); ok {
		return known.(string)
	}
	exe := ""
	if out, err := exec.Command(python, "-c", "import sys; print(sys.executable or '')").Output(); err == nil {
		exe = cmp.Or(strings.TrimSpace(string(out)), python)
	}
	executables.Store(python, exe)
	return exe
}
