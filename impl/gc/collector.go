package gc

import (
	"errors"
	"fmt"
	"math"

	"heapfuzz/impl/object"
)

// Generations is how many there are beside the permanent one.
const Generations = 3

// ErrGeneration is what Collect and Objects say of a generation that does not exist.
var ErrGeneration = errors.New("invalid generation")

// A Flag changes what a collection does with what it finds.
type Flag uint8

// The flags of gc.set_debug. What they print goes to OnMessage.
const (
	DebugStats         Flag = 1 << iota // how many objects a collection begins with and what it found
	DebugCollectable                    // each object of the garbage
	DebugUncollectable                  // each object that an old finalizer keeps from dying
	DebugInstances                      // 2.7: among these, instances of classic classes
	DebugObjects                        // 2.7: among these, all others
	SaveAll                             // all garbage that is found is kept in Garbage instead of being cleared
)

// Leak is gc.DEBUG_LEAK of Python 3, LeakLegacy that of 2.7.
const (
	Leak       = DebugCollectable | DebugUncollectable | SaveAll
	LeakLegacy = Leak | DebugInstances | DebugObjects
)

// Stats is one row of gc.get_stats.
type Stats struct{ Collections, Collected, Uncollectable int }

// A Collector collects the cyclic garbage of one heap. It is not safe for concurrent use.
type Collector struct {
	h    *object.Heap
	prof *object.Profile

	gens      [Generations]object.List // gens[0] is the heap's youngest list
	permanent object.List

	// Lists of a collection; empty between two.
	unreachable, final, seen, due, legacy object.List

	// counts[0] is kept by the heap, as Fresh.
	counts    [Generations]int
	threshold [Generations]int
	stats     [Generations]Stats
	took      [transitions]uint64 // see Transitions
	pending   int                 // survivors of collections of generation 1 since the last full one
	longLived int                 // survivors of the last full one

	enabled, collecting, asked bool

	flags   Flag
	garbage []object.Ref // each with a reference

	// OnCollection, if set, is called when a collection starts, before the counts are set back, and when it stops
	// (gc.callbacks). It may allocate; a collection that it asks for does nothing.
	OnCollection func(Phase)

	// OnMessage, if set, is called for each line that a flag asks for, as CPython prints it to stderr. In it Address
	// stands for the address of an object and Clock, in seconds, for the time; without them they are 0.
	OnMessage func(line string)
	Address   func(object.Ref) string
	Clock     func() float64

	// OnTake, if set, is called for each object of the garbage before any of it is cleared. It may not use the heap.
	OnTake func(object.Ref)

	// OnKeep, if set, is called for each object that old finalizers keep from dying. It may not use the heap.
	OnKeep func(object.Ref)
}

// A Phase is what OnCollection is told. At the start the numbers are 0.
type Phase struct {
	Stop          bool
	Generation    int
	Collected     int
	Uncollectable int
}

// New returns an enabled collector and makes it the heap's.
func New(h *object.Heap) (*Collector, error) {
	c := &Collector{h: h, prof: h.Profile(), enabled: true}
	c.gens[0] = h.Young
	for _, l := range []*object.List{
		&c.gens[1], &c.gens[2], &c.permanent, &c.unreachable, &c.final, &c.seen, &c.due, &c.legacy,
	} {
		if *l = h.NewHead(); *l == 0 {
			return nil, errors.New("gc: no memory for the generations")
		}
	}
	c.threshold = [Generations]int{c.prof.Threshold0, 10, 10}
	h.Attach(c)
	c.arm()
	return c, nil
}

// arm tells the heap when to call Full.
func (c *Collector) arm() {
	c.h.Limit = math.MaxInt
	if c.enabled && c.threshold[0] > 0 {
		c.h.Limit = c.threshold[0]
	}
}

// Enable lets collections begin by themselves.
func (c *Collector) Enable() { c.enabled = true; c.arm() }

// Disable keeps collections from beginning by themselves. Collect collects all the same.
func (c *Collector) Disable() { c.enabled = false; c.arm() }

// Enabled tells whether collections begin by themselves.
func (c *Collector) Enabled() bool { return c.enabled }

// SetThreshold sets the first thresholds, and keeps the others. A first one of 0 means that no collection begins by
// itself.
func (c *Collector) SetThreshold(first int, more ...int) {
	c.threshold[0] = first
	copy(c.threshold[1:], more)
	c.arm()
}

// Threshold returns the thresholds.
func (c *Collector) Threshold() [Generations]int { return c.threshold }

// Count returns the counts.
func (c *Collector) Count() [Generations]int {
	n := c.counts
	n[0] = c.h.Fresh
	return n
}

// Survivors returns how many objects outlived collections of generation 1 since the last full one, and how many that
// one.
func (c *Collector) Survivors() (pending, longLived int) { return c.pending, c.longLived }

// Stats returns the statistics of each generation.
func (c *Collector) Stats() [Generations]Stats { return c.stats }

// SetDebug sets the flags, and Debug returns them.
func (c *Collector) SetDebug(f Flag) { c.flags = f }

// Debug returns the flags.
func (c *Collector) Debug() Flag { return c.flags }

// Garbage returns what was found and kept. The collector holds the references; DropGarbage lets them go.
func (c *Collector) Garbage() []object.Ref { return c.garbage }

// DropGarbage empties Garbage, from its end, as a list is cleared.
func (c *Collector) DropGarbage() {
	dropped := c.garbage
	c.garbage = nil
	for i := len(dropped) - 1; i >= 0; i-- {
		c.h.Decref(dropped[i])
	}
}

// Full is called by an allocation that brings count 0 above the threshold.
func (c *Collector) Full() {
	switch {
	case c.collecting:
		c.took[dueNested]++
	case c.prof.Safepoint:
		c.asked = true
		c.took[waited]++
	default:
		c.collectDue()
	}
}

// Safepoint runs a collection that an allocation has asked for.
func (c *Collector) Safepoint() {
	if !c.asked || c.collecting {
		return
	}
	c.asked = false
	if c.enabled {
		c.collectDue()
	}
}

// collectDue collects the oldest generation above its threshold, if there is one.
func (c *Collector) collectDue() {
	n := c.Count()
	for g := Generations - 1; g >= 0; g-- {
		if n[g] <= c.threshold[g] {
			continue
		}
		if g == Generations-1 && c.pending < c.longLived/4 {
			c.took[skippedFull]++
			continue
		}
		c.took[dueYoungest+g]++
		c.observed(g)
		return
	}
}

// CollectGeneration collects generation g and all younger ones, and returns how many objects it found unreachable, with
// those that old finalizers keep. A
// collection inside another does nothing.
func (c *Collector) CollectGeneration(g int) (int, error) {
	if g < 0 || g >= Generations {
		return 0, fmt.Errorf("gc: collect %d: %w", g, ErrGeneration)
	}
	if c.collecting {
		return 0, nil
	}
	return c.observed(g), nil
}

// observed runs a collection between the two calls of OnCollection.
func (c *Collector) observed(g int) int {
	c.collecting = true
	if c.OnCollection != nil {
		c.OnCollection(Phase{Generation: g})
	}
	collected, kept := c.collect(g)
	if c.OnCollection != nil {
		c.OnCollection(Phase{Stop: true, Generation: g, Collected: collected, Uncollectable: kept})
	}
	c.collecting = false
	return collected + kept
}

// Collect is CollectGeneration for those who know that g exists.
func (c *Collector) Collect(g int) int {
	n, err := c.CollectGeneration(g)
	if err != nil {
		panic(err)
	}
	return n
}

// Freeze moves all generations, the youngest first, to the permanent one.
func (c *Collector) Freeze() {
	for g := range c.gens {
		c.h.Merge(c.gens[g], c.permanent)
		c.counts[g] = 0
	}
	c.h.Fresh = 0
}

// Unfreeze moves the permanent generation to the oldest.
func (c *Collector) Unfreeze() { c.h.Merge(c.permanent, c.gens[Generations-1]) }

// FreezeCount is how many objects are in the permanent generation.
func (c *Collector) FreezeCount() int { return c.h.Members(c.permanent) }

// Objects calls visit for each object of generation g in its order, or of all when g is -1.
func (c *Collector) Objects(g int, visit func(object.Ref)) error {
	if g < -1 || g >= Generations {
		return fmt.Errorf("gc: objects of %d: %w", g, ErrGeneration)
	}
	for i, l := range c.gens {
		if g >= 0 && g != i {
			continue
		}
		for o := c.h.Next(l); o != l; o = c.h.Next(o) {
			visit(o)
		}
	}
	return nil
}

// GenerationOf returns the generation of an object: Generations for the permanent one, -1 if it is not tracked. It
// walks the list, for the object does not know.
func (c *Collector) GenerationOf(o object.Ref) int {
	if !c.h.IsTracked(o) {
		return -1
	}
	at := c.h.Next(o)
	for {
		for g, l := range c.gens {
			if at == l {
				return g
			}
		}
		if at == c.permanent {
			return Generations
		}
		at = c.h.Next(at)
	}
}

// Referrers calls visit for each object of the generations that has a reference to o. What is not tracked or is
// permanent is not seen.
func (c *Collector) Referrers(o object.Ref, visit func(object.Ref)) {
	for _, l := range c.gens {
		for r := c.h.Next(l); r != l; r = c.h.Next(r) {
			found := false
			c.h.Referents(r, func(x object.Ref) { found = found || x == o })
			if found {
				visit(r)
			}
		}
	}
}
