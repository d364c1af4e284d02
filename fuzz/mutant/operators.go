package mutant

import "go/token"

// Operator is a kind of defect. Name never changes: identities of mutants hold it.
type Operator struct{ Name, Doc string }

// The operators, in the order of reports.
var (
	opBoundary = operator("boundary", "a comparison is shifted: < for <=, >= for >")
	opNegate   = operator("negate", "a comparison or condition is turned around")
	opTrue     = operator("true", "a condition holds always")
	opFalse    = operator("false", "a condition holds never")
	opLoop     = operator("loop", "a loop runs zero times")
	opPlus     = operator("plus", "a constant, index or bound is one more")
	opMinus    = operator("minus", "a constant, index or bound is one less")
	opZero     = operator("zero", "a constant is 0")
	opArith    = operator("arith", "an arithmetic operator is swapped: + with -, * for /")
	opBits     = operator("bits", "an operator on bits is swapped: & with |, << with >>")
	opDelete   = operator("delete", "a statement is left out: a store, a call, a link of a list")
	opReturn   = operator("return", "a returned value is the zero of its type")
	opBranch   = operator("branch", "break and continue are swapped")
	opDefer    = operator("defer", "a deferred call is left out")
)

// Operators lists them all.
var Operators []*Operator

func operator(name, doc string) *Operator {
	o := &Operator{name, doc}
	Operators = append(Operators, o)
	return o
}

// change is one way to be wrong at a site: the operator, and what stands there then, for people.
type change struct {
	op *Operator
	to string
}

// helper is the function of the switch that stands for a binary operator, with the changes that it knows, in the order
// of their variants.
type helper struct {
	name    string
	changes []change
}

func comparison(name, boundary, negated string) helper {
	h := helper{name: name}
	if boundary != "" {
		h.changes = append(h.changes, change{opBoundary, boundary})
	}
	h.changes = append(h.changes, change{opNegate, negated}, change{opTrue, "true"}, change{opFalse, "false"})
	return h
}

func swap(name string, op *Operator, to string) helper { return helper{name, []change{{op, to}}} }

// helpers are the functions for binary operators; embed/switch.go.txt has their code.
var helpers = map[token.Token]helper{
	token.LSS: comparison("Lt", "<=", ">="),
	token.LEQ: comparison("Le", "<", ">"),
	token.GTR: comparison("Gt", ">=", "<="),
	token.GEQ: comparison("Ge", ">", "<"),
	token.EQL: comparison("Eq", "", "!="),
	token.NEQ: comparison("Ne", "", "=="),

	token.ADD: swap("Add", opArith, "-"),
	token.SUB: swap("Sub", opArith, "+"),
	token.MUL: swap("Mul", opArith, "+"),
	token.QUO: swap("Quo", opArith, "*"),
	token.REM: swap("Rem", opArith, "*"),

	token.AND:     swap("And", opBits, "|"),
	token.OR:      swap("Or", opBits, "&"),
	token.XOR:     swap("Xor", opBits, "|"),
	token.AND_NOT: swap("AndNot", opBits, "&"),
	token.SHL:     swap("Shl", opBits, ">>"),
	token.SHR:     swap("Shr", opBits, "<<"),
}

// assignments are the operators behind assignments, and those that stand for them in a mutant.
var assignments = map[token.Token]struct {
	op *Operator
	to token.Token
}{
	token.ADD_ASSIGN:     {opArith, token.SUB_ASSIGN},
	token.SUB_ASSIGN:     {opArith, token.ADD_ASSIGN},
	token.MUL_ASSIGN:     {opArith, token.ADD_ASSIGN},
	token.QUO_ASSIGN:     {opArith, token.MUL_ASSIGN},
	token.REM_ASSIGN:     {opArith, token.MUL_ASSIGN},
	token.AND_ASSIGN:     {opBits, token.OR_ASSIGN},
	token.OR_ASSIGN:      {opBits, token.AND_ASSIGN},
	token.XOR_ASSIGN:     {opBits, token.OR_ASSIGN},
	token.AND_NOT_ASSIGN: {opBits, token.AND_ASSIGN},
	token.SHL_ASSIGN:     {opBits, token.SHR_ASSIGN},
	token.SHR_ASSIGN:     {opBits, token.SHL_ASSIGN},
	token.INC:            {opArith, token.DEC},
	token.DEC:            {opArith, token.INC},
}
