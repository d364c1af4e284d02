// Package props says what must hold: it drives a program through a target, lets a model judge every answer, and turns
// the first wrong one into the shortest program that still goes wrong, with a report for people.
//
//	Program ──Run──▶ Trace ──Judge──▶ Finding ──Minimize──▶ Reproducer ──Report──▶ person
//
// Nothing here knows what an allocator is. A Subject brings the language, the model and a way to open a target;
// heaptest and its sisters make Subjects.
package props

import (
	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// Target is the thing under test: it answers questions. Do never panics for a reason of the program: a target that dies
// is answered with Fail.
type Target interface {
	Do(op prog.Op) prog.Outcome
	Close() error
}

// Judge is a model in the middle of a run. Step returns a *model.Violation when the answer breaks a rule.
type Judge interface {
	Step(op prog.Op, out prog.Outcome) *model.Violation
}

// Subject is a kind of thing to test, together with one of its kind: heaptest makes one of every allocator.
type Subject struct {
	Target string // the name of the target: "arena-3.11"
	Spec   *prog.Spec
	// Open makes a fresh target in the program's world, and a fresh judge of it.
	Open func(world [prog.ArgsMax]uint64) (Target, Judge, error)
	// Epilogue runs after every program: it takes everything back and looks at what is left.
	Epilogue []prog.Op
	// Allows tells whether programs for this target should hold operations of that kind.
	Allows func(prog.Kind) bool
	// Properties are those that hold of every program, Conforms the first. Where the contract lets a target refuse at
	// any time, what is refused depends on everything that was done before, and of the relations between runs only
	// Deterministic is among them.
	Properties []Property
	// Repeats is how often Minimize runs a program to see whether it shows a defect, where answers differ from run to
	// run, as goroutines of the target's own work in it: the majority decides. 0 is once, and an odd number is best.
	Repeats int
	// Picture describes, for a person, the state of a live target around the slot at fault; it may be nil.
	Picture func(t Target, op prog.Op) string
	// Transitions tells how often each of its named transitions a live target took, always the same names in the same
	// order; it may be nil. See Meter.
	Transitions func(t Target, visit func(name string, times uint64))
	// Explicit returns a program that asks, one operation each, for what happened by itself in a run of p that was
	// answered so; false when nothing did. It may be nil. Minimize prefers such programs.
	Explicit func(p prog.Program, answers prog.Trace) (prog.Program, bool)
	// Damage looks at every live block of a target and tells of the first damaged one; it may be nil. See FindBlame.
	Damage func(t Target) (Damage, bool)
}

// Property returns the subject's property of that name.
func (s *Subject) Property(name string) (Property, bool) {
	for _, p := range s.Properties {
		if p.Name == name {
			return p, true
		}
	}
	return Property{}, false
}
