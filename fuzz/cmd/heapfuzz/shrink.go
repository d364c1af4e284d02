package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
)

const shrinkLong = `
Write the shortest program that breaks the same rule in the same way, on one target. It goes into a folder, that of the
file when -o is not given and corpus/KIND/found with -corpus, under a name that is made of the rule and of the program;
with "-o -" the program is printed and nothing else is.`

func shrinkCommand() *cobra.Command {
	var target, out string
	var corpus bool
	var hang time.Duration
	c := &cobra.Command{
		Use:     "shrink FILE [flags]",
		Short:   "Write the shortest program that breaks the same rule.",
		Long:    shrinkLong,
		Args:    file,
		Example: "  heapfuzz shrink crasher -target arena-3.11 -corpus",
		RunE: func(c *cobra.Command, args []string) error {
			place := func(*props.Subject) string { return cmp.Or(out, filepath.Dir(args[0])) }
			if corpus {
				place = foundDir
			}
			return shrink(c.Context(), c.OutOrStdout(), args[0], target, place, hang)
		},
	}
	c.Flags().StringVar(&target, "target", "", oneTarget)
	c.Flags().StringVarP(&out, "out", "o", "",
		"the `folder` that the reproducer is written to, \"-\" for standard output")
	c.Flags().BoolVar(&corpus, "corpus", false, "the folder is that of what was found: corpus/heap/found, ...")
	c.MarkFlagsMutuallyExclusive("out", "corpus")
	c.Flags().DurationVar(&hang, "hang", campaign.HangDefault, hangUsage)
	return c
}

// file wants one argument.
func file(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one file, not %d; %s -h tells more", len(args), c.CommandPath())
	}
	return nil
}

// shrink writes the reproducer into the folder that place tells, or to stdout for "-".
func shrink(ctx context.Context, stdout io.Writer, path, target string, place func(*props.Subject) string,
	hang time.Duration) error {
	l, s, err := open(path, target)
	if err != nil {
		return err
	}
	_, found, err := refute(ctx, s, l, hang)
	if err != nil {
		return err
	}
	if found == nil {
		fmt.Fprintf(stdout, "%s: conforms on %s: there is nothing to shrink\n", path, s.Target)
		return nil
	}
	dir := place(s)
	printed := dir == "-"
	if printed {
		dir = ""
	} else {
		if err := writable(dir); err != nil {
			return err
		}
	}
	small := settle(ctx, s, found, dir, "")
	if printed {
		if _, err := stdout.Write(props.ReproOf(small.Finding).Text(s.Spec)); err != nil {
			return err
		}
		return errFinding
	}
	small.print(stdout, func() []byte { return s.Spec.Format(small.Program) })
	if small.why != nil {
		return small.why
	}
	return errFinding
}
