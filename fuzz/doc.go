// Package fuzz says who is tried: the table of languages and of targets, the fuzz functions of two engines that drive
// them, and the replay of the corpus. Nothing here judges; it brings programs and targets together.
//
//	t, err := fuzz.Lookup("slab")
//	s := t.New()                               // what the engine of package props drives
//	res, err := new(props.Runner).Run(s, program)
//
// # Languages
//
// A Language is one kind of thing: allocators (heap), heaps of objects (graph), dicts (dict), caches (cache). It has
// the operations of which programs consist, the rules, the folder corpus/NAME, and its targets. One campaign may try
// targets of several languages; a program is of one, and so are targets that are compared. To add a language is to add
// a row to the table in language.go, its fuzz functions, and a folder of the corpus.
//
// # Targets
//
// A Target is a name, a contract and a way to open a fresh one in the small world that a program's first line gives.
// Names are of one target, whatever its language. Targets lists the real ones: they are tried by `go test`, and a rule
// that one of them breaks is a bug in it or in us. Canaries lists those that are wrong on purpose, see package canary:
// a rule that none of them breaks is a rule that nobody has seen work.
//
// # Worlds
//
// The three numbers of a world are those of its language. For allocators they mean, where one can follow them:
//
//	limit    the operating system gives so many units of 64 KiB and then no more; 0 sets no limit
//	skew     memory from the operating system begins so many pages past a boundary of 1 MiB, where an allocator
//	         expects it least
//	variant  a smaller or odder configuration: arenas of two pools, slabs of a page, no spares. 0 is the ordinary
//	         one, and so is a number that an allocator has no configuration for.
//
// # Engines
//
// FuzzHeap and its sisters in fuzz_test.go are for `go test -fuzz`; Fuzz and its own in gofuzz.go, behind the build tag
// gofuzz, are for go-fuzz. Both decode the same bytes to the same program, so their corpora are exchangeable. TestSmoke
// needs no engine: it generates.
package fuzz
