package object

import (
	"fmt"
	"testing"

	"heapfuzz/impl/internal/invariant"
)

// bulk makes n ints that no cache keeps, and calls f with each.
func bulk(h *Heap, n int, f func(k Ref)) {
	for i := range n {
		k := h.NewInt(int64(i))
		f(k)
		h.Decref(k)
	}
}

// A dict does not shrink when its keys are deleted. It gives its table up when it is cleared, and a copy takes what it
// needs. The figures are those that Python 3.6 prints.
func Example_dictMemory() {
	prof, _ := ProfileByName("old8")
	h, err := New(Config{Profile: prof})
	if err != nil {
		panic(err)
	}
	defer h.Close()
	const million = 1_000_000
	d := h.NewDict()
	fmt.Println("empty", h.Size(d))
	bulk(h, million, func(k Ref) { h.DictSet(d, k, k) })
	fmt.Println("a million keys", h.Size(d))
	bulk(h, million, func(k Ref) { h.DictDelete(d, k) })
	fmt.Println("deleted one by one", h.Size(d), "with", h.DictLen(d), "keys")
	copied, _ := h.Copy(d)
	deep, _ := h.DeepCopy(d)
	fmt.Println("copies", h.Size(h.DictCopy(d)), h.Size(h.DictFrom(d)), h.Size(copied), h.Size(deep))
	h.DictClear(d)
	fmt.Println("cleared", h.Size(d))
	// Output:
	// empty 240
	// a million keys 41943144
	// deleted one by one 41943144 with 0 keys
	// copies 240 240 240 240
	// cleared 72
}

// A list of a million ints is deleted: its own block goes back to the system at once. The ints wait for others of their
// kind in 2.7, so their pools do not, until a full collection. Later releases give both back; one int that lives in
// each pool keeps them all.
func TestHighWater(t *testing.T) {
	million := 1_000_000
	if invariant.Enabled {
		million /= 5 // every block is filled then
	}
	for _, row := range []struct {
		profile string
		keep    int // every how many ints one lives on; 0: none
		stays   bool
	}{
		{"2.7", 0, true}, {"3.6", 0, false}, {"3.13", 0, false},
		{"3.6", 126, true}, {"3.13", 500, true},
	} {
		h := open(t, row.profile)
		_, _, start := h.Memory().Usage()
		l := h.NewList(0)
		var kept []Ref
		bulk(h, million, func(k Ref) { h.Push(l, k) })
		for i := 0; row.keep > 0 && i < million; i += row.keep {
			k := h.Get(l, i)
			h.Incref(k)
			kept = append(kept, k)
		}
		listBytes := uint64(h.Size(l))
		_, _, full := h.Memory().Usage()
		h.Decref(l)
		h.Memory().Trim()
		_, bytes, after := h.Memory().Usage()
		ints := full - start - listBytes
		gone := full - after
		if stays := gone < listBytes+ints/2; gone < listBytes-4096 || stays != row.stays {
			t.Errorf("%s, every %d kept: of %d bytes, %d of them the list's, %d went back",
				row.profile, row.keep, full-start, listBytes, gone)
		}
		t.Logf("%s, every %d kept: %d bytes, %d of them the list's; %d after it is gone, of which %d are in use",
			row.profile, row.keep, full-start, listBytes, after-start, bytes)
		for _, k := range kept {
			h.Decref(k)
		}
		h.ClearFreeLists()
		h.Memory().Trim()
		if _, _, end := h.Memory().Usage(); end-start > 1<<20 {
			t.Errorf("%s: %d bytes stay when all is dead and free lists are empty", row.profile, end-start)
		}
	}
}

// What __slots__ save: an instance with its dict, or its values, against one with slots, both without weak references.
// Up to 3.10 the dict is a container of its own, with a head, beside the values; from 3.11 on there are values only.
// The figures of programs have also what the attributes hold in them and are lower: 41, 18, 25 and 42 percent in 3.6,
// and 44, 26, 32 and 47 in 3.8 by tracemalloc. They rise and fall with the same numbers of attributes. From 3.11 on
// more than 29 attributes are a dict in CPython (78 percent for 30); here values have no such limit.
func TestSlotsSave(t *testing.T) {
	want := map[string][4]int{ // of 3, 10, 30 and 90 attributes, in percent of the blocks' bytes
		"2.7":  {78, 89, 92, 94}, // the dict has slots of its own
		"old8": {60, 40, 39, 54},
		"3.6":  {59, 43, 40, 55}, "3.7": {59, 43, 40, 55},
		"3.8": {60, 42, 40, 54}, "3.9": {60, 42, 40, 54}, "3.10": {60, 42, 40, 54},
		"3.11": {20, 23, 11, 6}, "3.12": {20, 23, 11, 6}, "3.13": {20, 23, 11, 15},
	}
	for _, p := range profiles {
		h := open(t, p.Name)
		var got [4]int
		for i, n := range [4]int{3, 10, 30, 90} {
			slots := fresh(h, Type{Name: "S", Kind: KindSlotted, Attrs: n})
			dict := fresh(h, Type{Name: "D", Kind: KindInstance, Attrs: n})
			bytes := h.Bytes(dict)
			if own := h.DictOf(dict); own != 0 {
				bytes += h.Bytes(own)
			}
			got[i] = int(100 - 100*h.Bytes(slots)/bytes)
		}
		if got != want[p.Name] {
			t.Errorf("%s: slots save %v percent, want %v", p.Name, got, want[p.Name])
		}
	}
}
