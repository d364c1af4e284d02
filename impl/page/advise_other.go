//go:build !linux

package page

// adviseHuge has nobody to ask.
func adviseHuge(addr, n uintptr) {}

// Resident takes all pages for resident.
func Resident(addr, n uintptr, f func(addr, n uintptr)) { f(addr, n) }

// Discard clears the bytes: what advice would do is not the same on every system.
func Discard(addr, n uintptr) { clear(View(addr, n)) }
