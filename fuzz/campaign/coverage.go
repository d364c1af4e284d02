package campaign

import (
	"math/bits"
	"sync/atomic"

	"heapfuzz/props/prog"
)

// A behaviour is what one answered operation looked like from outside. Two operations show the same behaviour when they
// agree in
//
//	kind      the operation
//	size      the size class of the block asked for, or of the block that the operation is on: steps of 16 bytes up to
//	          512, powers of two above
//	answer    ok, skip, nomem or fail
//	place     where a new block lies: on the block freed last, on another one freed since the start, beside the one
//	          handed out last, within 4 KiB of it, far from it; for realloc also: where it was
//	crowd     how many blocks live: 0, 1-3, 4-15, 16-63, ... 4096 and more
//	state     what the target says of the memory around the block, if it says anything: pymalloc tells six states of a
//	          pool apart, after a block was made and before one is freed
//
// Coverage counts the distinct behaviours of a target. It looks at answers only, so that it means the same for a Go
// arena and for a library in a child process (which tells no state), and it cannot tell how many behaviours there are: a run is compared with
// other runs and with its own past, not with 100 %. What it is for is to see that a run has become stale, and that a
// mix is not all of one kind.
//
// The blocks freed since the start are remembered by a hash of their address in a table of 4096 places, where a later
// one overwrites an earlier: a block on a place forgotten counts as far. A place is thus a hint, and everything else is
// exact.
type Coverage struct {
	words [behaviours / 64]atomic.Uint64
	n     atomic.Int64
}

const (
	kindBits, sizeBits, answerBits, placeBits, crowdBits, stateBits = 7, 7, 2, 3, 3, 3

	behaviours = 1 << (kindBits + sizeBits + answerBits + placeBits + crowdBits + stateBits) // 32 Mi, in 4 MiB
)

// Count returns the number of distinct behaviours so far.
func (c *Coverage) Count() int { return int(c.n.Load()) }

// add tells whether the behaviour is new.
func (c *Coverage) add(behaviour uint32) bool {
	word, bit := &c.words[behaviour/64], uint64(1)<<(behaviour%64)
	if word.Load()&bit != 0 || word.Or(bit)&bit != 0 {
		return false
	}
	c.n.Add(1)
	return true
}

// Where a block lies.
const (
	placeNone = iota // the operation made no block
	placeLast        // where the block freed last was
	placeFree        // where a block was that was freed
	placeNext        // right behind the block handed out last, or right before it
	placeNear        // within 4 KiB of it
	placeFar
	placeSame // realloc: where it was before
)

// walker follows one run after the other and keeps its tables between them.
type walker struct {
	sizeOf []int // by kind: the place of the argument "size", -1 when there is none
	slots  []walked
	used   []prog.Slot // the slots that hold something, to be cleared
	freed  [4096]uint64
	last   walked // the block handed out last
	gone   uint64 // the address of the block freed last
	live   int

	peak int // blocks that lived at once in this run
	tally
}

// walked is a slot's block. Addr is 0 in a dead slot.
type walked struct {
	addr, usable uint64
	size         uint8
}

// tally counts operations by their answers.
type tally struct{ answers [4]uint64 }

func (w *walker) begin(spec *prog.Spec) {
	if len(w.sizeOf) != len(spec.Rows) {
		w.sizeOf = make([]int, len(spec.Rows))
		for k, row := range spec.Rows {
			w.sizeOf[k] = -1
			for i, a := range row.Args {
				if a.Name == "size" {
					w.sizeOf[k] = i
				}
			}
		}
	}
	for _, s := range w.used {
		w.slots[s] = walked{}
	}
	w.used, w.last, w.gone, w.live, w.peak, w.tally = w.used[:0], walked{}, 0, 0, 0, tally{}
	clear(w.freed[:])
}

// walk adds what a run showed to the coverage and returns how much of it was new. The tally and the peak are of this
// run.
func (w *walker) walk(c *Coverage, spec *prog.Spec, ops []prog.Op, trace prog.Trace) (fresh int) {
	w.begin(spec)
	for i := range trace {
		op, out := &ops[i], &trace[i]
		w.answers[out.Status&3]++
		size, place := w.step(spec, op, out)
		b := uint32(op.Kind)
		b = b<<sizeBits | uint32(size)
		b = b<<answerBits | uint32(out.Status&3)
		b = b<<placeBits | uint32(place)
		b = b<<crowdBits | uint32(min(crowd(w.live), 1<<crowdBits-1))
		b = b<<stateBits | uint32(out.State&(1<<stateBits-1))
		if c.add(b) {
			fresh++
		}
	}
	return fresh
}

// step follows one operation through the slots.
func (w *walker) step(spec *prog.Spec, op *prog.Op, out *prog.Outcome) (size uint8, place int) {
	if i := w.sizeOf[op.Kind]; i >= 0 {
		size = class(op.Args[i])
	}
	role := spec.Rows[op.Kind].Role
	slot := op.Def
	if role == prog.Use || role == prog.Kill {
		slot = prog.Slot(op.Args[0])
		if w.sizeOf[op.Kind] < 0 {
			size = w.at(slot).size
		}
	}
	if out.Status != prog.OK {
		return size, placeNone
	}
	switch {
	case role == prog.Make && out.Addr != 0:
		place = w.place(out)
		w.put(slot, out, size)
	case role == prog.Use && w.sizeOf[op.Kind] >= 0 && out.Addr != 0:
		if w.at(slot).addr == out.Addr {
			place = placeSame
		} else {
			place = w.place(out)
			w.kill(slot)
		}
		w.put(slot, out, size)
	case role == prog.Kill, role == prog.Use && w.sizeOf[op.Kind] >= 0:
		w.kill(slot)
	case role == prog.KillAll:
		for _, s := range w.used {
			w.kill(s)
		}
	}
	return size, place
}

func (w *walker) at(slot prog.Slot) walked {
	if int(slot) < len(w.slots) {
		return w.slots[slot]
	}
	return walked{}
}

func (w *walker) put(slot prog.Slot, out *prog.Outcome, size uint8) {
	if int(slot) >= len(w.slots) {
		w.slots = append(w.slots, make([]walked, int(slot)+1-len(w.slots))...)
	}
	if w.slots[slot].addr == 0 {
		w.used = append(w.used, slot)
		w.live++
		w.peak = max(w.peak, w.live)
	}
	w.last = walked{out.Addr, out.Size, size}
	w.slots[slot] = w.last
}

func (w *walker) kill(slot prog.Slot) {
	if b := w.at(slot); b.addr != 0 {
		w.gone = b.addr
		w.freed[hash(b.addr)] = b.addr
		w.slots[slot] = walked{}
		w.live--
	}
}

func (w *walker) place(out *prog.Outcome) int {
	switch away := max(out.Addr, w.last.addr) - min(out.Addr, w.last.addr); {
	case out.Addr == w.gone:
		return placeLast
	case w.freed[hash(out.Addr)] == out.Addr:
		return placeFree
	case out.Addr == w.last.addr+w.last.usable, out.Addr+out.Size == w.last.addr:
		return placeNext
	case away < 4096:
		return placeNear
	}
	return placeFar
}

func hash(addr uint64) uint64 { return addr * 0x9E3779B97F4A7C15 >> 52 }

// class is the size class of n: 0, then one for each 16 bytes up to 512, then one for each power of two.
func class(n uint64) uint8 {
	if n <= 512 {
		return uint8((n + 15) / 16)
	}
	return uint8(33 + bits.Len64(n-1) - 10)
}

// crowd is the bucket of a number of blocks: 0, 1-3, 4-15, ...
func crowd(n int) int { return (bits.Len(uint(n)) + 1) / 2 }
