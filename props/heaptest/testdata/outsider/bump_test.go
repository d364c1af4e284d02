package outsider

import (
	"testing"

	"heapfuzz/props/heaptest"
)

func TestArena(t *testing.T) {
	heaptest.Run(t, func() heaptest.Allocator {
		a := &Arena{}
		return heaptest.Slices(a, a.Get, a.Put)
	}, heaptest.Promise(heaptest.Contract{ZeroNil: true, Retained: -1}))
}
