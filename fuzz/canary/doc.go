// Package canary holds allocators that are wrong on purpose. A rule that never fired is a hope; each allocator here has
// one defect and names the rule that must catch it, how many random programs that may take, and how short the
// reproducer must become. When a rule, the generator or the minimizer gets weaker, a canary survives, and the tests of
// this package say which.
//
//	c, ok := canary.Lookup("pop-twice")
//	subject := c.Subject() // for the engine of package props
//
// # The base
//
// Most canaries are one allocator, toy, with one line changed (see Bug). It is small, it is right, which the tests
// check with the same programs, and it has every part of an allocator where a defect can hide: size classes with free
// lists inside the free blocks, runs of pages, blocks mapped on their own, growing and shrinking in place, memory known
// to be zero, statistics, an own recount, misuse that is detected. The others wrap an allocator of package impl or the
// reference, and spoil one of its methods.
//
// # What a canary is not
//
// A defect is what a rule can see. Blocks handed out in another order than CPython does is no defect for a rule, only
// for a golden trace, so there is no canary of it here.
//
// # Blindness
//
// An allocator's own recount finds many defects before they do harm. Where the rule that is to be tried is about the
// harm, the canary is blind: its recount is hidden.
package canary
