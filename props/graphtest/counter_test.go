package graphtest_test

import (
	"fmt"

	"heapfuzz/model/graph"
)

// Counter is a heap that counts references and collects nothing, as one finds it in many programs. It uses the ID of
// the dead again.
type Counter struct {
	objects []counted // the first is not used
	free    []graph.ID
	mourn   func(graph.ID)
}

type counted struct {
	count  int // 0: dead
	fields []graph.ID
}

// NewCounter returns a heap that holds nothing.
func NewCounter() *Counter { return &Counter{objects: make([]counted, 1), mourn: func(graph.ID) {}} }

// New makes an object.
func (c *Counter) New(kind graph.Kind, fields int) graph.ID {
	if kind == graph.Atom {
		fields = 0
	}
	o := counted{1, make([]graph.ID, fields)}
	if n := len(c.free); n > 0 {
		id := c.free[n-1]
		c.free = c.free[:n-1]
		c.objects[id] = o
		return id
	}
	c.objects = append(c.objects, o)
	return graph.ID(len(c.objects) - 1)
}

// SetField counts the new target before it forgets the old, which may be the last that refers to it.
func (c *Counter) SetField(object graph.ID, i int, target graph.ID) {
	old := c.objects[object].fields[i]
	c.objects[object].fields[i] = target
	c.Root(target)
	c.Unroot(old)
}

// Field tells what a field refers to.
func (c *Counter) Field(object graph.ID, i int) graph.ID { return c.objects[object].fields[i] }

// Root counts one reference more.
func (c *Counter) Root(object graph.ID) {
	if object != 0 {
		c.objects[object].count++
	}
}

// Unroot counts one less, and at 0 forgets what the object refers to.
func (c *Counter) Unroot(object graph.ID) {
	if object == 0 {
		return
	}
	o := &c.objects[object]
	if o.count--; o.count > 0 {
		return
	}
	fields := o.fields
	o.fields = nil
	c.mourn(object)
	for _, f := range fields {
		c.Unroot(f)
	}
	c.free = append(c.free, object)
}

// Collect finds nothing: that is its weakness.
func (c *Counter) Collect(int) int { return 0 }

// OnDeath tells of the dead.
func (c *Counter) OnDeath(f func(graph.ID)) { c.mourn = f }

// Count tells the count.
func (c *Counter) Count(object graph.ID) int { return c.objects[object].count }

// CheckInvariants recounts.
func (c *Counter) CheckInvariants() error {
	counts := make([]int, len(c.objects))
	for _, o := range c.objects {
		for _, f := range o.fields {
			counts[f]++
		}
	}
	for id, o := range c.objects[1:] {
		if fields := counts[id+1]; fields > o.count {
			return fmt.Errorf("counter/count: object %d counts %d, and %d fields refer to it", id+1, o.count, fields)
		}
	}
	return nil
}
