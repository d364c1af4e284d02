package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"heapfuzz/fuzz/mutant"
)

// tried is a proof of so many defects, of which some are killed by programs of a length.
func tried(all, killed, length int) *mutant.Proof {
	p := &mutant.Proof{All: all}
	for i := range all {
		o := mutant.Outcome{}
		o.Identity = mutant.Identity{Package: "impl/pool", Func: "f", Operator: "plus", Ordinal: i}
		if i < killed {
			o.Kill = mutant.Kill{Rule: "heap/size", Target: "slab", Ops: 44, Length: length}
			o.Without = mutant.Kill{Rule: "heap/content", Ops: 80}
		}
		p.Outcomes = append(p.Outcomes, o)
	}
	return p
}

// What the harness claims of itself is a finding when it is not so.
func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags proveFlags
		proof *mutant.Proof
		says  string // "": nothing is wrong
	}{
		{"as claimed", proveFlags{floor: 0.95}, tried(100, 95, 6), ""},
		{"one less", proveFlags{floor: 0.95}, tried(100, 94, 6),
			"floor: 94 of 100 defects found, and 95 is the least where 95.0% of all have to be\n"},
		{"a sample by chance", proveFlags{floor: 0.95}, sampled(tried(100, 89, 6)), ""},
		{"a sample by no chance", proveFlags{floor: 0.95}, sampled(tried(100, 88, 6)),
			"floor: 88 of 100 defects found, and 89 is the least where 95.0% of all have to be\n"},
		{"long programs", proveFlags{}, tried(100, 95, 7),
			"length: half of the minimized programs have 7 operations or more, and 6 is the most\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			none, err := mutant.ReadSurvivors(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			tt.flags.unlisted = true
			var out strings.Builder
			err = tt.flags.verdict(&out, tt.proof, none, mutant.Summarize(tt.proof, none))
			if (err != nil) != (tt.says != "") || !strings.Contains(out.String(), tt.says) {
				t.Errorf("%v, want %q, and it says:\n%s", err, tt.says, &out)
			}
		})
	}
}

func sampled(p *mutant.Proof) *mutant.Proof {
	p.All *= 10
	return p
}

// A line of -v has how short the program became, and who finds the defect without the rule.
func TestFate(t *testing.T) {
	o := &tried(1, 1, 3).Outcomes[0]
	check := func(brief bool, want string) {
		t.Helper()
		if got := fate(o, brief); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	const killed = "heap/size, on slab after 44 operations"
	check(false, killed+", minimized to 3; without the rule: heap/content after 80")
	check(true, killed)
	o.Kill.Length, o.Without = -1, mutant.Kill{}
	check(false, killed+", not minimized; without the rule: nothing")
	o.Late = true
	check(true, killed+"; a hunt was cut short by the clock")
}

// The command that makes the same again has all that the facts depend on.
func TestAgain(t *testing.T) {
	f := proveFlags{seed: 3, ops: 20_000, budget: 20 * time.Second, sample: 5, time: time.Minute, brief: true,
		canaries: true, packages: []string{"impl/page", "impl/pool"}, match: `Space\.DelAttr 'x'`, from: "a b.txt"}
	const want = `heapfuzz prove -brief -canaries -seed 3 -ops 20000 -budget 20s -sample 5 -time 1m0s ` +
		`-package impl/page,impl/pool -match 'Space\.DelAttr '\''x'\''' -from 'a b.txt' -o evidence`
	got := f.again()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	beside := []string{"out", "floor", "unlisted", "workers", "fresh", "update", "v", "help"} // change no fact
	proveCommand().Flags().VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(beside, flag.Name) && !strings.Contains(got, " -"+flag.Name+" ") {
			t.Errorf("-%s is left out", flag.Name)
		}
	})
}
