package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	target  string
	verbose bool
	json    bool
	hang    time.Duration
}

const replayLong = `
Run programs again, and print the report of those that break a rule. A file may hold a program as text, bytes as
go-fuzz keeps them, an entry of Go's fuzzing corpus ("go test fuzz v1"), or a trace.

The targets are those of -target, each with its verdict, or the one that the file's head names ("# target NAME"). The
language of the program is that of the target; with -target all that of the folder (corpus/graph/seed), or of the
first line.`

func replayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay FILE... [flags]",
		Short: "Run programs again.",
		Long:  replayLong,
		Args:  files,
		Example: "  heapfuzz replay corpus/heap/found/*.txt\n  heapfuzz replay crasher -target arena-3.11 -v\n" +
			"  heapfuzz replay FILE -target all",
		RunE: func(c *cobra.Command, args []string) error {
			replay := func(path string) error { return f.replay(c.Context(), c.OutOrStdout(), path) }
			return each(args, c.ErrOrStderr(), replay)
		},
	}
	c.Flags().StringVar(&f.target, "target", "",
		"`name`s with commas between, or \"all\", in place of the one that the file names")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "print every operation with its answer")
	c.Flags().BoolVar(&f.json, "json", false, "print a line of JSON for each file and target")
	c.Flags().DurationVar(&f.hang, "hang", campaign.HangDefault, hangUsage)
	return c
}

// files wants at least one argument.
func files(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which file? %s -h tells more", c.CommandPath())
	}
	return nil
}

// each does every file in turn. A file that cannot be read does not keep the others from being done. What is left with
// is the finding, if there was one, and otherwise the trouble.
func each(paths []string, stderr io.Writer, do func(path string) error) error {
	var found bool
	var trouble error
	for _, path := range paths {
		err := do(path)
		switch {
		case err == nil:
		case errors.Is(err, errInterrupted):
			return err
		case errors.Is(err, errFinding):
			found = true
		case trouble == nil:
			trouble = err
		default:
			fmt.Fprintf(stderr, "heapfuzz: %v\n", err)
		}
	}
	switch {
	case found && trouble != nil:
		fmt.Fprintf(stderr, "heapfuzz: %v\n", trouble)
		return errFinding
	case found:
		return errFinding
	}
	return trouble
}

// oneTarget explains the flag of the commands that take one target.
const oneTarget = "the `name` of one target, in place of the one that the file names"

// open reads a program and finds its target: the one of that name, or else the one that the file names.
func open(path, name string) (*loaded, *props.Subject, error) {
	l, targets, err := openFor(path, name)
	if err != nil {
		return nil, nil, err
	}
	if len(targets) != 1 {
		return nil, nil, fmt.Errorf("-target %s: one target at a time; heapfuzz replay takes several", name)
	}
	return l, targets[0].New(), nil
}

// openFor reads a program and finds its targets: those of the names, or else the one that the file names.
func openFor(path, names string) (*loaded, []fuzz.Target, error) {
	c, err := read(path)
	if err != nil {
		return nil, nil, err
	}
	language := c.language(names)
	l, err := c.load(language.Spec)
	if err != nil {
		return nil, nil, err
	}
	var targets []fuzz.Target
	switch {
	case names != "":
		targets, err = choose(names, language.Name)
	case l.Target != "":
		targets = make([]fuzz.Target, 1)
		targets[0], err = lookup(l.Target)
	default:
		err = errors.New("names no target; give one with -target")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, targets, nil
}

// replay runs the program in a file on each of its targets.
func (f *replayFlags) replay(ctx context.Context, w io.Writer, path string) error {
	l, targets, err := openFor(path, f.target)
	if err != nil {
		return err
	}
	var found error
	for _, t := range targets {
		switch err := f.replayOn(ctx, w, l, t.New()); {
		case errors.Is(err, errFinding):
			found = err
		case err != nil:
			return err
		}
	}
	return found
}

func (f *replayFlags) replayOn(ctx context.Context, w io.Writer, l *loaded, s *props.Subject) error {
	path := l.path
	run, found, err := refute(ctx, s, l, f.hang)
	if err != nil {
		return err
	}
	if f.json {
		m := map[string]any{"event": "replay", "verdict": "conforms", "target": s.Target}
		if found != nil {
			m = findingJSON(&settled{Finding: found, again: againRuns}, s.Spec.Format(found.Program))
		}
		m["from"] = path
		m["seconds"] = run.took.Seconds()
		json.NewEncoder(w).Encode(m)
	} else if found == nil {
		fmt.Fprintf(w, "%s: conforms: %s on %s, %s of them effective, no rule broken\n", path,
			count(len(run.Trace), "operation"), s.Target, share(uint64(run.Effective), uint64(len(run.Trace))))
	} else if err := f.report(w, s, found, path); err != nil {
		return err
	}
	if f.verbose && !f.json && found == nil {
		printTrace(w, s.Spec, run.Ops, run.Trace)
	}
	if found != nil {
		return errFinding
	}
	return nil
}

// refute runs a program under conforms, and when that holds, under the property that the file was found by.
func refute(ctx context.Context, s *props.Subject, l *loaded, hang time.Duration) (*running, *props.Finding, error) {
	run, err := perform(ctx, s, l.Program, hang)
	if err != nil {
		return nil, nil, err
	}
	if found := run.finding(); found != nil || l.Property == "" || l.Property == props.Conforms.Name {
		return run, found, nil
	}
	property, err := propertyOf(s, l.Property, l.Rule)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", l.path, err)
	}
	var refuted *props.Refutation
	r := props.Runner{Look: true}
	check := func() { refuted, err = property.Check(s, &r, l.Program) }
	if _, e := guard(ctx, hang, &r, check); e != nil {
		return nil, nil, fmt.Errorf("%s: %s: %w", l.path, property.Name, e)
	}
	if err != nil || refuted == nil {
		return run, nil, err
	}
	return run, &props.Finding{Property: property.Name, Target: s.Target, Program: l.Program, Refutation: refuted}, nil
}

// longOps is the length from which a program is better shrunk than read. A report shows the end of a longer one.
const longOps = 60

func (f *replayFlags) report(w io.Writer, s *props.Subject, found *props.Finding, path string) error {
	options := props.ReportOptions{Replay: replayLine(path, s.Target), Full: f.verbose}
	if err := report(w, s, found, options); err != nil {
		return err
	}
	if len(found.Program.Ops) > longOps {
		fmt.Fprintf(w, "shrink   heapfuzz shrink %s -target %s\n", quoted(shown(path)), s.Target)
	}
	return nil
}

// printTrace prints operations and answers, one a line. The text is a program again.
func printTrace(w io.Writer, spec *prog.Spec, ops []prog.Op, trace prog.Trace) {
	wide := 0
	for i := range trace {
		wide = max(wide, len(spec.FormatOp(ops[i])))
	}
	wide = min(wide, 48)
	for i, out := range trace {
		fmt.Fprintf(w, "%5d  %-*s -> %s\n", i, wide, spec.FormatOp(ops[i]), answer(spec, ops[i], out))
	}
}

// answer writes an outcome for people: no address, since that is another in every run.
func answer(spec *prog.Spec, op prog.Op, out prog.Outcome) string {
	text := out.Status.String()
	if out.Status == prog.Fail && out.Msg != "" {
		text += " " + out.Msg
	}
	if out.Status == prog.OK && out.Value != 0 {
		text += fmt.Sprintf(" %d", out.Value)
	}
	return text
}
