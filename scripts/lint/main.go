// Lint holds the house to its plan: which way imports go, where unsafe may stand, what a stranger must find written
// down. It looks for what go vet and staticcheck cannot know, because it is true of this repository only.
//
//	go run ./scripts/lint
//	props/run.go:12: arrows: props may not import heapfuzz/impl/page; move what needs it to fuzz
//
// Every problem is one line: the place, the rule, and what to do. The exit status is 1 when there is one. A rule is a
// row of the table rules; what it allows stands in tables beside it, each entry with its reason, so that an exception
// is a line that somebody reads. Each rule has a test that plants what it forbids.
//
// Sources are read as they are, not as a build sees them, so a forbidden import cannot hide behind a build tag or in a
// file for another system. Only the dependencies of dependencies are asked of `go list`.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
)

// Problem is one breach of one rule. Advice says what to do about it.
type Problem struct {
	Path   string // from the root, with slashes
	Line   int    // 0: the whole file or folder
	Rule   string
	Advice string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", p.Path, p.Rule, p.Advice)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.Path, p.Line, p.Rule, p.Advice)
}

// Rule is one thing that must hold. Check calls report for every place where it does not.
type Rule struct {
	Name, Doc string
	Check     func(t *Tree, report func(path string, line int, advice string))
}

var rules = []Rule{
	{"parse", "every Go file parses", checkParse},
	{"arrows", "imports go one way, and only to the modules that the folder may use", checkArrows},
	{"layers", "a layer of impl imports lower layers only", checkLayers},
	{"outsider", "who imports props/heaptest gets no implementation and no command with it", checkOutsider},
	{"unsafe", "unsafe stands only where a reason for it is written", checkUnsafe},
	{"cgo", "no package needs a C compiler", checkCgo},
	{"package-doc", "every package has a comment that a stranger can start from", checkPackageDoc},
	{"export-doc", "every exported name of model and props has a comment", checkExportDoc},
	{"line", "lines of Go are at most 120 columns wide", checkLines},
	{"top", "the top level holds only the names of the plan", checkTop},
	{"corpus", "corpus holds only data that somebody reads, and is small enough to clone", checkCorpus},
	{"machine", "no text names a folder of somebody's machine", checkMachine},
}

// Run applies all rules to the tree and returns their problems in order of place.
func Run(t *Tree) []Problem {
	var all []Problem
	for _, r := range rules {
		r.Check(t, func(path string, line int, advice string) {
			all = append(all, Problem{path, line, r.Name, advice})
		})
	}
	slices.SortStableFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return all
}

func main() {
	root := flag.String("root", ".", "the `folder` with go.mod")
	list := flag.Bool("rules", false, "print the rules and exit")
	flag.Parse()
	if *list {
		for _, r := range rules {
			fmt.Printf("%-12s %s\n", r.Name, r.Doc)
		}
		return
	}
	t, err := Load(*root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(2)
	}
	problems := Run(t)
	for _, p := range problems {
		fmt.Println(p)
	}
	if len(problems) > 0 {
		fmt.Fprintf(os.Stderr, "lint: %d problems in %d files\n", len(problems), len(t.Files))
		os.Exit(1)
	}
}
