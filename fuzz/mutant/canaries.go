package mutant

import (
	"context"
	"slices"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/fuzz/recorded"
	"heapfuzz/props"
)

// CanaryOutcome is a canary and what came of it.
type CanaryOutcome struct {
	Name string
	Rule string // that must catch it
	Or   []string
	Trial
}

// Right tells whether the canary was caught by a rule that may catch it.
func (c *CanaryOutcome) Right() bool {
	return c.Kill.Rule == c.Rule || slices.Contains(c.Or, c.Kill.Rule)
}

// canaryLimits are those of a canary, whatever those of mutants are: a table says how rare what it is about may be.
var canaryLimits = Limits{Ops: OpsDefault, CPU: CPUDefault}

// canaries tries each canary as if it were a mutant, under the property that it is to break alone. One that only the
// comparison with another target finds is left out: a worker has one target of its language.
func (b *bench) canaries(ctx context.Context) error {
	var list []canarytest.Canary
	for _, l := range fuzz.Languages() {
		for _, c := range l.Canary() {
			named := func(p props.Property) bool { return p.Name == c.Property }
			if slices.ContainsFunc(c.Subject().Properties, named) {
				list = append(list, c)
			}
		}
	}
	b.proof.Canaries = make([]CanaryOutcome, len(list)+len(recorded.Canaries))
	return b.each(ctx, len(b.proof.Canaries), func(i, worker int) (err error) {
		if i >= len(list) {
			b.proof.Canaries[i], err = b.recordedCanary(ctx, recorded.Canaries[i-len(list)], worker)
			return err
		}
		c := list[i]
		o := CanaryOutcome{Name: c.Name, Rule: c.RuleName()}
		for _, r := range c.Or {
			o.Or = append(o.Or, r.Name)
		}
		j := job{Targets: []string{canarytest.Prefix + c.Name}, Seed: b.Seed, Property: c.Property}
		l := b.lab
		l.limits = canaryLimits.filled()
		o.Trial, err = l.hunt(ctx, "", j, worker)
		b.proof.Canaries[i] = o
		return err
	})
}

// recordedCanary replays the recording that is to tell a release from its neighbour.
func (b *bench) recordedCanary(ctx context.Context, c recorded.Canary, worker int) (CanaryOutcome, error) {
	j := job{Recordings: []string{c.Recording}, Root: b.Root, As: c.As}
	t, err := b.lab.hunt(ctx, "", j, worker)
	return CanaryOutcome{Name: c.Name, Rule: recorded.Answers.Name, Trial: t}, err
}
