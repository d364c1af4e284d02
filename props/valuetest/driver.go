package valuetest

import (
	"maps"
	"slices"
	"strconv"

	"heapfuzz/model/value"
	"heapfuzz/props/prog"
)

// need is a part that a store may have.
type need int

const (
	none need = iota
	needCollect
	needTrim
	needCheck
	needOOM
	needUsage
	needWeak
	needTwin
	needPickle
	needSpoil
	needs
)

// driver asks a store the operations of Lang, and writes down what can be seen of the objects that they were about.
type driver struct {
	value.Store
	has   [needs]bool
	slots map[uint64]value.ID
	kinds [slotCount + len(furniture)]value.Kind // of the objects of slots
	log   []byte
	t     value.Told
	seen  [transitions]uint64
}

func newDriver(s value.Store) *driver {
	d := &driver{Store: s, slots: map[uint64]value.ID{}}
	d.has[none] = true
	_, d.has[needCollect] = s.(value.Collector)
	_, d.has[needTrim] = s.(value.Trimmer)
	_, d.has[needCheck] = s.(value.Checker)
	_, d.has[needOOM] = s.(value.Injector)
	_, d.has[needUsage] = s.(value.User)
	_, d.has[needWeak] = s.(value.Weaker)
	_, d.has[needTwin] = s.(value.Twin)
	_, d.has[needPickle] = s.(value.Pickler)
	_, d.has[needSpoil] = s.(value.Spoiler)
	return d
}

// Do asks one operation.
func (d *driver) Do(op prog.Op) prog.Outcome { return Lang.Row(op.Kind).Do(d, op) }

// Close gives all back.
func (d *driver) Close() error {
	if c, ok := d.Store.(value.Closer); ok {
		return c.Close()
	}
	return nil
}

func (d *driver) Live(s uint64) bool { return d.slots[s] != 0 }

func (d *driver) Kind(s uint64) value.Kind {
	if !d.Live(s) {
		return value.Nothing
	}
	return d.kinds[s]
}

func (d *driver) Len(s uint64) int {
	d.Look(d.slots[s], &d.t)
	return d.t.Len
}

func (d *driver) Key(s uint64) bool {
	switch d.Kind(s) {
	case value.List, value.Set, value.Frozenset, value.Dict, value.Cell, value.Slice, value.Method,
		value.Capsule, value.Record, value.Slots, value.Weak:
		return false
	}
	return value.IsKey(d.slots[s], func(o value.ID) (value.Kind, string, []value.ID) {
		if o == 0 {
			return value.Nothing, "", nil
		}
		d.Look(o, &d.t)
		return d.t.Kind, d.t.Text, slices.Clone(d.t.Items)
	})
}

func (d *driver) Few(s uint64, n int) bool { return value.Few(d.slots[s], n, d.leads) }

func (d *driver) Unfolds(s uint64, n int) bool { return value.Unfolds(d.slots[s], n, d.leads) }

// leads are the items of an object, until another is looked at.
func (d *driver) leads(o value.ID) []value.ID {
	if o == 0 {
		return nil
	}
	d.Look(o, &d.t)
	return d.t.Items
}

// number writes a number down, and reader.number reads it.
func (d *driver) number(n uint64) { d.log = append(strconv.AppendUint(d.log, n, 10), ' ') }

// tell writes down what can be seen of an object.
func (d *driver) tell(o value.ID) []value.ID {
	t := &d.t
	d.Look(o, t)
	interned := uint64(0)
	if t.Interned {
		interned = 1
	}
	for _, n := range [...]uint64{uint64(t.ID), uint64(t.Kind), uint64(t.Count), t.Size, t.Bytes, uint64(t.Len),
		interned, uint64(t.Refers), uint64(len(t.Text))} {
		d.number(n)
	}
	d.log = append(d.log, t.Text...)
	d.number(uint64(len(t.Items)))
	for _, i := range t.Items {
		d.number(uint64(i))
	}
	return t.Items
}

// walk writes down how many objects can be reached from some, and all of them.
func (d *driver) walk(from ...value.ID) {
	seen := map[value.ID]bool{0: true}
	log := d.log
	d.log = nil
	defer func() {
		all := d.log
		d.log = log
		d.number(uint64(len(seen) - 1))
		d.log = append(d.log, all...)
	}()
	for len(from) > 0 {
		o := from[0]
		from = from[1:]
		if !seen[o] {
			seen[o] = true
			from = append(from, d.tell(o)...)
		}
	}
}

// reader reads what a driver wrote down.
type reader string

func (r *reader) number() (n uint64) {
	i := 0
	for ; (*r)[i] != ' '; i++ {
		n = 10*n + uint64((*r)[i]-'0')
	}
	*r = (*r)[i+1:]
	return n
}

// bytes reads so many bytes as the number before them says.
func (r *reader) bytes() []byte {
	n := r.number()
	b := []byte((*r)[:n])
	*r = (*r)[n:]
	return b
}

func (r *reader) told() (t value.Told) {
	t = value.Told{ID: value.ID(r.number()), Kind: value.Kind(r.number()), Count: int(r.number()), Size: r.number(),
		Bytes: r.number(), Len: int(r.number()), Interned: r.number() == 1, Refers: value.ID(r.number())}
	t.Text = string(r.bytes())
	t.Items = make([]value.ID, r.number())
	for i := range t.Items {
		t.Items[i] = value.ID(r.number())
	}
	return t
}

// ran writes down what ran, if the store tells it.
func (d *driver) ran() {
	runner, tells := d.Store.(value.Runner)
	if !tells {
		return
	}
	all := runner.Ran()
	d.seen[codeRan] += uint64(len(all))
	d.number(uint64(len(all)))
	for _, o := range all {
		d.number(uint64(o))
	}
}

// ran judges it.
func (r *reader) ran(m state) violation {
	if *r == "" {
		return nil
	}
	all := make([]value.ID, r.number())
	for i := range all {
		all[i] = value.ID(r.number())
	}
	return m.Ran(all)
}

func (r *reader) all() (all []value.Told) {
	for range r.number() {
		all = append(all, r.told())
	}
	return all
}

// answer is what an operation gives: whether there was memory, what is visible, and the objects that were made or
// found, of which the first goes into the slot that is defined.
type answer struct {
	refused bool
	value   uint64
	made    value.ID
	other   value.ID
}

// made is the answer of what makes an object.
func made(o value.ID) answer { return answer{refused: o == 0, made: o} }

// done is the answer of what may be refused.
func done(ok bool) answer { return answer{refused: !ok} }

// found is the answer of what looks something up.
func found(o value.ID, ok bool) answer {
	if !ok {
		return answer{}
	}
	return answer{value: 1, made: o}
}

// let gives the references of an answer back. What they were to is compared all the same.
func (d *driver) let(a answer) answer {
	d.Free(a.made)
	d.Free(a.other)
	return a
}

// fill adds numbers to a list, a set or a dict, and writes down which objects they are, until one is refused.
func (d *driver) fill(op prog.Op) answer {
	p, kind := d.slots[op.Args[0]], d.Kind(op.Args[0])
	var all []value.ID
	defer func() {
		d.number(uint64(len(all)))
		for _, o := range all {
			d.number(uint64(o))
		}
	}()
	for i := range op.Args[2] {
		o := d.Atom(filling(op.Args[1] + i))
		if o == 0 {
			return done(false)
		}
		ok := false
		switch kind {
		case value.List:
			ok = d.Push(p, o)
		case value.Set:
			ok = d.Add(p, o)
		default:
			ok = d.DictSet(p, o, o)
		}
		if ok {
			all = append(all, o)
		}
		d.Free(o)
		if !ok {
			return done(false)
		}
	}
	return answer{}
}

// pickle writes down what an object leads to, its stream and what that leads to which was read.
func (d *driver) pickle(op prog.Op) answer {
	o, flat, before := d.slots[op.Args[0]], op.Args[1] == 1, len(d.log)
	d.walk(o)
	y, s, why := d.Store.(value.Pickler).Pickle(o, flat)
	switch {
	case why == value.NoMemory:
		d.log = d.log[:before]
	case why != value.Copied:
		d.seen[streamNone]++
	default:
		d.seen[streamMemo+yes(flat)]++
		d.number(uint64(s.Entries))
		d.number(s.Table)
		d.number(s.Peak)
		d.number(uint64(len(s.Bytes)))
		d.log = append(d.log, s.Bytes...)
		d.walk(y)
	}
	return answer{made: y, refused: why == value.NoMemory, value: uint64(why)}
}

func (d *driver) free(op prog.Op) answer {
	o := d.slots[op.Args[0]]
	delete(d.slots, op.Args[0])
	d.Free(o)
	return answer{}
}

func (d *driver) drain(prog.Op) answer {
	for _, s := range slices.Sorted(maps.Keys(d.slots)) {
		d.Free(d.slots[s])
		delete(d.slots, s)
	}
	return answer{}
}

func (d *driver) verify(prog.Op) answer {
	var all []value.ID
	for _, s := range slices.Sorted(maps.Keys(d.slots)) {
		all = append(all, d.slots[s])
	}
	d.walk(all...)
	return answer{}
}

func (d *driver) check() prog.Outcome {
	err := d.Store.(value.Checker).CheckInvariants(func(hold func(value.ID)) {
		for _, s := range slices.Sorted(maps.Keys(d.slots)) {
			hold(d.slots[s])
		}
	})
	if err != nil {
		return prog.Outcome{Status: prog.Fail, Msg: err.Error()}
	}
	return prog.Outcome{}
}

func (d *driver) usage(prog.Op) answer {
	live, blocks, bytes := d.Store.(value.User).Usage()
	d.number(live)
	d.number(blocks)
	d.number(bytes)
	var waiting, waitingBytes uint64
	if w, ok := d.Store.(value.Waiter); ok {
		waiting, waitingBytes = w.Waiting()
	}
	d.number(waiting)
	d.number(waitingBytes)
	opener, ok := d.Store.(value.Opener)
	d.number(yes(ok))
	if ok {
		d.number(opener.Opened())
	}
	return answer{}
}
