package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// settled is a finding as it is given away: the shortest program, its report, and where it was written.
type settled struct {
	*props.Finding
	report string
	again  int    // of againRuns, the runs of the shortest program that show the same
	path   string // "" when it was not written
	why    error  // why it was not written
}

// minimizeMax bounds the time that making a program shorter may take. The engine has a budget of its own, and is slower
// than it only when a shorter program does not return.
const minimizeMax = time.Minute

// againRuns is how often the shortest program is run once more, to see whether it always shows what was found.
const againRuns = 5

// minimizing is the number of the worker that makes programs shorter. Those of a campaign begin at 0.
const minimizing = 1000

// settle minimizes a finding and writes it into dir, when there is one. A program that hangs is written as it is: to
// try a shorter one would take as long again, and leave another goroutine behind. Origin is the command that found it.
func settle(ctx context.Context, s *props.Subject, f *props.Finding, dir, origin string) settled {
	out, stats := settled{Finding: f, again: againRuns}, (*props.MinimizeStats)(nil)
	if !hangs(f) {
		var shorter *props.Finding
		var st props.MinimizeStats
		var again int
		about(minimizing, s, f.Program)
		property, err := propertyOf(s, f.Property, f.Violation.Signature())
		if err != nil {
			panic("heapfuzz: " + err.Error())
		}
		err = within(ctx, minimizeMax, func() {
			shorter, st = props.Minimize(s, property, f, props.MinimizeOptions{})
			again = seenAgain(s, property, shorter)
		})
		if err == nil {
			out.Finding, out.again, stats = shorter, again, &st
		}
	}
	if dir != "" {
		var notes []string
		if origin != "" {
			notes = append(notes, "found by "+origin)
		}
		if out.again < againRuns {
			notes = append(notes, oneLine(out.flaky()))
		}
		out.path, out.why = props.WriteRepro(dir, s, out.Finding, notes...)
	}
	out.explain(s, props.ReportOptions{Stats: stats, Seed: origin})
	return out
}

// seenAgain counts in how many of againRuns runs the program shows the same once more.
func seenAgain(s *props.Subject, property props.Property, f *props.Finding) (n int) {
	var r props.Runner
	for range againRuns {
		refuted, err := property.Check(s, &r, f.Program)
		if err == nil && refuted != nil && refuted.Violation.Signature() == f.Violation.Signature() {
			n++
		}
	}
	return n
}

// flaky says that the program alone does not make the finding.
func (s *settled) flaky() string {
	return fmt.Sprintf("flaky    in %d of %d runs again: it depends on more than the program, on addresses say",
		s.again, againRuns)
}

// explain makes the report.
func (s *settled) explain(subject *props.Subject, options props.ReportOptions) {
	var b bytes.Buffer
	if s.path != "" {
		options.Replay = replayLine(s.path, s.Target)
	}
	if err := report(&b, subject, s.Finding, options); err != nil {
		fmt.Fprintf(&b, "%s\n(no report: %v)\n%s", s.Signature(), err, subject.Spec.Format(s.Program))
	}
	if s.again < againRuns {
		fmt.Fprintln(&b, s.flaky())
	}
	s.report = b.String()
}

// print writes the report, and the program itself when it could not be kept.
func (s *settled) print(w io.Writer, format func() []byte) {
	io.WriteString(w, s.report)
	if s.why != nil {
		fmt.Fprintf(w, "not written: %v; the program is\n%s", s.why, format())
	}
}

// report is props.Report, but for a program that hangs or kills nobody is blamed: that would run it once more.
func report(w io.Writer, s *props.Subject, f *props.Finding, options props.ReportOptions) error {
	if hangs(f) || f.Violation.Cause == crash("").Cause {
		still := *s
		still.Damage = nil
		s = &still
	}
	return props.Report(w, s, f, options)
}

func hangs(f *props.Finding) bool {
	return f.Violation.Rule == props.Alive && f.Violation.Cause == "hang"
}

// propertyOf returns the property of that name. One that others of its kind have and this subject does not is not
// promised, and holds of every program. The rule of a differential finding says which other target it is about:
// "meta/differential slab usage".
func propertyOf(s *props.Subject, name, rule string) (props.Property, error) {
	if p, ok := s.Property(name); ok {
		return p, nil
	}
	l, words := languageOf(s), strings.Fields(rule)
	for _, p := range l.Properties() {
		if p.Name == name {
			p.Check = func(*props.Subject, *props.Runner, prog.Program) (*props.Refutation, error) { return nil, nil }
			return p, nil
		}
	}
	if name == fuzz.ExactName && len(words) > 1 {
		t, err := lookup(s.Target)
		if err != nil {
			return props.Property{}, err
		}
		other, err := lookup(words[1])
		if err != nil {
			return props.Property{}, err
		}
		return fuzz.Exact(t, other)
	}
	if name != props.Differential().Name || len(words) < 2 {
		return props.Property{}, fmt.Errorf("unknown property %q; heapfuzz targets -rules lists them", name)
	}
	for _, c := range l.Canary() {
		if c.Base != nil && c.Base().Target == words[1] {
			return l.Differential(c.Base()), nil
		}
	}
	other, err := lookup(words[1])
	if err != nil {
		return props.Property{}, err
	}
	return l.Differential(other.New()), nil
}

// languageOf returns the language of a subject's programs.
func languageOf(s *props.Subject) fuzz.Language {
	for _, l := range fuzz.Languages() {
		if l.Spec == s.Spec {
			return l
		}
	}
	panic("heapfuzz: " + s.Target + " is of no language")
}

// foundDir is where findings go when nothing is said.
func foundDir(s *props.Subject) string { return "corpus/" + languageOf(s).Name + "/found" }

// replayLine is the command that shows a finding again.
func replayLine(path, target string) string {
	return "heapfuzz replay " + quoted(shown(path)) + " -target " + target
}

// quoted is a path as a shell wants it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t\"'$&;()<>|*?[]#~\\`!") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// writable makes the folder that findings go to and tries whether a file can be made in it, before hours are spent.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("no place for findings: %w", err)
	}
	f, err := os.CreateTemp(dir, ".heapfuzz-*")
	if err != nil {
		return fmt.Errorf("no place for findings: %w", err)
	}
	_, err = f.WriteString("a finding would be written here\n")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
