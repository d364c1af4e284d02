package page

// This file gives parts of huge pages.
//
// Nearly all the time of a heap that grows is spent in the kernel, which takes a fault and clears a page at the first
// touch of every 4 KiB. One fault for 2 MiB costs a third of 512 small ones, and the processor then holds one
// translation where it held 512, so a heap of tens of megabytes misses fewer of them too.
//
//	extent, 2 MiB on a multiple of 2 MiB   | part | part | part | rest: not yet given |
//
// The price is memory that is resident too early: what the rest of the last extent holds, up to 2 MiB. Therefore parts
// are ordinary mappings until partsMin bytes of them are live, and at most a quarter more is resident than was asked
// for; small heaps, of which a fuzzer opens thousands, stay as lazy as they were. A part goes back to the system by
// itself, so that a later access faults as ever, but the kernel may wait for the other parts of a huge page before it
// uses the memory again.
//
// Rejected: to populate each part (MADV_POPULATE_WRITE) saves the faults but not the clearing page by page, which is a
// sixth of the time instead of half. To keep parts for the next request would save more, and would make that an arena
// is released a matter of counters only.
const (
	hugeBytes = 2 << 20
	partsMin  = 4 * hugeBytes
)

// parts is the state of MapPart. The rest of the last extent goes back to the system when the last part does.
type parts struct {
	live      map[uintptr]struct{} // addresses of all parts that are given
	bytes     uintptr              // what they hold
	from      uintptr              // parts of huge pages are given from so many bytes on; 0: partsMin
	rest, end uintptr              // of the last extent; equal: nothing is left
}

// PartsFrom has MapPart give parts of huge pages once n bytes of parts are given, instead of 8 MiB, and over any source
// that takes back parts of runs: for tests, whose heaps are small.
func (o *OS) PartsFrom(n uintptr) { o.parts.from = n }

// MapPart gives n bytes as Map does, and from a huge page if many such bytes are given already. n is the same in all
// requests, or none is likely to share a page. Only the system's own memory comes from huge pages, unless PartsFrom
// asked for them: any other source is asked for each part by itself.
func (o *OS) MapPart(n uintptr) uintptr {
	return o.give(RoundUp(n), func(n uintptr) uintptr {
		if o.parts.from == 0 && o.src != Source(Mmap{}) {
			return o.src.Map(n)
		}
		return o.parts.give(o.src, n)
	})
}

func (p *parts) give(src Source, n uintptr) uintptr {
	addr := uintptr(0)
	from := p.from
	if from == 0 {
		from = partsMin
	}
	if p.bytes >= from && n < hugeBytes {
		addr = p.cut(src, n)
	}
	if addr == 0 {
		addr = src.Map(n)
	}
	if addr != 0 {
		if p.live == nil {
			p.live = map[uintptr]struct{}{}
		}
		p.live[addr] = struct{}{}
		p.bytes += n
	}
	return addr
}

// cut takes n bytes of the last extent, or of a new one if they are too many.
func (p *parts) cut(src Source, n uintptr) uintptr {
	if p.end-p.rest < n {
		p.drop(src)
		addr := mapAligned(src, hugeBytes, hugeBytes)
		if addr == 0 {
			return 0
		}
		adviseHuge(addr, hugeBytes)
		p.rest, p.end = addr, addr+hugeBytes
	}
	p.rest += n
	return p.rest - n
}

// drop gives the rest of the last extent back.
func (p *parts) drop(src Source) {
	if p.rest != p.end {
		src.Unmap(p.rest, p.end-p.rest)
	}
	p.rest, p.end = 0, 0
}

// gone hears that a run was taken back, which may be a part.
func (p *parts) gone(src Source, addr, n uintptr) {
	if _, ok := p.live[addr]; !ok {
		return
	}
	delete(p.live, addr)
	p.bytes -= n
	if p.bytes == 0 {
		p.drop(src)
	}
}

// Huge asks for huge pages under n bytes at addr, in a run that Map gave, that hold one table. It is advice: it changes
// no byte, and where there are no huge pages small ones serve. A table of at least hugeBytes is then searched with a
// five-hundredth of the translations; what is resident too early is at most hugeBytes.
func Huge(addr, n uintptr) {
	from := RoundUp(addr)
	if end := (addr + n) &^ (Bytes - 1); end > from && end-from >= hugeBytes {
		adviseHuge(from, end-from)
	}
}
