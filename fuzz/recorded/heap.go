package recorded

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
)

// heapSlots is how many arenas a program may have at a time.
const heapSlots = 512

// A heapWorld answers as scripts/golden_oracle.py does: the place of every block, every arena that comes or goes, the
// statistics line by line. The format is in corpus/heap/golden/README.md.
type heapWorld struct {
	prof   *profile.Profile
	slots  *page.Slots
	a      *arena.Allocator
	blocks []uintptr // by slot of the program
	out    []byte
}

func openHeap(name string) (world, error) {
	prof, ok := profile.ByName(name)
	if !ok {
		return nil, fmt.Errorf("no profile %q", name)
	}
	w := &heapWorld{prof: prof}
	return w, w.begin(0)
}

// begin opens the allocator, on arenas that lie so many bytes above a multiple of their size.
func (w *heapWorld) begin(skew uintptr) (err error) {
	if w.slots = page.NewSlots(w.prof.ArenaBytes, heapSlots, skew); w.slots == nil {
		return errors.New("the system has no room for the arenas")
	}
	w.slots.Event = func(slot int, given bool) {
		w.out = append(w.out, "arena- "...)
		if given {
			w.out[len(w.out)-2] = '+'
		}
		w.out = append(strconv.AppendInt(w.out, int64(slot), 10), '\n')
	}
	w.a, err = arena.New(arena.Config{Profile: w.prof, Arenas: w.slots})
	return err
}

func (w *heapWorld) recount() error { return w.a.CheckInvariants() }

func (w *heapWorld) close() error {
	w.slots.Event = nil
	err := w.a.Close()
	w.slots.Close()
	return err
}

func (w *heapWorld) answer(out []byte, line string) []byte {
	w.out = out
	f := strings.Fields(line)
	switch {
	case f[0] == "world":
		if err := errors.Join(w.close(), w.begin(number(f[1]))); err != nil {
			panic(err)
		}
		return w.out
	case f[0] == "free":
		w.a.Free(page.Pointer(*w.block(f[1])))
		return w.out
	case f[0] == "realloc":
		w.realloc(w.block(f[1]), number(f[2]))
	case f[0] == "usage":
		n, _, _ := w.a.Usage()
		w.out = strconv.AppendUint(append(w.out, "blocks "...), n, 10)
	case f[0] == "stats":
		stats := bytes.TrimSuffix([]byte(w.a.StatsText()), []byte("\n"))
		w.out = append(append(w.out, "| "...), bytes.ReplaceAll(stats, []byte("\n"), []byte("\n| "))...)
	case len(f) == 4 && f[2] == "alloc":
		b := w.block(f[0])
		*b = uintptr(w.a.Alloc(number(f[3])))
		w.place(*b)
	case len(f) == 5 && f[2] == "calloc":
		b := w.block(f[0])
		*b = uintptr(w.a.Calloc(number(f[3]), number(f[4])))
		w.place(*b)
	default:
		panic(fmt.Sprintf("recorded: unknown line %q", line))
	}
	return append(w.out, '\n')
}

func (w *heapWorld) realloc(b *uintptr, size uintptr) {
	old := *b
	*b = uintptr(w.a.Realloc(page.Pointer(old), size))
	if w.place(*b) && *b == old {
		w.out = append(w.out, " same"...)
	} else if _, off := w.slots.Place(*b); off != 0 {
		w.out = append(w.out, " moved"...)
	}
}

// place says where a block is, and whether that is in an arena.
func (w *heapWorld) place(addr uintptr) bool {
	slot, off := w.slots.Place(addr)
	if slot < 0 {
		w.out = append(w.out, "raw"...)
		return false
	}
	w.out = append(strconv.AppendInt(append(w.out, 'A'), int64(slot), 10), '+')
	w.out = strconv.AppendUint(w.out, uint64(off), 16)
	return true
}

// block is where the block of a slot, "p12", is kept.
func (w *heapWorld) block(slot string) *uintptr {
	i := int(number("=" + slot[1:]))
	for len(w.blocks) <= i {
		w.blocks = append(w.blocks, 0)
	}
	return &w.blocks[i]
}

// number is what stands behind the sign of equality.
func number(word string) uintptr {
	n, err := strconv.ParseUint(word[strings.IndexByte(word, '=')+1:], 10, 64)
	if err != nil {
		panic("recorded: " + err.Error())
	}
	return uintptr(n)
}
