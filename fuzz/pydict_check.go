package fuzz

import (
	"errors"
	"fmt"
	"slices"

	pydict "heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

// What a store of CPython's dicts compares with what is seen from outside, besides the invariants of the space: what a
// dict holds and its version, blocks and sizes, references, and the words that a collector meets.

// checkSeen compares a dict with what is seen of it from outside: while its version is the same so are its entries (PEP
// 509), and a collector sees it if it holds a container. Neither is so where values are embedded in an object, of which
// no dict is made, and 2.7 has no versions.
func (d *pyTable) checkSeen() error {
	st, prof := d.st, d.st.s.Profile()
	if prof.Suffix && st.shares {
		return nil
	}
	var entries []pydict.Word
	contains := false
	st.s.All(d.d, func(key, value pydict.Word) bool {
		entries = append(entries, key, value)
		contains = contains || st.MayBeTracked(key) || st.MayBeTracked(value)
		return true
	})
	if contains && !st.Tracked(d.d) {
		return errors.New("dict/tracked: a dict that holds a container is not tracked")
	}
	if prof.Old {
		return nil
	}
	version := d.versionTold()
	if version%watched(prof) != 0 {
		return errors.New("dict/version: a version has bits that are those of watchers")
	}
	if version == d.version && !slices.Equal(entries, d.entries) {
		return errors.New("dict/version: a dict has changed, and has the version that it had")
	}
	if version != d.version { // those of which neither has changed were compared before
		for _, o := range st.dicts {
			if o != d && o.versionTold() == version {
				return errors.New("dict/version: two dicts have one version")
			}
		}
	}
	d.version, d.entries = version, entries
	return nil
}

// versionTold is the version of a dict, as it is told.
func (d *pyTable) versionTold() uint64 {
	switch version, n := d.d.Version(), d.Len(); {
	case d.st.fault == faultKeepsVersion && n == 3 && d.version != 0:
		return d.version
	case d.st.fault == faultSharesVersion && n == 3:
		return 1 << 40
	case d.st.fault == faultWatches && n == 3:
		return version + 1
	default:
		return version
	}
}

// watched is by what versions grow: below are bits that tell who watches the dict.
func watched(prof *pydict.Profile) uint64 {
	switch {
	case prof.Suffix:
		return 1 << 12
	case prof.Name == "3.12":
		return 1 << 8
	}
	return 1
}

// checkBlock compares the block of a table with the size of the dict, of which it is what the object and its heads are
// not: it is not larger than the class of that size, unless there was no memory for a pool.
func (d *pyTable) checkBlock() (err error) {
	s, prof := d.st.s, d.st.s.Profile()
	want := uintptr(s.Size(d.d)) - prof.HeadBytes - 16 - s.BodyBytes()
	if d.st.fault == faultPacksLoosely && want > 0 {
		want -= 16
	}
	if s.Values(d.d) != 0 || want > 512 || d.st.scarce {
		return nil
	}
	round := prof.Arena.Alignment()
	s.BlocksOf(d.d, func(b uintptr) {
		if n := s.Memory().UsableSize(page.Pointer(b)); n != (want+round-1)/round*round {
			err = fmt.Errorf("dict/blocks: a table of %d bytes is in a block of %d", want, n)
		}
	})
	return err
}

// recount compares the references that the space has counted with those that dicts and classes have, and with those
// that a collector is told of. Of keys that are shared it tells the block.
func (st *pyStore) recount(block func(uintptr)) error {
	var owned []pydict.Word
	for _, d := range st.dicts {
		if err := d.checkRefs(); err != nil {
			return err
		}
		own := st.s.Own(d.d)
		st.s.All(d.d, func(key, value pydict.Word) bool {
			if own {
				owned = append(owned, key)
			}
			owned = append(owned, value)
			return true
		})
	}
	bodies := make([]pydict.Dict, len(st.dicts))
	for i, d := range st.dicts {
		bodies[i] = d.d
	}
	visit := func(key pydict.Word) { owned = append(owned, key) }
	if err := st.s.CheckShared(bodies, st.classes[:], block, visit); err != nil {
		return err
	}
	counts := map[pydict.Word]int{}
	for _, w := range owned {
		counts[w]++
	}
	return st.compareCounts(counts)
}

// checkRefs compares the references of a dict that a collector is told of with its entries: of each the value and then
// the key, or, in 2.7, the other way round. Those of an instance are told in the order of its class, which is that of
// their places. Strings are told where there may be other keys. Who walks over memory meets the same words.
func (d *pyTable) checkRefs() error {
	st, s := d.st, d.st.s
	var told, others, want, met []pydict.Word
	if st.fault == faultTellsStrings && d.Len() > 0 {
		told = append(told, pydict.StrAt(8))
	}
	s.Refs(d.d, func(w pydict.Word) { told = append(told, w) })
	for _, w := range told {
		if !w.IsStr() {
			others = append(others, w)
		}
	}
	old, values := s.Profile().Old, s.Values(d.d)
	s.All(d.d, func(key, value pydict.Word) bool {
		if own := values == 0 && !key.IsStr() && !key.IsInt(); own && old {
			want = append(want, key, value)
		} else if want = append(want, value); own {
			want = append(want, key)
		}
		return true
	})
	if values != 0 {
		want = want[:0]
		for at := values; len(want) < d.Len(); at += 8 {
			if w := pydict.Word(page.Load(at)); w != 0 {
				want = append(want, w)
			}
		}
	}
	if !slices.Equal(others, want) {
		return fmt.Errorf("dict/refs: a collector is told of %d references, and there are %d", len(others), len(want))
	}
	strs := 0
	if old {
		strs = d.Len()
	}
	if n := len(told) - len(others); st.allStrings() && n != strs { // a table that holds no other keys
		return fmt.Errorf("dict/refs: a collector is told of %d strings, and has to be told of %d", n, strs)
	}
	at, n, step, alt := s.Walk(d.d)
	if st.fault == faultWalksLess {
		n--
	}
	for range n {
		if w := pydict.Word(page.Load(at)); w != 0 && !w.IsInt() && w != pydict.StrAt(0) {
			met = append(met, w)
		}
		at += step
		step ^= alt
	}
	if !slices.Equal(met, told) {
		return fmt.Errorf("dict/refs: who walks over memory meets %d words, and is told of %d", len(met), len(told))
	}
	return nil
}

// compareCounts is for objects and strings. Values are counted together, and compared with what a program knows.
func (st *pyStore) compareCounts(counts map[pydict.Word]int) error {
	for i, t := range st.things {
		if n := counts[pydict.Word(i+1)<<pyThingShift]; n != t.refs {
			return fmt.Errorf("dict/references: a key has %d references, and %d were counted", n, t.refs)
		}
	}
	strs := 0
	for w, n := range counts {
		if w.IsStr() {
			strs++
			if is := st.strs[w.Record()]; is != n {
				return fmt.Errorf("dict/references: a string has %d references, and %d were counted", n, is)
			}
		}
	}
	if strs != len(st.strs) {
		return fmt.Errorf("dict/references: %d strings are there, and %d have references", len(st.strs), strs)
	}
	return nil
}
