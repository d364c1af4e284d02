package page

import (
	"strings"
	"testing"
)

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

func TestCounters(t *testing.T) {
	o := New(nil)
	a, b := o.Map(1), o.Map(3*Bytes)
	Store(a, 42)
	Store32(a+8, 7)
	if Load(a) != 42 || Load32(a+8) != 7 || View(a, 8)[0] != 42 || View(a, 0) != nil {
		t.Error("memory does not keep what is written")
	}
	o.Unmap(a, 1)
	want := Usage{Mapped: 3 * Bytes, Highwater: 4 * Bytes, Maps: 2, Unmaps: 1}
	if got := o.Usage(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if o.Size(b) != 3*Bytes || o.Size(a) != 0 {
		t.Error("Size does not know the runs")
	}
	mustPanic(t, "a run twice", func() { o.Unmap(a, 1) })
	mustPanic(t, "a part of a run", func() { o.Unmap(b, Bytes) })
	if err := o.Check(); err != nil {
		t.Error(err)
	}
	if err := o.Close(); err != nil || o.Usage().Mapped != 0 {
		t.Errorf("Close leaves %d bytes, %v", o.Usage().Mapped, err)
	}
}

// The fault strikes the request that was named, once or from then on, and changes nothing but the counter of failures.
func TestInjectOOM(t *testing.T) {
	rows := []struct {
		nth        int
		persistent bool
		want       string // m for memory, . for none
	}{
		{0, false, "mmmmm"}, {1, false, ".mmmm"}, {3, false, "mm.mm"}, {1, true, "....."}, {4, true, "mmm.."},
		{-1, true, "mmmmm"},
	}
	for _, r := range rows {
		o := New(nil)
		o.InjectOOM(r.nth, r.persistent)
		got := ""
		for range 5 {
			if o.Map(Bytes) == 0 {
				got += "."
			} else {
				got += "m"
			}
		}
		u := o.Usage()
		if got != r.want || u.Failed != uint64(strings.Count(got, ".")) || u.Mapped != u.Maps*Bytes {
			t.Errorf("InjectOOM(%d, %v): got %s, want %s; %+v", r.nth, r.persistent, got, r.want, u)
		}
		o.InjectOOM(0, false)
		if o.Map(Bytes) == 0 {
			t.Error("disarmed, and still no memory")
		}
		o.Close()
	}
}

func TestLimit(t *testing.T) {
	o := New(nil)
	defer o.Close()
	o.SetLimit(2 * Bytes)
	a := o.Map(Bytes)
	if a == 0 || o.Map(2*Bytes) != 0 || o.Map(^uintptr(0)) != 0 || o.Map(0) != 0 {
		t.Error("the limit is not kept")
	}
	if o.Map(Bytes) == 0 {
		t.Error("a request up to the limit failed")
	}
	o.Unmap(a, Bytes)
	if o.Map(Bytes) == 0 || o.Usage().Failed != 3 {
		t.Error("memory given back does not count again")
	}
	if err := o.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckSees(t *testing.T) {
	rows := []struct {
		want string
		hurt func(o *OS)
	}{
		{"page/mapped: ", func(o *OS) { o.usage.Mapped++ }},
		{"page/highwater: ", func(o *OS) { o.usage.Highwater = 0 }},
		{"page/highwater: ", func(o *OS) { o.limit = 1 }},
	}
	for _, r := range rows {
		o := New(nil)
		o.Map(Bytes)
		r.hurt(o)
		if err := o.Check(); err == nil || !strings.HasPrefix(err.Error(), r.want) {
			t.Errorf("got %v, want %s", err, r.want)
		}
	}
}

func TestMapAligned(t *testing.T) {
	o := New(nil)
	defer o.Close()
	for _, align := range []uintptr{1, Bytes, 64 << 10, 1 << 20} {
		for range 3 {
			a := o.MapAligned(3*Bytes, align)
			if a == 0 || a%max(align, Bytes) != 0 || o.Size(a) != 3*Bytes {
				t.Fatalf("align %d: %#x", align, a)
			}
			Store(a, 1)
			Store(a+3*Bytes-8, 1)
		}
	}
	if u := o.Usage(); u.Maps != 12 || u.Mapped != 36*Bytes {
		t.Errorf("each is one request: %+v", u)
	}
}

func TestSlots(t *testing.T) {
	var events []int
	s := NewSlots(64<<10, 3, 512)
	s.Event = func(slot int, given bool) {
		if !given {
			slot = -slot
		}
		events = append(events, slot)
	}
	a, b, c := s.Map(64<<10), s.Map(64<<10), s.Map(64<<10)
	if s.Map(64<<10) != 0 || s.Map(Bytes) != 0 {
		t.Error("a fourth slot, or one of another size")
	}
	if a%(64<<10) != 512 || b != a+64<<10 || c != b+64<<10 {
		t.Error("slots are not side by side from the skewed base")
	}
	View(b, 64<<10)[100] = 1
	s.Unmap(b, 64<<10)
	s.Unmap(a, 64<<10)
	if s.Map(64<<10) != a || s.Map(64<<10) != b {
		t.Error("not the lowest free slot")
	}
	for i, v := range View(b, 64<<10) {
		if v != Poison {
			t.Fatalf("byte %d of a slot is %#x", i, v)
		}
	}
	if slot, off := s.Place(b + 5); slot != 1 || off != 5 {
		t.Errorf("Place says %d+%d", slot, off)
	}
	if slot, _ := s.Place(a - 1); slot != -1 {
		t.Error("Place claims what lies in front")
	}
	if slot, _ := s.Place(c + 64<<10); slot != -1 {
		t.Error("Place claims what lies behind")
	}
	if got := events; len(got) != 7 || got[3] != -1 {
		t.Errorf("events %v", got)
	}
	mustPanic(t, "a part of a slot", func() { s.Unmap(a+Bytes, 64<<10) })
	for range 2 { // a second Close is nothing
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
