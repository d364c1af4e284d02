package dict

import (
	"strings"
	"testing"

	"heapfuzz/impl/page"
)

// TestBroken breaks each invariant by hand, in the bytes, and sees the checker name it.
func TestBroken(t *testing.T) {
	old, compact, newest := "2.7", "3.8", "3.13"
	word := func(at uintptr, v uint64) { page.Store(at, uintptr(v)) }
	bytes := func(k keys, i, v byte) { page.View(uintptr(k)+keysMeta, 4)[i] = v }
	rows := []struct {
		rule, profile, reason string
		broken                func(s *Space, d Dict, k keys)
	}{
		{"keys", compact, "five bits of size are one", func(s *Space, d Dict, k keys) { bytes(k, 0, 1) }},
		{"keys", compact, "a slot of two bytes in a small table", func(s *Space, d Dict, k keys) { bytes(k, 1, 1) }},
		{"keys", compact, "no such kind", func(s *Space, d Dict, k keys) { bytes(k, 2, 9) }},
		{"keys", newest, "numbers without a hash", func(s *Space, d Dict, k keys) { bytes(k, 3, narrow) }},
		{"keys", compact, "a table larger than its block", func(s *Space, d Dict, k keys) { bytes(k, 0, 6) }},
		{"room", compact, "usability given back by popitem", func(s *Space, d Dict, k keys) {
			k.setUsable(k.usable() + 1)
		}},
		{"index", compact, "a slot behind the entries", func(s *Space, d Dict, k keys) { s.setSlot(k, 0, 9) }},
		{"index", compact, "two slots for an entry", func(s *Space, d Dict, k keys) { s.setSlot(k, 7, 1) }},
		{"index", compact, "an entry without a slot", func(s *Space, d Dict, k keys) { s.setSlot(k, 1, slotDummy) }},
		{"index", compact, "a slot for a dead entry", func(s *Space, d Dict, k keys) { word(s.cell(k, 1), 0) }},
		{"used", compact, "an entry more counted", func(s *Space, d Dict, k keys) { d.setLen(5) }},
		{"used", newest, "entries in the shared empty keys", func(s *Space, d Dict, k keys) { d.setKeys(s.empty) }},
		{"dummies", compact, "a dummy that no deletion made", func(s *Space, d Dict, k keys) {
			s.setSlot(k, 6, slotDummy)
		}},
		{"empty-slot", compact, "a table that was filled up", func(s *Space, d Dict, k keys) {
			for i := range uintptr(8) {
				if s.slot(k, i) == slotEmpty {
					s.setSlot(k, i, slotDummy)
				}
			}
		}},
		{"reach", compact, "a slot off its path", func(s *Space, d Dict, k keys) {
			s.setSlot(k, 1, slotEmpty)
			s.setSlot(k, 7, 1)
		}},
		{"hash", compact, "a stored hash of another key", func(s *Space, d Dict, k keys) { word(s.cell(k, 1)-8, 77) }},
		{"unique", compact, "a key twice", func(s *Space, d Dict, k keys) {
			word(s.cell(k, 3), uint64(Int(0)))
			word(s.cell(k, 3)-8, 0)
			i := s.slotOfEntry(k, 3, 3)
			s.setSlot(k, i, slotEmpty)
			s.setSlot(k, s.freeSlot(k, 0), 3)
		}},
		{"kind", compact, "a number among strings", func(s *Space, d Dict, k keys) { k.setKind(kindStr) }},
		{"kind", compact, "shared keys without values", func(s *Space, d Dict, k keys) {
			fresh := s.newKeys(logMin, true)
			fresh.setKind(kindSplit)
			d.setKeys(fresh)
		}},
		{"value", compact, "a live key without a value", func(s *Space, d Dict, k keys) { word(s.cell(k, 1)+8, 0) }},
		{"value", compact, "a dead one with a value", func(s *Space, d Dict, k keys) {
			_, _ = s.Delete(d, Int(1))
			word(s.cell(k, 1)+8, 3)
		}},
		{"refs", compact, "a second owner", func(s *Space, d Dict, k keys) { k.setRefs(2) }},
		{"refs", newest, "a write to the shared empty keys", func(s *Space, d Dict, k keys) {
			s.Clear(d)
			own := s.newKeys(logMin, true) // not those of all spaces
			for i := uintptr(0); i < emptyApart; i += 8 {
				page.Store(uintptr(own)+i, page.Load(uintptr(s.empty)+i))
			}
			s.setSlot(own, 0, 0)
			s.empty = own
			d.setKeys(own)
		}},
		{"used", old, "an entry more counted", func(s *Space, d Dict, k keys) { d.setLen(5) }},
		{"dummies", old, "a slot more counted", func(s *Space, d Dict, k keys) { d.setFill(5) }},
		{"keys", old, "a mask with a hole", func(s *Space, d Dict, k keys) { word(uintptr(d)+oldMask, 5) }},
		{"hash", old, "a stored hash of another key", func(s *Space, d Dict, k keys) { word(d.smallTable()+24, 5) }},
		{"value", old, "a live key without a value", func(s *Space, d Dict, k keys) { word(d.smallTable()+16, 0) }},
		{"keys", old, "a table larger than its block", func(s *Space, d Dict, k keys) {
			word(uintptr(d)+oldTable, uint64(uintptr(s.mem.Alloc(64))))
			word(uintptr(d)+oldMask, 31)
		}},
		{"value", old, "an empty slot with a value", func(s *Space, d Dict, k keys) {
			word(oldCell(d.smallTable(), 7)+8, 3)
		}},
		{"empty-slot", old, "a table that was filled up", func(s *Space, d Dict, k keys) {
			for i := range uintptr(8) {
				if c := oldCell(d.smallTable(), i); keyAt(c) == 0 {
					word(c, uint64(s.dummy))
				}
			}
			d.setFill(8)
		}},
		{"reach", old, "a slot off its path", func(s *Space, d Dict, k keys) {
			to := oldCell(d.smallTable(), 7)
			from := oldCell(d.smallTable(), 2)
			for i := uintptr(0); i < 24; i += 8 {
				word(to-8+i, uint64(page.Load(from-8+i)))
				word(from-8+i, 0)
			}
		}},
		{"unique", old, "a key twice", func(s *Space, d Dict, k keys) {
			to := oldCell(d.smallTable(), 1)
			word(to-8, 0)
			word(to, uint64(Int(0)))
		}},
	}
	for _, row := range rows {
		p, _ := ProfileByName(row.profile)
		s := open(t, Config{Profile: p})
		d := s.New()
		fill(t, s, d, 0, 4)
		must(t, s.CheckInvariants(d))
		row.broken(s, d, d.keys())
		err := s.CheckInvariants(d)
		if err == nil || !strings.HasPrefix(err.Error(), "dict/"+row.rule+":") {
			t.Errorf("%s: %s: %v, want dict/%s", row.profile, row.reason, err, row.rule)
		}
	}
}

// TestBrokenSplit is the same for the dict of an instance with three attributes.
func TestBrokenSplit(t *testing.T) {
	rows := []struct {
		rule, profile, reason string
		broken                func(s *Space, d Dict)
	}{
		{"used", "3.8", "a hole in dense values", func(s *Space, d Dict) { page.Store(d.values(), 0) }},
		{"order", "3.8", "values that are not the first ones", func(s *Space, d Dict) {
			page.Store(d.values()+24, page.Load(d.values()))
			page.Store(d.values(), 0)
		}},
		{"order", "3.11", "a number twice in the order list", func(s *Space, d Dict) {
			_, at := s.order(d.values())
			*at(0) = *at(1)
		}},
		{"order", "3.13", "a list that is too short", func(s *Space, d Dict) {
			n, _ := s.order(d.values())
			*n--
		}},
		{"value", "3.13", "a value among shared keys", func(s *Space, d Dict) { page.Store(s.cell(d.keys(), 1)+8, 3) }},
		{"value", "3.13", "a dead shared key", func(s *Space, d Dict) {
			c := s.cell(d.keys(), 1)
			s.setSlot(d.keys(), s.slotOfEntry(d.keys(), hashAt(c, d.keys().stride()), 1), slotEmpty)
			page.Store(c, 0)
		}},
		{"kind", "3.8", "values with keys that are not shared", func(s *Space, d Dict) { d.keys().setKind(kindStr) }},
		{"dummies", "3.8", "a dummy among shared keys", func(s *Space, d Dict) {
			s.setSlot(d.keys(), s.freeSlot(d.keys(), 0), slotDummy)
			d.keys().setUsable(d.keys().usable() - 1)
		}},
		{"refs", "3.8", "shared keys that nobody has", func(s *Space, d Dict) { d.keys().setRefs(0) }},
	}
	for _, row := range rows {
		p, _ := ProfileByName(row.profile)
		s := open(t, Config{Profile: p})
		c := s.NewClass()
		d := s.NewInstance(&c)
		for _, name := range []string{"a", "b", "c"} {
			must(t, s.SetAttr(&c, d, s.NewStr(name), Int(1)))
		}
		must(t, s.CheckInvariants(d))
		row.broken(s, d)
		err := s.CheckInvariants(d)
		if err == nil || !strings.HasPrefix(err.Error(), "dict/"+row.rule+":") {
			t.Errorf("%s: %s: %v, want dict/%s", row.profile, row.reason, err, row.rule)
		}
	}
}

// TestBrokenFreeLists puts a presized table where only small ones wait (issue 3537), and one twice.
func TestBrokenFreeLists(t *testing.T) {
	s := open(t, Config{})
	big := s.newKeys(5, true)
	s.freeKeys[0], s.keysFree = big, 1
	if err := s.CheckSpace(); err == nil || !strings.HasPrefix(err.Error(), "dict/free:") {
		t.Error("a table of 32 slots may wait for reuse")
	}
	small := s.newKeys(4, true)
	bytes := page.View(uintptr(small)+keysMeta, 4)
	bytes[0] = logMin
	s.freeKeys[0], s.freeKeys[1], s.keysFree = small, small, 2
	if err := s.CheckSpace(); err == nil || !strings.HasPrefix(err.Error(), "dict/free:") {
		t.Error("a table may wait for reuse twice")
	}
	s.keysFree = 0
	d := s.New()
	s.freeDicts[0], s.freeDicts[1], s.dictsFree = d, d, 2
	if err := s.CheckSpace(); err == nil || !strings.HasPrefix(err.Error(), "dict/free:") {
		t.Error("a dict may wait for reuse twice")
	}
	s.dictsFree = 0
}

// TestBrokenShared counts the references to shared keys when there is one owner more, and one less, than is told.
func TestBrokenShared(t *testing.T) {
	p, _ := ProfileByName("3.8")
	s := open(t, Config{Profile: p})
	c := s.NewClass()
	d := s.NewInstance(&c)
	must(t, s.SetAttr(&c, d, s.NewStr("a"), Int(1)))
	for _, row := range []struct {
		dicts   []Dict
		classes []Class
		fine    bool
	}{
		{[]Dict{d}, []Class{c}, true},
		{[]Dict{d}, nil, false},
		{nil, []Class{c}, false},
		{[]Dict{d, d}, []Class{c}, false},
	} {
		err := s.CheckShared(row.dicts, row.classes, func(uintptr) {}, func(Word) {})
		if fine := err == nil; fine != row.fine || !fine && !strings.HasPrefix(err.Error(), "dict/refs:") {
			t.Errorf("%d dicts and %d classes: %v", len(row.dicts), len(row.classes), err)
		}
	}
}

func TestExplain(t *testing.T) {
	s := open(t, Config{})
	d := s.New()
	fill(t, s, d, 0, 4)
	remove(t, s, d, 2, 3)
	const want = "3 of 5 entries used, 1 usable, 1 dead; 8 slots: 0 1 x 3 . . . ."
	if got := s.Explain(d); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
