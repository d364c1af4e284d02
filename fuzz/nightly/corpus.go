package nightly

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// The forms that a program of the corpus takes. Text is the one that is kept. Raw is what our fuzz functions decode:
// go-fuzz and libFuzzer have it in files named by its SHA-1. Native is raw in a file of Go's fuzzing.
//
//	text ──Encode──▶ raw ──ToNative──▶ native
//	text ◀──Decode── raw ◀─FromNative─ native
//
// The first byte of raw chooses the target, and is no part of the program: text loses it, and gets one that follows
// from the program. A program that comes back is the same one, with every number folded into its domain.

// opsMax bounds programs of the corpus, as fuzz functions bound theirs.
const opsMax = 2048

// ToRaw returns the bytes that mean p to a fuzz function.
func ToRaw(spec *prog.Spec, p prog.Program) []byte {
	raw := spec.Encode(prog.Program{World: p.World, Ops: p.Ops[:min(len(p.Ops), opsMax)]})
	sum := sha256.Sum256(raw[1:])
	raw[0] = sum[0]
	return raw
}

// FromRaw returns the program that bytes mean.
func FromRaw(spec *prog.Spec, raw []byte) prog.Program {
	return spec.Decode(raw[:min(len(raw), prog.RecordBytes*(1+opsMax))])
}

// nativeHead is the first line of an entry of Go's corpus.
const nativeHead = "go test fuzz v1\n"

// ToNative returns the entry of Go's corpus that holds raw, and its name there.
func ToNative(raw []byte) (name string, text []byte) {
	text = fmt.Appendf(nil, "%s[]byte(%q)\n", nativeHead, raw)
	return fmt.Sprintf("%x", sha256.Sum256(text))[:16], text
}

// FromNative returns what an entry of Go's corpus holds.
func FromNative(text []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(text, []byte(nativeHead))
	literal, ok2 := strings.CutPrefix(strings.TrimSpace(string(rest)), "[]byte(")
	literal, ok3 := strings.CutSuffix(literal, ")")
	if !ok || !ok2 || !ok3 {
		return nil, fmt.Errorf("no entry of Go's corpus with one []byte")
	}
	raw, err := strconv.Unquote(literal)
	return []byte(raw), err
}

// nameOf is the name of a program's file in the corpus.
func nameOf(text []byte) string { return fmt.Sprintf("%x.txt", sha256.Sum256(text))[48:] }

// add puts a program into the corpus of its language, and returns its name there.
func (s *Store) add(l fuzz.Language, p prog.Program) (string, error) {
	if len(p.Ops) == 0 {
		return "", nil
	}
	text := l.Spec.Format(prog.Program{World: p.World, Ops: p.Ops[:min(len(p.Ops), opsMax)]})
	name := nameOf(text)
	return name, s.write(s.path("corpus", l.Name, name), text)
}

// programs reads the corpus of a language, in the order of names; all of it without names.
func (s *Store) programs(l fuzz.Language, names ...string) (list []prog.Program, of []string, err error) {
	if names == nil {
		paths, err := filepath.Glob(s.path("corpus", l.Name, "*.txt"))
		if err != nil {
			return nil, nil, err
		}
		for _, path := range paths {
			names = append(names, filepath.Base(path))
		}
	}
	for _, name := range names {
		r, err := props.ReadRepro(l.Spec, s.path("corpus", l.Name, name))
		if os.IsNotExist(err) {
			continue // the corpus has been minimized since
		}
		if err != nil {
			return nil, nil, err
		}
		list, of = append(list, r.Program), append(of, name)
	}
	return list, of, nil
}

// takeProject adds the programs that the project's own corpus holds: in folders of those names, seed and found without.
func (s *Store) takeProject(l fuzz.Language, folders ...string) error {
	if folders == nil {
		folders = []string{"seed", "found"}
	}
	for _, dir := range folders {
		files, err := filepath.Glob(filepath.Join(s.Corpus, l.Name, dir, "*.txt"))
		if err != nil {
			return err
		}
		for _, file := range files {
			r, err := props.ReadRepro(l.Spec, file)
			if err == nil {
				_, err = s.add(l, r.Program)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// give writes the corpus of a language into the folder of an engine, as native or raw files: the programs of those
// names, or all without.
func (s *Store) give(l fuzz.Language, dir string, native bool, names ...string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	list, _, err := s.programs(l, names...)
	for _, p := range list {
		raw := ToRaw(l.Spec, p)
		name, data := fmt.Sprintf("%x", sha1.Sum(raw)), raw
		if native {
			name, data = ToNative(raw)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o666) // an engine's folder can be made again
		}
	}
	return err
}

// Seeds writes the project's corpus of a language into a folder, as raw files: what a fuzzer elsewhere begins with.
func (s *Store) Seeds(l fuzz.Language, dir string) error {
	if err := s.takeProject(l); err != nil {
		return err
	}
	return s.give(l, dir, false)
}

// sideFile are the names of what go-fuzz writes beside an input.
var sideFile = regexp.MustCompile(`^[0-9a-f]{40}\.`)

// take adds what an engine has in its folder to the corpus, and returns how many entries it read.
func (s *Store) take(l fuzz.Language, dir string) (n int, err error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return 0, nil
	}
	for _, e := range entries {
		if err != nil || e.IsDir() || sideFile.MatchString(e.Name()) {
			continue
		}
		data, e := os.ReadFile(filepath.Join(dir, e.Name()))
		if e != nil {
			return n, e
		}
		if raw, e := FromNative(data); e == nil {
			data = raw
		}
		n++
		_, err = s.add(l, FromRaw(l.Spec, data))
	}
	return n, err
}

// A feature is something that a program shows on a target: a behaviour or a transition, and the target.
type feature uint64

// Cover chooses entries that show together all that all show: first the one that shows most, then the one that adds
// most to it, and so on; of two that add the same the one of lower cost, then the one that comes first. Shows are
// sorted. The result are indices in increasing order.
func Cover(shows [][]feature, cost []int) []int {
	q := &queue{cost: cost}
	for i, f := range shows {
		q.items = append(q.items, gain{i, len(f)})
	}
	heap.Init(q)
	seen := map[feature]bool{}
	var chosen []int
	for q.Len() > 0 {
		top := &q.items[0]
		adds := 0
		for _, f := range shows[top.entry] {
			if !seen[f] {
				adds++
			}
		}
		switch {
		case adds == 0:
			heap.Pop(q)
		case adds < top.adds: // what it adds only gets less, so that the first whose number holds is the best
			top.adds = adds
			heap.Fix(q, 0)
		default:
			chosen = append(chosen, top.entry)
			for _, f := range shows[top.entry] {
				seen[f] = true
			}
			heap.Pop(q)
		}
	}
	slices.Sort(chosen)
	return chosen
}

type gain struct{ entry, adds int }

type queue struct {
	items []gain
	cost  []int
}

func (q *queue) Len() int      { return len(q.items) }
func (q *queue) Swap(i, j int) { q.items[i], q.items[j] = q.items[j], q.items[i] }
func (q *queue) Push(any)      { panic("nightly: nothing is ever pushed") }
func (q *queue) Pop() any      { q.items = q.items[:len(q.items)-1]; return nil }
func (q *queue) Less(i, j int) bool {
	a, b := q.items[i], q.items[j]
	if a.adds != b.adds {
		return a.adds > b.adds
	}
	if q.cost[a.entry] != q.cost[b.entry] {
		return q.cost[a.entry] < q.cost[b.entry]
	}
	return a.entry < b.entry
}

// Minimize removes programs from the corpus of a language that show nothing on its targets which others do not. Before
// is called before each run; it may be nil. It returns how many there were and how many are left.
func (s *Store) Minimize(ctx context.Context, l fuzz.Language, before func(int, *props.Subject, prog.Program)) (had,
	left int, err error) {
	if err := s.takeProject(l); err != nil {
		return 0, 0, err
	}
	list, names, err := s.programs(l)
	if err != nil {
		return 0, 0, err
	}
	shows, cost := make([][]feature, len(list)), make([]int, len(list))
	for at, t := range l.Targets() {
		subject, observer, meter := t.New(), campaign.Observer{}, props.Meter{}
		r := props.Runner{Meter: &meter}
		for i, p := range list {
			if ctx.Err() != nil {
				return len(list), len(list), ctx.Err()
			}
			if before != nil {
				before(0, subject, p)
			}
			meter.Reset()
			cost[i] = len(p.Ops)
			res, err := r.Run(subject, p)
			if err != nil {
				return len(list), len(list), err
			}
			shows[i] = append(shows[i], features(at, &observer, t.Placed, subject.Spec, res, &meter)...)
		}
	}
	chosen := Cover(shows, cost)
	for i, name := range names {
		if _, keep := slices.BinarySearch(chosen, i); !keep {
			if err := os.Remove(s.path("corpus", l.Name, name)); err != nil {
				return len(list), len(list), err
			}
		}
	}
	return len(list), len(chosen), nil
}

// MinimizeAll minimizes the corpus of each language, that of the fewest programs first: which of them takes longer than
// there is time for keeps none of the others waiting. It tells of each when it is done.
func (s *Store) MinimizeAll(ctx context.Context, before func(int, *props.Subject, prog.Program),
	told func(language string, had, left int)) error {
	size := s.counts()
	languages := slices.Clone(fuzz.Languages())
	slices.SortStableFunc(languages, func(a, b fuzz.Language) int { return cmp.Compare(size[a.Name], size[b.Name]) })
	for _, l := range languages {
		had, left, err := s.Minimize(ctx, l, before)
		if err != nil {
			return err
		}
		told(l.Name, had, left)
	}
	return nil
}

// features are what one run showed on the target of that number.
func features(target int, o *campaign.Observer, placed bool, spec *prog.Spec, res props.Result,
	m *props.Meter) (list []feature) {
	for _, b := range o.Behaviours(placed, spec, res.Ops, res.Trace) {
		list = append(list, feature(target)<<32|feature(b))
	}
	for i, name := range m.Names {
		if m.Times[i] > 0 {
			sum := fnv.New32a()
			sum.Write([]byte(name))
			list = append(list, 1<<63|feature(target)<<32|feature(sum.Sum32()))
		}
	}
	return list
}

// counts is how many programs the corpus of each language has.
func (s *Store) counts() map[string]int {
	n := map[string]int{}
	for _, l := range fuzz.Languages() {
		if entries, err := os.ReadDir(s.path("corpus", l.Name)); err == nil && len(entries) > 0 {
			n[l.Name] = len(entries)
		}
	}
	return n
}
