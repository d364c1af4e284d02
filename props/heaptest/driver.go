package heaptest

import (
	"slices"
	"unsafe"

	"heapfuzz/model/heap"
	"heapfuzz/props/prog"
)

// need is an optional part or a promise without which an operation is skipped.
type need int

const (
	none need = iota
	needCalloc
	needAligned
	needRealloc
	needUsable
	needCheck
	needUsage
	needTrim
	needOOM
	needDoubleFree
	needInteriorFree
	needStrayFree
	needForeignFree
	needWildFree
	needCrossFree
	needOwner
	needDress
	needs
)

// What the messages of answers say besides errors.
const (
	counted  = "counted"        // the numbers are the allocator's statistics
	misgiven = "misgiven"       // they are too, and the operating system gave another footprint
	notOwned = "not owned"      // the allocator disowns the block that it gave, or owns what is not its own
	notGiven = "not given"      // the block is not in memory that the operating system gave
	damage   = "damaged before" // the value is the damage found before the misuse
)

// gone stands in an answer about an address that is not, or no longer, in memory that the system gave.
const gone = 1

// driver asks an allocator the operations of Lang: it is the props.Target of every allocator in this process. It fills
// each block over all its usable bytes with a pattern that depends on the slot and on how many blocks came before, and
// verifies them before each free and realloc. It allocates nothing as long as its slots do not grow.
type driver struct {
	parts
	contract heap.Contract
	has      [needs]bool
	open     func() (heap.Allocator, error) // another allocator of the same kind
	closed   func()                         // gives the buffers back; nil: there are none
	other    heap.Allocator                 // it, once cross-free needed one
	slots    []held
	bytes    uint64 // asked for in live blocks
	serial   uint64 // blocks handed out so far
	calls    uint64 // requests so far that a Dress counts
	blocks   int    // live ones
	seen     [transitions]uint64
}

// held is what a slot holds. Its zero value is a dead slot.
type held struct {
	p            ptr
	size, usable uintptr
	seed         uint64
	call         uint64 // the number of the request that made it
	live         bool
}

// parts are an allocator taken apart; the optional ones may be nil.
type parts struct {
	heap.Allocator
	calloc  heap.Callocer
	aligned heap.Aligner
	realloc heap.Reallocer
	usable  heap.UsableSizer
	owner   heap.Owner
	checker heap.Checker
	cheap   heap.CheapChecker
	user    heap.User
	trim    heap.Trimmer
	oom     heap.OOMInjector
	explain heap.Explainer
	stater  heap.Stater
	witness heap.Witness
	closer  heap.Closer
	ground  heap.Grounded
}

// take finds the parts of an allocator. An adapter brings the value that it adapts, whose parts are taken as well.
func take(a heap.Allocator) parts {
	p := parts{Allocator: a}
	from := func(v any) {
		pick(&p.calloc, v)
		pick(&p.aligned, v)
		pick(&p.realloc, v)
		pick(&p.usable, v)
		pick(&p.owner, v)
		pick(&p.checker, v)
		pick(&p.cheap, v)
		pick(&p.user, v)
		pick(&p.trim, v)
		pick(&p.oom, v)
		pick(&p.explain, v)
		pick(&p.stater, v)
		pick(&p.witness, v)
		pick(&p.closer, v)
		pick(&p.ground, v)
	}
	if w, ok := a.(interface{ adapted() any }); ok {
		from(w.adapted())
	}
	from(a)
	return p
}

func pick[I any](part *I, v any) {
	if i, ok := v.(I); ok {
		*part = i
	}
}

func newDriver(a heap.Allocator, c heap.Contract, open func() (heap.Allocator, error)) *driver {
	d := &driver{parts: take(a), contract: c, open: open}
	d.has = offers(d.parts, c)
	return d
}

// offers tells which needs an allocator with these parts and this contract meets.
func offers(p parts, c heap.Contract) (has [needs]bool) {
	has[none] = true
	has[needCalloc] = p.calloc != nil
	has[needAligned] = p.aligned != nil
	has[needRealloc] = p.realloc != nil
	has[needUsable] = p.usable != nil
	has[needCheck] = p.checker != nil
	has[needUsage] = p.user != nil
	has[needTrim] = p.trim != nil
	has[needOOM] = p.oom != nil
	has[needDoubleFree] = c.DoubleFree != heap.Undefined
	has[needInteriorFree] = c.InteriorFree != heap.Undefined
	has[needStrayFree] = c.StrayFree != heap.Undefined
	has[needOwner] = p.owner != nil
	has[needDress] = c.Dress != nil && p.realloc != nil
	has[needForeignFree] = c.ForeignFree != heap.Undefined
	has[needWildFree] = c.WildFree != heap.Undefined
	has[needCrossFree] = c.CrossFree != heap.Undefined
	return has
}

// Close gives the allocator's memory back.
func (d *driver) Close() error {
	if d.closed != nil {
		defer d.closed()
	}
	var err error
	for _, a := range []any{d.closer, d.other} {
		if c, ok := a.(heap.Closer); ok {
			if e := c.Close(); err == nil {
				err = e
			}
		}
	}
	return err
}

func (d *driver) live(slot prog.Slot) bool { return int(slot) < len(d.slots) && d.slots[slot].live }

func (d *driver) room(size uintptr) bool {
	return heap.Room(d.bytes, size)
}

// called counts a request for a block as debug hooks do.
func (d *driver) called(size uintptr) {
	if d.contract.Dress != nil && size <= d.contract.Dress.SizeMax {
		d.calls++
	}
}

// made takes the answer to a request for a block into the slot, and fills out in place: an Outcome is too large for
// registers, and each function that returns one has the processor wait until it is written.
func (d *driver) made(out *prog.Outcome, slot prog.Slot, p ptr, r request) {
	if p == nil {
		*out = d.refused(0)
		return
	}
	if int(slot) >= len(d.slots) {
		d.slots = append(d.slots, make([]held, max(int(slot)+1, 2*len(d.slots), 32)-len(d.slots))...)
	}
	h := &d.slots[slot]
	d.hold(out, h, p, r.size)
	if r.is&zeroed != 0 && h.usable >= r.size {
		out.Value = nonZero(p, r.size)
	}
	if d.contract.Dress != nil && out.Msg == "" {
		if out.Msg = d.undressed(h); out.Msg == "" && r.is&zeroed == 0 {
			out.Msg = d.unfilled(p, 0, r.size)
		}
	}
	d.write(h)
}

// hold makes h the block at p. The message is notOwned when the allocator says that the block is not its own.
func (d *driver) hold(out *prog.Outcome, h *held, p ptr, size uintptr) {
	d.serial++
	h.p, h.size, h.usable, h.seed, h.call, h.live = p, size, size, d.serial, d.calls, true
	d.bytes += uint64(size)
	d.blocks++
	d.seen[sizeStep(size)]++
	d.crowded()
	if d.usable != nil {
		h.usable = d.usable.UsableSize(p)
	}
	out.Addr, out.Size, out.State = uint64(uintptr(p)), uint64(h.usable), d.state(p)
	if h.usable < size || size >= heap.NoSuchSize {
		h.usable = 0 // a lie ends the run: the block is not written
	} else if d.owner != nil && !d.owner.Owns(p, h.usable) {
		out.Msg, h.usable = notOwned, 0
	} else if d.ground != nil && !d.ground.Gave(p, h.usable) {
		out.Msg, h.usable = notGiven, 0
	}
}

// refused is the answer to a request that failed, with blocks (Addr) and bytes (Size) in use, so that the model sees
// whether anything changed. Value is the harm done to the old block, if there was one.
func (d *driver) refused(harm uint64) prog.Outcome {
	d.seen[noMemory]++
	out := d.count()
	return prog.Outcome{Status: prog.NoMem, Value: harm, Addr: out.Value, Size: out.Size, Msg: out.Msg}
}

// count asks for the statistics: Value is the number of blocks, Size the bytes, Addr the footprint, and Msg tells that
// they are there.
func (d *driver) count() prog.Outcome {
	if d.user == nil {
		return prog.Outcome{}
	}
	blocks, bytes, footprint := d.user.Usage()
	if d.ground != nil {
		if given, exact := d.ground.Given(); exact && given != footprint {
			return prog.Outcome{Value: blocks, Size: bytes, Addr: footprint, Msg: misgiven}
		}
	}
	return prog.Outcome{Value: blocks, Size: bytes, Addr: footprint, Msg: counted}
}

func (d *driver) release(op prog.Op) (out prog.Outcome) {
	h := &d.slots[op.Args[0]]
	if out.Value = d.harm(h); out.Value != 0 {
		return
	}
	old := *h
	out.State = d.state(h.p)
	if d.contract.Dress != nil {
		out.Msg = d.undressed(h)
	}
	d.drop(h)
	d.Free(old.p)
	if d.contract.Dress != nil && out.Msg == "" {
		out.Msg = d.undead(&old)
	}
	return
}

// state is the state around a block that was made or is about to be freed.
func (d *driver) state(p ptr) uint8 {
	if d.stater == nil {
		return 0
	}
	return d.stater.State(p)
}

// freeNil answers with blocks (Addr) and bytes (Size) in use, hidden: that nothing happened is all that can be seen.
func (d *driver) freeNil(prog.Op) prog.Outcome {
	d.Free(nil)
	out := d.count()
	return prog.Outcome{Addr: out.Value, Size: out.Size, Msg: out.Msg}
}

func (d *driver) drop(h *held) {
	d.bytes -= uint64(h.size)
	d.blocks--
	*h = held{}
}

func (d *driver) verify(op prog.Op) (out prog.Outcome) {
	h := &d.slots[op.Args[0]]
	out.Value = d.harm(h)
	if d.contract.Dress != nil {
		out.Msg = d.undressed(h)
	}
	return
}

func (d *driver) askUsable(op prog.Op) prog.Outcome {
	return prog.Outcome{Size: uint64(d.usable.UsableSize(d.slots[op.Args[0]].p))}
}

// resize verifies the block before it is resized, and afterwards the bytes that must have been kept. An answer without
// address says that the block was damaged before; one with status NoMem and a value that it was damaged by the failed
// realloc.
func (d *driver) resize(op prog.Op) (out prog.Outcome) {
	h, size := &d.slots[op.Args[0]], uintptr(op.Args[1])
	if !d.room(size) {
		out.Status = prog.Skip
		return
	}
	if out.Value = d.harm(h); out.Value != 0 {
		return
	}
	old := *h
	d.called(size)
	p := d.realloc.Realloc(h.p, size)
	if p == nil {
		if size == 0 && d.contract.ReallocZeroFrees {
			d.drop(h)
			return
		}
		out = d.refused(d.harm(h))
		if d.contract.Dress != nil && d.undressed(h) != "" {
			out.Value = 1 // the damage is in front of the block or behind it
		}
		return
	}
	if p == old.p {
		d.seen[movedNot]++
	} else {
		d.seen[movedTo]++
	}
	d.drop(h)
	d.hold(&out, h, p, size)
	if h.usable >= size {
		filled, _ := regions(old.usable)
		out.Value = compare(p, 0, min(size, old.size, filled), old.seed)
	}
	if d.contract.Dress != nil && out.Msg == "" {
		out.Msg = d.redressed(h, &old)
	}
	d.write(h)
	return
}

func (d *driver) drain(prog.Op) prog.Outcome {
	for i := range d.slots {
		if !d.slots[i].live {
			continue
		}
		if out := d.release(prog.Op{Args: [3]uint64{uint64(i)}}); out.Value != 0 || out.Msg != "" {
			out.Addr = uint64(i)
			return out
		}
	}
	return prog.Outcome{}
}

func (d *driver) check(op prog.Op) prog.Outcome {
	var err error
	if op.Args[0] == 0 && d.cheap != nil {
		err = d.cheap.CheckCheap()
	} else {
		err = d.checker.CheckInvariants()
	}
	if err != nil {
		return prog.Outcome{Status: prog.Fail, Msg: err.Error()}
	}
	return prog.Outcome{}
}

// misuse frees what must not be freed: Value is 1 when the allocator panicked, as it does where it detects the misuse,
// and the message is the name that it has for it.
func (d *driver) misuse(p ptr) (out prog.Outcome) {
	defer func() { detected(&out, recover()) }()
	if d.ground != nil && !d.ground.Gave(p, 1) {
		out.Size = gone
	}
	d.Free(p)
	return out
}

// detected takes what the allocator panicked with into the answer.
func detected(out *prog.Outcome, e any) {
	if e == nil {
		return
	}
	out.Value = 1
	if m, ok := e.(heap.Misuser); ok {
		out.Msg = m.Misuse()
	}
}

func (d *driver) doubleFree(op prog.Op) prog.Outcome {
	p := d.slots[op.Args[0]].p
	if out := d.release(op); out.Value != 0 {
		return prog.Outcome{Value: out.Value, Msg: damage}
	}
	return d.misuse(p)
}

func (d *driver) strayFree(op prog.Op) prog.Outcome {
	h := d.slots[op.Args[0]]
	if h.usable < 2 {
		return prog.Outcome{Status: prog.Skip}
	}
	if out := d.release(op); out.Value != 0 {
		return prog.Outcome{Value: out.Value, Msg: damage}
	}
	return d.misuse(unsafe.Add(h.p, 1+uintptr(op.Args[1])%(h.usable-1)))
}

func (d *driver) interiorFree(op prog.Op) prog.Outcome {
	h := &d.slots[op.Args[0]]
	if h.usable < 2 {
		return prog.Outcome{Status: prog.Skip}
	}
	return d.misuse(unsafe.Add(h.p, 1+uintptr(op.Args[1])%(h.usable-1)))
}

// foreign is memory that no allocator handed out. Its words are small numbers, which an allocator that looks there for
// its own headers takes for plausible indices.
var foreign [3 * 4096]uint32

// behindFree frees nothing where a block begins there. As that is a matter of addresses, what happened is hidden: Addr
// is Value and one more.
func (d *driver) behindFree(op prog.Op) prog.Outcome {
	h := &d.slots[op.Args[0]]
	p := unsafe.Add(h.p, h.usable)
	if slices.ContainsFunc(d.slots, func(o held) bool { return o.live && o.p == p }) {
		return prog.Outcome{}
	}
	out := d.misuse(p)
	out.Addr, out.Value = out.Value+1, 0
	return out
}

// askOwner tells, hidden, whether bytes near a block are the allocator's.
func (d *driver) askOwner(op prog.Op) (out prog.Outcome) {
	p, size := unsafe.Add(d.slots[op.Args[0]].p, op.Args[1]), uintptr(op.Args[2])
	if d.owner.Owns(p, size) {
		out.Size = 1
	}
	if d.ground != nil && !d.ground.Gave(p, size) {
		out.Addr = gone
	}
	if d.owner.Owns(ptr(&foreign[1024]), 1) {
		out.Msg = notOwned
	}
	return out
}

func (d *driver) foreignFree(op prog.Op) prog.Outcome {
	return d.misuse(ptr(&foreign[1024+op.Args[0]%1024]))
}

func (d *driver) wildFree(op prog.Op) prog.Outcome {
	return d.misuse(pointer(uintptr(1+op.Args[0]) << 4))
}

func (d *driver) crossFree(op prog.Op) prog.Outcome {
	if d.other == nil {
		a, err := d.open()
		if err != nil {
			return prog.Outcome{Status: prog.Skip}
		}
		d.other = a
	}
	p := d.other.Alloc(uintptr(op.Args[0]))
	if p == nil {
		return prog.Outcome{Status: prog.Skip}
	}
	out := d.misuse(p)
	d.other.Free(p)
	return out
}

// pointer makes a pointer of a number. It is handed to Free and never followed by the driver, so that it need not point
// at anything: the page at address 0 is never mapped, and neither the collector nor checkptr objects to addresses
// outside Go's heap.
func pointer(n uintptr) ptr { return *(*ptr)(unsafe.Pointer(&n)) }
