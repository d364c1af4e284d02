package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz/mutant"
)

// proveFlags are the flags of prove.
type proveFlags struct {
	out      string
	sample   int
	time     time.Duration
	match    string
	from     string
	brief    bool
	unlisted bool
	seed     uint64
	packages []string
	budget   time.Duration
	ops      uint64
	floor    float64
	workers  int
	fresh    bool
	write    bool
	verbose  bool
	canaries bool
}

// tellEvery is after how many defects prove says how far it is.
const tellEvery = 100

const proveLong = `
Make small defects in the packages of impl, one at a time, and see which of them the properties find. Each defect that
survives must stand in a list of fuzz/mutant/survivors with its reason; one that does not, one that does and is found,
and a canary that its rule does not catch, are findings. So are a score below the floor, a median of more than six
operations in minimized programs, and, where all is tried, a rule that earns nothing.

Defects are built into one program, which needs the sources and the go command. Results are kept in the user's cache
until something changes that they depend on, so that a run that is cut off goes on where it was.`

func proveCommand() *cobra.Command {
	var f proveFlags
	c := &cobra.Command{
		Use:   "prove [flags]",
		Short: "Make small defects in our own implementations, and see which the properties find.",
		Long:  proveLong,
		Args:  cobra.NoArgs,
		Example: `  heapfuzz prove -o evidence
  heapfuzz prove -sample 100 -ops 100000 -floor 0.95 -unlisted
  heapfuzz prove -package impl/dict -match 'Space\.DelAttr' -v
  heapfuzz prove -time 20m -floor 0.95
  heapfuzz prove -brief -ops 30000 -package impl/dict -v
  heapfuzz prove -package impl/pool -v`,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.all() && !c.Flags().Changed("floor") {
				f.floor = mutant.Claim
			}
			return f.prove(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "the `folder` that evidence.json and evidence.html are written to")
	flags.IntVar(&f.sample, "sample", 0, "try so `many` defects, chosen by the seed, and no canary (default all)")
	flags.DurationVar(&f.time, "time", 0,
		"begin no defect after this `time`, and no canary; those tried until then are a sample (default no limit)")
	flags.StringVar(&f.match, "match", "", "of the defects chosen, try those alone whose name matches this `pattern`")
	flags.StringVar(&f.from, "from", "", "try those alone that survive by what an earlier run wrote to this `file`")
	flags.BoolVar(&f.brief, "brief", false,
		"believe the list and try the rest, minimize nothing and switch no rule off: a third of the time")
	flags.BoolVar(&f.canaries, "canaries", false,
		"try the canaries, and measure what rules cost, although not every defect is tried")
	flags.Uint64Var(&f.seed, "seed", 1, "the `number` that programs and the sample follow from")
	flags.StringSliceVar(&f.packages, "package", nil, "the `package`s, as impl/pool (default all)")
	flags.DurationVar(&f.budget, "budget", mutant.CPUDefault,
		"the CPU `time` that a defect is looked for, and again without the rule that found it")
	flags.Uint64Var(&f.ops, "ops", mutant.OpsDefault, "the `operations` that a defect is tried with")
	flags.Float64Var(&f.floor, "floor", 0, "the `share` of those not equivalent that has to be found of all; a "+
		"sample may fall below it as far as one in a hundred does by chance (default 0.95 when no flag leaves any out)")
	flags.BoolVar(&f.unlisted, "unlisted", false, "survivors need not be listed")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "`how many` defects are tried at once")
	flags.BoolVar(&f.fresh, "fresh", false, "believe nothing that was found out before")
	flags.BoolVar(&f.write, "update", false, "rewrite the list of survivors: those without a reason stand at its end")
	flags.BoolVarP(&f.verbose, "v", "v", false, "print a line for each defect")
	return c
}

func (f *proveFlags) check() error {
	switch {
	case f.sample < 0:
		return fmt.Errorf("-sample %d is negative", f.sample)
	case f.time < 0:
		return fmt.Errorf("-time %v is negative", f.time)
	case f.workers < 1 || f.workers > 256:
		return fmt.Errorf("-workers %d: from 1 to 256", f.workers)
	case f.budget < time.Second:
		return fmt.Errorf("-budget %v: at least 1s", f.budget)
	case f.ops == 0:
		return errors.New("-ops 0 proves nothing")
	case f.floor < 0 || f.floor > 1:
		return fmt.Errorf("-floor %v: from 0 to 1", f.floor)
	case f.brief && f.canaries:
		return errors.New("-brief switches no rule off, which is what -canaries wants")
	case f.write && (f.sample > 0 || f.time > 0 || f.match != "" || f.from != ""):
		return errors.New("-update wants every defect of a package to be tried")
	}
	return nil
}

// all tells whether no defect of any package is left out.
func (f *proveFlags) all() bool {
	return f.sample == 0 && f.time == 0 && len(f.packages) == 0 && f.match == "" && f.from == ""
}

// whole tells whether every defect of every package is tried, and all is asked of each.
func (f *proveFlags) whole() bool { return f.all() && !f.brief }

// again is the command that comes to the same facts: with all flags that have a bearing on them.
func (f *proveFlags) again() string {
	words := []string{"heapfuzz prove"}
	add := func(is bool, name string, value ...any) {
		if is {
			words = append(words, fmt.Sprint(append([]any{"-" + name + " "}, value...)...))
		}
	}
	quoted := func(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
	if f.brief {
		words = append(words, "-brief")
	}
	if f.canaries {
		words = append(words, "-canaries")
	}
	add(true, "seed", f.seed)
	add(true, "ops", f.ops)
	add(true, "budget", f.budget)
	add(f.sample > 0, "sample", f.sample)
	add(f.time > 0, "time", f.time)
	add(len(f.packages) > 0, "package", strings.Join(f.packages, ","))
	add(f.match != "", "match", quoted(f.match))
	add(f.from != "", "from", quoted(f.from))
	return strings.Join(append(words, "-o evidence"), " ")
}

// only is what -match and -from leave of the mutants.
func (f *proveFlags) only() (func(mutant.Identity) bool, error) {
	pattern, err := regexp.Compile(f.match)
	if err != nil {
		return nil, fmt.Errorf("-match: %w", err)
	}
	if f.from == "" {
		return func(id mutant.Identity) bool { return pattern.MatchString(id.String()) }, nil
	}
	text, err := os.ReadFile(f.from)
	if err != nil {
		return nil, err
	}
	survived := map[string]bool{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, unlisted); ok {
			name, _, _ = strings.Cut(name, " survives")
			survived[name] = true
		}
	}
	if len(survived) == 0 {
		return nil, fmt.Errorf("%s: no line begins with %q: the run that wrote it did not end, or nothing survived",
			f.from, unlisted)
	}
	return func(id mutant.Identity) bool {
		return survived[id.String()] && pattern.MatchString(id.String())
	}, nil
}

// unlisted begins the lines about those that survive without a reason; -from reads them.
const unlisted = "unlisted: "

func (f *proveFlags) prove(ctx context.Context, stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	only, err := f.only()
	if err != nil {
		return err
	}
	root, err := mutant.Root()
	if err != nil {
		return err
	}
	list := filepath.Join(root, "fuzz", "mutant", "survivors")
	survivors, err := mutant.ReadSurvivors(list)
	if err != nil {
		return err
	}
	cache := ""
	if dir, err := os.UserCacheDir(); err == nil && !f.fresh {
		cache = filepath.Join(dir, "heapfuzz", "mutant")
	}
	var believe func(mutant.Identity) bool
	if f.brief {
		believe = func(id mutant.Identity) bool { return survivors.Reason(id) != "" }
	}
	begun := time.Now()
	proof, err := mutant.Prove(ctx, mutant.Options{
		Root: root, Packages: f.packages, Sample: f.sample, Only: only, Seed: f.seed, Time: f.time,
		Workers: f.workers, Cache: cache, Brief: f.brief, Believe: believe,
		Limits:   mutant.Limits{Ops: f.ops, CPU: f.budget},
		Canaries: f.canaries || f.whole(),
		Progress: func(done, all int, o *mutant.Outcome) {
			if f.verbose {
				fmt.Fprintf(stdout, "%d/%d %v: %s\n", done, all, o.Identity, fate(o, f.brief))
			} else if done%tellEvery == 0 {
				fmt.Fprintf(stderr, "heapfuzz: %s of %s tried\n", commas(done), count(all, "defect"))
			}
		},
	})
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return err
	}
	e := mutant.NewEvidence(proof, survivors, root, revision(ctx, root))
	e.Facts.Again = f.again()
	e.Circumstances = mutant.Circumstances{Machine: fmt.Sprintf("%s/%s, %s", runtime.GOOS, runtime.GOARCH,
		count(runtime.NumCPU(), "processor")), Go: runtime.Version(), When: begun.UTC().Format(time.RFC3339),
		Seconds: time.Since(begun).Seconds()}
	if f.canaries || f.whole() {
		if e.Circumstances.Costs, err = mutant.Costs(f.seed, mutant.CostTime); err != nil {
			return err
		}
	}
	if f.out != "" {
		if err := e.Write(f.out); err != nil {
			return err
		}
	}
	if f.write {
		if err := survivors.Write(list, proof); err != nil {
			return err
		}
	}
	if err := printScores(stdout, e.Facts.Summary, f.brief); err != nil {
		return err
	}
	if err := printCosts(stdout, e.Circumstances.Costs); err != nil {
		return err
	}
	return f.verdict(stdout, proof, survivors, e.Facts.Summary)
}

// fate says in words what came of a mutant. A brief proof has not asked how short, and who else.
func fate(o *mutant.Outcome, brief bool) string {
	k := &o.Kill
	switch {
	case o.Believed:
		return "is listed, and was not tried"
	case k.Rule == "" && !o.Reached:
		return "survives, and was never reached"
	case k.Rule == "" && o.Late:
		return "survives; the time was over before all was tried"
	case k.Rule == "":
		return "survives"
	}
	text := fmt.Sprintf("%s, on %s after %s", ruleOf(k), k.Target, count(k.Ops, "operation"))
	if !brief {
		short, without := "not minimized", "nothing"
		if k.Length >= 0 {
			short = fmt.Sprintf("minimized to %d", k.Length)
		}
		if o.Without.Rule != "" {
			without = fmt.Sprintf("%s after %s", ruleOf(&o.Without), commas(o.Without.Ops))
		}
		text += fmt.Sprintf(", %s; without the rule: %s", short, without)
	}
	if o.Late {
		text += "; a hunt was cut short by the clock"
	}
	return text
}

func ruleOf(k *mutant.Kill) string { return strings.TrimSpace(k.Rule + " " + k.Cause) }

// revision is the commit of the sources, with a "+" where they differ from it; "" without git.
func revision(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return ""
	}
	text := strings.TrimSpace(string(out))
	if changed, err := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain", "--untracked-files=no").
		Output(); err != nil || len(changed) > 0 {
		text += "+"
	}
	return text
}

func printScores(w io.Writer, s *mutant.Summary, brief bool) error {
	var t table
	t.add("DEFECTS IN", ">TRIED", ">FOUND", ">EQUIVALENT", ">GAPS", ">NOT REACHED", ">SCORE",
		">BY EDGES", ">BY RECORDINGS", ">PROGRAMS ALONE")
	for _, score := range slices.Concat(s.Packages, s.Operators, []mutant.Score{s.Total}) {
		t.add(score.Name, commas(score.Mutants), commas(score.Killed), commas(score.Equivalent), commas(score.Gaps),
			commas(score.Unreached), fmt.Sprintf("%.1f%%", 100*score.Share()),
			commas(score.Beside), commas(score.Recorded), fmt.Sprintf("%.1f%%", 100*score.Programs()))
	}
	if err := t.print(w); err != nil {
		return err
	}
	var rules table
	if brief {
		rules.add("RULE", ">FINDS FIRST")
	} else {
		rules.add("RULE", ">FINDS FIRST", ">ALONE", ">CANARIES", ">MISSED WITHOUT IT")
	}
	for _, r := range s.Rules {
		cells := []string{r.Rule, commas(r.Mutants)}
		if !brief {
			cells = append(cells, commas(r.Alone), commas(len(r.Canaries)), commas(len(r.Missed)))
		}
		rules.add(cells...)
	}
	fmt.Fprintln(w)
	if err := rules.print(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "\noperations to the first kill: median %s, nine of ten %s, worst %s\n",
		commas(s.Ops.Median), commas(s.Ops.Ninety), commas(s.Ops.Worst))
	if s.Late > 0 {
		fmt.Fprintf(w, "late: the time was over before all was tried for %s\n", count(s.Late, "defect"))
	}
	if brief {
		_, err := fmt.Fprintf(w, "%s listed, and not tried; what edges or recordings found, programs may find later\n",
			count(s.Total.Believed, "survivor"))
		return err
	}
	_, err := fmt.Fprintf(w, "minimized programs: median %s, nine of ten %s, worst %s; %s not minimized\n",
		count(s.Lengths.Median, "operation"), commas(s.Lengths.Ninety), commas(s.Lengths.Worst), commas(s.Died))
	return err
}

// printCosts says what checking costs, if that was measured.
func printCosts(w io.Writer, costs []mutant.Cost) error {
	if len(costs) == 0 {
		return nil
	}
	var t table
	t.add("CHECKING", "RULE", ">OF THE TIME", ">OPERATIONS/S", ">WITHOUT IT")
	for _, c := range costs {
		t.add(c.Language, c.Rule, fmt.Sprintf("%.1f%%", 100*c.Share), commas(int(c.With)), commas(int(c.Without)))
	}
	fmt.Fprintln(w)
	return t.print(w)
}

// verdict says what is wrong, if anything is.
func (f *proveFlags) verdict(w io.Writer, p *mutant.Proof, s *mutant.Survivors, sum *mutant.Summary) error {
	account := s.Account(p)
	wrong := 0
	for _, id := range account.Stale {
		wrong++
		fmt.Fprintf(w, "stale: %v is listed as a survivor, and was found or is no more there\n", id)
	}
	for _, o := range account.Unlisted {
		if !f.unlisted {
			wrong++
			fmt.Fprintf(w, unlisted+"%v survives: %s => %s\n", o.Identity, o.From, o.To)
		}
	}
	for _, c := range p.Controls {
		if c.Rule != "" {
			wrong++
			fmt.Fprintf(w, "control: %s breaks %s without any defect\n", c.Target, c.Rule)
		}
	}
	for _, name := range p.Recordings.Broken {
		wrong++
		fmt.Fprintf(w, "control: %s is answered otherwise without any defect\n", name)
	}
	for _, name := range p.Untried {
		fmt.Fprintf(w, "untried: no target and no recording reaches %s\n", name)
		if !f.unlisted {
			wrong++
		}
	}
	for _, c := range p.Canaries {
		if !c.Right() {
			wrong++
			fmt.Fprintf(w, "canary: %s is caught by %q instead of %s\n", c.Name, c.Kill.Rule, c.Rule)
		}
	}
	for _, name := range sum.Idle {
		wrong++
		fmt.Fprintf(w, "idle: %s finds no defect before the others, and no canary is missed without it\n", name)
	}
	n := sum.Total.Mutants - sum.Total.Equivalent
	least, falls := sum.Falls(p, f.floor)
	if falls {
		wrong++
		fmt.Fprintf(w, "floor: %s of %s found, and %s is the least where %.1f%% of all have to be\n",
			commas(sum.Total.Killed), count(n, "defect"), commas(least), 100*f.floor)
	}
	if l := sum.Lengths; l.Median > mutant.LengthMax && l.Count >= mutant.LengthsLeast { // a few may well be long
		wrong++
		fmt.Fprintf(w, "length: half of the minimized programs have %s or more, and %d is the most\n",
			count(sum.Lengths.Median, "operation"), mutant.LengthMax)
	}
	if f.time > 0 && len(p.Outcomes) == 0 {
		fmt.Fprintf(w, "time: no defect was tried in %v\n", f.time)
		return errFinding
	}
	rest := "no survivor without a reason"
	switch {
	case wrong > 0:
		rest = count(wrong, "line") + " above say what is wrong"
	case f.unlisted:
		rest = fmt.Sprintf("and %s is the least where %.1f%% of all have to be", commas(least), 100*f.floor)
	}
	fmt.Fprintf(w, "%.1f%% of %s found, %s\n", 100*sum.Total.Share(), count(n, "defect"), rest)
	if wrong > 0 {
		return errFinding
	}
	return nil
}
