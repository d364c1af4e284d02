package gc

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/object"
)

// The language of these programs, and what each line means, is in scripts/golden_gc.py.

const rootsMax = 24

// A generator guesses which roots are live, so that few lines mean nothing; the guess need not be right.
type generator struct {
	r    *rand.Rand
	out  strings.Builder
	old  bool             // with finalizers of the old kind, and without dicts, whose order in 2.7 is that of hashes
	kind [rootsMax]string // of a live root; "" of a dead one, "?" of one that get made
}

// generate makes a program of n operations. Weights drift between building, tearing down and weak references, so that
// garbage of many shapes is left to collections of all generations.
func generate(r *rand.Rand, n int) string {
	g := generator{r: r}
	return g.random(n)
}

func (g *generator) random(n int) string {
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

func (g *generator) line(format string, args ...any) { fmt.Fprintf(&g.out, format+"\n", args...) }

// live returns a root that is likely to be live, dead one that is not.
func (g *generator) live() int { return g.pick(func(kind string) bool { return kind != "" }) }
func (g *generator) dead() int { return g.pick(func(kind string) bool { return kind == "" }) }

// pick looks for a root of a kind that suits; when there is none nearby any will do.
func (g *generator) pick(suits func(string) bool) int {
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
func (g *generator) define() {
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
func (g *generator) use() {
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

// run answers a whole program, line by line.
func (w *world) run(program string) []string {
	var out []string
	for i, line := range strings.Split(strings.TrimSpace(program), "\n") {
		w.line = i
		answer := w.do(line)
		w.c.Safepoint()
		if e := w.events(); e != "" {
			answer += " | " + e
		}
		if w.auto {
			n := w.c.Count()
			answer += fmt.Sprintf(" @ %d,%d,%d", n[0], n[1], n[2])
		}
		for _, s := range w.said {
			answer += " ! " + s
		}
		w.said = w.said[:0]
		out = append(out, answer)
	}
	return out
}

// do answers one line, without the events.
func (w *world) do(line string) string {
	t := strings.Fields(line)
	num := func(i int) int {
		n, err := strconv.Atoi(t[i])
		if err != nil {
			w.t.Fatalf("%q: %v", line, err)
		}
		return n
	}
	switch t[0] {
	case "new", "tuple", "weak", "get":
		return w.define(t, num)
	case "collect", "order", "unrevive", "garbage", "ungarbage", "debug", "threshold":
		return w.say(t[0], num)
	}
	o, live := w.roots[num(1)]
	if !live {
		return "skip"
	}
	switch t[0] {
	case "set":
		v := object.Ref(0)
		if t[3] != "-" {
			if v, live = w.roots[num(3)]; !live {
				return "skip"
			}
		}
		return w.put(o, num(2), v)
	case "push":
		v, live := w.roots[num(2)]
		if !live || w.h.Kind(o) != object.KindList {
			return "skip"
		}
		w.h.Push(o, v)
		return "ok"
	case "drop":
		delete(w.roots, num(1))
		w.h.Decref(o)
		return "ok"
	}
	return w.ask(t[0], o)
}

// say answers an operation that is about no root.
func (w *world) say(op string, num func(int) int) string {
	switch op {
	case "collect":
		n := w.c.Collect(num(1))
		counts := w.c.Count()
		return fmt.Sprintf("%d %d %d", n, counts[1], counts[2])
	case "order":
		w.takeList()
		return w.order()
	case "garbage":
		return w.names(w.c.Garbage())
	case "ungarbage":
		w.c.DropGarbage()
	case "debug":
		w.c.SetDebug(Flag(num(1)))
		w.listen()
	case "threshold":
		w.begin([3]int{num(1), num(2), num(3)})
	default:
		n := len(w.h.Revived) - 1
		if n < 0 {
			return "skip"
		}
		o := w.h.Revived[n]
		w.h.Revived = w.h.Revived[:n]
		w.h.Decref(o)
	}
	return "ok"
}

// takeList is what the driver does to the free list of lists when it asks for names; the counts do not notice.
func (w *world) takeList() {
	fresh, limit := w.h.Fresh, w.h.Limit
	w.h.Limit = math.MaxInt
	w.h.Decref(w.h.NewList(0))
	w.h.Fresh, w.h.Limit = fresh, limit
}

// define answers an operation that makes a root.
func (w *world) define(t []string, num func(int) int) string {
	r := num(1)
	if _, live := w.roots[r]; live {
		return "skip"
	}
	var o object.Ref
	switch t[0] {
	case "new":
		if _, known := w.types[t[2]]; !known && t[2] != "list" && t[2] != "dict" {
			return "skip"
		}
		o = w.make(t[2], w.line)
	case "tuple":
		var items [3]object.Ref
		for i := range items {
			if t[2+i] == "-" {
				continue
			}
			v, live := w.roots[num(2+i)]
			if !live {
				return "skip"
			}
			items[i] = v
		}
		o = w.h.NewTuple(items[:]...)
	default:
		from, live := w.roots[num(2)]
		if !live {
			return "skip"
		}
		if t[0] == "get" {
			if o = w.fetch(from, num(3)); o == 0 {
				return "none"
			}
			w.h.Incref(o)
		} else if !isOwnKind(w.h.Kind(from)) {
			return "skip"
		} else {
			args := w.h.NewTuple(from, 0) // the arguments of a call
			o = w.h.NewWeakref(from, t[3] == "1")
			w.h.SetTag(o, uint32(w.line))
			w.h.Decref(args)
		}
	}
	w.roots[r] = o
	return "ok"
}

func isOwnKind(k object.Kind) bool { return k == object.KindInstance || k == object.KindSlotted }

// put stores a value in an object, and fetch reads it.
func (w *world) put(o object.Ref, k int, v object.Ref) string {
	ok := false
	if w.h.Kind(o) == object.KindDict {
		key := w.h.NewInt(int64(k))
		if v == 0 {
			ok = w.h.DictDelete(o, key)
		} else {
			ok = w.h.DictSet(o, key, v)
		}
		w.h.Decref(key)
	} else {
		ok = w.h.SetItem(o, k, v)
	}
	if !ok {
		return "skip"
	}
	return "ok"
}

func (w *world) fetch(o object.Ref, k int) object.Ref {
	if w.h.Kind(o) != object.KindDict {
		return w.h.Get(o, k)
	}
	key := w.h.NewInt(int64(k))
	v, _ := w.h.DictGet(o, key)
	w.h.Decref(key)
	return v
}

// ask answers a question about one object.
func (w *world) ask(op string, o object.Ref) string {
	kind := w.h.Kind(o)
	own := isOwnKind(kind)
	bit := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	var found []object.Ref
	add := func(o object.Ref) { found = append(found, o) }
	switch op {
	case "tracked":
		return bit(w.h.IsTracked(o))
	case "finalized":
		if w.h.Profile().AllOrNothing { // is_finalized came with 3.9
			return "-"
		}
		return bit(w.h.IsFinalized(o))
	case "alive":
		if kind != object.KindWeakref {
			return "skip"
		}
		return bit(w.h.Referent(o) != 0)
	case "count":
		return strconv.Itoa(w.h.Count(o))
	case "size":
		if !own && kind != object.KindList && kind != object.KindTuple {
			return "skip"
		}
		return strconv.Itoa(w.h.Size(o))
	case "referents":
		w.takeList()
		w.h.Referents(o, add)
		return w.names(found)
	case "referrers":
		w.takeList()
		w.c.Referrers(o, add)
		return w.names(found)
	case "pop":
		if kind != object.KindList || w.h.Len(o) == 0 {
			return "skip"
		}
		w.h.Decref(w.h.Pop(o))
		return "ok"
	}
	w.t.Fatalf("unknown operation %q", op)
	return ""
}

// names are those of the objects that have one: instances and weak references their tags, others their lowest root.
func (w *world) names(objects []object.Ref) string {
	var s []string
	for _, o := range objects {
		if w.h.Kind(o) >= object.KindWeakref {
			s = append(s, fmt.Sprintf("n%d", w.h.Tag(o)))
			continue
		}
		at := rootsMax
		for r, x := range w.roots {
			if x == o {
				at = min(at, r)
			}
		}
		if at < rootsMax {
			s = append(s, fmt.Sprintf("r%d", at))
		}
	}
	return strings.Join(s, ",")
}

// order is the order of all generations. Up to 3.7 an interpreter does not tell where one ends.
func (w *world) order() string {
	var parts []string
	for g := range Generations {
		var found []object.Ref
		if err := w.c.Objects(g, func(o object.Ref) { found = append(found, o) }); err != nil {
			w.t.Fatal(err)
		}
		parts = append(parts, w.names(found))
	}
	if w.h.Profile().TuplesInScan {
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		return strings.Join(parts, ",")
	}
	return strings.Join(parts, "/")
}

// directed makes a program of n small scenes in places where random programs seldom come: weak references stored in
// garbage that holds older objects, dicts and tuples that hold no container any more, rings whose members resurrect.
func directed(r *rand.Rand, n int) string {
	g := generator{r: r}
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

func (g *generator) one(of ...string) string { return of[g.r.IntN(len(of))] }

// sceneTrash: a ring of young garbage holds an old object, and weak references to it and to the ring (bpo-38006).
func (g *generator) sceneTrash() {
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
func (g *generator) sceneUntrack() {
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
func (g *generator) sceneNest() {
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
func (g *generator) sceneRevive() {
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
