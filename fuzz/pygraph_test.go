package fuzz

import (
	"testing"

	"heapfuzz/impl/object"
	"heapfuzz/props/graphtest"
)

func TestPyGraph(t *testing.T) {
	for _, prof := range object.Profiles() {
		t.Run(prof.Name, func(t *testing.T) {
			open := func(w graphtest.World) (graphtest.Heap, error) { return openGC(prof, w) }
			err := graphtest.Test(nil, graphtest.Programs(2), graphtest.Promise(gcContract(prof)),
				graphtest.InWorld(open), graphtest.Named("gc-"+prof.Name))
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTrialGraph(t *testing.T) {
	for _, prof := range object.Profiles() {
		t.Run(prof.Name, func(t *testing.T) {
			open := func(w graphtest.World) (graphtest.Heap, error) { return openTrial(prof, w) }
			err := graphtest.Test(nil, graphtest.Programs(2), graphtest.Promise(pyContract(prof)),
				graphtest.InWorld(open), graphtest.Named("trial-"+prof.Name))
			if err != nil {
				t.Error(err)
			}
		})
	}
}
