package main

import (
	"fmt"
	"io"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// statuses are the columns of a table of answers.
var statuses = [...]prog.Status{prog.OK, prog.Skip, prog.NoMem, prog.Fail}

// states prints what a target answered to each operation, and how often it took each of its transitions.
func states(w io.Writer, spec *prog.Spec, v *campaign.Verdict) {
	var answers, taken table
	answers.add("OPERATION", ">OK", ">SKIP", ">NOMEM", ">FAIL")
	for k, n := range v.Meter.Kinds {
		if n != [4]uint64{} {
			answers.add(spec.Info(prog.Kind(k)).Name, commas(n[prog.OK]), commas(n[prog.Skip]), commas(n[prog.NoMem]),
				commas(n[prog.Fail]))
		}
	}
	fmt.Fprintf(w, "%s: %s, %s of them bred\n\n", v.Target, count(v.Programs, "program"), commas(v.Bred))
	answers.print(w)
	fmt.Fprintln(w)
	if len(v.Meter.Names) == 0 {
		return
	}
	taken.add("TRANSITION", ">TIMES")
	for i, name := range v.Meter.Names {
		taken.add(name, commas(v.Meter.Times[i]))
	}
	taken.print(w)
	fmt.Fprintln(w)
}

// kindsOf are the answers by operation and status, of those that were asked.
func kindsOf(spec *prog.Spec, m *props.Meter) map[string]map[string]uint64 {
	kinds := map[string]map[string]uint64{}
	for k, n := range m.Kinds {
		if n == [4]uint64{} {
			continue
		}
		of := map[string]uint64{}
		for _, s := range statuses {
			of[s.String()] = n[s]
		}
		kinds[spec.Info(prog.Kind(k)).Name] = of
	}
	return kinds
}

func transitionsOf(m *props.Meter) map[string]uint64 {
	taken := map[string]uint64{}
	for i, name := range m.Names {
		taken[name] = m.Times[i]
	}
	return taken
}
