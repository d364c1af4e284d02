// Convert makes traces of our own text of recordings, for scripts/record.
//
//	convert -o sqlite3.txt.zst [-exe sqlite3 | -all] [-ops 200000] recording...
//
// A recording is a file of any format that fuzz/trace reads. Of several, those of one run's processes, the one with
// the most operations is kept.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heapfuzz/fuzz/trace"

	"github.com/klauspost/compress/zstd"
)

type options struct {
	out, exe, command, about string
	all                      bool
	lim                      trace.Limits
}

func main() {
	var o options
	flag.StringVar(&o.out, "o", "", "the file to write, packed when it ends in .zst; standard output if none")
	flag.StringVar(&o.exe, "exe", "", "keep processes of this executable only")
	flag.BoolVar(&o.all, "all", false, "write a file for each process, with its executable and a number in the name")
	flag.IntVar(&o.lim.Ops, "ops", 0, "cut after so many operations")
	flag.BoolVar(&o.lim.Lenient, "lenient", false, "count contradictions instead of refusing them")
	flag.StringVar(&o.command, "command", "", "what was run, for the head")
	flag.StringVar(&o.about, "about", "", "what was run in other words, for the head instead of the command")
	flag.Parse()
	o.lim.Cut = o.lim.Ops > 0
	if err := run(o, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}

func run(o options, paths []string, out io.Writer) error {
	if o.all && o.out == "" {
		return fmt.Errorf("-all needs -o")
	}
	var kept []*trace.Trace
	for _, path := range paths {
		t, err := trace.OpenLimits(trace.Spec(), path, o.lim)
		if err != nil {
			return err
		}
		if o.exe != "" && t.Note("program") != o.exe {
			continue
		}
		describe(o, t)
		kept = append(kept, t)
		if !o.all {
			slices.SortStableFunc(kept, func(x, y *trace.Trace) int { return -cmp.Compare(x.Stats.Ops, y.Stats.Ops) })
			kept = kept[:1]
		}
	}
	if len(kept) == 0 {
		return fmt.Errorf("no process of %q was recorded", o.exe)
	}
	for i, t := range kept {
		path := o.out
		if o.all {
			base, ext, _ := strings.Cut(filepath.Base(path), ".")
			path = filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%s-%d.%s", base, t.Note("program"), i, ext))
		}
		if err := write(path, t, out); err != nil {
			return err
		}
		if path != "" {
			t.Name = filepath.Base(path)
		}
	}
	return trace.Summary(os.Stderr, kept...)
}

// describe adds to the head what was run, without the folders of this machine: they would be the only thing in a
// trace that tells where it was made.
func describe(o options, t *trace.Trace) {
	if o.about == "" {
		words := strings.Fields(o.command)
		for i, w := range words {
			if strings.Contains(w, "/") {
				words[i] = filepath.Base(w)
			}
		}
		o.about = strings.Join(words, " ")
	}
	if o.about != "" {
		t.Notes = append(t.Notes, trace.Note{Key: "command", Value: o.about})
	}
}

// write writes the trace beside its place and moves it there when it is whole.
func write(path string, t *trace.Trace, out io.Writer) error {
	if path == "" {
		return trace.Write(out, trace.Spec(), t)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in vain when it was moved
	if err = pack(f, path, t); err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func pack(w io.Writer, path string, t *trace.Trace) error {
	if !strings.HasSuffix(path, ".zst") {
		return trace.Write(w, trace.Spec(), t)
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		return err
	}
	if err := trace.Write(z, trace.Spec(), t); err != nil {
		return err
	}
	return z.Close()
}
