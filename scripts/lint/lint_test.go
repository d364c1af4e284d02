package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// clean is a small repository in which every rule has something to look at and nothing to say. A case plants files in
// it.
var clean = archive(`
-- go.mod --
module heapfuzz

go 1.26.0
-- README.md --
Run "go test ./..." in the folder of the repository, or in ~/home/heapfuzz.
-- ARCHITECTURE.md --
See https://example.com/home/page and $HOME/home/x and props/home/x.
-- .ci/run --
exec scripts/check
-- model/model.go --
// Package model says what is right about x. It needs nothing but the std library.
package model
-- impl/doc.go --
// Package impl is the picture of all layers. It holds no code but the benchmark of all.
package impl
-- impl/all_test.go --
package impl

import _ "heapfuzz/impl/arena"
import _ "heapfuzz/impl/slab"
import _ "modernc.org/memory"
-- impl/internal/invariant/on.go --
// Package invariant is assertions that cost nothing. They are compiled in by a build tag.
package invariant
-- impl/page/page.go --
// Package page is memory from the operating system. Nobody else calls mmap in this house.
package page

import _ "unsafe"
import _ "golang.org/x/sys/unix"
import _ "heapfuzz/impl/internal/invariant"
-- impl/arena/arena.go --
// Package arena is blocks of any size. It asks page for large ones and keeps the others.
package arena

import _ "heapfuzz/impl/page"
-- impl/slab/slab.go --
// Package slab is a second design beside arena. It has bitmaps in place of free lists.
package slab

import _ "heapfuzz/impl/page"
-- impl/slab/outside_test.go --
package slab_test

import _ "github.com/google/go-cmp/cmp"
import _ "heapfuzz/impl/slab"
-- props/heaptest/heaptest.go --
// Package heaptest is the suite that outsiders import. A whole outsider's file is 15 lines.
package heaptest

import _ "unsafe"
import _ "pgregory.net/rapid"
import _ "heapfuzz/model"

// Allocator is the least that an allocator does.
type Allocator interface{ Alloc() }

// Bump allocates from the front.
type Bump struct{}

func (Bump) Alloc() {}

func (Bump) String() string { return "" }

type hidden[T any] struct{}

func (*hidden[T]) Do() {}

// Status is how it went.
type Status uint8

const (
	OK Status = iota
	Fail
)

// The limits.
const (
	Max = 1
	Min = 0
)
-- props/heaptest/testdata/outsider/go.mod --
module outsider
-- props/heaptest/testdata/outsider/x_test.go --
package outsider

import _ "unsafe"
import _ "heapfuzz/props/heaptest"
-- fuzz/fuzz.go --
// Package fuzz is the table of all targets. It may import anything that it likes to.
package fuzz

import _ "unsafe"
import _ "heapfuzz/impl/slab"
import _ "heapfuzz/props/heaptest"
-- corpus/README.md --
What was learnt.
-- corpus/heap/a.txt --
p0 = alloc size=1
-- scripts/lint/main.go --
// Lint holds the house to its plan of arrows.
package main

func main() {}
-- scripts/tools/go.mod --
module heapfuzz/scripts/tools
-- scripts/tools/main.go --
package tools

import "C"
`)

// archive takes a text apart into files, each after a line with its path.
func archive(text string) map[string]string {
	files, at := map[string]string{}, ""
	for line := range strings.Lines(text) {
		if p, ok := strings.CutPrefix(line, "-- "); ok {
			at = strings.TrimSuffix(p, " --\n")
			files[at] = ""
		} else if at != "" {
			files[at] += line
		}
	}
	return files
}

// someHome is a path that the rule machine forbids, in two parts lest it be found in this file.
const someHome = "/" + "home/ada/x"

// twoSentences is a package comment that is long enough.
const twoSentences = "// Here is what a stranger has to know. There are two or three ideas in it.\n"

// goFile is a file of a package that imports the given paths.
func goFile(pkg string, imports ...string) string {
	text := "package " + pkg + "\n"
	for _, imp := range imports {
		text += "\nimport _ \"" + imp + "\"\n"
	}
	return text
}

var planted = []struct {
	name  string
	files map[string]string // laid over clean; "" takes a file away
	want  []string          // the beginnings of the problems
}{
	{name: "clean"},
	{
		"a model that knows an implementation",
		map[string]string{"model/x.go": goFile("model", "heapfuzz/impl/page")},
		[]string{"model/x.go:3: arrows: model may not import heapfuzz/impl/page"},
	},
	{
		"a model with a library",
		map[string]string{"model/x_test.go": goFile("model", "github.com/google/go-cmp/cmp")},
		[]string{"model/x_test.go:3: arrows: model may not import github.com/google/go-cmp/cmp"},
	},
	{
		"an implementation that knows the model, behind a tag of another system",
		map[string]string{"impl/page/x_plan9.go": "//go:build gofuzz\n\n" + goFile("page", "heapfuzz/model/heap")},
		[]string{"impl/page/x_plan9.go:5: arrows: impl may not import heapfuzz/model/heap"},
	},
	{
		"an implementation whose test imports the suite",
		map[string]string{"impl/page/x_test.go": goFile("page_test", "heapfuzz/props/heaptest", "heapfuzz/fuzz")},
		[]string{
			"impl/page/x_test.go:3: arrows: impl may not import heapfuzz/props/heaptest",
			"impl/page/x_test.go:5: arrows: impl may not import heapfuzz/fuzz",
		},
	},
	{
		"a library that only tests of impl may use",
		map[string]string{"impl/page/x.go": goFile("page", "pgregory.net/rapid")},
		[]string{"impl/page/x.go:3: arrows: impl may not import pgregory.net/rapid"},
	},
	{
		"props that know an implementation",
		map[string]string{"props/run.go": twoSentences + goFile("props", "heapfuzz/impl/slab")},
		[]string{"props/run.go:4: arrows: props may not import heapfuzz/impl/slab"},
	},
	{
		"rapid outside the suites",
		map[string]string{"props/run.go": twoSentences + goFile("props", "pgregory.net/rapid")},
		[]string{"props/run.go:4: arrows: props may not import pgregory.net/rapid"},
	},
	{
		"a folder that only begins like an allowed one",
		map[string]string{"model/x.go": goFile("model", "heapfuzz/modelling", "golang.org/x/sysinfo")},
		[]string{
			"model/x.go:3: arrows: model may not import heapfuzz/modelling",
			"model/x.go:5: arrows: model may not import golang.org/x/sysinfo",
		},
	},
	{
		"a lower layer that imports a higher one",
		map[string]string{"impl/page/x.go": goFile("page", "heapfuzz/impl/arena")},
		[]string{"impl/page/x.go:3: layers: impl/arena is not below impl/page"},
	},
	{
		"a layer that imports its neighbour",
		map[string]string{"impl/page/x.go": goFile("page", "heapfuzz/impl/profile")},
		[]string{"impl/page/x.go:3: layers: impl/profile is not below impl/page"},
	},
	{
		"a layer that imports what stands beside",
		map[string]string{"impl/arena/x.go": goFile("arena", "heapfuzz/impl/slab")},
		[]string{"impl/arena/x.go:3: layers: impl/slab is not below impl/arena"},
	},
	{
		"a package that is no layer",
		map[string]string{"impl/util/x.go": twoSentences + goFile("util")},
		[]string{"impl/util: layers: not a layer yet"},
	},
	{
		"unsafe below a folder that has it for itself",
		map[string]string{"fuzz/trace/x.go": twoSentences + goFile("trace", "unsafe")},
		[]string{"fuzz/trace/x.go:4: unsafe: do without unsafe"},
	},
	{
		"unsafe where only tests may have it",
		map[string]string{
			"props/x_test.go": goFile("props", "unsafe"),
			"props/x.go":      twoSentences + goFile("props", "unsafe"),
		},
		[]string{"props/x.go:4: unsafe: do without unsafe"},
	},
	{
		"unsafe in a test of a folder below",
		map[string]string{"props/prog/x_test.go": goFile("prog", "unsafe")},
		[]string{"props/prog/x_test.go:3: unsafe: do without unsafe"},
	},
	{
		"cgo",
		map[string]string{"fuzz/x.go": "//go:build cgo\n\npackage fuzz\n\nimport \"C\"\n"},
		[]string{"fuzz/x.go:5: cgo: run C in a child process"},
	},
	{
		"no package comment",
		map[string]string{"impl/page/page.go": goFile("page")},
		[]string{"impl/page: package-doc: write a package comment"},
	},
	{
		"a package comment that repeats the name",
		map[string]string{"impl/page/page.go": "// Package page is the page package. Page!\n//\n" +
			"//\tpage.New() // Code is not counted. Not at all, not here.\n" + goFile("page")},
		[]string{"impl/page/page.go:1: package-doc: say in the package comment"},
	},
	{
		"a command that only says that it is one",
		map[string]string{"scripts/lint/main.go": "// Lint is a command.\npackage main\n\nfunc main() {}\n"},
		[]string{"scripts/lint/main.go:1: package-doc: say in the package comment"},
	},
	{
		"exported names without comments",
		map[string]string{"model/x.go": `package model

type (
	A int
	// B is told.
	B int
)

var V = 1

func F() {}

func (A) M() {}

const C = 2
`},
		[]string{
			"model/x.go:4: export-doc: say in a comment what A is",
			"model/x.go:9: export-doc: say in a comment what V is",
			"model/x.go:11: export-doc: say in a comment what F is",
			"model/x.go:13: export-doc: say in a comment what M is",
			"model/x.go:15: export-doc: say in a comment what C is",
		},
	},
	{
		"a line that is wide by its tabs",
		map[string]string{"model/x.go": "package model\n\n//" + strings.Repeat("ä", 118) + "\n" +
			"//\t\t" + strings.Repeat("x", 111) + "\n"},
		[]string{"model/x.go:4: line: break lines at 120 columns, tabs counting 4; 1 of"},
	},
	{
		"a file that does not parse",
		map[string]string{"model/x.go": "package\n"},
		[]string{"model/x.go: parse: make it parse"},
	},
	{
		"a new name at the top",
		map[string]string{"util/x.txt": "x", "util/y.txt": "x", "Makefile": "all:\n"},
		[]string{"Makefile: top: move it into one of model, impl", "util: top: "},
	},
	{
		"a corpus file that nothing reads",
		map[string]string{
			"corpus/heap/found/x.bin": "x", "corpus/heap/found/.txt": "x", "corpus/x.gz": "x",
			"corpus/y.txt.zst": "x",
		},
		[]string{
			"corpus/heap/found/.txt: corpus: nothing reads",
			"corpus/heap/found/x.bin: corpus: nothing reads",
			"corpus/x.gz: corpus: nothing reads",
		},
	},
	{
		"a corpus that is too large",
		map[string]string{
			"corpus/a.txt": strings.Repeat("x", corpusBytesMax/2),
			"corpus/b.txt": strings.Repeat("x", corpusBytesMax/2),
		},
		[]string{"corpus: corpus: compress, shorten or drop"},
	},
	{
		"folders of a machine",
		map[string]string{
			"README.md":    "one\ncd " + someHome + "\n",
			"scripts/x":    "cd \"/" + "work/main\"\nx=/" + "root/x\n",
			"corpus/x.md":  "C:" + `\Users\ada`,
			"corpus/x.zst": "\x00 " + someHome,
		},
		[]string{
			"README.md:2: machine: " + someHome[:9],
			"corpus/x.md:1: machine: C:" + `\Users\`,
			"scripts/x:1: machine: /" + "work/main",
			"scripts/x:2: machine: /" + "root/x",
		},
	},
}

// TestRules plants each breach in a clean repository: the rules must find it, and nothing else.
func TestRules(t *testing.T) {
	hit := map[string]bool{"outsider": true} // by TestLoad, which has a go command to ask
	for _, c := range planted {
		t.Run(c.name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for p, text := range overlay(c.files) {
				tree[p] = &fstest.MapFile{Data: []byte(text)}
			}
			read, err := Read(tree, slices.Collect(maps.Keys(tree)))
			if err != nil {
				t.Fatal(err)
			}
			got := Run(read)
			for i, p := range got {
				hit[p.Rule] = true
				if i >= len(c.want) || !strings.HasPrefix(p.String(), c.want[i]) {
					t.Errorf("problem %d is %q", i, p)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%d problems, want %d: %q", len(got), len(c.want), c.want)
			}
		})
	}
	for _, r := range rules {
		if !hit[r.Name] {
			t.Errorf("no case breaks the rule %s", r.Name)
		}
	}
}

// overlay lays files over the clean repository.
func overlay(files map[string]string) map[string]string {
	all := maps.Clone(clean)
	for p, text := range files {
		if all[p] = text; text == "" {
			delete(all, p)
		}
	}
	return all
}

// TestOutsider gives the rule dependencies that no arrow of ours shows.
func TestOutsider(t *testing.T) {
	tree := &Tree{Module: "heapfuzz", Deps: map[string][]string{
		"heapfuzz/props/heaptest":  {"fmt", "vendor/golang.org/x/net/idna", "heapfuzz/model", "pgregory.net/rapid"},
		"heapfuzz/props/graphtest": {"github.com/spf13/cobra", "heapfuzz/impl/page"},
	}}
	got := Run(tree)
	if len(got) != 2 || got[0].Rule != "outsider" || got[1].Rule != "outsider" || got[0].Path != "props/graphtest" {
		t.Errorf("problems are %q; want two of props/graphtest", got)
	}
}

// TestLoad plants an import of impl in a repository on disk, with git and without, and a file that git ignores.
func TestLoad(t *testing.T) {
	for _, git := range []bool{false, true} {
		root := t.TempDir()
		write := func(p, text string) {
			p = filepath.Join(root, p)
			if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		write("go.mod", clean["go.mod"])
		write("impl/slab/slab.go", strings.Replace(clean["impl/slab/slab.go"], "heapfuzz/impl/page", "fmt", 1))
		write("model/model.go", clean["model/model.go"])
		write("props/props.go", twoSentences+goFile("props", "heapfuzz/props/heaptest"))
		write("props/heaptest/x.go", twoSentences+goFile("heaptest", "heapfuzz/impl/slab"))
		write(".dot/x.txt", "x")
		want := []string{"props: outsider", "props/heaptest: outsider", "props/heaptest/x.go:4: arrows"}
		if git {
			if out, err := exec.Command("git", "-C", root, "init", "-q").CombinedOutput(); err != nil {
				t.Skipf("git init: %v: %s", err, out)
			}
			write(".gitignore", "*.out\n")
			write("x.out", "not looked at\n")
		}
		tree, err := Load(root)
		if err != nil {
			t.Fatal(err)
		}
		got := Run(tree)
		for i, p := range got {
			if i >= len(want) || !strings.HasPrefix(p.String(), want[i]) {
				t.Errorf("git %t: problem %d is %q", git, i, p)
			}
		}
		if len(got) != len(want) {
			t.Errorf("git %t: %d problems, want %d", git, len(got), len(want))
		}
	}
}
