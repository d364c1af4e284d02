package fuzz

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"heapfuzz/props"
)

// SumsFolder is the folder in that of HEAPFUZZ_KEEP in which each process of an engine keeps one file: what all that it
// executed did. Crashers are files of the folder itself, so that nobody takes one for the other. Who has the engine
// keep its crashers names a folder for the sums alone, as HEAPFUZZ_SUMS.
const SumsFolder = "meters"

// Sum is what the executions of an engine did on one target.
type Sum struct {
	Target string
	Meter  *props.Meter
}

// How often the sums are written: first after sumsFirst executions and each time that there are twice as many, so that
// a short run has its table too, and from sumsEach on after each so many. Processes are killed, or started again after
// 10,000 executions, and lose what came after the last time. To write takes some milliseconds, where the fastest
// engine takes a second for sumsEach executions.
const (
	sumsFirst = 64
	sumsEach  = 4096
)

// due tells whether the sums are to be written after so many executions.
func due(executions int) bool {
	return executions%sumsEach == 0 || executions >= sumsFirst && executions&(executions-1) == 0
}

// sum adds the run that was metered to what the target did before, and writes it now and then.
func (e *engine) sum(n int) error {
	e.sums[n].Merge(&e.meters[n])
	if e.executions++; !due(e.executions) {
		return nil
	}
	return e.writeSums()
}

// writeSums writes what the targets did in this process, if there is a folder for that.
func (e *engine) writeSums() error {
	dir := cmp.Or(keeps(), os.Getenv("HEAPFUZZ_SUMS"))
	if dir == "" || e.executions == 0 {
		return nil
	}
	var sums []Sum
	for i := range e.sums {
		if e.sums[i].Programs > 0 {
			sums = append(sums, Sum{e.subjects[i].Target, &e.sums[i]})
		}
	}
	text, err := json.Marshal(sums)
	if err != nil {
		return err
	}
	if dir = filepath.Join(dir, SumsFolder); e.sumsName == "" {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		// Numbers of processes come again.
		e.sumsName = fmt.Sprintf("%d-%d.json", os.Getpid(), time.Now().UnixNano())
	}
	return props.WriteWhole(filepath.Join(dir, e.sumsName), append(text, '\n'))
}

// ReadSums adds up what the processes of engines wrote into the folder of HEAPFUZZ_KEEP or HEAPFUZZ_SUMS, in the order
// of the targets' registration, with those that are not registered behind them.
func ReadSums(dir string) ([]Sum, error) {
	files, err := filepath.Glob(filepath.Join(dir, SumsFolder, "*.json"))
	if err != nil {
		return nil, err
	}
	var sums []Sum
	at := map[string]int{}
	for _, t := range Targets() {
		at[t.Name] = len(sums)
		sums = append(sums, Sum{t.Name, &props.Meter{}})
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var of []Sum
		if err := json.Unmarshal(text, &of); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, s := range of {
			i, ok := at[s.Target]
			if !ok {
				i = len(sums)
				at[s.Target], sums = i, append(sums, Sum{s.Target, &props.Meter{}})
			}
			if s.Meter == nil || len(s.Meter.Names) != len(s.Meter.Times) {
				return nil, fmt.Errorf("%s: no meter of %s", file, s.Target)
			}
			sums[i].Meter.Merge(s.Meter)
		}
	}
	tried := sums[:0]
	for _, s := range sums {
		if s.Meter.Programs > 0 {
			tried = append(tried, s)
		}
	}
	return tried, nil
}
