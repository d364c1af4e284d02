// Package dicttest tests dicts and caches: hash maps of every kind, with an order or without, and bounded caches of
// every policy. It is the one package that somebody with such a thing imports:
//
//	func TestMap(t *testing.T) {
//		dicttest.Run(t, func(capacity int) dicttest.Dict {
//			m := NewMap[string, int](capacity)
//			return dicttest.Map[string, int]{Get: m.Get, Set: m.Put, Delete: m.Delete, Len: m.Len}.Dict()
//		})
//	}
//
// drives maps with random programs, judges every answer by the rules of heapfuzz/model/dict, and prints the shortest
// program that breaks one. Map turns the numbers of a program into keys and values of any type. What a map can do
// besides is told by the functions that are set, or, of an implementation of Dict itself, by the methods that it has
// (see the shapes in heapfuzz/model/dict). What it promises is told with Promise; nothing is judged that was not
// promised.
//
// A program works on several dicts, which slots name, and takes steps in several iterations over each. Keys come from a
// small domain, so that they meet, and from its edges: 0, powers of two, multiples of 2^61-1, the greatest number. The
// world of a program says how bad hashes are, for maps that can be given a hash function; see World.
//
// RunCache, TestCache and FuzzCache do the same for caches.
package dicttest

import "heapfuzz/model/dict"

// Dict is what is tested; see dict.Dict.
type Dict = dict.Dict

// Store makes dicts that share memory; see dict.Store.
type Store = dict.Store

// Contract is what a dict promises; see dict.Contract.
type Contract = dict.Contract

// Cache is what RunCache tests; see dict.Cache.
type Cache = dict.Cache

// CacheContract is what a cache promises; see dict.CacheContract.
type CacheContract = dict.CacheContract
