// Package shim holds the other sides of package pipe: what speaks its protocol in another language.
package shim

import _ "embed"

// PythonGraph is a program for any CPython from 2.7 on, given to it with -c or as a file: its objects and its
// collector.
//
//go:embed python/graph.py
var PythonGraph string

// PythonDict is its dicts. An argument behind it says which: dict, strdict or ordereddict.
//
//go:embed python/dict.py
var PythonDict string

// PythonCache is its caches. An argument behind it says which: lru or ordereddict.
//
//go:embed python/cache.py
var PythonCache string
