// Package model says what is right, in code that is read and not measured.
//
// A model watches a run: it is told each question and the answer that a target gave, and it accepts the answer or names
// the rule that the answer breaks. It does not predict: an address that it could not have foreseen is right as long as
// no rule speaks against it. Every rule is an Invariant with a name that never changes and one sentence that a user
// understands; every breach of it is a Violation.
package model

import "fmt"

// Invariant is one rule. Name is "subject/rule" and never changes, since corpora, canaries and triage compare it. Doc
// is one sentence.
type Invariant struct{ Name, Doc string }

// Violation is the breach of one rule by one answer. Cause tells breaches of one rule apart that are different defects
// (the name of the implementation's own invariant, say); like the rule's name it holds no number. Detail is for people
// and may.
type Violation struct {
	Rule   *Invariant
	Cause  string
	Detail string
}

// Breach returns a violation of the rule with a detail for people.
func (r *Invariant) Breach(format string, args ...any) *Violation {
	return &Violation{Rule: r, Detail: fmt.Sprintf(format, args...)}
}

// Error says rule and detail: "heap/disjoint: p2 overlaps live p1".
func (v *Violation) Error() string {
	if v.Detail == "" {
		return v.Rule.Name
	}
	return v.Rule.Name + ": " + v.Detail
}

// Signature names the defect and nothing else of the run: no address, slot, index or count.
func (v *Violation) Signature() string {
	if v.Cause == "" {
		return v.Rule.Name
	}
	return v.Rule.Name + " " + v.Cause
}
