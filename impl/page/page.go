// Package page is layer 0: memory from the operating system. It is the only caller of mmap, the place where bytes taken
// are counted, and the place where a request can be made to fail.
//
//	os := page.New(nil)           // over mmap
//	os.InjectOOM(3, false)        // the third request from here gets nothing
//	a := os.Map(1 << 20)          // 0 means: no memory
//	page.Store(a, 42)
//	os.Unmap(a, 1<<20)
//
// Terms. A source gives and takes back runs of bytes; a request is one call of Map. OS wraps a source with counters, a
// limit and the fault that InjectOOM arms. Addresses are uintptr everywhere in impl, because the memory lies outside
// the Go heap: the collector neither moves nor scans it, so an integer is an honest name for it, and storing one costs
// no write barrier. The one way from such an integer back to a pointer is Pointer, below.
//
// What always holds:
//
//  1. Mapped is the sum of the sizes of the runs that were given and not taken back.
//  2. Mapped <= Highwater, and Mapped <= the limit if there is one.
//  3. Only a whole run that was given is taken back, once.
//  4. A request that fails changes nothing but the counters of requests.
package page

import (
	"fmt"
	"sort"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bytes is the page size that the layers above count on. The system's may be larger, never smaller.
const Bytes = 4096

// A Source gives memory in whole pages.
type Source interface {
	// Map returns the address of n bytes, or 0 if there is no memory. n is a positive multiple of Bytes.
	Map(n uintptr) uintptr
	// Unmap takes back a run exactly as Map gave it.
	Unmap(addr, n uintptr)
}

// Pointer is the one place where an address becomes a pointer.
//
// It is right for memory that a Source gave: such memory is no Go object, so the rules of package unsafe that keep an
// object alive and in its place have nothing to protect. Adding to the nil pointer says exactly that (there is no
// object that the result is derived from); the compiler turns it into no instruction at all, and checkptr, which would
// object to an integer that points at a Go object, proves at run time under -race that none ever does.
func Pointer(addr uintptr) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), addr) }

// Load reads the word at addr.
func Load(addr uintptr) uintptr { return *(*uintptr)(Pointer(addr)) }

// Store writes the word at addr.
func Store(addr, v uintptr) { *(*uintptr)(Pointer(addr)) = v }

// Load32 reads the 32-bit word at addr.
func Load32(addr uintptr) uint32 { return *(*uint32)(Pointer(addr)) }

// Store32 writes the 32-bit word at addr.
func Store32(addr uintptr, v uint32) { *(*uint32)(Pointer(addr)) = v }

// View is the n bytes at addr as a slice. The slice is valid until the run that holds them is taken back.
func View(addr, n uintptr) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(Pointer(addr)), n)
}

// RoundUp returns n rounded up to whole pages, or 0 if that does not fit a uintptr.
func RoundUp(n uintptr) uintptr { return (n + Bytes - 1) &^ (Bytes - 1) }

// Mmap is the source that asks the system. Its memory is zero when it comes.
type Mmap struct{}

// Map asks for private anonymous pages. Any error of the system means that there is no memory.
func (Mmap) Map(n uintptr) uintptr {
	p, err := unix.MmapPtr(-1, 0, nil, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return 0
	}
	return uintptr(p)
}

// Unmap gives pages back. The system takes back any part of what it gave, so an error means that addr was never given.
func (Mmap) Unmap(addr, n uintptr) {
	if err := unix.MunmapPtr(Pointer(addr), n); err != nil {
		panic(fmt.Sprintf("page: unmap of %d bytes: %v", n, err))
	}
}

// Usage are the counters of an OS.
type Usage struct {
	Mapped    uint64 // bytes given and not taken back
	Highwater uint64 // the largest Mapped so far
	Maps      uint64 // requests that were answered with memory
	Unmaps    uint64 // runs taken back
	Failed    uint64 // requests that were answered with nothing
}

// An OS is a source with counters, a limit and faults. It is a Source itself. It is not safe for concurrent use.
type OS struct {
	src        Source
	limit      uint64              // 0: none
	nth        int                 // requests until the armed fault, 0: disarmed
	persistent bool                // the fault stays once it has struck
	usage      Usage               // changed by Map and Unmap only
	live       map[uintptr]uintptr // address of each run given -> its bytes
	parts      parts               // see huge.go
}

// New returns an OS over src; nil means Mmap.
func New(src Source) *OS {
	if src == nil {
		src = Mmap{}
	}
	return &OS{src: src, live: make(map[uintptr]uintptr)}
}

// SetLimit makes requests fail that would bring Mapped above n bytes. 0 takes the limit away.
func (o *OS) SetLimit(n uint64) { o.limit = n }

// InjectOOM makes the nth request from here fail (1 is the next), once or from then on. 0 disarms.
func (o *OS) InjectOOM(nth int, persistent bool) { o.nth, o.persistent = max(nth, 0), persistent }

// Usage returns the counters.
func (o *OS) Usage() Usage { return o.usage }

// Map gives n bytes, rounded up to whole pages, or 0.
func (o *OS) Map(n uintptr) uintptr { return o.MapAligned(n, Bytes) }

// MapAligned gives n bytes on a multiple of align, a power of two, or 0. It is one request. An alignment above a page
// is had by asking for more and giving the ends back, so the source must be able to take back a part (Mmap is).
func (o *OS) MapAligned(n, align uintptr) uintptr {
	return o.give(RoundUp(n), func(n uintptr) uintptr { return mapAligned(o.src, n, max(align, Bytes)) })
}

// give answers a request for n bytes, whole pages, with what from says, and counts it.
func (o *OS) give(n uintptr, from func(n uintptr) uintptr) (addr uintptr) {
	if n != 0 && !o.fault() && (o.limit == 0 || uint64(n) <= o.limit && o.usage.Mapped <= o.limit-uint64(n)) {
		addr = from(n)
	}
	if addr == 0 {
		o.usage.Failed++
		return 0
	}
	o.live[addr] = n
	o.usage.Maps++
	o.usage.Mapped += uint64(n)
	o.usage.Highwater = max(o.usage.Highwater, o.usage.Mapped)
	return addr
}

// mapAligned takes n bytes on a multiple of align from a source, or 0. The system puts a mapping next to the one
// before, so a run that follows runs of its own kind is nearly always aligned at once. If it is not, it goes back and
// a larger one comes, whose ends go back.
func mapAligned(src Source, n, align uintptr) uintptr {
	slack := align - Bytes
	if n+slack < n {
		return 0
	}
	got := src.Map(n)
	if got == 0 || got&(align-1) == 0 {
		return got
	}
	src.Unmap(got, n)
	got = src.Map(n + slack)
	if got == 0 {
		return 0
	}
	addr := (got + slack) &^ (align - 1)
	if addr != got {
		src.Unmap(got, addr-got)
	}
	if tail := got + slack - addr; tail != 0 {
		src.Unmap(addr+n, tail)
	}
	return addr
}

// fault counts the request against the armed fault and reports whether it has to fail.
func (o *OS) fault() bool {
	if o.nth == 0 {
		return false
	}
	if o.nth > 1 {
		o.nth--
		return false
	}
	if !o.persistent {
		o.nth = 0
	}
	return true
}

// Unmap takes back a run that Map gave; n must be its size, before or after rounding.
func (o *OS) Unmap(addr, n uintptr) {
	n = RoundUp(n)
	if size, ok := o.live[addr]; !ok || size != n {
		panic("page: unmap of a run that was not given")
	}
	delete(o.live, addr)
	o.usage.Unmaps++
	o.usage.Mapped -= uint64(n)
	o.src.Unmap(addr, n)
	o.parts.gone(o.src, addr, n)
}

// Size returns the size of the run at addr, or 0 if none was given there.
func (o *OS) Size(addr uintptr) uintptr { return o.live[addr] }

// Runs calls f for every run given and not taken back, in the order of addresses.
func (o *OS) Runs(f func(addr, n uintptr)) {
	addrs := make([]uintptr, 0, len(o.live))
	for a := range o.live {
		addrs = append(addrs, a)
	}
	sort.Slice(addrs, func(i, j int) bool { return addrs[i] < addrs[j] })
	for _, a := range addrs {
		f(a, o.live[a])
	}
}

// Close takes everything back that is still out.
func (o *OS) Close() error {
	o.Runs(o.Unmap)
	return nil
}

// Check recounts invariants 1 and 2.
func (o *OS) Check() error {
	var sum uint64
	for _, n := range o.live {
		sum += uint64(n)
	}
	switch u := o.usage; {
	case sum != u.Mapped:
		return fmt.Errorf("page/mapped: runs hold %d bytes, counter says %d", sum, u.Mapped)
	case u.Mapped > u.Highwater || o.limit != 0 && u.Highwater > o.limit && u.Mapped > o.limit:
		return fmt.Errorf("page/highwater: mapped %d, highwater %d, limit %d", u.Mapped, u.Highwater, o.limit)
	}
	return nil
}
