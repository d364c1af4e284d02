package dicttest

import "heapfuzz/model/dict"

// CacheMap is a cache of any type, given by its functions: method values mostly. Get, Put and Len are needed, and the
// others may be nil. Cache makes a Cache of it. What is said of the types of a Map holds here too.
type CacheMap[K comparable, V any] struct {
	Get func(K) (V, bool)
	Put func(K, V)
	Len func() int

	Peek         func(K) (V, bool)
	Contains     func(K) bool
	Remove       func(K) bool
	RemoveOldest func() (K, V, bool)
	Clear        func()
	Resize       func(capacity int)
	Keys         func() []K
	Info         func() (hits, misses uint64, length, capacity int)
	Check        func() error
	Settle       func()
	Close        func()

	// Evicted is where the cache tells its evictions, when it does: the constructor gives the cache this variable's
	// Tell.
	Evicted *Evictions[K, V]
}

// Evictions hands on what a cache tells of its evictions.
type Evictions[K comparable, V any] struct{ f func(K, V) }

// Tell is the function that a cache calls for each entry that it evicts.
func (e *Evictions[K, V]) Tell(key K, value V) {
	if e.f != nil {
		e.f(key, value)
	}
}

// Cache returns the cache as a Cache.
func (m CacheMap[K, V]) Cache() Cache {
	return &adaptedCache[K, V]{m, newNumbers[K](), newNumbers[V]()}
}

// cacheOutfitted is a Cache that is an adapter: what it adapts has fewer parts than its methods say.
type cacheOutfitted interface{ outfit(d *cacheDriver) }

type adaptedCache[K comparable, V any] struct {
	m   CacheMap[K, V]
	in  *numbers[K]
	out *numbers[V]
}

func (a *adaptedCache[K, V]) outfit(d *cacheDriver) {
	m := &a.m
	d.storer = a
	set(&d.peeker, m.Peek != nil, dict.Peeker(a))
	set(&d.contains, m.Contains != nil, dict.Container(a))
	set(&d.remover, m.Remove != nil, dict.Remover(a))
	set(&d.oldest, m.RemoveOldest != nil, dict.OldestRemover(a))
	set(&d.clearer, m.Clear != nil, dict.Clearer(a))
	set(&d.resizer, m.Resize != nil, dict.Resizer(a))
	set(&d.keyer, m.Keys != nil, dict.Keyer(a))
	set(&d.informer, m.Info != nil, dict.Informer(a))
	set(&d.evicter, m.Evicted != nil, dict.Evicter(a))
	set(&d.checker, m.Check != nil, dict.Checker(a))
	set(&d.settler, m.Settle != nil, dict.Settler(a))
	_, refs := any(a.out).(*numbers[*Ref])
	set(&d.holder, refs, dict.Holder(a))
}

func (a *adaptedCache[K, V]) Len() int { return a.m.Len() }

func (a *adaptedCache[K, V]) Get(key uint64) (value uint64, ok bool) {
	return a.found(a.m.Get(a.in.to(key)))
}

func (a *adaptedCache[K, V]) Peek(key uint64) (value uint64, ok bool) {
	return a.found(a.m.Peek(a.in.to(key)))
}

func (a *adaptedCache[K, V]) found(v V, there bool) (value uint64, ok bool) {
	if !there {
		return 0, false
	}
	return a.out.from(v), true
}

func (a *adaptedCache[K, V]) Put(key, value uint64) bool {
	a.m.Put(a.in.to(key), a.out.to(value))
	return true
}

func (a *adaptedCache[K, V]) Contains(key uint64) bool { return a.m.Contains(a.in.to(key)) }

func (a *adaptedCache[K, V]) Remove(key uint64) bool { return a.m.Remove(a.in.to(key)) }

func (a *adaptedCache[K, V]) RemoveOldest() (key, value uint64, ok bool) {
	k, v, ok := a.m.RemoveOldest()
	if !ok {
		return 0, 0, false
	}
	return a.in.from(k), a.out.from(v), true
}

func (a *adaptedCache[K, V]) Clear() { a.m.Clear() }

func (a *adaptedCache[K, V]) Resize(capacity int) { a.m.Resize(capacity) }

func (a *adaptedCache[K, V]) Keys(tell func(key uint64)) {
	for _, k := range a.m.Keys() {
		tell(a.in.from(k))
	}
}

func (a *adaptedCache[K, V]) Info() (hits, misses uint64, length, capacity int) { return a.m.Info() }

func (a *adaptedCache[K, V]) OnEvict(f func(key, value uint64)) {
	a.m.Evicted.f = func(k K, v V) { f(a.in.from(k), a.out.from(v)) }
}

func (a *adaptedCache[K, V]) CheckInvariants() error { return a.m.Check() }

func (a *adaptedCache[K, V]) Settle() { a.m.Settle() }

func (a *adaptedCache[K, V]) Held() int { return a.out.reachable() }

// Close closes the cache, if it can be closed.
func (a *adaptedCache[K, V]) Close() error {
	if a.m.Close != nil {
		a.m.Close()
	}
	return nil
}
