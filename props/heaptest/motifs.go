package heaptest

import (
	"fmt"
	"strings"

	"heapfuzz/props/prog"
)

// motifs are what random operations seldom do in that order, and where allocators change their mind: a page of blocks
// of one size is filled and emptied, pages of many sizes come and go, memory that was used is asked for again, and the
// operating system refuses in the middle of each.
var motifs = []prog.Motif{
	{Name: "blocks of one size fill pages, and leave them from the first", Weight: 4,
		Text: makesOf(20, "alloc size=512") + frees(0, 20, 1)},
	{Name: "and leave them in two sweeps, with others between", Weight: 3,
		Text: makesOf(18, "alloc size=500") + frees(0, 18, 2) + "p0 = alloc size=505\np2 = alloc size=300\n" +
			frees(1, 18, 2) + "p4 = alloc size=512\nfree p2\nfree p0\nfree p4\n"},
	{Name: "pages of many sizes, of which every second becomes free", Weight: 4,
		Text: sizesOf(14, 0) + frees(0, 14, 2) + frees(1, 14, 2)},
	{Name: "pages of many sizes that become free from the last, and serve others", Weight: 4,
		Text: sizesOf(12, 0) + frees(11, -1, -1) + sizesOf(12, 8) + frees(0, 12, 1)},
	{Name: "large blocks are freed, and dirty memory is asked for again", Weight: 3, Text: `
		p0 = alloc size=16384
		p1 = alloc size=65536
		p2 = alloc size=9000
		free p0
		free p1
		free p2
		p3 = calloc n=4 size=4096
		p4 = calloc n=16 size=4095
		p5 = calloc n=3 size=3000
		free p4
		p6 = alloc size=33000
		free p3
		free p6
		free p5`},
	{Name: "a block cannot shrink, grow or move for want of memory", Weight: 3, Text: `
		p0 = alloc size=5000
		p1 = alloc size=513
		p2 = alloc size=40000
		oom nth=1 forever=1
		realloc p0 size=900
		realloc p1 size=100
		realloc p2 size=3000
		realloc p0 size=65536
		p3 = alloc size=20000
		realloc p1 size=8193
		oom nth=0 forever=0
		realloc p0 size=800
		realloc p2 size=65536
		free p0
		free p1
		free p2`},
	{Name: "each of the next requests is refused once", Weight: 3, Text: `
		oom nth=1 forever=0
		p0 = alloc size=450
		p1 = alloc size=451
		oom nth=2 forever=0
		p2 = alloc size=8193
		p3 = alloc size=20000
		p4 = alloc size=30000
		oom nth=3 forever=1
		p5 = alloc size=16384
		p6 = alloc size=16385
		p7 = alloc size=16386
		p8 = alloc size=16387
		oom nth=0 forever=0
		p9 = alloc size=16388
		free p2
		free p3
		free p9`},
	{Name: "what is kept is given back while something is live", Weight: 2, Text: `
		p0 = alloc size=513
		p1 = alloc size=2000
		p2 = alloc size=33000
		p3 = alloc size=66000
		free p1
		free p3
		trim
		p4 = alloc size=66000
		free p0
		free p2
		trim
		p5 = alloc size=2000
		free p4
		free p5
		usage`},
	{Name: "misuse of a block that the system has taken back, or will", Weight: 1, Text: `
		p0 = alloc size=20000
		p1 = alloc size=100
		stray-free p0 at=4095
		double-free p1
		p2 = alloc size=20000
		interior-free p2 at=4096
		double-free p2
		cross-free size=20000`},
}

// makesOf are n blocks of one request, in the slots from the first.
func makesOf(n int, request string) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "p%d = %s\n", i, request)
	}
	return s.String()
}

// sizesOf are n blocks of as many small sizes.
func sizesOf(n, more int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "p%d = alloc size=%d\n", i, 32*(i+1)+more)
	}
	return s.String()
}

// frees frees the slots from one on to before another.
func frees(from, to, step int) string {
	var s strings.Builder
	for i := from; (to-i)*step > 0; i += step {
		fmt.Fprintf(&s, "free p%d\n", i)
	}
	return s.String()
}
