//go:build invariants

package invariant

// Enabled is true with the build tag `invariants`.
const Enabled = true
