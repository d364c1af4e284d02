package fuzz

import (
	"errors"
	"fmt"
	"slices"

	"heapfuzz/impl/page"
)

// ledger is a source of addresses without memory: it gives those that it is told to give, or none, and refuses to take
// back what it has not given. Parts of what was given may be taken back.
type ledger struct {
	next  []uintptr
	given runs
	asked []uintptr // bytes, of all requests
	wrong error
}

func (l *ledger) Map(n uintptr) (addr uintptr) {
	if n == 0 || n%page.Bytes != 0 {
		l.wrong = fmt.Errorf("%d bytes are asked for, which are no whole pages", n)
	}
	l.asked = append(l.asked, n)
	if len(l.next) > 0 {
		addr, l.next = l.next[0], l.next[1:]
	}
	if addr != 0 {
		l.given.add(addr, n)
	}
	return addr
}

func (l *ledger) Unmap(addr, n uintptr) {
	i := l.given.find(addr)
	if i < 0 || n == 0 || addr+n > l.given[i].addr+l.given[i].bytes {
		l.wrong = fmt.Errorf("%d bytes are given back that nobody gave", n)
		return
	}
	l.given.cut(i, addr, n)
}

// pagesOwn asks OSs of its own, over sources whose answers are known, and over the system.
func pagesOwn() error {
	return errors.Join(pagesLimit(), pagesAligned(), pagesParts(), pagesResident())
}

// pagesLimit asks for exactly as much as the limit allows.
func pagesLimit() error {
	l := &ledger{next: []uintptr{1 << 30, 2 << 30, 3 << 30}}
	o := page.New(l)
	o.SetLimit(3 * page.Bytes)
	if o.Map(4*page.Bytes) != 0 || o.Map(2*page.Bytes) == 0 || o.Map(page.Bytes+1) != 0 || o.Map(page.Bytes) == 0 ||
		o.Map(1) != 0 {
		return errors.New("page: the limit is another than was set")
	}
	all := page.New(&ledger{next: []uintptr{1 << 30}})
	if all.SetLimit(3 * page.Bytes); all.Map(3*page.Bytes) == 0 {
		return errors.New("page: all that the limit allows is refused at once")
	}
	return errors.Join(o.Check(), o.Close(), l.wrong, all.Close())
}

// pagesAligned asks for an alignment where the first answer has not got it, and the second has, has not, or is none;
// and for so much that it and the alignment are more than there are addresses.
func pagesAligned() error {
	const n, align, far = 2 * page.Bytes, 4 * page.Bytes, 1 << 30
	all := &ledger{next: []uintptr{far}}
	if page.New(all).MapAligned(^uintptr(page.Bytes-1), align) != 0 || len(all.asked) > 0 {
		return errors.New("page: more is asked for than there are addresses")
	}
	for _, c := range []struct{ first, second, want uintptr }{
		{far, 0, far},
		{far + page.Bytes, far, far},
		{far + page.Bytes, far + page.Bytes, far + align},
		{far + page.Bytes, far + 3*page.Bytes, far + align},
		{far + 2*page.Bytes, 0, 0},
		{0, far, 0},
	} {
		l := &ledger{next: []uintptr{c.first, c.second}}
		o := page.New(l)
		addr := o.MapAligned(n, align)
		left := uintptr(0)
		for _, r := range l.given {
			left += r.bytes
		}
		if addr != c.want || addr != 0 && (left != n || l.given[0].addr != addr) || addr == 0 && left != 0 {
			return fmt.Errorf("page: an aligned run lies elsewhere, or %d bytes are left of it", left)
		}
		if err := errors.Join(o.Check(), o.Close(), l.wrong); err != nil {
			return err
		}
	}
	return nil
}

// pagesParts takes parts until they come from huge pages, and beside them what is as large as one.
func pagesParts() error {
	const first, huge, other, more = 1 << 30, 2 << 30, 3 << 30, 4 << 30
	l := &ledger{next: []uintptr{first, first + page.Bytes, huge, other, more}}
	o := page.New(l)
	o.PartsFrom(2 * page.Bytes)
	var got []uintptr
	for _, n := range []uintptr{page.Bytes, page.Bytes, page.Bytes, hugeBytes, hugeBytes - 2*page.Bytes, page.Bytes,
		page.Bytes} {
		got = append(got, o.MapPart(n))
	}
	if want := []uintptr{first, first + page.Bytes, huge, other, huge + page.Bytes, huge + hugeBytes - page.Bytes,
		more}; !slices.Equal(got, want) {
		return fmt.Errorf("page: parts lie at %x, and should at %x", got, want)
	}
	if want := []uintptr{page.Bytes, page.Bytes, hugeBytes, hugeBytes, hugeBytes}; !slices.Equal(l.asked, want) {
		return fmt.Errorf("page: for parts are asked %d, and should be %d", l.asked, want)
	}
	if err := errors.Join(o.Check(), o.Close(), l.wrong); err != nil || len(l.given) > 0 {
		return fmt.Errorf("page: parts are not given back: %w", err)
	}

	// Of another source nobody asks for a huge page by himself.
	l = &ledger{}
	o = page.New(l)
	for at := range uintptr(10) {
		l.next = append(l.next, first+at<<20)
		o.MapPart(1 << 20)
	}
	if slices.ContainsFunc(l.asked, func(n uintptr) bool { return n != 1<<20 }) {
		return fmt.Errorf("page: for parts of 1 MiB are asked %d bytes", l.asked)
	}
	if err := errors.Join(o.Check(), o.Close(), l.wrong); err != nil {
		return err
	}

	// The system's own memory comes in parts of huge pages from 8 MiB on: earlier ones do not all begin one.
	sys := page.New(nil)
	begin := 0
	for range 5 {
		if sys.MapPart(hugeBytes*3/4)%hugeBytes == 0 {
			begin++
		}
	}
	if err := sys.Close(); err != nil || begin == 5 {
		return errors.Join(err, errors.New("page: the first parts of the system's memory are of huge pages"))
	}
	for range 8 {
		sys.MapPart(1 << 20)
	}
	if one, two := sys.MapPart(1<<20), sys.MapPart(1<<20); one%hugeBytes != 0 || two != one+1<<20 {
		return errors.New("page: parts of the system's memory do not share a huge page")
	}
	return sys.Close()
}

// pagesResident touches pages of a run that is longer than is looked at in one piece.
func pagesResident() error {
	const n = 6 << 20
	base := page.Mmap{}.Map(n)
	if base == 0 {
		return nil // a machine that has no room for that
	}
	defer page.Mmap{}.Unmap(base, n)
	touched := []uintptr{0, 1, 1022, 1023, 1024, 1025, n/page.Bytes - 1}
	for _, at := range touched {
		page.Store(base+at*page.Bytes, 1)
	}
	var got []uintptr
	last := base
	fine := true
	page.Resident(base, n, func(addr, bytes uintptr) {
		fine = fine && addr >= last && addr%page.Bytes == 0 && bytes%page.Bytes == 0 && addr+bytes <= base+n
		for last = addr + bytes; addr < last; addr += page.Bytes {
			got = append(got, (addr-base)/page.Bytes)
		}
	})
	for _, at := range touched {
		fine = fine && slices.Contains(got, at)
	}
	if !fine {
		return errors.New("page: the pages that are in memory are not those that were touched")
	}
	return nil
}
