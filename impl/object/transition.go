package object

// What Transitions and ValueTransitions count. Most stand on the long paths.
const (
	trashWaits  = iota // a death is delayed, as deaths nest too deeply
	trashFrame         // and so is that of a finalizer's frame
	freeKept           // the block of a dead object goes on a free list
	freeReused         // and becomes another one's
	freeFull           // there was no room on the list
	freeCleared        // a full collection gave what was on the lists back
	atomMade           // an object of which there is one was asked for the first time
	emptyShared        // the empty tuple, or frozenset, that is there already
	intMet             // a small int
	intMade            // an int of up to 64 bits that is none of those
	intLong            // one of more
	charMet            // a string of no character or one
	strNarrow          // one was made of 1 byte a character
	strWide            // of 2
	strWidest          // of 4
	nameMet            // a string was interned that is there
	nameNew            // or that is not
	nameLost           // there was no memory for the table of names
	namesGrown         // it is larger, or the first
	nameDied           // an interned string died
	namesGone          // and was the last
	listFirst          // a list got a block
	listGrown
	listShrunk
	listSame    // its block is as long as before
	listStays   // and stays where it is
	listMoved   // it is elsewhere, or was none
	listRefused // there was no memory for it
	setGrown
	setRebuilt // a table was made anew in the size that it had, or in a smaller one, without holes
	setRefused
	setHole // a key was taken out
	weakDied
	weakCalled
	weakTuple // several weak references to what died were held in a tuple
	copyOwn   // an object was its own copy
	copyMet   // one was copied before, and is in the memo
	objectRefused
	transitions

	ofValues = atomMade // from here on they need programs that know values
)

var transitionNames = [transitions]string{
	trashWaits: "trashcan/waits", trashFrame: "trashcan/frame", freeKept: "free-list/kept",
	freeReused: "free-list/reused", freeFull: "free-list/full", freeCleared: "free-list/cleared",
	atomMade: "cache/made", emptyShared: "cache/empty", intMet: "int/cached", intMade: "int/made", intLong: "int/long",
	charMet: "str/cached", strNarrow: "str/1-byte", strWide: "str/2-bytes", strWidest: "str/4-bytes",
	nameMet: "intern/found", nameNew: "intern/new", nameLost: "intern/refused", namesGrown: "intern/grown",
	nameDied: "intern/died", namesGone: "intern/emptied", listFirst: "list/first", listGrown: "list/grown",
	listShrunk: "list/shrunk", listSame: "list/as-long", listStays: "list/in-place", listMoved: "list/moved",
	listRefused: "list/refused", setGrown: "set/grown", setRebuilt: "set/rebuilt", setRefused: "set/refused",
	setHole: "set/hole", weakDied: "weak/died", weakCalled: "weak/called",
	weakTuple: "weak/tuple", copyOwn: "copy/itself", copyMet: "copy/met", objectRefused: "object/refused",
}

// Transitions tells how often each transition happened since the heap was made that can happen to any heap of objects,
// always in the same order. Those that the profile does not have are left out.
func (h *Heap) Transitions(visit func(name string, times uint64)) {
	h.tellTransitions(0, ofValues, visit)
}

// ValueTransitions tells so of those that need atoms, lists, sets and names, and of the tables of dicts, but for what
// only those of attributes go through.
func (h *Heap) ValueTransitions(visit func(name string, times uint64)) {
	h.tellTransitions(ofValues, transitions, visit)
	h.DictTransitions(func(name string, times uint64) {
		if name != "resize/combined" {
			visit(name, times)
		}
	})
}

// DictTransitions tells those of the tables of dicts.
func (h *Heap) DictTransitions(visit func(name string, times uint64)) { h.space.Transitions(visit) }

func (h *Heap) tellTransitions(from, to int, visit func(name string, times uint64)) {
	for i := from; i < to; i++ {
		switch i {
		case trashFrame:
			if !h.prof.FramesWait {
				continue
			}
		case nameDied, namesGone:
			if h.prof.InternForever {
				continue
			}
		case strNarrow, strWide, strWidest:
			if h.prof.ByteStr {
				continue
			}
		}
		visit(transitionNames[i], h.seen[i])
	}
}

// roomOf is the transition of a list whose block had room, and now has another.
func roomOf(room, now int) int {
	switch {
	case room == 0 && now > 0:
		return listFirst
	case now > room:
		return listGrown
	case now < room:
		return listShrunk
	}
	return listSame
}

// placeOf is that of a block that was there and is here.
func placeOf(there, here uintptr) int {
	if there == here {
		return listStays
	}
	return listMoved
}

// tableOf is the transition of a set whose table had so many slots.
func tableOf(slots, now uintptr) int {
	if now > slots {
		return setGrown
	}
	return setRebuilt
}

// charsOf is that of a string of so many bytes a character.
func charsOf(width int) int { return strNarrow + width/2 }
