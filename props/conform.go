package props

import (
	"slices"

	"heapfuzz/props/prog"
)

// Conforms is the first of the properties: every answer of the target is one that the model accepts.
var Conforms = Property{
	Name: "conforms",
	Doc:  "every answer is one that the model of the contract accepts",
	Check: func(s *Subject, r *Runner, p prog.Program) (*Refutation, error) {
		res, err := r.Run(s, p)
		if err != nil || res.Violation == nil {
			return nil, err
		}
		return res.refutation(), nil
	},
}

// refutation copies what a violating run leaves in the Runner's buffers.
func (res *Result) refutation() *Refutation {
	return &Refutation{Violation: res.Violation, At: res.At, Ops: slices.Clone(res.Ops), Trace: slices.Clone(res.Trace),
		Picture: res.Picture}
}
