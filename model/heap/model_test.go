package heap

import (
	"reflect"
	"strings"
	"testing"

	"heapfuzz/model"
)

// bounded promises that blocks of up to 1000 bytes waste a quarter and 7 bytes, and that those resized waste as much as
// was asked for, and stay where they are when a quarter of that is left over.
var bounded = Contract{
	Waste: [3]Waste{{UpTo: 1000, Shift: 2, Plus: 7}}, Resized: Waste{UpTo: 1000},
	Stays: [2]Stay{{UpTo: 1000, Num: 4, Den: 5}},
}

// Every rule that the model itself applies is broken here once, beside the nearest thing that does not break it.
func TestModelRules(t *testing.T) {
	for _, tt := range []struct {
		name     string
		contract Contract
		limited  bool
		do       func(m *Model) *model.Violation
		want     *model.Invariant
	}{
		{"one block", Contract{}, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 64}, Block{4096, 64})
		}, nil},
		{"neighbours touch", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 64}, Block{4096, 64})
			return m.Alloc(1, Request{Size: 64}, Block{4160, 64})
		}, nil},
		{"neighbours share a byte", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 64}, Block{4096, 65})
			return m.Alloc(1, Request{Size: 64}, Block{4160, 64})
		}, Disjoint},
		{"a small block inside one of many pages", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 1 << 20}, Block{4096, 1 << 20})
			return m.Alloc(1, Request{Size: 8}, Block{4096 + 77777, 8})
		}, Disjoint},
		{"one of many pages over a small block", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 8}, Block{4096 + 77776, 8})
			return m.Alloc(1, Request{Size: 1 << 18}, Block{4096, 1 << 18})
		}, Disjoint},
		{"one of many pages beside small blocks", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 8}, Block{4096 - 8, 8})
			m.Alloc(2, Request{Size: 8}, Block{4096 + 1<<18, 8})
			return m.Alloc(1, Request{Size: 1 << 18}, Block{4096, 1 << 18})
		}, nil},
		{"two blocks of no bytes at one address", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{}, Block{4096, 0})
			return m.Alloc(1, Request{}, Block{4096, 0})
		}, Disjoint},
		{"an address used again after free", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 64}, Block{4096, 64})
			m.Free(0)
			return m.Alloc(1, Request{Size: 64}, Block{4096, 64})
		}, nil},
		{"resized in place", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 64}, Block{4096, 64})
			return m.Realloc(0, 60, Block{4096, 64})
		}, nil},
		{"resized onto a neighbour", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 64}, Block{4096, 64})
			m.Alloc(1, Request{Size: 64}, Block{4160, 64})
			return m.Realloc(0, 80, Block{4096, 80})
		}, Disjoint},
		{"promised alignment", Contract{Align: 16}, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 1}, Block{4104, 16})
		}, Aligned},
		{"asked alignment", Contract{Align: 16}, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 1, Align: 4096}, Block{4096 + 512, 16})
		}, Aligned},
		{"no alignment promised", Contract{}, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 1}, Block{4097, 1})
		}, nil},
		{"too small", Contract{}, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 10}, Block{4096, 9})
		}, Size},
		{"as large as the waste allows", bounded, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 100}, Block{4096, 100 + 25 + 7})
		}, nil},
		{"a byte more than the waste allows", bounded, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 100}, Block{4096, 100 + 25 + 8})
		}, Wasted},
		{"above what the waste is bounded for", bounded, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 1001}, Block{4096, 4096})
		}, nil},
		{"no bytes as large as 16", bounded, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{}, Block{4096, 16 + 4 + 7})
		}, nil},
		{"no bytes and larger", bounded, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{}, Block{4096, 16 + 4 + 8})
		}, Wasted},
		{"larger in a limited world", bounded, true, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 100}, Block{4096, 4096})
		}, nil},
		{"aligned on request and as large as the waste allows", bounded, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 1, Align: 64}, Block{4096, 64 + 16 + 7 + 64})
		}, nil},
		{"aligned on request and larger", bounded, false, func(m *Model) *model.Violation {
			return m.Alloc(0, Request{Size: 1, Align: 64}, Block{4096, 64 + 16 + 7 + 65})
		}, Wasted},
		{"resized and twice as large", bounded, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 200}, Block{4096, 200})
			return m.Realloc(0, 100, Block{4096, 200})
		}, nil},
		{"resized and larger", bounded, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 200}, Block{4096, 200})
			return m.Realloc(0, 99, Block{4096, 200})
		}, Wasted},
		{"resized and larger for want of memory", bounded, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 200}, Block{4096, 200})
			m.Scarce(1, true)
			return m.Realloc(0, 99, Block{4096, 200})
		}, nil},
		{"moved though it fits", bounded, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 125}, Block{4096, 125})
			return m.Realloc(0, 100, Block{8192, 100})
		}, Stays},
		{"moved as too much would be left over", bounded, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 126}, Block{4096, 126})
			return m.Realloc(0, 100, Block{8192, 100})
		}, nil},
		{"moved as it does not fit", bounded, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 99}, Block{4096, 99})
			return m.Realloc(0, 100, Block{8192, 100})
		}, nil},
		{"usable size that changes", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 10}, Block{4096, 16})
			return m.Usable(0, 15)
		}, Usable},
		{"refused without a reason", Contract{}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 10})
		}, Serves},
		{"refused in a limited world", Contract{}, true, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 10})
		}, nil},
		{"refused under injected failures", Contract{}, false, func(m *Model) *model.Violation {
			m.Scarce(1, true)
			return m.Refuse(Request{Size: 10})
		}, nil},
		{"refused after they ended", Contract{}, false, func(m *Model) *model.Violation {
			m.Scarce(1, true)
			m.Scarce(0, false)
			return m.Refuse(Request{Size: 10})
		}, Serves},
		{"refused above the greatest size", Contract{SizeMax: 100}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 101})
		}, nil},
		{"refused at the greatest size", Contract{SizeMax: 100}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 100})
		}, Serves},
		{"refused what no machine has", Contract{}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 1 << 63})
		}, nil},
		{"refused above the greatest alignment", Contract{AlignMax: 64}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 1, Align: 128})
		}, nil},
		{"refused at the greatest alignment", Contract{AlignMax: 64}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 1, Align: 64})
		}, Serves},
		{"zero bytes refused", Contract{}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 0})
		}, Serves},
		{"zero bytes refused as promised", Contract{ZeroNil: true}, false, func(m *Model) *model.Violation {
			return m.Refuse(Request{Size: 0})
		}, nil},
		{"one block too many", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 10}, Block{4096, 16})
			return m.Count(2, 32)
		}, Accounted},
		{"bytes forgotten", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 10}, Block{4096, 16})
			return m.Count(1, 9)
		}, Accounted},
		{"an estimate is not compared", Contract{Inexact: true}, false, func(m *Model) *model.Violation {
			return m.Count(2, 32)
		}, nil},
		{"a block lost by a failed request", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 10}, Block{4096, 16})
			m.Failed()
			return m.Count(2, 32)
		}, Failure},
		{"a wrong count after a right one is no failure's fault", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 10}, Block{4096, 16})
			m.Failed()
			m.Count(1, 16)
			return m.Count(2, 32)
		}, Accounted},
		{"memory taken again after a trim may be kept", Contract{Retained: 100}, false,
			func(m *Model) *model.Violation {
				m.Trim()
				m.Alloc(0, Request{Size: 10}, Block{4096, 16})
				m.Free(0)
				return m.Footprint(101)
			}, nil},
		{"something left when all is freed", Contract{}, false, func(m *Model) *model.Violation {
			return m.Count(0, 1)
		}, Returned},
		{"footprint below what is usable", Contract{}, false, func(m *Model) *model.Violation {
			m.Alloc(0, Request{Size: 10}, Block{4096, 16})
			return m.Footprint(15)
		}, Accounted},
		{"kept more than promised", Contract{Retained: 100}, false, func(m *Model) *model.Violation {
			m.Trim()
			return m.Footprint(101)
		}, Returned},
		{"kept before it was told to trim", Contract{Retained: 100}, false, func(m *Model) *model.Violation {
			return m.Footprint(101)
		}, nil},
		{"nothing promised of what is kept", Contract{Retained: -1}, false, func(m *Model) *model.Violation {
			m.Trim()
			return m.Footprint(1 << 40)
		}, nil},
		{"its own invariants", Contract{}, false, func(m *Model) *model.Violation {
			return m.Check("arena/order: at 3")
		}, Invariant},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.do(New(tt.contract, tt.limited))
			switch {
			case v == nil && tt.want != nil:
				t.Fatalf("accepted, where %s should speak: %s", tt.want.Name, tt.want.Doc)
			case v != nil && v.Rule != tt.want:
				t.Fatalf("refused: %v", v)
			case v != nil && strings.ContainsAny(v.Signature(), "0123456789"):
				t.Fatalf("the signature %q holds a number", v.Signature())
			}
		})
	}
}

func TestModelCause(t *testing.T) {
	m := New(Contract{}, false)
	if got, want := m.Check("arena/order: at 3").Signature(), "heap/invariants arena/order"; got != want {
		t.Errorf("the signature is %q and should be %q", got, want)
	}
}

// After any order of frees the model holds nothing: blocks that stay behind would be taken for live ones.
func TestModelForgets(t *testing.T) {
	m := New(Contract{}, false)
	for i := range uint32(100) {
		if v := m.Alloc(i, Request{Size: 5000}, Block{uint64(4000 + 6000*i), 5000}); v != nil {
			t.Fatal(v)
		}
	}
	for i := range uint32(100) {
		m.Free(i * 37 % 100)
	}
	behind := 0
	for _, in := range m.pages {
		behind += len(in)
	}
	if m.live != 0 || behind != 0 || m.asked != 0 || m.usable != 0 {
		t.Errorf("left: %d blocks, %d in pages, %d asked, %d usable", m.live, behind, m.asked, m.usable)
	}
}

// TestReset looks whether anything is left of a heap when its model becomes that of another.
func TestReset(t *testing.T) {
	m := New(Contract{Align: 16}, true)
	for i, size := range []uint64{0, 100, 5000, wideBytes} {
		if v := m.Alloc(uint32(i), Request{Size: uintptr(size)}, Block{uint64(i+1) << 20, size}); v != nil {
			t.Fatal(v)
		}
	}
	m.Scarce(3, true)
	m.Failed()
	m.Trim()
	m.lost = true
	c := Contract{Align: 8}
	m.Reset(c, false)
	for i, in := range append(m.pages, m.wide) {
		if len(in) != 0 {
			t.Errorf("list %d has %d blocks", i, len(in))
		}
	}
	if m.Live(1) || len(m.slots) != 0 {
		t.Errorf("%d slots are left", len(m.slots))
	}
	got, want := *m, *New(c, false)
	got.slots, got.pages, got.wide, want.pages = nil, nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("a model that is reset is %+v, and a new one %+v", got, want)
	}
}
