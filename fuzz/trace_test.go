package fuzz

import (
	"path/filepath"
	"testing"

	"heapfuzz/fuzz/trace"
	"heapfuzz/props"
	"heapfuzz/props/heaptest"
	"heapfuzz/props/prog"
)

// Every recording of a real program conforms, on the newest pymalloc and on one other target by turns; the command's
// trace does them all.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob("../corpus/heap/trace/*.zst")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d recordings: %v", len(files), err)
	}
	for i, file := range fewer(files) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			recorded, err := trace.Open(heaptest.Lang.Spec, file)
			if err != nil {
				t.Fatal(err)
			}
			newest, err := Lookup("arena-3.11")
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range []Target{newest, Targets()[i%len(Targets())]} {
				var r props.Runner
				s := target.New()
				res, err := r.Run(s, recorded.Program)
				if err != nil {
					t.Fatal(err)
				}
				if res.Violation != nil {
					t.Errorf("%s: operation %d: %v", target.Name, res.At, res.Violation)
				}
				for j, op := range recorded.Program.Ops {
					if res.Trace[j].Status != prog.OK && s.Allows(op.Kind) && target.Name == newest.Name {
						t.Fatalf("operation %d, %s, was answered %v", j, s.Spec.FormatOp(op), res.Trace[j].Status)
					}
				}
			}
		})
	}
}
