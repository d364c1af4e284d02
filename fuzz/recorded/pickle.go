package recorded

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/object"
	"heapfuzz/impl/pickle"
)

// The language of these programs, and what an answer says, is in scripts/golden_pickle.py.

const (
	pickleNames   = 30 // names of attributes that are interned all the time
	pickleClasses = 16 // of each sort, with 0 to 15 attributes
	pickleLong    = 40 // bytes of a stream, or sizes, that are told as they are

	// pickleChecked is up to how many objects are recounted behind a line. To do so with all takes more time than the
	// rest.
	pickleChecked = 300
)

// A pickleWorld makes the objects of a line, dumps and loads them, and lets them go.
type pickleWorld struct {
	h     *heap
	types map[string]object.TypeID
	names []ref
	live  int // objects between two lines
	wrong error
}

func openPickle(profile string) (world, error) {
	h, err := newHeap(profile)
	if err != nil {
		return nil, err
	}
	w := &pickleWorld{h: h, types: map[string]object.TypeID{}}
	for n := range pickleClasses {
		for _, t := range []object.Type{
			{Name: fmt.Sprint("O", n), Kind: object.KindInstance, Attrs: n, Weak: true},
			{Name: fmt.Sprint("C", n), Kind: object.KindSlotted, Attrs: n},
		} {
			if w.types[t.Name], err = h.Define(t); err != nil {
				return nil, err
			}
		}
	}
	for k := range pickleNames {
		w.names = append(w.names, h.Intern(object.AttrName(k)))
	}
	w.live = h.Live()
	return w, nil
}

// find is the type of a name, as Load asks for it.
func (w *pickleWorld) find(name string) (object.TypeID, bool) {
	id, ok := w.types[name]
	return id, ok
}

func (w *pickleWorld) recount() error { return errors.Join(w.wrong, w.check()) }

// check recounts the heap, of which somebody holds these besides the names.
func (w *pickleWorld) check(held ...ref) error {
	return w.h.CheckInvariants(func(hold func(ref)) {
		for _, o := range w.names {
			hold(o)
		}
		for _, o := range held {
			hold(o)
		}
	}, []object.List{w.h.Young})
}

func (w *pickleWorld) close() error {
	var err error
	for _, o := range w.names {
		w.h.Decref(o)
	}
	if n := w.h.Live(); n != 0 {
		err = fmt.Errorf("%d objects are left", n)
	}
	return errors.Join(err, w.h.Close())
}

func (w *pickleWorld) answer(out []byte, line string) []byte {
	mode, rest, _ := strings.Cut(line, " ")
	p := pickleParser{w: w, tokens: strings.Fields(rest), labels: map[string]ref{}}
	o, held := p.root()
	text, loaded := w.told(o, mode == "flat")
	if loaded != 0 {
		held = append(held, loaded)
	}
	if w.h.Live()-w.live <= pickleChecked {
		if err := w.check(held...); err != nil {
			w.wrong = errors.Join(w.wrong, fmt.Errorf("%s: %w", line, err))
		}
	}
	w.takeApart(held)
	if n := w.h.Live() - w.live; n != 0 {
		w.wrong = errors.Join(w.wrong, fmt.Errorf("%s: %d objects are left", line, n))
	}
	return append(append(out, text...), '\n')
}

// told dumps an object and loads it. The reference to what was loaded is the caller's.
func (w *pickleWorld) told(o ref, flat bool) (text string, loaded ref) {
	mode := pickle.Memo
	if flat {
		mode = pickle.Flat
	}
	s, err := pickle.Dump(w.h, o, mode)
	var cycle *pickle.CycleError
	switch {
	case flat && errors.As(err, &cycle):
		return "cycle", 0
	case err != nil:
		panic("recorded: " + err.Error())
	}
	defer s.Close()
	told := []string{streamText(s.Bytes())}
	if !flat {
		told = append(told, fmt.Sprint(s.Memoised()), fmt.Sprint(s.MemoBytes()))
	}
	if loaded, err = pickle.Load(w.h, s.Bytes(), w.find); err != nil {
		panic("recorded: " + err.Error())
	}
	again, err := pickle.Dump(w.h, loaded, pickle.Memo)
	if err != nil {
		panic("recorded: " + err.Error())
	}
	defer again.Close()
	same := "="
	if string(again.Bytes()) != string(s.Bytes()) {
		same = streamText(again.Bytes())
	}
	return strings.Join(append(told, same, w.sizes(loaded)), " "), loaded
}

func streamText(b []byte) string {
	if len(b) <= pickleLong {
		return hex.EncodeToString(b)
	}
	return fmt.Sprintf("%d:%08x", len(b), crc32.ChecksumIEEE(b))
}

// children calls visit for what a container leads to, in the order of a program that walks over it.
func (w *pickleWorld) children(o ref, visit func(ref)) {
	switch w.h.Kind(o) {
	case object.KindDict:
		w.h.DictEach(o, func(k, v ref) {
			visit(k)
			visit(v)
		})
	case object.KindSet, object.KindFrozenset:
		w.h.Referents(o, visit)
	case object.KindList, object.KindTuple, object.KindInstance, object.KindSlotted:
		for k := range w.h.Len(o) {
			visit(w.h.Get(o, k))
		}
	}
}

// containers are all that objects lead to, each once, in the order in which they are met first.
func (w *pickleWorld) containers(roots ...ref) (found []ref) {
	seen := map[ref]bool{}
	todo := roots
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if o == 0 || seen[o] {
			continue
		}
		switch w.h.Kind(o) {
		case object.KindList, object.KindTuple, object.KindDict, object.KindSet, object.KindFrozenset,
			object.KindInstance, object.KindSlotted:
			seen[o] = true
			found = append(found, o)
			n := len(todo)
			w.children(o, func(x ref) { todo = append(todo, x) })
			slices.Reverse(todo[n:])
		}
	}
	return found
}

// sizes are those of all that have no attributes.
func (w *pickleWorld) sizes(o ref) string {
	var all []string
	for _, x := range w.containers(o) {
		if !isOwnKind(w.h.Kind(x)) {
			all = append(all, strconv.Itoa(w.h.Size(x)))
		}
	}
	if len(all) == 0 {
		return "-"
	}
	text := strings.Join(all, ",")
	if len(text) <= pickleLong {
		return text
	}
	return fmt.Sprintf("%d:%08x", len(all), crc32.ChecksumIEEE([]byte(text)))
}

// takeApart lets objects go, and empties all that they lead to: there may be cycles.
func (w *pickleWorld) takeApart(held []ref) {
	all := w.containers(slices.Clone(held)...)
	for _, o := range all {
		w.h.Incref(o)
	}
	for _, o := range held {
		w.h.Decref(o)
	}
	for _, o := range all {
		w.h.Clear(o)
	}
	for _, o := range all {
		w.h.Decref(o)
	}
}

// A pickleParser makes the objects of a line.
type pickleParser struct {
	w      *pickleWorld
	tokens []string
	labels map[string]ref // each with a reference
}

func (p *pickleParser) next() string {
	if len(p.tokens) == 0 {
		panic("recorded: a line ends early")
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("recorded: " + err.Error())
	}
	return n
}

// root makes all and returns the object that is to be dumped, and what has to be let go: among it, that object.
func (p *pickleParser) root() (o ref, held []ref) {
	name := ""
	if len(p.tokens) > 0 && p.tokens[0][0] == '@' {
		name = p.next()[1:]
	}
	items := p.items(1)
	if o = items[0]; name != "" {
		o = p.labels[name]
	}
	held = items
	for _, x := range p.labels {
		held = append(held, x)
	}
	return o, held
}

// items makes so many objects, each with a reference that is the caller's.
func (p *pickleParser) items(n int) (items []ref) {
	for len(items) < n {
		label, times := "", 1
		t := p.next()
		if t[0] == '&' {
			label, t = t[1:], p.next()
		}
		if t[0] == 'x' {
			times, t = atoi(t[1:]), p.next()
		}
		if t[0] == 'g' {
			first, count, _ := strings.Cut(t[1:], ":")
			for i := range atoi(count) {
				items = append(items, p.w.h.NewInt(int64(atoi(first)+i)))
			}
			continue
		}
		for range times {
			items = append(items, p.object(t, label))
		}
	}
	return items
}

// object makes what a token begins.
func (p *pickleParser) object(t, label string) ref {
	h := p.w.h
	n := 0
	switch t[0] {
	case '*':
		o, ok := p.labels[t[1:]]
		if !ok {
			panic("recorded: there is no " + t)
		}
		h.Incref(o)
		return o
	case 'l', 't', 'd', 'S', 'z', 'o', 'c':
		n = atoi(t[1:])
	default:
		return p.named(label, p.atom(t[0], t[1:]))
	}
	switch t[0] {
	case 't', 'z':
		items := p.items(n)
		o := ref(0)
		if t[0] == 't' {
			o = h.NewTuple(items...)
		} else {
			o = h.NewFrozenset(items...)
		}
		p.drop(items)
		return p.named(label, o)
	case 'l':
		o := p.named(label, h.NewList(0))
		p.fill(p.items(n), func(_ int, x ref) { h.Push(o, x) })
		return o
	case 'S':
		o := p.named(label, h.NewSet())
		p.fill(p.items(n), func(_ int, x ref) { h.SetAdd(o, x) })
		return o
	case 'd':
		o := p.named(label, h.NewDict())
		items := p.items(2 * n)
		p.fill(items, func(k int, x ref) {
			if k%2 == 1 {
				h.DictSet(o, items[k-1], x)
			}
		})
		return o
	}
	o := p.named(label, h.New(p.w.types[strings.ToUpper(t)]))
	p.fill(p.items(n), func(k int, x ref) { h.SetItem(o, k, x) })
	return o
}

// fill puts items into a container, and lets them go.
func (p *pickleParser) fill(items []ref, put func(k int, x ref)) {
	for k, x := range items {
		put(k, x)
	}
	p.drop(items)
}

func (p *pickleParser) drop(items []ref) {
	for _, x := range items {
		p.w.h.Decref(x)
	}
}

// named gives an object its number, if it has one.
func (p *pickleParser) named(label string, o ref) ref {
	if o == 0 {
		panic("no memory")
	}
	if label != "" {
		p.w.h.Incref(o)
		p.labels[label] = o
	}
	return o
}

func (p *pickleParser) atom(kind byte, text string) ref {
	h := p.w.h
	switch kind {
	case 'N':
		return h.None()
	case 'T', 'F':
		return h.Bool(kind == 'T')
	case 'i':
		v, ok := new(big.Int).SetString(text, 0)
		if !ok {
			panic("recorded: no number " + text)
		}
		return h.NewBigInt(v)
	case 'f':
		bits, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			panic("recorded: " + err.Error())
		}
		return h.NewFloat(math.Float64frombits(bits))
	}
	text, times, repeated := strings.Cut(text, "*")
	b, err := hex.DecodeString(text)
	if err != nil {
		panic("recorded: " + err.Error())
	}
	if repeated {
		b = []byte(strings.Repeat(string(b), atoi(times)))
	}
	switch kind {
	case 's':
		return h.NewStr(string(b))
	case 'n':
		return h.Intern(string(b))
	case 'b':
		return h.NewBytes(b)
	}
	panic("recorded: unknown kind " + string(kind))
}
