package mutant

import (
	"regexp"
	"slices"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/fuzz/recorded"
	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Kill is how a mutant, or a canary, was found to be wrong. Its zero value says that it was not.
type Kill struct {
	Rule     string // "heap/disjoint"; "" when nothing was found
	Cause    string // of the violation, where the rule has causes
	Property string
	Target   string
	Ops      uint64 // answered on all targets before and with the one that broke the rule; of run/alive: see death
	Programs int    // tried, with the one that broke it
	Length   int    // operations of the minimized program; 0: what comes after every program is enough; -1: not known
	Beside   bool   // programs alone had missed it: it took what targets ask beside them
}

// deaths of a process as causes of the rule run/alive.
const (
	causeCrash  = "crash"  // the Go runtime, or the system, ended the process
	causeHang   = "hang"   // a program did not end
	causeMemory = "memory" // more memory was taken than any right target takes
)

// leastOps is what of the budget a program takes at least when a rule is switched off: what ends at once may leave
// memory behind each time, which the system does not have for ever.
const leastOps = 64

// openRule stands where a rule's name does when a target cannot be opened at all.
const openRule = "run/open"

// hunt drives targets in turn until one breaks a rule. Program n of a target is that of a campaign with the seed.
type hunt struct {
	subjects []*props.Subject
	seed     uint64
	off      string // the name of a rule whose breach ends a run and is no finding; "": none
	only     string // the property that is tried; "": all in turn
	budget   uint64 // operations
	rounds   bool   // see run

	// What is replayed after the programs; where as is not "", by that profile.
	recordings []string
	root, as   string
	read       map[string][]*recorded.Recording // by file

	runner  props.Runner
	ops     uint64
	next    int          // the program that is tried next
	edged   int          // the program from which on worlds are as they are: before it all have edges
	beginOf func(at int) // called before each program with the number of its target or recording; may be nil

	clock    func() time.Duration // that all stages share; nil: none
	limit    time.Duration        // that the whole hunt may take by it
	stage    stage                // under way
	end      time.Duration        // when it has to end by the clock
	late     [stages]bool         // it was cut off by the clock, the last time that it had a turn
	entering func(s stage)        // called before each stage; may be nil

	found   *prey // the last finding
	trouble error // of opening, or of reading a recording
}

// prey is what a hunt found.
type prey struct {
	subject  *props.Subject
	property props.Property
	finding  *props.Finding
}

// A stage is what a hunt tries.
type stage uint64

const (
	stagePrograms stage = iota // alone
	stageBeside                // with what targets ask beside them
	stageRecordings
	stages
)

// besideShare is the part of the budget that programs have with what targets ask beside them.
const besideShare = 4

// firstShare is the part of the budget that the first round of a hunt in rounds has: what it leaves, some in a hundred
// mutants, is so little that the second round may take its time.
const firstShare = 64

// A turn is a stage of a hunt. Its end is counted from the beginning of the hunt, so that it has all the time that
// those before it leave, and those after it have a part of their own however slow the programs are.
type turn struct {
	stage
	share uint64        // of the budget: one part in so many; 0 of recordings, which have limits of their own
	until time.Duration // the eighth of the time by which it ends
}

// inTurn is a hunt: programs alone have three quarters of the time. Recordings take about a second where nothing is
// slow, and an eighth of the usual time is more than two.
var inTurn = []turn{{stagePrograms, 1, 6}, {stageBeside, besideShare, 7}, {stageRecordings, 0, 8}}

// inRounds is a hunt in rounds: a first one has a small part of the budget, so that what only recordings tell from the
// original does not take the whole budget of programs first.
var inRounds = []turn{
	{stagePrograms, firstShare, 1}, {stageBeside, firstShare * besideShare, 2}, {stageRecordings, 0, 3},
	{stagePrograms, 1, 7}, {stageBeside, besideShare, 8},
}

// run tries programs until the budget is used up, some more with what targets ask beside them, of which the first of
// each target has a world where it asks most, and then recordings, perhaps in rounds. All of it takes no longer than
// the limit, but for the program or the recording that is under way then. With recordings switched off nothing is
// tried: they find what programs have not found.
func (h *hunt) run() Kill {
	h.late, h.trouble = [stages]bool{}, nil
	if h.off == recorded.Answers.Name {
		return Kill{}
	}
	defer func(was bool) { fuzz.Edges = was }(fuzz.Edges)
	turns := inTurn
	if h.rounds {
		turns = inRounds
	}
	began, whole := h.now(), h.budget
	for _, t := range turns {
		if h.entering != nil {
			h.entering(t.stage)
		}
		h.stage, h.late[t.stage], h.end = t.stage, false, began+h.limit*t.until/8
		fuzz.Edges = t.stage != stagePrograms
		var k Kill
		if t.stage == stageRecordings {
			k = h.replay()
		} else {
			h.edged, h.budget = 0, h.ops+whole/t.share
			if fuzz.Edges {
				h.edged = h.next + len(h.subjects)
			}
			k = h.programs()
			k.Beside = k.Rule != "" && fuzz.Edges
		}
		if k.Rule != "" || h.trouble != nil {
			return k
		}
	}
	return Kill{}
}

func (h *hunt) now() time.Duration {
	if h.clock == nil {
		return 0
	}
	return h.clock()
}

// over tells, while something is left to be tried, whether the time of the stage under way is over, and notes it.
func (h *hunt) over() bool {
	h.late[h.stage] = h.clock != nil && h.clock() > h.end
	return h.late[h.stage]
}

// wasLate tells whether a stage was cut off and had no turn after that: what was found depends on the clock.
func (h *hunt) wasLate() bool { return slices.Contains(h.late[:], true) }

// programs tries programs until the budget is used up.
func (h *hunt) programs() Kill {
	subjects := h.subjects
	if h.off != "" {
		subjects = make([]*props.Subject, len(h.subjects))
		for i, s := range h.subjects {
			subjects[i] = without(s, h.off)
		}
	}
	for h.ops < h.budget && len(subjects) > 0 && !h.over() {
		at := h.next % len(subjects)
		s, number := subjects[at], h.next/len(subjects)
		h.next++
		if h.beginOf != nil {
			h.beginOf(at)
		}
		before := h.ops
		if k, ok := h.program(s, number); ok {
			return k
		}
		if h.off != "" {
			h.ops = max(h.ops, before+leastOps)
		}
	}
	return Kill{}
}

// program tries a program under the properties that are due. A target that panics while it is opened, which no Runner
// guards against, breaks the rule run/open, and the empty program shows it.
func (h *hunt) program(s *props.Subject, number int) (k Kill, ok bool) {
	defer func() {
		if e := recover(); e == nil {
			return
		}
		h.ops++
		if ok = h.off != openRule; ok {
			h.found = nil
			k = Kill{Rule: openRule, Cause: "panic", Property: props.Conforms.Name, Target: s.Target, Ops: h.ops,
				Programs: h.next}
		}
	}()
	p := campaign.Program(s, h.seed, number, nil)
	if h.next <= h.edged {
		fuzz.Edged(s.Spec, &p)
	}
	list := due(s, number)
	if property, ok := s.Property(h.only); ok {
		list = []props.Property{property}
	}
	for _, property := range list {
		if k, ok := h.check(s, property, p); ok {
			return k, true
		}
	}
	return Kill{}, false
}

// due are the properties that the program of that number is tried under: conforms, and in every eighth program one
// more, in turn, as in a campaign.
func due(s *props.Subject, number int) []props.Property {
	list := s.Properties[:1]
	if k := len(s.Properties) - 1; k > 0 && number%campaign.PropertyEvery == campaign.PropertyEvery-1 {
		list = []props.Property{s.Properties[0], s.Properties[1+number/campaign.PropertyEvery%k]}
	}
	return list
}

func (h *hunt) check(s *props.Subject, property props.Property, p prog.Program) (Kill, bool) {
	refuted, err := property.Check(s, &h.runner, p)
	k := Kill{Property: property.Name, Target: s.Target, Ops: h.ops, Programs: h.next, Length: -1}
	switch {
	case err != nil && h.off != openRule:
		h.trouble, h.found, k.Rule = err, nil, openRule
		return k, true
	case err != nil, refuted == nil, refuted.Violation.Rule.Name == h.off:
		h.ops++ // a target that cannot be opened uses the budget up, too
		return Kill{}, false
	}
	h.found = &prey{s, property, &props.Finding{Property: property.Name, Target: s.Target, Program: p.Clone(),
		Refutation: refuted}}
	k.Rule, k.Cause = refuted.Violation.Rule.Name, refuted.Violation.Cause
	return k, true
}

// shrink returns the number of operations of the minimized program, which is bounded by what is run.
func (p *prey) shrink() int {
	_, stats := props.Minimize(p.subject, p.property, p.finding, props.MinimizeOptions{
		RunsMax: shrinkRuns, OpsMax: shrinkOps})
	return stats.To
}

const (
	shrinkRuns = 2000
	shrinkOps  = 200_000
)

// onlooking are the rules whose breach leaves the judge as it would be without it. When one of them is switched off,
// the run goes on behind a breach, as it would if nobody looked. A breach of another rule leaves the judge without the
// block or object that the target has, so that it would call right answers wrong; there the run ends, and has found
// nothing.
var onlooking = regexp.MustCompile(`^[a-z]+/(invariants|accounted|failure|returned|usable|zeroed|realloc|content|` +
	`misuse|nil|waste|stays|automatic|counts|settled|size|tracking|finalized|census|edges|frozen|statistics)$`)

// without is the subject with a rule switched off, where that can be done in a run.
func without(s *props.Subject, rule string) *props.Subject {
	if !onlooking.MatchString(rule) {
		return s
	}
	blind := *s
	blind.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		t, j, err := s.Open(w)
		return t, deaf{j, rule}, err
	}
	return &blind
}

// deaf is a judge that does not hear of one rule.
type deaf struct {
	props.Judge
	rule string
}

func (d deaf) Step(op prog.Op, out prog.Outcome) *model.Violation {
	if v := d.Judge.Step(op, out); v != nil && v.Rule.Name != d.rule {
		return v
	}
	return nil
}
