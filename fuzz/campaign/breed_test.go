package campaign

import (
	"strings"
	"testing"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// TestBreeding looks at who is bred, and from whom: nobody in the first two epochs, nobody without epochs, nobody on a
// target whose answers are not the same each time; and a quarter of the rest.
func TestBreeding(t *testing.T) {
	moody := spoiled("a", right)
	inner := moody.New
	moody.New = func() *props.Subject { s := inner(); s.Repeats = 3; return s }
	for _, c := range []struct {
		name            string
		target          Target
		epoch, programs int
		least, most     int
	}{
		{"never", spoiled("a", right), -1, 60, 0, 0},
		{"two epochs", spoiled("a", right), 10, 20, 0, 0},
		{"more", spoiled("a", right), 10, 60, 4, 16},
		{"moody", moody, 10, 60, 0, 0},
	} {
		v := mustRun(t, Config{Targets: []Target{c.target}, Seed: 5, Programs: c.programs, Epoch: c.epoch}).Verdicts[0]
		if v.Bred < c.least || v.Bred > c.most {
			t.Errorf("%s: %d of %d programs are bred, want from %d to %d", c.name, v.Bred, v.Programs, c.least, c.most)
		}
	}
}

// TestNursery tells rare and rich programs from the others.
func TestNursery(t *testing.T) {
	var n nursery
	took := func(times ...uint64) *props.Meter { return &props.Meter{Answers: [4]uint64{100}, Times: times} }
	for i := range 300 {
		if n.showed(took(1, 0), 10) != (i == 0) {
			t.Fatalf("program %d, which is like all others, is a parent", i)
		}
	}
	if !n.showed(took(1, 1), 10) {
		t.Error("the first that took a transition is no parent")
	}
	if !n.showed(took(1, 0), 50) || n.showed(took(1, 0), 30) {
		t.Error("a program is rich that showed more than four times what is usual, and no other")
	}
	long := took(1, 0)
	long.Answers[0] = 1000
	if n.showed(long, 300) {
		t.Error("a program is rich that is merely long")
	}
	for range 10 {
		n.showed(took(1, 1), 10)
	}
	if n.showed(took(1, 1), 10) {
		t.Error("what one in thirty takes is rare")
	}
	var other nursery
	for range 300 {
		other.showed(took(0, 1), 10)
	}
	if !other.showed(took(1, 1), 10) {
		t.Error("a rare transition in front of a common one makes no parent")
	}
	for i := range parentsMax + 5 {
		n.keep(prog.Program{World: [prog.ArgsMax]uint64{uint64(i)}})
	}
	if len(n.kept) != parentsMax || n.kept[4].World[0] != parentsMax+4 || n.kept[5].World[0] != 5 {
		t.Error("the oldest parents give way to the youngest")
	}
}

// TestParents has two epochs end and looks at what later ones breed from.
func TestParents(t *testing.T) {
	c := &campaign{Config: Config{Targets: []Target{{}}, Epoch: 2}, nurseries: make([]nursery, 1)}
	for number := range 6 {
		p := prog.Program{World: [prog.ArgsMax]uint64{uint64(number)}, Ops: make([]prog.Op, 1)}
		times := make([]uint64, number+1)
		times[number] = 1 // each takes a transition of its own
		c.raise(result{job: number, program: p, meter: &props.Meter{Times: times}}, 0)
	}
	for number, want := range map[int]int{4: 2, 5: 2, 6: 4, 7: 4, 8: 6} {
		c.handed = number
		if got := c.job(); len(got.parents) != want || got.number != number {
			t.Errorf("program %d has %d parents, want %d", number, len(got.parents), want)
		}
	}
	for next, want := range map[int]bool{0: false, 1: false, 2: true} {
		c.handed, c.next = 4, next
		if c.grown() != want {
			t.Errorf("with %d committed, epoch 2 may begin: %v", next, !want)
		}
	}
}

// TestVacuousVerdict has a target skip all, and one take too few of its transitions, with and without seeds.
func TestVacuousVerdict(t *testing.T) {
	skips := spoiled("skips", func(prog.Op, prog.Outcome) prog.Outcome { return prog.Outcome{Status: prog.Skip} })
	narrow := spoiled("narrow", right)
	for i, target := range []*Target{&skips, &narrow} {
		inner := target.New
		target.New = func() *props.Subject {
			s := inner()
			open := s.Open
			s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
				t, _, err := open(w)
				return t, lax{}, err
			}
			s.Transitions = func(_ props.Target, visit func(string, uint64)) {
				visit("never", 0)
				visit("sometimes", uint64(i))
				visit("not either", 0)
			}
			return s
		}
	}
	targets := []Target{skips, narrow, spoiled("fine", right)}
	s := narrow.New()
	seed := s.Spec.MustParse(strings.Repeat("p0 = alloc size=100\nverify p0\nfree p0\n", 200))
	for _, seeds := range [][]prog.Program{nil, {seed}} {
		res := mustRun(t, Config{Targets: targets, Seed: 5, Programs: 120, Workers: 2, Seeds: seeds})
		for i, want := range []string{"0.0 % of", "1 of 3 transitions", ""} {
			if i == 1 && seeds != nil {
				want = ""
			}
			v := res.Verdicts[i].Vacuous()
			switch {
			case v == nil && want != "":
				t.Errorf("%s is not vacuous after %d operations", targets[i].Name, res.Verdicts[i].Meter.Operations())
			case v != nil && (want == "" || v.Rule != props.Vacuous || !strings.Contains(v.Detail, want)):
				t.Errorf("%s: %v", targets[i].Name, v)
			}
		}
	}
}
