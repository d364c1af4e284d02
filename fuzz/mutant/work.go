package mutant

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/campaign"
	"heapfuzz/model"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// Switch is what the generated program knows of its mutants.
type Switch struct {
	Counts  []uint32 // how often each site was reached, while all are watched, up to some times since Again
	Again   func()   // called while all are watched, now and then
	Reached *bool    // whether the active mutant was
}

// job is what a worker is asked to do, as its only argument.
type job struct {
	Targets    []string
	Seed       uint64
	Budget     uint64   // operations
	Off        string   // the rule that is switched off from the start
	Property   string   // that alone is tried; "": all in turn
	Watch      bool     // count how often each target reaches each site, and nothing else
	Recordings []string // replayed if no program finds anything; of files, where they are watched
	Root       string   // of the module, where recordings are
	As         string   // the profile that is to answer recordings; "": their own

	Shrink   bool   // minimize what is found
	Subtract bool   // go on with the rule that killed switched off
	Rounds   bool   // hunt in rounds
	Progress string // the file that tells how far it came, should it die

	HangMS   int64 // of CPU time that one program may take
	MemoryMB int64 // that may be resident
	CPU      int64 // seconds that a hunt may take
}

// answer is a line of what a worker prints.
type answer struct {
	Phase   int
	Kill    Kill
	Reached bool     // the mutant's site was
	Counts  []uint32 // by site
	Control Control

	Times, First, Initial []byte // of a recording, by site: see reach; and what was reached before main
	Late                  bool   // the time of the hunt was over before all was tried
}

// The phases of a worker.
const (
	phaseHunt = iota
	phaseShrink
	phaseSubtract
	phaseWatch
)

// phases is how many a worker may go through.
const phases = 3

// mutantVariable is the environment variable that says which mutant is active, to package mu.
const mutantVariable = "HEAPFUZZ_MUTANT"

// What a worker leaves with when it ends itself.
const (
	exitHang   = 3
	exitMemory = 4
)

// subtractShare is the part of the operations that the hunt without a rule has.
const subtractShare = 10

// progressBytes is the size of the file that tells how far a worker came: words for the operations answered before the
// program under way, the programs begun, the number of the target or the recording, the phase, and the stage of the
// hunt.
const progressBytes = 5 * 8

// Work is the whole of a worker: it does one job and prints its answers.
func Work(sw Switch) {
	if err := work(sw); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(2)
	}
}

type worker struct {
	job
	sw       Switch
	progress []byte
	phase    atomic.Int32
	hunt     hunt
	first    atomic.Int64 // nanoseconds of CPU time when the phase began
	begun    atomic.Int64 // and when the program under way did
}

func work(sw Switch) error {
	w := &worker{sw: sw, progress: make([]byte, progressBytes)}
	if len(os.Args) != 2 {
		return fmt.Errorf("one argument is wanted, a job")
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &w.job); err != nil {
		return err
	}
	if w.Progress != "" {
		f, err := os.OpenFile(w.Progress, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if w.progress, err = unix.Mmap(int(f.Fd()), 0, progressBytes, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_SHARED); err != nil {
			return err
		}
	}
	limit := unix.Rlimit{Cur: phases * uint64(w.CPU+10), Max: phases * uint64(w.CPU+10)}
	if err := unix.Setrlimit(unix.RLIMIT_CPU, &limit); err != nil {
		return err
	}
	w.begun.Store(int64(campaign.CPUTime()))
	go w.guard() // until the process ends
	for _, name := range w.Targets {
		s, err := subject(name)
		if err != nil && os.Getenv(mutantVariable) != "" { // a mutant of what tables of targets are made from
			k := Kill{Rule: openRule, Cause: "missing", Property: props.Conforms.Name, Target: name}
			w.print(answer{Kill: k, Reached: true})
			return nil
		}
		if err != nil {
			return err
		}
		w.hunt.subjects = append(w.hunt.subjects, s)
	}
	w.hunt.seed, w.hunt.budget, w.hunt.off, w.hunt.only = w.Seed, w.Budget, w.Off, w.Property
	w.hunt.rounds, w.hunt.recordings, w.hunt.root, w.hunt.as = w.Rounds, w.Recordings, w.Root, w.As
	w.hunt.beginOf = func(at int) {
		w.note(2, uint64(at))
		w.note(1, uint64(w.hunt.next))
		w.note(0, w.hunt.ops)
		w.begun.Store(int64(campaign.CPUTime()))
	}
	w.hunt.clock, w.hunt.limit = campaign.CPUTime, time.Duration(w.CPU)*time.Second
	w.hunt.entering = func(s stage) { w.note(4, uint64(s)) }
	w.hunt.runner.After = func(props.Target, int, prog.Op) *model.Violation {
		w.hunt.ops++
		return nil
	}
	if w.Watch && len(w.Recordings) > 0 {
		return w.watchRecordings()
	}
	if w.Watch {
		return w.watch()
	}
	return w.kill()
}

// more are targets beyond the table: those of our own tests.
var more = map[string]func() *props.Subject{}

func subject(name string) (*props.Subject, error) {
	if open := more[name]; open != nil {
		return open(), nil
	}
	t, err := fuzz.Lookup(name)
	if err != nil {
		return nil, err
	}
	return t.New(), nil
}

func (w *worker) note(word int, n uint64) { binary.NativeEndian.PutUint64(w.progress[8*word:], n) }

func (w *worker) enter(phase int) {
	w.note(3, uint64(phase))
	w.note(4, 0)
	w.phase.Store(int32(phase))
	now := int64(campaign.CPUTime())
	w.first.Store(now)
	w.begun.Store(now)
}

func (w *worker) print(a answer) {
	text, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(text, '\n'))
}

// kill hunts, minimizes what it found, and hunts on without the rule that found it.
func (w *worker) kill() error {
	k := w.hunt.run()
	w.print(answer{Phase: phaseHunt, Kill: k, Reached: *w.sw.Reached, Late: w.hunt.wasLate()})
	if k.Rule == "" {
		return w.hunt.trouble
	}
	if w.Shrink {
		w.enter(phaseShrink)
		if f := w.hunt.found; f != nil {
			k.Length = f.shrink()
		}
		w.print(answer{Phase: phaseShrink, Kill: k})
	}
	if w.Subtract {
		w.enter(phaseSubtract)
		w.hunt.ops, w.hunt.next, w.hunt.off = 0, 0, k.Rule
		w.hunt.budget = w.Budget / subtractShare
		k := w.hunt.run()
		w.print(answer{Phase: phaseSubtract, Kill: k, Late: w.hunt.wasLate()})
	}
	return nil
}

// watch drives the target for the budget and counts what it reaches.
func (w *worker) watch() error {
	name := w.hunt.subjects[0].Target
	clear(w.sw.Counts) // of what packages do before main
	begin := w.hunt.beginOf
	w.hunt.beginOf = func(at int) {
		begin(at)
		w.sw.Again()
	}
	k := w.hunt.run()
	w.print(answer{Phase: phaseWatch, Counts: w.sw.Counts, Control: Control{name, w.hunt.next, w.hunt.ops, k.Rule}})
	return nil
}

// guard ends the process when a program takes too long or too much memory. Too long is the limit longer than all
// programs before it together: what hangs does so early, and a long program behind many is no hang on a busy machine.
func (w *worker) guard() {
	for range time.Tick(20 * time.Millisecond) {
		begun := w.begun.Load()
		limit := time.Duration(w.HangMS)*time.Millisecond + time.Duration(begun-w.first.Load())
		if w.phase.Load() == phaseShrink {
			limit *= 10
		}
		switch {
		case campaign.CPUTime()-time.Duration(begun) > limit:
			os.Exit(exitHang)
		case resident() > w.MemoryMB<<20:
			os.Exit(exitMemory)
		}
	}
}

// resident is the number of bytes of memory that this process has now; 0 where the system does not tell.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
