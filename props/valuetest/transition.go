package valuetest

import "heapfuzz/model/value"

// What a driver counts by itself, of any store of values: what was made and how large, how many objects slots hold at
// once, and what was answered.
const (
	madeAtom = iota
	madeText
	madeList
	madeTuple
	madeSet
	madeFrozenset
	madeDict
	madeSmall // a slice, a function, a cell, a method or an instance
	madeWeak
	sizeTiny // of what was made, up to 32 bytes
	sizeSmall
	sizeMedium // up to 512
	sizeLarge
	lengthSome // a container was told that has so many items: 8, 64 or 256
	lengthTens
	lengthMany
	liveSome // slots hold 8 objects at once, or 24
	liveTens
	derefLive
	derefCleared
	keyFound
	keyMissed
	codeRan
	noMemory
	streamMemo // an object was written with a memo, or flat, or has no stream
	streamFlat
	streamNone
	transitions
)

// counted are their names, and the part without which a store cannot take them.
var counted = [transitions]struct {
	name string
	need need
}{
	madeAtom: {"made/atom", none}, madeText: {"made/text", none}, madeList: {"made/list", none},
	madeTuple: {"made/tuple", none}, madeSet: {"made/set", none}, madeFrozenset: {"made/frozenset", none},
	madeDict: {"made/dict", none}, madeSmall: {"made/small", none}, madeWeak: {"made/weak", needWeak},
	sizeTiny: {"size/32", none}, sizeSmall: {"size/128", none}, sizeMedium: {"size/512", none},
	sizeLarge: {"size/larger", none}, lengthSome: {"length/8", none}, lengthTens: {"length/64", none},
	lengthMany: {"length/256", none}, liveSome: {"live/8", none}, liveTens: {"live/24", none},
	derefLive: {"deref/live", needWeak}, derefCleared: {"deref/cleared", needWeak}, keyFound: {"key/found", none},
	keyMissed: {"key/missed", none}, codeRan: {"ran", needWeak}, noMemory: {"refused", needOOM},
	streamMemo: {"stream/memo", needPickle}, streamFlat: {"stream/flat", needPickle},
	streamNone: {"stream/none", needPickle},
}

// born counts an object that was made, of which all is told.
func (d *driver) born(t *value.Told) {
	d.seen[kindStep(t.Kind)]++
	d.seen[sizeStep(t.Size)]++
	switch len(d.slots) {
	case 8:
		d.seen[liveSome]++
	case 24:
		d.seen[liveTens]++
	}
}

// looked counts what is told of an object that an operation read.
func (d *driver) looked(t *value.Told) {
	for i, bound := range [...]int{8, 64, 256} {
		if t.Len >= bound {
			d.seen[lengthSome+i]++
		}
	}
}

// kindStep is the transition of an object of a kind that was made.
func kindStep(k value.Kind) int {
	switch k {
	case value.Str, value.Bytes, value.ByteArray:
		return madeText
	case value.List:
		return madeList
	case value.Tuple:
		return madeTuple
	case value.Set:
		return madeSet
	case value.Frozenset:
		return madeFrozenset
	case value.Dict:
		return madeDict
	case value.Slice, value.Function, value.Cell, value.Method, value.Slots:
		return madeSmall
	case value.Weak:
		return madeWeak
	}
	return madeAtom
}

func sizeStep(bytes uint64) int {
	switch {
	case bytes <= 32:
		return sizeTiny
	case bytes <= 128:
		return sizeSmall
	case bytes <= 512:
		return sizeMedium
	}
	return sizeLarge
}

// answered counts what the answer to an operation of that name tells.
func (d *driver) answered(name string, a *answer) {
	if a.refused {
		d.seen[noMemory]++
		return
	}
	switch name {
	case "deref":
		if a.made == 0 {
			d.seen[derefCleared]++
		} else {
			d.seen[derefLive]++
		}
	case "has", "delete":
		if a.value == 1 {
			d.seen[keyFound]++
		} else {
			d.seen[keyMissed]++
		}
	}
}

// witness is a store that tells how often each of its named transitions happened since it was made, always the same
// names in the same order. No rule looks at it.
type witness interface {
	Transitions(visit func(name string, times uint64))
}

// transitions tells what the driver counted, and what the store did.
func (d *driver) transitions(visit func(name string, times uint64)) {
	for step := range counted {
		if d.has[counted[step].need] {
			visit(counted[step].name, d.seen[step])
		}
	}
	if w, ok := d.Store.(witness); ok {
		w.Transitions(visit)
	}
}
