package fuzz

import (
	"fmt"
	"strings"

	"heapfuzz/fuzz/trace"
	"heapfuzz/model/dict"
	"heapfuzz/model/graph"
	"heapfuzz/model/heap"
	"heapfuzz/model/value"
)

// words collects what a contract promises.
type words []string

func (w *words) add(on bool, format string, args ...any) {
	if on {
		*w = append(*w, fmt.Sprintf(format, args...))
	}
}

func (w words) or(nothing string) string {
	if len(w) == 0 {
		return nothing
	}
	return strings.Join(w, ", ")
}

// heapPromises says an allocator's contract in words.
func heapPromises(c heap.Contract) string {
	var w words
	w.add(c.Align > 1, "align %d", c.Align)
	w.add(c.AlignMax > 0, "more on request up to %d", c.AlignMax)
	w.add(c.Waste[0].UpTo > 0, "bounded waste")
	w.add(c.MayRefuse, "may refuse")
	w.add(c.ZeroNil, "0 bytes may be nil")
	w.add(c.ReallocZeroFrees, "realloc to 0 frees")
	misuse := []struct {
		what string
		met  heap.Answer
	}{
		{"double", c.DoubleFree}, {"interior", c.InteriorFree}, {"stray", c.StrayFree}, {"foreign", c.ForeignFree},
		{"wild", c.WildFree}, {"cross", c.CrossFree},
	}
	for _, answer := range []heap.Answer{heap.Detected, heap.Ignored} {
		var which []string
		for _, m := range misuse {
			if m.met == answer {
				which = append(which, m.what)
			}
		}
		switch len(which) {
		case 0:
		case len(misuse):
			w.add(true, "every wrong free %v", answer)
		default:
			w.add(true, "%s free %v", strings.Join(which, "/"), answer)
		}
	}
	w.add(c.Dress != nil, "fences, and fillings of fresh and freed memory")
	w.retained(c.Inexact, c.Retained)
	return w.or("blocks that keep their bytes")
}

// retained says how much is kept when all is given up.
func (w *words) retained(inexact bool, retained int64) {
	w.add(!inexact && retained == 0, "gives all back")
	w.add(!inexact && retained > 0, "keeps up to %s", trace.Bytes(uint64(retained)))
}

// heapAlike tells whether two contracts ask for the same visible answers where both targets have an operation: to a
// realloc to 0 bytes, and to each misuse. Sizes may differ, since a refusal is never compared.
func heapAlike(a, b heap.Contract) bool {
	misuse := func(a, b heap.Answer) bool { return a == b || a == 0 || b == 0 }
	return a.ReallocZeroFrees == b.ReallocZeroFrees &&
		misuse(a.DoubleFree, b.DoubleFree) && misuse(a.InteriorFree, b.InteriorFree) &&
		misuse(a.StrayFree, b.StrayFree) &&
		misuse(a.ForeignFree, b.ForeignFree) && misuse(a.WildFree, b.WildFree) && misuse(a.CrossFree, b.CrossFree)
}

// graphPromises says the contract of a heap of objects in words.
func graphPromises(c graph.Contract) string {
	var w words
	w.add(c.Immediate, "dies with the last reference")
	w.add(c.Within == 1, "a full collection takes all cycles")
	w.add(c.Within > 1, "%d full collections take all cycles", c.Within)
	w.add(c.Generations > 1, "%d generations", c.Generations)
	w.add(c.Promotes, "promotes survivors")
	w.add(c.Automatic[graph.Node], "collects by itself")
	w.add(c.Returns == graph.Deaths, "counts its dead")
	w.add(c.Returns == graph.Containers, "counts its dead but atoms")
	w.add(c.Saves == graph.Whole, "one that is saved saves all")
	w.add(c.WeakFirst, "clears weak references first")
	w.add(c.CallbackFirst, "calls back before it finalizes")
	w.add(c.FieldsMax > 0, "up to %d fields", c.FieldsMax)
	w.add(c.MayRefuse, "may refuse")
	w.retained(c.Inexact, c.Retained)
	return w.or("what is reachable lives")
}

// dictPromises says the contract of a store of dicts in words.
func dictPromises(c dict.Contract) string {
	var w words
	w.add(c.Order == dict.Insertion, "keeps the order of insertion")
	w.add(c.During == dict.Detected, "an iteration detects changes")
	w.add(c.During == dict.Live, "may change during an iteration")
	w.add(len(c.Stairs) > 0, "grows in steps that are known")
	w.add(c.KeepsSize, "only sets change the size")
	w.add(c.CopyFits, "copies are no larger")
	w.add(c.ClearFrees, "clear gives back")
	w.add(c.Reserves, "room is made on request")
	w.add(c.ProbesMax > 0, "up to %d probes", c.ProbesMax)
	w.add(c.Reentrant, "may change during a comparison")
	w.add(c.CapacityMax > 0, "room for up to %d", c.CapacityMax)
	w.add(c.MayRefuse, "may refuse")
	w.add(c.Unsteady, "may differ from run to run")
	w.retained(c.Inexact, c.Retained)
	return w.or("a key holds what was set last")
}

// dictAlike tells whether two contracts ask for the same visible answers: entries are popped, and walked over, in
// order. What happens during comparisons is left out by dicttest.Differential.
func dictAlike(a, b dict.Contract) bool {
	if a.Twin != "" && a.Twin == b.Twin {
		return true
	}
	return a.Order == dict.Insertion && a.Order == b.Order && a.During == b.During && !a.Unsteady && !b.Unsteady
}

// cachePromises says the contract of a cache in words.
func cachePromises(c dict.CacheContract) string {
	var w words
	w.add(c.Policy == dict.LRU, "evicts what was not used for longest")
	w.add(c.Policy == dict.FIFO, "evicts what was put first")
	w.add(c.Policy == dict.LFU, "evicts what was used least")
	w.add(c.Approximate, "may evict at any time")
	w.add(c.Slack > 0, "up to %d too many", c.Slack)
	w.add(c.Zero == dict.Empty, "capacity 0 is empty")
	w.add(c.Zero == dict.Unbounded, "capacity 0 has no bound")
	w.add(c.Negative == dict.Empty, "a negative one is empty")
	w.add(c.Negative == dict.Unbounded, "a negative one has no bound")
	w.add(c.MayRefuse, "may refuse")
	w.add(c.Unsteady, "may differ from run to run")
	return w.or("a capacity that holds")
}

// cacheAlike tells whether two contracts ask for the same visible answers. Caches that evict what they like never do.
func cacheAlike(a, b dict.CacheContract) bool {
	a.Inexact, b.Inexact = false, false // what is not compared in any case
	return a == b && a.Exact()
}

// valuePromises says the contract of a store of values in words.
func valuePromises(c value.Contract) string {
	var w words
	w.add(c.Sizes != nil, "sizes by kind and history")
	w.add(c.Cached, "small values are one object each")
	w.add(c.Immortal, "which is not counted")
	w.add(c.KeepsNames, "interned strings stay")
	w.add(c.AnyOrder, "dicts have no order")
	return w.or("what is put is held")
}

// valueAlike tells whether two contracts ask for the same visible answers: what is found. In 2.7 bytes are strings.
func valueAlike(a, b value.Contract) bool { return a.OneString == b.OneString }
