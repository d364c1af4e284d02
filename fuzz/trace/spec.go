package trace

import "heapfuzz/props/prog"

// Spec is the part of the heap language that recordings use: what converting one needs. Its domains say nothing,
// since the numbers of a recording are any. The whole language prints and reads the same lines.
func Spec() *prog.Spec {
	slot := &prog.Domain{Name: "slot", Max: 4095, IsSlot: true}
	size := &prog.Domain{Name: "size", Max: 65535}
	p, bytes := prog.Arg{Name: "p", Domain: slot}, prog.Arg{Name: "size", Domain: size}
	args := func(a ...prog.Arg) []prog.Arg { return a }
	return &prog.Spec{Name: "heap", Slots: slot, Rows: []prog.Info{
		{Name: "alloc", Role: prog.Make, Args: args(bytes)},
		{Name: "calloc", Role: prog.Make, Args: args(prog.Arg{Name: "n", Domain: size}, bytes)},
		{Name: "aligned", Role: prog.Make, Args: args(prog.Arg{Name: "align", Domain: size}, bytes)},
		{Name: "realloc-nil", Role: prog.Make, Args: args(bytes)},
		{Name: "realloc", Role: prog.Use, Args: args(p, bytes)},
		{Name: "free", Role: prog.Kill, Args: args(p)},
	}}
}
