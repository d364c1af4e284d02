package prog

import (
	"slices"
	"testing"
)

// small is a language of its own, as the tests of toy count what it draws.
func small(motifs ...Motif) *Lang[int, int] {
	slots := &Domain{Name: "slot", Near: 7, Max: 63, IsSlot: true}
	size := &Domain{Name: "size", Near: 9, Max: 99}
	return NewLang("small", slots, nil, []Row[int, int]{
		{Info: Info{Name: "alloc", Role: Make, Weight: 1, Args: []Arg{{"size", size}}}},
		{Info: Info{Name: "copy", Role: Make, Weight: 1, Args: []Arg{{"p", slots}}, Needs: 1}},
		{Info: Info{Name: "look", Role: Use, Weight: 1, Args: []Arg{{"p", slots}}}},
		{Info: Info{Name: "free", Role: Kill, Weight: 1, Args: []Arg{{"p", slots}}}},
	}).With(motifs...)
}

var copied = Motif{Name: "copied and looked at", Weight: 1,
	Text: "p0 = alloc size=77\np1 = copy p0\nlook p0\nlook p0\nlook p5\nfree p1\nfree p0"}

// play counts the programs that hold the kinds of the motif in its order, and the operations that have an effect.
func play(t *testing.T, l *Lang[int, int], allows func(Kind) bool) (with, acts, all int) {
	t.Helper()
	for seed := range uint64(300) {
		src := seeded(seed)
		p := l.Generate(src, l.NewMix(src, allows), 40)
		if len(p.Ops) != 40 || !l.Canon(p).Equal(p) {
			t.Fatalf("seed %d: %d operations:\n%s", seed, len(p.Ops), l.Format(p))
		}
		st := newState(l.tables())
		for i, op := range p.Ops {
			all++
			if st.effective(op) {
				acts++
			}
			st.apply(op)
			if i+7 <= len(p.Ops) && follows(p.Ops[i:i+7]) {
				with++
			}
		}
	}
	return with, acts, all
}

// follows tells whether operations are those of copied, on slots that fit.
func follows(ops []Op) bool {
	kinds := make([]Kind, 0, 7)
	for _, op := range ops {
		kinds = append(kinds, op.Kind)
	}
	return slices.Equal(kinds, []Kind{0, 1, 2, 2, 2, 3, 3}) &&
		ops[1].Args[0] == uint64(ops[0].Def) && ops[2].Args[0] == uint64(ops[0].Def) &&
		ops[5].Args[0] == uint64(ops[1].Def) && ops[6].Args[0] == uint64(ops[0].Def)
}

func TestMotifs(t *testing.T) {
	plain, _, _ := play(t, small(), nil)
	with, acts, all := play(t, small(copied), nil)
	if plain > 2 || with < 30 {
		t.Errorf("%d programs have the motif where there is none, and %d where there is one", plain, with)
	}
	if share := 100 * acts / all; share < 85 {
		t.Errorf("%d%% of the operations act", share)
	}
	needless := func(k Kind) bool { return small().Rows[k].Needs == 0 }
	if with, _, _ := play(t, small(copied), needless); with > 0 {
		t.Errorf("%d programs have a motif with an operation that is not let through", with)
	}
}

func TestMotifsAreRead(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a motif in another language was taken")
		}
	}()
	l := small(Motif{Name: "wrong", Weight: 1, Text: "explode p0"})
	for seed := range uint64(10) { // half of the mixes have motifs
		l.NewMix(seeded(seed), nil)
	}
}

// TestMotifLosesNoSlot has a motif define slots in vain, in programs that fill all slots: none may be lost by it.
func TestMotifLosesNoSlot(t *testing.T) {
	l := small(Motif{Name: "a copy of what is gone", Weight: 1, Text: "p0 = alloc size=7\nfree p0\np1 = copy p0"})
	for seed := range uint64(100) {
		src := seeded(seed)
		mix := l.NewMix(src, nil)
		mix.motifShare = 256
		if p := l.Generate(src, mix, 2000); !l.Canon(p).Equal(p) {
			t.Fatalf("seed %d: a slot beyond the domain", seed)
		}
	}
}
