package fuzz

import (
	"slices"
	"strings"

	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/dicttest"
)

// dictTarget completes the target of a store of dicts.
func dictTarget(t Target, contract dict.Contract, open dicttest.Opener) Target {
	t.Subject, t.Contract = "dict", contract
	t.New = func() *props.Subject { return dicttest.Subject(t.Name, contract, open) }
	return t
}

// cacheTarget completes the target of a cache.
func cacheTarget(t Target, contract dict.CacheContract, open dicttest.CacheOpener) Target {
	t.Subject, t.Contract = "cache", contract
	t.New = func() *props.Subject { return dicttest.CacheSubject(t.Name, contract, open) }
	return t
}

// dicts are the stores of dicts that are meant to be right.
func dicts() []Target {
	return append([]Target{
		dictTarget(Target{
			Name: "dict-reference", Smoke: 20,
			Doc: "the dict that is believed by eye: a slice of entries, searched from the front",
		}, dict.ReferenceContract, func(dicttest.World) (dicttest.Store, error) {
			return dict.NewReferenceStore(), nil
		}),
	}, slices.Concat(pyDicts(), []Target{swissTarget()}, stackDicts())...)
}

// caches are the caches that are meant to be right.
func caches() []Target {
	return append([]Target{
		cacheTarget(Target{
			Name: "cache-reference", Smoke: 20,
			Doc: "the cache that is believed by eye: a slice of entries, the one to be evicted next in front",
		}, dict.CacheReferenceContract, func(w dicttest.CacheWorld) (dicttest.Cache, error) {
			return dict.NewCacheReference(w.Capacity), nil
		}),
	}, pyCaches()...)
}

// rulesOf are those of dicts, or of caches: the names of both begin with what they are about.
func rulesOf(subject string) []*model.Invariant {
	return slices.DeleteFunc(slices.Clone(dict.Rules), func(r *model.Invariant) bool {
		return !strings.HasPrefix(r.Name, subject+"/")
	})
}
