package fuzz

import (
	"slices"
	"strings"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// A coverage-guided engine sees branches, and not what a target went through. So after each execution every transition
// that the target took, in one of four buckets of how often, becomes a branch of its own: a case of the switch in
// branches_table.go. An input that takes the target where no other did, or much more often, then counts as new and is
// bred from.
//
// A branch belongs to a family of targets and the name of a transition. By the place of the name alone, what one target
// took would hide what another does for the first time; by target, each release would have the engine find all states
// again.
//
// The instrumentation counts blocks of the source, so that a table in the place of the switch would be one block.

// branchesMax is how many transitions an engine tells apart. The largest language has 255.
const branchesMax = 320

// branches are the numbers of the transitions of an engine's targets.
type branches struct {
	names map[string]int // family and name -> number
	of    [][]int        // by subject: the numbers of its meter's names, as far as they are known
}

// number looks up the transitions that a subject's meter has, in their order. It is cheap where none is new. Targets
// tell the same names in each run; those that come after all numbers are given share the last.
func (b *branches) number(n int, target string, m *props.Meter) []int {
	for i := len(b.of[n]); i < len(m.Names); i++ {
		key := family(target) + " " + m.Names[i]
		number, ok := b.names[key]
		if !ok {
			number = min(len(b.names), branchesMax-1)
			b.names[key] = number
		}
		b.of[n] = append(b.of[n], number)
	}
	return b.of[n]
}

// newBranches numbers the transitions of all subjects, which takes a run of each: so the processes of an engine, which
// meet the targets in any order, have the same numbers.
func newBranches(subjects []*props.Subject) branches {
	b := branches{names: map[string]int{}, of: make([][]int, len(subjects))}
	for n, s := range subjects {
		bare, m := *s, props.Meter{}
		bare.Epilogue = nil
		r := props.Runner{Meter: &m}
		if _, err := r.Run(&bare, prog.Program{}); err == nil { // what does not open tells when it is tried
			b.number(n, s.Target, &m)
		}
	}
	return b
}

// branch tells the engine what a run took. It returns how many branches that were.
func branch(m *props.Meter, numbers []int) (taken int) {
	for i, times := range m.Times {
		if times > 0 {
			arm(numbers[i]*4 + bucket(times))
			taken++
		}
	}
	return taken
}

// bucket is 0 for once, 1 for up to 7 times, 2 for up to 63, 3 for more.
func bucket(times uint64) int {
	switch {
	case times < 2:
		return 0
	case times < 8:
		return 1
	case times < 64:
		return 2
	}
	return 3
}

// armed counts how often each case was taken, so that no two do the same and none does nothing.
var armed [branchesMax * 4]uint32

// family is a target's name without the release and the layout that it re-creates: the targets of one family are one
// implementation, and what a transition means is the same in all of them.
func family(target string) string {
	parts := strings.Split(target, "-")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		return part == "old8" || part != "" && part[0] >= '0' && part[0] <= '9'
	}), "-")
}
