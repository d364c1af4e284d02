package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/fuzz/trace"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// traceFlags are the flags of trace.
type traceFlags struct {
	target  string
	json    bool
	sample  int
	lenient bool
	hang    time.Duration
}

const traceLong = `
Replay what real programs asked of their allocator, with every answer judged and every byte of every block verified,
and print a row for each trace and target. A folder stands for the files in it.

Formats, packed with zstd or gzip or not, are told by the content: our own text, malloc lab's .rep, glibc's mtrace,
Android's memory_replay, and the records of scripts/record.

PEAK LIVE is the most bytes that were asked for and not freed at a time; FOOTPRINT the most that the allocator had
from the operating system, looked at every -sample operations and at the peak; UTILISATION is the one by the other. A
target that does not tell its footprint has a "-". TIME is with all checks: it compares traces, and says little of an
allocator's speed.`

func traceCommand() *cobra.Command {
	var f traceFlags
	c := &cobra.Command{
		Use:     "trace FILE|FOLDER... [flags]",
		Short:   "Replay what real programs did, and weigh the memory that it took.",
		Long:    traceLong,
		Args:    files,
		Example: "  heapfuzz trace corpus/heap/trace -target slab\n  heapfuzz trace mine.rep -target all -json",
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), args)
		},
	}
	c.Flags().StringVar(&f.target, "target", "all", "`name`s with commas between, or \"all\"")
	c.Flags().BoolVar(&f.json, "json", false, "print a line of JSON for each row")
	c.Flags().IntVar(&f.sample, "sample", 256, "ask for the footprint every so `many` operations")
	c.Flags().BoolVar(&f.lenient, "lenient", false, "take traces that contradict themselves: drop what cannot be")
	c.Flags().DurationVar(&f.hang, "hang", campaign.HangDefault, hangUsage)
	return c
}

func (f *traceFlags) run(ctx context.Context, stdout, stderr io.Writer, args []string) error {
	targets, err := choose(f.target, "heap")
	if err != nil {
		return err
	}
	if f.sample < 1 {
		return fmt.Errorf("-sample %d: at least 1", f.sample)
	}
	paths, err := filesIn(args)
	if err != nil {
		return err
	}
	var rows []weighed
	err = each(paths, stderr, func(path string) error {
		tr, err := trace.OpenLimits(heaptest.Lang.Spec, path, trace.Limits{Lenient: f.lenient})
		if err != nil {
			return err
		}
		for _, t := range targets {
			row, e := f.weigh(ctx, t.New(), path, tr)
			if e != nil {
				return e
			}
			rows = append(rows, row)
			if row.run.Violation != nil {
				err = errFinding
			}
		}
		return err
	})
	if len(rows) > 0 {
		f.print(stdout, rows)
	}
	return err
}

// filesIn returns the files that the arguments name. Of a folder, files that are hidden or explain something are not
// traces.
func filesIn(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		st, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !st.IsDir() {
			paths = append(paths, arg)
			continue
		}
		before := len(paths)
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			name := d.Name()
			if err == nil && d.Type().IsRegular() && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".md") {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(paths) == before {
			return nil, fmt.Errorf("%s: no trace in this folder", arg)
		}
	}
	return paths, nil
}

// weighed is a trace on a target.
type weighed struct {
	path      string
	trace     *trace.Trace
	run       *running
	footprint uint64 // the most that was told; 0: not told
	skipped   int
	refused   int
}

// weigh replays a trace with questions for the footprint among its operations.
func (f *traceFlags) weigh(ctx context.Context, s *props.Subject, path string, tr *trace.Trace) (weighed, error) {
	usage, _ := s.Spec.Lookup("usage")
	p := asking(s.Spec, tr.Program, prog.Op{Kind: usage}, f.sample)
	run, err := perform(ctx, s, p, f.hang)
	w := weighed{path: path, trace: tr, run: run}
	if err != nil {
		return w, err
	}
	for i, out := range run.Trace {
		switch {
		case run.Ops[i].Kind == usage && out.Status == prog.OK:
			w.footprint = max(w.footprint, out.Addr)
		case run.Ops[i].Kind == usage || i >= len(p.Ops):
		case out.Status == prog.Skip:
			w.skipped++
		case out.Status == prog.NoMem:
			w.refused++
		}
	}
	return w, nil
}

// asking returns p with the question after every so many operations, and where the most bytes are live.
func asking(spec *prog.Spec, p prog.Program, question prog.Op, every int) prog.Program {
	peak := peakAt(spec, p)
	q := prog.Program{World: p.World, Ops: make([]prog.Op, 0, len(p.Ops)+len(p.Ops)/every+2)}
	for i, op := range p.Ops {
		q.Ops = append(q.Ops, op)
		if i == peak || (i+1)%every == 0 {
			q.Ops = append(q.Ops, question)
		}
	}
	return q
}

// peakAt returns the index of the operation after which the most bytes are live.
func peakAt(spec *prog.Spec, p prog.Program) (at int) {
	sizes := map[prog.Slot]uint64{}
	var live, most uint64
	for i, op := range p.Ops {
		info := spec.Info(op.Kind)
		slot, size, sized := op.Def, uint64(1), false
		if info.Role == prog.Use || info.Role == prog.Kill {
			slot = prog.Slot(op.Args[0])
		}
		for a, arg := range info.Args {
			if arg.Name == "size" || arg.Name == "n" {
				size *= op.Args[a]
				sized = true
			}
		}
		switch {
		case sized:
			live += size - sizes[slot]
			sizes[slot] = size
		case info.Role == prog.Kill:
			live -= sizes[slot]
			delete(sizes, slot)
		}
		if live > most {
			at, most = i, live
		}
	}
	return at
}

func (w *weighed) verdict() string {
	if v := w.run.Violation; v != nil {
		return "breaks " + v.Signature()
	}
	text := "conforms"
	if w.skipped > 0 {
		text += ", " + commas(w.skipped) + " skipped"
	}
	if w.refused > 0 {
		text += ", " + commas(w.refused) + " refused"
	}
	return text
}

func (w *weighed) utilisation() float64 {
	if w.footprint == 0 {
		return 0
	}
	return float64(w.trace.Stats.PeakBytes) / float64(w.footprint)
}

func (f *traceFlags) print(w io.Writer, rows []weighed) error {
	if f.json {
		return printRows(w, rows)
	}
	var t table
	t.add("TRACE", "TARGET", ">OPERATIONS", ">PEAK LIVE", ">FOOTPRINT", ">UTILISATION", ">TIME", ">OPS/S", "VERDICT")
	var totals []*sums
	for i := range rows {
		r := &rows[i]
		footprint, utilisation := "-", "-"
		if r.footprint > 0 {
			footprint, utilisation = trace.Bytes(r.footprint), fmt.Sprintf("%.1f%%", 100*r.utilisation())
		}
		t.add(r.trace.Name, r.run.subject.Target, commas(len(r.run.Trace)), trace.Bytes(r.trace.Stats.PeakBytes),
			footprint, utilisation, brief(r.run.took), rate(len(r.run.Trace), r.run.took), r.verdict())
		totals = addTo(totals, r)
	}
	for _, s := range totals {
		if s.rows > 1 {
			t.add(s.row()...)
		}
	}
	if err := t.print(w); err != nil {
		return err
	}
	for i := range rows {
		if r := &rows[i]; r.run.Violation != nil {
			fmt.Fprintf(w, "\n%s: %s\nshrink   heapfuzz shrink %s -target %s -o %s\n", r.path,
				r.run.Violation.Error(), quoted(shown(r.path)), r.run.subject.Target, foundDir(r.run.subject))
		}
	}
	return nil
}

func rate(ops int, took time.Duration) string {
	if took == 0 {
		return "-"
	}
	return commas(int(float64(ops) / took.Seconds()))
}

// brief prints a time with as many digits as say something.
func brief(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// sums are the totals of one target. Utilisation is the mean of those that are known.
type sums struct {
	target                   string
	rows, ops, known, broken int
	took                     time.Duration
	utilisation              float64
}

// addTo adds a row to the sums of its target.
func addTo(totals []*sums, r *weighed) []*sums {
	i := slices.IndexFunc(totals, func(s *sums) bool { return s.target == r.run.subject.Target })
	if i < 0 {
		i = len(totals)
		totals = append(totals, &sums{target: r.run.subject.Target})
	}
	s := totals[i]
	s.rows++
	s.ops += len(r.run.Trace)
	s.took += r.run.took
	if r.footprint > 0 {
		s.known++
		s.utilisation += r.utilisation()
	}
	if r.run.Violation != nil {
		s.broken++
	}
	return totals
}

func (s *sums) row() []string {
	mean, verdict := "-", "all conform"
	if s.known > 0 {
		mean = fmt.Sprintf("%.1f%%", 100*s.utilisation/float64(s.known))
	}
	if s.broken > 0 {
		verdict = fmt.Sprintf("%d of %d break a rule", s.broken, s.rows)
	}
	return []string{fmt.Sprintf("all %d traces", s.rows), s.target, commas(s.ops), "", "", mean, brief(s.took),
		rate(s.ops, s.took), verdict}
}

// printRows prints a line of JSON for each row.
func printRows(w io.Writer, rows []weighed) error {
	enc, errs := json.NewEncoder(w), []error(nil)
	for i := range rows {
		r := &rows[i]
		m := map[string]any{"event": "trace", "trace": r.path, "format": r.trace.Format, "target": r.run.subject.Target,
			"verdict": "conforms", "operations": len(r.run.Trace), "peakLive": r.trace.Stats.PeakBytes,
			"seconds": r.run.took.Seconds(), "skipped": r.skipped, "refused": r.refused}
		if v := r.run.Violation; v != nil {
			m["verdict"], m["rule"], m["signature"], m["detail"] = "breaks a rule", v.Rule.Name, v.Signature(), v.Detail
		}
		if r.footprint > 0 {
			m["footprint"], m["utilisation"] = r.footprint, r.utilisation()
		}
		errs = append(errs, enc.Encode(m))
	}
	return errors.Join(errs...)
}
