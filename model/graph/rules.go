package graph

import "heapfuzz/model"

// The rules, each derived from the contract or from what the words object, reference and collector mean.
var (
	Answers = rule("answers",
		"an operation is skipped only when its slot is in the wrong state or it is an optional part that is not there")
	Serves = rule("serves",
		"an object is refused only when the operating system refuses, or when it is greater than the contract allows")
	Identity = rule("identity", "an ID names one living object at a time, and an object dies once")
	Safety   = rule("safety", "nothing that roots reach dies")
	Fields   = rule("fields", "a field refers to what was stored there last")
	Prompt   = rule("prompt", "where death is immediate, what nothing refers to is dead after the operation")
	Complete = rule("completeness", "what no root reaches is dead after as many full collections as promised")
	Copies   = rule("copies",
		"a copy refers to what its original does; a deep one has the shape of its original, and no object in common")
	Counts    = rule("counts", "the count of an object is the number of roots and fields that refer to it")
	FinalOnce = rule("finalizer-once", "a finalizer runs once at most, and only on an object that no root reaches")
	FinalLost = rule("finalizer-lost", "an object with a finalizer does not die before the finalizer has run")
	WeakAlive = rule("weakref-alive", "a weak reference to an object that roots reach refers to it")
	WeakDead  = rule("weakref-dead",
		"a weak reference is cleared for ever when its referent dies, and before its finalizer where that is promised")
	CallOnce = rule("callback-once",
		"a callback runs once at most, and only when its referent is found dead and its weak reference is not")
	CallLost  = rule("callback-lost", "a weak reference that outlives its referent calls back")
	CallOrder = rule("callback-order",
		"where it is promised, the callbacks of a collection run before its finalizers")
	Promotion = rule("generations", "what outlives a collection is in the generation that is promised")
	Watched   = rule("watched", "a collection tells its start and its end, and what it returns")
	Elders    = rule("elders", "a collection takes of older generations only what nothing refers to any more")
	Garbage   = rule("garbage",
		"the garbage is what collections found dead and were told to keep, or may not finalize, with its fields")
	Automatic = rule("automatic",
		"when more objects are made than the threshold says, and nothing dies, a collection starts by itself")
	Paces = rule("pace",
		"where counts and thresholds are told, a collection starts by itself when they say so, and of that generation")
	Refused = rule("refused", "a generation that there is not is refused")
	Return  = rule("returns", "a collection returns the number of objects that it took")
	Settled = rule("settled", "a full collection right after another finds nothing")
	Sizes   = rule("size",
		"the size of what is no atom and no copy follows from its kind and fields, and grows with them")
	Tracking  = rule("tracking", "what the collector does not follow refers to nothing that it follows")
	Finished  = rule("finalized", "an object says that its finalizer has run when it has")
	Followed  = rule("census", "the generations hold the objects that the collector follows, each once")
	Edges     = rule("edges", "referents are what the fields refer to, and referrers those whose fields do")
	Frosted   = rule("frozen", "what is counted as frozen are the objects that were there at the freeze")
	Stats     = rule("statistics", "the statistics are those of the collections that there were")
	Accounted = rule("accounted", "the objects in use are those that live")
	Failure   = rule("failure", "a request that fails, inside a collection or not, leaves everything as it was")
	Returned  = rule("returned",
		"when all objects are dead, nothing is in use and no more memory is kept than promised")
	Invariant = rule("invariants", "the heap's own invariants hold")
)

// Rules lists them all, for documentation and for the tests that want a canary of each.
var Rules []*model.Invariant

func rule(name, doc string) *model.Invariant {
	r := &model.Invariant{Name: "graph/" + name, Doc: doc}
	Rules = append(Rules, r)
	return r
}
