package valuetest

import (
	"math/rand/v2"
	"testing"

	"heapfuzz/model/value"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// TestReference tries random programs on the store that is believed by eye.
func TestReference(t *testing.T) {
	s := Subject("reference", value.ReferenceContract, func(World) (value.Store,
		error) {
		return value.NewReference(), nil
	})
	src := rand.New(rand.NewPCG(1, 0))
	var r props.Runner
	for range 100 {
		p := Lang.Generate(src, Lang.NewMix(src, s.Allows), prog.Length(src))
		if res, err := r.Run(s, p); err != nil || res.Violation != nil {
			t.Fatal(err, res.Violation)
		}
	}
}
