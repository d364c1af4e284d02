package nightly

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/props"
)

// controlLeast is the time that the hunt of a canary has at least: it ends with the first finding, which takes less
// than a second, and on a busy machine a failure should not be one of the machine.
const controlLeast = 20 * time.Second

// control hunts a canary of each kind that is tried, chosen by the seed. One that is not found is a failure.
func (n *Night) control(ctx context.Context, share time.Duration) Result {
	targets, err := n.tried()
	if err != nil {
		return failed(err)
	}
	r := Result{Status: OK}
	for i, l := range kinds(targets) {
		candidates := canariesOf(l)
		if len(candidates) == 0 {
			continue
		}
		chosen := candidates[n.random("control "+l.Name).IntN(len(candidates))]
		c, err := n.huntCanary(ctx, l, chosen, max(controlLeast, share/time.Duration(len(kinds(targets))-i)))
		if err != nil {
			r.conclude(Failed, ExitFailed, err.Error())
			continue
		}
		share -= time.Duration(c.Seconds * float64(time.Second))
		r.Controls = append(r.Controls, c)
		if !c.Right {
			r.conclude(Failed, ExitControl, c.broken())
		}
	}
	if r.Status == OK && len(r.Controls) == 0 {
		return Result{Status: Skipped, Reason: "no canary is of a kind that is tried"}
	}
	return r
}

// canariesOf are the canaries of a kind that a control may be made of: those that break a rule, and no relation.
func canariesOf(l fuzz.Language) []canarytest.Canary {
	return slices.DeleteFunc(l.Canary(), func(c canarytest.Canary) bool {
		return c.Filled().Property != props.Conforms.Name || c.Restless
	})
}

// kinds are the languages of targets, each once.
func kinds(targets []fuzz.Target) (list []fuzz.Language) {
	for _, l := range fuzz.Languages() {
		if slices.ContainsFunc(targets, func(t fuzz.Target) bool { return t.Subject == l.Name }) {
			list = append(list, l)
		}
	}
	return list
}

// huntCanary hunts until a first finding or the end of the time, in a store that is removed before.
func (n *Night) huntCanary(ctx context.Context, l fuzz.Language, canary canarytest.Canary,
	share time.Duration) (Control, error) {
	c := controlOf(l, canary)
	dir, err := n.fresh("control", l.Name)
	if err != nil {
		return c, err
	}
	t, err := n.lookup(c.Canary)
	if err != nil {
		return c, err
	}
	found := filepath.Join(dir, "found")
	begun := time.Now()
	argv := append(n.hunter(t, dir, share), "-o", found, "-first")
	if _, err := n.run(ctx, call{log: "control", limit: share + grace, argv: argv}); err != nil {
		return c, err
	}
	c.Seconds = time.Since(begun).Seconds()
	return c, c.look(canary, found)
}

func controlOf(l fuzz.Language, canary canarytest.Canary) Control {
	return Control{Language: l.Name, Canary: canarytest.Prefix + canary.Name, Rule: canary.RuleName()}
}

// look reads in a folder of findings whether the canary breaks what it should.
func (c *Control) look(canary canarytest.Canary, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	for _, file := range files {
		data, e := os.ReadFile(file)
		if e != nil {
			return e
		}
		rule, _, _ := strings.Cut(props.ReproHead(data).Rule, " ")
		expected := rule == c.Rule
		for _, or := range canary.Or {
			expected = expected || rule == or.Name
		}
		if c.Saw == "" || expected {
			c.Saw = rule
		}
		c.Right = c.Right || expected
	}
	return err
}

// broken says of a control that is not right why.
func (c *Control) broken() string {
	said := c.Canary + " should break " + c.Rule + ", and was seen to break " + cmp.Or(c.Saw, "nothing")
	if len(c.Missed) > 0 {
		said += "; before it " + strings.Join(c.Missed, " and ") + " were not found"
	}
	return said
}

// canariesMax is how many canaries an engine may be given until it finds one, each for canaryTime. Heaps of objects
// are the hardest kind: of eight canaries Go's engine found all in 4 seconds, and go-fuzz, with one worker on a machine
// that was busy besides, five in 20 seconds and seven in a minute. So one that is well finds none in one of 500 nights
// at most.
const (
	canariesMax = 3
	canaryTime  = time.Minute
)

// controlled has an engine hunt canaries of a kind, chosen by the seed, until it finds one, and adds that to a result:
// an engine that finds none is not believed. It begins with those of the project's seeds that do not show the defect,
// as it does with what it is for.
func (n *Night) controlled(ctx context.Context, r *Result, e engine, l fuzz.Language) {
	candidates := slices.DeleteFunc(canariesOf(l), func(c canarytest.Canary) bool {
		// One that takes the process along, or that random programs seldom find, is not for engines.
		return c.Rule == props.Alive || slices.Contains(c.Or, props.Alive) ||
			c.Filled().Programs > canarytest.ProgramsDefault
	})
	if len(candidates) == 0 {
		return
	}
	n.random("control "+e.name).Shuffle(len(candidates), func(i, j int) {
		candidates[i], candidates[j] = candidates[j], candidates[i]
	})
	var c Control
	var before []string
	begun := time.Now()
	for _, canary := range candidates[:min(len(candidates), canariesMax)] {
		c = controlOf(l, canary)
		c.Missed = before
		if err := n.engineHunts(ctx, &c, e, l, canary); err != nil {
			r.conclude(Failed, ExitFailed, "its control: "+err.Error())
			return
		}
		if c.Right {
			break
		}
		before = append(before, c.Canary)
	}
	c.Seconds = time.Since(begun).Seconds()
	r.Controls = append(r.Controls, c)
	if !c.Right {
		r.conclude(Failed, ExitControl, c.broken())
	}
}

// engineHunts runs an engine on a canary until it has found it or its time is over.
func (n *Night) engineHunts(ctx context.Context, c *Control, e engine, l fuzz.Language,
	canary canarytest.Canary) error {
	dir, err := n.fresh("control", e.name)
	if err != nil {
		return err
	}
	own := At(filepath.Join(dir, "store"), n.Store.Corpus)
	kept := own.path("kept")
	if err := errors.Join(os.MkdirAll(kept, 0o777), own.takeProject(l, "seed")); err != nil {
		return err
	}
	list, names, err := own.programs(l)
	if err != nil {
		return err
	}
	broken, err := n.breaks(ctx, l, list, names, func([]byte) string { return c.Canary })
	names = slices.DeleteFunc(names, func(name string) bool { rule, told := broken[name]; return !told || rule != "" })
	if err := errors.Join(err, own.give(l, filepath.Join(dir, e.corpus), e.native, names...)); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error)
	go func() {
		_, err := e.run(ctx, e.name+"-control", dir, []string{keepVar + kept, "HEAPFUZZ_TARGET=" + c.Canary},
			cmp.Or(n.canaryMax, canaryTime))
		ended <- err
	}()
	for { // an engine is told nothing of what it finds
		select {
		case err := <-ended:
			return errors.Join(err, c.look(canary, kept))
		case <-time.After(100 * time.Millisecond):
			if err := c.look(canary, kept); err != nil || c.Right {
				stop()
				<-ended // what it meets when it is stopped is of no interest
				return err
			}
		}
	}
}
