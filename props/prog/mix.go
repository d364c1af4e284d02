package prog

import "math/bits"

// Source is where the generator takes its choices from: *math/rand/v2.Rand is one, and so can be a property tester's
// own draws. What is generated is a function of the answers of the source alone.
type Source interface {
	Uint64() uint64
	IntN(n int) int // in [0, n)
}

// Mix is what one run does more of than another: which kinds of operations there are and how often, which sizes of
// numbers. The reason is swarm testing: a bug that needs a full table does not show while a third of the operations are
// frees, and one that needs 500 blocks of one class does not show while sizes are drawn from everywhere. A uniform mix
// is always in the middle.
type Mix struct {
	Weights []int // of each kind; 0: switched off
	numbers []numbers

	motifs     []int // weights of the language's motifs
	motifShare int   // of 1024 operations so many begin one
}

// numbers is how a Mix draws from one domain: an edge, a small number, or first a size range and then a number in it.
type numbers struct {
	domain   *Domain
	edgeTill uint64   // of 256 draws so many are edges,
	nearTill uint64   // and those from there up to here are 0..Near
	ranges   uint64   // a bit for each size range that is on; the last, 63, holds 64 bits too
	lens     []uint8  // the size ranges that are on and not above Max
	edges    []uint64 // those in ranges that are on
	far      []uint64 // those that are above Max: drawn rarely, since they are mostly refused
}

// NewMix draws a mix from the kinds that allows lets through; nil lets all through. Kinds of weight 0 are never in it.
// It is never empty, and has a Make that reads no slot, unless no kind is let through that would do.
func (s *Spec) NewMix(src Source, allows func(Kind) bool) Mix {
	m := s.Uniform(allows)
	off := src.IntN(4) // quarters of the kinds to switch off, about: 0 to 3
	for k, w := range m.Weights {
		m.Weights[k] = w * (1 + src.IntN(100))
		if src.IntN(4) < off {
			m.Weights[k] = 0
		}
	}
	s.ensure(src, &m, allows, s.Rows)
	for i := range m.numbers {
		m.numbers[i].swarm(src)
	}
	m.motifs, m.motifShare = s.drawMotifs(src, allows)
	return m
}

// Uniform returns the mix of all kinds that allows lets through by their weights, and of all numbers. It is for
// comparison and for runs that have to be like each other.
func (s *Spec) Uniform(allows func(Kind) bool) Mix {
	t := s.tables()
	m := Mix{Weights: make([]int, len(s.Rows)), numbers: make([]numbers, len(t.domains))}
	for k := range s.Rows {
		if allows == nil || allows(Kind(k)) {
			m.Weights[k] = s.Rows[k].Weight
		}
	}
	for i, d := range t.domains {
		m.numbers[i] = newNumbers(d, 96, 176, ^uint64(0))
	}
	return m
}

// ensure switches on again what a mix cannot do without: a Make that needs no slot, and if there is none, anything.
func (s *Spec) ensure(src Source, m *Mix, allows func(Kind) bool, rows []Info) {
	var makers, any []Kind
	for k := range rows {
		if rows[k].Weight == 0 || allows != nil && !allows(Kind(k)) {
			continue
		}
		any = append(any, Kind(k))
		if s.tables().rows[k].starts() {
			makers = append(makers, Kind(k))
		}
	}
	for _, must := range [][]Kind{makers, any} {
		on := len(must) == 0
		for _, k := range must {
			on = on || m.Weights[k] > 0
		}
		if !on {
			k := must[src.IntN(len(must))]
			m.Weights[k] = rows[k].Weight * (1 + src.IntN(100))
		}
	}
}

// newNumbers draws from the size ranges of d that are set in ranges, from all of them if that leaves no number.
func newNumbers(d *Domain, edges, near int, ranges uint64) numbers {
	n := numbers{domain: d, ranges: ranges, lens: make([]uint8, 0, 23), edges: make([]uint64, 0, len(d.Edges))}
	for k := range sizeRange(d.Max) + 1 {
		if n.on(k) {
			n.lens = append(n.lens, uint8(k))
		}
	}
	for _, e := range d.Edges {
		switch {
		case !n.on(sizeRange(e)):
		case e > d.Max && !d.edgy():
			n.far = append(n.far, e)
		default:
			n.edges = append(n.edges, e)
		}
	}
	switch {
	case len(n.edges) == 0 && (len(n.lens) == 0 || d.edgy()):
		return newNumbers(d, edges, near, ^uint64(0))
	case len(n.lens) == 0: // no number is on but the edges of a domain that has nothing else
		edges = 256
	case d.edgy():
		edges = 252
	case len(n.edges) == 0 && len(n.far) == 0:
		edges = 0
	}
	n.edgeTill, n.nearTill = uint64(edges), uint64(max(edges, near))
	return n
}

func (n *numbers) on(k int) bool { return n.ranges>>min(k, 63)&1 != 0 }

// swarm switches size ranges off in three of four mixes, either some of them or all but one or two neighbours, and
// draws how much edges and small numbers count.
func (n *numbers) swarm(src Source) {
	ranges := ^uint64(0)
	switch src.IntN(4) {
	case 0:
	case 1, 2:
		ranges = src.Uint64()
	case 3:
		ranges = uint64(1+2*src.IntN(2)) << src.IntN(sizeRange(n.domain.Max)+1)
	}
	edges := [...]int{16, 64, 128, 224}[src.IntN(4)]
	*n = newNumbers(n.domain, edges, edges+src.IntN(256-edges), ranges)
}

// draw returns a number, for one number of the source.
func (n *numbers) draw(r uint64) uint64 {
	form := r & 0xFF
	r >>= 8
	if form < n.edgeTill {
		switch {
		case len(n.far) > 0 && r>>40&15 == 0:
			return n.far[r%uint64(len(n.far))]
		case len(n.edges) > 0:
			return n.edges[r%uint64(len(n.edges))]
		}
	} else if form < n.nearTill {
		if v := r % (n.domain.Near + 1); n.on(sizeRange(v)) {
			return v
		}
	}
	k := n.lens[r&0xFF%uint64(len(n.lens))]
	if k == 0 {
		return 0
	}
	low := uint64(1) << (k - 1)
	return low + (r>>8)%(min(2*low-1, n.domain.Max)-low+1)
}

// lengths are shares of a hundred: of programs of 10 to 19 operations, of 20 to 39, and so on. Half of the programs are
// shorter than about 150 operations, which is where minimal bugs live, and one in nine is longer than 1280, where
// thresholds are crossed.
var lengths = [...]int{12, 12, 12, 16, 16, 12, 9, 6, 3, 2}

// LengthMin and LengthMax bound what Length draws, and LengthMax what Mutate makes.
const (
	LengthMin = 10
	LengthMax = 10_000

	lengthWorldly = 256
)

// Length draws the length of a program of the language.
func (s *Spec) Length(src Source) int {
	if s.worldly {
		return min(Length(src), lengthWorldly)
	}
	return Length(src)
}

// Length draws the length of a program.
func Length(src Source) int {
	x := src.IntN(100)
	for i, share := range lengths {
		if x < share {
			n := LengthMin << i
			return min(n+src.IntN(n), LengthMax)
		}
		x -= share
	}
	panic("prog: the lengths do not add up to a hundred")
}

// logUniform draws a number from 1 to n such that each power of two is as likely as the next.
func logUniform(src Source, n int) int {
	e := src.IntN(bits.Len(uint(n)))
	return min(1<<e+src.IntN(1<<e), n)
}
