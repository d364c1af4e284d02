package fuzz

import (
	"errors"
	"slices"

	"heapfuzz/impl/object"
	"heapfuzz/impl/pickle"
	"heapfuzz/model/value"
	"heapfuzz/props/valuetest"
)

// pickles are CPython's objects that are written and read by its pickle, of the releases with protocol 4.
func pickles() (all []Target) {
	for _, name := range []string{"3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"} {
		prof := pyObjects(name)
		contract := pyValueContract(name)
		contract.Names = []string{value.Attribute(0)}
		contract.ReadsBytes = pyMinor(name) >= 8
		contract.MemoTable, contract.StreamPeak = pyMemoTable, pyStreamPeak
		all = append(all, valueTarget(Target{
			Name: "pickle-" + name, Smoke: 2, Doc: "streams of CPython's lists, sets, dicts and atoms of " + name,
			Recordings: recordingsOf("value", name),
		}, contract, func(w valuetest.World) (value.Store, error) { return openPickles(prof, w) }))
	}
	return all
}

// pyMemoTable is the size of PyMemoTable (Modules/_pickle.c): entries of 16 bytes, 8 of them at first. When two thirds
// are used it grows to a power of two of at least four times as many as are used, or twice as many above 50,000.
func pyMemoTable(entries int) uint64 {
	slots := 8
	for used := range entries {
		if used++; used*3 < slots*2 {
			continue
		}
		want := 4 * used
		if used > 50_000 {
			want = 2 * used
		}
		for slots = 8; slots < want; slots *= 2 {
		}
	}
	return 16 * uint64(slots)
}

// pyStreamPeak is at least the output and the table, and at most both twice, when they grow, with the names of
// attributes, and with the dicts of instances that are being written: of those an entry, which is three bytes of output
// or more, takes less than twenty times as much.
func pyStreamPeak(bytes int, table uint64) (least, most uint64) {
	n := uint64(bytes)
	return n + table, 64*n + 2*table + 64<<10
}

// pyPickles are objects with pickle.
type pyPickles struct {
	*pyValues
	grown, long, moved uint64 // streams whose memo outgrew its first table, or the numbers of one byte; and outputs
}

// Transitions tells them, beside those of objects.
func (s *pyPickles) Transitions(visit func(name string, times uint64)) {
	s.pyValues.Transitions(visit)
	visit("memo/moved", s.grown)
	visit("memo/long", s.long)
	visit("output/moved", s.moved)
}

// openPickles makes them.
func openPickles(prof *object.Profile, w valuetest.World) (value.Store, error) {
	s, err := openPyValues(prof, w)
	if err != nil {
		return nil, err
	}
	return &pyPickles{pyValues: s.(*pyValues)}, nil
}

// Pickle is pickle.loads(pickle.dumps(o, 4)), with Pickler.fast where it is flat.
func (s *pyPickles) Pickle(o value.ID, flat bool) (value.ID, value.Stream, value.CopyError) {
	mode := pickle.Memo
	if flat {
		mode = pickle.Flat
	}
	stream, err := pickle.Dump(s.h, pyRef(o), mode)
	if err != nil {
		return 0, value.Stream{}, pickleError(err)
	}
	defer stream.Close()
	y, err := pickle.Load(s.h, stream.Bytes(), s.classOf)
	if err != nil {
		return 0, value.Stream{}, pickleError(err)
	}
	s.grown += bit(stream.MemoBytes() > uintptr(pyMemoTable(0)))
	s.long += bit(stream.Memoised() > 1<<8)
	s.moved += bit(len(stream.Bytes()) > 4096)
	return value.ID(y), value.Stream{Bytes: slices.Clone(stream.Bytes()), Entries: stream.Memoised(),
		Table: uint64(stream.MemoBytes()), Peak: stream.Peak()}, value.Copied
}

// Spoil dumps with a memo, and loads what is left of it.
func (s *pyPickles) Spoil(o value.ID, at, b int) (read bool, why value.CopyError) {
	stream, err := pickle.Dump(s.h, pyRef(o), pickle.Memo)
	if err != nil {
		return false, pickleError(err)
	}
	data := value.Spoilt(stream.Bytes(), at, b)
	stream.Close()
	y, err := pickle.Load(s.h, data, s.classOf)
	switch {
	case errors.Is(err, pickle.ErrNoMemory):
		return false, value.NoMemory
	case err != nil:
		return false, value.Copied
	}
	s.h.Decref(y)
	s.Collect()
	return true, value.Copied
}

// classOf finds the class of a name.
func (s *pyPickles) classOf(name string) (object.TypeID, bool) {
	n, ok := value.ClassSlots(name)
	switch {
	case !ok:
		return 0, false
	case name == pyClass(-1):
		return s.class(-1, 0), true
	case name == pyClass(-2):
		return s.class(-2, 0), true
	}
	return s.class(n, n), true
}

func pickleError(err error) value.CopyError {
	var cycle *pickle.CycleError
	switch {
	case errors.Is(err, pickle.ErrNoMemory):
		return value.NoMemory
	case errors.Is(err, pickle.ErrKind):
		return value.Uncopyable
	case errors.As(err, &cycle):
		return value.Cyclic
	}
	panic(err) // a stream that was just written is none
}
