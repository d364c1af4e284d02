package recorded

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/gc"
)

// What scripts/golden-gc makes: programs.

// A graphGenerator guesses which roots are live, so that few lines mean nothing; the guess need not be right.
type graphGenerator struct {
	r    *rand.Rand
	out  strings.Builder
	old  bool             // with finalizers of the old kind, and without dicts, whose order in 2.7 is that of hashes
	kind [rootsMax]string // of a live root; "" of a dead one, "?" of one that get made
}

// generateGraph makes a program of n operations. Weights drift between building, tearing down and weak references, so
// that garbage of many shapes is left to collections of all generations.
func generateGraph(r *rand.Rand, n int) string {
	g := graphGenerator{r: r}
	return g.random(n)
}

func (g *graphGenerator) random(n int) string {
	r, tear := g.r, 10
	for i := range n {
		if i%60 == 0 {
			tear = []int{12, 20, 35}[r.IntN(3)]
		}
		if a := g.live(); r.IntN(100) < tear || g.kind[g.dead()] != "" {
			g.kind[a] = ""
			g.line("drop %d", a)
		} else if r.IntN(100) < 40 {
			g.define()
		} else {
			g.use()
		}
	}
	return g.out.String()
}

func (g *graphGenerator) line(format string, args ...any) { fmt.Fprintf(&g.out, format+"\n", args...) }

// live returns a root that is likely to be live, dead one that is not.
func (g *graphGenerator) live() int { return g.pick(func(kind string) bool { return kind != "" }) }
func (g *graphGenerator) dead() int { return g.pick(func(kind string) bool { return kind == "" }) }

// pick looks for a root of a kind that suits; when there is none nearby any will do.
func (g *graphGenerator) pick(suits func(string) bool) int {
	a := g.r.IntN(rootsMax)
	for range rootsMax {
		if suits(g.kind[a]) {
			return a
		}
		a = (a + 7) % rootsMax
	}
	return a
}

func isOwn(kind string) bool {
	return strings.HasPrefix(kind, "inst") || strings.HasPrefix(kind, "slots") || strings.HasPrefix(kind, "classic")
}

// define writes an operation that makes a root.
func (g *graphGenerator) define() {
	a, x := g.dead(), g.r.IntN(100)
	switch {
	case x < 50:
		kinds := []string{"list", "list", "list", "dict", "dict", "inst", "inst", "slots", "slots"}
		types := typesOf
		if g.old {
			kinds, types = []string{"list", "list"}, slices.Concat(typesOf, oldTypesOf, oldTypesOf, classicTypesOf)
		}
		for _, t := range types {
			kinds = append(kinds, t.Name)
		}
		g.kind[a] = kinds[g.r.IntN(len(kinds))]
		g.line("new %d %s", a, g.kind[a])
	case x < 64:
		var items [3]string
		for i := range items {
			if items[i] = "-"; g.r.IntN(3) > 0 {
				items[i] = strconv.Itoa(g.live())
			}
		}
		g.kind[a] = "tuple"
		g.line("tuple %d %s %s %s", a, items[0], items[1], items[2])
	case x < 84:
		g.kind[a] = "weak"
		g.line("weak %d %d %d", a, g.pick(isOwn), g.r.IntN(3)&1)
	default:
		g.kind[a] = "?"
		g.line("get %d %d %d", a, g.live(), g.r.IntN(4))
	}
}

// use writes any other operation.
func (g *graphGenerator) use() {
	asks := []string{
		"tracked", "tracked", "finalized", "count", "count", "size", "referents", "referrers", "alive", "alive",
	}
	list := func(kind string) bool { return kind == "list" }
	weak := func(kind string) bool { return kind == "weak" }
	holder := func(kind string) bool { return isOwn(kind) || kind == "list" || kind == "dict" }
	switch x := g.r.IntN(100); {
	case g.old && x < 4:
		g.line("%s", g.one("garbage", "garbage", "ungarbage"))
	case x < 55:
		v := strconv.Itoa(g.live())
		if g.r.IntN(9) == 0 {
			v = "-"
		}
		g.line("set %d %d %s", g.pick(holder), g.r.IntN(4), v)
	case x < 59:
		g.line("push %d %d", g.pick(list), g.live())
	case x < 61:
		g.line("pop %d", g.pick(list))
	case x < 73:
		g.line("collect %d", []int{0, 0, 0, 1, 1, 2}[g.r.IntN(6)])
	case x < 75:
		g.line("unrevive")
	case x < 79:
		g.line("order")
	default:
		ask := asks[g.r.IntN(len(asks))]
		if a := g.live(); ask == "alive" {
			g.line("alive %d", g.pick(weak))
		} else {
			g.line("%s %d", ask, a)
		}
	}
}

// directed makes a program of n small scenes in places where random programs seldom come: weak references stored in
// garbage that holds older objects, dicts and tuples that hold no container any more, rings whose members resurrect.
func directed(r *rand.Rand, n int) string {
	g := graphGenerator{r: r}
	for range n {
		[]func(){g.sceneTrash, g.sceneUntrack, g.sceneNest, g.sceneRevive}[r.IntN(4)]()
		g.line("order")
		for a := range 12 {
			g.line("drop %d", a)
		}
		g.line("collect %d", r.IntN(3))
		for g.r.IntN(2) == 0 {
			g.line("unrevive")
		}
	}
	return g.out.String()
}

func (g *graphGenerator) one(of ...string) string { return of[g.r.IntN(len(of))] }

// sceneTrash: a ring of young garbage holds an old object, and weak references to it and to the ring (bpo-38006).
func (g *graphGenerator) sceneTrash() {
	g.line("new 0 %s", g.one("slots-log", "inst-log", "inst-revive", "slots", "inst-drop"))
	g.line("collect %d", g.r.IntN(3))
	g.line("new 1 %s", g.one("list", "inst", "slots", "inst-log", "dict"))
	g.line("new 2 %s", g.one("list", "inst", "slots", "slots-revive"))
	g.line("set 1 0 2")
	g.line("set 2 0 1")
	g.line("weak 3 0 %d", g.r.IntN(2))
	g.line("weak 4 0 1")
	g.line("weak 5 %d %d", 1+g.r.IntN(2), g.r.IntN(2))
	g.line("weak 6 %d 1", 1+g.r.IntN(2))
	for a := range 7 {
		if a != 1 && a != 2 && g.r.IntN(4) > 0 {
			g.line("set %d %d %d", 1+g.r.IntN(2), 1+g.r.IntN(3), a)
			g.line("drop %d", a)
		}
	}
	g.line("drop 1")
	g.line("drop 2")
	g.line("collect %d", g.r.IntN(3))
	for _, a := range []int{3, 4, 5, 6} {
		g.line("alive %d", a)
	}
}

// sceneUntrack: a dict held something once.
func (g *graphGenerator) sceneUntrack() {
	g.line("new 0 dict")
	g.line("new 1 %s", g.one("list", "dict", "inst"))
	g.line("tuple 2 - - -")
	g.line("set 0 0 1")
	if g.r.IntN(3) == 0 {
		g.line("set 0 1 2")
	}
	g.line("set 0 0 %s", g.one("-", "-", "2"))
	for range 4 {
		g.line("collect %d", g.r.IntN(3))
		g.line("tracked 0")
		g.line("tracked 2")
		g.line("order")
	}
	g.line("set 1 0 0")
	g.line("tracked 0")
}

// sceneNest: tuples in tuples, built from the inside, are untracked layer by layer.
func (g *graphGenerator) sceneNest() {
	g.line("new 0 %s", g.one("list", "dict", "inst"))
	g.line("tuple 1 - - %s", g.one("-", "-", "0"))
	for a := 2; a < 6; a++ {
		g.line("tuple %d %d - %s", a, a-1, g.one("-", "-", "-", strconv.Itoa(g.r.IntN(a))))
	}
	g.line("new 6 list")
	for range 4 { // what a list holds is found in the order of its items, which turns the tuples round
		g.line("set 6 %d %d", g.r.IntN(4), 1+g.r.IntN(5))
	}
	for range 4 {
		g.line("collect %d", g.r.IntN(3))
		for a := 1; a < 6; a++ {
			g.line("tracked %d", a)
		}
	}
}

// sceneRevive: rings of all sorts die twice.
func (g *graphGenerator) sceneRevive() {
	n := 2 + g.r.IntN(5)
	for a := range n {
		g.line("new %d %s", a, g.one("list", "inst-revive", "slots-revive", "inst-drop", "slots-collect", "slots-alloc",
			"inst-log", "dict", "inst"))
	}
	for a := range n {
		g.line("set %d %d %d", a, g.r.IntN(2), (a+1)%n)
		g.line("set %d %d %d", a, 2+g.r.IntN(2), g.r.IntN(n))
		g.line("weak %d %d %d", 7, a, g.r.IntN(2))
		if g.r.IntN(2) == 0 {
			g.line("set %d 1 7", g.r.IntN(n))
			g.line("drop 7")
		}
	}
	for a := range n {
		g.line("drop %d", a)
	}
	for range 3 {
		g.line("collect %d", g.r.IntN(3))
		g.line("unrevive")
		g.line("order")
	}
}

// A graphProgram is one program by its name, and the profiles that are asked about it.
type graphProgram struct {
	name, program string
	profiles      []string
}

// What the profiles are good for. 2.7 keeps dicts in another order. Up to 3.6 calls take tuples and bound methods, so
// that count 0, and with it when a collection begins by itself, is the interpreter's own affair.
var (
	counted = []string{"3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}
	modern  = append([]string{"3.6"}, counted...)
	every   = append([]string{"2.7"}, modern...)
)

// graphPrograms are those of corpus/graph/golden: random ones, with collections that begin by themselves, or with
// finalizers of the old kind, or with the messages of set_debug; scenes; a long one; and chains that are deeper than
// the trashcan lets deaths be nested, which die by counts or in a collection.
func graphPrograms(seeds, length int) []graphProgram {
	var all []graphProgram
	add := func(profiles []string, program, name string, args ...any) {
		all = append(all, graphProgram{fmt.Sprintf(name, args...), program, profiles})
	}
	for seed := 1; seed <= seeds; seed++ {
		r := rand.New(rand.NewPCG(uint64(seed), 0x9e3779b97f4a7c15))
		add(modern, generateGraph(r, length), "random-%d", seed)
		if seed%5 == 0 {
			add(modern, directed(r, length/25), "scenes-%d", seed/5)
		}
		add(counted, threshold(r)+generateGraph(r, length), "auto-%d", seed)
		if seed%5 == 0 {
			add(counted, threshold(r)+directed(r, length/25), "auto-scenes-%d", seed/5)
			g := graphGenerator{r: r, old: true}
			add(every, g.random(length), "old-%d", seed/5)
			flags := []gc.Flag{7, 31, gc.LeakLegacy, gc.LeakLegacy | gc.DebugStats}[seed/5%4]
			g = graphGenerator{r: r, old: true}
			add(every, fmt.Sprintf("debug %d\n", flags)+g.random(length/5), "debug-%d", seed/5)
		}
	}
	for _, kind := range []string{"list", "tuple", "dict", "inst", "inst-log", "slots", "slots-log"} {
		add(modern, deep(kind, false)+deep(kind, true), "deep-%s", kind)
	}
	r := rand.New(rand.NewPCG(1, 100_000))
	add([]string{"3.11"}, threshold(r)+generateGraph(r, length*50), "long")
	return all
}

// threshold lets collections begin by themselves, early.
func threshold(r *rand.Rand) string {
	return fmt.Sprintf("threshold %d %d %d\n", 1+r.IntN(12), r.IntN(4), r.IntN(4))
}

// deep makes a chain of 230 objects of a kind, each with one that logs its death beside it, and lets it die. A ring
// dies in a collection.
func deep(kind string, ring bool) string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	chain, made := 0, 1
	line("new %d list", chain)
	if ring {
		line("get 5 0 0") // none: this root stays free
		line("new 4 list")
		line("set 4 0 4")
		line("set %d 0 4", chain)
	}
	for range 230 {
		line("new 3 slots-log")
		if kind == "tuple" {
			line("tuple %d 3 %d -", made, chain)
		} else {
			line("new %d %s", made, kind)
			line("set %d 0 3", made)
			line("set %d 1 %d", made, chain)
		}
		line("drop 3")
		line("drop %d", chain)
		chain, made = made, chain
	}
	if ring {
		line("set 4 1 %d", chain)
		line("drop 4")
	}
	line("drop %d", chain)
	line("collect 0")
	line("collect 2")
	line("order")
	return s.String()
}
