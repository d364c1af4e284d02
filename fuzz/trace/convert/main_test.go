package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heapfuzz/fuzz/trace"
)

func TestConvert(t *testing.T) {
	dir := t.TempDir()
	short, long := filepath.Join(dir, "short"), filepath.Join(dir, "long")
	for path, text := range map[string]string{
		short: "1: malloc 0x10 5\n", long: "1: malloc 0x10 5\n1: malloc 0x20 6\n1: free 0x20\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out.txt.zst")
	o := options{out: out, command: "/some/where/prog -x /a/b.txt", lim: trace.Limits{Ops: 2, Cut: true}}
	if err := run(o, []string{short, long, short}, nil); err != nil {
		t.Fatal(err)
	}
	tr, err := trace.Open(trace.Spec(), out)
	if err != nil {
		t.Fatal(err)
	}
	if got := tr.Note("command"); got != "prog -x b.txt" {
		t.Errorf("the head tells folders of the machine: %q", got)
	}
	if tr.Stats.Ops != 2 || tr.Note("cut") == "" {
		t.Errorf("the longest, cut after 2, has %d operations and %q", tr.Stats.Ops, tr.Note("cut"))
	}
	left, _ := filepath.Glob(filepath.Join(dir, "out*"))
	if len(left) != 1 {
		t.Errorf("files are left beside the trace: %q", left)
	}
	var text bytes.Buffer
	err = run(options{about: "x"}, []string{short}, &text)
	if err != nil || !strings.Contains(text.String(), "# command: x\n") {
		t.Errorf("%v %s", err, text.String())
	}
	o = options{out: filepath.Join(dir, "all.txt"), all: true}
	if err := run(o, []string{short, long}, nil); err != nil {
		t.Fatal(err)
	}
	if left, _ = filepath.Glob(filepath.Join(dir, "all-*.txt")); len(left) != 2 {
		t.Errorf("two processes are in %q", left)
	}
	if err := run(options{exe: "other"}, []string{short}, nil); err == nil {
		t.Error("no process is of another executable")
	}
}
