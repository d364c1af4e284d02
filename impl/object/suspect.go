package object

// A collector that begins with those who may have become garbage, and not with all (package trial), wants to know of
// every container that lost a reference and has others left: only such a one can be what a dead cycle hangs from. It
// sets Suspects, and then finds them there: a suspect leaves its list for that one, and is marked so that it is told
// once. A container whose death is sure leaves whatever list it is on, so none is a suspect that does not live.

// Marks are a collector's own: four bits of the type word, 0 when an object is born.
const (
	markShift = 28
	markBits  = 15 << markShift

	// SuspectMark is the mark of what is on Suspects. An object that has another mark than 0 does not go there: it is
	// being looked at.
	SuspectMark = 1
)

// Mark returns the mark of a container.
func (h *Heap) Mark(o Ref) int { return int(o.word() & markBits >> markShift) }

// SetMark changes it.
func (h *Heap) SetMark(o Ref, m int) { o.store(offType, o.word()&^markBits|uintptr(m)<<markShift) }

// suspect puts o on Suspects. Weak references hold nothing, and what is not tracked holds nothing that may be garbage.
func (h *Heap) suspect(o Ref) {
	w := o.word()
	if w&(flagGC|markBits) != flagGC || kindOf(w) == KindWeakref || !h.Tracked(o) {
		return
	}
	o.store(offType, w|SuspectMark<<markShift)
	h.Move(o, h.Suspects)
}

// AddCount changes the count of a container, and nothing else, for a collector that tries how it would be and puts it
// back.
func (h *Heap) AddCount(o Ref, n int) { o.store(offCount, o.load(offCount)+uintptr(n)) }
