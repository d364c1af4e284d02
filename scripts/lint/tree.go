package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// Tree is the repository as the rules see it.
type Tree struct {
	Module string              // the module's path
	Files  []*File             // in order of path
	Deps   map[string][]string // of each package of props: all that it imports, directly or not, without its tests
}

// File is one file that is, or is about to be, under version control.
type File struct {
	Path   string // from the root, with slashes
	Text   []byte
	Syntax *ast.File // of a Go file that parses
	Err    error     // of a Go file that does not
	// Ours tells a Go file that belongs to a package of the module, and not to testdata or a module of its own.
	Ours bool

	fset *token.FileSet
}

// Dir is the folder of the file; of a file of ours, its package without the module's path.
func (f *File) Dir() string { return path.Dir(f.Path) }

// IsTest tells whether only tests see the file.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Line is the line of a place in the file.
func (f *File) Line(p token.Pos) int { return f.fset.Position(p).Line }

// Ours returns the Go files of the module that parse.
func (t *Tree) Ours() []*File {
	return slices.DeleteFunc(slices.Clone(t.Files), func(f *File) bool { return !f.Ours || f.Syntax == nil })
}

// Load reads the repository at root.
func Load(root string) (*Tree, error) {
	paths, err := tracked(root)
	if err != nil {
		return nil, err
	}
	t, err := Read(os.DirFS(root), paths)
	if err != nil {
		return nil, err
	}
	t.Deps, err = dependencies(root)
	return t, err
}

// Read makes a tree, without Deps, of the files at the given paths.
func Read(fsys fs.FS, paths []string) (*Tree, error) {
	t := &Tree{}
	var apart []string // folders whose Go files are not the module's
	for _, p := range slices.Sorted(slices.Values(paths)) {
		text, err := fs.ReadFile(fsys, p)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			return nil, err
		}
		t.Files = append(t.Files, &File{Path: p, Text: text})
		if path.Base(p) == "go.mod" && p != "go.mod" {
			apart = append(apart, path.Dir(p))
		}
		if p == "go.mod" {
			t.Module = moduleLine(text)
		}
	}
	if t.Module == "" {
		return nil, errors.New("no go.mod with a module line at the root")
	}
	for _, f := range t.Files {
		if path.Ext(f.Path) != ".go" {
			continue
		}
		f.fset = token.NewFileSet()
		f.Syntax, f.Err = parser.ParseFile(f.fset, f.Path, f.Text, parser.ParseComments|parser.SkipObjectResolution)
		if f.Err != nil {
			f.Syntax = nil
		}
		inApart := func(dir string) bool { return within(f.Path, dir) }
		f.Ours = !ignoredByGo(f.Path) && !slices.ContainsFunc(apart, inApart)
	}
	return t, nil
}

// moduleLine returns the path in the module line of a go.mod.
func moduleLine(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// ignoredByGo tells whether the go command leaves the file out of every package.
func ignoredByGo(p string) bool {
	return slices.ContainsFunc(strings.Split(p, "/"), func(s string) bool {
		return s == "testdata" || s == "vendor" || s[0] == '_' || s[0] == '.'
	})
}

// within tells whether a path is the folder or lies below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// tracked returns the files that git knows or would add, so that a problem is seen before it is committed. In a tree
// without git it is all files but those of dot folders other than .ci and .github.
func tracked(root string) ([]string, error) {
	cmd := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		paths := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		return slices.Compact(slices.Sorted(slices.Values(paths))), nil
	}
	var paths []string
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && d.Name()[0] == '.' && p != ".ci" && p != ".github":
			return fs.SkipDir
		case d.Type().IsRegular():
			paths = append(paths, p)
		}
		return nil
	})
	return paths, err
}

// dependencies asks the go command for the Deps of a tree.
func dependencies(root string) (map[string][]string, error) {
	if _, err := os.Stat(root + "/props"); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Deps", "./props/...")
	cmd.Dir, cmd.Stderr = root, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	deps := map[string][]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			ImportPath string
			Deps       []string
		}
		if err := d.Decode(&pkg); err == io.EOF {
			return deps, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		deps[pkg.ImportPath] = pkg.Deps
	}
}
