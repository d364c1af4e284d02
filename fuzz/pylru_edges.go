package fuzz

import (
	"errors"
	"fmt"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/lru"
	"heapfuzz/model/dict"
	"heapfuzz/props/dicttest"
)

// fullActs are the keys that are called in a comparison of a call of key 9 in a full cache, which holds 2, 3 and 4, of
// which 2 is the oldest: where a call of 2 puts it back into the ring, it may be evicted twice.
var fullActs = [...][]uint64{{fullFails}, {fullClear}, {2}, {9}, {10}, {3}, {2, fullClear}, {fullClear, 2},
	{2, 3, 4, 10}, {2, 3, 4, 10, 11}, {fullClear, 2, 3, 4}, {10, 11, 12}, {10, 2}, {fullClear, fullFails},
	{2, 3, 4, 10, fullFails}, {2, fullFails}, {2, 3, 4, 10, 11, fullLater}, {10, 2, fullLater}}

const (
	fullClear = 1<<20 + iota // stands for no call
	fullFails                // for none, at the end: the comparison fails
	fullLater                // so does the fourth behind it
	fullHooks = 16           // that such a call has, at most
	fullDeep  = 24           // that it has with those that are made in it
)

// fullAlone is how many turns of full have one act in one hook, and fullTurns how many there are: with it, each act may
// happen behind it or inside it.
const (
	fullAlone = fullHooks * len(fullActs)
	fullTurns = fullAlone * (1 + 2*fullDeep*len(fullActs))
)

// fullWorld has each act happen in one hook, alone and with another.
func fullWorld(p *pyCache, cfg lru.Config, w dicttest.CacheWorld) (err error) {
	place := uint64(max(w.Capacity, 0))*8 + w.Hash
	for act := range uint64(len(fullActs)) {
		turn := place%fullHooks*uint64(len(fullActs)) + act
		other := (place*31 + act) * 0x9E3779B97F4A7C15 >> 32 % uint64(fullTurns/fullAlone-1)
		err = errors.Join(err, full(p, cfg, int(turn)), full(p, cfg, int(turn+(1+other)*uint64(fullAlone))))
	}
	return err
}

// fullCache is a cache of three calls, whose keys have one hash.
type fullCache struct {
	p            *pyCache
	c            *lru.Cache
	computed     uint64
	raised, told int   // comparisons that failed, and calls by that
	wrong        error // an answer of a call
}

// call calls with a key, and tells whether that failed.
func (f *fullCache) call(key uint64) (failed bool) {
	arg := key
	if f.p.wrong == cacheMixes && f.p.happened {
		arg = 9
	}
	if f.p.wrong == cacheForgets && key > 20 {
		f.c.Clear()
	}
	w := f.p.object(arg)
	defer f.p.Drop(w)
	v, err := f.c.Call(lru.Args{Positional: []pydict.Word{w}}, func() (pydict.Word, error) {
		f.computed++
		return f.p.value(arg<<8 | f.computed&0xFF), nil
	})
	switch {
	case v != 0 && err != nil:
		f.wrong = errors.New("lru/answers: an error came with a word")
	case errors.Is(err, errRaised):
		f.told += 1 - int(bit(f.p.wrong == cacheSwallows))
	case err != nil || resultOf(v)>>8 != key:
		f.wrong = fmt.Errorf("lru/full: a call with others in a comparison answers otherwise: %w", err)
	}
	if err == nil && f.p.wrong != cacheKeeps {
		f.p.Drop(v)
	}
	return err != nil
}

// arm has an act happen in a hook, and then, or in it, another.
func (f *fullCache) arm(hook int, act []uint64, next func(), inside bool) {
	f.p.fault, f.p.nth, f.p.happened = dict.FaultDuring, hook, false
	f.p.during = func() {
		if inside {
			next()
		}
		for _, key := range act {
			switch key {
			case fullClear:
				f.c.Clear()
			case fullFails:
				f.p.fails = true
				f.raised++
			case fullLater:
				f.arm(4, fullActs[0], func() {}, false)
			default:
				f.call(key)
			}
		}
		if !inside {
			next()
		}
	}
}

// full is a full cache that has evicted some. While a hash or a comparison of another call is asked for, it fails, or
// clears the cache and makes other calls; in some turns something happens twice. Which does, and in which, follows
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
	f := fullCache{p: p, c: c}
	for i, key := range []uint64{0, 1, 2, 3, 4} { // the oldest is then behind the others where a search looks
		p.lets = func() {
			if c.Len() < min(i+1, 3) {
				f.wrong = errors.New("lru/full: a result is let go of before the next is stored")
			}
		}
		f.call(key)
	}
	p.lets = nil
	draw := func(n int) (rest int) {
		rest, turn = turn%n, turn/n
		return rest
	}
	act, hook := fullActs[draw(len(fullActs))], 1+draw(fullHooks)
	next, alone := func() {}, turn == 0
	if !alone {
		turn--
		second, behind := fullActs[draw(len(fullActs))], 1+draw(fullDeep)
		next = func() { f.arm(behind, second, func() {}, false) }
	}
	f.arm(hook, act, next, turn%2 > 0)
	f.call(9)
	p.fault, p.happened, p.fails = 0, false, false
	if f.raised != f.told {
		err = fmt.Errorf("lru/full: %d comparisons have failed, and %d calls", f.raised, f.told)
	}
	err = errors.Join(err, f.wrong, c.CheckInvariants())
	if was := c.Info().Misses; alone && len(act) == 1 && act[0] < fullClear {
		if f.call(9); c.Info().Misses != was {
			err = errors.Join(err, errors.New("lru/full: a call is not held, although it evicts another"))
		}
	}
	if alone && act[len(act)-1] == fullLater && c.Len() < 3 {
		err = errors.Join(err, errors.New("lru/full: a cache forgets more than it has to"))
	}
	for key := range uint64(3) {
		f.call(20 + key)
	}
	hits := c.Info().Hits
	for key := range uint64(3) {
		f.call(20 + key)
	}
	if i := c.Info(); i.Len != 3 || i.Hits != hits+3 {
		err = errors.Join(err, fmt.Errorf("lru/full: %d of three calls are held, of %d", i.Hits-hits, i.Len))
	}
	err = errors.Join(err, f.wrong, c.CheckInvariants(), c.Close())
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
