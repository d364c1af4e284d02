package dict

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"heapfuzz/impl/arena"
)

// each runs a test on every profile.
func each(t *testing.T, f func(t *testing.T, s *Space)) {
	for _, p := range Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			s := open(t, Config{Profile: p})
			f(t, s)
			if err := s.CheckSpace(); err != nil {
				t.Error(err)
			}
		})
	}
}

func open(t testing.TB, cfg Config) *Space {
	t.Helper()
	s, err := NewSpace(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill stores the numbers from..to-1.
func fill(t testing.TB, s *Space, d Dict, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		must(t, s.Set(d, Int(int64(n)), Int(int64(n))))
	}
}

func remove(t testing.TB, s *Space, d Dict, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if ok, err := s.Delete(d, Int(int64(n))); !ok || err != nil {
			t.Fatalf("delete %d: %v, %v", n, ok, err)
		}
	}
}

// TestHashStr compares with hash('a') and so on of 2.7.18, 3.6.15, 3.10.13, 3.11.7 and 3.13.0 under PYTHONHASHSEED.
func TestHashStr(t *testing.T) {
	texts := []string{"", "a", "abcdefg", "abcdefgh", "abcdefghijklmnopq"}
	rows := []struct {
		profiles string
		seed     uint32
		want     [5]int64
	}{
		{"2.7", 0, [5]int64{0, 12416037344, 5653254239121123959, 8223078517288926000, -5709321228744997488}},
		{"2.7", 42, [5]int64{0, -5486454195961207828, 8970326529807400883, 7922951320539571006, -4734494233965417124}},
		{"old8 3.6 3.10", 0, [5]int64{0, -7583489610679606711, -6651368143851290504, -1847705707669741165,
			-6196428185306681828}},
		{"old8 3.6 3.10", 42, [5]int64{0, 4770961679805687079, -3316160760366460145, -6663629221394151904,
			-7411735482313092920}},
		{"3.11 3.13", 0, [5]int64{0, 4644417185603328019, 7904145750247929094, 4574395652268504554,
			7044894726457044172}},
		{"3.11 3.13", 42, [5]int64{0, -123207753977932514, 1375323160596907757, -5457871895989710762,
			-890762421242897774}},
	}
	for _, row := range rows {
		for name := range strings.FieldsSeq(row.profiles) {
			p, _ := ProfileByName(name)
			s := open(t, Config{Profile: p, Key: KeyOfSeed(row.seed)})
			for i, text := range texts {
				if got := s.HashStr([]byte(text)); got != row.want[i] {
					t.Errorf("%s seed %d: hash(%q) = %d, want %d", name, row.seed, text, got, row.want[i])
				}
			}
		}
	}
}

// TestHashInt compares with hash(n) of 3.6.15 and 3.11.7.
func TestHashInt(t *testing.T) {
	const m = hashModulus
	for n, want := range map[int64]int64{
		0: 0, 1: 1, -1: -2, -2: -2, m: 0, -m: 0, m - 1: m - 1, m + 1: 1, -m - 1: -2, 2 * m: 0, m + 6: 6, -1 << 62: -2,
	} {
		if got := HashInt(n); got != want {
			t.Errorf("hash(%d) = %d, want %d", n, got, want)
		}
		if back := Int(n).Int(); back != n {
			t.Errorf("Int(%d).Int() = %d", n, back)
		}
	}
}

// stairs are getsizeof of a dict that grows key by key: how many entries fit, and the size in five columns, as
// measured (the first is the second less 8, and the figure of a published measurement with 3.6).
var stairs = []struct {
	usable int
	sizes  [5]int // old8; 3.6, 3.7; 3.8 to 3.10; from 3.11 on other keys; strings
}{
	{5, [5]int{240, 248, 232, 224, 184}},
	{10, [5]int{368, 376, 360, 352, 272}},
	{21, [5]int{648, 656, 640, 632, 464}},
	{42, [5]int{1184, 1192, 1176, 1168, 832}},
	{85, [5]int{2280, 2288, 2272, 2264, 1584}},
	{170, [5]int{4704, 4712, 4696, 4688, 3328}},
	{341, [5]int{9320, 9328, 9312, 9304, 6576}},
	{682, [5]int{18528, 18536, 18520, 18512, 13056}},
	{1365, [5]int{36968, 36976, 36960, 36952, 26032}},
	{2730, [5]int{73824, 73832, 73816, 73808, 51968}},
	{5461, [5]int{147560, 147568, 147552, 147544, 103856}},
	{10922, [5]int{295008, 295016, 295000, 294992, 207616}},
	{21845, [5]int{589928, 589936, 589920, 589912, 415152}},
	{43690, [5]int{1310816, 1310824, 1310808, 1310800, 961280}},
	{87381, [5]int{2621544, 2621552, 2621536, 2621528, 1922480}},
	{174762, [5]int{5242976, 5242984, 5242968, 5242960, 3844864}},
	{349525, [5]int{10485864, 10485872, 10485856, 10485848, 7689648}},
	{699050, [5]int{20971616, 20971624, 20971608, 20971600, 15379200}},
	{1398101, [5]int{41943144, 41943152, 41943136, 41943128, 30758320}},
}

// oldStairs is the same of 2.7.
var oldStairs = []struct{ from, size int }{
	{0, 280}, {6, 1048}, {22, 3352}, {86, 12568}, {342, 49432}, {1366, 196888}, {5462, 786712}, {21846, 3146008},
	{87382, 6291736}, {174763, 12583192}, {349526, 25166104}, {699051, 50331928},
}

func TestStaircase(t *testing.T) {
	columns := map[string]int{
		"old8": 0, "3.6": 1, "3.7": 1, "3.8": 2, "3.9": 2, "3.10": 2, "3.11": 3, "3.12": 3, "3.13": 3,
	}
	each(t, func(t *testing.T, s *Space) {
		last := 30000
		if name := s.prof.Name; name == "old8" || name == "2.7" || name == "3.13" {
			last = 700000
		}
		step := 0
		d := s.New()
		for n := 1; n <= last; n++ {
			must(t, s.Set(d, Int(int64(n)*7), Int(1)))
			want := 0
			if s.old {
				for step+1 < len(oldStairs) && n >= oldStairs[step+1].from {
					step++
				}
				want = oldStairs[step].size
			} else {
				for n > stairs[step].usable {
					step++
				}
				want = stairs[step].sizes[columns[s.prof.Name]]
			}
			if got := s.Size(d); got != want {
				t.Fatalf("%d entries: %d bytes, want %d", n, got, want)
			}
		}
		s.Free(d)
	})
}

func TestStaircaseOfStrings(t *testing.T) {
	each(t, func(t *testing.T, s *Space) {
		if !s.prof.StrTables {
			return
		}
		step := 0
		d := s.Call()
		e := s.Call()
		for n := 1; n <= 3000; n++ {
			str := s.NewStr(fmt.Sprint(n))
			if n <= 5 {
				must(t, s.Set(e, str, Int(1)))
			}
			must(t, s.Set(d, str, Int(1)))
			for n > stairs[step].usable {
				step++
			}
			if got, want := s.Size(d), stairs[step].sizes[4]; got != want {
				t.Fatalf("%d entries: %d bytes, want %d", n, got, want)
			}
		}
		must(t, s.Set(e, Int(1), Int(1)))
		if got := s.Size(e); got != 352 {
			t.Errorf("five strings and a number: %d bytes, want 352", got)
		}
	})
}

// TestEmptySizes has the sizes of {}, dict(), and a cleared dict.
func TestEmptySizes(t *testing.T) {
	want := map[string][3]int{
		"2.7": {280, 280, 280}, "old8": {240, 240, 72}, "3.6": {248, 248, 80}, "3.7": {248, 248, 80},
		"3.8": {64, 232, 64}, "3.9": {64, 232, 64}, "3.10": {64, 64, 64}, "3.11": {64, 64, 64}, "3.12": {64, 64, 64},
		"3.13": {64, 64, 64},
	}
	each(t, func(t *testing.T, s *Space) {
		a, b, c := s.New(), s.Call(), s.New()
		fill(t, s, c, 0, 100)
		s.Clear(c)
		if got := [3]int{s.Size(a), s.Size(b), s.Size(c)}; got != want[s.prof.Name] {
			t.Errorf("%d, want %d", got, want[s.prof.Name])
		}
	})
}

// TestCopies has getsizeof of a dict of 100 numbers after so many deletions, and of d.copy(), dict(d) and
// dict.fromkeys(d), as measured.
func TestCopies(t *testing.T) {
	deleted := [5]int{10, 32, 50, 66, 100}
	new38 := [5][4]int{{4696, 4696, 4696, 4696}, {4696, 4696, 2272, 2272}, {4696, 2272, 2272, 2272},
		{4696, 1176, 1176, 1176}, {4696, 64, 232, 232}}
	new310 := new38
	new310[4] = [4]int{4696, 64, 64, 232}
	new311 := [5][4]int{{4688, 4688, 4688, 4688}, {4688, 4688, 2264, 2264}, {4688, 2264, 2264, 2264},
		{4688, 1168, 1168, 1168}, {4688, 64, 64, 224}}
	want := map[string][5][4]int{
		"2.7": {{12568, 6424, 6424, 6424}, {12568, 6424, 6424, 3352}, {12568, 3352, 3352, 3352},
			{12568, 3352, 3352, 1816}, {12568, 280, 280, 280}},
		"3.6": {{4712, 4712, 4712, 4712}, {4712, 2288, 2288, 2288}, {4712, 2288, 2288, 2288},
			{4712, 1192, 1192, 1192}, {4712, 248, 248, 248}},
		"3.7": {{4712, 4712, 4712, 4712}, {4712, 4712, 2288, 2288}, {4712, 2288, 2288, 2288},
			{4712, 1192, 1192, 1192}, {4712, 248, 248, 248}},
		"3.8": new38, "3.9": new38, "3.10": new310, "3.11": new311, "3.12": new311, "3.13": new311,
	}
	each(t, func(t *testing.T, s *Space) {
		if s.prof.Name == "old8" {
			return // nobody measured it
		}
		for i, k := range deleted {
			d := s.New()
			fill(t, s, d, 0, 100)
			remove(t, s, d, 0, k)
			b, err := s.Copy(d)
			must(t, err)
			c, err := s.CallWith(d)
			must(t, err)
			f, err := s.FromKeys(d, Int(0))
			must(t, err)
			got := [4]int{s.Size(d), s.Size(b), s.Size(c), s.Size(f)}
			if got != want[s.prof.Name][i] {
				t.Errorf("%d deleted: %d, want %d", k, got, want[s.prof.Name][i])
			}
			for _, x := range []Dict{b, c} {
				if same, err := s.Equal(d, x); !same || err != nil {
					t.Errorf("%d deleted: a copy is not equal (%v)", k, err)
				}
				must(t, s.CheckInvariants(x))
			}
		}
	})
}

// TestFitQuirk: presizing for just 21 or 85 entries overshoots from 3.10 on.
func TestFitQuirk(t *testing.T) {
	for name, want := range map[string][4]int{
		"3.9": {640, 1176, 2272, 4696}, "3.10": {1176, 1176, 4696, 4696}, "3.13": {1168, 1168, 4688, 4688},
	} {
		p, _ := ProfileByName(name)
		s := open(t, Config{Profile: p})
		var got [4]int
		for i, n := range []int{21, 22, 85, 86} {
			d := s.New()
			fill(t, s, d, 0, n)
			f, err := s.FromKeys(d, Int(0))
			must(t, err)
			got[i] = s.Size(f)
		}
		if got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

// TestPresized has what _PyDict_NewPresized gave for so many entries.
func TestPresized(t *testing.T) {
	entries := [10]int{0, 5, 6, 21, 22, 85, 86, 87381, 87382, 200000}
	for name, want := range map[string][10]int{
		"3.6":  {248, 248, 376, 656, 1192, 2288, 4712, 2621552, 2621552, 2621552},
		"3.7":  {248, 248, 376, 656, 1192, 2288, 4712, 2621552, 2621552, 2621552},
		"3.9":  {64, 64, 360, 640, 1176, 2272, 4696, 2621536, 2621536, 2621536},
		"3.10": {64, 64, 360, 1176, 1176, 4696, 4696, 5242968, 2621536, 2621536},
		"3.12": {64, 64, 352, 1168, 1168, 4688, 4688, 5242960, 2621528, 2621528},
	} {
		p, _ := ProfileByName(name)
		s := open(t, Config{Profile: p})
		for i, n := range entries {
			d := s.NewPresized(n, false)
			if got := s.Size(d); got != want[i] {
				t.Errorf("%s: room for %d: %d bytes, want %d", name, n, got, want[i])
			}
			must(t, s.CheckInvariants(d))
			must(t, s.Set(d, Int(1), Int(1)))
			must(t, s.CheckInvariants(d))
			s.Free(d)
		}
	}
}

// TestNoMemory makes each request to the system fail in turn while a dict grows and is copied: what fails changes
// nothing, and succeeds when it is tried again.
func TestNoMemory(t *testing.T) {
	each(t, func(t *testing.T, s *Space) {
		failures := 0
		for nth := 1; nth < 12; nth++ {
			mem, err := arena.New(arena.Config{Profile: s.prof.Arena})
			must(t, err)
			s, err := NewSpace(Config{Profile: s.prof, Memory: mem})
			must(t, err)
			d := s.New()
			mem.InjectOOM(nth, true)
			for n := range 30000 {
				k := Int(int64(n))
				version, size := d.Version(), s.Size(d)
				if err := s.Set(d, k, k); err != nil {
					failures++
					grown := s.old && d.Len() == n+1 // 2.7 stores first and grows then
					if err != ErrNoMemory || !grown && (d.Len() != n || d.Version() != version) || s.Size(d) != size {
						t.Fatalf("entry %d: %v, %d entries", n, err, d.Len())
					}
					if c, err := s.Copy(d); err == nil {
						s.Free(c)
					} else {
						failures++
					}
					must(t, s.CheckInvariants(d))
					mem.InjectOOM(0, false)
					must(t, s.Set(d, k, k))
				}
			}
			must(t, s.CheckInvariants(d))
			if d.Len() != 30000 {
				t.Fatalf("%d entries", d.Len())
			}
			s.Free(d)
			must(t, s.Close())
			if blocks, _, _ := mem.Usage(); blocks != 0 {
				t.Fatalf("%d blocks are left", blocks)
			}
			must(t, mem.Close())
		}
		if failures == 0 {
			t.Error("nothing failed")
		}
	})
}

// TestGoAllocations: no operation allocates on Go's heap.
func TestGoAllocations(t *testing.T) {
	each(t, func(t *testing.T, s *Space) {
		str := s.NewStr("key")
		s.Free(s.New())
		got := testing.AllocsPerRun(20, func() {
			d := s.New()
			for n := range int64(300) {
				_ = s.Set(d, Int(n), Int(n))
			}
			_ = s.Set(d, str, Int(1))
			_, _, _ = s.Get(d, str)
			_, _ = s.Delete(d, Int(5))
			_, _, _ = s.PopItem(d)
			_, _ = s.SetDefault(d, Int(7), Int(8))
			c, _ := s.Copy(d)
			_, _ = s.Equal(c, d)
			it := s.Iter(d)
			for ok := true; ok; {
				_, _, ok, _ = s.Next(&it)
			}
			s.Clear(d)
			_ = s.Update(d, c)
			s.Free(c)
			s.Free(d)
		})
		if got != 0 {
			t.Errorf("%v allocations", got)
		}
	})
}

// TestProbes: numbers with equal low bits cost a dozen probes at most, equal hashes as many as there are.
func TestProbes(t *testing.T) {
	worst := func(s *Space, d Dict) (most int) {
		s.All(d, func(k, _ Word) bool {
			n, err := s.Probes(d, k)
			must(t, err)
			most = max(most, n)
			return true
		})
		return most
	}
	each(t, func(t *testing.T, s *Space) {
		d := s.New()
		for n := range int64(1000) {
			must(t, s.Set(d, Int(n<<30), Int(0)))
		}
		if n := worst(s, d); n < 2 || n > 40 {
			t.Errorf("equal low bits: %d probes", n)
		}
	})
	s := open(t, Config{Hooks: collide{}})
	d := s.New()
	for n := range 100 {
		must(t, s.Set(d, Word((n+1)<<4), Int(0)))
	}
	if n := worst(s, d); n != 100 {
		t.Errorf("equal hashes: %d probes", n)
	}
}

// TestFreeLists: a dict that dies gives its block and a small table to the next, at most 80 of each.
func TestFreeLists(t *testing.T) {
	each(t, func(t *testing.T, s *Space) {
		blocks := func() uint64 {
			n, _, _ := s.Memory().Usage()
			return n
		}
		before := blocks()
		str := s.NewStr("a")
		var all []Dict
		for range 100 {
			d := s.New()
			must(t, s.Set(d, str, Int(1)))
			all = append(all, d)
		}
		full := blocks()
		for _, d := range all {
			s.Free(d)
		}
		kept := uint64(2 * FreeMax)
		if s.old {
			kept = FreeMax
		}
		if got := blocks() - before - 1; got != kept {
			t.Errorf("%d blocks are kept, want %d", got, kept)
		}
		for range 100 {
			must(t, s.Set(s.New(), str, Int(1)))
		}
		if blocks() != full {
			t.Errorf("%d blocks, want %d as before", blocks(), full)
		}
		s.Trim()
	})
}

// TestWalk finds in memory what Refs finds, and numbers as well, in the same order.
func TestWalk(t *testing.T) {
	each(t, func(t *testing.T, s *Space) {
		d := s.New()
		fill(t, s, d, 1, 50)
		remove(t, s, d, 10, 20)
		var got, want []Word
		at, n, step, alt := s.Walk(d)
		for range n {
			if w := wordAt(at); w != 0 && w != s.dummy {
				got = append(got, w)
			}
			at += step
			step ^= alt
		}
		s.All(d, func(k, v Word) bool {
			if s.old {
				want = append(want, k, v)
			} else {
				want = append(want, v, k)
			}
			return true
		})
		if !slices.Equal(got, want) || len(want) < 60 {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// TestMergeKeeps: without override a merge stores what was not there and nothing else.
func TestMergeKeeps(t *testing.T) {
	each(t, func(t *testing.T, s *Space) {
		a, b := s.New(), s.New()
		fill(t, s, a, 0, 10)
		for n := int64(5); n < 40; n++ {
			must(t, s.Set(b, Int(n), Int(-n)))
		}
		must(t, s.Merge(a, b, false))
		must(t, s.CheckInvariants(a))
		for n := range int64(40) {
			want := n
			if n >= 10 {
				want = -n
			}
			if v, ok, err := s.Get(a, Int(n)); !ok || err != nil || v != Int(want) {
				t.Errorf("%d: %v %v %v", n, v, ok, err)
			}
		}
		must(t, s.Merge(a, a, true))
		if a.Len() != 40 {
			t.Errorf("%d entries", a.Len())
		}
	})
}

// collide are Hooks that know one hash.
type collide struct{}

func (collide) Hash(Word) (int64, error)      { return 0, nil }
func (collide) Equal(a, b Word) (bool, error) { return a == b, nil }
func (collide) Own(Word)                      {}
func (collide) Drop(Word)                     {}

var errHash = errors.New("no hash")

// unhashable are Hooks that know no hash.
type unhashable struct{ asked int }

func (u *unhashable) Hash(Word) (int64, error)      { u.asked++; return 0, errHash }
func (u *unhashable) Equal(_, _ Word) (bool, error) { return false, nil }
func (u *unhashable) Own(Word)                      {}
func (u *unhashable) Drop(Word)                     {}

// TestUnhashable: a key without a hash is an error of every operation and changes nothing; pop does not ask for the
// hash if the dict is empty, so there it is merely missing.
func TestUnhashable(t *testing.T) {
	for _, p := range Profiles() {
		u := &unhashable{}
		s := open(t, Config{Profile: p, Hooks: u})
		d := s.New()
		const key = Word(16)
		if _, ok, err := s.Pop(d, key); ok || err != nil || u.asked != 0 {
			t.Errorf("%s: pop from an empty dict: %v, asked %d times", p.Name, err, u.asked)
		}
		must(t, s.Set(d, Int(1), Int(2)))
		version := d.Version()
		_, _, get := s.Get(d, key)
		_, _, pop := s.Pop(d, key)
		_, del := s.Delete(d, key)
		_, def := s.SetDefault(d, key, Int(1))
		for i, err := range []error{get, pop, del, def, s.Set(d, key, Int(1))} {
			if err != errHash {
				t.Errorf("%s: operation %d: %v", p.Name, i, err)
			}
		}
		if d.Len() != 1 || d.Version() != version {
			t.Errorf("%s: something changed", p.Name)
		}
		must(t, s.CheckInvariants(d))
	}
}
