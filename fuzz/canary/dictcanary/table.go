package dictcanary

import (
	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
)

// Bug is one defect. The zero Bug is none.
type Bug int

// The defects of toy. What each does wrong is said in the table, and where, by a search for its name.
const (
	Sound Bug = iota
	ChangeUndetected
	ClearKeepsIndex
	ClearKeepsTable
	ClearLeaks
	ComparePanics
	CopyDoubles
	CopyTurnsAround
	CountsBeforeRoom
	DeadAreTold
	DefaultTakesZero
	DeleteBreaksChains
	DeleteGivesBack
	DeleteHolds
	DeleteShrinks
	DeletesAnything
	EqualByKeys
	FailedCopyClears
	FailureDropsLast
	GrowsFourfold
	GrowthForgetsLast
	HashesToZero
	IterationRevives
	KeysOf32Bits
	LengthOfEntries
	LookupGoesOn
	MoveSwapsLast
	OverwriteCounts
	OverwriteGrows
	OverwriteIsChange
	OverwriteMoves
	PopForgetsNewest
	PopsFirst
	ProbesStandStill
	RefusesTwentieth
	ReservesLess
	ReversedPanics
	SkipsBehindDead
	SpareKeepsTable
	TellsTwice
	UpdateClearsSelf
	WalkGoesOn
	ZeroIsEmpty

	// Those of live.
	WalkOfCopy
	WalkSkipsAdded

	// Those of toyCache.
	CallTellsStored
	ClearKeepsNodes
	ClearKeepsStatistics
	ContainsForgets
	EvictedIsHeld
	EvictedToldTwice
	EvictedToldWrong
	EvictedUntold
	EvictsNewest
	FailureIsStored
	RefusedIsStored
	ErrorIsLost
	WrongWhileAsked
	GetIsNoUse
	HoldsOneLess
	HoldsOneMore
	KeysOfMap
	LengthOfRing
	MissIsHit
	NegativeIsMany
	OldestIsNewest
	OverwriteIsNoUse
	OverwriteKeepsOld
	PeekIsUse
	ReadsNeighbour
	RefusesMax
	RemoveLeavesLink
	RemoveLeavesLinkBlind
	RemoveUntold
	ResizeKeepsAll
	SecondLookupLost
	ZeroHoldsOne
	ZeroIsAbsent
	bugs
)

func or(rules ...*model.Invariant) []*model.Invariant { return rules }

var table = []row{
	{Name: "skips-gets", Doc: "a driver answers that it skipped to a get of a live odd slot", Rule: dict.Answers,
		spoil: spoilGet},
	{Name: "refuses-twentieth", Doc: "the twenty-first key is refused", Bug: RefusesTwentieth, Rule: dict.Serves,
		Reproducer: 24, Reason: "so many keys have to be there"},
	{Name: "default-takes-zero", Doc: "a default overwrites a value of 0", Bug: DefaultTakesZero, Rule: dict.Reads,
		Or: or(dict.Reentry), Reason: "a comparison may read it first"},
	{Name: "overwrite-moves", Doc: "overwriting moves a key to the end", Bug: OverwriteMoves, Rule: dict.Ordered,
		Or: or(dict.Pops, dict.Keeps, dict.Detects, dict.Once, dict.Stairs, dict.Failure, dict.Roomy, dict.Length,
			dict.Lost),
		Reason: "the entry is used up as by a deletion, popitem takes another, and without memory it is gone"},
	{Name: "keys-of-32-bits", Doc: "keys are compared in their low 32 bits", Bug: KeysOf32Bits, Rule: dict.Absent,
		Or: or(dict.Reads, dict.Length, dict.Lost, dict.Reentry, dict.Equal, dict.Ordered, dict.Failure,
			dict.Roomy),
		Programs: 800,
		Reason:   "one key stands for the other"},
	{Name: "delete-breaks-chains", Doc: "a deletion leaves an empty slot behind, not a dummy", Bug: DeleteBreaksChains,
		Rule: dict.Lost, Or: or(dict.Length, dict.Absent, props.Alive, dict.Invariant, dict.Pops, dict.Reads,
			dict.Reentry,
			dict.Equal),
		Reason: "a key that is not found is inserted again"},
	{Name: "zero-is-empty", Doc: "key 0 is not found", Bug: ZeroIsEmpty, Rule: dict.Lost,
		Or: or(dict.Reads, dict.Equal, dict.Reentry, dict.Failure), Reason: "a request may have been refused before"},
	{Name: "pop-forgets-newest", Doc: "pop of the newest key takes it out and does not find it (bpo-28120)",
		Bug: PopForgetsNewest, Rule: dict.Lost, Or: or(dict.Reentry), Reason: "a comparison may have changed the dict"},
	{Name: "deletes-anything", Doc: "deleting what is not there says that it was", Bug: DeletesAnything,
		Rule: dict.Absent, Or: or(dict.Reentry), Reason: "a comparison may have changed the dict"},
	{Name: "clear-keeps-index", Doc: "clearing keeps slots of the index", Bug: ClearKeepsIndex, Rule: dict.Invariant,
		Programs: 800, Or: or(dict.Absent, props.Alive, dict.Length, dict.Reads, dict.Lost, dict.Invariant, dict.Pops),
		Reason: "an entry that is not there is read"},
	{Name: "overwrite-counts", Doc: "overwriting a value counts as a key", Bug: OverwriteCounts, Rule: dict.Length,
		Or: or(dict.Reentry, dict.Failure, dict.Detects), Reason: "something else may have come before"},
	{Name: "length-of-entries", Doc: "the length counts dead entries", Bug: LengthOfEntries, Rule: dict.Length,
		Or: or(dict.Reentry), Reason: "a comparison may have changed the dict"},
	{Name: "pops-first", Doc: "popitem takes the first entry", Bug: PopsFirst, Rule: dict.Pops},
	{Name: "equal-by-keys", Doc: "dicts of the same keys are equal", Bug: EqualByKeys, Rule: dict.Equal,
		Programs: 1200},
	{Name: "copy-turns-around", Doc: "a copy has the entries in the order turned around (bpo-34320)",
		Bug: CopyTurnsAround, Rule: dict.Ordered, Or: or(dict.Pops), Reason: "popitem takes another"},
	{Name: "move-swaps-last", Doc: "moving to the front swaps the last two (bpo-25406)", Bug: MoveSwapsLast,
		Rule: dict.Ordered, Or: or(dict.Pops),
		Reason: "popitem takes another; four keys have to be there"},
	{Name: "update-clears-self", Doc: "a dict that is updated by itself is cleared first (bpo-24407)",
		Bug: UpdateClearsSelf, Rule: dict.Length},
	{Name: "skips-behind-dead", Doc: "an iteration skips the entry behind a dead one", Bug: SkipsBehindDead,
		Rule: dict.Once, Or: or(dict.Ordered, dict.Detects), Reason: "the entry behind it comes out of order"},
	{Name: "tells-twice", Doc: "an iteration tells an entry again when three are left", Bug: TellsTwice,
		Rule: dict.Once,
		Or:   or(dict.Detects), Reason: "what is left is counted down; four keys have to be there"},
	{Name: "dead-are-told", Doc: "an iteration tells deleted entries", Bug: DeadAreTold, Rule: dict.Lives,
		Or: or(dict.Ordered, dict.Invariant, dict.Absent, dict.Length, props.Alive, dict.Pops, dict.Equal, dict.Lost,
			dict.Reentry,
			dict.Released, dict.Reads, dict.Once),
		Reason: "deleted entries come back when the table grows"},
	{Name: "walk-goes-on", Doc: "a walk goes on after it was told to stop", Bug: WalkGoesOn, Rule: dict.Over},
	{Name: "iteration-revives", Doc: "an iteration that is over goes on when the dict has grown (bpo-26494)",
		Bug: IterationRevives, Rule: dict.Over, Or: or(dict.Detects),
		Reason: "it does not count what is left"},
	{Name: "change-undetected", Doc: "a change of length during an iteration is not detected", Bug: ChangeUndetected,
		Rule: dict.Detects},
	{Name: "overwrite-is-change", Doc: "overwriting a value counts as a change (gh-132617)", Bug: OverwriteIsChange,
		Rule: dict.Detects, Or: or(dict.Once),
		Reason: "a walk cannot say so, and ends"},
	{Name: "reversed-panics", Doc: "iterating backwards over an empty dict panics (bpo-38525)", Bug: ReversedPanics,
		Rule: props.Alive},
	{Name: "grows-fourfold", Doc: "a dict grows to four times its keys", Bug: GrowsFourfold, Rule: dict.Stairs,
		Or: or(dict.Fits), Reproducer: 10, Reason: "eleven keys have to be there; its copy is smaller all the same"},
	{Name: "spare-keeps-table", Doc: "a dropped dict is used again with a large table (issue 3537)",
		Bug: SpareKeepsTable, Rule: dict.Stairs, Or: or(dict.Released, dict.Returned, dict.Frees, dict.Fits,
			dict.Roomy),
		Reason: "it is larger than a new one in all respects"},
	{Name: "delete-shrinks", Doc: "a deletion shrinks the table", Bug: DeleteShrinks, Rule: dict.Keeps,
		Or: or(dict.Failure, dict.Reentry, props.Alive, dict.Roomy), Reproducer: 20,
		Reason: "a large table has to be there, and room may be promised in it"},
	{Name: "overwrite-grows", Doc: "overwriting grows the table", Bug: OverwriteGrows, Rule: dict.Keeps,
		Or:     or(dict.Stairs, dict.Roomy, dict.Frees, dict.Once, dict.Ordered, dict.Failure),
		Reason: "it is larger in all respects, and iterations lose their places"},
	{Name: "copy-doubles", Doc: "a copy has twice the slots", Bug: CopyDoubles, Rule: dict.Fits},
	{Name: "clear-keeps-table", Doc: "clearing keeps the table", Bug: ClearKeepsTable, Rule: dict.Frees,
		Reproducer: 12, Reason: "the table has to have grown"},
	{Name: "reserves-less", Doc: "room is made for one less", Bug: ReservesLess, Rule: dict.Roomy, Programs: 1000,
		Reproducer: 12, Reason: "it has to be filled"},
	{Name: "hashes-to-zero", Doc: "all keys have one hash (issue 13703)", Bug: HashesToZero,
		Rule: dict.Probes, Reproducer: 60, Programs: 1000, Reason: "so many keys have to meet"},
	{Name: "probes-stand-still", Doc: "sixteen probes look at one slot", Bug: ProbesStandStill,
		Rule: dict.Probes, Or: or(props.Alive), Reason: "a search may not end"},
	{Name: "lookup-goes-on", Doc: "a lookup goes on in a table that a comparison changed (gh-140551)",
		Bug: LookupGoesOn, Rule: dict.Reentry, Or: or(props.Alive, dict.Invariant),
		Reason: "it may read behind the table, or damage it"},
	{Name: "compare-panics", Doc: "an entry that was compared must be there after it (resize2)", Bug: ComparePanics,
		Rule: props.Alive},
	{Name: "failure-drops-last", Doc: "growing that fails loses the last value", Bug: FailureDropsLast,
		Rule: dict.Failure, Or: or(dict.Pops, dict.Lives), Reproducer: 13,
		Reason: "popitem and an iteration read it too; a table has to be full, or a larger one"},
	{Name: "failed-copy-clears", Doc: "copying that fails clears the original (bpo-36412)", Bug: FailedCopyClears,
		Rule: dict.Failure, Or: or(dict.Pops, dict.Once, dict.Detects), Reason: "popitem and iterations read it too"},
	{Name: "delete-holds", Doc: "a deleted value is held", Bug: DeleteHolds, Rule: dict.Released},
	{Name: "clear-leaks", Doc: "the memory of a cleared table is not given back (bpo-28147)", Bug: ClearLeaks,
		Rule: dict.Returned, Reproducer: 12, Reason: "the table has to have grown"},
	{Name: "delete-gives-back", Doc: "a deletion gives the place of the dead entry back (Jansen's bug)",
		Bug: DeleteGivesBack, Rule: dict.Invariant, Cause: "toy/usable", Or: or(dict.Probes, props.Alive, dict.Stairs,
			dict.Keeps, dict.Roomy), Reason: "at last no slot is empty"},
	{Name: "growth-forgets-last", Doc: "growing to more than 80 keys loses the last", Bug: GrowthForgetsLast,
		Rule: dict.Lost, Or: or(dict.Invariant, dict.Length, props.Alive, dict.Reads, dict.Ordered, dict.Reentry,
			dict.Failure),
		Programs: 1600, Reproducer: 100,
		Reason: "so many keys have to be there; it may be set again"},
	{Name: "counts-before-room", Doc: "a key that there was no memory for is counted", Bug: CountsBeforeRoom,
		Rule: dict.Failure, Or: or(dict.Stairs, dict.Keeps, dict.Roomy, dict.Length, dict.Reentry), Reproducer: 10,
		Programs: 1000,
		Reason:   "it grows by one too many; the table has to be full"},
	{Name: "walk-of-copy", Doc: "a walk tells what was deleted meanwhile", Bug: WalkOfCopy, Rule: dict.Lives,
		live: true},
	{Name: "walk-skips-added", Doc: "a walk ends when keys were added", Bug: WalkSkipsAdded, Rule: dict.Once,
		live: true,
		Or:   or(dict.Lives), Reason: "it walks over a copy"},

	{Name: "cache-skips-len", Doc: "a driver answers that it skipped to a len", Rule: dict.CacheAnswers, cache: true,
		spoil: spoilLen},
	{Name: "refuses-max", Doc: "the greatest key is refused", Bug: RefusesMax, Rule: dict.CacheServes, cache: true,
		Or:     or(dict.CacheComputes, dict.CacheLength, dict.CacheCallback),
		Reason: "a call that stores it computes it again; a full cache evicts nothing for it"},
	{Name: "reads-neighbour", Doc: "a hit gives the value of the next older entry", Bug: ReadsNeighbour,
		Rule: dict.CacheReads, cache: true, Or: or(dict.CacheComputes), Reason: "a call tells it too"},
	{Name: "overwrite-keeps-old", Doc: "overwriting keeps the lowest bit", Bug: OverwriteKeepsOld,
		Rule:  dict.CacheReads,
		cache: true, Or: or(dict.CacheCallback), Reason: "the callback is told it too"},
	{Name: "clear-keeps-nodes", Doc: "clearing empties the ring and not the map", Bug: ClearKeepsNodes,
		Rule: dict.CacheAbsent, cache: true, Or: or(dict.CacheLength, dict.CacheInvariant, props.Alive,
			dict.CacheComputes, dict.CacheCallback),
		hide:   func(c *toyCache) dict.Cache { return hideLength{c} },
		Reason: "the entries are still counted, and one of them may be evicted"},
	{Name: "holds-one-less", Doc: "a cache of more than 1 evicts when one place is free", Bug: HoldsOneLess,
		Rule: dict.CacheLength, cache: true, hide: storing},
	{Name: "zero-is-absent", Doc: "a value of 0 counts as absent (LRUCache)", Bug: ZeroIsAbsent, Rule: dict.CacheRoom,
		cache: true, Or: or(dict.CachePolicy, dict.CacheComputes), Reason: "a full cache might have evicted it"},
	{Name: "contains-forgets", Doc: "a full cache does not contain its oldest entry", Bug: ContainsForgets,
		Rule: dict.CachePolicy, cache: true},
	{Name: "holds-one-more", Doc: "a cache holds one entry more", Bug: HoldsOneMore, Rule: dict.CacheCapacity,
		cache: true,
		Or:    or(dict.CacheCallback), hide: storing, Reason: "an eviction is missing"},
	{Name: "holds-one-more-told", Doc: "the same, where evictions are told", Bug: HoldsOneMore,
		Rule:  dict.CacheCallback,
		cache: true},
	{Name: "zero-holds-one", Doc: "a cache of capacity 0 holds one entry", Bug: ZeroHoldsOne, Rule: dict.CacheCapacity,
		cache: true},
	{Name: "negative-is-many", Doc: "a cache of a negative capacity holds all (3.6)", Bug: NegativeIsMany,
		Rule: dict.CacheCapacity, cache: true, Or: or(dict.CacheInfo), Reason: "the capacity is told too"},
	{Name: "resize-keeps-all", Doc: "a smaller capacity evicts nothing", Bug: ResizeKeepsAll, Rule: dict.CacheCapacity,
		cache: true, hide: resizing},
	{Name: "get-is-no-use", Doc: "a lookup does not count as a use", Bug: GetIsNoUse, Rule: dict.CachePolicy,
		cache: true,
		Or:    or(dict.CacheOrder), Reason: "the keys are told in that order"},
	{Name: "overwrite-is-no-use", Doc: "overwriting does not count as a use", Bug: OverwriteIsNoUse,
		Rule: dict.CachePolicy, cache: true, Or: or(dict.CacheOrder), Reason: "the keys are told in that order"},
	{Name: "peek-is-use", Doc: "a peek counts as a use", Bug: PeekIsUse, Rule: dict.CachePolicy, cache: true,
		Or: or(dict.CacheOrder), Reason: "the keys are told in that order"},
	{Name: "evicts-newest", Doc: "the newest entry is evicted", Bug: EvictsNewest, Rule: dict.CachePolicy, cache: true},
	{Name: "oldest-is-newest", Doc: "the newest entry is removed as the oldest", Bug: OldestIsNewest,
		Rule: dict.CachePolicy, cache: true},
	{Name: "length-of-ring", Doc: "the length counts what repeated calls left in the ring (bpo-35780)",
		Bug: LengthOfRing, Rule: dict.CacheLength, cache: true, Or: or(dict.CacheCapacity),
		Reason: "in a full cache it is above the capacity"},
	{Name: "miss-is-hit", Doc: "a miss counts as a hit", Bug: MissIsHit, Rule: dict.CacheInfo, cache: true},
	{Name: "clear-keeps-statistics", Doc: "clearing keeps the statistics", Bug: ClearKeepsStatistics,
		Rule: dict.CacheInfo, cache: true},
	{Name: "refused-is-stored", Doc: "a call that there was no memory for stores its value", Bug: RefusedIsStored,
		Rule: dict.CacheLength, cache: true, Or: or(dict.CacheAbsent, dict.CachePolicy, dict.CacheComputes,
			dict.CacheCallback), hide: faulty, Reason: "a full cache evicts another for it"},
	{Name: "error-is-lost", Doc: "a comparison that fails counts as one that tells keys apart", Bug: ErrorIsLost,
		Rule: dict.CacheServes, cache: true, hide: faulty},
	{Name: "wrong-while-asked", Doc: "a value that is stored while a comparison calls is one too large",
		Bug: WrongWhileAsked, Rule: dict.CacheReads, cache: true, hide: faulty, Programs: 200},
	{Name: "failure-is-stored", Doc: "a computation that fails is stored", Bug: FailureIsStored, Rule: dict.CacheLength,
		cache: true, Or: or(dict.CacheCallback, dict.CacheComputes), Reason: "the callback is told of what it evicts"},
	{Name: "call-tells-stored", Doc: "a call tells what a call inside it stored", Bug: CallTellsStored,
		Rule: dict.CacheComputes, cache: true},
	{Name: "evicted-untold", Doc: "the callback is not told", Bug: EvictedUntold, Rule: dict.CacheCallback,
		cache: true},
	{Name: "evicted-told-twice", Doc: "the callback is told twice", Bug: EvictedToldTwice, Rule: dict.CacheCallback,
		cache: true},
	{Name: "evicted-told-wrong", Doc: "the callback is told another value", Bug: EvictedToldWrong,
		Rule: dict.CacheCallback, cache: true},
	{Name: "remove-untold", Doc: "the callback is not told of a removal, as is promised", Bug: RemoveUntold,
		Rule: dict.CacheCallback, cache: true},
	{Name: "keys-turned", Doc: "the keys are told newest first", Bug: KeysOfMap, Rule: dict.CacheOrder, cache: true},
	{Name: "evicted-is-held", Doc: "an evicted value is held", Bug: EvictedIsHeld, Rule: dict.CacheReleased,
		cache: true},
	{Name: "remove-leaves-link", Doc: "a removed entry stays in the ring", Bug: RemoveLeavesLink,
		Rule: dict.CacheInvariant, Cause: "toycache/orphan", cache: true,
		Or: or(dict.CacheOrder, dict.CacheCallback, dict.CachePolicy, dict.CacheReleased, dict.CacheAbsent,
			dict.CacheLength, dict.CacheReads, dict.CacheInvariant),
		Reason: "it is told among the keys, and evicted"},
	{Name: "remove-leaves-link-blind", Doc: "the same, where the cache cannot check itself", Bug: RemoveLeavesLinkBlind,
		Rule: dict.CachePolicy, cache: true, hide: removing,
		Or:     or(dict.CacheRoom, dict.CacheLength, dict.CacheAbsent),
		Reason: "what is evicted in its place is missing, there is too much room, and it may come back"},
	{Name: "second-lookup-lost", Doc: "a call does not look again when it has computed (bpo-35780)",
		Bug: SecondLookupLost, Rule: dict.CacheReads, cache: true,
		Or: or(dict.CacheInvariant, dict.CacheOrder, dict.CacheReleased, dict.CacheCallback, dict.CachePolicy,
			dict.CacheComputes),
		Reason: "the old node stays in the ring"},
}
