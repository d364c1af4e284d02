package fuzz

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heapfuzz/model/heap"
)

// The README's Go code stands in files that are compiled and run, and its first finding is the output of an example
// that is checked.
func TestReadme(t *testing.T) {
	readme := read(t, "../README.md")
	files, err := filepath.Glob("../props/*test/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	var compiled strings.Builder
	for _, f := range files {
		compiled.WriteString(read(t, f))
	}
	if strings.Contains(readme, "@@") {
		t.Error("something was to be filled in")
	}
	code := blocks(readme, "```go\n")
	if len(code) < 2 {
		t.Fatalf("%d blocks of Go in the README", len(code))
	}
	for _, b := range code {
		if !strings.Contains(compiled.String(), b) {
			t.Errorf("this stands in no compiled file:\n%s", b)
		}
	}
	for _, r := range heap.Rules {
		if row := "| `" + r.Name + "` | " + r.Doc + " |\n"; !strings.Contains(readme, row) {
			t.Errorf("the table of rules lacks\n%s", row)
		}
	}
	_, output, ok := strings.Cut(read(t, "../props/heaptest/arena_test.go"), "// Output:\n")
	if !ok {
		t.Fatal("the example has no output")
	}
	var want strings.Builder
	for line := range strings.Lines(output) {
		if text, ok := strings.CutPrefix(line, "\t//"); ok {
			want.WriteString(strings.TrimPrefix(text, " "))
		}
	}
	if !strings.Contains(readme, "```\n"+want.String()+"```\n") {
		t.Errorf("the README's first finding is not what the example prints:\n%s", want.String())
	}
}

func blocks(text, open string) (found []string) {
	for {
		_, rest, ok := strings.Cut(text, open)
		if !ok {
			return found
		}
		block, rest, _ := strings.Cut(rest, "```\n")
		found, text = append(found, block), rest
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
