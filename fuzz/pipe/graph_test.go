package pipe

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"heapfuzz/model/graph"
	"heapfuzz/props/graphtest"
)

// TestMain is the other side, too: HEAPFUZZ_OTHER_SIDE says which one.
func TestMain(m *testing.M) {
	switch mode := os.Getenv("HEAPFUZZ_OTHER_SIDE"); {
	case strings.HasPrefix(mode, "dict"):
		serveDicts(strings.TrimPrefix(mode, "dict "))
		return
	case strings.HasPrefix(mode, "cache"):
		serveCache(strings.TrimPrefix(mode, "cache "))
		return
	case mode != "":
		otherSide(mode)
		return
	}
	os.Exit(m.Run())
}

// side starts this test binary as the other side.
func side(t *testing.T, mode string) (*Graph, error) {
	t.Helper()
	t.Setenv("HEAPFUZZ_OTHER_SIDE", mode)
	g, err := Start(os.Args[0])
	if err == nil {
		t.Cleanup(func() { _ = g.Quit() })
	}
	return g, err
}

// otherSide is graph.Reference behind the protocol, or a side that does something wrong when it is first asked.
func otherSide(mode string) {
	in := bufio.NewScanner(os.Stdin)
	fmt.Println("heapfuzz 1 graph name=" + mode +
		" parts=mourn,weak,final,freeze,count within=1 generations=3 returns=deaths")
	var s server
	for in.Scan() {
		switch mode {
		case "dies":
			fmt.Fprintln(os.Stderr, "Fatal Python error: deallocating None")
			os.Exit(7)
		case "sleeps":
			time.Sleep(time.Minute)
		case "spins":
			for begun := time.Now(); time.Since(begun) < time.Minute; {
			}
		case "slow", "stops":
			if strings.HasPrefix(in.Text(), "reset") {
				fmt.Print("o") // the rest of the line comes later
				if mode == "stops" {
					_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
				}
				for range 20 {
					time.Sleep(40 * time.Millisecond)
				}
				fmt.Println("k")
			}
		case "talks":
			fmt.Println("what?")
		case "screams":
			fmt.Println(strings.Repeat("a", 2*lineMax))
		case "invents":
			fmt.Println("event final 12345")
		default:
			s.in = in
			s.answer(in.Text())
		}
	}
}

type server struct {
	in   *bufio.Scanner
	heap *graph.Reference
}

func (s *server) happen(what string) func(graph.ID) {
	return func(id graph.ID) {
		fmt.Printf("event %s %d\n", what, id)
		for s.in.Scan() && s.in.Text() != "resume" {
			s.answer(s.in.Text())
		}
	}
}

func (s *server) answer(line string) {
	var verb string
	var a, b, c int
	n, _ := fmt.Sscan(line, &verb, &a, &b, &c)
	id, h := graph.ID(a), s.heap
	switch verb {
	case "reset":
		if n != 4 {
			fmt.Println("fail reset has three arguments")
			return
		}
		s.heap = graph.NewReference()
		s.heap.OnDeath(s.happen("died"))
	case "new":
		fmt.Println("ok", h.New(graph.Kind(a), b))
		return
	case "set":
		h.SetField(id, b, graph.ID(c))
	case "get":
		fmt.Println("ok", h.Field(id, b))
		return
	case "root":
		h.Root(id)
	case "unroot":
		h.Unroot(id)
	case "collect":
		fmt.Println("ok", h.Collect(a))
		return
	case "weak":
		var f func(graph.ID)
		if b != 0 {
			f = s.happen("called")
		}
		fmt.Println("ok", h.NewWeak(id, f))
		return
	case "deref":
		fmt.Println("ok", h.Deref(id))
		return
	case "final":
		h.SetFinalizer(id, s.happen("final"))
	case "freeze":
		h.Freeze()
	case "unfreeze":
		h.Unfreeze()
	case "count":
		fmt.Println("ok", h.Count(id))
		return
	case "quit":
		os.Exit(0)
	default:
		fmt.Println("fail no such question")
		return
	}
	fmt.Println("ok")
}

// suite runs the suite over the pipe.
func suite(t *testing.T, g *Graph, programs int) error {
	return graphtest.Test(func() graphtest.Heap {
		if err := g.Reset(0, 0, 0); err != nil {
			t.Fatal(err)
		}
		return g
	}, graphtest.Named(g.Name), graphtest.Promise(g.Contract), graphtest.Programs(programs))
}

// TestReference drives the reference through two processes: all that happens in it passes the pipe.
func TestReference(t *testing.T) {
	g, err := side(t, "reference")
	if err != nil {
		t.Fatal(err)
	}
	if g.Name != "reference" || g.Contract.Returns != graph.Deaths || !g.Offers("mourn") || g.Offers("check") {
		t.Errorf("%+v", g)
	}
	if err := suite(t, g, 2); err != nil {
		t.Error(err)
	}
}

// interpreter is the python3 that is found. What is on the path may be a script that looks for it each time, at more
// cost than the interpreter has to start, so it is asked once for its own path.
var interpreter = sync.OnceValue(func() string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
})

// python is the interpreter that is found. Without one the test is skipped.
func python(t *testing.T) string {
	t.Helper()
	if interpreter() == "" {
		t.Skip("there is no python3")
	}
	return interpreter()
}

// TestPython runs the suite on the interpreter that is found.
func TestPython(t *testing.T) {
	python := python(t)
	g, err := Start(python, "../shim/python/graph.py")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Quit()
	if err := suite(t, g, 1); err != nil {
		t.Error(err)
	}
	g.Contract.Bare = [graph.Kinds]bool{} // which is not so: there are no weak references to lists
	if err := suite(t, g, 20); err == nil || !strings.Contains(err.Error(), "run/alive: panic: ") {
		t.Errorf("a promise that it does not keep was not refuted: %v", err)
	}
}

// TestTheOtherSideFails tries processes that break in every way.
func TestTheOtherSideFails(t *testing.T) {
	defer func(d time.Duration) { patienceWall = d }(patienceWall)
	for mode, want := range map[string]string{
		"dies":    "died: exit status 7: Fatal Python error: deallocating None",
		"sleeps":  "does not answer",
		"talks":   `answers "reset 0 0 0" with "what?"`,
		"screams": "writes a line without end",
		"invents": `with "event final 12345"`,
	} {
		patienceWall = time.Minute
		g, err := side(t, mode)
		if err != nil {
			t.Fatal(err)
		}
		if mode == "sleeps" {
			patienceWall = 50 * time.Millisecond
		}
		if err := g.Reset(0, 0, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", mode, err)
		}
		func() {
			defer func() {
				if e := recover(); e == nil {
					t.Errorf("%s: a dead side has made an object", mode)
				}
			}()
			g.New(0, 1)
		}()
	}
}

// TestPatience has a side that works for ever found by what it works, long before the time by the clock; and waits for
// one that is only slow, and for one that is stopped as on a machine that has no time for it, for longer by the clock
// than either may work.
func TestPatience(t *testing.T) {
	if _, told := cpuTime(os.Getpid()); !told {
		t.Skip("the system does not tell what a process works")
	}
	defer func(cpu, wall time.Duration) { patience, patienceWall = cpu, wall }(patience, patienceWall)
	patience, patienceWall = 200*time.Millisecond, 30*time.Second
	for mode, want := range map[string]string{"spins": "does not answer", "slow": "", "stops": ""} {
		g, err := side(t, mode)
		if err != nil {
			t.Fatal(err)
		}
		pid, begun := g.p.cmd.Process.Pid, time.Now()
		going := time.AfterFunc(2*time.Second, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
		err = g.Reset(0, 0, 0)
		going.Stop()
		switch took := time.Since(begun); {
		case want == "" && (err != nil || took <= patience):
			t.Errorf("%s: %v after %v", mode, err, took)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || took >= patienceWall):
			t.Errorf("%s: %v after %v", mode, err, took)
		}
	}
}

// TestGreeting tries first lines that are wrong, each with its place in the error.
func TestGreeting(t *testing.T) {
	for hello, want := range map[string]string{
		"":                                "the first line",
		"heapfuzz 2 graph":                "the first line",
		"heapfuzz 1 graph parts=wings":    `no part "wings"`,
		"heapfuzz 1 graph immediate=2":    "immediate=2 means nothing",
		"heapfuzz 1 graph within=x":       "within=x means nothing",
		"heapfuzz 1 graph bare=1,8":       `no kind "8"`,
		"heapfuzz 1 graph returns=sorrow": "returns=sorrow means nothing",
	} {
		if err := new(Graph).greet(hello); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", hello, err)
		}
	}
	if _, err := Start("/nowhere/at/all"); err == nil {
		t.Error("a command that is not there was started")
	}
}

// TestAnotherProcess kills the other side: the next heap has a new one.
func TestAnotherProcess(t *testing.T) {
	g, err := side(t, "reference")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Reset(0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := g.p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if e := recover(); e == nil || !strings.Contains(fmt.Sprint(e), "killed") {
				t.Errorf("panic: %v", e)
			}
		}()
		for range 10 {
			g.New(0, 1)
		}
	}()
	if err := g.Reset(0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if g.New(0, 1) == 0 {
		t.Error("no object")
	}
}
