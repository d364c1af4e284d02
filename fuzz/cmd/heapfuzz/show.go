package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"io"
	"time"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/model/heap"
	"heapfuzz/props"
)

const showLong = `Print a program with the answers that its target gives, up to the one that breaks a rule.

With -go it is printed as a Go test that opens the same target and fails in the same way, for a folder in a module
that has heapfuzz. With -c it is printed as a program in C11 that asks malloc and its kin, checks the blocks and
their bytes, and exits with 1 at the first rule that is broken; its head says how to link it with another allocator.
With -plot memory is drawn over its operations as SVG: live bytes, footprint, the size of each dict; and numbers of
blocks, objects, entries.
With -graph the objects behind operation -at are drawn, and who refers to whom: as SVG, or as DOT where they are more
than a picture has room for.`

func showCommand() *cobra.Command {
	var target string
	var asGo, asC, asPlot, asGraph bool
	var at int
	var out string
	var hang time.Duration
	c := &cobra.Command{
		Use:     "show FILE [-go | -c | -plot | -graph] [flags]",
		Short:   "Print a program and its answers, or as a Go test or a C program.",
		Long:    showLong,
		Args:    file,
		Example: "  heapfuzz show FILE -c > reproducer.c && cc reproducer.c -o reproducer && ./reproducer",
		RunE: func(c *cobra.Command, args []string) error {
			if asGraph {
				return graphTo(c, args[0], target, out, at)
			}
			if asPlot || out != "" {
				return plotTo(c, args[0], target, out, asPlot, hang)
			}
			run, err := shownRun(c.Context(), c.ErrOrStderr(), args[0], target, hang)
			if err != nil {
				return err
			}
			if l := languageOf(run.subject); (asGo || asC) && l.Name != "heap" {
				return fmt.Errorf("%s: -go and -c are for allocators, and %s is of %s", args[0],
					run.subject.Target, l.Doc)
			}
			switch {
			case asGo:
				return showGo(c.OutOrStdout(), c.ErrOrStderr(), args[0], run)
			case asC:
				return showC(c.OutOrStdout(), c.ErrOrStderr(), args[0], run)
			}
			return showText(c.OutOrStdout(), run)
		},
	}
	c.Flags().StringVar(&target, "target", "", oneTarget)
	c.Flags().BoolVar(&asGo, "go", false, "as a Go test")
	c.Flags().BoolVarP(&asC, "c", "c", false, "as a C program")
	c.Flags().BoolVar(&asPlot, "plot", false, "as a picture of the memory, in SVG")
	c.Flags().BoolVar(&asGraph, "graph", false, "as a picture of the objects behind an operation")
	c.Flags().IntVar(&at, "at", -1, "the `number` of that operation; -1 is the last")
	c.Flags().StringVarP(&out, "out", "o", "", "the `file` that the picture is written to (default standard output)")
	c.Flags().DurationVar(&hang, "hang", campaign.HangDefault, hangUsage)
	c.MarkFlagsMutuallyExclusive("go", "c", "plot", "graph")
	return c
}

func shownRun(ctx context.Context, stderr io.Writer, path, target string, hang time.Duration) (*running, error) {
	l, s, err := open(path, target)
	if err != nil {
		return nil, err
	}
	run, err := perform(ctx, s, l.Program, hang)
	if err == nil && run.Violation == nil && l.Property != "" && l.Property != props.Conforms.Name {
		fmt.Fprintf(stderr, "heapfuzz: %s was found by %s, which compares several runs: what is shown is one\n",
			path, l.Property)
	}
	return run, err
}

// showText prints what the target was asked and answered. It is a program again, comments and all.
func showText(w io.Writer, run *running) error {
	s := run.subject
	fmt.Fprintf(w, "# target %s\n", s.Target)
	if run.Violation != nil {
		fmt.Fprintf(w, "# breaks %s\n", oneLine(run.Violation.Error()))
	} else {
		fmt.Fprintln(w, "# conforms")
	}
	world := run.program.Clone()
	world.Ops = nil
	w.Write(s.Spec.Format(world))
	printTrace(w, s.Spec, run.Ops, run.Trace)
	return nil
}

func showGo(w, stderr io.Writer, path string, run *running) error {
	if v := run.Violation; v != nil && v.Rule == heap.Answers {
		fmt.Fprintf(stderr, "heapfuzz: %s is about how the target is driven, which this test does its own way\n",
			v.Rule.Name)
	}
	e, err := newEmitted(path, run, "")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := e.write(&b, goText); err != nil {
		return err
	}
	code, err := format.Source(b.Bytes())
	if err != nil {
		panic("heapfuzz: " + err.Error())
	}
	_, err = w.Write(code)
	return err
}

// unseen are the rules that a program in C cannot see: malloc tells nothing of itself.
var unseen = map[string]bool{
	heap.Accounted.Name: true, heap.Returned.Name: true, heap.Invariant.Name: true, heap.Owned.Name: true,
	heap.Failure.Name: true, heap.Misuse.Name: true, heap.Nil.Name: true, heap.Answers.Name: true,
}

func showC(w, stderr io.Writer, path string, run *running) error {
	e, err := newEmitted(path, run, "u")
	if err != nil {
		return err
	}
	if v := run.Violation; v != nil && unseen[v.Rule.Name] {
		fmt.Fprintf(stderr, "heapfuzz: malloc tells nothing of itself: a program in C does not see %s\n", v.Rule.Name)
	}
	if e.Room > roomMax {
		return errors.New(path + ": more slots than a program in C has room for; heapfuzz shrink makes them fewer")
	}
	return e.write(w, cText)
}

// roomMax bounds the table of blocks in C.
const roomMax = 1 << 20
