package prog

import "slices"

// Generate draws a program of n operations, or of fewer when all slots are taken and the mix has nothing that may
// follow.
//
// A program is a sequence of phases. Each has a
//
//	flow       grow, churn or drain: how many Make there are to a Kill; or run: one kind over and over
//	numbers    as the mix has them; or each one number again and again, which stays in one size class; or those
//	           next to an edge
//	order      which of the live slots an operation takes: the last made, the oldest, any, or every n-th in the
//	           order of slots, as a program does that frees every other block
//
// and a length for which every power of two is as likely as the next. Phases are why a table is full at some time and
// empty at another, and why a long program of 10,000 operations has thousands of live slots at its best: with a Make to
// a Kill all along there would be a hundred, the root of the length.
//
// About one operation in 32 is a stray: it takes a slot that is dead, preferably the last that died, or defines one
// that is live. It has to mean nothing.
//
// Where the language has motifs, some programs hold them; see Motif.
//
// An operation that is a Fault is taken back after faultMax operations at most.
func (s *Spec) Generate(src Source, mix Mix, n int) Program {
	g := newGenerator(s, src, mix)
	g.ops = make([]Op, 0, n)
	g.run(n)
	return Program{World: s.drawWorld(src), Ops: g.ops}
}

// drawWorld draws a world: half of them all 0, which is the world as the target would have it, or one in eight in a
// worldly language. Others are small and odd.
func (s *Spec) drawWorld(src Source) (world [ArgsMax]uint64) {
	if s.worldly && src.IntN(8) == 0 || !s.worldly && src.IntN(2) == 0 {
		return world
	}
	for i, a := range s.World {
		d := a.Domain
		switch src.IntN(8) {
		case 0, 1:
		case 2:
			if len(d.Edges) > 0 {
				world[i] = d.Edges[src.IntN(len(d.Edges))]
			}
		case 3:
			world[i] = src.Uint64() % (d.Max + 1)
		case 4, 5:
			world[i] = d.Fold(src.Uint64()%(d.Near+1) | 1)
		default:
			world[i] = src.Uint64() % (d.Near + 1)
		}
	}
	return world
}

type flow uint8

const (
	grow flow = iota
	churn
	drain
	run
)

type order uint8

const (
	newest order = iota
	oldest
	anyone
	comb
)

// generator draws operations and keeps the state that they lead to.
type generator struct {
	*state
	src  Source
	mix  Mix
	rows []Info
	ops  []Op

	motifs []motif

	makers, killers, killAlls []Kind // of the mix. A maker reads no slot: it may come first.

	// The phase. begin sets it, step counts left down.
	left         int
	fault        Kind // is on for faultLeft operations more, if that is not 0
	faultLeft    int
	flow         flow
	order        order
	cursor, comb int      // the comb is at slot cursor and goes on by comb
	sums         []uint32 // of weights up to a kind, that one included; the last is the total
	near         bool     // numbers are next to base, else
	fixed        bool     // they are base
	base         []uint64 // of each domain
}

func newGenerator(s *Spec, src Source, mix Mix) *generator {
	t := s.tables()
	switch {
	case len(mix.Weights) == 0:
		mix.Weights = make([]int, len(s.Rows))
	case len(mix.numbers) == 0: // written by hand
		mix.numbers = s.Uniform(nil).numbers
	}
	g := &generator{state: newState(t), src: src, mix: mix, rows: s.Rows}
	if s.motifs != nil {
		g.motifs = s.motifs()
	}
	g.sums, g.base = make([]uint32, len(s.Rows)), make([]uint64, len(mix.numbers))
	for k, w := range mix.Weights {
		switch {
		case w == 0:
		case t.rows[k].starts():
			g.makers = append(g.makers, Kind(k))
		case s.Rows[k].Role == Kill:
			g.killers = append(g.killers, Kind(k))
		case s.Rows[k].Role == KillAll:
			g.killAlls = append(g.killAlls, Kind(k))
		}
	}
	return g
}

// faultMax bounds the operations that a fault lasts. In a program of 10,000 that has no memory from the tenth on the
// rest would mean nothing, and how an allocator comes back from a fault is half of what there is to see.
const faultMax = 24

// run draws n operations onto g.ops, in phases.
func (g *generator) run(n int) {
	for n += len(g.ops); len(g.ops) < n; {
		if g.left == 0 {
			if !g.begin(n - len(g.ops)) {
				return
			}
			continue
		}
		g.left--
		if g.faultLeft > 0 {
			if g.faultLeft--; g.faultLeft == 0 {
				g.ops = append(g.ops, Op{Kind: g.fault})
				continue
			}
		}
		if g.mix.motifShare > 0 && g.src.IntN(1024) < g.mix.motifShare && g.play(n-len(g.ops)) {
			continue
		}
		if !g.step() {
			return
		}
	}
	g.ops = g.ops[:n] // what came between the operations of a motif may be too much
}

// begin draws a phase of at most n operations. It returns false when the mix is empty.
func (g *generator) begin(n int) bool {
	src := g.src
	if len(g.killAlls) > 0 && len(g.live) > 0 && src.IntN(8) == 0 {
		g.emit(g.killAlls[src.IntN(len(g.killAlls))], src.Uint64())
		n--
	}
	g.left = logUniform(src, max(n, 1))
	if g.left < 4 {
		g.left = 4
	}
	g.flow = [...]flow{grow, grow, grow, churn, churn, churn, drain, run}[src.IntN(8)]
	g.order = order(src.IntN(4))
	g.cursor, g.comb = 0, 1+src.IntN(3)
	if len(g.live) > 0 {
		g.cursor = src.IntN(int(g.next))
	}
	g.fixed, g.near = false, false
	switch src.IntN(4) {
	case 0:
		g.fixed = true
	case 1:
		g.near = true
	}
	for i := range g.base {
		num := &g.mix.numbers[i]
		g.base[i] = num.draw(src.Uint64())
		if g.near && len(num.edges) > 0 {
			g.base[i] = num.edges[src.IntN(len(num.edges))]
		}
	}
	return g.weigh()
}

// weigh sets the sums of the phase. Kinds are weighed by the mix within four groups, and the groups by the flow:
// otherwise a mix that weighs free 100 times as much as alloc could not grow. In a table whose slots are filled and
// emptied, that is what grows, and what makes and kills slots counts with the rest. Operations without a slot take a
// twelfth at most, as some of them look at everything and others make all that follows fail; where there are no others,
// they have it all.
func (g *generator) weigh() bool {
	var sums [4]int
	flows := slices.ContainsFunc(g.rows, func(r Info) bool { return r.Fills || r.Empties })
	group := func(k int) int {
		switch r := &g.rows[k]; {
		case r.Fills || r.Role == Make && !flows:
			return 0
		case r.Empties || r.Role == Kill && !flows:
			return 1
		case r.Role == Use:
			return 2
		}
		return 3
	}
	for k, w := range g.mix.Weights {
		if g.rows[k].Role != KillAll {
			sums[group(k)] += w
		}
	}
	shares := [4]int{2: 1 + g.src.IntN(60), 3: 1 + g.src.IntN(8)}
	rest := 100 - shares[2] - shares[3]
	shares[0] = rest * [...]int{grow: 90, churn: 50, drain: 6, run: 50}[g.flow] / 100
	shares[1] = rest - shares[0]
	only := -1
	if g.flow == run {
		only = g.drawOnly(sums[0]+sums[1]+sums[2] > 0, group)
	}
	total := uint32(0)
	for k, w := range g.mix.Weights {
		if w > 0 && g.rows[k].Role != KillAll && (only < 0 || only == k) {
			i := group(k)
			total += uint32(1 + shares[i]*10_000*w/sums[i])
		}
		g.sums[k] = total
	}
	return total > 0 || len(g.killAlls) > 0
}

// drawOnly returns the kind of a run: one with a slot, if the mix has one.
func (g *generator) drawOnly(slots bool, group func(int) int) int {
	var may []int
	for k, w := range g.mix.Weights {
		if w > 0 && g.rows[k].Role != KillAll && (!slots || group(k) < 3) {
			may = append(may, k)
		}
	}
	if len(may) == 0 {
		return -1
	}
	return may[g.src.IntN(len(may))]
}

// step draws an operation. It returns false when none may follow.
func (g *generator) step() bool {
	r := g.src.Uint64()
	total := uint64(g.sums[len(g.sums)-1])
	if total == 0 {
		return g.end(r)
	}
	k, x := Kind(0), uint32((r>>32)*total>>32)
	for g.sums[k] <= x {
		k++
	}
	row := &g.tab.rows[k]
	r &= 1<<32 - 1
	switch {
	case r&31 == 0 && g.stray(k, r>>5):
		return true
	case row.makes && g.full():
		g.left = 0
		return g.end(r)
	case row.reads && len(g.live) == 0:
		if g.flow != grow {
			g.left /= 2 // a drained heap is drained
		}
		if len(g.makers) == 0 {
			return g.end(r)
		}
		k = g.makers[r>>5%uint64(len(g.makers))]
	}
	g.emit(k, r>>5)
	return true
}

// end draws an operation where those of the phase are not possible: one that kills, or else any that is possible. It
// returns false when there is none.
func (g *generator) end(r uint64) bool {
	if len(g.live) > 0 && len(g.killers) > 0 {
		g.emit(g.killers[r>>5%uint64(len(g.killers))], r>>5)
		return true
	}
	if len(g.killAlls) > 0 {
		g.emit(g.killAlls[0], r>>5)
		return true
	}
	for i, from := 0, g.src.IntN(len(g.rows)); i < len(g.rows); i++ {
		k := Kind((from + i) % len(g.rows))
		row := &g.tab.rows[k]
		if g.mix.Weights[k] > 0 && !(row.makes && g.full()) && !(row.reads && len(g.live) == 0) {
			g.emit(k, r>>5)
			return true
		}
	}
	return false
}

// emit appends an operation of kind k on slots that are in the right state. There are such slots. The 27 bits of r
// choose the first of them.
func (g *generator) emit(k Kind, r uint64) {
	row, op := &g.tab.rows[k], Op{Kind: k}
	for i := range row.args {
		switch {
		case !row.args[i].slot:
			op.Args[i] = g.number(row.domain[i])
		case i == 0:
			op.Args[i] = uint64(g.pick(r))
		default:
			op.Args[i] = uint64(g.pick(g.src.Uint64()))
		}
	}
	switch row.role {
	case Make:
		op.Def = g.free(r&3 == 0)
		g.make(op.Def)
	case Kill:
		g.kill(Slot(op.Args[0]))
	case KillAll:
		g.apply(op)
	}
	if row.fault {
		g.fault, g.faultLeft = k, 0
		if op != (Op{Kind: k}) {
			g.faultLeft = 1 + logUniform(g.src, faultMax)
		}
	}
	g.ops = append(g.ops, op)
}

// stray appends an operation of kind k that means nothing, and returns false when there is none.
func (g *generator) stray(k Kind, r uint64) bool {
	row, op, done := &g.tab.rows[k], Op{Kind: k}, false
	for i := range row.args {
		if !row.args[i].slot {
			op.Args[i] = g.number(row.domain[i])
			continue
		}
		p, ok := g.lastDead()
		if n := uint64(len(g.dead)); ok && r&1 != 0 {
			p = g.dead[(r>>1)%n]
		} else if !ok && int(g.next) < len(g.pos) {
			p, ok = g.next, true
		}
		if !ok {
			return false
		}
		op.Args[i], done = uint64(p), done || !g.isLive(p)
	}
	if row.makes {
		switch {
		case len(g.live) > 0:
			op.Def, done = g.live[r%uint64(len(g.live))], true
		case !done:
			return false
		}
	}
	if done {
		g.ops = append(g.ops, op)
	}
	return done
}

// number draws a number of the domain.
func (g *generator) number(domain int16) uint64 {
	num, r := &g.mix.numbers[domain], g.src.Uint64()
	base := g.base[domain]
	switch {
	case g.fixed && r&7 != 0:
		return base
	case g.near && r&7 != 0:
		if n := base + (r>>3)%5 - 2; num.domain.Contains(n) {
			return n
		}
		return base
	}
	return num.draw(r >> 3)
}

// pick returns a live slot. There is one.
func (g *generator) pick(r uint64) Slot {
	n := uint64(len(g.live))
	how := g.order
	if r&7 == 0 {
		how = anyone
	}
	r = r >> 3 & (1<<24 - 1)
	switch how {
	case newest:
		if r&7 != 0 {
			return g.live[n-1]
		}
		return g.live[n-1-min(r>>3&3, n-1)]
	case oldest:
		return g.live[r%min(n, uint64(g.tab.slots.near1))]
	case comb:
		for range 8 {
			g.cursor += g.comb
			if g.cursor >= int(g.next) {
				g.cursor %= g.comb
			}
			if g.isLive(Slot(g.cursor)) {
				return Slot(g.cursor)
			}
		}
	}
	return g.live[r%n]
}
