package fuzz

import (
	"testing"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
)

// swissCanaries are stores of Swiss tables that are wrong on purpose, one for each check that a store makes itself.
func swissCanaries() (all []canarytest.Canary) {
	for _, row := range []struct {
		fault            swissFault
		name, doc, cause string
		reproducer       int
	}{
		{swissLoses, "loses", "a map that is no more leaves a block behind", "swiss/blocks", 0},
		{swissTellsNumber, "tells-number", "a key that is not found is told with a number", "swiss/answers", 0},
		{swissReservesLess, "reserves-less", "there is no room for all keys of a table", "swiss/answers", 0},
		{swissClusters, "clusters", "keys begin in few groups", "swiss/edges", 32},
		{swissHoards, "hoards", "a block is lost when all maps are gone", "swiss/edges", 0},
	} {
		contract := swissContract()
		open := func(w dicttest.World) (dicttest.Store, error) { return openSwiss(w, row.fault) }
		all = append(all, canarytest.Canary{
			Name: "swiss-" + row.name, Doc: row.doc, Rule: dict.Invariant, Cause: row.cause,
			Reproducer: row.reproducer, Reason: "what is asked beside programs follows from how many operations came",
			Contract: contract,
			Subject:  dictTarget(Target{Name: canarytest.Prefix + "swiss-" + row.name}, contract, open).New,
		}.Filled())
	}
	return all
}

// TestSwissCanaries has each of them caught by the check that it is for, and every fault has one.
func TestSwissCanaries(t *testing.T) {
	all := swissCanaries()
	canarytest.Caught(t, all, canarytest.Budget{OpsMax: 200})
	if n := len(all); n != swissFaults {
		t.Errorf("%d canaries have %d faults", n, swissFaults)
	}
}

// TestSwissEdges asks all at once.
func TestSwissEdges(t *testing.T) {
	store, err := openSwiss(dicttest.World{}, swissSound)
	if err != nil {
		t.Fatal(err)
	}
	s := store.(*swissStore)
	for s.turn = range 128 {
		if err := s.edges(); err != nil {
			t.Errorf("turn %d: %v", s.turn, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
