package fuzz

import (
	"testing"

	"heapfuzz/props/dicttest"
)

// TestSwissEdges asks all at once.
func TestSwissEdges(t *testing.T) {
	store, err := openSwiss(dicttest.World{})
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
