package pipe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/model/graph"
)

// Parts are the words for the optional parts of graph.Heap that the other side may have.
var Parts = []string{
	"mourn", "weak", "final", "legacy", "hoard", "grow", "copy", "switch", "threshold", "freeze", "freezecount",
	"watch", "tracked", "census", "relate", "graduate", "size", "count", "age", "stats", "check",
}

// Graph is a heap of objects in another process. It is a graph.Heap with all the methods that the protocol has; Heap
// returns it with those that the other side has.
type Graph struct {
	Name     string
	Contract graph.Contract

	argv   []string
	parts  []string
	p      *process
	line   []byte
	finals map[graph.ID]func(graph.ID)
	legacy map[graph.ID]func(graph.ID)
	called map[graph.ID]func(graph.ID)
	mourn  func(graph.ID)
	begun  func(generation int)
	ended  func(returned int)
}

// Start starts the other side and reads who it is.
func Start(argv ...string) (*Graph, error) {
	g := &Graph{argv: argv}
	return g, g.start()
}

func (g *Graph) start() error {
	p, hello, err := start(g.argv)
	if err != nil {
		return fmt.Errorf("pipe: %s: %w", strings.Join(g.argv, " "), err)
	}
	g.p = p
	if err := g.greet(hello); err != nil {
		p.kill()
		return fmt.Errorf("pipe: %s: %w", strings.Join(g.argv, " "), err)
	}
	return nil
}

// greet reads the first line.
func (g *Graph) greet(hello string) error {
	words := strings.Fields(hello)
	if len(words) < 3 || words[0] != "heapfuzz" || words[1] != "1" || words[2] != "graph" {
		return fmt.Errorf("the first line is %q, not \"heapfuzz 1 graph ...\"", hello)
	}
	g.Contract = graph.Contract{Retained: -1}
	for _, w := range words[3:] {
		key, value, _ := strings.Cut(w, "=")
		if err := g.promise(key, value); err != nil {
			return fmt.Errorf("the first line: %w", err)
		}
	}
	return nil
}

// promise reads one word of the first line.
func (g *Graph) promise(key, value string) error {
	c := &g.Contract
	flags := map[string]*bool{
		"immediate": &c.Immediate, "promotes": &c.Promotes, "weakfirst": &c.WeakFirst,
		"callbackfirst": &c.CallbackFirst, "weaklapse": &c.WeakLapse, "mayrefuse": &c.MayRefuse,
	}
	numbers := map[string]*int{"within": &c.Within, "generations": &c.Generations, "fieldsmax": &c.FieldsMax}
	kinds := map[string]*[graph.Kinds]bool{
		"bare": &c.Bare, "grows": &c.Grows, "shares": &c.Shares, "untracks": &c.Untracks,
	}
	n, err := strconv.Atoi(value)
	switch {
	case key == "name":
		g.Name = value
	case key == "parts":
		g.parts = strings.Split(value, ",")
		for _, p := range g.parts {
			if !slices.Contains(Parts, p) {
				return fmt.Errorf("there is no part %q; there are %s", p, strings.Join(Parts, ", "))
			}
		}
	case key == "returns" && value == "deaths":
		c.Returns = graph.Deaths
	case key == "returns" && value == "containers":
		c.Returns = graph.Containers
	case key == "saves" && value == "whole":
		c.Saves = graph.Whole
	case key == "saves" && value == "subgraph":
		c.Saves = graph.Subgraph
	case kinds[key] != nil:
		for _, k := range strings.Split(value, ",") {
			i, err := strconv.Atoi(k)
			if err != nil || i < 0 || i >= graph.Kinds {
				return fmt.Errorf("%s=%s: no kind %q", key, value, k)
			}
			kinds[key][i] = true
		}
	case flags[key] != nil && err == nil && (n == 0 || n == 1):
		*flags[key] = n == 1
	case numbers[key] != nil && err == nil && n >= 0:
		*numbers[key] = n
	default:
		return fmt.Errorf("%s=%s means nothing", key, value)
	}
	return nil
}

// Offers tells whether the other side has an optional part.
func (g *Graph) Offers(part string) bool { return slices.Contains(g.parts, part) }

// Reset begins with an empty heap, in a new process if the old one is dead.
func (g *Graph) Reset(limit, auto, variant uint64) error {
	if g.p.dead != nil {
		if err := g.start(); err != nil {
			return err
		}
	}
	g.finals, g.called = map[graph.ID]func(graph.ID){}, map[graph.ID]func(graph.ID){}
	g.legacy = map[graph.ID]func(graph.ID){}
	g.mourn, g.begun, g.ended = nil, nil, nil
	_, _, err := g.ask("reset", limit, auto, variant)
	return err
}

// Quit ends the other side.
func (g *Graph) Quit() error {
	if g.p.dead != nil {
		return nil
	}
	err := g.p.write([]byte("quit\n"))
	g.p.kill()
	return err
}

// Close is of one heap: the process lives on for the next.
func (g *Graph) Close() error { return nil }

// ask asks one question that is answered with a number, or none.
func (g *Graph) ask(verb string, args ...uint64) (n int64, ok bool, err error) {
	text, ok, err := g.put(verb, args...)
	if err != nil || text == "" {
		return 0, ok, err
	}
	if n, err = strconv.ParseInt(text, 10, 64); err != nil {
		return 0, false, g.p.badLine(g.line, "ok "+text)
	}
	return n, true, nil
}

// put puts a question and returns what follows ok. It tells events as they come.
func (g *Graph) put(verb string, args ...uint64) (answer string, ok bool, err error) {
	b := append(g.line[:0], verb...)
	for _, a := range args {
		b = strconv.AppendUint(append(b, ' '), a, 10)
	}
	g.line = append(b, '\n')
	if err := g.p.write(g.line); err != nil {
		return "", false, err
	}
	for {
		line, err := g.p.read()
		if err != nil {
			return "", false, err
		}
		switch word, rest, _ := strings.Cut(line, " "); {
		case word == "event":
			if !g.tell(rest) {
				return "", false, g.p.badLine(g.line, line)
			}
			if err := g.p.write([]byte("resume\n")); err != nil {
				return "", false, err
			}
		case line == "ok":
			return "", true, nil
		case word == "ok":
			return rest, true, nil
		case line == "nomem":
			return "", false, nil
		case word == "fail":
			return "", false, fmt.Errorf("%s: %s", verb, rest)
		default:
			return "", false, g.p.badLine(g.line, line)
		}
	}
}

// tell tells of an event and reports whether it is one.
func (g *Graph) tell(text string) bool {
	what, number, _ := strings.Cut(text, " ")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return false
	}
	id := graph.ID(n)
	var f func(graph.ID)
	switch what {
	case "final":
		if f = g.legacy[id]; f == nil {
			f = g.finals[id]
			delete(g.finals, id)
		}
	case "called":
		f = g.called[id]
		delete(g.called, id)
	case "died":
		f = g.mourn
	case "start":
		f = counted(g.begun)
	case "stop":
		f = counted(g.ended)
	}
	if f == nil {
		return false
	}
	f(id)
	return true
}

// counted is a function of a number in the shape of one of an ID.
func counted(f func(int)) func(graph.ID) {
	if f == nil {
		return nil
	}
	return func(n graph.ID) { f(int(n)) }
}

// must asks a question that cannot be answered with nomem.
func (g *Graph) must(verb string, args ...uint64) int64 {
	n, ok, err := g.ask(verb, args...)
	if err == nil && !ok {
		err = g.p.badLine(g.line, "nomem")
	}
	if err != nil {
		panic(err)
	}
	return n
}

// object asks for an object that may be refused.
func (g *Graph) object(verb string, args ...uint64) graph.ID {
	n, _, err := g.ask(verb, args...)
	if err != nil {
		panic(err)
	}
	return graph.ID(n)
}

func (g *Graph) New(kind graph.Kind, fields int) graph.ID {
	id := g.object("new", uint64(kind), uint64(fields))
	delete(g.finals, id) // of an object that had this ID and died without
	delete(g.legacy, id)
	return id
}

func (g *Graph) SetField(object graph.ID, i int, target graph.ID) {
	g.must("set", uint64(object), uint64(i), uint64(target))
}

func (g *Graph) Field(object graph.ID, i int) graph.ID {
	return graph.ID(g.must("get", uint64(object), uint64(i)))
}

func (g *Graph) Root(object graph.ID)   { g.must("root", uint64(object)) }
func (g *Graph) Unroot(object graph.ID) { g.must("unroot", uint64(object)) }

func (g *Graph) Collect(generation int) int { return int(g.must("collect", uint64(generation))) }

func (g *Graph) OnDeath(f func(graph.ID)) { g.mourn = f }

func (g *Graph) NewWeak(referent graph.ID, callback func(graph.ID)) graph.ID {
	w := g.object("weak", uint64(referent), bit(callback != nil))
	if w == 0 {
		return 0
	}
	delete(g.called, w) // of one that had this ID, and died before its referent
	if callback != nil {
		g.called[w] = callback
	}
	return w
}

func (g *Graph) Deref(weak graph.ID) graph.ID { return graph.ID(g.must("deref", uint64(weak))) }

func (g *Graph) SetFinalizer(object graph.ID, f func(graph.ID)) {
	g.finals[object] = f
	g.must("final", uint64(object))
}

func (g *Graph) Enable(on bool) { g.must("enable", bit(on)) }

func bit(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

func (g *Graph) SetThreshold(generation, n int) { g.must("threshold", uint64(generation), uint64(n)) }

func (g *Graph) Freeze()   { g.must("freeze") }
func (g *Graph) Unfreeze() { g.must("unfreeze") }

func (g *Graph) Count(object graph.ID) int      { return int(g.must("count", uint64(object))) }
func (g *Graph) Generation(object graph.ID) int { return int(g.must("age", uint64(object))) }

func (g *Graph) SetLegacyFinalizer(object graph.ID, f func(graph.ID)) {
	g.legacy[object] = f
	g.must("legacy", uint64(object))
}

func (g *Graph) SaveAll(on bool)     { g.must("saveall", bit(on)) }
func (g *Graph) Garbage() []graph.ID { return g.list("garbage") }
func (g *Graph) DropGarbage()        { g.must("drop") }

func (g *Graph) Append(object, target graph.ID) bool {
	_, ok, err := g.ask("push", uint64(object), uint64(target))
	if err != nil {
		panic(err)
	}
	return ok
}

func (g *Graph) Pop(object graph.ID) { g.must("pop", uint64(object)) }

func (g *Graph) Copy(object graph.ID) graph.ID     { return g.object("copy", uint64(object)) }
func (g *Graph) DeepCopy(object graph.ID) graph.ID { return g.object("deepcopy", uint64(object)) }

func (g *Graph) FreezeCount() int { return int(g.must("frozen")) }

func (g *Graph) OnCollection(start func(generation int), stop func(returned int)) {
	g.begun, g.ended = start, stop
}

func (g *Graph) Tracked(object graph.ID) bool   { return g.must("tracked", uint64(object)) != 0 }
func (g *Graph) Finalized(object graph.ID) bool { return g.must("finalized", uint64(object)) != 0 }
func (g *Graph) Size(object graph.ID) int       { return int(g.must("size", uint64(object))) }

func (g *Graph) Objects(generation int) []graph.ID { return g.list("objects", uint64(generation+1)) }

func (g *Graph) Referents(object graph.ID) []graph.ID { return g.list("referents", uint64(object)) }
func (g *Graph) Referrers(object graph.ID) []graph.ID { return g.list("referrers", uint64(object)) }

func (g *Graph) Stats() (collections, collected uint64) {
	both := g.list("stats")
	if len(both) != 2 {
		panic(g.p.badLine(g.line, "ok and not two numbers"))
	}
	return uint64(both[0]), uint64(both[1])
}

// list asks a question that is answered with numbers.
func (g *Graph) list(verb string, args ...uint64) (ids []graph.ID) {
	text, ok, err := g.put(verb, args...)
	if err == nil && !ok {
		err = g.p.badLine(g.line, "nomem")
	}
	for _, word := range strings.Fields(text) {
		n, e := strconv.ParseUint(word, 10, 64)
		if e != nil {
			err = g.p.badLine(g.line, "ok "+text)
		}
		ids = append(ids, graph.ID(n))
	}
	if err != nil {
		panic(err)
	}
	return ids
}

// CheckInvariants has the other side recount its own.
func (g *Graph) CheckInvariants() error {
	_, _, err := g.ask("check")
	if g.p.dead != nil {
		panic(err)
	}
	return err
}
