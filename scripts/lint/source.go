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
	below  bool // and of the folders below it
	why    string
}

var unsafeTable = []licence{
	{"impl", true, "memory is the subject: blocks, headers and free lists are bytes"},
	{"model/heap", true, "allocators speak unsafe.Pointer, so their shapes do"},
	{"props/heaptest", true, "the driver fills and verifies the blocks that an allocator hands out"},
	{"fuzz", false, "adapters of the table of targets turn other people's pointers into ours"},
	{"fuzz/canary", true, "allocators that are wrong on purpose are still allocators"},
}

func checkUnsafe(t *Tree, report func(string, int, string)) {
	for _, f := range t.Ours() {
		if slices.ContainsFunc(unsafeTable, func(l licence) bool {
			return f.Dir() == l.folder || l.below && within(f.Dir(), l.folder)
		}) {
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
