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
