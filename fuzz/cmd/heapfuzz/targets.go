package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/fuzz/canary"
	"heapfuzz/fuzz/trace"
	"heapfuzz/model/heap"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// target is one that programs can be tried on. Those of our own tests are no fuzz.Target: what is wrong is their
// driver.
type target struct {
	name, doc string
	contract  heap.Contract
	open      func() *props.Subject
	placed    bool // see fuzz.Target
}

// more are targets beyond the table: those of our own tests.
var more []target

// lookup returns the target of that name.
func lookup(name string) (target, error) {
	for _, t := range more {
		if t.name == name {
			return t, nil
		}
	}
	t, err := fuzz.Lookup(name)
	if err != nil {
		return target{}, err
	}
	return ofTarget(t), nil
}

func ofTarget(t fuzz.Target) target { return target{t.Name, t.Doc, t.Contract, t.New, t.Placed} }

// choose returns the targets of a list of names: all of the table for "all", all that are wrong on purpose for
// "canaries".
func choose(names string) ([]target, error) {
	var chosen []target
	seen := map[string]bool{}
	add := func(t target) {
		if !seen[t.name] {
			seen[t.name] = true
			chosen = append(chosen, t)
		}
	}
	for _, name := range strings.Split(names, ",") {
		switch name = strings.TrimSpace(name); name {
		case "all":
			for _, t := range fuzz.Targets() {
				add(ofTarget(t))
			}
		case "canaries":
			for _, t := range fuzz.Canaries() {
				add(ofTarget(t))
			}
		default:
			t, err := lookup(name)
			if err != nil {
				return nil, err
			}
			add(t)
		}
	}
	return chosen, nil
}

// campaigned is the form that a campaign wants: targets, each with those that it is compared with.
func campaigned(targets, others []target) ([]campaign.Target, error) {
	var list []campaign.Target
	compared := map[string]bool{}
	for _, t := range targets {
		c := campaign.Target{Name: t.name, New: t.open, Placed: t.placed}
		var beside []target
		for _, o := range others {
			if o.name != t.name && alike(o.contract, t.contract) {
				beside = append(beside, o)
				compared[o.name] = true
			}
		}
		if len(beside) > 0 {
			c.Others = func() (subjects []*props.Subject) {
				for _, o := range beside {
					subjects = append(subjects, o.open())
				}
				return subjects
			}
		}
		list = append(list, c)
	}
	for _, o := range others {
		if !compared[o.name] {
			return nil, fmt.Errorf("-differential %s: no other target is tried that promises the same", o.name)
		}
	}
	return list, nil
}

// alike tells whether two contracts ask for the same visible answers where both targets have an operation: to a realloc
// to 0 bytes, and to each misuse. Sizes may differ, since a refusal is never compared.
func alike(a, b heap.Contract) bool {
	misuse := func(a, b heap.Answer) bool { return a == b || a == 0 || b == 0 }
	return a.ReallocZeroFrees == b.ReallocZeroFrees &&
		misuse(a.DoubleFree, b.DoubleFree) && misuse(a.InteriorFree, b.InteriorFree) &&
		misuse(a.ForeignFree, b.ForeignFree) && misuse(a.WildFree, b.WildFree) && misuse(a.CrossFree, b.CrossFree)
}

func targetsCommand() *cobra.Command {
	var rules, canaries bool
	c := &cobra.Command{
		Use:   "targets [-rules | -canaries]",
		Short: "List the allocators that programs are tried on, what they promise, and which optional parts they have.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var t table
			switch {
			case rules:
				listRules(&t)
			case canaries:
				listCanaries(&t)
			default:
				listTargets(&t)
			}
			return t.print(c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&rules, "rules", false, "list the rules instead, each with its sentence")
	c.Flags().BoolVar(&canaries, "canaries", false,
		"list the allocators that are wrong on purpose, and the rule that catches each")
	c.MarkFlagsMutuallyExclusive("rules", "canaries")
	return c
}

func listTargets(t *table) {
	t.add("TARGET", "PROMISES", "HAS", "WHAT IT IS")
	for _, target := range fuzz.Targets() {
		t.add(target.Name, promises(target.Contract), strings.Join(parts(target.New()), " "), target.Doc)
	}
}

func listRules(t *table) {
	t.add("RULE", "WHAT IT SAYS")
	t.add(props.Alive.Name, props.Alive.Doc)
	for _, r := range heap.Rules {
		t.add(r.Name, r.Doc)
	}
	for _, p := range props.All() {
		t.add(p.Name, "property: "+p.Doc)
	}
}

func listCanaries(t *table) {
	t.add("CANARY", "CAUGHT BY", "WHAT IT DOES WRONG")
	for _, c := range canary.All() {
		t.add("canary/"+c.Name, c.RuleName(), c.Doc)
	}
}

// promises says a contract in words.
func promises(c heap.Contract) string {
	var words []string
	add := func(on bool, format string, args ...any) {
		if on {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(c.Align > 1, "align %d", c.Align)
	add(c.AlignMax > 0, "more on request up to %d", c.AlignMax)
	add(c.MayRefuse, "may refuse")
	add(c.ZeroNil, "0 bytes may be nil")
	add(c.ReallocZeroFrees, "realloc to 0 frees")
	misuse := []struct {
		what string
		met  heap.Answer
	}{
		{"double", c.DoubleFree}, {"interior", c.InteriorFree}, {"foreign", c.ForeignFree}, {"wild", c.WildFree},
		{"cross", c.CrossFree},
	}
	for _, answer := range []heap.Answer{heap.Detected, heap.Ignored} {
		var which []string
		for _, m := range misuse {
			if m.met == answer {
				which = append(which, m.what)
			}
		}
		switch len(which) {
		case 0:
		case len(misuse):
			add(true, "every wrong free %v", answer)
		default:
			add(true, "%s free %v", strings.Join(which, "/"), answer)
		}
	}
	add(!c.Inexact && c.Retained == 0, "gives all back")
	add(!c.Inexact && c.Retained > 0, "keeps up to %s", trace.Bytes(uint64(c.Retained)))
	if len(words) == 0 {
		return "blocks that keep their bytes"
	}
	return strings.Join(words, ", ")
}

// parts are the operations that a target has and not every allocator does. Misuse is no part: it is promised, not had.
func parts(s *props.Subject) []string {
	var names []string
	for k, row := range s.Spec.Rows {
		misuse := strings.HasSuffix(row.Name, "-free")
		if row.Lacks && !misuse && row.Name != "realloc-nil" && s.Allows(prog.Kind(k)) {
			names = append(names, row.Name)
		}
	}
	return names
}

func opsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ops",
		Short: "List the operations of which programs consist: how each is written, and what it does.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var t table
			t.add("OPERATION", "WHAT IT DOES")
			spec := heaptest.Lang.Spec
			t.add("world"+arguments(spec.World), "configures the target, in the first line")
			for _, row := range spec.Rows {
				line := row.Name + arguments(row.Args)
				if row.Role == prog.Make {
					line = "p0 = " + line
				}
				t.add(line, row.Doc)
			}
			return t.print(c.OutOrStdout())
		},
	}
}

// arguments writes the arguments of an operation with N for a number.
func arguments(args []prog.Arg) string {
	line := ""
	for _, a := range args {
		if a.Domain.IsSlot {
			line += " p0"
		} else {
			line += " " + a.Name + "=N"
		}
	}
	return line
}
