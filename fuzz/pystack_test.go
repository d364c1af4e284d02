package fuzz

import (
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/dict"
)

// stackCanaries are heaps of objects with dicts that are wrong on purpose.
func stackCanaries() (all []canarytest.Canary) {
	for _, row := range []struct {
		fault             stackFault
		name, doc, reason string
		cause             string
	}{
		{stackLeaks, "leaks", "pop keeps a reference to the value that it hands out",
			"", "object/count"},
		{stackLoses, "loses", "clear loses a block of memory when there are six entries or more",
			"it takes six insertions", "object/memory"},
		{stackUntracks, "untracks", "the dict leaves the collector's sight when it has six entries",
			"it takes six insertions", "object/untracked"},
	} {
		target := stackTarget("canary-stack-"+row.name, "3.10", row.fault)
		c := canarytest.Canary{
			Name: "stack-" + row.name, Doc: row.doc, Rule: dict.Invariant, Cause: row.cause, Reason: row.reason,
			Reproducer: 12, Contract: target.Contract, Subject: target.New,
		}
		all = append(all, c.Filled())
	}
	return all
}

// TestStackCanaries has each of them caught by the recount that it is for.
func TestStackCanaries(t *testing.T) {
	canarytest.Caught(t, stackCanaries(), canarytest.Budget{OpsMax: 200})
}
