package dicttest

import (
	"strconv"

	"heapfuzz/model/dict"
	"heapfuzz/props/prog"
)

// need is an optional part without which an operation is skipped.
type need int

const (
	none need = iota
	needClear
	needPop
	needPopItem
	needPopFirst
	needDefault
	needUpdate
	needCopy
	needRebuild
	needFromKeys
	needMove
	needIterate
	needReverse
	needWalk
	needEqual
	needSize
	needReserve
	needCompare
	needProbe

	needCheck // from here on the store's parts will do
	needHeld
	needUsage
	needOOM
	needs
)

// held is a dict and its parts, each nil when the dict lacks it.
type held struct {
	dict.Dict
	has      [needs]bool
	clearer  dict.Clearer
	popper   dict.Popper
	item     dict.ItemPopper
	first    dict.FirstPopper
	def      dict.Defaulter
	updater  dict.Updater
	copier   dict.Copier
	rebuild  dict.Rebuilder
	keys     dict.KeyCopier
	mover    dict.Mover
	iterable dict.Iterable
	reverse  dict.Reversible
	ranger   dict.Ranger
	equaler  dict.Equaler
	sizer    dict.Sizer
	reserver dict.Reserver
	prober   dict.Prober
	comparer dict.Comparer
	checker  dict.Checker
	freer    dict.Freer

	writes int // operations that changed it, overwrote a value or reserved room
	iters  [dict.Iterators]stepper
	armed  script
	probes uint64 // before the operation
	bytes  uint64 // the size when it was looked at last
}

// stepper is an iteration that is under way.
type stepper struct {
	it     dict.Iterator
	writes int // of the dict, at the beginning
	over   bool
}

// script is what happens at the next comparison.
type script struct {
	act        dict.Act
	key, value uint64
	ran        bool
}

// outfitted is a Dict that is an adapter: what it adapts has fewer parts than its methods say.
type outfitted interface{ outfit(h *held) }

func hold(d dict.Dict) *held {
	h := &held{Dict: d}
	if o, ok := d.(outfitted); ok {
		o.outfit(h)
	} else {
		pickPart(&h.clearer, d, "clear")
		pickPart(&h.popper, d, "pop")
		pickPart(&h.item, d, "popitem")
		pickPart(&h.first, d, "popfirst")
		pickPart(&h.def, d, "setdefault")
		pickPart(&h.updater, d, "update")
		pickPart(&h.copier, d, "copy")
		pickPart(&h.rebuild, d, "rebuild")
		pickPart(&h.keys, d, "fromkeys")
		pickPart(&h.mover, d, "move")
		pickPart(&h.iterable, d, "iter")
		pickPart(&h.reverse, d, "reversed")
		pickPart(&h.ranger, d, "walk")
		pickPart(&h.equaler, d, "equal")
		pickPart(&h.sizer, d, "size")
		pickPart(&h.reserver, d, "reserve")
		pickPart(&h.prober, d, "probes")
		pickPart(&h.comparer, d, "compare")
		pickPart(&h.checker, d, "check")
		pickPart(&h.freer, d, "drop")
	}
	h.has = [needs]bool{
		needClear: h.clearer != nil, needPop: h.popper != nil, needPopItem: h.item != nil,
		needPopFirst: h.first != nil, needDefault: h.def != nil, needUpdate: h.updater != nil && h.clearer != nil,
		needCopy: h.copier != nil, needRebuild: h.rebuild != nil, needFromKeys: h.keys != nil, needMove: h.mover != nil,
		needIterate: h.iterable != nil, needReverse: h.reverse != nil, needWalk: h.ranger != nil,
		needEqual: h.equaler != nil, needSize: h.sizer != nil, needReserve: h.reserver != nil,
		needCompare: h.comparer != nil, needProbe: h.prober != nil, needCheck: h.checker != nil,
	}
	return h
}

func pick[I any](part *I, d any) bool {
	i, ok := d.(I)
	*part = i
	return ok
}

// pickPart picks a part, unless d says that it has only the method.
func pickPart[I any](part *I, d any, name string) {
	if p, ok := d.(dict.Partial); !ok || p.Offers(name) {
		pick(part, d)
	}
}

// driver asks dicts the operations of Lang: it is the props.Target of every dict in this process.
type driver struct {
	store    dict.Store
	contract dict.Contract
	has      [needs]bool
	checker  dict.Checker
	holder   dict.Holder
	user     dict.User
	oom      dict.OOMInjector
	trimmer  dict.Trimmer

	slots   []*held
	limited bool
	scarce  bool
	base    uint64              // bytes in use before there was a dict
	known   map[uint64]struct{} // keys that were set
	keys    []uint64            // in the order in which they were set first
	log     []byte
	asked   int // how often held was
	counts
}

func newDriver(s dict.Store, c dict.Contract) *driver {
	d := &driver{store: s, contract: c, known: map[uint64]struct{}{}, counts: counts{gone: map[uint64]struct{}{}}}
	pick(&d.trimmer, s)
	d.has = [needs]bool{
		none:      true,
		needCheck: pick(&d.checker, s),
		needHeld:  pick(&d.holder, s),
		needUsage: pick(&d.user, s),
		needOOM:   pick(&d.oom, s),
	}
	if d.user != nil {
		d.base, _ = d.user.Usage()
	}
	return d
}

// Do asks one operation.
func (d *driver) Do(op prog.Op) prog.Outcome {
	length := d.lengthOf(&op)
	out := Lang.Do(d, op)
	d.answered(&op, &out, length)
	return out
}

// Close ends all iterations, and gives the store's memory back.
func (d *driver) Close() error {
	for i := range d.slots {
		d.release(i)
	}
	if c, ok := d.store.(dict.Closer); ok {
		return c.Close()
	}
	return nil
}

func (d *driver) live(slot uint64) bool { return slot < uint64(len(d.slots)) && d.slots[slot] != nil }

func (d *driver) at(op prog.Op) *held { return d.slots[op.Args[0]] }

func (d *driver) enter(slot prog.Slot, made dict.Dict) *held {
	for int(slot) >= len(d.slots) {
		d.slots = append(d.slots, nil)
	}
	h := hold(made)
	d.slots[slot] = h
	if h.comparer != nil {
		h.comparer.OnCompare(nil)
	}
	return h
}

// release forgets a dict, after its iterations are over.
func (d *driver) release(slot int) {
	h := d.slots[slot]
	d.slots[slot] = nil
	if h == nil {
		return
	}
	for i := range h.iters {
		h.stop(i)
	}
	if h.freer != nil {
		h.freer.Free()
	}
}

func (h *held) stop(i int) {
	if c, ok := h.iters[i].it.(interface{ Close() }); ok {
		c.Close()
	}
	h.iters[i] = stepper{}
}

// note remembers a key that is set.
func (d *driver) note(key uint64) {
	if _, ok := d.known[key]; !ok {
		d.known[key] = struct{}{}
		d.keys = append(d.keys, key)
	}
}

// noteAct remembers the keys that an act sets.
func (d *driver) noteAct(act dict.Act, key uint64) {
	switch act {
	case dict.SetKey:
		d.note(key)
	case dict.Replace:
		d.note(key + 1)
	case dict.SetMany:
		for i := range uint64(dict.ManyKeys) {
			d.note(key + i)
		}
	}
}

// sure tells whether no request can be refused.
func (d *driver) sure() bool { return !d.limited && !d.scarce && !d.contract.MayRefuse }

// capacityMax is what is reserved at most where the contract does not say that more is refused.
const capacityMax = 1 << 14

// capacity is the number of entries that an operation makes room for.
func (d *driver) capacity(n uint64) int { return capacity(&d.contract, n) }

func capacity(c *dict.Contract, n uint64) int {
	if c.CapacityMax == 0 {
		return int(min(n, capacityMax))
	}
	return int(min(n, 1<<63-1))
}

// counted completes the answer of an operation on a dict with its length.
func counted(h *held, out prog.Outcome) prog.Outcome {
	out.Size = uint64(h.Len()) + 1
	return out
}

// count takes down the slots that were looked at before an operation on one key.
func (h *held) count() {
	if h.prober != nil {
		h.probes = h.prober.Probes()
	}
}

// keyed completes the answer of an operation on one key: with the slots that were looked at, and whether a script ran.
func keyed(h *held, out prog.Outcome) prog.Outcome {
	if h.prober != nil {
		out.Addr = (h.prober.Probes() - h.probes + 1) << 1
	}
	if h.armed.act != 0 && h.armed.ran {
		out.Addr |= 1
		h.disarm()
	}
	return counted(h, out)
}

func refused() prog.Outcome { return prog.Outcome{Status: prog.NoMem} }

// told is the visible answer of a lookup.
func told(value uint64, ok bool) prog.Outcome {
	if ok {
		return prog.Outcome{Value: value + 1}
	}
	return prog.Outcome{}
}

func yes(ok bool) prog.Outcome {
	if ok {
		return prog.Outcome{Value: 1}
	}
	return prog.Outcome{}
}

func (d *driver) make(op prog.Op) prog.Outcome {
	return d.made(op.Def, d.store.New(d.capacity(op.Args[0])))
}

func (d *driver) made(slot prog.Slot, made dict.Dict) prog.Outcome {
	if made == nil {
		return refused()
	}
	return counted(d.enter(slot, made), prog.Outcome{})
}

func (d *driver) copy(op prog.Op) prog.Outcome {
	from := d.at(op)
	made := from.copier.Copy()
	if made == nil {
		return refused()
	}
	h, out := d.enter(op.Def, made), prog.Outcome{}
	if h.sizer != nil && from.sizer != nil {
		out.Addr = from.sizer.Size()<<32 | h.sizer.Size()&(1<<32-1)
	}
	return counted(h, out)
}

func (d *driver) rebuild(op prog.Op) prog.Outcome {
	return d.made(op.Def, d.at(op).rebuild.Rebuild())
}

func (d *driver) fromKeys(op prog.Op) prog.Outcome {
	return d.made(op.Def, d.at(op).keys.FromKeys(op.Args[1]))
}

func (d *driver) drop(op prog.Op) prog.Outcome {
	d.release(int(op.Args[0]))
	return prog.Outcome{}
}

func (d *driver) get(op prog.Op) prog.Outcome {
	h := d.at(op)
	value, ok := h.Get(op.Args[1])
	return keyed(h, told(value, ok))
}

func (d *driver) set(op prog.Op) prog.Outcome {
	h := d.at(op)
	d.note(op.Args[1])
	if !h.Set(op.Args[1], op.Args[2]) {
		return keyed(h, refused())
	}
	h.writes++
	return keyed(h, prog.Outcome{})
}

func (d *driver) delete(op prog.Op) prog.Outcome {
	h := d.at(op)
	ok := h.Delete(op.Args[1])
	if ok {
		h.writes++
	}
	return keyed(h, yes(ok))
}

func (d *driver) pop(op prog.Op) prog.Outcome {
	h := d.at(op)
	value, ok := h.popper.Pop(op.Args[1])
	if ok {
		h.writes++
	}
	return keyed(h, told(value, ok))
}

func (d *driver) setDefault(op prog.Op) prog.Outcome {
	h := d.at(op)
	d.note(op.Args[1])
	before := h.Len()
	got, ok := h.def.SetDefault(op.Args[1], op.Args[2])
	if !ok {
		return keyed(h, refused())
	}
	if h.Len() != before {
		h.writes++
	}
	return keyed(h, told(got, true))
}

func (d *driver) popItem(op prog.Op) prog.Outcome {
	h := d.at(op)
	return popped(h)(h.item.PopItem())
}

func (d *driver) popFirst(op prog.Op) prog.Outcome {
	h := d.at(op)
	return popped(h)(h.first.PopFirst())
}

func popped(h *held) func(key, value uint64, ok bool) prog.Outcome {
	return func(key, value uint64, ok bool) prog.Outcome {
		if !ok {
			return prog.Outcome{}
		}
		h.writes++
		return prog.Outcome{Value: 1, Addr: key, Size: value}
	}
}

func (d *driver) clear(op prog.Op) prog.Outcome {
	h := d.at(op)
	if h.Len() > 0 {
		h.writes++
	}
	h.clearer.Clear()
	return counted(h, prog.Outcome{})
}

// update clears a dict that was updated by half, as nobody promises by which.
func (d *driver) update(op prog.Op) prog.Outcome {
	h, from := d.at(op), d.slots[op.Args[1]]
	h.quiet()
	from.quiet()
	was := h.Len()
	if h != from && from.Len() > 0 {
		h.writes++
	}
	if !h.updater.Update(from.Dict) {
		if was > 0 {
			h.writes++
		}
		h.clearer.Clear()
		return counted(h, refused())
	}
	return counted(h, prog.Outcome{})
}

func (d *driver) move(op prog.Op) prog.Outcome {
	h := d.at(op)
	ok := h.mover.Move(op.Args[1], op.Args[2] != 0)
	if ok {
		h.writes++
	}
	return keyed(h, yes(ok))
}

func (d *driver) equal(op prog.Op) prog.Outcome {
	h, other := d.at(op), d.slots[op.Args[1]]
	h.quiet()
	other.quiet()
	return yes(h.equaler.Equal(other.Dict))
}

func (d *driver) length(op prog.Op) prog.Outcome {
	h := d.at(op)
	return counted(h, prog.Outcome{Value: uint64(h.Len())})
}

func (d *driver) size(op prog.Op) prog.Outcome {
	return prog.Outcome{Addr: d.at(op).sizer.Size()}
}

func (d *driver) reserve(op prog.Op) prog.Outcome {
	h := d.at(op)
	if !h.reserver.Reserve(d.capacity(op.Args[1])) {
		return counted(h, refused())
	}
	h.writes++ // all may have moved
	return counted(h, prog.Outcome{})
}

func (d *driver) iterate(op prog.Op) prog.Outcome {
	h, i := d.at(op), op.Args[1]
	h.stop(int(i))
	h.iters[i] = stepper{it: h.iterable.Iterate(), writes: h.writes}
	return prog.Outcome{}
}

func (d *driver) reversed(op prog.Op) prog.Outcome {
	h, i := d.at(op), op.Args[1]
	h.stop(int(i))
	h.iters[i] = stepper{it: h.reverse.Reversed(), writes: h.writes}
	return prog.Outcome{}
}

// The ends of iterations, as they are told.
const (
	atEnd     = "end"
	atChanged = "changed"
)

func (d *driver) next(op prog.Op) prog.Outcome {
	h := d.at(op)
	it := &h.iters[op.Args[1]]
	if it.it == nil || d.contract.During == dict.Undefined && !it.over && it.writes != h.writes {
		return prog.Outcome{Status: prog.Skip}
	}
	key, value, step := it.it.Next()
	switch step {
	case dict.End:
		it.over = true
		return prog.Outcome{Msg: atEnd}
	case dict.Changed:
		it.over = true
		return prog.Outcome{Msg: atChanged}
	}
	return prog.Outcome{Addr: key, Size: value}
}

func (d *driver) stop(op prog.Op) prog.Outcome {
	d.at(op).stop(int(op.Args[1]))
	return prog.Outcome{}
}

// walkMax bounds the entries of a walk: one that never ends is not followed.
const walkMax = 1 << 16

// walk calls Range, and does what the act says. What it was told is the message: "7=1 8=2".
func (d *driver) walk(op prog.Op) prog.Outcome {
	h, s := d.at(op), scriptOf(op)
	if !walkable(&d.contract, s.act, d.sure()) {
		return prog.Outcome{Status: prog.Skip}
	}
	h.quiet()
	d.noteAct(s.act, s.key)
	n := 0
	d.log = d.log[:0]
	h.ranger.Range(func(key, value uint64) bool {
		d.log = appendPair(d.log, key, value)
		if n++; n == 1 || s.act == dict.Overwrite || s.act == dict.DeleteSeen {
			d.act(h, s, key)
		}
		return s.act != dict.Stop && n < walkMax
	})
	return counted(h, prog.Outcome{Msg: string(d.log)})
}

// walkable tells whether a walk may do what an act does: what is promised for it, and nothing that may be refused.
func walkable(c *dict.Contract, act dict.Act, sure bool) bool {
	switch {
	case !act.Changes():
		return true
	case act == dict.Overwrite:
		return sure && c.During != dict.Undefined
	}
	return sure && c.During == dict.Live
}

// scriptOf is the script of an operation walk or arm. What is written is the low bits of the key.
func scriptOf(op prog.Op) script {
	return script{act: dict.Act(op.Args[1]), key: op.Args[2], value: op.Args[2] & values.Max}
}

// act does what an act does with a dict. Seen is the entry that it sees.
func (d *driver) act(h *held, s script, seen uint64) {
	if s.act.Changes() {
		h.writes++
	}
	switch s.act {
	case dict.Overwrite:
		h.Set(seen, s.value)
	case dict.DeleteSeen:
		h.Delete(seen)
	case dict.DeleteKey:
		h.Delete(s.key)
	case dict.SetKey:
		h.Set(s.key, s.value)
	case dict.ClearAll:
		h.empty(d)
	case dict.SetMany:
		for i := range uint64(dict.ManyKeys) {
			h.Set(s.key+i, s.value)
		}
	case dict.DeleteAfter:
		for i := range uint64(dict.ManyKeys) {
			h.Delete(s.key + 1 + i)
		}
	case dict.Replace:
		h.Delete(s.key)
		h.Set(s.key+1, s.value)
	}
}

// empty clears a dict, key by key if it has no Clear.
func (h *held) empty(d *driver) {
	if h.clearer != nil {
		h.clearer.Clear()
		return
	}
	for _, key := range d.keys {
		h.Delete(key)
	}
}

func (d *driver) arm(op prog.Op) prog.Outcome {
	h, act := d.at(op), dict.Act(op.Args[1])
	if !armable(act) || !d.sure() || !d.contract.Reentrant {
		return prog.Outcome{Status: prog.Skip}
	}
	d.noteAct(act, op.Args[2])
	h.armed = scriptOf(op)
	h.comparer.OnCompare(func() {
		if !h.armed.ran {
			h.armed.ran = true
			s := h.armed
			h.armed.act = dict.Stop // nothing more happens meanwhile
			h.comparer.OnCompare(nil)
			d.act(h, s, s.key)
		}
	})
	return prog.Outcome{}
}

// armable tells whether an act can happen during a comparison.
func armable(act dict.Act) bool { return act >= dict.DeleteKey }

func (h *held) disarm() {
	h.armed = script{}
	h.comparer.OnCompare(nil)
}

// quiet keeps a script from happening in an operation that is not on one key.
func (h *held) quiet() {
	if h.armed.act != 0 {
		h.disarm()
	}
}

// verify looks up all keys that were ever set in any dict: "p0 7=1 8=2".
func (d *driver) verify(op prog.Op) prog.Outcome {
	d.log = d.log[:0]
	d.lookUp(int(op.Args[0]))
	return prog.Outcome{Msg: string(d.log)}
}

// verifyAll does so in all dicts: "p0 7=1 8=2 p3 7=1".
func (d *driver) verifyAll(prog.Op) prog.Outcome {
	d.log = d.log[:0]
	for slot, h := range d.slots {
		if h != nil {
			d.lookUp(slot)
		}
	}
	return prog.Outcome{Msg: string(d.log)}
}

func (d *driver) lookUp(slot int) {
	h := d.slots[slot]
	h.quiet()
	d.log = appendSlot(d.log, slot)
	for _, key := range d.keys {
		if value, ok := h.Get(key); ok {
			d.log = appendPair(d.log, key, value)
		}
	}
}

func (d *driver) check(prog.Op) prog.Outcome {
	if d.checker != nil {
		if err := d.checker.CheckInvariants(); err != nil {
			return prog.Outcome{Status: prog.Fail, Msg: err.Error()}
		}
	}
	for _, h := range d.slots {
		if h != nil && h.checker != nil {
			if err := h.checker.CheckInvariants(); err != nil {
				return prog.Outcome{Status: prog.Fail, Msg: err.Error()}
			}
		}
	}
	return prog.Outcome{}
}

// seldom tells whether what costs a garbage collection is asked for the n-th time: the first, the second, the fourth,
// and so on.
func seldom(n int) bool { return n&(n-1) == 0 }

// notAsked is the answer when it is not.
const notAsked = ^uint64(0)

func (d *driver) held(op prog.Op) prog.Outcome {
	if d.asked++; !seldom(d.asked) {
		d.stopAll()
		return prog.Outcome{Addr: notAsked}
	}
	return d.heldAtLast(op)
}

// heldAtLast ends all iterations, since one may hold on to values.
func (d *driver) heldAtLast(prog.Op) prog.Outcome {
	d.stopAll()
	return prog.Outcome{Addr: uint64(d.holder.Held())}
}

func (d *driver) stopAll() {
	for _, h := range d.slots {
		for i := range dict.Iterators {
			if h != nil {
				h.stop(i)
			}
		}
	}
}

func (d *driver) usage(prog.Op) prog.Outcome {
	bytes, _ := d.user.Usage()
	return prog.Outcome{Addr: bytes - d.base}
}

// inject makes requests fail. No script happens from then on: what it sets must not be refused.
func (d *driver) inject(op prog.Op) prog.Outcome {
	for _, h := range d.slots {
		if h != nil {
			h.quiet()
		}
	}
	d.scarce = op.Args[0] != 0
	d.oom.InjectOOM(int(op.Args[0]), op.Args[1] != 0)
	return prog.Outcome{}
}

// trim does nothing in a store that never keeps what need not be kept.
func (d *driver) trim(prog.Op) prog.Outcome {
	if d.trimmer != nil {
		d.trimmer.Trim()
	}
	return prog.Outcome{}
}

func (d *driver) drain(prog.Op) prog.Outcome {
	for i := range d.slots {
		d.release(i)
	}
	return prog.Outcome{}
}

func appendPair(log []byte, key, value uint64) []byte {
	log = append(strconv.AppendUint(space(log), key, 10), '=')
	return strconv.AppendUint(log, value, 10)
}

func appendSlot(log []byte, slot int) []byte {
	return strconv.AppendUint(append(space(log), 'p'), uint64(slot), 10)
}

func space(log []byte) []byte {
	if len(log) > 0 {
		log = append(log, ' ')
	}
	return log
}
