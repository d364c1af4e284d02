package nightly

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"heapfuzz/fuzz"
)

// Night is one run through the steps.
type Night struct {
	Store       *Store
	Root        string   // of the sources; "" without, and then what is built is skipped
	Self        []string // the command line of heapfuzz, without arguments
	Budget      time.Duration
	Seed        uint64 // 0: that of the store, or 1
	Only        []string
	Skip        []string
	Targets     []string // that the campaign tries; none: all that are registered
	ProgramsMax int      // after which the campaign leaves a target, whatever time is left; 0: no limit
	Workers     int      // 0: one
	Revision    string   // of the sources
	Log         io.Writer
	Now         func() time.Time                       // nil: time.Now; for what is written, not for what is measured
	Lookup      func(name string) (fuzz.Target, error) // nil: fuzz.Lookup

	state     State
	begun     time.Time
	runLeast  time.Duration   // that an engine runs for; 0, which only tests change: roundLeast or goFuzzLeast
	canaryMax time.Duration   // that an engine has to find a canary; 0, which only tests change: canaryTime
	judged    map[string]bool // by path: whether a program breaks no rule; see sound, which alone changes it
}

// step is a kind of look.
type step struct {
	name, doc string
	share     int           // of the budget, in proportion to those of others
	least     time.Duration // that it needs to do anything
	sources   bool          // it builds something
	do        func(n *Night, ctx context.Context, share time.Duration) Result
}

var steps = []step{
	{"replay", "what was found before, on its target again", 2, 0, false, (*Night).replay},
	{"control", "a canary of each kind, which must be found", 3, 0, false, (*Night).control},
	{"mutants", "a sample of small defects in our own implementations", 10, time.Minute, true, (*Night).mutants},
	{"campaign", "random programs on every target", 40, 100 * time.Millisecond, false, (*Night).campaign},
	{"native", "Go's own fuzzing, in rounds", 15, 30 * time.Second, true, (*Night).native},
	{"go-fuzz", "go-fuzz, as coordinator and workers", 10, 40 * time.Second, true, (*Night).goFuzz},
	{"libfuzzer", "an archive for libFuzzer, and a short run", 5, 30 * time.Second, true, (*Night).libFuzzer},
	{"live", "the interpreters that are found here, against ours", 7, 20 * time.Second, true, (*Night).live},
	{"bench", "our times against those of peers, and the best so far", 5, 20 * time.Second, true, (*Night).bench},
	{"corpus", "programs that show nothing new leave the corpus", 5, 5 * time.Second, false, (*Night).minimize},
}

// Steps returns the names of the steps, with what each does.
func Steps() (names, docs []string) {
	for _, s := range steps {
		names, docs = append(names, s.name), append(docs, s.doc)
	}
	return names, docs
}

// Check refuses names that no step has, and a budget that is none.
func (n *Night) Check() error {
	names, _ := Steps()
	for _, name := range slices.Concat(n.Only, n.Skip) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("no step %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	if n.Budget <= 0 {
		return fmt.Errorf("a budget of %v is none", n.Budget)
	}
	return nil
}

// Run does the steps of the night that is not over yet, or of a new one, and writes the report. The error is that of
// the store or the context's end; what steps meet stands in the report.
func (n *Night) Run(ctx context.Context) (*Report, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	n.begun = time.Now()
	if err := readJSON(n.Store.path("state.json"), &n.state); err != nil {
		return nil, err
	}
	if n.state.Night == 0 {
		n.state = State{Seed: 1, Night: 1}
	}
	n.state.Seed = cmp.Or(n.Seed, n.state.Seed)
	if err := n.save(); err != nil {
		return nil, err
	}
	for i, s := range steps {
		if slices.ContainsFunc(n.state.Results, func(r Result) bool { return r.Step == s.name }) {
			fmt.Fprintf(n.Log, "nightly: %s: done before\n", s.name)
			continue
		}
		result := n.step(ctx, s, n.share(i))
		if ctx.Err() != nil {
			return nil, ctx.Err() // the step is begun anew with the night that goes on
		}
		said := strings.TrimSpace(string(result.Status) + " " + result.Reason)
		fmt.Fprintf(n.Log, "nightly: %s: %s\n", s.name, said)
		n.state.Results = append(n.state.Results, result)
		if err := n.save(); err != nil {
			return nil, err
		}
	}
	return n.end()
}

func (n *Night) save() error { return n.Store.writeJSON(n.Store.path("state.json"), &n.state) }

// end writes the report and the history, and only then goes on to the next night.
func (n *Night) end() (*Report, error) {
	r, err := n.report()
	if err != nil {
		return nil, err
	}
	if err := n.Store.remember(r.line()); err != nil {
		return nil, err
	}
	if r.History, err = n.Store.History(); err != nil {
		return nil, err
	}
	if err := r.Write(n.Store); err != nil {
		return nil, err
	}
	n.state = State{Seed: n.state.Seed, Night: n.state.Night + 1}
	return r, n.save()
}

// excused says why a step is not done, whatever its share; "" when it is.
func (n *Night) excused(s step) string {
	_, err := exec.LookPath("go")
	switch {
	case len(n.Only) > 0 && !slices.Contains(n.Only, s.name), slices.Contains(n.Skip, s.name):
		return "not asked for"
	case s.sources && n.Root == "":
		return "the sources of heapfuzz are not here"
	case s.sources && err != nil:
		return "there is no go command"
	}
	return ""
}

// share is the time of the step of that number: its part of what is left.
func (n *Night) share(number int) time.Duration {
	sum := 0
	for _, s := range steps[number:] {
		if n.excused(s) == "" {
			sum += s.share
		}
	}
	left := max(0, n.Budget-time.Since(n.begun))
	return left * time.Duration(steps[number].share) / time.Duration(max(1, sum))
}

// step does one step, or says why not.
func (n *Night) step(ctx context.Context, s step, share time.Duration) Result {
	skip := func(reason string) Result { return Result{Step: s.name, Status: Skipped, Reason: reason} }
	if reason := n.excused(s); reason != "" {
		return skip(reason)
	}
	if share < s.least {
		return skip(fmt.Sprintf("its share of the budget is %v, and it needs %v", share.Round(time.Millisecond),
			s.least))
	}
	fmt.Fprintf(n.Log, "nightly: %s: %s, %v\n", s.name, s.doc, share.Round(time.Second))
	begun := time.Now()
	r := s.do(n, ctx, share)
	r.Step, r.Seconds = s.name, time.Since(begun).Seconds()
	return r
}

// failed is the result of a step that could not do its work.
func failed(err error) Result { return Result{Status: Failed, Reason: err.Error()} }

func (n *Night) lookup(name string) (fuzz.Target, error) {
	if n.Lookup != nil {
		return n.Lookup(name)
	}
	return fuzz.Lookup(name)
}

func (n *Night) now() time.Time {
	if n.Now != nil {
		return n.Now()
	}
	return time.Now()
}

// random is the source of what the night chooses by its seed; use tells the choices apart.
func (n *Night) random(use string) *rand.Rand {
	return rand.New(rand.NewPCG(n.state.Seed+uint64(n.state.Night), uint64(sum32(use))))
}

// notes are for the heads of files of findings.
func (n *Night) notes() []string {
	list := []string{"found " + n.now().UTC().Format(time.DateOnly)}
	if n.Revision != "" {
		list = append(list, "revision "+n.Revision)
	}
	return append(list, n.tonight())
}

// tonight is the note by which what is new is known: a night may be of two days.
func (n *Night) tonight() string {
	return fmt.Sprintf("night %d of seed %d", n.state.Night, n.state.Seed)
}

// work is a folder for what a step needs.
func (n *Night) work(parts ...string) (string, error) {
	dir, err := filepath.Abs(n.Store.path(append([]string{"work"}, parts...)...))
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o777)
}

// fresh is an empty folder for what a step needs.
func (n *Night) fresh(parts ...string) (string, error) {
	dir, err := n.work(parts...)
	if err == nil {
		err = os.RemoveAll(dir)
	}
	return dir, errors.Join(err, os.MkdirAll(dir, 0o777))
}

// grace is how long a process may take beyond its time before it is killed.
const grace = 20 * time.Second

// call is a process that a step starts.
type call struct {
	log   string // the name of its log
	dir   string // "": where we are
	env   []string
	limit time.Duration // 0: none
	argv  []string
}

// exited is how a process ended.
type exited struct {
	out  []byte // of standard output
	said []byte // of standard error: what engines tell of themselves
	code int    // -1: it was killed, by us or another
	late bool   // its time was over
}

// run runs a process to its end. Its output goes to a log, and is returned as well. It is killed with all that it
// started. The error is that it could not be started.
func (n *Night) run(ctx context.Context, c call) (exited, error) {
	log, err := n.openLog(c.log)
	if err != nil {
		return exited{}, err
	}
	defer log.Close()
	fmt.Fprintf(log, "$ %s\n", strings.Join(c.argv, " "))
	if c.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.limit)
		defer cancel()
	}
	var out, said bytes.Buffer
	p := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	p.Dir, p.Env = c.dir, append(os.Environ(), c.env...)
	p.Stdout, p.Stderr = io.MultiWriter(&out, log), io.MultiWriter(&said, log)
	p.SysProcAttr = owned()
	p.Cancel = func() error { return syscall.Kill(-p.Process.Pid, syscall.SIGKILL) }
	p.WaitDelay = time.Second
	err = p.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil && !errors.Is(err, exec.ErrWaitDelay) {
		return exited{}, err
	}
	return exited{out.Bytes(), said.Bytes(), p.ProcessState.ExitCode(), ctx.Err() == context.DeadlineExceeded}, nil
}

// openLog opens a log at its end.
func (n *Night) openLog(name string) (*os.File, error) {
	path := n.Store.path("logs", name+".log")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
}

// self is heapfuzz with arguments.
func (n *Night) self(args ...string) []string { return append(slices.Clone(n.Self), args...) }
