package fuzz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/object"
	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// Twins
//
// Two heaps of objects that re-create the same release, or are it, must agree in everything: what collections return,
// generations, what is followed, counts, sizes, the order of finalizers and callbacks, of objects in generations and in
// the garbage. Only addresses differ. So they are driven alike, by one contract and with the parts that both have, and
// what is put right elsewhere, so that a program may know nothing of hidden objects, is left as it is (pyHeap.raw).
//
// An object is named by the order in which IDs were made. Deaths are told by a heap in this process and not by one in
// another, so they are told by neither; then an ID names what was made under it last.
//
// When collections begin by themselves follows from all that is allocated, by the other side's own program too. So
// twins have none: the golden traces of corpus/graph/golden compare that. Nor is there a limit of memory, or a variant.

// twinned is what a target brings to be compared exactly: the parts that it has, and how to open a heap that puts
// nothing right and offers some of them only. Each call of opener is for one user.
type twinned struct {
	parts  func(string) bool
	opener func(offers func(string) bool) graphtest.Opener
}

// gcPart is a gcHeap of which some parts are left out.
type gcPart struct {
	gcHeap
	offers func(string) bool
}

func (p gcPart) Offers(part string) bool { return p.offers(part) }

// gcTwin is what the target of a profile brings.
func gcTwin(prof *object.Profile) *twinned {
	return &twinned{
		parts: func(part string) bool { return offers27(prof, part) },
		opener: func(offers func(string) bool) graphtest.Opener {
			return func(graphtest.World) (graphtest.Heap, error) {
				h, err := openGC(prof, graphtest.World{})
				if err != nil {
					return nil, err
				}
				g := h.(gcHeap)
				g.raw = true
				return gcPart{g, offers}, nil
			}
		},
	}
}

// ExactName is the name of the property that Exact returns.
const ExactName = "exact"

// Exact returns the property that a target and another answer a program exactly alike. Both are heaps of objects, and
// one at least is of package gc.
func Exact(a, b Target) (props.Property, error) {
	if a.twin == nil || b.twin == nil {
		return props.Property{}, fmt.Errorf("%s and %s cannot be compared exactly: each is a gc-VERSION or a "+
			"cpython-VERSION", a.Name, b.Name)
	}
	contract := a.Contract.(graph.Contract)
	contract.Returns, contract.Retained = graph.Anything, -1
	offers := func(part string) bool { return twinParts[part] && a.twin.parts(part) && b.twin.parts(part) }
	subject := func(t Target) *props.Subject {
		return graphtest.Subject(t.Name, contract, t.twin.opener(offers))
	}
	return props.Exact(ExactName, subject(a), subject(b), reduced, named), nil
}

// Against returns the property that a target and another answer a program as much alike as they promise: exactly, where
// they can be compared so.
func Against(a, b Target) (props.Property, error) {
	switch {
	case a.twin != nil && b.twin != nil:
		return Exact(a, b)
	case a.Name == b.Name || !a.Alike(b):
		return props.Property{}, fmt.Errorf("%s and %s do not promise the same", a.Name, b.Name)
	}
	return a.Language().Differential(b.New()), nil
}

// twinParts are those that twins may have. Without hoard, as a tuple that is replaced lives on in the garbage; without
// what an interpreter cannot tell.
var twinParts = func() map[string]bool {
	all := map[string]bool{}
	for _, part := range strings.Fields("weak final legacy grow copy freeze watch tracked census relate graduate " +
		"size count age stats") {
		all[part] = true
	}
	return all
}()

// reduced is a program in the ordinary world without deep copies, since what those make besides has no names, and
// without collections that begin by themselves.
func reduced(p prog.Program) (q prog.Program) {
	for _, op := range p.Ops {
		switch graphtest.Lang.Info(op.Kind).Name {
		case "deepcopy", "enable", "threshold":
		default:
			q.Ops = append(q.Ops, op)
		}
	}
	return q
}

// named returns a function that names the objects in the answers of one run by the order of their making.
func named() func(prog.Op, prog.Outcome) prog.Outcome {
	names, last := map[uint64]uint64{0: 0}, uint64(0)
	name := func(id uint64, made bool) uint64 {
		if _, ok := names[id]; !ok || made {
			last++
			names[id] = last
		}
		return names[id]
	}
	return func(op prog.Op, out prog.Outcome) prog.Outcome {
		info := graphtest.Lang.Info(op.Kind)
		var told []string
		for _, word := range strings.Fields(out.Msg) {
			told = append(told, namedEvent(word, name))
		}
		if info.Role == prog.Make && out.Status == prog.OK {
			out.Addr = name(out.Addr, info.Name == "new" || info.Name == "weak" || info.Name == "copy")
		}
		if info.Name == "verify" {
			out.Addr = 0 // which depends on the addresses
		}
		out.Msg = strings.Join(told, " ")
		return out
	}
}

// namedEvent writes an event with the name of its object.
func namedEvent(word string, name func(id uint64, made bool) uint64) string {
	what := graph.What(word[0])
	n, err := strconv.ParseUint(word[1:], 10, 64)
	if err != nil || slices.Contains([]graph.What{graph.Begins, graph.Ends, graph.Started, graph.Stopped}, what) {
		return word
	}
	made := what == graph.Made || what == graph.Bred || what == graph.Referred
	return fmt.Sprintf("%c%d", what, name(n, made))
}
