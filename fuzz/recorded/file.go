package recorded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// dialects are all.
var dialects = []*dialect{
	{prefix: "heap/", glob: "heap/golden/*.txt.zst", read: readSections, open: openHeap, drives: memory},
	{prefix: "graph/sizes", glob: "graph/golden/sizes.txt", read: readSizes, open: openSizes,
		drives: append(memory, "impl/dict", "impl/object")},
	{prefix: "graph/", glob: "graph/golden/*.txt.zst", read: readSections, open: openGraph,
		drives: append(memory, "impl/dict", "impl/object", "impl/gc")},
	{prefix: "dict/", glob: "dict/golden/*.txt.zst", read: readDict, open: openDict,
		drives: append(memory, "impl/dict")},
	{prefix: "cache/", glob: "cache/golden/*.txt", read: readCaches, open: openCache,
		drives: append(memory, "impl/dict", "impl/lru")},
	{prefix: "value/pickle", glob: "value/golden/pickle*.txt.zst", read: readSections, open: openPickle,
		drives: append(memory, "impl/dict", "impl/object", "impl/pickle")},
}

// memory are the packages below all others.
var memory = slices.Clip([]string{"impl/page", "impl/profile", "impl/sizeclass", "impl/pool", "impl/arena"})

// Files returns the names of all stored programs below the root of the module.
func Files(root string) (names []string, err error) {
	for _, d := range dialects {
		paths, err := filepath.Glob(filepath.Join(root, "corpus", filepath.FromSlash(d.glob)))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			subject, _, _ := strings.Cut(d.glob, "/")
			name, _, _ := strings.Cut(filepath.Base(p), ".")
			names = append(names, subject+"/"+name)
		}
	}
	return names, nil
}

// Sum is a checksum of all that is stored.
func Sum(root string) (string, error) {
	names, err := Files(root)
	sum := sha256.New()
	for _, name := range names {
		text, e := os.ReadFile(path(root, dialectOf(name), name))
		err = errors.Join(err, e)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

func dialectOf(name string) *dialect {
	for _, d := range dialects {
		if strings.HasPrefix(name, d.prefix) {
			return d
		}
	}
	return nil
}

// Read returns the recordings of one file by its name, the oldest release first.
func Read(root, name string) ([]*Recording, error) {
	d := dialectOf(name)
	if d == nil {
		return nil, fmt.Errorf("no recording %q: names are as heap/mix-1", name)
	}
	text, err := os.ReadFile(path(root, d, name))
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(d.glob, ".zst") {
		if text, err = unpack(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	list, err := d.read(name, string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, r := range list {
		r.File, r.dialect = name, d
	}
	return list, nil
}

// Find returns the recording of that name, "heap/mix-1 3.9".
func Find(root, name string) (*Recording, error) {
	file, profile, _ := strings.Cut(name, " ")
	list, err := Read(root, file)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.Profile == profile {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s has no answers of %q", file, profile)
}

// path is where the file of that name is.
func path(root string, d *dialect, name string) string {
	folder, ext := filepath.Dir(d.glob), d.glob[strings.Index(d.glob, "."):]
	_, base, _ := strings.Cut(name, "/")
	return filepath.Join(root, "corpus", folder, base+ext)
}

func unpack(packed []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(packed, nil)
}

// A section of a file begins with a line "== HEAD".
type section struct{ head, body string }

func sections(text string) (all []section) {
	for s := range strings.SplitSeq("\n"+strings.TrimSuffix(text, "\n"), "\n== ") {
		if head, body, _ := strings.Cut(s, "\n"); head != "" {
			all = append(all, section{head, body + "\n"})
		}
	}
	return all
}

// readSections reads a file that has its program in the section of that name, and the answers of a release in each of
// the others.
func readSections(_, text string) (list []*Recording, err error) {
	all := sections(text)
	if len(all) == 0 || all[0].head != "program" {
		return nil, fmt.Errorf("it does not begin with a program")
	}
	program := programLines(all[0].body)
	for _, s := range all[1:] {
		list = append(list, newRecording(s.head, program, s.body))
	}
	return list, nil
}

func programLines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

// newRecording makes the recording of a section: its head is "3.8 cpython 3.8.18".
func newRecording(head string, program []string, answers string) *Recording {
	profile, source, ok := strings.Cut(head, " ")
	if !ok {
		source = "cpython " + profile
	}
	return &Recording{Profile: profile, Source: source, Program: program, answers: answers}
}
