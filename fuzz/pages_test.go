package fuzz

import (
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/heap"
	"heapfuzz/props/heaptest"
)

// pagesCanaries are layers of pages that are wrong on purpose, one for each check that they make themselves.
func pagesCanaries() (all []canarytest.Canary) {
	for _, row := range []struct {
		fault                    pagesFault
		name, doc, cause, reason string
		reproducer               int
	}{
		{fault: pagesShift, name: "shift", doc: "a huge page begins elsewhere", cause: "page/huge"},
		{fault: pagesStint, name: "stint", doc: "the limit is a page less", cause: "page/limit"},
		{fault: pagesExceed, name: "exceed", doc: "the limit is a page more", cause: "page/limit", reproducer: 12,
			reason: "all that the limit allows has to be asked for"},
		{fault: pagesTakePart, name: "take-part", doc: "a run is taken back by another size", cause: "page/unmap"},
		{fault: pagesStay, name: "stay", doc: "pages that are given back stay in memory", cause: "page/resident"},
		{fault: pagesMiscount, name: "miscount", doc: "a request that nobody made is counted", cause: "page/usage"},
		{fault: pagesHide, name: "hide", doc: "the last run is not told", cause: "page/runs"},
		{fault: pagesHoard, name: "hoard", doc: "the system gives a page that is given to nobody", cause: "page/rest"},
	} {
		open := func(w heaptest.World) (heaptest.Allocator, error) { return openPages(w, row.fault) }
		target := heapTarget(Target{Name: canarytest.Prefix + "page-" + row.name}, pagesContract, open)
		all = append(all, canarytest.Canary{
			Name: "page-" + row.name, Doc: row.doc, Rule: heap.Invariant, Cause: row.cause,
			Reproducer: row.reproducer, Reason: row.reason, Contract: pagesContract, Subject: target.New,
		}.Filled())
	}
	return all
}

// TestPagesCanaries has each of them caught by the check that it is for, and every fault has one.
func TestPagesCanaries(t *testing.T) {
	all := pagesCanaries()
	canarytest.Caught(t, all, canarytest.Budget{OpsMax: 200})
	if n := len(all); n != pagesFaults {
		t.Errorf("%d canaries have %d faults", n, pagesFaults)
	}
}
