package nightly

import (
	"errors"
	"os"

	"heapfuzz/fuzz"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Metered is what an engine's executions of one target did in a step.
type Metered struct {
	Target   string            `json:"target"`
	Language string            `json:"language"`
	Programs int               `json:"programs"`
	Answers  [4]uint64         `json:"answers"`
	Times    map[string]uint64 `json:"times"`             // how often each of its transitions was taken
	Vacuous  string            `json:"vacuous,omitempty"` // in what way so much proves too little
}

// metered adds to the result of an engine's step what its processes say that their executions did, and takes the files
// away, which are of this step. What is under the floors of engines fails the step, as the campaign's do.
func (n *Night) metered(r Result) Result {
	sums, err := fuzz.ReadSums(n.Store.path("kept"))
	// What cannot be read today cannot be tomorrow.
	if err := errors.Join(err, os.RemoveAll(n.Store.path("kept", fuzz.SumsFolder))); err != nil {
		r.conclude(Failed, ExitFailed, err.Error())
	}
	if r.Figures == nil {
		r.Figures = map[string]float64{}
	}
	effective := map[string]uint64{}
	for _, s := range sums {
		t, err := n.lookup(s.Target)
		if err != nil {
			r.conclude(Failed, ExitFailed, err.Error())
			continue
		}
		m := Metered{Target: s.Target, Language: t.Subject, Programs: s.Meter.Programs, Answers: s.Meter.Answers,
			Times: map[string]uint64{}}
		for i, name := range s.Meter.Names {
			m.Times[name] = s.Meter.Times[i]
		}
		if v := s.Meter.VacuousMutated(t.New().Allows); v != nil {
			m.Vacuous = v.Detail
			r.conclude(Failed, ExitVacuous, s.Target+" is vacuous: "+v.Detail)
		}
		r.Meters = append(r.Meters, m)
		r.figure(m.Language, s.Meter)
		effective[m.Language] += m.Answers[prog.OK]
	}
	for language, ok := range effective {
		r.Figures[language+" effective %"] = 100 * float64(ok) / max(1, r.Figures[language+" operations"])
	}
	return r
}

// figure adds a target to the figures of its kind.
func (r *Result) figure(language string, m *props.Meter) {
	taken, missing := m.Taken()
	r.Figures[language+" operations"] += float64(m.Operations())
	r.Figures[language+" states seen"] += float64(taken)
	r.Figures[language+" states named"] += float64(taken + len(missing))
}
