// Package impl_test measures all allocators with one suite.
//
//	go test -run '^$' -bench Heap/impl=slab ./impl
//
// A benchmark's name is impl=…/op=…/size=…, and its figure is ns/pair: the time of one allocation and one free. There
// are four workloads:
//
//	op=pair     64 bytes, freed at once, beside one live block: the shortest way through the code
//	op=order    a million blocks of 1 to 512 bytes, then freed in the order of their allocation
//	op=shuffle  a million blocks of 32 bytes, then freed in random order: a miss of the cache at every step
//	op=churn    100,000 live blocks of 1 to 512 bytes, of which random ones are replaced: a heap that has aged
//
// The first byte of every block is written, so that memory which nobody touches is not called fast. (Not a word: for
// a block of 1 byte only that one is ours.) An allocator is warmed up with one round that is not counted, and is the
// same in all rounds.
//
// The live block of op=pair is there because a heap in use is never empty. Without it CPython up to 3.8 asks the
// system for an arena at every pair and gives it back (bpo-37257), which takes 6.6 us and hides everything else.
//
// scripts/bench_twin.c is the same suite for C libraries. Sizes and orders come from splitmix64, which both have, and
// both compare the checksum of what they made with the same constant. scripts/bench runs both and prints one table.
package impl_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"modernc.org/memory"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/slab"
)

// heap is what is measured. It is called through the interface, as C libraries are through a pointer to a function.
type heap interface {
	Alloc(n uintptr) unsafe.Pointer
	Free(p unsafe.Pointer)
}

// implementation is a row of the table: a name, and how to open a fresh heap and to close it.
type implementation struct {
	name string
	open func(tb testing.TB) (h heap, closeHeap func() error)
}

func implementations() []implementation {
	var all []implementation
	for _, p := range profile.All() {
		all = append(all, implementation{"arena-" + p.Name, openArena(p)})
	}
	return append(all,
		implementation{"slab", openSlab},
		implementation{"modernc-memory", openModernc},
		implementation{"go", func(testing.TB) (heap, func() error) { return goHeap{}, func() error { return nil } }},
	)
}

func openArena(p *profile.Profile) func(tb testing.TB) (heap, func() error) {
	return func(tb testing.TB) (heap, func() error) {
		a, err := arena.New(arena.Config{Profile: p})
		if err != nil {
			tb.Fatal(err)
		}
		return a, a.Close
	}
}

func openSlab(tb testing.TB) (heap, func() error) {
	a, err := slab.New(slab.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return a, a.Close
}

func openModernc(testing.TB) (heap, func() error) {
	h := &moderncHeap{}
	return h, h.a.Close
}

// moderncHeap is modernc.org/memory, whose errors are those of the operating system.
type moderncHeap struct{ a memory.Allocator }

func (h *moderncHeap) Alloc(n uintptr) unsafe.Pointer {
	p, err := h.a.UnsafeMalloc(int(n))
	if err != nil {
		return nil
	}
	return p
}

func (h *moderncHeap) Free(p unsafe.Pointer) {
	if err := h.a.UnsafeFree(p); err != nil {
		panic(err)
	}
}

// goHeap is Go's own. Nothing is freed by hand: the workloads forget the pointer, and the time of the collector counts.
type goHeap struct{}

func (goHeap) Alloc(n uintptr) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]byte, n)))
}
func (goHeap) Free(unsafe.Pointer) {}

// splitmix64 is the generator of Steele, Lea and Flood: a counter, and a hash of it.
type splitmix64 uint64

func (s *splitmix64) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// sequence is what a workload does, made before the clock runs.
type sequence struct {
	sizes []uint32 // of the i-th allocation
	slots []uint32 // shuffle: the order of frees; churn: the slot that the i-th allocation replaces
}

// sizes draws n sizes from 1 to 512.
func sizes(n int) []uint32 {
	r := splitmix64(1)
	s := make([]uint32, n)
	for i := range s {
		s[i] = uint32(1 + r.next()%512)
	}
	return s
}

// permutation shuffles 0..n-1.
func permutation(n int) []uint32 {
	r := splitmix64(2)
	s := make([]uint32, n)
	for i := range s {
		s[i] = uint32(i)
	}
	for i := n - 1; i > 0; i-- {
		j := r.next() % uint64(i+1)
		s[i], s[j] = s[j], s[i]
	}
	return s
}

// places draws n numbers below most.
func places(n, most int) []uint32 {
	r := splitmix64(3)
	s := make([]uint32, n)
	for i := range s {
		s[i] = uint32(r.next() % uint64(most))
	}
	return s
}

// sequenceSum is the checksum of the three for 1000 numbers; scripts/bench_twin.c has it too.
const sequenceSum = 1284082054362500208

func TestSequencesAreThoseOfTheTwin(t *testing.T) {
	var sum uint64
	for _, s := range [][]uint32{sizes(1000), permutation(1000), places(1000, 100)} {
		for _, v := range s {
			sum = sum*31 + uint64(v)
		}
	}
	if sum != sequenceSum {
		t.Errorf("the sum is %d, not %d: change scripts/bench_twin.c as well", sum, uint64(sequenceSum))
	}
}

// workload is one of the four. Every round is n pairs; live blocks are held in slots.
type workload struct {
	op, size string
	n        int
	live     int
	prepare  func(w workload) sequence
	before   func(h heap, live []unsafe.Pointer, s sequence) // once, not counted
	round    func(h heap, live []unsafe.Pointer, s sequence)
}

func workloads(n int) []workload {
	return []workload{
		{op: "pair", size: "64", n: n, live: 1, before: fillSlots, round: roundPair,
			prepare: func(w workload) sequence { return sequence{sizes: slices.Repeat([]uint32{64}, w.n)} }},
		{op: "order", size: "1..512", n: n, live: n, round: roundOrder,
			prepare: func(w workload) sequence { return sequence{sizes: sizes(w.n)} }},
		{op: "shuffle", size: "32", n: n, live: n, round: roundShuffle,
			prepare: func(w workload) sequence { return sequence{slots: permutation(w.n)} }},
		{op: "churn", size: "1..512", n: n, live: n / 10, before: fillSlots, round: roundChurn,
			prepare: func(w workload) sequence { return sequence{sizes(w.n), places(w.n, w.live)} }},
	}
}

// touch writes the first byte of a block, which has at least one.
func touch(p unsafe.Pointer) { *(*byte)(p) = 1 }

func roundPair(h heap, _ []unsafe.Pointer, s sequence) {
	for _, n := range s.sizes {
		p := h.Alloc(uintptr(n))
		touch(p)
		h.Free(p)
	}
}

func roundOrder(h heap, live []unsafe.Pointer, s sequence) {
	for i, n := range s.sizes {
		live[i] = h.Alloc(uintptr(n))
		touch(live[i])
	}
	for i, p := range live {
		h.Free(p)
		live[i] = nil
	}
}

func roundShuffle(h heap, live []unsafe.Pointer, s sequence) {
	for i := range live {
		live[i] = h.Alloc(32)
		touch(live[i])
	}
	for _, slot := range s.slots {
		h.Free(live[slot])
		live[slot] = nil
	}
}

func fillSlots(h heap, live []unsafe.Pointer, s sequence) {
	for i := range live {
		live[i] = h.Alloc(uintptr(s.sizes[i]))
		touch(live[i])
	}
}

func roundChurn(h heap, live []unsafe.Pointer, s sequence) {
	for i, n := range s.sizes {
		slot := s.slots[i]
		h.Free(live[slot])
		p := h.Alloc(uintptr(n))
		live[slot] = p
		touch(p)
	}
}

func BenchmarkHeap(b *testing.B) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	for _, impl := range implementations() {
		for _, w := range workloads(n) {
			b.Run("impl="+impl.name+"/op="+w.op+"/size="+w.size, func(b *testing.B) { measure(b, impl, w) })
		}
	}
}

func measure(b *testing.B, impl implementation, w workload) {
	h, closeHeap := impl.open(b)
	s := w.prepare(w)
	live := make([]unsafe.Pointer, w.live)
	if w.before != nil {
		w.before(h, live, s)
	}
	w.round(h, live, s)
	b.ReportAllocs()
	for b.Loop() {
		w.round(h, live, s)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(w.n), "ns/pair")
	if err := closeHeap(); err != nil {
		b.Error(err)
	}
}

// TestWorkloads runs every workload on every implementation once, small, and looks that nothing remains where an
// implementation can tell.
func TestWorkloads(t *testing.T) {
	for _, impl := range implementations() {
		for _, w := range workloads(2000) {
			h, closeHeap := impl.open(t)
			live := make([]unsafe.Pointer, w.live)
			s := w.prepare(w)
			if w.before != nil {
				w.before(h, live, s)
			}
			for range 2 {
				w.round(h, live, s)
			}
			for _, p := range live {
				if p != nil {
					h.Free(p)
				}
			}
			if u, ok := h.(interface {
				Usage() (blocks, bytes, footprint uint64)
			}); ok {
				if blocks, bytes, _ := u.Usage(); blocks != 0 || bytes != 0 {
					t.Errorf("%s: %d blocks with %d bytes remain of %s", impl.name, blocks, bytes, w.op)
				}
			}
			if err := closeHeap(); err != nil {
				t.Errorf("%s: %s: %v", impl.name, w.op, err)
			}
		}
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

// TestTable compares the table that scripts/bench prints of stored figures with the golden one, and looks that -o
// replaces a file with it.
func TestTable(t *testing.T) {
	const dir = "../scripts/bench.d/testdata/"
	for _, tool := range []string{"bash", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	raw := dir + "raw.txt"
	got, err := exec.Command("bash", "../scripts/bench", "-from", raw).Output()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(dir+"table.golden", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(dir + "table.golden")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	out := filepath.Join(t.TempDir(), "table")
	if err := os.WriteFile(out, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("bash", "../scripts/bench", "-from", raw, "-o", out).Run(); err != nil {
		t.Fatal(err)
	}
	if written, err := os.ReadFile(out); err != nil || !bytes.Equal(written, want) {
		t.Errorf("-o wrote %q, %v", written, err)
	}
}
