package profile

import "testing"

func TestAllAreValidAndFound(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range All() {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
		if got, ok := ByName(p.Name); !ok || got != p || seen[p.Name] {
			t.Errorf("ByName(%q) does not find its own profile", p.Name)
		}
		seen[p.Name] = true
	}
	if _, ok := ByName("2.0"); ok {
		t.Error("ByName found a profile that does not exist")
	}
}

// Every rule of Validate is broken once, so none of them is decoration.
func TestValidateRefuses(t *testing.T) {
	rows := []struct {
		reason string
		edit   func(*Profile)
	}{
		{"no 32-byte classes", func(p *Profile) { p.Shift = 5 }},
		{"pool no power of two", func(p *Profile) { p.PoolBytes = 5000 }},
		{"pool above the limit", func(p *Profile) { p.PoolBytes = 32 << 10 }},
		{"pool below a page", func(p *Profile) { p.PoolBytes = 2048 }},
		{"arena no power of two", func(p *Profile) { p.ArenaBytes = 3 << 18 }},
		{"arena above the limit", func(p *Profile) { p.ArenaBytes = 1 << 30 }},
		{"arena with one pool", func(p *Profile) { p.ArenaBytes = p.PoolBytes }},
		{"large pool without map", func(p *Profile) { p.Map = MapBits{} }},
		{"map with an empty level", func(p *Profile) { p.Map.Mid = 0 }},
		{"map above 64 bits", func(p *Profile) { p.Map.Bot = 15 }},
		{"map with a huge node", func(p *Profile) { p.Map = MapBits{Root: 21, Mid: 1, Bot: 1} }},
	}
	for _, r := range rows {
		p := *Default()
		r.edit(&p)
		if p.Validate() == nil {
			t.Errorf("%s: accepted", r.reason)
		}
	}
}
