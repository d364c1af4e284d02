package arena

import (
	"fmt"
	"strconv"
	"strings"

	"heapfuzz/impl/pool"
	"heapfuzz/impl/profile"
)

// A census is a count of all pools and blocks, which the statistics print and the accounting identity is about.
type census struct {
	pools, blocks, avail [classes]uint64 // by class
	unused               uint64          // free pools, virgin or empty
	live, available      uint64          // bytes
	headers, waste       uint64          // bytes lost to pool headers, and behind the last block of a pool
	align                uint64          // bytes lost in front of the first pool boundary and behind the last
}

// census counts pool by pool, from the headers.
func (a *Allocator) census() census {
	var c census
	for i := range a.arenas {
		o := &a.arenas[i]
		c.unused += uint64(o.free)
		if o.address&a.poolMask != 0 {
			c.align += uint64(a.prof.PoolBytes)
		}
	}
	a.pools(func(_ int, p pool.Pool) {
		count, class := p.Count(), p.Class()
		if p.Class() == pool.NoClass || count == 0 {
			return
		}
		class %= classes
		c.pools[class]++
		c.blocks[class] += uint64(count)
		c.avail[class] += uint64(a.geometry.Capacity(class)) - uint64(count)
	})
	for class := range a.geometry.Classes() {
		size := uint64(a.geometry.Size(class))
		c.live += c.blocks[class] * size
		c.available += c.avail[class] * size
		c.headers += c.pools[class] * profile.HeaderBytes
		loss := uint64(a.prof.PoolBytes) - profile.HeaderBytes - uint64(a.geometry.Capacity(class))*size
		c.waste += c.pools[class] * loss
	}
	return c
}

// total is what all arenas together must have.
func (c *census) total(poolBytes uintptr) uint64 {
	return c.live + c.available + c.unused*uint64(poolBytes) + c.headers + c.waste + c.align
}

// StatsText is the text of sys._debugmallocstats about the allocator, line for line (CPython 3.11 Objects/obmalloc.c,
// _PyObject_DebugMallocStats). What the interpreter prints after it, the free lists of its types, is not ours.
func (a *Allocator) StatsText() string {
	var s strings.Builder
	c := a.census()
	fmt.Fprintf(&s, "Small block threshold = %d, in %d size classes.\n\n", profile.SmallMax, a.geometry.Classes())
	s.WriteString("class   size   num pools   blocks in use  avail blocks\n")
	s.WriteString("-----   ----   ---------   -------------  ------------\n")
	for class := range a.geometry.Classes() {
		if c.pools[class] != 0 {
			fmt.Fprintf(&s, "%5d %6d %11d %15d %13d\n",
				class, a.geometry.Size(class), c.pools[class], c.blocks[class], c.avail[class])
		}
	}
	s.WriteByte('\n')
	v := &a.vec
	value(&s, "# arenas allocated total", v.allocated)
	value(&s, "# arenas reclaimed", v.allocated-v.current)
	value(&s, "# arenas highwater mark", v.highwater)
	value(&s, "# arenas allocated current", v.current)
	value(&s, fmt.Sprintf("%d arenas * %d bytes/arena", v.current, a.span), v.current*uint64(a.span))
	s.WriteByte('\n')
	value(&s, "# bytes in allocated blocks", c.live)
	value(&s, "# bytes in available blocks", c.available)
	value(&s, fmt.Sprintf("%d unused pools * %d bytes", c.unused, a.prof.PoolBytes), c.unused*uint64(a.prof.PoolBytes))
	value(&s, "# bytes lost to pool headers", c.headers)
	value(&s, "# bytes lost to quantization", c.waste)
	value(&s, "# bytes lost to arena alignment", c.align)
	value(&s, "Total", c.total(a.prof.PoolBytes))
	if m := &a.addresses; m.used {
		root := uint64(m.rootMask+1) * 8
		mids, bots := m.mids*uint64(m.midMask+1)*8, m.bots*uint64(m.botMask+1)*8
		s.WriteString("\narena map counts\n")
		value(&s, "# arena map mid nodes", m.mids)
		value(&s, "# arena map bot nodes", m.bots)
		s.WriteByte('\n')
		value(&s, "# bytes lost to arena map root", root)
		value(&s, "# bytes lost to arena map mid", mids)
		value(&s, "# bytes lost to arena map bot", bots)
		value(&s, "Total", root+mids+bots)
	}
	return s.String()
}

// value prints a labelled number: the label in 35 columns, the number right-aligned in 21, with thousands apart.
func value(s *strings.Builder, label string, n uint64) {
	digits := strconv.FormatUint(n, 10)
	var grouped []byte
	for i, d := range []byte(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			grouped = append(grouped, ',')
		}
		grouped = append(grouped, d)
	}
	fmt.Fprintf(s, "%-35s=%21s\n", label, grouped)
}
