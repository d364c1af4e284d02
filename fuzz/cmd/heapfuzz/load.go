package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/trace"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// A file is told by its content, packed with zstd or gzip or not, in this order:
//
//	go test fuzz v1     the corpus of Go's own fuzzing: one []byte literal
//	text                a program in our language: reproducers, seeds, what a report prints
//	trace               any format of package trace
//	"\x00\x12..."       a string literal, as go-fuzz writes beside its crashers (NAME.quoted)
//	bytes               anything else is a program in bytes, as go-fuzz keeps them; these are not packed
//
// Text in our language is a program here, which may ask what cannot be. Only the command trace takes it for a
// recording, and refuses one that contradicts itself.

// loadMax bounds a file that is read whole.
const loadMax = 256 << 20

// loaded is a program from a file. Of a file that is no reproducer the head is empty.
type loaded struct {
	path string
	props.Repro
}

// content is what is in a file.
type content struct {
	path   string
	data   []byte // unpacked
	packed bool   // it was
}

// read reads a file, and unpacks it.
func read(path string) (*content, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, fmt.Errorf("%s: is a folder, not a program", path)
	}
	data, err := readMost(path, f)
	if err != nil {
		return nil, err
	}
	c := &content{path: path, data: data, packed: trace.Packed(data)}
	if c.packed {
		unpacked, done, err := trace.Unpack(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		defer done()
		if c.data, err = readMost(path, unpacked); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// language is that of the program in a file: of the target that its head names; else of the first of those that are
// asked for; else of the folder that it lies in, as in corpus/graph/seed or testdata/fuzz/FuzzGraph; else the first
// that its first line is of; else the first of all.
func (c *content) language(names string) fuzz.Language {
	asked, _, _ := strings.Cut(names, ",")
	for _, name := range []string{props.ReproHead(c.data).Target, strings.TrimSpace(asked)} {
		if t, err := lookup(name); err == nil {
			return t.Language()
		}
	}
	all := fuzz.Languages()
	folders := strings.Split(filepath.ToSlash(filepath.Dir(c.path)), "/")
	for _, folder := range slices.Backward(folders) {
		for _, l := range all {
			if folder == l.Name || folder == "Fuzz"+strings.ToUpper(l.Name[:1])+l.Name[1:] {
				return l
			}
		}
	}
	for _, l := range all {
		if isText(c.data) && begins(l.Spec, c.data) {
			return l
		}
	}
	return all[0]
}

// load makes the program of what is in a file.
func (c *content) load(spec *prog.Spec) (*loaded, error) {
	path := c.path
	l, err := decode(spec, path, c.data, c.packed)
	if err == nil && len(l.Program.Ops) == 0 && l.Target == "" {
		// A reproducer may need none: the epilogue is asked all the same.
		err = fmt.Errorf("%s: no operation in it", path)
	}
	return l, err
}

// readMost reads all, unless it is more than we take.
func readMost(path string, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, loadMax+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(data) > loadMax:
		return nil, fmt.Errorf("%s: more than %s", path, trace.Bytes(loadMax))
	}
	return data, nil
}

// decode makes a program of the content of a file that was packed or not.
func decode(spec *prog.Spec, path string, data []byte, packed bool) (*loaded, error) {
	l := &loaded{path: path}
	head, rest, _ := bytes.Cut(data, []byte("\n"))
	switch {
	case strings.HasPrefix(string(head), "go test fuzz "):
		raw, err := nativeBytes(path, string(head), rest)
		l.Program = spec.Decode(raw)
		return l, err
	case !isText(data):
		err := l.trace(spec, data)
		if err != nil && !packed {
			l.Program, err = spec.Decode(data), nil
		}
		return l, err
	case strings.HasPrefix(string(head), `"`):
		text, err := strconv.Unquote(strings.TrimSpace(string(data)))
		if err != nil {
			return nil, fmt.Errorf("%s:1: a string literal that does not end", path)
		}
		l.Program = spec.Decode([]byte(text))
		return l, nil
	}
	var err error
	if l.Repro, err = props.ParseRepro(spec, path, data); err == nil {
		return l, nil
	}
	if e := l.trace(spec, data); e == nil {
		return l, nil
	} else if !begins(spec, data) && !strings.Contains(e.Error(), "cannot tell the format") {
		err = e // a trace of another format, which knows better what is wrong with it
	}
	return nil, err
}

// trace reads a recording in any format of package trace.
func (l *loaded) trace(spec *prog.Spec, data []byte) error {
	t, err := trace.Read(spec, l.path, bytes.NewReader(data), trace.Limits{})
	if err == nil {
		l.Program = t.Program
	}
	return err
}

// begins tells whether the first line that says something is one of our language.
func begins(spec *prog.Spec, data []byte) bool {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		p, err := spec.Parse("", strings.NewReader(lines.Text()))
		if err != nil || len(p.Ops) > 0 || strings.HasPrefix(lines.Text(), "world") {
			return err == nil
		}
	}
	return false
}

// nativeBytes returns the one []byte of a file in the corpus of Go's fuzzing.
func nativeBytes(path, head string, rest []byte) ([]byte, error) {
	if strings.TrimSpace(head) != "go test fuzz v1" {
		return nil, fmt.Errorf("%s:1: unknown version of Go's corpus: %q", path, head)
	}
	line, more, _ := strings.Cut(strings.TrimSpace(string(rest)), "\n")
	literal, ok := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
	literal, ok2 := strings.CutSuffix(literal, ")")
	text, err := strconv.Unquote(literal)
	switch {
	case !ok || !ok2 || err != nil:
		return nil, fmt.Errorf("%s:2: expected []byte(\"...\"), the one argument of our fuzz functions", path)
	case strings.TrimSpace(more) != "":
		return nil, fmt.Errorf("%s:3: more than one argument, our fuzz functions have one", path)
	}
	return []byte(text), nil
}

// isText tells whether data is text as far as its beginning shows.
func isText(data []byte) bool {
	begin := data[:min(len(data), 64<<10)]
	for len(begin) > 0 {
		r, n := utf8.DecodeRune(begin)
		cut := len(begin) < utf8.UTFMax && len(data) > 64<<10 // a rune may be cut in two
		if r == utf8.RuneError && n == 1 && !cut || r < ' ' && !strings.ContainsRune("\t\r\n\f", r) {
			return false
		}
		begin = begin[n:]
	}
	return true
}

// shown is a path as it is printed in a command: relative where that is shorter.
func shown(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}
