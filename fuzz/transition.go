package fuzz

import (
	"slices"

	"heapfuzz/impl/swiss"
)

// Transitions tells what the collector and the objects of a heap went through; see graph.Witness.
func (g gcHeap) Transitions(visit func(name string, times uint64)) {
	g.c.Transitions(visit)
	g.h.Transitions(visit)
}

// Transitions does so of the other collector.
func (t trialHeap) Transitions(visit func(name string, times uint64)) {
	t.c.Transitions(visit)
	t.h.Transitions(visit)
}

// Transitions tells what the tables of an interpreter's dicts went through.
func (st *pyStore) Transitions(visit func(name string, times uint64)) { st.s.Transitions(visit) }

// Transitions tells what an interpreter's values went through, the tables of their dicts and the memory below.
func (s *pyValues) Transitions(visit func(name string, times uint64)) {
	s.h.Transitions(visit)
	s.h.ValueTransitions(visit)
	s.h.Memory().Transitions(visit)
}

// Transitions tells what Swiss tables went through, those that are no more among them.
func (s *swissStore) Transitions(visit func(name string, times uint64)) {
	all := s.gone
	all.times = slices.Clone(all.times)
	all.add(&swiss.Map{})
	for _, m := range s.maps {
		all.add(m.Map)
	}
	for i, name := range all.names {
		visit(name, all.times[i])
	}
}

// swissCounts are the transitions of several tables.
type swissCounts struct {
	names []string
	times []uint64
}

func (c *swissCounts) add(m *swiss.Map) {
	at := 0
	m.Transitions(func(name string, times uint64) {
		if at == len(c.times) {
			c.names, c.times = append(c.names, name), append(c.times, 0)
		}
		c.times[at] += times
		at++
	})
}

// Transitions tells what the tables of dicts in a heap of objects went through.
func (s *stack) Transitions(visit func(name string, times uint64)) { s.h.DictTransitions(visit) }

// Transitions tells what the links of an lru_cache went through. One without bound has none.
func (p *pyCache) Transitions(visit func(name string, times uint64)) { p.c.Transitions(visit) }

// Transitions tells what happened to the order of an ordered dict.
func (p *pyOrdered) Transitions(visit func(name string, times uint64)) { p.o.Transitions(visit) }

// What pages count of the runs that an OS gives and takes back.
const (
	runMade = iota // a run came from Map or MapAligned
	runPart        // from MapPart, with pages of its own
	runHuge        // from a fresh huge page
	runRest        // from what was left of one
	runFree
	runLast    // the last that was given was taken back
	runWrong   // an address where none begins was not taken back
	runCleared // the resident pages of one were cleared
	runDropped // or all of them given back
	runLimit   // one was refused for the limit
	runRefused // or by the system
	runSteps
)

var runNames = [runSteps]string{
	runMade: "run/mapped", runPart: "run/part", runHuge: "run/huge", runRest: "run/rest", runFree: "run/freed",
	runLast: "run/last", runWrong: "run/stray", runCleared: "run/cleared", runDropped: "run/dropped",
	runLimit: "run/limit", runRefused: "run/refused",
}

// Transitions tells what happened to runs of pages.
func (a *pages) Transitions(visit func(name string, times uint64)) {
	for i, name := range runNames {
		visit(name, a.took[i])
	}
}
