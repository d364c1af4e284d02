package heap

import "heapfuzz/model"

// The rules, each derived from the contract or from what the word allocator means.
var (
	Answers = rule("answers",
		"an operation is skipped only when its slot is in the wrong state or it is an optional part that is not there")
	Serves = rule("serves",
		"a request is refused only when the operating system refuses, or when it is greater than the contract allows")
	Denied = rule("denied", "what the operating system was told to refuse is not served from elsewhere, where that is "+
		"promised")
	Disjoint = rule("disjoint", "no two live blocks share a byte")
	Aligned  = rule("aligned",
		"a block's address is a multiple of the alignment asked for, a power of two, and of the one promised for all")
	Owned  = rule("owned", "every byte of a block lies in memory that the allocator owns")
	Size   = rule("size", "a block has at least the bytes asked for")
	Wasted = rule("waste", "a block is larger than asked for by no more than was promised")
	Usable = rule("usable",
		"the usable size of a block does not change while the block lives, and covers the bytes asked for")
	Content = rule("content", "a block's bytes change only when its owner writes them")
	Dressed = rule("dressed",
		"debug hooks write around a block, into a fresh one and over a freed one what they promise")
	Moved = rule("realloc", "realloc keeps the bytes up to the smaller of the old and the new size")
	Stays = rule("stays",
		"a block that is resized to what fits stays where it is, or moves, where one of the two is promised")
	Zeroed    = rule("zeroed", "every byte of a block from calloc is zero")
	Overflow  = rule("overflow", "calloc refuses factors whose product does not fit")
	Keeps     = rule("keeps", "a realloc that fails leaves the old block and its bytes alone")
	Failure   = rule("failure", "a request that fails leaves everything as it was")
	Nil       = rule("nil", "freeing nil does nothing")
	Accounted = rule("accounted",
		"the blocks and bytes in the allocator's statistics are those that are live, and its "+
			"footprint is what the operating system gave")
	Returned = rule("returned",
		"when all blocks are freed, nothing is in use and no more memory is kept than promised")
	Invariant = rule("invariants", "the allocator's own invariants hold")
	Misuse    = rule("misuse",
		"a misuse that the contract promises to detect is detected, by its name if there is one, and one that it "+
			"ignores changes nothing")
)

// Rules lists them all, for documentation and for the lint that wants a canary of each.
var Rules []*model.Invariant

func rule(name, doc string) *model.Invariant {
	r := &model.Invariant{Name: "heap/" + name, Doc: doc}
	Rules = append(Rules, r)
	return r
}
