package props

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"heapfuzz/props/prog"
)

// Repro is a reproducer: a program with a head that tells what it shows. The file is the program's text, and the head
// is comments:
//
//	# property conforms
//	# rule heap/disjoint
//	# target arena-3.11
//	p0 = alloc size=64
type Repro struct {
	Property, Rule, Target string
	Notes                  []string // "seed 7", "found 2026-11-21": a word and the rest of the line
	Program                prog.Program
}

// ReproOf makes the reproducer of a finding. Notes are lines of the head beyond those that the finding has itself.
func ReproOf(f *Finding, notes ...string) Repro {
	return Repro{f.Property, f.Violation.Signature(), f.Target, notes, f.Program}
}

// Name is the file's name: property, rule, and eight digits that tell programs apart.
func (r Repro) Name(spec *prog.Spec) string {
	sum := sha256.Sum256([]byte(r.Property + "\n" + r.Rule + "\n" + string(spec.Format(r.Program))))
	words := strings.FieldsFunc(r.Property+" "+r.Rule, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9')
	})
	return fmt.Sprintf("%.60s-%x.txt", strings.Join(words, "-"), sum[:4])
}

// Text is the file.
func (r Repro) Text(spec *prog.Spec) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# property %s\n# rule %s\n# target %s\n", r.Property, r.Rule, r.Target)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "# %s\n", strings.ReplaceAll(n, "\n", " "))
	}
	b.Write(spec.Format(r.Program))
	return b.Bytes()
}

// WriteRepro writes the finding's reproducer into dir, which is made if need be, and returns its path. The file appears
// whole or not at all. One of that name that is there already is left as it is; it is an error when it holds another
// program.
func WriteRepro(dir string, s *Subject, f *Finding, notes ...string) (path string, err error) {
	r := ReproOf(f, notes...)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("save the reproducer: %w", err)
	}
	path = filepath.Join(dir, r.Name(s.Spec))
	switch old, err := ReadRepro(s.Spec, path); {
	case err == nil && old.Program.Equal(f.Program):
		return path, nil
	case err == nil:
		return "", fmt.Errorf("save the reproducer: %s is there and holds another program", path)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("save the reproducer: %w", err)
	}
	if err := WriteWhole(path, r.Text(s.Spec)); err != nil {
		return "", fmt.Errorf("save the reproducer: %w", err)
	}
	return path, nil
}

// BesidePrefix is what names of files begin with that are not whole yet. What was killed meanwhile leaves them.
const BesidePrefix = ".beside-"

// WriteWhole makes a file appear whole, or not at all: it writes beside the path, sees the bytes on the disk, and
// renames. The folder must be there.
func WriteWhole(path string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), BesidePrefix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		syncFolder(filepath.Dir(path))
	}
	return err
}

// syncFolder sees the file's name on the disk too. Not every file system can, and the file is there all the same.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// ReadRepro reads a reproducer, or any program: what the head does not tell is empty.
func ReadRepro(spec *prog.Spec, path string) (Repro, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Repro{}, err
	}
	return ParseRepro(spec, path, data)
}

// ParseRepro parses the text of a reproducer; name is for errors.
func ParseRepro(spec *prog.Spec, name string, data []byte) (Repro, error) {
	r := ReproHead(data)
	var err error
	r.Program, err = spec.Parse(name, bytes.NewReader(data))
	return r, err
}

// ReproHead reads the head of a reproducer alone, whatever the language of its program is.
func ReproHead(data []byte) (r Repro) {
	for line := range strings.Lines(string(data)) {
		text, ok := strings.CutPrefix(line, "# ")
		if !ok {
			break
		}
		text = strings.TrimSpace(text)
		word, rest, _ := strings.Cut(text, " ")
		switch word {
		case "property":
			r.Property = rest
		case "rule":
			r.Rule = rest
		case "target":
			r.Target = rest
		default:
			r.Notes = append(r.Notes, text)
		}
	}
	return r
}
