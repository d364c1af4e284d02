package dicttest

import (
	"strconv"

	"heapfuzz/model/dict"
	"heapfuzz/props/prog"
)

var (
	cacheCapacities = &prog.Domain{Name: "count", Near: 9, Max: 4095, Edges: []uint64{1, 2, 3, 5, 6, 7, 11, 13, 16, 33,
		100}}
	callActions = &prog.Domain{Name: "act", Near: uint64(callActs) - 1, Max: uint64(callActs) - 1}
	signNumbers = &prog.Domain{Name: "sign", Near: signs - 1, Max: signs - 1}
)

type (
	cacheState = *dict.CacheModel
	cacheRow   = prog.Row[*dict.CacheModel, *cacheDriver]
)

// CacheLang is the language of caches. There is one cache, of the world's capacity: in sign=1 it is 0, and in sign=2
// below it.
//
// What a lookup tells is visible only where it follows from the program: with an exact capacity and a policy of order.
// The length is told with every answer.
var CacheLang = prog.NewLang("cache", nil,
	args(arg("capacity", cacheCapacities), arg("hash", hashes), arg("sign", signNumbers)), []cacheRow{
		cacheAct(prog.Info{Name: "put", Weight: 30, Args: args(keyArg, valueArg), Doc: "stores a value at a key"},
			cacheVerb{need: cacheStore, ask: (*cacheDriver).put, judge: func(m cacheState, op prog.Op,
				out prog.Outcome) violation {
				return m.Put(op.Args[0], op.Args[1], out.Addr != 0)
			}}),
		cacheAct(prog.Info{Name: "get", Weight: 30, Args: args(keyArg), Doc: "looks a key up, and uses it"},
			cacheVerb{need: cacheStore, ask: (*cacheDriver).get, judge: func(m cacheState, op prog.Op,
				out prog.Outcome) violation {
				value, ok := hidden(out)
				return m.Get(op.Args[0], value, ok)
			}}),
		cacheAct(prog.Info{Name: "call", Weight: 30, Args: args(keyArg, arg("other", keys), arg("act", callActions)),
			Doc: "looks a key up, and computes its value if it is not there; the computation act=1 fails, " +
				"2 calls other, 3 calls the same key, 4 clears, 5 removes the key; in the call a request for memory " +
				"act=6 is refused, a hash or a comparison 7 fails, 8 clears, 9 calls other"},
			cacheVerb{need: cacheCall, ask: (*cacheDriver).call, judge: judgeCall, events: true}),
		cacheAct(prog.Info{Name: "peek", Weight: 6, Args: args(keyArg), Doc: "looks a key up, and does not use it"},
			cacheVerb{need: cachePeek, ask: (*cacheDriver).peek, judge: func(m cacheState, op prog.Op,
				out prog.Outcome) violation {
				value, ok := hidden(out)
				return m.Look(op.Args[0], value, ok, false)
			}}),
		cacheAct(prog.Info{Name: "contains", Weight: 6, Args: args(keyArg), Doc: "asks whether a key is there"},
			cacheVerb{need: cacheContains, ask: (*cacheDriver).contain,
				judge: func(m cacheState, op prog.Op, out prog.Outcome) violation {
					return m.Contains(op.Args[0], out.Addr != 0)
				}}),
		cacheAct(prog.Info{Name: "remove", Weight: 8, Args: args(keyArg), Doc: "takes a key out"},
			cacheVerb{need: cacheRemove, ask: (*cacheDriver).remove,
				judge: func(m cacheState, op prog.Op, out prog.Outcome) violation {
					return m.Remove(op.Args[0], out.Addr != 0)
				}}),
		cacheAct(prog.Info{Name: "removeoldest", Weight: 3, Doc: "takes out what would be evicted next"},
			cacheVerb{need: cacheOldest, ask: (*cacheDriver).removeOldest, judge: judgeRemoveOldest, events: true}),
		cacheAct(prog.Info{Name: "clear", Weight: 2, Doc: "takes all out"},
			cacheVerb{need: cacheClear, ask: (*cacheDriver).clear, judge: func(m cacheState, _ prog.Op,
				_ prog.Outcome) violation {
				return m.Clear()
			}}),
		cacheAct(prog.Info{Name: "resize", Weight: 2, Args: args(arg("capacity", cacheCapacities)),
			Doc: "gives the cache another capacity; 0 is 1"},
			cacheVerb{need: cacheResize, ask: (*cacheDriver).resize, judge: func(m cacheState, op prog.Op,
				_ prog.Outcome) violation {
				return m.Resize(resized(op))
			}}),
		cacheAct(prog.Info{Name: "len", Weight: 2, Doc: "asks for the number of entries"},
			cacheVerb{ask: func(*cacheDriver, prog.Op) prog.Outcome { return prog.Outcome{} },
				judge: func(cacheState, prog.Op, prog.Outcome) violation { return nil }}),
		cacheAct(prog.Info{Name: "keys", Weight: 3, Doc: "asks for all keys in their order"},
			cacheVerb{need: cacheKeys, ask: (*cacheDriver).tellKeys, judge: judgeKeys, events: true}),
		cacheAct(prog.Info{Name: "info", Weight: 4, Doc: "asks for hits, misses, length and capacity"},
			cacheVerb{need: cacheInfo, ask: (*cacheDriver).info, judge: judgeInfo, events: true}),
		cacheAct(prog.Info{Name: "verify", Weight: 3, Doc: "looks up all keys that were ever put"},
			cacheVerb{ask: (*cacheDriver).verify, judge: judgeVerifyCache, events: true}),
		cacheAct(prog.Info{Name: "check", Weight: 3, Doc: "has the cache recount its own invariants"},
			cacheVerb{need: cacheCheck, ask: (*cacheDriver).check, judge: func(_ cacheState, _ prog.Op,
				out prog.Outcome) violation {
				if out.Status != prog.Fail {
					return nil
				}
				return dict.Check(dict.CacheInvariant, out.Msg)
			}}),
		cacheAct(prog.Info{Name: "held", Weight: 1, Doc: "asks how many values can be reached, now and then"},
			cacheVerb{need: cacheHeld, ask: (*cacheDriver).held, judge: func(m cacheState, _ prog.Op,
				out prog.Outcome) violation {
				if out.Addr == notAsked {
					return nil
				}
				return m.Held(int(out.Addr))
			}}),
		cacheAct(prog.Info{Name: "heldatlast", Doc: "does so however often it was asked"},
			cacheVerb{need: cacheHeld, ask: (*cacheDriver).heldAtLast,
				judge: func(m cacheState, _ prog.Op, out prog.Outcome) violation { return m.Held(int(out.Addr)) }}),
		cacheAct(prog.Info{Name: "settle", Weight: 1, Doc: "waits until what the cache does by itself is done"},
			cacheVerb{need: cacheSettle, ask: (*cacheDriver).settle, settles: true,
				judge: func(cacheState, prog.Op, prog.Outcome) violation { return nil }}),
	}).Worldly().With(cacheMotifs...)

// cacheVerb is how an operation is asked and judged. With events, judge reads the message itself; otherwise it holds
// evictions only.
type cacheVerb struct {
	need    need
	ask     func(*cacheDriver, prog.Op) prog.Outcome
	judge   func(cacheState, prog.Op, prog.Outcome) violation
	events  bool
	settles bool // what an unsteady cache tells afterwards counts
}

func cacheAct(info prog.Info, v cacheVerb) cacheRow {
	info.Needs, info.Lacks = int(v.need), v.need != cacheNone
	return cacheRow{
		Info: info,
		Do: func(d *cacheDriver, op prog.Op) prog.Outcome {
			if !d.has[v.need] {
				return prog.Outcome{Status: prog.Skip}
			}
			d.log = d.log[:0]
			out := v.ask(d, op)
			if len(d.log) > 0 && out.Status != prog.Fail {
				out.Msg = string(d.log)
			}
			out.Size = uint64(d.Len()) + 1
			return out
		},
		Step: func(m cacheState, op prog.Op, out prog.Outcome) violation {
			if out.Status == prog.Skip {
				if !info.Lacks {
					return dict.CacheAnswers.Breach("%s, which every cache has, was skipped", info.Name)
				}
				return nil
			}
			if !v.events && out.Status != prog.Fail {
				for text := reader(out.Msg); text != ""; {
					_, key, value := text.event()
					m.Evicted(key, value)
				}
			}
			if v := v.judge(m, op, out); v != nil {
				return v
			}
			if m.Contract.Unsteady && !v.settles {
				return nil
			}
			return m.Settle(int(out.Size) - 1)
		},
	}
}

// hidden reads the answer of a lookup, as cacheDriver.answer writes it.
func hidden(out prog.Outcome) (value uint64, ok bool) {
	if out.Addr == 0 {
		return 0, false
	}
	return out.Addr - 1, true
}

// event reads what cacheDriver.tell writes, and takes it off.
func (r *reader) event() (what byte, key, value uint64) {
	what = (*r)[0]
	*r = (*r)[1:]
	key, value = r.pair()
	return what, key, value
}

func appendEvent(log []byte, key, value uint64) []byte {
	log = append(strconv.AppendUint(log, key, 10), '=')
	return strconv.AppendUint(log, value, 10)
}

// judgeCall judges a call and what happened in it, in the order in which it happened.
func judgeCall(m cacheState, op prog.Op, out prog.Outcome) violation {
	c := judgedCall{
		own: op.Args[0], act: callAct(op.Args[2]), failed: out.Status == prog.NoMem, left: int(out.Size) - 1,
	}
	if c.failed && c.act != refuseMemory && c.act != raise {
		return dict.CacheServes.Breach("a call of key %d fails by itself", c.own)
	}
	for text := reader(out.Msg); text != ""; {
		what, key, value := text.event()
		if what == 'v' {
			for text != "" && text[0] == 'e' {
				_, key, value := text.event()
				m.Evicted(key, value)
			}
		}
		event := c.event
		if c.late {
			event = c.lateEvent
		}
		if v := event(m, what, key, value); v != nil {
			return v
		}
	}
	value, ok := hidden(out)
	switch {
	case c.failed:
		return nil
	case c.gaveUp:
		return m.Failed(c.own, ok)
	case c.computed[0]:
		return m.Called(c.own, value, c.values[0], ok)
	case !ok:
		return dict.CacheComputes.Breach("a call of key %d computes nothing and tells nothing", c.own)
	}
	return m.Hit(c.own, value)
}

// judgedCall is a call whose events are read.
type judgedCall struct {
	own      uint64
	act      callAct
	failed   bool // the call, by a fault
	left     int  // entries afterwards
	gaveUp   bool // the computation
	late     bool // something happened when its value was to be stored, which may now be there or not
	depth    int
	values   [2]uint64 // that the last computations at a depth gave
	computed [2]bool   // and whether there was one in the call at that depth
}

func (c *judgedCall) event(m cacheState, what byte, key, value uint64) (v violation) {
	switch what {
	case 'm':
		c.depth = min(c.depth+1, 2)
		return m.Miss(key)
	case 'v':
		c.depth = max(c.depth-1, 0)
		c.values[c.depth], c.computed[c.depth] = value, true
		if c.failed {
			m.Lost(c.left)
			return nil
		}
		if c.act >= clearDuring {
			m.Mark()
		}
		return m.Computed(key)
	case 'f':
		c.gaveUp = true
		c.depth = max(c.depth-1, 0)
	case 'n':
		switch {
		case value == 0:
			v = dict.CacheComputes.Breach("a call of key %d inside another tells nothing", key)
		case c.computed[1]:
			v = m.Called(key, value-1, c.values[1], true)
		default:
			v = m.Hit(key, value-1)
		}
		c.computed[1] = false
	case 'x':
		c.late = c.computed[0] && c.act == clearDuring
		return m.Clear()
	case 'r':
		return m.Remove(key, value != 0)
	case 'e':
		m.Evicted(key, value)
	case 'b':
		c.late = c.computed[0]
		c.depth++
	case 'z':
		c.depth--
	case 'q':
		return dict.CacheServes.Breach("a comparison or a hash failed, and the call of key %d did not", key)
	}
	return v
}

// lateEvent is that of a call in the middle of storing: it counts, and what the cache holds then is told.
func (c *judgedCall) lateEvent(m cacheState, what byte, key, value uint64) violation {
	switch what {
	case 'v':
		c.values[1], c.computed[1] = value, true
	case 'n':
		m.Aside(c.computed[1])
		if c.computed[1] {
			return m.Called(key, value-1, c.values[1], value != 0)
		}
	case 'w':
		m.Forget()
	case 'k':
		return m.Adopt(key, value)
	}
	return nil
}

func judgeRemoveOldest(m cacheState, _ prog.Op, out prog.Outcome) violation {
	var key, value uint64
	for text := reader(out.Msg); text != ""; {
		what, k, v := text.event()
		if what == 'o' {
			key, value = k, v
		} else {
			m.Evicted(k, v)
		}
	}
	return m.RemoveOldest(key, value, out.Addr != 0)
}

func judgeKeys(m cacheState, _ prog.Op, out prog.Outcome) violation {
	n := 0
	for text := reader(out.Msg); text != ""; n++ {
		text.event()
	}
	if v := m.KeyCount(n); v != nil {
		return v
	}
	i := 0
	for text := reader(out.Msg); text != ""; i++ {
		_, key, _ := text.event()
		if v := m.Keys(i, n, key); v != nil {
			return v
		}
	}
	return nil
}

func judgeInfo(m cacheState, _ prog.Op, out prog.Outcome) violation {
	text := reader(out.Msg)
	_, hits, misses := text.event()
	_, length, capacity := text.event()
	return m.Info(hits, misses, int(length), int(capacity)-1)
}

func judgeVerifyCache(m cacheState, _ prog.Op, out prog.Outcome) violation {
	for text := reader(out.Msg); text != ""; {
		what, key, value := text.event()
		ok := value != 0
		if ok {
			value--
		}
		v := m.Look(key, value, ok, false)
		if what == 'g' && v == nil {
			v = m.Get(key, value, ok)
		}
		if v != nil {
			return v
		}
	}
	return nil
}
