package graphtest

import "heapfuzz/props/prog"

// motifs are what random operations seldom do in that order, and where collectors were wrong: weak references in what
// is dead, nests that cannot change, objects that save themselves, old garbage that the young hold.
var motifs = []prog.Motif{
	{Name: "a weak reference with callback in the ring that it refers to", Weight: 4, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		p2 = weak p0 callback=1
		set p0 p1 field=0
		set p1 p0 field=0
		set p1 p2 field=1
		unroot p2
		unroot p0
		unroot p1
		collect generation=3`},
	{Name: "callbacks that look at other weak references to the same garbage", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p0 field=0
		p2 = weak p1 callback=0
		p3 = weak p0 callback=2
		p4 = weak p1 callback=2
		unroot p0
		unroot p1
		collect generation=3
		p5 = deref p2`},
	{Name: "a finalizer that looks at weak references to its ring", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p0 field=0
		p2 = weak p1 callback=0
		p3 = weak p0 callback=1
		finalizer p0 script=6
		finalizer p1 script=1
		unroot p1
		unroot p0
		collect generation=3`},
	{Name: "a finalizer that drops a weak reference of its ring", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = weak p0 callback=1
		set p0 p0 field=0
		set p0 p1 field=1
		finalizer p0 script=7
		unroot p1
		unroot p0
		collect generation=3`},
	{Name: "a ring that one of three saves, and that dies again", Weight: 4, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		p2 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p2 field=0
		set p2 p0 field=0
		finalizer p1 script=2
		finalizer p2 script=1
		p3 = weak p0 callback=1
		unroot p0
		unroot p1
		unroot p2
		collect generation=3
		p4 = take p3
		verify p4
		unroot p4
		collect generation=3`},
	{Name: "one that saves itself from a count, with its weak references", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		p1 = weak p0 callback=1
		finalizer p0 script=2
		unroot p0
		p2 = deref p1
		p3 = take p1
		unroot p2
		unroot p3
		p4 = deref p1`},
	{Name: "two that save themselves one after the other", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p0 field=0
		finalizer p0 script=2
		finalizer p1 script=2
		unroot p0
		unroot p1
		collect generation=3
		p2 = take p2
		p2 = take p2
		unroot p2
		collect generation=3`},
	{Name: "one that saves itself in a field of another", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=2
		p2 = new kind=0 fields=2
		set p1 p2 field=0
		set p2 p1 field=0
		finalizer p1 script=8
		unroot p1
		unroot p2
		collect generation=3
		p3 = load p0 field=0
		verify p3
		clear p0 field=0
		unroot p3
		collect generation=3`},
	{Name: "one that appends itself to a list", Weight: 2, Text: `
		p0 = new kind=2 fields=1
		p1 = new kind=0 fields=1
		set p1 p1 field=0
		finalizer p1 script=9
		unroot p1
		collect generation=3
		verify p0
		pop p0
		collect generation=3`},
	{Name: "an immortal object between two of a dead ring", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		p2 = new kind=0 fields=1
		set p0 p2 field=0
		set p2 p0 field=0
		immortal p1
		unroot p0
		unroot p2
		collect generation=3
		generation p1
		usage`},
	{Name: "dicts that a full collection need not follow any more", Weight: 2, Text: `
		p0 = new kind=4 fields=1
		p1 = new kind=4 fields=2
		p2 = new kind=0 fields=1
		set p0 p2 field=0
		set p1 p2 field=1
		clear p0 field=0
		clear p1 field=1
		pace
		collect generation=3
		tracked p0
		pace`},
	{Name: "a finalizer and a callback in a collection, and one that collects", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p0 field=0
		finalizer p0 script=5
		finalizer p1 script=4
		p2 = weak p0 callback=1
		unroot p0
		unroot p1
		collect generation=2
		stats`},
	{Name: "a nest of tuples that a collection need not follow", Weight: 3, Text: `
		p0 = new kind=1 fields=0
		p1 = new kind=3 fields=1
		set p1 p0 field=0
		p2 = new kind=3 fields=1
		set p2 p1 field=0
		p3 = new kind=3 fields=1
		set p3 p2 field=0
		collect generation=0
		tracked p3
		collect generation=0
		collect generation=3
		tracked p2
		tracked p3
		p4 = new kind=0 fields=1
		set p1 p4 field=0
		tracked p1
		set p4 p3 field=0
		unroot p1
		unroot p2
		unroot p3
		unroot p4
		collect generation=3`},
	{Name: "old garbage that a young object holds", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p0 field=0
		collect generation=1
		unroot p1
		p2 = new kind=0 fields=2
		set p2 p2 field=0
		set p2 p0 field=1
		unroot p0
		unroot p2
		collect generation=0
		collect generation=1
		collect generation=3`},
	{Name: "young garbage that an old object holds", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		collect generation=1
		p1 = new kind=0 fields=1
		set p1 p1 field=0
		p2 = weak p1 callback=1
		set p0 p1 field=0
		unroot p1
		collect generation=0
		verify p0
		p3 = deref p2
		generation p3`},
	{Name: "a chain that dies from its head, with finalizers", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		p2 = new kind=0 fields=1
		p3 = new kind=0 fields=1
		p4 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p2 field=0
		set p2 p3 field=0
		set p3 p4 field=0
		p5 = weak p3 callback=2
		p6 = weak p4 callback=0
		finalizer p2 script=5
		finalizer p4 script=6
		unroot p1
		unroot p2
		unroot p3
		unroot p4
		unroot p0
		check
		usage`},
	{Name: "what is found goes into the garbage whole", Weight: 3, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p0 field=1
		saveall on=1
		unroot p0
		unroot p1
		collect generation=3
		p2 = recover p2
		verify p2
		saveall on=0
		garbage
		unroot p2
		collect generation=3`},
	{Name: "a ring that may not be finalized", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p0 field=0
		legacy p0
		unroot p0
		unroot p1
		collect generation=3
		p2 = new kind=0 fields=0
		p3 = recover p2
		verify p3
		clear p3 field=0
		garbage
		unroot p3
		stats`},
	{Name: "a ring with what cannot change is copied, and the copy changed", Weight: 3, Text: `
		p0 = new kind=0 fields=3
		p1 = new kind=3 fields=1
		p2 = new kind=1 fields=0
		p3 = new kind=2 fields=1
		set p1 p2 field=0
		set p0 p1 field=0
		set p0 p3 field=1
		set p0 p0 field=2
		set p3 p1 field=0
		p4 = deepcopy p0
		p5 = copy p3
		verify p4
		append p5 p4
		clear p4 field=1
		verify p0
		verify p3
		unroot p4
		collect generation=3`},
	{Name: "a list grows and shrinks, and holds itself", Weight: 2, Text: `
		p0 = new kind=2 fields=0
		append p0 p0
		append p0 p0
		size p0
		size p0
		append p0 p0
		pop p0
		size p0
		verify p0
		pop p0
		count p0
		unroot p0
		collect generation=3`},
	{Name: "a finalizer that empties the list it is of, and garbage behind what was in it", Weight: 2, Text: `
		p0 = new kind=2 fields=1
		p1 = new kind=0 fields=0
		p2 = new kind=0 fields=1
		set p0 p0 field=0
		append p0 p1
		set p2 p2 field=0
		finalizer p0 script=3
		finalizer p2 script=0
		unroot p1
		unroot p0
		unroot p2
		collect generation=3`},
	{Name: "garbage that is frozen", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		set p0 p0 field=0
		p1 = weak p0 callback=1
		p3 = new kind=2 fields=0
		freeze
		frozen
		objects above=0
		unroot p0
		unroot p3
		collect generation=3
		p2 = deref p1
		unroot p2
		unfreeze
		frozen
		collect generation=3`},
	{Name: "objects move through the generations", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		objects above=1
		collect generation=0
		generation p0
		collect generation=1
		generation p0
		referrers p0
		objects above=0
		collect generation=2`},
	{Name: "memory runs out while objects are made of others", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p0 field=0
		oom nth=2 forever=0
		p2 = deepcopy p0
		oom nth=1 forever=0
		p3 = copy p0
		oom nth=0 forever=0
		usage`},
	{Name: "deaths that nest, and a finalizer in the deepest that saves its neighbour", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=2
		p2 = new kind=0 fields=1
		p3 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p2 field=0
		set p1 p3 field=1
		p4 = weak p2 callback=0
		finalizer p3 script=10
		finalizer p2 script=1
		unroot p1
		unroot p2
		unroot p3
		unroot p0
		p5 = take p4
		verify p5`},
	{Name: "deaths that nest, and a collection in the deepest", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=2
		p2 = new kind=0 fields=1
		p3 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p2 field=0
		set p1 p3 field=1
		finalizer p3 script=5
		unroot p1
		unroot p2
		unroot p3
		unroot p0
		collect generation=3`},
	{Name: "what is made during a collection", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		set p0 p0 field=0
		finalizer p0 script=11
		p1 = new kind=0 fields=1
		set p1 p1 field=0
		finalizer p1 script=12
		unroot p0
		unroot p1
		p2 = new kind=0 fields=0
		collect generation=3
		p3 = take p2
		generation p3
		p4 = take p2
		generation p4
		p5 = deref p3
		p6 = deref p4`},
	{Name: "a weak reference in the garbage to what collections do not follow", Weight: 2, Text: `
		p0 = new kind=0 fields=3
		p1 = new kind=3 fields=0
		collect generation=0
		p2 = weak p1 callback=1
		set p0 p0 field=0
		set p0 p1 field=1
		set p0 p2 field=2
		unroot p1
		unroot p2
		unroot p0
		collect generation=3`},
	{Name: "memory runs out while a class learns its attributes, and when it knows them", Weight: 2, Text: `
		oom nth=2 forever=1
		p0 = new kind=5 fields=9
		oom nth=0 forever=0
		p0 = new kind=5 fields=9
		oom nth=1 forever=1
		p1 = new kind=5 fields=9
		p1 = new kind=5 fields=16
		oom nth=0 forever=0
		p2 = new kind=5 fields=16
		check`},
	{Name: "memory runs out when something comes into the garbage", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		set p0 p0 field=0
		saveall on=1
		unroot p0
		oom nth=1 forever=0
		collect generation=3
		oom nth=0 forever=0
		saveall on=0
		collect generation=3`},
	{Name: "an object dies while its weak reference has one collect", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=2 fields=0
		p2 = weak p0 callback=3
		p3 = weak p1 callback=3
		unroot p0
		unroot p1
		p4 = deref p2`},
	{Name: "finalizers of a ring of which one takes it apart", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		p2 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p2 field=0
		set p2 p0 field=0
		finalizer p0 script=3
		finalizer p1 script=1
		finalizer p2 script=1
		unroot p0
		unroot p1
		unroot p2
		collect generation=3`},
	{Name: "a dict that holds atoms, and then itself", Weight: 4, Text: `
		p0 = new kind=4 fields=2
		p1 = new kind=1 fields=0
		set p0 p1 field=0
		collect generation=3
		tracked p0
		generation p0
		set p0 p0 field=1
		tracked p0
		clear p0 field=1
		collect generation=3
		tracked p0
		unroot p0
		pace`},
	{Name: "immortals among garbage", Weight: 6, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		p2 = new kind=0 fields=2
		p3 = new kind=0 fields=2
		p4 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p2 field=0
		set p2 p0 field=0
		set p3 p3 field=0
		set p4 p1 field=0
		set p4 p4 field=1
		unroot p3
		unroot p2
		immortal p0
		immortal p1
		unroot p4
		collect generation=0
		frozen
		generation p0
		collect generation=3
		generation p1
		p5 = new kind=0 fields=0
		immortal p5
		collect generation=3
		generation p5
		unfreeze
		check
		collect generation=3
		frozen
		generation p0
		generation p5`},
	{Name: "collections that start by themselves, of all generations", Weight: 6, Text: `
		threshold generation=0 n=1
		threshold generation=1 n=0
		threshold generation=2 n=0
		enable on=1
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		p2 = new kind=0 fields=1
		p3 = new kind=0 fields=1
		p4 = new kind=0 fields=1
		p5 = new kind=0 fields=1
		p6 = new kind=0 fields=1
		p7 = new kind=0 fields=1
		p8 = new kind=0 fields=1
		p9 = new kind=0 fields=1
		pace
		threshold generation=0 n=0
		p10 = new kind=0 fields=1
		p11 = new kind=0 fields=1
		pace
		threshold generation=0 n=1
		enable on=0
		unroot p5
		p12 = new kind=0 fields=1
		p13 = new kind=0 fields=1
		p14 = new kind=0 fields=1
		pace`},
	{Name: "all that cannot be finalized is kept, and what it reaches", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=1
		set p0 p0 field=0
		set p0 p1 field=1
		set p1 p1 field=0
		legacy p0
		saveall on=1
		unroot p0
		unroot p1
		collect generation=3
		saveall on=0
		garbage
		collect generation=3`},
	{Name: "a weak reference in the garbage that is saved with it", Weight: 4, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=1
		p2 = weak p1 callback=0
		set p0 p0 field=0
		set p0 p2 field=1
		finalizer p0 script=2
		unroot p2
		unroot p0
		collect generation=3
		p3 = take p1
		p4 = load p3 field=1
		p5 = deref p4
		verify p5`},
	{Name: "a deep copy of what holds one thing twice", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=2 fields=0
		set p0 p1 field=0
		set p0 p1 field=1
		p2 = deepcopy p0
		verify p2
		unroot p1
		unroot p0`},
	{Name: "deep copies of objects of every kind", Weight: 6, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=4 fields=2
		p2 = new kind=5 fields=2
		p3 = new kind=6 fields=2
		p4 = new kind=7 fields=2
		set p0 p1 field=0
		set p1 p2 field=0
		set p2 p3 field=0
		set p3 p4 field=0
		set p4 p2 field=1
		set p2 p0 field=1
		p5 = deepcopy p0
		verify p5
		p6 = copy p2
		p7 = deepcopy p2
		verify p7
		clear p5 field=0
		p8 = deepcopy p4
		unroot p8`},
	{Name: "a chain of ten that dies, with finalizers and weak references", Weight: 3, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		p2 = new kind=0 fields=2
		p3 = new kind=0 fields=2
		p4 = new kind=0 fields=2
		p5 = new kind=0 fields=2
		p6 = new kind=0 fields=2
		p7 = new kind=0 fields=2
		p8 = new kind=0 fields=2
		p9 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p2 field=1
		set p2 p3 field=0
		set p3 p4 field=1
		set p4 p5 field=0
		set p5 p6 field=1
		set p6 p7 field=0
		set p7 p8 field=1
		set p8 p9 field=0
		p10 = weak p9 callback=1
		finalizer p5 script=1
		finalizer p8 script=2
		p11 = weak p3 callback=2
		finalizer p9 script=12
		unroot p1
		unroot p2
		unroot p3
		unroot p4
		unroot p5
		unroot p6
		unroot p7
		unroot p8
		unroot p9
		unroot p0
		check
		usage`},
	{Name: "a chain of instances that dies, and nests", Weight: 2, Text: `
		p0 = new kind=5 fields=2
		p1 = new kind=5 fields=2
		p2 = new kind=5 fields=2
		p3 = new kind=6 fields=2
		p4 = new kind=5 fields=2
		p5 = new kind=3 fields=2
		p6 = new kind=5 fields=2
		p7 = new kind=5 fields=2
		p8 = new kind=6 fields=2
		p9 = new kind=5 fields=2
		set p0 p1 field=0
		set p1 p2 field=1
		set p2 p3 field=0
		set p3 p4 field=1
		set p4 p5 field=0
		set p5 p6 field=1
		set p6 p7 field=0
		set p7 p8 field=1
		set p8 p9 field=0
		p10 = weak p9 callback=1
		finalizer p7 script=5
		finalizer p8 script=1
		p11 = weak p4 callback=3
		unroot p1
		unroot p2
		unroot p3
		unroot p4
		unroot p5
		unroot p6
		unroot p7
		unroot p8
		unroot p9
		unroot p0
		check
		usage`},
	{Name: "a chain of lists and dicts that dies", Weight: 2, Text: `
		p0 = new kind=2 fields=2
		p1 = new kind=4 fields=2
		p2 = new kind=2 fields=2
		p3 = new kind=7 fields=2
		p4 = new kind=4 fields=2
		p5 = new kind=4 fields=2
		p6 = new kind=2 fields=2
		p7 = new kind=2 fields=2
		p8 = new kind=0 fields=2
		p9 = new kind=4 fields=2
		p10 = new kind=2 fields=2
		set p0 p1 field=0
		set p1 p2 field=1
		set p2 p3 field=0
		set p3 p4 field=1
		set p4 p5 field=0
		set p5 p6 field=1
		set p6 p7 field=0
		set p7 p8 field=1
		set p8 p9 field=0
		set p9 p10 field=1
		p12 = weak p8 callback=1
		finalizer p8 script=4
		unroot p1
		unroot p2
		unroot p3
		unroot p4
		unroot p5
		unroot p6
		unroot p7
		unroot p8
		unroot p9
		unroot p10
		unroot p0
		check
		usage`},
	{Name: "a chain of ten with old finalizers that dies", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		p2 = new kind=5 fields=2
		p3 = new kind=0 fields=2
		p4 = new kind=0 fields=2
		p5 = new kind=3 fields=2
		p6 = new kind=0 fields=2
		p7 = new kind=5 fields=2
		p8 = new kind=0 fields=2
		p9 = new kind=0 fields=2
		set p0 p1 field=0
		set p1 p2 field=1
		set p2 p3 field=0
		set p3 p4 field=1
		set p4 p5 field=0
		set p5 p6 field=1
		set p6 p7 field=0
		set p7 p8 field=1
		set p8 p9 field=0
		legacy p2
		legacysaves p6
		p10 = weak p6 callback=1
		legacy p8
		p11 = weak p9 callback=1
		unroot p1
		unroot p2
		unroot p3
		unroot p4
		unroot p5
		unroot p6
		unroot p7
		unroot p8
		unroot p9
		unroot p0
		p12 = take p0
		unroot p12
		check
		usage`},
	{Name: "one whose old finalizer saves it", Weight: 2, Text: `
		p0 = new kind=0 fields=1
		legacysaves p0
		p1 = weak p0 callback=1
		unroot p0
		p2 = deref p1
		p3 = take p1
		tracked p3
		unroot p2
		unroot p3
		p4 = new kind=5 fields=1
		legacysaves p4
		set p4 p4 field=0
		unroot p4
		collect generation=3
		p5 = recover p1
		clear p5 field=0
		garbage
		unroot p5`},
	{Name: "a collection is due when the first empty tuple is made", Weight: 1, Text: `
		threshold generation=0 n=1
		enable on=1
		p0 = new kind=0 fields=1
		pace
		p1 = new kind=3 fields=0
		pace
		p2 = new kind=3 fields=0
		pace
		size p2
		referents p2
		verify p2
		enable on=0`},
	{Name: "a ring whose finalizers save it, with all that it holds", Weight: 2, Text: `
		p0 = new kind=0 fields=2
		p1 = new kind=0 fields=2
		p2 = new kind=2 fields=1
		set p0 p1 field=0
		set p1 p0 field=0
		set p0 p2 field=1
		set p1 p2 field=1
		finalizer p0 script=2
		unroot p0
		unroot p1
		collect generation=3
		p3 = take p2
		verify p3
		unroot p3
		collect generation=3`},
	{Name: "a chain that dies, and all of it has finalizers", Weight: 3, Text: `
		p0 = new kind=0 fields=1
		p1 = new kind=0 fields=1
		p2 = new kind=0 fields=1
		p3 = new kind=0 fields=1
		p4 = new kind=0 fields=1
		p5 = new kind=0 fields=1
		p6 = new kind=0 fields=1
		p7 = new kind=0 fields=1
		p8 = new kind=0 fields=1
		set p0 p1 field=0
		set p1 p2 field=0
		set p2 p3 field=0
		set p3 p4 field=0
		set p4 p5 field=0
		set p5 p6 field=0
		set p6 p7 field=0
		set p7 p8 field=0
		finalizer p0 script=1
		finalizer p1 script=1
		finalizer p2 script=1
		finalizer p3 script=1
		finalizer p4 script=1
		finalizer p5 script=1
		finalizer p6 script=2
		finalizer p7 script=1
		finalizer p8 script=1
		unroot p1
		unroot p2
		unroot p3
		unroot p4
		unroot p5
		unroot p6
		unroot p7
		unroot p8
		unroot p0
		p9 = new kind=0 fields=0
		p10 = take p9
		check
		usage`},
}
