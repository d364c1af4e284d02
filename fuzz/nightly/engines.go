package nightly

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// native runs Go's own fuzzing. A process reads what others found only when it starts, so it runs in rounds, the kinds
// in turn, and between them the corpus is exchanged. The test binary is built once. It finds the project's seeds in
// ../corpus, and writes crashers into ./testdata, so it is given a folder with both.
func (n *Night) native(ctx context.Context, share time.Duration) Result {
	dir, err := n.work("native")
	if err != nil {
		return failed(err)
	}
	binary, end := filepath.Join(dir, "fuzz.test"), time.Now().Add(share)
	tool, err := filepath.Abs(filepath.Join(n.Root, "scripts", "instrument"))
	if err != nil {
		return failed(err)
	}
	if r := n.build(ctx, "native", share, nil, "go", "test", "-c", "-fuzz=.", "-toolexec", tool, "-o", binary,
		"./fuzz"); r != nil {
		return *r
	}
	if err := n.link(filepath.Join(filepath.Dir(dir), "corpus")); err != nil {
		return failed(err)
	}
	r := Result{Status: OK, Figures: map[string]float64{}}
	kinds := fuzz.Languages()
	for round := 0; time.Until(end) > time.Second; round++ {
		left := time.Until(end)
		// Every kind has its turn, if it is for a second.
		length := min(max(left/time.Duration(max(1, len(kinds)-round)), time.Second), time.Minute)
		length = max(min(length, left), time.Second)
		l := kinds[(round+n.state.Night)%len(kinds)]
		executions, err := n.nativeRound(ctx, l, dir, binary, length)
		if err != nil {
			return failed(err)
		}
		r.Figures[l.Name+" executions"] += executions
		if ctx.Err() != nil {
			return failed(ctx.Err())
		}
	}
	return n.promoted(ctx, n.metered(r))
}

// executed are the numbers that engines print of what they did so far.
var executed = regexp.MustCompile(`(?m)(?:execs: |^#)(\d+)`)

func (n *Night) nativeRound(ctx context.Context, l fuzz.Language, dir, binary string, length time.Duration) (float64,
	error) {
	name := "Fuzz" + strings.ToUpper(l.Name[:1]) + l.Name[1:]
	cache := filepath.Join(dir, "cache", name)
	if err := n.Store.give(l, cache, true); err != nil {
		return 0, err
	}
	e, err := n.run(ctx, call{log: "native", dir: dir, env: n.keeping(), limit: length + 3*grace, argv: []string{binary,
		"-test.run=^$", "-test.fuzz=^" + name + "$", "-test.fuzztime=" + length.Round(time.Millisecond).String(),
		"-test.fuzzminimizetime=1x", "-test.parallel=" + strconv.Itoa(max(1, n.Workers)),
		"-test.fuzzcachedir=" + filepath.Join(dir, "cache")}})
	if err != nil {
		return 0, err
	}
	// What broke a rule would break it at the start of each further round; it is kept as a crasher.
	crashers := filepath.Join(dir, "testdata", "fuzz", name)
	if err := n.keepAll(l, crashers); err != nil {
		return 0, err
	}
	_, err = n.Store.take(l, cache)
	return lastNumber(e.out), errors.Join(err, os.RemoveAll(crashers))
}

// lastNumber is that of the last line that tells of executions.
func lastNumber(out []byte) float64 {
	all := executed.FindAllSubmatch(out, -1)
	if len(all) == 0 {
		return 0
	}
	number, _ := strconv.ParseFloat(string(all[len(all)-1][1]), 64) // digits
	return number
}

// link makes the project's corpus appear at a path.
func (n *Night) link(path string) error {
	corpus, err := filepath.Abs(filepath.Join(n.Root, "corpus"))
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(corpus, path)
}

// build runs a build in the sources; nil when it was well.
func (n *Night) build(ctx context.Context, log string, limit time.Duration, env []string, argv ...string) *Result {
	e, err := n.run(ctx, call{log: log, dir: n.Root, env: env, limit: limit, argv: argv})
	r := failed(fmt.Errorf("%s does not build: see %s", strings.Join(argv[:2], " "), n.Store.path("logs", log+".log")))
	switch {
	case err != nil:
		r = failed(err)
	case e.late:
		r = Result{Status: Skipped, Reason: "its share of the budget was over before it was built"}
	case e.code == 0:
		return nil
	}
	return &r
}

// keeping tells our fuzz functions where to write what breaks a rule.
func (n *Night) keeping() []string {
	dir, err := filepath.Abs(n.Store.path("kept"))
	if err == nil {
		err = os.MkdirAll(dir, 0o777)
	}
	if err != nil {
		return nil // the engine's own crashers remain
	}
	return []string{"HEAPFUZZ_KEEP=" + dir}
}

// keepAll puts the crashers in an engine's folder among those that are kept, each with the target that it is for.
func (n *Night) keepAll(l fuzz.Language, dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if err != nil || e.IsDir() || sideFile.MatchString(e.Name()) {
			continue
		}
		raw, e := os.ReadFile(filepath.Join(dir, e.Name()))
		if e != nil {
			return e
		}
		if of, e := FromNative(raw); e == nil {
			raw = of
		}
		if len(raw) < prog.RecordBytes {
			continue // too short to mean anything: the engine itself was at fault
		}
		targets := l.Targets()
		repro := props.Repro{Property: props.Conforms.Name, Rule: props.Alive.Name + " of an engine's",
			Target: targets[int(raw[0])%len(targets)].Name, Program: FromRaw(l.Spec, raw)}
		err = n.Store.write(n.Store.path("kept", "engine-"+repro.Name(l.Spec)), repro.Text(l.Spec))
	}
	return err
}

// promoted makes findings of what is kept, and adds them to a result.
func (n *Night) promoted(ctx context.Context, r Result) Result {
	files, err := filepath.Glob(n.Store.path("kept", "*.txt"))
	if err != nil {
		return failed(err)
	}
	type place struct{ path, target string }
	var shown []place
	for _, file := range files {
		path, target, err := n.promote(ctx, file)
		if err != nil {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s stays: %v", file, err))
			continue
		}
		if path == "" {
			r.Warnings = append(r.Warnings, filepath.Base(file)+" broke a rule under an engine, and does not when it "+
				"runs again")
		} else if !slices.Contains(shown, place{path, target}) {
			shown = append(shown, place{path, target})
		}
		if err := os.Remove(file); err != nil {
			return failed(err)
		}
	}
	for _, of := range shown {
		f, err := n.look(ctx, of.path, of.target)
		if err != nil {
			return failed(err)
		}
		r.Found = append(r.Found, f)
	}
	return concluded(r)
}

// promote shrinks a crasher and puts it into found, unless one that shows the same is there. It returns the path of the
// one that is there now and the target, or "" when the crasher breaks no rule.
func (n *Night) promote(ctx context.Context, file string) (path, target string, err error) {
	small, err := n.shrink(ctx, file)
	if err != nil || small == "" {
		return "", "", err
	}
	data, err := os.ReadFile(small)
	if err != nil {
		return "", "", err
	}
	t, err := n.lookup(props.ReproHead(data).Target)
	if err != nil {
		return "", "", err
	}
	l := t.Language()
	repro, err := props.ParseRepro(l.Spec, small, data)
	if err != nil {
		return "", "", err
	}
	known, err := n.Store.known(l)
	if err != nil {
		return "", "", err
	}
	if there := known[key(repro)]; there != "" {
		return there, t.Name, nil
	}
	path = filepath.Join(n.Store.found(l.Name), repro.Name(l.Spec))
	if _, err := os.Stat(path); err == nil {
		return path, t.Name, nil // it shows the same on another target
	}
	repro.Notes = append(repro.Notes, n.notes()...)
	return path, t.Name, n.Store.write(path, repro.Text(l.Spec))
}

// shrink makes a crasher as short as it goes, in another process, and returns the file; "" when it breaks no rule.
func (n *Night) shrink(ctx context.Context, file string) (string, error) {
	staging, err := n.work("promote")
	if err == nil {
		err = os.RemoveAll(staging)
	}
	if err != nil {
		return "", err
	}
	e, err := n.run(ctx, call{log: "promote", limit: 4 * time.Minute, argv: n.self("shrink", file, "-o", staging)})
	if err != nil || e.code == leftFine {
		return "", err
	}
	small, err := filepath.Glob(filepath.Join(staging, "*.txt"))
	if err != nil || len(small) != 1 {
		return "", errors.Join(err, fmt.Errorf("its shrinking left with %d and %d files", e.code, len(small)))
	}
	return small[0], nil
}

// bytesFunction is the name of the fuzz function of a kind in fuzz/gofuzz.go.
func bytesFunction(l fuzz.Language) string {
	if l.Name == "heap" {
		return "Fuzz"
	}
	return "Fuzz" + strings.ToUpper(l.Name[:1]) + l.Name[1:] + "Bytes"
}

// kindOfNight is the one that an engine of which only one can be tried has in this night.
func (n *Night) kindOfNight() fuzz.Language {
	all := fuzz.Languages()
	return all[n.state.Night%len(all)]
}

// goFuzz runs go-fuzz as a coordinator and one process of workers, which talk over the loopback.
func (n *Night) goFuzz(ctx context.Context, share time.Duration) Result {
	end, l := time.Now().Add(share), n.kindOfNight()
	dir, err := n.work("go-fuzz", l.Name)
	if err != nil {
		return failed(err)
	}
	archive := filepath.Join(dir, "fuzz.zip")
	if r := n.build(ctx, "go-fuzz", share, nil, "go", "tool", "go-fuzz-build", "-func", bytesFunction(l), "-o", archive,
		"./fuzz"); r != nil {
		return *r
	}
	e, err := n.run(ctx, call{log: "go-fuzz", dir: n.Root, argv: []string{"go", "tool", "-n", "go-fuzz"}})
	if err != nil || e.code != 0 {
		return failed(fmt.Errorf("go tool -n go-fuzz left with %d: %w", e.code, err))
	}
	// What is suppressed was found in another night, and may have been mended and broken since.
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, "suppressions")),
		n.Store.give(l, filepath.Join(dir, "corpus"), false)); err != nil {
		return failed(err)
	}
	c := &cluster{n: n, tool: strings.TrimSpace(string(e.out)), dir: dir, archive: archive, function: bytesFunction(l)}
	executions, err := c.run(ctx, end)
	if err != nil {
		return failed(err)
	}
	if _, err := n.Store.take(l, filepath.Join(dir, "corpus")); err != nil {
		return failed(err)
	}
	if err := n.keepAll(l, filepath.Join(dir, "crashers")); err != nil {
		return failed(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "crashers")); err != nil {
		return failed(err)
	}
	r := Result{Status: OK, Figures: map[string]float64{l.Name + " executions": executions}}
	if executions == 0 {
		r.Status, r.Reason = Failed, "nothing was executed: see "+n.Store.path("logs", "go-fuzz-coordinator.log")
	}
	return n.promoted(ctx, n.metered(r))
}

// cluster is go-fuzz's coordinator and workers.
type cluster struct {
	n                            *Night
	tool, dir, archive, function string
}

// restartsMax is how often a coordinator that dies is started again.
const restartsMax = 3

// run runs both until the time is over, and starts a coordinator that dies again. It returns the executions.
func (c *cluster) run(ctx context.Context, end time.Time) (float64, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return 0, err
	}
	log := c.n.Store.path("logs", "go-fuzz-coordinator.log")
	if err := os.RemoveAll(log); err != nil { // the executions are read from it
		return 0, err
	}
	coordinator, err := c.start("go-fuzz-coordinator", "-coordinator="+address)
	if err != nil {
		return 0, err
	}
	worker, err := c.start("go-fuzz-worker", "-worker="+address, "-bin="+c.archive, "-func="+c.function,
		"-procs="+strconv.Itoa(max(1, c.n.Workers)))
	if err != nil {
		coordinator.stop()
		return 0, err
	}
	over := time.After(time.Until(end))
	for restarts := 0; ; {
		select {
		case <-over:
		case <-ctx.Done():
		case <-coordinator.done:
			if restarts++; restarts <= restartsMax {
				if coordinator, err = c.start("go-fuzz-coordinator", "-coordinator="+address); err == nil {
					continue
				}
			}
			err = fmt.Errorf("the coordinator died %d times: see %s", restarts, log)
		case <-worker.done:
			err = fmt.Errorf("the workers ended: see %s", c.n.Store.path("logs", "go-fuzz-worker.log"))
		}
		break
	}
	worker.stop()
	coordinator.stop()
	out, e := os.ReadFile(log)
	return lastNumber(out), errors.Join(err, e)
}

// part is a process of a cluster.
type part struct {
	process *exec.Cmd
	done    chan struct{} // closed when it has ended
}

func (c *cluster) start(log string, args ...string) (*part, error) {
	out, err := c.n.openLog(log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the process has its own
	p := exec.Command(c.tool, append(args, "-workdir="+c.dir)...)
	p.Stdout, p.Stderr, p.Env, p.SysProcAttr = out, out, append(os.Environ(), c.n.keeping()...), owned()
	if err := p.Start(); err != nil {
		return nil, err
	}
	started := &part{p, make(chan struct{})}
	go func() {
		_ = p.Wait() // how it ended is of no interest: it is stopped
		close(started.done)
	}()
	return started, nil
}

// stop interrupts the process, which then removes its files, and kills it when it does not listen.
func (p *part) stop() {
	_ = p.process.Process.Signal(os.Interrupt) // it may have ended
	select {
	case <-p.done:
	case <-time.After(grace / 2):
		_ = p.process.Process.Kill()
		<-p.done
	}
}

// clang returns the newest clang on the path that can link libFuzzer, "" when there is none.
func clang(ctx context.Context) string {
	names := []string{"clang"}
	for version := 25; version >= 11; version-- {
		names = append(names, "clang-"+strconv.Itoa(version))
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		source := exec.CommandContext(ctx, path, "-fsanitize=fuzzer", "-x", "c", "-", "-o", os.DevNull)
		source.Stdin = strings.NewReader("int LLVMFuzzerTestOneInput(const unsigned char *d, long n) { return 0; }")
		if source.Run() == nil {
			return path
		}
	}
	return ""
}

// libFuzzerFound is what libFuzzer leaves with when it has written a crasher. It ends with the first.
const libFuzzerFound = 77

// libFuzzer builds the archive of one kind that ClusterFuzz and its like take, and runs it for what is left.
func (n *Night) libFuzzer(ctx context.Context, share time.Duration) Result {
	cc := clang(ctx)
	if cc == "" {
		return Result{Status: Skipped, Reason: "no clang with libFuzzer is on the path"}
	}
	end, l := time.Now().Add(share), n.kindOfNight()
	dir, err := n.work("libfuzzer", l.Name)
	if err != nil {
		return failed(err)
	}
	archive, binary := filepath.Join(dir, "fuzz.a"), filepath.Join(dir, "fuzz")
	if r := n.build(ctx, "libfuzzer", share, []string{"CC=" + cc, "CGO_ENABLED=1"}, "go", "tool", "go-fuzz-build",
		"-libfuzzer", "-func", bytesFunction(l), "-o", archive, "./fuzz"); r != nil {
		return *r
	}
	if r := n.build(ctx, "libfuzzer", share, nil, cc, "-fsanitize=fuzzer", archive, "-o", binary); r != nil {
		return *r
	}
	r := Result{Status: OK, Reason: archive, Figures: map[string]float64{}}
	seconds := int(time.Until(end).Seconds())
	if seconds < 1 {
		return r
	}
	corpus, crashers := filepath.Join(dir, "corpus"), filepath.Join(dir, "crashers")
	if err := errors.Join(n.Store.give(l, corpus, false), os.MkdirAll(crashers, 0o777)); err != nil {
		return failed(err)
	}
	e, err := n.run(ctx, call{log: "libfuzzer", env: n.keeping(), limit: time.Duration(seconds)*time.Second + grace,
		argv: []string{binary, "-max_total_time=" + strconv.Itoa(seconds), "-print_final_stats=1",
			"-artifact_prefix=" + crashers + "/", corpus}})
	if err != nil {
		return failed(err)
	}
	log, err := os.ReadFile(n.Store.path("logs", "libfuzzer.log"))
	if err != nil {
		return failed(err)
	}
	r.Figures[l.Name+" executions"] = lastNumber(log)
	if e.code != 0 && e.code != libFuzzerFound && !e.late {
		r.Warnings = append(r.Warnings, fmt.Sprintf("it ended with status %d: see the log", e.code))
	}
	if _, err := n.Store.take(l, corpus); err != nil {
		return failed(err)
	}
	if err := errors.Join(n.keepAll(l, crashers), os.RemoveAll(crashers)); err != nil {
		return failed(err)
	}
	return n.promoted(ctx, n.metered(r))
}
