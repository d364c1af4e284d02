package fuzz

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"heapfuzz/impl/arena"
	"heapfuzz/impl/page"
	"heapfuzz/impl/profile"
	"heapfuzz/impl/sizeclass"
	"heapfuzz/props/heaptest"
)

// edgesFrom is the variant from which on allocators of a target's kind are made besides and asked at their edges. Such
// variants are those of the same number modulo 16 otherwise.
const edgesFrom = 16

// arenaOwn makes allocators of a profile of its own, and asks them what no program does.
func arenaOwn(prof *profile.Profile) error {
	for _, ask := range []func(*profile.Profile) error{
		arenaConfigs, arenaScarce, arenaMisuse, arenaFull, arenaClasses, arenaLarge, arenaRuns, arenaNodes,
	} {
		if err := ask(prof); err != nil {
			return fmt.Errorf("an allocator of its own: %w", err)
		}
	}
	return nil
}

// arenaConfigs makes allocators by the configurations that targets do without.
func arenaConfigs(prof *profile.Profile) error {
	const least, tooMuch = 100, 32 << 20
	plain, limited := source(heaptest.World{}), page.New(source(heaptest.World{}))
	limited.SetLimit(4 << 20)
	for name, c := range map[string]struct {
		arena.Config
		bounded bool
	}{
		"nothing is said":        {},
		"a source":               {Config: arena.Config{Profile: prof, OS: plain}},
		"no OS":                  {Config: arena.Config{Profile: prof, OS: (*page.OS)(nil)}},
		"a limit":                {Config: arena.Config{Profile: prof, LimitBytes: 4 << 20}, bounded: true},
		"an OS that has a limit": {Config: arena.Config{Profile: prof, OS: limited}, bounded: true},
	} {
		a, err := arena.New(c.Config)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		want := c.Profile
		if want == nil {
			want = profile.Default()
		}
		given, _ := plain.Given()
		small, large := a.Alloc(least), a.Alloc(tooMuch)
		more, _ := plain.Given()
		switch {
		case a.Profile() != want:
			err = errors.New("it has another profile")
		case small == nil || (large == nil) != c.bounded:
			err = errors.New("its limit is another")
		case (more > given) != (name == "a source"):
			err = errors.New("its memory comes from elsewhere")
		}
		if err := errors.Join(err, a.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return plain.leaks()
}

// arenaScarce has each of the first requests of an allocator refused.
func arenaScarce(prof *profile.Profile) error {
	for nth := range 6 {
		sys := source(heaptest.World{Skew: uint64(nth % 2)})
		a, err := arena.New(arena.Config{Profile: prof, OS: page.New(sys)})
		if err != nil {
			return err
		}
		a.InjectOOM(nth, false)
		p, q := a.Alloc(16), a.Alloc(1000)
		err = a.CheckInvariants()
		a.Free(p)
		a.Free(q)
		a.InjectOOM(0, false)
		if p = a.Alloc(16); p == nil {
			err = errors.Join(err, errors.New("memory is refused"))
		}
		if err := errors.Join(err, a.CheckInvariants(), closed(a, sys)); err != nil {
			return fmt.Errorf("request %d refused: %w", nth, err)
		}
	}
	return nil
}

// arenaMisuse frees a large block twice, and asks whose the words in front of it are.
func arenaMisuse(prof *profile.Profile) error {
	sys := source(heaptest.World{})
	a, err := arena.New(arena.Config{Profile: prof, OS: page.New(sys)})
	if err != nil {
		return err
	}
	p := a.Alloc(1000)
	front := -int(uintptr(p) % page.Bytes) // what stands in front of the first block in a page
	if !a.Owns(p, 1000) || a.Owns(unsafe.Add(p, front), 1) || a.Owns(unsafe.Add(p, front+63), 1) ||
		!a.Owns(unsafe.Add(p, front+64), 1) {
		err = errors.New("what the allocator keeps in front of a run is said to be handed out, or a block not to be")
	}
	if a.Free(p); !panics(func() { a.Free(p) }) {
		err = errors.New("a large block is freed twice, and the program goes on")
	}
	return errors.Join(err, closed(a, sys))
}

// arenaFull takes all blocks of 16 bytes of arenas of two pools; the last ends where its arena does. The second
// arena is a part of a huge page. When all blocks are free, one arena stays where the profile says so.
func arenaFull(prof *profile.Profile) error {
	small := smallArenas(prof, 1)
	sys := source(heaptest.World{})
	os := page.New(sys)
	os.PartsFrom(small.ArenaBytes)
	a, err := arena.New(arena.Config{Profile: small, OS: os})
	if err != nil {
		return err
	}
	var blocks []unsafe.Pointer
	for range small.ArenaBytes / 16 {
		p := a.Alloc(16)
		if blocks = append(blocks, p); !a.Owns(p, 16) {
			err = errors.New("a block at the end of an arena is not its own")
		}
	}
	given, _ := sys.Given()
	if _, _, footprint := a.Usage(); given < footprint+1<<20 {
		err = errors.New("the second arena is no part of a huge page")
	}
	for _, p := range blocks {
		a.Free(p)
	}
	if kept := slices.ContainsFunc(blocks, func(p unsafe.Pointer) bool { return a.Owns(p, 1) }); kept != prof.KeepLast {
		err = errors.New("the last arena is kept, and should not be, or the reverse")
	}
	return errors.Join(err, a.CheckInvariants(), closed(a, sys))
}

// arenaClasses resizes blocks that pools do not serve, and asks for the greatest of those that lie in runs with others.
func arenaClasses(prof *profile.Profile) error {
	sys := source(heaptest.World{})
	a, err := arena.New(arena.Config{Profile: prof, OS: page.New(sys)})
	if err != nil {
		return err
	}
	want := func(is bool, what string) {
		if !is && err == nil {
			err = errors.New(what)
		}
	}
	p := a.Alloc(1000)
	size := a.UsableSize(p)
	want(a.Realloc(p, size) == p && a.Realloc(p, size/2+1) == p, "a block moves that is more than half used")
	p = a.Realloc(p, size/2)
	want(a.UsableSize(p) == size/2, "a block stays that is half used")
	a.Free(p)
	for n := uintptr(1); n <= 64; n++ {
		p = a.Realloc(a.Alloc(1000), n)
		want(a.UsableSize(p)-n < 16, "a small block of the raw allocator is larger than the next 16 bytes")
		want(a.Realloc(p, 1) == p, "a block of the raw allocator moves that is as small as 64 bytes")
		a.Free(p)
	}
	a.Free(a.Alloc(65_000)) // it is kept, and would do for twice the memory
	p = a.Alloc(sizeclass.RawMax)
	want(a.UsableSize(p) == sizeclass.RawMax, "a block of the greatest class is larger")
	a.Free(p)
	return errors.Join(err, a.CheckInvariants(), closed(a, sys))
}

// arenaLarge frees blocks that have a run of their own, the greatest at last, and asks for more than the system has as
// long as something is kept.
func arenaLarge(prof *profile.Profile) error {
	sys := source(heaptest.World{})
	os := page.New(sys)
	a, err := arena.New(arena.Config{Profile: prof, OS: os})
	if err != nil {
		return err
	}
	want := func(is bool, what string) {
		if !is && err == nil {
			err = errors.New(what)
		}
	}
	a.Free(a.Alloc(120_000))
	q := a.Alloc(45_000)
	want(a.UsableSize(q) < 2*(45_000+2*page.Bytes), "a block is given the memory of one three times as large")
	a.Free(q)
	a.Trim()
	for n := uintptr(65_400); n < 65_500; n++ { // where headers and block just fill their pages
		q = a.Alloc(n)
		want(a.UsableSize(q) >= n, "a block is smaller than was asked for")
		a.Free(q)
	}
	a.Free(a.Alloc(5 << 20))
	_, _, footprint := a.Usage()
	want(footprint <= 4<<20, "more is kept than 4 MiB")
	want(a.CheckInvariants() == nil, "its invariants do not hold")
	a.Trim()

	a.InjectOOM(1, false)
	want(a.Alloc(5000) == nil, "with nothing kept the system is asked twice")
	p := a.Alloc(5000)
	a.InjectOOM(1, true)
	want(a.Realloc(p, 600) == p && a.Alloc(20_000) == nil, "a block cannot be made smaller without memory")
	a.InjectOOM(0, false)
	a.Free(p)
	_, _, footprint = a.Usage()
	os.SetLimit(footprint + 50_000)
	p = a.Alloc(uintptr(footprint))
	want(p != nil, "memory is refused while as much is kept")
	want(a.Alloc(uintptr(footprint)) == nil, "more memory is had than there is")
	a.Free(p)
	os.SetLimit(0)
	return errors.Join(err, a.CheckInvariants(), closed(a, sys))
}

// arenaRuns asks for blocks of one size until the system has given memory for them three times: of what it gave before
// the last time all is handed out, with a tag of 16 bytes each, but headers of 64 bytes and what is too short for a
// block.
func arenaRuns(prof *profile.Profile) error {
	for _, size := range []uintptr{0, 513, 768, 1024, 3000, 4096, 5000, 8192} {
		sys := source(heaptest.World{})
		a, err := arena.New(arena.Config{Profile: prof, OS: page.New(sys)})
		if err != nil {
			return err
		}
		had, times, blocks, used := uint64(0), 0, 0, uint64(0)
		for had < 1<<20 {
			p := a.Alloc(size)
			given, _ := sys.Given()
			if given > had {
				if times++; times > 2 {
					break
				}
				had = given
			}
			blocks++
			used += uint64(a.UsableSize(p)) + 16
		}
		if lost := had - used; lost >= 2*(64+used/uint64(blocks)) {
			err = fmt.Errorf("%d blocks of %d bytes take %d", blocks, size, had)
		}
		if err := errors.Join(err, a.CheckInvariants(), closed(a, sys)); err != nil {
			return err
		}
	}
	return nil
}

// places is a source of arenas that lie where it is told.
type places struct{ next []uintptr }

func (s *places) Map(uintptr) (addr uintptr) {
	if len(s.next) > 0 {
		addr, s.next = s.next[0], s.next[1:]
	}
	return addr
}

func (s *places) Unmap(uintptr, uintptr) {}

// arenaNodes has arenas lie where one lowest node of the map of addresses ends and the next begins: in front of the
// boundary, across it, and behind it; and has each node refused in turn. Two arenas are filled and emptied, the second
// first, so that the other is given back.
func arenaNodes(prof *profile.Profile) error {
	small := smallArenas(prof, 1)
	span, covers := small.ArenaBytes, small.ArenaBytes<<small.Map.Bot
	if !small.Map.Used() {
		return nil
	}
	room := covers + 8*span
	base := page.Mmap{}.Map(room)
	if base == 0 {
		return nil // a machine that has no room for that
	}
	defer page.Mmap{}.Unmap(base, room)
	edge := (base + 4*span + covers - 1) &^ (covers - 1)
	for _, at := range []uintptr{edge - span, edge - page.Bytes, edge + page.Bytes - span, edge, edge - 2*span} {
		for nth := range 5 {
			if across := at+span-edge < span && at != edge; nth > 0 && !across {
				break
			}
			if err := arenaPlaced(small, nth, []uintptr{at, at - 2*span}); err != nil {
				return fmt.Errorf("an arena %d bytes behind the boundary of a node, request %d refused: %w",
					int(at-edge), nth, err)
			}
		}
	}
	return nil
}

// nodeBytes is what the map of addresses takes for one arena: a node a level, or two where the arena lies in both.
func nodeBytes(small *profile.Profile, at uintptr) (bytes uint64) {
	of := func(below, bits uint8) {
		n := uint64(page.RoundUp(8 << bits))
		if bytes += n; at/small.ArenaBytes>>below != (at+small.ArenaBytes-1)/small.ArenaBytes>>below {
			bytes += n
		}
	}
	of(small.Map.Bot, small.Map.Bot)
	of(small.Map.Bot+small.Map.Mid, small.Map.Mid)
	return bytes
}

func arenaPlaced(small *profile.Profile, nth int, at []uintptr) error {
	sys := source(heaptest.World{})
	a, err := arena.New(arena.Config{Profile: small, OS: page.New(sys), Arenas: &places{at}})
	if err != nil {
		return err
	}
	a.InjectOOM(nth, false)
	a.Free(a.Alloc(512))
	if given, _ := sys.Given(); nth == 0 && given != nodeBytes(small, at[0]) {
		err = fmt.Errorf("the map of addresses takes %d bytes for one arena", given)
	}
	in := func(p unsafe.Pointer, arena uintptr) bool { return uintptr(p)-arena < small.ArenaBytes }
	var first, others []unsafe.Pointer
	for range 2*small.ArenaBytes/512 + 8 {
		if p := a.Alloc(512); in(p, at[0]) {
			first = append(first, p)
		} else {
			others = append(others, p)
		}
	}
	if nth == 0 && (len(first) == 0 || !a.Owns(page.Pointer(at[0]), 1)) {
		err = errors.New("it is not used")
	}
	err = errors.Join(err, a.CheckInvariants())
	for _, p := range append(others, first...) {
		a.Free(p)
	}
	if err == nil && nth == 0 && a.Owns(page.Pointer(at[0]), 1) {
		err = errors.New("it is not given back")
	}
	a.Free(a.Alloc(512))
	return errors.Join(err, a.CheckInvariants(), closed(a, sys))
}

// hooksOwn makes hooks of their own, and reads what they say of each misuse.
func hooksOwn(prof *profile.Profile) error {
	sys := source(heaptest.World{})
	a, err := arena.New(arena.Config{Profile: prof, OS: page.New(sys)})
	if err != nil {
		return err
	}
	h := arena.Debug(a, prof.Hooks, 'o')
	p, q := h.Alloc(24), h.Alloc(4000)
	at := func(p unsafe.Pointer, off int) *byte { return (*byte)(unsafe.Add(p, off)) }
	for n := uintptr(120); n < 140; n++ { // some of the bytes at both ends of a block are hidden while it is resized
		for _, to := range []uintptr{n, 40, n + 40, 100} {
			r := h.Alloc(n)
			for i := range n {
				*at(r, int(i)) = byte(i)
			}
			r = h.Realloc(r, to)
			for i := range min(n, to) {
				if *at(r, int(i)) != byte(i) {
					err = fmt.Errorf("byte %d of %d is lost when the block is resized to %d", i, n, to)
				}
			}
			h.Free(r)
		}
	}
	if h.UsableSize(nil) != 0 || h.UsableSize(p) != 24 || h.UsableSize(q) != 4000 {
		err = errors.New("a block has another size than was asked for")
	}
	words := uintptr(24)
	if prof.Hooks.Serial {
		words = 32
	}
	for _, r := range []unsafe.Pointer{h.Alloc(64 - words), h.Calloc(1, 64-words), h.Realloc(h.Alloc(9), 64-words)} {
		if a.UsableSize(unsafe.Add(r, -16)) != 64 {
			err = errors.New("the hooks take more than their words")
		}
		h.Free(r)
	}
	h.InjectOOM(1, true)
	if h.Alloc(100_000) != nil {
		err = errors.New("a request is served that the system refuses")
	}
	h.InjectOOM(0, false)
	for _, c := range []struct {
		block         unsafe.Pointer
		at            int
		becomes       byte
		rule, message string
	}{
		{p, -8, 'm', "api", "bad ID: Allocated using API 'm', verified using API 'o'"},
		{q, -7, 0, "leading-pad", "bad leading pad byte"},
		{p, 24, 0, "trailing-pad", "bad trailing pad byte"},
		{p, -16, 1, "trailing-pad", "bad trailing pad byte"}, // the length leads out of the heap
		{q, -16, 0x7f, "trailing-pad", "bad trailing pad byte"},
		{unsafe.Add(q, -16), -8, 'm', "api", "bad ID: Allocated using API 'm', verified using API 'o'"},
		{unsafe.Add(q, -32), 0, 0, "foreign", "free of an address outside the heap"}, // in front is the header of a run
		{unsafe.Add(p, 1<<40), 0, 0, "foreign", "free of an address outside the heap"},
	} {
		foreign := c.rule == "foreign"
		byteAt := at(c.block, c.at)
		was, want := byte(0), c.message
		if !foreign {
			was, *byteAt = *byteAt, c.becomes
		}
		if prof.Hooks.Names {
			want = "_PyMem_DebugRawFree: " + want
		}
		said := hooksSay(func() { h.Free(c.block) })
		switch broken := h.CheckInvariants(); {
		case said == nil:
			return errors.New("an overwritten byte around a block is not detected")
		case said.Misuse() != c.rule || said.Message != want || (broken == nil) != foreign:
			err = errors.Join(err, fmt.Errorf("%q is said, and should be %s: %s; %w", said, c.rule, want, broken))
		}
		if !foreign {
			*byteAt = was
		}
	}
	return errors.Join(err, closed(h, sys))
}

// hooksSay is what the hooks panic with.
func hooksSay(f func()) (said *arena.HookError) {
	defer func() { said, _ = recover().(*arena.HookError) }()
	f()
	return nil
}
