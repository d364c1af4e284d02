package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/props"
)

// A campaign that finds nothing is worth as much as its power to find. So before it begins it hunts one canary, chosen
// by the seed among those of its targets' languages, with programs that are made as its own are, and must see it break
// the rule that the canary is for. That is the positive control. It tries the whole way from the generator to the judge
// in this very build, on this machine.
type control struct {
	canarytest.Canary
	programs int  // that were tried
	budget   int  // that might have been
	found    bool // the canary's rule was broken
	took     time.Duration
}

// controlTimes is how many times the programs that a canary's own test is given a control may take. That test tries the
// programs of one seed, on which the budget was set; here the seed is any.
const controlTimes = 20

// moreCanaries are canaries beyond the tables: those of our own tests.
var moreCanaries []canarytest.Canary

// Values of the flag -control besides names.
const (
	controlOn  = "true"
	controlOff = "false"
)

// newControl chooses the canary. It returns nil where none is wanted: when it is switched off, or when all targets are
// canaries, which are their own control.
func newControl(name string, seed uint64, targets []fuzz.Target) (*control, error) {
	var all []canarytest.Canary
	for _, l := range fuzz.Languages() {
		of := func(t fuzz.Target) bool {
			return t.Subject == l.Name && !strings.HasPrefix(t.Name, canarytest.Prefix)
		}
		for _, c := range l.Canary() {
			if name != controlOn || slices.ContainsFunc(targets, of) && !c.Restless {
				all = append(all, c)
			}
		}
	}
	var c canarytest.Canary
	switch name {
	case controlOff:
		return nil, nil
	case controlOn:
		if len(all) == 0 {
			return nil, nil
		}
		c = all[rand.New(rand.NewPCG(seed, controlTimes)).IntN(len(all))]
	default:
		var ok bool
		if c, ok = canarytest.Lookup(append(all, moreCanaries...), name); !ok {
			return nil, fmt.Errorf("-control %s: there is no such canary; heapfuzz targets -canaries lists them", name)
		}
	}
	c = c.Filled()
	return &control{Canary: c, budget: controlTimes * c.Programs}, nil
}

// hunt tries programs until the canary is found or the budget is used up. It ends with the context. What breaks other
// rules on the way is no trouble: a canary is wrong on purpose.
func (c *control) hunt(ctx context.Context, seed uint64, hang time.Duration) (err error) {
	s, property := c.Subject(), c.Prop()
	var r props.Runner
	begun := time.Now()
	for ; c.programs < c.budget && !c.found && err == nil; c.programs++ {
		p := campaign.Program(s, seed, c.programs, nil)
		about(0, s, p)
		var refuted *props.Refutation
		var e error
		if _, err = guard(ctx, hang, &r, func() { refuted, e = property.Check(s, &r, p) }); err == nil {
			err = e
		}
		c.found = err == nil && refuted != nil && c.Hits(refuted.Violation)
	}
	c.took = time.Since(begun)
	if err == errHangs { // it was not found; it is left behind, and the campaign goes on
		return nil
	}
	return err
}

func (c *control) String() string {
	name := canarytest.Prefix + c.Name
	if c.found {
		return fmt.Sprintf("%s: %s after %s, in %.2fs", name, c.RuleName(), count(c.programs, "program"),
			c.took.Seconds())
	}
	return fmt.Sprintf("%s: %s was not found in %s and %.2fs: what else is said here proves nothing", name,
		c.RuleName(), count(c.programs, "program"), c.took.Seconds())
}

// event is the control for programs.
func (c *control) event() map[string]any {
	return map[string]any{"event": "control", "canary": canarytest.Prefix + c.Name, "rule": c.RuleName(),
		"found": c.found, "programs": c.programs, "budget": c.budget, "seconds": c.took.Seconds()}
}
