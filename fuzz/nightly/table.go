package nightly

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Table is what the operations of one target did in a step: the same of the campaign and of engines.
type Table struct {
	Step, Target string
	Programs     int
	Answers      [4]uint64
	Groups       []Group // of the transitions, see groups
	Seen, Named  int     // of the transitions
	Vacuous      string
}

// Group is the transitions of one kind.
type Group struct {
	Title string
	Rows  []Taken
}

// Taken is a transition and how often it was taken.
type Taken struct {
	Name  string
	Times uint64
}

// titles are those of the groups, by what is in front of the stroke in the names of their transitions. All others are
// the last group.
var titles = []struct {
	title    string
	prefixes []string
}{
	{"sizes", []string{"size", "length"}},
	{"size classes of pools", []string{"class"}},
	{"live set", []string{"live", "dicts"}},
	{"transitions", nil},
}

// Operations is the number of operations that were answered.
func (t *Table) Operations() uint64 { return operationsOf(t.Answers) }

// Tables are those of the campaign, of which transitions were counted in all nights, and those of engines.
func (r *Report) Tables() (list []Table) {
	add := func(step, target string, programs int, answers [4]uint64, times map[string]uint64, vacuous string) {
		t := Table{Step: step, Target: target, Programs: programs, Answers: answers, Groups: groups(times),
			Named: len(times), Vacuous: vacuous}
		for _, n := range times {
			t.Seen += int(min(n, 1))
		}
		list = append(list, t)
	}
	for _, result := range r.Results {
		for _, h := range result.Targets {
			add(result.Step, h.Target, h.Programs, h.Answers, h.Ever, h.Vacuous)
		}
		for _, m := range result.Meters {
			add(result.Step, m.Target, m.Programs, m.Answers, m.Times, m.Vacuous)
		}
	}
	return list
}

// groups are the transitions by what they are about, in the order of their names, numbers in names by their size.
func groups(times map[string]uint64) (list []Group) {
	names := slices.SortedFunc(maps.Keys(times), func(a, b string) int {
		p, x, _ := strings.Cut(a, "/")
		q, y, _ := strings.Cut(b, "/")
		n, e := strconv.Atoi(x)
		m, f := strconv.Atoi(y)
		switch {
		case p != q:
			return strings.Compare(p, q)
		case e == nil && f == nil:
			return cmp.Compare(n, m)
		case e == nil:
			return -1
		case f == nil:
			return 1
		}
		return strings.Compare(x, y)
	})
	for _, of := range titles {
		g := Group{Title: of.title}
		names = slices.DeleteFunc(names, func(name string) bool {
			prefix, _, _ := strings.Cut(name, "/")
			mine := of.prefixes == nil || slices.Contains(of.prefixes, prefix)
			if mine {
				g.Rows = append(g.Rows, Taken{name, times[name]})
			}
			return mine
		})
		if len(g.Rows) > 0 {
			list = append(list, g)
		}
	}
	return list
}
