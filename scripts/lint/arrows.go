package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The modules that folders are allowed by name.
const (
	std     = "std"
	sys     = "golang.org/x/sys"
	rapid   = "pgregory.net/rapid"
	goCmp   = "github.com/google/go-cmp"
	modernc = "modernc.org/memory"
)

// arrow says what the packages of a folder may import: std, folders of ours, and modules by name. The longest folder
// that holds a package decides.
type arrow struct {
	folder string
	to     []string
	tests  []string // what its tests may import besides
	advice string
}

var arrowTable = []arrow{
	{
		folder: "model",
		to:     []string{std, "model"},
		advice: "a model is believed by eye, and needs nothing but std",
	},
	{
		folder: "impl",
		to:     []string{std, sys, "impl"},
		tests:  []string{goCmp, rapid, modernc},
		advice: "an implementation has the shape of model/heap without importing it, and is tried in fuzz",
	},
	{
		folder: "props",
		to:     []string{std, "model", "props"},
		tests:  []string{goCmp, rapid},
		advice: "move what needs it to fuzz",
	},
	{
		folder: "props/suite",
		to:     []string{std, "model", "props", rapid},
		advice: "outsiders' suites import this package, and get what it imports; move what needs it to fuzz",
	},
	{
		folder: "props/heaptest",
		to:     []string{std, "model", "props", goCmp, rapid},
		advice: "outsiders import this package, and get what it imports; move what needs it to fuzz",
	},
	{
		folder: "props/graphtest",
		to:     []string{std, "model", "props", goCmp, rapid},
		advice: "outsiders import this package, and get what it imports; move what needs it to fuzz",
	},
	{
		folder: "props/dicttest",
		to:     []string{std, "model", "props", goCmp, rapid},
		advice: "outsiders import this package, and get what it imports; move what needs it to fuzz",
	},
	// fuzz and scripts may import anything, and nobody above imports them.
}

func checkArrows(t *Tree, report func(string, int, string)) {
	for _, f := range t.Ours() {
		row := arrowOf(f.Dir())
		if row == nil {
			continue
		}
		allowed := row.to
		if f.IsTest() {
			allowed = slices.Concat(row.to, row.tests)
		}
		for _, spec := range f.Syntax.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if imp == "C" || t.allows(allowed, imp) {
				continue
			}
			report(f.Path, f.Line(spec.Pos()), fmt.Sprintf("%s may not import %s; %s", row.folder, imp, row.advice))
		}
	}
}

// arrowOf returns the row of the longest folder that holds dir, or nil.
func arrowOf(dir string) (best *arrow) {
	for i, row := range arrowTable {
		if within(dir, row.folder) && (best == nil || len(row.folder) > len(best.folder)) {
			best = &arrowTable[i]
		}
	}
	return best
}

// allows tells whether an import is one of those allowed.
func (t *Tree) allows(allowed []string, imp string) bool {
	dir, ours := t.folder(imp)
	return slices.ContainsFunc(allowed, func(a string) bool {
		switch {
		case ours:
			return within(dir, a)
		case a == std:
			return isStd(imp)
		}
		return within(imp, a)
	})
}

// folder returns the folder of an import that is ours.
func (t *Tree) folder(imp string) (dir string, ours bool) {
	if imp == t.Module {
		return ".", true
	}
	return strings.CutPrefix(imp, t.Module+"/")
}

// isStd tells whether an import that is not ours is of the standard library, in whose first elements there is no dot.
func isStd(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

// layer is the place of a package of impl. It may import the packages of lower levels. One that stands beside the
// others is imported by none of them, whatever the levels say.
type layer struct {
	folder string
	level  int
	beside bool
}

// layerTable is the picture of impl/doc.go as data.
var layerTable = []layer{
	{folder: "impl/internal/invariant", level: -1},
	{folder: "impl/page", level: 0},
	{folder: "impl/profile", level: 0},
	{folder: "impl/sizeclass", level: 1},
	{folder: "impl/slab", level: 2, beside: true},
	{folder: "impl/pool", level: 2},
	{folder: "impl/arena", level: 3},
	{folder: "impl/swiss", level: 4, beside: true},
	{folder: "impl/dict", level: 4}, // it knows no objects: its words are opaque, and objects are built on it
	{folder: "impl/object", level: 5},
	{folder: "impl/refcount", level: 6},
	{folder: "impl/gc", level: 6},
	{folder: "impl/trial", level: 6},
	{folder: "impl/pickle", level: 6},
	{folder: "impl/lru", level: 7},
	{folder: "impl", level: 8}, // no code: the picture, and the benchmark of all
}

func layerOf(dir string) *layer {
	if i := slices.IndexFunc(layerTable, func(l layer) bool { return l.folder == dir }); i >= 0 {
		return &layerTable[i]
	}
	return nil
}

func checkLayers(t *Tree, report func(string, int, string)) {
	unknown := map[string]bool{}
	for _, f := range t.Ours() {
		if !within(f.Dir(), "impl") {
			continue
		}
		from := layerOf(f.Dir())
		if from == nil {
			if !unknown[f.Dir()] {
				report(f.Dir(), 0, "not a layer yet; give it a level in layerTable of scripts/lint/arrows.go")
			}
			unknown[f.Dir()] = true
			continue
		}
		for _, spec := range f.Syntax.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			dir, ours := t.folder(imp)
			if !ours || dir == f.Dir() { // a test outside the package imports it
				continue
			}
			to := layerOf(dir)
			if to == nil || to.level < from.level && (!to.beside || from.folder == "impl") {
				continue
			}
			report(f.Path, f.Line(spec.Pos()), fmt.Sprintf(
				"%s is not below %s; move the code to the layer whose matter it is", to.folder, from.folder))
		}
	}
}

// outsiders are the packages that other people's tests import, and all that may come with them. That includes what the
// imports of other modules bring, which the arrows do not see.
var outsiders = arrow{
	folder: "props",
	to:     []string{std, "model", "props", goCmp, rapid},
}

func checkOutsider(t *Tree, report func(string, int, string)) {
	for pkg, deps := range t.Deps {
		dir, ours := t.folder(pkg)
		if !ours || !within(dir, outsiders.folder) {
			continue
		}
		for _, dep := range deps {
			if dep != "C" && !t.allows(outsiders.to, dep) {
				report(dir, 0, fmt.Sprintf(
					"an outsider who imports it gets %s too; find the way with `go mod why %s` and cut it", dep, dep))
			}
		}
	}
}
