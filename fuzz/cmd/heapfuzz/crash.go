package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// A target in this process can write where it should not, and then it is not the target that dies but all of us: the Go
// runtime finds its own tables damaged and ends the process, which nobody can recover from. So commands that drive
// targets do their work in a child, which is this program again. Before each program that it runs the child puts it
// into a folder of its parent. When the child dies, the parent finds out which of those programs kills another child,
// makes it as short as it goes in the same way, and has a finding: run/alive, cause "crash".
//
// The child shares its parent's standard streams. It is told to end by the end of a pipe, its file 3, so that it ends
// when its parent does, of whatever.
//
// The environment variable insideVar names the folder, and says to a process that it is a child.
const insideVar = "HEAPFUZZ_INSIDE"

// endedName is the file in the folder that a child makes when it ends in order.
const endedName = "ended"

// inside is the folder of a child, "" in any other process.
var inside string

// guarded are the commands that drive targets.
var guarded = []string{"run", "replay", "shrink", "show", "trace", "night-hunt", "night-cover"}

// finders are those of them that make programs shorter and write them.
var finders = []string{"run", "shrink", "night-hunt", "night-cover"}

// start is all of main: the parent, the child, or neither.
func start(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // the first interrupt ends us in order, a second one at once
	if inside = os.Getenv(insideVar); inside != "" {
		code := command(withParent(ctx), args, stdout, stderr)
		if err := os.WriteFile(filepath.Join(inside, endedName), nil, 0o600); err != nil {
			fmt.Fprintf(stderr, "heapfuzz: %v\n", err)
		}
		return code
	}
	if len(args) == 0 || !slices.Contains(guarded, args[0]) {
		return command(ctx, args, stdout, stderr)
	}
	code, err := supervise(ctx, args, stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "heapfuzz: %v\n", err)
		return exitTrouble
	}
	return code
}

// withParent is a context that ends when the parent does.
func withParent(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // until the process ends
		io.Copy(io.Discard, os.NewFile(3, "parent"))
		cancel()
	}()
	return ctx
}

// supervise runs the command in a child, and looks after what is left when it dies.
func supervise(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	dir, err := os.MkdirTemp("", "heapfuzz-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	code, died, err := child(ctx, dir, args, nil, stdout, stderr)
	if err != nil || !died {
		return code, err
	}
	var out func(*props.Subject) string
	if slices.Contains(finders, args[0]) {
		out = func(s *props.Subject) string { return cmp.Or(outOf(args), foundDir(s)) }
	}
	return exitFinding, aftermath(ctx, dir, out, stdout)
}

// child runs a command in a child and returns what it left with, or that it died.
func child(ctx context.Context, dir string, args []string, stdin *os.File,
	stdout, stderr io.Writer) (code int, died bool, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, false, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, false, err
	}
	defer r.Close()
	defer w.Close()
	defer context.AfterFunc(ctx, func() { w.Close() })()
	// What the runtime says of all goroutines helps nobody who is not at work on heapfuzz itself.
	env := append(os.Environ(), insideVar+"="+dir, "GOTRACEBACK="+cmp.Or(os.Getenv("GOTRACEBACK"), "none"))
	c := exec.Cmd{Path: exe, Args: append([]string{os.Args[0]}, args...), Env: env, ExtraFiles: []*os.File{r},
		Stdout: stdout, Stderr: stderr}
	if stdin != nil {
		c.Stdin = stdin
	}
	err = c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, false, err
	}
	if _, err := os.Stat(filepath.Join(dir, endedName)); err == nil {
		return c.ProcessState.ExitCode(), false, nil
	}
	if ctx.Err() != nil {
		return exitInterrupted, false, nil
	}
	return 0, true, nil
}

// reason is the line with which the runtime said why it ends the process.
func reason(said []byte) string {
	for line := range strings.Lines(string(said)) {
		for _, begin := range []string{"fatal error: ", "panic: ", "SIG"} {
			if strings.HasPrefix(line, begin) {
				return strings.TrimSpace(line)
			}
		}
	}
	return "it did not say why"
}

// about puts a program into the parent's folder, as the one that this worker runs from now on. It does nothing in a
// process that is no child.
func about(worker int, s *props.Subject, p prog.Program) {
	if inside == "" {
		return
	}
	r := props.Repro{Property: props.Conforms.Name, Rule: crash("").Signature(), Target: s.Target, Program: p}
	// An error is not worth an end: should we die, this program is missing.
	_ = os.WriteFile(filepath.Join(inside, fmt.Sprintf("worker-%d.txt", worker)), r.Text(s.Spec), 0o600)
}

// crash is the violation of a target that takes the process with it.
func crash(why string) *model.Violation {
	return &model.Violation{Rule: props.Alive, Cause: "crash", Detail: "the process died: " + why}
}

// aftermath looks for the program that killed the child among those that it was at, and tells what it finds. Out is the
// folder that a finding goes to, if it may be written.
func aftermath(ctx context.Context, dir string, out func(*props.Subject) string, stdout io.Writer) error {
	paths, err := filepath.Glob(filepath.Join(dir, "worker-*.txt"))
	if err != nil || len(paths) == 0 {
		return errors.Join(err, errors.New("the process died, of no program"))
	}
	var suspects []*props.Finding
	for _, path := range paths {
		l, s, err := open(path, "")
		if err != nil {
			continue // it was being written
		}
		f := &props.Finding{Property: props.Conforms.Name, Target: s.Target, Program: l.Program}
		if r, err := crashesAlone(ctx, s, l.Program); err != nil {
			return err
		} else if r != nil {
			f.Refutation = r
			folder := ""
			if out != nil {
				folder = out(s)
			}
			tell(ctx, stdout, s, f, folder)
			return nil
		}
		f.Refutation = refutation(s, l.Program, "with others at work")
		suspects = append(suspects, f)
	}
	fmt.Fprintln(stdout, "run/alive: the process died, and does not when one of these programs runs alone:")
	for _, f := range suspects {
		t, err := lookup(f.Target)
		if err != nil {
			return err
		}
		s := t.New()
		folder := foundDir(s)
		if out != nil {
			folder = out(s)
		}
		path, err := props.WriteRepro(folder, s, f)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, replayLine(path, f.Target))
	}
	return nil
}

// crashRunsMax bounds the programs that making one shorter may try: the children of those that die cost some ten
// milliseconds each.
const crashRunsMax = 400

// tell makes the program shorter, in children, and then writes and reports it as any other finding. Where there is no
// folder to write to, it reports the program as it is.
func tell(ctx context.Context, stdout io.Writer, s *props.Subject, f *props.Finding, out string) {
	if out == "" {
		done := settled{Finding: f, again: againRuns}
		done.explain(s, props.ReportOptions{})
		done.print(stdout, nil)
		return
	}
	small, stats := shorten(ctx, s, f, false)
	if r, err := crashesAlone(ctx, s, small.Program); err == nil && r == nil {
		small, stats = shorten(ctx, s, f, true)
	}
	done := settled{Finding: small, again: againRuns}
	done.path, done.why = props.WriteRepro(out, s, small)
	done.explain(s, props.ReportOptions{Stats: &stats})
	done.print(stdout, func() []byte { return s.Spec.Format(small.Program) })
}

// shorten makes the program shorter, in children: each program alone in one, or with others that came before it, where
// what comes out is to be tried once more.
func shorten(ctx context.Context, s *props.Subject, f *props.Finding,
	alone bool) (*props.Finding, props.MinimizeStats) {
	trial := trial{subject: s, alone: alone}
	defer trial.end()
	check := func(_ *props.Subject, _ *props.Runner, p prog.Program) (*props.Refutation, error) {
		if ctx.Err() != nil {
			return nil, errInterrupted
		}
		return trial.crashes(ctx, p)
	}
	property := props.Property{Name: f.Property, Check: check}
	return props.Minimize(s, property, f, props.MinimizeOptions{RunsMax: crashRunsMax})
}

// refutation is that of a program which the process died of, at an operation that is not known.
func refutation(s *props.Subject, p prog.Program, why string) *props.Refutation {
	ops := append(p.Clone().Ops, s.Epilogue...)
	return &props.Refutation{Violation: crash(why), At: max(0, len(p.Ops)-1), Ops: ops}
}

// outOf returns the value of -o or -out on a command line or in the environment, "" when there is none.
func outOf(args []string) string {
	for i, a := range twoDashes(args) {
		name, value, given := strings.Cut(a, "=")
		if name != "-o" && name != "--out" {
			continue
		}
		if given {
			return value
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return os.Getenv("HEAPFUZZ_OUT")
}
