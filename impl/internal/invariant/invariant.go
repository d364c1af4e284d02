// Package invariant holds assertions that cost nothing unless the program is built with the tag `invariants`.
//
//	if invariant.Enabled {
//		invariant.Assert(p.Count() > 0, "pool/count-positive")
//	}
//
// The constant in front of the call makes the compiler drop it together with the work of its arguments. Without the tag
// a wrong caller corrupts the heap exactly as it would in C, which is what a harness for allocators wants to see.
package invariant

// Assert panics with the name of the rule when cond is false. A failed assertion is our own error or our caller's
// misuse of the allocator, never an answer.
func Assert(cond bool, rule string) {
	if Enabled && !cond {
		panic("impl: broken invariant " + rule)
	}
}
