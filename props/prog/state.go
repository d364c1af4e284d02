package prog

// state is which slots are live, on the assumption that operations succeed. With no memory they do not, and what is
// generated then acts on dead slots more often than meant, which is legal.
type state struct {
	tab  *tables
	pos  []int32 // of a slot: 1 plus its place in live; 0 when it is dead
	live []Slot  // in the order of making, disturbed by removals: the last takes the place of the one removed
	dead []Slot  // that were live or passed over, the most recent last; those that live again are passed over when met
	next Slot    // no slot from here on was ever live or passed over
}

func newState(t *tables) *state {
	return &state{tab: t, pos: make([]int32, t.slots.max1)}
}

func (st *state) isLive(p Slot) bool { return int(p) < len(st.pos) && st.pos[p] != 0 }

func (st *state) full() bool { return len(st.live) == len(st.pos) }

// effective tells whether op acts: the slots that it reads are live, and the one that it defines is not.
func (st *state) effective(op Op) bool {
	row := &st.tab.rows[op.Kind]
	for i := range row.args {
		if row.args[i].slot && !(op.Args[i] < uint64(len(st.pos)) && st.isLive(Slot(op.Args[i]))) {
			return false
		}
	}
	return !row.makes || int(op.Def) < len(st.pos) && !st.isLive(op.Def)
}

// apply makes op happen, if it is effective.
func (st *state) apply(op Op) {
	if !st.effective(op) {
		return
	}
	switch st.tab.rows[op.Kind].role {
	case Make:
		st.make(op.Def)
	case Kill:
		st.kill(Slot(op.Args[0]))
	case KillAll:
		for _, p := range st.live {
			st.pos[p] = 0
		}
		st.dead = append(st.dead, st.live...)
		st.live = st.live[:0]
	}
}

func (st *state) make(p Slot) {
	for ; st.next < p; st.next++ {
		st.dead = append(st.dead, st.next)
	}
	st.next = max(st.next, p+1)
	st.live = append(st.live, p)
	st.pos[p] = int32(len(st.live))
}

func (st *state) kill(p Slot) {
	last := st.live[len(st.live)-1]
	st.live[st.pos[p]-1], st.pos[last] = last, st.pos[p]
	st.live = st.live[:len(st.live)-1]
	st.pos[p] = 0
	st.dead = append(st.dead, p)
}

// lastDead returns the slot that died last, if any did.
func (st *state) lastDead() (Slot, bool) {
	for n := len(st.dead); n > 0; n-- {
		if p := st.dead[n-1]; !st.isLive(p) {
			st.dead = st.dead[:n]
			return p, true
		}
	}
	st.dead = st.dead[:0]
	return 0, false
}

// free returns a slot that is dead: a fresh one or the one that died last. There is one unless the state is full.
func (st *state) free(fresh bool) Slot {
	if !fresh || int(st.next) == len(st.pos) {
		if p, ok := st.lastDead(); ok {
			st.dead = st.dead[:len(st.dead)-1]
			return p
		}
	}
	return st.next
}
