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
//	          512, powers of two above; of an object, its number of fields in the place of bytes; in a language
//	          without sizes the operation's first number, a key say
//	answer    ok, skip, nomem or fail
//	place     where a new block lies: on the block freed last, on another one freed before, right beside the one
//	          handed out last, elsewhere; for realloc also: where it was
//	crowd     how many blocks live: 0, 1-3, 4-15, 16-63, ... 4096 and more
//	state     what the target says of the memory around the block, if it says anything: pymalloc tells six states of a
//	          pool apart, after a block was made and before one is freed
//
// Coverage counts the distinct behaviours of a target. It looks at answers only, so that it means the same for a Go
// arena and for a library in a child process (which tells no state), and it cannot tell how many behaviours there are:
// a run is compared with other runs and with its own past, not with 100 %. What it is for is to see that a run has
// become stale, and that a mix is not all of one kind.
//
// # Places without addresses
//
// The system puts a mapping where it likes, so that two blocks which lie in two mappings lie differently in each run.
// In one mapping they do not, and a page that holds a live block has not gone back to the system. So a new block has a
// place only in a page where another one lives, and of what was freed in that page only what was freed since there is
// always one that lives is remembered. All other blocks lie elsewhere, the first one of each page among them: that is
// less than addresses would tell, and the same in every run.
//
// It takes a target that asks the system for whole pages and divides them by what it was asked. Go's heap does not:
// what it gives depends on its collector and on other goroutines. Target.Placed tells which targets are such, and for
// the others the only place is where realloc left the block.
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

// has tells whether the behaviour was seen.
func (c *Coverage) has(behaviour uint32) bool {
	return c.words[behaviour/64].Load()&(1<<(behaviour%64)) != 0
}

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
	placeFree        // where a block was that was freed before
	placeNext        // right behind the block handed out last, or right before it
	placeElse        // elsewhere
	placeSame        // realloc: where it was before
)

// walker follows one run after the other and keeps its tables between them.
type walker struct {
	placed  bool       // set by walk: the target's places are looked at
	spec    *prog.Spec // of the tables that follow
	sizeOf  []int      // by kind: the place of the argument "size" or "fields", -1 when there is none
	firstOf []int      // by kind: the place of the first number, -1 when there is none
	sized   bool       // some kind has a size; otherwise the first number stands for it
	slots   []walked
	used    []prog.Slot // the slots that hold something, to be cleared
	pages   map[uint64]page
	freed   map[uint64]int // by address: the time at which a block was freed there
	now     int            // counts blocks that were made and freed: the time in pages and freed
	last    walked         // the block handed out last
	gone    uint64         // the address of the block freed last
	live    int

	fresh []uint32 // behaviours of this run that the coverage lacked
	peak  int      // blocks that lived at once in this run
	tally
}

// page is what is known of the blocks that begin in 4 KiB of memory.
type page struct {
	live  int // how many live
	since int // the time from which on there was always one; not set while there is none
}

const pageBits = 12

// walked is a slot's block. Addr is 0 in a dead slot.
type walked struct {
	addr, usable uint64
	size         uint8
}

// tally counts operations by their answers.
type tally struct{ answers [4]uint64 }

func (w *walker) begin(spec *prog.Spec) {
	if w.spec != spec {
		w.learn(spec)
	}
	for _, s := range w.used {
		w.slots[s] = walked{}
	}
	if w.pages == nil {
		w.pages, w.freed = map[uint64]page{}, map[uint64]int{}
	}
	clear(w.pages)
	clear(w.freed)
	w.used, w.fresh, w.last, w.gone, w.now = w.used[:0], w.fresh[:0], walked{}, 0, 0
	w.live, w.peak, w.tally = 0, 0, tally{}
}

// learn looks at the table of a language.
func (w *walker) learn(spec *prog.Spec) {
	w.spec, w.sized = spec, false
	w.sizeOf, w.firstOf = make([]int, len(spec.Rows)), make([]int, len(spec.Rows))
	for k, row := range spec.Rows {
		w.sizeOf[k], w.firstOf[k] = -1, -1
		for i, a := range row.Args {
			if a.Name == "size" || a.Name == "fields" {
				w.sizeOf[k], w.sized = i, true
			}
			if !a.Domain.IsSlot && w.firstOf[k] < 0 {
				w.firstOf[k] = i
			}
		}
	}
}

// walk returns what a run showed that the coverage lacks, valid until the next walk; a behaviour may be there twice.
// The tally and the peak are of this run. The coverage is not changed: which runs count is decided later.
func (w *walker) walk(c *Coverage, placed bool, spec *prog.Spec, ops []prog.Op, trace prog.Trace) []uint32 {
	w.begin(spec)
	w.placed = placed
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
		if !c.has(b) {
			w.fresh = append(w.fresh, b)
		}
	}
	return w.fresh
}

// step follows one operation through the slots.
func (w *walker) step(spec *prog.Spec, op *prog.Op, out *prog.Outcome) (size uint8, place int) {
	if i := w.sizeOf[op.Kind]; i >= 0 {
		size = class(op.Args[i])
	}
	if i := w.firstOf[op.Kind]; i >= 0 && !w.sized {
		size = class(op.Args[i])
	}
	role := spec.Rows[op.Kind].Role
	slot := op.Def
	if role == prog.Use || role == prog.Kill {
		slot = prog.Slot(op.Args[0])
		if w.sizeOf[op.Kind] < 0 && w.sized {
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
	case role == prog.Make && !w.sized: // what has no size need not have an address
		w.put(slot, &prog.Outcome{Addr: 1}, size)
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
		w.enter(out.Addr)
	}
	w.last = walked{out.Addr, out.Size, size}
	w.slots[slot] = w.last
}

func (w *walker) kill(slot prog.Slot) {
	if b := w.at(slot); b.addr != 0 {
		w.leave(b.addr)
		w.slots[slot] = walked{}
		w.live--
	}
}

// enter and leave follow the block at addr into its page and out of it.
func (w *walker) enter(addr uint64) {
	if !w.placed {
		return
	}
	w.now++
	p := w.pages[addr>>pageBits]
	if p.live++; p.live == 1 {
		p.since = w.now
	}
	w.pages[addr>>pageBits] = p
}

func (w *walker) leave(addr uint64) {
	if !w.placed {
		return
	}
	w.now++
	w.gone, w.freed[addr] = addr, w.now
	p := w.pages[addr>>pageBits]
	p.live--
	w.pages[addr>>pageBits] = p
}

// place says where a block lies that is about to enter its page.
func (w *walker) place(out *prog.Outcome) int {
	p := w.pages[out.Addr>>pageBits]
	if p.live == 0 {
		return placeElse
	}
	beside := out.Addr == w.last.addr+w.last.usable || out.Addr+out.Size == w.last.addr
	switch {
	case w.freed[out.Addr] > p.since && out.Addr == w.gone:
		return placeLast
	case w.freed[out.Addr] > p.since:
		return placeFree
	case beside && w.last.addr>>pageBits == out.Addr>>pageBits:
		return placeNext
	}
	return placeElse
}

// class is the size class of n: 0, then one for each 16 bytes up to 512, then one for each power of two.
func class(n uint64) uint8 {
	if n <= 512 {
		return uint8((n + 15) / 16)
	}
	return uint8(33 + bits.Len64(n-1) - 10)
}

// crowd is the bucket of a number of blocks: 0, 1-3, 4-15, ...
func crowd(n int) int { return (bits.Len(uint(n)) + 1) / 2 }
