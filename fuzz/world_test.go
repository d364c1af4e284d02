package fuzz

import (
	"math/rand/v2"
	"testing"

	"heapfuzz/impl/page"
	"heapfuzz/props/heaptest"
)

// TestStretch drives the operating system of a limited world: no two runs share a byte, all are zero when they come, no
// more is given than there is, a part may be taken back, and two systems give the same places.
func TestStretch(t *testing.T) {
	for _, skew := range []uint64{0, 3} {
		a := source(heaptest.World{Limit: 10, Skew: skew})
		b := source(heaptest.World{Limit: 10, Skew: skew})
		src := rand.New(rand.NewPCG(1, skew))
		var live []run
		for range 3000 {
			if len(live) > 0 && src.IntN(2) == 0 {
				i := src.IntN(len(live))
				r := live[i]
				live[i] = live[len(live)-1]
				live = live[:len(live)-1]
				half := r.bytes / 2 &^ (page.Bytes - 1)
				off := r.addr - a.base
				bAddr := b.base + off
				if half > 0 && src.IntN(3) == 0 {
					a.Unmap(r.addr, half)
					b.Unmap(bAddr, half)
					live = append(live, run{r.addr + half, r.bytes - half})
				} else {
					a.Unmap(r.addr, r.bytes)
					b.Unmap(bAddr, r.bytes)
				}
				continue
			}
			n := uintptr(1+src.IntN(40)) * page.Bytes
			p, q := a.Map(n), b.Map(n)
			if (p == 0) != (q == 0) || p != 0 && p-a.base != q-b.base {
				t.Fatalf("two worlds differ: offsets %d and %d", p-a.base, q-b.base)
			}
			if p == 0 {
				if used := uint64(10*heaptest.LimitUnit) - a.left; used+uint64(n) <= 10*heaptest.LimitUnit/2 {
					t.Fatalf("%d bytes refused with %d given", n, used)
				}
				continue
			}
			for _, r := range live {
				if p < r.addr+r.bytes && r.addr < p+n {
					t.Fatal("two runs share bytes")
				}
			}
			view := page.View(p, n)
			for i := range view {
				if view[i] != 0 {
					t.Fatalf("byte %d is not zero", i)
				}
				view[i] = 0xA5
			}
			live = append(live, run{p, n})
			if sum := total(live); sum+a.left != 10*heaptest.LimitUnit {
				t.Fatalf("%d bytes given and %d left", sum, a.left)
			}
		}
		for _, r := range live {
			b.Unmap(b.base+r.addr-a.base, r.bytes)
			a.Unmap(r.addr, r.bytes)
		}
		if a.base != 0 || len(a.runs) != 0 {
			t.Error("the stretch was not given back")
		}
	}
}

func total(runs []run) (n uint64) {
	for _, r := range runs {
		n += uint64(r.bytes)
	}
	return n
}
