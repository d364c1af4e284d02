package mutant

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"heapfuzz/fuzz"
)

// Options say what Prove does. The zero value tries every mutant of every package.
type Options struct {
	Root     string              // of the module
	Packages []string            // none: all
	Sample   int                 // so many mutants, chosen by Seed; 0: all
	Only     func(Identity) bool // of those chosen, these alone; nil: all
	Through  func(string) bool   // the targets, and files of recordings, that they are tried through; nil: all
	Seed     uint64              // that programs, and a sample, follow from
	Time     time.Duration       // no mutant is begun later, but for those known from before; 0: no limit
	Workers  int                 // processes at a time; 0: one
	Limits   Limits
	Brief    bool                            // minimize no program, and switch no rule off
	Believe  func(Identity) bool             // these are taken for survivors, and not tried; nil: none
	Canaries bool                            // try the canaries, too
	Cache    string                          // the folder of results known from before, where Through is nil; "": none
	Progress func(done, all int, t *Outcome) // called after each mutant, one call at a time; may be nil
}

// Outcome is a mutant and what came of it.
type Outcome struct {
	Mutant
	Trial
	Targets    int  // that reach its place
	Recordings int  // that reach it
	Believed   bool // to survive: it was not tried
}

// Proof is what Prove found out.
type Proof struct {
	Outcomes   []Outcome // in the order of packages, files and lines
	All        int       // mutants that there are, where Outcomes is a sample, or the time was over
	Canaries   []CanaryOutcome
	Controls   []Control
	Recordings Replays
	Untried    []string // packages that no target and no recording reaches
	Seed       uint64
	Limits     Limits
	Time       time.Duration // that Options said
	Brief      bool          // no program was minimized, and no rule switched off
}

// Control is a target that was driven without any mutant.
type Control struct {
	Target   string
	Programs int
	Ops      uint64
	Rule     string // that it broke all the same; "" as it should be. No mutant is tried on such a target
}

// watchOps is what each target is driven with to learn which places it reaches, and that it breaks no rule itself.
const watchOps = 100_000

// Prove builds one program of all mutants and tries each in a process of its own.
func Prove(ctx context.Context, o Options) (*Proof, error) {
	paths, ok := Scope(o.Packages)
	if !ok {
		return nil, fmt.Errorf("packages that are mutated: %v", Packages)
	}
	begun := time.Now()
	o.Limits = o.Limits.filled()
	if o.Through == nil {
		o.Through = func(string) bool { return true }
	} else {
		o.Cache = ""
	}
	dir, err := os.MkdirTemp("", "heapfuzz-mutants")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	schema, err := schemaOf(o.Root, paths)
	if err != nil {
		return nil, err
	}
	program, err := schema.Build(ctx, o.Root, dir)
	if err != nil {
		return nil, err
	}
	b := &bench{Options: o, lab: lab{program, dir, o.Limits, o.Brief}, begun: begun}
	b.proof = &Proof{Seed: o.Seed, Limits: o.Limits, Time: o.Time, Brief: o.Brief}
	if err := errors.Join(b.watch(ctx), b.watchRecordings(ctx, paths)); err != nil {
		return nil, err
	}
	if b.cache, err = openCache(o, paths); err != nil {
		return nil, err
	}
	chosen := sample(b.within(schema.Mutants), o.Sample, o.Seed)
	if o.Only != nil {
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(m Mutant) bool { return !o.Only(m.Identity) })
	}
	if o.Time > 0 { // what is tried until then is a sample
		chosen = shuffled(chosen, o.Seed)
	}
	b.proof.Outcomes = make([]Outcome, len(chosen))
	err = b.each(ctx, len(chosen), func(i, worker int) error { return b.mutant(ctx, chosen[i], i, worker) })
	b.proof.Outcomes = slices.DeleteFunc(b.proof.Outcomes, func(t Outcome) bool { return t.ID == 0 })
	slices.SortFunc(b.proof.Outcomes, func(s, t Outcome) int { return cmp.Compare(s.ID, t.ID) })
	if err == nil && o.Canaries {
		err = b.canaries(ctx)
	}
	return b.proof, errors.Join(err, b.cache.close())
}

// schemaOf is the schema of packages.
func schemaOf(root string, paths []string) (*Schema, error) {
	sources, err := Load(root, paths)
	if err != nil {
		return nil, err
	}
	s := &Schema{}
	for _, p := range paths {
		for _, src := range sources {
			if src.Path == p {
				s.Add(src, left)
			}
		}
	}
	return s, nil
}

// sample chooses n mutants by their identities, so that a mutant more in the source changes little; 0 chooses all.
func sample(all []Mutant, n int, seed uint64) []Mutant {
	if n <= 0 || n >= len(all) {
		return all
	}
	chosen := shuffled(all, seed)[:n]
	slices.SortFunc(chosen, func(a, b Mutant) int { return cmp.Compare(a.ID, b.ID) })
	return chosen
}

// shuffled puts mutants into an order that follows from the seed and their identities.
func shuffled(all []Mutant, seed uint64) []Mutant {
	type ranked struct {
		rank [sha256.Size]byte
		Mutant
	}
	order := make([]ranked, len(all))
	for i, m := range all {
		order[i] = ranked{sha256.Sum256(fmt.Appendf(nil, "%d %v", seed, m.Identity)), m}
	}
	slices.SortFunc(order, func(a, b ranked) int { return bytes.Compare(a.rank[:], b.rank[:]) })
	list := make([]Mutant, len(all))
	for i := range order {
		list[i] = order[i].Mutant
	}
	return list
}

// bench is a Prove under way.
type bench struct {
	Options
	lab   lab
	begun time.Time
	proof *Proof
	cache *cache
	reach [][]uint32       // by target of proof.Controls and site
	of    map[string][]int // by package: the targets that reach anything of it

	subjects []string // by target

	recordings []reach
	initial    []byte     // by site: reached before main
	mutex      sync.Mutex // of what follows, and of Progress
	done       int
}

// each calls f for 0 to n-1 from the workers, and waits for them. The first error ends it.
func (b *bench) each(ctx context.Context, n int, f func(i, worker int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan int)
	failed := make(chan error, max(1, b.Workers))
	for worker := range max(1, b.Workers) {
		go func() {
			var err error
			for i := range jobs {
				if err == nil && ctx.Err() == nil {
					if err = f(i, worker); err != nil {
						cancel()
					}
				}
			}
			failed <- err
		}()
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	var first error
	for range max(1, b.Workers) {
		if err := <-failed; first == nil || errors.Is(first, context.Canceled) && err != nil {
			first = err
		}
	}
	return first
}

// watch drives every target with all places watched and none changed: which places does it reach, and does it conform
// while nothing is wrong?
func (b *bench) watch(ctx context.Context) error {
	targets := slices.DeleteFunc(fuzz.Targets(), func(t fuzz.Target) bool { return !b.Through(t.Name) })
	b.reach, b.proof.Controls = make([][]uint32, len(targets)), make([]Control, len(targets))
	for _, t := range targets {
		b.subjects = append(b.subjects, t.Subject)
	}
	return b.each(ctx, len(targets), func(i, worker int) error {
		answers, d, err := b.lab.do(ctx, "watch", job{Targets: []string{targets[i].Name}, Seed: b.Seed, Watch: true,
			Budget: min(watchOps, b.Limits.Ops)}, worker)
		if err != nil {
			return err
		}
		c := &b.proof.Controls[i]
		switch {
		case d != nil:
			k := d.kill([]string{targets[i].Name}, nil)
			*c = Control{targets[i].Name, k.Programs, k.Ops, k.Rule}
		case len(answers) != 1 || answers[0].Phase != phaseWatch:
			return fmt.Errorf("a worker that is to watch %s says %v", targets[i].Name, answers)
		default:
			b.reach[i], *c = answers[0].Counts, answers[0].Control
		}
		if c.Rule != "" {
			b.reach[i] = nil
		}
		return nil
	})
}

// within leaves out the mutants of packages of which no target reaches anything: nothing is to be learnt from them but
// that.
func (b *bench) within(all []Mutant) (list []Mutant) {
	reached, sites := map[string]bool{}, map[string][]int{}
	for _, m := range all {
		sites[m.Package] = append(sites[m.Package], m.Site)
		reached[m.Package] = reached[m.Package] || b.reached(m.Site)
	}
	b.of = map[string][]int{}
	for name, list := range sites {
		for i, counts := range b.reach { // nil is that of a control that is broken
			if counts != nil && slices.ContainsFunc(list, func(site int) bool { return counts[site] > 0 }) {
				b.of[name] = append(b.of[name], i)
			}
		}
	}
	for _, m := range all {
		if reached[m.Package] {
			list = append(list, m)
		} else if !slices.Contains(b.proof.Untried, m.Package) {
			b.proof.Untried = append(b.proof.Untried, m.Package)
		}
	}
	b.proof.All = len(list)
	return list
}

// reached tells whether a target or a recording reaches a site.
func (b *bench) reached(site int) bool {
	return slices.ContainsFunc(b.reach, func(counts []uint32) bool { return counts != nil && counts[site] > 0 }) ||
		slices.ContainsFunc(b.recordings, func(r reach) bool { return r.times[site] > 0 })
}

// targetsMax is the number of targets that a mutant is tried on in turn: those that reach its place most often, where
// each further one of a subject, and of a release, counts half as much. It is large enough for every profile of
// pymalloc, since a defect may show in one of them only.
const targetsMax = 16

// othersMin is how many more a mutant is tried on where nearly as many, or more, are of its package's kind.
const othersMin = 4

// targets are those that a mutant is tried on, and the number of those that reach it. One that is not reached is tried
// on all that reach anything of its package. All that are of the package's kind come first: what is built on it reaches
// it more often, and judges it less.
func (b *bench) targets(m Mutant) (names []string, reach int) {
	order, weights := slices.Clone(b.of[m.Package]), make([]uint64, len(b.reach))
	own := 0
	for _, i := range order {
		if n := b.reach[i][m.Site]; n > 0 {
			reach++
			weights[i] = uint64(n)
			switch {
			case allocates(m.Package):
				if b.subjects[i] == "heap" {
					weights[i] |= 1 << 32
				}
			case b.kind(i) == path.Base(m.Package):
				weights[i] |= 1 << 48 // with as many alike it is still worth more than another
				own++
			}
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(weights[j], weights[i]) })
	most := len(order)
	if reach > 0 {
		most, order = min(reach, max(targetsMax, own+othersMin)), order[:reach]
	}
	alike := map[string]int{}
	greedily(order, func(i int) int {
		return bits.Len64(weights[i]) - alike[b.subjects[i]] - alike[b.release(i)]
	}, func(i int) bool {
		names = append(names, b.proof.Controls[i].Target)
		alike[b.subjects[i]]++
		alike[b.release(i)]++
		return len(names) < most
	})
	return names, reach
}

// greedily takes what is worth most by then, the first of equals, until nothing is left or take says that it is enough.
func greedily[T any](left []T, worth func(T) int, take func(T) (more bool)) {
	for more := true; more && len(left) > 0; {
		best := 0
		for k := range left {
			if worth(left[k]) > worth(left[best]) {
				best = k
			}
		}
		more = take(left[best])
		left = slices.Delete(left, best, best+1)
	}
}

// release is what the name of a target ends in.
func (b *bench) release(i int) string {
	name := b.proof.Controls[i].Target
	return name[strings.LastIndexByte(name, '-')+1:]
}

// kind is what the name of a target begins with: dict-mixed-3.12 is one of impl/dict.
func (b *bench) kind(i int) string {
	kind, _, _ := strings.Cut(b.proof.Controls[i].Target, "-")
	return kind
}

func (b *bench) mutant(ctx context.Context, m Mutant, i, worker int) error {
	t, known := b.cache.get(m.Identity)
	if !known && b.Time > 0 && time.Since(b.begun) > b.Time {
		return nil
	}
	o := &b.proof.Outcomes[i]
	o.Mutant = m
	if b.Believe != nil && b.Believe(m.Identity) {
		o.Believed, o.Reached = true, b.reached(m.Site)
		b.tell(o)
		return nil
	}
	j := job{Seed: b.Seed, Root: b.Root}
	j.Targets, o.Targets = b.targets(m)
	j.Recordings, o.Recordings = b.replays(m)
	if !known {
		var err error
		if t, err = b.lab.hunt(ctx, fmt.Sprintf("%d %d", m.Site, m.Variant), j, worker); err != nil {
			return err
		}
	}
	o.Trial = t
	b.tell(o)
	if known {
		return nil
	}
	return b.cache.put(m.Identity, t)
}

// tell says what came of a mutant.
func (b *bench) tell(o *Outcome) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.done++
	if b.Progress != nil {
		b.Progress(b.done, len(b.proof.Outcomes), o)
	}
}
