package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"unicode/utf8"
)

func checkParse(t *Tree, report func(string, int, string)) {
	for _, f := range t.Files {
		if f.Ours && f.Err != nil {
			report(f.Path, 0, fmt.Sprintf("make it parse: %v", f.Err))
		}
	}
}

// licence allows the packages of a folder to import unsafe.
type licence struct {
	folder string
	scope  scope
	why    string
}

// scope is the part of a folder that a licence is for.
type scope uint8

const (
	here  scope = iota // the folder without those below it
	below              // those too
	tests              // the test files of the folder only
)

var unsafeTable = []licence{
	{"impl", below, "memory is the subject: blocks, headers and free lists are bytes"},
	{"model/heap", below, "allocators speak unsafe.Pointer, so their shapes do"},
	{"props", tests, "the engine is tried on small allocators of the tests' own"},
	{"props/heaptest", below, "the driver fills and verifies the blocks that an allocator hands out"},
	{"fuzz", here, "adapters of the table of targets turn other people's pointers into ours"},
	{"fuzz/canary", below, "allocators that are wrong on purpose are still allocators"},
	{"fuzz/cmd/heapfuzz", tests, "the command is tried on small allocators of the tests' own"},
}

// covers tells whether a file may import unsafe.
func (l licence) covers(f *File) bool {
	switch l.scope {
	case below:
		return within(f.Dir(), l.folder)
	case tests:
		return f.Dir() == l.folder && f.IsTest()
	}
	return f.Dir() == l.folder
}

func checkUnsafe(t *Tree, report func(string, int, string)) {
	for _, f := range t.Ours() {
		if slices.ContainsFunc(unsafeTable, func(l licence) bool { return l.covers(f) }) {
			continue
		}
		for _, spec := range f.Syntax.Imports {
			if spec.Path.Value == `"unsafe"` {
				report(f.Path, f.Line(spec.Pos()), "do without unsafe, or move the code to impl; "+
					"a folder that cannot gets a row with its reason in unsafeTable of scripts/lint/source.go")
			}
		}
	}
}

func checkCgo(t *Tree, report func(string, int, string)) {
	for _, f := range t.Ours() {
		for _, spec := range f.Syntax.Imports {
			if spec.Path.Value == `"C"` {
				report(f.Path, f.Line(spec.Pos()),
					"run C in a child process: `CGO_ENABLED=0 go test ./...` is whole")
			}
		}
	}
}

const (
	columnsMax = 120
	tabColumns = 4
)

func checkLines(t *Tree, report func(string, int, string)) {
	for _, f := range t.Files {
		if f.fset == nil {
			continue
		}
		n, first, wide := 0, 0, 0
		for line := range bytes.Lines(f.Text) {
			n++
			if columns(bytes.TrimRight(line, "\r\n")) > columnsMax {
				wide++
				first = cmp.Or(first, n)
			}
		}
		if wide > 0 {
			report(f.Path, first, fmt.Sprintf("break lines at %d columns, tabs counting %d; %d of the file's are wider",
				columnsMax, tabColumns, wide))
		}
	}
}

// columns is the width of a line on a screen where a tab is four columns and every other character one.
func columns(line []byte) int {
	return utf8.RuneCount(line) + (tabColumns-1)*bytes.Count(line, []byte("\t"))
}
