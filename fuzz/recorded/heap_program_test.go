package recorded

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// What scripts/golden makes: programs.

// heapPrograms are those of corpus/heap/golden. Skews move arenas off the boundaries that matter: 512 and 2048 off that
// of a 4 KiB pool, 4096 and 8192 off that of a 16 KiB pool only, 65536 off that of an arena only.
var heapPrograms = []struct {
	name string
	seed uint64
	mode string
	skew int
}{
	{"mix-1", 1, "mix", 0}, {"mix-2", 2, "mix", 4096}, {"mix-3", 3, "mix", 2048}, {"mix-4", 4, "mix", 0},
	{"big-1", 5, "big", 0}, {"big-2", 6, "big", 8192}, {"big-3", 7, "big", 512},
	{"one-1", 8, "one", 0}, {"one-2", 9, "one", 65536},
	{"drift-1", 10, "drift", 0}, {"drift-2", 11, "drift", 4096}, {"drift-3", 12, "drift", 512},
	{"drift-4", 13, "drift", 0}, {"ebb-1", 14, "ebb", 0}, {"ebb-2", 15, "ebb", 512},
}

// generateHeap makes one. Phases change how likely an allocation is, and how the victim of a free is chosen.
// In the mode drift they are long and steep, so that the number of arenas rises and falls: arena order and the
// highwater mark are only seen by such programs. In the mode ebb blocks of one size come in a flood and go in random
// order, which leaves many arenas with nearly as many free pools each: the order among equals is seen there alone.
func generateHeap(seed uint64, mode string, ops, skew int) string {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	g := &heapGenerator{r: r, mode: mode}
	if skew != 0 {
		fmt.Fprintf(&g.out, "world skew=%d\n", skew)
	}
	phases := []float64{.9, .75, .5, .35, .15}
	length := ops / 8
	if mode == "drift" {
		phases, length = []float64{.97, .03, .9, .1, .5}, ops/12
	} else if mode == "ebb" {
		length = ops // one phase; below, the number of live blocks turns it
	}
	grow, order := phases[0], 0
	for i := range ops {
		if i%length == 0 && i > 0 {
			grow, order = phases[r.IntN(len(phases))], r.IntN(3)
		}
		if mode == "ebb" {
			if order = 2; len(g.live) > 9000 {
				grow = .02
			} else if len(g.live) < 2000 {
				grow = .98
			}
		}
		g.step(grow, order)
		if r.IntN(500) == 0 {
			g.out.WriteString("usage\n")
		}
		if r.IntN(6000) == 0 {
			g.out.WriteString("stats\n")
		}
	}
	g.out.WriteString("stats\nusage\n")
	for len(g.live) > 0 {
		g.free(r.IntN(len(g.live)))
	}
	g.out.WriteString("stats\nusage\n")
	return g.out.String()
}

type heapGenerator struct {
	r    *rand.Rand
	mode string
	out  strings.Builder
	live []int // slots, in an order that frees shuffle
	dead []int // slots to use again
	next int
}

func (g *heapGenerator) size() int {
	switch x := g.r.Float64(); {
	case g.mode == "big":
		return 300 + g.r.IntN(213)
	case g.mode == "one" || g.mode == "ebb":
		return 512
	case g.mode == "drift":
		return []int{512, 500, 400, 256, 257}[min(g.r.IntN(12), 4)]
	case x < .03:
		return 0
	case x < .08:
		return 513 + g.r.IntN(1500)
	case x < .5:
		return 1 + g.r.IntN(64)
	}
	return 1 + g.r.IntN(512)
}

func (g *heapGenerator) step(grow float64, order int) {
	switch {
	case len(g.live) > 0 && g.r.Float64() >= grow:
		i := len(g.live) - 1
		if order == 1 {
			i = 0
		} else if order == 2 || g.r.IntN(5) > 0 {
			i = g.r.IntN(len(g.live))
		}
		g.free(i)
	case len(g.live) > 0 && g.r.IntN(12) == 0:
		fmt.Fprintf(&g.out, "realloc p%d size=%d\n", g.live[g.r.IntN(len(g.live))], g.size())
	default:
		slot := g.next
		if n := len(g.dead); n > 0 {
			slot, g.dead = g.dead[n-1], g.dead[:n-1]
		} else {
			g.next++
		}
		g.live = append(g.live, slot)
		if n := []int{1, 2, 4}[g.r.IntN(3)]; g.r.IntN(10) == 0 {
			fmt.Fprintf(&g.out, "p%d = calloc n=%d size=%d\n", slot, n, g.size()/n)
		} else {
			fmt.Fprintf(&g.out, "p%d = alloc size=%d\n", slot, g.size())
		}
	}
}

func (g *heapGenerator) free(i int) {
	slot := g.live[i]
	fmt.Fprintf(&g.out, "free p%d\n", slot)
	g.dead = append(g.dead, slot)
	last := len(g.live) - 1
	g.live[i], g.live = g.live[last], g.live[:last]
}
