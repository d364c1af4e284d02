package recorded

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
)

// The language of these programs, and what each line means, is in scripts/golden_gc.py.

const rootsMax = 24

// A graphWorld is a heap with its collector, one type of each sort, and the references that the program holds.
type graphWorld struct {
	h     *object.Heap
	c     *gc.Collector
	roots map[int]object.Ref
	types map[string]object.TypeID
	line  int // of the program: the tag of what it makes

	auto bool     // collections begin by themselves, and answers end in the counts
	said []string // what the collector said since the last answer; nil before debug
}

// typesOf is what programs call the types of instances. The fifth attribute is
// where the driver keeps the tag.
var typesOf = []object.Type{
	{Name: "inst", Kind: object.KindInstance, Attrs: 5, Weak: true},
	{Name: "inst-log", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Nothing},
	{Name: "inst-revive", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Resurrect},
	{Name: "inst-drop", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.DropRef},
	{Name: "slots", Kind: object.KindSlotted, Attrs: 5, Weak: true},
	{Name: "slots-log", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Nothing},
	{Name: "slots-revive", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Resurrect},
	{Name: "slots-alloc", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Allocate},
	{Name: "slots-collect", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Collect},
}

// oldTypesOf have finalizers of the old kind, in Python 3; classicTypesOf exist in 2.7 only.
var (
	oldTypesOf = []object.Type{
		{Name: "inst-old-log", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Nothing, Legacy: true},
		{Name: "slots-old-revive", Kind: object.KindSlotted, Attrs: 5, Weak: true, Final: object.Resurrect,
			Legacy: true},
	}
	classicTypesOf = []object.Type{
		{Name: "classic", Kind: object.KindInstance, Attrs: 5, Weak: true, Classic: true},
		{Name: "classic-log", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Nothing, Classic: true},
		{Name: "classic-revive", Kind: object.KindInstance, Attrs: 5, Weak: true, Final: object.Resurrect,
			Classic: true},
	}
)

func openGraph(profile string) (world, error) { return newGraphWorld(profile) }

func newGraphWorld(profile string) (*graphWorld, error) {
	h, err := newHeap(profile)
	if err != nil {
		return nil, err
	}
	c, err := gc.New(h)
	if err != nil {
		return nil, err
	}
	c.Disable()
	w := &graphWorld{h: h, c: c, roots: map[int]object.Ref{}, types: map[string]object.TypeID{}, line: -1}
	more := oldTypesOf
	if h.Profile().Legacy {
		more = classicTypesOf
	}
	for _, typ := range slices.Concat(typesOf, more) {
		if w.types[typ.Name], err = h.Define(typ); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *graphWorld) close() error { return w.h.Close() }

func (w *graphWorld) recount() error {
	return w.c.CheckInvariants(func(hold func(object.Ref)) {
		for _, o := range w.roots {
			hold(o)
		}
	})
}

// answer answers one line, with the events behind it.
func (w *graphWorld) answer(out []byte, line string) []byte {
	w.line++
	out = append(out, w.do(line)...)
	w.c.Safepoint()
	if e := w.events(); e != "" {
		out = append(append(out, " | "...), e...)
	}
	if w.auto {
		n := w.c.Count()
		out = fmt.Appendf(out, " @ %d,%d,%d", n[0], n[1], n[2])
	}
	for _, s := range w.said {
		out = append(append(out, " ! "...), s...)
	}
	w.said = w.said[:0]
	return append(out, '\n')
}

// do answers one line, without the events.
func (w *graphWorld) do(line string) string {
	t := strings.Fields(line)
	num := func(i int) int {
		n, err := strconv.Atoi(t[i])
		if err != nil {
			panic("recorded: " + err.Error())
		}
		return n
	}
	switch t[0] {
	case "new", "tuple", "weak", "get":
		return w.define(t, num)
	case "collect", "order", "unrevive", "garbage", "ungarbage", "debug", "threshold":
		return w.say(t[0], num)
	}
	o, live := w.roots[num(1)]
	if !live {
		return "skip"
	}
	switch t[0] {
	case "set":
		v := object.Ref(0)
		if t[3] != "-" {
			if v, live = w.roots[num(3)]; !live {
				return "skip"
			}
		}
		return w.put(o, num(2), v)
	case "push":
		v, live := w.roots[num(2)]
		if !live || w.h.Kind(o) != object.KindList {
			return "skip"
		}
		w.h.Push(o, v)
		return "ok"
	case "drop":
		delete(w.roots, num(1))
		w.h.Decref(o)
		return "ok"
	}
	return w.ask(t[0], o)
}

// say answers an operation that is about no root.
func (w *graphWorld) say(op string, num func(int) int) string {
	switch op {
	case "collect":
		n := w.c.Collect(num(1))
		counts := w.c.Count()
		return fmt.Sprintf("%d %d %d", n, counts[1], counts[2])
	case "order":
		w.takeList()
		return w.order()
	case "garbage":
		return w.names(w.c.Garbage())
	case "ungarbage":
		w.c.DropGarbage()
	case "debug":
		w.c.SetDebug(gc.Flag(num(1)))
		w.listen()
	case "threshold":
		w.begin([3]int{num(1), num(2), num(3)})
	default:
		n := len(w.h.Revived) - 1
		if n < 0 {
			return "skip"
		}
		o := w.h.Revived[n]
		w.h.Revived = w.h.Revived[:n]
		w.h.Decref(o)
	}
	return "ok"
}

// takeList is what the driver does to the free list of lists when it asks for names; the counts do not notice.
func (w *graphWorld) takeList() {
	fresh, limit := w.h.Fresh, w.h.Limit
	w.h.Limit = math.MaxInt
	w.h.Decref(w.h.NewList(0))
	w.h.Fresh, w.h.Limit = fresh, limit
}

// define answers an operation that makes a root.
func (w *graphWorld) define(t []string, num func(int) int) string {
	r := num(1)
	if _, live := w.roots[r]; live {
		return "skip"
	}
	var o object.Ref
	switch t[0] {
	case "new":
		if _, known := w.types[t[2]]; !known && t[2] != "list" && t[2] != "dict" {
			return "skip"
		}
		o = w.make(t[2], w.line)
	case "tuple":
		var items [3]object.Ref
		for i := range items {
			if t[2+i] == "-" {
				continue
			}
			v, live := w.roots[num(2+i)]
			if !live {
				return "skip"
			}
			items[i] = v
		}
		o = w.h.NewTuple(items[:]...)
	default:
		from, live := w.roots[num(2)]
		if !live {
			return "skip"
		}
		if t[0] == "get" {
			if o = w.fetch(from, num(3)); o == 0 {
				return "none"
			}
			w.h.Incref(o)
		} else if !isOwnKind(w.h.Kind(from)) {
			return "skip"
		} else {
			args := w.h.NewTuple(from, 0) // the arguments of a call
			o = w.h.NewWeakref(from, t[3] == "1")
			w.h.SetTag(o, uint32(w.line))
			w.h.Decref(args)
		}
	}
	w.roots[r] = o
	return "ok"
}

func isOwnKind(k object.Kind) bool { return k == object.KindInstance || k == object.KindSlotted }

// put stores a value in an object, and fetch reads it.
func (w *graphWorld) put(o object.Ref, k int, v object.Ref) string {
	ok := false
	if w.h.Kind(o) == object.KindDict {
		key := w.h.NewInt(int64(k))
		if v == 0 {
			ok = w.h.DictDelete(o, key)
		} else {
			ok = w.h.DictSet(o, key, v)
		}
		w.h.Decref(key)
	} else {
		ok = w.h.SetItem(o, k, v)
	}
	if !ok {
		return "skip"
	}
	return "ok"
}

func (w *graphWorld) fetch(o object.Ref, k int) object.Ref {
	if w.h.Kind(o) != object.KindDict {
		return w.h.Get(o, k)
	}
	key := w.h.NewInt(int64(k))
	v, _ := w.h.DictGet(o, key)
	w.h.Decref(key)
	return v
}

// ask answers a question about one object.
func (w *graphWorld) ask(op string, o object.Ref) string {
	kind := w.h.Kind(o)
	own := isOwnKind(kind)
	bit := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	var found []object.Ref
	add := func(o object.Ref) { found = append(found, o) }
	switch op {
	case "tracked":
		return bit(w.h.IsTracked(o))
	case "finalized":
		if w.h.Profile().AllOrNothing { // is_finalized came with 3.9
			return "-"
		}
		return bit(w.h.IsFinalized(o))
	case "alive":
		if kind != object.KindWeakref {
			return "skip"
		}
		return bit(w.h.Referent(o) != 0)
	case "count":
		return strconv.Itoa(w.h.Count(o))
	case "size":
		if !own && kind != object.KindList && kind != object.KindTuple {
			return "skip"
		}
		return strconv.Itoa(w.h.Size(o))
	case "referents":
		w.takeList()
		w.h.Referents(o, add)
		return w.names(found)
	case "referrers":
		w.takeList()
		w.c.Referrers(o, add)
		return w.names(found)
	case "pop":
		if kind != object.KindList || w.h.Len(o) == 0 {
			return "skip"
		}
		w.h.Decref(w.h.Pop(o))
		return "ok"
	}
	panic("recorded: unknown operation " + op)
}

// names are those of the objects that have one: instances and weak references their tags, others their lowest root.
func (w *graphWorld) names(objects []object.Ref) string {
	var s []string
	for _, o := range objects {
		if w.h.Kind(o) >= object.KindWeakref {
			s = append(s, fmt.Sprintf("n%d", w.h.Tag(o)))
			continue
		}
		at := rootsMax
		for r, x := range w.roots {
			if x == o {
				at = min(at, r)
			}
		}
		if at < rootsMax {
			s = append(s, fmt.Sprintf("r%d", at))
		}
	}
	return strings.Join(s, ",")
}

// order is the order of all generations. Up to 3.7 an interpreter does not tell where one ends.
func (w *graphWorld) order() string {
	var parts []string
	for g := range gc.Generations {
		var found []object.Ref
		if err := w.c.Objects(g, func(o object.Ref) { found = append(found, o) }); err != nil {
			panic(err)
		}
		parts = append(parts, w.names(found))
	}
	if w.h.Profile().TuplesInScan {
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		return strings.Join(parts, ",")
	}
	return strings.Join(parts, "/")
}

// make returns a new object of a kind or type; its reference is the caller's.
func (w *graphWorld) make(kind string, tag int) object.Ref {
	var o object.Ref
	switch kind {
	case "list":
		o = w.h.NewList(4)
	case "dict":
		o = w.h.NewDict()
	default:
		o = w.h.New(w.types[kind])
	}
	w.h.SetTag(o, uint32(tag))
	return o
}

// Events of our own: a collection of generation Tag starts or stops. Value is what it found: collected times the
// unit, and uncollectable.
const (
	eventStart = object.EventKind(100) + iota
	eventStop

	uncollectableUnit = 1 << 20
)

// begin lets collections begin by themselves, and logs them. The interpreter makes a dict for what it tells.
func (w *graphWorld) begin(thresholds [3]int) {
	w.auto = true
	w.c.SetThreshold(thresholds[0], thresholds[1:]...)
	w.c.Enable()
	w.c.OnCollection = func(p gc.Phase) {
		info := w.h.NewDict()
		e := object.Event{Kind: eventStart, Tag: uint32(p.Generation)}
		if p.Stop {
			e.Kind, e.Value = eventStop, p.Collected*uncollectableUnit+p.Uncollectable
		}
		w.h.Events = append(w.h.Events, e)
		w.h.Decref(info)
	}
}

// listen takes down what the collector says, with names for addresses and N for what would count the driver's objects.
func (w *graphWorld) listen() {
	w.c.Address = func(o object.Ref) string {
		if s := w.names([]object.Ref{o}); s != "" {
			return s
		}
		return "?"
	}
	w.c.OnMessage = func(line string) {
		each, permanent := "gc: objects in each generation:", "gc: objects in permanent generation:"
		switch {
		case strings.HasPrefix(line, permanent):
			line = permanent + " N"
		case strings.HasPrefix(line, each) && !w.h.Profile().Debug.Permanent:
			line = each + " N"
		}
		w.said = append(w.said, line)
	}
}

// events empties the log and returns what was in it.
func (w *graphWorld) events() string {
	var s []string
	for _, e := range w.h.Events {
		switch e.Kind {
		case eventStart:
			s = append(s, fmt.Sprintf("S%d", e.Tag))
		case eventStop:
			s = append(s, fmt.Sprintf("E%d:%d:%d", e.Tag, e.Value/uncollectableUnit, e.Value%uncollectableUnit))
		default:
			s = append(s, e.String())
		}
	}
	w.h.Events = w.h.Events[:0]
	return strings.Join(s, " ")
}
