package fuzz

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"heapfuzz/props/prog"
)

// TestSums has two engines execute, as two processes would, and adds up what they wrote.
func TestSums(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HEAPFUZZ_KEEP", dir)
	program := "p0 = alloc size=16\nfree p1\n"
	for _, name := range []string{"slab", "slab", "arena-3.11", "canary/pop-twice"} {
		t.Setenv("HEAPFUZZ_TARGET", name)
		e, err := newEngine("heap")
		if err != nil {
			t.Fatal(err)
		}
		data := e.encode(0, e.spec.MustParse(program))
		for range sumsFirst + 1 { // the last is not written yet
			if f, _, err := e.execute(data); f != nil || err != nil {
				t.Fatal(f, err)
			}
		}
	}
	sums, err := ReadSums(dir)
	if err != nil || len(sums) != 3 {
		t.Fatalf("%d targets, %v", len(sums), err)
	}
	for i, want := range []Sum{{Target: "slab"}, {Target: "arena-3.11"}, {Target: "canary/pop-twice"}} {
		processes := 1
		if i == 0 {
			processes = 2
		}
		m, n := sums[i].Meter, uint64(processes*sumsFirst)
		if sums[i].Target != want.Target || m.Programs != int(n) || m.Answers != [4]uint64{prog.OK: n, prog.Skip: n} {
			t.Errorf("%s: %d programs, answers %v; want %s, %d", sums[i].Target, m.Programs, m.Answers, want.Target, n)
		}
		for k, name := range m.Names {
			if name == "size/16" && m.Times[k] != n || name == "size/4096" && m.Times[k] != 0 {
				t.Errorf("%s: %s was taken %d times", sums[i].Target, name, m.Times[k])
			}
		}
	}
	// Who has the engine keep its crashers has the sums elsewhere.
	t.Setenv("HEAPFUZZ_KEEP", "")
	t.Setenv("HEAPFUZZ_SUMS", t.TempDir())
	e, err := newEngine("heap")
	if err != nil {
		t.Fatal(err)
	}
	for range sumsFirst {
		if _, _, err := e.execute(e.encode(0, e.spec.MustParse(program))); err != nil {
			t.Fatal(err)
		}
	}
	apart, err := ReadSums(os.Getenv("HEAPFUZZ_SUMS"))
	if err != nil || len(apart) != 1 || apart[0].Meter.Programs != sumsFirst {
		t.Errorf("apart: %+v, %v", apart, err)
	}
	for _, wrong := range []string{"{", `[{"Target":"slab"}]`, `[{"Target":"slab","Meter":{"Names":["a"]}}]`} {
		if err := os.WriteFile(filepath.Join(dir, SumsFolder, "wrong.json"), []byte(wrong), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSums(dir); err == nil || !strings.Contains(err.Error(), "wrong.json") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestSumsAllocateNothing: what an execution costs is what it does.
func TestSumsAllocateNothing(t *testing.T) {
	t.Setenv("HEAPFUZZ_TARGET", "slab")
	e, err := newEngine("heap")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.try(e.encode(0, e.spec.MustParse("p0 = alloc size=16\n"))); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { err = e.sum(0) }); n != 0 || err != nil {
		t.Errorf("an execution is added with %v allocations, %v", n, err)
	}
}

// TestDue counts how often sums are written: seldom, and early.
func TestDue(t *testing.T) {
	times := 0
	for executions := 1; executions <= 10*sumsEach; executions++ {
		if due(executions) {
			times++
		}
	}
	if due(1) || !due(sumsFirst) || times != 6+10 { // 64 to 2,048 by twos
		t.Errorf("written %d times", times)
	}
}
