package props

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	"heapfuzz/props/prog"
)

// MinimizeOptions bound the work of Minimize, by what is run and not by the clock, so that the result is the same
// everywhere.
type MinimizeOptions struct {
	RunsMax int // programs run at most; 0 means 5000
	OpsMax  int // operations in them, a little more at most; 0 means 2 million
}

// MinimizeStats tells what Minimize did. Minimal is a certificate: no single operation can be left out and no number
// made one smaller without losing the signature, but for the frees that write out what the epilogue does. Flaky means
// that the finding's own program, run again, did not show it; nothing is tried then.
type MinimizeStats struct {
	From, To       int // operations
	Runs           int // programs run
	Again          int // programs that had been tried before and were not run again
	Minimal, Flaky bool
}

// Minimize returns a finding of the same signature whose program is as short as it could be made: stretches of
// operations are taken out, then single operations, pairs of them, and all that speak of one slot; two slots become one
// where the language has slots that hold one thing; blocks are made at once and in the plainest way; the world's
// numbers become 0; other numbers go down to an edge of their domain and then further, alone and together with their
// equals; slots are renumbered. All this is repeated until nothing helps. The result is a function of the finding
// alone.
func Minimize(s *Subject, prop Property, f *Finding, opt MinimizeOptions) (*Finding, MinimizeStats) {
	m := &minimizer{s: s, prop: prop, sign: f.Signature(), tried: map[key]bool{}}
	m.runsMax, m.opsMax = cmp.Or(opt.RunsMax, 5000), cmp.Or(opt.OpsMax, 2_000_000)
	m.stats.From, m.stats.To = len(f.Program.Ops), len(f.Program.Ops)
	if !m.try(f.Program) {
		m.stats.Flaky = true
		return f, m.stats
	}
	m.idle(f)
	m.explicit()
	for changed := true; changed && !m.spent(); {
		changed = m.runs()
		changed = m.merge() || changed
		changed = m.aliases() || changed
		changed = m.slots() || changed
		changed = m.pairs() || changed
		changed = m.explicit() || changed
		changed = m.world() || changed
		changed = m.plainer() || changed
		changed = m.numbers() || changed
		changed = m.try(m.s.Spec.Renumber(m.best)) || changed
		if !changed && !m.spent() {
			changed = m.single()
			m.stats.Minimal = !changed && !m.spent()
		}
	}
	m.unfold()
	m.stats.To = len(m.best.Ops)
	small := &Finding{Property: f.Property, Target: f.Target, Program: m.best, Refutation: m.refuted}
	m.runner.Look = true
	for range max(1, s.Repeats) {
		again, err := prop.Check(s, &m.runner, m.best)
		if err == nil && again != nil && m.signature(again) == m.sign {
			small.Refutation = again
			break
		}
	}
	return small, m.stats
}

// minimizer is the state of one Minimize. best only ever changes to a program that was run and has the signature, or to
// the part of one that was asked.
type minimizer struct {
	s       *Subject
	prop    Property
	sign    string
	best    prog.Program
	refuted *Refutation // how best refutes the property
	tried   map[key]bool
	runner  Runner
	runsMax int
	opsMax  int
	ops     int // run so far
	stats   MinimizeStats
}

func (m *minimizer) spent() bool { return m.stats.Runs >= m.runsMax || m.ops >= m.opsMax }

func (m *minimizer) signature(r *Refutation) string {
	return m.prop.Name + ": " + r.Violation.Signature()
}

// shows runs p and returns how it refutes the property, nil if it shows no defect or another one. Of a target that is
// not the same each time, more than half of the runs have to show it.
func (m *minimizer) shows(p prog.Program) (shown *Refutation) {
	runs := max(1, m.s.Repeats)
	for left, need := runs, runs/2+1; need > 0; left-- {
		if left < need {
			return nil
		}
		m.stats.Runs++
		m.ops += len(p.Ops)
		r, err := m.prop.Check(m.s, &m.runner, p)
		if err == nil && r != nil && m.signature(r) == m.sign {
			if shown == nil || r.At > shown.At { // what stands behind At is left out, and may be what others need
				shown = r
			}
			need--
		}
	}
	return shown
}

// unfold writes out the drain of the epilogue, when it is there that the fault shows: with a line for each block that
// has to be freed a reader sees, and blame tells, which free it was. A program that is minimized once more ends in the
// same lines.
func (m *minimizer) unfold() {
	at := m.refuted.At
	kill, ok := m.s.first(prog.Kill)
	if !ok || m.prop.Name != Conforms.Name || at < len(m.best.Ops) || at >= len(m.refuted.Ops) || // closing failed
		m.s.Spec.Rows[m.refuted.Ops[at].Kind].Role != prog.KillAll {
		return
	}
	q := m.best.Clone()
	for _, slot := range m.s.liveAfter(m.best.Ops, m.refuted.Trace) {
		q.Ops = append(q.Ops, prog.Op{Kind: kill, Args: [prog.ArgsMax]uint64{uint64(slot)}})
	}
	r := m.shows(q)
	if r == nil || r.At >= len(q.Ops) {
		return
	}
	q.Ops = q.Ops[:r.At+1]
	for i := len(q.Ops) - 2; i >= len(m.best.Ops); i-- {
		p := q.Clone()
		p.Ops = slices.Delete(p.Ops, i, i+1)
		if less := m.shows(p); less != nil && less.At == len(p.Ops)-1 {
			q, r = p, less
		}
	}
	m.best, m.refuted = q, r
}

// liveAfter returns the slots that hold something after the operations were answered so, in order.
func (s *Subject) liveAfter(ops []prog.Op, answers prog.Trace) []prog.Slot {
	live := map[prog.Slot]bool{}
	for i, op := range ops {
		if answers[i].Status != prog.OK {
			continue
		}
		switch slot, _ := s.slotOf(op); s.Spec.Rows[op.Kind].Role {
		case prog.Make:
			live[slot] = true
		case prog.Kill:
			delete(live, slot)
		case prog.KillAll:
			clear(live)
		}
	}
	return slices.Sorted(maps.Keys(live))
}

// try makes p the best program if it shows the same defect.
func (m *minimizer) try(p prog.Program) bool {
	k := keyOf(p)
	if m.tried[k] {
		m.stats.Again++
		return false
	}
	if m.spent() {
		return false
	}
	m.tried[k] = true
	r := m.shows(p)
	if r == nil {
		return false
	}
	m.best, m.refuted = p.Clone(), r
	if r.From == nil && r.At+1 < len(p.Ops) {
		m.best.Ops = m.best.Ops[:r.At+1] // what stands behind the fault was never asked
		m.tried[keyOf(m.best)] = true
	}
	return true
}

// without tries the best program without the operations that drop tells.
func (m *minimizer) without(drop func(i int) bool) bool {
	p := prog.Program{World: m.best.World, Ops: make([]prog.Op, 0, len(m.best.Ops))}
	for i, op := range m.best.Ops {
		if !drop(i) {
			p.Ops = append(p.Ops, op)
		}
	}
	return len(p.Ops) < len(m.best.Ops) && m.try(p)
}

// idle takes out at once what had no effect in the run that failed: in a long program half may be skipped.
func (m *minimizer) idle(f *Finding) {
	if f.From != nil || len(f.Trace) < len(m.best.Ops) {
		return
	}
	m.without(func(i int) bool { return i != f.At && f.Trace[i].Status == prog.Skip })
}

// explicit has the program ask for what happened by itself, so that a reader sees when it happened. The program may
// become longer at first.
func (m *minimizer) explicit() bool {
	if m.s.Explicit == nil || m.refuted.From != nil {
		return false
	}
	p, ok := m.s.Explicit(m.best, m.refuted.Trace)
	return ok && m.try(p)
}

// runs takes out stretches of operations, of half the program and less, down to one, from the back: what stands late
// depends on what stands early.
func (m *minimizer) runs() (changed bool) {
	for n := max(1, len(m.best.Ops)/2); n > 0; n /= 2 {
		for from := len(m.best.Ops) - n; from > -n; from -= n {
			changed = m.without(func(i int) bool { return from <= i && i < from+n }) || changed
		}
	}
	return changed
}

// mergeMax bounds the number that merge makes: one that no target takes is no better than many that it does.
const mergeMax = 1 << 28

// merge makes one block of two, of both their numbers: where much has to be taken before a fault shows, a few
// operations take it. In a program that is still long the number may leave its domain, so that only text can hold the
// program.
func (m *minimizer) merge() (changed bool) {
	plain, ok := m.s.first(prog.Make)
	if !ok || len(m.s.Spec.Rows[plain].Args) != 1 || m.s.Spec.Rows[plain].Args[0].Domain.IsSlot {
		return false
	}
	for at := len(m.best.Ops) - 1; at > 0; at-- {
		if at >= len(m.best.Ops) || m.best.Ops[at].Kind != plain {
			continue
		}
		into := at - 1
		for into >= 0 && m.best.Ops[into].Kind != plain {
			into--
		}
		if into < 0 {
			break
		}
		p := m.best.Clone()
		sum := p.Ops[into].Args[0] + p.Ops[at].Args[0]
		if sum > mergeMax || sum < p.Ops[at].Args[0] {
			continue
		}
		if d := m.s.Spec.Rows[plain].Args[0].Domain; len(m.best.Ops) <= pairsMax && !d.Contains(sum) {
			continue
		}
		p.Ops[into].Args[0] = sum
		p.Ops = slices.Delete(p.Ops, at, at+1)
		changed = m.try(p) || changed
	}
	return changed
}

// aliases makes one slot of two in languages where two may hold one thing: an operation that makes a slot goes, and
// what speaks of that slot speaks of another. If the slot was made of the other, as if both held the same, nothing is
// lost by it. In a short program any two are tried: a cycle of three becomes one of two, and that an object that refers
// to itself.
func (m *minimizer) aliases() (changed bool) {
	copies := func(kind prog.Kind) bool {
		row := &m.s.Spec.Rows[kind]
		return row.Role == prog.Make && len(row.Args) > 0 && row.Args[0].Domain.IsSlot
	}
	shares := false
	for k := range m.s.Spec.Rows {
		shares = shares || copies(prog.Kind(k))
	}
	for at := len(m.best.Ops) - 1; at >= 0 && shares; at-- {
		if at >= len(m.best.Ops) || m.s.Spec.Rows[m.best.Ops[at].Kind].Role != prog.Make {
			continue
		}
		var others []prog.Slot
		if op := m.best.Ops[at]; copies(op.Kind) {
			others = append(others, prog.Slot(op.Args[0]))
		}
		if len(m.best.Ops) <= pairsMax {
			for _, op := range m.best.Ops[:at] {
				if m.s.Spec.Rows[op.Kind].Role == prog.Make && !slices.Contains(others, op.Def) {
					others = append(others, op.Def)
				}
			}
		}
		if slices.ContainsFunc(others, func(other prog.Slot) bool {
			return m.try(m.aliased(at, other, true)) || m.try(m.aliased(at, other, false))
		}) {
			changed = true
		}
	}
	return changed
}

// aliased is the best program without the operation at an index that makes a slot, with the other slot in its place up
// to where it is made once more. What two slots held is given up when the second is emptied: so, if asked for, the
// first operation that empties one of them goes too.
func (m *minimizer) aliased(at int, other prog.Slot, once bool) prog.Program {
	slot := m.best.Ops[at].Def
	p := prog.Program{World: m.best.World, Ops: slices.Clone(m.best.Ops[:at])}
	same := true
	for _, op := range m.best.Ops[at+1:] {
		row := &m.s.Spec.Rows[op.Kind]
		if row.Role == prog.Make && op.Def == slot {
			same = false
		}
		if same && row.Role == prog.Kill && once && (op.Args[0] == uint64(slot) || op.Args[0] == uint64(other)) {
			once = false
			continue
		}
		for i, a := range row.Args {
			if same && a.Domain.IsSlot && op.Args[i] == uint64(slot) {
				op.Args[i] = uint64(other)
			}
		}
		p.Ops = append(p.Ops, op)
	}
	return p
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
		ops := m.best.Ops
		if m.without(func(i int) bool { s, ok := m.s.slotOf(ops[i]); return ok && s == slot }) {
			changed, i = true, -1
		}
	}
	return changed
}

// pairsMax is the length up to which any two operations are taken out together: 276 runs.
const pairsMax = 24

func (m *minimizer) pairs() (changed bool) {
	for a := len(m.best.Ops) - 1; a > 0; a-- {
		for b := a - 1; b >= 0 && a < len(m.best.Ops) && len(m.best.Ops) <= pairsMax; b-- {
			changed = m.without(func(i int) bool { return i == a || i == b }) || changed
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
		changed = lower(m.best.World[i], a.Domain, func(n uint64) bool {
			p := m.best.Clone()
			p.World[i] = n
			return m.try(p)
		}) || changed
	}
	return changed
}

// plainer makes blocks in the table's first way, with the numbers that both ways have, and at once with the numbers to
// which a later operation changes them.
func (m *minimizer) plainer() (changed bool) {
	plain, ok := m.s.first(prog.Make)
	if !ok {
		return false
	}
	for at := 0; at < len(m.best.Ops); at++ {
		switch op := m.best.Ops[at]; m.s.Spec.Rows[op.Kind].Role {
		case prog.Make:
			p := m.best.Clone()
			p.Ops[at] = m.with(prog.Op{Kind: plain, Def: op.Def}, op)
			changed = op.Kind != plain && m.try(p) || changed
		case prog.Use:
			made := slices.IndexFunc(m.best.Ops, func(o prog.Op) bool {
				return m.s.Spec.Rows[o.Kind].Role == prog.Make && uint64(o.Def) == op.Args[0]
			})
			if made < 0 || made > at {
				continue
			}
			p := m.best.Clone()
			p.Ops[made] = m.with(p.Ops[made], op)
			p.Ops = slices.Delete(p.Ops, at, at+1)
			changed = m.try(p) || changed
		}
	}
	return changed
}

// with returns op with the numbers of another operation, as far as both have them.
func (m *minimizer) with(op, other prog.Op) prog.Op {
	for i, a := range m.s.Spec.Rows[op.Kind].Args {
		for j, b := range m.s.Spec.Rows[other.Kind].Args {
			if a.Name == b.Name && !a.Domain.IsSlot {
				op.Args[i] = other.Args[j]
			}
		}
	}
	return op
}

// numbers makes each number smaller, those of late operations first, and then all that are equal together: two blocks
// that have to be of one class.
func (m *minimizer) numbers() (changed bool) {
	for _, together := range []bool{false, true} {
		for at := len(m.best.Ops) - 1; at >= 0; at-- {
			for i := range prog.ArgsMax {
				changed = m.number(at, i, together) || changed
			}
		}
	}
	return changed
}

// number makes one number smaller, or with it all of its domain that are equal to it.
func (m *minimizer) number(at, i int, together bool) bool {
	d := m.domain(at, i)
	if d == nil {
		return false
	}
	n := m.best.Ops[at].Args[i]
	return lower(n, d, func(to uint64) bool {
		if at >= len(m.best.Ops) {
			return false // a smaller number made the program fail earlier
		}
		p, set := m.best.Clone(), 0
		for k := range p.Ops {
			for j := range prog.ArgsMax {
				if k == at && j == i || together && m.domain(k, j) == d && p.Ops[k].Args[j] == n {
					p.Ops[k].Args[j] = to
					set++
				}
			}
		}
		if together && set == 1 || !m.try(p) {
			return false
		}
		n = to
		return true
	})
}

// domain returns the domain of an argument of an operation of the best program; nil when it is no number.
func (m *minimizer) domain(at, i int) *prog.Domain {
	if at < len(m.best.Ops) {
		args := m.s.Spec.Rows[m.best.Ops[at].Kind].Args
		if i < len(args) && !args[i].Domain.IsSlot {
			return args[i].Domain
		}
	}
	return nil
}

// single tries what the certificate says: nearly all has been tried before and is only looked up.
func (m *minimizer) single() (changed bool) {
	for at := len(m.best.Ops) - 1; at >= 0; at-- {
		if m.without(func(i int) bool { return i == at }) {
			return true
		}
		for i := range prog.ArgsMax {
			d := m.domain(at, i)
			if d == nil {
				continue
			}
			if n, ok := below(d, m.best.Ops[at].Args[i]); ok {
				p := m.best.Clone()
				p.Ops[at].Args[i] = n
				if m.try(p) {
					return true
				}
			}
		}
	}
	return false
}

// below returns the greatest member of the domain below n.
func below(d *prog.Domain, n uint64) (uint64, bool) {
	if n == 0 || n <= d.Max+1 {
		return n - 1, n > 0
	}
	most := d.Max
	for _, e := range d.Edges {
		if e < n {
			most = max(most, e)
		}
	}
	return most, true
}

// lower makes a number smaller as long as take takes it: one of the least at once; else down to an edge of the domain,
// and from there further down by halving what is between the least number that was taken and the greatest that was not.
// So a size ends at the class boundary that matters, or as the least of its class.
func lower(n uint64, d *prog.Domain, take func(uint64) bool) (changed bool) {
	least := uint64(0) // what is below it is not tried
	try := func(to uint64) bool {
		if to >= n || to < least || !d.Contains(to) {
			return false
		}
		if !take(to) {
			least = to + 1
			return false
		}
		n, changed = to, true
		return true
	}
	for _, small := range []uint64{0, 1, 8, 16} {
		if try(small) {
			return changed
		}
	}
	edges := slices.Compact(slices.Sorted(slices.Values(d.Edges)))
	for lo, hi := 0, len(edges); lo < hi; {
		if mid := int(uint(lo+hi) / 2); edges[mid] >= n || edges[mid] >= least && try(edges[mid]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	for n > least {
		mid := least + (n-least)/2
		if mid > d.Max { // only edges are there, and they have been tried
			if mid = d.Max; mid < least {
				break
			}
		}
		if !try(mid) && mid >= least {
			break
		}
	}
	return changed
}

// key names a program among those tried: 128 bits, so that no two that meet in one minimization collide.
type key [2]uint64

func keyOf(p prog.Program) key {
	k := key{0x9E3779B97F4A7C15, 0xD1B54A32D192ED03}
	add := func(n uint64) {
		k[0] = bits.RotateLeft64(k[0]^n, 27) * 0x9FB21C651E98DF25
		k[1] = (bits.RotateLeft64(k[1], 31) + n) * 0xD6E8FEB86659FD93
		k[1] ^= k[1] >> 32
	}
	for _, n := range p.World {
		add(n)
	}
	for _, op := range p.Ops {
		add(uint64(op.Kind)<<32 | uint64(op.Def))
		for _, n := range op.Args {
			add(n)
		}
	}
	return k
}
