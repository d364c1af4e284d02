package props

import (
	"bufio"
	"fmt"
	"io"
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

// Report writes the finding for a person: the rule, the program with its answers and the guilty line marked, the rule in words,
// the state around it, who did it, and the command that shows it again. The program's lines parse as they stand.
func Report(w io.Writer, s *Subject, f *Finding, opt ReportOptions) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s: %s\n", f.Property, f.Violation.Error())
	reportProgram(b, s, f, opt.Full)
	fmt.Fprintf(b, "rule     %s: %s\n", f.Violation.Rule.Name, f.Violation.Rule.Doc)
	if f.Picture != "" {
		fmt.Fprintf(b, "memory   %s\n", strings.ReplaceAll(f.Picture, "\n", "\n         "))
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
		fmt.Fprintf(b, "shrunk   %d -> %d operations, %d runs", st.From, st.To, st.Runs)
		if st.Minimal {
			fmt.Fprintf(b, "; nothing more can be left out")
		}
		fmt.Fprintln(b)
	}
	return b.Flush()
}

// reportProgram writes the operations that were asked, each with its answer, up to the guilty one.
func reportProgram(b *bufio.Writer, s *Subject, f *Finding, full bool) {
	ops := f.Ops[:min(f.At+1, len(f.Ops))]
	from := 0
	if len(ops) > wholeOps && !full {
		from = len(ops) - tailOps
	}
	if world := string(s.Spec.Format(prog.Program{World: f.Program.World})); world != "" {
		fmt.Fprintf(b, "       %s", world)
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
		fmt.Fprintln(b)
	}
}

// answer is the visible part of an outcome, and what the target says of itself when it failed.
func answer(o prog.Outcome) string {
	switch {
	case o.Status == prog.Fail:
		first, _, _ := strings.Cut(o.Msg, "\n")
		return "fail: " + first
	case o.Value != 0:
		return fmt.Sprintf("%v %d", o.Status, o.Value)
	}
	return o.Status.String()
}
