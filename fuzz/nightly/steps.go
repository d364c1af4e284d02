package nightly

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/canary/canarytest"
	"heapfuzz/fuzz/mutant"
	"heapfuzz/model"
	"heapfuzz/props"
)

// What a process of heapfuzz leaves with. All else is trouble.
const (
	leftFine    = 0
	leftFinding = 1
)

func sum32(text string) uint32 {
	sum := fnv.New32a()
	sum.Write([]byte(text))
	return sum.Sum32()
}

// tried are the targets of the campaign.
func (n *Night) tried() (list []fuzz.Target, err error) {
	if len(n.Targets) == 0 {
		return fuzz.Targets(), nil
	}
	for _, name := range n.Targets {
		t, err := n.lookup(name)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// hunter is the command line that hunts on a target, in a process of its own, since a target can take it along.
func (n *Night) hunter(t fuzz.Target, store string, share time.Duration) []string {
	argv := n.self("night-hunt", "-dir", store, "-corpus", n.Store.Corpus, "-target", t.Name,
		"-seed", strconv.FormatUint(n.state.Seed, 10), "-night", strconv.Itoa(n.state.Night),
		"-duration", share.Round(time.Millisecond).String(), "-workers", strconv.Itoa(max(1, n.Workers)))
	for _, note := range n.notes() {
		argv = append(argv, "-note", note)
	}
	return argv
}

// crashesMax is after how many deaths the campaign leaves a target alone for the night.
const crashesMax = 3

// campaign hunts on every target in turn.
func (n *Night) campaign(ctx context.Context, share time.Duration) Result {
	targets, err := n.tried()
	if err != nil {
		return failed(err)
	}
	for _, l := range kinds(targets) {
		if err := n.Store.takeProject(l); err != nil {
			return failed(err)
		}
	}
	r, end := Result{Status: OK}, time.Now().Add(share)
	for i, t := range targets {
		part := max(0, time.Until(end)) / time.Duration(len(targets)-i)
		h, warnings, err := n.huntTarget(ctx, t, max(part, 50*time.Millisecond))
		r.Warnings = append(r.Warnings, warnings...)
		if err != nil { // others are tried, and what was found is told, all the same
			r.conclude(Failed, ExitFailed, fmt.Sprintf("%s: %v", t.Name, err))
			continue
		}
		r.Targets = append(r.Targets, *h)
		if h.Vacuous != "" {
			r.conclude(Failed, ExitVacuous, t.Name+" is vacuous: "+h.Vacuous)
		}
	}
	for _, h := range r.Targets {
		for _, file := range h.Tonight {
			f, err := n.look(ctx, file, h.Target)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				r.Warnings = append(r.Warnings, file+" was removed")
			case err != nil:
				r.conclude(Failed, ExitFailed, err.Error())
			default:
				r.Found = append(r.Found, f)
			}
		}
	}
	return concluded(r)
}

// concluded sets the status of a result by what was found.
func concluded(r Result) Result {
	if open := r.open(); r.Status == OK && open > 0 {
		r.Status, r.Reason = Finding, fmt.Sprintf("%d", open)
	}
	return r
}

// open is how many findings of a result are there still.
func (r *Result) open() (n int) {
	for _, f := range r.Found {
		if f.Verdict == "new" || f.Verdict == "again" {
			n++
		}
	}
	return n
}

// huntTarget hunts on one target until its time is over. When the process dies of a program, the parent of that process
// has written a finding already, and the slice is passed over.
func (n *Night) huntTarget(ctx context.Context, t fuzz.Target, part time.Duration) (*Hunted, []string, error) {
	var warnings []string
	known, err := n.standing(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	end := time.Now().Add(part) // the few replays before are of little time, and a short part would be spent on them
	for range crashesMax {
		left := max(time.Until(end), 50*time.Millisecond)
		argv := append(n.hunter(t, n.Store.Dir, left), "-o", n.Store.found(t.Subject),
			"-programs", strconv.Itoa(n.ProgramsMax))
		for _, file := range known {
			argv = append(argv, "-known", file)
		}
		e, err := n.run(ctx, call{log: "campaign", limit: left + 3*grace, argv: argv})
		if err != nil {
			return nil, nil, err
		}
		h, err := n.Store.hunted(t.Name)
		if err != nil || e.code == leftFine {
			return h, warnings, err
		}
		if e.code != leftFinding && e.code != -1 {
			return nil, nil, fmt.Errorf("its hunt left with %d: see %s", e.code, n.Store.path("logs", "campaign.log"))
		}
		warnings = append(warnings, fmt.Sprintf("%s: slice %d ended with status %d", t.Name, h.Next, e.code))
		if err := n.pass(t, h, known); err != nil {
			return nil, nil, err
		}
	}
	h, err := n.Store.hunted(t.Name)
	if err == nil && h.Programs == 0 && len(h.Tonight) == 0 {
		err = fmt.Errorf("nothing was tried: %d hunts of it ended before their first slice did", crashesMax)
	}
	return h, append(warnings, t.Name+": left alone after so many"), err
}

// standing are the files in found of a target that break the rules of their heads now.
func (n *Night) standing(ctx context.Context, t fuzz.Target) ([]string, error) {
	known, err := n.Store.known(t.Language())
	if err != nil {
		return nil, err
	}
	var files []string
	rules := map[string]string{}
	for shown, of := range known {
		if rule, ok := strings.CutPrefix(shown, t.Name+" "+props.Conforms.Name+" "); ok {
			for _, file := range of {
				files, rules[file] = append(files, file), rule
			}
		}
	}
	slices.Sort(files)
	broken, err := n.broken(ctx, files, standingMax)
	return slices.DeleteFunc(files, func(file string) bool { return broken[file] != rules[file] }), err
}

// standingMax is how long the findings of one target may take to be replayed.
const standingMax = time.Minute

// pass goes on to the slice behind one in which the process died, and counts the findings that tell of it: those that
// it left, and those that are known.
func (n *Night) pass(t fuzz.Target, h *Hunted, standing []string) error {
	h.Next, h.Crashed = h.Next+1, h.Crashed+1
	known, err := n.Store.known(t.Language())
	if err != nil {
		return err
	}
	var files []string
	for shown, of := range known {
		if strings.HasPrefix(shown, t.Name+" "+props.Conforms.Name+" "+props.Alive.Name) {
			files = append(files, of...)
		}
	}
	for _, file := range files {
		repro, err := props.ReadRepro(t.Language().Spec, file)
		switch {
		case err != nil:
			return err
		case len(repro.Notes) == 0: // its writer knew nothing of the night
			repro.Notes = n.notes()
			if err := n.Store.write(file, repro.Text(t.Language().Spec)); err != nil {
				return err
			}
		case !slices.Contains(standing, file):
			continue // it is mended, and tells of another night
		}
		h.Tonight, h.Findings = include(h.Tonight, file), include(h.Findings, file)
	}
	return n.Store.writeJSON(n.Store.huntPath(t.Name), h)
}

// look makes a finding of a file in found, with its picture: the report of a run on the target. A program that shows
// one defect on several targets is one file, whose head names the first of them.
func (n *Night) look(ctx context.Context, file, target string) (Found, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Found{}, err
	}
	head := props.ReproHead(data)
	f := Found{Target: target, Property: head.Property, Rule: head.Rule, File: file, Program: string(data),
		Language: filepath.Base(filepath.Dir(filepath.Dir(file))), Verdict: "again",
		Command: "heapfuzz replay " + file + " -target " + target}
	if slices.Contains(head.Notes, n.tonight()) {
		f.Verdict = "new"
	}
	e, err := n.run(ctx, call{log: "replay", limit: grace, argv: n.self("replay", file, "-target", target)})
	f.Picture = string(e.out)
	return f, err
}

// replay looks at all that was found before. A canary that is not caught any more is a failure of ours.
func (n *Night) replay(ctx context.Context, share time.Duration) Result {
	r := Result{Status: OK, Figures: map[string]float64{}}
	var files []string
	for _, l := range fuzz.Languages() {
		of, err := filepath.Glob(filepath.Join(n.Store.found(l.Name), "*.txt"))
		if err != nil {
			return failed(err)
		}
		files = append(files, of...)
	}
	broken, err := n.broken(ctx, files, share)
	if err != nil {
		return failed(err)
	}
	for _, file := range files {
		f, err := n.again(ctx, file, broken)
		if err != nil {
			r.conclude(Failed, ExitFailed, err.Error())
			continue
		}
		canary := strings.HasPrefix(f.Target, canarytest.Prefix)
		switch {
		case f.Verdict == "not told":
			r.Warnings = append(r.Warnings, file+": "+f.Why)
		case canary && f.Verdict != "again" && f.Verdict != "target gone":
			r.conclude(Failed, ExitControl, f.Target+" is not caught any more by "+file+": "+f.Why)
		}
		r.Figures[f.Verdict]++
		if !canary {
			r.Found = append(r.Found, f)
		}
	}
	return concluded(r)
}

// again is what came of a file that was found before: "again" when a rule is broken still, "other" when a canary breaks
// another than its own, or "fixed"; or why that is not known.
func (n *Night) again(ctx context.Context, file string, broken map[string]string) (Found, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Found{}, err
	}
	head := props.ReproHead(data)
	f := Found{Target: head.Target, Property: head.Property, Rule: head.Rule, File: file, Program: string(data),
		Language: filepath.Base(filepath.Dir(filepath.Dir(file))), Command: "heapfuzz replay " + file}
	if _, err := n.lookup(head.Target); err != nil {
		f.Verdict, f.Why = "target gone", err.Error()
		return f, nil
	}
	now, told := broken[file]
	now = strings.TrimPrefix(now, head.Property+": ") // as signatures of relations begin
	was, _, _ := strings.Cut(head.Rule, " ")
	is, _, _ := strings.Cut(now, " ")
	canary := strings.HasPrefix(head.Target, canarytest.Prefix)
	switch {
	case !told:
		f.Verdict, f.Why = "not told", "its replay came to no end"
	case now == "":
		f.Verdict, f.Why = "fixed", "it breaks no rule now"
	case canary && is != was:
		f.Verdict, f.Why = "other", "it breaks "+now+" now, and not "+head.Rule
	case canary:
		f.Verdict = "again"
	default:
		if f, err = n.look(ctx, file, head.Target); err != nil {
			return f, err
		}
		f.Verdict = "again" // it was there before this night began
		if is != was {
			f.Rule = now + " (and " + head.Rule + " when it was found)"
		}
	}
	return f, nil
}

// replaysMax is how many files one process replays: a command line has its limits.
const replaysMax = 1000

// broken replays files, and returns the signature of the rule that each breaks now, "" when it breaks none. One process
// does them in turn. When it ends before the last, the next one does the file at which it did, alone, and another those
// behind that. A file whose replay comes to no end, or that no time is left for, is missing; a share of no length has
// the grace that a process has.
func (n *Night) broken(ctx context.Context, files []string, share time.Duration) (map[string]string, error) {
	broken, end := map[string]string{}, time.Now().Add(share+grace)
	for len(files) > 0 && time.Until(end) > 0 && ctx.Err() == nil {
		some := files[:min(len(files), replaysMax)]
		if err := n.ask(ctx, some, time.Until(end), broken); err != nil {
			return nil, err
		}
		at := slices.IndexFunc(some, func(file string) bool { _, told := broken[file]; return !told })
		if at < 0 {
			files = files[len(some):]
			continue
		}
		if err := n.ask(ctx, some[at:at+1], time.Until(end), broken); err != nil {
			return nil, err
		}
		told := func(file string) bool { _, told := broken[file]; return told }
		files = slices.DeleteFunc(slices.Clone(files[at+1:]), told)
	}
	return broken, nil
}

// ask replays files in one process, and adds what it tells of them.
func (n *Night) ask(ctx context.Context, files []string, limit time.Duration, broken map[string]string) error {
	e, err := n.run(ctx, call{log: "replay", limit: max(limit, time.Second),
		argv: n.self(append([]string{"replay", "-json"}, files...)...)})
	for line := range bytes.Lines(e.out) {
		var m struct{ From, Signature string }
		if json.Unmarshal(line, &m) == nil && m.From != "" { // else it is the report of a process that died
			broken[m.From] = m.Signature
		}
	}
	if _, told := broken[files[0]]; err == nil && len(files) == 1 && !told && e.code == leftFinding {
		broken[files[0]] = (&model.Violation{Rule: props.Alive, Cause: "crash"}).Signature()
	}
	return err
}

// mutantMax is how long what is done with one defect, and with the canaries, may take on a busy machine.
const mutantMax = 5 * time.Minute

// mutants tries as many of the defects as there is time for, in an order that is the same each night: what was found
// out before is known until the sources change. Each that survives must be listed, and the score must not fall.
func (n *Night) mutants(ctx context.Context, share time.Duration) Result {
	out, err := filepath.Abs(n.Store.path("evidence"))
	if err != nil {
		return failed(err)
	}
	limit := 2*share + mutantMax // it begins nothing behind its share, but the last one may take its time
	e, err := n.run(ctx, call{log: "mutants", dir: n.Root, limit: limit,
		argv: []string{"scripts/mutate", "-floor", fmt.Sprint(mutant.Claim), "-time", share.String(),
			"-seed", strconv.FormatUint(n.state.Seed, 10), "-o", out}})
	lines := strings.Split(strings.TrimSpace(string(e.out)), "\n")
	last := lines[len(lines)-1]
	switch {
	case err != nil:
		return failed(err)
	case e.late:
		return failed(fmt.Errorf("it came to no end in %v: see %s", limit, n.Store.path("logs", "mutants.log")))
	case strings.HasPrefix(last, "time: "):
		return Result{Status: Skipped, Reason: "there was no time for a defect"}
	case e.code == leftFinding: // the properties have less power than what is written down of them says
		return Result{Status: Failed, Exit: ExitVacuous, Reason: last}
	case e.code != 0:
		return Result{Status: Failed, Reason: last}
	}
	return Result{Status: OK, Reason: last}
}

// minimize takes out of the corpus what shows nothing new. It is done in a process of its own, as a target can die of a
// program that an engine found.
func (n *Night) minimize(ctx context.Context, share time.Duration) Result {
	e, err := n.run(ctx, call{log: "corpus", limit: share + 3*grace,
		argv: n.self("night-cover", "-dir", n.Store.Dir, "-corpus", n.Store.Corpus)})
	r := Result{Status: OK, Reason: strings.TrimSpace(string(e.out)), Figures: map[string]float64{}}
	for name, size := range n.Store.counts() {
		r.Figures[name] = float64(size)
	}
	switch {
	case err != nil:
		return failed(err)
	case e.late:
		r.Status, r.Reason = Skipped, strings.TrimPrefix(r.Reason+"; the time was over", "; ")
	case e.code == leftFinding:
		r.Status, r.Reason = Finding, "a target dies of a program in the corpus, which stays as it is"
	case e.code != 0:
		r.Status = Failed
	}
	return r
}
