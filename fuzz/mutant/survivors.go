package mutant

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"heapfuzz/props"
)

// Survivors are the mutants that are known to survive, each with the reason. A folder has a file for each package. In a
// file a reason is a line at the margin, and the mutants that it is for are the lines below it that are indented; what
// follows " # " is for people.
//
//	equivalent: the mask tells the compiler what is always so
//	    impl/sizeclass Small minus 5b1d3a2c.1  # 63 => 63 - 1
//
// A reason begins with "equivalent: " and the argument why no program can tell, or with "gap: " and what would.
type Survivors struct {
	reasons map[Identity]string
}

var survivorLine = regexp.MustCompile(`^\s+(\S+) (\S+) (\S+) ([0-9a-f]+)\.([0-9]+)$`)

// ReadSurvivors reads the files of such a folder. Without a folder nothing is known to survive.
func ReadSurvivors(dir string) (*Survivors, error) {
	s := &Survivors{map[Identity]string{}}
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := s.read(string(text), name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// read reads a file; name is for errors.
func (s *Survivors) read(text, name string) error {
	reason := ""
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimRight(line, " \t\r")
		match := survivorLine.FindStringSubmatch(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "equivalent: ") || strings.HasPrefix(line, "gap: "):
			reason = line
		case match == nil:
			return fmt.Errorf("%s:%d: neither a reason nor a mutant: %q", name, n, line)
		case reason == "":
			return fmt.Errorf("%s:%d: a mutant without a reason above it", name, n)
		default:
			id := Identity{Package: match[1], Func: match[2], Operator: match[3], Hash: match[4]}
			if _, err := fmt.Sscan(match[5], &id.Ordinal); err != nil {
				return fmt.Errorf("%s:%d: %w", name, n, err)
			}
			if s.reasons[id] != "" {
				return fmt.Errorf("%s:%d: %v stands there twice", name, n, id)
			}
			s.reasons[id] = reason
		}
	}
	return nil
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

// survivorsHead begins each file.
const survivorsHead = "# Mutants that are known to survive, each under its reason; ../doc.go tells what that is.\n" +
	"# `heapfuzz prove -update` writes this file anew, with what has no reason yet at the end.\n"

// Write writes the survivors of a proof that tried all mutants of its packages: those that s lists under their reasons,
// and the others, which then need a reason, at the end. A full disk leaves the old files.
func (s *Survivors) Write(dir string, p *Proof) error {
	if p.All != len(p.Outcomes) {
		return errors.New("to write the list of survivors wants every mutant to be tried")
	}
	texts := map[string]string{} // by package; "" where nothing survives
	for _, o := range p.Outcomes {
		if _, ok := texts[o.Package]; !ok {
			texts[o.Package] = s.text(o.Package, p)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, text := range texts {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".txt")
		if text == "" {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := props.WriteWhole(path, []byte(survivorsHead+text)); err != nil {
			return err
		}
	}
	return nil
}

// text is what a package's file says below its head.
func (s *Survivors) text(pkg string, p *Proof) string {
	under := map[string]string{}
	for _, o := range p.Outcomes {
		if o.Package == pkg && o.Kill.Rule == "" {
			to := o.To
			if o.Operator == opDelete.Name {
				to = "nothing"
			}
			under[cmp.Or(s.reasons[o.Identity], "unlisted: say why")] += fmt.Sprintf("    %v  # %s => %s\n",
				o.Identity, o.From, to)
		}
	}
	var b strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(under)) {
		fmt.Fprintf(&b, "\n%s\n%s", reason, under[reason])
	}
	return b.String()
}
