package nightly

import (
	"errors"
	"fmt"
	"os"

	"heapfuzz/fuzz"
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

// Sums are what the executions of engines did whose processes wrote it into a folder: HEAPFUZZ_KEEP or HEAPFUZZ_SUMS.
func Sums(dir string) ([]Metered, error) { return sums(dir, fuzz.Lookup) }

func sums(dir string, lookup func(string) (fuzz.Target, error)) (list []Metered, err error) {
	sums, err := fuzz.ReadSums(dir)
	for _, s := range sums {
		t, e := lookup(s.Target)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		m := Metered{Target: s.Target, Language: t.Subject, Programs: s.Meter.Programs, Answers: s.Meter.Answers,
			Times: map[string]uint64{}}
		for i, name := range s.Meter.Names {
			m.Times[name] = s.Meter.Times[i]
		}
		if v := s.Meter.VacuousMutated(t.New().Allows); v != nil {
			m.Vacuous = v.Detail
		}
		list = append(list, m)
	}
	return list, err
}

// String is what the executions did in a line.
func (m *Metered) String() string {
	seen, named := taken(m.Times)
	operations := operationsOf(m.Answers)
	text := fmt.Sprintf("%s: %d operations in %d programs, %.0f %% effective, %d of %d states", m.Target, operations,
		m.Programs, 100*float64(m.Answers[prog.OK])/float64(max(1, operations)), seen, named)
	if m.Vacuous != "" {
		text += "; vacuous: " + m.Vacuous
	}
	return text
}

// operationsOf is the number of operations that were answered.
func operationsOf(answers [4]uint64) (n uint64) {
	for _, a := range answers {
		n += a
	}
	return n
}

// metered adds to the result of an engine's step what its processes say that their executions did, and takes the files
// away, which are of this step. What is under the floors of engines fails the step, as the campaign's do.
func (n *Night) metered(r Result) Result {
	list, err := sums(n.Store.path("kept"), n.lookup)
	// What cannot be read today cannot be tomorrow.
	if err := errors.Join(err, os.RemoveAll(n.Store.path("kept", fuzz.SumsFolder))); err != nil {
		r.conclude(Failed, ExitFailed, err.Error())
	}
	if r.Figures == nil {
		r.Figures = map[string]float64{}
	}
	effective := map[string]uint64{}
	for _, m := range list {
		if m.Vacuous != "" {
			r.conclude(Failed, ExitVacuous, m.Target+" is vacuous: "+m.Vacuous)
		}
		r.Meters = append(r.Meters, m)
		seen, named := taken(m.Times)
		r.Figures[m.Language+" operations"] += float64(operationsOf(m.Answers))
		r.Figures[m.Language+" states seen"] += float64(seen)
		r.Figures[m.Language+" states named"] += float64(named)
		effective[m.Language] += m.Answers[prog.OK]
	}
	for language, ok := range effective {
		r.Figures[language+" effective %"] = 100 * float64(ok) / max(1, r.Figures[language+" operations"])
	}
	return r
}
