package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"heapfuzz/props/prog"
)

// A reproducer as a program of Go or C is the calls, one for each operation, and below or above them the same few
// functions that perform an operation and check what came of it. The calls follow from the table of the language (an
// operation "aligned" of p3 with align=64 and size=100 is heap_aligned(p3, 64, 100)); the functions stand in
// emit_go.txt and emit_c.txt, one for each operation, which a test makes sure of.

//go:embed emit_go.txt
var goText string

//go:embed emit_c.txt
var cText string

// emitted is what the templates are filled with.
type emitted struct {
	Name   string // of the file that the program was read from
	Target string
	World  [prog.ArgsMax]uint64
	Rule   string // the rule that the last call breaks; "" when the program conforms
	Doc    string // of the rule
	Slots  []prog.Slot
	Room   int // one more than the largest slot
	Calls  []emittedCall
}

// emittedCall is one operation: its name in the language, its arguments as words of the programming language, and the
// comment behind it.
type emittedCall struct {
	Op, Args, Note string
}

// emitMax bounds the calls: compilers take minutes over functions that are longer.
const emitMax = 50_000

// newEmitted makes the calls of a run: the operations that were not skipped, up to the one that broke a rule. Unsigned
// is what a number that does not fit 63 bits has behind it.
func newEmitted(name string, run *running, unsigned string) (*emitted, error) {
	e := &emitted{Name: name, Target: run.subject.Target, World: run.program.World}
	if run.Violation != nil {
		e.Rule, e.Doc = run.Violation.Rule.Name, run.Violation.Rule.Doc
	}
	for i := range run.Trace {
		op, info := run.Ops[i], run.subject.Spec.Info(run.Ops[i].Kind)
		if run.Trace[i].Status == prog.Skip {
			continue
		}
		if len(e.Calls) == emitMax {
			return nil, fmt.Errorf("%s: more than %d operations: heapfuzz shrink %s makes fewer", name, emitMax, name)
		}
		c := emittedCall{Op: info.Name, Args: e.arguments(info, op, unsigned)}
		if run.Violation != nil && i == len(run.Trace)-1 {
			c.Note = oneLine(run.Violation.Error())
		}
		e.Calls = append(e.Calls, c)
	}
	slices.Sort(e.Slots)
	return e, nil
}

// arguments returns the words of a call, and takes note of its slots.
func (e *emitted) arguments(info *prog.Info, op prog.Op, unsigned string) string {
	var words []string
	slot := func(s prog.Slot) {
		if !slices.Contains(e.Slots, s) {
			e.Slots = append(e.Slots, s)
			e.Room = max(e.Room, int(s)+1)
		}
		words = append(words, fmt.Sprintf("p%d", s))
	}
	if info.Role == prog.Make {
		slot(op.Def)
	}
	for i, a := range info.Args {
		switch n := op.Args[i]; {
		case a.Domain.IsSlot:
			slot(prog.Slot(n))
		case n > 1<<63-1:
			words = append(words, fmt.Sprintf("%d%s", n, unsigned))
		default:
			words = append(words, fmt.Sprint(n))
		}
	}
	return strings.Join(words, ", ")
}

// camel writes an operation's name as Go does: double-free as doubleFree.
func camel(name string) string {
	parts := strings.Split(name, "-")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
	}
	return strings.Join(parts, "")
}

func snake(name string) string { return strings.ReplaceAll(name, "-", "_") }

// comment makes a text safe inside a comment of C.
func comment(text string) string { return strings.ReplaceAll(text, "*/", "* /") }

// write fills a template. Its actions stand in <% %>, since both languages have double braces of their own.
func (e *emitted) write(w io.Writer, text string) error {
	words := template.FuncMap{"camel": camel, "snake": snake, "comment": comment}
	t, err := template.New("").Delims("<%", "%>").Funcs(words).Parse(text)
	if err != nil {
		panic("heapfuzz: " + err.Error())
	}
	return t.Execute(w, e)
}
