package dicttest_test

import (
	"testing"

	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
)

// A map is given by its functions..
func TestTreap(t *testing.T) {
	dicttest.Run(t, func(int) dicttest.Dict {
		m := NewTreap[string]()
		return dicttest.Map[string, string]{
			Get: m.Get, Set: m.Set, Delete: m.Delete, Len: m.Len, Range: m.Range, Check: m.Check,
		}.Dict()
	}, dicttest.Promise(dicttest.Contract{Retained: -1}))
}

// So is a cache, with the function that it tells of evictions.
func TestFIFO(t *testing.T) {
	dicttest.RunCache(t, func(capacity int) dicttest.Cache {
		var told dicttest.Evictions[string, int]
		c := NewFIFO(capacity, told.Tell)
		return dicttest.CacheMap[string, int]{Get: c.Get, Put: c.Put, Len: c.Len, Evicted: &told}.Cache()
	}, dicttest.PromiseCache(dicttest.CacheContract{Policy: dict.FIFO}))
}
