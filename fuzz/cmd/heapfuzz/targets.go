package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/fuzz/recorded"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// more are targets beyond the table: those of our own tests.
var more []fuzz.Target

// lookup returns the target of that name.
func lookup(name string) (fuzz.Target, error) {
	for _, t := range more {
		if t.Name == name {
			return t, nil
		}
	}
	return fuzz.Lookup(name)
}

// subjectUsage explains the flag of the commands that work on all languages or on one.
const subjectUsage = "only what is of this `kind`: heap, graph, dict or cache"

// languages returns those that a subject stands for: all for "".
func languages(subject string) ([]fuzz.Language, error) {
	if subject == "" {
		return fuzz.Languages(), nil
	}
	l, err := fuzz.LanguageOf(subject)
	return []fuzz.Language{l}, err
}

// choose returns the targets of a list of names: all of the table for "all", all that are wrong on purpose for
// "canaries", which with a subject are those of it. One of another subject that is named is an error.
func choose(names, subject string) (chosen []fuzz.Target, err error) {
	list, err := languages(subject)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	add := func(targets ...fuzz.Target) {
		for _, t := range targets {
			if !seen[t.Name] {
				seen[t.Name] = true
				chosen = append(chosen, t)
			}
		}
	}
	for _, name := range strings.Split(names, ",") {
		switch name = strings.TrimSpace(name); name {
		case "all":
			for _, l := range list {
				add(l.Targets()...)
			}
		case "canaries":
			for _, l := range list {
				add(l.Canaries()...)
			}
		default:
			t, err := lookup(name)
			if err != nil {
				return nil, err
			}
			if subject != "" && t.Subject != subject {
				return nil, fmt.Errorf("target %s is a %s, and no %s", name, t.Subject, subject)
			}
			add(t)
		}
	}
	return chosen, nil
}

// campaigned is the form that a campaign wants: targets, each with those that it is compared with.
func campaigned(targets, others []fuzz.Target) ([]campaign.Target, error) {
	var list []campaign.Target
	compared := map[string]bool{}
	for _, t := range targets {
		c := campaign.Target{Name: t.Name, New: t.New, Placed: t.Placed, Differential: t.Language().Differential}
		var beside []fuzz.Target
		for _, o := range others {
			if o.Name != t.Name && t.Alike(o) {
				beside = append(beside, o)
				compared[o.Name] = true
			}
		}
		if len(beside) > 0 {
			c.Others = func() (subjects []*props.Subject) {
				for _, o := range beside {
					subjects = append(subjects, o.New())
				}
				return subjects
			}
		}
		list = append(list, c)
	}
	for _, o := range others {
		if !compared[o.Name] {
			return nil, fmt.Errorf("-differential %s: no other target is tried that promises the same", o.Name)
		}
	}
	return list, nil
}

// against has each target of a campaign compared with one other.
func against(list []campaign.Target, targets []fuzz.Target, name string) error {
	other, err := lookup(name)
	if err != nil {
		return err
	}
	for i, t := range targets {
		if _, err := fuzz.Against(t, other); err != nil {
			return fmt.Errorf("-against: %w", err)
		}
		list[i].Others = func() []*props.Subject { return nil }
		list[i].Differential = func(...*props.Subject) props.Property {
			p, err := fuzz.Against(t, other)
			if err != nil {
				panic("heapfuzz: " + err.Error()) // it went well before
			}
			return p
		}
	}
	return nil
}

func targetsCommand() *cobra.Command {
	var rules, canaries bool
	var subject string
	c := &cobra.Command{
		Use:   "targets [-rules | -canaries] [-subject KIND]",
		Short: "List what programs are tried on, what it promises, and which optional parts it has.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			list := listTargets
			switch {
			case rules:
				list = listRules
			case canaries:
				list = listCanaries
			}
			return listEach(c, subject, list)
		},
	}
	c.Flags().BoolVar(&rules, "rules", false, "list the rules instead, each with its sentence")
	c.Flags().BoolVar(&canaries, "canaries", false, "list what is wrong on purpose, and the rule that catches each")
	c.Flags().StringVar(&subject, "subject", "", subjectUsage)
	c.MarkFlagsMutuallyExclusive("rules", "canaries")
	return c
}

// listEach prints a table for each language that is asked for, under its name when there are several.
func listEach(c *cobra.Command, subject string, list func(*table, fuzz.Language)) error {
	ls, err := languages(subject)
	if err != nil {
		return err
	}
	w := c.OutOrStdout()
	for i, l := range ls {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if len(ls) > 1 {
			fmt.Fprintf(w, "%s: %s\n\n", l.Name, l.Doc)
		}
		var t table
		list(&t, l)
		if err := t.print(w); err != nil {
			return err
		}
	}
	return nil
}

func listTargets(t *table, l fuzz.Language) {
	t.add("TARGET", "PROMISES", "HAS", "WHAT IT IS")
	for _, target := range l.Targets() {
		t.add(target.Name, target.Promises(), strings.Join(parts(target), " "), target.Doc)
	}
}

func listRules(t *table, l fuzz.Language) {
	t.add("RULE", "WHAT IT SAYS")
	t.add(props.Alive.Name, props.Alive.Doc)
	for _, r := range l.Rules {
		t.add(r.Name, r.Doc)
	}
	for _, p := range l.Properties() {
		t.add(p.Name, "property: "+p.Doc)
	}
}

func listCanaries(t *table, l fuzz.Language) {
	t.add("CANARY", "CAUGHT BY", "WHAT IT DOES WRONG")
	for _, c := range l.Canary() {
		t.add("canary/"+c.Name, c.RuleName(), c.Doc)
	}
}

// parts are the operations that a target has and not every one of its kind does. Misuse is no part: it is promised, not
// had. Recordings are among them where there are some.
func parts(t fuzz.Target) []string {
	s := t.New()
	var names []string
	for k, row := range s.Spec.Rows {
		misuse := strings.HasSuffix(row.Name, "-free")
		if row.Lacks && !misuse && row.Name != "realloc-nil" && s.Allows(prog.Kind(k)) {
			names = append(names, row.Name)
		}
	}
	if t.Recordings != (recorded.Family{}) {
		names = append(names, "recordings")
	}
	return names
}

func opsCommand() *cobra.Command {
	var subject string
	c := &cobra.Command{
		Use:   "ops [-subject KIND]",
		Short: "List the operations of which programs consist: how each is written, and what it does.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return listEach(c, subject, listOperations) },
	}
	c.Flags().StringVar(&subject, "subject", "", subjectUsage)
	return c
}

func listOperations(t *table, l fuzz.Language) {
	t.add("OPERATION", "WHAT IT DOES")
	t.add("world"+arguments(l.Spec.World), "configures the target, in the first line")
	for _, row := range l.Spec.Rows {
		line := row.Name + arguments(row.Args)
		if row.Role == prog.Make {
			line = "p0 = " + line
		}
		t.add(line, row.Doc)
	}
}

// arguments writes the arguments of an operation with N for a number.
func arguments(args []prog.Arg) string {
	line, slots := "", 0
	for _, a := range args {
		if a.Domain.IsSlot {
			line += fmt.Sprintf(" p%d", slots)
			slots++
		} else {
			line += " " + a.Name + "=N"
		}
	}
	return line
}
