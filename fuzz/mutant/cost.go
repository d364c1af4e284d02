package mutant

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/google/pprof/profile"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
)

// Cost is what one kind of checking costs in the runs of a campaign on the targets of a language.
type Cost struct {
	Language string
	Rule     string  // a rule with work of its own; othersOf for all others together
	Share    float64 // of the time of runs
	With     float64 // operations a second with all rules
	Without  float64 // without this one's work, by its share
}

// othersOf stands for the rules that look at an answer and at the model, and for the model itself.
const othersOf = "all others, and the model"

// labour are the functions in which rules have work of their own. What a function calls belongs to it.
var labour = []struct {
	rule      string
	functions *regexp.Regexp
}{
	{"heap/content", regexp.MustCompile(`/heaptest\.(\(\*driver\)\.(write|harm|harmEnd)|put|compare)$`)},
	{"heap/zeroed", regexp.MustCompile(`/heaptest\.nonZero$`)},
	{"heap/disjoint", regexp.MustCompile(`/heap\.\(\*Model\)\.Overlap$`)},
	{"heap/owned", regexp.MustCompile(`\.Owns$`)},
	{"heap/invariants", regexp.MustCompile(`/heaptest\.\(\*driver\)\.check$`)},
	{"heap/accounted", regexp.MustCompile(`/heaptest\.\(\*driver\)\.count$`)},
	{"graph/invariants", regexp.MustCompile(`/graphtest\.\(\*driver\)\.check$`)},
	{"graph/edges", regexp.MustCompile(`/graphtest\.\(\*driver\)\.verify$|/graph\.\(\*Model\)\.Verify$`)},
	{"dict/invariants", regexp.MustCompile(`/dicttest\.\(\*driver\)\.check$`)},
	{"dict/reads", regexp.MustCompile(`/dicttest\.\(\*driver\)\.verify(All)?$`)},
	{"dict/probes", regexp.MustCompile(`\)\.Probes$`)},
	{"cache/invariants", regexp.MustCompile(`/dicttest\.\(\*cacheDriver\)\.check$`)},
	{"value/invariants", regexp.MustCompile(`/valuetest\.\(\*driver\)\.check$`)},
	{"value/contents", regexp.MustCompile(`/valuetest\.\(\*driver\)\.walk$`)},
	{"value/stream", regexp.MustCompile(`/value\.\(\*Model\)\.stream$`)},
	{"value/load", regexp.MustCompile(`/value\.isStream$`)},
	{othersOf, regexp.MustCompile(`\.judging\.Step$|/props\.\(\*Meter\)\.add$`)},
}

// CostTime is how long each language is driven to learn what checking costs.
const CostTime = 3 * time.Second

// Costs drives the targets of each language for so much CPU time and tells by a profile what the checking of their
// answers took. It is a measurement, and not the same each time.
func Costs(seed uint64, each time.Duration) ([]Cost, error) {
	var all []Cost
	for _, l := range fuzz.Languages() {
		costs, err := costsOf(l, seed, each)
		if err != nil {
			return nil, err
		}
		all = append(all, costs...)
	}
	return all, nil
}

func costsOf(l fuzz.Language, seed uint64, each time.Duration) ([]Cost, error) {
	var text bytes.Buffer
	if err := pprof.StartCPUProfile(&text); err != nil {
		return nil, err
	}
	ops, err := drive(l, seed, each)
	pprof.StopCPUProfile()
	if err != nil {
		return nil, err
	}
	p, err := profile.Parse(&text)
	if err != nil {
		return nil, fmt.Errorf("the profile of %s: %w", l.Name, err)
	}
	by, runs := map[string]int64{}, int64(0)
	for _, s := range p.Sample {
		if rule, run := belongs(s); run {
			runs += s.Value[1]
			by[rule] += s.Value[1]
		}
	}
	delete(by, "")
	var costs []Cost
	with := float64(ops) / time.Duration(max(runs, 1)).Seconds()
	for rule, n := range by {
		share := float64(n) / float64(runs)
		costs = append(costs, Cost{l.Name, rule, share, with, with / (1 - share)})
	}
	slices.SortFunc(costs, func(a, b Cost) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Rule, b.Rule))
	})
	return costs, nil
}

// drive runs the programs of a campaign on all targets of a language in turn.
func drive(l fuzz.Language, seed uint64, each time.Duration) (ops int, err error) {
	var r props.Runner
	end := campaign.CPUTime() + each
	targets := l.Targets()
	subjects := make([]*props.Subject, len(targets))
	for i, t := range targets {
		subjects[i] = t.New()
	}
	for n := 0; campaign.CPUTime() < end; n++ {
		s := subjects[n%len(subjects)]
		res, err := r.Run(s, campaign.Program(s, seed, n/len(subjects), nil))
		if err != nil {
			return ops, err
		}
		ops += len(res.Trace)
	}
	return ops, nil
}

// belongs tells which rule a moment of a profile is spent for, and whether it is one of a run at all. The innermost
// function counts: what reads blocks for a recount is none of the recount's when it is asked for something else.
func belongs(s *profile.Sample) (rule string, run bool) {
	for _, at := range s.Location {
		for _, line := range at.Line {
			if line.Function == nil {
				continue
			}
			name := line.Function.Name
			for _, w := range labour {
				if rule == "" && w.functions.MatchString(name) {
					rule = w.rule
				}
			}
			if name == "heapfuzz/props.(*Runner).Run" {
				return rule, true
			}
		}
	}
	return rule, false
}
