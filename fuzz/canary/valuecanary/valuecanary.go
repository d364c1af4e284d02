// Package valuecanary has stores of values that are wrong on purpose: the reference with one defect each.
package valuecanary

import "heapfuzz/fuzz/canary/canarytest"

// All returns the canaries.
func All() []canarytest.Canary { return nil }
