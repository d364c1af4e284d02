package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/mutant"
	"heapfuzz/fuzz/nightly"
	"heapfuzz/props"
)

// nightlyFlags are the flags of nightly.
type nightlyFlags struct {
	budget   time.Duration
	seed     uint64
	dir      string
	corpus   string
	only     []string
	skip     []string
	targets  []string
	programs int
	workers  int
	fresh    bool
	list     bool
}

const nightlyLong = `
Look for defects with everything that there is, one after the other, within a budget of time: replay what was found
before, hunt a canary of each kind as a control, try a sample of mutants, a campaign on every target, Go's own fuzzing,
go-fuzz, libFuzzer where there is a clang, the interpreters that are found here, and benchmarks. Each engine has to find
a canary first. All engines share one corpus, and it is made smaller at the end. What a step needs and this machine
lacks is skipped, and named.

The folder -dir keeps everything between nights, and report.html, report.xml (JUnit) and report.json. A night that was
killed goes on where it was when the command is given again. Findings are written as reproducers into
CORPUS/heap/found, ...

It leaves with 0 when no rule was broken, and with 1 after a finding, whatever else went wrong. Otherwise it leaves with
4 when a canary was not found, with 3 when a target is vacuous or too few mutants were found, with 2 when a step could
not do its work, and with 5 when a benchmark is much slower than it was, the first of these that is true.`

func nightlyCommand() *cobra.Command {
	var f nightlyFlags
	c := &cobra.Command{
		Use:     "nightly [flags]",
		Short:   "Look for defects with everything that there is, within a budget of time.",
		Long:    nightlyLong,
		Args:    cobra.NoArgs,
		Example: "  heapfuzz nightly -budget 8h\n  heapfuzz nightly -budget 1m -only control,campaign -target slab",
		RunE: func(c *cobra.Command, _ []string) error {
			if f.list {
				return listSteps(c.OutOrStdout())
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.DurationVar(&f.budget, "budget", 30*time.Minute, "the `time` of the night; a build may take a little more")
	flags.Uint64Var(&f.seed, "seed", 0, "the `number` that everything follows from (default that of the folder, or 1)")
	flags.StringVar(&f.dir, "dir", ".fuzz/nightly", "the `folder` that is kept between nights")
	flags.StringVar(&f.corpus, "corpus", "corpus", "the `folder` of the project's corpus, that findings go to")
	flags.StringSliceVar(&f.only, "only", nil, "only these `step`s")
	flags.StringSliceVar(&f.skip, "skip", nil, "leave these `step`s out")
	flags.StringSliceVar(&f.targets, "target", nil, "the `name`s of the campaign's targets (default all)")
	flags.IntVar(&f.programs, "programs", 0,
		"leave a target of the campaign after so `many` programs, whatever time is left (default no limit)")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "`how many` programs run at once")
	flags.BoolVar(&f.fresh, "fresh", false, "forget a night that was killed, and begin another")
	flags.BoolVar(&f.list, "steps", false, "list the steps")
	return c
}

func listSteps(w io.Writer) error {
	var t table
	names, docs := nightly.Steps()
	for i := range names {
		t.add(names[i], docs[i])
	}
	return t.print(w)
}

func (f *nightlyFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	exe, err := ourselves()
	if err != nil {
		return err
	}
	if f.workers < 1 || f.workers > 256 {
		return fmt.Errorf("-workers %d: from 1 to 256", f.workers)
	}
	if f.programs < 0 {
		return fmt.Errorf("-programs %d: negative", f.programs)
	}
	n := &nightly.Night{Self: []string{exe}, Budget: f.budget, Seed: f.seed, Only: f.only, Skip: f.skip,
		Targets: f.targets, ProgramsMax: f.programs, Workers: f.workers, Log: stderr, Lookup: lookup}
	if err := n.Check(); err != nil {
		return err
	}
	if n.Root, err = mutant.Root(); err != nil {
		n.Root = "" // steps that build are skipped, and say so
	} else {
		n.Revision = revision(ctx, n.Root)
	}
	if n.Store, err = nightly.Open(f.dir, f.corpus); err != nil {
		return err
	}
	defer n.Store.Close()
	if f.fresh {
		if err := n.Store.Forget(); err != nil {
			return err
		}
	}
	report, err := n.Run(ctx)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	return tellNight(stdout, report, filepath.Join(f.dir, "report.html"))
}

// ourselves is the path by which we were started. It may be a link, and its name may say what we are.
func ourselves() (string, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		return os.Executable()
	}
	return filepath.Abs(path)
}

// tellNight says in a few lines what the report says.
func tellNight(w io.Writer, r *nightly.Report, path string) error {
	var t table
	t.add("STEP", "STATUS", ">SECONDS", "")
	for _, s := range r.Results {
		t.add(s.Step, string(s.Status), fmt.Sprintf("%.1f", s.Seconds), oneLine(s.Reason))
	}
	if err := t.print(w); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, found := range append(r.News(), r.Agains()...) {
		fmt.Fprintf(w, "%s: %s breaks %s: %s\n", found.Verdict, found.Target, found.Rule, found.Command)
	}
	fmt.Fprintf(w, "night %d: %s %s\n", r.Night, r.Verdict(), path)
	switch r.Exit {
	case nightly.ExitFinding:
		return errFinding
	case nightly.ExitControl:
		return errControl
	case nightly.ExitVacuous:
		return errVacuous
	case nightly.ExitSlower:
		return errSlower
	case nightly.ExitFailed:
		return errors.New("the harness failed")
	}
	return nil
}

// huntFlags are the flags of night-hunt.
type huntFlags struct {
	nightly.Hunt
	dir, corpus, target string
	first               bool
}

// huntCommand is what nightly starts for each target, since one can take the process along.
func huntCommand() *cobra.Command {
	var f huntFlags
	c := &cobra.Command{
		Use:    "night-hunt [flags]",
		Short:  "Do a night's campaign on one target; nightly starts it.",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE:   func(c *cobra.Command, _ []string) error { return f.run(c.Context(), c.OutOrStdout()) },
	}
	flags := c.Flags()
	flags.StringVar(&f.dir, "dir", "", "the `folder` of the night")
	flags.StringVar(&f.corpus, "corpus", "", "the `folder` of the project's corpus")
	flags.StringVar(&f.target, "target", "", "the `name` of the target")
	flags.Uint64Var(&f.Seed, "seed", 1, "the `number` that programs follow from")
	flags.IntVar(&f.Night, "night", 1, "the `number` of the night")
	flags.DurationVar(&f.Duration, "duration", durationDefault, "stop after this `time`")
	flags.IntVar(&f.Slices, "slices", 0, "stop after so `many` slices of the night (default no limit)")
	flags.IntVar(&f.ProgramsMax, "programs", 0, "stop after so `many` programs of the night (default no limit)")
	flags.IntVar(&f.Workers, "workers", 1, "`how many` programs run at once")
	flags.StringArrayVar(&f.Notes, "note", nil, "a `line` for the heads of findings")
	flags.StringVarP(&f.Found, "out", "o", "", "the `folder` of findings")
	flags.StringArrayVar(&f.Known, "known", nil, "a `file` of a finding that is not written again")
	flags.BoolVar(&f.first, "first", false, "stop at the first slice with a finding")
	return c
}

func (f *huntFlags) run(ctx context.Context, w io.Writer) error {
	t, err := lookup(f.target)
	if err != nil {
		return err
	}
	subject := t.New()
	f.Target, f.Before, f.Store = t, about, nightly.At(f.dir, f.corpus)
	f.Settle = func(found *props.Finding) *props.Finding {
		s := settle(ctx, subject, found, "", "")
		s.print(w, nil)
		return s.Finding
	}
	if f.first {
		f.Slices, f.Programs = 1, 64
	}
	end := time.Now().Add(f.Duration)
	for {
		h, err := f.Hunt.Run(ctx)
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case errors.Is(err, nightly.ErrHung):
			return errFinding // it is written; the process has to end
		case err != nil:
			return err
		}
		if !f.first || len(h.Tonight) > 0 || time.Now().After(end) {
			fmt.Fprintf(w, "%s: %d slices, %s in %s\n", f.target, h.Slices, count(h.Operations(), "operation"),
				count(h.Programs, "program"))
			return nil
		}
		f.Slices, f.Duration = f.Slices+1, max(time.Millisecond, time.Until(end))
	}
}

// coverCommand is what nightly starts to make the corpus smaller.
func coverCommand() *cobra.Command {
	var dir, corpus string
	c := &cobra.Command{
		Use:    "night-cover [flags]",
		Short:  "Take out of a night's corpus what shows nothing new; nightly starts it.",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			between := "kept "
			err := nightly.At(dir, corpus).MinimizeAll(c.Context(), about, func(language string, had, left int) {
				if had > 0 {
					fmt.Fprintf(c.OutOrStdout(), "%s%s %d of %d", between, language, left, had)
					between = ", "
				}
			})
			fmt.Fprintln(c.OutOrStdout())
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the `folder` of the night")
	c.Flags().StringVar(&corpus, "corpus", "", "the `folder` of the project's corpus")
	return c
}

// sumsCommand is what scripts/fuzz starts behind an engine.
func sumsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "engine-sums FOLDER",
		Short:  "Tell what the executions of an engine did; scripts/fuzz starts it.",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			list, err := nightly.Sums(args[0])
			for _, m := range list {
				fmt.Fprintln(c.OutOrStdout(), m.String())
				if m.Vacuous != "" && err == nil {
					err = errVacuous
				}
			}
			return err
		},
	}
}

// seedsCommand is what the recipe for ClusterFuzzLite starts.
func seedsCommand() *cobra.Command {
	var out, corpus, subject string
	c := &cobra.Command{
		Use:    "night-seeds [flags]",
		Short:  "Write the seeds of a kind as the bytes that fuzzers take.",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			l, err := fuzz.LanguageOf(subject)
			if err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "heapfuzz-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			return nightly.At(dir, corpus).Seeds(l, out)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the `folder` that they are written to")
	c.Flags().StringVar(&corpus, "corpus", "corpus", "the `folder` of the project's corpus")
	c.Flags().StringVar(&subject, "subject", "heap", subjectUsage)
	return c
}
