package mutant

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"heapfuzz/fuzz/recorded"
)

// Limits of what a mutant is tried with that random programs did not find. A recording is cut where it is longer; the
// lines together take about a second, and a family more is worth more than a recording more of one family.
const (
	recordingsMax    = 24
	recordingLines   = 40_000
	recordedLinesMax = 400_000
)

// initialMax is how many recordings, of as many families, a mutant is tried with that only the making of tables before
// main reaches: it is everywhere or in one release. Those of up to briefLines are tried besides, all of them.
const (
	initialMax = 48
	briefLines = 500
)

// A reach is what a recording reached while it was watched.
type reach struct {
	recording string // its name
	file      string
	family    recorded.Family
	lines     uint64
	times     []byte // by site: the bits of how often it was reached
	first     []byte // by site: the bits of the number of a line by which it was reached; 0: never
}

// watchRecordings watches all recordings that may reach one of the packages, as watch does targets. Each is a control.
func (b *bench) watchRecordings(ctx context.Context, paths []string) error {
	all, err := recorded.Files(b.Root)
	if err != nil {
		return err
	}
	files := slices.DeleteFunc(all, func(file string) bool {
		return !b.Through(file) || !slices.ContainsFunc(paths, func(p string) bool { return recorded.Drives(file, p) })
	})
	found := make([][]answer, len(files))
	err = b.each(ctx, len(files), func(i, worker int) error {
		j := job{Recordings: []string{files[i]}, Root: b.Root, Watch: true}
		answers, d, err := b.lab.do(ctx, "watch", j, worker)
		if d != nil {
			k := d.kill(nil, j.Recordings)
			answers = append(answers, answer{Phase: phaseWatch, Control: Control{Target: files[i], Rule: k.Rule}})
		}
		found[i] = answers
		return err
	})
	for i, answers := range found {
		for _, a := range answers {
			b.proof.Recordings.count(a.Control)
			b.initial = a.Initial
			if a.Control.Rule == "" {
				name := a.Control.Target
				b.recordings = append(b.recordings, reach{recording: name, file: files[i],
					family: recorded.FamilyOf(name), lines: a.Control.Ops, times: a.Times, first: a.First})
			}
		}
	}
	return err
}

// Replays is what came of replaying recordings without any mutant.
type Replays struct {
	Recordings int
	Lines      uint64
	Broken     []string // those that were answered otherwise: no mutant is tried on them
}

func (r *Replays) count(c Control) {
	r.Recordings++
	r.Lines += c.Ops
	if c.Rule != "" {
		r.Broken = append(r.Broken, c.Target)
	}
}

// replays chooses the recordings that a mutant is tried with: those that reach its place most often, where each that is
// chosen counts another of its family, and another of its program, as half as often. What is reached by the earliest
// line is tried first. It also tells how many reach the place.
func (b *bench) replays(m Mutant) (names []string, reached int) {
	var left []*reach
	for i := range b.recordings {
		if b.recordings[i].times[m.Site] > 0 {
			left = append(left, &b.recordings[i])
		}
	}
	reached = len(left)
	limit := recordingsMax
	if reached == 0 && b.initial != nil && b.initial[m.Site] > 0 {
		limit = initialMax
		for i := range b.recordings {
			if r := &b.recordings[i]; r.lines <= briefLines {
				names = append(names, r.recording)
			} else {
				left = append(left, r)
			}
		}
	}
	var chosen []*reach
	families, files, lines := map[recorded.Family]int{}, map[string]int{}, uint64(0)
	worth := func(r *reach) int { return int(r.times[m.Site]) - families[r.family] - files[r.file] }
	greedily(left, worth, func(r *reach) bool {
		if lines+r.lines <= recordedLinesMax {
			chosen, lines = append(chosen, r), lines+r.lines
			families[r.family]++
			files[r.file]++
		}
		return len(chosen) < limit
	})
	slices.SortStableFunc(chosen, func(r, s *reach) int { return cmp.Compare(r.first[m.Site], s.first[m.Site]) })
	for _, r := range chosen {
		names = append(names, r.recording)
	}
	return names, reached
}

// watchRecordings replays all recordings of its files and tells what each reaches.
func (w *worker) watchRecordings() error {
	initial := times(w.sw.Counts) // what packages do before main
	for _, file := range w.Recordings {
		list, err := recorded.Read(w.Root, file)
		if err != nil {
			return err
		}
		for _, r := range list {
			clear(w.sw.Counts)
			w.sw.Again()
			a := w.watchRecording(r)
			a.Initial = initial
			w.print(a)
		}
	}
	return nil
}

func (w *worker) watchRecording(r *recorded.Recording) answer {
	a := answer{Phase: phaseWatch, First: make([]byte, len(w.sw.Counts))}
	a.Control = Control{Target: r.Name(), Programs: 1}
	look := func(lines int) {
		for site, n := range w.sw.Counts {
			if n > 0 && a.First[site] == 0 {
				a.First[site] = byte(max(1, bits.Len(uint(lines))))
			}
		}
	}
	next := 1
	d := w.hunt.play(r, func(line int) {
		if a.Control.Ops++; line == next {
			look(line)
			w.sw.Again()
			next *= 2
		}
	})
	look(int(a.Control.Ops))
	a.Times = times(w.sw.Counts)
	if d != nil {
		a.Control.Rule = recorded.Answers.Name
	}
	return a
}

func times(counts []uint32) []byte {
	all := make([]byte, len(counts))
	for site, n := range counts {
		all[site] = byte(bits.Len32(n))
	}
	return all
}

// replay replays recordings until one is answered otherwise, or the time is over.
func (h *hunt) replay() Kill {
	for at, name := range h.recordings {
		if h.over() {
			break
		}
		h.next++
		if h.beginOf != nil {
			h.beginOf(at)
		}
		r, err := h.recording(name)
		if err != nil {
			h.trouble = err
			return Kill{}
		}
		d := h.play(r, func(int) { h.ops++ })
		if d != nil {
			h.found = nil
			return Kill{Rule: recorded.Answers.Name, Cause: d.Cause, Property: recorded.Property, Target: name,
				Ops: h.ops, Programs: h.next, Length: -1}
		}
	}
	return Kill{}
}

// play replays a recording, up to the limit of lines.
func (h *hunt) play(r *recorded.Recording, before func(line int)) *recorded.Difference {
	return r.Replay(recorded.Options{Profile: h.as, LinesMax: recordingLines, Before: before})
}

// recording reads one by its name. Those of a file are kept, as most mutants are tried with several.
func (h *hunt) recording(name string) (*recorded.Recording, error) {
	file, _ := recorded.Split(name)
	if h.read[file] == nil {
		list, err := recorded.Read(h.root, file)
		if err != nil {
			return nil, err
		}
		if h.read == nil {
			h.read = map[string][]*recorded.Recording{}
		}
		h.read[file] = list
	}
	for _, r := range h.read[file] {
		if r.Name() == name {
			return r, nil
		}
	}
	return nil, fmt.Errorf("no recording %q", name)
}
