package dicttest

import (
	"bytes"

	"heapfuzz/model/dict"
	"heapfuzz/props/prog"
)

// What a driver counts by itself, of any cache.
const (
	putGrows = iota
	putOver  // the length stays, and nothing is known to have been evicted
	putEvicts
	putNot // the cache stored nothing
	lookedFound
	lookedMissed
	callHit
	callComputed
	callFailed
	callNested // the computation called the cache, or changed it
	callEvicts
	removeFound
	removeMissed
	oldestSome
	oldestNone
	resizeSame
	resizeDrops // fewer entries fit
	cacheCleared
	keysTold
	cacheTransitions
)

// cacheSteps are their names, and the part without which they cannot happen.
var cacheSteps = [cacheTransitions]struct {
	name string
	need need
}{
	putGrows: {"put/grows", cacheStore}, putOver: {"put/over", cacheStore}, putEvicts: {"put/evicts", cacheStore},
	putNot: {"put/not", cacheStore}, lookedFound: {"get/found", cacheStore}, lookedMissed: {"get/missed", cacheStore},
	callHit: {"call/hit", cacheCall}, callComputed: {"call/computed", cacheCall},
	callFailed: {"call/failed", cacheCall},
	callNested: {"call/nested", cacheCall}, callEvicts: {"call/evicts", cacheCall},
	removeFound: {"remove/found", cacheRemove}, removeMissed: {"remove/missed", cacheRemove},
	oldestSome: {"oldest/some", cacheOldest}, oldestNone: {"oldest/none", cacheOldest},
	resizeSame: {"resize/keeps", cacheResize}, resizeDrops: {"resize/drops", cacheResize},
	cacheCleared: {"clear", cacheClear}, keysTold: {"keys", cacheKeys},
}

// takes tells whether the cache can take a transition at all.
func (d *cacheDriver) takes(step int) bool {
	if step == putNot {
		_, _, zero := d.contract.Folds(0)
		return d.has[cacheStore] && zero && (d.contract.Zero == dict.Empty || d.contract.MayRefuse)
	}
	return d.has[cacheSteps[step].need]
}

var (
	kindPut, kindLook, kindCall = CacheLang.Kind("put"), CacheLang.Kind("get"), CacheLang.Kind("call")
	kindRemove, kindOldest      = CacheLang.Kind("remove"), CacheLang.Kind("removeoldest")
	kindResize, kindEmpty       = CacheLang.Kind("resize"), CacheLang.Kind("clear")
	kindKeys                    = CacheLang.Kind("keys")
)

// cacheBefore is what is looked at before an operation.
type cacheBefore struct {
	length   int
	computed uint64
	known    int
}

// answered counts what an answer tells.
func (d *cacheDriver) answered(op *prog.Op, out *prog.Outcome, was cacheBefore) {
	if out.Status != prog.OK {
		return
	}
	if step := d.step(op, out, was); step < cacheTransitions {
		d.seen[step]++
	}
}

func (d *cacheDriver) step(op *prog.Op, out *prog.Outcome, was cacheBefore) int {
	length := d.Len()
	either := func(is bool, yes, no int) int {
		if is {
			return yes
		}
		return no
	}
	evicted := bytes.HasPrefix(d.log, []byte("e")) || bytes.Contains(d.log, []byte(" e")) ||
		len(d.known) > was.known && length <= was.length // a key that is new to it, and no more entries than before
	switch op.Kind {
	case kindPut:
		switch {
		case out.Addr == 0:
			return putNot
		case length > was.length:
			return putGrows
		}
		return either(evicted, putEvicts, putOver)
	case kindLook:
		return either(out.Addr != 0, lookedFound, lookedMissed)
	case kindCall:
		switch act := callAct(op.Args[2]); {
		case d.computed == was.computed:
			return either(out.Addr != 0, callHit, callFailed)
		case act >= callOther:
			return callNested
		}
		return either(evicted, callEvicts, callComputed)
	case kindRemove:
		return either(out.Addr != 0, removeFound, removeMissed)
	case kindOldest:
		return either(out.Addr != 0, oldestSome, oldestNone)
	case kindResize:
		return either(length < was.length, resizeDrops, resizeSame)
	case kindEmpty:
		return either(was.length > 0, cacheCleared, cacheTransitions)
	case kindKeys:
		return either(len(d.log) > 0, keysTold, cacheTransitions)
	}
	return cacheTransitions
}

// transitions tells what the driver counted, and what the cache did.
func (d *cacheDriver) transitions(visit func(name string, times uint64)) {
	for step := range cacheSteps {
		if d.takes(step) {
			visit(cacheSteps[step].name, d.seen[step])
		}
	}
	if w, ok := d.Cache.(witness); ok {
		w.Transitions(visit)
	}
}
