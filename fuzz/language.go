package fuzz

import (
	"fmt"
	"slices"
	"strings"

	"heapfuzz/fuzz/canary"
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/fuzz/canary/dictcanary"
	"heapfuzz/fuzz/canary/graphcanary"
	"heapfuzz/fuzz/canary/valuecanary"
	"heapfuzz/fuzz/recorded"
	"heapfuzz/model"
	"heapfuzz/model/graph"
	"heapfuzz/model/heap"
	"heapfuzz/model/value"
	"heapfuzz/props"
	"heapfuzz/props/dicttest"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
	"heapfuzz/props/valuetest"
)

// Language is one kind of thing that is tried: what its programs consist of, what is said of it, and who there is.
type Language struct {
	Name  string // never changes: command lines name it, and the folder of its corpus
	Doc   string // what it is about, in a few words
	Spec  *prog.Spec
	Rules []*model.Invariant

	// Differential is the property that a target and the others answer a program alike.
	Differential func(others ...*props.Subject) props.Property

	canaries func() []canarytest.Canary // nil: there are none
	targets  []Target                   // the first has every property that one of them may have
	promises func(contract any) string
	alike    func(a, b any) bool
}

// languages are all, in the order in which they are told of.
var languages = []Language{
	{
		Name: "heap", Doc: "memory allocators", Spec: heaptest.Lang.Spec, Rules: withRecordings(heap.Rules),
		canaries: canary.All, Differential: props.Differential, targets: heapTargets,
		promises: of(heapPromises), alike: both(heapAlike),
	},
	{
		Name: "graph", Doc: "heaps of objects that refer to each other", Spec: graphtest.Lang.Spec,
		Rules:    withRecordings(graph.Rules),
		canaries: graphcanary.All, Differential: graphtest.Differential, targets: graphs(),
		promises: of(graphPromises), alike: func(any, any) bool { return true }, // see graphtest.Differential
	},
	{
		Name: "dict", Doc: "dicts and hash maps", Spec: dicttest.Lang.Spec, Rules: withRecordings(rulesOf("dict")),
		canaries: dictcanary.Dicts, Differential: dicttest.Differential, targets: dicts(),
		promises: of(dictPromises), alike: both(dictAlike),
	},
	{
		Name: "cache", Doc: "bounded caches", Spec: dicttest.CacheLang.Spec, Rules: withRecordings(rulesOf("cache")),
		canaries: dictcanary.Caches, Differential: dicttest.CacheDifferential, targets: caches(),
		promises: of(cachePromises), alike: both(cacheAlike),
	},
	{
		Name: "value", Doc: "lists, sets, dicts and atoms", Spec: valuetest.Lang.Spec,
		Rules:    withRecordings(value.Rules),
		canaries: valuecanary.All, Differential: valuetest.Differential, targets: values(),
		promises: of(valuePromises), alike: both(valueAlike),
	},
}

// withRecordings are the rules of a language whose targets re-create interpreters.
func withRecordings(rules []*model.Invariant) []*model.Invariant {
	return append(slices.Clone(rules), recorded.Answers)
}

// Canary returns the canaries, with what is expected of those who look for their defects.
func (l Language) Canary() []canarytest.Canary {
	if l.canaries == nil {
		return nil
	}
	return l.canaries()
}

// Properties returns all that one of the language's targets may have.
func (l Language) Properties() []props.Property { return l.targets[0].New().Properties }

// of makes a function of any contract of one of a language's.
func of[C any](f func(C) string) func(any) string { return func(c any) string { return f(c.(C)) } }

func both[C any](f func(a, b C) bool) func(a, b any) bool {
	return func(a, b any) bool { return f(a.(C), b.(C)) }
}

// Languages returns all, in the order in which they are told of.
func Languages() []Language { return slices.Clone(languages) }

// LanguageOf returns the language of that name.
func LanguageOf(name string) (Language, error) {
	var names []string
	for _, l := range languages {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Language{}, fmt.Errorf("no subject %q; there are %s", name, strings.Join(names, ", "))
}
