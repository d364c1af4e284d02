package fuzz

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"heapfuzz/impl/page"
	"heapfuzz/props/heaptest"
)

// TestPagesCollapse has the kernel put huge pages in the place of small ones all the while, as it does of its own
// accord now and then: that is no pages which stay when they are given back.
func TestPagesCollapse(t *testing.T) {
	const size, many = 3 * page.Bytes, 2000
	h, err := openPages(heaptest.World{}, pagesSound)
	if err != nil {
		t.Fatal(err)
	}
	a := h.(*pages)
	var stop atomic.Bool
	var times atomic.Int64
	ended := make(chan struct{})
	for range 2 { // until its parts come from a huge page
		a.Alloc(page.Bytes)
	}
	part := uintptr(a.Alloc(page.Bytes))
	go func() {
		defer close(ended)
		for !stop.Load() {
			if unix.Madvise(page.View(part&^(hugeBytes-1), hugeBytes), unix.MADV_COLLAPSE) == nil {
				times.Add(1)
			}
		}
	}()
	for range many {
		a.Free(a.Calloc(1, size))
	}
	stop.Store(true)
	<-ended
	if times.Load() == 0 {
		t.Skip("the kernel makes no huge pages when it is asked to")
	}
	for addr := range a.runs {
		a.Free(page.Pointer(addr))
	}
	if err := a.CheckInvariants(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
