package dicttest

import (
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// TestMain has Go's heap grow to 16 MiB before it is collected: next to nothing outlives a program, and collections at
// 4 MiB, with the pages that were given back and touched again, took a fifth of the time or more.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

func referenceSubject() *props.Subject {
	return Subject("reference", dict.ReferenceContract, func(World) (Store, error) {
		return dict.NewReferenceStore(), nil
	})
}

func inReference(w World) (Store, error) { return dict.NewReferenceStore(), nil }

func TestReference(t *testing.T) {
	err := Test(nil, InWorld(inReference), Promise(dict.ReferenceContract), Programs(60))
	if err != nil {
		t.Error(err)
	}
}

// bare hides every optional part.
type bare struct{ Dict }

func TestReferenceWithoutParts(t *testing.T) {
	store := dict.NewReferenceStore()
	err := Test(func(n int) Dict { return bare{store.New(n)} }, Promise(dict.ReferenceContract), Programs(30))
	if err != nil {
		t.Error(err)
	}
}

// goMap adapts Go's own map.
func goMap[K comparable, V any](capacity int) Map[K, V] {
	m := make(map[K]V, capacity)
	return goMapOf(m)
}

func goMapOf[K comparable, V any](m map[K]V) Map[K, V] {
	return Map[K, V]{
		Get:    func(k K) (V, bool) { v, ok := m[k]; return v, ok },
		Set:    func(k K, v V) { m[k] = v },
		Remove: func(k K) { delete(m, k) },
		Len:    func() int { return len(m) },
		Clear:  func() { clear(m) },
		Range: func(f func(K, V) bool) {
			for k, v := range m {
				if !f(k, v) {
					return
				}
			}
		},
		Copy:     func() Map[K, V] { return goMapOf(maps.Clone(m)) },
		Stepwise: true,
	}
}

// point is a key that is no number.
type point struct {
	X, Y int
	Name string
}

func TestGoMap(t *testing.T) {
	live := Promise(Contract{During: dict.Live, Retained: -1})
	for name, open := range map[string]func(int) Dict{
		"int":    func(n int) Dict { return goMap[int, int](n).Dict() },
		"uint32": func(n int) Dict { return goMap[uint32, uint64](n).Dict() },
		"string": func(n int) Dict { return goMap[string, string](n).Dict() },
		"struct": func(n int) Dict { return goMap[point, any](n).Dict() },
		"float":  func(n int) Dict { return goMap[float64, point](n).Dict() },
	} {
		t.Run(name, func(t *testing.T) {
			if err := Test(open, live, Programs(12)); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a Go map of pointers holds is what can be reached.
func TestGoMapReleases(t *testing.T) {
	open := func(World) (Store, error) { return Refs(goMap[int, *Ref]), nil }
	if err := Test(nil, InWorld(open), Promise(Contract{During: dict.Live}), Programs(3)); err != nil {
		t.Error(err)
	}
}

// keeper holds on to what was deleted.
type keeper struct{ kept []*Ref }

func (k *keeper) of(capacity int) Map[int, *Ref] {
	m := goMap[int, *Ref](capacity)
	get, remove := m.Get, m.Remove
	m.Remove = func(key int) {
		if v, ok := get(key); ok {
			k.kept = append(k.kept, v)
		}
		remove(key)
	}
	return m
}

func TestReleasedSees(t *testing.T) {
	open := func(World) (Store, error) { return Refs(new(keeper).of), nil }
	err := Test(nil, InWorld(open), Promise(Contract{During: dict.Live}), Programs(40))
	if err == nil || !strings.Contains(err.Error(), "dict/released") {
		t.Errorf("a map that holds on to what was deleted: %v", err)
	}
}

func FuzzReference(f *testing.F) {
	Fuzz(f, nil, InWorld(inReference), Promise(dict.ReferenceContract))
}

func BenchmarkGoMap(b *testing.B) {
	b.Run("key=int", func(b *testing.B) {
		Bench(b, func(n int) Dict { return goMap[int, int](n).Dict() }, Promise(Contract{During: dict.Live}))
	})
	b.Run("key=string", func(b *testing.B) {
		Bench(b, func(n int) Dict { return goMap[string, int](n).Dict() }, Promise(Contract{During: dict.Live}))
	})
}

// run runs a program on the reference.
func run(t *testing.T, program string) props.Result {
	t.Helper()
	var r props.Runner
	res, err := r.Run(referenceSubject(), Lang.MustParse(program))
	if err != nil {
		t.Fatal(err)
	}
	if res.Violation != nil {
		t.Fatal(res.Violation)
	}
	return res
}

// Answers are those that the words of an operation mean.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, program string
		want          []uint64 // visible values of the last operations
	}{
		{"what was written last", "p0 = new\nset p0 key=7 value=1\nset p0 key=7 value=2\nget p0 key=7\nlen p0",
			[]uint64{3, 1}},
		{"what is not there", "p0 = new\nget p0 key=0\ndelete p0 key=0\npop p0 key=0", []uint64{0, 0, 0}},
		{"popped", "p0 = new\nset p0 key=7 value=4\npop p0 key=7\nlen p0", []uint64{5, 0}},
		{"a default", "p0 = new\nsetdefault p0 key=1 value=4\nsetdefault p0 key=1 value=5", []uint64{5, 5}},
		{"a copy is another dict", "p0 = new\nset p0 key=1 value=1\np1 = copy p0\nequal p0 p1\nset p1 key=2 value=2\n" +
			"equal p0 p1\nlen p0", []uint64{0, 0, 1}},
		{"armed", "p0 = new\nset p0 key=1 value=1\nset p0 key=2 value=2\narm p0 act=6 key=0\nget p0 key=2\nlen p0",
			[]uint64{0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := run(t, tt.program)
			n := strings.Count(tt.program, "\n") + 1
			var got []uint64
			for _, out := range res.Trace[n-len(tt.want) : n] {
				got = append(got, out.Value)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// An iteration goes on while the dict changes.
func TestNext(t *testing.T) {
	res := run(t, `
		p0 = new
		set p0 key=1 value=1
		set p0 key=2 value=2
		set p0 key=3 value=3
		next p0 i=0
		iter p0 i=0
		reversed p0 i=1
		next p0 i=0
		next p0 i=1
		delete p0 key=2
		next p0 i=0
		next p0 i=1
		next p0 i=0
		set p0 key=9 value=9
		next p0 i=0
	`)
	var got []string
	for i, out := range res.Trace[:15] {
		if op := res.Ops[i]; op.Kind == Lang.Kind("next") {
			switch {
			case out.Status == prog.Skip:
				got = append(got, "skip")
			case out.Msg != "":
				got = append(got, out.Msg)
			default:
				got = append(got, string(rune('0'+out.Addr)))
			}
		}
	}
	if want := "skip 1 3 3 1 end end"; strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

// lazy answers skip to everything, which no dict may.
type lazy struct{}

func (lazy) Do(prog.Op) prog.Outcome { return prog.Outcome{Status: prog.Skip} }
func (lazy) Close() error            { return nil }

func TestRequiredOperationsMayNotBeSkipped(t *testing.T) {
	s := referenceSubject()
	open := s.Open
	s.Open = func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
		_, j, err := open(w)
		return lazy{}, j, err
	}
	var r props.Runner
	res, err := r.Run(s, Lang.MustParse("p0 = new"))
	if err != nil {
		t.Fatal(err)
	}
	if res.Violation == nil || res.Violation.Rule != dict.Answers {
		t.Errorf("got %v, want %s", res.Violation, dict.Answers.Name)
	}
}

// BenchmarkChecked is a dict of a few dozen keys that lives through sets, lookups and deletions, each judged.
func BenchmarkChecked(b *testing.B) {
	s := Subject("map", Contract{During: dict.Live, Retained: -1}, func(World) (Store, error) {
		return Each(func(n int) Dict { return goMap[uint64, uint64](n).Dict() }), nil
	})
	var text strings.Builder
	text.WriteString("p0 = new\n")
	for i := range 10_000 {
		key := mix(uint64(i)) % 64
		switch i % 4 {
		case 0, 1:
			fmt.Fprintf(&text, "set p0 key=%d value=%d\n", key, i)
		case 2:
			fmt.Fprintf(&text, "get p0 key=%d\n", key)
		case 3:
			fmt.Fprintf(&text, "delete p0 key=%d\n", key)
		}
	}
	program := Lang.MustParse(text.String())
	var r props.Runner
	b.ReportAllocs()
	for b.Loop() {
		if res, err := r.Run(s, program); err != nil || res.Violation != nil {
			b.Fatal(err, res.Violation)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(program.Ops)), "ns/operation")
}
