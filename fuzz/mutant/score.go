package mutant

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/recorded"
	"heapfuzz/props"
)

// Score counts mutants of one kind.
type Score struct {
	Name       string
	Mutants    int
	Killed     int
	Beside     int // of them those that only what targets ask beside programs told
	Recorded   int // of them those that only a recorded answer told, and no rule about random programs
	Equivalent int // survived, and listed as equivalent
	Gaps       int // survived otherwise
	Unreached  int // of them those whose place no program reached
	Believed   int // of those that survived, the listed ones that were not tried
}

// Share is the share of those killed that can be: 1 where there are none.
func (s Score) Share() float64 {
	if s.Mutants == s.Equivalent {
		return 1
	}
	return float64(s.Killed) / float64(s.Mutants-s.Equivalent)
}

// Programs is the share that random programs find alone.
func (s Score) Programs() float64 {
	s.Killed -= s.Beside + s.Recorded
	return s.Share()
}

func (s *Score) count(o *Outcome, reason string) {
	s.Mutants++
	if o.Believed {
		s.Believed++
	}
	switch {
	case o.Kill.Rule != "":
		s.Killed++
		switch {
		case o.Kill.Rule == recorded.Answers.Name:
			s.Recorded++
		case o.Kill.Beside:
			s.Beside++
		}
	case equivalent(reason):
		s.Equivalent++
	default:
		s.Gaps++
		if !o.Reached {
			s.Unreached++
		}
	}
}

// Spread says how numbers are distributed.
type Spread struct {
	Count  int
	Median uint64
	Ninety uint64 // nine tenths are not above it
	Worst  uint64
}

func spread(numbers []uint64) Spread {
	if len(numbers) == 0 {
		return Spread{}
	}
	slices.Sort(numbers)
	at := func(percent int) uint64 { return numbers[(len(numbers)*percent+99)/100-1] }
	return Spread{len(numbers), at(50), at(90), at(100)}
}

// Earning is what a rule earns: what it kills first, and what nobody would kill without it.
type Earning struct {
	Rule     string
	Mutants  int            // killed by it before any other
	Alone    int            // of them missed when it is switched off
	Others   map[string]int // who kills the rest then
	Canaries []string       // killed by it before any other
	Missed   []string       // of them missed when it is switched off
}

// idle tells whether the rule earns nothing: no mutant is killed by it first, and no canary is missed without it.
func (e *Earning) idle() bool { return e.Mutants == 0 && len(e.Missed) == 0 }

// rules are the names of all rules that there are. Relations are none: of those each language tries its own, and what
// justifies one stands in the tests beside it.
func rules() []string {
	names := []string{props.Alive.Name}
	for _, l := range fuzz.Languages() {
		for _, r := range l.Rules {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// whole tells whether every mutant of every package was asked everything, and so was every canary.
func (p *Proof) whole() bool {
	if p.Brief || len(p.Canaries) == 0 || len(p.Outcomes) < p.All {
		return false
	}
	there := map[string]bool{}
	for i := range p.Outcomes {
		there[p.Outcomes[i].Package] = true
	}
	return !slices.ContainsFunc(Packages, func(name string) bool {
		return !there[name] && !slices.Contains(p.Untried, name)
	})
}

// Summary is what a proof comes to.
type Summary struct {
	Total     Score
	Packages  []Score
	Operators []Score
	Ops       Spread // operations to the first kill
	Lengths   Spread // operations of minimized programs
	Died      int    // kills whose program was not minimized, as the process died of it, or it is a recording
	Late      int    // mutants that the clock cut a hunt for short: by another one more may be found
	Rules     []Earning
	Idle      []string `json:",omitempty"` // rules that earn nothing, where all was asked that shows it
}

// Summarize counts a proof.
func Summarize(p *Proof, s *Survivors) *Summary {
	sum := &Summary{Total: Score{Name: "all"}}
	byPackage, byOperator := map[string]*Score{}, map[string]*Score{}
	earnings, whole := map[string]*Earning{}, p.whole()
	if whole {
		for _, name := range rules() {
			earned(earnings, name)
		}
	}
	var ops, lengths []uint64
	for i := range p.Outcomes {
		o := &p.Outcomes[i]
		reason := s.Reason(o.Identity)
		sum.Total.count(o, reason)
		scored(byPackage, o.Package).count(o, reason)
		scored(byOperator, o.Operator).count(o, reason)
		if o.Late {
			sum.Late++
		}
		if o.Kill.Rule == "" {
			continue
		}
		ops = append(ops, o.Kill.Ops)
		if o.Kill.Length >= 0 {
			lengths = append(lengths, uint64(o.Kill.Length))
		} else {
			sum.Died++
		}
		earned(earnings, o.Kill.Rule).mutant(&o.Trial, p.Brief)
	}
	for i := range p.Canaries {
		c := &p.Canaries[i]
		if c.Kill.Rule != "" {
			e := earned(earnings, c.Kill.Rule)
			e.Canaries = append(e.Canaries, c.Name)
			if c.Without.Rule == "" {
				e.Missed = append(e.Missed, c.Name)
			}
		}
	}
	sum.Ops, sum.Lengths = spread(ops), spread(lengths)
	for _, name := range slices.Concat(beside, Packages) {
		if byPackage[name] != nil {
			sum.Packages = append(sum.Packages, *byPackage[name])
		}
	}
	for _, o := range Operators {
		if byOperator[o.Name] != nil {
			sum.Operators = append(sum.Operators, *byOperator[o.Name])
		}
	}
	for _, r := range earnings {
		sum.Rules = append(sum.Rules, *r)
		if whole && r.idle() {
			sum.Idle = append(sum.Idle, r.Rule)
		}
	}
	slices.Sort(sum.Idle)
	slices.SortFunc(sum.Rules, func(a, b Earning) int {
		return cmp.Or(cmp.Compare(b.Mutants, a.Mutants), cmp.Compare(a.Rule, b.Rule))
	})
	return sum
}

func scored(in map[string]*Score, name string) *Score {
	if in[name] == nil {
		in[name] = &Score{Name: name}
	}
	return in[name]
}

func earned(in map[string]*Earning, rule string) *Earning {
	if in[rule] == nil {
		in[rule] = &Earning{Rule: rule, Others: map[string]int{}}
	}
	return in[rule]
}

func (e *Earning) mutant(t *Trial, brief bool) {
	e.Mutants++
	if brief { // what would have been missed is not known
		return
	}
	if t.Without.Rule == "" {
		e.Alone++
		return
	}
	e.Others[t.Without.Rule]++
}

// byNumber are the keys of a map, the greatest number first.
func byNumber(of map[string]int) []string {
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b))
	})
}

// Claim is the least share of those not equivalent that a proof of all mutants has to kill.
const Claim = 0.95

// LengthMax is what the median of the lengths of minimized programs may be at most, where there are LengthsLeast: by
// chance the median of so many is above that of all, which is 1 or 2, by one or two.
const (
	LengthMax    = 6
	LengthsLeast = 20
)

// unlucky is how likely it may be at most that a sample fails although the share of all is as it should be.
const unlucky = 0.01

// Least is how many of a sample of n have to be killed where a share of all has to be: the greatest number that fewer
// are killed than with a probability of unlucky at most. Where each is killed with the probability share, exactly k are
// with n!/(k!(n-k)!) share^k (1-share)^(n-k). That is with replacement; a sample without spreads less, so this is on
// the safe side.
func Least(n int, share float64) int {
	if share <= 0 || share >= 1 {
		return int(share) * n
	}
	log := func(k int) float64 { // of k!
		v, _ := math.Lgamma(float64(k + 1))
		return v
	}
	sum := 0.0 // the probability of at most k
	for k := range n {
		sum += math.Exp(log(n) - log(k) - log(n-k) + float64(k)*math.Log(share) + float64(n-k)*math.Log(1-share))
		if sum > unlucky {
			return k
		}
	}
	return n
}

// Falls tells whether less is killed than there should be where share is to be of all, and the least number that has to
// be killed of those that can be. A sample may fall below the share by chance.
func (s *Summary) Falls(p *Proof, share float64) (least int, falls bool) {
	n := s.Total.Mutants - s.Total.Equivalent
	least = int(math.Ceil(share*float64(n) - 1e-6)) // 0.95 is no binary fraction
	if len(p.Outcomes) < p.All {
		least = Least(n, share)
	}
	return least, s.Total.Killed < least
}

// residual is the rule of three: what was looked for in n programs and not found is shown, with 95 % confidence, by a
// share of 3/n of programs at most.
func residual(n int) float64 { return min(1, 3/float64(max(n, 1))) }
