package mutant

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sourceOf type-checks a text that imports nothing.
func sourceOf(t testing.TB, text string) *Source {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "a.go", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
		Uses: map[*ast.Ident]types.Object{}}
	pkg, err := (&types.Config{Importer: importer.Default()}).Check("a", fset, []*ast.File{f}, info)
	if err != nil {
		t.Fatal(err)
	}
	return &Source{Path: "a", Fset: fset, Types: pkg, Info: info, Files: []File{{"a.go", []byte(text), f}}}
}

func schemaOfText(t testing.TB, text string) *Schema {
	s := &Schema{}
	s.Add(sourceOf(t, text), left)
	return s
}

// Each row is the body of a function, and the mutants that there must be of it, no more and no fewer.
func TestOperators(t *testing.T) {
	rows := []struct {
		name, body string
		want       []string
	}{
		{"comparison", "_ = a < b", []string{
			"boundary a < b => a <= b", "negate a < b => a >= b", "true a < b => true", "false a < b => false"}},
		{"equality has no boundary", "_ = a != b", []string{
			"negate a != b => a == b", "true a != b => true", "false a != b => false"}},
		{"a condition that is a name", "if ok && f() { }", []string{
			"negate ok => !", "true ok => true", "false ok => false",
			"negate f() => !", "true f() => true", "false f() => false"}},
		{"a loop is never endless by its condition", "for a > b { }", []string{
			"boundary a > b => a >= b", "negate a > b => a <= b", "loop a > b => false"}},
		{"range", "for range s { }", []string{"loop s => nothing"}},
		{"constant", "a = 7", []string{
			"delete a = 7 => nothing", "plus 7 => 7 + 1", "minus 7 => 7 - 1", "zero 7 => 0"}},
		{"one less than 1 is 0 already", "return 1", []string{"plus 1 => 1 + 1", "minus 1 => 1 - 1"}},
		{"arithmetic", "return a * b", []string{"return a * b => zero", "arith a * b => a + b"}},
		{"nothing is added", "return a + 0", []string{"return a + 0 => zero", "plus 0 => 0 + 1", "minus 0 => 0 - 1"}},
		{"bits", "return a &^ b", []string{"return a &^ b => zero", "bits a &^ b => a & b"}},
		{"shift", "return a << b", []string{"return a << b => zero", "bits a << b => a >> b"}},
		{"index", "_ = s[a]", []string{"plus a => a + 1", "minus a => a - 1"}},
		{"index of a map", "_ = m[a]", nil},
		{"slice", "_ = s[a:]", []string{"plus a => a + 1", "minus a => a - 1"}},
		{"size", "_ = make([]int, a)", []string{"plus a => a + 1", "minus a => a - 1"}},
		{"assignment with an operator", "a += b", []string{"delete a += b => nothing", "arith a += b => a -= b"}},
		{"increment", "a++", []string{"delete a++ => nothing", "arith a++ => a--"}},
		{"coverage stays", "var x struct{ seen [4]int }; x.seen[2]++; x.seen[3] += 2; _ = x", nil},
		{"call", "f()", []string{"delete f() => nothing"}},
		{"defer", "defer f()", []string{"defer defer f() => nothing"}},
		{"break", "for range s { break }", []string{"loop s => nothing", "branch break => continue"}},
		{"definition", "c := a; _ = c", nil},
		{"constants of declarations stay", "const c = 7; var d [c]int; _ = d", nil},
		{"what panics says stays", "if ok { panic(a + b) }; return b", []string{
			"negate ok => !", "true ok => true", "false ok => false", "delete panic(a + b) => nothing",
			"return b => zero"}},
		{"a panic that ends a function stays", "panic(a)", nil},
		{"code behind a constant that is false", "if off { a = b }", nil},
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			body := tt.body
			if !strings.Contains(body, "return") && !strings.HasPrefix(body, "panic") {
				body += "; return b"
				tt.want = append(tt.want, "return b => zero")
			}
			s := schemaOfText(t, "package a\nconst off = false\nfunc f() bool { panic(1) }\n"+
				"func g(a, b int, ok bool, s []int, m map[int]int) int { "+body+" }\n")
			var got []string
			for _, m := range s.Mutants {
				got = append(got, fmt.Sprintf("%s %s => %s", m.Operator, m.From, m.To))
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mutants (-want +got):\n%s", diff)
			}
		})
	}
}

// Every operator is in some row of real code: one that applies nowhere is a hope.
func TestEveryOperatorApplies(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	s, err := schemaOf(root, []string{"impl/page", "impl/slab", "impl/arena", "impl/gc"})
	if err != nil {
		t.Fatal(err)
	}
	applied := map[string]bool{}
	for _, m := range s.Mutants {
		applied[m.Operator] = true
	}
	for _, o := range Operators {
		if !applied[o.Name] && o != opDefer { // no package of these defers
			t.Errorf("no mutant of operator %s", o.Name)
		}
	}
}

// What stands above a place, or beside it in white space, does not change who a mutant is; what it says does.
func TestIdentityIsStable(t *testing.T) {
	identities := func(text string) (list []string) {
		for _, m := range schemaOfText(t, text).Mutants {
			list = append(list, m.Identity.String())
		}
		return list
	}
	before := identities("package a\nfunc f(a, b int) bool { return a < b }\n")
	if len(before) == 0 {
		t.Fatal("no mutant")
	}
	moved := identities("package a\n\n// g is new.\nfunc g(a int) int { return a + 1 }\n\n" +
		"func f(a, b int) bool {\n\tg(2)\n\treturn a  <  b\n}\n")
	for _, id := range before {
		if !slices.Contains(moved, id) {
			t.Errorf("%s is gone after lines were added above it", id)
		}
	}
	other := identities("package a\nfunc f(a, b int) bool { return b < a }\n")
	for _, id := range before {
		if slices.Contains(other, id) {
			t.Errorf("%s stands for another text", id)
		}
	}
}

// Lines stay where they are, and a function that is exempt is not touched.
func TestSchemaKeepsLines(t *testing.T) {
	text := "package a\n\nfunc f(a, b int) int {\n\tif a <\n\t\tb { // why\n\t\treturn a +\n\t\t\tb\n\t}\n" +
		"\treturn b\n}\n\nfunc checkAll(a int) bool { return a > 7 }\n"
	s := schemaOfText(t, text)
	got := string(s.Texts["a.go"])
	if strings.Count(got, "\n") != strings.Count(text, "\n") {
		t.Errorf("lines moved:\n%s", got)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "a.go", got, 0); err != nil {
		t.Errorf("%v:\n%s", err, got)
	}
	for _, m := range s.Mutants {
		if m.Func == "checkAll" {
			t.Errorf("%v is exempt", m.Identity)
		}
	}
}
