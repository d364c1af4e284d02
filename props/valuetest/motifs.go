package valuetest

import (
	"fmt"
	"strings"
)

import "heapfuzz/props/prog"

// ending is a chain of lists around a capsule that dies, for each length.
var ending = func() (text string) {
	for n := range 6 {
		text += "p0 = new n=117\n"
		for i := range n {
			text += fmt.Sprintf("p%d = make p%d way=0 count=1\nfree p%d\n", (i+1)%2, i%2, i%2)
		}
		text += fmt.Sprintf("free p%d\n", n%2)
	}
	return text + "usage\ncheck\n"
}()

// spoilt is a list of a bit of everything whose stream is cut off, or has another opcode, at each of many places: POP
// above all, behind a mark, an instance and a class.
var spoilt = func() string {
	text := "p0 = new n=141\np1 = new n=20\np2 = new n=56\np3 = make p1 way=3 count=2\np4 = make p1 way=13 count=1\n" +
		"p5 = make p1 way=4 count=1\np6 = make p2 way=7 count=2\np7 = make p1 way=6 count=1\np8 = new n=98\n" +
		"p9 = make p1 way=13 count=0\nadd p0 p9 p9\nspoil p9 at=24 byte=46\nspoil p0 at=3 byte=48\n"
	for i := range 7 {
		text += fmt.Sprintf("add p0 p%d p%d\n", i, i)
	}
	for n := range 60 {
		text += fmt.Sprintf("spoil p0 at=%d byte=48\n", n)
		if n%3 == 0 {
			text += fmt.Sprintf("spoil p0 at=%d byte=%d\nspoil p0 at=%d byte=256\n", n, "1.hNt(uas)"[n/3%10], 2*n)
		}
	}
	return text + "usage\ncheck\n"
}()

// misread are small containers of None, in whose streams a list, a dict or a set takes its place, or that are filled by
// the opcode of another; and instances of a class that is left where they were, or made of arguments that are none.
var misread = func() string {
	text := "p0 = new n=0\np1 = make p0 way=4 count=1\np2 = make p0 way=6 count=1\np3 = make p0 way=7 count=2\n" +
		"p4 = make p0 way=3 count=1\np5 = make p4 way=4 count=1\np6 = make p4 way=7 count=2\n" +
		"p7 = make p0 way=0 count=2\np8 = make p0 way=13 count=0\np9 = make p8 way=3 count=1\n" +
		"spoil p2 at=3 byte=148\nspoil p8 at=24 byte=78\nspoil p8 at=24 byte=93\nspoil p9 at=25 byte=48\n" +
		"spoil p7 at=11 byte=117\nspoil p7 at=11 byte=144\np10 = new n=3\np11 = new n=143\n" +
		"add p11 p0 p0\nadd p11 p10 p0\n"
	for p := range 7 {
		for at := 3; at < 7; at++ {
			text += fmt.Sprintf("spoil p%d at=%d byte=93\n", p, at)
		}
		text += fmt.Sprintf("spoil p%d at=5 byte=125\nspoil p%d at=5 byte=143\nspoil p%d at=3 byte=143\n", p, p, p)
	}
	for at := 7; at < 14; at++ { // SETITEMS
		text += fmt.Sprintf("spoil p11 at=%d byte=101\nspoil p11 at=%d byte=144\n", at, at)
	}
	return text + "usage\ncheck\n"
}()

// motifs are what random operations seldom do in that order. Ways 4 and 6 are a set and a frozenset, 7 is a dict.
var motifs = []prog.Motif{
	{Name: "a set that grows and is emptied", Weight: 2, Text: "p1 = new n=5\np0 = make p1 way=4 count=1\n" +
		"fill p0 from=0 count=21\ndelete p0 p1\nfill p0 from=30 count=60\np2 = from p0 frozen=0\nclear p0\n"},
	{Name: "a list that is all of its items", Weight: 2, Text: "p1 = new n=3\np0 = make p1 way=0 count=2\n" +
		"add p0 p0 p0\np2 = deepcopy p0\np3 = copy p0\nverify\nfree p0\nfree p2\nfree p3\ncollect\n"},
	{Name: "no memory for more", Weight: 2, Text: "p1 = new n=3\np0 = make p1 way=0 count=8\n" +
		"p2 = make p1 way=4 count=1\noom nth=1 forever=1\nadd p0 p1 p1\nfill p2 from=300 count=40\n" +
		"p3 = deepcopy p0\np4 = make p0 way=2 count=60\np5 = from p2 frozen=0\nupdate p2 p2\n" +
		"oom nth=0 forever=0\nverify\n"},
	{Name: "names", Weight: 1, Text: "p0 = intern text=3 constant=0\np1 = intern text=3 constant=1\nfree p0\n" +
		"p2 = intern text=4 constant=0\nfree p1\np3 = intern text=3 constant=0\n"},
	{Name: "memory for a name, and not for the table of names", Weight: 1, Text: "p0 = new n=50\n" +
		"oom nth=1 forever=1\nfree p0\np0 = intern text=3 constant=0\np1 = intern text=4 constant=0\n" +
		"oom nth=0 forever=0\np2 = intern text=3 constant=0\n"},
	{Name: "more lists die than wait", Weight: 1,
		Text: "p0 = new n=141\np1 = deepcopy p0\nadd p0 p1 p1\nfree p1\np1 = deepcopy p0\nadd p0 p1 p1\n" +
			"free p1\np1 = deepcopy p0\nadd p0 p1 p1\nfree p1\np1 = deepcopy p0\nadd p0 p1 p1\n" +
			"free p1\np1 = deepcopy p0\nadd p0 p1 p1\nfree p1\np1 = deepcopy p0\nadd p0 p1 p1\n" +
			"free p1\np1 = deepcopy p0\nadd p0 p1 p1\nfree p1\nfree p0\nusage\np0 = new n=141\nusage\n"},
	{Name: "more dicts die than wait", Weight: 1,
		Text: "p2 = new n=3\np3 = new n=4\np4 = new n=5\np5 = new n=6\np6 = new n=7\np7 = new n=8\n" +
			"p8 = new n=9\np0 = new n=143\np1 = deepcopy p0\nadd p0 p2 p1\nfree p1\np1 = deepcopy p0\n" +
			"add p0 p3 p1\nfree p1\np1 = deepcopy p0\nadd p0 p4 p1\nfree p1\np1 = deepcopy p0\n" +
			"add p0 p5 p1\nfree p1\np1 = deepcopy p0\nadd p0 p6 p1\nfree p1\np1 = deepcopy p0\n" +
			"add p0 p7 p1\nfree p1\np1 = deepcopy p0\nadd p0 p8 p1\nfree p1\nfree p0\nusage\n" +
			"p0 = new n=143\nusage\n"},
	{Name: "more floats die than wait", Weight: 1,
		Text: "p0 = new n=141\nfill p0 from=1048576 count=107\nclear p0\nusage\n" +
			"fill p0 from=1048576 count=3\nusage\ntrim\nusage\n"},
	{Name: "tuples that are too long to wait", Weight: 1,
		Text: "p2 = new n=13\np1 = make p2 way=3 count=1\nfree p1\np1 = make p2 way=3 count=2\nfree p1\n" +
			"p1 = make p2 way=3 count=18\nfree p1\np1 = make p2 way=3 count=19\nfree p1\n" +
			"p1 = make p2 way=3 count=20\nfree p1\np1 = make p2 way=3 count=21\nfree p1\nusage\n" +
			"p1 = make p2 way=3 count=19\np3 = make p2 way=3 count=20\nusage\ntrim\nusage\n"},
	{Name: "a copy that fails at a second entry, and a class", Weight: 1,
		Text: "p1 = new n=3\np2 = new n=4\np3 = make p1 way=11 count=1\np0 = new n=143\nadd p0 p1 p1\n" +
			"add p0 p2 p3\np4 = deepcopy p0\ncheck\np5 = new n=118\np6 = copy p5\np7 = deepcopy p5\n"},
	{Name: "atoms and their copies", Weight: 2,
		Text: "p0 = new n=50\np1 = copy p0\np2 = deepcopy p0\np3 = new n=103\np4 = copy p3\np5 = deepcopy p3\n" +
			"free p3\np6 = new n=108\np7 = copy p6\np8 = deepcopy p6\np9 = copies p3 p6\np10 = new n=93\n" +
			"p11 = copy p10\nfree p6\n"},
	{Name: "small containers and their copies", Weight: 2,
		Text: "p9 = new n=13\np10 = new n=141\np0 = make p10 way=9 count=3\np1 = copy p0\np2 = deepcopy p0\n" +
			"p3 = make p9 way=10 count=2\np4 = copy p3\np5 = make p3 way=12 count=2\np6 = copy p5\n" +
			"p7 = deepcopy p5\np8 = make p9 way=11 count=1\np4 = copy p8\np4 = deepcopy p8\n" +
			"p11 = make p10 way=3 count=2\np12 = copy p11\np13 = deepcopy p11\nfree p10\nfree p11\n"},
	{Name: "copies of what there is one of, and of tuples on cycles", Weight: 2,
		Text: "p0 = make p9 way=6 count=0\np1 = deepcopy p0\np2 = copy p0\np3 = make p9 way=3 count=0\n" +
			"p4 = deepcopy p3\np5 = new n=141\np6 = make p5 way=3 count=1\nadd p5 p6 p6\np7 = deepcopy p6\n" +
			"p8 = copies p6 p5\nfree p5\nfree p6\ncollect\n"},
	{Name: "what has no copy, and code that runs", Weight: 2,
		Text: "p0 = new n=117\np1 = copy p0\np2 = deepcopy p0\np3 = new n=122\np1 = copy p3\np2 = deepcopy p3\n" +
			"p4 = make p0 way=14 count=0\np5 = copy p4\np6 = deepcopy p4\np7 = new n=141\nadd p7 p4 p4\n" +
			"add p7 p0 p0\nfree p4\nfree p5\nfree p6\nfree p0\np8 = deepcopy p7\nfree p7\nusage\n"},
	{Name: "weak references to a set, of which some call back", Weight: 3,
		Text: "p0 = new n=142\np1 = weak p0 calls=1\np2 = weak p0 calls=0\np3 = weak p0 calls=1\np4 = deref p2\n" +
			"free p4\nfree p2\nfree p0\np5 = deref p1\np6 = copy p3\np7 = deepcopy p3\nusage\ntrim\nusage\n"},
	{Name: "the newest weak references do not call back", Weight: 3,
		Text: "p0 = new n=142\np1 = weak p0 calls=1\np2 = weak p0 calls=0\np3 = weak p0 calls=0\n" +
			"p4 = weak p0 calls=0\nfree p0\np5 = deref p1\np5 = deref p2\nusage\np6 = new n=142\n" +
			"p7 = weak p6 calls=1\np8 = weak p6 calls=0\np9 = weak p6 calls=1\np10 = weak p6 calls=0\nfree p8\n" +
			"free p6\np11 = deref p9\n"},
	{Name: "weak references to a method, its function and a frozenset that die together", Weight: 3,
		Text: "p0 = new n=13\np1 = make p0 way=10 count=2\np2 = make p1 way=12 count=2\np3 = weak p1 calls=1\n" +
			"p4 = weak p2 calls=1\np5 = weak p2 calls=0\np6 = new n=141\np7 = make p0 way=6 count=1\n" +
			"p8 = weak p7 calls=1\nadd p6 p4 p4\nadd p6 p2 p2\nadd p6 p7 p7\nfree p7\nfree p4\nfree p2\nfree p6\n" +
			"free p1\np9 = deref p3\np9 = deref p8\n"},
	{Name: "a weak reference on a cycle, and one to it", Weight: 3,
		Text: "p0 = new n=141\np1 = new n=142\np2 = weak p1 calls=1\np3 = weak p1 calls=1\nadd p0 p0 p0\n" +
			"add p0 p1 p1\nadd p0 p2 p2\nfree p2\nfree p1\nfree p0\ncollect\np4 = deref p3\n"},
	{Name: "a chain of instances dies", Weight: 2,
		Text: "p0 = new n=142\np1 = weak p0 calls=1\np2 = make p0 way=13 count=1\nfree p0\n" +
			"p3 = make p2 way=13 count=1\nfree p2\np2 = make p3 way=13 count=1\nfree p3\n" +
			"p3 = make p2 way=13 count=1\nfree p2\np2 = make p3 way=13 count=1\nfree p3\n" +
			"p3 = make p2 way=13 count=1\nfree p2\np2 = make p3 way=13 count=1\nfree p3\n" +
			"p3 = make p2 way=13 count=1\nfree p2\np2 = make p3 way=13 count=1\nfree p3\nfree p2\np4 = deref p1\n" +
			"check\n"},
	{Name: "a chain of cells dies", Weight: 2,
		Text: "p0 = new n=142\np1 = weak p0 calls=1\np2 = make p0 way=11 count=1\nfree p0\n" +
			"p3 = make p2 way=11 count=1\nfree p2\np2 = make p3 way=11 count=1\nfree p3\n" +
			"p3 = make p2 way=11 count=1\nfree p2\np2 = make p3 way=11 count=1\nfree p3\n" +
			"p3 = make p2 way=11 count=1\nfree p2\np2 = make p3 way=11 count=1\nfree p3\n" +
			"p3 = make p2 way=11 count=1\nfree p2\np2 = make p3 way=11 count=1\nfree p3\nfree p2\np4 = deref p1\n" +
			"check\n"},
	{Name: "a chain of tuples, lists and cells dies", Weight: 2,
		Text: "p0 = new n=142\np1 = weak p0 calls=1\np2 = make p0 way=3 count=1\nfree p0\n" +
			"p3 = make p2 way=0 count=1\nfree p2\np2 = make p3 way=11 count=1\nfree p3\n" +
			"p3 = make p2 way=13 count=1\nfree p2\np2 = make p3 way=9 count=1\nfree p3\n" +
			"p3 = make p2 way=1 count=1\nfree p2\np2 = make p3 way=3 count=1\nfree p3\n" +
			"p3 = make p2 way=0 count=1\nfree p2\np2 = make p3 way=11 count=1\nfree p3\n" +
			"p3 = make p2 way=13 count=1\nfree p2\np2 = make p3 way=9 count=1\nfree p3\n" +
			"p3 = make p2 way=1 count=1\nfree p2\nfree p3\np4 = deref p1\ncheck\n"},
	{Name: "lists of each depth die with a capsule at their bottom", Weight: 2, Text: ending},
	{Name: "streams of what is shared, and of cycles", Weight: 3,
		Text: "p0 = new n=141\np1 = new n=142\nadd p0 p1 p1\nadd p0 p1 p1\np2 = pickle p0 flat=0\n" +
			"p3 = pickle p0 flat=1\nadd p0 p0 p0\np4 = pickle p0 flat=0\np5 = pickle p0 flat=1\n" +
			"p6 = make p0 way=3 count=2\nadd p0 p6 p6\np7 = pickle p6 flat=0\np8 = pickle p6 flat=1\n" +
			"p9 = make p6 way=3 count=4\nadd p0 p9 p9\np10 = pickle p9 flat=0\nfree p7\nfree p10\nfree p4\n" +
			"collect\nusage\n"},
	{Name: "streams of instances", Weight: 3,
		Text: "p0 = new n=13\np1 = make p0 way=13 count=1\np2 = make p1 way=13 count=2\n" +
			"p3 = make p1 way=13 count=15\np4 = make p0 way=14 count=0\np5 = make p0 way=15 count=0\n" +
			"p6 = make p0 way=13 count=0\np7 = make p1 way=0 count=9\np8 = pickle p7 flat=0\n" +
			"p9 = pickle p7 flat=1\nfree p8\nfree p9\nusage\n"},
	{Name: "streams that end early, and of another byte", Weight: 2, Text: spoilt},
	{Name: "streams of what is no key, and of what is no class or no item", Weight: 2, Text: misread},
	{Name: "a memo of hundreds, where 255 is recalled, and 256", Weight: 1, Text: "p0 = new n=141\n" +
		strings.Repeat("p1 = deepcopy p0\nadd p0 p1 p1\nfree p1\n", 7) + // 128 lists
		"p1 = deepcopy p0\nupdate p0 p1\np2 = new n=141\nadd p0 p2 p2\nadd p0 p2 p2\np3 = pickle p0 flat=0\n" +
		"p4 = new n=141\nadd p0 p4 p4\nadd p0 p4 p4\np5 = pickle p0 flat=0\np6 = pickle p0 flat=1\n"},
	{Name: "streams of full batches", Weight: 1,
		Text: "p0 = new n=141\nfill p0 from=0 count=399\nfill p0 from=0 count=600\np1 = pickle p0 flat=0\n" +
			"insert p0 p0 at=0\np2 = pickle p0 flat=0\ninsert p0 p0 at=0\np3 = pickle p0 flat=0\nfree p0\n" +
			"free p1\nfree p2\nfree p3\np0 = new n=143\nfill p0 from=0 count=399\nfill p0 from=399 count=600\n" +
			"p4 = new n=56\nsetdefault p0 p4 p4\np5 = pickle p0 flat=0\np6 = new n=57\nsetdefault p0 p6 p6\n" +
			"p7 = pickle p0 flat=1\n"},
	{Name: "no memory for a stream, and for what is read", Weight: 2,
		Text: "p0 = new n=141\nadd p0 p0 p0\np1 = make p0 way=3 count=2\nadd p0 p1 p1\n" +
			"p2 = make p0 way=13 count=3\nadd p0 p2 p2\noom nth=1 forever=1\np3 = pickle p0 flat=0\n" +
			"oom nth=2 forever=1\np3 = pickle p0 flat=0\noom nth=3 forever=1\np3 = pickle p0 flat=0\n" +
			"oom nth=4 forever=0\np3 = pickle p0 flat=0\noom nth=0 forever=0\nusage\ncollect\ncheck\n"},
	{Name: "copies with one memo", Weight: 3,
		Text: "p0 = new n=141\np1 = make p0 way=13 count=2\np2 = make p1 way=3 count=2\nadd p0 p0 p0\n" +
			"add p0 p1 p1\nadd p0 p2 p2\np3 = copies p0 p1\np4 = copies p2 p2\np5 = new n=13\np6 = copies p5 p0\n" +
			"free p0\nfree p1\nfree p2\nput p3 p4 at=1\nverify\nfree p3\ncollect\n"},
	{Name: "more names than the first table has room for", Weight: 3,
		Text: "p0 = intern text=2 constant=0\np1 = intern text=5 constant=1\np2 = intern text=9 constant=0\n" +
			"p3 = intern text=12 constant=1\np4 = intern text=14 constant=0\np5 = intern text=17 constant=1\n" +
			"p6 = intern text=3 constant=0\np7 = intern text=21 constant=1\np8 = intern text=24 constant=0\n" +
			"p9 = intern text=4 constant=1\np10 = intern text=27 constant=0\np11 = intern text=30 constant=1\n" +
			"p12 = intern text=33 constant=0\np13 = intern text=36 constant=1\np14 = intern text=7 constant=0\n" +
			"p15 = intern text=39 constant=1\np16 = intern text=41 constant=0\np17 = intern text=42 constant=1\n" +
			"p18 = intern text=11 constant=0\np19 = intern text=20 constant=1\np20 = intern text=22 constant=0\n" +
			"free p3\nfree p0\nfree p7\nfree p12\nfree p5\np30 = intern text=5 constant=0\n" +
			"p30 = intern text=9 constant=0\np30 = intern text=4 constant=0\np30 = intern text=39 constant=0\n" +
			"check\nfree p8\nfree p4\nfree p1\nfree p16\nfree p10\np31 = intern text=9 constant=0\ncheck\n"},
	{Name: "a list waits, and there is no memory for what is in its copy", Weight: 3,
		Text: "p1 = new n=141\np2 = new n=103\nadd p1 p2 p2\np3 = new n=108\np4 = new n=141\nadd p4 p3 p3\n" +
			"p5 = new n=141\np6 = make p5 way=3 count=2\nadd p5 p6 p6\np7 = new n=142\np8 = new n=141\n" +
			"add p8 p7 p7\np9 = make p5 way=13 count=2\np10 = new n=141\nfree p10\noom nth=1 forever=1\n" +
			"p11 = deepcopy p1\np11 = deepcopy p4\np11 = deepcopy p5\np11 = copies p8 p1\np11 = deepcopy p9\n" +
			"p11 = copy p9\np11 = copy p2\np11 = weak p7 calls=1\noom nth=0 forever=0\nverify\nusage\n"},
	{Name: "finalizers that save their objects", Weight: 2,
		Text: "p0 = new n=0\np1 = make p0 way=15 count=0\np2 = new n=141\nadd p2 p1 p1\np3 = copy p1\n" +
			"free p1\nfree p3\nfree p2\np4 = make p0 way=15 count=0\nfree p4\np5 = make p0 way=14 count=0\n" +
			"usage\nfree p5\nusage\n"},
	{Name: "what several weak references refer to dies without memory", Weight: 2,
		Text: "p0 = new n=142\np1 = weak p0 calls=1\np2 = weak p0 calls=0\np3 = weak p0 calls=1\n" +
			"p4 = weak p0 calls=1\np5 = new n=13\n" +
			"p6 = make p5 way=10 count=2\np7 = weak p6 calls=1\np8 = weak p6 calls=1\n" +
			"oom nth=1 forever=1\nfree p0\nfree p6\noom nth=0 forever=0\np9 = deref p1\nusage\n"},
	// A block that is let go when there is no more memory is what the next object of its size is made in, so that it is
	// what the object needs besides that is refused.
	{Name: "memory for a range, and not for its numbers", Weight: 1, Text: "p0 = new n=107\noom nth=1 forever=1\n" +
		"free p0\np0 = new n=112\noom nth=0 forever=0\np1 = new n=112\ncheck\n"},
	{Name: "memory for a set, and not for its table", Weight: 1, Text: "p0 = new n=142\nfill p0 from=300 count=40\n" +
		"p1 = new n=142\noom nth=1 forever=1\nfree p1\np1 = make p2 way=4 count=9\np1 = from p0 frozen=0\n" +
		"p1 = from p0 frozen=1\np1 = make p2 way=5 count=9\np1 = copy p0\noom nth=0 forever=0\ncheck\n"},
	{Name: "memory for a dict, and not for its table", Weight: 1, Text: "p0 = new n=143\nfill p0 from=300 count=40\n" +
		"p1 = new n=143\noom nth=1 forever=1\nfree p1\np1 = make p2 way=7 count=8\np1 = make p2 way=8 count=8\n" +
		"p1 = from p0 frozen=0\np1 = copy p0\np1 = deepcopy p0\noom nth=0 forever=0\ncheck\n"},
	{Name: "memory for a list, and not for its items", Weight: 1, Text: "p0 = new n=141\np1 = new n=141\n" +
		"fill p1 from=300 count=40\np2 = new n=141\noom nth=1 forever=1\nfree p0\np0 = make p1 way=0 count=60\n" +
		"p0 = make p1 way=1 count=60\np0 = make p1 way=2 count=60\np0 = copy p1\nupdate p2 p1\n" +
		"oom nth=0 forever=0\ncheck\n"},
	{Name: "no memory to make a list shorter", Weight: 1, Text: "p1 = new n=3\np0 = make p1 way=0 count=60\n" +
		"p2 = new n=141\noom nth=1 forever=1\nslice p0 from=0 count=40\np3 = pop p0\nupdate p2 p0\nverify\n" +
		"oom nth=0 forever=0\nadd p0 p1 p1\nverify\n"},
	{Name: "no memory for letters of which there is one", Weight: 1, Text: "oom nth=1 forever=1\np0 = new n=61\n" +
		"p0 = new n=63\np0 = new n=70\np0 = new n=54\np0 = new n=53\noom nth=0 forever=0\np0 = new n=61\n" +
		"p1 = new n=54\n"},
	{Name: "no memory for what there is one of", Weight: 1, Text: "oom nth=1 forever=1\np0 = new n=90\n" +
		"p0 = new n=91\np0 = new n=7\np0 = make p1 way=3 count=0\np0 = make p1 way=6 count=0\np0 = new n=1\n" +
		"p0 = new n=0\noom nth=0 forever=0\np0 = new n=90\np1 = new n=91\np2 = new n=7\n"},
	{Name: "no memory for numbers", Weight: 1, Text: "oom nth=1 forever=1\np0 = new n=36\np0 = new n=12\n" +
		"p0 = new n=24\np0 = new n=47\np0 = new n=51\noom nth=0 forever=0\n"},
	{Name: "no memory for strings and bytes", Weight: 1, Text: "oom nth=1 forever=1\np0 = new n=58\np0 = new n=84\n" +
		"p0 = new n=87\np0 = new n=96\np0 = new n=97\np0 = new n=101\np0 = new n=105\noom nth=0 forever=0\n"},
	{Name: "no memory for containers", Weight: 1, Text: "oom nth=1 forever=1\np0 = new n=117\np0 = new n=124\n" +
		"p0 = make p1 way=3 count=5\np0 = make p1 way=9 count=3\np0 = make p1 way=10 count=2\n" +
		"p0 = make p1 way=11 count=1\np0 = make p1 way=12 count=2\np0 = new n=112\noom nth=0 forever=0\n"},
	{Name: "sets that grow by four and by two", Weight: 1, Text: "p0 = new n=142\nfill p0 from=0 count=77\n" +
		"p1 = new n=142\nfill p1 from=70 count=21\nfill p1 from=200 count=8\nfill p1 from=100 count=40\n" +
		"update p0 p1\n"},
	{Name: "the copy of bytes", Weight: 1, Text: "p0 = new n=103\np1 = copy p0\np2 = deepcopy p0\nfree p0\n" +
		"p3 = new n=102\nfree p1\np4 = copy p2\nverify\n"},
	{Name: "keys that are equal and not the same", Weight: 2, Text: "p1 = new n=94\np2 = new n=45\np3 = new n=50\n" +
		"p4 = new n=56\np5 = new n=94\np6 = new n=45\np7 = new n=50\np8 = new n=56\np0 = make p1 way=4 count=8\n" +
		"p9 = make p1 way=7 count=16\nhas p0 p5\ndelete p9 p6\nadd p9 p7 p7\n"},
	{Name: "tuples that are equal and not the same", Weight: 1, Text: "p1 = new n=12\np2 = new n=95\np3 = new n=12\n" +
		"p4 = new n=95\np5 = make p1 way=3 count=2\np6 = make p3 way=3 count=2\np7 = make p1 way=3 count=1\n" +
		"p0 = new n=142\nadd p0 p5 p5\nadd p0 p6 p6\nadd p0 p7 p7\nhas p0 p6\n"},
	{Name: "a dict of small ints", Weight: 1, Text: "p0 = new n=143\nfill p0 from=4 count=4\nfill p0 from=1 count=4\n" +
		"fill p0 from=0 count=5\n"},
	{Name: "bytes of every length about a block", Weight: 1, Text: "p0 = new n=134\np1 = new n=135\np2 = new n=136\n" +
		"p3 = new n=137\n"},
}
