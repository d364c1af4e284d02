// Package recorded holds our implementations against what real interpreters answered. The files of corpus/KIND/golden
// are programs with the answers of several releases of CPython to each line; this package has the worlds that answer
// the same programs with our own pymalloc, objects, collector, dicts, caches and pickles, and tells the first line
// whose answer is another one. It is the one oracle that none of us wrote.
//
//	files, err := recorded.Files(root)              // heap/mix-1, graph/sizes, dict/07-instances, value/pickle-deep
//	recordings, err := recorded.Read(root, files[0])
//	difference := recordings[0].Replay(recorded.Options{})
//
// A recording is a program with the answers of one release; a family is all recordings of one kind and release, which
// a target of the table may have (fuzz.Target.Recordings). A dialect is a language that stored programs are written in:
// where its files are, how they are read, and the world that answers its lines. They are older and richer than the
// languages of package props/prog: an answer here is a place in an arena, a checksum of an order, the moment of an
// automatic collection, which no rule promises. So a recording cannot be minimized or mutated: its answers are known
// as a whole only.
//
// The tests replay every recording (a part of them with -short), and with -update or -live ask the interpreters that
// are there, through the scripts golden, golden-gc, golden-dict, golden-sizes, golden-lru and golden-pickle. Package
// mutant replays those that reach the place of a defect.
package recorded
