package recorded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"heapfuzz/impl/dict"
)

// The programs of dicts follow from a seed; files have a checksum of them only.

// A flavour is a mix of operations and keys. Every golden program has one, and goes through phases that grow and
// shrink. The first eight, whose answers compress best, have two programs of the twenty.
type flavour struct {
	name    string
	keys    string // kinds of keys, one drawn evenly
	span    int    // how many different numbers keys have
	weights map[string]int
}

// base are the weights that all flavours start from.
var base = map[string]int{
	"set": 300, "get": 40, "in": 20, "del": 150, "pop": 30, "setdefault": 40, "popitem": 20, "clear": 1, "new": 1,
	"call": 1, "copy": 6, "dict": 6, "fromkeys": 2, "update": 5, "eq": 3, "iter": 3, "rev": 2, "next": 20, "left": 2,
	"order": 10, "tracked": 2,
}

var flavours = []flavour{
	{"large", "i", 200000, map[string]int{"set": 3000, "del": 100, "popitem": 10, "copy": 2, "dict": 2, "order": 1,
		"new": 0, "call": 0, "clear": 0, "fromkeys": 1}},
	{"numbers", "i", 3000, nil},
	{"strings", "s", 3000, nil},
	{"edges", "I", 24, nil},
	{"walks", "is", 40, map[string]int{"iter": 40, "rev": 20, "next": 150, "left": 10, "scene": 30}},
	{"empties", "is", 60, map[string]int{"del": 400, "popitem": 200, "clear": 10}},
	{"instances", "s", 14, map[string]int{"class": 3, "inst": 40, "attr": 400, "delattr": 10, "set": 40, "del": 10,
		"popitem": 3, "pop": 3, "setdefault": 20}},
	{"small", "iiiss", 12, map[string]int{"new": 10, "call": 10, "clear": 10, "copy": 20, "dict": 20, "fromkeys": 20,
		"update": 20, "eq": 20}},
	{"mixed", "iissssop", 400, nil},
	{"classes", "sssssi", 45, map[string]int{"class": 6, "inst": 30, "attr": 400, "delattr": 4, "set": 20, "del": 4,
		"popitem": 2, "pop": 2, "setdefault": 20, "clear": 2}},
	{"objects", "ooppi", 24, map[string]int{"evil": 30, "final": 10}},
	{"evil", "opx", 16, map[string]int{"evil": 150, "final": 40, "update": 20, "eq": 20, "clear": 5}},
}

// dictProgram makes the text of a golden program. It is a function of the seed and the length.
func dictProgram(seed, length int) (name, text string) {
	f := flavours[(seed-1)%len(flavours)]
	r := rand.New(rand.NewPCG(uint64(seed), 0x9e3779b97f4a7c15))
	g := dictGenerator{r: r, f: f}
	var b strings.Builder
	for i := range 4 {
		fmt.Fprintf(&b, "%s %d\n", []string{"new", "call"}[i&1], i)
	}
	for i := 4; i < length; i++ {
		if i%max(length/8, 1) == 4 {
			g.phase(f)
		}
		if len(g.next) == 0 {
			if g.r.IntN(1000) < f.weights["scene"] {
				g.scene()
			} else {
				g.next = append(g.next, g.line())
			}
		}
		b.WriteString(g.next[0])
		b.WriteByte('\n')
		g.next = g.next[1:]
	}
	return fmt.Sprintf("%02d-%s", seed, f.name), b.String()
}

type dictGenerator struct {
	r     *rand.Rand
	f     flavour
	ops   []string
	upTo  []int // cumulative weights
	total int
	next  []string // lines that are already drawn
}

// dictOps are the operations in a fixed order: a map has none.
var dictOps = []string{"set", "get", "in", "del", "pop", "setdefault", "popitem", "clear", "new", "call", "copy",
	"dict", "fromkeys", "update", "eq", "iter", "rev", "next", "left", "order", "tracked", "class", "inst", "attr",
	"delattr"}

// phase draws whether the dicts grow or shrink, and makes the weights.
func (g *dictGenerator) phase(f flavour) {
	grow := 50 + g.r.IntN(250)
	g.ops, g.upTo, g.total = nil, nil, 0
	for _, op := range dictOps {
		weight, ok := f.weights[op]
		if !ok {
			weight = base[op]
		}
		switch op {
		case "set", "setdefault":
			weight = weight * grow / 100
		case "del", "popitem", "pop":
			weight = weight * (300 - grow) / 100
		}
		if weight > 0 {
			g.total += weight
			g.ops = append(g.ops, op)
			g.upTo = append(g.upTo, g.total)
		}
	}
}

func (g *dictGenerator) line() string {
	n := g.r.IntN(g.total)
	i := 0
	for g.upTo[i] <= n {
		i++
	}
	op, a, b := g.ops[i], g.slot(), g.slot()
	switch op {
	case "set", "setdefault":
		return fmt.Sprintf("%s %d %s %s", op, a, g.key(true), g.value())
	case "get", "in", "del", "pop":
		return fmt.Sprintf("%s %d %s", op, a, g.key(false))
	case "update":
		if g.f.weights["final"] > 0 && b == 0 {
			b = 1 + g.r.IntN(3) // see key
		}
		return fmt.Sprintf("%s %d %d", op, a, b)
	case "copy", "dict", "eq", "inst", "iter", "rev":
		return fmt.Sprintf("%s %d %d", op, a, b)
	case "fromkeys":
		return fmt.Sprintf("%s %d %d %s", op, a, b, g.value())
	case "attr":
		return fmt.Sprintf("%s %d s%d %s", op, a, g.number(), g.value())
	case "delattr":
		return fmt.Sprintf("%s %d s%d", op, a, g.number())
	}
	return fmt.Sprintf("%s %d", op, a)
}

// scene walks over a few entries and replaces some of them meanwhile, so that the length stays and the walk may meet
// more entries than there were.
func (g *dictGenerator) scene() {
	line := func(format string, args ...any) { g.next = append(g.next, fmt.Sprintf(format, args...)) }
	n := 2 + g.r.IntN(5)
	line("new 3")
	for i := range n {
		line("set 3 i%d 0", i)
	}
	line("%s 3 3", []string{"iter", "rev"}[g.r.IntN(3)/2])
	for range n + 3 {
		line("next 3")
		if g.r.IntN(3) == 0 {
			line("del 3 i%d", g.r.IntN(n))
			line("set 3 i%d 1", n+g.r.IntN(9))
		}
	}
	line("left 3")
}

// slot prefers the first dict, so that one becomes large.
func (g *dictGenerator) slot() int { return max(g.r.IntN(8)-4, 0) }

// number prefers small numbers.
func (g *dictGenerator) number() int {
	if g.f.span < 1000 && g.r.IntN(2) == 0 {
		return g.r.IntN(g.f.span/2 + 1)
	}
	return g.r.IntN(g.f.span)
}

// dictModulus is the one of the hashes of numbers.
const dictModulus = 1<<61 - 1

// edges are numbers whose hashes collide, are 0 or -2, or have equal low bits.
var edges = []int64{0, 1, -1, -2, dictModulus, -dictModulus, dictModulus - 1, dictModulus + 1, 2 * dictModulus,
	1 << 20, 1 << 30, 1 << 40, 1 << 50, 1 << 60, 3 << 20, 5 << 30, 7 << 40, dict.IntMax, -dict.IntMax - 1, 8, 16, 24,
	256, 1 << 32}

// key draws a key. One that is stored does not clear a dict when it is compared: from 3.11 on a real one is then
// corrupt (see impl/dict). What adds entries adds them to dict 0, which is never the source of an update where objects
// act: up to 3.10 a real update goes on in the freed table if its source is rebuilt meanwhile with as many entries.
func (g *dictGenerator) key(stored bool) string {
	n := g.number()
	if g.r.IntN(1000) < g.f.weights["evil"] {
		d := g.r.IntN(2)
		acts := []string{"r", "t", fmt.Sprintf("d%d", d), "a0", fmt.Sprintf("c%d", d)}
		return fmt.Sprintf("x%d:%s", n, acts[g.r.IntN(len(acts)-boolInt(stored))])
	}
	switch kind := g.f.keys[g.r.IntN(len(g.f.keys))]; kind {
	case 'I':
		return fmt.Sprintf("i%d", edges[n%len(edges)])
	case 'x':
		return fmt.Sprintf("x%d:", n)
	default:
		return fmt.Sprintf("%c%d", kind, n)
	}
}

func (g *dictGenerator) value() string {
	switch n := g.r.IntN(1000); {
	case n < g.f.weights["final"]:
		return fmt.Sprintf("z%d", g.r.IntN(1000))
	case n >= 997:
		return "L"
	}
	return fmt.Sprint(g.r.IntN(2))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// readDict makes the program of the seed that the file names, and fills the lines of a section that are the same as in
// the one before.
func readDict(name, text string) (list []*Recording, err error) {
	all := sections(text)
	var seed, length int
	var sum string
	if len(all) == 0 {
		return nil, errors.New("it is empty")
	}
	if _, err := fmt.Sscanf(all[0].body, "seed %d length %d sha256 %s", &seed, &length, &sum); err != nil {
		return nil, err
	}
	_, program := dictProgram(seed, length)
	if sum != checksum(program) {
		return nil, fmt.Errorf("another program is made of seed %d; run scripts/golden-dict", seed)
	}
	lines, last := programLines(program), ""
	for _, s := range all[1:] {
		last = fillSame(s.body, last)
		list = append(list, newRecording(s.head, lines, last))
	}
	return list, nil
}

func checksum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16] }

func fillSame(text, last string) string {
	lines, before := strings.Split(text, "\n"), strings.Split(last, "\n")
	for i := range lines {
		if i < len(before) && lines[i] == "" {
			lines[i] = before[i]
		}
	}
	return strings.Join(lines, "\n")
}
