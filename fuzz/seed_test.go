package fuzz

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"heapfuzz/model/graph"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
	"heapfuzz/props/prog"
)

// Seeds of graph/seed may say what is answered. Behind an operation stands
//
//	# expect 2                   the number that it is answered with, of every profile of package gc
//	# expect 3.6 3.7: C3 C2      of some profiles; the events, objects named by the order of their making
//
// What is expected is what CPython answers, so nothing is put right for hidden objects (pyHeap.raw).

// expectation is one line.
type expectation struct {
	at       int      // which operation
	profiles []string // none: all
	want     string
}

// expectations reads those of a file.
func expectations(t *testing.T, e entry) (all []expectation) {
	at := -1
	for line := range strings.Lines(e.text) {
		text, is := strings.CutPrefix(strings.TrimSpace(line), "# expect ")
		switch {
		case is:
			x := expectation{at: at, want: text}
			if profiles, want, some := strings.Cut(text, ": "); some {
				x.profiles, x.want = strings.Fields(profiles), want
			}
			all = append(all, x)
		case !strings.HasPrefix(line, "#"):
			at++
		}
	}
	if e.Program.World != (prog.Program{}).World && len(all) > 0 {
		t.Errorf("%s: a world counts as a line", e.name)
	}
	return all
}

// answered is what an expectation speaks of.
func answered(want string, out prog.Outcome) string {
	if _, err := strconv.Atoi(want); err == nil {
		return strconv.FormatUint(out.Addr, 10)
	}
	var events []string
	for _, word := range strings.Fields(out.Msg) {
		if graph.What(word[0]) != graph.Died {
			events = append(events, word)
		}
	}
	return strings.Join(events, " ")
}

// TestSeedsExpect runs the seeds that say what is answered.
func TestSeedsExpect(t *testing.T) {
	l, err := LanguageOf("graph")
	if err != nil {
		t.Fatal(err)
	}
	es, checked := entries(t, l, "seed"), 0
	for _, target := range l.targets {
		profile, is := strings.CutPrefix(target.Name, "gc-")
		if !is {
			continue
		}
		contract := target.Contract.(graph.Contract)
		contract.Returns = graph.Anything
		s := graphtest.Subject(target.Name, contract, target.twin.opener(func(part string) bool {
			return part != "pace" && target.twin.parts(part) // whose numbers are between the events
		}))
		for _, e := range es {
			checked += expect(t, s, profile, e)
		}
	}
	if checked < 500 {
		t.Errorf("%d answers were compared", checked)
	}
}

// expect runs a seed and returns how many answers it compared.
func expect(t *testing.T, s *props.Subject, profile string, e entry) (compared int) {
	xs := expectations(t, e)
	if len(xs) == 0 {
		return 0
	}
	r := props.Runner{}
	res, err := r.Run(s, e.Program)
	if err != nil || res.Violation != nil {
		t.Errorf("%s: %s: %v %v", e.name, s.Target, res.Violation, err)
		return 0
	}
	rename := named()
	trace := make(prog.Trace, len(res.Trace))
	for i, out := range res.Trace {
		trace[i] = rename(res.Ops[i], out)
	}
	for _, x := range xs {
		if len(x.profiles) > 0 && !strings.Contains(" "+strings.Join(x.profiles, " ")+" ", " "+profile+" ") {
			continue
		}
		compared++
		if got := answered(x.want, trace[x.at]); got != x.want || trace[x.at].Status != prog.OK {
			t.Errorf("%s: %s: %s is answered %v %q, not %q", e.name, s.Target, s.Spec.FormatOp(res.Ops[x.at]),
				trace[x.at].Status, got, x.want)
		}
	}
	return compared
}

// live are the interpreters that are asked about the seeds where they are installed; HEAPFUZZ_LIVE=1 asks all.
func live() []string {
	if os.Getenv("HEAPFUZZ_LIVE") != "" {
		return []string{"2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}
	}
	return []string{"3.11"}
}

// TestSeedsLive runs the seeds in real interpreters: the target of their release answers exactly as they do.
func TestSeedsLive(t *testing.T) {
	l, err := LanguageOf("graph")
	if err != nil {
		t.Fatal(err)
	}
	es := entries(t, l, "seed")
	for _, version := range live() {
		t.Run(version, func(t *testing.T) {
			guest, err := Lookup("cpython-" + version)
			if err != nil {
				t.Skip(err)
			}
			ours, err := Lookup("gc-" + version)
			if err != nil {
				t.Fatal(err)
			}
			property, err := Exact(guest, ours)
			if err != nil {
				t.Fatal(err)
			}
			s, r := guest.New(), props.Runner{}
			for _, e := range es {
				refuted, err := property.Check(s, &r, e.Program)
				switch {
				case err != nil:
					t.Fatal(err)
				case refuted != nil:
					t.Errorf("%s: %v", e.name, refuted.Violation)
				}
			}
		})
	}
}
