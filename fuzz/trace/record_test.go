package trace

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// records makes a file of the recorder's. An empty record stands between any two, as at the end of a chunk.
func records(head recordHead, recs ...record) string {
	copy(head.Magic[:], recordMagic)
	head.Version = recordVersion
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, head)
	b.Write(make([]byte, recordStart-b.Len()))
	for _, r := range recs {
		binary.Write(&b, binary.LittleEndian, r)
		b.Write(make([]byte, recordBytes))
	}
	return b.String()
}

func rec(number, call, thread, addr, first, second uint64) record {
	return record{number<<8 | call, thread, addr, first, second}
}

func TestRecord(t *testing.T) {
	forked := recordHead{Forked: 1}
	copy(forked.Exe[:], "prog")
	for _, c := range []struct {
		name, reason string
		in           string
		want         string
	}{{
		name: "sorted", reason: "the number is the order, not the place",
		in: records(recordHead{}, rec(3, recFree, 1, 16, 0, 0), rec(1, recMalloc, 1, 16, 0, 5),
			rec(2, recCalloc, 2, 32, 2, 3)),
		want: "p0 = alloc size=5\np1 = calloc n=2 size=3\nfree p0\n",
	}, {
		name: "realloc between threads", reason: "thread 2 gets the old address while thread 1 still moves the block",
		in: records(recordHead{}, rec(1, recMalloc, 1, 16, 0, 5), rec(2, recReallocOut, 1, 16, 0, 0),
			rec(3, recMalloc, 2, 16, 0, 6), rec(4, recReallocIn, 1, 64, 0, 7), rec(5, recFree, 1, 64, 0, 0)),
		want: "p0 = alloc size=5\np1 = alloc size=6\nrealloc p0 size=7\nfree p0\n",
	}, {
		name: "realloc refused, realloc to nothing", reason: "the first changes nothing, the second frees",
		in: records(recordHead{}, rec(1, recReallocNil, 1, 16, 0, 5), rec(2, recReallocOut, 1, 16, 0, 0),
			rec(3, recReallocIn, 1, 0, 0, 99), rec(4, recReallocOut, 1, 16, 0, 0), rec(5, recReallocIn, 1, 0, 0, 0)),
		want: "p0 = realloc-nil size=5\nfree p0\n",
	}, {
		name: "forked", reason: "a child frees what its parent made",
		in:   records(forked, rec(1, recFree, 1, 16, 0, 0), rec(2, recMemalign, 1, 16, 32, 5)),
		want: "p0 = aligned align=32 size=5\n",
	}, {
		name: "same number", reason: "then there is no order",
		in:   records(recordHead{}, rec(1, recMalloc, 1, 16, 0, 5), rec(1, recMalloc, 1, 32, 0, 5)),
		want: "x:1: two records have the number 1",
	}, {
		name: "half a realloc", reason: "a thread does nothing else in the middle",
		in: records(recordHead{}, rec(1, recMalloc, 1, 16, 0, 5), rec(2, recReallocOut, 1, 16, 0, 0),
			rec(3, recMalloc, 1, 32, 0, 5)),
		want: "x:3: a thread's realloc is not two records in a row",
	}, {
		name: "free first", reason: "only a forked process may",
		in:   records(recordHead{}, rec(1, recFree, 1, 16, 0, 0)),
		want: "x:1: free of 0x10, which is not live",
	}, {
		name: "call", reason: "there are 7",
		in:   records(recordHead{}, rec(1, 8, 1, 16, 0, 0)),
		want: "x:1: unknown call 8",
	}, {
		name: "torn", reason: "half a record",
		in:   strings.TrimSuffix(records(recordHead{}, rec(1, recMalloc, 1, 16, 0, 5)), "\x00"),
		want: "x:1: record 2: unexpected EOF",
	}} {
		t.Run(c.name, func(t *testing.T) {
			tr, err := read(t, c.in, Limits{})
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = string(Spec().Format(tr.Program))
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s:\n%s", c.reason, d)
			}
		})
	}
}

// recorded is a program that does once whatever a recorder may miss: every call, threads that hand blocks to one
// another, a fork, and an end without goodbye.
const recorded = `
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void *volatile box[64];
static void *work(void *arg) {
    for (int i = 0; i < 20000; i++) {
        void *p = __atomic_exchange_n(&box[(i * 7 + (long)arg) % 64], NULL, __ATOMIC_ACQ_REL);
        p = i % 3 ? realloc(p, i % 500 + 1) : (free(p), malloc(i % 90 + 1));
        free(__atomic_exchange_n(&box[i % 64], p, __ATOMIC_ACQ_REL));
    }
    return NULL;
}
int main(void) {
    pthread_t t[4];
    for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, work, (void *)i);
    if (fork() == 0) { free(box[0]); free(malloc(77)); _exit(0); }
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    wait(NULL);
    box[0] = calloc(12345, 3);
    box[1] = reallocarray(NULL, 11, 1001);
    box[2] = aligned_alloc(64, 640);
    box[3] = memalign(128, 1281);
    void *p;
    if (posix_memalign(&p, 256, 2561)) return 1;
    box[4] = realloc(malloc(1), 54321);
    free(NULL);
    raise(SIGKILL);
}
`

// TestRecorder compiles the recorder and a program, and looks for every call of the one in the records of the other.
func TestRecorder(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil || testing.Short() {
		t.Skip("needs gcc, and a second")
	}
	dir := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	src, exe, lib := filepath.Join(dir, "prog.c"), filepath.Join(dir, "prog"), filepath.Join(dir, "record.so")
	if err := os.WriteFile(src, []byte(recorded), 0o644); err != nil {
		t.Fatal(err)
	}
	run(gcc, "-O1", "-fno-builtin", "-pthread", "-o", exe, src)
	run(gcc, "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", lib, "../../scripts/record.c")
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "LD_PRELOAD="+lib, "HEAPFUZZ_RECORD_DIR="+dir)
	if err := cmd.Run(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the program ended otherwise than by its own signal: %v", err)
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "*.rec"))
	if len(paths) != 2 {
		t.Fatalf("%d processes are recorded, want 2", len(paths))
	}
	var parent, child *Trace
	for _, path := range paths {
		tr, err := Open(Spec(), path)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil || tr.Stats.Ops > parent.Stats.Ops {
			parent, child = tr, parent
		} else {
			child = tr
		}
	}
	s := parent.Stats
	if s.Threads != 5 || s.Ops < 80000 || s.Unmatched+s.Overlaid+s.Lost > 0 || parent.Note("program") != "prog" {
		t.Errorf("parent: %s %+v", parent.Note("program"), s)
	}
	text := string(Spec().Format(parent.Program))
	for _, want := range []string{" = calloc n=12345 size=3\n", " = realloc-nil size=11011\n",
		" = aligned align=64 size=640\n", " = aligned align=128 size=1281\n", " = aligned align=256 size=2561\n",
		" size=54321\n"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is recorded %d times", want, strings.Count(text, want))
		}
	}
	if !strings.Contains(string(Spec().Format(child.Program)), "p0 = alloc size=77\nfree p0\n") {
		t.Errorf("child: %s", Spec().Format(child.Program))
	}
}
