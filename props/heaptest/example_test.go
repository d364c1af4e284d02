package heaptest_test

import (
	"testing"

	"heapfuzz/props/heaptest"
)

func TestFreeList(t *testing.T) {
	heaptest.Run(t, func() heaptest.Allocator {
		a := NewFreeList()
		return heaptest.Slices(a, a.Get, a.Put)
	})
}
