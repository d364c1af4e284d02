package props

import (
	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// Property is something that must hold of every program on a subject. Name never changes; Doc is one sentence that a
// user understands. Check may run the target several times: a metamorphic property compares two runs.
type Property struct {
	Name, Doc string
	Check     func(s *Subject, r *Runner, p prog.Program) (*Refutation, error)
}

// Refutation is how a program shows that a property does not hold.
type Refutation struct {
	Violation *model.Violation
	At        int       // index into Ops of the guilty operation
	Ops       []prog.Op // what was asked in the run that failed
	Trace     prog.Trace
	Picture   string
	From      []int // of each of Ops: the program's operation, -1 if it was put in; nil: Ops is the program
}

// Finding is a program that refutes a property on a target.
type Finding struct {
	Property string
	Target   string
	Program  prog.Program
	*Refutation
}

// Signature names the defect: the property, the rule and its cause, and no address, slot, index or count.
func (f *Finding) Signature() string { return f.Property + ": " + f.Violation.Signature() }
