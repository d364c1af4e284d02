package recorded

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
)

// Programs in the language of scripts/golden_pickle.py: some whose lines are corners, and random ones. Keys of sets are
// the ints from 0 on, whose order is theirs in every release. A string of one small letter is in none: in 3.11 and 3.12
// it is another object than the name of an attribute that says the same, if modules of the library say so. And no
// random line that is dumped without a memo has a frozenset, because these releases forget to leave one that they have
// entered (gh-146059), and fail with a KeyError when 50 were.

type pickleProgram struct{ name, program string }

// picklePrograms are all, so many random ones among them, of so many lines each.
func picklePrograms(seeds, lines int) (all []pickleProgram) {
	for _, g := range []struct {
		name  string
		lines []string
	}{
		{"pickle-atoms", pickleAtoms()}, {"pickle-batches", pickleBatches()}, {"pickle-shared", pickleShared()},
		{"pickle-instances", pickleInstances()}, {"pickle-deep", pickleDeep()}, {"pickle-tables", pickleTables()},
	} {
		all = append(all, pickleProgram{g.name, strings.Join(g.lines, "\n") + "\n"})
	}
	for seed := range seeds {
		var b strings.Builder
		g := pickleGenerator{r: rand.New(rand.NewPCG(uint64(seed+1), 0x9e3779b9))}
		for range lines {
			b.WriteString(g.line())
		}
		all = append(all, pickleProgram{fmt.Sprint("pickle-random-", seed+1), b.String()})
	}
	return all
}

// both has lines dumped with a memo and without.
func both(objects []string) (lines []string) {
	for _, o := range objects {
		lines = append(lines, "memo "+o, "flat "+o)
	}
	return lines
}

// pickleAtoms have numbers about those at which another opcode begins, and texts about such lengths.
func pickleAtoms() (lines []string) {
	lines = both([]string{"N", "T", "F", "t0", "i0", "l2 N N"})
	for _, bits := range []int{7, 8, 15, 16, 17, 30, 31, 32, 39, 60, 62, 63, 64, 127, 128, 2030, 2031, 2032, 2039,
		2040, 2047, 4000, 8 * 255, 8 * 256, 8 * 300} {
		for plus := int64(-1); plus <= 1; plus++ {
			v := new(big.Int).Lsh(big.NewInt(1), uint(bits))
			v.Add(v, big.NewInt(plus))
			lines = append(lines, fmt.Sprintf("memo i%#x", v), fmt.Sprintf("memo i%#x", v.Neg(v)))
		}
	}
	for _, f := range []string{"0000000000000000", "8000000000000000", "3ff8000000000000", "7ff0000000000000",
		"fff0000000000000", "7ff8000000000000", "0000000000000001"} {
		lines = append(lines, "memo f"+f)
	}
	for _, c := range []string{"s41", "sc3a9", "sc3bf", "sc480", "se282ac", "sf09f9880", "seda080", "s00", "b00",
		"bff"} {
		for _, n := range []int{0, 1, 2, 63, 64, 85, 86, 127, 128, 254, 255, 256, 257} {
			lines = append(lines, fmt.Sprintf("memo %s*%d", c, n))
		}
		lines = append(lines, both([]string{"l3 " + c + " " + c + " " + c + "*2", "l3 &0 " + c + "*3 *0 *0"})...)
	}
	lines = append(lines, "memo s41*65535", "memo s41*65536", "memo b00*65535", "memo b00*65536", "memo se282ac*30000")
	return append(lines, both([]string{"l4 s s b b", "l3 n584142 s584142 n584142",
		"l2 se282ac41 sc3a9e282acf09f9880"})...)
}

// pickleBatches have containers about the sizes at which a batch ends.
func pickleBatches() (lines []string) {
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 25, 33, 64, 100, 999, 1000, 1001, 2000, 2001} {
		items := func(kind string) string { return fmt.Sprintf("%s%d g0:%d", kind, n, n) }
		if n == 0 {
			items = func(kind string) string { return kind + "0" }
		}
		lines = append(lines, both([]string{items("l"), items("S"), items("z"), items("t")})...)
		if n > 0 {
			lines = append(lines, fmt.Sprintf("memo l%d x%d N", n, n), fmt.Sprintf("memo l%d x%d l0", n, n))
			lines = append(lines, both([]string{fmt.Sprintf("d%d g0:%d", n, 2*n)})...)
			lines = append(lines, "memo t2 "+items("S")+" "+items("l"), "memo l2 "+items("z")+" "+items("t"))
		}
	}
	return lines
}

// pickleTables have as many objects in the memo as it grows at, and more than one byte has numbers for.
func pickleTables() (lines []string) {
	for _, n := range []int{3, 4, 5, 6, 20, 21, 22, 84, 85, 86, 340, 341, 342, 1364, 1365, 1366} {
		lines = append(lines, fmt.Sprintf("memo l%d x%d l0", n, n), fmt.Sprintf("memo t%d x%d s4142", n, n))
	}
	for _, n := range []int{5460, 5461, 21845, 87381} { // and the list itself
		lines = append(lines, fmt.Sprintf("memo l%d x%d b4142", n, n))
	}
	for _, n := range []int{254, 255, 256, 257, 300} {
		var b strings.Builder
		for k := range n {
			fmt.Fprintf(&b, " &%d %s", k, []string{"s4142", "l0", "b4142", "d0", "S0"}[k%5])
		}
		lines = append(lines, fmt.Sprintf("memo l%d%s *0 *%d *%d *%d", n+4, b.String(), n-3, n-2, n-1))
	}
	return lines
}

// pickleShared have what is met again: shared, or in itself.
func pickleShared() (lines []string) {
	var objects []string
	for _, o := range []string{"l0", "l1 N", "d0", "d1 i1 N", "S0", "S2 g0:2", "z0", "z1 i0", "t0", "t1 N", "t2 N N",
		"t3 N N N", "t4 N N N N", "s4142", "b4142", "f3ff0000000000000", "i0x123456789abcdef", "o0", "c0", "o1 N",
		"c1 N"} {
		objects = append(objects, "l3 &0 "+o+" *0 *0", "t2 &0 "+o+" *0", "d2 i1 &0 "+o+" i2 *0", "o2 &0 "+o+" *0")
		if o[0] == 'z' || o[0] == 't' || o[0] == 's' || o[0] == 'b' {
			objects = append(objects, "d1 &0 "+o+" *0", "l2 d1 &0 "+o+" N d1 *0 N", "l2 "+o+" "+o)
		}
	}
	for _, n := range []int{1, 2, 3, 4, 5} {
		rest := strings.Repeat(" N", n-1)
		for _, inner := range []string{"l1 ", "d1 i1 ", "o1 ", "c1 ", "l1 t1 ", "l1 l1 "} {
			objects = append(objects, fmt.Sprintf("&0 %s&1 t%d *0%s", inner, n, rest))
			objects = append(objects, fmt.Sprintf("@1 &0 %s&1 t%d *0%s", inner, n, rest))
			objects = append(objects, fmt.Sprintf("@1 &0 %s&1 t%d%s *0", inner, n, rest))
			objects = append(objects, fmt.Sprintf("@2 &0 %s&1 t%d%s &2 t%d *0%s", inner, n, rest, n, rest))
		}
	}
	for _, o := range []string{"l1 *0", "l2 *0 *0", "d1 i1 *0", "d2 i1 *0 i2 l1 *0", "o1 *0", "c1 *0", "o2 N *0",
		"l1 d1 i1 *0", "o1 l1 *0", "c1 d1 i1 *0", "l1 o1 *0", "l2 c2 N *0 N"} {
		objects = append(objects, "&0 "+o, "l2 &0 "+o+" *0", "t1 &0 "+o)
	}
	for _, inner := range []string{"o1 ", "c1 ", "o2 N ", "c1 t1 "} {
		objects = append(objects, "@0 &0 "+inner+"&1 z1 *0", "@1 &0 "+inner+"&1 z1 *0", "@1 &0 "+inner+"&1 S1 *0")
	}
	return both(objects)
}

// pickleInstances have classes, their names, and attributes of all numbers.
func pickleInstances() (lines []string) {
	var objects []string
	for n := range pickleClasses {
		for _, kind := range []string{"o", "c"} {
			rest := strings.Repeat(" i7", n)
			if n == 0 {
				rest = ""
			}
			one := fmt.Sprintf("%s%d%s", kind, n, rest)
			objects = append(objects, one, "l2 "+one+" "+one, "l3 o0 "+one+" c1 i1", "l2 &0 "+one+" *0")
		}
	}
	for _, name := range []string{"6865617066757a7a", "4f3134", "7a61"} { // heapfuzz, O14, za
		for _, kind := range []string{"s", "n"} {
			many := strings.Repeat(" N", 14)
			v := kind + name
			for _, o := range []string{"o14", "c14"} {
				objects = append(objects, "l2 "+v+" "+o+many, "l2 "+o+many+" "+v, "l4 "+v+" "+o+many+" "+v+" "+o+many,
					"l2 "+o+" "+v+many[2:]+" "+v, "l2 &0 "+v+" d1 *0 "+o+many)
			}
		}
	}
	return both(objects)
}

// pickleDeep are nested nearly as deeply as all interpreters let them be, and about where a dump without a memo begins
// to look for cycles.
func pickleDeep() (lines []string) {
	for _, row := range []struct {
		one string
		max int
	}{
		{"l1 ", 490}, {"l2 N ", 490}, {"t1 ", 980}, {"t2 N ", 980}, {"t4 N N N ", 980}, {"d1 i1 ", 490},
		{"d2 i1 N i2 ", 490}, {"l1 t1 ", 320}, {"o1 ", 320}, {"o2 N ", 320}, {"c1 ", 240}, {"c2 N ", 240},
		{"l1 o1 ", 190}, {"t1 c1 ", 190},
	} {
		for _, n := range []int{25, 49, 50, 51, row.max} {
			lines = append(lines, both([]string{strings.Repeat(row.one, n) + "l0"})...)
		}
	}
	shared := "&0 l1 N "
	for k := range 12 {
		shared = fmt.Sprintf("&%d t2 %s *%d ", k+1, shared, k)
	}
	deep := strings.Repeat("l1 ", 60)
	return append(lines, both([]string{shared, deep + "l2 &0 l1 N *0", deep + "&0 l1 *0"})...)
}

// A pickleGenerator makes lines of random objects.
type pickleGenerator struct {
	r      *rand.Rand
	b      strings.Builder
	labels int
	done   []int // what may be referred to
	flat   bool
	cycles bool // objects that are still being filled are among it
	left   int  // objects that are still to be made
}

func (g *pickleGenerator) line() string {
	g.b.Reset()
	g.labels, g.done, g.left = 0, nil, 5+g.r.IntN(60)
	g.cycles = g.r.IntN(3) > 0
	mode := "memo"
	if g.flat = g.r.IntN(4) == 0; g.flat {
		mode, g.cycles = "flat", g.r.IntN(4) == 0
	}
	g.container("lllddtoc"[g.r.IntN(8)], 3+g.r.IntN(6), 0)
	root := ""
	if len(g.done) > 0 && g.r.IntN(4) == 0 {
		root = fmt.Sprintf(" @%d", g.done[g.r.IntN(len(g.done))])
	}
	return mode + root + g.b.String() + "\n"
}

func (g *pickleGenerator) say(format string, args ...any) { fmt.Fprintf(&g.b, " "+format, args...) }

// object makes any.
func (g *pickleGenerator) object(depth int) {
	n := g.r.IntN(100)
	switch {
	case n < 25 && len(g.done) > 0:
		g.say("*%d", g.done[g.r.IntN(len(g.done))])
	case n < 50 || g.left <= 0 || depth > 40:
		g.atom()
	case n < 58:
		g.say("%s0", g.kindOf("ldStocz"))
	case n < 66:
		size := 1 + g.r.IntN(20)
		g.say("%s%d g0:%d", g.kindOf("Sz"), size, size)
	default:
		g.container("llldddttttoc"[g.r.IntN(12)], 1+g.r.IntN(6), depth)
	}
}

// kindOf is one of some kinds, of which the last is that of frozensets.
func (g *pickleGenerator) kindOf(kinds string) string {
	if g.flat {
		kinds = kinds[:len(kinds)-1]
	}
	return string(kinds[g.r.IntN(len(kinds))])
}

// container makes one that has so many items.
func (g *pickleGenerator) container(kind byte, size, depth int) {
	g.left--
	label := -1
	if g.r.IntN(2) == 0 {
		label = g.labels
		g.labels++
		g.say("&%d", label)
		if g.cycles && kind != 't' {
			g.done = append(g.done, label)
		}
	}
	g.say("%c%d", kind, size)
	for k := range size {
		if kind == 'd' {
			g.key(k)
		}
		g.object(depth + 1)
	}
	if label >= 0 && (!g.cycles || kind == 't') {
		g.done = append(g.done, label)
	}
}

// key makes key number k of a dict.
func (g *pickleGenerator) key(k int) {
	switch g.r.IntN(4) {
	case 0:
		g.say("i%d", k*70)
	case 1:
		g.say("n4b%02x", 0x41+k)
	case 2:
		g.say("t2 i%d s4b%02x", k, 0x41+k)
	default:
		g.say("s6b%02x", 0x41+k)
	}
}

func (g *pickleGenerator) atom() {
	if g.r.IntN(3) == 0 {
		g.say("&%d", g.labels)
		g.done = append(g.done, g.labels)
		g.labels++
	}
	switch g.r.IntN(9) {
	case 0:
		g.say("%c", "NTF"[g.r.IntN(3)])
	case 1:
		g.say("i%d", g.r.IntN(600)-100)
	case 2:
		v := new(big.Int).Lsh(big.NewInt(int64(1+g.r.IntN(1000))), uint(g.r.IntN(200)))
		if g.r.IntN(2) == 0 {
			v.Neg(v)
		}
		g.say("i%#x", v)
	case 3:
		g.say("f%016x", g.r.Uint64()>>2)
	case 4:
		g.say("b%02x*%d", g.r.IntN(256), g.r.IntN(5))
	case 5:
		g.say("n%s", []string{"6865617066757a7a", "4f31", "6b41", "4b41", "c3a9"}[g.r.IntN(5)])
	default:
		g.say("s%s*%d", []string{"41", "c3a9", "e282ac", "f09f9880", "6b41"}[g.r.IntN(5)], g.r.IntN(4)*g.r.IntN(40))
	}
}
