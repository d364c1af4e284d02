package pool

import (
	"math/rand/v2"
	"strings"
	"testing"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
)

// fresh returns a carved pool in memory of its own.
func fresh(t *testing.T, g Geometry) Pool {
	t.Helper()
	os := page.New(nil)
	t.Cleanup(func() { os.Close() })
	p := Pool(os.MapAligned(g.PoolBytes, g.PoolBytes))
	p.Carve(3)
	if p.Class() != NoClass || p.Arena() != 3 {
		t.Fatal("a carved pool has a class, or another arena")
	}
	return p
}

func geometries() (gs []Geometry) {
	for _, name := range []string{"old8", "3.9", "3.11"} {
		p, _ := profile.ByName(name)
		gs = append(gs, Geometry{Shift: p.Shift, PoolBytes: p.PoolBytes})
	}
	return gs
}

// take does what layer 3 does for a block of a pool that has one.
func take(p Pool, size uintptr) uintptr {
	b := p.Free()
	p.SetCount(p.Count() + 1)
	p.SetFree(page.Load(b))
	if p.Free() == 0 && p.HasVirgin() {
		p.Extend(size)
	}
	return b
}

func give(p Pool, b uintptr) {
	page.Store(b, p.Free())
	p.SetFree(b)
	p.SetCount(p.Count() - 1)
}

// TestEveryClass fills a pool of each class, in order of addresses, and empties it; the last block freed is the first
// to come again, also when the pool starts anew in its class.
func TestEveryClass(t *testing.T) {
	for _, g := range geometries() {
		p := fresh(t, g)
		for class := range g.Classes() {
			size, capacity := g.Size(class), g.Capacity(class)
			blocks := []uintptr{p.Start(class, size, g.PoolBytes)}
			for k := uint32(1); k < capacity; k++ {
				if err := g.Check(p); err != nil {
					t.Fatalf("class %d with %d blocks: %v", class, k, err)
				}
				blocks = append(blocks, take(p, size))
			}
			for k, b := range blocks {
				if i, ok := g.Index(p, b); !ok || int(i) != k || g.Of(b+size-1) != p {
					t.Fatalf("class %d: block %d lies at %d", class, k, b-uintptr(p))
				}
			}
			if p.Free() != 0 || g.Check(p) != nil {
				t.Fatalf("class %d: full, and a free block is left, or %v", class, g.Check(p))
			}
			for _, b := range blocks {
				give(p, b)
			}
			if p.Count() != 0 || p.Start(class, size, g.PoolBytes) != blocks[capacity-1] {
				t.Fatalf("class %d does not go on with the block freed last", class)
			}
			give(p, blocks[capacity-1])
		}
	}
}

func TestRandomOrderKeepsAllBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, g := range geometries() {
		p := fresh(t, g)
		for class := uint32(0); class < g.Classes(); class += 5 {
			size := g.Size(class)
			live := []uintptr{p.Start(class, size, g.PoolBytes)}
			for range 1000 {
				if p.Free() != 0 && r.IntN(5) < 3 {
					live = append(live, take(p, size))
				} else if i := r.IntN(len(live)); len(live) > 1 {
					full := p.Free() == 0
					give(p, live[i])
					if full && p.Count() == 0 {
						t.Fatal("a pool is never full and empty")
					}
					live[i] = live[len(live)-1]
					live = live[:len(live)-1]
				}
			}
			if err := g.Check(p); err != nil || int(p.Count()) != len(live) {
				t.Fatalf("class %d: %v, %d of %d blocks", class, err, p.Count(), len(live))
			}
			p.SetCount(0)
			p.Carve(3) // the next class starts from virgin memory
		}
	}
}

func TestCheckSees(t *testing.T) {
	g := geometries()[1]
	rows := []struct {
		want string
		hurt func(p Pool)
	}{
		{"pool/grid: class", func(p Pool) { page.Store32(uintptr(p)+offClass, 99) }},
		{"pool/grid: last", func(p Pool) { page.Store32(uintptr(p)+offLast, 99) }},
		{"pool/grid: next virgin", func(p Pool) { page.Store32(uintptr(p)+offVirgin, p.Virgin()+8) }},
		{"pool/free-list: a link", func(p Pool) { page.Store(p.Free(), p.Free()+8) }},
		{"pool/free-list: block 4 is on the list and virgin", func(p Pool) {
			page.Store(p.Free(), uintptr(p)+48+4*80)
		}},
		{"pool/free-list: block 1 is on the list twice", func(p Pool) { page.Store(p.Free(), p.Free()) }},
		{"pool/full-state", func(p Pool) { p.SetCount(g.Capacity(p.Class())) }},
		{"pool/used-state", func(p Pool) { p.SetFree(0) }},
		{"pool/conservation", func(p Pool) { p.SetCount(p.Count() + 1) }},
	}
	for _, r := range rows {
		p := fresh(t, g)
		p.Start(4, 80, g.PoolBytes)
		b := take(p, 80)
		take(p, 80)
		give(p, b)
		if err := g.Check(p); err != nil {
			t.Fatal(err)
		}
		r.hurt(p)
		if err := g.Check(p); err == nil || !strings.HasPrefix(err.Error(), r.want) {
			t.Errorf("got %v, want %s", err, r.want)
		}
	}
}

func TestIndexOffTheGrid(t *testing.T) {
	g := geometries()[1]
	p := fresh(t, g)
	p.Start(4, 80, g.PoolBytes)
	for _, off := range []uintptr{0, 47, 49, 48 + 79, 48 + 50*80, 4095} {
		if _, ok := g.Index(p, uintptr(p)+off); ok {
			t.Errorf("offset %d is no block", off)
		}
	}
	var s Set
	s.Add(3)
	s.Add(2047)
	if !s.Has(3) || s.Has(4) || s.Len() != 2 {
		t.Error("a set does not know its blocks")
	}
	stops := 0
	if err := g.WalkFree(p, func(uint32) bool { stops++; return false }); err != nil || stops != 1 {
		t.Errorf("the walk does not stop: %v, %d", err, stops)
	}
}
