// Package dictcanary holds dicts and caches that are wrong on purpose, as package canary holds allocators: each has one
// defect and names the rule that must catch it, how many random programs that may take, and how short the reproducer
// must become. When a rule, the generator or the minimizer gets weaker, a canary survives, and the tests of this
// package say which.
//
//	c, ok := dictcanary.Lookup("zero-is-empty")
//	subject := c.Subject() // for the engine of package props
//
// All are three things with a line changed (see Bug): toy is a dict with an order in the manner of CPython's, live one
// whose walks go on while it changes, toyCache a cache in the manner of lru_cache. They are right without a defect,
// which the tests check with the same programs. Several defects are CPython's own of former times; their issues are
// named in the table. Where the rule that is to be tried is about the harm that a defect does, a canary hides the parts
// that would tell earlier.
package dictcanary

import (
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/dicttest"
	"heapfuzz/props/prog"
)

// Canary is a dict or a cache with one defect, and what is expected of those who look for it.
type Canary = canarytest.Canary

// row is a canary as the table has it; see Canary for what the fields mean that it has too.
type row struct {
	Name, Doc            string
	Bug                  Bug
	Rule                 *model.Invariant
	Or                   []*model.Invariant
	Cause                string
	Property             string
	Programs, Reproducer int
	Reason               string

	live, cache bool
	hide        func(*toyCache) dict.Cache // what is hidden of the cache; nil: nothing
	spoil       func(*props.Subject)       // the defect of a canary that is right and whose driver is not
}

func (r row) canary() Canary {
	c := Canary{
		Name: r.Name, Doc: r.Doc, Rule: r.Rule, Cause: r.Cause, Or: r.Or, Property: r.Property, Programs: r.Programs,
		Reproducer: r.Reproducer, Reason: r.Reason, Contract: promises, Subject: r.subject,
	}
	switch {
	case r.cache:
		c.Contract = promisesOfCache
	case r.live:
		c.Contract = dict.ReferenceContract
	}
	return c.Filled()
}

func (r row) subject() *props.Subject {
	s := r.right()
	if r.spoil != nil {
		r.spoil(s)
	}
	return s
}

func (r row) right() *props.Subject {
	name := canarytest.Prefix + r.Name
	switch {
	case r.cache:
		return dicttest.CacheSubject(name, promisesOfCache, func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			cache := newToyCache(r.Bug, w.Capacity)
			if r.hide != nil {
				return r.hide(cache), nil
			}
			return cache, nil
		})
	case r.live:
		return dicttest.Subject(name, dict.ReferenceContract, func(dicttest.World) (dicttest.Store, error) {
			return liveStore{dict.NewReferenceStore(), r.Bug}, nil
		})
	}
	return dicttest.Subject(name, promises, func(w dicttest.World) (dicttest.Store, error) {
		return &store{bug: r.Bug, hash: w.Hasher()}, nil
	})
}

// All returns every canary, in the order of the table: dicts, and then caches.
func All() []Canary { return append(Dicts(), Caches()...) }

// Dicts returns those that are dicts.
func Dicts() []Canary { return canaries(func(r row) bool { return !r.cache }) }

// Caches returns those that are caches.
func Caches() []Canary { return canaries(func(r row) bool { return r.cache }) }

func canaries(some func(row) bool) (all []Canary) {
	for _, r := range table {
		if some(r) {
			all = append(all, r.canary())
		}
	}
	return all
}

// Lookup returns the canary of that name, which may begin with "canary/".
func Lookup(name string) (Canary, bool) { return canarytest.Lookup(All(), name) }

// storing hides all but Get and Put.
func storing(c *toyCache) dict.Cache {
	return struct {
		dict.Cache
		dict.Storer
	}{c, c}
}

// resizing leaves Resize besides.
func resizing(c *toyCache) dict.Cache {
	return struct {
		dict.Cache
		dict.Storer
		dict.Resizer
	}{c, c, c}
}

// removing leaves Remove and Peek besides.
func removing(c *toyCache) dict.Cache {
	return struct {
		dict.Cache
		dict.Storer
		dict.Remover
		dict.Peeker
	}{c, c, c, c}
}

// hideLength tells the length that the cache should have.
type hideLength struct{ *toyCache }

// Len is the length of the ring.
func (c hideLength) Len() int {
	n := 0
	for at := c.root.next; at != &c.root; at = at.next {
		n++
	}
	return n
}

// spoilGet wraps the driver: it answers that it skipped to a get of an odd slot.
func spoilGet(s *props.Subject) { spoil(s, "get", 1) }

// spoilLen does so to each len.
func spoilLen(s *props.Subject) { spoil(s, "len", 0) }

func spoil(s *props.Subject, name string, odd uint64) {
	open, kind := s.Open, s.Spec.Kind(name)
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		t, j, err := open(w)
		return skips{t, kind, odd}, j, err
	}
	s.Picture = nil
}

type skips struct {
	props.Target
	kind prog.Kind
	odd  uint64
}

func (t skips) Do(op prog.Op) prog.Outcome {
	if op.Kind == t.kind && op.Args[0]&1 >= t.odd {
		return prog.Outcome{Status: prog.Skip}
	}
	return t.Target.Do(op)
}
