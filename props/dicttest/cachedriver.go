package dicttest

import (
	"heapfuzz/model/dict"
	"heapfuzz/props/prog"
)

const (
	cacheNone need = iota
	cacheStore
	cacheCall
	cachePeek
	cacheContains
	cacheRemove
	cacheOldest
	cacheClear
	cacheResize
	cacheKeys
	cacheInfo
	cacheCheck
	cacheHeld
	cacheSettle
	cacheNeeds
)

// cacheDriver asks a cache the operations of CacheLang. It writes down what the cache tells while it works on one.
type cacheDriver struct {
	dict.Cache
	contract dict.CacheContract
	has      [cacheNeeds]bool
	storer   dict.Storer
	caller   dict.Caller
	peeker   dict.Peeker
	contains dict.Container
	remover  dict.Remover
	oldest   dict.OldestRemover
	clearer  dict.Clearer
	resizer  dict.Resizer
	keyer    dict.Keyer
	informer dict.Informer
	evicter  dict.Evicter
	checker  dict.Checker
	holder   dict.Holder
	settler  dict.Settler
	faulter  dict.Faulter

	exact    bool // what is in the cache is visible
	known    map[uint64]struct{}
	keys     []uint64
	log      []byte
	computed uint64  // the value of the last computation
	act      callAct // of the call that is under way
	other    uint64  // its second key
	depth    int     // of computations
	asked    int     // how often held was

	seen [cacheTransitions]uint64
}

// callAct is what the computation of a call does.
type callAct uint8

const (
	justCompute callAct = iota
	fail
	callOther // before it gives its value, it calls the other key
	callSame  // the same key
	clearAll
	removeSame
	refuseMemory // none of these happens in the computation
	raise
	clearDuring
	callDuring
	callActs
)

// comparisons bounds the number of the hash or comparison in which something happens.
const comparisons = 22

func newCacheDriver(c dict.Cache, contract dict.CacheContract) *cacheDriver {
	d := &cacheDriver{Cache: c, contract: contract, exact: contract.Exact(), known: map[uint64]struct{}{}}
	if o, ok := c.(cacheOutfitted); ok {
		o.outfit(d)
	} else {
		pickPart(&d.storer, c, "store")
		pickPart(&d.caller, c, "call")
		pickPart(&d.peeker, c, "peek")
		pickPart(&d.contains, c, "contains")
		pickPart(&d.remover, c, "remove")
		pickPart(&d.oldest, c, "removeoldest")
		pickPart(&d.clearer, c, "clear")
		pickPart(&d.resizer, c, "resize")
		pickPart(&d.keyer, c, "keys")
		pickPart(&d.informer, c, "info")
		pickPart(&d.evicter, c, "evict")
		pickPart(&d.checker, c, "check")
		pickPart(&d.holder, c, "held")
		pickPart(&d.settler, c, "settle")
		pickPart(&d.faulter, c, "fault")
	}
	d.has = [cacheNeeds]bool{
		cacheNone: true, cacheStore: d.storer != nil, cacheCall: d.caller != nil, cachePeek: d.peeker != nil,
		cacheContains: d.contains != nil, cacheRemove: d.remover != nil, cacheOldest: d.oldest != nil,
		cacheClear: d.clearer != nil, cacheResize: d.resizer != nil, cacheKeys: d.keyer != nil,
		cacheInfo: d.informer != nil, cacheCheck: d.checker != nil, cacheHeld: d.holder != nil,
		cacheSettle: d.settler != nil,
	}
	if d.evicter != nil {
		d.evicter.OnEvict(func(key, value uint64) { d.tell('e', key, value) })
	}
	if d.caller != nil {
		d.caller.OnMiss(d.compute)
	}
	return d
}

// Do asks one operation.
func (d *cacheDriver) Do(op prog.Op) prog.Outcome {
	was := cacheBefore{length: d.Len(), computed: d.computed, known: len(d.known)}
	out := CacheLang.Do(d, op)
	d.answered(&op, &out, was)
	return out
}

// Close gives all back.
func (d *cacheDriver) Close() error {
	if c, ok := d.Cache.(dict.Closer); ok {
		return c.Close()
	}
	return nil
}

// tell writes down an event: a letter, and two numbers.
func (d *cacheDriver) tell(what byte, key, value uint64) {
	if len(d.log) < 1<<20 {
		d.log = append(space(d.log), what)
		d.log = appendEvent(d.log, key, value)
	}
}

func (d *cacheDriver) note(key uint64) {
	if _, ok := d.known[key]; !ok {
		d.known[key] = struct{}{}
		d.keys = append(d.keys, key)
	}
}

// answer is what a lookup tells: visible only where it follows from the program.
func (d *cacheDriver) answer(value uint64, ok bool) prog.Outcome {
	out := prog.Outcome{}
	if ok {
		out.Addr = value + 1
	}
	if d.exact {
		out.Value = out.Addr
	}
	return out
}

func (d *cacheDriver) get(op prog.Op) prog.Outcome {
	return d.answer(d.storer.Get(op.Args[0]))
}

func (d *cacheDriver) put(op prog.Op) prog.Outcome {
	d.note(op.Args[0])
	return prog.Outcome{Addr: yes(d.storer.Put(op.Args[0], op.Args[1])).Value}
}

func (d *cacheDriver) call(op prog.Op) prog.Outcome {
	d.note(op.Args[0])
	d.act, d.other = callAct(op.Args[2]), op.Args[1]
	if d.faulter == nil || d.act < refuseMemory {
		return d.answer(d.caller.Call(op.Args[0]))
	}
	return d.faultyCall(op.Args[0])
}

// faultyCall is a call in which something happens: which request, hash or comparison it is follows from both keys. Of
// comparisons a call has four for each entry of a cache that is full, where all keys have one hash.
func (d *cacheDriver) faultyCall(key uint64) prog.Outcome {
	before, late := d.computed, false
	during := func() {
		late = d.computed != before
		if d.act == clearDuring {
			d.clearer.Clear()
			d.tell('x', 0, 0)
			return
		}
		d.tell('b', 0, 0)
		d.nested(d.other)
		d.tell('z', 0, 0)
	}
	nth := int((key/4+d.other)%comparisons) + 1
	d.faulter.Fault(min(dict.Fault(d.act-refuseMemory)+dict.FaultMemory, dict.FaultDuring), nth, during)
	value, ok := d.caller.Call(key)
	switch happened, failed := d.faulter.Faulted(); {
	case failed:
		return prog.Outcome{Status: prog.NoMem}
	case happened && d.act == raise:
		d.tell('q', key, 0)
	case late:
		d.tellAll()
	}
	return d.answer(value, ok)
}

// tellAll tells all entries, in their order if there is one.
func (d *cacheDriver) tellAll() {
	keys := d.keys
	if d.keyer != nil {
		keys = nil
		d.keyer.Keys(func(key uint64) { keys = append(keys, key) })
	}
	d.tell('w', 0, 0)
	for _, key := range keys {
		if value, ok := d.peeker.Peek(key); ok {
			d.tell('k', key, value)
		}
	}
}

// compute is the function of calls. One that runs inside another only computes.
func (d *cacheDriver) compute(key uint64) (value uint64, ok bool) {
	d.tell('m', key, 0)
	if d.depth++; d.depth == 1 {
		switch d.act {
		case fail:
			d.depth--
			d.tell('f', key, 0)
			return 0, false
		case callOther:
			d.nested(d.other)
		case callSame:
			d.nested(key)
		case clearAll:
			if d.clearer != nil {
				d.clearer.Clear()
				d.tell('x', 0, 0)
			}
		case removeSame:
			if d.remover != nil {
				d.tell('r', key, yes(d.remover.Remove(key)).Value)
			}
		}
	}
	d.depth--
	d.computed++
	d.tell('v', key, d.computed)
	return d.computed, true
}

func (d *cacheDriver) nested(key uint64) {
	d.note(key)
	value, ok := d.caller.Call(key)
	if ok {
		value++
	}
	d.tell('n', key, value)
}

func (d *cacheDriver) peek(op prog.Op) prog.Outcome { return d.answer(d.peeker.Peek(op.Args[0])) }

func (d *cacheDriver) contain(op prog.Op) prog.Outcome {
	return d.answer(0, d.contains.Contains(op.Args[0]))
}

func (d *cacheDriver) remove(op prog.Op) prog.Outcome {
	return d.answer(0, d.remover.Remove(op.Args[0]))
}

func (d *cacheDriver) removeOldest(prog.Op) prog.Outcome {
	key, value, ok := d.oldest.RemoveOldest()
	if ok {
		d.tell('o', key, value)
	}
	return d.answer(0, ok)
}

func (d *cacheDriver) clear(prog.Op) prog.Outcome { d.clearer.Clear(); return prog.Outcome{} }

func (d *cacheDriver) resize(op prog.Op) prog.Outcome {
	d.resizer.Resize(resized(op))
	return prog.Outcome{}
}

// resized is the capacity that an operation resize asks for.
func resized(op prog.Op) int { return int(max(op.Args[0], 1)) }

func (d *cacheDriver) tellKeys(prog.Op) prog.Outcome {
	d.keyer.Keys(func(key uint64) { d.tell('k', key, 0) })
	return prog.Outcome{}
}

// info tells hits and misses, the length and the capacity.
func (d *cacheDriver) info(prog.Op) prog.Outcome {
	hits, misses, length, capacity := d.informer.Info()
	d.tell('h', hits, misses)
	d.tell('l', uint64(length), uint64(capacity+1))
	return prog.Outcome{}
}

// verify looks up all keys that were ever put, in a way that is no use of them if there is one.
func (d *cacheDriver) verify(prog.Op) prog.Outcome {
	for _, key := range d.keys {
		switch {
		case d.peeker != nil:
			value, ok := d.peeker.Peek(key)
			d.tell('p', key, told(value, ok).Value)
		case d.storer != nil:
			value, ok := d.storer.Get(key)
			d.tell('g', key, told(value, ok).Value)
		}
	}
	return prog.Outcome{}
}

func (d *cacheDriver) check(prog.Op) prog.Outcome {
	if err := d.checker.CheckInvariants(); err != nil {
		return prog.Outcome{Status: prog.Fail, Msg: err.Error()}
	}
	return prog.Outcome{}
}

func (d *cacheDriver) held(op prog.Op) prog.Outcome {
	if d.asked++; !seldom(d.asked) {
		return prog.Outcome{Addr: notAsked}
	}
	return d.heldAtLast(op)
}

func (d *cacheDriver) heldAtLast(prog.Op) prog.Outcome {
	return prog.Outcome{Addr: uint64(d.holder.Held())}
}

func (d *cacheDriver) settle(prog.Op) prog.Outcome { d.settler.Settle(); return prog.Outcome{} }
