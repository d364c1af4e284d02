package props

import (
	"encoding/binary"
	"hash/fnv"
	"slices"

	"heapfuzz/props/prog"
)

// MinimizeOptions bound the work of Minimize.
type MinimizeOptions struct {
	RunsMax int // programs run at most; 0 means 5000
}

// MinimizeStats tells what Minimize did. Minimal is a certificate: no single operation can be left out and no number made one
// smaller without losing the signature.
type MinimizeStats struct {
	From, To int // operations
	Runs     int // programs run
	Again    int // programs that had been tried before and were not run again
	Minimal  bool
}

// Minimize returns a finding of the same signature whose program is as short as it could be made: runs of operations are taken
// out, then single operations, then all that speak of one slot; blocks are made in the plainest way; the world's numbers become 0,
// other numbers go down to an edge of
// their domain and then further; slots are renumbered. All this is repeated until nothing helps. The result is a function of the
// finding alone.
func Minimize(s *Subject, prop Property, f *Finding, opt MinimizeOptions) (*Finding, MinimizeStats) {
	m := &minimizer{s: s, prop: prop, sign: f.Signature(), best: f.Program.Clone(), tried: map[[16]byte]bool{}}
	m.runsMax = opt.RunsMax
	if m.runsMax == 0 {
		m.runsMax = 5000
	}
	m.stats.From = len(f.Program.Ops)
	m.tried[key(m.best)] = true
	if f.At < len(m.best.Ops) {
		m.try(prog.Program{World: m.best.World, Ops: m.best.Ops[:f.At+1]})
	}
	for changed := true; changed && !m.spent(); {
		changed = m.runs()
		changed = m.slots() || changed
		changed = m.world() || changed
		changed = m.plainer() || changed
		changed = m.numbers() || changed
		changed = m.try(m.s.Spec.Renumber(m.best)) || changed
	}
	m.stats.To, m.stats.Minimal = len(m.best.Ops), !m.spent()
	small := &Finding{Property: f.Property, Target: f.Target, Program: m.best, Refutation: f.Refutation}
	m.runner.Look = true
	if again, err := prop.Check(s, &m.runner, m.best); err == nil && again != nil {
		small.Refutation = again
	}
	return small, m.stats
}

// minimizer is the state of one Minimize. best only ever changes to a program that was run and has the signature.
type minimizer struct {
	s       *Subject
	prop    Property
	sign    string
	best    prog.Program
	tried   map[[16]byte]bool
	runner  Runner
	runsMax int
	stats   MinimizeStats
}

func (m *minimizer) spent() bool { return m.stats.Runs >= m.runsMax }

// try makes p the best program if it shows the same defect.
func (m *minimizer) try(p prog.Program) bool {
	k := key(p)
	if m.tried[k] {
		m.stats.Again++
		return false
	}
	if m.spent() {
		return false
	}
	m.tried[k] = true
	m.stats.Runs++
	r, err := m.prop.Check(m.s, &m.runner, p)
	if err != nil || r == nil || m.prop.Name+": "+r.Violation.Signature() != m.sign {
		return false
	}
	m.best = p.Clone()
	if r.At+1 < len(m.best.Ops) && m.prop.Name == Conforms.Name {
		m.best.Ops = m.best.Ops[:r.At+1] // what stands behind the fault was never asked
		m.tried[key(m.best)] = true
	}
	return true
}

// key names a program among those tried: 128 bits of hash, so that no two that meet in one minimization collide.
func key(p prog.Program) (k [16]byte) {
	h := fnv.New128a()
	var b [40]byte
	for _, n := range p.World {
		binary.LittleEndian.PutUint64(b[:], n)
		h.Write(b[:8])
	}
	for _, op := range p.Ops {
		binary.LittleEndian.PutUint32(b[0:], uint32(op.Kind))
		binary.LittleEndian.PutUint32(b[4:], uint32(op.Def))
		for i, a := range op.Args {
			binary.LittleEndian.PutUint64(b[8+8*i:], a)
		}
		h.Write(b[:32])
	}
	h.Sum(k[:0])
	return k
}

// runs takes out stretches of operations, of half the program and less, down to one, from the back: what stands late depends on
// what stands early.
func (m *minimizer) runs() (changed bool) {
	for n := max(1, len(m.best.Ops)/2); n > 0; n /= 2 {
		for from := len(m.best.Ops) - n; from > -n; from -= n {
			if len(m.best.Ops) == 0 || from >= len(m.best.Ops) {
				continue
			}
			lo := max(from, 0)
			hi := min(max(from+n, 1), len(m.best.Ops))
			p := m.best.Clone()
			p.Ops = slices.Delete(p.Ops, lo, hi)
			changed = m.try(p) || changed
		}
	}
	return changed
}

// slots takes out everything that speaks of one slot: an allocation and its free, neither of which can go alone.
func (m *minimizer) slots() (changed bool) {
	seen := map[prog.Slot]bool{}
	for i := 0; i < len(m.best.Ops); i++ {
		slot, ok := m.s.slotOf(m.best.Ops[i])
		if !ok || seen[slot] {
			continue
		}
		seen[slot] = true
		p := m.best.Clone()
		p.Ops = slices.DeleteFunc(p.Ops, func(op prog.Op) bool { s, ok := m.s.slotOf(op); return ok && s == slot })
		if m.try(p) {
			changed, i = true, -1
		}
	}
	return changed
}

// slotOf returns the slot that an operation defines or works on.
func (s *Subject) slotOf(op prog.Op) (prog.Slot, bool) {
	switch s.Spec.Rows[op.Kind].Role {
	case prog.Make:
		return op.Def, true
	case prog.Kill, prog.Use:
		return prog.Slot(op.Args[0]), true
	}
	return 0, false
}

func (m *minimizer) world() (changed bool) {
	for i, a := range m.s.Spec.World {
		set := func(n uint64) bool {
			p := m.best.Clone()
			p.World[i] = n
			return m.try(p)
		}
		changed = lower(m.best.World[i], a.Domain.Edges, set) || changed
	}
	return changed
}

// plainer puts the table's first way to make a block where another was, with the numbers that both have.
func (m *minimizer) plainer() (changed bool) {
	plain, ok := m.s.first(prog.Make)
	if !ok {
		return false
	}
	for at := 0; at < len(m.best.Ops); at++ {
		op := m.best.Ops[at]
		if op.Kind == plain || m.s.Spec.Rows[op.Kind].Role != prog.Make {
			continue
		}
		q := prog.Op{Kind: plain, Def: op.Def}
		for i, a := range m.s.Spec.Rows[plain].Args {
			for j, b := range m.s.Spec.Rows[op.Kind].Args {
				if a.Name == b.Name {
					q.Args[i] = op.Args[j]
				}
			}
		}
		p := m.best.Clone()
		p.Ops[at] = q
		changed = m.try(p) || changed
	}
	return changed
}

func (m *minimizer) numbers() (changed bool) {
	for at := len(m.best.Ops) - 1; at >= 0; at-- {
		if at >= len(m.best.Ops) {
			continue
		}
		for i, a := range m.s.Spec.Rows[m.best.Ops[at].Kind].Args {
			if a.Domain.IsSlot || at >= len(m.best.Ops) {
				continue
			}
			set := func(n uint64) bool {
				if at >= len(m.best.Ops) || !a.Domain.Contains(n) {
					return false
				}
				p := m.best.Clone()
				p.Ops[at].Args[i] = n
				return m.try(p)
			}
			changed = lower(m.best.Ops[at].Args[i], a.Domain.Edges, set) || changed
		}
	}
	return changed
}

// lower makes a number smaller as long as set takes it: the least numbers at once, then from edge to edge, then by halves, then
// by ones. A size ends at the class boundary that matters, or as the least number of its class.
func lower(n uint64, edges []uint64, set func(uint64) bool) (changed bool) {
	take := func(to uint64) bool {
		if to >= n || !set(to) {
			return false
		}
		n, changed = to, true
		return true
	}
	for _, least := range []uint64{0, 1, 8, 16} {
		if take(least) {
			break
		}
	}
	below := slices.Clone(edges)
	slices.Sort(below)
	for i := len(below) - 1; i >= 0; i-- {
		if below[i] < n && !take(below[i]) && i%4 != 0 {
			i -= 3 // the next few edges are of the same boundary
		}
	}
	for step := n / 2; step > 0; step /= 2 {
		for n >= step && take(n-step) {
		}
	}
	return changed
}
