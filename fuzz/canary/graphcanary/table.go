package graphcanary

import (
	"heapfuzz/model"
	"heapfuzz/model/graph"
	"heapfuzz/props"
)

// Bug is one defect of toy. The zero Bug is none.
type Bug int

// The defects. What each does wrong is said in the table, and where, by a search for its name.
const (
	Sound Bug = iota
	AppendShifts
	AtomReferents
	BornOld
	BytesForgetWeak
	CallbackLate
	CalledAgain
	ChildForgotten
	ClearsSaved
	CopyIsDeep
	DeadListed
	DeepMoves
	DeepShares
	DeepSplits
	DelayedLost
	DelayedSeen
	DelayedTracked
	DerefPanics
	DiesTracked
	FailureCounts
	FinalAgain
	FinalForgotten
	FinalTracked
	FinishedEarly
	FrozenForEver
	FrozenUncounted
	GarbageLeaks
	HalfBuilt
	HalfTaken
	Lags
	LegacyFinalized
	LegacyUncounted
	ListDiesTracked
	MadeWeakLives
	MarkStops
	NestingLeaks
	NeverPromotes
	OnlyNewestCalled
	PacedYoung
	PlainLate
	PopKeeps
	RecycledUntracked
	Reentered
	ReferrersYoung
	RefusesWide
	ReturnsSaved
	SameUncounted
	SameUncountedBlind
	SaveAllClears
	SavedAlone
	SavedIsFree
	SavesAll
	SelfCycleLives
	ShiftsWide
	SizeOfAsked
	SizeWraps
	StatsForgetYoung
	StopsWithNothing
	TakesBeyond
	TakesElders
	TrashCalls
	TrashCallsLate
	TupleCopied
	UsageForgetsAtoms
	VanishedFinalized
	VanishedSkips
	WeakDiesYoung
	WeakOneByOne
	WeakOutlives
	bugs
)

func or(rules ...*model.Invariant) []*model.Invariant { return rules }

var table = []row{
	{Name: "skips-unroots", Doc: "a driver answers that it skipped to an unroot of a live odd slot",
		Rule: graph.Answers, spoil: spoilUnroot},
	{Name: "refuses-wide", Doc: "objects of more than 16 fields are refused", Bug: RefusesWide, Rule: graph.Serves},
	{Name: "saved-is-free", Doc: "the ID of an object that its finalizer saved is free for the next",
		Bug: SavedIsFree, Rule: graph.Identity, Or: or(graph.Safety, graph.Counts, graph.Fields, props.Alive,
			graph.Invariant, graph.Prompt, graph.FinalOnce, graph.FinalLost, graph.Complete, graph.Copies),
		Reason: "what uses the ID of another does its harm"},
	{Name: "mark-stops", Doc: "the search of a collection follows the first two fields only", Bug: MarkStops,
		Rule: graph.Safety, Or: or(graph.FinalOnce, graph.WeakAlive, graph.CallOnce, graph.CallLost, graph.Return,
			graph.Garbage),
		Programs: 800, Reproducer: 14,
		Reason: "what is taken for dead is finalized, and its weak references are cleared, before it dies; " +
			"of a long chain each part is needed by the next"},
	{Name: "saved-alone", Doc: "a finalizer saves its object, and not what that refers to", Bug: SavedAlone,
		Rule: graph.Safety, Or: or(graph.Return, graph.Fields), Reproducer: 9,
		Reason: "of a long chain each part is needed by the next; what it refers to is counted as taken"},
	{Name: "shifts-wide", Doc: "a field from the seventeenth on is stored in the one before", Bug: ShiftsWide,
		Rule: graph.Fields, Or: or(graph.Safety, graph.Counts, graph.Invariant, graph.Prompt, graph.Identity,
			graph.Copies, graph.Edges, graph.Watched, graph.Complete), Programs: 500,
		Reason: "counts do not follow the fields"},
	{Name: "child-forgotten", Doc: "an object that dies lets go of its first two fields only", Bug: ChildForgotten,
		Rule: graph.Prompt, Or: or(graph.Counts, graph.Invariant, graph.Complete, graph.Return), Reproducer: 9,
		Reason: "the count of what it held stays too high"},
	{Name: "self-cycle-lives", Doc: "an object that refers to itself is taken for reachable", Bug: SelfCycleLives,
		Rule: graph.Complete, Or: or(graph.Garbage), Reason: "it does not come into the garbage either"},
	{Name: "saves-all", Doc: "one that is saved saves all that was found dead with it (bpo-38379)", Bug: SavesAll,
		Rule: graph.Complete, Reproducer: 9, Reason: "one saves itself in another, and a third is found with it"},
	{Name: "frozen-for-ever", Doc: "the oldest object stays frozen when all are unfrozen", Bug: FrozenForEver,
		Rule: graph.Complete, Or: or(graph.Frosted, graph.Followed, graph.Return),
		Reason: "and is counted as such"},
	{Name: "same-uncounted", Doc: "storing in a field what is there already takes a count away", Bug: SameUncounted,
		Rule: graph.Counts, Or: or(graph.Invariant, graph.Safety, graph.FinalOnce, graph.CallOnce, graph.Complete,
			props.Alive),
		Programs: 600, Reason: "the recount sees it too, and at last the object dies; " +
			"the minimizer does not see that slots hold one object"},
	{Name: "same-uncounted-blind", Doc: "the same, where counts cannot be asked for", Bug: SameUncountedBlind,
		Rule: graph.Invariant, Cause: "toy/count", Or: or(graph.Safety, props.Alive), hide: blind,
		Reason: "at last the object dies, and what is dead is used"},
	{Name: "same-uncounted-hidden", Doc: "the same, with nothing to see but deaths", Bug: SameUncounted,
		Rule: graph.Safety, Or: or(props.Alive, graph.FinalOnce, graph.Return), hide: uncounted,
		Reason: "what is dead is used, or not there to be collected"},
	{Name: "final-again", Doc: "a finalizer runs each time that its object is found dead", Bug: FinalAgain,
		Rule: graph.FinalOnce},
	{Name: "final-forgotten", Doc: "objects that a collection finds are not finalized", Bug: FinalForgotten,
		Rule: graph.FinalLost},
	{Name: "weak-dies-young", Doc: "a young collection clears the weak references to older objects",
		Bug: WeakDiesYoung, Rule: graph.WeakAlive, Or: or(graph.CallLost, graph.CallOnce),
		Reason: "a cleared one does not call back, or does when it is garbage"},
	{Name: "weak-outlives", Doc: "a weak reference without callback is not cleared when a count falls to 0",
		Bug: WeakOutlives, Rule: graph.WeakDead, Or: or(props.Alive), Reason: "what is dead is given a root"},
	{Name: "trash-calls", Doc: "a weak reference that is trash itself calls back (bpo-38006)", Bug: TrashCalls,
		Rule: graph.CallOnce, Or: or(graph.WeakDead), Reason: "it is not cleared"},
	{Name: "called-again", Doc: "a collection calls back, and the death of the referent does again", Bug: CalledAgain,
		Rule: graph.CallOnce, Or: or(graph.WeakDead),
		Reason: "what was called is not cleared"},
	{Name: "only-newest-called", Doc: "only the newest of several weak references calls back", Bug: OnlyNewestCalled,
		Rule: graph.CallLost, Or: or(graph.WeakDead, props.Alive), Reason: "the others are not cleared either"},
	{Name: "callback-late", Doc: "callbacks run after the finalizers", Bug: CallbackLate, Rule: graph.CallOrder,
		Or:     or(graph.CallOnce),
		Reason: "a finalizer may have saved the referent; the minimizer does not see that slots hold one object"},
	{Name: "never-promotes", Doc: "what outlives a collection stays in its generation", Bug: NeverPromotes,
		Rule: graph.Promotion, Or: or(graph.Elders, graph.Followed), Reason: "what is young is collected as such"},
	{Name: "returns-saved", Doc: "a collection counts those that finalizers saved (bpo-38379)", Bug: ReturnsSaved,
		Rule: graph.Return},
	{Name: "reentered", Doc: "a collection inside a collection collects", Bug: Reentered, Rule: graph.Watched,
		Or: or(graph.Return, graph.FinalOnce, graph.CallOnce, graph.Identity, props.Alive, graph.Stats,
			graph.Safety), Reason: "both take the same objects"},
	{Name: "half-taken", Doc: "a collection takes half of what it finds, where deaths are not told", Bug: HalfTaken,
		Rule: graph.Settled, Programs: 600, hide: silent},
	{Name: "stats-forget-young", Doc: "collections of the youngest generation are not in the statistics",
		Bug: StatsForgetYoung, Rule: graph.Stats},
	{Name: "sleeps", Doc: "of the collections that should start by themselves only the first does",
		Rule: graph.Automatic, hide: once},
	{Name: "paced-young", Doc: "what starts by itself is a collection of the youngest, whatever is due",
		Bug: PacedYoung, Rule: graph.Paces, hide: paced},
	{Name: "takes-beyond", Doc: "a generation above the last is taken for the last", Bug: TakesBeyond,
		Rule: graph.Refused},
	{Name: "usage-forgets-atoms", Doc: "an atom that died is in use", Bug: UsageForgetsAtoms, Rule: graph.Accounted,
		Or: or(graph.Returned, graph.Failure), Reason: "it shows when all is dead at the latest"},
	{Name: "failure-counts", Doc: "an object that was refused is in use", Bug: FailureCounts, Rule: graph.Failure},
	{Name: "bytes-forget-weak", Doc: "the bytes of weak references that died are in use", Bug: BytesForgetWeak,
		Rule: graph.Returned, Or: or(graph.Failure), Reason: "a refused request comes before it"},
	{Name: "deref-panics", Doc: "asking a cleared weak reference panics", Bug: DerefPanics, Rule: props.Alive},

	// Lists, copies, the garbage, and what is asked.
	{Name: "append-shifts", Doc: "what is appended behind four fields comes before the last", Bug: AppendShifts,
		Rule: graph.Fields, Programs: 500,
		Or:     or(graph.Copies, graph.Edges, graph.CallOnce, graph.Identity, graph.Prompt),
		Reason: "a copy has the fields in the order of the original; what is popped is another, and dies or lives"},
	{Name: "pop-keeps", Doc: "a field that is popped is counted still", Bug: PopKeeps, Rule: graph.Counts,
		Or: or(graph.Prompt, graph.Complete, graph.Invariant, graph.Return), Reason: "what was popped never dies"},
	{Name: "copy-is-deep", Doc: "a copy of a list copies what is in it", Bug: CopyIsDeep, Rule: graph.Copies},
	{Name: "deep-shares", Doc: "a deep copy holds the lists of its original", Bug: DeepShares, Rule: graph.Copies},
	{Name: "deep-splits", Doc: "a deep copy makes two of an empty list that one object holds twice", Bug: DeepSplits,
		Rule: graph.Copies, Programs: 400, Or: or(graph.Prompt), Reason: "the first of the two is dropped"},
	{Name: "deep-moves", Doc: "a deep copy stores the copy of a list in its original", Bug: DeepMoves,
		Rule: graph.Fields, Or: or(graph.Counts, graph.Safety, graph.Prompt, graph.Complete, graph.Invariant,
			graph.FinalOnce, graph.Edges, graph.Return, graph.Tracking, graph.Identity, graph.Copies, graph.Answers,
			props.Alive),
		Programs: 1000, Reason: "references are there that the model does not know of"},
	{Name: "tuple-copied", Doc: "a deep copy makes new tuples of those that cannot change", Bug: TupleCopied,
		Rule: graph.Copies},
	{Name: "saveall-clears", Doc: "what is put in the garbage is emptied", Bug: SaveAllClears, Rule: graph.Fields,
		Or: or(graph.Safety, graph.Counts, graph.Invariant, graph.Prompt, graph.Garbage, graph.Copies), Programs: 400,
		Reason: "what it held dies, as nothing refers to it, and a copy is as empty"},
	{Name: "legacy-finalized", Doc: "a collection calls legacy finalizers", Bug: LegacyFinalized, Rule: graph.Garbage},
	{Name: "frozen-uncounted", Doc: "lists are frozen, and not counted as such", Bug: FrozenUncounted,
		Rule: graph.Frosted, Programs: 800},
	{Name: "finished-early", Doc: "an object with a finalizer says that it has run", Bug: FinishedEarly,
		Rule: graph.Finished},
	{Name: "referrers-young", Doc: "referrers in older generations are left out", Bug: ReferrersYoung,
		Rule: graph.Edges},
	{Name: "size-of-asked", Doc: "each time that it is asked for, a size is greater", Bug: SizeOfAsked,
		Rule: graph.Sizes},
	{Name: "size-wraps", Doc: "an object of 64 fields and more takes as little as an empty one", Bug: SizeWraps,
		Rule: graph.Sizes},
	{Name: "takes-elders", Doc: "a young collection takes garbage of all generations", Bug: TakesElders,
		Rule: graph.Elders, Reproducer: 10, Reason: "a collection has to come before"},

	// Historic defects of CPython's collector, as far as a heap without threads and types can have them.
	{Name: "weak-one-by-one", Doc: "callbacks run while other weak references to garbage live (SF 1055820)",
		Bug: WeakOneByOne, Rule: graph.WeakDead, Programs: 500, Reproducer: 10,
		Reason: "two objects, two weak references"},
	{Name: "dies-tracked", Doc: "an object whose weak reference calls back is seen by a collection (SF 840829)",
		Bug: DiesTracked, Rule: graph.CallOnce, Or: or(graph.Safety, graph.Identity, props.Alive),
		Reason: "it dies twice"},
	{Name: "delayed-tracked", Doc: "an object whose death is delayed is seen by a collection (SF 535905)",
		Bug: DelayedTracked, Rule: graph.Identity, Or: or(graph.FinalOnce, graph.Safety, props.Alive, graph.Return,
			graph.Complete, graph.Settled, graph.Prompt),
		Programs: 600, Reproducer: 14, Reason: "it dies twice; deaths have to nest"},
	{Name: "half-built", Doc: "a tuple that is not followed while empty is not when filled (issue 7466)",
		Bug: HalfBuilt, Rule: graph.Tracking, Or: or(graph.Complete, graph.Followed, graph.Edges, graph.CallOnce),
		Reason: "what is not followed is not listed, does not die in cycles, and calls back"},
	{Name: "nesting-leaks", Doc: "the depth of deaths does not return to 0 (issue 13992)", Bug: NestingLeaks,
		Rule: graph.Prompt, Or: or(graph.Complete, graph.Return), Reproducer: 18,
		Reason: "from there on all deaths are delayed"},
	{Name: "delayed-seen", Doc: "a weak reference refers to an object whose death is delayed (issue 16602)",
		Bug: DelayedSeen, Rule: graph.FinalOnce, Or: or(graph.Safety, props.Alive, graph.Identity, graph.WeakDead),
		Programs: 500, Reproducer: 16, Reason: "it is saved and dies; deaths have to nest"},
	{Name: "vanished-finalized", Doc: "a finalizer is called of what an earlier one ended (issue 21435)",
		Bug: VanishedFinalized, Rule: graph.Identity, Or: or(props.Alive, graph.FinalOnce), Programs: 500,
		Reason: "its death is undone"},
	{Name: "vanished-skips", Doc: "the finalizer behind one that is gone is left out (issue 21435)",
		Bug: VanishedSkips, Rule: graph.FinalLost, Or: or(graph.Followed), Programs: 1000, Reproducer: 14,
		Restless: true,
		Reason:   "a ring of three is needed, and two finalizers; what one would have saved is in no generation"},
	{Name: "list-dies-tracked", Doc: "a list that dies is seen by a collection with a count of 0 (bpo-26617)",
		Bug: ListDiesTracked, Rule: props.Alive},
	{Name: "final-tracked", Doc: "an object is followed with a count of 0 while its finalizer runs (bpo-31095)",
		Bug: FinalTracked, Rule: graph.Safety, Or: or(props.Alive, graph.Identity, graph.FinalLost, graph.CallOnce),
		Programs: 300,
		Reason:   "it dies of its finalizer, or never"},
	{Name: "trash-calls-late", Doc: "a weak reference in the garbage is not cleared (bpo-38006)", Bug: TrashCallsLate,
		Rule: graph.CallOnce, Or: or(graph.Followed, graph.WeakDead), Programs: 1000,
		Reason: "its referent has to die by its count, what calls back is in no generation, or not cleared"},
	{Name: "recycled-untracked", Doc: "a tuple in the place of one that was not followed is not (bpo-42536)",
		Bug: RecycledUntracked, Rule: graph.Tracking,
		Or: or(graph.Complete, graph.Followed, graph.Edges, graph.CallOnce), Programs: 500,
		Reason: "what is not followed is not listed, does not die in cycles, and calls back"},
	{Name: "born-old", Doc: "what is made during a collection is in the last generation (gh-117108)", Bug: BornOld,
		Rule: graph.Promotion, Or: or(graph.Followed), Programs: 400, Reproducer: 10,
		Reason: "lists of generations show it too"},
	{Name: "lags", Doc: "a collection takes four objects at most (gh-139951)", Bug: Lags, Rule: graph.Complete,
		Or: or(graph.Return, graph.Garbage), Reproducer: 14,
		Reason: "five objects have to be garbage; what it takes is counted, and kept"},
	{Name: "legacy-uncounted", Doc: "what stays for its legacy finalizer is not in the statistics (gh-136517)",
		Bug: LegacyUncounted, Rule: graph.Return},
	{Name: "stops-with-nothing", Doc: "the end of a collection is told with zeros (gh-140358)", Bug: StopsWithNothing,
		Rule: graph.Watched},
	{Name: "made-weak-lives", Doc: "a weak reference that a finalizer made is not cleared (gh-91636)",
		Bug: MadeWeakLives, Rule: graph.WeakDead, Reproducer: 10, Or: or(props.Alive), Reason: "what is dead is used"},
	{Name: "plain-late", Doc: "weak references without callback refer to garbage in finalizers (gh-135552)",
		Bug: PlainLate, Rule: graph.WeakDead, Or: or(graph.CallOnce), Programs: 500,
		Reason: "two objects have to be garbage; what is caught has called back"},
	{Name: "delayed-lost", Doc: "what is delayed during a collection is lost (gh-133261)", Bug: DelayedLost,
		Rule: graph.Complete, Or: or(graph.Prompt, graph.Return), Programs: 1500, Reproducer: 12,
		Reason: "deaths have to nest"},
	{Name: "clears-saved", Doc: "what a saved object refers to is emptied (gh-77894)", Bug: ClearsSaved,
		Rule: graph.Fields, Or: or(graph.Safety, graph.Counts, graph.Invariant, graph.Return, graph.Prompt,
			graph.FinalOnce),
		Programs: 1000, Reproducer: 18, Reason: "what it held dies"},
	{Name: "atom-referents", Doc: "asking what an atom refers to panics (gh-124538)", Bug: AtomReferents,
		Rule: props.Alive},
	{Name: "garbage-leaks", Doc: "what there is no room for in the garbage is counted still (bpo-33622)",
		Bug: GarbageLeaks, Rule: graph.Return, Or: or(graph.Complete, graph.Prompt, graph.Invariant, graph.Counts,
			graph.Fields),
		Programs: 800, Reproducer: 10, Reason: "it never dies"},
	{Name: "dead-listed", Doc: "the object that died last is in its generation (bpo-46070)", Bug: DeadListed,
		Rule: graph.Followed},
}
