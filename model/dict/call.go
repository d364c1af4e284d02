package dict

// A call is judged in pieces, since its computation may call again: Miss when a computation begins, Computed when it is
// over and its value is to be stored, Failed when it failed, Hit when there was none.

// Hit judges a call that computed nothing.
func (m *CacheModel) Hit(key, value uint64) violation {
	if m.find(key) < 0 {
		return CacheComputes.Breach("a call of key %d, which is not there, computes nothing", key)
	}
	m.hits++
	return m.Look(key, value, true, true)
}

// Miss judges that a call begins to compute.
func (m *CacheModel) Miss(key uint64) violation {
	m.misses++
	if i := m.find(key); i >= 0 {
		if !m.entries[i].maybe {
			return CacheComputes.Breach("a call of key %d, which is there, computes it", key)
		}
		m.drop(i)
	}
	return nil
}

// NextValue is what the next computation that does not fail gives: each gives another value.
func (m *CacheModel) NextValue() uint64 { return m.computed + 1 }

// Computed says that a computation gave NextValue, which is stored unless another call has stored the key meanwhile.
func (m *CacheModel) Computed(key uint64) violation {
	m.computed++
	i := m.find(key)
	if i >= 0 && !m.Contract.LastWins && !(m.unbounded && m.Contract.UnboundedLastWins) {
		return nil
	}
	return m.store(i, key, m.computed)
}

// Lost says that a computation gave NextValue, and that the call then failed: nothing is stored. Room may have been
// made for it; then one less are left than there were, and the one that was to be evicted is gone.
func (m *CacheModel) Lost(left int) {
	m.computed++
	if !m.unbounded && len(m.entries) >= m.capacity && left == len(m.entries)-1 {
		m.drop(0)
	}
}

// Mark remembers what is there, before something that may leave the cache in more than one state.
func (m *CacheModel) Mark() { m.before, m.since = append(m.before[:0], m.entries...), m.computed }

// Aside says that a call happened in the middle of another, and whether it computed: it counts, and what became of it
// is told by Adopt.
func (m *CacheModel) Aside(computed bool) {
	m.count(!computed)
	if computed {
		m.computed++
	}
}

// Forget takes all out, of which Adopt then tells what is there.
func (m *CacheModel) Forget() { m.entries = m.entries[:0] }

// Adopt judges an entry that is there, of which only is known that it was there at Mark, or was computed since.
func (m *CacheModel) Adopt(key, value uint64) violation {
	known := value > m.since && value <= m.computed
	for _, e := range m.before {
		known = known || e.key == key && e.value == value
	}
	if !known {
		return CacheReads.Breach("key %d holds %d, which it did not hold, and which was not computed", key, value)
	}
	m.entries = append(m.entries, cached{key: key, value: value, writes: 1})
	return nil
}

// Called judges what a call told that computed.
func (m *CacheModel) Called(key, value, computed uint64, ok bool) violation {
	if !ok || value != computed {
		return CacheComputes.Breach("a call of key %d tells %d, %v, and %d was computed", key, value, ok, computed)
	}
	return nil
}

// Failed judges a call whose computation failed.
func (m *CacheModel) Failed(key uint64, ok bool) violation {
	if ok {
		return CacheComputes.Breach("a call of key %d, whose computation failed, does not", key)
	}
	return nil
}
