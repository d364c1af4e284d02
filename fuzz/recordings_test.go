package fuzz

import (
	"testing"

	"heapfuzz/fuzz/recorded"
)

// Every family that is stored is that of a target, and every target that says so has one.
func TestRecordingsHaveTargets(t *testing.T) {
	files, err := recorded.Files("..")
	if err != nil {
		t.Fatal(err)
	}
	stored := map[recorded.Family]bool{}
	for _, file := range files {
		list, err := recorded.Read("..", file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			stored[recorded.FamilyOf(r.Name())] = true
		}
	}
	for _, target := range Targets() {
		family := target.Recordings
		if family == (recorded.Family{}) {
			continue
		}
		if !stored[family] || family.Subject != target.Subject {
			t.Errorf("%s has the recordings of %v, of which none are stored", target.Name, family)
		}
		delete(stored, family)
	}
	for family := range stored {
		t.Errorf("no target has the recordings of %v, or two have", family)
	}
}
