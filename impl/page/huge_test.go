package page

import "testing"

// Parts are apart and on whole pages, hold what is written, and count as runs; the rest of an extent goes with the last
// part.
func TestMapPart(t *testing.T) {
	for _, n := range []uintptr{Bytes, 256 << 10, 1 << 20, 768 << 10, hugeBytes, 3 * hugeBytes} {
		o := New(nil)
		var all []uintptr
		for range partsMin/n + 5 {
			addr := o.MapPart(n)
			if addr == 0 || addr%Bytes != 0 || o.Size(addr) != n {
				t.Fatalf("%d bytes: got %#x of %d bytes", n, addr, o.Size(addr))
			}
			Store(addr, addr)
			Store(addr+n-8, ^addr)
			all = append(all, addr)
		}
		for _, addr := range all {
			if Load(addr) != addr || Load(addr+n-8) != ^addr {
				t.Errorf("%d bytes: a part does not keep what is written", n)
			}
		}
		p := &o.parts
		if whole := n >= hugeBytes; whole != (p.end == 0) || p.bytes != n*uintptr(len(all)) {
			t.Errorf("%d bytes: %d in parts, the extent ends at %#x", n, p.bytes, p.end)
		}
		if err := o.Check(); err != nil {
			t.Error(err)
		}
		if err := o.Close(); err != nil || p.bytes != 0 || len(p.live) != 0 || p.end != 0 || o.Usage().Mapped != 0 {
			t.Errorf("%d bytes: after Close %+v, %v", n, *p, err)
		}
	}
}

// A part is a request like any other for faults and limits, and another source than the system is asked directly.
func TestMapPartIsARequest(t *testing.T) {
	o := New(nil)
	o.InjectOOM(1, false)
	if o.MapPart(Bytes) != 0 || o.Usage().Failed != 1 {
		t.Error("the fault does not strike a part")
	}
	o.SetLimit(2 * Bytes)
	if o.MapPart(Bytes) == 0 || o.MapPart(2*Bytes) != 0 {
		t.Error("the limit does not hold for parts")
	}
	o.Close()

	s := NewSlots(1<<20, 20, 0)
	defer s.Close()
	o = New(s)
	for i := range 20 {
		if slot, off := s.Place(o.MapPart(1 << 20)); slot != i || off != 0 {
			t.Errorf("part %d is slot %d, offset %d", i, slot, off)
		}
	}
	o.Close()
}

// Every page that was written is among those that are resident.
func TestResident(t *testing.T) {
	o := New(nil)
	defer o.Close()
	const pages = 200
	a := o.Map(pages * Bytes)
	written := map[uintptr]bool{}
	for _, i := range []uintptr{0, 3, 63, 64, 127, 128, pages - 1} {
		Store(a+i*Bytes+8*i%Bytes, 1)
		written[a+i*Bytes] = true
	}
	seen := uintptr(0)
	Resident(a, pages*Bytes, func(addr, n uintptr) {
		for end := addr + n; addr < end; addr += Bytes {
			delete(written, addr)
			seen++
		}
	})
	if len(written) != 0 || seen > pages {
		t.Errorf("%d written pages are missing, %d of %d are resident", len(written), seen, pages)
	}
}

// What is discarded is zero, what lies beside it is not, and both can be written again.
func TestDiscard(t *testing.T) {
	const pages = 5
	o := New(nil)
	addr := o.Map(pages * Bytes)
	view := View(addr, pages*Bytes)
	for range 2 {
		for i := range view {
			view[i] = 0xA5
		}
		Discard(addr+Bytes, 3*Bytes)
		for i, b := range view {
			if inside := i >= Bytes && i < 4*Bytes; (b == 0) != inside {
				t.Fatalf("byte %d is %#x", i, b)
			}
		}
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}
