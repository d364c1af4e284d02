package prog

import (
	"slices"
	"sync"
)

// Motif is a short program that does what random operations seldom do in that order: a weak reference is stored in what
// dies next, a finalizer saves its object, and that dies again. Generate puts motifs into programs, changed a little.
// It is data of a language, as its table is.
//
// A slot that the text defines becomes one that is dead, and one that it only reads becomes one that is live. Now and
// then a number is drawn anew, an operation is left out, and others come between.
type Motif struct {
	Name   string
	Weight int // relative to other motifs
	Text   string
}

// motif is a Motif that was read.
type motif struct {
	weight int
	ops    []Op
	room   int // how many slots of its own it has live at once
}

// With has programs of the language hold motifs. They are read when the first program is generated, which panics when
// the text of one is wrong.
func (l *Lang[S, T]) With(motifs ...Motif) *Lang[S, T] {
	if len(motifs) == 0 {
		return l
	}
	l.motifs = sync.OnceValue(func() (list []motif) {
		for _, m := range motifs {
			ops := l.MustParse(m.Text).Ops
			list = append(list, motif{m.Weight, ops, l.room(ops)})
		}
		return list
	})
	return l
}

// room is how many of the slots that operations define are live at once, at most.
func (s *Spec) room(ops []Op) (most int) {
	own, n := map[Slot]bool{}, 0
	for _, op := range ops {
		switch s.Rows[op.Kind].Role {
		case Make:
			own[op.Def] = true
			n++
		case Kill:
			if at := Slot(op.Args[0]); own[at] {
				own[at] = false
				n--
			}
		}
		most = max(most, n)
	}
	return most
}

// drawMotifs draws the weights of the motifs of a mix: half of the mixes have none, and others half of those whose
// operations are let through. Share of 1024 operations begin one.
func (s *Spec) drawMotifs(src Source, allows func(Kind) bool) (weights []int, share int) {
	if s.motifs == nil || src.IntN(2) == 0 {
		return nil, 0
	}
	motifs := s.motifs()
	weights = make([]int, len(motifs))
	for i, m := range motifs {
		lacks := slices.ContainsFunc(m.ops, func(op Op) bool { return allows != nil && !allows(op.Kind) })
		if w := m.weight * (1 + src.IntN(100)); !lacks && src.IntN(2) == 0 {
			weights[i] = w
		}
	}
	return weights, 8 << src.IntN(6)
}

// play appends a motif of at most n operations to the program. It returns false when the mix has none such.
func (g *generator) play(n int) bool {
	total := 0
	for _, w := range g.mix.motifs {
		total += w
	}
	if total == 0 {
		return false
	}
	x, at := g.src.IntN(total), 0
	for ; x >= g.mix.motifs[at]; at++ {
		x -= g.mix.motifs[at]
	}
	ops := g.motifs[at].ops
	if len(ops) > n || len(g.live)+g.motifs[at].room > len(g.pos) {
		return false
	}
	places := map[Slot]Slot{}
	for _, op := range ops {
		if r := g.src.IntN(32); r == 0 {
			continue
		} else if r < 4 && !g.step() {
			return true
		}
		g.note(op, places)
	}
	return true
}

// note appends an operation of a motif whose slots are at those places so far.
func (g *generator) note(op Op, places map[Slot]Slot) {
	row := &g.tab.rows[op.Kind]
	for i := range row.args {
		if !row.args[i].slot {
			if g.src.IntN(16) == 0 {
				op.Args[i] = g.number(row.domain[i])
			}
			continue
		}
		at, known := places[Slot(op.Args[i])]
		if !known && len(g.live) > 0 {
			at = g.pick(g.src.Uint64())
			places[Slot(op.Args[i])] = at
		}
		op.Args[i] = uint64(at)
	}
	if row.makes {
		if g.full() {
			return
		}
		at := g.free(g.src.IntN(4) == 0)
		places[op.Def] = at
		op.Def = at
	}
	g.apply(op)
	if row.makes && !g.isLive(op.Def) && op.Def < g.next { // what it reads is dead, and the slot is free still
		g.dead = append(g.dead, op.Def)
	}
	g.ops = append(g.ops, op)
}
