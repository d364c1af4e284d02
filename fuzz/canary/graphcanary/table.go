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
	BytesForgetWeak
	CallbackLate
	CalledAgain
	ChildForgotten
	DerefPanics
	FailureCounts
	FinalAgain
	FinalForgotten
	FrozenForEver
	HalfTaken
	MarkStops
	NeverPromotes
	OnlyNewestCalled
	Reentered
	RefusesWide
	ReturnsSaved
	SameUncounted
	SameUncountedBlind
	SavedAlone
	SavedIsFree
	SavesAll
	SelfCycleLives
	ShiftsWide
	StatsForgetYoung
	TrashCalls
	UsageForgetsAtoms
	WeakDiesYoung
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
			graph.Invariant, graph.Prompt, graph.FinalOnce, graph.FinalLost, graph.Complete),
		Reason: "what uses the ID of another does its harm"},
	{Name: "mark-stops", Doc: "the search of a collection follows the first two fields only", Bug: MarkStops,
		Rule: graph.Safety, Or: or(graph.FinalOnce, graph.WeakAlive, graph.CallOnce),
		Reproducer: 16,
		Reason: "what is taken for dead is finalized, and its weak references are cleared, before it dies; " +
			"of a long chain each part is needed by the next"},
	{Name: "saved-alone", Doc: "a finalizer saves its object, and not what that refers to", Bug: SavedAlone,
		Rule: graph.Safety, Reproducer: 16, Reason: "of a long chain each part is needed by the next"},
	{Name: "shifts-wide", Doc: "a field from the seventeenth on is stored in the one before", Bug: ShiftsWide,
		Rule: graph.Fields, Or: or(graph.Safety, graph.Counts, graph.Invariant, graph.Prompt, graph.Identity),
		Reason: "counts do not follow the fields"},
	{Name: "child-forgotten", Doc: "an object that dies lets go of its first two fields only", Bug: ChildForgotten,
		Rule: graph.Prompt, Or: or(graph.Counts, graph.Invariant, graph.Complete, graph.Return),
		Reason: "the count of what it held stays too high"},
	{Name: "self-cycle-lives", Doc: "an object that refers to itself is taken for reachable", Bug: SelfCycleLives,
		Rule: graph.Complete},
	{Name: "saves-all", Doc: "one that is saved saves all that was found dead with it (bpo-38379)", Bug: SavesAll,
		Rule: graph.Complete},
	{Name: "frozen-for-ever", Doc: "the oldest object stays frozen when all are unfrozen", Bug: FrozenForEver,
		Rule: graph.Complete},
	{Name: "same-uncounted", Doc: "storing in a field what is there already takes a count away", Bug: SameUncounted,
		Rule: graph.Counts, Or: or(graph.Invariant, graph.Safety, props.Alive),
		Reproducer: 10, Reason: "the recount sees it too, and at last the object dies; " +
			"the minimizer does not see that slots hold one object"},
	{Name: "same-uncounted-blind", Doc: "the same, where counts cannot be asked for", Bug: SameUncountedBlind,
		Rule: graph.Invariant, Cause: "toy/count", Or: or(graph.Safety), hide: blind,
		Reason: "at last the object dies"},
	{Name: "same-uncounted-hidden", Doc: "the same, with nothing to see but deaths", Bug: SameUncounted,
		Rule: graph.Safety, Or: or(props.Alive), hide: uncounted, Reason: "what is dead is used"},
	{Name: "final-again", Doc: "a finalizer runs each time that its object is found dead", Bug: FinalAgain,
		Rule: graph.FinalOnce},
	{Name: "final-forgotten", Doc: "objects that a collection finds are not finalized", Bug: FinalForgotten,
		Rule: graph.FinalLost},
	{Name: "weak-dies-young", Doc: "a young collection clears the weak references to older objects",
		Bug: WeakDiesYoung, Rule: graph.WeakAlive, Or: or(graph.CallLost), Reason: "a cleared one does not call back"},
	{Name: "weak-outlives", Doc: "a weak reference without callback is not cleared when a count falls to 0",
		Bug: WeakOutlives, Rule: graph.WeakDead, Or: or(props.Alive), Reason: "what is dead is given a root"},
	{Name: "trash-calls", Doc: "a weak reference that is trash itself calls back (bpo-38006)", Bug: TrashCalls,
		Rule: graph.CallOnce, Programs: 2000},
	{Name: "called-again", Doc: "a collection calls back, and the death of the referent does again", Bug: CalledAgain,
		Rule: graph.CallOnce, Or: or(graph.WeakDead), Programs: 1000,
		Reason: "what was called is not cleared"},
	{Name: "only-newest-called", Doc: "only the newest of several weak references calls back", Bug: OnlyNewestCalled,
		Rule: graph.CallLost, Or: or(graph.WeakDead, props.Alive), Reason: "the others are not cleared either"},
	{Name: "callback-late", Doc: "callbacks run after the finalizers", Bug: CallbackLate, Rule: graph.CallOrder,
		Or: or(graph.CallOnce), Programs: 2000, Reproducer: 16,
		Reason: "a finalizer may have saved the referent; the minimizer does not see that slots hold one object"},
	{Name: "never-promotes", Doc: "what outlives a collection stays in its generation", Bug: NeverPromotes,
		Rule: graph.Promotion},
	{Name: "returns-saved", Doc: "a collection counts those that finalizers saved (bpo-38379)", Bug: ReturnsSaved,
		Rule: graph.Return},
	{Name: "reentered", Doc: "a collection inside a collection collects", Bug: Reentered, Rule: graph.Return,
		Or:       or(graph.FinalOnce, graph.CallOnce, graph.Identity, props.Alive, graph.Stats, graph.Safety),
		Programs: 1000, Reason: "both take the same objects"},
	{Name: "half-taken", Doc: "a collection takes half of what it finds, where deaths are not told", Bug: HalfTaken,
		Rule: graph.Settled, hide: silent},
	{Name: "stats-forget-young", Doc: "collections of the youngest generation are not in the statistics",
		Bug: StatsForgetYoung, Rule: graph.Stats},
	{Name: "usage-forgets-atoms", Doc: "an atom that died is in use", Bug: UsageForgetsAtoms, Rule: graph.Accounted,
		Or: or(graph.Returned, graph.Failure), Reason: "it shows when all is dead at the latest"},
	{Name: "failure-counts", Doc: "an object that was refused is in use", Bug: FailureCounts, Rule: graph.Failure},
	{Name: "bytes-forget-weak", Doc: "the bytes of weak references that died are in use", Bug: BytesForgetWeak,
		Rule: graph.Returned, Or: or(graph.Failure), Reason: "a refused request comes before it"},
	{Name: "deref-panics", Doc: "asking a cleared weak reference panics", Bug: DerefPanics, Rule: props.Alive},
}
