package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Hunt is the campaign of a night on one target, in slices.
type Hunt struct {
	Store       *Store
	Target      fuzz.Target
	Seed        uint64
	Night       int
	Slices      int           // in the night; 0: no limit
	ProgramsMax int           // in the night; 0: no limit
	Duration    time.Duration // 0: no limit
	Programs    int           // in a slice; 0: SliceDefault
	Workers     int           // 0: one

	// Settle makes a finding as short as it goes; nil leaves it as it is. Notes are for the head of its file.
	Settle func(*props.Finding) *props.Finding
	Notes  []string
	Found  string   // the folder of findings; "" is the project's corpus
	Known  []string // files of findings that still break their rules: what shows the same is not written again

	// Before is campaign.Config.Before.
	Before func(worker int, s *props.Subject, p prog.Program)
}

// SliceDefault is the number of programs between two times that the state is written, and epoch that of those between
// which parents are chosen: within a slice, some are bred.
const (
	SliceDefault = 512
	epoch        = 128
	seedsMax     = 64 // programs of the corpus that one slice mutates
)

// Hunted is what the campaign of a target has counted. What is of all nights goes on, what is of one begins anew in
// each.
type Hunted struct {
	Target   string            `json:"target"`
	Language string            `json:"language"`
	Next     int               `json:"next"`     // the slice that comes next, of all nights
	Crashed  int               `json:"crashed"`  // slices that ended with the process, of all nights
	Ever     map[string]uint64 `json:"ever"`     // how often transitions were taken, in all nights
	Findings []string          `json:"findings"` // files of the findings, of all nights, in the order of their names

	Night      int               `json:"night"` // that what follows is of
	Slices     int               `json:"slices"`
	Seeds      []string          `json:"seeds"` // the names in the corpus that slices of the night mutate
	Programs   int               `json:"programs"`
	Bred       int               `json:"bred"`
	Answers    [4]uint64         `json:"answers"`
	Behaviours int               `json:"behaviours"` // the most of one slice
	Seen       map[string]uint64 `json:"seen"`       // how often transitions were taken in the night
	Busy       float64           `json:"busySeconds"`
	Tonight    []string          `json:"tonight"` // files of findings that the night met, known ones among them
	Vacuous    string            `json:"vacuous"` // in what way the last long slice was
}

// Operations is the number of operations that were answered in the night.
func (h *Hunted) Operations() uint64 { return operationsOf(h.Answers) }

// taken returns how many transitions were taken, of how many that have a name.
func taken(times map[string]uint64) (taken, named int) {
	for _, n := range times {
		if n > 0 {
			taken++
		}
	}
	return taken, len(times)
}

// States says how many transitions were taken in the night, and ever.
func (h *Hunted) States() string {
	tonight, _ := taken(h.Seen)
	ever, named := taken(h.Ever)
	return fmt.Sprintf("%d, %d of %d", tonight, ever, named)
}

// OpsSec is how many operations one worker had answered in a second of the night.
func (h *Hunted) OpsSec() float64 {
	if h.Busy == 0 {
		return 0
	}
	return float64(h.Operations()) / h.Busy
}

// hunted is what is known of a target's campaign.
func (s *Store) hunted(target string) (*Hunted, error) {
	h := &Hunted{Target: target, Ever: map[string]uint64{}, Seen: map[string]uint64{}}
	return h, readJSON(s.huntPath(target), h)
}

func (s *Store) huntPath(target string) string {
	sum := fnv.New32a()
	sum.Write([]byte(target)) // canary/a-b and canary-a/b are two
	safe := []byte(target)
	for i, c := range safe {
		if c == '/' {
			safe[i] = '-'
		}
	}
	return s.path("hunt", fmt.Sprintf("%s-%08x.json", safe, sum.Sum32()))
}

// Run does slices until there are enough, the time is over, or the context ends. A slice that the context ends is not
// counted.
func (h *Hunt) Run(ctx context.Context) (*Hunted, error) {
	state, err := h.Store.hunted(h.Target.Name)
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(h.Duration)
	if state.Night != h.Night {
		if err := h.begin(state); err != nil {
			return nil, err
		}
	}
	known, err := h.known(state)
	if err != nil {
		return nil, err
	}
	for (h.Slices == 0 || state.Slices < h.Slices) && (h.ProgramsMax == 0 || state.Programs < h.ProgramsMax) {
		left := time.Until(end)
		if h.Duration > 0 && left <= 0 {
			break
		}
		if h.Duration == 0 {
			left = 0
		}
		if err := h.slice(ctx, state, known, left); err != nil {
			return state, err
		}
		if err := h.Store.writeJSON(h.Store.huntPath(h.Target.Name), state); err != nil {
			return state, err
		}
	}
	return state, nil
}

// known are the files of findings by what they show: those that still do, and those of the night.
func (h *Hunt) known(state *Hunted) (map[string]string, error) {
	known := map[string]string{}
	for _, file := range slices.Concat(state.Tonight, h.Known) {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody has removed it since, and it is new when it is found again
		}
		if err != nil {
			return nil, err
		}
		if shown := key(props.ReproHead(data)); known[shown] == "" {
			known[shown] = file
		}
	}
	return known, nil
}

// begin starts the counts of a night.
func (h *Hunt) begin(state *Hunted) error {
	l := h.Target.Language()
	*state = Hunted{Target: state.Target, Language: l.Name, Next: state.Next, Crashed: state.Crashed, Ever: state.Ever,
		Findings: state.Findings, Night: h.Night, Seen: map[string]uint64{}}
	_, names, err := h.Store.programs(l)
	if err != nil {
		return err
	}
	src := rand.New(rand.NewPCG(h.Seed, uint64(h.Night)))
	src.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	state.Seeds = names[:min(len(names), seedsMax)]
	return h.Store.writeJSON(h.Store.huntPath(h.Target.Name), state)
}

// slice runs one slice and counts it. Every third mutates programs of the corpus, which other engines found as well.
func (h *Hunt) slice(ctx context.Context, state *Hunted, known map[string]string, left time.Duration) error {
	l := h.Target.Language()
	var seeds []prog.Program
	if state.Next%3 == 2 && len(state.Seeds) > 0 {
		var err error
		if seeds, _, err = h.Store.programs(l, state.Seeds...); err != nil {
			return err
		}
	}
	programs := cmp.Or(h.Programs, SliceDefault)
	if h.ProgramsMax > 0 {
		programs = min(programs, h.ProgramsMax-state.Programs)
	}
	var fresh, files []string
	res, err := campaign.Run(ctx, campaign.Config{
		Targets: []campaign.Target{{Name: h.Target.Name, New: h.Target.New, Placed: h.Target.Placed}},
		Seed:    h.Seed + uint64(state.Next)*0x9E3779B97F4A7C15, Programs: programs, Duration: left, Workers: h.Workers,
		KeepGoing: true, Seeds: seeds, Epoch: epoch, Before: h.Before,
		Kept: func(_ string, p prog.Program) error {
			name, err := h.Store.add(l, p)
			fresh = append(fresh, name)
			return err
		},
		Found: func(f *props.Finding) error {
			file, err := h.found(f, known)
			files = append(files, file)
			return err
		},
	})
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	state.count(&res.Verdicts[0], seeds != nil, fresh, files)
	if res.Hung {
		return ErrHung
	}
	return nil
}

// ErrHung says that a target does not return. What is counted is not written: the process is to end, and the slice is
// counted as one that crashed.
var ErrHung = fmt.Errorf("the target does not return")

// found writes a finding, unless one like it is there.
func (h *Hunt) found(f *props.Finding, known map[string]string) (string, error) {
	shown := key(props.ReproOf(f))
	if file := known[shown]; file != "" {
		return file, nil
	}
	s := h.Target.New()
	dir := h.Found
	if dir == "" {
		dir = h.Store.found(h.Target.Subject)
	}
	if h.Settle != nil && f.Violation.Cause != "hang" {
		f = h.Settle(f)
	}
	file, err := props.WriteRepro(dir, s, f, h.Notes...)
	known[shown] = file
	return file, err
}

// count adds a slice that is over. The most seeds are the youngest. One that mutates programs of the corpus is not
// asked for as much, and takes back nothing.
func (h *Hunted) count(v *campaign.Verdict, seeded bool, fresh, files []string) {
	h.Next++
	h.Slices++
	h.Programs += v.Programs
	h.Bred += v.Bred
	h.Busy += v.Busy.Seconds()
	h.Behaviours = max(h.Behaviours, v.Coverage)
	for i, n := range v.Answers {
		h.Answers[i] += n
	}
	if names := v.Meter.Names; len(names) > 0 {
		gone := func(name string, _ uint64) bool { return !slices.Contains(names, name) }
		maps.DeleteFunc(h.Ever, gone) // the target has named its states anew
		maps.DeleteFunc(h.Seen, gone)
	}
	for i, name := range v.Meter.Names {
		h.Ever[name] += v.Meter.Times[i]
		h.Seen[name] += v.Meter.Times[i]
	}
	h.Seeds = append(h.Seeds, fresh...)
	h.Seeds = h.Seeds[max(0, len(h.Seeds)-seedsMax):]
	h.Findings, h.Tonight = include(h.Findings, files...), include(h.Tonight, files...)
	if vacuous := v.Vacuous(); vacuous != nil {
		h.Vacuous = vacuous.Detail
	} else if !seeded && v.Meter.Operations() >= props.VacuousFrom {
		h.Vacuous = ""
	}
}

// include adds names to a list that is in order and has each once.
func include(list []string, names ...string) []string {
	list = append(list, names...)
	slices.Sort(list)
	return slices.Compact(list)
}
