// Package pipe drives a heap of objects, dicts or a cache in another process, in whatever runtime: this page is all
// that its author has to know. The other side reads lines and writes lines, and needs neither Go nor this module; those
// for CPython are in fuzz/shim/python.
//
//	heap, err := pipe.Start("python3", "graph.py")  // a heap in the other process
//	err = heap.Reset(limit, auto, variant)          // an empty one, in the same process
//
// # Lines
//
// Lines are words of ASCII with one space between them; numbers are decimal. First the other side says what it is:
//
//	heapfuzz 1 graph name=cpython-3.11.7 parts=weak,final,count immediate=1 within=1 generations=3
//
// Parts are the optional parts of graph.Heap that it has (see Parts), and what follows is its Contract: numbers are
// within, generations and fieldsmax; flags are immediate, promotes, weakfirst, callbackfirst, weaklapse and mayrefuse;
// kinds of objects are numbers with commas between (bare=1,2 grows=2 shares=1 untracks=4). Then the host
// asks, one line at a time, and each question is answered by one line: "ok" and the number asked for, "nomem", or
// "fail" and a text. What cannot be done is a fail, never silence.
//
//	reset LIMIT AUTO VARIANT   forget everything, and begin with an empty heap   ok
//	new KIND FIELDS            an object with a root                             ok ID
//	set ID FIELD TARGET        store a reference; TARGET 0 empties the field     ok
//	get ID FIELD               what is stored there                              ok ID, 0 for nothing
//	root ID, unroot ID         one root more, one less                           ok
//	collect GENERATION         collect                                           ok DEAD
//	weak ID CALLBACK           a weak reference, with a callback if 1            ok ID
//	deref ID                   what a weak reference refers to                   ok ID, 0 when it is cleared
//	final ID                   the object has a finalizer from here on           ok
//	legacy ID                  the same, one that no collection calls            ok
//	saveall ON                 collections keep what they find                   ok
//	garbage                    what was kept, in its order                       ok ID ...
//	drop                       the garbage is empty                              ok
//	push ID TARGET             one more field behind the others                  ok
//	pop ID                     one field less                                    ok
//	copy ID, deepcopy ID       a copy with a root                                ok ID
//	enable ON                  collections by themselves                         ok
//	threshold GENERATION N                                                       ok
//	freeze, unfreeze                                                             ok
//	frozen                     how many objects are frozen                       ok COUNT
//	count ID                   roots and fields that refer to it                 ok COUNT
//	age ID                     its generation, -1 for none                       ok GENERATION
//	tracked ID                 whether the collector follows it                  ok 0 or 1
//	finalized ID               whether its finalizer has run                     ok 0 or 1
//	size ID                    bytes                                             ok BYTES
//	objects ABOVE              those of generation ABOVE-1; 0 is all             ok ID ...
//	referents ID, referrers ID                                                   ok ID ...
//	stats                      collections, and the sum of what they returned    ok NUMBER NUMBER
//	check                      recount the invariants                            ok
//	quit                       end                                               (no answer)
//
// # What happens inside an operation
//
// While it works on an answer the other side may report that something happens, in the very moment:
//
//	event final ID             the finalizer of the object runs now
//	event called ID            the weak reference calls back now
//	event died ID              the object is gone, if it has the part "mourn"
//	event start GENERATION     a collection starts, if it has the part "watch"
//	event stop RETURNED        it is over
//
// It then answers questions as ever, since a finalizer may use the heap, until the host says
//
//	resume
//
// and then goes on where it was.
//
// # Dicts
//
// A side that says "heapfuzz 1 dict" has dicts. Its first line may promise, besides name and parts (see DictParts):
// order=insertion, during=detected, live or undefined, keepssize=1 copyfits=1 clearfrees=1 reentrant=1, the sizes of a
// dict that only grows as stairs=5:232,10:360, and twin=3.11/dict; see dict.Contract. Keys and values are numbers below
// 2^64. A question about a dict begins with its number D, and what is answered with its length LEN:
//
//	reset VARIANT              forget everything, and begin without dicts        ok
//	key KEY HASH               KEY is an object with this hash from here on      ok
//	new                        an empty dict                                     ok LEN D
//	copy D, rebuild D          a dict that holds the same                        ok LEN D
//	fromkeys D VALUE           one of the same keys                              ok LEN D
//	drop D                     it is used no more                                ok
//	get D KEY, pop D KEY       what the key holds                                ok LEN VALUE, or ok LEN
//	set D KEY VALUE                                                              ok LEN
//	del D KEY                  whether it was there                              ok LEN 0 or 1
//	setdefault D KEY VALUE     what the key holds then                           ok LEN VALUE
//	popitem D, popfirst D      the last, or the first entry                      ok LEN KEY VALUE, or ok LEN
//	move D KEY FRONT           whether it was there                              ok LEN 0 or 1
//	clear D, len D                                                               ok LEN
//	update D OTHER                                                               ok LEN
//	equal D OTHER                                                                ok LEN 0 or 1
//	size D                     bytes                                             ok LEN BYTES
//	iter D BACKWARD            an iteration, from the end if 1                   ok LEN I
//	next I                     an entry; the end; or the dict has changed        ok KEY VALUE; ok; ok 0
//	stop I                     no more steps                                     ok
//	compare D ON               tell comparisons of keys in questions about D     ok LEN
//
// The part "walk" has no question: it is iter and next. The event "compare D" is told in the comparison, where there is
// the part "compare".
//
// # Caches
//
// A side that says "heapfuzz 1 cache" has one cache at a time. Its first line may promise policy=lru, fifo or lfu; zero
// and negative, what such capacities mean, as nothing, empty or unbounded; and flags of dict.CacheContract.
//
//	reset CAPACITY NEGATIVE    a new cache, of a capacity below 0 if 1           ok
//	key KEY HASH               as above                                          ok
//	call KEY                   what it computes or holds; it may fail            ok LEN VALUE, or ok LEN
//	get KEY, peek KEY          what the key holds                                ok LEN VALUE, or ok LEN
//	put KEY VALUE              whether it is stored                              ok LEN 0 or 1
//	contains KEY, remove KEY   whether it is there, or was                       ok LEN 0 or 1
//	removeoldest               what would be evicted next                        ok LEN KEY VALUE, or ok LEN
//	clear, resize CAPACITY, len                                                  ok LEN
//	keys                       all, the next to be evicted first                 ok LEN KEY ...
//	info                       capacity -1 is none                               ok LEN HITS MISSES LENGTH CAPACITY
//
// The event "miss KEY" asks for a value, which follows "resume", or does not when the computation fails. The event
// "evicted KEY VALUE" tells of an eviction.
//
// # What goes wrong
//
// A process that dies, works for 20 seconds of CPU time or is silent for three minutes instead of an answer, or writes
// what is no answer, is a finding: the methods panic with an error that has its last words, which the runner turns into
// run/alive. The next Reset starts a new process.
package pipe
