package campaign

import (
	"slices"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// A nursery keeps the parents of one target. All of it is of the goroutine that called Run.
type nursery struct {
	kept     []prog.Program    // a ring of parentsMax
	oldest   int               // in the ring, once it is full
	parents  [3][]prog.Program // of epoch e in the place e % 3: of the last that is committed, and of the two behind it
	programs int               // committed
	took     []int             // by transition: how many of them took it
	lately   int               // operations that the mean of new behaviours is about; it halves at decayEvery
	fresh    int               // the new behaviours that these showed
}

const (
	parentsMax = 128   // the youngest parents of a target are kept
	breedEvery = 4     // programs, of which one is bred
	rareIn     = 128   // a transition is rare when no more than one of so many programs took it
	richTimes  = 4     // a program is rich when its operations show so many times the new behaviours of others lately
	decayEvery = 65536 // operations
)

// job is what a worker is given: the number of a job, and what it may breed from, which nobody changes any more.
type job struct {
	number  int
	parents []prog.Program
}

// job is the next one.
func (c *campaign) job() job {
	target, number := c.handed%len(c.Targets), c.handed/len(c.Targets)
	if c.Epoch < 0 {
		return job{number: c.handed}
	}
	return job{c.handed, c.nurseries[target].parents[number/c.Epoch%3]}
}

// grown tells whether the parents of the next job are known: all of the epoch before the last has been committed.
func (c *campaign) grown() bool {
	return c.Epoch < 0 || (c.handed/len(c.Targets)/c.Epoch-1)*c.Epoch*len(c.Targets) <= c.next
}

// raise looks at a program that was committed: whether others are to be bred from it. With the last program of an
// epoch, the parents of the one after the next are known.
func (c *campaign) raise(r result, fresh int) (err error) {
	if c.Epoch < 0 {
		return nil
	}
	n, number := &c.nurseries[r.job%len(c.Targets)], r.job/len(c.Targets)
	if n.showed(r.meter, fresh) && len(r.program.Ops) > 0 && r.finding == nil {
		n.keep(r.program)
		if c.Kept != nil {
			err = c.Kept(c.Targets[r.job%len(c.Targets)].Name, r.program)
		}
	}
	if (number+1)%c.Epoch == 0 {
		n.parents[(number/c.Epoch+2)%3] = slices.Clone(n.kept)
	}
	return err
}

// showed counts what a program did, and tells whether it was rare or rich.
func (n *nursery) showed(m *props.Meter, fresh int) bool {
	operations := int(m.Operations())
	rare, rich := false, fresh*n.lately > richTimes*n.fresh*operations
	n.programs++
	n.took = append(n.took, make([]int, max(0, len(m.Times)-len(n.took)))...)
	for i, times := range m.Times {
		if times > 0 {
			n.took[i]++
			rare = rare || n.took[i] <= 1+n.programs/rareIn
		}
	}
	n.lately, n.fresh = n.lately+operations, n.fresh+fresh
	if n.lately >= decayEvery {
		n.lately, n.fresh = n.lately/2, n.fresh/2
	}
	return rare || rich
}

// keep adds a parent. The oldest gives way when there are too many.
func (n *nursery) keep(p prog.Program) {
	if len(n.kept) < parentsMax {
		n.kept = append(n.kept, p)
		return
	}
	n.kept[n.oldest] = p
	n.oldest = (n.oldest + 1) % parentsMax
}

// bred returns the program of that number if it is one that is bred.
func bred(s *props.Subject, seed uint64, number int, parents []prog.Program) (prog.Program, bool) {
	src := source(s, ^seed, number)
	if len(parents) == 0 || s.Repeats > 0 || src.IntN(breedEvery) != 0 {
		return prog.Program{}, false
	}
	return s.Spec.Mutate(src, parents[src.IntN(len(parents))]), true
}
