package valuetest

import (
	"slices"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Differential is the property that stores answer a program alike, as props.Differential is. What depends on whether
// equal values are one object, which is not the same everywhere, is left out: deep copies and streams, of what does not
// lead to too many objects, and what a weak reference to such a value refers to.
func Differential(others ...*props.Subject) props.Property {
	return props.Leaving(func(op prog.Op) bool { return slices.Contains(identical, op.Kind) },
		props.Differential(others...))
}

var identical = []prog.Kind{Lang.Kind("deepcopy"), Lang.Kind("copies"), Lang.Kind("weak"), Lang.Kind("deref"),
	Lang.Kind("pickle"), Lang.Kind("spoil")}
