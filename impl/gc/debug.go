package gc

import (
	"fmt"
	"strings"

	"heapfuzz/impl/object"
)

// The messages of gc.set_debug. Their texts are those of collect and debug_cycle (Modules/gcmodule.c, Python/gc.c from
// 3.12 on), and differ between releases as DebugFmt says.

// sayStart tells that a collection of generation g begins, and with how many objects, and returns the time.
func (c *Collector) sayStart(g int) (began float64) {
	if c.flags&DebugStats == 0 || c.OnMessage == nil {
		return 0
	}
	c.OnMessage(fmt.Sprintf("gc: collecting generation %d...", g))
	var s strings.Builder
	s.WriteString("gc: objects in each generation:")
	for _, l := range c.gens {
		fmt.Fprintf(&s, " %d", c.h.Members(l))
	}
	c.OnMessage(s.String())
	if c.prof.Debug.Permanent {
		c.OnMessage(fmt.Sprintf("gc: objects in permanent generation: %d", c.FreezeCount()))
	}
	return c.now()
}

// sayDone tells what a collection that began at a time has found.
func (c *Collector) sayDone(began float64, collected, kept int) {
	if c.flags&DebugStats == 0 || c.OnMessage == nil {
		return
	}
	var s strings.Builder
	s.WriteString("gc: done")
	if !c.prof.Debug.BareDone || collected+kept > 0 {
		fmt.Fprintf(&s, ", %d unreachable, %d uncollectable", collected+kept, kept)
	}
	fmt.Fprintf(&s, ", %.4fs elapsed", c.now()-began)
	if c.prof.Debug.Stop {
		s.WriteByte('.')
	}
	c.OnMessage(s.String())
}

func (c *Collector) now() float64 {
	if c.Clock == nil {
		return 0
	}
	return c.Clock()
}

// sayEach names the objects of a list, if the flag is set. In 2.7 another flag has to allow for their sort.
func (c *Collector) sayEach(f Flag, what string, l object.List) {
	if c.flags&f == 0 || c.OnMessage == nil {
		return
	}
	for o := c.h.Next(l); o != l; o = c.h.Next(o) {
		t, at := c.h.TypeOf(o), "0x0"
		if c.Address != nil {
			at = c.Address(o)
		}
		switch {
		case t.Classic && c.flags&DebugInstances != 0:
			c.OnMessage(fmt.Sprintf("gc: %s <%s instance at %s>", what, t.Name, at))
		case !c.prof.Debug.Stop || c.flags&DebugObjects != 0:
			name := t.Name
			if t.Classic {
				name = "instance"
			}
			c.OnMessage(fmt.Sprintf("gc: %s <%s %s>", what, name, at))
		}
	}
}
