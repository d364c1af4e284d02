package graphcanary

import (
	"slices"

	"heapfuzz/model/graph"
	"heapfuzz/props/graphtest"
)

// pacer is a toy whose collections start by themselves as CPython's do. A defect is that of PacedYoung.
type pacer struct {
	*toy
	graph.Pace
	generation int // of the collection that runs
}

// paced hides what would be made without being counted.
func paced(h *toy) graphtest.Heap {
	p := &pacer{toy: h, Pace: graph.Pace{
		Thresholds: slices.Clone(promises.Thresholds), Counts: make([]int, 3), Collections: make([]int, 3),
	}}
	return struct {
		graph.Heap
		graph.Mourner
		graph.Finalizer
		graph.Watcher
		graph.Switcher
		graph.Thresholder
		graph.Pacer
	}{p, p, p, p, p, p, told{p}}
}

// told is apart from pacer, where Pace is a field.
type told struct{ *pacer }

func (p told) Pace() graph.Pace {
	now := p.pacer.Pace
	now.Thresholds, now.Counts = slices.Clone(now.Thresholds), slices.Clone(now.Counts)
	now.Collections, now.Oldest = slices.Clone(now.Collections), p.oldest()
	return now
}

// oldest counts what is not followed for a time, too.
func (p *pacer) oldest() (n int) {
	for _, o := range p.all() {
		if o.kind != graph.Atom && o.generation == 2 {
			n++
		}
	}
	return n
}

func (p *pacer) Enable(on bool)                 { p.On = on }
func (p *pacer) SetThreshold(generation, n int) { p.Thresholds[generation] = n }

func (p *pacer) New(kind graph.Kind, fields int) graph.ID {
	if kind != graph.Atom && fields > 0 {
		if p.Counts[0]++; p.On && p.Thresholds[0] > 0 && p.Counts[0] > p.Thresholds[0] {
			p.Collect(p.due())
		}
	}
	return p.toy.New(kind, fields)
}

func (p *pacer) due() int {
	switch full := p.Pending >= p.LongLived/4; {
	case p.bug == PacedYoung:
	case p.Counts[2] > p.Thresholds[2] && full:
		return 2
	case p.Counts[1] > p.Thresholds[1]:
		return 1
	}
	return 0
}

// OnDeath counts what dies.
func (p *pacer) OnDeath(f func(graph.ID)) {
	p.toy.OnDeath(func(id graph.ID) {
		if o := p.objects[id]; o.kind != graph.Atom && len(o.fields) > 0 {
			p.Counts[0] = max(p.Counts[0]-1, 0)
		}
		f(id)
	})
}

// OnCollection sets the counts back at the start, and counts the survivors at the end.
func (p *pacer) OnCollection(start, stop func(int)) {
	p.toy.OnCollection(func(generation int) {
		start(generation)
		clear(p.Counts[:generation+1])
		if generation < 2 {
			p.Counts[generation+1]++
		}
		p.generation, p.Oldest = generation, p.oldest()
	}, func(returned int) {
		p.Collections[p.generation]++
		switch p.generation {
		case 1:
			p.Pending += max(p.oldest()-p.Oldest, 0)
		case 2:
			p.Pending, p.LongLived = 0, p.oldest()
		}
		stop(returned)
	})
}
