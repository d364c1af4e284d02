package dict

import (
	"testing"

	"heapfuzz/model"
)

// abc is a model of a dict in slot 0 that holds 1 at 10, 2 at 20 and 3 at 30.
func abc(c Contract) *Model {
	m := NewModel(c, false)
	m.New(0, 0)
	for i := range uint64(3) {
		m.Set(0, 10*(i+1), i+1)
	}
	return m
}

// Each answer breaks the rule that is named, or none.
func TestJudges(t *testing.T) {
	insertion := Contract{Order: Insertion}
	detects := Contract{Order: Insertion, During: Detected}
	for _, tt := range []struct {
		name     string
		contract Contract
		answer   func(m *Model) violation
		want     *model.Invariant
	}{
		{"what was written", insertion, func(m *Model) violation { return m.Get(0, 20, 2, true) }, nil},
		{"another value", insertion, func(m *Model) violation { return m.Get(0, 20, 3, true) }, Reads},
		{"not found", insertion, func(m *Model) violation { return m.Get(0, 20, 0, false) }, Lost},
		{"found and not set", insertion, func(m *Model) violation { return m.Get(0, 21, 2, true) }, Absent},
		{"not found after a refusal", insertion, func(m *Model) violation {
			m.Refused(0)
			return m.Get(0, 20, 0, false)
		}, Failure},
		{"all found after a refusal, and then lost", insertion, func(m *Model) violation {
			m.Refused(0)
			if v := m.All(0, 3); v != nil {
				return v
			}
			return m.Get(0, 20, 0, false)
		}, Lost},
		{"the last is popped", insertion, func(m *Model) violation { return m.PopItem(0, false, 30, 3, true) }, nil},
		{"the first is popped", insertion, func(m *Model) violation { return m.PopItem(0, false, 10, 1, true) }, Pops},
		{"any is popped", Contract{}, func(m *Model) violation { return m.PopItem(0, false, 10, 1, true) }, nil},
		{"nothing is popped", Contract{}, func(m *Model) violation { return m.PopItem(0, false, 0, 0, false) }, Pops},
		{"refused", insertion, func(m *Model) violation { return m.Refuse(1) }, Serves},
		{"refused when told to fail", insertion, func(m *Model) violation { m.Scarce(true); return m.Refuse(1) }, nil},
		{"refused above the greatest capacity", Contract{CapacityMax: 9}, func(m *Model) violation {
			return m.Refuse(10)
		}, nil},
		{"in order", detects, func(m *Model) violation { return steps(m, 10, 20, 30) }, nil},
		{"out of order", detects, func(m *Model) violation { return steps(m, 20) }, Ordered},
		{"in any order", Contract{}, func(m *Model) violation { return steps(m, 20, 30, 10) }, nil},
		{"again", Contract{}, func(m *Model) violation { return steps(m, 20, 20) }, Once},
		{"not all", Contract{}, func(m *Model) violation { return steps(m, 20, 10) }, Once},
		{"moved to the end", insertion, func(m *Model) violation {
			m.Move(0, 10, false, true)
			return steps(m, 20, 30, 10)
		}, nil},
		{"moved to the front", insertion, func(m *Model) violation {
			m.Move(0, 30, true, true)
			return steps(m, 30, 10, 20)
		}, nil},
		{"deleted and set again", insertion, func(m *Model) violation {
			m.Delete(0, 10, true)
			m.Set(0, 10, 1)
			return steps(m, 10)
		}, Ordered},
		{"a change that is detected", detects, func(m *Model) violation {
			m.Iterate(0, 0, false)
			m.Set(0, 40, 4)
			return m.Step(0, 0, 0, 0, Changed)
		}, nil},
		{"a change that is not", detects, func(m *Model) violation {
			m.Iterate(0, 0, false)
			m.Set(0, 40, 4)
			return m.Step(0, 0, 10, 1, Entry)
		}, Detects},
		{"overwriting is no change", detects, func(m *Model) violation {
			m.Iterate(0, 0, false)
			m.Set(0, 10, 4)
			return m.Step(0, 0, 0, 0, Changed)
		}, Detects},
		{"over is over", detects, func(m *Model) violation {
			m.Iterate(0, 0, true)
			m.Clear(0)
			m.Step(0, 0, 0, 0, Changed)
			m.Set(0, 10, 1)
			return m.Step(0, 0, 10, 1, Entry)
		}, Over},
		{"equal", insertion, func(m *Model) violation { m.Copy(1, 0); return m.Equal(0, 1, true) }, nil},
		{"not equal", insertion, func(m *Model) violation {
			m.FromKeys(1, 0, 7)
			return m.Equal(0, 1, true)
		}, Equal},
		{"as large as the stairs say", Contract{Stairs: []Stair{{5, 100}, {10, 200}}}, func(m *Model) violation {
			return m.Size(0, 100)
		}, nil},
		{"larger", Contract{Stairs: []Stair{{2, 50}, {5, 100}}}, func(m *Model) violation { return m.Size(0, 200) },
			Stairs},
		{"smaller after a deletion", Contract{KeepsSize: true}, func(m *Model) violation {
			m.Size(0, 100)
			m.Delete(0, 10, true)
			return m.Size(0, 50)
		}, Keeps},
		{"larger where there was room", Contract{Reserves: true}, func(m *Model) violation {
			m.Reserve(0, 4)
			m.Size(0, 100)
			m.Set(0, 40, 1)
			return m.Size(0, 200)
		}, Roomy},
		{"larger for less room than there was", Contract{Reserves: true}, func(m *Model) violation {
			m.Reserve(0, 5)
			m.Size(0, 100)
			m.Reserve(0, 4)
			return m.Size(0, 200)
		}, Roomy},
		{"larger where there was none", Contract{Reserves: true}, func(m *Model) violation {
			m.Reserve(0, 3)
			m.Size(0, 100)
			m.Set(0, 40, 1)
			return m.Size(0, 200)
		}, nil},
		{"too many probes", Contract{ProbesMax: 9}, func(m *Model) violation { return m.Probes(0, 10, true) }, Probes},
		{"as many where room was refused", Contract{ProbesMax: 9, ProbesEach: 2}, func(m *Model) violation {
			m.Refused(0)
			return m.Probes(0, 17, true)
		}, nil},
		{"more than entries account for", Contract{ProbesMax: 9, ProbesEach: 2}, func(m *Model) violation {
			m.Refused(0)
			return m.Probes(0, 18, true)
		}, Probes},
		{"as many where it was cleared since", Contract{ProbesMax: 9, ProbesEach: 2}, func(m *Model) violation {
			m.Refused(0)
			m.Clear(0)
			return m.Probes(0, 12, true)
		}, Probes},
		{"no probes", Contract{ProbesMax: 9}, func(m *Model) violation { return m.Probes(0, 0, true) }, Probes},
		{"too many values", Contract{}, func(m *Model) violation { return m.Held(4) }, Released},
		{"what is kept", Contract{}, func(m *Model) violation { m.Drain(); m.Trim(); return m.Usage(1) }, Returned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.answer(abc(tt.contract))
			if (v == nil) != (tt.want == nil) || v != nil && v.Rule != tt.want {
				t.Errorf("got %v, want %v", v, tt.want)
			}
		})
	}
}

// steps judges an iteration that tells these keys, and ends.
func steps(m *Model, keys ...uint64) violation {
	m.Iterate(0, 0, false)
	for _, key := range keys {
		if v := m.Step(0, 0, key, key/10, Entry); v != nil {
			return v
		}
	}
	return m.Step(0, 0, 0, 0, End)
}

// A cache of two entries, of which the model is told what they are and what was evicted.
func TestJudgesCaches(t *testing.T) {
	lru := CacheContract{Policy: LRU}
	for _, tt := range []struct {
		name     string
		contract CacheContract
		tells    bool
		answer   func(m *CacheModel) violation
		want     *model.Invariant
	}{
		{"a hit", lru, false, func(m *CacheModel) violation { return m.Get(1, 10, true) }, nil},
		{"another value", lru, false, func(m *CacheModel) violation { return m.Get(1, 20, true) }, CacheReads},
		{"gone", lru, false, func(m *CacheModel) violation { return m.Get(1, 0, false) }, CachePolicy},
		{"the oldest is evicted", lru, false, func(m *CacheModel) violation {
			m.Put(3, 30, true)
			return m.Get(1, 0, false)
		}, nil},
		{"the oldest is still there", lru, false, func(m *CacheModel) violation {
			m.Put(3, 30, true)
			return m.Get(1, 10, true)
		}, CacheAbsent},
		{"what was used is evicted", lru, false, func(m *CacheModel) violation {
			m.Get(1, 10, true)
			m.Put(3, 30, true)
			return m.Get(1, 0, false)
		}, CachePolicy},
		{"where it does not count", CacheContract{Policy: FIFO}, false, func(m *CacheModel) violation {
			m.Get(1, 10, true)
			m.Put(3, 30, true)
			return m.Get(1, 0, false)
		}, nil},
		{"any may be evicted", CacheContract{}, false, func(m *CacheModel) violation {
			m.Put(3, 30, true)
			m.Settle(2)
			return m.Get(2, 0, false)
		}, nil},
		{"and not both", CacheContract{}, false, func(m *CacheModel) violation {
			m.Put(3, 30, true)
			return m.Settle(1)
		}, CacheRoom},
		{"above the capacity", lru, false, func(m *CacheModel) violation { return m.Settle(3) }, CacheCapacity},
		{"an eviction that is told", lru, true, func(m *CacheModel) violation {
			m.Evicted(1, 10)
			return m.Put(3, 30, true)
		}, nil},
		{"one that is not", lru, true, func(m *CacheModel) violation { return m.Put(3, 30, true) }, CacheCallback},
		{"of the newest", lru, true, func(m *CacheModel) violation {
			m.Evicted(2, 20)
			return m.Put(3, 30, true)
		}, CachePolicy},
		{"told for nothing", lru, true, func(m *CacheModel) violation {
			m.Evicted(1, 10)
			return m.Settle(2)
		}, CacheCallback},
		{"the rarest", CacheContract{Policy: LFU}, true, func(m *CacheModel) violation {
			m.Get(2, 20, true)
			m.Get(2, 20, true)
			m.Evicted(2, 20)
			return m.Put(3, 30, true)
		}, CachePolicy},
		{"a call that computes what is there", lru, false, func(m *CacheModel) violation { return m.Miss(1) },
			CacheComputes},
		{"hits and misses", lru, false, func(m *CacheModel) violation {
			m.Get(1, 10, true)
			m.Get(9, 0, false)
			return m.Info(1, 1, 2, 2)
		}, nil},
		{"too many hits", lru, false, func(m *CacheModel) violation { return m.Info(1, 0, 2, 2) }, CacheInfo},
		{"keys in order", lru, false, func(m *CacheModel) violation { return m.Keys(1, 2, 2) }, nil},
		{"keys in another", lru, false, func(m *CacheModel) violation { return m.Keys(0, 2, 2) }, CacheOrder},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewCacheModel(tt.contract, 2, tt.tells)
			for i := range uint64(2) {
				if v := m.Put(i+1, 10*(i+1), true); v != nil {
					t.Fatal(v)
				}
				m.Settle(int(i) + 1)
			}
			v := tt.answer(m)
			if (v == nil) != (tt.want == nil) || v != nil && v.Rule != tt.want {
				t.Errorf("got %v, want %v", v, tt.want)
			}
		})
	}
}
