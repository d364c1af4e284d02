// Package prog is the language of heapfuzz: a program is a list of operations, one a line.
//
//	world limit=4 skew=0
//	p0 = alloc size=64
//	p1 = calloc n=2 size=8
//	realloc p0 size=100
//	free p0
//
// The same text is corpus, reproducer, regression test, golden trace and wire format. What operations there are is said
// by one table a subject, the Spec; this package knows no subject.
//
// # Laws
//
//  1. Decode is total: any bytes are some program.
//  2. Decode(Encode(p)) equals p for every program whose numbers lie in their domains, and Canon(p) for all.
//  3. Parse(Format(p)) equals p.
//  4. Every subsequence of a program is a program: an operation on a slot that is dead (or a definition of one that is
//     live) is answered Skip and means nothing. So shrinking is deletion, and a person may delete lines by hand.
//
// In law 2 the slots count as numbers; in law 3 they are below SlotsMax. In both, what a row does not use is 0.
package prog

import (
	"slices"
	"strings"
	"sync"

	"heapfuzz/model"
)

// Kind is the index of an operation's row in its Spec.
type Kind uint8

// Slot names what an operation made: p0, p1, ... Slots are dense and small; a trace of a real program may use millions.
type Slot uint32

// ArgsMax is the number of arguments that an operation, or a world, has at most.
const ArgsMax = 3

// Op is one question. Def is the slot that it defines, if its row says that it defines one, and 0 otherwise. Unused
// arguments are 0, so that operations compare with ==.
type Op struct {
	Kind Kind
	Def  Slot
	Args [ArgsMax]uint64
}

// Program is a world, the small configuration that its target is opened with, and the operations to run in it.
type Program struct {
	World [ArgsMax]uint64
	Ops   []Op
}

// Equal tells whether p and q are the same program. It makes no difference between no operations and nil.
func (p Program) Equal(q Program) bool { return p.World == q.World && slices.Equal(p.Ops, q.Ops) }

// Clone returns a program that shares nothing with p.
func (p Program) Clone() Program { return Program{World: p.World, Ops: slices.Clone(p.Ops)} }

// Status is how a target answered.
type Status uint8

const (
	OK    Status = iota // done
	Skip                // means nothing here: the slot is dead, or the target has no such operation
	NoMem               // refused for want of memory, which is legal where the contract says so
	Fail                // the target says that it is broken; Msg is "name: detail"
)

func (s Status) String() string { return [...]string{"ok", "skip", "nomem", "fail"}[s&3] }

// Outcome is one answer. Value is visible: it is a function of the program alone and is compared between targets and
// runs. Addr and Size are hidden: an address and the bytes usable there, which only rules look at. Msg is for people.
// State is a number below 8 by which a target tells apart the states of what the operation was about; it is for
// coverage alone.
type Outcome struct {
	Status     Status
	State      uint8
	Value      uint64
	Addr, Size uint64
	Msg        string
}

// Visible is the part of an outcome that two targets of one contract agree on.
func (o Outcome) Visible() Outcome { return Outcome{Status: o.Status, Value: o.Value} }

// Trace is the answers to a program, one an operation as far as it ran.
type Trace []Outcome

// Domain is the set of numbers that an argument takes: 0..Max and Edges. Numbers up to Near and the edges are preferred
// by Decode and Generate. Max is below 4 Mi, so that a number, or its place in Edges, fits three bytes.
type Domain struct {
	Name      string
	Near, Max uint64
	Edges     []uint64
	IsSlot    bool // the number is a slot that the operation reads
}

// Arg is one named argument. A slot argument prints as "p3", a number as "name=3".
type Arg struct {
	Name   string
	Domain *Domain
}

// Role is what an operation does to a slot, so far as generating, minimizing and commuting need to know it.
type Role uint8

const (
	Observe Role = iota // changes no slot: check, usage, oom, drain excepted
	Make                // defines a slot: alloc
	Kill                // ends the slot of its first argument: free
	Use                 // works on the slot of its first argument, which goes on living: realloc, verify
	KillAll             // ends every slot: drain
	Set                 // changes the target but no slot: oom, trim
)

// Info is what everybody but the target and the model needs to know of an operation. A new operation is one Info, in
// one Row.
type Info struct {
	Name   string
	Doc    string // one sentence
	Role   Role
	Args   []Arg
	Weight int  // relative frequency in a uniform mix; 0: only written by hand or by a byte mutator
	Needs  int  // the promise that it asks for, the subject's own number; 0: none. Generated only where it is given.
	Lacks  bool // a target may lack it and answer Skip
	Fault  bool // makes what follows fail, until it is asked with all numbers 0; generated programs soon do so: oom

	// Fills and Empties say that it makes what a slot holds more, or less: set and delete of a dict. Where a table has
	// such operations, it is these that a phase of a generated program has more or fewer of, and slots are made and
	// killed now and then.
	Fills, Empties bool
}

// Row is one operation whole: how to print it, how to ask it of a T, how a model S judges the answer.
type Row[S, T any] struct {
	Info
	Do   func(T, Op) Outcome
	Step func(S, Op, Outcome) *model.Violation
}

// Spec is the table of a subject's operations without the functions: all that the codec, the generator and the
// minimizer read. It is made whole, by NewLang or as a literal, and not changed after; then it is safe for concurrent
// use.
type Spec struct {
	Name  string  // of the subject: "heap"
	World []Arg   // the named numbers of the first line
	Slots *Domain // of every slot, defined or read; nil when the subject has none. It has no Edges.
	Rows  []Info

	motifs  func() []motif // that generated programs hold; see Lang.With
	worldly bool           // see Lang.Worldly

	once sync.Once // guards tab
	tab  tables    // what the codec and the generator derive from the fields above, at the first use
}

// Lang is a subject's language: its rows, and the Spec made from them.
type Lang[S, T any] struct {
	*Spec
	rows []Row[S, T]
}

// NewLang makes a language from its table.
func NewLang[S, T any](name string, slots *Domain, world []Arg, rows []Row[S, T]) *Lang[S, T] {
	spec := &Spec{Name: name, World: world, Slots: slots}
	for _, r := range rows {
		spec.Rows = append(spec.Rows, r.Info)
	}
	spec.validate()
	return &Lang[S, T]{spec, rows}
}

// Worldly says that the world decides more of what a program meets than its length does: programs are short, and their
// worlds seldom the ordinary one.
func (l *Lang[S, T]) Worldly() *Lang[S, T] {
	l.worldly = true
	return l
}

// Row returns the row of that kind. What every operation goes through calls Row(op.Kind).Do(target, op), and not Do:
// the answer then is not copied while it is on its way from registers to memory, for which a processor waits.
func (l *Lang[S, T]) Row(k Kind) *Row[S, T] { return &l.rows[k] }

// Do asks op of target.
func (l *Lang[S, T]) Do(target T, op Op) Outcome { return l.rows[op.Kind].Do(target, op) }

// Step lets the model judge the answer.
func (l *Lang[S, T]) Step(state S, op Op, out Outcome) *model.Violation {
	return l.rows[op.Kind].Step(state, op, out)
}

// Kind returns the kind of that name. It panics when there is none, since names are written in our own tables.
func (s *Spec) Kind(name string) Kind {
	if k, ok := s.Lookup(name); ok {
		return k
	}
	panic("prog: no operation " + name + " in " + s.Name)
}

// Lookup returns the kind of that name.
func (s *Spec) Lookup(name string) (Kind, bool) {
	for i := range s.Rows {
		if s.Rows[i].Name == name {
			return Kind(i), true
		}
	}
	return 0, false
}

// Info returns what is known of the operation's kind.
func (s *Spec) Info(k Kind) *Info { return &s.Rows[k] }

// validate panics when a table breaks what the codec and the generator rely on.
func (s *Spec) validate() {
	if len(s.Rows) == 0 || len(s.Rows) > 128 || len(s.World) > ArgsMax {
		panic("prog: " + s.Name + ": a table has 1 to 128 rows and a world at most 3 numbers")
	}
	if d := s.Slots; d != nil && (d.Max > slotMax || d.Near > d.Max || len(d.Edges) > 0) {
		panic("prog: " + s.Name + ": the domain of slots is out of bounds, or has edges")
	}
	s.validateArgs("world", s.World)
	for i, r := range s.Rows {
		if k, _ := s.Lookup(r.Name); int(k) != i || r.Name == "world" || !isName(r.Name) {
			panic("prog: " + s.Name + ": operation " + r.Name + ": the name is taken or is no name")
		}
		s.validateArgs(r.Name, r.Args)
		slotFirst := len(r.Args) > 0 && r.Args[0].Domain.IsSlot
		if (r.Role == Kill || r.Role == Use) && !slotFirst {
			panic("prog: " + r.Name + ": its role and its first argument disagree")
		}
		if r.Role == Make && s.Slots == nil || r.Weight < 0 {
			panic("prog: " + r.Name + ": makes a slot where there are none, or its weight is negative")
		}
	}
}

// validateArgs is the part of validate for the arguments of one operation, or of the world.
func (s *Spec) validateArgs(where string, args []Arg) {
	if len(args) > ArgsMax {
		panic("prog: " + where + ": too many arguments")
	}
	for i, a := range args {
		d := a.Domain
		switch {
		case d == nil:
			panic("prog: " + where + ": argument " + a.Name + " has no domain")
		case d.IsSlot && (s.Slots == nil || where == "world"):
			panic("prog: " + where + ": argument " + a.Name + " is a slot where there are none")
		case !d.IsSlot && (d.Max >= 4<<20 || d.Near > d.Max || len(d.Edges) > 1<<16):
			panic("prog: " + where + ": domain " + d.Name + " is out of bounds")
		case !d.IsSlot && (!isName(a.Name) || slices.ContainsFunc(args[:i], named(a.Name))):
			panic("prog: " + where + ": argument " + a.Name + ": the name is taken or is no name")
		}
	}
}

func named(name string) func(Arg) bool { return func(a Arg) bool { return a.Name == name } }

// isName tells whether Parse reads s back as the name of an operation or of an argument: not as a slot, an index, an
// answer or a comment.
func isName(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' || s[0] == '-' || strings.ContainsAny(s, "=# \t\r\n✗") {
		return false
	}
	return !isSlot([]byte(s))
}
