package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
// in turn, and between them the corpus is exchanged. The test binary is built once. It writes crashers into ./testdata,
// so it has a folder of its own.
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
	r := Result{Status: OK, Figures: map[string]float64{}}
	kinds := fuzz.Languages()
	least := cmp.Or(n.runLeast, roundLeast)
	for round := 0; time.Until(end) > least; round++ {
		left := time.Until(end)
		length := min(max(left/time.Duration(max(1, len(kinds)-round)), least), time.Minute, left)
		l := kinds[(round+n.state.Night)%len(kinds)]
		if round < len(kinds) {
			n.controlled(ctx, &r, n.nativeEngine(l, binary), l)
		}
		executions, err := n.nativeRound(ctx, l, dir, binary, length)
		r.Figures[l.Name+" executions"] += executions
		if ctx.Err() != nil {
			return failed(ctx.Err())
		}
		if err != nil { // what was found is kept all the same
			r.conclude(Failed, ExitFailed, err.Error())
			break
		}
	}
	return n.ended(ctx, r, "native")
}

// The times that engines need to try what they are given, and to tell of executions beyond that. The coordinator of
// go-fuzz counts nothing in its first nine seconds.
const (
	roundLeast  = 5 * time.Second
	goFuzzLeast = 15 * time.Second
)

// ended is the result of an engine that has run: it executed something, what that did is told, and what it found is
// kept. Log is the name of the one that tells why if it executed nothing.
func (n *Night) ended(ctx context.Context, r Result, log string) Result {
	return n.promoted(ctx, n.metered(n.busy(r, log)))
}

// busy is a result that is not ok when it counts no execution of a kind: who executes nothing finds nothing.
func (n *Night) busy(r Result, log string) Result {
	var idle []string
	for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
		if r.Figures[name] == 0 {
			idle = append(idle, "no "+name)
		}
	}
	switch {
	case r.Status != OK:
	case len(r.Figures) == 0:
		r.Status, r.Reason = Skipped, "its share of the budget was over before it could run"
	case len(idle) > 0:
		r.conclude(Failed, ExitFailed, strings.Join(idle, ", ")+": see "+n.Store.path("logs", log+".log"))
	}
	return r
}

// executions matches the numbers that engines print of what they did so far.
var executions = regexp.MustCompile(`(?m)(?:execs: |^#)(\d+)`)

// engine is one that can be run: as native is on a kind.
type engine struct {
	name   string // of the step
	corpus string // where its corpus is in the folder that it works in
	native bool   // the files of its corpus are those of Go's engine
	// run has it work in dir, with env, for about that length. It returns the executions.
	run func(ctx context.Context, log, dir string, env []string, length time.Duration) (float64, error)
}

func (n *Night) nativeEngine(l fuzz.Language, binary string) engine {
	name := nativeFunction(l)
	return engine{"native", filepath.Join("cache", name), true,
		func(ctx context.Context, log, dir string, env []string, length time.Duration) (float64, error) {
			e, err := n.run(ctx, call{log: log, dir: dir, env: env, limit: length + 3*grace, argv: []string{binary,
				"-test.run=^$", "-test.fuzz=^" + name + "$",
				"-test.fuzztime=" + length.Round(time.Millisecond).String(), "-test.fuzzminimizetime=1x",
				"-test.parallel=" + strconv.Itoa(max(1, n.Workers)),
				"-test.fuzzcachedir=" + filepath.Join(dir, "cache")}})
			return executed(e.said), err
		}}
}

// nativeFunction is the name of the fuzz function of a kind in fuzz/fuzz_test.go.
func nativeFunction(l fuzz.Language) string { return "Fuzz" + strings.ToUpper(l.Name[:1]) + l.Name[1:] }

func (n *Night) nativeRound(ctx context.Context, l fuzz.Language, dir, binary string, length time.Duration) (float64,
	error) {
	e := n.nativeEngine(l, binary)
	cache := filepath.Join(dir, e.corpus)
	env, err := n.give(ctx, l, cache, e.native)
	if err != nil {
		return 0, err
	}
	executions, err := e.run(ctx, "native", dir, env, length)
	if err != nil {
		return 0, err
	}
	// What ended this round would end each further one at its start; it is kept as a crasher.
	crashers := filepath.Join(dir, "testdata", "fuzz", nativeFunction(l))
	return executions, errors.Join(n.takeBack(l, cache), n.keepAll(l, crashers))
}

// executed is how many executions an engine tells of: it counts on, and from the beginning when it was started again.
func executed(out []byte) float64 {
	before, last := 0.0, 0.0
	for _, line := range executions.FindAllSubmatch(out, -1) {
		number, _ := strconv.ParseFloat(string(line[1]), 64) // digits
		if number < last {
			before += last
		}
		last = number
	}
	return before + last
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

// keepVar tells our fuzz functions the folder for what breaks a rule.
const keepVar = "HEAPFUZZ_KEEP="

// give makes an engine's folder anew, with the programs of the corpus that break no rule, and returns what tells our
// fuzz functions where to write what does. A program that takes the process along would end Go's engine at its start,
// before it has tried anything else. What an engine that was killed has left in the folder is taken first.
func (n *Night) give(ctx context.Context, l fuzz.Language, dir string, native bool) (env []string, err error) {
	kept, err := filepath.Abs(n.Store.path("kept"))
	if err := errors.Join(err, os.MkdirAll(kept, 0o777), n.takeBack(l, dir), n.Store.takeProject(l)); err != nil {
		return nil, err
	}
	names, err := n.sound(ctx, l)
	if err != nil {
		return nil, err
	}
	return []string{keepVar + kept}, n.Store.give(l, dir, native, names...)
}

// takeBack adds what is in an engine's folder to the corpus, and removes the folder.
func (n *Night) takeBack(l fuzz.Language, dir string) error {
	if _, err := n.Store.take(l, dir); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// soundMax is how long the programs of a corpus may run until those that were not reached are taken for wrong: some
// thousands take seconds.
const soundMax = 2 * time.Minute

// sound are the names of the programs in a corpus that break no rule now, on the targets that their bytes choose. Each
// is tried once in a night.
func (n *Night) sound(ctx context.Context, l fuzz.Language) ([]string, error) {
	list, names, err := n.Store.programs(l)
	if err != nil {
		return nil, err
	}
	if n.judged == nil {
		n.judged = map[string]bool{}
	}
	in := func(name string) string { return filepath.Join(l.Name, name) }
	var fresh []prog.Program
	var of []string
	for i, p := range list {
		if _, judged := n.judged[in(names[i])]; !judged {
			fresh, of = append(fresh, p), append(of, names[i])
		}
	}
	broken, err := n.breaks(ctx, l, fresh, of, func(raw []byte) string { return chosen(l, raw) })
	if err != nil {
		return nil, err
	}
	for name, rule := range broken { // there may be time for others when they are asked for again
		n.judged[in(name)] = rule == ""
	}
	sound := []string{}
	for _, name := range names {
		if n.judged[in(name)] {
			sound = append(sound, name)
		}
	}
	return sound, nil
}

// breaks is the rule that each of some programs with names breaks, "" for none, on the target that is chosen for its
// bytes. What comes to no end is missing.
func (n *Night) breaks(ctx context.Context, l fuzz.Language, list []prog.Program, names []string,
	target func(raw []byte) string) (map[string]string, error) {
	dir, err := n.fresh("sound", l.Name)
	if err != nil {
		return nil, err
	}
	var files []string
	for i, p := range list {
		file, raw := filepath.Join(dir, names[i]), ToRaw(l.Spec, p)
		repro := props.Repro{Property: props.Conforms.Name, Target: target(raw), Program: FromRaw(l.Spec, raw)}
		if err := os.WriteFile(file, repro.Text(l.Spec), 0o666); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	broken, err := n.broken(ctx, files, soundMax)
	if err != nil {
		return nil, err
	}
	rules := map[string]string{}
	for file, rule := range broken {
		rules[filepath.Base(file)] = rule
	}
	return rules, os.RemoveAll(dir)
}

// chosen is the name of the target that bytes choose.
func chosen(l fuzz.Language, raw []byte) string {
	targets := l.Targets()
	return targets[int(raw[0])%len(targets)].Name
}

// keepAll puts the crashers in an engine's folder among those that are kept, each with the target that it is for, and
// removes the folder when all are.
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
		repro := props.Repro{Property: props.Conforms.Name, Rule: props.Alive.Name + " of an engine's",
			Target: chosen(l, raw), Program: FromRaw(l.Spec, raw)}
		err = n.Store.write(n.Store.path("kept", "engine-"+repro.Name(l.Spec)), repro.Text(l.Spec))
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// promoted makes findings of what is kept, and adds them to a result, with those that are flaky.
func (n *Night) promoted(ctx context.Context, r Result) Result {
	files, err := filepath.Glob(n.Store.path("kept", "*.txt"))
	if err != nil {
		return failed(err)
	}
	type place struct{ path, target string }
	var shown []place
	for _, file := range files {
		path, target, err := n.promote(ctx, file)
		switch {
		case err != nil: // it may be a finding, and nobody knows
			r.conclude(Failed, ExitFailed, fmt.Sprintf("%s stays: %v", file, err))
			continue
		case path == "":
			f, err := n.setAside(file)
			if err != nil {
				r.conclude(Failed, ExitFailed, err.Error())
				continue
			}
			r.Found = append(r.Found, f)
			continue
		}
		if !slices.Contains(shown, place{path, target}) {
			shown = append(shown, place{path, target})
		}
		if err := os.Remove(file); err != nil {
			r.conclude(Failed, ExitFailed, err.Error())
		}
	}
	for _, of := range shown {
		f, err := n.look(ctx, of.path, of.target)
		if err != nil {
			r.conclude(Failed, ExitFailed, err.Error())
			continue
		}
		r.Found = append(r.Found, f)
	}
	return concluded(r)
}

// setAside moves a crasher that breaks no rule when it runs again to those of its like. It did so by chance, or after
// what ran before it, and a person may see more in it: no further night asks for it.
func (n *Night) setAside(file string) (Found, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Found{}, err
	}
	head := props.ReproHead(data)
	name := strings.TrimSuffix(filepath.Base(file), ".txt") + "-" + nameOf(data)
	f := Found{Target: head.Target, Property: head.Property, Rule: head.Rule, Program: string(data), Verdict: "flaky",
		File: n.Store.path("kept", "flaky", name), Why: "it broke the rule once, and none when it ran again"}
	f.Command = "heapfuzz replay " + f.File
	if t, err := n.lookup(head.Target); err == nil {
		f.Language = t.Subject
	}
	if err := n.Store.write(f.File, data); err != nil {
		return f, err // and the file stays
	}
	return f, os.Remove(file)
}

// promoteMax is how long a crasher may take to be shrunk, and those that are known to be replayed.
const promoteMax = 4 * time.Minute

// promote shrinks a crasher and puts it into found, unless one is there that still shows the same. It returns the path
// of the one that is there now and the target, or "" when the crasher breaks no rule.
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
	broken, err := n.broken(ctx, known[key(repro)], promoteMax)
	if err != nil {
		return "", "", err
	}
	for _, there := range known[key(repro)] {
		if broken[there] == repro.Rule {
			return there, t.Name, nil
		}
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
	e, err := n.run(ctx, call{log: "promote", limit: promoteMax, argv: n.self("shrink", file, "-o", staging)})
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
	return nativeFunction(l) + "Bytes"
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
	e, err := n.run(ctx, call{log: "go-fuzz", dir: n.Root, limit: share,
		argv: []string{"go", "tool", "-n", "go-fuzz"}})
	switch {
	case err != nil:
		return failed(err)
	case e.code != 0:
		log := n.Store.path("logs", "go-fuzz.log")
		return failed(fmt.Errorf("go tool -n go-fuzz left with %d: see %s", e.code, log))
	}
	r, least := Result{Status: OK, Figures: map[string]float64{}}, cmp.Or(n.runLeast, goFuzzLeast)
	if time.Until(end) < least {
		return n.busy(r, "go-fuzz")
	}
	g := n.goFuzzEngine(l, strings.TrimSpace(string(e.out)), archive)
	n.controlled(ctx, &r, g, l)
	corpus := filepath.Join(dir, g.corpus)
	env, err := n.give(ctx, l, corpus, g.native)
	// What is suppressed was found in another night, and may have been mended and broken since.
	if err := errors.Join(err, os.RemoveAll(filepath.Join(dir, "suppressions"))); err != nil {
		r.conclude(Failed, ExitFailed, err.Error())
		return r
	}
	if time.Until(end) < least {
		return n.busy(r, "go-fuzz")
	}
	executions, err := g.run(ctx, "go-fuzz", dir, env, time.Until(end))
	crashers := filepath.Join(dir, "crashers")
	if err := errors.Join(err, n.keepAll(l, crashers), n.takeBack(l, corpus)); err != nil {
		r.conclude(Failed, ExitFailed, err.Error())
	}
	r.Figures[l.Name+" executions"] = executions
	return n.ended(ctx, r, "go-fuzz-coordinator")
}

func (n *Night) goFuzzEngine(l fuzz.Language, tool, archive string) engine {
	return engine{"go-fuzz", "corpus", false,
		func(ctx context.Context, log, dir string, env []string, length time.Duration) (float64, error) {
			c := &cluster{n: n, log: log, tool: tool, dir: dir, env: env, archive: archive, function: bytesFunction(l)}
			return c.run(ctx, time.Now().Add(length))
		}}
}

// cluster is go-fuzz's coordinator and workers.
type cluster struct {
	n                                 *Night
	log, tool, dir, archive, function string // log is what the names of its logs begin with
	env                               []string
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
	log := c.n.Store.path("logs", c.log+"-coordinator.log")
	if err := os.RemoveAll(log); err != nil { // the executions are read from it
		return 0, err
	}
	coordinator, err := c.start("coordinator", "-coordinator="+address)
	if err != nil {
		return 0, err
	}
	worker, err := c.start("worker", "-worker="+address, "-bin="+c.archive, "-func="+c.function,
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
				next, e := c.start("coordinator", "-coordinator="+address)
				if e == nil {
					coordinator = next
					continue
				}
				err = e
			}
			err = errors.Join(err, fmt.Errorf("the coordinator died %d times: see %s", restarts, log))
		case <-worker.done:
			err = fmt.Errorf("the workers ended: see %s", c.n.Store.path("logs", c.log+"-worker.log"))
		}
		break
	}
	worker.stop()
	coordinator.stop()
	out, e := os.ReadFile(log)
	return executed(out), errors.Join(err, e)
}

// part is a process of a cluster.
type part struct {
	process *exec.Cmd
	done    chan struct{} // closed when it has ended
}

func (c *cluster) start(name string, args ...string) (*part, error) {
	out, err := c.n.openLog(c.log + "-" + name)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the process has its own
	p := exec.Command(c.tool, append(args, "-workdir="+c.dir)...)
	p.Stdout, p.Stderr, p.Env, p.SysProcAttr = out, out, append(os.Environ(), c.env...), owned()
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

// libFuzzerFound is what libFuzzer leaves with when it has written a crasher, in a fork when its time is over.
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
	r, least := Result{Status: OK, Reason: archive, Figures: map[string]float64{}}, cmp.Or(n.runLeast, roundLeast)
	if time.Until(end) < least {
		return n.busy(r, "libfuzzer")
	}
	e := n.libFuzzerEngine(&r, binary)
	n.controlled(ctx, &r, e, l)
	corpus := filepath.Join(dir, e.corpus)
	env, err := n.give(ctx, l, corpus, e.native)
	if err == nil && time.Until(end) < least {
		return n.busy(r, "libfuzzer")
	}
	executions := 0.0
	if err == nil {
		executions, err = e.run(ctx, "libfuzzer", dir, env, time.Until(end))
	}
	if err != nil {
		r.conclude(Failed, ExitFailed, err.Error())
		return r
	}
	r.Figures[l.Name+" executions"] = executions
	if err := errors.Join(n.keepAll(l, filepath.Join(dir, libFuzzerCrashers)), n.takeBack(l, corpus)); err != nil {
		r.conclude(Failed, ExitFailed, err.Error())
	}
	return n.ended(ctx, r, "libfuzzer")
}

// libFuzzerCrashers is where libFuzzer writes what its process dies of, in the folder that it works in.
const libFuzzerCrashers = "crashers"

// libFuzzerEngine runs a binary in a fork, where it goes on after a crasher. What forks use is beside the corpus, and
// not where all others have theirs. How it ends is told to a result, unless we end it.
func (n *Night) libFuzzerEngine(r *Result, binary string) engine {
	return engine{"libfuzzer", "corpus", false,
		func(ctx context.Context, log, dir string, env []string, length time.Duration) (float64, error) {
			crashers, seconds := filepath.Join(dir, libFuzzerCrashers), max(1, int(length.Seconds()))
			if err := os.MkdirAll(crashers, 0o777); err != nil {
				return 0, err
			}
			e, err := n.run(ctx, call{log: log, env: append(env, "TMPDIR="+dir),
				limit: time.Duration(seconds)*time.Second + grace,
				argv: []string{binary, "-fork=1", "-ignore_crashes=1", "-max_total_time=" + strconv.Itoa(seconds),
					"-artifact_prefix=" + crashers + "/", filepath.Join(dir, "corpus")}})
			if e.code != 0 && e.code != libFuzzerFound && !e.late && ctx.Err() == nil {
				r.Warnings = append(r.Warnings, fmt.Sprintf("it ended with status %d: see %s", e.code,
					n.Store.path("logs", log+".log")))
			}
			return executed(e.said), err
		}}
}
