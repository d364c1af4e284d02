package fuzz

import (
	"errors"
	"fmt"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
	"heapfuzz/model/dict"
)

// fullActs are the keys that are called in a comparison of a call of key 9 in a full cache, which holds 2, 3 and 4, of
// which 2 is the oldest: where a call of 2 puts it back into the ring, it may be evicted twice. Nil is a failure.
var fullActs = [...][]uint64{nil, {fullClear}, {2}, {9}, {10}, {3}, {2, fullClear}, {fullClear, 2}, {2, 3, 4, 10},
	{2, 3, 4, 10, 11}, {fullClear, 2, 3, 4}, {10, 11, 12}, {10, 2}}

const (
	fullClear = 1 << 20 // stands for no call
	fullHooks = 12      // that such a call has, at most
)

// full is a cache of three calls, whose keys have one hash, and that has evicted some. While a hash or a comparison of
// another call is asked for, it fails, or clears the cache and makes other calls. Which it does, and in which, follows
// from the turn. The cache has to be whole then, and to hold three calls after three.
func full(p *pyCache, cfg lru.Config, turn int) error {
	cfg.Max, cfg.Unbounded = 3, false
	c, err := lru.New(cfg)
	if err != nil {
		return err
	}
	was, hash := p.objects, p.hash
	p.objects, p.hash = true, func(uint64) uint64 { return 0 }
	defer func() { p.objects, p.hash, p.during = was, hash, nil }()
	computed := uint64(0)
	call := func(key uint64) (uint64, error) {
		if p.wrong == cacheMixes && p.happened {
			key = 9
		}
		if p.wrong == cacheForgets && key > 20 {
			c.Clear()
		}
		w := p.object(key)
		defer p.Drop(w)
		v, err := c.Call(lru.Args{Positional: []pydict.Word{w}}, func() (pydict.Word, error) {
			computed++
			return p.value(key<<8 | computed), nil
		})
		switch {
		case err == nil && p.wrong == cacheKeeps:
		case err == nil:
			p.Drop(v)
		case v != 0:
			err = errors.New("lru/answers: an error came with a word")
		case p.wrong == cacheSwallows && errors.Is(err, errRaised):
			return key, nil
		}
		return resultOf(v) >> 8, err
	}
	for key := range uint64(5) { // the oldest is then behind the others where a search looks
		_, e := call(key)
		err = errors.Join(err, e)
	}
	act := fullActs[turn%len(fullActs)]
	p.fault, p.nth, p.happened = dict.FaultDuring, turn/len(fullActs)%fullHooks+1, false
	var inside error
	p.during = func() {
		for _, other := range act {
			if other == fullClear {
				c.Clear()
			} else if v, e := call(other); e != nil || v != other {
				inside = fmt.Errorf("lru/full: a call inside a comparison answers otherwise: %w", e)
			}
		}
	}
	if act == nil {
		p.fault = dict.FaultRaise
	}
	v, e := call(9)
	happened := p.happened
	p.fault, p.happened = 0, false
	switch {
	case happened && act == nil:
		if !errors.Is(e, errRaised) {
			err = errors.Join(err, errors.New("lru/full: a comparison has failed, and the call has not"))
		}
	case e != nil || v != 9:
		err = errors.Join(err, fmt.Errorf("lru/full: a call with others in a comparison answers otherwise: %w", e))
	}
	err = errors.Join(err, inside, c.CheckInvariants())
	for key := range uint64(3) {
		if _, e := call(20 + key); e != nil {
			err = errors.Join(err, e)
		}
	}
	hits := c.Info().Hits
	for key := range uint64(3) {
		if v, e := call(20 + key); e != nil || v != 20+key {
			err = errors.Join(err, fmt.Errorf("lru/full: a call that was stored answers otherwise: %w", e))
		}
	}
	if i := c.Info(); i.Len != 3 || i.Hits != hits+3 {
		err = errors.Join(err, fmt.Errorf("lru/full: %d of three calls are held, of %d", i.Hits-hits, i.Len))
	}
	err = errors.Join(err, c.CheckInvariants(), c.Close())
	if p.values != 0 && err == nil {
		err = fmt.Errorf("lru/full: %d results are held when a cache is no more", p.values)
	}
	return errors.Join(err, p.alive(nil))
}

// reusedLink is a full cache whose table has room for one entry more: the link of what it evicts is used again, so that
// a call needs no memory. In 3.6 it does for its key, and with typed in any.
func reusedLink(p *pyCache, cfg lru.Config) error {
	if cfg.Profile.GrowHalf || cfg.Typed {
		return nil
	}
	cfg.Max, cfg.Unbounded = 3, false
	c, err := lru.New(cfg)
	if err != nil {
		return err
	}
	for i := range int64(5) {
		if i == 4 {
			p.starve(p.mem)
		}
		n := pydict.Int(i + 1)
		v, e := c.CallOne(n, func() (pydict.Word, error) { return n, nil })
		if e != nil || v != n {
			err = errors.Join(err, fmt.Errorf("lru/answers: call %d of a cache of three fails: %w", i+1, e))
		}
	}
	p.feed(p.mem)
	return errors.Join(err, c.CheckInvariants(), c.Close())
}
