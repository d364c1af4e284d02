package props_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// answers is a target that answers everything alike.
type answers struct{ status prog.Status }

func (a answers) Do(prog.Op) prog.Outcome { return prog.Outcome{Status: a.status} }
func (answers) Close() error              { return nil }

// metered runs so many operations that are answered alike, on a target that tells transitions.
func metered(t *testing.T, operations int, status prog.Status, times ...uint64) *props.Meter {
	t.Helper()
	s := null()
	s.Open = func([prog.ArgsMax]uint64) (props.Target, props.Judge, error) { return answers{status}, accepts{}, nil }
	s.Transitions = func(_ props.Target, visit func(string, uint64)) {
		for i, n := range times {
			visit(string(rune('a'+i)), n)
		}
	}
	m := &props.Meter{}
	r := props.Runner{Meter: m}
	if _, err := r.Run(s, prog.Program{Ops: make([]prog.Op, operations)}); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestVacuous tries runs that are rich enough and runs that are not.
func TestVacuous(t *testing.T) {
	for _, c := range []struct {
		name       string
		operations int
		status     prog.Status
		times      []uint64
		want       string // part of the detail; "" means that the run is not vacuous
	}{
		{"short", 9_999, prog.Skip, []uint64{0, 0}, ""},
		{"skipped", 10_000, prog.Skip, []uint64{1, 1}, "0.0 % of 10000 operations"},
		{"no memory", 10_000, prog.NoMem, nil, "0.0 % of 10000 operations"},
		{"rich", 100_000, prog.OK, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 0}, ""},
		{"poor", 100_000, prog.OK, []uint64{1, 0, 3, 4, 5, 6, 0}, "5 of 7 transitions were taken"},
		{"half of them in a short run", 10_000, prog.OK, []uint64{1, 0}, ""},
		{"less in a short run", 10_000, prog.OK, []uint64{1, 0, 0}, "[b c]"},
		{"none told", 100_000, prog.OK, nil, ""},
	} {
		v := metered(t, c.operations, c.status, c.times...).Vacuous()
		switch {
		case v == nil && c.want != "":
			t.Errorf("%s: not vacuous", c.name)
		case v != nil && (c.want == "" || v.Rule != props.Vacuous || !strings.Contains(v.Detail, c.want)):
			t.Errorf("%s: %v", c.name, v)
		}
	}
}

// TestIdle has one long program without an effect among short ones: it is no matter where most have one, and is where
// as many have none.
func TestIdle(t *testing.T) {
	m := metered(t, 20_000, prog.Skip)
	m.Merge(metered(t, 10, prog.OK))
	if m.Idle() == nil {
		t.Error("half of the programs have no effect, and it is not idle")
	}
	m.Merge(metered(t, 10, prog.OK))
	if v := m.Idle(); v != nil {
		t.Errorf("most programs have an effect: %v", v)
	}
	text, err := json.Marshal(m)
	var back props.Meter
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if v := back.Idle(); err != nil || v != nil || back.Operations() != m.Operations() {
		t.Errorf("a meter that was written and read is judged otherwise: %v, %v", v, err)
	}
}

// TestVacuousMutated holds executions of engines to their floors, which are lower, and leaves out what a target has
// not.
func TestVacuousMutated(t *testing.T) {
	times := []uint64{1, 1, 1, 0, 0, 0}
	meter := func(own, others [4]uint64) *props.Meter {
		m := &props.Meter{Programs: 1, Kinds: [][4]uint64{own, others}, Times: times,
			Names: []string{"a", "b", "c", "d", "e", "f"}}
		for i := range own {
			m.Answers[i] = own[i] + others[i]
		}
		return m
	}
	for _, c := range []struct {
		name        string
		own, others [4]uint64
		times       []uint64
		want        string
	}{
		{"a fifth", [4]uint64{20_000, 80_000}, [4]uint64{}, times, ""},
		{"a twentieth", [4]uint64{5_000, 95_000}, [4]uint64{}, times, "5.0 % of 100000 operations"},
		{"of its own, a half", [4]uint64{5_000, 5_000}, [4]uint64{prog.Skip: 95_000}, times, ""},
		{"of its own, few", [4]uint64{10, 9_000}, [4]uint64{prog.Skip: 95_000}, times, ""},
		{"a third of the transitions", [4]uint64{100_000}, [4]uint64{}, []uint64{1, 1, 0, 0, 0, 0}, "2 of 6"},
		{"of few operations", [4]uint64{9_999}, [4]uint64{}, make([]uint64, 6), ""},
	} {
		m := meter(c.own, c.others)
		m.Times = c.times
		v := m.VacuousMutated(func(k prog.Kind) bool { return k == 0 })
		if (v == nil) != (c.want == "") || v != nil && !strings.Contains(v.Detail, c.want) {
			t.Errorf("%s: %v", c.name, v)
		}
	}
}

// TestMeter adds runs up: epilogues do not count, and a target that dies while it tells counts with what it told.
func TestMeter(t *testing.T) {
	a, b := metered(t, 10, prog.OK, 1, 0), metered(t, 30, prog.Skip, 2, 3, 4)
	a.Merge(b)
	if a.Programs != 2 || a.Operations() != 40 || a.Effective() != 0.25 || a.Kinds[0] != a.Answers {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(a.Names, []string{"a", "b", "c"}) || !slices.Equal(a.Times, []uint64{3, 3, 4}) {
		t.Errorf("%v %v", a.Names, a.Times)
	}
	a.Reset()
	if n, missing := a.Taken(); a.Operations() != 0 || a.Programs != 0 || n != 0 || len(missing) != 3 {
		t.Errorf("after a reset: %+v", a)
	}
	s := null()
	s.Transitions = func(_ props.Target, visit func(string, uint64)) {
		visit("a", 7)
		panic("torn")
	}
	m := &props.Meter{}
	r := props.Runner{Meter: m}
	if res, err := r.Run(s, prog.Program{Ops: make([]prog.Op, 1)}); err != nil || res.Violation != nil {
		t.Fatal(res.Violation, err)
	}
	if !slices.Equal(m.Times, []uint64{7}) {
		t.Errorf("%v", m.Times)
	}
}
