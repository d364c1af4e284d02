package arena

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
)

func debug(t testing.TB, name string) (*Hooks, *Allocator) {
	t.Helper()
	prof, _ := profile.ByName(name)
	a := open(t, Config{Profile: prof})
	return Debug(a, prof.Hooks, 'o'), a
}

// caught runs f and returns the breach that it panics with, or nil.
func caught(f func()) (e *HookError) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *HookError:
			e = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

func poke(p unsafe.Pointer, off int, v byte) { *(*byte)(unsafe.Add(p, off)) = v }

func TestHooksLayout(t *testing.T) {
	rows := []struct{ profile, fresh, freed string }{
		{"3.6", "000000000000000a 6f fbfbfbfbfbfbfb cbcbcbcbcbcbcbcbcbcb fbfbfbfbfbfbfbfb 0000000000000001",
			"dbdbdbdbdbdbdbdb db dbdbdbdbdbdbdb dbdbdbdbdbdbdbdbdbdb dbdbdbdbdbdbdbdb dbdbdbdbdbdbdbdb"},
		{"3.11", "000000000000000a 6f fdfdfdfdfdfdfd cdcdcdcdcdcdcdcdcdcd fdfdfdfdfdfdfdfd",
			"dddddddddddddddd dd dddddddddddddd dddddddddddddddddddd dddddddddddddddd"},
	}
	for _, r := range rows {
		h, a := debug(t, r.profile)
		p := h.Alloc(10)
		raw := func() string { return fmt.Sprintf("%x", span(p, -16, 10+int(h.extra))) }
		if got, want := raw(), strings.ReplaceAll(r.fresh, " ", ""); got != want {
			t.Errorf("profile %s: a new block is\n%s, want\n%s", r.profile, got, want)
		}
		if h.UsableSize(p) != 10 || h.UsableSize(nil) != 0 {
			t.Error("usable are the bytes asked for")
		}
		a.Alloc(10) // keeps the arena, so that freed memory can be looked at
		h.Free(p)
		// The allocator below puts its link over the first word.
		if got, want := raw()[16:], strings.ReplaceAll(r.freed, " ", "")[16:]; got != want {
			t.Errorf("profile %s: a freed block is\n%s, want\n%s", r.profile, got, want)
		}
		if p := h.Calloc(2, 5); bytes.Count(span(p, 0, 10), []byte{0}) != 10 {
			t.Error("calloc is not zero")
		}
		closeHeap(t, a)
	}
}

// TestHooksTexts compares with texts of CPython 3.6.15, 3.8.18 and 3.11.7, which _testcapi and ctypes provoked;
// addresses are replaced.
func TestHooksTexts(t *testing.T) {
	head := "Debug memory block at address p=P: API 'o'\n    %d bytes originally requested\n"
	good := "    The 7 pad bytes at p-7 are FORBIDDENBYTE, as expected.\n"
	end := "\nEnable tracemalloc to get the memory block allocation traceback\n\nFatal Python error: "
	rows := []struct {
		name, profile string
		n             uintptr
		do            func(h *Hooks, p unsafe.Pointer)
		rule, want    string
	}{
		{
			"overflow by a byte, with a serial number", "3.6", 16,
			func(h *Hooks, p unsafe.Pointer) { poke(p, 16, 0x78); h.Free(p) }, "hooks/trailing-pad",
			fmt.Sprintf(head, 16) + good + "    The 8 pad bytes at tail=T are not all FORBIDDENBYTE (0xfb):\n" +
				"        at tail+0: 0x78 *** OUCH\n        at tail+1: 0xfb\n" +
				"        at tail+2: 0xfb\n        at tail+3: 0xfb\n" +
				"        at tail+4: 0xfb\n        at tail+5: 0xfb\n        at tail+6: 0xfb\n        at tail+7: 0xfb\n" +
				"    The block was made by call #1 to debug malloc/realloc.\n" +
				"    Data at p: cb cb cb cb cb cb cb cb cb cb cb cb cb cb cb cb\n" + end + "bad trailing pad byte\n",
		},
		{
			"underflow, seen by realloc", "3.11", 20,
			func(h *Hooks, p unsafe.Pointer) { poke(p, -3, 0x41); h.Realloc(p, 10) }, "hooks/leading-pad",
			fmt.Sprintf(head, 20) + "    The 7 pad bytes at p-7 are not all FORBIDDENBYTE (0xfd):\n" +
				"        at p-7: 0xfd\n        at p-6: 0xfd\n        at p-5: 0xfd\n        at p-4: 0xfd\n" +
				"        at p-3: 0x41 *** OUCH\n        at p-2: 0xfd\n        at p-1: 0xfd\n" +
				"    Because memory is corrupted at the start, the count of bytes requested\n" +
				"       may be bogus, and checking the trailing pad bytes may segfault.\n" +
				"    The 8 pad bytes at tail=T are FORBIDDENBYTE, as expected.\n" +
				"    Data at p: cd cd cd cd cd cd cd cd ... cd cd cd cd cd cd cd cd\n" +
				end + "_PyMem_DebugRawRealloc: bad leading pad byte\n",
		},
		{
			"no byte of data", "3.8", 0,
			func(h *Hooks, p unsafe.Pointer) { poke(p, 7, 0x41); h.Free(p) }, "hooks/trailing-pad",
			fmt.Sprintf(head, 0) + good + "    The 8 pad bytes at tail=T are not all FORBIDDENBYTE (0xfd):\n" +
				"        at tail+0: 0xfd\n        at tail+1: 0xfd\n        at tail+2: 0xfd\n        at tail+3: 0xfd\n" +
				"        at tail+4: 0xfd\n        at tail+5: 0xfd\n" +
				"        at tail+6: 0xfd\n        at tail+7: 0x41 *** OUCH\n" +
				end + "bad trailing pad byte\n",
		},
		{
			"another family", "3.9", 3,
			func(h *Hooks, p unsafe.Pointer) { Debug(h.below, h.prof, 'r').Free(p) }, "hooks/api",
			fmt.Sprintf(head, 3) + good + "    The 8 pad bytes at tail=T are FORBIDDENBYTE, as expected.\n" +
				"    Data at p: cd cd cd\n" +
				end + "_PyMem_DebugRawFree: bad ID: Allocated using API 'o', verified using API 'r'\n",
		},
	}
	for _, r := range rows {
		h, a := debug(t, r.profile)
		p := h.Alloc(r.n)
		e := caught(func() { r.do(h, p) })
		if e == nil || e.Rule != r.rule {
			t.Fatalf("%s: got %v, want rule %s", r.name, e, r.rule)
		}
		got := strings.NewReplacer("tail="+fmt.Sprint(unsafe.Add(p, r.n)), "tail=T", fmt.Sprint(p), "P").Replace(e.Text)
		if diff := cmp.Diff(r.want, got); diff != "" {
			t.Errorf("%s (-CPython +ours):\n%s", r.name, diff)
		}
		if strings.ContainsAny(e.Error(), "0123456789") {
			t.Errorf("%s: the error %q holds a number", r.name, e)
		}
		closeHeap(t, a)
	}
}

func TestHooksMisuse(t *testing.T) {
	h, a := debug(t, "3.11")
	defer closeHeap(t, a)
	h.Free(nil)
	p, q := h.Alloc(40), h.Alloc(40)
	h.Free(p)
	e := caught(func() { h.Free(p) })
	if e == nil || e.Rule != "hooks/api" || !strings.Contains(e.Text, "out of the heap") {
		t.Errorf("a second free: %v", e)
	}
	if e := caught(func() { h.Free(unsafe.Pointer(new([64]byte))) }); e == nil || e.Rule != "hooks/foreign" {
		t.Errorf("a foreign free: %v", e)
	}
	hurts := []struct {
		rule string
		off  int
	}{{"hooks/api", -8}, {"hooks/leading-pad", -1}, {"hooks/trailing-pad", 40}, {"hooks/trailing-pad", -16}}
	for _, r := range hurts {
		old := *(*byte)(unsafe.Add(q, r.off))
		poke(q, r.off, 0x55)
		if err := h.CheckInvariants(); err == nil || !strings.HasPrefix(err.Error(), r.rule+": ") {
			t.Errorf("byte %d: got %v, want %s", r.off, err, r.rule)
		}
		poke(q, r.off, old)
	}
	// A shorter length whose trailing pad looks right is caught by what the hooks remember.
	poke(q, -9, 30)
	fill(span(q, 30, 8), h.prof.Forbidden)
	if err := h.CheckInvariants(); err == nil || !strings.HasPrefix(err.Error(), "hooks/length: ") {
		t.Errorf("a wrong length: got %v", err)
	}
	if h.Alloc(hookMax+1) != nil || h.Calloc(1<<40, 1<<40) != nil {
		t.Error("a request beyond the address space was served")
	}
}

// TestHooksReallocHidesTheOldEnds looks at the old block after a realloc that moved: its ends are dead.
func TestHooksReallocHidesTheOldEnds(t *testing.T) {
	h, a := debug(t, "3.11")
	defer closeHeap(t, a)
	keep := []unsafe.Pointer{a.Alloc(64), a.Alloc(424)}
	for _, n := range []int{40, 400} {
		p := h.Alloc(uintptr(n))
		for i := range n {
			poke(p, i, byte(i))
		}
		q := h.Realloc(p, uintptr(n+1000))
		for i := range n + 1000 {
			want := byte(i)
			if i >= n {
				want = h.prof.Clean
			}
			if got := *(*byte)(unsafe.Add(q, i)); got != want {
				t.Fatalf("byte %d of %d is %#x, want %#x", i, n, got, want)
			}
		}
		dead := span(p, -8, n+8+8) // the first word is the link of the free list
		if mid := n - 2*hookSaved; mid > 0 {
			dead = append(bytes.Clone(dead[:8+hookSaved]), dead[8+hookSaved+mid:]...)
		}
		if bytes.Count(dead, []byte{h.prof.Dead}) != len(dead) {
			t.Errorf("the ends of an old block of %d bytes are not dead: % x", n, dead)
		}
		h.Free(q)
	}
	_ = keep
}

func TestHooksRandom(t *testing.T) {
	for _, prof := range profile.All() {
		h, a := debug(t, prof.Name)
		r := rand.New(rand.NewPCG(seed(), 7))
		type block struct {
			p    unsafe.Pointer
			n    uintptr
			fill byte
		}
		var live []block
		for i := range 600 {
			n, v := mixed(r)%3000, byte(i)
			h.InjectOOM(r.IntN(20), false)
			if len(live) == 0 || r.IntN(3) == 0 {
				if p := h.Alloc(n); p != nil {
					fill(span(p, 0, int(n)), v)
					live = append(live, block{p, n, v})
				}
				continue
			}
			j := r.IntN(len(live))
			b := live[j]
			if q := h.Realloc(b.p, n); q != nil {
				b = block{q, min(n, b.n), b.fill}
				fill(span(q, int(b.n), int(n-b.n)), b.fill)
				live[j] = block{q, n, b.fill}
			}
			if v := span(b.p, 0, int(b.n)); bytes.Count(v, []byte{b.fill}) != len(v) {
				t.Fatalf("profile %s: content changed", prof.Name)
			}
			if r.IntN(2) == 0 {
				h.Free(live[j].p)
				live[j] = live[len(live)-1]
				live = live[:len(live)-1]
			}
			if err := h.CheckInvariants(); err != nil {
				t.Fatal(err)
			}
		}
		for _, b := range live {
			h.Free(b.p)
		}
		if blocks, bytes, _ := h.Usage(); blocks != 0 || bytes != 0 {
			t.Errorf("profile %s: %d blocks with %d bytes stay", prof.Name, blocks, bytes)
		}
		if err := h.Close(); err != nil || a.os.Usage().Mapped != 0 {
			t.Error(err)
		}
	}
}

// The hooks work in front of any allocator of the shape, also one in Go memory.
var _ Inner = (*Allocator)(nil)

// TestHooksSerialNumbers reads the number of a block from the dump, as a person does who sets a breakpoint on the call.
// Every alloc, calloc and realloc counts, also one that stays where it is; free does not.
func TestHooksSerialNumbers(t *testing.T) {
	h, a := debug(t, "3.6")
	defer closeHeap(t, a)
	expect := func(what string, p unsafe.Pointer, n, call int) {
		t.Helper()
		pad := *(*byte)(unsafe.Add(p, n))
		poke(p, n, 0x78)
		e := caught(func() { h.Free(p) })
		poke(p, n, pad)
		line := fmt.Sprintf("    The block was made by call #%d to debug malloc/realloc.\n", call)
		if e == nil || !strings.Contains(e.Text, line) {
			t.Errorf("%s: want call #%d, got %+v", what, call, e)
		}
	}
	p, q := h.Alloc(40), h.Alloc(40)
	expect("the first block", p, 40, 1)
	expect("the second block", q, 40, 2)
	r := h.Realloc(q, 30)
	if r != q {
		t.Fatal("a block that shrinks by a quarter of its bytes moved")
	}
	expect("a realloc in place", r, 30, 3)
	r = h.Realloc(r, 400)
	expect("a realloc that moves", r, 400, 4)
	r = h.Realloc(r, 2000)
	expect("a realloc that leaves the pools", r, 2000, 5)
	expect("the first block, which nobody touched", p, 40, 1)
	h.Free(p)
	h.Free(nil)
	p = h.Calloc(2, 20)
	expect("a calloc behind two frees", p, 40, 6)
	expect("a realloc of nil", h.Realloc(nil, 8), 8, 7)
	expect("the block that moved twice", r, 2000, 5)
	h.InjectOOM(1, true)
	if h.Realloc(p, 1<<20) != nil {
		t.Fatal("a megabyte was had from a system that has nothing")
	}
	h.InjectOOM(0, false)
	expect("a realloc that failed", p, 40, 6)
	expect("the call behind it", h.Alloc(1), 1, 9)
}

// TestHooksLengthAtTheEnd overwrites the length of a block at the end of its run. The pad behind is looked at as long
// as it lies in the heap, to its last byte; a length that leads one byte further is not followed.
func TestHooksLengthAtTheEnd(t *testing.T) {
	for _, name := range []string{"3.6", "3.11"} {
		for beyond := range 2 {
			h, a := debug(t, name)
			p := h.Alloc(100_000)
			rest := a.UsableSize(unsafe.Add(p, -hookFront)) - h.extra // the longest length whose pads still fit
			binary.BigEndian.PutUint64(span(p, -hookFront, hookWord), uint64(rest)+uint64(beyond))
			if beyond == 0 {
				fill(span(p, int(rest), hookWord), h.prof.Forbidden)
				if rule, _ := h.look(p); rule != "" {
					t.Errorf("profile %s: a pad at the end of the heap breaks %s", name, rule)
				}
				poke(p, int(rest)+hookWord-1, 0x78)
			}
			e := caught(func() { h.Free(p) })
			if e == nil || e.Rule != "hooks/trailing-pad" {
				t.Fatalf("profile %s: %v", name, e)
			}
			if out := strings.Contains(e.Text, "leads out of the heap"); out != (beyond == 1) {
				t.Errorf("profile %s: a length %d beyond the end leads out of the heap: %v", name, beyond, out)
			}
			if ouch := strings.Contains(e.Text, "at tail+7: 0x78 *** OUCH"); ouch != (beyond == 0) {
				t.Errorf("profile %s: the last byte of the heap is in the dump: %v", name, ouch)
			}
			closeHeap(t, a)
		}
	}
}

// TestHooksForeignStart frees the first bytes of an arena, in front of which is no room for a header. The bytes in
// front are not read.
func TestHooksForeignStart(t *testing.T) {
	prof, _ := profile.ByName("3.11")
	slots := page.NewSlots(prof.ArenaBytes, 1, 0)
	defer slots.Close()
	a := open(t, Config{Profile: prof, Arenas: slots})
	defer closeHeap(t, a)
	h := Debug(a, prof.Hooks, 'o')
	h.Alloc(40)
	for off := range uintptr(2 * hookFront) {
		e := caught(func() { h.Free(page.Pointer(a.arenas[0].address + off)) })
		if e == nil || (e.Rule == "hooks/foreign") != (off < hookFront) {
			t.Errorf("offset %d of an arena: %v", off, e)
		}
	}
}
