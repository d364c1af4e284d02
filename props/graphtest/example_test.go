package graphtest_test

import (
	"testing"

	"heapfuzz/props/graphtest"
)

// A counter alone promises that what nothing refers to dies at once, and lets cycles leak.
func TestCounter(t *testing.T) {
	graphtest.Run(t, func() graphtest.Heap { return NewCounter() },
		graphtest.Promise(graphtest.Contract{Immediate: true, Retained: -1}))
}
