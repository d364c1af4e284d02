package dicttest

import (
	"fmt"
	"strings"

	"heapfuzz/props/prog"
)

// motifs are what random operations seldom do to a dict in that order, and what has found defects in published maps.
var motifs = []prog.Motif{
	{Name: "delete all, then the same again", Weight: 4, Text: keysText("set", 8) + keysText("delete", 8) +
		keysText("set", 9) + "verify p0\n"},
	{Name: "a dict that only grows", Weight: 2, Text: "p0 = new capacity=0\n" + keysText("set", 7) + "size p0\n" +
		keysText("set", 16) + "size p0\n"},
	{Name: "many keys", Weight: 1, Text: "p0 = new capacity=0\n" + keysText("set",
		90) + "get p0 key=7\nget p0 key=200\n" +
		keysText("delete", 3) + "verify p0\n"},
	{Name: "more keys than a byte counts", Weight: 3, Text: "p0 = new capacity=0\n" + keysText("set", 300) +
		"get p0 key=299\ndelete p0 key=3\nset p0 key=3 value=5\nverify p0\n"},
	{Name: "no memory for a copy", Weight: 1, Text: keysText("set", 2) + "oom nth=1 forever=0\np1 = copy p0\n" +
		"verify p0\noom nth=0 forever=0\n"},
	{Name: "a dict that is cleared is as a new one", Weight: 2, Text: "p0 = new capacity=0\nsize p0\n" +
		keysText("set", 7) + "clear p0\nsize p0\n"},
	{Name: "a copy of a cleared dict", Weight: 1, Text: "p0 = new capacity=0\nset p0 key=3 value=1\nclear p0\n" +
		"p1 = copy p0\nclear p1\nsize p1\np2 = copy p1\nset p2 key=3 value=1\nequal p1 p2\nclear p2\nverify p2\n"},
	{Name: "clear, then grow", Weight: 4, Text: keysText("set", 6) + "clear p0\nsize p0\n" + keysText("set", 14) +
		"verify p0\n"},
	{Name: "insert and delete, on and on", Weight: 3, Text: churnText(16)},
	{Name: "five in, five out, four in", Weight: 3, Text: keysText("set", 5) + keysText("delete", 5) + keysText("set",
		4) +
		"get p0 key=100\n"},
	{Name: "a copy of what was thinned out", Weight: 3, Text: keysText("set", 12) + "size p0\n" +
		keysText("delete", 9) +
		"size p0\np1 = copy p0\nsize p1\nequal p0 p1\n"},
	{Name: "keys of one hash", Weight: 3, Text: "set p0 key=0 value=1\nset p0 key=2305843009213693951 value=2\n" +
		"set p0 key=4611686018427387902 value=3\ndelete p0 key=0\nget p0 key=4611686018427387902\n" +
		"set p0 key=4611686018427387902 value=4\nverify p0\n"},
	{Name: "an iteration that ends, and a dict that grows", Weight: 2, Text: "set p0 key=1 value=1\niter p0 i=0\n" +
		"next p0 i=0\nnext p0 i=0\nset p0 key=2 value=2\nnext p0 i=0\n"},
	{Name: "a change behind an iteration's back", Weight: 3, Text: "p0 = new capacity=0\n" + keysText("set", 4) +
		"iter p0 i=1\nnext p0 i=1\ndelete p0 key=0\nset p0 key=0 value=7\n" +
		strings.Repeat("next p0 i=1\n", 5) + "reversed p0 i=2\nnext p0 i=2\ndelete p0 key=0\n" +
		"set p0 key=0 value=8\n" + strings.Repeat("next p0 i=2\n", 5)},
	{Name: "an iteration over a table that was built anew", Weight: 2, Text: "p0 = new capacity=0\n" +
		keysText("set", 5) + "reversed p0 i=1\niter p0 i=2\ndelete p0 key=1\ndelete p0 key=2\n" +
		eachText("set", 11, 12) + "next p0 i=1\nnext p0 i=2\n" + eachText("set", 13) + "delete p0 key=3\n" +
		strings.Repeat("next p0 i=1\nnext p0 i=2\n", 5)},
	{Name: "an iteration backward over a table that became shorter", Weight: 2, Text: "p0 = new capacity=0\n" +
		keysText("set", 5) + "delete p0 key=0\ndelete p0 key=1\nreversed p0 i=1\ndelete p0 key=2\n" +
		"set p0 key=12 value=1\n" + strings.Repeat("next p0 i=1\n", 4)},
	{Name: "an iteration backward that meets more entries than there were", Weight: 2, Text: "p0 = new capacity=0\n" +
		keysText("set", 5) + "delete p0 key=0\ndelete p0 key=1\nreversed p0 i=1\nnext p0 i=1\ndelete p0 key=4\n" +
		"set p0 key=12 value=1\n" + strings.Repeat("next p0 i=1\n", 4)},
	{Name: "an iteration that has failed, and the length that it began with", Weight: 2, Text: "p0 = new capacity=0\n" +
		keysText("set", 3) + "iter p0 i=1\nnext p0 i=1\niter p0 i=2\nset p0 key=9 value=1\nnext p0 i=1\n" +
		"next p0 i=2\ndelete p0 key=9\nnext p0 i=1\nclear p0\nnext p0 i=1\nnext p0 i=2\n"},
	{Name: "entries that are popped one by one", Weight: 2, Text: "p0 = new capacity=0\n" + keysText("set", 12) +
		strings.Repeat("popitem p0\n", 5) + eachText("set", 30, 8) + strings.Repeat("popitem p0\n", 12)},
	{Name: "room, and what was made room for", Weight: 2, Text: "reserve p0 capacity=6\nsize p0\n" + keysText("set",
		6) +
		"size p0\n"},
	{Name: "much room, and what was made room for", Weight: 2, Text: "p0 = new capacity=0\nsize p0\n" +
		"reserve p0 capacity=0\nsize p0\nreserve p0 capacity=20\nsize p0\n" + keysText("set", 12) +
		"reserve p0 capacity=14\nsize p0\n" + keysText("delete", 6) + "reserve p0 capacity=3\nsize p0\n"},
	{Name: "tombstones in the way of even keys", Weight: 4, Text: "p0 = new capacity=0\n" +
		eachText("set", 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 1, 3, 5, 7) + eachText("delete", 0, 2, 4, 6) +
		eachText("set", 9) + "verify p0\n" + eachText("set", 11, 13, 0) + "size p0\n"},
	{Name: "tombstones in the way of odd keys", Weight: 4, Text: "p0 = new capacity=0\n" +
		eachText("set", 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 0, 2, 4, 6) + eachText("delete", 3, 5, 7, 9) +
		eachText("set", 8) + "verify p0\n" + eachText("set", 10, 12, 3) + "size p0\n"},
	{Name: "room among tombstones", Weight: 2, Text: "p0 = new capacity=0\n" +
		eachText("set", 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 1, 3, 5, 7) + eachText("delete", 0, 2, 4, 6) +
		"reserve p0 capacity=13\nsize p0\n" + eachText("set", 9, 11, 13) + "size p0\nverify p0\n"},
	{Name: "no memory for an instance's table", Weight: 1, Text: "p0 = new capacity=0\n" +
		eachText("set", 3, 5, 9) + "p1 = new capacity=0\nset p1 key=3 value=2\nset p1 key=5 value=2\n" +
		"oom nth=1 forever=1\npop p1 key=5\nverify p1\noom nth=1 forever=1\npopitem p0\nverify p0\n" +
		"oom nth=1 forever=0\ndelete p0 key=3\nverify p0\noom nth=1 forever=0\nset p0 key=1 value=1\n" +
		"verify p0\noom nth=0 forever=0\n"},
	{Name: "no memory for what is made of a dict", Weight: 1, Text: "p0 = new capacity=0\n" +
		eachText("set", 3, 5, 9, 4) + "oom nth=2 forever=1\np1 = copy p0\np2 = rebuild p0\n" +
		"p3 = fromkeys p0 value=1\np4 = new capacity=5\nverify p0\noom nth=3 forever=1\np5 = copy p0\n" +
		"p6 = rebuild p0\np7 = fromkeys p0 value=1\np8 = new capacity=5\noom nth=0 forever=0\nverify p0\n"},
	{Name: "no memory for growing", Weight: 2, Text: "p0 = new capacity=0\n" + keysText("set",
		5) + "oom nth=1 forever=0\nset p0 key=5 value=9\n" +
		"size p0\nverify p0\noom nth=0 forever=0\nset p0 key=5 value=9\nsize p0\nverify p0\n"},
	{Name: "no memory for growing at all", Weight: 1, Text: "p0 = new capacity=0\n" + keysText("set", 5) +
		"p1 = copy p0\noom nth=2 forever=1\nset p0 key=5 value=9\nsetdefault p0 key=6 value=9\n" +
		"setdefault p0 key=7 value=9\nupdate p0 p1\nsize p0\nset p0 key=8 value=8\nverify p0\n" +
		"oom nth=0 forever=0\nset p0 key=5 value=9\nsize p0\nverify p0\n"},
	{Name: "no memory for a first key", Weight: 1, Text: "p0 = new capacity=0\noom nth=1 forever=1\n" +
		"set p0 key=1 value=1\nsetdefault p0 key=3 value=1\nverify p0\noom nth=0 forever=0\n" +
		"set p0 key=3 value=1\nverify p0\n"},
	{Name: "no memory of a size", Weight: 1, Text: scarceText(1)},
	{Name: "no memory of another size", Weight: 1, Text: scarceText(2)},
	{Name: "no memory of a third size", Weight: 1, Text: scarceText(4)},
	{Name: "no memory for a large table, once", Weight: 1, Text: "p0 = new capacity=0\n" + largeText +
		"p1 = new capacity=0\nset p1 key=5 value=1\noom nth=1 forever=0\nupdate p1 p0\n" +
		"oom nth=0 forever=0\nverify p1\n"},
	{Name: "no memory for a large table of other keys, once", Weight: 1, Text: "p0 = new capacity=0\n" + largeText +
		"oom nth=1 forever=0\nsetdefault p0 key=0 value=1\nset p0 key=1 value=1\noom nth=0 forever=0\nverify p0\n"},
	{Name: "two instances of a class", Weight: 3, Text: "p0 = new capacity=0\np1 = new capacity=0\n" +
		"set p0 key=3 value=1\nset p1 key=3 value=2\nset p1 key=9 value=2\nset p1 key=5 value=2\nequal p0 p1\n" +
		"update p0 p1\nequal p0 p1\np2 = copy p1\ndelete p2 key=9\nset p2 key=9 value=2\nequal p1 p2\n" +
		"p3 = fromkeys p2 value=7\nupdate p1 p2\npopitem p2\nsetdefault p2 key=10 value=1\nverify p0\nverify p2\n"},
	{Name: "no memory to lend a table to a class", Weight: 2, Text: "p0 = new capacity=3\n" + attrsText(1) +
		"oom nth=5 forever=1\nset p0 key=15 value=1\nverify p0\nsetdefault p0 key=16 value=1\n" +
		"set p0 key=17 value=2\np1 = new capacity=0\noom nth=0 forever=0\np2 = new capacity=0\n" +
		"set p2 key=3 value=1\nset p0 key=15 value=1\nverify p0\n"},
	{Name: "no memory for a class", Weight: 1, Text: "p0 = new capacity=3\n" + attrsText(2) +
		"p4 = new capacity=2\noom nth=1 forever=1\np1 = new capacity=3\np2 = new capacity=7\n" +
		"p5 = new capacity=11\noom nth=0 forever=0\n" +
		"p3 = new capacity=3\nset p3 key=3 value=1\nverify p3\n"},
	{Name: "no memory for the first table of a dict", Weight: 1, Text: "p0 = new capacity=0\n" + largeText +
		"oom nth=1 forever=1\ndrop p0\np0 = new capacity=0\noom nth=0 forever=0\n"},
	{Name: "no memory for the attributes of an instance", Weight: 1, Text: "p0 = new capacity=3\n" +
		"p1 = new capacity=0\noom nth=1 forever=1\ndrop p1\np2 = new capacity=11\noom nth=0 forever=0\n"},
	{Name: "comparisons that change the dict", Weight: 2, Text: keysText("set",
		4) + "arm p0 act=6 key=1\nget p0 key=2\n" +
		"set p0 key=1 value=1\nset p0 key=2 value=1\narm p0 act=7 key=3\nset p0 key=2 value=5\nverify p0\n"},
	{Name: "a comparison that fills a place that was passed", Weight: 3, Text: "p0 = new capacity=0\n" +
		eachText("set", 1, 2, 3) + "delete p0 key=1\narm p0 act=5 key=7\nset p0 key=9 value=9\nverify p0\n" +
		"delete p0 key=2\narm p0 act=5 key=8\nset p0 key=8 value=3\nverify p0\narm p0 act=4 key=3\n" +
		"delete p0 key=3\nverify p0\narm p0 act=7 key=10\nsetdefault p0 key=12 value=1\nverify p0\n"},
	{Name: "a comparison that replaces a key", Weight: 3, Text: "p0 = new capacity=0\n" +
		eachText("set", 1, 2, 3) + "delete p0 key=1\narm p0 act=9 key=3\nset p0 key=9 value=9\nverify p0\n" +
		"delete p0 key=2\narm p0 act=9 key=9\nsetdefault p0 key=7 value=3\nverify p0\narm p0 act=9 key=4\n" +
		"get p0 key=5\nverify p0\n"},
	{Name: "no memory until a table is full", Weight: 1, Text: "p0 = new capacity=0\n" + keysText("set", 21) +
		"oom nth=1 forever=1\n" + eachText("set", 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31) +
		"oom nth=0 forever=0\nset p0 key=31 value=1\nverify p0\n"},
	{Name: "moves", Weight: 2, Text: keysText("set", 4) + "move p0 key=2 front=1\nmove p0 key=1 front=1\n" +
		"move p0 key=2 front=0\nwalk p0 act=0 key=0\npopitem p0\npopfirst p0\n"},
}

// cacheMotifs are about caches that are full: what happens while one makes room.
var cacheMotifs = []prog.Motif{
	{Name: "calls in the comparisons of a full cache", Weight: 3, Text: callsText(6, 0) + duringText(9)},
	{Name: "a full cache is cleared in a comparison", Weight: 2, Text: callsText(5, 0) + duringText(8)},
	{Name: "comparisons of a full cache that fail", Weight: 2, Text: callsText(5, 0) + duringText(7)},
	{Name: "no memory in a full cache", Weight: 1, Text: callsText(5, 0) + duringText(6)},
	{Name: "an entry is used that is about to be evicted", Weight: 3, Text: callsText(4, 0) +
		"call key=40 other=0 act=9\ncall key=44 other=4 act=9\ncall key=48 other=8 act=9\nkeys\ncheck\n" +
		"call key=52 other=12 act=9\ncall key=56 other=40 act=9\ncall key=60 other=44 act=9\nkeys\ncheck\n"},
}

// callsText calls n keys, from one on, that are calls with one argument.
func callsText(n, from int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "call key=%d other=0 act=0\n", 4*(from+i))
	}
	return b.String()
}

// duringText calls new keys, while in a comparison of each there is an act, and two more to fill the cache up.
func duringText(act int) string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "call key=%d other=%d act=%d\n%s", 4*(10+i), 4*i, act, callsText(2, 20+2*i))
		if i%3 == 2 {
			b.WriteString("check\nkeys\n")
		}
	}
	return b.String() + "verify\n"
}

func keysText(what string, n int) string {
	keys := make([]int, n)
	for i := range keys {
		keys[i] = i
	}
	return eachText(what, keys...)
}

func eachText(what string, keys ...int) string {
	var b strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&b, "%s p0 key=%d", what, key)
		if what == "set" {
			fmt.Fprintf(&b, " value=%d", key+1)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// largeText sets so many keys that their table is none of the small blocks of an allocator. They are strings where keys
// are of all kinds.
var largeText = eachText("set", 3, 4, 5, 9, 10, 11, 15, 16, 17, 21, 22, 23, 27, 28, 29, 33, 34, 35, 39, 40, 41)

// scarceText makes all that can be made of a dict while there is memory of some sizes only, which follow from nth.
func scarceText(nth int) string {
	return "p0 = new capacity=0\n" + eachText("set", 3, 5, 9, 4) + fmt.Sprintf("oom nth=%d forever=1\n", nth) +
		"p1 = copy p0\ndrop p1\np1 = rebuild p0\ndrop p1\np1 = fromkeys p0 value=1\ndrop p1\n" +
		"p1 = new capacity=0\ndrop p1\np1 = new capacity=20\noom nth=0 forever=0\nverify p0\n"
}

// attrsText sets five keys that are strings where keys are of all kinds.
func attrsText(value int) string {
	var b strings.Builder
	for _, key := range []int{3, 5, 9, 4, 10} {
		fmt.Fprintf(&b, "set p0 key=%d value=%d\n", key, value)
	}
	return b.String()
}

func churnText(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "set p0 key=%d value=1\ndelete p0 key=%d\n", i, i)
	}
	return b.String() + "size p0\n"
}
