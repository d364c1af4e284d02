package fuzz

import (
	"slices"
	"strings"

	"heapfuzz/props"
)

// A coverage-guided engine sees branches, and not what a target went through. So after each execution every transition
// that the target took, in one of four buckets of how often, becomes a branch of its own: a case of the switch in
// branches_table.go. An input that takes the target where no other did, or much more often, then counts as new and is
// bred from.
//
// The instrumentation counts blocks of the source, so that a table in the place of the switch would be one block.

// branchesMax is how many transitions are told apart; those behind it share.
const branchesMax = 64

// branch tells the engine what a run took. It returns how many branches that were.
func branch(m *props.Meter) (taken int) {
	for i, times := range m.Times {
		if times > 0 {
			arm(i%branchesMax*4 + bucket(times))
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
