package page

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adviseHuge asks for huge pages. It is advice: where there are none, small ones serve.
func adviseHuge(addr, n uintptr) { _ = unix.Madvise(View(addr, n), unix.MADV_HUGEPAGE) }

// Discard makes n bytes at addr, whole pages of private memory, zero as they were when they came: their pages go back
// to the system, and each that is touched again costs a fault.
func Discard(addr, n uintptr) {
	if unix.Getpagesize() != Bytes || unix.Madvise(View(addr, n), unix.MADV_DONTNEED) != nil {
		clear(View(addr, n))
	}
}

// Resident calls f for pieces of n bytes at addr, whole pages of private memory, that hold all pages which are in
// memory. A page that is not was never touched, and so is zero, or is swapped out.
func Resident(addr, n uintptr, f func(addr, n uintptr)) {
	if unix.Getpagesize() != Bytes {
		f(addr, n)
		return
	}
	var in [1024]byte // one for each page; bit 0 says that it is in memory
	for n != 0 {
		piece := min(n, uintptr(len(in))*Bytes)
		// The pointer is to a local that lives through the call, which writes one byte for each page of the piece.
		if _, _, err := unix.Syscall(unix.SYS_MINCORE, addr, piece, uintptr(unsafe.Pointer(&in[0]))); err != 0 {
			f(addr, n)
			return
		}
		for i := range piece / Bytes {
			if in[i]&1 != 0 {
				f(addr+i*Bytes, Bytes)
			}
		}
		addr, n = addr+piece, n-piece
	}
}
