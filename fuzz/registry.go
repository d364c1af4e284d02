package fuzz

import (
	"fmt"
	"slices"
	"strings"

	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/fuzz/recorded"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// Edges says whether targets ask, beside what programs ask, what none can: implementations of other configurations than
// those of worlds, arguments that no operation has. It is for those who want to know what programs see alone, and may
// change only while nothing runs.
var Edges = true

// Edged gives the world of a program of the language a variant for which every target asks so.
func Edged(spec *prog.Spec, p *prog.Program) {
	for i, arg := range spec.World {
		if arg.Name == "variant" && p.World[i] < edgesFrom {
			p.World[i] += edgesFrom
		}
	}
}

// Target is one thing that programs are tried on: an allocator, a heap of objects.
type Target struct {
	Name     string // never changes: corpora and command lines name it, and no two of all languages have the same
	Subject  string // the name of its Language
	Doc      string // one sentence
	Contract any    // what it promises: the heap.Contract, graph.Contract, ... of its language
	Smoke    int    // the random programs that `go test` tries on it, for each property

	// New returns what the engine needs to know to try the target. A Subject is not for concurrent use.
	New func() *props.Subject
	// Open makes an allocator, for reproducers that drive it themselves; nil where the target is none.
	Open heaptest.Opener

	// Recordings are the answers of the release that the target re-creates; the zero Family where there are none.
	Recordings recorded.Family

	// twin makes what Exact needs of a heap of objects; nil: it has no twins.
	twin *twinned

	// Placed says, of an allocator, that it asks the system for whole pages, and that where a block lies in its page
	// follows from the program: so it does not on Go's heap.
	Placed bool
}

// Language returns that of the target's programs.
func (t Target) Language() Language {
	l, err := LanguageOf(t.Subject)
	if err != nil {
		panic("fuzz: " + t.Name + ": " + err.Error())
	}
	return l
}

// Promises says in words what the target promises.
func (t Target) Promises() string { return t.Language().promises(t.Contract) }

// Alike tells whether two targets of one language promise the same visible answers wherever both have an operation.
func (t Target) Alike(o Target) bool {
	return t.Name == o.Name || t.Subject == o.Subject && t.Language().alike(t.Contract, o.Contract)
}

// recordingsOf is the family of a profile. Of the releases with 8-byte classes no interpreter could
// answer.
func recordingsOf(subject, profile string) recorded.Family {
	if profile == "old8" {
		return recorded.Family{}
	}
	return recorded.Family{Subject: subject, Profile: profile}
}

// Targets returns everything that is meant to be right, by language.
func Targets() (ts []Target) {
	for _, l := range languages {
		ts = append(ts, l.Targets()...)
	}
	return ts
}

// Canaries returns what is wrong on purpose, by language.
func Canaries() (ts []Target) {
	for _, l := range languages {
		ts = append(ts, l.Canaries()...)
	}
	return ts
}

// Targets returns what the language has that is meant to be right.
func (l Language) Targets() []Target { return slices.Clone(l.targets) }

// Canaries returns what the language has that is wrong on purpose.
func (l Language) Canaries() (ts []Target) {
	for _, c := range l.Canary() {
		t := Target{
			Name: canarytest.Prefix + c.Name, Subject: l.Name, Doc: c.Doc, Contract: c.Contract, New: c.Subject,
		}
		t.Open, _ = c.Open.(heaptest.Opener)
		ts = append(ts, t)
	}
	return ts
}

// guests finds a target that is in no table, and tells whether the name is that of one.
var guests = func(string) (t Target, is bool, err error) { return Target{}, false, nil }

// Lookup returns the target, or the canary "canary/NAME", of that name, of whatever language; or a guest.
func Lookup(name string) (Target, error) {
	if t, is, err := guests(name); is {
		return t, err
	}
	all := slices.Concat(Targets(), Canaries())
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
	}
	hint := ""
	if like := alike(name, all); len(like) > 0 {
		hint = "; there is " + strings.Join(like, ", ")
	}
	return Target{}, fmt.Errorf("no target %q%s: heapfuzz targets lists all, and cpython-VERSION is one where it is "+
		"installed", name, hint)
}

// alike are the names of targets that share the most with the beginning of a name, five at most.
func alike(name string, all []Target) (like []string) {
	best := 2 // letters that say nothing
	for _, t := range all {
		n := 0
		for n < min(len(name), len(t.Name)) && name[n] == t.Name[n] {
			n++
		}
		if n > best {
			best, like = n, nil
		}
		if n == best && best > 2 && len(like) < 5 {
			like = append(like, t.Name)
		}
	}
	return like
}
