package main

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// topLevel are the names at the root, besides dot files.
var topLevel = []string{
	"README.md", "ARCHITECTURE.md", "go.mod", "go.sum", "model", "impl", "props", "fuzz", "corpus", "scripts",
}

func checkTop(t *Tree, report func(string, int, string)) {
	seen := map[string]bool{}
	for _, f := range t.Files {
		name, _, _ := strings.Cut(f.Path, "/")
		if !seen[name] && name[0] != '.' && !slices.Contains(topLevel, name) {
			report(name, 0, "move it into one of "+strings.Join(topLevel[4:], ", "))
		}
		seen[name] = true
	}
}

// corpusBytesMax is the size of the corpus that everybody downloads with the sources.
const corpusBytesMax = 16 << 20

// corpusKinds are the endings of files that something reads.
var corpusKinds = []string{".txt", ".txt.zst", ".md", ".json", ".zst"}

func checkCorpus(t *Tree, report func(string, int, string)) {
	total := 0
	for _, f := range t.Files {
		if !within(f.Path, "corpus") {
			continue
		}
		total += len(f.Text)
		name := path.Base(f.Path)
		if !slices.ContainsFunc(corpusKinds, func(k string) bool { return strings.HasSuffix(name, k) && name != k }) {
			report(f.Path, 0, "nothing reads such a file; corpus holds "+strings.Join(corpusKinds, ", "))
		}
	}
	if total > corpusBytesMax {
		report("corpus", 0, fmt.Sprintf("compress, shorten or drop the largest files: %d bytes, and %d is the most",
			total, corpusBytesMax))
	}
}

// machinePath finds an absolute path below the home or the workplace of somebody. What precedes it must not make it the
// middle of another path: "props/home/x", "$dir/home/x" and "https://example.com/home/" are no such paths. The
// expression does not find itself, since a parenthesis follows its slash.
var machinePath = regexp.MustCompile(`(?:^|[^\w.~)}\]*>/-])(/(?:home|root|work|Users)/[\w.$-]*)|\b[A-Z]:\\Users\\`)

func checkMachine(t *Tree, report func(string, int, string)) {
	for _, f := range t.Files {
		if bytes.IndexByte(f.Text, 0) >= 0 {
			continue // not text
		}
		n := 0
		for line := range bytes.Lines(f.Text) {
			n++
			if m := machinePath.FindSubmatch(line); m != nil {
				found := m[1]
				if found == nil {
					found = m[0]
				}
				report(f.Path, n, fmt.Sprintf("%s is a folder of one machine; "+
					"write a path from the root of the repository, an option or a variable", found))
			}
		}
	}
}
