package fuzz

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
