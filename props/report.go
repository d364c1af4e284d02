package props

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"

	"heapfuzz/props/prog"
)

// ReportOptions are what a report can tell besides the finding itself; all may be missing.
type ReportOptions struct {
	Stats  *MinimizeStats
	Replay string // the command that shows the finding again
	Seed   string // how to make the campaign's programs again
	Full   bool   // print the whole of a long program
}

// A report shows a program whole up to wholeOps operations, and of a longer one the last tailOps.
const wholeOps, tailOps = 60, 30

// Report writes the finding for a person: the rule, the program with its answers and the guilty line marked, the rule
// in words, the state around it, who did it, and the command that shows it again. The program's lines parse as they
// stand.
func Report(w io.Writer, s *Subject, f *Finding, opt ReportOptions) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s: %s\n", f.Property, placeless(f.Violation.Error()))
	reportProgram(b, s, f, opt.Full)
	fmt.Fprintf(b, "rule     %s: %s\n", f.Violation.Rule.Name, f.Violation.Rule.Doc)
	if f.Picture != "" {
		fmt.Fprintf(b, "memory   %s\n", strings.ReplaceAll(placeless(f.Picture), "\n", "\n         "))
	}
	if blame, ok := FindBlame(s, f); ok {
		fmt.Fprintf(b, "blame    %s\n", blame.Text(s.Spec))
	}
	if opt.Replay != "" {
		fmt.Fprintf(b, "replay   %s\n", opt.Replay)
	}
	if opt.Seed != "" {
		fmt.Fprintf(b, "seed     %s\n", opt.Seed)
	}
	if st := opt.Stats; st != nil {
		reportStats(b, st)
	}
	return b.Flush()
}

func reportStats(b *bufio.Writer, st *MinimizeStats) {
	if st.Flaky {
		fmt.Fprintf(b, "shrunk   not at all: the program was run again and did not show it\n")
		return
	}
	fmt.Fprintf(b, "shrunk   %d -> %d operations, %d runs", st.From, st.To, st.Runs)
	if st.Minimal {
		fmt.Fprintf(b, "; nothing more can be left out")
	}
	fmt.Fprintln(b)
}

// reportProgram writes the operations that were asked, each with its answer, up to the guilty one.
func reportProgram(b *bufio.Writer, s *Subject, f *Finding, full bool) {
	ops := f.Ops[:min(f.At+1, len(f.Ops))]
	from := 0
	if len(ops) > wholeOps && !full {
		from = len(ops) - tailOps
	}
	if world := string(s.Spec.Format(prog.Program{World: f.Program.World})); world != "" && f.From == nil {
		fmt.Fprintf(b, "       %s", world)
	}
	if f.From != nil {
		fmt.Fprintln(b, "       # this is a variant of the program:")
	}
	if from > 0 {
		fmt.Fprintf(b, "       # ... %d earlier operations\n", from)
	}
	epilogue := len(f.Ops) - len(s.Epilogue)
	width := 0
	for _, op := range ops[from:] {
		width = max(width, len(s.Spec.FormatOp(op)))
	}
	for i, op := range ops[from:] {
		i += from
		if i == epilogue {
			fmt.Fprintln(b, "       # and at the end of every program:")
		}
		mark := " "
		if i == f.At {
			mark = "✗"
		}
		fmt.Fprintf(b, "%s %4d  %-*s", mark, i, width, s.Spec.FormatOp(op))
		if i < len(f.Trace) {
			fmt.Fprintf(b, "  -> %s", answer(f.Trace[i]))
		}
		fmt.Fprintln(b, f.origin(i))
	}
}

// origin tells where an operation of a variant comes from, when that is not its own place.
func (r *Refutation) origin(i int) string {
	switch {
	case i >= len(r.From) || r.From[i] == i:
		return ""
	case r.From[i] < 0:
		return "  # put in"
	}
	return fmt.Sprintf("  # %d of the program", r.From[i])
}

// answer is the visible part of an outcome, and what the target says of itself when it failed.
func answer(o prog.Outcome) string {
	switch {
	case o.Status == prog.Fail:
		first, _, _ := strings.Cut(o.Msg, "\n")
		return "fail: " + placeless(first)
	case o.Value != 0:
		return fmt.Sprintf("%v %d", o.Status, o.Value)
	}
	return o.Status.String()
}

// addresses are hexadecimal numbers of as many digits as addresses have in a process. Fill bytes come as 8 or 16
// digits.
var addresses = regexp.MustCompile(`\b0x[0-9a-fA-F]{9,15}\b`)

// placeless takes absolute addresses out of a text: they are others in each run.
func placeless(text string) string { return addresses.ReplaceAllString(text, "0x…") }
