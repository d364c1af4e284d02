package mutant

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Survivors are the mutants that are known to survive, each with the reason. In a file a reason is a line at the
// margin, and the mutants that it is for are the lines below it that are indented; what follows " # " is for people.
//
//	equivalent: the mask tells the compiler what is always so
//	    impl/sizeclass Small minus 5b1d3a2c.1  # 63 => 63 - 1
//
// A reason begins with "equivalent: " and the argument why no program can tell, or with "gap: " and what would.
type Survivors struct {
	reasons map[Identity]string
}

var survivorLine = regexp.MustCompile(`^\s+(\S+) (\S+) (\S+) ([0-9a-f]+)\.([0-9]+)$`)

// ReadSurvivors reads such a file; name is for errors.
func ReadSurvivors(r io.Reader, name string) (*Survivors, error) {
	s := &Survivors{map[Identity]string{}}
	reason := ""
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimRight(line, " \t")
		match := survivorLine.FindStringSubmatch(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "equivalent: ") || strings.HasPrefix(line, "gap: "):
			reason = line
		case match == nil:
			return nil, fmt.Errorf("%s:%d: neither a reason nor a mutant: %q", name, n, line)
		case reason == "":
			return nil, fmt.Errorf("%s:%d: a mutant without a reason above it", name, n)
		default:
			id := Identity{Package: match[1], Func: match[2], Operator: match[3], Hash: match[4]}
			if _, err := fmt.Sscan(match[5], &id.Ordinal); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, n, err)
			}
			if s.reasons[id] != "" {
				return nil, fmt.Errorf("%s:%d: %v stands there twice", name, n, id)
			}
			s.reasons[id] = reason
		}
	}
	return s, lines.Err()
}

// Reason is why a mutant survives, "" when it is not listed.
func (s *Survivors) Reason(id Identity) string { return s.reasons[id] }

func equivalent(reason string) bool { return strings.HasPrefix(reason, "equivalent: ") }

// Account compares a proof with the list.
type Account struct {
	Unlisted []Outcome  // survived, and nobody said why
	Stale    []Identity // listed and killed, or, where all mutants were tried, no more there
}

// Account tells which of the mutants tried are not as they are listed.
func (s *Survivors) Account(p *Proof) (a Account) {
	tried := map[Identity]bool{}
	packages := map[string]bool{}
	for _, o := range p.Outcomes {
		tried[o.Identity] = true
		packages[o.Package] = true
		listed := s.reasons[o.Identity] != ""
		if o.Kill.Rule == "" && !listed {
			a.Unlisted = append(a.Unlisted, o)
		}
		if o.Kill.Rule != "" && listed {
			a.Stale = append(a.Stale, o.Identity)
		}
	}
	for id := range s.reasons {
		if p.All == len(p.Outcomes) && packages[id.Package] && !tried[id] {
			a.Stale = append(a.Stale, id)
		}
	}
	slices.SortFunc(a.Stale, func(x, y Identity) int { return cmp.Compare(x.String(), y.String()) })
	return a
}

// WriteSurvivors writes the survivors of a proof as a file: those that s lists under their reasons, and the others,
// which then need a reason, at the end.
func (s *Survivors) WriteSurvivors(w io.Writer, p *Proof) error {
	under := map[string][]string{}
	for _, o := range p.Outcomes {
		if o.Kill.Rule == "" {
			reason := cmp.Or(s.reasons[o.Identity], "unlisted: say why")
			to := o.To
			if o.Operator == opDelete.Name {
				to = "nothing"
			}
			under[reason] = append(under[reason], fmt.Sprintf("    %v  # %s => %s\n", o.Identity, o.From, to))
		}
	}
	var reasons []string
	for r := range under {
		reasons = append(reasons, r)
	}
	slices.Sort(reasons)
	for i, r := range reasons {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := fmt.Fprintf(w, "%s\n%s", r, strings.Join(under[r], "")); err != nil {
			return err
		}
	}
	return nil
}
