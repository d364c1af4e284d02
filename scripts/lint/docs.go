package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

func checkPackageDoc(t *Tree, report func(string, int, string)) {
	first := map[string]*File{} // of each package, the file with its comment, or any
	for _, f := range t.Ours() {
		if f.IsTest() {
			continue
		}
		if old := first[f.Dir()]; old == nil || old.Syntax.Doc == nil && f.Syntax.Doc != nil {
			first[f.Dir()] = f
		}
	}
	for dir, f := range first {
		need := 2
		if f.Syntax.Name.Name == "main" {
			need = 1
		}
		switch n := sentences(f.Syntax.Doc); {
		case f.Syntax.Doc == nil:
			report(dir, 0, "write a package comment: what it is for, the two or three ideas, an example line")
		case n < need:
			report(f.Path, f.Line(f.Syntax.Doc.Pos()), fmt.Sprintf(
				"say in the package comment what it is for and what to know first: "+
					"it has %d sentences of %d words or more, and %d is the least",
				n, sentenceWords, need))
		}
	}
}

var sentenceEnd = regexp.MustCompile(`[.!?:]["')]*(\s|$)`)

// sentenceWords is the number of words below which a sentence only repeats a name: "Package pool is the pool."
const sentenceWords = 6

// sentences counts the sentences of a comment that say something, without its code and headings.
func sentences(doc *ast.CommentGroup) int {
	var prose strings.Builder
	for line := range strings.Lines(doc.Text()) {
		if line[0] != '\t' && line[0] != ' ' && line[0] != '#' {
			prose.WriteString(line)
		}
	}
	n := 0
	text := prose.String()
	for {
		loc := sentenceEnd.FindStringIndex(text)
		if loc == nil {
			return n
		}
		if len(strings.Fields(text[:loc[1]])) >= sentenceWords {
			n++
		}
		text = text[loc[1]:]
	}
}

// documented are the folders whose exported names all have comments: they are read by people who do not read the code.
var documented = []string{"model", "props"}

// saidBefore returns the names of methods whose meaning is that of an interface: of std, or of ours, which has the
// comment.
func saidBefore(files []*File) map[string]bool {
	said := map[string]bool{"String": true, "Error": true, "Unwrap": true, "Len": true, "Less": true, "Swap": true}
	for _, f := range files {
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				if i, ok := spec.Type.(*ast.InterfaceType); ok {
					for _, m := range i.Methods.List {
						for _, name := range m.Names {
							said[name.Name] = true
						}
					}
				}
			}
			return true
		})
	}
	return said
}

func checkExportDoc(t *Tree, report func(string, int, string)) {
	files := slices.DeleteFunc(t.Ours(), func(f *File) bool {
		return f.IsTest() || !slices.ContainsFunc(documented, func(dir string) bool { return within(f.Dir(), dir) })
	})
	said := saidBefore(files)
	for _, f := range files {
		bare := func(name *ast.Ident) {
			if name.IsExported() {
				report(f.Path, f.Line(name.Pos()), fmt.Sprintf("say in a comment what %s is for its user", name.Name))
			}
		}
		for _, d := range f.Syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && !(d.Recv != nil && said[d.Name.Name]) && !hiddenMethod(d) {
					bare(d.Name)
				}
			case *ast.GenDecl:
				bareSpecs(d, bare)
			}
		}
	}
}

// hiddenMethod tells whether a function is a method of a type that nobody outside sees.
func hiddenMethod(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	recv := d.Recv.List[0].Type
	for {
		switch x := recv.(type) {
		case *ast.StarExpr:
			recv = x.X
		case *ast.IndexExpr:
			recv = x.X
		case *ast.IndexListExpr:
			recv = x.X
		case *ast.Ident:
			return !x.IsExported()
		default:
			return false
		}
	}
}

// bareSpecs calls bare for the names of a declaration that no comment speaks of. One comment is enough for a group of
// constants or variables; a type has its own.
func bareSpecs(d *ast.GenDecl, bare func(*ast.Ident)) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Doc == nil && s.Comment == nil && (d.Doc == nil || d.Lparen.IsValid()) {
				bare(s.Name)
			}
		case *ast.ValueSpec:
			if s.Doc == nil && s.Comment == nil && d.Doc == nil && !ofTypedGroup(d) {
				for _, name := range s.Names {
					bare(name)
				}
			}
		}
	}
}

// ofTypedGroup tells whether a declaration is the list of the values of a type, which has the comment.
func ofTypedGroup(d *ast.GenDecl) bool {
	first, ok := d.Specs[0].(*ast.ValueSpec)
	return ok && d.Tok == token.CONST && d.Lparen.IsValid() && first.Type != nil
}
