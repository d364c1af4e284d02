package props

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"heapfuzz/model"
	"heapfuzz/props/prog"
)

// Vacuous is the rule that a run of many programs did something.
var Vacuous = &model.Invariant{
	Name: "run/vacuous",
	Doc:  "of many operations enough have an effect, and take the target through enough of its named transitions",
}

// Meter counts what the operations of programs did, those of epilogues apart. A green run whose operations were
// skipped, or went through a tenth of what the target can do, proves little: Vacuous tells. The zero Meter is empty; a
// Runner that has one adds each run to it.
type Meter struct {
	Programs int
	Answers  [4]uint64   // operations by prog.Status
	Kinds    [][4]uint64 // the same by prog.Kind
	Names    []string    // of the transitions that the target tells; see Subject.Transitions
	Times    []uint64    // how often each was taken
	Busy     int         // programs of whose operations a share of EffectiveLeast had an effect
}

// add counts one run, whose target is still open. A target that is too corrupt to tell its transitions tells none.
func (m *Meter) add(s *Subject, t Target, ops []prog.Op, trace prog.Trace) {
	m.Programs++
	if n := len(s.Spec.Rows); len(m.Kinds) < n {
		m.Kinds = append(m.Kinds, make([][4]uint64, n-len(m.Kinds))...)
	}
	n, before := min(len(ops), len(trace)), m.Answers[prog.OK]
	for i := range n {
		m.Answers[trace[i].Status&3]++
		m.Kinds[ops[i].Kind][trace[i].Status&3]++
	}
	if n > 0 && float64(m.Answers[prog.OK]-before) >= EffectiveLeast*float64(n) {
		m.Busy++
	}
	if s.Transitions == nil {
		return
	}
	defer func() { _ = recover() }()
	at := 0
	s.Transitions(t, func(name string, times uint64) {
		m.take(at, name, times)
		at++
	})
}

// take adds to a transition, which is likely at that place.
func (m *Meter) take(at int, name string, times uint64) {
	if at >= len(m.Names) || m.Names[at] != name {
		if at = slices.Index(m.Names, name); at < 0 {
			at = len(m.Names)
			m.Names, m.Times = append(m.Names, name), append(m.Times, 0)
		}
	}
	m.Times[at] += times
}

// Merge adds what another meter counted of targets with the same language.
func (m *Meter) Merge(o *Meter) {
	m.Programs += o.Programs
	m.Busy += o.Busy
	for i := range m.Answers {
		m.Answers[i] += o.Answers[i]
	}
	if n := len(o.Kinds); len(m.Kinds) < n {
		m.Kinds = append(m.Kinds, make([][4]uint64, n-len(m.Kinds))...)
	}
	for k := range o.Kinds {
		for i := range o.Kinds[k] {
			m.Kinds[k][i] += o.Kinds[k][i]
		}
	}
	for i, name := range o.Names {
		m.take(i, name, o.Times[i])
	}
}

// Reset empties the meter and keeps its buffers.
func (m *Meter) Reset() {
	clear(m.Kinds)
	clear(m.Times)
	*m = Meter{Kinds: m.Kinds, Names: m.Names, Times: m.Times}
}

// Clone returns a copy that shares nothing but the names.
func (m *Meter) Clone() *Meter {
	c := *m
	c.Kinds, c.Names, c.Times = slices.Clone(m.Kinds), slices.Clip(m.Names), slices.Clone(m.Times)
	return &c
}

// Operations is the number of operations that were answered.
func (m *Meter) Operations() (n uint64) {
	for _, a := range m.Answers {
		n += a
	}
	return n
}

// Effective is the share of operations that were answered neither skip nor nomem.
func (m *Meter) Effective() float64 {
	n := m.Operations()
	if n == 0 {
		return 0
	}
	return float64(m.Answers[prog.OK]) / float64(n)
}

// Taken returns how many of the transitions were taken at all, and the names of those that were not.
func (m *Meter) Taken() (n int, missing []string) {
	for i, t := range m.Times {
		if t > 0 {
			n++
		} else {
			missing = append(missing, m.Names[i])
		}
	}
	return n, missing
}

// EffectiveLeast is the least share of operations that must have an effect in a run of VacuousFrom operations or
// more. Of what the generator makes nine tenths have one, on each target that is known. Where the share is less because
// of few long programs, most programs having it, that is no matter.
const (
	EffectiveLeast = 0.5
	VacuousFrom    = 10_000
)

// TakenLeast is the share of its named transitions that a target must have gone through in a run of so many operations:
// none below 10,000, half at 10,000, and in proportion to the logarithm up to 85 % at 100,000 and above. Some need rare
// company (no memory for the map of addresses, say), so that all is never asked.
func TakenLeast(operations uint64) float64 {
	if operations < VacuousFrom {
		return 0
	}
	return min(0.85, 0.5+0.35*(math.Log10(float64(operations))-4))
}

// Vacuous tells in what way a run was too poor to prove anything; nil when it was not, or was too short to tell.
func (m *Meter) Vacuous() *model.Violation {
	return cmp.Or(m.Idle(), m.Narrow())
}

// Idle is the half of Vacuous that is about operations without an effect.
func (m *Meter) Idle() *model.Violation { return m.idle(EffectiveLeast) }

func (m *Meter) idle(least float64) *model.Violation {
	n := m.Operations()
	if n < VacuousFrom || m.Effective() >= least || 2*m.Busy > m.Programs {
		return nil
	}
	return Vacuous.Breach("%.1f %% of %d operations had an effect; at least %.0f %% must", 100*m.Effective(), n,
		100*least)
}

// Narrow is the half of Vacuous that is about transitions. It is not asked of programs that are all alike, as mutations
// of one recording are.
func (m *Meter) Narrow() *model.Violation { return m.narrow(TakenLeast(m.Operations())) }

func (m *Meter) narrow(least float64) *model.Violation {
	taken, missing := m.Taken()
	if float64(taken) >= least*float64(len(m.Names)) {
		return nil
	}
	return Vacuous.Breach("%d of %d transitions were taken in %d operations; at least %.0f %% must: %s",
		taken, len(m.Names), m.Operations(), 100*least, fmt.Sprint(missing))
}

// The floors of executions that mutate bytes, of which little is new and much names what is not there. In 45 seconds
// on each kind, 18 to 100 % of operations that the targets have had an effect, and with 10,000 operations or more
// targets took 56 to 100 % of their transitions: the share that is asked is half of that of generated programs.
const (
	mutatedEffective = 0.1
	mutatedTaken     = 0.5
)

// VacuousMutated is Vacuous of what an engine that mutates bytes executed. Those name operations that a target does not
// have, which allows tells, and which are no matter.
func (m *Meter) VacuousMutated(allows func(prog.Kind) bool) *model.Violation {
	own := *m
	own.Answers = [4]uint64{}
	for k, answers := range m.Kinds {
		for i, n := range answers {
			if allows == nil || allows(prog.Kind(k)) {
				own.Answers[i] += n
			}
		}
	}
	return cmp.Or(own.idle(mutatedEffective), own.narrow(mutatedTaken*TakenLeast(own.Operations())))
}
