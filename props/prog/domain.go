package prog

import "math/bits"

// A number in bytes is a code of three: a selector, and 16 bits v, low byte first. The selector says which part of the
// domain v points into:
//
//	selector     share   number
//	0x00..0x5F   3/8     v mod (Near+1): the small
//	0x60..0x9F   1/4     Edges[v mod len]: where bugs live; the small again when there are none
//	0xA0..0xBF   1/8     v mod (Max+1): the lower 64 Ki of the domain, or all of it
//	0xC0..0xFF   1/4     (selector-0xC0)<<16 + v, mod (Max+1): all of the domain. Where 16 bits reach all of it:
//	                     v>>((selector-0xC0)/4), mod (Max+1), of which the smaller are more
//
// So random bytes hit an edge a quarter of the time, every member of the domain has a code, and a mutator that adds 1
// to the middle byte adds 1 to the number. Reading the three bytes as one number mod Max+1 would do the first of these
// almost never. In a domain that is 0 and edges, such as that of alignments, all selectors below 0xC0 mean edges.
//
// A slot is the same idea in two bytes, and a slot argument is a code whose selector is ignored.
const (
	codeBytes = 3
	selEdge   = 0x60
	selLow    = 0xA0
	selWide   = 0xC0
)

// slotMax bounds Spec.Slots.Max. A slot's two bytes name a slot up to Max exactly and one of the Near hot slots
// otherwise; with this bound random bytes name a hot one at least half of the time. With Near 31 and Max 4095 they do
// so in 15 of 16 cases.
const slotMax = 1<<15 - 1

// Contains tells whether n is a member of the domain.
func (d *Domain) Contains(n uint64) bool { return d.Fold(n) == n }

// Fold returns the member of the domain that is nearest to n: n itself if it is a member, otherwise Max or the nearest
// edge above Max, and the smaller one of two that are equally near.
func (d *Domain) Fold(n uint64) uint64 {
	if n <= d.Max {
		return n
	}
	best, dist := d.Max, n-d.Max
	for _, e := range d.Edges {
		if e <= d.Max {
			continue
		}
		if away := max(e, n) - min(e, n); away < dist || away == dist && e < best {
			best, dist = e, away
		}
	}
	return best
}

// coder is a Domain in the form that decoding wants: 32 bit, since a 64 bit division takes twice the time, and without
// the +1.
type coder struct {
	near1, max1 uint32 // Near+1, Max+1
	edges       []uint64
	edgy        bool // there are edges, and besides them only 0
	slot        bool // then near1 and max1 are those of Spec.Slots
}

func (d *Domain) coder() coder {
	return coder{near1: uint32(d.Near) + 1, max1: uint32(d.Max) + 1, edges: d.Edges, edgy: d.edgy(), slot: d.IsSlot}
}

// edgy tells whether the domain is 0 and edges.
func (d *Domain) edgy() bool { return d.Max == 0 && len(d.Edges) > 0 }

// number returns what the code c means.
func (c *coder) number(b []byte) uint64 {
	sel, v := b[0], uint32(b[1])|uint32(b[2])<<8
	switch {
	case c.slot:
		return uint64(c.slotOf(v))
	case sel >= selWide && c.max1 <= 1<<16:
		return uint64(v >> ((sel - selWide) / 4) % c.max1)
	case sel >= selWide:
		return uint64((uint32(sel-selWide)<<16 | v) % c.max1)
	case c.edgy:
		return c.edges[v%uint32(len(c.edges))]
	case sel >= selLow:
		return uint64(v % c.max1)
	case sel >= selEdge && len(c.edges) > 0:
		return c.edges[v%uint32(len(c.edges))]
	}
	return uint64(v % c.near1)
}

// slotOf returns the slot that 16 bits mean.
func (c *coder) slotOf(v uint32) Slot {
	if v < c.max1 {
		return Slot(v)
	}
	return Slot(v % c.near1)
}

// put writes a code of n, which is a member of the domain: the small form where there is one, so that what is small in
// text is mostly zeros in bytes.
func (c *coder) put(b []byte, n uint64) {
	sel := byte(0)
	switch {
	case c.slot:
	case n < uint64(c.near1) && n < 1<<16 && !c.edgy:
	case n < uint64(c.max1):
		sel = selWide + byte(n>>16)
	default:
		sel, n = selEdge, c.edge(n)
	}
	b[0], b[1], b[2] = sel, byte(n), byte(n>>8)
}

// edge returns the place of n in the edges.
func (c *coder) edge(n uint64) uint64 {
	for i, e := range c.edges {
		if e == n {
			return uint64(i)
		}
	}
	panic("prog: a number that was folded is not in its domain")
}

// fold is Domain.Fold for numbers and slots.
func (c *coder) fold(d *Domain, n uint64) uint64 {
	if c.slot {
		return min(n, uint64(c.max1)-1)
	}
	return d.Fold(n)
}

// sizeRange is the number of a size range: 0 for 0, otherwise the bits of n. A Mix switches whole ranges off.
func sizeRange(n uint64) int { return bits.Len64(n) }
