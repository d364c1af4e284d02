package dicttest

import (
	"fmt"
	"iter"
	"reflect"
	"runtime"
	"strconv"
	"weak"

	"heapfuzz/model/dict"
)

// Map is a map of any type, given by its functions: method values mostly. Get, Set, Delete and Len are needed, and the
// others may be nil. Dict makes a Dict of it.
//
// Keys may be of any type that compares and has values enough: integers of 32 bits or more, floats, strings, structs
// and arrays that hold one such, pointers to nothing else. So may values. With values of type *Ref the suite sees what
// a map holds on to after it was deleted.
type Map[K comparable, V any] struct {
	Get    func(K) (V, bool)
	Set    func(K, V)
	Delete func(K) bool // tells whether the key was there
	Len    func() int

	Remove   func(K) // in the place of Delete, of a map that does not tell
	Clear    func()
	Range    func(f func(K, V) bool) // tells all entries until f returns false
	Backward func(f func(K, V) bool) // tells them from the end
	Pop      func(K) (V, bool)
	PopItem  func() (K, V, bool)
	PopFirst func() (K, V, bool)
	Default  func(K, V) V // sets a key that is not there, and tells the value that it has then
	ToEnd    func(K) bool
	ToFront  func(K) bool
	Copy     func() Map[K, V]
	Reserve  func(entries int)
	Size     func() int
	Check    func() error
	Close    func()

	// Stepwise says that Range can be stopped halfway, and gone on with after other operations: it holds no lock.
	Stepwise bool
}

// Ref is a value that the suite can see the collection of.
type Ref struct {
	n    uint64
	self *Ref // keeps it out of the blocks that Go shares between small objects without pointers
}

// Dict returns the map as a Dict.
func (m Map[K, V]) Dict() Dict {
	return &adapted[K, V]{m: m, in: newNumbers[K](), out: newNumbers[V]()}
}

type adapted[K comparable, V any] struct {
	m   Map[K, V]
	in  *numbers[K]
	out *numbers[V]
}

func (a *adapted[K, V]) Get(key uint64) (value uint64, ok bool) {
	v, ok := a.m.Get(a.in.to(key))
	if !ok {
		return 0, false
	}
	return a.out.from(v), true
}

func (a *adapted[K, V]) Set(key, value uint64) bool {
	a.m.Set(a.in.to(key), a.out.to(value))
	return true
}

func (a *adapted[K, V]) Delete(key uint64) bool {
	k := a.in.to(key)
	if a.m.Delete != nil {
		return a.m.Delete(k)
	}
	_, ok := a.m.Get(k)
	a.m.Remove(k)
	return ok
}

func (a *adapted[K, V]) Len() int { return a.m.Len() }

// outfit gives the driver the parts that are there.
func (a *adapted[K, V]) outfit(h *held) {
	m := &a.m
	set(&h.clearer, m.Clear != nil, dict.Clearer(a))
	set(&h.popper, m.Pop != nil, dict.Popper(a))
	set(&h.item, m.PopItem != nil, dict.ItemPopper(a))
	set(&h.first, m.PopFirst != nil, dict.FirstPopper(a))
	set(&h.def, m.Default != nil, dict.Defaulter(a))
	set(&h.copier, m.Copy != nil, dict.Copier(a))
	set(&h.mover, m.ToEnd != nil && m.ToFront != nil, dict.Mover(a))
	set(&h.ranger, m.Range != nil, dict.Ranger(a))
	set(&h.iterable, m.Range != nil && m.Stepwise, dict.Iterable(a))
	set(&h.reverse, m.Backward != nil && m.Stepwise, dict.Reversible(a))
	set(&h.sizer, m.Size != nil, dict.Sizer(a))
	set(&h.reserver, m.Reserve != nil, dict.Reserver(a))
	set(&h.checker, m.Check != nil, dict.Checker(a))
	set(&h.freer, m.Close != nil, dict.Freer(a))
}

func set[I any](part *I, ok bool, is I) {
	if ok {
		*part = is
	}
}

func (a *adapted[K, V]) Clear() { a.m.Clear() }

func (a *adapted[K, V]) Pop(key uint64) (value uint64, ok bool) {
	v, ok := a.m.Pop(a.in.to(key))
	if !ok {
		return 0, false
	}
	return a.out.from(v), true
}

func (a *adapted[K, V]) PopItem() (key, value uint64, ok bool) { return a.entry(a.m.PopItem()) }

func (a *adapted[K, V]) PopFirst() (key, value uint64, ok bool) { return a.entry(a.m.PopFirst()) }

func (a *adapted[K, V]) entry(k K, v V, there bool) (key, value uint64, ok bool) {
	if !there {
		return 0, 0, false
	}
	return a.in.from(k), a.out.from(v), true
}

func (a *adapted[K, V]) SetDefault(key, value uint64) (got uint64, ok bool) {
	return a.out.from(a.m.Default(a.in.to(key), a.out.to(value))), true
}

func (a *adapted[K, V]) Move(key uint64, front bool) bool {
	if front {
		return a.m.ToFront(a.in.to(key))
	}
	return a.m.ToEnd(a.in.to(key))
}

func (a *adapted[K, V]) Copy() Dict { return &adapted[K, V]{a.m.Copy(), a.in, a.out} }

func (a *adapted[K, V]) Size() uint64 { return uint64(a.m.Size()) }

func (a *adapted[K, V]) Reserve(entries int) bool { a.m.Reserve(entries); return true }

func (a *adapted[K, V]) CheckInvariants() error { return a.m.Check() }

func (a *adapted[K, V]) Free() { a.m.Close() }

func (a *adapted[K, V]) Range(f func(key, value uint64) bool) {
	a.m.Range(func(k K, v V) bool { return f(a.in.from(k), a.out.from(v)) })
}

func (a *adapted[K, V]) Iterate() dict.Iterator { return a.steps(a.m.Range) }

func (a *adapted[K, V]) Reversed() dict.Iterator { return a.steps(a.m.Backward) }

func (a *adapted[K, V]) steps(all func(func(K, V) bool)) dict.Iterator {
	next, stop := iter.Pull2(iter.Seq2[K, V](func(yield func(K, V) bool) { all(yield) }))
	return &pulled[K, V]{a, next, stop}
}

// pulled is an iterator of a map that tells all its entries to a function.
type pulled[K comparable, V any] struct {
	a    *adapted[K, V]
	next func() (K, V, bool)
	stop func()
}

func (p *pulled[K, V]) Next() (key, value uint64, step dict.Step) {
	k, v, ok := p.next()
	if !ok {
		return 0, 0, dict.End
	}
	return p.a.in.from(k), p.a.out.from(v), dict.Entry
}

func (p *pulled[K, V]) Close() { p.stop() }

// Refs makes a store of maps whose values are *Ref, of which it tells how many can be reached. They are not asked for
// copies, which would share their values: as many can be reached then as are different.
func Refs[K comparable](open func(capacity int) Map[K, *Ref]) Store {
	return &refs[K]{open, newNumbers[K](), newNumbers[*Ref]()}
}

type refs[K comparable] struct {
	open func(int) Map[K, *Ref]
	in   *numbers[K]
	out  *numbers[*Ref]
}

func (s *refs[K]) New(capacity int) Dict {
	m := s.open(capacity)
	m.Copy = nil
	return &adapted[K, *Ref]{m, s.in, s.out}
}

// Held collects garbage first.
func (s *refs[K]) Held() int { return s.out.reachable() }

// numbers turns the numbers of programs into values of a type, and back. Both ways are functions.
type numbers[T any] struct {
	to    func(uint64) T
	from  func(T) uint64
	weaks []weak.Pointer[Ref] // to all that were made
}

// unknown is what is no number of a program.
const unknown = ^uint64(0) - 7

func newNumbers[T any]() *numbers[T] {
	n := &numbers[T]{}
	var zero T
	switch any(zero).(type) {
	case uint64:
		n.to = any(func(x uint64) uint64 { return x }).(func(uint64) T)
		n.from = any(func(x uint64) uint64 { return x }).(func(T) uint64)
	case int:
		if strconv.IntSize == 64 {
			n.to = any(func(x uint64) int { return int(x) }).(func(uint64) T)
			n.from = any(func(x int) uint64 { return uint64(x) }).(func(T) uint64)
		}
	case int64:
		n.to = any(func(x uint64) int64 { return int64(x) }).(func(uint64) T)
		n.from = any(func(x int64) uint64 { return uint64(x) }).(func(T) uint64)
	case string:
		made := map[uint64]string{0: ""} // the empty string is a key like others
		n.to = any(func(x uint64) string {
			text, ok := made[x]
			if !ok {
				text = strconv.FormatUint(x, 10)
				made[x] = text
			}
			return text
		}).(func(uint64) T)
		n.from = any(func(text string) uint64 {
			if text == "" {
				return 0
			}
			x, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return unknown
			}
			return x
		}).(func(T) uint64)
	case *Ref:
		n.to = any(func(x uint64) *Ref {
			r := &Ref{n: x}
			r.self = r
			n.weaks = append(n.weaks, weak.Make(r))
			return r
		}).(func(uint64) T)
		n.from = any(func(r *Ref) uint64 { return r.n }).(func(T) uint64)
	}
	if n.to == nil {
		n.known()
	}
	return n
}

func (n *numbers[T]) reachable() (count int) {
	runtime.GC()
	kept := n.weaks[:0]
	for _, w := range n.weaks {
		if w.Value() != nil {
			kept = append(kept, w)
		}
	}
	n.weaks = kept
	return len(kept)
}

// known makes the values of a type that has no functions of its own, each when it is first asked for.
func (n *numbers[T]) known() {
	made, back := map[uint64]T{}, map[any]uint64{}
	n.to = func(x uint64) T {
		if v, ok := made[x]; ok {
			return v
		}
		for try, seed := 0, x; try < 64; try++ {
			var v T
			fill(reflect.ValueOf(&v).Elem(), seed)
			if _, taken := back[any(v)]; !taken {
				made[x], back[any(v)] = v, x
				return v
			}
			seed = mix(seed + 1)
		}
		panic(fmt.Sprintf("dicttest: type %T has too few values for the numbers of programs", made[x]))
	}
	n.from = func(v T) uint64 {
		x, ok := back[any(v)]
		if !ok {
			return unknown
		}
		return x
	}
}

// fill sets a value by a number.
func fill(v reflect.Value, n uint64) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(n&1 != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(n) << (64 - v.Type().Bits()) >> (64 - v.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(n << (64 - v.Type().Bits()) >> (64 - v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(n))
	case reflect.String:
		if n > 0 { // the empty string is a key like others
			v.SetString(strconv.FormatUint(n, 10))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf(n))
		}
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		fill(p.Elem(), n)
		v.Set(p)
	}
}
