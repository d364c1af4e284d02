package value

import "slices"

// What runs when an object dies: the callbacks of weak references to it that live, newest first, and its own finalizer.
// A weak reference that dies in the same operation may call back or not, as nobody promises which of the two is first.

// weakly is what an object has to do with weak references and finalizers.
type weakly struct {
	refers *object   // of a weak reference
	calls  bool      // and it calls back
	weaks  []*object // those that refer to it, oldest first
	final  bool      // its class has a finalizer
	saves  bool      // that saves it
}

// ran is what is to run in the operation that is judged.
type ran struct {
	due    []ID // of finalizers
	called []call
	gone   []*object // weak references that died
	parts  bool      // of a copy that failed may have died

	collecting bool
}

// A call is a callback that is due, if the weak reference lives.
type call struct{ weak, of *object }

func (m *Model) begin(refused bool) {
	for _, w := range m.gone {
		if o := w.refers; o != nil {
			o.weaks = slices.DeleteFunc(o.weaks, func(x *object) bool { return x == w })
		}
	}
	m.ran = ran{parts: refused}
}

// NewWeak judges the making of a weak reference.
func (m *Model) NewWeak(s, q uint64, calls bool, id ID) violation {
	of := m.slots[q]
	switch {
	case !Weakable(of.kind) && id != 0:
		return Weakly.Breach("there is a weak reference to an object of kind %d", of.kind)
	case id == 0:
		return nil
	}
	o := &object{kind: Weak, weakly: weakly{refers: of, calls: calls}}
	if v := m.define(s, id, o); v != nil {
		return v
	}
	of.weaks = append(of.weaks, o)
	return nil
}

// Deref judges what a weak reference refers to.
func (m *Model) Deref(s, q uint64, id ID) violation {
	want := m.slots[q].refers
	if id != idOf(want) {
		return Weakly.Breach("a weak reference refers to another object, or none")
	}
	if want != nil {
		m.put(s, want)
	}
	return nil
}

// runs has due what an object's death is to run.
func (m *Model) runs(o *object) {
	if o.kind == Capsule || o.final {
		m.due = append(m.due, o.id)
	}
	if o.saves && m.FinalAgain && !m.collecting {
		m.due = append(m.due, o.id)
	}
	if o.kind == Weak {
		m.gone = append(m.gone, o)
	}
	m.vague = m.vague || m.TupleWeaks > 0 && len(o.weaks) >= m.TupleWeaks
	for _, w := range slices.Backward(o.weaks) {
		if w.refers = nil; w.calls {
			m.called = append(m.called, call{w, o})
		}
	}
	o.weaks = nil
}

// Ran judges what ran.
func (m *Model) Ran(all []ID) violation {
	var ran []ID
	for _, id := range all {
		if at := slices.Index(m.due, id); at >= 0 {
			m.due = slices.Delete(m.due, at, at+1)
			ran = append(ran, id)
			continue
		}
		if m.FinalAgain && slices.Contains(ran, id) {
			continue // deaths nest, and what still knew the object then lets it go
		}
		at := slices.IndexFunc(m.called, func(c call) bool { return c.weak.id == id })
		if at < 0 {
			if m.parts && m.objects[id] == nil {
				continue
			}
			return Runs.Breach("a finalizer or a callback ran, and nothing died for it")
		}
		of := m.called[at].of
		if slices.ContainsFunc(m.called[:at], func(c call) bool { return c.of == of && m.lives(c.weak) }) {
			return Weakly.Breach("a weak reference called back before a newer one")
		}
		m.called = slices.Delete(m.called, at, at+1)
	}
	if len(m.due) > 0 {
		return Runs.Breach("an object died, and its finalizer did not run")
	}
	if slices.ContainsFunc(m.called, func(c call) bool { return m.lives(c.weak) }) {
		return Weakly.Breach("what a weak reference refers to died, and it did not call back")
	}
	return nil
}

func (m *Model) lives(o *object) bool { return m.objects[o.id] == o }
