package impl_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestChecksCanFail demands of every invariant that a package checks that its tests name it, as they break it by hand.
// The checks are the calls of breach and broken, and the errors that begin with a name.
func TestChecksCanFail(t *testing.T) {
	dirs, err := filepath.Glob("*/check.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) < 7 {
		t.Errorf("only %d packages have checks", len(dirs))
	}
	for _, path := range append(dirs, "page/page.go", "pool/pool.go") {
		dir := filepath.Dir(path)
		checks, tested := invariantsOf(t, dir)
		if len(checks) == 0 {
			t.Errorf("%s: no checks", dir)
		}
		for name, place := range checks {
			if !tested[name] && !tested[strings.TrimPrefix(name, dir+"/")] {
				t.Errorf("%s: no test breaks %s", place, name)
			}
		}
	}
}

var named = regexp.MustCompile(`^([a-z]+/[a-z-]+)(: |$)`)

// invariantsOf returns the invariants that a package checks with a place of each, and the words and names at the
// beginning of its tests' texts.
func invariantsOf(t *testing.T, dir string) (checks map[string]string, tested map[string]bool) {
	checks, tested = map[string]string{}, map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, path := range paths {
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && strings.HasSuffix(path, "_test.go") {
					word, _, _ := strings.Cut(text, ":")
					tested[word] = true
				}
			case *ast.CallExpr:
				if name := checkOf(n, dir); name != "" && !strings.HasSuffix(path, "_test.go") {
					checks[name] = set.Position(n.Pos()).String()
				}
			}
			return true
		})
	}
	return checks, tested
}

// checkOf is the invariant whose breach a call makes, or nothing.
func checkOf(call *ast.CallExpr, dir string) string {
	if len(call.Args) == 0 {
		return ""
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	switch f := call.Fun.(type) {
	case *ast.Ident:
		switch {
		case f.Name != "breach" && f.Name != "broken":
			return ""
		case strings.Contains(text, "/"):
			return text
		}
		return dir + "/" + text
	case *ast.SelectorExpr:
		if m := named.FindStringSubmatch(text); m != nil && f.Sel.Name == "Errorf" && m[2] != "" {
			return m[1]
		}
	}
	return ""
}
