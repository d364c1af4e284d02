package fuzz

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
)

// checkedByTests are the checks that no canary is for, as a test shows that they can fail.
var checkedByTests = map[string]string{
	"atom/value": "TestAtomsMixed",
	"gc/said":    "TestSaid",
	"lru/closed": "TestCacheCloses",
}

// TestChecksCanFail demands of every check that a target of this package makes itself that a canary shows that it can
// fail, or a test. Such a check is a text that begins with its name.
func TestChecksCanFail(t *testing.T) {
	proven := map[string]string{}
	for _, c := range slices.Concat(dictCanaries(), swissCanaries(), cacheCanaries(), pagesCanaries()) {
		proven[c.Cause] = canarytest.Prefix + c.Name
	}
	for check, test := range checkedByTests {
		if by := proven[check]; by != "" {
			t.Errorf("%s has %s, and need not be listed", check, by)
		}
		proven[check] = test
	}
	checks, tests := textsOf(t)
	for check, place := range checks {
		if proven[check] == "" {
			t.Errorf("%s: nothing shows that %s can fail", place, check)
		}
	}
	for check, test := range checkedByTests {
		if checks[check] == "" || !tests[test] {
			t.Errorf("there is no check %s, or no %s", check, test)
		}
	}
}

// textsOf returns the checks of this package's sources with a place of each, and the names of its tests.
func textsOf(t *testing.T) (checks map[string]string, tests map[string]bool) {
	name := regexp.MustCompile(`^([a-z]+/[a-z-]+): `)
	checks, tests = map[string]string{}, map[string]bool{}
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, path := range paths {
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		tested := strings.HasSuffix(path, "_test.go")
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				tests[n.Name.Name] = tested
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if m := name.FindStringSubmatch(text); err == nil && m != nil && !tested {
					checks[m[1]] = set.Position(n.Pos()).String()
				}
			}
			return true
		})
	}
	return checks, tests
}
