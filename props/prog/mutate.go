package prog

import "slices"

// Mutate returns a program that is like p in most respects. It is for seeds and for recorded traces: what is kept of p
// is the order in which a real program asks, and what is changed is a run that is deleted, repeated or moved, a number,
// or some operations that are generated for the state at their place. No more than LengthMax operations come out of it.
//
// Of a program that is longer than half of that, or whose slots are beyond their domain, a window is taken first.
func (s *Spec) Mutate(src Source, p Program) Program {
	t := s.tables()
	q := Program{World: p.World}
	if len(p.Ops) > LengthMax/2 || s.slotsAbove(p, uint64(t.slots.max1)-1) {
		q.Ops = s.window(src, p.Ops)
	} else {
		q.Ops = slices.Clone(p.Ops)
	}
	for range 1 + src.IntN(1<<src.IntN(4)) {
		s.mutateOnce(src, p, &q)
		q.Ops = q.Ops[:min(len(q.Ops), LengthMax)]
	}
	return q
}

func (s *Spec) mutateOnce(src Source, p Program, q *Program) {
	n := len(q.Ops)
	if n == 0 {
		s.insert(src, p, q, 0, false)
		return
	}
	at := src.IntN(n)
	till := at + logUniform(src, n-at)
	switch src.IntN(10) {
	case 0, 1:
		q.Ops = slices.Delete(q.Ops, at, till)
	case 2: // a run again, which is mostly strays where it defines slots
		q.Ops = slices.Insert(q.Ops, src.IntN(n+1), slices.Clone(q.Ops[at:till])...)
	case 3: // a run again on slots of its own
		q.Ops = slices.Insert(q.Ops, till, s.elsewhere(q.Ops, q.Ops[at:till])...)
	case 4: // a run elsewhere
		moved := slices.Clone(q.Ops[at:till])
		q.Ops = slices.Delete(q.Ops, at, till)
		q.Ops = slices.Insert(q.Ops, src.IntN(len(q.Ops)+1), moved...)
	case 5: // an operation many times
		q.Ops = slices.Insert(q.Ops, at, slices.Repeat(q.Ops[at:at+1], logUniform(src, 64))...)
	case 6, 7:
		s.changeNumbers(src, q, at, min(till, at+8))
	case 8:
		s.insert(src, p, q, at, false)
	case 9:
		s.insert(src, p, q, at, true)
	}
}

// insert generates operations for the state before place at; with cut, what followed is given up. Kinds that ask for a
// promise are generated only if p has them, as they stand for themselves that the promise is given.
func (s *Spec) insert(src Source, p Program, q *Program, at int, cut bool) {
	has := make([]bool, len(s.Rows))
	for _, op := range p.Ops {
		has[op.Kind] = true
	}
	mix := s.NewMix(src, func(k Kind) bool { return s.Rows[k].Needs == 0 || has[k] })
	g := newGenerator(s, src, mix)
	for _, op := range q.Ops[:at] {
		g.apply(op)
	}
	g.run(logUniform(src, 256))
	if cut {
		q.Ops = append(q.Ops[:at], g.ops...)
	} else {
		q.Ops = slices.Insert(q.Ops, at, g.ops...)
	}
}

// changeNumbers changes one number of each operation in the range, and now and then of the world.
func (s *Spec) changeNumbers(src Source, q *Program, at, till int) {
	if src.IntN(8) == 0 {
		q.World = s.drawWorld(src)
	}
	mix, t := s.Uniform(nil), s.tables()
	for i := at; i < till; i++ {
		op := &q.Ops[i]
		row := &t.rows[op.Kind]
		if len(row.args) == 0 {
			continue
		}
		a := src.IntN(len(row.args))
		if row.args[a].slot {
			op.Args[a] = uint64(t.slots.slotOf(uint32(src.IntN(1 << 16))))
			continue
		}
		num := &mix.numbers[row.domain[a]]
		switch src.IntN(4) {
		case 0:
			op.Args[a] = num.domain.Fold(op.Args[a] + 1)
		case 1:
			op.Args[a] = num.domain.Fold(op.Args[a] - 1)
		default:
			op.Args[a] = num.draw(src.Uint64())
		}
	}
}

// elsewhere returns the run with each slot that it defines replaced by one that no operation of all names. Where these
// run out, the slot stays.
func (s *Spec) elsewhere(all, run []Op) []Op {
	t := s.tables()
	used := make([]bool, t.slots.max1)
	s.eachSlot(all, func(p uint64) uint64 { used[p] = true; return p })
	next := 0
	to := map[uint64]uint64{}
	for _, op := range run {
		if _, seen := to[uint64(op.Def)]; t.rows[op.Kind].makes && !seen {
			for next < len(used) && used[next] {
				next++
			}
			if next < len(used) {
				to[uint64(op.Def)] = uint64(next)
				next++
			}
		}
	}
	run = slices.Clone(run)
	s.eachSlot(run, func(p uint64) uint64 {
		if q, ok := to[p]; ok {
			return q
		}
		return p
	})
	return run
}

// window returns a stretch of ops that begins with no slot live, in slots of the domain. An operation on a block that
// was made before has nothing to act on there and is left out, and so is a Make when all slots are taken. A slot's
// number is used again after its death, so that the slots of a domain are enough for as long a stretch as has no more
// live at a time.
func (s *Spec) window(src Source, ops []Op) []Op {
	t, n := s.tables(), max(LengthMin, logUniform(src, LengthMax/2), logUniform(src, LengthMax/2))
	n = min(n, len(ops))
	from := src.IntN(len(ops) - n + 1)
	to, dead, next := map[uint64]uint64{}, []uint64(nil), uint64(0)
	var out []Op
next:
	for _, op := range ops[from : from+n] {
		row := &t.rows[op.Kind]
		first := op.Args[0]
		for i := range row.args {
			if row.args[i].slot {
				p, ok := to[op.Args[i]]
				if !ok {
					continue next
				}
				op.Args[i] = p
			}
		}
		switch row.role {
		case Make:
			p, again := to[uint64(op.Def)]
			switch {
			case again: // stays what it is, an operation that means nothing
			case len(dead) > 0:
				p, dead = dead[len(dead)-1], dead[:len(dead)-1]
			case next < uint64(t.slots.max1):
				p = next
				next++
			default:
				continue next
			}
			to[uint64(op.Def)], op.Def = p, Slot(p)
		case Kill:
			delete(to, first)
			dead = append(dead, op.Args[0])
		case KillAll:
			clear(to)
			dead, next = dead[:0], 0
		}
		out = append(out, op)
	}
	return out
}

// Renumber returns p with its slots numbered 0, 1, 2, ... in the order in which its text names them first.
func (s *Spec) Renumber(p Program) Program {
	p = p.Clone()
	to := map[uint64]uint64{}
	s.eachSlot(p.Ops, func(slot uint64) uint64 {
		n, ok := to[slot]
		if !ok {
			n = uint64(len(to))
			to[slot] = n
		}
		return n
	})
	return p
}

// eachSlot replaces every slot in ops by what f makes of it, in the order of the text.
func (s *Spec) eachSlot(ops []Op, f func(uint64) uint64) {
	t := s.tables()
	for i := range ops {
		op := &ops[i]
		row := &t.rows[op.Kind]
		if row.makes {
			op.Def = Slot(f(uint64(op.Def)))
		}
		for a := range row.args {
			if row.args[a].slot {
				op.Args[a] = f(op.Args[a])
			}
		}
	}
}

// slotsAbove tells whether p names a slot above most.
func (s *Spec) slotsAbove(p Program, most uint64) bool {
	t := s.tables()
	for _, op := range p.Ops {
		row := &t.rows[op.Kind]
		if row.makes && uint64(op.Def) > most {
			return true
		}
		for a := range row.args {
			if row.args[a].slot && op.Args[a] > most {
				return true
			}
		}
	}
	return false
}
