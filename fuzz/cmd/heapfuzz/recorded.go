package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz/mutant"
	"heapfuzz/fuzz/recorded"
)

const recordedLong = `
Replay the stored programs that real interpreters have answered (corpus/KIND/golden) on our own implementations, and
print the first line of each that is answered otherwise. A NAME is how names of recordings begin: heap, dict/07,
"graph/random-3 3.8"; without one all are replayed.`

func recordedCommand() *cobra.Command {
	var verbose bool
	c := &cobra.Command{
		Use:     "recorded [NAME...] [-v]",
		Short:   "Replay what real interpreters answered.",
		Long:    recordedLong,
		Example: "  heapfuzz recorded\n  heapfuzz recorded graph/scenes -v",
		RunE: func(c *cobra.Command, args []string) error {
			return replayRecorded(c.Context(), c.OutOrStdout(), args, verbose)
		},
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "print a line for each recording")
	return c
}

func replayRecorded(ctx context.Context, w io.Writer, names []string, verbose bool) error {
	root, err := mutant.Root()
	if err != nil {
		return err
	}
	files, err := recorded.Files(root)
	if err != nil {
		return err
	}
	// Files are left out by their names before they are read.
	files = slices.DeleteFunc(files, func(file string) bool {
		return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool {
			return strings.HasPrefix(file, n) || strings.HasPrefix(n, file+" ")
		})
	})
	replayed, lines, differ := 0, 0, 0
	for _, file := range files {
		list, err := recorded.Read(root, file)
		if err != nil {
			return err
		}
		for _, r := range list {
			if ctx.Err() != nil {
				return errInterrupted
			}
			begins := func(n string) bool { return strings.HasPrefix(r.Name(), n) }
			if len(names) > 0 && !slices.ContainsFunc(names, begins) {
				continue
			}
			replayed, lines = replayed+1, lines+len(r.Program)
			if d := r.Replay(recorded.Options{}); d != nil {
				differ++
				fmt.Fprintf(w, "%s: %v\n", r.Name(), d)
			} else if verbose {
				fmt.Fprintf(w, "%s: agrees with %s in %s\n", r.Name(), r.Source, count(len(r.Program), "line"))
			}
		}
	}
	switch {
	case replayed == 0:
		return fmt.Errorf("no recording is called %s; names are as heap/mix-1", strings.Join(names, " or "))
	case differ > 0:
		fmt.Fprintf(w, "%s of %s are answered otherwise: %s\n", commas(differ), count(replayed, "recording"),
			recorded.Answers.Name)
		return errFinding
	}
	fmt.Fprintf(w, "%s, %s: all answered as the interpreters answered\n", count(replayed, "recording"),
		count(lines, "line"))
	return nil
}
