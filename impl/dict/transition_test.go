package dict

import "testing"

// TestTransitions takes a dict through a part of its life and looks at what was counted, in each profile.
func TestTransitions(t *testing.T) {
	for _, prof := range Profiles() {
		if prof.Old {
			continue
		}
		t.Run(prof.Name, func(t *testing.T) {
			s, err := NewSpace(Config{Profile: prof})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			d := s.New()
			for i := range int64(200) {
				if err := s.Set(d, Int(i), Int(i)); err != nil {
					t.Fatal(err)
				}
			}
			c, err := s.Copy(d)
			if err != nil {
				t.Fatal(err)
			}
			s.Memory().InjectOOM(1, true)
			for i := int64(200); err == nil; i++ {
				err = s.Set(c, Int(i), Int(i))
			}
			s.Memory().InjectOOM(0, false)
			taken, names := map[string]uint64{}, 0
			s.Transitions(func(name string, times uint64) { taken[name] = times; names++ })
			if len(taken) != names {
				t.Error("two transitions have one name")
			}
			for _, name := range []string{"index/1-byte", "index/2-bytes", "resize/grown", "resize/refused"} {
				if taken[name] == 0 {
					t.Errorf("%s was not taken: %v", name, taken)
				}
			}
			if prof.Clone && taken["copy/cloned"] != 1 || taken["resize/combined"] != 0 {
				t.Errorf("%v", taken)
			}
		})
	}
}
