package mutant

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// Source is a package to be mutated, type-checked.
type Source struct {
	Path  string // "impl/pool": from the root of the module
	Fset  *token.FileSet
	Files []File
	Types *types.Package
	Info  *types.Info
}

// File is one file of a Source.
type File struct {
	Name   string // with its folder, as the build names it
	Text   []byte
	Syntax *ast.File
}

// Mutant is one change at one place. Mutants of one build are numbered from 1 by ID.
type Mutant struct {
	ID      int
	Site    int // index into the switch
	Variant int // of the site, from 1
	Identity
	Line int    // 1-based, in File
	File string // with its folder
	From string // what stands there, in one line
	To   string // what the mutant has there
}

// Identity names a mutant whatever lines stand above it: the function, the operator, what the source says there, and a
// number where a function says the same twice.
type Identity struct {
	Package  string // "impl/pool"
	Func     string // "Pool.Start", "SmallSize"
	Operator string
	Hash     string // of the source at the place, without its white space
	Ordinal  int    // among mutants whose other fields are the same, from 1
}

func (i Identity) String() string {
	return fmt.Sprintf("%s %s %s %s.%d", i.Package, i.Func, i.Operator, i.Hash, i.Ordinal)
}

// Schema is a program that holds all its mutants.
type Schema struct {
	Mutants []Mutant
	Sites   int
	Texts   map[string][]byte // by file name; files without a mutant are left out
}

// Add puts the mutants of a package into the schema. The functions that skip names are left as they are.
func (s *Schema) Add(src *Source, skip func(name string) bool) {
	if s.Texts == nil {
		s.Texts = map[string][]byte{}
	}
	seen := map[Identity]int{}
	for _, f := range src.Files {
		w := &writer{schema: s, src: src, file: f, skip: skip, seen: seen, edits: map[int]*edit{}}
		sites := s.Sites
		w.decls()
		if s.Sites > sites {
			s.Texts[f.Name] = w.text()
		}
	}
}

// edit is what is changed at an offset of a file: first the ends of what stands before, then the beginnings of what
// follows, then so many bytes that are replaced.
type edit struct {
	after, before []string
	drop          int
	put           string
}

// writer finds the places of one file where a mutant can be, and writes the switch around them.
type writer struct {
	schema *Schema
	src    *Source
	file   File
	skip   func(string) bool
	seen   map[Identity]int
	edits  map[int]*edit

	fn      string             // the function, with the type of its receiver
	results []*types.Signature // of the functions around, the innermost last
}

func (w *writer) offset(p token.Pos) int { return w.src.Fset.Position(p).Offset }

func (w *writer) at(p token.Pos) *edit {
	o := w.offset(p)
	if w.edits[o] == nil {
		w.edits[o] = &edit{}
	}
	return w.edits[o]
}

// wrap puts texts around a node. Nodes are wrapped from the outside in, so what comes later stands further in.
func (w *writer) wrap(n ast.Node, before, after string) {
	b, a := w.at(n.Pos()), w.at(n.End())
	b.before = append(b.before, before)
	a.after = slices.Insert(a.after, 0, after)
}

func (w *writer) replace(p token.Pos, bytes int, text string) {
	e := w.at(p)
	e.drop, e.put = bytes, text
}

// text writes the file. Lines stay where they are.
func (w *writer) text() []byte {
	imp := w.at(w.file.Syntax.Name.End())
	imp.after = append(imp.after, "; import mut_ \""+switchPath+"\"")
	var out []byte
	from := 0
	for _, o := range slices.Sorted(maps.Keys(w.edits)) {
		e := w.edits[o]
		out = append(out, w.file.Text[from:o]...)
		out = append(out, strings.Join(e.after, "")+strings.Join(e.before, "")+e.put...)
		from = o + e.drop
	}
	return append(out, w.file.Text[from:]...)
}

func (w *writer) source(n ast.Node) string {
	return string(w.file.Text[w.offset(n.Pos()):w.offset(n.End())])
}

// site makes a site with the changes, whose variants are numbered from 1; those without an operator are not made.
func (w *writer) site(n ast.Node, changes ...change) int {
	site := w.schema.Sites
	w.schema.Sites++
	from := strings.Join(strings.Fields(w.source(n)), " ")
	sum := sha256.Sum256([]byte(strings.ReplaceAll(from, " ", "")))
	for i, c := range changes {
		if c.op == nil {
			continue
		}
		id := Identity{Package: w.src.Path, Func: w.fn, Operator: c.op.Name, Hash: hex.EncodeToString(sum[:4])}
		w.seen[id]++
		w.schema.Mutants = append(w.schema.Mutants, Mutant{
			ID: len(w.schema.Mutants) + 1, Site: site, Variant: i + 1, Identity: id.numbered(w.seen[id]),
			Line: w.src.Fset.Position(n.Pos()).Line, File: w.file.Name, From: from, To: c.to,
		})
	}
	return site
}

func (i Identity) numbered(n int) Identity {
	i.Ordinal = n
	return i
}

// decls walks the functions of the file, and the values of variables that are tables.
func (w *writer) decls() {
	for _, d := range w.file.Syntax.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			w.tables(g)
		}
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		sig := w.src.Info.Defs[f.Name].Type().(*types.Signature)
		w.fn = f.Name.Name
		if r := sig.Recv(); r != nil {
			w.fn = receiver(r.Type()) + "." + w.fn
		}
		if sig.TypeParams() != nil || sig.RecvTypeParams() != nil || w.skip(w.fn) {
			continue
		}
		w.results = append(w.results[:0], sig)
		w.block(f.Body.List, around{end: true})
	}
}

// tables walks the values of variables that tables names, whose mutants have the name of the variable for a function.
func (w *writer) tables(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		if w.fn = v.Names[0].Name; slices.Contains(tables, w.src.Path+" "+w.fn) {
			for _, e := range v.Values {
				w.expr(e)
			}
		}
	}
}

func receiver(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return t.String()
}

// around is what stands around a statement: a loop; and whether the function ends where it does, so that a panic
// there may not be left out.
type around struct{ loop, end bool }

func (w *writer) block(list []ast.Stmt, a around) {
	for i, s := range list {
		w.stmt(s, around{a.loop, a.end && i == len(list)-1})
	}
}

// stmt walks a statement that stands in a list, so that it can be wrapped.
func (w *writer) stmt(s ast.Stmt, a around) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		if call, ok := s.X.(*ast.CallExpr); ok && !w.forPeople(call) {
			if !(w.isPanic(call) && a.end && w.results[len(w.results)-1].Results().Len() > 0) {
				w.optional(s, opDelete)
			}
		}
		w.simple(s)
	case *ast.AssignStmt:
		if coverage(s.Lhs[0]) {
			return
		}
		if s.Tok != token.DEFINE && !blank(s.Lhs) {
			w.optional(s, opDelete)
			w.reassign(s, s.Tok, s.TokPos, s.Lhs[0])
		}
		w.simple(s)
	case *ast.IncDecStmt:
		if coverage(s.X) {
			return
		}
		w.optional(s, opDelete)
		w.reassign(s, s.Tok, s.TokPos, s.X)
		w.simple(s)
	case *ast.DeferStmt:
		w.optional(s, opDefer)
		w.expr(s.Call)
	case *ast.ReturnStmt:
		w.returned(s)
	case *ast.BranchStmt:
		w.branch(s, a)
	case *ast.BlockStmt:
		w.block(s.List, a)
	case *ast.LabeledStmt:
		w.stmt(s.Stmt, around{loop: a.loop})
	case *ast.IfStmt:
		w.ifStmt(s, a)
	case *ast.ForStmt:
		w.simple(s.Init)
		w.loopCond(s.Cond)
		w.simple(s.Post)
		w.block(s.Body.List, around{loop: true})
	case *ast.RangeStmt:
		w.expr(s.X)
		site := w.site(s.X, change{opLoop, "nothing"})
		w.at(s.Body.Lbrace + 1).before = append(w.at(s.Body.Lbrace+1).before,
			fmt.Sprintf(" if mut_.At(%d) != 0 { break }; ", site))
		w.block(s.Body.List, around{loop: true})
	case *ast.SwitchStmt:
		w.simple(s.Init)
		w.expr(s.Tag)
		for _, c := range s.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				w.expr(e)
			}
			w.block(c.(*ast.CaseClause).Body, a)
		}
	case *ast.TypeSwitchStmt:
		for _, c := range s.Body.List {
			w.block(c.(*ast.CaseClause).Body, a)
		}
	default:
		w.simple(s)
	}
}

func (w *writer) ifStmt(s *ast.IfStmt, a around) {
	w.simple(s.Init)
	dead := w.constant(s.Cond) != nil && w.constant(s.Cond).String() == "false"
	w.cond(s.Cond)
	if !dead { // code behind a build tag that is not set
		w.block(s.Body.List, a)
	}
	switch e := s.Else.(type) {
	case *ast.BlockStmt:
		w.block(e.List, a)
	case *ast.IfStmt:
		w.ifStmt(e, a)
	}
}

// simple walks a statement that stays as it is: only the expressions in it change.
func (w *writer) simple(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.ExprStmt:
		w.expr(s.X)
	case *ast.AssignStmt:
		for _, e := range slices.Concat(s.Lhs, s.Rhs) {
			w.expr(e)
		}
	case *ast.IncDecStmt:
		w.expr(s.X)
	case *ast.DeclStmt:
		if d := s.Decl.(*ast.GenDecl); d.Tok == token.VAR {
			for _, spec := range d.Specs {
				for _, e := range spec.(*ast.ValueSpec).Values {
					w.expr(e)
				}
			}
		}
	}
}

// optional makes a mutant that leaves the statement out.
func (w *writer) optional(s ast.Stmt, op *Operator) {
	site := w.site(s, change{op, "nothing"})
	w.wrap(s, fmt.Sprintf("if mut_.At(%d) == 0 { ", site), " }")
}

// reassign makes a mutant with another operator behind an assignment. Its other arm is a copy of the original.
func (w *writer) reassign(s ast.Stmt, tok token.Token, at token.Pos, to ast.Expr) {
	a, ok := assignments[tok]
	if b, basic := w.src.Info.TypeOf(to).Underlying().(*types.Basic); !ok || !basic || b.Info()&types.IsInteger == 0 {
		return
	}
	text := w.source(s)
	begin := w.offset(at) - w.offset(s.Pos())
	other := text[:begin] + a.to.String() + text[begin+len(tok.String()):]
	site := w.site(s, change{a.op, strings.Join(strings.Fields(other), " ")})
	w.wrap(s, fmt.Sprintf("if mut_.At(%d) == 0 { ", site), fmt.Sprintf(" } else { %s }", strings.Join(
		strings.Fields(other), " ")))
}

func (w *writer) branch(s *ast.BranchStmt, a around) {
	other := token.CONTINUE
	if s.Tok == token.CONTINUE {
		other = token.BREAK
	} else if s.Tok != token.BREAK || !a.loop {
		return
	}
	if other == token.BREAK && w.results[len(w.results)-1].Results().Len() > 0 {
		return // an endless loop with a break in it is no end of a function
	}
	text := other.String()
	if s.Label != nil {
		text += " " + s.Label.Name
	}
	site := w.site(s, change{opBranch, text})
	w.at(s.Pos()).before = append(w.at(s.Pos()).before, fmt.Sprintf("if mut_.At(%d) != 0 { %s }; ", site, text))
}

// returned walks what is returned. A value is also replaced by zero, unless it is a constant or a condition, which
// have mutants of their own.
func (w *writer) returned(s *ast.ReturnStmt) {
	want := w.results[len(w.results)-1].Results()
	for i, e := range s.Results {
		t := w.src.Info.TypeOf(e)
		if want.Len() != len(s.Results) || w.isNil(e) || w.constant(e) != nil {
			w.expr(e)
			continue
		}
		if isBool(t) {
			w.cond(e)
			continue
		}
		name, ok := "", true
		if !types.Identical(t, want.At(i).Type()) {
			name, ok = w.typeName(want.At(i).Type())
			name = "[" + name + "]"
		}
		if ok {
			w.wrap(e, fmt.Sprintf("mut_.Ret%s(%d, ", name, w.site(e, change{opReturn, "zero"})), ")")
		}
		w.expr(e)
	}
}

// cond walks a condition.
func (w *writer) cond(e ast.Expr) { w.condition(e, false) }

// loopCond walks the condition of a loop. It is never true by a mutant: that would be found by the clock.
func (w *writer) loopCond(e ast.Expr) {
	if e != nil {
		w.condition(e, true)
	}
}

func (w *writer) condition(e ast.Expr, loop bool) {
	switch x := e.(type) {
	case *ast.ParenExpr:
		w.condition(x.X, loop)
		return
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			w.condition(x.X, false)
			return
		}
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			w.condition(x.X, loop && x.Op == token.LAND)
			w.condition(x.Y, loop && x.Op == token.LAND)
			return
		}
		w.binary(x, loop)
		return
	}
	if w.constant(e) == nil && isBool(w.src.Info.TypeOf(e)) {
		changes := []change{{opNegate, "!"}, {opTrue, "true"}, {opFalse, "false"}}
		if loop {
			changes = []change{{}, {}, {opLoop, "false"}}
		}
		w.wrap(e, fmt.Sprintf("mut_.Cond(%d, ", w.site(e, changes...)), ")")
	}
	w.expr(e)
}

// binary walks a binary expression that is neither && nor ||.
func (w *writer) binary(x *ast.BinaryExpr, loop bool) {
	h, ok := helpers[x.Op]
	if ok && w.constant(x) == nil && w.suits(x) {
		changes := slices.Clone(h.changes)
		for i := range changes {
			if loop && changes[i].op == opFalse {
				changes[i].op = opLoop
			} else if loop && changes[i].op == opTrue {
				changes[i].op = nil
			}
		}
		for i := range changes {
			if to := changes[i].to; to != "true" && to != "false" {
				changes[i].to = w.source(x.X) + " " + to + " " + w.source(x.Y)
			}
		}
		site := w.site(x, changes...)
		w.wrap(x, fmt.Sprintf("mut_.%s(%d, ", h.name, site), ")")
		w.replace(x.OpPos, len(x.Op.String()), ",")
	}
	w.expr(x.X)
	w.expr(x.Y)
}

// suits tells whether the helper of an operator takes the operands.
func (w *writer) suits(x *ast.BinaryExpr) bool {
	a, b := w.src.Info.TypeOf(x.X), w.src.Info.TypeOf(x.Y)
	switch x.Op {
	case token.EQL, token.NEQ:
		if w.isNil(x.X) {
			a = b
		} else if w.isNil(x.Y) {
			b = a
		}
		return isBool(w.src.Info.TypeOf(x)) && types.Identical(a, b) && types.Comparable(a)
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		return isBool(w.src.Info.TypeOf(x)) && types.Identical(a, b) && isBasic(a, types.IsInteger|types.IsString)
	case token.SHL, token.SHR:
		return isBasic(a, types.IsInteger) && isBasic(b, types.IsInteger)
	}
	if v := w.constant(x.Y); v != nil && v.String() == "0" && (x.Op == token.ADD || x.Op == token.SUB) {
		return false // either does nothing
	}
	return types.Identical(a, b) && isBasic(a, types.IsInteger)
}

// expr walks an expression.
func (w *writer) expr(e ast.Expr) {
	if e == nil {
		return
	}
	if v := w.constant(e); v != nil {
		w.number(e, v.String())
		return
	}
	switch x := e.(type) {
	case *ast.ParenExpr:
		w.expr(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			w.condition(x, false)
			return
		}
		w.expr(x.X)
	case *ast.StarExpr:
		w.expr(x.X)
	case *ast.SelectorExpr:
		w.expr(x.X)
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			w.condition(x, false)
			return
		}
		w.binary(x, false)
	case *ast.IndexExpr:
		w.expr(x.X)
		if !w.src.Info.Types[x.Index].IsType() {
			w.bound(x.Index, x.X)
		}
	case *ast.SliceExpr:
		w.expr(x.X)
		for _, b := range []ast.Expr{x.Low, x.High, x.Max} {
			w.bound(b, x.X)
		}
	case *ast.CallExpr:
		w.call(x)
	case *ast.CompositeLit:
		for _, elt := range x.Elts {
			if kv, ok := elt.(*ast.KeyValueExpr); ok {
				elt = kv.Value
			}
			w.expr(elt)
		}
	case *ast.FuncLit:
		w.results = append(w.results, w.src.Info.TypeOf(x).(*types.Signature))
		w.block(x.Body.List, around{end: true})
		w.results = w.results[:len(w.results)-1]
	case *ast.TypeAssertExpr:
		w.expr(x.X)
	}
}

func (w *writer) call(x *ast.CallExpr) {
	if w.forPeople(x) || w.isPanic(x) {
		return
	}
	if !w.src.Info.Types[x.Fun].IsType() {
		w.expr(x.Fun)
	}
	sizes := sized[w.source(x.Fun)]
	for i, arg := range x.Args {
		switch {
		case w.src.Info.Types[arg].IsType():
		case sizes&(1<<i) != 0:
			w.bound(arg, nil)
		default:
			w.expr(arg)
		}
	}
}

// sized are the functions that take a size or a distance, as a set of the arguments that are one.
var sized = map[string]int{"make": 1<<1 | 1<<2, "unsafe.Slice": 1 << 1, "unsafe.Add": 1 << 1}

// bound walks an index of, or a bound in, the value in. A constant has its own mutants.
func (w *writer) bound(e, in ast.Expr) {
	if e == nil {
		return
	}
	if in != nil {
		if _, ok := w.src.Info.TypeOf(in).Underlying().(*types.Map); ok {
			w.expr(e)
			return
		}
	}
	if t := w.src.Info.TypeOf(e); w.constant(e) == nil && isBasic(t, types.IsInteger) {
		text := w.source(e)
		site := w.site(e, change{opPlus, text + " + 1"}, change{opMinus, text + " - 1"})
		w.wrap(e, fmt.Sprintf("mut_.Int(%d, ", site), ")")
	}
	w.expr(e)
}

// number makes the mutants of an integer constant, which gets the type that it has there.
func (w *writer) number(e ast.Expr, value string) {
	t := w.src.Info.TypeOf(e)
	if !isBasic(t, types.IsInteger) {
		return
	}
	name, ok := w.typeName(t)
	if b, basic := t.(*types.Basic); basic && b.Info()&types.IsUntyped != 0 {
		name = "int" // the count of a shift
	}
	if !ok {
		return
	}
	text := w.source(e)
	changes := []change{{opPlus, text + " + 1"}, {opMinus, text + " - 1"}}
	if value != "0" && value != "1" && value != "-1" {
		changes = append(changes, change{opZero, "0"})
	}
	w.wrap(e, fmt.Sprintf("mut_.Int(%d, %s(", w.site(e, changes...), name), "))")
}

// typeName is the name of a type in the file, if it has one there.
func (w *writer) typeName(t types.Type) (name string, ok bool) {
	ok = true
	name = types.TypeString(t, func(p *types.Package) string {
		if p == w.src.Types {
			return ""
		}
		for _, spec := range w.file.Syntax.Imports {
			if strings.Trim(spec.Path.Value, `"`) == p.Path() {
				return cmp.Or(nameOf(spec.Name), p.Name())
			}
		}
		ok = false
		return p.Name()
	})
	return name, ok
}

func nameOf(id *ast.Ident) string {
	if id == nil {
		return ""
	}
	return id.Name
}

func (w *writer) constant(e ast.Expr) interface{ String() string } {
	if v := w.src.Info.Types[e].Value; v != nil {
		return v
	}
	return nil
}

func (w *writer) isNil(e ast.Expr) bool { return w.src.Info.Types[e].IsNil() }

func (w *writer) isPanic(call *ast.CallExpr) bool {
	id, ok := call.Fun.(*ast.Ident)
	return ok && id.Name == "panic"
}

// forPeople tells whether a call makes a text, or checks what is never wrong: neither is mutated.
func (w *writer) forPeople(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return false
	}
	p, ok := w.src.Info.Uses[id].(*types.PkgName)
	return ok && slices.Contains([]string{"fmt", "errors", "strings", "invariant"}, p.Imported().Name())
}

// coverage tells whether what is counted are the transitions that an implementation took: see Transitions in scope.go.
func coverage(e ast.Expr) bool {
	x, ok := e.(*ast.IndexExpr)
	if !ok {
		return false
	}
	sel, ok := x.X.(*ast.SelectorExpr)
	return ok && (sel.Sel.Name == "seen" || sel.Sel.Name == "took")
}

func isBool(t types.Type) bool {
	b, ok := t.(*types.Basic)
	return ok && (b.Kind() == types.Bool || b.Kind() == types.UntypedBool)
}

func isBasic(t types.Type, info types.BasicInfo) bool {
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&info != 0
}

func blank(list []ast.Expr) bool {
	for _, e := range list {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}
