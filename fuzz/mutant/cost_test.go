package mutant

import (
	"testing"
	"time"
)

// The rules with the most work show in a profile, whatever the machine, and no share is impossible.
func TestCosts(t *testing.T) {
	if testing.Short() {
		t.Skip("a profile takes seconds")
	}
	costs, err := Costs(1, 700*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	seen, sum := map[string]bool{}, map[string]float64{}
	for _, c := range costs {
		t.Logf("%-6s %-28s %5.1f%%  %8.0f ops/s, %8.0f without", c.Language, c.Rule, 100*c.Share, c.With, c.Without)
		seen[c.Language+" "+c.Rule] = true
		sum[c.Language] += c.Share
		if c.Share <= 0 || c.Share >= 1 || c.With <= 0 || c.Without < c.With {
			t.Errorf("%+v", c)
		}
	}
	for _, want := range []string{"heap heap/content", "graph graph/invariants", "dict dict/invariants",
		"value value/invariants", "value value/contents"} {
		if !seen[want] {
			t.Errorf("%s costs nothing", want)
		}
	}
	for language, share := range sum {
		if share >= 1 {
			t.Errorf("%s: checking takes %.0f%% of the time", language, 100*share)
		}
	}
}
