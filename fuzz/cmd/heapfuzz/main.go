// Heapfuzz finds bugs in memory allocators, in heaps of objects, in dicts and in caches: it runs random programs on
// them, judges every answer by the rules of the contract, and shrinks the first program that breaks one to a few lines.
//
//	heapfuzz run                        try every target for ten seconds
//	heapfuzz replay FILE                run a program again, on the target that it was found on
//	heapfuzz shrink FILE                write the shortest program that breaks the same rule
//	heapfuzz show FILE                  print a program and its answers; with -go or -c as a program of that language
//	heapfuzz trace FILE                 replay what a real program did, and weigh the memory that it took
//	heapfuzz targets                    list what is tried; with -rules, the rules
//	heapfuzz ops                        list the operations of which programs consist
//	heapfuzz prove                      make small defects in our own implementations, and see which are found
//	heapfuzz nightly                    look for defects with everything that there is, within a budget of time
//
// Every command leaves with 0 when no rule was broken, 1 when one was, 2 when it was used wrongly or could not do its
// work, and 130 when it was interrupted. A run or a night leaves with 3 when it proves nothing, as little happened in
// it, and with 4 when it did not find a canary that it hunts first; a night with 5 when a benchmark is much slower.
//
// A flag is written with one dash or two. One whose name has more than two letters can be given in the environment as
// well: -seed as HEAPFUZZ_SEED, -keep-going as HEAPFUZZ_KEEP_GOING. The command line goes before the environment, and a
// value that is wrong is an error in both.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() { os.Exit(start(os.Args[1:], os.Stdout, os.Stderr)) }

// What the process leaves with.
const (
	exitFine        = 0
	exitFinding     = 1
	exitTrouble     = 2
	exitVacuous     = 3
	exitControl     = 4
	exitSlower      = 5
	exitInterrupted = 130
)

// Outcomes that are no trouble: what is to be said of them has been said.
var (
	errFinding     = errors.New("a rule was broken")
	errVacuous     = errors.New("a run was vacuous")
	errControl     = errors.New("the control was not found")
	errSlower      = errors.New("a benchmark is slower than it was")
	errInterrupted = errors.New("interrupted")
)

// command runs one command line, in this process.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(twoDashes(args))
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFinding):
		return exitFinding
	case errors.Is(err, errVacuous):
		return exitVacuous
	case errors.Is(err, errControl):
		return exitControl
	case errors.Is(err, errSlower):
		return exitSlower
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(stderr, "heapfuzz: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "heapfuzz: %v\n", err)
	return exitTrouble
}

// short is the first screen.
const short = `Heapfuzz finds bugs in memory allocators, heaps of objects, dicts and caches: it runs random programs,
judges every answer, and shrinks the first program that breaks a rule to a few lines.

  heapfuzz run                  try every target for ten seconds
  heapfuzz replay FILE          run a program again
  heapfuzz shrink FILE          write the shortest program that breaks the same rule
  heapfuzz show FILE [-go|-c]   print a program and its answers, or as a Go test or a C program
  heapfuzz trace FILE           replay what a real program did, and weigh the memory that it took
  heapfuzz targets [-rules]     list what is tried, or the rules
  heapfuzz ops                  list the operations of which programs consist
  heapfuzz recorded [NAME]      replay what real interpreters answered
  heapfuzz prove                make small defects in our own implementations, and see which are found
  heapfuzz nightly              look for defects with everything that there is, within a budget of time

Exit status: 0 no rule broken, 1 a finding, 2 wrong usage or environment, 130 interrupted; of a run or a
night also 3 vacuous, 4 the control was not found; of a night also 5 much slower than it was.
Flags may come from the environment: -seed as HEAPFUZZ_SEED, -keep-going as HEAPFUZZ_KEEP_GOING.
"heapfuzz COMMAND -h" tells more.
`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "heapfuzz",
		Long:          short,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q; heapfuzz -h lists them", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := io.WriteString(c.OutOrStdout(), short)
			return err
		},
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return fromEnvironment(c.Flags(), os.LookupEnv) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpFunc(help)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%s; %s -h lists the flags", oneDash(err.Error()), c.CommandPath())
	})
	root.AddCommand(runCommand(), replayCommand(), shrinkCommand(), showCommand(), traceCommand())
	root.AddCommand(targetsCommand(), opsCommand(), proveCommand(), recordedCommand())
	root.AddCommand(nightlyCommand(), huntCommand(), coverCommand(), sumsCommand(), seedsCommand(), attemptCommand())
	return root
}

// help prints the screen of one command.
func help(c *cobra.Command, _ []string) {
	w := c.OutOrStdout()
	if !c.HasParent() {
		io.WriteString(w, short)
		return
	}
	long := c.Long
	if long == "" {
		long = c.Short
	}
	fmt.Fprintf(w, "%s\n\nusage: %s\n", strings.TrimSpace(long), c.UseLine())
	if flags := c.LocalFlags().FlagUsagesWrapped(110); flags != "" {
		fmt.Fprintf(w, "\n%s", oneDash(flags))
	}
	if c.Example != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimRight(c.Example, "\n"))
	}
}

var (
	singleDash = regexp.MustCompile(`^-[a-z][a-z-]+(=|$)`)
	doubleDash = regexp.MustCompile(`(^|[\s"])--([a-z])`)
)

// twoDashes gives flags with one dash, as Go's own are written, the two dashes that the library wants for a name of
// more than one letter.
func twoDashes(args []string) []string {
	var out []string
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		if singleDash.MatchString(a) {
			a = "-" + a
		}
		out = append(out, a)
	}
	return out
}

// oneDash writes flags as we do.
func oneDash(text string) string { return doubleDash.ReplaceAllString(text, "$1-$2") }

// fromEnvironment sets the flags that the command line left alone and the environment has.
func fromEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || len(f.Name) <= 2 || f.Name == "help" || err != nil {
			return
		}
		name := "HEAPFUZZ_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := lookup(name); ok {
			if e := f.Value.Set(value); e != nil {
				err = fmt.Errorf("%s=%q: %w", name, value, e)
			}
			f.Changed = true
		}
	})
	return err
}
