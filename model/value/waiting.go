package value

// Some dead objects are not given back: they wait on a shelf for the next like them, which takes the place of one. How
// many wait is known from births and deaths alone, in whatever order those of one operation come, as no operation
// makes objects after others died. One that was refused may have done either; then it is unknown until all are given
// back.

// A shelf is where those wait that are alike.
type shelf struct {
	kind  Kind
	items int // of tuples
}

// shelf is that of an object, and how many it holds. An int that fits no machine word has none.
func (m *Model) shelf(o *object) (s shelf, most int) {
	s.kind = o.kind
	switch {
	case m.Waits == nil || o.kind == Int && !o.atom.Int.IsInt64():
		return s, 0
	case o.kind == Tuple:
		s.items = len(o.items)
	}
	most, _ = m.Waits(s.kind, s.items)
	return s, most
}

func (m *Model) born(o *object) {
	if s, most := m.shelf(o); most > 0 && m.waiting[s] > 0 {
		m.waiting[s]--
	}
}

func (m *Model) shelve(o *object) {
	if s, most := m.shelf(o); m.waiting[s] < most {
		m.waiting[s]++
	}
}

// Trim judges that the store gave back what need not wait.
func (m *Model) Trim() {
	for s := range m.waiting {
		if !m.KeepsWaiting(s.kind) {
			delete(m.waiting, s)
		}
	}
	m.vague = m.vague && m.Waits != nil && m.KeepsWaiting(List)
}

// Waiting judges how many wait.
func (m *Model) Waiting(objects, bytes uint64) violation {
	if m.Waits == nil || m.vague {
		return nil
	}
	var n, all uint64
	for s, k := range m.waiting {
		_, each := m.Waits(s.kind, s.items)
		n, all = n+uint64(k), all+uint64(k)*max(each, m.block(each))
	}
	if n != objects || all != bytes && !m.scarce {
		return Waiting.Breach("%d objects of %d bytes wait, and not %d of %d", objects, bytes, n, all)
	}
	return nil
}
