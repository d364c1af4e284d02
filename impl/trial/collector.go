package trial

import (
	"errors"
	"math"

	"heapfuzz/impl/object"
)

// Marks, beside object.SuspectMark and 0.
const (
	markGray = 2
	markKept = 3
)

// Stats are the collections that there were, and the sum of what they returned.
type Stats struct{ Collections, Collected int }

// A Collector collects the cyclic garbage of one heap. It is not safe for concurrent use.
type Collector struct {
	h         *object.Heap
	safepoint bool // collections that start by themselves wait for the next Safepoint (object.Profile.Safepoint)

	suspects object.List // the heap fills it, as its Suspects

	// Lists of a collection; empty between two.
	members, kept, seen, due object.List

	threshold int
	stats     Stats
	took      [transitions]uint64 // see Transitions

	enabled, collecting, asked bool

	// OnTake, if set, is called for each object of the garbage before any of it is cleared. It may not use the heap.
	OnTake func(object.Ref)

	// OnCollection, if set, is called when a collection starts, before Fresh is set back, and when it is over, with
	// what it returns. It may allocate; a collection that it asks for does nothing.
	OnCollection func(over bool, returned int)
}

// New returns an enabled collector and makes it the heap's, whose objects are all made from here on.
func New(h *object.Heap) (*Collector, error) {
	c := &Collector{h: h, safepoint: h.Profile().Safepoint, threshold: h.Profile().Threshold0, enabled: true}
	for _, l := range []*object.List{&c.suspects, &c.members, &c.kept, &c.seen, &c.due} {
		if *l = h.NewHead(); *l == 0 {
			return nil, errors.New("trial: no memory for the lists")
		}
	}
	h.Suspects = c.suspects
	h.Attach(c)
	c.arm()
	return c, nil
}

// arm tells the heap when to call Full.
func (c *Collector) arm() {
	c.h.Limit = math.MaxInt
	if c.enabled && c.threshold > 0 {
		c.h.Limit = c.threshold
	}
}

// Enable lets collections begin by themselves.
func (c *Collector) Enable() { c.enabled = true; c.arm() }

// Disable keeps collections from beginning by themselves. Collect collects all the same.
func (c *Collector) Disable() { c.enabled = false; c.arm() }

// Enabled tells whether collections begin by themselves.
func (c *Collector) Enabled() bool { return c.enabled }

// SetThreshold sets how many more containers are made than die before a collection begins; 0 is never. It is that of
// the profile's collector at first.
func (c *Collector) SetThreshold(n int) { c.threshold = n; c.arm() }

// Threshold returns it.
func (c *Collector) Threshold() int { return c.threshold }

// Stats returns the statistics.
func (c *Collector) Stats() Stats { return c.stats }

// Suspects is how many suspects there are.
func (c *Collector) Suspects() int { return c.h.Members(c.suspects) }

// Full is called by an allocation that brings the heap's Fresh above the threshold.
func (c *Collector) Full() {
	switch {
	case c.collecting:
		c.took[dueNested]++
	case c.safepoint:
		c.asked = true
		c.took[waited]++
	default:
		c.took[due]++
		c.Collect(0)
	}
}

// Safepoint runs a collection that an allocation has asked for, unless so many have died since, or collections were
// switched off.
func (c *Collector) Safepoint() {
	if !c.asked || c.collecting {
		return
	}
	c.asked = false
	if c.h.Fresh > c.h.Limit {
		c.took[due]++
		c.Collect(0)
	}
}
