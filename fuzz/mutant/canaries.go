package mutant

import (
	"context"

	"heapfuzz/fuzz"
)

// canaries tries each canary as if it were a mutant.
func (b *bench) canaries(ctx context.Context) error {
	list := fuzz.Canaries()
	b.proof.Canaries = make([]CanaryOutcome, len(list))
	return b.each(ctx, len(list), func(i, worker int) error {
		t, err := b.lab.try(ctx, "", []string{list[i].Name}, b.Seed, worker)
		if err != nil {
			return err
		}
		b.proof.Canaries[i] = CanaryOutcome{Name: list[i].Name, Trial: t}
		return nil
	})
}
