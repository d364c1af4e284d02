package trace

import (
	"errors"
	"fmt"
	"math/bits"

	"heapfuzz/props/prog"
)

// words are the kinds and the argument places that a recording needs, looked up once.
type words struct {
	alloc, calloc, aligned, realloc, reallocNil, free prog.Kind
	size                                              [256]uint8 // of a kind: the place of its "size"
	callocN, alignedAlign                             uint8
}

func newWords(spec *prog.Spec) (w words, err error) {
	kind := func(name string, args ...string) prog.Kind {
		k, ok := spec.Lookup(name)
		if !ok {
			err = fmt.Errorf("trace: %s has no operation %q", spec.Name, name)
			return 0
		}
		for _, arg := range args {
			i := place(spec.Info(k), arg)
			switch {
			case i < 0:
				err = fmt.Errorf("trace: %s of %s has no argument %q", name, spec.Name, arg)
			case arg == "size":
				w.size[k] = uint8(i)
			case arg == "n":
				w.callocN = uint8(i)
			case arg == "align":
				w.alignedAlign = uint8(i)
			}
		}
		return k
	}
	w.alloc = kind("alloc", "size")
	w.calloc = kind("calloc", "n", "size")
	w.aligned = kind("aligned", "align", "size")
	w.realloc = kind("realloc", "size")
	w.reallocNil = kind("realloc-nil", "size")
	w.free = kind("free")
	return w, err
}

// place returns the place of the number of that name, -1 when there is none.
func place(info *prog.Info, name string) int {
	for i, a := range info.Args {
		if a.Name == name && !a.Domain.IsSlot {
			return i
		}
	}
	return -1
}

// block is what is known of a live one.
type block struct {
	slot prog.Slot
	size uint64
}

// builder turns what happened to addresses into operations on slots, and counts. The formats call acquire, release
// and resize.
//
// Always true:
//
//  1. A slot below next is either of exactly one live block or in idle.
//  2. next is at most the most blocks that lived at once, since it grows only when idle is empty.
//  3. blocks and bytes count the live ones, also those that a thread is just moving (which live does not hold).
type builder struct {
	spec  *prog.Spec
	words words
	lim   Limits

	live   map[uint64]block
	idle   slots
	next   prog.Slot
	blocks int
	bytes  uint64

	world   [prog.ArgsMax]uint64
	ops     []prog.Op
	notes   []Note
	threads map[uint64]struct{}
	stats   Stats
	cut     bool // there was more than Limits.Ops
}

// errCut ends the reading of a trace that is long enough.
var errCut = errors.New("cut")

func newBuilder(spec *prog.Spec, lim Limits) (*builder, error) {
	w, err := newWords(spec)
	if err != nil {
		return nil, err
	}
	return &builder{
		spec: spec, words: w, lim: lim,
		live: map[uint64]block{}, threads: map[uint64]struct{}{},
	}, nil
}

func (b *builder) program() prog.Program { return prog.Program{World: b.world, Ops: b.ops} }

// room tells whether there may be one more operation. It is asked before anything is counted, so that the numbers of
// a trace that is cut are those of its operations.
func (b *builder) room() error {
	switch {
	case len(b.ops) < b.lim.Ops:
		return nil
	case b.lim.Cut:
		b.cut = true
		return errCut
	}
	return fmt.Errorf("more than %d operations", b.lim.Ops)
}

func (b *builder) emit(op prog.Op) { b.ops = append(b.ops, op) }

// thread notes that the thread did something.
func (b *builder) thread(tid uint64) error {
	if _, ok := b.threads[tid]; ok {
		return nil
	}
	if len(b.threads) >= b.lim.Threads {
		return fmt.Errorf("more than %d threads", b.lim.Threads)
	}
	b.threads[tid] = struct{}{}
	return nil
}

// total is the product of calloc, refused where it is no size that can have been granted.
func (b *builder) total(n, size uint64) (uint64, error) {
	hi, lo := bits.Mul64(n, size)
	if hi != 0 || lo > b.lim.SizeMax {
		return 0, fmt.Errorf("size of %d times %d is above %d, the most bytes of a block", n, size, b.lim.SizeMax)
	}
	return lo, nil
}

// alignMax bounds the alignment of a block.
const alignMax = 1 << 31

// acquire is a request of one of the kinds that make a block, answered with addr. first is calloc's count or
// aligned's alignment.
func (b *builder) acquire(kind prog.Kind, addr, first, size uint64) error {
	if addr == 0 {
		b.stats.Refused++
		return nil
	}
	op := prog.Op{Kind: kind}
	n := uint64(1)
	switch kind {
	case b.words.calloc:
		n, op.Args[b.words.callocN] = first, first
	case b.words.aligned:
		if first > alignMax {
			return fmt.Errorf("alignment %d is above %d, the largest alignment", first, alignMax)
		}
		op.Args[b.words.alignedAlign] = 1 << bits.Len64(max(first, 1)-1) // as C libraries do: up to a power of two
	}
	op.Args[b.words.size[kind]] = size
	bytes, err := b.total(n, size)
	if err != nil {
		return err
	}
	if err := b.vacate(addr); err != nil {
		return err
	}
	if err := b.room(); err != nil {
		return err
	}
	if op.Def, err = b.slot(); err != nil {
		return err
	}
	b.live[addr] = block{op.Def, bytes}
	b.stats.Allocs++
	b.grow(0, bytes)
	b.emit(op)
	return nil
}

// vacate makes sure that nobody lives at addr. Who lives there all the same was freed unseen.
func (b *builder) vacate(addr uint64) error {
	old, ok := b.live[addr]
	if !ok {
		return nil
	}
	if !b.lim.Lenient {
		return fmt.Errorf("%#x is handed out, and is live as p%d", addr, old.slot)
	}
	b.stats.Overlaid++
	return b.release(addr)
}

// slot takes the lowest free slot.
func (b *builder) slot() (prog.Slot, error) {
	if b.blocks >= b.lim.Live {
		return 0, fmt.Errorf("more than %d live blocks", b.lim.Live)
	}
	b.blocks++
	b.stats.PeakBlocks = max(b.stats.PeakBlocks, b.blocks)
	if len(b.idle) > 0 {
		return b.idle.pop(), nil
	}
	b.next++
	return b.next - 1, nil
}

// grow counts a block that had old bytes and has size now.
func (b *builder) grow(old, size uint64) {
	b.bytes += size - old
	b.stats.PeakBytes = max(b.stats.PeakBytes, b.bytes)
}

// release is free.
func (b *builder) release(addr uint64) error {
	if addr == 0 {
		b.stats.NilFrees++
		return nil
	}
	old, ok, err := b.detach("free", addr)
	if err != nil || !ok {
		return err
	}
	return b.end(old)
}

// end frees a block that is detached.
func (b *builder) end(old block) error {
	if err := b.room(); err != nil {
		return err
	}
	b.idle.push(old.slot)
	b.blocks--
	b.grow(old.size, 0)
	b.stats.Frees++
	op := prog.Op{Kind: b.words.free}
	op.Args[0] = uint64(old.slot)
	b.emit(op)
	return nil
}

// detach takes a block off its address, before it is freed or moved. It tells whether there is one; that there is
// none is an error, or is counted.
func (b *builder) detach(what string, addr uint64) (block, bool, error) {
	old, ok := b.live[addr]
	if !ok {
		if !b.lim.Lenient {
			return block{}, false, fmt.Errorf("%s of %#x, which is not live", what, addr)
		}
		b.stats.Unmatched++
		return block{}, false, nil
	}
	delete(b.live, addr)
	return old, true, nil
}

// attach ends a realloc of a block that detach gave (known tells whether it did) to addr. addr 0 means that there is
// no new block: the old one was freed when size is 0, and lives on at oldAddr otherwise.
func (b *builder) attach(old block, known bool, oldAddr, addr, size uint64) error {
	if addr == 0 && size != 0 {
		b.stats.Refused++
		if known {
			b.live[oldAddr] = old
		}
		return nil
	}
	switch {
	case addr == 0 && known:
		return b.end(old)
	case addr == 0:
		return nil
	case !known:
		return b.acquire(b.words.alloc, addr, 0, size)
	}
	if _, err := b.total(1, size); err != nil {
		return err
	}
	if err := b.vacate(addr); err != nil {
		return err
	}
	if err := b.room(); err != nil {
		return err
	}
	b.live[addr] = block{old.slot, size}
	b.grow(old.size, size)
	b.stats.Reallocs++
	op := prog.Op{Kind: b.words.realloc}
	op.Args[0], op.Args[b.words.size[op.Kind]] = uint64(old.slot), size
	b.emit(op)
	return nil
}

// resize is a realloc of which nothing is seen between its two halves.
func (b *builder) resize(oldAddr, addr, size uint64) error {
	if oldAddr == 0 {
		return b.acquire(b.words.reallocNil, addr, 0, size)
	}
	old, known, err := b.detach("realloc", oldAddr)
	if err != nil {
		return err
	}
	return b.attach(old, known, oldAddr, addr, size)
}

// finish returns the numbers at the end.
func (b *builder) finish() Stats {
	s := b.stats
	s.Ops, s.LiveBlocks, s.LiveBytes = len(b.ops), b.blocks, b.bytes
	s.Threads = max(s.Threads, len(b.threads))
	if s.Threads == 0 {
		s.Threads = 1 // the format tells none apart
	}
	return s
}

// slots is a binary heap, the lowest first.
type slots []prog.Slot

func (h *slots) push(s prog.Slot) {
	*h = append(*h, s)
	q := *h
	i := len(q) - 1
	for i > 0 && q[(i-1)/2] > s {
		q[i] = q[(i-1)/2]
		i = (i - 1) / 2
	}
	q[i] = s
}

func (h *slots) pop() prog.Slot {
	q := *h
	low, s := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	*h = q
	i := 0
	for {
		c := 2*i + 1
		if c >= len(q) {
			break
		}
		if c+1 < len(q) && q[c+1] < q[c] {
			c++
		}
		if q[c] >= s {
			break
		}
		q[i] = q[c]
		i = c
	}
	if len(q) > 0 {
		q[i] = s
	}
	return low
}
